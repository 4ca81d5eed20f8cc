"""At which step to kill a command next, so that kills drawn at random are certain to meet every moment that is named.

A moment of a command may last a few steps of thousands, which a hundred free draws may miss. Moments follow one
another: a kill that came too early and one that came too late have a moment between them. So whatever was not met yet
is sought there, by draws that close in on it; when all moments are met, draws go over all steps.

The draws are the same each time, so that what failed fails again. ACCORD_KILL_SEED, any word, draws others; a test that
fails shows by which seed it drew.
"""

import os
import random
from collections import Counter
from collections.abc import Mapping, Sequence

Kill = tuple[str, int]
"""What is counted, and at the how manieth."""


class Kills:
    """The kills of one command and the moments at which they met it."""

    def __init__(
        self, seed: str, spans: Mapping[str, range], moments: Sequence[str], wanted: Sequence[str] | None = None
    ) -> None:
        """`spans` are the steps of each kind (forking.py) that are drawn from, `moments` all there may be, in the order
        in which they come, and `wanted` those that must be met: all, if nothing is said."""
        self.spans = {kind: span for kind, span in spans.items() if span}
        self.moments = moments
        self.wanted = moments if wanted is None else wanted
        self.met: Counter[str] = Counter()
        varied = f"{seed} {os.environ['ACCORD_KILL_SEED']}" if os.environ.get("ACCORD_KILL_SEED") else seed
        # pytest shows it with what failed
        print(f"kills are drawn by the seed {varied!r}: ACCORD_KILL_SEED is what follows {seed!r} in it")
        self._draw = random.Random(varied)
        self._kinds = list(self.spans)
        self._seen: dict[str, list[tuple[int, int]]] = {kind: [] for kind in self._kinds}

    @property
    def missing(self) -> list[str]:
        """What must be met and was not yet."""
        return [moment for moment in self.wanted if not self.met[moment]]

    def draw(self) -> Kill:
        """Where to kill next."""
        self._kinds.append(self._kinds.pop(0))
        for moment in self.missing:
            for kind in self._kinds:
                if between := self._between(kind, self.moments.index(moment)):
                    return kind, self._draw.choice(between)
        if self.missing:
            # what grows with every kill, or threads, have moved a moment away from where it was sought: from the start
            self._seen = {kind: [] for kind in self._kinds}
        return self._kinds[0], self._draw.choice(self.spans[self._kinds[0]])

    def came(self, kill: Kill, moment: str) -> None:
        """Say at what moment the command was killed there."""
        kind, step = kill
        self.met[moment] += 1
        self._seen[kind].append((step, self.moments.index(moment)))

    def _between(self, kind: str, at: int) -> range:
        """The steps after those at which an earlier moment was met, and before those of a later one."""
        span, seen = self.spans[kind], self._seen[kind]
        after = max((step for step, stage in seen if stage < at), default=span.start - 1)
        before = min((step for step, stage in seen if stage > at), default=span.stop)
        return range(after + 1, before)


def all_of(steps: Mapping[str, int]) -> dict[str, range]:
    """All steps that were counted."""
    return {kind: range(1, count + 1) for kind, count in steps.items()}
