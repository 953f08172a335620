"""A new row of the outbox, from the step that the CRM's folder has named."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from connectors.contract import StepSpec
from hub.db.tables import Connection
from hub.db.work import DeliveryRow, DeliveryState
from hub.domain.codec import to_document
from hub.domain.intents import Intent


def new_row(connection: Connection, intent: Intent, spec: StepSpec, now: datetime, **more: Any) -> DeliveryRow:
    """A row that is due now; `more` are its subject (`call_id`, `callback_id`) and what is otherwise with it."""
    values: dict[str, Any] = {
        "workspace_id": connection.workspace_id,
        "connection_id": connection.id,
        "step_key": spec.key,
        "intent_kind": intent.kind,
        "intent": to_document(intent),
        "why": to_document(intent.why),
        "lane": spec.lane,
        "rank": spec.rank,
        "needs": list(spec.needs),
        "repeatable": spec.repeatable,
        "resend_is_safe": spec.resend_is_safe,
        "state": DeliveryState.PENDING,
        "due_at": now,
        "expires_at": now + timedelta(seconds=spec.lives_seconds),
        "created_at": now,
    }
    return DeliveryRow(**(values | more))
