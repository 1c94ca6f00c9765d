"""An admin at the door: a bearer token, or the page's cookie with its header against forged requests."""

import hmac

from quart import g, request

from quart_proxy.core.errors import PermissionDenied, Unauthenticated
from quart_proxy.http import service
from quart_proxy.services.auth import AdminSession, AdminSessions

COOKIE = "quart_proxy_admin"
CSRF_HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def require_admin() -> None:
    """Let the request pass if an admin sends it. Raises Unauthenticated, and PermissionDenied when a cookie comes
    without the header that only our own page can set."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        g.session = service(AdminSessions).verify(token.strip())
        return
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        raise Unauthenticated("Sign in: POST /api/admin/login with the admin password gives a token.")
    session = service(AdminSessions).verify(cookie)
    if request.method not in SAFE_METHODS and not hmac.compare_digest(
        request.headers.get(CSRF_HEADER, "").encode(), session.csrf_token.encode()
    ):
        raise PermissionDenied(f"Send {CSRF_HEADER} with the csrf_token that signing in gave.", param=CSRF_HEADER)
    g.session = session


def actor() -> str:
    """Who is acting, as the audit log says it."""
    session: AdminSession = g.session
    return session.subject


def client_address() -> str:
    """Where the request comes from. Never from a header: anyone can write those."""
    client = request.scope.get("client")
    return str(client[0]) if client else "unix"
