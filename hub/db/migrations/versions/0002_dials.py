"""Calls that a CRM asked for, and what a CRM's dictionaries hold."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.db import types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_DUE = sa.text("state in ('wanted','ordered','given_up')")


def upgrade() -> None:
    op.create_table(
        "dials",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("crm_connection_id", sa.Integer(), nullable=False),
        sa.Column("pbx_connection_id", sa.Integer(), nullable=True),
        sa.Column("command_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("notice", sa.JSON(), nullable=False),
        sa.Column("dial", sa.JSON(), nullable=False),
        sa.Column("extension", sa.String(length=64), nullable=True),
        sa.Column("client_e164", sa.String(length=20), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", types.Moment(timezone=True), nullable=False),
        sa.Column("expires_at", types.Moment(timezone=True), nullable=False),
        sa.Column("call_id", _BIG, nullable=True),
        sa.Column("created_at", types.Moment(timezone=True), nullable=False),
        sa.Column("closed_at", types.Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_dials_workspace_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["crm_connection_id"], ["connections.id"], name=op.f("fk_dials_crm_connection_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["pbx_connection_id"], ["connections.id"], name=op.f("fk_dials_pbx_connection_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_dials_call_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dials")),
        sa.UniqueConstraint("command_id", name=op.f("uq_dials_command_id")),
    )
    with op.batch_alter_table("dials", schema=None) as batch_op:
        batch_op.create_index("ix_dials_client", ["workspace_id", "client_e164", "created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_dials_crm_connection_id"), ["crm_connection_id"], unique=False)
        batch_op.create_index("ix_dials_due", ["due_at"], unique=False, postgresql_where=_DUE, sqlite_where=_DUE)
    op.create_table(
        "crm_reference",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("parent", sa.String(length=100), nullable=False),
        sa.Column("item_id", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("refreshed_at", types.Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_crm_reference_connection_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("connection_id", "kind", "parent", "item_id", name=op.f("pk_crm_reference")),
    )


def downgrade() -> None:
    op.drop_table("crm_reference")
    with op.batch_alter_table("dials", schema=None) as batch_op:
        batch_op.drop_index("ix_dials_due", postgresql_where=_DUE, sqlite_where=_DUE)
        batch_op.drop_index(batch_op.f("ix_dials_crm_connection_id"))
        batch_op.drop_index("ix_dials_client")
    op.drop_table("dials")
