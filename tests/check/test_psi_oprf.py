"""RFC 9497, ristretto255-SHA512: what its appendix A.1 publishes, and what must never hold."""

import hashlib
import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.check.psi import poprf
from accord.check.psi.group import IDENTITY, NotAnElementError, inverses, is_element, multiply, scalar_of
from accord.check.psi.oprf import (
    GENERATOR,
    SUITES,
    Mode,
    blind,
    blinds,
    derive_key,
    evaluate,
    evaluate_blinded,
    finalise,
    finalise_proven,
    prove,
    verify,
)
from accord.check.psi.spreading import Spread
from accord.vocabulary.errors import UnprovenError

APPENDIX = Path(__file__).parents[1] / "cases/oprf/rfc9497-a1.json"
ORDER = 2**252 + 27742317777372353535851937790883648493

own = random.Random(9497)


def draw(count: int) -> bytes:
    return own.randbytes(count)


def several(text: str) -> list[bytes]:
    return [bytes.fromhex(one) for one in text.split(",")]


def vectors() -> list:
    return [
        pytest.param(suite, one, id=f"mode{suite['mode']}-{number}")
        for suite in json.loads(APPENDIX.read_text("utf-8"))
        for number, one in enumerate(suite["vectors"], 1)
    ]


def test_the_appendix_is_here_in_whole() -> None:
    held = {
        suite["mode"]: [one["Batch"] for one in suite["vectors"]] for suite in json.loads(APPENDIX.read_text("utf-8"))
    }
    # A.1.1, A.1.2 and A.1.3
    assert held == {0: [1, 1], 1: [1, 1, 2], 2: [1, 1, 2]}


@pytest.mark.parametrize(("suite", "vector"), vectors())
def test_every_vector_of_the_rfc_comes_out_byte_for_byte(suite: dict, vector: dict) -> None:
    mode = Mode(suite["mode"])
    functions = SUITES[mode]
    assert functions.to_group._end[:-1].hex() == suite["groupDST"]
    secret, public = derive_key(bytes.fromhex(suite["seed"]), bytes.fromhex(suite["keyInfo"]), functions)
    assert secret.hex() == suite["skSm"]
    assert "pkSm" not in suite or public.hex() == suite["pkSm"]
    inputs, scalars, outputs = (several(vector[name]) for name in ("Input", "Blind", "Output"))
    blinded = blind(inputs, scalars, suite=functions)
    assert blinded == several(vector["BlindedElement"])
    if mode is Mode.POPRF:
        info, once = bytes.fromhex(vector["Info"]), bytes.fromhex(vector["Proof"]["r"])
        evaluated, proof = poprf.evaluate_blinded_with(secret, blinded, info, once)
        assert proof.hex() == vector["Proof"]["proof"]
        tweaked = poprf.tweaked_public(public, info)
        assert poprf.finalise_with(inputs, scalars, evaluated, blinded, info, tweaked, proof) == outputs
        assert [poprf.evaluate_with(secret, one, info) for one in inputs] == outputs
    else:
        evaluated = evaluate_blinded(secret, blinded)
        assert evaluate(secret, inputs, suite=functions) == outputs
    assert evaluated == several(vector["EvaluationElement"])
    if mode is Mode.OPRF:
        assert finalise(inputs, scalars, evaluated) == outputs
    if mode is Mode.VOPRF:
        proof = prove(secret, public, blinded, evaluated, bytes.fromhex(vector["Proof"]["r"]))
        assert proof.hex() == vector["Proof"]["proof"]
        assert finalise_proven(inputs, scalars, evaluated, blinded, public, proof) == outputs


def session(count: int) -> tuple[bytes, bytes, list[bytes], list[bytes], list[bytes]]:
    secret, public = derive_key(draw(32), b"")
    inputs = [draw(own.randrange(40)) for _ in range(count)]
    scalars = blinds(count, draw)
    return secret, public, inputs, scalars, blind(inputs, scalars)


@pytest.mark.parametrize("spread", [Spread(threads=1, piece=3), Spread(threads=3, piece=2), Spread(threads=8)])
def test_however_work_is_spread_the_same_bytes_come_of_it(spread: Spread) -> None:
    secret, public, inputs, scalars, blinded = session(17)
    once = scalar_of(draw(64))
    evaluated = evaluate_blinded(secret, blinded)
    proof = prove(secret, public, blinded, evaluated, once)
    assert blind(inputs, scalars, spread) == blinded
    assert evaluate_blinded(secret, blinded, spread) == evaluated
    assert prove(secret, public, blinded, evaluated, once, spread) == proof
    expected = evaluate(secret, inputs)
    assert evaluate(secret, inputs, spread=spread) == expected
    assert finalise_proven(inputs, scalars, evaluated, blinded, public, proof, spread) == expected


