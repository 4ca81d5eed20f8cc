"""A feed for everybody: clear data alone, entered before it is seen, read by PyMISP, and taken back from the folder."""

import hashlib
import http.client
import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pymisp import MISPEvent
from pymisp.tools import feed_meta_generator

from accord.cli.channels.feeding import Kept, keep_feeds
from accord.ledger.notes import parse_signing_key
from accord.workspace.database import open_database, place_of
from tests.cli.rights import rows_of
from tests.cli.test_cli_misp_feed_taken import SETTINGS as TAKING
from tests.cli.test_cli_serve import serve
from tests.simulators.witness import Witness, served

__all__ = ["serve"]

Accord = Callable[..., object]

SETTINGS = """
[[partner]]
id = "vendor"
name = "A vendor"
country = "JP"

[[partner]]
id = "everybody"
name = "Everybody"
kind = "public"

[[dataset]]
id = "servers"
title = "Servers"
partner = "vendor"
format = "csv"
origin = "scan"
legal_basis = "legitimate-interest"
marking = "clear"
grade = "b"
retention = "P1Y"
personal_data = false

[[dataset.csv]]
indicators = { value = "any" }
role = "role"
family = "family"
seen_at = "seen"
marking = "tlp"

[[agreement]]
id = "vendor-2026"
title = "With the vendor"
signatory = [{ party = "hub", name = "A" }, { party = "vendor", name = "B" }]
signed = 2026-01-02
document = "1f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
from = 2026-01-02
purposes = ["network-defence"]
in = ["servers"]
[agreement.limits]
marking = "amber"
pap = "clear"
onward_sharing = "permitted"
"""

CHANNEL = """
[[channel]]
id = "open"
title = "Servers of criminals"
purpose = "network-defence"

[[channel.member]]
partner = "everybody"
"""

OPERATION = """
[operation]
name = "october-2026"
title = "October"
as_of = {as_of}
countries = ["TH"]
purpose = "network-defence"
"""

HEAD = "value,role,family,seen,tlp\n"
SERVER, SITE, SCANNER, VICTIM, GREEN, SICK = (f"110.164.10.{last}" for last in (1, 2, 3, 4, 5, 6))
ROWS = f"""{SERVER},c2-server,emotet,2026-10-01T10:00:37Z,clear
{SERVER},c2-server,emotet,2026-10-02T10:00:37Z,clear
http://{SITE}/login?a=b,phishing,,2026-10-01T11:00:00Z,clear
{SCANNER},scanner,,2026-10-01T12:00:00Z,clear
{VICTIM},system-compromise,,2026-10-01T13:00:00Z,clear
{GREEN},c2-server,,2026-10-01T14:00:00Z,green
{SICK},infected-system,emotet,2026-10-01T15:00:00Z,clear
"""


class Hub:
    """A hub with a public channel, and what is needed to work with it."""

    def __init__(self, accord: Accord, folder: Path, *more: str) -> None:
        self.accord, self.folder, self.beside = accord, folder / "hub", folder
        self("init", self.folder, "--ledger", "hub.example/ledger", *more)
        settings = self.folder / "workspace.toml"
        text = settings.read_text("utf-8").replace("\nnamespace", '\ncountry = "FR"\nnamespace', 1)
        settings.write_text(text + SETTINGS, "utf-8")
        self("agreement", "apply", "--in", self.folder)
        self.operation = folder / "october.toml"
        self.until("2026-11-01")
        (folder / "channels.toml").write_text(CHANNEL, "utf-8")
        self("channel", "apply", folder / "channels.toml", "--in", self.folder)
        self.feed = self.folder / "feeds/open"

    def __call__(self, *words: str | Path, code: int = 0) -> str:
        done = self.accord(*words, expect=code)
        return done.stdout + done.stderr

    def json(self, *words: str | Path, code: int = 0) -> list | dict:
        return json.loads(self.accord(*words, "--json", "--in", self.folder, expect=code).stdout)

    def until(self, as_of: str) -> None:
        self.operation.write_text(OPERATION.format(as_of=as_of), "utf-8")

    def deliver(self, name: str, rows: str) -> None:
        (self.beside / name).write_text(HEAD + rows, "utf-8")
        self("delivery", "add", "servers", self.beside / name, "--in", self.folder)

    def put(self, code: int = 0) -> dict:
        return self.json("release", "make", self.operation, "--channel", "open", code=code)

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted(self.feed.iterdir())}

    def manifest(self) -> dict:
        return json.loads((self.feed / "manifest.json").read_text("utf-8"))

    def events(self) -> dict[str, MISPEvent]:
        """What PyMISP reads of the event files."""
        found = {}
        for path in sorted(self.feed.glob("????????-*.json")):
            event = MISPEvent()
            event.load_file(str(path))
            found[event.uuid] = event
        return found

    def values(self) -> dict[str, tuple[str, bool]]:
        """Values with their types and whether they are for detection, as PyMISP reads them."""
        return {one.value: (one.type, bool(one.to_ids)) for event in self.events().values() for one in event.attributes}

    def holds(self, text: str) -> list[str]:
        """Files of the feed that hold a text, or its digest."""
        marks = (text.encode(), hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().encode())
        return [
            path.name
            for path in self.folder.joinpath("feeds").rglob("*")
            if path.is_file() and any(mark in path.read_bytes() for mark in marks)
        ]


