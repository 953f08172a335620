"""The application with a real CRM's registry entry and a few calls to try rules on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from flask import Flask

from connectors.registry import REGISTRY
from hub.config import Settings
from hub.db.dials import ReferenceRow
from hub.db.directory import DirectoryUser
from hub.db.engine import Database
from hub.domain.call import Outcome
from hub.domain.phone import Phone
from hub.web.services import Web, install
from tests.web.conftest import Notes, build
from tests.web.seed import NOW, Seeded, add_call


def rules_app(settings: Settings, database: Database, notes: Notes) -> Flask:
    app = build(settings, database, notes)
    plain = app.extensions["dozvon"]
    assert isinstance(plain, Web)
    install(app.extensions, Web(settings, database, replace(plain.services, registry=REGISTRY)))
    return app


def add_world(database: Database, seeded: Seeded) -> None:
    """Calls of three clients, users of the CRM, and its stages."""
    for number, outcome in enumerate((Outcome.ANSWERED, Outcome.MISSED, Outcome.ANSWERED)):
        phone = f"+7900123450{number}"
        add_call(
            database, seeded, client=Phone(phone[1:], phone), outcome=outcome, source="yandex" if number else None,
            started_at=NOW - timedelta(hours=number + 1),
        )  # fmt: skip
    with database.transaction() as session:
        for user_id, name in (("7", "Анна Белова"), ("8", "Борис Волков")):
            session.add(
                DirectoryUser(
                    connection_id=seeded.crm_id, user_id=user_id, name=name, extension=None, email=None, active=True,
                    refreshed_at=NOW,
                )
            )  # fmt: skip
        for kind, item, name in (("lead_stage", "NEW", "Новый"), ("lead_stage", "IN_PROCESS", "В работе")):
            session.add(
                ReferenceRow(
                    connection_id=seeded.crm_id, kind=kind, parent="", item_id=item, name=name, active=True,
                    refreshed_at=NOW,
                )
            )  # fmt: skip
