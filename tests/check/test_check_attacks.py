"""What others try against the check's service, as a real process: each attack that docs/check-threats.md names."""

import http.client
import json
import socket
import threading
from contextlib import suppress
from datetime import date, timedelta
from http import HTTPStatus
from pathlib import Path

import pytest

from accord.check.asking import peer
from accord.check.writing import destroy_others, show_version
from tests.check.check_served import (
    BEHIND_NAT,
    CLEAN,
    DAY,
    HOST,
    MANY,
    MONTH,
    NAMING_IMPORTS,
    UNNAMED,
    V6,
    V6_CLEAN,
    WEEK,
    Check,
    free_port,
    publish_check,
    received,
    settings_of,
    taken_from_a_hub,
    today,
)

NOBODY = "0.0.0.0"  # noqa: S104 -- an address that nobody has, and no binding
JSON = {"Accept": "application/json"}
QUIET = "address_a_minute = 1000000\nnetwork_a_minute = 100000000"


def grade(check: Check, **asked) -> object:
    answer = check.ask(**{"headers": JSON, **asked})
    assert answer.status == HTTPStatus.OK, answer
    return answer.json["address"], answer.json["grade"]


@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Client-IP", "True-Client-IP", "CF-Connecting-IP", "Via"]
)
@pytest.mark.parametrize("source", ["127.0.0.2", "127.9.9.9", "127.255.255.254"])
def test_a_forwarded_address_counts_from_nobody_but_the_proxies_that_are_named(check: Check, name, source) -> None:
    told = f"for={DAY}" if name == "Forwarded" else DAY
    said = grade(check, source=source, headers=JSON | {name: told})
    assert said == (source, "cannot-tell")


def test_only_a_proxys_own_word_counts_and_not_what_it_was_told(check: Check) -> None:
    for said, address in (
        (f"{DAY}, {CLEAN}", CLEAN),
        (f"{CLEAN}, {DAY}", DAY),
        # another proxy of ours stands between
        (f"{CLEAN}, {DAY}, 10.9.8.7", DAY),
        # 10.8.0.1 is none of ours, so what stands before it is anybody's word
        (f"{DAY}, 10.8.0.1", "10.8.0.1"),
        (f"nonsense, {DAY}", DAY),
        (f"{DAY}:4711", DAY),
        ("[2001:db8:1::7]:4711", V6),
        # one address, however it is written (RFC 4291, 2.5.5.2); what else holds four bytes of one is another
        (f"::ffff:{DAY}", DAY),
        ("::FFFF:cb00:7101", DAY),
        (f"[0:0:0:0:0:ffff:{DAY}]:80", DAY),
        (f"{CLEAN}, ::ffff:{DAY}, 10.9.8.7, ::ffff:127.0.0.1", DAY),
        (f"::{DAY}", f"::{DAY}"),
        (f"64:ff9b::{DAY}", "64:ff9b::cb00:7101"),
        ("fe80::1%eth0", "fe80::1"),
    ):
        assert grade(check, visitor=said)[0] == address, said


@pytest.mark.parametrize(
    "more",
    [
        {"X_Forwarded_For": DAY},
        {"X-Forwarded-For-": DAY},
        {"Forwarded": f"for={DAY}", "X-Real-IP": DAY, "X-Original-Forwarded-For": DAY},
        {"Connection": "X-Forwarded-For"},
        {"Trailer": "X-Forwarded-For", "TE": "trailers"},
    ],
    ids=str,
)
def test_what_only_looks_like_a_proxys_word_counts_beside_it_as_little_as_alone(check: Check, more) -> None:
    assert grade(check, visitor=CLEAN, headers=JSON | more) == (CLEAN, "not-seen")


def test_what_comes_behind_a_body_is_no_header(check: Check) -> None:
    """A trailer (RFC 9112, 7.1.2)."""
    head = f"POST /en HTTP/1.1\r\nHost: {HOST}\r\nAccept: application/json\r\nX-Forwarded-For: {CLEAN}\r\n"
    sent = f"{head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Forwarded-For: {DAY}\r\n\r\n"
    answer = check.raw(sent.encode())
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["address"] == CLEAN


