"""A TAXII server that says what it likes: what of it is believed, and how much is borne."""

import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from accord.exchange.asking import Bounds
from accord.exchange.taxii.client import Collection
from accord.vocabulary.errors import AccordError, OutputError, UnreadableError

MEDIA_TYPE = "application/taxii+json;version=2.1"
FIRST, LAST = "x-taxii-date-added-first", "x-taxii-date-added-last"
UNTIL = 1_795_860_000_000_000
"""2026-11-28T10:00:00Z, as `date -d` has it."""
SMALL = Bounds(answer_s=20, answer_bytes=1 << 16, pages=20)

Said = tuple[int, Mapping[str, str], bytes]


@contextmanager
def saying(answer: Callable[[BaseHTTPRequestHandler], Said]) -> Iterator[str]:
    """A server that says that, at this URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = answer(self)
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), "content-type": MEDIA_TYPE, **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 -- as the standard library calls it

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api/collections/1"
    finally:
        server.shutdown()
        server.server_close()


def page(second: int, *names: str, **more: object) -> Said:
    """A page of objects that were added in one second."""
    return holding(second, [{"id": name, "modified": "2026-11-20T10:00:00.000000Z"} for name in names], **more)


def holding(second: int, objects: Sequence[Mapping[str, object]], **more: object) -> Said:
    """A page of objects as they are."""
    at = f"2026-11-20T10:00:{second:02}.000000Z"
    return 200, {FIRST: at, LAST: at}, json.dumps({"objects": objects, **more}).encode()


def pulled(url: str, bounds: Bounds = SMALL) -> list[str]:
    with Collection(url, authorization=None, bounds=bounds) as collection:
        return [one.name.split()[0] for found in collection.pages(None, until=UNTIL) for one in found.objects]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ((302, {"location": "https://elsewhere.example/"}, b""), "status 302"),
        ((200, {"content-encoding": "gzip"}, gzip.compress(b"{}")), "not compressed"),
        ((200, {"content-type": "text/html"}, b"<html>"), "text/html"),
        ((200, {}, b" " * (1 << 17)), "at most 65,536 bytes"),
        ((200, {}, b"{"), "a message of TAXII"),
        ((200, {}, b"[" * 60_000), "a message of TAXII"),
        ((200, {}, b'{"objects":{}}'), "a message of TAXII"),
        ((200, {}, b'{"objects":[{"id":"x--1"}]}'), "x-taxii-date-added-first with every page"),
        ((200, {FIRST: "yesterday"}, b'{"objects":[{"id":"x--1"}]}'), "yesterday"),
        ((200, {}, b'{"more":true,"next":"1"}'), "nothing new"),
        ((500, {}, b'{"title":"Oh","description":"no"}'), "status 500: Oh no"),
        ((999, {}, b"\xff"), "status 999"),
    ],
)
def test_an_answer_that_is_none_is_told_in_words(said: Said, words: str) -> None:
    with saying(lambda _: said) as url, pytest.raises(UnreadableError, match=words) as told:
        pulled(url)
    assert told.value.where.startswith(url)


def test_pages_that_repeat_themselves_go_back_or_have_no_end_are_left() -> None:
    with saying(lambda _: page(1, "x--1", more=True, next="a")) as url, pytest.raises(UnreadableError, match="new"):
        pulled(url)
    numbers = iter(range(1000))
    with (
        saying(lambda _: page(1, f"x--{next(numbers)}", more=True, next="a")) as url,
        pytest.raises(UnreadableError, match="an end after at most 20 pages"),
    ):
        pulled(url)
    back = iter([page(2, "x--1", more=True, next="a"), page(1, "x--2")])
    with saying(lambda _: next(back)) as url, pytest.raises(UnreadableError, match="back in time"):
        pulled(url)


def test_without_next_one_goes_on_by_the_last_date_and_asks_for_its_instant_once_more() -> None:
    asked = []
    pages = [page(1, "x--1", "x--2", more=True), page(1, "x--1", "x--2", "x--3", more=True), page(2, "x--4")]

    def answer(request: BaseHTTPRequestHandler) -> Said:
        asked.append(request.path.partition("?")[2])
        return pages[len(asked) - 1]

    with saying(answer) as url:
        assert sorted(set(pulled(url))) == ["x--1", "x--2", "x--3", "x--4"]
    before = "added_after=2026-11-20T10%3A00%3A00.999999Z"
    assert [before in one for one in asked] == [False, True, True]


def test_a_server_that_says_nothing_or_a_byte_at_a_time_is_left_when_its_time_is_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/api/collections/1"
        with pytest.raises(UnreadableError, match=r"no whole answer in 0\.2 s"):
            pulled(url, Bounds(answer_s=0.2))
    over = threading.Event()

    def drip(request: BaseHTTPRequestHandler) -> Said:
        with suppress(OSError):
            while not over.wait(0.01):
                request.wfile.write(b"H")
                request.wfile.flush()
        return 200, {}, b""

    with saying(drip) as url:
        with pytest.raises(UnreadableError):
            pulled(url, Bounds(answer_s=0.5))
        over.set()


def test_a_certificate_that_nobody_trusts_opens_nothing_and_what_is_not_taken_is_told() -> None:
    with saying(lambda _: page(1, "x--1")) as url, pytest.raises(UnreadableError, match="does not answer"):
        pulled(url.replace("http:", "https:"))
    with (
        saying(lambda _: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {}, b"")) as url,
        Collection(url, authorization=None) as collection,
        pytest.raises(OutputError, match="does not take it"),
    ):
        collection.add(b"{}")
    with pytest.raises(AccordError, match="certificates"):
        Collection(url, authorization=None, ca_file=__file__)
