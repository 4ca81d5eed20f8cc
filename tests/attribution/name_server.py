"""A name server on loopback that answers as it is told, by UDP and TCP, and remembers what it was asked.

What it says of a name is a list of behaviours, one for each question by UDP (the last one stays); without any, the name
does not exist. Behaviours make whole messages or bytes, so that a test can lie in any way that a server can.
"""

import errno
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Behaviour = Callable[[dns.message.Message], Iterable[bytes]]


def answer(*records: str, rcode: int = dns.rcode.NOERROR) -> Behaviour:
    """Records of the asked type (and aliases) out of `NAME TYPE VALUE`; of other types none, as servers do."""

    def make(question: dns.message.Message) -> list[bytes]:
        response = reply_to(question, rcode)
        wanted = {question.question[0].rdtype, dns.rdatatype.CNAME}
        for record in records:
            name, kind, value = record.split()
            if dns.rdatatype.from_text(kind) in wanted:
                response.answer.append(dns.rrset.from_text(name.rstrip(".") + ".", 60, "IN", kind, value))
        return [response.to_wire()]

    return make


def said(*messages: Callable[[dns.message.Message], bytes]) -> Behaviour:
    """These datagrams, one after the other."""
    return lambda question: [make(question) for make in messages]


def silence(question: dns.message.Message) -> list[bytes]:
    """Nothing."""
    return []


def truncated(question: dns.message.Message) -> list[bytes]:
    """Come by TCP."""
    response = reply_to(question)
    response.flags |= dns.flags.TC
    return [response.to_wire()]


def reply_to(question: dns.message.Message, rcode: int = dns.rcode.NOERROR) -> dns.message.Message:
    response = dns.message.make_response(question, recursion_available=True)
    response.set_rcode(rcode)
    return response


@dataclass(slots=True, kw_only=True)
class NameServerOnLoopback:
    udp: socket.socket
    tcp: socket.socket
    by_udp: dict[str, list[Behaviour]] = field(default_factory=dict)
    by_tcp: dict[str, Behaviour] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """(name, type, transport), in order of arrival."""
    ports: list[int] = field(default_factory=list)
    """Where the datagrams came from."""
    ids: list[int] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def port(self) -> int:
        return self.udp.getsockname()[1]

    @property
    def names(self) -> set[str]:
        """Names that were asked for, the root apart."""
        return {name for name, _, _ in self.asked if name != "."}

    def tell(self, name: str, *behaviours: Behaviour, by_tcp: Behaviour | None = None) -> None:
        self.by_udp[name] = list(behaviours)
        if by_tcp is not None:
            self.by_tcp[name] = by_tcp

    def _note(self, wire: bytes, transport: str) -> tuple[str, dns.message.Message]:
        question = dns.message.from_wire(wire)
        name = question.question[0].name.to_text(omit_final_dot=True)
        self.asked.append((name, dns.rdatatype.to_text(question.question[0].rdtype), transport))
        self.ids.append(question.id)
        return name, question

    def serve_udp(self) -> None:
        while True:
            try:
                wire, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            if wire == b"end":
                return
            with self.lock:
                name, question = self._note(wire, "udp")
                self.ports.append(peer[1])
                waiting = self.by_udp.get(name) or [answer(rcode=dns.rcode.NXDOMAIN)]
                behaviour = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            for datagram in behaviour(question):
                self.udp.sendto(datagram, peer)

    def serve_tcp(self) -> None:
        while True:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                return
            with connection:
                prefix = connection.recv(2)
                if len(prefix) < 2:
                    return
                with self.lock:
                    name, question = self._note(connection.recv(struct.unpack("!H", prefix)[0]), "tcp")
                    behaviour = self.by_tcp.get(name, silence)
                for message in behaviour(question):
                    connection.sendall(struct.pack("!H", len(message)) + message)


def _of_one_port() -> tuple[socket.socket, socket.socket]:
    """Sockets for UDP and TCP on one port that is free for both."""
    while True:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        try:
            return udp, socket.create_server(udp.getsockname())
        except OSError as error:
            udp.close()
            if error.errno != errno.EADDRINUSE:
                raise


@contextmanager
def name_server() -> Iterator[NameServerOnLoopback]:
    """Serve while the block lasts; the root is answered as a resolver does."""
    udp, tcp = _of_one_port()
    server = NameServerOnLoopback(udp=udp, tcp=tcp)
    server.tell(".", answer(". NS a.root-servers.net."))
    threads = [threading.Thread(target=run) for run in (server.serve_udp, server.serve_tcp)]
    for thread in threads:
        thread.start()
    try:
        yield server
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            wire.sendto(b"end", udp.getsockname())
        with socket.create_connection(tcp.getsockname()):
            pass
        for thread in threads:
            thread.join()
        udp.close()
        tcp.close()
