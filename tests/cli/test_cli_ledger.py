"""`accord ledger`: what a person sees who keeps a ledger, and who checks one."""

import base64
import hashlib
import json
import re
import secrets
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from accord.journal import book
from accord.journal.facts import Fact, Kind
from accord.ledger.policies import parse_policy
from accord.ledger.proofs import parse_proof
from accord.vocabulary.datasets import Origin, Purpose
from accord.vocabulary.markings import Marking
from accord.workspace.database import open_database, place_of
from accord.workspace.translations import LANGUAGES
from tests.cli.test_cli_consultation import DATASET, ROW
from tests.journal.test_journal_checking import served

HEADER = "timestamp,protocol,src_ip,src_port,src_asn,dst_ip,dst_port,infection,family,tag"
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


@pytest.fixture
def hub(accord_here, tmp_path: Path, database_url: str) -> Path:
    """A workspace with three entries, one of them closed."""
    folder = tmp_path / "hub"
    accord_here(
        "init", folder, "--name", "Test hub", *([] if "sqlite" in database_url else ["--database", database_url])
    )
    add(folder, Kind.DELIVERY, 1240, opens_at=NOW)
    add(folder, Kind.DISCLOSURE, 7, opens_at=NOW, country="TH", purpose=Purpose.PREVENTION)
    add(folder, Kind.DELIVERY, 30)
    accord_here("ledger", "publish", "--in", folder)
    return folder


NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


def add(folder: Path, kind: Kind, count: int, *, opens_at: datetime | None = None, **said: object) -> int:
    fact = Fact(
        kind=kind,
        at=NOW,
        count=count,
        dataset="Infected machines",
        origin=Origin.SINKHOLE,
        partner="vendor",
        marking=Marking.AMBER,
        digest=DIGEST,
        **said,  # type: ignore[arg-type]
    )
    with open_database(place_of(folder / "workspace.toml")) as database, database.writing() as connection:
        return book.append(connection, [fact], draw=secrets.token_bytes, opens_at=opens_at).start


def checked(accord_here, folder: Path, expect: int = 0) -> tuple[dict[str, str], str]:
    """How the pages of a ledger stand, and what is said of an error."""
    done = accord_here("ledger", "check", folder, "--json", expect=expect)
    return (json.loads(done.stdout)["pages"] if expect == 0 else {}), done.stderr


def test_the_page_that_people_read_says_what_the_openings_add_up_to(accord_here, hub: Path) -> None:
    names = ["index.html", *(f"index.{one}.html" for one in LANGUAGES)]
    assert checked(accord_here, hub / "ledger")[0] == dict.fromkeys(names, "same")
    said = accord_here("ledger", "check", hub / "ledger").stdout
    assert f"{', '.join(names)}: byte by byte what these figures say" in said
    page = hub / "ledger/index.fr.html"
    whole = page.read_text("utf-8")
    # somebody else's, made of nothing that can be compared
    page.write_text(re.sub(r'<meta name="accord-figures".*\n', "", whole), "utf-8")
    assert checked(accord_here, hub / "ledger")[0]["index.fr.html"] == "unsaid"
    page.write_text(whole.replace('content="Accord ', 'content="Accord 1000.'), "utf-8")
    assert checked(accord_here, hub / "ledger")[0]["index.fr.html"] == "other-version"
    page.write_text(whole, "utf-8")
    # what was taken in since leaves the page behind, and the page is not wrong
    add(hub, Kind.RECALL, 12, opens_at=NOW)
    accord_here("delivery", "list", "--in", hub)
    accord_here("ledger", "publish", "--in", hub)
    page.write_text(whole, "utf-8")
    assert checked(accord_here, hub / "ledger")[0] == dict.fromkeys(names, "same") | {"index.fr.html": "behind"}


