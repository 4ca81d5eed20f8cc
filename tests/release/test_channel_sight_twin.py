"""What a member sees of a channel, held against a slow twin that goes through all that has happened.

The twin keeps no policies, batches or rows: for each question it reads the whole history of the channel again.
"""

import json
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accord.agreements.agreement import AgreementId, Ending, Register
from accord.agreements.declarations import DatasetId, PartnerId
from accord.agreements.register import load_register
from accord.journal import book
from accord.release.batches import Batch, Draft
from accord.release.channels import ChannelId, load_channels
from accord.release.policies import Classes, PolicyClass
from accord.release.question import Release
from accord.release.sights import page, sight
from accord.release.withdrawals import forget, take_away
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.markings import Marking
from tests.exchange.stand import Stand, draft, name, stamp, standing, value

CSIRT, POLICE = "csirt-th", "police-th"
MEMBERS = (CSIRT, POLICE)

# By kind of evidence, whom the rules let have it as long as its agreement holds: an embargo names who is not kept out.
KINDS = {"both": {CSIRT, POLICE}, "csirt": {CSIRT}, "police": {POLICE}}

# The deliveries on which each finding rests, and the family that it tells of.
RESTS = {0: ("a",), 1: ("a", "b"), 2: ("b",), 3: ("a", "b")}
FAMILY = {0: 0, 1: 0, 2: 0, 3: 1}


def family(number: int, findings: Collection[int], version: int) -> Draft:
    content = {
        "type": "malware", "spec_version": "2.1", "id": name("malware", number), "created": stamp(0),
        "modified": stamp(version), "is_family": True, "name": f"family {number}",
    }  # fmt: skip
    return Draft(
        object=name("malware", number),
        type="malware",
        version=stamp(version),
        content=json.dumps(content),
        findings=tuple(f"{one:064x}" for one in sorted(findings)),
        shared=True,
    )


def classes(kind: str) -> Classes:
    embargo = None if kind == "both" else ("secret", "2099-01-01T00:00:00+00:00", tuple(sorted(KINDS[kind])))
    return frozenset(
        {
            PolicyClass(
                dataset="sinkhole",
                marking="amber",
                came_in=(AgreementId("vendor-2026"),),
                personal=True,
                embargo=embargo,
            )
        }
    )


@dataclass(frozen=True, kw_only=True)
class Put:
    finding: int
    kind: str
    version: int
    family: int
    """The version of the family."""


