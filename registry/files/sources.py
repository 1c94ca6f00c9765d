"""The files of one source: which they are, what they say, and the digest that tells one state from another."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from glob import escape, glob, has_magic
from pathlib import Path


class UnreadableSource(Exception):
    """No file to read, or one that cannot be read; the message is a sentence for people.

    `file` is the name of the file, empty where none was found.
    """

    def __init__(self, message: str, file: str = "") -> None:
        super().__init__(message)
        self.file = file


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file as it was read. `name` is what faults and plans call it."""

    name: str
    text: str


def find_files(pattern: str) -> list[Path]:
    """The files that MODELS_FILE means: a file, the YAML files of a folder, or a glob. Those that exist, sorted."""
    path = Path(pattern)
    if path.is_dir():
        matches = [name for suffix in ("yaml", "yml") for name in glob(f"{escape(str(path))}/*.{suffix}")]
    else:
        matches = [pattern] if path.is_file() else glob(pattern, recursive=True)
    return sorted(found for match in matches if (found := Path(match)).is_file())


def read_files(pattern: str) -> list[SourceFile]:
    """All files of `pattern`, each named from the folder that all of them are in.

    Raises UnreadableSource if there is none, or if one cannot be read or is not UTF-8.
    """
    base = _base_of(pattern)
    return [read_file(path, name=path.relative_to(base).as_posix()) for path in list_files(pattern)]


def list_files(pattern: str) -> list[Path]:
    """The same as `find_files`. Raises UnreadableSource if there is none."""
    paths = find_files(pattern)
    if not paths:
        raise UnreadableSource(f'No file matches "{pattern}".')
    return paths


def read_file(path: Path, *, name: str) -> SourceFile:
    """Raises UnreadableSource if it cannot be read or is not UTF-8."""
    try:
        return SourceFile(name, path.read_bytes().decode())
    except UnicodeDecodeError as error:
        raise UnreadableSource(f"{name} is not UTF-8: byte {error.start:,} cannot be read.", name) from None
    except OSError as error:
        raise UnreadableSource(f"{name} cannot be read: {error.strerror}.", name) from None


def digest_of(files: Iterable[SourceFile]) -> str:
    """`sha256:` and hex over the names and bytes of the files, whatever their order."""
    digest = hashlib.sha256()
    for name, text in sorted((file.name, file.text) for file in files):
        for part in (name, text):
            data = part.encode("utf-8", "surrogateescape")
            # The length first: nothing can move from one part to the next and leave the digest as it was.
            digest.update(f"{len(data)}:".encode() + data)
    return f"sha256:{digest.hexdigest()}"


def _base_of(pattern: str) -> Path:
    """The folder that names begin at: the folder itself, that of the file, or where a glob's wildcards begin."""
    path = Path(pattern)
    if path.is_dir():
        return path
    if path.is_file():
        return path.parent
    return next(parent for parent in path.parents if not has_magic(str(parent)))
