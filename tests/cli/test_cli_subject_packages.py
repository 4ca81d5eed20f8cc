"""Nothing at the hub opens a package that was handed over, or that waits and holds what was erased or purged."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pyrage
import pytest
from sqlalchemy import text

from accord.ledger.notes import parse_signing_key
from accord.release.package.archive import pieces_of
from accord.release.package.reading import opened_file, read_package
from accord.workspace.database import open_database, place_of
from tests.cli.released import SIGHTINGS
from tests.cli.test_cli_hand_over import quorum, secret, waits
from tests.cli.test_cli_release import Hub, furnished, witness_down
from tests.cli.test_cli_retention import aged
from tests.cli.test_cli_subject import texts
from tests.simulators.witness import Witness, served

VICTIM, NEIGHBOUR = "110.164.10.1", "110.164.10.9"


@pytest.fixture
def hub(accord_here, database_url: str, tmp_path: Path) -> Hub:
    """On a database of either kind."""
    return furnished(accord_here, tmp_path, () if database_url.startswith("sqlite") else ("--database", database_url))


@pytest.fixture
def witness(hub: Hub) -> Iterator[Witness]:
    """Without it nothing is handed over; it is down."""
    key = parse_signing_key((hub.folder / "ledger.key").read_text("utf-8").strip())
    with served(Witness("north.example", key.verifier)) as one:
        quorum(hub, one)
        one.fault = witness_down()
        yield one


def changed(hub: Hub, release: str, what: str, **values: str) -> None:
    """Change a release's row in the database as an older or a killed Accord has left it."""
    with open_database(place_of(hub.folder / "workspace.toml")) as database, database.writing() as connection:
        connection.execute(text(f"UPDATE disclosures SET {what} WHERE id = :id").bindparams(id=release, **values))


def opened_here(hub: Hub, value: str) -> set[str]:
    """The packages that any key in any byte of the workspace or its database opens, and that show a value."""
    keys = {key for _, data in texts(hub.folder) for key in re.findall(rb"AGE-SECRET-KEY-1[0-9A-Z]+", data)}
    found = set()
    for path in hub.folder.glob("releases/*/package"):
        with opened_file(path) as file:
            sealed = b"".join(pieces_of(file, read_package(file, str(path)).sealed))
        for key in keys:
            try:
                content = pyrage.decrypt(sealed, [pyrage.x25519.Identity.from_str(key.decode())])
            except pyrage.DecryptError:
                continue
            if re.search(rb"(?<![0-9.])" + re.escape(value.encode()) + rb"(?![0-9.])", content):
                found.add(path.parent.name)
    return found


def erased(hub: Hub) -> dict:
    words = ("--why", "They asked.", "--person", "officer", "--json", "--in", hub.folder)
    return json.loads(hub.accord("subject", "erase", VICTIM, *words).stdout)


def told(hub: Hub, recall: str) -> set[str]:
    shown = json.loads(hub("recall", "show", recall, "--json", "--in", hub.folder))
    return {one["package"] for one in shown["notices"]}


def test_an_erasure_reaches_packages_that_were_handed_over_and_those_that_wait(hub: Hub, witness: Witness) -> None:
    given = waits(hub, "first")["id"]
    key = secret(hub, given)
    assert opened_here(hub, VICTIM) == {given}
    witness.fault = None
    hub("release", "hand-over", "--in", hub.folder)
    assert (secret(hub, given), opened_here(hub, VICTIM)) == (None, set())
    # an older Accord kept it until the recipient had confirmed
    changed(hub, given, "secret = :key", key=key)
    witness.fault = witness_down()
    waiting = waits(hub, "second")["id"]
    assert opened_here(hub, VICTIM) == {given, waiting}
    done = erased(hub)
    assert (opened_here(hub, VICTIM), opened_here(hub, NEIGHBOUR)) == (set(), set())
    # nobody is told of what nobody was given
    assert (done["refused"], told(hub, done["recall"])) == ([waiting], {given})
    log = json.loads(hub("consultation", "list", "--json", "--processing", "erasure", "--in", hub.folder))
    # that it was never handed over, and to whom what was erased had been
    assert [one["recipients"] for one in log] == [[], ["csirt-th"]]
    assert f"recall {done['recall']} concerns it" in hub("release", "show", waiting, "--in", hub.folder)
    # for good, and made anew without what was erased
    witness.fault = None
    assert "Nothing was handed over." in hub("release", "hand-over", "--in", hub.folder)
    hub("release", "make", hub.operation("second"), "--in", hub.folder)
    anew = hub.releases()[-1]["id"]
    assert anew not in {given, waiting}
    place, out = hub.folder / "releases" / anew, hub.folder.parent / "opened"
    assert not (hub.folder / "releases" / waiting / "handover").exists()
    hub("package", "open", place / "package", place / "handover", "--keys", hub.keys, "--policy",
        hub.folder / "ledger/policy", "--out", out)  # fmt: skip
    findings = (out / "content/findings.csv").read_text("utf-8")
    assert {*re.findall(r"110\.164\.10\.[0-9]+", findings)} == {NEIGHBOUR}
    hub("ledger", "audit", "--in", hub.folder)


