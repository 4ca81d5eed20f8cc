"""What partners say became of findings: only of those that they got, kept, entered, and the same in any order."""

import secrets
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, func, insert, select, text

from accord.agreements.declarations import PartnerId
from accord.journal.book import kept, size
from accord.journal.facts import read_fact
from accord.operations.actions import ASKED, record_actions
from accord.operations.outcomes import (
    Answer,
    Reject,
    Said,
    Unfit,
    about,
    forget_about,
    forget_asked,
    history,
    record_outcomes,
    standing,
)
from accord.vocabulary.outcomes import WEIGHT, Outcome
from accord.workspace.database import Database
from accord.workspace.schema import ACTION_GROUPS, ACTIONS, OUTCOME_REPORTS, OUTCOMES, PARTNERS
from tests.operations.released import DAY, START, Asked, asked, disclose, finding, hub, report, said


@pytest.fixture
def database(tmp_path: Path, database_url: str) -> Iterator[Database]:
    with hub(tmp_path, database_url) as opened:
        yield opened


Stands = tuple[int, str, str, date, str | None]


def rows(database: Database, table: object) -> int:
    with database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def stands(database: Database) -> list[Stands]:
    with database.reading() as connection:
        return stand(connection)


def stand(connection: Connection) -> list[Stands]:
    return [
        (int.from_bytes(one.finding), one.partner, one.outcome.value, one.day, one.note) for one in standing(connection)
    ]


def test_what_is_asked_is_kept_by_role_and_network_and_each_finding_once(database: Database) -> None:
    repeated = [*asked(1, 2), *asked(3, asn=None, owner=None), *asked(1, 2), *asked(4, role="phishing", in_review=True)]
    with database.writing() as connection:
        disclose(connection, 1, repeated)
        groups = connection.execute(
            select(ACTION_GROUPS.c.role, ACTION_GROUPS.c.asn, ACTION_GROUPS.c.owner, ACTION_GROUPS.c.in_review,
                   func.count())
            .join(ACTIONS, ACTIONS.c.action_group == ACTION_GROUPS.c.number)
            .group_by(ACTION_GROUPS.c.number)
        ).all()  # fmt: skip
    assert sorted(map(tuple, groups), key=str) == sorted(
        [("c2-server", 64500, "Net A", False, 2), ("c2-server", None, None, False, 1),
         ("phishing", 64500, "Net A", True, 1)], key=str,
    )  # fmt: skip


def test_many_findings_are_recorded_as_one_by_one_would_be(database: Database) -> None:
    number = 120_000
    table = pa.table(
        [
            pa.array([finding(at).hex() for at in range(number)]),
            pa.array(["infected-system"] * number),
            pa.array([64500 + at % 3 for at in range(number)], pa.int64()),
            pa.array(["Net"] * number),
            pa.array([False] * number),
        ],
        schema=ASKED,
    )
    with database.writing() as connection:
        disclosure = disclose(connection, 1, [])
        assert record_actions(connection, disclosure.id, table, simulated=False) == number
    assert (rows(database, ACTIONS), rows(database, ACTION_GROUPS)) == (number, 3)


def test_nobody_reports_about_what_it_was_not_handed(database: Database) -> None:
    with database.writing() as connection:
        disclose(connection, 1, asked(1))
        disclose(connection, 2, asked(2), to="police-th")
        disclose(connection, 3, asked(3), handed_over=False)
        recorded = report(connection, said(1), said(2), said(3), said(4))
    assert (recorded.accepted, recorded.new) == (1, 1)
    assert recorded.rejected == tuple(
        Reject(line=None, column="finding_id", reason=Unfit.NOT_DISCLOSED, text=finding(number).hex())
        for number in (2, 3, 4)
    )
    assert [row[:2] for row in stands(database)] == [(1, "csirt-th")]