@pytest.fixture
def hub(accord_here: Accord, tmp_path: Path) -> Hub:
    made = Hub(accord_here, tmp_path)
    made.deliver("first.csv", ROWS)
    return made


@pytest.fixture
def anywhere(accord_here: Accord, database_url: str, tmp_path: Path) -> Hub:
    """The same, once a kind of database."""
    made = Hub(accord_here, tmp_path, *(() if database_url.startswith("sqlite") else ("--database", database_url)))
    made.deliver("first.csv", ROWS)
    return made


PUBLISHED = {
    SERVER: ("ip-dst", True),
    f"http://{SITE}/login?a=b": ("url", True),
    SCANNER: ("ip-src", True),
    VICTIM: ("ip-dst", False),
}


def test_what_is_clear_is_published_and_nothing_else_is(anywhere: Hub) -> None:
    hub = anywhere
    done = hub.put()
    assert [(one["recipient"], one["country"], one["marking"]) for one in done["disclosed"]] == [
        ("everybody", "001", "clear")
    ]
    assert hub.values() == PUBLISHED
    assert hub.holds(GREEN) == hub.holds(SICK) == []
    # what everybody may have stands in the ledger, and in the public account of it
    hub("ledger", "audit", "--in", hub.folder)
    hub("ledger", "verify", "--in", hub.folder)
    said = hub("ledger", "check", hub.folder / "ledger", "--policy", hub.folder / "ledger/policy")
    assert "001" in said
    assert [one["recipients"] for one in hub.json("consultation", "list") if one["processing"] == "disclosure"] == [
        ["everybody"]
    ]
    # nobody in particular is asked to act
    assert hub.json("outcome", "list") == []


def test_pymisp_makes_the_same_feed_of_the_same_events(hub: Hub, tmp_path: Path) -> None:
    hub.put()
    twin = tmp_path / "twin"
    twin.mkdir()
    listed, hashes = {}, []
    for uuid, event in hub.events().items():
        told = event.to_feed(with_meta=True)["Event"]
        listed |= told.pop("_manifest")
        hashes += [f"{one},{uuid}" for one in told.pop("_hashes")]
        assert json.loads((hub.feed / f"{uuid}.json").read_text("utf-8")) == {"Event": told}
        shutil.copy(hub.feed / f"{uuid}.json", twin)
    assert hub.manifest() == listed
    assert (hub.feed / "hashes.csv").read_text("ascii").splitlines() == hashes
    # and its generator, which is given the event files alone, writes the same manifest and the same hashes
    feed_meta_generator(twin)
    assert json.loads((twin / "manifest.json").read_text("utf-8")) == hub.manifest()
    again = (twin / "hashes.csv").read_text("ascii").splitlines()
    assert sorted(again) == sorted(hashes)
    assert all(event.distribution is None for event in hub.events().values() if hasattr(event, "distribution"))


