"""Messages that a report says, and the speaker that says them in one language.

Everything that a person reads is a `Message`: an English sentence with named slots, which is also its gettext
msgid (`accord.workspace.translations`). What fills a slot keeps its kind (a number, an instant, a country, a text
from outside) until a `Speaker` says it, so that one content model serves every language. A comment that begins with
`l10n:` on the lines before a message is for its translators.

In a language that is written from right to left, whatever is not in it stands in isolates (UAX #9, section 2.4), so
that it turns nothing around it: U+2066 (left to right) before addresses, days, AS numbers and labels, U+2068 (as its
first letter says) before names from outside, U+2069 behind either. Media with a markup of their own for that take
`runs` instead, so that who copies an address copies nothing invisible. Where a phrase of ours that ends in a foreign
word fills a slot, U+200F closes it: a number behind it would be taken for a part of that word (W7).

Sources: CLDR by Babel (numbers, country names, lists); Unicode Standard Annex #9, Unicode Bidirectional Algorithm.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from gettext import NullTranslations
from string import Formatter

from babel import Locale
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent

from accord.vocabulary.errors import SettingsError
from accord.workspace.translations import LANGUAGES, catalogue
from accord.workspace.translations.places import in_sentence, short_name

_FORMATTER = Formatter()
_PLACE = 0xE000
"""Private-use characters that stand for values while CLDR joins them."""
_PLACES = re.compile("([\ue000-\uf8ff])")

_I_SOUND = re.compile("h?[ií](?![aeo])", re.IGNORECASE)
"""How a word begins before which the Spanish y is e (Ortografía de la lengua española; ICU's lists do the same)."""

_GROUPED_FROM = {"es": 10_000}
"""Numbers below are not grouped: CLDR's minimumGroupingDigits, which Babel leaves aside (Ortografía, 5.2.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verbatim:
    """Text from outside (a family, a network owner, a title): never translated, never markup."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """An AS number, ports, a TLP label: the same in every language, left to right, in the face of its sentence."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """An address, name, hash or file name: never translated, left to right, in a monospaced face."""

    text: str
    tag: "Message | None" = None
    """A word beside it, such as `new`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """A country by its ISO 3166-1 alpha-2 code; said as its name in the reader's language."""

    code: str
    in_sentence: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share from 0 to 1, said in whole per cent."""

    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """An instant said to the minute; a bare `datetime` is said as its day."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Several values as a list in one sentence: `a, b and c`."""

    parts: tuple["Value", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Several values under each other in one cell."""

    parts: tuple["Value", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clauses:
    """Several values in one line, parted as clauses are: `a; b; c`."""

    parts: tuple["Value", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentences:
    """Whole sentences, one after the other."""

    parts: tuple["Value", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An English sentence with `{named}` slots; with `many`, its plural form for `number`."""

    text: str
    many: str | None = None
    number: int = 0
    slots: tuple[tuple[str, "Value"], ...] = ()


Value = (
    Message
    | Verbatim
    | Fixed
    | Code
    | Country
    | Share
    | Moment
    | Together
    | Lines
    | Clauses
    | Sentences
    | int
    | datetime
    | None
)
"""What a slot or a cell can hold; None is said as a dash."""


def say(text: str, /, **slots: Value) -> Message:
    """A message; `text` is a literal, so that it can be extracted for translators."""
    return Message(text=text, slots=tuple(slots.items()))


def count_of(one: str, many: str, number: int, /, **slots: Value) -> Message:
    """A message whose form depends on `number`, which fills its slot `{n}`."""
    return Message(text=one, many=many, number=number, slots=(*slots.items(), ("n", number)))


NAME_LIMIT = 90
"""Characters of a name (a family, an owner) that are shown; machine files hold it whole."""


def named(name: str) -> Verbatim:
    """A name from outside, cut where it is longer than any real one."""
    return Verbatim(text=name if len(name) <= NAME_LIMIT else name[: NAME_LIMIT - 1] + "\N{HORIZONTAL ELLIPSIS}")


@lru_cache(maxsize=16_384)
def printable(text: str) -> str:
    """`text` with what has no shape of its own (controls, overrides of direction, lone surrogates) made visible.

    A right-to-left override in a family name would turn the rest of its line round: it is shown as `<U+202E>`.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        f"<U+{ord(character):04X}>"
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        else character
        for character in text
    )


class Flow(StrEnum):
    """Whose direction a stretch of text has."""

    OURS = "ours"
    """The language's own."""
    THEIRS = "theirs"
    """That of its first letter: it was written by somebody else."""
    LATIN = "latin"
    """From left to right in every language."""


_ISOLATES = {Flow.THEIRS: "\u2068", Flow.LATIN: "\u2066"}
_END_ISOLATE = "\u2069"
_RIGHT_TO_LEFT_MARK = "\u200f"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A stretch of said text; `code` is to be set in a monospaced face."""

    text: str
    flow: Flow = Flow.OURS
    code: bool = False


def _stands_apart(before: Run, after: Run) -> bool:
    """Would the end of `before` touch the wrong end of a foreign name? Arabic writes "and" onto the next word."""
    return (
        before.text[-1:].isalpha()
        and after.flow is not Flow.OURS
        and unicodedata.bidirectional(after.text[:1]) not in {"R", "AL"}
    )


def _ends_foreign(run: Run) -> bool:
    """Would a number after our own words join their last one, as after a role that ends in "C2"?"""
    return run.flow is Flow.OURS and bool(re.search(r"[A-Za-z][0-9]*$", run.text))


class Speaker:
    """Says messages in one language."""

    def __init__(self, locale: Locale, translations: NullTranslations) -> None:
        self.locale = locale
        self._translations = translations

    @property
    def language(self) -> str:
        """BCP 47 tag of the language, for `lang` attributes and file names."""
        return str(self.locale).replace("_", "-")

    @property
    def own_name(self) -> str:
        """What the language calls itself, as it stands in a list of languages."""
        name = str(self.locale.get_display_name(self.locale))
        return name[:1].upper() + name[1:]

    @property
    def right_to_left(self) -> bool:
        """Is the language written from right to left?"""
        return self.locale.text_direction == "rtl"

    def say(self, value: Value) -> str:
        """`value` as plain text: no markup, nothing that a template may interpret."""
        if isinstance(value, Lines):
            return "\n".join(self.say(part) for part in value.parts)
        runs = self.runs(value)
        return "".join(self.isolated(run) for run in runs) if self.right_to_left else "".join(run.text for run in runs)

    def isolated(self, run: Run) -> str:
        """A run for a text without markup: in isolates where its direction is not the language's."""
        if run.flow is Flow.OURS or not self.right_to_left:
            return run.text
        return f"{_ISOLATES[run.flow]}{run.text}{_END_ISOLATE}"

    def runs(self, value: Value) -> tuple[Run, ...]:
        """`value` as `say` says it, in stretches, so that a page can set addresses and file names apart."""
        match value:
            case Message():
                return self._message(value)
            case Code():
                return (Run(text=printable(value.text), flow=Flow.LATIN, code=True),)
            case Verbatim():
                return (Run(text=printable(value.text), flow=Flow.THEIRS),)
            case Fixed():
                return (Run(text=printable(value.text), flow=Flow.LATIN),)
            case bool() | int():
                return (Run(text=self.number(value)),)
            case datetime():
                return (Run(text=self.day(value), flow=Flow.LATIN),)
            case Moment():
                return (Run(text=self.moment(value.at), flow=Flow.LATIN),)
            case Country():
                return (self._country(value, ""),)
            case Share():
                return (Run(text=self.share(value.value), flow=Flow.LATIN),)
            case Together() | Clauses() | Sentences() | Lines():
                return self._joined(value)
            case None:
                return (Run(text="\N{EN DASH}"),)

    def number(self, value: int) -> str:
        """A number with the language's separators, in Latin digits (docs/decisions/0013)."""
        pattern = "#0" if abs(value) < _GROUPED_FROM.get(self.locale.language, 0) else None
        return str(format_decimal(value, pattern, locale=self.locale))

    def share(self, value: float) -> str:
        """A share from 0 to 1 in whole per cent; what is neither nothing nor all is never rounded to it."""
        if 0 < value < 0.01:
            return "<\N{NO-BREAK SPACE}" + str(format_percent(0.01, locale=self.locale))
        return str(format_percent(min(value, 0.99) if value < 1 else value, locale=self.locale))

    def day(self, value: datetime) -> str:
        """The day in UTC by ISO 8601, the same in every language."""
        return value.astimezone(UTC).strftime("%Y-%m-%d")

    def moment(self, value: datetime) -> str:
        """The minute in UTC, the same in every language."""
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")

    def country(self, code: str, *, form: str = "") -> str:
        """A country's name by CLDR as a sentence wants it (`workspace.translations.places`); else its code."""
        return self._country(Country(code=code), form).text

    def name(self, code: str) -> str:
        """A country's bare name by CLDR, as on a map; else its code."""
        return self._country(Country(code=code, in_sentence=False), "").text

    def in_order(self, items: tuple[tuple[Value, Value], ...]) -> list[tuple[Value, Value]]:
        """Pairs by what their first is called here, whatever its case and accents."""

        def key(item: tuple[Value, Value]) -> str:
            letters = unicodedata.normalize("NFKD", self.say(item[0]).casefold())
            return "".join(letter for letter in letters if not unicodedata.combining(letter))

        return sorted(items, key=key)

    def _is_spanish_and(self, run: Run) -> bool:
        return self.locale.language == "es" and run.text == " y "

    def _country(self, country: Country, form: str) -> Run:
        name = self.locale.territories.get(country.code)
        if name is None:
            return Run(text=printable(country.code), flow=Flow.LATIN)
        name = short_name(self.locale.language, country.code, str(name))
        return Run(text=in_sentence(self.locale.language, country.code, name, form) if country.in_sentence else name)

    def _message(self, message: Message) -> tuple[Run, ...]:
        if message.many is None:
            text = self._translations.gettext(message.text)
        else:
            text = self._translations.ngettext(message.text, message.many, message.number)
        if not message.slots:
            return (Run(text=text),)
        values = dict(message.slots)
        runs: list[Run] = []
        for literal, slot, form, _ in _FORMATTER.parse(text):
            runs.append(Run(text=literal))
            if slot is not None:
                value = values[slot]
                runs += (self._country(value, form or ""),) if isinstance(value, Country) else self.runs(value)
                if self.right_to_left and _ends_foreign(runs[-1]):
                    runs.append(Run(text=_RIGHT_TO_LEFT_MARK))
        return _merged(runs)

    def _joined(self, value: Together | Clauses | Sentences | Lines) -> tuple[Run, ...]:
        match value:
            case Together():
                places = [chr(_PLACE + place) for place in range(len(value.parts))]
                runs: list[Run] = []
                for piece in _PLACES.split(str(format_list(places, locale=self.locale))):
                    if piece in places:
                        said = self.runs(value.parts[ord(piece) - _PLACE])
                        if runs and _stands_apart(runs[-1], said[0]):
                            runs.append(Run(text="\N{NO-BREAK SPACE}"))
                        if runs and self._is_spanish_and(runs[-1]) and _I_SOUND.match(said[0].text):
                            runs[-1] = Run(text=" e ")
                        runs += said
                    else:
                        runs.append(Run(text=piece))
                return _merged(runs)
            case Clauses():
                joined = value.parts[-1]
                for part in value.parts[-2::-1]:
                    # l10n: parts two facts that stand beside each other; translate the mark only
                    joined = say("{fact}; {next}", fact=part, next=joined)
                return self.runs(joined)
            case Sentences() | Lines():
                between = " " if isinstance(value, Sentences) else "\n"
                parts = [run for part in value.parts for run in (Run(text=between), *self.runs(part))]
                return _merged(parts[1:])


def _merged(runs: list[Run]) -> tuple[Run, ...]:
    """Runs without empty ones; neighbours in the language's own words are one."""
    merged: list[Run] = []
    for run in runs:
        if merged and run.flow is merged[-1].flow is Flow.OURS:
            merged[-1] = Run(text=merged[-1].text + run.text)
        elif run.text:
            merged.append(run)
    return tuple(merged)


@lru_cache(maxsize=16)
def speaker(language: str) -> Speaker:
    """The speaker of a language, by its BCP 47 tag. Raises SettingsError for one that Accord does not speak."""
    if language not in LANGUAGES:
        raise SettingsError(
            "Accord does not speak this language.",
            expected="one of " + ", ".join(LANGUAGES),
            got=repr(language),
            remedy="choose one of these, or add a catalogue of messages (docs/translations.md says how)",
        )
    return Speaker(Locale.parse(language, sep="-"), catalogue(language))
