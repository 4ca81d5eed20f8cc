"""The ledger's formats: read or refused, written again as they were read, and nothing believed that nobody signed."""

from collections.abc import Callable
from random import Random
from typing import Any

from accord.ledger.checkpoints import Checkpoint, parse_checkpoint
from accord.ledger.commitments import commit, encode_openings, parse_entry, parse_openings
from accord.ledger.notes import (
    SignatureType,
    SigningKey,
    VerifierKey,
    add_signatures,
    open_note,
    parse_note,
    parse_signing_key,
    parse_verifier_key,
    sign_note,
)
from accord.ledger.policies import parse_policy
from accord.ledger.proofs import LogProof, parse_proof
from accord.ledger.tiles import pack_entries, parse_path, unpack_entries
from accord.ledger.tree import leaf_hash, node_hash
from accord.ledger.witness import (
    Acceptance,
    AddCheckpoint,
    Answer,
    Cosigned,
    Head,
    Refused,
    Stale,
    decide,
    parse_request,
    read_answer,
)
from accord.vocabulary.errors import LedgerError, SettingsError
from fuzz.target import Target, promise, same

_LOG = SigningKey(name="fusion.example/ledger", type=SignatureType.ED25519, seed=bytes(32))
_WITNESS = SigningKey(name="north.example/w", type=SignatureType.COSIGNATURE_V1, seed=bytes([1]) * 32)
_POLICY = f"log {_LOG.verifier}\nwitness n {_WITNESS.verifier} https://n.example/\ngroup g any n\nquorum g\n".encode()
_LEAVES = [leaf_hash(b"one"), leaf_hash(b"two"), leaf_hash(b"three")]
_OLD = Checkpoint(origin=_LOG.name, size=2, root=node_hash(*_LEAVES[:2]))
_NEW = Checkpoint(origin=_LOG.name, size=3, root=node_hash(_OLD.root, _LEAVES[2]))
_SIGNED = sign_note(_NEW.text, [_LOG])
_COSIGNATURE = _WITNESS.cosign(_NEW.text, 1_700_000_000)
_COSIGNED = add_signatures(_SIGNED, [_COSIGNATURE])
_ENTRY, _OPENINGS = commit({"kind": b"disclosure", "records": b"<10"}, Random(7).randbytes)


def _written_again(parse: Callable[[bytes], Any], write: Callable[[Any], bytes], data: bytes) -> None:
    same(write(parse(data)), data, "what is read is written again")


def _check_note(data: bytes) -> None:
    note = parse_note(data)
    same(parse_note(note.encode()), note, "a note that is written is read again")
    promise(data.startswith(note.text.encode()), "the text is the note's beginning", note.text)
    same(open_note(data, [_LOG.verifier, _WITNESS.verifier]).text, _NEW.text, "a note is by those who signed it")


def _check_proof(data: bytes) -> None:
    proof = parse_proof(data)
    same(parse_proof(proof.encode()), proof, "a proof that is written is read again")
    same(proof.verify(b"two", parse_policy(_POLICY)), _NEW, "a proof proves what was signed")
    promise(proof.index == 1, "and where it is", proof.index)


def _check_request(data: bytes) -> None:
    known = Head(size=_OLD.size, root=_OLD.root)
    decision = decide(data, keys_of={_LOG.name: [_LOG.verifier]}.get, head_of={_LOG.name: known}.get)
    if isinstance(decision, Acceptance):
        same(decision.new, Head(size=_NEW.size, root=_NEW.root), "a witness follows what the log signed")
    else:
        promise(decision.answer.status in {400, 403, 404, 409, 422}, "a refusal has its status", decision)
    request = parse_request(data)
    same(parse_request(request.encode()), request, "a request that is written is read again")


def _check_answer(data: bytes) -> None:
    stale = read_answer(Answer(status=409, body=data[:1], media_type="text/plain"), _SIGNED, [])
    promise(isinstance(stale, Refused), "an answer of another type tells no size", stale)
    try:
        told = read_answer(Answer(status=409, body=data, media_type="text/x.tlog.size"), _SIGNED, [])
        promise(isinstance(told, Stale) and data == b"%d\n" % told.size, "a size has one spelling", told)
    except LedgerError:
        pass
    cosigned = read_answer(Answer(status=200, body=data), _SIGNED, [_WITNESS.verifier])
    promise(isinstance(cosigned, Cosigned), "an answer of 200 is a cosignature", cosigned)


def _check_policy(data: bytes) -> None:
    policy = parse_policy(data)
    keys: set[VerifierKey] = {one.key for one in policy.witnesses}
    promise(policy.reached(keys), "a quorum can be reached", policy)
    promise(policy.quorum is None or not policy.reached(set()), "a quorum is not reached by nobody", policy)


def _check_bundle(data: bytes) -> None:
    width = data[0] + 1 if data else 1
    same(pack_entries(unpack_entries(data[1:], width)), data[1:], "a bundle is written as it was read")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


_CHECKS: tuple[Callable[[bytes], None], ...] = (
    _check_note,
    _check_proof,
    _check_request,
    _check_answer,
    _check_policy,
    _check_bundle,
    lambda data: _written_again(parse_entry, lambda entry: entry.encode(), data),
    lambda data: _written_again(parse_openings, encode_openings, data),
    lambda data: same(parse_checkpoint(_text(data)).text, _text(data), "a checkpoint is written as it was read"),
    lambda data: same(parse_path(_text(data)).path, _text(data), "a path is written as it was read"),
    lambda data: same(str(parse_verifier_key(_text(data))), _text(data), "a key is written as it was read"),
    lambda data: same(parse_signing_key(_text(data)).export(), _text(data), "a key is written as it was read"),
)


def check_ledger(data: bytes) -> None:
    """The first byte chooses a format; the rest is read as one of it, or refused as the tree of errors says."""
    if data:
        try:
            _CHECKS[data[0] % len(_CHECKS)](data[1:])
        except (LedgerError, SettingsError) as error:
            promise(bool(str(error)), "a refusal says why")
            str(error).encode()  # and can be shown


_SEEDS: tuple[bytes, ...] = (
    _COSIGNED.encode(),
    LogProof(index=1, hashes=(_LEAVES[0], _LEAVES[2]), checkpoint=_COSIGNED, extra=b"more").encode(),
    AddCheckpoint(old_size=2, proof=(_LEAVES[2],), note=_SIGNED).encode(),
    _COSIGNATURE.line.encode(),
    _POLICY,
    b"\x02" + pack_entries([b"one", b"", b"three"]),
    _ENTRY.encode(),
    encode_openings(_OPENINGS),
    _NEW.text.encode() + b"extension\n",
    b"tile/entries/x001/x234/067.p/112",
    str(_WITNESS.verifier).encode(),
    _LOG.export().encode(),
)
_WORDS = """old extra index log witness group quorum all any none 0 1 2 9223372036854775807 kind records + = == —
accord-entry/v1 accord-openings/v1 c2sp.org/tlog-proof@v1 cosignature/v1 tile/ entries /x001 .p/ /000 PRIVATE+KEY+
fusion.example/ledger north.example/w""".split()


def ledger_target() -> Target:
    """The target of this module."""
    return Target(
        name="ledger",
        check=check_ledger,
        seeds=tuple(bytes([number]) + seed for number, seed in enumerate(_SEEDS)),
        words=tuple(word.encode() for word in (*_WORDS, " ", "\n", "\n\n", "\t", "A" * 43 + "=")),
        prefix=1,
        longest=1200,
    )
