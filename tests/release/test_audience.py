"""What an audience may not see never changes one byte of what it gets."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.agreements.declarations import Dataset, Partner, PartnerKind
from accord.attribution.locating import locate
from accord.columns.instants import microseconds
from accord.fusion.confidence import DAY_US
from accord.fusion.engines.duckdb import EvidenceEngine
from accord.fusion.evidence import Restriction
from accord.fusion.merging import FamilySheet
from accord.intake.resolutions import RESOLUTION_SOURCES
from accord.intake.spool import SPOOL, Spool
from accord.operations.declaration import Hub, Operation, Recipient, Scope
from accord.reference.store import Reference, load
from accord.release.case import Case
from accord.release.policy import Terms
from accord.release.view import View
from accord.reports import publish
from accord.vocabulary.datasets import LegalBasis, Origin, SourceGrade
from accord.vocabulary.indicators import TYPE_CODES, IndicatorType
from accord.vocabulary.markings import MARKINGS, Marking
from accord.vocabulary.roles import ROLES, Role

AS_OF = datetime(2026, 1, 31, tzinfo=UTC)
AS_OF_US = microseconds(AS_OF)
VENDOR = Partner(id="vendor", name="Vendor", kind=PartnerKind.VENDOR, country=None)
OTHER = Partner(id="other", name="Other", kind=PartnerKind.VENDOR, country=None)
CSIRT = Partner(id="csirt", name="CSIRT", kind=PartnerKind.CSIRT, country="TH")
POLICE = Partner(id="police", name="Police", kind=PartnerKind.POLICE, country="TH")
FAMILIES = ("Cobalt Strike", "Qbot", "cobaltstrike")


def dataset(name: str, partner: Partner, **other: object) -> Dataset:
    settings: dict[str, object] = {
        "id": name,
        "title": f"Data set {name}",
        "partner": partner,
        "formats": ("plain",),
        "paths": ("*",),
        "collected_at": AS_OF,
        "origin": Origin.SCAN,
        "legal_basis": LegalBasis.PUBLIC_TASK,
        "role": None,
        "family": None,
        "marking": Marking.CLEAR,
        "grade": SourceGrade.B,
        "retention": "P1Y",
        "personal": False,
        "name_partner": True,
        "share_with": None,
        "upstream": None,
        "columns": (),
        "rules": (),
    }
    return Dataset(**{**settings, **other})


DATASETS = (
    dataset("open", VENDOR),
    dataset("for-csirt", OTHER, share_with=("csirt",), grade=SourceGrade.A, name_partner=False),
    dataset("for-nobody", OTHER, share_with=(), grade=SourceGrade.A),
)


def operation(folder: Path, *recipients: Recipient) -> Operation:
    return Operation(
        file=folder / "operation.toml",
        name="test",
        title="A test",
        languages=("en",),
        simulated=False,
        answer_by=None,
        root=folder,
        hub=Hub(
            name="Hub",
            contact="desk@hub.example",
            namespace=UUID("3b6f1d52-7c1e-4f0a-9d53-0a6f6f1f7c11"),
            key_file=folder / "hub.key",
            country=None,
        ),
        scope=Scope(countries=("TH",), roles=(), families=(), window_start=None, window_end=None, as_of=AS_OF),
        partners={one.id: one for one in (VENDOR, OTHER, CSIRT, POLICE)},
        datasets=DATASETS,
        recipients=recipients,
        themes=(),
    )


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load(None)


def view_of(
    reference: Reference,
    rows: list[dict],
    resolutions: list[dict],
    folder: Path,
    *recipients: Recipient,
    terms: Terms | None = None,
) -> View:
    folder.mkdir()
    spool = Spool(folder / "spool")
    spool.write("0", pa.RecordBatch.from_pylist(rows, schema=SPOOL))
    engine = EvidenceEngine(spool, folder, 1)
    evidence = engine.merge(Restriction(start_us=None, end_us=None, roles=frozenset(), families=None))
    values = evidence.findings["value"].combine_chunks()
    case = Case(
        operation=operation(folder, *recipients),
        deliveries=(),
        evidence=evidence,
        families=FamilySheet(reported=FAMILIES, normalised=reference.families.normalise(FAMILIES)),
        key=b"k" * 32,
        threads=1,
        places=locate(evidence.findings["type"].to_numpy(), values, reference),
        resolutions=pa.Table.from_pylist(resolutions, schema=RESOLUTION_SOURCES),
        reference=reference,
        terms=terms,
    )
    with closing(evidence.rows), closing(engine), closing(engine.sightings(case.in_scope, case.families.ranks)) as seen:
        owner = next((one for one in recipients if one.is_owner), None)
        return case.view("TH", None, seen, folder, owner=owner)


THAI = ["203.150.1.1", "203.150.1.2", "202.28.1.1"]
VALUES = [(IndicatorType.IPV4, one) for one in THAI] + [
    (IndicatorType.DOMAIN, "evil.example.co.th"),
    (IndicatorType.DOMAIN, "resolved.net"),
    (IndicatorType.URL, "http://203.150.1.1/x"),
]
_observation = st.builds(
    lambda which, **row: {"type": TYPE_CODES[which[0]], "value": which[1], **row},
    which=st.sampled_from(VALUES),
    dataset=st.integers(0, 2),
    delivery=st.integers(0, 1),
    role=st.sampled_from(
        [ROLES.index(role) for role in (Role.C2_SERVER, Role.INFECTED_SYSTEM, Role.SYSTEM_COMPROMISE)]
    ),
    family=st.integers(-1, 2),
    seen_at=st.integers(AS_OF_US - 100 * DAY_US, AS_OF_US),
    undated=st.booleans(),
    count=st.integers(1, 3),
    port=st.sampled_from([0, 80, 443]),
    marking=st.integers(0, 4),
)
_resolution = st.fixed_dictionaries(
    {
        "dataset": st.integers(0, 2),
        "delivery": st.integers(2, 3),
        "domain": st.sampled_from(["resolved.net", "evil.example.co.th"]),
        "address": st.sampled_from([*THAI, "8.8.8.8"]),
        "first_seen": st.integers(AS_OF_US - 100 * DAY_US, AS_OF_US - 50 * DAY_US),
        "last_seen": st.integers(AS_OF_US - 50 * DAY_US, AS_OF_US),
        "marking": st.integers(0, 4),
    }
)
AUDIENCES = {
    "nobody declared": (),
    "a CSIRT": (Recipient(partner=CSIRT, country="TH", persons=(), languages=()),),
    "a CSIRT's named person": (Recipient(partner=CSIRT, country="TH", persons=("A. Officer",), languages=()),),
    "a CSIRT and a police unit": (
        Recipient(partner=CSIRT, country="TH", persons=("A. Officer",), languages=()),
        Recipient(partner=POLICE, country="TH", persons=(), languages=()),
    ),
}


def may_see(row: dict, audience: str) -> bool:
    """Written out by hand from the policy, not by calling the rules."""
    marking = MARKINGS[row["marking"]]
    if row["dataset"] == 2:
        return False
    if row["dataset"] == 1 and audience not in {"a CSIRT", "a CSIRT's named person"}:
        return False
    if marking is Marking.RED:
        return audience == "a CSIRT's named person"
    return marking in {Marking.CLEAR, Marking.GREEN} or audience != "nobody declared"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@given(
    st.lists(_observation, min_size=1, max_size=25), st.lists(_resolution, max_size=6), st.sampled_from(list(AUDIENCES))
)
@settings(max_examples=40, deadline=None)
def test_hidden_data_never_changes_a_view(
    reference: Reference, rows: list[dict], resolutions: list[dict], audience: str
) -> None:
    visible = [row for row in rows if may_see(row, audience)]
    resolved = [row for row in resolutions if may_see(row, audience)]
    with TemporaryDirectory() as scratch:
        everything = view_of(reference, rows, resolutions, Path(scratch) / "everything", *AUDIENCES[audience])
        permitted = view_of(reference, visible, resolved, Path(scratch) / "permitted", *AUDIENCES[audience])
        assert everything.sightings.path.read_bytes() == permitted.sightings.path.read_bytes()
    for name in ("findings", "families"):
        assert getattr(everything, name).to_pylist() == getattr(permitted, name).to_pylist(), name
    assert everything.weeks == permitted.weeks
    assert everything.datasets == permitted.datasets
    assert everything.marking == permitted.marking
    assert set(everything.findings["value"].to_pylist()) <= {row["value"] for row in visible}


def test_a_view_is_as_strict_as_the_resolutions_that_it_shows_and_names_their_data_sets(
    reference: Reference, tmp_path: Path
) -> None:
    row = {"delivery": 0, "role": 1, "family": 0, "seen_at": AS_OF_US, "undated": False, "count": 2, "port": 443}
    rows = [
        {**row, "type": TYPE_CODES[IndicatorType.DOMAIN], "value": name, "dataset": 0, "marking": 1}
        for name in ("resolved.net", "other.net")
    ]
    # the name of another host, and what this audience may not see, are nothing to it
    resolutions = [
        {"domain": domain, "address": THAI[0], "dataset": dataset, "delivery": delivery, "marking": marking,
         "first_seen": 0, "last_seen": AS_OF_US}
        for domain, dataset, delivery, marking in (
            ("resolved.net", 1, 1, 2), ("resolved.net", 1, 2, 2), ("resolved.net", 2, 3, 2), ("no-finding.net", 0, 4, 3)
        )
    ]  # fmt: skip
    view = view_of(reference, rows, resolutions, tmp_path / "of", *AUDIENCES["a CSIRT"])
    assert view.findings.select(["value", "resolved"]).to_pylist() == [{"value": "resolved.net", "resolved": [THAI[0]]}]
    assert view.marking is MARKINGS[2]
    assert [(one.id, one.marking, one.deliveries, one.findings, one.observations) for one in view.datasets] == [
        ("for-csirt", MARKINGS[2], 2, 1, 0),
        ("open", MARKINGS[1], 1, 1, 1),
    ]


@pytest.mark.parametrize("audience", AUDIENCES)
def test_hidden_data_never_changes_one_byte_of_a_report(reference: Reference, tmp_path: Path, audience: str) -> None:
    row = {
        "delivery": 0,
        "role": 1,
        "family": 0,
        "seen_at": AS_OF_US - DAY_US,
        "undated": False,
        "count": 2,
        "port": 443,
    }
    rows = [
        {
            **row,
            "type": TYPE_CODES[kind],
            "value": value,
            "dataset": index,
            "marking": marking,
            "role": ROLES.index(role),
        }
        for kind, value in VALUES
        for index in range(3)
        for marking in range(5)
        for role in (Role.C2_SERVER, Role.INFECTED_SYSTEM)
    ]
    resolution = {"domain": "resolved.net", "delivery": 1, "first_seen": 0, "last_seen": AS_OF_US}
    resolutions = [
        {**resolution, "dataset": index, "address": address, "marking": marking}
        for index, address in enumerate(THAI)
        for marking in range(5)
    ]
    for name, chosen, resolved in (
        ("everything", rows, resolutions),
        ("permitted", *([one for one in many if may_see(one, audience)] for many in (rows, resolutions))),
    ):
        view = view_of(reference, chosen, resolved, tmp_path / f"of-{name}", *AUDIENCES[audience])
        publish.write(view, tmp_path / name, None, ("en",))
    assert contents(tmp_path / "everything") == contents(tmp_path / "permitted")
    assert contents(tmp_path / "permitted")["findings.csv"].count(b"\n") > 2
