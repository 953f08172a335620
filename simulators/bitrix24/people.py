"""Employees, departments and working days (bitrix24.md §4.8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .clock import PORTAL_ZONE, iso
from .errors import crm
from .filters import matching, ordered, page
from .methods import Caller, Listing, Params, rest_method
from .portal import Portal, User
from .values import integer, mapping, text

_USER_SCOPES = ("user", "user_basic", "user_brief")
_BRIEF = (
    "ID",
    "XML_ID",
    "ACTIVE",
    "NAME",
    "LAST_NAME",
    "UF_PHONE_INNER",
    "UF_DEPARTMENT",
    "IS_ONLINE",
    "USER_TYPE",
    "TIME_ZONE",
)
_SERVICE = {"FILTER", "SORT", "ORDER", "START", "SELECT", "ADMIN_MODE", "AUTH"}


@rest_method("user.get", *_USER_SCOPES, documented="FILTER sort order start select ADMIN_MODE")
def user_get(portal: Portal, caller: Caller, params: Params) -> Listing:
    """Employees, fifty a page. Conditions stand in FILTER or beside it."""
    beside = {name: value for name, value in params.items() if name.upper() not in _SERVICE}
    conditions = {**beside, **mapping(params.get("FILTER"))}
    rows = [_row(caller, user) for user in portal.users.values() if user.user_type == "employee"]
    found = matching(rows, {name: _as_flag(name, value) for name, value in conditions.items()}, _is_condition)
    order = {text(params.get("sort")) or "ID": text(params.get("order")) or "ASC"}
    return page(ordered(found, order), params.get("start"))


@rest_method("user.search", *_USER_SCOPES, documented="FILTER sort order start")
def user_search(portal: Portal, caller: Caller, params: Params) -> Listing:
    """Employees by a part of the name."""
    conditions = {**params, **mapping(params.get("FILTER"))}
    needles = [text(conditions.get(name)).lower() for name in ("FIND", "NAME", "LAST_NAME") if conditions.get(name)]
    rows = [_row(caller, user) for user in portal.users.values() if user.active and user.user_type == "employee"]
    found = [row for row in rows if all(needle in f"{row['NAME']} {row['LAST_NAME']}".lower() for needle in needles)]
    return page(found, params.get("start"))


@rest_method("user.current", *_USER_SCOPES)
def user_current(_portal: Portal, caller: Caller, _params: Params) -> dict[str, Any]:
    """The person that the token or webhook speaks for."""
    return _row(caller, caller.user)


@rest_method("profile")
def profile(_portal: Portal, caller: Caller, _params: Params) -> dict[str, Any]:
    """The same in short, without any scope."""
    user = caller.user
    row = {"ID": str(user.id), "ADMIN": user.admin, "NAME": user.name, "LAST_NAME": user.last_name}
    return row | {"PERSONAL_GENDER": "", "TIME_ZONE": "Europe/Moscow"}


@rest_method("user.admin")
def user_admin(_portal: Portal, caller: Caller, _params: Params) -> bool:
    """Whether that person administers the portal."""
    return caller.user.admin


@rest_method("department.get", "department", documented="ID PARENT NAME UF_HEAD sort order start")
def department_get(portal: Portal, _caller: Caller, params: Params) -> Listing:
    """Departments."""
    names = {"ID", "PARENT", "NAME", "UF_HEAD"}
    conditions = {name: value for name, value in params.items() if name in names}
    return page(ordered(matching(portal.departments, conditions, names.__contains__), {}), params.get("start"))


@rest_method("timeman.status", "timeman", documented="USER_ID")
def timeman_status(portal: Portal, caller: Caller, params: Params) -> dict[str, Any]:
    """The working day of a person."""
    user = portal.users.get(integer(params.get("USER_ID"), caller.user.id))
    if user is None:
        raise crm("User not found")
    started = portal.clock() - 3600
    return {
        "STATUS": user.timeman if user.timeman in {"OPENED", "CLOSED", "PAUSED", "EXPIRED"} else "CLOSED",
        "TIME_START": iso(started),
        "TIME_FINISH": iso(portal.clock()) if user.timeman == "CLOSED" else None,
        "DURATION": "01:00:00",
        "TIME_LEAKS": "00:00:00",
        "ACTIVE": user.timeman == "OPENED",
        "TZ_OFFSET": int(PORTAL_ZONE.utcoffset(None).total_seconds()),
    }


def _row(caller: Caller, user: User) -> dict[str, Any]:
    row: dict[str, Any] = {
        "ID": str(user.id),
        "XML_ID": "",
        "ACTIVE": user.active,
        "NAME": user.name,
        "LAST_NAME": user.last_name,
        "EMAIL": user.email,
        "WORK_PHONE": user.work_phone,
        "PERSONAL_MOBILE": user.personal_mobile,
        "UF_PHONE_INNER": user.extension or None,
        "UF_DEPARTMENT": list(user.departments),
        "TIME_ZONE": "",
        "IS_ONLINE": "Y" if user.online else "N",
        "USER_TYPE": user.user_type,
    }
    full = {"user", "user_basic"} & set(caller.scope)
    return row if full else {name: row[name] for name in _BRIEF}


def _as_flag(name: str, value: Any) -> Any:
    if name.lstrip("!=") != "ACTIVE":
        return value
    return "Y" if str(value).lower() in {"1", "y", "true"} else "N"


def _is_condition(name: str) -> bool:
    known = {*_BRIEF, "EMAIL", "WORK_PHONE", "PERSONAL_MOBILE"}
    return name in known


def users_from(given: list[User | Mapping[str, Any]] | None) -> dict[int, User]:
    """Employees by id, from `User` values or maps with Bitrix24's field names; four people when nothing is given."""
    people = [one if isinstance(one, User) else _from_map(one) for one in given] if given else _example_people()
    if not any(user.admin for user in people):
        people[0].admin = True
    return {user.id: user for user in people}


def _from_map(row: Mapping[str, Any]) -> User:
    return User(
        id=integer(row["ID"]),
        name=text(row.get("NAME")) or f"User {row['ID']}",
        last_name=text(row.get("LAST_NAME")),
        extension=text(row.get("UF_PHONE_INNER")),
        email=text(row.get("EMAIL")),
        work_phone=text(row.get("WORK_PHONE")),
        personal_mobile=text(row.get("PERSONAL_MOBILE")),
        active=bool(row.get("ACTIVE", True)),
        admin=bool(row.get("ADMIN", False)),
        timeman=text(row.get("TIMEMAN_STATUS")) or "OPENED",
        user_type=text(row.get("USER_TYPE")) or "employee",
    )


def _example_people() -> list[User]:
    return [
        User(1, "Ольга", "Власова", "100", "olga@acme.example", admin=True),
        User(7, "Анна", "Лебедева", "101", "anna@acme.example", personal_mobile="+79001110101"),
        User(8, "Борис", "Котов", "102", "boris@acme.example", personal_mobile="+79001110102"),
        User(9, "Вера", "Орлова", "103", "vera@acme.example", personal_mobile="+79001110103"),
    ]
