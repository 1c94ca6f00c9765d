"""What becomes of a stream of events when its server leaves, and when there is another."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import httpx
from live_stream import watching
from product import ADMIN_PASSWORD, serve_product

ROOT = Path(__file__).parents[2]
SERVE = "from quart_proxy.cli import main; main()"


async def test_a_client_that_comes_back_to_a_new_server_misses_nothing(
    database_url: str, sandbox_url: str, tmp_path: Path
) -> None:
    told: list[str] = []
    asked: list[str] = []
    last_id = ""
    for _ in range(3):
        async with serve_product(database_url, sandbox_url, tmp_path, heartbeat_s=0.5) as product:
            # Before it is back, and while it is there.
            asked += [(await product.chat()).headers["x-request-id"] for _ in range(2)]
            async with watching(product, last_id=last_id) as stream:
                asked.append((await product.chat()).headers["x-request-id"])
                await stream.until_told(asked[-1])
                told += stream.request_ids
                last_id = stream.last_id
            asked += [(await product.chat()).headers["x-request-id"] for _ in range(2)]
    async with (
        serve_product(database_url, sandbox_url, tmp_path, heartbeat_s=0.5) as product,
        watching(product, last_id=last_id) as end,
    ):
        await end.until_told(*asked[-2:])
        told += end.request_ids
    # The first two were there before anyone watched.
    assert told == asked[2:]


async def test_a_server_that_is_told_to_leave_ends_its_streams_at_once_and_cleanly(
    database_url: str, tmp_path: Path
) -> None:
    """Its grace of 30 seconds is for answers, which have an end of their own."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "DATA_DIR": str(tmp_path),
        "MODELS_FILE": str(tmp_path / "models.yaml"),
        "ADMIN_PASSWORD": ADMIN_PASSWORD,
        "HEARTBEAT_S": "0.5",
        "PYTHONPATH": str(ROOT),
    }
    command = (sys.executable, "-c", SERVE, "serve", "--bind", "127.0.0.1:0", "--workers", "1")
    serving = await asyncio.create_subprocess_exec(
        *command, env=environment, cwd=tmp_path, stderr=asyncio.subprocess.PIPE
    )
    try:
        assert serving.stderr is not None
        url = ""
        async with asyncio.timeout(60):
            while "running on" not in (line := (await serving.stderr.readline()).decode()):
                assert line
                url = line.split()[-1] if "serves on" in line else url
        reading = asyncio.create_task(serving.stderr.read())
        async with httpx.AsyncClient() as client:
            answer = await client.post(f"{url}/api/admin/login", json={"password": ADMIN_PASSWORD})
        headers = {"authorization": f"Bearer {answer.json()['token']}"}
        async with watching(url, headers=headers) as stream:
            serving.send_signal(signal.SIGTERM)
            await asyncio.wait_for(stream.ended.wait(), 25)
            assert not stream.was_cut
        assert await asyncio.wait_for(serving.wait(), 25) == 0
        await reading
    finally:
        if serving.returncode is None:
            serving.kill()
            await serving.wait()
