"""An export in the making: edits, what the files then have to declare, and the proof that they do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from registry.entities import Desired, EntityKey, Leaves, Value
from registry.files.sources import SourceFile
from registry.leaves import document_of, shown_path, upstream_of
from registry.schema import parse_files
from registry.splicing.book import Book
from registry.splicing.splice import (
    AddEntity,
    AddRemoved,
    Edit,
    RemoveEntity,
    RemoveUpstream,
    SetLeaf,
    SpliceError,
    UnsetLeaf,
    changes_of,
    splice,
)


@dataclass(slots=True)
class Draft:
    """Edits of the files in `book`, which declare `desired`. `target` is what they are to declare; a leaf that is
    None there may be declared unset, or not at all. What cannot be edited becomes a sentence in `skipped`."""

    book: Book
    desired: Desired
    edits: list[Edit] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    target: dict[EntityKey, dict[str, Value]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.target = {entity: dict(stanza.leaves) for entity, stanza in self.desired.stanzas.items()}

    def set_leaves(self, entity: EntityKey, leaves: Leaves) -> None:
        """All of these leaves, or none. What is set goes first, so that no table is empty on the way."""
        edits = self._leaf_edits(entity, leaves)
        if self._add(*sorted(edits, key=lambda edit: isinstance(edit, UnsetLeaf))):
            self.target[entity].update(leaves)

    def remove_upstream(self, entity: EntityKey, key: str) -> None:
        left = {path: value for path, value in self.target[entity].items() if upstream_of(path) != key}
        if not any(upstream_of(path) for path in left):
            self.skipped.append(f"{entity} upstreams.{key}: without it the files would have no upstream.")
        elif self._add(RemoveUpstream(entity, key)):
            self.target[entity] = left

    def remove_entity(self, entity: EntityKey) -> None:
        """A model that is destroyed live is so for the files too, unless one environment alone had it: the base does
        not know it, and it is gone on both sides then."""
        if self.book.is_in_base(entity):
            ways = "say `enabled: false` in the overlay, or take it" if entity.kind == "model" else "take it"
            self.skipped.append(f"{entity} is in the base, which every environment reads: {ways} out of the base.")
            return
        is_recorded = entity.kind == "model" and not self.book.overlays
        removed = [AddRemoved(entity.key, destroy=True)] if is_recorded else []
        if self._add(RemoveEntity(entity), *removed):
            del self.target[entity]

    def add_entity(self, entity: EntityKey, leaves: Leaves) -> None:
        if self._add(AddEntity(entity, document_of(leaves))):
            self.target[entity] = dict(leaves)

    def _leaf_edits(self, entity: EntityKey, leaves: Leaves) -> list[Edit]:
        edits = {path: self._leaf_edit(entity, path, leaves[path]) for path in sorted(leaves)}
        prices = [path for path in edits if path.startswith("pricing.")]
        left = {**self.target[entity], **leaves}
        has_price = any(value is not None for path, value in left.items() if path.startswith("pricing."))
        if not has_price and any(self.book.comes_back(entity, path) == "layer" for path in prices):
            # One price cannot be null, nor be there without the others: having none is said of all at once.
            edits = {path: edit for path, edit in edits.items() if path not in prices}
            return [*edits.values(), UnsetLeaf(entity, "pricing", as_null=True)]
        return list(edits.values())

    def _leaf_edit(self, entity: EntityKey, path: str, value: Value) -> Edit:
        if value is not None:
            return SetLeaf(entity, path, value)
        return UnsetLeaf(entity, path, as_null=bool(self.book.comes_back(entity, path)))

    def _add(self, *edits: Edit) -> bool:
        """Whether all of them can be made."""
        try:
            for edit in edits:
                changes_of(self.book, edit)
        except SpliceError as error:
            self.skipped.append(str(error))
            return False
        self.edits += edits
        return True

    def finish(self, files: Sequence[SourceFile]) -> tuple[SourceFile, ...]:
        """The edited files. Raises SpliceError if they do not declare what they are to."""
        if not self.edits:
            return tuple(files)
        edited = splice(files, self.edits)
        said = _declared(edited)
        # What the defaults would give to something new that has none of it.
        nulls = [
            UnsetLeaf(entity, path, as_null=True)
            for entity, leaves in self.target.items()
            for path, value in (said.stanzas[entity].leaves if entity in said.stanzas else {}).items()
            if value is not None and path not in leaves
        ]
        if nulls:
            self.edits += nulls
            edited = splice(edited, nulls)
            said = _declared(edited)
        self._check(said)
        return tuple(edited)

    def _check(self, said: Desired) -> None:
        before = self.desired
        gone = {entity.key for entity in before.stanzas.keys() - self.target.keys() if entity.kind == "model"}
        new = {entity.key for entity in self.target.keys() - before.stanzas.keys() if entity.kind == "model"}
        moved = {old for old, now in before.moved.items() if now not in gone and old not in new}
        _check_names("entities", map(str, self.target), map(str, said.stanzas))
        recorded = set() if self.book.overlays else gone
        _check_names("removed", (before.removed.keys() - new) | recorded, said.removed)
        _check_names("moved", moved, said.moved)
        for entity, meant in self.target.items():
            was = before.stanzas[entity].leaves if entity in before.stanzas else {}
            _check_leaves(entity, meant, said.stanzas[entity].leaves, was)


def _declared(files: Sequence[SourceFile]) -> Desired:
    parsed = parse_files(files)
    if parsed.desired is None:
        fault = next(fault for fault in parsed.faults if fault.severity == "error")
        place = f"{fault.file}:{fault.line}: " if fault.line else ""
        raise SpliceError(f"The edited files would not be valid: {place}{fault.path}: {fault.message}.")
    return parsed.desired


def _check_names(what: str, meant: Iterable[str], said: Iterable[str]) -> None:
    differing = sorted(set(meant) ^ set(said))
    if differing:
        raise SpliceError(f"The edited files would not say what is meant: {what} {', '.join(differing)}.")


def _check_leaves(entity: EntityKey, meant: Leaves, said: Leaves, was: Leaves) -> None:
    for path in sorted(meant.keys() | said.keys()):
        wanted = meant.get(path)
        if said.get(path) != wanted:
            raise SpliceError(
                f"The edited files would say {said.get(path)!r} for {entity} {shown_path(path)}, not {wanted!r}."
            )
        if path not in said and path in was and was[path] is None:
            raise SpliceError(f"The edited files would not declare {entity} {shown_path(path)} any more.")
