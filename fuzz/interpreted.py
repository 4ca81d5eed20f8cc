"""Compiled kernels run as the Python that they are written in, with every access to an array checked.

Atheris cannot look into machine code, and numba leaves out bounds checks (`boundscheck=False`) to be fast. So some runs
put `interpret_kernels()` in front: `numba.njit` then gives back the Python function, in whose arrays every index must
lie inside (a negative one too, which NumPy would count from the end) and every number that is stored must fit its
type. A branch taken is a branch that Atheris sees.
"""

import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numba
import numba.extending
import numpy as np


class OutsideError(IndexError):
    """A kernel reached outside of an array; compiled, it would have read or written somebody else's memory."""


class CheckedArray:
    """An array as a kernel may use it."""

    __slots__ = ("_length", "_view", "shape")

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.shape = array.shape
        self._length = array.shape[0]
        # A view's items are plain Python numbers, and it refuses to store what its type cannot hold.
        self._view = memoryview(array)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Any]:
        return iter(self._view)

    def __getitem__(self, place: Any) -> Any:
        if type(place) is not int:
            place = self._place(place)
            if type(place) is tuple and len(place) < len(self.shape):
                return [self._view[(*place, at)] for at in range(self.shape[-1])]
        elif len(self.shape) > 1:
            return self[(place,)]
        if type(place) is int and not 0 <= place < self._length:
            raise OutsideError(f"index {place} in an array of {self._length}")
        return self._view[place]

    def __setitem__(self, place: Any, value: Any) -> None:
        place = self._place(place)
        if type(place) is int and not 0 <= place < self._length:
            raise OutsideError(f"index {place} in an array of {self._length}")
        self._view[place] = bool(value) if self._view.format == "?" else int(value)

    def take(self, at: int, count: int) -> np.ndarray[Any, Any]:
        """`count` items from `at` on, as a kernel loads them into a register of the processor."""
        if not 0 <= at <= self._length - count:
            raise OutsideError(f"{count} items from index {at} in an array of {self._length}")
        return np.asarray(self._view[at : at + count])

    def _place(self, place: Any) -> int | tuple[int, ...]:
        if not isinstance(place, tuple):
            return int(place)
        found = tuple(int(one) for one in place)
        for at, size in zip(found, self.shape, strict=False):
            if not 0 <= at < size:
                raise OutsideError(f"index {found} in an array of {self.shape}")
        return found


def interpret_kernels() -> None:
    """From now on `numba.njit` compiles nothing. Must be called before the kernels are imported."""
    loaded = sorted(name for name in sys.modules if name.startswith("accord.") and hasattr(sys.modules[name], "njit"))
    if loaded:
        raise RuntimeError(f"kernels are compiled already: {', '.join(loaded)}")
    numba.njit = _njit
    numba.extending.intrinsic = _intrinsic


def _njit(*arguments: Any, **options: Any) -> Any:
    """Stand in for `numba.njit`, with and without options."""
    del options
    return _interpreted(arguments[0]) if arguments and callable(arguments[0]) else _interpreted


def _interpreted(kernel: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(kernel)
    def run(*arguments: Any) -> Any:
        with np.errstate(over="ignore"):  # as machine arithmetic does
            return _plain(kernel(*[_checked(one) for one in arguments]))

    return run


def _checked(argument: Any) -> Any:
    return CheckedArray(argument) if isinstance(argument, np.ndarray) else _plain(argument)


def _plain(value: Any) -> Any:
    """NumPy's small numbers as Python's: they would overflow where a kernel's 64 bits do not."""
    if isinstance(value, np.generic):
        return value.item()
    return tuple(_plain(one) for one in value) if isinstance(value, tuple) else value


def _equal_mask(data: CheckedArray, at: int, byte: int) -> np.uint64:
    return _bits(data.take(at, 64) == byte)


def _high_mask(data: CheckedArray, at: int) -> np.uint64:
    return _bits(data.take(at, 64) > 127)


def _load_word(data: CheckedArray, at: int) -> np.uint64:
    return np.uint64(int.from_bytes(data.take(at, 8).tobytes(), "little"))


def _trailing_zeros(word: int) -> int:
    return (int(word) & -int(word)).bit_length() - 1 if word else 64


def _ones(word: int) -> int:
    return int(word).bit_count()


def _bits(mask: np.ndarray[Any, Any]) -> np.uint64:
    found: np.uint64 = np.packbits(mask, bitorder="little").view(np.uint64)[0]
    return found


_INTRINSICS: dict[str, Callable[..., Any]] = {
    "equal_mask": _equal_mask,
    "high_mask": _high_mask,
    "load_word": _load_word,
    "trailing_zeros": _trailing_zeros,
    "ones": _ones,
}
"""What `columns.words` generates for the processor, in Python."""


def _intrinsic(function: Callable[..., Any]) -> Callable[..., Any]:
    """Stand in for `numba.extending.intrinsic`."""
    return _INTRINSICS[function.__name__]
