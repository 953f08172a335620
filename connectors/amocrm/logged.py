"""What an account shows of the calls that the hub wrote: the call notes, by `params.uniq` (amocrm.md §3.6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from connectors.amocrm.calls import CALL_NOTES
from connectors.amocrm.client import Account
from connectors.amocrm.envelope import Envelope, embedded, identifier, mapping, text
from connectors.amocrm.memory import Memory
from connectors.amocrm.party import COMPANIES, CONTACTS, LEADS, incoming
from connectors.amocrm.translate import unix
from connectors.contract import Door, LoggedCall
from hub.domain.errors import Rejected

_MARGIN = timedelta(hours=1)
_PAGE = 250
_MOST_PAGES = 200


class AmocrmLog:
    """The `CrmLog` of amoCRM: `uniq` of a call note is our id of the call."""

    def __init__(self, memory: Memory | None = None) -> None:
        self._memory = memory or Memory()

    def logged(self, door: Door, since: datetime, until: datetime) -> Mapping[str, LoggedCall]:
        """Calls by our id. Raises delivery errors.

        A call that is on an open incoming lead counts when amoCRM shows no note of it.
        """
        account = Account(door, self._memory)
        found, copies = dict[str, Envelope](), Counter[str]()
        for entity in (LEADS, CONTACTS, COMPANIES):
            for row in _notes(account, entity, since - _MARGIN):
                key = text(mapping(row.get("params")).get("uniq"))
                if key and _began(row) <= unix(until + _MARGIN):
                    found.setdefault(key, row)
                    copies[key] += 1
        shown = {key: _logged(row, copies[key]) for key, row in found.items()}
        return {**_waiting(account), **shown}


def _notes(account: Account, entity: str, since: datetime) -> Iterator[Envelope]:
    """Call notes that were written since then: never before the call began. There is no filter for when it did."""
    for page in range(1, _MOST_PAGES + 1):
        params = {
            "filter[note_type][]": list(CALL_NOTES),
            "filter[updated_at][from]": unix(since),
            "order[id]": "asc",
            "limit": _PAGE,
            "page": page,
        }
        document = account.read(f"{entity}/notes", params)
        yield from embedded(document, "notes")
        if "next" not in mapping(mapping(document).get("_links")):
            return
    raise Rejected("amoCRM lists more calls than can be compared.", "Compare a shorter time.")


def _began(row: Envelope) -> int:
    """A note of ours is dated at the start of its call."""
    moment = text(row.get("created_at"))
    return int(moment) if moment.isdigit() else 0


def _logged(row: Envelope, copies: int) -> LoggedCall:
    return LoggedCall(identifier(row.get("id")) or "", bool(text(mapping(row.get("params")).get("link"))), copies)


def _waiting(account: Account) -> dict[str, LoggedCall]:
    """Incoming leads that nobody has sorted: they carry their call themselves (amocrm.md §3.2)."""
    found = {}
    for item in incoming(account):
        metadata = mapping(item.get("metadata"))
        key = text(metadata.get("uniq"))
        if key:
            found[key] = LoggedCall(text(item.get("uid")), bool(text(metadata.get("link"))))
    return found
