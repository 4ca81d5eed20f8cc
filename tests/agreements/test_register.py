"""The register in both databases: what is recorded is what is loaded; what was signed and delivered is not lost."""

import hashlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from accord.agreements.agreement import CommitmentId, Ending, Fulfilment, Register
from accord.agreements.reading import read_register
from accord.agreements.register import (
    agreement_states,
    fulfilments,
    history,
    load_register,
    record_fulfilment,
    record_register,
)
from accord.agreements.telling import agreement_told
from accord.journal.book import kept, size
from accord.journal.facts import Kind, read_fact
from accord.ledger.notes import SignatureType, SigningKey, parse_verifier_key
from accord.release.audit import Audited, entries, missing
from accord.vocabulary.datasets import LegalBasis, Origin, Purpose, SourceGrade
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.handling import (
    EncryptInTransit,
    HandlingCode,
    MayOrMustNot,
    OnwardSharing,
    Pap,
    PermittedActions,
    ProviderAttribution,
    TransferGround,
)
from accord.vocabulary.markings import MARKINGS, Marking
from accord.workspace.database import Database, migrate_database, open_database, place_of
from accord.workspace.schema import METADATA
from accord.workspace.settings import SettingsTable

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
NOTHING = Register(partners={}, datasets={}, agreements={})
HUB = '[hub]\nname = "Hub"\ncontact = "desk@hub.example"\nnamespace = "{}"\nkey_file = "hub.key"\n'
# The example of age's own documentation, and that of C2SP signed-note.
AGE = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
RECEIPTS = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


@pytest.fixture
def database(tmp_path: Path, database_url: str) -> Iterator[Database]:
    file = tmp_path / "workspace.toml"
    file.write_text(HUB.format(UUID(int=7)) + f'[database]\nurl = "{database_url}"\n', "utf-8")
    migrate_database(place_of(file), now=NOW)
    with open_database(place_of(file)) as opened:
        yield opened


texts = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1, max_size=12).filter(str.strip)
days = st.dates(date(1970, 1, 1), date(2100, 12, 31))
amounts = st.decimals("0.01", 1_000_000_000, places=2).map(str)
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)


def some(options: object) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from([str(one) for one in options]), unique=True)  # type: ignore[attr-defined]


def maybe(draw: st.DrawFn, **keys: st.SearchStrategy[object]) -> dict[str, object]:
    return {key: draw(value) for key, value in keys.items() if draw(st.booleans())}


def words(options: object) -> st.SearchStrategy[object]:
    return st.sampled_from([str(one) for one in options])  # type: ignore[attr-defined]


@st.composite
def files(draw: st.DrawFn) -> dict[str, object]:
    """The content of a file of up to three of each, with every key that there is."""
    partners = [
        {
            "id": f"p{number}",
            "name": draw(texts),
            **maybe(draw, country=st.just("TH"), age=st.just(AGE), receipts=st.just(RECEIPTS)),
        }
        for number in range(draw(st.integers(1, 3)))
    ]
    names = [str(one["id"]) for one in partners]
    datasets = [
        {
            "id": f"d{number}",
            "title": draw(texts),
            "partner": draw(st.sampled_from(names)),
            "origin": draw(words(Origin)),
            "legal_basis": draw(words(LegalBasis)),
            "marking": draw(words(MARKINGS[:4])),
            "grade": draw(words(SourceGrade)),
            "retention": "P90D",
            "personal_data": draw(st.booleans()),
            **maybe(draw, name_partner=st.booleans(), share_with=some(names), upstream=texts),
        }
        for number in range(draw(st.integers(1, 3)))
    ]
    held = [str(one["id"]) for one in datasets]
    agreements = [draw(agreements_drawn(number, names, held)) for number in range(draw(st.integers(0, 3)))]
    content = {"partner": partners, "dataset": datasets, "agreement": agreements}
    return {key: value for key, value in content.items() if value}


