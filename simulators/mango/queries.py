"""What the hub may ask the PBX (mango.md §4.4, §4.5, §5.1). Each function returns the JSON of its answer."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from simulators.mango.checks import BAD_FORMAT, WRONG_PARAMETERS, Refused, integer, one_of, table, text
from simulators.mango.faults import Faults
from simulators.mango.office import Employee, Group, Office

Body = Mapping[str, Any]
DUPLICATE, NO_SUCH_OBJECT, NO_SERVICE = 3106, 3300, 5225
_SCHEMA_ID = 11
_USER_EXTRAS = {
    "general.user_id", "general.sips", "groups", "general.access_role_id", "telephony.dial_alg",
    "telephony.numbers.schedule", "telephony.line_id", "telephony.trunk_number_id", "general.mobile",
    "general.login", "general.use_status", "general.use_cc_numbers",
}  # fmt: skip
_rule_numbers = itertools.count(9001)


class Desk:
    """Answers questions about the firm; `now` is the clock that leases of tracking numbers run by."""

    def __init__(self, office: Office, faults: Faults, now: Callable[[], float]) -> None:
        self._office = office
        self._faults = faults
        self._now = now
        self.queries: Mapping[str, Callable[[Body], object]] = {
            "config/users/request": self.users,
            "groups": self.groups,
            "incominglines": self.lines,
            "schemas": self.schemas,
            "account/balance": self.balance,
            "forwarding/numbers": self._if_paid_for(self.forwarding),
            "forwarding/number/add": self._if_paid_for(self.add_forwarding),
            "forwarding/number/change": self._if_paid_for(self.change_forwarding),
            "forwarding/number/remove": self._if_paid_for(self.remove_forwarding),
            "queries/user_info_by_dct_number": self.session,
            "queries/user_history_by_dct_number": self.pages,
        }

    def users(self, body: Body) -> object:
        """No `result` key, and `general.user_id` only when it was asked for (mango.md §4.4)."""
        wanted = text(body, "extension")
        extras = body.get("ext_fields", [])
        if not isinstance(extras, list) or not all(isinstance(each, str) for each in extras):
            raise Refused(BAD_FORMAT, "ext_fields is not a list of names", {"ext_fields": BAD_FORMAT})
        if unknown := set(extras) - _USER_EXTRAS:
            raise Refused(BAD_FORMAT, f"ext_fields has {', '.join(sorted(unknown))}", {"ext_fields": BAD_FORMAT})
        chosen = [each for each in self._office.employees if wanted in (None, each.extension)]
        return {"users": [self._user(each, set(extras)) for each in chosen]}

    def _user(self, employee: Employee, extras: set[str]) -> dict[str, object]:
        general: dict[str, object] = {"name": employee.name, "email": employee.email, "department": "", "position": ""}
        if "general.user_id" in extras:
            general["user_id"] = employee.user_id
        if "general.sips" in extras:
            general["sips"] = [{"number": employee.device.removeprefix("sip:")}]
        if "general.mobile" in extras:
            general["mobile"] = employee.mobile
        number = {"number": employee.device, "protocol": "sip", "order": 1, "wait_sec": 60, "status": "on"}
        user: dict[str, object] = {
            "general": general,
            "telephony": {"extension": employee.extension, "outgoingline": "74950000001", "numbers": [number]},
        }
        if "groups" in extras:
            user["groups"] = [group.group_id for group in self._office.groups if employee.extension in group.members]
        return user

    def groups(self, body: Body) -> object:
        group_id, with_users = integer(body, "group_id"), integer(body, "show_users") == 1
        chosen = [group for group in self._office.groups if group_id in (None, group.group_id)]
        return {"result": 1000, "groups": [self._group(group, with_users=with_users) for group in chosen]}

    def _group(self, group: Group, *, with_users: bool) -> dict[str, object]:
        members = [employee for each in group.members if (employee := self._office.employee(each))]
        operators = [
            {"id": each.user_id, "name": each.name, "extension": each.extension, "priority": 1, "order": order}
            for order, each in enumerate(members, 1)
        ]
        facts = {"id": group.group_id, "name": group.name, "description": "", "extension": group.extension}
        settings = {"dial_alg_group": 2, "dial_alg_users": 1, "auto_redirect": 0, "auto_dial": 0, "line_id": 7001}
        return {**facts, **settings, **({"operators": operators} if with_users else {})}

    def lines(self, body: Body) -> object:
        del body
        return {
            "result": 1000,
            "lines": [
                {
                    "line_id": line.line_id, "number": line.number, "name": line.name, "comment": "",
                    "region": line.region, "schema_id": _SCHEMA_ID, "schema_name": "Day",
                }
                for line in self._office.lines
            ],
        }  # fmt: skip

    def schemas(self, body: Body) -> object:
        del body
        lines = [line.line_id for line in self._office.lines]
        schema = {"schema_id": _SCHEMA_ID, "name": "Day", "description": "", "incominglines": lines}
        return {"result": 1000, "data": [schema]}

    def balance(self, body: Body) -> object:
        del body
        at = datetime.now().strftime("%Y-%m-%d %H:%M:%S")  # noqa: DTZ005 - Mango writes it without a zone
        return {"result": 1000, "balance": self._office.balance, "currency": "RUB", "response_at": at}

    # --- forwarding by the caller's number --------------------------------------------------------------------------

    def _if_paid_for(self, answer: Callable[[Body], object]) -> Callable[[Body], object]:
        """Products without the service ANI_ROUTING answer 5225 (mango.md §3.1)."""

        def checked(body: Body) -> object:
            if not self._faults.ani_routing:
                raise Refused(NO_SERVICE, "the service ANI_ROUTING is not switched on")
            return answer(body)

        return checked

    def forwarding(self, body: Body) -> object:
        limit, offset = integer(body, "limit") or 1000, integer(body, "offset") or 0
        if limit > 1000:
            raise Refused(WRONG_PARAMETERS, "limit is more than 1000")
        rules = [{"forward_id": key, **rule} for key, rule in self._office.forwarding.items()]
        return {"result": 1000, "numbers": rules[offset : offset + limit], "total": len(rules)}

    def add_forwarding(self, body: Body) -> object:
        rule = self._rule(body)
        if any(rule["client_phone_number"] == each["client_phone_number"] for each in self._office.forwarding.values()):
            raise Refused(DUPLICATE, "this client number has a rule already")
        self._office.forwarding[next(_rule_numbers)] = rule
        return {"result": 1000}

    def change_forwarding(self, body: Body) -> object:
        rule = self._office.forwarding[self._known_rule(body)]
        if ("client_phone_number" in body) != ("client_phone_type" in body):
            raise Refused(WRONG_PARAMETERS, "number and type are changed together only")
        changed = self._rule({**rule, **{name: value for name, value in body.items() if name != "forward_id"}})
        self._office.forwarding[self._known_rule(body)] = changed
        return {"result": 1000}

    def remove_forwarding(self, body: Body) -> object:
        del self._office.forwarding[self._known_rule(body)]
        return {"result": 1000}

    def _known_rule(self, body: Body) -> int:
        forward_id = integer(body, "forward_id", required=True)
        if forward_id not in self._office.forwarding:
            raise Refused(NO_SUCH_OBJECT, f"no rule has the id {forward_id}")
        assert forward_id is not None
        return forward_id

    def _rule(self, body: Body) -> dict[str, Any]:
        kind = one_of(body, "forward_type", ("group", "user", "ext_forward"))
        target = {"group": "forward_to_group", "user": "forward_to_user", "ext_forward": "forward_to_ext"}[kind]
        rule: dict[str, Any] = {
            "client_phone_number": text(body, "client_phone_number", required=True),
            "client_phone_type": integer(body, "client_phone_type", required=True),
            "status": integer(body, "status", required=True),
            "comment": text(body, "comment") or "",
            "forward_type": kind,
            target: dict(table(body, target, required=True)),
        }
        if not str(rule["client_phone_number"]).isdecimal() or rule["status"] not in (0, 1):
            raise Refused(BAD_FORMAT, "client_phone_number is digits, status 1 or 0")
        group_id = rule.get("forward_to_group", {}).get("forward_group_id")
        if kind == "group" and group_id not in {group.group_id for group in self._office.groups}:
            raise Refused(NO_SUCH_OBJECT, "forward_group_id is no group's id")
        user_id = rule.get("forward_to_user", {}).get("forward_user_id")
        if kind == "user" and user_id not in {employee.user_id for employee in self._office.employees}:
            raise Refused(NO_SUCH_OBJECT, "forward_user_id is nobody's general.user_id")
        return rule

    # --- call tracking ------------------------------------------------------------------------------------------------

    def session(self, body: Body) -> object:
        """Who is shown this number now; empty when nobody is (mango.md §5.1)."""
        session = self._bound(body)
        return self._wrapped(dict(session.facts) if session else {})

    def pages(self, body: Body) -> object:
        session = self._bound(body)
        return self._wrapped([dict(page) for page in session.pages] if session else [])

    def _bound(self, body: Body) -> Any:
        number = text(body, "number", required=True) or ""
        session = self._office.sessions.get(number)
        if session is None or (session.ends_at is not None and self._now() >= session.ends_at):
            return None
        return session

    def _wrapped(self, answer: object) -> object:
        return {"data": answer} if self._faults.dct_wrapped else answer
