"""Logs: one line for one fact, JSON by default, from our code and from the libraries through the same pipe."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from hub.domain.errors import ConfigurationError
from hub.observe.redact import mask_text, redact

QUIET_LIBRARIES = frozenset(
    {"werkzeug", "granian", "_granian", "rq", "sqlalchemy", "urllib3", "fast_bitrix24", "alembic", "asyncio", "aiohttp"}
)
_MOST_FRAMES = 30
_MOST_CAUSES = 5

GRANIAN_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {},
    "loggers": {name: {"handlers": [], "propagate": True} for name in ("_granian", "granian.access")},
}
"""For Granian's `log_dictconfig`: its own set-up would write past the pipe."""


def configure_logging(settings_log_format: str, process: str) -> None:
    """Send everything that this process logs to standard error, masked; `process` ("web", "worker") is in each line.

    `settings_log_format` is "json" or "text"; anything else raises `ConfigurationError`. May be called again: the last
    call counts. Libraries are heard from WARNING on, our own code from INFO on.
    """
    if settings_log_format not in {"json", "text"}:
        raise ConfigurationError("DOZVON_LOG_FORMAT must be json or text.", "Leave it out for json.")
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
    ]
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    _install(_line_format(settings_log_format, process, before))


def _line_format(log_format: str, process: str, before: list[Processor]) -> logging.Formatter:
    def name_process(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            name_process,
            describe_error,
            mask_event,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _renderer(log_format),
        ],
    )


def _renderer(log_format: str) -> Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), timestamp_key="at")


def _install(line_format: logging.Formatter) -> None:
    handler = _QuietHandler(sys.stderr)
    handler.setFormatter(line_format)
    handler.addFilter(_is_wanted)
    root = logging.getLogger()
    for old in root.handlers[:]:
        if type(old) in {_QuietHandler, logging.StreamHandler}:  # a subclass belongs to somebody else
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for name in QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def _is_wanted(record: logging.LogRecord) -> bool:
    """Asked at the handler, because fast_bitrix24 sets its own logger to DEBUG and logs whole answers there."""
    library = record.name.split(".", 1)[0]
    floor = logging.WARNING if library in QUIET_LIBRARIES else logging.INFO
    return record.levelno >= floor


class _QuietHandler(logging.StreamHandler[Any]):
    """When a line cannot be formatted, the standard handler prints its arguments unmasked; this one names the error."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        error = sys.exc_info()[0]
        sys.stderr.write(f"a log line of {record.name} could not be written: {error.__name__ if error else 'error'}\n")


def mask_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask every value of a line: secrets by their names, phones and addresses wherever they stand."""
    return {name: redact(value, name) for name, value in event.items()}


def describe_error(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Turn `exc_info` into "error": type, message, frames without their variables, and what caused it."""
    error = _as_error(event.pop("exc_info", None))
    if error is not None:
        event["error"] = _chain(error)
    return event


def _as_error(exc_info: Any) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        found: BaseException | None = exc_info[1]
        return found
    return sys.exc_info()[1] if exc_info else None


def _chain(error: BaseException) -> list[dict[str, object]]:
    """The error first, then what it came from."""
    described: list[dict[str, object]] = []
    current: BaseException | None = error
    while current is not None and len(described) < _MOST_CAUSES:
        described.append(_describe(current))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return described


def _describe(error: BaseException) -> dict[str, object]:
    frames = traceback.extract_tb(error.__traceback__)[-_MOST_FRAMES:]
    return {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "message": mask_text(str(error)),
        "frames": [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames],
    }
