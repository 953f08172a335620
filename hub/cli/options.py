"""What several commands share: the home, the settings that follow from it, an open database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from hub.config import Settings
    from hub.db.engine import Database

F = TypeVar("F", bound=Callable[..., Any])


def _remember_home(ctx: click.Context, _parameter: click.Parameter, value: Path | None) -> Path | None:
    if value is not None:
        ctx.meta["dozvon.home"] = value.absolute()
    return value


def home_option(function: F) -> F:
    """`--home DIR`; the command gets it as `home`."""
    return click.option(
        "--home",
        type=click.Path(file_okay=False, path_type=Path),
        callback=_remember_home,
        metavar="DIR",
        help="Where data, keys and recordings are kept.  [default: DOZVON_HOME or ./var]",
    )(function)


def example(command_line: str) -> str:
    """The epilog of a command's `--help`."""
    return f"Example:  {command_line}"


def settings_for(home: Path | None) -> Settings:
    """The settings of this run, with the secret keys installed."""
    from hub.config import load_settings
    from hub.db.keyring import install_keys

    settings = load_settings(home=home)
    install_keys(settings.secret_keys, settings.home)
    return settings


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The database of this home, migrated: what works before the first `up` works beside it too."""
    from hub.db.engine import Database
    from hub.db.migrate import upgrade

    upgrade(settings.database_url)
    database = Database(settings.database_url, pool_size=2)
    try:
        yield database
    finally:
        database.close()
