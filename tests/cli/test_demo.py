"""`dozvon demo` shows calls on their way from the stand-in of a PBX into the stand-in of a CRM."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import urllib3

from tests.cli.processes import descendants, gone, until

pytestmark = pytest.mark.faults
_POOL = urllib3.PoolManager(retries=False, timeout=5.0)


def test_a_call_of_the_demo_reaches_the_crm_and_ctrl_c_stops_all_of_it(tmp_path: Path) -> None:
    log = tmp_path / "demo.log"
    home = tmp_path / "demo home"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DOZVON_")}
    # A database of the shell's own must not be touched.
    environment = {**clean, "DOZVON_DATABASE_URL": f"sqlite:///{tmp_path / 'precious.sqlite3'}"}
    words = [sys.executable, "-m", "hub.cli", "demo", "--port", "0", "--home", str(home), "--seed", "3"]
    with log.open("wb") as out:
        process = subprocess.Popen(words, stdout=out, stderr=out, env=environment, cwd=tmp_path)
    try:
        until(lambda: "Ctrl-C stops everything" in log.read_text() or process.poll() is not None, 60)
        text = log.read_text()
        portal = _address(text, r"Bitrix24 portal +(\S+?)/ ")
        assert re.search(r"Log in as +demo@acme\.example +password: \S{8,}", text), text
        assert _POOL.request("GET", _address(text, r"Pages +(\S+)")).status in {200, 301, 302}
        _the_shop_has_the_tracker(_address(text, r"Shop +(\S+?)/ "))
        until(lambda: json.loads(_POOL.request("GET", f"{portal}/_sim/state").data)["leads"], 90)
        until(lambda: _quarantined(_address(text, r"Pages +(\S+?)/admin/")) == 2, 60)
        everybody = [process.pid, *descendants(process.pid)]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=40) == 0
        until(lambda: all(gone(pid) for pid in everybody), 3)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(timeout=10)
    assert not (tmp_path / "precious.sqlite3").exists()
    assert "Traceback" not in log.read_text()


def _the_shop_has_the_tracker(shop: str) -> None:
    """A visitor of the page is shown a number of the pool, and its button calls by the PBX."""
    page = _POOL.request("GET", f"{shop}/").data.decode()
    script = re.search(r'<script async src="(\S+)\.js">', page)
    assert script, page
    assert _POOL.request("GET", f"{script[1]}.js").status == 200
    headers = {"Origin": shop, "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0"}
    answer = _POOL.request("POST", f"{script[1]}/visit", json={"url": f"{shop}/?utm_source=vk"}, headers=headers).json()
    assert answer["number"].startswith("+7495111000")
    assert _POOL.request("POST", f"{shop}/ring", json={"number": answer["number"]}).json() == {"said": "Звоним…"}


def _quarantined(hub: str) -> float:
    """What nobody could read, by the hub's own numbers: the demo has something of it too."""
    lines = _POOL.request("GET", f"{hub}/metrics").data.decode().splitlines()
    shown = [line for line in lines if line.startswith('dozvon_inbox{state="quarantined"}')]
    return float(shown[0].split()[-1]) if shown else 0.0


def _address(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    assert found, text
    return found[1]


def test_the_demo_does_not_touch_a_home_that_holds_something_else(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    words = [sys.executable, "-m", "hub.cli", "demo", "--home", str(tmp_path)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert ended.returncode == 1
    assert "holds something else than a demo" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]
