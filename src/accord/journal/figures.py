"""Public figures: what the published openings add up to, for the hub's page and for whoever checks it alike.

An entry counts when all its public fields are opened, else it is closed. Counts below ten are published as `<10`, so
that a sum of them is known within bounds: each may be anything from 0 to 9.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter

from accord.journal.facts import FEW, PUBLIC, TAKES_BACK, Kind
from accord.ledger.checkpoints import Checkpoint
from accord.ledger.notes import encode_base64
from accord.vocabulary.datasets import Origin, Purpose
from accord.vocabulary.errors import MalformedError
from accord.vocabulary.markings import Marking

FORMAT = "accord-figures/v1"
FIGURES = "figures.json"
"""In the folder of a log."""
MAX_FIGURES_BYTES = 64 << 20

_CLASSES = ("year", "kind", "dataset", "origin", "country", "purpose", "marking")
"""The public fields by which entries are counted: all but `records`."""
_class_of = itemgetter(*_CLASSES)
_RECORDS = re.compile(rb"(?:<10|[1-9][0-9]{1,17}|)")
_YEAR = re.compile("[0-9]{4}")
_COUNTRY = re.compile("[A-Z]{2}|001|")

Class = tuple[str, str, str, str, str, str, str]
"""The values of a class of entries, in the order year, kind, dataset, origin, country, purpose, marking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """A number that is known within bounds, both included."""

    least: int
    most: int

    def __add__(self, other: "Bounds") -> "Bounds":
        return Bounds(least=self.least + other.least, most=self.most + other.most)

    def without(self, part: "Bounds") -> "Bounds":
        """The bounds of what is left of a sum, once a part of it, told within the same bounds, is taken out again."""
        return Bounds(least=self.least - part.least, most=self.most - part.most)


NONE = Bounds(least=0, most=0)


