"""What a person does about a settlement that PostgreSQL refused: settles it again, or lets it go. One transaction each,
with its audit row, which keeps the record."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from quart_proxy.core.errors import Conflict
from quart_proxy.services.billing import REFUSALS
from quart_proxy.store.changes import Actor, record_audit
from quart_proxy.store.database import Database
from quart_proxy.store.dead_letters import DeadLetter, take_dead_letter
from quart_proxy.store.ledger import settle_again


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """`on_settled` hears that a balance moved. Raises NotFound for a letter that is not there, and Unavailable when the
    database is away."""

    database: Database
    on_settled: Callable[[], None]

    async def retry(self, actor: Actor, letter_id: int) -> tuple[DeadLetter, Decimal | None]:
        """Settle it by the statement that settles every request. The letter, and the user's new balance; None for it
        when its row was there already, so that no money moved. Raises Conflict when it is refused again."""
        async with self.database.transaction() as connection:
            letter = await take_dead_letter(connection, letter_id)
            try:
                balances = await settle_again(connection, letter.record)
            except REFUSALS as error:
                raise Conflict(f"PostgreSQL refuses it still: {type(error).__name__}: {error}") from error
            await _audit(connection, actor, "dead_letter.retry", letter, after={"settled": bool(balances)})
        self.on_settled()
        return letter, next(iter(balances.values()), None)

    async def dismiss(self, actor: Actor, letter_id: int, *, reason: str) -> None:
        """No money moves: whoever asked for it pays nothing."""
        async with self.database.transaction() as connection:
            letter = await take_dead_letter(connection, letter_id)
            await _audit(connection, actor, "dead_letter.dismiss", letter, after={"reason": reason})


def read_record(letter: DeadLetter) -> dict[str, Any] | None:
    """The settlement that it is; None for a text that is none."""
    try:
        record = orjson.loads(letter.record)
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) else None


async def _audit(connection: Any, actor: Actor, action: str, letter: DeadLetter, *, after: Any) -> None:
    before = {"record": read_record(letter) or letter.record, "reason": letter.reason}
    await record_audit(connection, actor, action, f"dead_letter/{letter.id}", before=before, after=after)
