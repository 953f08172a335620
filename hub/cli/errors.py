"""How the command line says what went wrong: one line, one hint, never a traceback."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from hub.domain.errors import DozvonError

FAILURE = 1
WRONG_USE = 2
INTERRUPTED = 130
_PLEASE_REPORT = "This is a mistake in the program. Where it came from is in {file}; --debug shows it here."
_SCRUBBED: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"), "***"),
    (re.compile(r"\bdz_[0-9A-Za-z]{8,}"), "dz_***"),
    (re.compile(r"(/hooks/|/r/|/route/)[\w-]{16,}"), r"\1***"),
    (
        re.compile(r"(?i)((?:token|secret|password|api_key|salt|refresh|access)\w*['\"]?\s*[:=]\s*b?['\"])[^'\"]+"),
        r"\1***",
    ),
    (re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9_-]{32,}"), "***"),
    (re.compile(r"(?<![\w.])\+?\d[\d\s()-]{8,}\d(?![\w.])"), "***"),
)


def scrub(text: str) -> str:
    """`text` without what looks like a key, a token, a password or a telephone number."""
    for pattern, replacement in _SCRUBBED:
        text = pattern.sub(replacement, text)
    return text


def show(error: BaseException, meta: Mapping[str, Any]) -> int:
    """Print `error` for people on stderr; returns the exit code that goes with it."""
    match error:
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else "dozvon"
            return _say(error.format_message(), f"See: {path} --help", WRONG_USE)
        case click.ClickException():
            return _say(error.format_message(), "", error.exit_code)
        case DozvonError():
            return _say(error.message, error.hint, FAILURE)
        case KeyboardInterrupt() | click.Abort():
            return _say("Stopped.", "", INTERRUPTED)
        case BrokenPipeError():
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader left: nothing more to tell it
            return FAILURE
        case SystemExit():
            return error.code if isinstance(error.code, int) else FAILURE
    return _show_outage(error) or _show_unexpected(error, meta)


def _show_outage(error: BaseException) -> int:
    """A store that does not answer is no mistake of the program."""
    import redis
    from sqlalchemy.exc import InterfaceError, OperationalError

    if isinstance(error, OperationalError | InterfaceError):
        words = scrub(str(error.orig)).strip().splitlines()[0]
        return _say(f"The database does not answer: {words}", "Check DOZVON_DATABASE_URL; see: dozvon doctor", FAILURE)
    if isinstance(error, redis.ConnectionError):
        words = scrub(str(error)).splitlines()[0]
        return _say(f"The broker does not answer: {words}", "Check DOZVON_REDIS_URL; see: dozvon doctor", FAILURE)
    if isinstance(error, OSError) and error.filename:
        return _say(f"{error.filename}: {error.strerror}.", "Check that the place exists and may be used.", FAILURE)
    return 0


def _show_unexpected(error: BaseException, meta: Mapping[str, Any]) -> int:
    trace = scrub("".join(traceback.format_exception(error)))
    file = _keep(trace, Path(meta.get("dozvon.home") or os.environ.get("DOZVON_HOME") or "var"))
    if meta.get("dozvon.debug"):
        click.echo(trace, err=True)
    words = scrub(str(error)).strip().splitlines() or [""]
    return _say(f"Something unexpected happened: {type(error).__name__}: {words[0]}", file, FAILURE)


def _keep(trace: str, home: Path) -> str:
    """Append the trace to the crash log; returns the hint that names it."""
    file = home / "logs" / "crash.log"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as log:
            log.write(f"--- {datetime.now(UTC).isoformat(timespec='seconds')}\n{trace}\n")
    except OSError:
        return "This is a mistake in the program. --debug shows where it came from."
    return _PLEASE_REPORT.format(file=file)


def _say(message: str, hint: str, code: int) -> int:
    line = " ".join(message.split())
    click.echo(f"error: {line}", err=True)
    if hint:
        click.echo(f"hint: {' '.join(hint.split())}", err=True)
    return code
