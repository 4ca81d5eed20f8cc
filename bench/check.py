"""The public check's service: answers a second over millions of victims, beside nginx, and while data is swapped.

wrk asks as a proxy would, for addresses drawn by chance of which every other was seen; nginx answers a plain file of an
answer's size on the same core. Server and asker have a core each.
"""

import argparse
import http.client
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from check_stand import HOST, Served, cpu_s, draw_crowd, free_port, on_core, served, write_data
from measuring import Figures, Outcome, Target, say, tree

from accord.check.writing import show_version

VICTIMS, SECONDS = 10_000_000, 10
CONNECTIONS, RATE = 32, 5_000
SWAP_S = 2.0

ASK = """
local addresses = {}
for line in io.lines("%(addresses)s") do addresses[#addresses + 1] = line end
local pause = %(pause)s
local headers = {["Host"] = "%(host)s", ["Origin"] = "https://%(host)s", ["Sec-Fetch-Site"] = "same-origin",
  ["Accept"] = "text/html,application/xhtml+xml,*/*;q=0.8", ["Accept-Language"] = "en", ["Content-Length"] = "0"}
local at = math.random(#addresses)
function request()
  at = at %% #addresses + 1
  headers["X-Forwarded-For"] = addresses[at]
  return wrk.format("POST", "/en", headers)
end
if pause > 0 then
  function delay() return math.random() * 2 * pause end
end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('\\n{"answers": %%d, "us": %%d, "errors": %%d, "p99_us": %%d}\\n', summary.requests,
    summary.duration, e.connect + e.read + e.write + e.status + e.timeout, latency:percentile(99)))
end
"""

NGINX = """
worker_processes 1; pid %(folder)s/nginx.pid; error_log %(folder)s/nginx.log; daemon on;
events { worker_connections 1024; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; open_file_cache max=10;
  default_type text/html; client_body_temp_path %(folder)s; proxy_temp_path %(folder)s;
  fastcgi_temp_path %(folder)s; uwsgi_temp_path %(folder)s; scgi_temp_path %(folder)s;
  server { listen 127.0.0.1:%(port)d; root %(folder)s/plain; }
}
"""


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--victims", type=int, default=VICTIMS, help=f"addresses; by default {VICTIMS:,}")
    parser.add_argument("--seconds", type=int, default=SECONDS, help=f"of each measurement; by default {SECONDS}")


def run(chosen: argparse.Namespace, rounds: int) -> Iterator[Outcome]:
    victims, seconds = (100_000, 2) if chosen.small else (chosen.victims, chosen.seconds)
    if shutil.which("wrk") is None:
        say("check: nothing is measured: wrk, which asks, is not installed (apt-get install wrk)")
        return
    outcome = Outcome(
        name="check",
        title=f"the public check over {victims:,} victims",
        options={"victims": victims, "seconds": seconds, "connections": CONNECTIONS},
        targets={
            "answers_a_second": Target(limit=20_000, least=True),
            "of_nginx_a_cpu_second": Target(limit=0.2, least=True),
            "errors": Target(limit=0),
            "paced_answers_a_second": Target(limit=RATE, least=True),
            "p99_ms_at_5000": Target(limit=10),
            "held_mb_beside_data": Target(limit=100),
            "swaps": Target(limit=2, least=True),
            "errors_while_swapped": Target(limit=0),
            "p99_ms_while_swapped": Target(limit=10),
        },
    )
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        say(f"writing two versions about {victims:,} victims")
        crowd = draw_crowd(victims)
        names = write_data(folder / "data", crowd, 2)
        seen, others = crowd.few(20_000, 1)
        mixed = [address for pair in zip(seen, others, strict=True) for address in pair]
        (folder / "addresses").write_text("\n".join(mixed) + "\n")
        del crowd
        for _ in range(rounds):
            with served(folder) as service:
                outcome.facts |= _compare(service, seen[:50], others[:50])
                figures = _measure(service, folder, seconds, names)
                outcome.add(figures | _beside(folder, seconds, figures, outcome))
    yield outcome


def _compare(service: Served, seen: list[str], others: list[str]) -> dict[str, object]:
    """That what is measured is right: who was seen is told so, and nobody else."""
    sizes = set()
    for those, told in ((seen, True), (others, False)):
        for address in those:
            status, body = _ask(service, address)
            if status != http.HTTPStatus.OK or (b'<h1 class="seen">' in body) != told:
                raise SystemExit(f"a wrong answer ({status}): it should have been {'seen' if told else 'not seen'}")
            sizes.add(len(body))
    (size,) = sizes
    (service.folder / "plain").mkdir(exist_ok=True)
    (service.folder / "plain/answer.html").write_bytes(body)
    return {"bytes of every answer": size}


