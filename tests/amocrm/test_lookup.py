"""Every write has its look-up: amoCRM has no key against doubles (amocrm.md §2.4)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.contract import Absent, Found, Step, Unclear
from hub.domain.errors import OutcomeUnknown, Unreachable
from hub.domain.intents import Intent, IntentKind
from hub.domain.phone import Phone
from hub.net.http import HttpAnswer
from tests.amocrm.account import Asked, FakeAccount, problem
from tests.amocrm.story import API, LINK, Hub, call, intent, log, missed, outbound, record, task

NOTE = intent(IntentKind.ADD_NOTE, text="From the form")


def lost(account: FakeAccount) -> Callable[[Asked], HttpAnswer]:
    """Carried out, and the answer lost on its way."""

    def act(asked: Asked) -> HttpAnswer:
        assert account.handle(asked).status == 200
        raise OutcomeUnknown("cut")

    return act


def prepared(*, known: bool, policy: str = "unsorted") -> Hub:
    hub = Hub()
    hub.settings["unknown_caller"] = policy
    if known:
        hub.account.add("contacts", "+79001234567")
    return hub


CREATIONS = [
    ("unsorted", log(), f"POST {API}/leads/unsorted/sip"),
    ("lead", log(), f"POST {API}/leads/complex"),
    ("unsorted", log(outbound()), f"POST {API}/contacts"),
]


@pytest.mark.parametrize(("policy", "what", "path"), CREATIONS)
def test_a_client_whose_creation_was_lost_is_found_and_made_once(policy: str, what: Intent, path: str) -> None:
    hub = prepared(known=False, policy=policy)
    hub.perform("find", what)
    assert hub.look_up("create", what) == Absent()
    hub.account.on(path, lost(hub.account))
    with pytest.raises(OutcomeUnknown):
        hub.perform("create", what)
    found = hub.look_up("create", what)
    assert isinstance(found, Found)
    hub.done["create"] = found.result
    hub.perform("call", what)
    assert (hub.account.writes().count(path), len(hub.account.contacts)) == (1, 1)
    assert [note["params"]["uniq"] for note in hub.account.call_notes()] == ["call-551"]


def test_an_incoming_lead_accepted_before_it_was_looked_up_is_logged_once() -> None:
    hub = prepared(known=False)
    hub.perform("find", log())
    hub.account.on(f"POST {API}/leads/unsorted/sip", lost(hub.account))
    with pytest.raises(OutcomeUnknown):
        hub.perform("create", log())
    hub.account.unsorted.clear()
    for row in hub.account.contacts.values():
        row["is_unsorted"] = False
    found = hub.look_up("create", log())
    assert isinstance(found, Found)
    hub.done["create"] = found.result
    hub.perform("call", log())
    assert len(hub.account.call_notes()) == 1


AFTERWARDS = [
    ("call", log(), f"POST {API}/contacts/notes"),
    ("task", task(missed()), f"POST {API}/tasks"),
    ("note:n", NOTE, f"POST {API}/contacts/notes"),
]


@pytest.mark.parametrize(("key", "what", "path"), AFTERWARDS)
def test_what_was_lost_on_a_card_is_found_there(key: str, what: Intent, path: str) -> None:
    hub = prepared(known=True)
    for first in ("find", "create"):
        hub.perform(first, what)
    assert hub.look_up(key, what) == Absent()
    hub.account.on(path, lost(hub.account))
    with pytest.raises(OutcomeUnknown):
        hub.perform(key, what)
    assert isinstance(hub.look_up(key, what), Found)
    assert hub.account.writes().count(path) == 1


@pytest.mark.parametrize("patches", [True, False])
def test_a_recording_whose_answer_was_lost_is_found(patches: bool) -> None:
    hub = prepared(known=True)
    hub.show(log())
    hub.account.patches_call_notes = patches
    what = record(call(recording_links=(LINK,)))
    assert hub.look_up("record:1", what) == Absent()
    (contact,) = hub.account.contacts
    (note,) = hub.account.call_notes()
    call_ = f"PATCH {API}/contacts/{contact}/notes/{note['id']}" if patches else f"POST {API}/contacts/notes"
    hub.account.on(call_, lost(hub.account))
    with pytest.raises(OutcomeUnknown):
        hub.perform("record:1", what)
    assert isinstance(hub.look_up("record:1", what), Found)


def test_another_calls_note_is_not_ours() -> None:
    hub = prepared(known=True)
    hub.show(log(call(call_id="call-5510")))
    other = hub.another_call()
    other.perform("find", log())
    assert other.look_up("call", log()) == Absent()


def test_a_call_is_found_on_the_card_to_which_it_had_to_go() -> None:
    hub = prepared(known=True)
    (contact,) = hub.account.contacts
    hub.perform("find", log())
    hub.perform("create", log())
    del hub.account.contacts[contact]
    hub.account.add("contacts", "+79001234567")
    hub.account.on(f"POST {API}/contacts/notes", problem(404), lost(hub.account))
    with pytest.raises(OutcomeUnknown):
        hub.perform("call", log())
    assert isinstance(hub.look_up("call", log()), Found)


@pytest.mark.parametrize("key", ["find", "show:5", "source", "close_task:7"])
def test_what_may_be_repeated_is_not_looked_up(key: str) -> None:
    hub = Hub()
    assert hub.look_up(key, log()) == Absent()
    assert hub.account.asked == []


def test_an_account_that_may_not_tell_leaves_it_unclear() -> None:
    hub = prepared(known=True)
    hub.perform("find", log())
    (contact,) = hub.account.contacts
    hub.account.on(f"GET {API}/contacts/{contact}/notes", problem(403, "No rights"))
    assert isinstance(hub.look_up("call", log()), Unclear)


def test_an_account_that_cannot_be_asked_proves_nothing() -> None:
    hub = prepared(known=True)
    hub.perform("find", log())
    hub.account.on(f"GET {API}/contacts/{next(iter(hub.account.contacts))}/notes", problem(503))
    with pytest.raises(Unreachable):
        hub.look_up("call", log())


def test_a_call_on_no_card_has_nothing_there() -> None:
    hub = Hub()
    for key, what in (("task", task(missed())), ("note:n", NOTE), ("record:1", record(call()))):
        assert hub.crm.look_up(Step(key, what, {}), hub.door) == Absent()
    assert hub.account.asked == []


def test_another_strangers_incoming_lead_is_not_ours() -> None:
    hub = prepared(known=False)
    other = hub.another_call()
    other.show(log(call(call_id="call-1", client=Phone("+79007654321", "+79007654321"))))
    hub.perform("find", log())
    assert hub.look_up("create", log()) == Absent()
