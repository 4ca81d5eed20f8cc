"""Who attacks private set intersection, on either side, by real lines: broken requests, races, lies, and what is left.

A liar is a proxy before a hub that is really asked: it passes on what is asked, and says something else.
"""

import http.client
import json
import os
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from accord.check.psi.oprf import GENERATOR, blind, blinds, verify
from accord.check.psi.routes import MOST_ELEMENTS, cut
from accord.check.psi.sessions import find_session
from accord.cli.acting import Actor
from accord.cli.psi.checking import PAUSES_S, asker
from accord.cli.psi.closing import end_session
from accord.cli.psi.places import read_key
from accord.cli.psi.serving import CONNECTIONS
from accord.cli.releases.desk import desk
from accord.exchange.asking import Asking, Bounds
from accord.vocabulary.errors import NotAgreedError, UnprovenError, UnreadableError
from tests.cli.test_cli_channel import Accord
from tests.cli.test_cli_psi import CUSTOMERS, MATCHES, Psi, elements, stand
from tests.cli.test_cli_serve import Served, free_port

ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.fixture
def psi(accord: Accord, start, tmp_path: Path) -> Psi:
    return stand(accord, start, tmp_path)


@pytest.fixture
def either(accord: Accord, start, database_url: str, tmp_path: Path) -> Psi:
    """On SQLite and on PostgreSQL."""
    return stand(accord, start, tmp_path, *([] if database_url.startswith("sqlite") else ["--database", database_url]))


