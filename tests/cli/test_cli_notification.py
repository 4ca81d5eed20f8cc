"""Mail to recipients: given to a real server, opened and verified by OpenSSL, once a period, answered, bounced."""

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest

from tests.cli.conftest import PROGRAM, Once, Run
from tests.cli.test_cli_release import Accord, Hub, furnished
from tests.simulators.mail_server import Server, mail_server, make_keys, opened_by_openssl, verified_by_openssl


@pytest.fixture(scope="session")
def handed_over(once: Once, started: Run) -> Path:
    """The folder of a hub that has handed two infected machines to Thailand's CSIRT, and of keys for mail."""

    def make(folder: Path) -> None:
        make_keys(folder / "mail-keys")
        hub = furnished(started, folder)
        hub("release", "make", hub.operation(), "--in", hub.folder)

    return once("handed-over", make)


@pytest.fixture
def server(handed_over: Path, tmp_path: Path) -> Iterator[Server]:
    shutil.copytree(handed_over, tmp_path, dirs_exist_ok=True)
    with mail_server(tmp_path / "mail-keys") as one:
        yield one


@pytest.fixture
def hub(accord_here: Accord, tmp_path: Path, server: Server) -> Hub:
    """A hub that has handed two infected machines to Thailand's CSIRT, and may mail it."""
    one = Hub(folder=tmp_path / "hub", keys=tmp_path / "keys", accord=accord_here)
    set_mail(one, server.settings())
    return one


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def set_mail(hub: Hub, settings: str) -> None:
    file = hub.folder / "workspace.toml"
    file.write_text(file.read_text("utf-8").partition("\n[mail]")[0] + settings, "utf-8")


def listed(hub: Hub, *more: str) -> list[dict]:
    return json.loads(hub("notification", "list", "--json", *more, "--in", hub.folder))


def mail_jobs(hub: Hub) -> list[dict]:
    return [one for one in json.loads(hub("job", "list", "--json", "--in", hub.folder)) if one["kind"] == "mail"]


def send(hub: Hub, *more: str, code: int = 0) -> str:
    return hub("notification", "send", *more, "--in", hub.folder, code=code)


def text_in(message: EmailMessage) -> str:
    """The text for people, with the line ends of files."""
    return message.get_body().get_content().replace("\r\n", "\n")


def attached_to(message: EmailMessage) -> dict[str, bytes]:
    return {part.get_filename(): part.get_content() for part in message.iter_attachments()}


