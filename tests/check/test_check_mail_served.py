"""The check by e-mail as a real process with a real mail server: one reply for all, and a link that wants a POST."""

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.check.check_data import publish
from tests.check.check_served import (
    CONTACTS,
    FAMILIES,
    HOST,
    LANGUAGES,
    MIRAI_DOES,
    NAMING_IMPORTS,
    RANGES,
    Answer,
    Check,
    give_link,
    received,
    serve_check,
    settings_of,
    stop,
    taken_from_a_hub,
    today,
)
from tests.simulators.mail_server import SECRET, USER, Server, mail_server, make_keys

SEIZED, OTHER, UNKNOWN = "anna@example.org", "bert@example.org", "nobody@example.org"

MAIL = """
[mail]
state = "state"
host = "localhost"
port = {port}
ca_file = "{keys}/ca.pem"
user = "{user}"
password_file = "{keys}/password"
from = "notify@hub.example"
link = "https://check.fusion.example"
least_delay_s = 0
most_delay_s = 1
asked_a_minute = {asked}
"""

MARKED = {
    "en": "TLP:AMBER means: pass this on only to those who need it to help you",
    "fr": "TLP:AMBER signifie\N{NO-BREAK SPACE}: ne transmettez ceci qu’à ceux qui en ont besoin pour vous aider",
    "es": "TLP:AMBER significa: transmita esto solo a quienes lo necesiten para ayudarle",
    "ar": "معنى TLP:AMBER: لا تنقل هذا إلا إلى من يحتاج إليه لمساعدتك",
    "de": "TLP:AMBER heißt: Geben Sie dies nur an die weiter, die es brauchen, um Ihnen zu helfen",
}

Serve = Callable[..., Check]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    make_keys(folder)
    (folder / "password").write_bytes(SECRET + b"\n")
    return folder


@pytest.fixture
def server(keys: Path) -> Iterator[Server]:
    with mail_server(keys) as running:
        yield running


@pytest.fixture
def serve_mail(tmp_path: Path, server: Server) -> Iterator[Serve]:
    started: list[Check] = []

    def begin(asked: int = 1000, limits: str = "", mail: str = "", env: dict[str, str] | None = None) -> Check:
        day = today().date()
        publish(
            tmp_path / "data",
            {},
            mailboxes={SEIZED: ((1, 2), day - timedelta(days=4)), OTHER: ((0,), day)},
            ranges=RANGES,
            made_at=today(),
            day=day,
            families=FAMILIES,
        )
        more = CONTACTS + MAIL.format(port=server.port, keys=server.keys, user=USER.decode(), asked=asked) + mail
        started.append(serve_check(settings_of(tmp_path, more=more, limits=limits), env))
        return started[-1]

    yield begin
    for one in started:
        stop(one)


def ask(check: Check, mailbox: str, language: str = "en", **more: object) -> Answer:
    body = urlencode({"mailbox": mailbox}).encode()
    return check.ask(f"/{language}/mail", body=body, **more)  # type: ignore[arg-type]


def arrived(server: Server, count: int) -> list[tuple[str, str]]:
    """To whom mails went, and the links in them, once so many have arrived."""
    until = time.monotonic() + 60
    while len(server.post.taken) < count and time.monotonic() < until:
        threading.Event().wait(0.05)
    found = []
    for one in server.post.taken:
        content = one.content if isinstance(one.content, bytes) else str(one.content).encode()
        mail = message_from_bytes(content, policy=default)
        link, stop = re.findall(r"https://check\.fusion\.example(/\S+)", mail.get_content())
        assert stop == f"{link}/stop"
        found.append((one.rcpt_tos[0], link))
    return found


def test_everybody_gets_the_same_reply_and_who_was_seized_a_mail(serve_mail: Serve, server: Server) -> None:
    check = serve_mail()
    assert 'href="/en/mail"' in check.ask("/en", "GET").text
    form = check.ask("/en/mail", "GET")
    assert form.status == HTTPStatus.OK
    assert 'type="email"' in form.text
    replies = [
        ask(check, one)
        for one in (SEIZED, UNKNOWN, "no address", "", "j\u00f6rg@example.org", '"anna"@example.org', SEIZED, OTHER)
    ]
    replies.append(check.ask("/en/mail", body=b"\xff\xfe=&&&"))
    replies.append(check.ask("/en/mail", body=b"mailbox=" + b"x" * 5000))
    assert {(one.status, one.body) for one in replies} == {(HTTPStatus.OK, replies[0].body)}
    # a body that is longer than a form ever is may end the connection: all others are answered alike to the last header
    said = [{name: text for name, text in one.headers.items() if name != "date"} for one in replies[:-1]]
    assert said == [said[0]] * len(said)
    found = arrived(server, 2)
    assert sorted(to for to, _ in found) == [SEIZED, OTHER]
    assert len(server.post.taken) == 2


