"""The promises of every target under inputs that Hypothesis draws: lines, cells and JSON of the target's own words.

`ACCORD_EXAMPLES=2000 pytest tests/fuzz` draws that many for each; `make fuzz` does.
"""

import json
import os
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.formats.catalogue import FORMATS
from fuzz.mutation import mutate
from fuzz.target import Target
from fuzz.targets import TARGETS

_TOLD = os.environ.get("ACCORD_EXAMPLES")

ENDS = st.sampled_from([b"\n", b"\n", b"\n", b"\r\n", b"\n\n", b"\r", b""])
DELIMITERS = st.sampled_from([b",", b"\t", b";", b"|", b" ", b'","'])
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)


def examples(quick: int) -> int:
    """How many examples are drawn: `quick`, or as many as ACCORD_EXAMPLES says."""
    return int(_TOLD) if _TOLD else quick


def texts(target: Target) -> st.SearchStrategy[bytes]:
    """Texts of lines that are a seed's, or put together from the target's words, or anything."""
    lines = sorted({line for seed in target.seeds for line in seed[target.prefix :].split(b"\n")})
    words = st.sampled_from(target.words) | st.binary(max_size=6)
    row = st.tuples(DELIMITERS, st.lists(words, max_size=12)).map(lambda both: both[0].join(both[1]))
    line = st.sampled_from(lines) | row | st.binary(max_size=40)
    ended = st.lists(st.tuples(line, ENDS).map(b"".join), max_size=10)
    return ended.map(b"".join)


def documents(target: Target) -> st.SearchStrategy[bytes]:
    """JSON values whose names and texts are often those of the target's cases, one a line or one in all."""
    known = [word.strip(b'":,').decode("utf-8", "replace") for word in target.words]
    names = st.sampled_from(known) | st.text(max_size=4)
    trees = st.recursive(
        LEAVES | st.sampled_from(known),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6),
        max_leaves=16,
    )
    values = trees.map(json.dumps).map(str.encode)
    wrapped = st.tuples(st.sampled_from(sorted(_WRAPS)), values).map(
        lambda both: _WRAPS[both[0]].replace(b"@", both[1])
    )
    return st.lists(values | wrapped, min_size=1, max_size=4).map(b"\n".join)


_WRAPS = {
    "list": b"[@]",
    "bundle": b'{"type": "bundle", "objects": [@]}',
    "event": b'{"Event": {"info": "x", "Attribute": [@]}}',
    "answer": b'{"response": [@]}',
}


def chosen(target: Target, text: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Inputs of the target: the bytes that choose, and a text."""
    return st.tuples(st.binary(min_size=target.prefix, max_size=target.prefix), text).map(b"".join)


@pytest.mark.parametrize("name", [f"format-{name}" for name in FORMATS])
def test_no_text_breaks_a_promise_of_a_format_or_loses_a_good_record(name: str) -> None:
    target = TARGETS[name]()

    @settings(max_examples=examples(40))
    @given(data=chosen(target, texts(target) | documents(target) | st.binary(max_size=200)))
    def check(data: bytes) -> None:
        target.check(data)

    check()


@pytest.mark.parametrize("name", [name for name in TARGETS if not name.startswith("format-")])
def test_no_text_breaks_a_promise_of_a_kernel_or_a_reader(name: str) -> None:
    target = TARGETS[name]()

    @settings(max_examples=examples(60))
    @given(data=chosen(target, texts(target)))
    def check(data: bytes) -> None:
        target.check(data)

    check()


@pytest.mark.parametrize("name", TARGETS)
def test_no_mutation_of_a_seed_breaks_a_promise(name: str) -> None:
    target = TARGETS[name]()

    @settings(max_examples=examples(25))
    @given(seed=st.sampled_from(target.seeds), number=st.integers(0, 2**32), times=st.integers(1, 4))
    def check(seed: bytes, number: int, times: int) -> None:
        random = Random(number)
        for _ in range(times):
            seed = mutate(seed, target.longest, random, target)
        assert len(seed) <= target.longest
        target.check(seed)

    check()