def test_a_date_that_has_not_come_anywhere_on_earth_is_rejected(database: Database) -> None:
    at = START + timedelta(days=10)
    with database.writing() as connection:
        disclose(connection, 1, asked(1, 2))
        recorded = report(connection, said(1, days=11), said(2, days=12), at=at)
    assert (recorded.accepted, [(one.reason, one.text) for one in recorded.rejected]) == (
        1,
        [(Unfit.FUTURE, "2026-10-13")],
    )


def test_the_same_again_changes_nothing(database: Database) -> None:
    with database.writing() as connection:
        disclose(connection, 1, asked(1, 2))
        report(connection, said(1, note="off"), said(2, Outcome.REFUSED))
    with database.reading() as connection:
        before = size(connection)
    with database.writing() as connection:
        again = report(connection, said(1, note="off"), said(2, Outcome.REFUSED), at=START + timedelta(days=200))
    assert (again.accepted, again.new, again.done, again.entries) == (2, 0, 0, range(0))
    assert (rows(database, OUTCOMES), rows(database, OUTCOME_REPORTS)) == (2, 1)
    with database.reading() as connection:
        assert size(connection) == before


def test_what_is_said_twice_in_one_file_stands_once(database: Database) -> None:
    with database.writing() as connection:
        disclose(connection, 1, asked(1))
        recorded = report(connection, said(1), said(1))
    assert (recorded.accepted, recorded.new, recorded.done) == (2, 1, 1)


def test_a_later_date_stands_and_what_was_said_before_is_kept(database: Database) -> None:
    with database.writing() as connection:
        disclose(connection, 1, asked(1, 2))
        report(connection, said(1, Outcome.DONE, days=5), said(2, Outcome.ACKNOWLEDGED, days=3))
        # it is back; and what is told late of an earlier day changes nothing
        report(connection, said(1, Outcome.ACKNOWLEDGED, days=9), said(2, Outcome.REFUSED, days=1))
    assert [(number, word) for number, _, word, _, _ in stands(database)] == [(1, "acknowledged"), (2, "acknowledged")]
    with database.reading() as connection:
        whole = [(int.from_bytes(one.finding), one.outcome, (one.day - DAY).days) for one in history(connection)]
    assert whole == [(1, "done", 5), (1, "acknowledged", 9), (2, "refused", 1), (2, "acknowledged", 3)]


def test_of_one_day_what_weighs_more_stands(database: Database) -> None:
    with database.writing() as connection:
        disclose(connection, 1, asked(1))
        for outcome in (Outcome.DONE, Outcome.FALSE_POSITIVE, Outcome.REFUSED, Outcome.ACKNOWLEDGED):
            report(connection, said(1, outcome))
    assert [word for _, _, word, _, _ in stands(database)] == ["done"]
    assert sorted(WEIGHT, key=WEIGHT.__getitem__) == ["acknowledged", "refused", "false-positive", "done"]


def test_partners_stand_beside_each_other(database: Database) -> None:
    with database.writing() as connection:
        disclose(connection, 1, asked(1))
        disclose(connection, 2, asked(1), to="police-th")
        report(connection, said(1, Outcome.REFUSED))
        report(connection, said(1, Outcome.DONE), by="police-th")
    assert [(partner, word) for _, partner, word, _, _ in stands(database)] == [
        ("csirt-th", "refused"),
        ("police-th", "done"),
    ]
    with database.reading() as connection:
        assert [one.partner for one in standing(connection, partner=PartnerId("police-th"))] == ["police-th"]
        assert [*standing(connection, operation="november")] == []
        assert len(standing(connection, operation="october")) == 2