def test_a_link_that_is_looked_at_by_machines_tells_nothing_and_stays_for_its_reader(
    serve_mail: Serve, server: Server
) -> None:
    check = serve_mail()
    ask(check, SEIZED, "fr")
    ((_, link),) = arrived(server, 1)
    assert link.startswith("/fr/mail/")
    for method in ("GET", "HEAD", "GET"):
        looked = check.ask(link, method)
        assert looked.status == HTTPStatus.OK
        assert "Mirai" not in looked.text
        assert "cache-control" in looked.headers
        assert looked.headers["cache-control"] == "no-store"
    # another site's page cannot open it for its reader either
    refused = check.ask(link, headers={"Sec-Fetch-Site": "cross-site"})
    assert refused.status == HTTPStatus.FORBIDDEN
    told = check.ask(link)
    assert told.status == HTTPStatus.OK
    assert "Mirai" in told.text
    assert "Simda" in told.text
    assert "connexion" not in told.text.partition("<ol")[2].partition("</p>")[0], (
        "of a mail address, not of a connection"
    )
    assert (today().date() - timedelta(days=4)).isoformat() in told.text
    for method in ("POST", "GET"):
        again = check.ask(link, method)
        assert "Mirai" not in again.text
    tampered = link[:-4] + ("AAAA" if not link.endswith("AAAA") else "BBBA")
    assert "Mirai" not in check.ask(tampered).text


