"""For an auditor at the hub: what the ledger says, held against what the hub's own books and folders say.

Both were written by the hub. What one has and the other has not is what somebody has left out or taken away.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, select

from accord.agreements.agreement import AgreementId
from accord.agreements.register import Committed, commitments_of, load_register
from accord.agreements.telling import ALONE, STATE, agreement_told, documents_told, state_digest, state_told
from accord.journal.book import kept, size
from accord.journal.facts import AGREEMENT_KINDS, TAKES_BACK, Fact, Kind, read_fact
from accord.ledger.commitments import Opening, parse_entry
from accord.release.check_versions import check_versions
from accord.release.disclosures import Disclosure, disclosures
from accord.release.recall import reference
from accord.vocabulary.errors import LedgerError
from accord.workspace.schema import (
    AGREEMENT_TERMS,
    AGREEMENTS,
    JOURNAL_ENTRIES,
    OUTCOME_REPORTS,
    PSI_SESSIONS,
    RECALL_NOTICES,
    RECALLS,
    SUPPLIER_NOTICES,
)

_AT_ONCE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """An entry, and what it says; None: its openings were destroyed, in part or whole, or contradict it."""

    number: int
    fact: Fact | None
    why: str = ""
    """Why nothing can be said of it."""
    left: Mapping[str, str] | None = None
    """What it says in the fields that were not destroyed, where others were; None: none was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """What one side has, and the other has not."""

    side: str
    """Who lacks it: `ledger`, or the books."""
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A delivery as its folder says it."""

    dataset: str
    sha256: str


def entries(connection: Connection) -> Iterator[Audited]:
    """Every entry, with what its openings say once they are verified against it."""
    end = size(connection)
    for first in range(0, end, _AT_ONCE):
        for one in kept(connection, range(first, min(first + _AT_ONCE, end))):
            yield _audited(one.number, one.entry, one.openings)


def _audited(number: int, encoded: bytes, openings: Sequence[Opening]) -> Audited:
    try:
        entry = parse_entry(encoded)
        for opening in openings:
            entry.verify(opening)
        gone = [one.name for one in entry.commitments if one.name not in {each.name for each in openings}]
        if gone:
            left = {one.name: one.value.decode() for one in openings}
            return Audited(number=number, fact=None, why=f"destroyed: {', '.join(gone)}", left=left)
        return Audited(number=number, fact=read_fact(openings))
    except (LedgerError, UnicodeDecodeError) as error:
        return Audited(number=number, fact=None, why=error.what if isinstance(error, LedgerError) else "it is no text")


def missing(connection: Connection, said: Collection[Audited], deliveries: Collection[Received]) -> tuple[Missing, ...]:
    """What the ledger has and the books have not, and the other way round."""
    known = {one.number: one.fact for one in said if one.fact is not None}
    silent = {one.number for one in said if one.fact is None}
    parts = {one.number: one.left for one in said if one.left is not None}
    # `accord ledger forget` has entered that it destroyed something
    forgotten = {fact.refers for fact in known.values() if fact.kind is Kind.ERASURE}
    forgotten |= {int(left["refers"]) for left in _of_kind(parts, Kind.ERASURE) if left.get("refers")}
    found = [
        Missing(side="books", what=f"entry {one.number}: {one.why}")
        for one in said
        if one.fact is None and not (one.left is not None and one.number in forgotten)
    ]
    found += _deliveries(known, parts, deliveries)
    found += _disclosures(known, parts, silent, disclosures(connection))
    found += _agreements(known, parts, connection)
    found += _notices(known, parts, silent, connection)
    found += _outcomes(known, silent, connection)
    found += _check_data(known, silent, connection)
    found += _taken_back(known, parts, connection)
    return tuple(found)


_PURGED = frozenset({Kind.PURGE, Kind.ERASURE})
"""Kinds of entries about deliveries that were purged; ERASURE of an older Accord."""

_Parts = Mapping[int, Mapping[str, str]]
"""What is left of entries of which something was destroyed. Where that is what the books are compared by, each such
entry may be any that they have."""


def _of_kind(parts: _Parts, *kinds: Kind) -> list[Mapping[str, str]]:
    return [left for left in parts.values() if left.get("kind") in kinds]


def _unnamed(parts: _Parts, field: str, *kinds: Kind) -> int:
    """How many entries of these kinds do not say any more what they are compared by."""
    return sum(field not in left for left in _of_kind(parts, *kinds))


def _deliveries(known: dict[int, Fact], parts: _Parts, deliveries: Collection[Received]) -> Iterator[Missing]:
    told: defaultdict[str, list[int]] = defaultdict(list)
    named = {number: fact.dataset for number, fact in known.items()}
    for number, left in parts.items():
        if left.get("kind") == Kind.DELIVERY and "digest" in left:
            told[left["digest"]].append(number)
            named[number] = left.get("dataset", "a data set")
    for number, fact in known.items():
        if fact.kind is Kind.DELIVERY:
            told[fact.digest].append(number)
    there = Counter(one.sha256 for one in deliveries)
    # the same bytes may be deliveries of several data sets, and what was purged may have come again
    gone = Counter(fact.digest for fact in known.values() if fact.kind in _PURGED)
    gone += Counter(left["digest"] for left in _of_kind(parts, *_PURGED) if "digest" in left)
    lost = [one for one in sorted(deliveries, key=lambda one: (one.dataset, one.sha256)) if one.sha256 not in told]
    if len(lost) > _unnamed(parts, "digest", Kind.DELIVERY):
        for one in lost:
            yield Missing(side="ledger", what=f"delivery {one.sha256} of data set {one.dataset}")
    for digest, numbers in told.items():
        lacking = len(numbers) - gone[digest] - there[digest]
        if lacking > 0:
            which = f"{lacking} of entries {', '.join(map(str, numbers))}" if numbers[1:] else f"entry {numbers[0]}"
            sets = ", ".join(sorted({named[number] for number in numbers}))
            yield Missing(side="books", what=f"{which}: delivery {digest} of {sets}")


def _disclosures(
    known: dict[int, Fact], parts: _Parts, silent: set[int], rows: Sequence[Disclosure]
) -> Iterator[Missing]:
    claimed: set[int] = set()
    receipts = {fact.refers for fact in known.values() if fact.kind is Kind.RECEIPT}
    receipts |= {int(left["refers"]) for left in _of_kind(parts, Kind.RECEIPT) if left.get("refers")}
    unconfirmed: list[UUID] = []
    for row in rows:
        claimed |= {*row.entries}
        for number in row.entries:
            fact = known.get(number)
            if number in silent:
                continue
            if fact is None or fact.kind is not Kind.DISCLOSURE:
                yield Missing(side="ledger", what=f"disclosure {row.id}: entry {number} is none of a disclosure")
                continue
            wrong = [
                f"{name}: the books say {ours}, the entry {theirs}"
                for name, ours, theirs in (
                    ("partner", row.recipient, fact.partner),
                    ("country", row.country, fact.country),
                    ("purpose", row.purpose, fact.purpose),
                    ("digest", row.sealed or "", fact.digest),
                    ("at", row.made_at, fact.at),
                )
                if ours != theirs
            ]
            if wrong:
                yield Missing(side="ledger", what=f"disclosure {row.id}, entry {number}: {'; '.join(wrong)}")
        if row.received_at is not None and row.entries.start not in receipts and row.entries.start not in silent:
            unconfirmed.append(row.id)
    if len(unconfirmed) > _unnamed(parts, "refers", Kind.RECEIPT):
        for one in unconfirmed:
            yield Missing(side="ledger", what=f"the receipt of disclosure {one}")
    for number, fact in known.items():
        if fact.kind is Kind.DISCLOSURE and number not in claimed:
            yield Missing(side="books", what=f"entry {number}: a disclosure to {fact.partner}, {fact.country}")
    open_ones = {row.entries.start for row in rows if row.received_at is None}
    for number, fact in known.items():
        if fact.kind is Kind.RECEIPT and fact.refers in open_ones:
            yield Missing(side="books", what=f"entry {number}: a receipt of {fact.partner}")


def _agreements(known: dict[int, Fact], parts: _Parts, connection: Connection) -> Iterator[Missing]:
    """Each term that was signed and each end has its entry, and each such entry its term or end; and the newest entry
    commits to the agreement as it is recorded."""
    signing = (Kind.AGREEMENT_SIGNED, Kind.AGREEMENT_CHANGED)
    said = [
        (number, identifier, fact.digest)
        for number, fact in known.items()
        if fact.kind in AGREEMENT_KINDS
        for identifier in fact.agreement.split()
    ]
    said += [
        (number, identifier, left["digest"])
        for number, left in parts.items()
        if left.get("kind") in AGREEMENT_KINDS and "digest" in left
        for identifier in left.get("agreement", "").split()
    ]
    digests = commitments_of(connection, {identifier for _, identifier, _ in said})
    # what does not say any more what it is of may be the newest of any agreement
    hidden = [
        number
        for number, left in parts.items()
        if left.get("kind", Kind.AGREEMENT_CHANGED) in AGREEMENT_KINDS and not {"digest", "agreement"} <= {*left}
    ]
    yield from _states(said, digests, connection, max(hidden, default=-1))
    signed = {
        (identifier, digests[identifier][digest].document if digest in digests[identifier] else digest)
        for _, identifier, digest in said
    }
    terms = {(row.agreement, row.document) for row in connection.execute(select(AGREEMENT_TERMS))}
    unsigned = sorted(terms - signed)
    if len(unsigned) <= max(_unnamed(parts, field, *signing) for field in ("agreement", "digest")):
        unsigned = []
    for identifier, document in unsigned:
        yield Missing(side="ledger", what=f"agreement {identifier}: the document {document}")
    told = {
        identifier
        for fact in known.values()
        if fact.kind is Kind.AGREEMENT_ENDED
        for identifier in fact.agreement.split()
    }
    rows = connection.execute(select(AGREEMENTS.c.id, AGREEMENTS.c.end_recorded_at)).all()
    ended = {row.id for row in rows if row.end_recorded_at is not None}
    told |= {one for left in _of_kind(parts, Kind.AGREEMENT_ENDED) for one in left.get("agreement", "").split()}
    going = sorted(ended - told)
    for identifier in going if len(going) > _unnamed(parts, "agreement", Kind.AGREEMENT_ENDED) else []:
        yield Missing(side="ledger", what=f"agreement {identifier}: that it was ended")
    names, documents = {row.id for row in rows}, {document for _, document in terms}
    for number, fact in known.items():
        for identifier in fact.agreement.split():
            if identifier not in names:
                yield Missing(side="books", what=f"entry {number}: agreement {identifier}")
            elif fact.kind is Kind.AGREEMENT_ENDED and identifier not in ended:
                yield Missing(side="books", what=f"entry {number}: that agreement {identifier} was ended")
        known_as = {digest for identifier in fact.agreement.split() for digest in digests.get(identifier, ())}
        if fact.kind is Kind.AGREEMENT_SIGNED and fact.digest not in documents | known_as:
            yield Missing(side="books", what=f"entry {number}: the document {fact.digest}")


def _states(
    said: Sequence[tuple[int, str, str]],
    digests: Mapping[str, Mapping[str, Committed]],
    connection: Connection,
    hidden: int,
) -> Iterator[Missing]:
    """The newest entry of each agreement commits to it, its data sets and its partners as they are recorded, and each
    other to what they once were; entries of an older Accord, which come before, to a document alone, or to the
    agreement alone. `hidden` is the last one that may be of any."""
    register = load_register(connection)
    for identifier, entered in _by_agreement(said).items():
        agreement = register.agreements.get(AgreementId(identifier))
        if agreement is None or not agreement.terms:
            continue
        known, broadest = digests[identifier], 0
        last, newest = entered[-1]
        for number, digest in entered:
            breadth = known[digest].breadth if digest in known else 2
            if breadth < broadest or (digest not in known and number != last):
                yield Missing(side="books", what=f"entry {number}: a state of agreement {identifier}")
            broadest = max(broadest, breadth)
        if last <= hidden or broadest == 0:
            continue
        told, version = (
            (agreement_told(agreement), ALONE) if broadest == 1 else (state_told(agreement, register), STATE)
        )
        if newest not in {state_digest(one, told, version) for one in documents_told(told)}:
            what = (
                "what is recorded of it" if broadest == 1 else "what is recorded of it, its data sets and its partners"
            )
            yield Missing(side="ledger", what=f"agreement {identifier}: {what}, after entry {last}")


def _by_agreement(said: Sequence[tuple[int, str, str]]) -> dict[str, list[tuple[int, str]]]:
    found: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for number, identifier, digest in sorted(said):
        found[identifier].append((number, digest))
    return dict(found)


def _notices(known: dict[int, Fact], parts: _Parts, silent: set[int], connection: Connection) -> Iterator[Missing]:
    rows = connection.execute(select(RECALL_NOTICES)).all()
    for row in rows:
        fact = known.get(row.entry)
        if row.entry not in silent and (fact is None or fact.kind is not Kind.RECALL):
            yield Missing(side="ledger", what=f"recall {row.recall} of disclosure {row.disclosure}: entry {row.entry}")
    claimed = {row.entry for row in rows}
    supplied = connection.execute(select(SUPPLIER_NOTICES)).all()
    for row in supplied:
        fact = known.get(row.entry)
        if row.entry not in silent and (fact is None or (fact.kind, fact.partner) != (Kind.ERASURE, row.partner)):
            yield Missing(side="ledger", what=f"recall {row.recall}, which {row.partner} supplied: entry {row.entry}")
    answered = {fact.refers for fact in known.values() if fact.kind is Kind.ACKNOWLEDGEMENT} | silent
    answered |= {int(left["refers"]) for left in _of_kind(parts, Kind.ACKNOWLEDGEMENT) if left.get("refers")}
    unanswered = [row for row in rows if row.acknowledged_at is not None and row.entry not in answered]
    for row in supplied:
        if row.acknowledged_at is not None and row.entry not in answered:
            yield Missing(side="ledger", what=f"the acknowledgement of recall {row.recall} by {row.partner}")
    if len(unanswered) > _unnamed(parts, "refers", Kind.ACKNOWLEDGEMENT):
        for row in unanswered:
            yield Missing(
                side="ledger", what=f"the acknowledgement of recall {row.recall}, disclosure {row.disclosure}"
            )
    # the hub's own entry of a recall is about no disclosure
    references = {reference(UUID(one)) for one in connection.execute(select(RECALLS.c.id)).scalars()}
    rest = [number for number, fact in known.items() if fact.kind is Kind.RECALL and number not in claimed]
    named = select(JOURNAL_ENTRIES.c.number, JOURNAL_ENTRIES.c.reference).where(JOURNAL_ENTRIES.c.number.in_(rest))
    delivered = {number for number, fact in known.items() if fact.kind is Kind.DELIVERY} | silent
    for number, about in connection.execute(named).all():
        # its own entry names no other, or the delivery that takes the place of what is recalled
        refers = known[number].refers
        if about not in references or not (refers is None or refers in delivered):
            yield Missing(side="books", what=f"entry {number}: a recall to {known[number].partner}")


def _outcomes(known: dict[int, Fact], silent: set[int], connection: Connection) -> Iterator[Missing]:
    claimed: set[int] = set()
    for row in connection.execute(select(OUTCOME_REPORTS).order_by(OUTCOME_REPORTS.c.number)):
        mine = {*range(row.first_entry, row.first_entry + row.entries)}
        claimed |= mine
        for number in sorted(mine - silent):
            fact = known.get(number)
            if fact is None or (fact.kind, fact.partner, fact.digest) != (Kind.OUTCOME, row.partner, row.digest):
                yield Missing(side="ledger", what=f"outcomes {row.digest} of {row.partner}: entry {number}")
    for number, fact in known.items():
        if fact.kind is Kind.OUTCOME and number not in claimed:
            yield Missing(side="books", what=f"entry {number}: outcomes {fact.digest} of {fact.partner}")


def _check_data(known: dict[int, Fact], silent: set[int], connection: Connection) -> Iterator[Missing]:
    claimed: set[int] = set()
    for row in check_versions(connection):
        claimed |= {*row.entries}
        for number in sorted({*row.entries} - silent):
            fact = known.get(number)
            if fact is None or (fact.kind, fact.partner, fact.digest, fact.at) != (
                Kind.CHECK_DATA,
                row.recipient,
                row.digest,
                row.made_at,
            ):
                yield Missing(side="ledger", what=f"check data {row.name}: entry {number} is none of it")
    for session in connection.execute(select(PSI_SESSIONS).order_by(PSI_SESSIONS.c.entry)):
        digest = hashlib.sha256(session.document.encode()).hexdigest()
        for number in (one for one in (session.entry, session.closing_entry) if one is not None):
            claimed.add(number)
            fact = known.get(number)
            said = None if fact is None else (fact.kind, fact.partner, fact.digest)
            if number not in silent and said != (Kind.CHECK_DATA, session.organisation, digest):
                yield Missing(side="ledger", what=f"session {session.id}: entry {number} is none of it")
    for number, fact in known.items():
        if fact.kind is Kind.CHECK_DATA and number not in claimed:
            yield Missing(side="books", what=f"entry {number}: check data {fact.digest}")


def _taken_back(known: dict[int, Fact], parts: _Parts, connection: Connection) -> Iterator[Missing]:
    """Each entry of what never left the hub is taken back, and no other is."""
    never: dict[int, tuple[Kind, str]] = {}
    for row in disclosures(connection):
        if row.refused_at is not None:
            what = f"that disclosure {row.id} was never handed over"
            never |= dict.fromkeys(row.entries, (Kind.NEVER_HANDED_OVER, what))
    for version in check_versions(connection):
        if version.shown_at is None and version.gone_at is not None:
            never |= dict.fromkeys(
                version.entries, (Kind.NEVER_SHOWN, f"that check data {version.name} was never shown")
            )
    told = {(fact.kind, fact.refers) for fact in known.values() if fact.kind in TAKES_BACK}
    told |= {(Kind(left["kind"]), int(left["refers"])) for left in _of_kind(parts, *TAKES_BACK) if left.get("refers")}
    lost = [(number, kind, what) for number, (kind, what) in sorted(never.items()) if (kind, number) not in told]
    if len(lost) > _unnamed(parts, "refers", *TAKES_BACK):
        for number, _, what in lost:
            yield Missing(side="ledger", what=f"{what}: entry {number} is not taken back")
    for number, fact in known.items():
        if fact.kind not in TAKES_BACK:
            continue
        refers = -1 if fact.refers is None else fact.refers
        if never.get(refers, (None,))[0] is not fact.kind:
            yield Missing(side="books", what=f"entry {number}: that what entry {refers} says never came to be")
        elif refers in known and known[refers].taken_back(fact.kind, refers, fact.at) != fact:
            yield Missing(
                side="books", what=f"entry {number}: it says otherwise what it takes back than entry {refers}"
            )
