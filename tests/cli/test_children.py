"""Children are started again, with patience, and never outlive the one that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.broker import broker_command, broker_url, running_broker_url, socket_path, wait_for_broker
from hub.children import Child, Command, describe_exit
from hub.domain.errors import DozvonError
from hub.supervisor import check_port, locked_home
from tests.cli.processes import gone, until
from tests.services import free_port


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def sleeper() -> Command:
    return Command("sleeper", ["sleep", "60"])


@pytest.fixture
def kept() -> Iterator[Callable[[Child], Child]]:
    children: list[Child] = []

    def keep(child: Child) -> Child:
        children.append(child)
        return child

    yield keep
    for child in children:
        child.terminate()
        child.wait(time.monotonic() + 5)


def test_a_killed_child_is_started_again(kept: Callable[[Child], Child]) -> None:
    clock = Clock()
    child = kept(Child(sleeper(), clock))
    child.start()
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: not child.running)
    assert child.tend() == "sleeper ended (killed by SIGKILL); starting it again in 0.2 s"
    clock.now += 1
    assert child.tend() is None
    assert child.running
    assert child.pid != first


def test_a_child_that_dies_at_once_gets_longer_pauses_and_a_steady_one_a_short_one() -> None:
    clock = Clock()
    child = Child(Command("broken", ["false"]), clock)
    pauses = []
    for _ in range(10):
        child.tend()
        until(lambda: not child.running)
        pauses.append(float((child.tend() or "").rsplit(" ", 2)[1]))
        clock.now += 100
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]
    child.tend()
    until(lambda: not child.running)
    clock.now += 11  # it lived for eleven seconds by this clock
    assert "in 0.2 s" in (child.tend() or "")


def test_what_a_dead_child_has_started_goes_with_it(tmp_path: Path, kept: Callable[[Child], Child]) -> None:
    note = tmp_path / "pid"
    child = kept(Child(Command("parent", ["sh", "-c", f"sleep 60 & echo $! > '{note}'; wait"])))
    child.start()
    until(lambda: note.exists() and note.read_text().strip() != "")
    grandchild = int(note.read_text())
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    until(lambda: not child.running)
    child.tend()
    until(lambda: gone(grandchild))


def test_a_child_that_does_not_listen_is_killed_in_time() -> None:
    child = Child(
        Command(
            "deaf",
            [
                sys.executable,
                "-c",
                "import signal,time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)",
            ],
        )
    )
    child.start()
    time_before = time.monotonic()
    child.terminate()
    child.wait(time_before + 0.5)
    assert time.monotonic() - time_before < 5
    assert not child.running


def test_an_exit_is_told_in_words() -> None:
    assert describe_exit(3) == "exit code 3"
    assert describe_exit(-9) == "killed by SIGKILL"


def test_a_taken_port_is_one_line() -> None:
    import socket

    with socket.socket() as listener:
        port = free_port()
        listener.bind(("127.0.0.1", port))
        listener.listen()
        with pytest.raises(DozvonError, match=f"Port {port} on 127.0.0.1 cannot be used"):
            check_port("127.0.0.1", port)
    check_port("127.0.0.1", port)


def test_a_home_has_one_supervisor(tmp_path: Path) -> None:
    with locked_home(tmp_path), pytest.raises(DozvonError, match="Another `dozvon up`"), locked_home(tmp_path):
        pass
    with locked_home(tmp_path):
        pass


def test_a_lock_is_free_only_when_the_last_child_has_ended(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys; from pathlib import Path; from hub.supervisor import locked_home\n"
        f"with locked_home(Path({str(tmp_path)!r})) as lock:\n"
        "    child = subprocess.Popen(['sleep', '60'], pass_fds=(lock,), stdout=subprocess.DEVNULL)\n"
        "    print(child.pid, flush=True)\n"
        "    import os; os.kill(os.getpid(), 9)\n"
    )
    output = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, timeout=60).stdout
    child = int(output)
    said: list[str] = []

    def end_the_child() -> None:
        said.append("ending")
        os.kill(child, signal.SIGTERM)

    killer = threading.Timer(0.5, end_the_child)
    killer.start()
    with locked_home(tmp_path):
        assert said == ["ending"]
    killer.join()


# --- The embedded broker --------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> Path:
    place = tmp_path / 'a home with "spaces" and ключ'
    place.mkdir()
    return place


def test_the_broker_runs_in_a_home_with_any_name_and_keeps_what_it_was_given(
    home: Path, kept: Callable[[Child], Child]
) -> None:
    import redis

    def started() -> Child:
        child = kept(Child(broker_command(home)))
        child.start()
        wait_for_broker(broker_url(home), lambda: child.running)
        return child

    first = started()
    assert running_broker_url(home) == broker_url(home)
    assert " " not in broker_url(home)
    assert socket_path(home).parent.stat().st_mode & 0o777 == 0o700
    client = redis.Redis.from_url(broker_url(home))
    client.set("kept", "yes")
    settings = client.config_get("*")
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "everysec"
    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["port"] == "0"
    client.client_list()
    client.close()
    first.terminate()
    first.wait(time.monotonic() + 5)
    assert running_broker_url(home) is None
    started()
    assert redis.Redis.from_url(broker_url(home)).get("kept") == b"yes"


def test_a_stale_socket_does_no_harm(home: Path, kept: Callable[[Child], Child]) -> None:
    child = kept(Child(broker_command(home)))
    child.start()
    wait_for_broker(broker_url(home), lambda: child.running)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    until(lambda: not child.running)
    assert socket_path(home).exists()
    again = kept(Child(broker_command(home)))
    again.start()
    wait_for_broker(broker_url(home), lambda: again.running)


def test_a_broker_that_ends_at_once_is_told(home: Path) -> None:
    with pytest.raises(DozvonError, match="broker did not start"):
        wait_for_broker(broker_url(home), lambda: False)
