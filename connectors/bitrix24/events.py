"""What a portal posts to us: is it genuine, and what does it state? Pure (bitrix24.md §1.4, §3.9, §5).

An event is trusted for its `application_token`. Its other tokens are left out of what is kept: the
inbox holds no secret, and background work goes with the installer's pair anyway (bitrix24.md §1.1).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import parse_qsl, urlencode

from hub.domain.errors import BadSignature
from hub.domain.notices import AccessChanged, CallbackWanted, DialRequested, Notice, PartyChanged
from hub.domain.phone import Phone, parse_phone
from webhooks.contract import Admitted, HookRequest, Ignored, InboxItem, Malformed, News, ParseContext, Parsed

BOUND_EVENTS = (
    "ONEXTERNALCALLSTART",
    "ONEXTERNALCALLBACKSTART",
    "ONAPPUPDATE",
    "ONAPPUNINSTALL",
    "ONAPPPAYMENT",
    *(f"ONCRM{kind}{what}" for kind in ("CONTACT", "COMPANY", "LEAD") for what in ("ADD", "UPDATE", "DELETE")),
)
"""What is bound by `event.bind`. Cards' events keep the owner index fresh."""

INSTALLED = frozenset({"ONAPPINSTALL", "ONAPPUPDATE"})
UNINSTALLED = "ONAPPUNINSTALL"
_MOST_FIELDS = 500
_LONGEST_NAME = 64
_SECRET_FIELDS = frozenset({"auth[access_token]", "auth[refresh_token]", "auth[application_token]"})
_CRM_EVENT = re.compile(r"ONCRM(LEAD|CONTACT|COMPANY|DEAL)(ADD|UPDATE|DELETE)")
_OUR_OWN_ECHO = frozenset({"ONVOXIMPLANTCALLINIT", "ONVOXIMPLANTCALLSTART", "ONVOXIMPLANTCALLEND"})

Form = Mapping[str, str]


def read_form(body: bytes) -> dict[str, str]:
    """The fields of a form-encoded body by their bracketed names; of a name that comes twice the last one counts.

    Raises `BadSignature` for what is no such form.
    """
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise BadSignature("Bitrix24 posts forms.") from error
    return dict(pairs)


def event_name(form: Form) -> str:
    return form.get("event", "").strip().upper()[:_LONGEST_NAME]


class Bitrix24Hook:
    """The `Hook` of Bitrix24."""

    def admit(self, request: HookRequest, secrets: Sequence[Mapping[str, str]]) -> Admitted:
        """One item, when the form carries our `application_token`. Raises `BadSignature` for everything else."""
        if request.method != "POST":
            raise BadSignature("Bitrix24 posts its events.")
        form = read_form(request.body)
        name = event_name(form)
        if not name or not is_genuine(form.get("auth[application_token]", ""), secrets):
            raise BadSignature("The application token is not ours.")
        return Admitted((InboxItem(dedupe_key(form), name, without_secrets(form)),))

    def parse(self, item: InboxItem, context: ParseContext) -> Parsed:
        """What an event states. Never raises, whatever the portal sent."""
        try:
            form = read_form(item.body)
        except BadSignature:
            return Malformed("The event is no form.")
        name = event_name(form)
        changed = _CRM_EVENT.fullmatch(name)
        if changed:
            return _party_changed(form, changed[1], deleted=changed[2] == "DELETE")
        read = _READERS.get(name)
        if read is not None:
            return read(form, context)
        return Ignored(_WHY_NOT.get(name, "An event that the hub has no use for."))


def is_genuine(token: str, secrets: Sequence[Mapping[str, str]]) -> bool:
    """Whether `token` is one of the application tokens, compared in constant time; an empty one never is."""
    found = False
    for one in secrets:
        ours = one.get("application_token", "")
        same = hmac.compare_digest(token.encode(errors="replace"), ours.encode())
        found = found or (same and bool(ours))
    return found


def dedupe_key(form: Form) -> str:
    """Bitrix24 gives a delivery no id: the same event with the same data at the same second is the same one."""
    parts = sorted((name, value) for name, value in form.items() if name.startswith("data["))
    said = urlencode([("event", event_name(form)), ("ts", form.get("ts", "")), *parts])
    return "sha256:" + hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


def without_secrets(form: Form) -> bytes:
    """The event as it is kept."""
    return urlencode([(name, value) for name, value in form.items() if name not in _SECRET_FIELDS]).encode()


# --- Readers ----------------------------------------------------------------------------------------


def _said(form: Form, name: str) -> str:
    return form.get(f"data[{name}]", "").strip()


def _id(value: str) -> str | None:
    return None if value in {"", "0"} else value


def _phone(form: Form, context: ParseContext, *names: str) -> Phone | None:
    for name in names:
        found = parse_phone(_said(form, name), context.region)
        if found is not None:
            return found
    return None


def _click(form: Form, context: ParseContext) -> Parsed:
    """The portal has registered the call already: `CALL_ID` is its id of it (bitrix24.md §3.9)."""
    client = _phone(form, context, "PHONE_NUMBER_INTERNATIONAL", "PHONE_NUMBER")
    user_id, call_id = _id(_said(form, "USER_ID")), _said(form, "CALL_ID")
    if client is None or user_id is None or not call_id:
        return Malformed("A click to call without a number, an employee or a CALL_ID.")
    kind, party_id = _said(form, "CRM_ENTITY_TYPE").upper() or None, _id(_said(form, "CRM_ENTITY_ID"))
    line = parse_phone(_said(form, "LINE_NUMBER"), context.region)
    return _news(DialRequested(client, user_id, line, call_id, kind, party_id))


def _callback_form(form: Form, context: ParseContext) -> Parsed:
    """A visitor's wish: neither a call nor an employee is chosen yet (bitrix24.md §3.9)."""
    client = _phone(form, context, "PHONE_NUMBER")
    if client is None:
        return Malformed("A request to be called back without a number.")
    kind, party_id = _said(form, "CRM_ENTITY_TYPE").upper() or None, _id(_said(form, "CRM_ENTITY_ID"))
    line = parse_phone(_said(form, "LINE_NUMBER"), context.region)
    return _news(CallbackWanted(client, _said(form, "TEXT"), line, kind, party_id))


def _payment(form: Form, _context: ParseContext) -> Parsed:
    names = ("STATUS", "PAYMENT_EXPIRED", "DAYS", "VERSION")
    return _news(AccessChanged({name: _said(form, name) for name in names if _said(form, name)}))


def _party_changed(form: Form, kind: str, *, deleted: bool) -> Parsed:
    entity_id = _id(_said(form, "FIELDS][ID"))
    if entity_id is None:
        return Malformed("A changed card without its id.")
    return _news(PartyChanged(kind, entity_id, deleted))


def _news(notice: Notice) -> News:
    return News((notice,))


_READERS: Mapping[str, Callable[[Form, ParseContext], Parsed]] = {
    "ONEXTERNALCALLSTART": _click,
    "ONEXTERNALCALLBACKSTART": _callback_form,
    "ONAPPPAYMENT": _payment,
}
_WHY_NOT = {
    **dict.fromkeys(_OUR_OWN_ECHO, "The portal tells of a call that is in its log already."),
    **dict.fromkeys(INSTALLED, "The installation was verified and kept when it came."),
    UNINSTALLED: "The application was removed; its access was ended when this came.",
    "ONAPPTEST": "A test of the handler.",
}
