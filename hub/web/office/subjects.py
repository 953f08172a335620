"""What the lines of the audit log are about, in the reader's language: rows keep code words of settings and roles."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from markupsafe import Markup, escape

from hub.db.tables import AuditRow
from hub.web.callbacks.words import block_kind
from hub.web.i18n import _, _l
from hub.web.words import word

SETTINGS: Mapping[str, str] = {
    "name": _l("Name"),
    "timezone": _l("Time zone"),
    "region": _l("Country"),
    "locale": _l("Language"),
    "hours": _l("When people answer"),
    "workspace": _l("hours of all"),
    "client_first": _l("Ring the client before the group"),
    "group": _l("Group"),
    "managers": _l("Employees in this order"),
    "owner_first": _l("The client’s owner first"),
    "key_press": _l("The employee presses a key before the client is rung"),
    "most_managers": _l("At most, one after the other"),
    "operator_retries": _l("When nobody of ours picked up, again after (seconds)"),
    "client_retries": _l("When the client did not pick up, again after (seconds)"),
    "line": _l("Number that the client sees"),
    "countries": _l("Countries that we call"),
    "limits": _l("Limits"),
    "currency": _l("Currency"),
    "call_cost": _l("One ringing is reckoned at (hundredths)"),
    "day_cap": _l("A day may cost (hundredths; 0 is no cap)"),
    "alarm_per_hour": _l("Alarm from so many numbers of one area in an hour"),
    "visitor_from": _l("Not before, where the visitor is"),
    "visitor_until": _l("Not after"),
}
_ROLES = re.compile(r"\b(owner|admin|marketer|agent|auditor)\b(?!@)")


def subject_words(row: AuditRow) -> str | Markup:
    """What `row` is about; "" for what its action says already."""
    tell = _TOLD.get(row.action)
    return tell(row.subject) if tell else row.subject


def _numbered(subject: str) -> str:
    name, _colon, rest = subject.rpartition(": ")
    kind, _space, number = rest.partition(" ")
    if not number.isdigit() or kind not in ("draft", "version"):
        return subject
    value = int(number)
    told = _("draft %(number)d", number=value) if kind == "draft" else _("version %(number)d", number=value)
    return f"{name}: {told}"


def _of_user(subject: str) -> str:
    """ "anna@acme.example: agent → admin, Анна": the roles after the address are told."""
    address, colon, rest = subject.partition(": ")
    return address + colon + _ROLES.sub(lambda role: word(role[1], "role"), rest)


def _settings(subject: str) -> str:
    """ "name: A → B, hours": the names of settings are told."""
    return ", ".join(_setting(one) for one in subject.split(", "))


def _setting(one: str) -> str:
    name, colon, rest = one.partition(": ")
    return str(SETTINGS.get(name, name)) + colon + rest


def _imported(subject: str) -> str:
    found = re.fullmatch(r"(\d+) new, (\d+) changed, (\d+) removed", subject)
    if not found:
        return subject
    return _("new: %(new)s, changed: %(changed)s, removed: %(gone)s", new=found[1], changed=found[2], gone=found[3])


def _blocked(subject: str) -> str:
    kind, _space, value = subject.partition(" ")
    return f"{block_kind(kind)} {value}"


def _wiped(subject: str) -> str:
    return {"wiped": _("everything was deleted"), "kept": _("what is here was kept")}.get(subject, subject)


def _as_in_the_file(subject: str) -> Markup:
    return Markup("<code>%s</code>") % escape(subject)


def _nothing(_subject: str) -> str:
    return ""


_TOLD: Mapping[str, Callable[[str], str | Markup]] = {
    "rules.draft": _numbered, "rules.publish": _numbered, "vip.import": _imported, "block.add": _blocked,
    "block.remove": _blocked, "user.add": _of_user, "user.change": _of_user, "user.remove": _of_user,
    "workspace.change": _settings, "callbacks.settings": _settings, "routing.put_hours": _settings,
    "routing.put_routing_settings": _nothing, "callbacks.stop": _nothing, "callbacks.start": _nothing,
    "bitrix24_removed": _wiped, "provisioning.apply": _as_in_the_file,
}  # fmt: skip
