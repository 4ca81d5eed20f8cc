"""Recalls of what was mailed: told by mail as well, by a real server, each notice once, and answered with its token."""

import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from accord.agreements.declarations import PartnerId
from accord.cli.hub import opened_hub
from accord.release.notifications import Notification, State, record_notification
from accord.vocabulary.markings import Marking
from tests.cli.conftest import PROGRAM, Once
from tests.cli.rights import (
    NEIGHBOUR,
    VICTIM,
    disclosed,
    entries,
    finding_id,
    made_hub,
    said,
    sha256,
    sinkhole,
)
from tests.cli.test_cli_acknowledgements import Ask, asking, keys
from tests.cli.test_cli_notification import BOUNCE, attached_to, handed_over, text_in, token_in
from tests.cli.test_cli_release import Hub
from tests.cli.test_cli_rights_killed import KILLED, Databases, databases
from tests.simulators.mail_server import Server, mail_server, make_keys, opened_by_openssl

__all__ = ["asking", "databases", "handed_over", "keys"]

KILLS = 30 if os.environ.get("CI") else 3
RECALL = ("recall", "make", "--dataset", "sinkhole", "--all", "--kind", "withdrawn", "--why", "The clock was wrong.")


@pytest.fixture(scope="session")
def mail_keys(once: Once) -> Path:
    return once("mail-keys", lambda folder: make_keys(folder / "keys")) / "keys"


@pytest.fixture
def server(mail_keys: Path) -> Iterator[Server]:
    with mail_server(mail_keys) as one:
        yield one


def with_mail(hub: Path, server: Server) -> None:
    with (hub / "workspace.toml").open("a", encoding="utf-8") as file:
        file.write(server.settings())


def mailed(hub: Path, *disclosures: UUID, state: State = State.SENT) -> None:
    """A mail has brought these packages to the CSIRT."""
    now = datetime.now(UTC)
    with opened_hub(hub) as opened, opened.database.writing() as connection:
        record_notification(
            connection,
            Notification(
                id=uuid4(),
                recipient=PartnerId("csirt-th"),
                address="desk@csirt-th.example",
                made_at=now,
                marking=Marking.AMBER,
                token="none",
                digest="0" * 64,
                state=state,
                changed_at=now,
                said=None,
                disclosures=disclosures,
            ),
        )


def made(accord_here, folder: Path, url: str, server: Server) -> Path:
    """A hub that has mailed the CSIRT two packages, and handed a third to it and one to the police by other ways."""
    hub = made_hub(accord_here, folder, url)
    file = sinkhole(folder / "2026-10-01-event4_sinkhole-a.csv", [VICTIM, NEIGHBOUR])
    accord_here("delivery", "add", "sinkhole", file, "--snapshot", "--in", hub)
    with opened_hub(hub) as opened:
        ids = [finding_id(opened, "ipv4", one, "infected-system") for one in (VICTIM, NEIGHBOUR)]
        both = [(one, "sinkhole", sha256(file)) for one in ids]
        mine = [disclosed(opened, number, "csirt-th", "TH", both) for number in (1, 2, 3)]
        disclosed(opened, 4, "police", "VN", both)
    mailed(hub, *mine[:2])
    with_mail(hub, server)
    return hub


@pytest.fixture
def hub(accord_here, tmp_path: Path, database_url: str, server: Server) -> Path:
    return made(accord_here, tmp_path, database_url, server)


def listed(accord_here, hub: Path) -> list[dict]:
    """The mails that bring notices."""
    told = said(accord_here("notification", "list", "--json", "--in", hub))
    return [one for one in told if one["notices"]]


def ways(accord_here, hub: Path) -> dict[str, dict]:
    """How each package's notice went."""
    (recall,) = said(accord_here("recall", "list", "--json", "--in", hub))
    return {one["package"]: one["told"] for one in recall["notices"]}


