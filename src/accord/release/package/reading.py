"""Packages and handovers, read and held to themselves and to a ledger; what is returned has been verified."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from accord.journal.facts import Fact, read_fact
from accord.ledger.checkpoints import Checkpoint
from accord.ledger.commitments import parse_entry, parse_openings
from accord.ledger.notes import MAX_NOTE_BYTES
from accord.ledger.policies import MAX_POLICY_BYTES, Policy, parse_policy
from accord.ledger.proofs import LogProof, parse_proof
from accord.ledger.tiles import MAX_ENTRY_BYTES
from accord.ledger.tree import MAX_SIZE
from accord.release.package.archive import Placed, bytes_of, digest_of, pieces_of, read_archive
from accord.release.package.manifest import (
    MAX_DATASETS,
    MAX_MANIFEST_BYTES,
    Manifest,
    demand_said,
    digest_of_manifest,
    parse_manifest,
)
from accord.release.receipts import Disclosed
from accord.vocabulary.errors import MalformedError, SettingsError, UnprovenError
from accord.workspace.regular import open_regular, unreadable

HANDOVER = "accord-handover/v1"
MAX_OPENINGS_BYTES = 1 << 20
MAX_KEY_BYTES = 1 << 14
MAX_PROOF_BYTES = MAX_NOTE_BYTES + 4096

_NUMBER = re.compile("(?:entries|proofs)/(0|[1-9][0-9]{0,18})(?:\\.tlog-proof)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedEntry:
    """An entry of the ledger as a package holds it."""

    number: int
    """Its index in the log."""
    entry: bytes
    """The leaf (`accord.ledger.commitments`)."""
    openings: bytes
    """Of all its fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package that agrees with itself: the entries say what the manifest says, which names what is sealed.

    Whether its entries stand in a log is not known before `prove`.
    """

    file: BinaryIO = field(repr=False)
    manifest: Manifest
    manifest_bytes: bytes = field(repr=False)
    digest: str
    """SHA-256 of `manifest.json`, in hex: what the entries commit to."""
    entries: tuple[PackedEntry, ...]
    """In ascending order of their numbers."""
    policy: bytes = field(repr=False)
    """What the hub says whom to rely on. Nothing vouches for it."""
    sealed: Placed

    def disclosed(self, content: str) -> Disclosed:
        """What a receipt for it must name, with the SHA-256 of the decrypted content."""
        return Disclosed(
            package=self.manifest.statement.package,
            digest=self.digest,
            content=content,
            entries=tuple(one.number for one in self.entries),
            recipient=self.manifest.statement.recipient.partner,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What follows a package once its entries are witnessed: proofs, and the key for its recipient alone."""

    package: UUID
    digest: str
    key: bytes = field(repr=False)
    """`key.age`: the package's secret key, encrypted to the recipient's."""
    proofs: tuple[LogProof, ...] = field(repr=False)

    @property
    def text(self) -> bytes:
        """What its member `handover` says."""
        return f"{HANDOVER}\npackage {self.package}\ndigest {self.digest}\n".encode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """That every entry of a package stands in its log, as the policy demands."""

    checkpoint: Checkpoint
    """The one that proves the last of them."""
    cosigned: tuple[tuple[str, int], ...]
    """Witnesses of the policy by their names there, each with the time that it states, in seconds since 1970 UTC."""


@contextmanager
def opened_file(path: Path) -> Iterator[BinaryIO]:
    """A file to read from. Raises UnreadableError."""
    try:
        file = open_regular(path)
    except OSError as error:
        raise unreadable(error, path) from error
    with file:
        yield file


def read_package(file: BinaryIO, where: str) -> Package:
    """Read a package and hold it to itself, the sealed content's SHA-256 included.

    Raises MalformedError and UnprovenError.
    """
    members = read_archive(file, most=3 + 2 * MAX_DATASETS, where=where)
    numbers = [one.name.removeprefix("entries/") for one in members if one.name.startswith("entries/")]
    paired = [name for number in numbers for name in (f"entries/{number}", f"openings/{number}")]
    _demand_members(members, ["manifest.json", "policy", *paired, "content.age"], "package", where)
    first, second, *pairs, sealed = members
    manifest_bytes = bytes_of(file, first, most=MAX_MANIFEST_BYTES, where=where)
    manifest = parse_manifest(manifest_bytes)
    policy = bytes_of(file, second, most=MAX_POLICY_BYTES, where=where)
    try:
        parse_policy(policy)
    except SettingsError as error:
        raise MalformedError(error.what, where=f"{where}: policy, {error.where}", expected=error.expected) from error
    entries = tuple(
        PackedEntry(
            number=_number(entry.name),
            entry=bytes_of(file, entry, most=MAX_ENTRY_BYTES, where=where),
            openings=bytes_of(file, openings, most=MAX_OPENINGS_BYTES, where=where),
        )
        for entry, openings in zip(pairs[::2], pairs[1::2], strict=True)
    )
    _demand_ascending([one.number for one in entries], where)
    digest = digest_of_manifest(manifest_bytes)
    demand_said(manifest, digest, tuple(map(_said, entries)))
    content = manifest.content
    if (sealed.size, digest_of(pieces_of(file, sealed))) != (content.sealed_bytes, content.sealed):
        raise UnprovenError(
            "The sealed content is not what the manifest names.",
            where=f"{where}: content.age",
            expected=f"{content.sealed_bytes:,} bytes of SHA-256 {content.sealed}",
        )
    return Package(
        file=file,
        manifest=manifest,
        manifest_bytes=manifest_bytes,
        digest=digest,
        entries=entries,
        policy=policy,
        sealed=sealed,
    )