@st.composite
def agreements_drawn(draw: st.DrawFn, number: int, partners: list[str], datasets: list[str]) -> dict[str, object]:
    start = draw(st.dates(date(1990 + number, 1, 1), date(1990 + number, 12, 31)))
    handling = draw(some(HandlingCode))
    renewals = [
        {
            "signed": draw(days),
            "document": draw(digests),
            "from": start + timedelta(days=150 * at),
            "to": start + timedelta(days=150 * at + 149),
        }
        for at in range(1, draw(st.integers(1, 3)))
    ]
    iep = maybe(
        draw,
        iep_id=st.uuids().map(str),
        description=texts,
        start_date=st.just(date(2024, 1, 1)),
        end_date=st.just(date(2025, 1, 1)),
        encrypt_in_transit=words(EncryptInTransit),
        permitted_actions=words(PermittedActions),
        affected_party_notifications=words(MayOrMustNot),
        tlp=st.sampled_from(["clear", "green", "amber", "red"]),
        provider_attribution=words(ProviderAttribution),
        unmodified_resale=words(MayOrMustNot),
    )
    return {
        "id": f"a{number}",
        "title": draw(texts),
        "signatory": [{"party": party, "name": draw(texts)} for party in ("hub", *partners)],
        "signed": draw(days),
        "document": draw(digests),
        "from": start,
        "to": start + timedelta(days=100),
        "renewal": renewals,
        "purposes": draw(some(Purpose).filter(bool)),
        "in": draw(some(datasets)),
        "out": draw(some(datasets)),
        **({"predecessor": f"a{number - 1}"} if number and draw(st.booleans()) else {}),
        "limits": {
            "marking": "red",
            "handling": handling,
            **({"handling_text": draw(texts)} if "H3" in handling else {}),
            **maybe(
                draw,
                pap=words(Pap),
                retention=st.just("P5Y"),
                onward_sharing=words(OnwardSharing),
                transfers=some(TransferGround),
                iep=st.just(iep),
            ),
        },
        "commitment": [
            {"id": f"c{at}", "party": draw(st.sampled_from(["hub", *partners])), "kind": "staff", "what": draw(texts),
             "amount": draw(amounts), **maybe(draw, due=days)}
            for at in range(draw(st.integers(0, 2)))
        ],
    }  # fmt: skip


def read(content: dict[str, object], standing: Register = NOTHING) -> Register:
    def settled(value: object) -> object:
        if isinstance(value, dict):
            return {key: settled(inner) for key, inner in value.items() if inner != [] or key == "share_with"}
        return [settled(one) for one in value] if isinstance(value, list) else value

    table = SettingsTable(file=Path("agreements.toml"), path="", content=settled(content))  # type: ignore[arg-type]
    return read_register(table, standing)


def emptied(database: Database) -> None:
    with database.writing() as connection:
        for table in reversed(METADATA.sorted_tables):
            if table.name not in {"hub", "journal_entries"}:
                connection.execute(
                    table.update().values(predecessor=None) if "predecessor" in table.c else table.delete()
                )
                connection.execute(table.delete())


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(first=files(), second=files())
def test_what_is_recorded_is_what_is_loaded_and_a_second_time_nothing_changes(
    database: Database, first: dict[str, object], second: dict[str, object]
) -> None:
    emptied(database)
    expected = NOTHING
    for content in (first, second):
        with database.writing() as connection:
            standing = load_register(connection)
            assert standing == expected
            try:
                declared = read(content, standing)
            except SettingsError:
                return  # the second file would undo a renewal of the first, or make a circle with it
            try:
                record_register(connection, standing, declared, now=NOW, draw=secrets.token_bytes)
            except SettingsError:
                return  # what stands and is not in the second file could not stand beside it
            expected = Register(
                partners={**standing.partners, **declared.partners},
                datasets={**standing.datasets, **declared.datasets},
                agreements={**standing.agreements, **declared.agreements},
            )
    with database.writing() as connection:
        loaded = load_register(connection)
        assert loaded == expected
        assert record_register(connection, loaded, read(second, loaded), now=NOW, draw=secrets.token_bytes) == ()


