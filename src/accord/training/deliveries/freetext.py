"""Vendor G's notes: sentences of analysts, every value defanged, no times."""

from collections.abc import Callable

from accord.training.deliveries.account import DeliveredFile, Entry, Order, lines
from accord.training.deliveries.faults import private_address
from accord.training.dice import Dice
from accord.training.plot import Statement
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.reasons import Ignored, Rejected
from accord.vocabulary.roles import Role

_SERVER_LINES = (
    "- {}",
    "The operator's panel answers at {} (simulated)",
    "We saw the bots call {}, last week and this week",
    "{}",
    "Command server: {};",
)
_WEBSITE_LINES = (
    "Visitors of {} are sent on by an injected script",
    "* {}",
    "Script found on '{}' by our crawler",
)
_SAMPLE_LINES = ("SHA256: {}", "{}")
_PROSE = (
    "Simulated notes, for training only",
    "The list grew again this week",
    "Thanks to the colleagues who shared their logs",
    "Next review on Monday",
)


def write(order: Order) -> list[DeliveredFile]:
    """Three files: servers, websites, samples and payloads."""
    files = []
    for name, role, forms in (
        ("servers", Role.C2_SERVER, _SERVER_LINES),
        ("websites", Role.SYSTEM_COMPROMISE, _WEBSITE_LINES),
        ("samples", Role.MALWARE_DISTRIBUTION, _SAMPLE_LINES),
    ):
        good = [
            order.statement_entry(one, order.dice.one(forms).format(_defanged(one, order.dice)).encode())
            for one in order.statements
            if one.subject.role is role
        ]
        entries = order.mixed(good, _faults(order))
        files.append(DeliveredFile(path=f"vendor-g/notes-{name}.txt", data=lines(entries), entries=tuple(entries)))
    return files


def _defanged(statement: Statement, dice: Dice) -> str:
    subject = statement.subject
    if subject.kind is IndicatorType.SHA256:
        return subject.value if dice.chance(0.5) else subject.value.upper()
    dot = dice.one(_DOTS)
    if subject.kind is IndicatorType.URL:
        return dot(subject.value).replace("http://", "hxxp://")
    text = dot(subject.value)
    if subject.kind is IndicatorType.IPV4 and subject.port is not None and dice.chance(0.4):
        text += f":{subject.port}"
    return text


def _bracketed(text: str) -> str:
    return text.replace(".", "[.]")


def _last_bracketed(text: str) -> str:
    head, _, tail = text.rpartition(".")
    return f"{head}[.]{tail}"


def _rounded(text: str) -> str:
    return text.replace(".", "(.)")


def _spelled(text: str) -> str:
    return text.replace(".", "[dot]")


_DOTS: tuple[Callable[[str], str], ...] = (_bracketed, _bracketed, _last_bracketed, _rounded, _spelled)


def _faults(order: Order) -> list[Entry]:
    dice = order.dice
    faults = [Entry(body=line.encode(), outcome=Ignored.NO_INDICATOR) for line in _PROSE]
    for _ in order.times(4):
        inside = _bracketed(private_address(dice))
        faults += (
            Entry(body=b"", outcome=Ignored.BLANK),
            Entry(body=f"Our own lab machine is {inside}".encode(), outcome=Rejected.ADDRESS_NOT_ROUTABLE),
        )
    return faults
