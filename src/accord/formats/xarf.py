"""X-ARF v4 abuse reports: one JSON object a file, one a line, or a list of them.

    {"xarf_version": "4.2.0", "report_id": "…", "timestamp": "2026-11-22T12:00:00Z", "reporter": {…}, "sender": {…},
     "source_identifier": "203.0.113.7", "source_port": 4711, "category": "infrastructure", "type": "botnet",
     "compromise_evidence": "it sent traffic of Mirai", "malware_family": "Mirai"}

A report is about one source: the URL of what is reported as content or as an infringement, else `source_identifier`.
Evidence is never opened.

Source: X-ARF v4.2, its specification and JSON schemas (as the PyPI package `xarf` ships them).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from accord.columns.json_records import Entry, grain, read_records, root_names
from accord.columns.reading import Chunk, Context, Document, Parsed
from accord.columns.values import ADDRESSES, HASHES, url_host
from accord.vocabulary.indicators import Indicator, IndicatorType
from accord.vocabulary.markings import Marking, read_marking, strictest
from accord.vocabulary.reasons import Ignored, Rejected
from accord.vocabulary.roles import Role

__all__ = ["GRAIN", "NAME", "TITLE", "grain", "layout", "parse", "recognises"]

NAME = "xarf"
TITLE = "X-ARF v4 abuse reports (JSON)"
GRAIN = "either"

_EXPECTED = "X-ARF v4 reports: a JSON object, a list of them, or one a line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is made of one type of report."""

    role: Role | None = None
    """None: the type says none that is one of ours; the data set's rules decide."""
    url: str | None = None
    """The member that names what is reported; None: `source_identifier`."""


def _content(role: Role | None = None) -> Kind:
    return Kind(role=role, url="url")


_INFRINGEMENT = Kind(role=Role.COPYRIGHT, url="infringing_url")

KINDS: Mapping[tuple[str, str], Kind] = {
    ("connection", "ddos"): Kind(role=Role.DDOS),
    # crawlers of search engines have this type too: `bot_type` says which is malicious
    ("connection", "infected_host"): Kind(),
    ("connection", "login_attack"): Kind(role=Role.BRUTE_FORCE),
    ("connection", "port_scan"): Kind(role=Role.SCANNER),
    ("connection", "reconnaissance"): Kind(role=Role.SCANNER),
    ("connection", "scraping"): Kind(),
    ("connection", "sql_injection"): Kind(role=Role.EXPLOIT),
    ("connection", "vulnerability_scan"): Kind(role=Role.SCANNER),
    ("content", "brand_infringement"): _content(),
    ("content", "csam"): _content(Role.VIOLENCE),
    ("content", "csem"): _content(Role.VIOLENCE),
    ("content", "exposed_data"): _content(Role.DATA_LEAK),
    ("content", "fraud"): _content(),
    ("content", "malware"): _content(Role.MALWARE_DISTRIBUTION),
    ("content", "phishing"): _content(Role.PHISHING),
    ("content", "remote_compromise"): _content(Role.SYSTEM_COMPROMISE),
    ("content", "suspicious_registration"): _content(),
    ("copyright", "copyright"): _INFRINGEMENT,
    ("copyright", "cyberlocker"): _INFRINGEMENT,
    ("copyright", "link_site"): _INFRINGEMENT,
    ("copyright", "p2p"): Kind(role=Role.COPYRIGHT),
    ("copyright", "ugc_platform"): _INFRINGEMENT,
    ("copyright", "usenet"): Kind(role=Role.COPYRIGHT),
    ("infrastructure", "botnet"): Kind(role=Role.INFECTED_SYSTEM),
    ("infrastructure", "compromised_server"): Kind(role=Role.SYSTEM_COMPROMISE),
    # by its schema legitimate, and unwanted
    ("messaging", "bulk_messaging"): Kind(),
    ("messaging", "spam"): Kind(role=Role.SPAM),
    ("reputation", "blocklist"): Kind(),
    ("reputation", "threat_intelligence"): Kind(),
    ("vulnerability", "cve"): Kind(role=Role.VULNERABLE_SYSTEM),
    ("vulnerability", "misconfiguration"): Kind(role=Role.MISCONFIGURATION),
    ("vulnerability", "open_service"): Kind(role=Role.POTENTIALLY_UNWANTED_ACCESSIBLE),
}
"""What each category and type becomes."""

SORTS = frozenset(
    {
        *("adware", "backdoor", "banking_trojan", "bot", "cryptominer", "dropper", "infostealer", "loader", "other"),
        *("ransomware", "rat", "rootkit", "spyware", "trojan", "worm"),
    }
)
"""The schema's sorts of malware. As a tag (`malware:trojan`) each is the name of no family."""

TAG_LIMIT = 1_000
"""Tags of one report. Each may name a family, and each family gives observations of all that the report names."""

_ROLES: Mapping[str, Role] = {role.value: role for role in Role if role is not Role.UNDETERMINED}
_CONTROLLER = "botnet:command-and-control"
_VERSION = re.compile(r"4\.\d+\.\d+", re.ASCII)
_URL = frozenset({IndicatorType.URL})
_NAMES = frozenset({IndicatorType.DOMAIN, *ADDRESSES})


def recognises(head: bytes, path: str) -> bool:
    """The first object says its version of X-ARF."""
    del path
    return "xarf_version" in root_names(head)


def layout(head: bytes, path: str, context: Context) -> None:
    """Every line stands for itself."""
    del head, path, context


def parse(read: Chunk | Document, context: Context) -> Parsed:
    """Read a chunk of lines, one report, or a list of reports."""
    return read_records(read, context, _EXPECTED, _read_report)


