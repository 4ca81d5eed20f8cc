"""Checking a delivery without an operation: the same intake, into a spool that is thrown away."""

import difflib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import typer

from accord.agreements.declarations import Dataset, DatasetId, Partner, PartnerId, PartnerKind, read_columns
from accord.cli.places import reference_in_use
from accord.cli.readying import reading_context
from accord.cli.terminal import COMPLETE_WITH_REFUSED, counted, progress_bar, say, say_json, show_table
from accord.columns.instants import LATEST_US
from accord.columns.mapping import Columns
from accord.columns.reading import HEAD_LIMIT
from accord.formats.catalogue import FORMATS
from accord.intake.delivery import Delivery
from accord.intake.opening import Opening
from accord.intake.receiving import Received, Receiver
from accord.intake.spool import Spool
from accord.vocabulary.datasets import LegalBasis, Origin, SourceGrade
from accord.vocabulary.errors import AccordError, SettingsError, UnreadableError
from accord.vocabulary.markings import Marking
from accord.vocabulary.reasons import EXPLANATIONS, Ignored, Rejected
from accord.workspace.settings import read_settings

_OF_ANY_TEXT = ("csv", "maltrail", "plain", "freetext")
"""Formats that take any text, or what a mapping says: that a file could be one of them says nothing."""


@contextmanager
def checked_file(file: Path, format_names: list[str], mapping: Path | None) -> Iterator[Received]:
    """Read one file as a data set of these formats would be read. Raises AccordError."""
    unknown = [name for name in format_names if name not in FORMATS]
    if unknown:
        near = difflib.get_close_matches(unknown[0].lower(), list(FORMATS), n=1)
        raise SettingsError(
            "There is no such format.",
            where="--format",
            expected="one of " + ", ".join(FORMATS),
            got=", ".join(unknown),
            remedy=f"did you mean '{near[0]}'?" if near else "`accord format list` says what each of them is",
        )
    if ("csv" in format_names) != (mapping is not None):
        raise SettingsError(
            "A csv file and its column mapping belong together.",
            expected="--format csv with --mapping FILE.toml",
            got="--format csv alone" if mapping is None else "--mapping without --format csv",
            remedy="see docs/formats/csv.md for the [[csv]] tables",
        )
    if not file.is_file():
        raise UnreadableError(
            "There is no such file.",
            where=str(file),
            expected="one file; an archive is one",
            got="a folder" if file.is_dir() else None,
            remedy="check the path",
        )
    with tempfile.TemporaryDirectory(prefix="accord-check-") as scratch:
        with progress_bar() as progress:
            receiver = Receiver(
                root=file.parent,
                spool=Spool(Path(scratch) / "spool"),
                formats=FORMATS,
                context=reading_context(reference_in_use()),
                as_of_us=LATEST_US,
                workers=max(1, min(os.cpu_count() or 1, 4)),
                progress=lambda what, done, total: progress(f"reading {what}", done, total),
            )
            received = receiver.receive([_dataset(file, format_names, _read_mapping(mapping))])
        yield received


def resembled(file: Path, tried: Sequence[str]) -> tuple[str, ...]:
    """Formats besides those tried that the file's first member says of itself to be; none where that cannot be read."""
    try:
        with Opening(file) as opening:
            head = next(member.head(HEAD_LIMIT) for member in opening)
    except (AccordError, StopIteration):
        return ()
    others = [module for name, module in FORMATS.items() if name not in {*tried, *_OF_ANY_TEXT}]
    return tuple(module.NAME for module in others if module.recognises(head, file.name))


