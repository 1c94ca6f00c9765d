"""Finds the recorded provider traffic: WIRE_DIR, or the folder `shared/wire` beside the checkout."""

import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "wire"
ENDPOINTS = ("chat.completions", "messages", "responses", "embeddings")


def is_success(exchange: dict[str, Any]) -> bool:
    return bool(exchange["response"]["status"] == 200)


def is_stream(exchange: dict[str, Any]) -> bool:
    return is_success(exchange) and bool(exchange["stream"])


# A test that takes an argument of one of these names runs once for each such exchange.
KINDS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "success": is_success,
    "stream": is_stream,
    "chat_stream": lambda exchange: is_stream(exchange) and exchange["endpoint"] == "chat.completions",
    "response_answer": lambda exchange: is_success(exchange) and exchange["endpoint"] == "responses",
    "whole_answer": lambda exchange: is_success(exchange) and not exchange["stream"],
    "refusal": lambda exchange: not is_success(exchange),
}


@cache
def load_exchanges() -> list[dict[str, Any]]:
    folder = Path(os.environ.get("WIRE_DIR") or BESIDE) / "exchanges"
    exchanges = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    return [exchange for exchange in exchanges if exchange["endpoint"] in ENDPOINTS]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name in KINDS.keys() & set(metafunc.fixturenames):
        exchanges = [exchange for exchange in load_exchanges() if KINDS[name](exchange)]
        if exchanges:
            metafunc.parametrize(name, exchanges, ids=[exchange["id"] for exchange in exchanges])
        else:
            reason = "no recorded traffic: set WIRE_DIR or put shared/wire beside the checkout"
            metafunc.parametrize(name, [pytest.param(None, marks=pytest.mark.skip(reason=reason))])
