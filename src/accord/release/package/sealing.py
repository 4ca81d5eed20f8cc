"""The hub's side of a package: sealing the content, packing it with its entries, handing over the key with the proofs.

In this order: `seal`; then the entries of `manifest.facts` are appended to the ledger, in the transaction that records
the disclosure; `pack`; and once a checkpoint with its quorum includes the entries, `hand_over`.
"""

import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from accord.ledger.policies import Policy
from accord.ledger.proofs import LogProof
from accord.release.package.age import Sink, demand_opens, encrypt, new_identity, public_of
from accord.release.package.archive import (
    MAX_MEMBER_BYTES,
    Member,
    archive_bytes,
    digest_of,
    filed,
    held,
    pieces_of,
    write_archive,
)
from accord.release.package.listing import FOLDER, MAX_FILES, NAME, SALT_BYTES, listing
from accord.release.package.manifest import Content, Manifest, Statement, digest_of_manifest, parse_manifest
from accord.release.package.reading import Handover, PackedEntry, Proven, opened_file, prove, read_package
from accord.release.package.writing import appearing, write_whole
from accord.vocabulary.errors import MalformedError, UnreadableError

MANIFEST, SEALED = "manifest.json", "content.age"

_PIECE = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """Content that is sealed, and what the hub must remember of it."""

    manifest: Manifest
    digest: str
    """SHA-256 of the manifest, in hex: what the ledger's entries commit to (`disclosures.sealed`)."""
    content: str
    """SHA-256 of the content as its recipient will decrypt it, in hex (`disclosures.content`)."""
    identity: str = field(repr=False)
    """The secret key of this package alone, `AGE-SECRET-KEY-1...` (`disclosures.secret`)."""


def seal(content: Path, statement: Statement, folder: Path, *, draw: Callable[[int], bytes]) -> Sealed:
    """Seal every file below `content`; `manifest.json` and `content.age` are in `folder` afterwards.

    `draw` gives as many random bytes as it is asked for. A piece of a file is in memory at a time. Raises
    UnreadableError for content that no package holds, and OutputError.
    """
    files = _files(content)
    listed = listing(draw(SALT_BYTES), ((name, digest) for name, (_, _, digest) in files.items()))
    lines = held(NAME, listed.encode())
    members = [lines, *(filed(name, *files[name]) for name, _ in listed.files)]
    size = archive_bytes(one.size for one in members)
    if size > MAX_MEMBER_BYTES - (1 << 24):
        raise UnreadableError(
            "The content is too large for a package.",
            where=str(content),
            expected=f"less than {MAX_MEMBER_BYTES:,} bytes",
            got=f"{size:,} bytes",
        )
    identity = new_identity()
    plain = hashlib.sha256()
    with appearing(folder / SEALED) as file:
        out = _Digested(file)
        encrypt(_seen(write_archive(members), plain.update), out, public_of(identity))
        sealed_bytes = file.tell()
    manifest = Manifest(
        statement=statement,
        content=Content(
            files=len(files),
            bytes=size,
            listing=hashlib.sha256(listed.encode()).hexdigest(),
            sealed_bytes=sealed_bytes,
            sealed=out.found.hexdigest(),
        ),
    )
    write_whole(folder / MANIFEST, [manifest.encode()])
    return Sealed(
        manifest=manifest,
        digest=digest_of_manifest(manifest.encode()),
        content=plain.hexdigest(),
        identity=identity,
    )


def pack(folder: Path, entries: Sequence[PackedEntry], policy: bytes, out: Path) -> None:
    """Write the package of what was sealed into `folder` and its entries of the ledger, ascending, with all openings.

    What is written has been read back. Raises MalformedError and UnprovenError where a recipient would refuse it.
    """
    manifest = (folder / MANIFEST).read_bytes()
    content = parse_manifest(manifest).content
    members: list[Member] = [held(MANIFEST, manifest), held("policy", policy)]
    for one in entries:
        members += [held(f"entries/{one.number}", one.entry), held(f"openings/{one.number}", one.openings)]
    members.append(filed(SEALED, folder / SEALED, content.sealed_bytes, content.sealed))
    with appearing(out) as package:
        for piece in write_archive(members):
            package.write(piece)
        read_package(package, str(out))


def hand_over(
    package: Path, proofs: Sequence[LogProof], policy: Policy, *, identity: str, recipient: str, out: Path
) -> Proven:
    """Write what opens a package: its secret key, encrypted to the recipient's age key, and the proofs of its entries.

    Nothing is written unless the policy is satisfied, its quorum included, and the key opens the package. Raises
    MalformedError and UnprovenError.
    """
    with opened_file(package) as file:
        read = read_package(file, str(package))
        ordered = tuple(sorted(proofs, key=lambda one: one.index))
        proven = prove(read, ordered, policy)
        demand_opens(pieces_of(file, read.sealed), identity, what="content.age")
    key = io.BytesIO()
    encrypt(iter([f"{identity}\n".encode("ascii")]), key, recipient)
    handover = Handover(package=read.manifest.statement.package, digest=read.digest, key=key.getvalue(), proofs=ordered)
    members = [held("handover", handover.text), held("key.age", handover.key)]
    members += [held(f"proofs/{one.index}.tlog-proof", one.encode()) for one in ordered]
    write_whole(out, write_archive(members))
    return proven


def _files(content: Path) -> dict[str, tuple[Path, int, str]]:
    """Each file below a folder, by its name in the archive: where it is, its size and its SHA-256 in hex."""
    found: dict[str, tuple[Path, int, str]] = {}
    for folder, folders, names in os.walk(content, onerror=_raise, followlinks=False):
        for name in [*folders, *names]:
            path = Path(folder, name)
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode):
                continue
            if not stat.S_ISREG(mode):
                raise UnreadableError(
                    "A package holds files alone.", where=str(path), expected="a file or a folder", got="something else"
                )
            if len(found) == MAX_FILES:
                raise UnreadableError(
                    "A package has too many files.", where=str(content), expected=f"at most {MAX_FILES:,}"
                )
            size = 0

            def counted(piece: bytes) -> None:
                nonlocal size
                size += len(piece)

            with opened_file(path) as file:
                digest = digest_of(_seen(iter(lambda: file.read(_PIECE), b""), counted))
            found[f"{FOLDER}{path.relative_to(content).as_posix()}"] = (path, size, digest)
    try:
        listing(bytes(SALT_BYTES), ((name, digest) for name, (_, _, digest) in found.items()))
    except MalformedError as error:
        raise UnreadableError(error.what, where=str(content), expected=error.expected, got=error.got) from error
    return found


class _Digested:
    """Writes, and knows the SHA-256 of what was written."""

    def __init__(self, out: Sink) -> None:
        self._out = out
        self.found = hashlib.sha256()

    def write(self, data: bytes, /) -> int:
        self.found.update(data)
        return self._out.write(data)


def _raise(error: OSError) -> None:
    raise UnreadableError("A folder cannot be read.", where=str(error.filename), got=error.strerror) from error


def _seen(pieces: Iterator[bytes], see: Callable[[bytes], object]) -> Iterator[bytes]:
    for piece in pieces:
        see(piece)
        yield piece
