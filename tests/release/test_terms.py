"""A case under all rules: an audience's view holds what its agreements let out, and nothing else moves a byte of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from accord.agreements.agreement import Agreement, AgreementId, Ending, Register
from accord.agreements.declarations import Dataset
from accord.agreements.passing import registered
from accord.columns.instants import microseconds
from accord.fusion.confidence import DAY_US
from accord.operations.declaration import Recipient
from accord.reference.store import Reference, load
from accord.reference.warninglists import list_names
from accord.release.policy import Terms, bound_to, came_in, run_terms, workspace_terms
from accord.release.question import TakenIn
from accord.release.view import View
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.indicators import TYPE_CODES, IndicatorType
from accord.vocabulary.markings import MARKINGS, Marking
from accord.vocabulary.roles import ROLES, Role
from tests.release import drawing
from tests.release.stating import agreement_of
from tests.release.test_audience import CSIRT, DATASETS, OTHER, POLICE, VENDOR, operation, view_of

AT = datetime(2026, 6, 15, 12, tzinfo=UTC)
ROW = {
    "type": TYPE_CODES[IndicatorType.IPV4],
    "delivery": 0,
    "family": 0,
    "seen_at": microseconds(datetime(2026, 1, 30, tzinfo=UTC)),
    "undated": False,
    "count": 2,
    "port": 443,
}
C2, INFECTED = ROLES.index(Role.C2_SERVER), ROLES.index(Role.INFECTED_SYSTEM)
CSIRT_TH = Recipient(partner=CSIRT, country="TH", persons=("A. Officer",), languages=())
POLICE_TH = Recipient(partner=POLICE, country="TH", persons=("A. Officer",), languages=())
LISTED = "17.81.70.1"
"""In Thailand, and in the range of a firm that a bundled warning list names."""


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load(None)


def agreed(name: str, partner: str, *datasets: int, out: bool = False, **changed: object) -> Agreement:
    plain = agreement_of(name, drawing.agreement(**{"with": [partner], "out": out, "in": not out, **changed}))
    ids = tuple(DATASETS[at].id for at in datasets)
    return replace(plain, data_out=ids) if out else replace(plain, data_in=ids)


def register(*more: Agreement) -> Register:
    """The vendor's data up to amber, the other vendor's up to red; the CSIRT may have both, the police nothing."""
    agreements = [
        agreed("vendor-in", VENDOR.id, 0, marking="amber"),
        agreed("other-in", OTHER.id, 1, 2),
        agreed("csirt-out", CSIRT.id, 0, 1, 2, out=True),
        *more,
    ]
    return Register(
        partners={one.id: one for one in (VENDOR, OTHER, CSIRT, POLICE)},
        datasets={one.id: registered(one) for one in DATASETS},
        agreements={one.id: one for one in agreements},
    )


def taken(dataset: Dataset, at: datetime, *under: str) -> TakenIn:
    """Without agreements: as an older Accord took it in."""
    return TakenIn(dataset=dataset.id, at=at, under=tuple(map(AgreementId, under)) or None)


def terms(folder: Path, purpose: Purpose, *recipients: Recipient, at: datetime = AT, **changed: object) -> Terms:
    held = register()
    received = came_in(held, [taken(one, AT) for one in DATASETS])
    stated = workspace_terms(operation(folder, *recipients), held, purpose=purpose, at=at, came_in=received)
    return replace(stated, release=replace(stated.release, legal_area=frozenset({"TH"})), **changed)


def grid(values: list[str], may_see: Callable[[dict], bool]) -> list[dict]:
    rows = [
        {**ROW, "value": value, "dataset": dataset, "marking": marking, "role": role}
        for value in values
        for dataset in range(3)
        for marking in range(5)
        for role in (C2, INFECTED)
    ]
    return [row for row in rows if may_see(row)]


def same(one: View, two: View) -> None:
    for name in ("findings", "families"):
        assert getattr(one, name).to_pylist() == getattr(two, name).to_pylist(), name
    assert (one.weeks, one.datasets, one.marking) == (two.weeks, two.datasets, two.marking)
    assert one.sightings.path.read_bytes() == two.sightings.path.read_bytes()


def agreed_with_csirt(row: dict) -> bool:
    """By hand: the second data set names the CSIRT, the third names nobody, the first agreement covers up to amber."""
    marking = MARKINGS[row["marking"]]
    return row["dataset"] == 1 or (row["dataset"] == 0 and marking not in {Marking.RED, Marking.AMBER_STRICT})


@pytest.mark.parametrize(
    ("purpose", "recipients", "may_see"),
    [
        (Purpose.NETWORK_DEFENCE, (CSIRT_TH,), agreed_with_csirt),
        (Purpose.RESEARCH, (CSIRT_TH,), lambda row: agreed_with_csirt(row) and row["role"] == C2),
        (Purpose.NETWORK_DEFENCE, (CSIRT_TH, POLICE_TH), lambda _: False),
        (Purpose.NETWORK_DEFENCE, (), lambda _: False),
    ],
    ids=["a CSIRT", "a CSIRT that does research", "one who signed nothing reads it too", "nobody declared"],
)
def test_a_view_in_a_workspace_is_made_of_what_every_rule_lets_out(
    reference: Reference, tmp_path: Path, purpose, recipients, may_see
) -> None:
    stated = terms(tmp_path, purpose, *recipients)
    values = ["203.150.1.1", "203.150.1.2"]
    resolution = {"dataset": 2, "domain": "resolved.net", "address": "203.150.1.1", "marking": 0}
    times = {"first_seen": 0, "last_seen": ROW["seen_at"] + DAY_US}
    whole = view_of(
        reference, grid(values, lambda _: True), [resolution | times], tmp_path / "whole", *recipients, terms=stated
    )
    # an empty spool says nothing of families: a row elsewhere stands for everything else that there may be
    elsewhere = [{**ROW, "value": "45.1.1.7", "dataset": 2, "marking": 0, "role": C2}]
    part = view_of(reference, grid(values, may_see) + elsewhere, [], tmp_path / "part", *recipients, terms=stated)
    same(whole, part)
    assert len(whole.findings) == len({(row["value"], row["role"]) for row in grid(values, may_see)})


def test_what_stands_on_a_warning_list_waits_for_an_analyst_in_a_workspace_only(
    reference: Reference, tmp_path: Path
) -> None:
    rows = [{**ROW, "value": one, "dataset": 0, "marking": 0, "role": C2} for one in (LISTED, "203.150.1.1")]
    shown = view_of(reference, rows, [], tmp_path / "run", CSIRT_TH)
    assert {row["value"] for row in shown.findings.to_pylist() if row["review"]} == {LISTED}
    kept = terms(tmp_path, Purpose.NETWORK_DEFENCE, CSIRT_TH)
    held = view_of(reference, rows, [], tmp_path / "held", CSIRT_TH, terms=kept)
    assert held.findings["value"].to_pylist() == ["203.150.1.1"]
    (finding,) = [row["finding_id"] for row in shown.findings.to_pylist() if row["value"] == LISTED]
    (lists,) = [row["review"] for row in shown.findings.to_pylist() if row["review"]]
    let_go = replace(kept, decided={finding: list_names(lists)})
    decided = view_of(reference, rows, [], tmp_path / "decided", CSIRT_TH, terms=let_go)
    told = {row["value"]: (row["review"], row["reviewed"]) for row in decided.findings.to_pylist()}
    # it is acted on like any other, and the lists are shown beside it
    assert told == {LISTED: ([], lists), "203.150.1.1": ([], [])}
    others = ({finding: frozenset()}, {finding: frozenset({"Another list"})}, {"0" * 64: list_names(lists)})
    for at, other in enumerate(others):
        waits = view_of(reference, rows, [], tmp_path / f"waits-{at}", CSIRT_TH, terms=replace(kept, decided=other))
        same(held, waits)


def test_an_agreement_that_has_run_out_empties_the_view(reference: Reference, tmp_path: Path) -> None:
    rows = [{**ROW, "value": "203.150.1.1", "dataset": 0, "marking": 0, "role": C2}]
    for name, at, found in (
        ("last", datetime(2026, 12, 31, 23, 59, tzinfo=UTC), 1),
        ("after", datetime(2027, 1, 1, tzinfo=UTC), 0),
    ):
        stated = terms(tmp_path, Purpose.NETWORK_DEFENCE, CSIRT_TH, at=at)
        assert len(view_of(reference, rows, [], tmp_path / name, CSIRT_TH, terms=stated).findings) == found


def test_one_delivery_that_came_in_under_nothing_binds_its_whole_data_set(tmp_path: Path) -> None:
    held = register()
    early = AT - timedelta(days=3650)
    received = came_in(held, [taken(DATASETS[0], AT), taken(DATASETS[0], early), taken(DATASETS[1], AT)])
    assert received == {"open": {("vendor-in",), ()}, "for-csirt": {("other-in",)}}
    stated = workspace_terms(
        operation(tmp_path, CSIRT_TH), held, purpose=Purpose.NETWORK_DEFENCE, at=AT, came_in=received
    )
    both = stated.items(DATASETS[0], 0, personal=False, in_review=False)
    assert [one.came_in for one in both] == [(), ("vendor-in",)]


def test_what_was_written_down_at_intake_counts_and_not_what_was_recorded_since() -> None:
    # by the register as it is now the vendor's agreement was in force, and another one that nobody knew of
    held = register(agreed("recorded-later", VENDOR.id, 0, terms=[[date(2025, 1, 1), None]]))
    assert came_in(held, [taken(DATASETS[0], AT)]) == {"open": {("recorded-later", "vendor-in")}}
    assert came_in(held, [taken(DATASETS[0], AT, "vendor-in")]) == {"open": {("vendor-in",)}}
    # it was in force, and has been ended since as of an earlier day
    ended = register()
    gone = replace(ended.agreements["vendor-in"], ended=Ending(at=AT - timedelta(days=9), reason="n", recorded_at=AT))
    ended = replace(ended, agreements={**ended.agreements, gone.id: gone})
    assert came_in(ended, [taken(DATASETS[0], AT)]) == {"open": {()}}
    assert came_in(ended, [taken(DATASETS[0], AT, "vendor-in")]) == {"open": {("vendor-in",)}}
    # nothing was written down by an older Accord alone; an account that names none was let in by none
    none = TakenIn(dataset=DATASETS[0].id, at=AT, under=())
    assert came_in(held, [none]) == {"open": {()}}


def test_a_data_set_is_bound_to_the_purposes_that_all_its_deliveries_share() -> None:
    def one(*purposes: str) -> TakenIn:
        return replace(taken(DATASETS[0], AT, "vendor-in"), purposes=frozenset(map(Purpose, purposes)))

    unwritten = taken(DATASETS[1], AT)
    found = bound_to([one("research", "training"), unwritten, one("training", "prevention")])
    assert found == {DATASETS[0].id: {Purpose.TRAINING}}
    assert bound_to([one("research"), one("training"), one("research")]) == {DATASETS[0].id: set()}


def test_an_operation_s_embargo_is_kept_by_a_run_by_itself(tmp_path: Path) -> None:
    secret = replace(operation(tmp_path, CSIRT_TH), embargo=datetime(2026, 2, 1, tzinfo=UTC))
    embargo = run_terms(secret).embargo
    assert embargo is not None
    assert (embargo.until, embargo.recipients) == (secret.embargo, {CSIRT.id})
    assert run_terms(operation(tmp_path)).embargo is None
