"""What the hub has read of a CRM's own definitions, for checking rules against, and for choosing from on pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import CrmRules
from hub.db.dials import ReferenceRow
from hub.db.directory import DirectoryUser
from hub.domain.treatment import LeadOutcome
from mapping.check import CrmDefinitions
from mapping.forecast import CrmWays
from mapping.model import Rules
from mapping.naming import key_of, things_named

_MODE = "crm_mode"
_STAGES = ("stage", "lead_stage", "deal_stage")


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that people choose from: the CRM's id, its name, and what it belongs to."""

    id: str
    name: str
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    pipelines: tuple[Choice, ...] = ()
    stages: tuple[Choice, ...] = ()
    sources: tuple[Choice, ...] = ()
    users: tuple[Choice, ...] = ()
    fields: tuple[Choice, ...] = ()


def definitions(session: Session, connection_id: int, crm: CrmRules) -> CrmDefinitions:
    """The definitions that are still there; what was never read is not checked against."""
    rows = _rows(session, connection_id)
    stages: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.kind in _STAGES:
            stages[row.parent].add(row.item_id)
    users = session.scalars(select(DirectoryUser).where(DirectoryUser.connection_id == connection_id))
    return CrmDefinitions(
        outcomes=crm.outcomes,
        only_strangers=crm.only_strangers,
        instead=_instead(rows, crm),
        first_pipeline=crm.first_pipeline,
        leads_have_stages=crm.leads_have_stages,
        own_fields=crm.own_fields,
        pipelines=frozenset(row.item_id for row in rows if row.kind == "pipeline"),
        stages={parent: frozenset(ids) for parent, ids in stages.items()},
        sources=frozenset(row.item_id for row in rows if row.kind == "source"),
        users={user.user_id: user.active for user in users},
        fields={
            (row.parent, row.item_id): crm.field_types.get(row.value_type, "") for row in rows if row.kind == "field"
        },
        names=names_now(rows),
    )


def names_now(rows: Iterable[ReferenceRow]) -> dict[str, str]:
    """What the CRM calls its things, by `mapping.naming.key_of`."""
    kinds = dict.fromkeys(_STAGES, "stage")
    return {key_of(kinds.get(row.kind, row.kind), row.item_id, row.parent): row.name for row in rows}


def names_in(session: Session, connection_id: int, rules: Rules) -> dict[str, str]:
    """What the CRM calls the things that the rules name, as far as it was read."""
    now = names_now(_rows(session, connection_id))
    return {one.key: now[one.key] for one in things_named(rules) if one.key in now}


def crm_ways(session: Session, connection_id: int, crm: CrmRules) -> CrmWays:
    """How the CRM brings outcomes about, in the mode that it is in by its dictionaries."""
    query = select(ReferenceRow).where(
        ReferenceRow.connection_id == connection_id, ReferenceRow.kind == _MODE, ReferenceRow.active.is_(True)
    )
    instead = _instead(session.scalars(query), crm)
    return CrmWays(instead=instead, lead_is_deal=crm.lead_is_deal, needs_person=crm.needs_person)


def _instead(rows: Iterable[ReferenceRow], crm: CrmRules) -> Mapping[LeadOutcome, LeadOutcome]:
    return next((crm.instead[row.name] for row in rows if row.kind == _MODE and row.name in crm.instead), {})


def choices(session: Session, connection_id: int) -> Choices:
    """The same for people, with names."""
    rows = _rows(session, connection_id)
    users = session.scalars(
        select(DirectoryUser)
        .where(DirectoryUser.connection_id == connection_id, DirectoryUser.active.is_(True))
        .order_by(DirectoryUser.name)
    )

    def kind(*kinds: str) -> tuple[Choice, ...]:
        return tuple(Choice(row.item_id, row.name, row.parent) for row in rows if row.kind in kinds)

    return Choices(
        kind("pipeline"),
        kind(*_STAGES),
        kind("source"),
        tuple(Choice(user.user_id, user.name, user.extension or "") for user in users),
        kind("field"),
    )


def _rows(session: Session, connection_id: int) -> list[ReferenceRow]:
    query = select(ReferenceRow).where(ReferenceRow.connection_id == connection_id, ReferenceRow.active.is_(True))
    return list(session.scalars(query.order_by(ReferenceRow.kind, ReferenceRow.parent, ReferenceRow.name)))
