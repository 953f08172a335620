"""Lists of an account, paged by amocrm-api over the hub's own way out.

amocrm-api knows how amoCRM's lists end; that, and nothing else, is what it is used for. It gets
an interaction of its own for each piece of work. It never sees a token, opens no connection, and
its globals (the default token manager, the module's session, `Model.objects`) are never touched:
the first would send one account's token to another account's host (amocrm.md §7.1). The README of
this folder says why it does not write.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from connectors.amocrm.client import Account
from connectors.amocrm.envelope import Envelope, mapping, rows
from connectors.contract import Json
from hub.domain.errors import DeliveryError, Unreachable

_MOST_PAGES = 400


def listed(account: Account, path: str, name: str, include: tuple[str, ...] = ()) -> list[Envelope]:
    """Every row of the list `path`, found in `_embedded.<name>`; raises rather than return a part."""
    session = _Session(account)
    try:
        return rows(list(_pages(session, path, name, include)))
    except DeliveryError:
        raise
    except Exception as error:
        raise Unreachable(f"amoCRM's list {path} could not be read.") from error


def _pages(session: _Session, path: str, name: str, include: tuple[str, ...]) -> Iterator[Any]:
    interaction = _interaction()(token_manager=None, session=session, path=path, field=name)
    return iter(interaction.get_all(include=list(include)))


def _interaction() -> Any:
    """amocrm-api's reader of lists, with our path instead of an address and no token of its own."""
    from amocrm.v2.interaction import GenericInteraction

    _hush()

    class Reader(GenericInteraction):  # type: ignore[misc]  # the library has no types
        def _get_url(self, path: str) -> str:
            return path

        def _get_auth_headers(self) -> dict[str, str]:
            return {}

    return Reader


def _hush() -> None:
    """Importing the library puts a handler on its logger that writes requests to stderr."""
    logger = logging.getLogger("amocrm")
    logger.handlers.clear()
    logger.setLevel(logging.CRITICAL)


class _Session:
    """What amocrm-api takes for a `requests.Session`: its one method, made by `Account`."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._pages = 0

    def request(
        self, method: str, *, url: str, params: Mapping[str, Json] | None = None, json: Json = None, **_: object
    ) -> _Response:
        if method.lower() != "get" or json is not None:
            raise AssertionError("amocrm-api is here to read only")
        self._pages += 1
        if self._pages > _MOST_PAGES:
            raise Unreachable(f"amoCRM's list {url} does not end.")
        document = self._account.read(url, params)
        return _Response(None if document is None else mapping(document))


class _Response:
    def __init__(self, document: Envelope | None) -> None:
        self._document = document
        self.status_code = 204 if document is None else 200
        self.text = ""

    def json(self) -> Envelope | None:
        return self._document
