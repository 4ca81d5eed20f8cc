"""How much of an operation was done: cases that were worked out by hand."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, insert

from accord.operations.scoring import score
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.markings import Marking
from accord.vocabulary.outcomes import Counts, Network, Outcome, Score, Week
from accord.vocabulary.roles import SERVER_ROLES, Role
from accord.workspace.database import Database
from accord.workspace.schema import PARTNERS, RECALL_NOTICES, RECALLS
from tests.operations.released import START, asked, disclose, finding, hub, report, said

LATER = START + timedelta(days=100)
DONE, FALSE, REFUSED, HEARD = Outcome.DONE, Outcome.FALSE_POSITIVE, Outcome.REFUSED, Outcome.ACKNOWLEDGED


@pytest.fixture
def database(tmp_path: Path, database_url: str) -> Iterator[Database]:
    with hub(tmp_path, database_url) as opened:
        yield opened


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.writing() as opened:
        yield opened


def october(connection: Connection, days: int = 100, **said: object) -> Score:
    return score(connection, "october", at=START + timedelta(days=days), **said)  # type: ignore[arg-type]


def test_the_share_is_what_is_done_of_what_is_right(connection: Connection) -> None:
    # ten servers; 2 false positives leave 8; 6 done: 75%
    disclose(connection, 1, asked(*range(10)))
    report(connection, *(said(number) for number in range(6)), said(6, FALSE), said(7, FALSE), said(8, REFUSED))
    counts = october(connection).counts
    assert counts == Counts(sent=1, done=6, refused=1, false_positive=2)
    assert (counts.asked, counts.right, counts.share) == (10, 8, 0.75)


def test_synergia_s_shares_are_what_its_numbers_give() -> None:
    # policy: 2023's 70%, 2024's 76% of 30,000 addresses
    assert Counts(sent=7200, done=22800).share == 0.76
    assert Counts(sent=390, done=910).share == 0.7
    assert Counts(false_positive=3).share is None


def test_countries_networks_and_roles_are_told_apart(connection: Connection) -> None:
    disclose(connection, 1, [*asked(1, 2, 3), *asked(4, asn=64501, owner="Net B"), *asked(5, role="infected-system")])
    disclose(connection, 2, [*asked(1, asn=64501, owner="Net B"), *asked(6, asn=None, owner=None, role="phishing")],
             to="csirt-la", country="LA", marking=Marking.RED)  # fmt: skip
    report(connection, said(1), said(4), said(5, REFUSED))
    report(connection, said(6, HEARD), by="csirt-la")
    found = october(connection)
    assert found.by_country == (("TH", Counts(sent=2, done=2)), ("LA", Counts(sent=1, acknowledged=1)))
    assert found.by_network == (
        (Network(asn=64500, owner="Net A"), Counts(sent=2, done=1)),
        (Network(asn=64501, owner="Net B"), Counts(sent=1, done=1)),
        (Network(asn=None, owner=None), Counts(acknowledged=1)),
    )
    assert dict(found.by_role) == {
        Role.C2_SERVER: Counts(sent=3, done=2),
        Role.PHISHING: Counts(acknowledged=1),
        Role.INFECTED_SYSTEM: Counts(refused=1),
    }
    assert {*found.roles} == {*SERVER_ROLES}
    assert (found.releases, found.marking, found.simulated) == (2, Marking.RED, False)
    assert october(connection, roles=[Role.INFECTED_SYSTEM]).counts == Counts(refused=1)


def test_a_finding_counts_once_however_often_it_was_handed_over(connection: Connection) -> None:
    disclose(connection, 1, asked(1, 2))
    disclose(connection, 2, asked(1, 2), to="police-th")
    disclose(connection, 3, asked(1), at=START + timedelta(days=30))
    report(connection, said(1))
    assert october(connection).counts == Counts(sent=1, done=1)


def test_of_a_country_s_recipients_the_one_counts_who_has_done_most(connection: Connection) -> None:
    disclose(connection, 1, asked(1, 2))
    disclose(connection, 2, asked(1, 2), to="police-th")
    report(connection, said(1, DONE), said(2, HEARD, days=9))
    report(connection, said(1, HEARD, days=5), said(2, FALSE, days=2), by="police-th")
    assert october(connection).counts == Counts(done=1, false_positive=1)


def test_a_network_owner_is_asked_beside_the_countries_and_counts_nothing_twice(connection: Connection) -> None:
    connection.execute(insert(PARTNERS).values(id="isp", name="isp", kind="network-owner", country="SG"))
    # it is told first, of two findings of countries that are asked later, and of one that no country is asked about
    disclose(connection, 1, asked(1, 2, 7), to="isp", country="SG", at=START - timedelta(days=3))
    disclose(connection, 2, asked(1, 2, 3))
    disclose(connection, 3, asked(2), to="csirt-la", country="LA")
    report(connection, said(1), said(2, HEARD), said(7), by="isp")
    report(connection, said(2, FALSE), by="csirt-la")
    found = october(connection)
    assert dict(found.by_country) == {
        "TH": Counts(sent=1, done=1, acknowledged=1),
        "LA": Counts(false_positive=1),
        "SG": Counts(done=1),
    }
    ((network, counts),) = found.by_network
    assert network == Network(asn=64500, owner="Net A")
    assert counts == found.counts == Counts(sent=1, done=2, acknowledged=1, false_positive=1)


def test_what_was_not_handed_over_is_in_review_or_was_taken_back_counts_nowhere(connection: Connection) -> None:
    disclosed = disclose(connection, 1, [*asked(1, 2, 3), *asked(4, in_review=True)], simulated=True)
    disclose(connection, 2, asked(5), handed_over=False)
    disclose(connection, 3, asked(6), operation="november")
    for name, kind, about in (("r", "withdrawn", [2]), ("c", "corrected", [3])):
        connection.execute(insert(RECALLS).values(id=name, at=START, kind=kind, reason="wrong", due=START))
        connection.execute(
            insert(RECALL_NOTICES).values(
                recall=name, disclosure=str(disclosed.id), entry=0, notice=b"", by_hand=False,
                findings=b"".join(map(finding, about)),
            )
        )  # fmt: skip
    report(connection, said(1), said(2), said(4))
    found = october(connection)
    # what was corrected still stands
    assert (found.counts, found.in_review, found.withdrawn) == (Counts(sent=1, done=1), 1, 1)
    assert found.simulated


def test_what_is_only_in_a_channel_may_be_reported_about_and_is_no_part_of_the_score(connection: Connection) -> None:
    disclose(connection, 1, asked(1))
    disclose(connection, 2, asked(1, 2), to="csirt-la", country="LA", channel="c2")
    recorded = report(connection, said(1), said(2), by="csirt-la")
    assert (recorded.accepted, recorded.rejected) == (2, ())
    found = october(connection)
    assert (found.counts, found.releases) == (Counts(sent=1), 1)


def test_a_recall_of_a_whole_disclosure_takes_all_of_it_back(connection: Connection) -> None:
    disclosed = disclose(connection, 1, asked(1, 2))
    disclose(connection, 2, asked(2, 3), to="police-th")
    connection.execute(insert(RECALLS).values(id="r", at=START, kind="withdrawn", reason="wrong", due=START))
    connection.execute(
        insert(RECALL_NOTICES).values(recall="r", disclosure=str(disclosed.id), entry=0, notice=b"", by_hand=False)
    )
    # the second is still asked of the police
    found = october(connection)
    assert (found.counts, found.withdrawn) == (Counts(sent=2), 1)


def test_what_was_said_before_an_operation_says_nothing_about_it(connection: Connection) -> None:
    disclose(connection, 1, asked(1), operation="march", at=START - timedelta(days=200))
    report(connection, said(1, days=-190), at=START - timedelta(days=180))
    disclose(connection, 2, asked(1))
    assert score(connection, "march", at=LATER).counts == Counts(done=1)
    assert october(connection).counts == Counts(sent=1)
    # what is reported after it does, though it was done before
    report(connection, said(1, days=-3), digest="ff")
    found = october(connection)
    assert (found.counts, found.weeks[0]) == (Counts(done=1), Week(number=1, right=1, done=1))


def test_weeks_are_counted_from_each_hand_over(connection: Connection) -> None:
    # four servers on day 0, two on day 7; today is day 20: in the third week of the first, the second of the others
    disclose(connection, 1, asked(1, 2, 3, 4))
    disclose(connection, 2, asked(5, 6), at=START + timedelta(days=7), to="csirt-la", country="LA")
    report(connection, said(1, days=0), said(2, days=6), said(3, FALSE, days=14), at=START + timedelta(days=19))
    report(connection, said(5, days=7 + 7), by="csirt-la", at=START + timedelta(days=19))
    weeks = october(connection, days=20).weeks
    assert [(one.number, one.right, one.done) for one in weeks] == [
        (1, 6, 2),  # all six; the first and the second
        (2, 6, 3),  # and the fifth, a week after it was handed over
        (3, 3, 2),  # nobody has had the second release for that long; the third turned out wrong
    ]
    assert [one.share for one in weeks] == [2 / 6, 3 / 6, 2 / 3]


def test_what_comes_back_is_done_no_more_from_then_on(connection: Connection) -> None:
    disclose(connection, 1, asked(1))
    report(connection, said(1, DONE, days=1), said(1, HEARD, days=15))
    found = october(connection, days=22)
    assert [one.done for one in found.weeks] == [1, 1, 0, 0]
    assert found.counts == Counts(acknowledged=1)


def test_an_operation_of_which_nothing_was_handed_over_is_named_with_those_there_are(connection: Connection) -> None:
    disclose(connection, 1, asked(1))
    disclose(connection, 2, asked(1), operation="november", handed_over=False)
    with pytest.raises(SettingsError, match="Nothing of this operation") as refused:
        score(connection, "november", at=LATER)
    assert (refused.value.expected, refused.value.got) == ("october", "november")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One that every example leaves as it was."""
    with hub(tmp_path_factory.mktemp("hub")) as opened:
        yield opened


