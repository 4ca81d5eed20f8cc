"""Network owners are told what was seen in their own networks, encrypted to them, and nothing else."""

import csv
import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from accord.ledger.notes import parse_signing_key
from tests.cli.released import AGREEMENT
from tests.cli.test_cli_hand_over import quorum
from tests.cli.test_cli_notification import send, set_mail, text_in, token_in
from tests.cli.test_cli_release import Accord, Hub, furnished, witness_down
from tests.simulators.mail_server import mail_server, make_keys, opened_by_openssl
from tests.simulators.witness import Witness, served

OWNER = """
[[partner]]
id = "isp"
name = "The provider"
kind = "network-owner"
country = "TH"
networks = {networks}
{keys}
"""
RECIPIENT = """
[[recipient]]
partner = "isp"
encrypted = true
"""
OTHERS = """timestamp,protocol,src_ip,src_port,src_asn,dst_ip,dst_port,infection,family,tag
2026-10-02 08:00:00,tcp,171.96.0.7,5000,7470,192.0.2.1,80,gamut,,
2026-10-03 08:00:00,tcp,171.96.0.8,5001,7470,192.0.2.1,80,necurs,,
"""
"""In another network of the same country."""
MORE_SPECIFIC = """timestamp,protocol,src_ip,src_port,src_asn,dst_ip,dst_port,infection,family,tag
2026-10-02 23:59:59,tcp,58.97.8.7,5000,7470,192.0.2.1,80,gamut,,
2026-10-03 00:00:00,tcp,58.97.10.7,65535,7470,192.0.2.1,80,gamut,,
2026-10-03 00:00:00,tcp,58.97.9.7,5001,7470,192.0.2.1,80,gamut,,
"""
MORE_SPECIFIC_6 = """timestamp,protocol,src_ip,src_port,src_asn,dst_ip,dst_port,infection,family,tag
2026-10-02 12:00:00,tcp,2403:5400:1810:0:0:0:0:7,1,7470,2001:db8::1,80,gamut,,
2026-10-02 12:00:01,tcp,2403:5400:180f::7,2,7470,2001:db8::1,80,gamut,,
"""
OF_AS7470 = {
    ("58.97.8.7", "2026-10-02T23:59:59Z", "5000"),
    ("58.97.10.7", "2026-10-03T00:00:00Z", "65535"),
    ("2403:5400:1810::7", "2026-10-02T12:00:00Z", "1"),
}
OF_ANOTHER = {("58.97.9.7", "2026-10-03T00:00:00Z", "5001"), ("2403:5400:180f::7", "2026-10-02T12:00:01Z", "2")}
"""What deliveries say of the AS is the partner's word; whose network it is, is asked of the hub's range data."""


def keyed(hub: Hub, networks: str = '["110.164.10.0/24"]') -> str:
    """The table of a network owner with keys of its own."""
    keys = hub.folder.parent / "owner-keys"
    lines = hub("package", "keys", "--name", "isp.example", "--out", keys) if not keys.exists() else None
    if lines is None:
        lines = (hub.folder.parent / "owner-keys.txt").read_text("utf-8")
    (hub.folder.parent / "owner-keys.txt").write_text(lines, "utf-8")
    return OWNER.format(networks=networks, keys=lines)


def declare(hub: Hub, networks: str = '["110.164.10.0/24"]', *, code: int = 0) -> str:
    """Let the hub have a network owner with an agreement."""
    settings = hub.folder / "workspace.toml"
    text = settings.read_text("utf-8").replace('share_with = ["csirt-th"', 'share_with = ["isp", "csirt-th"')
    text = text.partition("\n# owner\n")[0] + "\n# owner\n" + keyed(hub, networks)
    text += AGREEMENT.format(id="isp-2026", party="isp", direction="out", pap="green", digit=4)
    settings.write_text(text, "utf-8")
    return hub("agreement", "apply", "--in", hub.folder, code=code)


@pytest.fixture
def hub(accord_here: Accord, tmp_path: Path) -> Hub:
    one = furnished(accord_here, tmp_path)
    declare(one)
    return one


