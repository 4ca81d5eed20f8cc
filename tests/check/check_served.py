"""The check's service as a real process, asked from addresses of this machine's own choosing."""

import base64
import hmac
import http.client
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from accord.check.layout import Family
from accord.check.mailing.state import MailState
from accord.check.networks import NetworkKind
from accord.check.rendering import Hub, render, render_standing
from accord.check.service import Service
from accord.check.settings import read_check_settings
from accord.check.snapshot import CheckData
from tests.check.check_data import PEPPER, Ranges, Told, publish, spelled
from tests.simulators.browser import Page

HOST = "check.fusion.example"
LANGUAGES = ("en", "fr", "es", "ar", "de")

FAMILIES = (
    Family(name=""),
    Family(name="Mirai", platforms=("elf", "win")),
    Family(name="Simda"),
    Family(name="FluBot", platforms=("apk",)),
    Family(name="Emotet", platforms=("win",)),
    Family(name="Shlayer", platforms=("osx",)),
    Family(name='<b>"Odd" & \N{RIGHT-TO-LEFT OVERRIDE}name</b>', platforms=("js",)),
)
DAY, WEEK, MONTH, CLEAN = "203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.200"
UNNAMED, MANY, ODD = "203.0.113.4", "203.0.113.5", "203.0.113.6"
SHARED, SHARED_CLEAN = "192.0.2.1", "192.0.2.2"
HOSTED, RELAYED, BEHIND_NAT, INSIDE = "198.51.100.1", "198.51.100.65", "198.51.100.130", "10.0.0.1"
V6, V6_CLEAN = "2001:db8:1::7", "2001:db8:2::7"

RANGES: Ranges = {
    "192.0.2.0": (64500, NetworkKind.SHARED),
    "192.0.3.0": (None, NetworkKind.ORDINARY),
    "198.51.100.0": (64501, NetworkKind.HOSTING),
    "198.51.100.64": (64502, NetworkKind.VPN),
    "198.51.100.128": (64503, NetworkKind.CARRIER_NAT),
    "198.51.101.0": (None, NetworkKind.ORDINARY),
    "203.0.113.0": (64504, NetworkKind.ORDINARY),
    "203.0.114.0": (None, NetworkKind.ORDINARY),
}


MIRAI_DOES = {
    "en": "Takes over routers, cameras and servers and uses them to flood others with traffic.",
    "de": "Übernimmt Router, Kameras und Server und überflutet damit andere mit Datenverkehr.",
}
"""What is said of Mirai, by language."""


def today() -> datetime:
    return datetime.now(UTC)


def told() -> Told:
    """Ages in the middle of their grades, so that a midnight in between changes none."""
    day = today().date()
    return {
        DAY: ((2,), day),
        WEEK: ((1,), day - timedelta(days=4)),
        MONTH: ((1, 2, 3), day - timedelta(days=20)),
        UNNAMED: ((0,), day),
        MANY: ((0, 1, 2, 3, 4, 5), day),
        ODD: ((6,), day),
        SHARED: ((3,), day),
        HOSTED: ((4,), day),
        RELAYED: ((4,), day),
        BEHIND_NAT: ((4,), day),
        "2001:db8:1::": ((3,), day),
    }


def publish_check(folder: Path, told_now: Told | None = None, *, mailboxes: Told | None = None, age: int = 0) -> str:
    """Data of `age` days ago."""
    return publish(
        folder,
        told() if told_now is None else told_now,
        mailboxes=mailboxes,
        ranges=RANGES,
        made_at=today(),
        day=today().date() - timedelta(days=age),
        families=FAMILIES,
    )


CONTACTS = """
[[report]]
country = "ID"
name = "CSIRT of tests"
url = "https://csirt.example/report?a=1&b=2"
mail = "report@csirt.example"
phone = "+62 21 000 000"
"""


MAILBOX = "anna@example.org"

MAIL = """
[mail]
state = "state"
host = "localhost"
from = "check@hub.example"
link = "https://check.fusion.example"
least_delay_s = 3600
most_delay_s = 7200
asked_a_minute = 1000000
"""
"""Of a check that asks for mail addresses; it writes to nobody within two hours."""


def publish_with_mail(folder: Path) -> str:
    return publish_check(folder, mailboxes={MAILBOX: ((1, 3, 4), today().date() - timedelta(days=4))})