@pytest.mark.parametrize(
    ("file", "told", "instead"),
    [
        ("index.html", "1,240", "2,240"),
        ("index.ar.html", "1,240", "12,400"),
        ("index.de.html", "</main>", "<p>Alles wurde gel\u00f6scht.</p></main>"),
        ("style.css", "body", "td{display:none}body"),
    ],
)
def test_a_page_or_style_that_was_changed_is_told_by_its_line(
    accord_here, hub: Path, file: str, told: str, instead: str
) -> None:
    page = hub / "ledger" / file
    text = page.read_text("utf-8")
    assert told in text
    page.write_text(text.replace(told, instead, 1), "utf-8")
    line = text[: text.index(told)].count("\n") + 1
    _, said = checked(accord_here, hub / "ledger", expect=7)
    assert "The public page says something else" in said
    assert f"{file}, line {line}" in said


def test_a_copy_of_the_folder_is_checked_by_whoever_has_it(accord_here, hub: Path, tmp_path: Path) -> None:
    shutil.copytree(hub / "ledger", tmp_path / "copy")
    shutil.copy(hub / "ledger/policy", tmp_path / "policy")
    shutil.copy(hub / "ledger/checkpoint", tmp_path / "kept")
    done = accord_here("ledger", "check", tmp_path / "copy", "--policy", tmp_path / "policy")
    assert "3 entries, each verified" in done.stdout
    assert "opened for everybody: 2; not yet, or no longer, and so closed: 1" in done.stdout
    assert "2026: taken in" in done.stdout
    assert "0 to 9" in done.stdout
    assert done.stderr == ""
    warned = accord_here("ledger", "check", tmp_path / "copy", "--json")
    assert "nobody vouches for it" in warned.stderr
    assert json.loads(warned.stdout)["figures"]["closed"] == 1
    add(hub, Kind.RECALL, 12)
    accord_here("ledger", "publish", "--in", hub)
    accord_here("ledger", "check", hub / "ledger", "--policy", tmp_path / "policy", "--against", tmp_path / "kept")
    # the copy is older than what is published now
    refused = accord_here(
        "ledger", "check", tmp_path / "copy", "--policy", tmp_path / "policy", "--against", hub / "ledger/checkpoint",
        expect=7,
    )  # fmt: skip
    assert "shorter than it was" in refused.stderr
    assert "keep both checkpoints" in refused.stderr


def test_what_is_no_log_is_named(accord_here, hub: Path, tmp_path: Path) -> None:
    assert "no such folder" in accord_here("ledger", "check", tmp_path / "nowhere", expect=4).stderr
    (tmp_path / "empty").mkdir()
    assert "This is no ledger" in accord_here("ledger", "check", tmp_path / "empty", expect=4).stderr
    there = accord_here("ledger", "check", hub, expect=4).stderr
    assert "got: a workspace" in there
    assert f"name its ledger: {hub / 'ledger'}" in there
    policy = hub / "ledger.policy"
    for words in (("verify",), ("audit",), ("list",)):
        said = accord_here("ledger", *words, "--in", hub / "ledger", expect=4).stderr
        assert ("got: a ledger" in said, "`accord ledger check` takes it" in said) == (True, True)
    said = accord_here("ledger", "check", hub / "ledger", "--against", policy, expect=7).stderr
    assert f"This is no checkpoint.\n  where: {policy}\n" in said
    assert "got: a policy" in said
    said = accord_here("ledger", "check", hub / "ledger", "--policy", hub / "ledger/checkpoint", expect=2).stderr
    assert f"This is no policy.\n  where: {hub / 'ledger/checkpoint'}\n" in said
    assert "got: a checkpoint" in said
    said = accord_here("ledger", "reconcile", "--hub", policy, "--partner", policy, expect=4).stderr
    assert f"This is no list to reconcile.\n  where: {policy}\n" in said
    (hub / "ledger/policy").unlink()
    assert "no policy" in accord_here("ledger", "check", hub / "ledger", expect=4).stderr
    policy = hub / "ledger.policy"
    refused = accord_here("ledger", "check", tmp_path / "empty", "--policy", policy, expect=4)
    assert "nothing was published" in refused.stderr


