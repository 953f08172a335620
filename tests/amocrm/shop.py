"""A workspace with a PBX, people and calls, for what the widget shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from hub.calls.fold import fold
from hub.db.directory import DirectoryUser
from hub.db.tables import CallRow, Connection, EmployeeRow
from hub.db.tracking import AttributionRow, PageRow, SiteRow, VisitRow
from hub.domain.attribution import Attribution, Candidate, Model
from hub.domain.codec import to_document
from hub.domain.events import CallEvent
from hub.runtime import utc_now
from simulators.amocrm import AmoCrmSimulator
from tests.amocrm.house import PUBLIC_URL, House
from tests.delivery.story import LINE, answers, ends, leaves, rings

ADMIN, ANNA, BORIS = 503, 504, 505
CLIENT = "+79001234567"


def furnish(house: House, amo: AmoCrmSimulator) -> int:
    """The account's connection, a Mango beside it, its directory, and Anna at 101; returns the connection."""
    crm = house.add_connection(1, amo, with_pair=True, account_id=str(amo.account.id))
    with house.database.transaction() as session:
        session.add(Connection(workspace_id=1, name="mango", vendor="mango", settings={"base_url": "http://127.0.0.1:9/vpbx"},
                               secrets={"api_key": "k", "api_salt": "s"}, created_at=utc_now()))  # fmt: skip
        for user_id, name in ((ADMIN, "Ольга"), (ANNA, "Анна"), (BORIS, "Борис")):
            session.add(DirectoryUser(connection_id=crm, user_id=str(user_id), name=name, extension=None,
                                      email=None, active=True, refreshed_at=utc_now()))  # fmt: skip
        session.add(EmployeeRow(workspace_id=1, name="Анна", extensions={"*": "101"}, users={"amo": str(ANNA)}))
    return crm


def add_call(house: House, *, over: bool = True, talking: bool = False, **more: Any) -> int:
    """A call of the client that rings at 101, is talked there, or is over."""
    told = [rings("101", 0), *([answers("101", 5)] if over or talking else [])]
    told += [leaves("101", 30), ends(30, answered_at=5, extension="101")] if over else []
    began = utc_now() - timedelta(seconds=40)
    call = fold([_later(one, began - told[0].at) for one in told])
    with house.database.transaction() as session:
        pbx = session.query(Connection).filter_by(vendor="mango").one()
        row = CallRow(
            uid=str(uuid4()), workspace_id=1, connection_id=pbx.id, call_key=uuid4().hex, direction="inbound",
            client_e164=CLIENT, client_raw=CLIENT, line=LINE.e164, outcome=str(call.outcome),
            closing=str(call.closing), answered_by=call.answered_by, started_at=call.started_at,
            answered_at=call.answered_at, ended_at=call.ended_at, wait_seconds=5, talk_seconds=call.talk_seconds,
            facts=to_document(call), first_at=began, last_at=began, last_received_at=began, **more,
        )  # fmt: skip
        session.add(row)
        session.flush()
        return row.id


def _later(event: CallEvent, span: timedelta) -> CallEvent:
    moments = {
        name: at + span for name in ("at", "started_at", "answered_at", "ended_at") if (at := getattr(event, name))
    }
    return replace(event, **moments)


def add_visit(house: House, call_id: int, title: str = "Двери") -> None:
    """The call came from a visit that looked at two pages."""
    now = utc_now()
    with house.database.transaction() as session:
        site = SiteRow(
            workspace_id=1, key=uuid4().hex[:12], name="acme.example", origins=[], settings={}, created_at=now
        )
        session.add(site)
        session.flush()
        session.add(VisitRow(
            uid="visit1", workspace_id=1, site_id=site.id, started_at=now - timedelta(minutes=9), last_seen_at=now,
            landing_url="https://acme.example/doors", referrer="https://ya.example/", source="yandex", device="desktop",
            ids={}, params={}))  # fmt: skip
        for number, name in enumerate((title, "Доставка")):
            session.add(PageRow(visit_uid="visit1", entry=str(number), at=now - timedelta(minutes=8 - number),
                                url=f"https://acme.example/{number}", title=name))  # fmt: skip
        candidate = Candidate("visit1", "visit:visit1", 0.9, 0.0, on_page=True)
        answer = Attribution(str(call_id), Model.DYNAMIC, "visit1", 0.9, (candidate,))
        document = to_document(answer)
        session.add(AttributionRow(call_id=call_id, workspace_id=1, site_id=site.id, visit_uid="visit1",
                                   model="dynamic", probability=0.9, document=document, called_at=now))  # fmt: skip


def audience() -> str:
    """Whom a one-time token is for."""
    return PUBLIC_URL
