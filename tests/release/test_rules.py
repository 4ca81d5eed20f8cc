"""Release rules by cases that a lawyer can read: who holds what, who asks, what is answered."""

import pytest

from accord.agreements.declarations import Partner, PartnerKind
from accord.operations.declaration import Recipient
from accord.release.rules import RULES, Audience, judge, permits
from accord.vocabulary.markings import Marking, read_marking, strictest


def recipient(name: str, *persons: str) -> Recipient:
    partner = Partner(id=name, name=name.upper(), kind=PartnerKind.CSIRT, country=None)
    return Recipient(partner=partner, country="TH", persons=persons, languages=())


NOBODY = ()
ONE = (recipient("csirt"),)
NAMED = (recipient("csirt", "A. Officer"),)
MIXED = (recipient("csirt", "A. Officer"), recipient("police"))

CASES = [
    # marking, shared with, audience, may it reach them?
    ("clear", None, NOBODY, True),
    ("green", None, NOBODY, True),
    ("amber", None, NOBODY, False),
    ("amber+strict", None, NOBODY, False),
    ("red", None, NOBODY, False),
    ("amber", None, ONE, True),
    ("amber+strict", None, ONE, True),
    ("red", None, ONE, False),
    ("red", None, NAMED, True),
    ("red", None, MIXED, False),
    ("amber", None, MIXED, True),
    ("clear", (), ONE, False),
    ("clear", (), NOBODY, False),
    ("clear", ("csirt",), ONE, True),
    ("clear", ("csirt",), MIXED, False),
    ("clear", ("csirt",), NOBODY, False),
    ("red", ("csirt",), NAMED, True),
    ("clear", ("csirt", "police"), MIXED, True),
]


@pytest.fixture
def holding():
    from types import SimpleNamespace

    return lambda share_with: SimpleNamespace(share_with=share_with)


@pytest.mark.parametrize(("marking", "share_with", "audience", "answer"), CASES)
def test_a_case_is_decided_as_the_policy_says(holding, marking, share_with, audience, answer) -> None:
    assert permits(holding(share_with), Marking(marking), Audience(recipients=audience)) is answer


def test_every_rule_gives_its_reason_in_words_that_name_who_stands_in_the_way(holding) -> None:
    verdicts = judge(holding(("csirt",)), Marking.RED, Audience(recipients=MIXED))
    assert [verdict.rule for verdict in verdicts] == [rule.number for rule in RULES]
    assert [verdict.permitted for verdict in verdicts] == [False, False]
    assert all("POLICE" in verdict.reason for verdict in verdicts)


def test_rule_numbers_are_used_once() -> None:
    assert len({rule.number for rule in RULES}) == len(RULES)


@pytest.mark.parametrize(
    ("text", "marking"),
    [
        ("TLP:AMBER+STRICT", Marking.AMBER_STRICT),
        ("tlp:white", Marking.CLEAR),
        ("TLP:CLEAR", Marking.CLEAR),
        ("tlp:amber", Marking.AMBER),
        ("Red", Marking.RED),
        ("tlp:ex:chr", None),
        ("secret", None),
    ],
)
def test_labels_of_both_versions_of_tlp_are_read(text: str, marking: Marking | None) -> None:
    assert read_marking(text) is marking


def test_amber_strict_is_narrower_than_amber() -> None:
    assert strictest(Marking.AMBER_STRICT, Marking.AMBER, Marking.CLEAR) is Marking.AMBER_STRICT
