"""The supervisor and its workers as real processes: who dies, who serves on, what a signal means."""

import asyncio
import os
import signal
import socket
import tomllib
from pathlib import Path
from typing import Any

import pytest
import serving_app
from hypercorn.config import Config
from supervised import ROOT, Service, eventually, is_alive, serving, started

from quart_proxy.guard import RequestGuard
from quart_proxy.supervisor import AddressError, ListenError, open_listener, parse_bind, render_url
from quart_proxy.worker import load_app, load_config

HYPERCORN_TOML = str(ROOT / "hypercorn.toml")


def ended_in(marks: Path) -> set[int]:
    """Pids of the workers whose app saw its lifespan's end."""
    return {int(mark.name) for mark in marks.iterdir()}


def refuses(service: Service) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", service.port)) != 0


async def open_stream_of_another(service: Service, path: str, other_than: int) -> Any:
    """A stream that a worker other than this one serves."""
    async with asyncio.timeout(20):
        while True:
            pid, reader, writer = await service.open_stream(path)
            if pid != other_than:
                return pid, reader, writer
            writer.close()


async def test_every_worker_knows_its_index_and_the_count() -> None:
    async with serving(workers=2, config_file=HYPERCORN_TOML) as service:
        _, body = await service.get("/")
        assert sorted(line["index"] for line in await service.wait_for("worker_started", 2)) == [0, 1]
        assert b'"count": "2"' in body


async def test_killed_worker_is_replaced_and_the_siblings_stream_is_untouched() -> None:
    async with serving(workers=2) as service:
        victim, sibling = service.worker_pids()
        _, reader, writer = await open_stream_of_another(service, "/stream?ticks=20", other_than=victim)
        os.kill(victim, signal.SIGKILL)
        body = await reader.read()
        writer.close()
        assert b"tick 19" in body
        assert b"end" in body
        [replaced] = await service.wait_for("worker_replaced")
        assert replaced["replaces"] == victim
        assert is_alive(replaced["pid"])
        assert is_alive(sibling)
        [died] = await service.wait_for("worker_died")
        assert died["exit_code"] == -signal.SIGKILL


