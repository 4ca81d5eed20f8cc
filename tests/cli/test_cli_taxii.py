"""A member's own TAXII client at a server that is really asked: what a release put into a channel, page by page."""

import http.client
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from taxii2client.common import TokenAuth
from taxii2client.v21 import ApiRoot, Collection, Server, as_pages

from tests.cli.rights import rows_of
from tests.cli.test_cli_channel import VALUES, Hub, complaints
from tests.cli.test_cli_serve import Served, end, serve

__all__ = ["serve"]

MEDIA_TYPE = "application/taxii+json;version=2.1"
AMBER = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"
CLEAR = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"
"""TLP 2.0's own ids (FIRST, and OASIS's common object repository)."""
PAP_GREEN = "marking-definition--c43594d1-4b11-4c59-93ab-1c9b14d53ce9"
"""By the STIX PAP extension; the vendor's agreement says so."""


@pytest.fixture
def hub(accord_here: Callable[..., object], tmp_path: Path) -> Hub:
    return Hub(accord_here, tmp_path, ())


def token(hub: Hub, partner: str) -> tuple[str, str]:
    """A token's secret and its id."""
    made = hub.json("token", "make", partner, "--name", "MISP")
    assert not any(made["token"].encode() in row for _, row in rows_of(hub.folder))
    return made["token"], made["id"]


def asked(
    port: int, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, str, dict]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers["content-type"], json.loads(answer.read() or b"null")
    finally:
        connection.close()


def test_a_member_s_client_finds_what_was_released_and_what_was_taken_back(
    hub: Hub, serve: Callable[..., Served], tmp_path: Path
) -> None:
    hub.put()
    secret, name = token(hub, "csirt-th")
    foreign, _ = token(hub, "vendor")
    served = serve(hub.folder)
    base = f"http://127.0.0.1:{served.port}/taxii2/"
    server = Server(base, user="csirt", password=secret)
    assert server.title
    # what the server calls its root is relative to where it is reached (TAXII 2.1, section 4.1)
    root = ApiRoot(f"{base}hub/", auth=TokenAuth(secret))
    (collection,) = root.collections
    assert (collection.title, collection.can_read, collection.can_write) == (
        "Infected machines in Thailand",
        True,
        False,
    )
    objects = [one for page in as_pages(collection.get_objects, per_request=3) for one in page.get("objects", [])]
    polled = [one["object"] for one in hub.poll("csirt-th")]
    assert objects == polled
    assert {one["value"] for one in objects if one["type"] == "ipv4-addr"} == VALUES
    manifest = collection.get_manifest()["objects"]
    assert [one["id"] for one in manifest] == [one["id"] for one in polled]
    victim = next(one for one in objects if one["type"] == "observed-data")
    assert collection.get_object(victim["id"])["objects"] == [victim]
    assert collection.object_versions(victim["id"])["versions"] == [victim["modified"]]
    # every marking that an object has, once, as the standards write it
    own = {"authorization": f"Bearer {secret}"}
    status, media_type, markings = asked(served.port, "/taxii2/hub/markings/", **own)
    assert (status, media_type) == (200, MEDIA_TYPE)
    named = [one["id"] for one in markings["objects"]]
    assert named == sorted({ref for one in objects for ref in one.get("object_marking_refs", [])})
    assert named == [AMBER, CLEAR, PAP_GREEN]
    assert victim["object_marking_refs"] == [AMBER, PAP_GREEN]
    assert complaints(markings["objects"], tmp_path, whole=False) == []
    assert asked(served.port, "/taxii2/hub/markings/", authorization=f"Bearer {foreign}")[2] == {"more": False}
    last = manifest[-1]["date_added"]
    hub.json("recall", "make", "--dataset", "sinkhole", "--all", "--kind", "withdrawn", "--why", "The clock was wrong.")
    fresh = collection.get_objects(added_after=last)["objects"]
    assert {one["id"] for one in fresh if one.get("revoked")} >= {victim["id"]}
    # another partner finds no collection, and who has no token nothing
    assert asked(served.port, "/taxii2/hub/collections/", authorization=f"Bearer {foreign}")[::2] == (200, {})
    assert Collection(f"{base}hub/collections/{collection.id}/", auth=TokenAuth(secret)).title
    path = f"/taxii2/hub/collections/{collection.id}/objects/"
    for status, told in (
        (401, asked(served.port, path)),
        (404, asked(served.port, path, authorization=f"Bearer {foreign}")),
        (403, asked(served.port, path, "POST", b"{}", **own)),
        (405, asked(served.port, path, "PATCH", b"{}", **own)),
        (406, asked(served.port, path, accept="text/html", **own)),
        # what is said to be too long is refused before it is sent
        (413, asked(served.port, path, "POST", b"", **own, **{"content-length": str(2 << 20)})),
        (414, asked(served.port, f"{path}?match[id]={'a' * 5000}", **own)),
        (400, asked(served.port, f"{path}?limit=0", **own)),
    ):
        assert (told[0], told[1], told[2]["http_status"]) == (status, MEDIA_TYPE, str(status))
    hub("token", "revoke", name, "--in", hub.folder)
    assert asked(served.port, path, **own)[0] == 401
    assert re.search(rf"{name} +csirt-th +MISP +read +[0-9-]+ +revoked", hub("token", "list", "--in", hub.folder))
    assert end(served) == 0
    looked = [one["person"] for one in hub.json("consultation", "list") if one["object"].startswith("channel ")]
    assert f"token {name}" in looked


def test_a_token_is_made_for_whom_it_is_known_and_for_what(hub: Hub) -> None:
    make = ("token", "make", "csirt-th", "--in", hub.folder)
    assert "no such partner" in hub("token", "make", "nobody", "--name", "x", "--in", hub.folder, code=2)
    assert "no such scope" in hub(*make, "--name", "x", "--scope", "everything", code=2)
    assert "needs a name" in hub(*make, "--name", " ", code=2)
    assert "no such token" in hub("token", "revoke", "7e57d004", "--in", hub.folder, code=2)
    assert hub.json("token", "list") == []
    revoke = ("token", "revoke", "--in", hub.folder)
    assert "no such token" in hub(*revoke, "", code=2)
    # of seventeen two begin with the same of sixteen digits
    made = [hub.json("token", "make", "csirt-th", "--name", f"{at}")["id"] for at in range(17)]
    (digit, _), *_ = Counter(one[0] for one in made).most_common(1)
    assert "Several tokens begin like this." in hub(*revoke, digit, code=2)
    begin = next(made[0][:at] for at in range(1, 9) if sum(one.startswith(made[0][:at]) for one in made) == 1)
    assert f"Token {made[0]} of csirt-th" in hub(*revoke, begin.upper())
    assert [one["id"] for one in hub.json("token", "list") if not one["counts"]] == [made[0]]
