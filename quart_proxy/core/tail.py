"""How far a reader of the usage log has come, while transactions overtake each other.

A transaction gets its number when it begins to write, and its rows are seen when it commits, in whatever order.
So "all up to number n" is a lie as long as an earlier one runs: its rows would be passed over for ever. A cursor
says what PostgreSQL's own snapshots say, who was still running, and is exact without waiting for anyone.
"""

from dataclasses import dataclass
from uuid import UUID

XID_MAX = 2**63 - 1
CURSOR_CHARACTERS_MAX = 8000
"""Some 500 transactions that write at once; a header may have no more than twice that."""


@dataclass(frozen=True, slots=True)
class TailCursor:
    """What was read: the rows of all transactions below `next_xid` but those `running`.

    `within` narrows it: of that one transaction only the rows up to that id were read. None: all of them.
    """

    next_xid: int
    running: frozenset[int] = frozenset()
    within: tuple[int, UUID] | None = None

    def __str__(self) -> str:
        """Letters, digits, dots and hyphens: safe in a query and in a header."""
        head = ".".join(map(str, (self.next_xid, *sorted(self.running))))
        return head if self.within is None else f"{head}-{self.within[0]}-{self.within[1].hex}"

    @property
    def whole(self) -> "TailCursor":
        """The same, with the transaction that is half read read to its end."""
        return TailCursor(self.next_xid, self.running)

    def has_read(self, xid: int, request_id: UUID) -> bool:
        if self.within is not None and xid == self.within[0]:
            return request_id <= self.within[1]
        return xid < self.next_xid and xid not in self.running

    def moved(self, shown: "TailCursor", xid: int, request_id: UUID) -> "TailCursor":
        """Where a reader is that went on from here through what the whole cursor `shown` has and this one has not, in
        the order of transactions and ids, up to this row."""
        before = {number for number in shown.running if number < xid}
        after = {number for number in self.running if number > xid}
        return TailCursor(max(self.next_xid, xid + 1), frozenset(before | after), (xid, request_id))


def parse_tail_cursor(text: str) -> TailCursor:
    """The cursor that was written so. Raises ValueError."""
    if len(text) > CURSOR_CHARACTERS_MAX:
        raise ValueError("is not a cursor of the tail")
    head, *within = text.split("-")
    next_xid, *running = [_parse_xid(number) for number in head.split(".")]
    if not within:
        return TailCursor(next_xid, frozenset(running))
    try:
        xid, request_id = within
        return TailCursor(next_xid, frozenset(running), (_parse_xid(xid), UUID(hex=request_id)))
    except ValueError:
        raise ValueError("is not a cursor of the tail") from None


def parse_snapshot(text: str) -> TailCursor:
    """What PostgreSQL's `pg_snapshot` shows: `xmin:xmax:running,running`."""
    _, next_xid, running = text.split(":")
    return TailCursor(int(next_xid), frozenset(int(number) for number in running.split(",") if number))


def _parse_xid(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= XID_MAX):
        raise ValueError("is not a cursor of the tail")
    return int(text)
