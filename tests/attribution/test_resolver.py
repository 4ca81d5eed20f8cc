"""Asking a name server: what is believed, what is passed over, and what becomes of each name."""

import ast
import importlib.util
import socket
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from accord.attribution.resolver import Answer, NameServer, Outcome, Patience, ask, ask_all, greet, read_name_server
from accord.vocabulary.errors import SettingsError

_spec = importlib.util.spec_from_file_location("name_server", Path(__file__).with_name("name_server.py"))
simulator = importlib.util.module_from_spec(_spec)
# dataclasses look their module up
sys.modules[_spec.name] = simulator
_spec.loader.exec_module(simulator)
answer, said, silence, truncated, reply_to = (
    simulator.answer,
    simulator.said,
    simulator.silence,
    simulator.truncated,
    simulator.reply_to,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SOON = Patience(timeout_s=0.2, retries=1)
"""For names to which nothing valid will come."""
LONG = Patience(timeout_s=20, retries=1)
"""For names to which it will, however busy the machine is."""
NAME = "c2.example.com"
GOOD = answer(f"{NAME} A 8.8.4.4")


@pytest.fixture
def server() -> Iterator[object]:
    with simulator.name_server() as running:
        yield running


@pytest.fixture
def asking(server) -> Callable[..., Answer]:
    def put(name: str = NAME, patience: Patience = LONG) -> Answer:
        return ask(name, NameServer(address="127.0.0.1", port=server.port), patience, lambda: NOON)

    return put


def addresses(found: Answer) -> list[tuple[str, str]]:
    return [(one.record_type, one.address) for one in found.addresses]


def test_both_types_are_asked_for_and_every_address_is_kept_with_the_moment_of_its_answer(server) -> None:
    server.tell(NAME, answer(f"{NAME} A 9.9.9.9", f"{NAME} A 8.8.4.4", f"{NAME} AAAA 2620:fe::fe"))
    clock = (NOON + timedelta(seconds=step) for step in count())
    found = ask(NAME, NameServer(address="127.0.0.1", port=server.port), LONG, lambda: next(clock))
    assert server.asked == [(NAME, "A", "udp"), (NAME, "AAAA", "udp")]
    assert found.outcome is Outcome.RESOLVED
    assert [(one.name, one.record_type, one.address, one.answered_at) for one in found.addresses] == [
        (NAME, "A", "8.8.4.4", NOON),
        (NAME, "A", "9.9.9.9", NOON),
        (NAME, "AAAA", "2620:fe::fe", NOON + timedelta(seconds=1)),
    ]


def test_an_alias_is_followed_and_the_address_is_the_asked_names(server, asking) -> None:
    server.tell(NAME, answer(f"{NAME} CNAME cdn.example.net.", "cdn.example.net CNAME e.net.", "e.net A 8.8.4.4"))
    found = asking()
    assert [(one.name, one.address) for one in found.addresses] == [(NAME, "8.8.4.4")]


def test_records_of_names_that_were_not_asked_for_are_not_believed(server, asking) -> None:
    server.tell(NAME, answer("bank.example.com A 8.8.4.4", f"{NAME} A 9.9.9.9", f"www.{NAME} A 8.8.8.8"))
    assert addresses(asking()) == [("A", "9.9.9.9")]


def test_an_alias_that_leads_round_in_a_circle_is_a_failure(server, asking) -> None:
    server.tell(NAME, answer(f"{NAME} CNAME b.example.com.", f"b.example.com CNAME {NAME}."))
    assert asking().outcome is Outcome.FAILED


def test_a_name_that_does_not_exist_is_not_asked_for_its_other_type(server, asking) -> None:
    assert asking("gone.example.com").outcome is Outcome.NO_SUCH_NAME
    assert server.asked == [("gone.example.com", "A", "udp")]


def test_a_name_with_neither_type_has_no_address(server, asking) -> None:
    server.tell(NAME, answer())
    assert asking().outcome is Outcome.NO_ADDRESS


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.NOTIMP])
def test_a_server_that_cannot_or_will_not_answer_is_a_failure_and_no_missing_name(server, asking, rcode: int) -> None:
    server.tell(NAME, answer(rcode=rcode))
    assert asking().outcome is Outcome.FAILED


def test_an_address_beside_the_word_that_the_name_does_not_exist_is_a_contradiction(server, asking) -> None:
    server.tell(NAME, answer(f"{NAME} A 8.8.4.4", rcode=dns.rcode.NXDOMAIN))
    assert asking().outcome is Outcome.FAILED


