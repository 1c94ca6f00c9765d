"""Tokens for programs: what each scope opens, and what it leaves shut."""

from datetime import datetime
from typing import Any

import pytest
from admin_client import Admin, faults
from product import ADMIN_PASSWORD, Product
from registry_files import apply, files, read, refusal, registry

LOOKS = [
    ("GET", "/status"),
    ("GET", "/drift"),
    ("GET", "/export?init=1"),
    ("GET", "/revisions"),
    ("GET", "/holds"),
    ("GET", "/conflicts"),
    ("GET", "/models/sandbox-gpt"),
    ("POST", "/validate"),
    ("POST", "/plan"),
    ("POST", "/export"),
]
WRITES = [
    ("POST", "/apply"),
    ("POST", "/rollback"),
    ("POST", "/holds"),
    ("DELETE", "/holds/1"),
    ("POST", "/conflicts/resolve"),
    ("POST", "/models/sandbox-gpt/revert"),
    ("POST", "/models/sandbox-gpt/detach"),
]
ELSEWHERE = [
    ("GET", "/users"),
    ("POST", "/users"),
    ("GET", "/models"),
    ("PUT", "/models/x"),
    ("PATCH", "/providers/sandbox-gpt"),
    ("GET", "/settings"),
    ("PATCH", "/settings"),
    ("GET", "/audit"),
    ("GET", "/usage"),
    ("POST", "/tokens"),
]


async def issue(admin: Admin, scope: str, name: str = "ci") -> Admin:
    """A program that has a token of this scope."""
    made = read(await admin.post("/tokens", {"name": name, "scope": scope, "days": 30}))
    return Admin(admin.product, {"authorization": f"Bearer {made['token']}"})


async def statuses(program: Admin, calls: list[tuple[str, str]], prefix: str = "/registry") -> dict[int, set[str]]:
    """The paths by the status that they answered."""
    found: dict[int, set[str]] = {}
    for method, path in calls:
        answer = await program.call(method, prefix + path, None if method == "GET" else {})
        found.setdefault(answer.status_code, set()).add(f"{method} {path}")
    return found


async def test_token_that_plans_looks_at_the_registry_and_writes_nothing(admin: Admin, product: Product) -> None:
    program = await issue(admin, "registry:plan")
    assert (await statuses(program, LOOKS)).keys() == {200, 422}
    assert (await statuses(program, WRITES)).keys() == {403}
    assert (await statuses(program, ELSEWHERE, prefix="")).keys() == {403}
    assert read(await program.post("/registry/plan", {"files": files(product)}))["exit"] == 2
    error = refusal(await program.post("/registry/apply", {"files": files(product)}), 403)
    assert "registry:plan" in error["message"]
    assert (await registry(admin, "/status"))["revision"] == 0


async def test_token_that_applies_does_all_of_the_registry_and_nothing_else(admin: Admin, product: Product) -> None:
    program = await issue(admin, "registry:apply")
    assert not {401, 403} & (await statuses(program, LOOKS + WRITES)).keys()
    assert (await statuses(program, ELSEWHERE, prefix="")).keys() == {403}
    applied = read(await program.post("/registry/apply", {"files": files(product)}))
    assert applied["changed"] is True
    assert (await product.chat("alpha")).status_code == 200
    (newest,) = (await registry(admin, "/revisions?limit=1"))["data"]
    assert newest["actor"] == "token:ci"
    audited = (await admin.get("/audit?limit=1")).json()["data"]
    assert audited[0]["actor"] == "token:ci"


async def test_token_that_applies_sends_no_key_to_a_new_host_and_an_admin_may(admin: Admin, product: Product) -> None:
    program = await issue(admin, "registry:apply")
    await apply(program, files(product))
    elsewhere = files(product)
    elsewhere[0]["text"] = elsewhere[0]["text"].replace("127.0.0.1", "localhost")
    error = refusal(await program.post("/registry/apply", {"files": elsewhere}), 409)
    assert [guard["code"] for guard in error["plan"]["guards"]] == ["new-host"]
    meant = {"files": elsewhere, "policy": {"allow_new_host": True}}
    for verb in ("plan", "apply"):
        error = refusal(await program.post(f"/registry/{verb}", meant), 403)
        assert "REGISTRY_ENV_ALLOW" in error["message"]
    assert read(await admin.get("/providers/one"))["api_url"].startswith("http://127.0.0.1")
    await apply(admin, **meant)
    assert read(await admin.get("/providers/one"))["api_url"].startswith("http://localhost")


async def test_token_of_the_whole_does_what_an_admin_does(admin: Admin) -> None:
    program = await issue(admin, "admin")
    assert not {401, 403} & (await statuses(program, LOOKS + WRITES)).keys()
    assert (await program.post("/users", {"name": "someone"})).status_code == 201