def unpacked(data: bytes, to: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(to)
    (folder,) = to.iterdir()
    return folder


def test_who_got_a_package_by_mail_is_told_of_its_recall_by_mail_and_nobody_else_is(
    accord_here, hub: Path, server: Server, tmp_path: Path
) -> None:
    shown = accord_here(*RECALL, "--in", hub).stdout
    assert shown.count("goes by mail, as its package did") == 2
    assert len(re.findall(r"releases/\S+/recall-", shown)) == 2
    assert server.post.taken == []
    worked = accord_here("job", "work", "--in", hub).stdout
    assert "(mail): done: sent 1 mail" in worked
    (envelope,) = server.post.taken
    (one,) = listed(accord_here, hub)
    assert (envelope.mail_from, envelope.rcpt_tos) == (f"bounce+{one['id']}@hub.example", ["desk@csirt-th.example"])
    outer = message_from_bytes(envelope.original_content, policy=default)
    assert re.match(r"\[TLP:AMBER\] 2 notices of recall from .*: please answer$", outer["subject"])
    # sealed as packages are, and nothing of it travels open
    for secret in (b"clock", b"recall-", b"accord1_", VICTIM.encode()):
        assert secret not in envelope.original_content
        assert secret not in outer.get_payload(decode=True)
    read = opened_by_openssl(envelope.original_content, server.keys, tmp_path)
    text = text_in(read)
    assert text.startswith("TLP:AMBER\n")
    assert text.count("Why: The clock was wrong.") == 2
    assert "Withdrawn: 2 findings of release 00000000-0000-0000-0000-000000000001" in " ".join(text.split())
    assert all(len(line) <= 72 for line in text.splitlines())
    (recall,) = said(accord_here("recall", "list", "--json", "--in", hub))
    attached = attached_to(read)
    packages = [str(UUID(int=number)) for number in (1, 2)]
    assert attached.keys() == {f"{number}-recall-{recall['recall'][:8]}.zip" for number in (1, 2)}
    for package, (name, data) in zip(packages, sorted(attached.items()), strict=True):
        folder = unpacked(data, tmp_path / "unpacked" / name)
        assert folder.name == f"recall-{recall['recall']}-{package}"
        kept = hub / "releases" / package / f"recall-{recall['recall']}"
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
            path.name: path.read_bytes() for path in kept.iterdir()
        }
        assert (folder / "entry.tlog-proof").exists()
    # who was told, how, and when, and who is still to be told by somebody
    told = ways(accord_here, hub)
    assert {name: (way["mail"] is not None, way["by_hand"]) for name, way in told.items()} == {
        str(UUID(int=1)): (True, False), str(UUID(int=2)): (True, False), str(UUID(int=3)): (False, True),
        str(UUID(int=4)): (False, True),
    }  # fmt: skip
    assert told[packages[0]]["mail"]["state"] == "sent"
    sent_at = told[packages[0]]["mail"]["at"][:16].replace("T", " ")
    table = " ".join(accord_here("recall", "list", "--in", hub).stdout.split())
    assert (table.count(f"mail {sent_at}"), table.count("by hand")) == (2, 2)
    assert f"told: mail {sent_at}" in accord_here("recall", "show", recall["recall"][:8], "--in", hub).stdout
    logged = said(accord_here("consultation", "list", "--json", "--in", hub))
    (row,) = [each for each in logged if each["object"].startswith(f"notification {one['id']}: recall ")]
    assert (row["processing"], row["recipients"]) == ("disclosure", ["csirt-th"])
    # nothing is left of it, and nothing goes twice
    assert list((hub / "notifications").iterdir()) == []
    assert "Nothing is to be mailed" in accord_here("notification", "send", "--in", hub).stdout
    assert len(server.post.taken) == 1


def test_a_notice_is_answered_with_the_token_of_its_mail_in_words_or_signed(
    accord_here, hub: Path, server: Server, keys: Path, asking: Callable[..., Ask], tmp_path: Path
) -> None:
    accord_here(*RECALL, "--in", hub)
    accord_here("notification", "send", "--in", hub)
    read = opened_by_openssl(server.post.taken[0].original_content, server.keys, tmp_path)
    token = token_in(text_in(read))
    first, second = (unpacked(data, tmp_path / name) for name, data in sorted(attached_to(read).items()))
    take = ("recall", "acknowledge", "--in", hub)
    police = hub / "releases" / str(UUID(int=4)) / first.name[:43]
    assert (
        "nobody may answer this notice" in accord_here(*take, police, "--token", token, "--why", "x", expect=2).stderr
    )
    wrong = accord_here(*take, first, "--token", token[:-3] + "AAA", "--why", "x", expect=2).stderr
    assert ("nobody may answer this notice" in wrong, token[:20] in wrong) == (True, False)
    assert "needs a reason" in accord_here(*take, first, "--token", token, expect=2).stderr
    accord_here(*take, first, "--token", token, "--by-hand", "--why", "x", expect=2)
    done = accord_here(*take, first, "--token", token, "--why", "Removed from all systems.").stdout
    assert "done, by its token." in done
    assert "recorded before" in accord_here(*take, first, "--token", token, "--why", "Removed.").stdout
    (entry,) = entries(hub, "acknowledgement")
    # nobody has signed it
    assert "digest" not in entry
    # the same token opens the way by HTTP
    desk = asking("csirt-th", secret=token)
    name = f"{second.name[7:43]}.{second.name[44:]}"
    assert name in {one["name"] for one in json.loads(desk("GET", "/acknowledgements").body)["notices"]}
    out = tmp_path / "answer"
    accord_here("package", "acknowledge", second, "--keys", keys, "--done", "--note", "Gone.", "--out", out)
    assert json.loads(desk("POST", "/acknowledgements", out.read_bytes()).body)["new"] is True
    (recall,) = said(accord_here("recall", "list", "--json", "--in", hub))
    answered = {one["package"]: (one["answered_by"], one["by_hand"], one["note"]) for one in recall["notices"]}
    assert answered == {
        str(UUID(int=1)): ("token", True, "Removed from all systems."), str(UUID(int=2)): ("http", False, "Gone."),
        str(UUID(int=3)): (None, False, None), str(UUID(int=4)): (None, False, None),
    }  # fmt: skip
    shown = accord_here("recall", "list", "--in", hub).stdout
    assert (", by its token" in shown, ", by HTTP" in shown) == (True, True)
    # what is signed takes the place of what was said
    again = tmp_path / "again"
    accord_here("package", "acknowledge", first, "--keys", keys, "--done", "--note", "Gone.", "--out", again)
    assert said(accord_here(*take, again, "--json"))["new"] is True


