"""What left the registry's files and goes on being served: until now it looked like what was made live."""

import sqlalchemy as sa
from alembic import op

revision = "20261123_05"
down_revision = "20261123_04"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A migration that cannot have its lock in 5 s gives up; it must not queue the whole product behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "registry_orphans",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("revision_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('provider', 'model')", name=op.f("ck_registry_orphans_kind_is_known")),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["registry_revisions.id"], name=op.f("fk_registry_orphans_revision_id")
        ),
        sa.PrimaryKeyConstraint("kind", "entity_id", name=op.f("pk_registry_orphans")),
    )


def downgrade() -> None:
    op.drop_table("registry_orphans")
