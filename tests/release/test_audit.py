"""The ledger held against the hub's own books: what one has and the other has not."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Connection, insert, text

from accord.access.consultations import Processing, consultations
from accord.agreements.agreement import AgreementId
from accord.agreements.declarations import DatasetId, PartnerId
from accord.journal import book
from accord.journal.facts import Fact, Kind
from accord.release.audit import Audited, Received, entries, missing
from accord.release.check_versions import CheckVersion, record_version
from accord.release.disclosures import (
    Disclosure,
    Share,
    enter_refusals,
    record_disclosure,
    record_receipt,
    record_refusal,
)
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.datasets import Origin, Purpose
from accord.vocabulary.markings import Marking
from accord.workspace.database import Database, migrate_database, open_database, place_of
from accord.workspace.schema import AGREEMENT_TERMS, AGREEMENTS, OUTCOME_REPORTS, PARTNERS, RECALL_NOTICES, RECALLS

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
DELIVERED, DOCUMENT, RECEIPT, OUTCOME = "aa" * 32, "bb" * 32, "cc" * 32, "ab" * 32
RECALL = "00000000-0000-0000-0000-000000000001"
SHARE = Share(
    dataset=DatasetId("infected"),
    public_name="Infected machines",
    origin=Origin.SINKHOLE,
    marking=Marking.AMBER,
    agreements=(AgreementId("one"),),
    findings=12,
)
ONE = UUID("7e57d004-2b97-4e7a-b45f-5387367791cd")


@pytest.fixture
def database(tmp_path: Path, database_url: str) -> Iterator[Database]:
    settings = tmp_path / "workspace.toml"
    settings.write_text(
        '[hub]\nname = "Hub"\ncontact = "d@hub.example"\nnamespace = "0d6f9c2e-5f0b-4b57-9b1c-6c1f0a4c7e11"\n'
        f'key_file = "hub.key"\n[database]\nurl = "{database_url}"\n'
    )
    place = place_of(settings)
    migrate_database(place, now=NOW)
    with open_database(place) as opened:
        yield opened


def append(connection: Connection, kind: Kind, **said: object) -> int:
    usual: dict[str, object] = {"dataset": "Infected machines", "partner": "vendor", "agreement": "one"}
    fact = Fact(kind=kind, at=NOW, **usual | said)  # type: ignore[arg-type]
    return book.append(connection, [fact], draw=secrets.token_bytes).start


def disclose(connection: Connection, identifier: UUID = ONE) -> Disclosure:
    disclosure = Disclosure(
        id=identifier,
        made_at=NOW,
        operation=None,
        recipient=PartnerId("csirt"),
        country=CountryCode("TH"),
        purpose=Purpose.PREVENTION,
        channel=None,
        marking=Marking.AMBER,
        findings=12,
        sealed="dd" * 32,
        fingerprint=None,
        secret="secret",
        entries=range(0),
        handed_over_at=None,
        received_at=None,
    )
    return record_disclosure(connection, disclosure, [SHARE], [], draw=secrets.token_bytes, opens_at=None)


@pytest.fixture
def books(database: Database) -> Database:
    """A delivery, an agreement, a disclosure that was confirmed, and a recall of it; ledger and books agree."""
    with database.writing() as connection:
        for identifier in ("vendor", "csirt"):
            connection.execute(insert(PARTNERS).values(id=identifier, name=identifier, kind="csirt"))
        connection.execute(
            insert(AGREEMENTS).values(id="one", title="One", marking="amber", onward_sharing="with-consent")
        )
        connection.execute(
            insert(AGREEMENT_TERMS).values(
                agreement="one", position=0, signed=NOW.date(), document=DOCUMENT, starts=NOW.date()
            )
        )
        append(connection, Kind.AGREEMENT_SIGNED, digest=DOCUMENT)
        append(connection, Kind.DELIVERY, digest=DELIVERED)
        disclosed = disclose(connection)
        record_receipt(connection, disclosed, digest=RECEIPT, at=NOW, draw=secrets.token_bytes, opens_at=None)
        connection.execute(insert(RECALLS).values(id=RECALL, at=NOW, kind="withdrawn", reason="wrong", due=NOW))
        number = append(connection, Kind.RECALL, partner="csirt", refers=disclosed.entries.start)
        connection.execute(
            insert(RECALL_NOTICES).values(
                recall=RECALL,
                disclosure=str(ONE),
                entry=number,
                notice=b"",
                findings=b"",
                by_hand=False,
                acknowledged_at=NOW,
            )
        )
        append(connection, Kind.ACKNOWLEDGEMENT, partner="csirt", refers=number)
        entry = append(connection, Kind.OUTCOME, partner="csirt", digest=OUTCOME, refers=disclosed.entries.start)
        connection.execute(
            insert(OUTCOME_REPORTS).values(
                number=1,
                partner="csirt",
                received_at=NOW,
                digest=OUTCOME,
                records=1,
                accepted=1,
                ignored=0,
                rejected=0,
                first_entry=entry,
                entries=1,
            )
        )
    return database


RECEIVED = [Received(dataset="infected", sha256=DELIVERED)]


def found(database: Database, deliveries: list[Received] = RECEIVED) -> list[str]:
    with database.reading() as connection:
        said = list(entries(connection))
        return [f"{one.side} lacks {one.what}" for one in missing(connection, said, deliveries)]


def test_books_and_ledger_that_agree(books: Database) -> None:
    assert found(books) == []


def test_each_entry_says_its_fact(books: Database) -> None:
    with books.reading() as connection:
        said = list(entries(connection))
    assert [one.fact.kind.value for one in said if one.fact] == [
        "agreement-signed", "delivery", "disclosure", "receipt", "recall", "acknowledgement",
        "outcome",
    ]  # fmt: skip
    assert all(isinstance(one, Audited) for one in said)


def test_a_delivery_that_only_one_side_has(books: Database) -> None:
    assert found(books, [*RECEIVED, Received(dataset="infected", sha256="ee" * 32)]) == [
        f"ledger lacks delivery {'ee' * 32} of data set infected"
    ]
    assert found(books, []) == [f"books lacks entry 1: delivery {DELIVERED} of Infected machines"]
    with books.writing() as connection:
        append(connection, Kind.ERASURE, digest=DELIVERED)
    assert found(books, []) == []


def test_of_two_deliveries_of_the_same_bytes_the_one_does_not_stand_for_the_other(books: Database) -> None:
    with books.writing() as connection:
        number = append(connection, Kind.DELIVERY, digest=DELIVERED, dataset="Others")
    two = [*RECEIVED, Received(dataset="others", sha256=DELIVERED)]
    assert found(books, two) == []
    lacking = [f"books lacks 1 of entries 1, {number}: delivery {DELIVERED} of Infected machines, Others"]
    assert found(books, RECEIVED) == lacking
    # nor does one that was purged
    with books.writing() as connection:
        append(connection, Kind.ERASURE, digest=DELIVERED)
    assert found(books, RECEIVED) == []
    assert found(books, []) == lacking


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "UPDATE disclosures SET country = 'KE'",
            f"ledger lacks disclosure {ONE}, entry 2: country: the books say KE, the entry TH",
        ),
        ("UPDATE disclosures SET first_entry = 1", "books lacks entry 2: a disclosure to csirt, TH"),
        ("UPDATE disclosures SET received_at = NULL", "books lacks entry 3: a receipt of csirt"),
        ("UPDATE agreement_terms SET document = 'other'", "ledger lacks agreement one: the document other"),
        ("DELETE FROM agreement_terms", f"books lacks entry 0: the document {DOCUMENT}"),
        (
            "UPDATE agreements SET end_recorded_at = (SELECT at FROM recalls)",
            "ledger lacks agreement one: that it was ended",
        ),
        ("DELETE FROM recall_notices", "books lacks entry 4: a recall to csirt"),
        ("DELETE FROM outcome_reports", f"books lacks entry 6: outcomes {OUTCOME} of csirt"),
        ("UPDATE outcome_reports SET digest = 'ff'", "ledger lacks outcomes ff of csirt: entry 6"),
        ("UPDATE recall_notices SET entry = 0", f"ledger lacks recall {RECALL} of disclosure {ONE}: entry 0"),
    ],
)  # fmt: skip
def test_what_only_one_side_has_is_named(books: Database, statement: str, told: str) -> None:
    with books.writing() as connection:
        connection.execute(text(statement))
    assert told in found(books)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE disclosures SET refused_at = NULL, refusal = NULL WHERE received_at IS NULL",
         ["books lacks entry 8: that what entry 7 says never came to be"]),
        ("UPDATE disclosures SET refused_at = made_at WHERE received_at IS NOT NULL",
         [f"ledger lacks that disclosure {ONE} was never handed over: entry 2 is not taken back"]),
    ],
)  # fmt: skip
def test_what_was_never_handed_over_is_taken_back_and_nothing_else_is(
    books: Database, statement: str, told: list[str]
) -> None:
    with books.writing() as connection:
        other = disclose(connection, UUID(int=2))
        record_refusal(connection, other, "rule 3", NOW, person="p", draw=secrets.token_bytes)
        record_refusal(connection, other, "rule 3", NOW, person="p", draw=secrets.token_bytes)
        (row,) = consultations(connection)
    assert found(books) == []
    assert (row.processing, row.object) == (Processing.ERASURE, f"disclosure {UUID(int=2)}")
    assert row.justification == "never handed over, and what opens it is destroyed: rule 3"
    with books.writing() as connection:
        connection.execute(text(statement))
    assert found(books) == told


def test_what_an_older_accord_refused_is_taken_back_once(books: Database) -> None:
    with books.writing() as connection:
        disclose(connection, UUID(int=2))
        connection.execute(text("UPDATE disclosures SET refused_at = made_at WHERE received_at IS NULL"))
    assert found(books) == [
        f"ledger lacks that disclosure {UUID(int=2)} was never handed over: entry 7 is not taken back"
    ]
    with books.writing() as connection:
        for _ in range(2):
            enter_refusals(connection, NOW, person="p", draw=secrets.token_bytes)
        assert book.size(connection) == 9
    assert found(books) == []


def publish(connection: Connection) -> CheckVersion:
    connection.execute(insert(PARTNERS).values(id="victims", name="Victims", kind="concerned"))
    version = CheckVersion(
        name="20261127T080000Z-00000000",
        made_at=NOW,
        digest="ee" * 32,
        recipient=PartnerId("victims"),
        addresses=12,
        mailboxes=0,
        marking=Marking.AMBER,
        classes=frozenset(),
        narrows=None,
        person="p",
        entries=range(0),
        shown_at=None,
        gone_at=None,
        refusal=None,
    )
    return record_version(connection, version, [SHARE], [], draw=secrets.token_bytes)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM check_versions", [f"books lacks entry 7: check data {'ee' * 32}"]),
        (
            "UPDATE check_versions SET digest = 'ff'",
            ["ledger lacks check data 20261127T080000Z-00000000: entry 7 is none of it"],
        ),
        ("UPDATE check_versions SET addresses = 13", []),
    ],
)
def test_check_data_that_only_one_side_has_is_named(books: Database, statement: str, told: list[str]) -> None:
    with books.writing() as connection:
        publish(connection)
    assert found(books) == []
    with books.writing() as connection:
        connection.execute(text(statement))
    assert found(books) == told


def test_what_was_destroyed_is_named_and_accuses_nobody_else(books: Database) -> None:
    with books.writing() as connection:
        book.destroy(connection, [2], ["partner"])
    assert found(books) == ["books lacks entry 2: destroyed: partner"]
