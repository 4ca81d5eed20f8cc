"""Check data published from a workspace: the rules first, the entry before anybody sees it, and nothing too old."""

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import delete

from accord.check.mailboxes import normalised
from accord.check.networks import NetworkKind
from accord.ledger.notes import parse_signing_key
from accord.release.policies import Policies, PolicyClass
from accord.workspace.database import open_database, place_of
from accord.workspace.schema import CHANNEL_POLICIES
from tests.cli.checked import TODAY, CheckHub, day, lines
from tests.simulators.witness import Witness, served

Accord = Callable[..., object]

A, B, C, D = "45.1.1.1", "45.1.1.2", "45.1.1.3", "45.1.1.4"
LONG = "2a02:26f0:1:2::77"
SAME_HOME = "2a02:26f0:1:2:ffff::1"
NEXT_HOME = "2a02:26f0:1:3::77"

ROWS = [
    (A, "mirai", 0),
    (A, "mirai", 3),
    (A, "simda", 7),
    (B, "", 30),
    (B, "qakbot", 31),
    (C, "mirai", 32),
    (LONG, "emotet", 2),
]


@pytest.fixture
def hub(accord_here: Accord, tmp_path: Path) -> CheckHub:
    made = CheckHub(accord_here, tmp_path)
    made.deliver("first.csv", lines(ROWS))
    return made


@pytest.fixture
def anywhere(accord_here: Accord, database_url: str, tmp_path: Path) -> CheckHub:
    """The same, once a kind of database."""
    made = CheckHub(accord_here, tmp_path, *(() if database_url.startswith("sqlite") else ("--database", database_url)))
    made.deliver("first.csv", lines(ROWS))
    return made


def test_whoever_was_seen_in_the_last_31_days_is_told_families_and_the_last_day(anywhere: CheckHub) -> None:
    hub = anywhere
    done = hub.publish()
    assert (done["state"], done["addresses"], done["marking"]) == ("published", 3, "amber")
    assert hub.told(A, B, C, D, LONG, SAME_HOME, NEXT_HOME, "::ffff:45.1.1.1") == {
        A: (("Mirai", "Simda"), 0),
        "::ffff:45.1.1.1": (("Mirai", "Simda"), 0),
        B: (("QakBot",), 30),
        LONG: (("Emotet",), 2),
        SAME_HOME: (("Emotet",), 2),
    }
    data = hub.open()
    assert data.day == TODAY
    assert {one.name: one.platforms for one in data.families} == {
        "": (),
        "Emotet": ("win",),
        "Mirai": ("elf", "win"),
        "QakBot": ("win",),
        "Simda": ("win",),
    }
    assert data.network(bytes([198, 51, 100, 7])).kind is NetworkKind.CARRIER_NAT
    assert data.network(bytes([8, 8, 8, 8])).asn == 15169
    data.close()


def test_publishing_is_a_release_with_its_entry_for_each_data_set(anywhere: CheckHub) -> None:
    hub = anywhere
    hub.deliver("second.csv", lines([(A, "mirai", 1), (D, "mirai", 1)], marking="green"), "other-sinkhole")
    done = hub.publish()
    told = hub.entries()
    assert [(one["partner"], one["country"], one["purpose"]) for one in told] == [
        ("victims", "001", "victim-notification")
    ] * 2
    assert {(one["marking"], one["count"]) for one in told} == {("amber", 3), ("green", 2)}
    assert {one["digest"] for one in told} == {done["digest"]}
    (row,) = [one for one in hub.json("consultation", "list") if one["object"] == f"check data {done['version']}"]
    assert (row["processing"], row["recipients"]) == ("disclosure", ["victims"])
    assert row["justification"] == "victim notification by the public check"
    (before,) = [one for one in hub.json("consultation", "list") if one["processing"] == "combination"]
    assert before["object"] == "check data: 2 deliveries"
    hub("ledger", "verify", "--in", hub.folder)
    hub("ledger", "audit", "--in", hub.folder)
    said = hub("ledger", "check", hub.folder / "ledger", "--policy", hub.folder / "ledger/policy")
    assert "check data" in (hub.folder / "ledger/index.html").read_text("utf-8")
    assert "verified" in said or "holds" in said or said


