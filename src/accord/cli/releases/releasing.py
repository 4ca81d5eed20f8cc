"""Handing over: an operation's reports, sealed for each recipient, entered in the ledger, witnessed, only then opened.

The order in which it is done is what makes it safe to be killed anywhere: the sealed package gets its place in the
workspace, then one transaction records the disclosure with its entries and the row in the log of consultations. A
folder without its row was never committed, and is removed by the next command; a row without its handover is taken up
by the next `release make` or `release hand-over`, and the same files are not released to the same recipient twice.
"""

import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Connection

from accord.access.consultations import Processing, record
from accord.agreements.agreement import AgreementId, Register
from accord.agreements.declarations import DatasetId
from accord.agreements.naming import public_name
from accord.agreements.register import load_register
from accord.cli.acting import Actor, log
from accord.cli.channels.feeding import bring_feeds_up
from accord.cli.channels.witnessing import queue_once, remove_begun, show_witnessed
from accord.cli.deliveries.settling import working
from accord.cli.kinds import RECEIPT, signed_by, taking
from accord.cli.ledgers.opening import in_words, publish
from accord.cli.operations.gathering import Gathered, gather, now_permitted
from accord.cli.operations.running import Shown, run_operation
from accord.cli.operations.withholding import audience_of, kept_back
from accord.cli.readying import Progress, cores
from accord.cli.releases.handed import HANDOVER, PACKAGE, RELEASES, demand_known
from accord.cli.terminal import counted
from accord.formats.catalogue import FORMATS
from accord.journal import book
from accord.journal.keeping import Ledger, Published, open_ledger, policy_text
from accord.ledger.commitments import encode_openings
from accord.operations.actions import record_actions
from accord.operations.declaration import Declared, Recipient, read_workspace
from accord.reference.store import Reference
from accord.release.basis import Basis, refusal, restate
from accord.release.decisions import load_decisions
from accord.release.disclosures import (
    Disclosure,
    Share,
    Source,
    disclosures,
    load_disclosure,
    record_disclosure,
    record_hand_over,
    record_receipt,
    record_refusal,
    released,
    waiting,
)
from accord.release.handing import handling_of
from accord.release.package.manifest import (
    DatasetNamed,
    HubNamed,
    OperationNamed,
    RecipientNamed,
    Statement,
)
from accord.release.package.reading import PackedEntry, opened_file, peek_manifest
from accord.release.package.sealing import Sealed, hand_over, pack, seal
from accord.release.policy import Terms
from accord.release.question import Audience, Release
from accord.release.recall import SentNotice, demand_ended, notices
from accord.release.receipts import Disclosed, Receipt, parse_receipt, read_receipt
from accord.release.reviews import Answer, Decision, standing
from accord.release.rules import decide
from accord.release.waiting import Reviewed
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.errors import MalformedError, OutputError, SettingsError, UnprovenError, UnreadableError
from accord.vocabulary.markings import MARKINGS, Marking
from accord.workspace.database import open_database
from accord.workspace.jobs import JobKind, queue
from accord.workspace.keys import hub_key
from accord.workspace.regular import open_regular
from accord.workspace.store import Workspace, open_workspace

FINDINGS = "findings.parquet"
RESTING = ["finding_id", "dataset", "delivery", "marking"]
"""What the hub keeps of `release.case.TRACES` in a disclosure's folder."""
RECEIPT_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A workspace whose disclosures are worked on, by one at a time."""

    workspace: Workspace
    declared: Declared
    ledger: Ledger
    actor: Actor

    def place(self, disclosure: UUID) -> Path:
        """Where a disclosure's files lie."""
        return self.workspace.root / RELEASES / str(disclosure)


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
    empty: Mapping[CountryCode, tuple[str, ...]]
    """Countries of which no finding may go to all of their recipients, and what keeps them back, a line each rule."""
    handed: "Handed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What became of the packages that stood sealed."""

    over: tuple[Disclosure, ...]
    unwitnessed: tuple[Disclosure, ...]
    """Too few witnesses have cosigned: later."""
    refused: tuple[Disclosure, ...]
    """The rules let them out no more: they are never handed over."""
    published: Published
    shown: int
    """Batches that appeared in channels."""
    hidden: int
    """Batches that wait for witnesses."""


