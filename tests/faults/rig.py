"""The hub as it runs in production: web, worker and scheduler as processes of their own, to be killed one by one."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import threading
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from simulators.bitrix24 import Bitrix24Simulator
from simulators.mango import MangoSimulator
from simulators.mango.pbx import PlayedCall
from tests.e2e.hub import API_KEY, HOOK_TOKEN, WORKSPACE, dozvon, mango_connection, until
from tests.faults.process import Process
from tests.faults.proxy import Proxy
from tests.faults.stores import Stores
from tests.services import free_port

PBX_KEY, PBX_SALT = "canarykey0000000000000000000pbxk", "canarysalt000000000000000000pbxs"
LEASE_SECONDS = 3
PATIENT_TRIES = 30
"""How often the PBX sends an event that was not taken: with its pauses, for about forty seconds."""

_OPEN = "('pending','leased','waiting','verifying','blocked')"


@dataclass
class Rig:
    """A workspace with a Mango PBX and a Bitrix24 portal, on a database of its own.

    `database` is its address past all proxies.
    """

    stores: Stores
    home: Path
    environment: dict[str, str]
    database: str
    port: int
    pbx: MangoSimulator
    b24: Bitrix24Simulator
    proxies: dict[str, Proxy]
    processes: list[Process] = field(default_factory=list)
    played: list[tuple[str, str, PlayedCall]] = field(default_factory=list)
    """Timeline, client and outcome of every call that was played."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # --- processes ----------------------------------------------------------------------------------

    def start(
        self, *words: str, crash_at: str = "", wait: bool = True, command: Sequence[str] = (), **more: str
    ) -> Process:
        """Start `dozvon <words>`, or `command` in its place; with `crash_at` it dies at that point.

        Returns when it is ready to work.
        """
        environment = {**self.environment, **more}
        if crash_at:
            environment |= {"DOZVON_TESTING": "1", "DOZVON_CRASH_AT": crash_at}
        log = self.home / "logs" / f"{len(self.processes):03}-{words[0]}.log"
        log.parent.mkdir(exist_ok=True)
        with log.open("ab") as output:
            popen = subprocess.Popen(
                command or dozvon(*words),
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = Process(words[0], popen, log)
        self.processes.append(process)
        if wait:
            until(lambda: self._is_ready(process), 40, f"{words[0]} is ready")
        return process

    def web(self, *, crash_at: str = "", workers: int = 1, wait: bool = True) -> Process:
        return self.start("web", "--port", str(self.port), "--workers", str(workers), crash_at=crash_at, wait=wait)

    def worker(self, *, crash_at: str = "", wait: bool = True, **more: str) -> Process:
        return self.start("worker", crash_at=crash_at, wait=wait, **more)

    def _is_ready(self, process: Process) -> bool:
        if not process.is_alive:
            raise AssertionError(f"{process.name} ended with {process.popen.returncode}: {process.text()[-2000:]}")
        return self.is_ready() if process.name == "web" else f"{process.name}_started" in process.text()

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def running(self, name: str) -> Process:
        """The process of that name which runs now."""
        return next(process for process in self.processes if process.name == name and process.is_alive)

    def stop(self) -> None:
        """End everything that was started."""
        for process in self.processes:
            process.stop()

    def apply(self, text: str, *options: str) -> None:
        """`dozvon apply` with this file."""
        file = self.home / "acme.toml"
        file.write_text(text)
        done = subprocess.run(
            dozvon("apply", str(file), *options), env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    def document(self) -> str:
        """The workspace's file, with the tokens that the CRM's application has now."""
        crm = self.b24.provisioning("b24").replace(
            "[connection.settings]\n", '[connection.settings]\nplan = "enterprise"\n'
        )
        pbx_url = self.pbx.base_url.replace(str(self.pbx.port), str(self.proxies["pbx"].port))
        pbx = mango_connection(self.pbx, PBX_KEY, PBX_SALT).replace(self.pbx.base_url, pbx_url)
        return WORKSPACE + pbx + crm

    def roomy(self) -> None:
        """Fill the hub's request budgets anew."""
        with self.stores.client() as client:
            budgets = [key for key in client.scan_iter() if b"bitrix24:" in key or b"mango:" in key]
            if budgets:
                client.delete(*budgets)

    # --- asking -------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def hook_url(self) -> str:
        return f"{self.url}/hooks/{HOOK_TOKEN}"

    def rows(self, query: str) -> list[dict[str, Any]]:
        """What the database says, past all proxies."""
        engine = create_engine(self.database)
        try:
            with engine.connect() as connection:
                return [dict(row) for row in connection.execute(text(query)).mappings()]
        finally:
            engine.dispose()

    def change(self, statement: str) -> None:
        """Move the hub's own rows, as time or a person would."""
        engine = create_engine(self.database)
        with engine.begin() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def count(self, query: str) -> int:
        (row,) = self.rows(query)
        return int(next(iter(row.values())))

    def waiting(self) -> int:
        return self.count("SELECT count(*) FROM inbox WHERE state = 'received'")

    def open_rows(self) -> int:
        return self.count(f"SELECT count(*) FROM deliveries WHERE state IN {_OPEN}")

    def wanted(self) -> int:
        return self.count("SELECT count(*) FROM recordings WHERE state = 'wanted'")

    def is_settled(self) -> bool:
        """Whether nothing is under way any more: in one look, since one kind of work becomes another."""
        return not self.count(
            "SELECT (SELECT count(*) FROM inbox WHERE state = 'received')"
            f" + (SELECT count(*) FROM deliveries WHERE state IN {_OPEN})"
            " + (SELECT count(*) FROM recordings WHERE state = 'wanted')"
        )

    def settle(self, within_seconds: float = 60.0) -> None:
        try:
            until(self.is_settled, within_seconds)
        except AssertionError:
            raise AssertionError(f"not settled within {within_seconds:g} s: {self.what_is_open()}") from None

    def what_is_open(self) -> list[dict[str, Any]]:
        query = f"SELECT step_key, state, due_at, last_error FROM deliveries WHERE state IN {_OPEN} LIMIT 10"
        wanted = "SELECT attempts, reason, next_attempt_at FROM recordings WHERE state = 'wanted' LIMIT 3"
        return [{"waiting": self.waiting(), "wanted": self.wanted()}, *self.rows(query), *self.rows(wanted)]

    def metrics(self) -> dict[str, float]:
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return {
            name: float(value)
            for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))
        }

    def ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    # --- playing ------------------------------------------------------------------------------------

    def play(self, timeline: str, client: str, **numbers: Any) -> PlayedCall:
        call = self.pbx.play(timeline, client=client, **numbers)
        with self._lock:
            self.played.append((timeline, client, call))
        return call

    def play_many(self, timeline: str, clients: Sequence[str], at_once: int = 8) -> list[PlayedCall]:
        calls = self.pbx.play_many([(timeline, {"client": client}) for client in clients], at_once)
        with self._lock:
            self.played += [(timeline, client, call) for client, call in zip(clients, calls, strict=True)]
        return calls


