"""What the pages in the portal say, in the language that the portal names."""

from __future__ import annotations

from collections.abc import Mapping

_RU = {
    "installed": "Приложение установлено",
    "installed_text": "Дозвон подключён к порталу {domain}. Сейчас откроется страница приложения.",
    "finish": "Завершить установку",
    "finish_text": "Если страница не сменилась сама, обновите вкладку портала.",
    "state": "Состояние",
    "active": "Работает",
    "paused": "Приостановлено",
    "needs_reconnect": "Нужна переустановка",
    "waiting": "Ожидает установки",
    "portal": "Портал",
    "last_event": "Последнее событие",
    "last_written": "Последняя запись в CRM",
    "never": "ещё не было",
    "pbx": "Телефония",
    "no_pbx": "Ни одна АТС ещё не подключена. Откройте Дозвон и добавьте её: без АТС звонков не будет.",
    "employees": "Сотрудники",
    "employees_text": "Кого Дозвон знает по внутреннему номеру. Номер задаётся в профиле сотрудника на портале.",
    "no_employees": "Список сотрудников ещё читается. Откройте страницу через минуту.",
    "employee": "Сотрудник",
    "extension": "Внутренний номер",
    "no_extension": "нет номера",
    "gaps": "Без внутреннего номера: {number}. Их звонки попадут к сотруднику по умолчанию.",
    "lines": "Номера компании",
    "open": "Открыть Дозвон",
    "open_text": "Откроется в новой вкладке. Вход действует десять минут после открытия этой страницы.",
    "events_off": "Портал ещё не считает установку завершённой: событий не будет, пока её не завершит администратор.",
    "ask_admin": "Настройки доступны администратору портала.",
    "refused": "Не получилось открыть приложение",
    "again": "Откройте приложение на портале ещё раз.",
    "later": "Портал или сервер авторизации сейчас не отвечает. Повторите через минуту.",
    "outside": "Эта страница открывается внутри портала Битрикс24",
    "outside_text": "Откройте портал и выберите приложение «Дозвон» в меню.",
    "only_admin": "Установить приложение может только администратор портала.",
    "connect": "Подключить портал Битрикс24",
    "connect_text": "Введите адрес портала. Битрикс24 спросит, разрешаете ли вы приложению доступ; "
    "приложение должно быть уже установлено на портале.",
    "connect_button": "Перейти на портал",
    "address": "Адрес портала",
    "wrong_portal": "Это не адрес портала. Он выглядит так: acme.bitrix24.ru.",
    "no_application": "Хаб не знает ни одного приложения Битрикс24. "
    "Введите client_id и client_secret в подключение или в настройки хаба.",
    "connections": "Подключения",
    "ticket": "Этот вход уже использован или устарел",
}
_EN = {
    "installed": "The application is installed",
    "installed_text": "Dozvon is connected to the portal {domain}. The application's page opens in a moment.",
    "finish": "Finish the installation",
    "finish_text": "If the page does not change by itself, reload the portal's tab.",
    "state": "State",
    "active": "Working",
    "paused": "Paused",
    "needs_reconnect": "Has to be installed again",
    "waiting": "Waits for the installation",
    "portal": "Portal",
    "last_event": "Last event",
    "last_written": "Last written to the CRM",
    "never": "none yet",
    "pbx": "Telephony",
    "no_pbx": "No PBX is connected yet. Open Dozvon and add one: without a PBX there will be no calls.",
    "employees": "Employees",
    "employees_text": "Whom Dozvon knows by an extension. It is set in the employee's profile on the portal.",
    "no_employees": "The list of employees is still being read. Open this page again in a minute.",
    "employee": "Employee",
    "extension": "Extension",
    "no_extension": "no extension",
    "gaps": "Without an extension: {number}. Their calls go to the default employee.",
    "lines": "The firm's numbers",
    "open": "Open Dozvon",
    "open_text": "Opens in a new tab. The way in is good for ten minutes after this page was opened.",
    "events_off": "The portal does not take the installation for finished yet: an administrator has to finish it.",
    "ask_admin": "Settings are for the portal's administrator.",
    "refused": "The application could not be opened",
    "again": "Open the application in the portal again.",
    "later": "The portal or its authorization server does not answer now. Try again in a minute.",
    "outside": "This page opens inside a Bitrix24 portal",
    "outside_text": "Open the portal and choose the application “Dozvon” in its menu.",
    "only_admin": "Only an administrator of the portal can install the application.",
    "connect": "Connect a Bitrix24 portal",
    "connect_text": "Enter the portal's address. Bitrix24 asks whether the application may have access; "
    "it has to be installed on the portal already.",
    "connect_button": "Go to the portal",
    "address": "Address of the portal",
    "wrong_portal": "This is no address of a portal. It looks like acme.bitrix24.ru.",
    "no_application": "The hub knows no Bitrix24 application. "
    "Enter client_id and client_secret in a connection or in the hub's settings.",
    "connections": "Connections",
    "ticket": "This way in was used already, or is too old",
}
LANGUAGES: Mapping[str, Mapping[str, str]] = {"ru": _RU, "en": _EN}
_RUSSIAN_SPEAKING = frozenset({"ru", "by", "kz", "ua"})


def language_of(code: str) -> str:
    """ "ru" or "en" for what the portal calls a language; English where nobody spoke of one we know."""
    return "ru" if code.lower()[:2] in _RUSSIAN_SPEAKING else "en"
