"""The files of a source as they are laid out: where an entity is written, and what it gets from elsewhere."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Literal, NamedTuple

from registry.documents import DEFAULT_UPSTREAM
from registry.entities import EntityKey, Kind
from registry.files.grammar import CONNECTION
from registry.files.prompts import PROMPT_FILE, PROMPT_TEXT, name_of
from registry.files.sources import is_text
from registry.leaves import SHORT_FORM, split_path
from registry.splicing.cuts import SpliceError
from registry.splicing.render_yaml import Raw
from registry.splicing.syntax import Item, Pair, Sheet

SECTIONS: dict[Kind, str] = {"provider": "providers", "model": "models"}
STEP_DEFAULT = 2


class Found(NamedTuple):
    """Where an entity is written: `pair` is its key and value in the section `holder`."""

    sheet: Sheet
    section: Pair
    holder: Item
    pair: Pair

    @property
    def step(self) -> int:
        """How far what is below a key goes in."""
        own = self.pair.value
        if own.kind != "map" or own.is_flow or not own.pairs:
            return STEP_DEFAULT
        column = self.sheet.column
        return max(1, column(own.pairs[0].key.start) - column(self.pair.key.start))


class Book:
    """Raises ValueError if a file is not YAML."""

    def __init__(self, sheets: Sequence[Sheet]) -> None:
        self.sheets = [sheet for sheet in sheets if not is_text(sheet.name)]
        self._texts = {sheet.name: sheet for sheet in sheets if is_text(sheet.name)}

    def sections(self, name: str) -> Iterator[tuple[Sheet, Pair]]:
        """The top-level key of that name in each file that has it."""
        for sheet in self.sheets:
            pair = sheet.root.own_pair(name)
            if pair is not None:
                yield sheet, pair

    @cached_property
    def _entities(self) -> dict[EntityKey, Found]:
        return {
            EntityKey(kind, pair.key.text): Found(sheet, section, section.value, pair)
            for kind, name in SECTIONS.items()
            for sheet, section in self.sections(name)
            for pair in section.value.pairs
            if not pair.is_merge
        }

    def get(self, entity: EntityKey) -> Found:
        """Raises SpliceError if no file has the entity as an entry of its own."""
        found = self._entities.get(entity)
        if found is None:
            raise SpliceError(f"{entity} has no entry of its own in the files.")
        return found

    # --- texts in files of their own ------------------------------------------------------------------

    def has_prompt_file(self, entity: EntityKey) -> bool:
        """Whether the entity itself names the file of its prompt, or has an alias that does."""
        return _prompt_path(self.get(entity).pair.value) is not None

    def find_own_text(self, entity: EntityKey) -> Sheet | None:
        """The file of the entity's own prompt, unless another model, a profile or the defaults have it too."""
        found = self.get(entity)
        path = _prompt_path(found.pair.value)
        if path is None:
            return None
        name = name_of(found.sheet.name, path)
        return self._texts.get(name) if self._uses[name] == 1 else None

    @cached_property
    def _uses(self) -> Counter[str]:
        """How many models, profiles and defaults have a text, by its name."""
        return Counter(
            name_of(sheet.name, path)
            for section in ("defaults", "profiles", "models")
            for sheet, pair in self.sections(section)
            for item in pair.value.resolved.entries().values()
            if (path := _prompt_path(item)) is not None
        )

    # --- what a model is built on ---------------------------------------------------------------------

    def names_of(self, entity: EntityKey, path: str) -> tuple[str, ...]:
        """The keys, from the entity on, below which the leaf is written: those of the short form where the
        model has that."""
        names = split_path(path)
        if names[:2] == ("upstreams", DEFAULT_UPSTREAM) and names[2] in SHORT_FORM and self.is_short(entity):
            return names[2:]
        if names[:2] == ("pricing", "tiers"):
            return *names[:2], Raw(names[2]), names[3]
        return names

    def is_short(self, entity: EntityKey) -> bool:
        """Whether the model has no `upstreams`, its own or one that it gets."""
        chain = [self.get(entity).pair.value, *self.layers(entity)]
        found = next((item for layer in chain if (item := layer.find("upstreams")) and not layer.is_null), None)
        return entity.kind == "model" and (found is None or found.is_null)

    def layers(self, entity: EntityKey) -> list[Item]:
        """What a model is built on, the topmost first: the profiles that it extends, then `defaults.model`."""
        if entity.kind != "model":
            return []
        extends = self.get(entity).pair.value.find("extends")
        names: list[str] = []
        if extends is not None and not extends.is_null:
            names = [item.resolved.text for item in extends.items] if extends.kind == "seq" else [extends.text]
        profiles = [self._top("profiles", name) for name in reversed(names)]
        return [item for item in (*profiles, self._top("defaults", "model")) if item is not None]

    def comes_back(self, entity: EntityKey, path: str) -> Literal["alias", "layer", ""]:
        """What gives the leaf a value where the entity's own line is gone: an alias or `<<` in the entity, or
        what the model is built on. Empty: nothing."""
        names = self.names_of(entity, path)
        ways = [PROMPT_TEXT, PROMPT_FILE] if names == PROMPT_TEXT else [names]
        if any(is_brought(self.get(entity).pair.value, way) for way in ways):
            return "alias"
        return "layer" if any(self._below(entity, way) for way in ways) else ""

    def _below(self, entity: EntityKey, names: Sequence[str]) -> Item | None:
        """The value that the model's layers have for a leaf."""
        found = [layer.find(*names) for layer in self.layers(entity)]
        if names[0] == "upstreams" or (entity.kind == "model" and names[0] in CONNECTION):
            found.append(self._top("defaults", "upstream", names[-1]))
        value = next((item for item in found if item is not None), None)
        return None if value is None or value.is_null else value

    def tags_below(self, entity: EntityKey) -> frozenset[str]:
        """The tags that a model gets whatever its own are."""
        tags: frozenset[str] = frozenset()
        for layer in reversed(self.layers(entity)):
            item = layer.find("tags")
            if item is not None:
                tags = tags | {tag.resolved.text for tag in item.items} if item.kind == "seq" else frozenset()
        return tags

    def connection_below(self, entity: EntityKey) -> bool:
        """Whether a field of the short form comes by an alias or a layer."""
        own = self.get(entity).pair.value
        brought = own.entries() if own.kind == "alias" else own.resolved.brought()
        return any(name in brought or any(layer.find(name) for layer in self.layers(entity)) for name in CONNECTION)

    def _top(self, section: str, *names: str) -> Item | None:
        found = (pair.value.find(*names) for _, pair in self.sections(section))
        item = next((item for item in found if item is not None), None)
        return None if item is None or item.is_null else item


def _prompt_path(item: Item) -> str | None:
    """What an entity, a profile or the defaults name as the file of their prompt."""
    file = item.find(*PROMPT_FILE)
    return None if file is None or file.is_null or file.kind != "scalar" else file.text


def is_brought(item: Item, names: Sequence[str]) -> bool:
    """Whether the value below `names` comes by an alias or `<<` in the item, or would without a line of its own."""
    for number, name in enumerate(names):
        own = None if item.kind == "alias" else item.own_pair(name)
        if own is None or number + 1 == len(names):
            source = item.resolved.entries() if item.kind == "alias" else item.brought()
            value = source[name].find(*names[number + 1 :]) if name in source else None
            return value is not None and not value.is_null
        item = own.value
    return False
