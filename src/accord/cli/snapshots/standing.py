"""What a workspace's newest snapshot knows of some values, as rows of the hub's table."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from accord.attribution.locating import locate
from accord.cli.deliveries.kept import ADDRESSES, OTHERS, damage_named
from accord.cli.snapshots.snapshotting import FINDINGS_FILE, Manifest, whole_snapshot
from accord.columns.engine import connect
from accord.columns.schema import STANDING
from accord.formats.catalogue import FORMATS
from accord.fusion.engines.files import finding_begins, sql_path
from accord.fusion.evidence import Evidence
from accord.fusion.merging import FamilySheet
from accord.fusion.standing import findings_of
from accord.intake.resolutions import DATED_RESOLUTIONS, RESOLUTION_SOURCES
from accord.operations.declaration import Declared, Operation, Scope, read_workspace
from accord.reference.addresses import parse_addresses
from accord.reference.store import Reference
from accord.release.case import Case
from accord.vocabulary.errors import UnreadableError
from accord.vocabulary.markings import MARKINGS
from accord.vocabulary.roles import ROLES
from accord.workspace.keys import hub_key
from accord.workspace.store import SnapshotFolder, Workspace
from accord.workspace.translations import LANGUAGES


def standing_findings(workspace: Workspace, wanted: Sequence[str], reference: Reference) -> list[dict[str, object]]:
    """Rows of `columns.schema.FINDINGS` for findings that are one of these canonical values, stand on it, or resolve
    to it. Raises UnreadableError when there is no snapshot yet, or the newest is damaged."""
    case = standing_case(workspace, wanted, reference)
    return [] if case is None else findings_known(case)


def findings_known(case: Case) -> list[dict[str, object]]:
    """The hub's rows of a case."""
    rows: list[dict[str, object]] = [row for piece in case.hub_findings(1 << 16) for row in piece.to_pylist()]
    return sorted(rows, key=lambda row: (str(row["type"]), str(row["value"]), str(row["role"])))


def standing_case(workspace: Workspace, wanted: Sequence[str], reference: Reference) -> Case | None:
    """All that the newest snapshot holds of findings that are one of these canonical values, stand on it, or resolve to
    it; None: nothing. Raises UnreadableError when there is no snapshot yet, or the newest is damaged."""
    declared = read_workspace(workspace.settings, FORMATS)
    while True:
        snapshot = workspace.snapshot()
        try:
            with damage_named(snapshot.path, "make it anew: `accord snapshot drop`, `accord snapshot make`"):
                return _found(workspace, declared, snapshot, wanted, reference)
        except UnreadableError:
            # it may have been dropped while it was read: then the newest is another one
            if snapshot.path.exists():
                raise


def _found(
    workspace: Workspace, declared: Declared, snapshot: SnapshotFolder, wanted: Sequence[str], reference: Reference
) -> Case | None:
    manifest = whole_snapshot(snapshot)
    if not wanted:
        return None
    resolutions = _resolutions(workspace, declared, manifest, wanted)
    values = _values(snapshot.path, manifest, [*wanted, *resolutions["domain"].to_pylist()])
    standing = _standing(snapshot.path, manifest, values)
    known = {one.id for one in declared.datasets}
    standing = standing.filter(pc.is_in(standing["dataset"], value_set=pa.array(sorted(known), pa.string())))
    if not len(standing):
        return None
    return _case(workspace, declared, manifest.as_of, standing, resolutions, reference)


def _values(snapshot: Path, manifest: Manifest, wanted: Sequence[str]) -> list[str]:
    """Values of findings that are wanted, or stand on what is."""
    if FINDINGS_FILE not in manifest.files:
        return []
    with connect() as connection:
        rows = connection.sql(
            f"""
            SELECT DISTINCT value FROM read_parquet({sql_path(snapshot / FINDINGS_FILE)})
            WHERE value IN (SELECT unnest($wanted)) OR host IN (SELECT unnest($wanted))
               OR address IN (SELECT unnest($wanted)) ORDER BY value
            """,
            params={"wanted": sorted(set(wanted))},
        ).fetchall()
    return [str(value) for (value,) in rows]


def _standing(snapshot: Path, manifest: Manifest, values: Sequence[str]) -> pa.Table:
    """STANDING rows of these values."""
    high, low = parse_addresses(pa.array(values, pa.string()))
    pairs = [(h, lo) for h, lo in zip(high.tolist(), low.tolist(), strict=True) if (h, lo) != (0, 0)]
    found = [STANDING.empty_table()]
    with connect() as connection:
        connection.register("pairs", pa.table({"h": pa.array([h for h, _ in pairs], pa.uint64()),
                                               "l": pa.array([lo for _, lo in pairs], pa.uint64())}))  # fmt: skip
        connection.register("named", pa.table({"v": pa.array(values, pa.string())}))
        for name in (ADDRESSES, OTHERS):
            if name in manifest.files:
                rows = connection.sql(
                    f"""
                    SELECT * FROM read_parquet({sql_path(snapshot / name)}, hive_partitioning=false)
                    WHERE (high, low) IN (SELECT (h, l) FROM pairs) OR (value <> '' AND value IN (SELECT v FROM named))
                    ORDER BY type, high, low, value, role, dataset, family NULLS FIRST, marking
                    """
                ).to_arrow_table()
                found.append(rows.cast(STANDING))
    return pa.concat_tables(found).combine_chunks()


