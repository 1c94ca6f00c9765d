"""The local journal: makes a charge durable when PostgreSQL cannot.

One file a worker, appended and fsynced; a replay runs the same settlement statement, so a record that was
committed after all changes nothing. Each request also leaves an intent here when it begins, unsynced: after a
crash the requests that were cut are known by name.

A record is `kind length crc32`, then that many bytes of JSON. A torn tail fails its checksum and is the end
of the file: what was not synced was promised to no one.
"""

import fcntl
import logging
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from quart_proxy.settings import SPOOL_BYTES_MAX

logger = logging.getLogger(__name__)

HEADER = struct.Struct("<cII")
INTENT = b"I"
SETTLEMENT = b"S"
MOVED = b"M"
"""The last record of a file whose intents went on to the next one: they are not this file's any more."""
SEGMENT_BYTES_MAX = 64 * 1024 * 1024
"""A segment without settlements is thrown away at this size: some 200,000 requests of intents."""
SUFFIX = ".spool"


class SpoolBroken(Exception):
    """The journal cannot be written or synced: no request may begin, since its charge might be lost."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What one closed file holds, in order: settlements to replay, and the requests that its writer began."""

    settlements: tuple[bytes, ...]
    intents: tuple[bytes, ...]


def encode_record(kind: bytes, payload: bytes) -> bytes:
    return HEADER.pack(kind, len(payload), zlib.crc32(payload)) + payload


def read_records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and payload of each whole record, until the end or the first that is torn."""
    position = 0
    while position + HEADER.size <= len(data):
        kind, length, checksum = HEADER.unpack_from(data, position)
        payload = data[position + HEADER.size : position + HEADER.size + length]
        if len(payload) < length or zlib.crc32(payload) != checksum:
            return
        yield kind, payload
        position += HEADER.size + length


class Spool:
    """This worker's journal in `folder`, which workers share. Its files are locked while their writer lives, so
    a file that can be locked is an orphan, and any worker may take it over."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open_intents: dict[bytes, bytes] = {}
        self._size = 0
        self._settlements = 0
        self.is_healthy = True
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._open_segment()

    @property
    def unreplayed(self) -> int:
        """Settlements in the current file that PostgreSQL has not got."""
        return self._settlements

    def note_intent(self, request_id: bytes, payload: bytes) -> None:
        """Say that a request begins. Not synced. Raises SpoolBroken."""
        self._open_intents[request_id] = payload
        self._append(encode_record(INTENT, payload))
        if self._size > SEGMENT_BYTES_MAX and not self._settlements:
            self.rotate().unlink(missing_ok=True)

    def close_intent(self, request_id: bytes) -> None:
        """The request's own row is durable."""
        self._open_intents.pop(request_id, None)

    def append(self, payloads: list[bytes]) -> None:
        """Write settlements; `sync` makes them durable. Raises SpoolBroken."""
        self._append(b"".join(encode_record(SETTLEMENT, payload) for payload in payloads))
        self._settlements += len(payloads)

    def sync(self) -> None:
        """Block until everything appended is on the disk. Raises SpoolBroken, and is not tried again: after a failed
        fsync the kernel may have dropped the pages, and a second one that succeeds says nothing."""
        if not self.is_healthy:
            raise SpoolBroken("the journal is broken")
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise self._broken(error) from error

    def rotate(self) -> Path:
        """Begin a new file and return the old one's path, for anyone to replay. Open intents move to the new file."""
        old_path, old_descriptor = self._path, self._descriptor
        self._open_segment()
        for payload in self._open_intents.values():
            self._append(encode_record(INTENT, payload))
        # Without this, whoever takes the old file would call requests interrupted that are still running.
        try:
            os.write(old_descriptor, encode_record(MOVED, b""))
        except OSError as error:
            raise self._broken(error) from error
        os.close(old_descriptor)
        return old_path

    def orphans(self) -> list[Path]:
        """Files of writers that are gone, oldest first."""
        found = []
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            if path != self._path and (descriptor := _lock(path)) is not None:
                os.close(descriptor)
                found.append(path)
        return found

    def close(self) -> None:
        """Leave. A file without settlements and open intents is removed."""
        if not self._settlements and not self._open_intents:
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def _open_segment(self) -> None:
        self._path = self._folder / f"{uuid4().hex}{SUFFIX}"
        try:
            self._descriptor = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The new name must survive a crash too.
            folder = os.open(self._folder, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        except OSError as error:
            raise self._broken(error) from error
        self._size = self._settlements = 0

    def _append(self, data: bytes) -> None:
        if not self.is_healthy:
            raise SpoolBroken("the journal is broken")
        if self._size + len(data) > SPOOL_BYTES_MAX:
            raise self._broken(OSError("the journal is full"))
        try:
            written = os.write(self._descriptor, data)
        except OSError as error:
            raise self._broken(error) from error
        if written != len(data):
            raise self._broken(OSError("the disk is full"))
        self._size += len(data)

    def _broken(self, error: OSError) -> SpoolBroken:
        self.is_healthy = False
        logger.critical("spool_broken", extra={"fields": {"reason": str(error)}})
        return SpoolBroken(str(error))


def _lock(path: Path) -> int | None:
    """A descriptor that holds the lock of `path`, or None while its writer lives."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


class TakenSegment:
    """An orphan, locked while it is replayed: `with take(path) as taken`. None when another worker has it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    def read(self) -> Segment:
        records = list(read_records(self._path.read_bytes()))
        moved = any(kind == MOVED for kind, _ in records)
        return Segment(
            tuple(payload for kind, payload in records if kind == SETTLEMENT),
            () if moved else tuple(payload for kind, payload in records if kind == INTENT),
        )

    def age_s(self, now: float) -> float:
        """Seconds since the file was last written; `now` is wall clock."""
        return now - os.fstat(self._descriptor).st_mtime

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)

    def release(self) -> None:
        os.close(self._descriptor)


def take(path: Path) -> TakenSegment | None:
    """Lock an orphan for this process; None when its writer lives, or it is gone, or another worker has it."""
    descriptor = _lock(path)
    if descriptor is None:
        return None
    if not path.exists():
        os.close(descriptor)
        return None
    return TakenSegment(path, descriptor)
