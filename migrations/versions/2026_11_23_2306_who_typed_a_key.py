"""Who typed in a provider's key that is kept."""

import sqlalchemy as sa
from alembic import op

revision = "20261123_04"
down_revision = "20261123_03"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A migration that cannot have its lock in 5 s gives up; it must not queue the whole product behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("secrets", sa.Column("created_by", sa.Text(), nullable=True))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_column("secrets", "created_by")
