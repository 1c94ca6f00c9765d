"""Providers and models as documents over HTTP: read, created, replaced, patched and deleted, each by its key.

A write is one transaction: the registry's lock, the precondition, every check, a revision of the registry, and the
keys that were typed in. Such a key is sealed for the host of its address and leaves a reference behind; no answer, no
revision and no audit row ever holds it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from quart import Blueprint, Response, request
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import (
    Fault,
    InvalidFields,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
)
from quart_proxy.core.references import host_of, is_reference, is_secret, secret_name
from quart_proxy.http import json_response, read_json, service
from quart_proxy.http.answers import acting, put_in_force, read_page
from quart_proxy.http.kept_keys import describe_key
from quart_proxy.http.operations import operation
from quart_proxy.services.sealing import Sealer
from quart_proxy.settings import Settings
from quart_proxy.store.catalog import Model, Provider
from quart_proxy.store.changes import record_audit
from quart_proxy.store.database import Database
from quart_proxy.store.secrets import find_secret, find_secrets, save_secret
from quart_proxy.upstream.reach import Reach
from registry.documents import ModelDocument, ProviderDocument, as_document
from registry.edits import delete_entity, save_document
from registry.entities import EntityKey, Kind, LiveEntry
from registry.files.positions import Fault as RegistryFault
from registry.files.readers import is_slug
from registry.leaves import known_path, leaves_of
from registry.marks import find_marks
from registry.rows import etag_of
from registry.state import lock_registry

READ_ONLY = ("key", "etag", "served", "reason", "registry", "secrets", "warnings")
"""What answers carry beside the document. A write may bring it back, and it changes nothing."""
KEY_CHARACTERS_MAX = 4096
DEPTH_MAX = 40

Row = TypeVar("Row", Provider, Model)
Document = TypeVar("Document", ProviderDocument, ModelDocument)


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a document leads to: one address, the reference to its key and the headers that go with it, and where in
    the document they stand."""

    place: str
    api_url: str | None
    api_key: str | None
    headers: Mapping[str, str] = field(default_factory=dict)

    def param(self, name: str) -> str:
        return f"{self.place}.{name}" if self.place else name

    @property
    def references(self) -> dict[str, str]:
        """By where each stands."""
        named = {f"headers.{name}": value for name, value in self.headers.items()}
        found = {self.param(name): value for name, value in {"api_key": self.api_key or "", **named}.items()}
        return {param: value for param, value in found.items() if is_reference(value)}


@dataclass(frozen=True, slots=True)
class Typed:
    """A key that was typed in. `place` is the connection that it belongs to."""

    place: str
    name: str
    text: str = field(repr=False)


