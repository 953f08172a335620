"""Users, API keys and employees of a workspace."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import select

from hub.db.tables import ApiKey, Connection, EmployeeRow, User
from hub.provisioning.errors import Mistake, WrongDocument, suggestion
from hub.provisioning.lines import Path
from hub.provisioning.routing import put_own_hours
from hub.provisioning.work import Work, assign, once_each

Item = Mapping[str, Any]
_hasher = PasswordHasher()
_SHOWN_OF_KEY = 7


def hash_password(password: str) -> str:
    """The argon2id hash that is stored of a password."""
    return _hasher.hash(password)


def has_password(user: User, password: str) -> bool:
    try:
        return _hasher.verify(user.password_hash, password)
    except VerificationError:
        return False


def new_key() -> str:
    """A fresh API key: `dz_` and 128 random bits in hex."""
    return f"dz_{secrets.token_hex(16)}"


def key_hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def key_prefix(key: str) -> str:
    """What a page may show of a key."""
    return key[:_SHOWN_OF_KEY]


# --- Users ----------------------------------------------------------------------------------------


def apply_users(work: Work, items: Sequence[Item]) -> None:
    once_each(
        ((("user", n, "email"), item["email"].lower()) for n, item in enumerate(items)), "{value} stands here twice."
    )
    query = select(User).where(User.workspace_id == work.workspace.id)
    users = {user.email: user for user in work.session.scalars(query)}
    for number, item in enumerate(items):
        user = users.get(item["email"].lower())
        if user is None:
            _add_user(work, item, ("user", number))
        else:
            _change_user(work, user, item)


def _add_user(work: Work, item: Item, path: Path) -> None:
    if "password" not in item and "password_hash" not in item:
        raise WrongDocument(Mistake((*path, "password"), "is missing: a new user needs one."))
    work.session.add(
        User(
            workspace_id=work.workspace.id,
            email=item["email"].lower(),
            password_hash=item.get("password_hash") or hash_password(item["password"]),
            role=item["role"],
            locale=item.get("locale"),
            created_at=work.now,
        )
    )
    work.added(f"user {item['email'].lower()}")


def _change_user(work: Work, user: User, item: Item) -> None:
    changed = assign(user, {name: item[name] for name in ("role", "locale") if name in item})
    if "password" in item and not has_password(user, item["password"]):
        set_password(user, hash_password(item["password"]))
        changed.append("password")
    elif item.get("password_hash", user.password_hash) != user.password_hash:
        set_password(user, item["password_hash"])
        changed.append("password")
    work.changed(f"user {user.email}", changed)


def set_password(user: User, hashed: str) -> None:
    """Give a user another password; whoever is logged in with the old one is logged out."""
    user.password_hash = hashed
    user.session_version += 1


def link_users(work: Work, items: Sequence[Item]) -> None:
    """Say which employee a user is, once both are there; "" is nobody, and a user without the field stays as they are.

    Raises `WrongDocument` for a name that no employee has, or several have.
    """
    work.session.flush()
    query = select(EmployeeRow).where(EmployeeRow.workspace_id == work.workspace.id).order_by(EmployeeRow.id)
    employees = work.session.scalars(query).all()
    for number, item in enumerate(items):
        if "employee" not in item:
            continue
        named = [row for row in employees if row.name == item["employee"]]
        if item["employee"] and len(named) != 1:
            words = "is the name of several employees." if named else "is no employee of this workspace."
            tip = "" if named else suggestion(item["employee"], [row.name for row in employees])
            raise WrongDocument(Mistake(("user", number, "employee"), words + tip))
        same = (User.workspace_id == work.workspace.id, User.email == item["email"].lower())
        user = work.session.scalars(select(User).where(*same)).one()
        if assign(user, {"employee_id": named[0].id if item["employee"] else None}):
            work.changed(f"user {user.email}", ["employee"])


# --- API keys -------------------------------------------------------------------------------------


def apply_keys(work: Work, items: Sequence[Item]) -> None:
    once_each(((("api_key", n, "name"), item["name"]) for n, item in enumerate(items)), "{value} stands here twice.")
    rows = work.session.scalars(select(ApiKey).where(ApiKey.workspace_id == work.workspace.id))
    keys = {row.name: row for row in rows}
    for number, item in enumerate(items):
        path = ("api_key", number)
        hashed = key_hash(item["key"]) if "key" in item else item.get("key_hash")
        if hashed:
            _refuse_foreign_key(work, hashed, item["name"], (*path, "key"))
        row = keys.get(item["name"])
        if row is None:
            _add_key(work, item, hashed, path)
        else:
            _change_key(work, row, item, hashed)
        work.session.flush()


def _refuse_foreign_key(work: Work, hashed: str, name: str, path: Path) -> None:
    row = work.session.scalars(select(ApiKey).where(ApiKey.key_hash == hashed)).one_or_none()
    if row is not None and (row.workspace_id, row.name) != (work.workspace.id, name):
        raise WrongDocument(Mistake(path, "belongs to another API key already."))


def _add_key(work: Work, item: Item, hashed: str | None, path: Path) -> None:
    key = item.get("key")
    if hashed is None:
        if (*path, "key") in work.source.unset:
            raise WrongDocument(Mistake((*path, "key"), "is missing."))
        key = new_key()
        hashed = key_hash(key)
        work.once.append(f"  API key {item['name']}, shown only now: {key}")
    work.session.add(
        ApiKey(
            workspace_id=work.workspace.id,
            name=item["name"],
            key_hash=hashed,
            prefix=key_prefix(key) if key else "dz_",
            scopes=item["scopes"],
            created_at=work.now,
        )
    )
    work.added(f"api_key {item['name']}")


def _change_key(work: Work, row: ApiKey, item: Item, hashed: str | None) -> None:
    changed = assign(row, {"scopes": item["scopes"]})
    if hashed and hashed != row.key_hash:
        row.key_hash, row.prefix = hashed, key_prefix(item.get("key", "dz_"))
        changed.append("key")
    work.changed(f"api_key {row.name}", changed)


# --- Employees ------------------------------------------------------------------------------------


def apply_employees(work: Work, items: Sequence[Item]) -> None:
    """Make the workspace's employees those of the file: the file is the whole truth about them."""
    names = list(work.session.scalars(select(Connection.name).where(Connection.workspace_id == work.workspace.id)))
    for number, item in enumerate(items):
        for field in ("extensions", "users"):
            _check_connections(item.get(field, {}), names, ("employee", number, field))
    once_each(_extensions_in(items), "{value} is given to two employees.")
    query = select(EmployeeRow).where(EmployeeRow.workspace_id == work.workspace.id).order_by(EmployeeRow.id)
    left = list(work.session.scalars(query))
    for item in items:
        row = next((row for row in left if row.name == item["name"]), None)
        if row is not None:
            left.remove(row)
        _put_employee(work, row, item)
    for row in left:
        work.session.delete(row)
        work.removed(f"employee {row.name}")


