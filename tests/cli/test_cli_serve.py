"""`accord serve` as a server that is really asked: what it answers, refuses and bears, its jobs, and its end."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from accord.workspace.schema import REVISION

TILE = bytes(range(256)) * 32
PAGE = "<!doctype html><title>{}</title>"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server that has said that it answers."""

    process: subprocess.Popen[str]
    port: int
    talk: list[str] = field(default_factory=list)
    """What it says on standard error, line by line."""
    heard: threading.Condition = field(default_factory=threading.Condition)

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {key.replace("_", "-"): value for key, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def hear(self, words: str, times: int = 1) -> None:
        """Wait until it was said so often."""
        with self.heard:
            assert self.heard.wait_for(lambda: sum(words in line for line in self.talk) >= times, 120), self.talk


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def serve(start) -> Callable[..., Served]:
    """Start a server, and wait for the line with which it says that it answers."""

    def begin(hub: Path, *more: str) -> Served:
        port = free_port()
        process = start("serve", "--in", hub, "--port", str(port), *more)
        line = process.stdout.readline()
        assert line == f"Serving {hub} at http://127.0.0.1:{port}/ (Ctrl-C ends it)\n", process.stderr.read()
        served = Served(process=process, port=port)
        threading.Thread(target=listen, args=(served,), daemon=True).start()
        return served

    return begin


def listen(served: Served) -> None:
    for line in served.process.stderr:
        with served.heard:
            served.talk.append(line)
            served.heard.notify_all()


def end(served: Served, number: int = signal.SIGTERM) -> int:
    """End it by a signal; its exit code once nobody holds its output any more: no process of it is left."""
    served.process.send_signal(number)
    code = served.process.wait(60)
    assert served.process.stdout.read() == ""
    return code


@pytest.fixture
def hub(accord_here, agreement_on, tmp_path: Path) -> Path:
    hub = tmp_path / "hub"
    accord_here("init", hub)
    with (hub / "workspace.toml").open("a", encoding="utf-8") as file:
        file.write(DATASET + agreement_on("servers"))
    accord_here("agreement", "apply", "--in", tmp_path / "hub")
    return hub


@pytest.fixture
def published(hub: Path) -> Path:
    """The hub, with files such as a ledger's."""
    ledger = hub / "ledger"
    shutil.rmtree(ledger)
    for name, content in {
        "checkpoint": b"hub.example/log\n1\nAAAA\n\n",
        "policy": b"log AAAA\n",
        "figures.json": b"{}",
        "tile/0/000": TILE,
        "tile/0/x001/002": TILE,
        "tile/0/001.p/7": TILE[:224],
        "tile/entries/000": b"\0\1a",
        "opened/0": b"o",
        "index.en.html": PAGE.format("Account").encode(),
        "index.ar.html": PAGE.format("حساب").encode(),
    }.items():
        (ledger / name).parent.mkdir(parents=True, exist_ok=True)
        (ledger / name).write_bytes(content)
    (ledger / "key").symlink_to(hub / "hub.key")
    return hub


def test_the_ledger_is_served_as_what_it_is_and_nothing_beside_it(serve, published: Path) -> None:
    served = serve(published)
    for path, media_type, cache in (
        ("checkpoint", "text/plain; charset=utf-8", "public, max-age=5"),
        ("policy", "text/plain; charset=utf-8", "public, max-age=60"),
        ("figures.json", "application/json", "public, max-age=60"),
        ("tile/0/000", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("tile/0/x001/002", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("tile/entries/000", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("tile/0/001.p/7", "application/octet-stream", "public, max-age=60"),
        ("opened/0", "application/octet-stream", "public, max-age=60"),
        ("index.en.html", "text/html; charset=utf-8", "public, max-age=60"),
    ):
        status, headers, body = served.ask(f"/ledger/{path}")
        assert (status, body) == (200, (published / "ledger" / path).read_bytes()), path
        assert (headers["content-type"], headers["cache-control"]) == (media_type, cache)
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
        assert headers["server"] == "accord"
        status, again, nothing = served.ask(f"/ledger/{path}", "HEAD")
        assert (status, again["content-length"], nothing) == (200, str(len(body)), b"")
        assert served.ask(f"/ledger/{path}", if_none_match=headers["etag"])[::2] == (304, b"")
    assert served.ask("/ledger/tile/0/000", range="bytes=2-3")[::2] == (206, b"\2\3")
    for path in ("/ledger/../hub.key", "/ledger/%2e%2e/hub.key", "/ledger/..%2fhub.key", "/ledger/key", "/ledger/",
                 "/ledger/tile", "/ledger//etc/passwd", "/ledger/%00", "/ledger/none", "/hub.key", "/en/hub.key",
                 "//hub.key"):  # fmt: skip
        status, headers, body = served.ask(path)
        assert (status, headers["content-type"]) == (404, "application/problem+json"), path
        assert json.loads(body) == {"type": "about:blank", "title": "Not Found", "status": 404}


def test_the_public_page_is_found_in_the_reader_s_language_and_its_absence_said_in_words(
    serve, published: Path
) -> None:
    served = serve(published)
    for path, accepted, location in (
        ("/", "ar, en;q=0.5", "ledger/index.ar.html"),
        ("/", "th", "ledger/index.en.html"),
        ("/en", "ar", "ledger/index.en.html"),
        ("/ar/", "en", "../ledger/index.ar.html"),
    ):
        status, headers, _ = served.ask(path, accept_language=accepted)
        assert (status, headers["location"], headers["vary"]) == (302, location, "accept-language"), path
    assert served.ask("/ledger/index.ar.html")[2].decode() == PAGE.format("حساب")
    for path, direction in (("/de/", "ltr"), ("/fr", "ltr")):
        status, headers, body = served.ask(path)
        assert (status, headers["content-language"]) == (404, path.strip("/"))
        assert f'dir="{direction}"' in body.decode()
    (published / "ledger/index.ar.html").unlink()
    assert 'dir="rtl"' in served.ask("/ar/")[2].decode()
    assert served.ask("/th/")[0] == 404


def test_health_is_told_to_everybody_and_its_details_to_this_machine_alone(
    accord_here, serve, hub: Path, tmp_path: Path
) -> None:
    served = serve(hub)
    served.hear("what is due is purged every day")
    assert json.loads(served.ask("/health/live")[2]) == {"status": "live"}
    status, headers, body = served.ask("/health")
    told = json.loads(body)
    assert (status, told["status"], headers["cache-control"]) == (200, "ready", "no-store")
    assert told["database"] == {"revision": REVISION}
    assert told["jobs"] == {"due": 0, "later": 1, "failed": 0}, "what is due is purged tomorrow"
    assert told["ledger"] == {"entries": 1, "checkpoint": 1}
    assert told["disk"]["free_bytes"] > told["disk"]["least_bytes"]
    for passed_on in ({"x_forwarded_for": "192.0.2.1"}, {"forwarded": "for=192.0.2.1"}, {"via": "1.1 proxy"}):
        assert json.loads(served.ask("/health", **passed_on)[2]) == {"status": "ready"}
    assert served.ask("/health", "HEAD")[2] == b""


def test_a_workspace_whose_database_is_gone_is_not_ready(serve, hub: Path) -> None:
    served = serve(hub)
    (hub / "accord.db").rename(hub / "elsewhere.db")
    status, _, body = served.ask("/health")
    assert (status, json.loads(body)["status"]) == (503, "not ready")
    assert "no database" in json.loads(body)["database"]["error"]
    assert served.ask("/health/live")[0] == 200


def test_what_is_not_for_it_or_too_much_is_refused(serve, published: Path) -> None:
    served = serve(published, "--name", "Ledger.example")
    for path in ("/", "/health", "/ledger/checkpoint", "/en"):
        status, headers, _ = served.ask(path, "POST", b"x")
        assert status == 405, path
        assert {"GET", "HEAD"} <= {one.strip() for one in headers["allow"].split(",")}
    assert served.ask("/health/live", host="ledger.example")[0] == 200
    assert served.ask("/health/live", host="evil.example")[0] == 421
    assert served.ask("/health/live", x="a" * 40_000)[0] == 431
    assert served.ask("/" + "a" * 5000)[0] == 414
    # announced and never sent: it is refused before it is read
    assert served.ask("/health", "POST", content_length=str(2 << 20))[0] == 413
    # far more than is read: the server says so, or has hung up before all was sent
    with suppress(BrokenPipeError, ConnectionResetError, http.client.RemoteDisconnected):
        assert served.ask("/health/live", **{f"x{number}": "a" * 8000 for number in range(40)})[0] in {400, 431}
    with socket.create_connection(("127.0.0.1", served.port), 60) as wire:
        wire.sendall(b"no request at all\r\n\r\n")
        assert wire.recv(100).startswith(b"HTTP/1.1 400")
    assert served.ask("/health/live")[0] == 200


def test_a_client_that_never_ends_its_request_is_hung_up_on_and_keeps_nobody_waiting(serve, hub: Path) -> None:
    served = serve(hub)
    slow = [socket.create_connection(("127.0.0.1", served.port), 60) for _ in range(50)]
    for wire in slow:
        wire.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
    assert served.ask("/health/live")[0] == 200
    for wire in slow:
        with wire:
            answer = wire.recv(100)
            assert answer == b"" or answer.startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_order_though_somebody_is_connected(serve, hub: Path, number: int) -> None:
    served = serve(hub)
    with socket.create_connection(("127.0.0.1", served.port), 60) as idle:
        idle.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(100).startswith(b"HTTP/1.1 200")
        assert end(served, number) == 0
    served.hear("ended in order")


def test_who_kills_the_server_leaves_no_process_behind(serve, hub: Path) -> None:
    served = serve(hub)
    assert end(served, signal.SIGKILL) == -signal.SIGKILL
    with socket.create_server(("127.0.0.1", served.port)):
        pass


def test_the_public_page_is_brought_up_when_something_came_in(serve, accord_here, hub: Path, tmp_path: Path) -> None:
    served = serve(hub)
    (tmp_path / "a.txt").write_text("103.28.36.1\n", "utf-8")
    accord_here("delivery", "add", "servers", tmp_path / "a.txt", "--in", hub)
    served.hear("the public page tells of 2 entries now")
    root = json.loads(served.ask("/ledger/figures.json")[2])["root"].encode()
    assert served.ask("/", accept_language="fr")[1]["location"] == "ledger/index.fr.html"
    assert root in served.ask("/ledger/index.fr.html")[2]
    assert end(served) == 0


def test_it_does_not_begin_where_a_setting_is_wrong(accord, hub: Path) -> None:
    settings = hub / "workspace.toml"
    right = settings.read_text("utf-8")
    for table, said in (
        ('[serve]\nproxy = ["127.0.0.1"]\n', "did you mean 'proxies'?"),
        ('[mail]\nhots = "mail.hub.example"\n', "mail.from is missing"),
        ('[srve]\nproxies = ["127.0.0.1"]\n', "did you mean 'serve'?"),
    ):
        settings.write_text(f"{right}\n{table}", "utf-8")
        assert said in accord("serve", "--in", hub, "--port", str(free_port()), expect=2).stderr


def test_two_servers_of_one_workspace_do_each_job_once_and_a_port_is_one_s(
    accord, accord_here, serve, hub: Path, tmp_path: Path
) -> None:
    first, second = serve(hub), serve(hub)
    said = accord("serve", "--in", hub, "--port", str(first.port), expect=5)
    assert f"127.0.0.1:{first.port}" in said.stderr
    files = [tmp_path / f"{number}.txt" for number in range(4)]
    for number, file in enumerate(files):
        file.write_text(f"103.28.36.{number + 1}\n", "utf-8")
    accord_here("delivery", "add", "servers", *files, "--later", "--in", hub)
    done = threading.Event()

    def look() -> None:
        lines = [line for one in (first, second) for line in one.talk if ": 1 record, 1 accepted" in line]
        if len(lines) == len(files):
            done.set()

    for one in (first, second):
        threading.Thread(target=watch, args=(one, look, done), daemon=True).start()
    assert done.wait(240), (first.talk, second.talk)
    assert end(first) == end(second) == 0
    listed = json.loads(accord_here("job", "list", "--in", hub, "--json").stdout)
    assert [(one["kind"], one["state"]) for one in listed if one["kind"] != "import"] == [("purge", "waiting")]
    assert [one["state"] for one in listed if one["kind"] == "import"] == ["done"] * 4
    deliveries = json.loads(accord_here("delivery", "list", "--in", hub, "--json").stdout)
    assert sorted(one["file"] for one in deliveries) == sorted(file.name for file in files)


def watch(served: Served, look: Callable[[], None], done: threading.Event) -> None:
    with served.heard:
        while not done.is_set():
            look()
            served.heard.wait(1)


def test_a_process_that_does_jobs_and_was_killed_is_begun_anew(serve, accord_here, hub: Path, tmp_path: Path) -> None:
    served = serve(hub)
    children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children").read_text("ascii").split()
    jobs = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    # the first that is begun; the resource tracker is none
    os.kill(int(jobs[0]), signal.SIGKILL)
    served.hear("is begun anew")
    (tmp_path / "a.txt").write_text("103.28.36.1\n", "utf-8")
    accord_here("delivery", "add", "servers", tmp_path / "a.txt", "--later", "--in", hub)
    served.hear("1 accepted")
    assert end(served) == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--host", "::"), 2, "--name"),
        (("--host", "hub.example"), 2, "no address"),
        (("--host", "127.0.0.1", "--port", "0"), 2, "port"),
    ],
)
def test_more_than_loopback_must_be_asked_for(
    accord_here, hub: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    assert said in accord_here("serve", "--in", hub, *words, expect=code).stderr


def test_a_folder_that_is_no_workspace_or_has_no_database_is_not_served(accord_here, hub: Path, tmp_path: Path) -> None:
    accord_here("serve", "--in", tmp_path, expect=4)
    (hub / "accord.db").unlink()
    assert "accord migrate" in accord_here("serve", "--in", hub, expect=4).stderr


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_it_runs_on_a_server_s_database_too(accord_here, serve, tmp_path: Path, database_url: str) -> None:
    hub = tmp_path / "hub"
    accord_here("init", hub, "--database", database_url)
    served = serve(hub)
    assert json.loads(served.ask("/health")[2])["database"] == {"revision": REVISION}
    assert end(served) == 0
