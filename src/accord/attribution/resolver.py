"""Asks a name server for the addresses that names have now; nothing here runs unless somebody names that server.

Sources: RFC 1034 and 1035 (questions, answers, aliases), RFC 3596 (AAAA), RFC 5452 (what an answer must match before
it is believed), RFC 7766 (truncated answers are asked for again by TCP), RFC 8020 (a name that does not exist has no
record of any type). No EDNS: the questions carry a name and nothing else.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode

from accord.columns.values import read_ipv4, read_ipv6, read_port
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.indicators import Indicator

PORT = 53
"""RFC 1035, 4.2."""

Clock = Callable[[], datetime]
"""The present, aware, in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameServer:
    """Whom to ask: an address and a port, never a name, for a name would have to be asked for first."""

    address: str
    port: int = PORT

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait, and how often to ask."""

    timeout_s: float = 3.0
    """Of one try, whatever comes back meanwhile."""
    retries: int = 1
    """Further tries after one to which nothing valid came back."""


class Outcome(StrEnum):
    """What became of a name that was asked for; each name has one."""

    RESOLVED = "resolved"
    """At least one address that is routable unicast."""
    NOT_ROUTABLE = "not-routable"
    """Addresses, but none of them is routable unicast: parked on loopback, or blocked by the resolver."""
    NO_ADDRESS = "no-address"
    """The name exists and has neither A nor AAAA."""
    NO_SUCH_NAME = "no-such-name"
    """NXDOMAIN, of the name or of what it is an alias of."""
    FAILED = "failed"
    """The name server said that it could not or would not answer, or contradicted itself."""
    SILENT = "silent"
    """Nothing valid came back in time, or the name server could not be reached."""


OUTCOME_WORDS: dict[Outcome, str] = {
    Outcome.RESOLVED: "have an address",
    Outcome.NOT_ROUTABLE: "have only addresses that are not routable",
    Outcome.NO_ADDRESS: "exist without an address",
    Outcome.NO_SUCH_NAME: "do not exist (NXDOMAIN)",
    Outcome.FAILED: "the name server could not or would not answer",
    Outcome.SILENT: "no valid answer in time",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A name had an address when the answer came."""

    name: str
    """The name that was asked for, without final dot; aliases on the way are not kept."""
    record_type: str
    """`A` or `AAAA`."""
    address: str
    """As the answer writes it; routable unicast."""
    answered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a name server said of one name."""

    name: str
    outcome: Outcome
    addresses: tuple[Address, ...] = ()
    """By record type and address; empty unless RESOLVED."""
    not_routable: int = 0
    """Addresses that were left out because nothing on the internet can be there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    """What came back to one question; RESOLVED says only that there are records of the type."""

    outcome: Outcome
    addresses: frozenset[str] = field(default_factory=frozenset)


def read_name_server(text: str) -> NameServer:
    """Read `ADDRESS`, `ADDRESS:PORT`, `[ADDRESS]` or `[ADDRESS]:PORT`, IPv6 with a port in brackets.

    Any address will do, loopback and private ones too: the resolver of one's own is the best to ask. Raises
    SettingsError.
    """
    address, port = text.strip(), str(PORT)
    if address.startswith("["):
        address, bracket, rest = address[1:].partition("]")
        if not bracket or ":" not in address or (rest and not rest.startswith(":")):
            raise _no_name_server(text)
        port = rest[1:] if rest else port
    elif address.count(":") == 1:
        address, _, port = address.partition(":")
    number = read_port(port)
    try:
        read = ip_address(address)
    except ValueError as error:
        raise _no_name_server(text) from error
    if number is None or read.is_multicast or read.is_unspecified:
        raise _no_name_server(text)
    return NameServer(address=str(read), port=number)


def _no_name_server(text: str) -> SettingsError:
    return SettingsError(
        "This is no address of a name server.",
        where="--nameserver",
        expected="ADDRESS or ADDRESS:PORT, IPv6 with a port as [ADDRESS]:PORT; no host name",
        got=text,
        remedy="name the resolver that you trust with these names; there is no default",
    )


