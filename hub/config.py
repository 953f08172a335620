"""Settings from the environment: `DOZVON_…`, and a `.env` file in the working directory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from environs import Env, EnvError

from hub.domain.errors import ConfigurationError

RETRY_SECONDS = (0, 5, 30, 120, 600, 1800, 7200, 18000, 36000, 86400)
BITRIX24_AUTH_SERVERS = ("oauth.bitrix.info", "oauth.bitrix24.tech")
_PREFIX = "DOZVON_"
KNOWN_NAMES = frozenset(
    {
        "DOZVON_HOME",
        "DOZVON_DATABASE_URL",
        "DOZVON_REDIS_URL",
        "DOZVON_SECRET_KEYS",
        "DOZVON_PUBLIC_URL",
        "DOZVON_ALLOW_HOSTS",
        "DOZVON_RETRY_SECONDS",
        "DOZVON_SWEEP_SECONDS",
        "DOZVON_LEASE_SECONDS",
        "DOZVON_TRUSTED_PROXIES",
        "DOZVON_INBOX_DAYS",
        "DOZVON_BITRIX24_CLIENT_ID",
        "DOZVON_BITRIX24_CLIENT_SECRET",
        "DOZVON_BITRIX24_AUTH_SERVERS",
        "DOZVON_AMOCRM_CLIENT_ID",
        "DOZVON_AMOCRM_CLIENT_SECRET",
        "DOZVON_OIDC_ISSUER",
        "DOZVON_OIDC_CLIENT_ID",
        "DOZVON_OIDC_CLIENT_SECRET",
        "DOZVON_OIDC_CLIENT_SECRET_FILE",
        "DOZVON_OIDC_TITLE",
        "DOZVON_PASSWORD_LOGIN",
        "DOZVON_LOG_FORMAT",
        "DOZVON_CRASH_AT",
        "DOZVON_TESTING",
    }
)


@dataclass(frozen=True, slots=True)
class Oidc:
    """An OpenID provider that people may log in through; `title` is what the button calls it.

    `issuer` is the provider's name for itself, to the letter. A client without a secret is a public one.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    title: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator decided. Units are in the names; `secret_keys` empty means: generate into home."""

    home: Path
    database_url: str = field(repr=False)
    redis_url: str | None = field(repr=False)
    secret_keys: tuple[str, ...] = field(repr=False)
    public_url: str
    allow_hosts: tuple[str, ...]
    retry_seconds: tuple[float, ...]
    sweep_seconds: float
    lease_seconds: float
    trusted_proxies: int
    log_format: str
    crash_at: str = ""
    inbox_days: int = 30
    bitrix24_client_id: str = ""
    bitrix24_client_secret: str = field(default="", repr=False)
    bitrix24_auth_servers: tuple[str, ...] = BITRIX24_AUTH_SERVERS
    amocrm_client_id: str = ""
    amocrm_client_secret: str = field(default="", repr=False)
    oidc: Oidc | None = None
    password_login: bool = True

    @property
    def embedded_redis(self) -> bool:
        return self.redis_url is None

    @property
    def recordings(self) -> Path:
        return self.home / "recordings"


def load_settings(environment: Mapping[str, str] | None = None, *, home: Path | None = None) -> Settings:
    """Read the environment (and `.env`); `home` overrides `DOZVON_HOME`.

    Raises `ConfigurationError` naming the variable and what it should be.
    """
    env = Env()
    if environment is None:
        if Path(".env").is_file():
            env.read_env(".env", recurse=False)
        environment = dict(os.environ)
    _refuse_unknown_names(environment)
    try:
        return _read(environment, home)
    except (EnvError, ValueError) as error:
        raise ConfigurationError(str(error), "See docs/operations.md for every setting.") from error


def _refuse_unknown_names(environment: Mapping[str, str]) -> None:
    for name in environment:
        if name.startswith(_PREFIX) and name not in KNOWN_NAMES:
            known = ", ".join(sorted(KNOWN_NAMES - {"DOZVON_CRASH_AT", "DOZVON_TESTING"}))
            raise ConfigurationError(f"Unknown setting {name}.", f"Known settings: {known}.")


