"""The parts of reading a client's request that are the same in every format. Each raises InvalidRequest."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from quart_proxy.core.errors import InvalidRequest
from quart_proxy.core.nesting import BRACKETS_UNSUSPECTED, is_too_deep

MODEL_CHARACTERS_MAX = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def parse_body(body: bytes) -> dict[str, Any]:
    """The JSON object in a request body; unknown fields are kept. It nests no deeper than can be written again."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(
            f"The body is not valid JSON: {error.msg} at line {error.lineno} column {error.colno}."
        ) from None
    if not isinstance(document, dict):
        raise InvalidRequest("The body must be a JSON object.")
    if body.count(b"[") + body.count(b"{") > BRACKETS_UNSUSPECTED and is_too_deep(document):
        raise InvalidRequest("The body nests too deep: some 200 levels are taken.")
    return document


def get_model(body: Mapping[str, Any]) -> str:
    model = body.get("model")
    if not isinstance(model, str) or not model.strip():
        raise InvalidRequest("`model` must name the model to call.", param="model")
    if len(model) > MODEL_CHARACTERS_MAX:
        raise InvalidRequest(f"`model` must have at most {MODEL_CHARACTERS_MAX} characters.", param="model")
    if _CONTROL.search(model):
        raise InvalidRequest("`model` must not contain control characters.", param="model")
    return model


def get_flag(body: Mapping[str, Any], name: str) -> bool:
    """A boolean; absent and null are False."""
    flag = body.get(name)
    if flag is None:
        return False
    if not isinstance(flag, bool):
        raise InvalidRequest(f"`{name}` must be true or false.", param=name)
    return flag


def get_list(body: Mapping[str, Any], name: str) -> list[Any]:
    items = body.get(name)
    if not isinstance(items, list):
        raise InvalidRequest(f"`{name}` must be a list.", param=name)
    return items


def find_limit(body: Mapping[str, Any], *names: str) -> int | None:
    """The first of these fields that holds a positive integer; others are the upstream's to judge."""
    for name in names:
        limit = body.get(name)
        if type(limit) is int and limit > 0:
            return limit
    return None
