"""The local journal: makes a charge durable when PostgreSQL cannot.

One file a worker, appended and fsynced; a replay runs the same settlement statement, so a record that was
committed after all changes nothing. Each request also leaves an intent here when it begins, unsynced: after a
crash the requests that were cut are known by name.

A record is `kind length crc32`, then that many bytes of JSON. A torn tail fails its checksum and is the end
of the file: what was not synced was promised to no one.

A worker replays its own file in place and then empties it; only the files of dead workers are taken by others.
So an intent is never called interrupted while its writer lives.
"""

import fcntl
import logging
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from quart_proxy.settings import SPOOL_BYTES_MAX

logger = logging.getLogger(__name__)

HEADER = struct.Struct("<cII")
INTENT = b"I"
SETTLEMENT = b"S"
RECORD_BYTES_MAX = 64 * 1024
"""No record is a tenth of this: a greater length is the garbage of a torn header."""
COMPACT_BYTES = 8 * 1024 * 1024
"""A file without settlements to replay is emptied at this size: some 16,000 requests of intents."""
SUFFIX = ".spool"


class SpoolBroken(Exception):
    """The journal cannot be written or synced: no request may begin, since its charge might be lost."""


def encode_record(kind: bytes, payload: bytes) -> bytes:
    return HEADER.pack(kind, len(payload), zlib.crc32(payload)) + payload


def read_records(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Kind and payload of each whole record from where `file` stands, until its end or the first that is torn."""
    while len(header := file.read(HEADER.size)) == HEADER.size:
        kind, length, checksum = HEADER.unpack(header)
        payload = file.read(length) if length <= RECORD_BYTES_MAX else b""
        if len(payload) < length or zlib.crc32(payload) != checksum:
            return
        yield kind, payload


class Spool:
    """This worker's journal in `folder`, which workers share. Its file is locked while its writer lives, so a file
    that can be locked is an orphan, and any worker may take it over. Raises SpoolBroken if it cannot be made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open_intents: dict[bytes, bytes] = {}
        self._size = 0
        self._replayed_to = 0
        self._unreplayed = 0
        self.is_healthy = True
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path, self._descriptor = _create(folder)
        except OSError as error:
            raise self._broken(error) from error

    @property
    def unreplayed(self) -> int:
        """Settlements in the file that PostgreSQL has not got."""
        return self._unreplayed

    def note_intent(self, request_id: bytes, payload: bytes) -> None:
        """Say that a request begins. Not synced. Raises SpoolBroken."""
        if self._size > COMPACT_BYTES and not self._unreplayed:
            self.compact()
        self._append(encode_record(INTENT, payload))
        self._open_intents[request_id] = payload

    def close_intent(self, request_id: bytes) -> None:
        """The request's own row is durable."""
        self._open_intents.pop(request_id, None)

    def append(self, payloads: list[bytes]) -> None:
        """Write settlements; `sync` makes them durable. Raises SpoolBroken."""
        before = self._size
        self._append(b"".join(encode_record(SETTLEMENT, payload) for payload in payloads))
        if not self._unreplayed:
            self._replayed_to = before
        self._unreplayed += len(payloads)

    def sync(self) -> None:
        """Block until everything appended is on the disk. Raises SpoolBroken, and is not tried again: after a failed
        fsync the kernel may have dropped the pages, and a second one that succeeds says nothing."""
        if not self.is_healthy:
            raise SpoolBroken("the journal is broken")
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise self._broken(error) from error

    def read_unreplayed(self, count_max: int) -> tuple[list[bytes], int]:
        """The oldest settlements that PostgreSQL has not got, and where they end, for `mark_replayed`."""
        payloads: list[bytes] = []
        end = self._replayed_to
        with self._path.open("rb") as file:
            file.seek(end)
            for kind, payload in read_records(file):
                end += HEADER.size + len(payload)
                if kind == SETTLEMENT:
                    payloads.append(payload)
                    if len(payloads) == count_max:
                        break
        return payloads, end

    def mark_replayed(self, count: int, end: int) -> None:
        """PostgreSQL has got so many settlements more, which end at `end`."""
        self._unreplayed -= count
        self._replayed_to = end

    def compact(self) -> None:
        """Empty the file, but for the intents of requests that still run: when PostgreSQL has got all the rest.

        What broke the journal was about what was in it, so it is well again if it takes the intents. Raises
        SpoolBroken, also when settlements are left that could not be read.
        """
        if self._unreplayed:
            raise self._broken(OSError(f"{self._unreplayed} settlements in {self._path.name} cannot be read"))
        try:
            os.ftruncate(self._descriptor, 0)
        except OSError as error:
            raise self._broken(error) from error
        self._size = self._replayed_to = 0
        self.is_healthy = True
        self._append(b"".join(encode_record(INTENT, payload) for payload in self._open_intents.values()))

    def orphans(self) -> list[Path]:
        """Files of writers that are gone."""
        found = []
        for path in self._folder.glob(f"*{SUFFIX}"):
            if path != self._path and (descriptor := _lock(path)) is not None:
                os.close(descriptor)
                found.append(path)
        return found

    def close(self) -> None:
        """Leave. A file without settlements and open intents is removed."""
        if not self._unreplayed and not self._open_intents:
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def _append(self, data: bytes) -> None:
        if not self.is_healthy:
            raise SpoolBroken("the journal is broken")
        if self._size + len(data) > SPOOL_BYTES_MAX:
            raise self._broken(OSError("the journal is full"))
        try:
            if os.write(self._descriptor, data) != len(data):
                # What comes after a torn record is never read: nothing is appended before the file is emptied.
                raise OSError("the disk is full")
        except OSError as error:
            raise self._broken(error) from error
        self._size += len(data)

    def _broken(self, error: OSError) -> SpoolBroken:
        self.is_healthy = False
        logger.critical("spool_broken", extra={"fields": {"reason": str(error)}})
        return SpoolBroken(str(error))


def _create(folder: Path) -> tuple[Path, int]:
    """A new file, locked, that a crash of the machine does not forget. Raises OSError."""
    path = folder / f"{uuid4().hex}{SUFFIX}"
    unseen = path.with_suffix(".new")
    descriptor = os.open(unseen, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
    try:
        # Locked before it has its name: a sibling that finds it unlocked would take it for an orphan, and remove it.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unseen.rename(path)
        parent = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)
    except OSError:
        os.close(descriptor)
        raise
    return path, descriptor


def _lock(path: Path) -> int | None:
    """A descriptor that holds the lock of `path`, or None while its writer lives."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


class TakenSpool:
    """The file of a dead writer, locked until `release`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    def settlements(self) -> Iterator[bytes]:
        """What is to be replayed, in order, read as it is taken: a file may be a gigabyte."""
        return self._payloads(SETTLEMENT)

    def intents(self) -> Iterator[bytes]:
        """The requests that the writer began."""
        return self._payloads(INTENT)

    def age_s(self, now: float) -> float:
        """Seconds since the file was last written; `now` is wall clock."""
        return now - os.fstat(self._descriptor).st_mtime

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)

    def release(self) -> None:
        os.close(self._descriptor)

    def _payloads(self, wanted: bytes) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            for kind, payload in read_records(file):
                if kind == wanted:
                    yield payload


def take(path: Path) -> TakenSpool | None:
    """Lock an orphan for this process; None when its writer lives, or it is gone, or another worker has it."""
    descriptor = _lock(path)
    if descriptor is None:
        return None
    if not path.exists():
        os.close(descriptor)
        return None
    return TakenSpool(path, descriptor)