def test_by_which_interface_somebody_of_the_same_link_came_is_no_part_of_their_address() -> None:
    """As the server writes it (RFC 4007, 11)."""
    assert peer("[fe80::1%2]:4711") == peer("[fe80::1]:4711") == bytes.fromhex("fe80" + "00" * 13 + "01")


def test_a_second_header_of_a_client_does_not_hide_that_of_the_proxy(check: Check) -> None:
    # as HAProxy's `option forwardfor` adds its own line behind those that came
    lines = [("X-Forwarded-For", DAY), ("X-Forwarded-For", CLEAN), *JSON.items()]
    assert grade(check, headers=lines) == (CLEAN, "not-seen")


def test_a_proxy_that_does_not_say_for_whom_it_asks_is_told_nothing_of_its_own_address(serve) -> None:
    check = serve()
    for said in ("", "unknown", "_hidden", "203.0.113.1.", "203.0.113.1, ", "203.0.113.01", "1" * 1200):
        assert grade(check, visitor=said) == (NOBODY, "cannot-tell"), said
    assert grade(check) == (NOBODY, "cannot-tell")
    assert json.loads(check.hear("silent-proxy")[-1])["alarm"] == "silent-proxy"


@pytest.fixture
def ipv6() -> None:
    """Nothing, where this machine has an IPv6 loopback."""
    try:
        free_port("::1")
    except OSError as error:
        pytest.skip(f"needs ipv6: a loopback address ::1 ({error})")


@pytest.mark.usefixtures("ipv6")
@pytest.mark.parametrize("host", ["::1", "::"])
def test_who_connects_by_ipv6_is_asked_about_by_that_address_whatever_they_say(serve, host) -> None:
    check = serve(host=host)
    assert grade(check, to="::1") == ("::1", "cannot-tell")
    assert grade(check, to="::1", visitor=DAY) == ("::1", "cannot-tell")
    assert check.ask("/health", "GET", to="::1", headers={"Host": "localhost"}).json["answers"] == 2
    assert not any("silent-proxy" in line for line in check.talk)


@pytest.mark.usefixtures("ipv6")
def test_a_proxy_is_believed_by_its_ipv6_address(serve) -> None:
    check = serve(host="::1", proxies='["::1"]')
    for visitor, told in ((DAY, (DAY, "day")), (V6, (V6, "day")), (V6_CLEAN, (V6_CLEAN, "not-seen"))):
        assert grade(check, visitor=visitor) == told


@pytest.mark.usefixtures("ipv6")
def test_where_it_listens_to_both_who_connects_by_ipv4_is_asked_about_by_their_ipv4_address(serve) -> None:
    """The system hands such a connection over as from ::ffff:127.0.0.1 (RFC 3493, 3.7)."""
    if Path("/proc/sys/net/ipv6/bindv6only").read_text().strip() != "0":
        pytest.skip("needs ipv6: a machine on which :: takes IPv4, too (net.ipv6.bindv6only = 0)")
    check = serve(host="::")
    assert grade(check, to="127.0.0.1", source="127.0.0.2") == ("127.0.0.2", "cannot-tell")
    assert grade(check, to="127.0.0.1", source="127.0.0.2", visitor=DAY) == ("127.0.0.2", "cannot-tell")
    # 127.0.0.1 is the proxy that is named
    assert grade(check, to="127.0.0.1", visitor=DAY) == (DAY, "day")
    assert check.ask("/health", "GET", to="127.0.0.1", headers={"Host": "localhost"}).json["hits"] == 1


