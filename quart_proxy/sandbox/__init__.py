"""A stand-in for AI providers: real HTTP, true shapes, exact books, and faults on request."""

from quart_proxy.sandbox.app import create_sandbox
from quart_proxy.sandbox.command import command
from quart_proxy.sandbox.serving import run_sandbox, serve_sandbox

__all__ = ["command", "create_sandbox", "run_sandbox", "serve_sandbox"]