def test_what_the_rules_refuse_shifts_no_family_and_no_day(accord_here: Accord, tmp_path: Path) -> None:
    plain, more = (CheckHub(accord_here, tmp_path / name) for name in ("plain", "more"))
    for hub in (plain, more):
        hub.deliver("first.csv", lines([(A, "mirai", 5)]))
    more.deliver("red.csv", lines([(A, "emotet", 0), (B, "simda", 0)], marking="red"))
    more.deliver("strict.csv", lines([(A, "qakbot", 1)], marking="amber+strict"))
    # what is no victim is no victim of the check either
    more.deliver("roles.csv", lines([(A, "ibank", 0), (D, "ibank", 0)], role="c2-server"))
    # a name on a warning list waits for an analyst
    more.deliver("listed.csv", lines([("8.8.8.8", "mirai", 0)]))
    found = []
    for hub in (plain, more):
        hub.publish()
        assert hub.told(A, B, D, "8.8.8.8") == {A: (("Mirai",), 5)}
        found.append(hub.families())
    assert found == [["Mirai"], ["Mirai"]]
    more("snapshot", "make", "--in", more.folder)
    more("review", "decide", "8.8.8.8", "--release", "--why", "A customer of theirs.", "--in", more.folder)
    more.publish()
    assert more.told("8.8.8.8") == {"8.8.8.8": (("Mirai",), 0)}
    more("review", "decide", "8.8.8.8", "--withhold", "--why", "Not so.", "--in", more.folder)
    assert more.told(A, "8.8.8.8") == {A: (("Mirai",), 5)}, "at once"


@pytest.mark.parametrize(
    ("limits", "more", "rule"),
    [
        ('pap = "amber"', "", "rule 6"),
        ('handling = ["H0"]', "", "rule 8"),
        ('iep = { affected_party_notifications = "must-not" }', "", "rule 7"),
        ("", "share_with = []", "rule 2"),
    ],
)
def test_a_data_set_that_may_not_be_told_is_not_and_it_is_said_why(
    accord_here: Accord, tmp_path: Path, limits: str, more: str, rule: str
) -> None:
    hub = CheckHub(accord_here, tmp_path, limits=limits, more=more)
    hub.deliver("first.csv", lines(ROWS))
    hub.deliver("second.csv", lines([(D, "mirai", 1)]), "other-sinkhole")
    done = hub.publish()
    assert rule in done["kept_back"][0]
    assert hub.told(A, B, D) == {D: (("Mirai",), 1)}
    assert [one["dataset"] for one in done["sources"]] == ["other-sinkhole"]
    assert len(hub.entries()) == 1


def test_who_publishes_nothing_is_told_so_by_the_exit_code(accord_here: Accord, tmp_path: Path) -> None:
    hub = CheckHub(accord_here, tmp_path, more="share_with = []")
    hub.deliver("first.csv", lines([(A, "mirai", 1)]))
    done = hub.publish(code=1)
    assert "rule 2" in done["kept_back"][0]
    assert hub.told(A) == {}


def test_a_provider_that_names_the_persons_concerned_lets_them_be_told(accord_here: Accord, tmp_path: Path) -> None:
    hub = CheckHub(accord_here, tmp_path, more='share_with = ["victims"]', limits='handling = ["H2"]')
    hub.deliver("first.csv", lines([(A, "mirai", 1)]))
    hub.publish()
    assert hub.told(A) == {A: (("Mirai",), 1)}


def test_what_was_taken_in_for_another_purpose_is_as_if_it_were_not_there(hub: CheckHub) -> None:
    hub.deliver("other.csv", lines([(D, "emotet", 0)]), "sinkhole", "--purpose", "network-defence")
    hub.publish()
    assert D not in hub.told(A, D)
    assert "Emotet" in hub.families(), "of another address"


@pytest.mark.parametrize(
    "where", [{"retention": "P7D"}, {"limits": 'retention = "P7D"'}], ids=["data set", "agreement"]
)
def test_nothing_is_told_that_is_older_than_its_data_set_and_its_agreement_let_it_be_kept(
    accord_here: Accord, tmp_path: Path, where: dict[str, str]
) -> None:
    hub = CheckHub(accord_here, tmp_path, **where)
    hub.deliver("first.csv", lines([(A, "mirai", 6), (B, "mirai", 8)]))
    hub.publish()
    assert set(hub.told(A, B)) == {A}


def test_a_version_takes_the_place_of_the_one_before_which_is_destroyed(hub: CheckHub) -> None:
    first = hub.publish()["version"]
    reading = hub.open()
    hub.deliver("second.csv", lines([(D, "mirai", 0)]))
    second = hub.publish()["version"]
    assert hub.versions() == [second]
    assert reading.version == first, "whoever reads keeps what is open"
    reading.close()
    assert [(one["version"], one["state"]) for one in hub.json("check", "show")] == [
        (first, "gone"),
        (second, "published"),
    ]
    assert second in hub("check", "show", "--in", hub.folder)


