"""Witnesses: the requests and answers that another implementation is tested with, and logs that try to deceive."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key
from hypothesis import given
from hypothesis import strategies as st

from accord.ledger.checkpoints import Checkpoint, parse_checkpoint
from accord.ledger.notes import (
    Note,
    SignatureType,
    SigningKey,
    VerifierKey,
    add_signatures,
    decode_base64,
    open_note,
    parse_note,
    sign_note,
)
from accord.ledger.tree import EMPTY_ROOT, leaf_hash
from accord.ledger.witness import (
    MAX_REQUEST_BYTES,
    SIZE_TYPE,
    Acceptance,
    AddCheckpoint,
    Answer,
    Cosigned,
    Head,
    Refusal,
    Refused,
    Stale,
    decide,
    parse_request,
    read_answer,
)
from accord.vocabulary.errors import LedgerError, MalformedError, UnprovenError

ORIGIN = "fusion.example/ledger"
LOG = SigningKey(name=ORIGIN, type=SignatureType.ED25519, seed=bytes(32))
WITNESS = SigningKey(name="north.example/witness", type=SignatureType.COSIGNATURE_V1, seed=bytes([1]) * 32)
STRANGER = SigningKey(name=ORIGIN, type=SignatureType.ED25519, seed=bytes([9]) * 32)
NOW = 1_700_000_000


class SimulatedWitness:
    """A witness that keeps its heads in memory."""

    def __init__(self, keys: dict[str, list[VerifierKey]], signer: SigningKey = WITNESS) -> None:
        self.keys, self.signer = keys, signer
        self.heads: dict[str, Head] = {}

    def add_checkpoint(self, body: bytes) -> Answer:
        decision = decide(body, keys_of=self.keys.get, head_of=self.heads.get)
        if isinstance(decision, Refusal):
            return decision.answer
        assert self.heads.get(decision.origin, Head()) == decision.old
        self.heads[decision.origin] = decision.new
        return decision.answer([self.signer], NOW)


@pytest.fixture
def witness() -> SimulatedWitness:
    return SimulatedWitness({ORIGIN: [LOG.verifier]})


def request(old: int, proof, entries, twin, *, size: int | None = None, key: SigningKey = LOG) -> bytes:
    """A request of a log with these entries."""
    head = Checkpoint(origin=ORIGIN, size=len(entries) if size is None else size, root=twin.mth(entries))
    return AddCheckpoint(old_size=old, proof=tuple(proof), note=sign_note(head.text, [key])).encode()


def hurl_exchanges(text: str) -> list[tuple[bytes, int, str]]:
    """Request body, status and assertion of each exchange of the vectors, in order."""
    script = text.split("-- add-checkpoint.hurl --\n", 1)[1]
    found = re.findall(r"^POST \S+/add-checkpoint\n```\n(.*?)```\nHTTP (\d+)\n\[Asserts\]\n(.*?)$", script, re.M | re.S)
    return [(body.encode(), int(status), said) for body, status, said in found]


def test_published_requests_are_answered_as_published(vectors: Path) -> None:
    text = (vectors / "litewitness-add-checkpoint.txt").read_text("utf-8")
    exchanges = hurl_exchanges(text)
    assert len(exchanges) == text.count("\nPOST ") == 9

    origin = "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562"
    public = bytes.fromhex(re.search(r"add-sigsum-log -key=(\w{64})", text)[1])
    log_key = VerifierKey(name=origin, type=SignatureType.ED25519, public=public)
    secret = load_ssh_private_key(text.split("-- witness_key.pem --\n")[1].split("\n\n")[0].encode(), None)
    assert isinstance(secret, Ed25519PrivateKey)
    signer = SigningKey(name="example.com/witness", type=SignatureType.COSIGNATURE_V1, seed=secret.private_bytes_raw())
    witness = SimulatedWitness({origin: [log_key]}, signer)

    differing = []
    for number, (body, status, said) in enumerate(exchanges):
        answer = witness.add_checkpoint(body)
        if answer.status != status:
            differing.append((number, status, answer.status))
        kind, expected = re.fullmatch(r'body (contains|==) "(.*)"', said).groups()
        expected = expected.replace("\\n", "\n").encode()
        assert answer.body == expected if kind == "==" else expected in answer.body, (number, answer)
        if status == 200:
            note = parse_request(body).note
            cosigned = read_answer(answer, note, [signer.verifier])
            assert isinstance(cosigned, Cosigned)
            assert open_note(cosigned.note.encode(), [log_key, signer.verifier]).text == note.text
    # The specification: "If the checkpoint origin is unknown, the witness MUST respond with a 404". The implementation
    # that these vectors test answered 403 at the time.
    assert differing == [(2, 403, 404)]
    assert witness.heads[origin].size == 5


def test_the_request_of_the_specification_is_read_and_written() -> None:
    body = """\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
