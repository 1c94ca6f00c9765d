"""What a route takes and gives, said beside it: `/openapi.json` is made from these and from the routes themselves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from quart_proxy.http.fields import Fields, Reader

View = TypeVar("View", bound=Callable[..., Any])
Kind = Literal["json", "list", "csv", "events", "text"]

_ATTRIBUTE = "__operation__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`answer` names a schema of `shapes`; with the kind `list`, that of a row. `body` None: none is read; a name: a
    document of that shape. `repeated` are filters whose values are alternatives."""

    answer: str | None = None
    kind: Kind = "json"
    status: int = 200
    body: Fields | str | None = None
    query: Mapping[str, Reader] = field(default_factory=dict)
    repeated: Mapping[str, Reader] = field(default_factory=dict)
    is_paged: bool = False
    needs_etag: bool = False
    is_idempotent: bool = False
    """Whether an `Idempotency-Key` is taken."""


def operation(**said: Any) -> Callable[[View], View]:
    """Say it of a view. Stands under the route's own decorator."""
    described = Operation(**said)

    def describe(view: View) -> View:
        setattr(view, _ATTRIBUTE, described)
        return view

    return describe


def find_operation(view: Callable[..., Any]) -> Operation | None:
    found: Operation | None = getattr(view, _ATTRIBUTE, None)
    return found
