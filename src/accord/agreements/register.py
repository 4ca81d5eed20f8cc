"""The register in the database: every query about partners, data sets and agreements."""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Table, delete, exists, false, func, insert, literal, or_, select, update

from accord.agreements.agreement import (
    Agreement,
    AgreementId,
    Commitment,
    CommitmentKind,
    Ending,
    Fulfilment,
    Iep,
    Limits,
    Register,
    RegisteredDataset,
    Signatory,
    Term,
    find_fault,
)
from accord.agreements.declarations import DatasetId, Partner, PartnerId, PartnerKind
from accord.agreements.facts import agreement_facts, earlier_facts, reference
from accord.agreements.networks import Network, overlaps
from accord.agreements.reading import merged
from accord.agreements.telling import (
    ALONE,
    STATE,
    agreement_told,
    concerned,
    dataset_told,
    documents_told,
    fulfilment_told,
    partner_told,
    state_digest,
    state_told,
    whole_told,
)
from accord.journal import book
from accord.journal.facts import Kind
from accord.ledger.notes import parse_verifier_key
from accord.vocabulary.datasets import LegalBasis, Origin, Purpose, SourceGrade
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.handling import (
    Direction,
    EncryptInTransit,
    HandlingCode,
    MayOrMustNot,
    OnwardSharing,
    Pap,
    PermittedActions,
    ProviderAttribution,
    TransferGround,
)
from accord.vocabulary.markings import Marking
from accord.workspace.schema import (
    AGREEMENT_DATASETS,
    AGREEMENT_HANDLING,
    AGREEMENT_IEPS,
    AGREEMENT_PURPOSES,
    AGREEMENT_SIGNATORIES,
    AGREEMENT_TERMS,
    AGREEMENT_TRANSFERS,
    AGREEMENTS,
    CHANGES,
    COMMITMENTS,
    DATASET_SHARING,
    DATASETS,
    DISCLOSURE_SOURCES,
    FULFILMENTS,
    JOURNAL_ENTRIES,
    PARTNERS,
)

_PARTS = (
    AGREEMENT_SIGNATORIES,
    AGREEMENT_TERMS,
    AGREEMENT_IEPS,
    AGREEMENT_PURPOSES,
    AGREEMENT_HANDLING,
    AGREEMENT_TRANSFERS,
    AGREEMENT_DATASETS,
)
"""Tables of which an agreement's rows are written anew when it changes."""

