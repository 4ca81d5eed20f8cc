"""Agreements by their commands, on both databases: declared, shown, renewed, ended, and what was delivered."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.cli.released import SIGHTINGS

AGREEMENTS = """
[[partner]]
id = "vendor"
name = "A vendor"

[[dataset]]
id = "sinkhole"
title = "Machines that speak to the vendor's sinkhole"
partner = "vendor"
origin = "sinkhole"
legal_basis = "legitimate-interest"
marking = "amber"
grade = "b"
retention = "P1Y"
personal_data = true

[[agreement]]
id = "of-2014"
title = "Of 2014"
signatory = [{ party = "hub", name = "A. Director" }, { party = "vendor", name = "B. Chief" }]
signed = 2014-06-02
document = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
from = 2014-07-01
to = 2019-06-30
purposes = ["network-defence"]
in = ["sinkhole"]

[agreement.limits]
marking = "amber"

[[agreement.commitment]]
id = "analyst"
party = "vendor"
kind = "staff"
what = "An analyst at the hub"
amount = 60
"""


@pytest.fixture
def hub(accord_here, tmp_path: Path, database_url: str) -> Path:
    accord_here("init", tmp_path / "hub", "--database", database_url)
    return tmp_path / "hub"


@pytest.fixture
def agreements(tmp_path: Path) -> Path:
    file = tmp_path / "agreements.toml"
    file.write_text(AGREEMENTS, "utf-8")
    return file


@pytest.fixture
def recorded(accord_here, hub: Path, agreements: Path) -> Path:
    accord_here("agreement", "apply", agreements, "--in", hub)
    return hub


@pytest.fixture
def document(tmp_path: Path) -> Path:
    file = tmp_path / "signed.pdf"
    file.write_bytes(b"what was signed")
    return file


def asked(accord_here, hub: Path, *words: str | Path, expect: int = 0) -> object:
    return json.loads(accord_here(*words, "--in", hub, "--json", expect=expect).stdout)


def test_a_file_is_taken_over_once_and_a_change_is_shown_before_and_after(
    accord_here, hub: Path, agreements: Path
) -> None:
    said = accord_here("agreement", "apply", agreements, "--in", hub).stdout
    assert [line for line in said.splitlines() if not line.startswith(" ")] == [
        "new: partner vendor",
        "new: data set sinkhole",
        "new: agreement of-2014",
    ]
    assert accord_here("agreement", "apply", agreements, "--in", hub).stdout == "Nothing is new or changed.\n"
    agreements.write_text(AGREEMENTS.replace("amount = 60", "amount = 72.5").replace('"Of 2014"', '"Of old"'), "utf-8")
    looked = accord_here("agreement", "apply", agreements, "--in", hub, "--check")
    assert "checked only" in looked.stderr
    assert accord_here("agreement", "apply", agreements, "--in", hub).stdout == looked.stdout
    assert "changed: agreement of-2014\n  title: Of 2014 -> Of old\n" in looked.stdout
    assert asked(accord_here, hub, "agreement", "apply", agreements) == []
    shown = asked(accord_here, hub, "agreement", "show", "of-2014")
    assert [one["before"] and one["before"]["title"] for one in shown["history"]] == [None, "Of 2014"]
    assert shown["commitment"][0]["amount"] == 72.5


def test_a_file_with_a_mistake_changes_nothing(accord_here, hub: Path, agreements: Path) -> None:
    agreements.write_text(AGREEMENTS.replace('purposes = ["network-defence"]', 'purposes = ["network-defense"]'))
    said = accord_here("agreement", "apply", agreements, "--in", hub, expect=2).stderr
    assert "agreement[1] (of-2014).purposes" in said
    assert "did you mean 'network-defence'?" in said
    assert asked(accord_here, hub, "partner", "list") == []


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        ("signed = 2014-06-02", "signed = 2014-06-03", "signed"),
        ('document = "9f', 'document = "8f', "document"),
        ("from = 2014-07-01", "from = 2014-06-15", "from"),
    ],
)
def test_what_was_signed_does_not_change_and_everything_else_does(
    accord_here, recorded: Path, agreements: Path, before: str, after: str, key: str
) -> None:
    agreements.write_text(AGREEMENTS.replace(before, after).replace('"Of 2014"', '"Of old"'), "utf-8")
    for check in ((), ("--check",)):
        said = accord_here("agreement", "apply", agreements, "--in", recorded, *check, expect=2).stderr
        assert (
            "does not change once it is recorded: the ledger has it in entry 0; deliveries of its data sets: 0" in said
        )
        assert f"agreement of-2014: {key}" in said
        assert "`accord agreement renew`" in said
        assert "predecessor" in said
    # nothing of the file was taken over
    assert asked(accord_here, recorded, "agreement", "show", "of-2014")["title"] == "Of 2014"
    agreements.write_text(AGREEMENTS.replace("to = 2019-06-30", "to = 2019-12-31"), "utf-8")
    changed = accord_here("agreement", "apply", agreements, "--in", recorded).stdout
    assert "changed: agreement of-2014\n  to: 2019-06-30 -> 2019-12-31\n" in changed
    kinds = [one["kind"] for one in asked(accord_here, recorded, "ledger", "list")]
    assert kinds == ["agreement-signed", "agreement-changed"]


def test_partners_and_data_sets_are_taken_over_without_what_rests_on_them(
    accord_here, hub: Path, agreements: Path
) -> None:
    accord_here("partner", "apply", agreements, "--in", hub)
    assert asked(accord_here, hub, "dataset", "list") == []
    only = agreements.with_name("only.toml")
    only.write_text('[[partner]]\nid = "other"\nname = "Another"\n', "utf-8")
    said = accord_here("agreement", "apply", only, "--in", hub).stdout
    assert said.startswith("No agreement is declared there ([[agreement]]).\nnew: partner other\n")
    accord_here("dataset", "apply", agreements, "--in", hub)
    assert [one["id"] for one in asked(accord_here, hub, "dataset", "list")] == ["sinkhole"]
    assert asked(accord_here, hub, "agreement", "list") == []
    assert "None yet" in accord_here("agreement", "list", "--in", hub).stdout


def test_a_workspace_s_own_settings_are_taken_over_and_still_hold(accord_here, hub: Path) -> None:
    with (hub / "workspace.toml").open("a", encoding="utf-8") as file:
        file.write(AGREEMENTS.replace('origin = "sinkhole"', 'origin = "sinkhole"\nformat = "shadowserver"'))
    assert "new: agreement of-2014" in accord_here("agreement", "apply", "--in", hub).stdout
    assert accord_here("delivery", "list", "--in", hub, "--json").stdout == "[]\n"
    assert accord_here("snapshot", "make", "--in", hub).stdout


@pytest.mark.parametrize(
    ("wrong", "table", "said"),
    [
        ('format = "shadowsever"', "", "dataset[1] (sinkhole).format"),
        ('format = "stix"', "[serve]\nrequests_a_minute = 0\n", "serve.requests_a_minute"),
    ],
    ids=["format", "serve"],
)
def test_a_mistake_anywhere_in_the_settings_is_told_of_when_they_are_taken_over(
    accord_here, hub: Path, wrong: str, table: str, said: str
) -> None:
    with (hub / "workspace.toml").open("a", encoding="utf-8") as file:
        file.write(AGREEMENTS.replace('origin = "sinkhole"', f'origin = "sinkhole"\n{wrong}') + table)
    for words in (("agreement", "apply", "--check"), ("partner", "apply"), ("agreement", "apply")):
        assert said in accord_here(*words, "--in", hub, expect=2).stderr
    assert asked(accord_here, hub, "partner", "list") == []


@pytest.mark.parametrize(
    "table",
    [
        "[serve]\nrequests_a_minute = 6000\n",
        '[mail]\nhost = "mail.hub.example"\nfrom = "notify@hub.example"\ncertificate = "hub.pem"\nkey_file = "m.key"\n',
        '[[peer]]\nid = "feed"\npartner = "vendor"\ndataset = "sinkhole"\ncollection = "https://a.example/b/collections/c/"\n',
        '[ledger]\norigin = "hub.example/ledger"\n',
        '[[channel]]\nid = "all"\ntitle = "All"\npurpose = "network-defence"\n',
    ],
    ids=["serve", "mail", "peer", "ledger", "channel"],
)
def test_settings_with_any_documented_table_are_taken_over_by_every_command(accord_here, hub: Path, table: str) -> None:
    text = (hub / "workspace.toml").read_text("utf-8")
    declared = AGREEMENTS.replace('origin = "sinkhole"', 'origin = "sinkhole"\nformat = "stix"')
    (hub / "workspace.toml").write_text(f"{text}\n{declared}\n{table}", "utf-8")
    for noun in ("partner", "dataset", "agreement", "channel"):
        accord_here(noun, "apply", "--in", hub)
    accord_here("delivery", "list", "--in", hub)
    accord_here("migrate", "--in", hub)


def test_records_are_added_by_options_as_by_a_file(accord_here, hub: Path, document: Path, tmp_path: Path) -> None:
    accord_here("partner", "add", "vendor", "--name", "A vendor", "--in", hub)
    accord_here(
        *("dataset", "add", "sinkhole", "--title", "Machines", "--partner", "vendor", "--origin", "sinkhole"),
        *("--legal-basis", "contract", "--marking", "amber", "--grade", "b", "--retention", "P1Y", "--personal-data"),
        *("--share-with", "vendor", "--in", hub),
    )
    signed = (
        *("agreement", "add", "new", "--title", "New", "--signatory", "hub=A. Director, Executive director"),
        *("--signatory", "vendor=B. Chief", "--signed", "2026-09-01", "--document", document, "--from", "2026-09-01"),
        *("--purpose", "training", "--data-in", "sinkhole", "--marking", "amber"),
    )
    told = asked(accord_here, hub, *signed)
    assert told["document"] == hashlib.sha256(b"what was signed").hexdigest()
    assert told["signatory"][0] == {"party": "hub", "name": "A. Director", "capacity": "Executive director"}
    assert (told["to"], told["limits"]["onward_sharing"]) == (None, "forbidden")
    assert "already" in accord_here(*signed, "--in", hub, expect=2).stderr
    said = accord_here(*signed[:6], "B. Chief", *signed[7:], "--in", hub, expect=2).stderr
    assert "PARTY=NAME" in said
    gone = tuple(tmp_path / "none.pdf" if word == document else word for word in signed)
    assert "none.pdf" in accord_here(*gone, "--in", hub, expect=4).stderr
    wrong = tuple("2026-13-01" if word == "2026-09-01" else word for word in signed)
    said = accord_here(*(word if word != "new" else "other" for word in wrong), "--in", hub, expect=2).stderr
    assert "The option --signed is wrong.\n  where: --signed\n" in said
    assert "such as 2026-11-23" in said


def test_an_agreement_of_2014_is_renewed_and_keeps_its_history(accord_here, recorded: Path, document: Path) -> None:
    passes = ("agreement", "check", "sinkhole", "--in", recorded, "--at")
    assert "yes, under of-2014" in accord_here(*passes, "2019-06-30T23:59:59Z").stdout
    assert "it is expired on 2019-07-01 00:00 UTC" in accord_here(*passes, "2019-07-01", expect=1).stdout
    renewal = ("--signed", "2019-06-03", "--document", document, "--from", "2019-07-01", "--to", "2024-06-30")
    said = accord_here("agreement", "renew", "of-2014", *renewal, "--in", recorded).stdout
    assert "renewal: nothing -> " in said
    assert "yes, under of-2014" in accord_here(*passes, "2024-06-30T12:00:00Z").stdout
    again = accord_here("agreement", "renew", "of-2014", *renewal, "--in", recorded, expect=2).stderr
    assert "begins after 2024-06-30" in again
    # a day before the last one ends is one too early
    early = tuple("2024-06-30" if word == "2019-07-01" else word for word in renewal[:-1])
    said = accord_here("agreement", "renew", "of-2014", *early, "2029-06-30", "--in", recorded, expect=2).stderr
    assert "A term begins after the one before it has ended.\n  where: --from\n" in said
    shown = accord_here("agreement", "show", "of-2014", "--in", recorded).stdout
    assert "2014-07-01" in shown
    assert "What became of it" in shown
    (listed,) = asked(accord_here, recorded, "agreement", "list")
    assert (listed["from"], len(listed["renewal"]), listed["standing"]) == ("2014-07-01", 1, "expired")


def test_an_agreement_that_has_no_end_is_not_renewed_but_ended_and_followed(
    accord_here, recorded: Path, document: Path, tmp_path: Path
) -> None:
    renew = ("agreement", "renew", "of-2014", "--signed", "2019-06-03", "--document", document, "--in", recorded)
    accord_here(*renew, "--from", "2019-07-01")
    said = accord_here(*renew, "--from", "2026-01-01", "--to", "2030-01-01", expect=2).stderr
    assert "its last term has no end" in said
    assert "missing" not in said
    assert "`accord agreement end`" in said
    assert "`predecessor`" in said
    # as it says: it is ended, and another follows it
    declared = AGREEMENTS.partition("[[agreement]]")[0].replace("legal_basis", 'format = "shadowserver"\nlegal_basis')
    settings = recorded / "workspace.toml"
    settings.write_text(settings.read_text("utf-8") + declared, "utf-8")
    file = tmp_path / "2026-10-01-event4_sinkhole-th.csv"
    file.write_text(SIGHTINGS, "utf-8")
    accord_here("agreement", "end", "of-2014", "--why", "Other conditions", "--in", recorded)
    refused = accord_here("delivery", "add", "sinkhole", file, "--in", recorded, expect=8).stderr
    assert "with the one that was ended as its `predecessor`" in refused
    assert "renew" not in refused
    accord_here(
        *("agreement", "add", "next", "--title", "Next", "--predecessor", "of-2014", "--marking", "amber"),
        *("--signatory", "hub=A. Director", "--signatory", "vendor=B. Chief", "--signed", "2026-01-01"),
        *("--document", document, "--from", "2026-01-01", "--purpose", "network-defence", "--data-in", "sinkhole"),
        *("--in", recorded),
    )
    accord_here("delivery", "add", "sinkhole", file, "--in", recorded)


def test_options_are_named_where_they_are_wrong(accord_here, recorded: Path, document: Path) -> None:
    add = (
        *("agreement", "add", "next", "--title", "Next", "--signatory", "hub=A. Director", "--document", document),
        *("--signed", "2026-01-01", "--from", "2026-01-01", "--in", recorded),
    )
    right = ("--signatory", "vendor=B. Chief", "--purpose", "network-defence", "--marking", "amber")
    for words, option in (
        ((*right, "--data-in", "nothing"), "--data-in"),
        ((*right, "--data-out", "nothing"), "--data-out"),
        ((*right, "--to", "2025-01-01"), "--to"),
        ((*right[:-1], "pink"), "--marking"),
        ((*right[:2], "--purpose", "profit", *right[-2:]), "--purpose"),
        (right[2:], "--signatory"),
        ((*right[2:], "--signatory", "Nobody at all=B."), "--signatory"),
    ):
        said = accord_here(*add, *words, expect=2).stderr
        assert f"The option {option} is wrong.\n  where: {option}\n" in said, said
    said = accord_here(
        *("agreement", "end", "of-2014", "--why", "No more", "--at", "2010-01-01", "--in", recorded), expect=2
    ).stderr
    assert "The option --at is wrong.\n  where: --at\n  expected: a moment within its terms" in said


def test_a_renewal_of_what_the_settings_declare_says_what_to_add_to_them(
    accord_here, hub: Path, document: Path
) -> None:
    empty = accord_here("agreement", "apply", "--in", hub).stdout
    assert empty == "No agreement is declared there ([[agreement]]): nothing is changed.\n"
    settings = hub / "workspace.toml"
    declared = AGREEMENTS.replace('origin = "sinkhole"', 'origin = "sinkhole"\nformat = "stix"')
    settings.write_text(settings.read_text("utf-8") + declared, "utf-8")
    accord_here("agreement", "apply", "--in", hub)
    renewal = ("--signed", "2019-06-03", "--document", document, "--from", "2019-07-01", "--to", "2024-06-30")
    told = accord_here("agreement", "renew", "of-2014", *renewal, "--in", hub).stderr
    accord_here("agreement", "apply", "--in", hub, expect=2)
    _, _, pasted = told.partition("[[agreement.renewal]]\n")
    settings.write_text(settings.read_text("utf-8") + "[[agreement.renewal]]\n" + pasted, "utf-8")
    assert accord_here("agreement", "apply", "--in", hub).stdout == "Nothing is new or changed.\n"


def test_an_agreement_that_is_ended_early_lets_nothing_pass_from_then_on(accord_here, recorded: Path) -> None:
    passes = ("agreement", "check", "sinkhole", "--in", recorded, "--at")
    end = ("agreement", "end", "of-2014", "--in", recorded, "--why", "Notice of 1 March", "--at")
    assert "within its terms" in accord_here(*end, "2013-01-01", expect=2).stderr
    accord_here(*end, "2016-06-01T12:00:00Z")
    assert "yes" in accord_here(*passes, "2016-06-01T11:59:59Z").stdout
    assert "ended early" in accord_here(*passes, "2016-06-01T12:00:00Z", expect=1).stdout
    again = accord_here(*end, "2015-01-01", expect=2).stderr
    assert "Notice of 1 March" in again
    assert "predecessor" in again


def test_what_is_not_in_force_is_noted_when_it_is_taken_over_unless_another_one_followed(
    accord_here, hub: Path, agreements: Path
) -> None:
    def noted(text: str, *words: str) -> list[str]:
        agreements.write_text(text, "utf-8")
        said = accord_here("agreement", "apply", agreements, "--in", hub, *words).stderr
        return [line for line in said.splitlines() if line.startswith("note: agreement")]

    later = AGREEMENTS.replace("from = 2014-07-01\nto = 2019-06-30", "from = 2099-02-01")
    not_yet = ["note: agreement of-2014 is not in force yet: from 2099-02-01"]
    assert noted(later, "--check") == not_yet
    over = ["note: agreement of-2014 is not in force any more: its last term ended on 2019-06-30"]
    assert noted(AGREEMENTS) == over
    # also when nothing is new
    assert noted(AGREEMENTS) == over
    declared, _, _ = AGREEMENTS.partition("[[agreement.commitment]]")
    following = declared[declared.index("[[agreement]]") :].replace('"of-2014"', '"of-2019"\npredecessor = "of-2014"')
    following = following.replace("from = 2014-07-01\nto = 2019-06-30", "from = 2019-07-01")
    assert noted(AGREEMENTS + following) == []


def test_what_was_delivered_is_held_against_what_was_promised(accord_here, recorded: Path) -> None:
    deliver = ("agreement", "deliver", "of-2014", "analyst", "--in", recorded)
    assert "1.5 of 60 staff months" in accord_here(*deliver, "--amount", "1.5", "--on", "2014-09-30").stdout
    accord_here(*deliver, "--amount", "60", "--on", "2019-06-30", "--note", "the rest")
    accord_here(*deliver, "--amount=-61.5", "--on", "2019-06-30", "--note", "was another agreement's")
    for amount in ("-0.01", "0", "many", "1e400", "0.001"):
        accord_here(*deliver, f"--amount={amount}", expect=2)
    assert "a day that has come" in accord_here(*deliver, "--amount", "1", "--on", "2099-01-01", expect=2).stderr
    other = ("agreement", "deliver", "of-2014", "course", "--amount", "1", "--in", recorded)
    assert "one of analyst" in accord_here(*other, expect=2).stderr
    accord_here(*deliver, "--amount", "12.25", "--on", "2015-01-01")
    (row,) = asked(accord_here, recorded, "agreement", "report")
    assert (row["promised"], row["delivered"], row["last"], row["state"]) == (60, 12.25, "2019-06-30", "not met")
    table = accord_here("agreement", "report", "of-2014", "--in", recorded).stdout
    assert "of-2014: Of 2014" in table
    assert max(map(len, table.splitlines())) <= 80
    shown = asked(accord_here, recorded, "agreement", "show", "of-2014")
    assert [one["amount"] for one in shown["delivered"]] == [1.5, 60, -61.5, 12.25]


PROMISES = """
[[agreement.commitment]]
id = "deliveries"
party = "vendor"
kind = "data"
what = "A delivery a month"
amount = 3
dataset = "sinkhole"

