"""Private set intersection between a hub that is really asked and an organisation: matches, commitments, budgets."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import delete, select, update

from accord.check.psi.commitment import Commitment
from accord.check.psi.inputs import encode_input
from accord.check.psi.oprf import GENERATOR, blind, blinds
from accord.check.psi.routes import MOST_ELEMENTS, cut
from accord.cli.acting import Actor
from accord.cli.psi.checking import ask_about, remember
from accord.cli.psi.closing import end_ended, end_over
from accord.cli.psi.opening import open_session
from accord.cli.register.registering import opened
from accord.cli.releases.desk import desk
from accord.ledger.notes import SignatureType, SigningKey, parse_signing_key
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.errors import BusyError, UnprovenError, UnreadableError
from accord.workspace.schema import PSI_REQUESTS, PSI_SESSIONS
from tests.check.test_psi_oprf import NO_ELEMENTS
from tests.cli.released import AGREEMENT, OPERATION, PARTNERS, POLICE, SIGHTINGS, furnish
from tests.cli.test_cli_channel import Accord, Hub
from tests.cli.test_cli_serve import Served, end, free_port, listen
from tests.simulators.witness import Witness
from tests.simulators.witness import served as witnessed

KILLS = 20 if os.environ.get("CI") else 4
INTEROP = Path(__file__).parents[1] / "interop"
CUSTOMERS = """customer,type,value,day
anna,ipv4,110.164.10.1,2026-10-01
ben,ipv4,110.164.10.9,2026-10-01
chai,ipv4,110.164.10.9,2026-10-02
dao,ipv4,110.164.10.77,2026-10-01
anna again,IPv4, 110.164.10[.]1 ,2026-10-01
"""
MATCHES = """customer,type,value,day
anna,ipv4,110.164.10.1,2026-10-01
ben,ipv4,110.164.10.9,2026-10-01
anna again,IPv4, 110.164.10[.]1 ,2026-10-01
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Psi:
    """A hub whose operation is for two organisations, and what each of them has."""

    hub: Hub
    folder: Path
    port: int
    served: Served

    def opened(self, to: str = "csirt-th", budget: int = 100, code: int = 0) -> dict:
        words = ("psi", "open", self.hub.operation, "--to", to, "--budget", str(budget))
        if code:
            return {"said": self.hub(*words, "--in", self.hub.folder, code=code)}
        return self.hub.json(*words)

    def token(self, partner: str = "csirt-th", *scopes: str) -> str:
        named = [word for scope in scopes or ("check",) for word in ("--scope", scope)]
        return self.hub.json("token", "make", partner, "--name", "desk", *named)["token"]

    def check(self, token: str, customers: str = CUSTOMERS, *more: str | Path, code: int = 0, port: int | None = None):
        file = self.folder / "CUSTOMERS.csv"
        file.write_text(customers, "utf-8")
        return self.hub.accord(
            "psi", "check", file, "--at", f"http://127.0.0.1:{port or self.port}",
            "--policy", self.hub.folder / "ledger/policy", "--state", self.folder / "state.json", *more,
            expect=code, env={"ACCORD_TOKEN": token},
        )  # fmt: skip

    def ask(self, path: str, token: str, method: str = "GET", body: bytes | None = None, **headers: str):
        told = {"Authorization": f"Bearer {token}", "Content-Type": "application/octet-stream", **headers}
        return self.served.ask(path, method, body, **told)

    def put(self, session: str, token: str, body: bytes, request: str | None = None):
        return self.ask(f"/psi/sessions/{session}/requests/{request or uuid4()}", token, "PUT", body)

    def spent(self) -> int:
        (one,) = self.hub.json("psi", "list")
        return one["spent"]


def elements(count: int) -> bytes:
    inputs = [os.urandom(8) for _ in range(count)]
    return b"".join(blind(inputs, blinds(count, os.urandom)))


def stand(accord: Accord, start: Callable[..., subprocess.Popen[str]], folder: Path, *database: str) -> Psi:
    """A hub that is served, and a folder for an organisation."""
    hub = Hub(accord, folder, database)
    hub.operation.write_text(OPERATION.format(name="october-2026", more="") + POLICE, "utf-8")
    port = free_port()
    process = start("psi", "serve", "--in", hub.folder, "--port", str(port))
    assert process.stdout.readline().startswith("Serving")
    mine = folder / "organisation"
    mine.mkdir()
    return Psi(hub=hub, folder=mine, port=port, served=Served(process=process, port=port))


