"""Reasons go to recipients, or stand in logs that are never changed: no value stands in them, however spelled."""

import json
from pathlib import Path

import pytest

from accord.cli import places
from accord.cli.acting import acting
from accord.cli.reasons import demand_no_value
from accord.vocabulary.errors import SettingsError
from tests.cli.rights import made_hub, rows_of, sha256, sinkhole

HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    "text",
    [
        "45.1.1.4 was never infected",
        "The owner of 45.1.1[.]4 has written to us.",
        "owner of 45(.)1(.)1(.)4",
        "seen at 45.1.1.4:8080",
        "IP:45.1.1.4, asked twice",
        "address=45.1.1.4",
        "45.1.1.0/24 is the partner's own network",
        "45.1.1.4-45.1.1.9 are scanners",
        "a machine at 10.0.0.5 in their office",
        "203.0.113.7",
        "2a00:1450:4001:81b::200e is not theirs",
        "see [2a00:1450:4001:81b::200e]:443",
        "::ffff:45.1.1.4",
        "some.body@mail.in.th asked",
        "mailto:some.body@mail.in.th",
        "some.body[at]mail[.]in[.]th asked",
        "<some.body@mail.in.th>",
        "Shop.example.com belongs to a partner",
        "shop[.]intern",
        "https://shop.intern/login was cleaned",
        "hxxp://shop[.]example/login",
        "münchen.de is clean",
        f"the file {HASH}",
        f"the file {HASH[:32].upper()}",
        "AS13335 answered",
        "\uff14\uff15.1.1.4",
        "45\u30021\u30021\u30024",
        "see \u2192110.164.10.1",
        "\u00a7110.164.10.1",
        "~110.164.10.1",
        "110.164.10.1\u2192110.164.10.9",
        "110.164.10.1\u00b0",
        "110\u2024164\u202410\u20241",
        "110.16\u200b4.10.1",
        "evil.com~",
        "evil.com%20",
        "$evil.com",
        "@evil.com",
        "all that is evil.com-related",
        "evil (dot) com",
        "somebody [at] evil.com",
        "2a00:1450:4001:81b::200e%eth0",
    ],
)
def test_what_reads_as_a_value_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(SettingsError, match="must not hold the value") as refused:
        demand_no_value(text, "--why")
    assert refused.value.where == "--why"
    assert "without" in (refused.value.remedy or "")


@pytest.mark.parametrize(
    "text",
    [
        "The clock was wrong.",
        "Case 2026/114, by order of 27.11.2026, 10:30",
        "Art. 25(1), i.e. e.g. a.m.",
        "Delivered twice: 60303ae22b99 and 9f86d081884c.",
        "request no. 4.5 of version 2.1",
        "A court asked (file 12 O 114/26); the vendor withdrew its report.pdf",
        "and/or; R&D; 50 %; C++; TLP:AMBER",
        "Le 1er mars, à la demande du propriétaire.",
        "\u0628\u0637\u0644\u0628 \u0645\u0646 \u0627\u0644\u0645\u0627\u0644\u0643.",
    ],
)
def test_words_are_no_values(text: str) -> None:
    demand_no_value(text, "--why")


def test_a_reason_without_an_end_is_refused_and_what_names_stand_for_is_read_once(monkeypatch) -> None:
    demand_no_value("Case of Art.6 " + "word " * 190, "--why")
    with pytest.raises(SettingsError, match="too long"):
        demand_no_value("word " * 201, "--why")
    asked: list[int] = []
    loaded = places.reference_in_use
    monkeypatch.setattr(places, "reference_in_use", lambda: asked.append(1) or loaded())
    demand_no_value("Case of Art.6 " + "word " * 190, "--why")
    assert len(asked) == 1


def test_no_reason_of_a_recall_or_an_end_brings_a_value_into_ledger_notice_or_log(
    accord_here, tmp_path: Path, database_url: str
) -> None:
    hub = made_hub(accord_here, tmp_path, database_url)
    file = sinkhole(tmp_path / "2026-10-01-event4_sinkhole-a.csv", ["45.1.1.4"])
    accord_here("delivery", "add", "sinkhole", file, "--in", hub)
    recall = ("recall", "make", "--dataset", "sinkhole", "--delivery", sha256(file)[:12], "--kind", "withdrawn")
    said = "45.1.1[.]4 was never infected"
    for words in (
        (*recall, "--why", said),
        ("subject", "correct", "45.1.1.44", "--why", said, "--right", "A scanner."),
        ("subject", "correct", "45.1.1.44", "--why", "wrong", "--right", said),
        ("subject", "find", "45.1.1.44", "--why", said),
        ("lookup", "45.1.1.44", "--why", said),
        ("agreement", "end", "vendor-2026", "--why", said),
        ("delivery", "show", sha256(file)[:12], "--why", said),
    ):
        assert "must not hold the value" in accord_here(*words, "--in", hub, expect=2).stderr, words
    assert not any(b"45.1.1[.]4" in row for _, row in rows_of(hub))
    assert json.loads(accord_here("recall", "list", "--json", "--in", hub).stdout) == []
    accord_here(*recall, "--why", "Never infected.", "--in", hub)


def test_no_title_that_everybody_will_read_holds_a_value(accord_here, tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    accord_here("init", hub)
    file = tmp_path / "register.toml"

    def applied(title: str, *, named: bool, expect: int = 0) -> str:
        file.write_text(
            '[[partner]]\nid = "vendor"\nname = "A vendor"\n[[dataset]]\nid = "sinkhole"\n'
            f'title = "{title}"\npartner = "vendor"\nformat = "plain"\norigin = "sinkhole"\nmarking = "amber"\n'
            'legal_basis = "legitimate-interest"\ngrade = "b"\nretention = "P1Y"\n'
            f"personal_data = true\nname_partner = {str(named).lower()}\n",
            "utf-8",
        )
        return accord_here("dataset", "apply", file, "--in", hub, expect=expect).stderr

    for title in ("Server 110.164.10.1", "Of jane@mail.in.th", "Seen at https://shop.example.com/x", f"File {HASH}"):
        assert "must not hold a value" in applied(title, named=True, expect=2)
    # the name of who collects is a name on the net
    applied("Feed of abuse.ch", named=True)
    # what the public reads by a name that tells nothing may say more, until the partner may be named
    applied("Server 110.164.10.1", named=False)
    assert "must not hold a value" in applied("Server 110.164.10.1", named=True, expect=2)


def test_the_log_of_consultations_takes_no_value_as_a_reason() -> None:
    assert acting("j.tan", "case 4711").justification == "case 4711"
    with pytest.raises(SettingsError, match="must not hold the value"):
        acting("j.tan", "about 45.1.1.4")
