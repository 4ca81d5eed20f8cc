"""The splitter against Python's csv module and bytes.decode, line by line."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accord.columns.fields import (
    DOUBLED,
    QUOTED,
    are_equal,
    begin_with,
    constant,
    contain,
    distinct,
    gather,
    names,
    read_numbers,
    read_ports,
    split,
    split_line,
    trim,
)
from accord.columns.kernel import OUTCOMES
from accord.vocabulary.reasons import Rejected
from fuzz.twins import fields as slow_fields


def lines_of(*lines: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bytes, starts and ends of lines laid one after the other, with a byte between them that belongs to none."""
    data = np.frombuffer(b"\n".join(lines) + b"\n", np.uint8)
    ends = np.cumsum([len(line) + 1 for line in lines], dtype=np.int64) - 1
    starts = ends - np.array([len(line) for line in lines], np.int64)
    return data, starts, ends


def fast_fields(line, delimiter, quoting=True):
    read = split_line(line, delimiter, quoting=quoting)
    return read if isinstance(read, Rejected) else list(read)


ALPHABET = st.sampled_from(
    [b'"', b'"', b'""', b",", b";", b"\t", b"a", b" ", b"\x00", "ä".encode(), "€".encode(), b"\xff"]
)
LINES = st.lists(ALPHABET, max_size=14).map(b"".join)


@settings(max_examples=1500, deadline=None)
@given(line=LINES, delimiter=st.sampled_from([",", ";", "\t"]))
@example(line=b'"a"b,c', delimiter=",")
@example(line=b'"a""b","",c""', delimiter=",")
@example(line=b'"open', delimiter=",")
@example(line=b",,", delimiter=",")
def test_a_line_has_the_fields_that_the_csv_module_finds(line, delimiter):
    assert fast_fields(line, delimiter) == slow_fields(line, delimiter)


@settings(max_examples=500, deadline=None)
@given(line=LINES)
def test_without_quoting_a_line_is_cut_at_every_delimiter(line):
    try:
        expected = line.decode("utf-8").split("\t")
    except UnicodeDecodeError:
        expected = Rejected.ENCODING
    assert fast_fields(line, "\t", quoting=False) == expected


@settings(max_examples=1000, deadline=None)
@given(line=st.binary(max_size=8).map(lambda raw: raw.replace(b",", b"").replace(b'"', b"")))
@example(line=b"\xc0\x80")
@example(line=b"\xed\xa0\x80")
@example(line=b"\xf4\x90\x80\x80")
@example(line=b"\xf0\x8f\xbf\xbf")
@example(line=b"\xe2\x82")
def test_a_line_is_utf_8_when_python_can_decode_it(line):
    try:
        expected = [line.decode("utf-8")]
    except UnicodeDecodeError:
        expected = Rejected.ENCODING
    assert fast_fields(line, ",") == expected


@settings(max_examples=300, deadline=None)
@given(lines=st.lists(LINES, min_size=1, max_size=12), wanted=st.lists(st.integers(0, 5), unique=True, max_size=4))
def test_lines_are_split_each_by_itself(lines, wanted):
    fields = split(*lines_of(*lines), wanted, ",")
    for at, line in enumerate(lines):
        expected = slow_fields(line, ",")
        if isinstance(expected, Rejected):
            assert OUTCOMES[fields.outcome[at]] is expected
            assert fields.columns[at] == 0
            expected = []
        else:
            assert fields.outcome[at] == 0
            assert fields.columns[at] == len(expected)
        for slot, column in enumerate(wanted):
            got = fields.data[fields.start[slot, at] : fields.end[slot, at]].tobytes().decode()
            assert got == (expected[column] if column < len(expected) else "")