@pytest.fixture
def psi(accord: Accord, start, tmp_path: Path) -> Psi:
    return stand(accord, start, tmp_path)


@pytest.fixture
def either(accord: Accord, start, database_url: str, tmp_path: Path) -> Psi:
    """On SQLite and on PostgreSQL: for what their transactions decide."""
    return stand(accord, start, tmp_path, *([] if database_url.startswith("sqlite") else ["--database", database_url]))


def test_an_organisation_learns_which_of_its_own_rows_match_and_the_hub_how_many_it_asked_about(
    either: Psi,
) -> None:
    made = either.opened()
    done = either.check(either.token())
    assert done.stdout == MATCHES
    assert "hub learned that 4 values were asked about" in done.stderr
    (one,) = either.hub.json("psi", "list")
    assert (one["session"], one["spent"], one["budget"], one["state"]) == (made["session"], 4, 100, "open")
    with opened(either.hub.folder) as database, database.reading() as connection:
        (row,) = connection.execute(select(PSI_REQUESTS)).all()
    # of the request its number, time and size stay, and the digest of uniformly random bytes
    assert set(row._mapping) == {"session", "request", "digest", "elements", "at"}
    assert row.elements == 4
    kept = b"".join(path.read_bytes() for path in either.hub.folder.rglob("*") if path.is_file())
    assert b"110.164.10.77" not in kept
    rows = either.hub.json("consultation", "list")
    assert [row["object"] for row in rows if row["processing"] == "consultation"] == [
        f"psi {made['session']}: 4 values"
    ]
    # 2 values are in the set, and its size tells nobody
    assert made["entries_of_set"] == 4096
    either.hub("ledger", "audit", "--in", either.hub.folder)
    either.hub("ledger", "verify", "--in", either.hub.folder)


def test_whoever_has_no_token_of_the_scope_or_no_session_of_its_own_gets_nothing_of_others(psi: Psi) -> None:
    session = psi.opened()["session"]
    mine, reader, police = psi.token(), psi.token("csirt-th", "read"), psi.token("police-th")
    body = elements(3)
    for path in ("/psi/session", f"/psi/sessions/{session}/set"):
        assert psi.served.ask(path)[0] == 401
        assert psi.ask(path, reader)[0] == 403
        assert psi.ask(path, police)[0] == 404
        assert psi.ask(path, mine)[0] == 200
        assert psi.ask(path, mine, "POST", b"")[0] == 405
        assert psi.ask(f"{path}?token={mine}", mine)[0] == 400
        assert psi.served.ask(path, Host="psi.example", Authorization=f"Bearer {mine}")[0] == 421
    assert psi.put(session, police, body)[0] == 404
    assert psi.put(str(uuid4()), mine, body)[0] == 404
    assert psi.ask(f"/psi/sessions/{session}/key", mine)[0] == 404
    assert psi.ask(f"/psi/sessions/{session}/../{session}/set", mine)[0] == 404
    assert psi.spent() == 0
    refused = psi.check(police, code=8)
    assert "There is no session of yours" in refused.stderr
    # the token goes over no line that others read
    assert "https" in psi.hub.accord(
        "psi", "check", psi.folder / "CUSTOMERS.csv", "--at", "http://hub.example", "--policy",
        psi.hub.folder / "ledger/policy", expect=2, env={"ACCORD_TOKEN": mine},
    ).stderr  # fmt: skip


def test_every_route_answers_every_role_by_every_method_as_it_should(psi: Psi) -> None:
    session = psi.opened()["session"]
    others = {scope: psi.token("csirt-th", scope) for scope in ("read", "write", "report")}
    roles = {"nobody": "", "guess": "accord1_" + "A" * 43, "another": psi.token("police-th"), **others}
    expected = {"nobody": 401, "guess": 401, "another": 404} | dict.fromkeys(others, 403)
    body, wrong = elements(1), []
    for path, right in (
        ("/psi/session", "GET"),
        (f"/psi/sessions/{session}/set", "GET"),
        (f"/psi/sessions/{session}/requests/{uuid4()}", "PUT"),
    ):
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            for role, secret in roles.items():
                answered = psi.ask(path, secret, method, body if method in {"PUT", "POST", "PATCH"} else None)[0]
                if answered != (expected[role] if method == right else 405):
                    wrong.append(f"{method} {path} as {role}: {answered}")
    assert wrong == []
    assert psi.spent() == 0


