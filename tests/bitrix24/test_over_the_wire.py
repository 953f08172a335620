"""The connector against the strict portal over real sockets: what the portal holds at the end is what counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.bitrix24 import CONNECTOR
from connectors.contract import Absent, ConnectionFacts, Door, Found, RecordingFile, Step, StepResult
from hub.domain.access import AccessToken
from hub.domain.errors import OutcomeUnknown, Paused, Rejected
from hub.domain.events import Direction, Result
from hub.domain.intents import CallFacts, Intent, IntentKind
from hub.domain.party import Source
from hub.domain.phone import Phone
from hub.net.client import HubHttp
from simulators.bitrix24 import Bitrix24Simulator, User
from simulators.bitrix24.simulated import People

MP3 = b"ID3\x04\x00\x00\x00\x00\x00\x00" + b"\x00" * 64
ANNA, BORIS = User(7, "Анна", extension="101"), User(8, "Борис", extension="102")
STEPS = {
    IntentKind.SHOW_CARD: "show:7",
    IntentKind.HIDE_CARD: "hide:7",
    IntentKind.LOG_CALL: "finish",
    IntentKind.SET_SOURCE: "source",
    IntentKind.ATTACH_RECORDING: "record:1",
    IntentKind.ADD_NOTE: "note:n",
    IntentKind.ADD_TASK: "task",
    IntentKind.CLOSE_TASK: "close_task",
}


@dataclass
class Hub:
    """One connection to the portal, and the results of one call's steps."""

    portal: Bitrix24Simulator
    http: HubHttp
    recording: Path
    settings: dict[str, object] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    access: str = ""
    version: int = 0
    done: dict[str, StepResult] = field(default_factory=dict)

    def current(self) -> AccessToken:
        return AccessToken(self.access, self.version)

    def renewed(self, stale: AccessToken) -> AccessToken:
        assert CONNECTOR.oauth is not None
        pair = CONNECTOR.oauth.refresh(self.door, self.secrets["refresh_token"])
        self.access, self.secrets["refresh_token"] = pair.access, pair.refresh
        self.settings.update(pair.extra)
        self.version += 1
        return self.current()

    @property
    def door(self) -> Door:
        facts = ConnectionFacts(1, "bitrix24", "b24", "RU", "Europe/Moscow", "ru", self.settings, self.secrets)
        return Door(
            connection=facts,
            http=self.http,
            tokens=self,
            now=lambda: datetime.now(UTC),
            spend=lambda _: None,
            recording=lambda _: RecordingFile(self.recording, "mp3", len(MP3)),
            remember=self.settings.update,
        )

    def step(self, kind: IntentKind, call: CallFacts, key: str = "", **more: str) -> Step:
        return Step(key or STEPS[kind], Intent(kind, "n", call, (), **more), dict(self.done), datetime.now(UTC))  # type: ignore[arg-type]

    def do(self, kind: IntentKind, call: CallFacts, key: str = "", **more: str) -> StepResult:
        assert CONNECTOR.crm is not None
        step = self.step(kind, call, key, **more)
        self.done[step.key] = CONNECTOR.crm.perform(step, self.door)
        return self.done[step.key]

    def find(self, kind: IntentKind, call: CallFacts, key: str = "", **more: str) -> object:
        assert CONNECTOR.crm is not None
        return CONNECTOR.crm.look_up(self.step(kind, call, key, **more), self.door)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    path = tmp_path / "kept.mp3"
    path.write_bytes(MP3)
    http = HubHttp(("127.0.0.1",))
    with Bitrix24Simulator(users=[User(1, "Админ", admin=True), ANNA, BORIS]) as portal:
        settings: dict[str, object] = {
            "auth": "oauth",
            "domain": portal.domain,
            "member_id": portal.member_id,
            "client_endpoint": portal.client_endpoint,
            "server_endpoint": portal.server_endpoint,
        }
        keys = {"client_id": portal.client_id, "client_secret": portal.client_secret}
        secrets = {**keys, "refresh_token": portal.refresh_token}
        yield Hub(portal, http, path, settings, secrets, portal.access_token)
        assert portal.ledger.offences() == []
    http.close()


