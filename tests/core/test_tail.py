"""The cursor of the tail against a database of numbers: whatever order transactions commit in, each row comes once."""

from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quart_proxy.core.tail import TailCursor, parse_snapshot, parse_tail_cursor


@dataclass
class Transactions:
    """Transactions by number, each with its rows; those in `running` are not committed."""

    rows: dict[int, list[UUID]] = field(default_factory=dict)
    running: set[int] = field(default_factory=set)
    next_xid: int = 10

    def begin(self, rows: int) -> None:
        self.rows[self.next_xid] = [UUID(int=self.next_xid << 80 | number) for number in range(rows)]
        self.running.add(self.next_xid)
        self.next_xid += 1

    @property
    def snapshot(self) -> TailCursor:
        return parse_snapshot(f"0:{self.next_xid}:{','.join(map(str, sorted(self.running)))}")

    def read(self, after: TailCursor, limit: int) -> list[tuple[TailCursor, UUID]]:
        """As the store does: a transaction that is half read is read to its end first."""
        shown = self.snapshot
        committed = [(xid, row) for xid, rows in sorted(self.rows.items()) if xid not in self.running for row in rows]
        told = []
        if after.within is not None:
            for xid, row in committed:
                if xid == after.within[0] and row > after.within[1] and len(told) < limit:
                    told.append((after.moved(after.whole, xid, row), row))
            if len(told) == limit:
                return told
            after = after.whole
        unread = [(xid, row) for xid, row in committed if not after.has_read(xid, row)]
        return told + [(after.moved(shown, xid, row), row) for xid, row in unread[: limit - len(told)]]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_reader_that_may_stop_after_any_row_gets_each_row_once(data: st.DataObject) -> None:
    world = Transactions()
    cursor = world.snapshot
    told: list[UUID] = []
    for _ in range(data.draw(st.integers(1, 25))):
        step = data.draw(st.sampled_from(("begin", "commit", "read")))
        if step == "begin":
            world.begin(data.draw(st.integers(0, 4)))
        elif step == "commit" and world.running:
            world.running.remove(data.draw(st.sampled_from(sorted(world.running))))
        elif step == "read":
            page = world.read(cursor, data.draw(st.integers(1, 6)))
            taken = page[: data.draw(st.integers(0, len(page)))]
            told += [row for _, row in taken]
            if taken:
                cursor = parse_tail_cursor(str(taken[-1][0]))
    world.running.clear()
    while page := world.read(cursor, 3):
        told += [row for _, row in page]
        cursor = page[-1][0]
    assert sorted(told) == sorted(row for rows in world.rows.values() for row in rows)
    assert len(told) == len(set(told))


def test_a_cursor_is_read_back_as_it_was_written() -> None:
    for cursor in (
        TailCursor(7),
        TailCursor(900, frozenset({4, 70})),
        TailCursor(900, frozenset({4}), (899, UUID(int=5))),
    ):
        assert parse_tail_cursor(str(cursor)) == cursor
        assert set(str(cursor)) <= set("0123456789abcdef.-")


@pytest.mark.parametrize(
    "text",
    ["", "x", "1..2", "-1", "1-2", "1-2-3", "1-2-3-4", "²", "1" * 20, "1." * 5000 + "1", "1 ", "9999999999999999999"],
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        parse_tail_cursor(text)