def _check_connections(given: Mapping[str, str], known: Sequence[str], path: Path) -> None:
    for name in given:
        if name not in known:
            words = f"is no connection of this workspace.{suggestion(name, known) if known else ''}"
            raise WrongDocument(Mistake((*path, name), words))


def _extensions(item: Item) -> dict[str, str]:
    return dict(item.get("extensions", {})) or ({"*": item["extension"]} if "extension" in item else {})


def _extensions_in(items: Sequence[Item]) -> list[tuple[Path, str]]:
    return [
        (("employee", number, "extension" if pbx == "*" else "extensions"), f"{extension}{_of(pbx)}")
        for number, item in enumerate(items)
        for pbx, extension in _extensions(item).items()
    ]


def _of(pbx: str) -> str:
    return "" if pbx == "*" else f" of {pbx}"


def _put_employee(work: Work, row: EmployeeRow | None, item: Item) -> None:
    values = {"extensions": _extensions(item), "users": dict(item["users"])}
    if row is None:
        row = EmployeeRow(workspace_id=work.workspace.id, name=item["name"], **values)
        work.session.add(row)
        work.added(f"employee {item['name']}")
    else:
        words = {"extensions": "extension", "users": "users"}
        work.changed(f"employee {row.name}", [words[name] for name in assign(row, values)])
    put_own_hours(work, row, item)
