"""The pages of the check by e-mail: where an address is entered, the one reply to it, and what a link shows.

/LANGUAGE/mail            GET: the form. POST: the reply, the same for everybody
/LANGUAGE/mail/TOKEN      GET: a button, and nothing changes by it. POST: what is known, once
/LANGUAGE/mail/TOKEN/stop GET: a button, and nothing changes by it. POST: no more mails about this
"""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs

from accord.check.limits import ADDRESS_BITS, NETWORK_BITS, Slots
from accord.check.mailing import wording
from accord.check.mailing.letters import MARKING, STOP, read_token, spelled
from accord.check.mailing.settings import MailSettings
from accord.check.mailing.state import MailState
from accord.check.mailing.waiting import LONGEST, Mailing
from accord.check.rendering import Hub, other_page, sighting_in_words
from accord.check.snapshot import CheckData
from accord.reports.words import Message
from accord.workspace.translations import LANGUAGES

_ALL_BITS = 1
_MARK = "\x02token\x03"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which of the pages a path names."""

    language: str
    token: bytes | None = None
    """Of a link; None: the form."""
    stop: bool = False
    """The link by which no more mails are wanted."""


class MailPages:
    """The pages, made once; what a link shows is made for who opens it."""

    def __init__(
        self,
        settings: MailSettings,
        hub: Hub,
        mailing: Mailing,
        state: MailState,
        *,
        salt: bytes,
        clock_s: Callable[[], float],
    ) -> None:
        """`clock_s`: seconds since 1970."""
        self._hub = hub
        self._mailing = mailing
        self._state = state
        self._clock_s = clock_s
        self._addresses = Slots(settings.asked_a_minute, bits=ADDRESS_BITS, salt=salt)
        self._networks = Slots(settings.network_a_minute, bits=NETWORK_BITS, salt=salt[::-1])
        self._all = Slots(settings.all_a_minute, bits=_ALL_BITS, salt=salt)
        self._forms = {one: self._page("mail.html", one) for one in LANGUAGES}
        self._taken = {one: self._words(one, wording.TAKEN, wording.TAKEN_WORDS) for one in LANGUAGES}
        self._gone = {one: self._words(one, wording.GONE, wording.GONE_WORDS) for one in LANGUAGES}
        self._stopped = {one: self._words(one, wording.STOPPED, wording.STOPPED_WORDS) for one in LANGUAGES}
        self._buttons = {
            one: self._words(one, wording.OPEN, wording.OPEN_WORDS, wording.SHOW, f"/{one}/mail/{_MARK}")
            for one in LANGUAGES
        }
        self._stops = {
            one: self._words(one, wording.STOP, wording.STOP_WORDS, wording.STOP_BUTTON, f"/{one}/mail/{_MARK}/{STOP}")
            for one in LANGUAGES
        }

    @staticmethod
    def place(path: str) -> Place | None:
        """The page of a path; None: it is none of these."""
        empty, *parts = path.split("/")
        if empty or not 2 <= len(parts) <= 4 or parts[0] not in LANGUAGES or parts[1] != "mail":
            return None
        if len(parts) == 2:
            return Place(language=parts[0])
        token = read_token(parts[2])
        if token is None or parts[3:] not in ([], [STOP]):
            return None
        return Place(language=parts[0], token=token, stop=len(parts) == 4)

    def shown(self, place: Place) -> bytes:
        """What who opens a page gets; nothing changes by it."""
        if place.token is None:
            return self._forms[place.language]
        state, now_s = self._state, int(self._clock_s())
        if not (state.can_silence(place.token, now_s) if place.stop else state.knows(place.token, now_s)):
            return self._gone[place.language]
        page = (self._stops if place.stop else self._buttons)[place.language]
        return page.replace(_MARK.encode(), spelled(place.token).encode())

    def bound_reached(self, address: bytes, asn: int | None) -> str | None:
        """Which bound on questions a source would go beyond: `address`, `network` or `all`; None: it may ask."""
        if not self._addresses.take(address if len(address) == 4 else address[:8]):
            return "address"
        if not self._networks.take(b"" if asn is None else asn.to_bytes(4, "big")):
            return "network"
        return None if self._all.take(b"") else "all"

    def asked(self, language: str, body: bytes) -> bytes | None:
        """Put a question aside, and what everybody gets who asks; None: too many wait, whatever they are about."""
        return self._taken[language] if self._mailing.ask(_mailbox(body), language) else None

    def told(self, language: str, token: bytes, data: CheckData) -> bytes:
        """What a link shows, which is used up by it."""
        name = self._state.open_link(token, int(self._clock_s()))
        sighting = None if name is None else data.named_mailbox(name)
        if sighting is None:
            return self._gone[language]
        families = [data.families[at] for at in sighting.families]
        parts = sighting_in_words(self._hub, language, families, sighting.last_seen, wording.WHICH)
        stop_at = f"/{language}/mail/{spelled(token)}/{STOP}"
        return self._page("mail_told.html", language, slots=parts, stop_at=stop_at, marking=MARKING)

    def stopped(self, language: str, token: bytes, data: CheckData) -> bytes:
        """That nobody who asks makes us write again about what is known now."""
        silenced = self._state.silence(token, data.day, int(self._clock_s()))
        return (self._stopped if silenced else self._gone)[language]

    def _words(
        self, language: str, title: Message, words: Message, button: Message | None = None, posts_to: str = ""
    ) -> bytes:
        return self._page("mail_words.html", language, title=title, words=words, button=button, posts_to=posts_to)

    def _page(self, template: str, language: str, **content: object) -> bytes:
        robots = "all" if template == "mail.html" else "noindex"
        return other_page(template, language, self._hub, place="/mail", robots=robots, m=wording, **content)


def _mailbox(body: bytes) -> str:
    """What was entered; empty where that cannot be told."""
    try:
        found = parse_qs(body.decode("ascii"), max_num_fields=4, errors="strict").get("mailbox", [""])
    except ValueError:
        return ""
    return found[0][: LONGEST + 1]
