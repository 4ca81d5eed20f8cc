"""One way to compile a loop over columns to machine code."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile `function` on its first call, keep the machine code on disk, and release the GIL while it runs.

    The function must use only what numba knows in nopython mode; its annotations are for people and mypy.
    """
    return cast(F, numba.njit(cache=True, nogil=True)(function))
