"""What the registry was at any revision can be told, shown and brought back."""

import random
from datetime import UTC, datetime

import pytest
from live_registry import PRICE, PROVIDER, LiveRegistry, begin, entity, model

from quart_proxy.core.errors import Conflict, InvalidFields, NotFound
from quart_proxy.store.database import Database
from quart_proxy.store.revisions import count_live_edits, was_applied
from registry.entities import EntityKey, Leaves, Origin
from registry.history import (
    Past,
    diff_states,
    get_revision,
    last_authors,
    list_revisions,
    rollback_changes,
    state_at,
)
from registry.state import digest_state, leaves_by_key
from registry.write import Change, Revision, Written, write_revision

STEPS = 60


@pytest.fixture
def registry(database: Database) -> LiveRegistry:
    return LiveRegistry(database)


async def roll_back(registry: LiveRegistry, revision: int, *only: EntityKey) -> Written:
    async with registry.database.transaction() as connection:
        state = await begin(connection)
        changes = rollback_changes(state, await state_at(connection, revision), only)
        return await write_revision(connection, state, changes, Revision("rollback", "ada"))


async def leaves_at(registry: LiveRegistry, revision: int) -> dict[EntityKey, Leaves]:
    async with registry.database.read() as connection:
        return {key: past.leaves for key, past in (await state_at(connection, revision)).items()}


# --- any revision -------------------------------------------------------------------------------------


class Walk:
    """Random writes, among them some that are refused, and what was live after each."""

    def __init__(self, registry: LiveRegistry, seed: int) -> None:
        self.registry = registry
        self.choose = random.Random(seed)
        self.live_at: dict[int, dict[EntityKey, Leaves]] = {0: {}}

    async def run(self) -> None:
        await self.step({f"provider/p{number}": PROVIDER for number in range(3)})
        for _ in range(STEPS):
            documents, moved = self.write()
            try:
                await self.step(documents, moved)
            except (InvalidFields, Conflict):
                continue

    async def step(self, documents: dict[str, Leaves | None], moved: dict[str, str] | None = None) -> None:
        written = await self.registry.put(documents, moved=moved)
        self.live_at[written.id] = await self.registry.leaves()

    def write(self) -> tuple[dict[str, Leaves | None], dict[str, str]]:
        choose, live = self.choose, self.live_at[max(self.live_at)]
        keys = sorted(key.key for key in live if key.kind == "model")
        what = choose.random()
        if what < 0.15 and len(keys) > 1:
            one, other = choose.sample(keys, 2)
            return {f"model/{one}": self.model(one), f"model/{other}": self.model(other)}, {one: other, other: one}
        if what < 0.3 and keys:
            old = choose.choice(keys)
            new = next(f"n{number}" for number in range(99) if f"n{number}" not in keys)
            return {f"model/{new}": self.model(new)}, {new: old}
        if what < 0.5 and keys:
            gone = choose.choice(keys)
            return {f"model/{gone}": None, f"model/n{choose.randrange(9)}": self.model("n")}, {}
        if what < 0.65:
            provider = f"provider/p{choose.randrange(3)}"
            there = entity(provider) in live and choose.random() < 0.6
            return {provider: None if there else {**PROVIDER, "headers.x-n": str(choose.randrange(9))}}, {}
        return {f"model/m{choose.randrange(4)}": self.model("m") for _ in range(2)}, {}

    def model(self, key: str) -> Leaves:
        choose = self.choose
        leaves = dict(model(f"p{choose.randrange(3)}", pricing__input=f"{choose.randrange(1, 4)}.00"))
        if choose.random() < 0.4:
            leaves["display_name"] = f"name {choose.randrange(4)}"
        if choose.random() < 0.3:
            leaves["upstreams.spare.provider"] = f"p{choose.randrange(3)}"
        if choose.random() < 0.3:
            leaves |= {"enabled": False, "tags": ("a", key), "routing.retry_on": ("429", "5xx")}
        if choose.random() < 0.2:
            return {path: value for path, value in leaves.items() if path not in PRICE}
        return leaves


