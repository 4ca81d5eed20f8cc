"""Chance that can be repeated: named streams of one seed, the same on every machine and Python."""

import random
from collections.abc import MutableSequence, Sequence
from typing import TypeVar
from uuid import UUID

Item = TypeVar("Item")


class Dice:
    """One stream of random choices.

    Only `random.Random.random` is used: of that method alone Python promises the same sequence for the same
    seed in later versions (library reference, `random`, "Notes on Reproducibility").
    """

    def __init__(self, seed: int, stream: str) -> None:
        self._seed = seed
        self._stream = stream
        self._random = random.Random(f"accord/{seed}/{stream}")  # noqa: S311 (no secret: it must be repeatable)

    def stream(self, name: str) -> "Dice":
        """A stream of its own below this one: drawing from it moves no other."""
        return Dice(self._seed, f"{self._stream}/{name}")

    def fraction(self) -> float:
        """A number from 0 to below 1."""
        return self._random.random()

    def below(self, limit: int) -> int:
        """A whole number from 0 to below `limit`, which is at least 1 and far below 2**53."""
        return int(self._random.random() * limit)

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self._random.random() < probability

    def one(self, items: Sequence[Item]) -> Item:
        """One of `items`, each as likely."""
        return items[self.below(len(items))]

    def weighted(self, items: Sequence[Item], weights: Sequence[float]) -> Item:
        """One of `items` by weight."""
        mark = self._random.random() * sum(weights)
        for item, weight in zip(items, weights, strict=True):
            mark -= weight
            if mark < 0:
                return item
        return items[-1]

    def some(self, items: Sequence[Item], count: int) -> list[Item]:
        """`count` different positions of `items`, in random order; all of them when there are fewer."""
        rest = list(items)
        self.shuffle(rest)
        return rest[:count]

    def shuffle(self, items: MutableSequence[Item]) -> None:
        """Put `items` in a random order (Fisher and Yates), in place."""
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]

    def bits(self, count: int) -> int:
        """A whole number of `count` random bits."""
        number = 0
        for _ in range(0, count, 32):
            number = number << 32 | self.below(1 << 32)
        return number & ((1 << count) - 1)

    def uuid(self) -> UUID:
        """A random UUID (RFC 9562, version 4)."""
        return UUID(int=self.bits(128), version=4)
