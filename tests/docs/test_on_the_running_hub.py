"""What the pages tell to ask of a running hub, asked as it is printed; all of one hub with stand-ins."""

from __future__ import annotations

import json
import re
import shlex
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from hub.cli import cli
from tests.docs.howto import ROOT, Block, blocks_with, executes
from tests.docs.running import KEY, Scene, running_hub, standing
from tests.e2e.hub import HOOK_TOKEN, until
from tests.services import free_port


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with running_hub(tmp_path_factory.mktemp("hub"), tmp_path_factory.mktemp("shell")) as running:
        yield running


@executes("docs/callbacks.md", "https://hub.example/api/v1/callbacks")
def test_program_asks_for_a_callback_once_and_takes_it_back(block: Block, scene: Scene) -> None:
    language = "2" if ".ru." in block.page else "1"
    instead = {
        "https://hub.example": scene.url, "dz_…": KEY,
        "order-17": f"order-{language}", "123-45-67": f"123-46-0{language}",
    }  # fmt: skip
    first, again = (json.loads(scene.shell.do(block.text, instead).splitlines()[-1]) for _ in range(2))
    assert first["id"] == again["id"]
    assert {"id", "status", "scheduled_for", "words"} <= set(first)
    assert scene.ask(f"/api/v1/callbacks/{first['id']}")["steps"]
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    waiting = scene.ask("/api/v1/callbacks", "POST", {"phone": f"+7900123470{language}", "when": later})
    scene.ask(f"/api/v1/callbacks/{waiting['id']}", "DELETE")
    assert scene.ask(f"/api/v1/callbacks/{waiting['id']}")["status"] == "cancelled"


@executes("docs/callbacks.md", "<button data-dozvon-callback")
def test_the_served_script_minds_the_button_of_the_page(block: Block, scene: Scene) -> None:
    with urllib.request.urlopen(f"{scene.url}/t/shop.js", timeout=10) as answer:
        script = answer.read().decode()
    for attribute in re.findall(r"data-dozvon-[a-z]+", block.text):
        name = attribute.removeprefix("data-")
        in_javascript = re.sub(r"-([a-z])", lambda found: found[1].upper(), name)
        assert name in script or in_javascript in script, attribute


