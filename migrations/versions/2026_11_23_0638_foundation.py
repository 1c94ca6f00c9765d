"""The first tables: users and keys, the catalog and its prices, the usage log and the ledger."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261123_01"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% keeps what was written to it', TG_TABLE_NAME; END $$
"""


def upgrade() -> None:
    # A migration that cannot have its lock in 5 s gives up; it must not queue the whole product behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_table(
        "config_version",
        sa.Column("only_row", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("only_row", name=op.f("ck_config_version_is_one_row")),
        sa.PrimaryKeyConstraint("only_row", name=op.f("pk_config_version")),
    )
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
    )
    op.create_table(
        "login_attempts",
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_login_attempts")),
    )
    op.create_table(
        "models",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("prompt_disabled", sa.Boolean(), nullable=True),
        sa.Column("prompt_text", sa.Text(), nullable=True),
        sa.Column("prompt_mode", sa.Text(), nullable=True),
        sa.Column("limits", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("extra", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("row_version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_models")),
    )
    op.create_index(
        "ix_models_key_live", "models", ["key"], unique=True, postgresql_where=sa.text("deleted_at IS NULL")
    )
    op.create_table(
        "providers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("api_format", sa.Text(), nullable=False),
        sa.Column("api_url", sa.Text(), nullable=False),
        sa.Column("api_key", sa.Text(), nullable=True),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("row_version", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "api_key ~ '^\\$\\{(env|file|secret):[^}]+\\}$'", name=op.f("ck_providers_api_key_is_a_reference")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_providers")),
    )
    op.create_index(
        "ix_providers_key_live", "providers", ["key"], unique=True, postgresql_where=sa.text("deleted_at IS NULL")
    )
    op.create_table(
        "secrets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("ciphertext", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secrets")),
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_settings")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("disabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("balance", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column("spent", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column("requests", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("balance <> 'NaN' AND abs(balance) < 'Infinity'", name=op.f("ck_users_balance_is_finite")),
        sa.CheckConstraint("spent <> 'NaN' AND abs(spent) < 'Infinity'", name=op.f("ck_users_spent_is_finite")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("last4", sa.Text(), nullable=False),
        sa.Column("allowed_models", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("max_concurrency", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_api_keys_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_keys_digest")),
    )
    op.create_index(op.f("ix_api_keys_user_id"), "api_keys", ["user_id"], unique=False)
    op.create_table(
        "ledger",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.Column("balance_after", sa.Numeric(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("amount <> 'NaN' AND abs(amount) < 'Infinity'", name=op.f("ck_ledger_amount_is_finite")),
        sa.CheckConstraint(
            "balance_after <> 'NaN' AND abs(balance_after) < 'Infinity'", name=op.f("ck_ledger_balance_after_is_finite")
        ),
        sa.CheckConstraint("kind IN ('credit', 'grant', 'adjust', 'refund')", name=op.f("ck_ledger_kind_is_known")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_ledger_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
        sa.UniqueConstraint("user_id", "idempotency_key", name=op.f("uq_ledger_user_id_idempotency_key")),
    )
    op.create_index("ix_ledger_user_id_id", "ledger", ["user_id", "id"], unique=False)
    op.create_table(
        "model_names",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("model_id", sa.BigInteger(), nullable=False),
        sa.Column("is_alias", sa.Boolean(), nullable=False),
        sa.Column("written", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_model_names_model_id")),
        sa.UniqueConstraint("name", deferrable=True, initially="DEFERRED", name=op.f("uq_model_names_name")),
    )
    op.create_index(op.f("ix_model_names_model_id"), "model_names", ["model_id"], unique=False)
    op.create_table(
        "prices",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("model_id", sa.BigInteger(), nullable=False),
        sa.Column("input", sa.Numeric(), nullable=True),
        sa.Column("cached_input", sa.Numeric(), nullable=True),
        sa.Column("cache_write", sa.Numeric(), nullable=True),
        sa.Column("cache_write_1h", sa.Numeric(), nullable=True),
        sa.Column("output", sa.Numeric(), nullable=True),
        sa.Column("free", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("cache_write >= 0 AND cache_write < 1000000", name=op.f("ck_prices_cache_write_in_range")),
        sa.CheckConstraint(
            "cache_write_1h >= 0 AND cache_write_1h < 1000000", name=op.f("ck_prices_cache_write_1h_in_range")
        ),
        sa.CheckConstraint(
            "cached_input >= 0 AND cached_input < 1000000", name=op.f("ck_prices_cached_input_in_range")
        ),
        sa.CheckConstraint("free = (input = 0 AND output = 0)", name=op.f("ck_prices_zero_is_said")),
        sa.CheckConstraint("input >= 0 AND input < 1000000", name=op.f("ck_prices_input_in_range")),
        sa.CheckConstraint("input IS NOT NULL AND output IS NOT NULL", name=op.f("ck_prices_is_complete")),
        sa.CheckConstraint("output >= 0 AND output < 1000000", name=op.f("ck_prices_output_in_range")),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_prices_ends_after_start")),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_prices_model_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prices")),
    )
    op.create_index(
        "ix_prices_current", "prices", ["model_id"], unique=True, postgresql_where=sa.text("valid_to IS NULL")
    )
    op.create_table(
        "upstreams",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("model_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.BigInteger(), nullable=True),
        sa.Column("api_format", sa.Text(), nullable=True),
        sa.Column("api_url", sa.Text(), nullable=True),
        sa.Column("api_key", sa.Text(), nullable=True),
        sa.Column("actual_model", sa.Text(), nullable=True),
        sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("weight", sa.Integer(), server_default=sa.text("100"), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.CheckConstraint(
            "api_key ~ '^\\$\\{(env|file|secret):[^}]+\\}$'", name=op.f("ck_upstreams_api_key_is_a_reference")
        ),
        sa.CheckConstraint(
            "provider_id IS NOT NULL OR (api_format IS NOT NULL AND api_url IS NOT NULL)",
            name=op.f("ck_upstreams_says_where"),
        ),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_upstreams_model_id")),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_upstreams_provider_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upstreams")),
        sa.UniqueConstraint("model_id", "key", name=op.f("uq_upstreams_model_id_key")),
    )
    op.create_table(
        "usage_log",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("api_key_id", sa.BigInteger(), nullable=False),
        sa.Column("model_id", sa.BigInteger(), nullable=True),
        sa.Column("price_id", sa.BigInteger(), nullable=True),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("actual_model", sa.Text(), nullable=True),
        sa.Column("upstream", sa.Text(), nullable=True),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("streamed", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("upstream_status", sa.SmallInteger(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("input", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cached_input", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cache_write", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cache_write_1h", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("output", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("reasoning", sa.BigInteger(), nullable=True),
        sa.Column("cost", sa.Numeric(), server_default=sa.text("0"), nullable=False),
        sa.Column("client_request_id", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_byte_ms", sa.Integer(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("cost <> 'NaN' AND abs(cost) < 'Infinity'", name=op.f("ck_usage_log_cost_is_finite")),
        sa.CheckConstraint("cost = 0 OR price_id IS NOT NULL", name=op.f("ck_usage_log_cost_has_a_price")),
        sa.CheckConstraint("cost >= 0", name=op.f("ck_usage_log_cost_not_negative")),
        sa.CheckConstraint(
            "input >= 0 AND cached_input >= 0 AND cache_write >= 0 AND cache_write_1h >= 0 AND output >= 0",
            name=op.f("ck_usage_log_counts_not_negative"),
        ),
        sa.ForeignKeyConstraint(["price_id"], ["prices.id"], name=op.f("fk_usage_log_price_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_usage_log_user_id")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_usage_log")),
        postgresql_partition_by="RANGE (request_id)",
    )
    op.create_index("ix_usage_log_user_id_request_id", "usage_log", ["user_id", "request_id"], unique=False)
    op.execute("INSERT INTO config_version DEFAULT VALUES")
    op.execute(APPEND_ONLY)
    for table in ("ledger", "audit_log", "usage_log"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    for table in ("ledger", "audit_log", "usage_log", "prices"):
        op.execute(
            f"CREATE TRIGGER not_emptied BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    # A price is closed, never changed: bills name the row that made them.
    op.execute(
        "CREATE TRIGGER closed_only BEFORE DELETE OR UPDATE OF "
        "id, model_id, input, cached_input, cache_write, cache_write_1h, output, free, valid_from"
        " ON prices FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_index("ix_usage_log_user_id_request_id", table_name="usage_log")
    op.drop_table("usage_log")
    op.drop_table("upstreams")
    op.drop_index("ix_prices_current", table_name="prices", postgresql_where=sa.text("valid_to IS NULL"))
    op.drop_table("prices")
    op.drop_index(op.f("ix_model_names_model_id"), table_name="model_names")
    op.drop_table("model_names")
    op.drop_index("ix_ledger_user_id_id", table_name="ledger")
    op.drop_table("ledger")
    op.drop_index(op.f("ix_api_keys_user_id"), table_name="api_keys")
    op.drop_table("api_keys")
    op.drop_table("users")
    op.drop_table("settings")
    op.drop_table("secrets")
    op.drop_index("ix_providers_key_live", table_name="providers", postgresql_where=sa.text("deleted_at IS NULL"))
    op.drop_table("providers")
    op.drop_index("ix_models_key_live", table_name="models", postgresql_where=sa.text("deleted_at IS NULL"))
    op.drop_table("models")
    op.drop_table("login_attempts")
    op.drop_table("dead_letter")
    op.drop_table("config_version")
    op.drop_table("audit_log")
    op.execute("DROP FUNCTION refuse_change")
