"""What an older version kept of the files: it is read, and the same files change nothing that is served."""

import json
from typing import Any

import pytest
from live_registry import LiveRegistry, entity
from sqlalchemy import text

from quart_proxy.store.changes import Actor
from quart_proxy.store.database import Database
from registry.apply import Bundle, apply_bundle, plan_bundle, read_bundle
from registry.entities import Policy
from registry.field_states import describe_entity
from registry.files.sources import SourceFile

FILE = """\
version: 1
providers:
  one: {api_format: openai, api_url: https://one.example/v1, headers: {x-team: blue}}
models:
  a:
    display_name: Alpha
    provider: one
    pricing: {input: 1.50, output: 8.00}
    aliases: [b, c]
    limits: {timeout: 60s}
    enabled: true
"""
OLDER: dict[str, dict[str, Any]] = {
    "a leaf that the grammar knows no more": {"limits.retries": 3, "colour": "red"},
    "a leaf of a group that the grammar knows no more": {"pricing.per_request": "0.01", "system_prompt.where": "end"},
    "a default written out": {"enabled": True, "upstreams.default.weight": 100, "system_prompt.text": ""},
    "a default as unset": {"enabled": None, "display_name": "Alpha", "description": None},
    "a price with other zeros": {"pricing.input": "1.5", "pricing.output": "8"},
    "a price as a number": {"pricing.output": 8},
    "a set in another order": {"aliases": ["c", "b"], "tags": []},
    "a time as a number of seconds": {"limits.timeout": 60},
}


def bundle(more: str = "") -> Bundle:
    return read_bundle([SourceFile("models.yaml", FILE + more)])


async def apply(database: Database, files: Bundle, policy: Policy | None = None) -> int:
    applied = await apply_bundle(database, files, policy or Policy(), actor=Actor("ada"))
    return applied.revision


async def remember(database: Database, leaves: dict[str, Any]) -> None:
    """Let the base be what an older version would have written of the same files."""
    statement = "UPDATE registry_base SET leaves = leaves || CAST(:leaves AS jsonb) WHERE kind = 'model'"
    async with database.transaction() as connection:
        await connection.execute(text(statement), {"leaves": json.dumps(leaves)})


@pytest.mark.parametrize("leaves", OLDER.values(), ids=OLDER.keys())
async def test_the_first_plan_over_the_same_files_changes_nothing_live_and_the_second_is_empty(
    database: Database, leaves: dict[str, Any]
) -> None:
    await apply(database, bundle())
    before = await LiveRegistry(database).leaves()
    await remember(database, leaves)
    async with database.snapshot() as connection:
        plan = (await plan_bundle(connection, bundle(), Policy())).plan
        assert (await describe_entity(connection, entity("model/a")))["id"] == 1
    counts = {name: count for name, count in plan.counts.items() if count}
    assert counts.keys() <= {"record"}, plan.as_json()
    await apply(database, bundle())
    assert await LiveRegistry(database).leaves() == before
    async with database.snapshot() as connection:
        again = (await plan_bundle(connection, bundle(), Policy())).plan
    assert (again.is_pending, again.drift, again.conflicts) == (False, (), ())
