"""What all calls and requests of a workspace share in a dry run, read once; and the plain facts of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import Registry
from hub.db.tables import CallRow, Connection, RecordingRow, Workspace
from hub.delivery.people import default_user_id, employees_for
from hub.domain.call import Call
from hub.domain.codec import from_document
from hub.domain.party import Employee, Source
from hub.routing.facts import read_staff
from hub.routing.staff import Staff
from hub.rules.gather import on_duty
from hub.rules.live import on_duty_anywhere, staffs
from hub.rules.tried import PastRequest
from mapping.facts import KeptRecording, PlanFacts
from mapping.request import call_to_come

_AT_ONCE = 500


class House:
    """`rows` are what is to be tried."""

    def __init__(
        self,
        session: Session,
        registry: Registry,
        crm: Connection,
        rows: Sequence[CallRow | PastRequest],
        *,
        asks_for_duty: bool,
    ) -> None:
        self._session = session
        self._crm = crm
        self._locale = session.get_one(Workspace, crm.workspace_id).locale
        self._default_user_id = default_user_id(session, crm)
        self._asks_for_duty = asks_for_duty
        self._people: dict[int, Mapping[str, Employee]] = {}
        self._staff: dict[int, Staff] = {}
        has_requests = any(isinstance(row, PastRequest) for row in rows)
        self._all_staff = staffs(session, registry, crm) if asks_for_duty and has_requests else ()
        self._recordings = _recordings(session, [row.id for row in rows if isinstance(row, CallRow)])

    def facts(self, row: CallRow | PastRequest) -> PlanFacts:
        """What is told of it without the rules, and without what is known of its client."""
        return self._of_request(row) if isinstance(row, PastRequest) else self._of_call(row)

    def _of_call(self, row: CallRow) -> PlanFacts:
        pbx_id = row.connection_id
        if pbx_id not in self._people:
            pbx = self._session.get_one(Connection, pbx_id)
            self._people[pbx_id] = employees_for(self._session, pbx, self._crm)
            if self._asks_for_duty:
                self._staff[pbx_id] = read_staff(self._session, pbx.workspace_id, pbx.name)
        source = Source(row.source, row.medium, row.campaign) if row.source else None
        return PlanFacts(
            call=from_document(row.facts, Call),
            call_id=row.uid,
            locale=self._locale,
            employees=self._people[pbx_id],
            default_user_id=self._default_user_id,
            source=source,
            recordings=self._recordings.get(row.id, ()),
            on_duty=on_duty(self._staff[pbx_id], self._crm, row.started_at) if pbx_id in self._staff else (),
        )

    def _of_request(self, row: PastRequest) -> PlanFacts:
        return PlanFacts(
            call=call_to_come(row.request),
            call_id=row.uid,
            locale=self._locale,
            default_user_id=self._default_user_id,
            source=row.source,
            visit=row.visit,
            party=row.parties.get(self._crm.id),
            on_duty=on_duty_anywhere(self._all_staff, self._crm, row.started_at),
        )


def _recordings(session: Session, call_ids: Sequence[int]) -> Mapping[int, tuple[KeptRecording, ...]]:
    """The recordings of these calls, those on their way too: they come to the CRM when they are there."""
    found: dict[int, tuple[KeptRecording, ...]] = defaultdict(tuple)
    for start in range(0, len(call_ids), _AT_ONCE):
        rows = session.scalars(
            select(RecordingRow)
            .where(RecordingRow.call_id.in_(call_ids[start : start + _AT_ONCE]), RecordingRow.state != "failed")
            .order_by(RecordingRow.id)
        )
        for row in rows:
            found[row.call_id] += (KeptRecording(str(row.id), "", row.extension),)
    return found
