"""How often a row was taken and nothing came of it: what kills the process that reads it is found out by that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("inbox", "deliveries"):
        op.add_column(table, sa.Column("taken", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    for table in ("deliveries", "inbox"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("taken")
