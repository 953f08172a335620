"""The lists of a portal, its employees first, read in bulk by fast-bitrix24 over the hub's own way out.

fast-bitrix24 knows how to page a list with one `batch` for fifty pages; that, and nothing else, is
what it is used for. It never sees the token, opens no connection, follows no redirect and repeats
nothing: each request it wants to make goes through `Portal`, which raises the hub's errors. The
README of this folder says why it does not write.
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from types import TracebackType
from typing import Any, Self

from connectors.bitrix24.client import Portal
from connectors.bitrix24.envelope import Envelope, identifier, mapping, rows, text
from connectors.bitrix24.errors import Complaint, error_for
from connectors.contract import CrmUser
from hub.domain.errors import DeliveryError, Unreachable


def active_users(portal: Portal) -> list[CrmUser]:
    """Every active employee. Raises a delivery error rather than return a part of them."""
    found = all_rows(portal, "user.get", {"FILTER": {"ACTIVE": 1}})
    if not found:
        raise Unreachable("Bitrix24 listed no users.")
    return [_crm_user(row) for row in found if _is_active(row) and identifier(row.get("ID"))]


def all_rows(portal: Portal, method: str, params: dict[str, Any]) -> list[Envelope]:
    """Every row of a list method, each once. Raises a delivery error rather than return a part of them."""
    from fast_bitrix24 import BitrixAsync

    # The library sets its logger to DEBUG and writes arguments and answers into it: personal data.
    logging.getLogger("fast_bitrix24").setLevel(logging.CRITICAL)
    session = _Session(portal)
    bitrix = BitrixAsync(portal.endpoint, verbose=False)
    bitrix.srh.client_provided_by_user = True
    bitrix.srh.session = session
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where `complete` raises
        try:
            found = asyncio.run(bitrix.get_all(method, params))
        except DeliveryError:
            raise
        except Exception as error:
            raise Unreachable(f"The list of {method} could not be read.") from error
    return _complete(rows(found), session.first)


def _complete(found: list[Envelope], first: Envelope) -> list[Envelope]:
    """The rows, each once, when they are as many as the portal said."""
    by_id = {identifier(row.get("ID")): row for row in found}
    total = first.get("total")
    expected = int(text(total)) if text(total).isdigit() else None
    if expected is None and "next" in first:
        raise Unreachable("Bitrix24 did not say how many rows there are.")
    if expected is not None and len(by_id) < expected:
        raise Unreachable(f"Bitrix24 listed {len(by_id)} rows of {expected}.")
    return list(by_id.values())


def _is_active(row: Envelope) -> bool:
    return text(row.get("ACTIVE")).upper() in {"Y", "1", "TRUE"} or row.get("ACTIVE") is True


def _crm_user(row: Envelope) -> CrmUser:
    name = " ".join(part for part in (text(row.get("NAME")).strip(), text(row.get("LAST_NAME")).strip()) if part)
    email = text(row.get("EMAIL")) or None
    user_id = identifier(row.get("ID")) or ""
    return CrmUser(user_id, name or email or user_id, text(row.get("UF_PHONE_INNER")).strip() or None, True, email)


# --- What fast-bitrix24 takes for an aiohttp session -----------------------------------------------


class _Session:
    """Its `post`, made by `Portal`. `first` is the first envelope, which says how many rows there are."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.first: Envelope = {}

    def post(self, *, url: str, json: dict[str, Any], **_: object) -> _Response:
        method = url.removeprefix(self.portal.settings.client_endpoint)
        envelope = self.portal.envelope(method, json, write=False)
        self.first = self.first or envelope
        _raise_first_error(self.portal, envelope)
        return _Response({key: envelope[key] for key in ("result", "total", "next") if key in envelope})


def _raise_first_error(portal: Portal, envelope: Envelope) -> None:
    """A batch answers 200 even when all its commands failed (bitrix24.md §2.5)."""
    for said in mapping(mapping(envelope["result"]).get("result_error")).values():
        complaint = Complaint(
            400, text(mapping(said).get("error")).lower(), text(mapping(said).get("error_description"))
        )
        raise error_for(complaint, write=False, now=portal.door.now())


class _Response:
    def __init__(self, envelope: Envelope) -> None:
        self.envelope = envelope

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def json(self, **_: object) -> Envelope:
        return self.envelope
