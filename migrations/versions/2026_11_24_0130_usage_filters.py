"""Indexes by which the newest requests of a rare model, status, error code or outcome are found."""

import sqlalchemy as sa
from alembic import op

revision = "20261124_02"
down_revision = "20261124_01"
branch_labels = None
depends_on = None

RARE = {"outcome": "outcome <> 'completed'", "status": "status <> 200", "error_code": "error_code IS NOT NULL"}
"""What is not in the index is what most rows have, and that is found without one."""


def upgrade() -> None:
    # A migration that cannot have its lock in 5 s gives up; it must not queue the whole product behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_index("ix_usage_log_model_request_id", "usage_log", ["model", "request_id"])
    for name, condition in RARE.items():
        columns = [name, "request_id"]
        op.create_index(f"ix_usage_log_{name}_request_id", "usage_log", columns, postgresql_where=sa.text(condition))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for name in ("model", *RARE):
        op.drop_index(f"ix_usage_log_{name}_request_id", table_name="usage_log")
