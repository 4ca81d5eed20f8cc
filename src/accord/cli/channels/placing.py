"""Putting an operation's findings into a channel: objects that every member may have, and that appear to all at once.

Objects are written in many short transactions of a batch that has not ended, so that members who poll need not wait
for it. The last one asks again whether all of it may be there, and ends the batch with a disclosure for each member,
its entries, and the rows in the log of consultations. Nothing of it is visible before the ledger's quorum covers the
entries; then all of it is. What is left of a batch that has not ended is removed by the next command.
"""

import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Connection

from accord.access.consultations import Processing, record
from accord.agreements.declarations import Dataset, DatasetId
from accord.cli.channels.account import OBJECTS
from accord.cli.channels.witnessing import kept_back, remove_begun
from accord.cli.operations import withholding
from accord.cli.operations.gathering import Gathered, gather, now_permitted
from accord.cli.operations.running import channel_views
from accord.cli.readying import Progress, cores
from accord.cli.releases.desk import FINDINGS, Desk
from accord.cli.releases.handing import Handed, hand_over_waiting
from accord.cli.releases.releasing import combine, hold_back, resting_of, shares_of, tally_of
from accord.journal import book
from accord.operations.actions import record_actions
from accord.reference.store import Reference
from accord.release.basis import classes_of
from accord.release.batches import Batch, Draft, Judged, Resting, Source, generations, portions
from accord.release.channels import Channel, Member, find_channel, load_channels, recipient
from accord.release.disclosures import Disclosure, record_disclosure
from accord.release.handing import permissible
from accord.release.policy import Terms
from accord.release.recall import demand_ended
from accord.release.view import StoredView
from accord.reports import stix
from accord.reports.bundle import put_objects
from accord.reports.versions import version_of, versioned
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.errors import OutputError, SettingsError
from accord.vocabulary.markings import MARKINGS, Marking
from accord.workspace.database import Database
from accord.workspace.jobs import JobKind, queue

