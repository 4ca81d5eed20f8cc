"""Vendor C's MISP events: one event a family and subject, tags for TLP and family, and one file cut off on its way."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from accord.training.deliveries.account import DeliveredFile, Entry, Order
from accord.training.deliveries.faults import impossible_address, private_address
from accord.training.plot import Statement
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.markings import Marking
from accord.vocabulary.reasons import Ignored, Rejected
from accord.vocabulary.roles import Role

_TYPES = {
    IndicatorType.IPV4: "ip-dst",
    IndicatorType.DOMAIN: "domain",
    IndicatorType.URL: "url",
    IndicatorType.SHA256: "sha256",
}
_SUBJECTS = {
    Role.C2_SERVER: "command servers",
    Role.SYSTEM_COMPROMISE: "compromised websites",
    Role.MALWARE_DISTRIBUTION: "malware distribution",
}


def write(order: Order) -> list[DeliveredFile]:
    """One file an event, and the first event once more, cut off in the middle."""
    groups: dict[tuple[str, str, Marking | None], list[Statement]] = {}
    for statement in order.statements:
        key = (_SUBJECTS[statement.subject.role], statement.spelling or "", statement.marking)
        groups.setdefault(key, []).append(statement)
    files = []
    for (subject, spelling, marking), statements in sorted(groups.items(), key=lambda one: one[0][:2]):
        title = f"Simulated: {spelling} {subject}" if spelling else f"Simulated: {subject}"
        name = title.removeprefix("Simulated: ").lower().replace(" ", "-")
        data, entries = _event(order, title, spelling, marking, statements)
        files.append(DeliveredFile(path=f"vendor-c/{name}.json", data=data, entries=entries))
    if files:
        whole = files[0].data
        files.append(
            DeliveredFile(path="vendor-c/sent-again.json", data=whole[: len(whole) // 2], entries=(), refused=True)
        )
    return files


def _event(
    order: Order, title: str, spelling: str, marking: Marking | None, statements: Sequence[Statement]
) -> tuple[bytes, tuple[Entry, ...]]:
    alone: list[Entry] = []
    objects: list[tuple[bytes, tuple[Entry, ...]]] = []
    for statement in statements:
        port = statement.subject.port
        if statement.subject.kind is IndicatorType.IPV4 and port is not None and order.dice.chance(0.25):
            objects.append(_object(order, statement, port))
        else:
            alone.append(_attribute_entry(order, statement))
    alone = order.mixed(alone, _faults(order))
    at = order.plan.collected_at
    tags = [f"tlp:{(marking or Marking.GREEN).value}", "simulated"]
    if spelling:
        tags.append(f'misp-galaxy:malpedia="{spelling}"')
    event = {
        "uuid": str(order.dice.uuid()),
        "info": title,
        "date": at.strftime("%Y-%m-%d"),
        "timestamp": str(int(at.timestamp())),
        "published": True,
        "analysis": "2",
        "threat_level_id": "2",
        "distribution": "3",
        "Orgc": {"name": "Simulated Vendor C", "uuid": "5d2f5f0e-0000-4000-8000-0000000000c0"},
        "Tag": [{"name": tag} for tag in tags],
        "Attribute": [msgspec.Raw(one.body) for one in alone],
        "Object": [msgspec.Raw(body) for body, _ in objects],
    }
    inside = [entry for _, entries in objects for entry in entries]
    return msgspec.json.encode({"Event": event}) + b"\n", (*alone, *inside)


def _object(order: Order, statement: Statement, port: int) -> tuple[bytes, tuple[Entry, ...]]:
    address = _attribute_entry(order, statement, relation="ip", bare=True)
    service = Entry(
        body=_attribute(order, "port", str(port), None, relation="dst-port"), outcome=Ignored.NOT_OBSERVABLE
    )
    body = msgspec.json.encode(
        {
            "name": "ip-port",
            "meta-category": "network",
            "template_uuid": "9f8cea74-16fe-4968-a2b4-026676949ac6",
            "uuid": str(order.dice.uuid()),
            "Attribute": [msgspec.Raw(address.body), msgspec.Raw(service.body)],
        }
    )
    return body, (address, service)


def _attribute_entry(order: Order, statement: Statement, relation: str | None = None, *, bare: bool = False) -> Entry:
    subject = statement.subject
    kind, value = _TYPES[subject.kind], subject.value
    if subject.kind is IndicatorType.IPV4 and subject.port is not None and not bare and order.dice.chance(0.4):
        kind, value = "ip-dst|port", f"{value}|{subject.port}"
    return order.statement_entry(statement, _attribute(order, kind, value, statement, relation=relation))


def _attribute(
    order: Order,
    kind: str,
    value: str,
    statement: Statement | None,
    *,
    relation: str | None = None,
    to_ids: bool = True,
    deleted: bool = False,
) -> bytes:
    content: dict[str, object] = {
        "uuid": str(order.dice.uuid()),
        "type": kind,
        "category": "Payload delivery" if kind == "sha256" else "Network activity",
        "value": value,
        "to_ids": to_ids,
        "deleted": deleted,
        "distribution": "5",
        "timestamp": str(int(order.plan.collected_at.timestamp())),
    }
    if relation is not None:
        content["object_relation"] = relation
    if statement is not None and statement.first_s is not None and statement.last_s is not None:
        content |= {"first_seen": _time(statement.first_s), "last_seen": _time(statement.last_s)}
    return msgspec.json.encode(content)


def _time(seconds: int) -> str:
    # as MISP writes it: microseconds and a numeric zone
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000+00:00")


def _faults(order: Order) -> list[Entry]:
    dice = order.dice
    return [
        Entry(body=_attribute(order, "ip-dst", private_address(dice), None), outcome=Rejected.ADDRESS_NOT_ROUTABLE),
        Entry(body=_attribute(order, "ip-dst", impossible_address(dice), None), outcome=Rejected.ADDRESS),
        Entry(body=_attribute(order, "domain", "-sim-bad.com", None), outcome=Rejected.HOST_NAME),
        Entry(body=_attribute(order, "text", "simulated", None), outcome=Ignored.NOT_OBSERVABLE),
        # what a sample asks to learn whether it is online is context, not infrastructure
        Entry(body=_attribute(order, "ip-dst", "9.9.9.9", None, to_ids=False), outcome=Ignored.NOT_TO_IDS),
        Entry(body=_attribute(order, "domain", "sim-withdrawn.com", None, deleted=True), outcome=Ignored.DELETED),
    ]
