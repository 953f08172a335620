"""What the pages say, in the language of the person."""

from __future__ import annotations

from collections.abc import Mapping

from hub.web.i18n import locale_of_request

_RU = {
    "title": "Подключить amoCRM",
    "connections": "Подключения",
    "connected": "Аккаунт amoCRM подключён",
    "log_in": "Войти в аккаунт",
    "known": "Уже настроены",
    "known_text": "Вход заново нужен, когда доступ отозван или права сменились.",
    "market": "Наша интеграция из amoМаркета",
    "market_text": "Введите адрес аккаунта и разрешите доступ. Нажать должен администратор аккаунта.",
    "button_title": "Кнопкой",
    "button_text": "amoCRM создаст интеграцию в вашем аккаунте и спросит, разрешаете ли вы доступ. "
    "Нажать должен администратор аккаунта.",
    "button": "Подключить amoCRM",
    "other_site": "У меня Kommo",
    "private": "Приватная интеграция",
    "private_text": "Создайте интеграцию в amoМаркете и укажите в ней адрес перенаправления ниже, символ в символ. "
    "Затем введите её ключи.",
    "redirect": "Адрес перенаправления",
    "account": "Адрес аккаунта",
    "client_id": "ID интеграции",
    "client_secret": "Секретный ключ",
    "begin": "Перейти в amoCRM",
    "wrong_account": "Это не адрес аккаунта. Он выглядит так: acme.amocrm.ru.",
    "wrong_keys": "Проверьте ID и секретный ключ: они должны быть такими, как в интеграции.",
    "unknown": "Подключения с таким именем и ключами интеграции нет.",
    "again": "Вход нужно начать заново",
    "again_text": "Он действует десять минут, один раз и в том же браузере.",
    "denied": "Доступ не разрешён",
    "denied_text": "В amoCRM нажали «Отказать». Ничего не изменилось; начните заново, когда решите разрешить.",
    "refused": "Подключить не получилось",
    "refused_text": "Ничего не изменилось.",
    "later": "amoCRM сейчас не отвечает",
    "later_text": "Ничего не изменилось. Начните заново через минуту.",
    "restart": "Начать заново",
    "claim": "Взять аккаунт к себе",
    "claim_text": "Звонки этой компании будут записываться в аккаунт {account}. Убедитесь, что он ваш.",
    "claim_button": "Это наш аккаунт",
}
_EN = {
    "title": "Connect amoCRM",
    "connections": "Connections",
    "connected": "The amoCRM account is connected",
    "log_in": "Log in to the account",
    "known": "Set up already",
    "known_text": "Log in again when the access was withdrawn or the rights have changed.",
    "market": "Our integration from the marketplace",
    "market_text": "Enter the account's address and allow the access. An administrator of the account must do it.",
    "button_title": "With the button",
    "button_text": "amoCRM makes an integration in your account and asks whether you allow the access. "
    "An administrator of the account must press it.",
    "button": "Connect amoCRM",
    "other_site": "I use Kommo",
    "private": "Private integration",
    "private_text": "Create an integration in the marketplace and give it the redirect address below, character by "
    "character. Then enter its keys.",
    "redirect": "Redirect address",
    "account": "Address of the account",
    "client_id": "Integration ID",
    "client_secret": "Secret key",
    "begin": "Go to amoCRM",
    "wrong_account": "This is no address of an account. It looks like acme.amocrm.ru.",
    "wrong_keys": "Check the ID and the secret key: they must be as in the integration.",
    "unknown": "There is no connection of that name with an integration's keys.",
    "again": "Please begin again",
    "again_text": "A log-in is good for ten minutes, once, and in the same browser.",
    "denied": "The access was not allowed",
    "denied_text": "Somebody pressed “Deny” in amoCRM. Nothing has changed; begin again when you wish to allow it.",
    "refused": "The account could not be connected",
    "refused_text": "Nothing has changed.",
    "later": "amoCRM does not answer now",
    "later_text": "Nothing has changed. Begin again in a minute.",
    "restart": "Begin again",
    "claim": "Take the account",
    "claim_text": "This company's calls will be written to the account {account}. Make sure that it is yours.",
    "claim_button": "It is our account",
}
LANGUAGES: Mapping[str, Mapping[str, str]] = {"ru": _RU, "en": _EN}


def words() -> Mapping[str, str]:
    """The sentences in the language of this request."""
    return LANGUAGES[locale_of_request()]
