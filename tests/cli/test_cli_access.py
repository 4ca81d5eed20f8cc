"""Who may do what: every route of every service, times every role, times every method (decision 29)."""

import asyncio
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from argon2 import PasswordHasher

from accord.access import passwords
from accord.access.passwords import hash_password
from accord.access.tokens import Scope, make_token, revoke_token
from accord.access.users import close_user, make_user
from accord.cli.register.registering import opened
from accord.cli.services.routes import Services, make_app, make_services
from accord.exchange.taxii.messages import MEDIA_TYPE
from accord.exchange.taxii.routes import ROUTES
from accord.release.channels import load_channels
from accord.web.asgi import App
from tests.cli.test_cli_channel import Accord, Hub
from tests.cli.test_cli_taxii_adds import indicators, with_data_set

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
ENVELOPE = json.dumps({"objects": indicators(1)}).encode()
PASSWORD = "correct horse battery"

NOBODY = ("nobody", "guess", "expired token", "revoked token", "wrong password", "closed user")
"""Who has not shown who they are."""

MEMBER = ("member", "member's person")
"""Of the channel, to read."""

OWNER = ("owner", "owner of all")
"""Of the data set, to write."""

OTHER = ("reader of another", "writer of another", "reporter", "checker")
"""Known, and neither."""

KNOWN = (*MEMBER, *OWNER, *OTHER)

Row = Mapping[str, int]
"""What each role is answered."""


def row(others: int, **named: int) -> Row:
    """What members, owners, and all others who are known are answered; who is not known 401."""
    answers = dict.fromkeys(KNOWN, others)
    answers |= dict.fromkeys(MEMBER, named.get("members", others)) | dict.fromkeys(OWNER, named.get("owners", others))
    return answers | dict.fromkeys(NOBODY, 401)


def public(status: int) -> Row:
    """What everybody is answered."""
    return dict.fromkeys((*NOBODY, *KNOWN), status)


ALL, REFUSED = row(200), row(405)
READS = {"GET": ALL, "HEAD": ALL}


def reads(answers: Row) -> dict[str, Row]:
    return {"GET": answers, "HEAD": answers}


MEMBERS = row(404, members=200)
"""What is there for members."""

OPEN = public(405)


def writers(status: int, **named: int) -> Row:
    """What who may write is answered, whoever's the data set is; others who are known may not."""
    return row(403, owners=named.get("owners", status)) | {"writer of another": status}


def reporters(status: int) -> Row:
    """What who may report is answered; others who are known may not."""
    return row(403) | {"owner of all": status, "reporter": status}


UPLOAD = {"HEAD": writers(412), "PATCH": writers(412), "DELETE": writers(412), "OPTIONS": public(204)}
"""Who does not say which tus is spoken is told so, whatever there is."""

