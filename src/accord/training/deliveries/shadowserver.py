"""Foundation F's daily reports in Shadowserver's CSV layouts, in one ZIP archive; times to the second, UTC.

Columns: Shadowserver's report schemas `compromised_website`, `scan_post_exploitation_framework` and
`event4_sinkhole`. They are of a later date than the story; the file names carry the story's.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from accord.training.deliveries.account import DeliveredFile, Entry, Order, lines
from accord.training.deliveries.containers import zipped
from accord.training.deliveries.faults import impossible_address, impossible_time, private_address
from accord.training.plot import Statement
from accord.vocabulary.reasons import Ignored, Rejected
from accord.vocabulary.roles import Role

_WEBSITE = (
    "timestamp,severity,ip,protocol,port,hostname,tag,asn,geo,region,city,naics,hostname_source,sector,application,"
    "url,http_host,category,system,detected_since,server,redirect_target,cc_url,family,status,account,detail,"
    "public_source"
).split(",")
_FRAMEWORK = (
    "timestamp,severity,ip,protocol,port,hostname,tag,asn,geo,region,city,naics,hostname_source,sector,http,http_url,"
    "http_code,content_type,content_length,architecture,beacon_type,beacon_host,beacon_port,beacon_http_get,"
    "beacon_http_post,license_id,config_md5,config_sha1,config_sha256,config_sha512,binary_md5,binary_sha1,"
    "binary_sha256,binary_sha512,encoded_length,encoded_data"
).split(",")
_SINKHOLE = (
    "timestamp,protocol,src_ip,src_port,src_asn,src_geo,src_region,src_city,src_hostname,src_naics,src_sector,"
    "device_vendor,device_type,device_model,severity,dst_ip,dst_port,dst_asn,dst_geo,dst_region,dst_city,dst_hostname,"
    "dst_naics,dst_sector,public_source,infection,family,tag,application,version,event_id,ssl_cipher,ssl_servername"
).split(",")
_SINKHOLE_ADDRESS = "8.8.4.4"
"""Stands where a report names the sinkhole itself; nothing reads it as an indicator."""


def write(order: Order) -> list[DeliveredFile]:
    """One archive of three reports."""
    members: list[tuple[str, bytes]] = []
    whole: list[Entry] = []
    for name, columns, role in (
        ("2017-04-22-compromised_website-simulated-asean.csv", _WEBSITE, Role.SYSTEM_COMPROMISE),
        ("2017-04-22-event4_sinkhole-simulated-asean.csv", _SINKHOLE, Role.INFECTED_SYSTEM),
        ("2017-04-22-scan_post_exploitation_framework-simulated-asean.csv", _FRAMEWORK, Role.C2_SERVER),
    ):
        statements = [one for one in order.statements if one.subject.role is role]
        good = [entry for one in statements for entry in _rows(order, one, columns)]
        entries = [Entry(body=_header(columns), outcome=Ignored.HEADER), *order.mixed(good, _faults(order, columns))]
        members.append((name, lines(entries)))
        whole += entries
    data = zipped(members, order.plan.collected_at)
    return [DeliveredFile(path="vendor-f/reports-2017-04-22.zip", data=data, entries=tuple(whole))]


def _rows(order: Order, statement: Statement, columns: Sequence[str]) -> list[Entry]:
    """A row for each end of the statement's period: a daily report knows moments only."""
    moments = sorted({one for one in (statement.first_s, statement.last_s) if one is not None})
    said = {
        Role.SYSTEM_COMPROMISE: _website,
        Role.INFECTED_SYSTEM: _sinkhole,
        Role.C2_SERVER: _framework,
    }[statement.subject.role]
    return [
        order.statement_entry(statement, _row(columns, {"timestamp": _time(moment)} | said(order, statement)))
        for moment in moments
    ]


def _website(order: Order, statement: Statement) -> dict[str, str]:
    subject = statement.subject
    return {
        "severity": "critical",
        "ip": subject.address or "",
        "protocol": "tcp",
        "port": "80",
        "asn": "0",
        "geo": subject.country or "",
        "http_host": subject.value,
        "url": order.dice.one(("/", "/wp-content/", "/index.php")),
        "category": "injected-code",
        "tag": "simulated",
    }


def _framework(order: Order, statement: Statement) -> dict[str, str]:
    del order
    subject = statement.subject
    return {
        "severity": "critical",
        "ip": subject.value,
        "protocol": "tcp",
        "port": str(subject.port),
        "asn": "0",
        "geo": subject.country or "",
        "tag": (statement.spelling or "").lower().replace(" ", ""),
    }


def _sinkhole(order: Order, statement: Statement) -> dict[str, str]:
    subject = statement.subject
    name = (statement.spelling or "").lower().replace(" ", "-")
    return {
        "protocol": "tcp",
        "src_ip": subject.value,
        "src_port": str(statement.port),
        "src_asn": "0",
        "src_geo": subject.country or "",
        "severity": "critical",
        "dst_ip": _SINKHOLE_ADDRESS,
        "dst_port": "80",
        "dst_asn": "0",
        "infection": name,
        "family": name,
        "tag": "simulated",
        "event_id": f"{order.dice.bits(64):016x}",
    }


def _faults(order: Order, columns: Sequence[str]) -> list[Entry]:
    dice = order.dice
    address = "src_ip" if "src_ip" in columns else "ip"
    faults: list[Entry] = []
    for _ in order.times(5):
        good = {"timestamp": "2017-04-21 10:00:00"}
        faults += (
            Entry(body=_row(columns, good | {address: private_address(dice)}), outcome=Rejected.ADDRESS_NOT_ROUTABLE),
            Entry(body=_row(columns, good | {address: impossible_address(dice)}), outcome=Rejected.ADDRESS),
            Entry(body=_row(columns, {"timestamp": impossible_time(dice), address: "8.8.4.4"}), outcome=Rejected.TIME),
            Entry(body=b'"2017-04-21 10:00:00","critical"', outcome=Rejected.COLUMN_COUNT),
            Entry(body=_row(columns, good | {address: "8.8.4.4"}).removesuffix(b'"'), outcome=Rejected.QUOTING),
        )
    return faults


def _header(columns: Sequence[str]) -> bytes:
    return ",".join(f'"{name}"' for name in columns).encode()


def _row(columns: Sequence[str], said: Mapping[str, str]) -> bytes:
    return ",".join(f'"{said.get(name, "")}"' for name in columns).encode()


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(" ")[:19]