def test_the_pepper_is_made_once_and_never_again_while_something_is_published(hub: CheckHub) -> None:
    hub.publish()
    pepper = hub.folder / "check.pepper"
    assert stat.S_IMODE(pepper.stat().st_mode) == 0o600
    kept = pepper.read_bytes()
    hub.publish()
    assert pepper.read_bytes() == kept
    pepper.unlink()
    assert "pepper" in hub("check", "publish", "--in", hub.folder, code=4)
    assert not pepper.exists()
    # it is lost for good: who takes back what was told with it begins anew
    hub("check", "withdraw", "--why", "The pepper is lost.", "--in", hub.folder)
    assert pepper.read_bytes() != kept
    assert hub.told(A, B) == {}
    hub.publish()
    assert set(hub.told(A, B)) == {A, B}


def test_with_witnesses_nothing_is_seen_before_enough_have_cosigned(hub: CheckHub) -> None:
    hub.publish()
    before = hub.told(A, B, D)
    key = parse_signing_key((hub.folder / "ledger.key").read_text("ascii").strip())
    with served(Witness("north.example", key.verifier)) as witness:
        line = f"witness north {witness.key.verifier} {witness.url}"
        (hub.folder / "ledger.policy").write_text(f"log {key.verifier}\n{line}\nquorum north\n", "ascii")
        witness.fault = lambda *_: (503, b"")
        hub.deliver("second.csv", lines([(D, "mirai", 0)]))
        assert hub.publish(code=7)["state"] == "waits"
        assert hub.told(A, B, D) == before
        assert [one["state"] for one in hub.json("check", "show")] == ["published", "waits"]
        # what must go does not wait for witnesses
        hub("subject", "erase", A, "--why", "A court asked.", "--in", hub.folder)
        assert hub.holds(A) == []
        assert set(hub.told(A, B, D)) == {B}
        hub.publish(code=7)
        witness.fault = None
        hub("job", "work", "--in", hub.folder)
        assert set(hub.told(A, B, D)) == {B, D}


def test_a_data_set_on_which_a_secret_operation_rests_waits_until_it_is_secret_no_more(hub: CheckHub) -> None:
    hub.deliver("second.csv", lines([(D, "mirai", 1)]), "other-sinkhole")
    until = datetime.now(UTC) + timedelta(days=3)

    def put(until: datetime) -> None:
        """As `accord release make --channel` leaves it behind."""
        secret = PolicyClass(
            dataset="sinkhole",
            marking="amber",
            came_in=("vendor-2026",),
            personal=True,
            embargo=("nightfall", until.isoformat(), ("other", "victims")),
        )
        with open_database(place_of(hub.settings)) as database, database.writing() as connection:
            connection.execute(delete(CHANNEL_POLICIES).where(CHANNEL_POLICIES.c.classes.like("%nightfall%")))
            Policies(connection).number(frozenset({secret}))

    hub.publish()
    assert set(hub.told(A, B, D)) == {A, B, D}
    put(until)
    hub("release", "hand-over", "--in", hub.folder)
    assert set(hub.told(A, B, D)) == {D}, "what is secret since leaves what is published, too"
    hub.publish()
    assert set(hub.told(A, B, D)) == {D}
    put(datetime.now(UTC) - timedelta(seconds=1))
    hub.publish()
    assert set(hub.told(A, B, D)) == {A, B, D}


def test_without_a_partner_of_the_kind_nobody_is_told(hub: CheckHub) -> None:
    hub.change('kind = "concerned"', 'kind = "csirt"')
    assert "Nobody stands for the persons concerned" in hub("check", "publish", "--in", hub.folder, code=2)
    assert not hub.check.exists()
    assert hub.entries() == []


def test_without_the_table_nothing_is_published(hub: CheckHub) -> None:
    text = hub.settings.read_text("utf-8")
    hub.settings.write_text(text[: text.index("[check]")] + text[text.index('[[partner]]\nid = "vendor"') :], "utf-8")
    assert "publishes no check data" in hub("check", "publish", "--in", hub.folder, code=2)


def test_no_address_stands_in_what_is_published_or_told(hub: CheckHub) -> None:
    hub.publish()
    assert hub.holds(A)
    assert hub.holds(D) == []
    for path in hub.check.rglob("*"):
        if path.is_file():
            assert A.encode() not in path.read_bytes()
    told = json.dumps(hub.json("check", "show")) + hub("check", "show", "--in", hub.folder)
    assert A not in told


