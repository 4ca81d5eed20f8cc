"""A hub for tests of recalls, of persons' rights and of retention: deliveries, agreements, and what was handed out."""

import gzip
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import select

from accord.agreements.declarations import DatasetId, PartnerId
from accord.cli.hub import OpenHub, opened_hub
from accord.journal import book
from accord.ledger.notes import SignatureType, SigningKey
from accord.release.disclosures import Disclosure, Share, Source, record_disclosure
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.datasets import Origin, Purpose
from accord.vocabulary.markings import Marking
from accord.workspace.database import open_database, place_of
from accord.workspace.schema import METADATA

VICTIM, NEIGHBOUR = "45.1.1.4", "45.1.1.44"
MAIL = "some.body@mail.in.th"
SIGNS = SigningKey(name="csirt-th.example", type=SignatureType.ED25519, seed=b"\x07" * 32)

SETTINGS = f"""
[[partner]]
id = "vendor"
name = "A vendor"

[[partner]]
id = "csirt-th"
name = "CSIRT of Thailand"
kind = "csirt"
country = "TH"
receipts = "{SIGNS.verifier}"

[[partner]]
id = "police"
name = "Police"
kind = "police"
country = "VN"

[[dataset]]
id = "sinkhole"
title = "Infected machines"
partner = "vendor"
format = "shadowserver"
origin = "sinkhole"
legal_basis = "legitimate-interest"
marking = "amber"
grade = "b"
retention = "P1Y"
personal_data = true
name_partner = true

[[dataset]]
id = "mixed"
title = "All else that the vendor has"
partner = "vendor"
format = ["passive-dns", "misp", "plain"]
origin = "report"
role = "c2-server"
legal_basis = "legitimate-interest"
marking = "green"
grade = "b"
retention = "P1Y"
personal_data = true

[[agreement]]
id = "vendor-2026"
title = "What was agreed"
signed = 2014-01-01
document = "{"0" * 64}"
from = 2014-01-01
purposes = ["victim-notification", "network-defence"]
in = ["sinkhole", "mixed"]
signatory = [{{ party = "hub", name = "Head" }}, {{ party = "vendor", name = "Boss" }}]
limits = {{ marking = "red" }}
"""

HEAD = "timestamp,protocol,src_ip,src_port,src_asn,dst_ip,dst_port,infection,family,tag"


def sinkhole(path: Path, addresses: Iterable[str], day: int = 1) -> Path:
    """A log of these victims, also with one of them where no reader looks for a value."""
    rows = [f"2026-10-{day:02d} 10:{at:02d}:37,tcp,{one},4000,1,8.8.4.4,80,Gamut,," for at, one in enumerate(addresses)]
    data = ("\n".join([HEAD, *rows]) + "\n").encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    return path


def made_hub(accord_here, folder: Path, database_url: str) -> Path:
    """A workspace with partners, data sets and an agreement, and nothing in it yet."""
    hub = folder / "hub"
    accord_here("init", hub, "--database", database_url)
    with (hub / "workspace.toml").open("a", encoding="utf-8") as file:
        file.write(SETTINGS)
    accord_here("agreement", "apply", "--in", hub)
    return hub


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def finding_id(hub: OpenHub, kind: str, value: str, role: str) -> str:
    """As docs say: HMAC-SHA256 of type, value and role under the hub's key."""
    return hmac.digest(hub.key, f"{kind}\0{value}\0{role}".encode(), "sha256").hex()


def disclosed(
    hub: OpenHub,
    number: int,
    recipient: str,
    country: str,
    findings: Iterable[tuple[str, str, str]],
    *,
    opens_at: datetime | None = datetime(2026, 1, 1, tzinfo=UTC),
    now: datetime | None = None,
) -> UUID:
    """Record that findings (id, data set, delivery) were handed out, without the package in which they were."""
    rows = [*findings]
    identifier = UUID(int=number)
    sources = {(dataset, delivery) for _, dataset, delivery in rows}
    names = sorted({dataset for dataset, _ in sources})
    with hub.database.writing() as connection:
        at = book.moment(connection, now or datetime.now(UTC))
        record_disclosure(
            connection,
            Disclosure(
                id=identifier,
                made_at=at,
                operation="october",
                recipient=PartnerId(recipient),
                country=CountryCode(country),
                purpose=Purpose.VICTIM_NOTIFICATION,
                channel=None,
                marking=Marking.AMBER,
                findings=len({one for one, _, _ in rows}),
                sealed=f"{number:064x}",
                fingerprint=None,
                secret=None,
                entries=range(0),
                handed_over_at=at,
                received_at=None,
            ),
            [
                Share(
                    dataset=DatasetId(name),
                    public_name=hub.called(name),
                    origin=Origin.SINKHOLE,
                    marking=Marking.AMBER,
                    agreements=(),
                    findings=sum(dataset == name for _, dataset, _ in rows),
                )
                for name in names
            ],
            [
                Source(
                    dataset=DatasetId(dataset),
                    delivery=delivery,
                    findings=sum((a, b) == (dataset, delivery) for _, a, b in rows),
                )
                for dataset, delivery in sorted(sources)
            ],
            draw=secrets.token_bytes,
            opens_at=opens_at,
        )
    folder = hub.workspace.root / "releases" / str(identifier)
    folder.mkdir(parents=True)
    columns = list(zip(*rows, strict=True))
    table = pa.table(dict(zip(("finding_id", "dataset", "delivery"), columns, strict=True)))
    pq.write_table(table, folder / "findings.parquet")
    return identifier


def entries(folder: Path, kind: str) -> list[dict[str, str]]:
    """What the ledger's entries of a kind say, by the fields that say something, with `opens_at` beside."""
    with opened_hub(folder) as hub, hub.database.reading() as connection:
        told = book.kept(connection, range(book.size(connection)))
    return [
        {each.name: each.value.decode() for each in one.openings if each.value} | {"opens_at": str(one.opens_at)}
        for one in told
        if one.kind == kind
    ]


def rows_of(folder: Path) -> list[tuple[str, bytes]]:
    """Every row of a workspace's database by its table, as text, wherever the database is."""
    with open_database(place_of(folder / "workspace.toml")) as database, database.reading() as connection:
        return [
            (f"table {table.name}", "\n".join(str(tuple(row)) for row in connection.execute(select(table))).encode())
            for table in METADATA.sorted_tables
        ]


def said(done) -> object:
    return json.loads(done.stdout)