class Collection(ABC, Generic[Row, Document]):
    """One kind of document. A subclass says how it is read and kept; `section` is its name in models.yaml."""

    section: str
    noun: Kind

    @abstractmethod
    async def rows(self, connection: AsyncConnection, key: str | None = None) -> list[Row]: ...

    @abstractmethod
    def document(self, row: Row) -> Document: ...

    @abstractmethod
    def parse(self, key: str, document: Mapping[str, Any]) -> tuple[Document | None, tuple[RegistryFault, ...]]: ...

    @abstractmethod
    def connections(self, document: Document) -> Iterator[Connection]: ...

    @abstractmethod
    def key_holders(self, key: str, document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """The objects that may hold an `api_key`: place, name of its secret, and the object itself."""

    async def state(self, connection: AsyncConnection, rows: Sequence[Row]) -> Callable[[Row], dict[str, Any]]:
        """What answers say of a row beside its document."""
        return lambda row: {}

    # --- answers --------------------------------------------------------------------------------------

    @operation(answer="Document", kind="list", is_paged=True)
    async def list_all(self) -> Response:
        page = read_page(str)
        async with service(Database).snapshot() as connection:
            rows = [row for row in await self.rows(connection) if page.cursor is None or row.key > page.cursor]
            rows = sorted(rows, key=lambda row: row.key)[: page.limit + 1]
            state = await self._state(connection, rows)
        return page.answer(rows, lambda row: {**self._form(row), **state(row)}, lambda row: row.key)

    @operation(answer="Document")
    async def get_one(self, key: str) -> Response:
        async with service(Database).snapshot() as connection:
            return await self._answer(connection, await self._get(connection, key))

    @operation(answer="Document", body="Object", needs_etag=True)
    async def put(self, key: str) -> Response:
        """Create the document, or replace the one that `If-Match` names."""
        written = _writable(await read_json(), key)
        async with service(Database).transaction() as connection:
            await lock_registry(connection)
            current = await self._find(connection, key)
            self._check_precondition(current)
            answer = await self._write(connection, key, written, current)
        await put_in_force()
        return answer

    @operation(answer="Document", body="Object", needs_etag=True)
    async def patch(self, key: str) -> Response:
        """Merge the body into the document that `If-Match` names; null takes a field out."""
        changes = _writable(await read_json(), key)
        async with service(Database).transaction() as connection:
            await lock_registry(connection)
            current = await self._get(connection, key)
            self._check_precondition(current)
            written = merge_patch(as_document(self.document(current)), changes)
            answer = await self._write(connection, key, written, current)
        await put_in_force()
        return answer

    @operation(status=204, needs_etag=True)
    async def delete(self, key: str) -> Response:
        async with service(Database).transaction() as connection:
            await lock_registry(connection)
            current = await self._get(connection, key)
            self._check_precondition(current)
            await delete_entity(connection, EntityKey(self.noun, key), actor=acting())
        await put_in_force()
        return Response(status=204)

    # --- steps ----------------------------------------------------------------------------------------

    async def _find(self, connection: AsyncConnection, key: str) -> Row | None:
        rows = await self.rows(connection, key) if is_slug(key) else []
        return rows[0] if rows else None

    async def get(self, key: str) -> Row:
        """Raises NotFound."""
        async with service(Database).snapshot() as connection:
            return await self._get(connection, key)

    async def _get(self, connection: AsyncConnection, key: str) -> Row:
        row = await self._find(connection, key)
        if row is None:
            raise NotFound(f"There is no {self.noun} `{key[:200]}`.", param="key")
        return row

    async def _state(self, connection: AsyncConnection, rows: Sequence[Row]) -> Callable[[Row], dict[str, Any]]:
        told = await self.state(connection, rows)
        live = {
            EntityKey(self.noun, row.key): LiveEntry(row.id, leaves_of(self.document(row)), row.row_version)
            for row in rows
        }
        marks = await find_marks(connection, live)
        secrets = await self._secrets(connection, rows)
        return lambda row: {**told(row), "registry": marks[EntityKey(self.noun, row.key)].as_json(), **secrets(row)}

    async def _secrets(self, connection: AsyncConnection, rows: Sequence[Row]) -> Callable[[Row], dict[str, Any]]:
        """What is told of the keys that were typed into each row, by where they belong."""
        named = {row.key: self._secret_references(row) for row in rows}
        names = {secret_name(reference) for references in named.values() for reference in references.values()}
        kept = await find_secrets(connection, names)

        def tell(row: Row) -> dict[str, Any]:
            told = {param: describe_key(reference, kept) for param, reference in named[row.key].items()}
            return {"secrets": told} if told else {}

        return tell

    def _secret_references(self, row: Row) -> dict[str, str]:
        found = [place.references for place in self.connections(self.document(row))]
        return {param: one for references in found for param, one in references.items() if is_secret(one)}

    def _form(self, row: Row) -> dict[str, Any]:
        return {"key": row.key, **as_document(self.document(row)), "etag": etag_of(row)}

    async def _answer(
        self, connection: AsyncConnection, row: Row, status: int = 200, warnings: Sequence[str] = ()
    ) -> Response:
        state = await self._state(connection, [row])
        form = {**self._form(row), **state(row), **({"warnings": list(warnings)} if warnings else {})}
        return json_response(form, status, {"etag": f'"{etag_of(row)}"'})

    def _check_precondition(self, current: Row | None) -> None:
        """Raise unless the caller has seen what it is about to change."""
        if current is None:
            if "If-Match" in request.headers:
                raise PreconditionFailed(f"There is no such {self.noun} any more.", current={})
            return
        if "If-Match" not in request.headers:
            raise PreconditionRequired(f"This {self.noun} exists: send If-Match with the ETag that GET gave.")
        if not request.if_match.contains(etag_of(current)):
            raise PreconditionFailed(
                f"This {self.noun} was changed since it was read; `current` is how it is now.",
                current=self._form(current),
            )

    async def _write(
        self, connection: AsyncConnection, key: str, written: dict[str, Any], current: Row | None
    ) -> Response:
        typed, faults = self._take_keys(key, written)
        document, found = self.parse(key, written)
        faults += [_fault(fault, f"{self.section}.{key}") for fault in found if fault.severity == "error"]
        if document is not None:
            faults += await self._check(connection, document, typed)
        if document is None:
            raise InvalidFields(faults)
        faults += await self._save(connection, document, typed)
        if faults:
            # Saved or not: the transaction takes it back, and the caller is told of everything at once.
            raise InvalidFields(faults)
        await self._keep_keys(connection, document, typed)
        row = await self._get(connection, key)
        warnings = [fault.message for fault in found if fault.severity != "error"]
        return await self._answer(connection, row, 201 if current is None else 200, warnings)

    def _take_keys(self, key: str, written: dict[str, Any]) -> tuple[list[Typed], list[Fault]]:
        """Put references in place of the keys that were typed into `written`."""
        typed, faults = [], []
        for place, name, holder in self.key_holders(key, written):
            text = holder.get("api_key")
            if not isinstance(text, str) or text.startswith("${"):
                continue
            text = text.strip()
            if not text or len(text) > KEY_CHARACTERS_MAX or not all("!" <= character <= "~" for character in text):
                param = Connection(place, None, None).param("api_key")
                faults.append(Fault(param, "must be a key in printable ASCII, or a reference such as ${env:NAME}"))
            typed.append(Typed(place, name, text))
            holder["api_key"] = f"${{secret:{name}}}"
        return typed, faults

    async def _save(self, connection: AsyncConnection, document: Document, typed: Sequence[Typed]) -> list[Fault]:
        """Write the document; what is wrong with it beside the rest of the registry."""
        entity = EntityKey(self.noun, document.key)
        rotated = [known_path(entity, Connection(key.place, None, None).param("api_key")) for key in typed]
        try:
            await save_document(connection, document, actor=acting(), rotated=rotated)
        except InvalidFields as error:
            path = f"{self.section}.{document.key}."
            return [Fault(fault.param.removeprefix(path), fault.message) for fault in error.faults]
        return []

    async def _check(self, connection: AsyncConnection, document: Document, typed: Sequence[Typed]) -> list[Fault]:
        faults: list[Fault] = []
        reach = Reach.of(service(Settings))
        typed_in = {Connection(key.place, None, None).param("api_key") for key in typed}
        for place in self.connections(document):
            if place.api_url is None:
                continue
            if (refused := reach.find_address_fault(place.api_url)) is not None:
                faults.append(Fault(place.param("api_url"), refused))
            for param, reference in place.references.items():
                if (breach := reach.find_breach(reference, place.api_url)) is not None:
                    faults.append(Fault(param, breach))
                elif is_secret(reference) and param not in typed_in:
                    faults += await _secret_faults(connection, param, reference, host_of(place.api_url))
        return faults

    async def _keep_keys(self, connection: AsyncConnection, document: Document, typed: Sequence[Typed]) -> None:
        urls, actor = {place.place: place.api_url for place in self.connections(document)}, acting()
        for key in typed:
            host = host_of(urls[key.place] or "")
            ciphertext = service(Sealer).seal(key.text, name=key.name, host=host)
            is_known = await find_secret(connection, key.name) is not None
            await save_secret(connection, name=key.name, ciphertext=ciphertext, host=host, by=actor.name)
            action = "secret.rotate" if is_known else "secret.create"
            await record_audit(connection, actor, action, f"secret/{key.name}", after={"host": host})


async def _secret_faults(connection: AsyncConnection, param: str, reference: str, host: str) -> list[Fault]:
    """A kept key goes to the host it was typed in for, and nowhere else."""
    kept = await find_secret(connection, secret_name(reference))
    if kept is None:
        return [Fault(param, "names a secret that is not kept; send the key itself")]
    if kept[1] != host:
        return [Fault(param, f"was entered for {kept[1]}; enter it again for this address")]
    return []


def merge_patch(document: dict[str, Any], changes: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """JSON merge patch: objects merge, null removes, all else replaces. Raises InvalidRequest for a bottomless one."""
    if depth > DEPTH_MAX:
        raise InvalidRequest(f"The body is nested deeper than {DEPTH_MAX} levels.")
    merged = dict(document)
    for name, value in changes.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            below = merged.get(name)
            merged[name] = merge_patch(below if isinstance(below, dict) else {}, value, depth + 1)
        else:
            merged[name] = value
    return merged


def _writable(body: dict[str, Any], key: str) -> dict[str, Any]:
    if body.get("key", key) != key:
        raise InvalidFields([Fault("key", f"is {key} by the address; a key cannot be changed")])
    return {name: value for name, value in body.items() if name not in READ_ONLY}


def _fault(fault: RegistryFault, path: str) -> Fault:
    return Fault(fault.path.removeprefix(path).lstrip(".") or "key", fault.message)


def serve_documents(routes: Blueprint, collection: Collection[Row, Document]) -> None:
    """Answer a collection's paths: the list, and each document by its key."""
    routes.get("")(collection.list_all)
    routes.get("/<key>")(collection.get_one)
    routes.put("/<key>")(collection.put)
    routes.patch("/<key>")(collection.patch)
    routes.delete("/<key>")(collection.delete)
