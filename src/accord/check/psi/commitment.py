"""What a hub commits to before a session, as a document in one spelling, and what an organisation verifies of it.

The document is JSON with sorted keys and no blanks, and a line end. Its SHA-256 is the `digest` of an entry
`check-data` in the hub's ledger, which names the organisation: before anything of the session can be had.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from accord.check.psi.group import is_element
from accord.check.psi.oprf import SUITE
from accord.check.psi.sets import ENTRY_BYTES, MOST_ENTRIES
from accord.journal.facts import Fact, Kind, read_fact
from accord.ledger.commitments import parse_entry, parse_openings
from accord.ledger.policies import Policy
from accord.ledger.proofs import parse_proof
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.errors import MalformedError, UnprovenError

VERSION = "accord-psi-commitment/v1"
MOST_BYTES = 1 << 14
MOST_BUDGET = 1 << 40

_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """One session: whose, for what, until when, under which key, over which set, and for how many values."""

    session: UUID
    ledger: str
    """The log's name, in whose entry the digest stands."""
    organisation: str
    country: str
    purpose: Purpose
    epoch: int
    """Counts an organisation's sessions, from 1: there is one key for each."""
    begins: datetime
    ends: datetime
    public_key: str
    budget: int
    """How many values may be asked about."""
    entries: int
    set_sha256: str

    def __post_init__(self) -> None:
        """Raise MalformedError for a state that is none."""
        fit = (
            self.epoch >= 1
            and self.begins < self.ends
            and 1 <= self.budget <= MOST_BUDGET
            and 0 <= self.entries <= MOST_ENTRIES
            and _DIGEST.fullmatch(self.set_sha256)
            and _DIGEST.fullmatch(self.public_key)
            and is_element(bytes.fromhex(self.public_key))
        )
        if not fit:
            raise MalformedError("A commitment to a session says what cannot be.", where=f"session {self.session}")

    def encode(self) -> bytes:
        """The document."""
        told = {
            "begins": _instant(self.begins),
            "budget": self.budget,
            "country": self.country,
            "document": VERSION,
            "ends": _instant(self.ends),
            "entries": self.entries,
            "entry_bytes": ENTRY_BYTES,
            "epoch": self.epoch,
            "ledger": self.ledger,
            "organisation": self.organisation,
            "public_key": self.public_key,
            "purpose": self.purpose.value,
            "session": str(self.session),
            "set_sha256": self.set_sha256,
            "suite": f"{SUITE} VOPRF",
        }
        return json.dumps(told, sort_keys=True, separators=(",", ":")).encode() + b"\n"

    @property
    def digest(self) -> str:
        """SHA-256 of the document, in hex."""
        return hashlib.sha256(self.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a hub tells of a session: the document, and the proof that its ledger has it."""

    document: bytes
    entry: bytes
    """Of the ledger."""
    openings: bytes
    proof: bytes
    left: int
    """Of the budget."""


def parse_commitment(data: bytes) -> Commitment:
    """Read a document. Raises MalformedError."""
    try:
        told: Mapping[str, object] = msgspec.json.decode(data[:MOST_BYTES], type=dict[str, object])
        read = Commitment(
            session=UUID(str(told["session"])),
            ledger=str(told["ledger"]),
            organisation=str(told["organisation"]),
            country=str(told["country"]),
            purpose=Purpose(str(told["purpose"])),
            epoch=int(str(told["epoch"])),
            begins=datetime.fromisoformat(str(told["begins"])),
            ends=datetime.fromisoformat(str(told["ends"])),
            public_key=str(told["public_key"]),
            budget=int(str(told["budget"])),
            entries=int(str(told["entries"])),
            set_sha256=str(told["set_sha256"]),
        )
        spelled = read.encode()
    except (msgspec.MsgspecError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise MalformedError("This commits to no session.", expected=VERSION, got=str(error)[:200]) from error
    if spelled != data:
        raise MalformedError("A commitment to a session is spelled otherwise.", expected=VERSION)
    return read


def verify_offer(offer: Offer, policy: Policy) -> tuple[Commitment, int]:
    """What an offer commits to, and the number of the entry in which it stands, by the policy that one relies on.

    Raises MalformedError and UnprovenError.
    """
    said = parse_commitment(offer.document)
    proof = parse_proof(offer.proof)
    checkpoint = proof.verify(offer.entry, policy)
    fact = _opened(offer)
    held = (
        fact.kind is Kind.CHECK_DATA
        and fact.refers is None
        and fact.digest == said.digest
        and (fact.partner, fact.country, fact.purpose) == (said.organisation, said.country, said.purpose)
        and checkpoint.origin == said.ledger
    )
    if not held:
        raise UnprovenError(
            "The ledger's entry is not about this session.",
            where=f"{checkpoint.origin}, entry {proof.index}",
            expected=f"check-data for {said.organisation}, digest {said.digest}",
            got=f"{fact.kind} for {fact.partner or 'nobody'}, digest {fact.digest or 'none'}",
            remedy="rely on nothing that this hub answers; keep it, and ask the hub how it came about",
        )
    return said, proof.index


def _opened(offer: Offer) -> Fact:
    entry, openings = parse_entry(offer.entry), parse_openings(offer.openings)
    for one in openings:
        entry.verify(one)
    return read_fact(openings)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