def test_no_part_of_a_request_names_whom_it_is_about(check: Check) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for asked in (
        {"path": f"/en?address={DAY}&ip={DAY}"},
        {"body": f"address={DAY}&ip={DAY}".encode(), "headers": JSON | form},
        {"body": json.dumps({"address": DAY}).encode(), "headers": JSON | {"Content-Type": "application/json"}},
        {"headers": JSON | {"Referer": f"https://{HOST}/en?address={DAY}", "Cookie": f"address={DAY}"}},
    ):
        assert grade(check, visitor=CLEAN, **asked) == (CLEAN, "not-seen")
    assert check.ask(f"/en/{DAY}", visitor=CLEAN).status == HTTPStatus.NOT_FOUND


CROSS = [
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": f"https://other.{HOST}"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": f"https://{HOST}.evil.example"},
    {"Origin": f"https://{HOST}@evil.example"},
    {"Origin": "https://v4.check.fusion.example"},
    {"Origin": f"{HOST}"},
    {"Origin": f"://{HOST}"},
    {"Origin": f"javascript://{HOST}"},
    {"Origin": f"https://{HOST}/"},
    {"Origin": f"https://{HOST}:80@evil.example"},
    {"Origin": f"https://{HOST}:evil"},
    {"Origin": f"https://{HOST}."},
    {"Origin": f"https://{HOST}, https://evil.example"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": f"https://{HOST}"},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
    {"Sec-Fetch-Site": "same-origin", "sec-fetch-site": "cross-site"},
    {"Origin": f"https://{HOST}", "origin": "https://evil.example"},
    {"Sec-Fetch-Site": ""},
    {"Origin": "https://\xe9vil.example"},
    {"Sec-Fetch-Site": "cross-site\xff"},
]


@pytest.mark.parametrize("headers", CROSS, ids=str)
def test_another_site_cannot_ask_on_a_visitors_behalf(check: Check, headers) -> None:
    before = check.health()["answers"]
    for accept in ("text/html", "application/json"):
        answer = check.ask(visitor=DAY, headers=headers | {"Accept": accept})
        assert answer.status == HTTPStatus.FORBIDDEN
        assert DAY not in answer.text
    assert check.health()["answers"] == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": f"https://{HOST}"},
        {"Sec-Fetch-Site": "same-origin", "Origin": f"http://{HOST}:8443"},
        {"Sec-Fetch-Site": "none"},
        {},
    ],
    ids=str,
)
def test_the_page_itself_and_programs_that_are_no_browser_may_ask(check: Check, headers) -> None:
    assert grade(check, visitor=DAY, headers=headers | JSON) == (DAY, "day")


def test_a_script_of_another_origin_is_given_no_leave_to_read(check: Check) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = check.ask(method="OPTIONS", headers=asked)
    assert answer.status == HTTPStatus.METHOD_NOT_ALLOWED
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_under_another_name_nothing_is_served(check: Check) -> None:
    for host in (
        "evil.example",
        f"{HOST}.evil.example",
        f"{HOST}.",
        f"evil@{HOST}",
        f"{HOST}/evil",
        "127.1",
        "203.0.113.1",
        "",
        f"{HOST}, evil.example",
    ):
        answer = check.ask(visitor=DAY, headers={"Host": host})
        assert answer.status == HTTPStatus.MISDIRECTED_REQUEST, host
        assert DAY not in answer.text
    both = check.ask(visitor=DAY, headers=[("Host", HOST), ("Host", "evil.example")])
    assert both.status == HTTPStatus.MISDIRECTED_REQUEST
    assert check.raw(b"POST /en HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 421 ")
    # a name in the request line stands above that in Host (RFC 9112, 3.2.2)
    for name, status in ((HOST, 200), ("evil.example", 421), (f"evil@{HOST}", 421)):
        asked = f"POST http://{name}/en HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        assert check.raw(asked.encode()).startswith(f"HTTP/1.1 {status} ".encode()), name
    for host in (HOST.upper(), f"{HOST}:8443", f"v6.{HOST}"):
        assert check.ask(visitor=DAY, headers={"Host": host}).status == HTTPStatus.OK


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "QUERY"])
@pytest.mark.parametrize("path", ["/", "/en", "/en/report"])
def test_any_other_method_is_refused_and_echoes_nothing(check: Check, path, method) -> None:
    answer = check.ask(path, method, visitor=DAY, headers={"X-Secret": "echoed"})
    assert answer.status == HTTPStatus.METHOD_NOT_ALLOWED
    assert answer.headers["allow"] == ("GET, HEAD" if path == "/en/report" else "GET, HEAD, POST")
    assert "echoed" not in answer.text
    assert DAY not in answer.text