def head(session: str, token: str, *more: str, length: object = 64, path: str = "") -> bytes:
    """The head of a request with elements."""
    lines = [
        f"PUT {path or f'/psi/sessions/{session}/requests/{uuid4()}'} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {token}",
        "Content-Type: application/octet-stream",
        *([] if length is None else [f"Content-Length: {length}"]),
        *more,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def sent(port: int, data: bytes, *, cut: bool = False) -> bytes:
    """The head of what is answered to some bytes; `cut`: after which nothing comes."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        found = b""
        with suppress(ConnectionError):
            line.sendall(data)
            if cut:
                line.shutdown(socket.SHUT_WR)
            while b"\r\n\r\n" not in found and (piece := line.recv(65536)):
                found += piece
    return found


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


def log_of(served: Served) -> str:
    """All that a server has said to the person, once it has ended."""
    os.killpg(served.process.pid, signal.SIGTERM)
    served.process.wait(60)
    return served.process.stderr.read()


def test_whatever_comes_over_the_line_costs_nothing_stops_nobody_and_is_not_written_down(psi: Psi) -> None:
    session, token = psi.opened()["session"], psi.token()
    good = elements(2)
    chunk = b"40\r\n" + good + b"\r\n0\r\n\r\n"
    long = bytes(131_073)
    # HTTP/2 is not spoken, neither by prior knowledge (RFC 9113, 3.3) nor by an upgrade
    assert b"HTTP/2" not in sent(psi.port, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
    upgrade = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
    assert status(sent(psi.port, head(session, token, *upgrade, length=0))) == 422
    for data, wanted in (
        (os.urandom(300), {0, 400}),
        (b"GET / HTTP/1.1\r\n" + b"x" * 100_000, {0, 400, 431}),
        (head(session, token, "Content-Length: 65") + good, {400}),
        (head(session, token, length="-64") + good, {400}),
        (head(session, token, length="0x40") + good, {400}),
        (head(session, token, length=10**15) + good, {413}),
        (head(session, token, "Transfer-Encoding: chunked", length=None) + b"20001\r\n" + long, {413}),
        (head(session, token, "Transfer-Encoding: chunked", length=None) + b"-1\r\n" + chunk, {0, 400}),
        (head(session, token, f"Authorization: Bearer {token}") + good, {401}),
        (head(session, token, "Content-Type: text/plain") + good, {415}),
        (head(session, token, "Host: 127.0.0.2") + good, {400, 421}),
        (head(session, token, path=f"/psi/sessions/{session}/requests/%00") + good, {404}),
        (head(session, token, path="/" + "a" * 5000) + good, {414}),
    ):
        assert status(sent(psi.port, data)) in wanted, data[:300]
    # nobody is there who would read an answer
    for data in (head(session, token) + good[:63], head(session, token)[:-2], b""):
        assert status(sent(psi.port, data, cut=True)) in {0, 400}
    assert psi.spent() == 0
    assert psi.check(token).stdout == MATCHES
    log = log_of(psi.served)
    for secret in (token, session, "110.164.10", good[:32].hex()):
        assert secret not in log


def test_slow_clients_take_so_many_places_are_hung_up_on_and_nobody_waits_longer(psi: Psi) -> None:
    # three times as long as docs/psi.md says that headers may take
    held = [socket.create_connection(("127.0.0.1", psi.port), timeout=30) for _ in range(CONNECTIONS)]
    beginnings = (b"", b"PUT /psi/ses", b"GET /psi/session HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ")
    for place, one in enumerate(held):
        one.sendall(beginnings[place % len(beginnings)])
    # there is no place left: whoever comes now waits until a slow one was hung up on
    with socket.create_connection(("127.0.0.1", psi.port), timeout=30) as late:
        late.sendall(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert status(late.recv(65536)) == 200
    ended = select.poll()
    for one in held:
        ended.register(one, select.POLLIN)
    assert ended.poll(0) != []
    for one in held:
        assert status(one.recv(65536)) in {0, 408}
        one.close()


def test_who_vanishes_has_spent_once_and_is_answered_when_it_comes_again(either: Psi) -> None:
    session, token = either.opened(budget=40)["session"], either.token()
    request, body = str(uuid4()), elements(40)
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", either.port)) as line:
            path = f"/psi/sessions/{session}/requests/{request}"
            line.sendall(head(session, token, length=len(body), path=path) + body)
    while (answer := either.put(session, token, body, request))[0] == 429:
        pass
    assert (answer[0], len(answer[2])) == (200, 40 * 32 + 64)
    assert either.spent() == 40


def test_two_servers_of_one_hub_and_one_number_for_several_requests_give_no_more_than_the_budget(
    either: Psi, start
) -> None:
    made = either.opened(budget=30)
    port = free_port()
    process = start("psi", "serve", "--in", either.hub.folder, "--port", str(port))
    assert process.stdout.readline().startswith("Serving")
    second = Psi(hub=either.hub, folder=either.folder, port=port, served=Served(process=process, port=port))
    session, tokens = made["session"], [either.token() for _ in range(4)]
    # each number for two requests, and one of these twice: 6 numbers of 7 elements, of which 4 can be paid
    numbers = [str(uuid4()) for _ in range(6)]
    asked = [(number, body) for number in numbers for one, other in [(elements(7), elements(7))]
             for body in (one, other, one)]  # fmt: skip

    def put(at: int) -> tuple[str, bytes, int, bytes]:
        number, body = asked[at]
        hub = (either, second)[at % 2]
        while (answer := hub.put(session, tokens[at % 4], body, number))[0] == 429:
            pass
        return number, body, answer[0], answer[2]

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(put, range(len(asked))))
    assert {code for _, _, code, _ in done} <= {200, 403, 409}
    answered = {(number, body) for number, body, code, _ in done if code == 200}
    # for each number that was paid one body was answered, whoever came first
    assert len(answered) == len({number for number, _ in answered}) == 4
    assert either.spent() == 28
    public = bytes.fromhex(made["public_key"])
    for _, body, code, answer in done:
        if code == 200:
            verify(GENERATOR, public, cut(body), cut(answer[:-64]), answer[-64:])


def test_a_session_that_is_closed_while_it_is_asked_answers_no_more_and_leaves_no_trace_of_its_key(
    either: Psi,
) -> None:
    made = either.opened(budget=4000)
    session, tokens = made["session"], [either.token() for _ in range(3)]
    secret = read_key(either.hub.folder / "psi" / session)
    bodies = [elements(9) for _ in range(3)]
    given, others = [0] * 3, set[int]()

    def ask(at: int) -> None:
        while (answer := either.put(session, tokens[at], bodies[at]))[0] != 410:
            others.add(answer[0])
            given[at] += 9 if answer[0] == 200 else 0

    threads = [threading.Thread(target=ask, args=(at,)) for at in range(3)]
    for thread in threads:
        thread.start()
    while not all(given):
        pass
    either.hub("psi", "close", session, "--in", either.hub.folder)
    for thread in threads:
        thread.join()
    assert others <= {200, 429}
    assert either.spent() == sum(given)
    assert either.put(session, tokens[0], bodies[0])[0] == 410
    # neither in the database, nor in its write-ahead log, nor in any other file
    for path in either.hub.folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert secret not in data, path
            assert secret.hex().encode() not in data, path
    assert secret.hex() not in log_of(either.served)


@pytest.mark.parametrize("secret", [bytes(32), ORDER.to_bytes(32, "little"), b"\1" * 31, b"\1" * 33, b""])
def test_a_key_file_that_holds_no_key_is_used_for_nothing(secret: bytes, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(secret.hex() + "\n", "ascii")
    (tmp_path / "key").chmod(0o600)
    with pytest.raises(UnreadableError):
        read_key(tmp_path)


def test_a_session_without_its_key_or_set_costs_nothing_and_is_ended_as_any_other(psi: Psi) -> None:
    session, token = psi.opened()["session"], psi.token()
    place = psi.hub.folder / "psi" / session
    key = (place / "key").read_bytes()
    (place / "key").write_bytes(b"0" * 64 + b"\n")
    assert psi.put(session, token, elements(2))[0] == 410
    (place / "key").unlink()
    assert psi.put(session, token, elements(2))[0] == 410
    (place / "key").write_bytes(key)
    (place / "key").chmod(0o644)
    assert psi.put(session, token, elements(2))[0] == 503
    (place / "key").chmod(0o600)
    (place / "set").unlink()
    assert psi.ask(f"/psi/sessions/{session}/set", token)[0] == 404
    psi.check(token, code=8)
    assert psi.spent() == 0
    psi.hub("psi", "close", session, "--in", psi.hub.folder)
    assert not place.exists()


Answer = tuple[int, dict[str, str], bytes]
Lie = Callable[[str, str, Answer], Answer | None]
"""What is said instead of an answer to a method and path; None: the line breaks."""


@contextmanager
def lying(port: int, lie: Lie) -> Iterator[int]:
    """A proxy before a hub; its port."""

    class Between(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            hub = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            hub.request(self.command, self.path, body or None, headers)
            answer = hub.getresponse()
            told = (answer.status, {}, answer.read())
            hub.close()
            said = lie(self.command, self.path, told)
            self.close_connection = True
            if said is None:
                return
            code, headers, data = said
            self.send_response(code)
            # said, so that nobody asks again on a connection that is being closed
            for name, value in ({"content-length": str(len(data)), "connection": "close"} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = _pass_on  # noqa: N815 -- the library's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Between)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def on(part: str, change: Callable[[bytes], bytes], **headers: str) -> Lie:
    """Says something else where a path ends so."""
    return lambda _, path, told: (told[0], headers, change(told[2])) if part in path else told


def offering(**changed: object) -> Lie:
    return on(
        "/psi/session", lambda data: json.dumps(json.loads(data) | changed).encode() if data[:1] == b"{" else data
    )


def test_whatever_a_hub_says_instead_is_refused_and_nothing_is_written(psi: Psi) -> None:
    psi.opened(budget=1000)
    token, out = psi.token(), psi.folder / "matches.csv"
    before = psi.spent()
    for lie, code in (
        # the offer
        (on("/psi/session", lambda _: b"{}"), 4),
        (on("/psi/session", lambda _: b"[" * 100_000), 4),
        (on("/psi/session", lambda _: bytes(2 << 20)), 4),
        (offering(document=""), 7),
        (offering(proof=""), 7),
        (offering(left=3), 2),
        (offering(left=-1), 2),
        # its set: other bytes, longer, shorter, cut off, none
        (on("/set", lambda data: data[::-1]), 7),
        (on("/set", lambda data: data + bytes(16)), 7),
        (on("/set", lambda data: data[:-16]), 7),
        (on("/set", lambda data: data * 32), 4),
        (on("/set", lambda data: data[:-16], **{"content-length": "65536"}), 4),
        (on("/set", lambda data: data, **{"content-encoding": "gzip"}), 4),
        (on("/set", lambda _: b""), 7),
        (lambda _, path, told: (302, {"location": "http://127.0.0.1:1/"}, b"") if "/set" in path else told, 8),
    ):
        with lying(psi.port, lie) as port:
            psi.check(token, CUSTOMERS, "--out", out, code=code, port=port)
    assert psi.spent() == before == 0
    kept: list[bytes] = []

    def other_batch(_: str, path: str, told: Answer) -> Answer:
        """The answer to another request, proof and all."""
        if "/requests/" in path:
            kept.append(told[2])
            return (told[0], {}, kept[0])
        return told

    for lie in (
        on("/requests/", lambda data: data[32:64] + data[:32] + data[64:]),
        on("/requests/", lambda data: data[:32] + data),
        on("/requests/", lambda data: data[:-32]),
        on("/requests/", lambda data: data[:-64] + bytes(64)),
        on("/requests/", lambda data: bytes(32) + data[32:]),
        on("/requests/", lambda _: b""),
    ):
        with lying(psi.port, lie) as port:
            psi.check(token, CUSTOMERS, "--out", out, code=7, port=port)
    with lying(psi.port, other_batch) as port:
        psi.check(token, port=port)
        psi.check(token, CUSTOMERS, "--out", out, code=7, port=port)
    assert {one.name for one in psi.folder.iterdir()} == {"CUSTOMERS.csv", "state.json", ".state.json.lock"}


@dataclass
class Slow:
    """A hub that has no time, or whose line breaks; it keeps what it was asked."""

    answers: list[Answer | None]
    asked: list[str] = field(default_factory=list)

    def __call__(self, method: str, path: str, told: Answer) -> Answer | None:
        if "/requests/" not in path:
            return told
        self.asked.append(f"{method} {path}")
        return self.answers.pop(0) if self.answers else told


def ask_through(psi: Psi, hub: Slow, token: str, session: str, body: bytes) -> tuple[bytes, list[float]]:
    waited: list[float] = []
    headers = {"authorization": f"Bearer {token}"}
    with lying(psi.port, hub) as port, Asking(headers, ca_file=None, bounds=Bounds()) as asking:
        ask = asker(asking, f"http://127.0.0.1:{port}", UUID(session), lambda *_: None, waited.append)
        return ask(uuid4(), body), waited


def test_a_request_is_put_again_under_its_number_while_the_hub_has_no_time_or_the_line_breaks(psi: Psi) -> None:
    session, token = psi.opened(budget=5)["session"], psi.token()
    hub = Slow(
        [
            None,
            (429, {"retry-after": "7"}, b"{}"),
            (503, {"retry-after": "1000000"}, b"{}"),
            (200, {"content-length": "1000"}, b"cut off"),
            (502, {"retry-after": "Fri, 27 Nov 2026 10:00:00 GMT"}, b"<html>"),
            (504, {}, b""),
        ]
    )
    answer, waited = ask_through(psi, hub, token, session, elements(5))
    assert len(answer) == 5 * 32 + 64
    assert waited == [1.0, 7.0, 60.0, 10.0, 30.0, 60.0]
    assert len(hub.asked) == len(PAUSES_S) + 1
    assert len({*hub.asked}) == 1
    assert psi.spent() == 5
    # what is refused for good is not put again, and what never comes is given up
    hub = Slow([])
    with pytest.raises(NotAgreedError):
        ask_through(psi, hub, token, session, elements(1))
    assert len(hub.asked) == 1
    hub = Slow([(503, {}, b"")] * 20)
    with pytest.raises(UnreadableError):
        ask_through(psi, hub, token, session, elements(1))
    assert len(hub.asked) == len(PAUSES_S) + 1


def test_a_session_that_ends_between_two_requests_of_a_check_tells_no_match_and_has_spent_the_first(psi: Psi) -> None:
    session, token = psi.opened(budget=5000)["session"], psi.token()
    rows = "".join(f"x,ipv4,45.{at >> 8}.{at & 255}.7,2026-10-01\n" for at in range(MOST_ELEMENTS))

    def ending(_: str, path: str, told: Answer) -> Answer:
        if "/requests/" in path and told[0] == 200:
            with desk(psi.hub.folder, Actor(person="tests", justification="")) as hub:
                with hub.ledger.database.reading() as connection:
                    one = find_session(connection, session)
                end_session(hub, one)
        return told

    out = psi.folder / "matches.csv"
    with lying(psi.port, ending) as port:
        done = psi.check(token, CUSTOMERS + rows, "--out", out, code=8, port=port)
    assert "The session is over." in done.stderr
    assert psi.spent() == MOST_ELEMENTS
    assert not out.exists()


def test_a_check_while_others_of_the_same_token_are_worked_on_is_told_to_come_again(psi: Psi) -> None:
    psi.opened()
    busy = on("/psi/session", lambda _: b'{"detail": "Others of your requests are worked on."}')
    with lying(psi.port, lambda method, path, told: (429, *busy(method, path, told)[1:])) as port:
        done = psi.check(psi.token(), port=port, code=4)
    assert "the same command goes on later" in done.stderr


def test_nothing_is_asked_where_the_matches_could_not_be_written(psi: Psi) -> None:
    psi.opened()
    token = psi.token()
    nowhere = psi.folder / "nowhere" / "matches.csv"
    assert "cannot be written" in psi.check(token, CUSTOMERS, "--out", nowhere, code=5).stderr
    assert psi.spent() == 0
    out = psi.folder / "matches.csv"
    psi.check(token, CUSTOMERS, "--out", out)
    assert out.read_text("utf-8") == MATCHES


def test_a_proof_of_one_session_is_none_of_another(psi: Psi) -> None:
    first, token = psi.opened(), psi.token()
    second = psi.opened("police-th")
    body = b"".join(blind([b"one"], blinds(1, os.urandom)))
    answer = psi.put(first["session"], token, body)[2]
    with pytest.raises(UnprovenError):
        verify(GENERATOR, bytes.fromhex(second["public_key"]), [body], [answer[:32]], answer[32:])
    verify(GENERATOR, bytes.fromhex(first["public_key"]), [body], [answer[:32]], answer[32:])
