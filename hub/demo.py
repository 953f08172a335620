"""`dozvon demo`: the hub beside stand-ins for a PBX and both CRMs, with an example workspace and a little traffic."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hub.children import Command
from hub.config import Settings, load_settings
from hub.db.engine import Database
from hub.db.keyring import install_keys
from hub.db.migrate import upgrade
from hub.domain.errors import DozvonError
from hub.provisioning import apply_file
from hub.provisioning.apply import Surroundings
from hub.supervisor import Layout, bring_up, check_port, free_port, locked_home

Say = Callable[[str], None]

LOGIN = "demo@acme.example"
_HOST = "127.0.0.1"
_MARK = ".demo"
_CALLS = "6/min"
_PAST_CALLS = "24"
_VISITORS = "6/min"
_DEFAULT_NUMBER = "+74950000001"
_POOL = tuple(f"+749511100{number:02}" for number in range(1, 17))
# What goes wrong on an ordinary day, so that there is something to look at and to mend by a button.
_TROUBLE = (
    {"method": "telephony.externalCall.attachRecord", "skip": 3, "code": "ERROR_CORE",
     "description": "Disk resource exhausted"},
    {"method": "crm.activity.todo.add", "skip": 1, "code": "ERROR_CORE",
     "description": "Field 'responsibleId' is invalid"},
)  # fmt: skip
_BEGAN = timedelta(days=1)
"""How long ago the workspace was made: calls from before belong to nobody."""
_NOT_OURS = ("DOZVON_DATABASE_URL", "DOZVON_REDIS_URL", "DOZVON_PUBLIC_URL", "DOZVON_SECRET_KEYS")

_WORKSPACE = """\
[workspace]
slug = "demo"
name = "ООО «Акме»"
timezone = "Europe/Moscow"
region = "RU"
locale = "ru"

[[user]]
email = "{login}"
password_env = "PASSWORD"
role = "owner"
employee = "Анна"

[[user]]
email = "boris@acme.example"
password_env = "PASSWORD"
role = "agent"
employee = "Борис"

[[user]]
email = "olga@acme.example"
password_env = "PASSWORD"
role = "marketer"

[[vip]]
phone = "+79001234507"
extension = "101"
note = "Оптовый клиент"

[[connection]]
name = "mango"
vendor = "mango"
hook_token_env = "HOOK_TOKEN"
[connection.settings]
base_url = "http://{host}:{mango}/vpbx"
[connection.secrets]
api_key_env = "API_KEY"
api_salt_env = "API_SALT"

{bitrix24}
{amocrm}
{employees}
[[site]]
key = "shop"
name = "shop.example"
origins = ["http://{host}:{shop}"]
default_number = "{default}"
pool = [{pool}]
static = [{{ number = "+74950000002", source = "billboard", medium = "offline" }}]
"""


_EMPLOYEE = """\
[[employee]]
name = "{name}"
extension = "{extension}"
users = {{ b24 = "{b24}", amo = "{amo}" }}

"""
_FIRST_AMO_EMPLOYEE = 504  # 503 is the account's administrator (simulators/amocrm)
_PEOPLE = {"101": "Анна", "102": "Борис", "103": "Вера"}


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything of the demo listens, on the loopback address."""

    hub: int
    mango: int
    bitrix24: int
    bitrix24_auth: int
    amocrm: int
    shop: int


@dataclass(frozen=True, slots=True)
class Credentials:
    """Invented for one run."""

    password: str
    hook_token: str
    api_key: str
    api_salt: str


def run_demo(*, port: int, seed: int, home: Path | None, say: Say) -> None:
    """Run until a signal ends it. Every demo begins anew, because the stand-ins forget when they end.

    Raises `DozvonError` when the home holds anything else than an earlier demo, or a port is taken.
    """
    home = (home or Path("var/demo")).absolute()
    _empty(home)
    ports = _choose_ports(port)
    os.environ.update(_environment(home, ports))
    settings = load_settings(home=home)
    credentials = Credentials(
        secrets.token_urlsafe(9), secrets.token_urlsafe(24), secrets.token_hex(16), secrets.token_hex(16)
    )
    _make_workspace(settings, ports, credentials, seed)
    log = home / "logs" / "demo.log"
    bring_up(
        settings,
        Layout(_HOST, ports.hub),
        lambda line: _tell(line, ports, credentials, log, say),
        extra=_stand_ins(ports, credentials, seed),
        log=log,
    )


def _empty(home: Path) -> None:
    """Clear an earlier demo away; refuse to touch anything else."""
    if home.exists() and any(home.iterdir()) and not (home / _MARK).exists():
        raise DozvonError(f"{home} holds something else than a demo.", "Choose an empty directory with --home.")
    with locked_home(home):
        (home / _MARK).touch()
        for path in home.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name not in {_MARK, "up.lock"}:
                path.unlink()


def _choose_ports(hub: int) -> Ports:
    if hub:
        check_port(_HOST, hub)
    chosen: list[int] = []
    for wanted in (hub or None, 9101, 9201, 9202, 9301, 8090):
        chosen.append(_free(wanted, chosen))
    return Ports(*chosen)


def _free(wanted: int | None, taken: list[int]) -> int:
    if wanted is not None and wanted not in taken:
        with contextlib.suppress(DozvonError):
            check_port(_HOST, wanted)
            return wanted
    return free_port(_HOST)


