"""The registry's history: revisions and what each changed, what files declared, conflicts, holds."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261123_02"
down_revision = "20261123_01"
branch_labels = None
depends_on = None

KEPT = "id, model_id, input, cached_input, cache_write, cache_write_1h, output, free, valid_from"
"""What of a price never changes. `valid_to` does, once: when the price is closed."""


def upgrade() -> None:
    # A migration that cannot have its lock in 5 s gives up; it must not queue the whole product behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _create_history()
    _create_sources()
    op.create_table(
        "registry_holds",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("fields", sa.Text(), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("source_digest", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('provider', 'model')", name=op.f("ck_registry_holds_kind_is_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registry_holds")),
    )
    op.create_table(
        "workers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("revision_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_workers")),
    )
    op.add_column("prices", sa.Column("revision_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_prices_revision_id"), "prices", "registry_revisions", ["revision_id"], ["id"])
    _keep_prices(f"{KEPT}, revision_id")
    op.execute("INSERT INTO registry_head DEFAULT VALUES")
    for table in ("registry_revisions", "registry_changes"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER not_emptied BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _create_history() -> None:
    op.create_table(
        "registry_head",
        sa.Column("only_row", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("revision_id", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("state_digest", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("last_sync", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint("only_row", name=op.f("ck_registry_head_is_one_row")),
        sa.PrimaryKeyConstraint("only_row", name=op.f("pk_registry_head")),
    )
    op.create_table(
        "registry_revisions",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("source_digest", sa.Text(), nullable=True),
        sa.Column("source_rev", sa.Text(), nullable=True),
        sa.Column("source_seq", sa.BigInteger(), nullable=True),
        sa.Column("source_author", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("policy", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("state_digest", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("parent_id = id - 1", name=op.f("ck_registry_revisions_follows_its_parent")),
        sa.CheckConstraint(
            "kind IN ('sync', 'ui', 'rollback', 'import', 'revert', 'adopt')",
            name=op.f("ck_registry_revisions_kind_is_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registry_revisions")),
    )
    op.create_table(
        "registry_changes",
        sa.Column("revision_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("moved_from", sa.Text(), nullable=True),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("after_leaves", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint("kind IN ('provider', 'model')", name=op.f("ck_registry_changes_kind_is_known")),
        sa.CheckConstraint(
            "action IN ('create', 'restore', 'update', 'rename', 'delete')",
            name=op.f("ck_registry_changes_action_is_known"),
        ),
        sa.CheckConstraint(
            "(action = 'delete') = (after_leaves IS NULL)", name=op.f("ck_registry_changes_gone_if_deleted")
        ),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["registry_revisions.id"], name=op.f("fk_registry_changes_revision_id")
        ),
        sa.PrimaryKeyConstraint("revision_id", "kind", "entity_id", name=op.f("pk_registry_changes")),
    )
    op.create_index(
        "ix_registry_changes_entity", "registry_changes", ["kind", "entity_id", sa.literal_column("revision_id DESC")]
    )
    op.create_index("ix_registry_changes_kind_key", "registry_changes", ["kind", "key"])


def _create_sources() -> None:
    op.create_table(
        "registry_base",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.BigInteger(), nullable=False),
        sa.Column("leaves", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("places", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("revision_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('provider', 'model')", name=op.f("ck_registry_base_kind_is_known")),
        sa.ForeignKeyConstraint(["revision_id"], ["registry_revisions.id"], name=op.f("fk_registry_base_revision_id")),
        sa.PrimaryKeyConstraint("source", "kind", "key", name=op.f("pk_registry_base")),
        sa.UniqueConstraint("kind", "entity_id", name=op.f("uq_registry_base_kind_entity_id")),
    )
    op.create_table(
        "registry_sources",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("rev", sa.Text(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("ownership", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("revision_id", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_registry_sources")),
    )
    op.create_table(
        "registry_conflicts",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("grp", sa.Text(), nullable=False),
        sa.Column("conflict_kind", sa.Text(), nullable=False),
        sa.Column("base", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("live", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("ours", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("triple_digest", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('provider', 'model')", name=op.f("ck_registry_conflicts_kind_is_known")),
        sa.CheckConstraint("resolution IN ('yaml', 'live')", name=op.f("ck_registry_conflicts_resolution_is_known")),
        sa.PrimaryKeyConstraint("source", "kind", "key", "grp", name=op.f("pk_registry_conflicts")),
    )


def _keep_prices(columns: str) -> None:
    op.execute("DROP TRIGGER IF EXISTS closed_only ON prices")
    op.execute(
        f"CREATE TRIGGER closed_only BEFORE DELETE OR UPDATE OF {columns}"
        " ON prices FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _keep_prices(KEPT)
    op.drop_column("prices", "revision_id")
    for table in (
        "workers",
        "registry_holds",
        "registry_conflicts",
        "registry_sources",
        "registry_base",
        "registry_changes",
        "registry_revisions",
        "registry_head",
    ):
        op.drop_table(table)
