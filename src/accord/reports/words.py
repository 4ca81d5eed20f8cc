"""Messages that a report says, and the speaker that says them in one language.

Everything that a person reads is a `Message`: an English sentence with named slots, which is also its gettext
msgid. What fills a slot keeps its kind (a number, an instant, a country, a text from outside) until a `Speaker`
says it, so that one content model serves every language. Catalogues are made with
`pybabel extract -k say -k count_of:1,2 src/accord/reports`.

Sources: CLDR by Babel (numbers, country names, lists); Unicode UAX #9 (isolates for mixed directions).
"""

import gettext
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from string import Formatter

from babel import Locale, UnknownLocaleError
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent

from accord.vocabulary.errors import SettingsError

LOCALES = Path(__file__).with_name("locales")
"""Compiled catalogues, `<language>/LC_MESSAGES/accord.mo`; English needs none."""

_FORMATTER = Formatter()
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"

# English puts an article before these names inside a sentence.
_WITH_ARTICLE = frozenset("AE BS CC CD CF CG CK DO FK FO GB GM KM KY MH MP MV NL PH SB SC TC TF UM US VG VI".split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Verbatim:
    """Text from outside (a family, a network owner, a title): never translated, never markup."""

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
class Message:
    """An English sentence with `{named}` slots; with `many`, its plural form for `number`."""

    text: str
    many: str | None = None
    number: int = 0
    slots: tuple[tuple[str, "Value"], ...] = ()


Value = Message | Verbatim | Code | Country | Share | Moment | Together | Lines | int | datetime | None
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A stretch of said text; `code` is to be set in a monospaced face, left to right."""

    text: str
    code: bool = False


class Speaker:
    """Says messages in one language."""

    def __init__(self, locale: Locale, translations: gettext.NullTranslations) -> None:
        self.locale = locale
        self._translations = translations

    @property
    def language(self) -> str:
        """BCP 47 tag of the language, for `lang` attributes and file names."""
        return str(self.locale).replace("_", "-")

    @property
    def right_to_left(self) -> bool:
        """Is the language written from right to left?"""
        return self.locale.text_direction == "rtl"

    def say(self, value: Value) -> str:
        """`value` as plain text: no markup, nothing that a template may interpret."""
        match value:
            case Message():
                return "".join(run.text for run in self._message(value))
            case Code():
                return self._isolated(value.text)
            case int():
                return self.number(value)
            case datetime():
                return self.day(value)
            case Verbatim():
                return self._isolated(value.text)
            case Moment():
                return self.moment(value.at)
            case Country():
                return self.country(value.code, in_sentence=value.in_sentence)
            case Share():
                return self.share(value.value)
            case Together():
                return str(format_list([self.say(part) for part in value.parts], locale=self.locale))
            case Lines():
                return "\n".join(self.say(part) for part in value.parts)
            case None:
                return "\N{EN DASH}"

    def number(self, value: int) -> str:
        """A number with the language's separators."""
        return str(format_decimal(value, locale=self.locale))

    def share(self, value: float) -> str:
        """A share from 0 to 1 in whole per cent; what is neither nothing nor all is never rounded to it."""
        if 0 < value < 0.01:
            return "<\N{NO-BREAK SPACE}" + str(format_percent(0.01, locale=self.locale))
        return str(format_percent(min(value, 0.99) if value < 1 else value, "#,##0%", locale=self.locale))

    def day(self, value: datetime) -> str:
        """The day in UTC by ISO 8601, the same in every language."""
        return self._isolated(value.astimezone(UTC).strftime("%Y-%m-%d"))

    def moment(self, value: datetime) -> str:
        """The minute in UTC, the same in every language."""
        return self._isolated(value.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"))

    def country(self, code: str, *, in_sentence: bool = True) -> str:
        """A country's name by CLDR, with the article that English wants inside a sentence; else its code."""
        name = self.locale.territories.get(code)
        if name is None:
            return self._isolated(code)
        if in_sentence and self.locale.language == "en" and code in _WITH_ARTICLE:
            return f"the {name}"
        return str(name)

    def runs(self, value: Value) -> tuple[Run, ...]:
        """`value` as `say` says it, in stretches, so that a page can set addresses and file names apart."""
        match value:
            case Message():
                return self._message(value)
            case Code():
                return (Run(text=self.say(value), code=True),)
            case _:
                return (Run(text=self.say(value)),)

    def _message(self, message: Message) -> tuple[Run, ...]:
        if message.many is None:
            text = self._translations.gettext(message.text)
        else:
            text = self._translations.ngettext(message.text, message.many, message.number)
        if not message.slots:
            return (Run(text=text),)
        values = dict(message.slots)
        runs: list[Run] = []
        for literal, slot, _, _ in _FORMATTER.parse(text):
            said = (Run(text=literal),) if slot is None else (Run(text=literal), *self.runs(values[slot]))
            for run in said:
                if runs and not run.code and not runs[-1].code:
                    runs[-1] = Run(text=runs[-1].text + run.text)
                elif run.text:
                    runs.append(run)
        return tuple(runs)

    def _isolated(self, text: str) -> str:
        shown = printable(text)
        return f"{_ISOLATE}{shown}{_END_ISOLATE}" if self.right_to_left else shown


@lru_cache(maxsize=16)
def speaker(language: str) -> Speaker:
    """The speaker of a language, by its BCP 47 tag.

    Raises SettingsError when the tag is unknown or there is no catalogue of messages for it.
    """
    try:
        locale = Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        raise SettingsError(
            "this language is not known", expected="a BCP 47 tag such as 'en'", got=repr(language)
        ) from None
    if locale.language == "en":
        return Speaker(locale, gettext.NullTranslations())
    try:
        catalogue = gettext.translation("accord", LOCALES, [str(locale), locale.language])
    except OSError:
        raise SettingsError(
            "there are no translated messages for this language",
            where=str(LOCALES),
            expected="'en', or a language with a catalogue",
            got=repr(language),
            remedy="use 'en', or add the catalogue (docs/reports.md says how)",
        ) from None
    return Speaker(locale, catalogue)
