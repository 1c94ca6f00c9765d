"""What is told of a key that was typed in: that it is there, by whom and when, and a fingerprint. Never the key."""

from collections.abc import Mapping
from typing import Any

from quart_proxy.core.references import secret_name
from quart_proxy.http import service
from quart_proxy.http.forms import time_text
from quart_proxy.services.sealing import Sealer
from quart_proxy.store.secrets import KeptSecret


def describe_key(reference: str, kept: Mapping[str, KeptSecret]) -> dict[str, Any]:
    """`rotated_at` is when it was typed in last. `fingerprint` changes with the key, and is None for one that does not
    open here."""
    row = kept.get(secret_name(reference))
    if row is None:
        return {"ref": reference, "set": False}
    return {
        "ref": reference,
        "set": True,
        "host": row.host,
        "created_by": row.created_by,
        "rotated_at": time_text(row.rotated_at or row.created_at),
        "fingerprint": _fingerprint(row),
    }


def _fingerprint(row: KeptSecret) -> str | None:
    sealer = service(Sealer)
    try:
        key = sealer.open(row.ciphertext, name=row.name, host=row.host)
    except ValueError:
        return None
    return sealer.fingerprint(key, name=row.name)