def _ask(service: Served, address: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    connection.request("POST", "/en", headers={"Host": HOST, "X-Forwarded-For": address})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def _measure(service: Served, folder: Path, seconds: int, names: list[str]) -> Figures:
    _wrk(folder, service.port, 1, pause_ms=0)
    before = service.cpu_s()
    full = _wrk(folder, service.port, seconds, pause_ms=0)
    spent = service.cpu_s() - before
    held = service.held_mb()
    # many connections that rest between two questions: those a second come about
    paced = _wrk(folder, service.port, seconds, pause_ms=1000 * 128 / RATE - 0.6, connections=128)
    swaps = _while_swapped(service, folder, seconds, names)
    return {
        "answers_a_second": full["answers"] / full["us"] * 1e6,
        "answers_a_cpu_second": full["answers"] / spent,
        "errors": full["errors"] + paced["errors"],
        "paced_answers_a_second": paced["answers"] / paced["us"] * 1e6,
        "p99_ms_at_5000": paced["p99_us"] / 1000,
        "held_mb_beside_data": max(held, service.held_mb()),
        **swaps,
    }


def _while_swapped(service: Served, folder: Path, seconds: int, names: list[str]) -> Figures:
    before = sum("swapped" in line for line in service.said)
    asked = _begin(folder, service.port, max(seconds, 6), pause_ms=1000 * 128 / RATE - 0.6, connections=128)
    place = 0
    while asked.poll() is None:
        show_version(folder / "data", names[place % len(names)])
        place += 1
        time.sleep(SWAP_S)
    told = _told(asked)
    swapped = sum("swapped" in line for line in service.said) - before
    return {"swaps": swapped, "errors_while_swapped": told["errors"], "p99_ms_while_swapped": told["p99_us"] / 1000}


def _beside(folder: Path, seconds: int, figures: Figures, outcome: Outcome) -> Figures:
    if shutil.which("nginx") is None:
        outcome.facts["nginx"] = "is not installed (apt-get install nginx-light): nothing is measured beside"
        return {}
    port = free_port()
    (folder / "nginx.conf").write_text(NGINX % {"folder": folder, "port": port})
    folder.chmod(0o755)
    command = ["nginx", "-c", str(folder / "nginx.conf"), "-e", str(folder / "nginx.log")]
    subprocess.run([*on_core(0), *command], check=True)
    try:
        _await(port)
        processes = tree(int((folder / "nginx.pid").read_text()))
        plain = ["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds}s"]
        script = folder / "plain.lua"
        script.write_text(ASK[ASK.index("function done") :].replace("%%", "%"))
        before = sum(map(cpu_s, processes))
        asked = subprocess.Popen(
            [*on_core(1), *plain, "--script", str(script), f"http://127.0.0.1:{port}/answer.html"],
            stdout=subprocess.PIPE,
            text=True,
        )
        told = _told(asked)
        spent = sum(map(cpu_s, processes)) - before
    finally:
        subprocess.run([*command, "-s", "stop"], check=True)
    rate = told["answers"] / spent
    return {"nginx_a_cpu_second": rate, "of_nginx_a_cpu_second": figures["answers_a_cpu_second"] / rate}


def _await(port: int) -> None:
    """Wait until a plain answer comes, whole."""
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/answer.html", timeout=10) as answer:
                answer.read()
                return
        except urllib.error.URLError:
            time.sleep(0.05)
    raise SystemExit("nginx does not answer")


def _wrk(folder: Path, port: int, seconds: int, *, pause_ms: float, connections: int = CONNECTIONS) -> dict[str, int]:
    return _told(_begin(folder, port, seconds, pause_ms=pause_ms, connections=connections))


def _begin(folder: Path, port: int, seconds: int, *, pause_ms: float, connections: int) -> subprocess.Popen[str]:
    script = folder / "ask.lua"
    script.write_text(ASK % {"addresses": folder / "addresses", "pause": pause_ms, "host": HOST})
    words = [
        "wrk",
        "--threads",
        "1",
        "--connections",
        str(connections),
        "--duration",
        f"{seconds}s",
        "--script",
        script,
    ]
    return subprocess.Popen(
        [*on_core(1), *words, f"http://127.0.0.1:{port}/en"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"LC_ALL": "C"},
    )


def _told(asked: subprocess.Popen[str]) -> dict[str, int]:
    said, _ = asked.communicate()
    if asked.returncode:
        raise SystemExit(f"wrk ended with {asked.returncode}: {said}")
    return json.loads(said.strip().splitlines()[-1])
