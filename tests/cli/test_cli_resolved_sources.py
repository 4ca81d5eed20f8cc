"""Where a name stood is what a finding rests on, as what was seen of it is: it is recalled, found and erased alike."""

import csv
import json
from pathlib import Path

import pytest

from tests.cli.released import AGREEMENT, OPERATION, PARTNERS
from tests.cli.test_cli_release import Hub

C2, LINK, ELSEWHERE = "c2.evil.net", "http://c2.evil.net/gate", "other.evil.net"
ADDRESS = "110.164.10.1"
"""In Thailand by the bundled ranges."""

DATASETS = """
[[partner]]
id = "resolver"
name = "Who keeps passive DNS"
country = "JP"

[[dataset]]
id = "servers"
title = "Servers of criminals"
partner = "vendor"
format = "plain"
role = "c2-server"
origin = "telemetry"
legal_basis = "legitimate-interest"
marking = "green"
grade = "b"
retention = "P1Y"
personal_data = false
share_with = ["csirt-th"]

[[dataset]]
id = "pdns"
title = "Passive DNS"
partner = "resolver"
format = "passive-dns"
origin = "telemetry"
legal_basis = "legitimate-interest"
marking = "amber"
grade = "b"
retention = "P1Y"
personal_data = false
share_with = ["csirt-th"]
"""


@pytest.fixture
def hub(accord_here, database_url: str, tmp_path: Path) -> Hub:
    """Names of servers, and a day after that where they stood: one of them in Thailand, by passive DNS alone."""
    one = Hub(folder=tmp_path / "hub", keys=tmp_path / "keys", accord=accord_here)
    database = () if database_url.startswith("sqlite") else ("--database", database_url)
    one("init", one.folder, "--ledger", "hub.example/ledger", *database)
    keys = one("package", "keys", "--name", "csirt-th.example", "--out", one.keys)
    settings = one.folder / "workspace.toml"
    text = settings.read_text("utf-8").replace("\nnamespace", '\ncountry = "FR"\nnamespace', 1)
    text += PARTNERS.format(keys=keys) + DATASETS
    for digit, (party, direction, names) in enumerate(
        (("vendor", "in", '"servers"]'), ("resolver", "in", '"pdns"]'), ("csirt-th", "out", '"servers", "pdns"]')), 1
    ):
        agreed = AGREEMENT.format(id=f"{party}-2026", party=party, direction=direction, pap="clear", digit=digit)
        text += agreed.replace('"sinkhole"]', names)
    settings.write_text(text, "utf-8")
    one("agreement", "apply", "--in", one.folder)
    servers = tmp_path / "2026-10-01-servers.txt"
    servers.write_text(f"{C2}\n{LINK}\n{ELSEWHERE}\n", "utf-8")
    one("delivery", "add", "servers", servers, "--collected-at", "2026-10-01", "--in", one.folder)
    resolved = tmp_path / "2026-10-02-pdns.json"
    seen = {"rrtype": "A", "time_first": 1790812800, "time_last": 1790899200, "count": 1}
    rows = [{"rrname": C2, "rdata": ADDRESS, **seen}, {"rrname": ELSEWHERE, "rdata": "8.8.8.8", **seen}]
    resolved.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    one("delivery", "add", "pdns", resolved, "--snapshot", "--in", one.folder)
    return one


def release(hub: Hub) -> dict:
    file = hub.folder.parent / "operation.toml"
    file.write_text(OPERATION.format(name="names", more=""), "utf-8")
    hub("release", "make", file, "--in", hub.folder)
    return hub.releases()[-1]


def notices(hub: Hub) -> list[tuple[str, int]]:
    found = json.loads(hub("recall", "list", "--json", "--in", hub.folder))
    return [(one["package"], one["findings"]) for recall in found for one in recall["notices"]]


def test_who_got_a_finding_that_is_somewhere_by_passive_dns_is_told_when_that_is_recalled(hub: Hub) -> None:
    made = release(hub)
    # the stricter of both data sets, and an entry for each
    assert (made["findings"], made["marking"], len(made["entries"])) == (2, "amber", 2)
    told = json.loads(hub("release", "show", made["id"], "--json", "--in", hub.folder))
    assert [(one["dataset"], one["findings"]) for one in told["sources"]] == [("pdns", 2), ("servers", 2)]
    hub(
        "recall",
        "make",
        "--dataset",
        "pdns",
        "--all",
        "--kind",
        "withdrawn",
        "--why",
        "wrong clock",
        "--in",
        hub.folder,
    )
    assert notices(hub) == [(made["id"], 2)]
    # nothing says any more that they are in Thailand
    said = hub("release", "make", hub.folder.parent / "operation.toml", "--in", hub.folder, code=1)
    assert "nothing for TH" in said


def test_a_recalled_delivery_of_names_reaches_them_too_and_another_data_set_s_does_not(hub: Hub) -> None:
    made = release(hub)
    kept = json.loads(hub("delivery", "list", "--json", "--in", hub.folder))
    (servers,) = [one["sha256"] for one in kept if one["dataset"] == "servers"]
    hub("recall", "make", "--dataset", "servers", "--delivery", servers, "--kind", "corrected", "--why", "wrong",
        "--in", hub.folder)  # fmt: skip
    assert notices(hub) == [(made["id"], 2)]


def test_who_was_shown_an_address_by_a_resolution_is_found_and_told_and_nothing_else_is_forgotten(hub: Hub) -> None:
    made = release(hub)
    out = hub.folder.parent / "opened"
    place = hub.folder / "releases" / made["id"]
    policy = hub.folder / "ledger" / "policy"
    hub("package", "open", place / "package", place / "handover", "--keys", hub.keys, "--policy", policy, "--out", out)
    with (out / "content/findings.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["value"]: row["finding_id"] for row in csv.DictReader(file)}
    assert {*rows} == {C2, LINK}
    found = json.loads(hub("subject", "find", ADDRESS, "--json", "--in", hub.folder))
    assert [(one["dataset"], one["resolutions"]) for one in found["deliveries"]] == [("pdns", 1)]
    (given,) = found["disclosures"]
    assert (given["package"], given["recipient"]) == (made["id"], "csirt-th")
    assert given["findings"] == sorted(rows.values())
    # an address that the package does not show
    other = json.loads(hub("subject", "find", "8.8.8.8", "--json", "--in", hub.folder))
    assert ([one["resolutions"] for one in other["deliveries"]], other["disclosures"]) == ([1], [])
    hub("subject", "erase", ADDRESS, "--why", "request", "--in", hub.folder)
    assert notices(hub) == [(made["id"], 2)]
    after = json.loads(hub("subject", "find", ADDRESS, "--json", "--in", hub.folder))
    assert (after["deliveries"], after["disclosures"]) == ([], [])
    # what is known of the servers is none of it: who got them is still known
    server = json.loads(hub("subject", "find", C2, "--json", "--in", hub.folder))
    assert [one["package"] for one in server["disclosures"]] == [made["id"]]
