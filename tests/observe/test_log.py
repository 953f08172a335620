"""Every line goes through one pipe, in one shape, masked."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from hub.domain.errors import ConfigurationError
from hub.observe.log import GRANIAN_LOGGING, QUIET_LIBRARIES, _QuietHandler, configure_logging

CANARY = "c4n4ryS3cretValue"
PHONE = "+79001234567"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def fail_twice(kept_in_frame: str) -> None:
    try:
        kept_in_frame.index("what is not there")
    except ValueError as error:
        raise ConnectionError(f"password={CANARY} for {PHONE}") from error


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == "", "standard output belongs to the commands"
    return [json.loads(line) for line in captured.err.splitlines()]


def test_a_line_is_json_with_time_level_process_and_event(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "worker")
    structlog.get_logger("hub.delivery").info("step_done", delivery=7, hook_token=CANARY, client=PHONE)
    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["process"], line["delivery"]) == ("step_done", "info", "worker", 7)
    assert line["logger"] == "hub.delivery"
    assert line["at"].endswith("Z")
    assert line["hook_token"] == "***"
    assert line["client"] == "+7900*****67"


def test_a_library_speaks_through_the_same_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "web")
    logging.getLogger("sqlalchemy.pool").warning("retry of %s", f"https://acme.example/?auth={CANARY}&tel={PHONE}")
    logging.getLogger("hub.plain").info("seen %s", PHONE)
    warned, seen = lines(capsys)
    assert (warned["event"], warned["level"], warned["process"]) == ("retry of https://acme.example/", "warning", "web")
    assert seen["event"] == "seen +7900*****67"


@pytest.mark.parametrize("name", sorted(QUIET_LIBRARIES))
def test_a_library_is_heard_from_warning_on_even_when_it_raised_its_own_level(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("json", "worker")
    logger = logging.getLogger(name)
    logger.setLevel(logging.DEBUG)
    logger.info("whole answer of the portal")
    logging.getLogger(f"{name}.inner").debug("more of it")
    logger.warning("matters")
    assert [line["event"] for line in lines(capsys)] == ["matters"]


def test_an_error_shows_type_masked_message_and_frames_but_no_variables(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "worker")

    try:
        fail_twice(CANARY * 2)
    except ConnectionError:
        structlog.get_logger().exception("step_failed", step="log")
        logging.getLogger("rq.worker").exception("job failed")
    own, foreign = lines(capsys)
    for line in (own, foreign):
        assert [part["type"] for part in line["error"]] == ["builtins.ConnectionError", "builtins.ValueError"]
        assert line["error"][0]["message"] == "password=*** for +7900*****67"
        assert any(frame.endswith(" in fail_twice") for frame in line["error"][0]["frames"])
        assert CANARY not in json.dumps(line)
        assert PHONE not in json.dumps(line)


def test_text_is_for_people_and_masked_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("text", "web")
    try:
        fail_twice(CANARY)
    except ConnectionError:
        structlog.get_logger().exception("call_failed", client=PHONE, api_key=CANARY)
    shown = capsys.readouterr().err
    assert "call_failed" in shown
    assert "ConnectionError" in shown
    assert CANARY not in shown
    assert PHONE not in shown


def test_the_last_set_up_counts_and_each_line_comes_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "web")
    logger = structlog.get_logger("hub.twice")
    logger.info("first")
    configure_logging("json", "worker")
    logger.info("second")
    assert [(line["event"], line["process"]) for line in lines(capsys)] == [("first", "web"), ("second", "worker")]


def test_bound_context_is_masked(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "worker")
    with structlog.contextvars.bound_contextvars(connection=3, caller=PHONE, token=CANARY):
        structlog.get_logger().warning("slow")
    (line,) = lines(capsys)
    assert (line["connection"], line["caller"], line["token"]) == (3, "+7900*****67", "***")


def test_a_line_that_cannot_be_formatted_uncovers_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "web")
    only_ours = [handler for handler in logging.getLogger().handlers if isinstance(handler, _QuietHandler)]
    logging.getLogger().handlers[:] = only_ours  # pytest's own handler raises here
    logging.getLogger("hub.broken").warning("%d rows", CANARY)
    shown = capsys.readouterr().err
    assert CANARY not in shown
    assert "hub.broken" in shown


def test_warnings_of_python_are_lines_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "web")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old way", DeprecationWarning, stacklevel=1)
    (line,) = lines(capsys)
    assert "old way" in line["event"]


def test_granian_writes_through_the_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    from granian.log import LogLevels
    from granian.log import configure_logging as configure_granian

    configure_logging("json", "web")
    configure_granian(LogLevels.info, GRANIAN_LOGGING)
    logging.getLogger("_granian").info("starting")
    logging.getLogger("_granian").error("worker died")
    assert [line["event"] for line in lines(capsys)] == ["worker died"]


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="DOZVON_LOG_FORMAT"):
        configure_logging("yaml", "web")
