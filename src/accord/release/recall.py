"""Recalls in the database: what was withdrawn, corrected or erased, who was told of it, and what they answered.

A recall, its notices and its entries in the ledger appear in one transaction, notices with the text that will be sent.
What follows from it (data out of use, notices written) is done afterwards, and can be done again until `done_at` is
set: so a recall that was recorded is never forgotten half-way.
"""

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row, and_, insert, select, update

from accord.agreements.declarations import DatasetId, PartnerId, PartnerKind
from accord.journal import book
from accord.journal.facts import Fact, Kind
from accord.ledger.notes import SigningKey
from accord.release.disclosures import Disclosure, load_disclosure
from accord.release.notices import Answer, Notice, RecallKind, SuppliedNotice, listed, sign_notice
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.datasets import Origin
from accord.vocabulary.errors import OutputError, SettingsError, UnreadableError
from accord.vocabulary.roles import Role
from accord.workspace.schema import DISCLOSURES, PARTNERS, RECALL_NOTICES, RECALLS, SUPPLIER_NOTICES

SUPPLIED_FILE, VALUE_FILE = "deliveries", "value.age"
"""Files beside a notice to a supplier."""

ID_BYTES = 32
"""Of a finding's id."""


class AnsweredBy(StrEnum):
    """How a recipient's answer came."""

    FILE = "file"
    """Signed, as a file that the hub's staff took in."""
    HTTP = "http"
    """Signed, sent by its own system."""
    TOKEN = "token"  # noqa: S105 -- a way, not a secret
    """In words, with the token of a mail."""
    WORD = "word"
    """In words that the hub's staff vouches for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """That something was taken back: a delivery, a data set, or what is said of one value."""

    id: UUID
    at: datetime
    kind: RecallKind
    dataset: DatasetId | None
    """None: it is about one value, wherever it came from."""
    delivery: str | None
    """SHA-256 of what was delivered, in hex; None: all of the data set up to then."""
    subject: str | None
    """The value that it is about, as an HMAC; None: it is about a data set."""
    reason: str
    due: datetime
    """When every recipient should have answered."""
    done_at: datetime | None
    """When all was done that follows from it; None: it was begun."""
    replaced_by: str | None = None
    """SHA-256 in hex of the delivery that takes the place of what is recalled; None: none does, or not yet."""
    roles: tuple[Role, ...] | None = None
    """The roles in which the value is wrong; None: it is about all that is said of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concerned:
    """A disclosure that a recall concerns."""

    disclosure: Disclosure
    findings: tuple[bytes, ...] | None
    """The ids of those that it concerns, 32 bytes each; None: all, because it is not known which."""
    count: int
    dataset: str
    """The data set's public name; empty: several."""
    origin: Origin | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentNotice:
    """A notice, and what became of it."""

    recall: UUID
    disclosure: UUID
    recipient: PartnerId
    country: CountryCode
    public: bool
    """The recipient is everybody, of whom no answer is asked: what it finds in a channel is taken away."""
    channel: str | None
    """Where it was given what the notice is about; None: in a package."""
    entry: int
    """The recall's entry in the ledger."""
    notice: bytes
    """As it is sent, signed."""
    findings: tuple[bytes, ...] | None
    """The ids of the findings that it concerns, ascending; None: all of the package."""
    due: datetime
    sent_at: datetime | None
    acknowledged_at: datetime | None
    answer: Answer | None
    note: str | None
    by_hand: bool
    """The hub's own staff has recorded the answer; nobody has signed it."""
    fetched_at: datetime | None
    """When its recipient's system first asked for it; None: it has not."""
    answered_by: AnsweredBy | None
    """None: there is no answer, or an older Accord took it."""
    supplier: bool = False
    """It goes to who had supplied what was erased or corrected; `disclosure` is its own id."""
    beside: tuple[tuple[str, bytes], ...] = ()
    """Files that go with it, by name."""

    def overdue(self, at: datetime) -> bool:
        """Is the recipient's answer late?"""
        return not self.public and self.acknowledged_at is None and self.due < at


