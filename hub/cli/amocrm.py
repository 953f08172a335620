"""`dozvon amocrm`: what a publisher of the widget needs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import click

from hub.cli.options import example, home_option, settings_for


@click.group(epilog=example("dozvon amocrm widget --support-email help@acme.example"))
def amocrm() -> None:
    """amoCRM and Kommo: the widget's archive."""


@amocrm.command(epilog=example("dozvon amocrm widget --url https://hub.acme.example --support-email help@acme.example"))
@click.option("--url", help="The hub's public address.  [default: DOZVON_PUBLIC_URL]")
@click.option("--support-email", required=True, help="Whom users write to; moderation demands it.")
@click.option("--support-link", help="Where help is.  [default: the hub's address]")
@click.option("--site", type=click.Choice(["amocrm", "kommo"]), default="amocrm", show_default=True)
@click.option("--version", "version", help="Must differ from every earlier upload.  [default: made of the time]")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("widget.zip"),
    show_default=True,
    help="Where the archive goes.",
)
@home_option
def widget(
    url: str | None,
    support_email: str,
    support_link: str | None,
    site: str,
    version: str | None,
    out: Path,
    home: Path | None,
) -> None:
    """Build the archive to upload to an integration."""
    from connectors.amocrm.archive import Widget, archive

    address = _hub_address(url or settings_for(home).public_url)
    if "@" not in support_email:
        raise click.BadParameter("must be an e-mail address.", param_hint="--support-email")
    made = Widget(address, version or _version(datetime.now(UTC)), support_link or address, support_email, site)
    out.write_bytes(archive(made))
    click.echo(f"{out}: version {made.version}, for {address}")
    click.echo("Upload it in the integration's settings; docs/amocrm.md says what comes before and after.")


def _hub_address(url: str) -> str:
    """amoCRM's pages are https and load nothing else; the hub on this machine is for trying it out."""
    parts = urlsplit(url.rstrip("/"))
    is_here = parts.hostname in {"127.0.0.1", "localhost"}
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and is_here)):
        raise click.BadParameter("must be the hub's https address, like https://hub.acme.example.", param_hint="--url")
    return f"{parts.scheme}://{parts.netloc}"


def _version(now: datetime) -> str:
    return f"1.{now:%y%m%d}.{now.hour * 60 + now.minute}"