@dataclass(kw_only=True)
class Twin:
    """A channel's history: each thing that happened, and to what."""

    history: list[tuple[str, object]] = field(default_factory=list)

    def may(self, member: str, kind: str) -> bool:
        """Do the rules let a member have this kind of evidence now?"""
        return member in KINDS[kind] and ("end", member) not in self.history and ("raise", None) not in self.history

    def joined(self, member: str) -> int | None:
        """When it joined; None: it is no member."""
        since = None
        for at, (what, whom) in enumerate(self.history):
            if whom == member and what in {"join", "leave"}:
                since = at if what == "join" else None
        return since

    def puts(self, finding: int, end: int | None = None) -> list[tuple[int, Put]]:
        """What was shown of a finding that is there, and when it was put."""
        past = self.history[:end]
        shown = max((at for at, (what, _) in enumerate(past) if what == "show"), default=-1)
        found: list[tuple[int, Put]] = []
        resting: set[str] = set()
        for at, (what, which) in enumerate(past):
            if what == "put" and isinstance(which, Put) and which.finding == finding:
                found.append((at, which))
                resting = {*RESTS[finding]}
            elif what == "take" and which == finding:
                found, resting = [], set()
            elif what == "purge" and which in resting:
                resting.discard(str(which))
                if not resting:
                    found = []
        return [(at, one) for at, one in found if at < shown]

    def purged(self, finding: int) -> int:
        """When a delivery behind it was purged for the last time; -1: never."""
        return max(
            (at for at, (what, which) in enumerate(self.history) if what == "purge" and which in RESTS[finding]),
            default=-1,
        )

    def sees(self, member: str) -> set[tuple[str, str]]:
        """Objects with their versions, but for what was revoked."""
        since = self.joined(member)
        if since is None:
            return set()
        seen: set[tuple[str, str]] = set()
        families: dict[int, int] = {}
        for finding in RESTS:
            puts = self.puts(finding)
            for at, one in puts:
                families[one.family] = max(at, families.get(one.family, -1))
            # a version that was put again, under whatever conditions, is there as it was put last
            last = {one.version: (at, one) for at, one in puts}
            for at, one in last.values():
                if at > self.purged(finding) and since <= at and self.may(member, one.kind):
                    seen.add((name("indicator", finding), stamp(one.version)))
            # and so it is with what findings share
            if puts and since <= puts[-1][0] and self.may(member, puts[-1][1].kind):
                seen |= {(name("ipv4-addr", finding), ""), (name("malware", FAMILY[finding]), "")}
        return seen

    def revoked(self, member: str) -> set[str]:
        """Objects of which it is told that they hold no more."""
        since = self.joined(member)
        shown = max((at for at, (what, _) in enumerate(self.history) if what == "show"), default=-1)
        return {
            name("indicator", finding)
            for at, (what, finding) in enumerate(self.history[:shown])
            if what == "take" and isinstance(finding, int) and since is not None
            and any(since <= when for when, _ in self.puts(finding, at))
        }  # fmt: skip


@dataclass(kw_only=True)
class Real:
    """The same history in a database."""

    stand: Stand
    channel: str
    register: Register
    members: set[str] = field(default_factory=set)

    def put(self, kind: str, version: int, findings: Collection[int]) -> None:
        drafts = [one for each in sorted(findings) for one in (draft(each, version), value(each))]
        for number in sorted({FAMILY[one] for one in findings}):
            drafts.append(family(number, [one for one in findings if FAMILY[one] == number], 0))
        with self.stand.database.writing() as connection:
            channel = load_channels(connection)[ChannelId(self.channel)]
            batch = Batch(connection, channel, at=book.moment(connection, datetime.now(UTC)))
            resting = {
                f"{one:064x}": (classes(kind), [(DatasetId("sinkhole"), self.channel + each) for each in RESTS[one]])
                for one in findings
            }
            batch.put(drafts, resting, lambda new, _: new)
            batch.end()

    def take(self, finding: int) -> None:
        from tests.exchange.stand import gone

        with self.stand.database.writing() as connection:
            concerned = {ChannelId(self.channel): [f"{finding:064x}"]}
            channels = load_channels(connection)
            take_away(connection, channels, concerned, recall=None, at=datetime.now(UTC), reduced=gone)

    def purge(self, delivery: str) -> None:
        with self.stand.database.writing() as connection:
            lonely = forget(connection, DatasetId("sinkhole"), [self.channel + delivery])
            take_away(connection, {}, lonely, recall=None, at=datetime.now(UTC), reduced=None)

    def change(self, member: str, *, joins: bool) -> None:
        (self.members.add if joins else self.members.discard)(member)
        self.stand.members(self.channel, *sorted(self.members))

    def end(self, member: str) -> None:
        now = datetime.now(UTC)
        held = self.register.agreements[AgreementId(f"{member}-2026")]
        ended = replace(held, ended=Ending(at=now - timedelta(seconds=1), reason="over", recorded_at=now))
        self.register = replace(self.register, agreements={**self.register.agreements, held.id: ended})

    def raise_marking(self) -> None:
        held = self.register.datasets[DatasetId("sinkhole")]
        raised = replace(held, marking=Marking.RED)
        self.register = replace(self.register, datasets={**self.register.datasets, held.id: raised})

    def sees(self, member: str) -> tuple[set[tuple[str, str]], set[str]]:
        with self.stand.database.reading() as connection:
            channel = load_channels(connection)[ChannelId(self.channel)]
            one = channel.member(PartnerId(member))
            if one is None:
                return set(), set()
            release = Release(
                register=self.register,
                purpose=Purpose.VICTIM_NOTIFICATION,
                at=datetime.now(UTC),
                legal_area=frozenset({CountryCode("FR")}),
            )
            rows = page(connection, sight(connection, channel, one, release), limit=1000, latest=False)
        alive = {(each.object, "" if each.type == "malware" else each.version) for each in rows if not each.revoked}
        return alive, {each.object for each in rows if each.revoked}


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Iterator[Stand]:
    with standing(tmp_path, database_url) as one:
        yield one


