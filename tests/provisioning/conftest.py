"""A provisioning file on disk, and one call to apply it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from marshmallow import Schema, fields

from connectors.contract import Connector, Registry
from connectors.registry import REGISTRY
from hub.db.engine import Database
from hub.provisioning import Outcome, apply_file
from hub.provisioning.apply import Surroundings

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
Apply = Callable[..., Outcome]

FULL = """\
[workspace]
slug = "acme"
name = "ООО «Акме»"
timezone = "Europe/Moscow"
region = "RU"
locale = "ru"

[[user]]
email = "owner@acme.example"
password = "correct horse battery"
role = "owner"

[[api_key]]
name = "site-backend"
key = "dz_0123456789abcdef0123456789abcdef"
scopes = ["calls:read", "callbacks:write", "routing:read"]

[[connection]]
name = "mango"
vendor = "mango"
hook_token = "AAAAAAAAAAAAAAAAAAAAAAAA"
[connection.settings]
base_url = "http://127.0.0.1:9101/vpbx"
[connection.secrets]
api_key = "mango-key-canary"
api_salt = "mango-salt-canary"

[[connection]]
name = "b24"
vendor = "bitrix24"
[connection.settings]
auth = "oauth"
domain = "127.0.0.1:9201"
member_id = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
client_endpoint = "http://127.0.0.1:9201/rest/"
server_endpoint = "http://127.0.0.1:9202/rest/"
[connection.secrets]
client_id = "local.x"
client_secret = "b24-client-canary"
access_token = "b24-access-canary"
refresh_token = "b24-refresh-canary"
expires_at = 1788003601
application_token = "b24-application-canary"

[[connection]]
name = "amo"
vendor = "amocrm"
[connection.settings]
auth = "oauth"
base_url = "http://127.0.0.1:9301"
[connection.secrets]
client_id = "amo-id"
client_secret = "amo-client-canary"
redirect_uri = "http://127.0.0.1:8080/amocrm/callback"
access_token = "amo-access-canary"
refresh_token = "amo-refresh-canary"
expires_at = 1788003601

[[employee]]
name = "Анна"
extension = "101"
users = { b24 = "7", amo = "504" }

[[employee]]
name = "Борис"
extensions = { mango = "102" }

[hours]
mon = ["09:00-18:00"]
sat = []
holidays = ["2027-01-01"]

[[vip]]
phone = "+79001234567"
extension = "101"
note = "keep smiling"

[[site]]
key = "shop"
name = "shop.example"
origins = ["http://127.0.0.1:8090"]
default_number = "+74950000000"
post_default_number = "+74950000001"
pool = ["+74951110001", "+74951110002"]
static = [{ number = "+74952220001", source = "billboard", medium = "offline" }]

[[rules]]
connection = "b24"
file = "rules-b24.toml"
"""
CANARIES = ("canary", "correct horse battery", "0123456789abcdef0123456789abcdef", "AAAAAAAAAAAAAAAAAAAAAAAA")


class _AmoSettings(Schema):
    auth = fields.String(load_default="oauth")
    base_url = fields.String(required=True)


class _AmoSecrets(Schema):
    client_id = fields.String(required=True)
    client_secret = fields.String(required=True)
    redirect_uri = fields.String()
    access_token = fields.String(required=True)
    refresh_token = fields.String(required=True)
    expires_at = fields.Integer()


class _OAuth:
    def refresh(self, door: Any, refresh_token: str) -> Any:
        raise AssertionError("apply never refreshes")


@pytest.fixture
def registry() -> Registry:
    """The real registry, with a second OAuth CRM in it where the real one is not built yet."""
    amo = Connector("amocrm", "amoCRM", _AmoSettings, _AmoSecrets, oauth=_OAuth())
    return {"amocrm": amo, **REGISTRY}


@pytest.fixture
def apply(database: Database, registry: Registry, tmp_path: Path) -> Apply:
    """Writes `text` to acme.toml beside a rules file and applies it."""
    rules = 'version = 1\n[[policy]]\nname = "all"\noutcome = "lead"\nstage = "NEW"\n'
    (tmp_path / "rules-b24.toml").write_text(rules, encoding="utf-8")

    def run(
        text: str = FULL,
        environment: Mapping[str, str] | None = None,
        *,
        into: Database | None = None,
        now: datetime = NOW,
        **options: bool,
    ) -> Outcome:
        file = tmp_path / "acme.toml"
        file.write_text(text, encoding="utf-8")
        around = Surroundings(registry, environment or {}, now, "https://hub.example")
        return apply_file(into or database, file, around, **options)

    return run