def _environment(home: Path, ports: Ports) -> Mapping[str, str]:
    """The demo's own stores, whatever this shell or a `.env` file is set up for."""
    stand_ins = (ports.mango, ports.bitrix24, ports.bitrix24_auth, ports.amocrm)
    own = dict.fromkeys(_NOT_OURS, "")
    return {
        **own,
        "DOZVON_HOME": str(home),
        "DOZVON_ALLOW_HOSTS": ",".join(f"{_HOST}:{port}" for port in stand_ins),
        "DOZVON_TRUSTED_PROXIES": "1",  # the shop's visitors say where they come from: not all from this machine
    }


def _make_workspace(settings: Settings, ports: Ports, credentials: Credentials, seed: int) -> None:
    from connectors.registry import REGISTRY

    file = settings.home / "demo.toml"
    file.write_text(_workspace_text(ports, seed), encoding="utf-8")
    values = {
        "PASSWORD": credentials.password,
        "HOOK_TOKEN": credentials.hook_token,
        "API_KEY": credentials.api_key,
        "API_SALT": credentials.api_salt,
    }
    install_keys(settings.secret_keys, settings.home)
    upgrade(settings.database_url)
    database = Database(settings.database_url, pool_size=1)
    try:
        began = datetime.now(UTC) - _BEGAN
        apply_file(database, file, Surroundings(REGISTRY, values, began, f"http://{_HOST}:{ports.hub}"))
    finally:
        database.close()


def _workspace_text(ports: Ports, seed: int) -> str:
    """The provisioning file; the stand-ins say what they would be connected by."""
    from simulators.amocrm import AmoCrmSimulator
    from simulators.bitrix24 import Bitrix24Simulator

    with Bitrix24Simulator(ports.bitrix24, ports.bitrix24_auth, seed=str(seed)) as portal:
        bitrix24 = portal.provisioning("b24")
        b24_ids = {user.extension: str(user.id) for user in portal.portal.users.values()}
    with AmoCrmSimulator(ports.amocrm, seed=str(seed)) as account:
        amocrm = account.provisioning("amo")
    employees = "".join(
        _EMPLOYEE.format(name=name, extension=extension, b24=b24_ids[extension], amo=amo_id)
        for amo_id, (extension, name) in enumerate(_PEOPLE.items(), _FIRST_AMO_EMPLOYEE)
    )
    return _WORKSPACE.format(
        login=LOGIN, host=_HOST, mango=ports.mango, bitrix24=bitrix24, amocrm=amocrm, employees=employees,
        shop=ports.shop, default=_DEFAULT_NUMBER, pool=", ".join(f'"{number}"' for number in _POOL),
    )  # fmt: skip


def _stand_ins(ports: Ports, credentials: Credentials, seed: int) -> list[Command]:
    mango = [
        *("--port", str(ports.mango), "--hub", f"http://{_HOST}:{ports.hub}/hooks/{credentials.hook_token}"),
        *("--traffic", _CALLS, "--past", _PAST_CALLS, "--unreadable", "2", "--seed", str(seed), "--tries", "3"),
        *("--line", "74950000001", "--line", "74950000002"),
    ]
    environment = {**os.environ, "MANGO_API_KEY": credentials.api_key, "MANGO_API_SALT": credentials.api_salt}
    portal = ["--port", str(ports.bitrix24), "--auth-port", str(ports.bitrix24_auth), "--seed", str(seed)]
    for trouble in _TROUBLE:
        portal += ["--fault", json.dumps({"kind": "error_before", "status": 400, **trouble})]
    account = ["--port", str(ports.amocrm), "--seed", str(seed)]
    shop = [
        *("--port", str(ports.shop), "--hub", f"http://{_HOST}:{ports.hub}", "--number", "8 (495) 000-00-01"),
        *("--pbx", f"http://{_HOST}:{ports.mango}", "--visitors", _VISITORS, "--seed", str(seed)),
    ]
    return [
        Command("statements", [sys.executable, "-m", "hub.demo_statements"], quiet=True),
        Command("stand-in amocrm", [sys.executable, "-m", "hub.cli", "simulate", "amocrm", *account], quiet=True),
        Command("stand-in bitrix24", [sys.executable, "-m", "hub.cli", "simulate", "bitrix24", *portal], quiet=True),
        Command("stand-in shop", [sys.executable, "-m", "hub.cli", "simulate", "shop", *shop], quiet=True),
        Command(
            "stand-in mango", [sys.executable, "-m", "hub.cli", "simulate", "mango", *mango], environment, quiet=True
        ),
    ]


def _tell(line: str, ports: Ports, credentials: Credentials, log: Path, say: Say) -> None:
    say(line)
    if not line.startswith("Dozvon is ready"):
        return
    say(f"  Pages            http://{_HOST}:{ports.hub}/admin/")
    say(f"  Log in as        {LOGIN}   password: {credentials.password}")
    say(f"  Bitrix24 portal  http://{_HOST}:{ports.bitrix24}/   (stand-in)")
    say(f"  amoCRM account   http://{_HOST}:{ports.amocrm}/   (stand-in)")
    say(
        f"  Mango PBX        http://{_HOST}:{ports.mango}/ledger   (stand-in, about {_CALLS.replace('/', ' calls a ')})"
    )
    say(f"  Shop             http://{_HOST}:{ports.shop}/   (stand-in, with the tracker on its page)")
    say(f"  Log              {log}")
    say("Ctrl-C stops everything and forgets it.")
