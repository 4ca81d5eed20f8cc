"""Entries as lists of commitments: an example worked with sha256sum, and attempts to open them otherwise."""

from collections.abc import Callable
from hashlib import sha256
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.ledger.commitments import (
    Commitment,
    Entry,
    Opening,
    commit,
    commit_encoded,
    encode_opened,
    encode_openings,
    join_opened,
    parse_entry,
    parse_opened,
    parse_openings,
    pick_openings,
    verify_opened,
)
from accord.ledger.tiles import pack_entries
from accord.ledger.tree import leaf_hash
from accord.vocabulary.errors import LedgerError, MalformedError, UnprovenError

# Worked by hand: (printf 'accord-commitment/v1\0\4kind'; the bytes 0 to 31; printf disclosure) | sha256sum, and the
# same with \7records, the bytes 32 to 63 and '<10'. The leaf: printf '\0accord-entry/v1\nkind Qem...' | sha256sum
KIND = Opening(name="kind", salt=bytes(range(32)), value=b"disclosure")
RECORDS = Opening(name="records", salt=bytes(range(32, 64)), value=b"<10")
ENTRY = (
    b"accord-entry/v1\n"
    b"kind QemIPsy4mD+USzNp83qb3m0e5K3kEhvHXe5A0WhGvik=\n"
    b"records XEvkruQI6U0ksWSO8lg9laVIFX5oY21j7HMGTpGgsIM=\n"
)
LEAF = "717a6709f1fd0088f4740797070210f7e8a035c04e85432d931724732a4bcca7"
OPENINGS = (
    b"accord-openings/v1\n"
    b"kind AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= ZGlzY2xvc3VyZQ==\n"
    b"records ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8= PDEw\n"
)


def draw_in_turn(*salts: bytes):
    turn = iter(salts)

    def draw(count: int) -> bytes:
        salt = next(turn)
        assert len(salt) == count
        return salt

    return draw


def test_the_worked_example() -> None:
    assert KIND.digest.hex() == "41e9883eccb8983f944b3369f37a9bde6d1ee4ade4121bc75dee40d16846be29"
    assert RECORDS.digest.hex() == "5c4be4aee408e94d24b1648ef2583d95a548157e68636d63ec73064e91a0b083"
    entry, openings = commit({"records": b"<10", "kind": b"disclosure"}, draw_in_turn(KIND.salt, RECORDS.salt))
    assert openings == (KIND, RECORDS)
    assert entry.encode() == ENTRY
    assert parse_entry(ENTRY) == entry
    assert leaf_hash(ENTRY).hex() == LEAF
    assert encode_openings(openings) == OPENINGS
    assert parse_openings(OPENINGS) == openings


def test_a_single_field_is_opened_and_the_others_stay_closed() -> None:
    entry = parse_entry(ENTRY)
    (opened,) = parse_openings(encode_openings([RECORDS]))
    entry.verify(opened)
    assert opened.value == b"<10"
    assert b"disclosure" not in ENTRY


@pytest.mark.parametrize(
    ("name", "salt", "value", "said"),
    [
        ("records", RECORDS.salt, b"10", "not what the entry committed to"),
        ("records", KIND.salt, b"<10", "not what the entry committed to"),
        ("kind", RECORDS.salt, b"<10", "not what the entry committed to"),
        ("record", RECORDS.salt, b"s<10", "no field"),
        ("absent", RECORDS.salt, b"<10", "no field"),
    ],
)
def test_a_field_is_opened_one_way_only(name: str, salt: bytes, value: bytes, said: str) -> None:
    with pytest.raises(UnprovenError, match=said):
        parse_entry(ENTRY).verify(Opening(name=name, salt=salt, value=value))


def test_no_byte_can_move_between_name_salt_and_value() -> None:
    # one stream of bytes, cut elsewhere: a digest that did not tell lengths apart would be the same
    stream = b"kindx" + bytes(range(97, 97 + 26)) + b"abcdefghij"
    first = Opening(name="kind", salt=stream[4:36], value=stream[36:])
    second = Opening(name="kindx", salt=stream[5:37], value=stream[37:])
    assert first.digest != second.digest
    assert first.digest != sha256(stream).digest()


fields = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9-]{0,63}", fullmatch=True), st.binary(max_size=50), min_size=1, max_size=8
)


@given(fields, st.integers(0, 1 << 64))
def test_whatever_is_committed_is_opened_and_nothing_else(values: dict[str, bytes], seed: int) -> None:
    entry, openings = commit(values, Random(seed).randbytes)
    assert parse_entry(entry.encode()) == entry
    assert parse_openings(encode_openings(openings)) == openings
    assert {one.name: one.value for one in openings} == values
    for one in openings:
        entry.verify(one)
        # the definition, said a second time
        told = b"accord-commitment/v1\0" + bytes([len(one.name)]) + one.name.encode() + one.salt + one.value
        assert one.digest == sha256(told).digest()
        for wrong in (one.value + b"\0", one.value[:-1] + b"?", one.value[1:] + b"?"):
            if wrong != one.value:
                with pytest.raises(UnprovenError):
                    entry.verify(Opening(name=one.name, salt=one.salt, value=wrong))