def tell_check(received: Received, shown: int, resembles: Sequence[str], *, as_json: bool) -> None:
    """Print the account; leaves by exit code 3 when something was refused whole.

    `resembles`: other formats that the file looks like, told where nothing of it was accepted.
    """
    delivery = received.deliveries[0]
    if as_json:
        say_json(
            {
                "file": delivery.file,
                "sha256": delivery.sha256,
                "bytes": delivery.size,
                "formats": list(delivery.formats),
                "records": delivery.records,
                "accepted": delivery.accepted,
                "ignored_by_reason": dict(delivery.ignored),
                "rejected_by_reason": dict(delivery.rejected),
                "refused": [
                    {"member": one.member, "reason": one.reason, "remedy": one.remedy} for one in delivery.refused
                ],
                "observations": delivery.observations,
                "resolutions": delivery.resolutions,
                "notes": list(delivery.notes),
                "rejects": received.rejects.first(shown),
            }
        )
    else:
        tell_account(delivery, received.rejects.first(shown) if shown else [], len(received.rejects))
        if resembles and not delivery.accepted:
            say("")
            say(f"Nothing was accepted. The file looks like another format: --format {' or '.join(resembles)}")
    if delivery.refused:
        raise typer.Exit(COMPLETE_WITH_REFUSED)


def tell_account(delivery: Delivery, rejects: Sequence[Mapping[str, object]], total: int) -> None:
    """Print what became of every record, with the first `rejects` of `total`."""
    say(f"{delivery.file}: {', '.join(delivery.formats) or 'not read'}, SHA-256 {delivery.sha256}")
    say("")
    rows: list[tuple[object, ...]] = [("accepted", delivery.accepted, "")]
    rows += [(f"ignored: {reason}", count, EXPLANATIONS[Ignored(reason)]) for reason, count in delivery.ignored.items()]
    rows += [
        (f"rejected: {reason}", count, EXPLANATIONS[Rejected(reason)]) for reason, count in delivery.rejected.items()
    ]
    rows.append(("records", delivery.records, ""))
    show_table([("what became of it", False), ("records", True), ("which means", False)], rows)
    say("")
    say(f"{counted(delivery.observations, 'observation')}, {counted(delivery.resolutions, 'resolution')}")
    for note in delivery.notes:
        say(f"note: {note}")
    for one in delivery.refused:
        say(f"refused whole: {one.member or delivery.file}: {one.reason}")
        if one.remedy:
            say(f"  to do: {one.remedy}")
    if rejects:
        say("")
        show_table(
            [("where", False), ("column", False), ("reason", False), ("text", False)],
            [
                (
                    _place(row),
                    row["column"] or "",
                    f"{row['reason']} (partial)" if row["partial"] else row["reason"],
                    row["text"],
                )
                for row in rejects
            ],
            title=f"rejected, the first {len(rejects):,} of {total:,}",
        )


def _place(row: Mapping[str, object]) -> str:
    place = str(row["pointer"]) if row["pointer"] else f"line {row['record']}"
    return place if row["member"] is None else f"{row['member']} {place}"


def _read_mapping(mapping: Path | None) -> tuple[Columns, ...]:
    if mapping is None:
        return ()
    table = read_settings(mapping)
    columns = tuple(read_columns(one) for one in table.tables("csv", required=True))
    table.done()
    return columns


def _dataset(file: Path, format_names: list[str], columns: tuple[Columns, ...]) -> Dataset:
    """The least restricted data set that this file could be a delivery of: a check must not depend on policy."""
    return Dataset(
        id=DatasetId("checked"),
        title="a file to check",
        partner=Partner(id=PartnerId("self"), name="self", kind=PartnerKind.VENDOR, country=None),
        formats=tuple(format_names),
        paths=(_literal(file.name),),
        collected_at=datetime(2000, 1, 1, tzinfo=UTC),
        origin=Origin.REPORT,
        legal_basis=LegalBasis.PUBLIC_INFORMATION,
        role=None,
        family=None,
        marking=Marking.RED,
        grade=SourceGrade.F,
        retention="P1D",
        personal=True,
        name_partner=False,
        share_with=(),
        upstream=None,
        columns=columns,
        rules=(),
    )


def _literal(name: str) -> str:
    """A pattern that matches this name only: a file may be called `a[1].csv`."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)
