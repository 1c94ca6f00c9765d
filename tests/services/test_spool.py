"""The journal as a file: what is read back after a crash, who may take it, and what a full or failing disk does."""

import errno
import fcntl
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from quart_proxy.services import spool as spool_module
from quart_proxy.services.spool import Spool, SpoolBroken, TakenSpool, take


def die(spool: Spool) -> None:
    """What the kernel does for a killed process: its descriptors close, its file stays."""
    os.close(spool._descriptor)


def orphan(folder: Path) -> TakenSpool:
    (path,) = folder.glob("*.spool")
    taken = take(path)
    assert taken is not None
    return taken


def test_what_was_appended_is_read_back_in_order(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.note_intent(b"1", b'{"intent": 1}')
    spool.append([b"a", b"b"])
    spool.note_intent(b"2", b'{"intent": 2}')
    spool.append([b"c"])
    spool.sync()
    die(spool)
    taken = orphan(tmp_path)
    assert list(taken.settlements()) == [b"a", b"b", b"c"]
    assert list(taken.intents()) == [b'{"intent": 1}', b'{"intent": 2}']
    taken.release()


def test_a_tail_torn_anywhere_is_the_end_of_the_file(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([b"first", b"second", b"third"])
    die(spool)
    (path,) = tmp_path.glob("*.spool")
    whole = path.read_bytes()
    ends = [len(spool_module.encode_record(b"S", text)) for text in (b"first", b"second", b"third")]
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        taken = orphan(tmp_path)
        count = sum(1 for place in range(3) if sum(ends[: place + 1]) <= size)
        assert list(taken.settlements()) == [b"first", b"second", b"third"][:count]
        taken.release()


def test_a_flipped_bit_is_never_read_as_a_charge(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([b"first", b"second"])
    die(spool)
    (path,) = tmp_path.glob("*.spool")
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        taken = orphan(tmp_path)
        assert set(taken.settlements()) <= {b"first", b"second"}
        taken.release()


def test_the_file_of_a_living_writer_cannot_be_taken(tmp_path: Path) -> None:
    ours, theirs = Spool(tmp_path), Spool(tmp_path)
    ours.append([b"a"])
    assert theirs.orphans() == []
    assert [take(path) for path in tmp_path.glob("*.spool")] == [None, None]
    die(ours)
    (path,) = theirs.orphans()
    taken = take(path)
    assert taken is not None
    assert take(path) is None
    taken.remove()
    taken.release()
    assert take(path) is None
    theirs.close()


def test_a_sibling_that_sweeps_at_the_worst_moment_does_not_take_a_file_that_is_being_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeper = Spool(tmp_path)
    lock = fcntl.flock

    def sweep_then_lock(descriptor: int, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        for path in sweeper.orphans():
            if (taken := take(path)) is not None:
                taken.remove()
                taken.release()
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", sweep_then_lock)
    made = Spool(tmp_path)
    assert made._path.exists()
    assert sweeper.orphans() == []
    made.close()
    sweeper.close()


def test_a_clean_end_leaves_no_file(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.note_intent(b"1", b"intent")
    spool.close_intent(b"1")
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_replaying_goes_on_where_it_stopped_and_then_the_file_is_emptied(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.note_intent(b"1", b"running")
    spool.append([b"a", b"b", b"c"])
    payloads, end = spool.read_unreplayed(2)
    assert payloads == [b"a", b"b"]
    assert spool.read_unreplayed(2) == (payloads, end)
    with pytest.raises(SpoolBroken):
        spool.compact()
    spool.mark_replayed(2, end)
    spool.is_healthy = True
    spool.append([b"d"])
    payloads, end = spool.read_unreplayed(10)
    assert payloads == [b"c", b"d"]
    spool.mark_replayed(2, end)
    assert spool.unreplayed == 0
    spool.compact()
    spool.append([b"e"])
    assert spool.read_unreplayed(10)[0] == [b"e"]
    die(spool)
    taken = orphan(tmp_path)
    assert (list(taken.settlements()), list(taken.intents())) == ([b"e"], [b"running"])
    taken.release()


def test_intents_of_finished_requests_do_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "COMPACT_BYTES", 5_000)
    spool = Spool(tmp_path)
    spool.note_intent(b"long", b"still running")
    for number in range(500):
        spool.note_intent(str(number).encode(), b"x" * 100)
        spool.close_intent(str(number).encode())
    assert spool._path.stat().st_size < 10_000
    die(spool)
    taken = orphan(tmp_path)
    assert b"still running" in list(taken.intents())
    taken.release()


def test_intents_are_thrown_away_only_when_no_settlement_waits_behind_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "COMPACT_BYTES", 100)
    spool = Spool(tmp_path)
    spool.append([b"owed"])
    for number in range(50):
        spool.note_intent(str(number).encode(), b"x" * 100)
    assert spool.read_unreplayed(10)[0] == [b"owed"]
    die(spool)


@contextmanager
def disk_full_after(size: int) -> Iterator[None]:
    """Files of this process cannot grow beyond `size`: a write is cut short there, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_breaks_the_journal_and_leaves_no_half_record_behind(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([b"a" * 100])
    with disk_full_after(200):
        with pytest.raises(SpoolBroken):
            spool.append([b"b" * 100])
        assert not spool.is_healthy
        with pytest.raises(SpoolBroken):
            spool.note_intent(b"1", b"intent")
        with pytest.raises(SpoolBroken):
            spool.sync()
        payloads, end = spool.read_unreplayed(10)
        assert payloads == [b"a" * 100]
        spool.mark_replayed(1, end)
        # PostgreSQL has it, so the room that it took is free again.
        spool.compact()
        assert spool.is_healthy
        spool.append([b"c" * 100])
    assert spool.read_unreplayed(10)[0] == [b"c" * 100]
    die(spool)


def test_a_request_that_could_not_be_noted_is_never_called_interrupted(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    with disk_full_after(10), pytest.raises(SpoolBroken):
        spool.note_intent(b"1", b"never began")
    spool.compact()
    die(spool)
    taken = orphan(tmp_path)
    assert list(taken.intents()) == []
    taken.release()


def test_the_journal_has_a_largest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "SPOOL_BYTES_MAX", 1000)
    spool = Spool(tmp_path)
    for _ in range(9):
        spool.append([b"x" * 100])
    with pytest.raises(SpoolBroken):
        spool.append([b"x" * 100])
    assert spool._path.stat().st_size <= 1000
    die(spool)


def test_after_a_failed_fsync_no_other_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def failing(descriptor: int) -> None:
        calls.append(descriptor)
        raise OSError(errno.EIO, "input/output error")

    spool = Spool(tmp_path)
    monkeypatch.setattr(os, "fdatasync", failing)
    spool.append([b"a"])
    for _ in range(3):
        with pytest.raises(SpoolBroken):
            spool.sync()
    assert len(calls) == 1
    assert not spool.is_healthy
    die(spool)


def test_settlements_that_cannot_be_read_back_are_not_thrown_away(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([b"owed"])
    damaged = bytearray(spool._path.read_bytes())
    damaged[-1] ^= 1
    spool._path.write_bytes(damaged)
    assert spool.read_unreplayed(10)[0] == []
    with pytest.raises(SpoolBroken):
        spool.compact()
    assert spool._path.stat().st_size == len(damaged)
    assert not spool.is_healthy
    die(spool)


def test_a_folder_that_cannot_be_written_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(SpoolBroken):
        Spool(tmp_path / "file")
