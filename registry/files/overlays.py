"""Overlays: files that say what is different in one environment, and how they are laid over the others, the base.

A file with `overlay: prod` is read only where `prod` is chosen. Choosing comes first (`in_play`), so whoever is given
files is given those of one environment: their digest, a plan that is kept and what is sent to a server are of these.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from registry.entities import SOURCE_DEFAULT
from registry.files.expansion import expand
from registry.files.grammar import OVERLAY, REGISTRY
from registry.files.positions import Findings
from registry.files.readers import Cursor, is_slug
from registry.files.sources import SourceFile, UnreadableSource
from registry.files.tree import compose

KEY = "overlay"
_LINE = re.compile(r"^overlay:[ \t]+([\"']?)([a-z0-9][a-z0-9._-]*)\1[ \t\r]*(?:#.*)?$", re.MULTILINE)


# --- which files --------------------------------------------------------------------------------------


def in_play(files: Sequence[SourceFile], overlay: str | None) -> list[SourceFile]:
    """The base and the files of the overlay, in their order; None: the base alone.

    Raises UnreadableSource if no file is of that overlay. Where no file is of the base either, all are in play: what
    is wrong with them is for the parser to say.
    """
    names = {file.name: find_overlay(file) for file in files}
    if overlay is not None and overlay not in names.values():
        known = ", ".join(list_overlays(files))
        there = f"there are {known}" if "," in known else f"there is {known}" if known else "there is none"
        raise UnreadableSource(f'No file is of the overlay "{overlay}"; {there}.')
    chosen = [file for file in files if names[file.name] in (None, overlay)]
    return chosen if any(not file.is_text for file in chosen) else list(files)


def list_overlays(files: Iterable[SourceFile]) -> list[str]:
    """Every overlay that a file is of, sorted."""
    return sorted({name for file in files if (name := find_overlay(file)) is not None})


def find_overlay(file: SourceFile) -> str | None:
    """The overlay that a file is of. None for the base, and for a name that is none, which is a fault there."""
    if file.is_text or KEY not in file.text:  # a large base is not read twice
        return None
    findings = Findings([file])
    root = compose(findings.parts[0], findings)
    if root is None:
        # Whoever breaks the file of one environment stops no other.
        line = _LINE.search(file.text)
        return line[2] if line else None
    entry = root.entries.get(KEY)
    return entry.value.text if entry and entry.value.kind == "str" and is_slug(entry.value.text) else None


# --- what they say ------------------------------------------------------------------------------------


def split_files(files: Sequence[Cursor]) -> tuple[list[Cursor], list[Cursor]]:
    """The base, and the files that are laid over it, without what they may not say: that is a fault."""
    base = [file for file in files if KEY not in file.node.entries]
    return base, [_without_misplaced(file) for file in files if KEY in file.node.entries]


def _without_misplaced(file: Cursor) -> Cursor:
    file.findings.mark_overlay(file.place)
    misplaced = [name for name in file.node.entries if name in REGISTRY and name not in OVERLAY]
    for name in misplaced:
        file.field(name).fail_at_key("E208", "belongs in the base: an overlay has providers and models only")
    left = {name: entry for name, entry in file.node.entries.items() if name not in misplaced}
    return file.over(replace(file.node, entries=left))


def check_overlays(base: Sequence[Cursor], overlays: Sequence[Cursor]) -> None:
    """There is a base, all overlays are one, and what they call the source it is without them."""
    for file in overlays:
        name = file.field(KEY)
        if not base:
            name.fail_at_key("E202", "there is no base: every file is of an overlay")
        first = overlays[0].field(KEY)
        if name.node.text != first.node.text:
            where = name.findings.where(first.place[0])
            name.fail("E209", f'must be "{first.node.text}" as at {where}: files of one overlay at a time')
        is_named = any("source" in below.node.entries for below in base)
        if "source" in file.node.entries and not is_named and file.field("source").node.text != SOURCE_DEFAULT:
            file.field("source").fail("E209", f'must be "{SOURCE_DEFAULT}": the base has no name of its own')


def laid_over(
    base: Mapping[str, Cursor], stanzas: Mapping[str, Cursor], check: Callable[[Cursor], object]
) -> dict[str, Cursor]:
    """The entities of the base, those that an overlay has a stanza for under that, and those of the overlay alone.

    A stanza is laid over its entity as a model is over its profiles. `check` finds what is wrong with it by itself.
    """
    entities = dict(base)
    for key, stanza in stanzas.items():
        below = base.get(key)
        if below is None:
            entities[key] = stanza
            continue
        check(stanza)
        if all(cursor.node.kind in ("map", "null") for cursor in (below, stanza)):
            entities[key] = below.over(expand(stanza.node, [below.node]))
    return entities