def test_a_salt_twice_is_refused() -> None:
    with pytest.raises(MalformedError, match="one salt"):
        commit({"a": b"", "b": b""}, bytes)
    with pytest.raises(MalformedError, match="wrong length"):
        commit({"a": b""}, lambda count: b"x" * (count - 1))


@pytest.mark.parametrize("name", ["", "A", "1a", "-a", "a_b", "a b", "a\n", "é", "a" * 65])
def test_a_name_that_an_entry_cannot_hold_is_refused(name: str) -> None:
    with pytest.raises(MalformedError, match="no name"):
        Opening(name=name, salt=bytes(32), value=b"")
    with pytest.raises(MalformedError, match="no name"):
        Commitment(name=name, digest=bytes(32))


def test_the_largest_entry_fits_a_bundle() -> None:
    names = sorted(
        f"{number:03}".translate(str.maketrans("0123456789", "abcdefghij")).ljust(64, "z") for number in range(256)
    )
    entry = Entry(commitments=tuple(Commitment(name=name, digest=bytes(32)) for name in names))
    assert parse_entry(entry.encode()) == entry
    pack_entries([entry.encode()])
    with pytest.raises(MalformedError, match="too many"):
        Entry(commitments=(*entry.commitments, Commitment(name="zz", digest=bytes(32))))


KIND_LINE, RECORDS_LINE = ENTRY.splitlines(keepends=True)[1:]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"accord-entry/v1\n",
        ENTRY[:-1],
        ENTRY + b"\n",
        ENTRY[1:],
        ENTRY.replace(b"v1", b"v2"),
        ENTRY.replace(b"\n", b"\r\n"),
        ENTRY.replace(b"kind ", b"kind  "),
        ENTRY.replace(b"kind ", b" kind "),
        ENTRY.replace(b"kind ", b"Kind "),
        ENTRY.replace(b"kind ", b"k\xc3\xadnd "),
        ENTRY.replace(b"vik=", b"vil="),
        ENTRY.replace(b"vik=", b"vik"),
        ENTRY.replace(b"vik=", b"vikA"),
        ENTRY.replace(b"QemI", b""),
        b"accord-entry/v1\n" + RECORDS_LINE + KIND_LINE,
        b"accord-entry/v1\n" + KIND_LINE + KIND_LINE,
        b"accord-entry/v1\n" + KIND_LINE + RECORDS_LINE.replace(b"records", b"kind"),
        b"accord-entry/v1\n" + KIND_LINE * 300,
    ],
)
def test_what_is_no_entry_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_entry(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        OPENINGS[:-1],
        OPENINGS.replace(b" PDEw", b""),
        OPENINGS.replace(b" PDEw", b" "),
        OPENINGS.replace(b" PDEw", b" PDEw PDEw"),
        OPENINGS.replace(b"PDEw", b"PDE"),
        OPENINGS.replace(b"AAEC", b""),
        OPENINGS + OPENINGS.splitlines(keepends=True)[1],
        OPENINGS.replace(b"records", b"kind"),
    ],
)
def test_what_is_no_list_of_openings_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_openings(data)


def test_an_empty_value_is_written_as_a_hyphen() -> None:
    empty = Opening(name="kind", salt=KIND.salt, value=b"")
    data = b"accord-openings/v1\nkind AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= -\n"
    assert encode_openings([empty]) == data
    assert parse_openings(data) == (empty,)
    assert parse_openings(encode_openings([])) == ()
    with pytest.raises(MalformedError, match="in order"):
        encode_openings([RECORDS, KIND])


@given(st.integers(0, len(ENTRY) - 1), st.integers(0, 255))
def test_a_changed_entry_is_refused_or_read_as_changed(at: int, byte: int) -> None:
    changed = ENTRY[:at] + bytes([byte]) + ENTRY[at + 1 :]
    try:
        entry = parse_entry(changed)
    except LedgerError:
        return
    assert entry.encode() == changed


@given(st.binary(max_size=120), st.sampled_from([b"", b"accord-entry/v1\n", b"accord-openings/v1\n"]))
def test_any_bytes_are_read_or_refused(tail: bytes, head: bytes) -> None:
    for parse in (parse_entry, parse_openings):
        try:
            parse(head + tail)
        except MalformedError:
            continue
        assert parse is parse_openings
        assert tail == b""


def test_a_salt_and_a_value_are_in_no_repr() -> None:
    assert repr(KIND) == "Opening(name='kind')"


@given(fields, st.lists(st.binary(max_size=99), max_size=4), st.integers(0, 1 << 64))
def test_what_is_committed_at_once_is_spelled_as_field_by_field(
    values: dict[str, bytes], others: list[bytes], seed: int
) -> None:
    entries = [values, *(dict.fromkeys(values, other) for other in others)]
    source = Random(seed)
    singly = [commit(one, source.randbytes) for one in entries]
    drawn = b"".join(one.salt for _, openings in singly for one in openings)
    spelled = [(entry.encode(), encode_openings(openings)) for entry, openings in singly]
    assert commit_encoded(entries, lambda size: drawn[:size]) == spelled


