"""Proofs to take away: C2SP tlog-proof, verified against a policy with nothing else at hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.ledger.checkpoints import Checkpoint
from accord.ledger.notes import SignatureType, SigningKey, add_signatures, decode_base64, sign_note
from accord.ledger.policies import parse_policy
from accord.ledger.proofs import LogProof, parse_proof
from accord.ledger.tree import inclusion_proof, leaf_hash, node_hash
from accord.vocabulary.errors import LedgerError, MalformedError, UnprovenError

LOG = SigningKey(name="fusion.example/ledger", type=SignatureType.ED25519, seed=bytes(32))
NORTH = SigningKey(name="north.example/w", type=SignatureType.COSIGNATURE_V1, seed=bytes([1]) * 32)
POLICY = parse_policy(f"log {LOG.verifier}\nwitness north {NORTH.verifier}\nquorum north\n".encode())
ENTRIES = [b"one", b"two", b"three"]
A, B, C = map(leaf_hash, ENTRIES)
HEAD = Checkpoint(origin="fusion.example/ledger", size=3, root=node_hash(node_hash(A, B), C))
SIGNED = add_signatures(sign_note(HEAD.text, [LOG]), [NORTH.cosign(HEAD.text, 1_700_000_000)])
PROOF = LogProof(index=1, hashes=(A, C), checkpoint=SIGNED)


def test_a_proof_is_written_line_by_line_as_specified() -> None:
    lines = PROOF.encode().decode().split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 1"]
    assert [decode_base64(line) for line in lines[2:4]] == [A, C]
    assert lines[4:9] == ["", *HEAD.text.split("\n")]
    assert lines[9].startswith("— fusion.example/ledger ")
    assert lines[10].startswith("— north.example/w ")
    assert lines[11:] == [""]


def test_a_proof_needs_the_entry_and_the_policy_alone() -> None:
    proof = parse_proof(PROOF.encode())
    assert proof == PROOF
    assert proof.verify(b"two", POLICY) == HEAD
    with pytest.raises(UnprovenError, match="not proven to be in the tree"):
        proof.verify(b"three", POLICY)
    with pytest.raises(UnprovenError, match="Too few witnesses"):
        LogProof(index=1, hashes=(A, C), checkpoint=sign_note(HEAD.text, [LOG])).verify(b"two", POLICY)
    with pytest.raises(UnprovenError):
        LogProof(index=0, hashes=(A, C), checkpoint=SIGNED).verify(b"two", POLICY)


def test_the_only_entry_of_a_log_needs_no_hash() -> None:
    head = Checkpoint(origin="fusion.example/ledger", size=1, root=A)
    note = add_signatures(sign_note(head.text, [LOG]), [NORTH.cosign(head.text, 0)])
    data = LogProof(index=0, hashes=(), checkpoint=note).encode()
    assert data.startswith(b"c2sp.org/tlog-proof@v1\nindex 0\n\nfusion.example/ledger\n1\n")
    assert parse_proof(data).verify(b"one", POLICY) == head


@pytest.mark.parametrize("extra", [b"", b"age-v1.2.1-darwin-arm64.tar.gz", bytes(range(256))])
def test_extra_data_is_kept_and_vouched_for_by_nobody(extra: bytes) -> None:
    proof = LogProof(index=1, hashes=(A, C), checkpoint=SIGNED, extra=extra)
    assert proof.encode().split(b"\n")[1].startswith(b"extra ")
    assert parse_proof(proof.encode()) == proof
    assert proof.verify(b"two", POLICY) == HEAD


TEXT = PROOF.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        TEXT[1:],
        TEXT.replace(b"@v1", b"@v2"),
        TEXT.replace(b"index 1", b"index 01"),
        TEXT.replace(b"index 1", b"index -1"),
        TEXT.replace(b"index 1", b"index 99999999999999999999"),
        TEXT.replace(b"index 1", b"index"),
        TEXT.replace(b"index 1\n", b""),
        TEXT.replace(b"index 1", b"extra AA==\nextra AA==\nindex 1"),
        TEXT.replace(b"index 1", b"extra AB==\nindex 1"),
        TEXT.replace(b"index 1", b"index 1\nindex 1"),
        TEXT.replace(b"index 1", b"index 1\nAAAA"),
        TEXT.replace(b"index 1", b"index 1\n" + b"\n".join([b"A" * 43 + b"="] * 62)),
        TEXT.replace(b"index 1", b"index 1\n\xff"),
        TEXT.replace(b"\n\n", b"\n", 1),
        TEXT.replace(b"\n", b"\r\n"),
        TEXT + b"\n",
        TEXT[:-1],
    ],
)
def test_what_is_no_proof_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_proof(data)


def test_the_longest_proof_is_read() -> None:
    longest = LogProof(index=(1 << 62) - 1, hashes=(A,) * 63, checkpoint=SIGNED)
    assert parse_proof(longest.encode()) == longest
    with pytest.raises(MalformedError):
        LogProof(index=0, hashes=(A,) * 64, checkpoint=SIGNED)
    with pytest.raises(MalformedError):
        LogProof(index=0, hashes=(b"short",), checkpoint=SIGNED)


@given(st.integers(0, len(TEXT) - 1), st.integers(0, 255))
def test_a_changed_proof_is_refused_or_proves_the_same(at: int, byte: int) -> None:
    changed = TEXT[:at] + bytes([byte]) + TEXT[at + 1 :]
    try:
        proof = parse_proof(changed)
        head = proof.verify(b"two", POLICY)
    except LedgerError:
        return
    assert head == HEAD
    # every part has one spelling, but for unused bits of the signatures
    assert proof == PROOF


@given(st.binary(max_size=200).map(lambda tail: b"c2sp.org/tlog-proof@v1\nindex 0\n" + tail))
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_proof(data)


@pytest.mark.parametrize("index", range(3))
def test_every_entry_is_proven(index: int) -> None:
    def node(height: int, at: int) -> bytes:
        return (A, B, C)[at] if height == 0 else node_hash(A, B)

    proof = LogProof(index=index, hashes=inclusion_proof(index, 3, node), checkpoint=SIGNED)
    assert parse_proof(proof.encode()).verify(ENTRIES[index], POLICY) == HEAD
