"""What a visitor's page may ask: arrive, stay, leave, tell of pages and forms. The doors around it are in `hub.web`."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import redis

from hub.db.engine import Database
from hub.domain.attribution import Device, Touch
from hub.domain.phone import parse_phone
from hub.tracking.live.entry import CLIENT_IDS, object_of, text_of, uid_of, url_of, values_of
from hub.tracking.live.geo import Geo
from hub.tracking.live.hours import count_alarm
from hub.tracking.live.leases import NOBODY, Lease, Leases, address_hash, milliseconds, prefix_of
from hub.tracking.live.numbers_shown import shown_number
from hub.tracking.live.remembered import Remembered, forget_less_than, read_remembered, recall_from_rows
from hub.tracking.live.sites import Site, Sites
from hub.tracking.sources import channel_of, classify, device_of
from hub.tracking.sources.classify import DIRECT

Said = Mapping[str, Any]
Answer = dict[str, Any]
_MOST_PAGES_AT_ONCE = 20
_FORMS_PER_IP_HOUR = 60


class OverBudget(Exception):
    """Too many new visits or forms from one address within this hour."""


@dataclass(frozen=True, slots=True)
class Around:
    """What the request itself tells of a browser; `cookie` is the visitor id that the hub once set there."""

    address: str
    user_agent: str
    origin: str
    cookie: str = ""


class Visitors:
    """All sites' visitors. Methods may raise `redis.RedisError` (nobody can be served) and `OverBudget`."""

    def __init__(
        self, client: redis.Redis, database: Database, geo: Geo, salt: str, now: Callable[[], datetime]
    ) -> None:
        self.client = client
        self.database = database
        self.sites = Sites(database, now)
        self.leases = Leases(client, database)
        self._geo = geo
        self._salt = salt
        self._now = now

    # --- Arriving ---------------------------------------------------------------------------------

    def arrive(self, site: Site, said: Said, around: Around) -> Answer:
        """A page was opened. Answers which number it is to show, and the ids by which it speaks from now on."""
        device = device_of(around.user_agent)
        url, referrer = url_of(said.get("url")), url_of(said.get("ref"))
        touch = classify(url, referrer)
        if device.kind == "bot":
            return _nothing()
        if site.rules.consent == "required" and not said.get("c"):
            return {**_nothing(), **_fixed(site, touch)}
        visit, known = self._find(site, said, referrer, around)
        now = self._now()
        notes = []
        if known is None:
            visit, known = secrets.token_hex(12), self._begin(site, touch, said, around)
            most, memory = site.rules.visits_per_ip_hour, self._memory_of(site, visit, known, url, around)
            self._spend(site, around, "visits", most, memory)
            notes.append(_visit_note(visit, known, touch, url, referrer, said, device, now))
            notes.append(_touch_note(visit, touch, url, referrer, now))
        else:
            if touch.source != DIRECT and _key(touch) != known.touch:
                known = known.with_touch(_key(touch))
                notes.append(_touch_note(visit, touch, url, referrer, now))
            self._remember(site, visit, known, url, around)
        notes.append(_page_note(visit, {"url": url, "title": said.get("title")}, now))
        return self._serve(site, visit, known, said, around, now, notes, waits=not said.get("v"))

    def _find(self, site: Site, said: Said, referrer: str, around: Around) -> tuple[str, Remembered | None]:
        """The visit this page belongs to: named by the page itself, else the one whose page led here."""
        for visit in (uid_of(said.get("v")), self._led_here(site, referrer, around)):
            if visit:
                known = self._recall(site, visit)
                if known is not None:
                    return visit, known
        return "", None

    def _recall(self, site: Site, visit: str) -> Remembered | None:
        kept = read_remembered(self.client.get(_visit_key(site, visit)))
        return kept or recall_from_rows(self.database, site.id, visit, self._now())

    def _led_here(self, site: Site, referrer: str, around: Around) -> str:
        """Without storage: the page before, opened from this address by this browser, says which visit it is."""
        if not referrer.startswith(around.origin):
            return ""
        found: Any = self.client.get(self._trail_key(site, referrer, around))
        return found.decode() if found else ""

    def _begin(self, site: Site, touch: Touch, said: Said, around: Around) -> Remembered:
        names = self._geo.names(around.address)
        pools = set(site.numbers.values())
        region = next((name for name in names if name in pools), names[0] if names else "")
        at_home = not site.rules.home_regions or not set(names).isdisjoint(site.rules.home_regions)
        in_channel = not site.rules.channels or bool(
            {str(channel_of(touch)), touch.source, touch.medium} & set(site.rules.channels)
        )
        fixed = "" if at_home and in_channel else site.static_number(touch.source, touch.medium) or NOBODY
        visitor = uid_of(around.cookie) or uid_of(said.get("u")) or secrets.token_hex(12)
        return Remembered(region=region, fixed=fixed, visitor=visitor, touch=_key(touch))

    def _remember(self, site: Site, visit: str, known: Remembered, url: str, around: Around) -> None:
        pipe = self.client.pipeline(transaction=False)
        for key, value in self._memory_of(site, visit, known, url, around).items():
            pipe.set(key, value, ex=forget_less_than(site.rules.idle_seconds))
        pipe.execute()

    def _memory_of(self, site: Site, visit: str, known: Remembered, url: str, around: Around) -> dict[str, str]:
        """What Redis keeps of a visit: itself, and that the page at `url` belongs to it."""
        memory = {_visit_key(site, visit): json.dumps(asdict(known))}
        return {**memory, self._trail_key(site, url, around): visit} if url else memory

    def _serve(
        self,
        site: Site,
        visit: str,
        known: Remembered,
        said: Said,
        around: Around,
        now: datetime,
        notes: list[str],
        *,
        waits: bool,
    ) -> Answer:
        answer = {"visit": visit, "visitor": known.visitor, "beat": site.rules.beat_seconds}
        if known.fixed or (waits and site.rules.show_delay_seconds):
            self.leases.note(site, now, notes)
            if known.fixed:
                return {**_nothing(), **answer, **(shown_number(site, known.fixed) if known.fixed != NOBODY else {})}
            return {**_nothing(), **answer, "wait": site.rules.show_delay_seconds}
        lease = self._hold(site, visit, known, said, around, now, notes)
        return {**_nothing(), **answer, **_leased(site, lease, now)}

    def _hold(
        self, site: Site, visit: str, known: Remembered, said: Said, around: Around, now: datetime, notes: list[str]
    ) -> Lease | None:
        return self.leases.hold(
            site,
            visit,
            now,
            region=known.region,
            had=text_of(said.get("had"), 20).replace(" ", ""),
            address=address_hash(around.address, self._salt),
            notes=notes,
        )

    # --- Staying and leaving ----------------------------------------------------------------------

    def stay(self, site: Site, said: Said, around: Around) -> Answer:
        """A page is still there: its number is kept, or given now. `visit` null: the hub does not know it any more."""
        visit, now = uid_of(said.get("v")), self._now()
        known = self._recall(site, visit) if visit else None
        if known is None:
            return _nothing()
        notes = self._told(visit, said, now)
        self.client.expire(_visit_key(site, visit), forget_less_than(site.rules.idle_seconds))
        return self._serve(site, visit, known, said, around, now, notes, waits=False)

    def _told(self, visit: str, said: Said, now: datetime) -> list[str]:
        notes = []
        changed = {"params": values_of(said.get("p")), "ids": values_of(said.get("ids"), CLIENT_IDS)}
        if any(changed.values()):
            notes.append(_note("U", visit, now, **{name: value for name, value in changed.items() if value}))
        seen = object_of(said.get("seen"))
        if seen:
            counts = {
                name: min(int(seen.get(name) or 0), 10_000) for name in ("texts", "links") if _is_count(seen, name)
            }
            notes.append(_note("S", visit, now, url=url_of(seen.get("url")), **counts))
        return notes

    def leave(self, site: Site, said: Said) -> None:
        """The page was closed, or its visitor fell asleep: the number goes back."""
        visit = uid_of(said.get("v"))
        if visit:
            self.leases.leave(site, visit, self._now())

    def pages(self, site: Site, said: Said, around: Around) -> None:
        """Pages that were looked at without loading the document anew."""
        visit, now = uid_of(said.get("v")), self._now()
        known = self._recall(site, visit) if visit else None
        listed = said.get("pages")
        if known is None or not isinstance(listed, list):
            return
        notes = [_page_note(visit, object_of(page), now) for page in listed[:_MOST_PAGES_AT_ONCE]]
        self.leases.note(site, now, notes)
        for page in listed[:_MOST_PAGES_AT_ONCE]:
            self._remember(site, visit, known, url_of(object_of(page).get("url")), around)

    def report(self, site: Site, said: Said, around: Around) -> None:
        """A form was sent; a phone in it joins the visitor to their calls."""
        visit, now = uid_of(said.get("v")), self._now()
        if not visit or self._recall(site, visit) is None:
            return
        self._spend(site, around, "forms", _FORMS_PER_IP_HOUR)
        fields = values_of(said.get("fields"))
        phone = parse_phone(fields.pop("phone", ""), site.country)
        form = text_of(said.get("form"), 100) or "form"
        stated = {"phone": phone.e164} if phone and phone.e164 else {}
        self.leases.note(site, now, [_note("F", visit, now, form=form, fields=fields, **stated)])

    def _spend(self, site: Site, around: Around, what: str, most: int, memory: Said | None = None) -> None:
        """Count one more, and keep `memory` in the same turn; it is taken back when there were too many."""
        now, kept, address = self._now(), memory or {}, address_hash(around.address, self._salt)
        key = f"{prefix_of(site.id)}spent:{what}:{address}:{int(now.timestamp()) // 3600}"
        pipe = self.client.pipeline(transaction=False)
        pipe.incr(key)
        pipe.expire(key, 3700)
        for name, value in kept.items():
            pipe.set(name, value, ex=forget_less_than(site.rules.idle_seconds))
        if pipe.execute()[0] > most:
            if kept:
                self.client.delete(*kept)
            count_alarm(self.client, site.id, "budget", now, what)
            raise OverBudget(what)

    def refuse(self, site: Site, origin: str) -> None:
        """A page of another origin asked for this site's numbers: somebody should know."""
        count_alarm(self.client, site.id, "foreign_origin", self._now(), text_of(origin, 100))

    def _trail_key(self, site: Site, url: str, around: Around) -> str:
        return f"{prefix_of(site.id)}trail:{address_hash(f'{around.address}|{around.user_agent}|{url}', self._salt)}"