Told = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of one partner, data set or agreement; `before` is None for what is new."""

    at: datetime
    noun: str
    id: str
    before: Told | None
    after: Told


def load_register(connection: Connection) -> Register:
    """All that was signed."""
    sharing = _grouped(connection, DATASET_SHARING, "dataset")
    parts = {table.name: _grouped(connection, table, "agreement") for table in (*_PARTS, COMMITMENTS)}
    return Register(
        partners={
            row.id: Partner(
                id=row.id,
                name=row.name,
                kind=PartnerKind(row.kind),
                country=row.country,
                age=row.age,
                receipts=None if row.receipts is None else parse_verifier_key(row.receipts),
                networks=tuple(map(Network, (row.networks or "").split())),
            )
            for row in _rows(connection, PARTNERS)
        },
        datasets={row.id: _dataset(row, sharing[row.id]) for row in _rows(connection, DATASETS)},
        agreements={
            row.id: _agreement(row, {name: found[row.id] for name, found in parts.items()})
            for row in _rows(connection, AGREEMENTS)
        },
    )


def record_register(
    connection: Connection, standing: Register, declared: Register, *, now: datetime, draw: Callable[[int], bytes]
) -> tuple[Change, ...]:
    """Take over what is declared; what it does not name stays. Returns what changed, in the order of the nouns.

    What that says of agreements becomes entries of the ledger, for whose salts `draw` gives random bytes. `standing` is
    what was loaded on the same connection, which must be a writer's. Raises SettingsError when something that stands
    and was not declared could not stand any more.
    """
    whole = merged(standing, declared)
    for agreement in whole.agreements.values():
        fault = find_fault(agreement, whole)
        if fault is not None:
            raise SettingsError(
                f"Agreement {agreement.id} could not stand any more.",
                where=f"agreement {agreement.id}: {fault.key}",
                expected=fault.expected,
                got=fault.got,
                remedy=fault.remedy or "change the agreement with it, in one file, by `accord agreement apply`",
            )
    demand_one_owner(whole)
    for dataset in declared.datasets.values():
        _demand_same_partner(connection, standing.datasets.get(dataset.id), dataset)
    # before what changes it
    enter_earlier(connection, now=now, draw=draw)
    for agreement in declared.agreements.values():
        _demand_as_signed(connection, standing.agreements.get(agreement.id), agreement)
    changes: list[Change] = []

    def changed(noun: str, identifier: str, before: Told | None, after: Told) -> None:
        change = Change(at=now, noun=noun, id=identifier, before=before, after=after)
        note(connection, change)
        changes.append(change)

    for partner in declared.partners.values():
        old = standing.partners.get(partner.id)
        if old != partner:
            values = partner_told(partner)
            row = values | {"networks": " ".join(partner.networks) or None}
            _put(connection, PARTNERS, row, known=old is not None)
            changed("partner", partner.id, None if old is None else partner_told(old), values)
    for dataset in declared.datasets.values():
        held = standing.datasets.get(dataset.id)
        if held != dataset:
            _put_dataset(connection, dataset, known=held is not None)
            changed("dataset", dataset.id, None if held is None else dataset_told(held), dataset_told(dataset))
    for agreement in _predecessors_first(declared.agreements):
        signed = standing.agreements.get(agreement.id)
        if signed != agreement:
            _put_agreement(connection, agreement, signed)
            before = None if signed is None else agreement_told(signed)
            changed("agreement", agreement.id, before, agreement_told(agreement))
    at = book.moment(connection, now) if changes else now
    touched = {noun: {one.id for one in changes if one.noun == noun} for noun in ("partner", "dataset")}
    for agreement, facts in agreement_facts(
        standing,
        whole,
        partners=[PartnerId(one) for one in touched["partner"]],
        datasets=[DatasetId(one) for one in touched["dataset"]],
        at=at,
    ):
        book.append(connection, facts, draw=draw, opens_at=at, reference=reference(agreement.id))
    return tuple(changes)


def demand_one_owner(register: Register) -> None:
    """Raise SettingsError where two network owners declare the same network."""
    for one in overlaps((name, partner.networks) for name, partner in register.partners.items()):
        raise SettingsError(
            f"A network has one owner, and {one.first_network} is declared by {one.first}.",
            where=f"partner {one.second}: networks",
            expected=f"networks outside of {one.first_network}",
            got=one.second_network,
            remedy="find out whose it is, and take it out of the other declaration in the same file",
        )


def _demand_as_signed(connection: Connection, before: Agreement | None, after: Agreement) -> None:
    """Raise SettingsError where another day or document stands in the place of what was signed and is entered."""
    if before is None:
        return
    for at, (old, new) in enumerate(zip(before.terms, after.terms, strict=False)):
        for key, was, would in (
            ("signed", old.signed, new.signed),
            ("document", old.document, new.document),
            ("from", old.starts, new.starts),
        ):
            if was != would:
                raise SettingsError(
                    f"What was signed does not change once it is recorded: {_resting(connection, before)}.",
                    where=f"agreement {after.id}: {f'renewal[{at}].' if at else ''}{key}",
                    expected=str(was),
                    got=str(would),
                    remedy="`accord agreement renew` adds a term on the same conditions; what is signed otherwise is "
                    "another agreement: end this one by `accord agreement end`, and record the other with this one as "
                    "its predecessor",
                )


def _demand_same_partner(connection: Connection, before: RegisteredDataset | None, after: RegisteredDataset) -> None:
    """Raise SettingsError where what one partner delivered would become another's."""
    if before is None or before.partner == after.partner:
        return
    came = _deliveries(connection, [after.id])
    if came:
        raise SettingsError(
            f"A data set stays its partner's once something was delivered for it: {came} so far.",
            where=f"dataset {after.id}: partner",
            expected=before.partner,
            got=after.partner,
            remedy="declare another data set for what the other partner delivers",
        )


def _resting(connection: Connection, agreement: Agreement) -> str:
    """What rests on an agreement, in words."""
    entries, sources = JOURNAL_ENTRIES.c, DISCLOSURE_SOURCES.c
    numbers = connection.execute(
        select(entries.number).where(entries.reference == reference(agreement.id)).order_by(entries.number)
    ).scalars()
    deliveries = _deliveries(connection, agreement.data_in)
    went = sources.dataset.in_({*agreement.data_in, *agreement.data_out})
    disclosures = connection.execute(select(func.count(sources.disclosure.distinct())).where(went)).scalar_one()
    told = f"the ledger has it in {', '.join(f'entry {one}' for one in numbers)}"
    return f"{told}; deliveries of its data sets: {deliveries}, releases: {disclosures}"


