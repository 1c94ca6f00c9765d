"""The members of a client's JSON by their kind: whatever is of another kind is refused, with its place in the body.

`at` is the place of the object that the member is in, such as `messages[3].content[0]`; "" is the body itself. Absent
and null are the same thing everywhere.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from quart_proxy.core.errors import InvalidRequest

Fields = Mapping[str, Any]


def place(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def get_text(fields: Fields, name: str, at: str) -> str:
    """Raises InvalidRequest when it is not there or no text, as the others do for what they cannot take."""
    text = find_text(fields, name, at)
    if text is None:
        raise InvalidRequest(f"`{place(at, name)}` is missing: it must be a text.", param=place(at, name))
    return text


def find_text(fields: Fields, name: str, at: str) -> str | None:
    text = fields.get(name)
    if text is not None and not isinstance(text, str):
        raise InvalidRequest(f"`{place(at, name)}` must be a text.", param=place(at, name))
    return text


def find_flag(fields: Fields, name: str, at: str) -> bool | None:
    flag = fields.get(name)
    if flag is not None and not isinstance(flag, bool):
        raise InvalidRequest(f"`{place(at, name)}` must be true or false.", param=place(at, name))
    return flag


def find_integer(fields: Fields, name: str, at: str = "", *, minimum: int) -> int | None:
    number = fields.get(name)
    if number is not None and (type(number) is not int or number < minimum):
        raise InvalidRequest(f"`{place(at, name)}` must be a whole number from {minimum}.", param=place(at, name))
    return number


def find_share(fields: Fields, name: str) -> float | None:
    """A number from 0 to 1, of the body itself."""
    number = fields.get(name)
    if number is not None and (isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= 1):
        raise InvalidRequest(f"`{name}` must be a number from 0 to 1.", param=name)
    return number


def get_object(fields: Fields, name: str, at: str) -> dict[str, Any]:
    found = find_object(fields, name, at)
    if found is None:
        raise InvalidRequest(f"`{place(at, name)}` is missing: it must be an object.", param=place(at, name))
    return found


def find_object(fields: Fields, name: str, at: str) -> dict[str, Any] | None:
    found = fields.get(name)
    if found is not None and not isinstance(found, dict):
        raise InvalidRequest(f"`{place(at, name)}` must be an object.", param=place(at, name))
    return found


def list_objects(fields: Fields, name: str, at: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects in a list, each with its own place; none when the list is absent."""
    items = fields.get(name)
    if items is None:
        return
    if not isinstance(items, list):
        raise InvalidRequest(f"`{place(at, name)}` must be a list.", param=place(at, name))
    for number, item in enumerate(items):
        where = f"{place(at, name)}[{number}]"
        if not isinstance(item, dict):
            raise InvalidRequest(f"`{where}` must be an object.", param=where)
        yield where, item
