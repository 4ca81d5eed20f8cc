"""Lists held against each other."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.journal.facts import Kind
from accord.journal.reconciling import Difference, Line, compare, read_list
from accord.vocabulary.errors import UnreadableError

HEAD = "partner,kind,digest,dataset,date,count\n"
HUB = (
    HEAD
    + "vendor,delivery,aa,Infected machines,2026-11-27,1240\n"
    + "vendor,delivery,bb,Infected machines,2026-11-27,30\n"
    + "vendor,agreement-signed,cc,,2026-01-01,\n"
    + "csirt,disclosure,dd,Infected machines,2026-11-27,700\n"
    + "csirt,disclosure,dd,Sinkholed names,2026-11-27,12\n"
    + "csirt,receipt,ee,,2026-11-28,\n"
)


def lines(text: str) -> tuple[Line, ...]:
    return read_list(text.encode(), "list.csv")


def told(found: tuple[Difference, ...]) -> list[tuple[str | None, str | None, str]]:
    return [
        (None if one.hub is None else one.hub.place, None if one.theirs is None else one.theirs.place, one.what)
        for one in found
    ]


def test_lists_that_say_the_same_have_no_difference() -> None:
    theirs = lines(HEAD + "vendor,delivery,bb,,,\nvendor,delivery,AA,Infected machines,2026-11-26,1240\n")
    assert compare(lines(HUB), theirs, Kind.DELIVERY) == ()
    rows = [
        {
            "partner": "csirt",
            "kind": "disclosure",
            "digest": "dd",
            "dataset": name,
            "date": "2026-11-28",
            "count": count,
        }
        for name, count in (("Sinkholed names", 12), ("Infected machines", 700))
    ]
    assert compare(lines(HUB), read_list(json.dumps(rows).encode(), "list.json"), Kind.DISCLOSURE) == ()


def test_what_one_side_has_and_the_other_has_not_is_named_with_its_line() -> None:
    theirs = lines(HEAD + "vendor,delivery,aa,Infected machines,2026-11-24,1241\nvendor,delivery,ff,,2026-11-27,5\n")
    assert told(compare(lines(HUB), theirs, Kind.DELIVERY)) == [
        ("list.csv: line 2", "list.csv: line 2", "the hub counts 1,240, they 1,241"),
        ("list.csv: line 2", "list.csv: line 2", "the hub says 2026-11-27, they 2026-11-24"),
        ("list.csv: line 3", None, "the hub has it, they have not"),
        (None, "list.csv: line 3", "they have it, the hub has not"),
    ]


def test_what_the_hub_never_handed_over_is_not_missed_at_the_recipient_and_named_where_it_has_it() -> None:
    hub = lines(HUB + "csirt,never-handed-over,dd,Sinkholed names,2026-11-27,12\n")
    one = "csirt,disclosure,dd,Infected machines,2026-11-27,700\n"
    assert compare(hub, lines(HEAD + one), Kind.DISCLOSURE) == ()
    both = lines(HEAD + one + "csirt,disclosure,dd,Sinkholed names,2026-11-27,12\n")
    assert told(compare(hub, both, Kind.DISCLOSURE)) == [(None, "list.csv: line 3", "they have it, the hub has not")]


def test_one_thing_under_two_names_is_one_difference() -> None:
    theirs = lines(HEAD + "vendor,delivery,aa,Sightings of 2026,2026-11-27,1240\n")
    ours = [one for one in lines(HUB) if one.digest == "aa" and one.kind is Kind.DELIVERY]
    assert [one.what for one in compare(ours, theirs, Kind.DELIVERY)] == [
        "the hub names it Infected machines, they Sightings of 2026"
    ]


def test_whoever_says_that_there_was_nothing_is_told_every_line() -> None:
    for nothing in (read_list(HEAD.encode(), "none.csv"), read_list(b"[]", "none.json")):
        assert told(compare(lines(HUB), nothing, Kind.DISCLOSURE, "csirt")) == [
            ("list.csv: line 5", None, "the hub has it, they have not"),
            ("list.csv: line 6", None, "the hub has it, they have not"),
        ]
    assert compare(lines(HUB), (), Kind.DISCLOSURE, "police") == ()


def test_a_list_of_another_than_it_is_said_to_be_is_refused() -> None:
    theirs = lines(HEAD + "vendor,delivery,aa,,,\n")
    with pytest.raises(UnreadableError, match="of one partner"):
        compare(lines(HUB), theirs, Kind.DELIVERY, "csirt")


def test_a_partner_is_right_by_what_it_sent_and_by_what_was_accepted_and_by_its_own_title() -> None:
    head = HEAD.strip() + ",records,title\n"
    ours = lines(head + "vendor,delivery,aa,data set 176c0fa1b2c3,2026-11-27,30,31,Sinkholed\n")
    for name, count in (("Sinkholed", 31), ("data set 176c0fa1b2c3", 30), ("", 31), ("Sinkholed", 30)):
        assert compare(ours, lines(HEAD + f"vendor,delivery,aa,{name},2026-11-27,{count}\n"), Kind.DELIVERY) == ()
    found = compare(ours, lines(HEAD + "vendor,delivery,aa,Honeypots,2026-11-27,32\n"), Kind.DELIVERY)
    assert [one.what for one in found] == [
        "the hub names it data set 176c0fa1b2c3, they Honeypots",
        "the hub counts 30 of 31 delivered, they 32",
    ]


def test_a_kind_that_they_do_not_list_is_not_missed_but_the_one_that_matters_is() -> None:
    theirs = lines(HEAD + "csirt,receipt,ee,,,\n")
    found = compare(lines(HUB), theirs, Kind.DISCLOSURE)
    assert {one.what for one in found} == {"the hub has it, they have not"}
    assert [one.hub.dataset for one in found if one.hub] == ["Infected machines", "Sinkholed names"]


def test_a_title_that_a_spreadsheet_would_run_is_still_itself() -> None:
    theirs = lines(HEAD + "vendor,delivery,aa,'=Title,,\n")
    assert theirs[0].dataset == "=Title"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a,b\n1,2\n", "list.csv"),
        (HEAD + "vendor,gift,aa,,,\n", "list.csv: line 2"),
        (HEAD + "vendor,delivery,aa,,27.11.2026,\n", "list.csv: line 2"),
        (HEAD + "vendor,delivery,aa,,,many\n", "list.csv: line 2"),
        (HEAD + '"vendor', "list.csv: line 1"),
        ("[1]", "list.csv"),
        ("[{]", "list.csv"),
    ],
)
def test_what_is_no_list_is_refused_with_its_line(text: str, where: str) -> None:
    with pytest.raises(UnreadableError) as found:
        lines(text)
    assert found.value.where == where


@pytest.mark.parametrize("text", [HEAD, HEAD + "vendor,delivery,aa,,,\ncsirt,delivery,aa,,,\n"])
def test_a_list_of_nobody_or_of_several_is_refused(text: str) -> None:
    with pytest.raises(UnreadableError, match="of one partner"):
        compare(lines(HUB), lines(text), Kind.DELIVERY)


line = st.builds(
    Line,
    place=st.just("x"),
    partner=st.just("vendor"),
    kind=st.just(Kind.DELIVERY),
    digest=st.sampled_from(["aa", "bb"]),
    dataset=st.sampled_from(["", "one", "two"]),
    day=st.none() | st.just(date(2026, 11, 27)),
    count=st.none() | st.integers(0, 3),
)


@given(st.lists(line, min_size=1, max_size=8), st.lists(line, min_size=1, max_size=8), st.randoms())
def test_every_line_is_paired_once_or_named(hub: list[Line], theirs: list[Line], random: object) -> None:
    found = compare(hub, theirs, Kind.DELIVERY)
    alone = sum(one.theirs is None for one in found), sum(one.hub is None for one in found)
    assert len(hub) - alone[0] == len(theirs) - alone[1]
    shuffled = list(hub)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert compare(hub, shuffled, Kind.DELIVERY) == ()


def test_of_an_agreement_a_partner_may_list_the_document_or_what_the_entry_commits_to() -> None:
    hub = lines(HEAD.strip() + ",document\nvendor,agreement-signed,cc,,2026-01-01,,dd\n")
    for said in ("cc", "dd"):
        assert compare(hub, lines(HEAD + f"vendor,agreement-signed,{said},,,\n"), Kind.AGREEMENT_SIGNED) == ()
    other = compare(hub, lines(HEAD + "vendor,agreement-signed,ee,,,\n"), Kind.AGREEMENT_SIGNED)
    assert [one.what for one in other] == ["the hub has it, they have not", "they have it, the hub has not"]
