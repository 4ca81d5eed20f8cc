"""What a hub's answers to blinded elements cost it, and whom who waits for, at the ASGI interface.

The desk is a simulator: it writes down what is asked of it, in its order.
"""

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from accord.access.clients import Client
from accord.access.tokens import Scope as Right
from accord.check.psi.commitment import Offer
from accord.check.psi.group import multiply
from accord.check.psi.oprf import blinds, derive_key
from accord.check.psi.server import (
    MOST,
    MOST_ENTERING,
    MOST_ENTERING_OF_ONE,
    MOST_MOVING,
    MOST_MOVING_OF_ONE,
    MOST_OF_ONE,
    REPEATS_A_MINUTE,
    THREADS,
    Keys,
    Put,
    Service,
    evaluated,
)
from accord.check.psi.sessions import Spent
from accord.check.psi.spreading import Spread
from accord.web.asgi import Message, Scope
from accord.web.entrance import NotLetInError
from accord.web.problems import ProblemError
from accord.web.rates import Rates
from tests.check.test_psi_oprf import NO_ELEMENTS
from tests.cli.test_cli_psi import elements

HANGS_S = 60
"""After which a test that would never end fails."""
BANK = Client(person="token 1", name="desk", partner="bank", scopes=frozenset({Right.CHECK}))
SECRET, PUBLIC = derive_key(bytes(32), b"")


@dataclass
class Desk:
    """A hub that judges each request as it is told to."""

    judged: Spent = Spent.NEW
    asked: list[str] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)
    """Cleared: who has no token waits at the door."""
    idle: threading.Event | None = None
    """Cleared: what is worked on comes to no end."""

    def now(self) -> datetime:
        return datetime(2026, 11, 1, tzinfo=UTC)

    def enter(self, headers: Mapping[str, str], address: str, now: datetime) -> Client:
        del address, now
        if "authorization" in headers:
            return replace(BANK, person=headers["authorization"])
        assert self.open.wait(HANGS_S)
        raise NotLetInError(HTTPStatus.UNAUTHORIZED, "Say who you are.", {})

    def offer(self, client: Client, now: datetime) -> Offer:
        raise NotImplementedError

    def folder(self, session: UUID, client: Client, now: datetime) -> Path:
        raise NotImplementedError

    def keys(self, session: UUID, client: Client, now: datetime) -> Keys:
        del session, client, now
        self.asked.append("keys")
        return Keys(secret=SECRET, public=PUBLIC)

    def look(self, session: UUID, request: UUID, *, digest: str, elements: int) -> Spent:
        del session, request, digest, elements
        self.asked.append("look")
        assert self.idle is None or self.idle.wait(HANGS_S)
        return self.judged

    def spend(self, session: UUID, request: UUID, *, digest: str, elements: int, client: Client) -> Spent:
        del session, request, digest, elements, client
        self.asked.append("spend")
        return self.judged

    def random_scalar(self) -> bytes:
        self.asked.append("proof")
        (scalar,) = blinds(1, lambda count: bytes(range(count)))
        return scalar


def put(body: bytes) -> Put:
    return Put(client=BANK, session=uuid4(), request=uuid4(), body=body)


def resting() -> Rates:
    return Rates(REPEATS_A_MINUTE, clock=lambda: 0)


@pytest.mark.parametrize(("judged", "status"), [(Spent.TOO_MANY, 403), (Spent.OTHER, 409), (Spent.OVER, 410)], ids=str)
def test_what_will_not_be_answered_is_refused_before_anything_is_computed(judged: Spent, status: int) -> None:
    desk, followed = Desk(judged=judged), []
    with pytest.raises(ProblemError) as refused:
        evaluated(desk, put(elements(3)), resting(), Spread(piece=1, follow=lambda *at: followed.append(at)))
    assert refused.value.status == status
    assert (desk.asked, followed) == (["keys", "look"], [])


@pytest.mark.parametrize("bad", NO_ELEMENTS.values(), ids=NO_ELEMENTS)
def test_one_that_is_no_element_among_many_stops_all_before_one_is_computed_or_spent(bad: bytes) -> None:
    desk, followed = Desk(), []
    with pytest.raises(ProblemError) as refused:
        evaluated(desk, put(elements(9) + bad), resting(), Spread(piece=1, follow=lambda *at: followed.append(at)))
    assert refused.value.status == 422
    assert not {"spend", "proof"}.intersection(desk.asked)
    assert followed == []


def test_what_is_computed_was_spent_before() -> None:
    desk, body, spent = Desk(), elements(1), []
    done = evaluated(desk, put(body), resting(), Spread(follow=lambda *_: spent.append("spend" in desk.asked)))
    assert done[:32] == multiply(SECRET, body)
    assert desk.asked == ["keys", "look", "spend", "proof"]
    assert spent
    assert all(spent)


def test_of_one_session_so_much_is_answered_again_in_a_minute_and_no_more() -> None:
    desk, again, repeats = Desk(judged=Spent.AGAIN), put(elements(1)), resting()
    for _ in range(REPEATS_A_MINUTE):
        assert len(evaluated(desk, again, repeats, Spread())) == 96
    desk.asked.clear()
    with pytest.raises(ProblemError) as refused:
        evaluated(desk, again, repeats, Spread())
    assert (refused.value.status, desk.asked) == (429, ["keys", "look"])
    # another session's are its own
    evaluated(desk, put(elements(1)), repeats, Spread())