def test_there_is_an_entry_for_each_disclosure_that_counts_what_is_done_for_the_first_time(database: Database) -> None:
    embargo = START + timedelta(days=400)
    at = START + timedelta(days=20)
    with database.writing() as connection:
        first = disclose(connection, 1, asked(1, 2, 3))
        second = disclose(connection, 2, asked(3, 4), country="LA", opens_at=embargo)
        never = disclose(connection, 3, asked(5), opens_at=None)
        recorded = report(
            connection, said(1), said(3), said(4), said(2, Outcome.REFUSED), said(5, Outcome.REFUSED), at=at
        )
        entries = kept(connection, recorded.entries)
        facts = [read_fact(one.openings) for one in entries]
        again = report(connection, said(1, days=2), said(2), said(5, Outcome.REFUSED), at=at, digest="ff")
        (later,) = kept(connection, again.entries)
    # the third finding counts where it was first handed over
    assert [(one.refers, one.country, one.count) for one in facts] == [
        (first.entries.start, "TH", 2), (second.entries.start, "LA", 1), (never.entries.start, "TH", 0),
    ]  # fmt: skip
    assert {(one.kind, one.partner, one.purpose, one.digest, one.at) for one in facts} == {
        ("outcome", "csirt-th", "investigation", "ee" * 32, at)
    }
    assert {(one.dataset, one.origin, one.marking, one.agreement) for one in facts} == {("", None, None, "")}
    # what is said of a disclosure is no earlier known than the disclosure
    assert [one.opens_at for one in entries] == [at, embargo, None]
    assert (recorded.done, again.done, read_fact(later.openings).count) == (3, 1, 1)


def test_a_finding_that_a_country_and_a_network_owner_in_it_report_as_done_counts_once(database: Database) -> None:
    def counted(*said: Said, by: str, digest: str) -> tuple[int, list[tuple[str, int | None]]]:
        recorded = report(connection, *said, by=by, digest=digest)
        facts = [read_fact(one.openings) for one in kept(connection, recorded.entries)]
        return recorded.done, [(one.country, one.count) for one in facts]

    with database.writing() as connection:
        connection.execute(insert(PARTNERS).values(id="owner-th", name="owner-th", kind="network-owner", country="TH"))
        disclose(connection, 1, asked(1, 2, 3))
        disclose(connection, 2, asked(1, 2), to="owner-th", country="TH")
        disclose(connection, 3, asked(1), to="csirt-la", country="LA")
        assert counted(said(1), by="owner-th", digest="aa") == (1, [("TH", 1)])
        # what it hears is what it has said itself; what everybody hears is what is new for the country
        assert counted(said(1), said(3), by="csirt-th", digest="bb") == (2, [("TH", 1)])
        assert counted(said(2, Outcome.REFUSED), by="csirt-th", digest="cc") == (0, [("TH", 0)])
        assert counted(said(2), by="owner-th", digest="dd") == (1, [("TH", 1)])
        # another country that was asked counts for itself
        assert counted(said(1), by="csirt-la", digest="ee") == (1, [("LA", 1)])


def test_what_is_about_a_value_is_found_and_erased_notes_included(database: Database) -> None:
    ids = [finding(1)]
    with database.writing() as connection:
        disclose(connection, 1, asked(1, 2, 3))
        report(connection, said(1), said(2, note="moved to 203.0.113.9"), said(3, note="other"))
    with database.reading() as connection:
        found = about(connection, ids, lambda note: "203.0.113.9" in note)
    assert [int.from_bytes(one.finding) for one in found] == [1, 2]
    with database.writing() as connection:
        forget_about(connection, ids, lambda note: "203.0.113.9" in note)
        assert about(connection, ids, lambda note: "203.0.113.9" in note) == ()
        # of what was forgotten nothing more is taken
        assert [one.reason for one in report(connection, said(1, days=9)).rejected] == [Unfit.NOT_DISCLOSED]
    assert [row[0] for row in stands(database)] == [3]
    assert rows(database, ACTIONS) == 2


def test_what_one_disclosure_asked_is_forgotten_and_its_outcomes_where_no_other_asks(database: Database) -> None:
    with database.writing() as connection:
        first = disclose(connection, 1, [*asked(1, 2), *asked(3, asn=64501)])
        disclose(connection, 2, asked(2), to="police-th")
        report(connection, said(1), said(2), said(3))
        forget_asked(connection, first.id, [finding(1), finding(2)])
    assert [row[0] for row in stands(database)] == [2, 3]
    assert rows(database, ACTIONS) == 2