def call(**changes: object) -> CallFacts:
    usual: dict[str, object] = {
        "call_id": "call-1",
        "direction": Direction.INBOUND,
        "client": Phone("+79001234567", "+79001234567"),
        "line": Phone("+74950000001", "+74950000001"),
        "started_at": datetime.now(UTC),
        "answered": True,
        "talk_seconds": 30,
        "wait_seconds": 5,
        "ended_at": None,
        "result": Result.ANSWERED,
        "user_id": "7",
        "extension": "101",
        "creates_lead": True,
        "source": Source("yandex", "cpc", "doors"),
    }
    return CallFacts(**{**usual, **changes})  # type: ignore[arg-type]


def register(hub: Hub, about: CallFacts) -> StepResult:
    return hub.do(IntentKind.LOG_CALL, about, "register")


def test_a_whole_call_is_in_the_portal_once_and_complete(hub: Hub) -> None:
    about = call()
    register(hub, about)
    assert hub.do(IntentKind.SHOW_CARD, about, about="7") == {"shown": True}
    assert hub.portal.cards() == {str(hub.done["register"]["call_id"]): {7}}
    hub.do(IntentKind.HIDE_CARD, about, about="7")
    hub.do(IntentKind.LOG_CALL, about)
    hub.do(IntentKind.SET_SOURCE, about)
    hub.do(IntentKind.ATTACH_RECORDING, about, about="1")
    hub.do(IntentKind.ADD_NOTE, about, text="From the form")
    task = hub.do(IntentKind.ADD_TASK, about, title="Call back", text="Missed")
    hub.do(IntentKind.CLOSE_TASK, about, about=str(task["task_id"]))

    (lead,) = hub.portal.leads()
    assert (lead["UTM_SOURCE"], str(lead["ASSIGNED_BY_ID"])) == ("yandex", "7")
    (logged,) = hub.portal.calls()
    assert (logged["EXTERNAL_CALL_ID"], logged["CALL_DURATION"], logged["RECORD"] is not None) == ("call-1", 30, True)
    (todo,) = hub.portal.tasks()
    assert todo["COMPLETED"] == "Y"


@pytest.mark.parametrize("fault", ["drop_after", "html_502_after", "error_after"])
def test_a_lost_answer_to_register_makes_no_second_call(hub: Hub, fault: str) -> None:
    about = call()
    hub.portal.faults.add(fault, "telephony.externalcall.register")
    with pytest.raises(OutcomeUnknown):
        register(hub, about)
    assert hub.find(IntentKind.LOG_CALL, about, "register") == Absent()
    register(hub, about)
    hub.do(IntentKind.LOG_CALL, about)
    assert (len(hub.portal.leads()), len(hub.portal.calls())) == (1, 1)


@pytest.mark.parametrize("fault", ["drop_after", "html_502_after", "error_after"])
def test_a_lost_answer_to_finish_is_found(hub: Hub, fault: str) -> None:
    about = call()
    register(hub, about)
    hub.portal.faults.add(fault, "telephony.externalcall.finish")
    with pytest.raises(OutcomeUnknown):
        hub.do(IntentKind.LOG_CALL, about)
    found = hub.find(IntentKind.LOG_CALL, about)
    assert isinstance(found, Found)
    assert found.result["statistic_id"]
    assert len(hub.portal.calls()) == 1


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        (IntentKind.ADD_TASK, "crm.activity.todo.add"),
        (IntentKind.ADD_NOTE, "crm.timeline.comment.add"),
        (IntentKind.ATTACH_RECORDING, "upload"),
    ],
)
def test_a_lost_answer_about_the_card_is_found(hub: Hub, kind: IntentKind, method: str) -> None:
    about = call()
    register(hub, about)
    hub.do(IntentKind.LOG_CALL, about)
    assert hub.find(kind, about, title="Call back", text="Missed", about="1") == Absent()
    hub.portal.faults.add("drop_after", method)
    with pytest.raises(OutcomeUnknown):
        hub.do(kind, about, title="Call back", text="Missed", about="1")
    assert isinstance(hub.find(kind, about, title="Call back", text="Missed", about="1"), Found)


