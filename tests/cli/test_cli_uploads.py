"""Files that partners upload over HTTP, piece by piece, whoever is cut off: deliveries, and what became of them."""

import base64
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from tusclient.client import TusClient

from accord.access.clients import Client
from accord.access.tokens import Scope
from accord.cli.register.registering import opened
from accord.cli.services import partners
from accord.cli.services.opened import Opened
from accord.cli.services.partners import PartnerDesk, Partners
from accord.exchange.partners.server import Answer, Question
from accord.web.entrance import Entrance
from accord.web.settings import Serving
from accord.workspace.jobs import JobKind, JobState
from accord.workspace.schema import ACTIONS, JOBS
from accord.workspace.store import open_workspace
from tests.cli.released import SIGHTINGS
from tests.cli.test_cli_serve import Served, end, serve
from tests.cli.test_cli_taxii_adds import Hub, hub, indicators, token

__all__ = ["hub", "serve"]

KILLS = 20 if os.environ.get("CI") else 4

FILE = SIGHTINGS.replace("2026-10-01 11:15", "2026-10-04 11:15").encode()
CONTENT = "application/offset+octet-stream"


ASKED: list[Opened] = []
"""Those that a test has opened."""


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while ASKED:
        ASKED.pop().close()


def metadata(dataset: str, name: str, data: bytes) -> str:
    told = {"dataset": dataset, "filename": name, "sha256": hashlib.sha256(data).hexdigest()}
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in told.items())


def asking(hub: Hub, secret: str | None) -> Callable[..., Answer]:
    """Ask the hub's desk as a client with a token does."""
    shared = Opened(hub.folder)
    desk = Partners(shared)
    ASKED.append(shared)

    def ask(method: str, path: str, body: bytes = b"", query: str = "", **headers: str | None) -> Answer:
        said = {"authorization": None if secret is None else f"Bearer {secret}", "tus-resumable": "1.0.0", **headers}
        named = {name.replace("_", "-"): value for name, value in said.items() if value is not None}
        return desk(Question(method=method, path=path, query=query.encode(), headers=named, body=body))

    return ask


def begun(
    ask: Callable[..., Answer], data: bytes, dataset: str = "sinkhole", name: str = "late-event4_sinkhole-th.csv"
) -> str:
    """The place of an upload that was begun."""
    told = ask("POST", "/deliveries", upload_length=str(len(data)), upload_metadata=metadata(dataset, name, data))
    assert told.status == 201, told.body
    return told.headers["location"]


def sent(ask: Callable[..., Answer], place: str, offset: int, piece: bytes, **headers: str) -> Answer:
    return ask("PATCH", place, piece, upload_offset=str(offset), content_type=CONTENT, **headers)


def left(hub: Hub) -> list[Path]:
    place = hub.folder / "uploads"
    return list(place.iterdir()) if place.exists() else []


def named(data: bytes, dataset: str = "sinkhole") -> str:
    return f"{dataset}.{hashlib.sha256(data).hexdigest()}"


def test_a_partner_has_a_receipt_of_its_own_delivery_that_it_checks_alone_and_nobody_has_another_s(
    hub: Hub, accord_here, tmp_path: Path
) -> None:
    vendor, csirt = (asking(hub, token(hub, one, "write")) for one in ("vendor", "csirt-th"))
    about = f"/deliveries/{named(SIGHTINGS.encode())}"
    told = vendor("GET", f"{about}/receipt")
    assert (told.status, told.media_type) == (200, "text/plain; charset=utf-8")
    receipt, policy = tmp_path / "receipt", tmp_path / "policy"
    receipt.write_bytes(told.body)
    shutil.copy(hub.folder / "ledger/policy", policy)
    checked = accord_here("ledger", "check", "--proof", receipt, "--policy", policy, "--json").stdout
    (proof,) = json.loads(checked)["proofs"]
    fields = proof["fields"]
    assert fields.pop("at")[:4].isdigit()
    assert fields.pop("dataset").startswith("data set ")
    assert fields == {
        "kind": "delivery", "partner": "vendor", "digest": hashlib.sha256(SIGHTINGS.encode()).hexdigest(),
        "count": "3", "agreement": "vendor-2026", "purpose": "victim-notification",
    }  # fmt: skip
    assert proof["entry"] in json.loads(vendor("GET", about).body)["entries"]
    assert csirt("GET", f"{about}/receipt").status == 404
    assert vendor("GET", f"/deliveries/sinkhole.{'0' * 64}/receipt").status == 404
    assert vendor("POST", f"{about}/receipt").status == 405
    out = tmp_path / "at-the-hub"
    accord_here(
        "delivery", "receipt", hashlib.sha256(SIGHTINGS.encode()).hexdigest()[:8], "--in", hub.folder, "--out", out
    )
    assert out.read_bytes() == told.body
    again = tmp_path / "again"
    accord_here("delivery", "receipt", named(SIGHTINGS.encode()), "--in", hub.folder, "--out", again)
    assert again.read_bytes() == told.body


