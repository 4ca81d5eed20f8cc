"""The engine against slow twins that go through observations one by one."""

import errno
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.columns.schema import PORTS_KEPT
from accord.fusion.engines import duckdb as merging
from accord.fusion.engines import files
from accord.fusion.engines.duckdb import EvidenceEngine, room_named
from accord.fusion.evidence import NO_PORT, Restriction, StoredEvidence
from accord.fusion.merging import FamilySheet
from accord.intake.parts import Parts
from accord.intake.spool import SPOOL, Spool
from accord.vocabulary.errors import OutputError
from accord.vocabulary.indicators import INDICATOR_TYPES, IndicatorType
from accord.vocabulary.roles import ROLES, SERVER_ROLES, Role

EVERYTHING = Restriction(start_us=None, end_us=None, roles=frozenset(), families=None)
FAMILIES = FamilySheet(reported=("simda", "Emotet", "Simda"), normalised=("Simda", "Emotet", "Simda"))
C2, INFECTED = ROLES.index(Role.C2_SERVER), ROLES.index(Role.INFECTED_SYSTEM)
NOON = 43_200_000_000

_rows = st.lists(
    st.fixed_dictionaries(
        {
            "dataset": st.integers(0, 1),
            "delivery": st.integers(0, 1),
            "type": st.integers(0, 1),
            "value": st.sampled_from(["a", "b", "ä"]),
            "role": st.sampled_from([C2, INFECTED]),
            "family": st.integers(-1, 2),
            "seen_at": st.sampled_from([0, 1, NOON, 3 * NOON]),
            "undated": st.booleans(),
            "count": st.integers(1, 5),
            "port": st.integers(0, 3),
            "marking": st.integers(0, 1),
        }
    ),
    max_size=40,
)


@contextmanager
def merged(rows: list[dict[str, object]]) -> Iterator[tuple[EvidenceEngine, StoredEvidence]]:
    with TemporaryDirectory() as folder:
        spool = Spool(Path(folder) / "spool")
        step = len(rows) // 4 + 1
        for at in range(0, len(rows), step):
            spool.write(f"{at:06d}", pa.RecordBatch.from_pylist(rows[at : at + step], schema=SPOOL))
        with closing(EvidenceEngine(spool, Path(folder), 2)) as engine:
            stored = engine.merge(EVERYTHING)
            with closing(stored.rows):
                yield engine, stored


def key(row: dict[str, object]) -> tuple[object, ...]:
    return row["type"], str(row["value"]).encode(), row["role"]


@given(_rows, st.data())
@settings(max_examples=15, deadline=None)
def test_evidence_of_any_findings_is_what_the_observations_say(
    rows: list[dict[str, object]], data: st.DataObject
) -> None:
    findings = sorted({key(row) for row in rows})
    chosen = data.draw(st.sets(st.integers(0, len(findings) - 1))) if findings else set()
    twin: dict[tuple[object, ...], list[dict[str, object]]] = defaultdict(list)
    ports = set()
    for row in rows:
        if findings.index(key(row)) in chosen:
            number = sorted(chosen).index(findings.index(key(row)))
            day = row["seen_at"] // (2 * NOON)
            twin[number, row["dataset"], row["delivery"], row["marking"], row["family"], day].append(row)
            if row["port"] and ROLES[row["role"]] in SERVER_ROLES:
                ports.add((number, row["dataset"], row["marking"], row["port"]))
    with merged(rows) as (_, stored):
        assert [key(row) for row in stored.findings.to_pylist()] == findings
        evidence = stored.of(np.array(sorted(chosen), np.int64))
    assert [key(row) for row in evidence.findings.to_pylist()] == [findings[at] for at in sorted(chosen)]
    assert [tuple(row.values()) for row in evidence.rows.to_pylist()] == [
        (
            *group,
            min(row["seen_at"] for row in mine),
            max(row["seen_at"] for row in mine),
            sum(row["count"] for row in mine),
            all(row["undated"] for row in mine),
            len(mine),
        )
        for group, mine in sorted(twin.items())
    ]
    assert [tuple(row.values()) for row in evidence.ports.to_pylist()] == sorted(ports)


@given(_rows, st.data())
@settings(max_examples=15, deadline=None)
def test_single_sightings_of_the_wanted_findings_come_in_order(
    rows: list[dict[str, object]], data: st.DataObject
) -> None:
    findings = sorted({key(row) for row in rows})
    wanted = data.draw(st.sets(st.integers(0, len(findings) - 1))) if findings else set()
    names = ["Emotet", "Simda", None]
    twin: Counter[tuple[object, ...]] = Counter()
    for row in rows:
        number = findings.index(key(row))
        if number in wanted:
            family = names.index(FAMILIES.normalised[row["family"]] if row["family"] >= 0 else None)
            port = row["port"] or NO_PORT
            twin[number, row["seen_at"], port, family, row["undated"], row["dataset"], row["marking"]] += row["count"]
    columns = ("seen_at", "port", "family", "undated", "dataset", "marking")
    got: Counter[tuple[object, ...]] = Counter()
    order = []
    with (
        merged(rows) as (engine, _),
        closing(engine.sightings(np.array(sorted(wanted), np.int64), FAMILIES.ranks)) as file,
    ):
        for places, single in file.pieces(np.arange(len(findings)), 7):
            for place, one in zip(places.tolist(), single, strict=True):
                order.append((place, *(one[name].item() for name in columns)))
                got[order[-1]] += one["count"].item()
    assert got == twin
    assert order == sorted(order)


