"""The kernels against the rules: what a compiled pass says of many spans is what a slow twin says of each.

Every input is lines; a line is a span. Targets: `values`, `instants`, `fields`, `lines`.
"""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from accord.columns import fields as splitter
from accord.columns.instants import EARLIEST_US, LATEST_US, read_instant
from accord.columns.kernel import OUTCOMES, expectation, read_instants, read_spans
from accord.columns.lines import cut
from accord.columns.reading import Chunk, Context, Part
from accord.columns.values import read_value
from accord.vocabulary.indicators import INDICATOR_TYPES, Indicator, IndicatorType
from accord.vocabulary.reasons import Rejected
from fuzz import twins
from fuzz.target import Target, promise, same

SUFFIXES = frozenset({"com", "co.uk", "net", "example"})
CONTEXT = Context(is_public_suffix=SUFFIXES.__contains__, has_known_suffix=lambda _: True)
DELIMITERS = ",;\t|:"

Positions = npt.NDArray[np.int64]


def laid_out(spans: Sequence[bytes]) -> tuple[npt.NDArray[np.uint8], Positions, Positions]:
    """Spans one after the other, nothing between them, and nothing behind the last: whoever looks past it is seen."""
    lengths = np.array([len(span) for span in spans], np.int64)
    ends = np.cumsum(lengths, dtype=np.int64)
    return np.frombuffer(b"".join(spans), np.uint8), ends - lengths, ends


# values ------------------------------------------------------------------------------------------------------------


def check_values(data: bytes) -> None:
    """`read_spans` says what `read_value` says; what is taken is read again as itself.

    A line may begin with `types|`, the names of the types that are expected.
    """
    expected, spans = [], []
    for line in data.split(b"\n"):
        told = re.match(rb"([a-z0-9,]*)\|", line)
        words = told[1].split(b",") if told else []
        expected.append({kind for kind in INDICATOR_TYPES if kind.value.encode() in words})
        spans.append(line[told.end() :] if told else line)
    bits = np.array([expectation(*kinds) for kinds in expected], np.int16)
    values = read_spans(*laid_out(spans), CONTEXT, bits)
    values.value.validate(full=True)
    texts = values.value.to_pylist()
    for at, span in enumerate(spans):
        exact = twins.value(span, expected[at], CONTEXT)
        outcome = OUTCOMES[values.outcome[at]]
        port = int(values.port[at]) or None
        found = outcome or Indicator(kind=INDICATOR_TYPES[values.kind[at]], value=texts[at], port=port)
        same(found, exact, f"the kernel says what the rules say of {span!r}, expected {sorted(expected[at])}")
        if isinstance(exact, Indicator):
            as_told = {exact.kind} if exact.kind is IndicatorType.ASN else None
            again = read_value(exact.value, CONTEXT.is_public_suffix, as_told)
            promise(
                isinstance(again, Indicator) and (again.kind, again.value) == (exact.kind, exact.value),
                "a canonical value is read again as itself",
                exact,
                again,
            )


_VALUES = (
    "8.8.8.8", "010.20.30.40", "255.255.255.255:65535", "8.8.8.8:99999", "1.1.1.1/32", "1.0.0.0/8", "8.8.8.8/path",
    "2001:4860:4860::8888", "[2001:4860::1]:443", "::ffff:8.8.8.8", "2001:0:0:1::", "2600::1:0:0:1/64",
    "fe80::1%eth0", "1:2:3:4:5:6:7::", "2400:cb00:2048:1::c629:d7a2", "evil.net", "EVIL.Net.", "co.uk", "co.uk:99999",
    "a..net", "xn--polonix-y8a.net", "xn--a.net", "münchen.example.net", "r3---sn.net", "evil[.]example[.]net",
    "evil(dot)net", "http://evil.net", "HTTPS://User:pw@Evil.net:8443/a?b#c", "hxxp://evil[.]net/x",
    "hxxps[:]//evil.net", "ftp://a.net/", "http://8.8.8.8:80/", "http://[2001:4860::1]/", "http://evil.net:0/",
    "evil.net/path", "/path/only", "evil.net:443", "someone@evil.net", "some[at]evil.net", "AS3333", "as0", "AS64512",
    "3333", "url|evil.net", "asn|3333", "ipv4|evil.net", "d41d8cd98f00b204e9800998ecf8427e",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709", "sha1,md5|" + "A" * 40,
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "a" * 33, "^evil.*\\.net$", "a b.net", "",
    "\u00a08.8.8.8\u00a0", "a" * 64 + ".net", ".".join(["a" * 60] * 5), "ipv6,cidr|2600::/16", "domain|xn--.net",
    "1.2.3",
)  # fmt: skip


