"""Vendor A's Zeek Intel files: tab-separated, no times, the family in `meta.desc`."""

from accord.training.deliveries.account import DeliveredFile, Entry, Order, lines
from accord.training.deliveries.faults import bad_host_name, impossible_address, private_address
from accord.training.plot import Statement
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.reasons import Ignored, Rejected

_HEADER = b"#fields\tindicator\tindicator_type\tmeta.source\tmeta.do_notice\tmeta.desc"
_KINDS = {
    IndicatorType.IPV4: "Intel::ADDR",
    IndicatorType.DOMAIN: "Intel::DOMAIN",
    IndicatorType.URL: "Intel::URL",
}


def write(order: Order) -> list[DeliveredFile]:
    """One file of all statements."""
    good = [order.statement_entry(one, _line(one)) for one in order.statements]
    entries = [Entry(body=_HEADER, outcome=Ignored.HEADER), *order.mixed(good, _faults(order))]
    return [DeliveredFile(path="vendor-a/scan-2017-04-20.intel", data=lines(entries), entries=tuple(entries))]


def _line(statement: Statement) -> bytes:
    subject = statement.subject
    # Zeek writes URLs without their scheme (base/frameworks/intel, Intel::URL)
    value = subject.value.removeprefix("http://")
    use = "command server" if statement.spelling else "payload server"
    return _row(value, _KINDS[subject.kind], f"{statement.spelling or 'a'} {use} (simulated)")


def _row(value: str, kind: str, description: str) -> bytes:
    return "\t".join((value, kind, "Simulated-Vendor-A", "F", description)).encode()


def _faults(order: Order) -> list[Entry]:
    dice = order.dice
    plain = "Mirai command server (simulated)"
    faults = [
        Entry(body=b"# exported by the simulator", outcome=Ignored.COMMENT),
        Entry(body=_row("simulated-user", "Intel::USER_NAME", plain), outcome=Ignored.NOT_OBSERVABLE),
    ]
    for _ in order.times(12):
        faults += (
            Entry(body=_row(private_address(dice), "Intel::ADDR", plain), outcome=Rejected.ADDRESS_NOT_ROUTABLE),
            Entry(body=_row(impossible_address(dice), "Intel::ADDR", plain), outcome=Rejected.ADDRESS),
            Entry(body=_row(bad_host_name(dice), "Intel::DOMAIN", plain), outcome=Rejected.HOST_NAME),
        )
    for _ in order.times(4):
        faults += (
            Entry(body=_row("sim-mistyped.com", "Intel::ADDR", plain), outcome=Rejected.TYPE_MISMATCH),
            Entry(body=b"sim-cut-off.com\tIntel::DOM", outcome=Rejected.COLUMN_COUNT),
            Entry(
                body=_row("sim-latin.com", "Intel::DOMAIN", "").replace(b"Vendor", b"V\xe9ndor"),
                outcome=Rejected.ENCODING,
            ),
        )
    return faults
