"""Handing over: an operation's reports, sealed for each recipient, entered in the ledger, witnessed, only then opened.

The order in which it is done is what makes it safe to be killed anywhere: the sealed package gets its place in the
workspace, then one transaction records the disclosure with its entries and the row in the log of consultations. A
folder without its row was never committed, and is removed by the next command; a row without its handover is taken up
by the next `release make` or `release hand-over`, and the same files are not released to the same recipient twice.
"""

import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from accord.access.consultations import Processing, record
from accord.agreements.agreement import AgreementId
from accord.agreements.declarations import DatasetId
from accord.agreements.naming import public_name
from accord.cli.acting import log
from accord.cli.operations.gathering import Gathered, gather, now_permitted
from accord.cli.operations.running import Shown, owner_folder, run_operation
from accord.cli.operations.withholding import audience_of, kept_back, owner_audience
from accord.cli.readying import Progress, cores
from accord.cli.releases.desk import FINDINGS, Desk
from accord.cli.releases.handed import PACKAGE
from accord.cli.releases.handing import Handed, hand_over_waiting, no_key
from accord.cli.terminal import counted, talk
from accord.journal import book
from accord.journal.keeping import policy_text
from accord.ledger.commitments import encode_openings
from accord.operations.actions import record_actions
from accord.operations.declaration import Recipient
from accord.reference.store import Reference
from accord.release.basis import Basis, restate
from accord.release.disclosures import (
    Disclosure,
    Share,
    Source,
    record_disclosure,
    released,
)
from accord.release.embargo_changes import follow_embargo
from accord.release.handing import handling_of
from accord.release.package.manifest import (
    DatasetNamed,
    HubNamed,
    OperationNamed,
    RecipientNamed,
    Statement,
)
from accord.release.package.reading import PackedEntry
from accord.release.package.sealing import Sealed, pack, seal
from accord.release.policy import Terms
from accord.release.question import Audience
from accord.release.recall import demand_ended
from accord.release.rules import decide
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.errors import OutputError, SettingsError
from accord.vocabulary.markings import MARKINGS, Marking
from accord.workspace.jobs import JobKind, queue
from accord.workspace.keys import hub_key

