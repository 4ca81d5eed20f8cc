"""What every command that reads deliveries makes ready: memory, workers, and what formats may ask."""

import ctypes
import os
import sys
from collections.abc import Callable

import pyarrow as pa

from accord.columns.reading import Context
from accord.reference.store import Reference

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""mallopt(3) of the GNU C library."""
_KEPT_BYTES = 64 << 20
_ARENAS = 2

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is (0: not known)."""


def cores() -> int:
    """Processors that this process may use, at most 8."""
    return min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 8)


def keep_memory() -> None:
    """Let the allocator keep what it has: columns of a million rows come and go, and every time the system must hand
    out and clear their pages again, which took a fifth of a run."""
    pa.set_memory_pool(pa.system_memory_pool())
    allocator = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if allocator is not None:
        allocator(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        allocator(_M_MMAP_THRESHOLD, _KEPT_BYTES)
        # what one thread gives back, another may take: else each keeps its own
        allocator(_M_ARENA_MAX, _ARENAS)


def reading_context(reference: Reference) -> Context:
    """What formats may know of the outside world; it is read when a format first asks."""
    return Context(
        is_public_suffix=lambda name: reference.suffixes.is_public_suffix(name),  # noqa: PLW0108 -- not read before
        has_known_suffix=lambda name: reference.suffixes.has_known_suffix(name),  # noqa: PLW0108
        are_public_suffixes=lambda names: reference.suffixes.are_public_suffixes(names),  # noqa: PLW0108
    )
