"""The doors `/_sim/…` of a stand-in: JSON in, JSON out, one line of words for what cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from flask import Response, request

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def given() -> dict[str, Any]:
    """The JSON object of this request. Raises `ValueError` for anything else."""
    document = request.get_json(silent=True)
    if not isinstance(document, dict):
        raise ValueError("a JSON object is wanted")  # noqa: TRY004 - it becomes the one-line answer
    return document


def tried(work: Callable[[], Any]) -> Response:
    """What `work` gives, or 400 with what was wrong with the wish."""
    try:
        return answer(work())
    except KeyError as missing:
        return answer({"error": f"missing or unknown {missing}"}, 400)
    except (ValueError, TypeError) as wrong:
        return answer({"error": str(wrong)}, 400)


def answer(document: Any, status: int = 200) -> Response:
    text = json.dumps(document, ensure_ascii=False, default=str)
    return Response(text, status, content_type="application/json; charset=utf-8")


def change_settings(
    settings: DataclassInstance, lock: AbstractContextManager[Any], wanted: Mapping[str, Any]
) -> dict[str, Any]:
    """Sets switches by name and gives all of them. Raises `ValueError` for an unknown name."""
    known = {item.name for item in fields(settings)}
    if unknown := set(wanted) - known:
        raise ValueError(f"unknown setting {min(unknown)!r}; one of: {', '.join(sorted(known))}")
    with lock:
        for name, value in wanted.items():
            setattr(settings, name, value)
        return asdict(settings)