MATRIX: Mapping[str, tuple[Row, Mapping[str, Mapping[str, Row]]]] = {
    # route: (what any other method is answered, paths below it with what methods are answered)
    "/health": (OPEN, {"/health": {**reads(public(200)), "OPTIONS": public(204)}}),
    "/health/live": (OPEN, {"/health/live": {**reads(public(200)), "OPTIONS": public(204)}}),
    "/ledger": (
        OPEN,
        {
            "/ledger": reads(public(404)),
            "/ledger/checkpoint": reads(public(200)),
        },
    ),
    "/feeds": (OPEN, {"/feeds": reads(public(404)), "/feeds/infected-th/manifest.json": reads(public(404))}),
    "/": (OPEN, {"/": reads(public(302))}),
    **{f"/{one}": (OPEN, {f"/{one}": reads(public(302))}) for one in ("en", "fr", "es", "ar", "de")},
    "/taxii2/": (REFUSED, {"/taxii2/": READS}),
    "/taxii2/hub/": (REFUSED, {"/taxii2/hub/": READS}),
    "/taxii2/hub/markings/": (REFUSED, {"/taxii2/hub/markings/": READS}),
    "/taxii2/hub/collections/": (REFUSED, {"/taxii2/hub/collections/": READS}),
    "/taxii2/hub/status/{status}/": (
        REFUSED,
        {
            "/taxii2/hub/status/STATUS/": reads(row(404, owners=200)),
            "/taxii2/hub/status/indicators.0/": reads(row(404)),
        },
    ),
    "/taxii2/hub/collections/{collection}/": (
        REFUSED,
        {
            "/taxii2/hub/collections/CHANNEL/": reads(MEMBERS),
            "/taxii2/hub/collections/infected-th/": reads(MEMBERS),
            "/taxii2/hub/collections/dataset:indicators/": reads(row(404, owners=200)),
        },
    ),
    "/taxii2/hub/collections/{collection}/manifest/": (
        REFUSED,
        {
            "/taxii2/hub/collections/CHANNEL/manifest/": reads(MEMBERS),
            "/taxii2/hub/collections/dataset:indicators/manifest/": reads(row(404, owners=403)),
        },
    ),
    "/taxii2/hub/collections/{collection}/objects/": (
        REFUSED,
        {
            "/taxii2/hub/collections/CHANNEL/objects/": {**reads(MEMBERS), "POST": row(404, members=403)},
            "/taxii2/hub/collections/dataset:indicators/objects/": {
                **reads(row(404, owners=403)),
                "POST": row(404, owners=202),
            },
        },
    ),
    "/taxii2/hub/collections/{collection}/objects/{object}/": (
        REFUSED,
        {
            "/taxii2/hub/collections/CHANNEL/objects/OBJECT/": {**reads(MEMBERS), "DELETE": row(404, members=403)},
            "/taxii2/hub/collections/dataset:indicators/objects/OBJECT/": {
                **reads(row(404, owners=403)),
                "DELETE": row(404, owners=403),
            },
        },
    ),
    "/taxii2/hub/collections/{collection}/objects/{object}/versions/": (
        REFUSED,
        {
            "/taxii2/hub/collections/CHANNEL/objects/OBJECT/versions/": reads(MEMBERS),
            "/taxii2/hub/collections/dataset:indicators/objects/OBJECT/versions/": reads(row(404, owners=403)),
        },
    ),
    "/deliveries": (
        REFUSED,
        {
            "/deliveries": {**reads(writers(200)), "POST": writers(412), "OPTIONS": public(204)},
            "/deliveries/STATUS": reads(writers(404, owners=200)),
            "/deliveries/STATUS/rejects": reads(writers(404)),
            "/deliveries/STATUS/receipt": reads(writers(404)),
            f"/deliveries/uploads/{'0' * 32}": UPLOAD,
        },
    ),
    "/outcomes": (REFUSED, {"/outcomes": {"POST": reporters(422)}}),
    "/acknowledgements": (
        REFUSED,
        {
            "/acknowledgements": {**reads(reporters(200)), "POST": reporters(422)},
            f"/acknowledgements/{UUID(int=1)}.{UUID(int=2)}": reads(reporters(404)),
        },
    ),
    # what there is not, is not said to whom nobody knows
    "elsewhere": (row(404), {"/taxii2/hub/elsewhere/": reads(row(404)), "/taxii2/elsewhere/": reads(row(404))}),
    "nowhere": (
        public(404),
        {"/elsewhere": reads(public(404)), "/ledger/../workspace.toml": reads(public(404))},
    ),
}


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparisons of passwords that cost as little as argon2 may: hundreds are made."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_HASHER", hasher)
    monkeypatch.setattr(passwords, "_NOBODY", hasher.hash("nobody's"))


@pytest.fixture
def hub(accord_here: Accord, database_url: str, tmp_path: Path) -> Hub:
    hub = with_data_set(
        Hub(accord_here, tmp_path, () if database_url.startswith("sqlite") else ("--database", database_url))
    )
    hub.put()
    return hub


