"""The partially oblivious mode of RFC 9497 (POPRF, 3.3.3): both sides know a part of the input, `info`."""

import hashlib
from collections.abc import Sequence

from accord.check.psi.group import (
    SCALAR_BYTES,
    NotAnElementError,
    add,
    element_of,
    inverses,
    multiply,
    multiply_base,
    scalar_add,
)
from accord.check.psi.oprf import GENERATOR, SUITES, Mode, evaluate_blinded, framed, prove, unblind, verify

POPRF = SUITES[Mode.POPRF]


def _tweak(info: bytes) -> bytes:
    return POPRF.scalar(b"Info" + framed(info))


def tweaked_public(public: bytes, info: bytes) -> bytes:
    """The public key that proofs for this `info` are verified by. Raises NotAnElementError."""
    return add(multiply_base(_tweak(info)), public)


def _tweaked_secret(secret: bytes, info: bytes) -> bytes:
    tweaked = scalar_add(secret, _tweak(info))
    if tweaked == bytes(SCALAR_BYTES):
        raise NotAnElementError("a key that has no inverse for this info")
    return tweaked


def evaluate_blinded_with(
    secret: bytes, blinded: Sequence[bytes], info: bytes, random: bytes
) -> tuple[list[bytes], bytes]:
    """BlindEvaluate: the evaluated elements, and one proof of them. Raises NotAnElementError."""
    tweaked = _tweaked_secret(secret, info)
    (inverse,) = inverses([tweaked])
    evaluated = evaluate_blinded(inverse, blinded)
    return evaluated, prove(tweaked, multiply_base(tweaked), evaluated, blinded, random, suite=POPRF)


def finalise_with(
    inputs: Sequence[bytes],
    with_: Sequence[bytes],
    evaluated: Sequence[bytes],
    blinded: Sequence[bytes],
    info: bytes,
    tweaked: bytes,
    proof: bytes,
) -> list[bytes]:
    """Finalize. Raises UnprovenError."""
    verify(GENERATOR, tweaked, evaluated, blinded, proof, suite=POPRF)
    return [_output(value, info, one) for value, one in zip(inputs, unblind(with_, evaluated), strict=True)]


def evaluate_with(secret: bytes, value: bytes, info: bytes) -> bytes:
    """Evaluate: F(k, x, info)."""
    (inverse,) = inverses([_tweaked_secret(secret, info)])
    return _output(value, info, multiply(inverse, element_of(POPRF.to_group.uniform(value))))


def _output(value: bytes, info: bytes, element: bytes) -> bytes:
    return hashlib.sha512(framed(value, info, element) + b"Finalize").digest()