def test_the_list_for_a_vendor_has_what_it_counts_itself_and_its_own_title(
    hub: Hub, accord_here, tmp_path: Path
) -> None:
    file = tmp_path / "late-event4_sinkhole-th.csv"
    file.write_bytes(FILE + b"a row that is none\n")
    accord_here("delivery", "add", "sinkhole", file, "--in", hub.folder)
    ours, theirs = tmp_path / "hub.csv", tmp_path / "vendor.csv"
    ours.write_text(accord_here("ledger", "list", "--in", hub.folder, "--partner", "vendor", "--csv").stdout, "utf-8")
    digests = [hashlib.sha256(one).hexdigest() for one in (SIGHTINGS.encode(), file.read_bytes())]
    # 3 rows under the headings, and the one that is none; the ledger has 3 of each
    rows = zip(digests, (4, 5), strict=True)
    lines = [f"vendor,delivery,{digest},The vendor's own sinkhole,{count}" for digest, count in rows]
    theirs.write_text("\n".join(["partner,kind,digest,dataset,count", *lines, ""]), "utf-8")
    said = accord_here("ledger", "reconcile", "--hub", ours, "--partner", theirs).stdout
    assert said == "The lists say the same.\n"
    theirs.write_text(theirs.read_text("utf-8").replace(",5", ",6"), "utf-8")
    wrong = accord_here("ledger", "reconcile", "--hub", ours, "--partner", theirs, expect=1).stdout
    assert "the hub counts 3 of 5 delivered, they 6" in wrong


