"""The registry of a running server, over its API: for CI, which needs neither the database nor a provider's key."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from quart_proxy.commands.registry.doors import Json
from quart_proxy.commands.registry.origin import Provenance
from quart_proxy.core.errors import (
    Conflict,
    Fault,
    InvalidFields,
    InvalidRegistry,
    NotFound,
    PermissionDenied,
    PlanRefused,
    ProxyError,
    StalePlan,
    Unauthenticated,
    Unavailable,
)
from quart_proxy.settings import PAGE_ROWS_MAX
from registry.entities import Choice, EntityKey, Policy
from registry.files.sources import SourceFile

API = "/api/admin/registry/"
TIMEOUT = httpx.Timeout(60, connect=5)
"""An apply of a thousand models takes a few seconds; a server that is not there is told of at once."""

T = TypeVar("T")


class ServerDoor:
    """`Door` on an API. `server` is what the sentences call it."""

    def __init__(self, client: httpx.AsyncClient, server: str) -> None:
        self._client = client
        self._server = server

    async def status(self) -> Json:
        return await self._get("status")

    async def doctor(self) -> Json:
        return await self._get("doctor")

    async def drift(self, ignore: Sequence[str]) -> Json:
        return await self._get("drift", ignore=list(ignore))

    async def plan(self, files: Sequence[SourceFile], provenance: Provenance, policy: Policy) -> Json:
        return await self._post("plan", _bundle(files, provenance, policy))

    async def apply(
        self,
        files: Sequence[SourceFile],
        provenance: Provenance,
        policy: Policy,
        *,
        message: str | None,
        fingerprint: str | None,
    ) -> Json:
        bundle = _bundle(files, provenance, policy)
        return await self._post("apply", {**bundle, "message": message, "fingerprint": fingerprint})

    async def export(
        self, files: Sequence[SourceFile], *, adopt: Sequence[EntityKey], only: Sequence[EntityKey]
    ) -> Json:
        names = {"adopt": [str(key) for key in adopt], "only": [str(key) for key in only]}
        return await self._post("export", {"files": _files(files), **names})

    async def export_new(self) -> Json:
        return await self._get("export", init=1)

    async def revisions(self, entity: EntityKey | None, limit: int) -> Json:
        asked: dict[str, Any] = {} if entity is None else {"entity": str(entity)}
        rows: list[Json] = []
        while True:
            page = await self._get("revisions", limit=min(limit - len(rows), PAGE_ROWS_MAX), **asked)
            rows += page["data"]
            if len(rows) >= limit or not page["has_more"]:
                return {"data": rows, "has_more": page["has_more"]}
            asked["cursor"] = page["next_cursor"]

    async def revision(self, revision: int) -> Json:
        return await self._get(f"revisions/{revision}")

    async def diff(self, earlier: int, later: int) -> Json:
        return await self._get(f"revisions/{earlier}..{later}")

    async def roll_back(
        self,
        revision: int,
        *,
        only: Sequence[EntityKey],
        message: str | None,
        is_dry: bool,
        expected: int | None = None,
    ) -> Json:
        asked = {"to": revision, "only": [str(key) for key in only], "message": message, "dry_run": is_dry}
        return await self._post("rollback", {**asked, "revision": expected})

    async def holds(self) -> list[Json]:
        held: list[Json] = (await self._get("holds"))["data"]
        return held

    async def hold(self, *, entity: EntityKey | None, fields: str | None, until: datetime, reason: str) -> Json:
        name = None if entity is None else str(entity)
        return await self._post(
            "holds", {"entity": name, "fields": fields, "until": until.isoformat(), "reason": reason}
        )

    async def unhold(self, hold_id: int) -> None:
        await self._ask("DELETE", f"holds/{hold_id}")

    async def resolve(self, address: str, choice: Choice) -> Json:
        return await self._post("conflicts/resolve", {"address": address, "choice": choice})

    async def revert(self, entity: EntityKey, paths: Sequence[str], message: str | None) -> Json:
        return await self._post(f"{_path(entity)}/revert", {"paths": list(paths), "message": message})

    async def detach(self, entity: EntityKey, reason: str) -> Json:
        return await self._post(f"{_path(entity)}/detach", {"reason": reason})

    # --- asking ---------------------------------------------------------------------------------------

    async def _get(self, path: str, **query: Any) -> Json:
        return await self._ask("GET", path, params=query)

    async def _post(self, path: str, body: Json) -> Json:
        return await self._ask("POST", path, json=body)

    async def _ask(self, method: str, path: str, **options: Any) -> Json:
        try:
            response = await self._client.request(method, API.removeprefix("/") + path, **options)
        except httpx.TimeoutException:
            raise Unavailable(f"{self._server} does not answer in time.") from None
        except httpx.TransportError as error:
            raise Unavailable(f"{self._server} cannot be reached: {error or type(error).__name__}.") from None
        if response.status_code == 204:
            return {}
        document = _read(response)
        if response.is_success and isinstance(document, dict):
            return document
        raise self._error(response, document)

    def _error(self, response: httpx.Response, document: Any) -> ProxyError:
        """What the server said, in the class that it was there."""
        error = document.get("error") if isinstance(document, dict) else None
        if not isinstance(error, Mapping) or not isinstance(error.get("message"), str):
            return ProxyError(
                f"{self._server} answered {response.status_code} in another way than quart-proxy does; "
                "is it the server's own address?"
            )
        message, code = error["message"], error.get("code")
        if response.status_code == 401:
            is_given = "authorization" in self._client.headers
            way = f"does not accept the token: {message}" if is_given else "wants a token: --token or REGISTRY_TOKEN."
            return Unauthenticated(f"{self._server} {way}")
        if response.status_code == 403:
            return PermissionDenied(f"{self._server} does not let this token do that: {message}")
        if response.status_code == 404:
            return NotFound(message)
        return _refusal(code, message, error) or ProxyError(message)


def _refusal(code: Any, message: str, error: Mapping[str, Any]) -> ProxyError | None:
    """The errors that say more than a sentence."""
    if isinstance(error.get("plan"), Mapping):
        return (StalePlan if code == StalePlan.code else PlanRefused)(message, plan=error["plan"])
    if code == InvalidRegistry.code:
        return InvalidRegistry(message, faults=error.get("faults") or ())
    if code == InvalidFields.code and error.get("errors"):
        return InvalidFields([Fault(fault["param"], fault["message"]) for fault in error["errors"]])
    return Conflict(message) if code == Conflict.code else None


def _read(response: httpx.Response) -> Any:
    """The JSON of an answer; None where it is none."""
    try:
        return response.json()
    except ValueError:
        return None


def _files(files: Sequence[SourceFile]) -> list[dict[str, str]]:
    return [
        {"name": file.name, "text": file.text, **({"problem": file.problem} if file.problem else {})} for file in files
    ]


def _bundle(files: Sequence[SourceFile], provenance: Provenance, policy: Policy) -> Json:
    return {"files": _files(files), "origin": provenance.as_json(), "policy": asdict(policy)}


def _path(entity: EntityKey) -> str:
    return f"{entity.kind}s/{quote(entity.key, safe='')}"


def at_server_door(server: str, token: str | None, work: Callable[[ServerDoor], Awaitable[T]]) -> T:
    """What `work` returns. Neither proxies nor credentials are taken from the environment, and no redirect is
    followed: the token goes to the host that was named, and nowhere else."""

    async def run() -> T:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(
            base_url=f"{server}/", headers=headers, timeout=TIMEOUT, trust_env=False, follow_redirects=False
        ) as client:
            return await work(ServerDoor(client, server))

    return asyncio.run(run())


def examine_server(server: str, token: str | None) -> Json:
    """The checks that the server makes of itself; one that is away is a check that failed."""
    try:
        return at_server_door(server, token, lambda door: door.doctor())
    except Unavailable as error:
        return {"ok": False, "checks": [{"name": "server", "ok": False, "message": error.message}]}
