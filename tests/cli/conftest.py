"""The real command in a process of its own, one simulated operation with a run of it, and operations made by hand."""

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli import publishing

if TYPE_CHECKING:
    from accord.cli.deliveries.entering import Gate
    from accord.reference.store import Reference
    from accord.workspace.database import Database

PROGRAM = (sys.executable, "-m", "accord.cli.main")
NOTHING: Mapping[str, str] = {}

PARTIES = """
[hub]
name = "Test hub"
contact = "desk@hub.example"
namespace = "0d6f9c2e-5f0b-4b57-9b1c-6c1f0a4c7e11"
key_file = "hub.key"
country = "SG"

[[partner]]
id = "vendor"
name = "Vendor of tests"
kind = "vendor"

[[partner]]
id = "other"
name = "Other vendor of tests"
kind = "vendor"

[[partner]]
id = "csirt-vn"
name = "CSIRT VN of tests"
kind = "csirt"
country = "VN"

[[partner]]
id = "csirt-th"
name = "CSIRT TH of tests"
kind = "csirt"
country = "TH"
"""

SERVERS = {
    "VN": ("103.28.36.1", "103.28.36.7", "203.113.131.1", "222.252.30.1"),
    "TH": ("110.164.10.1", "203.150.1.1", "61.19.1.7", "202.44.1.9"),
}
"""Addresses that both bundled sources put there; numbers chosen for the tests, nothing is known against them."""

