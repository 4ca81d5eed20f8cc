"""Sessions made, asked and ended, each killed at drawn steps, on both databases.

A session has its entry, its key and its set, or there is none of it. What was answered was spent before. What the books
call closed has no key any more. Steps are counted as tests/cli/forking.py does.
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select

from accord.check.psi.group import multiply_base
from accord.check.psi.sessions import sessions
from accord.cli.ledgers.opening import opened_ledger
from accord.cli.psi.places import place_of_session, read_key
from accord.journal import book
from accord.journal.facts import read_fact
from accord.workspace.schema import PSI_REQUESTS
from tests.cli.killing import Kills, all_of
from tests.cli.released import OPERATION
from tests.cli.test_cli_channel import Accord, Hub
from tests.cli.test_cli_psi import CUSTOMERS, MATCHES, Psi, stand

KILLED = -9
KILLS = 30 if os.environ.get("CI") else 3
"""A few at home; CI does more of each on each database."""

COUNT = 3
"""Elements of a request of psi_forks.py."""

Forking = Callable[..., dict]


def put_on(database_url: str) -> tuple[str, ...]:
    return () if database_url.startswith("sqlite") else ("--database", database_url)


@pytest.fixture
def hub(accord: Accord, database_url: str, tmp_path: Path) -> Hub:
    made = Hub(accord, tmp_path, put_on(database_url))
    made.operation.write_text(OPERATION.format(name="october-2026", more=""), "utf-8")
    return made


@pytest.fixture
def psi(accord: Accord, start, database_url: str, tmp_path: Path) -> Psi:
    return stand(accord, start, tmp_path, *put_on(database_url))


@contextmanager
def forks(folder: Path, secret: str, environment: dict[str, str]) -> Iterator[Callable[..., dict]]:
    program = [sys.executable, str(Path(__file__).with_name("psi_forks.py")), str(folder), secret]
    with subprocess.Popen(
        program, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def ask(name: str, how: object = None) -> dict:
            process.stdin.write(json.dumps({"name": name, "how": how}) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield ask
        process.stdin.close()
    assert process.returncode == 0


def steps_of(done: dict) -> dict[str, int]:
    assert done["code"] == 0, done
    return {kind: done["steps"][kind] for kind in ("disk", "database", "calls") if done["steps"][kind]}


def stands(folder: Path) -> dict[str, str]:
    """What became of each session that the books know; what they call open is whole."""
    found = {}
    with opened_ledger(folder) as ledger, ledger.database.reading() as connection:
        for one in sessions(connection):
            place, said = place_of_session(folder, one.id), one.commitment
            (entry,) = book.kept(connection, [one.entry])
            assert read_fact(entry.openings).digest == said.digest
            found[str(one.id)] = "closed" if one.closed_at else "whole"
            if one.closed_at is not None:
                assert not place.exists(), "closed, and its files are there"
            elif not (place / "key").exists():
                found[str(one.id)] = "closing"
            else:
                secret, data = read_key(place), (place / "set").read_bytes()
                if multiply_base(secret).hex() != said.public_key:
                    found[str(one.id)] = "closing"
                else:
                    assert sha256(data).hexdigest() == said.set_sha256
                    assert (folder / "releases" / str(one.disclosure) / "findings.parquet").exists()
    return found


def test_a_session_is_made_whole_with_its_entry_or_not_at_all_wherever_it_is_killed(forking: Forking, hub: Hub) -> None:
    words = ("psi", "open", hub.operation, "--to", "csirt-th", "--budget", "9", "--in", hub.folder)
    kills = Kills("psi open", all_of(steps_of(forking(*words, how="count"))), ("not made", "made"))
    for _ in range(KILLS):
        (mine,) = (name for name, state in stands(hub.folder).items() if state == "whole")
        hub("psi", "close", mine, "--in", hub.folder)
        before = stands(hub.folder)
        kill = kills.draw()
        done = forking(*words, how=kill)
        assert done["code"] in {KILLED, 0}, done
        new = {name: state for name, state in stands(hub.folder).items() if name not in before}
        assert set(new.values()) <= {"whole"}
        assert len(new) <= 1
        kills.came(kill, "made" if new else "not made")
        if not new:
            assert forking(*words)["code"] == 0
        states = stands(hub.folder)
        # what was left is gone, key and all, and no number of an epoch is given twice
        assert {one.name for one in (hub.folder / "psi").iterdir()} == {
            name for name, state in states.items() if state == "whole"
        }
        assert len(states) == len(before) + 1
    epochs = [one["epoch"] for one in hub.json("psi", "list")]
    assert sorted(epochs) == list(range(1, KILLS + 2))
    assert KILLS < 30 or not kills.missing, kills.met
    hub("ledger", "verify", "--in", hub.folder)
    hub("ledger", "audit", "--in", hub.folder)


def test_what_is_called_closed_has_no_key_wherever_closing_is_killed_and_it_ends_when_it_is_called_again(
    forking: Forking, hub: Hub
) -> None:
    words = ("psi", "open", hub.operation, "--to", "csirt-th", "--budget", "9", "--in", hub.folder, "--json")
    session = json.loads(forking(*words)["said"])["session"]
    steps = steps_of(forking("psi", "close", session, "--in", hub.folder, how="count"))
    kills = Kills("psi close", all_of(steps), ("whole", "closing", "closed"))
    for _ in range(KILLS):
        session = json.loads(forking(*words)["said"])["session"]
        secret = (hub.folder / "psi" / session / "key").read_text("ascii").strip()
        closing = ("psi", "close", session, "--in", hub.folder)
        kill = kills.draw()
        done = forking(*closing, how=kill)
        assert done["code"] in {KILLED, 0}, done
        kills.came(kill, stands(hub.folder)[session])
        assert forking(*closing)["code"] == 0
        assert stands(hub.folder)[session] == "closed"
        for path in hub.folder.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                assert secret.encode() not in data, path
                assert bytes.fromhex(secret) not in data, path
    assert KILLS < 30 or not kills.missing, kills.met
    hub("ledger", "verify", "--in", hub.folder)
    hub("ledger", "audit", "--in", hub.folder)


def test_what_was_answered_was_spent_before_wherever_the_answer_is_killed(
    hub: Hub, environment: dict[str, str]
) -> None:
    budget = COUNT * (KILLS + 1)
    made = hub.json("psi", "open", hub.operation, "--to", "csirt-th", "--budget", str(budget))
    session = made["session"]
    secret = hub.json("token", "make", "csirt-th", "--name", "desk", "--scope", "check")["token"]

    def spent() -> tuple[int, int]:
        """By the session, and by its requests."""
        with opened_ledger(hub.folder) as ledger, ledger.database.reading() as connection:
            (one,) = sessions(connection)
            return one.spent, sum(connection.execute(select(PSI_REQUESTS.c.elements)).scalars())

    with forks(hub.folder, secret, environment) as ask:
        kills = Kills(
            "psi serve", all_of(steps_of(ask(f"answer {session} {uuid4()}", "count"))), ("not spent", "spent")
        )
        for number in range(1, KILLS + 1):
            request = str(uuid4())
            given = hub.beside / f"answer-{request}"
            kill = kills.draw()
            done = ask(f"answer {session} {request}", kill)
            assert done["code"] in {KILLED, 0}, done
            before = spent()
            assert before[0] == before[1]
            assert before[0] in {COUNT * number, COUNT * (number + 1)}
            assert not given.exists() or before[0] == COUNT * (number + 1), "answered, and not spent"
            kills.came(kill, "spent" if before[0] == COUNT * (number + 1) else "not spent")
            # who asks again is answered, and pays once
            assert ask(f"answer {session} {request}")["code"] == 0
            assert spent() == (COUNT * (number + 1), COUNT * (number + 1))
            assert len(given.read_bytes()) == 32 * COUNT + 64
    assert KILLS < 30 or not kills.missing, kills.met
    hub("ledger", "audit", "--in", hub.folder)


def test_an_organisation_s_check_that_is_killed_anywhere_leaves_whole_files_and_ends_when_it_is_called_again(
    psi: Psi, environment: dict[str, str]
) -> None:
    psi.opened(budget=4 * 2 * (KILLS + 1))
    token, state, out = psi.token(), psi.folder / "state.json", psi.folder / "matches.csv"
    customers = psi.folder / "CUSTOMERS.csv"
    customers.write_text(CUSTOMERS, "utf-8")
    words = (
        f"check {customers} --at http://127.0.0.1:{psi.port} --policy {psi.hub.folder / 'ledger/policy'} "
        f"--state {state} --out {out}"
    )
    draw = random.Random("psi check")
    with forks(psi.hub.folder, token, environment) as ask:
        kills = Kills("psi check", all_of(steps_of(ask(words, "count"))), ("nothing", "spent", "written"), ("spent",))
        for _ in range(KILLS):
            known = state.read_bytes()
            draw.choice([out.unlink, lambda: (out.unlink(), state.unlink())])()
            before = psi.spent()
            kill = kills.draw()
            done = ask(words, kill)
            assert done["code"] in {KILLED, 0}, done
            assert not state.exists() or state.read_bytes() == known
            assert not out.exists() or out.read_text("utf-8") == MATCHES
            assert psi.spent() - before in {0, 4}
            assert not out.exists() or psi.spent() - before == 4
            kills.came(kill, "written" if out.exists() else "spent" if psi.spent() > before else "nothing")
            out.unlink(missing_ok=True)
            assert ask(words)["code"] == 0
            assert (out.read_text("utf-8"), state.read_bytes()) == (MATCHES, known)
            # nobody else can read what a killed command left
            assert all(one.stat().st_mode & 0o077 == 0 for one in psi.folder.glob(".*"))
    assert KILLS < 30 or not kills.missing, kills.met
