"""Packages, handovers, lists of content and receipts: read or refused in words, and only what was made is believed."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from uuid import UUID

from accord.ledger.checkpoints import Checkpoint
from accord.ledger.commitments import commit, encode_openings
from accord.ledger.notes import SignatureType, SigningKey, sign_note
from accord.ledger.policies import parse_policy
from accord.ledger.proofs import LogProof
from accord.ledger.tree import leaf_hash
from accord.release.package.archive import held, read_archive, write_archive
from accord.release.package.listing import listing, parse_listing
from accord.release.package.manifest import (
    Content,
    DatasetNamed,
    Handling,
    HubNamed,
    Manifest,
    RecipientNamed,
    Statement,
    digest_of_manifest,
    facts,
    parse_manifest,
)
from accord.release.package.reading import Handover, demand_belongs, prove, read_handover, read_package
from accord.release.receipts import Disclosed, Receipt, parse_receipt, read_receipt, sign_receipt
from accord.vocabulary.datasets import Origin, Purpose
from accord.vocabulary.errors import LedgerError
from accord.vocabulary.handling import OnwardSharing
from accord.vocabulary.markings import Marking
from fuzz.target import Target, promise, same

_NOW = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
_LOG = SigningKey(name="fusion.example/ledger", type=SignatureType.ED25519, seed=bytes(32))
_KEY = SigningKey(name="csirt.example", type=SignatureType.ED25519, seed=bytes([1]) * 32)
_POLICY = f"log {_LOG.verifier}\nquorum none\n".encode()
_SEALED = b"age-encryption.org/v1\nnothing that anybody decrypts here"
_LISTING = listing(bytes(32), [("content/a.csv", "00" * 32), ("content/b/c.csv", "11" * 32)])
_MANIFEST = Manifest(
    statement=Statement(
        package=UUID(int=7), ledger=_LOG.name, hub=HubNamed(name="Hub", contact="desk@hub.example"), made_at=_NOW,
        simulated=False, operation=None, recipient=RecipientNamed(partner="csirt", name="CSIRT"), country="TH",
        purpose=Purpose.RESEARCH, marking=Marking.GREEN, findings=3,
        handling=Handling(
            pap=None, iep=None, codes=(), text=None, onward_sharing=OnwardSharing.PERMITTED, retention=None
        ),
        datasets=(DatasetNamed(name="A", origin=Origin.SCAN, marking=Marking.GREEN, agreements=("a",), findings=3),),
    ),
    content=Content(
        files=2, bytes=4096, listing=digest_of_manifest(_LISTING.encode()), sealed_bytes=len(_SEALED),
        sealed=digest_of_manifest(_SEALED),
    ),
)  # fmt: skip
_DIGEST = digest_of_manifest(_MANIFEST.encode())
_ENTRY, _OPENINGS = commit(facts(_MANIFEST.statement, _DIGEST, _NOW)[0].values(), Random(7).randbytes)
_HEAD = sign_note(Checkpoint(origin=_LOG.name, size=1, root=leaf_hash(_ENTRY.encode())).text, [_LOG])
_PROOF = LogProof(index=0, hashes=(), checkpoint=_HEAD)
_HANDED = Handover(package=UUID(int=7), digest=_DIGEST, key=b"key", proofs=(_PROOF,))
_PACKAGE = {
    "manifest.json": _MANIFEST.encode(), "policy": _POLICY, "entries/0": _ENTRY.encode(),
    "openings/0": encode_openings(_OPENINGS), "content.age": _SEALED,
}  # fmt: skip
_HANDOVER = {"handover": _HANDED.text, "key.age": _HANDED.key, "proofs/0.tlog-proof": _PROOF.encode()}
_DISCLOSED = Disclosed(package=UUID(int=7), digest=_DIGEST, content="22" * 32, entries=(0,), recipient="csirt")
_RECEIPT = Receipt(disclosed=_DISCLOSED, opened_at=_NOW)


def _archived(members: dict[str, bytes]) -> bytes:
    return b"".join(write_archive(held(name, data) for name, data in members.items()))


def _check_archive(data: bytes) -> None:
    members = read_archive(io.BytesIO(data), most=50, where="it")
    found = {one.name: data[one.offset : one.offset + one.size] for one in members}
    same(_archived(found), data, "an archive is written as it was read")
    with TemporaryDirectory() as folder:
        for name in found:
            path = (Path(folder) / name).resolve()
            promise(path.is_relative_to(Path(folder).resolve()), "a name stays inside", name)


def _check_package(data: bytes) -> None:
    package = read_package(io.BytesIO(data), "it")
    same(package.manifest, _MANIFEST, "entries are only of what was committed to")
    same(prove(package, (_PROOF,), parse_policy(_POLICY)).checkpoint.size, 1, "what agrees with itself is proven")


def _check_handover(data: bytes) -> None:
    handover = read_handover(io.BytesIO(data), "it")
    package = read_package(io.BytesIO(_archived(_PACKAGE)), "it")
    demand_belongs(handover, package)
    same(prove(package, handover.proofs, parse_policy(_POLICY)).checkpoint.size, 1, "a proof proves what was signed")


def _check_member(which: int) -> Callable[[bytes], None]:
    """The package or the handover with one member that is the input."""
    members = _PACKAGE if which < len(_PACKAGE) else _HANDOVER
    name = list(members)[which % len(_PACKAGE)]
    check = _check_package if members is _PACKAGE else _check_handover
    return lambda data: check(_archived({**members, name: data}))


def _check_manifest(data: bytes) -> None:
    same(parse_manifest(data).encode(), data, "a manifest is written as it was read")


def _check_listing(data: bytes) -> None:
    same(parse_listing(data).encode(), data, "a list is written as it was read")


def _check_receipt(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    same(parse_receipt(text).text, text, "a receipt is written as it was read")


def _check_signed_receipt(data: bytes) -> None:
    same(read_receipt(data, key=_KEY.verifier, disclosed=_DISCLOSED), _RECEIPT, "a receipt is by who signed it")


_CHECKS: tuple[Callable[[bytes], None], ...] = (
    _check_archive,
    _check_package,
    _check_handover,
    _check_manifest,
    _check_listing,
    _check_receipt,
    _check_signed_receipt,
    *(_check_member(which) for which in range(len(_PACKAGE) + len(_HANDOVER))),
)
_SEEDS: tuple[bytes, ...] = (
    _archived({"a": b"one", "b/c": b""}),
    _archived(_PACKAGE),
    _archived(_HANDOVER),
    _MANIFEST.encode(),
    _LISTING.encode(),
    _RECEIPT.text.encode(),
    sign_receipt(_RECEIPT, _KEY),
    *_PACKAGE.values(),
    *_HANDOVER.values(),
)
_WORDS = """accord-package/v1 accord-handover/v1 accord-receipt/v1 accord-content/v1 package digest entries content
opened recipient manifest.json policy entries/ openings/ content.age key.age proofs/ .tlog-proof handover SHA256SUMS
ustar 0000644 null true false ../ / {} [] : , "version" "statement" "datasets" 00000000000""".split()


def check_package(data: bytes) -> None:
    """The first byte chooses a format; the rest is read as one of it, or refused as the tree of errors says."""
    if data:
        try:
            _CHECKS[data[0] % len(_CHECKS)](data[1:])
        except LedgerError as error:
            promise(bool(str(error)), "a refusal says why")
            str(error).encode()  # and can be shown


def package_target() -> Target:
    """The target of this module."""
    return Target(
        name="package",
        check=check_package,
        seeds=tuple(bytes([number]) + seed for number, seed in enumerate(_SEEDS)),
        words=tuple(word.encode() for word in (*_WORDS, " ", "\n", "\n\n", "\0", "\0" * 512, "0" * 64)),
        prefix=1,
        longest=12_000,
    )