def test_head_is_get_without_its_body(check: Check) -> None:
    for path in ("/", "/ar", "/en/report"):
        head, get = check.ask(path, "HEAD"), check.ask(path, "GET")
        assert (head.status, head.body) == (HTTPStatus.OK, b"")
        assert {**head.headers, "date": ""} == {**get.headers, "date": ""}


def test_health_is_for_this_machine_alone(check: Check) -> None:
    assert check.health()["status"] == "ready"
    for asked in (
        {"visitor": "127.0.0.1"},
        {"headers": {"Host": HOST}},
        {"headers": {"Host": "localhost", "Forwarded": "for=127.0.0.1"}},
        {"headers": {"Host": "localhost", "Via": "1.1 proxy"}},
    ):
        assert check.ask("/health", "GET", **asked).status == HTTPStatus.NOT_FOUND


def test_an_address_and_a_64_may_ask_so_often_and_no_more_whatever_they_ask_for(serve) -> None:
    check = serve(limits="address_a_minute = 3")
    statuses = [check.ask(f"/{language}", visitor=DAY).status for language in ("en", "fr", "de", "ar", "es")]
    assert statuses == [200, 200, 200, 429, 429]
    refused = check.ask(visitor=DAY)
    assert refused.headers["retry-after"] == "60"
    assert check.ask(visitor=DAY, headers=JSON).headers["content-type"] == "application/problem+json"
    # as IPv6 carries it, it is the same address
    assert check.ask(visitor=f"::ffff:{DAY}").status == HTTPStatus.TOO_MANY_REQUESTS
    assert check.ask(visitor=WEEK).status == HTTPStatus.OK
    # a /64 is one household, however many addresses it asks from
    statuses = [check.ask(visitor=f"2001:db8:1::{host:x}").status for host in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert check.ask(visitor=V6_CLEAN).status == HTTPStatus.OK
    assert check.ask("/en", "GET", visitor=DAY).status == HTTPStatus.OK
    assert check.health()["refused_address"] == 7


def test_who_asks_from_many_sources_of_one_network_is_held_back_and_told_of(serve) -> None:
    check = serve(limits="network_a_minute = 20")
    statuses = [check.ask(visitor=f"203.0.113.{host}").status for host in range(100, 130)]
    assert statuses == [200] * 20 + [429] * 10
    assert check.ask(visitor=V6_CLEAN).status == HTTPStatus.OK, "another network is not held back"
    alarm = json.loads(check.hear("network-limit")[-1])
    assert (alarm["alarm"], alarm["asn"], alarm["answers"]) == ("network-limit", 64504, 20)
    assert check.health()["refused_network"] == 10
    assert sum("network-limit" in line for line in check.talk) == 1, "once a minute"


def test_who_goes_through_addresses_that_were_seen_sets_off_an_alarm(serve) -> None:
    check = serve(limits=QUIET, alarm="hit_percent = 50\nanswers = 20")
    for host in range(100, 112):
        check.ask(visitor=f"203.0.113.{host}")
    for _ in range(10):
        # a network of which nothing is told counts neither way
        check.ask(visitor=BEHIND_NAT)
    for _ in range(11):
        check.ask(visitor=DAY)
    assert not check.talk, "11 of 23: less than half"
    for _ in range(2):
        check.ask(visitor=WEEK)
    alarm = json.loads(check.hear("hit-ratio")[-1])
    assert (alarm["alarm"], alarm["answers"], alarm["hits"]) == ("hit-ratio", 24, 12)
    assert check.health()["alarms"] == 1


def test_who_goes_through_a_network_slowly_sets_off_an_alarm(serve) -> None:
    """Below every bound of a minute, and however often who was not seen asks again."""
    check = serve(alarm="answers = 8\nhit_percent = 40\nday_addresses = 9", limits=QUIET)
    for host in range(100, 106):
        for _ in range(3):
            check.ask(visitor=f"203.0.113.{host}")
    assert not check.talk
    for visitor in (DAY, WEEK, MONTH, CLEAN):
        check.ask(visitor=visitor)
    (alarm,) = (json.loads(line) for line in check.hear("day-network") if "day-network" in line)
    assert {name: value for name, value in alarm.items() if name != "at"} == {
        "alarm": "day-network",
        "addresses": 10,
        "hits": 3,
        "asn": 64504,
        "means": "More addresses of this network asked within a day than alarm.day_addresses: somebody may go through "
        "all of its addresses.",
    }
    # three of ten are less than 40 %; with two more that were seen it is five of twelve
    check.ask(visitor=MANY)
    check.ask(visitor=UNNAMED)
    (alarm,) = (json.loads(line) for line in check.hear("day-hits") if '"day-hits"' in line)
    assert (alarm["alarm"], alarm["addresses"], alarm["hits"], alarm["asn"]) == ("day-hits", 12, 5, 64504)


def test_an_address_of_a_visitor_is_written_nowhere(serve, tmp_path: Path) -> None:
    check = serve(limits="address_a_minute = 2\nnetwork_a_minute = 30", alarm="hit_percent = 1\nanswers = 1")
    visitors = [DAY, WEEK, V6, CLEAN, "198.51.100.77", "203.0.113.78"]
    for visitor in visitors:
        for asked in ({}, {"headers": JSON}, {"headers": {"Origin": "null"}}, {"method": "PUT"}, {"path": "/wrong"}):
            check.ask(**{"visitor": visitor, **asked})
    check.ask(source="127.7.7.7")
    check.ask("/%ff", "GET", visitor=DAY)
    check.raw(b"POST /en HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.79\r\nBroken")
    check.hear("hit-ratio")
    assert check.end() == 0
    said = "".join(check.talk) + check.process.stdout.read()
    assert "hit-ratio" in said
    written = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    assert written
    looked_for = [*visitors, "203.0.113.79", "127.7.7.7"]
    for content in (said.encode(), *(path.read_bytes() for path in written)):
        for address in looked_for:
            assert address.encode() not in content
            packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
            # the table of networks begins ranges with addresses that no visitor here has
            assert packed[:8] not in content


def test_it_holds_nothing_of_the_hub_but_its_data(serve) -> None:
    check = serve(env=NAMING_IMPORTS)
    grade(check, visitor=DAY)
    assert taken_from_a_hub(check) == set()


def test_slow_clients_are_hung_up_on_and_nobody_waits_for_them(serve) -> None:
    check = serve(limits="connections = 128\naddress_a_minute = 1000000")
    beginnings = (b"", b"POST /en HT", b"POST /en HTTP/1.1\r\nHost: x\r\nX-A: ", b"GET /en HTTP/1.1\r\nHost: x\r\n")
    held = [check.connect(f"127.0.1.{place + 1}") for place in range(120)]
    for place, one in enumerate(held):
        one.sendall(beginnings[place % len(beginnings)])
    # whoever comes now is served at once, as there is room left
    assert grade(check, visitor=DAY) == (DAY, "day")
    late = [check.connect("127.0.2.1") for _ in range(20)]
    # there is none now: these wait until the slow ones were hung up on, and no longer
    assert grade(check, visitor=DAY) == (DAY, "day")
    for one in held:
        assert received(one) == b""
    for one in (*held, *late):
        one.close()


def test_a_client_that_reads_nothing_is_given_up(serve) -> None:
    check = serve(limits="connections = 128\naddress_a_minute = 1000000")
    held = []
    for _ in range(128):
        one = socket.socket()
        # as little room as there can be for what it does not read
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        one.connect(("127.0.0.1", check.port))
        one.setblocking(False)
        held.append(one)
        with suppress(BlockingIOError):
            one.send(b"GET /en HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20_000)
    assert grade(check, visitor=DAY) == (DAY, "day")
    for one in held:
        one.close()


def test_what_is_too_long_is_not_read(check: Check) -> None:
    long = b"GET /en HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * (1 << 20)
    assert check.raw(long).startswith(b"HTTP/1.1 431 ")
    many = b"GET /en HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 500 + b"\r\n"
    assert check.raw(many).startswith(b"HTTP/1.1 431 ")
    body = b"POST /en HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n"
    assert check.raw(body).startswith(b"HTTP/1.1 200 "), "an answer, and the body is nobody's: the connection is closed"
    assert check.raw(b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n").startswith(b"HTTP/1.1 431 ")


def test_requests_that_hide_in_one_another_are_told_apart_or_refused(check: Check) -> None:
    two = b"POST /en HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\nGET /fr HTTP/1.1\r\nHost: localhost\r\n"
    answers = check.raw(two + b"Connection: close\r\n\r\n")
    assert answers.count(b"HTTP/1.1 200 OK") == 2
    both = b"POST /en HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    smuggled = check.raw(both + b"GET /fr HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert smuggled.count(b"HTTP/1.1 ") == 1, "what has two lengths is the last of its connection"
    for one in (
        b"POST /en HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /en HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /en HTTP/1.1\nHost : localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ):
        assert check.raw(one).startswith(b"HTTP/1.1 400 "), one


HIDING = {
    "Content-Length: +5": 400,
    "Content-Length: 5, 5": 400,
    "Content-Length: 0x5": 400,
    "Content-Length: 99999999999999999999999": 400,
    "Content-Length : 5": 400,
    "Transfer-Encoding: xchunked": 400,
    "Transfer-Encoding: chunked, identity": 400,
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity": 400,
    "Transfer-Encoding: \x0bchunked": 400,
    "X: a\rTransfer-Encoding: chunked": 400,
    "X: a\0b": 400,
    " X-Folded: 5": 400,
    # answered, as the body is nobody's; and what comes behind it is not read
    "Transfer-Encoding: chunked\r\nContent-Length: 3": 200,
    "Content-Length: 3\r\nTransfer-Encoding: chunked": 200,
}
CHUNKS = (
    "FFFFFFFFFFFFFFFF5\r\nhello",
    "-5\r\nhello",
    "5\nhello\n0\n\n",
    f"5;{'a' * 20_000}\r\nhello",
    "5\r\nhello!\r\n",
)


@pytest.mark.parametrize("header", HIDING)
def test_of_a_request_whose_end_can_be_read_in_two_ways_nothing_behind_it_is_one(check: Check, header: str) -> None:
    _alone(check, header, "5\r\nhello\r\n0\r\n\r\n", HIDING[header])


@pytest.mark.parametrize("chunk", CHUNKS, ids=lambda one: repr(one[:20]))
def test_behind_a_chunk_that_is_none_nothing_is_a_request(check: Check, chunk: str) -> None:
    _alone(check, "Transfer-Encoding: chunked", f"{chunk}\r\n0\r\n\r\n", 200)


def _alone(check: Check, header: str, body: str, status: int) -> None:
    """Is it answered with this status, once, and what hides behind it by nothing?"""
    before = check.health()["hits"]
    hidden = f"POST /en HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: {DAY}\r\nConnection: close\r\n\r\n"
    answers = check.raw(f"POST /en HTTP/1.1\r\nHost: {HOST}\r\n{header}\r\n\r\n{body}{hidden}".encode())
    assert answers.startswith(f"HTTP/1.1 {status} ".encode())
    assert answers.count(b"HTTP/1.1 ") == 1
    assert check.health()["hits"] == before


def test_nothing_is_upgraded(check: Check) -> None:
    assert check.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == b""
    settings = b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
    socketed = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    for asked, more in ((b"h2c", settings), (b"websocket", socketed)):
        request = b"GET /en HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: %s\r\n%s\r\n" % (asked, more)
        answer = check.raw(request)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"101 " not in answer[:20]


def test_versions_are_swapped_in_under_many_clients_without_one_error(serve, tmp_path: Path) -> None:
    """Each keeps one connection. A version comes once all have seen the one before, on its heels another, and what was
    before them is destroyed; the last day that is told of an address says from which version an answer is."""
    check, rounds, clients = serve(limits=QUIET), 5, 30
    days = [(today().date() - timedelta(days=age)).isoformat() for age in range(2 * rounds, -1, -1)]
    publish_check(tmp_path / "data", {CLEAN: ((2,), date.fromisoformat(days[0]))})
    reached = threading.Condition()
    at = [-1] * clients
    wrong: list[object] = []

    def ask_on(client: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", check.port, timeout=120)
        connection.connect()
        held = connection.sock
        try:
            while at[client] < 2 * rounds:
                connection.request("POST", "/en", headers={"Host": HOST, "X-Forwarded-For": CLEAN, **JSON})
                answer = connection.getresponse()
                told = json.loads(answer.read()).get("last_seen")
                # the data of the fixture itself tells nothing of this address
                now = days.index(told) if told else -1
                with reached:
                    if answer.status != HTTPStatus.OK or now < at[client] or connection.sock is not held:
                        wrong.append((client, answer.status, at[client], told))
                    at[client] = now
                    reached.notify_all()
        except (OSError, http.client.HTTPException, ValueError) as error:
            with reached:
                wrong.append((client, error))
                reached.notify_all()
        finally:
            connection.close()

    threads = [threading.Thread(target=ask_on, args=(client,), daemon=True) for client in range(clients)]
    for one in threads:
        one.start()
    for number in range(rounds + 1):
        with reached:
            assert reached.wait_for(lambda least=2 * number: wrong or min(at) >= least, 120), at
        for more in (1, 2) if number < rounds else ():
            told = {CLEAN: ((2,), date.fromisoformat(days[2 * number + more]))}
            destroy_others(tmp_path / "data", frozenset({publish_check(tmp_path / "data", told)}))
    for one in threads:
        one.join(120)
    assert wrong == []
    assert at == [2 * rounds] * clients
    assert grade(check, visitor=DAY) == (DAY, "not-seen")


def test_a_version_that_was_tampered_with_is_not_used_and_the_one_before_answers(serve, tmp_path: Path) -> None:
    check = serve()
    name = publish_check(tmp_path / "elsewhere", {CLEAN: ((2,), today().date())})
    version = tmp_path / "elsewhere/versions" / name
    records = version / "addresses.records"
    records.chmod(0o640)
    records.write_bytes(bytes(records.stat().st_size))
    version.rename(tmp_path / "data/versions" / name)
    show_version(tmp_path / "data", name)
    said = "".join(check.hear("SHA-256"))
    assert "a new version cannot be used, and the one before stays" in said
    assert grade(check, visitor=DAY) == (DAY, "day")
    assert check.health()["version"] != name


def test_a_service_without_its_data_or_pepper_does_not_begin(tmp_path: Path, accord_words) -> None:
    settings = settings_of(tmp_path)
    assert "No check data is published here" in accord_words(settings, 4)
    publish_check(tmp_path / "data")
    (tmp_path / "check.pepper").write_text("00" * 32 + "\n")
    assert "another pepper" in accord_words(settings, 2)
    (tmp_path / "check.pepper").chmod(0o644)
    assert "0600" in accord_words(settings, 2)