def test_an_attribute_says_role_family_and_times_and_an_event_its_marking(hub: Hub) -> None:
    hub.put()
    (event,) = [one for one in hub.events().values() if any(each.value == SERVER for each in one.attributes)]
    (one,) = event.attributes
    assert [tag.name for tag in event.tags] == ["tlp:clear", "PAP:CLEAR"]
    assert event.info == "Servers of criminals: c2-server, new on 2026-11-01"
    assert (event.Orgc.name, event.date.isoformat()) == (json.loads((hub.feed / f"{event.uuid}.json").read_text())[
        "Event"]["Orgc"]["name"], "2026-11-01")  # fmt: skip
    assert [tag.name for tag in one.tags] == ['rsit:malicious-code="c2-server"', 'misp-galaxy:malpedia="Emotet"']
    assert (one.first_seen.isoformat(), one.last_seen.isoformat()) == (
        "2026-10-01T10:00:37+00:00",
        "2026-10-02T10:00:37+00:00",
    )
    assert one.category == "Network activity"


def test_the_same_is_written_again_byte_for_byte_and_a_change_makes_one_event_newer(hub: Hub) -> None:
    hub.put()
    before, listed = hub.files(), hub.manifest()
    hub("channel", "publish", "--in", hub.folder)
    hub.put()
    assert hub.files() == before
    shutil.rmtree(hub.feed)
    hub("channel", "publish", "--in", hub.folder)
    assert hub.files() == before
    # a later sighting of the server
    hub.deliver("second.csv", f"{SERVER},c2-server,emotet,2026-10-20T10:00:37Z,clear\n")
    hub.put()
    after = hub.manifest()
    newer = {uuid for uuid in listed if after[uuid]["timestamp"] > listed[uuid]["timestamp"]}
    (server,) = [uuid for uuid, one in listed.items() if "c2-server" in one["info"]]
    assert after.keys() == listed.keys()
    assert newer == {server}
    assert {name: data for name, data in hub.files().items() if name.endswith(".json") and server not in name} == {
        name: data for name, data in before.items() if name.endswith(".json") and server not in name
    } | {"manifest.json": hub.files()["manifest.json"]}


def test_nothing_is_in_the_folder_before_the_quorum_has_cosigned(hub: Hub) -> None:
    key = parse_signing_key((hub.folder / "ledger.key").read_text().strip())
    with served(Witness("north.example", key.verifier)) as witness:
        line = f"witness north {witness.key.verifier} {witness.url}"
        (hub.folder / "ledger.policy").write_text(f"log {key.verifier}\n{line}\nquorum north\n")
        witness.fault = lambda *_: (503, b"")
        hub.put(code=7)
        assert hub.files() == {"hashes.csv": b"", "manifest.json": b"{}\n"}
        witness.fault = None
        hub("job", "work", "--in", hub.folder)
        assert hub.values() == PUBLISHED


def test_what_is_recalled_is_nowhere_in_the_folder_and_its_event_is_gone(anywhere: Hub) -> None:
    hub = anywhere
    hub.deliver("second.csv", f"{SERVER},c2-server,,2026-10-03T10:00:00Z,clear\n")
    hub.deliver("third.csv", "110.164.77.77,c2-server,,2026-10-03T10:00:00Z,clear\n")
    hub.put()
    listed = hub.manifest()
    (server,) = [uuid for uuid, one in listed.items() if "c2-server" in one["info"]]
    first = next(one["sha256"] for one in hub.json("delivery", "list") if one["file"] == "first.csv")
    told = hub.json(
        "recall", "make", "--dataset", "servers", "--delivery", first, "--kind", "withdrawn", "--why", "No."
    )
    # at once, before anything is published again
    for value in PUBLISHED:
        assert hub.holds(value) == []
    assert hub.values() == {"110.164.77.77": ("ip-dst", True)}
    # an event of which all was recalled is gone from manifest and disk; what is left is newer than what was fetched
    assert hub.manifest().keys() == {server}
    assert hub.manifest()[server]["timestamp"] > listed[server]["timestamp"]
    # the public is told, and nobody waits for its answer
    assert [one["recipient"] for one in told["notices"]] == ["everybody"]
    assert hub.json("recall", "overdue", "--at", "2099-01-01") == []
    # what another delivery says of the server comes with the next release
    hub.put()
    assert hub.values() == {SERVER: ("ip-dst", True), "110.164.77.77": ("ip-dst", True)}
    assert hub.holds(SITE) == []
    hub(
        "recall",
        "make",
        "--dataset",
        "servers",
        "--all",
        "--kind",
        "withdrawn",
        "--why",
        "Nothing of it.",
        "--in",
        hub.folder,
    )
    assert hub.files() == {"hashes.csv": b"", "manifest.json": b"{}\n"}
    hub.put()
    assert hub.files() == {"hashes.csv": b"", "manifest.json": b"{}\n"}
    hub("ledger", "audit", "--in", hub.folder)


