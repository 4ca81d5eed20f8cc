"""Vendor D's trails: a tar archive of text files, one a family, no times; careless, with warning-listed values."""

from accord.training.deliveries.account import DeliveredFile, Entry, Order, lines
from accord.training.deliveries.containers import tarred
from accord.training.deliveries.faults import bad_host_name, impossible_address, impossible_port, private_address
from accord.training.dice import Dice
from accord.training.plot import Statement
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.reasons import Ignored, Rejected


def write(order: Order) -> list[DeliveredFile]:
    """One archive; servers that nobody gave a family stand in `malware/generic.txt`."""
    members: dict[str, list[Entry]] = {}
    for statement in order.statements:
        name = _member(statement)
        members.setdefault(name, []).append(order.statement_entry(statement, _line(statement, order.dice)))
    names = sorted(members)
    faults: dict[str, list[Entry]] = {name: [] for name in names}
    for fault in _faults(order):
        faults[order.dice.one(names)].append(fault)
    whole: list[Entry] = []
    archive: list[tuple[str, bytes]] = []
    for name in names:
        entries = [
            Entry(body=b"# Simulated trails, not a publication of the Maltrail project", outcome=Ignored.COMMENT),
            Entry(body=b"", outcome=Ignored.BLANK),
            *order.mixed(members[name], faults[name]),
        ]
        archive.append((name, lines(entries)))
        whole += entries
    data = tarred(archive, order.plan.collected_at)
    return [DeliveredFile(path="vendor-d/trails-2017-04-18.tar.gz", data=data, entries=tuple(whole))]


def _member(statement: Statement) -> str:
    if statement.subject.kind is IndicatorType.URL:
        return "trails/malicious/payload.txt"
    spelling = statement.spelling or "generic"
    return f"trails/malware/{spelling.lower().replace(' ', '_')}.txt"


def _line(statement: Statement, dice: Dice) -> bytes:
    subject = statement.subject
    text = subject.value
    if subject.kind is IndicatorType.URL and dice.chance(0.5):
        text = text.removeprefix("http://")
    elif subject.kind is IndicatorType.IPV4 and subject.port is not None and dice.chance(0.7):
        text = f"{text}:{subject.port}"
    if dice.chance(0.02):
        text += "  # was: sim-lab"
    elif dice.chance(0.02):
        text += "  "
    return text.encode()


def _faults(order: Order) -> list[Entry]:
    dice = order.dice
    faults: list[Entry] = []
    for _ in order.times(30):
        faults += (
            Entry(body=private_address(dice).encode(), outcome=Rejected.ADDRESS_NOT_ROUTABLE),
            Entry(body=b"", outcome=Ignored.BLANK),
            Entry(body=b"# Reference: the simulator", outcome=Ignored.COMMENT),
        )
    for _ in order.times(10):
        faults += (
            Entry(body=impossible_address(dice).encode(), outcome=Rejected.ADDRESS),
            Entry(body=bad_host_name(dice).encode(), outcome=Rejected.HOST_NAME),
            Entry(body=f"sim-port.com:{impossible_port(dice)}".encode(), outcome=Rejected.PORT),
            Entry(body=b"/sim/gate.php", outcome=Ignored.PATH_WITHOUT_HOST),
        )
    for _ in order.times(3):
        faults += (
            Entry(body=rb"sim-[a-z]+[0-9]{2}\.com", outcome=Rejected.REGULAR_EXPRESSION),
            Entry(body=b"co.id", outcome=Rejected.PUBLIC_SUFFIX),
        )
    return faults
