"""Partners' own systems: a pull beside the bare transfer, and a resumable upload beside a plain PUT.

`accord delivery pull` takes a collection that another process serves from memory: a delivery for every 16 MiB, with
custody, evidence, entries and checkpoints. Beside it a process fetches the same pages and reads each as JSON. An upload
goes to a real `accord serve` in pieces of 1 MiB, each on the disk before it is answered; the plain PUT to a server that
has the whole of it on the disk before it answers.
"""

import argparse
import base64
import hashlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import places
import taxii_hub
from measuring import ROOT, Figures, Outcome, accord, measure
from partners_stand import COLLECTION
from taxii_asking import cpu_s
from taxii_hub import Hub

OBJECTS, SMALL_OBJECTS = 100_000, 2_000
BYTES, SMALL_BYTES = 100 << 20, 4 << 20
PIECE = 1 << 20

PEER = """
[[peer]]
id = "beside"
partner = "vendor"
dataset = "indicators"
collection = "http://127.0.0.1:{port}{path}/"
"""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--objects", type=int, metavar="N", help=f"pulled; by default {OBJECTS:,}")


def run(chosen: argparse.Namespace, rounds: int) -> Iterator[Outcome]:
    objects = chosen.objects or (SMALL_OBJECTS if chosen.small else OBJECTS)
    size = SMALL_BYTES if chosen.small else BYTES
    for kind in places.kinds():
        outcome = Outcome(
            name=f"partners-{kind}",
            title=f"{objects:,} objects pulled, and {size >> 20} MiB uploaded, on {kind}",
            options={"objects": objects, "bytes": size, "piece": PIECE},
            targets={},
        )
        for number in range(rounds):
            with (
                tempfile.TemporaryDirectory(prefix="accord-bench-") as made,
                _stand(objects, Path(made)) as stand,
                taxii_hub.made(kind, Path(made) / f"hub-{number}") as hub,
            ):
                outcome.add(_pull(hub, stand, objects) | _upload(hub, stand, size))
        yield outcome


@contextmanager
def _stand(objects: int, folder: Path) -> Iterator[tuple[int, int]]:
    """The process to be measured beside: its id and port."""
    command = [sys.executable, str(ROOT / "bench" / "partners_stand.py"), str(objects), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None or not (port := process.stdout.readline()):
                raise SystemExit("what is measured beside did not begin")
            yield process.pid, int(port)
        finally:
            process.kill()


def _pull(hub: Hub, stand: tuple[int, int], objects: int) -> Figures:
    with (hub.folder / "workspace.toml").open("a") as settings:
        settings.write(PEER.format(port=stand[1], path=COLLECTION))
    plain = measure([sys.executable, str(ROOT / "bench" / "partners_plain.py"), str(stand[1])])
    pull = measure(accord("delivery", "pull", "beside", "--json", "--in", hub.folder))
    taken = sum(one["accepted"] for one in json.loads(pull.stdout)["deliveries"])
    if {taken, int(plain.stdout)} != {objects}:
        raise SystemExit(f"{taken} objects were taken in and {plain.stdout.strip()} fetched, not {objects}")
    return {
        **pull.figures("pull"),
        **plain.figures("fetched"),
        "times_pull_wall": pull.wall_s / plain.wall_s,
        "times_pull_cpu": pull.cpu_s / plain.cpu_s,
    }


def _upload(hub: Hub, stand: tuple[int, int], size: int) -> Figures:
    data = os.urandom(size)
    plain = http.client.HTTPConnection("127.0.0.1", stand[1], timeout=600)
    begun, cpu = time.perf_counter(), cpu_s([stand[0]])
    plain.request("PUT", "/file", data)
    _demand(plain.getresponse(), HTTPStatus.NO_CONTENT)
    put_s, put_cpu_s = time.perf_counter() - begun, cpu_s([stand[0]]) - cpu
    secret = hub.token("vendor", "write")
    with taxii_hub.served(hub) as server:
        client = server.client("dataset:indicators", secret)
        wire = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
        headers = {"authorization": f"Bearer {secret}", "tus-resumable": "1.0.0"}
        said = {"dataset": "indicators", "filename": "a.json", "sha256": hashlib.sha256(data).hexdigest()}
        told = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in said.items())
        begun, cpu = time.perf_counter(), server.answering_cpu_s()
        wire.request("POST", "/deliveries", b"", {**headers, "upload-length": str(size), "upload-metadata": told})
        place = _demand(wire.getresponse(), HTTPStatus.CREATED)
        more = {"content-type": "application/offset+octet-stream"}
        for at in range(0, size, PIECE):
            wire.request("PATCH", place, data[at : at + PIECE], {**headers, **more, "upload-offset": str(at)})
            _demand(wire.getresponse(), HTTPStatus.NO_CONTENT)
        upload_s, upload_cpu_s = time.perf_counter() - begun, server.answering_cpu_s() - cpu
        client.close()
    return {
        "upload_s": upload_s,
        "upload_cpu_s": upload_cpu_s,
        "put_s": put_s,
        "put_cpu_s": put_cpu_s,
        "times_upload_wall": upload_s / put_s,
    }


def _demand(answer: http.client.HTTPResponse, status: HTTPStatus) -> str:
    """Where it is said to be. Raises SystemExit for another status."""
    body = answer.read()
    if answer.status != status:
        raise SystemExit(f"{answer.status} instead of {status.value}: {body[:300].decode(errors='replace')}")
    return answer.headers.get("location", "")
