"""Encrypting every stored secret anew, with the first of the keys."""

from __future__ import annotations

from sqlalchemy import LargeBinary, Table, select, type_coerce, update
from sqlalchemy.orm import Session

from hub.db.keyring import reencrypt
from hub.db.tables import Base
from hub.db.types import EncryptedJson


def rotate_secrets(session: Session) -> int:
    """Encrypt each secret of each table with the newest key; returns how many there were.

    Raises `ConfigurationError` when one does not open with any of the keys; nothing is changed then.
    """
    return sum(
        _rotate_column(session, table, column.name)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, EncryptedJson)
    )


def _rotate_column(session: Session, table: Table, name: str) -> int:
    column = table.columns[name]
    key = next(iter(table.primary_key.columns))
    rows = session.execute(select(key, type_coerce(column, LargeBinary)).where(column.is_not(None)).with_for_update())
    count = 0
    for identity, token in rows.all():
        fresh = type_coerce(reencrypt(token), LargeBinary)
        session.execute(update(table).where(key == identity).values({name: fresh}))
        count += 1
    return count
