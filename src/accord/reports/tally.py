"""A view counted once, in columns, for everything that a report says in numbers.

What asks nobody to act is counted apart: every number but `in_review` leaves out the findings that await review.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from accord.release.view import View
from accord.reports.confidence import SCALE
from accord.vocabulary.roles import Role

COVER_ROLES = (Role.C2_SERVER, Role.SYSTEM_COMPROMISE, Role.INFECTED_SYSTEM)
WEEKS = 26
"""Weeks that the chart by week shows at most: half a year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkTally:
    """One network: who answers for it and what is there."""

    asn: int
    owner: str | None
    contact: str | None
    """Abuse contact that the operator imported."""
    findings: int
    roles: Mapping[str, int]
    government: int
    severity: float
    """Sum over its findings: the order in which networks are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryTally:
    """Names under one public suffix of the country's registry."""

    suffix: str
    findings: int
    roles: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The numbers of one view."""

    findings: int
    """All that ask somebody to act."""
    in_review: int
    roles: Mapping[str, int]
    """Role -> findings, the most first."""
    government: int
    networks: tuple[NetworkTally, ...]
    """By severity in sum, the heaviest first."""
    registries: tuple[RegistryTally, ...]
    abroad: int
    """Findings that are here for their name's registry alone: hosted elsewhere, or nobody knows where."""
    unplaced: int
    """Findings that neither a network nor the country's registry answers for: the national CSIRT's."""
    families: tuple[tuple[str, int], ...]
    """(family, findings), the most first; a finding with several counts in each."""
    without_family: int
    hosting: tuple[tuple[str, int], ...]
    """(hosting country, findings), the most first."""
    weeks: tuple[tuple[datetime, int], ...]
    """(Monday, findings seen in that week), without gaps, at most WEEKS, the last one holding `as_of`."""
    before_weeks: int
    """Findings last seen before those weeks."""
    partners: Mapping[int, int]
    """Number of independent partners -> findings."""
    rated: tuple[int, int, int, int, int]
    """Findings that are almost certain, likely, possible, weak and unrated."""
    conflicts: int
    cautions: int
    undated: int
    restricted: int
    """Findings whose marking keeps them within the recipient's organisation or among named persons."""


def tally(view: View) -> Tally:
    """Count a view. Whole columns at a time; no loop over findings."""
    acted, reviewed = apart(view.findings)
    roles = _counts(acted["role"])
    return Tally(
        findings=acted.num_rows,
        in_review=reviewed.num_rows,
        roles=roles,
        government=_true(acted["government"]),
        networks=networks_of(acted),
        registries=_registries(acted, view.country),
        abroad=acted.num_rows - _true(hosted_here(acted)),
        unplaced=pc.sum(_unplaced(acted, view.country)).as_py() or 0,
        families=tuple(_counts(pc.list_flatten(acted["families"])).items()),
        without_family=_true(pc.equal(pc.list_value_length(acted["families"]), 0)),
        hosting=tuple(_counts(pc.list_flatten(acted["countries"])).items()),
        weeks=(weeks := _weeks(view)),
        before_weeks=_true(pc.less(acted["last_seen"], pa.scalar(weeks[0][0], acted["last_seen"].type))),
        partners=dict(sorted((int(key), number) for key, number in _counts(acted["partners"]).items())),
        rated=_rated(acted),
        conflicts=_true(acted["country_conflict"]),
        cautions=_true(pc.greater(pc.list_value_length(acted["cautions"]), 0)),
        undated=_true(acted["undated"]),
        restricted=_true(pc.is_in(acted["marking"], pa.array(["amber+strict", "red"]))),
    )


