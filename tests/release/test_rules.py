"""What a run of an operation file by itself keeps to, by cases that a lawyer can read, and the registry of rules.

All rules, where agreements are kept: tests/cases/release, by test_release_cases.py.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import ClassVar

import pytest

from accord.agreements.agreement import RegisteredDataset
from accord.agreements.declarations import DatasetId, Partner, PartnerId, PartnerKind
from accord.operations.declaration import Recipient
from accord.release.question import NO_REGISTER, Audience, Embargo, Item, Question, Release, Verdict
from accord.release.rules import RULES, RUN_RULES, Decision, decide, registry
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.datasets import LegalBasis, Origin, SourceGrade
from accord.vocabulary.markings import Marking, read_marking, strictest

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
RUN = Release(register=NO_REGISTER, purpose=None, at=NOW, legal_area=frozenset())


def recipient(name: str, *persons: str) -> Recipient:
    partner = Partner(id=PartnerId(name), name=name.upper(), kind=PartnerKind.CSIRT, country=None)
    return Recipient(partner=partner, country=CountryCode("TH"), persons=persons, languages=())


def item(marking: str, share_with: tuple[str, ...] | None, embargo: Embargo | None = None) -> Item:
    dataset = RegisteredDataset(
        id=DatasetId("held"),
        title="Held",
        partner=PartnerId("vendor"),
        origin=Origin.SCAN,
        legal_basis=LegalBasis.PUBLIC_TASK,
        marking=Marking.CLEAR,
        grade=SourceGrade.B,
        retention="P1Y",
        personal=False,
        name_partner=True,
        share_with=None if share_with is None else tuple(PartnerId(one) for one in share_with),
        upstream=None,
    )
    return Item(dataset=dataset, marking=Marking(marking), came_in=(), personal=False, in_review=False, embargo=embargo)


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


@pytest.mark.parametrize(("marking", "share_with", "audience", "answer"), CASES)
def test_a_case_is_decided_as_the_policy_says(marking, share_with, audience, answer) -> None:
    assert decide(item(marking, share_with), Audience(recipients=audience), RUN, RUN_RULES).permitted is answer


@pytest.mark.parametrize(("marking", "share_with", "audience", "answer"), CASES)
def test_where_agreements_are_kept_nothing_leaves_without_one(marking, share_with, audience, answer) -> None:
    decision = decide(item(marking, share_with), Audience(recipients=audience), RUN, RULES)
    assert not decision.permitted
    assert {3, 5} <= {verdict.rule for verdict in decision.verdicts if not verdict.permitted}


def test_every_rule_gives_its_reason_in_words_that_name_who_stands_in_the_way() -> None:
    decision = decide(item("red", ("csirt",)), Audience(recipients=MIXED), RUN, RUN_RULES)
    assert [(verdict.rule, verdict.permitted, verdict.reason) for verdict in decision.verdicts] == [
        (1, False, "TLP:RED reaches named persons only, and POLICE named none"),
        (2, False, "the data set is not shared with POLICE"),
        (13, True, "it is under no embargo"),
        (14, True, "CSIRT is no network owner; POLICE is no network owner"),
    ]


def test_a_run_keeps_an_embargo_that_its_file_declares() -> None:
    secret = Embargo(
        operation="o", until=datetime(2026, 11, 28, tzinfo=UTC), recipients=frozenset({PartnerId("csirt")})
    )
    for audience, answer in ((ONE, True), (MIXED, False), (NOBODY, False)):
        decision = decide(item("clear", None, secret), Audience(recipients=audience), RUN, RUN_RULES)
        assert decision.permitted is answer


@pytest.mark.parametrize(
    ("marking", "answer"), [("clear", True), ("green", True), ("amber", True), ("amber+strict", False), ("red", False)]
)
def test_amber_reaches_a_recipients_clients_and_nothing_stricter_does(marking, answer) -> None:
    audience = Audience(recipients=tuple(replace(one, clients=True) for one in NAMED))
    assert decide(item(marking, None), audience, RUN, RUN_RULES).permitted is answer


def test_what_the_clients_of_one_reader_may_not_read_another_reader_without_clients_may() -> None:
    police, csirt = recipient("police"), replace(recipient("csirt"), clients=True)
    decision = decide(item("amber+strict", None), Audience(recipients=(police, csirt)), RUN, RUN_RULES)
    refused = {one.reason for one in decision.verdicts if not one.permitted}
    assert refused == {"TLP:AMBER+STRICT stays within CSIRT, and its clients read this channel"}


def test_the_numbers_and_titles_of_the_rules_are_those_that_were_given_once() -> None:
    assert {rule.number: rule.title for rule in RULES} == {
        1: "Traffic Light Protocol 2.0",
        2: "Onward sharing: the data set's list",
        3: "Agreements in force",
        4: "Strictest marking of the agreements",
        5: "Purpose",
        6: "Permissible Actions Protocol",
        7: "Information Exchange Policy 2.0",
        8: "Handling codes",
        9: "Onward sharing: the agreements",
        10: "Personal data",
        11: "Legal area",
        12: "Review of warning lists",
        13: "Embargo",
        14: "Own networks",
    }
    assert [rule.number for rule in RUN_RULES] == [1, 2, 13, 14]


@dataclass(frozen=True)
class Twelfth:
    number: ClassVar[int] = 12
    title: ClassVar[str] = "Again"

    def judge(self, question: Question) -> Verdict | None:
        """Answers nothing."""
        del question
        return None


def test_a_number_that_is_used_twice_is_refused_and_both_rules_are_named() -> None:
    with pytest.raises(ValueError, match=r"rule number 12 is both Reviewed\(\) and .*Twelfth\(\)"):
        registry(*RULES, Twelfth())


def test_no_answer_refuses() -> None:
    decision = decide(item("clear", None), Audience(recipients=ONE), RUN, [Twelfth()])
    assert [(one.permitted, one.reason) for one in decision.verdicts] == [
        (False, "nothing that is agreed answers this")
    ]
    assert not Decision(verdicts=(), agreements=()).permitted
    assert not decide(item("clear", None), Audience(recipients=ONE), RUN, []).permitted


def test_a_moment_without_its_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        Release(register=NO_REGISTER, purpose=None, at=datetime(2026, 1, 1), legal_area=frozenset())


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