_TOGETHER = 5_000
"""Rows of one transaction, about: whoever else wants to write waits less than a second for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """What was put into a channel."""

    channel: Channel
    objects: int
    findings: int
    disclosures: tuple[Disclosure, ...]
    """One for each member; none: nothing was new."""
    kept_back: tuple[str, ...]
    """A line for each rule that keeps whole data sets back."""
    handed: Handed


def put_into_channel(
    desk: Desk, file: Path, name: str, *, purpose: Purpose | None, reference: Reference, progress: Progress
) -> Put:
    """Put what an operation finds into a channel: what is new there, or says something else than before.

    Raises AccordError; what was committed before stays.
    """
    with desk.ledger.database.reading() as connection:
        channel = find_channel(load_channels(connection), name)
        demand_ended(connection)
    if not channel.members:
        raise SettingsError(
            "The channel has no member: an empty audience reaches nobody.",
            where=f"channel {channel.id}",
            remedy="name who takes part in [[channel.member]], then `accord channel apply`",
        )
    if purpose not in {None, channel.purpose}:
        raise SettingsError(
            f"Channel {channel.id} is for another purpose.",
            where="--purpose",
            expected=channel.purpose,
            got=str(purpose),
        )
    now = datetime.now(UTC)
    gathered = gather(
        desk.workspace, desk.ledger.database, file, channel.purpose, of=f"channel {channel.id}", out_at=now
    )
    terms = gathered.terms(gathered.register, now)
    combine(desk, gathered)
    hold_back(desk, gathered)
    with (
        desk.workspace.staging() as staging,
        channel_views(
            gathered.operation,
            staging,
            channel=channel.id,
            audience=channel.audience(gathered.register),
            reference=reference,
            workers=cores(),
            progress=progress,
            arrivals=gathered.arrivals,
            terms=terms,
        ) as views,
    ):
        return put_views(desk, gathered, terms, channel, views, progress)


def put_views(
    desk: Desk,
    gathered: Gathered,
    terms: Terms,
    channel: Channel,
    views: Sequence[tuple[StoredView, Path]],
    progress: Progress,
) -> Put:
    """Put what is new in views for a channel, with their TRACES, and show what the ledger's quorum covers.

    `terms`: those that they were made under. Raises AccordError.
    """
    database = desk.ledger.database
    database.expect_bulk()
    with database.writing() as connection:
        at = book.moment(connection, datetime.now(UTC))
        _demand_unchanged(connection, gathered, terms, channel, at)
        batch = Batch(connection, channel, at=at, in_parts=True)
        back = kept_back(connection, at)
    written = Written(database, batch, channel, back)
    traces = _put(written, views, gathered, terms, progress)
    made: tuple[Disclosure, ...] = ()
    if batch.findings:
        made = end_put(desk, gathered, terms, written, traces)
    else:
        remove_begun(database)
    lines = withholding.kept_back(gathered.operation, terms, channel.audience(gathered.register))
    return Put(
        channel=channel,
        objects=batch.objects if made else 0,
        findings=len(batch.findings),
        disclosures=made,
        kept_back=() if lines == (withholding.NO_RULE,) else lines,
        handed=hand_over_waiting(desk),
    )


def end_put(
    desk: Desk, gathered: Gathered, terms: Terms, written: "Written", traces: pa.Table
) -> tuple[Disclosure, ...]:
    """End a batch that is written, with a disclosure for each member to which something is new. Raises AccordError."""
    channel, batch = written.channel, written.batch
    made: list[Disclosure] = []
    with desk.ledger.database.writing() as connection, ExitStack() as folders:
        at = book.moment(connection, datetime.now(UTC))
        _demand_unchanged(connection, gathered, terms, channel, at)
        written.demand_unchanged(connection, at, gathered.operation.name)
        batch.on(connection).rest(written.resting)
        for member in channel.members:
            # who knew of it is disclosed nothing by what is put once more for others
            mine = _of(traces, batch.new_to(member))
            if len(mine):
                made.append(_disclose(desk, connection, gathered, terms, channel, member, mine, batch, at, folders))
        batch.end()
    return tuple(made)


def _demand_unchanged(connection: Connection, gathered: Gathered, terms: Terms, channel: Channel, at: datetime) -> None:
    """Raise OutputError unless the rules permit what they did, and the channel is as it was."""
    audience = channel.audience(gathered.register)
    promised = terms.grid(gathered.operation.datasets, audience)
    now = now_permitted(connection, gathered, at)
    permitted = now.grid(gathered.operation.datasets, audience)
    names = [one.id for one in gathered.operation.datasets]
    marked = [permissible(each.release, audience, names) for each in (terms, now)]
    if (promised & ~permitted).any() or marked[0] != marked[1] or load_channels(connection).get(channel.id) != channel:
        raise _changed(gathered.operation.name, channel)


def _changed(operation: str, channel: Channel) -> OutputError:
    return OutputError(
        "What may be released has changed while it was made ready; nothing was put into the channel.",
        where=f"operation {operation}, channel {channel.id}",
        remedy="`accord agreement list` and `accord channel show` say what holds; then call it again",
    )


class Written:
    """Writes drafts into a batch, a few at a time; whoever else wants the database gets it in between."""

    def __init__(self, database: Database, batch: Batch, channel: Channel, back: frozenset[str]) -> None:
        self.batch = batch
        self.back = back
        """The findings that analysts keep back."""
        self.resting: dict[str, Resting] = {}
        self._database = database
        self.channel = channel
        self._generations: dict[str, int] = {}

    def generations(self, findings: Collection[str]) -> dict[str, int]:
        """How often objects of findings were taken away, before anything is written of them."""
        with self._database.reading() as connection:
            found = generations(connection, self.channel.id, findings)
        self._generations |= found
        return found

    def rest(self, resting: Mapping[str, Resting]) -> None:
        """Say on what findings rest, before anything is written of them."""
        self.resting |= resting
        with self._database.writing() as connection:
            self.batch.on(connection).know(resting)

    def put(self, drafts: Iterable[Draft]) -> None:
        """Write what is new of drafts, but for those that tell of nothing but what is kept back."""
        judged = Judged()
        for some in portions(one for one in drafts if not _is_back(one, self.back)):
            # only whoever has the workspace changes what is read here, or takes away findings: that is asked at the end
            with self._database.reading() as connection:
                judged += self.batch.on(connection).judge(some, _versioned)
            if len(judged) >= _TOGETHER:
                self._write(judged)
                judged = Judged()
        self._write(judged)

    def _write(self, judged: Judged) -> None:
        if not judged:
            return
        with self._database.writing() as connection:
            self.batch.on(connection).write(judged)

    def demand_unchanged(self, connection: Connection, at: datetime, operation: str) -> None:
        """Raise OutputError if something of it was taken away, or is kept back, by now."""
        taken = generations(connection, self.channel.id, self.resting) != self._generations
        if taken or not kept_back(connection, at).isdisjoint(self.resting):
            raise _changed(operation, self.channel)


class _Drafts:
    """Collects a view's objects as drafts."""

    def __init__(self) -> None:
        self.own: list[Draft] = []
        self.shared: dict[str, Draft] = {}
        """Observables and families of all views so far."""
        self._markings: dict[str, tuple[str, ...]] = {}
        """What these are marked with."""

    def put(self, thing: stix.Object, about: Collection[str]) -> None:
        """A domain or relationship object."""
        if isinstance(thing, stix.Malware):
            self._share(thing, thing.modified, about)
        else:
            self.own.append(_draft(thing, thing.modified, about, shared=False))

    def put_observable(self, thing: stix.Observable, about: Collection[str]) -> None:
        """A cyber observable."""
        self._share(thing, "", about)

    def put_marking(self, thing: stix.MarkingDefinition) -> None:
        """A marking-definition."""
        self.own.append(_draft(thing, "", (), shared=False))

    def _share(self, thing: stix.Malware | stix.Observable, version: str, about: Collection[str]) -> None:
        before = self.shared.get(thing.id)
        if before is not None:
            about = (*before.findings, *about)
            thing.object_marking_refs = stix.narrowed(self._markings[thing.id], thing.object_marking_refs)
        self._markings[thing.id] = thing.object_marking_refs
        self.shared[thing.id] = _draft(thing, version, about, shared=True)


