"""Made-up views, shared by the tests of everything that a report consists of."""

import hashlib
import hmac
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pytest

from accord.columns.schema import FINDINGS, VIEW_FAMILIES, VIEW_SIGHTINGS
from accord.release.view import (
    DatasetSheet,
    HubSheet,
    OperationSheet,
    RecipientSheet,
    ReferenceSheet,
    Sightings,
    View,
)
from accord.vocabulary.indicators import FindingId
from accord.vocabulary.markings import Marking, strictest

MakeView = Callable[..., View]

AS_OF = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
KEY = b"a key for tests"
NETWORKS: tuple[tuple[int, str, str | None], ...] = (
    (64496, "Nusantara Broadband", "abuse@nusantara.example"),
    (64497, "Kepulauan Data Centre", "abuse@kepulauan.example"),
    (64498, "Department of Public Works", None),
    (64499, "Rimba Hosting", None),
    (64500, "Selat Mobile", "noc@selat.example"),
    (64501, "University of the Coast", None),
    (64502, "Bukit Cloud", "abuse@bukit.example"),
)
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "c2-server": ("Cobalt Strike", "Emotet", "QakBot", "Mirai", "AsyncRAT"),
    "infected-system": ("Avalanche", "Conficker", "Mirai", "Ramnit"),
    "malware-distribution": ("Mozi", "SocGholish"),
}
DATASETS = ("northwind-sinkhole", "contoso-telemetry", "fabrikam-crawl")
PARTNERS: Mapping[str, str | None] = {
    "northwind-sinkhole": "Northwind Security",
    "contoso-telemetry": None,
    "fabrikam-crawl": "Fabrikam CERT",
}


def finding_id(kind: str, value: str, role: str) -> FindingId:
    """The id that design.md gives a finding, under the tests' key."""
    return FindingId(hmac.new(KEY, f"{kind}\0{value}\0{role}".encode(), hashlib.sha256).hexdigest())


def finding_row(country: str = "ID", **given: object) -> dict[str, object]:
    """One row of FINDINGS: an ordinary C2 server, but for what is `given`."""
    row: dict[str, object] = {
        "type": "ipv4",
        "value": "203.0.113.7",
        "role": "c2-server",
        "families": ["Emotet"],
        "families_reported": ["emotet", "Heodo"],
        "first_seen": AS_OF - timedelta(days=40),
        "last_seen": AS_OF - timedelta(days=1),
        "undated": False,
        "sightings": 12,
        "ports": [443, 8080],
        "ports_many": False,
        "partners": 2,
        "sources": ["Northwind Security"],
        "datasets": ["contoso-telemetry", "northwind-sinkhole"],
        "confidence": 0.91,
        "marking": "green",
        "personal": False,
        "host": None,
        "address": None,
        "resolved": [],
        "country": country,
        "country_second": country,
        "country_conflict": False,
        "countries": [country],
        "asn": 64496,
        "network_owner": "Nusantara Broadband",
        "public_suffix": None,
        "registered_domain": None,
        "registry_country": None,
        "government": False,
        "csirt": None,
        "abuse_contact": "abuse@nusantara.example",
        "basis": ["hosting"],
        "review": [],
        "cautions": [],
        "reviewed": [],
        "severity": 50.0,
    }
    row |= given
    if row["type"] in {"ipv4", "ipv6"} and "address" not in given:
        row["address"] = row["value"]
    if row["type"] == "domain" and "host" not in given:
        row["host"] = row["value"]
    row["finding_id"] = finding_id(str(row["type"]), str(row["value"]), str(row["role"]))
    return {name: row[name] for name in FINDINGS.names}


