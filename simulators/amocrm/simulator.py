"""The simulator as a Python value: starts accounts, each on a port of its own."""

from __future__ import annotations

import hashlib
import time as real_time
import uuid
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from simulators.common.ledger import Ledger
from simulators.common.serving import LOOPBACK, serving

from .account import LOST, WON, Account, Entity, Grant, Integration, User, World, new_secret
from .clock import Clock
from .consent import admin_id
from .fields import add_usual_fields
from .oauth import issue
from .server import account_app
from .settings import Settings
from .simulated import SimulatedAccount

PEOPLE = (
    User(503, "Ольга Смирнова", "olga@acme.example", phone="100", is_admin=True),
    User(504, "Анна Лебедева", "anna@acme.example", phone="101"),
    User(505, "Борис Котов", "boris@acme.example", phone="102"),
    User(506, "Вера Орлова", "vera@acme.example", phone="103"),
)
REDIRECT_URI = "http://127.0.0.1:8080/amocrm/callback"
_FIRST_ACCOUNT_ID = 555


class AmoCrmSimulator(SimulatedAccount):
    """Accounts until `close` or the end of the `with` block. The simulator itself is the first account.

    `accounts` are subdomains; `port` is the first account's, the next ones follow it, 0 takes free ports; `clock`
    gives unix seconds; `mode` is what happens to a used refresh token: `strict` or `grace` (amocrm.md §1.6);
    `seed` invents the same credentials in every run. Raises `PortTaken` when a port is in use.
    """

    def __init__(
        self,
        port: int = 0,
        accounts: Sequence[str] = ("demo",),
        clock: Clock = real_time.time,
        *,
        mode: Literal["strict", "grace"] = "strict",
        users: Iterable[User] = PEOPLE,
        redirect_uri: str = REDIRECT_URI,
        disconnect_url: str = "",
        ledger_path: Path | None = None,
        seed: str | None = None,
    ) -> None:
        if not accounts or len(set(accounts)) != len(accounts):
            raise ValueError("accounts needs at least one subdomain, each of them once")
        self._stack = ExitStack()
        self._mode: Literal["strict", "grace"] = mode
        self._users = tuple(users)
        self._uris = (redirect_uri, disconnect_url)
        self._seed = seed
        self._made_world = World(clock, Ledger(ledger_path))
        self.accounts: list[SimulatedAccount] = [self]
        try:
            super().__init__(*self._made(accounts[0], port))
            for offset, subdomain in enumerate(accounts[1:], start=1):
                self.accounts.append(SimulatedAccount(*self._made(subdomain, port + offset if port else 0)))
        except BaseException:
            self.close()
            raise

    def add_account(self, subdomain: str, port: int = 0) -> SimulatedAccount:
        """One more account, with an integration of its own."""
        other = SimulatedAccount(*self._made(subdomain, port))
        self.accounts.append(other)
        return other

    def rename(self, subdomain: str, account: SimulatedAccount | None = None) -> str:
        """Gives an account a new name and address; the old one answers 404. Gives the new base URL."""
        renamed = (account or self).account
        app = account_app(self.world, renamed)
        number = self._stack.enter_context(serving(app))
        with renamed.lock:
            renamed.old_ports.add(int(renamed.host.rpartition(":")[2]))
            renamed.host = f"{LOOPBACK}:{number}"
            renamed.subdomain = subdomain
        return renamed.base_url

    def close(self) -> None:
        """Stops listening and posting."""
        for one in self.accounts:
            if hasattr(one, "postman"):
                one.postman.close()
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _made(self, subdomain: str, port: int) -> tuple[World, Account, Integration, Grant]:
        world = self._made_world
        account = Account(
            id=_FIRST_ACCOUNT_ID + len(world.accounts),
            subdomain=subdomain,
            host="",
            api_domain="",
            users={user.id: user for user in self._users},
            clock=world.clock,
            ledger=world.ledger,
            settings=Settings(refresh_mode=self._mode),
            pipelines=_usual_pipelines(),
        )
        add_usual_fields(account)
        account.host = f"{LOOPBACK}:{self._stack.enter_context(serving(account_app(world, account), port))}"
        account.api_domain = account.host
        redirect_uri, disconnect_url = self._uris
        client = str(uuid.UUID(self._invented(subdomain, "client", 32)))
        integration = Integration(client, self._invented(subdomain, "secret", 64), redirect_uri, disconnect_url)
        world.integrations[client] = integration
        world.accounts[account.id] = account
        account.installed.add(client)
        seed = self._invented(subdomain, "token", 32) if self._seed else ""
        return world, account, integration, issue(world, account, client, admin_id(account), seed)

    def _invented(self, subdomain: str, name: str, length: int) -> str:
        if self._seed is None:
            return new_secret(length)
        return hashlib.shake_256(f"{self._seed}/{subdomain}/{name}".encode()).hexdigest(length // 2)


def _usual_pipelines() -> dict[int, Entity]:
    main = _pipeline(31, "Продажи", ("Первичный контакт", "Переговоры"), is_main=True, is_unsorted_on=True)
    other = _pipeline(32, "Повторные", ("Новая",), is_main=False, is_unsorted_on=False)
    return {main["id"]: main, other["id"]: other}


def _pipeline(number: int, name: str, stages: tuple[str, ...], *, is_main: bool, is_unsorted_on: bool) -> Entity:
    statuses = [_status(number * 100 + 1, "Неразобранное", 1, 10)]
    statuses += [_status(number * 100 + 2 + place, stage, 0, 20 + place) for place, stage in enumerate(stages)]
    statuses += [_status(WON, "Успешно реализовано", 0, 10000), _status(LOST, "Закрыто и не реализовано", 0, 11000)]
    flags = {"is_main": is_main, "is_unsorted_on": is_unsorted_on, "is_archive": False}
    return {"id": number, "name": name, "sort": number, **flags, "statuses": statuses}


def _status(number: int, name: str, kind: int, sort: int) -> Entity:
    is_editable = kind == 0 and number not in (WON, LOST)
    return {"id": number, "name": name, "sort": sort, "is_editable": is_editable, "color": "#99ccff", "type": kind}
