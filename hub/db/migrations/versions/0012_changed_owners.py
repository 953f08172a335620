"""How far the reading of changed cards has come, beside the one of all cards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from hub.db import types

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("owner_syncs", sa.Column("changes_cursor", sa.String(length=200), nullable=True))
    op.add_column("owner_syncs", sa.Column("changes_began_at", types.Moment(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("owner_syncs", schema=None) as batch_op:
        batch_op.drop_column("changes_began_at")
        batch_op.drop_column("changes_cursor")
