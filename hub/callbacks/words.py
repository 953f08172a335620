"""What visitors, and people who read a request's story, are told: Russian and English."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from hub.domain.retelling import Sentences

LOCALES = ("ru", "en")

WORDS: dict[str, tuple[str, str]] = {
    # What a page may show
    "at_once": ("Перезвоним прямо сейчас.", "We are calling you back now."),
    "later": ("Перезвоним {moment}.", "We will call you back {moment}."),
    "already": ("Вы уже заказали звонок на этот номер.", "A call to this number has been ordered already."),
    "state_requested": ("Ищем свободного сотрудника…", "Looking for somebody who is free…"),
    "state_scheduled": ("Перезвоним {moment}.", "We will call you back {moment}."),
    "state_ringing_operator": ("Соединяем с сотрудником…", "Calling our colleague…"),
    "state_ringing_client": ("Звоним вам…", "Calling you…"),
    "state_talking": ("Идёт разговор.", "You are talking."),
    "state_done": ("Разговор состоялся.", "The call was made."),
    "state_failed": ("Дозвониться не получилось. Мы свяжемся с вами.", "We did not get through. We will be in touch."),
    "state_cancelled": ("Звонок отменён.", "The call was cancelled."),
    "on_day": ("{day} в {clock}", "on {day} at {clock}"),
    "today_at": ("сегодня в {clock}", "today at {clock}"),
    "tomorrow_at": ("завтра в {clock}", "tomorrow at {clock}"),
    # The form on the page
    "form_title": ("Перезвоните мне", "Call me back"),
    "form_phone": ("Телефон", "Phone"),
    "form_name": ("Имя", "Name"),
    "form_when": ("Когда (пусто: сейчас)", "When (empty: now)"),
    "form_agree": (
        "Согласен на обработку персональных данных",
        "I consent to the processing of my personal data",
    ),
    "form_close": ("Закрыть", "Close"),
    "form_failed": ("Не получилось. Попробуйте позже.", "It did not work. Try again later."),
    # Refusals
    "not_a_number": (
        "Это не номер телефона. Напишите его цифрами, например +7 900 123-45-67.",
        "This is no telephone number. Write it in digits, like +7 900 123-45-67.",
    ),
    "short_number": ("Номер слишком короткий. Напишите его полностью.", "The number is too short. Write all of it."),
    "extension": (
        "Добавочный номер мы набрать не сможем. Напишите прямой номер.",
        "We cannot dial an extension. Write a direct number.",
    ),
    "invalid_number": ("Такого номера нет. Проверьте цифры.", "There is no such number. Check the digits."),
    "premium_number": ("На платные номера мы не звоним.", "We do not call paid numbers."),
    "satellite_number": ("На спутниковые номера мы не звоним.", "We do not call satellite numbers."),
    "service_number": (
        "На служебные номера мы не звоним. Напишите свой номер.",
        "We do not call service numbers. Write a number of your own.",
    ),
    "country_not_allowed": ("В эту страну мы не звоним.", "We do not call this country."),
    "own_number": ("Это наш собственный номер. Напишите свой.", "This is a number of our own. Write yours."),
    "blocked": ("На этот номер заказать звонок нельзя.", "A call to this number cannot be ordered."),
    "when_past": ("Это время уже прошло. Выберите другое.", "That time has passed. Choose another one."),
    "when_too_far": ("Выберите время в ближайшие 30 дней.", "Choose a time within 30 days."),
    "no_such_site": ("Такого сайта нет.", "There is no such site."),
    "zone": ("Такого часового пояса нет.", "There is no such time zone."),
    "no_hours": ("В ближайший год рабочих часов нет.", "There are no working hours within a year."),
    "too_soon": (
        "Форма пришла быстрее, чем её можно заполнить. Нажмите кнопку ещё раз.",
        "The form came sooner than it can be filled in. Press the button once more.",
    ),
    "over_budget": (
        "Слишком много заявок. Попробуйте позже или позвоните нам сами.",
        "Too many requests. Try later, or call us yourself.",
    ),
    "daily_cap": (
        "На сегодня обратные звонки закончились. Попробуйте завтра или позвоните нам сами.",
        "No more calls back today. Try tomorrow, or call us yourself.",
    ),
    "stopped": (
        "Обратные звонки сейчас выключены. Позвоните нам сами.",
        "Calls back are switched off now. Call us yourself.",
    ),
    "conflict": (
        "Под этим ключом Idempotency-Key пришла другая заявка.",
        "Another request was sent under this Idempotency-Key.",
    ),
    # The story
    "story_taken": ("Заявка принята.", "The request was taken."),
    "story_deferred": ("Отложена: звонок {moment}.", "Put off: the call is {moment}."),
    "story_rings": ("Звоним сотруднику: {who}.", "Ringing {who}."),
    "story_rings_group": ("Звоним группе {who}.", "Ringing group {who}."),
    "story_rings_client": ("Сотрудник ответил, звоним клиенту.", "The operator picked up; ringing the client."),
    "story_client_first": ("Сначала звоним клиенту.", "Ringing the client first."),
    "story_talks": ("Разговор начался.", "They are talking."),
    "story_done": ("Разговор состоялся.", "The call was made."),
    "story_operator_missed": ("{who}: не ответил.", "{who} did not pick up."),
    "story_refused": ("АТС отказала: {words}", "The PBX refused: {words}"),
    "story_failed_here": (
        "Команда не ушла: ошибка в самом хабе, никому не звонили.",
        "The command was not sent: the hub itself failed, and nobody was rung.",
    ),
    "story_silent": (
        "АТС не сообщила о звонке и его нет в её истории.",
        "The PBX told nothing of the call, and its history has none.",
    ),
    "story_found": ("Звонок найден в истории АТС.", "The call was found in the PBX's history."),
    "story_round_over": ("Никто не ответил, ещё раз {moment}.", "Nobody picked up; again {moment}."),
    "story_client_missed": ("Клиент не ответил, ещё раз {moment}.", "The client did not pick up; again {moment}."),
    "story_failed": ("Не вышло: {reason}.", "Failed: {reason}."),
    "story_rang_in": ("Клиент дозвонился сам.", "The client rang in and was answered."),
    "story_waits_for_caller": ("Клиент сейчас звонит сам: ждём.", "The client is ringing in: waiting."),
    "story_cancelled": ("Отменена: {who}.", "Cancelled by {who}."),
    "story_waits_for_pbx": (
        "АТС пока не отвечает на вопросы: ждём.",
        "The PBX answers no questions just now: waiting.",
    ),
    "story_stopped": ("Обратные звонки выключены: ждём.", "Calls back are switched off: waiting."),
    "story_cap": ("Дневной предел расходов: ждём до завтра.", "The day's cost cap: waiting until tomorrow."),
    "failed_no_operator": ("никто из сотрудников не ответил", "nobody of ours picked up"),
    "failed_no_answer": ("клиент не ответил", "the client did not pick up"),
    "failed_busy": ("у клиента занято", "the client's line was busy"),
    "failed_wrong_number": ("такого номера нет", "there is no such number"),
    "failed_no_pbx": ("нет подключённой АТС, которая умеет звонить", "no connected PBX can place calls"),
    "failed_no_hours": ("нет рабочих часов", "there are no working hours"),
    "failed_refused": ("звонить на этот номер нельзя", "this number must not be called"),
    "failed_no_money": ("на счёте АТС нет денег", "the PBX's account is out of money"),
    "alarm_destination": (
        "За час просили перезвонить на необычно много разных номеров: {where}. Если это не ваша реклама, остановите.",
        "Calls to unusually many numbers were asked for in an hour: {where}. Unless it is your campaign, stop them.",
    ),
    "alarm_day_cap": (
        "Дневной предел расходов на обратные звонки исчерпан: новых звонков не будет до завтра.",
        "The day's cost cap of callbacks is used up: nobody more is called back until tomorrow.",
    ),
    "not_sent": ("команда не ушла", "the command was not sent"),
}


def say(locale: str, key: str, **values: object) -> str:
    """The words of `key` with `values`; English for a language that is not known."""
    return WORDS[key][0 if locale == "ru" else 1].format(**values)


_TOLD = Sentences(
    {key: said for key, said in WORDS.items() if key.startswith(("story_", "failed_", "alarm_", "not_sent"))}
)
_MOMENTS = Sentences({key: WORDS[key] for key in ("today_at", "tomorrow_at")})


def say_again(locale: str, told: str) -> str:
    """What was told in any language, in `locale`; as it is where nothing here tells it."""
    return _again(locale, told, _TOLD)


def _again(locale: str, told: str, known: Sentences) -> str:
    found = known.source_of(told)
    if found is None:
        return told
    inside = {"reason": _TOLD, "moment": _MOMENTS}
    return say(
        locale,
        found[0],
        **{name: _again(locale, value, inside[name]) if name in inside else value for name, value in found[1].items()},
    )


def say_moment(locale: str, at: datetime, now: datetime, zone: str) -> str:
    """A moment as people say it: "tomorrow at 09:00", in `zone`."""
    there, today = at.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone)).date()
    clock, days = there.strftime("%H:%M"), (there.date() - today).days
    if days in (0, 1):
        return say(locale, ("today_at", "tomorrow_at")[days], clock=clock)
    return say(locale, "on_day", day=there.strftime("%d.%m" if locale == "ru" else "%Y-%m-%d"), clock=clock)
