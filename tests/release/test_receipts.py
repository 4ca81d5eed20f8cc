"""Receipts: what a recipient signed of a package, taken in for that package and from that recipient alone."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.ledger.notes import SignatureType, SigningKey, open_note, sign_note
from accord.release.receipts import Disclosed, Receipt, parse_receipt, read_receipt, sign_receipt
from accord.vocabulary.errors import LedgerError, MalformedError, UnprovenError

KEY = SigningKey(name="csirt-th.example", type=SignatureType.ED25519, seed=bytes(32))
DISCLOSED = Disclosed(
    package=UUID("7e57d004-2b97-4e7a-b45f-5387367791cd"),
    digest="11" * 32,
    content="22" * 32,
    entries=(17, 18),
    recipient="csirt-th",
)
RECEIPT = Receipt(disclosed=DISCLOSED, opened_at=datetime(2026, 11, 27, 10, 0, 1, tzinfo=UTC))
SIGNED = sign_receipt(RECEIPT, KEY)
TEXT = f"""accord-receipt/v1
package 7e57d004-2b97-4e7a-b45f-5387367791cd
digest {"11" * 32}
entries 17 18
content {"22" * 32}
opened 2026-11-27T10:00:01Z
recipient csirt-th
"""


def test_a_receipt_is_a_note_of_seven_lines() -> None:
    assert SIGNED.decode().partition("\n\n")[0] + "\n" == TEXT
    assert open_note(SIGNED, [KEY.verifier]).text == TEXT
    assert read_receipt(SIGNED, key=KEY.verifier, disclosed=DISCLOSED) == RECEIPT


@pytest.mark.parametrize(
    "other",
    [
        {"package": UUID(int=1)},
        {"digest": "33" * 32},
        {"content": "33" * 32},
        {"entries": (17,)},
        {"entries": (17, 19)},
        {"recipient": "csirt-sg"},
    ],
    ids=str,
)
def test_a_receipt_for_something_else_is_refused(other: dict[str, object]) -> None:
    with pytest.raises(UnprovenError, match="for something else") as caught:
        read_receipt(SIGNED, key=KEY.verifier, disclosed=replace(DISCLOSED, **other))
    assert caught.value.where == next(iter(other))


def test_a_receipt_by_somebody_else_is_refused() -> None:
    other = SigningKey(name=KEY.name, type=KEY.type, seed=bytes([1]) * 32)
    with pytest.raises(UnprovenError, match="No known key"):
        read_receipt(SIGNED, key=other.verifier, disclosed=DISCLOSED)
    with pytest.raises(UnprovenError):
        read_receipt(SIGNED.replace(b":01Z", b":02Z"), key=KEY.verifier, disclosed=DISCLOSED)


@pytest.mark.parametrize(
    "text",
    [
        "\n",
        TEXT.replace("v1", "v2"),
        TEXT.replace("17 18", ""),
        TEXT.replace("17 18", "017"),
        TEXT.replace("17 18", "17  18"),
        TEXT.replace("T10", "T25"),
        TEXT.replace("-11-", "-13-"),
        TEXT.replace("Z\n", "+00:00\n"),
        TEXT.replace("7e57", "7E57"),
        TEXT.replace("csirt-th", "CSIRT"),
        TEXT + "more\n",
        TEXT[:-1],
        "0000" + TEXT,
    ],
)
def test_what_is_no_receipt_is_refused_whoever_signed_it(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_receipt(text)
    if text.endswith("\n"):
        with pytest.raises(MalformedError):
            read_receipt(sign_note(text, [KEY]).encode(), key=KEY.verifier, disclosed=DISCLOSED)


@given(st.integers(0, len(SIGNED) - 1), st.integers(1, 255))
def test_a_changed_receipt_is_refused_or_says_the_same(at: int, change: int) -> None:
    changed = SIGNED[:at] + bytes([SIGNED[at] ^ change]) + SIGNED[at + 1 :]
    try:
        assert read_receipt(changed, key=KEY.verifier, disclosed=DISCLOSED) == RECEIPT
    except LedgerError:
        return
