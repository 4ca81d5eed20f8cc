"""What a person meets who looks into the log of consultations: the words around `access.consultations`."""

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

import pyarrow as pa
from sqlalchemy import Connection

from accord.access.consultations import PAGE, Consultation, Processing, consultations, value_object, verify_chain
from accord.cli.places import reference_in_use
from accord.cli.terminal import counted, say, say_json, show_table, talk
from accord.columns.formulas import disarmed
from accord.columns.instants import read_instant
from accord.columns.values import read_value
from accord.formats.catalogue import FORMATS
from accord.operations.declaration import read_workspace
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.indicators import Indicator
from accord.vocabulary.reasons import EXPLANATIONS
from accord.workspace.database import open_database, place_of
from accord.workspace.keys import hub_key
from accord.workspace.store import open_workspace

_COLUMNS = ("number", "at", "processing", "person", "justification", "object", "recipients", "digest")


class _Filters(TypedDict):
    since: datetime | None
    until: datetime | None
    person: str | None
    processing: Processing | None
    about: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows of the log are asked for; None: any."""

    since: datetime | None
    until: datetime | None
    person: str | None
    processing: Processing | None
    about: str | None

    def page(self, connection: Connection, after: int, limit: int) -> tuple[Consultation, ...]:
        """The next of them."""
        filters = _Filters(
            since=self.since, until=self.until, person=self.person, processing=self.processing, about=self.about
        )
        return consultations(connection, **filters, after=after, limit=limit)

    def all(self, connection: Connection) -> Iterator[Sequence[Consultation]]:
        """All of them, by pages."""
        after = 0
        while page := self.page(connection, after, PAGE):
            yield page
            after = page[-1].number


def wanted(
    folder: Path, since: str | None, until: str | None, person: str | None, processing: str | None, value: str | None
) -> Wanted:
    """What the command's options ask for. Raises SettingsError."""
    return Wanted(
        since=None if since is None else _time(since, "--since"),
        until=None if until is None else _time(until, "--until"),
        person=person,
        processing=None if processing is None else _processing(processing),
        about=None if value is None else _about(folder, value),
    )


def list_page(folder: Path, asked: Wanted, after: int, limit: int, *, as_json: bool) -> None:
    """Print a page of the log."""
    with open_database(place_of(open_workspace(folder).settings)) as database, database.reading() as connection:
        page = asked.page(connection, after, limit)
        more = bool(page) and bool(asked.page(connection, page[-1].number, 1))
    if as_json:
        say_json([_told(one) for one in page])
        return
    if not page:
        say("Nothing of that kind is in the log.")
        return
    show_table(
        [("number", True), *((word, False) for word in ("at (UTC)", "processing", "person", "why", "object", "to"))],
        [
            (
                str(one.number),
                f"{one.at:%Y-%m-%d %H:%M:%S}",
                one.processing,
                one.person,
                one.justification or "(no reason given)",
                _short(one.object),
                " ".join(one.recipients),
            )
            for one in page
        ],
        wide=True,
    )
    if more:
        talk(f"there is more: --after {page[-1].number}")


def export_log(folder: Path, asked: Wanted, kept: str | None, *, as_json: bool) -> None:
    """Verify the log and write it out; both are of one moment. Raises UnprovenError before anything is written."""
    with open_database(place_of(open_workspace(folder).settings)) as database, database.reading() as connection:
        chain = verify_chain(connection, kept=kept)
        if as_json:
            said = json.dumps({"rows": chain.rows, "digest": chain.digest})
            sys.stdout.write(f'{{"verified": {said}, "consultations": [')
            between = "\n"
            for page in asked.all(connection):
                for one in page:
                    sys.stdout.write(between + json.dumps(_told(one), ensure_ascii=False))
                    between = ",\n"
            sys.stdout.write("\n]}\n")
        else:
            out = csv.writer(sys.stdout, lineterminator="\r\n")
            out.writerow(_COLUMNS)
            for page in asked.all(connection):
                rows = [_cells(one) for one in page]
                columns = [disarmed(pa.array(column, pa.string())).to_pylist() for column in zip(*rows, strict=True)]
                out.writerows(zip(*columns, strict=True))
    talk(
        f"verified: {counted(chain.rows, 'row')}, none changed, taken out or put in; the last one's digest is\n"
        f"  {chain.digest}\n"
        "  Keep it where whoever runs the database cannot change it, and give it as --kept next time."
    )


def _told(one: Consultation) -> dict[str, object]:
    return {
        "number": one.number,
        "at": _instant(one.at),
        "processing": one.processing.value,
        "person": one.person,
        "justification": one.justification,
        "object": one.object,
        "recipients": list(one.recipients),
        "digest": one.digest,
    }


def _cells(one: Consultation) -> list[str]:
    return [
        str(one.number),
        _instant(one.at),
        one.processing.value,
        one.person,
        one.justification,
        one.object,
        " ".join(one.recipients),
        one.digest,
    ]


def _short(about: str) -> str:
    """An object as a table shows it: of what is hashed, the beginning will do."""
    return " ".join(f"{word[:12]}…" if len(word) == 64 else word for word in about.split())


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _time(text: str, option: str) -> datetime:
    instant = read_instant(text)
    if instant is None:
        raise SettingsError(
            "This is no time.",
            where=option,
            expected="a date or a time in UTC, such as 2026-11-23 or 2026-11-23T08:00:00Z",
            got=text,
        )
    return datetime.fromtimestamp(instant / 1_000_000, UTC)


def _processing(text: str) -> Processing:
    try:
        return Processing(text)
    except ValueError:
        raise SettingsError(
            "There is no such kind of processing.",
            where="--processing",
            expected=", ".join(Processing),
            got=text,
        ) from None


def _about(folder: Path, value: str) -> str:
    indicator = read_value(value, reference_in_use().suffixes.is_public_suffix)
    if not isinstance(indicator, Indicator):
        raise SettingsError(
            f"This is no indicator: {EXPLANATIONS[indicator]}.",
            where="--value",
            got=value,
        )
    declared = read_workspace(open_workspace(folder).settings, FORMATS)
    return value_object(indicator, hub_key(declared.hub.key_file))
