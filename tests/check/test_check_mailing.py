"""Questions by mail address: what is remembered, who gets a mail and when, and that everybody is treated alike."""

import hmac
import random
import sqlite3
import stat
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from accord.check.mailing.letters import letter, read_token, spelled
from accord.check.mailing.pages import MailPages, Place
from accord.check.mailing.settings import MailSettings, read_mail_settings
from accord.check.mailing.state import DAY_S, LINK_S, MONTH_S, MailState
from accord.check.mailing.waiting import AGAIN_S, HOUR_S, MOST_WAITING, Mailing
from accord.check.rendering import Hub, render, render_standing
from accord.check.service import Service
from accord.check.settings import read_check_settings
from accord.check.snapshot import CheckData
from accord.vocabulary.errors import OutputError, SettingsError
from accord.workspace.mail import Given
from accord.workspace.settings import read_settings
from tests.check.check_data import PEPPER
from tests.check.check_served import CLEAN, CONTACTS, HOST, MAIL, Question, publish_with_mail, settings_of

SEIZED = ("anna@example.org", "bert@example.org", "carla@example.org", "xn@xn--bcher-kva.example")
NOW = 1_796_000_000.0
SEEN = datetime.fromtimestamp(NOW, UTC).date()

SETTINGS = """
[mail]
state = "state"
host = "localhost"
from = "check@hub.example"
link = "https://check.hub.example"
"""


def settings(folder: Path, more: str = "") -> MailSettings:
    file = folder / "check.toml"
    file.write_text(SETTINGS + more, "utf-8")
    return read_mail_settings(read_settings(file).table("mail"), folder)


class Desk:
    """Questions with a clock that is turned, randomness that is counted, and a server that does as it is told."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self.now = NOW
        self.answers: list[Given | Exception] = []
        self.went: list[tuple[str, str, bytes, float]] = []
        self.last: list[bool] = []
        self.seen = SEEN
        self.looked: list[bytes] = []
        self.drawn = 0
        self.random = random.Random(7)
        self.settings = settings(folder, more)
        self.state = MailState(self.settings.state, int(NOW))
        self.names = {self.name(one.encode()) for one in SEIZED}
        self.mailing = Mailing(
            self.settings,
            self.state,
            digest=self.name,
            last_seen=self.last_seen,
            send=self.send,
            below=self.below,
            draw=self.random.randbytes,
            clock_s=lambda: self.now,
        )

    def name(self, mailbox: bytes) -> bytes:
        return hmac.digest(PEPPER, b"@" + mailbox, "sha256")

    def last_seen(self, name: bytes) -> date | None:
        self.looked.append(name)
        return self.seen if name in {one[:20] for one in self.names} else None

    def send(self, to: str, language: str, token: bytes, last: bool) -> Given:
        self.went.append((to, language, token, self.now))
        self.last.append(last)
        answer = self.answers.pop(0) if self.answers else Given.TAKEN
        if isinstance(answer, Exception):
            raise answer
        return answer

    def below(self, end: int) -> int:
        self.drawn += 1
        return self.random.randrange(end)

    def until(self, seconds: float) -> None:
        """Let time go by in steps, and work in each."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(self.now + 30, end)
            self.work()

    def work(self) -> int:
        self.mailing.look_up()
        return self.mailing.write()

    def asks_daily(self, times: int) -> list[int]:
        """Somebody asks about one address again and again, a day after a mail would come; which were answered."""
        answered = []
        for number in range(times):
            before = len(self.went)
            self.mailing.ask(SEIZED[0], "en")
            self.until(901)
            answered += [number] * (len(self.went) - before)
            self.now += DAY_S
        return answered


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_only_who_was_seized_gets_a_mail_and_after_a_delay_within_bounds(desk: Desk) -> None:
    for one in (
        SEIZED[0],
        "nobody@example.org",
        "no address",
        "",
        "Bert@Example.ORG",
        "x" * 300,
        "xn@b\u00fccher.example",
        # RFC 6531, and quoted as RFC 5321 permits it: of these nothing can be known
        "j\u00f6rg@example.org",
        '"anna"@example.org',
    ):
        assert desk.mailing.ask(one, "fr")
    assert desk.drawn == 9, "each draws once"
    desk.now = NOW + 29.9
    assert (desk.work(), desk.looked) == (0, []), "nothing is looked up before its time"
    desk.until(900)
    assert sorted((to, language) for to, language, *_ in desk.went) == [
        (SEIZED[0], "fr"),
        (SEIZED[1], "fr"),
        (SEIZED[3], "fr"),
    ]
    assert all(NOW + 30 <= at <= NOW + 931 for *_, at in desk.went)


