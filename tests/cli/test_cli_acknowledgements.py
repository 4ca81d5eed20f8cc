"""Recalls that partners' own systems hear of and answer by HTTP, as strictly as the hub's staff takes answers in."""

import io
import json
import ssl
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID

import pytest

from accord.cli.hub import opened_hub
from accord.cli.services.opened import Opened
from accord.cli.services.partners import Partners
from accord.exchange.partners.server import Answer, Question
from accord.release.notices import read_notice
from accord.release.package.keys import RECEIPTS, make_keys
from tests.cli.rights import NEIGHBOUR, SIGNS, VICTIM, disclosed, entries, finding_id, made_hub, said, sha256, sinkhole
from tests.cli.test_cli_serve import Served, end, serve
from tests.simulators.mail_server import make_keys as make_certificates

__all__ = ["serve"]

OPEN = "/acknowledgements"


@pytest.fixture
def hub(accord_here, tmp_path: Path, database_url: str) -> Path:
    """Two packages to the CSIRT and one to the police rest on what was delivered."""
    hub = made_hub(accord_here, tmp_path, database_url)
    file = sinkhole(tmp_path / "2026-10-01-event4_sinkhole-a.csv", [VICTIM, NEIGHBOUR])
    accord_here("delivery", "add", "sinkhole", file, "--snapshot", "--in", hub)
    with opened_hub(hub) as opened:
        ids = [finding_id(opened, "ipv4", one, "infected-system") for one in (VICTIM, NEIGHBOUR)]
        disclosed(opened, 1, "csirt-th", "TH", [(one, "sinkhole", sha256(file)) for one in ids])
        disclosed(opened, 2, "police", "VN", [(ids[1], "sinkhole", sha256(file))])
        disclosed(opened, 3, "csirt-th", "TH", [(ids[1], "sinkhole", sha256(file))])
    return hub


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """The CSIRT's."""
    keys = tmp_path / "keys"
    make_keys(keys, "csirt-th.example", draw=lambda size: b"\x01" * size)
    (keys / RECEIPTS).write_text(SIGNS.export() + "\n")
    return keys


Ask = Callable[..., Answer]


@pytest.fixture
def asking(accord_here, hub: Path) -> Iterator[Callable[..., Ask]]:
    """Ask the hub's desk as a client with a token does."""
    asked: list[Opened] = []

    def begin(partner: str, scope: str = "report", secret: str | None = None) -> Ask:
        words = ("token", "make", partner, "--name", "SIEM", "--scope", scope, "--json", "--in", hub)
        secret = secret or said(accord_here(*words))["token"]
        asked.append(Opened(hub))
        desk = Partners(asked[-1])

        def ask(method: str, path: str, body: bytes = b"", query: str = "") -> Answer:
            headers = {"authorization": f"Bearer {secret}"}
            return desk(Question(method=method, path=path, query=query.encode(), headers=headers, body=body))

        return ask

    yield begin
    for one in asked:
        one.close()


def recalled(accord_here, hub: Path, *words: str) -> dict:
    recall = (
        "recall",
        "make",
        "--dataset",
        "sinkhole",
        "--all",
        "--kind",
        "withdrawn",
        "--why",
        "The clock was wrong.",
    )
    return said(accord_here(*recall, *words, "--json", "--in", hub))


def waiting(ask: Ask, query: str = "") -> list[dict]:
    told = ask("GET", OPEN, query=query)
    assert told.status == 200, told.body
    return json.loads(told.body)["notices"]


def signed(accord_here, notice: Path, keys: Path, out: Path, *words: str) -> bytes:
    words = words or ("--done", "--note", "Gone.")
    accord_here("package", "acknowledge", notice, "--keys", keys, *words, "--out", out)
    return out.read_bytes()


