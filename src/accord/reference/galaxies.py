"""The catalogue of families made from MISP galaxies, without wrong merges.

Galaxies overlap and contradict each other: `Zeus` is a value of several, `Kraken` a synonym of one botnet and the
name of another. The rule:

1. A cluster's *own* names are its value, without a platform in brackets (`Mirai (ELF)`), an ATT&CK number
   (` - S0047`) or the brackets themselves. Clusters that share an own key are one family; its display name, uuid and
   galaxy are those of the first cluster in the order of GALAXIES, Malpedia first.
2. In the galaxy `ransomware` the word belongs to the form of the value: `Vortex Ransomware` is one family with
   another galaxy's `Vortex` only if that cluster is described as ransomware, too.
3. Two families are one when each lists the other's own name as a synonym (`Qbot` and `QakBot`), if neither or one of
   them is Malpedia's, and this leaves no choice between several. Two families of Malpedia are never joined.
4. A synonym is a key of its family only if it is nobody's own key and all clusters that list it are one family.
   A synonym that two families claim is ambiguous and means neither.
5. Names without their words of kind (`LummaC2 Stealer`) are keys by the same rule, after the synonyms.
6. Keys of one or two characters, of digits only, or of words of kind only, mean nothing, nor does a synonym that is
   one character again and again (`AAAA`).
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from accord.reference.families import KINDS, PLATFORMS, Family, bare, key_of, without_kinds, without_platform

GALAXIES: tuple[str, ...] = (
    "malpedia",
    "botnet",
    "banker",
    "rat",
    "stealer",
    "ransomware",
    "backdoor",
    "tool",
    "android",
    "exploit-kit",
    "cryptominers",
    "tds",
    "mitre-malware",
    "mitre-tool",
)
"""The galaxies of malware, the one whose names are shown first in front."""

_DETAILS = re.compile(r"https://malpedia\.caad\.fkie\.fraunhofer\.de/details/([a-z0-9]+\.[a-z0-9_]+)")
_RANSOMWARE = re.compile(r"\s+ransomware$", re.IGNORECASE)


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """What we take of a cluster's `meta`."""

    synonyms: list[str] = []
    refs: list[str] = []


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a galaxy; unknown fields are left out."""

    value: str
    uuid: str = ""
    description: str = ""
    meta: Meta = Meta()


class Galaxy(msgspec.Struct, frozen=True, kw_only=True):
    """One file of clusters."""

    values: list[Cluster]
    version: int = 0


def build_catalogue(galaxies: Mapping[str, Sequence[Cluster]]) -> list[Family]:
    """The families of these galaxies, by the rule above, sorted by name."""
    groups: dict[str, list[tuple[str, Cluster]]] = defaultdict(list)
    described = {
        key_of(_own_name(cluster.value))
        for name, clusters in galaxies.items()
        for cluster in clusters
        if name != "ransomware" and "ransom" in cluster.description.lower()
    }
    for name in (name for name in GALAXIES if name in galaxies):
        for cluster in galaxies[name]:
            key = key_of(_own_name(cluster.value))
            short = key_of(_RANSOMWARE.sub("", _own_name(cluster.value)))
            if name == "ransomware" and short in described:
                key = short
            if _meaningful(key):
                groups[key].append((name, cluster))
    groups = _joined(groups)
    own: dict[str, set[str]] = {
        group: {group} | {key_of(_own_name(cluster.value)) for _, cluster in members}
        for group, members in groups.items()
    }
    own = {
        group: {key for key in keys if _meaningful(key) and (key == group or key not in groups)}
        for group, keys in own.items()
    }
    claims: dict[str, set[str]] = defaultdict(set)
    weak: dict[str, set[str]] = defaultdict(set)
    for group, members in groups.items():
        for _, cluster in members:
            for name in (cluster.value, *cluster.meta.synonyms):
                claims[key_of(_own_name(name))].add(group)
                weak[key_of(without_kinds(_own_name(name)))].add(group)
    keys = {group: set(names) for group, names in own.items()}
    owned = {key for names in own.values() for key in names}
    for claimed, taken in ((claims, owned), (weak, owned | set(claims))):
        for synonym, families in claimed.items():
            if synonym not in taken and len(families) == 1 and _meaningful(synonym) and len({*synonym}) > 1:
                keys[next(iter(families))].add(synonym)
    found = [_family(members, keys[key]) for key, members in groups.items()]
    return sorted(found, key=lambda family: (key_of(family.name), family.uuid))


def _joined(groups: Mapping[str, list[tuple[str, Cluster]]]) -> dict[str, list[tuple[str, Cluster]]]:
    """Rule 3: join a group that Malpedia does not have with the one family that it lists and that lists it."""
    listed = {
        group: {key_of(_own_name(synonym)) for _, cluster in members for synonym in cluster.meta.synonyms}
        for group, members in groups.items()
    }
    first = {group: number for number, group in enumerate(groups)}
    target: dict[str, str] = {}
    for group, members in groups.items():
        if members[0][0] == GALAXIES[0]:
            continue
        mutual = [other for other in listed[group] if other != group and group in listed.get(other, ())]
        known = [other for other in mutual if groups[other][0][0] == GALAXIES[0]]
        chosen = known or mutual
        if len(chosen) == 1 and first[chosen[0]] < first[group]:
            target[group] = chosen[0]
    joined = {group: list(members) for group, members in groups.items() if group not in target}
    for group, chosen_group in target.items():
        end = chosen_group
        while end in target:  # it leads to earlier groups only, so it ends
            end = target[end]
        joined[end] += groups[group]
    return joined


def _family(members: Sequence[tuple[str, Cluster]], keys: set[str]) -> Family:
    galaxy, first = members[0]
    identifiers = {
        found[1]
        for name, cluster in members
        if name == "malpedia"
        for reference in cluster.meta.refs[:1]
        if (found := _DETAILS.match(reference))
    }
    platforms = {identifier.partition(".")[0] for identifier in identifiers}
    if any(name == "android" for name, _ in members):
        platforms.add("apk")
    if any(name not in {"malpedia", "android"} for name, _ in members) and not identifiers:
        platforms = set()  # other galaxies do not say on which platforms a family runs
    return Family(
        name=_own_name(first.value),
        uuid=first.uuid,
        galaxy=galaxy,
        platforms=tuple(sorted(platforms)),
        keys=tuple(sorted(keys)),
        identifiers=tuple(sorted(identifiers)),
    )


def _own_name(value: str) -> str:
    """The value without an ATT&CK number, and without a platform in brackets at its end."""
    return without_platform(bare(value))


def _meaningful(key: str) -> bool:
    return len(key) > 2 and not key.isdigit() and key not in KINDS and key not in PLATFORMS
