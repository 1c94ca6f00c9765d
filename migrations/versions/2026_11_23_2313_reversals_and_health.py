"""Entries of the ledger that take others back, how workers are doing, and who changed a setting."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261123_09"
down_revision = "20261123_08"
branch_labels = None
depends_on = None

KIND = "ck_ledger_kind_is_known"
REVERSAL = "ck_ledger_reversal_names_its_entry"


def upgrade() -> None:
    # A migration that cannot have its lock in 5 s gives up; it must not queue the whole product behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("ledger", sa.Column("reverses", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_ledger_reverses"), "ledger", "ledger", ["reverses"], ["id"])
    op.create_unique_constraint(op.f("uq_ledger_reverses"), "ledger", ["reverses"])
    op.drop_constraint(op.f(KIND), "ledger", type_="check")
    op.create_check_constraint(op.f(KIND), "ledger", "kind IN ('credit', 'grant', 'adjust', 'refund', 'reverse')")
    op.create_check_constraint(op.f(REVERSAL), "ledger", "(kind = 'reverse') = (reverses IS NOT NULL)")
    op.add_column(
        "workers",
        sa.Column("health", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column("settings", sa.Column("changed_by", sa.Text(), nullable=True))


def downgrade() -> None:
    """Fails where entries were reversed: the ledger keeps what was written to it, and the older kinds cannot say it."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_column("settings", "changed_by")
    op.drop_column("workers", "health")
    op.drop_constraint(op.f(REVERSAL), "ledger", type_="check")
    op.drop_constraint(op.f(KIND), "ledger", type_="check")
    op.create_check_constraint(op.f(KIND), "ledger", "kind IN ('credit', 'grant', 'adjust', 'refund')")
    op.drop_column("ledger", "reverses")
