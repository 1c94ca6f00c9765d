"""Whether files make a registry, offline: read them all as one, and keep every fault."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from registry.documents import Registry
from registry.files.gathering import add_texts
from registry.files.positions import Fault
from registry.files.sources import SourceFile, UnreadableSource, list_files, read_file
from registry.schema import parse_files


@dataclass(frozen=True, slots=True)
class Validation:
    """What came of reading `files`. `registry` is None if any fault is an error."""

    files: tuple[str, ...]
    faults: tuple[Fault, ...]
    registry: Registry | None = None

    @property
    def errors(self) -> int:
        return sum(fault.severity == "error" for fault in self.faults)

    @property
    def warnings(self) -> int:
        return len(self.faults) - self.errors

    def exit_status(self, *, warnings_are_errors: bool = False) -> int:
        """0 valid, 1 not."""
        return int(bool(self.faults) if warnings_are_errors else self.registry is None)


def validate(patterns: Sequence[str]) -> Validation:
    """Read the files, folders and globs as one registry; files are called as `patterns` call them.

    A file that cannot be read is a fault. Raises UnreadableSource if a pattern matches nothing.
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
    parsed = parse_files(add_texts(files, [Path(name) for name in names])[0])
    return Validation(names, parsed.faults, parsed.registry)
