"""Touch models, channels, devices, flags, and the list of referrers itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.domain.attribution import Touch
from hub.tracking.attribution.quality import Flags, QualityRules, flags_of
from hub.tracking.sources import Channel, TouchModel, channel_of, credit, device_of
from hub.tracking.sources.update import main as update

CALLED = datetime(2026, 3, 1, 12, tzinfo=UTC)
VK, MAIL, DIRECT = Touch("vk", "social"), Touch("mailing", "email"), Touch("(direct)", "(none)")


def ago(days: float, touch: Touch) -> tuple[datetime, Touch]:
    return CALLED - timedelta(days=days), touch


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (TouchModel.FIRST, [(VK, 1.0)]),
        (TouchModel.LAST, [(DIRECT, 1.0)]),
        (TouchModel.LAST_NON_DIRECT, [(MAIL, 1.0)]),
        (TouchModel.LINEAR, [(VK, 1 / 3), (MAIL, 1 / 3), (DIRECT, 1 / 3)]),
    ],
)
def test_each_model_gives_the_call_to_its_touches(model: TouchModel, expected: list[tuple[Touch, float]]) -> None:
    assert credit([ago(1, DIRECT), ago(9, VK), ago(2, MAIL)], CALLED, model) == expected


def test_only_direct_touches_leave_the_call_direct() -> None:
    assert credit([ago(1, DIRECT)], CALLED, TouchModel.LAST_NON_DIRECT) == [(DIRECT, 1.0)]


def test_touches_after_the_call_and_before_the_window_do_not_count() -> None:
    touches = [ago(-1, VK), ago(91, VK), ago(3, MAIL)]
    assert credit(touches, CALLED, TouchModel.FIRST) == [(MAIL, 1.0)]
    assert credit(touches[:2], CALLED, TouchModel.LINEAR) == []


@pytest.mark.parametrize(
    ("source", "medium", "channel"),
    [
        ("yandex", "cpc", Channel.PAID_SEARCH),
        ("vk", "cpc", Channel.PAID_SOCIAL),
        ("blog.example", "cpc", Channel.PAID_OTHER),
        ("yandex", "organic", Channel.ORGANIC_SEARCH),
        ("vk", "social", Channel.ORGANIC_SOCIAL),
        ("vk", "(not set)", Channel.ORGANIC_SOCIAL),
        ("blog.example", "cpm", Channel.DISPLAY),
        ("mailing", "e-mail", Channel.EMAIL),
        ("telegram", "messenger", Channel.MESSENGER),
        ("partner.example", "referral", Channel.REFERRAL),
        ("(direct)", "(none)", Channel.DIRECT),
        ("billboard", "offline", Channel.UNASSIGNED),
    ],
)
def test_a_touch_belongs_to_a_channel(source: str, medium: str, channel: Channel) -> None:
    assert channel_of(Touch(source, medium)) is channel


IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1"
PIXEL = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/126.0.0.0 Mobile Safari/537.36"
TAB = "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 Chrome/126.0.0.0 Safari/537.36"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0.0.0 YaBrowser/24.6.0 Safari/537.36"
BOT = "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)"


@pytest.mark.parametrize(
    ("user_agent", "kind"),
    [
        (IPHONE, "phone"),
        (PIXEL, "phone"),
        (TAB, "tablet"),
        (WINDOWS, "desktop"),
        (BOT, "bot"),
        ("", "unknown"),
        ("x", "unknown"),
    ],
)
def test_a_user_agent_tells_the_device(user_agent: str, kind: str) -> None:
    assert device_of(user_agent).kind == kind


def test_browser_and_system_are_named() -> None:
    device = device_of(WINDOWS)
    assert (device.browser, device.system) == ("Yandex Browser", "Windows")


def flags(
    talk_seconds: int = 60,
    earlier: tuple[float, ...] = (),
    client: str | None = "+79001234567",
    rules: QualityRules | None = None,
    known_to_crm: bool = False,
) -> Flags:
    return flags_of(
        at=CALLED,
        client=client,
        earlier_calls_at=[CALLED - timedelta(days=days) for days in earlier],
        known_to_crm=known_to_crm,
        talk_seconds=talk_seconds,
        group="sales",
        line="+74950000001",
        rules=rules or QualityRules(),
    )


def test_a_first_call_is_unique_and_new() -> None:
    assert (flags().is_unique, flags().is_new) == (True, True)


def test_a_second_call_is_not_new_and_unique_again_after_the_sites_time() -> None:
    assert (flags(earlier=(5,)).is_unique, flags(earlier=(5,)).is_new) == (False, False)
    assert (flags(earlier=(31,)).is_unique, flags(earlier=(31,)).is_new) == (True, False)
    assert not flags(earlier=(400,), rules=QualityRules(unique_within=None)).is_unique


def test_a_later_call_changes_nothing() -> None:
    assert flags(earlier=(-1,)).is_new


def test_a_hidden_caller_and_a_person_in_the_crm_are_not_new() -> None:
    assert not flags(client=None).is_new
    assert not flags(known_to_crm=True).is_new


@pytest.mark.parametrize(
    ("talk_seconds", "rules", "counts"),
    [
        (30, QualityRules(), True),
        (29, QualityRules(), False),
        (60, QualityRules(groups={"sales"}), True),
        (60, QualityRules(groups={"support"}), False),
        (60, QualityRules(lines={"+74950000001"}), True),
        (60, QualityRules(lines={"+74950000002"}), False),
    ],
)
def test_quality_needs_the_talk_the_group_and_the_line(talk_seconds: int, rules: QualityRules, counts: bool) -> None:
    assert flags(talk_seconds, rules=rules).is_quality is counts


SOURCES = Path(__file__).parents[2] / "hub" / "tracking" / "sources"


def test_the_list_of_referrers_states_its_licence() -> None:
    content = json.loads((SOURCES / "referrers.json").read_text("utf-8"))
    assert "CC0" in content["licence"]
    assert len(content["referrers"]) > 400


def test_the_update_makes_the_list_from_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "AIAssistants.yml").write_text("Oracle:\n  - Oracle.example\n")
    (tmp_path / "Socials.yml").write_text("Crowd:\n  - crowd.example\n")
    (tmp_path / "SearchEngines.yml").write_text("Finder:\n  -\n    urls: [finder.example]\n    params: [Q, '/x/']\n")
    monkeypatch.setattr("hub.tracking.sources.update._TARGET", tmp_path / "referrers.json")
    assert update([str(tmp_path)]) == 0
    assert json.loads((tmp_path / "referrers.json").read_text())["referrers"] == [
        {"medium": "ai", "source": "oracle", "hosts": ["oracle.example"]},
        {"medium": "organic", "source": "finder", "hosts": ["finder.example"], "params": ["q"]},
        {"medium": "social", "source": "crowd", "hosts": ["crowd.example"]},
    ]


def test_the_update_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert update([str(tmp_path)]) == 1
    assert "checkout" in capsys.readouterr().err
    assert update([]) == 2
