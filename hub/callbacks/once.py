"""`Idempotency-Key`: the same request under the same key is answered the same, and made once."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.callbacks.request import Ask, Refused, Taken
from hub.callbacks.taking import take_request
from hub.db.callbacks import CallbackRow, IdempotencyKey
from hub.db.locks import take_turn
from hub.runtime import Runtime


def take_once(
    session: Session, runtime: Runtime, ask: Ask, *, api_key_id: int, key: str, digest: str
) -> Taken | Refused:
    """`take_request`, guarded by a program's key; `digest` is that of the body. A refusal keeps no key."""
    take_turn(session, "idempotency", api_key_id, key)
    known = session.scalar(
        select(IdempotencyKey).where(IdempotencyKey.api_key_id == api_key_id, IdempotencyKey.key == key)
    )
    if known is not None:
        if known.digest != digest:
            return Refused(409, "conflict")
        row = session.get_one(CallbackRow, known.callback_id)
        return Taken(row.id, row.uid, is_new=known.created_at == row.created_at)
    taken = take_request(session, runtime, ask)
    if isinstance(taken, Taken):
        created_at = session.get_one(CallbackRow, taken.id).created_at if taken.is_new else runtime.now()
        session.add(
            IdempotencyKey(api_key_id=api_key_id, key=key, digest=digest, callback_id=taken.id, created_at=created_at)
        )
    return taken
