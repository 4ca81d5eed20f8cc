"""Finding ids against the standard library's HMAC and SHA-256."""

import hashlib
import hmac

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accord.columns.sha256 import START, finish, push
from accord.fusion import identity
from accord.fusion.identity import finding_ids
from accord.vocabulary.errors import OutputError
from accord.vocabulary.indicators import INDICATOR_TYPES
from accord.vocabulary.roles import ROLES

_rows = st.lists(
    st.tuples(
        st.integers(0, len(INDICATOR_TYPES) - 1),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
        st.integers(0, len(ROLES) - 1),
    ),
    max_size=30,
)


def findings(rows: list[tuple[int, str, int]]) -> pa.Table:
    types, values, roles = ([row[at] for row in rows] for at in range(3))
    return pa.table(
        {"type": pa.array(types, pa.int8()), "value": pa.array(values, pa.string()), "role": pa.array(roles, pa.int8())}
    )


@given(_rows, st.binary(min_size=1, max_size=64), st.integers(1, 3))
@settings(max_examples=100, deadline=None)
def test_an_id_is_the_standard_library_s_hmac(rows: list[tuple[int, str, int]], key: bytes, threads: int) -> None:
    expected = [
        hmac.new(key, f"{INDICATOR_TYPES[kind]}\0{value}\0{ROLES[role]}".encode(), "sha256").hexdigest()
        for kind, value, role in rows
    ]
    assert finding_ids(findings(rows), key, threads).to_pylist() == expected


def test_a_slice_of_a_table_gives_the_ids_of_its_rows() -> None:
    whole = findings([(0, f"8.8.8.{number}", 0) for number in range(9)])
    assert finding_ids(whole.slice(4, 3), b"key", 2).to_pylist() == finding_ids(whole, b"key", 2).to_pylist()[4:7]


@given(st.binary(max_size=300))
@example(b"abc")
@example(b"a" * 55)
@example(b"a" * 56)
@example(b"a" * 64)
@settings(max_examples=100, deadline=None)
def test_the_compiled_hash_is_sha_256(message: bytes) -> None:
    state, block, room = START.copy(), np.zeros(128, np.uint8), np.zeros(64, np.uint32)
    held = push(state, block, 0, np.frombuffer(message + b"\0", np.uint8), 0, len(message), room)
    finish(state, block, held, len(message), room)
    assert state.astype(">u4").tobytes() == hashlib.sha256(message).digest()


def test_a_key_longer_than_a_block_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 64 bytes"):
        finding_ids(findings([]), b"k" * 65, 1)


def test_more_findings_than_offsets_can_number_are_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    assert identity.FINDINGS_LIMIT * 64 < 2**31 <= (identity.FINDINGS_LIMIT + 1) * 64
    monkeypatch.setattr(identity, "FINDINGS_LIMIT", 2)
    rows = [(0, f"8.8.8.{at}", 0) for at in range(3)]
    assert len(finding_ids(findings(rows[:2]), b"key", 1)) == 2
    with pytest.raises(OutputError, match="more findings than one run can hold"):
        finding_ids(findings(rows), b"key", 1)