def test_files_that_were_damaged_are_made_again(accord_here, hub: Path) -> None:
    damaged = hub / "ledger/tile/entries/000.p/3"
    damaged.write_bytes(b"damaged")
    check = ("ledger", "check", hub / "ledger", "--policy", hub / "ledger/policy")
    accord_here(*check, expect=7)
    accord_here("ledger", "publish", "--in", hub, "--anew")
    accord_here(*check)


def test_a_hub_s_own_ledger_is_verified_and_faults_come_with_what_to_do(accord_here, hub: Path) -> None:
    done = accord_here("ledger", "verify", "--in", hub)
    assert "3 entries in the database, 3 published, 2 opened" in done.stdout
    assert "All of it agrees." in done.stdout
    (hub / "ledger/opened/000").unlink()
    done = accord_here("ledger", "verify", "--in", hub, "--json", expect=7)
    faults = json.loads(done.stdout)["faults"]
    assert any("opened/000" in one["where"] and "--anew" in one["to_do"] for one in faults)
    assert "to do: " in accord_here("ledger", "verify", "--in", hub, expect=7).stdout


def test_the_proof_of_an_entry_holds_without_the_hub(accord_here, hub: Path, tmp_path: Path) -> None:
    out = tmp_path / "1.tlog-proof"
    done = accord_here("ledger", "prove", "1", "--in", hub, "--out", out)
    assert done.stdout.split() == [str(out), f"{out}.entry"]
    policy = parse_policy((hub / "ledger/policy").read_bytes())
    assert parse_proof(out.read_bytes()).verify((tmp_path / "1.tlog-proof.entry").read_bytes(), policy).size == 3
    assert "there already" in accord_here("ledger", "prove", "1", "--in", hub, "--out", out, expect=5).stderr
    add(hub, Kind.RECALL, 12)
    refused = accord_here("ledger", "prove", "3", "--in", hub, "--out", tmp_path / "3", expect=7)
    assert "accord ledger publish" in refused.stderr
    assert "no such entry" in accord_here("ledger", "prove", "9", "--in", hub, "--out", tmp_path / "9", expect=4).stderr


def test_single_fields_are_opened_and_whoever_has_the_proof_checks_them_offline(
    accord_here, hub: Path, tmp_path: Path
) -> None:
    out, policy = tmp_path / "2.proof", tmp_path / "policy"
    shutil.copy(hub / "ledger/policy", policy)
    accord_here("ledger", "prove", "2", "--open", "digest,partner,count", "--in", hub, "--out", out)
    alone = accord_here("ledger", "check", "--proof", out, "--policy", policy, "--json").stdout
    (said,) = json.loads(alone)["proofs"]
    assert said["fields"] == {"count": "30", "digest": DIGEST, "partner": "vendor"}
    assert (said["entry"], said["size"]) == (2, 3)
    # the other fields are closed: no salt but the three
    text = out.read_text("utf-8")
    openings = text.split("\n\n")[1].splitlines()
    assert [one.split()[0] for one in openings] == ["accord-openings/v1", "count", "digest", "partner"]
    # as sha256sum and base64 recompute it, by the documented format alone
    for line in openings[1:]:
        name, salt, value = line.split()
        content = b"accord-commitment/v1\0" + bytes([len(name)]) + name.encode()
        content += base64.b64decode(salt) + base64.b64decode(value)
        assert f"{name} {base64.b64encode(hashlib.sha256(content).digest()).decode()}\n" in text
    shown = accord_here("ledger", "check", hub / "ledger", "--proof", out, "--policy", policy).stdout
    assert f"digest: {DIGEST}" in shown
    assert "3 entries, each verified" in shown
    # another count under the same salt
    out.write_text(text.replace(" MzA=", " MzE="), "utf-8")
    refused = accord_here("ledger", "check", "--proof", out, "--policy", policy, expect=7).stderr
    assert "not what the entry committed to" in refused
    out.write_text(text.replace("index 2", "index 1"), "utf-8")
    accord_here("ledger", "check", "--proof", out, "--policy", policy, expect=7)
    out.write_text(text, "utf-8")
    assert "which log" in accord_here("ledger", "check", "--proof", out, expect=2).stderr
    for words in (("--to", "csirt"), ("--open", "refers", "--to", "vendor"), ("--open", "title")):
        more = accord_here("ledger", "prove", "2", *words, "--in", hub, "--out", tmp_path / "no", expect=2)
        assert not (tmp_path / "no").exists(), more.stderr
    accord_here("ledger", "prove", "2", "--to", "vendor", "--in", hub, "--out", tmp_path / "own")
    own = json.loads(accord_here("ledger", "check", "--proof", tmp_path / "own", "--policy", policy, "--json").stdout)
    assert [*own["proofs"][0]["fields"]] == [
        "agreement",
        "at",
        "count",
        "dataset",
        "digest",
        "kind",
        "partner",
        "purpose",
    ]
    # closed, with its entry beside it
    accord_here("ledger", "prove", "2", "--in", hub, "--out", tmp_path / "closed")
    closed = accord_here("ledger", "check", "--proof", tmp_path / "closed", "--policy", policy).stdout
    assert "it opens no field" in closed