def opened_by_recipient(hub: Hub, files: dict[str, bytes], folder: Path) -> Path:
    """The content of the package that came with a mail."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    package, handover = (next(name for name in files if name.endswith(end)) for end in (".package", ".handover"))
    out = folder / "opened"
    hub("package", "open", folder / package, folder / handover, "--keys", hub.keys, "--policy",
        hub.folder / "ledger/policy", "--out", out)  # fmt: skip
    return out / "content"


def token_in(text: str) -> str:
    (found,) = re.findall(r"^accord1_\S+$", text, re.MULTILINE)
    return found


def test_a_mail_is_signed_encrypted_and_brings_what_was_handed_over(hub: Hub, server: Server, tmp_path: Path) -> None:
    said = send(hub, "--why", "Case 2026/114", "--person", "A. Analyst")
    assert re.search(r"csirt-th +1 release +sent +250 queued as 4711", said)
    (envelope,) = server.post.taken
    (one,) = listed(hub)
    assert (one["state"], one["releases"], one["overdue"]) == ("sent", [hub.releases()[0]["id"]], False)
    # who fails to deliver it says which it was
    assert envelope.mail_from == f"bounce+{one['id']}@hub.example"
    assert envelope.rcpt_tos == ["desk@csirt-th.example"]
    outer = message_from_bytes(envelope.original_content, policy=default)
    assert outer["message-id"] == f"<{one['id']}@hub.example>"
    assert outer["subject"].startswith("[TLP:AMBER] 1 report from ")
    assert outer.get_content_type() == "application/pkcs7-mime"
    # nothing of it travels open: no operation, no country, no address, no token
    for secret in (b"110.164.10", b"october", b"Infected", b"accord1_"):
        assert secret not in envelope.original_content
        assert secret not in outer.get_payload(decode=True)
    read = opened_by_openssl(envelope.original_content, server.keys, tmp_path)
    text = text_in(read)
    assert text.startswith("TLP:AMBER\n")
    assert "Infected machines in October 2026, Thailand: 2 findings, TLP:AMBER" in text
    assert all(len(line) <= 72 for line in text.splitlines())
    # attached is what was handed over, and the recipient alone opens it
    files = attached_to(read)
    place = hub.folder / "releases" / one["releases"][0]
    assert files == {
        "1-october-2026-TH.package": (place / "package").read_bytes(),
        "1-october-2026-TH.handover": (place / "handover").read_bytes(),
    }
    content = opened_by_recipient(hub, files, tmp_path)
    assert {"car.en.pdf", "findings.csv", "outcomes.csv", "xarf.jsonl"} <= {path.name for path in content.iterdir()}
    reports = [json.loads(line) for line in (content / "xarf.jsonl").read_text("utf-8").splitlines()]
    assert {report["source_identifier"] for report in reports} == {"110.164.10.1", "110.164.10.9"}
    # once it has gone nothing of it lies at the hub, and who sent it is in the log
    assert list((hub.folder / "notifications").iterdir()) == []
    logged = json.loads(hub("consultation", "list", "--json", "--in", hub.folder))
    (row,) = [each for each in logged if each["object"].startswith(f"notification {one['id']}: release ")]
    assert (row["processing"], row["person"], row["justification"], row["recipients"]) == (
        "disclosure", "A. Analyst", "Case 2026/114", ["csirt-th"],
    )  # fmt: skip
    assert "Nothing is to be mailed" in send(hub)
    assert len(server.post.taken) == 1


def test_a_recipient_reads_its_own_language(hub: Hub, server: Server, tmp_path: Path) -> None:
    set_mail(hub, server.settings(recipient='certificate = "{keys}/recipient.pem"\nlanguage = "ar"\n'))
    send(hub)
    read = opened_by_openssl(server.post.taken[0].original_content, server.keys, tmp_path)
    text = text_in(read)
    assert "يسلّم" in text
    # whoever copies the token copies nothing invisible
    assert token_in(text) == text.splitlines()[-1]


def test_one_mail_a_recipient_a_period_and_the_rest_is_a_job(hub: Hub, server: Server, tmp_path: Path) -> None:
    send(hub)
    for name in ("november", "december"):
        hub("release", "make", hub.operation(name), "--in", hub.folder)
    said = send(hub)
    assert "csirt-th has had a mail in this period: the next goes out from " in said
    assert len(server.post.taken) == 1
    (job,) = mail_jobs(hub)
    assert job["state"] == "waiting"
    assert job["not_before"] > job["queued_at"]
    # the same again queues no other
    send(hub)
    assert (
        len([one for one in json.loads(hub("job", "list", "--json", "--in", hub.folder)) if one["kind"] == "mail"]) == 1
    )
    # in the next period both come in one mail
    set_mail(hub, server.settings("every_hours = 0"))
    send(hub)
    assert len(server.post.taken) == 2
    read = opened_by_openssl(server.post.taken[1].original_content, server.keys, tmp_path)
    names = {part.get_filename().partition(".")[0] for part in read.iter_attachments()}
    assert {name[1:] for name in names} == {"-november-TH", "-december-TH"}
    assert len(names) == 2


def test_nothing_but_tlp_clear_goes_unencrypted(hub: Hub, server: Server) -> None:
    set_mail(hub, server.settings(recipient=""))
    said = send(hub, code=1)
    assert "it is TLP:AMBER, and there is no certificate for which it could be encrypted" in said
    assert server.post.taken == []
    assert listed(hub) == []
    # no token was made for it either
    assert json.loads(hub("token", "list", "--json", "--in", hub.folder)) == []


def test_what_is_tlp_clear_may_go_signed_alone(accord_here: Accord, server: Server, tmp_path: Path) -> None:
    hub = furnished(accord_here, _made(tmp_path / "other"))
    settings = hub.folder / "workspace.toml"
    settings.write_text(re.sub('marking = "amber"\ngrade', 'marking = "clear"\ngrade', settings.read_text()), "utf-8")
    hub("dataset", "apply", "--in", hub.folder)
    hub("release", "make", hub.operation(), "--in", hub.folder)
    assert hub.releases()[0]["marking"] == "clear"
    set_mail(hub, server.settings(recipient=""))
    send(hub)
    read = verified_by_openssl(server.post.taken[0].original_content, server.keys, tmp_path)
    assert text_in(read).startswith("TLP:CLEAR\n")


def test_what_a_rule_does_not_permit_any_more_is_not_mailed(hub: Hub, server: Server) -> None:
    hub("agreement", "end", "csirt-th-2026", "--why", "over", "--in", hub.folder)
    said = send(hub, code=1)
    assert "not mailed to csirt-th: release " in said
    assert "rule 3 (Agreements in force)" in said
    assert server.post.taken == []


def test_what_waits_for_a_server_is_dropped_when_it_is_recalled_in_between(hub: Hub, server: Server) -> None:
    server.post.at_recipient = lambda _: "451 come again"
    send(hub, code=1)
    (delivery,) = json.loads(hub("delivery", "list", "--json", "--in", hub.folder))
    one = ("--dataset", "sinkhole", "--delivery", delivery["sha256"])
    hub("recall", "make", *one, "--kind", "withdrawn", "--why", "wrong", "--in", hub.folder)
    server.post.at_recipient = lambda _: None
    send(hub)
    (one,) = listed(hub)
    assert one["state"] == "dropped"
    assert re.search("release .*: recall .* concerns it", one["said"])
    assert server.post.taken == []
    (token,) = json.loads(hub("token", "list", "--json", "--in", hub.folder))
    assert not token["counts"]


def test_a_server_that_asks_to_come_again_gets_the_same_mail_later(hub: Hub, server: Server) -> None:
    server.post.at_recipient = lambda _: "451 4.7.1 come again"
    assert re.search(" ready +451 4.7.1 come again", send(hub, code=1))
    (one,) = listed(hub)
    digest = one["sha256"]
    # a job that fails is tried again later, and makes no other one
    assert "(mail): waiting: 1 mail could not be sent yet." in hub("job", "work", "--in", hub.folder, code=1)
    (job,) = mail_jobs(hub)
    assert (job["state"], job["attempts"]) == ("waiting", 1)
    send(hub, code=1)
    assert [one["number"] for one in mail_jobs(hub)] == [job["number"]]
    server.post.at_recipient = lambda _: None
    send(hub)
    (one,) = listed(hub)
    assert (one["state"], one["sha256"]) == ("sent", digest)
    assert len(server.post.taken) == 1


@pytest.mark.parametrize("said", ["550 5.1.1 no such person", "552 5.3.4 too large"])
def test_a_server_that_refuses_for_good_is_not_asked_again_until_somebody_says_so(
    hub: Hub, server: Server, said: str
) -> None:
    if said.startswith("550"):
        server.post.at_recipient = lambda _: said
    else:
        server.post.at_data = lambda _: said
    assert said in send(hub, code=1)
    (first,) = listed(hub, "--overdue")
    assert (first["state"], first["said"]) == ("failed", said)
    server.post.at_recipient = server.post.at_data = lambda _: None
    send(hub)
    assert server.post.taken == []
    send(hub, "--again", first["id"][:8])
    dropped, second = listed(hub)
    assert (dropped["state"], second["state"], second["releases"]) == ("dropped", "sent", first["releases"])
    assert listed(hub, "--overdue") == []
    assert len(server.post.taken) == 1
    assert "expected: one that failed, bounced or is uncertain" in send(hub, "--again", second["id"], code=2)


def test_a_process_killed_while_the_server_takes_the_mail_does_not_send_it_twice_by_itself(
    hub: Hub, server: Server, environment: dict[str, str]
) -> None:
    running = subprocess.Popen([*PROGRAM, "notification", "send", "--in", str(hub.folder)], env=environment)

    def kill(_: object) -> None:
        # the whole mail is there, and before the server says so whoever sent it is gone
        os.kill(running.pid, signal.SIGKILL)
        running.wait()

    server.post.at_data = kill
    assert running.wait() == -signal.SIGKILL
    server.post.at_data = lambda _: None
    (one,) = listed(hub)
    assert one["state"] == "sending"
    assert "Nothing is to be mailed" in send(hub)
    (one,) = listed(hub, "--overdue")
    assert one["state"] == "uncertain"
    assert len(server.post.taken) == 1
    # whoever looks into it decides, and the same mail goes out: by its id a reader knows it
    send(hub, "--again", one["id"])
    first, second = server.post.taken
    assert first.original_content == second.original_content
    (one,) = listed(hub)
    assert one["state"] == "sent"


def test_a_server_that_hangs_up_before_it_answers_leaves_it_uncertain(hub: Hub, server: Server) -> None:
    server.post.hang_up = True
    assert " uncertain " in send(hub, code=1)
    server.post.hang_up = False
    send(hub)
    assert server.post.taken == []
    assert [one["state"] for one in listed(hub, "--overdue")] == ["uncertain"]


def test_no_server_no_encryption_and_no_trust_send_nothing(hub: Hub, server: Server, tmp_path: Path) -> None:
    other = server.settings().replace(f'ca_file = "{server.keys}/ca.pem"\n', "")
    set_mail(hub, other)
    assert "certificate verify failed" in send(hub, code=1)
    # another name than the certificate's
    set_mail(hub, server.settings().replace('host = "localhost"', 'host = "127.0.0.1"'))
    assert "certificate verify failed" in send(hub, code=1)
    with mail_server(server.keys, tls=False) as plain:
        set_mail(hub, plain.settings())
        assert "STARTTLS" in send(hub, code=1)
        assert plain.post.taken == []
    (server.keys / "password").write_text("wrong\n", "utf-8")
    set_mail(hub, server.settings())
    assert "535" in send(hub, code=1)
    assert server.post.taken == []
    (server.keys / "password").unlink()
    assert "cannot be read" in send(hub, code=4)
    set_mail(hub, server.settings().replace("password_file", "# password_file"))
    assert "ACCORD_MAIL_PASSWORD" in send(hub, code=2)
    (one,) = listed(hub)
    assert one["state"] == "ready"


def test_tls_from_the_first_byte(hub: Hub, tmp_path: Path, server: Server) -> None:
    with mail_server(server.keys, implicit=True) as other:
        set_mail(hub, other.settings('security = "tls"').replace("user = ", "# user = "))
        send(hub)
        assert len(other.post.taken) == 1


def test_who_has_the_token_answers_for_its_partner_until_it_is_revoked(
    hub: Hub, server: Server, tmp_path: Path
) -> None:
    send(hub)
    read = opened_by_openssl(server.post.taken[0].original_content, server.keys, tmp_path)
    token = token_in(text_in(read))
    form = opened_by_recipient(hub, attached_to(read), tmp_path) / "outcomes.csv"
    rows = list(csv.DictReader(io.StringIO(form.read_text("utf-8"))))
    for row in rows:
        row |= {"outcome": "done", "date": "2026-11-02"}
    file = tmp_path / "outcomes.csv"
    with file.open("w", newline="", encoding="utf-8") as sink:
        writer = csv.DictWriter(sink, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    take = ("outcome", "import", file, "--in", hub.folder)
    # the hub itself does not keep it
    (made,) = json.loads(hub("token", "list", "--json", "--in", hub.folder))
    assert (made["partner"], made["scopes"]) == ("csirt-th", ["report"])
    for path in hub.folder.rglob("*"):
        assert path.is_dir() or token.encode() not in path.read_bytes()
    assert "By this token nobody may report" in hub(*take, "--token", token[:-1] + "!", code=2)
    assert token[:20] not in hub(*take, "--token", token[:20], code=2)
    other = hub.accord("token", "make", "csirt-th", "--name", "feed", "--in", hub.folder).stdout.strip()
    assert "By this token nobody may report" in hub(*take, "--token", other, code=2)
    assert "one of --from and --token" in hub(*take, code=2)
    assert "one of --from and --token" in hub(*take, "--from", "csirt-th", "--token", token, code=2)
    assert "2 rows of csirt-th: 2 taken (2 new)" in hub(*take, "--token", token)
    score = hub("operation", "score", "october-2026", "--role", "infected-system", "--in", hub.folder)
    assert "100.0% done: 2 of 2" in score or "100% done: 2 of 2" in score
    hub("token", "revoke", made["id"], "--in", hub.folder)
    assert "By this token nobody may report" in hub(*take, "--token", token, code=2)


BOUNCE = """\
Date: Thu, 7 Jul 1994 17:16:05 -0400
From: Mail Delivery Subsystem <MAILER-DAEMON@CS.UTK.EDU>
Message-Id: <199407072116.RAA14128@CS.UTK.EDU>
Subject: Returned mail: Cannot send message for 5 days
To: <{to}>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
      boundary="RAA14128.773615765/CS.UTK.EDU"