def greet(server: NameServer, patience: Patience) -> None:
    """Ask for the name servers of the root, which reveals nothing, before any name is asked for.

    Raises SettingsError when nothing valid comes back, or the server does not resolve for whoever asks here.
    """
    response = _exchange(dns.name.root, "NS", server, patience)
    if response is None:
        raise SettingsError(
            "The name server does not answer; no name was asked for.",
            where=str(server),
            expected=f"an answer within {patience.timeout_s:g} s, {patience.retries + 1} times asked",
            remedy="check --nameserver, or give it more time by --timeout",
        )
    if not response.flags & dns.flags.RA:
        raise SettingsError(
            "The name server does not resolve names for this machine; no name was asked for.",
            where=str(server),
            expected="an answer with recursion available (RA)",
            got=f"{dns.rcode.to_text(response.rcode())} without it",
            remedy="name a resolver that serves this machine",
        )


def ask(name: str, server: NameServer, patience: Patience, now: Clock) -> Answer:
    """Ask for the A and AAAA records of a host name (A-labels, no final dot)."""
    addresses: list[Address] = []
    outcomes = set()
    not_routable = 0
    for record_type in ("A", "AAAA"):
        reply = _ask_one(name, record_type, server, patience)
        answered_at = now()
        outcomes.add(reply.outcome)
        routable = [address for address in sorted(reply.addresses) if _is_routable(record_type, address)]
        not_routable += len(reply.addresses) - len(routable)
        addresses += (
            Address(name=name, record_type=record_type, address=address, answered_at=answered_at)
            for address in routable
        )
        if reply.outcome in {Outcome.NO_SUCH_NAME, Outcome.SILENT}:
            # RFC 8020; and one that was silent through every try is not waited for all over again
            break
    return Answer(
        name=name,
        outcome=Outcome.RESOLVED if addresses else _settle(outcomes, not_routable),
        addresses=tuple(addresses),
        not_routable=not_routable,
    )


def ask_all(
    names: Sequence[str], server: NameServer, patience: Patience, *, parallel: int, now: Clock
) -> Iterator[Answer]:
    """Ask for many names, at most `parallel` at once; answers come in the order of the names.

    Whoever stops reading, or is interrupted, stops the asking: only what is on its way is waited for.
    """
    pool = ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="resolver")
    try:
        yield from pool.map(lambda name: ask(name, server, patience, now), names)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _settle(outcomes: set[Outcome], not_routable: int) -> Outcome:
    """One outcome of the two questions, where no address can be taken: what is not known goes before what is."""
    if not_routable:
        return Outcome.NOT_ROUTABLE
    order = (Outcome.SILENT, Outcome.FAILED, Outcome.NO_SUCH_NAME)
    return next((outcome for outcome in order if outcome in outcomes), Outcome.NO_ADDRESS)


def _ask_one(name: str, record_type: str, server: NameServer, patience: Patience) -> _Reply:
    try:
        response = _exchange(dns.name.from_text(name), record_type, server, patience)
        if response is None:
            return _Reply(outcome=Outcome.SILENT)
        if response.rcode() not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
            return _Reply(outcome=Outcome.FAILED)
        # only what the asked name leads to counts; an answer may carry records of other names beside it
        records = response.resolve_chaining().answer
    except dns.exception.DNSException:
        return _Reply(outcome=Outcome.FAILED)
    if records is None:
        missing = response.rcode() == dns.rcode.NXDOMAIN
        return _Reply(outcome=Outcome.NO_SUCH_NAME if missing else Outcome.NO_ADDRESS)
    return _Reply(outcome=Outcome.RESOLVED, addresses=frozenset(record.address for record in records))


def _exchange(
    name: dns.name.Name, record_type: str, server: NameServer, patience: Patience
) -> dns.message.QueryMessage | None:
    """Ask until something valid comes back; None when nothing does.

    Each try has a random id and a port of its own (RFC 5452); what comes from elsewhere, is malformed, or answers
    something else is passed over, and the try goes on until its time is up. A truncated answer is asked for by TCP.
    """
    for _ in range(patience.retries + 1):
        try:
            response, _by_tcp = dns.query.udp_with_fallback(
                dns.message.make_query(name, record_type),
                server.address,
                timeout=patience.timeout_s,
                port=server.port,
                ignore_unexpected=True,
                ignore_errors=True,
            )
        except (dns.exception.DNSException, OSError, EOFError):
            continue
        if isinstance(response, dns.message.QueryMessage):
            return response
    return None


def _is_routable(record_type: str, address: str) -> bool:
    """Would the reader of passive DNS take it?"""
    return isinstance(read_ipv4(address) if record_type == "A" else read_ipv6(address), Indicator)
