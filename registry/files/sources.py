"""The files of one source: which they are, what they say, and the digest that tells one state from another."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from glob import escape, glob, has_magic
from pathlib import Path

TEXT_SUFFIXES = (".md", ".txt")
"""How the names of prompt texts end. Every other file is YAML."""
TEXT_BYTES_MAX = 4_000_000
"""More than any text that is let through has: beyond that a file is not read to its end."""


class UnreadableSource(Exception):
    """No file to read, or one that cannot be read; the message is a sentence for people.

    `file` is the name of the file, empty where none was found.
    """

    def __init__(self, message: str, file: str = "") -> None:
        super().__init__(message)
        self.file = file


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file as it was read: YAML, or the text of a prompt that YAML names. `name` is what faults and plans call it.

    `problem` says of a text why it could not be read; then `text` is empty.
    """

    name: str
    text: str
    problem: str = ""

    @property
    def is_text(self) -> bool:
        return is_text(self.name)


def is_text(name: str) -> bool:
    """Whether a file of this name holds the text of a prompt."""
    return name.lower().endswith(TEXT_SUFFIXES)


def find_files(pattern: str) -> list[Path]:
    """The files that MODELS_FILE means: a file, the YAML files of a folder, or a glob. Those that exist, sorted, and no
    prompt texts, whatever the glob."""
    path = Path(pattern)
    if path.is_dir():
        matches = [name for suffix in ("yaml", "yml") for name in glob(f"{escape(str(path))}/*.{suffix}")]
    else:
        matches = [pattern] if path.is_file() else glob(pattern, recursive=True)
    return sorted(found for match in matches if not is_text(match) and (found := Path(match)).is_file())


def read_files(pattern: str) -> list[SourceFile]:
    """All files of `pattern`, each named from the folder that all of them are in.

    Raises UnreadableSource if there is none, or if one cannot be read or is not UTF-8.
    """
    base = _base_of(pattern)
    return [read_file(path, name=path.relative_to(base).as_posix()) for path in list_files(pattern)]


def list_files(pattern: str) -> list[Path]:
    """The same as `find_files`. Raises UnreadableSource if there is none."""
    paths = find_files(pattern)
    if not paths and is_text(pattern) and Path(pattern).is_file():
        raise UnreadableSource(f"{pattern} is a text by its name; name the YAML file that it belongs to.", pattern)
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


def find_text(folder: Path, path: str, *, name: str) -> SourceFile | None:
    """The text at `path` below the folder of the YAML file that names it; None where there is no such file.

    What is there and may not be read, or cannot be, has a `problem`. Links are followed inside the folder only.
    """
    try:
        found = (folder / path).resolve(strict=True)
        if not found.is_relative_to(folder.resolve()):
            return SourceFile(name, "", "is a link that leads out of the folder; put the text itself there")
        if not found.is_file():
            return SourceFile(name, "", "is not a file")
        with found.open("rb") as source:
            data = source.read(TEXT_BYTES_MAX + 1)
        if len(data) > TEXT_BYTES_MAX:
            return SourceFile(name, "", f"is larger than {TEXT_BYTES_MAX:,} bytes; a prompt is a text of some pages")
        return SourceFile(name, data.decode())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError as error:
        return SourceFile(name, "", f"is not UTF-8: byte {error.start:,} cannot be read; save it as UTF-8")
    except (OSError, RuntimeError) as error:  # a ring of links is a RuntimeError before Python 3.13
        return SourceFile(name, "", f"cannot be read: {getattr(error, 'strerror', None) or 'its links go in a ring'}")


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
