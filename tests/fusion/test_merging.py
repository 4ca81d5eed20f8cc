"""Fusion against a slow twin that goes through observations one by one, and against hand-worked figures."""

import math
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.fusion.confidence import DAY_US, combine, weights
from accord.fusion.engines.duckdb import EvidenceEngine
from accord.fusion.evidence import Restriction
from accord.fusion.merging import PORT_LIMIT, FamilySheet, SourceSheet, merge
from accord.intake.spool import SPOOL, Spool
from accord.vocabulary.datasets import SourceGrade
from accord.vocabulary.roles import ROLES, SERVER_ROLES, Role

AS_OF = 20_000 * DAY_US
SOURCES = (
    SourceSheet(id="one", independent_source="partner:a", grade=SourceGrade.B, named="A", personal=False),
    SourceSheet(id="two", independent_source="partner:a", grade=SourceGrade.D, named="A", personal=False),
    SourceSheet(id="three", independent_source="partner:b", grade=SourceGrade.A, named=None, personal=True),
    SourceSheet(id="four", independent_source="partner:c", grade=SourceGrade.F, named="C", personal=False),
)
WEIGHT = {SourceGrade.A: 0.9, SourceGrade.B: 0.7, SourceGrade.C: 0.5, SourceGrade.D: 0.3, SourceGrade.E: 0.1}
FAMILIES = FamilySheet(
    reported=("CobaltStrike", "cobalt strike", "Qbot"), normalised=("Cobalt Strike", "Cobalt Strike", "QakBot")
)
EVERYTHING = Restriction(start_us=None, end_us=None, roles=frozenset(), families=None)

_rows = st.lists(
    st.fixed_dictionaries(
        {
            "dataset": st.integers(0, 3),
            "delivery": st.integers(0, 1),
            "type": st.integers(0, 2),
            "value": st.sampled_from(["8.8.8.8", "evil.example", "a"]),
            "role": st.sampled_from(
                [ROLES.index(role) for role in (Role.C2_SERVER, Role.PHISHING, Role.INFECTED_SYSTEM)]
            ),
            "family": st.integers(-1, 2),
            "seen_at": st.integers(AS_OF - 200 * DAY_US, AS_OF),
            "undated": st.booleans(),
            "count": st.integers(1, 5),
            "port": st.integers(0, 40),
            "marking": st.integers(0, 4),
        }
    ),
    min_size=1,
    max_size=60,
)


def fuse(rows: list[dict[str, object]], restriction: Restriction = EVERYTHING) -> tuple[pa.Table, np.ndarray, pa.Table]:
    with TemporaryDirectory() as folder:
        spool = Spool(Path(folder) / "spool")
        for at in range(0, len(rows), 7):
            spool.write(f"{at:04d}", pa.RecordBatch.from_pylist(rows[at : at + 7], schema=SPOOL))
        engine = EvidenceEngine(spool, Path(folder), 2)
        stored = engine.merge(restriction)
        engine.close()
        evidence = stored.of(np.arange(len(stored.findings)))
        stored.rows.close()
    return (evidence.findings, *merge(evidence, SOURCES, FAMILIES, AS_OF))


