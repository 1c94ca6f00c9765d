"""All files of a source: the YAML files that a pattern means, and the texts of prompts that those name."""

from collections.abc import Sequence
from pathlib import Path

from registry.files.overlays import in_play
from registry.files.prompts import list_prompt_paths, name_of
from registry.files.sources import SourceFile, find_text, list_files, read_files


def gather_files(pattern: str, overlay: str | None = None) -> list[SourceFile]:
    """The files of `pattern` that are in play with this overlay, then the texts. Raises UnreadableSource for a YAML
    file that cannot be read, or none, or none of the overlay; a text that cannot be read is a fault of the file that
    names it."""
    files, _ = gather(read_files(pattern), list_files(pattern), overlay)
    return files


def gather(
    files: Sequence[SourceFile], paths: Sequence[Path], overlay: str | None
) -> tuple[list[SourceFile], list[Path]]:
    """Of the YAML files, which were read from `paths`, those in play, and behind them the texts that they name; and
    where each is. Raises UnreadableSource if no file is of the overlay."""
    chosen = in_play(files, overlay)
    pairs = [(file, path) for file, path in zip(files, paths, strict=True) if file in chosen]
    return add_texts([file for file, _ in pairs], [path for _, path in pairs])


def add_texts(files: Sequence[SourceFile], paths: Sequence[Path]) -> tuple[list[SourceFile], list[Path]]:
    """The YAML files, which were read from `paths`, and behind them the texts that they name; and where each is."""
    texts: dict[str, tuple[SourceFile, Path]] = {}
    for file, path in zip(files, paths, strict=True):
        for below in list_prompt_paths(file):
            text = find_text(path.parent, below, name=name_of(file.name, below))
            # Two folders may lead to one text, and a link out of either is a fault.
            if text is not None and (text.name not in texts or text.problem):
                texts[text.name] = text, path.parent / below
    found = [texts[name] for name in sorted(texts)]
    return [*files, *(text for text, _ in found)], [*paths, *(path for _, path in found)]
