"""What the pages tell of the CRMs: whom they know by a number, and the lists that were read from them."""

from __future__ import annotations

from flask import Flask

from hub.db.dials import ReferenceRow
from hub.db.engine import Database
from hub.db.routing import PhoneOwner
from hub.db.statements import DutyRow
from hub.db.tables import CallRow
from hub.domain.codec import to_document
from hub.domain.events import Phrase, Side
from tests.web.conftest import csrf_of, log_in
from tests.web.seed import NOW, Seeded, add_call

EVIL = "<script>alert('x')</script>"


def test_call_page_ranks_whom_the_crms_know_and_tells_cost_rating_and_words(
    app: Flask, database: Database, acme: Seeded
) -> None:
    call_id = add_call(database, acme)
    with database.transaction() as session:
        for kind, place, name in (("LEAD", 2, "A lead"), ("CONTACT", 0, "Olga"), ("COMPANY", 1, "Acme Doors")):
            session.add(
                PhoneOwner(
                    workspace_id=acme.workspace_id, connection_id=acme.crm_id, e164="+79001234567", kind=kind,
                    party_id=str(place + 1), place=place, name=name, owner_user_id="7", seen_at=NOW,
                )
            )  # fmt: skip
        row = session.get_one(CallRow, call_id)
        more = {"cost": {"amount": "3.60", "currency": "RUB"}, "rating": 4}
        row.facts = row.facts | more | {"transcript": [to_document(Phrase(Side.CLIENT, 0, 2, EVIL))]}
    text = log_in(app, acme).get(f"/admin/calls/{call_id}").text
    assert text.index("Olga") < text.index("Acme Doors") < text.index("A lead")
    for words in ("3.60 RUB", "4 of 5", "Transcript", "&lt;script&gt;alert"):
        assert words in text, words
    assert EVIL not in text


def test_the_lists_of_a_crm_are_read_again_at_the_push_of_a_button(
    app: Flask, database: Database, acme: Seeded
) -> None:
    with database.transaction() as session:
        session.add(
            ReferenceRow(
                connection_id=acme.crm_id, kind="source", parent="", item_id="CALL", name="Call", active=True,
                refreshed_at=NOW,
            )
        )  # fmt: skip
    client = log_in(app, acme)
    address = f"/admin/connections/{acme.crm_id}"
    page = client.get(address).text
    assert "Sources" in page
    answer = client.post(f"{address}/read-again", data={"csrf_token": csrf_of(page)}, follow_redirects=True)
    assert "The lists are being read anew" in answer.text
    with database.reading() as session:
        duty = session.get(DutyRow, f"reference:{acme.crm_id}")
        assert duty is not None
        assert duty.done_at is None
    stranger = client.post("/admin/connections/999999/read-again", data={"csrf_token": csrf_of(page)})
    assert stranger.status_code == 404