class Tally:
    """Sums by class of entries. Tallies add up, and can be taken back, exactly."""

    def __init__(self) -> None:
        """Nothing is counted yet."""
        # class -> entries, sum of the counts that are known, how many are below ten
        self._sums: dict[Class, list[int]] = {}

    def add(self, values: Mapping[str, bytes]) -> None:
        """Count an entry by its opened fields; one that is not wholly opened is left out. Raises MalformedError."""
        if values.keys() != PUBLIC:
            if not values.keys() <= PUBLIC:
                raise MalformedError("A field is opened that is not for everybody.", got=" ".join({*values} - PUBLIC))
            return
        known, few = _counted(values["records"])
        self._bump(_classed(_class_of(values)), 1, known, few)

    def merge(self, other: "Tally", sign: int = 1) -> None:
        """Add another tally, or with -1 take it back."""
        for key, (entries, known, few) in other._sums.items():
            self._bump(key, sign * entries, sign * known, sign * few)

    def _bump(self, key: Class, entries: int, known: int, few: int) -> None:
        sums = self._sums.setdefault(key, [0, 0, 0])
        sums[0] += entries
        sums[1] += known
        sums[2] += few
        if sums == [0, 0, 0]:
            del self._sums[key]

    @property
    def entries(self) -> int:
        """How many entries were counted."""
        return sum(entries for entries, _, _ in self._sums.values())

    def rows(self) -> Iterator[tuple[Class, int, Bounds]]:
        """Each class with its number of entries and the sum of their counts, in order."""
        for key in sorted(self._sums):
            entries, known, few = self._sums[key]
            yield key, entries, Bounds(least=known, most=known + few * (FEW - 1))

    def encode(self) -> str:
        """As one line of JSON, the same for the same sums."""
        return json.dumps([[*key, *self._sums[key]] for key in sorted(self._sums)], separators=(",", ":"))

    @classmethod
    def parse(cls, text: str) -> "Tally":
        """Read what `encode` wrote."""
        tally = cls()
        for row in json.loads(text):
            tally._sums[tuple(row[:7])] = row[7:]
        return tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What was taken in of a data set in a year."""

    dataset: str
    origin: str
    deliveries: int
    records: Bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """What was passed on to a country for a purpose in a year."""

    country: str
    purpose: str
    marking: str
    disclosures: int
    """One for each data set in it."""
    records: Bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What recipients of a country reported as done in a year, of what they were given for a purpose."""

    country: str
    purpose: str
    reports: int
    records: Bounds
    """Findings, each once for each country, in the year in which a recipient there first reported it as done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """Whatever else happened in a year, by its kind."""

    kind: str
    """Of the entries, or NOTICE."""
    entries: int
    records: Bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOut:
    """What of a data set was erased, or taken out of use, in a year; in whichever year it was taken in."""

    dataset: str
    kind: str
    """`erasure`, `purge` or `recall`."""
    entries: int
    records: Bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenOut:
    """Check data that were published in a year and rest on a data set."""

    dataset: str
    origin: str
    publications: int
    records: Bounds
    """Addresses, each once for each publication that tells of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is held of a data set at a year's end, whenever it was taken in."""

    dataset: str
    origin: str
    records: Bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """The figures of one year."""

    year: str
    held: tuple[Held, ...]
    passed: tuple[Passed, ...]
    done: tuple[Reported, ...]
    happened: tuple[Happened, ...]
    taken_out: tuple[TakenOut, ...] = ()
    """By data set what `happened` has by kind alone."""
    given_out: tuple[GivenOut, ...] = ()
    """The same, of check data."""
    kept: tuple[Kept, ...] = ()
    """At the end of the year, of the newest year by now."""

    def count(self, kind: Kind) -> int:
        """How many entries of a kind there are, other than deliveries, disclosures and outcomes."""
        return sum(one.entries for one in self.happened if one.kind == kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of a log at one size."""

    size: int
    opened: int
    years: tuple[Year, ...]
    """The newest first."""

    @property
    def closed(self) -> int:
        """Entries that are not, or no longer, opened for everybody."""
        return self.size - self.opened


NOTICE = "recall-notice"
"""Entries of the kind `recall` that tell of a recipient that was told, and not of what the hub took out of use."""

_TABLES = ("held", "passed", "done", "happened", "taken_out", "given_out", "purged")


_Rows = dict[tuple[str, ...], tuple[int, Bounds]]


def figures_of(tally: Tally, size: int) -> Figures:
    """The figures that a tally of the first `size` entries gives.

    What another entry takes back does not count. Raises MalformedError when no entry says what one takes back.
    """
    years: dict[str, dict[str, _Rows]] = {}
    for (year, kind, dataset, origin, country, purpose, marking), entries, records in _standing(tally):
        key: tuple[str, ...]
        match kind:
            case Kind.DELIVERY:
                table, key = "held", (dataset, origin)
            case Kind.DISCLOSURE:
                table, key = "passed", (country, purpose, marking)
            case Kind.OUTCOME:
                table, key = "done", (country, purpose)
            case Kind.RECALL if country:
                # what a recipient was told; the hub's own entry names no country
                table, key = "happened", (NOTICE,)
            case _:
                table, key = "happened", (kind,)
        tables = years.setdefault(year, {name: {} for name in _TABLES})
        _sum_up(tables[table], key, entries, records)
        if dataset and key in {(Kind.ERASURE,), (Kind.PURGE,), (Kind.RECALL,)}:
            _sum_up(tables["taken_out"], (dataset, kind), entries, records)
        if dataset and kind == Kind.CHECK_DATA:
            _sum_up(tables["given_out"], (dataset, origin), entries, records)
        if kind == Kind.PURGE:
            _sum_up(tables["purged"], (dataset, origin), entries, records)
    kept = _kept(years)
    return Figures(
        size=size,
        opened=tally.entries,
        years=tuple(_year(year, years[year], kept[year]) for year in sorted(years, reverse=True)),
    )


def _kept(years: Mapping[str, Mapping[str, _Rows]]) -> dict[str, tuple[Kept, ...]]:
    """What is held of each data set at the end of each year.

    What was purged is taken off as it was told when it came: a `<10` less is 0 to 9 less at both ends. What was erased
    of single values is taken off the least alone: it may have been of deliveries that were purged since, or of records
    that were not accepted.
    """
    found: dict[str, tuple[Kept, ...]] = {}
    came: _Rows = {}
    went: _Rows = {}
    erased: _Rows = {}
    for year in sorted(years):
        for table, sums in (("held", came), ("purged", went)):
            for key, row in years[year][table].items():
                _sum_up(sums, key, *row)
        for (dataset, kind), row in years[year]["taken_out"].items():
            if kind == Kind.ERASURE:
                _sum_up(erased, (dataset,), *row)
        rows = []
        for key, (_, records) in _sorted(came):
            left = records.without(went.get(key, (0, NONE))[1])
            gone = erased.get(key[:1], (0, NONE))[1]
            if left.most > 0:
                least = min(max(left.least - gone.most, 0), left.most)
                rows.append(Kept(dataset=key[0], origin=key[1], records=Bounds(least=least, most=left.most)))
        found[year] = tuple(rows)
    return found


def _standing(tally: Tally) -> list[tuple[Class, int, Bounds]]:
    """The rows of a tally without what is taken back; the entries that take it back are rows of their own."""
    rows = {one: (entries, records) for one, entries, records in tally.rows()}
    for (year, kind, *more), (entries, records) in list(rows.items()):
        if kind not in TAKES_BACK:
            continue
        back: Class = (year, TAKES_BACK[Kind(kind)], *more)  # type: ignore[assignment]
        before = rows.get(back, (0, NONE))
        left = before[1].without(records)
        if entries > before[0] or not 0 <= left.least <= left.most or (entries == before[0] and left != NONE):
            raise MalformedError(
                "Entries take back what no opened entry says.",
                where=" ".join(word for word in back if word),
                expected=f"at most {before[0]:,} of them",
                got=f"{entries:,}",
                remedy="the log may be about to be published: check it again in a few minutes. If it stays so, tell "
                "the hub and whoever supervises it",
            )
        rows[back] = (before[0] - entries, left)
    return [(one, entries, records) for one, (entries, records) in rows.items() if entries]


def _sum_up(rows: _Rows, key: tuple[str, ...], entries: int, records: Bounds) -> None:
    before = rows.get(key, (0, NONE))
    rows[key] = (before[0] + entries, before[1] + records)


def encode_figures(figures: Figures, checkpoint: Checkpoint) -> bytes:
    """The file `figures.json`: the only spelling of these figures of a log at this checkpoint."""
    content = {
        "format": FORMAT,
        "log": checkpoint.origin,
        "size": figures.size,
        "root": encode_base64(checkpoint.root),
        "opened": figures.opened,
        "closed": figures.closed,
        "years": [
            {
                "year": year.year,
                "held": [
                    {"dataset": one.dataset, "origin": one.origin, "deliveries": one.deliveries, **_bounds(one.records)}
                    for one in year.held
                ],
                "passed_on": [
                    {
                        "country": one.country,
                        "purpose": one.purpose,
                        "marking": one.marking,
                        "disclosures": one.disclosures,
                        **_bounds(one.records),
                    }
                    for one in year.passed
                ],
                # left out where there is none, as before there were any
                **({"reported_done": [_told(one) for one in year.done]} if year.done else {}),
                "happened": [
                    {"kind": one.kind, "entries": one.entries, **_bounds(one.records)} for one in year.happened
                ],
                **({"taken_out": [_gone(one) for one in year.taken_out]} if year.taken_out else {}),
                **({"check_data": [_given(one) for one in year.given_out]} if year.given_out else {}),
                **({"held_at_end": [_left(one) for one in year.kept]} if year.kept else {}),
            }
            for year in figures.years
        ],
    }
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def _told(one: Reported) -> dict[str, object]:
    return {"country": one.country, "purpose": one.purpose, "reports": one.reports, **_bounds(one.records)}


def _gone(one: TakenOut) -> dict[str, object]:
    return {"dataset": one.dataset, "kind": one.kind, "entries": one.entries, **_bounds(one.records)}


def _given(one: GivenOut) -> dict[str, object]:
    return {
        "dataset": one.dataset,
        "origin": one.origin,
        "publications": one.publications,
        **_bounds(one.records),
    }


def _left(one: Kept) -> dict[str, object]:
    return {"dataset": one.dataset, "origin": one.origin, **_bounds(one.records)}


def differences(published: bytes, figures: Figures, checkpoint: Checkpoint) -> tuple[str, ...]:
    """Where a published `figures.json` says something else than these figures, in words; none: nowhere.

    Raises MalformedError when it is no such file.
    """
    expected = encode_figures(figures, checkpoint)
    if published == expected:
        return ()
    try:
        said = json.loads(published)
    except (ValueError, RecursionError) as error:
        raise MalformedError("This is no file of figures.", where=FIGURES, got=str(error)[:200]) from error
    ours, theirs = dict(_flat(json.loads(expected), "")), dict(_flat(said, ""))
    rows = [
        f"{place}: the file says {theirs.get(place, 'nothing')}, the log {ours.get(place, 'nothing')}"
        for place in [*ours, *(place for place in theirs if place not in ours)]
        if ours.get(place) != theirs.get(place)
    ]
    return tuple(rows) or ("it is spelled otherwise",)


def published_size(published: bytes) -> int:
    """Of how many entries a `figures.json` tells. Raises MalformedError."""
    try:
        content = json.loads(published)
    except (ValueError, RecursionError) as error:
        raise MalformedError("This is no file of figures.", where=FIGURES, got=str(error)[:200]) from error
    size = content.get("size") if isinstance(content, dict) and content.get("format") == FORMAT else None
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise MalformedError("This is no file of figures.", where=FIGURES, expected=f"format {FORMAT}, and a size")
    return size


def _flat(value: object, place: str) -> Iterator[tuple[str, object]]:
    """Each single value of a JSON document with where it stands: tables by what their rows are about."""
    match value:
        case dict():
            named: list[tuple[str, object]] = [(str(key), inner) for key, inner in value.items()]
        case list():
            named = [(_row_name(inner, at), inner) for at, inner in enumerate(value)]
        case _:
            yield place, value
            return
    for name, inner in named:
        yield from _flat(inner, f"{place} {name}".strip())


def _row_name(row: object, at: int) -> str:
    if not isinstance(row, dict):
        return str(at)
    names = [
        str(row[key]) for key in ("year", "dataset", "origin", "country", "purpose", "marking", "kind") if row.get(key)
    ]
    return " ".join(names) or str(at)


def _year(year: str, tables: Mapping[str, _Rows], kept: tuple[Kept, ...]) -> Year:
    return Year(
        year=year,
        held=tuple(
            Held(dataset=dataset, origin=origin, deliveries=entries, records=records)
            for (dataset, origin), (entries, records) in _sorted(tables["held"])
        ),
        passed=tuple(
            Passed(country=country, purpose=purpose, marking=marking, disclosures=entries, records=records)
            for (country, purpose, marking), (entries, records) in _sorted(tables["passed"])
        ),
        done=tuple(
            Reported(country=country, purpose=purpose, reports=entries, records=records)
            for (country, purpose), (entries, records) in _sorted(tables["done"])
        ),
        happened=tuple(
            Happened(kind=kind, entries=entries, records=records)
            for (kind,), (entries, records) in _sorted(tables["happened"])
        ),
        taken_out=tuple(
            TakenOut(dataset=dataset, kind=kind, entries=entries, records=records)
            for (dataset, kind), (entries, records) in _sorted(tables["taken_out"])
        ),
        given_out=tuple(
            GivenOut(dataset=dataset, origin=origin, publications=entries, records=records)
            for (dataset, origin), (entries, records) in _sorted(tables["given_out"])
        ),
        kept=kept,
    )


def _sorted(
    rows: Mapping[tuple[str, ...], tuple[int, Bounds]],
) -> Iterable[tuple[tuple[str, ...], tuple[int, Bounds]]]:
    return sorted(rows.items(), key=lambda row: row[0])


def _bounds(records: Bounds) -> dict[str, object]:
    return {"records": [records.least, records.most]}


@lru_cache(1 << 16)
def _counted(records: bytes) -> tuple[int, int]:
    """A count as far as it is known, and 1 when all that is known is that it is below ten. Raises MalformedError."""
    if _RECORDS.fullmatch(records) is None:
        raise MalformedError("An entry says what no fact says.", where="records", got=repr(records[:40]))
    return (0, 1) if records == b"<10" else (int(records or b"0"), 0)


@lru_cache(1 << 16)
def _classed(values: tuple[bytes, ...]) -> Class:
    """The class of an entry with these values. Raises MalformedError when no fact says them."""
    try:
        said = tuple(value.decode() for value in values)
    except UnicodeDecodeError as error:
        raise MalformedError("An entry says what is no text.", got=repr(error.object[:40])) from error
    year, kind, _, origin, country, purpose, marking = said
    for name, good, value in (
        ("year", _YEAR.fullmatch(year) is not None, year),
        ("kind", _is(Kind, kind), kind),
        ("origin", not origin or _is(Origin, origin), origin),
        ("country", _COUNTRY.fullmatch(country) is not None, country),
        ("purpose", not purpose or _is(Purpose, purpose), purpose),
        ("marking", not marking or _is(Marking, marking), marking),
    ):
        if not good:
            raise MalformedError(
                "An entry says what no fact says.",
                where=name,
                got=repr(value[:40]),
                remedy="a newer Accord may know it: check the log with the one that the hub uses",
            )
    return said  # type: ignore[return-value]


def _is(words: type[StrEnum], word: str) -> bool:
    return word in {one.value for one in words}