[[agreement.commitment]]
id = "of-ours"
party = "hub"
kind = "data"
what = "What the hub gives"
amount = 2
dataset = "sinkhole"

[[agreement.commitment]]
id = "course"
party = "hub"
kind = "training"
what = "Courses"
amount = 8

[[agreement.commitment]]
id = "server"
party = "vendor"
kind = "technology"
what = "Servers"
amount = 1
"""
OTHER = """
[[dataset]]
id = "sinkhole_2"
title = "Another one"
partner = "vendor"
origin = "sinkhole"
legal_basis = "legitimate-interest"
marking = "amber"
grade = "b"
retention = "P1Y"
personal_data = true
"""


def test_deliveries_count_against_what_was_promised_by_themselves_and_all_else_as_it_is_recorded(
    accord_here, hub: Path, tmp_path: Path
) -> None:
    run_out = AGREEMENTS[AGREEMENTS.index("[[agreement]]") :] + PROMISES
    current = run_out.replace('"of-2014"', '"of-2026"').replace("to = 2019-06-30\n", "")
    current = current.replace('in = ["sinkhole"]', 'in = ["sinkhole", "sinkhole_2"]')
    parts = AGREEMENTS[: AGREEMENTS.index("[[agreement]]")] + OTHER + run_out + current
    with (hub / "workspace.toml").open("a", encoding="utf-8") as settings:
        settings.write(parts.replace("personal_data = true\n", 'personal_data = true\nformat = "shadowserver"\n'))
    accord_here("agreement", "apply", "--in", hub)

    def delivered(agreement: str) -> dict[str, tuple[object, ...]]:
        rows = asked(accord_here, hub, "agreement", "report", agreement)
        return {row["commitment"]: (row["delivered"], row["taken_in"], row["state"]) for row in rows}

    nothing = ("analyst", "deliveries", "of-ours", "course", "server")
    assert delivered("of-2026") == dict.fromkeys(nothing, (0, 0, "open"))
    for number, dataset in enumerate(("sinkhole", "sinkhole", "sinkhole_2"), start=1):
        file = tmp_path / f"2026-10-0{number}-event4_sinkhole-th.csv"
        file.write_text(SIGHTINGS.replace("110.164.10.", f"110.164.1{number}."), "utf-8")
        accord_here("delivery", "add", dataset, file, "--in", hub)
    # the same bytes again are no further delivery
    accord_here("delivery", "add", "sinkhole", tmp_path / "2026-10-01-event4_sinkhole-th.csv", "--in", hub)
    counted = delivered("of-2026")
    assert counted == dict.fromkeys(nothing, (0, 0, "open")) | {"deliveries": (2, 2, "open")}
    # those of now are not within the term of an agreement that has run out
    assert delivered("of-2014") == dict.fromkeys(nothing, (0, 0, "not met"))
    for name, amount in (("analyst", "1.5"), ("course", "8"), ("server", "1"), ("of-ours", "1")):
        accord_here("agreement", "deliver", "of-2026", name, "--amount", amount, "--in", hub)
    by_hand = ("agreement", "deliver", "of-2026", "deliveries", "--in", hub, "--amount")
    assert "3 of 3 deliveries delivered." in accord_here(*by_hand, "1", "--note", "by courier").stdout
    assert delivered("of-2026") == {
        "analyst": (1.5, 0, "open"),
        "deliveries": (3, 2, "met"),
        "of-ours": (1, 0, "open"),
        "course": (8, 0, "met"),
        "server": (1, 0, "met"),
    }
    # one that should not count is taken back by hand, and no more than there were
    assert "0 of 3" in accord_here(*by_hand[:-1], "--amount=-3", "--note", "of another agreement").stdout
    assert "at most 0" in accord_here(*by_hand[:-1], "--amount=-1", expect=2).stderr
    assert delivered("of-2026")["deliveries"] == (0, 2, "open")


def test_no_title_note_or_reason_is_without_an_end(accord_here, recorded: Path, agreements: Path) -> None:
    text = agreements.read_text("utf-8")
    agreements.write_text(text.replace('"A vendor"', f'"{"A" * 201}"'), "utf-8")
    said = accord_here("partner", "apply", agreements, "--in", recorded, expect=2).stderr
    assert "partner[1] (vendor).name\n  expected: at most 200 characters\n  got: 201\n" in said
    note = ("agreement", "deliver", "of-2014", "analyst", "--amount", "1", "--in", recorded, "--note")
    said = accord_here(*note, "a " * 1001, expect=2).stderr
    assert "where: --note\n  expected: at most 2,000 characters\n  got: 2002\n" in said
    why = ("agreement", "end", "of-2014", "--in", recorded, "--why")
    said = accord_here(*why, "a " * 600, expect=2).stderr
    assert "where: --why\n  expected: at most 1,000 characters\n  got: 1,200\n" in said
    said = accord_here("lookup", "192.0.2.1", "--in", recorded, "--why", "a " * 600, expect=2).stderr
    assert "at most 1,000 characters" in said


def test_names_of_nothing_and_words_that_are_no_text_are_refused_in_words(accord_here, recorded: Path) -> None:
    for noun in ("partner", "dataset", "agreement"):
        assert "one of " in accord_here(noun, "show", "nothing", "--in", recorded, expect=2).stderr
    check = ("agreement", "check", "sinkhole", "--in", recorded)
    assert "one of in, out" in accord_here(*check, "--direction", "up", expect=2).stderr
    assert "victim-notification" in accord_here(*check, "--purpose", "profit", expect=2).stderr
    assert "2026-11-23" in accord_here(*check, "--at", "soon", expect=2).stderr
    assert "direction 'out'" in accord_here(*check, "--direction", "out", expect=1).stdout
    hostile = b"\xff\xfe".decode("utf-8", "surrogateescape")
    said = accord_here("partner", "add", "other", "--name", hostile, "--in", recorded, expect=2).stderr
    assert "UTF-8" in said
    accord_here("partner", "add", "other", "--name", "'; DROP TABLE partners; --\u202e", "--in", recorded)
    listed = accord_here("partner", "list", "--in", recorded).stdout
    assert "DROP TABLE" in listed
    assert "\u202e" not in listed


# a server's database does not go away by itself: tests/workspace/test_database.py
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_workspace_without_its_database_says_how_to_make_it(accord_here, hub: Path) -> None:
    (hub / "accord.db").unlink()
    for words in (("partner", "list"), ("dataset", "list"), ("agreement", "report"), ("agreement", "apply")):
        assert f"accord migrate --in {hub}" in accord_here(*words, "--in", hub, expect=4).stderr