@pytest.mark.parametrize(
    "record", ["A 127.0.0.1", "A 10.1.2.3", "A 0.0.0.0", "A 192.0.2.7", "A 224.0.0.1", "AAAA ::1", "AAAA fe80::1"]
)
def test_addresses_that_nothing_on_the_internet_has_are_left_out_and_counted(server, asking, record: str) -> None:
    server.tell(NAME, answer(f"{NAME} {record}"))
    found = asking()
    assert (found.outcome, found.addresses, found.not_routable) == (Outcome.NOT_ROUTABLE, (), 1)
    server.tell(NAME, answer(f"{NAME} {record}", f"{NAME} A 8.8.4.4", f"{NAME} AAAA 2620:fe::fe"))
    mixed = asking()
    assert mixed.outcome is Outcome.RESOLVED
    assert (addresses(mixed), mixed.not_routable) == ([("A", "8.8.4.4"), ("AAAA", "2620:fe::fe")], 1)


def test_silence_is_waited_for_through_every_try_and_not_again_for_the_other_type(server, asking) -> None:
    server.tell(NAME, silence)
    assert asking(patience=SOON).outcome is Outcome.SILENT
    assert server.asked == [(NAME, "A", "udp")] * 2


def test_a_lost_question_is_asked_again_by_another_id_and_port(server, asking) -> None:
    server.tell(NAME, silence, GOOD)
    # the first try must run out; the second has the same time, and a busy machine may need it
    assert addresses(asking(patience=Patience(timeout_s=1, retries=1))) == [("A", "8.8.4.4")]
    assert server.asked[:2] == [(NAME, "A", "udp")] * 2
    assert (server.ids[0], server.ports[0]) != (server.ids[1], server.ports[1])


def test_the_late_answer_to_an_earlier_try_is_not_taken_for_the_later_one(server, asking) -> None:
    late: list[bytes] = []

    def keep(question: dns.message.Message) -> list[bytes]:
        late.extend(answer(f"{NAME} A 9.9.9.9")(question))
        return []

    server.tell(NAME, keep, lambda question: [*late, *GOOD(question)])
    assert addresses(asking(patience=Patience(timeout_s=1, retries=1))) == [("A", "8.8.4.4")]


def lie(change: Callable[[dns.message.Message], None]) -> Callable[[dns.message.Message], bytes]:
    """An answer with 9.9.9.9 that is changed before it goes out."""

    def make(question: dns.message.Message) -> bytes:
        response = reply_to(question)
        if str(question.question[0].rdtype.name) == "A":
            response.answer.append(dns.rrset.from_text(NAME + ".", 60, "IN", "A", "9.9.9.9"))
        change(response)
        return response.to_wire()

    return make


def another_id(response: dns.message.Message) -> None:
    response.id = (response.id + 1) % 65536


def another_question(response: dns.message.Message) -> None:
    response.question[0] = dns.rrset.from_text("other.example.com.", 0, "IN", "A")


def no_response(response: dns.message.Message) -> None:
    response.flags &= ~dns.flags.QR


def always(wire: bytes) -> Callable[[dns.message.Message], bytes]:
    def make(question: dns.message.Message) -> bytes:
        del question
        return wire

    return make


def unchanged(response: dns.message.Message) -> None:
    """As it stands."""


LIES = {
    "another id": lie(another_id),
    "another question": lie(another_question),
    "a question": lie(no_response),
    "nothing": always(b""),
    "eleven bytes": lambda question: question.to_wire()[:11],
    "no message": always(b"\xff" * 600),
    "its id and rubbish": lambda question: question.to_wire()[:2] + b"\x81\x80" + b"\xc0\x0c" * 40,
    "a truncated lie": lambda question: b"\x00\x00" + truncated(question)[0][2:],
}


@pytest.mark.parametrize("lying", LIES.values(), ids=LIES)
def test_what_answers_something_else_is_passed_over_and_the_true_answer_is_still_heard(server, asking, lying) -> None:
    server.tell(NAME, lambda question: [*said(lying, lying)(question), *GOOD(question)])
    assert addresses(asking()) == [("A", "8.8.4.4")]
    assert [kind for _, kind, _ in server.asked] == ["A", "AAAA"]


@pytest.mark.parametrize("lying", LIES.values(), ids=LIES)
def test_lies_alone_are_as_good_as_silence(server, asking, lying) -> None:
    server.tell(NAME, said(lying, lying))
    assert asking(patience=SOON).outcome is Outcome.SILENT


def test_what_comes_from_another_port_is_not_the_servers_word(server, asking) -> None:
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.bind(("127.0.0.1", 0))

    def both(question: dns.message.Message) -> list[bytes]:
        stranger.sendto(lie(unchanged)(question), ("127.0.0.1", server.ports[-1]))
        return GOOD(question)

    server.tell(NAME, both)
    with stranger:
        assert addresses(asking()) == [("A", "8.8.4.4")]


def test_a_truncated_answer_is_had_whole_by_tcp(server, asking) -> None:
    many = [f"{NAME} A 8.8.{high}.{low}" for high in range(2) for low in range(1, 61)]
    server.tell(NAME, truncated, by_tcp=answer(*many))
    found = asking()
    assert sorted(f"{NAME} A {one.address}" for one in found.addresses) == sorted(many)
    assert server.asked[:2] == [(NAME, "A", "udp"), (NAME, "A", "tcp")]