# instants ----------------------------------------------------------------------------------------------------------


def check_instants(data: bytes) -> None:
    """`read_instants` says what `read_instant` says, and that what the standard library says of RFC 3339."""
    spans = data.split(b"\n")
    instants, good = read_instants(*laid_out(spans))
    for at, span in enumerate(spans):
        text = span.decode("utf-8", "replace")
        exact = read_instant(text)
        same(int(instants[at]) if good[at] else None, exact, f"times in bulk are the times one by one, {span!r}")
        standard = twins.instant(text)
        if standard is not None and EARLIEST_US <= standard < LATEST_US:
            same(exact, standard, f"a time is what the standard library reads, {span!r}")


_INSTANTS = (
    "2026-06-17", "2026-06-17 11:00:37", "2026-06-17T11:00:37Z", "2026-06-17 11:00:37 UTC", "2026-06-17 11:00:37UTC",
    "2026-06-17T11:00:37.123456789+02:00", "2026-06-17 11:00", "2024-02-29", "2023-02-29", "1970-01-01T00:00:00Z",
    "2100-12-31 23:59:59", "2101-01-01", "1969-12-31T23:59:59Z", "2026-06-17T23:59:60Z", "2026-13-01", "2026-00-00",
    "2026-06-17T24:00:00Z", "0000-00-00 00:00:00", "9999-12-31T23:59:59-23:59", "2026-06-17T11:00:37,5Z",
    " 2026-06-17 ", "1970-01-01T00:30:00+01:00", "2026-06-17T11:00:37 GMT", "٢٠٢٦-06-17", "",
)  # fmt: skip


# fields ------------------------------------------------------------------------------------------------------------


def check_fields(data: bytes) -> None:
    """Lines are split as the csv module splits them; numbers, ports and texts in the fields are what Python reads."""
    choice, lines = (data[0] if data else 0), data[1:].split(b"\n")
    delimiter = DELIMITERS[choice % len(DELIMITERS)]
    quoting = choice < 128
    wanted = [(choice + 3 * step) % 7 for step in range(4)]
    spans = laid_out(lines)
    plain = splitter.split(*spans, wanted, delimiter, quoting=quoting)
    trimmed = splitter.split(*spans, wanted, delimiter, quoting=quoting, trimmed=True)
    promise(plain.data[: len(spans[0])].tobytes() == spans[0].tobytes(), "the bytes that were split stay as they were")
    cells: list[bytes] = []
    for at, line in enumerate(lines):
        expected = twins.fields(line, delimiter) if quoting else twins.fields_unquoted(line, delimiter)
        outcome = OUTCOMES[plain.outcome[at]]
        same(outcome, expected if isinstance(expected, Rejected) else None, f"whether a line is sound, {line!r}")
        same(trimmed.outcome[at], plain.outcome[at], "trimming judges no line")
        texts = [] if isinstance(expected, Rejected) else expected
        same(int(plain.columns[at]), len(texts), f"columns of {line!r}")
        for slot, column in enumerate(wanted):
            text = texts[column].encode() if column < len(texts) else b""
            same(_span(plain, slot, at), text, f"field {column} of {line!r}")
            same(_span(trimmed, slot, at), text.strip(twins.WHITE), f"field {column} of {line!r}, trimmed")
            cells.append(text)
        if at < 4:
            whole = splitter.split_line(line, delimiter, quoting=quoting)
            same(whole, expected if isinstance(expected, Rejected) else tuple(expected), f"one line alone, {line!r}")
    _check_cells(cells)


def _span(split: splitter.Fields, slot: int, at: int) -> bytes:
    return split.data[split.start[slot, at] : split.end[slot, at]].tobytes()