@settings(max_examples=300, deadline=None)
@given(line=LINES)
def test_trimmed_fields_are_the_fields_without_white_space_at_their_ends(line):
    where = lines_of(line)
    plain, trimmed = (split(*where, range(6), ",", trimmed=trimming) for trimming in (False, True))
    for slot in range(6):
        texts = [one.data[one.start[slot, 0] : one.end[slot, 0]].tobytes() for one in (plain, trimmed)]
        assert texts[1] == texts[0].strip()


@pytest.mark.parametrize(
    ("text", "port"), [(b"1", 1), (b" 65535", 65_535), (b"", 0), (b" ", 0), (b"0", -1), (b"x", -1)]
)
def test_a_port_is_one_to_65535_and_an_empty_span_is_no_fault(text, port):
    assert read_ports(*lines_of(text)).tolist() == [port]


def test_flags_say_which_fields_stood_in_quotes_and_held_doubled_ones():
    fields = split(*lines_of(b'plain,"quoted","dou""bled",""'), range(4), ",")
    assert fields.flags[:, 0].tolist() == [0, QUOTED, QUOTED | DOUBLED, QUOTED]


def test_the_bytes_that_were_split_stay_where_they_were():
    data, start, end = lines_of(b'x,"a""b"')
    fields = split(data, start, end, (1,), ",")
    assert fields.data[: len(data)].tobytes() == data.tobytes()


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n", "é"])
def test_a_delimiter_that_cannot_part_columns_is_refused(delimiter):
    with pytest.raises(ValueError, match="delimiter"):
        split(*lines_of(b"a"), (0,), delimiter)


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(st.tuples(st.text(alphabet="aé€𝄞 \t", max_size=6), st.booleans()), max_size=20))
def test_gathered_texts_are_the_texts_that_stood_there(texts):
    data, start, end = lines_of(*(text.encode() for text, _ in texts))
    gathered = gather(data, start, end)
    gathered.validate(full=True)
    assert gathered.to_pylist() == [text for text, _ in texts]
    some = gather(data, start, end, np.array([present for _, present in texts], np.bool_))
    some.validate(full=True)
    assert some.to_pylist() == [text if present else None for text, present in texts]


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(st.text(alphabet="ab \t\x0b", max_size=4), max_size=20))
def test_names_lose_white_space_around_them_and_are_null_when_nothing_is_left(texts):
    data, start, end = lines_of(*(text.encode() for text in texts))
    column = names(data, start, end)
    assert column.to_pylist() == [text.strip() or None for text in texts]
    codes, words = distinct(column)
    assert [None if code < 0 else words[code] for code in codes] == column.to_pylist()
    assert len(set(words)) == len(words)
    first, last = trim(data, start, end)
    assert [data[a:b].tobytes().decode() for a, b in zip(first, last, strict=True)] == [text.strip() for text in texts]


def test_a_constant_column_says_one_name_everywhere_or_nothing():
    assert constant("c2-server", 3).to_pylist() == ["c2-server"] * 3
    assert constant(None, 2).to_pylist() == [None, None]
    assert constant(None, 2).type == constant("x", 0).type == names(*lines_of(b"x")).type


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b"0", 0),
        (b"443", 443),
        (b" 443 ", 443),
        (b"999999999999", 999_999_999_999),
        (b"1000000000000", -1),
        (b"0443", -1),
        (b"", -2),
        (b" \t", -2),
        (b"-1", -1),
        (b"+1", -1),
        (b"1.0", -1),
        (b"1 2", -1),
        ("٣".encode(), -1),
    ],
)
def test_a_number_is_plain_decimal_digits(text, number):
    assert read_numbers(*lines_of(text)).tolist() == [number]


def test_spans_are_compared_byte_by_byte():
    spans = lines_of(b"-", b"", b"--", b"#fields\tx", b"a/b")
    assert are_equal(*spans, b"-").tolist() == [True, False, False, False, False]
    assert begin_with(*spans, b"#fields").tolist() == [False, False, False, True, False]
    assert contain(*spans, "/").tolist() == [False, False, False, False, True]