CONTENT: dict[str, object] = {
    "partner": [{"id": "vendor", "name": "A vendor"}],
    "dataset": [
        {
            "id": "sinkhole", "title": "Machines", "partner": "vendor", "origin": "sinkhole", "legal_basis": "contract",
            "marking": "amber", "grade": "b", "retention": "P1Y", "personal_data": True,
        }
    ],
    "agreement": [
        {
            "id": "of-2014", "title": "Of 2014", "signed": date(2014, 6, 2), "document": "0" * 64,
            "signatory": [{"party": "hub", "name": "A"}, {"party": "vendor", "name": "B"}],
            "from": date(2014, 7, 1), "to": date(2019, 6, 30), "purposes": ["training"], "in": ["sinkhole"],
            "limits": {"marking": "amber"},
            "commitment": [{"id": "analyst", "party": "vendor", "kind": "staff", "what": "One", "amount": 60}],
        }
    ],
}  # fmt: skip


@pytest.fixture
def recorded(database: Database) -> Database:
    with database.writing() as connection:
        record_register(connection, load_register(connection), read(CONTENT), now=NOW, draw=secrets.token_bytes)
    return database


def changed(**keys: object) -> dict[str, object]:
    (agreement,) = CONTENT["agreement"]  # type: ignore[misc]
    return CONTENT | {"agreement": [agreement | keys]}


def apply(database: Database, content: dict[str, object], at: datetime = NOW) -> list[tuple[str, str]]:
    with database.writing() as connection:
        standing = load_register(connection)
        changes = record_register(connection, standing, read(content, standing), now=at, draw=secrets.token_bytes)
        return [(one.noun, one.id) for one in changes]


RENEWAL = {"signed": date(2019, 6, 3), "document": "1" * 64, "from": date(2019, 7, 1), "to": date(2024, 6, 30)}


def test_every_change_stays_in_the_history_with_what_was_before(recorded: Database) -> None:
    later = NOW + timedelta(days=1)
    assert apply(recorded, changed(renewal=[RENEWAL]), later) == [("agreement", "of-2014")]
    with recorded.reading() as connection:
        first, second = history(connection, "agreement", "of-2014")
        register = load_register(connection)
    assert (first.before, first.at, second.at) == (None, NOW, later)
    assert second.before == first.after
    assert second.after == agreement_told(next(iter(register.agreements.values())))
    assert second.after["renewal"] == [
        {"signed": "2019-06-03", "document": "1" * 64, "from": "2019-07-01", "to": "2024-06-30"}
    ]


def test_what_was_renewed_stays_renewed(recorded: Database) -> None:
    apply(recorded, changed(renewal=[RENEWAL]))
    with pytest.raises(SettingsError, match="stays renewed"):
        apply(recorded, CONTENT)


def test_a_change_that_makes_another_agreement_impossible_is_refused_whole(recorded: Database) -> None:
    (dataset,) = CONTENT["dataset"]  # type: ignore[misc]
    stricter = {"partner": [{"id": "new", "name": "New"}], "dataset": [dataset | {"marking": "red"}]}
    with pytest.raises(SettingsError, match="of-2014 could not stand any more"):
        apply(recorded, stricter)
    with recorded.reading() as connection:
        register = load_register(connection)
    assert set(register.partners) == {"vendor"}
    assert [one.marking for one in register.datasets.values()] == [Marking.AMBER]


def entry(amount: str, day: date = date(2016, 1, 31)) -> Fulfilment:
    return Fulfilment(commitment=CommitmentId("analyst"), day=day, amount=Decimal(amount), note=None, recorded_at=NOW)


def deliver(database: Database, fulfilment: Fulfilment) -> Decimal:
    with database.writing() as connection:
        (agreement,) = load_register(connection).agreements.values()
        return record_fulfilment(connection, agreement, fulfilment)