@pytest.mark.parametrize("wire", [b"", b"\x00" * 40, b"\xff" * 40], ids=["nothing", "zeros", "ones"])
def test_a_truncated_answer_that_cannot_be_had_by_tcp_is_silence(server, asking, wire: bytes) -> None:
    server.tell(NAME, truncated, by_tcp=said(always(wire)))
    assert asking(patience=SOON).outcome is Outcome.SILENT


def test_where_nobody_listens_there_is_silence() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        closed = NameServer(address="127.0.0.1", port=taken.getsockname()[1])
    assert ask(NAME, closed, SOON, lambda: NOON).outcome is Outcome.SILENT


def test_many_names_are_answered_in_their_order_and_each_once(server) -> None:
    names = [f"n{number}.example.com" for number in range(60)]
    for number, name in enumerate(names[:40]):
        server.tell(name, answer(f"{name} A 8.8.4.{number + 1}"))
    whom = NameServer(address="127.0.0.1", port=server.port)
    found = list(ask_all(names, whom, LONG, parallel=8, now=lambda: NOON))
    assert [one.name for one in found] == names
    assert [one.address for each in found for one in each.addresses] == [f"8.8.4.{n + 1}" for n in range(40)]
    assert sorted(name for name, kind, _ in server.asked if kind == "A") == sorted(names)


def test_who_stops_reading_stops_the_asking(server) -> None:
    names = [f"n{number}.example.com" for number in range(500)]
    whom = NameServer(address="127.0.0.1", port=server.port)
    answers = ask_all(names, whom, LONG, parallel=2, now=lambda: NOON)
    next(answers)
    answers.close()
    asked = len(server.asked)
    assert asked < len(names)
    greet(whom, LONG)
    assert server.asked[asked:] == [(".", "NS", "udp")]


def test_the_greeting_asks_for_the_root_alone(server) -> None:
    greet(NameServer(address="127.0.0.1", port=server.port), LONG)
    assert server.asked == [(".", "NS", "udp")]


def test_a_server_that_is_silent_is_refused_before_any_name_is_asked_for(server) -> None:
    server.tell(".", silence)
    with pytest.raises(SettingsError, match="does not answer"):
        greet(NameServer(address="127.0.0.1", port=server.port), SOON)


def test_a_server_that_does_not_resolve_for_others_is_refused(server) -> None:
    def without_recursion(question: dns.message.Message) -> bytes:
        return dns.message.make_response(question, recursion_available=False).to_wire()

    server.tell(".", said(without_recursion))
    with pytest.raises(SettingsError, match="does not resolve"):
        greet(NameServer(address="127.0.0.1", port=server.port), LONG)


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("192.0.2.53", "192.0.2.53", 53),
        ("192.0.2.53:5353", "192.0.2.53", 5353),
        ("2001:DB8::53", "2001:db8::53", 53),
        ("[2001:db8::53]", "2001:db8::53", 53),
        ("[2001:db8::53]:5353", "2001:db8::53", 5353),
        ("127.0.0.1:1", "127.0.0.1", 1),
    ],
)
def test_a_name_server_is_an_address_with_or_without_a_port(text: str, address: str, port: int) -> None:
    assert read_name_server(text) == NameServer(address=address, port=port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dns.example",
        "localhost",
        "192.0.2.53:",
        "192.0.2.53:0",
        "192.0.2.53:65536",
        "192.0.2.53:domain",
        "192.0.2",
        "010.0.0.1",
        "[192.0.2.53]",
        "[2001:db8::53",
        "[2001:db8::53]5353",
        "2001:db8::53::1",
        "0.0.0.0",  # noqa: S104 -- no address that could be asked
        "::",
        "224.0.0.251:5353",
        "ff02::fb",
    ],
)
def test_anything_else_is_no_name_server(text: str) -> None:
    with pytest.raises(SettingsError, match="no address of a name server"):
        read_name_server(text)


def test_nothing_in_the_source_can_ask_a_name_server_but_the_one_command_for_it() -> None:
    source = Path(__file__).parents[2] / "src"
    users: dict[str, set[str]] = {
        "dns": set(),
        "accord.attribution.resolver": set(),
        "accord.cli.deliveries.resolving": set(),
    }
    for path in source.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            imported = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                imported = [node.module, *(f"{node.module}.{one.name}" for one in node.names)]
            for name in users:
                if any(f"{one}.".startswith(f"{name}.") for one in imported):
                    users[name].add(path.relative_to(source / "accord").as_posix())
    assert users == {
        "dns": {"attribution/resolver.py"},
        "accord.attribution.resolver": {"cli/deliveries/resolution.py", "cli/deliveries/resolving.py"},
        "accord.cli.deliveries.resolving": {"cli/deliveries/resolution.py"},
    }