def test_delays_are_spread_over_all_of_the_time(desk: Desk) -> None:
    for _ in range(2000):
        desk.mailing.ask("nobody@example.org", "en")
    due = sorted(one.due_s - NOW for one in desk.mailing._waiting)
    assert 30 <= due[0] < 40
    assert 890 < due[-1] <= 900
    assert 400 < due[1000] < 530


def test_one_address_gets_one_mail_a_day_however_often_and_however_spelled_it_is_asked(desk: Desk) -> None:
    for one in [SEIZED[0], "ANNA@example.org", " anna@EXAMPLE.org "] * 50:
        desk.mailing.ask(one, "en")
    desk.until(HOUR_S)
    assert len(desk.went) == 1
    desk.now = desk.went[0][3] + DAY_S - 1
    desk.mailing.ask(SEIZED[0], "en")
    desk.until(1)
    assert len(desk.went) == 1
    desk.until(HOUR_S)
    assert len(desk.went) == 2, "a day later, when it was due"


def test_no_more_mails_go_out_in_an_hour_than_may(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "mails_an_hour = 2\n")
    for one in SEIZED[:3]:
        desk.mailing.ask(one, "en")
    desk.until(HOUR_S)
    assert len(desk.went) == 2
    desk.until(HOUR_S)
    assert {to for to, *_ in desk.went} == set(SEIZED[:3])


def test_questions_are_looked_up_while_mails_wait_for_their_hour(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "mails_an_hour = 1\n")
    for one in SEIZED[:3]:
        desk.mailing.ask(one, "en")
    desk.until(901)
    assert (len(desk.went), len(desk.looked)) == (1, 3)
    for _ in range(50):
        desk.mailing.ask("nobody@example.org", "en")
        desk.mailing.ask(SEIZED[1], "en")
    desk.until(901)
    assert (len(desk.went), len(desk.looked)) == (1, 103), "nobody's question waits for another's mail"
    assert not desk.mailing._waiting
    assert len(desk.mailing._letters) == 2, "a mail waits once, however often it was asked for"


def test_a_mail_that_waits_for_a_day_is_forgotten_and_may_be_asked_for_again(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "mails_an_hour = 1\n")
    desk.names = {desk.name(f"{number}@example.org".encode()) for number in range(30)}
    for number in range(30):
        desk.mailing.ask(f"{number}@example.org", "en")
    desk.until(2 * DAY_S)
    assert 23 <= len(desk.went) <= 26, "one an hour, for a day"
    assert not desk.mailing._letters
    went = {to for to, *_ in desk.went}
    forgotten = next(f"{number}@example.org" for number in range(30) if f"{number}@example.org" not in went)
    desk.mailing.ask(forgotten, "en")
    desk.until(HOUR_S)
    assert desk.went[-1][0] == forgotten


def test_a_mail_that_cannot_be_made_locks_nobody_out_and_counts_for_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "mails_an_hour = 1\n")
    desk.answers = [ValueError("a mail that cannot be made")]
    desk.mailing.ask(SEIZED[0], "en")
    desk.now += 901
    with pytest.raises(ValueError, match="cannot be made"):
        desk.work()
    assert not desk.state.knows(desk.went[0][2], int(desk.now))
    desk.mailing.ask(SEIZED[0], "en")
    desk.until(901)
    assert [to for to, *_ in desk.went] == [SEIZED[0]] * 2
    assert desk.state.knows(desk.went[1][2], int(desk.now))


