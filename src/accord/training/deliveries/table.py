"""Vendor E's connection log: a gzip CSV with columns of its own, a byte-order mark and a clock that runs ahead."""

from datetime import UTC, datetime

from accord.training.deliveries.account import DeliveredFile, Entry, Order, lines
from accord.training.deliveries.containers import gzipped
from accord.training.deliveries.faults import impossible_address, impossible_port, impossible_time, private_address
from accord.training.plot import Statement
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.reasons import Ignored, Rejected

_HEADER = b"ip_address,domain,first_seen,last_seen,dst_port,malware,category,hits,remark"
_GOOD_TIMES = ("2017-03-01 10:00:00", "2017-03-02 10:00:00")


def write(order: Order) -> list[DeliveredFile]:
    """One file of all statements, lines ended by CRLF (RFC 4180)."""
    good = [order.statement_entry(one, _line(one)) for one in order.statements]
    entries = [Entry(body=_HEADER, outcome=Ignored.HEADER), *order.mixed(good, _faults(order))]
    data = gzipped(b"\xef\xbb\xbf" + lines(entries, b"\r\n"))
    return [DeliveredFile(path="vendor-e/blocked-2017-04-22.csv.gz", data=data, entries=tuple(entries))]


def _line(statement: Statement, port: int | None = None) -> bytes:
    if statement.first_s is None or statement.last_s is None:
        raise ValueError("this data set writes times")
    subject = statement.subject
    is_name = subject.kind is IndicatorType.DOMAIN
    return _row(
        address="" if is_name else subject.value,
        domain=subject.value if is_name else "",
        times=(_time(statement.first_s), _time(statement.last_s)),
        port=str(subject.port if port is None else port),
        malware=statement.spelling or "",
        category=subject.role.value,
        hits=str(statement.count),
    )


def _row(
    *,
    address: str,
    domain: str = "",
    times: tuple[str, str] = _GOOD_TIMES,
    port: str = "443",
    malware: str = "",
    category: str = "c2-server",
    hits: str = "1",
    remark: str = '"simulated, not real"',
) -> bytes:
    return ",".join((address, domain, *times, port, malware, category, hits, remark)).encode()


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(" ")[:19]


def _faults(order: Order) -> list[Entry]:
    dice = order.dice
    faults = [Entry(body=b"", outcome=Ignored.BLANK)]
    for _ in order.times(15):
        bad = impossible_time(dice)
        faults += (
            Entry(body=_row(address=private_address(dice)), outcome=Rejected.ADDRESS_NOT_ROUTABLE),
            Entry(body=_row(address=impossible_address(dice)), outcome=Rejected.ADDRESS),
            Entry(body=_row(address="", domain="sim-undated.com", times=(bad, bad)), outcome=Rejected.TIME),
            Entry(body=_row(address=""), outcome=Rejected.EMPTY_VALUE),
        )
    for _ in order.times(6):
        faults += (
            Entry(
                body=_row(address="", domain="sim-unclosed.com", remark='"simulated, and never closed'),
                outcome=Rejected.QUOTING,
            ),
            Entry(body=b"203.0.113.9,,2017-03-01", outcome=Rejected.COLUMN_COUNT),
        )
    # a true record with an impossible port keeps its place; only the port is lost
    servers = [one for one in order.statements if one.subject.port is not None and (one.first_s or 0) <= order.as_of_s]
    for statement in dice.some(servers, len(order.times(8))):
        faults.append(Entry(body=_line(statement, impossible_port(dice)), partial=Rejected.PORT))
    return faults
