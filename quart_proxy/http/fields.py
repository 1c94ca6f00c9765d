"""Reading what a caller wrote: tables of fields, and every fault at once.

A reader takes one value and gives it back as the house keeps it, or raises ValueError with the end of a
sentence that begins with the field's name. One that reads a value with parts raises InvalidFields, whose faults name
the parts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from quart import request

from quart_proxy.core.errors import Fault, InvalidFields
from quart_proxy.core.money import parse_money
from quart_proxy.http import read_json

Reader = Callable[[Any], Any]
Schema = Mapping[str, Any]

_SCHEMAS: dict[Reader, Schema] = {}

ID = "int(max=9223372036854775807)"
"""The path converter of ids: what does not fit a column is nothing here."""
ID_MAX = 2**63 - 1
NAME_CHARACTERS_MAX = 200
NOTE_CHARACTERS_MAX = 2000
NAMES_MAX = 1000
REPEATED_MAX = 100
USERS_MAX = 200
"""How many one write may be about: so many rows are locked, and so many entries written, in some ten milliseconds."""
IDEMPOTENCY_KEY_CHARACTERS_MAX = 255
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""Ids of requests begin with the milliseconds since then."""
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""A chart has a bar for each month up to its end, and no calendar goes on beyond the year 9999."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a body. A `nullable` one may be null, which is kept as None."""

    read: Reader
    required: bool = False
    nullable: bool = False


Fields = Mapping[str, Field]
NO_READERS: Mapping[str, Reader] = {}


def read_fields(document: Mapping[str, Any], table: Fields) -> dict[str, Any]:
    """The fields of `document`, read. Raises InvalidFields with all that is wrong, missing or unknown."""
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, value in document.items():
        field = table.get(name)
        if field is None:
            faults.append(Fault(name[:NAME_CHARACTERS_MAX], f"is not a field here; the fields are {', '.join(table)}"))
        elif value is None and field.nullable:
            values[name] = None
        else:
            try:
                values[name] = field.read(value)
            except ValueError as error:
                faults.append(Fault(name, str(error)))
            except InvalidFields as error:
                faults += [Fault(f"{name}.{fault.param}", fault.message) for fault in error.faults]
    faults += [Fault(name, "is required") for name, field in table.items() if field.required and name not in document]
    if faults:
        raise InvalidFields(faults)
    return values


async def read_body_fields(table: Fields) -> dict[str, Any]:
    """The body's fields. Raises InvalidRequest when it is no JSON object, and InvalidFields."""
    return read_fields(await read_json(), table)


def read_query(table: Mapping[str, Reader], repeated: Mapping[str, Reader] = NO_READERS) -> dict[str, Any]:
    """Those parameters that the query has, read; empty ones count as absent, others are passed over. One of `table`
    is read where it is first, one of `repeated` each time that it is there, into a tuple.

    Raises InvalidFields.
    """
    given: dict[str, Any] = {name: request.args[name] for name in table if request.args.get(name)}
    several = {name: [value for value in request.args.getlist(name) if value] for name in repeated}
    given |= {name: values for name, values in several.items() if values}
    fields = {name: Field(read) for name, read in table.items()}
    return read_fields(given, fields | {name: Field(_each(read)) for name, read in repeated.items()})


def _each(read: Reader) -> Reader:
    def read_all(values: list[str]) -> tuple[Any, ...]:
        if len(values) > REPEATED_MAX:
            raise ValueError(f"must not be there more than {REPEATED_MAX} times")
        return tuple(read(value) for value in values)

    return read_all


def check_alone(param: str, message: str | None) -> None:
    """Raise InvalidFields for one fault, if there is one."""
    if message is not None:
        raise InvalidFields([Fault(param, message)])


