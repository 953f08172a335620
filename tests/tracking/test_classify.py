"""A landing and a referrer become a touch by the order of analytics.md §6.1."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.tracking.sources import classify, continues_session
from hub.tracking.sources.tags import tags_of

HOME = "https://shop.example/"

REFERRERS = {
    # search engines, the least set of analytics.md §6.2
    "https://www.google.com/": ("google", "organic"),
    "https://www.google.co.uk/search?q=doors": ("google", "organic"),
    "https://google.kz": ("google", "organic"),
    "https://yandex.ru/": ("yandex", "organic"),
    "https://yandex.com.tr/search/?text=x": ("yandex", "organic"),
    "https://ya.ru/": ("yandex", "organic"),
    "https://www.bing.com/": ("bing", "organic"),
    "https://duckduckgo.com/": ("duckduckgo", "organic"),
    "https://ru.search.yahoo.com/": ("yahoo", "organic"),
    "https://go.mail.ru/": ("mail.ru", "organic"),
    "https://nova.rambler.ru/": ("rambler", "organic"),
    "https://www.baidu.com/": ("baidu", "organic"),
    "https://ecosia.org/": ("ecosia", "organic"),
    "https://www.startpage.com/": ("startpage", "organic"),
    "https://www.qwant.com/": ("qwant", "organic"),
    "https://search.brave.com/": ("brave", "organic"),
    "https://www.sputnik.ru/": ("sputnik", "organic"),
    "https://nigma.ru/": ("nigma", "organic"),
    "https://search.seznam.cz/": ("seznam", "organic"),
    "https://search.naver.com/": ("naver", "organic"),
    "https://kagi.com/": ("kagi", "organic"),
    # the longest match wins
    "https://mail.yandex.ru/": ("yandex", "email"),
    "https://yandex.ru/maps/": ("yandex", "maps"),
    "https://yandex.ru/maps": ("yandex", "maps"),
    "https://yandex.ru/mapsomething": ("yandex", "organic"),
    "https://maps.google.com/": ("google", "maps"),
    "https://maps.google.de/": ("google", "maps"),
    "https://mail.google.com/": ("gmail", "email"),
    "https://gemini.google.com/": ("gemini", "ai"),
    "https://notebooklm.google.com/": ("notebooklm", "ai"),
    "https://zen.yandex.ru/": ("dzen", "social"),
    "https://alice.yandex.ru/": ("alice", "ai"),
    "https://e.mail.ru/": ("mail.ru", "email"),
    "https://mail.rambler.ru/": ("rambler", "email"),
    # assistants
    "https://chatgpt.com/": ("chatgpt", "ai"),
    "https://chat.openai.com/": ("chatgpt", "ai"),
    "https://claude.ai/": ("claude", "ai"),
    "https://copilot.microsoft.com/": ("copilot", "ai"),
    "https://www.perplexity.ai/": ("perplexity", "ai"),
    "https://chat.deepseek.com/": ("deepseek", "ai"),
    "https://grok.com/": ("grok", "ai"),
    "https://chat.mistral.ai/": ("mistral", "ai"),
    "https://meta.ai/": ("meta ai", "ai"),
    "https://chat.qwen.ai/": ("qwen", "ai"),
    "https://you.com/": ("you", "ai"),
    "https://duck.ai/": ("duck.ai", "ai"),
    "https://giga.chat/": ("gigachat", "ai"),
    # social networks, messengers, maps, advertisements
    "https://vk.com/": ("vk", "social"),
    "https://m.vk.com/": ("vk", "social"),
    "https://away.vk.com/": ("vk", "social"),
    "https://vk.ru/": ("vk", "social"),
    "https://ok.ru/": ("ok", "social"),
    "https://l.facebook.com/": ("facebook", "social"),
    "https://lm.facebook.com/": ("facebook", "social"),
    "https://dzen.ru/": ("dzen", "social"),
    "https://t.me/": ("telegram", "messenger"),
    "https://web.whatsapp.com/": ("whatsapp", "messenger"),
    "https://max.ru/": ("max", "messenger"),
    "https://2gis.ru/": ("2gis", "maps"),
    "https://www.avito.ru/": ("avito", "maps"),
    "https://yabs.yandex.ru/": ("yandex", "cpc"),
    "https://yabs.yandex.by/": ("yandex", "cpc"),
    "https://googleads.g.doubleclick.net/": ("google", "cpc"),
    "https://ads.vk.com/": ("vk", "cpc"),
    # applications
    "android-app://com.google.android.gm/": ("gmail", "email"),
    "android-app://com.google.android.googlequicksearchbox/": ("google", "organic"),
    "android-app://org.telegram.messenger/": ("telegram", "messenger"),
    # anybody else
    "https://www.partner.example/page": ("partner.example", "referral"),
    "https://www.cnn.com/": ("cnn.com", "referral"),
    "https://notgoogle.com/": ("notgoogle.com", "referral"),
    "https://google.com.evil.example/": ("google.com.evil.example", "referral"),
}

LANDINGS = {
    "?utm_source=Ya&utm_medium=CPC&utm_campaign=Doors&gclid=1": ("yandex", "cpc", "utm"),
    "?UTM_SOURCE=vkontakte": ("vk", "(not set)", "utm"),
    "?utm_source={source}&yclid=12345678901234567890": ("yandex", "cpc", "yclid"),
    "?utm_source={{x}}": ("(direct)", "(none)", "direct"),
    "?utm_source=%25%25SOURCE%25%25": ("(direct)", "(none)", "direct"),
    "?utm_source=%20": ("(direct)", "(none)", "direct"),
    "?gclid=a": ("google", "cpc", "gclid"),
    "?wbraid=a": ("google", "cpc", "wbraid"),
    "?yclid=1&ysclid=2": ("yandex", "cpc", "yclid"),
    "?ysclid=2": ("yandex", "organic", "ysclid"),
    "?etext=2": ("yandex", "organic", "etext"),
    "?msclkid=2": ("bing", "cpc", "msclkid"),
    "?fbclid=2": ("facebook", "social", "fbclid"),
    "?from=partner7": ("partner7", "(from)", "from"),
    "?roistat=abc": ("(direct)", "(none)", "direct"),
    "": ("(direct)", "(none)", "direct"),
}


@pytest.mark.parametrize(("referrer", "expected"), REFERRERS.items())
def test_a_referrer_is_named(referrer: str, expected: tuple[str, str]) -> None:
    touch = classify(HOME, referrer)
    assert (touch.source, touch.medium) == expected


@pytest.mark.parametrize(("query", "expected"), LANDINGS.items())
def test_a_landing_is_named(query: str, expected: tuple[str, str, str]) -> None:
    touch = classify(HOME + query)
    assert (touch.source, touch.medium, touch.rule) == expected


def test_labels_beat_click_ids_and_these_beat_the_referrer() -> None:
    referrer = "https://www.bing.com/"
    assert classify(f"{HOME}?utm_source=mailing&yclid=1&from=x", referrer).source == "mailing"
    assert classify(f"{HOME}?yclid=1&from=x", referrer).source == "yandex"
    assert classify(f"{HOME}?from=x", referrer).source == "x"
    assert classify(HOME, referrer).source == "bing"


def test_labels_are_kept_beside_a_source_that_a_click_id_names() -> None:
    touch = classify(f"{HOME}?yclid=1&utm_campaign=Двери&utm_content=b&utm_term=дверь&utm_id=77")
    assert (touch.source, touch.campaign, touch.content, touch.term) == ("yandex", "Двери", "b", "дверь")
    assert touch.campaign_id == "77"
    assert touch.click_ids == {"yclid": "1"}


def test_a_click_id_stays_the_text_that_it_was() -> None:
    assert classify(f"{HOME}?yclid=09876543210987654321").click_ids == {"yclid": "09876543210987654321"}


@pytest.mark.parametrize("padded", [True, False])
def test_openstat_is_read_with_and_without_its_padding(padded: bool) -> None:
    label = base64.urlsafe_b64encode(b"direct.yandex.ru;123;456;yandex.ru:premium").decode()
    touch = classify(f"{HOME}?_openstat={label if padded else label.rstrip('=')}")
    assert (touch.source, touch.medium, touch.campaign, touch.content) == ("yandex", "cpc", "123", "456")


def test_another_openstat_service_is_its_own_source() -> None:
    label = base64.urlsafe_b64encode(b"market.example;7;8;x").decode()
    assert classify(f"{HOME}?openstat={label}").medium == "openstat"


def test_an_openstat_that_cannot_be_read_is_no_source() -> None:
    assert classify(f"{HOME}?_openstat=%FF%FE").rule == "direct"


def test_the_referrer_before_a_redirect_is_believed() -> None:
    touch = classify(f"{HOME}?utm_referrer=https%3A%2F%2Fvk.com%2Fwall", "https://go.example/")
    assert (touch.source, touch.referrer_host) == ("vk", "vk.com")


def test_a_search_term_is_taken_when_the_engine_still_sends_it() -> None:
    assert classify(HOME, "https://go.mail.ru/search?q=двери").term == "двери"


def test_the_site_itself_is_no_referrer() -> None:
    assert classify("https://www.shop.example/x", "https://shop.example/y").rule == "direct"
    assert classify(HOME, "https://pay.example/back", own_hosts=["pay.example"]).rule == "direct"
    assert classify(HOME, "https://othershop.example/").medium == "referral"


@pytest.mark.parametrize(
    ("landing", "referrer", "minutes", "goes_on"),
    [
        (HOME, HOME, 29, True),
        (HOME, HOME, 30, False),
        (HOME, "https://pay.example/", 5, True),
        (HOME, "https://vk.com/", 5, False),
        (HOME + "?utm_source=x", HOME, 5, False),
        (HOME + "?yclid=1", HOME, 5, False),
        (HOME, None, 5, False),
    ],
)
def test_a_return_from_the_site_itself_goes_on_with_the_visit(
    landing: str, referrer: str | None, minutes: int, goes_on: bool
) -> None:
    since = timedelta(minutes=minutes)
    assert continues_session(landing, referrer, since_last_seen=since, own_hosts=["pay.example"]) is goes_on


def test_values_are_cut_and_cleaned() -> None:
    tags = tags_of(f"{HOME}?utm_source={'x' * 400}&utm_term=%00a%1Fb%20")
    assert len(tags["utm_source"]) == 255
    assert tags["utm_term"] == "ab"


@pytest.mark.parametrize("address", ["", "http://[", "::", "https://", "не адрес", "http://a:b:c/", "//"])
def test_garbage_is_direct_and_breaks_nothing(address: str) -> None:
    assert classify(address, address).rule in {"direct", "referrer"}


@given(landing=st.text(max_size=60), referrer=st.text(max_size=60))
def test_no_text_whatever_raises(landing: str, referrer: str) -> None:
    touch = classify(f"https://shop.example/?{landing}", referrer)
    assert touch.source
    assert touch.medium