class _Became(TypedDict):
    """What became of a notice, as any row of it says."""

    due: datetime
    sent_at: datetime | None
    acknowledged_at: datetime | None
    answer: Answer | None
    note: str | None
    by_hand: bool
    fetched_at: datetime | None
    answered_by: AnsweredBy | None


def reference(recall: UUID) -> str:
    """How the ledger's entries about a recall name it in the hub's own words."""
    return f"recall {recall}"


def standing_recall(
    connection: Connection, kind: RecallKind, dataset: DatasetId, delivery: str | None, replaced_by: str | None = None
) -> Recall | None:
    """The newest recall of this kind that reaches a delivery, or (None) all of a data set; None: there is none.

    `replaced_by`: of those alone that name this correction.
    """
    table = RECALLS.c
    wanted = select(RECALLS).where(table.kind == kind.value, table.dataset == dataset, table.subject.is_(None))
    if replaced_by is not None:
        wanted = wanted.where(table.replaced_by == replaced_by)
    whole = table.delivery.is_(None)
    wanted = wanted.where(whole if delivery is None else whole | (table.delivery == delivery))
    row = connection.execute(wanted.order_by(table.at.desc(), table.id).limit(1)).one_or_none()
    return None if row is None else _recall(row)


def recall_of(connection: Connection, dataset: DatasetId, delivery: str) -> Recall | None:
    """The newest recall, of any kind, that took a delivery out of use; None: there is none."""
    found = [one for kind in RecallKind if (one := standing_recall(connection, kind, dataset, delivery)) is not None]
    return max(found, key=lambda one: one.at, default=None)


def unfinished(connection: Connection, subject: str | None = None) -> tuple[Recall, ...]:
    """Recalls that were begun and not ended (about one value), the oldest first."""
    wanted = select(RECALLS).where(RECALLS.c.done_at.is_(None)).order_by(RECALLS.c.at, RECALLS.c.id)
    if subject is not None:
        wanted = wanted.where(RECALLS.c.subject == subject)
    return tuple(_recall(row) for row in connection.execute(wanted))


def ended(connection: Connection, subject: str) -> tuple[Recall, ...]:
    """What was taken out about one value, the oldest first."""
    here = and_(RECALLS.c.subject == subject, RECALLS.c.done_at.is_not(None))
    wanted = select(RECALLS).where(here).order_by(RECALLS.c.at, RECALLS.c.id)
    return tuple(_recall(row) for row in connection.execute(wanted))


def demand_ended(connection: Connection) -> None:
    """Raise OutputError when a recall was begun and not ended: what it takes back may still be in use."""
    for one in unfinished(connection):
        what = one.subject or f"data set {one.dataset}, {one.delivery or 'all deliveries'}"
        command = "subject erase" if one.dataset is None else "recall make"
        raise OutputError(
            "A recall was begun and has not ended: what it takes back could go out again.",
            where=f"recall {one.id} of {one.at:%Y-%m-%d %H:%M} UTC, {one.kind}",
            expected="nothing that is half taken back",
            got=what,
            remedy=f"call `accord {command}` again, as it was called then; then this",
        )


def recalls(connection: Connection) -> tuple[Recall, ...]:
    """All recalls, the oldest first."""
    return tuple(_recall(row) for row in connection.execute(select(RECALLS).order_by(RECALLS.c.at, RECALLS.c.id)))


def load_recall(connection: Connection, name: str) -> Recall:
    """One recall, by its id or the beginning of it. Raises SettingsError when that names none or several."""
    found = [one for one in recalls(connection) if str(one.id).startswith(name.lower())] if name else []
    if len(found) != 1:
        raise SettingsError(
            "There is no such recall." if not found else "Several recalls begin like this.",
            expected="a recall's id, or enough of its beginning",
            got=name,
            remedy="`accord recall list` lists them",
        )
    return found[0]