def test_a_known_client_gets_the_call_and_a_task_for_their_owner(hub: Hub) -> None:
    phone = [{"VALUE": "+79001234567", "VALUE_TYPE": "WORK"}]
    hub.portal.add_entity("CONTACT", {"NAME": "Ольга", "PHONE": phone, "ASSIGNED_BY_ID": 8})
    about = call(answered=False, talk_seconds=0, result=Result.NO_ANSWER)
    register(hub, about)
    hub.do(IntentKind.LOG_CALL, about)
    assert "skipped" in hub.do(IntentKind.SET_SOURCE, about)
    hub.do(IntentKind.ADD_TASK, about, title="Call back", text="Missed")
    assert hub.portal.leads() == []
    (todo,) = hub.portal.tasks()
    assert str(todo["RESPONSIBLE_ID"]) == "8"


def test_a_stranger_to_the_portal_gives_way_to_whom_the_connection_acts_as(hub: Hub) -> None:
    about = call(user_id=None, extension="999")
    assert register(hub, about)["user_id"] == "1"
    assert hub.settings["default_user_id"] == "1"
    hub.do(IntentKind.LOG_CALL, about)
    assert [str(one["PORTAL_USER_ID"]) for one in hub.portal.calls()] == ["1"]


def test_simple_crm_gets_contact_and_deal_with_the_source(hub: Hub) -> None:
    hub.portal.settings.crm_mode = "simple"
    about = call()
    register(hub, about)
    updated = hub.do(IntentKind.SET_SOURCE, about)["updated"]
    assert isinstance(updated, list)
    assert {str(one).partition(":")[0] for one in updated} == {"CONTACT", "DEAL"}


def test_empty_error_codes_are_judged_by_their_words(hub: Hub) -> None:
    hub.portal.settings.empty_error_codes = True
    about = call()
    register(hub, about)
    assert register(hub, call(call_id="call-2", user_id="4711"))["user_id"] == "1"
    with pytest.raises(Rejected, match="Unsupported phone number format"):
        register(hub, call(call_id="call-3", client=Phone("anonymous")))


def test_a_dead_token_is_refreshed_once(hub: Hub) -> None:
    hub.portal.expire_tokens()
    register(hub, call())
    assert len(hub.portal.ledger.refreshes) == 1
    assert hub.access == hub.portal.access_token


def test_a_renamed_portal_is_followed_when_the_auth_server_proves_it(hub: Hub) -> None:
    new = hub.portal.rename()
    register(hub, call())
    assert hub.settings["domain"] == new
    hub.do(IntentKind.LOG_CALL, call())
    assert len(hub.portal.calls()) == 1


def test_a_redirect_to_another_portal_gets_no_token(hub: Hub) -> None:
    other = hub.portal.add_portal()
    hub.portal.faults.add("redirect", location=other.client_endpoint + "telephony.externalCall.register")
    with pytest.raises(Paused):
        register(hub, call())
    assert hub.portal.ledger.requests(tenant=other.member_id) == []


def test_a_large_directory_is_read_whole(tmp_path: Path) -> None:
    people: People = [User(number, f"Имя{number}", extension=str(1000 + number)) for number in range(1, 131)]
    people.append(User(500, "Уволен", active=False))
    assert CONNECTOR.crm is not None
    with Bitrix24Simulator(users=people, strict=False) as portal:
        http = HubHttp(("127.0.0.1",))
        hub = Hub(portal, http, tmp_path, {"auth": "webhook"}, {"webhook_url": portal.webhook_url})
        users = CONNECTOR.crm.users(hub.door)
        http.close()
    assert {one.user_id for one in users if one.active} == {str(number) for number in range(1, 131)}
    assert {one.extension for one in users} >= {"1001", "1130"}


def test_the_check_answers_over_the_wire(hub: Hub) -> None:
    assert CONNECTOR.check is not None
    assert "answers" in CONNECTOR.check(hub.door)