findings = st.sampled_from([*RESTS])
members = st.sampled_from(MEMBERS)
acts = st.one_of(
    st.tuples(
        st.just("put"),
        st.sampled_from([*KINDS]),
        st.integers(0, 1),
        st.lists(findings, min_size=1, max_size=3, unique=True),
    ),
    st.tuples(st.just("show")),
    st.tuples(st.just("take"), findings),
    st.tuples(st.just("purge"), st.sampled_from("ab")),
    st.tuples(st.sampled_from(["join", "leave"]), members),
    st.tuples(st.just("end"), members),
)


@settings(
    max_examples=150 if os.environ.get("CI") else 60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(drawn=st.lists(acts, min_size=3, max_size=12), raised=st.integers(0, 12))
def test_a_member_sees_what_the_whole_history_of_a_channel_says(stand: Stand, drawn: list[tuple], raised: int) -> None:
    with stand.database.reading() as connection:
        register = load_register(connection)
    real = Real(stand=stand, channel=f"c{uuid4().hex[:12]}", register=register)
    twin = Twin()
    for member in MEMBERS:
        real.change(member, joins=True)
        twin.history.append(("join", member))
    for at, (what, *more) in enumerate(drawn):
        if at == raised:
            real.raise_marking()
            twin.history.append(("raise", None))
        if what == "put":
            kind, version, which = more
            real.put(kind, version, which)
            twin.history += [
                ("put", Put(finding=one, kind=kind, version=version, family=FAMILY[one])) for one in sorted(which)
            ]
        elif what == "show":
            stand.show()
            twin.history.append(("show", None))
        elif what in {"join", "leave"}:
            if (twin.joined(more[0]) is None) == (what == "join"):
                real.change(more[0], joins=what == "join")
                twin.history.append((what, more[0]))
        else:
            getattr(real, what)(*more)
            twin.history.append((what, more[0]))
        for member in MEMBERS:
            assert real.sees(member) == (twin.sees(member), twin.revoked(member)), (member, twin.history)


def test_what_was_put_three_times_before_it_is_seen_is_seen_under_the_last_conditions(stand: Stand) -> None:
    with stand.database.reading() as connection:
        register = load_register(connection)
    real = Real(stand=stand, channel="thrice", register=register)
    real.change(CSIRT, joins=True)
    for kind in ("police", "both", "police"):
        real.put(kind, 0, [0])
    stand.show()
    assert real.sees(CSIRT) == (set(), set())


def test_what_findings_share_is_seen_with_none_that_was_disclosed_before_somebody_joined(stand: Stand) -> None:
    """The first finding is told before the police join; the second after, and then only the CSIRT may have it."""
    with stand.database.reading() as connection:
        register = load_register(connection)
    real = Real(stand=stand, channel="shared", register=register)
    real.change(CSIRT, joins=True)
    real.put("both", 0, [0])
    stand.show()
    real.change(POLICE, joins=True)
    real.put("csirt", 0, [1])
    stand.show()
    of_both = {(name("malware", 0), "")}
    assert of_both <= real.sees(CSIRT)[0]
    assert real.sees(POLICE) == (set(), set())