def _deliveries(connection: Connection, datasets: Collection[DatasetId]) -> int:
    """How many deliveries of some data sets the ledger has entered, whatever became of them."""
    entries = JOURNAL_ENTRIES.c
    came = [entries.reference.startswith(f"delivery {one} ", autoescape=True) for one in datasets]
    wanted = select(func.count()).select_from(JOURNAL_ENTRIES)
    return connection.execute(wanted.where(entries.kind == Kind.DELIVERY.value, or_(false(), *came))).scalar_one()


def unentered(connection: Connection) -> tuple[AgreementId, ...]:
    """Agreements of which the ledger says nothing, because they were recorded before there was one; by id."""
    entered = exists().where(JOURNAL_ENTRIES.c.reference == literal(reference(AgreementId(""))) + AGREEMENTS.c.id)
    found = connection.execute(select(AGREEMENTS.c.id).where(~entered).order_by(AGREEMENTS.c.id)).scalars()
    return tuple(AgreementId(one) for one in found)


def enter_earlier(connection: Connection, *, now: datetime, draw: Callable[[int], bytes]) -> tuple[AgreementId, ...]:
    """Enter in the ledger what was agreed before there was one, on a writer's connection; which agreements.

    The entries have the times at which it was recorded, where the ledger has no later entry yet, and else that one's.
    """
    missing = unentered(connection)
    if not missing:
        return ()
    whole = load_register(connection)
    facts = []
    for name in missing:
        times = [one.at for one in history(connection, "agreement", name) if one.noun == "agreement"] or [now]
        facts += [(fact.at, name, fact) for fact in earlier_facts(whole.agreements[name], times[0], times[-1])]
    last = book.latest(connection)
    for at, name, fact in sorted(facts, key=lambda one: one[:2]):
        last = at if last is None else max(at, last)
        book.append(connection, [replace(fact, at=last)], draw=draw, opens_at=last, reference=reference(name))
    # they may be years old, and tell nothing of the clock
    book.said_right(connection, now)
    return missing


def record_fulfilment(
    connection: Connection, agreement: Agreement, fulfilment: Fulfilment, came: Sized = ()
) -> Decimal:
    """Record what was delivered against a commitment; how much has been by now. Raises SettingsError below zero.

    `came`: the deliveries that count by themselves.
    """
    total = sum((one.amount for one in fulfilments(connection, agreement.id)
                 if one.commitment == fulfilment.commitment), Decimal(len(came)))  # fmt: skip
    if total + fulfilment.amount < 0:
        raise SettingsError(
            "No less than nothing can have been delivered.",
            where=f"agreement {agreement.id}, commitment {fulfilment.commitment}",
            expected=f"a correction of at most {total}",
            got=str(fulfilment.amount),
        )
    connection.execute(
        insert(FULFILMENTS).values(
            agreement=agreement.id,
            commitment=fulfilment.commitment,
            day=fulfilment.day,
            amount=fulfilment.amount,
            note=fulfilment.note,
            recorded_at=fulfilment.recorded_at,
        )
    )
    change = Change(
        at=fulfilment.recorded_at, noun="delivered", id=agreement.id, before=None, after=fulfilment_told(fulfilment)
    )
    note(connection, change)
    return total + fulfilment.amount


def fulfilments(connection: Connection, agreement: AgreementId) -> tuple[Fulfilment, ...]:
    """What was delivered against an agreement's commitments, in the order in which it was recorded."""
    found = connection.execute(
        select(FULFILMENTS).where(FULFILMENTS.c.agreement == agreement).order_by(FULFILMENTS.c.number)
    )
    return tuple(
        Fulfilment(
            commitment=row.commitment, day=row.day, amount=row.amount, note=row.note, recorded_at=row.recorded_at
        )
        for row in found
    )


