"""`dozvon mapping`: the rules of a CRM connection as files, tried, published and taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hub.cli.options import example, home_option, open_database, settings_for

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from connectors.contract import ClientNow
    from hub.db.tables import Connection

F = TypeVar("F", bound=Callable[..., Any])
_FORMATS = click.Choice(["toml", "json"])
_BY = "cli"
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(epilog=example("dozvon mapping export b24 > rules-b24.toml"))
def mapping() -> None:
    """The rules of a CRM connection: what each call comes to there."""


def _connection(function: F) -> F:
    function = click.option("--workspace", "slug", metavar="SLUG", help="Which workspace, where there are several.")(
        function
    )
    return click.argument("connection", metavar="CONNECTION")(home_option(function))


@contextmanager
def _opened(home: Path | None, slug: str | None, name: str) -> Iterator[tuple[Session, Connection]]:
    """A session in a transaction, and the CRM connection of that name."""
    with open_database(settings_for(home)) as database, database.transaction() as session:
        yield session, _find(session, slug, name)


def _find(session: Session, slug: str | None, name: str) -> Connection:
    from sqlalchemy import select

    from connectors.registry import REGISTRY
    from hub.db.tables import Connection, Workspace

    query = select(Connection).join(Workspace).where(Connection.name == name)
    if slug:
        query = query.where(Workspace.slug == slug)
    found = [row for row in session.scalars(query) if (known := REGISTRY.get(row.vendor)) and known.crm]
    if len(found) == 1:
        return found[0]
    if found:
        raise click.UsageError(f"Several workspaces have a connection {name}. Name one with --workspace.")
    names = sorted({row.name for row in session.scalars(select(Connection)) if _is_crm(row)})
    raise click.UsageError(f"There is no CRM connection {name}. Known: {', '.join(names) or 'none yet'}.")


def _is_crm(row: Connection) -> bool:
    from connectors.registry import REGISTRY

    known = REGISTRY.get(row.vendor)
    return known is not None and known.crm is not None


def _read(file: Path, form: str | None) -> dict[str, Any]:
    from mapping.files import format_of, read_text

    return read_text(file.read_text(encoding="utf-8"), form or format_of(file.name))


# --- Files ----------------------------------------------------------------------------------------------


@mapping.command(epilog=example("dozvon mapping export b24 --format json"))
@_connection
@click.option("--format", "form", type=_FORMATS, default="toml", show_default=True)
@click.option("--draft", is_flag=True, help="The draft instead of what is published.")
@click.option("--version", "number", type=int, help="This published version.")
def export(connection: str, form: str, draft: bool, number: int | None, slug: str | None, home: Path | None) -> None:
    """Print the rules in force; without any, the built-in ones."""
    from mapping.files import write_text

    with _opened(home, slug, connection) as (session, row):
        click.echo(write_text(dict(_document(session, row, draft=draft, number=number)), form), nl=False)


def _document(session: Session, row: Connection, *, draft: bool, number: int | None = None) -> Any:
    from connectors.registry import REGISTRY
    from hub.rules.store import draft_of, find_version, in_force

    if draft:
        found = draft_of(session, row.id)
        if found is None:
            raise click.UsageError("There is no draft. Make one with: dozvon mapping import")
        return found.document
    if number is not None:
        version = find_version(session, row.id, number)
        if version is None:
            raise click.UsageError(f"There is no version {number}. See: dozvon mapping versions {row.name}")
        return version.document
    return in_force(session, REGISTRY, row).document


@mapping.command("import", epilog=example("dozvon mapping import b24 rules-b24.toml"))
@_connection
@click.argument("file", type=_FILE)
@click.option("--format", "form", type=_FORMATS, help="What FILE is written in; its name says it otherwise.")
def import_file(connection: str, file: Path, form: str | None, slug: str | None, home: Path | None) -> None:
    """Make FILE the draft. Nothing changes for calls until it is published."""
    from hub.rules.store import save_draft

    document = _read(file, form)
    with _opened(home, slug, connection) as (session, row):
        draft = save_draft(session, row, document, by=_BY, now=datetime.now(UTC))
        _echo_check(session, row, document)
        click.echo(f"{file.name} is the draft of {connection}, revision {draft.revision}. Next: dozvon mapping dry-run")


@mapping.command(epilog=example("dozvon mapping preset b24 sales_team"))
@_connection
@click.argument("name", type=click.Choice(["sales_team", "service_desk", "agency"]))
def preset(connection: str, name: str, slug: str | None, home: Path | None) -> None:
    """Make a ready rule set the draft."""
    from connectors.registry import REGISTRY
    from hub.rules.presets import preset_document
    from hub.rules.store import save_draft

    with _opened(home, slug, connection) as (session, row):
        save_draft(session, row, preset_document(session, REGISTRY, row, name), by=_BY, now=datetime.now(UTC))
    click.echo(f"The draft of {connection} is the preset {name}. Next: dozvon mapping dry-run {connection}")


@mapping.command(epilog=example("dozvon mapping schema > rules.schema.json"))
def schema() -> None:
    """Print the JSON Schema of the rules."""
    import json

    from mapping.files import json_schema

    click.echo(json.dumps(json_schema(), ensure_ascii=False, indent=2))


# --- Looking --------------------------------------------------------------------------------------------


@mapping.command(epilog=example("dozvon mapping check b24 rules-b24.toml"))
@_connection
@click.argument("file", type=_FILE, required=False)
def check(connection: str, file: Path | None, slug: str | None, home: Path | None) -> int:
    """Check FILE, or the draft, or what is published, against the form and the CRM; exit 1 when something is wrong."""
    from hub.rules.store import draft_of
    from mapping.schema import RulesError, read_rules

    with _opened(home, slug, connection) as (session, row):
        document = _read(file, None) if file else _document(session, row, draft=draft_of(session, row.id) is not None)
        try:
            read_rules(document)
        except RulesError as error:
            for mistake in error.mistakes:
                click.echo(str(mistake))
            return 1
        found = _echo_check(session, row, document)
    if not found:
        click.echo("The rules are sound, and the CRM has everything that they name.")
    return 1 if found else 0


def _echo_check(session: Session, row: Connection, document: Any) -> int:
    from connectors.registry import REGISTRY
    from hub.rules.definitions import definitions
    from hub.rules.store import vendor_rules
    from mapping.check import check as check_rules
    from mapping.schema import read_rules

    known = definitions(session, row.id, vendor_rules(REGISTRY, row.vendor))
    found = check_rules(read_rules(document), known)
    for mistake in found:
        click.echo(str(mistake))
    return len(found)


@mapping.command("dry-run", epilog=example("dozvon mapping dry-run b24 --last 200"))
@_connection
@click.option("--last", type=click.IntRange(1, 10_000), default=200, show_default=True, help="How many calls.")
@click.option("--all", "every", is_flag=True, help="Show calls too for which nothing changes.")
@click.option("--file", "file", type=_FILE, help="Try this file instead of the draft; it is not kept.")
def dry_run(connection: str, last: int, every: bool, file: Path | None, slug: str | None, home: Path | None) -> None:
    """Try the draft on the last calls: what would be created, changed and left, and why. Writes nothing to the CRM."""
    from connectors.registry import REGISTRY
    from hub.callbacks.past import past_requests
    from hub.rules.dry_run import dry_run as run
    from hub.rules.store import note_preview
    from hub.rules.words import run_lines
    from mapping.schema import read_rules

    asked = _ask_crm(connection, last, slug, home)
    with _opened(home, slug, connection) as (session, row):
        document = _read(file, None) if file else _document(session, row, draft=True)
        rules = read_rules(document)
        found = run(session, REGISTRY, row, rules, last=last, asked=asked, requests=past_requests)
        if file is None:
            note_preview(session, row.id, document)
        for line in run_lines(found, only_changed=not every):
            click.echo(line)


def _ask_crm(connection: str, last: int, slug: str | None, home: Path | None) -> Mapping[str, ClientNow]:
    """Who the clients are, where only the CRM knows; no transaction is held up meanwhile."""
    from connectors.registry import REGISTRY
    from hub.cli.outside import runtime_beside
    from hub.rules.asking import ask_crm
    from hub.rules.dry_run import numbers_of

    with _opened(home, slug, connection) as (session, row):
        connection_id, numbers = row.id, numbers_of(session, row, last=last)
        if REGISTRY[row.vendor].clients is None or not numbers:
            return {}
    with runtime_beside(settings_for(home), "mapping") as runtime:
        return ask_crm(runtime, connection_id, numbers)


@mapping.command(epilog=example("dozvon mapping diff b24 --from 3"))
@_connection
@click.option("--from", "number", type=int, help="Compare with this version; else with what is published.")
def diff(connection: str, number: int | None, slug: str | None, home: Path | None) -> None:
    """Say what the draft, or else what is published, changes line by line."""
    from hub.rules.store import draft_of
    from hub.rules.words import change_line
    from mapping.compare import difference

    with _opened(home, slug, connection) as (session, row):
        before = _document(session, row, draft=False, number=number)
        after = _document(session, row, draft=draft_of(session, row.id) is not None)
    changes = difference(before, after)
    for change in changes:
        click.echo(change_line(change))
    if not changes:
        click.echo("= no difference")


@mapping.command(epilog=example("dozvon mapping versions b24"))
@_connection
def versions(connection: str, slug: str | None, home: Path | None) -> None:
    """List the published versions, the newest first."""
    from hub.rules.store import versions as published

    with _opened(home, slug, connection) as (session, row):
        rows = published(session, row.id)
        for one in rows:
            state = "in force" if one.ended_at is None else f"until {one.ended_at.isoformat(timespec='minutes')}"
            since = one.published_at.isoformat(timespec="minutes")
            click.echo(f"{one.version}  {since}  {one.published_by}  {state}  {one.note}".rstrip())
    if not rows:
        click.echo("Nothing was published yet: the built-in rules hold.")


# --- Publishing -----------------------------------------------------------------------------------------


@mapping.command(epilog=example('dozvon mapping publish b24 --note "ads go to the sales team"'))
@_connection
@click.option("--note", default="", help="Why, for whoever reads the versions.")
def publish(connection: str, note: str, slug: str | None, home: Path | None) -> None:
    """Let the draft hold from now on. Its dry run must have been looked at."""
    from hub.rules.store import publish_draft

    with _opened(home, slug, connection) as (session, row):
        version = publish_draft(session, row, by=_BY, now=datetime.now(UTC), note=note)
        click.echo(f"Version {version.version} of {connection} holds from now on.")


@mapping.command(epilog=example("dozvon mapping rollback b24 3"))
@_connection
@click.argument("number", type=int, metavar="VERSION")
def rollback(connection: str, number: int, slug: str | None, home: Path | None) -> None:
    """Publish an old version again."""
    from hub.rules.store import roll_back

    with _opened(home, slug, connection) as (session, row):
        version = roll_back(session, row, number, by=_BY, now=datetime.now(UTC))
        click.echo(f"Version {version.version} of {connection} holds from now on; it says what version {number} said.")