def test_a_server_that_is_away_gets_the_same_notice_later_and_who_has_answered_is_not_told(
    accord_here, hub: Path, server: Server
) -> None:
    server.post.at_recipient = lambda _: "451 come again"
    accord_here(*RECALL, "--in", hub)
    assert "(mail): waiting: 1 mail could not be sent yet." in accord_here("job", "work", "--in", hub, expect=1).stdout
    (one,) = listed(accord_here, hub)
    assert one["state"] == "ready"
    assert "mail, not sent yet" in " ".join(accord_here("recall", "list", "--in", hub).stdout.split())
    # one of the two answers meanwhile: the other is still told
    (recall,) = said(accord_here("recall", "list", "--json", "--in", hub))
    folders = [hub / "releases" / str(UUID(int=number)) / f"recall-{recall['recall']}" for number in (1, 2)]
    by_hand = ("--by-hand", "--why", "They called.", "--in", hub)
    accord_here("recall", "acknowledge", folders[0], *by_hand)
    accord_here("notification", "send", "--in", hub, expect=1)
    assert listed(accord_here, hub)[0]["sha256"] == one["sha256"]
    accord_here("recall", "acknowledge", folders[1], *by_hand)
    server.post.at_recipient = lambda _: None
    accord_here("notification", "send", "--in", hub)
    assert server.post.taken == []
    (one,) = listed(accord_here, hub)
    assert (one["state"], one["said"]) == ("dropped", "its recipient has answered meanwhile")


def test_a_notice_whose_mail_bounces_or_is_refused_is_shown_and_goes_again_when_somebody_says_so(
    accord_here, hub: Path, server: Server, tmp_path: Path
) -> None:
    server.post.at_recipient = lambda _: "550 5.1.1 no such person"
    accord_here(*RECALL, "--in", hub)
    accord_here("notification", "send", "--in", hub, expect=1)
    (one,) = listed(accord_here, hub)
    assert one["state"] == "failed"
    assert "mail failed" in " ".join(accord_here("recall", "list", "--in", hub).stdout.split())
    server.post.at_recipient = lambda _: None
    accord_here("notification", "send", "--in", hub)
    assert server.post.taken == []
    accord_here("notification", "send", "--again", one["id"], "--in", hub)
    (_, second) = listed(accord_here, hub)
    assert (second["state"], second["notices"]) == ("sent", one["notices"])
    bounce = tmp_path / "bounce"
    to = f"bounce+{second['id']}@hub.example"
    bounce.write_text(BOUNCE.format(to=to, action="failed", status="5.1.1", original="A: b"), "utf-8")
    accord_here("notification", "bounces", bounce, "--in", hub)
    assert "mail bounced" in " ".join(accord_here("recall", "list", "--in", hub).stdout.split())
    assert ways(accord_here, hub)[str(UUID(int=1))]["mail"]["said"] == "5.1.1 426 connection timed out"


def test_nobody_is_told_by_mail_of_what_no_mail_has_brought(accord_here, hub: Path, server: Server) -> None:
    with opened_hub(hub) as opened:
        others = [disclosed(opened, number, "csirt-th", "TH", [("0" * 64, "sinkhole", "0" * 64)]) for number in (5, 6)]
    mailed(hub, others[0], state=State.BOUNCED)
    mailed(hub, others[1], state=State.DROPPED)
    accord_here(
        "recall", "make", "--dataset", "sinkhole", "--all", "--kind", "corrected", "--why", "wrong", "--in", hub
    )
    accord_here("notification", "send", "--in", hub)
    (one,) = listed(accord_here, hub)
    assert {each["release"] for each in one["notices"]} == {str(UUID(int=number)) for number in (1, 2)}


