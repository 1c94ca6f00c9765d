"""Every route under /api: closed by default, JSON always, and one file for each path."""

import sys
from pathlib import Path
from typing import Any

import pytest
from product import Product
from quart import Quart

from quart_proxy.api import RouteClash, install_api

PUBLIC = {"/api/admin/login"}
NUMBERS = ("user_id", "key_id", "entry_id", "letter_id", "token_id", "hold_id", "revision", "earlier", "later")
EXAMPLES = {**dict.fromkeys(NUMBERS, "1"), "request_id": "req_" + "0" * 32}


def routes_of(app: Quart) -> list[tuple[str, str]]:
    """Method and path of every route, with an example in place of each parameter."""
    found = []
    for rule in app.url_map.iter_rules():
        path = str(rule)
        for name in rule.arguments:
            start = path.rindex("<", 0, path.index(f"{name}>"))
            path = path[:start] + EXAMPLES.get(name, "x") + path[path.index(">", start) + 1 :]
        found += [(method, path) for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}]
    return sorted(found)


async def test_every_route_without_credentials_is_401(product: Product) -> None:
    billing = ("/v1/dashboard", "/dashboard", "/v1/credits")
    asked = 0
    for method, path in routes_of(product.app):
        if path in PUBLIC or not path.startswith(("/api/", *billing)):
            continue
        answer = await product.client.request(method, product.base_url + path, json={})
        assert answer.status_code == 401, (method, path)
        assert answer.json()["error"]["message"], (method, path)
        assert answer.headers["x-request-id"].startswith("req_")
        asked += 1
    assert asked > 35


async def test_client_key_opens_no_admin_route(product: Product) -> None:
    for method, path in routes_of(product.app):
        if path.startswith("/api/admin/") and path not in PUBLIC:
            answer = await product.client.request(method, product.base_url + path, json={}, headers=product.headers)
            assert answer.status_code == 401, (method, path)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api", 404),
        ("GET", "/api/nothing", 404),
        ("GET", "/api/user/nothing", 404),
        ("DELETE", "/api/user/balance", 405),
        ("GET", "/api/admin/login", 405),
        ("POST", "/api/user/usage", 405),
        ("GET", "/api/admin/users/none", 404),
        ("GET", "/api/admin/users/99999999999999999999", 404),
        ("GET", "/v1/nothing", 404),
    ],
)
async def test_what_is_not_there_is_said_in_json(product: Product, method: str, path: str, status: int) -> None:
    answer = await product.client.request(method, product.base_url + path, headers=product.headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error"]["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"5", b'"text"', b"\xff\xfe", b'{"a": NaN}'])
async def test_body_that_is_no_object_is_a_400(product: Product, body: bytes) -> None:
    headers = {**await product.login(), "content-type": "application/json"}
    answer = await product.client.post(f"{product.base_url}/api/admin/users", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def write_routes(folder: Path, files: dict[str, str]) -> list[str]:
    for name, source in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(source)
    return [str(folder)]


def a_route(path: str, more: str = "") -> str:
    return (
        "from quart import Blueprint\n"
        f"routes = Blueprint('one', __name__)\n{more}\n"
        f"@routes.get({path!r})\nasync def get(**_): return 'ok'\n"
    )


def load(folder: Path, package: str, files: dict[str, str]) -> Quart:
    """An app with these route files in a package of its own."""
    write_routes(folder / package, files)
    (folder / package / "__init__.py").touch()
    sys.path.insert(0, str(folder))
    try:
        app = Quart("test")
        install_api(app, package, [str(folder / package)])
    finally:
        sys.path.remove(str(folder))
    return app


def test_two_files_for_one_path_fail_and_both_are_named(tmp_path: Path) -> None:
    files = {"user/things.py": a_route("/<int:one>"), "user/other.py": _absolute("/api/user/things/<int:two>")}
    with pytest.raises(RouteClash) as caught:
        load(tmp_path, "clashing", files)
    assert "things.py" in str(caught.value)
    assert "other.py" in str(caught.value)


def _absolute(path: str) -> str:
    return (
        "from quart import Blueprint\nfrom quart_proxy.http.answers import also_at\n"
        "routes = Blueprint('one', __name__)\n"
        f"@also_at(routes, {path!r})\nasync def get(**_): return 'ok'\n"
    )


def test_file_without_routes_fails_and_is_named(tmp_path: Path) -> None:
    with pytest.raises(RouteClash, match="empty"):
        load(tmp_path, "lacking", {"user/empty.py": "routes = None\n"})


async def test_file_is_closed_unless_it_says_that_it_is_public(tmp_path: Path) -> None:
    files: dict[str, Any] = {"admin/closed.py": a_route(""), "admin/open.py": a_route("", "PUBLIC = True")}
    app = load(tmp_path, "doors", files)
    guarded = {
        str(rule): app.before_request_funcs.get(rule.endpoint.rpartition(".")[0]) for rule in app.url_map.iter_rules()
    }
    assert guarded["/api/admin/closed"]
    assert not guarded["/api/admin/open"]
