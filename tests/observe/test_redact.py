"""Nothing that a log shows has a secret or a whole phone in it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.phone import Phone
from hub.observe.redact import is_secret_name, mask_text, redact

CANARY = "c4n4ryS3cretValue"

SECRET_NAMES = [
    "token", "access_token", "refreshToken", "hook_token", "secret", "client_secret", "password", "Authorization",
    "api_key", "apiKey", "API-KEY", "api_salt", "sign", "X-Signature", "cookie", "secret_key", "webhook_url", "auth",
]  # fmt: skip
PLAIN_NAMES = ["assigned", "design", "step_key", "call_key", "event", "signal", "author", "keyboard"]


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_value_of_a_secret_name_is_masked(name: str) -> None:
    assert redact({name: CANARY}) == {name: "***"}


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_a_value_of_a_plain_name_stays(name: str) -> None:
    assert not is_secret_name(name)
    assert redact({name: "seven"}) == {name: "seven"}


@pytest.mark.parametrize(
    "text",
    [
        f"refused: access_token={CANARY}&x=1",
        f'{{"refresh_token": "{CANARY}"}}',
        f"{{'client_secret': '{CANARY}'}}",
        f"auth[access_token]={CANARY}",
        f"auth%5Baccess_token%5D={CANARY}",
        f"Authorization: Bearer {CANARY}",
        f"header was Bearer {CANARY}",
        f"sign={CANARY}",
        f"api key dz_{CANARY} is unknown",
        f"whsec_{CANARY}",
        f"https://acme.example/rest/7/{CANARY}/crm.lead.add.json failed",
        f"https://user:{CANARY}@acme.example/path",
        f"postgresql+psycopg://dozvon:{CANARY}@db.example/dozvon",
        f"redis://:{CANARY}@redis.example:6379/0",
        f"https://acme.example/a?key={CANARY}#x",
        f"GET /hooks/{CANARY}/events/call HTTP/1.1",
        f"GET /r/{CANARY} HTTP/1.1",
        f"/route/{CANARY}?caller=101",
        f"(x.Error) no\n[SQL: INSERT INTO t VALUES (?)]\n[parameters: ('{CANARY}', 3)]\n(Background on this: …)",
        f"(x.Error) no\n[SQL: INSERT INTO t VALUES (?)]\n[parameters: ('{CANARY}', [1])]",
    ],
)
def test_a_secret_inside_a_text_is_masked(text: str) -> None:
    masked = mask_text(text)
    assert CANARY not in masked
    assert "***" in masked or "hidden" in masked or "?" not in masked


def test_the_rest_of_an_address_stays_readable() -> None:
    assert mask_text("https://acme.example/rest/crm.lead.add.json?auth=x is slow") == (
        "https://acme.example/rest/crm.lead.add.json is slow"
    )
    assert mask_text("/hooks/AAAAAAAAAAAAAAAAAAAAAAAA/events/call") == "/hooks/***/events/call"


@pytest.mark.parametrize(
    "number",
    [
        "+79001234567", "79001234567", "89001234567", "+7 (900) 123-45-67", "8 900 123 45 67", "8(900)123-45-67",
        "+44 20 7946 0958", "9001234567", "4915112345678", "%2B79001234567", "+7-900-123-45-67",
    ],
)  # fmt: skip
@pytest.mark.parametrize("frame", ["{}", "call from {}.", "tel:{}", "client:{}", "{}_74950000001.mp3", "({},101)"])
def test_a_phone_is_masked_wherever_it_stands(number: str, frame: str) -> None:
    masked = mask_text(frame.format(number))
    assert number not in masked
    digits = "".join(character for character in number if character.isdigit())
    assert digits[-7:] not in "".join(character for character in masked if character.isdigit())


@pytest.mark.parametrize(
    "text",
    [
        "extension 101", "2026-11-22T03:21:34.123456Z", "1788003601", "1788003601.17", "1788003601123",
        "84.201.133.144:8080", "019a2b3c-1234-7abc-8def-012345678901", "attempt 7 of 10 took 86400 s", "8 rows, 900 ms",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)  # fmt: skip
def test_what_is_no_phone_stays(text: str) -> None:
    assert mask_text(text) == text


def test_values_of_every_shape_come_out_as_json_types_and_masked() -> None:
    shown = redact(
        {
            "phone": Phone(raw="8 900 123-45-67", e164="+79001234567"),
            "number": 79001234567,
            "nested": [{"secrets": {"a": CANARY}}, ("+79001234567", b"raw bytes")],
            "by_phone": {"+79001234567": 1},
            "at": datetime(2026, 11, 22, tzinfo=UTC),
            "took": timedelta(seconds=3),
            "error": ValueError("bad +79001234567"),
            "fine": [True, None, 1.5, 12],
        }
    )
    assert "9001234567" not in repr(shown)
    assert CANARY not in repr(shown)
    assert isinstance(shown, dict)
    assert shown["nested"][1][1] == "<9 bytes>"
    assert shown["at"] == "2026-11-22T00:00:00+00:00"
    assert shown["fine"] == [True, None, 1.5, 12]


def test_a_value_that_contains_itself_ends() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert "…" in repr(redact(loop))


@pytest.mark.parametrize("piece", ["a-", "token", "/a1", "+7 ", "79 ", "[parameters: ", "://", "'"])
def test_a_huge_text_costs_little(piece: str) -> None:
    started = time.process_time()
    mask_text(piece * 500_000)
    assert time.process_time() - started < 2


@given(st.text(max_size=30), st.integers(min_value=10**6, max_value=10**7 - 1), st.text(max_size=30))
def test_no_surrounding_uncovers_a_phone(before: str, tail: int, after: str) -> None:
    before = "".join(character for character in before if not character.isdigit() and character not in "+-(). ")
    after = "".join(character for character in after if not character.isdigit())
    assert f"900{tail}" not in mask_text(f"{before}+7900{tail}{after}")
