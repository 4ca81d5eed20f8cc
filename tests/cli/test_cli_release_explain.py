"""`accord release explain` says what every rule says of each policy class of the evidence behind a value."""

import json
import re
from pathlib import Path

import pytest

PARTIES = """
[[partner]]
id = "vendor"
name = "A vendor"
country = "JP"

[[partner]]
id = "csirt"
name = "A CSIRT"
kind = "csirt"
country = "AT"
"""
DATASET = """
[[dataset]]
id = "{name}"
title = "{name}"
partner = "vendor"
format = "shadowserver"
origin = "sinkhole"
legal_basis = "legitimate-interest"
marking = "{marking}"
grade = "b"
retention = "P1Y"
personal_data = false
share_with = ["csirt"]
"""
HEADER = "timestamp,protocol,src_ip,src_port,src_asn,dst_ip,dst_port,infection,family,tag"


@pytest.fixture
def hub(tmp_path: Path, accord_here, agreement_on) -> Path:
    """Two data sets say the same of one machine, one of them red."""
    hub = tmp_path / "hub"
    accord_here("init", hub)
    settings = hub / "workspace.toml"
    text = settings.read_text("utf-8").replace('key_file = "hub.key"', 'country = "AT"\nkey_file = "hub.key"', 1)
    datasets = DATASET.format(name="plain", marking="green") + DATASET.format(name="secret", marking="red")
    out = agreement_on(partners=("csirt",), id="handed", out=["plain", "secret"])
    onward = 'limits = { marking = "red", onward_sharing = "with-consent" }'
    came = agreement_on("plain", "secret").replace('limits = { marking = "red" }', onward)
    settings.write_text(text + PARTIES + datasets + came + out, "utf-8")
    accord_here("agreement", "apply", "--in", hub)
    for name in ("plain", "secret"):
        file = hub.parent / f"2026-10-01-event4_sinkhole-{name}.csv"
        file.write_text(f"{HEADER}\n2026-10-01 10:00:37,tcp,45.1.1.7,4000,1,8.8.4.4,80,Gamut,,\n", "utf-8")
        accord_here("delivery", "add", name, file, "--in", hub)
    accord_here("snapshot", "make", "--in", hub)
    return hub


WORDS = ("release", "explain", "45.1.1[.]7", "--to", "csirt", "--purpose", "victim-notification")


def test_each_class_of_evidence_behind_a_value_is_judged_by_every_rule(accord_here, hub: Path) -> None:
    told = json.loads(accord_here(*WORDS, "--json", "--in", hub).stdout)
    assert (told["to"], told["purpose"], told["permitted"]) == ("csirt", "victim-notification", True)
    plain, secret = told["classes"]
    assert (plain["dataset"], plain["marking"], plain["permitted"]) == ("plain", "green", True)
    assert plain["agreements"] == ["agreed", "handed"]
    # an infected machine is personal data, whatever its data set says
    assert (plain["personal"], plain["in_review"], plain["came_in"]) == (True, False, ["agreed"])
    assert plain["findings"] == ["45.1.1.7 (ipv4): infected-system"]
    assert [[one["rule"] for one in each["rules"]] for each in (plain, secret)] == [list(range(1, 15))] * 2
    assert [(one["rule"], one["reason"]) for one in secret["rules"] if not one["permitted"]] == [
        (1, "TLP:RED reaches named persons only, and A CSIRT named none")
    ]
    assert (secret["permitted"], secret["agreements"]) == (False, [])


def test_it_is_told_in_words_with_the_result(accord_here, hub: Path) -> None:
    said = accord_here(*WORDS, "--in", hub).stdout
    # every rule speaks, of each class, whether it is refused or not
    assert re.findall(r"^ *(\d+)  (?:yes|NO)", said, re.MULTILINE) == [*map(str, range(1, 15))] * 2
    assert "refused by rule 1\n" in said
    assert "permitted, under agreed, handed\n" in said
    assert said.endswith("Result: A CSIRT gets 1 of 2 parts of it, and is told nothing of the others.\n")
    named = accord_here(*WORDS, "--named", "A. Officer", "--in", hub).stdout
    assert named.endswith("Result: A CSIRT gets it.\n")


def test_nothing_that_may_leave_ends_with_one(accord_here, hub: Path) -> None:
    without = accord_here("release", "explain", "secret", "--to", "csirt", "--in", hub, expect=1).stdout
    assert "no purpose is stated" in without
    assert without.endswith("Result: A CSIRT gets nothing of it.\n")
    unknown = accord_here("release", "explain", "198.41.0.4", "--to", "csirt", "--in", hub, expect=1).stdout
    assert "Nothing is known of it here" in unknown
    early = json.loads(accord_here(*WORDS, "--at", "2013-12-31T23:59:59Z", "--json", "--in", hub, expect=1).stdout)
    reasons = [one["reason"] for one in early["classes"][0]["rules"] if not one["permitted"]]
    assert reasons == ["it came in under agreed, which is not yet in force on 2013-12-31 23:59 UTC"]


