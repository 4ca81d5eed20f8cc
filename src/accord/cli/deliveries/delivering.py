"""Taking a delivery into a workspace: custody of its bytes, the account of its records, its evidence."""

import json
import os
from dataclasses import dataclass, replace
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from accord.agreements.agreement import AgreementId
from accord.agreements.declarations import Dataset
from accord.cli.deliveries.entering import Gate
from accord.cli.deliveries.kept import ADDRESSES, DELIVERED, OTHERS, read_account, sizes
from accord.cli.deliveries.writing import parquet
from accord.cli.readying import Progress, reading_context
from accord.columns.instants import microseconds
from accord.columns.schema import EVIDENCE
from accord.formats.catalogue import FORMATS
from accord.fusion.engines.files import engine, merge_parts, pieces
from accord.fusion.standing import merge_sightings
from accord.intake.delivery import Delivery
from accord.intake.feeds import is_feed, pack_feed
from accord.intake.parts import Parts
from accord.intake.receiving import Received, Receiver
from accord.intake.rejects import REJECT_LINES
from accord.intake.resolutions import DATED_RESOLUTIONS
from accord.reference.store import Reference
from accord.release.summary import account_of
from accord.vocabulary.errors import RefusedFileError, UnreadableError
from accord.workspace.store import DeliveryFolder, Workspace

if TYPE_CHECKING:
    from accord.cli.rights.returning import Returned

_FLUSHED = 32 << 20
"""Bytes after which the disk is asked to begin writing, so that it does not have all to do at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What a delivery was taken as when the same bytes came first."""

    file: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a partner is told of one delivery."""

    delivery: Delivery
    agreements: tuple[AgreementId, ...]
    """Those under which it was taken in; of one that was delivered before none."""
    before: Before | None = None
    """Set when it had been delivered before, byte for byte, and nothing was done."""
    erased: int = 0
    """Records that hold what was erased or corrected before, and are left out."""

    @property
    def known(self) -> bool:
        """Had it been delivered before?"""
        return self.before is not None


def take_delivery(
    workspace: Workspace,
    dataset: Dataset,
    file: Path,
    *,
    gate: Gate,
    received_at: datetime,
    reference: Reference,
    workers: int,
    progress: Progress,
) -> Receipt:
    """Take one file, or the folder of a MISP feed, for a data set; it appears in the workspace complete, or not at all.

    `dataset.collected_at` is the time that records without one take; observations after `received_at` are ignored.
    Raises RefusedFileError when the file is refused whole, NotAgreedError when no agreement lets it in when it has
    been read, UnreadableError, OutputError.
    """
    if not file.is_file() and not is_feed(file):
        raise UnreadableError(
            "There is no such file.",
            where=str(file),
            expected="one file; an archive is one, and a MISP feed's folder, with its manifest.json",
            got="a folder" if file.is_dir() else None,
            remedy="check the path",
        )
    with workspace.staging() as staging:
        folder = staging / "new"
        folder.mkdir()
        parts = Parts(staging / "parts")
        packed = pack_feed(file, staging) if is_feed(file) else file
        received = _receive(folder, parts, dataset, packed, received_at, reference, workers, progress)
        delivery = received.deliveries[0]
        place = workspace.place(dataset.id, delivery.sha256)
        gate.refuse_recalled(workspace, dataset, delivery, file)
        if place.exists():
            account = read_account(DeliveryFolder(dataset=dataset.id, sha256=delivery.sha256, path=place))
            before = Before(file=str(account["file"]), at=datetime.fromisoformat(str(account["received_at"])))
            return Receipt(delivery=delivery, agreements=(), before=before)
        for refusal in delivery.refused:
            if refusal.member is None:
                raise RefusedFileError(refusal.reason, where=str(file), remedy=refusal.remedy)
        first = gate.kept_from(dataset, delivery, file)
        progress(f"merging {delivery.file}", 0, 0)
        _write_evidence(folder, parts, received, staging, workers)
        times = {"collected_at": dataset.collected_at.isoformat(), "received_at": received_at.isoformat()}
        account = account_of(delivery) | times | {"kept": sizes(folder)}
        if first is not None:
            account["first_received_at"] = first.isoformat()
        erased: tuple[Returned, ...] = ()
        if kept_out := gate.erased():
            # hardly any hub has none, but what takes the first delivery need not wait for what erases
            from accord.cli.rights.returning import erase_returned

            (folder / "account.json").write_text(json.dumps(account), "utf-8")
            new = DeliveryFolder(dataset=dataset.id, sha256=delivery.sha256, path=folder)
            new, erased = erase_returned(new, dataset, kept_out, gate.key, reference, staging, received_at)
            folder, account = new.path, read_account(new)
        agreements = gate.enter(
            workspace, dataset, delivery, folder, account, [(one.name, one.records, one.kind) for one in erased]
        )
    return Receipt(
        delivery=delivery,
        agreements=tuple(one.id for one in agreements),
        erased=sum(one.records for one in erased),
    )


def _receive(
    folder: Path,
    parts: Parts,
    dataset: Dataset,
    file: Path,
    received_at: datetime,
    reference: Reference,
    workers: int,
    progress: Progress,
) -> Received:
    # the receiver knows its files by where they truly are; the name is the one that was given
    file = file.parent.resolve() / file.name
    receiver = Receiver(
        root=file.parent,
        spool=parts,
        formats=FORMATS,
        context=reading_context(reference),
        as_of_us=microseconds(received_at),
        workers=workers,
        progress=lambda name, done, total: progress(f"reading {name}", done, total),
    )
    with (folder / DELIVERED).open("wb", buffering=0) as sink:
        return receiver.receive_file(dataset, file, _Copy(sink).write)


class _Copy:
    """A file that is written while it is made, and kept out of memory."""

    def __init__(self, sink: FileIO) -> None:
        self._sink = sink
        self._written = self._asked = 0

    def write(self, block: bytes) -> None:
        """Add a block."""
        rest = memoryview(block)
        while rest:
            rest = rest[self._sink.write(rest) :]
        self._written += len(block)
        if self._written - self._asked >= _FLUSHED and hasattr(os, "posix_fadvise"):
            # what is not needed in memory any more is first written, without waiting for it; what was, is let go
            os.posix_fadvise(self._sink.fileno(), 0, self._written, os.POSIX_FADV_DONTNEED)
            self._asked = self._written


def _write_evidence(folder: Path, parts: Parts, received: Received, staging: Path, workers: int) -> None:
    refused = received.refused_members[0]
    with parquet(folder / ADDRESSES, EVIDENCE) as write:
        write(merge_sightings(parts.runs, parts.meanings, refused, received.families, workers))
    if parts.files:
        with parquet(folder / OTHERS, EVIDENCE) as write, engine(staging / "spill", workers) as connection:
            write(merge_parts(connection, parts.files, received.families))
    with parquet(folder / "rejects.parquet", REJECT_LINES) as write:
        write(pieces(batch for table in received.rejects for batch in table.to_batches()))
    with parquet(folder / "resolutions.parquet", DATED_RESOLUTIONS) as write:
        write([received.resolutions.select(DATED_RESOLUTIONS.names)])


def collected(dataset: Dataset, at: datetime) -> Dataset:
    """The data set as a delivery collected at this time sees it."""
    return replace(dataset, collected_at=at)