def test_a_source_that_is_not_random_is_refused_at_once_too() -> None:
    two = [{"a": b"", "b": b""}]
    with pytest.raises(MalformedError, match="one salt"):
        commit_encoded(two, bytes)
    with pytest.raises(MalformedError, match="one salt"):
        commit_encoded(two, lambda size: bytes(range(size - 1)))
    # nor over two entries
    with pytest.raises(MalformedError, match="one salt"):
        commit_encoded([{"a": b""}, {"a": b""}], bytes)
    with pytest.raises(MalformedError, match="too few"):
        commit_encoded([{}], bytes)
    assert commit_encoded([], bytes) == []


@pytest.mark.parametrize("other", [{"a": b""}, {"a": b"", "c": b""}, {"a": b"", "b": b"", "c": b""}])
def test_entries_with_other_fields_are_not_committed_at_once(other: dict[str, bytes]) -> None:
    with pytest.raises(MalformedError, match="not the same fields"):
        commit_encoded([{"a": b"", "b": b""}, other], Random(7).randbytes)


OPENED = b"accord-opened/v1\nentry 3\n" + OPENINGS.split(b"\n", 1)[1] + b"entry 17\n" + OPENINGS.split(b"\n")[1] + b"\n"


def test_openings_of_several_entries_are_written_under_their_numbers() -> None:
    assert encode_opened({17: [KIND], 4: [], 3: [KIND, RECORDS]}) == OPENED
    assert parse_opened(OPENED) == {3: (KIND, RECORDS), 17: (KIND,)}
    assert parse_opened(b"accord-opened/v1\n") == {}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"accord-opened/v1",
        b"accord-openings/v1\n",
        OPENED[:-1],
        OPENED + b"\n",
        OPENED.replace(b"entry 17", b"entry 2"),
        OPENED.replace(b"entry 17", b"entry 3"),
        OPENED.replace(b"entry 17", b"entry 017"),
        OPENED.replace(b"entry 17", b"entry -1"),
        OPENED.replace(b"entry 3\n", b""),
        OPENED + b"entry 18\n",
        OPENED.replace(b"kind", b"zind", 1),
    ],
)
def test_what_is_no_list_of_openings_of_entries_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_opened(data)


def slowly(data: bytes, entries: dict[int, bytes]) -> dict[int, dict[str, bytes]]:
    """What openings say, verified one by one."""
    said = {}
    for number, openings in parse_opened(data).items():
        if number not in entries:
            raise MalformedError("of no entry")
        entry = parse_entry(entries[number])
        for one in openings:
            entry.verify(one)
        said[number] = {one.name: one.value for one in openings}
    return said


def outcome(verify: Callable[[], object]) -> object:
    try:
        return verify()
    except LedgerError as error:
        return type(error)


@given(st.lists(fields, min_size=1, max_size=4), st.integers(0, 1 << 64), st.data())
def test_openings_of_many_entries_are_verified_at_once_as_one_by_one(
    said: list[dict[str, bytes]], seed: int, data: st.DataObject
) -> None:
    draw = Random(seed).randbytes
    entries, opened = {}, {}
    for number, values in enumerate(said, start=7):
        entry, openings = commit(values, draw)
        entries[number] = entry.encode()
        opened[number] = [one for one in openings if data.draw(st.booleans())]
    text = encode_opened(opened)
    assert verify_opened(text, entries) == slowly(text, entries)
    blocks = {
        number: pick_openings(encode_openings(some), {one.name for one in some}) for number, some in opened.items()
    }
    assert join_opened({number: lines for number, (lines, _) in blocks.items()}) == text
    assert {number: values for number, (_, values) in blocks.items() if values} == slowly(text, entries)
    # one byte changed, in the openings or in an entry: the same is found wrong
    changed = bytearray(text)
    changed[data.draw(st.integers(0, len(text) - 1))] ^= 1 << data.draw(st.integers(0, 6))
    assert outcome(lambda: verify_opened(bytes(changed), entries)) == outcome(lambda: slowly(bytes(changed), entries))
    number = data.draw(st.sampled_from([*entries]))
    entry = bytearray(entries[number])
    entry[data.draw(st.integers(0, len(entry) - 1))] ^= 1 << data.draw(st.integers(0, 6))
    damaged = entries | {number: bytes(entry)}
    assert outcome(lambda: verify_opened(text, damaged)) == outcome(lambda: slowly(text, damaged))


def test_an_opening_of_another_entry_is_named_by_its_number() -> None:
    draw = Random(1).randbytes
    one, openings = commit({"kind": b"delivery"}, draw)
    other, _ = commit({"kind": b"delivery"}, draw)
    text = encode_opened({3: openings})
    with pytest.raises(UnprovenError, match="entry 3, kind"):
        verify_opened(text, {3: other.encode()})
    with pytest.raises(MalformedError, match="entry 3"):
        verify_opened(text, {4: one.encode()})
