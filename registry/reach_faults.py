"""What registry files may not say where they are to be served: addresses that are not called there, and references that
are not read. The files alone cannot tell; the settings of the process do."""

from collections.abc import Iterator

from quart_proxy.core.errors import InvalidRegistry
from quart_proxy.upstream.reach import Reach
from registry.entities import Desired, EntityKey
from registry.files.positions import Fault
from registry.leaves import shown_path, split_path
from registry.uses import list_uses


def list_reach_faults(desired: Desired, reach: Reach) -> list[Fault]:
    """Each where it stands in the files."""
    return [
        _fault(desired, code, entity, path, message)
        for code, entity, path, message in (*_unread(desired, reach), *_uncalled(desired, reach))
    ]


def check_reach(desired: Desired, reach: Reach) -> None:
    """Raise InvalidRegistry with every fault."""
    faults = list_reach_faults(desired, reach)
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise InvalidRegistry(
            f"The registry files cannot be used here: {faults[0].render()}{more}",
            faults=[fault.as_json() for fault in faults],
        )


def _unread(desired: Desired, reach: Reach) -> Iterator[tuple[str, EntityKey, str, str]]:
    for use in list_uses({entity: stanza.leaves for entity, stanza in desired.stanzas.items()}):
        breach = reach.find_breach(use.reference, use.url)
        if breach is not None:
            yield "E303", use.entity, use.path, f"{use.reference}: {breach}"


def _uncalled(desired: Desired, reach: Reach) -> Iterator[tuple[str, EntityKey, str, str]]:
    for entity, stanza in desired.stanzas.items():
        for path, url in stanza.leaves.items():
            if split_path(path)[-1] == "api_url" and isinstance(url, str):
                fault = reach.find_address_fault(url)
                if fault is not None:
                    yield "E304", entity, path, fault


def _fault(desired: Desired, code: str, entity: EntityKey, path: str, message: str) -> Fault:
    file, _, line = desired.stanzas[entity].places[path].rpartition(":")
    return Fault(code, f"{entity.kind}s.{entity.key}.{shown_path(path)}", message, file, int(line), column=1)
