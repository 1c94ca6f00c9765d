"""The names by which clients call models: compared without case, shown as they were written."""

from collections.abc import Iterable


def fold_name(name: str) -> str:
    """The form in which names are compared: case does not matter, nor do blanks around."""
    return name.strip().casefold()


def distinct_aliases(display_name: str, aliases: Iterable[str]) -> list[str]:
    """Without those that are another name of the model in other letters: each name once, as it is written first."""
    names = {fold_name(display_name): display_name}
    return [alias for alias in aliases if names.setdefault(fold_name(alias), alias) is alias]
