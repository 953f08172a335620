"""Keeping a CRM's dictionaries: read daily and on demand, never wiped by a failed answer, changes told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import ReferenceItem
from hub.db.dials import ReferenceRow
from hub.db.engine import database_now
from hub.db.statements import NoticeRow
from hub.db.tables import Connection, Workspace
from hub.delivery.doors import open_door
from hub.delivery.turns import finish_duty, put_off_duty, take_duty
from hub.delivery.upkeep import soon
from hub.domain.errors import DeliveryError
from hub.domain.intents import Lane
from hub.domain.retelling import Sentences
from hub.runtime import Runtime

log = structlog.get_logger()

EVERY = timedelta(days=1)
NOTICE = "reference_changed"
_LEASE = timedelta(minutes=10)
_AGAIN_IN = timedelta(minutes=10)
_TOLD_AT_MOST = 20
_LONGEST_NOTICE = 4000
_WORDS = {
    "gone": {"ru": "{kind} «{name}» ({id}): больше нет", "en": "{kind} {name} ({id}) is gone"},
    "renamed": {
        "ru": "{kind} «{name}» ({id}): теперь «{new}»",
        "en": "{kind} {name} ({id}) is called {new} now",
    },
    "employee_gone": {
        "ru": "{name} (внутренний {extension}) больше не сотрудник",
        "en": "{name} (extension {extension}) is no longer an employee",
    },
    "source": {"ru": "источник", "en": "source"},
    "department": {"ru": "отдел", "en": "department"},
    "lead_stage": {"ru": "стадия лидов", "en": "lead stage"},
    "pipeline": {"ru": "воронка", "en": "pipeline"},
    "deal_stage": {"ru": "стадия сделок", "en": "deal stage"},
    "field": {"ru": "поле", "en": "field"},
    "crm_mode": {"ru": "режим CRM", "en": "CRM mode"},
}


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence of a notice: its key, and what stands in it."""

    key: str
    kind: str = ""
    name: str = ""
    id: str = ""
    new: str = ""
    extension: str = ""

    def words(self, locale: str) -> str:
        """The sentence in the workspace's language; English when it is not spoken here."""
        kind = _in_locale(self.kind, locale) if self.kind in _WORDS else self.kind
        return _in_locale(self.key, locale).format(**{**asdict(self), "kind": kind})


_SENTENCES = ("gone", "renamed", "employee_gone")
_TOLD = Sentences(
    {
        f"{key} {kind}": [words.replace("{kind}", name[locale]) for locale, words in _WORDS[key].items()]
        for key in _SENTENCES
        for kind, name in _WORDS.items()
        if kind not in _SENTENCES
    }
)


def retold(notice: str, locale: str) -> str:
    """The words of a notice, which were written in the workspace's language, in `locale`; what is not ours as it is."""
    return "; ".join(_retold(one, locale) for one in notice.split("; "))


def _retold(sentence: str, locale: str) -> str:
    found = _TOLD.source_of(sentence)
    if found is None:
        return sentence
    key, kind = found[0].split(" ")
    return Said(key, kind, **found[1]).words(locale)


def _in_locale(key: str, locale: str) -> str:
    return _WORDS[key].get(locale, _WORDS[key]["en"])


def refresh_references(runtime: Runtime) -> int:
    """Read the dictionaries of each connection whose day has passed; returns how many were."""
    refreshed = 0
    for connection_id, vendor in _connections(runtime):
        name = duty_name(connection_id)
        if not take_duty(runtime.database, name, every=EVERY, lease=_LEASE):
            continue
        if refresh_reference(runtime, connection_id, vendor):
            finish_duty(runtime.database, name)
            refreshed += 1
        else:
            put_off_duty(runtime.database, name, _AGAIN_IN)
    return refreshed


def duty_name(connection_id: int) -> str:
    return f"reference:{connection_id}"


def _connections(runtime: Runtime) -> list[tuple[int, str]]:
    vendors = [vendor for vendor, connector in runtime.registry.items() if connector.reference is not None]
    with runtime.database.reading() as session:
        rows = session.execute(
            select(Connection.id, Connection.vendor).where(Connection.vendor.in_(vendors), Connection.state == "active")
        ).all()
    found = [(row.id, row.vendor) for row in rows]
    soon(runtime, [duty_name(connection_id) for connection_id, _ in found])
    return found


def refresh_reference(runtime: Runtime, connection_id: int, vendor: str) -> bool:
    """Read one connection's dictionaries now. False when the CRM did not give them."""
    read = runtime.registry[vendor].reference
    assert read is not None
    try:
        with open_door(runtime, connection_id, Lane.BULK, purpose="reference") as door:
            items = read(door)
    except DeliveryError as error:
        log.warning("reference_not_read", connection_id=connection_id, reason=str(error)[:200])
        return False
    keep_reference(runtime, connection_id, items)
    return True


def keep_reference(runtime: Runtime, connection_id: int, items: Sequence[ReferenceItem]) -> list[Said]:
    """Write the entries; what is missing becomes inactive. Returns, and makes known, what went or was renamed.

    A kind of which nothing came is left as it was: the CRM may have refused to tell it.
    """
    kinds = {item.kind for item in items}
    with runtime.database.transaction() as session:
        now = database_now(session)
        rows = session.scalars(select(ReferenceRow).where(ReferenceRow.connection_id == connection_id))
        known = {(row.kind, row.parent, row.item_id): row for row in rows if row.kind in kinds}
        news = []
        for item in items:
            row = known.pop((item.kind, item.parent, item.id), None)
            news += _keep(session, connection_id, row, item, now)
        for row in known.values():
            if row.active:
                news.append(Said("gone", kind=row.kind, name=row.name, id=row.item_id))
            row.active, row.refreshed_at = False, now
        if news:
            tell(session, connection_id, NOTICE, news, now)
    return news


def _keep(
    session: Session, connection_id: int, row: ReferenceRow | None, item: ReferenceItem, now: datetime
) -> list[Said]:
    news = []
    if row is None:
        row = ReferenceRow(connection_id=connection_id, kind=item.kind, parent=item.parent, item_id=item.id)
        session.add(row)
    elif row.name != item.name[:300] and row.value_type == item.value_type:
        news.append(Said("renamed", kind=item.kind, name=row.name, id=item.id, new=item.name))
    row.name, row.value_type, row.active, row.refreshed_at = item.name[:300], item.value_type[:64], True, now
    return news


def tell(session: Session, connection_id: int, kind: str, news: Sequence[Said], now: datetime) -> None:
    """A notice that stands on the connection's page, in the workspace's language, beside what was told before."""
    connection = session.get_one(Connection, connection_id)
    locale = session.get_one(Workspace, connection.workspace_id).locale
    said = [one.words(locale) for one in news[:_TOLD_AT_MOST]] + ["…"] * (len(news) > _TOLD_AT_MOST)
    log.warning(kind, connection_id=connection_id, words="; ".join(said)[:500])
    standing = select(NoticeRow).where(
        NoticeRow.connection_id == connection_id, NoticeRow.kind == kind, NoticeRow.ended_at.is_(None)
    )
    for old in session.scalars(standing):
        said.insert(0, old.words)
        old.ended_at = now
    session.flush()
    session.add(
        NoticeRow(
            workspace_id=connection.workspace_id,
            connection_id=connection_id,
            kind=kind,
            words="; ".join(said)[-_LONGEST_NOTICE:],
            since=now,
            made_at=now,
        )
    )