def _read_report(entry: Entry) -> None:
    version = entry.content.get("xarf_version")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        entry.fault(Rejected.MALFORMED_OBJECT, "xarf_version", version)
        return
    category, name = entry.text("category"), entry.text("type")
    kind = KINDS.get((category or "", name or ""))
    if kind is None:
        entry.fault(Rejected.MALFORMED_OBJECT, "type", f"{category or ''}/{name or ''}")
        return
    tags = _tags(entry)
    marking = _marking(entry, tags)
    times = _times(entry)
    if entry.refused:
        return
    role = _role(entry, kind, tags)
    subject, source = _subject(entry, kind)
    port = entry.port("source_port") if subject is not None else None
    files = _files(entry)
    families: Sequence[str | None] = _families(entry, tags) or (None,)
    for family in families:
        for at, seen_at_us in enumerate(times):
            if subject is not None:
                entry.observe(
                    subject,
                    role=role,
                    family=family,
                    seen_at_us=seen_at_us,
                    # the port is that of the moment which `timestamp` says (RFC 6302)
                    port=port if at == 0 else None,
                    marking=marking,
                )
        for digest in files:
            entry.observe(digest, role=role, family=family, seen_at_us=times[0], marking=marking)
    if subject is not None and source is not None and source.kind in ADDRESSES:
        entry.resolve(subject, source, seen_at_us=times[0], marking=marking)
    # where a member was wrong, its reject goes before this
    entry.ignore(Ignored.NO_INDICATOR)


def _tags(entry: Entry) -> Sequence[str]:
    """The namespaced tags. A list that cannot be read may hide a marking, so that nothing can be taken."""
    tags = entry.content.get("tags")
    if tags is None:
        return ()
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        entry.fault(Rejected.MALFORMED_OBJECT, "tags", tags)
        return ()
    if len(tags) > TAG_LIMIT:
        entry.fault(Rejected.TOO_LONG, "tags", f"{len(tags):,} tags")
        return ()
    return [tag.strip().lower() for tag in tags]


def _marking(entry: Entry, tags: Sequence[str]) -> Marking | None:
    """The narrowest of the tags `tlp:...` and a member `tlp`, which the format permits beside its own."""
    labels = [("tags", tag) for tag in tags if tag.startswith("tlp:")]
    if (own := entry.text("tlp")) is not None:
        labels.append(("tlp", own))
    found = []
    for column, label in labels:
        marking = read_marking(label)
        if marking is None:
            entry.fault(Rejected.MARKING, column, label)
        else:
            found.append(marking)
    return strictest(*found) if found else None


def _times(entry: Entry) -> Sequence[int | None]:
    """When the incident occurred, and then the ends of the time over which it was seen."""
    occurred = entry.instant("timestamp")
    ends = [entry.instant(name, whole=False) for name in ("first_seen", "last_seen")]
    more = sorted({end for end in ends if end is not None} - {occurred})
    return [occurred, *more] if occurred is not None or not more else more


def _role(entry: Entry, kind: Kind, tags: Sequence[str]) -> Role | None:
    """What an RSIT tag says exactly, else what the type says."""
    tagged = {_ROLES[tag[5:]] for tag in tags if tag.startswith("rsit:") and tag[5:] in _ROLES}
    if len(tagged) == 1:
        return tagged.pop()
    match entry.content.get("type"):
        case "botnet" if _CONTROLLER in tags:
            return Role.C2_SERVER
        case "infected_host" if entry.content.get("bot_type") == "malicious":
            return Role.INFECTED_SYSTEM
        case "blocklist" | "threat_intelligence":
            threat = entry.content.get("threat_type")
            return _ROLES.get(threat.strip().lower().replace("_", "-")) if isinstance(threat, str) else None
    return kind.role


def _families(entry: Entry, tags: Sequence[str]) -> Sequence[str]:
    """The malware family; where no member says it, those of the tags that name one and no mere sort of malware."""
    own = entry.text("malware_family", whole=False)
    if own is not None:
        return (own,)
    named = (tag.removeprefix("malware:") for tag in tags if tag.startswith("malware:"))
    return [name for name in dict.fromkeys(named) if name and name.replace("-", "_") not in SORTS]


def _subject(entry: Entry, kind: Kind) -> tuple[Indicator | None, Indicator | None]:
    """What the report is about, and its source where that is something else."""
    required = kind.url or "source_identifier"
    if entry.content.get(required) in (None, ""):
        entry.fault(Rejected.MALFORMED_OBJECT, required, entry.content.get(required))
        return None, None
    if kind.url is None:
        return entry.indicator("source_identifier"), None
    url = entry.indicator(kind.url, _URL)
    source = entry.indicator("source_identifier", _NAMES) if url is not None else None
    if url is None or source is None:
        return url, None
    if source.value == url_host(url.value) and url.value in {f"http://{source.value}", f"http://{source.value}/"}:
        # a site as a whole: the format has no other way to report a name as content
        return source, None
    return url, source


def _files(entry: Entry) -> Sequence[Indicator]:
    """The hashes of a malware file."""
    hashes = entry.content.get("file_hashes") if entry.content.get("type") == "malware" else None
    if hashes is None:
        return ()
    if not isinstance(hashes, dict):
        entry.fault(Rejected.MALFORMED_OBJECT, "file_hashes", hashes, whole=False)
        return ()
    found = []
    for name in ("sha256", "sha1", "md5"):
        digest = hashes.get(name)
        if isinstance(digest, str) and digest and (read := entry.read(digest, "file_hashes", HASHES)) is not None:
            found.append(read)
    return found
