"""The tables. The word "model" means an AI model in this house; what SQLAlchemy calls a model is a table.

Money is NUMERIC without a scale, since PostgreSQL would round silently to one, and never NaN: to PostgreSQL
NaN is greater than every number, so a NaN balance would be credit without end.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    desc,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.schema import SchemaItem

from quart_proxy.core import first_byte
from quart_proxy.core.usage import Dimension

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def _time(name: str, *, nullable: bool = False) -> Column[object]:
    default = None if nullable else func.now()
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=default)


def _money(name: str, *, nullable: bool = False, zero: bool = False) -> list[SchemaItem]:
    column: Column[object] = Column(name, Numeric, nullable=nullable, server_default=text("0") if zero else None)
    finite = CheckConstraint(f"{name} <> 'NaN' AND abs({name}) < 'Infinity'", name=f"{name}_is_finite")
    return [column, finite]


def _reference(name: str) -> CheckConstraint:
    """No column may ever hold a provider's key itself."""
    return CheckConstraint(rf"{name} ~ '^\$\{{(env|file|secret):[^}}]+\}}$'", name=f"{name}_is_a_reference")


def _rates() -> list[SchemaItem]:
    items: list[SchemaItem] = []
    for dimension in Dimension:
        items.append(Column(dimension.value, Numeric))
        items.append(
            CheckConstraint(
                f"{dimension.value} >= 0 AND {dimension.value} < 1000000", name=f"{dimension.value}_in_range"
            )
        )
    return items


def _tiers() -> list[SchemaItem]:
    """Rates of long prompts: decimal text by dimension, by threshold. Null: a prompt of any length costs the same."""
    is_no_tier = (
        '!(@.key like_regex "^[1-9][0-9]*$") || !exists(@.value.input) || !exists(@.value.output)'
        ' || @.value.*.type() != "string"'
    )
    is_no_rate = '!(@ like_regex "^[0-9]{1,6}([.][0-9]{1,6})?$")'
    return [
        Column("tiers", JSONB(none_as_null=True)),
        CheckConstraint("jsonb_typeof(tiers) = 'object' AND tiers <> '{}'", name="tiers_are_a_map"),
        CheckConstraint(f"NOT jsonb_path_exists(tiers, '$.keyvalue() ? ({is_no_tier})')", name="tiers_are_complete"),
        CheckConstraint(f"NOT jsonb_path_exists(tiers, '$.*.* ? ({is_no_rate})')", name="tiers_have_rates"),
    ]


def _entity_kind(*, primary_key: bool = False, nullable: bool = False) -> list[SchemaItem]:
    column: Column[str] = Column("kind", Text, primary_key=primary_key, nullable=nullable)
    return [column, CheckConstraint("kind IN ('provider', 'model')", name="kind_is_known")]


def _limits() -> list[SchemaItem]:
    """What a user or a key may use at most. Null: as much as there is, and every model."""
    counts = {"max_concurrency": Integer, "rpm": Integer, "tpm": BigInteger}
    items: list[SchemaItem] = [Column("allowed_models", ARRAY(Text))]
    for name, kind in counts.items():
        items += [Column(name, kind), CheckConstraint(f"{name} > 0", name=f"{name}_above_zero")]
    return [
        *items,
        *_money("spend_limit", nullable=True),
        CheckConstraint("spend_limit > 0", name="spend_limit_above_zero"),
        Column("spend_period", Text),
        CheckConstraint("spend_period IN ('day', 'week', 'month')", name="spend_period_is_known"),
    ]


users = Table(
    "users",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("email", Text),
    Column("note", Text),
    Column("disabled", Boolean, nullable=False, server_default=text("false")),
    *_money("balance", zero=True),
    *_money("spent", zero=True),
    Column("requests", BigInteger, nullable=False, server_default=text("0")),
    Column("input_tokens", BigInteger, nullable=False, server_default=text("0")),
    Column("output_tokens", BigInteger, nullable=False, server_default=text("0")),
    _time("created_at"),
    _time("deleted_at", nullable=True),
    *_limits(),
    # Room in each page for the next versions of a row, and no index on what settlement updates: a settled
    # request then rewrites one page and no index.
    postgresql_with={"fillfactor": "50"},
)

