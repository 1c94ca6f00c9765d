"""What the live tail reads on by, and the names by which a request is found again."""

import sqlalchemy as sa
from alembic import op

revision = "20261123_08"
down_revision = "20261123_07"
branch_labels = None
depends_on = None

INDEXED = ("xid", "answer_id", "client_request_id")
ADDED = ("client_agent", "answer_id", "upstream_request_id")


def upgrade() -> None:
    # A migration that cannot have its lock in 5 s gives up; it must not queue the whole product behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    for name in ADDED:
        op.add_column("usage_log", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("usage_log", sa.Column("xid", sa.BigInteger(), nullable=True))
    # In a step of its own: with the column, it would be written into every row that is there.
    op.alter_column("usage_log", "xid", server_default=sa.text("pg_current_xact_id()::text::bigint"))
    for name in INDEXED:
        op.create_index(f"ix_usage_log_{name}", "usage_log", [name], postgresql_where=sa.text(f"{name} IS NOT NULL"))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for name in INDEXED:
        op.drop_index(f"ix_usage_log_{name}", table_name="usage_log")
    for name in ("xid", *ADDED):
        op.drop_column("usage_log", name)
