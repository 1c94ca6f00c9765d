"""What admins took out of the files' hands, and which row a conflict is about."""

import sqlalchemy as sa
from alembic import op

revision = "20261123_03"
down_revision = "20261123_02"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A migration that cannot have its lock in 5 s gives up; it must not queue the whole product behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "registry_detached",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('provider', 'model')", name=op.f("ck_registry_detached_kind_is_known")),
        sa.PrimaryKeyConstraint("source", "kind", "key", name=op.f("pk_registry_detached")),
    )
    op.add_column("registry_conflicts", sa.Column("entity_id", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_column("registry_conflicts", "entity_id")
    op.drop_table("registry_detached")
