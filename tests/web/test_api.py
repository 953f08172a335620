"""The public API: what its answers hold."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from flask import Flask
from openapi_spec_validator import validate

from hub.db.engine import Database
from hub.db.tables import AuditRow
from hub.domain.call import Outcome
from hub.domain.phone import Phone
from hub.web.export import safe_cell
from tests.web.conftest import Notes, bearer
from tests.web.operations import OPERATIONS
from tests.web.seed import (
    NOW,
    Seeded,
    add_call,
    add_delivery,
    add_item,
    add_recording,
    add_trouble,
)


def test_operations_listed_here_are_all_there_are(app: Flask) -> None:
    doors = [
        (method, str(rule))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    ]
    assert len(doors) == len(OPERATIONS)


def test_call_list_shows_the_newest_first_with_string_ids_and_utc_times(
    app: Flask, database: Database, acme: Seeded
) -> None:
    older = add_call(database, acme, started_at=NOW - timedelta(hours=2))
    newer = add_call(database, acme, started_at=NOW, outcome=Outcome.MISSED, source="billboard")
    body = app.test_client().get("/api/v1/calls", headers=bearer(acme)).get_json()
    assert [item["id"] for item in body["items"]] == [str(newer), str(older)]
    assert body["next"] is None
    first = body["items"][0]
    assert first["started_at"] == "2026-05-14T12:30:00Z"
    assert (first["outcome"], first["source"], first["connection"]) == ("missed", "billboard", "mango")
    assert first["client"] == "+79001234567"
    assert first["line"] == "+74950000001"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"outcome": "missed"}, ["missed"]),
        ({"outcome": "answered"}, ["answered"]),
        ({"direction": "inbound"}, ["missed", "answered"]),
        ({"direction": "outbound"}, []),
        ({"source": "billboard"}, ["missed"]),
        ({"connection": "mango"}, ["missed", "answered"]),
        ({"connection": "nobody"}, []),
        ({"phone": "8 900 999-99-99"}, ["missed"]),
        ({"phone": "+79009999999"}, ["missed"]),
        ({"from": "2026-05-14T12:00:00Z"}, ["missed"]),
        ({"from": "2026-05-14T15:00:00+03:00"}, ["missed"]),
        ({"to": "2026-05-14T12:00:00Z"}, ["answered"]),
        ({"from": "2026-05-14"}, ["missed", "answered"]),
        ({"from": "2026-05-14T10:30:00Z", "to": "2026-05-14T12:30:00Z"}, ["answered"]),
    ],
)
def test_filters_keep_the_calls_that_fit(
    app: Flask, database: Database, acme: Seeded, query: dict[str, str], expected: list[str]
) -> None:
    add_call(database, acme, started_at=NOW - timedelta(hours=2))
    client = Phone("79009999999", "+79009999999")
    add_call(database, acme, started_at=NOW, outcome=Outcome.MISSED, source="billboard", client=client)
    answer = app.test_client().get("/api/v1/calls", query_string=query, headers=bearer(acme))
    assert answer.status_code == 200
    assert [item["outcome"] for item in answer.get_json()["items"]] == expected


def test_unescaped_plus_of_an_offset_is_read_as_meant(app: Flask, acme: Seeded) -> None:
    answer = app.test_client().get("/api/v1/calls?from=2026-05-14T15:00:00+03:00", headers=bearer(acme))
    assert answer.status_code == 200


def test_pages_stay_put_while_calls_are_added(app: Flask, database: Database, acme: Seeded) -> None:
    ids = [add_call(database, acme, started_at=NOW - timedelta(minutes=number // 2)) for number in range(7)]
    client, seen, cursor = app.test_client(), [], None
    while True:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        body = client.get("/api/v1/calls", query_string=query, headers=bearer(acme)).get_json()
        seen += [int(item["id"]) for item in body["items"]]
        cursor = body["next"]
        if cursor is None:
            break
        add_call(database, acme, started_at=NOW + timedelta(minutes=len(seen)))
    assert sorted(seen) == sorted(ids)
    assert len(seen) == len(set(seen))


def test_one_call_tells_legs_source_deliveries_trace_and_recordings(
    app: Flask, database: Database, acme: Seeded
) -> None:
    call_id = add_call(database, acme, source="billboard")
    delivery = add_delivery(database, acme, call_id, state="dead", words="no such field")
    token = add_recording(database, acme, call_id)
    body = app.test_client().get(f"/api/v1/calls/{call_id}", headers=bearer(acme)).get_json()
    assert [leg["extension"] for leg in body["legs"]] == [None, "102", "101"]
    assert body["legs"][2]["result"] == "answered"
    assert body["attribution"]["chosen"] == {
        "source": "billboard", "medium": "offline", "campaign": None, "model": "static_number",
    }  # fmt: skip
    assert "отведён источнику «billboard»" in body["attribution"]["evidence"][0]  # in the workspace's language
    assert body["attribution"]["reasons"] == ["static_number"]
    assert [(sent["id"], sent["last_error"]) for sent in body["deliveries"]] == [(str(delivery), "no such field")]
    assert body["deliveries"][0]["attempts"][0]["words"] == "no such field"
    assert body["trace"][0]["why"][0]["rule"] == "talked_last"
    assert body["trace"][1]["unsupported"] == "this CRM keeps no notes"
    assert body["recordings"][0]["url"].endswith(f"/r/{token}")


def test_call_without_a_known_source_says_so_honestly(app: Flask, database: Database, acme: Seeded) -> None:
    call_id = add_call(database, acme)
    body = app.test_client().get(f"/api/v1/calls/{call_id}", headers=bearer(acme)).get_json()
    assert body["attribution"] == {"chosen": None, "candidates": [], "evidence": [], "reasons": []}


def test_deliveries_are_filtered_by_state_connection_and_call(app: Flask, database: Database, acme: Seeded) -> None:
    first, second = add_call(database, acme), add_call(database, acme)
    dead = add_delivery(database, acme, first, state="dead")
    done = add_delivery(database, acme, second)
    client = app.test_client()

    def ids(**query: str) -> list[str]:
        answer = client.get("/api/v1/deliveries", query_string=query, headers=bearer(acme))
        return [item["id"] for item in answer.get_json()["items"]]

    assert ids() == [str(done), str(dead)]
    assert ids(state="dead") == [str(dead)]
    assert ids(connection="b24", call=str(second)) == [str(done)]
    assert ids(connection="mango") == []
    detail = client.get(f"/api/v1/deliveries/{done}", headers=bearer(acme)).get_json()
    assert detail["result"] == {"CALL_ID": "x.1"}
    assert detail["attempts"][0]["outcome"] == "done"


def test_replay_reaches_the_engine_and_the_audit(app: Flask, database: Database, acme: Seeded, notes: Notes) -> None:
    dead = add_delivery(database, acme, add_call(database, acme), state="dead")
    answer = app.test_client().post(f"/api/v1/deliveries/{dead}/replay", headers=bearer(acme))
    assert (answer.status_code, answer.get_json()["id"]) == (202, str(dead))
    assert notes.deliveries == [([dead], acme.workspace_id)]
    with database.reading() as session:
        row = session.query(AuditRow).one()
    assert (row.actor, row.action, row.subject) == ("key:all", "delivery.replay", str(dead))


def test_replay_of_what_is_done_is_a_conflict(app: Flask, database: Database, acme: Seeded, notes: Notes) -> None:
    done = add_delivery(database, acme, add_call(database, acme))
    notes.answer = 0
    answer = app.test_client().post(f"/api/v1/deliveries/{done}/replay", headers=bearer(acme))
    assert answer.status_code == 409


def test_quarantine_is_listed_and_replayed(app: Flask, database: Database, acme: Seeded, notes: Notes) -> None:
    item = add_item(database, acme, reason="not JSON")
    add_item(database, acme, state="processed")
    client = app.test_client()
    body = client.get("/api/v1/inbox?state=quarantined", headers=bearer(acme)).get_json()
    assert [(row["id"], row["reason"]) for row in body["items"]] == [(str(item), "not JSON")]
    assert client.post(f"/api/v1/inbox/{item}/replay", headers=bearer(acme)).status_code == 202
    assert notes.inbox == [([item], acme.workspace_id)]


def test_connections_tell_health_quota_and_drift_but_no_secret(app: Flask, database: Database, acme: Seeded) -> None:
    add_trouble(database, acme)
    answer = app.test_client().get("/api/v1/connections", headers=bearer(acme))
    b24, mango = answer.get_json()["items"]
    assert (b24["health"], b24["state"]) == ("stopped", "needs_reconnect")
    assert {use["lane"] for use in b24["quota"]} == {"urgent", "calls", "bulk"}
    assert mango["health"] == "good"
    assert mango["drift"] == [
        {"kind": "field", "name": "new_field", "seen": 12, "last_seen_at": "2026-05-14T12:30:00Z"}
    ]
    assert "never shown" not in answer.text
    assert "hook-token" not in answer.text


def test_exported_cells_are_no_formulas(app: Flask, database: Database, acme: Seeded) -> None:
    add_call(database, acme, source='=HYPERLINK("http://evil.example")')
    add_call(database, acme, client=Phone("@SUM(A1)"))
    answer = app.test_client().get("/api/v1/calls.csv", headers=bearer(acme))
    assert answer.content_type == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["source"] for row in rows} == {"", '\'=HYPERLINK("http://evil.example")'}
    assert {row["client"] for row in rows} == {"+79001234567", "'@SUM(A1)"}


@pytest.mark.parametrize("cell", ["=1+1", "+1+1", "-1", "@x", "\t=1", "\r=1", " =1", "＝1", "+7900;cmd"])
def test_cell_that_begins_like_a_formula_is_quoted(cell: str) -> None:
    assert safe_cell(cell) == "'" + cell


def test_export_holds_more_than_one_chunk(
    app: Flask, database: Database, acme: Seeded, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hub.web.queries import calls

    monkeypatch.setattr(calls, "_EXPORT_CHUNK", 2)
    ids = [add_call(database, acme, started_at=NOW - timedelta(minutes=number)) for number in range(5)]
    text = app.test_client().get("/api/v1/calls.csv", headers=bearer(acme)).text
    assert [int(row["id"]) for row in csv.DictReader(io.StringIO(text))] == ids


def test_description_is_valid_and_complete(app: Flask) -> None:
    answer = app.test_client().get("/api/v1/openapi.json")
    assert answer.status_code == 200
    validate(answer.get_json())
    assert answer.get_json()["openapi"].startswith("3.1")
    described = {
        (method.upper(), re.sub(r"{\w+}", "1", path))
        for path, methods in answer.get_json()["paths"].items()
        for method in methods
    }
    assert described == {(method, path) for method, path, _ in OPERATIONS}


def test_readable_description_needs_no_key(app: Flask) -> None:
    answer = app.test_client().get("/api/docs")
    assert answer.status_code == 200
    for _, _, scope in OPERATIONS:
        assert scope in answer.text
    assert "://" not in answer.text.replace("http://www.w3.org", "")