""".encode()  # noqa: E501 -- C2SP tlog-witness, verbatim
    read = parse_request(body)
    assert read.old_size == 20852014
    assert len(read.proof) == 4
    assert read.proof[0] == decode_base64("PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=")
    assert parse_checkpoint(read.note.text).size == 20852163
    assert len(read.note.signatures) == 2
    assert read.encode() == body


ENTRIES = [b"%d" % number for number in range(20)]


def test_a_log_that_only_grows_is_cosigned_step_by_step(witness: SimulatedWitness, twin) -> None:
    old = 0
    for size in (1, 4, 4, 7, 20):
        proof = twin.proof(old, ENTRIES[:size]) if old else []
        body = request(old, proof, ENTRIES[:size], twin)
        answer = witness.add_checkpoint(body)
        assert answer.status == 200
        cosigned = read_answer(answer, parse_request(body).note, [WITNESS.verifier])
        assert isinstance(cosigned, Cosigned)
        assert [(one.key, one.posix_s) for one in cosigned.verified] == [(WITNESS.verifier, NOW)]
        assert [one.name for one in cosigned.note.signatures] == [ORIGIN, WITNESS.name]
        old = size
    assert witness.heads[ORIGIN] == Head(size=20, root=twin.mth(ENTRIES))


@pytest.fixture
def grown(witness: SimulatedWitness, twin) -> SimulatedWitness:
    """A witness that has cosigned 7 entries."""
    assert witness.add_checkpoint(request(0, [], ENTRIES[:7], twin)).status == 200
    return witness


def test_a_request_from_another_size_is_told_the_size(grown: SimulatedWitness, twin) -> None:
    for old in (0, 3, 8):
        answer = grown.add_checkpoint(request(old, [], ENTRIES[:8], twin))
        assert (answer.status, answer.body, answer.media_type) == (409, b"7\n", "text/x.tlog.size")
        note = sign_note("x\n", [LOG])
        assert read_answer(answer, note, [WITNESS.verifier]) == Stale(size=7)


def test_a_log_is_not_taken_back(grown: SimulatedWitness, twin) -> None:
    # 400: "The old size MUST be equal to or lower than the checkpoint size."
    assert grown.add_checkpoint(request(7, [], ENTRIES[:3], twin)).status == 400
    assert grown.add_checkpoint(request(3, [], ENTRIES[:3], twin)).status == 409
    assert grown.heads[ORIGIN].size == 7


def test_a_fork_is_never_cosigned(grown: SimulatedWitness, twin) -> None:
    fork = [*ENTRIES[:6], b"another", *ENTRIES[7:]]
    proofs = [[], twin.proof(7, fork[:9]), twin.proof(7, ENTRIES[:9])]
    for proof in proofs:
        answer = grown.add_checkpoint(request(7, proof, fork[:9], twin))
        assert answer.status == 422
        assert read_answer(answer, sign_note("x\n", [LOG]), []) == Refused(
            status=422, reason=answer.body.decode().strip()
        )
    decision = decide(request(7, [], fork[:7], twin), keys_of=grown.keys.get, head_of=grown.heads.get)
    assert isinstance(decision, Refusal)
    # "If the old size matches the checkpoint size, the witness MUST check that the root hashes are also identical."
    assert (decision.answer.status, decision.misbehaviour) == (409, True)
    assert decision.answer.media_type != SIZE_TYPE
    assert grown.heads[ORIGIN].root == twin.mth(ENTRIES[:7])


def test_who_signed_is_asked_before_what_was_signed(grown: SimulatedWitness, twin) -> None:
    assert grown.add_checkpoint(request(99, [], ENTRIES[:8], twin, key=STRANGER)).status == 403
    elsewhere = Checkpoint(origin="unknown.example", size=1, root=leaf_hash(b""))
    body = AddCheckpoint(old_size=9, proof=(), note=sign_note(elsewhere.text, [STRANGER])).encode()
    assert grown.add_checkpoint(body).status == 404


def test_signatures_of_others_do_not_matter(grown: SimulatedWitness, twin) -> None:
    read = parse_request(request(7, twin.proof(7, ENTRIES[:8]), ENTRIES[:8], twin))
    other = SigningKey(name="other.example", type=SignatureType.ED25519, seed=bytes([5]) * 32)
    note = add_signatures(read.note, [STRANGER.sign("else"), other.sign("else")])
    body = AddCheckpoint(old_size=7, proof=read.proof, note=note).encode()
    assert grown.add_checkpoint(body).status == 200


def test_a_first_checkpoint_has_no_proof(witness: SimulatedWitness, twin) -> None:
    # "The proof MUST be empty if the old size is zero."
    assert witness.add_checkpoint(request(0, [leaf_hash(b"")], ENTRIES[:2], twin)).status == 422
    assert witness.add_checkpoint(request(0, [], [], twin)).status == 200
    assert witness.heads[ORIGIN] == Head(size=0, root=EMPTY_ROOT)
    assert witness.add_checkpoint(request(0, [], ENTRIES[:2], twin)).status == 200


def test_a_checkpoint_cosigned_before_is_cosigned_again_without_a_proof(grown: SimulatedWitness, twin) -> None:
    assert grown.add_checkpoint(request(7, [], ENTRIES[:7], twin)).status == 200
    assert grown.add_checkpoint(request(7, [leaf_hash(b"")], ENTRIES[:7], twin)).status == 422


def malformed(twin) -> list[bytes]:
    good = request(7, twin.proof(7, ENTRIES[:8]), ENTRIES[:8], twin)
    return [
        b"",
        b"\n\n",
        good[4:],
        good.replace(b"old 7", b"old 07"),
        good.replace(b"old 7", b"old +7"),
        good.replace(b"old 7", b"old -7"),
        good.replace(b"old 7", b"old  7"),
        good.replace(b"old 7", b"old 7 "),
        good.replace(b"old 7", b"Old 7"),
        good.replace(b"old 7", b"old 99999999999999999999"),
        good.replace(b"old 7", b"old 7\nAAAA"),
        good.replace(b"old 7", b"old 7\n\xff"),
        good.replace(b"old 7", b"old 7" + b"\n" + b"\n".join([b"A" * 43 + b"="] * 64)),
        good.replace(b"\n", b"\r\n"),
        good.replace(b"\n\n", b"\n"),
        good[:-1],
        good + b"\n",
        good.replace(b"\n8\n", b"\n08\n"),
        AddCheckpoint(old_size=7, proof=(), note=sign_note("a poem\n", [LOG])).encode(),
        b"old 0\n\n" + b"x" * MAX_REQUEST_BYTES,
    ]


@pytest.mark.parametrize("number", range(20))
def test_a_malformed_request_is_400(number: int, grown: SimulatedWitness, twin) -> None:
    cases = malformed(twin)
    assert len(cases) == 20
    assert grown.add_checkpoint(cases[number]).status == 400


def test_the_longest_proof_is_read() -> None:
    note = sign_note(Checkpoint(origin=ORIGIN, size=1, root=leaf_hash(b"")).text, [LOG])
    longest = AddCheckpoint(old_size=1, proof=(leaf_hash(b""),) * 63, note=note)
    assert parse_request(longest.encode()) == longest
    with pytest.raises(MalformedError):
        AddCheckpoint(old_size=1, proof=(leaf_hash(b""),) * 64, note=note)
    with pytest.raises(MalformedError):
        AddCheckpoint(old_size=-1, proof=(), note=note)
    with pytest.raises(MalformedError):
        AddCheckpoint(old_size=1, proof=(b"",), note=note)


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda tail: b"old 0\n\n" + tail))
def test_any_request_is_answered(body: bytes) -> None:
    decision = decide(body, keys_of={ORIGIN: [LOG.verifier]}.get, head_of={}.get)
    assert isinstance(decision, Refusal)
    assert decision.answer.status in {400, 404, 403}


@given(data=st.data())
def test_whatever_logs_try_a_witness_cosigns_one_history(data, twin) -> None:
    """Two histories under one key, requests with any sizes and anybody's proofs: what was cosigned is one of them."""
    at = data.draw(st.integers(0, 12))
    histories = [ENTRIES[:12], [*ENTRIES[:at], b"fork", *ENTRIES[at + 1 :]][:12]]
    witness = SimulatedWitness({ORIGIN: [LOG.verifier]})
    cosigned: list[list[bytes]] = []
    for _ in range(data.draw(st.integers(1, 8))):
        entries = data.draw(st.sampled_from(histories))[: data.draw(st.integers(0, 12))]
        known = witness.heads.get(ORIGIN, Head()).size
        old = data.draw(st.just(known) | st.integers(0, 13))
        proving = data.draw(st.sampled_from(histories))[: len(entries)]
        proof = twin.proof(old, proving) if 0 < old <= len(proving) else []
        status = witness.add_checkpoint(request(old, proof, entries, twin)).status
        # the slow decision: with a right proof, cosign what begins with all that was cosigned
        if status == 200:
            cosigned.append(entries)
        elif old == known <= len(entries) and proving == entries:
            assert not all(entries[: len(one)] == one for one in cosigned), "a good checkpoint was refused"
    for earlier, later in pairwise(cosigned):
        assert later[: len(earlier)] == earlier


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (Answer(status=200, body=b""), MalformedError),
        (Answer(status=200, body=b"\n"), MalformedError),
        (Answer(status=200, body=b"\xff\n"), MalformedError),
        (Answer(status=200, body=b"<html>\n"), MalformedError),
        (Answer(status=200, body=STRANGER.sign("x\n").line.encode()), UnprovenError),
        (Answer(status=200, body=WITNESS.cosign("another text\n", NOW).line.encode()), UnprovenError),
        (Answer(status=409, body=b"", media_type=SIZE_TYPE), MalformedError),
        (Answer(status=409, body=b"50", media_type=SIZE_TYPE), MalformedError),
        (Answer(status=409, body=b"050\n", media_type=SIZE_TYPE), MalformedError),
        (Answer(status=409, body=b"9999999999999999999\n", media_type=SIZE_TYPE), MalformedError),
    ],
)
def test_an_answer_that_is_none_is_refused(answer: Answer, raised: type[LedgerError]) -> None:
    note = sign_note(Checkpoint(origin=ORIGIN, size=1, root=leaf_hash(b"")).text, [LOG])
    with pytest.raises(raised):
        read_answer(answer, note, [WITNESS.verifier])


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (Answer(status=409, body=b"0\n", media_type=SIZE_TYPE), Stale(size=0)),
        (Answer(status=409, body=b"51\n", media_type=f"{SIZE_TYPE}; charset=utf-8"), Stale(size=51)),
        (Answer(status=409, body=b"10\n"), Refused(status=409, reason="10")),
        (Answer(status=404, body=b"unknown log\n"), Refused(status=404, reason="unknown log")),
        (Answer(status=500, body=b"\xff"), Refused(status=500, reason="\\xff")),
        (Answer(status=503, body=b"x" * 5000), Refused(status=503, reason="x" * 200)),
    ],
)
def test_an_answer_without_a_cosignature_is_a_value(answer: Answer, meaning) -> None:
    assert read_answer(answer, sign_note("x\n", [LOG]), [WITNESS.verifier]) == meaning