def _draft(
    thing: stix.Object | stix.Observable | stix.MarkingDefinition,
    version: str,
    about: Collection[str],
    *,
    shared: bool,
) -> Draft:
    return Draft(
        object=thing.id,
        type=str(thing.__struct_config__.tag),
        version=version,
        content=stix.encode(thing).decode(),
        findings=tuple(dict.fromkeys(about)),
        shared=shared,
    )


def _put(
    written: Written,
    views: Sequence[tuple[StoredView, Path]],
    gathered: Gathered,
    terms: Terms,
    progress: Progress,
) -> pa.Table:
    """Put the objects of all views; the TRACES of the findings that something was put of."""
    drafts, seen = _Drafts(), set[str]()
    rows: list[pa.Table] = []
    for number, (stored, traces) in enumerate(views):
        progress(f"putting into {stored.sheet.channel}", number, len(views))
        view = stored.load()
        acted = view.findings.filter(pc.equal(pc.list_value_length(view.findings["review"]), 0))
        back = pa.array(sorted(written.back), pa.string())
        acted = acted.filter(pc.invert(pc.is_in(acted["finding_id"], value_set=back)))
        ids = acted["finding_id"].to_pylist()
        table = _of(pq.read_table(traces), ids)
        put_objects(view, drafts, written.generations(ids))
        written.rest(_resting(table, gathered.operation.datasets, terms))
        # a finding that is hosted in one country and registered in another is in both views, and says the same
        own = [one for one in drafts.own if one.object not in seen]
        seen.update(one.object for one in own)
        written.put(own)
        drafts.own.clear()
        rows.append(table)
    written.put(drafts.shared.values())
    if not rows:
        return pa.table({})
    return _of(pa.concat_tables(rows), written.batch.findings)


def _of(traces: pa.Table, findings: Collection[str]) -> pa.Table:
    """The traces of some findings."""
    return traces.filter(pc.is_in(traces["finding_id"], value_set=pa.array(sorted(findings), pa.string())))