def test_a_copy_is_whole_and_holds_no_secret(accord_here, hub: Path, tmp_path: Path) -> None:
    add(hub, Kind.RECALL, 12)
    accord_here("ledger", "export", "--in", hub, "--out", tmp_path / "copy")
    accord_here("ledger", "check", tmp_path / "copy", "--policy", hub / "ledger/policy")
    for path in (tmp_path / "copy").rglob("*"):
        assert path.is_dir() or (b"PRIVATE" not in path.read_bytes() and not path.name.startswith("."))
    refused = accord_here("ledger", "export", "--in", hub, "--out", hub, expect=5).stderr
    assert "holds something" in refused
    assert "expected: a new or empty folder\n" in refused


def test_lists_are_written_and_held_against_each_other(accord_here, hub: Path, tmp_path: Path) -> None:
    ours = tmp_path / "hub.csv"
    ours.write_text(accord_here("ledger", "list", "--in", hub, "--partner", "vendor", "--csv").stdout)
    assert ours.read_text().split("\n")[1] == (
        f"0,2026-11-27,delivery,vendor,Infected machines,,,amber,1240,{DIGEST},,,,"
    )
    assert "Infected machines" in accord_here("ledger", "list", "--in", hub).stdout
    assert "no such partner" in accord_here("ledger", "list", "--in", hub, "--partner", "x", expect=2).stderr
    theirs = tmp_path / "vendor.csv"
    theirs.write_text(f"partner,kind,digest,count\nvendor,delivery,{DIGEST},1240\nvendor,delivery,{DIGEST},31\n")
    done = accord_here("ledger", "reconcile", "--hub", ours, "--partner", theirs, expect=1)
    assert "the hub counts 30, they 31: " in done.stdout
    assert "1 difference" in done.stdout
    theirs.write_text(theirs.read_text().replace(",31", ",30"))
    assert "say the same" in accord_here("ledger", "reconcile", "--hub", ours, "--partner", theirs).stdout
    assert json.loads(accord_here("ledger", "reconcile", "--hub", ours, "--partner", theirs, "--json").stdout) == []
    # all three sides at once: each line is sought where it belongs
    police = tmp_path / "police.csv"
    whole = tmp_path / "whole.csv"
    whole.write_text(accord_here("ledger", "list", "--in", hub, "--csv").stdout)
    for count, expect, what in ((7, 0, []), (8, 1, ["the hub counts 7, they 8"])):
        police.write_text(f"partner,kind,digest,count\nvendor,disclosure,{DIGEST},{count}\n")
        words = ("ledger", "reconcile", "--hub", whole, "--partner", theirs, "--recipient", police, "--json")
        assert [one["what"] for one in json.loads(accord_here(*words, expect=expect).stdout)] == what
    alone = accord_here("ledger", "reconcile", "--hub", ours, expect=2).stderr
    assert "Nothing would be compared" in alone
    missing = accord_here("ledger", "reconcile", "--hub", ours, "--recipient", theirs, "--json", expect=1).stdout
    assert [one["what"] for one in json.loads(missing)] == ["the hub has it, they have not"]
    # whoever has nothing says so, and whose list it is
    theirs.write_text("partner,kind,digest\n")
    nobody = accord_here("ledger", "reconcile", "--hub", ours, "--partner", theirs, expect=4).stderr
    assert "FILE=ID" in nobody
    words = ("ledger", "reconcile", "--hub", whole, "--partner", f"{theirs}=vendor", "--json")
    nothing = json.loads(accord_here(*words, expect=1).stdout)
    assert [(one["hub"]["count"], one["theirs"]) for one in nothing] == [(1240, None), (30, None)]


