"""Wherever a page of the check leads, there is a page: of its own language, or of the language that is named."""

import re
import secrets
from base64 import urlsafe_b64encode
from http import HTTPStatus

import pytest

from tests.check.check_served import CLEAN, DAY, LANGUAGES, MAILBOX, Answer, Check, give_link


def every_page(check: Check, language: str) -> dict[str, Answer]:
    """Pages, answers and refusals in a language, however one comes to them."""
    opened, silenced = (give_link(check.folder, language) for _ in range(2))
    unknown = urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
    accepts = {"Accept-Language": language}
    return {
        "page": check.ask(f"/{language}", "GET"),
        "by the browser's language": check.ask("/", "GET", headers=accepts),
        "offices": check.ask(f"/{language}/report", "GET"),
        "seen": check.ask(f"/{language}", visitor=DAY),
        "not seen": check.ask(f"/{language}", visitor=CLEAN),
        "form": check.ask(f"/{language}/mail", "GET"),
        "reply": check.ask(f"/{language}/mail", body=f"mailbox={MAILBOX}".encode()),
        "button": check.ask(opened, "GET"),
        "told": check.ask(opened),
        "used up": check.ask(opened, "GET"),
        "no more mails": check.ask(silenced + "/stop", "GET"),
        "stopped": check.ask(silenced + "/stop"),
        "gone": check.ask(f"/{language}/mail/{unknown}", "GET"),
        "not there": check.ask(f"/{language}/wrong", "GET"),
        "no language": check.ask("/xx", "GET", headers=accepts),
        "a link in no language": check.ask(f"/xx/mail/{unknown}", "GET", headers=accepts),
        "another site's": check.ask(f"/{language}", headers={"Origin": "https://evil.example"}),
        "another site's, by mail": check.ask(f"/{language}/mail", headers={"Origin": "https://evil.example"}),
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_link_leads_to_a_page_that_is_there(mail_check: Check, language: str) -> None:
    pages = every_page(mail_check, language)
    followed: dict[str, Answer] = {}
    for name, one in pages.items():
        assert f'<html lang="{language}"' in one.text, name
        links = re.findall(r'(?:href|action)="(/[^"]*)"', one.text)
        assert links, name
        for link in links:
            if link not in followed:
                followed[link] = mail_check.ask(link, "GET")
            assert followed[link].status == HTTPStatus.OK, (name, link)
            said = re.search(r'<html lang="([a-z]+)"', followed[link].text)
            assert said is None or said[1] == link.split("/")[1], (name, link)
    # back to the check from wherever it leads back
    for name in ("offices", "form", "reply", "button", "told", "used up", "gone", "not there", "no language"):
        assert f'class="step" href="/{language}"' in pages[name].text, name
