"""Release cases that a lawyer can read (tests/cases/release): each is judged, and the files are held to a form.

A case: `name`, `sentence`, what differs from situation.yaml, and `expect`: `permitted`, or the rules that refuse, each
with its reason word for word. `because` has reasons of rules that permit. `like` names an agreement on which a
further one rests.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from accord.agreements.agreement import find_fault
from accord.release.rules import RULES, decide
from tests.release import twin
from tests.release.stating import audience_of, item_of, register_of, release_of

FOLDER = Path(__file__).parents[1] / "cases/release"
SITUATION = yaml.safe_load((FOLDER / "situation.yaml").read_text("utf-8"))
FILES = sorted(path for path in FOLDER.glob("*.yaml") if path.name != "situation.yaml")
OWN = {"name", "sentence", "expect", "because"}

Told = dict[str, Any]


def cases() -> Iterator[Told]:
    for path in FILES:
        yield from yaml.safe_load(path.read_text("utf-8"))


def merged(before: Told, after: Told) -> Told:
    """Tables key by key; everything else is replaced. An agreement that is set to nothing is not there."""
    found = dict(before)
    for key, value in after.items():
        table = isinstance(value, dict) and isinstance(found.get(key), dict) and key not in {"iep", "recipients"}
        found[key] = merged(found[key], value) if table else value
    return found


def situation(case: Told) -> Told:
    told = merged(SITUATION, {key: value for key, value in case.items() if key not in OWN})
    agreements = {}
    for name, one in told["agreements"].items():
        if one is not None:
            like = one.pop("like", None) if name not in SITUATION["agreements"] else None
            agreements[name] = merged(SITUATION["agreements"][like], one) if like else one
    return told | {"agreements": agreements}


ALL = list(cases())


@pytest.mark.parametrize("case", ALL, ids=[case["name"] for case in ALL])
def test_a_case_is_judged_as_it_says(case: Told) -> None:
    told = situation(case)
    register = register_of(told)
    assert [find_fault(one, register) for one in register.agreements.values()] == [None] * len(register.agreements)
    audience = audience_of(told["audience"], register.partners)
    decision = decide(item_of(told["object"], told["at"]), audience, release_of(told, register))
    refused = {one.rule: one.reason for one in decision.verdicts if not one.permitted}
    assert refused == ({} if case["expect"] == "permitted" else case["expect"])
    assert set(refused) == twin.refusing(told)
    reasons = {one.rule: one.reason for one in decision.verdicts if one.permitted}
    assert {rule: reasons[rule] for rule in case.get("because", {})} == case.get("because", {})
    assert decision.permitted is (case["expect"] == "permitted") is twin.may_get(told)
    assert bool(decision.agreements) is decision.permitted


def test_there_are_enough_cases_and_each_has_a_name_of_its_own_and_a_sentence() -> None:
    assert len(ALL) >= 40
    names = [case["name"] for case in ALL]
    assert len(set(names)) == len(names)
    for case in ALL:
        assert set(case) <= OWN | set(SITUATION), case["name"]
        assert case["sentence"].endswith("."), case["name"]
        assert case["expect"] == "permitted" or all(isinstance(rule, int) for rule in case["expect"]), case["name"]


def keys(told: Told, known: Told, where: str) -> Iterator[str]:
    for key, value in told.items():
        if key not in known:
            yield f"{where}.{key}"
        elif isinstance(value, dict) and isinstance(known[key], dict) and key not in {"recipients", "partners"}:
            yield from keys(value, known[key], f"{where}.{key}")


@pytest.mark.parametrize("case", ALL, ids=[case["name"] for case in ALL])
def test_a_case_names_no_key_that_means_nothing(case: Told) -> None:
    unknown = set(keys({key: value for key, value in case.items() if key not in OWN}, SITUATION, ""))
    one = next(iter(SITUATION["agreements"].values()))
    for name, added in case.get("agreements", {}).items():
        if added is not None:
            assert set(added) <= {*one, "like"}, case["name"]
            unknown.discard(f".agreements.{name}")
    assert not unknown


@pytest.mark.parametrize("rule", RULES, ids=[str(rule.number) for rule in RULES])
def test_every_rule_has_a_case_that_it_permits_and_one_that_it_alone_refuses(rule: Any) -> None:
    assert any(rule.number in case.get("because", {}) and case["expect"] == "permitted" for case in ALL)
    assert any(case["expect"] != "permitted" and set(case["expect"]) == {rule.number} for case in ALL)
