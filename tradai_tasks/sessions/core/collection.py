"""Turn garbage collection off where there is much to keep and little to find."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Turn off garbage collection meanwhile, and leave alone for good what is there at the end.

    A graph is hundreds of thousands of small objects; collection would take a quarter of the time.
    """
    is_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if is_on:
            gc.freeze()
            gc.enable()
