"""What a member, or somebody with a clock or a query of its own, must not come by: each way in was open once."""

import json
import random
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from accord.agreements.agreement import AgreementId, Register
from accord.agreements.declarations import DatasetId
from accord.agreements.register import load_register, record_register
from accord.cli.channels import placing
from accord.cli.channels.witnessing import kept_back, take_out, take_out_silently, take_out_withheld
from accord.exchange.taxii import server
from accord.journal import book
from accord.release.batches import Batch, Draft
from accord.release.decisions import record_decision
from accord.release.policies import Classes, Policies, PolicyClass, policies
from accord.release.reviews import Answer
from accord.release.sights import Sight, page
from accord.release.withdrawals import forget, holding, resting_on, withheld
from accord.vocabulary.markings import Marking
from accord.workspace.schema import CHANNEL_OBJECTS, CHANNEL_REMAINS
from tests.exchange.stand import Stand, draft, name, stamp, standing, value


@pytest.fixture
def stand(tmp_path: Path, database_url: str) -> Iterator[Stand]:
    with standing(tmp_path, database_url) as one:
        yield one


def ids(answer) -> list[str]:
    return [one["id"] for one in json.loads(answer.body).get("objects", [])]


def classes(dataset: str = "sinkhole") -> Classes:
    return frozenset(
        {
            PolicyClass(
                dataset=dataset, marking="amber", came_in=(AgreementId("vendor-2026"),), personal=True, embargo=None
            )
        }
    )


def put(stand: Stand, drafts: list[Draft], resting: dict[str, str], *, visible: bool = True) -> None:
    """Put objects; each finding rests on one delivery of the sinkhole's."""
    with stand.database.writing() as connection:
        batch = Batch(connection, stand.channel(), at=book.moment(connection, datetime.now(UTC)))
        behind = {one: (classes(), [(DatasetId("sinkhole"), delivery)]) for one, delivery in resting.items()}
        batch.put(drafts, behind, lambda new, _: new)
        batch.end()
    if visible:
        stand.show()


def finding(number: int) -> str:
    return f"{number:064x}"


def test_a_shared_value_goes_with_the_last_finding_that_is_there_whatever_else_was_said_to_tell_of_it(
    stand: Stand,
) -> None:
    # the finding 251 is kept back: nothing of it is in the channel, and it has the same address as finding 1
    shared = replace(value(1), findings=(finding(1), finding(251)))
    put(stand, [draft(1), shared], {finding(1): "d" * 64})
    assert name("ipv4-addr", 1) in ids(stand.within("objects/"))
    stand.take(1)
    assert ids(stand.within("objects/")) == [name("indicator", 1)]
    stand.agreement_ends("police-th-2026")
    assert name("ipv4-addr", 1) not in ids(stand.within("objects/", who="police-th"))
    with stand.database.reading() as connection:
        left = select(func.count()).where(CHANNEL_OBJECTS.c.object == name("ipv4-addr", 1))
        assert connection.execute(left).scalar_one() == 0


def test_what_tells_of_nothing_that_is_there_is_not_put(stand: Stand) -> None:
    put(stand, [draft(1), value(2)], {finding(1): "d" * 64})
    assert ids(stand.within("objects/")) == [name("indicator", 1)]


def test_who_joined_is_told_of_what_holds_though_another_batch_came_between(stand: Stand) -> None:
    stand.members("other", "csirt-th")
    stand.members("c", "csirt-th")
    stand.put(draft(1), draft(2), value(2))
    stand.members("c", "csirt-th", "police-th")
    stand.put(draft(9), named="other")
    assert ids(stand.within("objects/", who="police-th")) == []
    stand.put(draft(1))
    assert ids(stand.within("objects/", who="police-th")) == [name("indicator", 1)]
    stand.put(draft(2), value(2))
    everything = {name("indicator", 1), name("indicator", 2), name("ipv4-addr", 2)}
    assert {*ids(stand.within("objects/", who="police-th"))} == everything


def test_a_data_set_that_is_marked_stricter_is_judged_by_that(stand: Stand) -> None:
    stand.put(draft(1))
    with stand.database.writing() as connection:
        before = load_register(connection)
        held = before.datasets[DatasetId("sinkhole")]
        declared = Register(
            partners={},
            datasets={held.id: replace(held, marking=Marking.RED)},
            agreements={
                one.id: replace(one, limits=replace(one.limits, marking=Marking.RED))
                for one in before.agreements.values()
            },
        )
        record_register(connection, before, declared, now=datetime.now(UTC), draw=secrets.token_bytes)
    # red reaches named persons alone, and no member has named any
    assert ids(stand.within("objects/")) == []