def test_a_file_that_is_uploaded_in_pieces_is_a_delivery_and_its_partner_hears_what_became_of_it(
    hub: Hub, serve: Callable[..., Served]
) -> None:
    secret = token(hub, "vendor", "write")
    data = FILE + b"a row that is none\n"
    served = serve(hub.folder)
    own = {"Authorization": f"Bearer {secret}", "Tus_Resumable": "1.0.0"}
    status, headers, _ = served.ask("/deliveries", "OPTIONS")
    assert (status, headers["tus-version"], headers["tus-max-size"]) == (204, "1.0.0", str(1 << 30))
    status, headers, _ = served.ask(
        "/deliveries",
        "POST",
        data[:40],
        **own,
        Upload_Length=str(len(data)),
        Upload_Metadata=metadata("sinkhole", "late-event4_sinkhole-th.csv", data),
        Content_Type=CONTENT,
    )
    assert (status, headers["upload-offset"], headers["tus-resumable"]) == (201, "40", "1.0.0")
    place = headers["location"]
    status, headers, _ = served.ask(place, "HEAD", **own)
    assert (status, headers["upload-offset"], headers["upload-length"]) == (200, "40", str(len(data)))
    checksum = base64.b64encode(hashlib.sha256(data[40:]).digest()).decode()
    status, headers, _ = served.ask(
        place, "PATCH", data[40:], **own, Upload_Offset="40", Content_Type=CONTENT, Upload_Checksum=f"sha256 {checksum}"
    )
    assert (status, headers["upload-offset"]) == (204, str(len(data)))
    about = headers["content-location"]
    assert about == f"/deliveries/{named(data)}"
    served.hear("(upload)")
    told = json.loads(served.ask(about, **own)[2])
    assert (told["state"], told["file"], told["records"]) == ("taken in", "late-event4_sinkhole-th.csv", 5)
    assert (told["accepted"], told["ignored"], told["rejected"]) == (3, 1, 1)
    assert told["agreements"] == ["vendor-2026"]
    (entry,) = told["entries"]
    assert hub.json("ledger", "list")[entry]["kind"] == "delivery"
    rejects = json.loads(served.ask(f"{about}/rejects", **own)[2])
    assert [(one["record"], one["text"]) for one in rejects["rejects"]] == [(5, "a row that is none")]
    assert (bool(rejects["rejects"][0]["explanation"]), rejects["more"]) == (True, False)
    # pages of one look are one row of the log, also where the first is left out
    for page in ("limit=1", "after=0&limit=1", "limit=1000"):
        assert len(json.loads(served.ask(f"{about}/rejects?{page}", **own)[2])["rejects"]) == 1
    seen = [one for one in hub.json("consultation", "list") if "its own delivery" in one["justification"]]
    assert [(one["processing"], one["recipients"]) for one in seen] == [("consultation", ["vendor"])]
    listed = json.loads(served.ask("/deliveries", **own)[2])
    assert {one["name"] for one in listed["deliveries"]} >= {named(data)}
    assert len(listed["deliveries"]) == 2
    first = json.loads(served.ask("/deliveries?limit=1", **own)[2])
    assert first["more"]
    after = first["deliveries"][0]["name"]
    assert json.loads(served.ask(f"/deliveries?limit=1&after={after}", **own)[2])["deliveries"] == [
        one for one in listed["deliveries"] if one["name"] != after
    ]
    assert served.ask(place, "HEAD", **own)[0] == 404
    assert left(hub) == []
    looked = [one for one in hub.json("consultation", "list") if "its own delivery" in one["justification"]]
    assert [one["recipients"] for one in looked] == [["vendor"]]
    assert end(served) == 0


def test_what_is_wrong_with_an_upload_is_told_and_nothing_of_another_partner_s_is(hub: Hub) -> None:
    ask = asking(hub, token(hub, "vendor", "write"))
    other, reader = asking(hub, token(hub, "csirt-th", "write")), asking(hub, token(hub, "vendor", "read"))
    place = begun(ask, FILE)
    good = metadata("sinkhole", "a.csv", FILE)
    length = {"upload_length": str(len(FILE))}
    for status, told in (
        (401, asking(hub, None)("GET", "/deliveries")),
        (403, reader("GET", "/deliveries")),
        (412, ask("POST", "/deliveries", tus_resumable="0.2.2", upload_metadata=good, **length)),
        (400, ask("POST", "/deliveries", upload_metadata=good, upload_length="-1")),
        (400, ask("POST", "/deliveries", upload_metadata=good, upload_length="0")),
        (413, ask("POST", "/deliveries", upload_metadata=good, upload_length=str((1 << 30) + 1))),
        (400, ask("POST", "/deliveries", upload_metadata="dataset !", **length)),
        (400, ask("POST", "/deliveries", upload_metadata=metadata("sinkhole", "../a.csv", FILE), **length)),
        (404, ask("POST", "/deliveries", upload_metadata=metadata("nothing", "a.csv", FILE), **length)),
        (404, other("POST", "/deliveries", upload_metadata=good, **length)),
        (405, ask("PUT", "/deliveries")),
        (404, other("HEAD", place)),
        (404, sent(other, place, 0, FILE)),
        (404, other("DELETE", place)),
        (409, sent(ask, place, 1, FILE)),
        (413, sent(ask, place, 0, FILE + b"x")),
        (415, ask("PATCH", place, FILE, upload_offset="0", content_type="text/csv")),
        (460, sent(ask, place, 0, FILE, upload_checksum="sha1 " + base64.b64encode(bytes(20)).decode())),
        (400, sent(ask, place, 0, FILE, upload_checksum="md4 AAAA")),
        (404, other("GET", f"/deliveries/{named(SIGHTINGS.encode())}")),
        (404, other("GET", f"/deliveries/{named(SIGHTINGS.encode())}/rejects")),
        (404, ask("GET", f"/deliveries/{named(FILE)}")),
        (400, ask("GET", "/deliveries", query="limit=many")),
    ):
        assert (told.status, json.loads(told.body)["status"]) == (status, status)
    assert json.loads(other("GET", "/deliveries").body) == {"deliveries": [], "more": False}
    assert ask("DELETE", place).status == 204
    assert (ask("HEAD", place).status, left(hub)) == (404, [])
    # as many as may be open, and no more
    places = [begun(ask, FILE) for _ in range(8)]
    assert ask("POST", "/deliveries", upload_metadata=good, **length).status == 429
    for one in places:
        assert ask("DELETE", one).status == 204
    hub("agreement", "end", "vendor-2026", "--why", "over", "--in", hub.folder)
    assert ask("POST", "/deliveries", upload_metadata=good, **length).status == 403