def test_what_is_erased_or_purged_or_withheld_is_nowhere_in_the_folder(hub: Hub) -> None:
    hub.put()
    hub("subject", "erase", SCANNER, "--why", "A court asked.", "--in", hub.folder)
    assert hub.holds(SCANNER) == []
    assert SERVER in hub.values()
    assert [name for name, text in rows_of(hub.folder) if SCANNER.encode() in text] == []
    hub("snapshot", "make", "--in", hub.folder)
    (account,) = hub.folder.glob("deliveries/dataset=servers/sha256=*/account.json")
    old = json.loads(account.read_text("utf-8"))
    account.write_text(json.dumps(old | {"received_at": "2020-01-01T00:00:00+00:00"}), "utf-8")
    hub("retention", "run", "--in", hub.folder)
    assert hub.files() == {"hashes.csv": b"", "manifest.json": b"{}\n"}


def test_what_an_analyst_withholds_leaves_the_feed_with_the_decision(hub: Hub) -> None:
    listed = "17.81.70.1"
    hub.deliver("second.csv", f"{listed},c2-server,,2026-10-03T10:00:00Z,clear\n")
    hub("snapshot", "make", "--in", hub.folder)
    decide = ("review", "decide", listed, "--in", hub.folder, "--why")
    hub(*decide, "It is not the firm's own.", "--release")
    hub.put()
    assert listed in hub.values()
    hub(*decide, "The firm says that it is.", "--withhold")
    assert hub.holds(listed) == []
    assert hub.values() == PUBLISHED


def test_when_the_agreement_ends_nothing_is_published_any_more(hub: Hub) -> None:
    hub.put()
    hub("agreement", "end", "vendor-2026", "--why", "over", "--in", hub.folder)
    assert "0 attributes in 0 events" in hub("channel", "publish", "--in", hub.folder)
    assert hub.files() == {"hashes.csv": b"", "manifest.json": b"{}\n"}


def test_whoever_serves_brings_a_feed_up_when_what_the_public_may_have_has_changed_and_only_then(hub: Hub) -> None:
    hub.put()
    with open_database(place_of(hub.folder / "workspace.toml"), to_write=True) as database:
        kept = keep_feeds(hub.folder, database, "tests", Kept())
        assert kept.seen is not None
        before = hub.feed.stat().st_ino
        assert keep_feeds(hub.folder, database, "tests", kept) == kept
        assert hub.feed.stat().st_ino == before
        hub("agreement", "end", "vendor-2026", "--why", "over", "--in", hub.folder)
        assert keep_feeds(hub.folder, database, "tests", kept).seen not in {None, kept.seen}
    assert hub.files() == {"hashes.csv": b"", "manifest.json": b"{}\n"}