Run = Callable[..., subprocess.CompletedProcess[str]]
Once = Callable[[str, Callable[[Path], object]], Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A run that came to its end."""

    operation: Path
    out: Path
    stdout: str
    stderr: str


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """No reference data that a developer imported, no terminal; caches stay where they are."""
    plain = {name: value for name, value in os.environ.items() if name not in {"FORCE_COLOR", "COLUMNS", "NO_COLOR"}}
    nothing = tmp_path_factory.mktemp("reference") / "none"
    return plain | {"ACCORD_REFERENCE": str(nothing), "PYTHONUTF8": "1", "TERM": "xterm-256color"}


@pytest.fixture(scope="session")
def program() -> tuple[str, ...]:
    """What starts the command."""
    return PROGRAM


@pytest.fixture(scope="session")
def started(environment: dict[str, str]) -> Run:
    """Start the command as a person does; the exit code must be the expected one, nobody is ever shown a traceback."""

    def run(
        *words: str | Path, expect: int = 0, env: Mapping[str, str] | None = None, before: Sequence[str] = (), **more
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*before, *PROGRAM, *map(str, words)],
            env=environment | dict(env or {}),
            capture_output=True,
            encoding="utf-8",
            check=False,
            **more,
        )
        return _as_expected(done, expect)

    return run


@pytest.fixture(scope="session")
def forking(environment: dict[str, str]) -> Iterator[Callable[..., dict]]:
    """Ask the forking process (forking.py)."""
    program = [sys.executable, str(Path(__file__).with_name("forking.py"))]
    with subprocess.Popen(
        program, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def asked(
            *words: str | Path, how: str | tuple[str, int] | None = None, env: Mapping[str, str] = NOTHING
        ) -> dict:
            told = {"words": [str(word) for word in words], "how": how, "env": dict(env)}
            process.stdin.write(json.dumps(told) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield asked
    assert process.returncode == 0


@pytest.fixture(scope="session")
def accord(started: Run, forking: Callable[..., dict]) -> Run:
    """As `started`, in a process of its own that is forked from one in which everything is imported.

    What is to be done to the process before it begins (`before`, `preexec_fn`) needs one that is started.
    """

    def run(
        *words: str | Path, expect: int = 0, env: Mapping[str, str] | None = None, **more
    ) -> subprocess.CompletedProcess[str]:
        if more:
            return started(*words, expect=expect, env=env, **more)
        done = forking(*words, env=env or NOTHING)
        return _as_expected(subprocess.CompletedProcess(words, done["code"], done["said"], done["talk"]), expect)

    return run


def _as_expected(done: subprocess.CompletedProcess[str], expect: int) -> subprocess.CompletedProcess[str]:
    assert "Traceback" not in done.stderr
    assert done.returncode == expect, f"{done.returncode}: {done.stderr}\n{done.stdout}"
    return done


@pytest.fixture(scope="session")
def bundled() -> "Reference":
    """The bundled reference data, each part read once for all commands of this process."""
    from accord.reference.store import load

    return load(None)


@pytest.fixture
def accord_here(
    environment: dict[str, str],
    bundled: "Reference",
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """As `accord`, in this process: for the many short questions to which starting a process adds nothing but time."""
    from accord.cli import places
    from accord.cli.main import run as enter
    from accord.cli.operations import running
    from accord.reference.store import load

    monkeypatch.setattr(places, "load", lambda folder: load(folder) if folder else bundled)
    if publishing.HERE:
        monkeypatch.setattr(running, "_publishers", publishing.publishers)

    def run(
        *words: str | Path, expect: int = 0, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["accord", *map(str, words)])
        monkeypatch.setenv("ACCORD_REFERENCE", (environment | dict(env or {}))["ACCORD_REFERENCE"])
        heard = [(each, signal.getsignal(each)) for each in (signal.SIGINT, signal.SIGTERM)]
        with pytest.raises(SystemExit) as ended:
            enter()
        for each, handler in heard:
            signal.signal(each, handler)
        said = capsys.readouterr()
        code = ended.value.code or 0
        assert code == expect, f"{code}: {said.err}\n{said.out}"
        return subprocess.CompletedProcess(args=words, returncode=expect, stdout=said.out, stderr=said.err)

    return run


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the command as a session of its own, so that a signal can reach all of its processes and nobody else's."""
    started: list[subprocess.Popen[str]] = []

    def begin(*words: str | Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*PROGRAM, *map(str, words)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        # the session was made for it, so nobody else is in it; a failed test must not leave anybody who holds a pipe
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="session")
def simulation(started: Run, once: Once) -> Path:
    """The operation file of a small simulation; deliveries and truth.json lie beside it."""
    folder = once("simulated", lambda made: started("simulate", "asean-2017", "--scale", "0.02", "--out", made / "sim"))
    return folder / "sim/operation.toml"


@pytest.fixture(scope="session")
def ran(started: Run, simulation: Path, once: Once) -> Ran:
    """A run of the simulation by two workers; 3: one of its deliveries is cut off on purpose."""

    def make(made: Path) -> None:
        said = started("operation", "run", simulation, "--out", made / "out", "--workers", "2", "--json", expect=3)
        (made / "said.json").write_text(json.dumps([said.stdout, said.stderr]), "utf-8")

    folder = once("ran", make)
    stdout, stderr = json.loads((folder / "said.json").read_text("utf-8"))
    return Ran(operation=simulation, out=folder / "out", stdout=stdout, stderr=stderr)


def dataset(name: str, **changed: object) -> str:
    """A `[[dataset]]` of addresses, one a line, in `<name>.txt`."""
    told: dict[str, object] = {
        "id": name,
        "title": f"Servers called {name}",
        "partner": "vendor",
        "format": "plain",
        "paths": [f"{name}.txt"],
        "collected_at": "2026-10-20",
        "origin": "scan",
        "role": "c2-server",
        "family": "Qbot",
        "marking": "green",
        "grade": "b",
        "retention": "P1Y",
        "legal_basis": "legitimate-interest",
        "personal_data": False,
        "name_partner": True,
    }
    lines = [f"{key} = {_toml(value)}" for key, value in (told | changed).items() if value is not None]
    return "\n[[dataset]]\n" + "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"[{', '.join(map(_toml, value))}]" if isinstance(value, list) else f'"{value}"'


@pytest.fixture(scope="session")
def operation_of() -> Callable[..., Path]:
    """Write an operation by hand: `files` are its deliveries, `datasets` keyword tables, `more` TOML for its end."""

    def write(
        folder: Path,
        files: Mapping[str, str | bytes],
        *datasets: Mapping[str, object],
        countries: Sequence[str] = ("VN",),
        as_of: str = "2026-11-01",
        more: str = "",
    ) -> Path:
        root = folder / "deliveries"
        root.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
        told = datasets or tuple({"name": Path(name).stem} for name in files)
        file = folder / "operation.toml"
        file.write_text(
            'root = "deliveries"\n'
            f'[operation]\nname = "by-hand"\ntitle = "By hand"\nas_of = {as_of}\ncountries = {_toml(list(countries))}\n'
            + PARTIES
            + "".join(dataset(**each) for each in told)
            + more,
            "utf-8",
        )
        return file

    return write


@pytest.fixture(scope="session")
def agreement_on() -> Callable[..., str]:
    """An `[[agreement]]` with the partners, in force from 2014 on without an end, for all purposes and markings."""

    def write(*datasets: str, partners: Sequence[str] = ("vendor",), **changed: object) -> str:
        told: dict[str, object] = {
            "id": "agreed",
            "title": "What was agreed",
            "signed": "2014-01-01",
            "document": "0" * 64,
            "from": "2014-01-01",
            "purposes": [
                *("prevention", "investigation", "victim-notification"),
                *("network-defence", "training", "research"),
            ],
            "in": list(datasets),
        }
        lines = [f"{key} = {_toml(value)}" for key, value in (told | changed).items() if value is not None]
        signed = ", ".join(f'{{ party = "{one}", name = "Somebody" }}' for one in ("hub", *partners))
        lines += [f"signatory = [{signed}]", 'limits = { marking = "red" }']
        return "\n[[agreement]]\n" + "\n".join(lines) + "\n"

    return write


@pytest.fixture(scope="session")
def gate() -> Callable[["Database", datetime], "Gate"]:
    """The gate of a workspace's database, where the clock stands still."""
    from accord.cli.acting import Actor
    from accord.cli.deliveries.entering import Gate

    def of(database: "Database", at: datetime) -> Gate:
        return Gate(
            database=database,
            settings="workspace.toml",
            key=bytes(32),
            purpose=None,
            actor=Actor(person="tests", justification=""),
            clock=lambda: at,
            draw=secrets.token_bytes,
        )

    return of


@pytest.fixture(scope="session")
def servers() -> Mapping[str, tuple[str, ...]]:
    """SERVERS."""
    return SERVERS


@pytest.fixture(scope="session")
def content() -> Callable[[Path], dict[str, bytes]]:
    """All files of a folder with their bytes, but for timings.json, which is said to differ; folders end in `/`."""

    def read(folder: Path) -> dict[str, bytes]:
        found = {}
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_dir():
                found[name + "/"] = b""
            elif name != "timings.json":
                found[name] = path.read_bytes()
        return found

    return read
