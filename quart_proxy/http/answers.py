"""What routes under /api answer with: pages with a cursor, tables as CSV, and the moment a write is in force."""

import base64
import binascii
import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from quart import Blueprint, Response
from quart.blueprints import BlueprintSetupState

from quart_proxy.core.errors import Unavailable
from quart_proxy.http import json_response, request_id_text, service
from quart_proxy.http.fields import digits, flag, read_query
from quart_proxy.http.sessions import actor, client_address
from quart_proxy.services.coherence import ChangeWatch
from quart_proxy.services.exports import Exports
from quart_proxy.settings import PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX
from quart_proxy.store.changes import Actor

T = TypeVar("T")
View = TypeVar("View", bound=Callable[..., Any])

CSV_ROWS_PER_READ = 200
"""The loop that relays does nothing else while they are made into text: some milliseconds."""
FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""The full-width ones are formulas where the spreadsheet speaks Japanese or Chinese."""


def also_at(routes: Blueprint, path: str) -> Callable[[View], View]:
    """Answer GET on another path with the same view, behind the same door as the rest of the file."""

    def decorate(view: View) -> View:
        def register(state: BlueprintSetupState) -> None:
            # The endpoint begins with the blueprint's name, so the folder's guard stands before it too.
            name = path.strip("/").translate(str.maketrans("/.", "__"))
            state.app.add_url_rule(path, f"{state.name}.{name}", view, methods=["GET"])

        routes.record(register)
        return view

    return decorate


def acting() -> Actor:
    """The admin who sent this request, for the audit log."""
    return Actor(actor(), request_id_text(), client_address())


async def put_in_force() -> None:
    """Let this worker serve by what was just written, so the caller's next request here sees it."""
    # A database that goes away now takes nothing back: the write is committed, and the poll will see it.
    with suppress(Unavailable):
        await service(ChangeWatch).check()


# --- pages --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """What part of a list is asked for: `limit` rows from `cursor` on (None: from the start)."""

    limit: int
    cursor: T | None

    def answer(self, rows: Sequence[Any], form: Callable[[Any], Any], place: Callable[[Any], object]) -> Response:
        """The page made of `rows`, of which one more than `limit` was read; `place` is what the cursor holds."""
        shown = rows[: self.limit]
        has_more = len(rows) > self.limit
        return json_response(
            {
                "data": [form(row) for row in shown],
                "has_more": has_more,
                "next_cursor": _encode_cursor(place(shown[-1])) if has_more else None,
            }
        )


def read_page(place: Callable[[str], T]) -> Page[T]:
    """`limit` and `cursor` of the query; `place` reads what the cursor holds. Raises InvalidFields."""

    def cursor(text: str) -> T:
        try:
            return place(_decode_cursor(text))
        except ValueError:
            raise ValueError("is not a cursor that this list gave") from None

    given = read_query({"limit": digits(1, PAGE_ROWS_MAX), "cursor": cursor})
    return Page(given.get("limit", PAGE_ROWS_DEFAULT), given.get("cursor"))


def whole_list(rows: Sequence[Any], status: int = 200) -> Response:
    """A list that needs no pages."""
    return json_response({"data": rows, "has_more": False, "next_cursor": None}, status)


def _encode_cursor(place: object) -> str:
    return base64.urlsafe_b64encode(str(place).encode()).decode().rstrip("=")


def _decode_cursor(text: str) -> str:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        raise ValueError("no cursor") from None


# --- CSV ----------------------------------------------------------------------------------------------


async def csv_response(
    name: str,
    columns: Sequence[str],
    read_more: Callable[[Any | None], Awaitable[Sequence[tuple[Any, Mapping[str, Any]]]]],
) -> Response:
    """All rows as a file; `bom=1` in the query puts the mark before it by which spreadsheets know UTF-8.

    `read_more(place)` gives those after a place (None: the first), each with its own place.

    They are read in parts and no connection is held in between: a slow client keeps nobody waiting.
    """
    exports = service(Exports)

    async def read_part(place: Any | None) -> tuple[bytes, Any | None]:
        """The text of the rows after a place, and the place after these; None: they were the last."""
        async with exports.turns:
            rows = await read_more(place)
            text = _csv_lines([[row.get(column) for column in columns] for _, row in rows])
        return text, rows[-1][0] if len(rows) == CSV_ROWS_PER_READ else None

    bom = b"\xef\xbb\xbf" if read_query({"bom": flag}).get("bom") else b""
    # The first rows are read before the answer begins: a database that is away is still a clean 503.
    first, behind = await read_part(None)

    async def lines() -> AsyncIterator[bytes]:
        yield bom + _csv_lines([columns]) + first
        place = behind
        while place is not None:
            text, place = await read_part(place)
            yield text

    response = Response(lines(), content_type="text/csv; charset=utf-8")
    response.headers["content-disposition"] = f'attachment; filename="{name}.csv"'
    response.timeout = None
    return response


def _csv_lines(rows: Sequence[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    """A cell that a spreadsheet shows and never runs."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    # A number below zero is a number; any other text that begins so is a formula to a spreadsheet, behind blanks too.
    is_formula = text.lstrip().startswith(FORMULA_STARTS) or text.startswith(("\t", "\r", "\n"))
    return f"'{text}" if is_formula and not _is_number(text) else text


def _is_number(text: str) -> bool:
    return text[1:].replace(".", "", 1).isdecimal() and text[0] == "-"
