"""Tags and galaxies of a MISP event or attribute: marking, role and malware family.

Tags are machine tags (`namespace:predicate="value"`) of the MISP taxonomies; only those that say exactly one of our
words are read. Sources: misp-taxonomies `tlp`, `rsit`, `ecsirt`, `circl`, `europol-event`, `adversary`, `kill-chain`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from accord.columns.values import HASHES
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.markings import Marking, read_marking, read_pap, strictest
from accord.vocabulary.roles import Role

_MACHINE_TAG = re.compile(r'([^:="]+):([^="]+)=(.*)', re.DOTALL)

# Most telling first: the first of these that names anything is believed, so that one malware that stands in several
# galaxies under several names is not counted as several. Tools that administrators use too (`mitre-tool`) are left out.
_FAMILY_GALAXIES = (
    "malpedia",
    "ransomware",
    "banker",
    "botnet",
    "rat",
    "stealer",
    "backdoor",
    "android",
    "cryptominers",
    "exploit-kit",
    "mitre-malware",
    "mitre-enterprise-attack-malware",
    "mitre-mobile-attack-malware",
    "tool",
)
_MITRE_NUMBER = re.compile(r"(?<!\s)\s++-\s++S\d{4}$")

_ROLE_TAGS: dict[tuple[str, str, str], Role] = {
    ("ecsirt", "abusive-content", "spam"): Role.SPAM,
    ("ecsirt", "abusive-content", "harmful-speech"): Role.HARMFUL_SPEECH,
    ("ecsirt", "malicious-code", "botnet-drone"): Role.INFECTED_SYSTEM,
    ("ecsirt", "malicious-code", "malware-configuration"): Role.MALWARE_CONFIGURATION,
    ("ecsirt", "malicious-code", "c&c"): Role.C2_SERVER,
    ("ecsirt", "information-gathering", "scanner"): Role.SCANNER,
    ("ecsirt", "information-gathering", "sniffing"): Role.SNIFFING,
    ("ecsirt", "information-gathering", "social-engineering"): Role.SOCIAL_ENGINEERING,
    ("ecsirt", "intrusion-attempts", "ids-alert"): Role.IDS_ALERT,
    ("ecsirt", "intrusion-attempts", "brute-force"): Role.BRUTE_FORCE,
    ("ecsirt", "intrusion-attempts", "exploit"): Role.EXPLOIT,
    ("ecsirt", "intrusions", "privileged-account-compromise"): Role.PRIVILEGED_ACCOUNT_COMPROMISE,
    ("ecsirt", "intrusions", "unprivileged-account-compromise"): Role.UNPRIVILEGED_ACCOUNT_COMPROMISE,
    ("ecsirt", "intrusions", "application-compromise"): Role.APPLICATION_COMPROMISE,
    ("ecsirt", "intrusions", "bot"): Role.INFECTED_SYSTEM,
    ("ecsirt", "intrusions", "compromised"): Role.SYSTEM_COMPROMISE,
    ("ecsirt", "intrusions", "defacement"): Role.SYSTEM_COMPROMISE,
    ("ecsirt", "availability", "dos"): Role.DOS,
    ("ecsirt", "availability", "ddos"): Role.DDOS,
    ("ecsirt", "fraud", "phishing"): Role.PHISHING,
    ("ecsirt", "fraud", "masquerade"): Role.MASQUERADE,
    ("ecsirt", "fraud", "copyright"): Role.COPYRIGHT,
    ("ecsirt", "test", "test"): Role.TEST,
    ("circl", "incident-classification", "spam"): Role.SPAM,
    ("circl", "incident-classification", "scan"): Role.SCANNER,
    ("circl", "incident-classification", "phishing"): Role.PHISHING,
    ("circl", "incident-classification", "system-compromise"): Role.SYSTEM_COMPROMISE,
    ("circl", "incident-classification", "information-leak"): Role.DATA_LEAK,
    ("circl", "incident-classification", "copyright-issue"): Role.COPYRIGHT,
    ("adversary", "infrastructure-type", "c2"): Role.C2_SERVER,
}

# Tags that are a predicate alone.
_ROLE_PREDICATES: dict[str, Role] = {
    "kill-chain:command and control": Role.C2_SERVER,
    "europol-event:c&c-server-hosting": Role.C2_SERVER,
    "europol-event:hosting-malware-webpage": Role.MALWARE_DISTRIBUTION,
    "europol-event:hosting-phishing-sites": Role.PHISHING,
    "europol-event:infected-by-known-malware": Role.INFECTED_SYSTEM,
    "europol-event:connection-malware-system": Role.INFECTED_SYSTEM,
    "europol-event:network-scanning": Role.SCANNER,
    "europol-event:system-probe": Role.SCANNER,
    "europol-event:brute-force-attempt": Role.BRUTE_FORCE,
    "europol-event:spam": Role.SPAM,
}

_ROLES_BY_NAME: dict[str, Role] = {role.value: role for role in Role}

_FILE_ROLES = frozenset(
    {
        Role.MALWARE_DISTRIBUTION,
        Role.MALWARE_CONFIGURATION,
        Role.PHISHING,
        Role.SPAM,
        Role.EXPLOIT,
        Role.OTHER,
        Role.TEST,
    }
)
"""Roles that the digest of a file can have: a file is no server and no infected machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What the tags and galaxies of one event or attribute say."""

    tags: tuple[str, ...] = ()
    marking: Marking | None = None
    unknown_marking: str | None = None
    """A `tlp:` or `PAP:` tag that is no such label, or forbids action that can be noticed: what is permitted is not
    known, or cannot be kept."""
    role: Role | None = None
    """The one role that the tags say; None when they say none, or several."""
    families: tuple[str, ...] = ()
    malformed: bool = False
    """`Tag` is not a list of tags: a marking may be lost, so nothing under it can be taken."""


def read_labels(holder: Mapping[str, object]) -> Labels:
    """Read `Tag` and `Galaxy` of an event or attribute."""
    names = tag_names(holder.get("Tag"))
    if names is None:
        return Labels(malformed=True)
    markings: list[Marking] = []
    unknown = None
    roles: set[Role] = set()
    clusters: list[tuple[str, str]] = []
    for name in names:
        if name.strip().lower().startswith("tlp:"):
            marking = read_marking(name)
            if marking is not None:
                markings.append(marking)
            # The Chatham House Rule comes on top of a colour, and says only that the source is not to be named.
            elif name.strip().lower() != "tlp:ex:chr":
                unknown = name
            continue
        if name.strip().lower().startswith("pap:"):
            try:
                floor = read_pap(name.strip()[4:])
            except ValueError:
                unknown = name
            else:
                markings += [] if floor is None else [floor]
            continue
        if (role := role_of(name)) is not None:
            roles.add(role)
        if (cluster := _galaxy_tag(name)) is not None:
            clusters.append(cluster)
    clusters.extend(_embedded_clusters(holder.get("Galaxy")))
    return Labels(
        tags=tuple(names),
        marking=strictest(*markings) if markings else None,
        unknown_marking=unknown,
        role=roles.pop() if len(roles) == 1 else None,
        families=_families(clusters),
    )


def tag_names(tags: object) -> list[str] | None:
    """The names in a `Tag` list; None when it is no list of tags. An absent list is an empty one."""
    if tags is None:
        return []
    if not isinstance(tags, list):
        return None
    names = []
    for tag in tags:
        name = tag.get("name") if isinstance(tag, dict) else None
        if not isinstance(name, str):
            return None
        names.append(name)
    return names


def role_of(tag: str) -> Role | None:
    """The role that a tag says exactly, as `rsit:malicious-code="c2-server"` does; None for every other tag."""
    low = tag.strip().lower()
    if low in _ROLE_PREDICATES:
        return _ROLE_PREDICATES[low]
    parts = _machine_tag(low)
    if parts is None:
        return None
    namespace, predicate, value = parts
    if namespace == "rsit":
        return _ROLES_BY_NAME.get(value)
    return _ROLE_TAGS.get((namespace, predicate, value))


def role_for(kind: IndicatorType, own: Labels, event: Labels) -> Role | None:
    """The role of one indicator: the attribute's own tags before the event's; an event says nothing of a file's."""
    if kind in HASHES:
        return own.role if own.role in _FILE_ROLES else None
    return own.role or event.role


