"""A hub whose people log in through the stand-in of a provider, over real HTTP."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from connectors.contract import Registry
from hub.config import Oidc, Settings
from hub.db.engine import Database
from hub.net.bucket import Bucket
from hub.net.client import HubHttp
from hub.net.ledger import UsageLedger
from hub.net.tokens import TokenService
from hub.runtime import Runtime
from simulators.oidc import SimulatedProvider, simulated
from tests.web.conftest import Notes, build
from tests.web.seed import Seeded

HUB = "https://hub.acme.example"
BACK = f"{HUB}/admin/login/oidc/callback"
CLIENT_ID, CLIENT_SECRET = "dozvon hub", "s3cret: 50 % & more+"
TITLE = "Acme ID"


def copied(template: Path, folder: Path) -> str:
    """The address of a copy of a migrated SQLite file: for tests whose queries have been proven on both stores."""
    file = folder / "test.sqlite3"
    shutil.copyfile(template, file)
    return f"sqlite:///{file}"


@contextmanager
def running_provider(notes: Notes, alg: str = "ES256") -> Iterator[SimulatedProvider]:
    """A provider on the notes' clock that knows the hub, and nobody yet."""

    def clock() -> float:
        return notes.now.timestamp()

    with simulated(now=clock, alg=alg) as running:
        running.register(CLIENT_ID, CLIENT_SECRET, BACK)
        yield running


def with_oidc(settings: Settings, provider: SimulatedProvider, **changes: Any) -> Settings:
    oidc = Oidc(provider.issuer, CLIENT_ID, CLIENT_SECRET, TITLE)
    return replace(settings, public_url=HUB, oidc=replace(oidc, **changes), allow_hosts=("127.0.0.1",))


def oidc_app(settings: Settings, database: Database, notes: Notes) -> Flask:
    """The application with the hub's own way out."""
    registry: Registry = {}
    runtime = Runtime(
        settings=settings, database=database, registry=registry, http=HubHttp(settings.allow_hosts),
        bucket=Bucket(None), tokens=TokenService(database), ledger=UsageLedger(database), now=lambda: notes.now,
    )  # fmt: skip
    return build(settings, database, notes, runtime)


@dataclass
class Visit:
    """One browser: `go` leaves for the provider, `arrive` comes back with its answer."""

    client: FlaskClient

    def get(self, path: str) -> TestResponse:
        return self.client.get(path, base_url=HUB)

    def post(self, path: str, form: dict[str, str]) -> TestResponse:
        return self.client.post(path, data=form, base_url=HUB, headers={"Referer": f"{HUB}/"})

    def go(self, wanted: str = "") -> TestResponse:
        return self.get(f"/admin/login/oidc?next={wanted}" if wanted else "/admin/login/oidc")

    def agree(self, address: str, subject: str) -> str:
        """Choose who one is on the provider's page; where the provider sends the browser, as a path of the hub."""
        answer = requests.post(address, data={"person": subject}, allow_redirects=False, timeout=30)
        assert answer.status_code == 303, answer.text
        assert answer.headers["Location"].startswith(BACK)
        return answer.headers["Location"].removeprefix(HUB)

    def arrive(self, subject: str, wanted: str = "") -> TestResponse:
        """The whole way there and back."""
        return self.get(self.agree(self.go(wanted).location, subject))

    def is_in(self) -> bool:
        return self.get("/admin/account").status_code == 200


def visit(app: Flask) -> Visit:
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return Visit(client)


def heading(answer: TestResponse) -> str:
    """What the page is about; also proves that it is a page of ours."""
    found = re.search(r"<h1>(.*?)</h1>", answer.text)
    assert found is not None, answer.text[:500]
    assert "Traceback" not in answer.text
    return found[1]


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def acme_people(provider: SimulatedProvider, seeded: Seeded) -> None:
    """Every user of the workspace is known to the provider, by their role as the subject."""
    for role in seeded.user_ids:
        provider.add(role, seeded.email(role))
