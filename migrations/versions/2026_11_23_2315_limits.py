"""What users and keys may use at most: requests and tokens a minute, dollars a period; users also what keys had."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261123_11"
down_revision = "20261123_10"
branch_labels = None
depends_on = None

COUNTS = {"max_concurrency": sa.Integer, "rpm": sa.Integer, "tpm": sa.BigInteger}
CHECKS = {
    **{f"{name}_above_zero": f"{name} > 0" for name in COUNTS},
    "spend_limit_is_finite": "spend_limit <> 'NaN' AND abs(spend_limit) < 'Infinity'",
    "spend_limit_above_zero": "spend_limit > 0",
    "spend_period_is_known": "spend_period IN ('day', 'week', 'month')",
}
OLDER = {"allowed_models", "max_concurrency"}
"""What keys had before."""


def upgrade() -> None:
    # A migration that cannot have its lock in 5 s gives up; it must not queue the whole product behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in ("users", "api_keys"):
        columns: list[sa.Column[Any]] = [
            sa.Column("allowed_models", postgresql.ARRAY(sa.Text())),
            *(sa.Column(name, kind()) for name, kind in COUNTS.items()),
            sa.Column("spend_limit", sa.Numeric()),
            sa.Column("spend_period", sa.Text()),
        ]
        for column in columns:
            if table == "users" or column.name not in OLDER:
                op.add_column(table, column)
        for name, condition in CHECKS.items():
            op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_constraint(op.f("ck_api_keys_max_concurrency_above_zero"), "api_keys", type_="check")
    for table in ("users", "api_keys"):
        for name in ("spend_period", "spend_limit", "tpm", "rpm"):
            op.drop_column(table, name)
    for name in ("max_concurrency", "allowed_models"):
        op.drop_column("users", name)
