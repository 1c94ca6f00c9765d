"""Sealing kept provider keys anew under the newest ENCRYPTION_KEY, so that the older ones can be taken away.

    ENCRYPTION_KEY=old        every key is sealed under old
    ENCRYPTION_KEY=old,new    every process can open what will be sealed under new
    ENCRYPTION_KEY=new,old    new keys are sealed under new; `quart-proxy reseal` seals the rest
    ENCRYPTION_KEY=new        old is gone

Each step is a restart, worker by worker; no key is ever typed again, and none is away meanwhile.
"""

from dataclasses import dataclass

from quart_proxy.services.sealing import Sealer
from quart_proxy.store.changes import Actor, bump_version, record_audit
from quart_proxy.store.database import Database
from quart_proxy.store.secrets import list_secrets, replace_ciphertext


@dataclass(frozen=True, slots=True)
class Resealed:
    """The names of the keys that were sealed anew, and of those that no given ENCRYPTION_KEY opens, with why."""

    names: tuple[str, ...]
    unopened: tuple[tuple[str, str], ...]


async def reseal_secrets(database: Database, sealer: Sealer, actor: Actor) -> Resealed:
    """Seal anew what an older key sealed; one transaction, in which only the ciphertexts change."""
    names, unopened = [], []
    async with database.transaction() as connection:
        # First: whoever types a key in has this lock before that of the key.
        await bump_version(connection)
        for name, (ciphertext, host) in (await list_secrets(connection)).items():
            if sealer.is_newest(ciphertext):
                continue
            try:
                key = sealer.open(ciphertext, name=name, host=host)
            except ValueError as error:
                unopened.append((name, str(error)))
                continue
            sealed = sealer.seal(key, name=name, host=host)
            # A key that was typed in meanwhile is not what was read, and stays.
            if await replace_ciphertext(connection, name, before=ciphertext, after=sealed):
                names.append(name)
        if names:
            await record_audit(connection, actor, "secrets.reseal", "*", after=names)
    return Resealed(tuple(names), tuple(unopened))
