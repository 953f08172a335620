"""`dozvon user …`, the rest of it: whether and how a person may come in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hub.cli.options import example, home_option, open_database, settings_for
from hub.cli.people import address_of, user, user_of, workspace_option
from hub.domain.errors import DozvonError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from hub.config import Settings
    from hub.db.tables import User

_USUAL_ADDRESS = "http://127.0.0.1:8080"

__all__ = ["user"]


@user.command(name="way-in", epilog=example("dozvon user way-in owner@acme.example"))
@click.argument("email")
@workspace_option
@home_option
def way_in(email: str, slug: str | None, home: Path | None) -> None:
    """Print an address that logs a person in, once, within ten minutes: for when no other way is left."""
    from hub.web.pages.way_in import PATH, new_way_in

    settings = settings_for(home)
    made: list[str] = []
    _with_user(settings, email, slug, lambda _, found: made.append(new_way_in(settings, _enabled(found))))
    click.echo(f"{settings.public_url or _USUAL_ADDRESS}{PATH}?token={made[0]}")


@user.command(epilog=example("dozvon user disable anna@acme.example"))
@click.argument("email")
@workspace_option
@home_option
def disable(email: str, slug: str | None, home: Path | None) -> None:
    """Keep a person out without removing them; whoever is logged in is logged out."""

    def shut(_: Session, found: User) -> None:
        found.disabled_at = found.disabled_at or datetime.now(UTC)
        found.session_version += 1

    _with_user(settings_for(home), email, slug, shut)
    click.echo(f"~ user {address_of(email)}: disabled")


@user.command(epilog=example("dozvon user enable anna@acme.example"))
@click.argument("email")
@workspace_option
@home_option
def enable(email: str, slug: str | None, home: Path | None) -> None:
    """Let a disabled person in again."""

    def let(_: Session, found: User) -> None:
        found.disabled_at = None

    _with_user(settings_for(home), email, slug, let)
    click.echo(f"~ user {address_of(email)}: enabled")


@user.command(epilog=example("dozvon user unbind anna@acme.example"))
@click.argument("email")
@workspace_option
@home_option
def unbind(email: str, slug: str | None, home: Path | None) -> None:
    """Forget who a person is at the OpenID provider; their next log-in there says it anew."""
    from sqlalchemy import delete

    from hub.db.identities import UserIdentity

    def forget(session: Session, found: User) -> None:
        session.execute(delete(UserIdentity).where(UserIdentity.user_id == found.id))
        found.session_version += 1

    _with_user(settings_for(home), email, slug, forget)
    click.echo(f"~ user {address_of(email)}: not bound to a provider")


def _with_user(settings: Settings, email: str, slug: str | None, act: Callable[[Session, User], None]) -> None:
    """Do `act` to the user in one transaction. Raises `DozvonError` when there is none."""
    with open_database(settings) as database, database.transaction() as session:
        act(session, user_of(session, slug, address_of(email)))


def _enabled(found: User) -> User:
    if found.disabled_at is not None:
        raise DozvonError(f"{found.email} is disabled.", f"First: dozvon user enable {found.email}")
    return found
