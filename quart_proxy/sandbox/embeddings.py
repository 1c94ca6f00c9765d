"""OpenAI embeddings, as the sandbox makes them: short vectors that follow from the text alone."""

import base64
import hashlib
import struct
from typing import Any

from quart_proxy.sandbox.call import Call, encode, spoil_usage
from quart_proxy.sandbox.question import Question

DIMENSIONS = 16
DIMENSIONS_MAX = 4096


def render_embeddings(question: Question, call: Call) -> bytes:
    """The answer to a question whose `input` is one text, one list of tokens, or a list of either."""
    given = question.body.get("input")
    texts = given if isinstance(given, list) and given and not isinstance(given[0], int) else [given]
    wanted = question.body.get("dimensions")
    dimensions = min(wanted, DIMENSIONS_MAX) if type(wanted) is int and wanted > 0 else DIMENSIONS
    as_base64 = question.body.get("encoding_format") == "base64"
    body: dict[str, Any] = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _embed(text, dimensions, as_base64)}
            for index, text in enumerate(texts)
        ],
        "model": call.model,
    }
    if not call.scenario.no_usage:
        prompt = call.counts.prompt
        body["usage"] = spoil_usage({"prompt_tokens": prompt, "total_tokens": prompt}, call)
    return encode(body)


def _embed(text: Any, dimensions: int, as_base64: bool) -> str | list[float]:
    seed = hashlib.shake_128(encode(text)).digest(dimensions)
    vector = [(byte - 127.5) / 128 for byte in seed]
    return base64.b64encode(struct.pack(f"<{dimensions}f", *vector)).decode() if as_base64 else vector
