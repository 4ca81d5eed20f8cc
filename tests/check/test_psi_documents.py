"""What both sides read of each other: files of values, commitments, offers and sets; no bytes raise anything else."""

import base64
import hashlib
import json
import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.check.psi.commitment import Commitment, Offer, parse_commitment, verify_offer
from accord.check.psi.inputs import encode_input, read_sheet
from accord.check.psi.oprf import GENERATOR, derive_key, evaluate
from accord.check.psi.routes import decode_offer, encode_offer
from accord.check.psi.sets import ENTRY_BYTES, MaskedSet, make_set, read_set
from accord.ledger.notes import SignatureType, SigningKey
from accord.ledger.policies import parse_policy
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.errors import LedgerError, MalformedError, RefusedFileError, UnprovenError

AT = datetime(2026, 11, 1, tzinfo=UTC)
SAID = Commitment(
    session=UUID(int=7),
    ledger="hub.example/ledger",
    organisation="bank-th",
    country="TH",
    purpose=Purpose.VICTIM_NOTIFICATION,
    epoch=3,
    begins=AT,
    ends=AT + timedelta(days=7),
    public_key=GENERATOR.hex(),
    budget=20_000,
    entries=4096,
    set_sha256="0" * 64,
)
DOCUMENT = (
    b'{"begins":"2026-11-01T00:00:00Z","budget":20000,"country":"TH","document":"accord-psi-commitment/v1",'
    b'"ends":"2026-11-08T00:00:00Z","entries":4096,"entry_bytes":16,"epoch":3,"ledger":"hub.example/ledger",'
    b'"organisation":"bank-th","public_key":"e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76",'
    b'"purpose":"victim-notification","session":"00000000-0000-0000-0000-000000000007",'
    b'"set_sha256":"0000000000000000000000000000000000000000000000000000000000000000",'
    b'"suite":"ristretto255-SHA512 VOPRF"}\n'
)


KEY = SigningKey(name="hub.example/ledger", type=SignatureType.ED25519, seed=bytes(32)).verifier
POLICY = parse_policy(f"log {KEY}\nquorum none\n".encode())


def never(_: str) -> bool:
    return False


def test_a_commitment_is_the_document_that_the_page_tells_of_and_no_other_spelling() -> None:
    assert SAID.encode() == DOCUMENT
    assert parse_commitment(DOCUMENT) == SAID
    assert SAID.digest == hashlib.sha256(DOCUMENT).hexdigest()
    told = json.loads(DOCUMENT)
    for changed in (
        DOCUMENT[:-1],
        DOCUMENT.replace(b":", b": "),
        json.dumps(told | {"epoch": 0}, separators=(",", ":"), sort_keys=True).encode() + b"\n",
        json.dumps(told | {"public_key": "00" * 32}, separators=(",", ":"), sort_keys=True).encode() + b"\n",
        json.dumps(told | {"ends": told["begins"]}, separators=(",", ":"), sort_keys=True).encode() + b"\n",
        json.dumps(told | {"more": 1}, separators=(",", ":"), sort_keys=True).encode() + b"\n",
        b"{}",
        b"[" * 10_000,
    ):
        with pytest.raises(MalformedError):
            parse_commitment(changed)


@given(st.binary(max_size=300) | st.builds(lambda at, by: DOCUMENT[:at] + by + DOCUMENT[at + 1 :],
                                           st.integers(0, len(DOCUMENT)), st.binary(max_size=2)))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_whatever_a_hub_says_is_an_offer_or_refused(data: bytes) -> None:
    with suppress(MalformedError):
        assert parse_commitment(data).encode() == data
    with suppress(ValueError):
        decode_offer(data)
    with pytest.raises(LedgerError):
        verify_offer(Offer(document=data, entry=data, openings=data, proof=data, left=1), POLICY)


def test_an_offer_comes_over_the_wire_as_it_was() -> None:
    offer = Offer(document=DOCUMENT, entry=b"\x00e", openings=b"o\xff", proof=b"", left=3)
    assert decode_offer(encode_offer(offer)) == offer
    assert base64.b64decode(json.loads(encode_offer(offer))["document"]) == DOCUMENT


def test_an_input_is_spelled_as_the_page_says() -> None:
    assert (
        encode_input("ipv4", "110.164.10.1", "2026-10-01") == b"accord-psi-input/v1\0ipv4\x00110.164.10.1\x002026-10-01"
    )


def test_values_are_read_in_their_canonical_form_and_days_in_one() -> None:
    text = "day,extra,Value,TYPE\n2026-10-01,x,EXAMPLE[.]com,domain\n2026-10-01,y,::ffff:1.2.3.4,ipv4\n"
    text += "2026-10-1,z,1.2.3.4,ipv4\n2026-10-01,,1.2.3.4,domain\n2026-02-30,,1.2.3.4,ipv4\n,,,\n2026-10-01,,1.2.3.4\n"
    sheet = read_sheet(b"\xef\xbb\xbf" + text.encode(), "file", never)
    assert sheet.inputs == sorted(
        [encode_input("domain", "example.com", "2026-10-01"), encode_input("ipv4", "1.2.3.4", "2026-10-01")]
    )
    assert [(one.line, one.column) for one in sheet.rejects] == [(4, "day"), (5, "value"), (6, "day"), (8, "")]
    assert [one.cells[1] for one in sheet.rows] == ["x", "y"]


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: ("type,value,day\n" + text).encode()))
@settings(max_examples=300, deadline=None)
def test_whatever_a_file_holds_it_is_rows_or_rejects_or_refused_whole(data: bytes) -> None:
    try:
        sheet = read_sheet(data, "file", never)
    except RefusedFileError:
        return
    assert all(one.line >= 2 for one in (*sheet.rows, *sheet.rejects))


@given(st.integers(0, 9), st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_a_set_holds_what_it_was_made_of_and_its_size_tells_nothing(count: int, seed: int) -> None:
    own = random.Random(seed)
    secret, _ = derive_key(own.randbytes(32), b"")
    inputs = [own.randbytes(12) for _ in range(count)]
    data = make_set(secret, inputs, own.randbytes)
    entries = [data[at : at + ENTRY_BYTES] for at in range(0, len(data), ENTRY_BYTES)]
    assert entries == sorted(entries)
    assert len(entries) == (4096 if count else 0)
    masked = read_set(data, len(entries), hashlib.sha256(data).hexdigest(), "here")
    assert all(one in masked for one in evaluate(secret, inputs, ENTRY_BYTES))
    others = evaluate(secret, [b"another"], ENTRY_BYTES)
    # what bisection says, a plain set says too
    assert [one in masked for one in others] == [one in {*entries} for one in others]
    assert bytes(ENTRY_BYTES) not in MaskedSet(b"")
    for wrong in (data + bytes(ENTRY_BYTES), data + b"\0"):
        with pytest.raises(UnprovenError):
            read_set(wrong, len(entries), hashlib.sha256(data).hexdigest(), "here")