--RAA14128.773615765/CS.UTK.EDU

The original message was received at Sat, 2 Jul 1994 17:10:28 -0400
from root@localhost

--RAA14128.773615765/CS.UTK.EDU
content-type: message/delivery-status

Reporting-MTA: dns; cs.utk.edu

Original-Recipient: rfc822;louisl@larry.slip.umd.edu
Final-Recipient: rfc822;louisl@larry.slip.umd.edu
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 426 connection timed out
Last-Attempt-Date: Thu, 7 Jul 1994 17:15:49 -0400

--RAA14128.773615765/CS.UTK.EDU
content-type: message/rfc822

{original}

--RAA14128.773615765/CS.UTK.EDU--
"""
"""After RFC 3464, appendix E.1, with what differs from case to case left open."""


def test_a_bounce_is_matched_and_overdue_and_the_same_again_changes_nothing(
    hub: Hub, server: Server, tmp_path: Path
) -> None:
    send(hub)
    (one,) = listed(hub)
    box = tmp_path / "Maildir"
    (box / "new").mkdir(parents=True)
    (box / "cur").mkdir()
    named = f"bounce+{one['id']}@hub.example"
    other = "bounce+00000000-0000-4000-8000-000000000000@hub.example"
    (box / "cur/1:2,S").write_text("Subject: out of office\n\nI am away.\n", "utf-8")
    (box / "cur/2:2,S").write_text(BOUNCE.format(to=named, action="delayed", status="4.0.0", original="A: b"), "utf-8")
    (box / "cur/3:2,S").write_text(BOUNCE.format(to=other, action="failed", status="5.1.1", original="A: b"), "utf-8")
    (box / "cur/4:2,S").write_bytes(bytes(range(256)) * 20)
    told = json.loads(hub("notification", "bounces", box, "--json", "--in", hub.folder))
    assert [each["what"] for each in told] == [
        "it is no report on a delivery", "it tells of no failure", "it names no mail of this hub",
        "it is no report on a delivery",
    ]  # fmt: skip
    assert listed(hub)[0]["state"] == "sent"
    # a server that leaves the address out brings the mail's own id back
    (box / "new/5").write_text(
        BOUNCE.format(to="postmaster@hub.example", action="failed", status="4.4.2 (timed out)",
                      original=f"Message-ID: <{one['id']}@hub.example>\n\n[original message goes here]"),
        "utf-8",
    )  # fmt: skip
    said = hub("notification", "bounces", box, "--in", hub.folder)
    assert "5 messages: 1 notification bounced, 4 passed over." in said
    (found,) = listed(hub, "--overdue")
    assert (found["state"], found["said"]) == ("bounced", "4.4.2 426 connection timed out")
    assert "it was taken in before" in hub("notification", "bounces", box / "new/5", "--in", hub.folder)
    assert "cannot be read" in hub("notification", "bounces", box / "absent", "--in", hub.folder, code=4)


def test_a_bounce_is_matched_by_the_name_that_the_server_was_told(hub: Hub, server: Server, tmp_path: Path) -> None:
    server.post.reports = True
    send(hub)
    (one,) = listed(hub)
    # RFC 3461, 4: failures are told, under this name, with the headers alone
    assert server.post.asked == [f"ENVID={one['id']}", "RET=HDRS", "NOTIFY=FAILURE"]
    bounce = BOUNCE.format(to="postmaster@hub.example", action="failed", status="5.2.2", original="Subject: report")
    file = tmp_path / "bounce.eml"
    file.write_text(bounce, "utf-8")
    assert "it names no mail of this hub" in hub("notification", "bounces", file, "--in", hub.folder)
    named = "Original-Envelope-Id: 00000000-0000-4000-8000-000000000000\nReporting-MTA:"
    file.write_text(bounce.replace("Reporting-MTA:", named), "utf-8")
    assert "it names no mail of this hub" in hub("notification", "bounces", file, "--in", hub.folder)
    file.write_text(bounce.replace("Reporting-MTA:", named.replace(named.split()[1], one["id"])), "utf-8")
    assert "1 notification bounced" in hub("notification", "bounces", file, "--in", hub.folder)
    (found,) = listed(hub, "--overdue")
    assert (found["state"], found["said"]) == ("bounced", "5.2.2 426 connection timed out")


def test_what_was_recalled_and_never_confirmed_stops_no_mail(hub: Hub, server: Server) -> None:
    (delivery,) = json.loads(hub("delivery", "list", "--json", "--in", hub.folder))
    one = ("--dataset", "sinkhole", "--delivery", delivery["sha256"])
    hub("recall", "make", *one, "--kind", "withdrawn", "--why", "wrong", "--in", hub.folder)
    assert "Nothing is to be mailed" in send(hub)
    assert "Nothing is to be mailed" in send(hub)
    assert server.post.taken == []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('address = "desk@csirt-th.example"', 'address = "Desk <desk@csirt-th.example>"', "one mail address"),
        ('partner = "csirt-th"', 'partner = "csirt-xx"', "did you mean 'csirt-th'?"),
        ("port = ", "prot = ", "is not known"),
        ("hub.key", "recipient.key", "not that of the first certificate"),
        ("recipient.pem", "hub.key", "This is no certificate"),
    ],
)
def test_what_is_wrong_with_the_settings_is_said(hub: Hub, server: Server, before: str, after: str, said: str) -> None:
    settings = server.settings()
    assert before in settings
    set_mail(hub, settings.replace(before, after, 1))
    assert said in send(hub, code=2)
    assert server.post.taken == []


def test_what_its_recipient_has_confirmed_is_not_mailed(hub: Hub, server: Server, tmp_path: Path) -> None:
    place = hub.folder / "releases" / hub.releases()[0]["id"]
    hub("package", "open", place / "package", place / "handover", "--keys", hub.keys, "--policy",
        hub.folder / "ledger/policy", "--out", tmp_path / "opened")  # fmt: skip
    hub("release", "receipt", tmp_path / "opened/receipt", "--in", hub.folder)
    assert "Nothing is to be mailed" in send(hub)
    assert server.post.taken == []


def test_what_is_too_large_for_a_mail_is_held_and_said(hub: Hub, server: Server) -> None:
    set_mail(hub, server.settings("most_mib = 1"))
    place = hub.folder / "releases" / hub.releases()[0]["id"]
    with (place / "handover").open("ab") as file:
        file.truncate(1 << 20)
    assert "bytes, and a mail may bring 1,048,576" in send(hub, code=1)
    assert server.post.taken == []


def test_without_settings_nothing_is_mailed(hub: Hub) -> None:
    set_mail(hub, "")
    assert "no settings for mail" in send(hub, code=2)
    assert "None yet" in hub("notification", "list", "--in", hub.folder)