def _visit_key(site: Site, visit: str) -> str:
    return f"{prefix_of(site.id)}visit:{visit}"


def _is_count(seen: Mapping[str, Any], name: str) -> bool:
    return isinstance(seen.get(name), int) and not isinstance(seen.get(name), bool)


def _key(touch: Touch) -> str:
    return "|".join([touch.source, touch.medium, touch.campaign or "", *touch.click_ids.values()])[:500]


def _nothing() -> Answer:
    return {"visit": None, "visitor": None, "number": None, "text": "", "seconds": 0, "wait": 0, "beat": 0}


def _fixed(site: Site, touch: Touch) -> Answer:
    number = site.static_number(touch.source, touch.medium)
    return shown_number(site, number) if number else {}


def _leased(site: Site, lease: Lease | None, now: datetime) -> Answer:
    if lease is None:
        return {}
    return {**shown_number(site, lease.number), "seconds": max(1, round((lease.until - now).total_seconds()))}


# --- Lines for the journal -------------------------------------------------------------------------


def _note(kind: str, visit: str, now: datetime, **said: Any) -> str:
    return f"{kind} " + json.dumps({"visit": visit, "at": milliseconds(now), **said}, ensure_ascii=False)


def _visit_note(
    visit: str, known: Remembered, touch: Touch, url: str, referrer: str, said: Said, device: Device, now: datetime
) -> str:
    words = " ".join(part for part in (device.kind, device.browser, device.system) if part)
    return (
        _note(
            "V", visit, now, visitor=known.visitor, url=url, referrer=referrer, source=touch.source[:200],
            medium=touch.medium[:200], campaign=touch.campaign, region=known.region[:100] or None, device=words[:100],
            ids=values_of(said.get("ids"), CLIENT_IDS),
        )
    )  # fmt: skip


def _touch_note(visit: str, touch: Touch, url: str, referrer: str, now: datetime) -> str:
    return _note(
        "T", visit, now, source=touch.source, medium=touch.medium, campaign=touch.campaign, content=touch.content,
        term=touch.term, channel=str(channel_of(touch)), click_ids=dict(touch.click_ids), url=url, referrer=referrer,
    )  # fmt: skip


def _page_note(visit: str, page: Mapping[str, Any], now: datetime) -> str:
    return _note("P", visit, now, url=url_of(page.get("url")), title=text_of(page.get("title"), 200))
