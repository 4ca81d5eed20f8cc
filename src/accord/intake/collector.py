"""Python's collector of cyclic garbage, while documents are parsed."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

COLLECT_AFTER = 200_000
"""Objects that come to be, less those that go, before cyclic garbage is looked for."""


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Let the collector of cyclic garbage look rarely, and not at what was there before.

    Documents are trees of hundreds of thousands of objects without a cycle: looking for one in them again and again
    took a third of their time.
    """
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
