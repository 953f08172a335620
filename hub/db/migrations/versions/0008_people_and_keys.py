"""Which employee a user is, and when a program's key was last used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.db import types

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(sa.Column("employee_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_users_employee_id"), "employees", ["employee_id"], ["id"], ondelete="SET NULL"
        )
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.add_column(sa.Column("last_used_at", types.Moment(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.drop_column("last_used_at")
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("fk_users_employee_id"), type_="foreignkey")
        batch_op.drop_column("employee_id")
