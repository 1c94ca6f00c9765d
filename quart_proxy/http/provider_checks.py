"""Providers asked on an admin's behalf whether they are there: what came of it as JSON, with its audit row."""

from collections.abc import Sequence
from typing import Any

from quart import Response

from quart_proxy.http import json_response, service
from quart_proxy.http.answers import acting
from quart_proxy.services.provider_check import Checked
from quart_proxy.store.changes import record_audit
from quart_proxy.store.database import Database
from registry.entities import EntityKey


async def check_answer(entity: EntityKey, found: Sequence[Checked]) -> Response:
    forms = [_form(checked) for checked in found]
    told = ("upstream", "ok", "status", "message")
    async with service(Database).transaction() as connection:
        after = {"data": [{name: form[name] for name in told} for form in forms]}
        await record_audit(connection, acting(), f"{entity.kind}.test", str(entity), after=after)
    return json_response({"data": forms, "has_more": False, "next_cursor": None})


def _form(checked: Checked) -> dict[str, Any]:
    return {
        "upstream": checked.upstream,
        "url": checked.url,
        "ok": checked.is_ok,
        "status": checked.status,
        "latency_ms": checked.latency_ms,
        "message": checked.message,
        "lists_model": checked.lists_model,
    }
