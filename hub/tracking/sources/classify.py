"""From a landing address and a referrer to a touch, by the order of analytics.md §6.1."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

from hub.domain.attribution import Touch
from hub.tracking.sources.referrers import host_of, known_referrer
from hub.tracking.sources.tags import CLICK_IDS, openstat_of, tags_of

DIRECT = "(direct)"
NONE = "(none)"
NOT_SET = "(not set)"
SAME_SESSION_WITHIN = timedelta(minutes=30)

_SAME_SOURCE = {
    "ya": "yandex",
    "ya.ru": "yandex",
    "yandex.ru": "yandex",
    "yandex-direct": "yandex",
    "yandex_direct": "yandex",
    "yandex.direct": "yandex",
    "direct.yandex": "yandex",
    "direct.yandex.ru": "yandex",
    "vkontakte": "vk",
    "vk.com": "vk",
    "google.com": "google",
    "adwords": "google",
}


def classify(landing_url: str, referrer: str | None = None, *, own_hosts: Collection[str] = ()) -> Touch:
    """The touch of a visit that landed on `landing_url` from `referrer`.

    Labels beat click ids, these beat old tags, all beat the referrer; without anything it is direct. The landing host,
    `own_hosts` and their subdomains are no referrers (give payment pages that lead back as well). Never raises: what
    cannot be read is taken as absent.
    """
    tags = tags_of(landing_url)
    came_from = tags.get("utm_referrer") or referrer or ""
    own = [host for host in (host_of(landing_url), *own_hosts) if host]
    source, medium, rule, found = (
        _by_labels(tags)
        or _by_click_id(tags)
        or _by_openstat(tags)
        or _by_from(tags)
        or _by_referrer(came_from, own)
        or (DIRECT, NONE, "direct", {})
    )
    return Touch(
        source=_SAME_SOURCE.get(source.lower(), source.lower()),
        medium=medium.lower(),
        campaign=tags.get("utm_campaign") or found.get("campaign") or None,
        content=tags.get("utm_content") or found.get("content") or None,
        term=tags.get("utm_term") or found.get("term"),
        campaign_id=tags.get("utm_id") or tags.get("gad_campaignid"),
        referrer_host=host_of(came_from) if came_from else None,
        click_ids={name: tags[name] for name in CLICK_IDS if name in tags},
        rule=rule,
    )


def continues_session(
    landing_url: str, referrer: str | None, *, since_last_seen: timedelta, own_hosts: Collection[str] = ()
) -> bool:
    """Whether a page view goes on with the visit before it: it came from the site itself or from a page that leads
    back to it (payment), without labels, within 30 minutes."""
    tags = tags_of(landing_url)
    if since_last_seen >= SAME_SESSION_WITHIN or not referrer:
        return False
    labelled = _by_labels(tags) or _by_click_id(tags) or _by_openstat(tags) or _by_from(tags)
    own = [host for host in (host_of(landing_url), *own_hosts) if host]
    return labelled is None and _is_own(host_of(referrer), own)


_Found = tuple[str, str, str, Mapping[str, str]]


def _by_labels(tags: Mapping[str, str]) -> _Found | None:
    if "utm_source" not in tags:
        return None
    return tags["utm_source"], tags.get("utm_medium", NOT_SET), "utm", {}


def _by_click_id(tags: Mapping[str, str]) -> _Found | None:
    for name, meaning in CLICK_IDS.items():
        if name in tags and meaning is not None:
            source, medium = meaning
            return source, medium, name, {}
    return None


def _by_openstat(tags: Mapping[str, str]) -> _Found | None:
    label = openstat_of(tags)
    if label is None:
        return None
    service, campaign, ad, _ = label
    medium = "cpc" if service.lower() == "direct.yandex.ru" else "openstat"
    return service, medium, "openstat", {"campaign": campaign, "content": ad}


def _by_from(tags: Mapping[str, str]) -> _Found | None:
    return (tags["from"], "(from)", "from", {}) if "from" in tags else None


def _by_referrer(referrer: str, own: Collection[str]) -> _Found | None:
    host = host_of(referrer)
    if host is None or _is_own(host, own):
        return None
    known = known_referrer(referrer)
    if known is None:
        return host.removeprefix("www."), "referral", "referrer", {}
    return known.source, known.medium, "referrer", {"term": known.term} if known.term else {}


def _is_own(host: str | None, own: Collection[str]) -> bool:
    if host is None:
        return False
    plain = host.removeprefix("www.")
    mine = {one.lower().removeprefix("www.") for one in own}
    return any(plain == one or plain.endswith(f".{one}") for one in mine)
