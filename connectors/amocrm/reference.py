"""What an account has besides clients: employees, pipelines, the codes of lead fields, task types.

Dictionaries are kept for a while in this process: amoCRM names "reading the same again and again" as
a reason to shut an address (amocrm.md §2.1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar

from connectors.amocrm.client import Account
from connectors.amocrm.envelope import Envelope, embedded, identifier, mapping, rows, text
from connectors.amocrm.errors import Refused
from connectors.amocrm.readers import listed
from connectors.amocrm.settings import AccountSettings
from connectors.contract import CrmUser, ReferenceItem
from hub.domain.errors import Unreachable
from hub.domain.intents import CallFacts

T = TypeVar("T")

KEPT_FOR = timedelta(minutes=15)
CLOSED_STATUSES = frozenset({"142", "143"})
"""Won and lost, in every pipeline (amocrm.md §4.5)."""
_INCOMING_TYPE = "1"
_LONGEST_EXTENSION = 6
_FIELD_OWNERS = {"leads": "lead", "contacts": "contact", "companies": "company"}


@dataclass(frozen=True, slots=True)
class Pipeline:
    """`incoming_status_id` is the status of incoming leads; `takes_incoming` whether there are any."""

    id: str
    name: str
    is_main: bool
    takes_incoming: bool
    incoming_status_id: str | None
    status_ids: tuple[str, ...]


# --- Employees ------------------------------------------------------------------------------------


def users(account: Account) -> list[CrmUser]:
    """Every user of the account; who was switched off is not active. An empty list is no directory."""
    found = {user.user_id: user for row in listed(account, "users", "users", ("phone_number",)) for user in _user(row)}
    if not found:
        raise Unreachable("amoCRM listed no users.")
    return list(found.values())


def _user(row: Envelope) -> Sequence[CrmUser]:
    user_id = identifier(row.get("id"))
    if user_id is None:
        return ()
    active = mapping(row.get("rights")).get("is_active", True) is not False
    email = text(row.get("email")) or None
    return (CrmUser(user_id, text(row.get("name")) or email or user_id, _extension(row), active, email),)


def _extension(row: Envelope) -> str | None:
    """amoCRM has no field for extensions; a short `phone_number` can be nothing else (amocrm.md §3.13)."""
    number = text(row.get("phone_number")).strip()
    return number if number.isdigit() and len(number) <= _LONGEST_EXTENSION else None


# --- Dictionaries ---------------------------------------------------------------------------------


def pipelines(account: Account) -> tuple[Pipeline, ...]:
    """The pipelines in use, kept for a while."""
    return _kept(account, "pipelines", lambda: tuple(_read_pipelines(account)))


def _read_pipelines(account: Account) -> list[Pipeline]:
    return [
        Pipeline(
            id=identifier(row.get("id")) or "",
            name=text(row.get("name")),
            is_main=row.get("is_main") is True,
            takes_incoming=row.get("is_unsorted_on") is not False,
            incoming_status_id=_incoming(row),
            status_ids=tuple(identifier(status.get("id")) or "" for status in embedded(row, "statuses")),
        )
        for row in embedded(account.read("leads/pipelines"), "pipelines")
        if row.get("is_archive") is not True
    ]


def _incoming(row: Envelope) -> str | None:
    incoming = [status for status in embedded(row, "statuses") if text(status.get("type")) == _INCOMING_TYPE]
    return identifier(incoming[0].get("id")) if incoming else None


def dictionaries(account: Account) -> list[ReferenceItem]:
    """Everything, or a delivery error; what this user may not read is left out as a whole.

    Kinds: "pipeline", "stage" (parent: its pipeline), "field" (parent: lead, contact or company),
    "task_type", "source".
    """
    found = _read_pipelines(account)
    rows = [(row, status) for row in embedded(account.read("leads/pipelines"), "pipelines") for status in _stages(row)]
    return [
        *(ReferenceItem("pipeline", one.id, one.name) for one in found),
        *(_item("stage", status, parent=identifier(row.get("id")) or "") for row, status in rows),
        *(field for name, owner in _FIELD_OWNERS.items() for field in _fields(account, name, owner)),
        *(ReferenceItem("task_type", type_id, name) for type_id, name in task_types(account)),
        *_sources(account),
    ]


def _stages(row: Envelope) -> list[Envelope]:
    return embedded(row, "statuses") if row.get("is_archive") is not True else []


def _fields(account: Account, name: str, owner: str) -> list[ReferenceItem]:
    try:
        found = listed(account, f"{name}/custom_fields", "custom_fields")
        return [one for row in found for one in _field_items(row, owner)]
    except Refused:
        return []


def _field_items(row: Envelope, owner: str) -> list[ReferenceItem]:
    """A field by its id, and by its code where it has one: rules may name either."""
    item = replace(_item("field", row, parent=owner), value_type=text(row.get("type")))
    return [item, *([replace(item, id=text(row["code"]))] if text(row.get("code")) else [])]


def _sources(account: Account) -> list[ReferenceItem]:
    """Our own integration's by their `external_id`: an id may come back for another one (amocrm.md §4.1)."""
    try:
        found = embedded(account.read("sources"), "sources")
    except Refused:
        return []
    return [ReferenceItem("source", text(row.get("external_id")), text(row.get("name"))) for row in found]


