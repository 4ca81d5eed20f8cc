"""Oblivious pseudorandom functions (RFC 9497), suite ristretto255-SHA512: modes OPRF and VOPRF, with batched proofs.

The hub has a key k, the organisation an input x. From the organisation's blinded element, which is uniformly random
whatever x is, the hub computes an evaluated one; from that the organisation, which knows the blind, gets F(k, x) and
nothing else. A proof, one for a whole batch, shows that the hub used the key that it committed to.
"""

import hashlib
from collections.abc import Callable, Sequence
from enum import IntEnum
from itertools import repeat

from accord.check.psi.group import (
    ELEMENT_BYTES,
    SCALAR_BYTES,
    UNIFORM_BYTES,
    NotAnElementError,
    add,
    buffer,
    inverses,
    is_scalar,
    multiply,
    multiply_base,
    scalar_multiply,
    scalar_of,
    scalar_subtract,
    sodium,
)
from accord.check.psi.spreading import ALONE, Spread
from accord.vocabulary.errors import UnprovenError

SUITE = "ristretto255-SHA512"
PROOF_BYTES = 2 * SCALAR_BYTES
OUTPUT_BYTES = 64
MOST_AT_ONCE = 1 << 16
"""Elements under one proof: its transcripts count them in two bytes."""

GENERATOR = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")
"""RFC 9496, 4 and A.1."""

Draw = Callable[[int], bytes]
"""As many random bytes as it is asked for."""


class Mode(IntEnum):
    """RFC 9497, 3.1."""

    OPRF = 0
    VOPRF = 1
    POPRF = 2


class Hashing:
    """Uniform bytes of messages under a domain: expand_message_xmd with SHA-512, for 64 bytes (RFC 9380, 5.3.1)."""

    def __init__(self, domain: bytes) -> None:
        self._end = domain + bytes([len(domain)])
        self._middle = UNIFORM_BYTES.to_bytes(2, "big") + b"\0" + self._end
        self._last = b"\1" + self._end
        # a block of zeros stands before every message
        self._begun = hashlib.sha512(bytes(128))

    def uniform(self, message: bytes) -> bytes:
        """64 bytes."""
        first = self._begun.copy()
        first.update(message + self._middle)
        return hashlib.sha512(first.digest() + self._last).digest()


class Suite:
    """One mode's functions that depend on its name (`contextString`) alone."""

    def __init__(self, mode: Mode) -> None:
        self.mode = mode
        self.context = b"OPRFV1-" + bytes([mode]) + b"-" + SUITE.encode()
        self.to_group = Hashing(b"HashToGroup-" + self.context)
        self.to_scalar = Hashing(b"HashToScalar-" + self.context)
        self.to_key = Hashing(b"DeriveKeyPair" + self.context)

    def scalar(self, message: bytes) -> bytes:
        """HashToScalar."""
        return scalar_of(self.to_scalar.uniform(message))


SUITES = {mode: Suite(mode) for mode in Mode}
VOPRF = SUITES[Mode.VOPRF]


def framed(*parts: bytes) -> bytes:
    """Each part with its length before it, in two bytes."""
    return b"".join(len(one).to_bytes(2, "big") + one for one in parts)


def derive_key(seed: bytes, info: bytes, suite: Suite = VOPRF) -> tuple[bytes, bytes]:
    """DeriveKeyPair (3.2.1): a secret and a public key from 32 random bytes."""
    for counter in range(256):
        secret = scalar_of(suite.to_key.uniform(seed + framed(info) + bytes([counter])))
        if secret != bytes(SCALAR_BYTES):
            return secret, multiply_base(secret)
    raise NotAnElementError("no key comes of this seed")


def blinds(count: int, draw: Draw) -> list[bytes]:
    """Random scalars, none of them 0."""
    uniform, zero = draw(count * UNIFORM_BYTES), bytes(SCALAR_BYTES)
    found = [scalar_of(uniform[at : at + UNIFORM_BYTES]) for at in range(0, len(uniform), UNIFORM_BYTES)]
    return [one if one != zero else blinds(1, draw)[0] for one in found]