def make(hub: Hub, name: str = "october-2026", more: str = RECIPIENT, **how: int) -> str:
    return hub(
        "release", "make", hub.operation(name) if not more else owned(hub, name, more), "--in", hub.folder, **how
    )


def owned(hub: Hub, name: str, more: str) -> Path:
    file = hub.operation(name)
    file.write_text(file.read_text("utf-8") + more, "utf-8")
    return file


def opened(hub: Hub, recipient: str, out: Path) -> Path:
    """The content of the newest package of a recipient, opened with its own keys."""
    one = [one for one in hub.releases() if one["recipient"] == recipient][-1]
    place = hub.folder / "releases" / one["id"]
    keys = hub.folder.parent / "owner-keys" if recipient == "isp" else hub.keys
    hub("package", "open", place / "package", place / "handover", "--keys", keys,
        "--policy", hub.folder / "ledger/policy", "--out", out)  # fmt: skip
    return out / "content"


def add(hub: Hub, rows: str) -> None:
    file = hub.folder.parent / "2026-10-03-event4_sinkhole-th.csv"
    file.write_text(rows, "utf-8")
    hub("delivery", "add", "sinkhole", file, "--in", hub.folder)


def told_of(content: Path, name: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO((content / name).read_text("utf-8"))))


def test_a_network_owner_gets_its_own_sightings_with_times_and_source_ports(hub: Hub, tmp_path: Path) -> None:
    add(hub, OTHERS)
    said = make(hub)
    assert re.search(r"csirt-th \(TH\) +4 +TLP:AMBER", said)
    assert re.search(r"isp \(TH\) +2 +TLP:AMBER", said)
    content = opened(hub, "isp", tmp_path / "opened")
    assert {path.relative_to(content).as_posix() for path in content.rglob("*") if path.is_file()} == {
        "findings.csv", "outcomes.csv", "by-network/AS45758.csv", "bundle.json", "xarf.jsonl", "intelmq.jsonl",
        "columns.en.html",
    }  # fmt: skip
    rows = told_of(content, "by-network/AS45758.csv")
    assert {(one["value"], one["seen_at"], one["source_port"]) for one in rows} == {
        ("110.164.10.1", "2026-10-01T10:00:37Z", "4000"),
        ("110.164.10.1", "2026-10-01T11:12:01Z", "4021"),
        ("110.164.10.9", "2026-10-01T11:15:40Z", "4021"),
    }
    reports = [json.loads(line) for line in (content / "xarf.jsonl").read_text("utf-8").splitlines()]
    assert {one["source_identifier"] for one in reports} == {"110.164.10.1", "110.164.10.9"}
    for path in content.rglob("*"):
        assert path.is_dir() or b"171.96.0" not in path.read_bytes()
    # a release like any other: its entry, a receipt, the log, and books that agree with the ledger
    (one,) = [one for one in hub.releases() if one["recipient"] == "isp"]
    hub("release", "receipt", tmp_path / "opened/receipt", "--in", hub.folder)
    entries = json.loads(hub("ledger", "list", "--json", "--in", hub.folder))
    assert {each["kind"] for each in entries if each.get("partner") == "isp"} >= {"disclosure", "receipt"}
    logged = json.loads(hub("consultation", "list", "--json", "--in", hub.folder))
    assert [each["recipients"] for each in logged if each["object"] == f"disclosure {one['id']}"] == [["isp"]]
    hub("ledger", "audit", "--in", hub.folder)