def notices(
    connection: Connection,
    *,
    recall: UUID | None = None,
    disclosure: UUID | None = None,
    recipient: PartnerId | None = None,
) -> tuple[SentNotice, ...]:
    """Notices (of one recall, about one disclosure, to one recipient), in the order of their entries."""
    wanted = (
        select(
            RECALL_NOTICES,
            RECALLS.c.due,
            DISCLOSURES.c.recipient,
            DISCLOSURES.c.country,
            DISCLOSURES.c.channel,
            PARTNERS.c.kind,
        )
        .join(RECALLS, RECALLS.c.id == RECALL_NOTICES.c.recall)
        .join(DISCLOSURES, DISCLOSURES.c.id == RECALL_NOTICES.c.disclosure)
        .join(PARTNERS, PARTNERS.c.id == DISCLOSURES.c.recipient)
        .order_by(RECALL_NOTICES.c.entry)
    )
    if recall is not None:
        wanted = wanted.where(RECALL_NOTICES.c.recall == str(recall))
    if disclosure is not None:
        wanted = wanted.where(RECALL_NOTICES.c.disclosure == str(disclosure))
    if recipient is not None:
        wanted = wanted.where(DISCLOSURES.c.recipient == recipient)
    return tuple(_notice(row) for row in connection.execute(wanted))


def supplier_notices(
    connection: Connection, *, recall: UUID | None = None, recipient: PartnerId | None = None
) -> tuple[SentNotice, ...]:
    """Notices to suppliers (of one recall, to one partner), in the order of their entries."""
    table = SUPPLIER_NOTICES.c
    wanted = (
        select(SUPPLIER_NOTICES, RECALLS.c.due, PARTNERS.c.country)
        .join(RECALLS, RECALLS.c.id == table.recall)
        .join(PARTNERS, PARTNERS.c.id == table.partner)
        .order_by(table.entry, table.partner)
    )
    if recall is not None:
        wanted = wanted.where(table.recall == str(recall))
    if recipient is not None:
        wanted = wanted.where(table.partner == recipient)
    return tuple(
        SentNotice(
            recall=UUID(row.recall),
            disclosure=UUID(row.id),
            recipient=PartnerId(row.partner),
            country=CountryCode(row.country or ""),
            public=False,
            channel=None,
            entry=row.entry,
            notice=row.notice,
            findings=None,
            supplier=True,
            beside=((SUPPLIED_FILE, row.supplied), *(() if row.sealed is None else ((VALUE_FILE, row.sealed),))),
            **_became(row),
        )
        for row in connection.execute(wanted)
    )


def told_of(
    connection: Connection, kind: RecallKind, dataset: DatasetId, delivery: str | None, replaced_by: str | None = None
) -> frozenset[UUID]:
    """The disclosures about which a notice was made that this delivery, or all of the data set (None), is recalled.

    `replaced_by`: and that names this correction.
    """
    table = RECALLS.c
    whole = table.delivery.is_(None)
    reached = whole if delivery is None else whole | (table.delivery == delivery)
    wanted = (
        select(RECALL_NOTICES.c.disclosure)
        .join(RECALLS, table.id == RECALL_NOTICES.c.recall)
        .where(table.kind == kind.value, table.dataset == dataset, reached)
    )
    if replaced_by is not None:
        wanted = wanted.where(table.replaced_by == replaced_by)
    return frozenset(UUID(row.disclosure) for row in connection.execute(wanted))


def record_recall(
    connection: Connection,
    recall: Recall,
    concerned: Collection[Concerned],
    own: Collection[Fact],
    *,
    key: SigningKey,
    draw: Callable[[int], bytes],
    correction: int | None = None,
) -> range:
    """Record a recall with its notices and entries, on a writer's connection; `recall.at` is `journal.book.moment`.

    `own`: what the hub's own entries say, whose numbers it returns; they are opened at once. The entry about a
    disclosure is opened no sooner than the disclosure's own, so that it does not tell of an operation before its
    embargo has ended. `correction`: the entry of the delivery that takes the place of what is recalled.
    """
    connection.execute(insert(RECALLS).values(**_values(recall)))
    numbers = book.append(connection, [*own], draw=draw, opens_at=recall.at, reference=reference(recall.id))
    record_notices(connection, recall, concerned, at=recall.at, key=key, draw=draw, correction=correction)
    return numbers