@contextmanager
def desk(folder: Path, actor: Actor) -> Iterator[Desk]:
    """Work on a workspace's disclosures; what was never committed is removed.

    Raises AccordError; UnprovenError when something was handed over that the database does not know.
    """
    workspace = open_workspace(folder)
    declared = read_workspace(workspace.settings, FORMATS)
    with working(workspace), open_database(declared.database, to_write=True) as database:
        database.take_turn()
        ledger = open_ledger(declared.ledger, database)
        ledger.verify_standing()
        one = Desk(workspace=workspace, declared=declared, ledger=ledger, actor=actor)
        _remove_uncommitted(one)
        remove_begun(database)
        yield one


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
    gathered = gather(desk.workspace, desk.ledger.database, file, purpose)
    recipients = _chosen(gathered, to)
    combine(desk, gathered)
    with desk.ledger.database.writing() as connection:
        # what waits of the operation follows its file
        restate(connection, gathered.operation, gathered.purpose)
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
    empty: dict[CountryCode, tuple[str, ...]] = {}
    for country in gathered.operation.scope.countries:
        mine = [one for one in recipients if one.country == country]
        tally = _tally(out, [one for one in shown if one.sheet.country == country])
        if not mine:
            continue
        if not tally.findings:
            empty[country] = kept_back(gathered.operation, terms, audience_of(gathered.operation, country))
            continue
        content = out / "reports" / country
        fingerprint = _fingerprint(content)
        for number, recipient in enumerate(mine):
            progress(f"sealing for {recipient.partner.id}", number, len(mine))
            before = _released(desk, gathered, recipient, fingerprint)
            if before is not None:
                known.append(before)
            else:
                sealed.append(_seal_for(desk, gathered, terms, recipient, tally, content, fingerprint))
    return Made(sealed=tuple(sealed), known=tuple(known), empty=empty, handed=hand_over_waiting(desk))


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


def hand_over_waiting(desk: Desk) -> Handed:
    """Hand over every package whose entries stand under a checkpoint that satisfies the policy. Raises AccordError."""
    published = publish(desk.ledger, datetime.now(UTC))
    with desk.ledger.database.reading() as connection:
        # by it is decided what may still go out: a clock that was set back stops it before anything does
        now = book.moment(connection, datetime.now(UTC))
        pending = waiting(connection)
    over: list[Disclosure] = []
    unwitnessed: list[Disclosure] = []
    refused: list[Disclosure] = []
    for one in pending:
        if not published.covers(one.entries[-1]):
            unwitnessed.append(one)
            continue
        # what the rules are asked by does not change before the key is given
        with desk.ledger.database.writing() as connection:
            settled = _settle(desk, connection, one)
        (over if settled.refusal is None else refused).append(settled)
    if unwitnessed:
        with desk.ledger.database.writing() as connection:
            queue_once(connection, JobKind.RELEASE, desk.actor.person, now)
    shown, hidden = show_witnessed(desk.workspace.root, desk.ledger.database, published, desk.actor.person)
    bring_feeds_up(desk.workspace, desk.declared, desk.ledger.database, person=desk.actor.person, now=now)
    return Handed(
        over=tuple(over),
        unwitnessed=tuple(unwitnessed),
        refused=tuple(refused),
        published=published,
        shown=shown,
        hidden=hidden,
    )


