"""Rules by the caller's number that Mango keeps itself (`mango.md` §4.5): no race, and they hold while we are down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.contract import Door, ForwardRule
from connectors.mango.client import call
from connectors.mango.fields import Fields
from hub.domain.errors import Rejected, Unreachable

OUR_MARK = "Dozvon"
"""The comment by which our rules are known; rules that people made are never touched."""
_PAGE = 1000
_MOST_PAGES = 100
_PHONE = 0
_ON = 1


class MangoForwarding:
    """The `PbxForwarding` of Mango Office. A product without the service answers 5225, which is `Rejected`."""

    def rules(self, door: Door) -> Sequence[ForwardRule]:
        found: list[ForwardRule] = []
        for page in range(_MOST_PAGES):
            said = call(door, "forwarding/numbers", {"limit": _PAGE, "offset": page * _PAGE}, write=False)
            listed = said.get("numbers")
            if not isinstance(listed, list):
                raise Unreachable("Mango did not list its forwarding rules.")
            found += [rule for row in listed if (rule := _rule(row)) is not None]
            if len(listed) < _PAGE:
                return found
        return found

    def targets(self, door: Door) -> Mapping[str, str]:
        """Short number to "user:5001" or "group:31", which is how a rule names whom it rings."""
        users = call(door, "config/users/request", {"ext_fields": ["general.user_id"]}, write=False).get("users")
        groups = call(door, "groups", {}, write=False).get("groups")
        if not isinstance(users, list):
            raise Unreachable("Mango did not list its employees.")
        found: dict[str, str] = {}
        for row in users:
            fields = Fields(row if isinstance(row, dict) else {})
            extension, user_id = fields.part("telephony").text("extension"), fields.part("general").text("user_id")
            if extension and user_id:
                found[extension] = f"user:{user_id}"
        for row in groups if isinstance(groups, list) else []:
            fields = Fields(row if isinstance(row, dict) else {})
            extension, group_id = fields.text("extension"), fields.text("id")
            if extension and group_id:
                found[extension] = f"group:{group_id}"
        return found

    def add(self, door: Door, *, client: str, target: str) -> None:
        order = {
            "client_phone_number": _number(client),
            "client_phone_type": _PHONE,
            "status": _ON,
            "comment": OUR_MARK,
            **_forward(target),
        }
        call(door, "forwarding/number/add", order, write=True)

    def change(self, door: Door, rule: ForwardRule, *, target: str) -> None:
        order = {"forward_id": _id(rule), "status": _ON, **_forward(target)}
        call(door, "forwarding/number/change", order, write=True)

    def remove(self, door: Door, rule: ForwardRule) -> None:
        call(door, "forwarding/number/remove", {"forward_id": _id(rule)}, write=True)


def _rule(row: object) -> ForwardRule | None:
    fields = Fields(row if isinstance(row, dict) else {})
    rule_id, number = fields.text("forward_id"), fields.text("client_phone_number")
    if not rule_id or not number:
        return None
    user, group = fields.part("forward_to_user"), fields.part("forward_to_group")
    user_id, group_id = user.text("forward_user_id"), group.text("forward_group_id")
    target = f"user:{user_id}" if user_id else f"group:{group_id}" if group_id else ""
    active = fields.text("status") == str(_ON)
    client = f"+{number}" if number.isdecimal() else number
    return ForwardRule(rule_id, client, target if active else "", ours=fields.text("comment") == OUR_MARK)


def _forward(target: str) -> dict[str, object]:
    kind, _, number = target.partition(":")
    if not number.isdecimal():
        raise Rejected(f"{target!r} is nobody whom Mango could ring by a rule.")
    if kind == "group":
        return {"forward_type": "group", "forward_to_group": {"forward_group_id": int(number)}}
    who = {"forward_user_id": int(number), "forward_contact_id": ""}
    return {"forward_type": "user", "forward_to_user": who}


def _number(client: str) -> str:
    digits = client.removeprefix("+")
    if not digits.isdecimal() or not 7 <= len(digits) <= 15:
        raise Rejected("A rule needs a full phone number.")
    return digits


def _id(rule: ForwardRule) -> object:
    return int(rule.id) if rule.id.isdecimal() else rule.id