def test_the_same_values_under_two_organisations_keys_have_nothing_in_common(psi: Psi) -> None:
    sets, keys = [], []
    for to in ("csirt-th", "police-th"):
        made = psi.opened(to)
        folder = psi.hub.folder / "psi" / made["session"]
        data = (folder / "set").read_bytes()
        sets.append({data[at : at + 16] for at in range(0, len(data), 16)})
        keys.append(made["public_key"])
        assert (folder / "key").stat().st_mode & 0o777 == 0o600
    assert sets[0].isdisjoint(sets[1])
    assert len({*keys}) == 2
    # each organisation finds what it may, by its own key
    assert psi.check(psi.token("police-th")).stdout == psi.check(psi.token("csirt-th")).stdout == MATCHES
    # and no second one for the same organisation while the first lasts
    assert "has a session already" in psi.opened("csirt-th", code=2)["said"]


def test_a_request_is_answered_once_and_the_same_again_costs_nothing(either: Psi) -> None:
    session, token = either.opened(budget=5)["session"], either.token()
    request, body = str(uuid4()), elements(3)
    first = either.put(session, token, body, request)
    again = either.put(session, token, body, request)
    assert (first[0], again[0]) == (200, 200)
    # the elements, not the proof, which is drawn anew
    assert first[2][:96] == again[2][:96]
    assert len(first[2]) == 96 + 64
    assert either.put(session, token, elements(3), request)[0] == 409
    assert either.spent() == 3
    assert either.put(session, token, elements(3))[0] == 403
    assert either.put(session, token, elements(2))[0] == 200
    assert either.put(session, token, elements(1))[0] == 403
    assert either.put(session, token, body, request)[0] == 200
    assert either.spent() == 5
    # who was answered again is logged again
    rows = [row["object"] for row in either.hub.json("consultation", "list") if row["processing"] == "consultation"]
    once, again, other = f"psi {session}: 3 values", f"psi {session}: 3 values, again", f"psi {session}: 2 values"
    assert sorted(rows) == sorted([once, again, again, other])


def test_what_is_no_element_or_too_much_is_refused_and_costs_nothing(psi: Psi) -> None:
    session, token = psi.opened()["session"], psi.token()
    good = elements(2)
    for bad in NO_ELEMENTS.values():
        assert psi.put(session, token, good + bad)[0] == 422
    for body in (b"", good[:33], good + b"\0"):
        assert psi.put(session, token, body)[0] == 422
    assert psi.put(session, token, bytes(32 * (MOST_ELEMENTS + 1)))[0] == 413
    place = f"/psi/sessions/{session}/requests/{uuid4()}"
    assert psi.ask(place, token, "PUT", good, **{"Content-Type": "application/json"})[0] == 415
    assert psi.ask(f"/psi/sessions/{session}/requests/1", token, "PUT", good)[0] == 404
    assert psi.spent() == 0


def test_requests_that_race_get_no_more_than_the_budget(either: Psi) -> None:
    session = either.opened(budget=100)["session"]
    tokens = [either.token() for _ in range(4)]
    bodies = [elements(7) for _ in range(24)]

    def put(at: int) -> int:
        request = str(uuid4())
        while (status := either.put(session, tokens[at % 4], bodies[at], request)[0]) == 429:
            pass
        return status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(put, range(24)))
    # 14 times 7 are 98 of 100
    assert (statuses.count(200), statuses.count(403)) == (14, 10)
    assert either.spent() == 98


