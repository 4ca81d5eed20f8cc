"""What a member, or somebody with a clock or a query of its own, must not come by: each way in was open once."""

import json
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
from accord.exchange.taxii import server
from accord.journal import book
from accord.release.batches import Batch, Classes, Draft, Policies, PolicyClass, forget, resting_on
from accord.vocabulary.markings import Marking
from accord.workspace.schema import CHANNEL_OBJECTS
from tests.exchange.stand import Stand, draft, name, standing, value


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


def test_a_value_that_findings_of_very_many_policies_tell_of_is_put_and_judged_by_the_least_of_each(
    stand: Stand,
) -> None:
    least = {one: classes(f"data-set-{one}") for one in range(12)}
    with stand.database.writing() as connection:
        policies = Policies(connection)
        alone = {policies.number(frozenset({one})) for one in least.values()}
        subsets = [frozenset().union(*(least[at] for at in range(12) if many >> at & 1)) for many in range(1, 1 << 12)]
        all_of_them = {policies.number(frozenset({one})) for one in subsets[::17]}
        assert policies.any_of(alone | all_of_them) == policies.any_of(alone)
        # one that needs two data sets is no less than one that needs a third
        pair, third = (policies.number(frozenset({one})) for one in (least[0] | least[1], least[2]))
        assert policies.any_of({pair, third}) not in {pair, third}