def idempotency_key() -> str | None:
    """The request's `Idempotency-Key`; None: it has none. Raises InvalidFields."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= IDEMPOTENCY_KEY_CHARACTERS_MAX and key.isprintable()):
        check_alone("Idempotency-Key", f"must have 1 to {IDEMPOTENCY_KEY_CHARACTERS_MAX} printable characters")
    return key


# --- readers ------------------------------------------------------------------------------------------


def schema_of(reader: Reader) -> Schema:
    """What `reader` takes, as JSON Schema; empty: anything."""
    return _SCHEMAS.get(reader, {})


def takes(schema: Schema, reader: Reader) -> Reader:
    """Say what `reader` takes. Returns it."""
    _SCHEMAS[reader] = schema
    return reader


def text(characters_max: int = NAME_CHARACTERS_MAX, *, lines: bool = False) -> Reader:
    """Text that is not blank; with `lines`, line breaks and tabs too."""

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("must be text")
        if not value.strip():
            raise ValueError("must not be empty")
        if len(value) > characters_max:
            raise ValueError(f"must have at most {characters_max} characters")
        shown = value.translate({0x0A: " ", 0x0D: " ", 0x09: " "}) if lines else value
        if any(character < " " or character == "\x7f" for character in shown):
            raise ValueError("must not have control characters")
        return value

    return takes({"type": "string", "minLength": 1, "maxLength": characters_max}, read)


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def whole(least: int, most: int) -> Reader:
    """A whole number of JSON: `1.0` and `true` are none."""

    def read(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return value

    return takes({"type": "integer", "minimum": least, "maximum": most}, read)


def digits(least: int, most: int) -> Reader:
    """A whole number as a query has it: in text."""

    def read(value: str) -> int:
        if not (value.isascii() and value.isdecimal() and len(value) < 20 and least <= int(value) <= most):
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(value)

    return takes({"type": "integer", "minimum": least, "maximum": most}, read)


identifier = digits(1, ID_MAX)


def flag(value: str) -> bool:
    """A yes or no as a query has it."""
    if value not in ("1", "0"):
        raise ValueError("must be 1 or 0")
    return value == "1"


def choice(*choices: str) -> Reader:
    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return value

    return takes({"type": "string", "enum": [str(one) for one in choices]}, read)


def record(table: Fields) -> Reader:
    """An object with these fields."""

    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValueError("must be an object")
        return read_fields(value, table)

    return takes(schema_of_fields(table), read)


def many(item: Reader, least: int, most: int) -> Reader:
    """A list; its items are named by their number, from 0."""

    def read(value: Any) -> list[Any]:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise ValueError(f"must be a list of {least} to {most}")
        numbered = {str(number): element for number, element in enumerate(value)}
        return list(read_fields(numbered, {number: Field(item) for number in numbered}).values())

    return takes({"type": "array", "items": schema_of(item), "minItems": least, "maxItems": most}, read)


def user_ids(value: Any) -> list[int]:
    """Those whom one write is about, nobody twice."""
    ids: list[int] = _USER_IDS(value)
    twice = sorted({each for each in ids if ids.count(each) > 1})
    if twice:
        raise ValueError(f"must not name a user twice: {', '.join(map(str, twice))}")
    return ids


def listed_ids(value: str) -> tuple[int, ...]:
    """Ids as a query has them: with commas between them."""
    ids = value.split(",")
    if len(ids) > USERS_MAX:
        raise ValueError(f"must be at most {USERS_MAX} ids")
    return tuple(identifier(each) for each in ids)


def email(value: Any) -> str:
    address: str = text(320)(value)
    name, at, host = address.rpartition("@")
    if not (name and at and host) or " " in address:
        raise ValueError("must be an e-mail address")
    return address


def names(value: Any) -> list[str]:
    """A list of names; an empty one is a list of none."""
    if not isinstance(value, list) or len(value) > NAMES_MAX:
        raise ValueError(f"must be a list of at most {NAMES_MAX} names")
    return [text()(item) for item in value]


def moment(value: Any) -> datetime:
    """A time with its zone, or a date, which is its first moment in UTC."""
    wanted = "must be a time such as 2026-01-31T12:00:00Z, or a date"
    if not isinstance(value, str) or len(value) > 40:
        raise ValueError(wanted)
    # A query turns the plus of a zone into a blank.
    written = value.replace(" ", "+") if "T" in value else value
    try:
        read = datetime.fromisoformat(written)
        if read.tzinfo is None:
            if "T" in written or len(written) != len("2026-01-31"):
                raise ValueError(f"{wanted}; the zone is missing")
            read = read.replace(tzinfo=UTC)
        read = read.astimezone(UTC)
    except OverflowError:
        raise ValueError(wanted) from None
    except ValueError as error:
        raise ValueError(str(error) if str(error).startswith(wanted) else wanted) from None
    if read < EARLIEST:
        raise ValueError("must not be before 1970")
    if read >= LATEST:
        raise ValueError(f"must be before the year {LATEST.year}")
    return read


money: Reader = parse_money
MONEY_SCHEMA: Schema = {
    "type": "string",
    "pattern": r"^-?\d+(\.\d+)?$",
    "description": "Dollars as a decimal string.",
}

_USER_IDS = many(whole(1, ID_MAX), 1, USERS_MAX)

takes({"type": "boolean"}, boolean)
takes({**schema_of(_USER_IDS), "uniqueItems": True}, user_ids)
takes({"type": "string", "pattern": r"^\d+(,\d+)*$"}, listed_ids)
takes({"type": "string", "enum": ["1", "0"]}, flag)
takes({"type": "string", "format": "email", "maxLength": 320}, email)
takes({"type": "array", "items": {"type": "string"}, "maxItems": NAMES_MAX}, names)
takes({"type": "string", "format": "date-time", "description": "A time with its zone, or a date."}, moment)
takes(MONEY_SCHEMA, money)


def refused(message: str) -> Field:
    """A field that exists elsewhere and is not taken here; null says nothing and passes."""

    def read(_: Any) -> None:
        raise ValueError(message)

    return Field(takes({"type": "null", "description": f"It {message}."}, read), nullable=True)


def schema_of_fields(table: Fields) -> Schema:
    """An object with these fields and no others, as JSON Schema."""
    required = [name for name, field in table.items() if field.required]
    return {
        "type": "object",
        "properties": {name: _schema_of_field(field) for name, field in table.items()},
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def _schema_of_field(field: Field) -> Schema:
    schema = schema_of(field.read)
    if not field.nullable or not schema or schema.get("type") == "null":
        return schema
    is_plain = isinstance(schema.get("type"), str) and "enum" not in schema
    return {**schema, "type": [schema["type"], "null"]} if is_plain else {"anyOf": [schema, {"type": "null"}]}
