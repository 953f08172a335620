"""The tables of tracking: sites and their numbers, visits and what they did, leases, and the answers for calls."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.tables import Base, BigId, only_where


class SiteRow(Base):
    """A site with the tracker on it. `key` is public, and one for the whole hub: it is all that an address names.

    `settings` are the other fields of the provisioning file (`hub.tracking.live.rules.SiteRules`). `seen` is what
    the script reported of a page last: {"url", "texts", "links", "at"}. `law` is the delay law learned from its calls.
    """

    __tablename__ = "sites"
    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), index=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    origins: Mapped[list[Any]]
    default_number: Mapped[str | None] = mapped_column(String(32))
    post_default_number: Mapped[str | None] = mapped_column(String(32))
    settings: Mapped[dict[str, Any]]
    seen: Mapped[dict[str, Any] | None]
    law: Mapped[dict[str, Any] | None]
    law_learned_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class SiteNumber(Base):
    """A number in a site's pool, from `since` until `until`; the rows of a number are its passport.

    It is not handed out before `usable_from`: another site had it, and its callers still ring.
    `region` names the pool; "" is the one for all regions.
    """

    __tablename__ = "site_numbers"
    __table_args__ = (
        Index("ix_site_numbers_number", "number", "since"),
        Index("ix_site_numbers_site", "site_id", "until"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    site_id: Mapped[int] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    number: Mapped[str] = mapped_column(String(32))
    region: Mapped[str] = mapped_column(String(100), default="")
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    usable_from: Mapped[datetime]


class VisitRow(Base):
    """One visitor's session on a site. `uid` is what the browser holds; `visitor_id` joins visits of one browser.

    `last_seen_at` is the last sign of life. `ids`: client ids of analytics (`hub.tracking.live.entry.CLIENT_IDS`).
    `params` are what the site's own scripts told of the visitor. `device` and `region` are words.
    """

    __tablename__ = "visits"
    __table_args__ = (
        Index("ix_visits_site_started", "site_id", "started_at", "id"),
        Index("ix_visits_visitor", "site_id", "visitor_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    site_id: Mapped[int] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    visitor_id: Mapped[str | None] = mapped_column(String(32))
    started_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    landing_url: Mapped[str] = mapped_column(Text)
    referrer: Mapped[str] = mapped_column(Text)
    source: Mapped[str | None] = mapped_column(String(200))
    medium: Mapped[str | None] = mapped_column(String(200))
    campaign: Mapped[str | None] = mapped_column(String(255))
    region: Mapped[str | None] = mapped_column(String(100))
    device: Mapped[str] = mapped_column(String(100))
    ids: Mapped[dict[str, Any]]
    params: Mapped[dict[str, Any]]


class TouchRow(Base):
    """One arrival of a visit from outside, classified: source, medium, campaign, content, term, channel."""

    __tablename__ = "touches"
    __table_args__ = (UniqueConstraint("visit_uid", "entry"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    visit_uid: Mapped[str] = mapped_column(String(32), index=True)
    entry: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime]
    source: Mapped[str] = mapped_column(String(255))
    medium: Mapped[str] = mapped_column(String(255))
    campaign: Mapped[str | None] = mapped_column(String(255))
    content: Mapped[str | None] = mapped_column(String(255))
    term: Mapped[str | None] = mapped_column(String(255))
    channel: Mapped[str] = mapped_column(String(64))
    click_ids: Mapped[dict[str, Any]]
    url: Mapped[str] = mapped_column(Text)
    referrer: Mapped[str] = mapped_column(Text)


class PageRow(Base):
    """One page that a visit looked at. `entry` is the journal's id of the statement: said twice, kept once."""

    __tablename__ = "visit_pages"
    __table_args__ = (UniqueConstraint("visit_uid", "entry"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    visit_uid: Mapped[str] = mapped_column(String(32))
    entry: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime]
    url: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(String(200))


class LeaseRow(Base):
    """A visit held `number` from `since` until `until`; the end moves on while the visit lives."""

    __tablename__ = "leases"
    __table_args__ = (
        UniqueConstraint("visit_uid", "number", "since"),
        Index("ix_leases_number", "workspace_id", "number", "until"),
        Index("ix_leases_site", "site_id", "until"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    site_id: Mapped[int] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    visit_uid: Mapped[str] = mapped_column(String(32))
    number: Mapped[str] = mapped_column(String(32))
    since: Mapped[datetime]
    until: Mapped[datetime]
    shared: Mapped[bool] = mapped_column(default=False)


class FormReport(Base):
    """A form that a visitor sent, as the site's script told it. A phone in it says who that visitor is."""

    __tablename__ = "form_reports"
    __table_args__ = (
        UniqueConstraint("visit_uid", "entry"),
        Index("ix_form_reports_phone", "workspace_id", "phone_e164", "at"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    site_id: Mapped[int] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    visit_uid: Mapped[str] = mapped_column(String(32))
    entry: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime]
    form: Mapped[str] = mapped_column(String(100))
    phone_e164: Mapped[str | None] = mapped_column(String(20))
    fields: Mapped[dict[str, Any]]


class AttributionRow(Base):
    """The answer for one call: `document` is the `Attribution` (`hub.domain.attribution`) with its candidates.

    `stale` is set when facts came in after the answer: the call is asked about again.
    """

    __tablename__ = "attributions"
    __table_args__ = (Index("ix_attributions_stale", "stale", **only_where("stale")),)
    call_id: Mapped[int] = mapped_column(BigId, ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    site_id: Mapped[int] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), index=True)
    visit_uid: Mapped[str | None] = mapped_column(String(32), index=True)
    model: Mapped[str] = mapped_column(String(20))
    probability: Mapped[float]
    document: Mapped[dict[str, Any]]
    called_at: Mapped[datetime]
    stale: Mapped[bool] = mapped_column(default=False)


class SiteAlarm(Base):
    """Something that a person should look at: `kind` is foreign_origin, budget, shared or drained, counted by hour."""

    __tablename__ = "site_alarms"
    __table_args__ = (UniqueConstraint("site_id", "kind", "hour"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(20))
    hour: Mapped[datetime]
    times: Mapped[int] = mapped_column(default=0)
    detail: Mapped[str] = mapped_column(String(300), default="")


class PoolHour(Base):
    """How a site's pool was used in one hour: `most_busy` numbers held at once, of `numbers`."""

    __tablename__ = "pool_hours"
    site_id: Mapped[int] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    numbers: Mapped[int]
    most_busy: Mapped[int]
    given: Mapped[int]
    shared: Mapped[int]
