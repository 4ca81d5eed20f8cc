"""Giving the keys of what stands sealed, once witnesses have cosigned it, and the rules permit it still."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Connection

from accord.agreements.agreement import Register
from accord.agreements.register import load_register
from accord.cli.acting import Actor
from accord.cli.channels.feeding import bring_feeds_up
from accord.cli.channels.witnessing import queue_once, show_witnessed
from accord.cli.check.showing import CheckShown, show_check
from accord.cli.hub import OpenHub
from accord.cli.ledgers.opening import in_words, publish
from accord.cli.releases.desk import FINDINGS, Desk, desk
from accord.cli.releases.handed import HANDOVER, PACKAGE
from accord.cli.terminal import counted
from accord.journal import book
from accord.journal.keeping import Published
from accord.release.basis import refusal
from accord.release.decisions import load_decisions
from accord.release.disclosures import (
    Disclosure,
    record_hand_over,
    record_refusal,
    waiting,
)
from accord.release.package.reading import opened_file, peek_manifest
from accord.release.package.sealing import hand_over
from accord.release.question import Release
from accord.release.recall import SentNotice, notices
from accord.release.reviews import Answer, Decision, standing
from accord.release.waiting import Reviewed
from accord.vocabulary.errors import SettingsError, UnprovenError
from accord.workspace.jobs import JobKind
from accord.workspace.keys import hub_key


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
    check: CheckShown
    """What became of check data that waited."""


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
    if over or refused:
        # the keys of what was settled
        desk.ledger.database.forget()
    if unwitnessed:
        with desk.ledger.database.writing() as connection:
            queue_once(connection, JobKind.RELEASE, desk.actor.person, now)
    shown, hidden = show_witnessed(desk.workspace.root, desk.ledger.database, published, desk.actor.person)
    bring_feeds_up(desk.workspace, desk.declared, desk.ledger.database, person=desk.actor.person, now=now)
    check = show_check(hub_of(desk), published, desk.actor.person, now=now)
    if refused or check.ended:
        # what was opened as passed on is taken back
        publish(desk.ledger, now)
    return Handed(
        over=tuple(over),
        unwitnessed=tuple(unwitnessed),
        refused=tuple(refused),
        published=published,
        shown=shown,
        hidden=hidden,
        check=check,
    )


def hub_of(desk: Desk) -> OpenHub:
    """The hub whose disclosures are worked on."""
    with desk.ledger.database.reading() as connection:
        register = load_register(connection)
    return OpenHub(
        workspace=desk.workspace,
        declared=desk.declared,
        ledger=desk.ledger,
        key=hub_key(desk.declared.hub.key_file),
        register=register,
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
    if handed.hidden or handed.check.unwitnessed:
        handed.published.demand(handed.published.size - 1)
    appeared = f", {counted(handed.shown, 'batch', 'batches')} appeared in channels" if handed.shown else ""
    refused = f", {counted(len(handed.refused), 'package')} refused" if handed.refused else ""
    return f"handed over {counted(len(handed.over), 'package')}{refused}{appeared}"


def notify_due(folder: Path, arguments: Mapping[str, object]) -> str:
    """Do a job that tells what may be told from now on: the openings that an embargo held back."""
    with desk(folder, Actor(person=str(arguments["person"]), justification="")) as one:
        return in_words(publish(one.ledger, datetime.now(UTC)))


def _settle(desk: Desk, connection: Connection, one: Disclosure) -> Disclosure:
    """Give the key of what stands sealed, or refuse it for good, on a writer's connection."""
    now = book.moment(connection, datetime.now(UTC))
    register = load_register(connection)
    if not (desk.place(one.id) / HANDOVER).exists():
        # whoever was killed after it had given the key has given it
        decided = standing(load_decisions(connection))
        why = _recalled(notices(connection, disclosure=one.id)) or _refusal(desk, register, one, decided, now)
        if why is not None:
            return record_refusal(connection, one, why, now, person=desk.actor.person, draw=secrets.token_bytes)
        _give_key(desk, register, one)
    return record_hand_over(connection, one, now)


def _give_key(desk: Desk, register: Register, one: Disclosure) -> None:
    age = register.partners[one.recipient].age
    if age is None or one.secret is None:
        raise no_key(one.recipient)
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


def no_key(*partners: str) -> SettingsError:
    """The error that says that nothing can be sealed for partners."""
    return SettingsError(
        "No package can be sealed for a recipient that has no key of its own for that.",
        where=f"partner {', '.join(sorted(partners))}",
        expected='age = "age1..." in its [[partner]]; a certificate for its mail, S/MIME or OpenPGP, opens no package',
        remedy="`accord package keys`, at the recipient, prints it; then `accord partner apply`. Meanwhile `accord "
        "release make --to` hands over to the others",
    )
