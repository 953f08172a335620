"""Cards that changed in a CRM are looked up like phones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("look_up_wishes", schema=None) as batch_op:
        batch_op.alter_column("e164", existing_type=sa.String(length=20), nullable=True)
        batch_op.add_column(sa.Column("connection_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("kind", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("party_id", sa.String(length=64), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_look_up_wishes_connection_id"), "connections", ["connection_id"], ["id"], ondelete="CASCADE"
        )
        batch_op.create_unique_constraint(
            op.f("uq_look_up_wishes_connection_id_kind_party_id"), ["connection_id", "kind", "party_id"]
        )


def downgrade() -> None:
    op.execute("DELETE FROM look_up_wishes WHERE e164 IS NULL")
    with op.batch_alter_table("look_up_wishes", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("uq_look_up_wishes_connection_id_kind_party_id"), type_="unique")
        batch_op.drop_constraint(op.f("fk_look_up_wishes_connection_id"), type_="foreignkey")
        batch_op.drop_column("party_id")
        batch_op.drop_column("kind")
        batch_op.drop_column("connection_id")
        batch_op.alter_column("e164", existing_type=sa.String(length=20), nullable=False)