def test_a_partner_s_system_hears_of_its_own_recalls_fetches_them_and_answers_each(
    accord_here, hub: Path, keys: Path, asking: Callable[..., Ask], tmp_path: Path
) -> None:
    csirt, police = asking("csirt-th"), asking("police")
    assert waiting(csirt) == []
    told = recalled(accord_here, hub)
    first, second = waiting(csirt)
    assert [one["package"] for one in (first, second)] == [str(UUID(int=1)), str(UUID(int=3))]
    assert (first["recall"], first["kind"], first["reason"], first["findings"], first["overdue"]) == (
        told["recall"], "withdrawn", "The clock was wrong.", 2, False,
    )  # fmt: skip
    assert first["due"] == told["due"][:19] + "Z"
    # a page at a time, by name
    assert json.loads(csirt("GET", OPEN, query="limit=1").body) == {"notices": [first], "more": True}
    assert waiting(csirt, f"after={first['name']}") == [second]
    # what was fetched is the notice's folder, as the hub keeps it
    packed = csirt("GET", f"{OPEN}/{first['name']}")
    assert (packed.status, packed.media_type) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(packed.body)) as archive:
        archive.extractall(tmp_path / "fetched")
    (folder,) = (tmp_path / "fetched").iterdir()
    kept = hub / "releases" / first["package"] / f"recall-{told['recall']}"
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert files == {path.name: path.read_bytes() for path in kept.iterdir()}
    assert files.keys() == {"notice", "findings", "entry", "openings", "entry.tlog-proof"}
    with opened_hub(hub) as opened:
        assert read_notice(files["notice"], opened.ledger.key.verifier).recipient == "csirt-th"
    # nobody else has it
    assert police("GET", f"{OPEN}/{first['name']}").status == 404
    answer = signed(accord_here, folder, keys, tmp_path / "answer")
    assert police("POST", OPEN, answer).status == 404
    assert entries(hub, "acknowledgement") == []
    done = csirt("POST", OPEN, answer)
    assert done.status == 200, done.body
    assert json.loads(done.body) == {
        "recall": told["recall"], "package": first["package"], "answer": "done", "new": True,
    }  # fmt: skip
    # the same again, and the same by the hub's staff, changes nothing
    assert json.loads(csirt("POST", OPEN, answer).body)["new"] is False
    assert said(accord_here("recall", "acknowledge", tmp_path / "answer", "--json", "--in", hub))["new"] is False
    (entry,) = entries(hub, "acknowledgement")
    assert (entry["digest"], entry["partner"], entry["refers"]) == (
        sha256(tmp_path / "answer"), "csirt-th", str(first["entry"]),
    )  # fmt: skip
    assert waiting(csirt) == [second]
    accord_here("ledger", "verify", "--in", hub)


def test_only_what_the_partner_itself_has_signed_to_this_notice_is_taken(
    accord_here, hub: Path, keys: Path, asking: Callable[..., Ask], tmp_path: Path
) -> None:
    csirt, police = asking("csirt-th"), asking("police")
    told = recalled(accord_here, hub)
    place = {
        one["recipient"]: hub / "releases" / one["package"] / f"recall-{told['recall']}" for one in told["notices"]
    }
    answer = signed(accord_here, place["csirt-th"], keys, tmp_path / "answer")
    other = tmp_path / "other"
    make_keys(other, "csirt-th.example", draw=lambda size: b"\x02" * size)
    foreign = signed(accord_here, place["csirt-th"], other, tmp_path / "foreign")
    for body in (b"", b"done", b"\xff" * 100, answer[:-20], answer.replace(b"Gone", b"Went"), foreign, answer * 1000):
        refused = csirt("POST", OPEN, body)
        assert (refused.status, refused.media_type) == (422, "application/problem+json"), body[:80]
    # answers that are signed by nobody whom the hub knows
    keyless = police("POST", OPEN, signed(accord_here, place["police"], keys, tmp_path / "police"))
    assert (keyless.status, "knows no key" in json.loads(keyless.body)["detail"]) == (403, True)
    # to what there is not
    unknown = (tmp_path / "answer").read_text().replace(told["recall"], str(UUID(int=9)))
    assert csirt("POST", OPEN, unknown.encode()).status == 404
    assert [asking("csirt-th", "write")(method, OPEN, answer).status for method in ("GET", "POST")] == [403, 403]
    assert csirt("PUT", OPEN, answer).status == 405
    assert csirt("GET", f"{OPEN}/x").status == 404
    assert csirt("GET", OPEN, query="limit=x").status == 400
    assert entries(hub, "acknowledgement") == []
    # who refused may still do it, and who has done it does not refuse
    refuses = signed(accord_here, place["csirt-th"], keys, tmp_path / "refuses", "--refused", "--note", "Not yet.")
    assert [json.loads(csirt("POST", OPEN, one).body)["new"] for one in (refuses, answer, refuses)] == [
        True, True, False,
    ]  # fmt: skip
    assert len(entries(hub, "acknowledgement")) == 2