def test_a_feed_is_served_to_everybody_and_nothing_beside_it_is(hub: Hub, serve) -> None:
    hub.put()
    port = serve(hub.folder).port

    def fetched(path: str) -> tuple[int, str | None, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.headers["content-type"], answer.read()
        finally:
            connection.close()

    for name, data in hub.files().items():
        kind = "application/json" if name.endswith(".json") else "text/csv; charset=utf-8"
        assert fetched(f"/feeds/open/{name}") == (200, kind, data)
    for path in ("/feeds/", "/feeds/open/", "/feeds/open/.manifest.json", "/feeds/../workspace.toml", "/feeds/other/x"):
        assert fetched(path)[0] == 404, path


def test_another_hub_takes_the_folder_and_finds_what_is_for_detection(hub: Hub, tmp_path: Path) -> None:
    hub.put()
    other = tmp_path / "other"
    hub("init", other)
    with (other / "workspace.toml").open("a", encoding="utf-8") as file:
        file.write(TAKING)
    hub("agreement", "apply", "--in", other)
    done = hub.accord("delivery", "add", "feed", hub.feed, "--in", other, "--snapshot", "--json")
    (account,) = json.loads(done.stdout)["deliveries"]
    assert (account["records"], account["accepted"], account["ignored_by_reason"]) == (4, 3, {"not-to-ids": 1})
    assert (account["rejected"], account["refused"], account["notes"]) == (0, [], [])
    for value, (role, families) in {
        SERVER: ("c2-server", ["Emotet"]),
        f"http://{SITE}/login?a=b": ("phishing", []),
        SCANNER: ("scanner", []),
    }.items():
        said = json.loads(hub.accord("lookup", value, "--in", other, "--json").stdout)
        assert [(one["role"], one["families"]) for each in said for one in each["findings"]] == [(role, families)]


def test_a_channel_that_is_public_no_more_has_no_feed(hub: Hub) -> None:
    hub.put()
    (hub.beside / "channels.toml").write_text(CHANNEL.partition("[[channel.member]]")[0], "utf-8")
    hub("channel", "apply", hub.beside / "channels.toml", "--in", hub.folder)
    assert "No channel is public" in hub("channel", "publish", "--in", hub.folder)
    assert not hub.feed.exists()


def test_the_public_has_no_country_and_explains_what_it_may_have(hub: Hub) -> None:
    (hub.beside / "channels.toml").write_text(CHANNEL + 'country = "TH"\n', "utf-8")
    assert "the public is everywhere" in hub(
        "channel", "apply", hub.beside / "channels.toml", "--in", hub.folder, code=2
    )
    settings = hub.folder / "workspace.toml"
    settings.write_text(
        settings.read_text("utf-8") + '[[partner]]\nid = "victims"\nname = "Whom it is about"\nkind = "concerned"\n',
        "utf-8",
    )
    hub("partner", "apply", "--in", hub.folder)
    (hub.beside / "channels.toml").write_text(CHANNEL.replace('"everybody"', '"victims"'), "utf-8")
    assert "of their own address" in " ".join(
        hub("channel", "apply", hub.beside / "channels.toml", "--in", hub.folder, code=2).split()
    )
    asked = ("release", "explain", "servers", "--to", "everybody", "--purpose", "network-defence", "--in", hub.folder)
    assert "nobody signs for what everybody may have" in " ".join(hub(*asked).split())
    settings.write_text(settings.read_text("utf-8").replace('pap = "clear"', 'pap = "green"'), "utf-8")
    hub("agreement", "apply", "--in", hub.folder)
    assert "does not say PAP:CLEAR" in " ".join(hub(*asked, code=1).split())
    assert hub.put()["findings"] == 0


def test_every_command_of_the_page_prints_what_it_shows(
    accord_here: Accord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[2] / "docs/misp-feed.md").read_text("utf-8")
    shown = {
        kind: re.findall(rf"^```{kind}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
        for kind in ("toml", "csv", "console")
    }
    monkeypatch.chdir(tmp_path)
    accord_here("init", "hub")
    settings = Path("hub/workspace.toml")
    text = settings.read_text("utf-8").replace("\nnamespace", '\ncountry = "FR"\nnamespace', 1)
    settings.write_text(text + shown["toml"][0], "utf-8")
    names = ("channels.toml", "october.toml", "servers.csv")
    for name, told in zip(names, (*shown["toml"][1:], *shown["csv"]), strict=True):
        Path(name).write_text(told, "utf-8")
    accord_here("agreement", "apply", "--in", "hub")
    accord_here("delivery", "add", "servers", "servers.csv", "--in", "hub")
    (block,) = shown["console"]
    for call in block.removeprefix("$ ").split("\n$ "):
        line, _, wanted = call.partition("\n")
        words = shlex.split(line)
        assert words[0] == "accord"
        printed = accord_here(*words[1:]).stdout
        for each in wanted.splitlines():
            assert each == "..." or each in printed.splitlines(), (line, each, printed)