def _realistic_rows(number: int, country: str, seed: int) -> list[dict[str, object]]:
    """`number` findings as an operation gives them: mostly addresses, some sites and URLs, few for review."""
    chance = random.Random(seed)
    tld = country.lower()
    rows = []
    for index in range(number):
        # RFC 2544's benchmarking network has room for 131,072 of them
        address = f"198.{18 + index // 65536 % 2}.{index // 256 % 256}.{index % 256}"
        role = chance.choices(
            ("c2-server", "infected-system", "system-compromise", "malware-distribution", "phishing"),
            (11, 60, 8, 14, 7),
        )[0]
        asn, owner, contact = chance.choices(NETWORKS, (40, 20, 4, 14, 9, 3, 10))[0]
        seen = AS_OF - timedelta(hours=chance.randrange(1, 24 * 80))
        given: dict[str, object] = {
            "role": role,
            "value": address,
            "families": [chance.choice(FAMILIES[role])] if role in FAMILIES and chance.random() < 0.9 else [],
            "first_seen": seen - timedelta(hours=chance.randrange(0, 24 * 60)),
            "last_seen": seen,
            "sightings": chance.randrange(1, 400),
            "ports": sorted(chance.sample((22, 80, 443, 447, 995, 4443, 8080, 8443), chance.randrange(0, 4)))
            if role != "infected-system"
            else [],
            "asn": asn,
            "network_owner": owner,
            "abuse_contact": contact,
            "personal": role == "infected-system",
            "marking": "amber" if role == "infected-system" else "green",
            "severity": round(chance.random() * 100, 3),
            "cautions": ["List of known Amazon AWS IP address ranges (20261001)"] if chance.random() < 0.1 else [],
            "review": ["Top 1000 websites from Tranco (20261001)"] if chance.random() < 0.01 else [],
        }
        given["families_reported"] = [str(name).lower() for name in given["families"]]  # type: ignore[attr-defined]
        if role in {"system-compromise", "phishing"}:
            government = chance.random() < 0.2
            suffix = f"go.{tld}" if government else chance.choice((f"co.{tld}", "com", tld))
            domain = f"site-{index}.{suffix}"
            given |= {
                "type": "domain" if role == "system-compromise" else "url",
                "value": domain if role == "system-compromise" else f"http://{domain}/login/verify.php?id={index}",
                "host": domain,
                "resolved": [address],
                "public_suffix": suffix,
                "registered_domain": domain,
                "registry_country": None if suffix == "com" else country,
                "government": government,
                "basis": ["hosting"] if suffix == "com" else ["hosting", "registry"],
            }
        chosen = sorted(chance.sample(DATASETS, chance.randrange(1, 4)))
        given |= {
            "datasets": chosen,
            "partners": len(chosen),
            "sources": sorted(name for name in map(PARTNERS.get, chosen) if name),
            "confidence": None if chance.random() < 0.02 else round(chance.random(), 4),
        }
        if chance.random() < 0.05:
            given |= {"country_second": "SG" if country != "SG" else "MY", "country_conflict": True}
        rows.append(finding_row(country, **given))
    return rows


def _families(rows: Sequence[Mapping[str, object]]) -> pa.Table:
    """The first family of each finding, seen at both ends by every data set."""
    told = [
        {
            "row": place,
            "family": row["families"][0],  # type: ignore[index]
            "first_seen": row["first_seen"],
            "last_seen": row["last_seen"],
            "count": len({row["first_seen"], row["last_seen"]}) * len(row["datasets"]),  # type: ignore[arg-type]
        }
        for place, row in enumerate(rows)
        if row["families"]
    ]
    return pa.Table.from_pylist(told, schema=VIEW_FAMILIES)


def _weeks(rows: Iterable[Mapping[str, object]]) -> tuple[tuple[date, int], ...]:
    """Each finding is seen in the weeks of both its ends."""
    seen: Counter[date] = Counter()
    for row in rows:
        if not row["review"]:
            ends = (row["first_seen"].date(), row["last_seen"].date())  # type: ignore[attr-defined]
            seen.update({end - timedelta(days=end.weekday()) for end in ends})
    return tuple(sorted(seen.items()))


def _singles(rows: Iterable[Mapping[str, object]]) -> Iterator[dict[str, object]]:
    """A sighting at each end."""
    for place, row in enumerate(rows):
        for end in sorted({row["first_seen"], row["last_seen"]}):  # type: ignore[type-var]
            port = 40_000 + int(str(row["finding_id"])[:4], 16) % 20_000
            yield {
                "row": place,
                "seen_at": end,
                "undated": row["undated"],
                "port": port if row["role"] == "infected-system" else None,
                "family": next(iter(row["families"]), None),  # type: ignore[call-overload]
                "count": 1,
            }


def keep_sightings(
    path: Path, findings: pa.Table, singles: Iterable[Mapping[str, object]], size: int = 50
) -> Sightings:
    """Sightings in the order that a view promises, without those of findings in review, `size` to a piece."""
    asn = [number or 0 for number in findings["asn"].to_pylist()]
    review = findings["review"].to_pylist()
    kept = [dict(single) for single in singles if not review[single["row"]]]  # type: ignore[call-overload]
    kept.sort(
        key=lambda s: (
            asn[s["row"]],
            s["row"],
            s["seen_at"],
            65_536 if s.get("port") is None else s["port"],
            s.get("family") is None,
            s.get("family") or "",
            s["undated"],
        )
    )
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, VIEW_SIGHTINGS) as stream:
        for begin in range(0, len(kept), size):
            stream.write_batch(pa.RecordBatch.from_pylist(kept[begin : begin + size], schema=VIEW_SIGHTINGS))
    return Sightings(path=path)


