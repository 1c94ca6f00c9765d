"""Hourly sums of the usage log, made of what is in it already."""

import sqlalchemy as sa
from alembic import op

revision = "20261123_07"
down_revision = "20261123_06"
branch_labels = None
depends_on = None

TOKENS = ("input", "cached_input", "cache_write", "cache_write_1h", "output", "reasoning")
BOUNDS_MS = (50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000, 7500, 10_000, 20_000, 60_000)
FIRST_BYTE = (*(f"first_byte_{bound}" for bound in BOUNDS_MS), "first_byte_more")
SUM = f"""
INSERT INTO usage_hourly (user_id, api_key_id, hour, model, outcome, requests, charged, {", ".join(TOKENS)}, cost,
                          duration_ms, timed, {", ".join(FIRST_BYTE)}, last_at)
SELECT user_id, api_key_id, hour, model, outcome, count(*), count(price_id),
       {", ".join(f"coalesce(sum({name}), 0)" for name in TOKENS)}, sum(cost),
       coalesce(sum(duration_ms), 0), count(duration_ms),
       {", ".join(f"count(*) FILTER (WHERE place = {place})" for place in range(len(FIRST_BYTE)))}, max(started_at)
FROM (SELECT *, width_bucket(first_byte_ms, '{{{",".join(map(str, BOUNDS_MS))}}}'::int[]) AS place,
             to_timestamp(('x' || left(request_id::text, 8) || substr(request_id::text, 10, 4))::bit(48)::bigint
                          / 3600000 * 3600) AS hour
      FROM usage_log) AS arrived
GROUP BY user_id, api_key_id, hour, model, outcome
"""  # noqa: S608  (names and bounds are constants of this file)


def upgrade() -> None:
    # A migration that cannot have its lock in 5 s gives up; it must not queue the whole product behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "usage_hourly",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("api_key_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("charged", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in TOKENS),
        sa.Column("cost", sa.Numeric(), nullable=False),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("timed", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in FIRST_BYTE),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("cost <> 'NaN' AND abs(cost) < 'Infinity'", name=op.f("ck_usage_hourly_cost_is_finite")),
        sa.PrimaryKeyConstraint("user_id", "api_key_id", "hour", "model", "outcome", name=op.f("pk_usage_hourly")),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index(op.f("ix_usage_hourly_hour"), "usage_hourly", ["hour"], unique=False)
    # Settlements wait meanwhile, in the spool: a row that came between the sum and the commit would be in no sum.
    op.execute("LOCK TABLE usage_log IN SHARE MODE")
    op.execute(SUM)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index(op.f("ix_usage_hourly_hour"), table_name="usage_hourly")
    op.drop_table("usage_hourly")