def test_a_server_that_is_killed_while_it_answers_never_gave_more_than_was_spent(either: Psi, start) -> None:
    session, token = either.opened(budget=60)["session"], either.token()
    port, given = free_port(), 0
    for number in range(KILLS):
        process = start("psi", "serve", "--in", either.hub.folder, "--port", str(port))
        assert process.stdout.readline().startswith("Serving")
        served = Served(process=process, port=port)
        mine, answers = Psi(hub=either.hub, folder=either.folder, port=port, served=served), []

        def ask(count: int, mine: Psi = mine, answers: list[int] = answers) -> None:
            with suppress(OSError, http.client.HTTPException):
                if mine.put(session, token, elements(count))[0] == 200:
                    answers.append(count)

        threads = [threading.Thread(target=ask, args=(5,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        if number % 2:
            threads[0].join()
        os.killpg(process.pid, signal.SIGKILL)
        for thread in threads:
            thread.join()
        process.wait()
        given += sum(answers)
    assert given <= either.spent() <= 60


def test_a_set_that_is_swapped_after_the_commitment_is_refused_before_anything_is_asked(psi: Psi) -> None:
    session, token = psi.opened()["session"], psi.token()
    place = psi.hub.folder / "psi" / session / "set"
    data = place.read_bytes()
    for other in (data[:-1] + bytes([data[-1] ^ 1]), data[:-16], data + data[-16:], b""):
        place.write_bytes(other)
        assert "not the one that the hub has committed to" in psi.check(token, code=7).stderr
    assert psi.spent() == 0
    place.write_bytes(data)
    assert psi.check(token).stdout == MATCHES


def test_a_key_that_is_swapped_after_the_commitment_is_refused_by_its_proof(psi: Psi) -> None:
    session, token = psi.opened()["session"], psi.token()
    (psi.hub.folder / "psi" / session / "key").write_text((1).to_bytes(32, "little").hex() + "\n", "ascii")
    assert "proof does not hold" in psi.check(token, code=7).stderr


def test_what_the_ledger_has_not_committed_to_is_refused(psi: Psi) -> None:
    made, token = psi.opened(), psi.token()
    with opened(psi.hub.folder) as database:
        with database.reading() as connection:
            document = connection.execute(select(PSI_SESSIONS.c.document)).scalar_one()
        richer = document.replace('"budget":100', '"budget":900')
        assert richer != document
        with database.writing() as connection:
            connection.execute(update(PSI_SESSIONS).values(document=richer))
        assert "entry is not about this session" in psi.check(token, code=7).stderr
        with database.writing() as connection:
            connection.execute(update(PSI_SESSIONS).values(document=document))
    # another log's policy, as somebody has it who relies on another hub
    policy = psi.hub.folder / "ledger/policy"
    own = policy.read_bytes()
    try:
        key = (1).to_bytes(32, "big")
        other = SigningKey(name="hub.example/ledger", type=SignatureType.ED25519, seed=key).verifier
        policy.write_text(f"log {other}\nquorum none\n", "ascii")
        assert psi.check(token, code=7).stdout == ""
    finally:
        policy.write_bytes(own)
    assert psi.spent() == 0
    assert made["witnessed"] is True


def test_what_the_ledger_has_not_committed_to_is_found_by_the_hub_s_own_audit(
    accord: Accord, database_url: str, tmp_path: Path
) -> None:
    hub = Hub(accord, tmp_path, () if database_url.startswith("sqlite") else ("--database", database_url))
    hub.operation.write_text(OPERATION.format(name="october-2026", more=""), "utf-8")
    made = hub.json("psi", "open", hub.operation, "--to", "csirt-th", "--budget", "100")
    hub("ledger", "audit", "--in", hub.folder)
    table, mine = PSI_SESSIONS.c, f"session {made['session']}: entry {{}} is none of it"

    def change(**values: object) -> None:
        with opened(hub.folder) as database, database.writing() as connection:
            connection.execute(update(PSI_SESSIONS).values(**values))

    with opened(hub.folder) as database, database.reading() as connection:
        document = connection.execute(select(table.document)).scalar_one()
    change(document=document.replace('"budget":100', '"budget":900'))
    said = hub("ledger", "audit", "--in", hub.folder, code=1)
    assert mine.format(made["entry"]) in said
    change(document=document)
    hub("psi", "close", made["session"], "--in", hub.folder)
    hub("ledger", "audit", "--in", hub.folder)
    with opened(hub.folder) as database, database.reading() as connection:
        closing = connection.execute(select(table.closing_entry)).scalar_one()
    # another entry for its end: then the ledger has one that the books do not know
    change(closing_entry=made["entry"] - 1)
    said = hub("ledger", "audit", "--in", hub.folder, code=1)
    assert mine.format(made["entry"] - 1) in said
    assert f"entry {closing}: check data {made['digest']}" in said


def test_a_session_of_another_organisation_is_refused_by_who_says_its_name(psi: Psi) -> None:
    psi.opened()
    token = psi.token()
    assert "another organisation's" in psi.check(token, CUSTOMERS, "--as", "police-th", code=7).stderr
    assert psi.spent() == 0
    assert psi.check(token, CUSTOMERS, "--as", "csirt-th").stdout == MATCHES


def test_what_a_killed_command_left_is_removed_by_the_next_one_and_its_key_overwritten(psi: Psi) -> None:
    left = psi.hub.folder / "psi" / str(uuid4())
    left.mkdir(parents=True)
    (left / "key").write_text("11" * 32 + "\n", "ascii")
    (left / "set").write_bytes(bytes(16))
    made = psi.opened()
    assert [one.name for one in left.parent.iterdir()] == [made["session"]]


def test_another_key_for_the_same_epoch_is_refused_though_the_ledger_has_it(psi: Psi) -> None:
    token, first = psi.token(), psi.opened()
    assert psi.check(token).stdout == MATCHES
    # a hub that forgets, and begins the epoch anew
    with opened(psi.hub.folder) as database, database.writing() as connection:
        connection.execute(delete(PSI_REQUESTS))
        connection.execute(delete(PSI_SESSIONS))
    second = psi.opened()
    assert (second["epoch"], second["public_key"] == first["public_key"]) == (1, False)
    assert "committed to something else in this epoch" in psi.check(token, code=7).stderr
    assert psi.spent() == 0


def test_a_session_opens_once_the_witnesses_have_cosigned(accord: Accord, start, tmp_path: Path) -> None:
    hub = Hub(accord, tmp_path, ())
    hub.operation.write_text(OPERATION.format(name="october-2026", more=""), "utf-8")
    key = parse_signing_key((hub.folder / "ledger.key").read_text("ascii").removesuffix("\n"))
    policy = hub.folder / "ledger.policy"
    with witnessed(Witness("north.example", key.verifier)) as witness:
        line = f"witness north {witness.key.verifier} {witness.url}"
        policy.write_text(f"log {key.verifier}\n{line}\nquorum north\n")
        witness.fault = lambda *_: (503, b"")
        port = free_port()
        made = hub.json("psi", "open", hub.operation, "--to", "csirt-th", "--budget", "9")
        assert made["witnessed"] is False
        process = start("psi", "serve", "--in", hub.folder, "--port", str(port))
        assert process.stdout.readline().startswith("Serving")
        mine = Psi(hub=hub, folder=tmp_path, port=port, served=Served(process=process, port=port))
        token = mine.token()
        assert mine.ask("/psi/session", token)[0] == 503
        assert mine.ask(f"/psi/sessions/{made['session']}/set", token)[0] == 503
        assert mine.put(made["session"], token, elements(1))[0] == 503
        witness.fault = None
        hub("ledger", "publish", "--in", hub.folder)
        assert mine.check(token).stdout == MATCHES


def test_a_session_that_is_closed_has_no_key_and_the_ledger_verifies_as_before(either: Psi) -> None:
    made, token = either.opened(), either.token()
    folder = either.hub.folder / "psi" / made["session"]
    with (folder / "key").open("rb", buffering=0) as key:
        before = key.read()
        either.hub("psi", "close", made["session"][:8], "--in", either.hub.folder)
        # overwritten, also for who held it open
        key.seek(0)
        assert key.read() != before
    assert not folder.exists()
    assert either.ask("/psi/session", token)[0] == 404
    assert either.ask(f"/psi/sessions/{made['session']}/set", token)[0] == 410
    assert either.put(made["session"], token, elements(1))[0] == 410
    assert either.hub.json("psi", "list")[0]["state"] == "closed"
    either.hub("ledger", "audit", "--in", either.hub.folder)
    either.hub("ledger", "check", either.hub.folder / "ledger", "--policy", either.hub.folder / "ledger/policy")
    assert either.opened()["epoch"] == 2
    assert either.check(token).stdout == MATCHES


def test_a_session_whose_time_is_over_is_ended_and_its_key_destroyed(psi: Psi) -> None:
    made = psi.opened()
    with desk(psi.hub.folder, Actor(person="tests", justification="")) as hub:
        assert end_over(hub, datetime.now(UTC) + timedelta(days=6, hours=23)) == []
        (ended,) = end_over(hub, datetime.now(UTC) + timedelta(days=7, hours=1))
        assert str(ended.id) == made["session"]
        assert end_over(hub, datetime.now(UTC) + timedelta(days=8)) == []
    assert not (psi.hub.folder / "psi" / made["session"]).exists()


def open_shortly(hub: Hub, capsys: pytest.CaptureFixture[str], seconds: int) -> dict:
    """A session that is over soon; a person's lasts a day at least."""
    capsys.readouterr()
    open_session(
        hub.folder, hub.operation, to="csirt-th", budget=9, lasts=timedelta(seconds=seconds), purpose=None,
        person="tests", why=None, as_json=True,
    )  # fmt: skip
    return json.loads(capsys.readouterr().out)


def demand_ended(hub: Hub, session: str) -> None:
    """Its key is destroyed, and log and ledger say so."""
    assert not (hub.folder / "psi" / session).exists()
    assert [(one["session"], one["state"]) for one in hub.json("psi", "list")] == [(session, "closed")]
    rows = [row["object"] for row in hub.json("consultation", "list") if row["processing"] == "erasure"]
    assert rows == [f"psi {session}"]
    hub("ledger", "verify", "--in", hub.folder)
    hub("ledger", "audit", "--in", hub.folder)


@pytest.fixture
def unserved(accord: Accord, database_url: str, tmp_path: Path) -> Hub:
    """A hub, on SQLite and on PostgreSQL, of which nobody runs `accord psi serve`."""
    hub = Hub(accord, tmp_path, () if database_url.startswith("sqlite") else ("--database", database_url))
    hub.operation.write_text(OPERATION.format(name="october-2026", more=""), "utf-8")
    return hub


def hearing(process: subprocess.Popen[str]) -> Served:
    """A server that was started, once it answers; what it says is listened to."""
    assert process.stdout.readline().startswith("Serving")
    served = Served(process=process, port=0)
    threading.Thread(target=listen, args=(served,), daemon=True).start()
    return served


def test_a_session_is_ended_in_time_by_the_server_of_sessions_while_nobody_calls_a_command(
    psi: Psi, capsys: pytest.CaptureFixture[str]
) -> None:
    served = Served(process=psi.served.process, port=psi.port)
    threading.Thread(target=listen, args=(served,), daemon=True).start()
    session = open_shortly(psi.hub, capsys, 2)["session"]
    served.hear(f"session {session} is over, and its key destroyed")
    demand_ended(psi.hub, session)


def test_a_session_is_ended_by_the_server_of_the_workspace_where_nobody_serves_sessions(
    unserved: Hub, start, capsys: pytest.CaptureFixture[str]
) -> None:
    session = open_shortly(unserved, capsys, 1)["session"]
    served = hearing(start("serve", "--in", unserved.folder, "--port", str(free_port())))
    served.hear(f"session {session} is over, and its key destroyed")
    assert end(served) == 0
    demand_ended(unserved, session)


def test_a_session_is_ended_by_who_does_the_jobs_that_are_due(
    unserved: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    made = open_shortly(unserved, capsys, 1)
    while datetime.now(UTC) < datetime.fromisoformat(made["ends"]):
        pass
    assert f"session {made['session']} is over" in unserved("job", "work", "--in", unserved.folder)
    demand_ended(unserved, made["session"])
    assert "Nothing is due." in unserved("job", "work", "--in", unserved.folder)


def test_a_recall_ends_the_sessions_that_it_concerns(psi: Psi) -> None:
    made, token = psi.opened(), psi.token()
    assert psi.ask("/psi/session", token)[0] == 200
    why = "The clock was wrong."
    done = psi.hub.json("recall", "make", "--dataset", "sinkhole", "--all", "--kind", "withdrawn", "--why", why)
    assert [one["recipient"] for one in done["notices"]] == ["csirt-th"]
    assert psi.ask("/psi/session", token)[0] == 410
    assert psi.put(made["session"], token, elements(1))[0] == 410
    # the server's own look, or this one, ends it: whoever comes first
    while (psi.hub.folder / "psi" / made["session"]).exists():
        with suppress(BusyError):
            end_ended(psi.hub.folder, Actor(person="tests", justification=""))
    psi.hub("ledger", "audit", "--in", psi.hub.folder)


def test_an_agreement_that_has_ended_ends_what_was_opened_under_it(psi: Psi) -> None:
    psi.opened()
    token = psi.token()
    assert psi.ask("/psi/session", token)[0] == 200
    psi.hub("agreement", "end", "csirt-th-2026", "--why", "Other conditions", "--in", psi.hub.folder)
    assert psi.ask("/psi/session", token)[0] == 410
    assert psi.spent() == 0


def test_what_the_rules_refuse_an_organisation_is_not_in_its_set(psi: Psi) -> None:
    settings = psi.hub.folder / "workspace.toml"
    dataset = PARTNERS[PARTNERS.index("[[dataset]]") :]
    more = dataset.replace('id = "sinkhole"', 'id = "closed"').replace('"csirt-th", "police-th"', '"police-th"')
    agreed = AGREEMENT.format(id="closed-2026", party="vendor", direction="in", pap="green", digit=8)
    more += agreed.replace('["sinkhole"]', '["closed"]')
    # those who receive may have both, as far as their own agreements go
    text = settings.read_text("utf-8").replace('out = ["sinkhole"]', 'out = ["sinkhole", "closed"]')
    settings.write_text(text + more, "utf-8")
    psi.hub("agreement", "apply", "--in", psi.hub.folder)
    file = psi.hub.beside / "2026-10-03-event4_sinkhole-th.csv"
    file.write_text(SIGHTINGS.replace("110.164.10.9", "110.164.10.77").replace("2026-10-01", "2026-10-03"), "utf-8")
    psi.hub("delivery", "add", "closed", file, "--in", psi.hub.folder)
    asked = CUSTOMERS + "dao,ipv4,110.164.10.77,2026-10-03\n"
    for to, matches in (("csirt-th", MATCHES), ("police-th", MATCHES + "dao,ipv4,110.164.10.77,2026-10-03\n")):
        psi.opened(to)
        assert psi.check(psi.token(to), asked).stdout == matches


def test_nothing_is_opened_for_whom_no_rule_lets_be_told_anything_or_for_another_purpose(psi: Psi) -> None:
    text = psi.hub.operation.read_text("utf-8")
    assert "no such recipient" in psi.opened("vendor", code=2)["said"]
    psi.hub("agreement", "end", "csirt-th-2026", "--why", "Other conditions", "--in", psi.hub.folder)
    assert "Nothing of the operation may be told" in psi.opened(code=8)["said"]
    settings = psi.hub.folder / "workspace.toml"
    everybody = '\n[[partner]]\nid = "everybody"\nname = "Everybody"\nkind = "public"\n'
    settings.write_text(settings.read_text("utf-8") + everybody, "utf-8")
    psi.hub("partner", "apply", "--in", psi.hub.folder)
    public = POLICE.replace("police-th", "everybody")
    psi.hub.operation.write_text(text + public, "utf-8")
    assert "signs nothing" in psi.opened("everybody", code=2)["said"]
    psi.hub.operation.write_text(text.replace("victim-notification", "research"), "utf-8")
    assert "no organisation looks for its own values" in psi.opened(code=2)["said"]
    assert not (psi.hub.folder / "psi").exists()
    assert psi.hub.json("psi", "list") == []


def test_a_hub_without_a_delivery_says_so_when_a_session_is_to_be_opened(accord: Accord, tmp_path: Path) -> None:
    folder, operation = tmp_path / "hub", tmp_path / "october.toml"
    accord("init", folder, "--ledger", "hub.example/ledger")
    furnish(folder, "")
    accord("agreement", "apply", "--in", folder)
    operation.write_text(OPERATION.format(name="october-2026", more=""), "utf-8")
    opening = ("psi", "open", operation, "--to", "csirt-th", "--budget", "9", "--in", folder)
    said = accord(*opening, expect=2).stderr
    assert "There is no delivery" in said
    assert "a delivery for sinkhole that may be used for victim-notification" in said
    assert "accord delivery add" in said


def test_rows_that_are_wrong_are_told_and_those_that_are_right_count(psi: Psi) -> None:
    psi.opened(budget=4)
    token = psi.token()
    bad = "eve,ipv4,10.0.0.1,2026-10-01\nfon,phone,1,2026-10-01\ngai,ipv4,110.164.10.3,20261001\nhom,ipv4\n"
    done = psi.check(token, CUSTOMERS + bad)
    assert done.stdout == MATCHES
    assert done.stderr.count("rejected:") == 4
    # they are told before anything else is wrong
    assert "at most 0 values" in psi.check(token, code=2).stderr
    assert psi.spent() == 4


def test_a_file_that_asks_for_more_than_is_left_asks_for_nothing(psi: Psi) -> None:
    psi.opened(budget=3)
    refused = psi.check(psi.token(), code=2)
    assert "at most 3 values" in refused.stderr
    assert psi.spent() == 0
    for text, words in (
        ("type,value\nipv4,110.164.10.1\n", "does not name each of its columns"),
        ("type,value,day,Day\n", "does not name each of its columns"),
        ("type,value,day\n", "no row that could be asked about"),
        ('type,value,day\nipv4,"110', "is not CSV"),
    ):
        assert words in psi.check(psi.token(), text, code=3).stderr


def test_matches_are_written_for_their_owner_alone_and_for_programs(psi: Psi) -> None:
    psi.opened()
    token, out = psi.token(), psi.folder / "matches.csv"
    psi.check(token, CUSTOMERS, "--out", out)
    assert (out.read_text("utf-8"), out.stat().st_mode & 0o777) == (MATCHES, 0o600)
    assert "a file already" in psi.check(token, CUSTOMERS, "--out", out, code=5).stderr
    told = json.loads(psi.check(token, CUSTOMERS, "--json").stdout)
    assert [(one["line"], one["customer"]) for one in told["matches"]] == [(2, "anna"), (3, "ben"), (6, "anna again")]
    assert (told["asked"], told["rejects"], told["ledger"]) == (4, [], "hub.example/ledger")


def node(script: str) -> list[str]:
    """How another implementation is run."""
    if shutil.which("node") is None:
        pytest.skip("needs node: an implementation that is none of ours")
    if not (INTEROP / "node_modules").is_dir():
        pytest.skip("`make interop` has not installed what it speaks with")
    return ["node", str(INTEROP / script)]


def test_another_implementation_as_the_organisation_gets_what_is_in_our_hub_s_set(psi: Psi) -> None:
    command = node("organisation.mjs")
    made = psi.opened()
    inputs = [encode_input("ipv4", f"110.164.10.{last}", "2026-10-01") for last in (1, 9, 77)]
    said = {"url": f"http://127.0.0.1:{psi.port}", "token": psi.token(), "inputs": [one.hex() for one in inputs]}
    done = subprocess.run(command, input=json.dumps(said), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    folder = psi.hub.folder / "psi" / made["session"]
    data = (folder / "set").read_bytes()
    entries = {data[at : at + 16].hex() for at in range(0, len(data), 16)}
    assert [one[:32] in entries for one in told["outputs"]] == [True, True, False]
    assert told["public_key"] == made["public_key"]
    assert psi.spent() == 3


def test_another_implementation_as_the_hub_is_proven_and_finalised_by_our_organisation() -> None:
    command = node("hub.mjs")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as hub:

        def told(said: dict) -> dict:
            hub.stdin.write(json.dumps(said) + "\n")
            hub.stdin.flush()
            return json.loads(hub.stdout.readline())

        public = json.loads(hub.stdout.readline())["public_key"]
        said = commitment(public_key=public)
        inputs = [os.urandom(number) for number in range(20)]

        def ask(_: object, body: bytes) -> bytes:
            answer = told({"blinded": [one.hex() for one in cut(body)]})
            return b"".join(map(bytes.fromhex, [*answer["evaluated"], answer["proof"]]))

        found = ask_about(ask, inputs, said, lambda *_: None)
        own = told({"inputs": [one.hex() for one in inputs]})["outputs"]
        assert [one.hex() for one in found] == [one[:32] for one in own]

        def ask_another(_: object, body: bytes) -> bytes:
            return ask(_, body[32:] + body[:32])[:-64] + ask(_, body)[-64:]

        with pytest.raises(UnprovenError):
            ask_about(ask_another, inputs, said, lambda *_: None)
        hub.stdin.close()


def commitment(**changed: object) -> Commitment:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    told: dict[str, object] = {
        "session": uuid4(), "ledger": "hub.example/ledger", "organisation": "bank", "country": "TH",
        "purpose": Purpose.VICTIM_NOTIFICATION, "epoch": 2, "begins": at, "ends": at + timedelta(days=1),
        "public_key": GENERATOR.hex(), "budget": 100, "entries": 0, "set_sha256": "0" * 64,
    }  # fmt: skip
    return Commitment(**(told | changed))  # type: ignore[arg-type]


def test_an_organisation_keeps_to_what_it_met_in_each_epoch_and_goes_back_to_none(tmp_path: Path) -> None:
    state, first = tmp_path / "state.json", commitment()
    remember(state, first)
    remember(state, first)
    for refused in (commitment(budget=900), commitment(epoch=1)):
        with pytest.raises(UnprovenError):
            remember(state, refused)
    # another organisation, another hub, and the next epoch are other matters
    remember(state, commitment(organisation="other"))
    remember(state, commitment(ledger="other.example/ledger"))
    remember(state, commitment(epoch=3))
    with pytest.raises(UnprovenError):
        remember(state, first)
    assert state.stat().st_mode & 0o777 == 0o600
    state.write_text("{}", "utf-8")
    with pytest.raises(UnreadableError):
        remember(state, first)


def test_commands_that_run_at_the_same_time_forget_nothing_of_what_the_others_met(tmp_path: Path) -> None:
    state, many = tmp_path / "state.json", [commitment(organisation=f"bank-{number}") for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda said: remember(state, said), many))
    assert len(json.loads(state.read_text("utf-8"))["sessions"]) == len(many)
    # what one has met another is held to
    with pytest.raises(UnprovenError):
        remember(state, commitment(organisation="bank-7", budget=900))