def test_what_is_erased_from_a_package_that_waits_alone_is_in_nothing_that_the_hub_keeps_of_it(
    hub: Hub, witness: Witness
) -> None:
    waiting = waits(hub, "first")["id"]
    held = hub.folder / "releases" / waiting / "findings.parquet"
    before = {*pq.read_table(held)["finding_id"].to_pylist()}
    said = hub("subject", "erase", VICTIM, "--why", "They asked.", "--in", hub.folder)
    assert f"refused, and never handed over: {waiting} to csirt-th" in said
    assert "Nobody was given any of it" in said
    after = {*pq.read_table(held)["finding_id"].to_pylist()}
    assert (len(before), len(after)) == (2, 1)
    assert opened_here(hub, NEIGHBOUR) == set()
    # nobody must be able to open it any more, so that its entry can be forgotten too
    entry = str(hub.releases()[0]["entries"][0])
    forgotten = hub("ledger", "forget", entry, "partner", "--why", "It must go.", "--in", hub.folder)
    assert f"entry {entry}: partner is destroyed" in forgotten


def test_whoever_was_killed_after_the_key_was_written_has_given_it_and_it_goes(hub: Hub, witness: Witness) -> None:
    for name, ends in (("first", "hand-over"), ("second", "erasure")):
        witness.fault = witness_down()
        given = waits(hub, name)["id"]
        key = secret(hub, given)
        witness.fault = None
        hub("release", "hand-over", "--in", hub.folder)
        changed(hub, given, "handed_over_at = NULL, secret = :key", key=key)
        assert opened_here(hub, VICTIM) == {given}
        if ends == "hand-over":
            assert given[:8] in hub("release", "hand-over", "--in", hub.folder)
        else:
            done = erased(hub)
            assert done["refused"] == []
            assert given in told(hub, done["recall"])
        assert opened_here(hub, NEIGHBOUR) == set()
        (release,) = [one for one in hub.releases() if one["id"] == given]
        assert (release["handed_over_at"] is None, release["refused_at"]) == (False, None)


def test_what_was_purged_is_in_no_package_that_anything_at_the_hub_opens(hub: Hub, witness: Witness) -> None:
    given = waits(hub, "first")["id"]
    key = secret(hub, given)
    witness.fault = None
    hub("release", "hand-over", "--in", hub.folder)
    changed(hub, given, "secret = :key", key=key)
    witness.fault = witness_down()
    waiting = waits(hub, "second")["id"]
    young = hub.folder.parent / "2026-10-02-event4_sinkhole-th.csv"
    young.write_text(SIGHTINGS.replace("110.164.10.", "110.164.20."), "utf-8")
    hub("delivery", "add", "sinkhole", young, "--in", hub.folder)
    assert opened_here(hub, VICTIM) == {given, waiting}
    listed = json.loads(hub("delivery", "list", "--json", "--in", hub.folder))
    (old,) = [one["sha256"] for one in listed if one["file"] != young.name]
    aged(hub.folder, old, "2020-02-29T12:00:00+00:00")
    said = hub("retention", "run", "--in", hub.folder)
    assert (f"refused, and never handed over: {waiting} to csirt-th" in said, given in said) == (True, False)
    assert opened_here(hub, VICTIM) == set()
    assert "a delivery that it rests on is kept no more" in hub("release", "show", waiting, "--in", hub.folder)
    witness.fault = None
    assert "Nothing was handed over." in hub("release", "hand-over", "--in", hub.folder)
    assert {one["id"]: one["handed_over_at"] is None for one in hub.releases()} == {given: False, waiting: True}
