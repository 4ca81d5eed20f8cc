"""Passive DNS in the Common Output Format: one JSON object a line, each a resolution or several.

    {"rrname": "c2.example.com", "rrtype": "A", "rdata": "192.0.2.7", "time_first": 1488326400, "time_last": 1488412800}

Source: Passive DNS Common Output Format (draft-dulaunoy-dnsop-passive-dns-cof), sections 3.2 to 3.4. Records of type
A and AAAA become resolutions; other types name no address. There are no observations in it: that a name had an
address is no statement about crime.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from accord.columns.builder import shorten
from accord.columns.instants import EARLIEST_US, LATEST_US, read_epoch
from accord.columns.kernel import OUTCOME_CODES, OUTCOMES, expectation, read_spans
from accord.columns.lines import cut
from accord.columns.reading import Chunk, Context, Parsed
from accord.columns.schema import OBSERVATIONS, REJECTS, RESOLUTIONS
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.reasons import Ignored, Rejected

NAME = "passive-dns"
TITLE = "passive DNS (Common Output Format, JSON lines)"
GRAIN = "lines"

Time = int | float | str | None


class _Line(msgspec.Struct, frozen=True):
    """The members that are read; the draft permits any others beside them."""

    rrname: str
    rrtype: str | int
    rdata: str | list[str]
    time_first: Time = None
    time_last: Time = None
    zone_time_first: Time = None
    zone_time_last: Time = None


_DECODER = msgspec.json.Decoder(_Line)

# RFC 1035 and RFC 3596: the types that map a name to an address, by name and by number.
_ADDRESS_TYPES: dict[str | int, IndicatorType] = {
    "A": IndicatorType.IPV4,
    1: IndicatorType.IPV4,
    "TYPE1": IndicatorType.IPV4,
    "AAAA": IndicatorType.IPV6,
    28: IndicatorType.IPV6,
    "TYPE28": IndicatorType.IPV6,
}
_DOMAIN = expectation(IndicatorType.DOMAIN)
_IPV4 = expectation(IndicatorType.IPV4)
_IPV6 = expectation(IndicatorType.IPV6)
# `::ffff:a.b.c.d` in an AAAA record is the IPv4 address that it maps; a dotted quad there is of the wrong type
_IPV6_OR_MAPPED = expectation(IndicatorType.IPV4, IndicatorType.IPV6)


@dataclass(slots=True, kw_only=True)
class _Claims:
    """What the good lines say, one row for each address: names and addresses as spans of one buffer."""

    text: bytearray = field(default_factory=bytearray)
    ends: list[int] = field(default_factory=list)
    expected: list[int] = field(default_factory=list)
    member: list[int] = field(default_factory=list)
    record: list[int] = field(default_factory=list)
    name: list[int] = field(default_factory=list)
    address: list[int] = field(default_factory=list)
    first_us: list[int | None] = field(default_factory=list)
    last_us: list[int | None] = field(default_factory=list)

    def span(self, text: str, expected: int) -> int:
        """Add a text to the buffer; its number among the spans."""
        self.text += text.encode()
        self.ends.append(len(self.text))
        self.expected.append(expected)
        return len(self.ends) - 1

    def written(self, span: int) -> str:
        """The text of a span."""
        return self.text[self.ends[span - 1] if span else 0 : self.ends[span]].decode()


@dataclass(slots=True, kw_only=True)
class _Rejects:
    rows: list[dict[str, object]] = field(default_factory=list)

    def add(
        self, place: tuple[int, int], reason: Rejected, column: str | None, text: str, *, partial: bool = False
    ) -> None:
        """Add a reject at (member, record)."""
        self.rows.append(
            {
                "member": place[0],
                "record": place[1],
                "pointer": None,
                "column": column,
                "reason": reason.value,
                "partial": partial,
                "text": shorten(text),
            }
        )


def recognises(head: bytes, path: str) -> bool:
    """The first line is a JSON object with `rrname` and `rrtype`."""
    del path
    line = head.lstrip().partition(b"\n")[0]
    return line[:1] == b"{" and b'"rrname"' in line and b'"rrtype"' in line


def layout(head: bytes, path: str, context: Context) -> None:
    """Every line stands for itself."""
    del head, path, context


def parse(chunk: Chunk, context: Context) -> Parsed:
    """Read a chunk of lines; gives `resolutions`, never observations."""
    start, end, owner, number = cut(chunk)
    members = [part.member for part in chunk.parts]
    data = chunk.data.tobytes()
    claims, rejects = _Claims(), _Rejects()
    ignored: Counter[str] = Counter()
    for s, e, part, record in zip(start.tolist(), end.tolist(), owner.tolist(), number.tolist(), strict=True):
        reason = _read_line(data[s:e], (members[part], record), claims, rejects)
        if reason is not None:
            ignored[reason.value] += 1
    resolutions = _resolve(claims, context, rejects)
    rejects.rows.sort(key=lambda row: (row["member"], row["record"]))
    return Parsed(
        records=len(start),
        observations=pa.RecordBatch.from_pylist([], schema=_with_fields(context.rule_fields)),
        resolutions=resolutions,
        rejects=pa.RecordBatch.from_pylist(rejects.rows, schema=REJECTS),
        ignored=dict(ignored),
    )


def _with_fields(names: Sequence[str]) -> pa.Schema:
    schema = OBSERVATIONS
    for name in names:
        schema = schema.append(pa.field(f"field:{name}", pa.dictionary(pa.int32(), pa.string())))
    return schema


def _read_line(line: bytes, place: tuple[int, int], claims: _Claims, rejects: _Rejects) -> Ignored | None:
    """Add what a line claims to `claims`, or to `rejects` what is wrong with it; a reason if it is to be ignored."""
    try:
        said = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if not line.strip():
            return Ignored.BLANK
        rejects.add(place, *_fault(line, error), line.decode("utf-8", "replace"))
        return None
    kind = said.rrtype.upper() if isinstance(said.rrtype, str) else said.rrtype
    version = _ADDRESS_TYPES.get(kind)
    if version is None:
        return Ignored.NOT_OBSERVABLE
    period = _period(said, place, rejects)
    if period is None:
        return None
    addresses = (said.rdata,) if isinstance(said.rdata, str) else tuple(dict.fromkeys(said.rdata))
    if not addresses:
        rejects.add(place, Rejected.EMPTY_VALUE, "rdata", "[]")
        return None
    # the final dot of a fully qualified name; resolvers write it, and the fast path does not know it
    name = claims.span(said.rrname.removesuffix("."), _DOMAIN)
    for address in addresses:
        expected = _IPV4 if version is IndicatorType.IPV4 else _IPV6_OR_MAPPED if ":" in address else _IPV6
        claims.member.append(place[0])
        claims.record.append(place[1])
        claims.name.append(name)
        claims.address.append(claims.span(address, expected))
        claims.first_us.append(period[0])
        claims.last_us.append(period[1])
    return None


def _period(said: _Line, place: tuple[int, int], rejects: _Rejects) -> tuple[int | None, int | None] | None:
    """From when to when: as sensors saw it, else as zone files had it (section 3.4); None when it is rejected."""
    sensed = said.time_first is not None or said.time_last is not None
    first, last = (said.time_first, said.time_last) if sensed else (said.zone_time_first, said.zone_time_last)
    first_us, last_us = _instant(first), _instant(last)
    for column, written, read in (("time_first", first, first_us), ("time_last", last, last_us)):
        if written is not None and read is None:
            rejects.add(place, Rejected.TIME, column if sensed else f"zone_{column}", str(written))
            return None
    if first_us is not None and last_us is not None and first_us > last_us:
        rejects.add(place, Rejected.TIME, "time_last" if sensed else "zone_time_last", f"{first} to {last}")
        return None
    return first_us, last_us


def _instant(written: Time) -> int | None:
    """Seconds since 1970, as a number or in a string, in microseconds; None when it is no such time."""
    if isinstance(written, int):
        return written * 1_000_000 if EARLIEST_US <= written * 1_000_000 < LATEST_US else None
    return None if written is None else read_epoch(str(written))


def _fault(line: bytes, error: Exception) -> tuple[Rejected, str | None]:
    """Why a line cannot be decoded, and the member that is wrong where one is."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return Rejected.ENCODING, None
    named = re.search(r"field `(\w+)`|\$\.(\w+)", str(error))
    return Rejected.MALFORMED_OBJECT, (named[1] or named[2]) if named else None