def _read(environment: Mapping[str, str], home: Path | None) -> Settings:
    where = (home or Path(environment.get("DOZVON_HOME") or "var")).absolute()
    testing = environment.get("DOZVON_TESTING") == "1"
    crash_at = environment.get("DOZVON_CRASH_AT", "")
    if crash_at and not testing:
        raise ValueError("DOZVON_CRASH_AT is for fault tests and needs DOZVON_TESTING=1.")
    return Settings(
        home=where,
        database_url=_database_url(environment.get("DOZVON_DATABASE_URL", ""), where),
        redis_url=environment.get("DOZVON_REDIS_URL") or None,
        secret_keys=_comma_list(environment.get("DOZVON_SECRET_KEYS", "")),
        public_url=environment.get("DOZVON_PUBLIC_URL", "").rstrip("/"),
        allow_hosts=_comma_list(environment.get("DOZVON_ALLOW_HOSTS", "")),
        retry_seconds=_retry_seconds(environment.get("DOZVON_RETRY_SECONDS", "")),
        sweep_seconds=_number(environment, "DOZVON_SWEEP_SECONDS", 15, minimum=1),
        lease_seconds=_number(environment, "DOZVON_LEASE_SECONDS", 120, minimum=1),
        trusted_proxies=int(_number(environment, "DOZVON_TRUSTED_PROXIES", 0, minimum=0)),
        log_format=environment.get("DOZVON_LOG_FORMAT", "json"),
        crash_at=crash_at,
        inbox_days=int(_number(environment, "DOZVON_INBOX_DAYS", 30, minimum=1)),
        bitrix24_client_id=environment.get("DOZVON_BITRIX24_CLIENT_ID", ""),
        bitrix24_client_secret=environment.get("DOZVON_BITRIX24_CLIENT_SECRET", ""),
        bitrix24_auth_servers=_comma_list(environment.get("DOZVON_BITRIX24_AUTH_SERVERS", "").lower())
        or BITRIX24_AUTH_SERVERS,
        amocrm_client_id=environment.get("DOZVON_AMOCRM_CLIENT_ID", ""),
        amocrm_client_secret=environment.get("DOZVON_AMOCRM_CLIENT_SECRET", ""),
        oidc=_oidc(environment),
        password_login=_password_login(environment),
    )


def _oidc(environment: Mapping[str, str]) -> Oidc | None:
    given = {name for name, value in environment.items() if name.startswith("DOZVON_OIDC_") and value}
    issuer, client_id = environment.get("DOZVON_OIDC_ISSUER", ""), environment.get("DOZVON_OIDC_CLIENT_ID", "")
    if not given:
        return None
    if not issuer or not client_id:
        raise ValueError("DOZVON_OIDC_ISSUER and DOZVON_OIDC_CLIENT_ID are needed together.")
    parts = urlsplit(issuer)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("DOZVON_OIDC_ISSUER must be the provider's address, like https://id.acme.example/realms/acme.")
    title = environment.get("DOZVON_OIDC_TITLE", "").strip() or parts.hostname
    return Oidc(issuer, client_id, _oidc_secret(environment), title)


def _oidc_secret(environment: Mapping[str, str]) -> str:
    secret, file = environment.get("DOZVON_OIDC_CLIENT_SECRET", ""), environment.get("DOZVON_OIDC_CLIENT_SECRET_FILE")
    if secret and file:
        raise ValueError("Set DOZVON_OIDC_CLIENT_SECRET or DOZVON_OIDC_CLIENT_SECRET_FILE, not both.")
    if not file:
        return secret
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise ValueError("The file of DOZVON_OIDC_CLIENT_SECRET_FILE cannot be read.") from error


def _password_login(environment: Mapping[str, str]) -> bool:
    value = environment.get("DOZVON_PASSWORD_LOGIN", "") or "on"
    if value not in {"on", "off"}:
        raise ValueError("DOZVON_PASSWORD_LOGIN must be on or off.")
    if value == "off" and not environment.get("DOZVON_OIDC_ISSUER"):
        raise ValueError("DOZVON_PASSWORD_LOGIN=off needs DOZVON_OIDC_ISSUER: else nobody could log in.")
    return value == "on"


def _database_url(value: str, home: Path) -> str:
    if not value:
        return f"sqlite:///{home / 'dozvon.sqlite3'}"
    scheme = value.split(":", 1)[0]
    if scheme in {"postgres", "postgresql"}:
        return "postgresql+psycopg:" + value.split(":", 1)[1]
    if scheme not in {"sqlite", "postgresql+psycopg"}:
        raise ValueError("DOZVON_DATABASE_URL must start with postgresql+psycopg:// or sqlite:///.")
    return value


def _comma_list(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _retry_seconds(value: str) -> tuple[float, ...]:
    if not value:
        return tuple(float(seconds) for seconds in RETRY_SECONDS)
    try:
        seconds = tuple(float(part) for part in _comma_list(value))
    except ValueError:
        seconds = ()
    if not seconds or min(seconds) < 0:
        raise ValueError("DOZVON_RETRY_SECONDS must be a comma list of seconds, like 0,5,30,120.")
    return seconds


def _number(environment: Mapping[str, str], name: str, default: float, *, minimum: float) -> float:
    value = environment.get(name, "")
    try:
        number = float(value) if value else float(default)
    except ValueError:
        number = minimum - 1
    if number < minimum:
        raise ValueError(f"{name} must be a number, {minimum:g} or more.")
    return number