async def test_what_a_worker_said_of_itself_is_gone_with_it_and_what_it_counted_stays(tmp_path: Path) -> None:
    async with serving({"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}, workers=2) as service:
        killed, other = service.worker_pids()
        kept = {f"counter_{killed}.db", f"gauge_liveall_{other}.db"}
        for name in {*kept, f"gauge_liveall_{killed}.db", f"gauge_livesum_{killed}.db"}:
            (tmp_path / name).touch()
        os.kill(killed, signal.SIGKILL)
        await service.wait_for("worker_replaced")
        await eventually(lambda: {path.name for path in tmp_path.iterdir()} == kept)


async def test_connection_made_while_the_only_worker_is_dead_is_answered_by_its_successor() -> None:
    async with serving(workers=1) as service:
        [victim] = service.worker_pids()
        os.kill(victim, signal.SIGKILL)
        await eventually(lambda: not is_alive(victim))
        assert await service.get_pid() not in (victim, 0)


async def test_aborted_worker_is_replaced() -> None:
    async with serving(workers=1) as service:
        await service.get("/crash")
        [died] = await service.wait_for("worker_died")
        assert died["exit_code"] == -signal.SIGABRT
        assert await service.get_pid() != died["pid"]


async def test_crash_loop_is_backed_off_and_ends_when_the_cause_does(tmp_path: Path) -> None:
    fault = tmp_path / "fault"
    async with serving({"START_FAULT_FILE": str(fault)}, workers=1) as service:
        os.mknod(fault)
        os.kill(service.worker_pids()[0], signal.SIGKILL)
        delays = [line["delay_s"] for line in await service.wait_for("worker_delayed", 2)]
        assert delays == [0.5, 1.0]
        os.unlink(fault)
        await service.wait_for("worker_replaced")
        assert await service.get_pid() in service.worker_pids()


@pytest.mark.parametrize("workers", [1, 2, 4])
async def test_stream_in_flight_at_sigterm_finishes_and_the_exit_is_clean(workers: int, tmp_path: Path) -> None:
    async with serving({"SHUTDOWN_MARKS": str(tmp_path)}, workers=workers) as service:
        pids = service.worker_pids()
        _, reader, writer = await service.open_stream("/stream?ticks=20")
        service.signal(signal.SIGTERM)
        body = await reader.read()
        writer.close()
        assert body.endswith(b"end\n\r\n0\r\n\r\n")
        assert await service.exit_code() == 0
        assert not any(is_alive(pid) for pid in pids)
        assert ended_in(tmp_path) == set(pids)


async def test_new_connection_is_refused_while_draining() -> None:
    async with serving(workers=2) as service:
        _, reader, writer = await service.open_stream("/stream?ticks=20")
        service.signal(signal.SIGTERM)
        await eventually(lambda: refuses(service))
        assert b"end" in await reader.read()
        writer.close()


async def test_request_on_an_open_connection_is_answered_while_draining_and_told_to_close() -> None:
    async with serving(workers=1) as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        request = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n"
        writer.write(request)
        await reader.readuntil(b"0\r\n\r\n")
        _, streaming, other = await service.open_stream("/stream?ticks=20")
        service.signal(signal.SIGTERM)
        await eventually(lambda: refuses(service))
        writer.write(request)
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answer.lower()
        assert b"end" in await streaming.read()
        writer.close()
        other.close()


async def test_stream_that_outlives_the_grace_period_says_its_last_words_and_the_exit_is_clean() -> None:
    async with serving(workers=2, grace_s=1.0) as service:
        _, reader, writer = await service.open_stream("/last-words")
        service.signal(signal.SIGTERM)
        assert b"sorry" in await reader.read()
        writer.close()
        assert await service.exit_code() == 0


async def test_stream_that_never_ends_is_cut_after_the_grace_period_and_the_exit_is_clean(
    tmp_path: Path,
) -> None:
    async with serving({"SHUTDOWN_MARKS": str(tmp_path)}, workers=2, grace_s=1.0) as service:
        _, reader, writer = await service.open_stream("/stream?ticks=100000")
        service.signal(signal.SIGTERM)
        body = await reader.read()
        writer.close()
        assert body
        assert b"end\n" not in body
        assert await service.exit_code() == 0
        assert len(ended_in(tmp_path)) == 2


async def test_client_that_does_not_read_cannot_hold_up_the_exit(tmp_path: Path) -> None:
    async with serving({"SHUTDOWN_MARKS": str(tmp_path)}, workers=1, grace_s=1.0) as service:
        _, _, writer = await service.open_stream("/flood")
        service.signal(signal.SIGTERM)
        assert await service.exit_code() == 0
        assert len(ended_in(tmp_path)) == 1
        writer.close()


async def test_second_sigterm_cuts_streams_but_still_runs_the_apps_shutdown(tmp_path: Path) -> None:
    async with serving({"SHUTDOWN_MARKS": str(tmp_path)}, workers=2, grace_s=60.0) as service:
        pids = service.worker_pids()
        _, reader, writer = await service.open_stream("/stream?ticks=100000")
        service.signal(signal.SIGTERM)
        await service.wait_for("draining")
        service.signal(signal.SIGTERM)
        assert b"end\n" not in await reader.read()
        writer.close()
        assert await service.exit_code() == 1
        assert not any(is_alive(pid) for pid in pids)
        assert len(ended_in(tmp_path)) == 2


async def test_killed_supervisor_leaves_no_worker_and_frees_the_port() -> None:
    async with serving(workers=2, grace_s=1.0) as service:
        pids = service.worker_pids()
        _, reader, writer = await service.open_stream("/stream?ticks=100000")
        service.signal(signal.SIGKILL)
        await reader.read()
        writer.close()
        await eventually(lambda: not any(is_alive(pid) for pid in pids))
        with open_listener(f"127.0.0.1:{service.port}"):
            pass


async def test_sighup_renews_every_worker_and_loses_no_request() -> None:
    async with serving(workers=2) as service:
        before = set(service.worker_pids())
        answers: list[bytes] = []
        done = asyncio.Event()

        async def ask_on() -> None:
            while not done.is_set():
                head, body = await service.get("/")
                answers.append(head.split(b"\r\n")[0] if body else b"no body")

        clients = [asyncio.create_task(ask_on()) for _ in range(4)]
        _, reader, writer = await service.open_stream("/stream?ticks=20")
        service.signal(signal.SIGHUP)
        await service.wait_for("worker_replaced", 2)
        await service.wait_for("worker_stopped", 2)
        assert b"end" in await reader.read()
        done.set()
        await asyncio.gather(*clients)
        writer.close()
        assert set(answers) == {b"HTTP/1.1 200 "}
        assert before.isdisjoint(service.worker_pids())
        assert len(service.worker_pids()) == 2
        service.signal(signal.SIGTERM)
        assert await service.exit_code() == 0


async def test_sighup_keeps_the_old_worker_when_the_new_one_does_not_start(tmp_path: Path) -> None:
    fault = tmp_path / "fault"
    async with serving({"START_FAULT_FILE": str(fault)}, workers=1) as service:
        [pid] = service.worker_pids()
        os.mknod(fault)
        service.signal(signal.SIGHUP)
        await service.wait_for("renewal_failed")
        assert await service.get_pid() == pid
        service.signal(signal.SIGTERM)
        assert await service.exit_code() == 0


async def test_app_that_does_not_start_ends_the_command(tmp_path: Path) -> None:
    fault = tmp_path / "fault"
    os.mknod(fault)
    async with started({"START_FAULT_FILE": str(fault)}, workers=2) as service:
        assert await service.exit_code() == 1
        [failed, *_] = [line for line in service.events if line["event"] == "start_failed"]
        assert failed["exit_code"] == 1


async def test_busy_port_is_told_in_one_sentence_with_the_way_out() -> None:
    with open_listener("127.0.0.1:0") as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListenError, match=rf"^Port {port} is taken .*--bind or PORT\.$"):
            open_listener(f"127.0.0.1:{port}")
        async with started(bind=f"127.0.0.1:{port}") as service:
            assert await service.exit_code() == 1


@pytest.mark.parametrize("bind", ["", "3000", ":3000", "127.0.0.1:", "127.0.0.1:x", "::1:80", "[::1]", "h:99999"])
def test_what_is_not_an_address_is_refused(bind: str) -> None:
    with pytest.raises(AddressError):
        parse_bind(bind)


def test_addresses_are_parsed() -> None:
    assert parse_bind("0.0.0.0:3000") == ("0.0.0.0", 3000)
    assert parse_bind("[::1]:0") == ("::1", 0)


def test_url_of_a_wildcard_address_can_be_opened() -> None:
    with open_listener("0.0.0.0:0") as listener:
        assert render_url(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_factory_is_called_and_an_asgi_function_is_not() -> None:
    assert load_app("serving_app:app") is serving_app.app
    assert isinstance(load_app("serving_app:create_guarded"), RequestGuard)


def test_every_name_in_hypercorn_toml_is_one_that_hypercorn_knows() -> None:
    names = tomllib.loads(Path(HYPERCORN_TOML).read_text())
    assert [name for name in names if not hasattr(Config, name)] == []
    config = load_config(Path(HYPERCORN_TOML), socket_fd=7)
    assert config.bind == ["fd://7"]
    assert config.read_timeout is None
    assert config.response_headers("h11")[-1][0] == b"date"