def peek_manifest(file: BinaryIO, where: str) -> tuple[Manifest, str]:
    """What a package says of itself, and its manifest's digest, without a look at the rest. Raises MalformedError."""
    members = read_archive(file, most=3 + 2 * MAX_DATASETS, where=where)
    if not members or members[0].name != "manifest.json":
        raise MalformedError("This is no package.", where=where, expected="manifest.json")
    data = bytes_of(file, members[0], most=MAX_MANIFEST_BYTES, where=where)
    return parse_manifest(data), digest_of_manifest(data)


def read_handover(file: BinaryIO, where: str) -> Handover:
    """Read a handover without believing it. Raises MalformedError."""
    members = read_archive(file, most=2 + MAX_DATASETS, where=where)
    names = [one.name for one in members if one.name.startswith("proofs/")]
    _demand_members(members, ["handover", "key.age", *names], "handover", where)
    text = bytes_of(file, members[0], most=1024, where=where)
    words = re.fullmatch(rb"accord-handover/v1\npackage ([0-9a-f-]{36})\ndigest ([0-9a-f]{64})\n", text)
    if words is None:
        raise MalformedError("This is no handover.", where=where, expected=HANDOVER)
    proofs = []
    for one in members[2:]:
        proof = parse_proof(bytes_of(file, one, most=MAX_PROOF_BYTES, where=where))
        if one.name != f"proofs/{proof.index}.tlog-proof":
            raise MalformedError("A proof is of another entry than its name says.", where=f"{where}: {one.name}")
        proofs.append(proof)
    _demand_ascending([one.index for one in proofs], where)
    try:
        package = UUID(words[1].decode())
    except ValueError as error:
        raise MalformedError("A handover names no package.", where=where, expected="a UUID") from error
    read = Handover(
        package=package,
        digest=words[2].decode(),
        key=bytes_of(file, members[1], most=MAX_KEY_BYTES, where=where),
        proofs=tuple(proofs),
    )
    if read.text != text:
        raise MalformedError("A handover is spelled otherwise.", where=where)
    return read


def prove(package: Package, proofs: tuple[LogProof, ...], policy: Policy) -> Proven:
    """Verify that every entry of a package stands in its log, as the policy demands.

    Raises MalformedError and UnprovenError.
    """
    wanted, given = [one.number for one in package.entries], [one.index for one in proofs]
    if wanted != given:
        raise UnprovenError(
            "The proofs are not those of the package's entries.",
            expected=", ".join(map(str, wanted)),
            got=", ".join(map(str, given)) or "none",
        )
    for one, proof in zip(package.entries, proofs, strict=True):
        checkpoint = proof.verify(one.entry, policy)
        if checkpoint.origin != package.manifest.statement.ledger:
            raise UnprovenError(
                "The entry is proven in another log.",
                where=f"entry {one.number}",
                expected=repr(package.manifest.statement.ledger),
                got=repr(checkpoint.origin),
            )
    checkpoint, opened = policy.verify(proofs[-1].checkpoint)
    times = {one.key: one.posix_s for one in opened.verified}
    cosigned = ((one.name, times[one.key]) for one in policy.witnesses if one.key in times)
    return Proven(checkpoint=checkpoint, cosigned=tuple((name, time) for name, time in cosigned if time is not None))


def demand_belongs(handover: Handover, package: Package) -> None:
    """Raise UnprovenError unless the handover says that it is this package's."""
    said = (handover.package, handover.digest)
    if said != (package.manifest.statement.package, package.digest):
        raise UnprovenError(
            "The handover is another package's.",
            expected=f"package {package.manifest.statement.package}, digest {package.digest}",
            got=f"package {said[0]}, digest {said[1]}",
        )


def _said(packed: PackedEntry) -> Fact:
    """What an entry says, once each of its fields was verified to be what it committed to."""
    entry, openings = parse_entry(packed.entry), parse_openings(packed.openings)
    for one in openings:
        entry.verify(one)
    if len(openings) != len(entry.commitments):
        raise UnprovenError("Not every field of an entry is opened.", where=f"entry {packed.number}")
    return read_fact(openings)


def _number(name: str) -> int:
    found = _NUMBER.fullmatch(name)
    if found is None or int(found[1]) >= MAX_SIZE:
        raise MalformedError("A member is not named by an entry's number.", got=name)
    return int(found[1])


def _demand_members(members: list[Placed], expected: list[str], what: str, where: str) -> None:
    names = [one.name for one in members]
    if names != expected:
        first = next((at for at, (a, b) in enumerate(zip(names, expected, strict=False)) if a != b), len(expected) - 1)
        raise MalformedError(
            f"This is no {what}: its members are not those of one, each once and in order.",
            where=where,
            expected=expected[min(first, len(expected) - 1)],
            got=names[first] if first < len(names) else "nothing",
        )


def _demand_ascending(numbers: list[int], where: str) -> None:
    if not numbers or numbers != sorted(set(numbers)):
        raise MalformedError("Entries are not in ascending order, each once.", where=where)
