"""`dozvon doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hub.cli.options import example, home_option, settings_for

if TYPE_CHECKING:
    from hub.doctor import Finding

_WORDS = {"ok": "ok   ", "warning": "WARN ", "wrong": "WRONG"}


@click.command(epilog=example("dozvon doctor --home /srv/dozvon"))
@home_option
def doctor(home: Path | None) -> int:
    """Check settings, stores, connections, hook addresses, clock and disk; exit 1 when something is wrong."""
    from hub.doctor import examine

    findings: list[Finding] = []
    for finding in examine(settings_for(home)):
        findings.append(finding)
        click.echo(f"{_WORDS[finding.state]} {finding.what}")
        if finding.todo:
            click.echo(f"      → {finding.todo}")
    wrong = sum(finding.state == "wrong" for finding in findings)
    click.echo(f"{wrong} {'thing is' if wrong == 1 else 'things are'} wrong." if wrong else "Nothing is wrong.")
    return 1 if wrong else 0