def blind(inputs: Sequence[bytes], with_: Sequence[bytes], spread: Spread = ALONE, suite: Suite = VOPRF) -> list[bytes]:
    """Blind (3.3.1): the element of each input, times its blind."""

    def work(part: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        library, out, uniform = sodium(), buffer(), suite.to_group.uniform
        from_hash, product, found = library.from_hash, library.multiply, []
        for value, scalar in part:
            from_hash(out, uniform(value))
            if product(out, scalar, out):
                raise NotAnElementError("an input that maps to the identity")
            found.append(out.raw)
        return found

    return spread.over(work, list(zip(inputs, with_, strict=True)))


def evaluate_blinded(secret: bytes, blinded: Sequence[bytes], spread: Spread = ALONE) -> list[bytes]:
    """BlindEvaluate (3.3.1) without a proof. Raises NotAnElementError for what is no element, or the identity."""

    def work(part: Sequence[bytes]) -> list[bytes]:
        out, product, found = buffer(), sodium().multiply, []
        for element in part:
            if len(element) != ELEMENT_BYTES or product(out, secret, element):
                raise NotAnElementError("no element, or the identity")
            found.append(out.raw)
        return found

    return spread.over(work, blinded)


def evaluate(
    secret: bytes, inputs: Sequence[bytes], keep: int = OUTPUT_BYTES, spread: Spread = ALONE, suite: Suite = VOPRF
) -> list[bytes]:
    """Evaluate (3.3.1): F(k, x) of each input, its first `keep` bytes."""

    def work(part: Sequence[bytes]) -> list[bytes]:
        library, out, uniform = sodium(), buffer(), suite.to_group.uniform
        from_hash, product, found = library.from_hash, library.multiply, []
        for value in part:
            from_hash(out, uniform(value))
            if product(out, secret, out):
                raise NotAnElementError("an input that maps to the identity")
            found.append(output(value, out.raw)[:keep])
        return found

    return spread.over(work, inputs)


def output(value: bytes, element: bytes) -> bytes:
    """What comes of an input and its unblinded element."""
    return hashlib.sha512(len(value).to_bytes(2, "big") + value + b"\0\x20" + element + b"Finalize").digest()


def unblind(with_: Sequence[bytes], evaluated: Sequence[bytes], spread: Spread = ALONE) -> list[bytes]:
    """The element of each, times the inverse of its blind. Raises NotAnElementError."""

    def work(part: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        out, product, found = buffer(), sodium().multiply, []
        back = inverses([scalar for scalar, _ in part])
        for scalar, (_, element) in zip(back, part, strict=True):
            if product(out, scalar, element):
                raise NotAnElementError("no element, or the identity")
            found.append(out.raw)
        return found

    return spread.over(work, list(zip(with_, evaluated, strict=True)))


def finalise(
    inputs: Sequence[bytes], with_: Sequence[bytes], evaluated: Sequence[bytes], spread: Spread = ALONE
) -> list[bytes]:
    """Finalize of OPRF (3.3.1): F(k, x) of each input. Raises NotAnElementError."""
    return [output(value, one) for value, one in zip(inputs, unblind(with_, evaluated, spread), strict=True)]


def finalise_proven(
    inputs: Sequence[bytes],
    with_: Sequence[bytes],
    evaluated: Sequence[bytes],
    blinded: Sequence[bytes],
    public: bytes,
    proof: bytes,
    spread: Spread = ALONE,
) -> list[bytes]:
    """Finalize of VOPRF (3.3.2). Raises UnprovenError when the evaluation is not by the key of `public`."""
    verify(GENERATOR, public, blinded, evaluated, proof, spread)
    return finalise(inputs, with_, evaluated, spread)


def prove(
    secret: bytes,
    public: bytes,
    elements: Sequence[bytes],
    products: Sequence[bytes],
    random: bytes,
    spread: Spread = ALONE,
    suite: Suite = VOPRF,
) -> bytes:
    """GenerateProof (2.2.1): that each product is `secret` times its element, as `public` is times the generator.

    `random`: a scalar that is used once.
    """
    (one,) = _composites(public, elements, products, [elements], spread, suite)
    other = multiply(secret, one)
    challenge = _challenge(public, one, other, multiply_base(random), multiply(random, one), suite)
    return challenge + scalar_subtract(random, scalar_multiply(challenge, secret))


def verify(
    base: bytes,
    public: bytes,
    elements: Sequence[bytes],
    products: Sequence[bytes],
    proof: bytes,
    spread: Spread = ALONE,
    suite: Suite = VOPRF,
) -> None:
    """VerifyProof (2.2.2). Raises UnprovenError when it does not hold."""
    challenge, answer = proof[:SCALAR_BYTES], proof[SCALAR_BYTES:]
    if not is_scalar(challenge) or not is_scalar(answer) or len(elements) != len(products):
        raise _unproven("no proof of so many elements")
    try:
        one, other = _composites(public, elements, products, [elements, products], spread, suite)
        second = add(multiply(answer, base), multiply(challenge, public))
        third = add(multiply(answer, one), multiply(challenge, other))
        held = _challenge(public, one, other, second, third, suite) == challenge
    except NotAnElementError as error:
        raise _unproven(str(error)) from error
    if not held:
        raise _unproven("another challenge than the elements give")


def _unproven(why: str) -> UnprovenError:
    return UnprovenError(
        "The hub's proof does not hold: what it answered was not computed by the key that it has committed to.",
        expected="a proof by RFC 9497, 2.2",
        got=why,
        remedy="rely on nothing that it answered; keep it, and ask the hub how it came about",
    )


def _composites(
    public: bytes,
    elements: Sequence[bytes],
    products: Sequence[bytes],
    wanted: Sequence[Sequence[bytes]],
    spread: Spread,
    suite: Suite,
) -> list[bytes]:
    """ComputeComposites (2.2): the weighted sum of each of the wanted columns."""
    if not 0 < len(elements) <= MOST_AT_ONCE:
        raise NotAnElementError(f"{len(elements)} elements under one proof")
    seed = hashlib.sha512(framed(public, b"Seed-" + suite.context)).digest()
    begin, uniform = framed(seed), suite.to_scalar.uniform

    def work(part: Sequence[tuple[int, bytes, bytes, tuple[bytes, ...]]]) -> list[list[bytes]]:
        library, out, weight = sodium(), buffer(), buffer()
        reduce, product, plus = library.reduce, library.multiply, library.add
        sums: list[bytes | None] = list(repeat(None, len(wanted)))
        for at, element, other, terms in part:
            said = b"%b%b\0\x20%b\0\x20%bComposite" % (begin, at.to_bytes(2, "big"), element, other)
            reduce(weight, uniform(said))
            for column, term in enumerate(terms):
                if product(out, weight, term):
                    raise NotAnElementError("no element, or the identity")
                before = sums[column]
                if before is not None and plus(out, before, out):
                    raise NotAnElementError("no element")
                sums[column] = out.raw
        return [[one for one in sums if one is not None]]

    rows = list(zip(range(len(elements)), elements, products, zip(*wanted, strict=True), strict=True))
    parts = spread.over(work, rows)
    totals = parts[0]
    for part in parts[1:]:
        totals = [add(one, other) for one, other in zip(totals, part, strict=True)]
    return totals


def _challenge(public: bytes, one: bytes, other: bytes, second: bytes, third: bytes, suite: Suite) -> bytes:
    return suite.scalar(framed(public, one, other, second, third) + b"Challenge")
