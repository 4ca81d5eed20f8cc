"""What a person meets who asks what is held about a value, has it corrected or erased, around `cli.rights.holders`.

Erasing: all is looked for; then the recall of kind erased, its notices, the entries in the ledger and the row in the
log of consultations are recorded, in one transaction, in which packages that wait to be handed over are refused; then
each holder lets go, each place in one step; then the ledger is published, the notices are written, and it is done.
Killed in between, the same command goes on: of what was recorded nothing is recorded again.
"""

import secrets
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection

from accord.access.consultations import Processing, consultations, record, value_object
from accord.agreements.declarations import DatasetId, PartnerId
from accord.cli.acting import Actor, log
from accord.cli.channels.witnessing import take_out
from accord.cli.check.finding import PublishedAbout, published_about
from accord.cli.check.publishing import narrow
from accord.cli.deliveries.adds import demand_taken
from accord.cli.deliveries.given_up import GivenUp, remove
from accord.cli.deliveries.settling import working
from accord.cli.hub import OpenHub, opened_hub
from accord.cli.places import reference_in_use
from accord.cli.releases.handed import end_waiting
from accord.cli.rights.corrections import kept_out_in_words, kept_out_told
from accord.cli.rights.holders import (
    Held,
    Shown,
    Subject,
    erase_delivery,
    erase_releases,
    erase_snapshots,
    finding_ids_of,
    findings_about,
    held_deliveries,
    held_snapshots,
    read_subject,
    roles_held,
    shown_with,
)
from accord.cli.rights.recalling import all_notices, fit, hand_out, held_by, tell, tell_notices
from accord.cli.rights.untaken import held_given_up
from accord.cli.rights.ways import Ways, ways_of
from accord.cli.terminal import counted, say, say_json
from accord.journal import book
from accord.journal.facts import Fact, Kind
from accord.operations.outcomes import Standing, about, forget_about
from accord.reference.store import Reference
from accord.release.channels import ChannelId
from accord.release.decisions import forget_decisions, load_decisions
from accord.release.disclosures import Disclosure, disclosures, forget_given
from accord.release.erased import AGAIN, ALLOWED, kept_out, mac_of, note_erased
from accord.release.notices import RecallKind, SuppliedNotice
from accord.release.recall import (
    Concerned,
    Recall,
    SentNotice,
    ended,
    notices,
    record_recall,
    record_supplied,
    unfinished,
)
from accord.release.reviews import Decision
from accord.release.supplied import SuppliedDelivery, digest, encode_supplied, seal_value
from accord.release.withdrawals import holding, resting_on
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.roles import ROLES, Role
from accord.workspace.jobs import Job, JobState, forget_jobs, naming


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All that is held about a subject."""

    deliveries: tuple[Held, ...]
    snapshots: tuple[int, ...]
    disclosed: tuple[tuple[Disclosure, tuple[str, ...], tuple[str, ...]], ...]
    """Who got it: the findings by their ids, and the data sets that they rest on."""
    ids: frozenset[str]
    shown: tuple[Shown, ...]
    """Findings that the value stands in because a resolution says so."""
    decisions: tuple[Decision, ...]
    """What analysts decided of findings about it."""
    outcomes: tuple[Standing, ...]
    """What recipients said became of it, or name it in."""
    jobs: tuple[Job, ...]
    """What is to be done or was done with a file that is named by it, or failed at it."""
    given_up: tuple[GivenUp, ...]
    """Uploads and adds that hold it and were never taken in."""
    check: PublishedAbout | None
    """What is published for the persons concerned; of an IPv6 address for all of its /64."""

    @property
    def empty(self) -> bool:
        """Is nothing held, and nobody was given anything?"""
        held = (
            self.deliveries,
            self.given_up,
            self.snapshots,
            self.disclosed,
            self.decisions,
            self.outcomes,
            self.jobs,
        )
        return not any(held)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasing:
    """What holders are to forget, as far as it was recorded."""

    hub: OpenHub
    subject: Subject
    reference: Reference
    recall: Recall
    ids: frozenset[str]
    """Of findings about the subject, as far as what says so is still there: what says it goes last."""


Eraser = Callable[[Erasing], None]
"""Lets one holder forget a subject: done again, it does what is left."""


def _erase_deliveries(one: Erasing) -> None:
    for held in [*held_deliveries(one.hub, one.subject, one.reference)]:
        if held.received_at <= one.recall.at:
            erase_delivery(one.hub, held, one.subject, one.recall.kind.value, one.recall.at)


def _erase_snapshots(one: Erasing) -> None:
    erase_snapshots(one.hub, one.subject)


def _erase_releases(one: Erasing) -> None:
    erase_releases(one.hub, one.ids)


def _erase_outcomes(one: Erasing) -> None:
    with one.hub.database.writing() as connection:
        forget_about(connection, [bytes.fromhex(each) for each in one.ids], one.subject.held)


def _erase_decisions(one: Erasing) -> None:
    with one.hub.database.writing() as connection:
        forget_decisions(connection, one.ids)


def _erase_channels(one: Erasing) -> None:
    with one.hub.database.writing() as connection:
        at = book.later(connection, one.recall.at)
        take_out(connection, holding(connection, one.ids), at, recall=one.recall.id, person="accord")


def _ids_about(hub: OpenHub, subject: Subject) -> frozenset[str]:
    """The ids of findings about a subject; those about others that a resolution showed with it are none of them."""
    said = findings_about(hub, subject).union(*(each for _, each in held_snapshots(hub, subject)))
    return finding_ids_of(said | {(subject.indicator.kind.value, subject.indicator.value)}, hub.key, subject.roles)


def _erase_given_up(one: Erasing) -> None:
    remove(one.hub.workspace, one.hub.database, held_given_up(one.hub, one.subject, one.reference))


def _erase_jobs(one: Erasing) -> None:
    with one.hub.database.writing() as connection:
        forget_jobs(connection, naming(connection, one.subject.held))


def _erase_check(one: Erasing) -> None:
    justification = f"recall {one.recall.id}"
    narrow(one.hub, Actor(person="accord", justification=justification), now=one.recall.at)


HOLDERS: tuple[Eraser, ...] = (
    _erase_decisions,  # what analysts decided of findings about it, which snapshots tell
    _erase_channels,  # what members find in channels; hardly ever more than was taken out when it was recorded
    _erase_releases,  # what recipients got, and what was never handed over
    _erase_outcomes,  # what they were asked about it, and what they said
    _erase_given_up,  # what partners handed over and was never taken in, while its jobs say where it lies
    _erase_jobs,  # what was to be done with files that it names, and what came of it
    _erase_snapshots,  # before deliveries: what was found of them goes first
    _erase_deliveries,  # bytes, evidence, rejects, resolutions, account; recalled ones too
    _erase_check,  # what is published for the persons concerned, made anew from what is left of the deliveries
)
"""A line each, in the order in which they forget. Whoever holds values of persons in a workspace stands here."""


def find(folder: Path, value: str, actor: Actor, *, now: datetime, as_json: bool) -> None:
    """Print what is held about a value, once it is logged who asks."""
    reference = reference_in_use()
    subject = read_subject(value, reference)
    with opened_hub(folder) as hub:
        found = _found(hub, subject, reference)
        name = value_object(subject.indicator, hub.key)
        log(hub.database, actor, Processing.CONSULTATION, [name], now=now)
        with hub.database.reading() as connection:
            before = [(one, len(notices(connection, recall=one.id))) for one in ended(connection, name)]
            out = kept_out(connection, mac_of(subject.indicator, hub.key))
            again = stated_again(connection, name)
            allowed = _allowed(connection, name)
    if as_json:
        told = {
            "recalls": [str(one.id) for one, _ in before],
            "allowed": [{"at": at.isoformat(), "person": person, "why": why} for at, person, why in allowed],
            "kept_out": kept_out_told(out),
            "stated_again": again,
        }
        say_json(_told(hub, subject, found) | told)
        return
    for recall, sent in before:
        say(f"{recall.kind} on {recall.at:%Y-%m-%d}{_as_what(recall.roles)}, with {counted(sent, 'notice')} to those "
            f"who had been given it: `accord recall show {recall.id}`")  # fmt: skip
        if recall.kind is RecallKind.CORRECTED:
            say(f"  {recall.reason}")
    for at, person, why in allowed:
        say(f"allowed again on {at:%Y-%m-%d} by {person}: {why}")
    if out is not None:
        say(kept_out_in_words(out))
    for delivery in again:
        say(f"  stated again in {delivery}, and not used")
    if found.empty:
        say("Nothing more is held." if before else "Nothing is held, and nobody was given anything.")
        return
    for held in found.deliveries:
        say(f"data set {held.folder.dataset}, of {_partner(hub, held.folder.dataset)}, {held.file}"
            f"{', recalled' if held.recalled else ''}")  # fmt: skip
        say(f"  received {held.received_at:%Y-%m-%d %H:%M} UTC, SHA-256 {held.folder.sha256}")
        say(f"  delivered: {_where(held)}")
        say(f"  {counted(held.evidence, 'row')} of evidence, {counted(held.sightings, 'sighting')}; "
            f"{held.rejects} rejected, {held.resolutions} resolutions")  # fmt: skip
    for one in found.decisions:
        say(f"decision of {one.at:%Y-%m-%d} by {one.person}: {one.answer}, {one.justification}")
    if found.snapshots:
        say(f"snapshots: {', '.join(map(str, found.snapshots))}")
    for disclosure, ids, _ in found.disclosed:
        handed = disclosure.handed_over_at
        by = "package" if disclosure.channel is None else f"channel {disclosure.channel}, release"
        say(f"{by} {disclosure.id}: {counted(len(ids), 'finding')} to {disclosure.recipient} ({disclosure.country})"
            f" for {disclosure.purpose}, {'not handed over' if handed is None else f'{handed:%Y-%m-%d}'}")  # fmt: skip
    for each in found.outcomes:
        say(f"outcome: {each.outcome}, said {each.partner} for {each.day}{', with a note' if each.note else ''}")
    for job in found.jobs:
        say(f"job {job.number} ({job.kind}), {job.state}: names it")
    for untaken in found.given_up:
        say(f"data set {untaken.dataset}, of {_partner(hub, untaken.dataset)}: {_untaken(untaken)}")
    if found.check is not None:
        say(f"check data {found.check.version}: tells whoever it is about, as seen last on {found.check.last_seen}"
            f"{', ' + ', '.join(found.check.families) if found.check.families else ''}")  # fmt: skip


def erase(
    folder: Path,
    value: str,
    kind: RecallKind,
    reason: str,
    due_days: int,
    out: Path | None,
    actor: Actor,
    *,
    now: datetime,
    as_json: bool,
    wrong: Sequence[str] = (),
) -> None:
    """Erase what is held about a value, because it must go or because it is wrong, and tell who was given it.

    `wrong`: it is wrong in these roles alone, and what else is said of it stays.
    """
    reference = reference_in_use()
    subject = read_subject(value, reference, read_roles(wrong))
    for text, option in ((reason, "--why"), (actor.person, "--person"), (actor.justification, "--why")):
        if subject.spellings.held(text):
            # the log and the ledger are never changed, and notices go to others
            raise SettingsError("A reason must not hold the value itself.", where=option, remedy="say it without")
    reason = fit(reason, "--why")
    with opened_hub(folder, to_write=True) as hub, working(hub.workspace, hub.database):
        demand_taken(hub.workspace, hub.database)
        hub.ledger.verify_standing()
        name = value_object(subject.indicator, hub.key)
        with hub.database.reading() as connection:
            begun = unfinished(connection, name)
        for one in begun:
            about_it = replace(subject, roles=None if one.roles is None else frozenset(one.roles))
            _finish(hub, about_it, reference, one, now)
            if out is not None:
                hand_out(hub, one, out)
        found = _found(hub, subject, reference)
        otherwise = roles_held(hub, replace(subject, roles=None)) if found.empty and subject.roles is not None else {}
        recall: Recall | None = None
        refused: tuple[Disclosure, ...] = ()
        sent: tuple[SentNotice, ...] = ()
        ways: Ways = {}
        if not found.empty or (kind is RecallKind.CORRECTED and not begun and not _noted(hub, subject)):
            supplied = _supplied(hub, subject, reference, found.deliveries)
            due = timedelta(days=due_days)
            recall, refused = _recorded(hub, found, subject, supplied, kind, reason, due, actor, now)
            recall = _finish(hub, subject, reference, recall, now)
            if out is not None:
                hand_out(hub, recall, out)
            with hub.database.reading() as connection:
                sent = all_notices(connection, recall.id)
                ways = ways_of(connection, hub.declared.mail, sent)
        hub.database.forget()
    if as_json:
        say_json({
            "recall": None if recall is None else str(recall.id),
            "completed": [str(one.id) for one in begun],
            "refused": [str(one.id) for one in refused],
            "erased": _told(hub, subject, found),
            "held_as": otherwise,
        })  # fmt: skip
        return
    for one in begun:
        say(f"Ended what was begun on {one.at:%Y-%m-%d %H:%M} UTC: recall {one.id}.")
    if recall is None:
        if kind is RecallKind.CORRECTED and not begun:
            say(f"Corrected before, and nothing of it is held{_as_what(read_roles(wrong))}: nothing changes.")
            _say_otherwise(otherwise)
        else:
            say("Nothing is held." if not begun else "Nothing more is held.")
        return
    for held in found.deliveries:
        say(f"{held.folder.dataset}, {subject.spellings.without(held.file, '[erased]')}: {_gone(held)}")
    for untaken in found.given_up:
        say(f"{untaken.dataset}: {_untaken(untaken)} is removed whole; it was never taken in")
    for job in found.jobs:
        if job.state is JobState.WAITING:
            say(f"job {job.number} ({job.kind}) names it and is never done: what it was to take is not taken")
    for package in refused:
        say(f"refused, and never handed over: {package.id} to {package.recipient}; `accord release make` seals it anew")
    if found.empty:
        held_as = _as_what(recall.roles)
        say(f"Nothing of it is held{held_as}: what is delivered from now on is treated as the correction says.")
        _say_otherwise(otherwise)
    say(f"Recall {recall.id}:")
    tell_notices(folder, recall, sent, ways)


def _found(hub: OpenHub, subject: Subject, reference: Reference) -> Found:
    deliveries = tuple(held_deliveries(hub, subject, reference))
    snapshots = held_snapshots(hub, subject)
    said = {(subject.indicator.kind.value, subject.indicator.value)}
    said = said.union(*(one.findings for one in deliveries), *(each for _, each in snapshots))
    ids = finding_ids_of(frozenset(said), hub.key, subject.roles)
    shown = shown_with(hub, deliveries)
    with hub.database.reading() as connection:
        given = [one for one in disclosures(connection) if one.refused_at is None]
        disclosed = [(one, *_given(hub, one.id, ids, shown)) for one in given]
        decisions = load_decisions(connection, ids)
        outcomes = about(connection, [bytes.fromhex(one) for one in ids], subject.held)
        jobs = naming(connection, subject.held)
    return Found(
        deliveries=deliveries,
        snapshots=tuple(one.number for one, _ in snapshots),
        disclosed=tuple(one for one in disclosed if one[1]),
        ids=ids,
        shown=shown,
        decisions=decisions,
        outcomes=outcomes,
        jobs=jobs,
        given_up=held_given_up(hub, subject, reference),
        check=published_about(hub, subject.indicator),
    )


def _given(
    hub: OpenHub, disclosure: UUID, ids: frozenset[str], shown: Sequence[Shown]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    held = held_by(hub, disclosure)
    if held is None:
        return (), ()
    wanted = _among(held["finding_id"], ids)
    for one in shown:
        by_it = pc.and_(pc.equal(held["dataset"], one.dataset), _among(held["delivery"], one.deliveries))
        wanted = pc.or_(wanted, pc.and_(by_it, _among(held["finding_id"], one.ids)))
    mine = held.filter(wanted)
    return tuple(sorted({*mine["finding_id"].to_pylist()})), tuple(sorted({*mine["dataset"].to_pylist()}))


def _among(column: pa.ChunkedArray, some: Collection[str]) -> pa.ChunkedArray:
    return pc.is_in(column, value_set=pa.array(sorted(some), column.type))


def _in_channels(connection: Connection, found: Found) -> dict[ChannelId, frozenset[str]]:
    """By channel the findings in it that hold the value, or rest on a resolution that shows it."""
    concerned = dict(holding(connection, found.ids))
    for one in found.shown:
        for channel, findings in resting_on(connection, DatasetId(one.dataset), one.deliveries).items():
            concerned[channel] = concerned.get(channel, frozenset()) | (findings & one.ids)
    return concerned


def _recorded(
    hub: OpenHub,
    found: Found,
    subject: Subject,
    supplied: Mapping[PartnerId, Sequence[SuppliedDelivery]],
    kind: RecallKind,
    reason: str,
    due: timedelta,
    actor: Actor,
    now: datetime,
) -> tuple[Recall, tuple[Disclosure, ...]]:
    """The recall as it is recorded, and the packages that waited and are refused: nobody is told of these."""
    name = value_object(subject.indicator, hub.key)
    with hub.database.writing() as connection:
        at = book.moment_meanwhile(connection, now)
        recall = Recall(
            id=uuid4(),
            at=at,
            kind=kind,
            dataset=None,
            delivery=None,
            subject=name,
            reason=reason,
            due=at + due,
            done_at=None,
            roles=None if subject.roles is None else tuple(sorted(subject.roles)),
        )
        forget_given(connection)
        why = f"recall {recall.id} concerns it"
        ended = [
            end_waiting(connection, hub.workspace.root, one, why, at, person=actor.person)
            for one, _, _ in found.disclosed
            if one.waits
        ]
        refused = tuple(one for one in ended if one.refused_at is not None)
        given = [one for one in found.disclosed if one[0].id not in {each.id for each in refused}]
        concerned = [_concerned(hub, *one) for one in given]
        facts = _facts(hub, found.deliveries, at)
        note_erased(connection, mac_of(subject.indicator, hub.key), kind, at, subject.roles)
        numbers = record_recall(connection, recall, concerned, facts, key=hub.ledger.key, draw=secrets.token_bytes)
        entries = dict(zip(_reached(found.deliveries), numbers, strict=True))
        _tell_suppliers(connection, hub, recall, subject, supplied, entries)
        take_out(connection, _in_channels(connection, found), at, recall=recall.id, person=actor.person)
        _log(connection, recall, name, sorted({one.recipient for one, _, _ in given}), actor)
    return recall, refused


def _log(connection: Connection, recall: Recall, name: str, recipients: Sequence[str], actor: Actor) -> None:
    record(
        connection,
        Processing.ALTERATION if recall.kind is RecallKind.CORRECTED else Processing.ERASURE,
        person=actor.person,
        justification=recall.reason,
        object=name,
        recipients=recipients,
        now=recall.at,
    )


def _facts(hub: OpenHub, deliveries: Sequence[Held], at: datetime) -> list[Fact]:
    """An entry for each data set: how many records it reached, and nothing of what or whom."""
    facts = []
    for name, count in _reached(deliveries).items():
        dataset = hub.dataset(name)
        facts.append(
            Fact(
                kind=Kind.ERASURE,
                at=at,
                dataset=hub.called(name),
                origin=None if dataset is None else dataset.origin,
                partner="" if dataset is None else hub.partner_of(dataset),
                marking=None if dataset is None else dataset.marking,
                count=count,
            )
        )
    return facts


def _reached(deliveries: Sequence[Held]) -> dict[str, int]:
    """How many records of each data set, in their order."""
    reached: defaultdict[str, int] = defaultdict(int)
    for one in deliveries:
        reached[one.folder.dataset] += one.reached
    return dict(sorted(reached.items()))


def _supplied(
    hub: OpenHub, subject: Subject, reference: Reference, deliveries: Sequence[Held]
) -> dict[PartnerId, list[SuppliedDelivery]]:
    """Who had supplied it, in what."""
    held = {(one.folder.dataset, one.folder.sha256): one for one in deliveries}
    if subject.roles is not None:
        # the lines that hold the value, in whatever role they say it is
        whole = held_deliveries(hub, replace(subject, roles=None), reference) if held else ()
        held = {place: one for one in whole if (place := (one.folder.dataset, one.folder.sha256)) in held}
    found: defaultdict[PartnerId, list[SuppliedDelivery]] = defaultdict(list)
    for (name, sha256), one in held.items():
        dataset = hub.dataset(name)
        partner = None if dataset is None else hub.partner_of(dataset)
        if partner is None or partner not in hub.register.partners:
            continue
        # where lines were cut out before, those that are left have other numbers than the partner's
        lines = None if one.cut else one.lines or None
        found[partner].append(SuppliedDelivery(dataset=name, sha256=sha256, lines=lines))
    return dict(sorted(found.items()))


def _tell_suppliers(
    connection: Connection,
    hub: OpenHub,
    recall: Recall,
    subject: Subject,
    supplied: Mapping[PartnerId, Sequence[SuppliedDelivery]],
    entries: Mapping[str, int],
) -> None:
    """Record a notice for each partner that had supplied it; its value goes to nobody else, and sealed."""
    for partner, deliveries in supplied.items():
        key = hub.register.partners[partner].age
        listed = encode_supplied(deliveries)
        sealed = None if key is None else seal_value(subject.indicator, key)
        notice = SuppliedNotice(
            recall=recall.id,
            package=uuid4(),
            recipient=partner,
            kind=recall.kind,
            roles=recall.roles,
            deliveries=len(deliveries),
            supplied=digest(listed),
            value=None if sealed is None else digest(sealed),
            entries=tuple(sorted(entries[one] for one in {each.dataset for each in deliveries})),
            at=recall.at,
            until=recall.due,
            reason=recall.reason,
        )
        record_supplied(connection, recall, notice, listed, sealed, hub.ledger.key)
    if supplied:
        record(
            connection,
            Processing.DISCLOSURE,
            person="accord",
            justification=f"recall {recall.id}: whoever had supplied it is told",
            object=value_object(subject.indicator, hub.key),
            recipients=[*supplied],
            now=recall.at,
        )


def _concerned(hub: OpenHub, disclosure: Disclosure, ids: Sequence[str], datasets: Sequence[str]) -> Concerned:
    only = hub.dataset(datasets[0]) if len(datasets) == 1 else None
    return Concerned(
        disclosure=disclosure,
        findings=tuple(bytes.fromhex(one) for one in ids),
        count=len(ids),
        dataset=hub.called(datasets[0]) if len(datasets) == 1 else "",
        origin=None if only is None else only.origin,
    )


def _finish(hub: OpenHub, subject: Subject, reference: Reference, recall: Recall, now: datetime) -> Recall:
    erasing = Erasing(hub=hub, subject=subject, reference=reference, recall=recall, ids=_ids_about(hub, subject))
    for holder in HOLDERS:
        holder(erasing)
    return tell(hub, recall, now)


def _noted(hub: OpenHub, subject: Subject) -> bool:
    """Is what is wrong of a subject kept out already?"""
    with hub.database.reading() as connection:
        out = kept_out(connection, mac_of(subject.indicator, hub.key))
    if out is None or out.roles is None:
        return out is not None
    return subject.roles is not None and subject.roles <= out.roles


def read_roles(said: Sequence[str]) -> frozenset[Role] | None:
    """The roles in which something is wrong; None: in all that is said of it. Raises SettingsError."""
    unknown = sorted({*said} - {*ROLES})
    if unknown:
        raise SettingsError(
            "There is no such role.",
            where="--wrong",
            expected="of " + ", ".join(ROLES),
            got=", ".join(unknown),
            remedy="`accord lookup VALUE` says as what it is held; without --wrong all that is said of it is wrong",
        )
    return frozenset(map(Role, said)) if said else None


def stated_again(connection: Connection, name: str) -> list[str]:
    """The deliveries that held a value after it was erased, or said what was corrected, as the log has them."""
    rows = (
        one
        for processing in (Processing.ALTERATION, Processing.ERASURE)
        for one in consultations(connection, processing=processing, about=name)
    )
    said = (one.justification.rpartition(f"{AGAIN}: ")[2] for one in rows if one.justification.startswith(AGAIN))
    return sorted({*said})


def _allowed(connection: Connection, name: str) -> list[tuple[datetime, str, str]]:
    """When a value was let be taken in again, by whom and why, as the log has it."""
    rows = consultations(connection, processing=Processing.ALTERATION, about=name)
    begins = f"{ALLOWED}: "
    return [
        (one.at, one.person, one.justification.removeprefix(begins))
        for one in rows
        if one.justification.startswith(begins)
    ]


def _as_what(roles: Iterable[Role] | None) -> str:
    return "" if roles is None else f" as {', '.join(sorted(roles))}"


def _say_otherwise(held: Mapping[str, int]) -> None:
    """Say as what else a value is held, of which a correction changes nothing. `held`: in how many deliveries each."""
    if held:
        said = ", ".join(f"{role} ({counted(count, 'delivery', 'deliveries')})" for role, count in held.items())
        options = " ".join(f"--wrong {role}" for role in held)
        say(f"It is held as {said}, which stays: where that is wrong, say {options}.")


def _untaken(one: GivenUp) -> str:
    return f"{one.kind} {one.sha256}, given up on {one.ended_at:%Y-%m-%d} (job {one.job})"


def _where(held: Held) -> str:
    if held.lines is None:
        inside = f" (in {', '.join(held.members[:5])})" if held.members else ""
        return f"in what cannot be cut{inside}"
    if not held.lines:
        return "in no line"
    shown = ", ".join(map(str, held.lines[:20]))
    return f"{counted(len(held.lines), 'line')}: {shown}{', ...' if len(held.lines) > 20 else ''}"


def _gone(held: Held) -> str:
    if held.roles is not None:
        return f"{counted(held.evidence, 'row')} of evidence gone; what was delivered stays as it is"
    if held.lines is None:
        return "what was delivered is destroyed whole: the value could not be cut out of it"
    return f"{counted(len(held.lines), 'line')} and {counted(held.evidence, 'row')} of evidence erased"


def _partner(hub: OpenHub, name: str) -> str:
    dataset = hub.dataset(name)
    return "a partner that is not known any more" if dataset is None else hub.partner_of(dataset)


def _told(hub: OpenHub, subject: Subject, found: Found) -> dict[str, object]:
    return {
        "type": subject.indicator.kind.value,
        "deliveries": [
            {
                "dataset": one.folder.dataset,
                "partner": None if hub.dataset(one.folder.dataset) is None else _partner(hub, one.folder.dataset),
                "sha256": one.folder.sha256,
                "file": subject.spellings.without(one.file, "[the value]"),
                "received_at": one.received_at.isoformat(),
                "recalled": one.recalled,
                "lines": None if one.lines is None else list(one.lines),
                "members": list(one.members),
                "evidence": one.evidence,
                "sightings": one.sightings,
                "rejects": one.rejects,
                "resolutions": one.resolutions,
            }
            for one in found.deliveries
        ],
        "snapshots": list(found.snapshots),
        "decisions": [
            {"answer": one.answer.value, "at": one.at.isoformat(), "person": one.person, "why": one.justification}
            for one in found.decisions
        ],
        "disclosures": [
            {
                "package": str(one.id),
                "recipient": one.recipient,
                "country": one.country,
                "purpose": one.purpose.value,
                "made_at": one.made_at.isoformat(),
                "handed_over_at": None if one.handed_over_at is None else one.handed_over_at.isoformat(),
                "findings": list(ids),
                "datasets": list(datasets),
            }
            for one, ids, datasets in found.disclosed
        ],
        "outcomes": [
            {
                "partner": one.partner,
                "finding": one.finding.hex(),
                "outcome": one.outcome.value,
                "date": one.day.isoformat(),
                "noted": one.note is not None,
            }
            for one in found.outcomes
        ],
        "check": None
        if found.check is None
        else {
            "version": found.check.version,
            "last_seen": found.check.last_seen.isoformat(),
            "families": list(found.check.families),
        },
        "given_up": [
            {"kind": one.kind.value, "dataset": one.dataset, "sha256": one.sha256, "job": one.job}
            for one in found.given_up
        ],
        "jobs": [{"number": one.number, "kind": one.kind.value, "state": one.state.value} for one in found.jobs],
    }