def _is_back(draft: Draft, back: Collection[str]) -> bool:
    """Does an object tell of nothing but what is kept back?"""
    return bool(draft.findings) and all(one in back for one in draft.findings)


def _resting(traces: pa.Table, datasets: Sequence[Dataset], terms: Terms) -> dict[str, Resting]:
    """By finding its policy classes and the deliveries behind it."""
    parts: defaultdict[str, set[tuple[str, str, bool]]] = defaultdict(set)
    behind: defaultdict[str, set[Source]] = defaultdict(set)
    for row in zip(*(traces[name].to_pylist() for name in _TRACED), strict=True):
        finding, dataset, delivery, marking, personal = row
        parts[finding].add((dataset, marking, personal))
        behind[finding].add((DatasetId(dataset), delivery))
    known = {one: classes_of(one, datasets, terms) for one in {frozenset(each) for each in parts.values()}}
    return {finding: (known[frozenset(each)], frozenset(behind[finding])) for finding, each in parts.items()}


_TRACED = ("finding_id", "dataset", "delivery", "marking", "personal")


def _versioned(draft: Draft, standing: str) -> Draft:
    """The draft with the version that follows from what stands."""
    known = version_of(standing.encode())
    if known is None or not draft.version:
        return draft
    content = versioned(draft.content.encode(), known)
    after = version_of(content)
    return draft if after is None else replace(draft, content=content.decode(), version=after.modified.decode())


def _disclose(
    desk: Desk,
    connection: Connection,
    gathered: Gathered,
    terms: Terms,
    channel: Channel,
    member: Member,
    traces: pa.Table,
    batch: Batch,
    at: datetime,
    folders: ExitStack,
) -> Disclosure:
    """Record what is disclosed to one member; its folder appears before anything is committed."""
    identifier = uuid4()
    tally = tally_of(traces, _markings(traces))
    reader = recipient(channel, member, gathered.register)
    embargo = gathered.operation.embargo
    disclosure = record_disclosure(
        connection,
        Disclosure(
            id=identifier,
            made_at=at,
            operation=gathered.operation.name,
            recipient=member.partner,
            country=member.country,
            purpose=channel.purpose,
            channel=channel.id,
            batch=batch.number,
            marking=max(tally.markings.values(), key=MARKINGS.index),
            findings=tally.findings,
            sealed=batch.digest,
            fingerprint=None,
            secret=None,
            entries=range(0),
            handed_over_at=None,
            received_at=None,
        ),
        shares_of(desk, gathered, terms, reader, tally),
        tally.sources,
        draw=secrets.token_bytes,
        opens_at=at if embargo is None else max(at, embargo),
    )
    if channel.public(gathered.register) != member:
        # nobody in particular is asked to act on what everybody may read
        record_actions(connection, identifier, tally.traces, simulated=gathered.operation.simulated)
    record(
        connection,
        Processing.DISCLOSURE,
        person=desk.actor.person,
        justification=desk.actor.justification or f"operation {gathered.operation.name}",
        object=f"disclosure {identifier}",
        recipients=[member.partner],
        now=at,
    )
    if embargo is not None and embargo > at:
        queue(connection, JobKind.NOTIFY, {"person": desk.actor.person}, now=at, not_before=embargo)
    staging = folders.enter_context(desk.workspace.staging())
    new = staging / "new"
    new.mkdir()
    pq.write_table(resting_of(tally.traces), new / FINDINGS)
    (new / OBJECTS).write_text(batch.listing, "ascii")
    desk.workspace.publish(new, desk.place(identifier))
    return disclosure


def _markings(traces: pa.Table) -> dict[DatasetId, Marking]:
    """By data set the strictest marking of what is disclosed of it."""
    found: dict[DatasetId, Marking] = {}
    for row in traces.group_by(["dataset", "marking"]).aggregate([]).to_pylist():
        name, marking = DatasetId(row["dataset"]), Marking(row["marking"])
        found[name] = max(marking, found.get(name, marking), key=MARKINGS.index)
    return found
