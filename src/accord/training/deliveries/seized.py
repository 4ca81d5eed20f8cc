"""A police unit's list of the servers that it seized: a small CSV with columns of its own."""

from datetime import UTC, datetime

from accord.training.deliveries.account import DeliveredFile, Entry, Order, lines
from accord.training.deliveries.faults import impossible_address, impossible_port, impossible_time, private_address
from accord.training.plot import Statement
from accord.vocabulary.reasons import Ignored, Rejected

_HEADER = b"seized_in,ip,port,malware,first_seen,last_seen,remark"


def write(order: Order) -> list[DeliveredFile]:
    """One file of all statements."""
    good = [order.statement_entry(one, _line(one)) for one in order.statements]
    entries = [Entry(body=_HEADER, outcome=Ignored.HEADER), *order.mixed(good, _faults(order))]
    day = order.plan.collected_at.strftime("%Y-%m-%d")
    return [DeliveredFile(path=f"police/seized-{day}.csv", data=lines(entries), entries=tuple(entries))]


def _line(
    statement: Statement, *, address: str | None = None, port: str | None = None, time: str | None = None
) -> bytes:
    if statement.first_s is None or statement.last_s is None:
        raise ValueError("this data set writes times")
    subject = statement.subject
    fields = (
        f'"{subject.country}, by order of a court"',
        subject.value if address is None else address,
        str(statement.port) if port is None else port,
        statement.spelling or "",
        _time(statement.first_s) if time is None else time,
        _time(statement.last_s) if time is None else time,
        '"simulated, not real"',
    )
    return ",".join(fields).encode()


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(" ")[:19]


def _faults(order: Order) -> list[Entry]:
    dice = order.dice
    model = order.statements[0]
    return [
        Entry(body=_line(model, address=private_address(dice)), outcome=Rejected.ADDRESS_NOT_ROUTABLE),
        Entry(body=_line(model, address=impossible_address(dice)), outcome=Rejected.ADDRESS),
        Entry(body=_line(model, time=impossible_time(dice)), outcome=Rejected.TIME),
        Entry(body=_line(model).removesuffix(b'"'), outcome=Rejected.QUOTING),
        Entry(body=_line(model, port=str(impossible_port(dice))), partial=Rejected.PORT),
        Entry(body=b"", outcome=Ignored.BLANK),
    ]