def test_an_address_that_is_refused_for_good_is_not_tried_at_every_question(tmp_path: Path) -> None:
    """Once a day, three times; and it takes nobody else's place in the hour."""
    desk = Desk(tmp_path, "mails_an_hour = 1\n")
    desk.answers = [Given.REFUSED, Given.TAKEN, *[Given.REFUSED] * 9]
    for _ in range(20):
        desk.mailing.ask(SEIZED[0], "en")
        desk.until(40)
    desk.mailing.ask(SEIZED[1], "en")
    desk.until(1000)
    assert [to for to, *_ in desk.went] == [SEIZED[0], SEIZED[1]]
    assert [desk.state.knows(token, int(desk.now)) for _, _, token, _ in desk.went] == [False, True]
    desk.now += DAY_S
    desk.asks_daily(20)
    assert [to for to, *_ in desk.went].count(SEIZED[0]) == 3
    desk.now += 11 * DAY_S
    desk.asks_daily(1)
    assert [to for to, *_ in desk.went].count(SEIZED[0]) == 4, "30 days after the last it is tried again"


def test_of_mails_that_nobody_opens_three_come_and_then_none_for_a_month(desk: Desk) -> None:
    """Asked for every 24 hours and 15 minutes: 30 days after the mail to the third question is the 33rd."""
    assert desk.asks_daily(100) == [0, 1, 2, 32, 33, 34, 64, 65, 66, 96, 97, 98]
    assert desk.last == [False, False, True] * 4


def test_the_last_of_three_mails_can_be_opened_for_as_long_as_none_follows(desk: Desk) -> None:
    desk.asks_daily(3)
    tokens = [token for _, _, token, _ in desk.went]
    at = int(desk.went[2][3])
    assert [desk.state.knows(one, at + LINK_S) for one in tokens] == [False, False, True]
    assert desk.state.knows(tokens[2], at + MONTH_S - 1)
    assert not desk.state.knows(tokens[2], at + MONTH_S)
    assert desk.state.open_link(tokens[2], at + MONTH_S - 1) is not None


def test_who_opens_a_mail_gets_the_next_a_day_later(desk: Desk) -> None:
    desk.asks_daily(3)
    desk.now = desk.went[2][3] + 10
    assert desk.state.open_link(desk.went[2][2], int(desk.now)) is not None
    desk.mailing.ask(SEIZED[0], "en")
    desk.until(901)
    assert len(desk.went) == 3, "one a day"
    desk.now += DAY_S
    desk.asks_daily(10)
    assert len(desk.went) == 6
    assert desk.last == [False, False, True] * 2


def test_who_wants_no_more_mails_gets_none_until_something_newer_is_known(desk: Desk) -> None:
    desk.asks_daily(1)
    ((_, _, token, at),) = desk.went
    now = int(at) + DAY_S
    assert desk.state.open_link(token, now) is not None
    assert desk.state.can_silence(token, now), "who has read it may want no more"
    assert not desk.state.silence(bytes(32), SEEN, now)
    assert desk.state.silence(token, SEEN, now)
    desk.asks_daily(20)
    assert len(desk.went) == 1
    desk.seen = SEEN + timedelta(days=1)
    desk.asks_daily(1)
    assert len(desk.went) == 2


def test_what_was_wished_is_forgotten_when_nothing_of_it_can_be_told_any_more(desk: Desk) -> None:
    desk.asks_daily(1)
    ((_, _, token, at),) = desk.went
    assert desk.state.silence(token, SEEN, int(at))
    assert not desk.state.can_silence(token, int(at) + MONTH_S), "a link says so for 30 days"
    desk.state.purge(int(NOW) + 31 * DAY_S)
    assert remembered(desk.settings.state, "silenced") == [1]
    desk.state.purge(int(NOW) + 32 * DAY_S)
    assert remembered(desk.settings.state, "silenced", "letters", "links", "begun") == [0] * 4


