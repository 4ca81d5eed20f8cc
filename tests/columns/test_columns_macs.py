"""The beginnings of many HMACs against the standard library's HMAC and SHA-256."""

import hmac

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accord.columns.macs import head, heads

texts = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=300), max_size=30)


@given(texts, st.binary(min_size=1, max_size=64), st.binary(min_size=1, max_size=20), st.integers(0, 5))
@example(["", "a" * 55, "b" * 56, "c" * 64, "d" * 119, "e" * 120], b"k", b"p", 0)
@settings(max_examples=100, deadline=None)
def test_each_is_the_beginning_of_the_standard_library_s_hmac(
    values: list[str], key: bytes, prefix: bytes, left_out: int
) -> None:
    made = [hmac.new(key, prefix + one.encode(), "sha256").hexdigest() for one in values]
    array = pa.array(values, pa.string())
    assert heads(key, prefix, array).tolist() == [int(one[:16], 16) for one in made]
    # a part of an array has the buffers of the whole
    assert heads(key, prefix, array.slice(left_out)).tolist() == [head(one) for one in made[left_out:]]


def test_a_key_that_is_longer_than_a_block_is_refused() -> None:
    with pytest.raises(ValueError, match="64"):
        heads(bytes(65), b"p", pa.array(["a"]))
