"""`dozvon apply` and `dozvon export`: the provisioning file in and out."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from hub.cli.options import example, home_option, open_database, settings_for

DEFAULT_ADDRESS = "http://127.0.0.1:8080"


@click.command(epilog=example("dozvon apply acme.toml --dry-run"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--end-rotation", is_flag=True, help="Forget the secrets that were valid before the last change.")
@home_option
def apply(file: Path, dry_run: bool, end_rotation: bool, home: Path | None) -> None:
    """Bring a workspace to what FILE says; a wrong file changes nothing."""
    from connectors.registry import REGISTRY
    from hub.provisioning import apply_file
    from hub.provisioning.apply import Surroundings

    settings = settings_for(home)
    around = Surroundings(REGISTRY, os.environ, datetime.now(UTC), settings.public_url or DEFAULT_ADDRESS)
    with open_database(settings) as database:
        outcome = apply_file(database, file, around, dry_run=dry_run, end_rotation=end_rotation)
    for change in outcome.changes:
        click.echo(str(change))
    if not outcome.changes:
        click.echo("= nothing to change")
    if dry_run:
        click.echo("This was a dry run: nothing was changed.")
        return
    for line in outcome.once:
        click.echo(line)


@click.command(epilog=example("dozvon export --workspace acme > acme.toml"))
@click.option("--workspace", "slug", metavar="SLUG", help="Which one; may be left out where there is only one.")
@click.option("--with-secrets", is_flag=True, help="Write secrets out, instead of the variables that will hold them.")
@home_option
def export(slug: str | None, with_secrets: bool, home: Path | None) -> None:
    """Print a workspace as the provisioning file that makes it again."""
    from hub.provisioning import export_workspace

    with open_database(settings_for(home)) as database, database.reading() as session:
        click.echo(export_workspace(session, slug, with_secrets=with_secrets), nl=False)
