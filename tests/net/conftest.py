"""What the tests of tokens share: a connection with a dead token, and an auth server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from hub.db.engine import Database
from hub.net.tokens import store_pair
from tests.net.auth_server import FIRST, AuthServer
from tests.net.rows import make_connection
from tests.net.servers import serving
from tests.net.token_rows import PAST


@pytest.fixture
def connection_id(database: Database) -> int:
    made = make_connection(database)
    with database.transaction() as session:
        store_pair(session, made, replace(FIRST, expires_at=PAST))
    return made


@pytest.fixture
def auth() -> AuthServer:
    return AuthServer()


@pytest.fixture
def auth_url(auth: AuthServer) -> Iterator[str]:
    with serving(auth.talk) as server:
        yield server.url
