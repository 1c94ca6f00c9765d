"""What a model and its upstreams say once `defaults` and the profiles that the model extends are filled in."""

from collections.abc import Iterable
from dataclasses import replace

from registry.documents import DEFAULT_UPSTREAM
from registry.files.grammar import CONNECTION
from registry.files.tree import EMPTY, Node, merged

_UNIONS = frozenset({"tags"})


def expand(model: Node, layers: Iterable[Node]) -> Node:
    """The model over its layers, the lowest first. Maps merge, `tags` unite, all else is replaced."""
    below = EMPTY
    for layer in layers:
        below = merged(below, layer, unions=_UNIONS)
    return merged(below, _filled(model), unions=_UNIONS)


def upstreams_of(model: Node, defaults: Node = EMPTY) -> dict[str, Node]:
    """The upstreams of the long form by key, or the one that the short form stands for, each over `defaults`."""
    long_form = model.entries.get("upstreams")
    if long_form is None or long_form.value.kind == "null":
        short = {name: entry for name, entry in model.entries.items() if name in CONNECTION}
        return {DEFAULT_UPSTREAM: merged(defaults, Node("map", entries=short))}
    return {key: merged(defaults, _filled(entry.value)) for key, entry in long_form.value.entries.items()}


def _filled(node: Node) -> Node:
    """A key without a value is an empty map."""
    return replace(node, kind="map") if node.kind == "null" else node