def refusals(desk: Desk, asked: Sequence[Disclosure], at: datetime) -> dict[UUID, str]:
    """Those of these packages that may not go out by what holds at a moment, each with why."""
    with desk.ledger.database.reading() as connection:
        register = load_register(connection)
        recalled = {one.id: notices(connection, disclosure=one.id) for one in asked}
        decided = standing(load_decisions(connection)) if asked else {}
    whys = {one.id: _recalled(recalled[one.id]) or _refusal(desk, register, one, decided, at) for one in asked}
    return {one: why for one, why in whys.items() if why is not None}


def hand_over_later(folder: Path, arguments: Mapping[str, object]) -> str:
    """Do a job that hands over what stood sealed. Raises UnprovenError while witnesses are still missing."""
    with desk(folder, Actor(person=str(arguments["person"]), justification="")) as one:
        handed = hand_over_waiting(one)
    for each in handed.unwitnessed:
        handed.published.demand(each.entries[-1])
    if handed.hidden:
        handed.published.demand(handed.published.size - 1)
    appeared = f", {counted(handed.shown, 'batch', 'batches')} appeared in channels" if handed.shown else ""
    refused = f", {counted(len(handed.refused), 'package')} refused" if handed.refused else ""
    return f"handed over {counted(len(handed.over), 'package')}{refused}{appeared}"


def notify_due(folder: Path, arguments: Mapping[str, object]) -> str:
    """Do a job that tells what may be told from now on: the openings that an embargo held back."""
    with desk(folder, Actor(person=str(arguments["person"]), justification="")) as one:
        return in_words(publish(one.ledger, datetime.now(UTC)))


def take_receipt(desk: Desk, file: Path) -> tuple[Disclosure, bool]:
    """Take in a recipient's signed receipt as an entry; was it new? Raises AccordError."""
    with taking((file, RECEIPT)):
        data = _read(file)
        said = _unverified(data)
    with desk.ledger.database.reading() as connection:
        disclosure = load_disclosure(connection, said.disclosed.package)
        register = load_register(connection)
    key = register.partners[disclosure.recipient].receipts
    if key is None:
        raise SettingsError(
            "The partner has no key for receipts.",
            where=f"partner {disclosure.recipient}",
            remedy="`accord package keys` makes one for the recipient; register its public line as `receipts`",
        )
    asked = Disclosed(
        package=disclosure.id,
        digest=disclosure.sealed or "",
        content=disclosure.content or "",
        entries=tuple(disclosure.entries),
        recipient=disclosure.recipient,
    )
    with signed_by(disclosure.recipient, file):
        read_receipt(data, key=key, disclosed=asked)
    with desk.ledger.database.writing() as connection:
        at = book.moment(connection, datetime.now(UTC))
        (entry,) = book.kept(connection, [disclosure.entries.start])
        standing = record_receipt(
            connection,
            disclosure,
            digest=hashlib.sha256(data).hexdigest(),
            at=at,
            draw=secrets.token_bytes,
            # what is said of a disclosure is no earlier known than the disclosure
            opens_at=None if entry.opens_at is None else max(entry.opens_at, at),
        )
    publish(desk.ledger, datetime.now(UTC))
    return standing, standing.received_at == at


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
    audience = audience_of(gathered.operation, recipient.country)
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
        for item in terms.items(dataset, marking.code, personal=dataset.personal, in_review=False):
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


def _settle(desk: Desk, connection: Connection, one: Disclosure) -> Disclosure:
    """Give the key of what stands sealed, or refuse it for good, on a writer's connection."""
    now = book.moment(connection, datetime.now(UTC))
    register = load_register(connection)
    if not (desk.place(one.id) / HANDOVER).exists():
        # whoever was killed after it had given the key has given it
        decided = standing(load_decisions(connection))
        why = _recalled(notices(connection, disclosure=one.id)) or _refusal(desk, register, one, decided, now)
        if why is not None:
            return record_refusal(connection, one, why, now)
        _give_key(desk, register, one)
    return record_hand_over(connection, one, now)


