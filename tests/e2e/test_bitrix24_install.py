"""The application's life in real processes: two portals install it, call, move, remove it and install it again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from simulators.bitrix24 import Bitrix24Simulator
from simulators.bitrix24.simulated import SimulatedPortal
from simulators.mango import MangoSimulator
from tests.e2e.hub import Hub, apply, environment_for, start_hub, until
from tests.services import free_port

KEYS = ("demoapikey000000000000000000{:04d}", "demoapisalt00000000000000000{:04d}")


@dataclass
class Firm:
    """One customer: a portal, a PBX, and the workspace that the installation made or joined."""

    portal: SimulatedPortal
    pbx: MangoSimulator
    slug: str

    def calls(self) -> list[str]:
        return [call["PHONE_NUMBER"] for call in self.portal.calls()]


@dataclass
class Town:
    hub: Hub
    b24: Bitrix24Simulator
    firms: list[Firm]


def provisioning(number: int, firm: Firm, b24: Bitrix24Simulator) -> str:
    """A workspace whose Bitrix24 connection only waits for the installation: no tokens, no portal yet."""
    api_key, api_salt = (word.format(number) for word in KEYS)
    return f"""
[workspace]
slug = "{firm.slug}"
name = "{firm.slug}"
timezone = "Europe/Moscow"
region = "RU"
locale = "ru"

[[connection]]
name = "mango"
vendor = "mango"
hook_token = "{hook_token(number)}"
[connection.settings]
base_url = "{firm.pbx.base_url}"
[connection.secrets]
api_key = "{api_key}"
api_salt = "{api_salt}"

[[connection]]
name = "b24"
vendor = "bitrix24"
[connection.settings]
auth = "oauth"
domain = "{firm.portal.domain}"
[connection.secrets]
client_id = "{firm.portal.client_id}"
client_secret = "{firm.portal.client_secret}"
"""


def hook_token(number: int) -> str:
    return f"{number}" * 24


@contextmanager
def town(home: Path) -> Iterator[Town]:
    port = free_port()
    pbxs: list[MangoSimulator] = []
    with Bitrix24Simulator() as b24:
        b24.settings.slow_handler_seconds = 20
        other = b24.add_portal(same_application=True)
        other.settings.slow_handler_seconds = 20
        firms = []
        try:
            for number, portal in enumerate((b24, other), 1):
                api_key, api_salt = (word.format(number) for word in KEYS)
                pbx = MangoSimulator(
                    hub_url=f"http://127.0.0.1:{port}",
                    hook_token=hook_token(number),
                    api_key=api_key,
                    api_salt=api_salt,
                    seed=number,
                )
                pbxs.append(pbx)
                pbx.__enter__()
                firms.append(Firm(portal, pbx, f"firm-{number}"))
            environment = environment_for(home, DOZVON_BITRIX24_AUTH_SERVERS=b24.auth_domain)
            for number, firm in enumerate(firms, 1):
                apply(home, environment, provisioning(number, firm, b24))
            hub = start_hub(home, environment, port)
            try:
                yield Town(hub, b24, firms)
            finally:
                hub.stop()
        finally:
            for pbx in pbxs:
                pbx.__exit__(None, None, None)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("home")) as running:
        yield running


def logged(firm: Firm, client: str, count: int = 1) -> None:
    until(lambda: firm.calls().count(f"+{client}") >= count, 60, f"{client} is in the log of {firm.slug}")


def test_calls_wait_for_the_installation_and_go_to_their_own_portal(scene: Town) -> None:
    for number, firm in enumerate(scene.firms):
        assert firm.pbx.play("A", client=f"7900666000{number}").accepted
    until(lambda: 'dozvon_outbox{state="blocked"}' in scene.hub.metrics(), what="the calls wait")
    for firm in scene.firms:
        assert firm.portal.open_app(f"{scene.hub.url}/bitrix24/install")[0] == 200
    for number, firm in enumerate(scene.firms):
        logged(firm, f"7900666000{number}")
    assert scene.firms[0].calls() == ["+79006660000"]
    assert scene.firms[1].calls() == ["+79006660001"]


def test_a_click_in_one_portal_rings_in_that_firm_alone(scene: Town) -> None:
    call_id = scene.firms[1].portal.click_to_call(7, "+79006660011")
    logged(scene.firms[1], "79006660011")
    assert scene.firms[1].portal.calls()[-1]["CALL_ID"] == call_id
    assert "+79006660011" not in scene.firms[0].calls()


def test_a_renamed_portal_goes_on_at_its_new_address(scene: Town) -> None:
    firm = scene.firms[0]
    scene.b24.rename(firm.portal)
    assert firm.pbx.play("A", client="79006660021").accepted
    logged(firm, "79006660021")


def test_a_removed_application_waits_and_goes_on_when_it_is_installed_again(scene: Town) -> None:
    firm = scene.firms[0]
    assert firm.portal.uninstall(f"{scene.hub.url}/bitrix24/events") == 200
    assert firm.pbx.play("B", client="79006660031").accepted
    assert scene.firms[1].pbx.play("A", client="79006660032").accepted
    logged(scene.firms[1], "79006660032")
    assert "+79006660031" not in firm.calls()
    assert firm.portal.install(f"{scene.hub.url}/bitrix24/install", new_token=True) == 200
    logged(firm, "79006660031")
    call_id = firm.portal.click_to_call(8, "+79006660033")
    logged(firm, "79006660033")
    assert firm.portal.calls()[-1]["CALL_ID"] == call_id


def test_no_portal_has_anything_to_mind(scene: Town) -> None:
    offences = [one.code for one in scene.b24.ledger.offences()]
    assert offences == []
