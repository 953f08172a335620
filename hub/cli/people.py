"""`dozvon user` and `dozvon key`: who may log in, and which programs may ask."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hub.cli.options import example, home_option, open_database, settings_for
from hub.domain.errors import DozvonError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from hub.db.tables import User, Workspace

ROLES = ("owner", "admin", "marketer", "agent", "auditor")
_SHORTEST_PASSWORD = 8
_USUAL_ADDRESS = "http://127.0.0.1:8080"

workspace_option = click.option("--workspace", "slug", metavar="SLUG", help="May be left out where there is only one.")
password_option = click.option(
    "--password-env", metavar="NAME", help="Read the password from this variable instead of asking."
)


@click.group(epilog=example("dozvon user add owner@acme.example --role owner"))
def user() -> None:
    """People who log in."""


@user.command(epilog=example("PASS=… dozvon user add anna@acme.example --role marketer --password-env PASS"))
@click.argument("email")
@click.option("--role", type=click.Choice(ROLES), default="owner", show_default=True)
@password_option
@workspace_option
@home_option
def add(email: str, role: str, password_env: str | None, slug: str | None, home: Path | None) -> None:
    """Let a person log in."""
    from hub.db.tables import User
    from hub.provisioning.people import hash_password

    email = address_of(email)
    hashed = hash_password(_password(password_env))
    with open_database(settings_for(home)) as database, database.transaction() as session:
        workspace = _workspace(session, slug)
        if _find(session, workspace, email):
            raise DozvonError(f"{email} is in {workspace.slug} already.", f"See: dozvon user password {email}")
        made = User(email=email, password_hash=hashed, role=role, workspace_id=workspace.id, created_at=_now())
        session.add(made)
    click.echo(f"+ user {email} ({role})")


@user.command(epilog=example("dozvon user password anna@acme.example"))
@click.argument("email")
@password_option
@workspace_option
@home_option
def password(email: str, password_env: str | None, slug: str | None, home: Path | None) -> None:
    """Give a person a new password; whoever is logged in with the old one is logged out."""
    from hub.provisioning.people import hash_password, set_password

    email = address_of(email)
    hashed = hash_password(_password(password_env))
    with open_database(settings_for(home)) as database, database.transaction() as session:
        set_password(user_of(session, slug, email), hashed)
    click.echo(f"~ user {email}: password")


@user.command(epilog=example("dozvon user first"))
@home_option
def first(home: Path | None) -> None:
    """Print the address at which the first owner makes an account."""
    from hub.welcome import first_owner_address

    settings = settings_for(home)
    with open_database(settings):
        address = first_owner_address(settings, _USUAL_ADDRESS)
    if address is None:
        raise DozvonError("Somebody has an account already.", "Add people with: dozvon user add EMAIL")
    click.echo(address)


@click.group(epilog=example("dozvon key new site-backend --scope calls:read"))
def key() -> None:
    """Keys: of programs that use the API, and of the hub's own encryption."""


@key.command(epilog=example("dozvon key new site-backend --scope calls:read --scope callbacks:write"))
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="What it may do; may be given several times.")
@workspace_option
@home_option
def new(name: str, scopes: tuple[str, ...], slug: str | None, home: Path | None) -> None:
    """Make an API key; it is printed once and kept only as a hash."""
    from sqlalchemy import select

    from hub.db.tables import ApiKey
    from hub.provisioning.people import key_hash, key_prefix, new_key

    made = new_key()
    with open_database(settings_for(home)) as database, database.transaction() as session:
        workspace = _workspace(session, slug)
        taken = select(ApiKey.id).where(ApiKey.workspace_id == workspace.id, ApiKey.name == name)
        if session.scalars(taken).first():
            raise DozvonError(f"{workspace.slug} has a key {name} already.", "Choose another name.")
        session.add(
            ApiKey(
                workspace_id=workspace.id,
                name=name,
                key_hash=key_hash(made),
                prefix=key_prefix(made),
                scopes=_scopes(scopes),
                created_at=_now(),
            )
        )
    click.echo(made)


@key.command(epilog=example('DOZVON_SECRET_KEYS="$(dozvon key secret),$OLD" dozvon db rotate-keys'))
def secret() -> None:
    """Print a fresh key for DOZVON_SECRET_KEYS; nothing is changed."""
    from cryptography.fernet import Fernet

    click.echo(Fernet.generate_key().decode())


def _now() -> datetime:
    return datetime.now(UTC)


def _scopes(scopes: tuple[str, ...]) -> list[str]:
    from marshmallow import ValidationError

    from hub.provisioning.schema import ApiKeySchema

    try:
        loaded: list[str] = ApiKeySchema(only=("scopes",)).load({"scopes": list(scopes)})["scopes"]
        return loaded
    except ValidationError as error:
        raise click.BadParameter("a scope looks like calls:read.", param_hint="--scope") from error


def address_of(email: str) -> str:
    """The e-mail address as it is kept. Raises click's error for what is none."""
    if "@" not in email.strip("@"):
        raise click.BadParameter(f"{email} is no e-mail address.", param_hint="EMAIL")
    return email.strip().lower()


def _password(variable: str | None) -> str:
    if variable is not None:
        text = os.environ.get(variable, "")
    elif sys.stdin.isatty():
        text = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        text = sys.stdin.readline().rstrip("\n")
    if len(text) < _SHORTEST_PASSWORD:
        where = f"in the variable {variable}" if variable else "on standard input, or use --password-env"
        raise click.UsageError(f"A password of at least {_SHORTEST_PASSWORD} characters is needed: give it {where}.")
    return text


def _workspace(session: Session, slug: str | None) -> Workspace:
    from hub.provisioning.export import find_workspace

    return find_workspace(session, slug)


def user_of(session: Session, slug: str | None, email: str) -> User:
    """The user with that address. Raises `DozvonError` when the workspace has none."""
    workspace = _workspace(session, slug)
    found = _find(session, workspace, email)
    if found is None:
        raise DozvonError(f"{email} is not in {workspace.slug}.", f"See: dozvon user add {email}")
    return found


def _find(session: Session, workspace: Workspace, email: str) -> User | None:
    from sqlalchemy import select

    from hub.db.tables import User

    return session.scalars(select(User).where(User.workspace_id == workspace.id, User.email == email)).one_or_none()
