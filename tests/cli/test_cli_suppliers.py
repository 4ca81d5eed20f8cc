"""Who had supplied what is erased or corrected at the hub is told of it, and the value goes to its own keys alone."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from accord.release.notices import SuppliedNotice, read_notice
from accord.release.package.keys import RecipientKeys, make_keys
from tests.cli.rights import NEIGHBOUR, VICTIM, entries, made_hub, rows_of, said, sha256, sinkhole
from tests.cli.test_cli_acknowledgements import Ask, asking

__all__ = ["asking"]

OTHER = """
[[partner]]
id = "other"
name = "Another vendor"

[[dataset]]
id = "lists"
title = "What another vendor has"
partner = "other"
format = "plain"
origin = "report"
role = "c2-server"
legal_basis = "legitimate-interest"
marking = "green"
grade = "b"
retention = "P1Y"
personal_data = true

[[agreement]]
id = "other-2026"
title = "What was agreed"
signed = 2014-01-01
document = "{zeros}"
from = 2014-01-01
purposes = ["victim-notification", "network-defence"]
in = ["lists"]
signatory = [{{ party = "hub", name = "Head" }}, {{ party = "other", name = "Boss" }}]
limits = {{ marking = "red" }}
"""


class Supplied(NamedTuple):
    """A hub with two suppliers, one of which has keys."""

    folder: Path
    keys: Path
    own: RecipientKeys
    sinkhole: Path
    servers: Path
    lists: Path


@pytest.fixture
def hub(both: "Supplied") -> Path:
    return both.folder


@pytest.fixture
def both(accord_here, tmp_path: Path, database_url: str) -> Supplied:
    folder = made_hub(accord_here, tmp_path, database_url)
    own = make_keys(tmp_path / "keys", "vendor.example", draw=lambda size: b"\x03" * size)
    settings = folder / "workspace.toml"
    keys = f'id = "vendor"\nname = "A vendor"\nage = "{own.age}"\nreceipts = "{own.receipts.verifier}"\n'
    text = settings.read_text("utf-8").replace('\nid = "vendor"\nname = "A vendor"\n', "\n" + keys)
    settings.write_text(text + OTHER.format(zeros="0" * 64), "utf-8")
    accord_here("agreement", "apply", "--in", folder)
    victims = sinkhole(tmp_path / "2026-10-01-event4_sinkhole-a.csv", [VICTIM, NEIGHBOUR, VICTIM])
    servers, lists = tmp_path / "servers.txt", tmp_path / "lists.txt"
    servers.write_text(f"{NEIGHBOUR}\nhttp://{VICTIM}/gate\n")
    lists.write_text(f"{NEIGHBOUR}\n{NEIGHBOUR}\n{VICTIM}\n")
    accord_here("delivery", "add", "sinkhole", victims, "--in", folder)
    accord_here("delivery", "add", "mixed", servers, "--in", folder)
    accord_here("delivery", "add", "lists", lists, "--snapshot", "--in", folder)
    return Supplied(folder, tmp_path / "keys", own, victims, servers, lists)


def notices(recall: dict) -> dict[str, dict]:
    return {one["partner"]: one for one in recall["suppliers"]}


def folder_of(hub: Path, recall: dict, partner: str) -> Path:
    return hub / "suppliers" / notices(recall)[partner]["notice"] / f"recall-{recall['recall']}"


def test_whoever_supplied_what_is_erased_is_told_which_lines_and_its_keys_alone_open_the_value(
    accord_here, both: Supplied, tmp_path: Path
) -> None:
    hub, out = both.folder, tmp_path / "out"
    made = accord_here("subject", "erase", VICTIM, "--why", "They asked.", "--due", "3", "--out", out, "--in", hub)
    assert "2 partners supplied it, and must be told" in made.stdout
    assert made.stdout.count("no key of its is known to seal the value to") == 1
    (recall,) = said(accord_here("recall", "list", "--json", "--in", hub))
    assert {name: one["value_sealed"] for name, one in notices(recall).items()} == {"vendor": True, "other": False}
    for partner in ("vendor", "other"):
        (copied,) = (out / partner).iterdir()
        kept = folder_of(hub, recall, partner)
        assert {one.name: one.read_bytes() for one in copied.iterdir()} == {
            one.name: one.read_bytes() for one in kept.iterdir()
        }
    vendor, other = (folder_of(hub, recall, one) for one in ("vendor", "other"))
    # lines counted by hand: a header, the victim, its neighbour, the victim; a URL in the second; the last of three
    assert (vendor / "deliveries").read_text().splitlines() == [
        f"mixed {sha256(both.servers)} lines 2",
        f"sinkhole {sha256(both.sinkhole)} lines 2 4",
    ]
    assert (other / "deliveries").read_text() == f"lists {sha256(both.lists)} lines 3\n"
    assert {one.name for one in other.iterdir()} == {"notice", "deliveries", "entry", "openings", "entry.tlog-proof"}
    read = read_notice((vendor / "notice").read_bytes())
    assert isinstance(read, SuppliedNotice)
    assert (read.recipient, read.kind, read.roles, read.deliveries) == ("vendor", "erased", None, 2)
    # the entries are about its own data sets, of which the ledger says how many records
    listed = {one["number"]: one for one in said(accord_here("ledger", "list", "--json", "--in", hub))}
    assert [listed[one]["kind"] for one in read.entries] == ["erasure", "erasure"]
    assert [one.get("partner") for one in entries(hub, "erasure")] == ["other", "vendor", "vendor"]
    policy = ("--policy", hub / "ledger/policy")
    told = said(accord_here("package", "notice", vendor, "--keys", both.keys, *policy, "--json"))
    assert (told["value"], told["proven"]) == ({"type": "ipv4", "value": VICTIM}, True)
    assert f"The value: {VICTIM} (ipv4)" in accord_here("package", "notice", vendor, "--keys", both.keys).stdout
    assert VICTIM not in accord_here("package", "notice", vendor).stdout.replace(NEIGHBOUR, "")
    make_keys(tmp_path / "foreign", "foreign.example", draw=lambda size: b"\x04" * size)
    accord_here("package", "notice", vendor, "--keys", tmp_path / "foreign", expect=7)
    # the value stands nowhere at the hub, and no log names it
    for name, data in [*rows_of(hub), *((str(one), one.read_bytes()) for one in hub.rglob("*") if one.is_file())]:
        assert VICTIM.encode() not in data.replace(NEIGHBOUR.encode(), b""), name
    log = said(accord_here("consultation", "list", "--json", "--processing", "disclosure", "--in", hub))
    assert [sorted(one["recipients"]) for one in log] == [["other", "vendor"]]
    accord_here("ledger", "audit", "--in", hub)


def test_what_suppliers_answer_is_verified_and_becomes_an_entry_and_late_ones_are_listed(
    accord_here, both: Supplied, tmp_path: Path
) -> None:
    hub = both.folder
    accord_here("subject", "erase", VICTIM, "--why", "They asked.", "--due", "3", "--in", hub)
    (recall,) = said(accord_here("recall", "list", "--json", "--in", hub))
    late = ("recall", "overdue", "--at", f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}", "--in", hub)
    (overdue,) = said(accord_here(*late, "--json", expect=1))
    assert notices(overdue).keys() == {"vendor", "other"}
    assert "vendor (who supplied it)" in " ".join(accord_here(*late, expect=1).stdout.split())
    vendor, other = (folder_of(hub, recall, one) for one in ("vendor", "other"))
    take = ("recall", "acknowledge", "--in", hub)
    foreign = tmp_path / "foreign"
    make_keys(foreign, "foreign.example", draw=lambda size: b"\x04" * size)
    sign = ("package", "acknowledge", vendor, "--done", "--note", "Gone here, too.")
    accord_here(*sign, "--keys", foreign, "--out", tmp_path / "wrong")
    accord_here(*take, tmp_path / "wrong", expect=7)
    accord_here(*sign, "--keys", both.keys, "--policy", hub / "ledger/policy", "--out", tmp_path / "answer")
    assert said(accord_here(*take, tmp_path / "answer", "--json"))["new"] is True
    assert said(accord_here(*take, tmp_path / "answer", "--json"))["new"] is False
    accord_here(*take, other, "--by-hand", "--why", "They called.")
    accord_here(*late)
    (recall,) = said(accord_here("recall", "list", "--json", "--in", hub))
    answered = notices(recall)
    assert [(answered[one]["answer"], answered[one]["by_hand"], answered[one]["note"]) for one in answered] == [
        ("done", True, "They called."), ("done", False, "Gone here, too."),
    ]  # fmt: skip
    first, second = entries(hub, "acknowledgement")
    assert (first["partner"], first["refers"], first["digest"]) == (
        "vendor", str(answered["vendor"]["entry"]), sha256(tmp_path / "answer"),
    )  # fmt: skip
    assert (second["partner"], second["refers"]) == ("other", str(answered["other"]["entry"]))
    assert "Gone here, too." in accord_here("recall", "show", recall["recall"], "--in", hub).stdout
    accord_here("ledger", "audit", "--in", hub)
    # what was changed on its way is not answered
    (vendor / "deliveries").write_text("")
    accord_here(*sign, "--keys", both.keys, "--out", tmp_path / "again", expect=7)


def test_a_correction_of_a_role_names_it_and_only_those_who_stated_it_are_told(accord_here, both: Supplied) -> None:
    hub = both.folder
    words = ("--wrong", "infected-system", "--why", "Never infected.", "--right", "A scanner.", "--in", hub)
    accord_here("subject", "correct", VICTIM, *words)
    (recall,) = said(accord_here("recall", "list", "--json", "--in", hub))
    assert notices(recall).keys() == {"vendor"}
    folder = folder_of(hub, recall, "vendor")
    read = read_notice((folder / "notice").read_bytes())
    assert isinstance(read, SuppliedNotice)
    assert (read.kind, read.roles, read.reason) == (
        "corrected", ("infected-system",), "Never infected. Right is: A scanner.",
    )  # fmt: skip
    assert (folder / "deliveries").read_text() == f"sinkhole {sha256(both.sinkhole)} lines 2 4\n"
    # when lines were cut out before, the others have other numbers than the partner's
    accord_here("subject", "erase", NEIGHBOUR, "--why", "They asked.", "--in", hub)
    accord_here("subject", "erase", VICTIM, "--why", "They asked.", "--in", hub)
    *_, last = said(accord_here("recall", "list", "--json", "--in", hub))
    assert (folder_of(hub, last, "other") / "deliveries").read_text() == f"lists {sha256(both.lists)} whole\n"


def test_a_supplier_s_system_fetches_its_notice_and_nobody_else_s(
    accord_here, hub: Path, both: Supplied, asking: Callable[..., Ask], tmp_path: Path
) -> None:
    accord_here("subject", "erase", VICTIM, "--why", "They asked.", "--in", hub)
    vendor, other = asking("vendor"), asking("other")
    (mine,) = json.loads(vendor("GET", "/acknowledgements").body)["notices"]
    assert (mine["supplied"], mine["kind"], mine["findings"], mine["reason"]) == (True, "erased", None, "They asked.")
    assert other("GET", f"/acknowledgements/{mine['name']}").status == 404
    packed = vendor("GET", f"/acknowledgements/{mine['name']}")
    with zipfile.ZipFile(io.BytesIO(packed.body)) as archive:
        archive.extractall(tmp_path / "fetched")
    (folder,) = (tmp_path / "fetched").iterdir()
    told = said(accord_here("package", "notice", folder, "--keys", both.keys, "--json"))
    assert told["value"] == {"type": "ipv4", "value": VICTIM}
    answer = tmp_path / "answer"
    accord_here("package", "acknowledge", folder, "--done", "--note", "Gone.", "--keys", both.keys, "--out", answer)
    assert other("POST", "/acknowledgements", body=answer.read_bytes()).status == 404
    assert json.loads(vendor("POST", "/acknowledgements", body=answer.read_bytes()).body)["new"] is True
    assert json.loads(vendor("GET", "/acknowledgements").body)["notices"] == []
    (recall,) = said(accord_here("recall", "list", "--json", "--in", hub))
    assert (notices(recall)["vendor"]["answer"], notices(recall)["vendor"]["by_hand"]) == ("done", False)
