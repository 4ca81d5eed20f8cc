"""Reading TOML settings so that every mistake is named by file, key, expectation and what was found."""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from accord.columns.instants import EPOCH, LATEST_US
from accord.vocabulary.errors import SettingsError, UnreadableError
from accord.vocabulary.lengths import MAX_TEXT, MAX_TITLE
from accord.workspace.regular import open_regular
from accord.workspace.translations import LANGUAGES

SETTINGS_LIMIT = 4 * 1024 * 1024
"""Bytes of the largest settings file that is read."""

TABLES = ("agreement", "channel", "check", "database", "dataset", "hub", "ledger", "mail", "partner", "peer", "serve")
"""What a workspace's settings may hold; whoever reads them reads some of it, and passes over the rest."""

FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2100, 12, 31)
MOST = 1_000_000_000
"""The largest amount."""

_Choice = TypeVar("_Choice", bound=StrEnum)
_Name = TypeVar("_Name", bound=str)
_MAIL = re.compile(r"[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,253}", re.ASCII)
_IDENTIFIER = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?", re.ASCII)


def read_settings(path: Path) -> "SettingsTable":
    """Read a TOML file; SettingsError when it is no TOML (with the line), UnreadableError when it can't be read."""
    try:
        # a device says that it has no bytes, and gives more than there is room for
        with open_regular(path) as file:
            data = file.read(SETTINGS_LIMIT + 1)
        if len(data) > SETTINGS_LIMIT:
            raise SettingsError(
                "The settings file is too large.",
                where=str(path),
                expected=f"at most {SETTINGS_LIMIT} bytes",
                got=f"more than {SETTINGS_LIMIT} bytes",
            )
        text = data.decode("utf-8")
    except OSError as error:
        raise UnreadableError(
            "The settings file cannot be read.",
            where=str(path),
            expected="a readable TOML file",
            got=error.strerror or type(error).__name__,
            remedy="check the path and its permissions",
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(
            "The settings file is not UTF-8.",
            where=f"{path}, byte {error.start}",
            expected="UTF-8 text",
            remedy="save it as UTF-8",
        ) from error
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # ValueError: TOMLDecodeError is one, and so is what int() says of a number of thousands of digits
        got = "values nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise SettingsError(
            "The settings file is not valid TOML.",
            where=str(path),
            expected="TOML 1.0",
            got=got,
            remedy="correct it at that place: texts stand in quotes, a name stands once, and tables in [brackets]",
        ) from error
    return SettingsTable(file=path, path="", content=content)


def words(content: Mapping[str, object], options: Mapping[str, str] = MappingProxyType({})) -> "SettingsTable":
    """A command's options, to be read as a file's keys are; `options`: those that are called otherwise."""
    return SettingsTable(file=Path(), path="", content=content, options=options)


