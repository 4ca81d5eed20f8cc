"""Every command of the page on notifications prints what it shows, beside a real mail server."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tests.docs.conftest import ROOT, blocks, printed_by
from tests.docs.test_docs_readme import assert_alike
from tests.simulators.mail_server import mail_server, make_keys

if TYPE_CHECKING:
    from tests.docs.conftest import FirstRun

PAGE = (ROOT / "docs/notifications.md").read_text("utf-8")

BOUNCE = """\
To: <{to}>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

It could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example

Final-Recipient: rfc822; desk@csirt-th.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such person

--b--
"""


def test_every_command_of_the_page_on_notifications_prints_what_it_shows(
    handing_over_run: "FirstRun", tmp_path: Path
) -> None:
    shutil.copytree(handing_over_run.folder / "hub", tmp_path / "hub")
    keys = tmp_path / "hub/mail"
    make_keys(keys)
    shutil.copy(keys / "recipient.pem", keys / "csirt-th.pem")
    (settings,) = blocks("toml", PAGE)
    with mail_server(keys) as server:
        for shown, own in (
            ('host = "mail.hub.example"', f'host = "localhost"\nca_file = "{keys}/ca.pem"'),
            ("port = 587", f"port = {server.port}"),
            ("/etc/accord/mail-password", f"{keys}/password"),
        ):
            assert shown in settings
            settings = settings.replace(shown, own)
        file = tmp_path / "hub/workspace.toml"
        file.write_text(file.read_text("utf-8") + settings, "utf-8")
        told = {}
        for block in blocks("console", PAGE):
            line, _, shown = block.removeprefix("$ ").partition("\n")
            if " bounces " in line:
                (envelope,) = server.post.taken
                (tmp_path / "Maildir/new").mkdir(parents=True)
                (tmp_path / "Maildir/new/1").write_text(BOUNCE.format(to=envelope.mail_from), "utf-8")
            told[line] = printed_by(line, tmp_path)
            assert_alike(shown, told[line])
        assert "bounced" in printed_by("accord notification list --overdue --in hub", tmp_path)
    assert len(told) == 4