def test_what_was_delivered_adds_up_is_corrected_by_entries_and_never_less_than_nothing(recorded: Database) -> None:
    assert deliver(recorded, entry("1.5")) == Decimal("1.5")
    assert deliver(recorded, entry("0.29")) == Decimal("1.79")
    assert deliver(recorded, entry("-1.79")) == 0
    with pytest.raises(SettingsError, match="less than nothing"):
        deliver(recorded, entry("-0.01"))
    with recorded.reading() as connection:
        (agreement,) = load_register(connection).agreements.values()
        found = fulfilments(connection, agreement.id)
        assert [one.amount for one in found] == [Decimal("1.5"), Decimal("0.29"), Decimal("-1.79")]
        assert [one.noun for one in history(connection, "agreement", agreement.id)] == ["agreement"] + ["delivered"] * 3


def test_a_commitment_against_which_something_was_delivered_stays(recorded: Database) -> None:
    deliver(recorded, entry("1"))
    (agreement,) = CONTENT["agreement"]  # type: ignore[misc]
    with pytest.raises(SettingsError, match="cannot be taken away"):
        apply(recorded, changed(commitment=[]))
    raised = changed(commitment=[agreement["commitment"][0] | {"amount": 72}])
    assert apply(recorded, raised) == [("agreement", "of-2014")]
    with recorded.reading() as connection:
        assert len(fulfilments(connection, agreement["id"])) == 1


def test_an_early_end_stays_when_a_file_is_applied_again(recorded: Database) -> None:
    with recorded.writing() as connection:
        standing = load_register(connection)
        ((name, held),) = standing.agreements.items()
        ended = replace(held, ended=Ending(at=datetime(2016, 1, 1, tzinfo=UTC), reason="Notice", recorded_at=NOW))
        record_register(
            connection, standing, replace(NOTHING, agreements={name: ended}), now=NOW, draw=secrets.token_bytes
        )
    assert apply(recorded, CONTENT) == []
    with pytest.raises(SettingsError, match="after it was ended"):
        apply(recorded, changed(renewal=[RENEWAL]))
    with pytest.raises(SettingsError, match="within its terms"):
        apply(recorded, changed(to=date(2015, 12, 31)))


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("age", "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8q", "an age public key of type X25519"),
        ("age", AGE.upper(), "an age public key of type X25519"),
        ("age", f" {AGE}", "an age public key of type X25519"),
        ("age", "AGE-SECRET-KEY-1", "an age public key of type X25519"),
        ("age", 7, "a text of one line"),
        ("receipts", RECEIPTS[:-1], "a verifier key of type Ed25519"),
        ("receipts", RECEIPTS.replace("c74f20a3", "c74f20a4"), "a verifier key of type Ed25519"),
        ("receipts", AGE, "a verifier key of type Ed25519"),
        (
            "receipts",
            str(SigningKey(name="w", type=SignatureType.COSIGNATURE_V1, seed=bytes(32)).verifier),
            "a verifier key of type Ed25519",
        ),
    ],
)
def test_a_partners_key_that_is_none_is_refused_and_named(key: str, value: object, expected: str) -> None:
    content = {"partner": [{"id": "csirt", "name": "CSIRT", key: value}]}
    with pytest.raises(SettingsError, match=expected) as caught:
        read_register(SettingsTable(file=Path("file.toml"), path="", content=content), NOTHING)
    assert caught.value.where == f"file.toml: partner[1] (csirt).{key}"


def test_a_partners_keys_are_recorded_and_told(database: Database) -> None:
    content = {"partner": [{"id": "csirt", "name": "CSIRT", "age": AGE, "receipts": RECEIPTS}]}
    declared = read_register(SettingsTable(file=Path("file.toml"), path="", content=content), NOTHING)
    with database.writing() as connection:
        (change,) = record_register(connection, NOTHING, declared, now=NOW, draw=secrets.token_bytes)
        loaded = load_register(connection)
    assert (change.after["age"], change.after["receipts"]) == (AGE, RECEIPTS)
    assert loaded == declared
    (partner,) = loaded.partners.values()
    assert partner.receipts == parse_verifier_key(RECEIPTS)