def test_a_partner_answers_with_a_line_of_its_own_command(
    accord_here, hub: Path, keys: Path, serve: Callable[..., Served], tmp_path: Path
) -> None:
    recalled(accord_here, hub)
    secret = tmp_path / "secret"
    words = ("token", "make", "csirt-th", "--name", "SIEM", "--scope", "report", "--json", "--in", hub)
    secret.write_text(said(accord_here(*words))["token"])
    served = serve(hub)
    there = ("--at", f"http://127.0.0.1:{served.port}", "--token-file", secret)
    out = tmp_path / "recalls"
    shown = accord_here("package", "notices", *there, "--out", out).stdout
    assert shown.count("The clock was wrong.") == 2
    first, second = sorted(out.iterdir())
    policy = ("--policy", hub / "ledger/policy")
    answer = ("--keys", keys, "--done", "--note", "Gone.")
    # it is proven to stand in the ledger before it is answered
    done = accord_here("package", "acknowledge", first, *answer, *policy, *there).stdout
    assert "and the hub has it." in done
    assert (
        "and the hub has it: it had it before." in accord_here("package", "acknowledge", first, *answer, *there).stdout
    )
    assert "where the answer goes" in accord_here("package", "acknowledge", second, *answer, expect=2).stderr
    accord_here("package", "acknowledge", second, *answer, *there, "--out", tmp_path / "kept")
    assert (tmp_path / "kept").exists()
    assert "You have answered every notice." in accord_here("package", "notices", *there).stdout
    (recall,) = said(accord_here("recall", "list", "--json", "--in", hub))
    assert [(one["recipient"], one["answer"], one["by_hand"]) for one in recall["notices"]] == [
        ("csirt-th", "done", False), ("police", None, False), ("csirt-th", "done", False),
    ]  # fmt: skip
    other = tmp_path / "other"
    make_keys(other, "csirt-th.example", draw=lambda size: b"\x02" * size)
    foreign = ("--keys", other, "--done", "--note", "Gone.")
    refused = accord_here("package", "acknowledge", first, *foreign, *there, expect=4).stderr
    assert "status 422: It is not signed with the key that the hub knows as yours" in refused
    secret.write_text("accord1_" + "A" * 43)
    assert "status 401" in accord_here("package", "notices", *there, expect=4).stderr
    assert end(served) == 0


@contextmanager
def encrypted(keys: Path) -> Iterator[str]:
    """A hub that has nothing to tell, at this URL, whose certificate a CA of its own vouches for."""

    class Empty(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"notices":[],"deliveries":[],"more":false}')

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(keys / "server.pem", keys / "server.key")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Empty)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    # a client that does not trust it hangs up
    server.handle_error = lambda *_: None
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"https://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_a_hub_that_a_private_ca_vouches_for_is_asked_by_whoever_names_that_ca(accord_here, tmp_path: Path) -> None:
    make_certificates(tmp_path)
    token = tmp_path / "token"
    token.write_text("accord1_" + "A" * 43)
    trusted = ("--ca-file", tmp_path / "ca.pem")
    with encrypted(tmp_path) as url:
        there = ("--at", url, "--token-file", token)
        for words, told in (
            (("package", "notices"), "You have answered every notice."),
            (("delivery", "list", "--mine"), "The hub has no delivery of yours."),
        ):
            assert "CERTIFICATE_VERIFY_FAILED" in accord_here(*words, *there, expect=4).stderr
            assert told in accord_here(*words, *there, *trusted).stdout
        answer = ("package", "acknowledge", tmp_path, "--keys", tmp_path, "--done", "--note", "Gone.")
        assert f"where: {token}" in accord_here(*answer, *there, "--ca-file", token, expect=2).stderr
