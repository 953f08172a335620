"""The table in the CRMs' frames, door by door: who gets in, what they see, what they may change."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from hub.db.engine import Database
from hub.db.tables import Connection, ConnectionToken, Workspace
from hub.delivery.people import employees_for
from tests.staff.stage import ORIGINS, Stage, furnish
from tests.web.conftest import log_in
from tests.web.seed import Seeded


def test_administrator_changes_who_is_who_and_the_log_names_them(stage: Stage) -> None:
    answer = stage.keep(stage.ticket(), u8="102", u9="109")
    assert answer.status_code == 200
    assert "2 lines were kept" in answer.text
    assert stage.people() == {"8": "102", "9": "109"}
    actor = f"{stage.vendor}:1"
    assert stage.audit() == [
        (actor, f"{stage.name}/mango: Борис Волков: — → 102"), (actor, f"{stage.name}/mango: Вера Громова: — → 109"),
    ]  # fmt: skip


def test_a_call_that_follows_goes_to_whom_the_frame_named(stage: Stage) -> None:
    stage.keep(stage.ticket(), u8="102")
    stage.keep(stage.ticket(), u8="205", u9="102")
    with stage.database.reading() as session:
        pbx, crm = session.get_one(Connection, stage.pbx_id), session.get_one(Connection, stage.crm_id)
        found = {extension: one.user_id for extension, one in employees_for(session, pbx, crm).items()}
    assert (found["102"], found["205"]) == ("9", "8")


def test_colleague_who_is_no_administrator_sees_the_table_and_changes_nothing(stage: Stage) -> None:
    ticket = stage.ticket(may_change=False, user_id="8")
    seen = stage.post(ticket)
    assert seen.status_code == 200
    assert "Вера Громова" in seen.text
    assert "An administrator of the CRM can change it here" in seen.text
    assert 'type="text"' not in seen.text
    for form in ({"all": "1"}, {"only": "1"}):
        answer = stage.post(ticket, user=["9"], extension=["109"], **form)
        assert (answer.status_code, "Only an administrator of the CRM" in answer.text) == (403, True)
    assert (stage.people(), stage.audit()) == ({}, [])


def test_forged_tickets_open_nothing(stage: Stage) -> None:
    good = stage.ticket()
    other = "amocrm" if stage.vendor == "bitrix24" else "bitrix24"
    body, _, signature = good.rpartition(".")
    forged = ["", "x", good[:-1], f"{body}A.{signature}", "a" * 9000, stage.ticket(vendor=other)]
    for ticket in forged:
        for answer in (stage.post(ticket), stage.keep(ticket, u8="102")):
            assert answer.status_code == 403
            assert "opens inside the CRM" in answer.text
            assert "Белова" not in answer.text
    assert (stage.people(), stage.audit()) == ({}, [])


@pytest.mark.parametrize(("language", "words"), [("en", "Reload the CRM’s page"), ("ru", "Обновите страницу CRM")])
def test_expired_ticket_says_so_in_the_persons_language(stage: Stage, language: str, words: str) -> None:
    ticket = stage.ticket(language=language)
    stage.notes.pass_time(timedelta(minutes=59))
    assert stage.post(ticket).status_code == 200
    stage.notes.pass_time(timedelta(minutes=2))
    for answer in (stage.post(ticket), stage.keep(ticket, u8="102")):
        assert answer.status_code == 403
        assert words in answer.text
    assert stage.people() == {}


def test_using_a_ticket_does_not_make_its_hour_longer(stage: Stage) -> None:
    ticket = stage.ticket()
    stage.notes.pass_time(timedelta(minutes=59))
    page = stage.keep(ticket, u8="102").text
    assert f'name="ticket" value="{ticket}"' in page
    stage.notes.pass_time(timedelta(minutes=2))
    assert stage.post(ticket).status_code == 403


def test_ticket_dies_with_what_it_was_bound_to(stage: Stage) -> None:
    ticket = stage.ticket()
    changes = ("moved", "other account", "stopped", "removed")
    for change in changes:
        with stage.database.transaction() as session:
            row = session.get_one(Connection, stage.crm_id)
            before = (row.workspace_id, dict(row.settings), row.state)
            if change == "moved":
                room = session.scalars(select(Workspace).where(Workspace.slug == "room")).first() or Workspace(
                    slug="room", name="r", timezone="UTC", region="RU", locale="ru", hours={}, created_at=row.created_at
                )
                session.add(room)
                session.flush()
                row.workspace_id = room.id
            elif change == "other account":
                row.settings = {**row.settings, "member_id": "f" * 32, "account_id": "27182818"}
            elif change == "stopped":
                row.state = "needs_reconnect"
            else:
                row.settings = {name: value for name, value in row.settings.items() if name != "account_id"}
                session.query(ConnectionToken).filter_by(connection_id=row.id).delete()
        answer = stage.keep(ticket, u8="102")
        assert (answer.status_code, "not connected to the hub any more" in answer.text) == (403, True), change
        with stage.database.transaction() as session:
            row = session.get_one(Connection, stage.crm_id)
            row.workspace_id, row.settings, row.state = before
    assert stage.people() == {}


def test_nothing_of_another_workspace_is_seen_or_changed(stage: Stage, stranger: Seeded) -> None:
    theirs, _ = furnish(stage.database, stranger, stage.vendor)
    mine = stage.ticket()
    page = stage.post(mine, pbx=str(stranger.pbx_id), show="1").text
    assert "acme.example" in page
    assert "other.example" not in page
    stage.post(mine, all="1", pbx=str(stranger.pbx_id), crm=str(theirs), user=["8"], extension=["808"])
    with stage.database.reading() as session:
        pbx, crm = session.get_one(Connection, stranger.pbx_id), session.get_one(Connection, theirs)
        assert "808" not in employees_for(session, pbx, crm)
    assert stage.people() == {"8": "808"}
    crossed = stage.ticket(connection_id=theirs)
    assert stage.post(crossed).status_code == 403


def test_page_may_be_shown_by_exactly_that_origin_and_leaves_no_cookie(stage: Stage) -> None:
    ticket = stage.ticket()
    for answer in (stage.post(ticket), stage.keep(ticket, u8="102")):
        assert f"frame-ancestors {ORIGINS[stage.vendor]};" in f"{answer.headers['Content-Security-Policy']};"
        assert "X-Frame-Options" not in answer.headers
        assert "Set-Cookie" not in answer.headers
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert "csrf_token" not in answer.text
    assert stage.app.test_client().get(stage.path).status_code == 405
    assert ticket not in urlsplit(stage.path).query


def test_log_in_of_the_hub_counts_for_nothing_in_a_frame(stage: Stage, acme: Seeded) -> None:
    owner = log_in(stage.app, acme)
    answer = owner.post(stage.path, data={"all": "1", "user": ["8"], "extension": ["102"]})
    assert answer.status_code == 403
    agent = log_in(stage.app, acme, "agent")
    assert agent.post(stage.path, data={"ticket": stage.ticket(language="ru")}).text.count("Анна Белова") >= 1


def test_what_is_refused_is_said_in_the_frame_and_stays_as_it_was_typed(stage: Stage) -> None:
    stage.keep(stage.ticket(), u8="102")
    answer = stage.post(stage.ticket(), only="1", user=["9", "7"], was=["", ""], extension=["102", "107"])
    assert "102 is the extension of Борис Волков" in answer.text
    assert 'value="107" data-stood=""' in answer.text
    assert stage.people() == {"8": "102"}


def test_who_was_dismissed_is_said_and_gives_the_extension_away(stage: Stage, database: Database) -> None:
    from hub.db.directory import DirectoryUser

    stage.keep(stage.ticket(), u8="102")
    with database.transaction() as session:
        session.get_one(DirectoryUser, (stage.crm_id, "8")).active = False
    assert "no longer in the CRM" in stage.post(stage.ticket()).text
    assert stage.keep(stage.ticket(), u9="102").status_code == 200
    assert stage.people() == {"8": "", "9": "102"}
    assert [subject.rpartition(": ")[2] for _, subject in stage.audit()] == ["— → 102", "— → 102", "102 → —"]


def test_hub_and_both_frames_show_the_same_lines(stage: Stage, acme: Seeded) -> None:
    stage.keep(stage.ticket(), u8="102")

    def table(page: str) -> str:
        rows = page[page.index('class="staff-group"') : page.index("</form>", page.index('class="staff-group"'))]
        return rows.strip()

    hub = log_in(stage.app, acme).get(f"/admin/start/people?crm={stage.crm_id}").text
    assert table(stage.post(stage.ticket()).text) == table(hub)
