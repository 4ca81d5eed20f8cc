"""What each type of Shadowserver report says: the table, and how a type is made out.

Source: report schema of The Shadowserver Foundation (`classification.type` in the terms of RSIT, and the columns of
each report), as of 2026-03. IPv6 twins (`event6_`, `scan6_`, `compromised_website6` and so on)
mean what the IPv4 ones do.
"""

import re
from collections.abc import Set
from dataclasses import dataclass, replace

from accord.columns.kernel import expectation
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.roles import Role

ADDRESS = expectation(IndicatorType.IPV4, IndicatorType.IPV6)
HOST = expectation(IndicatorType.IPV4, IndicatorType.IPV6, IndicatorType.DOMAIN)
DOMAIN = expectation(IndicatorType.DOMAIN)
SITE = expectation(IndicatorType.DOMAIN, IndicatorType.URL)
URL = expectation(IndicatorType.URL)
EMAIL = expectation(IndicatorType.EMAIL)
SHA256 = expectation(IndicatorType.SHA256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One type of report: which of its columns says what."""

    type: str
    role: Role
    claims: tuple[tuple[str, int], ...]
    """Columns (and what they must hold) that name the indicator, the best first: a row's first good one is taken."""
    also: tuple[tuple[str, int], ...] = ()
    """Columns that name a further indicator in the same role."""
    resolution: tuple[str, str] | None = None
    """Columns of a host name and of the address that it had at the row's time."""
    ports: tuple[str, ...] = ()
    """Columns of the port; the first that the header has."""
    families: tuple[str, ...] = ("infection", "family")
    """Columns of the malware family; the first that a row fills."""
    note: str | None = None
    """What a person should know about how this report was taken; None: as it is meant."""


_TAKEN_AS_GENERIC = (
    "reports of type {type} have no mapping of their own and are taken as generic: the address, as {role} "
    "(Shadowserver's own classification)"
)

_INFECTED = Report(
    type="event4_sinkhole", role=Role.INFECTED_SYSTEM, claims=(("src_ip", ADDRESS),), ports=("src_port",)
)

_MAPPED = (
    _INFECTED,
    replace(_INFECTED, type="event4_sinkhole_http"),
    replace(_INFECTED, type="event4_microsoft_sinkhole"),
    replace(_INFECTED, type="event4_microsoft_sinkhole_http"),
    replace(
        _INFECTED,
        type="event4_sinkhole_dns",
        note="the source of a DNS sinkhole event may be a resolver that asked for an infected client behind it",
    ),
    replace(
        _INFECTED,
        type="event4_sinkhole_http_referer",
        claims=(("http_referer_ip", ADDRESS),),
        ports=("http_referer_port",),
        note="the victim is the web server whose page sent a visitor to the sinkholed name, not the visitor",
    ),
    replace(_INFECTED, type="botnet_drone", claims=(("ip", ADDRESS),), ports=("port",)),
    Report(
        type="compromised_website",
        role=Role.SYSTEM_COMPROMISE,
        # `hostname` is no claim: it is the server's name, often by reverse DNS, and not the site that was changed
        claims=(("http_host", HOST), ("ip", ADDRESS)),
        resolution=("http_host", "ip"),
        ports=("port",),
        families=("family",),
    ),
    Report(
        type="compromised_iot",
        role=Role.SYSTEM_COMPROMISE,
        claims=(("ip", ADDRESS),),
        ports=("port",),
        families=("family",),
    ),
    Report(type="compromised_account", role=Role.DATA_LEAK, claims=(("email", EMAIL),), families=("infection",)),
    Report(type="event4_ddos_participant", role=Role.DDOS, claims=(("src_ip", ADDRESS),), ports=("src_port",)),
    Report(
        type="blocklist",
        role=Role.OTHER,
        claims=(("ip", ADDRESS),),
        families=(),
        note="a blocklist's entry says that somebody listed the address, not why: role other",
    ),
    Report(
        type="malware_url",
        role=Role.MALWARE_DISTRIBUTION,
        claims=(("url", URL), ("ip", ADDRESS)),
        also=(("sha256", SHA256),),
        resolution=("hostname", "ip"),
        ports=("port",),
        families=(),
    ),
    Report(
        type="spam_url",
        role=Role.SPAM,
        claims=(("url", URL), ("ip", ADDRESS)),
        resolution=("hostname", "ip"),
        ports=("port",),
        families=(),
    ),
    Report(
        type="sandbox_url",
        role=Role.MALWARE_DISTRIBUTION,
        claims=(("url", URL), ("ip", ADDRESS)),
        resolution=("hostname", "ip"),
        ports=("port",),
        families=(),
        note="what malware asked for in a sandbox may be a legitimate service that it abuses or tests its line with",
    ),
    Report(
        type="sandbox_conn",
        role=Role.MALWARE_DISTRIBUTION,
        claims=(("ip", ADDRESS),),
        resolution=("hostname", "ip"),
        ports=("port",),
        families=(),
        note="what malware connected to in a sandbox may be a legitimate service that it abuses or tests its line with",
    ),
    Report(
        type="scan_post_exploitation_framework",
        # Shadowserver classes it as infected-system. The scan found a server of a framework (Cobalt Strike and
        # the like) that commands implants: what is asked of its network is to take a C2 server down.
        role=Role.C2_SERVER,
        claims=(("ip", ADDRESS),),
        ports=("port",),
        families=("tag",),
    ),
    Report(
        type="ransomware_victim",
        role=Role.SYSTEM_COMPROMISE,
        claims=(("website", SITE),),
        families=("ransomware",),
        note="the website names the organisation that a ransomware group says it attacked; the site may be sound",
    ),
)

_GENERIC = {
    Role.UNDETERMINED: "device_id",
    Role.DDOS: "event4_honeypot_ddos event4_honeypot_ddos_amp event4_honeypot_ddos_target",
    Role.SCANNER: """event4_honeypot_adb_scan event4_honeypot_http_scan event4_honeypot_ics_scan
        event4_honeypot_ikev2_scan event4_honeypot_rdp_scan event4_honeypot_rocketmq_scan event4_honeypot_smb_scan""",
    Role.BRUTE_FORCE: "event4_honeypot_brute_force",
    Role.MASQUERADE: "event4_ip_spoofer",
    Role.WEAK_CRYPTO: "scan_badsecrets scan_ssl_freak scan_ssl_poodle",
    Role.POTENTIALLY_UNWANTED_ACCESSIBLE: "scan_gtp scan_msrpc",
    Role.OTHER: """event4_honeypot_darknet population_http_proxy population_isakmp population_ntrip sandbox_dns
        scan_http scan_imap scan_pop3 scan_quic scan_smtp scan_ssh scan_ssl scan_stun""",
    # scan_exchange has no class in the schema; its subject is "Vulnerable Exchange Server"
    Role.VULNERABLE_SYSTEM: """population_bgp population_msmq scan_activemq scan_adb scan_afp scan_amqp scan_ard
        scan_bgp scan_chargen scan_cisco_smart_install scan_coap scan_couchdb scan_cwmp scan_db2 scan_ddos_middlebox
        scan_dns scan_docker scan_dvr_dhcpdiscover scan_elasticsearch scan_epmd scan_exchange scan_ftp scan_hadoop
        scan_http_proxy scan_http_vulnerable scan_ics scan_imap_vulnerable scan_ip_tunnel scan_ipmi scan_ipp
        scan_isakmp scan_kubernetes scan_ldap_tcp scan_ldap_udp scan_loop_dos scan_mdns scan_memcached scan_mongodb
        scan_mqtt scan_mqtt_anon scan_mssql scan_mysql scan_nat_pmp scan_netbios scan_netis_router scan_ntp
        scan_ntpmonitor scan_pop3_vulnerable scan_portmapper scan_postgres scan_qotd scan_radmin scan_rdp
        scan_rdpeudp scan_redis scan_rsync scan_sip scan_slp scan_smb scan_smtp_vulnerable scan_snmp scan_socks
        scan_ssdp scan_synfulknock scan_telnet scan_tftp scan_ubiquiti scan_vnc scan_ws_discovery scan_xdmcp
        special""",
}

_UNUSUAL_CLAIMS = {
    # the target of the attack is who the report is for
    "event4_honeypot_ddos_target": ((("dst_ip", ADDRESS),), ("dst_port",)),
    "sandbox_dns": ((("request", DOMAIN),), ()),
}


def _generic(kind: str, role: Role) -> Report:
    claims, ports = _UNUSUAL_CLAIMS.get(kind, ((("ip", ADDRESS), ("src_ip", ADDRESS)), ("port", "src_port")))
    note = _TAKEN_AS_GENERIC.format(type=kind, role=role.value)
    return Report(type=kind, role=role, claims=claims, ports=ports, note=note)


REPORTS: dict[str, Report] = {report.type: report for report in _MAPPED} | {
    kind: _generic(kind, role) for role, kinds in _GENERIC.items() for kind in kinds.split()
}
"""Every type, by its IPv4 name."""

_FILE_NAME = re.compile(r"\d{4}-\d\d-\d\d-([a-z][a-z0-9_]*)(?:-[^/]*)?\.csv(?:\.\w+)?", re.ASCII)
_TWINS = (("event6_", "event4_"), ("scan6_", "scan_"), ("population6_", "population_"))


def type_in_name(path: str) -> str | None:
    """The report type in a file name as Shadowserver gives it (`YYYY-MM-DD-<type>-...csv`); None: no such name."""
    match = _FILE_NAME.fullmatch(path.lower().rsplit("/", 1)[-1])
    return None if match is None else match[1]


def report_of_type(kind: str) -> Report | None:
    """The report of a type, IPv4 or IPv6; None when it is unknown."""
    for six, four in _TWINS:
        if kind.startswith(six):
            kind = four + kind.removeprefix(six)
    return REPORTS.get(kind) or REPORTS.get(kind.removesuffix("6"))


_SINKHOLE = frozenset(
    """timestamp protocol src_ip src_port src_asn src_geo src_region src_city src_hostname src_naics src_sector
    device_vendor device_type device_model severity dst_ip dst_port dst_asn dst_geo dst_region dst_city dst_hostname
    dst_naics dst_sector public_source infection family tag application version event_id ssl_cipher
    ssl_servername""".split()
)
_SINKHOLE_HTTP = _SINKHOLE | {*"http_url http_host http_agent forwarded_by http_referer machine_name".split()}
_MALWARE_URL = frozenset(
    "timestamp url hostname ip asn geo region city naics sector severity port tag source sha256 application".split()
)

# type, columns it must have, and (where other reports have those too) columns it may have
_SIGNATURES: tuple[tuple[str, str, Set[str] | None], ...] = (
    ("event4_sinkhole", "src_ip src_port dst_ip dst_port infection", _SINKHOLE),
    ("event4_sinkhole_http", "src_ip src_port dst_ip infection http_url http_host http_agent", _SINKHOLE_HTTP),
    ("event4_sinkhole_http_referer", "http_referer_ip http_referer infection", None),
    ("event4_sinkhole_dns", "src_ip infection query query_type", None),
    ("event4_ddos_participant", "src_ip dst_ip attack gcip number_of_connections http_agent", None),
    ("botnet_drone", "ip infection cc_ip cc_port", None),
    ("compromised_website", "ip http_host category redirect_target", None),
    ("compromised_iot", "ip category device_type source_type", None),
    ("compromised_account", "email source_url service username", None),
    ("blocklist", "ip source reason", None),
    ("malware_url", "url hostname ip source", _MALWARE_URL),
    ("spam_url", "url ip sender subject", None),
    ("sandbox_url", "url ip md5 user_agent method", None),
    ("sandbox_conn", "ip md5 bytes_in bytes_out", None),
    ("scan_post_exploitation_framework", "ip port beacon_type beacon_host", None),
    ("ransomware_victim", "website ransomware leak_site_url", None),
)


def report_of_header(names: Set[str]) -> Report | None:
    """The report that only one type's header can be; None when it is none, or could be several."""
    fitting = [
        kind
        for kind, required, permitted in _SIGNATURES
        if names >= {"timestamp", *required.split()} and (permitted is None or names <= permitted)
    ]
    return REPORTS[fitting[0]] if len(fitting) == 1 else None
