"""What an admin may say of a client's key, when it is made and later."""

from quart_proxy.http.fields import Field, Fields, moment, names, refused, text, whole

CONCURRENCY_MAX = 100_000

# A limit that is stored and not enforced is a promise that costs somebody money.
_NOT_ENFORCED = refused("is not enforced by this version")

KEY_FIELDS: Fields = {
    "name": Field(text()),
    "expires_at": Field(moment, nullable=True),
    "allowed_models": Field(names, nullable=True),
    "max_concurrency": Field(whole(1, CONCURRENCY_MAX), nullable=True),
    "spend_limit": _NOT_ENFORCED,
    "spend_period": _NOT_ENFORCED,
    "rpm": _NOT_ENFORCED,
    "tpm": _NOT_ENFORCED,
}
NOT_ENFORCED = frozenset(name for name, field in KEY_FIELDS.items() if field is _NOT_ENFORCED)
