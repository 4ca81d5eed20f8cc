"""What goes wrong with the TAXII server is said as TAXII says it; clients that dawdle or vanish cost little."""

import asyncio
import http.client
import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

import httpx
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from accord.access.clients import Client
from accord.cli.services.routes import Services, make_app
from accord.exchange.taxii.adds import Added, read_envelope, status_of
from accord.exchange.taxii.messages import MEDIA_TYPE, Answer, TaxiiError
from accord.exchange.taxii.server import MOST_BODIES, MOST_OF_ONE, Question, Server, mounted
from accord.web.asgi import PIECE
from accord.web.entrance import UNKNOWN_A_MINUTE
from accord.web.guarding import LIMITS
from accord.web.problems import MEDIA_TYPE as PROBLEM
from accord.web.unread import MOST_UNREAD
from tests.cli.test_cli_access import living
from tests.cli.test_cli_channel import Accord, Hub
from tests.cli.test_cli_serve import Served, end, serve
from tests.cli.test_cli_taxii import asked
from tests.cli.test_cli_taxii_adds import delivered, indicators, token, with_data_set

__all__ = ["serve"]

OBJECTS = "/taxii2/hub/collections/dataset:indicators/objects/"


@pytest.fixture
def hub(accord_here: Accord, database_url: str, tmp_path: Path) -> Hub:
    return with_data_set(
        Hub(accord_here, tmp_path, () if database_url.startswith("sqlite") else ("--database", database_url))
    )


def envelope(*numbers: int) -> bytes:
    return json.dumps({"objects": indicators(*numbers)}).encode()


def add(served: Served, secret: str, length: int) -> socket.socket:
    """A connection on which an add has begun."""
    wire = socket.create_connection(("127.0.0.1", served.port), 60)
    told = f"POST {OBJECTS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {secret}\r\n"
    wire.sendall(f"{told}Content-Type: {MEDIA_TYPE}\r\nContent-Length: {length}\r\n\r\n".encode())
    return wire


def status(wire: socket.socket) -> tuple[int, str, dict]:
    """What is answered on a connection."""
    answer = http.client.HTTPResponse(wire)
    answer.begin()
    return answer.status, answer.headers["content-type"], json.loads(answer.read())