def give_link(folder: Path, language: str) -> str:
    """The path of a link as MAILBOX gets it by mail; `folder` holds the settings of a check that writes."""
    state, token, now_s = MailState(folder / "state", int(time.time())), secrets.token_bytes(32), int(time.time())
    name = hmac.digest(PEPPER, spelled(MAILBOX), "sha256")[:20]
    try:
        # it is not settled, so the next one may be given, too
        assert state.begin_letter(name, token, now_s)
    finally:
        state.close()
    return f"/{language}/mail/{base64.urlsafe_b64encode(token).rstrip(b'=').decode()}"


MAIL_PAGES = ("mail", "mail-reply", "mail-link", "mail-told", "mail-gone", "mail-stop", "mail-stopped")


def open_mail_page(check: "Check", page: Page, language: str, what: str) -> None:
    """Open one of the pages of the check by e-mail, as people come to it."""
    begin = f"http://{HOST}:{check.port}"
    if what in {"mail", "mail-reply"}:
        page.open(f"{begin}/{language}/mail")
        if what == "mail-reply":
            page.evaluate(f"document.querySelector('#mailbox').value = '{MAILBOX}'")
            page.press("form button")
        return
    path = give_link(check.folder, language)
    if what == "mail-gone":
        check.ask(path)
    page.open(begin + path + ("/stop" if what in {"mail-stop", "mail-stopped"} else ""))
    if what in {"mail-told", "mail-stopped"}:
        page.press("form button")