def test_bytes_that_are_not_those_that_were_said_and_files_that_are_none_leave_nothing(
    hub: Hub, serve: Callable[..., Served], tmp_path: Path
) -> None:
    ask = asking(hub, token(hub, "vendor", "write"))
    place = begun(ask, FILE)
    assert sent(ask, place, 0, FILE[:-1] + b"?").status == 460
    assert (ask("HEAD", place).status, left(hub)) == (404, [])
    data = b"this is no STIX"
    sent(ask, begun(ask, data, "indicators", "notes.json"), 0, data)
    about = f"/deliveries/{named(data, 'indicators')}"
    assert json.loads(ask("GET", about).body)["state"] == "waiting"
    hub("job", "work", "--in", hub.folder, code=1)
    told = json.loads(ask("GET", about).body)
    assert (told["state"], told["file"]) == ("refused", "notes.json")
    what, _, rest = told["why"].partition("\n")
    assert rest
    assert str(hub.folder) not in told["why"]
    assert left(hub) == []
    # a table has room for what is wrong, and not for what to do
    served = serve(hub.folder)
    secret = tmp_path / "secret"
    secret.write_text(token(hub, "vendor", "write") + "\n")
    place = ("--at", f"http://127.0.0.1:{served.port}", "--token-file", secret)
    listed = hub("delivery", "list", "--mine", *place)
    assert re.search(rf" notes\.json +refused: {re.escape(what)} *$", listed, re.MULTILINE)
    assert end(served) == 0


def test_two_who_upload_the_same_at_once_deliver_it_once_and_who_vanishes_leaves_nothing(hub: Hub) -> None:
    ask, also = (asking(hub, token(hub, "vendor", "write")) for _ in range(2))
    one, two, lost = begun(ask, FILE), begun(also, FILE), begun(ask, FILE)
    half = len(FILE) // 2
    for who, place in ((ask, one), (also, two), (ask, lost)):
        assert sent(who, place, 0, FILE[:half]).headers["upload-offset"] == str(half)
    # whoever comes second to the same upload, with what is there by now, is told where it is
    assert sent(also, one, 0, FILE[:half]).status == 409
    for who, place in ((ask, one), (also, two)):
        assert "content-location" in sent(who, place, half, FILE[half:]).headers
        assert "content-location" in who("HEAD", place).headers
    # nothing is missed by an erasure
    erase = ("subject", "erase", "110.164.0.4", "--why", "A court asked.", "--in", hub.folder)
    assert "waits to be taken in" in hub(*erase, code=5)
    hub("job", "work", "--in", hub.folder)
    assert len([each for each in hub.json("delivery", "list") if each["file"].startswith("late")]) == 1
    assert [each.name for each in left(hub)] == [lost.rpartition("/")[2]]
    with opened(hub.folder) as database, database.writing() as connection:
        due = update(JOBS).where(JOBS.c.kind == JobKind.EXPIRE.value).values(not_before=JOBS.c.queued_at)
        connection.execute(due)
    hub("job", "work", "--in", hub.folder)
    assert (left(hub), ask("HEAD", lost).status) == ([], 404)


_DUE = update(JOBS).where(JOBS.c.kind == JobKind.EXPIRE.value).values(not_before=JOBS.c.queued_at)


