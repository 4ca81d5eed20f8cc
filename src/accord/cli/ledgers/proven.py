"""`accord ledger check --proof`: what somebody was given to show that an entry is in a ledger, and what it says."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from accord.cli.kinds import OPENED_PROOF, PROOF, kind_at, taking
from accord.cli.releases.packages import read_policy
from accord.cli.terminal import counted, say, say_json
from accord.journal.checking import EVIDENCE
from accord.journal.proving import MAX_PROOF_BYTES, OpenedProof, parse_opened_proof
from accord.ledger.checkpoints import Checkpoint
from accord.ledger.policies import Policy
from accord.ledger.proofs import parse_proof
from accord.ledger.reading import TiledTree
from accord.ledger.tree import leaf_hash
from accord.vocabulary.errors import SettingsError, UnprovenError
from accord.workspace.regular import read_small


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A proof that holds."""

    file: Path
    proof: OpenedProof
    checkpoint: Checkpoint
    witnesses: tuple[str, ...]
    """Who cosigned the checkpoint that it holds."""

    def fields(self) -> dict[str, str]:
        """What it opens, by name."""
        return {one.name: one.value.decode("utf-8", "backslashreplace") for one in self.proof.openings}

    def content(self) -> dict[str, object]:
        """For programs."""
        return {
            "proof": str(self.file),
            "log": self.checkpoint.origin,
            "entry": self.proof.proof.index,
            "size": self.checkpoint.size,
            "witnesses": list(self.witnesses),
            "fields": self.fields(),
        }


def check_alone(policy_file: Path | None, files: Sequence[Path], *, alone: bool, as_json: bool) -> None:
    """Verify proofs by a policy, without a log; `alone`: nothing else was asked for. Raises AccordError."""
    if not files or policy_file is None or not alone:
        raise SettingsError(
            "It is not said which log is checked.",
            expected="LOG: a ledger's folder, or its URL; or, for a proof alone, --proof FILE --policy FILE",
            remedy="the policy says which log and which witnesses you rely on: get it before you need it",
        )
    policy = read_policy(policy_file)
    proven = [demand_proven(one, policy, None) for one in files]
    if as_json:
        say_json({"proofs": [one.content() for one in proven]})
    else:
        tell_proven(proven)


def demand_proven(file: Path, policy: Policy, tree: TiledTree | None) -> Proven:
    """Verify a proof; with `tree` also that this very log has the entry. Raises AccordError, which names the file."""
    if kind_at_or_none(file) is PROOF:
        with taking((file, PROOF)):
            data = read_small(file, MAX_PROOF_BYTES)
            entry = read_small(file.with_name(f"{file.name}.entry"), MAX_PROOF_BYTES)
            found = OpenedProof(entry=entry, openings=(), proof=parse_proof(data))
    else:
        with taking((file, OPENED_PROOF)):
            found = parse_opened_proof(read_small(file, MAX_PROOF_BYTES))
    try:
        checkpoint = found.verify(policy)
    except UnprovenError as error:
        where = str(file) if error.where is None else f"{file}: {error.where}"
        raise UnprovenError(
            error.what, where=where, expected=error.expected, got=error.got,
            remedy=error.remedy or "believe nothing that it says; ask whoever gave it to you for the right one",
        ) from error  # fmt: skip
    signers = {one.key for one in policy.verify(found.proof.checkpoint)[1].verified}
    number = found.proof.index
    if tree is not None and (number >= tree.size or tree.node(0, number) != leaf_hash(found.entry)):
        shorter = number >= tree.size
        raise UnprovenError(
            "The log is shorter than the proof says." if shorter else "The log has another entry than is proven.",
            where=f"{file}: entry {number}",
            expected=f"at least {number + 1:,} entries" if shorter else None,
            got=f"{tree.size:,}" if shorter else None,
            remedy=f"the proof holds the checkpoint that contradicts it: {EVIDENCE}",
        )
    return Proven(
        file=file,
        proof=found,
        checkpoint=checkpoint,
        witnesses=tuple(one.name for one in policy.witnesses if one.key in signers),
    )


def kind_at_or_none(file: Path) -> object:
    """What a file seems to be; None also where it cannot be read, which is told by whoever reads it."""
    try:
        return kind_at(file)
    except OSError:
        return None


def tell_proven(proven: Sequence[Proven]) -> None:
    """What each proves."""
    for one in proven:
        size = counted(one.checkpoint.size, "entry", "entries")
        number, log = one.proof.proof.index, one.checkpoint.origin
        say(f"{one.file}: entry {number} is in {log}, proven by its checkpoint of {size}")
        say(f"  signed by the log, and by {', '.join(one.witnesses) or 'no witness, and the policy asks for none'}")
        fields = one.fields()
        for name, value in fields.items():
            say(f"  {name}: {value or '(nothing)'}")
        if not fields:
            say("  it opens no field")