def test_an_owner_reads_with_age_alone_when_and_from_which_ports_and_nothing_of_more_specific_networks_of_others(
    hub: Hub, tmp_path: Path
) -> None:
    if shutil.which("age") is None:
        pytest.skip("needs age: what network owners may open packages with instead of Accord")
    declare(hub, '["AS7470"]')
    other = tmp_path / "other-keys"
    lines = hub("package", "keys", "--name", "another.example", "--out", other)
    settings = hub.folder / "workspace.toml"
    # by the range data one of its networks lies in the middle of one of AS7470, and one of AS7470 in another of its own
    more = OWNER.format(networks='["AS38450", "AS45173"]', keys=lines).replace('"isp"', '"another"')
    more += AGREEMENT.format(id="another-2026", party="another", direction="out", pap="green", digit=5)
    text = settings.read_text("utf-8").replace('share_with = ["isp"', 'share_with = ["isp", "another"')
    settings.write_text(text + more, "utf-8")
    hub("agreement", "apply", "--in", hub.folder)
    add(hub, MORE_SPECIFIC)
    twin = tmp_path / "2026-10-02-event6_sinkhole-th.csv"
    twin.write_text(MORE_SPECIFIC_6, "utf-8")
    hub("delivery", "add", "sinkhole", twin, "--in", hub.folder)
    make(hub, more=RECIPIENT + RECIPIENT.replace('"isp"', '"another"'))
    for recipient, keys, own, others in (
        ("isp", tmp_path / "owner-keys", OF_AS7470, OF_ANOTHER),
        ("another", other, OF_ANOTHER, OF_AS7470),
    ):
        (one,) = [one for one in hub.releases() if one["recipient"] == recipient]
        place, out = hub.folder / "releases" / one["id"], tmp_path / recipient
        out.mkdir()
        script = (
            'tar xf "$0" && tar xf "$1" && age -d -i "$2" key.age > package.key && '
            "age -d -i package.key content.age | tar x && sha256sum --check --strict --quiet SHA256SUMS"
        )
        words = ["sh", "-c", script, str(place / "package"), str(place / "handover"), str(keys / "age.key")]
        subprocess.run(words, cwd=out, check=True, capture_output=True)
        content = out / "content"
        rows = [row for file in sorted(content.glob("by-network/*.csv")) for row in told_of(file.parent, file.name)]
        assert {(row["value"], row["seen_at"], row["source_port"]) for row in rows} == own
        assert {row["value"] for row in told_of(content, "findings.csv")} == {value for value, _, _ in own}
        for path in content.rglob("*"):
            for value, _, _ in others:
                assert path.is_dir() or value.encode() not in path.read_bytes()
        # nobody else's key opens it
        theirs = other if recipient == "isp" else tmp_path / "owner-keys"
        wrong = subprocess.run(
            ["age", "-d", "-i", theirs / "age.key", out / "key.age"], capture_output=True, check=False
        )
        assert wrong.returncode != 0
        assert b"AGE-SECRET-KEY" not in wrong.stdout


def test_what_is_seen_in_other_networks_makes_nothing_new_for_a_network_owner(hub: Hub) -> None:
    make(hub)
    add(hub, OTHERS)
    said = make(hub)
    assert re.search(r"csirt-th \(TH\) +4 ", said)
    assert [one["recipient"] for one in hub.releases()].count("isp") == 1
    assert [one["recipient"] for one in hub.releases()].count("csirt-th") == 2


def test_an_as_holds_what_the_hub_s_range_data_says(hub: Hub, tmp_path: Path) -> None:
    add(hub, OTHERS)
    declare(hub, '["AS7470"]')
    make(hub)
    content = opened(hub, "isp", tmp_path / "opened")
    assert {one["value"] for one in told_of(content, "findings.csv")} == {"171.96.0.7", "171.96.0.8"}


def test_a_network_owner_in_whose_networks_nothing_was_seen_gets_nothing(hub: Hub) -> None:
    declare(hub, '["192.0.2.0/24"]')
    said = make(hub)
    assert "isp" not in [one["recipient"] for one in hub.releases()]
    assert "isp" in said


