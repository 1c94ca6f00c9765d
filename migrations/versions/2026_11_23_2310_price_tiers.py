"""Prices with tiers: the rates of long prompts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261123_06"
down_revision = "20261123_05"
branch_labels = None
depends_on = None

KEPT = "id, model_id, input, cached_input, cache_write, cache_write_1h, output, free, valid_from, revision_id"
"""What of a price never changed until now."""
CHECKS = {
    "tiers_are_a_map": "jsonb_typeof(tiers) = 'object' AND tiers <> '{}'",
    "tiers_are_complete": (
        """NOT jsonb_path_exists(tiers, '$.keyvalue() ? (!(@.key like_regex "^[1-9][0-9]*$")"""
        """ || !exists(@.value.input) || !exists(@.value.output) || @.value.*.type() != "string")')"""
    ),
    "tiers_have_rates": (
        """NOT jsonb_path_exists(tiers, '$.*.* ? (!(@ like_regex "^[0-9]{1,6}([.][0-9]{1,6})?$"))')"""
    ),
    "free_has_no_tiers": "NOT free OR tiers IS NULL",
}


def upgrade() -> None:
    # A migration that cannot have its lock in 5 s gives up; it must not queue the whole product behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("prices", sa.Column("tiers", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    for name, condition in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_prices_{name}"), "prices", condition)
    _keep_prices(f"{KEPT}, tiers")


def _keep_prices(columns: str) -> None:
    op.execute("DROP TRIGGER IF EXISTS closed_only ON prices")
    op.execute(
        f"CREATE TRIGGER closed_only BEFORE DELETE OR UPDATE OF {columns}"
        " ON prices FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _keep_prices(KEPT)
    op.drop_column("prices", "tiers")
