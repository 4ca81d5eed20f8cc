"""The recipient's side: a package is opened, offline, once all that it says of itself is proven; then receipted."""

import hashlib
import io
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from accord.ledger.policies import Policy
from accord.release.package.age import Bounded, decrypt, public_of
from accord.release.package.archive import Placed, bytes_of, digest_of, pieces_of, read_archive
from accord.release.package.keys import RecipientKeys
from accord.release.package.listing import MAX_FILES, MAX_LISTING_BYTES, NAME, parse_listing
from accord.release.package.manifest import Manifest
from accord.release.package.reading import (
    Handover,
    Package,
    Proven,
    demand_belongs,
    opened_file,
    prove,
    read_handover,
    read_package,
)
from accord.release.receipts import Disclosed, Receipt, sign_receipt
from accord.vocabulary.errors import MalformedError, OutputError, UnprovenError
from accord.workspace.folders import replaced_folder

RECEIPT = "receipt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A package whose entries stand in the ledger."""

    manifest: Manifest
    digest: str
    """SHA-256 of the manifest, in hex: what the entries commit to."""
    entries: tuple[int, ...]
    """Their numbers in the log, ascending."""
    proven: Proven


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A package that was opened."""

    manifest: Manifest
    disclosed: Disclosed
    proven: Proven


def verify_package(package: Path, handover: Path, policy: Policy) -> Verified:
    """Verify, without any key, that a package agrees with itself and stands in the ledger as the policy demands.

    Raises UnreadableError, MalformedError and UnprovenError.
    """
    with opened_file(package) as file, opened_file(handover) as other:
        read, _, proven = _verified(file, str(package), other, str(handover), policy)
        entries = tuple(one.number for one in read.entries)
        return Verified(manifest=read.manifest, digest=read.digest, entries=entries, proven=proven)


def open_package(
    package: Path, handover: Path, *, keys: RecipientKeys, policy: Policy, out: Path, now: datetime
) -> Opened:
    """Open a package into a new or empty folder: `manifest.json`, `SHA256SUMS`, `content/` and the signed `receipt`.

    The folder appears once everything is verified, and whole. Raises UnreadableError, MalformedError, UnprovenError
    and OutputError; then there is no output, and nothing of the content is left on the disk.
    """
    _refuse_full(out)
    with (
        opened_file(package) as file,
        opened_file(handover) as other,
        replaced_folder(out) as new,
    ):
        new.chmod(0o700)
        read, handed, proven = _verified(file, str(package), other, str(handover), policy)
        identity = _identity(handed, keys)
        # a file without a name: whatever ends this process, the system takes it away
        with tempfile.TemporaryFile(dir=new) as plain:
            content = _decrypted(read, identity, plain)
            files = _members(read, plain)
            _write_out(new, plain, files)
        disclosed = read.disclosed(content)
        receipt = Receipt(disclosed=disclosed, opened_at=now.replace(microsecond=0))
        (new / "manifest.json").write_bytes(read.manifest_bytes)
        (new / RECEIPT).write_bytes(sign_receipt(receipt, keys.receipts))
    return Opened(manifest=read.manifest, disclosed=disclosed, proven=proven)


def _verified(
    file: BinaryIO, where: str, other: BinaryIO, beside: str, policy: Policy
) -> tuple[Package, Handover, Proven]:
    read = read_package(file, where)
    handed = read_handover(other, beside)
    demand_belongs(handed, read)
    return read, handed, prove(read, handed.proofs, policy)


def _identity(handed: Handover, keys: RecipientKeys) -> str:
    """The package's secret key. Raises MalformedError and UnprovenError."""
    held = io.BytesIO()
    decrypt(iter([handed.key]), Bounded(held, 1024, "key.age"), keys.identity, what="key.age")
    line = held.getvalue()
    if not line.endswith(b"\n"):
        raise MalformedError("key.age holds something else.", expected="one secret key of age, and a newline")
    identity = line[:-1].decode("ascii", "replace")
    public_of(identity)
    return identity


def _decrypted(read: Package, identity: str, plain: BinaryIO) -> str:
    """Decrypt the content to a file; its SHA-256 in hex."""
    size = read.manifest.content.bytes
    found = hashlib.sha256()
    sealed = _hashed(pieces_of(read.file, read.sealed), found)
    decrypt(sealed, Bounded(plain, size, "content.age"), identity, what="content.age")
    if found.hexdigest() != read.manifest.content.sealed:
        raise UnprovenError("The package changed while it was read.", where="content.age")
    if plain.tell() != size:
        raise UnprovenError(
            "The content is smaller than the manifest says.", expected=f"{size:,} bytes", got=f"{plain.tell():,} bytes"
        )
    plain.seek(0)
    return digest_of(iter(lambda: plain.read(1 << 18), b""))


def _members(read: Package, plain: BinaryIO) -> list[Placed]:
    """The members of the content, each verified against the list, and that against the manifest."""
    where = "content.age"
    members = read_archive(plain, most=MAX_FILES + 1, where=where)
    if not members or members[0].name != NAME:
        raise MalformedError("The content does not begin with the list of its files.", where=where, expected=NAME)
    data = bytes_of(plain, members[0], most=MAX_LISTING_BYTES, where=where)
    if hashlib.sha256(data).hexdigest() != read.manifest.content.listing:
        raise UnprovenError("The list of the content is not the one that the manifest names.", where=NAME)
    listed = parse_listing(data)
    names = [one.name for one in members[1:]]
    if names != [name for name, _ in listed.files] or len(names) != read.manifest.content.files:
        raise UnprovenError(
            "The content has other files than it lists.",
            where=NAME,
            expected=f"{read.manifest.content.files:,} by the manifest, {len(listed.files):,} by the list",
            got=f"{len(names):,}",
        )
    for member, (name, digest) in zip(members[1:], listed.files, strict=True):
        if digest_of(pieces_of(plain, member)) != digest:
            raise UnprovenError("A file of the content is not the one that is listed.", where=name)
    return members


def _write_out(new: Path, plain: BinaryIO, members: list[Placed]) -> None:
    (new / "content").mkdir()
    for member in members:
        path = new / member.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            for piece in pieces_of(plain, member):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())


def _hashed(pieces: Iterator[bytes], found: "hashlib._Hash") -> Iterator[bytes]:
    for piece in pieces:
        found.update(piece)
        yield piece


def _refuse_full(out: Path) -> None:
    """What was opened before may have been worked on since: it is never written over."""
    if out.is_symlink() or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise OutputError(
            "The output folder holds something already, and is left as it is.",
            where=str(out),
            expected="a new or empty folder",
            remedy="choose another --out",
        )
