"""The garbage collector, at rest where much is built and little thrown away."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collector() -> Iterator[None]:
    """A registry has no rings, and the collector would walk it over and over while it grows; nothing else in the
    process runs while it does. Pauses may overlap: whoever paused it first sets it to work again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
