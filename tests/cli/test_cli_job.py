"""Jobs at the command line: queued, done, failed, tried again."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from accord.cli.register.registering import opened
from accord.workspace.schema import JOBS

DATASET = """
[[partner]]
id = "vendor"
name = "A vendor"

[[dataset]]
id = "servers"
title = "Servers"
partner = "vendor"
format = "plain"
origin = "scan"
role = "c2-server"
legal_basis = "legitimate-interest"
marking = "green"
grade = "b"
retention = "P1Y"
personal_data = false
"""


@pytest.fixture
def hub(accord_here, agreement_on, tmp_path: Path, database_url: str) -> Path:
    """On a database of either kind."""
    accord_here("init", tmp_path / "hub", "--database", database_url)
    with (tmp_path / "hub/workspace.toml").open("a", encoding="utf-8") as file:
        file.write(DATASET + agreement_on("servers"))
    accord_here("agreement", "apply", "--in", tmp_path / "hub")
    return tmp_path / "hub"


@pytest.fixture
def servers(tmp_path: Path) -> Path:
    file = tmp_path / "servers.txt"
    file.write_text("103.28.36.1\n10.0.0.1\n", "utf-8")
    return file


def listed(accord_here, hub: Path, *more: str) -> list[dict]:
    return json.loads(accord_here("job", "list", "--json", "--in", hub, *more).stdout)


def test_a_file_that_is_taken_later_is_taken_as_it_would_be_at_once(
    accord_here, hub: Path, servers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(servers.parent)
    said = accord_here("delivery", "add", "servers", "servers.txt", "--collected-at", "2026-10-20", "--snapshot",
                       "--later", "--in", hub)  # fmt: skip
    assert "Queued: 1 job" in said.stdout
    assert "[]" in accord_here("delivery", "list", "--in", hub, "--json").stdout
    (job,) = listed(accord_here, hub, "--state", "waiting")
    assert job["arguments"]["file"] == str(servers)
    assert "due" in accord_here("job", "list", "--in", hub).stdout
    monkeypatch.chdir("/")
    done = accord_here("job", "work", "--in", hub)
    assert "servers.txt: 2 records, 1 accepted" in done.stdout
    (account,) = json.loads(accord_here("delivery", "list", "--in", hub, "--json").stdout)
    assert account["collected_at"] == "2026-10-20T00:00:00+00:00"
    accord_here("lookup", "103.28.36.1", "--in", hub)
    assert "Nothing is due" in accord_here("job", "work", "--in", hub).stdout
    accord_here("delivery", "add", "servers", servers, "--later", "--in", hub)
    assert "delivered before" in accord_here("job", "work", "--in", hub).stdout


def test_intake_leaves_the_public_page_behind_and_whoever_does_jobs_brings_it_up(
    accord_here, hub: Path, servers: Path, tmp_path: Path
) -> None:
    def root(folder: Path) -> bytes:
        return json.loads((folder / "figures.json").read_bytes())["root"].encode()

    def is_behind() -> bool:
        found = accord_here("ledger", "verify", "--in", hub, "--json")
        return json.loads(found.stdout)["page_is_behind"]

    accord_here("delivery", "add", "servers", servers, "--in", hub)
    assert not (hub / "ledger/index.html").exists()
    said = accord_here("ledger", "verify", "--in", hub).stdout
    assert "the public page is behind" in said
    assert "All of it agrees." in said
    done = accord_here("job", "work", "--in", hub)
    assert (done.stdout, done.stderr) == ("Nothing is due.\n", "the public page tells of 2 entries now\n")
    for language in ("en", "fr", "es", "ar", "de"):
        assert root(hub / "ledger") in (hub / f"ledger/index.{language}.html").read_bytes()
    assert not is_behind()
    written = {path: path.stat().st_mtime_ns for path in (hub / "ledger").rglob("*")}
    assert accord_here("job", "work", "--in", hub).stderr == ""
    assert {path: path.stat().st_mtime_ns for path in (hub / "ledger").rglob("*")} == written

    servers.write_text("103.28.36.2\n", "utf-8")
    accord_here("delivery", "add", "servers", servers, "--in", hub)
    assert is_behind()
    accord_here("ledger", "export", "--in", hub, "--out", tmp_path / "copy")
    assert root(tmp_path / "copy") in (tmp_path / "copy/index.html").read_bytes()
    assert not is_behind()
    (hub / "ledger/policy").write_bytes(b"log another\n")
    done = accord_here("job", "work", "--in", hub)
    assert "the public page tells of 3 entries now" in done.stderr, "what lies beside the page is mended with it"
    assert not is_behind()


def test_a_job_that_fails_is_tried_later_and_one_that_is_refused_only_when_somebody_says_so(
    accord_here, hub: Path, servers: Path
) -> None:
    accord_here("delivery", "add", "servers", servers, "--later", "--in", hub)
    servers.rename(servers.with_suffix(".away"))
    done = accord_here("job", "work", "--json", "--in", hub, expect=1)
    (job,) = json.loads(done.stdout)
    assert (job["state"], job["attempts"]) == ("waiting", 1)
    assert "There is no such file" in job["outcome"]
    assert datetime.fromisoformat(job["not_before"]) > datetime.now(UTC)
    servers.write_bytes(b"")
    accord_here("delivery", "add", "servers", servers, "--later", "--in", hub)
    (refused,) = json.loads(accord_here("job", "work", "--json", "--in", hub, expect=1).stdout)
    assert refused["state"] == "failed"
    # the table has the reason's first sentence, and the job itself the whole
    what, _, rest = refused["outcome"].partition("\n")
    assert str(servers) in rest
    (line,) = accord_here("job", "list", "--state", "failed", "--in", hub).stdout.splitlines()[1:]
    assert line.rstrip().endswith(f" {what}")
    assert str(servers.parent) not in line
    servers.write_text("103.28.36.1\n", "utf-8")
    assert "job 2" in accord_here("job", "retry", "2", "--in", hub).stdout
    assert "1 accepted" in accord_here("job", "work", "--in", hub).stdout
    assert [one["state"] for one in listed(accord_here, hub)] == ["done", "waiting"]


def test_what_no_agreement_covers_any_more_when_its_turn_comes_is_not_taken(
    accord_here, hub: Path, servers: Path
) -> None:
    accord_here("delivery", "add", "servers", servers, "--later", "--in", hub)
    (agreement,) = json.loads(accord_here("agreement", "list", "--json", "--in", hub).stdout)
    accord_here("agreement", "end", agreement["id"], "--why", "over", "--in", hub)
    (job,) = json.loads(accord_here("job", "work", "--json", "--in", hub, expect=1).stdout)
    # an agreement may be recorded late: it is tried again
    assert job["state"] == "waiting"
    assert "No agreement lets data set servers be taken in" in job["outcome"]
    assert json.loads(accord_here("delivery", "list", "--json", "--in", hub).stdout) == []


def test_what_cannot_be_queued_is_said_at_once(accord_here, hub: Path, servers: Path) -> None:
    for words, code in (
        (("servers", servers.with_name("none.txt")), 4),
        (("servers", hub), 4),
        (("nobody-s", servers), 2),
    ):
        accord_here("delivery", "add", *words, "--later", "--in", hub, expect=code)
    assert listed(accord_here, hub) == []
    assert "There is no such job" in accord_here("job", "list", "--in", hub).stdout
    accord_here("job", "retry", "7", "--in", hub, expect=2)
    accord_here("job", "list", "--state", "asleep", "--in", hub, expect=2)


def test_somebody_can_do_every_kind_of_job() -> None:
    from accord.cli.services.jobs import HANDLERS
    from accord.workspace.jobs import JobKind

    assert set(HANDLERS) == set(JobKind)


def test_a_list_of_jobs_is_paged(accord_here, hub: Path, servers: Path) -> None:
    accord_here("delivery", "add", "servers", *[servers] * 3, "--later", "--in", hub)
    assert "--before 2" in accord_here("job", "list", "--limit", "2", "--in", hub).stderr
    assert [one["number"] for one in listed(accord_here, hub, "--before", "2")] == [1]
    table = accord_here("job", "list", "--in", hub).stdout
    assert "dataset servers, file servers.txt, " in table
    assert "{" not in table


def test_a_job_that_meets_somebody_at_work_is_put_off_quietly_and_done_later(
    accord_here, hub: Path, servers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from accord.workspace.store import open_workspace

    monkeypatch.setattr("accord.cli.deliveries.adding.PATIENCE_S", 0)
    accord_here("delivery", "add", "servers", servers, "--later", "--in", hub)
    with open_workspace(hub).working():
        done = accord_here("job", "work", "--in", hub, expect=1)
    assert done.stdout == "job 1 (import): waiting: put off: Somebody else is working in this workspace.\n"
    assert "failed" not in done.stderr
    (job,) = listed(accord_here, hub)
    assert (job["state"], job["attempts"], job["leased_until"]) == ("waiting", 0, None)
    with opened(hub) as database, database.writing() as connection:
        connection.execute(update(JOBS).values(not_before=datetime.now(UTC)))
    assert "1 accepted" in accord_here("job", "work", "--in", hub).stdout


def test_a_worker_that_is_to_end_hands_its_job_back_and_an_error_of_ours_tells_its_name_alone(
    accord_here, hub: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from accord.cli.register.registering import opened
    from accord.cli.services.jobs import work_once
    from accord.workspace.jobs import JobKind, queue

    def ended(folder: Path, arguments: object) -> str:
        raise SystemExit(143)

    def broken(folder: Path, arguments: object) -> str:
        raise RuntimeError("s3cret")

    with opened(hub) as database:
        with database.writing() as connection:
            queue(connection, JobKind.PURGE, {}, now=datetime.now(UTC))
        with pytest.raises(SystemExit):
            work_once(database, hub, "a", handlers={JobKind.PURGE: ended})
        (job,) = listed(accord_here, hub)
        assert (job["state"], job["attempts"], job["leased_until"]) == ("waiting", 0, None)
        work_once(database, hub, "b", handlers={JobKind.PURGE: broken})
    (job,) = listed(accord_here, hub)
    assert (job["state"], job["attempts"], job["outcome"]) == ("waiting", 1, "Accord failed (RuntimeError)")
    assert "s3cret" not in capsys.readouterr().err