def record_notices(
    connection: Connection,
    recall: Recall,
    concerned: Collection[Concerned],
    *,
    at: datetime,
    key: SigningKey,
    draw: Callable[[int], bytes],
    correction: int | None = None,
) -> None:
    """Record notices of a recall that was recorded, with their entries; `at` is `journal.book.moment`."""
    for one in sorted(concerned, key=lambda each: each.disclosure.entries.start):
        disclosure = one.disclosure
        fact = Fact(
            kind=Kind.RECALL,
            at=at,
            dataset=one.dataset,
            origin=one.origin,
            partner=disclosure.recipient,
            country=disclosure.country,
            purpose=disclosure.purpose,
            marking=disclosure.marking,
            count=one.count,
            refers=disclosure.entries.start,
        )
        opens_at = _opening(connection, disclosure.entries.start, at)
        entry = book.append(connection, [fact], draw=draw, opens_at=opens_at, reference=reference(recall.id)).start
        findings = None if one.findings is None else tuple(sorted(one.findings))
        notice = Notice(
            recall=recall.id,
            package=disclosure.id,
            digest=disclosure.sealed or "0" * 64,
            entries=tuple(disclosure.entries),
            recipient=disclosure.recipient,
            kind=recall.kind,
            correction=correction,
            findings=None if findings is None else len(findings),
            listed=None if findings is None else listed(findings),
            entry=entry,
            at=at,
            until=recall.due,
            reason=recall.reason,
        )
        connection.execute(
            insert(RECALL_NOTICES).values(
                recall=str(recall.id),
                disclosure=str(disclosure.id),
                entry=entry,
                notice=sign_notice(notice, key),
                findings=None if findings is None else b"".join(findings),
            )
        )


def record_supplied(
    connection: Connection,
    recall: Recall,
    notice: SuppliedNotice,
    supplied: bytes,
    sealed: bytes | None,
    key: SigningKey,
) -> None:
    """Record a notice to a supplier, whose entries stand in the book; `supplied`, `sealed`: the files beside it."""
    connection.execute(
        insert(SUPPLIER_NOTICES).values(
            recall=str(recall.id),
            partner=notice.recipient,
            id=str(notice.package),
            entry=notice.entry,
            notice=sign_notice(notice, key),
            supplied=supplied,
            sealed=sealed,
        )
    )


def _change(connection: Connection, notice: SentNotice, values: dict[str, object], *, once: str | None = None) -> None:
    """Change what became of a notice; `once`: unless this is known."""
    table = SUPPLIER_NOTICES if notice.supplier else RECALL_NOTICES
    own = table.c.id if notice.supplier else table.c.disclosure
    here = (table.c.recall == str(notice.recall)) & (own == str(notice.disclosure))
    if once is not None:
        here &= table.c[once].is_(None)
    connection.execute(update(table).where(here).values(**values))


def record_sent(connection: Connection, notice: SentNotice, at: datetime) -> None:
    """Record that a notice was written out for its recipient. Done before, nothing changes."""
    _change(connection, notice, {"sent_at": at}, once="sent_at")


def record_fetched(connection: Connection, notice: SentNotice, at: datetime) -> None:
    """Record that a notice's recipient asked for it by itself. Done before, nothing changes."""
    _change(connection, notice, {"fetched_at": at}, once="fetched_at")


def record_done(connection: Connection, recall: Recall, at: datetime) -> Recall:
    """Record that all was done that follows from a recall."""
    connection.execute(
        update(RECALLS).where(RECALLS.c.id == str(recall.id), RECALLS.c.done_at.is_(None)).values(done_at=at)
    )
    return replace(recall, done_at=recall.done_at or at)


