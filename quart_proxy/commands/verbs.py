"""What every command is made of: groups whose failures are sentences, and verbs that are imported when asked for."""

import importlib
import os
from collections.abc import Mapping
from typing import Any

import click

from quart_proxy.core.errors import ProxyError
from quart_proxy.settings import SettingsError
from quart_proxy.store.embedded_home import EmbeddedPostgresError


class Failure(click.ClickException):
    """One sentence on stderr, and exit status 1."""


class Misuse(click.ClickException):
    """One sentence on stderr, and exit status 2: what was given cannot be worked with."""

    exit_code = 2


class Commands(click.Group):
    """A group whose foreseeable failures end as a sentence, not as a traceback. Colours are for terminals, and none
    if NO_COLOR says something (no-color.org) or the terminal is dumb."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        return super().make_context(info_name, args, parent, **({"color": False} if is_plain else {}), **extra)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            raise Misuse(str(error)) from None
        except ProxyError as error:
            raise Failure(error.message) from None
        except EmbeddedPostgresError as error:
            raise Failure(str(error)) from None


class LazyCommands(Commands):
    """Imports a verb when it is asked for: what the others need would be half of each start. `verbs` are
    `module:attribute` by name."""

    verbs: Mapping[str, str] = {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.verbs:
            return None
        module, _, name = self.verbs[cmd_name].partition(":")
        found = getattr(importlib.import_module(module), name)
        assert isinstance(found, click.Command)
        return found


def example(text: str) -> str:
    """The last part of a command's help: how it is typed."""
    return f"\b\nExample:\n  {text}"
