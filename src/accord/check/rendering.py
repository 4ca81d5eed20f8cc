"""The pages and answers of the check as bytes: made once for each version of the data, put together for each visitor.

An answer is a frame whose marks are filled: verdict, address, day, families, what to do. Each visitor's answer is put
together from the same number of parts by the same steps, and blanks behind it bring it to the one size that all
answers of its kind have, whatever they say and in whatever language.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import cache
from hashlib import sha256
from importlib.resources import files
from itertools import groupby
from types import SimpleNamespace

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from accord.check import advice, wording
from accord.check.advice import EVERY, WORDS, System, systems_of
from accord.check.grades import LAST_TOLD, MONTH, NEVER, WORDINGS, Verdict
from accord.check.layout import Family
from accord.check.settings import Contact, Hosts
from accord.reports.families import FALLBACK, what_it_does
from accord.reports.words import Code, Country, Message, Speaker, Verbatim, named, say, speaker
from accord.workspace.translations import LANGUAGES

MOST_FAMILIES = 5
"""That an answer names; where there are more it says so."""

INLINE_COUNTRIES = 3
"""Whose offices stand on the answer itself; where there are more, it leads to the page of all."""

_ROUNDED = 512
"""Bytes: sizes of answers are multiples."""

_SLOTS = ("title", "verdict", "address", "seen", "families", "seen_end", "advice")
_MARKS = {slot: f"\x02{slot}\x03" for slot in _SLOTS}


class Form(Enum):
    """In which form an answer comes."""

    HTML = "text/html; charset=utf-8"
    JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """What the operator says of themselves, and whom they send people to."""

    name: str
    contact: str
    hosts: Hosts
    contacts: tuple[Contact, ...]
    writes: bool = False
    """People may ask about their mail addresses, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """An answer in one form and language, without what differs by visitor."""

    pieces: tuple[bytes, ...]
    """What stands before, between and behind the marks."""
    titles: tuple[bytes, ...]
    """By verdict, as are the next."""
    verdicts: tuple[bytes, ...]
    seen: tuple[bytes, ...]
    """By age in days; the last: not seen."""
    first: tuple[bytes, ...]
    """By family, where it is named first; the last two: no family."""
    further: tuple[bytes, ...]
    more: tuple[bytes, bytes]
    """Behind the families: there are no more, or there are."""
    seen_end: tuple[bytes, bytes]
    """For who was not seen and who was, as is the next."""
    advice: tuple[tuple[bytes, ...], tuple[bytes, ...]]
    """By systems, too."""

    def longest(self) -> int:
        """No answer has more bytes."""
        return (
            sum(map(len, self.pieces))
            + max(map(len, self.titles))
            + max(map(len, self.verdicts))
            + _LONGEST_ADDRESS
            + max(map(len, self.seen))
            + MOST_FAMILIES * max(map(len, (*self.first, *self.further)))
            + max(map(len, self.more))
            + max(map(len, self.seen_end))
            + max(map(len, (*self.advice[0], *self.advice[1])))
        )


_LONGEST_ADDRESS = 45
"""Characters: INET6_ADDRSTRLEN without its end."""