def test_questions_are_looked_up_and_taken_while_the_mail_server_stalls(desk: Desk) -> None:
    stalls, goes_on = threading.Event(), threading.Event()

    def send(*_: object) -> Given:
        stalls.set()
        assert goes_on.wait(60)
        return Given.TAKEN

    desk.mailing._send = send
    desk.mailing.ask(SEIZED[0], "en")
    desk.now += 901
    desk.mailing.look_up()
    writing = threading.Thread(target=desk.mailing.write)
    writing.start()
    try:
        assert stalls.wait(60)
        for one in (SEIZED[0], SEIZED[1], "nobody@example.org"):
            assert desk.mailing.ask(one, "en")
        desk.now += 901
        desk.mailing.look_up()
        assert not desk.mailing._waiting
        assert len(desk.looked) == 4
        assert len(desk.mailing._letters) == 1, "whose mail is on its way gets no second one"
    finally:
        goes_on.set()
        writing.join()
    assert not desk.mailing._letters


def test_what_the_server_could_not_take_stands_behind_what_it_was_not_given_yet(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "least_delay_s = 0\nmost_delay_s = 1\nmails_an_hour = 1\n")
    desk.answers = [Given.LATER, Given.TAKEN]
    desk.mailing.ask(SEIZED[0], "en")
    desk.until(30)
    desk.mailing.ask(SEIZED[1], "en")
    desk.mailing.ask(SEIZED[2], "en")
    desk.now += AGAIN_S
    desk.until(3 * HOUR_S)
    assert [to for to, *_ in desk.went] == [SEIZED[0], SEIZED[1], SEIZED[2], SEIZED[0]]


def test_a_state_of_an_earlier_accord_begins_anew(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "mail.db") as database:
        database.execute("CREATE TABLE letters (mailbox BLOB PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID")
        database.execute("INSERT INTO letters VALUES (?, ?)", (bytes(20), int(NOW)))
    database.close()
    state = MailState(tmp_path, int(NOW))
    assert state.begin_letter(bytes(20), bytes(32), int(NOW)) == 1
    state.close()
    state = MailState(tmp_path, int(NOW))
    assert state.knows(bytes(32), int(NOW)), "and is then kept"
    state.close()


def test_a_mail_of_which_it_is_not_known_whether_it_was_taken_counts_as_one(tmp_path: Path) -> None:
    desk = Desk(tmp_path, "mails_an_hour = 1\n")
    desk.answers = [Given.UNKNOWN]
    for one in (SEIZED[0], SEIZED[0], SEIZED[1]):
        desk.mailing.ask(one, "en")
    desk.until(901)
    assert len(desk.went) == 1
    assert desk.state.knows(desk.went[0][2], int(desk.now))


def test_a_crash_between_a_mail_s_beginning_and_its_end_locks_nobody_out(tmp_path: Path) -> None:
    state = MailState(tmp_path, int(NOW))
    went, crashed, token = bytes(20), bytes([1]) * 20, bytes([3]) * 32
    for mailbox in (went, crashed):
        assert state.begin_letter(mailbox, mailbox + bytes(12), int(NOW))
    state.settle_letter(went)
    state.close()
    state = MailState(tmp_path, int(NOW) + 5)
    assert not state.begin_letter(went, token, int(NOW) + 5)
    assert state.knows(crashed + bytes(12), int(NOW) + 5), "the mail may have gone out all the same"
    assert state.begin_letter(crashed, token, int(NOW) + 5)
    state.settle_letter(crashed)
    state.close()
    state = MailState(tmp_path, int(NOW) + 10)
    assert not state.begin_letter(crashed, bytes([2]) * 32, int(NOW) + 10), "begun once more, and settled"
    state.close()


def remembered(folder: Path, *tables: str) -> list[int]:
    database = sqlite3.connect(folder / "mail.db")
    try:
        return [database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables]
    finally:
        database.close()