api_keys = Table(
    "api_keys",
    metadata,
    _id(),
    Column("user_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("prefix", Text, nullable=False),
    Column("last4", Text, nullable=False),
    *_limits(),
    _time("created_at"),
    _time("expires_at", nullable=True),
    _time("revoked_at", nullable=True),
)

providers = Table(
    "providers",
    metadata,
    _id(),
    Column("key", Text, nullable=False),
    Column("api_format", Text, nullable=False),
    Column("api_url", Text, nullable=False),
    Column("api_key", Text),
    _reference("api_key"),
    Column("headers", JSONB, nullable=False, server_default=text("'{}'")),
    Column("row_version", BigInteger, nullable=False, server_default=text("1")),
    _time("created_at"),
    _time("deleted_at", nullable=True),
    Index("ix_providers_key_live", "key", unique=True, postgresql_where=text("deleted_at IS NULL")),
)

models = Table(
    "models",
    metadata,
    _id(),
    Column("key", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("description", Text),
    Column("prompt_disabled", Boolean),
    Column("prompt_text", Text),
    Column("prompt_mode", Text),
    Column("limits", JSONB, nullable=False, server_default=text("'{}'")),
    Column("extra", JSONB, nullable=False, server_default=text("'{}'")),
    Column("row_version", BigInteger, nullable=False, server_default=text("1")),
    _time("created_at"),
    _time("deleted_at", nullable=True),
    Index("ix_models_key_live", "key", unique=True, postgresql_where=text("deleted_at IS NULL")),
)

upstreams = Table(
    "upstreams",
    metadata,
    _id(),
    Column("model_id", ForeignKey("models.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("provider_id", ForeignKey("providers.id")),
    Column("api_format", Text),
    Column("api_url", Text),
    Column("api_key", Text),
    _reference("api_key"),
    Column("actual_model", Text),
    Column("priority", Integer, nullable=False, server_default=text("0")),
    Column("weight", Integer, nullable=False, server_default=text("100")),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    UniqueConstraint("model_id", "key"),
    CheckConstraint("provider_id IS NOT NULL OR (api_format IS NOT NULL AND api_url IS NOT NULL)", name="says_where"),
)

model_names = Table(
    "model_names",
    metadata,
    # Lower case by `str.casefold`: the one form in which names are compared.
    Column("name", Text, nullable=False),
    Column("model_id", ForeignKey("models.id"), nullable=False, index=True),
    Column("is_alias", Boolean, nullable=False),
    # As the admin wrote it.
    Column("written", Text, nullable=False),
    # Two models may swap their names in one transaction.
    UniqueConstraint("name", deferrable=True, initially="DEFERRED"),
)

prices = Table(
    "prices",
    metadata,
    _id(),
    Column("model_id", ForeignKey("models.id"), nullable=False),
    *_rates(),
    *_tiers(),
    Column("free", Boolean, nullable=False, server_default=text("false")),
    # The change of the registry that priced it. Null: priced before there was a history.
    Column("revision_id", ForeignKey("registry_revisions.id")),
    _time("valid_from"),
    _time("valid_to", nullable=True),
    CheckConstraint("input IS NOT NULL AND output IS NOT NULL", name="is_complete"),
    CheckConstraint("free = (input = 0 AND output = 0)", name="zero_is_said"),
    CheckConstraint("NOT free OR tiers IS NULL", name="free_has_no_tiers"),
    CheckConstraint("valid_to >= valid_from", name="ends_after_start"),
    Index("ix_prices_current", "model_id", unique=True, postgresql_where=text("valid_to IS NULL")),
)

registry_head = Table(
    "registry_head",
    metadata,
    Column("only_row", Boolean, primary_key=True, server_default=text("true")),
    CheckConstraint("only_row", name="is_one_row"),
    # 0: nothing was ever written.
    Column("revision_id", BigInteger, nullable=False, server_default=text("0")),
    Column("state_digest", Text, nullable=False, server_default=text("''")),
    # How the last reading of the files went. Null: there was none.
    Column("last_sync", JSONB(none_as_null=True)),
)

registry_revisions = Table(
    "registry_revisions",
    metadata,
    # The head's, plus one: without an identity, an aborted transaction leaves no gap.
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("parent_id", BigInteger, nullable=False),
    CheckConstraint("parent_id = id - 1", name="follows_its_parent"),
    Column("kind", Text, nullable=False),
    CheckConstraint("kind IN ('sync', 'ui', 'rollback', 'import', 'revert', 'adopt')", name="kind_is_known"),
    Column("actor", Text, nullable=False),
    Column("source", Text),
    Column("source_digest", Text),
    Column("source_rev", Text),
    Column("source_seq", BigInteger),
    Column("source_author", Text),
    Column("message", Text),
    Column("policy", JSONB, nullable=False, server_default=text("'{}'")),
    Column("state_digest", Text, nullable=False),
    _time("created_at"),
)

registry_changes = Table(
    "registry_changes",
    metadata,
    Column("revision_id", ForeignKey("registry_revisions.id"), primary_key=True),
    *_entity_kind(primary_key=True),
    # Of a provider or of a model, so no foreign key can say it.
    Column("entity_id", BigInteger, primary_key=True, autoincrement=False),
    # Its name after this change.
    Column("key", Text, nullable=False),
    Column("action", Text, nullable=False),
    CheckConstraint("action IN ('create', 'restore', 'update', 'rename', 'delete')", name="action_is_known"),
    Column("moved_from", Text),
    Column("fields", JSONB, nullable=False, server_default=text("'[]'")),
    # All that is set afterwards. Null: it is gone.
    Column("after_leaves", JSONB(none_as_null=True)),
    CheckConstraint("(action = 'delete') = (after_leaves IS NULL)", name="gone_if_deleted"),
    Index("ix_registry_changes_entity", "kind", "entity_id", desc("revision_id")),
    Index("ix_registry_changes_kind_key", "kind", "key"),
)

registry_base = Table(
    "registry_base",
    metadata,
    Column("source", Text, primary_key=True),
    *_entity_kind(primary_key=True),
    Column("key", Text, primary_key=True),
    Column("entity_id", BigInteger, nullable=False),
    Column("leaves", JSONB, nullable=False),
    Column("places", JSONB, nullable=False, server_default=text("'{}'")),
    Column("revision_id", ForeignKey("registry_revisions.id"), nullable=False),
    # An entity belongs to one source at most.
    UniqueConstraint("kind", "entity_id"),
)

registry_orphans = Table(
    "registry_orphans",
    metadata,
    *_entity_kind(primary_key=True),
    Column("entity_id", BigInteger, primary_key=True, autoincrement=False),
    # Whose files it left, and with which revision.
    Column("source", Text, nullable=False),
    Column("revision_id", ForeignKey("registry_revisions.id"), nullable=False),
)

# What the files may go on declaring, and manage no more until somebody agrees.
registry_detached = Table(
    "registry_detached",
    metadata,
    Column("source", Text, primary_key=True),
    *_entity_kind(primary_key=True),
    Column("key", Text, primary_key=True),
)

registry_sources = Table(
    "registry_sources",
    metadata,
    Column("source", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("rev", Text),
    Column("seq", BigInteger),
    Column("author", Text),
    Column("ownership", JSONB, nullable=False, server_default=text("'[]'")),
    # The registry after the last apply.
    Column("revision_id", BigInteger, nullable=False),
    _time("applied_at"),
)

registry_conflicts = Table(
    "registry_conflicts",
    metadata,
    Column("source", Text, primary_key=True),
    *_entity_kind(primary_key=True),
    Column("key", Text, primary_key=True),
    Column("grp", Text, primary_key=True),
    # The row that it is about, whose key may be another one still. Null: there is none.
    Column("entity_id", BigInteger),
    Column("conflict_kind", Text, nullable=False),
    Column("base", JSONB, nullable=False),
    Column("live", JSONB, nullable=False),
    Column("ours", JSONB, nullable=False),
    Column("triple_digest", Text, nullable=False),
    _time("first_seen"),
    _time("last_seen"),
    Column("resolution", Text),
    CheckConstraint("resolution IN ('yaml', 'live')", name="resolution_is_known"),
    Column("resolved_by", Text),
    _time("resolved_at", nullable=True),
)

registry_holds = Table(
    "registry_holds",
    metadata,
    _id(),
    *_entity_kind(nullable=True),
    Column("key", Text),
    Column("fields", Text),
    _time("until", nullable=True),
    Column("reason", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("source_digest", Text),
    _time("created_at"),
    # Null: in force, unless `until` has passed.
    _time("ended_at", nullable=True),
)

workers = Table(
    "workers",
    metadata,
    # Such as `host:pid`.
    Column("name", Text, primary_key=True),
    Column("revision_id", BigInteger, nullable=False),
    Column("version", Text, nullable=False),
    _time("seen_at"),
    # What it last said of itself. Empty: a version that says nothing.
    Column("health", JSONB, nullable=False, server_default=text("'{}'")),
)

settings = Table(
    "settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", JSONB, nullable=False),
    _time("updated_at"),
    # Null: from before that was kept.
    Column("changed_by", Text),
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("ciphertext", Text, nullable=False),
    # The host that the key was entered for: it is sent nowhere else.
    Column("host", Text, nullable=False),
    _time("created_at"),
    _time("rotated_at", nullable=True),
    Column("created_by", Text),
)

usage_log = Table(
    "usage_log",
    metadata,
    # A UUIDv7 begins with its time in milliseconds, so ranges of ids are ranges of time: the table is
    # partitioned by month on the id itself, and a replayed settlement always meets its own row.
    Column("request_id", Uuid, primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("api_key_id", BigInteger, nullable=False),
    Column("model_id", BigInteger),
    Column("price_id", ForeignKey("prices.id")),
    Column("model", Text, nullable=False),
    Column("actual_model", Text),
    Column("upstream", Text),
    Column("endpoint", Text, nullable=False),
    Column("streamed", Boolean, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("upstream_status", SmallInteger),
    Column("error_code", Text),
    *(Column(dimension.value, BigInteger, nullable=False, server_default=text("0")) for dimension in Dimension),
    Column("reasoning", BigInteger),
    *_money("cost", zero=True),
    Column("client_request_id", Text),
    Column("client_agent", Text),
    # Of the answer as the client saw it, and what the provider calls the call.
    Column("answer_id", Text),
    Column("upstream_request_id", Text),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("first_byte_ms", Integer),
    Column("duration_ms", Integer),
    # The upstreams that were tried in vain before. Null: none was.
    Column("attempts", JSONB(none_as_null=True)),
    _time("settled_at"),
    # The transaction that wrote the row: what the live tail reads on by. Null: a row from before there was one.
    Column("xid", BigInteger, server_default=text("pg_current_xact_id()::text::bigint")),
    CheckConstraint("cost >= 0", name="cost_not_negative"),
    CheckConstraint("cost = 0 OR price_id IS NOT NULL", name="cost_has_a_price"),
    CheckConstraint(" AND ".join(f"{dimension.value} >= 0" for dimension in Dimension), name="counts_not_negative"),
    Index("ix_usage_log_user_id_request_id", "user_id", "request_id"),
    Index("ix_usage_log_xid", "xid", postgresql_where=text("xid IS NOT NULL")),
    Index("ix_usage_log_answer_id", "answer_id", postgresql_where=text("answer_id IS NOT NULL")),
    Index(
        "ix_usage_log_client_request_id", "client_request_id", postgresql_where=text("client_request_id IS NOT NULL")
    ),
    postgresql_partition_by="RANGE (request_id)",
)

usage_hourly = Table(
    "usage_hourly",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("api_key_id", BigInteger, primary_key=True, autoincrement=False),
    # By the time in the ids of its requests.
    Column("hour", DateTime(timezone=True), primary_key=True, index=True),
    Column("model", Text, primary_key=True),
    Column("outcome", Text, primary_key=True),
    *(Column(name, Integer, nullable=False) for name in ("requests", "charged")),
    *(Column(dimension.value, BigInteger, nullable=False) for dimension in Dimension),
    Column("reasoning", BigInteger, nullable=False),
    *_money("cost"),
    # The sum over those requests, `timed` of them, whose duration is known.
    Column("duration_ms", BigInteger, nullable=False),
    Column("timed", Integer, nullable=False),
    *(Column(name, Integer, nullable=False) for name in first_byte.NAMES),
    Column("last_at", DateTime(timezone=True), nullable=False),
    # The rows of the hour that runs are updated with every commit; room in the page keeps that from the indexes.
    postgresql_with={"fillfactor": "70"},
)

ledger = Table(
    "ledger",
    metadata,
    _id(),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("kind", Text, nullable=False),
    CheckConstraint("kind IN ('credit', 'grant', 'adjust', 'refund', 'reverse')", name="kind_is_known"),
    # The entry that this one takes back. Each is taken back once at most.
    Column("reverses", ForeignKey("ledger.id"), unique=True),
    CheckConstraint("(kind = 'reverse') = (reverses IS NOT NULL)", name="reversal_names_its_entry"),
    *_money("amount"),
    *_money("balance_after"),
    Column("reason", Text),
    Column("actor", Text, nullable=False),
    Column("idempotency_key", Text),
    _time("created_at"),
    UniqueConstraint("user_id", "idempotency_key"),
    Index("ix_ledger_user_id_id", "user_id", "id"),
)

dead_letter = Table(
    "dead_letter",
    metadata,
    _id(),
    Column("record", Text, nullable=False),
    Column("reason", Text, nullable=False),
    _time("created_at"),
)

config_version = Table(
    "config_version",
    metadata,
    Column("only_row", Boolean, primary_key=True, server_default=text("true")),
    CheckConstraint("only_row", name="is_one_row"),
    Column("version", BigInteger, nullable=False, server_default=text("1")),
)

audit_log = Table(
    "audit_log",
    metadata,
    _id(),
    _time("at"),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("request_id", Text),
    Column("address", Text),
)

# Of each token of a program and each admin's session. `token_id` is the token's own `jti`, never the token; `signer`
# stands for the key that signed it, which a new admin password changes.
admin_tokens = Table(
    "admin_tokens",
    metadata,
    _id(),
    Column("token_id", Text, nullable=False, unique=True),
    Column("signer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("address", Text),
    _time("created_at"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    _time("last_used_at", nullable=True),
    _time("revoked_at", nullable=True),
)

login_attempts = Table(
    "login_attempts",
    metadata,
    Column("address", Text, primary_key=True),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    _time("last_at"),
)
