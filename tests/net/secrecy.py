"""A planted secret, and the look for it in an error."""

from __future__ import annotations

CANARY = "canary-5f1e"


def assert_says_nothing_secret(error: BaseException) -> None:
    assert "POST" in str(error)
    assert "127.0.0.1" in str(error)
    seen: BaseException | None = error
    while seen is not None:
        assert CANARY not in repr(seen)
        seen = seen.__cause__ or seen.__context__
