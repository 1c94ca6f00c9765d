"""What is said to the registry over HTTP: files, how to merge them, and the entities that are meant."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_args

from quart_proxy.core.errors import Fault, InvalidFields, InvalidRegistry, PermissionDenied
from quart_proxy.http import service
from quart_proxy.http.fields import (
    ID_MAX,
    NOTE_CHARACTERS_MAX,
    Field,
    Fields,
    Reader,
    boolean,
    check_alone,
    choice,
    many,
    record,
    takes,
    text,
    whole,
)
from quart_proxy.http.sessions import scope
from registry.apply import Bundle, read_bundle
from registry.desk import Desk
from registry.entities import Choice, OnConflict, Policy
from registry.files.sources import SourceFile
from registry.leaves import known_path, parse_entity, split_address

FILES_MAX = 1000
ENTITIES_MAX = 1000
PATHS_MAX = 1000
RESOLUTIONS_MAX = 1000
ADDRESS_CHARACTERS_MAX = 1000
FILE_NAME_CHARACTERS_MAX = 500
PROBLEM_CHARACTERS_MAX = 300

T = TypeVar("T")


# --- readers ------------------------------------------------------------------------------------------


def _readable(parse: Callable[[str], T]) -> Reader:
    """Text that `parse` takes; it raises ValueError."""

    def read(value: Any) -> T:
        return parse(text(ADDRESS_CHARACTERS_MAX)(value))

    return takes({"type": "string", "maxLength": ADDRESS_CHARACTERS_MAX}, read)


def _parse_address(written: str) -> str:
    """The address of a conflict in its one spelling."""
    key, group = split_address(written)
    return f"{key.kind}.{key.key}/{known_path(key, group)}"


entity: Reader = _readable(parse_entity)
address: Reader = _readable(_parse_address)
entities = many(entity, 0, ENTITIES_MAX)
paths = many(text(ADDRESS_CHARACTERS_MAX), 0, PATHS_MAX)
resolution = choice(*get_args(Choice))


def _file_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value


_FILE: Fields = {
    "name": Field(text(FILE_NAME_CHARACTERS_MAX), required=True),
    "text": Field(_file_text, required=True),
    # Why a text could not be read where it is: the server says so at the line that names it.
    "problem": Field(text(PROBLEM_CHARACTERS_MAX)),
}


def _files(value: Any) -> list[SourceFile]:
    files = [SourceFile(**file) for file in many(record(_FILE), 1, FILES_MAX)(value)]
    names = [file.name for file in files]
    twice = [number for number, name in enumerate(names) if name in names[:number]]
    if twice:
        raise InvalidFields([Fault(f"{number}.name", "is the name of another file too") for number in twice])
    return files


def _resolutions(value: Any) -> dict[str, Choice]:
    if not isinstance(value, dict) or len(value) > RESOLUTIONS_MAX:
        raise ValueError(f"must be an object of at most {RESOLUTIONS_MAX} addresses")
    faults, read = [], {}
    for written, decided in value.items():
        try:
            read[address(written)] = resolution(decided)
        except ValueError as error:
            faults.append(Fault(written[:ADDRESS_CHARACTERS_MAX], str(error)))
    if faults:
        raise InvalidFields(faults)
    return read


# --- tables -------------------------------------------------------------------------------------------

POLICY: Fields = {
    "mode": Field(choice("seed-missing", "three-way", "enforce")),
    "on_conflict": Field(choice(*get_args(OnConflict))),
    "prune": Field(boolean),
    "adopt": Field(boolean),
    "ignore_hold": Field(boolean),
    "allow_mass_prune": Field(boolean),
    "allow_empty": Field(boolean),
    "allow_price_jump": Field(boolean),
    "allow_new_host": Field(boolean),
    "allow_stale": Field(boolean),
    "resolutions": Field(_resolutions),
}
ORIGIN: Fields = {
    "rev": Field(text(), nullable=True),
    "seq": Field(whole(0, ID_MAX), nullable=True),
    "author": Field(text(), nullable=True),
}
OWN_FILES = Field(_files)
"""Files that may be left out: then it is about the server's own."""
PLAN: Fields = {"files": OWN_FILES, "policy": Field(record(POLICY)), "origin": Field(record(ORIGIN))}
MESSAGE = Field(text(NOTE_CHARACTERS_MAX, lines=True), nullable=True)
REVISION = Field(whole(0, ID_MAX), nullable=True)
"""The one that was looked at: refused if another is in force by now."""
REASON = Field(text(NOTE_CHARACTERS_MAX, lines=True), required=True)


# --- what was said ------------------------------------------------------------------------------------


async def get_bundle(said: Mapping[str, Any]) -> Bundle:
    """The files that came with `origin`, or the server's own. Raises InvalidRegistry, also for files of another
    environment than the server's."""
    # Long files take a while to read, and other requests stream meanwhile.
    if "files" in said:
        bundle = await asyncio.to_thread(read_bundle, said["files"], **said.get("origin", {}))
        _check_overlay(bundle.desired.overlay, service(Desk).settings.registry_overlay)
        return bundle
    check_alone("origin", "is of files that are sent; there are none" if "origin" in said else None)
    return await asyncio.to_thread(service(Desk).own_bundle)


def _check_overlay(sent: str | None, own: str | None) -> None:
    """Prices of one environment do not get into another by a missing option."""
    if own is not None and sent != own:
        read = f"of the overlay {sent}" if sent else "the base alone"
        raise InvalidRegistry(
            f"This server's overlay is {own}, and these files are {read}: read them with {own}.", faults=()
        )


def policy_of(said: Mapping[str, Any]) -> Policy:
    """Raises PermissionDenied for a program that says keys may go to new hosts: what it applies is somebody else's
    files, and this question is to an admin."""
    policy = Policy(**said.get("policy", {}))
    if policy.allow_new_host and scope() != "admin":
        raise PermissionDenied(
            f"A token of the scope {scope()} may not say that new hosts are meant: an admin applies these files with"
            " allow_new_host, or REGISTRY_ENV_ALLOW names NAME@host.",
            param="policy.allow_new_host",
        )
    return policy