def _give_key(desk: Desk, register: Register, one: Disclosure) -> None:
    age = register.partners[one.recipient].age
    if age is None or one.secret is None:
        raise _no_key(one.recipient)
    hand_over(
        desk.place(one.id) / PACKAGE,
        list(desk.ledger.proofs(one.entries)),
        desk.ledger.policy,
        identity=one.secret,
        recipient=age,
        out=desk.place(one.id) / HANDOVER,
    )


def _recalled(sent: Sequence[SentNotice]) -> str | None:
    return f"recall {sent[-1].recall} concerns it" if sent else None


def _refusal(
    desk: Desk, register: Register, one: Disclosure, decided: Mapping[str, Decision], at: datetime
) -> str | None:
    """Why what stands sealed may not go out any more; None: every rule permits it by now."""
    place = desk.place(one.id) / PACKAGE
    with opened_file(place) as file:
        manifest, digest = peek_manifest(file, str(place))
    if digest != one.sealed:
        raise UnprovenError(
            "The package is not the one that was entered in the ledger.",
            where=str(place),
            expected=f"a manifest of SHA-256 {one.sealed}",
            got=digest,
            remedy="bring it back from a backup: `accord ledger audit` says what else differs",
        )
    release = Release(register=register, purpose=one.purpose, at=at, legal_area=desk.declared.hub.legal_area)
    reasons = [
        why
        for why in (_held_back(desk, one, decided, at), refusal(one, manifest.statement, release))
        if why is not None
    ]
    return "; ".join(reasons) or None


def _held_back(desk: Desk, one: Disclosure, decided: Mapping[str, Decision], at: datetime) -> str | None:
    """Why analysts' decisions keep what stands sealed from going out; None: they do not."""
    place = desk.place(one.id) / FINDINGS
    back = [id_ for id_, each in decided.items() if each.answer is Answer.WITHHOLD or not each.counts(at)]
    if not back or not place.exists():
        return None
    held = pq.read_table(place, columns=["finding_id"])["finding_id"]
    mine = held.filter(pc.is_in(held, value_set=pa.array(back, pa.string()))).unique().to_pylist()
    if not mine:
        return None
    newest = max((decided[id_] for id_ in mine), key=lambda each: each.number)
    told = f"{newest.person} decided on {newest.at:%Y-%m-%d %H:%M} UTC"
    kept = f"{counted(len(mine), 'finding')} on a warning list must not go out ({told})"
    return f"rule {Reviewed.number} ({Reviewed.title}): {kept}"


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
    for one in chosen:
        if one.partner.age is None:
            raise _no_key(one.partner.id)
    return chosen


def _no_key(partner: str) -> SettingsError:
    return SettingsError(
        "The recipient has no key to which a package could be sealed.",
        where=f"partner {partner}",
        expected='age = "age1..."',
        remedy="`accord package keys` makes one for the recipient; then `accord partner apply`",
    )


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


def _remove_uncommitted(desk: Desk) -> None:
    folder = desk.workspace.root / RELEASES
    if not folder.is_dir():
        return
    with desk.ledger.database.reading() as connection:
        known = disclosures(connection)
    demand_known(desk.workspace.root, known)
    held = {str(one.id) for one in known}
    for path in folder.iterdir():
        if path.name not in held:
            desk.workspace.withdraw(path)


def _read(file: Path) -> bytes:
    try:
        with open_regular(file) as opened:
            data = opened.read(RECEIPT_LIMIT + 1)
    except OSError as error:
        raise UnreadableError("The receipt cannot be read.", where=str(file), got=error.strerror) from error
    if len(data) > RECEIPT_LIMIT:
        raise MalformedError("The receipt is too large.", where=str(file), expected=f"at most {RECEIPT_LIMIT:,} bytes")
    return data


def _unverified(data: bytes) -> Receipt:
    """What a receipt says, before anybody vouches for it: only by that is it known whose key must have signed it."""
    from accord.ledger.notes import parse_note

    return parse_receipt(parse_note(data).text)