@pytest.mark.parametrize(
    "path", ["/registry/../users", "/registry//plan", "//registry/status", "/registry/%2e%2e/users"]
)
async def test_no_spelling_of_a_path_leads_out_of_the_scope(admin: Admin, path: str) -> None:
    program = await issue(admin, "registry:plan")
    for method in ("GET", "POST"):
        answer = await program.call(method, path, {"name": "intruder"})
        assert answer.status_code in (308, 400, 403, 404, 405), (method, answer.status_code)
    assert "intruder" not in (await admin.get("/users")).text


async def test_making_a_token_is_audited_without_the_token(admin: Admin) -> None:
    made = await admin.post("/tokens", {"name": "ci", "scope": "registry:plan", "days": 30})
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    assert made.json().keys() == {"id", "name", "scope", "expires_at", "token"}
    rows = await admin.get("/audit?limit=1")
    (row,) = rows.json()["data"]
    assert (row["actor"], row["action"], row["target"]) == ("admin", "token.create", "token/ci")
    said = {**row["after"], "expires_at": datetime.fromisoformat(row["after"]["expires_at"])}
    wanted = {**made.json(), "expires_at": datetime.fromisoformat(made.json()["expires_at"])}
    assert said == {name: wanted[name] for name in ("id", "name", "scope", "expires_at")}
    assert made.json()["token"] not in rows.text


async def test_the_list_tells_who_holds_what_and_never_a_token(admin: Admin, product: Product) -> None:
    dana = read(await admin.post("/login", {"password": ADMIN_PASSWORD, "name": "dana"}))
    product.client.cookies.clear()
    made = read(await admin.post("/tokens", {"name": "ci: main", "scope": "registry:plan", "days": 30}))
    answer = await Admin(product, {"authorization": f"Bearer {dana['token']}"}).get("/tokens")
    told = [(row["kind"], row["name"], row["scope"], row["is_yours"]) for row in answer.json()["data"]]
    assert told == [
        ("program", "ci: main", "registry:plan", False),
        ("session", "dana", "admin", True),
        ("session", None, "admin", False),
    ]
    for kind, names in (("program", ["ci: main"]), ("session", ["dana", None])):
        assert [row["name"] for row in (await admin.get(f"/tokens?kind={kind}")).json()["data"]] == names
    first = (await admin.get("/tokens?limit=2")).json()
    rest = (await admin.get(f"/tokens?limit=2&cursor={first['next_cursor']}")).json()
    assert [row["name"] for row in first["data"] + rest["data"]] == ["ci: main", "dana", None]
    assert not rest["has_more"]
    program, session, _ = answer.json()["data"]
    assert (program["id"], program["created_by"], program["last_used_at"]) == (made["id"], "admin", None)
    assert (session["created_by"], session["address"]) == ("admin:dana", "127.0.0.1")
    assert session["last_used_at"] is not None
    for secret in (dana["token"], dana["csrf_token"], made["token"]):
        assert secret not in answer.text


async def test_an_ended_token_opens_nothing_and_is_audited(admin: Admin) -> None:
    made = read(await admin.post("/tokens", {"name": "ci", "scope": "registry:plan", "days": 30}))
    program = Admin(admin.product, {"authorization": f"Bearer {made['token']}"})
    assert (await program.get("/registry/status")).status_code == 200
    assert (await program.delete(f"/tokens/{made['id']}")).status_code == 403
    assert (await admin.delete(f"/tokens/{made['id']}")).status_code == 204
    refused = await program.get("/registry/status")
    assert refused.status_code == 401
    assert "ended" in refused.json()["error"]["message"]
    (row,) = (await admin.get("/audit?limit=1")).json()["data"]
    assert (row["action"], row["target"], row["after"]["id"]) == ("token.revoke", "token/ci", made["id"])
    for path in (f"/tokens/{made['id']}", "/tokens/99999"):
        refusal(await admin.delete(path), 404)


@pytest.mark.parametrize(
    ("body", "params"),
    [
        ({}, {"name", "scope", "days"}),
        ({"name": "", "scope": "registry", "days": 0, "more": 1}, {"name", "scope", "days", "more"}),
        ({"name": "ci", "scope": ["admin"], "days": 367}, {"scope", "days"}),
        ({"name": "ci", "scope": "admin", "days": True}, {"days"}),
    ],
)
async def test_token_of_no_sense_is_refused_with_every_fault(admin: Admin, body: Any, params: set[str]) -> None:
    assert faults(await admin.post("/tokens", body)).keys() == params
