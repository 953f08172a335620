"""Turns of rules, what the things that rules name were called, and the types of a CRM's fields."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.db import types

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("rules_versions", sa.Column("names", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("crm_reference", sa.Column("value_type", sa.String(length=64), nullable=False, server_default=""))
    op.create_table(
        "rules_turns",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("queue", sa.String(length=300), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("at", types.Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_rules_turns_connection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules_turns")),
        sa.UniqueConstraint(
            "connection_id", "queue", "subject", name=op.f("uq_rules_turns_connection_id_queue_subject")
        ),
    )
    op.create_index("ix_rules_turns_last", "rules_turns", ["connection_id", "queue", "user_id", "id"])
    op.create_index("ix_rules_turns_subject", "rules_turns", ["connection_id", "subject"])


def downgrade() -> None:
    op.drop_table("rules_turns")
    op.drop_column("crm_reference", "value_type")
    op.drop_column("rules_versions", "names")
