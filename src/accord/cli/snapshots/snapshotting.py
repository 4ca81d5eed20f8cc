"""Snapshots of a workspace: what was found in all deliveries so far, where it is, and how that changes."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from accord.attribution.locating import PLACES, locate
from accord.cli.deliveries.kept import ADDRESSES, OTHERS, damage_named, sizes, verify_delivery, verify_kept
from accord.cli.deliveries.writing import parquet
from accord.cli.readying import Progress
from accord.cli.terminal import counted
from accord.columns.runs import ahead
from accord.columns.schema import FOUND, STANDING
from accord.fusion.engines.files import engine, merge_evidence
from accord.fusion.standing import files_of, findings_of, merge_standing
from accord.reference.store import Reference
from accord.vocabulary.errors import OutputError, UnreadableError
from accord.workspace.store import LAST_SNAPSHOT, DeliveryFolder, SnapshotFolder, Workspace

LOCATED = pa.schema([*FOUND, *PLACES])
"""One row of a snapshot's `findings.parquet`: what was found, and where it is by its value alone."""

FINDINGS_FILE = "findings.parquet"

Combining = Callable[[str], None]
"""Writes into the log of consultations that what deliveries say is about to be combined, and what of it is made."""

ANEW = "drop the snapshot (`accord snapshot drop NUMBER`) and make it anew: `accord snapshot make`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a snapshot holds."""

    number: int
    as_of: datetime
    """Confidence and age are told as of this time."""
    deliveries: tuple[tuple[str, str], ...]
    """Data set and SHA-256 of every delivery in it, sorted."""
    findings: int
    by_role: dict[str, int]
    files: Mapping[str, int]
    """The bytes of each file beside the manifest."""


def make_snapshot(
    workspace: Workspace,
    *,
    as_of: datetime,
    reference: Reference,
    workers: int,
    progress: Progress,
    combining: Combining,
) -> Manifest | None:
    """Merge what is new into what the last snapshot holds, and let the new one appear; None: nothing is new.

    Where a delivery of the last snapshot is gone, all are merged again. Raises OutputError, and UnreadableError when
    what is to be merged is damaged.
    """
    deliveries = workspace.deliveries()
    base = _base(workspace, deliveries)
    known = set(base.deliveries) if base is not None else set()
    fresh = [one for one in deliveries if (one.dataset, one.sha256) not in known]
    snapshots = workspace.snapshots()
    if base is not None and not fresh and snapshots[-1].number == base.number:
        return None
    number = snapshots[-1].number + 1 if snapshots else 1
    if number > LAST_SNAPSHOT:
        raise OutputError("There are no more numbers for snapshots.", where=str(workspace.root))
    before = None if base is None else workspace.snapshot(base.number)
    if before is not None:
        whole_snapshot(before)
    for one in fresh:
        verify_delivery(one)
    combining(f"snapshot {number}: {counted(len(deliveries), 'delivery', 'deliveries')}")
    with workspace.staging() as staging, damage_named(workspace.root, ANEW):
        folder = staging / "new"
        folder.mkdir()
        by_role: Counter[str] = Counter()
        total = sum(_size(one) for one in fresh)
        progress("merging evidence", 0, 0)
        with parquet(folder / FINDINGS_FILE, LOCATED) as write, ThreadPoolExecutor(1, "ahead") as ahead:
            # what attribution will ask is read while evidence is; if it fails, it fails where it is asked
            ahead.submit(lambda: (reference.country, reference.country_second, reference.network, reference.suffixes))
            for name, tables in _standing(fresh, before, staging, workers):
                with parquet(folder / name, STANDING) as keep:
                    for table, found in _found(tables, reference, workers):
                        keep([table])
                        write([found])
                        by_role.update(_counted(found))
                        progress("merging evidence", sum(by_role.values()), max(total, 1))
        manifest = Manifest(
            number=number,
            as_of=as_of,
            deliveries=tuple((one.dataset, one.sha256) for one in deliveries),
            findings=by_role.total(),
            by_role=dict(sorted(by_role.items())),
            files=sizes(folder),
        )
        (folder / "manifest.json").write_text(_written(manifest), "utf-8")
        workspace.publish(folder, workspace.root / "snapshots" / f"{number:06d}")
    return manifest


def renew_snapshots(
    workspace: Workspace,
    *,
    as_of: datetime,
    reference: Callable[[], Reference],
    workers: int,
    progress: Progress,
    combining: Combining,
) -> Manifest | None:
    """Where snapshots hold deliveries that are there no more, make one without them and drop those; None: none is made.

    Killed half-way, it is done again by the next call. Raises as `make_snapshot`.
    """
    there = {(one.dataset, one.sha256) for one in workspace.deliveries()}
    stale = [one for one in workspace.snapshots() if not there.issuperset(read_manifest(one).deliveries)]
    if not stale:
        return None
    made = make_snapshot(
        workspace, as_of=as_of, reference=reference(), workers=workers, progress=progress, combining=combining
    )
    for one in stale:
        workspace.withdraw(one.path)
    return made


def told(manifest: Manifest) -> dict[str, object]:
    """What a program is told of a snapshot that was made."""
    return {"number": manifest.number, "findings": manifest.findings}


def in_words(manifest: Manifest | None, workspace: Workspace) -> str:
    """What a person is told of what `make_snapshot` has done in a workspace."""
    if manifest is None:
        return f"Nothing is new since snapshot {workspace.snapshot().number}."
    deliveries = counted(len(manifest.deliveries), "delivery", "deliveries")
    return f"Snapshot {manifest.number}: {counted(manifest.findings, 'finding')} from {deliveries}."


def _base(workspace: Workspace, deliveries: Iterable[DeliveryFolder]) -> Manifest | None:
    """The newest snapshot whose deliveries are all still there."""
    there = {(one.dataset, one.sha256) for one in deliveries}
    for folder in reversed(workspace.snapshots()):
        manifest = read_manifest(folder)
        if there.issuperset(manifest.deliveries):
            return manifest
    return None


def _standing(
    fresh: list[DeliveryFolder], before: SnapshotFolder | None, staging: Path, workers: int
) -> Iterator[tuple[str, Iterator[pa.Table]]]:
    """The two files of standing evidence, with what is to stand in each."""

    def standing(name: str) -> Path | None:
        path = None if before is None else before.path / name
        return path if path is not None and path.exists() else None

    addresses = files_of((one.dataset, one.path / ADDRESSES) for one in fresh)
    yield ADDRESSES, merge_standing(addresses, standing(ADDRESSES), staging, workers)
    others = files_of((one.dataset, one.path / OTHERS) for one in fresh)
    if others or standing(OTHERS) is not None:
        with engine(staging / "spill", workers) as connection:
            yield OTHERS, merge_evidence(connection, others, standing(OTHERS))


def _found(tables: Iterable[pa.Table], reference: Reference, workers: int) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Each table of standing evidence with its findings, while the next ones are being located."""
    return ahead(lambda table: (table, _located(table, reference)), tables, workers)


def _located(standing: pa.Table, reference: Reference) -> pa.Table:
    found = findings_of(standing)
    places = locate(found["type"].to_numpy(), found["value"].combine_chunks(), reference)
    return pa.table([*found.columns, *places.columns], schema=LOCATED)


def _counted(found: pa.Table) -> dict[str, int]:
    return {one["values"]: one["counts"] for one in found["role"].value_counts().to_pylist()}


def _size(delivery: DeliveryFolder) -> int:
    """About how many findings a delivery gives: for the bar alone."""
    import pyarrow.parquet as pq

    return sum(
        pq.read_metadata(delivery.path / name).num_rows
        for name in (ADDRESSES, OTHERS)
        if (delivery.path / name).exists()
    )


def _written(manifest: Manifest) -> str:
    content = {
        "number": manifest.number,
        "as_of": manifest.as_of.astimezone(UTC).isoformat(),
        "findings": manifest.findings,
        "by_role": manifest.by_role,
        "deliveries": [{"dataset": dataset, "sha256": sha256} for dataset, sha256 in manifest.deliveries],
        "files": dict(manifest.files),
    }
    return json.dumps(content, indent=2) + "\n"


def read_manifest(folder: SnapshotFolder) -> Manifest:
    """What a snapshot says of itself. Raises UnreadableError when that cannot be read."""
    path = folder.path / "manifest.json"
    try:
        content = json.loads(path.read_text("utf-8"))
        return Manifest(
            number=folder.number,
            as_of=datetime.fromisoformat(content["as_of"]),
            deliveries=tuple((one["dataset"], one["sha256"]) for one in content["deliveries"]),
            findings=content["findings"],
            by_role=content["by_role"],
            files=dict(content["files"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableError(
            "The snapshot's manifest cannot be read.",
            where=str(path),
            got=(isinstance(error, OSError) and error.strerror) or "something else, or a part of one",
            remedy=ANEW,
        ) from error


def whole_snapshot(folder: SnapshotFolder) -> Manifest:
    """What a snapshot says of itself, when all its files are there. Raises UnreadableError."""
    manifest = read_manifest(folder)
    verify_kept(folder.path, manifest.files, ANEW)
    return manifest