@pytest.fixture
def roles(hub: Hub) -> dict[str, dict[str, str]]:
    """What each role says of itself."""
    now = datetime.now(UTC)
    with opened(hub.folder) as database, database.writing() as connection:

        def token(partner: str, *scopes: Scope, days: int = 1) -> tuple[str, str]:
            """Its id, and what is said."""
            made, secret = make_token(
                connection,
                partner,
                "tests",
                scopes,
                draw=secrets.token_bytes,
                at=now - timedelta(days=2),
                expires_at=now + timedelta(days=days),
            )
            return made.id, f"Bearer {secret}"

        kept = hash_password(PASSWORD)
        for name in ("somchai", "dao"):
            make_user(connection, name, "csirt-th", [Scope.READ], kept, at=now)
        close_user(connection, "dao", now)
        name, revoked = token("csirt-th", *Scope)
        revoke_token(connection, name, now)
        said = {
            "nobody": None,
            "guess": "Bearer accord1_" + "A" * 43,
            "expired token": token("csirt-th", *Scope, days=-1)[1],
            "revoked token": revoked,
            "wrong password": httpx.BasicAuth("somchai", PASSWORD + "!")._auth_header,
            "closed user": httpx.BasicAuth("dao", PASSWORD)._auth_header,
            "member": token("csirt-th", Scope.READ)[1],
            "member's person": httpx.BasicAuth("somchai", PASSWORD)._auth_header,
            "owner": token("vendor", Scope.WRITE)[1],
            "owner of all": token("vendor", *Scope)[1],
            "reader of another": token("vendor", Scope.READ)[1],
            "writer of another": token("csirt-th", Scope.WRITE)[1],
            "reporter": token("csirt-th", Scope.REPORT)[1],
            # another process answers it (test_cli_psi.py)
            "checker": token("csirt-th", Scope.CHECK)[1],
        }
    return {role: {} if one is None else {"authorization": one} for role, one in said.items()}


def routes() -> Iterator[str]:
    """Every route that there is; the TAXII server has its own below where it is mounted."""
    for one in make_services(Services(folder=Path("nowhere"), names=())).routes:
        if one.path == "/taxii2":
            yield from (each.path for each in ROUTES)
        else:
            yield one.path


@asynccontextmanager
async def living(app: App) -> AsyncIterator[None]:
    """While an application lives, as its server lets it (ASGI, lifespan protocol)."""
    told: asyncio.Queue[dict] = asyncio.Queue()
    said: asyncio.Queue[dict] = asyncio.Queue()
    task = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, told.get, said.put))
    await told.put({"type": "lifespan.startup"})
    assert (await said.get())["type"] == "lifespan.startup.complete"
    yield
    await told.put({"type": "lifespan.shutdown"})
    assert (await said.get())["type"] == "lifespan.shutdown.complete"
    await task


def test_every_route_is_in_the_matrix() -> None:
    assert {*routes()} == MATRIX.keys() - {"elsewhere", "nowhere"}


def test_every_route_answers_every_role_as_the_matrix_says(hub: Hub, roles: dict[str, dict[str, str]]) -> None:
    assert roles.keys() == {*NOBODY, *KNOWN}
    # a scope that is added needs roles of its own
    assert {*Scope} == {Scope.READ, Scope.WRITE, Scope.REPORT, Scope.CHECK}
    with opened(hub.folder) as database, database.reading() as connection:
        channel = str(next(iter(load_channels(connection).values())).collection)
    (thing, *_) = [one["object"]["id"] for one in hub.poll("csirt-th") if one["object"]["type"] == "observed-data"]
    status = f"indicators.{hashlib.sha256(ENVELOPE).hexdigest()}"
    app = make_app(Services(folder=hub.folder, names=("localhost",)))
    wrong: list[str] = []

    async def ask(path: str, method: str, role: str, address: int) -> int:
        # who is not known may not ask often from one address
        whence = httpx.ASGITransport(app=app, client=(f"192.0.2.{address}", 1))
        async with httpx.AsyncClient(transport=whence, base_url="http://localhost") as client:
            content = {"content-type": MEDIA_TYPE} if method in {"POST", "PUT", "PATCH"} else {}
            request = client.build_request(
                method, "http://localhost", headers={**roles[role], **content}, content=ENVELOPE if content else None
            )
            # as it is written: a client would resolve what leads upwards
            request.url = httpx.URL("http://localhost", raw_path=path.encode())
            return (await client.send(request)).status_code

    async def walk() -> None:
        async with living(app):
            await walk_all()

    async def walk_all() -> None:
        named = {"CHANNEL": channel, "OBJECT": thing, "STATUS": status}
        assert await ask("/taxii2/hub/collections/dataset:indicators/objects/", "POST", "owner", 0) == 202
        for number, (others, paths) in enumerate(MATRIX.values(), 1):
            for written, answers in paths.items():
                path = written
                for word, value in named.items():
                    path = path.replace(word, value)
                for at, role in enumerate(roles):
                    for method in METHODS:
                        wanted = answers.get(method, others)[role]
                        got = await ask(path, method, role, number * len(roles) % 240 + at % 12)
                        if got != wanted:
                            wrong.append(f"{method} {path} by {role}: {got}, not {wanted}")

    asyncio.run(walk())
    assert not wrong, "\n".join(wrong)