def environment_of(home: Path, database_url: str, redis_url: str) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("DOZVON_")},
        "DOZVON_HOME": str(home),
        "DOZVON_DATABASE_URL": database_url,
        "DOZVON_REDIS_URL": redis_url,
        "DOZVON_ALLOW_HOSTS": "127.0.0.1",
        "DOZVON_LEASE_SECONDS": str(LEASE_SECONDS),
        "DOZVON_RETRY_SECONDS": "0,1,1,2",
        "DOZVON_SWEEP_SECONDS": "1",
    }


@contextmanager
def running_rig(stores: Stores, home: Path, *, on_sqlite: bool = False) -> Iterator[Rig]:
    """A provisioned rig without processes; all that were started are ended with it.

    SQLite is a file and cannot be put behind a proxy; everything else can.
    """
    port = free_port()
    with ExitStack() as stack:
        proxies = {name: stack.enter_context(Proxy()) for name in ("database", "broker", "crm", "pbx")}
        proxies["database"].target_port = stores.postgres.port
        proxies["broker"].target_port = stores.broker_port
        b24 = stack.enter_context(Bitrix24Simulator())
        _behind(proxies["crm"], b24)
        pbx = stack.enter_context(_pbx(port))
        proxies["pbx"].target_port = pbx.port
        database = f"sqlite:///{home / 'dozvon.sqlite3'}" if on_sqlite else stores.new_database()
        seen_by_hub = database.replace(f":{stores.postgres.port}/", f":{proxies['database'].port}/")
        environment = environment_of(home, seen_by_hub, f"redis://127.0.0.1:{proxies['broker'].port}/0")
        rig = Rig(stores, home, environment, database, port, pbx, b24, proxies)
        rig.apply(rig.document())
        try:
            yield rig
        finally:
            rig.stop()


def _pbx(hub_port: int) -> MangoSimulator:
    pbx = MangoSimulator(
        hub_url=f"http://127.0.0.1:{hub_port}", hook_token=HOOK_TOKEN, api_key=PBX_KEY, api_salt=PBX_SALT
    )
    pbx.faults.tries = PATIENT_TRIES
    pbx.faults.answer_within_seconds = 2.0
    return pbx


def _behind(proxy: Proxy, b24: Bitrix24Simulator) -> None:
    """The portal takes the proxy's address for its own, so that upload addresses lead through it as well.

    It has no request limit, as a portal on a server of one's own: `roomy` lifts the hub's own budget likewise.
    Budgets are on trial elsewhere (tests/net, tests/bitrix24); here they would only make each proof longer.
    """
    proxy.target_port = int(b24.domain.rpartition(":")[2])
    b24.settings.limited = False
    with b24.portal.lock:
        b24.portal.domain = f"127.0.0.1:{proxy.port}"


_next_client = itertools.count(9001000000)


def new_clients(number: int) -> list[str]:
    """Numbers that have never called before."""
    return [f"7{next(_next_client)}" for _ in range(number)]
