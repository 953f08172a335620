"""Problem details (RFC 9457): what went wrong, in a sentence, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flask import Response

PROBLEM_TYPE = "application/problem+json"
_PAGE = "/api/docs#problem-"

# status: (slug, title, what to do)
PROBLEMS: Mapping[int, tuple[str, str, str]] = {
    400: ("bad-request", "The request cannot be read.", "Send valid JSON and a valid address."),
    401: ("unauthorized", "A valid API key is missing.", "Send the header “Authorization: Bearer dz_…”."),
    403: ("forbidden", "The key lacks a scope.", "Make a key that has the scope named here."),
    404: ("not-found", "There is nothing at this address.", "Check the id; a key only sees its own workspace."),
    405: ("method-not-allowed", "This address does not take that method.", "See the header Allow."),
    409: ("conflict", "The state of the thing does not allow it.", "Read it again, then decide."),
    413: ("too-large", "The request is too large.", "Send less at once."),
    415: ("unsupported-media-type", "The body is not JSON.", "Send “Content-Type: application/json”."),
    422: ("invalid", "A value is not valid.", "Mend the fields that are named in “errors”."),
    429: ("too-many-requests", "Too many requests.", "Wait for the seconds that Retry-After says."),
    500: ("broken", "Something broke on our side.", "Try again later; if it stays so, tell who runs the hub."),
    503: ("unavailable", "The database does not answer.", "Try again in some seconds."),
}


@dataclass(eq=False)  # not frozen: the interpreter writes the traceback into it
class ApiProblem(Exception):
    """An error of the API; `detail` is the sentence, `errors` (field, sentence) pairs, `reason` a word for programs."""

    status: int
    detail: str
    errors: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""

    def answer(self) -> Response:
        slug, title, _ = PROBLEMS[self.status]
        body: dict[str, object] = {
            "type": _PAGE + slug,
            "title": title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.errors:
            body["errors"] = [{"field": name, "message": message} for name, message in self.errors]
        text = json.dumps(body, ensure_ascii=False)
        return Response(text, status=self.status, content_type=PROBLEM_TYPE, headers=dict(self.headers))


def problem(
    status: int,
    sentence: str = "",
    *,
    errors: Sequence[tuple[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> ApiProblem:
    """A problem whose detail is `sentence`, or the usual one of its status, and what to do."""
    _, title, advice = PROBLEMS[status]
    return ApiProblem(status, f"{sentence or title} {advice}", errors, headers or {})