rows = st.lists(
    st.tuples(
        st.sampled_from(["csirt-th", "police-th"]), st.integers(1, 4), st.sampled_from(Outcome), st.integers(0, 40)
    ),
    max_size=12,
)


@given(rows=rows, today=st.integers(41, 60))
def test_the_last_week_and_the_parts_give_the_whole(
    empty: Database, rows: list[tuple[str, int, Outcome, int]], today: int
) -> None:
    with empty.writing(keep=False) as connection:
        disclose(connection, 1, [*asked(1, 2), *asked(3, asn=64501)])
        disclose(connection, 2, [*asked(2), *asked(3, asn=64501), *asked(4, role="phishing")], to="police-th")
        for by in ("csirt-th", "police-th"):
            report(connection, *(said(number, word, day) for who, number, word, day in rows if who == by), by=by,
                   at=START + timedelta(days=41))  # fmt: skip
        found = october(connection, days=today)
        for day in range(0, today, 7):
            # a week's end is how it stood on its last day, or stands today
            end = min(day + 6, today)
            before = twin([row for row in rows if row[3] <= end])
            week = found.weeks[day // 7]
            assert (week.right, week.done) == (before.right, before.done)
    assert found.counts == twin(rows)
    for parts in (found.by_country, found.by_network, found.by_role):
        assert sum(counts.asked for _, counts in parts) == found.counts.asked == 4
        assert sum(counts.done for _, counts in parts) == found.counts.done


def twin(rows: list[tuple[str, int, Outcome, int]]) -> Counts:
    """The slow, obvious way: of each recipient the last day's strongest word, then of a finding the strongest."""
    strength = [HEARD, REFUSED, FALSE, DONE]
    given_to = {"csirt-th": {1, 2, 3}, "police-th": {2, 3, 4}}
    stands = []
    for number in (1, 2, 3, 4):
        words = []
        for who, theirs in given_to.items():
            mine = [(day, strength.index(word)) for by, one, word, day in rows if (by, one) == (who, number)]
            if number in theirs and mine:
                words.append(max(mine)[1])
        stands.append(strength[max(words)] if words else None)
    return Counts(
        sent=stands.count(None),
        acknowledged=stands.count(HEARD),
        done=stands.count(DONE),
        refused=stands.count(REFUSED),
        false_positive=stands.count(FALSE),
    )