@dataclass(slots=True, kw_only=True)
class SettingsTable:
    """One TOML table on its way to a record: every key is asked for once, and what nobody asked for is an error."""

    file: Path
    path: str
    content: Mapping[str, object]
    options: Mapping[str, str] | None = None
    """Set where a command's options are read as a file's keys are: those that are called otherwise than their keys."""
    _asked: set[str] = field(default_factory=set)

    def key(self, name: str) -> str:
        """The full key of `name`, as errors show it."""
        if self.options is not None:
            return self.path or self.options.get(name, "--" + name.replace("_", "-"))
        return f"{self.path}.{name}" if self.path else name

    def place(self, name: str) -> str:
        """Where `name` stands, as errors show it."""
        return self.key(name) if self.options is not None else f"{self.file}: {self.key(name)}"

    def wrong(
        self, name: str, expected: str, got: object, remedy: str | None = None, what: str | None = None
    ) -> SettingsError:
        """The error that says that `name` is not what it must be; `what`, where more can be said than that."""
        shown = "nothing" if got is None else f"{got!r}" if isinstance(got, str) else str(got)
        missing = got is None and name not in self.content
        near = difflib.get_close_matches(name, [key for key in self.content if key not in self._asked], 1, 0.8)
        if missing and near:
            remedy = f"'{near[0]}' stands there: was '{name}' meant?"
        return SettingsError(
            what
            or f"The {'setting' if self.options is None else 'option'} {self.key(name)} is "
            f"{'missing' if missing else 'wrong'}.",
            where=self.place(name),
            expected=expected,
            got=shown if len(shown) <= 200 else shown[:199] + "…",
            remedy=remedy or ("correct it there" if self.options is None else None),
        )

    def offers(self, name: str) -> bool:
        """Is the optional key there? Asking makes it a known key."""
        self._asked.add(name)
        return name in self.content

    def pass_over(self, *names: str) -> None:
        """Make keys known that somebody else reads."""
        self._asked.update(names)

    def text(self, name: str, default: str | None = None, *, most: int = MAX_TEXT) -> str:
        """A non-empty text without control characters, of at most so many characters."""
        value = self._take(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not value.strip() or any(ord(c) < 32 for c in value):
            raise self.wrong(name, "a text of one line", value)
        if any("\ud800" <= c <= "\udfff" for c in value):
            # arguments of a command may be bytes that are no text; TOML never holds them
            raise self.wrong(name, "text in UTF-8", value)
        if len(value) > most:
            raise self.wrong(name, f"at most {most:,} characters", len(value), "say it shorter")
        return value

    def title(self, name: str) -> str:
        """What something is called, as lists and pages show it: MAX_TITLE characters at most."""
        return self.text(name, most=MAX_TITLE)

    def optional_text(self, name: str) -> str | None:
        """A text, or None when the key is absent."""
        return self.text(name) if self.offers(name) else None

    def mail(self, name: str) -> str:
        """A mail address, which whoever reads it can write to."""
        value = self.text(name)
        if _MAIL.fullmatch(value) is None:
            raise self.wrong(name, "a mail address, such as desk@fusion.example", value)
        return value

    def identifier(self, name: str) -> str:
        """A short lower-case name: letters, digits, dot, hyphen, underscore."""
        value = self.text(name)
        if _IDENTIFIER.fullmatch(value) is None:
            raise self.wrong(
                name, "1 to 64 of a-z, 0-9, '.', '_', '-', beginning and ending in a letter or digit", value
            )
        return value

    def character(self, name: str, default: str) -> str:
        """One printable ASCII character (or a tab) other than a quote."""
        value = self._take(name)
        if value is None:
            return default
        if not isinstance(value, str) or len(value) != 1 or not (value == "\t" or " " <= value <= "~") or value == '"':
            raise self.wrong(name, "one ASCII character other than a quote", value)
        return value

    def flag(self, name: str, *, default: bool | None = None) -> bool:
        """A boolean; without a default the key is required."""
        value = self._take(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false", value)
        return value

    def choice(self, name: str, choices: type[_Choice], default: _Choice | None = None) -> _Choice:
        """One of a closed list."""
        value = self._take(name)
        if value is None and default is not None:
            return default
        return self._choose(name, choices, value)

    def optional_choice(self, name: str, choices: type[_Choice]) -> _Choice | None:
        """One of a closed list, or None when the key is absent."""
        return self.choice(name, choices) if self.offers(name) else None

    def choices(self, name: str, choices: type[_Choice]) -> tuple[_Choice, ...]:
        """Several of a closed list; absent or empty: none."""
        return tuple(self._choose(name, choices, value) for value in self.texts(name))

    def texts(self, name: str, *, required: bool = False) -> tuple[str, ...]:
        """A list of texts, or one text for a list of one."""
        value = self._take(name)
        if value is None and not required:
            return ()
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(one, str) and one.strip() for one in values):
            raise self.wrong(name, "a text or a list of texts", value)
        if required and not values:
            raise self.wrong(name, "at least one text", value)
        longest = max(map(len, values), default=0)
        if longest > MAX_TEXT:
            raise self.wrong(name, f"texts of at most {MAX_TEXT:,} characters", longest, "say it shorter")
        return tuple(values)

    def languages(self, name: str) -> tuple[str, ...]:
        """Languages that Accord speaks, each once; absent or empty: none."""
        codes = self.texts(name)
        for code in codes:
            if code not in LANGUAGES:
                raise self.wrong(name, "languages that Accord speaks: " + ", ".join(LANGUAGES), code)
        return tuple(dict.fromkeys(codes))

    def text_map(self, name: str) -> dict[str, str]:
        """A table of texts."""
        value = self._take(name)
        if not isinstance(value, dict) or not value or not all(isinstance(one, str) for one in value.values()):
            raise self.wrong(name, 'a table of texts, such as { column = "type" }', value)
        return dict(value)

    def instant(self, name: str) -> datetime:
        """An instant in UTC: a TOML offset date-time, a date (its midnight in UTC), or either as text."""
        value = self._take(name)
        try:
            return _instant(value)
        except ValueError:
            raise self.wrong(
                name,
                "a time with its zone or a date, from 1970 to 2100, such as 2026-11-23T00:00:00Z or 2026-11-23",
                value,
            ) from None

    def optional_instant(self, name: str) -> datetime | None:
        """An instant, or None when the key is absent."""
        return self.instant(name) if self.offers(name) else None

    def day(self, name: str) -> date:
        """A date, as TOML writes it or as text."""
        value = self._take(name)
        try:
            day = date.fromisoformat(value) if isinstance(value, str) else value
        except ValueError:
            day = None
        if not isinstance(day, date) or isinstance(day, datetime) or not FIRST_DAY <= day <= LAST_DAY:
            raise self.wrong(name, "a date from 1970 to 2100, such as 2026-11-23", value)
        return day

    def optional_day(self, name: str) -> date | None:
        """A date, or None when the key is absent."""
        return self.day(name) if self.offers(name) else None

    def amount(self, name: str, *, negative: bool = False) -> Decimal:
        """A number with at most two decimals, not zero, up to a thousand million; as TOML writes it or as text."""
        value = self._take(name)
        try:
            number = Decimal(str(value)) if isinstance(value, int | float | str) else None
        except InvalidOperation:
            number = None
        if (
            isinstance(value, bool)
            or number is None
            or not number.is_finite()
            or not 0 < (abs(number) if negative else number) <= MOST
            or number != round(number, 2)
        ):
            raise self.wrong(
                name, f"a number {'other than' if negative else 'above'} 0, with at most two decimals", value
            )
        return round(number, 2)

    def window(self, name: str) -> tuple[datetime | None, datetime | None]:
        """Two instants, begin and end, in order; absent: no bounds."""
        value = self._take(name)
        if value is None:
            return None, None
        if not isinstance(value, list) or len(value) != 2:
            raise self.wrong(name, "a list of two times: begin and end", value)
        try:
            begin, end = (_instant(one) for one in value)
        except ValueError:
            raise self.wrong(name, "a list of two times from 1970 to 2100: begin and end", value) from None
        if end < begin:
            raise self.wrong(name, "a begin that is not after the end", value)
        return begin, end

    def whole_number(self, name: str, *, least: int, most: int, default: int) -> int:
        """A whole number within bounds."""
        value = self._take(name)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.wrong(name, f"a whole number from {least} to {most}", value)
        return value

    def table(self, name: str) -> "SettingsTable":
        """A sub-table; required."""
        value = self._take(name)
        if not isinstance(value, dict):
            raise self.wrong(name, f"a table [{self.key(name)}]", value)
        return SettingsTable(file=self.file, path=self.key(name), content=value, options=self.options)

    def tables(self, name: str, *, required: bool = False) -> Iterator["SettingsTable"]:
        """An array of tables, in order, numbered from 1 in errors."""
        value = self._take(name)
        if value is None and not required:
            return
        if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
            raise self.wrong(name, f"at least one table [[{self.key(name)}]]", value)
        for number, one in enumerate(value, start=1):
            label = one.get("id") or one.get("name")
            place = f"{self.key(name)}[{number}]" + (f" ({label})" if isinstance(label, str) else "")
            if self.options is not None:
                place = self.key(name)
            yield SettingsTable(file=self.file, path=place, content=one, options=self.options)

    def done(self) -> None:
        """Refuse keys that nobody asked for: a misspelt limit must not be silently no limit."""
        for name in self.content:
            if name not in self._asked:
                near = difflib.get_close_matches(name, sorted(self._asked), n=1)
                raise SettingsError(
                    f"The setting {self.key(name)} is not known.",
                    where=self.place(name),
                    expected="one of " + ", ".join(sorted(self._asked)),
                    got=name,
                    remedy=f"did you mean '{near[0]}'?" if near else "remove it",
                )

    def _take(self, name: str) -> object:
        self._asked.add(name)
        return self.content.get(name)

    def _choose(self, name: str, choices: type[_Choice], value: object) -> _Choice:
        try:
            return choices(str(value))
        except ValueError:
            near = difflib.get_close_matches(str(value), [one.value for one in choices], n=1)
            raise self.wrong(
                name,
                "one of " + ", ".join(one.value for one in choices),
                value,
                f"did you mean '{near[0]}'?" if near else None,
            ) from None


def unique(tables: Sequence[tuple[SettingsTable, str]], name: str) -> None:
    """Refuse an id that two tables share, naming both."""
    first: dict[str, str] = {}
    for table, identifier in tables:
        if identifier in first:
            raise table.wrong(name, f"an id that is not yet taken (it is, by {first[identifier]})", identifier)
        first[identifier] = table.path


def known(table: SettingsTable, name: str, value: str, ids: Mapping[_Name, object], what: str) -> _Name:
    """Refuse a reference to something that was not declared."""
    if value not in ids:
        near = difflib.get_close_matches(value, list(ids), n=1)
        raise table.wrong(
            name,
            f"the id of a declared {what} ({', '.join(sorted(ids)) or 'there is none'})",
            value,
            f"did you mean '{near[0]}'?" if near else f"declare it in a [[{what}]] table",
        )
    return next(identifier for identifier in ids if identifier == value)


def _instant(value: object) -> datetime:
    """The instant in UTC; ValueError when it is none, or none that a sighting could have."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
        if value.tzinfo is None and value.time() == datetime.min.time():
            value = value.replace(tzinfo=UTC)
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(value)
    # compared before it is converted: the years 1 and 9999 have neighbours that no calendar here has
    if not EPOCH <= value < EPOCH + timedelta(microseconds=LATEST_US):
        raise ValueError(value)
    return value.astimezone(UTC)
