"""A workspace with a PBX, a portal and an account, and people whom both CRMs list: the table inside both frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from hub.db.directory import DirectoryUser
from hub.db.engine import Database
from hub.db.tables import AuditRow, Connection, ConnectionToken, EmployeeRow
from hub.web.staff.ticket import Ticket, seal
from tests.web.conftest import Notes
from tests.web.seed import NOW, Seeded

ORIGINS = {"bitrix24": "https://acme.bitrix24.ru", "amocrm": "https://acme.amocrm.ru"}
ACCOUNTS = {"bitrix24": "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "amocrm": "31415926"}
SETTINGS: Mapping[str, dict[str, Any]] = {
    "bitrix24": {
        "auth": "oauth", "member_id": ACCOUNTS["bitrix24"], "domain": "acme.bitrix24.ru",
        "client_endpoint": "https://acme.bitrix24.ru/rest/",
    },
    "amocrm": {"auth": "oauth", "account_id": ACCOUNTS["amocrm"], "base_url": "https://acme.amocrm.ru"},
}  # fmt: skip
PEOPLE = (("7", "Анна Белова"), ("8", "Борис Волков"), ("9", "Вера Громова"))
VENDORS = ("bitrix24", "amocrm")


@dataclass
class Stage:
    """The application, a workspace, and its connection to one of the two CRMs."""

    app: Flask
    database: Database
    notes: Notes
    vendor: str
    workspace_id: int
    crm_id: int
    pbx_id: int
    name: str

    @property
    def path(self) -> str:
        return f"/{self.vendor}/people"

    def ticket(self, **changes: Any) -> str:
        """What the CRM's administrator was given now."""
        whole = Ticket(self.vendor, self.crm_id, self.workspace_id, ACCOUNTS[self.vendor], "1", True, "en")
        with self.app.test_request_context():
            return seal(replace(whole, **changes))

    def post(self, ticket: str, **form: Any) -> TestResponse:
        """A form of the frame, from a browser that sends no cookie."""
        return self.app.test_client().post(self.path, data={"ticket": ticket, **form})

    def keep(self, ticket: str, **lines: str) -> TestResponse:
        """Keep an extension for each user id, as `u8="102"`, whatever stood there."""
        wanted = {name[1:]: extension for name, extension in lines.items()}
        return self.post(ticket, all="1", user=list(wanted), extension=list(wanted.values()))

    def people(self) -> dict[str, str]:
        """User id to the extension that the hub has for them at the PBX."""
        with self.database.reading() as session:
            rows = session.scalars(select(EmployeeRow).where(EmployeeRow.workspace_id == self.workspace_id))
            found = {str(one.users.get(self.name, "")): one.extensions for one in rows}
        return {user: str(own.get("mango") or own.get("*") or "") for user, own in found.items() if user}

    def audit(self) -> list[tuple[str, str]]:
        with self.database.reading() as session:
            rows = session.execute(
                select(AuditRow.actor, AuditRow.subject)
                .where(AuditRow.workspace_id == self.workspace_id, AuditRow.action == "employees.change")
                .order_by(AuditRow.id)
            )
            return [(actor, subject) for actor, subject in rows]


def furnish(database: Database, seeded: Seeded, vendor: str) -> tuple[int, str]:
    """Bind the workspace's CRM connection to its portal, or add one to the account; list people. Its id and name."""
    with database.transaction() as session:
        for one in session.scalars(select(EmployeeRow).where(EmployeeRow.workspace_id == seeded.workspace_id)):
            one.users = {}
        row = session.get_one(Connection, seeded.crm_id)
        if vendor == "amocrm":
            row = Connection(
                workspace_id=seeded.workspace_id, name="amo", vendor="amocrm", secrets={}, settings={}, created_at=NOW
            )
            session.add(row)
        row.settings = dict(SETTINGS[vendor])
        session.flush()
        session.add(ConnectionToken(connection_id=row.id, pair={"access": "a", "refresh": "r"}, expires_at=None))
        for user_id, name in PEOPLE:
            session.add(
                DirectoryUser(
                    connection_id=row.id, user_id=user_id, name=name, extension=None, refreshed_at=NOW,
                    email=f"user{user_id}@{seeded.slug}.example", active=True,
                )
            )  # fmt: skip
        return row.id, row.name