@pytest.mark.parametrize("seed", range(4))
async def test_every_state_is_told_and_brought_back_and_a_rollback_is_rolled_back(
    registry: LiveRegistry, seed: int
) -> None:
    walk = Walk(registry, seed)
    await walk.run()
    newest = max(walk.live_at)
    assert newest > STEPS // 3
    digests = dict(await registry.rows("SELECT id, state_digest FROM registry_revisions"))  # type: ignore[arg-type]
    for revision, live in walk.live_at.items():
        assert await leaves_at(registry, revision) == live
        assert digests.get(revision, digest_state({})) == digest_state(live)
    for revision in walk.choose.sample(sorted(walk.live_at), 5):
        now = await registry.leaves()
        before = (await registry.state()).revision
        await roll_back(registry, revision)
        assert await registry.leaves() == walk.live_at[revision]
        await roll_back(registry, before)
        assert await registry.leaves() == now
        assert (await registry.state()).state_digest == digest_state(now)


async def test_a_revision_that_is_not_there_is_not_found(registry: LiveRegistry) -> None:
    await registry.put({"provider/one": PROVIDER})
    async with registry.database.read() as connection:
        assert await state_at(connection, 0) == {}
        for read in (state_at, get_revision):
            with pytest.raises(NotFound):
                await read(connection, 2)


# --- rollback -----------------------------------------------------------------------------------------


async def test_a_rollback_restores_rows_renames_back_and_deletes_what_was_not_there(registry: LiveRegistry) -> None:
    first = await registry.put({"provider/one": PROVIDER, "model/a": model(), "model/b": model()})
    await registry.put({"model/c": model()}, moved={"c": "a"})
    await registry.put({"model/b": None, "model/a": model(), "model/d": model()})
    await roll_back(registry, first.id)
    state = await registry.state()
    assert {str(key): entry.entity_id for key, entry in state.live.items()} == {
        "provider/one": 1,
        "model/a": first.ids[entity("model/a")],
        "model/b": first.ids[entity("model/b")],
    }
    done = await registry.rows("SELECT action, key FROM registry_changes WHERE revision_id = 4 ORDER BY action, key")
    assert done == [("delete", "a"), ("delete", "d"), ("rename", "a"), ("restore", "b")]


async def test_a_rollback_of_some_entities_leaves_the_others(registry: LiveRegistry) -> None:
    await registry.put({"provider/one": PROVIDER, "model/a": model(), "model/b": model()})
    await registry.put({"model/a": model(enabled=False), "model/b": model(enabled=False)})
    await roll_back(registry, 1, entity("model/a"))
    live = await registry.leaves()
    assert (live[entity("model/a")], live[entity("model/b")]) == (model(), model(enabled=False))


async def test_a_rollback_that_would_lack_a_provider_is_refused(registry: LiveRegistry) -> None:
    await registry.put({"provider/one": PROVIDER, "model/a": model()})
    await registry.put({"model/a": None, "provider/one": None})
    with pytest.raises(InvalidFields, match='no provider "one"'):
        await roll_back(registry, 1, entity("model/a"))


async def test_a_key_that_was_made_anew_keeps_its_row_in_a_rollback(registry: LiveRegistry) -> None:
    await registry.put({"provider/one": PROVIDER})
    await registry.put({"provider/one": None})
    await registry.apply([Change(entity("provider/one"), None, {**PROVIDER, "headers.x-a": "b"})], "ui")
    await registry.put({"model/a": model()})
    await roll_back(registry, 1)
    assert await registry.rows("SELECT id, headers, deleted_at IS NULL FROM providers ORDER BY id") == [
        (1, {}, False),
        (2, {}, True),
    ]