def test_a_visitor_of_the_described_site_is_shown_a_number_of_its_pool(scene: Scene) -> None:
    """docs/tracking.md, *Set up a site*: the script is all that a page needs."""
    page = (ROOT / "docs" / "tracking.md").read_text()
    assert '<script async src="https://hub.example/t/shop.js"></script>' in page
    said = json.dumps({"url": "https://shop.example/?utm_source=vk"}).encode()
    headers = {"Origin": "https://shop.example", "Content-Type": "application/json", "User-Agent": "Mozilla/5.0 Chrome"}
    request = urllib.request.Request(f"{scene.url}/t/shop/visit", said, headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.loads(answer.read())["number"] == "+74951110001"


@executes("docs/webhook-connector.md", "webhook-signature: v1,$SIGN")
def test_any_pbx_sends_its_first_event_by_shell(block: Block, scene: Scene) -> None:
    scene.shell.do(block.text, {'"call_id":"c-1"': '"call_id":"by-shell"', "+79001234567": "+79001234501"})
    until(lambda: scene.calls_of("+79001234501"), what="the call by the webhook")


def test_the_printed_summary_makes_a_whole_call(scene: Scene) -> None:
    """docs/webhook-connector.md, *The smallest thing that works*, an hour ago."""
    (sample, *_) = blocks_with("docs/webhook-connector.md", '"event": "summary"')
    (sender, *_) = blocks_with("docs/webhook-connector.md", "webhook-signature: v1,$SIGN")
    event = {**json.loads(sample.text), "client": "+79001234502"}
    moved = datetime.now(UTC) - timedelta(hours=1) - datetime.fromisoformat(event["started_at"])
    for name in ("at", "started_at", "answered_at", "ended_at"):
        event[name] = (datetime.fromisoformat(event[name]) + moved).isoformat()
    body = re.sub(r"^BODY=.*$", "", sender.text, flags=re.MULTILINE)
    scene.shell.do(f"BODY='{json.dumps(event)}'\n{body}")
    until(lambda: scene.calls_of("+79001234502"), what="the call")
    (call,) = scene.calls_of("+79001234502")
    assert (call["outcome"], call["talk_seconds"]) == ("answered", 52)


@executes("docs/routing.md", "GET /route/<token>?caller=79001234567")
def test_a_pbx_asks_who_should_get_a_caller_in_both_forms(block: Block, scene: Scene) -> None:
    first, answer, second, plain = [line for line in block.text.splitlines() if line]
    address = re.search(r"GET (\S+)", first)
    assert address is not None
    assert address[1] in second
    printed = json.loads(answer)
    path = address[1].replace("<token>", HOOK_TOKEN)
    said = json.loads(scene.shell.do(f"curl -s '{scene.url}{path}'"))
    assert set(said) >= set(printed) - {"party"}
    assert (said["extension"], said["reason"], said["vip"]) == ("102", "vip", True)
    assert scene.shell.do(f"curl -s -H 'Accept: text/plain' '{scene.url}{path}'").strip() == "102"
    assert plain.isdigit()


def test_every_command_of_the_rules_page_does_what_it_says(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of docs/mapping.md, *By command and by program*, from top to bottom."""
    page = (ROOT / "docs" / "mapping.md").read_text()
    table = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `dozvon mapping")]
    commands = [command for cell in table for command in re.findall(r"`(dozvon mapping [^`]+)`", cell)]
    assert len(commands) >= 9
    monkeypatch.chdir(scene.shell.folder)
    said = {}
    for command in commands:
        words = shlex.split(command.replace("rollback b24 3", "rollback b24 1"))[1:]
        done = CliRunner().invoke(cli, words, env=scene.shell.surroundings())
        assert done.exit_code == 0, (command, done.output)
        said[command] = done.output
        if "export" in command:
            (scene.shell.folder / "rules.toml").write_text(done.output)
    assert "[[policy]]" in said["dozvon mapping export b24"]
    assert re.search(r"^\D*1\b", said["dozvon mapping versions b24"], re.MULTILINE)


def test_rules_go_by_the_api_from_a_draft_over_the_dry_run_to_the_publication(scene: Scene) -> None:
    rules = f"/api/v1/connections/{scene.crm_id()}/rules"
    before = scene.ask(rules)
    wish = {"document": {**before["document"], "recordings": "link"}, "revision": before["revision"]}
    assert scene.ask(f"{rules}/draft", "PUT", wish)["draft"]["recordings"] == "link"
    assert {"tried", "changed", "items"} <= set(scene.ask(f"{rules}/dry-run", "POST", {}))
    scene.ask(f"{rules}/publish", "POST", {"note": "links are enough"})
    after = scene.ask(rules)
    assert (after["document"]["recordings"], after["version"]) == ("link", before["version"] + 1)
    assert scene.ask(f"{rules}/versions")["items"][0]["note"] == "links are enough"


def statement_shape(document: Any) -> Any:
    """The names that a statement has, two levels deep."""
    return {name: sorted(value) if isinstance(value, dict) else None for name, value in document.items()}


@executes("docs/statement.md", "dozvon reconcile --connection mango")
def test_days_are_compared_on_demand(block: Block, scene: Scene) -> None:
    assert scene.stage.pbx.play("A", client="79001234503").accepted
    until(lambda: scene.calls_of("+79001234503") and scene.stage.all_done(), 60, "the call is in the CRM")
    today = datetime.now(UTC).date()
    said = scene.shell.do(f"{block.text.strip()} || true", {"2026-09-01": (today - timedelta(days=1)).isoformat()})
    assert "mango" in said
    assert scene.ask("/api/v1/statements")["items"]


@executes("docs/statement.md", '"difference_count": 0')
def test_a_statement_looks_as_printed(block: Block, scene: Scene) -> None:
    scene.shell.do("dozvon reconcile --connection mango || true")
    newest = scene.ask("/api/v1/statements")["items"][0]
    assert statement_shape(newest) == statement_shape(json.loads(block.text))


@executes("docs/reports.md", "/api/v1/reports/sources")
def test_sources_are_told_to_programs(block: Block, scene: Scene) -> None:
    known = {"https://hub.example": scene.url, "dz_…": KEY, "2026-11-01": "2026-01-01"}
    said = json.loads(scene.shell.do(block.text.replace("curl ", "curl -s "), known))
    assert said["next"] is None
    assert all(item["calls"] == item["answered"] + item["missed"] for item in said["items"])


def test_what_an_operator_watches_is_there(scene: Scene) -> None:
    """docs/operations.md, *Health and metrics*: every address and every metric that the page names."""
    page = (ROOT / "docs" / "operations.md").read_text()
    for path in ("/healthz", "/readyz"):
        assert f"`{path}`" in page
        assert urllib.request.urlopen(scene.url + path, timeout=10).status == 200
    named = set(re.findall(r"`(dozvon_[a-z_]+)", page)) - {"dozvon_notices"}  # shown while there is something to notice
    assert len(named) > 3
    assert named <= {name.partition("{")[0] for name in scene.stage.hub.metrics()}
    assert "dozvon_connections" in named


def test_doctor_and_replay_are_asked_as_the_table_of_troubles_says(scene: Scene) -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    assert "`dozvon replay --dead --connection b24`" in page
    scene.shell.do("dozvon replay --dead --connection b24")
    assert "mango" in scene.shell.do("dozvon doctor || true")


def test_a_forgotten_password_is_replaced_on_the_server(scene: Scene) -> None:
    assert "`dozvon user password owner@acme.example`" in (ROOT / "docs" / "users.md").read_text()
    said = scene.shell.do("dozvon user password owner@acme.example", types="battery horse correct\n")
    assert said.strip() == "~ user owner@acme.example: password"


@executes("docs/simulators.md", "dozvon simulate mango")
def test_a_stand_in_of_mango_is_tried_on_the_hub(block: Block, scene: Scene) -> None:
    _mango_plays(block, scene, "79001234504")


@executes("docs/mango.md", "dozvon simulate mango")
def test_mango_is_tried_without_mango(block: Block, scene: Scene) -> None:
    _mango_plays(block, scene, "79001234505")


def _mango_plays(block: Block, scene: Scene, client: str) -> None:
    port = free_port()
    instead = {
        "9101": str(port), "http://127.0.0.1:8080": scene.url, "TOKEN": HOOK_TOKEN, "--api-key k": "--speed 0",
        "--api-salt s": "--api-key demoapikey000000000000000000abcd --api-salt demoapisalt00000000000000000wxyz",
        "6/min": "1/h",
    }  # fmt: skip
    with standing(scene.shell, block.text, instead, port):
        (play, *_) = blocks_with("docs/simulators.md", '"timeline": "missed"')
        scene.shell.do(play.text, {"9101": str(port), "79001234567": client})
        until(lambda: scene.calls_of(f"+{client}"), what="the call of the stand-in")


@executes("docs/simulators.md", "curl -d")
def test_a_call_that_is_played_by_hand_is_missed(block: Block, scene: Scene) -> None:
    client = "79001234506"
    port = urllib.parse.urlsplit(scene.stage.pbx.base_url).port
    assert scene.shell.do(block.text, {"9101": str(port), "79001234567": client}).strip() == "playing"
    until(lambda: [one for one in scene.calls_of(f"+{client}") if one["outcome"] == "missed"], what="the missed call")


@executes("docs/simulators.md", "from simulators.mango import MangoSimulator")
def test_the_stand_in_is_a_python_value_too(block: Block, scene: Scene) -> None:
    text = block.text.replace("http://127.0.0.1:8080", scene.url).replace('"TOKEN"', f'"{HOOK_TOKEN}"')
    text = text.replace('"k"', '"demoapikey000000000000000000abcd"').replace(
        '"s")', '"demoapisalt00000000000000000wxyz")'
    )
    exec(compile(text, block.place, "exec"), {})
    until(lambda: scene.calls_of("+79001234500"), what="the first of the calls")


@executes("docs/simulators.md", "dozvon simulate shop")
def test_the_shop_shows_a_page_with_the_tracker(block: Block, scene: Scene) -> None:
    port = free_port()
    pbx = scene.stage.pbx.base_url.removesuffix("/vpbx")
    instead = {"8090": str(port), "http://127.0.0.1:8080": scene.url, "http://127.0.0.1:9101": pbx}
    with (
        standing(scene.shell, block.text, instead, port) as address,
        urllib.request.urlopen(f"{address}/", timeout=10) as page,
    ):
        assert f'src="{scene.url}/t/shop.js"' in page.read().decode()


@executes("docs/simulators.md", "dozvon simulate oidc")
def test_an_openid_provider_says_where_its_doors_are(block: Block, scene: Scene) -> None:
    port = free_port()
    with (
        standing(scene.shell, block.text, {"9401": str(port), "http://127.0.0.1:8080": scene.url}, port) as address,
        urllib.request.urlopen(f"{address}/.well-known/openid-configuration", timeout=10) as answer,
    ):
        assert json.loads(answer.read())["issuer"] == address


@executes("docs/simulators-bitrix24.md", "dozvon simulate bitrix24")
def test_a_portal_stands_in_both_ways(block: Block, scene: Scene) -> None:
    _both_lines(block, scene, {"9201": str(free_port()), "9202": str(free_port())}, "9201")


@executes("docs/simulators-amocrm.md", "dozvon simulate amocrm")
def test_an_account_stands_in_both_ways(block: Block, scene: Scene) -> None:
    _both_lines(block, scene, {"9301": str(free_port())}, "9301")


def _both_lines(block: Block, scene: Scene, ports: Mapping[str, str], page: str) -> None:
    for line in block.text.splitlines():
        with standing(scene.shell, line, ports, int(ports[page])) as address:
            assert urllib.request.urlopen(f"{address}/", timeout=10).status == 200