@pytest.mark.parametrize("language", MIRAI_DOES)
def test_what_a_link_shows_says_what_each_family_does(mail_check: Check, language: str) -> None:
    told = mail_check.ask(give_link(mail_check.folder, language)).text
    assert f"<li><b>Mirai</b><br>{MIRAI_DOES[language]}</li>" in told
    assert re.findall("<li><b>(.*?)</b><br>[^<]{20,}</li>", told) == ["Mirai", "FluBot", "Emotet"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_link_shows_is_marked_as_its_mail_is_and_says_what_that_means(mail_check: Check, language: str) -> None:
    link = give_link(mail_check.folder, language)
    label = '<p class="marking"><b class="tlp amber" dir="ltr">TLP:AMBER</b></p>'
    told = [mail_check.ask(link, method).text for method in ("GET", "POST", "POST")]
    # what says nothing of anybody is for everybody
    assert ["TLP:" in one for one in told] == [False, True, False]
    head, text, foot = re.split("<main[^>]*>|</main>", told[1])
    assert label in head
    assert label in foot
    assert MARKED[language] in re.sub("<[^>]*>", "", text)


def test_no_more_mails_are_wanted_by_a_button_and_not_by_a_look(serve_mail: Serve, server: Server) -> None:
    check = serve_mail()
    ask(check, SEIZED, "de")
    ((_, link),) = arrived(server, 1)
    stop = f"{link}/stop"
    for method in ("GET", "HEAD"):
        looked = check.ask(stop, method)
        assert looked.status == HTTPStatus.OK
    assert f'action="{stop}"' in check.ask(stop, "GET").text
    assert check.ask(stop, headers={"Sec-Fetch-Site": "cross-site"}).status == HTTPStatus.FORBIDDEN
    told = check.ask(link)
    assert f'href="{stop}"' in told.text
    for _ in range(2):
        stopped = check.ask(stop)
        assert (stopped.status, stopped.title) == (HTTPStatus.OK, "Wir schreiben Ihnen nicht mehr")
    gone = check.ask(f"/de/mail/{'A' * 43}/stop")
    assert (gone.status, gone.title) == (HTTPStatus.OK, "Dieser Link funktioniert nicht mehr")


def test_it_holds_nothing_of_the_hub_whatever_it_writes_and_shows(serve_mail: Serve, server: Server) -> None:
    check = serve_mail(env=NAMING_IMPORTS)
    ask(check, SEIZED)
    ((_, link),) = arrived(server, 1)
    assert "Mirai" in check.ask(link).text
    assert check.ask(f"{link}/stop").title == "We write to you no more"
    # what it remembers itself it keeps in a file of its own, with the standard library
    assert {one.partition(".")[0] for one in taken_from_a_hub(check)} == {"sqlite3"}


def test_who_asks_too_often_is_refused_whatever_they_ask_about(serve_mail: Serve, server: Server) -> None:
    check = serve_mail(asked=2)
    visitor = "203.0.113.77"
    statuses = [ask(check, one, visitor=visitor).status for one in (UNKNOWN, UNKNOWN, SEIZED, UNKNOWN)]
    assert statuses == [HTTPStatus.OK] * 2 + [HTTPStatus.TOO_MANY_REQUESTS] * 2
    assert ask(check, UNKNOWN, visitor="203.0.113.78").status == HTTPStatus.OK
    assert server.post.taken == []


def slow(*headers: str, host: str = HOST) -> bytes:
    """A form of which one byte comes, and no more."""
    lines = ("POST /en/mail HTTP/1.1", f"Host: {host}", "Content-Length: 100", *headers, "", "m")
    return "\r\n".join(lines).encode()


def test_forms_that_do_not_come_keep_nobody_waiting_and_are_hung_up_on(serve_mail: Serve) -> None:
    check = serve_mail(limits="connections = 128\naddress_a_minute = 1000000")
    held = [check.connect(f"127.0.1.{place + 1}") for place in range(128)]
    for place, one in enumerate(held):
        one.sendall(slow(f"X-Forwarded-For: 203.0.113.{place}"))
    # there is no room for anybody until they were hung up on
    assert check.ask("/en", "GET").status == HTTPStatus.OK
    for one in held:
        with one:
            assert received(one).startswith(b"HTTP/1.1 408 ")
    assert not check.talk


def test_a_form_that_is_refused_is_refused_before_it_is_read(serve_mail: Serve) -> None:
    check = serve_mail(asked=1)
    with check.connect() as waits:
        # the one question of this address, of which most is still to come
        waits.sendall(slow("X-Forwarded-For: 203.0.113.7"))
        for headers, host, status in (
            ((), "evil.example", b"421"),
            (("Origin: https://evil.example",), HOST, b"403"),
            (("Sec-Fetch-Site: cross-site",), HOST, b"403"),
            (("X-Forwarded-For: 203.0.113.8", "Sec-Fetch-Site: same-site"), HOST, b"403"),
        ):
            assert check.raw(slow(*headers, host=host)).startswith(b"HTTP/1.1 " + status)
        assert ask(check, UNKNOWN, visitor="203.0.113.8").status == HTTPStatus.OK
        refused = check.raw(slow("X-Forwarded-For: 203.0.113.8"))
        assert refused.startswith(b"HTTP/1.1 429 ")


def test_a_form_whose_sender_goes_away_leaves_no_trace(serve_mail: Serve) -> None:
    check = serve_mail()
    for _ in range(3):
        with check.connect() as goes:
            goes.sendall(slow("X-Forwarded-For: 203.0.113.7"))
    assert ask(check, UNKNOWN, visitor="203.0.113.8").status == HTTPStatus.OK
    assert check.end() == 0
    assert [line for line in check.talk if "ended in order" not in line] == []


def test_what_networks_and_all_ask_too_often_is_counted_apart_and_told(serve_mail: Serve) -> None:
    check = serve_mail(mail="network_a_minute = 2\nall_a_minute = 4\n")
    for visitor, status in (
        *((f"203.0.113.{host}", 200) for host in (7, 8)),
        ("203.0.113.9", 429),
        *((f"192.0.2.{host}", 200) for host in (7, 8)),
        ("198.51.100.77", 429),
    ):
        assert ask(check, UNKNOWN, visitor=visitor).status == status, visitor
    alarm = json.loads(check.hear("mail-limit")[-1])
    assert alarm["asn"] in {64504, 64502}
    health = check.health()
    told = [health[f"mail_refused_{bound}"] for bound in ("address", "network", "all", "full")]
    assert told == [0, 1, 1, 0]
    assert (health["refused_address"], health["refused_network"]) == (0, 0)


def test_a_refusal_for_good_is_told_the_operator_and_not_tried_again_at_every_question(
    serve_mail: Serve, server: Server
) -> None:
    check = serve_mail()
    tried = []

    def refuse(to: str) -> str | None:
        tried.append(to)
        return f"550 5.1.1 <{to}> is unknown here" if to == SEIZED else None

    server.post.at_recipient = refuse
    ask(check, SEIZED)
    line = check.hear('"mail"')[-1]
    assert (json.loads(line)["mail"], json.loads(line)["code"]) == ("refused", 550)
    replies = {ask(check, SEIZED).body for _ in range(30)} | {ask(check, OTHER).body, ask(check, UNKNOWN).body}
    assert len(replies) == 1, "nobody who asks sees any of it"
    assert [to for to, _ in arrived(server, 1)] == [OTHER]
    assert sorted(tried) == [SEIZED, OTHER]
    assert not [one for one in check.talk if "anna" in one]


def test_no_reply_says_that_no_mail_means_not_known(serve_mail: Serve) -> None:
    said = ask(serve_mail(), UNKNOWN).text
    assert "No mail does not mean that the address is not known" in said


def test_another_site_cannot_ask_on_a_visitors_behalf(serve_mail: Serve, server: Server) -> None:
    check = serve_mail()
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert ask(check, SEIZED, headers=headers).status == HTTPStatus.FORBIDDEN
    assert server.post.taken == []


def test_a_restart_forgets_no_mail_that_went_out(serve_mail: Serve, server: Server, tmp_path: Path) -> None:
    check = serve_mail()
    ask(check, SEIZED)
    ((_, link),) = arrived(server, 1)
    stop(check)
    check = serve_mail()
    ask(check, SEIZED)
    ask(check, OTHER)
    assert sorted(to for to, _ in arrived(server, 2)) == [SEIZED, OTHER]
    assert "Mirai" in check.ask(link).text
    for path in (tmp_path / "state").iterdir():
        assert b"anna" not in path.read_bytes()
        assert base64.urlsafe_b64decode(link.rpartition("/")[2] + "=") not in path.read_bytes()


def test_without_the_table_there_is_no_such_page(check: Check) -> None:
    assert "/en/mail" not in check.ask("/en", "GET").text
    for method in ("GET", "POST"):
        assert check.ask("/en/mail", method).status == HTTPStatus.NOT_FOUND
