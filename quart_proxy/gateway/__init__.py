"""The doors that AI clients use: one file an endpoint, each exporting `routes`. What they share is `streaming.py`."""

import importlib
import pkgutil

from quart import Blueprint, Quart


def install_gateway(app: Quart) -> None:
    """Register every file here that exports routes."""
    for found in pkgutil.iter_modules(__path__):
        routes = getattr(importlib.import_module(f"{__name__}.{found.name}"), "routes", None)
        if isinstance(routes, Blueprint):
            app.register_blueprint(routes)