def _datasets(rows: Sequence[Mapping[str, object]]) -> tuple[DatasetSheet, ...]:
    origins = {"northwind-sinkhole": "sinkhole", "contoso-telemetry": "telemetry", "fabrikam-crawl": "crawl"}
    sheets = []
    for name in sorted({str(dataset) for row in rows for dataset in row["datasets"]}):  # type: ignore[attr-defined]
        supported = [row for row in rows if name in row["datasets"]]  # type: ignore[operator]
        sheets.append(
            DatasetSheet(
                id=name,
                title=name.replace("-", " ").capitalize(),
                partner=PARTNERS.get(name),
                origin=origins.get(name, "report"),
                legal_basis="legitimate-interest",
                grade="b",
                marking=strictest(*(Marking(str(row["marking"])) for row in supported)),
                personal=any(bool(row["personal"]) for row in supported),
                upstream=None,
                collected_from=AS_OF - timedelta(days=90),
                collected_to=AS_OF - timedelta(hours=6),
                deliveries=3,
                findings=len(supported),
                observations=len(supported),
                sightings=sum(int(str(row["sightings"])) for row in supported),
                undated=any(bool(row["undated"]) for row in supported),
            )
        )
    return tuple(sheets)


def build_view(
    folder: Path,
    *,
    findings: int = 40,
    rows: Sequence[Mapping[str, object]] | None = None,
    country: str = "ID",
    seed: int = 1,
    simulated: bool = False,
    theme: str | None = None,
    theme_title: str | None = None,
    title: str = "ASEAN Cyber Surge",
    recipients: tuple[RecipientSheet, ...] | None = None,
    marking: Marking | None = None,
    answer_by: datetime | None = AS_OF + timedelta(days=21),
    csirt: str | None = "cert@cert.example",
    legal_basis: str | None = None,
    hub_name: str = "Regional Cyber Fusion Centre",
) -> View:
    """A view of `findings` realistic findings, or of exactly `rows` (each completed by `finding_row`)."""
    made = (
        _realistic_rows(findings, country, seed)
        if rows is None
        else [finding_row(**{"country": country} | dict(row)) for row in rows]
    )
    made.sort(key=lambda row: (-float(str(row["severity"])), str(row["finding_id"])))
    table = pa.Table.from_pylist(made, schema=FINDINGS)
    markings = [Marking(str(row["marking"])) for row in made]
    return View(
        hub=HubSheet(
            name=hub_name,
            contact="operations@hub.example",
            namespace=UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8"),
        ),
        operation=OperationSheet(
            name="surge",
            title=title,
            as_of=AS_OF,
            window_start=AS_OF - timedelta(days=90),
            window_end=AS_OF,
            roles=(),
            families=(),
            countries=("BN", "ID", "KH", "LA", "MM", "MY", "PH", "SG", "TH", "VN"),
            answer_by=answer_by,
            simulated=simulated,
        ),
        country=country,
        theme=theme,
        theme_title=theme_title,
        recipients=(RecipientSheet(partner="National Police Cybercrime Unit", country=country, persons=()),)
        if recipients is None
        else recipients,
        marking=marking or (strictest(*markings) if markings else Marking.CLEAR),
        findings=table,
        families=_families(made),
        weeks=_weeks(made),
        sightings=keep_sightings(folder / "sightings.arrow", table, _singles(made)),
        datasets=_datasets(made),
        csirt=csirt,
        legal_basis=legal_basis,
        reference=(
            ReferenceSheet(name="geo-whois-asn-country", version="2026-11-01", licence="CC0-1.0"),
            ReferenceSheet(name="asn", version="2026-11-01", licence="CC-BY-4.0"),
        ),
    )


@pytest.fixture(scope="session")
def make_view(tmp_path_factory: pytest.TempPathFactory) -> MakeView:
    """`make_view(findings=40, country="ID", ...)` or `make_view(rows=[{...}])`: see `build_view`."""
    return lambda **given: build_view(tmp_path_factory.mktemp("view"), **given)


@pytest.fixture(scope="session")
def seen_as(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., View]:
    """`seen_as(view, [{"row": 0, "seen_at": ...}], size=50)`: the view with these single sightings."""

    def replaced(view: View, singles: Iterable[Mapping[str, object]], size: int = 50) -> View:
        path = tmp_path_factory.mktemp("sightings") / "sightings.arrow"
        return replace(view, sightings=keep_sightings(path, view.findings, singles, size))

    return replaced