def test_what_an_older_version_rests_on_is_known_until_that_version_is_gone(stand: Stand) -> None:
    put(stand, [draft(1)], {finding(1): "a" * 64})
    put(stand, [draft(1, 1)], {finding(1): "b" * 64}, visible=False)
    with stand.database.reading() as connection:
        assert resting_on(connection, DatasetId("sinkhole"), ["a" * 64]) == {"c": {finding(1)}}
    with stand.database.writing() as connection:
        assert forget(connection, DatasetId("sinkhole"), ["a" * 64]) == {}
        assert forget(connection, DatasetId("sinkhole"), ["b" * 64]) == {"c": {finding(1)}}


def test_a_clock_that_was_set_back_brings_no_agreement_and_no_token_back(stand: Stand) -> None:
    stand.put(draft(1))
    stand.agreement_ends("police-th-2026")

    class Behind(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) - timedelta(hours=1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "datetime", Behind)
        assert ids(stand.within("objects/", who="police-th")) == []
        assert ids(stand.within("objects/")) == [name("indicator", 1)]


@pytest.mark.parametrize("query", ["next=999999999999999999", "added_after=9999-12-31T23:59:59.999999Z"])
def test_a_time_that_never_comes_is_no_error_of_ours(stand: Stand, query: str) -> None:
    assert stand.within("objects/", query).status in {200, 400}


def test_a_policy_of_any_length_is_known_again_and_one_of_nothing_is_removed(stand: Stand) -> None:
    # PostgreSQL takes no row of an index that is longer than 2704 bytes
    long = frozenset(one for at in range(200) for one in classes(f"{at:03}" + "x" * 50))
    with stand.database.writing() as connection:
        numbers = [Policies(connection).number(each) for each in (classes(), long, long, classes("other"), classes())]
    assert numbers[1] == numbers[2]
    assert len({*numbers}) == 3
    stand.put(draft(1))
    with stand.database.reading() as connection:
        left = [number for number, _ in policies(connection)]
    # the newest stays, so that its number is given to no other
    assert left == sorted({numbers[0], numbers[3]})


def test_a_member_that_is_let_out_under_very_many_policies_sees_what_it_may(stand: Stand) -> None:
    stand.put(draft(1), value(1), draft(2))
    with stand.database.reading() as connection:
        (number,) = (one for one, each in policies(connection) if each == classes())
        # PostgreSQL takes no more than 65535 parameters, SQLite none more than 32766
        seen = Sight(channel=stand.channel().id, since=0, policies=(*range(1000, 71_000), number))
        none = replace(seen, policies=seen.policies[:-1])
        assert {one.object for one in page(connection, seen, limit=9)} == {
            name("indicator", 1), name("ipv4-addr", 1), name("indicator", 2),
        }  # fmt: skip
        assert page(connection, none, limit=9) == ()


AUTHOR = "identity--7a6b8c9d-0e1f-4c55-9d8e-0f2d7c6e3b1a"


def accord_written(one: Draft, **more: object) -> Draft:
    """A draft as Accord writes objects, which is how it knows their versions."""
    thing = {"created_by_ref": AUTHOR, **json.loads(one.content), **more}
    first = ("type", "spec_version", "id", "created", "modified", "created_by_ref")
    ordered = {each: thing[each] for each in first} | thing
    return replace(one, content=json.dumps(ordered, separators=(",", ":")))


def family(*numbers: int, version: int) -> Draft:
    thing = {"type": "malware", "spec_version": "2.1", "id": name("malware", 1), "created": stamp(version),
             "modified": stamp(version), "created_by_ref": AUTHOR, "is_family": True, "name": "Gamut"}  # fmt: skip
    return Draft(
        object=str(thing["id"]),
        type="malware",
        version=stamp(version),
        content=json.dumps(thing, separators=(",", ":")),
        findings=tuple(map(finding, numbers)),
        shared=True,
    )


def put_versioned(stand: Stand, drafts: list[Draft], *resting: tuple[int, str]) -> None:
    with stand.database.writing() as connection:
        batch = Batch(connection, stand.channel(), at=book.moment(connection, datetime.now(UTC)))
        behind = {finding(one): [] for one, _ in resting}
        for one, delivery in resting:
            behind[finding(one)].append((DatasetId("sinkhole"), delivery * 64))
        batch.put(drafts, {one: (classes(), each) for one, each in behind.items()}, placing._versioned)
        batch.end()
    stand.show()


def objects(stand: Stand, query: str = "match[version]=all", who: str = "csirt-th") -> list[dict]:
    return json.loads(stand.within("objects/", query, who=who).body).get("objects", [])


def purge(stand: Stand, delivery: str) -> None:
    with stand.database.writing() as connection:
        at = datetime.now(UTC)
        take_out_silently(connection, forget(connection, DatasetId("sinkhole"), [delivery * 64]), at)