def find_notice(connection: Connection, recall: UUID, disclosure: UUID) -> SentNotice:
    """One notice, also to a supplier. Raises UnreadableError when there is none."""
    every = (*notices(connection, recall=recall), *supplier_notices(connection, recall=recall))
    found = [one for one in every if one.disclosure == disclosure]
    if not found:
        raise UnreadableError(
            "There is no such notice of a recall.",
            got=f"recall {recall} of package {disclosure}",
            remedy="`accord recall list` lists them",
        )
    return found[0]


def record_answer(
    connection: Connection,
    notice: SentNotice,
    answer: Answer,
    note: str,
    *,
    signed: bytes | None,
    by: AnsweredBy,
    at: datetime,
    draw: Callable[[int], bytes],
) -> bool:
    """Record what a recipient answers, with its entry; False: it was recorded before, and nothing is new.

    `signed`: the verified answer; None: it is recorded by hand, on nobody's signature. `by`: how it came.
    """
    # what is signed stands above what was recorded by hand, and takes its place
    final = notice.answer is Answer.DONE and (signed is None or not notice.by_hand)
    if final or (notice.answer is answer and notice.by_hand == (signed is None)):
        return False
    fact = Fact(
        kind=Kind.ACKNOWLEDGEMENT,
        at=at,
        partner=notice.recipient,
        country=notice.country,
        purpose=None if notice.supplier else load_disclosure(connection, notice.disclosure).purpose,
        digest="" if signed is None else hashlib.sha256(signed).hexdigest(),
        refers=notice.entry,
    )
    opens_at = _opening(connection, notice.entry, at)
    book.append(connection, [fact], draw=draw, opens_at=opens_at, reference=reference(notice.recall))
    said = {"answer": answer.value, "answer_note": note, "by_hand": signed is None, "answered_by": by.value}
    _change(connection, notice, {"acknowledged_at": at, **said})
    return True


def _opening(connection: Connection, entry: int, now: datetime) -> datetime | None:
    """When what follows from an entry is opened: with it, or now where that is past; None: never."""
    (one,) = book.kept(connection, [entry])
    return None if one.opens_at is None else max(one.opens_at, now)


def _values(one: Recall) -> dict[str, object]:
    return {
        "id": str(one.id),
        "at": one.at,
        "kind": one.kind.value,
        "dataset": one.dataset,
        "delivery": one.delivery,
        "subject": one.subject,
        "reason": one.reason,
        "due": one.due,
        "done_at": one.done_at,
        "replaced_by": one.replaced_by,
        "roles": None if one.roles is None else " ".join(one.roles),
    }


def _recall(row: Row[tuple[object, ...]]) -> Recall:
    return Recall(
        id=UUID(row.id),
        at=row.at,
        kind=RecallKind(row.kind),
        dataset=None if row.dataset is None else DatasetId(row.dataset),
        delivery=row.delivery,
        subject=row.subject,
        reason=row.reason,
        due=row.due,
        done_at=row.done_at,
        replaced_by=row.replaced_by,
        roles=None if row.roles is None else tuple(map(Role, row.roles.split())),
    )


def ids_of(joined: bytes) -> Sequence[bytes]:
    """Ids of findings that stand one after the other."""
    return [joined[at : at + ID_BYTES] for at in range(0, len(joined), ID_BYTES)]


def _notice(row: Row[tuple[object, ...]]) -> SentNotice:
    return SentNotice(
        recall=UUID(row.recall),
        disclosure=UUID(row.disclosure),
        recipient=PartnerId(row.recipient),
        country=CountryCode(row.country),
        public=row.kind == PartnerKind.PUBLIC.value,
        channel=row.channel,
        entry=row.entry,
        notice=row.notice,
        findings=None if row.findings is None else tuple(ids_of(row.findings)),
        **_became(row),
    )


def _became(row: Row[tuple[object, ...]]) -> _Became:
    return {
        "due": row.due,
        "sent_at": row.sent_at,
        "acknowledged_at": row.acknowledged_at,
        "answer": None if row.answer is None else Answer(row.answer),
        "note": row.answer_note,
        "by_hand": bool(row.by_hand),
        "fetched_at": row.fetched_at,
        "answered_by": None if row.answered_by is None else AnsweredBy(row.answered_by),
    }