def test_an_address_with_every_port_keeps_one_more_than_a_finding_shows() -> None:
    row = {"delivery": 0, "type": 0, "family": -1, "seen_at": 0, "undated": False, "count": 1, "marking": 0}
    server = row | {"value": "8.8.8.8", "role": C2}
    rows = [server | {"dataset": dataset, "port": port} for dataset in (0, 1) for port in range(1, 65_536, 7)]
    rows += [row | {"value": "8.8.8.8", "role": INFECTED, "dataset": 0, "port": 9}]
    with merged(rows) as (_, stored):
        ports = stored.ports.to_pylist()
    assert [tuple(one.values()) for one in ports] == [
        (0, dataset, 0, 1 + 7 * step) for dataset in (0, 1) for step in range(PORTS_KEPT)
    ]


def spool_names(spool: Spool, names: int) -> None:
    """Names that serve malware, out of order, each seen on three days."""
    for begin in range(0, 3 * names, 50_000):
        row = np.arange(begin, min(begin + 50_000, 3 * names))
        columns = dict.fromkeys(SPOOL.names, row * 0) | {
            "type": row * 0 + INDICATOR_TYPES.index(IndicatorType.DOMAIN),
            "value": [f"name-{number:07d}.example" for number in (row * 7_919 % names).tolist()],
            "role": row * 0 + ROLES.index(Role.MALWARE_DISTRIBUTION),
            "family": row * 0 - 1,
            "seen_at": row // names * 2 * NOON + row % names,
            "count": row % 5 + 1,
            "port": row % 60_000,
        }
        arrays = [pa.array(columns[field.name]).cast(field.type) for field in SPOOL]
        spool.write(f"{begin:09d}", pa.RecordBatch.from_arrays(arrays, schema=SPOOL))


def spilled(folder: Path) -> bool:
    return any(folder.glob("spill/*.tmp"))


def merged_by_a_run(folder: Path, names: int) -> tuple[bool, bytes, pa.Table]:
    spool = Spool(folder / "spool")
    spool_names(spool, names)
    with closing(EvidenceEngine(spool, folder, 2)) as engine:
        stored = engine.merge(EVERYTHING)
        stored.rows.close()
        return spilled(folder), (folder / "evidence.rows").read_bytes(), stored.ports


def merged_in_a_workspace(folder: Path, names: int) -> tuple[bool, pa.Table]:
    parts = Parts(folder / "parts")
    spool_names(parts, names)
    with files.engine(folder / "spill", 2) as connection:
        pieces = files.merge_parts(connection, parts.files, [])
        first = next(pieces)
        return spilled(folder), pa.concat_tables([first, *pieces])


@pytest.mark.parametrize(
    ("merge", "names", "less"), [(merged_by_a_run, 150_000, "56MB"), (merged_in_a_workspace, 330_000, "180MB")]
)
def test_what_memory_does_not_hold_is_merged_on_disk_and_to_the_same_bytes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    merge: Callable[[Path, int], tuple[bool, ...]],
    names: int,
    less: str,
) -> None:
    found = []
    # the usual limit holds all of it
    for limit in (merging.MEMORY_LIMIT, less):
        monkeypatch.setattr(merging, "MEMORY_LIMIT", limit)
        monkeypatch.setattr(files, "MEMORY_LIMIT", limit)
        folder = tmp_path / limit
        folder.mkdir()
        did_spill, *result = merge(folder, names)
        assert did_spill is (limit == less)
        found.append(result)
    whole, in_parts = found
    assert len(whole[-1]) > names
    assert whole == in_parts


@pytest.mark.parametrize(
    ("text", "named"),
    [("Out of Memory Error: failed to pin block", True), ("IO Error: No space left", True), ("Invalid Input", False)],
)
def test_no_room_in_the_middle_of_a_result_is_said_in_words(text: str, named: bool) -> None:
    # as pyarrow raises what a stream's producer says
    with pytest.raises(OutputError if named else OSError, match=text) as raised, room_named():
        raise OSError(text)
    assert isinstance(raised.value, OutputError) is named


def test_what_the_system_says_of_a_file_is_left_to_who_knows_the_file() -> None:
    with pytest.raises(OSError, match="No space"), room_named():
        raise OSError(errno.ENOSPC, "No space left on device", "evidence.parquet")
