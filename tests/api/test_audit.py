"""Who did what: every route that writes leaves a row, and the rows are found again."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from admin_client import Admin, faults
from product import ADMIN_PASSWORD, Product
from registry_files import apply, edit, file_text, files
from sqlalchemy import text
from test_doors import routes_of
from uuid_utils.compat import uuid7

from quart_proxy.core.record import Exchange

LOOKING = {
    ("POST", "/api/admin/models/x/quote"),
    ("POST", "/api/admin/registry/export"),
    ("POST", "/api/admin/registry/models/x/adopt"),
    ("POST", "/api/admin/registry/plan"),
    ("POST", "/api/admin/registry/providers/x/adopt"),
    ("POST", "/api/admin/registry/validate"),
    ("POST", "/api/admin/settings/preview"),
}
"""They take a body and change nothing."""

PROVIDER = {"api_format": "openai", "api_url": "http://127.0.0.1:9/v1"}
MODEL = {**PROVIDER, "pricing": {"input": 1, "output": 1}}
Write = Callable[[Admin, Product], Awaitable[httpx.Response]]
WRITES: dict[tuple[str, str], Write] = {}


def writes(method: str, path: str) -> Callable[[Write], Write]:
    """What to do so that a route writes, given what the test set up: user 1, key 1 and entry 1 are there."""

    def add(write: Write) -> Write:
        WRITES[method, f"/api/admin{path}"] = write
        return write

    return add


def plainly(method: str, path: str, body: Any = None) -> None:
    writes(method, path)(lambda admin, product: admin.call(method, path, body))


plainly("POST", "/users", {"name": "Ada"})
plainly("PATCH", "/users/1", {"name": "Grace"})
plainly("POST", "/users/1/ledger", {"kind": "credit", "amount": "1.00"})
plainly("POST", "/ledger/1/reverse", {"reason": "x"})
plainly("POST", "/users/1/keys", {"name": "x"})
plainly("PATCH", "/keys/1", {"name": "x"})
plainly("POST", "/keys/1/rotate")
plainly("POST", "/tokens", {"name": "ci", "scope": "registry:plan", "days": 1})
plainly("PATCH", "/settings", {"system_prompt": "x"})
plainly("POST", "/login", {"password": ADMIN_PASSWORD})
plainly("PUT", "/providers/x", PROVIDER)
plainly("PUT", "/models/x", MODEL)
plainly("POST", "/providers/x/test")
plainly("POST", "/models/x/test")


@writes("DELETE", "/users/1")
async def _(admin: Admin, product: Product) -> httpx.Response:
    user_id = (await admin.post("/users", {"name": "gone"})).json()["id"]
    return await admin.delete(f"/users/{user_id}")


@writes("DELETE", "/keys/1")
async def _(admin: Admin, product: Product) -> httpx.Response:
    key = (await admin.post("/users/1/keys", {"name": "gone"})).json()
    return await admin.delete(f"/keys/{key['id']}")


@writes("POST", "/logout")
async def _(admin: Admin, product: Product) -> httpx.Response:
    return await Admin(product, await product.login()).post("/logout")


@writes("DELETE", "/tokens/1")
async def _(admin: Admin, product: Product) -> httpx.Response:
    token = (await admin.post("/tokens", {"name": "gone", "scope": "admin", "days": 1})).json()
    return await admin.delete(f"/tokens/{token['id']}")


for section in ("models", "providers"):
    for method, body in (("PATCH", {"api_url": "http://127.0.0.1:10/v1"}), ("DELETE", None)):

        @writes(method, f"/{section}/x")
        async def _(
            admin: Admin, product: Product, section: str = section, method: str = method, body: Any = body
        ) -> httpx.Response:
            document = MODEL if section == "models" else PROVIDER
            name = f"/{section}/written-{method.lower()}"
            etag = (await admin.put(name, document)).headers["etag"]
            return await admin.call(method, name, body, If_Match=etag)


@writes("POST", "/dead-letters/1/retry")
async def _(admin: Admin, product: Product) -> httpx.Response:
    refused = Exchange(uuid7(), product.user_id, 1, "x", "x", False, datetime.now(UTC).isoformat())
    record = refused.encode().decode()
    return await admin.post(f"/dead-letters/{await bury(product, record)}/retry")


@writes("DELETE", "/dead-letters/1")
async def _(admin: Admin, product: Product) -> httpx.Response:
    return await admin.call("DELETE", f"/dead-letters/{await bury(product, 'none')}", {"reason": "x"})


async def bury(product: Product, record: str) -> int:
    async with product.database.transaction() as connection:
        query = text("INSERT INTO dead_letter (record, reason) VALUES (:record, 'x') RETURNING id")
        return int(await connection.scalar(query, {"record": record}))


@writes("POST", "/registry/apply")
async def _(admin: Admin, product: Product) -> httpx.Response:
    return await admin.post("/registry/apply", {"files": files(product)})


@writes("POST", "/registry/models/x/revert")
async def _(admin: Admin, product: Product) -> httpx.Response:
    await edit(admin, "/models/alpha", {"pricing": {"input": 9}})
    return await admin.post("/registry/models/alpha/revert", {})


@writes("POST", "/registry/providers/x/revert")
async def _(admin: Admin, product: Product) -> httpx.Response:
    await edit(admin, "/providers/one", {"api_url": "http://127.0.0.1:9/v1"})
    return await admin.post("/registry/providers/one/revert", {})


@writes("POST", "/registry/holds")
async def _(admin: Admin, product: Product) -> httpx.Response:
    return await admin.post("/registry/holds", {"until": "2030-01-01", "reason": "x"})


@writes("DELETE", "/registry/holds/1")
async def _(admin: Admin, product: Product) -> httpx.Response:
    return await admin.delete("/registry/holds/1")


@writes("POST", "/registry/conflicts/resolve")
async def _(admin: Admin, product: Product) -> httpx.Response:
    await edit(admin, "/models/beta", {"pricing": {"input": 9}})
    changed = [{"name": "models.yaml", "text": file_text(product).replace("input: 2.00", "input: 3.00")}]
    await apply(admin, changed, policy={"on_conflict": "defer", "allow_price_jump": True})
    (conflict,) = (await admin.get("/registry/conflicts")).json()["data"]
    return await admin.post("/registry/conflicts/resolve", {"address": conflict["address"], "choice": "live"})


@writes("POST", "/registry/models/x/detach")
async def _(admin: Admin, product: Product) -> httpx.Response:
    return await admin.post("/registry/models/alpha/detach", {"reason": "x"})


@writes("POST", "/registry/rollback")
async def _(admin: Admin, product: Product) -> httpx.Response:
    revisions = (await admin.get("/registry/revisions")).json()["data"]
    await edit(admin, "/models/beta", {"pricing": {"output": 7}})
    return await admin.post("/registry/rollback", {"to": revisions[0]["revision"]})


@writes("POST", "/registry/providers/x/detach")
async def _(admin: Admin, product: Product) -> httpx.Response:
    return await admin.post("/registry/providers/one/detach", {"reason": "x"})


async def test_every_route_that_writes_leaves_a_row_with_who_and_by_which_request(
    admin: Admin, product: Product
) -> None:
    known = {(method, path) for method, path in routes_of(product.app) if path.startswith("/api/admin/")}
    assert {route for route in known if route[0] != "GET"} == WRITES.keys() | LOOKING
    for route, write in WRITES.items():
        answer = await write(admin, product)
        assert answer.is_success, (route, answer.text)
        rows = (await admin.get(f"/audit?q={answer.headers['x-request-id']}")).json()["data"]
        assert rows, f"{route} left no row"
        assert {row["actor"] for row in rows} == {"admin"}, route
        assert all(row["address"] == "127.0.0.1" and row["action"] and row["target"] for row in rows)
    for route in LOOKING:
        assert route in known


async def test_a_change_of_a_key_says_from_what_to_what(admin: Admin) -> None:
    key = (await admin.post("/users/1/keys", {"name": "laptop", "rpm": 5})).json()
    await admin.patch(f"/keys/{key['id']}", {"name": "desk", "expires_at": "2030-01-01", "rpm": None})
    (row,) = (await admin.get(f"/audit?action=key.update&target=key/{key['id']}")).json()["data"]
    assert row["before"] == {"name": "laptop", "expires_at": None, "rpm": 5}
    assert row["after"] == {"name": "desk", "expires_at": "2030-01-01T00:00:00+00:00", "rpm": None}


async def test_changes_of_one_user_at_once_each_say_what_the_one_before_left(admin: Admin) -> None:
    await asyncio.gather(*(admin.patch("/users/1", {"note": f"note {number}"}) for number in range(8)))
    rows = (await admin.get("/audit?action=user.update&target=user/1")).json()["data"]
    said = [(row["before"]["note"], row["after"]["note"]) for row in reversed(rows)]
    assert len(said) == 8
    assert [before for before, _ in said] == [None, *(after for _, after in said[:-1])]


async def test_rows_are_narrowed_by_time_and_by_a_part_of_what_they_say(admin: Admin, product: Product) -> None:
    first = (await admin.post("/users", {"name": "100%_sure"})).json()["id"]
    await admin.post("/users", {"name": "another"})
    named = (await admin.get("/audit?q=100%25_SURE")).json()["data"]
    assert [row["target"] for row in named] == [f"user/{first}"]
    at = named[0]["at"]
    everything = (await admin.get("/audit?limit=200")).json()["data"]
    since = (await admin.get(f"/audit?limit=200&from={at}")).json()["data"]
    until = (await admin.get(f"/audit?limit=200&to={at}")).json()["data"]
    assert since + until == everything and {row["target"] for row in since} >= {f"user/{first}"}
    exported = (await admin.get("/audit.csv?q=100%25_sure&action=user.create")).text.splitlines()
    assert len(exported) == 2 and f"user/{first}" in exported[1]
    assert len((await admin.get("/audit.csv?q=nothing-of-the-kind")).text.splitlines()) == 1
    assert faults(await admin.get("/audit?from=yesterday")).keys() == {"from"}
    known = (await admin.get("/audit/actions")).json()
    assert {"user.create", "key.create", "ledger.record", "session.login"} <= set(known["data"])
    assert {"admin", "tester"} <= set(known["actors"])


async def test_an_entry_names_its_user_or_key_and_says_what_was_there_before(admin: Admin) -> None:
    user = (await admin.post("/users", {"name": "Ada"})).json()["id"]
    key = (await admin.post(f"/users/{user}/keys", {"name": "ci"})).json()["id"]
    await admin.patch(f"/keys/{key}", {"name": "nightly", "rpm": 60})
    entry = (await admin.post(f"/users/{user}/ledger", {"kind": "grant", "amount": "2", "reason": "a gift"})).json()
    await admin.delete(f"/users/{user}")
    (changed,) = (await admin.get(f"/audit?target=key/{key}&action=key.update")).json()["data"]
    assert (changed["before"], changed["after"]) == ({"name": "ci", "rpm": None}, {"name": "nightly", "rpm": 60})
    assert changed["target_name"] == "nightly"
    (moved,) = (await admin.get(f"/audit?target=user/{user}&action=ledger.record")).json()["data"]
    assert moved["target_name"] == "Ada"
    assert {name: moved["after"][name] for name in ("entry", "reason")} == {"entry": entry["id"], "reason": "a gift"}
    assert (await admin.get(f"/audit/{moved['id']}")).json() == moved
    assert (await admin.get("/audit/999999999")).status_code == 404


async def test_sign_ins_and_refused_ones_are_kept_without_the_password(product: Product) -> None:
    url = f"{product.base_url}/api/admin"
    refused = await product.client.post(f"{url}/login", json={"password": "a wrong password", "name": "eve"})
    assert refused.status_code == 401
    signed_in = await product.client.post(f"{url}/login", json={"password": ADMIN_PASSWORD, "name": "ada"})
    headers = {"authorization": f"Bearer {signed_in.json()['token']}"}
    assert (await product.client.post(f"{url}/logout", headers=headers)).status_code == 204
    headers = await product.login()
    listed = await product.client.get(f"{url}/audit?target=session", headers=headers)
    rows = [(row["actor"], row["action"], row["after"]) for row in listed.json()["data"]]
    assert rows == [
        ("admin", "session.login", {"name": None}),
        ("admin:ada", "session.logout", None),
        ("admin:ada", "session.login", {"name": "ada"}),
        ("nobody", "session.refuse", {"name": "eve"}),
    ]
    assert listed.json()["data"][3]["request_id"] == refused.headers["x-request-id"]
    assert "password" not in listed.text and ADMIN_PASSWORD not in listed.text


@pytest.mark.parametrize("password", ["x" * 12, ADMIN_PASSWORD])
async def test_try_that_comes_too_soon_leaves_no_row(product: Product, password: str) -> None:
    url = f"{product.base_url}/api/admin/login"
    tries = [await product.client.post(url, json={"password": "wrong"}) for _ in range(8)]
    tries.append(await product.client.post(url, json={"password": password}))
    async with product.database.read() as connection:
        rows = await connection.scalar(text("SELECT count(*) FROM audit_log WHERE target = 'session'"))
    assert rows == sum(answer.status_code == 401 for answer in tries) < 9
