"""How the simulated portal reads requests, answers, batches and lists (bitrix24.md §2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3

from simulators.bitrix24 import Bitrix24Simulator
from simulators.bitrix24.brackets import flatten, nest
from tests.simulators.bitrix24_talk import Talk


@pytest.fixture
def portal() -> Iterator[Bitrix24Simulator]:
    with Bitrix24Simulator() as simulator:
        yield simulator


@pytest.fixture
def talk(portal: Bitrix24Simulator) -> Talk:
    return Talk(portal)


def test_bracket_names_make_maps_and_lists_and_go_back() -> None:
    nested = {"fields": {"PHONE": [{"VALUE": "+7900"}], "TITLE": "x"}, "ids": ["1", "2"]}
    assert nest(flatten(nested)) == nested
    assert nest([("values[]", "a"), ("values[]", "b")]) == {"values": ["a", "b"]}


@pytest.mark.parametrize("multipart", [True, False])
def test_forms_with_brackets_are_read(portal: Bitrix24Simulator, multipart: bool) -> None:
    fields = {"auth": portal.access_token, "fields[TITLE]": "x", "fields[PHONE][0][VALUE]": "+79001234567"}
    url = portal.client_endpoint + "crm.lead.add.json"
    pool = urllib3.PoolManager()
    answer = pool.request_encode_body("POST", url, fields=fields, encode_multipart=multipart)
    assert answer.status == 200, answer.data
    assert portal.leads()[0]["PHONE"][0]["VALUE"] == "+79001234567"


def test_json_body_of_a_get_is_ignored(portal: Bitrix24Simulator) -> None:
    url = f"{portal.client_endpoint}crm.duplicate.findbycomm?{urlencode({'auth': portal.access_token})}"
    answer = urllib3.request("GET", url, json={"type": "PHONE", "values": ["+79001234567"]})
    assert (answer.status, answer.json()["error_description"]) == (400, "Communication type is not defined")
    assert portal.ledger.offences("json_on_get")


def test_method_names_are_read_in_any_case_and_unknown_ones_are_404(talk: Talk) -> None:
    assert talk.ok("CRM.Lead.LIST") == []
    assert talk.refused("crm.lead.invent")[:2] == (404, "ERROR_METHOD_NOT_FOUND")


def test_parameter_names_of_crm_are_read_only_as_documented(talk: Talk) -> None:
    assert talk.refused("crm.lead.add", FIELDS={"TITLE": "x"})[2] == "Parameter 'fields' must be array"
    assert talk.refused("crm.timeline.comment.add", FIELDS={"COMMENT": "x"})[1] == "100"


def test_batch_puts_earlier_results_into_later_commands(portal: Bitrix24Simulator, talk: Talk) -> None:
    portal.add_entity("CONTACT", {"NAME": "Ольга", "ASSIGNED_BY_ID": 8, "PHONE": [{"VALUE": "+79001234567"}]})
    commands = {
        "who": "telephony.externalCall.searchCrmEntities?PHONE_NUMBER=%2B79001234567",
        "owner": "user.get?ID=$result[who][0][ASSIGNED_BY_ID]",
        "bad": "crm.lead.get?id=1",
    }
    status, body = talk.ask("batch", halt=0, cmd=commands)
    assert status == 200
    assert body["result"]["result"]["owner"][0]["ID"] == "8"
    assert body["result"]["result_error"]["bad"]["error_description"] == "Not found"
    assert body["result"]["result_next"] == []
    assert len([one for one in portal.ledger.requests() if not one.in_batch]) == 1


def test_halt_stops_a_batch_at_the_first_error(talk: Talk) -> None:
    result = talk.ok("batch", halt=1, cmd={"a": "crm.lead.get?id=1", "b": "server.time"})
    assert list(result["result_error"]) == ["a"]
    assert result["result"] == []


def test_batch_refuses_itself_uploads_and_more_than_fifty_commands(talk: Talk) -> None:
    errors = talk.ok(
        "batch", cmd={"a": "batch?cmd[x]=profile", "b": "telephony.externalCall.attachRecord?RECORD_URL=x"}
    )
    codes = {one["error"] for one in errors["result_error"].values()}
    assert codes == {"ERROR_BATCH_METHOD_NOT_ALLOWED"}
    too_many = {f"c{number}": "profile" for number in range(51)}
    assert talk.refused("batch", cmd=too_many)[:2] == (400, "ERROR_BATCH_LENGTH_EXCEEDED")


def test_lists_have_fifty_rows_a_total_and_a_next(portal: Bitrix24Simulator, talk: Talk) -> None:
    for number in range(60):
        portal.add_entity("LEAD", {"TITLE": f"lead {number}"})
    first = talk.ask("crm.lead.list")[1]
    assert (len(first["result"]), first["total"], first["next"]) == (50, 60, 50)
    second = talk.ask("crm.lead.list", start=50)[1]
    assert (len(second["result"]), "next" in second) == (10, False)
    uncounted = talk.ask("crm.lead.list", start=-1, order={"ID": "ASC"}, filter={">ID": first["result"][49]["ID"]})[1]
    assert (len(uncounted["result"]), "total" in uncounted) == (10, False)


@pytest.mark.parametrize(
    ("conditions", "titles"),
    [
        ({"TITLE": "beta"}, ["beta"]),
        ({"!TITLE": "beta"}, ["alpha", "gamma"]),
        ({"%TITLE": "MM"}, ["gamma"]),
        ({"=%TITLE": "a%"}, ["alpha"]),
        ({"@TITLE": ["alpha", "gamma"]}, ["alpha", "gamma"]),
        ({">=OPPORTUNITY": 20}, ["beta", "gamma"]),
        ({"<OPPORTUNITY": 20}, ["alpha"]),
        ({"PHONE": "+79001234567"}, ["beta"]),
        ({"PHONE": "89001234567"}, []),
        ({"NO_SUCH_FIELD": "x"}, ["alpha", "beta", "gamma"]),
    ],
)
def test_filters(portal: Bitrix24Simulator, talk: Talk, conditions: dict[str, Any], titles: list[str]) -> None:
    for number, title in enumerate(("alpha", "beta", "gamma"), start=1):
        phone = [{"VALUE": "+79001234567"}] if title == "beta" else []
        portal.add_entity("LEAD", {"TITLE": title, "OPPORTUNITY": number * 10, "PHONE": phone})
    assert [one["TITLE"] for one in talk.ok("crm.lead.list", filter=conditions, select=["TITLE"])] == titles
