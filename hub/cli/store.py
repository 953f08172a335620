"""`dozvon db`: the database by hand."""

from __future__ import annotations

from pathlib import Path

import click

from hub.cli.options import example, home_option, open_database, settings_for


@click.group(epilog=example("dozvon db upgrade"))
def db() -> None:
    """The database: schema and encryption."""


@db.command(epilog=example("dozvon db upgrade --home /srv/dozvon"))
@home_option
def upgrade(home: Path | None) -> None:
    """Bring the database to this version's schema; harmless when it is there already."""
    from hub.db.migrate import upgrade as bring_to_head

    bring_to_head(settings_for(home).database_url)
    click.echo("The database has this version's schema.")


@db.command("rotate-keys", epilog=example("DOZVON_SECRET_KEYS=NEW,OLD dozvon db rotate-keys"))
@home_option
def rotate_keys(home: Path | None) -> None:
    """Encrypt every stored secret with the first key of DOZVON_SECRET_KEYS; the old key may go afterwards."""
    from hub.provisioning.rotate import rotate_secrets

    settings = settings_for(home)
    with open_database(settings) as database, database.transaction() as session:
        count = rotate_secrets(session)
    click.echo(f"{count} stored secrets are encrypted with the first key.")