def test_an_upload_goes_on_wherever_the_hub_is_killed_and_is_delivered_once(
    hub: Hub, environment: dict[str, str]
) -> None:
    program = [sys.executable, Path(__file__).with_name("upload_forks.py"), hub.folder, token(hub, "vendor", "write")]
    draw = random.Random(9)
    with subprocess.Popen(
        [str(word) for word in program], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def upload(name: str, how: object = None) -> dict:
            process.stdin.write(json.dumps({"name": name, "how": how}) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        done = upload("0", "count")
        assert done["code"] == 0
        steps = [(kind, count) for kind, count in done["steps"].items() if count and kind != "fusion"]
        killed = 0
        for number in range(1, KILLS + 1):
            kind, count = steps[number % len(steps)]
            said = upload(str(number), [kind, draw.randint(1, count)])
            assert said["code"] in {-9, 0}, said
            killed += said["code"] != 0
            with opened(hub.folder) as database, database.writing() as connection:
                connection.execute(update(JOBS).values(leased_until=None))
            # whoever was cut off goes on
            assert upload(str(number))["code"] == 0
            # what a client was never told of waits for its day: that has come
            with opened(hub.folder) as database, database.writing() as connection:
                connection.execute(_DUE)
        assert killed
        assert upload("0")["code"] == 0
        process.stdin.close()
    kept = (hub.folder / "deliveries" / "dataset=indicators").glob("*/delivered")
    ids = [one["id"] for file in kept for one in json.loads(file.read_bytes())["objects"]]
    assert sorted(ids) == sorted(one["id"] for number in range(KILLS + 1) for one in indicators(number))
    hub("job", "work", "--in", hub.folder)
    assert left(hub) == []


def expiring(hub: Hub) -> int:
    """Jobs that wait to remove an upload."""
    with opened(hub.folder) as database, database.reading() as connection:
        waiting = (JOBS.c.kind == JobKind.EXPIRE.value) & (JOBS.c.state == JobState.WAITING.value)
        return connection.execute(select(func.count()).select_from(JOBS).where(waiting)).scalar_one()


def test_a_file_that_is_named_after_another_upload_makes_nothing_of_that_one_and_blocks_no_erasure(hub: Hub) -> None:
    ask = asking(hub, token(hub, "vendor", "write"))
    cut_off, dropped = begun(ask, FILE), begun(ask, FILE)
    names = [one.rpartition("/")[2] for one in (cut_off, dropped)]
    data = json.dumps({"objects": indicators(1)}).encode()
    sent(ask, begun(ask, data, "indicators", f"{'-'.join(names)}.json"), 0, data)
    assert ask("DELETE", dropped).status == 204
    # its last byte came, and the server was killed before anybody was told that it is whole
    (hub.folder / "uploads" / names[0] / "part").write_bytes(FILE)
    erase = ("subject", "erase", "110.165.0.4", "--why", "A court asked.", "--in", hub.folder)
    assert "waits to be taken in" in hub(*erase, code=5)
    hub("job", "work", "--in", hub.folder)
    hub(*erase)
    assert ask("HEAD", cut_off).headers["content-location"] == f"/deliveries/{named(FILE)}"
    assert "waits to be taken in" in hub(*erase, code=5)
    # what a worker that was killed had begun with is counted as well
    place = hub.folder / "uploads" / names[0]
    (place / "file").mkdir()
    (place / "part").rename(place / "file" / "late-event4_sinkhole-th.csv")
    assert "waits to be taken in" in hub(*erase, code=5)
    hub("job", "work", "--in", hub.folder)
    hub(*erase)
    assert json.loads(ask("GET", f"/deliveries/{named(FILE)}").body)["state"] == "taken in"


def test_no_job_waits_to_remove_an_upload_that_was_not_begun_or_is_over(hub: Hub) -> None:
    ask = asking(hub, token(hub, "vendor", "write"))
    places = [begun(ask, FILE) for _ in range(8)]
    refused = {"upload_length": str(len(FILE)), "upload_metadata": metadata("sinkhole", "a.csv", FILE)}
    assert (ask("POST", "/deliveries", **refused).status, expiring(hub)) == (429, 8)
    for one in places[2:]:
        assert ask("DELETE", one).status == 204
    assert expiring(hub) == 2
    assert sent(ask, places[0], 0, FILE[:-1] + b"?").status == 460
    assert expiring(hub) == 1
    assert sent(ask, places[1], 0, FILE).status == 204
    assert expiring(hub) == 0
    # one whose server was killed before its job was there goes when the next is begun
    killed = hub.folder / "uploads" / ("0" * 32)
    killed.mkdir()
    begun(ask, FILE)
    assert (killed.exists(), expiring(hub), len(left(hub))) == (False, 1, 2)


def test_an_upload_that_is_removed_while_its_last_piece_is_read_is_not_told_to_be_whole(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = asking(hub, token(hub, "vendor", "write"))
    place = begun(ask, FILE)
    digest = hashlib.file_digest

    def meanwhile(*what: object) -> object:
        assert ask("DELETE", place).status == 204
        return digest(*what)

    with monkeypatch.context() as patched:
        patched.setattr(hashlib, "file_digest", meanwhile)
        assert sent(ask, place, 0, FILE).status == 404
    assert (left(hub), ask("GET", f"/deliveries/{named(FILE)}").status) == ([], 404)
    # a job whose bytes are gone, and were never delivered, says so
    assert sent(ask, begun(ask, FILE), 0, FILE).status == 204
    (kept,) = left(hub)
    shutil.rmtree(kept)
    hub("job", "work", "--in", hub.folder, code=1)
    told = json.loads(ask("GET", f"/deliveries/{named(FILE)}").body)
    assert told["state"] == "refused"
    assert "bytes are gone" in told["why"]


def test_an_upload_that_the_hub_gives_up_is_told_to_be_refused_kept_for_a_while_and_then_removed(hub: Hub) -> None:
    ask = asking(hub, token(hub, "vendor", "write"))
    about = f"/deliveries/{named(FILE)}"
    key = hub.folder / "ledger.key"

    def given_up(data: bytes, name: str) -> str:
        """The place of an upload for whose job the hub's own key is missing, at the last attempt."""
        place = begun(ask, data, name=name)
        assert sent(ask, place, 0, data).status == 204
        with opened(hub.folder) as database, database.writing() as connection:
            mine = JOBS.c.kind == JobKind.UPLOAD.value, JOBS.c.state == JobState.WAITING.value
            connection.execute(update(JOBS).where(*mine).values(attempts=7))
        away = key.rename(key.with_suffix(".away"))
        hub("job", "work", "--in", hub.folder, code=1)
        away.rename(key)
        return place

    given_up(FILE, "late-event4_sinkhole-th.csv")
    until = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
    told = json.loads(ask("GET", about).body)
    assert (told["state"], f"keeps it until {until}" in told["why"]) == ("refused", True)
    # nothing of what was in the way is told
    assert "key" not in told["why"]
    assert "Nothing is due." in hub("retention", "run", "--in", hub.folder)
    assert len(left(hub)) == 1
    with opened(hub.folder) as database, database.writing() as connection:
        past = datetime.now(UTC) - timedelta(days=30)
        mine = JOBS.c.kind == JobKind.UPLOAD.value, JOBS.c.state == JobState.FAILED.value
        connection.execute(update(JOBS).where(*mine).values(ended_at=past))
    assert "Removed 1 upload that could not be taken in for 30 days." in hub("retention", "run", "--in", hub.folder)
    assert left(hub) == []
    assert "Nothing is due." in hub("retention", "run", "--in", hub.folder)
    logged = [one for one in hub.json("consultation", "list") if one["object"].startswith("upload ")]
    digest = hashlib.sha256(FILE).hexdigest()
    assert [(one["processing"], one["object"]) for one in logged] == [("erasure", f"upload sinkhole {digest}")]
    told = json.loads(ask("GET", about).body)
    assert (told["state"], "has it no longer: upload it anew" in told["why"]) == ("refused", True)
    # nothing of it is left that stops an erasure, and the job that is begun anew says what is to be done
    hub("subject", "erase", "110.164.10.77", "--why", "asked", "--in", hub.folder)
    (job,) = [one for one in hub.json("job", "list") if (one["kind"], one["state"]) == ("upload", "failed")]
    hub("job", "retry", str(job["number"]), "--in", hub.folder)
    assert "Its bytes are gone" in hub("job", "work", "--in", hub.folder, code=1)
    # its partner removes what was given up, and uploads the same again: it is delivered
    more = FILE.replace(b"11:15", b"11:16")
    assert ask("DELETE", given_up(more, "more-event4_sinkhole-th.csv")).status == 204
    assert left(hub) == []
    assert sent(ask, begun(ask, FILE), 0, FILE).status == 204
    hub("job", "work", "--in", hub.folder)
    assert json.loads(ask("GET", about).body)["state"] == "taken in"


def test_an_upload_that_waits_to_be_taken_in_is_not_read_again_and_takes_no_more(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = asking(hub, token(hub, "vendor", "write"))
    place = begun(ask, FILE)
    assert sent(ask, place, 0, FILE).status == 204
    monkeypatch.setattr(hashlib, "file_digest", None)
    assert ask("HEAD", place).headers["content-location"] == f"/deliveries/{named(FILE)}"
    assert sent(ask, place, len(FILE), b"").status == 409


def test_an_upload_to_a_data_set_that_is_another_partner_s_by_now_is_not_taken(hub: Hub) -> None:
    ask = asking(hub, token(hub, "vendor", "write"))
    data = json.dumps({"objects": indicators(1)}).encode()
    place = begun(ask, data, "indicators", "one.json")
    settings = hub.folder / "workspace.toml"
    mine, before, rest = settings.read_text().partition('title = "The vendor\'s indicators"\n')
    settings.write_text(mine + before + rest.replace('partner = "vendor"', 'partner = "csirt-th"', 1))
    told = sent(ask, place, 0, data)
    assert (told.status, "yours no more" in json.loads(told.body)["detail"]) == (403, True)


def test_outcomes_come_by_http_as_they_do_by_file(hub: Hub) -> None:
    hub.put()
    ask = asking(hub, token(hub, "csirt-th", "report"))
    file = b"finding_id,outcome,date,note\n" + b"0" * 64 + b",done,2026-10-05,\n,,,\n"
    told = ask("POST", "/outcomes", file)
    assert told.status == 200, told.body
    said = json.loads(told.body)
    assert (said["records"], said["accepted"], said["rejected"]) == (2, 0, 1)
    assert said["rejects"][0]["reason"] == "not-disclosed"
    assert asking(hub, token(hub, "csirt-th", "write"))("POST", "/outcomes", file).status == 403
    assert ask("POST", "/outcomes", b"no such columns\n").status == 422
    assert ask("GET", "/outcomes").status == 405


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ([3], "<10"),
        ([10], 10),
        ([12, 15], 27),
        # neither the sum of two that are hidden, nor what one that is hidden adds to what is known
        ([6, 6], "0 to 18"),
        ([12, 3], "12 to 21"),
        ([12, 1, 9, 20], "32 to 50"),
    ],
)
def test_no_count_below_ten_is_told_by_a_sum(counts: list[int], told: object) -> None:
    assert partners._sum(counts) == told


def test_a_partner_hears_to_which_countries_its_data_went_and_what_came_of_it_and_nothing_finer(
    hub: Hub, serve: Callable[..., Served], tmp_path: Path
) -> None:
    vendor, csirt = asking(hub, token(hub, "vendor", "write")), asking(hub, token(hub, "csirt-th", "report"))
    about = f"/deliveries/{named(SIGHTINGS.encode())}"
    assert json.loads(vendor("GET", about).body)["handed_over"] == []
    hub.put()
    # to two members, two findings each: neither count is told
    went = {"country": "TH", "purpose": "victim-notification", "findings": "0 to 18", "outcomes": {}}
    assert json.loads(vendor("GET", about).body)["handed_over"] == [went]
    with opened(hub.folder) as database, database.reading() as connection:
        finding = bytes(connection.execute(select(ACTIONS.c.finding)).scalars().first()).hex()
    filled = f"finding_id,outcome,date,note\n{finding},done,2026-11-02,Cleaned\n".encode()
    said = json.loads(csirt("POST", "/outcomes", filled).body)
    assert (said["accepted"], said["new"], said["done_for_the_first_time"]) == (1, 1, 1)
    assert [one["kind"] for one in hub.json("ledger", "list")].count("outcome") == len(said["entries"]) == 1
    again = json.loads(csirt("POST", "/outcomes", filled).body)
    assert (again["accepted"], again["new"]) == (1, 0)
    assert json.loads(vendor("GET", about).body)["handed_over"] == [went]
    # of ten findings and more it hears how many came to what
    many = (
        SIGHTINGS.splitlines()[0]
        + "\n"
        + "".join(
            f"2026-10-01 10:00:{one:02},tcp,110.164.11.{one},4000,45758,192.0.2.1,80,gamut,,\n" for one in range(10, 22)
        )
    )
    hub.deliver("2026-10-02-event4_sinkhole-th.csv", many)
    hub.put()
    with opened(hub.folder) as database, database.reading() as connection:
        found = [bytes(one).hex() for one in connection.execute(select(ACTIONS.c.finding)).scalars().unique()]
    rows = "".join(f"{one},done,2026-11-02,\n" for one in found if one != finding)
    csirt("POST", "/outcomes", f"finding_id,outcome,date,note\n{rows}".encode())
    more = json.loads(vendor("GET", f"/deliveries/{named(many.encode())}").body)["handed_over"]
    assert more == [{**went, "findings": 24, "outcomes": {"done": 12}}]
    # as the partner's own command asks
    served = serve(hub.folder)
    secret = tmp_path / "secret"
    secret.write_text(token(hub, "vendor", "write") + "\n")
    place = ("--at", f"http://127.0.0.1:{served.port}/", "--token-file", secret)
    words = ("delivery", "list", "--mine", *place)
    told = {one["file"]: one for one in json.loads(hub.accord(*words, "--json").stdout)}
    assert told["2026-10-01-event4_sinkhole-th.csv"]["handed_over"] == [went]
    assert "TH 0 to 18 (victim-notification)" in hub(*words)
    secret.write_text(token(hub, "vendor", "read"))
    assert "status 403" in hub(*words, code=4)
    assert "https:" in hub("delivery", "list", "--mine", "--at", "http://hub.example", code=2)
    assert end(served) == 0
    # before the ledger opened it for everybody, the partner was not told either
    with opened(hub.folder) as database:
        workspace = open_workspace(hub.folder)
        desk = PartnerDesk(workspace, database, Entrance(database, Serving()))
        client = Client(person="a test", name="", partner="vendor", scopes=frozenset({Scope.WRITE}))
        digest = hashlib.sha256(SIGHTINGS.encode()).hexdigest()
        before = datetime.now(UTC) - timedelta(days=1)
        assert desk.delivery("sinkhole", digest, client, before)["handed_over"] == []


def test_another_s_tus_client_uploads_goes_on_and_is_done(
    hub: Hub, serve: Callable[..., Served], tmp_path: Path
) -> None:
    file = tmp_path / "late-event4_sinkhole-th.csv"
    file.write_bytes(FILE)
    told = {"dataset": "sinkhole", "filename": file.name, "sha256": hashlib.sha256(FILE).hexdigest()}
    served = serve(hub.folder)
    client = TusClient(
        f"http://127.0.0.1:{served.port}/deliveries", {"Authorization": f"Bearer {token(hub, 'vendor', 'write')}"}
    )
    with file.open("rb") as opened_file:
        first = client.uploader(file_stream=opened_file, chunk_size=64, metadata=told, upload_checksum=True)
        first.upload_chunk()
        # as another process does that knows the place alone
        again = client.uploader(file_stream=opened_file, chunk_size=100, url=first.url, upload_checksum=True)
        assert again.offset == 64
        again.upload()
    assert again.offset == len(FILE)
    served.hear("(upload)")
    assert [one["accepted"] for one in hub.json("delivery", "list") if one["file"] == file.name] == [3]
    assert end(served) == 0