def settings_of(
    folder: Path,
    *,
    limits: str = "",
    alarm: str = "",
    more: str = CONTACTS,
    hub: str = "Hub of tests",
    proxies: str = '["127.0.0.1", "10.9.0.0/16"]',
) -> Path:
    """A service's settings beside data and pepper; by default nobody of the tests asks too often."""
    pepper = folder / "check.pepper"
    if not pepper.exists():
        pepper.touch(0o600)
        pepper.write_text(PEPPER.hex() + "\n")
    path = folder / "check.toml"
    path.write_text(
        f"""
[check]
hub = "{hub}"
contact = "check@hub.example"
data = "data"
pepper_file = "check.pepper"
proxies = {proxies}

[hosts]
names = ["{HOST}"]
ipv4 = "v4.{HOST}"
ipv6 = "v6.{HOST}"

[limits]
{limits or "address_a_minute = 1000000"}

[alarm]
{alarm or "answers = 1000000"}
{more}""",
        encoding="utf-8",
    )
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def title(self) -> str:
        found = re.search("<h1[^>]*>(.*?)</h1>", self.text, re.DOTALL)
        assert found is not None, self.text
        return found[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A service that has said that it answers."""

    process: subprocess.Popen[str]
    port: int
    folder: Path
    host: str = "127.0.0.1"
    """Where it listens."""
    talk: list[str] = field(default_factory=list)
    heard: threading.Condition = field(default_factory=threading.Condition)

    def ask(
        self,
        path: str = "/en",
        method: str = "POST",
        *,
        visitor: str | None = None,
        source: str | None = None,
        to: str | None = None,
        headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Answer:
        """Ask from an address of this machine; `visitor`: for whom the proxy at 127.0.0.1 asks.

        `to`: an address at which it is reached, where it listens at every one.
        """
        told = [*(headers.items() if isinstance(headers, Mapping) else headers)]
        if visitor is not None:
            told.append(("X-Forwarded-For", visitor))
        if not any(name.lower() == "host" for name, _ in told):
            told.append(("Host", HOST))
        begin = None if source is None else (source, 0)
        connection = http.client.HTTPConnection(to or self.host, self.port, timeout=120, source_address=begin)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in (*told, ("Content-Length", str(len(body)))):
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            headers_now = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(status=answer.status, headers=headers_now, body=answer.read())
        finally:
            connection.close()

    def ask_json(self, visitor: str, path: str = "/en") -> dict[str, object]:
        answer = self.ask(path, visitor=visitor, headers={"Accept": "application/json"})
        assert answer.status == http.HTTPStatus.OK
        return answer.json

    def health(self) -> dict[str, object]:
        answer = self.ask("/health", "GET", headers={"Host": "localhost"})
        return answer.json

    def raw(self, data: bytes) -> bytes:
        """What comes back for these bytes, until the service hangs up."""
        with self.connect() as connection:
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(data)
            return received(connection)

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=120, source_address=(source, 0))

    def hear(self, words: str, times: int = 1) -> list[str]:
        """Wait until it was said so often; all that was said."""
        with self.heard:
            assert self.heard.wait_for(lambda: sum(words in line for line in self.talk) >= times, 120), self.talk
            return list(self.talk)

    def end(self) -> int:
        """End it in order; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def pids(self) -> list[int]:
        """Its processes, each after the one that began it."""
        found = [self.process.pid]
        for pid in found:
            for tasks in Path(f"/proc/{pid}/task").iterdir():
                found += map(int, (tasks / "children").read_text().split())
        return found


class Headers:
    """What a proxy at 127.0.0.1 sends."""

    def __init__(self, visitor: str, accept: str) -> None:
        self.held = {"host": [HOST], "x-forwarded-for": [visitor], "accept": [accept]}

    def get_all(self, name: str) -> list[str]:
        return self.held.get(name, [])

    def keys(self) -> list[str]:
        return list(self.held)

    def __contains__(self, name: str) -> bool:
        return name in self.held


class Question:
    """As the server hands it over."""

    client = "127.0.0.1:4711"
    method = "POST"
    path = "/en"
    authority = None

    def __init__(self, visitor: str, accept: str = "application/json") -> None:
        self.headers = Headers(visitor, accept)


@contextmanager
def service_here(folder: Path, *, today: Callable[[], int]) -> Iterator[Service]:
    """A service in this process, for which no minute ends; `folder` holds its settings, `today` is as in Service."""
    settings = read_check_settings(folder / "check.toml")
    hub = Hub(name=settings.hub, contact=settings.contact, hosts=settings.hosts, contacts=settings.contacts)
    service = Service(
        settings,
        render_standing(hub),
        names=(HOST,),
        salt=bytes(16),
        tell=print,
        clock=lambda: 0,
        today=today,
    )
    data = CheckData.open(settings.data, PEPPER)
    service.use(data, render(hub, data.families, data.day))
    try:
        yield service
    finally:
        data.close()


def received(connection: socket.socket) -> bytes:
    parts = []
    with suppress(ConnectionResetError):
        while part := connection.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


def free_port(host: str = "127.0.0.1") -> int:
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as server:
        return server.getsockname()[1]


ACCORD = ("-m", "accord.cli.main")


def serve_check(
    settings: Path,
    env: Mapping[str, str] | None = None,
    *,
    host: str = "127.0.0.1",
    program: Sequence[str | Path] = ACCORD,
) -> Check:
    """Start the service, and wait for the line with which it says that it answers.

    `program`: what Python is told to run, for a service that is not as it should be.
    """
    # tests themselves bind loopback alone
    port = free_port("::1" if host == "::" else host)
    words = ["check", "serve", "--settings", settings, "--host", host, "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, *program, *words],
        env=os.environ | {"PYTHONUTF8": "1"} | dict(env or {}),
        cwd=settings.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )
    check = Check(process=process, port=port, folder=settings.parent, host=host)
    threading.Thread(target=_listen, args=(check,), daemon=True).start()
    line = process.stdout.readline()
    assert "Serving the check of" in line, check.talk
    return check


NAMING_IMPORTS = {"PYTHONPROFILEIMPORTTIME": "1"}
"""With which Python names every module that it imports on standard error."""
HEAVY = {"sqlalchemy", "sqlite3", "psycopg", "pyarrow", "duckdb", "numpy", "numba", "litestar", "httpx", "alembic"}
OF_A_HUB = re.compile(
    # with these, settings, keys and languages are read and mail is given, by a hub and by what stands apart from it
    r"accord\.(workspace\.(?!(keys|mail|regular|settings|translations)\b)"
    r"|(access|agreements|exchange|fusion|intake|journal|ledger|operations|release)\b)"
)


def taken_from_a_hub(check: Check) -> set[str]:
    """What a service that was started NAMING_IMPORTS has imported that opens a database or a hub; it is ended."""
    assert check.end() == 0
    imported = {line.rpartition("|")[2].strip() for line in check.talk if line.startswith("import time:")}
    assert {"accord.check.service", "accord.check.snapshot", "granian"} <= imported
    return {one for one in imported if one.partition(".")[0] in HEAVY or OF_A_HUB.match(one)}


def stop(check: Check) -> None:
    with suppress(ProcessLookupError):
        os.killpg(check.process.pid, signal.SIGKILL)
    check.process.wait()
    check.process.stdout.close()


def _listen(check: Check) -> None:
    for line in check.process.stderr:
        with check.heard:
            check.talk.append(line)
            check.heard.notify_all()
    check.process.stderr.close()