def test_an_operation_s_embargo_and_its_persons_count(accord_here, hub: Path, tmp_path: Path) -> None:
    file = tmp_path / "operation.toml"
    text = (
        '[operation]\nname = "night"\ntitle = "Night"\nas_of = 2026-11-01\ncountries = ["AT"]\n'
        'embargo = 2099-01-01\npurpose = "victim-notification"\n'
    )
    file.write_text(text, "utf-8")
    words = ("release", "explain", "45.1.1.7", "--to", "csirt", "--json", "--operation", file, "--in", hub)
    told = json.loads(accord_here(*words, expect=1).stdout)
    refused = [{one["rule"] for one in each["rules"] if not one["permitted"]} for each in told["classes"]]
    assert refused == [{13}, {1, 13}]
    file.write_text(text + '[[recipient]]\npartner = "csirt"\ncountry = "AT"\npersons = ["A. Officer"]\n', "utf-8")
    assert [one["permitted"] for one in json.loads(accord_here(*words).stdout)["classes"]] == [True, True]


def test_all_who_get_a_country_s_reports_must_be_allowed_them_as_in_the_release(
    accord_here, hub: Path, tmp_path: Path
) -> None:
    file = tmp_path / "operation.toml"
    text = (
        '[operation]\nname = "night"\ntitle = "Night"\nas_of = 2026-11-01\ncountries = ["US"]\n'
        'purpose = "victim-notification"\n'
        '[[recipient]]\npartner = "csirt"\ncountry = "US"\npersons = ["A. Officer"]\nencrypted = true\n'
    )
    words = ("release", "explain", "plain", "--to", "csirt", "--operation", file, "--in", hub)
    file.write_text(text, "utf-8")
    assert accord_here(*words).stdout.endswith("Result: A CSIRT gets it.\n")
    accord_here("operation", "run", file, "--in", hub, "--out", tmp_path / "out")
    assert any("45.1.1.7" in one.read_text("utf-8") for one in (tmp_path / "out").rglob("findings.csv"))
    # the vendor has no agreement by which it gets anything, and its own data is not shared with it
    file.write_text(text + '[[recipient]]\npartner = "vendor"\ncountry = "US"\nencrypted = true\n', "utf-8")
    told = json.loads(accord_here(*words, "--json", expect=1).stdout)
    refused = {one["rule"]: one["reason"] for one in told["classes"][0]["rules"] if not one["permitted"]}
    assert refused[2].endswith("the data set is not shared with A vendor")
    assert not any("A CSIRT" in reason for reason in refused.values())
    # so do the reports, which a release hands over
    accord_here("operation", "run", file, "--in", hub, "--out", tmp_path / "out")
    assert [one for one in (tmp_path / "out").rglob("findings.csv") if "45.1.1.7" in one.read_text("utf-8")] == []


def test_who_asks_for_a_value_is_logged_without_it(accord_here, hub: Path) -> None:
    accord_here(*WORDS, "--person", "a.lawyer", "--why", "case 12", "--in", hub)
    listed = json.loads(accord_here("consultation", "list", "--json", "--by", "a.lawyer", "--in", hub).stdout)
    assert [(one["processing"], one["justification"]) for one in listed] == [("consultation", "case 12")]
    assert "45.1.1.7" not in json.dumps(listed)


def test_words_that_name_nothing_are_refused(accord_here, hub: Path) -> None:
    assert "no such partner" in accord_here(*WORDS[:4], "nobody", "--in", hub, expect=2).stderr
    neither = accord_here("release", "explain", "no such", "--to", "csirt", "--in", hub, expect=2).stderr
    assert "neither a data set nor an indicator" in neither
    words = ("198.51.100.1", "--to", "csirt", "--in", hub)
    assert "not routable" in accord_here("release", "explain", *words, expect=2).stderr
    name = "7e57d004-2b97-4e7a-b45f-5387367791cd"
    assert "no such disclosure" in accord_here("release", "explain", name, *words[1:], expect=4).stderr
    nothing = accord_here("release", "explain", f"indicator--{name}", *words[1:], expect=2).stderr
    assert "No channel has such an object" in nothing
    assert "no such purpose" in accord_here(*WORDS[:6], "fun", "--in", hub, expect=2).stderr
    assert "--at" in accord_here(*WORDS, "--at", "soon", "--in", hub, expect=2).stderr


def test_under_what_a_delivery_came_in_is_what_was_written_down_then(accord_here, hub: Path, agreement_on) -> None:
    later = hub.parent / "later.toml"
    later.write_text(agreement_on("plain", id="recorded-later"), "utf-8")
    accord_here("agreement", "apply", later, "--in", hub)

    def came_in(code: int = 0) -> list[str]:
        told = json.loads(accord_here(*WORDS, "--json", "--in", hub, expect=code).stdout)["classes"]
        return next(one["came_in"] for one in told if one["dataset"] == "plain")

    assert came_in() == ["agreed"]
    (account,) = hub.glob("deliveries/dataset=plain/*/account.json")
    said = json.loads(account.read_text("utf-8"))
    assert said.pop("agreements") == ["agreed"]
    assert said["purposes"] == ["prevention", "investigation", "victim-notification", "network-defence", "training",
                                "research"]  # fmt: skip
    # as an older Accord left it
    account.write_text(json.dumps(said), "utf-8")
    # and what was recorded later forbids handing it on
    assert came_in(code=1) == ["agreed", "recorded-later"]
