"""The public API, asked by its own description in every way that fits it and in many that do not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from sqlalchemy.orm import Session

from hub.config import load_settings
from hub.db.callbacks import CallbackRow
from hub.db.migrate import upgrade
from hub.db.tables import Base
from hub.db.tracking import SiteRow, VisitRow
from hub.domain.call import Outcome
from hub.web.api.openapi import api_description
from hub.wiring import build_runtime
from tests.web.conftest import Notes, build
from tests.web.seed import NOW, Seeded, add_call, add_delivery, add_item, add_recording, add_trouble, add_workspace
from tests.web.test_statements import add_statement

MOST_EXAMPLES = 40


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, Seeded]]:
    """The application over a workspace with a little of everything; its ids begin with 1."""
    home = tmp_path_factory.mktemp("api")
    settings = load_settings({}, home=home)
    upgrade(settings.database_url)
    runtime = build_runtime(settings, None)
    database = runtime.database
    acme = add_workspace(database)
    for number, outcome in enumerate((Outcome.ANSWERED, Outcome.MISSED, Outcome.IN_PROGRESS)):
        call_id = add_call(database, acme, outcome=outcome, source="yandex" if number else None)
        add_delivery(database, acme, call_id, state=("done", "dead", "waiting")[number], words="no such field")
        add_recording(database, acme, call_id, token=str(number) * 32)
    add_item(database, acme)
    add_trouble(database, acme)
    add_statement(database, acme)
    with database.transaction() as session:
        session.add_all(asked_and_seen(session, acme.workspace_id))
    yield build(settings, database, Notes(), runtime), acme
    database.close()


def asked_and_seen(session: Session, workspace_id: int) -> list[Base]:
    """A site with one visit, and one request to be called back."""
    site = SiteRow(
        workspace_id=workspace_id,
        key="shop",
        name="shop.example",
        origins=["https://shop.example"],
        default_number="+74950000000",
        settings={},
        created_at=NOW,
    )
    session.add(site)
    session.flush()
    visit = VisitRow(
        uid="v" * 22,
        workspace_id=workspace_id,
        site_id=site.id,
        started_at=NOW,
        last_seen_at=NOW,
        landing_url="https://shop.example/",
        referrer="",
        device="desktop",
        ids={},
        params={},
    )
    asked = CallbackRow(
        uid="c" * 22,
        workspace_id=workspace_id,
        asked_by="key:1",
        e164="+79001234567",
        zone="Europe/Moscow",
        state="scheduled",
        due_at=NOW,
        created_at=NOW,
    )
    return [visit, asked]


def operations() -> list[tuple[str, str]]:
    return [(path, method.upper()) for path, methods in api_description()["paths"].items() for method in methods]


def strategies(operation: Any, path: str, mode: GenerationMode) -> list[st.SearchStrategy[Case[Any]]]:
    """Anything at all, and for an operation on one row the rows that there are."""
    known = [{name: number} for name in re.findall(r"{(\w+)}", path) for number in ("1", "2", "3")]
    return [operation.as_strategy(mode), *(operation.as_strategy(mode, path_parameters=one) for one in known)]


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("path", "method"), operations())
def test_operation_never_fails_and_answers_as_its_description_says(
    seeded: tuple[Flask, Seeded], path: str, method: str, mode: GenerationMode
) -> None:
    app, acme = seeded
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    headers = {"Authorization": f"Bearer {acme.keys['*']}"}
    answered: list[int] = []

    @settings(
        max_examples=MOST_EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(*strategies(schema[path][method], path, mode)))
    def ask(case: Case[Any]) -> None:
        # A cursor and a moment's bounds are stricter than JSON Schema can say: 422 is right for them.
        response = case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])
        answered.append(response.status_code)

    ask()
    assert max(answered) < 500
    assert mode is GenerationMode.NEGATIVE or method != "GET" or 200 in answered
