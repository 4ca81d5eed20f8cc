"""Long answers that clients have not read to their end: each has few, so that all of them take bounded memory."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from accord.web.asgi import PIECE

MOST_UNREAD = 8
"""Of one client at a time."""
WAIT_S = 2
"""Seconds after which one who has as many asks again."""
WORDS = "Read the answers that you have asked for."


class Unread:
    """Counts them, in one thread. What is handed to the server at once is not long."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()

    def is_full(self, who: str) -> bool:
        """Would one more be too many?"""
        return self._held[who] >= MOST_UNREAD

    def is_too_much(self, who: str, size: int) -> bool:
        """Would an answer of this many bytes be one too many?"""
        return size > PIECE and self.is_full(who)

    @contextmanager
    def told(self, who: str, size: int) -> Iterator[None]:
        """While an answer is sent."""
        long = size > PIECE
        self._held[who] += long
        try:
            yield
        finally:
            self._held[who] -= long
            if not self._held[who]:
                # nobody stays who has none
                del self._held[who]