def test_an_auditor_is_told_what_the_books_have_not(accord_here, hub: Path) -> None:
    done = accord_here("ledger", "audit", "--in", hub, expect=1)
    assert "The ledger has, the books have not:" in done.stdout
    assert f"2 of entries 0, 2: delivery {DIGEST} of Infected machines" in done.stdout
    said = json.loads(accord_here("ledger", "audit", "--in", hub, "--json", expect=1).stdout)
    assert [one["kind"] for one in said["entries"]] == ["delivery", "disclosure", "delivery"]


def test_the_public_page_tells_of_the_published_checkpoint_and_stays_the_same(accord_here, hub: Path) -> None:
    root = hub / "ledger"
    names = {"index.html", "style.css", *(f"index.{language}.html" for language in ("en", "fr", "es", "ar", "de"))}
    assert names <= {path.name for path in root.iterdir()}
    before = {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
    assert before[root / "index.html"] == before[root / "index.en.html"]
    assert b"Infected machines" in before[root / "index.fr.html"]
    for text in before.values():
        assert b"vendor" not in text
    accord_here("ledger", "publish", "--in", hub)
    accord_here("ledger", "publish", "--in", hub, "--anew")
    assert {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()} == before
    (root / "index.es.html").write_text("changed")
    assert "index.es.html" in accord_here("ledger", "verify", "--in", hub, expect=7).stdout
    add(hub, Kind.ERASURE, 4000, opens_at=NOW)
    accord_here("ledger", "publish", "--in", hub)
    assert b"4,000" in (root / "index.en.html").read_bytes()
    # who keeps it, and since when it is as it is: another contact is another page
    (signed,) = re.findall(r"[0-9]{4}-[0-9]{2}-[0-9]{2} \(UTC\)", (root / "index.en.html").read_text("utf-8"))
    assert abs(datetime.fromisoformat(signed[:10]).date() - datetime.now(UTC).date()) <= timedelta(days=1)
    settings = hub / "workspace.toml"
    contact = re.search(r'^contact = "(.*)"$', settings.read_text("utf-8"), re.MULTILINE)[1]
    assert f">{contact}<" in re.sub("</?bdi>", "", (root / "index.en.html").read_text("utf-8"))
    settings.write_text(settings.read_text("utf-8").replace(contact, "desk@north.example"), "utf-8")
    assert "behind" in accord_here("ledger", "verify", "--in", hub).stdout
    accord_here("ledger", "publish", "--in", hub)
    assert b"desk@north.example" in (root / "index.ar.html").read_bytes()
    assert "All of it agrees." in accord_here("ledger", "verify", "--in", hub).stdout


def test_what_the_public_page_says_to_do_is_what_checks_it(
    accord_here, hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a reader's own folder, with the files that the page links
    monkeypatch.chdir(tmp_path)
    for language in LANGUAGES:
        text = (hub / f"ledger/index.{language}.html").read_text("utf-8")
        text = text.replace('<span class="whole">--', "--").replace("</span>", "")
        links = re.findall(r'<a href="([^"]*)"><code', text)
        assert links == ["policy", "checkpoint", "figures.json"]
        for name in links:
            shutil.copy(hub / "ledger" / name, tmp_path / name)
        (command,) = re.findall(r"<code[^>]*>(accord ledger check [^<]*)</code>", text)
        (option,) = re.findall(r"<code[^>]*>(--against [^<]*)</code>", text)
        words = [str(hub / "ledger") if word == "URL" else word for word in f"{command} {option}".split()[1:]]
        done = accord_here(*words)
        assert "3 entries, each verified" in done.stdout
        assert "the checkpoint that you kept is one of its history" in done.stdout


def test_a_recall_of_the_hub_s_own_counts_no_recipient(accord_here, hub: Path) -> None:
    add(hub, Kind.RECALL, 1240, opens_at=NOW)
    add(hub, Kind.RECALL, 12, opens_at=NOW, country="TH", purpose=Purpose.PREVENTION)
    add(hub, Kind.RECALL, 12, opens_at=NOW, country="VN", purpose=Purpose.PREVENTION)
    accord_here("ledger", "publish", "--in", hub)
    (year,) = json.loads((hub / "ledger/figures.json").read_text("utf-8"))["years"]
    assert year["happened"] == [
        {"kind": "recall", "entries": 1, "records": [1240, 1240]},
        {"kind": "recall-notice", "entries": 2, "records": [24, 24]},
    ]
    rows = re.sub("<[^>]+>", " ", (hub / "ledger/index.en.html").read_text("utf-8"))
    assert re.search(r"recalls: data was taken out of use\s+1\s+1,240", rows)
    assert re.search(r"recalls: a recipient was told that data was wrong or withdrawn\s+2\s+24", rows)
    accord_here("ledger", "check", hub / "ledger", "--policy", hub / "ledger/policy")


def test_who_checks_the_address_of_a_hub_is_told_where_its_ledger_is(accord_here, hub: Path) -> None:
    with served(hub) as url:
        said = accord_here("ledger", "check", url, expect=4).stderr
        (there,) = re.findall(r"(http://\S+/ledger)$", said, re.MULTILINE)
        assert "3 entries, each verified" in accord_here("ledger", "check", there).stdout


def test_who_has_a_damaged_file_or_none_is_told_what_to_do(accord_here, hub: Path, tmp_path: Path) -> None:
    policy, cut = hub / "ledger/policy", tmp_path / "policy"
    cut.write_bytes(policy.read_bytes()[:20])
    said = accord_here("ledger", "check", hub / "ledger", "--policy", cut, expect=2).stderr
    assert str(cut) in said
    assert "to do: take it anew from whoever made it" in said
    missing = tmp_path / "nopolicy"
    said = accord_here("ledger", "check", hub / "ledger", "--policy", missing, expect=4).stderr
    assert f"The policy cannot be read.\n  where: {missing}\n  expected: lines that begin with `log`" in said
    assert "\n  got: No such file or directory\n  to do: check the path\n" in said


def test_the_hub_finds_which_data_set_a_nameless_one_of_the_page_is(
    accord_here, agreement_on, hub: Path, tmp_path: Path
) -> None:
    with (hub / "workspace.toml").open("a", encoding="utf-8") as file:
        file.write(DATASET + agreement_on("sinkhole"))
    accord_here("agreement", "apply", "--in", hub)
    file = tmp_path / "2026-10-01-event4_sinkhole-a.csv"
    file.write_text(f"{HEADER}\n{ROW}\n", "utf-8")
    accord_here("delivery", "add", "sinkhole", file, "--in", hub)
    accord_here("ledger", "publish", "--in", hub)
    name = json.loads(accord_here("dataset", "show", "sinkhole", "--json", "--in", hub).stdout)["in_ledger"]
    held = json.loads((hub / "ledger/figures.json").read_bytes())["years"][0]["held"]
    assert name in [one["dataset"] for one in held]
    code = name.removeprefix("data set ")
    for language, words in [("en", "data set "), ("fr", "jeu de donn\u00e9es "), ("de", "Datenbestand ")]:
        page = (hub / f"ledger/index.{language}.html").read_text("utf-8")
        assert f'{words}<code dir="ltr">{code}</code>' in page