def test_what_does_not_count_is_forgotten_at_the_start_and_as_time_goes_by_without_any_question(desk: Desk) -> None:
    desk.mailing.ask(SEIZED[0], "en")
    desk.until(901)
    name = desk.name(SEIZED[0].encode())[:20]
    assert remembered(desk.settings.state, "letters", "links") == [1, 1]
    assert desk.state.open_link(desk.went[0][2], int(desk.now))
    desk.until(DAY_S + 60)
    assert remembered(desk.settings.state, "letters", "links") == [0, 1]
    desk.now += MONTH_S
    desk.until(60)
    assert remembered(desk.settings.state, "letters", "links") == [0, 0]
    assert not [path for path in desk.settings.state.iterdir() if name in path.read_bytes()]
    assert desk.state.begin_letter(name, bytes(32), int(desk.now))
    desk.state.settle_letter(name)
    desk.state.close()
    MailState(desk.settings.state, int(desk.now) + MONTH_S).close()
    assert remembered(desk.settings.state, "letters", "links") == [0, 0]
    assert not [path for path in desk.settings.state.iterdir() if name in path.read_bytes()]


def test_what_a_server_cannot_take_now_is_tried_again_and_then_given_up(desk: Desk) -> None:
    desk.answers = [Given.LATER, Given.LATER, Given.TAKEN]
    desk.mailing.ask(SEIZED[0], "en")
    desk.until(3 * HOUR_S)
    assert len(desk.went) == 3
    assert desk.went[1][3] - desk.went[0][3] >= AGAIN_S
    tokens = [token for _, _, token, _ in desk.went]
    assert len(set(tokens)) == 3
    assert [desk.state.knows(one, int(desk.now)) for one in tokens] == [False, False, True]
    desk.answers = [Given.LATER] * 9
    desk.mailing.ask(SEIZED[1], "en")
    desk.until(3 * HOUR_S)
    assert len(desk.went) == 6, "three times"


def test_what_waits_is_bounded(desk: Desk) -> None:
    for _ in range(MOST_WAITING):
        assert desk.mailing.ask("nobody@example.org", "en")
    for one in (SEIZED[0], "nobody@example.org", "no address"):
        assert not desk.mailing.ask(one, "en"), "who asks is told that no more are taken, whatever they ask about"
    assert len(desk.mailing._waiting) == MOST_WAITING
    desk.until(900)
    assert desk.mailing.ask("nobody@example.org", "en")


def test_a_link_works_once_and_for_two_days(desk: Desk) -> None:
    desk.mailing.ask(SEIZED[0], "en")
    desk.until(HOUR_S)
    ((_, _, token, at),) = desk.went
    now = int(desk.now)
    assert desk.state.knows(token, now)
    assert desk.state.knows(token, now), "looking changes nothing"
    assert desk.state.open_link(b"\0" * 32, now) is None
    assert desk.state.open_link(token, int(at) + LINK_S) is None, "too old"
    assert desk.state.open_link(token, now) == desk.name(SEIZED[0].encode())[:20]
    assert desk.state.open_link(token, now) is None
    assert not desk.state.knows(token, now)


def test_no_address_and_no_token_stand_in_the_state(desk: Desk) -> None:
    for one in SEIZED:
        desk.mailing.ask(one, "en")
    desk.until(HOUR_S)
    assert len(desk.went) == 4
    files = [path for path in desk.settings.state.iterdir() if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in files} == {0}
    for path in files:
        content = path.read_bytes().lower()
        for to, _, token, _ in desk.went:
            assert to.partition("@")[0].encode() + b"@" not in content
            assert token.lower() not in content
            assert spelled(token).lower().encode() not in content


def test_what_does_not_count_any_more_is_forgotten(desk: Desk) -> None:
    for one in SEIZED[:2]:
        desk.mailing.ask(one, "en")
    desk.until(HOUR_S)
    desk.now += MONTH_S
    desk.mailing.ask(SEIZED[2], "en")
    desk.until(HOUR_S)
    assert remembered(desk.settings.state, "letters", "links") == [1, 1]


def test_a_state_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(OutputError, match="cannot be kept"):
        MailState(tmp_path / "state", int(NOW))


def test_a_token_has_one_spelling(desk: Desk) -> None:
    token = bytes(range(32))
    assert read_token(spelled(token)) == token
    for wrong in ("", spelled(token) + "=", spelled(token)[:-1], spelled(token)[:-1] + "9", spelled(token) * 2, "é"):
        assert read_token(wrong) is None
    assert MailPages.place(f"/ar/mail/{spelled(token)}") == Place(language="ar", token=token)
    assert MailPages.place(f"/ar/mail/{spelled(token)}/stop") == Place(language="ar", token=token, stop=True)
    assert MailPages.place("/ar/mail") == Place(language="ar")
    for end in ("/", "x", "x/stop", "stop", f"{spelled(token)}/", f"{spelled(token)}/stop/", f"{spelled(token)}/stopp"):
        assert MailPages.place(f"/en/mail/{end}") is None
    for path in ("/mail", "/xx/mail", "/en/maill", "ar/mail", "/en"):
        assert MailPages.place(path) is None


