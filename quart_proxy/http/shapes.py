"""The shapes of answers, as JSON Schema by name: what `/openapi.json` promises, and tests hold answers against.

Every property that is named is always there; what may be null says so. Nothing else is in an answer, unless its shape
is open.
"""

from collections.abc import Mapping
from typing import Any

from quart_proxy.core.record import Outcome
from quart_proxy.core.usage import Dimension

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
ID: Schema = {"type": "integer", "minimum": 1}
YES: Schema = {"type": "boolean"}
TIME: Schema = {"type": "string", "format": "date-time"}
MONEY: Schema = {"type": "string", "pattern": r"^-?\d+(\.\d+)?$", "description": "Dollars, exact."}
DAYS: Schema = {"type": "number", "minimum": 0}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
ANY: Schema = {}
OPEN: Schema = {"type": "object", "additionalProperties": True}


def maybe(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]} if "type" in schema else {"anyOf": [schema, {"type": "null"}]}


def one_of(*values: str) -> Schema:
    return {"type": "string", "enum": [str(value) for value in values]}


def many(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def shape(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def obj(**properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def also(base: Schema, *, optional: Mapping[str, Schema] | None = None, **properties: Schema) -> Schema:
    """`base` with more properties; `optional` ones may be left out."""
    return {
        **base,
        "properties": {**base["properties"], **properties, **(optional or {})},
        "required": [*base["required"], *properties],
    }


_LIFETIME = obj(spent=MONEY, requests=COUNT, input_tokens=COUNT, output_tokens=COUNT)
_TOKENS = obj(**{dimension.value: COUNT for dimension in Dimension}, reasoning=maybe(COUNT))
_WAITS = obj(p50=maybe(COUNT), p95=maybe(COUNT))
_RATES = {dimension.value: MONEY for dimension in Dimension}
_LINE = obj(dimension=one_of(*Dimension), tokens=COUNT, price=MONEY, amount=MONEY)

_LIMITS = {
    "allowed_models": maybe(many(TEXT)),
    "max_concurrency": maybe(COUNT),
    "rpm": maybe(COUNT),
    "tpm": maybe(COUNT),
    "spend_limit": maybe(MONEY),
    "spend_period": {"enum": ["day", "week", "month", None]},
}
_SPEND_STATUS = {
    "anyOf": [obj(spent=MONEY, left=MONEY, resets_at=maybe(TIME)), {"type": "null"}],
    "description": "Of the spend limit in the period that runs; null: there is none. `resets_at` null: never.",
}

_USER = obj(
    id=ID,
    name=TEXT,
    email=maybe(TEXT),
    note=maybe(TEXT),
    disabled=YES,
    balance=MONEY,
    currency=one_of("USD"),
    lifetime=_LIFETIME,
    created_at=TIME,
    **_LIMITS,
)
_KEY = obj(
    id=ID,
    user_id=ID,
    name=TEXT,
    prefix=TEXT,
    last4=TEXT,
    status=one_of("active", "expired", "revoked"),
    **_LIMITS,
    created_at=TIME,
    expires_at=maybe(TIME),
    revoked_at=maybe(TIME),
)
_ENTRY = obj(
    id=ID,
    user_id=ID,
    kind=one_of("credit", "grant", "adjust", "refund", "reverse"),
    amount=MONEY,
    balance_after=MONEY,
    reason=maybe(TEXT),
    actor=TEXT,
    created_at=TIME,
    reverses=maybe(ID),
    reversed_by=maybe(ID),
)
_USAGE = obj(
    request_id=TEXT,
    key_id=ID,
    key_name=maybe(TEXT),
    model=TEXT,
    endpoint=TEXT,
    streamed=YES,
    outcome=one_of(*Outcome),
    status=COUNT,
    error_code=maybe(TEXT),
    tokens=_TOKENS,
    cost=MONEY,
    answer_id=maybe(TEXT),
    client_request_id=maybe(TEXT),
    client_agent=maybe(TEXT),
    started_at=TIME,
    first_byte_ms=maybe(COUNT),
    duration_ms=maybe(COUNT),
)
_USAGE_FOR_ADMIN = also(
    _USAGE,
    user_id=ID,
    user_name=maybe(TEXT),
    actual_model=maybe(TEXT),
    upstream=maybe(TEXT),
    upstream_status=maybe(COUNT),
    upstream_request_id=maybe(TEXT),
    attempts=many(obj(upstream=TEXT, status=maybe(COUNT), error=TEXT, after_ms=COUNT, pause_ms=COUNT)),
)
_BILL = {"currency": one_of("USD"), "tier": maybe(COUNT), "lines": many(_LINE)}
_FIGURES = obj(
    requests=COUNT,
    charged=COUNT,
    failed=COUNT,
    refused=COUNT,
    failure_rate=maybe(SHARE),
    cost=MONEY,
    tokens=_TOKENS,
    first_byte_ms=_WAITS,
    duration_ms_mean=maybe(COUNT),
)
_SUMMARY = obj(**{"from": TIME, "to": TIME, "current": _FIGURES, "previous": _FIGURES})

SHAPES: Mapping[str, Schema] = {
    "User": _USER,
    "UserRow": also(
        _USER,
        spent_7d=MONEY,
        spent_30d=MONEY,
        last_used_at=maybe(TIME),
        keys=COUNT,
        days_left=maybe(DAYS),
        pace_days=maybe(DAYS),
        spend_status=_SPEND_STATUS,
    ),
    "UserTotals": obj(count=COUNT, balance=MONEY, spent_7d=MONEY, spent_30d=MONEY),
    "Key": _KEY,
    "KeyRow": also(
        _KEY,
        user_name=TEXT,
        spent_30d=MONEY,
        last_used_at=maybe(TIME),
        last_request_id={**maybe(TEXT), "description": "Null: the key was never used."},
        last_client_agent={
            **maybe(TEXT),
            "description": "What the client of that request calls itself; null: it did not say. Addresses of clients"
            " are not kept.",
        },
        spend_status=_SPEND_STATUS,
        refused_for={
            "enum": ["user_disabled", "insufficient_balance", "user_spend_limit", "spend_limit", None],
            "description": "Why the next call with a key that is active would be refused; null: it would not be.",
        },
    ),
    "NewKey": also(
        _KEY,
        key={"type": "string", "description": "The key itself, shown this once."},
        optional={"replaces": _KEY},
    ),
    "Entry": _ENTRY,
    "EntryRow": also(_ENTRY, user_name=maybe(TEXT)),
    "LedgerTotals": obj(
        count=COUNT,
        by_kind={"type": "object", "additionalProperties": MONEY},
        credited=MONEY,
        used=MONEY,
        outstanding=MONEY,
        exact=YES,
    ),
    "StatementLine": OPEN,
    "Usage": _USAGE,
    "UsageForAdmin": _USAGE_FOR_ADMIN,
    "Receipt": also(_USAGE, **_BILL),
    "ReceiptForAdmin": also(_USAGE_FOR_ADMIN, **_BILL),
    "UsageTotals": obj(requests=COUNT, charged=COUNT, cost=MONEY, tokens=_TOKENS),
    "Balance": obj(
        balance=MONEY,
        currency=one_of("USD"),
        lifetime=_LIFETIME,
        key=also(_KEY, spend_status=_SPEND_STATUS),
        limits=obj(**_LIMITS, spend_status=_SPEND_STATUS),
    ),
    "Price": obj(
        currency=one_of("USD"),
        per=one_of("1M_tokens"),
        free=YES,
        **_RATES,
        tiers={"type": "object", "additionalProperties": obj(**_RATES)},
    ),
    "OwnModel": obj(name=TEXT, pricing=shape("Price"), max_output_tokens=maybe(COUNT), context_window=maybe(COUNT)),
    "Summary": also(_SUMMARY, outstanding_balance=MONEY, users=obj(total=COUNT, at_or_below_zero=COUNT)),
    "OwnSummary": also(_SUMMARY, balance=MONEY, days_left=maybe(DAYS), pace_days=maybe(DAYS)),
    "Timeseries": obj(
        metric=one_of("cost", "requests", "tokens", "first_byte_ms"),
        group_by=one_of("none", "model", "user", "key", "outcome"),
        interval=one_of("minute", "hour", "day", "week", "month"),
        tz=TEXT,
        buckets=many(TIME),
        series=many(obj(key=ANY, name=TEXT, owner=maybe(TEXT), values=many(ANY), total=ANY)),
    ),
    "Ranked": obj(
        key=ANY,
        name=TEXT,
        owner=maybe(TEXT),
        requests=COUNT,
        failed=COUNT,
        cost=MONEY,
        input_tokens=COUNT,
        output_tokens=COUNT,
        first_byte_ms=_WAITS,
    ),
    "AttentionItem": {
        **OPEN,
        "properties": {"kind": TEXT, "severity": one_of("critical", "warning")},
        "required": ["kind", "severity"],
    },
    "AuditEntry": obj(
        id=ID,
        at=TIME,
        actor=TEXT,
        action=TEXT,
        target=TEXT,
        target_name=maybe(TEXT),
        before=ANY,
        after=ANY,
        request_id=maybe(TEXT),
        address=maybe(TEXT),
    ),
    "Session": obj(subject=TEXT, scope=TEXT, expires_at=TIME, csrf_token=TEXT),
    "SignedIn": obj(token=TEXT, expires_at=TIME, csrf_token=TEXT),
    "Token": obj(id=ID, name=TEXT, scope=TEXT, expires_at=TIME, token=TEXT),
    "TokenRow": obj(
        id=ID,
        kind=one_of("session", "program"),
        name=maybe(TEXT),
        scope=TEXT,
        created_by=TEXT,
        address=maybe(TEXT),
        created_at=TIME,
        expires_at=TIME,
        last_used_at=maybe(TIME),
        is_yours=YES,
    ),
    "Settings": obj(
        system_prompt_enabled=YES,
        system_prompt=TEXT,
        system_prompt_mode=one_of("prepend", "replace"),
        output_tokens_held=COUNT,
    ),
    "SettingsChange": {
        "type": "object",
        "description": "Null takes a setting back to its default.",
        "properties": {
            "system_prompt_enabled": maybe(YES),
            "system_prompt": maybe(TEXT),
            "system_prompt_mode": maybe(one_of("prepend", "replace")),
            "output_tokens_held": maybe(COUNT),
        },
        "additionalProperties": False,
    },
    "SettingsPreview": {
        "type": "object",
        "properties": {
            "system_prompt_enabled": maybe(YES),
            "system_prompt": maybe(TEXT),
            "system_prompt_mode": maybe(one_of("prepend", "replace")),
            "model": maybe(TEXT),
            "system": maybe(TEXT),
        },
        "additionalProperties": False,
    },
    "Quote": also(
        obj(**_BILL, cost=MONEY), last_24h=obj(requests=COUNT, charged=MONEY, with_draft=maybe(MONEY), exact=YES)
    ),
    "Check": obj(upstream=TEXT, url=TEXT, ok=YES, status=maybe(COUNT), latency_ms=maybe(COUNT), message=TEXT),
    "Document": {
        **OPEN,
        "description": "A provider or model as models.yaml has it, with `key`, `etag`, and how it stands.",
        "properties": {"key": TEXT, "etag": TEXT},
        "required": ["key", "etag"],
    },
    "TokenCount": obj(input_tokens=COUNT),
    "Object": {**OPEN, "description": "Described in docs/registry.md and docs/page.md."},
}
