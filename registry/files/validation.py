"""Whether files make a registry, offline: read them all as one, and keep every fault."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from registry.documents import Registry
from registry.files.gathering import add_texts
from registry.files.overlays import find_overlay, in_play, list_overlays
from registry.files.positions import Fault
from registry.files.sources import SourceFile, UnreadableSource, list_files, read_file
from registry.schema import parse_files


@dataclass(frozen=True, slots=True)
class Validation:
    """What came of reading `files`. `registry` is None if any fault is an error; else it is that of the base, or
    of the one overlay that was asked for. `overlays` are those that were laid over the base."""

    files: tuple[str, ...]
    faults: tuple[Fault, ...]
    registry: Registry | None = None
    overlays: tuple[str, ...] = ()

    @property
    def errors(self) -> int:
        return sum(fault.severity == "error" for fault in self.faults)

    @property
    def warnings(self) -> int:
        return len(self.faults) - self.errors

    def exit_status(self, *, warnings_are_errors: bool = False) -> int:
        """0 valid, 1 not."""
        return int(bool(self.faults) if warnings_are_errors else self.registry is None)


def validate(patterns: Sequence[str], overlay: str | None = None) -> Validation:
    """Read the files, folders and globs as one registry; files are called as `patterns` call them. `overlay` is as
    for `validate_files`.

    A file that cannot be read is a fault. Raises UnreadableSource if a pattern matches nothing, or no file is of the
    overlay.
    """
    names = tuple(dict.fromkeys(str(path) for pattern in patterns for path in list_files(pattern)))
    files: list[SourceFile] = []
    unreadable: list[Fault] = []
    for name in names:
        try:
            files.append(read_file(Path(name), name=name))
        except UnreadableSource as error:
            unreadable.append(Fault("E100", "", str(error), name, 1, 1))
    if unreadable:
        return Validation(names, tuple(unreadable))
    files, _ = add_texts(files, [Path(name) for name in names])
    return validate_files(files, overlay)


def validate_files(files: Sequence[SourceFile], overlay: str | None = None) -> Validation:
    """With an overlay, that over the base. Without, what every environment reads: the base, and each overlay that
    there is over it. Raises UnreadableSource if no file is of the overlay.
    """
    if overlay is not None:
        files = in_play(files, overlay)
    parsed = parse_files(in_play(files, overlay))
    overlays = list_overlays(files)
    faults = dict.fromkeys(parsed.faults)
    is_valid = parsed.registry is not None
    for name in overlays if overlay is None else ():
        laid = parse_files(in_play(files, name))
        faults |= dict.fromkeys(_said_of(name, fault, files) for fault in laid.faults if fault not in faults)
        is_valid = is_valid and laid.registry is not None
    names = tuple(file.name for file in files if not file.is_text)
    return Validation(names, tuple(faults), parsed.registry if is_valid else None, tuple(overlays))


def _said_of(overlay: str, fault: Fault, files: Sequence[SourceFile]) -> Fault:
    """A fault that only an overlay makes; where it stands in the base, it says so."""
    if any(file.name == fault.file and find_overlay(file) is None for file in files):
        return replace(fault, message=f"{fault.message} (with the overlay {overlay})")
    return fault
