"""Options and arguments that the verbs share, each read into what a verb works with."""

import functools
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, cast, get_args
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from quart_proxy.commands.registry.doors import Target
from registry.entities import Choice, EntityKey, Mode, OnConflict, Policy
from registry.leaves import known_path, parse_entity, split_address

Command = Callable[..., None]

MODES: tuple[Mode, ...] = ("three-way", "enforce", "seed-missing")
DURATION_MAX = timedelta(days=366)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhd])")
_FLAGS: Mapping[str, str] = {
    "prune": "Remove what left the files; without it, it goes on being served.",
    "adopt": "Take over what was made live under a key that the files declare.",
    "ignore_hold": "Change what a hold keeps.",
    "allow_mass_prune": "Remove as many models as that.",
    "allow_empty": "The files are meant to declare no model.",
    "allow_price_jump": "Prices are meant to change by so much.",
    "allow_new_host": "Keys are meant to go to hosts that they did not go to before.",
    "allow_stale": "These files are meant, although newer ones were applied.",
}
_POLICY = ("mode", "on_conflict", "force_conflicts", "resolutions", *_FLAGS)


def help_end(typed: str, statuses: str) -> str:
    """The last part of a verb's help: how it is typed, and what its exit status says."""
    return f"\b\nExample:\n  {typed}\n\nExit status: {statuses}"


def print_json(document: Any) -> None:
    """In ASCII: nothing in a value can act on a terminal."""
    click.echo(json.dumps(document, indent=2))


files_argument = click.argument("files", nargs=-1)
overlay_option = click.option(
    "--overlay", metavar="NAME", help="Lay the files of this overlay over the others [default: REGISTRY_OVERLAY]."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, as the API answers it.")
message_option = click.option("--message", metavar="TEXT", help="Why; kept in the history.")
yes_option = click.option("--yes", "is_sure", is_flag=True, help="Do not ask.")
exit_zero_option = click.option("--exit-zero", is_flag=True, help="Exit 0 where it would be 2 or 3.")


def exit_with(status: int, *, exit_zero: bool = False) -> None:
    """End the command. `exit_zero`: neither changes nor conflicts are a failure to who asks."""
    raise SystemExit(0 if exit_zero and status in (2, 3) else status)


# --- values -------------------------------------------------------------------------------------------


class Entity(click.ParamType[EntityKey]):
    name = "entity"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> EntityKey:
        try:
            key = value if isinstance(value, EntityKey) else parse_entity(value)
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)
        if not key.key:
            self.fail(f"`{value}` names no {key.kind}.", param, ctx)
        return key


class Resolution(click.ParamType[tuple[str, Choice]]):
    """`model.gpt-main/pricing=yaml`: the address of a conflict in its one spelling, and which side wins."""

    name = "address=yaml|live"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Choice]:
        if isinstance(value, tuple):
            return cast(tuple[str, Choice], value)
        address, _, choice = value.rpartition("=")
        if choice not in get_args(Choice):
            self.fail(f"`{value}` must end in =yaml or =live.", param, ctx)
        try:
            key, group = split_address(address)
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)
        return f"{key.kind}.{key.key}/{known_path(key, group)}", choice


class Duration(click.ParamType[timedelta]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        match = _DURATION.fullmatch(value)
        span = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None
        if span is None or span > DURATION_MAX:
            self.fail(f"`{value}` is no duration such as 30m, 2h or 1d, of a year at most.", param, ctx)
        return span


# --- where --------------------------------------------------------------------------------------------


def door_options(command: Command) -> Command:
    """Which registry the verb works on, as its `target`, and `as_json`."""

    @click.option(
        "--server", metavar="URL", envvar="REGISTRY_SERVER", show_envvar=True, help="Work on a running server."
    )
    @click.option(
        "--token", metavar="TOKEN", envvar="REGISTRY_TOKEN", show_envvar=True, help="A token of that server's admin."
    )
    @click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder of the embedded database [default: DATA_DIR, or .quart-proxy].",
    )
    @json_option
    @functools.wraps(command)
    def aimed(*args: Any, server: str | None, token: str | None, data_dir: Path | None, **rest: Any) -> None:
        command(*args, target=_target(server, token, data_dir), **rest)

    return aimed


def _target(server: str | None, token: str | None, data_dir: Path | None) -> Target:
    if not server:
        if token and _is_typed("token"):
            raise click.UsageError("--token is for --server; name the server too.")
        return Target(None, None, data_dir)
    if data_dir is not None:
        raise click.UsageError("--data-dir is of this machine, and --server of another: give one of them.")
    token = token.strip() if token else None
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        raise click.UsageError("--token is no token of a server.")
    return Target(_parse_server(server, has_token=token is not None), token or None, None)


def _parse_server(server: str, *, has_token: bool) -> str:
    """The address without a slash at its end; a warning where the token would be read on the way."""
    try:
        url = urlsplit(server.strip())
        host, _ = url.hostname, url.port
    except ValueError:
        host = None
    if not host or url.scheme not in ("http", "https") or "@" in url.netloc or url.query or url.fragment:
        raise click.UsageError("--server must be an address such as https://proxy.example.com.")
    if has_token and url.scheme == "http" and not _is_loopback(host):
        click.echo(f"Warning: the token goes to {host} unencrypted; use https.", err=True)
    return url.geturl().rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# --- policy -------------------------------------------------------------------------------------------


def policy_options(command: Command) -> Command:
    """How to merge, as the verb's `policy`: None if nothing about it was said."""

    @functools.wraps(command)
    def decided(
        *args: Any,
        mode: Mode,
        on_conflict: OnConflict,
        force_conflicts: bool,
        resolutions: tuple[tuple[str, Choice], ...],
        **rest: Any,
    ) -> None:
        flags = {name: rest.pop(name) for name in _FLAGS}
        if force_conflicts and _is_typed("on_conflict") and on_conflict != "take-yaml":
            raise click.UsageError(f"--force-conflicts is --on-conflict take-yaml, not {on_conflict}.")
        if force_conflicts:
            on_conflict = "take-yaml"
        policy = Policy(mode=mode, on_conflict=on_conflict, resolutions=dict(resolutions), **flags)
        command(*args, policy=policy if any(map(_is_typed, _POLICY)) else None, **rest)

    options = [
        click.option("--mode", type=click.Choice(MODES), default="three-way", show_default=True, help="How to merge."),
        click.option(
            "--on-conflict",
            type=click.Choice(get_args(OnConflict)),
            default="fail",
            show_default=True,
            help="What becomes of what the files and a live edit both changed.",
        ),
        click.option("--force-conflicts", is_flag=True, help="The same as --on-conflict take-yaml."),
        click.option(
            "--resolve", "resolutions", type=Resolution(), multiple=True, help="Decide one conflict; may be repeated."
        ),
        *(click.option(f"--{name.replace('_', '-')}", is_flag=True, help=text) for name, text in _FLAGS.items()),
    ]
    for option in reversed(options):
        decided = option(decided)
    return decided


def _is_typed(name: str) -> bool:
    """Whether the option is on the command line."""
    return click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE
