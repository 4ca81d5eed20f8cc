"""A hub's workspace: one folder of deliveries, their evidence, and snapshots of what was found.

    DIR/
      workspace.toml                      hub, partners, data sets
      hub.key                             mode 0600; finding ids are made from it
      accord.db                           accord.workspace.database, unless it is on a server
      deliveries/dataset=ID/sha256=HEX/   one delivery: what was received and what it says
                             .sha256=HEX/ one that is complete, and waits until it is known that it was entered
        delivered                         the bytes as received
        account.json                      every record accounted for
        evidence-*.parquet                columns.schema.EVIDENCE
        rejects.parquet, resolutions.parquet
      withdrawn/dataset=ID/sha256=HEX/    a delivery that was recalled: kept until it is due, used for nothing
      releases/UUID/                      what was handed out, what it holds, and recalls of it
      snapshots/000001/                   what was found in all deliveries so far; the highest number counts
        manifest.json, findings.parquet, evidence-*.parquet

A delivery or snapshot is written beside the others and appears in one step, complete and on disk, or not at all. One
process works in a workspace at a time; what a killed one left behind is removed by the next. Readers need no lock.
"""

import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from accord.vocabulary.errors import BusyError, OutputError, SettingsError, UnreadableError
from accord.workspace.folders import swap

SETTINGS = "workspace.toml"
ADDS = "adds"
"""The folder in which what partners add waits: `cli.deliveries.waiting`."""
_STAGING = ".staging-"
_WAITING = "."
_DELIVERY = re.compile(r"sha256=([0-9a-f]{64})")
_SNAPSHOT = re.compile(r"[0-9]{6}")
_LOOK_AGAIN_S = 0.1
LAST_SNAPSHOT = 999_999


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFolder:
    """One delivery as it lies in the workspace."""

    dataset: str
    sha256: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotFolder:
    """One snapshot as it lies in the workspace."""

    number: int
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A hub's folder."""

    root: Path

    @property
    def settings(self) -> Path:
        """The file that declares hub, partners and data sets."""
        return self.root / SETTINGS

    def deliveries(self) -> tuple[DeliveryFolder, ...]:
        """All deliveries, by data set and SHA-256."""
        return _deliveries(self.root / "deliveries")

    def withdrawn(self) -> tuple[DeliveryFolder, ...]:
        """Deliveries that were recalled: kept, and used for nothing; by data set and SHA-256."""
        return _deliveries(self.root / "withdrawn")

    def withdrawn_place(self, dataset: str, sha256: str) -> Path:
        """Where a delivery lies once it was recalled, or would."""
        return self.root / "withdrawn" / f"dataset={dataset}" / f"sha256={sha256}"

    def place(self, dataset: str, sha256: str) -> Path:
        """Where a delivery lies, or would."""
        return self.root / "deliveries" / f"dataset={dataset}" / f"sha256={sha256}"

    def snapshots(self) -> tuple[SnapshotFolder, ...]:
        """All snapshots, the oldest first."""
        return tuple(
            SnapshotFolder(number=int(path.name), path=path)
            for path in sorted(_children(self.root / "snapshots"))
            if _SNAPSHOT.fullmatch(path.name)
        )

    def snapshot(self, number: int | None = None) -> SnapshotFolder:
        """A snapshot by its number; None: the newest. Raises UnreadableError when there is none."""
        found = self.snapshots()
        for one in reversed(found):
            if number is None or one.number == number:
                return one
        raise UnreadableError(
            "There is no such snapshot." if found else "The workspace has no snapshot yet.",
            where=str(self.root),
            expected="one of " + ", ".join(str(one.number) for one in found) if found else None,
            got=None if number is None else str(number),
            remedy=f"`accord snapshot {'list' if found else 'make'} --in {self.root}`",
        )

    @contextmanager
    def working(self, *, patience_s: float = 0) -> Iterator[None]:
        """Be the only one who changes the workspace. Raises BusyError when somebody else does, for so long."""
        with errors_named(self.root), (self.root / ".lock").open("ab") as lock:
            until = time.monotonic() + patience_s
            while not _locked(lock):
                if time.monotonic() < until:
                    time.sleep(min(_LOOK_AGAIN_S, patience_s))
                    continue
                raise BusyError(
                    "Somebody else is working in this workspace.",
                    where=str(self.root),
                    expected="one command at a time that changes it",
                    remedy="wait until it has ended",
                )
            for left in self.root.glob(f"{_STAGING}*"):
                _discard(left)
            yield

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A folder to write into, on the workspace's own disk; what is left of it is removed at the end."""
        folder = Path(tempfile.mkdtemp(prefix=_STAGING, dir=self.root))
        folder.chmod(0o755)
        try:
            with errors_named(self.root):
                yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(self, folder: Path, place: Path) -> None:
        """Let a complete folder appear at `place`, where nothing is: first its bytes reach the disk, then its name."""
        self.flush(folder)
        _make_parent(place)
        folder.rename(place)
        _sync(place.parent)

    def replace(self, folder: Path, place: Path) -> None:
        """Let a complete folder, on this disk, take the place of another in one step; what was there is gone."""
        self.flush(folder)
        swap(folder, place)
        _sync(place.parent)

    def move(self, place: Path, to: Path) -> None:
        """Let a folder change its place, where nothing is, in one step."""
        _make_parent(to)
        place.rename(to)
        for parent in (to.parent, place.parent):
            _sync(parent)

    def flush(self, folder: Path) -> None:
        """Let the bytes of a folder reach the disk."""
        for path in folder.rglob("*"):
            _sync(path)
        _sync(folder)

    def lay_down(self, folder: Path, dataset: str, sha256: str) -> DeliveryFolder:
        """Lay a delivery whose bytes are on the disk where it will be, not to be seen yet: it waits."""
        place = self.place(dataset, sha256)
        waiting = place.with_name(f"{_WAITING}{place.name}")
        _make_parent(place)
        if waiting.exists():
            _discard(waiting)
        folder.rename(waiting)
        _sync(place.parent)
        return DeliveryFolder(dataset=dataset, sha256=sha256, path=waiting)

    def waiting(self) -> tuple[DeliveryFolder, ...]:
        """Deliveries that are laid down and not to be seen, by data set and SHA-256."""
        return _deliveries(self.root / "deliveries", _WAITING)

    def reveal(self, waiting: DeliveryFolder) -> None:
        """Let a delivery that waits appear in one step."""
        waiting.path.rename(self.place(waiting.dataset, waiting.sha256))
        _sync(waiting.path.parent)

    def withdraw(self, place: Path) -> None:
        """Let a folder vanish in one step."""
        with self.staging() as folder:
            place.rename(folder / "gone")
            _sync(place.parent)


def open_workspace(root: Path) -> Workspace:
    """The workspace in a folder. Raises UnreadableError when it is none."""
    if not (root / SETTINGS).is_file():
        raise UnreadableError(
            "This is no workspace.",
            where=str(root),
            expected=f"a folder with {SETTINGS}",
            got="a folder without it" if root.is_dir() else "a file" if root.exists() else "no such folder",
            remedy="`accord init DIR` makes one; name it with --in",
        )
    return Workspace(root=root)


def make_workspace(root: Path, settings: str) -> Workspace:
    """Make a workspace with these settings in a new or empty folder.

    Raises SettingsError when the folder holds something, OutputError when it cannot be written.
    """
    draft = root / f"{_STAGING}{SETTINGS}"
    with errors_named(root):
        # one that was killed has left its draft, and nobody else's
        if root.exists() and (not root.is_dir() or any(one.name != draft.name for one in root.iterdir())):
            raise SettingsError(
                "The folder holds something already, and is left as it is.",
                where=str(root),
                expected="a new or empty folder",
                got="a workspace" if (root / SETTINGS).exists() else "other files" if root.is_dir() else "a file",
                remedy="choose another",
            )
        # what partners deliver is for those alone whom the hub lets in
        root.mkdir(0o700, parents=True, exist_ok=True)
        draft.write_text(settings, "utf-8")
        _sync(draft)
        draft.rename(root / SETTINGS)
        for name in ("deliveries", "snapshots"):
            (root / name).mkdir()
        _sync(root)
    return Workspace(root=root)


@contextmanager
def errors_named(root: Path) -> Iterator[None]:
    """The disk's errors as ours."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            "The workspace cannot be written; what was there before is untouched.",
            where=str(error.filename or root),
            expected="room and permission to write",
            got=error.strerror or type(error).__name__,
            remedy="free some space, or see who owns the folder",
        ) from error


def _locked(lock: BinaryIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _deliveries(folder: Path, mark: str = "") -> tuple[DeliveryFolder, ...]:
    """Those in a folder whose names begin with a mark."""
    found = []
    for dataset in sorted(_children(folder)):
        name = dataset.name.removeprefix("dataset=")
        for path in sorted(_children(dataset)):
            match = _DELIVERY.fullmatch(path.name.removeprefix(mark)) if path.name.startswith(mark) else None
            if match is not None and dataset.name != name:
                found.append(DeliveryFolder(dataset=name, sha256=match[1], path=path))
    return tuple(found)


def _children(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except FileNotFoundError:
        return []


def _make_parent(place: Path) -> None:
    """Make the folder that holds a place, and let its own name reach the disk before anything in it does."""
    if not place.parent.is_dir():
        _make_parent(place.parent)
        place.parent.mkdir(exist_ok=True)
        _sync(place.parent.parent)


def _discard(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
