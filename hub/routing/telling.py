"""From a command's row to the words that a PBX's folder understands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.contract import Connector, Door
from hub.domain.errors import Rejected
from hub.domain.phone import Phone


def tell(connector: Connector, door: Door, kind: str, uid: str, order: Mapping[str, Any]) -> None:
    """One command; what `order` holds for each `kind` is told in `hub.routing.orders`. Raises the delivery errors."""
    commands = connector.commands
    assert commands is not None
    match kind:
        case "route":
            commands.route(door, command_id=uid, leg_key=order["leg"], to=order["to"])
        case "callback":
            line = _phone(order.get("line"))
            client = Phone(order["client"], order["client"])
            extension, label = order["extension"], order.get("label", "")
            asks = connector.key_press if order.get("key_press") else None
            ring = asks.confirmed_callback if asks is not None else commands.callback
            ring(door, command_id=uid, extension=extension, client=client, line=line, label=label)
        case "callback_group":
            line, client = _phone(order.get("line")), Phone(order["client"], order["client"])
            if line is None:
                raise Rejected("A group is rung from a line, and the order names none.")
            commands.callback_group(
                door,
                command_id=uid,
                group=order["extension"],
                client=client,
                line=line,
                client_first=bool(order.get("client_first")),
            )
        case "hangup":
            commands.hangup(door, command_id=uid, leg_key=order["leg"])
        case _:
            raise Rejected(f"The hub knows no command {kind}.")


def _phone(text: str | None) -> Phone | None:
    if not text:
        return None
    return Phone(text, text if text.startswith("+") else None)