def slow_twin(rows: list[dict[str, object]]) -> dict[tuple[object, ...], dict[str, object]]:
    groups = defaultdict(list)
    for row in rows:
        groups[row["type"], row["value"], row["role"]].append(row)
    twin = {}
    for key, mine in groups.items():
        role = ROLES[key[2]]
        lifetime, speed = (3, 2.3) if role is Role.PHISHING else (120, 2)
        best: dict[str, float] = {}
        # evidence is the unit that a weight belongs to: its last sighting decides
        evidence = defaultdict(int)
        for row in mine:
            unit = (row["dataset"], row["delivery"], row["marking"], row["family"], row["seen_at"] // DAY_US)
            evidence[unit] = max(evidence[unit], row["seen_at"])
        for unit, last in evidence.items():
            source = SOURCES[unit[0]]
            if source.grade in WEIGHT:
                age = (AS_OF - last) / DAY_US
                decayed = WEIGHT[source.grade] * max(0.0, 1 - min(1.0, age / lifetime) ** (1 / speed))
                best[source.independent_source] = max(best.get(source.independent_source, 0.0), decayed)
        ports = {row["port"] for row in mine if row["port"]} if role in SERVER_ROLES else set()
        twin[key] = {
            "first_seen": min(row["seen_at"] for row in mine),
            "last_seen": max(row["seen_at"] for row in mine),
            "undated": all(row["undated"] for row in mine),
            "sightings": sum(row["count"] for row in mine),
            "ports": sorted(ports)[:PORT_LIMIT],
            "ports_many": len(ports) > PORT_LIMIT,
            "partners": len({SOURCES[row["dataset"]].independent_source for row in mine}),
            "families": sorted({FAMILIES.normalised[row["family"]] for row in mine if row["family"] >= 0}),
            "sources": sorted({SOURCES[row["dataset"]].named for row in mine} - {None}),
            "datasets": sorted({SOURCES[row["dataset"]].id for row in mine}),
            "confidence": 1 - math.prod(1 - one for one in best.values()) if best else None,
            "marking": ("clear", "green", "amber", "amber+strict", "red")[max(row["marking"] for row in mine)],
            "personal": any(SOURCES[row["dataset"]].personal for row in mine),
        }
    return twin


@given(_rows)
@settings(max_examples=60, deadline=None)
def test_findings_are_what_going_through_the_observations_one_by_one_gives(rows: list[dict[str, object]]) -> None:
    findings, number, merged = fuse(rows)
    keys = [(row["type"], row["value"], row["role"]) for row in findings.to_pylist()]
    got = {keys[at]: row for at, row in zip(number.tolist(), merged.to_pylist(), strict=True)}
    expected = slow_twin(rows)
    assert got.keys() == expected.keys()
    for key, twin in expected.items():
        row = got[key]
        for name, value in twin.items():
            shown = row[name]
            if name in {"first_seen", "last_seen"}:
                assert shown.timestamp() * 1e6 == pytest.approx(value, abs=1)
            elif name == "confidence" and value is not None:
                assert shown == pytest.approx(value, abs=2e-6)
            else:
                assert shown == value, name


def test_one_vendor_speaking_twice_corroborates_nothing() -> None:
    row = {
        "delivery": 0,
        "type": 0,
        "value": "8.8.8.8",
        "role": 0,
        "family": -1,
        "seen_at": AS_OF,
        "undated": False,
        "count": 1,
        "port": 0,
        "marking": 0,
    }
    _, _, once = fuse([{**row, "dataset": 0}])
    _, _, twice = fuse([{**row, "dataset": 0}, {**row, "dataset": 1}])
    _, _, corroborated = fuse([{**row, "dataset": 0}, {**row, "dataset": 2}])
    assert once["confidence"].to_pylist() == twice["confidence"].to_pylist() == [0.7]
    assert twice["partners"].to_pylist() == [1]
    assert corroborated["confidence"].to_pylist() == [0.97]  # 1 - 0.3 * 0.1
    assert corroborated["partners"].to_pylist() == [2]


def test_weights_decay_as_the_policy_works_out_by_hand() -> None:
    c2, phishing = ROLES.index(Role.C2_SERVER), ROLES.index(Role.PHISHING)
    days = np.array([0, 30, 120, 400, 0, 1], np.int64)
    found = weights(
        np.array([c2, c2, c2, c2, phishing, phishing], np.int8), AS_OF - days * DAY_US, np.full(6, 0.7), AS_OF
    )
    # 0.7 * (1 - (30/120) ** (1/2)) = 0.35; 0.7 * (1 - (1/3) ** (1/2.3)) = 0.26583
    assert found.tolist() == pytest.approx([0.7, 0.35, 0, 0, 0.7, 0.26583], abs=1e-5)


def test_an_unrated_source_alone_gives_no_confidence_and_beside_another_takes_none() -> None:
    found = combine(np.array([np.nan, np.nan, 0.5]), np.array([0, 1, 2]), np.array([0, 1]))
    assert np.isnan(found[0])
    assert found[1] == 0.5


def test_a_window_acts_before_anything_is_merged() -> None:
    row = {
        "dataset": 0,
        "delivery": 0,
        "type": 0,
        "value": "8.8.8.8",
        "role": 0,
        "family": 0,
        "undated": False,
        "count": 3,
        "port": 80,
        "marking": 4,
    }
    early, late = {**row, "seen_at": AS_OF - 10 * DAY_US}, {**row, "seen_at": AS_OF, "marking": 0, "port": 81}
    _, _, merged = fuse(
        [early, late], Restriction(start_us=AS_OF - DAY_US, end_us=None, roles=frozenset(), families=None)
    )
    assert merged["marking"].to_pylist() == ["clear"]
    assert merged["ports"].to_pylist() == [[81]]
    assert merged["sightings"].to_pylist() == [3]
