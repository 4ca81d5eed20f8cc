"""Proofs to take away with fields opened: what a partner shows to anybody of an entry that is about itself.

    accord-proof/v1
    accord-entry/v1
    agreement 3rY0...
    (... the entry, as it stands in the log)

    accord-openings/v1
    digest AAEC... OWY4...
    (... the fields that are opened, and no other)

    c2sp.org/tlog-proof@v1
    index 2
    (... the proof, and the checkpoint)

With a policy it can be verified for ever, without asking anybody.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accord.journal.facts import NAMES
from accord.ledger.checkpoints import Checkpoint
from accord.ledger.commitments import Opening, encode_openings, parse_entry, parse_openings
from accord.ledger.policies import Policy
from accord.ledger.proofs import LogProof, parse_proof
from accord.vocabulary.errors import MalformedError, SettingsError, UnprovenError

if TYPE_CHECKING:
    # who checks a proof needs no database
    from accord.journal.book import KeptEntry

HEADER = "accord-proof/v1"
MAX_PROOF_BYTES = 4 << 20

OWN = ("agreement", "at", "count", "dataset", "digest", "kind", "partner", "purpose")
"""The fields of an entry that are its partner's own to see and to show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedProof:
    """An entry, some of its fields opened, and the proof that it is in a log. Nothing is verified yet."""

    entry: bytes
    openings: tuple[Opening, ...]
    """In the order of their names; none: it is proven that the entry is there, and nothing of what it says."""
    proof: LogProof

    def encode(self) -> bytes:
        """Its one spelling."""
        parts = (f"{HEADER}\n".encode() + self.entry, encode_openings(self.openings), self.proof.encode())
        return b"\n".join(parts)

    def verify(self, policy: Policy) -> Checkpoint:
        """Verify that the entry is in a log as the policy demands, and that it committed to what is opened: the
        checkpoint that proves it. Raises MalformedError and UnprovenError."""
        entry = parse_entry(self.entry)
        for one in self.openings:
            entry.verify(one)
        return self.proof.verify(self.entry, policy)


def parse_opened_proof(data: bytes) -> OpenedProof:
    """Read one without believing it. Raises MalformedError."""
    if len(data) > MAX_PROOF_BYTES:
        raise MalformedError("The proof is too large.", expected=f"at most {MAX_PROOF_BYTES:,} bytes")
    header, _, rest = data.partition(b"\n")
    parts = rest.split(b"\n\n", 2)
    if header != HEADER.encode() or len(parts) != 3:
        raise MalformedError(
            "This is no proof with openings.", expected=f"{HEADER}, an entry, its openings and a proof of the log"
        )
    found = OpenedProof(entry=parts[0] + b"\n", openings=parse_openings(parts[1] + b"\n"), proof=parse_proof(parts[2]))
    parse_entry(found.entry)
    if found.encode() != data:
        raise MalformedError("A proof with openings is spelled otherwise.")
    return found


def pick_fields(kept: "KeptEntry", names: Collection[str], partner: str | None) -> tuple[Opening, ...]:
    """What opens these fields of an entry. `partner`: who is given it; None: whoever the hub gives it to.

    Raises SettingsError for a field that there is not, or that is not the partner's own, and UnprovenError when what
    opens one was destroyed.
    """
    there = {one.name: one for one in kept.openings}
    if partner is not None and not is_about(kept, partner):
        raise SettingsError(
            f"Entry {kept.number} is not about that partner.", expected="the id of a partner that it names", got=partner
        )
    permitted = NAMES if partner is None else OWN
    wrong = sorted({*names} - {*permitted})
    if wrong:
        what = "An entry has no such field." if partner is None else "That field is not its partner's own."
        raise SettingsError(what, expected=", ".join(permitted), got=", ".join(wrong))
    gone = sorted({*names} - there.keys())
    if gone:
        raise UnprovenError(
            "What opens it was destroyed, for good.", where=f"entry {kept.number}", got=", ".join(gone),
            remedy="leave it out: the others are opened without it",
        )  # fmt: skip
    return tuple(there[name] for name in sorted({*names}))


def is_about(kept: "KeptEntry", partner: str) -> bool:
    """Is a partner among those that an entry names? An agreement's entry names all who signed."""
    said = next((one.value for one in kept.openings if one.name == "partner"), b"")
    return partner.encode() in said.split(b" ")
