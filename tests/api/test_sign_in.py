"""Who gets into /api/admin: the password, the token, the cookie and its header."""

import base64
import time
from typing import Any

import jwt
import orjson
import pytest
from product import ADMIN_PASSWORD, Product
from sqlalchemy import text

from quart_proxy.http.sessions import BROWSER_COOKIE, CSRF_HEADER
from quart_proxy.services.admin_sessions import AUDIENCE, ISSUER, AdminSessions


async def login(product: Product, password: Any = ADMIN_PASSWORD) -> Any:
    return await product.client.post(f"{product.base_url}/api/admin/login", json={"password": password})


async def get_users(product: Product, **headers: str) -> int:
    answer = await product.client.get(f"{product.base_url}/api/admin/users", headers=headers)
    return answer.status_code


async def test_right_password_gives_a_token_and_a_cookie_that_scripts_cannot_read(product: Product) -> None:
    answer = await login(product)
    assert answer.status_code == 200
    assert answer.json().keys() == {"token", "expires_at", "csrf_token"}
    assert answer.headers["cache-control"] == "no-store"
    cookie = answer.headers.get_list("set-cookie")[0]
    assert cookie.startswith(f"{product.admin_cookie}=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/api/admin"} <= set(cookie.split("; "))
    assert "Secure" not in cookie.split("; ")
    assert await get_users(product, authorization=f"Bearer {answer.json()['token']}") == 200


@pytest.mark.parametrize("password", ["wrong", "", None, 5, ["a"], "x" * 2000])
async def test_wrong_password_lets_nobody_in(product: Product, password: Any) -> None:
    answer = await login(product, password)
    assert answer.status_code in (401, 422)
    assert "set-cookie" not in answer.headers


async def test_many_wrong_passwords_close_the_door_to_the_right_one_too(product: Product) -> None:
    statuses = [(await login(product, f"wrong {number}")).status_code for number in range(5)]
    assert statuses == [401] * 5
    # The wait is a second as yet, which a busy machine may take for the next try.
    async with product.database.transaction() as connection:
        await connection.execute(text("UPDATE login_attempts SET last_at = now() + interval '1 hour'"))
    assert (await login(product, "wrong once more")).status_code == 429
    answer = await login(product)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1


async def test_wrong_passwords_of_the_day_before_are_forgotten(product: Product) -> None:
    async with product.database.transaction() as connection:
        await connection.execute(
            text(
                "INSERT INTO login_attempts SELECT address, 60, now() - interval '25 hours'"
                " FROM unnest(ARRAY['*', '127.0.0.1']) AS address"
            )
        )
    assert [(await login(product, "wrong")).status_code for _ in range(5)] == [401] * 5
    async with product.database.read() as connection:
        assert set(await connection.scalars(text("SELECT failures FROM login_attempts"))) == {5}


async def test_strangers_wrong_passwords_do_not_close_the_door_to_a_browser_that_signed_in_before(
    product: Product,
) -> None:
    shown = {"cookie": f"{BROWSER_COOKIE}={(await login(product)).cookies[BROWSER_COOKIE]}"}
    product.client.cookies.clear()
    async with product.database.transaction() as connection:
        await connection.execute(
            text("INSERT INTO login_attempts SELECT address, 60, now() FROM unnest(ARRAY['*', '127.0.0.1']) AS address")
        )
    url = f"{product.base_url}/api/admin/login"
    right, wrong = {"password": ADMIN_PASSWORD}, {"password": "wrong"}
    for forged in ({}, {"cookie": f"{BROWSER_COOKIE}=x"}):
        assert (await product.client.post(url, json=right, headers=forged)).status_code == 429
    assert (await product.client.post(url, json=wrong, headers=shown)).status_code == 401
    answer = await product.client.post(url, json=right, headers=shown)
    assert answer.status_code == 200
    product.client.cookies.clear()
    # It is known again, and the strangers are not: their count is theirs.
    assert (await product.client.post(url, json=right)).status_code == 429
    # A thief of the cookie guesses as slowly as anyone.
    statuses = [(await product.client.post(url, json=wrong, headers=shown)).status_code for _ in range(5)]
    assert statuses == [401] * 5
    async with product.database.transaction() as connection:
        await connection.execute(text("UPDATE login_attempts SET last_at = now() + interval '1 hour'"))
    assert (await product.client.post(url, json=right, headers=shown)).status_code == 429


async def test_what_a_known_browser_shows_opens_nothing_and_scripts_cannot_read_it(product: Product) -> None:
    answer = await login(product)
    (cookie,) = (line for line in answer.headers.get_list("set-cookie") if line.startswith(BROWSER_COOKIE))
    assert {"HttpOnly", "SameSite=Strict", "Path=/api/admin/login"} <= set(cookie.split("; "))
    token = answer.cookies[BROWSER_COOKIE]
    product.client.cookies.clear()
    assert await get_users(product, authorization=f"Bearer {token}") == 401
    assert await get_users(product, cookie=f"{product.admin_cookie}={token}") == 401
    # And a token of an admin makes no browser known.
    async with product.database.transaction() as connection:
        await connection.execute(text("INSERT INTO login_attempts VALUES ('127.0.0.1', 60, now())"))
    named = {"cookie": f"{BROWSER_COOKIE}={answer.json()['token']}"}
    body = {"password": ADMIN_PASSWORD}
    refused = await product.client.post(f"{product.base_url}/api/admin/login", json=body, headers=named)
    assert refused.status_code == 429


