"""Vendor G's passive DNS: Common Output Format (draft-dulaunoy-dnsop-passive-dns-cof), one JSON object a line."""

import msgspec

from accord.training.deliveries.account import DeliveredFile, Entry, Order, lines
from accord.training.deliveries.faults import private_address
from accord.training.plot import Resolution
from accord.vocabulary.reasons import Ignored, Rejected


def write(order: Order) -> list[DeliveredFile]:
    """One file of all resolutions."""
    good = [Entry(body=_line(one)) for one in order.resolutions]
    entries = order.mixed(good, _faults(order))
    return [DeliveredFile(path="vendor-g/passive-dns-2017-04-22.jsonl", data=lines(entries), entries=tuple(entries))]


def _line(one: Resolution) -> bytes:
    return _record(one.domain, "A", one.address, first=one.first_s, last=one.last_s, count=one.count)


def _record(name: str, kind: str, answer: str, *, first: int, last: int, count: int) -> bytes:
    return msgspec.json.encode(
        {
            "rrname": f"{name}.",
            "rrtype": kind,
            "rdata": answer,
            "time_first": first,
            "time_last": last,
            "count": count,
            "bailiwick": name,
        }
    )


def _faults(order: Order) -> list[Entry]:
    dice = order.dice
    names = [one.domain for one in order.resolutions] or ["sim-lonely.com"]
    faults: list[Entry] = []
    for _ in order.times(8):
        name = dice.one(names)
        faults += (
            Entry(
                body=_record(name, "A", private_address(dice), first=1485000000, last=1486000000, count=1),
                outcome=Rejected.ADDRESS_NOT_ROUTABLE,
            ),
            Entry(
                body=_record(name, "NS", "ns.sim-hoster.com.", first=1485000000, last=1486000000, count=3),
                outcome=Ignored.NOT_OBSERVABLE,
            ),
        )
    for _ in order.times(3):
        faults.append(Entry(body=b'{"rrname":"sim-cut-off.com.","rrtype":"A","rda', outcome=Rejected.MALFORMED_OBJECT))
    return faults