def test_what_a_person_had_erased_is_told_by_mail_as_well(
    accord_here, hub: Path, server: Server, tmp_path: Path
) -> None:
    accord_here("subject", "erase", VICTIM, "--why", "They asked.", "--in", hub)
    accord_here("job", "work", "--in", hub)
    read = opened_by_openssl(server.post.taken[0].original_content, server.keys, tmp_path)
    text = " ".join(text_in(read).split())
    assert "To be erased: 1 finding of release" in text
    assert VICTIM not in text


def test_a_process_that_is_killed_while_the_server_takes_a_notice_does_not_send_it_twice(
    accord_here, hub: Path, server: Server, environment: dict[str, str]
) -> None:
    accord_here(*RECALL, "--in", hub)
    running = subprocess.Popen([*PROGRAM, "notification", "send", "--in", str(hub)], env=environment)

    def kill(_: object) -> None:
        os.kill(running.pid, signal.SIGKILL)
        running.wait()

    server.post.at_data = kill
    assert running.wait() == -signal.SIGKILL
    server.post.at_data = lambda _: None
    accord_here("job", "work", "--in", hub)
    accord_here("notification", "send", "--in", hub)
    assert len(server.post.taken) == 1
    assert "mail, uncertain" in " ".join(accord_here("recall", "list", "--in", hub).stdout.split())
    (one,) = listed(accord_here, hub)
    accord_here("notification", "send", "--again", one["id"], "--in", hub)
    first, second = server.post.taken
    assert first.original_content == second.original_content


def test_a_recall_and_its_mail_that_are_killed_at_any_step_tell_each_notice_once(
    forking, accord_here, tmp_path: Path, databases: Databases, server: Server
) -> None:
    def ready(name: str) -> Path:
        (tmp_path / name).mkdir()
        return made(accord_here, tmp_path / name, databases.url(), server)

    send = ("notification", "send")
    hub = ready("whole")
    recalls = forking(*RECALL, "--in", hub, how="count")["steps"]
    sends = forking(*send, "--in", hub, how="count")["steps"]
    assert len(server.post.taken) == 1
    draw = random.Random(databases.kind)
    killed = 0
    for number in range(KILLS):
        server.post.taken.clear()
        hub = ready(str(number))
        for words, steps in ((RECALL, recalls), (send, sends)):
            kind = draw.choice(("calls", "disk"))
            done = forking(*words, "--in", hub, how=(kind, draw.randint(1, steps[kind])))
            assert done["code"] in {KILLED, 0}, done
            killed += done["code"] == KILLED
            again = forking(*words, "--in", hub)
            assert again["code"] == 0, again
        standing = [one for one in listed(accord_here, hub) if one["state"] != "dropped"]
        brought = [(each["recall"], each["release"]) for one in standing for each in one["notices"]]
        assert len(brought) == len({*brought}) == 2
        sent = [one for one in standing if one["state"] == "sent"]
        uncertain = [one for one in standing if one["state"] == "uncertain"]
        assert len(sent) + len(uncertain) == len(standing)
        names = [re.findall(r"bounce\+(\S+)@", one.mail_from)[0] for one in server.post.taken]
        assert len(names) == len({*names})
        assert {one["id"] for one in sent} <= {*names} <= {one["id"] for one in standing}
        shutil.rmtree(hub.parent)
    assert killed


def test_a_package_that_really_went_by_mail_is_recalled_by_mail(accord_here, handed_over: Path, tmp_path: Path) -> None:
    shutil.copytree(handed_over, tmp_path, dirs_exist_ok=True)
    with mail_server(tmp_path / "mail-keys") as server:
        hub = Hub(folder=tmp_path / "hub", keys=tmp_path / "keys", accord=accord_here)
        with_mail(hub.folder, server)
        hub("notification", "send", "--in", hub.folder)
        hub(*RECALL, "--in", hub.folder)
        # whatever the recipient's period, and without a word of anybody
        hub("job", "work", "--in", hub.folder)
        _, second = server.post.taken
        read = opened_by_openssl(second.original_content, server.keys, tmp_path)
        (data,) = attached_to(read).values()
        notice = unpacked(data, tmp_path / "notice")
        policy = ("--policy", hub.folder / "ledger/policy")
        answer = ("--done", "--note", "Gone.", "--keys", hub.keys, "--out", tmp_path / "answer")
        hub("package", "acknowledge", notice, *policy, *answer)
        assert ": done, signed." in hub("recall", "acknowledge", tmp_path / "answer", "--in", hub.folder)
        hub("ledger", "audit", "--in", hub.folder)