def _resolve(claims: _Claims, context: Context, rejects: _Rejects) -> pa.RecordBatch:
    """Read all names and addresses at once; claims whose name or address cannot be taken go to the rejects."""
    ends = np.array(claims.ends, np.int64)
    starts = np.concatenate([np.zeros(min(len(ends), 1), np.int64), ends[:-1]])
    values = read_spans(
        np.frombuffer(bytes(claims.text), np.uint8), starts, ends, context, np.array(claims.expected, np.int16)
    )
    # a name or address with a port is none: no resolver was asked that
    outcome = np.where(values.port > 0, OUTCOME_CODES[Rejected.TYPE_MISMATCH], values.outcome)
    name, address = np.array(claims.name, np.int64), np.array(claims.address, np.int64)
    member, record = np.array(claims.member, np.int32), np.array(claims.record, np.int64)
    good = (outcome[name] == 0) & (outcome[address] == 0)
    _reject_values(claims, outcome, good, rejects)
    taken = np.flatnonzero(good)
    picked = pa.array(taken)
    instant = RESOLUTIONS.field("first_seen").type
    return pa.RecordBatch.from_arrays(
        [
            pa.array(member[taken]),
            pa.array(record[taken]),
            values.value.take(pa.array(name[taken])),
            values.value.take(pa.array(address[taken])),
            pa.array(claims.first_us, pa.int64()).take(picked).cast(instant),
            pa.array(claims.last_us, pa.int64()).take(picked).cast(instant),
            pa.nulls(len(taken), pa.int8()),
        ],
        schema=RESOLUTIONS,
    )


def _reject_values(
    claims: _Claims, outcome: npt.NDArray[np.int64], good: npt.NDArray[np.bool_], rejects: _Rejects
) -> None:
    """One reject for each bad name or address; a record is counted once, and not at all if a part of it is good."""
    bad = np.flatnonzero(~good).tolist()
    if not bad:
        return
    whole = {(claims.member[at], claims.record[at]) for at in np.flatnonzero(good).tolist()}
    named: set[int] = set()
    for at in bad:
        span, column = (claims.name[at], "rrname") if outcome[claims.name[at]] else (claims.address[at], "rdata")
        if span in named:
            continue
        named.add(span)
        place = (claims.member[at], claims.record[at])
        reason = OUTCOMES[int(outcome[span])]
        rejects.add(
            place,
            reason if isinstance(reason, Rejected) else Rejected.NOT_AN_INDICATOR,
            column,
            claims.written(span),
            partial=place in whole,
        )
        whole.add(place)
