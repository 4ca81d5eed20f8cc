"""How many of something may be under way at a time: of one, and of all."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from accord.web.problems import ProblemError


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Counts what is under way, in one thread."""

    of_one: int
    of_all: int
    status: HTTPStatus = HTTPStatus.TOO_MANY_REQUESTS
    words: str = "Others of your requests are worked on."
    """How one more is refused."""
    _held: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def taken(self, who: str) -> Iterator[None]:
        """While one more of `who` is under way. Raises ProblemError where that is one too many."""
        if self._held[who] >= self.of_one or self._held.total() >= self.of_all:
            raise ProblemError(self.status, self.words)
        self._held[who] += 1
        try:
            yield
        finally:
            self._held[who] -= 1
            if not self._held[who]:
                del self._held[who]
