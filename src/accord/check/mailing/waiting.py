"""Questions by mail address that wait, and what becomes of each when its time has come.

Whoever asks gets the same reply by the same steps, whatever is known: the question is put aside with a random time,
and nothing is looked up. When the time has come it is looked up, by another thread; a mail address that was never seen
is forgotten, and one that was gets a mail, at most one a day. Mail addresses that wait are in memory and nowhere else:
what ends the process forgets them, and they may ask again.
"""

import heapq
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from accord.check.layout import RECORD_BYTES
from accord.check.mailboxes import normalised
from accord.check.mailing.settings import MailSettings
from accord.check.mailing.state import MailState
from accord.workspace.mail import Given

MOST_WAITING = 50_000
"""Questions that wait at a time; one more is dropped, and gets the same reply."""
LONGEST = 254
"""Characters of a mail address (RFC 5321, 4.5.3.1.3)."""
TOKEN_BYTES = 32
HOUR_S = 3600
TRIES = 3
AGAIN_S = 300
"""After which a mail is tried again that the server could not take."""


@dataclass(frozen=True, slots=True, order=True)
class _Question:
    due_s: float
    number: int
    mailbox: str = field(compare=False)
    language: str = field(compare=False)
    tries: int = field(compare=False, default=0)


class Mailing:
    """The questions that wait. `ask` and `work` may be called by different threads."""

    def __init__(
        self,
        settings: MailSettings,
        state: MailState,
        *,
        digest: Callable[[bytes], bytes],
        seen: Callable[[bytes], bool],
        send: Callable[[str, str, bytes], Given],
        below: Callable[[int], int],
        draw: Callable[[int], bytes],
        clock_s: Callable[[], float],
    ) -> None:
        """`digest` names a normalised mail address, `seen` says of a name whether it stands in the data.

        `send` writes to an address in a language with a token; `below` and `draw` are cryptographic randomness: a whole
        number below another, and random bytes; `clock_s`: seconds since 1970.
        """
        self._settings = settings
        self._state = state
        self._digest = digest
        self._seen = seen
        self._send = send
        self._below = below
        self._draw = draw
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._waiting: list[_Question] = []
        self._count = 0
        self._sent: deque[float] = deque()

    def ask(self, mailbox: str, language: str) -> None:
        """Put a question aside, for a time at random; of what is no mail address too, and nothing is told of either."""
        span_ms = (self._settings.most_delay_s - self._settings.least_delay_s) * 1000
        delay_s = self._settings.least_delay_s + self._below(span_ms) / 1000
        with self._lock:
            if len(self._waiting) < MOST_WAITING:
                self._put(mailbox[: LONGEST + 1], language, self._clock_s() + delay_s)

    def work(self) -> int:
        """Do what is due; how many mails went out. No more go out in an hour than may: the rest waits."""
        went = 0
        while (one := self._next()) is not None:
            went += self._settle(one)
        return went

    def _put(self, mailbox: str, language: str, due_s: float, tries: int = 0) -> None:
        self._count += 1
        heapq.heappush(self._waiting, _Question(due_s, self._count, mailbox, language, tries))

    def _next(self) -> _Question | None:
        now_s = self._clock_s()
        while self._sent and self._sent[0] <= now_s - HOUR_S:
            self._sent.popleft()
        with self._lock:
            due = self._waiting and self._waiting[0].due_s <= now_s
            if not due or len(self._sent) >= self._settings.mails_an_hour:
                return None
            return heapq.heappop(self._waiting)

    def _settle(self, one: _Question) -> bool:
        mailbox = normalised(one.mailbox) if len(one.mailbox) <= LONGEST else None
        if mailbox is None:
            return False
        name, now_s = self._digest(mailbox)[:RECORD_BYTES], self._clock_s()
        token = self._draw(TOKEN_BYTES)
        if not self._seen(name) or not self._state.begin_letter(name, token, int(now_s)):
            return False
        # to the spelling that is known to be seized, and not to another that somebody has entered
        given = self._send(mailbox.decode(), one.language, token)
        if given is Given.LATER:
            self._state.undo_letter(name, token)
            if one.tries + 1 < TRIES:
                with self._lock:
                    self._put(one.mailbox, one.language, now_s + AGAIN_S, one.tries + 1)
            return False
        self._sent.append(now_s)
        return True
