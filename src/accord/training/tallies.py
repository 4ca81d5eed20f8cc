"""How a run compares with a truth: what was found of what is true, and what differs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

EXAMPLES = 3
"""Mismatches of one kind that are spelt out; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """Something that differs from the truth, although the deliveries say it."""

    what: str
    where: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.what}: {self.where}: expected {self.expected}, got {self.got}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Findings of one role against the truth."""

    true: int
    found: int
    held: int
    """Found, but held back for review."""
    missed: int
    wrong: int
    """Found to act on, and not true."""

    @property
    def precision(self) -> float:
        """Share of what was found to act on that is true; 1 when nothing was."""
        return self.found / (self.found + self.wrong) if self.found + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Share of the truth that was found to act on; 1 when there is none."""
        return self.found / self.true if self.true else 1.0


def abridged(mismatches: Sequence[Mismatch]) -> list[Mismatch]:
    """The first examples of each kind, and how many there are besides."""
    kinds = Counter((one.what, one.where if one.where.startswith("reports/") else "") for one in mismatches)
    shown: Counter[tuple[str, str]] = Counter()
    kept = []
    for one in mismatches:
        kind = (one.what, one.where if one.where.startswith("reports/") else "")
        shown[kind] += 1
        if shown[kind] <= EXAMPLES:
            kept.append(one)
        if shown[kind] == kinds[kind] > EXAMPLES:
            rest = kinds[kind] - EXAMPLES
            kept.append(Mismatch(what=one.what, where=kind[1] or "elsewhere", expected="none", got=f"{rest} more"))
    return kept
