"""A client's JSON, read field by field: what is wrong is told with the path that it has there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from quart_proxy.core.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class ClientObject:
    """An object, and where it stands: `messages[3].content[0]`; "" is the body itself.

    Null is as good as absent. Every method but `path` raises InvalidRequest when the field is there and is not that.
    """

    values: Mapping[str, Any]
    at: str = ""

    def path(self, name: str) -> str:
        return f"{self.at}.{name}" if self.at else name

    def refusal(self, name: str, must: str) -> InvalidRequest:
        """The error for a field; `must` goes on after its name, such as `must be a text`."""
        path = self.path(name)
        return InvalidRequest(f"`{path}` {must}.", param=path)

    def find_text(self, name: str) -> str | None:
        found = self.values.get(name)
        if found is not None and not isinstance(found, str):
            raise self.refusal(name, "must be a text")
        return found

    def get_text(self, name: str) -> str:
        """A text that must be there, and not be empty."""
        found = self.find_text(name)
        if not found:
            raise self.refusal(name, "must be a text that is not empty")
        return found

    def find_number(self, name: str) -> float | None:
        found = self.values.get(name)
        if found is not None and type(found) not in (int, float):
            raise self.refusal(name, "must be a number")
        return found

    def find_integer(self, name: str) -> int | None:
        found = self.values.get(name)
        if found is not None and type(found) is not int:
            raise self.refusal(name, "must be a whole number")
        return found

    def find_count(self, name: str) -> int | None:
        """A whole number above zero."""
        found = self.find_integer(name)
        if found is not None and found < 1:
            raise self.refusal(name, "must be at least 1")
        return found

    def find_flag(self, name: str) -> bool | None:
        found = self.values.get(name)
        if found is not None and not isinstance(found, bool):
            raise self.refusal(name, "must be true or false")
        return found

    def find_object(self, name: str) -> "ClientObject | None":
        found = self.values.get(name)
        if found is None:
            return None
        if not isinstance(found, dict):
            raise self.refusal(name, "must be an object")
        return ClientObject(found, self.path(name))

    def get_object(self, name: str) -> "ClientObject":
        found = self.find_object(name)
        if found is None:
            raise self.refusal(name, "must be an object")
        return found

    def list_objects(self, name: str) -> "list[ClientObject]":
        """The objects of a list; none when it is absent."""
        found = self.values.get(name)
        if found is None:
            return []
        if not isinstance(found, list):
            raise self.refusal(name, "must be a list")
        path = self.path(name)
        for number, item in enumerate(found):
            if not isinstance(item, dict):
                raise self.refusal(f"{name}[{number}]", "must be an object")
        return [ClientObject(item, f"{path}[{number}]") for number, item in enumerate(found)]

    def list_texts(self, name: str) -> tuple[str, ...]:
        """The texts of a list, or the one text that stands in its place."""
        found = self.values.get(name)
        if found is None:
            return ()
        if isinstance(found, str):
            return (found,)
        if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
            raise self.refusal(name, "must be a text or a list of texts")
        return tuple(found)