def test_no_version_that_rests_on_what_is_purged_is_there_and_what_comes_again_was_created_when_it_was(
    stand: Stand,
) -> None:
    put_versioned(stand, [accord_written(draft(1)), value(1), family(1, version=0)], (1, "a"))
    both = accord_written(draft(1, 1), pattern="[ipv4-addr:value = '203.0.113.99']")
    put_versioned(stand, [both, value(1), family(1, version=0)], (1, "a"), (1, "b"))
    assert [one["id"] for one in objects(stand)].count(name("indicator", 1)) == 2
    purge(stand, "a")
    assert {one["id"] for one in objects(stand)} == {name("ipv4-addr", 1), name("malware", 1)}
    with stand.database.reading() as connection:
        left = [*connection.execute(select(CHANNEL_REMAINS.c.content)).scalars()]
    assert [json.loads(one) for one in left] == [
        {"type": "indicator", "spec_version": "2.1", "id": name("indicator", 1), "created": stamp(0),
         "modified": stamp(1), "created_by_ref": AUTHOR},
    ]  # fmt: skip
    # what it rests on now says less; the members learn it as a later version of what they have
    again = accord_written(draft(1, 0), created=stamp(2), modified=stamp(2))
    put_versioned(stand, [again, value(1), family(1, version=2)], (1, "b"))
    (indicator,) = [one for one in objects(stand) if one["type"] == "indicator"]
    assert (indicator["created"], indicator["modified"]) == (stamp(0), stamp(2))
    purge(stand, "b")
    assert objects(stand) == []
    # the family has the same id whichever findings tell of it
    put_versioned(stand, [accord_written(draft(2)), family(2, version=9)], (2, "c"))
    (malware,) = [one for one in objects(stand) if one["type"] == "malware"]
    assert (malware["created"], malware["modified"]) == (stamp(0), stamp(9))


def test_what_went_without_a_word_is_revoked_later_for_whoever_knew_of_it(stand: Stand) -> None:
    put_versioned(stand, [accord_written(draft(1))], (1, "a"), (1, "b"))
    purge(stand, "a")
    stand.members("c", "csirt-th", "police-th", "vendor")
    with stand.database.writing() as connection:
        take_out(connection, {stand.channel().id: [finding(1)]}, datetime.now(UTC), person="p")
    stand.show()
    (revoked,) = objects(stand)
    assert (revoked["id"], revoked["created"], revoked["revoked"]) == (name("indicator", 1), stamp(0), True)
    assert objects(stand, who="vendor") == []


def test_what_revoked_objects_refer_to_stands_there_once(stand: Stand) -> None:
    def observed(number: int) -> Draft:
        content = {"type": "observed-data", "id": name("observed-data", number)}
        one = accord_written(draft(number), **content)
        return replace(one, object=content["id"], type="observed-data")

    for some in ((1, 2), (3,)):
        put_versioned(stand, [observed(one) for one in some], *((one, "a") for one in some))
        with stand.database.writing() as connection:
            concerned = {stand.channel().id: [finding(one) for one in some]}
            take_out(connection, concerned, datetime.now(UTC), person="p")
        stand.show()
    assert sorted(one["type"] for one in objects(stand)) == ["observed-data"] * 3 + ["software"]
    # who joins later and is told of one that is revoked finds what it refers to
    stand.members("c", "csirt-th", "police-th", "vendor")
    put_versioned(stand, [observed(4)], (4, "a"))
    with stand.database.writing() as connection:
        take_out(connection, {stand.channel().id: [finding(4)]}, datetime.now(UTC), person="p")
    stand.show()
    assert sorted(one["type"] for one in objects(stand, who="vendor")) == ["observed-data", "software"]
    assert [one["type"] for one in objects(stand)].count("software") == 1


@pytest.mark.parametrize("seed", range(3))
def test_what_is_kept_back_is_what_all_decisions_say_of_all_that_is_there(stand: Stand, seed: int) -> None:
    draw = random.Random(seed)
    stand.members("other", "csirt-th")
    stand.put(*(draft(one) for one in range(12)))
    stand.put(*(draft(one) for one in range(6, 18)), named="other")
    stand.take(*range(3))
    now = datetime.now(UTC)
    with stand.database.writing() as connection:
        for _ in range(40):
            until = now + timedelta(hours=draw.randint(-2, 2)) if draw.random() < 0.6 else None
            answer = draw.choice([Answer.RELEASE, Answer.RELEASE, Answer.WITHHOLD])
            number = draw.randint(0, 24)
            record_decision(connection, finding(number), answer, [], person="p", justification="j", until=until, at=now)
        slow = holding(connection, kept_back(connection, now))
        assert withheld(connection, now) == slow
        assert {*slow} == {"c", "other"}
        # once it is taken out, there is nothing more to do
        take_out_withheld(connection, now, "p")
        assert withheld(connection, now) == {}
