"""What the planner writes about rules, in the workspace's language."""

from __future__ import annotations

RULE_WORDS: dict[str, dict[str, str]] = {
    "internal_stays": {"ru": "внутренние звонки остаются в хабе", "en": "internal calls stay in the hub"},
    "known_is_logged": {
        "ru": "всё остальное только записывается в журнал звонков",
        "en": "everything else is only logged",
    },
    "no_rule_left": {"ru": "ни одно правило не подошло", "en": "no rule fits"},
    "not_written": {"ru": "правило «{rule}»: в CRM не пишется", "en": "rule “{rule}”: not written to the CRM"},
    "in_case": {"ru": "{situation}; клиент: {person}", "en": "{situation}; client: {person}"},
    "undecided": {
        "ru": "по правилам это зависит от того, чем кончится звонок",
        "en": "by the rules that depends on how the call ends",
    },
    "recordings_linked": {"ru": "в CRM пишется ссылка на запись", "en": "the CRM gets a link to the recording"},
    "task_for": {"ru": "кому задача", "en": "whose task it is"},
    "within_minutes": {"ru": "в течение {minutes} мин", "en": "within {minutes} min"},
    "within_working_minutes": {
        "ru": "в течение {minutes} мин рабочего времени",
        "en": "within {minutes} min of working hours",
    },
    "source_mapped": {"ru": "источник CRM: {name}", "en": "the CRM's source: {name}"},
    "field_filled": {"ru": "поле «{name}»", "en": "field “{name}”"},
    "phone_masked": {"ru": "номер в текстах скрыт", "en": "numbers are masked in texts"},
    # What is wrong with rules
    "room_employee": {"ru": "сотрудник", "en": "employee"},
    "room_source": {"ru": "источник", "en": "source"},
    "room_rule": {"ru": "правило", "en": "rule"},
    "room_field": {"ru": "поле", "en": "field"},
    "wrong_missing": {"ru": "не указано.", "en": "is missing."},
    "wrong_no_such_field": {"ru": "здесь не бывает.", "en": "is not known here."},
    "wrong_no_text": {"ru": "должно быть текстом.", "en": "must be text."},
    "wrong_no_number": {"ru": "должно быть целым числом.", "en": "must be a whole number."},
    "wrong_no_flag": {"ru": "должно быть true или false.", "en": "must be true or false."},
    "wrong_no_list": {"ru": "должно быть списком.", "en": "must be a list."},
    "wrong_no_table": {"ru": "должно быть таблицей.", "en": "must be a table."},
    "wrong_empty": {"ru": "не может быть пустым.", "en": "must not be empty."},
    "wrong_one_of": {"ru": "может быть только: {v1}.", "en": "must be one of: {v1}."},
    "wrong_form_version": {
        "ru": "должно быть {v1}: другой вид документа хаб не читает.",
        "en": "must be {v1}: this hub reads no other form.",
    },
    "wrong_range": {"ru": "должно быть от {v1} до {v2}.", "en": "must be between {v1} and {v2}."},
    "wrong_length": {
        "ru": "не может быть пустым или длиннее {v1}.",
        "en": "must not be empty, nor longer than {v1}.",
    },
    "wrong_twice": {
        "ru": "встречается {v1} раза: до второго дело не дойдёт.",
        "en": "stands here {v1} times: the second would never be looked at.",
    },
    "wrong_nobody": {
        "ru": "не указано: для fixed и round_robin нужно знать, из кого выбирать.",
        "en": "is missing: fixed and round_robin must know whom to choose.",
    },
    "wrong_internal": {
        "ru": "может быть только nothing: во внутреннем звонке клиента нет.",
        "en": "must be nothing: an internal call has no client.",
    },
    "wrong_fact": {
        "ru": "называет {v1}, а такого факта в каталоге нет.",
        "en": "names {v1}, which is no fact of the catalogue.",
    },
    "wrong_fact_meant": {
        "ru": "называет {v1}, а такого факта в каталоге нет. Может быть, {v2}?",
        "en": "names {v1}, which is no fact of the catalogue. Did you mean {v2}?",
    },
    "wrong_gone": {
        "ru": "указывает на {v1}, а такого в CRM нет: удалено или выключено.",
        "en": "points at {v1}, which the CRM does not have: deleted or switched off.",
    },
    "wrong_other_pipeline": {
        "ru": "указывает на {v1}, а этот этап — другой воронки.",
        "en": "points at {v1}, a stage of another pipeline.",
    },
    "wrong_fired": {
        "ru": "указывает на сотрудника {v1}, а в CRM он больше не работает.",
        "en": "points at employee {v1}, who no longer works in the CRM.",
    },
    "wrong_renamed": {
        "ru": "указывает на {v1}; в CRM это теперь называется «{v2}».",
        "en": "points at {v1}, which is called “{v2}” in the CRM now.",
    },
    "wrong_type": {
        "ru": "получает {v1}, а поле CRM такого не примет ({v2}).",
        "en": "would get {v1}, which the CRM's field does not take ({v2}).",
    },
    "wrong_only_strangers": {
        "ru": "{v1}: эта CRM умеет так только с неизвестным клиентом; укажите person = unknown.",
        "en": "{v1} is possible only for unknown clients in this CRM; set person = unknown.",
    },
    "wrong_outcome": {
        "ru": "{v1} эта CRM не умеет; бывает: {v2}.",
        "en": "{v1} is not possible in this CRM; possible: {v2}.",
    },
    # Presets
    "preset_menu": {"ru": "кто не дошёл дальше меню, не лид", "en": "who got no further than the menu is no lead"},
    "preset_stranger": {"ru": "новый клиент — сразу чей-то лид", "en": "a stranger is somebody's lead at once"},
    "preset_returning": {
        "ru": "клиент без открытой сделки — новая сделка",
        "en": "a client without an open deal gets a new one",
    },
    "preset_talked": {"ru": "новый клиент после разговора", "en": "a stranger, once talked to"},
    "preset_advertised": {"ru": "новый клиент с рекламы", "en": "a stranger from an advertisement"},
    # Situations, clients, people
    "situation_inbound_answered": {"ru": "входящий, поговорили", "en": "inbound, answered"},
    "situation_inbound_missed": {"ru": "входящий пропущенный", "en": "inbound, missed"},
    "situation_missed_then_called_back": {"ru": "пропущен, потом перезвонили", "en": "missed, then called back"},
    "situation_outbound_answered": {"ru": "исходящий, поговорили", "en": "outbound, answered"},
    "situation_outbound_unanswered": {"ru": "исходящий без ответа", "en": "outbound, unanswered"},
    "situation_callback_done": {"ru": "обратный звонок состоялся", "en": "callback done"},
    "situation_callback_failed": {"ru": "обратный звонок не удался", "en": "callback failed"},
    "situation_form": {"ru": "форма на сайте", "en": "a form on the site"},
    "situation_repeat_missed": {"ru": "пропущен повторно", "en": "missed again"},
    "situation_after_hours": {"ru": "вне рабочего времени", "en": "after hours"},
    "situation_internal": {"ru": "внутренний", "en": "internal"},
    "situation_ivr_only": {"ru": "не дальше меню", "en": "no further than the menu"},
    "person_unknown": {"ru": "неизвестен", "en": "unknown"},
    "person_contact": {"ru": "контакт", "en": "a contact"},
    "person_contact_with_deal": {"ru": "контакт с открытой сделкой", "en": "a contact with an open deal"},
    "person_lead": {"ru": "лид", "en": "a lead"},
    "person_vip": {"ru": "VIP", "en": "VIP"},
    "who_owner": {"ru": "ответственный за клиента", "en": "the client's owner"},
    "who_answered_by": {"ru": "кто ответил", "en": "who answered"},
    "who_rung_first": {"ru": "кому звонили первому", "en": "who was rung first"},
    "who_round_robin": {"ru": "по очереди", "en": "in turn"},
    "who_fixed": {"ru": "всегда один и тот же", "en": "always the same"},
    "who_on_duty": {"ru": "кто сейчас на работе", "en": "who is on duty"},
}
