"""Questions by mail address that wait, and what becomes of each when its time has come.

Whoever asks gets the same reply by the same steps, whatever is known: the question is put aside with a random time,
and nothing is looked up. When the time has come it is looked up, by another thread; a mail address that was never seen
is forgotten, and one that was gets a mail, at most one a day, and of mails that nobody opens three a month. Looking up
waits for no mail, which are written by a thread of their own: what the bound on mails or the mail server holds up waits
among the mails, and is forgotten after a day. Mail addresses that wait are in memory and nowhere else: what ends the
process forgets them, and they may ask again.
"""

import heapq
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date

from accord.check.layout import RECORD_BYTES
from accord.check.mailboxes import normalised
from accord.check.mailing.settings import MailSettings
from accord.check.mailing.state import DAY_S, UNOPENED, MailState
from accord.workspace.mail import Given

MOST_WAITING = 50_000
"""Questions that wait at a time, and mails; one more question is refused, whatever it is about, one more mail dropped.
"""
LONGEST = 254
"""Characters of a mail address (RFC 5321, 4.5.3.1.3)."""
TOKEN_BYTES = 32
HOUR_S = 3600
TRIES = 3
AGAIN_S = 300
"""After which a mail is tried again that the server could not take."""
PURGE_S = 60
"""From one look for what does not count any more to the next."""


@dataclass(frozen=True, slots=True, order=True)
class _Question:
    due_s: float
    number: int
    mailbox: str = field(compare=False)
    language: str = field(compare=False)


@dataclass(frozen=True, slots=True, order=True)
class _Letter:
    tries: int
    """What the server could not take before stands behind what it was not given yet."""
    due_s: float
    number: int
    name: bytes = field(compare=False)
    to: str = field(compare=False)
    language: str = field(compare=False)
    ends_s: float = field(compare=False)


class Mailing:
    """The questions that wait, and the mails. `ask`, `look_up` and `write` may be called by a thread each."""

    def __init__(
        self,
        settings: MailSettings,
        state: MailState,
        *,
        digest: Callable[[bytes], bytes],
        last_seen: Callable[[bytes], date | None],
        send: Callable[[str, str, bytes, bool], Given],
        below: Callable[[int], int],
        draw: Callable[[int], bytes],
        clock_s: Callable[[], float],
    ) -> None:
        """`digest` names a normalised mail address, `last_seen` says of a name on which day it was seen last, if ever.

        `send` writes to an address in a language with a token, and whether it is the last mail for a month; `below` and
        `draw` are cryptographic randomness: a whole number below another, and random bytes; `clock_s`: seconds since
        1970.
        """
        self._settings = settings
        self._state = state
        self._digest = digest
        self._last_seen = last_seen
        self._send = send
        self._below = below
        self._draw = draw
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._waiting: list[_Question] = []
        self._letters: list[_Letter] = []
        self._named: set[bytes] = set()
        """Of whom a mail waits, or is on its way."""
        self._count = 0
        self._sent: deque[float] = deque()
        self._purged_s = clock_s()

    def ask(self, mailbox: str, language: str) -> bool:
        """Put a question aside, for a time at random; of what is no mail address too, and nothing is told of either.

        False: too many wait, and none is taken, whatever it is about.
        """
        span_ms = (self._settings.most_delay_s - self._settings.least_delay_s) * 1000
        delay_s = self._settings.least_delay_s + self._below(span_ms) / 1000
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                return False
            self._count += 1
            due_s = self._clock_s() + delay_s
            heapq.heappush(self._waiting, _Question(due_s, self._count, mailbox[: LONGEST + 1], language))
            return True

    def look_up(self) -> None:
        """Look up every question whose time has come."""
        if abs(self._clock_s() - self._purged_s) >= PURGE_S:
            self._purged_s = self._clock_s()
            self._state.purge(int(self._purged_s))
        while (one := self._next_question()) is not None:
            mailbox = normalised(one.mailbox) if len(one.mailbox) <= LONGEST else None
            if mailbox is None:
                continue
            name, now_s = self._digest(mailbox)[:RECORD_BYTES], self._clock_s()
            day = self._last_seen(name)
            if day is None or not self._state.may_write(name, day, int(now_s)):
                continue
            with self._lock:
                if name not in self._named and len(self._letters) < MOST_WAITING:
                    self._named.add(name)
                    # to the spelling that is known to be seized, and not to another that somebody has entered
                    letter = _Letter(0, now_s, one.number, name, mailbox.decode(), one.language, now_s + DAY_S)
                    heapq.heappush(self._letters, letter)

    def write(self) -> int:
        """Write what is due; how many mails went out. No more go out in an hour than may: the rest waits."""
        went = 0
        while (one := self._next_letter()) is not None:
            went += self._write(one)
        return went

    def _next_question(self) -> _Question | None:
        with self._lock:
            due = self._waiting and self._waiting[0].due_s <= self._clock_s()
            return heapq.heappop(self._waiting) if due else None

    def _next_letter(self) -> _Letter | None:
        now_s = self._clock_s()
        while self._sent and self._sent[0] <= now_s - HOUR_S:
            self._sent.popleft()
        with self._lock:
            while self._letters and self._letters[0].due_s <= now_s:
                if self._letters[0].ends_s > now_s and len(self._sent) >= self._settings.mails_an_hour:
                    return None
                one = heapq.heappop(self._letters)
                if one.ends_s > now_s:
                    return one
                self._named.discard(one.name)
        return None

    def _write(self, one: _Letter) -> bool:
        now_s, token = self._clock_s(), self._draw(TOKEN_BYTES)
        given = None
        try:
            unopened = self._state.begin_letter(one.name, token, int(now_s))
            if unopened is None:
                return False
            try:
                given = self._send(one.to, one.language, token, unopened >= UNOPENED)
            finally:
                self._end_letter(one, token, given)
            if given in {Given.TAKEN, Given.UNKNOWN}:
                self._sent.append(now_s)
                return True
            return False
        finally:
            with self._lock:
                if given is Given.LATER and one.tries + 1 < TRIES:
                    heapq.heappush(self._letters, replace(one, due_s=now_s + AGAIN_S, tries=one.tries + 1))
                else:
                    self._named.discard(one.name)

    def _end_letter(self, one: _Letter, token: bytes, given: Given | None) -> None:
        if given in {Given.TAKEN, Given.UNKNOWN}:
            self._state.settle_letter(one.name)
        elif given is Given.REFUSED:
            self._state.refuse_letter(one.name, token)
        else:
            # whatever has kept it from going out, whom it is for may ask again
            self._state.undo_letter(one.name, token)
