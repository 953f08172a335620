"""What a hub in which nobody can log in yet tells whoever started it: the address that makes the first owner."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from hub.config import Settings
from hub.db.engine import Database
from hub.db.keyring import install_keys
from hub.db.tables import User
from hub.web.secret import first_owner_key

_PATH = "/admin/first"


def first_owner_address(settings: Settings, base_url: str) -> str | None:
    """The address at which a browser makes the first workspace and its owner; None when somebody can log in.

    It holds a key that only this hub can have made, and that opens nothing any more once there is a user.
    """
    install_keys(settings.secret_keys, settings.home)
    database = Database(settings.database_url)
    try:
        with database.reading() as session:
            if session.scalar(select(User.id).limit(1)) is not None:
                return None
    finally:
        database.close()
    return f"{(settings.public_url or base_url).rstrip('/')}{_PATH}?key={first_owner_key(settings)}"


def welcome(settings: Settings, base_url: str) -> Sequence[str]:
    """The lines to print when the hub is ready: none for a hub that has users, but where to log in."""
    address = first_owner_address(settings, base_url)
    if address is None:
        return (f"  Log in at        {(settings.public_url or base_url).rstrip('/')}/admin/",)
    return ("  Nobody can log in yet. Make your account at this address (it is good until then):", f"  {address}")
