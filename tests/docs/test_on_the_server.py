"""What the pages tell to do on the server's shell, done as it is printed: beginning, backup, upgrade, keys, log-ins."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import urllib3

from tests.docs.howto import ROOT, Block, Place, executes
from tests.e2e.hub import until
from tests.services import free_port

pytestmark = pytest.mark.timeout(300)
POOL = urllib3.PoolManager(retries=False, timeout=5.0)
PASSWORD = "correct horse battery"
WORKSPACE = f"""
workspace = {{ slug = "acme", name = "Acme", timezone = "Europe/Moscow", region = "RU" }}
user = [{{ email = "owner@acme.example", password = "{PASSWORD}", role = "owner" }}]
[[connection]]
name = "mango"
vendor = "mango"
secrets = {{ api_key = "k", api_salt = "s" }}
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, {"HOWTO_PORT": str(free_port())})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a hub that has run for a while: a workspace, a secret, a recording."""
    place = Place(tmp_path_factory.mktemp("server"))
    (place.folder / "acme.toml").write_text(WORKSPACE)
    place.do("dozvon apply acme.toml")
    (place.folder / "home" / "recordings").mkdir()
    (place.folder / "home" / "recordings" / "r-1.mp3").write_bytes(b"sound")
    return place.folder / "home"


@pytest.fixture
def furnished(place: Place, home: Path) -> Place:
    shutil.copytree(home, place.folder / "home")
    return place


def users_of(home: Path) -> list[str]:
    with sqlite3.connect(home / "dozvon.sqlite3") as database:
        return [email for (email,) in database.execute("SELECT email FROM users ORDER BY id")]


def file_of(page: str) -> str:
    """The provisioning file that the page prints first."""
    found = re.search(r"```toml\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def comes_up_as_printed(
    place: Place, text: str, instead: Mapping[str, str], then: Callable[[str], None] = lambda _address: None
) -> str:
    """Do what is printed until the hub answers, look at the log-in page and do `then` with the hub's address, end it
    by Ctrl-C; returns what was said."""
    process = place.start(text, instead)
    address = f"http://127.0.0.1:{place.environment['HOWTO_PORT']}"

    def answers() -> bool:
        try:
            return POOL.request("GET", f"{address}/readyz").status == 200
        except urllib3.exceptions.HTTPError:
            return False

    try:
        until(lambda: process.poll() is not None or answers(), 120, "the hub is ready")
        assert process.poll() is None, process.communicate()[0]
        assert POOL.request("GET", f"{address}/admin/login").status == 200
        then(address)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    return said


@executes("docs/first-steps.md", "make setup\n")
def test_first_steps_begin_with_an_address_at_which_the_owner_makes_an_account(block: Block, place: Place) -> None:
    assert "`dozvon user first`" in (ROOT / "docs" / "first-steps.md").read_text()

    def make_account(address: str) -> None:
        printed = place.do("dozvon user first").strip()
        path = printed[printed.index("/admin/first?key=") :]
        page = POOL.request("GET", address + path)
        token = re.search(r'name="csrf_token" value="([^"]+)"', page.data.decode())
        assert token is not None
        form = {
            "csrf_token": token[1], "key": path.partition("key=")[2], "name": "Acme", "email": "owner@acme.example",
            "password": PASSWORD, "timezone": "Europe/Moscow", "region": "RU",
        }  # fmt: skip
        cookie = page.headers["Set-Cookie"].partition(";")[0]
        made = POOL.request("POST", address + path, fields=form, headers={"Cookie": cookie}, encode_multipart=False)
        assert (made.status, made.headers["Location"]) == (303, "/admin/start")

    said = comes_up_as_printed(place, block.text, {}, make_account)
    assert "/admin/first?key=" in said
    assert users_of(place.folder / "home") == ["owner@acme.example"]


@executes("README.md", ".venv/bin/dozvon apply acme.toml")
def test_readme_connects_a_pbx_and_a_portal_by_a_file(block: Block, place: Place) -> None:
    (place.folder / "acme.toml").write_text(file_of(block.page))
    url = "https://acme.bitrix24.example/rest/1/abcdefgh12345678/"
    values = {"OWNER_PASSWORD=…": f"OWNER_PASSWORD='{PASSWORD}'", "_KEY=…": "_KEY=k", "_SALT=…": "_SALT=s"}
    place.environment["HOWTO_PORT"] = ""  # the same `dozvon up` is awaited in the first steps
    said = place.do(block.text, {**values, "WEBHOOK_URL=…": f"WEBHOOK_URL={url}"})
    assert re.search(r"https://calls\.acme\.example/hooks/[\w-]{22,}", said), said
    assert place.said_to_others.read_text() == "make setup\ndozvon up\n"


@executes("docs/operations.md", "git clone")
def test_one_machine_is_set_up_and_comes_up_on_its_home(block: Block, place: Place) -> None:
    (place.folder / "acme.toml").write_text(WORKSPACE)
    home = place.folder / "var-lib-dozvon"
    instead = {"<this repository>": "repository", "/opt/dozvon": str(place.folder), "/var/lib/dozvon": str(home)}
    said = comes_up_as_printed(place, block.text, instead)
    assert "+ connection mango" in said
    assert place.said_to_others.read_text().splitlines() == [f"git clone repository {place.folder}", "make setup"]
    assert users_of(home) == ["owner@acme.example"]


@executes("docs/mango.md", "dozvon apply acme.toml")
def test_mango_is_connected_by_a_file_that_prints_the_hook_address(block: Block, place: Place) -> None:
    workspace = 'workspace = { slug = "acme" }\n'
    (place.folder / "acme.toml").write_text(workspace + file_of(block.page))
    place.environment |= {
        "MANGO_API_KEY": "k",
        "MANGO_API_SALT": "s",
        "DOZVON_PUBLIC_URL": "https://calls.acme.example",
    }
    said = place.do(block.text)
    assert re.search(r"https://calls\.acme\.example/hooks/[\w-]{22,}", said), said


@executes("docs/webhook-connector.md", "openssl rand -base64 32")
def test_a_signing_secret_that_was_made_as_printed_is_taken(block: Block, place: Place) -> None:
    secret = place.do(block.text).strip()
    connection = (
        f'connection = [{{ name = "our-pbx", vendor = "webhook", secrets = {{ signing_secret = "{secret}" }} }}]'
    )
    (place.folder / "acme.toml").write_text(f'workspace = {{ slug = "acme" }}\n{connection}\n')
    assert "+ connection our-pbx" in place.do("dozvon apply acme.toml")


@executes("docs/operations.md", "pg_dump --format=custom")
def test_what_was_backed_up_is_a_whole_hub_again(block: Block, furnished: Place) -> None:
    home, backup = furnished.folder / "home", furnished.folder / "backup"
    backup.mkdir()
    furnished.do(block.text, {"/var/lib/dozvon": str(home), "/backup": str(backup)})
    (backup / "secret.keys").write_bytes((home / "secret.keys").read_bytes())
    (backup / "secret.keys").chmod(0o600)
    assert f"--file={backup}/dozvon.dump dozvon" in furnished.said_to_others.read_text()
    assert (backup / "recordings" / "r-1.mp3").read_bytes() == b"sound"
    furnished.environment["DOZVON_HOME"] = str(backup)
    exported = furnished.do("dozvon export --with-secrets")
    assert 'api_salt = "s"' in exported


@executes("docs/operations.md", "systemctl restart dozvon")
def test_an_upgrade_migrates_the_database_and_restarts(block: Block, furnished: Place) -> None:
    furnished.do(block.text)
    others = furnished.said_to_others.read_text().splitlines()
    assert others == ["git pull", "make setup", "systemctl restart dozvon"]
    assert users_of(furnished.folder / "home") == ["owner@acme.example"]


def test_secrets_are_read_with_the_new_key_alone_after_a_rotation(furnished: Place) -> None:
    """The three steps of *Keys* in docs/operations.md."""
    page = (ROOT / "docs" / "operations.md").read_text()
    assert "`dozvon key secret`" in page
    assert "`DOZVON_SECRET_KEYS=NEW,OLD`" in page
    assert "`dozvon db rotate-keys`" in page
    old = (furnished.folder / "home" / "secret.keys").read_text().split()[0]
    new = furnished.do("dozvon key secret").strip()
    furnished.environment["DOZVON_SECRET_KEYS"] = f"{new},{old}"
    furnished.do("dozvon db rotate-keys")
    furnished.environment["DOZVON_SECRET_KEYS"] = new
    assert 'api_salt = "s"' in furnished.do("dozvon export --with-secrets")


@executes("docs/users.md", "dozvon user add")
def test_an_owner_is_made_by_command(block: Block, furnished: Place) -> None:
    said = furnished.do(block.text, {"owner@acme.example": "second@acme.example"}, types=f"{PASSWORD}\n")
    assert "+ user second@acme.example" in said
    assert users_of(furnished.folder / "home") == ["owner@acme.example", "second@acme.example"]


@executes("docs/users.md", "dozvon key new")
def test_key_for_a_program_is_printed_once(block: Block, furnished: Place) -> None:
    assert re.fullmatch(r"dz_[0-9A-Za-z_-]{20,}", furnished.do(block.text).strip())
