"""The files of a source as they are laid out: where an entity is written, and what it gets from elsewhere."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Literal, NamedTuple

from registry.documents import DEFAULT_UPSTREAM
from registry.entities import EntityKey, Kind
from registry.files.grammar import CONNECTION
from registry.files.overlays import KEY
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
    """Where an overlay is laid over the files, an entity's own entry is the one in the overlay, and what it is built
    on begins with that of the base: the base speaks for every environment, and is not edited for one.

    Raises ValueError if a file is not YAML.
    """

    def __init__(self, sheets: Sequence[Sheet]) -> None:
        self.sheets = [sheet for sheet in sheets if not is_text(sheet.name)]
        self._texts = {sheet.name: sheet for sheet in sheets if is_text(sheet.name)}

    @cached_property
    def overlays(self) -> list[Sheet]:
        """The files that are laid over the others."""
        return [sheet for sheet in self.sheets if sheet.root.find(KEY) is not None]

    @property
    def own_sheets(self) -> list[Sheet]:
        """The files that edits go into."""
        return self.overlays or self.sheets

    def sections(self, name: str, sheets: Sequence[Sheet] | None = None) -> Iterator[tuple[Sheet, Pair]]:
        """The top-level key of that name in each file, or each of `sheets`, that has it."""
        for sheet in self.sheets if sheets is None else sheets:
            pair = sheet.root.own_pair(name)
            if pair is not None:
                yield sheet, pair

    @cached_property
    def _own_entities(self) -> dict[EntityKey, Found]:
        return self._entities(self.own_sheets)

    @cached_property
    def _base_entities(self) -> dict[EntityKey, Found]:
        """Those below the entries of the overlay; none where there is no overlay."""
        return self._entities([sheet for sheet in self.sheets if sheet not in self.own_sheets])

    def _entities(self, sheets: Sequence[Sheet]) -> dict[EntityKey, Found]:
        return {
            EntityKey(kind, pair.key.text): Found(sheet, section, section.value, pair)
            for kind, name in SECTIONS.items()
            for sheet, section in self.sections(name, sheets)
            for pair in section.value.pairs
            if not pair.is_merge
        }

    def find(self, entity: EntityKey) -> Found | None:
        """The entity's own entry; None where only the base has one. Raises SpliceError if no file has one."""
        if entity not in self._own_entities and not self.is_in_base(entity):
            raise SpliceError(f"{entity} has no entry of its own in the files.")
        return self._own_entities.get(entity)

    def get(self, entity: EntityKey) -> Found:
        """The entity's own entry. Raises SpliceError if there is none."""
        found = self.find(entity)
        if found is None:
            raise SpliceError(f"{entity} has no entry of its own in the files.")
        return found

    # --- texts in files of their own ------------------------------------------------------------------

    def has_prompt_file(self, entity: EntityKey) -> bool:
        """Whether the entity itself names the file of its prompt, or has an alias that does."""
        own = self.find(entity)
        return own is not None and _prompt_path(own.pair.value) is not None

    def find_own_text(self, entity: EntityKey) -> Sheet | None:
        """The file of the entity's own prompt, unless another model, a profile or the defaults have it too."""
        own = self.find(entity)
        path = None if own is None else _prompt_path(own.pair.value)
        if own is None or path is None:
            return None
        name = name_of(own.sheet.name, path)
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

    # --- what an overlay is laid over -----------------------------------------------------------------

    def may_change(self, sheet: Sheet) -> bool:
        """Whether edits may go into it: a text is changed only where it is an entity's own."""
        return sheet in self.own_sheets or is_text(sheet.name)

    def is_in_base(self, entity: EntityKey) -> bool:
        """Whether the entity is there in every environment."""
        return entity in self._base_entities

    def _stanzas(self, entity: EntityKey) -> list[Item]:
        """What is written of the entity, its own entry before that of the base."""
        found = (entities.get(entity) for entities in (self._own_entities, self._base_entities))
        return [one.pair.value for one in found if one is not None and not one.pair.value.is_null]

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
        found = next((item for layer in self._chain(entity) if (item := layer.find("upstreams"))), None)
        return entity.kind == "model" and (found is None or found.is_null)

    def layers(self, entity: EntityKey) -> list[Item]:
        """What an entity is built on, the topmost first: its stanza in the base where an overlay is laid over it,
        and of a model the profiles that it extends, then `defaults.model`."""
        own = self.find(entity)
        return [item for item in self._chain(entity) if own is None or item is not own.pair.value]

    def _chain(self, entity: EntityKey) -> list[Item]:
        """The entity's own entry, if it says anything, and its layers."""
        stanzas = self._stanzas(entity)
        if entity.kind != "model":
            return stanzas
        extends = next((item for stanza in stanzas if (item := stanza.find("extends"))), None)
        names: list[str] = []
        if extends is not None and not extends.is_null:
            names = [item.resolved.text for item in extends.items] if extends.kind == "seq" else [extends.text]
        profiles = [self._top("profiles", name) for name in reversed(names)]
        return [*stanzas, *(item for item in (*profiles, self._top("defaults", "model")) if item is not None)]

    def comes_back(self, entity: EntityKey, path: str) -> Literal["alias", "layer", ""]:
        """What gives the leaf a value where the entity's own line is gone: an alias or `<<` in the entity, or
        what the model is built on. Empty: nothing."""
        names = self.names_of(entity, path)
        own = self.find(entity)
        ways = [PROMPT_TEXT, PROMPT_FILE] if names == PROMPT_TEXT else [names]
        if own is not None and any(is_brought(own.pair.value, way) for way in ways):
            return "alias"
        return "layer" if any(self._below(entity, way) for way in ways) else ""

    def _below(self, entity: EntityKey, names: Sequence[str]) -> Item | None:
        """The value that the entity's layers have for a leaf."""
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
        own = self.find(entity)
        brought = {} if own is None else _brought_by(own.pair.value)
        return any(name in brought or any(layer.find(name) for layer in self.layers(entity)) for name in CONNECTION)

    def _top(self, section: str, *names: str) -> Item | None:
        found = (pair.value.find(*names) for _, pair in self.sections(section))
        item = next((item for item in found if item is not None), None)
        return None if item is None or item.is_null else item


def _prompt_path(item: Item) -> str | None:
    """What an entity, a profile or the defaults name as the file of their prompt."""
    file = item.find(*PROMPT_FILE)
    return None if file is None or file.is_null or file.kind != "scalar" else file.text


def _brought_by(own: Item) -> Mapping[str, Item]:
    return own.entries() if own.kind == "alias" else own.resolved.brought()


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
