"""A validation for people, for programs, for GitHub's annotations, and as SARIF. Pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from registry.files.positions import Fault, printable
from registry.files.validation import Validation

CODES: Mapping[str, str] = {
    "E100": "a file that cannot be read, or is not UTF-8",
    "E101": "not YAML",
    "E102": "duplicate key",
    "E103": "key that is no text",
    "E104": "tag or merge that is not supported",
    "E105": "endless, too deep or too large",
    "E201": "unknown field",
    "E202": "missing field",
    "E203": "wrong type or word",
    "E204": "out of range, empty, or twice in a list",
    "E205": "not a slug",
    "E206": "not a base address",
    "E207": "a version that is not known",
    "E208": "fields that exclude each other",
    "E209": "files of different sources or overlays",
    "E301": "a secret written out",
    "E302": "a reference that is none, or where none is read",
    "E303": "a reference that is not read where it is to be served",
    "E304": "an address that is not called where it is to be served",
    "E401": "client name taken",
    "E402": "no such provider",
    "E403": "no such profile",
    "E404": "`moved` or `removed` against the files or against itself",
    "E501": "not a price",
    "E502": "negative price",
    "E503": "price with too many decimals",
    "E504": "price too high",
    "E505": "zero without `free`",
    "E506": "rates or tiers with `free`",
    "E507": "not a threshold of a tier",
    "E508": "a tier with other rates than its price",
    "E601": "a path that is none of a prompt's text",
    "E602": "a prompt's text that is not there, or cannot be read",
    "W501": "cached input above input",
    "W503": "looks like a price per token",
    "W504": "output costs nothing",
    "W601": "prompt text that will be cut",
}
"""What each code means, in one line; docs/models.md has the same table."""

_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render_text(validation: Validation) -> str:
    """Every fault with its source line and a caret, then one line that counts them."""
    return "\n".join([*(fault.render() for fault in validation.faults), _summary(validation)])


def render_json(validation: Validation) -> str:
    return json.dumps(
        {
            "valid": validation.registry is not None,
            "files": list(validation.files),
            "overlays": list(validation.overlays),
            "errors": validation.errors,
            "warnings": validation.warnings,
            "faults": [fault.as_json() for fault in validation.faults],
        },
        indent=2,
    )


def render_github(validation: Validation) -> str:
    """Workflow commands that GitHub shows beside the lines of a pull request, then the count."""
    return "\n".join([*(_annotation(fault) for fault in validation.faults), _summary(validation)])


def render_sarif(validation: Validation) -> str:
    """SARIF 2.1.0, one run, with every code as a rule."""
    rules = [_sarif_rule(code, meaning) for code, meaning in CODES.items()]
    driver = {"name": "registry validate", "rules": rules}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(fault) for fault in validation.faults],
    }
    return json.dumps({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


FORMATS: Mapping[str, Callable[[Validation], str]] = {
    "text": render_text,
    "json": render_json,
    "github": render_github,
    "sarif": render_sarif,
}


def _summary(validation: Validation) -> str:
    with_overlays = f" with the {_overlays(validation.overlays)}" if validation.overlays else ""
    files = validation.files[0] if len(validation.files) == 1 else f"{len(validation.files)} files"
    counts = f"{_count(validation.errors, 'error')}, {_count(validation.warnings, 'warning')} in {files}{with_overlays}"
    if validation.registry is None:
        return printable(counts)
    providers, models = len(validation.registry.providers), len(validation.registry.models)
    return printable(f"{counts}: {_count(providers, 'provider')}, {_count(models, 'model')}")


def _overlays(names: Sequence[str]) -> str:
    return f"overlay{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _message(fault: Fault) -> str:
    return printable(f"{fault.path}: {fault.message}" if fault.path else fault.message)


def _annotation(fault: Fault) -> str:
    place = {"file": fault.file, "line": fault.line, "col": fault.column} if fault.line else {}
    properties = {**place, "title": fault.code}
    written = ",".join(f"{name}={_escaped_property(str(value))}" for name, value in properties.items())
    return f"::{fault.severity} {written}::{_escaped(_message(fault))}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _sarif_rule(code: str, meaning: str) -> dict[str, Any]:
    level = "error" if code.startswith("E") else "warning"
    return {"id": code, "shortDescription": {"text": meaning}, "defaultConfiguration": {"level": level}}


def _sarif_result(fault: Fault) -> dict[str, Any]:
    location: dict[str, Any] = {}
    if fault.line:
        region = {"startLine": fault.line, "startColumn": fault.column}
        location["physicalLocation"] = {"artifactLocation": {"uri": _uri(fault.file)}, "region": region}
    if fault.path:
        location["logicalLocations"] = [{"fullyQualifiedName": printable(fault.path)}]
    return {
        "ruleId": fault.code,
        "level": fault.severity,
        "message": {"text": _message(fault)},
        **({"locations": [location]} if location else {}),
    }


def _uri(name: str) -> str:
    """Relative, as the file is called; a file called by its whole path needs a scheme."""
    return f"file://{quote(name)}" if name.startswith("/") else quote(name)
