"""Vendor B's STIX 2.1 bundle: indicators with patterns and validity, malware named through relationships, sightings."""

from collections.abc import Iterator

import msgspec

from accord.training.deliveries.account import DeliveredFile, Entry, Order, stamp
from accord.training.deliveries.faults import private_address
from accord.training.plot import Statement
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.markings import TLP2_IDS, Marking
from accord.vocabulary.reasons import Ignored, Rejected
from accord.vocabulary.roles import Role

_PATTERNS = {
    IndicatorType.IPV4: "[ipv4-addr:value = '{}']",
    IndicatorType.DOMAIN: "[domain-name:value = '{}']",
    IndicatorType.URL: "[url:value = '{}']",
}
_NAMES = {
    Role.C2_SERVER: "Command-and-control server (simulated)",
    Role.SYSTEM_COMPROMISE: "Compromised website (simulated)",
    Role.MALWARE_DISTRIBUTION: "Payload server (simulated)",
}
_TLP_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"


def write(order: Order) -> list[DeliveredFile]:
    """One bundle of all statements."""
    writer = _Bundle(order)
    entries = order.mixed(writer.good(), writer.faults())
    head = b'{"type":"bundle","id":"bundle--%s","objects":[\n' % str(order.dice.uuid()).encode()
    data = head + b",\n".join(one.body for one in entries) + b"\n]}\n"
    return [DeliveredFile(path="vendor-b/research-2017-04-21.json", data=data, entries=tuple(entries))]


class _Bundle:
    """The objects of one bundle."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._dice = order.dice
        self._at = stamp(int(order.plan.collected_at.timestamp()))
        self._creator = self._id("identity")
        spellings = sorted({one.spelling for one in order.statements if one.spelling})
        self._malware = {spelling: self._id("malware") for spelling in spellings}

    def good(self) -> Iterator[Entry]:
        """Creator, marking, malware; then each statement's indicator with its relationship or sighting."""
        yield self._entry("identity", self._creator, {"name": "Simulated Vendor B", "identity_class": "organization"})
        yield Entry(body=msgspec.json.encode(_AMBER), outcome=Ignored.NOT_OBSERVABLE)
        for spelling, identifier in self._malware.items():
            yield self._entry(
                "malware", identifier, {"name": spelling, "is_family": True, "malware_types": ["remote-access-trojan"]}
            )
        for statement in self._order.statements:
            yield from self._statement(statement)

    def faults(self) -> list[Entry]:
        """Objects that break the specification or make no single claim, and what is no claim any more."""
        faults: list[Entry] = []
        for _ in self._order.times(8):
            faults += (
                self._broken(f"[ipv4-addr:value = '{private_address(self._dice)}']", Rejected.ADDRESS_NOT_ROUTABLE),
                self._broken("[ipv4-addr:value = '8.8.4.4'", Rejected.PATTERN_SYNTAX),
                self._broken(
                    "[domain-name:value = 'sim-both.com' AND ipv4-addr:value = '8.8.4.4']",
                    Rejected.PATTERN_NOT_ONE_FINDING,
                ),
            )
        for _ in self._order.times(4):
            faults += (
                self._broken(r"[domain-name:value MATCHES '^sim-.*\\.com$']", Rejected.PATTERN_UNSUPPORTED),
                self._broken("[domain-name:value = '-sim-bad.com']", Rejected.HOST_NAME),
                self._broken(None, Rejected.MALFORMED_OBJECT),
                self._broken("[domain-name:value = 'sim-revoked.com']", Ignored.REVOKED, revoked=True),
                self._entry(
                    "sighting",
                    self._id("sighting"),
                    {
                        "sighting_of_ref": self._id("indicator"),
                        "first_seen": self._at,
                        "last_seen": self._at,
                        "count": 2,
                    },
                    Rejected.MISSING_REFERENCE,
                ),
            )
        return faults

    def _statement(self, statement: Statement) -> Iterator[Entry]:
        if statement.first_s is None or statement.last_s is None:
            raise ValueError("this data set writes times")
        subject = statement.subject
        indicator = self._id("indicator")
        content = self._claim(_PATTERNS[subject.kind].format(subject.value), subject.role)
        # a validity window must not be empty (STIX 2.1, 4.7): one that is a moment has no end
        content |= {"valid_from": stamp(statement.first_s)}
        if statement.last_s > statement.first_s:
            content |= {"valid_until": stamp(statement.last_s)}
        yield self._order.statement_entry(statement, self._object("indicator", indicator, content))
        if statement.spelling is not None:
            yield self._entry(
                "relationship",
                self._id("relationship"),
                {
                    "relationship_type": "indicates",
                    "source_ref": indicator,
                    "target_ref": self._malware[statement.spelling],
                },
            )

    def _claim(self, pattern: str | None, role: Role) -> dict[str, object]:
        content: dict[str, object] = {"name": _NAMES[role], "pattern_type": "stix", "valid_from": self._at}
        if pattern is not None:
            content["pattern"] = pattern
        content["indicator_types"] = ["compromised" if role is Role.SYSTEM_COMPROMISE else "malicious-activity"]
        if role is Role.C2_SERVER:
            content["kill_chain_phases"] = [
                {"kill_chain_name": "lockheed-martin-cyber-kill-chain", "phase_name": "command-and-control"}
            ]
        return content

    def _broken(self, pattern: str | None, outcome: Ignored | Rejected, *, revoked: bool = False) -> Entry:
        content = self._claim(pattern, Role.C2_SERVER)
        if revoked:
            content["revoked"] = True
        return self._entry("indicator", self._id("indicator"), content, outcome)

    def _entry(
        self,
        kind: str,
        identifier: str,
        content: dict[str, object],
        outcome: Ignored | Rejected = Ignored.NOT_OBSERVABLE,
    ) -> Entry:
        return Entry(body=self._object(kind, identifier, content), outcome=outcome)

    def _object(self, kind: str, identifier: str, content: dict[str, object]) -> bytes:
        common: dict[str, object] = {
            "type": kind,
            "spec_version": "2.1",
            "id": identifier,
            "created": self._at,
            "modified": self._at,
        }
        if kind != "identity":
            common["created_by_ref"] = self._creator
        common["object_marking_refs"] = [TLP2_IDS[Marking.AMBER]]
        return msgspec.json.encode(common | content)

    def _id(self, kind: str) -> str:
        return f"{kind}--{self._dice.uuid()}"


_AMBER = {
    "type": "marking-definition",
    "spec_version": "2.1",
    "id": TLP2_IDS[Marking.AMBER],
    "created": "2022-10-01T00:00:00.000Z",
    "name": "TLP:AMBER",
    "extensions": {_TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": "amber"}},
}