def test_cosignatures_by_others_are_left_out() -> None:
    # "The client MUST ignore any cosignatures from unknown keys."
    head = Checkpoint(origin=ORIGIN, size=1, root=leaf_hash(b""))
    note = sign_note(head.text, [LOG])
    other = SigningKey(name="east.example/w", type=SignatureType.COSIGNATURE_V1, seed=bytes([7]) * 32)
    lines = [other.cosign(head.text, NOW).line, WITNESS.cosign(head.text, NOW).line]
    cosigned = read_answer(Answer(status=200, body="".join(lines).encode()), note, [WITNESS.verifier])
    assert isinstance(cosigned, Cosigned)
    assert [one.name for one in cosigned.note.signatures] == [ORIGIN, WITNESS.name]
    assert parse_note(cosigned.note.encode()) == cosigned.note


def test_a_witness_may_sign_with_several_keys() -> None:
    head = Checkpoint(origin=ORIGIN, size=1, root=leaf_hash(b""))
    second = SigningKey(name=WITNESS.name, type=SignatureType.COSIGNATURE_V1, seed=bytes([2]) * 32)
    acceptance = Acceptance(
        origin=ORIGIN, old=Head(), new=Head(size=1, root=head.root), note=Note(text=head.text, signatures=())
    )
    answer = acceptance.answer([WITNESS, second], NOW)
    cosigned = read_answer(answer, sign_note(head.text, [LOG]), [WITNESS.verifier, second.verifier])
    assert isinstance(cosigned, Cosigned)
    assert [one.key for one in cosigned.verified] == [WITNESS.verifier, second.verifier]
