"""A hub's database with disclosures, for tests of what became of them."""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pyarrow as pa
from sqlalchemy import Connection, insert

from accord.agreements.agreement import AgreementId
from accord.agreements.declarations import DatasetId, PartnerId
from accord.operations.actions import ASKED, record_actions
from accord.operations.outcomes import Answer, Recorded, Said, record_outcomes
from accord.release.disclosures import Disclosure, Share, record_disclosure, record_hand_over
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.datasets import Origin, Purpose
from accord.vocabulary.markings import Marking
from accord.vocabulary.outcomes import Outcome
from accord.workspace.database import Database, migrate_database, open_database, place_of
from accord.workspace.schema import PARTNERS

DAY = date(2026, 10, 1)
START = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)
"""When the first disclosure is handed over, unless a test says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A finding of a disclosure."""

    finding: str
    role: str = "c2-server"
    asn: int | None = 64500
    owner: str | None = "Net A"
    in_review: bool = False


def finding(number: int) -> bytes:
    """A finding's id."""
    return number.to_bytes(32)


def asked(*numbers: int, **said: object) -> list[Asked]:
    """Findings that are alike."""
    return [Asked(finding=finding(number).hex(), **said) for number in numbers]  # type: ignore[arg-type]


@contextmanager
def hub(folder: Path, url: str = "sqlite:///accord.db") -> Iterator[Database]:
    """A migrated database with three partners."""
    settings = folder / "workspace.toml"
    settings.write_text(
        '[hub]\nname = "Hub"\ncontact = "d@hub.example"\nnamespace = "0d6f9c2e-5f0b-4b57-9b1c-6c1f0a4c7e11"\n'
        f'key_file = "hub.key"\n[database]\nurl = "{url}"\n'
    )
    place = place_of(settings)
    migrate_database(place, now=START)
    with open_database(place) as database:
        with database.writing() as connection:
            for name in ("csirt-th", "police-th", "csirt-la"):
                connection.execute(insert(PARTNERS).values(id=name, name=name, kind="csirt"))
        yield database


def disclose(
    connection: Connection,
    number: int,
    findings: Iterable[Asked],
    *,
    to: str = "csirt-th",
    country: str = "TH",
    at: datetime = START,
    operation: str = "october",
    opens_at: datetime | None = START,
    handed_over: bool = True,
    simulated: bool = False,
    marking: Marking = Marking.AMBER,
    channel: str | None = None,
) -> Disclosure:
    """Record a disclosure with what it asks."""
    rows = list(findings)
    draft = Disclosure(
        id=UUID(int=number),
        made_at=at,
        operation=operation,
        recipient=PartnerId(to),
        country=CountryCode(country),
        purpose=Purpose.INVESTIGATION,
        channel=channel,
        marking=marking,
        findings=len(rows),
        sealed="dd" * 32,
        fingerprint=None,
        secret="secret",
        entries=range(0),
        handed_over_at=None,
        received_at=None,
    )
    share = Share(
        dataset=DatasetId("servers"),
        public_name="Servers",
        origin=Origin.SCAN,
        marking=marking,
        agreements=(AgreementId("one"),),
        findings=len(rows),
    )
    standing = record_disclosure(connection, draft, [share], [], draw=secrets.token_bytes, opens_at=opens_at)
    table = pa.table(
        [
            pa.array([one.finding for one in rows], pa.string()),
            pa.array([one.role for one in rows], pa.string()),
            pa.array([one.asn for one in rows], pa.int64()),
            pa.array([one.owner for one in rows], pa.string()),
            pa.array([one.in_review for one in rows], pa.bool_()),
        ],
        schema=ASKED,
    )
    record_actions(connection, draft.id, table, simulated=simulated)
    return record_hand_over(connection, standing, at) if handed_over else standing


def said(number: int, outcome: Outcome = Outcome.DONE, days: int = 0, note: str | None = None) -> Said:
    """What a partner says of a finding, so many days after the first one."""
    return Said(finding=finding(number), outcome=outcome, day=DAY + timedelta(days=days), note=note, line=None)


def report(
    connection: Connection,
    *rows: Said,
    by: str = "csirt-th",
    at: datetime = START + timedelta(days=100),
    digest: str = "ee",
) -> Recorded:
    """Record what a partner says."""
    answer = Answer(digest=digest * 32, records=len(rows), ignored=0, said=rows, rejected=())
    return record_outcomes(connection, PartnerId(by), answer, at=at, draw=secrets.token_bytes)