LEAKED = """timestamp,email,infection,source_url,public_source,status,tag,severity,service,username,detail
{day} 02:00:00,Anna.Bell@Example.ORG,redline,https://shop.example/login,,,,high,shop.example,anna,
{day} 02:00:00,bert@example.org,,https://shop.example/login,,,,high,shop.example,bert,
{old} 02:00:00,carla@example.org,redline,https://shop.example/login,,,,high,shop.example,carla,
"""


def test_mail_addresses_of_leaks_are_published_as_their_own_kind_of_record(hub: CheckHub) -> None:
    file = hub.beside / f"{day(1)}-compromised_account-hub-geo.csv"
    file.write_text(LEAKED.format(day=day(2), old=day(40)), "utf-8")
    hub.change('format = "csv"\norigin = "sinkhole"', 'format = ["shadowserver", "csv"]\norigin = "sinkhole"')
    hub("delivery", "add", "sinkhole", file, "--in", hub.folder)
    # the same by a mapping of one's own
    hub.deliver("own.csv", lines([("bert@example.org", "raccoon", 1)], role="data-leak"))
    done = hub.publish()
    assert (done["addresses"], done["mailboxes"]) == (3, 2)
    data = hub.open()
    found = {}
    for one in ("anna.bell@example.org", "ANNA.BELL@example.org", "bert@example.org", "carla@example.org"):
        mailbox = normalised(one)
        assert mailbox is not None
        seen = data.seen_mailbox(mailbox)
        if seen is not None:
            names = [data.families[at].name for at in seen.families]
            found[one] = (names, (data.day - seen.last_seen).days)
    data.close()
    assert found == {
        "anna.bell@example.org": (["RedLine Stealer"], 2),
        "ANNA.BELL@example.org": (["RedLine Stealer"], 2),
        "bert@example.org": (["Raccoon"], 1),
    }
    told = hub.json("subject", "find", "bert@example.org")["check"]
    assert told["families"] == ["Raccoon"]
    hub("subject", "erase", "bert@example.org", "--why", "A court asked.", "--in", hub.folder)
    assert hub.json("check", "show")[-1]["mailboxes"] == 1


NAMES = {"mirai": "Mirai", "simda": "Simda", "qakbot": "QakBot", "": ""}


def test_a_version_says_what_a_plain_reading_of_all_rows_says(hub: CheckHub) -> None:
    """The twin: row by row, what may be told of whom; several rows and data sets say things of one home."""
    draw = Random(20261128)
    twin: dict[str, tuple[set[str], int]] = {}
    for value, family, age in ROWS:
        _say(twin, value, {"emotet": "Emotet"}.get(family, NAMES.get(family, family)), age)
    pool = [f"45.7.{high}.{low}" for high in range(3) for low in range(1, 20)]
    pool += [f"2a02:26f0:7:{block:x}::{host}" for block in range(12) for host in range(1, 4)]
    for number in range(4):
        text, dataset = "", ("sinkhole", "other-sinkhole")[number % 2]
        for _ in range(120):
            value, family, age = draw.choice(pool), draw.choice(sorted(NAMES)), draw.randrange(40)
            marking = draw.choice(["clear", "green", "amber", "amber", "amber+strict", "red"])
            role = draw.choice(["infected-system", "infected-system", "infected-system", "scanner", "spam"])
            text += lines([(value, family, age)], marking=marking, role=role)
            if role == "infected-system" and marking in {"clear", "green", "amber"}:
                _say(twin, value, NAMES[family], age)
        hub.deliver(f"drawn-{number}.csv", text, dataset)
    done = hub.publish()
    expected = {}
    for value in [*pool, A, B, C, LONG]:
        families, age = twin.get(_home(value), (set(), 99))
        if families:
            expected[value] = (tuple(sorted(families - {""} or {""})), age)
    assert hub.told(*pool, A, B, C, LONG) == expected
    assert done["addresses"] == len({_home(value) for value in expected})
    assert len(expected) > 60


def _home(value: str) -> str:
    return value.rpartition("::")[0] if ":" in value else value


def _say(twin: dict[str, tuple[set[str], int]], value: str, family: str, age: int) -> None:
    if age <= 31:
        families, least = twin.get(_home(value), (set(), age))
        twin[_home(value)] = (families | {family}, min(least, age))
