"""A worker's settler that is killed at a given point: `doomed_worker.py URL FOLDER POINT`, exchanges on stdin.

It prints a line when it is where it was sent, and there kills itself or waits to be killed.
"""

import asyncio
import os
import pickle
import signal
import sys
from decimal import Decimal
from pathlib import Path

from quart_proxy.core.record import Exchange
from quart_proxy.services.billing import Settler
from quart_proxy.services.spool import SETTLEMENT, Spool, encode_record
from quart_proxy.store.database import Database


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def run(url: str, folder: Path, point: str, exchanges: list[Exchange]) -> None:
    spool = Spool(folder)
    heard = 0

    def on_balance(user_id: int, balance: Decimal, sent_at: float) -> None:
        nonlocal heard
        heard += 1
        if point == "in_replay" and heard == 2:
            die()

    settler = Settler(Database(url), spool, on_balance)
    for exchange in exchanges:
        settler.begin(exchange)
    match point:
        case "after_intents":
            die()
        case "in_spool_write":
            whole = b"".join(encode_record(SETTLEMENT, exchange.encode()) for exchange in exchanges)
            os.write(spool._descriptor, whole[:-20])
            die()
        case "after_fsync":
            spool.append([exchange.encode() for exchange in exchanges])
            spool.sync()
            die()
        case "in_replay":
            spool.append([exchange.encode() for exchange in exchanges])
            spool.sync()
    settler.start()
    if point in ("after_commit", "after_send"):
        first = settler.settle(exchanges[0])
        await first
        if point == "after_send":
            print("ready", flush=True)
            await asyncio.to_thread(sys.stdin.buffer.readline)
        waiting = [settler.settle(exchange) for exchange in exchanges[1:]]
        if point == "after_commit":
            await asyncio.gather(*waiting)
            die()
        print("sent", flush=True)
    await asyncio.sleep(60)


if __name__ == "__main__":
    count = int(sys.stdin.buffer.readline())
    asyncio.run(run(sys.argv[1], Path(sys.argv[2]), sys.argv[3], pickle.loads(sys.stdin.buffer.read(count))))