def history(connection: Connection, noun: str, identifier: str) -> tuple[Change, ...]:
    """What became of one partner, data set or agreement, the oldest first."""
    nouns = [noun, "delivered"] if noun == "agreement" else [noun]
    found = connection.execute(
        select(CHANGES).where(CHANGES.c.noun.in_(nouns), CHANGES.c.id == identifier).order_by(CHANGES.c.number)
    )
    return tuple(
        Change(
            at=row.at,
            noun=row.noun,
            id=row.id,
            before=None if row.before is None else json.loads(row.before),
            after=json.loads(row.after),
        )
        for row in found
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """An agreement with its data sets and partners, as it was recorded from a moment on."""

    at: datetime
    told: Told


def agreement_states(connection: Connection) -> dict[str, list[State]]:
    """What each agreement was together with its data sets and partners, the oldest first.

    A change of several at once gives a state for each step of it.
    """
    rows = connection.execute(
        select(CHANGES).where(CHANGES.c.noun.in_(["partner", "dataset", "agreement"])).order_by(CHANGES.c.number)
    ).all()
    register = load_register(connection)
    # what has no history of its own was always as it is, or as the first change found it
    held: dict[str, dict[str, Told]] = {
        "partner": {name: partner_told(one) for name, one in register.partners.items()},
        "dataset": {name: dataset_told(one) for name, one in register.datasets.items()},
        "agreement": {},
    }
    for row in reversed(rows):
        if row.before is None:
            held[row.noun].pop(row.id, None)
        else:
            held[row.noun][row.id] = json.loads(row.before)
    found: dict[str, list[State]] = {}
    for row in rows:
        held[row.noun][row.id] = json.loads(row.after)
        for name, told in held["agreement"].items():
            covered, signed = concerned(told)
            if row.id in {"agreement": {name}, "dataset": covered, "partner": signed}[row.noun]:
                state = State(at=row.at, told=whole_told(told, held["dataset"], held["partner"]))
                found.setdefault(name, []).append(state)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What a digest of an agreement's entry is of."""

    document: str
    breadth: int
    """0: the document; 1: the agreement, too; 2: its data sets and partners, too. Newer versions commit to more."""


def commitments_of(connection: Connection, identifiers: Collection[str]) -> dict[str, dict[str, Committed]]:
    """What entries of each agreement commit to, by their digests, as whatever it was recorded."""
    register, states = load_register(connection), agreement_states(connection)
    found: dict[str, dict[str, Committed]] = {}
    for name in identifiers:
        changes = [one for one in history(connection, "agreement", name) if one.noun == "agreement"]
        alone = [told for one in changes for told in (one.before, one.after) if told is not None]
        whole = [one.told for one in states.get(name, ())]
        agreement = register.agreements.get(AgreementId(name))
        if agreement is not None and agreement.terms:
            alone.append(agreement_told(agreement))
            whole.append(state_told(agreement, register))
        found[name] = {
            digest: Committed(document=one, breadth=breadth)
            for told, version in [(told, ALONE) for told in alone] + [(told, STATE) for told in whole]
            for one in documents_told(told)
            for digest, breadth in ((one, 0), (state_digest(one, told, version), 1 if version == ALONE else 2))
        }
    return found


def documents_by_digest(connection: Connection, identifiers: Collection[str]) -> dict[str, dict[str, str]]:
    """Of which document an entry of each agreement is, by the entry's digest, as whatever it was recorded."""
    found = commitments_of(connection, identifiers)
    return {name: {digest: one.document for digest, one in known.items()} for name, known in found.items()}


def note(connection: Connection, change: Change) -> None:
    """Keep what became of something that is recorded, for `history`."""
    before = None if change.before is None else json.dumps(change.before, ensure_ascii=False)
    connection.execute(
        insert(CHANGES).values(
            at=change.at,
            noun=change.noun,
            id=change.id,
            before=before,
            after=json.dumps(change.after, ensure_ascii=False),
        )
    )


def _put(connection: Connection, table: Table, values: Mapping[str, object], *, known: bool) -> None:
    if known:
        connection.execute(update(table).where(table.c.id == values["id"]).values(values))
    else:
        connection.execute(insert(table).values(values))


def _put_dataset(connection: Connection, dataset: RegisteredDataset, *, known: bool) -> None:
    values = dataset_told(dataset)
    del values["share_with"]
    _put(connection, DATASETS, values | {"share_limited": dataset.share_with is not None}, known=known)
    connection.execute(delete(DATASET_SHARING).where(DATASET_SHARING.c.dataset == dataset.id))
    _insert(connection, DATASET_SHARING, [{"dataset": dataset.id, "partner": one} for one in dataset.share_with or ()])


def _put_agreement(connection: Connection, agreement: Agreement, before: Agreement | None) -> None:
    limits, ended = agreement.limits, agreement.ended
    values = {
        "id": agreement.id,
        "title": agreement.title,
        "predecessor": agreement.predecessor,
        "marking": limits.marking.value,
        "pap": _value(limits.pap),
        "handling_text": limits.handling_text,
        "retention": limits.retention,
        "onward_sharing": limits.onward_sharing.value,
        "ended_at": None if ended is None else ended.at,
        "end_reason": None if ended is None else ended.reason,
        "end_recorded_at": None if ended is None else ended.recorded_at,
    }
    _put(connection, AGREEMENTS, values, known=before is not None)
    for table in _PARTS:
        connection.execute(delete(table).where(table.c.agreement == agreement.id))
    parts: dict[Table, Sequence[Mapping[str, object]]] = {
        AGREEMENT_SIGNATORIES: [
            {"position": at, "party": one.party, "name": one.name, "capacity": one.capacity}
            for at, one in enumerate(agreement.signatories)
        ],
        AGREEMENT_TERMS: [
            {"position": at, "signed": one.signed, "document": one.document, "starts": one.starts, "ends": one.ends}
            for at, one in enumerate(agreement.terms)
        ],
        AGREEMENT_IEPS: [] if limits.iep is None else [_iep_row(limits.iep)],
        AGREEMENT_PURPOSES: [{"purpose": one.value} for one in agreement.purposes],
        AGREEMENT_HANDLING: [{"code": one.value} for one in limits.handling],
        AGREEMENT_TRANSFERS: [{"ground": one.value} for one in limits.transfers],
        AGREEMENT_DATASETS: [
            {"direction": way.value, "dataset": one} for way in Direction for one in agreement.datasets(way)
        ],
    }
    for table, rows in parts.items():
        _insert(connection, table, [{"agreement": agreement.id, **row} for row in rows])
    _put_commitments(connection, agreement)


def _put_commitments(connection: Connection, agreement: Agreement) -> None:
    """Change those that stay: what was delivered refers to them."""
    ours = COMMITMENTS.c.agreement == agreement.id
    standing = set(connection.execute(select(COMMITMENTS.c.id).where(ours)).scalars())
    gone = standing - {one.id for one in agreement.commitments}
    owed = select(FULFILMENTS.c.commitment).where(
        FULFILMENTS.c.agreement == agreement.id, FULFILMENTS.c.commitment.in_(gone)
    )
    kept = sorted(set(connection.execute(owed).scalars()))
    if kept:
        raise SettingsError(
            "A commitment against which something was delivered cannot be taken away.",
            where=f"agreement {agreement.id}",
            expected=f"commitments {', '.join(kept)} among the others",
            remedy="leave it, with the amount that was promised",
        )
    connection.execute(delete(COMMITMENTS).where(ours, COMMITMENTS.c.id.in_(gone)))
    for one in agreement.commitments:
        values = {
            "party": one.party,
            "kind": one.kind.value,
            "what": one.what,
            "amount": one.amount,
            "dataset": one.dataset,
            "due": one.due,
        }
        if one.id in standing:
            connection.execute(update(COMMITMENTS).where(ours, COMMITMENTS.c.id == one.id).values(values))
        else:
            _insert(connection, COMMITMENTS, [{"agreement": agreement.id, "id": one.id, **values}])


def _insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    if rows:
        connection.execute(insert(table), rows)


def _iep_row(iep: Iep) -> dict[str, object]:
    return {
        "iep_id": None if iep.iep_id is None else str(iep.iep_id),
        "description": iep.description,
        "start_date": iep.start_date,
        "end_date": iep.end_date,
        "encrypt_in_transit": _value(iep.encrypt_in_transit),
        "permitted_actions": _value(iep.permitted_actions),
        "affected_party_notifications": _value(iep.affected_party_notifications),
        "tlp": _value(iep.tlp),
        "provider_attribution": _value(iep.provider_attribution),
        "unmodified_resale": _value(iep.unmodified_resale),
    }


def _value(word: StrEnum | None) -> str | None:
    return None if word is None else word.value


def _predecessors_first(agreements: Mapping[AgreementId, Agreement]) -> list[Agreement]:
    """In an order in which each may refer to its predecessor; there are no circles."""
    ordered: dict[AgreementId, Agreement] = {}
    for start in agreements.values():
        chain, one = [start], start
        while one.predecessor is not None and one.predecessor in agreements and one.predecessor not in ordered:
            one = agreements[one.predecessor]
            chain.append(one)
        ordered |= {each.id: each for each in reversed(chain) if each.id not in ordered}
    return list(ordered.values())


def _rows(connection: Connection, table: Table) -> Sequence[Row[Any]]:
    return connection.execute(select(table).order_by(*table.primary_key.columns)).all()


def _grouped(connection: Connection, table: Table, name: str) -> defaultdict[str, list[Any]]:
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for row in _rows(connection, table):
        found[getattr(row, name)].append(row)
    return found


def _dataset(row: Any, sharing: Sequence[Any]) -> RegisteredDataset:  # noqa: ANN401 -- rows have no type
    return RegisteredDataset(
        id=row.id,
        title=row.title,
        partner=row.partner,
        origin=Origin(row.origin),
        legal_basis=LegalBasis(row.legal_basis),
        marking=Marking(row.marking),
        grade=SourceGrade(row.grade),
        retention=row.retention,
        personal=row.personal_data,
        name_partner=row.name_partner,
        share_with=tuple(sorted(PartnerId(one.partner) for one in sharing)) if row.share_limited else None,
        upstream=row.upstream,
    )


def _agreement(row: Any, parts: Mapping[str, Sequence[Any]]) -> Agreement:  # noqa: ANN401 -- rows have no type
    def words(table: Table, name: str) -> set[str]:
        return {getattr(one, name) for one in parts[table.name]}

    def covered(direction: Direction) -> tuple[Any, ...]:
        found = parts[AGREEMENT_DATASETS.name]
        return tuple(sorted(one.dataset for one in found if one.direction == direction.value))

    ieps = parts[AGREEMENT_IEPS.name]
    purposes = words(AGREEMENT_PURPOSES, "purpose")
    handling = words(AGREEMENT_HANDLING, "code")
    transfers = words(AGREEMENT_TRANSFERS, "ground")
    return Agreement(
        id=row.id,
        title=row.title,
        predecessor=row.predecessor,
        signatories=tuple(
            Signatory(party=one.party, name=one.name, capacity=one.capacity)
            for one in parts[AGREEMENT_SIGNATORIES.name]
        ),
        terms=tuple(
            Term(signed=one.signed, document=one.document, starts=one.starts, ends=one.ends)
            for one in parts[AGREEMENT_TERMS.name]
        ),
        purposes=tuple(one for one in Purpose if one in purposes),
        data_in=covered(Direction.IN),
        data_out=covered(Direction.OUT),
        limits=Limits(
            marking=Marking(row.marking),
            pap=None if row.pap is None else Pap(row.pap),
            iep=_iep(ieps[0]) if ieps else None,
            handling=tuple(one for one in HandlingCode if one in handling),
            handling_text=row.handling_text,
            retention=row.retention,
            onward_sharing=OnwardSharing(row.onward_sharing),
            transfers=tuple(one for one in TransferGround if one in transfers),
        ),
        commitments=tuple(
            Commitment(
                id=one.id,
                party=one.party,
                kind=CommitmentKind(one.kind),
                what=one.what,
                amount=one.amount,
                dataset=one.dataset,
                due=one.due,
            )
            for one in parts[COMMITMENTS.name]
        ),
        ended=None
        if row.ended_at is None
        else Ending(at=row.ended_at, reason=row.end_reason, recorded_at=row.end_recorded_at),
    )


def _iep(row: Any) -> Iep:  # noqa: ANN401 -- rows have no type
    def word(kind: Any, value: str | None) -> Any:  # noqa: ANN401 -- one of the closed lists below
        return None if value is None else kind(value)

    return Iep(
        iep_id=word(UUID, row.iep_id),
        description=row.description,
        start_date=row.start_date,
        end_date=row.end_date,
        encrypt_in_transit=word(EncryptInTransit, row.encrypt_in_transit),
        permitted_actions=word(PermittedActions, row.permitted_actions),
        affected_party_notifications=word(MayOrMustNot, row.affected_party_notifications),
        tlp=word(Marking, row.tlp),
        provider_attribution=word(ProviderAttribution, row.provider_attribution),
        unmodified_resale=word(MayOrMustNot, row.unmodified_resale),
    )
