"""An admin at the door: a bearer token, or the page's cookie with its header against forged requests."""

import hmac

from quart import g, request

from quart_proxy.core.errors import PermissionDenied, Unauthenticated
from quart_proxy.http import service
from quart_proxy.services.admin_sessions import AdminSession, AdminSessions, Scope

_COOKIE = "quart_proxy_admin"
BROWSER_COOKIE = "quart_proxy_browser"
CSRF_HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
REGISTRY = "/api/admin/registry/"
WRITES_NOTHING = frozenset({f"{REGISTRY}validate", f"{REGISTRY}plan", f"{REGISTRY}export"})
"""Paths whose POST only looks: the files come in the body."""


def cookie_name() -> str:
    """The cookie of the address that the browser came to. Cookies of one host are shared by all its ports, so the name
    has the port: two installations side by side would sign each other's admins out."""
    port = request.host.rpartition(":")[2]
    return f"{_COOKIE}_{port}" if port.isascii() and port.isdecimal() else _COOKIE


async def require_admin() -> None:
    """Let the request pass if an admin sends it. Raises Unauthenticated, and PermissionDenied when a cookie comes
    without the header that only our own page can set, or a token's scope ends before this path."""
    session = await _session()
    if not _is_in_scope(session.scope):
        raise PermissionDenied(f"A token of the scope {session.scope} may not do this.")
    g.session = session


async def _session() -> AdminSession:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return await service(AdminSessions).admit(token.strip())
    cookie = request.cookies.get(cookie_name())
    if not cookie:
        raise Unauthenticated("Sign in: POST /api/admin/login with the admin password gives a token.")
    session = await service(AdminSessions).admit(cookie)
    if request.method not in SAFE_METHODS and not hmac.compare_digest(
        request.headers.get(CSRF_HEADER, "").encode(), session.csrf_token.encode()
    ):
        raise PermissionDenied(f"Send {CSRF_HEADER} with the csrf_token that signing in gave.", param=CSRF_HEADER)
    return session


def _is_in_scope(scope: Scope) -> bool:
    if scope == "admin":
        return True
    if not request.path.startswith(REGISTRY):
        return False
    return scope == "registry:apply" or request.method in SAFE_METHODS or request.path.rstrip("/") in WRITES_NOTHING


def actor() -> str:
    """Who is acting, as the audit log says it."""
    session: AdminSession = g.session
    return session.subject


def scope() -> Scope:
    """How far the credential of this request reaches."""
    session: AdminSession = g.session
    return session.scope


def is_secure() -> bool:
    """Whether the browser talks TLS, to us or to a proxy before us. Who writes that header falsely gets a cookie that
    their own browser does not keep."""
    forwarded = request.headers.get("X-Forwarded-Proto", "").partition(",")[0]
    return "https" in (request.scheme, forwarded.strip().lower())


def client_address() -> str:
    """Where the request comes from. Never from a header: anyone can write those."""
    client = request.scope.get("client")
    return str(client[0]) if client else "unix"