def families_for(own: Labels, event: Labels) -> tuple[str, ...]:
    """The attribute's own families; else the event's, when it names only one (of several, which one is not said)."""
    if own.families:
        return own.families
    return event.families if len(event.families) == 1 else ()


def marking_for(own: Labels, event: Labels) -> Marking | None:
    """The narrowest of the attribute's and the event's markings; None when neither has one."""
    said = [marking for marking in (own.marking, event.marking) if marking is not None]
    return strictest(*said) if said else None


def _galaxy_tag(tag: str) -> tuple[str, str] | None:
    parts = _machine_tag(tag)
    if parts is None or parts[0].strip().lower() != "misp-galaxy":
        return None
    return parts[1].strip().lower(), parts[2]


def _machine_tag(tag: str) -> tuple[str, str, str] | None:
    """Namespace, predicate and value, the value without the quotes around it; None: it has no such parts.

    Blanks are taken off here and not by the expression, which would try every way to share a long run of them.
    """
    match = _MACHINE_TAG.fullmatch(tag)
    if match is None:
        return None
    value = match[3].strip().removeprefix('"').removesuffix('"')
    return match[1].lstrip(), match[2].rstrip(), value


def _embedded_clusters(galaxies: object) -> Iterable[tuple[str, str]]:
    for galaxy in galaxies if isinstance(galaxies, list) else ():
        clusters = galaxy.get("GalaxyCluster") if isinstance(galaxy, dict) else None
        for cluster in clusters if isinstance(clusters, list) else ():
            if not isinstance(cluster, dict):
                continue
            kind, value = cluster.get("type", galaxy.get("type")), cluster.get("value")
            if isinstance(kind, str) and isinstance(value, str):
                yield kind.lower(), value


def _families(clusters: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    by_galaxy: dict[str, dict[str, str]] = {}
    for galaxy, value in clusters:
        name = _MITRE_NUMBER.sub("", value.strip())
        if name:
            by_galaxy.setdefault(galaxy, {}).setdefault(name.casefold(), name)
    for galaxy in _FAMILY_GALAXIES:
        if galaxy in by_galaxy:
            return tuple(by_galaxy[galaxy].values())
    return ()
