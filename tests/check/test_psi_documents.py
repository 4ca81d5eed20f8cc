"""What both sides read of each other: files of values, commitments, offers and sets; no bytes raise anything else."""

import base64
import csv
import hashlib
import io
import json
import random
import tracemalloc
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
    assert sheet.count == 2
    assert [(one.line, one.cells[1]) for one in sheet.rows(sheet.inputs)] == [(2, "x"), (3, "y")]
    assert [one.line for one in sheet.rows([encode_input("ipv4", "1.2.3.4", "2026-10-01")])] == [3]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("type,value,day\nipv4,1.2.3.4,2026-10-01\n".encode("utf-16"), "byte 0"),
        ("type,value,day\nipv4,1.2.3.4,2026-10-01,Bücher\n".encode("latin-1"), "byte 40"),
        (b"type,value,day\n" + b"x" * (1 << 20) + b"\xc3(", f"byte {15 + (1 << 20)}"),
        # a letter of three bytes that is cut where the first piece ends, and never goes on
        (b"x" * ((1 << 20) - 1) + "€".encode()[:2] + b"(", f"byte {(1 << 20) - 1}"),
        (b"type;value;day\nipv4;1.2.3.4;2026-10-01\n", "type;value;day"),
        (b"type,value,day\n" + b"x" * 200_000, "field larger"),
        (b'type,value,day\nipv4,"1.2.3.4" ,2026-10-01\n', "expected after"),
        (b"", "nothing"),
    ],
)
def test_a_file_in_another_encoding_or_form_is_refused_where_it_is_wrong(data: bytes, words: str) -> None:
    with pytest.raises(RefusedFileError) as refused:
        read_sheet(data, "file", never)
    assert words in str(refused.value)


def test_a_letter_that_two_pieces_of_a_file_share_is_read() -> None:
    begin = b"type,value,day,more\nipv4,1.2.3.4,2026-10-01,"
    filling = "\n".join(["y" * 99] * 11_000).encode()[: (1 << 20) - 1 - len(begin) - 1]
    sheet = read_sheet(begin + b'"' + filling.replace(b"\n", b" ")[:100_000] + "€".encode() + b'"\n', "file", never)
    (row,) = sheet.rows(sheet.inputs)
    assert row.cells[3][-1] == "€"
    lines = begin + b"y\n" + b"ipv4,1.2.3.4,2026-10-01,z\n" * 50_000
    at = (1 << 20) - 1
    assert len(lines) > at
    cut = lines[: lines.rindex(b"\n", 0, at) + 1]
    odd = cut + b"ipv4,1.2.3.4,2026-10-02," + b"y" * (at - len(cut) - 24) + "€".encode() + b"\n"
    sheet = read_sheet(odd, "file", never)
    (row,) = sheet.rows([encode_input("ipv4", "1.2.3.4", "2026-10-02")])
    assert row.cells[3][-1] == "€"


def test_what_spreadsheets_would_compute_and_what_stands_twice_comes_out_as_it_stood() -> None:
    rows = [
        ('=HYPERLINK("http://x")', "ipv4", "1.2.3.4", "2026-10-01"),
        ("@SUM(1)", "ipv4", "1[.]2[.]3[.]4", "2026-10-01"),
        ("two\nlines, and \x00", "IPV4", " 1.2.3.4 ", "2026-10-01"),
        ("+1", "ipv4", "1.2.3.5", "2026-10-01"),
    ]
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("who", "type", "value", "day"), *rows])
    sheet = read_sheet(text.getvalue().encode(), "file", never)
    assert (len(sheet.inputs), sheet.count) == (2, 4)
    same = encode_input("ipv4", "1.2.3.4", "2026-10-01")
    assert [(one.line, one.cells) for one in sheet.rows([same])] == list(zip((2, 3, 5), rows[:3], strict=True))
    # a value may not smuggle in what parts an input
    for value in ("1.2.3.4\x002026-10-02", "example.com\x00", "http://example.com/\x00x"):
        for kind in ("ipv4", "domain", "url", "email"):
            line = f'{kind},"{value}",2026-10-01\n'
            for one in read_sheet(b"type,value,day\n" + line.encode(), "file", never).inputs:
                assert one.count(b"\0") == 3


def test_of_a_file_of_many_rows_little_is_kept_beside_its_bytes() -> None:
    text = "type,value,day,more\n" + "ipv4,1.2.3.4,2026-10-01,\U0001f600\n" * 100_000
    data = text.encode()
    del text
    tracemalloc.start()
    sheet = read_sheet(data, "file", never)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (sheet.count, len(sheet.inputs)) == (100_000, 1)
    # four bytes a row, where all of its cells would take hundreds
    assert most < len(data)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: ("type,value,day\n" + text).encode()))
@settings(max_examples=300, deadline=None)
def test_whatever_a_file_holds_it_is_rows_or_rejects_or_refused_whole(data: bytes) -> None:
    try:
        sheet = read_sheet(data, "file", never)
    except RefusedFileError:
        return
    assert all(one.line >= 2 for one in (*sheet.rows(sheet.inputs), *sheet.rejects))
    assert len([*sheet.rows(sheet.inputs)]) == sheet.count


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
