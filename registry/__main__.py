"""The `registry` command: works on `models.yaml` without a server."""

import json
from pathlib import Path

import click

from registry.schema import Fault, Parsed, parse_registry


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The model registry as code."""


@main.command(
    epilog="Example: registry validate models.yaml\n\nExit status: 0 valid (warnings too), 1 faults, 2 usage."
)
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def validate(files: tuple[Path, ...], form: str, as_json: bool) -> None:
    """Check FILES (default: models.yaml) offline and print every fault with its place."""
    parsed = {str(file): _parse(file) for file in files or _default_files()}
    render = _render_json if as_json or form == "json" else _render_text
    click.echo(render(parsed))
    if any(result.registry is None for result in parsed.values()):
        raise SystemExit(1)


def _default_files() -> tuple[Path, ...]:
    default = Path("models.yaml")
    if not default.is_file():
        raise click.UsageError("no models.yaml here; name the file to check")
    return (default,)


def _parse(file: Path) -> Parsed:
    try:
        text = file.read_bytes().decode()
    except UnicodeDecodeError as error:
        message = f"not UTF-8: byte {error.start} cannot be read"
        return Parsed(None, (Fault("E101", "", message, str(file), 1, 1),))
    except OSError as error:
        raise click.ClickException(f"cannot read {file}: {error.strerror}") from None
    return parse_registry(text, file=str(file))


def _counts(parsed: Parsed) -> tuple[int, int]:
    errors = sum(fault.severity == "error" for fault in parsed.faults)
    return errors, len(parsed.faults) - errors


def _render_text(results: dict[str, Parsed]) -> str:
    lines = []
    for file, parsed in results.items():
        lines += [fault.render() for fault in parsed.faults]
        errors, warnings = _counts(parsed)
        held = ""
        if parsed.registry:
            held = f"; {len(parsed.registry.providers)} providers, {len(parsed.registry.models)} models"
        lines.append(f"{file}: {errors} error(s), {warnings} warning(s){held}")
    return "\n".join(lines)


def _render_json(results: dict[str, Parsed]) -> str:
    counts = [_counts(parsed) for parsed in results.values()]
    return json.dumps(
        {
            "files": list(results),
            "errors": sum(errors for errors, _ in counts),
            "warnings": sum(warnings for _, warnings in counts),
            "faults": [fault.as_json() for parsed in results.values() for fault in parsed.faults],
        },
        indent=2,
        ensure_ascii=False,
    )


if __name__ == "__main__":
    main()