class Answers:
    """The answers of one form and language, from one version of the data."""

    __slots__ = (
        "_ages", "_blanks", "_fill", "_first", "_further", "_heads", "_more", "_systems", "_tails", "_unseen", "size",
    )  # fmt: skip

    def __init__(self, frame: Frame, systems: Sequence[int], size: int) -> None:
        pieces = frame.pieces
        self._heads = tuple(
            b"".join((pieces[0], frame.titles[one], pieces[1], frame.verdicts[one], pieces[2])) for one in Verdict
        )
        self._ages = tuple(b"".join((pieces[3], seen, pieces[4])) for seen in frame.seen)
        self._first, self._further, self._more = frame.first, frame.further, frame.more
        # behind the families, by whether they are told of and by systems
        self._tails = tuple(
            tuple(b"".join((pieces[5], end, pieces[6], one, pieces[7])) for one in advice)
            for end, advice in zip(frame.seen_end, frame.advice, strict=True)
        )
        # behind the families stand two that are not said: one fills up what is named, and runs on nothing; the other
        # is the family of who was not seen, so that they take the same steps as who was
        self._systems = (*systems, 0, EVERY_ONE)
        self._fill = (len(systems),) * MOST_FAMILIES
        self._blanks = memoryview((b" " * 127 + b"\n") * (size // 128 + 1))
        self.size = size
        self._unseen = tuple(self._behind_address(verdict) for verdict in Verdict)

    def _behind_address(self, verdict: Verdict) -> memoryview:
        """What stands behind the address in the answer for who was not seen."""
        whole = self.put_together(verdict, NEVER, (len(self._systems) - 1,), "")
        return memoryview(whole)[len(self._heads[verdict]) :]

    def unseen(self, verdict: int, address: str) -> bytes:
        """The answer for a visitor who was not seen, or may not be told."""
        head, spelled = self._heads[verdict], address.encode()
        return b"".join((head, spelled, self._unseen[verdict][: self.size - len(head) - len(spelled)]))

    def put_together(self, verdict: int, age: int, families: tuple[int, ...], address: str) -> bytes:
        """The answer for one visitor, by the same steps for each; `age` in days before the data's day.

        `families` is never empty: who was not seen has one that is not said.
        """
        further, on = self._further, self._systems
        one, two, three, four, five = (families + self._fill)[:MOST_FAMILIES]
        many = len(families) > MOST_FAMILIES
        systems = (on[one] | on[two] | on[three] | on[four] | on[five], EVERY_ONE)[many]
        parts = (
            self._heads[verdict],
            address.encode(),
            self._ages[age],
            self._first[one],
            further[two],
            further[three],
            further[four],
            further[five],
            self._more[many],
            self._tails[verdict <= LAST_TOLD][systems],
        )
        # one copy of one length into memory of one size, however much of it is blank
        return b"".join((*parts, self._blanks[: self.size - sum(map(len, parts))]))


EVERY_ONE = int(EVERY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """Everything that is answered from one version of the data."""

    pages: Mapping[str, bytes]
    """Where the question is asked, by language."""
    answers: Mapping[Form, Mapping[str, Answers]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is the same for every version of the data."""

    style: bytes
    style_path: str
    reports: Mapping[str, bytes]
    refusals: Mapping[int, Mapping[str, bytes]]
    """By status, then by language."""


def render_standing(hub: Hub) -> Standing:
    """The pages that tell nothing of the data."""
    style, path = _style()
    return Standing(
        style=style,
        style_path=path,
        reports={voice.language: _page("report.html", voice, hub, place="/report") for voice in _voices()},
        refusals={
            status: {
                voice.language: _page(
                    "refusal.html", voice, hub, robots="noindex", title=title, words=words, lead_back=status != 421
                )
                for voice in _voices()
            }
            for status, (title, words) in wording.REFUSALS.items()
        },
    )


def render(hub: Hub, families: Sequence[Family], day: date, rest: Callable[[], None] = lambda: None) -> Rendered:
    """Everything that is answered from data of `day` on `families`; `rest` is called again and again meanwhile."""
    pages: dict[str, bytes] = {}
    frames: dict[Form, dict[str, Frame]] = {form: {} for form in Form}
    systems = tuple(systems_of(one.name, one.platforms) for one in families)
    for voice in _voices():
        rest()
        said = _data_of(day)
        data_of = Markup(_parts(voice, hub).said(said))  # noqa: S704 -- escaped there
        pages[voice.language] = _page("page.html", voice, hub, slots=SimpleNamespace(data_of=data_of))
        frames[Form.HTML][voice.language] = _html(voice, hub, families, day, data_of, rest)
        frames[Form.JSON][voice.language] = _json(voice, families, systems, day)
    sizes = {
        form: -(-max(one.longest() for one in each.values()) // _ROUNDED) * _ROUNDED for form, each in frames.items()
    }
    answers = {
        form: {language: Answers(frame, [int(one) for one in systems], sizes[form]) for language, frame in each.items()}
        for form, each in frames.items()
    }
    return Rendered(pages=pages, answers=answers)


def _data_of(day: date) -> Message:
    return say("The data is of {day}, and goes back 31 days.", day=_midnight(day))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _html(
    voice: Speaker, hub: Hub, families: Sequence[Family], day: date, data_of: Markup, rest: Callable[[], None]
) -> Frame:
    marks = {slot: Markup(mark) for slot, mark in _MARKS.items()}  # noqa: S704 -- what fills them is escaped
    whole = _page("answer.html", voice, hub, slots=SimpleNamespace(data_of=data_of, **marks)).decode()
    parts = _parts(voice, hub)
    named_first = [*_families(parts, families, rest), b"", b""]
    return Frame(
        pieces=_split(whole),
        titles=tuple(str(Markup.escape(voice.say(WORDINGS[one].title))).encode() for one in Verdict),
        verdicts=tuple(parts.verdict(WORDINGS[one], _tone(one)).encode() for one in Verdict),
        seen=(
            *(
                parts.seen(say("Last seen on {day} (UTC).", day=_midnight(day - timedelta(days=age)))).encode()
                for age in range(MONTH + 1)
            ),
            b"",
        ),
        first=tuple(named_first),
        further=tuple(named_first),
        more=(b"", parts.family(None, wording.MORE_FAMILIES).encode()),
        seen_end=(b"", b"</ul></section>"),
        advice=(_advice(parts, wording.WHAT_YOU_CAN_DO), _advice(parts, wording.WHAT_TO_DO)),
    )


def _families(parts: "_Parts", families: Sequence[Family], rest: Callable[[], None]) -> Iterator[bytes]:
    for family in families:
        rest()
        does = what_it_does(family.name) if family.name else wording.UNNAMED
        yield parts.family(named(family.name) if family.name else None, None if does is FALLBACK else does).encode()


def _advice(parts: "_Parts", head: Message) -> tuple[bytes, ...]:
    return tuple(parts.advice(head, _single(systems), systems == EVERY).encode() for systems in range(EVERY + 1))


def _tone(verdict: Verdict) -> str:
    return "seen" if verdict <= LAST_TOLD else "unseen" if verdict is Verdict.NOT_SEEN else "unknown"


def _single(systems: int) -> list[System]:
    return [one for one in WORDS if systems & one]


def _json(voice: Speaker, families: Sequence[Family], systems: Sequence[System], day: date) -> Frame:
    """The same, for programs (docs/check.md)."""
    each = [
        json.dumps({"name": family.name or None, "systems": [WORDS[one] for one in _single(runs_on)]})
        for family, runs_on in zip(families, systems, strict=True)
    ]
    end = ',"systems":%s,"day":"%s","report":"/%s/report"}\n'
    every = tuple(
        (end % (json.dumps([WORDS[one] for one in _single(systems)]), day.isoformat(), voice.language)).encode()
        for systems in range(EVERY + 1)
    )
    return Frame(
        pieces=(b"{", b"", b',"address":"', b'"', b"", b"", b"", b""),
        titles=(b"",) * len(Verdict),
        verdicts=tuple(_verdict_in_json(voice, one) for one in Verdict),
        seen=(
            *(
                f',"last_seen":"{(day - timedelta(days=age)).isoformat()}","families":['.encode()
                for age in range(MONTH + 1)
            ),
            b',"last_seen":null,"families":[',
        ),
        first=(*(one.encode() for one in each), b"", b""),
        further=(*(f",{one}".encode() for one in each), b"", b""),
        more=(b'],"more_families":false', b'],"more_families":true'),
        seen_end=(b"", b""),
        advice=(every, every),
    )


def _verdict_in_json(voice: Speaker, verdict: Verdict) -> bytes:
    said = WORDINGS[verdict]
    told = {
        "grade": said.grade,
        "reason": said.reason,
        "title": voice.say(said.title),
        "text": voice.say(said.text),
        "language": voice.language,
    }
    return json.dumps(told, ensure_ascii=False)[1:-1].encode()


def _split(whole: str) -> tuple[bytes, ...]:
    pieces = []
    for slot in _SLOTS:
        before, mark, whole = whole.partition(_MARKS[slot])
        if not mark:
            raise ValueError(f"the answer's template does not say where its {slot} stands, in the order {_SLOTS}")
        pieces.append(before.encode())
    return (*pieces, whole.encode())


def _voices() -> list[Speaker]:
    return [speaker(language) for language in LANGUAGES]


def _page(template: str, voice: Speaker, hub: Hub, *, place: str = "", robots: str = "all", **content: object) -> bytes:
    return _environment().get_template(template).render(_common(voice, hub, place, robots) | content).encode()


class _Parts:
    """The macros of parts.html, in one language."""

    def __init__(self, module: object) -> None:
        self.verdict = _said(module, "verdict")
        self.seen = _said(module, "seen")
        self.family = _said(module, "family")
        self.advice = _said(module, "advice")
        self.said = _said(module, "said")


def _said(module: object, name: str) -> Callable[..., str]:
    macro = getattr(module, name)
    return lambda *values: str(macro(*values))


def _parts(voice: Speaker, hub: Hub) -> _Parts:
    return _Parts(_environment().get_template("parts.html").make_module(_common(voice, hub, "", "all")))


def _common(voice: Speaker, hub: Hub, place: str, robots: str) -> dict[str, object]:
    return {
        "voice": voice,
        "direction": "rtl" if voice.right_to_left else "ltr",
        "say": voice.say,
        "w": wording,
        "a": advice,
        "hub": hub.name,
        "hosts": hub.hosts,
        "writes": hub.writes,
        "contacts": _by_country(voice, hub.contacts),
        "inline": INLINE_COUNTRIES,
        "languages": [(one.language, one.own_name) for one in _voices()],
        "style": _style()[1],
        "place": place,
        "robots": robots,
        "marking": None,
        "run_by": say(
            "This check is run by {hub}. Questions: {contact}",
            hub=Verbatim(text=hub.name),
            contact=Code(text=hub.contact),
        ),
    }


def _by_country(voice: Speaker, contacts: Sequence[Contact]) -> list[tuple[Country, list[Contact]]]:
    ordered = sorted(contacts, key=lambda one: one.country)
    grouped = {code: list(each) for code, each in groupby(ordered, key=lambda one: one.country)}
    named_first = voice.in_order(tuple((Country(code=code, in_sentence=False), None) for code in grouped))
    return [(country, grouped[country.code]) for country, _ in named_first if isinstance(country, Country)]


@cache
def _style() -> tuple[bytes, str]:
    """The style sheet, and the path that changes with it."""
    pico = files("accord.reports").joinpath("static").joinpath("pico.classless.min.css")
    own = files("accord.check").joinpath("static").joinpath("check.css")
    style = pico.read_bytes() + b"\n" + own.read_bytes()
    return style, f"/style-{sha256(style).hexdigest()[:16]}.css"


@cache
def _environment() -> Environment:
    own = files("accord.check").joinpath("templates")
    shared = files("accord.reports").joinpath("templates")

    def source(name: str) -> str:
        return (shared if name == "macros.html" else own).joinpath(name).read_text("utf-8")

    environment = Environment(
        loader=FunctionLoader(source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters["dialled"] = lambda phone: "".join(one for one in phone if one in "+0123456789")
    return environment


def other_page(template: str, language: str, hub: Hub, *, place: str, robots: str, **content: object) -> bytes:
    """A page beside the check's own: of what is told by mail."""
    return _page(template, speaker(language), hub, place=place, robots=robots, **content)


def sighting_in_words(
    hub: Hub, language: str, families: Sequence[Family], seen: date, which: Message
) -> SimpleNamespace:
    """What was seen and what to do, as parts of a page: `seen`, `families`, `advice`; `which` devices to clean."""
    parts = _parts(speaker(language), hub)
    systems = int(EVERY)
    if families:
        systems = 0
        for one in families:
            systems |= int(systems_of(one.name, one.platforms))
    named_each = b"".join(_families(parts, families[:MOST_FAMILIES], lambda: None)).decode()
    more = parts.family(None, wording.MORE_FAMILIES) if len(families) > MOST_FAMILIES else ""
    return SimpleNamespace(
        seen=Markup(parts.seen(say("Last seen on {day} (UTC).", day=_midnight(seen)))),  # noqa: S704 -- escaped there
        families=Markup(named_each + more),  # noqa: S704 -- escaped there
        advice=Markup(parts.advice(wording.WHAT_TO_DO, _single(systems), systems == EVERY, which)),  # noqa: S704 -- as above
    )