def test_an_owner_without_a_key_is_told_of_when_it_is_declared_and_when_something_would_be_sealed(hub: Hub) -> None:
    settings = hub.folder / "workspace.toml"
    text = settings.read_text("utf-8")
    lines = (hub.folder.parent / "owner-keys.txt").read_text("utf-8")
    before, _, after = text.partition("# owner\n")
    agreed = hub("partner", "apply", "--in", hub.folder)
    assert ("note:" in agreed, "Nothing is new" in agreed) == (False, True)
    settings.write_text(before + "# owner\n" + after.replace(lines, lines.splitlines()[0]), "utf-8")
    said = " ".join(hub("partner", "apply", "--in", hub.folder).split())
    assert "note: partner isp can confirm no package, and sign no answer to a recall" in said
    settings.write_text(before + "# owner\n" + after.replace(lines, ""), "utf-8")
    said = " ".join(hub("partner", "apply", "--in", hub.folder).split())
    assert "note: partner isp gets no package: it has no key to which one could be sealed (`age`)." in said
    assert "A certificate for its mail, S/MIME or OpenPGP, is none." in said
    # who only delivers needs none
    assert "partner vendor" not in said
    refused = " ".join(make(hub, code=2).split())
    assert "where: partner isp" in refused
    assert "S/MIME or OpenPGP, opens no package" in refused
    # the others get what is theirs
    hub("release", "make", hub.folder.parent / "october-2026.toml", "--to", "csirt-th", "--in", hub.folder)
    assert [one["recipient"] for one in hub.releases()] == ["csirt-th"]


def test_a_network_that_was_given_up_while_a_package_waited_is_handed_over_to_nobody(hub: Hub) -> None:
    key = parse_signing_key((hub.folder / "ledger.key").read_text("utf-8").strip())
    with served(Witness("north.example", key.verifier)) as witness:
        quorum(hub, witness)
        witness.fault = witness_down()
        make(hub, code=7)
        witness.fault = None
        declare(hub, '["110.164.10.0/25"]')
        said = hub("release", "hand-over", "--in", hub.folder)
    assert (
        "rule 14 (Own networks), sinkhole: it was seen in 110.164.10.0/24, which The provider does not declare" in said
    )
    (one,) = [one for one in hub.releases() if one["recipient"] == "isp"]
    assert one["handed_over_at"] is None


def test_what_is_asked_of_a_value_outside_of_its_networks_is_refused_by_one_rule(hub: Hub) -> None:
    add(hub, OTHERS)
    hub("snapshot", "make", "--in", hub.folder)

    def refused(value: str, to: str, code: int = 0) -> list[int]:
        said = json.loads(
            hub("release", "explain", value, "--to", to, "--purpose", "victim-notification", "--encrypted", "--json",
                "--why", "test", "--in", hub.folder, code=code)
        )  # fmt: skip
        return [rule["rule"] for one in said["classes"] for rule in one["rules"] if not rule["permitted"]]

    assert refused("110.164.10.1", "isp") == []
    assert refused("171.96.0.7", "isp", 1) == [14]
    assert refused("171.96.0.7", "csirt-th") == []
    # of a data set it is told what holds in its networks
    assert refused("sinkhole", "isp") == []


@pytest.mark.parametrize(
    ("networks", "said"),
    [
        ('["110.164.10.1/24"]', "a prefix in its only spelling"),
        ('["AS045758"]', "an AS number such as AS64500"),
        ('["0.0.0.0/0"]', "at least /8"),
        ('["2001:DB8::/32"]', "a prefix in its only spelling"),
        ('["::ffff:10.0.0.0/104"]', "a prefix in its only spelling"),
        ('["110.164.10.0/24", "110.164.10.128/25"]', "each once: 110.164.10.128/25 is in 110.164.10.0/24"),
        ("[]", "at least one text"),
        ('["AS65551"]', "knows no addresses of this AS"),
    ],
)
def test_networks_that_are_none_are_refused_in_words(hub: Hub, networks: str, said: str) -> None:
    assert said in declare(hub, networks, code=2)


@pytest.mark.parametrize(
    ("own", "other", "said"),
    [
        ('["110.164.10.0/24"]', '["110.164.10.64/26"]', "110.164.10.0/24 is declared by isp"),
        ('["AS45758"]', '["AS45758"]', "AS45758 is declared by isp"),
        # by the range data AS45758 has these
        ('["AS45758"]', '["110.164.10.64/26"]', "AS45758 is declared by isp"),
        ('["110.164.10.64/26"]', '["AS45758"]', "AS45758 is declared by another"),
    ],
)
def test_a_network_has_one_owner(hub: Hub, own: str, other: str, said: str) -> None:
    declare(hub, own)
    file = hub.folder.parent / "another.toml"
    file.write_text(OWNER.format(networks=other, keys="").replace('"isp"', '"another"'), "utf-8")
    assert said in hub("partner", "apply", file, "--in", hub.folder, code=2)
    file.write_text(file.read_text("utf-8").replace(other, '["AS7470"]'), "utf-8")
    hub("partner", "apply", file, "--in", hub.folder)