def apart(findings: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Findings (`columns.schema.FINDINGS`) that ask somebody to act, and those that await review; order kept."""
    waiting = pc.greater(pc.list_value_length(findings["review"]), 0)
    if not pc.any(waiting).as_py():
        # nothing is copied in the ordinary case of a victims' report
        return findings, findings.slice(0, 0)
    return findings.filter(pc.invert(waiting)), findings.filter(waiting)


def cover_counts(findings: pa.Table) -> dict[str, int]:
    """The cover's four numbers of a table of FINDINGS: c2-server, system-compromise, infected-system, networks.

    Findings under review count in none; a network counts where something is hosted in the report's country.
    """
    acted, _ = apart(findings)
    roles = _counts(acted["role"])
    hosted = acted.filter(hosted_here(acted))
    return {role.value: roles.get(role.value, 0) for role in COVER_ROLES} | {
        "networks": int(pc.count_distinct(hosted["asn"], mode="only_valid").as_py())
    }


def hosted_here(findings: pa.Table) -> pa.ChunkedArray:
    """Which of `findings` are in the view because they are hosted in its country, by `basis`."""
    return pc.match_substring(pc.binary_join(findings["basis"], " "), "hosting")


def by_actor(findings: pa.Table, country: str) -> pa.ChunkedArray:
    """Who must act on each of `findings`: `AS<n>`, `.<public suffix>` of the country's registry, or `` (the CSIRT).

    A network is asked where it is in the country; a name that is hosted abroad is its registry's.
    """
    network = pc.if_else(
        hosted_here(findings),
        pc.binary_join_element_wise("AS", pc.cast(findings["asn"], pa.string()), ""),
        pa.scalar(None, pa.string()),
    )
    registry = pc.if_else(
        pc.fill_null(pc.equal(findings["registry_country"], country), False),
        pc.binary_join_element_wise(".", findings["public_suffix"], ""),
        pa.scalar(None, pa.string()),
    )
    return pc.coalesce(network, registry, pa.scalar(""))


def _counts(values: pa.ChunkedArray | pa.Array) -> dict[str, int]:
    """Value -> how often, the most first, equals by value; nulls are left out."""
    pairs = [(pair["values"].as_py(), pair["counts"].as_py()) for pair in pc.value_counts(values)]
    return dict(
        sorted(
            ((str(value), number) for value, number in pairs if value is not None),
            key=lambda pair: (-pair[1], pair[0]),
        )
    )


def _true(mask: pa.ChunkedArray) -> int:
    return int(pc.sum(mask).as_py() or 0)


def _unplaced(findings: pa.Table, country: str) -> pa.ChunkedArray:
    return pc.equal(by_actor(findings, country), "")


def networks_of(findings: pa.Table) -> tuple[NetworkTally, ...]:
    """The networks in which `findings` are hosted in the report's country, the heaviest first."""
    placed = findings.filter(pc.and_(pc.is_valid(findings["asn"]), hosted_here(findings))).select(
        ["asn", "role", "network_owner", "abuse_contact", "government", "severity"]
    )
    groups = (
        placed.group_by(["asn", "role"], use_threads=False)
        .aggregate(
            [
                ("role", "count"),
                ("network_owner", "min"),
                ("abuse_contact", "min"),
                ("government", "sum"),
                ("severity", "sum"),
            ]
        )
        .to_pylist()
    )
    by_number: dict[int, list[dict[str, object]]] = {}
    for group in groups:
        by_number.setdefault(int(group["asn"]), []).append(group)
    networks = [_network(number, parts) for number, parts in by_number.items()]
    return tuple(sorted(networks, key=lambda network: (-network.severity, network.asn)))


def _network(number: int, parts: list[dict[str, object]]) -> NetworkTally:
    def texts(name: str) -> list[str]:
        return sorted(str(part[name]) for part in parts if part[name] is not None)

    def total(name: str) -> float:
        return float(sum(float(str(part[name] or 0)) for part in parts))

    roles = {str(part["role"]): int(str(part["role_count"])) for part in parts}
    return NetworkTally(
        asn=number,
        owner=next(iter(texts("network_owner_min")), None),
        contact=next(iter(texts("abuse_contact_min")), None),
        findings=sum(roles.values()),
        roles=dict(sorted(roles.items(), key=lambda pair: (-pair[1], pair[0]))),
        government=sum(int(str(part["government_sum"])) for part in parts if part["government_sum"]),
        # rounded, so that the order of summation never decides an order on the page
        severity=round(total("severity_sum"), 6),
    )


def _registries(findings: pa.Table, country: str) -> tuple[RegistryTally, ...]:
    """Every name under the country's registry, whoever hosts it: the registry can suspend it."""
    names = findings.filter(
        pc.and_(
            pc.fill_null(pc.equal(findings["registry_country"], country), False),
            pc.is_valid(findings["public_suffix"]),
        )
    )
    counted: dict[str, dict[str, int]] = {}
    groups = names.group_by(["public_suffix", "role"], use_threads=False).aggregate([("finding_id", "count")])
    for group in groups.to_pylist():
        counted.setdefault(group["public_suffix"], {})[group["role"]] = group["finding_id_count"]
    tallies = [
        RegistryTally(
            suffix=suffix,
            findings=sum(roles.values()),
            roles=dict(sorted(roles.items(), key=lambda pair: (-pair[1], pair[0]))),
        )
        for suffix, roles in counted.items()
    ]
    return tuple(sorted(tallies, key=lambda registry: (-registry.findings, registry.suffix)))


def _weeks(view: View) -> tuple[tuple[datetime, int], ...]:
    last = _monday(view.operation.as_of.astimezone(UTC).date())
    numbers = {week: number for week, number in view.weeks if week <= last}
    first = max(min(numbers, default=last), last - timedelta(weeks=WEEKS - 1))
    span = (last - first).days // 7 + 1
    days = (first + timedelta(weeks=step) for step in range(span))
    return tuple((datetime(day.year, day.month, day.day, tzinfo=UTC), numbers.get(day, 0)) for day in days)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _rated(findings: pa.Table) -> tuple[int, int, int, int, int]:
    """Edges as `confidence.SCALE` has them."""
    confidence = findings["confidence"]
    above = [_true(pc.greater_equal(confidence, step.least)) for step in SCALE]
    certain, likely, possible, all_rated = above
    unrated = findings.num_rows - all_rated
    return certain, likely - certain, possible - likely, all_rated - possible, unrated