RESTING = ["finding_id", "dataset", "delivery", "marking"]
"""What the hub keeps of `release.case.TRACES` in a disclosure's folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a country's reports rest on."""

    traces: pa.Table
    """`release.case.TRACES`, each row once."""
    findings: int
    by_dataset: Mapping[DatasetId, int]
    sources: tuple[Source, ...]
    markings: Mapping[DatasetId, Marking]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What `make_release` has done."""

    sealed: tuple[Disclosure, ...]
    """Those that are new."""
    known: tuple[Disclosure, ...]
    """Those whose very files were released to that recipient before."""
    empty: Mapping[str, tuple[str, ...]]
    """Countries of which no finding may go to all of their recipients, and network owners to which none may, by id; and
    what keeps them back, a line each rule."""
    handed: "Handed"


def make_release(
    desk: Desk,
    file: Path,
    *,
    purpose: Purpose | None,
    to: Sequence[str],
    reference: Reference,
    progress: Progress,
) -> Made:
    """Seal an operation's reports for its recipients (`to`: only these), and hand over what the ledger's quorum covers.

    Raises AccordError; what was committed before stays, and is taken up by the next call.
    """
    with desk.ledger.database.reading() as connection:
        # again when it is entered; whose clock is wrong learns it before anything is made
        at = book.moment(connection, datetime.now(UTC))
        demand_ended(connection)
    gathered = gather(desk.workspace, desk.ledger.database, file, purpose, out_at=at)
    recipients = _chosen(gathered, to)
    combine(desk, gathered)
    with desk.ledger.database.writing() as connection:
        # what waits of the operation follows its file
        restate(connection, gathered.operation, gathered.purpose)
    hold_back(desk, gathered)
    terms = gathered.terms(gathered.register, at)
    with desk.workspace.staging() as staging:
        sheet = run_operation(
            gathered.operation,
            staging / "out",
            reference=reference,
            since=None,
            workers=cores(),
            progress=progress,
            traced=True,
            arrivals=gathered.arrivals,
            terms=terms,
        )
        return release_run(desk, gathered, terms, staging / "out", sheet.shown, recipients, progress)


def combine(desk: Desk, gathered: Gathered) -> None:
    """Write down that data sets are about to be combined for an operation."""
    about = [f"operation {gathered.operation.name}"]
    log(desk.ledger.database, desk.actor, Processing.COMBINATION, about, now=datetime.now(UTC))


def hold_back(desk: Desk, gathered: Gathered) -> None:
    """Let what was let out of an operation follow its embargo, and say what came of that."""
    embargo = gathered.operation.embargo
    with desk.ledger.database.writing() as connection:
        at = book.moment(connection, datetime.now(UTC))
        found = follow_embargo(connection, gathered.operation, gathered.purpose, at=at, person=desk.actor.person)
    until = "now" if embargo is None else f"on {embargo.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    for count, how in ((found.later, "later than was said before"), (found.sooner, "sooner than was said before")):
        if count:
            talk(f"{counted(count, 'entry', 'entries')} of the ledger opened for everybody {until}, {how}")
    if found.open:
        talk(
            f"warning: the embargo comes too late for {counted(found.open, 'entry', 'entries')} of what this operation "
            "has let out: everybody can read them already, and nothing takes that back"
        )


def release_run(
    desk: Desk,
    gathered: Gathered,
    terms: Terms,
    out: Path,
    shown: Sequence[Shown],
    recipients: Sequence[Recipient],
    progress: Progress,
) -> Made:
    """Seal what a traced run in `out` has written, for each recipient what its country gets, and hand over.

    `terms`: those that the run was made under. Raises AccordError.
    """
    sealed: list[Disclosure] = []
    known: list[Disclosure] = []
    empty: dict[str, tuple[str, ...]] = {}
    for name, mine, audience, content, sheets in _packages(gathered, recipients, out, shown):
        tally = _tally(out, sheets)
        if not tally.findings:
            empty[name] = kept_back(gathered.operation, terms, audience)
            continue
        fingerprint = _fingerprint(content)
        for number, recipient in enumerate(mine):
            progress(f"sealing for {recipient.partner.id}", number, len(mine))
            before = _released(desk, gathered, recipient, fingerprint)
            if before is not None:
                known.append(before)
            else:
                sealed.append(_seal_for(desk, gathered, terms, recipient, tally, content, fingerprint))
    return Made(sealed=tuple(sealed), known=tuple(known), empty=empty, handed=hand_over_waiting(desk))


def _packages(
    gathered: Gathered, recipients: Sequence[Recipient], out: Path, shown: Sequence[Shown]
) -> Iterator[tuple[str, list[Recipient], Audience, Path, list[Shown]]]:
    """What is sealed for whom: the name of a country or network owner, those who get it, the audience, the files and
    what they were made from."""
    operation = gathered.operation
    for country in operation.scope.countries:
        mine = [one for one in recipients if one.country == country and not one.is_owner]
        if mine:
            sheets = [one for one in shown if one.sheet.country == country and one.sheet.owner is None]
            yield country, mine, audience_of(operation, country), out / "reports" / country, sheets
    for owner in (one for one in recipients if one.is_owner):
        name = owner.partner.id
        sheets = [one for one in shown if one.sheet.owner == name]
        yield name, [owner], owner_audience(owner), out / owner_folder(name), sheets


def _released(desk: Desk, gathered: Gathered, recipient: Recipient, fingerprint: str) -> Disclosure | None:
    with desk.ledger.database.reading() as connection:
        return released(
            connection,
            gathered.operation.name,
            recipient.partner.id,
            recipient.country,
            gathered.purpose,
            fingerprint,
        )


def _seal_for(
    desk: Desk,
    gathered: Gathered,
    terms: Terms,
    recipient: Recipient,
    tally: Tally,
    content: Path,
    fingerprint: str,
) -> Disclosure:
    with desk.workspace.staging() as staging:
        return _sealed(desk, gathered, terms, recipient, tally, content, fingerprint, staging)


def _sealed(
    desk: Desk,
    gathered: Gathered,
    terms: Terms,
    recipient: Recipient,
    tally: Tally,
    content: Path,
    fingerprint: str,
    staging: Path,
) -> Disclosure:
    identifier = uuid4()
    shares = shares_of(desk, gathered, terms, recipient, tally)
    statement = _statement(desk, gathered, recipient, tally, shares, identifier)
    folder, new = staging / "sealed", staging / "new"
    folder.mkdir()
    new.mkdir()
    sealed = seal(content, statement, folder, draw=secrets.token_bytes)
    pq.write_table(resting_of(tally.traces), new / FINDINGS)
    database = desk.ledger.database
    audience = owner_audience(recipient) if recipient.is_owner else audience_of(gathered.operation, recipient.country)
    promised = terms.grid(gathered.operation.datasets, audience)
    with database.writing() as connection:
        at = book.moment(connection, datetime.now(UTC))
        permitted = now_permitted(connection, gathered, at).grid(gathered.operation.datasets, audience)
        if (promised & ~permitted).any():
            raise OutputError(
                "What may be released has changed while it was made ready; it is not released.",
                where=f"operation {gathered.operation.name}, {recipient.partner.id}",
                remedy="`accord agreement list` shows what is in force; then call it again",
            )
        basis = Basis.of(tally.traces, gathered.operation.datasets, terms, recipient)
        draft = _draft(gathered, recipient, tally, sealed, basis, identifier, at, fingerprint)
        embargo = gathered.operation.embargo
        disclosure = record_disclosure(
            connection,
            draft,
            shares,
            tally.sources,
            draw=secrets.token_bytes,
            opens_at=at if embargo is None else max(at, embargo),
        )
        record_actions(connection, identifier, tally.traces, simulated=gathered.operation.simulated)
        record(
            connection,
            Processing.DISCLOSURE,
            person=desk.actor.person,
            justification=desk.actor.justification or f"operation {gathered.operation.name}",
            object=f"disclosure {identifier}",
            recipients=[recipient.partner.id],
            now=at,
        )
        if embargo is not None and embargo > at:
            arguments = {"person": desk.actor.person}
            queue(connection, JobKind.NOTIFY, arguments, now=at, not_before=embargo)
        packed = [
            PackedEntry(number=one.number, entry=one.entry, openings=encode_openings(one.openings))
            for one in book.kept(connection, disclosure.entries)
        ]
        pack(folder, packed, policy_text(desk.ledger.policy, desk.ledger.key), new / PACKAGE)
        desk.workspace.publish(new, desk.place(identifier))
    return disclosure


def shares_of(desk: Desk, gathered: Gathered, terms: Terms, recipient: Recipient, tally: Tally) -> tuple[Share, ...]:
    """What each data set has in what a recipient gets."""
    key = hub_key(desk.declared.hub.key_file)
    audience = Audience(recipients=(recipient,), encrypted=recipient.encrypted)
    found = []
    for dataset in gathered.operation.datasets:
        if dataset.id not in tally.by_dataset:
            continue
        marking = tally.markings[dataset.id]
        agreements: set[AgreementId] = set()
        for item in terms.items(
            dataset, marking.code, personal=dataset.personal, in_review=False, networks=audience.networks
        ):
            agreements |= {*decide(item, audience, terms.release).agreements}
        found.append(
            Share(
                dataset=dataset.id,
                public_name=public_name(dataset, key),
                origin=dataset.origin,
                marking=marking,
                # the recipient reads them: an agreement's name could tell of a partner that is not to be named
                agreements=tuple(
                    sorted(
                        one
                        for one in agreements
                        if dataset.name_partner or recipient.partner.id in gathered.register.agreements[one].partners
                    )
                ),
                findings=tally.by_dataset[dataset.id],
            )
        )
    return tuple(sorted(found, key=lambda one: one.dataset))


def _statement(
    desk: Desk,
    gathered: Gathered,
    recipient: Recipient,
    tally: Tally,
    shares: Sequence[Share],
    identifier: UUID,
) -> Statement:
    operation, register = gathered.operation, gathered.register
    resting = {share.dataset for share in shares}
    return Statement(
        package=identifier,
        ledger=desk.ledger.place.origin,
        hub=HubNamed(name=desk.declared.hub.name, contact=desk.declared.hub.contact),
        made_at=datetime.now(UTC),
        simulated=operation.simulated,
        operation=OperationNamed(name=operation.name, title=operation.title),
        recipient=RecipientNamed(partner=recipient.partner.id, name=recipient.partner.name, persons=recipient.persons),
        country=recipient.country,
        purpose=gathered.purpose,
        marking=max(tally.markings.values(), key=MARKINGS.index),
        handling=handling_of(register, recipient.partner.id, resting, gathered.purpose),
        findings=tally.findings,
        datasets=tuple(
            DatasetNamed(
                name=share.public_name,
                origin=share.origin,
                marking=share.marking,
                agreements=share.agreements,
                findings=share.findings,
            )
            for share in shares
        ),
    )


def _draft(
    gathered: Gathered,
    recipient: Recipient,
    tally: Tally,
    sealed: Sealed,
    basis: Basis,
    identifier: UUID,
    at: datetime,
    fingerprint: str,
) -> Disclosure:
    return Disclosure(
        id=identifier,
        made_at=at,
        operation=gathered.operation.name,
        recipient=recipient.partner.id,
        country=recipient.country,
        purpose=gathered.purpose,
        channel=None,
        marking=max(tally.markings.values(), key=MARKINGS.index),
        findings=tally.findings,
        sealed=sealed.digest,
        content=sealed.content,
        fingerprint=fingerprint,
        secret=sealed.identity,
        entries=range(0),
        handed_over_at=None,
        received_at=None,
        basis=basis.encode(),
    )


def _chosen(gathered: Gathered, to: Sequence[str]) -> tuple[Recipient, ...]:
    declared = gathered.operation.recipients
    names = sorted({one.partner.id for one in declared})
    for name in to:
        if name not in names:
            raise SettingsError(
                "The operation has no such recipient.", where="--to", expected=", ".join(names) or "none", got=name
            )
    chosen = tuple(one for one in declared if not to or one.partner.id in to)
    if not chosen:
        raise SettingsError(
            "The operation has no recipient: an empty audience reaches nobody.",
            where=str(gathered.operation.file),
            remedy="name whom it is for in [[recipient]]",
        )
    keyless = {one.partner.id for one in chosen if one.partner.age is None}
    if keyless:
        raise no_key(*keyless)
    return chosen


def _tally(out: Path, shown: Sequence[Shown]) -> Tally:
    tables = [pq.read_table(out / one.traces) for one in shown if one.traces is not None]
    markings: dict[DatasetId, Marking] = {}
    for one in shown:
        for sheet in one.sheet.datasets:
            name = DatasetId(sheet.id)
            markings[name] = max(sheet.marking, markings.get(name, sheet.marking), key=MARKINGS.index)
    return tally_of(pa.concat_tables(tables), markings)


def tally_of(traces: pa.Table, markings: Mapping[DatasetId, Marking]) -> Tally:
    """What findings rest on, by their TRACES, of which a row may come more than once."""
    traces = (
        traces.group_by(traces.column_names)
        .aggregate([])
        .sort_by([(name, "ascending") for name in traces.column_names])
    )
    by_dataset = traces.group_by("dataset").aggregate([("finding_id", "count_distinct")]).to_pylist()
    by_source = traces.group_by(["dataset", "delivery"]).aggregate([("finding_id", "count_distinct")]).to_pylist()
    return Tally(
        traces=traces,
        findings=len(traces["finding_id"].unique()),
        by_dataset={DatasetId(row["dataset"]): row["finding_id_count_distinct"] for row in by_dataset},
        sources=tuple(
            Source(
                dataset=DatasetId(row["dataset"]),
                delivery=row["delivery"],
                findings=row["finding_id_count_distinct"],
            )
            for row in by_source
        ),
        markings=markings,
    )


def resting_of(traces: pa.Table) -> pa.Table:
    """What the hub keeps of TRACES in a disclosure's folder, each row once."""
    return traces.group_by(RESTING).aggregate([]).sort_by([(name, "ascending") for name in RESTING])


def _fingerprint(content: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(one for one in content.rglob("*") if one.is_file()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{digest}  {path.relative_to(content).as_posix()}\n".encode())
    return whole.hexdigest()
