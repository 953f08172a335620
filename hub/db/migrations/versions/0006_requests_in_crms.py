"""What a CRM is told of a callback request before there is a call; the request's own name outside the hub."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_HAS_CALLBACK = sa.text("callback_id is not null")


def upgrade() -> None:
    op.execute("DELETE FROM callbacks")  # nothing has written any so far
    with op.batch_alter_table("callbacks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("uid", sa.String(length=40), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("more", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.create_unique_constraint(op.f("uq_callbacks_uid"), ["uid"])
        batch_op.create_index("ix_callbacks_number", ["workspace_id", "e164", "id"], unique=False)
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.alter_column("call_id", existing_type=_BIG, nullable=True)
        batch_op.add_column(sa.Column("callback_id", _BIG, nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_deliveries_callback_id"), "callbacks", ["callback_id"], ["id"], ondelete="CASCADE"
        )
        batch_op.create_unique_constraint(
            op.f("uq_deliveries_connection_id_callback_id_step_key_generation"),
            ["connection_id", "callback_id", "step_key", "generation"],
        )
        batch_op.create_index(
            "ix_deliveries_callback",
            ["callback_id", "connection_id", "rank"],
            unique=False,
            postgresql_where=_HAS_CALLBACK,
            sqlite_where=_HAS_CALLBACK,
        )


def downgrade() -> None:
    op.execute("DELETE FROM deliveries WHERE call_id IS NULL")
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_index("ix_deliveries_callback")
        batch_op.drop_constraint(op.f("uq_deliveries_connection_id_callback_id_step_key_generation"), type_="unique")
        batch_op.drop_constraint(op.f("fk_deliveries_callback_id"), type_="foreignkey")
        batch_op.drop_column("callback_id")
        batch_op.alter_column("call_id", existing_type=_BIG, nullable=False)
    with op.batch_alter_table("callbacks", schema=None) as batch_op:
        batch_op.drop_index("ix_callbacks_number")
        batch_op.drop_constraint(op.f("uq_callbacks_uid"), type_="unique")
        batch_op.drop_column("more")
        batch_op.drop_column("uid")