def test_only_a_network_owner_has_networks_and_it_sits_somewhere(hub: Hub) -> None:
    file = hub.folder.parent / "another.toml"
    good = OWNER.format(networks='["AS7470"]', keys="").replace('"isp"', '"another"')
    for before, after, said in (
        ('kind = "network-owner"', 'kind = "csirt"', "only a partner of kind 'network-owner' has own ones"),
        ('country = "TH"', "", "where it sits"),
    ):
        file.write_text(good.replace(before, after), "utf-8")
        assert said in hub("partner", "apply", file, "--in", hub.folder, code=2)
    assert "a network owner gets what is in its networks" in make(hub, more=RECIPIENT + 'country = "TH"\n', code=2)
    hub("partner", "add", "third", "--name", "Third", "--kind", "network-owner", "--country", "TH",
        "--network", "AS7470", "--network", "203.150.1.0/24", "--in", hub.folder)  # fmt: skip
    shown = json.loads(hub("partner", "show", "third", "--json", "--in", hub.folder))
    assert shown["networks"] == ["203.150.1.0/24", "AS7470"]


def test_a_network_owner_is_mailed_answers_by_its_token_and_counts_where_the_country_does(
    hub: Hub, tmp_path: Path
) -> None:
    make_keys(tmp_path / "mail-keys")
    make(hub)
    with mail_server(tmp_path / "mail-keys") as server:
        set_mail(hub, server.settings().replace('partner = "csirt-th"', 'partner = "isp"'))
        assert re.search(r"isp +1 release +sent", send(hub))
        (mail,) = server.post.taken
        read = opened_by_openssl(mail.original_content, server.keys, tmp_path)
    token = token_in(text_in(read))
    content = opened(hub, "isp", tmp_path / "opened")
    rows = told_of(content, "outcomes.csv")
    file = tmp_path / "outcomes.csv"
    with file.open("w", newline="", encoding="utf-8") as sink:
        writer = csv.DictWriter(sink, rows[0])
        writer.writeheader()
        writer.writerows([row | {"outcome": "done", "date": "2026-11-02"} for row in rows[:1]])
    hub("outcome", "import", file, "--token", token, "--in", hub.folder)
    score = json.loads(
        hub("operation", "score", "october-2026", "--role", "infected-system", "--json", "--in", hub.folder)
    )
    # the CSIRT was asked about the same two, so that they count once
    (network,) = score["networks"]
    assert (network["asn"], network["asked"], network["done"]) == (45758, 2, 1)
    (country,) = score["countries"]
    assert (country["country"], country["asked"], country["done"]) == ("TH", 2, 1)


def test_a_recall_reaches_a_network_owner(hub: Hub) -> None:
    make(hub)
    hub("recall", "make", "--dataset", "sinkhole", "--all", "--kind", "withdrawn", "--why", "wrong", "--in", hub.folder)
    (recall,) = json.loads(hub("recall", "list", "--json", "--in", hub.folder))
    assert {one["recipient"] for one in recall["notices"]} == {"isp", "csirt-th"}


def test_a_run_by_itself_keeps_to_own_networks_too(hub: Hub, tmp_path: Path) -> None:
    add(hub, OTHERS)
    said = hub("operation", "run", owned(hub, "october-2026", RECIPIENT), "--out", tmp_path / "out", "--in", hub.folder)
    assert re.search(r"^isp +2 +1$", said, re.MULTILINE)
    own = tmp_path / "out/owners/isp"
    assert {one["value"] for one in told_of(own, "findings.csv")} == {"110.164.10.1", "110.164.10.9"}
    whole = told_of(tmp_path / "out/reports/TH", "findings.csv")
    assert len(whole) == 4
