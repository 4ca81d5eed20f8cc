"""Outcomes: what partners say became of findings that they were given; what is said stands beside what was said before.

Of what one partner says of one finding the newest date stands; on one date the outcome that weighs more
(`vocabulary.outcomes.WEIGHT`), then the note that sorts last. So it is the same in whatever order, and in however many
parts, it came in.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, delete, func, select

from accord.agreements.declarations import PartnerId
from accord.journal import book
from accord.journal.facts import Fact, Kind
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.outcomes import WEIGHT, Outcome
from accord.workspace.database import insert_rows
from accord.workspace.schema import (
    ACTION_GROUPS,
    ACTIONS,
    DISCLOSURES,
    JOURNAL_ENTRIES,
    OUTCOME_REPORTS,
    OUTCOMES,
)

ID_BYTES = 32
"""Of a finding's id."""

AT_ONCE = 900
"""Values in one question to a database: SQLite takes some thousand."""

AHEAD = timedelta(days=1)
"""How far a date may lie after today's in UTC: it is tomorrow already in half of the world."""


class Unfit(StrEnum):
    """Why a row of outcomes is not taken."""

    COLUMNS = "columns"
    QUOTES = "quotes"
    NOT_UTF_8 = "not-utf-8"
    FINDING_ID = "finding-id"
    NO_OUTCOME = "no-outcome"
    OUTCOME = "outcome"
    NO_DATE = "no-date"
    DATE = "date"
    FUTURE = "future"
    NOTE = "note"
    NOT_DISCLOSED = "not-disclosed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a partner says became of one finding."""

    finding: bytes
    outcome: Outcome
    day: date
    note: str | None
    line: int | None
    """Of what was sent; None: it had none."""

    def digest(self, partner: PartnerId) -> bytes:
        """The same when the same partner says the same."""
        words = (partner, self.finding.hex(), self.outcome.value, self.day.isoformat(), self.note or "")
        return hashlib.sha256("\0".join(words).encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A row that was not taken."""

    line: int | None
    column: str | None
    reason: Unfit
    text: str
    """What stood there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a partner sent: records = said + ignored + rejected."""

    digest: str
    """SHA-256 of its bytes, in hex."""
    records: int
    ignored: int
    """Nothing was filled in."""
    said: tuple[Said, ...]
    rejected: tuple[Reject, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of an answer: records = accepted + ignored + rejected."""

    records: int
    accepted: int
    new: int
    """Of those accepted, what was not said before."""
    ignored: int
    rejected: tuple[Reject, ...]
    done: int
    """Findings of which the partner says for the first time that they are done; others may have said so before."""
    entries: range
    """In the ledger, one for each disclosure that it is about; none where nothing is new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a partner said of a finding, and when it reached the hub."""

    partner: PartnerId
    finding: bytes
    outcome: Outcome
    day: date
    note: str | None
    received_at: datetime
    source: str
    """SHA-256 of what was sent, in hex."""
    line: int | None

    @property
    def rank(self) -> tuple[date, int, str]:
        """What stands of several is the greatest."""
        return (self.day, WEIGHT[self.outcome], self.note or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """The first disclosure by which a partner was given something."""

    first_entry: int
    country: CountryCode
    purpose: Purpose
    opens_at: datetime | None


def record_outcomes(
    connection: Connection, partner: PartnerId, answer: Answer, *, at: datetime, draw: Callable[[int], bytes]
) -> Recorded:
    """Record what a partner sent, on a writer's connection, with its entries in the ledger.

    Findings that were never handed over to the partner, and dates after `at` (`journal.book.moment`), go to the
    rejects. There is an entry for each disclosure about which something new is said; it counts the findings of which
    nobody in the disclosure's country has said before that they are done, be it a network owner or the country's own
    recipients, and is opened when the disclosure's are. What was said before changes nothing.
    """
    given = _given(connection, partner, {one.finding for one in answer.said})
    accepted: list[Said] = []
    rejected = list(answer.rejected)
    for one in answer.said:
        reason, column, text = (
            (Unfit.FUTURE, "date", one.day.isoformat())
            if one.day > at.date() + AHEAD
            else (Unfit.NOT_DISCLOSED, "finding_id", one.finding.hex())
        )
        if reason is Unfit.FUTURE or one.finding not in given:
            rejected.append(Reject(line=one.line, column=column, reason=reason, text=text))
        else:
            accepted.append(one)
    rejected.sort(key=lambda one: one.line or 0)
    new = {one.digest(partner): one for one in reversed(accepted)}
    for known in _known(connection, new.keys()):
        del new[known]
    done, entries = 0, range(0)
    if new:
        number, entries, done = _reported(connection, partner, answer, new.values(), given, at, draw)
        counted = {
            "number": number,
            "partner": partner,
            "received_at": at,
            "digest": answer.digest,
            "records": answer.records,
            "accepted": len(accepted),
            "ignored": answer.ignored,
            "rejected": len(rejected),
            "first_entry": entries.start,
            "entries": len(entries),
        }
        insert_rows(connection, OUTCOME_REPORTS, [counted])
        insert_rows(connection, OUTCOMES, [_row(number, digest, one) for digest, one in new.items()])
    return Recorded(
        records=answer.records,
        accepted=len(accepted),
        new=len(new),
        ignored=answer.ignored,
        rejected=tuple(rejected),
        done=done,
        entries=entries,
    )


def _row(report: int, digest: bytes, one: Said) -> dict[str, object]:
    return {
        "digest": digest,
        "report": report,
        "line": one.line,
        "finding": one.finding,
        "outcome": one.outcome.value,
        "day": one.day,
        "note": one.note,
    }


def _given(connection: Connection, partner: PartnerId, findings: Collection[bytes]) -> dict[bytes, int]:
    """Of these findings those that were handed over to the partner, with the first entry of the first disclosure."""
    groups = (
        select(ACTION_GROUPS.c.number, DISCLOSURES.c.first_entry)
        .join(DISCLOSURES, DISCLOSURES.c.id == ACTION_GROUPS.c.disclosure)
        .where(DISCLOSURES.c.recipient == partner, DISCLOSURES.c.handed_over_at.is_not(None))
    )
    firsts: dict[int, int] = {row.number: row.first_entry for row in connection.execute(groups)}
    found: dict[bytes, int] = {}
    # no join: by the findings alone the database finds its way through the index
    for part in _parts(findings):
        for row in connection.execute(select(ACTIONS).where(ACTIONS.c.finding.in_(part))):
            first = firsts.get(row.action_group)
            if first is not None:
                finding = bytes(row.finding)
                found[finding] = min(found.get(finding, first), first)
    return found


def _known(connection: Connection, digests: Collection[bytes]) -> Iterator[bytes]:
    for part in _parts(digests):
        rows = connection.execute(select(OUTCOMES.c.digest).where(OUTCOMES.c.digest.in_(part)))
        yield from map(bytes, rows.scalars())


def _reported(
    connection: Connection,
    partner: PartnerId,
    answer: Answer,
    new: Collection[Said],
    given: dict[bytes, int],
    at: datetime,
    draw: Callable[[int], bytes],
) -> tuple[int, range, int]:
    """Append a report's entries: its number, theirs, and of how many findings the partner first says that they are
    done."""
    last = connection.execute(select(func.max(OUTCOME_REPORTS.c.number))).scalar_one()
    number = 1 if last is None else int(last) + 1
    fresh = {one.finding for one in new if one.outcome is Outcome.DONE}
    fresh -= {*_done_before(connection, partner, fresh)}
    disclosures = sorted({given[one.finding] for one in new})
    asked_by = {begin: _asked(connection, begin) for begin in disclosures}
    known = _done_by_others(connection, partner, fresh)
    done: defaultdict[int, int] = defaultdict(int)
    for one in fresh:
        if (asked_by[given[one]].country, one) not in known:
            done[given[one]] += 1
    first = book.size(connection)
    for begin, asked in asked_by.items():
        fact = Fact(
            kind=Kind.OUTCOME,
            at=at,
            partner=partner,
            country=asked.country,
            purpose=asked.purpose,
            count=done[begin],
            digest=answer.digest,
            refers=begin,
        )
        # what is said of a disclosure is no earlier known than the disclosure
        opens_at = None if asked.opens_at is None else max(asked.opens_at, at)
        book.append(connection, [fact], draw=draw, opens_at=opens_at, reference=f"outcomes {number}")
    return number, range(first, first + len(disclosures)), len(fresh)


def _done_before(connection: Connection, partner: PartnerId, findings: Collection[bytes]) -> Iterator[bytes]:
    """Of these findings those that the partner has said before to be done."""
    own = select(OUTCOME_REPORTS.c.number).where(OUTCOME_REPORTS.c.partner == partner)
    reports = {*connection.execute(own).scalars()}
    said = select(OUTCOMES.c.finding, OUTCOMES.c.report).where(OUTCOMES.c.outcome == Outcome.DONE.value)
    for part in _parts(findings):
        for row in connection.execute(said.where(OUTCOMES.c.finding.in_(part))):
            if row.report in reports:
                yield bytes(row.finding)


def _done_by_others(
    connection: Connection, partner: PartnerId, findings: Collection[bytes]
) -> set[tuple[CountryCode, bytes]]:
    """Of these findings those that others have said to be done, with the country in which each was counted."""
    others: defaultdict[PartnerId, set[bytes]] = defaultdict(set)
    said = (
        select(OUTCOME_REPORTS.c.partner, OUTCOMES.c.finding)
        .join(OUTCOME_REPORTS, OUTCOME_REPORTS.c.number == OUTCOMES.c.report)
        .where(OUTCOMES.c.outcome == Outcome.DONE.value, OUTCOME_REPORTS.c.partner != partner)
    )
    for part in _parts(findings):
        for row in connection.execute(said.where(OUTCOMES.c.finding.in_(part))):
            others[PartnerId(row.partner)].add(bytes(row.finding))
    countries: dict[int, CountryCode] = {}
    found: set[tuple[CountryCode, bytes]] = set()
    for other, theirs in others.items():
        for finding, begin in _given(connection, other, theirs).items():
            if begin not in countries:
                countries[begin] = _asked(connection, begin).country
            found.add((countries[begin], finding))
    return found


def _asked(connection: Connection, first_entry: int) -> _Asked:
    row = connection.execute(
        select(DISCLOSURES.c.country, DISCLOSURES.c.purpose, JOURNAL_ENTRIES.c.opens_at)
        .join(JOURNAL_ENTRIES, JOURNAL_ENTRIES.c.number == DISCLOSURES.c.first_entry)
        .where(DISCLOSURES.c.first_entry == first_entry)
    ).one()
    return _Asked(
        first_entry=first_entry,
        country=CountryCode(row.country),
        purpose=Purpose(row.purpose),
        opens_at=row.opens_at,
    )


def history(
    connection: Connection, *, partner: PartnerId | None = None, operation: str | None = None
) -> Iterator[Standing]:
    """All that was said (by one partner; of findings of one operation), by finding and partner, what stands last."""
    wanted = []
    if partner is not None:
        wanted.append(OUTCOME_REPORTS.c.partner == partner)
    if operation is not None:
        wanted.append(OUTCOMES.c.finding.in_(_findings_of(operation)))
    found = [one for _, one in _history(connection, wanted)]
    found.sort(key=lambda one: (one.finding, one.partner, *one.rank))
    yield from found


def about(connection: Connection, findings: Collection[bytes], names: Callable[[str], bool]) -> tuple[Standing, ...]:
    """All that was said of these findings, and whatever has a note that `names` finds something in."""
    found: dict[bytes, Standing] = {}
    for part in _parts(findings):
        found |= _history(connection, [OUTCOMES.c.finding.in_(part)])
    noted = _history(connection, [OUTCOMES.c.note.is_not(None)])
    found |= {digest: one for digest, one in noted if names(one.note or "")}
    return tuple(sorted(found.values(), key=lambda one: (one.finding, one.partner, *one.rank)))


def forget_about(connection: Connection, findings: Collection[bytes], names: Callable[[str], bool]) -> None:
    """Erase what is kept of these findings (that somebody was asked about them, what became of them), and what has a
    note that `names` finds something in."""
    noted = [digest for digest, one in _history(connection, [OUTCOMES.c.note.is_not(None)]) if names(one.note or "")]
    for part in _parts(noted):
        connection.execute(delete(OUTCOMES).where(OUTCOMES.c.digest.in_(part)))
    for part in _parts(findings):
        connection.execute(delete(OUTCOMES).where(OUTCOMES.c.finding.in_(part)))
        connection.execute(delete(ACTIONS).where(ACTIONS.c.finding.in_(part)))


def forget_asked(connection: Connection, disclosure: UUID, findings: Collection[bytes]) -> None:
    """Erase that one disclosure asked about these findings, and what became of those that no other asks about."""
    groups = select(ACTION_GROUPS.c.number).where(ACTION_GROUPS.c.disclosure == str(disclosure))
    own = {*connection.execute(groups).scalars()}
    for part in _parts(findings):
        asked = connection.execute(select(ACTIONS).where(ACTIONS.c.finding.in_(part))).all()
        left = {bytes(row.finding) for row in asked if row.action_group not in own}
        for group in {row.action_group for row in asked} & own:
            mine = ACTIONS.c.finding.in_(part), ACTIONS.c.action_group == group
            connection.execute(delete(ACTIONS).where(*mine))
        gone = [one for one in part if one not in left]
        connection.execute(delete(OUTCOMES).where(OUTCOMES.c.finding.in_(gone)))


def standing(
    connection: Connection, *, partner: PartnerId | None = None, operation: str | None = None
) -> tuple[Standing, ...]:
    """What stands of each finding and partner, as `history`."""
    found = {(one.finding, one.partner): one for one in history(connection, partner=partner, operation=operation)}
    return tuple(found.values())


def _findings_of(operation: str) -> Select[bytes]:
    return (
        select(ACTIONS.c.finding)
        .join(ACTION_GROUPS, ACTION_GROUPS.c.number == ACTIONS.c.action_group)
        .join(DISCLOSURES, DISCLOSURES.c.id == ACTION_GROUPS.c.disclosure)
        .where(DISCLOSURES.c.operation == operation)
    )


def _history(connection: Connection, wanted: Sequence[ColumnElement[bool]]) -> Iterator[tuple[bytes, Standing]]:
    """What was said, each by the digest of its row."""
    asked = select(
        OUTCOMES.c.digest,
        OUTCOME_REPORTS.c.partner,
        OUTCOME_REPORTS.c.received_at,
        OUTCOME_REPORTS.c.digest.label("source"),
        OUTCOMES.c.finding,
        OUTCOMES.c.outcome,
        OUTCOMES.c.day,
        OUTCOMES.c.note,
        OUTCOMES.c.line,
    ).join(OUTCOME_REPORTS, OUTCOME_REPORTS.c.number == OUTCOMES.c.report)
    for row in connection.execute(asked.where(*wanted)):
        said = Standing(
            partner=PartnerId(row.partner),
            finding=bytes(row.finding),
            outcome=Outcome(row.outcome),
            day=row.day,
            note=row.note,
            received_at=row.received_at,
            source=row.source,
            line=row.line,
        )
        yield bytes(row.digest), said


def _parts(values: Collection[bytes]) -> Iterator[list[bytes]]:
    whole = sorted(values)
    for begin in range(0, len(whole), AT_ONCE):
        yield whole[begin : begin + AT_ONCE]
