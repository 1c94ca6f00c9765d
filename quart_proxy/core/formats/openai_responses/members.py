"""The members of a client's JSON object, each of the type that is asked for, refused by its own path."""

from collections.abc import Mapping
from typing import Any

from quart_proxy.core.errors import InvalidRequest


class Members:
    """One object of a request. `at` is where it stands, such as `input[2].content[0]`; "" is the body itself.

    `find_` gives None for what is absent or null; `get_` demands it. Both raise InvalidRequest for another type.
    """

    __slots__ = ("at", "members")

    def __init__(self, value: object, at: str = "") -> None:
        if not isinstance(value, Mapping):
            raise InvalidRequest(f"`{at}` must be an object.", param=at)
        self.members: Mapping[str, Any] = value
        self.at = at

    def path(self, name: str) -> str:
        return f"{self.at}.{name}" if self.at else name

    def find(self, name: str) -> Any:
        """The value as it is."""
        return self.members.get(name)

    def find_text(self, name: str) -> str | None:
        value = self.members.get(name)
        if value is not None and not isinstance(value, str):
            raise InvalidRequest(f"`{self.path(name)}` must be a text.", param=self.path(name))
        return value

    def get_text(self, name: str) -> str:
        value = self.find_text(name)
        if value is None:
            raise InvalidRequest(f"`{self.path(name)}` is missing; it must be a text.", param=self.path(name))
        return value

    def find_flag(self, name: str) -> bool | None:
        value = self.members.get(name)
        if value is not None and not isinstance(value, bool):
            raise InvalidRequest(f"`{self.path(name)}` must be true or false.", param=self.path(name))
        return value

    def find_count(self, name: str) -> int | None:
        """An integer above zero."""
        value = self.members.get(name)
        if value is not None and (type(value) is not int or value < 1):
            raise InvalidRequest(f"`{self.path(name)}` must be an integer above 0.", param=self.path(name))
        return value

    def find_number(self, name: str) -> float | None:
        value = self.members.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise InvalidRequest(f"`{self.path(name)}` must be a number.", param=self.path(name))
        return value

    def find_object(self, name: str) -> "Members | None":
        value = self.members.get(name)
        return None if value is None else Members(value, self.path(name))

    def find_mapping(self, name: str) -> Mapping[str, Any] | None:
        """An object whose members are passed on unread, such as a JSON Schema."""
        value = self.members.get(name)
        if value is not None and not isinstance(value, Mapping):
            raise InvalidRequest(f"`{self.path(name)}` must be an object.", param=self.path(name))
        return value

    def list_objects(self, name: str) -> "list[Members]":
        """The objects of a list; none when it is absent or null."""
        value = self.members.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise InvalidRequest(f"`{self.path(name)}` must be a list.", param=self.path(name))
        return [Members(item, f"{self.path(name)}[{index}]") for index, item in enumerate(value)]
