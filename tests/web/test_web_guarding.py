"""What stands before every service, at the ASGI interface: whom it answers, its bounds, and what every answer says."""

import asyncio
import json
from collections.abc import Mapping

import pytest

from accord.web.asgi import PIECE, App, Message, Receive, Scope, Send, answer, single_headers
from accord.web.guarding import SECURITY_HEADERS, Guard, Limits, host_name
from accord.web.problems import ProblemError

LIMITS = Limits(body_bytes=10, target_bytes=50, headers_bytes=200, time_s=60)


async def echo(_: Scope, receive: Receive, send: Send) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await answer(send, 200, [(b"x-frame-options", b"SAMEORIGIN")], body)


def ask(
    app: App,
    *,
    method: str = "GET",
    path: str = "/",
    headers: Mapping[str, str] | None = None,
    body: tuple[bytes, ...] = (b"",),
    limits: Limits = LIMITS,
    failed: list[Exception] | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """What a client gets."""
    said = {"host": "hub.example"} | dict(headers or {})
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in said.items()],
    }
    parts = list(body)
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message: Message) -> None:
        sent.append(message)

    guard = Guard(app, hosts=("hub.example", "[::1]"), failed=([] if failed is None else failed).append, limits=limits)
    asyncio.run(guard(scope, receive, send))
    start, *rest = sent
    told = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], told, b"".join(one["body"] for one in rest)


def test_every_answer_carries_the_security_headers_and_a_service_may_set_its_own() -> None:
    _, headers, body = ask(echo, method="POST", body=(b"a", b"b"))
    assert body == b"ab"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["server"] == "accord"
    assert {name: headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS | {"x-frame-options": "SAMEORIGIN"}
    policy = SECURITY_HEADERS["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert set(SECURITY_HEADERS) <= set(ask(echo, headers={"host": "evil.example"})[1])


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"headers": {"host": "evil.example"}}, 421),
        ({"headers": {"host": ""}}, 421),
        ({"headers": {"host": "HUB.example:8080"}}, 200),
        ({"headers": {"host": "[::1]:8080"}}, 200),
        ({"headers": {"content-length": "11"}}, 413),
        ({"headers": {"content-length": "-1"}}, 400),
        ({"headers": {"content-length": "²"}}, 400),
        ({"body": (b"12345", b"67890")}, 200),
        ({"body": (b"12345", b"678901")}, 413),
        ({"headers": {"x": "a" * 200}}, 431),
        ({"path": "/" + "a" * 49}, 200),
        ({"path": "/" + "a" * 50}, 414),
    ],
)
def test_what_is_addressed_wrongly_or_too_long_is_refused_with_its_status(asked: dict, status: int) -> None:
    found, headers, body = ask(echo, method="POST", **asked)
    assert found == status
    if status != 200:
        assert headers["content-type"] == "application/problem+json"
        assert json.loads(body)["status"] == status


def test_an_error_of_ours_says_nothing_of_what_is_inside_and_is_told_to_the_operator() -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("password s3cret")

    failed: list[Exception] = []
    status, _, body = ask(fail, failed=failed)
    assert (status, json.loads(body)) == (
        500,
        {"type": "about:blank", "title": "Internal Server Error", "status": 500},
    )
    assert [str(error) for error in failed] == ["password s3cret"]


def test_what_takes_too_long_is_ended() -> None:
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    status, headers, _ = ask(never, limits=Limits(time_s=0.0))
    assert (status, headers["retry-after"]) == (503, "30")


def test_an_answer_that_began_is_cut_off_and_not_mended() -> None:
    async def half(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ProblemError(500)  # type: ignore[arg-type]

    with pytest.raises(ProblemError):
        ask(half)


def test_how_an_error_is_told_follows_from_the_path_that_was_asked_for() -> None:
    async def mounted(scope: Scope, _: Receive, __: Send) -> None:
        scope["path"] = "/"
        await asyncio.Event().wait()

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    def errors(scope: Scope, _status: int, _detail: str | None) -> tuple[str, bytes]:
        return "text/plain", scope["path"].encode()

    guard = Guard(mounted, hosts=("hub.example",), failed=pytest.fail, limits=Limits(time_s=0.0), errors=errors)
    headers = [(b"host", b"hub.example")]
    scope = {"type": "http", "method": "GET", "path": "/taxii2/hub/", "query_string": b"", "headers": headers}
    asyncio.run(guard(scope, pytest.fail, send))
    assert sent[1]["body"] == b"/taxii2/hub/"


def test_a_request_that_breaks_off_is_no_error_of_ours() -> None:
    async def gone(*_: object) -> None:
        """As a service does that finds nobody there who would read an answer."""

    status, headers, body = ask(gone)
    assert (status, headers["connection"], json.loads(body)["status"]) == (400, "close", 400)


def test_a_body_in_very_many_pieces_is_refused_however_short_it_is() -> None:
    few = Limits(body_pieces=3)
    assert ask(echo, body=(b"a", b"b", b"c"), limits=few)[::2] == (200, b"abc")
    status, _, body = ask(echo, body=(b"a", b"", b"", b""), limits=few)
    assert (status, json.loads(body)["detail"]) == (400, "The body comes in more than 3 pieces.")


def test_a_client_that_reads_too_slowly_is_hung_up_on_and_that_is_no_error() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        if message["type"] == "http.response.body":
            # as a server does that waits until its client reads on
            await asyncio.Event().wait()

    async def long(_: Scope, __: Receive, send: Send) -> None:
        await answer(send, 200, [], bytes(3 * PIECE))

    guard = Guard(long, hosts=("hub.example",), failed=pytest.fail, limits=Limits(time_s=0.0))
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [(b"host", b"hub.example")]}
    asyncio.run(guard(scope, pytest.fail, send))
    start, body = sent
    # who counts the bytes sees that some are missing
    assert (dict(start["headers"])[b"content-length"], len(body["body"])) == (str(3 * PIECE).encode(), PIECE)
    assert body["more_body"] is True


def test_a_head_has_no_body() -> None:
    _, headers, body = ask(echo, method="HEAD", body=(b"abc",))
    assert (headers["content-length"], body) == ("3", b"")


def test_a_host_s_name_is_read_as_the_standard_writes_it() -> None:
    # RFC 9110, 7.2: uri-host [ ":" port ]
    assert [host_name(one) for one in ("A.example", "a:80", "[::1]:80", "[::1]", None)] == [
        "a.example", "a", "[::1]", "[::1]", None
    ]  # fmt: skip


def test_a_header_that_is_a_list_may_come_in_several_lines_and_any_other_counts_once() -> None:
    lines = [(b"accept", b"text/html"), (b"accept", b"*/*;q=0.1"), (b"host", b"a"), (b"host", b"b"), (b"range", b"c")]
    # RFC 9110, 5.3
    assert single_headers({"headers": lines}) == {"accept": "text/html, */*;q=0.1", "range": "c"}
