"""OpenTAXII and medallion as their documentation runs them: servers of their own, with an empty collection.

OpenTAXII is run by gunicorn with one worker, on the kind of database that Accord has beside it; its collection is
public, so that it checks no password. medallion is run by its own command, with the backend that keeps all in memory.
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path
from uuid import uuid4

import places
import taxii_objects
from beside import install
from measuring import ROOT
from taxii_asking import MEDIA_TYPE, Client
from taxii_hub import free_port

LOCK = ROOT / "requirements" / "taxii.txt"
VENV = ROOT / ".venv-taxii"
PATIENCE_S = 30

FINE: Mapping[str, frozenset[int]] = {
    # 0.9.3 keeps what is added, and then cannot write the id of its status as JSON
    "opentaxii": frozenset({HTTPStatus.ACCEPTED, HTTPStatus.INTERNAL_SERVER_ERROR}),
    "medallion": frozenset({HTTPStatus.ACCEPTED}),
}
"""How each answers an add that is there afterwards."""

OPENTAXII = """
---
domain: "127.0.0.1:{port}"
auth_api:
  class: opentaxii.auth.sqldb.SQLDatabaseAPI
  parameters:
    db_connection: sqlite:///{folder}/accounts.db
    create_tables: yes
    secret: of-no-use
taxii1:
taxii2:
  title: "Beside"
  contact: "desk@hub.example"
  description: "Beside"
  max_content_length: 9765625
  public_discovery: true
  allow_custom_properties: true
  persistence_api:
    class: opentaxii.persistence.sqldb.Taxii2SQLDatabaseAPI
    parameters:
      db_connection: {database}
      create_tables: yes
logging:
  opentaxii: error
  root: error
"""


def installed() -> str | None:
    """Install both, unless they are there; what went wrong."""
    return install("OpenTAXII and medallion", VENV, LOCK)


@contextmanager
def opentaxii(kind: str, folder: Path) -> Iterator[Client]:
    """OpenTAXII with an empty collection."""
    folder.mkdir()
    port = free_port()
    with ExitStack() as stack:
        database = f"sqlite:///{folder}/objects.db"
        if kind == "postgresql":
            database = stack.enter_context(places.schema()).replace("postgresql:", "postgresql+psycopg2:", 1)
        (folder / "settings.yml").write_text(OPENTAXII.format(port=port, folder=folder, database=database))
        env = {**os.environ, "OPENTAXII_CONFIG": str(folder / "settings.yml"), "HOME": str(folder)}
        _run(env, "opentaxii-add-api-root", "--title", "Beside", "--default")
        root = _id(_run(env, "opentaxii-add-collection", "--help"))
        _run(env, "opentaxii-add-collection", "-r", root, "-t", "Indicators", "--public", "--public-write")
        collection = _id(_collections(env))
        command = ["gunicorn", "opentaxii.http:app", "--workers", "1", "--timeout", "600"]
        command += ["--config", "python:opentaxii.http", "--bind", f"127.0.0.1:{port}"]
        with _running(env, *command, folder=folder):
            client = Client(port, f"/taxii2/{root}/collections/{collection}/", {})
            yield _ready(client, lambda: client.find("limit=1"))


@contextmanager
def medallion(_kind: str, folder: Path, held: int = 0) -> Iterator[Client]:
    """medallion with a collection that has so many objects, by the file that it reads when it begins."""
    folder.mkdir()
    port, collection = free_port(), str(uuid4())
    root = {
        "information": {"title": "Beside", "versions": [MEDIA_TYPE], "max_content_length": 9765625},
        "status": [],
        "collections": [
            {
                "id": collection,
                "title": "Indicators",
                "can_read": True,
                "can_write": True,
                "media_types": ["application/stix+json;version=2.1"],
                "objects": [json.loads(taxii_objects.indicator(number)) for number in range(held)],
                "manifest": [_entry(number) for number in range(held)],
            }
        ],
    }
    (folder / "data.json").write_text(json.dumps({"/discovery": {"title": "Beside"}, "beside": root}))
    backend = {
        "module": "medallion.backends.memory_backend",
        "module_class": "MemoryBackend",
        "filename": str(folder / "data.json"),
    }
    settings = {"users": {"user": "secret"}, "taxii": {"max_page_size": 1000}, "backend": backend}
    (folder / "settings.json").write_text(json.dumps(settings))
    with _running({**os.environ}, "medallion", "--port", str(port), str(folder / "settings.json"), folder=folder):
        # user:secret
        client = Client(port, f"/beside/collections/{collection}/", {"authorization": "Basic dXNlcjpzZWNyZXQ="})
        yield _ready(client, client.look)


def _entry(number: int) -> dict[str, str]:
    """A line of a manifest (TAXII 2.1, 5.3)."""
    return {
        "id": taxii_objects.identifier(number),
        "date_added": "2026-11-01T00:00:00.000000Z",
        "version": "2026-11-01T00:00:00.000Z",
        "media_type": "application/stix+json;version=2.1",
    }


def _run(env: Mapping[str, str], command: str, *words: str) -> str:
    done = subprocess.run([str(VENV / "bin" / command), *words], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def _collections(env: Mapping[str, str]) -> str:
    # no command lists them
    asked = (
        "from opentaxii.cli import app; from opentaxii.persistence.sqldb.taxii2models import Collection\n"
        "with app.app_context():\n"
        "    print(app.taxii_server.servers.taxii2.persistence.api.db.session.query(Collection).one().id)"
    )
    return _run(env, "python", "-W", "ignore", "-c", asked)


def _id(text: str) -> str:
    return re.search(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", text)[0]


@contextmanager
def _running(env: Mapping[str, str], command: str, *words: str, folder: Path) -> Iterator[None]:
    with (folder / "said.txt").open("w") as said:
        process = subprocess.Popen([str(VENV / "bin" / command), *words], env=env, stdout=said, stderr=said)
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def _ready(client: Client, looks: Callable[[], object]) -> Client:
    """A client, once the server answers."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            looks()
        except OSError:
            client.close()
            if time.monotonic() > until:
                raise SystemExit("a server that is measured beside does not answer") from None
            time.sleep(0.1)
        else:
            return client
