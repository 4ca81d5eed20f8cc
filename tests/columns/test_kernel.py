"""The kernel against the exact rules, and the exact rules against specifications."""

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accord.columns.instants import EPOCH, read_instant
from accord.columns.kernel import OUTCOMES, expectation, read_instants, read_spans
from accord.columns.reading import Context
from accord.columns.values import read_value
from accord.vocabulary.indicators import INDICATOR_TYPES, Indicator, IndicatorType

SUFFIXES = {"com", "co.uk", "net", "example"}
CONTEXT = Context(is_public_suffix=SUFFIXES.__contains__, has_known_suffix=lambda _: True)

_octet = st.one_of(st.integers(0, 300).map(str), st.sampled_from(["00", "010", "255", "256", "1"]))
_v4 = st.lists(_octet, min_size=3, max_size=5).map(".".join)
_group = st.one_of(
    st.sampled_from(["", "0", "2001", "db8", "ffff", "FFFF", "00001", "g", "3fff"]),
    st.integers(0, 65535).map("{:x}".format),
)
_v6 = st.one_of(
    st.lists(_group, min_size=2, max_size=9).map(":".join),
    st.lists(_group, min_size=1, max_size=4).map(lambda g: "2001:" + ":".join(g) + "::"),
)
_label = st.one_of(
    st.text("abcXYZ019-_", min_size=0, max_size=8),
    st.sampled_from(
        ["com", "co", "uk", "xn--polonix-y8a", "xn--a", "r3---sn", "a" * 63, "b" * 64, "é", "123", "example"]
    ),
)
_name = st.lists(_label, min_size=1, max_size=5).map(".".join)
_host = st.one_of(_v4, _v6, _v6.map("[{}]".format), _name)
_port = st.one_of(st.just(""), st.integers(0, 70000).map(":{}".format), st.sampled_from([":", ":080", ":x"]))
_path = st.one_of(
    st.just(""), st.text("/?#:@=.a1[]\\ é", max_size=8).map("/{}".format), st.sampled_from(["/24", "/32", "/8", "/999"])
)
_scheme = st.sampled_from(["", "", "", "http://", "HTTPS://", "hxxp://", "ftp://", "://", "x://", "hxxps[:]//"])
_space = st.sampled_from(["", "", "", " ", "\t", "\r", "\u00a0", "\x1f"])
_odd = st.one_of(
    st.text("0123456789abcdefABCDEF", min_size=30, max_size=66),
    st.sampled_from([32, 40, 64]).flatmap(lambda n: st.text("0123456789abcdefABCDEF", min_size=n, max_size=n)),
    st.integers(0, 2**33).map("AS{}".format),
    st.integers(0, 2**33).map(str),
    st.text(max_size=12),
    st.text("abc@.-+", max_size=14),
)
_texts = st.one_of(
    st.tuples(_space, _scheme, _host, _port, _path, _space).map("".join),
    _odd,
    _host.map(lambda host: host.replace(".", "[.]")),
)
_kinds = st.sets(st.sampled_from(INDICATOR_TYPES), max_size=3)


def read_in_bulk(texts: list[str], kinds: list[set[IndicatorType]]) -> list[object]:
    raw = [text.encode("utf-8", "surrogatepass") for text in texts]
    ends = np.cumsum([len(one) for one in raw], dtype=np.int64) if raw else np.zeros(0, np.int64)
    starts = ends - np.array([len(one) for one in raw], np.int64)
    data = np.frombuffer(b"".join(raw) + b"\n", np.uint8)
    bits = np.array([expectation(*kind) for kind in kinds], np.int16)
    values = read_spans(data, starts, ends, CONTEXT, bits)
    return [
        Indicator(
            kind=INDICATOR_TYPES[values.kind[at]], value=values.value[at].as_py(), port=int(values.port[at]) or None
        )
        if values.outcome[at] == 0
        else OUTCOMES[values.outcome[at]]
        for at in range(len(texts))
    ]


@given(st.lists(st.tuples(_texts, _kinds), min_size=1, max_size=40))
@settings(max_examples=400, deadline=None)
@example([("8.8.8.8:99999", set()), ("co.uk:99999", set()), ("::ffff:8.8.8.8", set()), ("2001:0:0:1::", set())])
@example([("123", {IndicatorType.ASN}), ("evil.net", {IndicatorType.URL}), ("", {IndicatorType.URL})])
def test_the_kernel_says_what_the_rules_say(rows: list[tuple[str, set[IndicatorType]]]) -> None:
    texts, kinds = [text for text, _ in rows], [kind for _, kind in rows]
    exact = [read_value(text, CONTEXT.is_public_suffix, kind or None) for text, kind in rows]
    assert read_in_bulk(texts, kinds) == exact


def test_bytes_that_are_no_utf8_are_refused_as_such() -> None:
    data = np.frombuffer(b"8.8.8.8\xff", np.uint8)
    values = read_spans(data, np.array([0, 0]), np.array([7, 8]), CONTEXT)
    assert [OUTCOMES[code] for code in values.outcome.tolist()] == [None, "encoding"]


_stamp = st.datetimes(datetime(1960, 1, 1), datetime(2110, 1, 1)).map(lambda t: t.replace(microsecond=0))
_times = st.one_of(
    _stamp.map(str),
    _stamp.map(lambda t: t.isoformat() + "Z"),
    _stamp.map(lambda t: f"{t} UTC"),
    _stamp.map(lambda t: f"{t}UTC"),
    _stamp.map(lambda t: t.date().isoformat()),
    _stamp.map(lambda t: t.isoformat() + "+02:00"),
    _stamp.map(lambda t: t.isoformat() + "+00:00"),
    st.from_regex(r"20[012]\d-[01]\d-[0-3]\dT[012]\d:[0-6]\d:[0-6]\d(Z|[+]00:00)", fullmatch=True),
    st.text("0123456789-:T Z.UC", max_size=24),
    st.from_regex(r"20[012]\d-[01]\d-[0-3]\d [012]\d:[0-6]\d:[0-6]\d", fullmatch=True),
)


@given(st.lists(_times, min_size=1, max_size=40))
@settings(max_examples=300, deadline=None)
@example(["2026-06-17 11:00:37 UTC", "2026-06-17 11:00:37Z UTC", "2026-06-17 11:00:37x UTC", "2026-06-17 11:00:37.UTC"])
def test_times_in_bulk_are_the_times_one_by_one(texts: list[str]) -> None:
    raw = [text.encode() for text in texts]
    ends = np.cumsum([len(one) for one in raw], dtype=np.int64)
    instants, good = read_instants(
        np.frombuffer(b"".join(raw) + b"\n", np.uint8), ends - np.array([len(one) for one in raw]), ends
    )
    read = [int(instant) if ok else None for instant, ok in zip(instants, good, strict=True)]
    assert read == [read_instant(text) for text in texts]


@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 12, 31), timezones=st.just(UTC)))
@settings(max_examples=200, deadline=None)
def test_an_instant_is_read_as_the_standard_library_reads_it(instant: datetime) -> None:
    read = read_instant(instant.isoformat())
    assert read == (instant - EPOCH) // timedelta(microseconds=1)