async def test_cookies_are_for_tls_alone_where_a_proxy_before_us_speaks_it(product: Product) -> None:
    answer = await product.client.post(
        f"{product.base_url}/api/admin/login",
        json={"password": ADMIN_PASSWORD},
        headers={"x-forwarded-proto": "https"},
    )
    cookies = answer.headers.get_list("set-cookie")
    assert len(cookies) == 2 and all("Secure" in cookie.split("; ") for cookie in cookies)


async def test_cookie_alone_reads_and_cannot_write_without_the_header(product: Product) -> None:
    signed_in = (await login(product)).json()
    product.client.cookies.clear()
    cookie = {"cookie": f"{product.admin_cookie}={signed_in['token']}"}
    url = f"{product.base_url}/api/admin/users"
    assert await get_users(product, **cookie) == 200
    for token in ({}, {CSRF_HEADER: "wrong"}, {CSRF_HEADER: ""}):
        refused = await product.client.post(url, json={"name": "x"}, headers={**cookie, **token})
        assert refused.status_code == 403
    written = await product.client.post(
        url, json={"name": "x"}, headers={**cookie, CSRF_HEADER: signed_in["csrf_token"]}
    )
    assert written.status_code == 201


async def test_page_learns_its_csrf_token_again_and_signs_out(product: Product) -> None:
    signed_in = (await login(product)).json()
    headers = {"authorization": f"Bearer {signed_in['token']}"}
    session = await product.client.get(f"{product.base_url}/api/admin/session", headers=headers)
    assert session.json()["csrf_token"] == signed_in["csrf_token"]
    signed_out = await product.client.post(f"{product.base_url}/api/admin/logout", headers=headers)
    assert signed_out.status_code == 204
    assert f"{product.admin_cookie}=;" in signed_out.headers["set-cookie"]
    assert await get_users(product, **headers) == 401


async def test_two_installations_on_one_host_leave_each_other_their_cookies(product: Product) -> None:
    names = []
    for host in ("one.example:3000", "one.example:3001", "one.example"):
        url = f"{product.base_url}/api/admin/login"
        answer = await product.client.post(url, json={"password": ADMIN_PASSWORD}, headers={"host": host})
        names.append(answer.headers["set-cookie"].partition("=")[0])
        cookie = {"cookie": answer.headers["set-cookie"].partition(";")[0]}
        product.client.cookies.clear()
        assert await get_users(product, host=host, **cookie) == 200
        assert await get_users(product, **cookie) == 401
    assert len(set(names)) == 3


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "admin", "scope": "admin", "iat": now, "exp": now + 60, "jti": "x"}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


FORGERIES: dict[str, dict[str, Any]] = {
    "without exp": {"exp": None},
    "without iat": {"iat": None},
    "without jti": {"jti": None},
    "without sub": {"sub": None},
    "without scope": {"scope": None},
    "of an unknown scope": {"scope": "registry"},
    "expired": {"exp": int(time.time()) - 3600},
    "for another audience": {"aud": "another"},
    "without audience": {"aud": None},
    "by another issuer": {"iss": "another"},
    "from the future": {"iat": int(time.time()) + 3600},
}


@pytest.mark.parametrize("changes", FORGERIES.values(), ids=FORGERIES)
async def test_well_signed_token_with_wrong_claims_is_refused(product: Product, changes: dict[str, Any]) -> None:
    key = product.service(AdminSessions)._signing_key
    good = jwt.encode(claims(), key, algorithm="HS256")
    assert await get_users(product, authorization=f"Bearer {good}") == 200
    forged = jwt.encode(claims(**changes), key, algorithm="HS256")
    assert await get_users(product, authorization=f"Bearer {forged}") == 401


async def test_token_signed_in_another_way_is_refused(product: Product) -> None:
    key = product.service(AdminSessions)._signing_key
    head = base64.urlsafe_b64encode(orjson.dumps({"alg": "none", "typ": "JWT"})).decode().rstrip("=")
    body = base64.urlsafe_b64encode(orjson.dumps(claims())).decode().rstrip("=")
    tokens = [
        f"{head}.{body}.",
        f"{head}.{body}",
        jwt.encode(claims(), "", algorithm="none"),
        jwt.encode(claims(), str(product.settings.jwt_secret), algorithm="HS256"),
        jwt.encode(claims(), key + b"x" * 32, algorithm="HS512"),
        "not.a.token",
        "..",
    ]
    for token in tokens:
        assert await get_users(product, authorization=f"Bearer {token}") == 401


async def test_token_with_one_bit_flipped_is_refused(product: Product) -> None:
    token = (await login(product)).json()["token"]
    for place in range(0, len(token), 7):
        if token[place] == ".":
            continue
        other = "A" if token[place] != "A" else "Z"
        flipped = token[:place] + other + token[place + 1 :]
        assert await get_users(product, authorization=f"Bearer {flipped}") == 401


async def test_client_key_is_no_admin_and_an_admin_token_is_no_client(product: Product) -> None:
    token = (await login(product)).json()["token"]
    product.client.cookies.clear()
    assert await get_users(product, **product.headers) == 401
    answer = await product.client.get(
        f"{product.base_url}/api/user/balance", headers={"authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 401