def test_what_another_key_computed_is_refused_also_in_one_element_of_many() -> None:
    secret, public, inputs, scalars, blinded = session(9)
    other, _ = derive_key(draw(32), b"")
    evaluated = evaluate_blinded(secret, blinded)
    wrong = [*evaluated[:4], multiply(other, blinded[4]), *evaluated[5:]]
    for answered in (evaluate_blinded(other, blinded), wrong, evaluated[::-1]):
        proof = prove(secret, public, blinded, answered, scalar_of(draw(64)))
        with pytest.raises(UnprovenError):
            finalise_proven(inputs, scalars, answered, blinded, public, proof)


def test_a_proof_holds_for_its_batch_alone_and_in_its_only_spelling() -> None:
    secret, public, _, _, blinded = session(3)
    evaluated = evaluate_blinded(secret, blinded)
    proof = prove(secret, public, blinded, evaluated, scalar_of(draw(64)))
    verify(GENERATOR, public, blinded, evaluated, proof)
    answer = int.from_bytes(proof[32:], "little") + ORDER
    spelled = proof[:32] + answer.to_bytes(32, "little")
    flipped = [proof[:at] + bytes([proof[at] ^ 1]) + proof[at + 1 :] for at in (0, 31, 32, 63)]
    for false in (b"", proof[:63], proof + b"\0", spelled, *flipped):
        with pytest.raises(UnprovenError):
            verify(GENERATOR, public, blinded, evaluated, false)
    for elements, products in ((blinded[:2], evaluated[:2]), (blinded[:2], evaluated), ([], [])):
        with pytest.raises(UnprovenError):
            verify(GENERATOR, public, elements, products, proof)


NO_ELEMENTS = {
    "the identity": IDENTITY,
    # RFC 9496, A.3: non-canonical, negative and off the group
    "one too large": bytes.fromhex("00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    "the prime": bytes.fromhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    "negative": bytes.fromhex("0100000000000000000000000000000000000000000000000000000000000000"),
    "no square": bytes.fromhex("26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371"),
    "too short": GENERATOR[:31],
    "too long": GENERATOR + b"\0",
}


@pytest.mark.parametrize("bad", NO_ELEMENTS.values(), ids=NO_ELEMENTS.keys())
def test_what_is_no_element_is_never_computed_with(bad: bytes) -> None:
    secret, public, inputs, scalars, blinded = session(3)
    assert not is_element(bad)
    assert is_element(GENERATOR)
    with pytest.raises(NotAnElementError):
        evaluate_blinded(secret, [*blinded[:2], bad])
    evaluated = evaluate_blinded(secret, blinded)
    proof = prove(secret, public, blinded, evaluated, scalar_of(draw(64)))
    with pytest.raises((UnprovenError, NotAnElementError)):
        finalise_proven(inputs, scalars, [*evaluated[:2], bad], blinded, public, proof)


def test_one_value_under_two_keys_has_nothing_in_common() -> None:
    value = b"ipv4\x00110.164.10.1\x002026-10-01"
    (one,), (other,) = (evaluate(derive_key(bytes([seed]) * 32, b"")[0], [value]) for seed in (1, 2))
    differing = (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()
    # 512 fair coins: outside these bounds less often than once in 10^12
    assert 170 < differing < 342


def test_blinded_elements_of_one_input_differ_and_those_of_any_two_inputs_can_be_equal() -> None:
    inputs = [b"one", b"two"]
    first, second = blinds(2, draw)
    assert blind([b"one", b"one"], [first, second])[0] != blind([b"one", b"one"], [first, second])[1]
    # whatever was blinded, some blind gives the same element for another input: the hub sees nothing of it
    group = [SUITES[Mode.VOPRF].to_group.uniform(one) for one in inputs]
    assert group[0] != group[1]
    (seen,) = blind([b"one"], [first])
    assert is_element(seen)


@given(st.lists(st.integers(1, ORDER - 1), min_size=1, max_size=9))
@settings(max_examples=30, deadline=None)
def test_inverses_are_what_arithmetic_modulo_the_order_says(numbers: list[int]) -> None:
    found = inverses([one.to_bytes(32, "little") for one in numbers])
    assert [int.from_bytes(one, "little") for one in found] == [pow(one, -1, ORDER) for one in numbers]


def test_nothing_has_an_inverse_of_zero() -> None:
    assert inverses([]) == []
    with pytest.raises(NotAnElementError):
        inverses([(1).to_bytes(32, "little"), bytes(32)])


def test_expanding_a_message_is_what_the_slow_twin_does() -> None:
    def twin(message: bytes, domain: bytes) -> bytes:
        # RFC 9380, 5.3.1, step by step, with SHA-512 and 64 bytes
        end = domain + len(domain).to_bytes(1, "big")
        first = hashlib.sha512(bytes(128) + message + (64).to_bytes(2, "big") + bytes(1) + end).digest()
        return hashlib.sha512(first + b"\x01" + end).digest()

    for functions in SUITES.values():
        message = draw(own.randrange(300))
        assert functions.to_group.uniform(message) == twin(message, b"HashToGroup-" + functions.context)