class Asking:
    """A request, whose body comes when the test lets it."""

    def __init__(self, service: Service, *, shows: str = "Bearer x", address: str = "192.0.2.1") -> None:
        self.headers: dict[bytes, bytes] = {}
        self.status = 0
        self.reads, self.body = asyncio.Event(), asyncio.Event()
        said = [
            (b"content-type", b"application/octet-stream"),
            *([(b"authorization", shows.encode())] if shows else []),
        ]
        scope: Scope = {
            "type": "http", "method": "PUT", "path": f"/psi/sessions/{uuid4()}/requests/{uuid4()}",
            "query_string": b"", "headers": said, "client": (address, 1),
        }  # fmt: skip
        self.done = asyncio.ensure_future(service(scope, self._receive, self._send))

    async def _receive(self) -> Message:
        self.reads.set()
        await self.body.wait()
        return {"type": "http.request", "body": elements(1), "more_body": False}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])

    async def answered(self) -> int:
        await self.done
        return self.status

    async def sent(self) -> int:
        self.body.set()
        return await self.answered()


def test_bodies_that_do_not_come_take_no_place_from_those_that_do() -> None:
    async def go() -> None:
        async with asyncio.timeout(HANGS_S):
            service = Service(Desk(), Spread())
            slow = [Asking(service) for _ in range(MOST_OF_ONE)]
            for one in slow:
                await one.reads.wait()
            assert await Asking(service).sent() == 200
            assert [await one.sent() for one in slow] == [200] * MOST_OF_ONE

    asyncio.run(go())


def test_so_many_bodies_of_a_token_and_of_all_are_under_way_and_one_more_is_asked_to_come_again() -> None:
    async def go() -> None:
        async with asyncio.timeout(HANGS_S):
            service, under_way = Service(Desk(), Spread()), []

            async def begun(shows: str) -> None:
                one = Asking(service, shows=shows)
                await one.reads.wait()
                under_way.append(one)

            for at in range(MOST_MOVING):
                await begun(f"Bearer {at // MOST_MOVING_OF_ONE}")
                if at + 1 == MOST_MOVING_OF_ONE:
                    refused = Asking(service, shows="Bearer 0")
                    assert await refused.answered() == 429
                    assert refused.headers[b"retry-after"] == b"10"
            assert await Asking(service, shows="Bearer another").answered() == 429
            assert await under_way[0].sent() == 200
            assert await Asking(service, shows="Bearer another").sent() == 200
            for one in under_way[1:]:
                one.done.cancel()

    asyncio.run(go())


def test_so_many_requests_of_a_token_and_of_all_are_worked_on_and_one_more_is_asked_to_come_again() -> None:
    async def go() -> None:
        async with asyncio.timeout(HANGS_S):
            desk = Desk(idle=threading.Event())
            service = Service(desk, Spread())
            try:
                worked = []
                for at in range(MOST):
                    one = Asking(service, shows=f"Bearer {at // MOST_OF_ONE}")
                    one.body.set()
                    worked.append(one)
                    while service._working._held.total() <= at:
                        await asyncio.sleep(0)
                    if at + 1 == MOST_OF_ONE:
                        refused = Asking(service, shows="Bearer 0")
                        assert await refused.sent() == 429
                        assert refused.headers[b"retry-after"] == b"10"
                another = Asking(service, shows="Bearer another")
                assert await another.sent() == 429
            finally:
                desk.idle.set()
            assert {await one.answered() for one in worked} == {200}
            assert await Asking(service, shows="Bearer another").sent() == 200

    asyncio.run(go())


def test_a_body_that_does_not_come_in_its_time_is_given_up() -> None:
    async def go() -> None:
        async with asyncio.timeout(HANGS_S):
            assert await Asking(Service(Desk(), Spread(), body_s=0)).answered() == 408

    asyncio.run(go())


def test_who_was_let_in_is_answered_while_others_crowd_the_door_and_of_these_so_many_may() -> None:
    async def go() -> None:
        async with asyncio.timeout(HANGS_S):
            desk = Desk()
            service = Service(desk, Spread())
            inside = Asking(service)
            await inside.reads.wait()
            assert MOST_ENTERING_OF_ONE * 2 == MOST_ENTERING
            assert THREADS < MOST_ENTERING_OF_ONE
            try:
                crowd = [
                    Asking(service, shows="", address=f"192.0.2.{number % 2 + 1}") for number in range(MOST_ENTERING)
                ]
                # one more of an address that has its share, and of another one
                await asyncio.sleep(0)
                assert await Asking(service, shows="").answered() == 503
                assert await Asking(service, shows="", address="192.0.2.3").answered() == 503
                assert await inside.sent() == 200
            finally:
                desk.open.set()
            assert {await one.answered() for one in crowd} == {401}

    asyncio.run(go())


def test_one_address_leaves_others_room_at_the_door() -> None:
    async def go() -> None:
        async with asyncio.timeout(HANGS_S):
            desk = Desk()
            service = Service(desk, Spread())
            crowd = [Asking(service, shows="") for _ in range(MOST_ENTERING_OF_ONE)]
            await asyncio.sleep(0)
            try:
                assert await Asking(service, shows="").answered() == 503
                other = Asking(service, shows="", address="192.0.2.2")
            finally:
                desk.open.set()
            assert {await one.answered() for one in [*crowd, other]} == {401}

    asyncio.run(go())