def _resolutions(workspace: Workspace, declared: Declared, manifest: Manifest, wanted: Sequence[str]) -> pa.Table:
    """DATED_RESOLUTIONS of these names or addresses, from every delivery of the snapshot."""
    place: dict[str, int] = {one.id: at for at, one in enumerate(declared.datasets)}
    tables = [DATED_RESOLUTIONS.empty_table()]
    files: dict[int, list[str]] = {}
    for dataset, sha256 in manifest.deliveries:
        path = workspace.place(dataset, sha256) / "resolutions.parquet"
        if dataset in place and path.exists():
            files.setdefault(place[dataset], []).append(sql_path(path))
    with connect() as connection:
        for at, paths in files.items():
            rows = connection.sql(
                f"""
                SELECT * REPLACE (CAST($at AS INTEGER) AS dataset)
                FROM read_parquet([{", ".join(paths)}], hive_partitioning=false)
                WHERE domain IN (SELECT unnest($wanted)) OR address IN (SELECT unnest($wanted))
                """,
                params={"at": at, "wanted": list(wanted)},
            ).to_arrow_table()
            tables.append(rows.cast(DATED_RESOLUTIONS))
    return pa.concat_tables(tables).combine_chunks()


def _case(
    workspace: Workspace,
    declared: Declared,
    as_of: datetime,
    standing: pa.Table,
    resolutions: pa.Table,
    reference: Reference,
) -> Case:
    """All that is known of some findings, as an operation without a scope would have it."""
    found = findings_of(standing)
    role_codes = {role.value: code for code, role in enumerate(ROLES)}
    mark_codes = {marking.value: code for code, marking in enumerate(MARKINGS)}
    first = finding_begins(standing)
    finding = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(standing))))
    names = sorted({name for name in standing["family"].to_pylist() if name is not None})
    place: dict[str, int] = {one.id: at for at, one in enumerate(declared.datasets)}
    family = [-1 if name is None else names.index(name) for name in standing["family"].to_pylist()]
    dataset = np.array([place[name] for name in standing["dataset"].to_pylist()], np.int32)
    marking = np.array([mark_codes[name] for name in standing["marking"].to_pylist()], np.int8)
    ports = standing["ports"].combine_chunks()
    listed = pc.list_parent_indices(ports).to_numpy()
    findings = pa.table(
        {
            "type": found["type"],
            "value": found["value"],
            "role": pa.array([role_codes[name] for name in found["role"].to_pylist()], pa.int8()),
        }
    )
    rows = pa.table(
        {
            "finding": finding,
            "dataset": dataset,
            "delivery": np.zeros(len(standing), np.int32),
            "marking": marking,
            "family": np.array(family, np.int32),
            "day": np.zeros(len(standing), np.int32),
            "first_seen": standing["first_seen"].cast(pa.int64()),
            "last_seen": standing["last_seen"].cast(pa.int64()),
            "count": standing["count"],
            "undated": standing["undated"],
            "observations": standing["observations"],
        }
    )
    return Case(
        operation=_operation(workspace, declared, as_of),
        deliveries=(),
        evidence=Evidence(
            findings=findings,
            rows=rows,
            ports=pa.table(
                {
                    "finding": finding[listed],
                    "dataset": dataset[listed],
                    "marking": marking[listed],
                    "port": pc.list_flatten(ports),
                }
            ),
        ),
        families=FamilySheet(reported=names, normalised=reference.families.normalise(names)),
        key=hub_key(declared.hub.key_file),
        threads=1,
        places=locate(found["type"].to_numpy(), found["value"].combine_chunks(), reference),
        # nothing is traced to deliveries here
        resolutions=resolutions.append_column(
            RESOLUTION_SOURCES.field("delivery"), pa.array(np.zeros(len(resolutions), np.int32))
        ),
        reference=reference,
    )


def _operation(workspace: Workspace, declared: Declared, as_of: datetime) -> Operation:
    return Operation(
        file=workspace.settings,
        name="workspace",
        title=declared.hub.name,
        simulated=False,
        languages=LANGUAGES[:1],
        answer_by=None,
        root=workspace.root,
        hub=declared.hub,
        scope=Scope(countries=(), roles=(), families=(), window_start=None, window_end=None, as_of=as_of),
        partners=declared.partners,
        datasets=declared.datasets,
        recipients=(),
        themes=(),
    )
