"""A workspace's database with a channel of three members, filled by hand: no operation is run."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4, uuid5

from accord.access.clients import Client
from accord.access.tokens import Scope, make_token
from accord.agreements.agreement import AgreementId, Register
from accord.agreements.declarations import DatasetId
from accord.agreements.reading import read_register
from accord.agreements.register import load_register, record_register
from accord.exchange.taxii.adds import Added, Target
from accord.exchange.taxii.messages import Answer
from accord.exchange.taxii.server import Hub, Question, Server
from accord.journal import book
from accord.release.batches import Batch, Draft, Placed, show
from accord.release.channels import Channel, ChannelId, load_channels, read_channels, record_channels
from accord.release.policies import PolicyClass
from accord.release.withdrawals import take_away
from accord.vocabulary.countries import CountryCode
from accord.web.entrance import Entrance
from accord.web.settings import Serving
from accord.workspace.database import Database, migrate_database, open_database, place_of
from accord.workspace.settings import SettingsTable, read_settings
from tests.cli.released import AGREEMENT, PARTNERS

SETTINGS = """
[hub]
name = "A hub"
contact = "desk@hub.example"
namespace = "6f1c2b9e-6a3c-4a8e-8f0e-0f3a7d2c9b11"
key_file = "hub.key"
"""

CHANNEL = """
[[channel]]
id = "{0}"
title = "Channel {0}"
purpose = "victim-notification"
encrypted = true
member = [{1}]
"""

NO_LIMIT = Serving(requests_a_minute=1_000_000)

NAMESPACE = UUID("2c7f2f4e-4d55-4d0b-a3e1-7d2b4a9f0c11")
START = datetime(2026, 10, 1, tzinfo=UTC)


def settled(folder: Path, database_url: str) -> Path:
    """Settings of a workspace."""
    file = folder / "workspace.toml"
    database = "" if database_url.startswith("sqlite") else f'[database]\nurl = "{database_url}"\n'
    file.write_text(SETTINGS + database, "utf-8")
    return file


def name(kind: str, number: int) -> str:
    """The id of an object."""
    return f"{kind}--{uuid5(NAMESPACE, f'{kind} {number}')}"


def stamp(version: int) -> str:
    """When a version was made."""
    return f"{START + timedelta(hours=version):%Y-%m-%dT%H:%M:%S}.000Z"


def draft(number: int, version: int = 0) -> Draft:
    """A finding's one object; `number` is the finding's."""
    thing = {
        "type": "indicator",
        "spec_version": "2.1",
        "id": name("indicator", number),
        "created": stamp(0),
        "modified": stamp(version),
        "pattern": f"[ipv4-addr:value = '203.0.113.{number % 250}']",
        "pattern_type": "stix",
        "valid_from": stamp(0),
    }
    return Draft(
        object=str(thing["id"]),
        type="indicator",
        version=stamp(version),
        content=json.dumps(thing),
        findings=(f"{number:064x}",),
        shared=False,
    )


def value(number: int) -> Draft:
    """A finding's observable: it has no versions, and others may tell of it."""
    thing = {"type": "ipv4-addr", "spec_version": "2.1", "id": name("ipv4-addr", number % 250),
             "value": f"203.0.113.{number % 250}"}  # fmt: skip
    return Draft(
        object=str(thing["id"]),
        type="ipv4-addr",
        version="",
        content=json.dumps(thing),
        findings=(f"{number:064x}",),
        shared=True,
    )


def gone(one: Placed) -> list[Draft]:
    """What tells that an object holds no more."""
    content = json.loads(one.content) | {"revoked": True, "modified": one.version[:-2] + "1Z"}
    return [
        Draft(
            object=one.object,
            type=one.type,
            version=content["modified"],
            content=json.dumps(content),
            findings=(),
            shared=False,
        )
    ]


class NoAdds:
    """A desk to which nobody may add."""

    def targets(self, _partner: str) -> list[Target]:
        return []

    def accept(self, _target: Target, _body: bytes, _client: Client, _now: datetime) -> Added:
        raise NotImplementedError

    def find(self, _partner: str, _name: str) -> Added | None:
        return None