def test_a_letter_says_where_to_read_and_not_what(desk: Desk) -> None:
    from email import message_from_bytes
    from email.policy import default

    token = bytes(range(32))
    for language in ("en", "fr", "es", "ar", "de"):
        data = letter(desk.settings, "Hub, of tests", "anna@example.org", language, token, datetime.now(UTC), "n1")
        mail = message_from_bytes(data, policy=default)
        text = mail.get_content().replace("\r\n", "\n")
        assert mail["To"] == "anna@example.org"
        assert mail["From"] == '"Hub, of tests" <check@hub.example>'
        assert mail["Subject"].startswith("TLP:AMBER ")
        assert text.startswith("TLP:AMBER\n")
        assert f"https://check.hub.example/{language}/mail/{spelled(token)}\n" in text
        assert f"https://check.hub.example/{language}/mail/{spelled(token)}/stop\n" in text
        assert "30" not in text.replace(spelled(token), "")
        last = letter(desk.settings, "Hub", "anna@example.org", language, token, datetime.now(UTC), "n1", last=True)
        assert "30" in message_from_bytes(last, policy=default).get_content().replace(spelled(token), "")
        assert "anna" not in text
        assert mail["Auto-Submitted"] == "auto-generated"
        assert all(len(line) <= 78 for line in data.split(b"\r\n"))


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ('from = "Check <check@hub.example>"', "mail.from"),
        ('link = "https://check.hub.example/"', "mail.link"),
        ('link = "ftp://check.hub.example"', "mail.link"),
        ("least_delay_s = 900", "mail.most_delay_s"),
        ('securty = "tls"', "mail.securty"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, more: str, what: str) -> None:
    name = more.partition(" ")[0]
    text = "".join(f"{line}\n" for line in SETTINGS.splitlines() if not line.startswith(f"{name} ="))
    (tmp_path / "check.toml").write_text(text + more + "\n", "utf-8")
    with pytest.raises(SettingsError) as caught:
        read_mail_settings(read_settings(tmp_path / "check.toml").table("mail"), tmp_path)
    assert what in str(caught.value)


def test_when_no_more_may_wait_everybody_is_told_so_alike_whatever_they_ask_about(desk: Desk, tmp_path: Path) -> None:
    publish_with_mail(tmp_path / "data")
    read = read_check_settings(settings_of(tmp_path, more=CONTACTS + MAIL))
    hub = Hub(name=read.hub, contact=read.contact, hosts=read.hosts, contacts=read.contacts, writes=True)
    assert read.mail is not None
    pages = MailPages(read.mail, hub, desk.mailing, desk.state, salt=bytes(16), clock_s=lambda: NOW)
    service = Service(
        read, render_standing(hub), names=(HOST,), salt=bytes(16), tell=print, today=lambda: 0, mail=pages
    )
    data = CheckData.open(read.data, PEPPER)
    service.use(data, render(hub, data.families, data.day))

    def asked(mailbox: str) -> tuple[object, ...]:
        form = Question(CLEAN)
        form.path = "/en/mail"
        with_body = service.reply(form)
        assert callable(with_body)
        return with_body(b"mailbox=" + mailbox.encode())

    everybody = (SEIZED[0], "nobody@example.org", "no address", "")
    taken = [asked(one) for one in everybody]
    assert taken == taken[:1] * 4
    assert taken[0][0] == 200
    while desk.mailing.ask("nobody@example.org", "en"):
        pass
    refused = [asked(one) for one in everybody]
    assert refused == refused[:1] * 4
    assert (refused[0][0], dict(refused[0][1])["retry-after"]) == (503, "3600")
    data.close()