def test_a_network_owner_s_networks_are_recorded_and_nobody_else_s_overlap_them(database: Database) -> None:
    def declared(name: str, *networks: str) -> dict[str, object]:
        one = {"id": name, "name": name, "kind": "network-owner", "country": "TH", "networks": list(networks)}
        return {"partner": [one]}

    apply(database, declared("isp", "AS45758", "2001:db8::/32", "110.164.10.0/24"))
    with database.reading() as connection:
        (partner,) = load_register(connection).partners.values()
        assert partner.networks == ("110.164.10.0/24", "2001:db8::/32", "AS45758")
        assert history(connection, "partner", "isp")[0].after["networks"] == list(partner.networks)
    for other in ("110.164.0.0/16", "110.164.10.9/32", "2001:db8:1::/48", "AS45758"):
        with pytest.raises(SettingsError, match="A network has one owner"):
            apply(database, declared("other", "192.0.2.0/24", other))
    # beside it, and once it was given up
    apply(database, declared("other", "110.164.11.0/24", "2001:db9::/32"))
    apply(database, declared("isp", "AS45758"))
    apply(database, declared("other", "110.164.10.0/23"))
    with database.reading() as connection:
        assert load_register(connection).partners["other"].networks == ("110.164.10.0/23",)


def entered(database: Database) -> list[tuple[str, str, str, str]]:
    """What the ledger's entries say, in their order."""
    with database.reading() as connection:
        found = kept(connection, range(size(connection)))
    facts = [read_fact(one.openings) for one in found]
    assert [one.reference for one in found] == [f"agreement {fact.agreement}" for fact in facts]
    assert all(one.opens_at == one.at == fact.at for one, fact in zip(found, facts, strict=True))
    assert {(fact.dataset, fact.country, fact.count) for fact in facts} <= {("", "", None)}
    documents = {}
    with database.reading() as connection:
        found_states = agreement_states(connection)
    for state in [one.told for states in found_states.values() for one in states]:
        for one in [state, *state["renewal"]]:
            documents[committed(one["document"], state)] = one["document"]
    # each commits to a state that was recorded
    return [(fact.kind.value, fact.partner, documents[fact.digest][:1], fact.purpose or "") for fact in facts]


