"""What the verbs print of history, holds and faults: lines for people, in which no value can act on a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click

from quart_proxy.commands.registry.colours import painted
from quart_proxy.core.errors import InvalidRegistry
from registry.files.positions import REDACTED, SHOWN_MAX, Fault, printable
from registry.leaves import value_from_json
from registry.planning.shown import plural, shown

Json = Mapping[str, Any]


def say(text: str) -> None:
    """Print lines as they are, control characters taken out."""
    click.echo(painted("\n".join(printable(line) for line in text.split("\n"))))


def revision_line(row: Json) -> str:
    """`12  2026-11-23 10:02  sync      cli:ada  1 update  "new price"`."""
    counts = ", ".join(f"{count} {action}" for action, count in row["counts"].items()) or "nothing live"
    said = f'  "{row["message"]}"' if row["message"] else ""
    rev = f"  @ {row['rev']}" if row["rev"] else ""
    return f"{row['revision']:>5}  {_minute(row['at'])}  {row['kind']:<8}  {row['actor']}{rev}  {counts}{said}"


def change_lines(changes: Sequence[Json]) -> list[str]:
    """Each entity, and below it each field from and to."""
    lines = []
    for change in changes:
        moved = f" (was {change['moved_from']})" if change["moved_from"] else ""
        lines.append(f"  {change['action']} {change['entity']}{moved}")
        if change["action"] != "delete":
            lines += [f"      {field['path']:<24} {_sides(field)}" for field in change["fields"]]
    return lines


def hold_line(hold: Json) -> str:
    what = hold["entity"] or "everything"
    fields = f" {hold['fields']}" if hold["fields"] else ""
    until = "until the files change" if hold["until_files_change"] else f"until {_minute(hold['until'])}"
    return f"{hold['id']:>5}  {what}{fields}  {until}  {hold['by']}: {hold['reason']}"


@contextmanager
def faults_shown() -> Iterator[None]:
    """Prints every fault of files that cannot be used, and ends with exit status 1."""
    try:
        yield
    except InvalidRegistry as error:
        if not error.faults:
            raise
        for fault in error.faults:
            click.echo(painted(_fault(fault).render()), err=True)
        errors = sum(fault.get("severity") != "warning" for fault in error.faults)
        raise click.ClickException(f"The files cannot be used: {plural(errors, 'fault')}.") from None


def _fault(document: Json) -> Fault:
    """A fault that came as JSON. Where something was hidden or cut, no caret can be right, so the line is left out."""
    source, column = str(document.get("source_line", "")), int(document.get("column", 0))
    is_whole = REDACTED not in source and 0 < column <= len(source) + 1 and len(source) < SHOWN_MAX
    return Fault(
        code=str(document.get("code", "E100")),
        path=str(document.get("path", "")),
        message=str(document.get("message", "")),
        file=str(document.get("file", "")),
        line=int(document.get("line", 0)),
        column=column,
        source_line=source if is_whole else "",
        caret=column - 1,
    )


def status_lines(status: Json) -> list[str]:
    sync = status["sync"]
    lines = [f"revision {status['revision']}, mode {status['mode']}"]
    if sync is None:
        lines.append("no file was read yet")
    else:
        lines.append(f"files read {_minute(sync['at'])}: {sync['outcome']}. {sync['message']}".rstrip())
    for source in status["sources"]:
        rev = f" @ {source['rev']}" if source["rev"] else ""
        lines.append(
            f"source {source['source']}{rev}: applied {_minute(source['applied_at'])}, revision {source['revision']}"
        )
    lines += _pending_lines(status["pending"])
    lines.append(f"{plural(status['drift'], 'live edit')} not in the files")
    for conflict in status["conflicts"]:
        lines.append(f"conflict  {conflict['address']}")
    lines += [f"hold  {hold_line(hold).strip()}" for hold in status["holds"]]
    for worker in status["workers"]:
        behind = f", {worker['behind']} behind" if worker["behind"] else ""
        lines.append(f"worker {worker['name']}: revision {worker['revision']}{behind}")
    for missing in status["missing_secrets"]:
        lines.append(f"no key  {missing['entity']} {missing['reference']}: {missing['reason']}")
    return lines


def _pending_lines(pending: Json) -> list[str]:
    changed = ["pending: the files were changed since they were applied"] if pending["files_changed"] else []
    count = pending["deferred"]
    return [*changed, *([f"pending: the last sync left {count} alone"] if count else [])]


def check_lines(report: Json) -> list[str]:
    checks = report["checks"]
    return [f"{'ok' if check['ok'] else 'FAILED':<7} {check['name']:<10} {check['message']}" for check in checks]


def applied_line(answer: Json) -> str:
    """What an apply came to."""
    if not answer["changed"]:
        return f"Nothing to apply: revision {answer['revision']}."
    counts = answer["plan"]["counts"]
    names = (
        ("create", "created"),
        ("update", "updated"),
        ("move", "moved"),
        ("remove", "removed"),
        ("release", "released"),
        ("adopt", "adopted"),
        ("record", "recorded"),
        ("defer", "left in conflict"),
    )
    done = [f"{counts[name]} {word}" for name, word in names if counts.get(name)]
    return f"Applied: revision {answer['revision']}, {', '.join(done) or 'nothing live'}."


def _sides(field: Json) -> str:
    before, after = (shown(value_from_json(field[side])) for side in ("from", "to"))
    why = f"  ({field['why']})" if field.get("why") else ""
    return f"{before} -> {after}{why}"


def _minute(at: str | None) -> str:
    return "never" if at is None else at[:16].replace("T", " ")