def test_the_difference_of_two_states_is_by_row_and_then_by_key() -> None:
    def past(entity_id: int, **leaves: str) -> Past:
        return Past(entity_id, leaves)

    before = {entity("model/a"): past(1), entity("model/b"): past(2), entity("model/c"): past(3, description="x")}
    after = {entity("model/b"): past(1), entity("model/c"): past(9, description="y"), entity("provider/p"): past(5)}
    assert diff_states(before, after) == [
        Change(entity("provider/p"), None, {}, 5),
        Change(entity("model/b"), {}, None, 2),
        Change(entity("model/b"), {}, {}, 1, "a"),
        Change(entity("model/c"), {"description": "x"}, {"description": "y"}, 3),
    ]
    assert diff_states(after, after) == []


# --- who changed what ---------------------------------------------------------------------------------


async def test_revisions_are_listed_newest_first_with_what_they_changed(registry: LiveRegistry) -> None:
    await registry.put({"provider/one": PROVIDER, "model/a": model(), "model/b": model()}, message="begin")
    await registry.put({"model/a": model(enabled=False), "model/b": None}, actor="alan")
    async with registry.database.read() as connection:
        newest, oldest = await list_revisions(connection, limit=10)
        assert [one.id for one in await list_revisions(connection, before=2, limit=10)] == [1]
        assert [one.id for one in await list_revisions(connection, limit=1)] == [2]
        recorded = await get_revision(connection, 2)
    assert (oldest.message, oldest.counts) == ("begin", {"create": 3})
    assert (newest.actor, newest.counts) == ("alan", {"delete": 1, "update": 1})
    assert recorded.revision == newest
    assert [(str(change.key), change.action, change.after) for change in recorded.changes] == [
        ("model/a", "update", model(enabled=False)),
        ("model/b", "delete", None),
    ]


async def test_the_history_of_an_entity_follows_it_through_its_names(registry: LiveRegistry) -> None:
    await registry.put({"provider/one": PROVIDER, "model/a": model()})
    await registry.put({"model/other": model()})
    await registry.put({"model/b": model()}, moved={"b": "a"})
    await registry.put({"model/b": model(enabled=False)})

    async def revisions_of(address: str) -> list[int]:
        async with registry.database.read() as connection:
            return [one.id for one in await list_revisions(connection, entity=entity(address), limit=10)]

    assert await revisions_of("model/b") == [4, 3, 1]
    assert await revisions_of("model/other") == [2]
    assert await revisions_of("model/none") == []


async def test_the_last_author_of_a_leaf_is_who_changed_it_last(registry: LiveRegistry) -> None:
    await registry.put({"provider/one": PROVIDER, "model/a": model(), "model/b": model()}, actor="ada")
    await registry.put({"model/a": model(pricing__input="2.00")}, actor="alan", message="INC-1")
    await registry.put({"model/c": model(enabled=False, pricing__input="2.00")}, moved={"c": "a"}, actor="grace")
    ids = {key: entry.entity_id for key, entry in (await registry.state()).live.items()}
    async with registry.database.read() as connection:
        authors = await last_authors(connection, {entity("model/c"): ids[entity("model/c")]})
    assert {path: (author.actor, author.message, author.revision) for (_, path), author in authors.items()} == {
        "upstreams.default.provider": ("ada", None, 1),
        "pricing.output": ("ada", None, 1),
        "pricing.input": ("alan", "INC-1", 2),
        "enabled": ("grace", None, 3),
    }
    assert all(author.at <= datetime.now(UTC) for author in authors.values())


async def test_edits_by_hand_are_counted_and_files_are_known_again(registry: LiveRegistry) -> None:
    await registry.put({"provider/one": PROVIDER}, kind="sync")
    await registry.put({"model/a": model()})
    async with registry.database.transaction() as connection:
        state = await begin(connection)
        about = Revision("sync", "startup", source="main", origin=Origin("d1"))
        await write_revision(connection, state, [Change(entity("model/b"), None, model())], about)
        assert await count_live_edits(connection, 1) == 1
        assert await count_live_edits(connection, 2) == 0
        assert await was_applied(connection, "main", "d1")
        assert not await was_applied(connection, "main", "d2")
    assert leaves_by_key((await registry.state()).live) == await leaves_at(registry, 3)