def test_the_database_holds_no_value_of_what_was_asked(database: Database) -> None:
    with database.writing() as connection:
        disclose(connection, 1, [Asked(finding=finding(1).hex())])
    with database.reading() as connection:
        columns = {name for table in (ACTIONS, ACTION_GROUPS) for name in table.columns.keys()}  # noqa: SIM118 -- it iterates over columns otherwise
        assert columns == {
            "finding",
            "action_group",
            "number",
            "disclosure",
            "role",
            "asn",
            "owner",
            "in_review",
            "simulated",
        }
        assert connection.execute(text("SELECT finding FROM actions")).scalar_one() == finding(1)


@st.composite
def told(draw: st.DrawFn) -> list[tuple[str, Said]]:
    """What two partners say of four findings on six days."""
    one = st.builds(
        lambda partner, number, outcome, days, note: (partner, said(number, outcome, days, note)),
        st.sampled_from(["csirt-th", "police-th"]),
        st.integers(1, 4),
        st.sampled_from(Outcome),
        st.integers(0, 5),
        st.sampled_from([None, "a", "b"]),
    )
    return draw(st.lists(one, max_size=12))


def everything(connection: Connection) -> tuple[list[Stands], object, object]:
    """What stands, all that was said, and what the ledger's entries add up to by country."""
    done: Counter[str] = Counter()
    whole = sorted((one.finding, one.partner, *one.rank) for one in history(connection))
    for entry in kept(connection, range(2, size(connection))):
        fact = read_fact(entry.openings)
        done[fact.country] += fact.count or 0
    # two recipients of one country, and each finding counts once
    assert done.total() == len({one[0] for one in whole if one[3] == WEIGHT[Outcome.DONE]})
    return stand(connection), whole, +done


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One that every example leaves as it was."""
    with hub(tmp_path_factory.mktemp("hub")) as opened:
        yield opened


@given(rows=told(), data=st.data())
def test_whatever_the_order_and_the_parts_it_comes_in_the_same_stands(
    empty: Database, rows: list[tuple[str, Said]], data: st.DataObject
) -> None:
    mixed = data.draw(st.permutations(rows))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=3)))
    parts = [mixed[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    found = []
    for pieces in ([rows], [*parts, rows]):
        with empty.writing(keep=False) as connection:
            disclose(connection, 1, asked(1, 2, 3))
            disclose(connection, 2, asked(2, 3, 4), to="police-th")
            for at, piece in enumerate(pieces):
                for by in ("csirt-th", "police-th"):
                    mine = [one for partner, one in piece if partner == by]
                    report(connection, *mine, by=by, at=START + timedelta(days=100 + at), digest=f"{at:02x}")
            found.append(everything(connection))
    assert found[0] == found[1]
    # the slow, obvious twin: of each partner and finding it was given, the greatest
    given_to = {"csirt-th": {1, 2, 3}, "police-th": {2, 3, 4}}
    best: dict[tuple[int, str], tuple[date, int, str]] = {}
    for partner, one in rows:
        number = int.from_bytes(one.finding)
        if number in given_to[partner]:
            rank = (one.day, WEIGHT[one.outcome], one.note or "")
            best[number, partner] = max(best.get((number, partner), rank), rank)
    assert {
        (number, partner): (day, WEIGHT[Outcome(word)], note or "") for number, partner, word, day, note in found[0][0]
    } == best


def test_an_answer_of_nothing_is_recorded_nowhere(database: Database) -> None:
    with database.writing() as connection:
        disclose(connection, 1, asked(1))
        empty = Answer(digest="ee" * 32, records=3, ignored=3, said=(), rejected=())
        recorded = record_outcomes(connection, PartnerId("csirt-th"), empty, at=START, draw=secrets.token_bytes)
    assert (recorded.records, recorded.accepted, recorded.ignored, recorded.entries) == (3, 0, 3, range(0))
    assert rows(database, OUTCOME_REPORTS) == 0