def chunked(served: Served, secret: str | None, size: int) -> tuple[int, str, dict]:
    """The answer to a body whose length is not said before."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    headers = {"content-type": MEDIA_TYPE} | ({} if secret is None else {"authorization": f"Bearer {secret}"})
    try:
        body = (b" " * 65536 for _ in range(size // 65536))
        # the server may have answered, and hung up, before all is sent
        with suppress(BrokenPipeError):
            connection.request("POST", OBJECTS, body, headers, encode_chunked=True)
        answer = connection.getresponse()
        return answer.status, answer.headers["content-type"], json.loads(answer.read())
    finally:
        connection.close()


def test_clients_that_dawdle_or_vanish_leave_nothing_and_keep_nobody_waiting(
    hub: Hub, serve: Callable[..., Served]
) -> None:
    secret = token(hub, "vendor", "write")
    served = serve(hub.folder)
    own = {"authorization": f"Bearer {secret}", "content-type": MEDIA_TYPE}
    body = envelope(1)
    # who vanishes half-way has added nothing, and that is no error of the hub's
    for _ in range(3):
        with add(served, secret, len(body)) as wire:
            wire.sendall(body[:-1])
    # who is not known is heard to the end of what it sends, and refused; nothing of it is kept
    assert chunked(served, None, 1 << 19)[:2] == (401, MEDIA_TYPE)
    for told in (chunked(served, secret, 1 << 21), chunked(served, None, 1 << 21)):
        assert (told[0], told[1], told[2]["http_status"]) == (413, MEDIA_TYPE, "413")
    # more than it may hold an add open: another of the same client is told to come again, and whoever polls is answered
    slow = [add(served, secret, len(body)) for _ in range(MOST_BODIES + 8)]
    try:
        for wire in slow:
            wire.sendall(body[:10])
        assert asked(served.port, "/taxii2/hub/collections/", **own)[0] == 200
        while (told := asked(served.port, OBJECTS, "POST", envelope(2), **own))[0] == 202:
            # those before it have not all been heard yet
            pass
        assert (told[0], told[1], told[2]["http_status"]) == (503, MEDIA_TYPE, "503")
        for wire in slow:
            wire.sendall(body[10:])
        heard = [status(wire)[0] for wire in slow]
        assert {*heard} == {202, 503}
        assert heard.count(202) <= MOST_OF_ONE
    finally:
        for wire in slow:
            wire.close()
    while asked(served.port, OBJECTS, "POST", envelope(3), **own)[0] == 503:
        pass
    assert end(served) == 0
    assert not any("error" in line for line in served.talk)
    hub("job", "work", "--in", hub.folder)
    assert sorted({*delivered(hub)} - {2}) == [1, 3]


def test_an_error_of_ours_is_a_taxii_error_that_tells_nothing(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Answer:
        raise RuntimeError("what is inside")

    monkeypatch.setattr(Server, "_answer", fail)
    secret = token(hub, "vendor", "write")
    app = make_app(Services(folder=hub.folder, names=("localhost",)))

    async def ask() -> list[httpx.Response]:
        async with (
            living(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost") as client,
        ):
            own = {"authorization": f"Bearer {secret}", "content-type": MEDIA_TYPE}
            return [
                await client.get("/taxii2/hub/", headers=own),
                await client.post(OBJECTS, headers=own, content=envelope(1)),
                await client.get("/taxii2", headers={"host": "elsewhere"}),
            ]

    for answer, code in zip(asyncio.run(ask()), (500, 500, 421), strict=True):
        assert (answer.status_code, answer.headers["content-type"]) == (code, MEDIA_TYPE)
        assert answer.json()["http_status"] == str(code)
        assert "inside" not in answer.text


def test_what_nobody_known_sends_is_not_kept() -> None:
    sent: list[dict] = []
    pieces = [b"x" * 1000] * 1000

    class Refusing:
        def greet(self, asked: Question) -> Client | Answer:
            assert asked.body == b""
            return TaxiiError(HTTPStatus.UNAUTHORIZED).answer

        def answer(self, _: Question) -> Answer:
            raise AssertionError("it was let in")

    async def receive() -> dict:
        return {"type": "http.request", "body": pieces.pop(), "more_body": bool(pieces)}

    async def send(message: dict) -> None:
        sent.append(message)

    async def ask() -> None:
        scope = {"type": "http", "method": "POST", "path": OBJECTS, "query_string": b"", "headers": []}
        await mounted(Refusing(), pytest.fail)(scope, receive, send)

    asyncio.run(ask())
    # all of it was read, so that the client hears the answer
    assert pieces == []
    assert sent[0]["status"] == 401


def test_a_client_that_does_not_read_its_answers_gets_few_and_others_all_they_ask_for() -> None:
    long = bytes(range(256)) * (PIECE // 64)

    class Long:
        def greet(self, _: Question) -> Client | Answer:
            raise NotImplementedError

        def answer(self, asked: Question) -> Answer:
            return Answer(body=long, person=asked.headers["authorization"])

    async def receive() -> dict:
        raise NotImplementedError

    async def ask() -> None:
        app, read = mounted(Long(), pytest.fail), asyncio.Event()

        async def get(who: str, *, reads: bool) -> tuple[dict, bytes]:
            sent: list[dict] = []

            async def send(message: dict) -> None:
                sent.append(message)
                begun.release()
                if not reads and message.get("more_body", False):
                    await read.wait()

            headers = [(b"authorization", who.encode())]
            scope = {"type": "http", "method": "GET", "path": OBJECTS, "query_string": b"", "headers": headers}
            await app(scope, receive, send)
            start, *parts = sent
            assert [one["more_body"] for one in parts] == [True] * (len(parts) - 1) + [False]
            assert max(len(one["body"]) for one in parts) <= PIECE
            return start, b"".join(one["body"] for one in parts)

        begun = asyncio.Semaphore(0)
        waiting = [asyncio.create_task(get("slow", reads=False)) for _ in range(MOST_UNREAD)]
        for _ in range(2 * MOST_UNREAD):
            await begun.acquire()
        start, body = await get("slow", reads=True)
        assert (start["status"], json.loads(body)["http_status"]) == (429, "429")
        for _ in range(3):
            start, body = await get("quick", reads=True)
            assert (start["status"], dict(start["headers"])[b"content-length"]) == (200, str(len(long)).encode())
            assert body == long
        read.set()
        assert {body for _, body in await asyncio.gather(*waiting)} == {long}
        assert (await get("slow", reads=True))[0]["status"] == 200

    asyncio.run(ask())


DEEP = b"[" * 200_000
NASTY = (
    b"",
    b"\xff\xfe",
    b"\xef\xbb\xbf" + envelope(1),
    DEEP,
    b'{"objects":' + DEEP,
    b'{"objects":[' + b'{"a":' * 100_000,
    b'{"objects":[],"objects":[]}',
    b'{"objects":[{"id":"indicator--00000000-0000-4000-8000-000000000001","id":7}]}',
    b'{"objects":[{"type":"indicator","id":"indicator--00000000-0000-4000-8000-000000000001","x":NaN}]}',
    b'{"objects":[{"type":"indicator","id":"indicator--00000000-0000-4000-8000-000000000001","x":1e999}]}',
    b'{"objects":[{"type":"indicator","id":"indicator--00000000-0000-4000-8000-000000000001","x":'
    + b"9" * 100_000
    + b"}]}",
    b'{"objects":[{"type":"indicator","id":"indicator--00000000-0000-4000-8000-000000000001","x":"\\ud800"}]}',
    b'{"objects":[{"type":"indicator","id":"indicator--00000000-0000-4000-8000-000000000001","modified":"\\ud800"}]}',
    b'{"objects":[{"type":{},"id":[],"modified":7}]}',
    b'{"objects":[null,true,7,"x",[]]}',
    b'{"objects":{"id":"x"}}',
    b'{"objects":null}',
    b"null",
    b'"objects"',
    b'{"objects":[' + b",".join([b"{}"] * 10_001) + b"]}",
    b'{"type":"bundle","objects":[]}',
    b"{}",
)


def test_whatever_json_is_added_it_is_refused_in_words_or_accounted_for(hub: Hub, serve: Callable[..., Served]) -> None:
    secret = token(hub, "vendor", "write")
    served = serve(hub.folder)
    own = {"authorization": f"Bearer {secret}", "content-type": MEDIA_TYPE}
    for body in NASTY:
        code, media_type, told = asked(served.port, OBJECTS, "POST", body, **own)
        assert (code, media_type) in {(202, MEDIA_TYPE), (422, MEDIA_TYPE)}, body[:80]
        if code == 422:
            assert told["http_status"] == "422"
        else:
            name = told["id"]
            hub("job", "work", "--in", hub.folder)
            _, _, told = asked(served.port, f"/taxii2/hub/status/{name}/", **own)
            assert told["total_count"] == told["failure_count"] + told["pending_count"] + told["success_count"]
    assert end(served) == 0
    assert not any("error" in line for line in served.talk)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(indicators(1)[0]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["objects", "id", "type", "modified", "created", "spec_version"]), inner)
    ),
    max_leaves=12,
)


AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?Z")
"""RFC 3339 in UTC, as STIX and TAXII have it (STIX 2.1, 2.16)."""


@given(st.binary(max_size=200) | JSON.map(json.dumps).map(str.encode))
@example(DEEP)
@example(b'{"objects":[{"type":"x","id":"x--00000000-0000-4000-8000-000000000001","created":"\\ud800"}]}')
def test_an_envelope_is_read_or_refused_and_nothing_else(body: bytes) -> None:
    try:
        found = read_envelope(body, MEDIA_TYPE)
    except TaxiiError as refusal:
        code = refusal.status
    else:
        code = 202
        assert found.members
        assert all(isinstance(one.content, dict) for one in found.members)
        told = status_of(Added(name="x", at=AT, body=body, pending=True, failed={}), found)
        # a version is an instant, whatever was said (TAXII 2.1, 4.3.1)
        assert all(INSTANT.fullmatch(one["version"]) for one in json.loads(msgspec.json.encode(told))["pendings"])
    assert code in {202, 422}


def test_who_asks_too_often_is_told_so_by_a_real_server(hub: Hub, serve: Callable[..., Served]) -> None:
    served = serve(hub.folder)
    answers: list[tuple[int, str, dict]] = []
    threads = [
        threading.Thread(target=lambda: answers.extend(asked(served.port, "/taxii2/") for _ in range(UNKNOWN_A_MINUTE)))
        for _ in range(3)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert {(code, media_type, told["http_status"]) for code, media_type, told in answers} == {
        (401, MEDIA_TYPE, "401"),
        (429, MEDIA_TYPE, "429"),
    }
    # what is asked of another service counts with it
    assert 429 in [served.ask("/deliveries")[0] for _ in range(UNKNOWN_A_MINUTE // 2)]
    assert end(served) == 0


def test_a_client_may_ask_as_often_over_many_connections_as_over_one(hub: Hub, serve: Callable[..., Served]) -> None:
    a_minute, connections, each = 30, 20, 5
    with (hub.folder / "workspace.toml").open("a") as settings:
        settings.write(f"[serve]\nrequests_a_minute = {a_minute}\n")
    secret = token(hub, "csirt-th", "read")
    served = serve(hub.folder)
    said: Counter[int] = Counter()

    def ask() -> None:
        # a connection each, which the kernel would share out among processes that listened at one port
        wire = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
        for _ in range(each):
            wire.request("GET", "/taxii2/", headers={"authorization": f"Bearer {secret}"})
            answer = wire.getresponse()
            answer.read()
            said[answer.status] += 1
        wire.close()

    begun = time.monotonic()
    asking = [threading.Thread(target=ask) for _ in range(connections)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    # what came back meanwhile, however slow the machine is
    more = int((time.monotonic() - begun) * a_minute / 60) + 1
    assert said.keys() <= {200, 429}
    assert said.total() == connections * each
    assert a_minute <= said[200] <= a_minute + more


MOST_GROWN_KB = 384 << 10
"""Six threads read bodies of at most 1 MiB, of which the worst is held in some 50 MiB; 230 MiB were measured."""


def held_kb(pid: int) -> dict[int, int]:
    """The most memory that each process below another has held (proc(5), VmHWM)."""
    found, pending = {}, [pid]
    while pending:
        one = pending.pop()
        pending += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
        (line,) = [line for line in Path(f"/proc/{one}/status").read_text().splitlines() if line.startswith("VmHWM")]
        found[one] = int(line.split()[1])
    return found


def test_hostile_bodies_are_refused_in_words_within_bounded_memory(hub: Hub, serve: Callable[..., Served]) -> None:
    secret = token(hub, "vendor", "write")
    served = serve(hub.folder)
    own = {"authorization": f"Bearer {secret}", "content-type": MEDIA_TYPE}
    room = (1 << 20) - 64
    bodies = [
        b"[" * room,
        b'{"objects":' * (room // 11),
        b'{"objects":[' + b"{}," * (room // 3) + b"{}]}",
        b'{"objects":[' + b"[[[[]]]]," * (room // 9) + b"7]}",
        b'{"objects":[{' + b'"a":1,' * (room // 6) + b'"a":1}]}',
        b'{"objects":[' + b"9" * room + b"]}",
        b'{"objects":[' + b"1e9," * (room // 4) + b"1]}",
        b'{"objects":["' + b"\\ud800" * (room // 6) + b'"]}',
        b'{"objects":{"a":[' + b"null," * (room // 5) + b"0]}}",
        b"\xff" * room,
    ]
    assert asked(served.port, OBJECTS, "POST", envelope(1), **own)[0] == 202
    before = held_kb(served.process.pid)
    said: list[tuple[int, str, dict]] = []

    def send(body: bytes) -> None:
        while (told := asked(served.port, OBJECTS, "POST", body, **own))[0] == 503:
            pass
        said.append(told)

    sending = [threading.Thread(target=send, args=(body,)) for body in bodies * 3]
    for one in sending:
        one.start()
    for one in sending:
        one.join()
    assert {(status, kind) for status, kind, _ in said} == {(422, MEDIA_TYPE)}
    assert all(told["description"] for _, _, told in said)
    after = held_kb(served.process.pid)
    assert max(held - before.get(pid, held) for pid, held in after.items()) < MOST_GROWN_KB
    # what came before and what comes after is taken all the same
    assert asked(served.port, OBJECTS, "POST", envelope(2), **own)[0] == 202


CUT = "The request did not come to its end."
CRUMBS = {
    b"no number\r\n": CUT,
    b"1;" + b"x" * 100_000 + b"\r\n1\r\n0\r\n\r\n": CUT,
    b"1\r\n \r\n0\r\nX: " + b"x" * 100_000 + b"\r\n\r\n": CUT,
    b"1\r\n \r\n" * (LIMITS.body_pieces + 1): f"The body comes in more than {LIMITS.body_pieces:,} pieces.",
}


def test_a_body_that_is_no_http_or_comes_in_crumbs_is_refused_as_each_service_says_it(
    hub: Hub, serve: Callable[..., Served]
) -> None:
    secret = token(hub, "vendor", "write", "report")
    served = serve(hub.folder)
    for path, kind in ((OBJECTS, MEDIA_TYPE), ("/outcomes", PROBLEM)):
        for who in (f"Authorization: Bearer {secret}\r\n", ""):
            for sent, words in CRUMBS.items():
                with socket.create_connection(("127.0.0.1", served.port), 60) as wire:
                    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n{who}"
                    wire.sendall(f"{head}Content-Type: {MEDIA_TYPE}\r\n\r\n".encode())
                    # the server may have answered, and hung up, before all is sent
                    with suppress(OSError):
                        wire.sendall(sent)
                    code, media_type, told = status(wire)
                assert (code, media_type) == (400, kind), (path, who, sent[:20])
                assert words in told.values()
    assert end(served) == 0
    assert not any("error" in line for line in served.talk)


def test_http_2_is_not_spoken_and_an_offer_of_it_is_passed_over(hub: Hub, serve: Callable[..., Served]) -> None:
    served = serve(hub.folder)
    # with prior knowledge (RFC 9113, 3.3): it is no request of HTTP/1.1
    with socket.create_connection(("127.0.0.1", served.port), 60) as wire:
        wire.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\x04\0\0\0\0\0")
        answer = wire.recv(1 << 16)
        assert answer == b"" or answer.split()[1] in {b"400", b"505"}
    upgrade = {"connection": "Upgrade, HTTP2-Settings", "upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAAP__"}
    assert asked(served.port, "/taxii2/", **upgrade)[0] == 401