@dataclass(kw_only=True)
class Stand:
    """The database, and what is done to it."""

    database: Database
    server: Server
    secrets: dict[str, str]

    def channel(self, named: str = "c") -> Channel:
        with self.database.reading() as connection:
            return load_channels(connection)[ChannelId(named)]

    def put(self, *drafts: Draft, named: str = "c", dataset: str = "sinkhole", visible: bool = True) -> None:
        """Put objects into a channel; all rest on one data set."""
        classes = frozenset(
            {
                PolicyClass(
                    dataset=dataset,
                    marking="amber",
                    came_in=(AgreementId("vendor-2026"),),
                    personal=True,
                    embargo=None,
                )
            }
        )
        findings = {one for each in drafts for one in each.findings}
        with self.database.writing() as connection:
            batch = Batch(connection, self.channel(named), at=book.moment(connection, datetime.now(UTC)))
            resting = {one: (classes, [(DatasetId(dataset), "d" * 64)]) for one in sorted(findings)}
            batch.put(drafts, resting, lambda new, _: new)
            batch.end()
        if visible:
            self.show()

    def show(self) -> None:
        with self.database.writing() as connection:
            show(connection, verified=1 << 40, at=datetime.now(UTC))

    def take(self, *numbers: int, named: str = "c") -> None:
        with self.database.writing() as connection:
            take_away(
                connection,
                load_channels(connection),
                {ChannelId(named): [f"{one:064x}" for one in numbers]},
                recall=None,
                at=datetime.now(UTC),
                reduced=gone,
            )
        self.show()

    def members(self, named: str, *partners: str) -> None:
        """Let a channel have these members."""
        listed = ", ".join(f'{{ partner = "{one}" }}' for one in partners)
        text = CHANNEL.format(named, listed)
        self._declare(text if partners else text.replace("member = []", ""))

    def agreement_ends(self, agreement: str) -> None:
        from accord.agreements.agreement import Ending

        with self.database.writing() as connection:
            standing = load_register(connection)
            now = datetime.now(UTC)
            held = standing.agreements[AgreementId(agreement)]
            ended = replace(held, ended=Ending(at=now - timedelta(seconds=1), reason="over", recorded_at=now))
            declared = Register(partners={}, datasets={}, agreements={held.id: ended})
            record_register(connection, standing, declared, now=now, draw=secrets.token_bytes)

    def _declare(self, text: str) -> None:
        import tomllib

        table = SettingsTable(file=Path("channels"), path="", content=tomllib.loads(text))
        with self.database.writing() as connection:
            declared = read_channels(table, load_register(connection).partners)
            record_channels(connection, declared, now=datetime.now(UTC), draw=uuid4)

    def ask(self, path: str, query: str = "", method: str = "GET", who: str = "csirt-th", **headers: str) -> Answer:
        """What the server answers a member, below the API root."""
        told = {"authorization": f"Bearer {self.secrets[who]}"} if who else {}
        told |= {key.replace("_", "-"): one for key, one in headers.items()}
        return self.server.answer(Question(method=method, path=f"/taxii2/{path}", query=query.encode(), headers=told))

    def within(self, path: str, query: str = "", named: str = "c", **more: str) -> Answer:
        """The same, within a collection."""
        return self.ask(f"hub/collections/{self.channel(named).collection}/{path}", query, **more)


def served(database: Database, serving: Serving) -> Server:
    """A server on a database, to which nobody may add, and whose clock stands still where it counts requests."""
    hub = Hub(title="A hub", contact="desk@hub.example", legal_area=frozenset({CountryCode("FR")}))
    entrance = Entrance(database, serving, clock=lambda: 0)
    return Server(database, hub, entrance=entrance, prepare=lambda *_: None, desk=NoAdds())


@contextmanager
def standing(folder: Path, database_url: str, serving: Serving = NO_LIMIT) -> Iterator[Stand]:
    """A database with partners, agreements, a channel `c` of two members, and their tokens."""
    settings = settled(folder, database_url)
    place = place_of(settings)
    migrate_database(place, now=datetime.now(UTC))
    text = PARTNERS.format(keys="") + AGREEMENT.format(
        id="vendor-2026", party="vendor", direction="in", pap="green", digit=1
    )
    for digit, party in enumerate(("csirt-th", "police-th"), start=2):
        text += AGREEMENT.format(id=f"{party}-2026", party=party, direction="out", pap="clear", digit=digit)
    register = folder / "register.toml"
    register.write_text(text, "utf-8")
    with open_database(place) as database:
        with database.writing() as connection:
            nothing = load_register(connection)
            declared = read_register(read_settings(register), nothing)
            record_register(connection, nothing, declared, now=datetime.now(UTC), draw=secrets.token_bytes)
            tokens = {
                partner: make_token(
                    connection,
                    partner,
                    "tests",
                    [Scope.READ],
                    draw=secrets.token_bytes,
                    at=datetime.now(UTC),
                    expires_at=datetime.now(UTC) + timedelta(days=1),
                )[1]
                for partner in ("vendor", "csirt-th", "police-th")
            }
        server = served(database, serving)
        one = Stand(database=database, server=server, secrets=tokens)
        one.members("c", "csirt-th", "police-th")
        yield one
