"""What an account posts to us when a card of it changes (amocrm.md §5). Pure.

amoCRM signs nothing, so all proof is the address: the connection's own token, which only the account was
told. Therefore nothing of the content is believed but that a card has changed; what it is now is read
from the account itself, deletions too, because deliveries come late and in any order.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import parse_qsl, urlencode

from hub.domain.errors import BadSignature
from hub.domain.notices import DialRequested, PartyChanged
from hub.domain.phone import Phone, parse_phone
from webhooks.contract import Admitted, HookRequest, Ignored, InboxItem, Malformed, News, ParseContext, Parsed

_ENTITY_EVENTS = ("add", "update", "delete", "restore", "responsible")
WATCHED = (
    *(f"{event}_{entity}" for entity in ("contact", "company") for event in _ENTITY_EVENTS),
    *(f"{event}_lead" for event in ("add", "delete", "restore", "responsible", "status")),
)
"""What we ask for: who owns a client. An `update_lead` comes with each write of ours and says nothing of that."""

_MOST_FIELDS = 10_000
_LONGEST_TOPIC = 64
_CARD = re.compile(r"(contacts|companies|leads)\[(\w+)\]\[(\d+)\]\[(id|type)\]")
_SORTED_LEAD = re.compile(r"unsorted\[\w+\]\[\d+\]\[(?:accept|decline)_result\]\[leads\](?:\[\d*\])?(?:\[id\])?")
_TOP = re.compile(r"(\w+)\[(\w+)\]")
_MOMENT = re.compile(r"\w+\[\w+\]\[\d+\]\[(?:updated_at|last_modified)\]")
_KINDS = {"contacts": "contact", "companies": "company", "leads": "lead"}
_COMPANY = "company"

CLICK = "widget click"
"""The topic of what the hub itself keeps for a click; no topic that an account could post is like it."""

Pairs = list[tuple[str, str]]


class AmocrmHook:
    """The `Hook` of amoCRM."""

    def admit(self, request: HookRequest, secrets: Sequence[Mapping[str, str]]) -> Admitted:
        """One item of a form that names its account. Raises `BadSignature` for everything else."""
        if request.method != "POST" or not any(value for one in secrets for value in one.values()):
            raise BadSignature("amoCRM posts its events, to a connection that has an access.")
        pairs = read_form(request.body)
        if not account_of(pairs):
            raise BadSignature("An event that names no account.")
        return Admitted((InboxItem(_dedupe_key(request, pairs), _topic(pairs), request.body),))

    def parse(self, item: InboxItem, context: ParseContext) -> Parsed:
        """Which cards changed, each once. Never raises."""
        try:
            pairs = read_form(item.body)
        except BadSignature:
            return Malformed("The event is no form.")
        ours = str(context.settings.get("account_id") or "")
        if ours and account_of(pairs) != ours:
            return Ignored("An event of another account.")
        if item.topic == CLICK:
            return _clicked(dict(pairs), context)
        changed = dict.fromkeys([*_changed_cards(pairs), *_sorted_leads(pairs)])
        if changed:
            return News(tuple(changed))
        if any(name.startswith(tuple(f"{entity}[" for entity in _KINDS)) for name, _ in pairs):
            return Malformed("A changed card without its id.")
        return Ignored("An event that the hub has no use for.")


def click(phone: Phone, user_id: str, account_id: str, token_id: str) -> InboxItem:
    """A call that `user_id` asked for in the widget, to be kept like a request; `token_id` is good for one."""
    form = {"phone": phone.display, "user": user_id, "account[id]": account_id}
    return InboxItem(f"click:{token_id}"[:200], CLICK, urlencode(form).encode())


def _clicked(form: Mapping[str, str], context: ParseContext) -> Parsed:
    client = parse_phone(form.get("phone", ""), context.region)
    if client is None or not form.get("user"):
        return Malformed("A click to call without a number or an employee.")
    return News((DialRequested(client, form["user"]),))


def read_form(body: bytes) -> Pairs:
    """The fields by their bracketed names, in order. Raises `BadSignature` for what is no such form."""
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise BadSignature("amoCRM posts forms.") from error


def account_of(pairs: Pairs) -> str:
    """The id of the account that sent the event; "" when it names none."""
    return next((value.strip() for name, value in pairs if name == "account[id]"), "")


def _changed_cards(pairs: Pairs) -> Iterable[PartyChanged]:
    """Companies come under `contacts` with their type (amocrm.md §5.3)."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for name, value in pairs:
        if (part := _CARD.fullmatch(name)) is not None:
            entity, action, number, field = part.groups()
            found.setdefault((entity, action, number), {})[field] = value.strip()
    for (entity, _action, _number), said in found.items():
        kind = _COMPANY if entity == "contacts" and said.get("type") == _COMPANY else _KINDS[entity]
        if said.get("id", "").isdigit():
            yield PartyChanged(kind, said["id"])


def _sorted_leads(pairs: Pairs) -> Iterable[PartyChanged]:
    """An incoming lead that was accepted or declined may have another person now."""
    for name, value in pairs:
        if _SORTED_LEAD.fullmatch(name) and value.isdigit():
            yield PartyChanged("lead", value)


def _topic(pairs: Pairs) -> str:
    tops = dict.fromkeys(
        f"{part[1]}.{part[2]}" for name, _ in pairs if (part := _TOP.match(name)) and part[1] != "account"
    )
    return " ".join(tops)[:_LONGEST_TOPIC]


def _dedupe_key(request: HookRequest, pairs: Pairs) -> str:
    """The body, which is the same in every try. A deletion carries no time: the next one of that card is another."""
    said = [request.body]
    if not any(_MOMENT.fullmatch(name) for name, _ in pairs):
        said.append(request.received_at.isoformat(timespec="seconds").encode())
    return "sha256:" + hashlib.sha256(b"\n".join(said)).hexdigest()
