"""Colours on a terminal: they say again what the sign at the start of a line says, or the word of a fault."""

import re

import click

_COLOURS = {"+": "green", "-": "red", "~": "yellow", ">": "yellow", "!": "magenta", "=": "cyan", "x": "red"}
_SIGN = re.compile(r"( +)([-+~>!=x])( .*)")
_FAULT = re.compile(r"(.*:\d+:\d+: )(error|warning)(\[[EW]\d+\])(.*)")


def painted(text: str) -> str:
    """The same lines in colours. Whatever prints them takes the colours out again where no terminal reads."""
    return "\n".join(map(_paint, text.split("\n")))


def _paint(line: str) -> str:
    if match := _SIGN.fullmatch(line):
        return match[1] + click.style(match[2], fg=_COLOURS[match[2]], bold=True) + match[3]
    if match := _FAULT.fullmatch(line):
        colour = "red" if match[2] == "error" else "yellow"
        return match[1] + click.style(match[2] + match[3], fg=colour, bold=True) + match[4]
    if line.startswith(("Refused", "Exit code")):
        return click.style(line, bold=True)
    return line
