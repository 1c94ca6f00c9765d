"""Changing ENCRYPTION_KEY while everything goes on: no key is lost, none is typed again."""

from quart_proxy.services.rotation import reseal_secrets
from quart_proxy.services.sealing import Sealer
from quart_proxy.store.changes import Actor
from quart_proxy.store.database import Database
from quart_proxy.store.secrets import find_secret, save_secret

OLD, NEW = "an old key that is long enough to be one", "a new key that is long enough to be one"
HOST = "api.example.com"
ADA = Actor("ada")


async def keep(database: Database, sealer: Sealer, name: str, key: str) -> None:
    async with database.transaction() as connection:
        await save_secret(connection, name=name, ciphertext=sealer.seal(key, name=name, host=HOST), host=HOST, by="ada")


async def opened(database: Database, sealer: Sealer, name: str) -> str:
    async with database.read() as connection:
        kept = await find_secret(connection, name)
    assert kept is not None
    return sealer.open(kept[0], name=name, host=kept[1])


async def test_resealed_keys_open_without_the_old_encryption_key(database: Database) -> None:
    await keep(database, Sealer([OLD]), "one", "sk-one")
    await keep(database, Sealer([NEW, OLD]), "two", "sk-two")
    done = await reseal_secrets(database, Sealer([NEW, OLD]), ADA)
    assert (done.names, done.unopened) == (("one",), ())
    for name in ("one", "two"):
        assert await opened(database, Sealer([NEW]), name) == f"sk-{name}"
    assert (await reseal_secrets(database, Sealer([NEW]), ADA)).names == ()


async def test_key_that_no_encryption_key_opens_is_named_and_left(database: Database) -> None:
    await keep(database, Sealer(["a third key that nobody has any more"]), "lost", "sk-lost")
    await keep(database, Sealer([OLD]), "one", "sk-one")
    done = await reseal_secrets(database, Sealer([NEW, OLD]), ADA)
    assert done.names == ("one",)
    assert [name for name, _ in done.unopened] == ["lost"]
