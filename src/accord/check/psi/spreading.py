"""Long work on many elements, spread over threads: libsodium's calls release Python's lock."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")

Follow = Callable[[int, int], None]
"""How many of how many are done."""


def unfollowed(done: int, total: int) -> None:
    """Nobody is looking."""
    del done, total


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How work is spread."""

    threads: int = 1
    piece: int = 512
    """Items that are worked on at a time: often enough that somebody sees how far it is."""
    follow: Follow = unfollowed

    def over(self, work: Callable[[Sequence[_Item]], list[_Done]], items: Sequence[_Item]) -> list[_Done]:
        """What `work` makes of pieces of the items, in their order."""
        piece = min(self.piece, -(-len(items) // self.threads) or 1)
        parts = [items[at : at + piece] for at in range(0, len(items), piece)]
        if self.threads == 1 or len(parts) < 2:
            return self._told(map(work, parts), len(items), piece)
        with ThreadPoolExecutor(min(self.threads, len(parts)), "oprf") as pool:
            return self._told(pool.map(work, parts), len(items), piece)

    def _told(self, parts: Iterable[list[_Done]], total: int, piece: int) -> list[_Done]:
        done: list[_Done] = []
        for number, part in enumerate(parts, 1):
            done += part
            self.follow(min(number * piece, total), total)
        return done


ALONE = Spread()
"""In the thread that asks."""