def _item(kind: str, row: Envelope, *, parent: str) -> ReferenceItem:
    item_id = identifier(row.get("id")) or ""
    return ReferenceItem(kind, item_id, text(row.get("name")) or text(row.get("code")) or item_id, parent)


def lead_field_codes(account: Account) -> frozenset[str]:
    """The codes of lead fields that exist. An unknown one would fail a whole request (amocrm.md §4.2)."""

    def read() -> frozenset[str]:
        found = listed(account, "leads/custom_fields", "custom_fields")
        return frozenset(text(row.get("code")) for row in found if text(row.get("code")))

    return _kept(account, "lead_field_codes", read)


def many_valued(account: Account, collection: str) -> frozenset[str]:
    """The fields of leads, contacts or companies that hold several choices, by id and by code (amocrm.md §4.4)."""

    def read() -> frozenset[str]:
        try:
            found = listed(account, f"{collection}/custom_fields", "custom_fields")
        except Refused:
            return frozenset()
        several = [row for row in found if text(row.get("type")) == "multiselect"]
        return frozenset(name for row in several for name in (identifier(row.get("id")), text(row.get("code"))) if name)

    return _kept(account, f"many_valued:{collection}", read)


def task_types(account: Account) -> tuple[tuple[str, str], ...]:
    """Task types as (id, name)."""

    def read() -> tuple[tuple[str, str], ...]:
        document = mapping(account.read("account", {"with": "task_types"}))
        found = embedded(document, "task_types") or rows(document.get("task_types"))
        return tuple((identifier(row.get("id")) or "", text(row.get("name"))) for row in found)

    return _kept(account, "task_types", read)


def takes_incoming(account: Account, pipeline: str | None = None) -> bool:
    """Whether the pipeline for unknown callers takes incoming leads; yes when amoCRM does not say."""
    try:
        known = pipelines(account)
    except Refused:
        return True
    wanted = pipeline or account.settings.pipeline_id
    chosen = [one for one in known if (one.id == str(wanted) if wanted else one.is_main)]
    return chosen[0].takes_incoming if chosen else True


def _kept(account: Account, what: str, read: Callable[[], T]) -> T:
    key, now = account.key(what), account.door.now()
    kept = account.memory.recall(key, now)
    if kept is None:
        kept = read()
        account.memory.keep(key, kept, now + KEPT_FOR)
    return kept  # type: ignore[return-value]  # the key names what was kept


def settings_for(facts: CallFacts, account: Account) -> AccountSettings:
    """The settings with somebody to put the call on: without a person amoCRM counts it as made by a robot.

    When neither the call nor the connection names anybody, it is the user who connected amoCRM.
    """
    if facts.user_id or account.settings.default_user_id:
        return account.settings

    def read() -> str:
        try:
            return identifier(mapping(account.read("account")).get("current_user_id")) or ""
        except Refused:
            return ""

    return replace(account.settings, default_user_id=_kept(account, "current_user_id", read) or None)