def _check_cells(cells: Sequence[bytes]) -> None:
    """Numbers, ports and names in sound fields, and comparisons of spans."""
    spans = laid_out(cells)
    same(splitter.read_numbers(*spans).tolist(), [twins.number(cell) for cell in cells], "numbers")
    same(splitter.read_counts(*spans).tolist(), [twins.count(cell) for cell in cells], "counts")
    same(splitter.read_ports(*spans).tolist(), [twins.port(cell) for cell in cells], "ports")
    texts = splitter.gather(*spans)
    texts.validate(full=True)
    same(texts.to_pylist(), [cell.decode() for cell in cells], "texts")
    named = splitter.names(*spans)
    named.validate(full=True)
    same(named.to_pylist(), [cell.strip(twins.WHITE).decode() or None for cell in cells], "names")
    text = cells[0][:5]
    same(splitter.are_equal(*spans, text).tolist(), [cell == text for cell in cells], "equality")
    same(splitter.begin_with(*spans, text).tolist(), [cell.startswith(text) for cell in cells], "beginnings")
    same(splitter.contain(*spans, "/").tolist(), [b"/" in cell for cell in cells], "characters")


_FIELDS = (
    b'\x00a,b,c\n"a","b""c",d\n"open,b\na"b,c\n"a"b\n,,\n443, 80 ,065535\n',
    '\x01"ä;€";𝄞;"";""""\n999999999999;1000000000000;00\n'.encode(),
    b'\x02\xff,\xc0\x80\n\xed\xa0\x80\n\xf4\x90\x80\x80\t"\t"\n',
    b'\x82a\tb"\tc\t\n"\t"\n',
    b'\x03"a"|"b"|1|2|3|4|5|6|7\n|||||||\r\n',
)


# lines -------------------------------------------------------------------------------------------------------------


def check_lines(data: bytes) -> None:
    """Every physical line stands where `bytes.find` says, whatever parts a chunk has, with its number."""
    choice, text = (data[0] if data else 0), data[1:]
    pieces = re.findall(rb"[^\n]*\n|[^\n]+\Z", text)
    at = choice % (len(pieces) + 1)
    sizes = [len(b"".join(pieces[:at])), len(text)]
    parts = tuple(
        Part(member=member, path="x", start=start, end=end, first_line=1 + 1000 * member)
        for member, (start, end) in enumerate([(0, sizes[0]), (sizes[0], sizes[1])])
    )
    start, end, owner, number = cut(Chunk(data=np.frombuffer(text, np.uint8), parts=parts))
    found = list(zip(start.tolist(), end.tolist(), owner.tolist(), number.tolist(), strict=True))
    expected = []
    for member, part in enumerate(parts):
        for place, (first, last) in enumerate(twins.lines(text[part.start : part.end])):
            expected.append((part.start + first, part.start + last, member, part.first_line + place))
    same(found, expected, "lines, their parts and numbers")


def column_targets() -> dict[str, Target]:
    """The targets of this module by name."""
    values, instants = ([one.encode() for one in texts] for texts in (_VALUES, _INSTANTS))
    words = [b"http://", b"hxxp", b"[.]", b"::", b"xn--", b"@", b"/24", b":443", b"|", b"%", b"]", b"[", b"AS", b"com"]
    return {
        "values": Target(
            name="values",
            check=check_values,
            seeds=(*values, b"\n".join(values)[:3000]),
            words=(*values, *words, *(f"{kind}|".encode() for kind in INDICATOR_TYPES)),
            prefix=0,
            longest=1_500,
        ),
        "instants": Target(
            name="instants",
            check=check_instants,
            seeds=(*instants, b"\n".join(instants)),
            words=(*instants, b"T", b"Z", b" UTC", b"+00:00", b"-", b":", b".000000001", b"29"),
            prefix=0,
            longest=1_500,
        ),
        "fields": Target(
            name="fields",
            check=check_fields,
            seeds=_FIELDS,
            words=(
                b'"',
                b'""',
                b",",
                b";",
                b"\t",
                b"|",
                b"0",
                b"65535",
                b"999999999",
                "é".encode(),
                b"\xff",
                b"\r",
                b"-",
            ),
            prefix=1,
            longest=1_500,
        ),
        "lines": Target(
            name="lines",
            check=check_lines,
            seeds=(b"\x01a\nb\r\n\n\r\n\rc", b"\x00", b"\x00\n", b"\x02x"),
            words=(b"\n", b"\r\n", b"\r", b"\n\n", b"x"),
            prefix=1,
            longest=1_500,
        ),
    }