def committed(document: str, state: dict[str, object], version: str = "accord-agreement/v2") -> str:
    """As docs/agreements.md says it."""
    told = json.dumps(state, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{version}\n{document}\n{told}\n".encode()).hexdigest()


def test_terms_that_are_widened_and_narrowed_again_leave_what_was_in_force_in_the_ledger(recorded: Database) -> None:
    apply(recorded, changed(purposes=["training", "research"]))
    apply(recorded, changed())
    with recorded.reading() as connection:
        facts = [read_fact(one.openings) for one in kept(connection, range(size(connection)))]
        states = [json.loads(one) for one in connection.execute(
            text("SELECT after FROM changes WHERE noun = 'agreement' ORDER BY number")).scalars()]  # fmt: skip
        assert list(missing(connection, list(entries(connection)), ())) == []
    assert [one["purposes"] for one in states] == [["training"], ["training", "research"], ["training"]]
    (dataset,), (partner,) = ([json.loads(one) for one in written(recorded, noun)] for noun in ("dataset", "partner"))
    whole = [{**one, "dataset": [dataset], "partner": [partner]} for one in states]
    assert [one.digest for one in facts] == [committed("0" * 64, one) for one in whole]
    assert facts[0].digest != facts[1].digest


def written(database: Database, noun: str) -> list[str]:
    """Each state of what has this noun, as it was written down, in their order."""
    with database.reading() as connection:
        wanted = text("SELECT after FROM changes WHERE noun = :noun ORDER BY number")
        return list(connection.execute(wanted, {"noun": noun}).scalars())


@pytest.mark.parametrize(
    ("told", "lacks"),
    [
        (
            "UPDATE agreements SET title = 'Another title'",
            ["agreement of-2014: what is recorded of it, its data sets and its partners, after entry 1"],
        ),
        (
            "UPDATE changes SET after = replace(after, 'research', 'x'), before = replace(before, 'research', 'x')",
            ["entry 1: a state of agreement of-2014"],
        ),
    ],
)
def test_a_state_that_the_books_have_otherwise_than_the_ledger_is_named(
    recorded: Database, told: str, lacks: list[str]
) -> None:
    apply(recorded, changed(purposes=["training", "research"]))
    if told.startswith("UPDATE changes"):
        apply(recorded, changed())
    with recorded.writing() as connection:
        connection.execute(text(told))
        assert [one.what for one in missing(connection, list(entries(connection)), ())] == lacks


def widened(**keys: object) -> dict[str, object]:
    (dataset,) = CONTENT["dataset"]  # type: ignore[misc]
    return CONTENT | {"dataset": [dataset | keys]}


@pytest.mark.parametrize(
    "keys",
    [{"share_with": ["vendor"]}, {"marking": "clear"}, {"retention": "P4Y"}, {"legal_basis": "consent"},
     {"origin": "scan"}, {"grade": "a"}, {"personal_data": False}, {"name_partner": True}, {"upstream": "another"}],
    ids=lambda keys: next(iter(keys)),
)  # fmt: skip
def test_whatever_of_a_data_set_is_widened_and_narrowed_again_leaves_a_trace(
    recorded: Database, keys: dict[str, object]
) -> None:
    assert apply(recorded, widened(**keys)) != []
    apply(recorded, CONTENT)
    with recorded.writing() as connection:
        facts = [read_fact(one.openings) for one in kept(connection, range(size(connection)))]
        assert [one.kind.value for one in facts] == ["agreement-signed", "agreement-changed", "agreement-changed"]
        assert facts[0].digest == facts[2].digest != facts[1].digest
        assert list(missing(connection, list(entries(connection)), ())) == []
        # and nobody forgets that it was so
        connection.execute(text("DELETE FROM changes WHERE noun = 'dataset' AND before IS NOT NULL"))
        assert [one.what for one in missing(connection, list(entries(connection)), ())] == [
            "entry 1: a state of agreement of-2014"
        ]


@pytest.mark.parametrize(
    "told",
    [
        "UPDATE datasets SET marking = 'clear'",
        "UPDATE datasets SET share_limited = NOT share_limited",
        "INSERT INTO dataset_sharing (dataset, partner) SELECT datasets.id, partners.id FROM datasets, partners",
        "UPDATE partners SET country = 'KE'",
    ],
)
def test_what_the_books_have_of_a_data_set_or_partner_past_the_ledger_is_named(recorded: Database, told: str) -> None:
    apply(recorded, widened(share_with=[]))
    with recorded.writing() as connection:
        assert list(missing(connection, list(entries(connection)), ())) == []
        connection.execute(text(told))
        assert [one.what for one in missing(connection, list(entries(connection)), ())] == [
            "agreement of-2014: what is recorded of it, its data sets and its partners, after entry 1"
        ]


def test_entries_of_older_versions_are_held_against_what_they_commit_to(database: Database) -> None:
    alone = read(CONTENT)
    (state,) = map(agreement_told, alone.agreements.values())
    with database.writing() as connection:
        record_register(connection, NOTHING, alone, now=NOW, draw=secrets.token_bytes)
        (newest,) = kept(connection, [0])
        fact = read_fact(newest.openings)

    # the ledger as an older Accord has written it
    def older(*digests: str) -> list[Audited]:
        return [
            Audited(number=at, fact=replace(fact, digest=one, kind=Kind.AGREEMENT_CHANGED if at else fact.kind))
            for at, one in enumerate(digests)
        ]

    document, first = "0" * 64, committed("0" * 64, state, "accord-agreement/v1")
    with database.writing() as connection:
        assert list(missing(connection, older(document), ())) == []
        assert list(missing(connection, older(document, first), ())) == []
        assert list(missing(connection, older(document, first, fact.digest), ())) == []
        assert [one.what for one in missing(connection, older(fact.digest, first), ())] == [
            "entry 1: a state of agreement of-2014",
            "agreement of-2014: what is recorded of it, its data sets and its partners, after entry 1",
        ]
        connection.execute(text("UPDATE agreements SET title = 'Another title'"))
        assert [one.what for one in missing(connection, older(document, first), ())] == [
            "agreement of-2014: what is recorded of it, after entry 1"
        ]


def test_each_document_that_is_signed_and_each_change_and_end_is_an_entry_of_the_ledger(recorded: Database) -> None:
    signed = ("agreement-signed", "vendor", "0", "training")
    assert entered(recorded) == [signed]
    apply(recorded, changed(renewal=[RENEWAL]))
    renewed = ("agreement-changed", "vendor", "1", "training")
    assert entered(recorded)[1:] == [renewed]
    apply(recorded, changed(renewal=[RENEWAL]))
    assert len(entered(recorded)) == 2
    several = changed(renewal=[RENEWAL], purposes=["training", "research"])
    apply(recorded, several)
    assert entered(recorded)[2:] == [("agreement-changed", "vendor", "1", "")]
    with recorded.writing() as connection:
        standing = load_register(connection)
        ((name, held),) = standing.agreements.items()
        ended = replace(held, ended=Ending(at=datetime(2020, 1, 1, tzinfo=UTC), reason="Notice", recorded_at=NOW))
        declared = replace(NOTHING, agreements={name: ended})
        record_register(connection, standing, declared, now=NOW, draw=secrets.token_bytes)
    assert entered(recorded)[3:] == [("agreement-ended", "vendor", "1", "")]


@pytest.mark.parametrize(
    ("noun", "keys", "concerned"),
    [
        ("partner", {"name": "Another name"}, True),
        ("dataset", {"retention": "P2Y"}, True),
        ("partner", {"id": "other", "name": "Nobody's partner"}, False),
    ],
)
def test_a_change_of_a_partner_or_data_set_is_one_of_the_agreements_that_they_belong_to(
    recorded: Database, noun: str, keys: dict[str, object], concerned: bool
) -> None:
    (told,) = CONTENT[noun]  # type: ignore[misc]
    apply(recorded, {noun: [told | keys]})
    assert entered(recorded)[1:] == [("agreement-changed", "vendor", "0", "training")] * concerned


def test_an_agreement_recorded_with_its_renewals_has_an_entry_for_each_document_and_names_all_partners(
    database: Database,
) -> None:
    signatories = [{"party": party, "name": "A"} for party in ("hub", "vendor", "csirt")]
    whole = changed(renewal=[RENEWAL], signatory=signatories)
    apply(database, whole | {"partner": [*CONTENT["partner"], {"id": "csirt", "name": "B"}]})  # type: ignore[misc]
    assert entered(database) == [
        ("agreement-signed", "csirt vendor", "0", "training"),
        ("agreement-changed", "csirt vendor", "1", "training"),
    ]


def unsalted(database: Database, declared: Register) -> None:
    def failing(_: int) -> bytes:
        raise ValueError("no salts")

    with database.writing() as connection:
        record_register(connection, load_register(connection), declared, now=NOW, draw=failing)


def test_what_is_only_looked_at_or_fails_is_no_entry(recorded: Database) -> None:
    with recorded.writing(keep=False) as connection:
        standing = load_register(connection)
        declared = read(changed(title="Another"), standing)
        assert record_register(connection, standing, declared, now=NOW, draw=secrets.token_bytes)
    with pytest.raises(ValueError, match="salts"):
        unsalted(recorded, declared)
    assert len(entered(recorded)) == 1
    with recorded.reading() as connection:
        assert load_register(connection).agreements["of-2014"].title == "Of 2014"
