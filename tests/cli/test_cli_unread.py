"""Answers to partners' systems that one client does not read take bounded memory, and keep nobody else waiting."""

import asyncio
import json
from dataclasses import dataclass, field

from accord.access.clients import Client
from accord.access.tokens import Scope
from accord.cli.services.partners import Partners, mounted
from accord.exchange.partners.routes import ACKNOWLEDGEMENTS, DELIVERIES, OUTCOMES
from accord.exchange.partners.server import Answer, Question
from accord.web.asgi import PIECE, Message
from accord.web.unread import MOST_UNREAD

LONG = bytes(range(256)) * (PIECE // 64)


class Long(Partners):
    """Answers at length, and keeps what is said to it."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    def __call__(self, asked: Question) -> Answer:
        self.taken.append(asked.body)
        return Answer(body=LONG, person=asked.headers["authorization"])

    def greet(self, asked: Question) -> Client | Answer:
        return Client(person=asked.headers["authorization"], name="", partner="vendor", scopes=frozenset(Scope))


@dataclass
class Reader:
    """A client that reads the beginning of its answer, and goes on when it is told to."""

    goes_on: asyncio.Event
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    sent: list[Message] = field(default_factory=list)

    async def receive(self) -> Message:
        return {"type": "http.request", "body": b"what became of it", "more_body": False}

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        if message["type"] == "http.response.body":
            self.begun.set()
            await self.goes_on.wait()

    @property
    def told(self) -> tuple[int, bytes]:
        start, *parts = self.sent
        return start["status"], b"".join(one["body"] for one in parts)


def test_a_client_has_few_unread_answers_of_all_kinds_and_nothing_is_taken_of_it_meanwhile() -> None:
    long = Long()

    async def ask() -> None:
        mounted_at = mounted(long)
        apps = {root: mounted_at(root) for root in (DELIVERIES, OUTCOMES, ACKNOWLEDGEMENTS)}

        async def asked(root: str, who: str, method: str, reader: Reader) -> tuple[int, bytes]:
            headers = [(b"authorization", who.encode())]
            scope = {"type": "http", "method": method, "path": root, "query_string": b"", "headers": headers}
            await apps[root](scope, reader.receive, reader.send)
            return reader.told

        at_once, later = asyncio.Event(), asyncio.Event()
        at_once.set()
        slow = [Reader(later) for _ in range(MOST_UNREAD)]
        roots = [(DELIVERIES, "GET"), (OUTCOMES, "POST"), (ACKNOWLEDGEMENTS, "GET")] * MOST_UNREAD
        waiting = [
            asyncio.create_task(asked(root, "slow", method, each))
            for each, (root, method) in zip(slow, roots, strict=False)
        ]
        for each in slow:
            await each.begun.wait()
        reports = long.taken.count(b"what became of it")
        for root, method in roots[:3]:
            status, body = await asked(root, "slow", method, Reader(at_once))
            assert (status, json.loads(body)["status"]) == (429, 429)
        # what it would not be told of was not done
        assert long.taken.count(b"what became of it") == reports
        for root, method in roots[:3]:
            assert await asked(root, "quick", method, Reader(at_once)) == (200, LONG)
        later.set()
        assert {*await asyncio.gather(*waiting)} == {(200, LONG)}
        assert (await asked(DELIVERIES, "slow", "GET", Reader(at_once)))[0] == 200

    asyncio.run(ask())
