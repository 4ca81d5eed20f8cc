"""What became of an operation: the share of its findings that were acted on, by country, network and week.

Counted is each finding of each country that was asked about it, once, however often it was handed over. A network owner
is asked beside a country about the same finding, and what either says counts; where no country was asked, it counts for
the one in which the owner sits. Not counted is
what an analyst is still deciding about, what was taken back, and what was only put into a channel: members are told,
whatever country they are of, and nobody is asked. What is false positive leaves the share's denominator. What a
recipient said before an operation told it of a finding says nothing about that operation.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeVar

from sqlalchemy import Connection, Row, select

from accord.agreements.declarations import PartnerKind
from accord.operations.outcomes import ID_BYTES, Standing, history
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.markings import MARKINGS, Marking
from accord.vocabulary.outcomes import WEIGHT, Counts, Network, Outcome, Score, Week
from accord.vocabulary.roles import SERVER_ROLES, Role
from accord.workspace.schema import ACTION_GROUPS, ACTIONS, DISCLOSURES, PARTNERS, RECALL_NOTICES, RECALLS

_TAKEN_BACK = ("withdrawn", "erased")
"""Kinds of recall after which nobody should act; what was corrected still stands."""


@dataclass(slots=True, kw_only=True)
class _Asked:
    """A finding about which a country was asked."""

    role: Role
    network: Network
    handed_over_at: datetime
    partners: set[str] = field(default_factory=set)
    changes: list[tuple[int, Outcome]] = field(default_factory=list)
    """From which week on (0 is the first) it stands how; before the first, nobody had said anything."""

    @property
    def outcome(self) -> Outcome | None:
        """How it stands today; None: nobody has said anything."""
        return self.changes[-1][1] if self.changes else None


_Name = TypeVar("_Name", str, Network, Role)
_Key = tuple[str, bytes]
"""A country, and the id of a finding."""


def score(connection: Connection, operation: str, *, at: datetime, roles: Collection[Role] = SERVER_ROLES) -> Score:
    """How much of an operation was done by `at`, as far as recipients say. Raises SettingsError when nothing of it was
    handed over, or it is not known what.
    """
    releases = connection.execute(
        select(DISCLOSURES)
        .where(
            DISCLOSURES.c.operation == operation,
            DISCLOSURES.c.handed_over_at.is_not(None),
            DISCLOSURES.c.channel.is_(None),
        )
        .order_by(DISCLOSURES.c.handed_over_at, DISCLOSURES.c.first_entry)
    ).all()
    if not releases:
        raise _nothing(connection, operation)
    groups = connection.execute(
        select(ACTION_GROUPS).where(ACTION_GROUPS.c.disclosure.in_([row.id for row in releases]))
    ).all()
    asked, in_review, withdrawn = _asked(connection, releases, groups)
    _say(asked, history(connection, operation=operation), at.date())
    chosen = {key: one for key, one in asked.items() if one.role in roles}
    days = [row.handed_over_at.date() for row in releases]
    return Score(
        operation=operation,
        at=at,
        roles=tuple(one for one in Role if one in roles),
        releases=len(releases),
        first_day=min(days),
        last_day=max(days),
        marking=max((Marking(row.marking) for row in releases), key=MARKINGS.index),
        simulated=any(row.simulated for row in groups),
        counts=_counts(chosen.values()),
        by_country=_by((country, one) for (country, _), one in chosen.items()),
        by_network=_by((one.network, one) for one in chosen.values()),
        weeks=_weeks(chosen.values(), at.date()),
        by_role=_by((one.role, one) for one in asked.values()),
        in_review=in_review,
        withdrawn=withdrawn,
    )


def _nothing(connection: Connection, operation: str) -> SettingsError:
    found = connection.execute(
        select(DISCLOSURES.c.operation)
        .where(DISCLOSURES.c.handed_over_at.is_not(None), DISCLOSURES.c.channel.is_(None))
        .distinct()
    ).scalars()
    return SettingsError(
        "Nothing of this operation was handed over.",
        where="OPERATION",
        expected=", ".join(sorted(one for one in found if one)) or "an operation of which something was released",
        got=operation,
        remedy="`accord release list` tells what was handed over",
    )


def _asked(
    connection: Connection, releases: Sequence[Row[tuple[object, ...]]], groups: Sequence[Row[tuple[object, ...]]]
) -> tuple[dict[_Key, _Asked], int, int]:
    """What countries were asked about; how much is in review, and how much was taken back."""
    back = _taken_back(connection, [row.id for row in releases])
    alike = {group.number: group for group in groups}
    asked: dict[_Key, _Asked] = {}
    reviewed: set[_Key] = set()
    withdrawn: set[_Key] = set()
    owners = {
        row.id for row in connection.execute(select(PARTNERS).where(PARTNERS.c.kind == PartnerKind.NETWORK_OWNER.value))
    }
    places: defaultdict[bytes, list[_Key]] = defaultdict(list)
    for release in sorted(releases, key=lambda one: one.recipient in owners):
        gone = back.get(release.id, frozenset())
        beside = release.recipient in owners
        found = (
            select(ACTIONS)
            .join(ACTION_GROUPS, ACTION_GROUPS.c.number == ACTIONS.c.action_group)
            .where(ACTION_GROUPS.c.disclosure == release.id)
        )
        for row in connection.execute(found):
            group, own = alike[row.action_group], (release.country, bytes(row.finding))
            if gone is None or own[1] in gone:
                withdrawn.add(own)
            elif group.in_review:
                reviewed.add(own)
            else:
                for key in (places[own[1]] if beside else []) or [own]:
                    if key not in asked:
                        asked[key] = _Asked(
                            role=Role(group.role),
                            network=Network(asn=group.asn, owner=group.owner),
                            handed_over_at=release.handed_over_at,
                        )
                        places[own[1]].append(key)
                    asked[key].partners.add(release.recipient)
                    asked[key].handed_over_at = min(asked[key].handed_over_at, release.handed_over_at)
    return asked, len(reviewed - asked.keys()), len(withdrawn - asked.keys() - reviewed)


def _taken_back(connection: Connection, disclosures: Collection[str]) -> dict[str, frozenset[bytes] | None]:
    """By disclosure the findings that were taken back; None: all of them."""
    found: dict[str, frozenset[bytes] | None] = {}
    rows = connection.execute(
        select(RECALL_NOTICES.c.disclosure, RECALL_NOTICES.c.findings)
        .join(RECALLS, RECALLS.c.id == RECALL_NOTICES.c.recall)
        .where(RECALLS.c.kind.in_(_TAKEN_BACK), RECALL_NOTICES.c.disclosure.in_(sorted(disclosures)))
    )
    for row in rows:
        before = found.get(row.disclosure, frozenset())
        if row.findings is None or before is None:
            found[row.disclosure] = None
        else:
            ids = bytes(row.findings)
            mine = (ids[at : at + ID_BYTES] for at in range(0, len(ids), ID_BYTES))
            found[row.disclosure] = before | frozenset(mine)
    return found


def _say(asked: Mapping[_Key, _Asked], said: Iterable[Standing], today: date) -> None:
    """Put into `changes` what recipients said."""
    by_finding: defaultdict[bytes, list[Standing]] = defaultdict(list)
    for one in said:
        by_finding[one.finding].append(one)
    for (_, finding), about in asked.items():
        begun = about.handed_over_at.date()
        latest: dict[str, Outcome] = {}
        stands: Outcome | None = None
        for one in sorted(by_finding.get(finding, ()), key=lambda one: one.rank):
            if one.partner not in about.partners or one.received_at < about.handed_over_at:
                continue
            latest[one.partner] = one.outcome
            now = max(latest.values(), key=WEIGHT.__getitem__)
            if now is stands:
                continue
            stands = now
            week = max((min(one.day, today) - begun).days, 0) // 7
            if about.changes and about.changes[-1][0] == week:
                about.changes.pop()
            about.changes.append((week, now))


def _counts(found: Iterable[_Asked]) -> Counts:
    tally = Counter(one.outcome for one in found)
    return Counts(
        sent=tally[None],
        acknowledged=tally[Outcome.ACKNOWLEDGED],
        done=tally[Outcome.DONE],
        refused=tally[Outcome.REFUSED],
        false_positive=tally[Outcome.FALSE_POSITIVE],
    )


def _by(found: Iterable[tuple[_Name, _Asked]]) -> tuple[tuple[_Name, Counts], ...]:
    """Counts by name, the most findings first."""
    named: defaultdict[_Name, list[_Asked]] = defaultdict(list)
    for name, one in found:
        named[name].append(one)
    counted = [(name, _counts(ones)) for name, ones in named.items()]
    return tuple(sorted(counted, key=lambda row: (-row[1].asked, str(row[0]))))


def _weeks(found: Collection[_Asked], today: date) -> tuple[Week, ...]:
    """Each week that has begun for something; what was handed over later is no part of it."""
    lasted = max(((today - one.handed_over_at.date()).days // 7 for one in found), default=-1)
    # what changes from a week to the next, for all that has come so far
    right, done = Counter[int](), Counter[int]()
    for one in found:
        end = (today - one.handed_over_at.date()).days // 7 + 1
        for begin, stop, outcome in _spans(one, end):
            wrong, ended = outcome is Outcome.FALSE_POSITIVE, outcome is Outcome.DONE
            for tally, counts in ((right, not wrong), (done, ended)):
                tally[begin] += counts
                tally[stop] -= counts
    weeks: list[Week] = []
    standing_right = standing_done = 0
    for week in range(lasted + 1):
        standing_right += right[week]
        standing_done += done[week]
        weeks.append(Week(number=week + 1, right=standing_right, done=standing_done))
    return tuple(weeks)


def _spans(one: _Asked, end: int) -> Iterator[tuple[int, int, Outcome | None]]:
    begin, outcome = 0, None
    for week, now in one.changes:
        if week > begin:
            yield begin, week, outcome
        begin, outcome = week, now
    yield begin, end, outcome
