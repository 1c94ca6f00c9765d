"""The doors for admins and users: a file is a route. `api/user/balance.py` answers `/api/user/balance`.

Each file exports `routes`, a Blueprint whose paths continue the file's own. Who may come in is decided by the
folder, and denied by default: files under `admin` need an admin, all others a client's key, unless a file
says `PUBLIC = True`.
"""

import importlib
import pkgutil
from collections.abc import Iterable

from quart import Blueprint, Quart

from quart_proxy.http import require_caller
from quart_proxy.http.sessions import require_admin


class RouteClash(ValueError):
    """Two files answer the same path and method, or a file exports no routes."""


def install_api(app: Quart, package: str = __name__, path: Iterable[str] = __path__) -> None:
    """Register every file below `package`. Raises RouteClash naming both files."""
    answered: dict[tuple[str, str], str] = {}
    for found in sorted(pkgutil.walk_packages(path, f"{package}."), key=lambda info: info.name):
        if found.ispkg:
            continue
        module = importlib.import_module(found.name)
        routes = getattr(module, "routes", None)
        if not isinstance(routes, Blueprint):
            raise RouteClash(f"{module.__file__} exports no Blueprint named `routes`.")
        parts = found.name.removeprefix(f"{package}.").split(".")
        if not getattr(module, "PUBLIC", False) and not routes.before_request_funcs:
            routes.before_request(require_admin if parts[0] == "admin" else require_caller)
        known = {id(rule) for rule in app.url_map.iter_rules()}
        name = ".".join(parts)
        app.register_blueprint(routes, url_prefix="/api/" + "/".join(parts).replace("_", "-"), name=name)
        for rule in app.url_map.iter_rules():
            if id(rule) in known:
                continue
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                first = answered.setdefault((_shape(str(rule)), method), str(module.__file__))
                if first != module.__file__:
                    raise RouteClash(f"{method} {rule} is answered by both {first} and {module.__file__}.")


def _shape(rule: str) -> str:
    """A path with its parameters' names left out: `/users/<int:a>` and `/users/<int:b>` are one path."""
    return "/".join("<>" if part.startswith("<") else part for part in rule.rstrip("/").split("/"))
