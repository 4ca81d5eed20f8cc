"""All three modes of RFC 9497 with an implementation by somebody else (@noble/curves), in both parts, in batches."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from accord.check.psi import poprf
from accord.check.psi.group import IDENTITY, SCALAR_BYTES, UNIFORM_BYTES, NotAnElementError, scalar_of
from accord.check.psi.oprf import (
    SUITES,
    Mode,
    blind,
    blinds,
    derive_key,
    evaluate_blinded,
    finalise,
    finalise_proven,
    prove,
)
from accord.vocabulary.errors import UnprovenError

INTEROP = Path(__file__).parents[1] / "interop"
INFO = b"epoch 7"
PROVEN = (Mode.VOPRF, Mode.POPRF)

Told = dict[str, list[str]]


@pytest.fixture(scope="module")
def other() -> Iterator[Callable[..., Told]]:
    """Ask the other implementation."""
    if shutil.which("node") is None:
        pytest.skip("needs node: an implementation that is none of ours")
    if not (INTEROP / "node_modules").is_dir():
        pytest.skip("`make interop` has not installed what it speaks with")
    with subprocess.Popen(
        ["node", INTEROP / "modes.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def told(do: str, mode: Mode, **said: bytes | list[bytes]) -> dict:
            coded = {name: one.hex() if isinstance(one, bytes) else [each.hex() for each in one]
                     for name, one in (said | {"info": INFO}).items()}  # fmt: skip
            process.stdin.write(json.dumps({"do": do, "mode": mode.name} | coded) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield told
        process.stdin.close()


def several(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(one) for one in texts]


def answered(mode: Mode, seed: bytes, blinded: list[bytes]) -> tuple[bytes, list[bytes], bytes]:
    """Our hub: its public key, evaluated elements and their proof, which OPRF has not."""
    secret, public = derive_key(seed, b"key", SUITES[mode])
    once = scalar_of(os.urandom(UNIFORM_BYTES))
    if mode is Mode.POPRF:
        return public, *poprf.evaluate_blinded_with(secret, blinded, INFO, once)
    evaluated = evaluate_blinded(secret, blinded)
    return public, evaluated, prove(secret, public, blinded, evaluated, once) if mode is Mode.VOPRF else b""


def finalised(
    mode: Mode, inputs: list[bytes], scalars: list[bytes], evaluated: list[bytes], blinded: list[bytes],
    public: bytes, proof: bytes,
) -> list[bytes]:  # fmt: skip
    """Our organisation."""
    if mode is Mode.OPRF:
        return finalise(inputs, scalars, evaluated)
    if mode is Mode.VOPRF:
        return finalise_proven(inputs, scalars, evaluated, blinded, public, proof)
    tweaked = poprf.tweaked_public(public, INFO)
    return poprf.finalise_with(inputs, scalars, evaluated, blinded, INFO, tweaked, proof)


def falsified(evaluated: list[bytes], proof: bytes, another: bytes) -> Iterator[tuple[list[bytes], bytes]]:
    """Answers that were not computed by one key, or not proven; `another` is the proof of another batch."""
    for at in (0, SCALAR_BYTES - 1, SCALAR_BYTES, 2 * SCALAR_BYTES - 1):
        yield evaluated, proof[:at] + bytes([proof[at] ^ 1]) + proof[at + 1 :]
    yield evaluated, another
    yield evaluated, bytes(len(proof))
    yield [*evaluated[1:], evaluated[0]], proof
    yield [evaluated[0], *evaluated[:-1]], proof
    yield [*evaluated[:-1], IDENTITY], proof


@pytest.mark.parametrize("count", [1, 2, 9])
@pytest.mark.parametrize("mode", Mode)
def test_their_organisation_gets_of_our_hub_what_their_own_hub_computes(
    mode: Mode, count: int, other: Callable[..., Told]
) -> None:
    seed, inputs = os.urandom(32), [os.urandom(number * 7) for number in range(count)]
    _, public = derive_key(seed, b"key", SUITES[mode])
    asked = other("blind", mode, inputs=inputs, public_key=public)
    scalars, blinded = several(asked["blinds"]), several(asked["blinded"])
    # the same blinds give the same elements
    assert blind(inputs, scalars, suite=SUITES[mode]) == blinded
    _, evaluated, proof = answered(mode, seed, blinded)
    said = {"inputs": inputs, "blinds": scalars, "blinded": blinded, "public_key": bytes.fromhex(asked["public_key"])}
    told = other("finalise", mode, **said, evaluated=evaluated, proof=proof)
    assert told == other("compute", mode, seed=seed, key_info=b"key", inputs=inputs)
    if mode not in PROVEN or count == 1:
        return
    _, _, another = answered(mode, seed, blinded[::-1])
    for wrong, false in falsified(evaluated, proof, another):
        assert "refused" in other("finalise", mode, **said, evaluated=wrong, proof=false)


@pytest.mark.parametrize("count", [1, 2, 9])
@pytest.mark.parametrize("mode", Mode)
def test_our_organisation_gets_of_their_hub_what_it_computes_itself(
    mode: Mode, count: int, other: Callable[..., Told]
) -> None:
    seed, inputs = os.urandom(32), [os.urandom(number * 7) for number in range(count)]
    scalars = blinds(count, os.urandom)
    blinded = blind(inputs, scalars, suite=SUITES[mode])
    keys = {"seed": seed, "key_info": b"key"}
    told = other("evaluate", mode, **keys, blinded=blinded)
    public, evaluated = bytes.fromhex(told["public_key"]), several(told["evaluated"])
    proof = bytes.fromhex(told["proof"])
    own = other("compute", mode, **keys, inputs=inputs)["outputs"]
    assert [one.hex() for one in finalised(mode, inputs, scalars, evaluated, blinded, public, proof)] == own
    # ours is the same hub where it has the same seed
    assert answered(mode, seed, blinded)[:2] == (public, evaluated)
    if mode not in PROVEN or count == 1:
        return
    another = bytes.fromhex(other("evaluate", mode, **keys, blinded=blinded[::-1])["proof"])
    for wrong, false in falsified(evaluated, proof, another):
        with pytest.raises((UnprovenError, NotAnElementError)):
            finalised(mode, inputs, scalars, wrong, blinded, public, false)
    # the right answers of another key
    other_key = other("evaluate", mode, seed=os.urandom(32), key_info=b"key", blinded=blinded)
    with pytest.raises(UnprovenError):
        finalised(mode, inputs, scalars, several(other_key["evaluated"]), blinded, public,
                  bytes.fromhex(other_key["proof"]))  # fmt: skip
