"""The files that a verb was given: as the registry knows them, as people call them, and kept in a plan."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from quart_proxy.commands.registry.origin import Provenance, find_provenance
from quart_proxy.settings import Settings
from registry.files.gathering import gather
from registry.files.sources import SourceFile, list_files, read_file, read_files
from registry.planning.plan_document import Plan


@dataclass(frozen=True, slots=True)
class Given:
    """Files with their paths. Their names begin at the folder that all of them are in, as they do for the server
    that syncs them: wherever they are read, they are the same files."""

    files: tuple[SourceFile, ...]
    paths: tuple[Path, ...]

    def called(self, files: Sequence[SourceFile]) -> tuple[SourceFile, ...]:
        """These files, or edited ones in their place, named from the current folder."""
        here = [Path(os.path.relpath(path)).as_posix() for path in self.paths]
        return tuple(replace(file, name=name) for file, name in zip(files, here, strict=True))

    def changed(self, made: Sequence[SourceFile]) -> list[tuple[Path, SourceFile]]:
        """Those of the edited files that are other than these, with their paths."""
        triples = zip(self.paths, self.files, made, strict=True)
        return [(path, after) for path, before, after in triples if before.text != after.text]


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan with the files that it is of."""

    plan: Plan
    files: tuple[SourceFile, ...]
    provenance: Provenance


def patterns_or_default(patterns: Sequence[str]) -> tuple[str, ...]:
    """What was named, or MODELS_FILE. Raises SettingsError."""
    return tuple(patterns) or (Settings.from_environment().models_file,)


def read_given(patterns: Sequence[str], overlay: str | None) -> Given:
    """The files of all patterns that are in play with this overlay, or with REGISTRY_OVERLAY, and the texts that they
    name. Raises UnreadableSource if a pattern matches nothing, no file is of the overlay, or a YAML file cannot be
    read."""
    files, paths = _read_all(patterns_or_default(patterns))
    files, paths = gather(files, paths, overlay or Settings.from_environment().registry_overlay)
    return Given(tuple(files), tuple(paths))


def _read_all(patterns: Sequence[str]) -> tuple[list[SourceFile], list[Path]]:
    if len(patterns) == 1:
        return read_files(patterns[0]), list_files(patterns[0])
    found = {Path(os.path.abspath(path)): path for pattern in patterns for path in list_files(pattern)}
    folder = os.path.commonpath([path.parent for path in found])
    paths = sorted(found)
    return [read_file(path, name=path.relative_to(folder).as_posix()) for path in paths], paths


def provenance_of(given: Given) -> Provenance:
    return find_provenance(given.paths, Settings.from_environment())


# --- plans in a file ----------------------------------------------------------------------------------


def save_plan(path: Path, document: Mapping[str, Any], files: Sequence[SourceFile], provenance: Provenance) -> None:
    """Keep a plan and its files. Raises ClickException if it cannot be written."""
    bundle = {
        "files": [{"name": file.name, "text": file.text} for file in files],
        "origin": provenance.as_json(),
    }
    try:
        path.write_text(json.dumps({**document, "bundle": bundle}, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}.") from None


def find_saved_plan(patterns: Sequence[str]) -> SavedPlan | None:
    """The plan in the one file that was named; None where it is a registry file, or there are several. Raises
    ClickException for a plan that this version cannot apply."""
    if len(patterns) != 1 or not Path(patterns[0]).is_file():
        return None
    text = read_file(Path(patterns[0]), name=patterns[0]).text
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else None
    except ValueError:
        return None
    if not isinstance(document, dict) or "format" not in document:
        return None
    try:
        return _parse(document)
    except ValueError as error:
        raise click.ClickException(f"{patterns[0]} cannot be applied: {error}.") from None


def _parse(document: Mapping[str, Any]) -> SavedPlan:
    plan = Plan.from_json(document)
    if "bundle" not in document:
        raise ValueError("it has no files in it; write it with `registry plan --out`")
    try:
        bundle = document["bundle"]
        files = tuple(SourceFile(str(file["name"]), str(file["text"])) for file in bundle["files"])
        return SavedPlan(plan, files, Provenance(**bundle["origin"]))
    except (KeyError, TypeError) as error:
        raise ValueError("its files cannot be read") from error
