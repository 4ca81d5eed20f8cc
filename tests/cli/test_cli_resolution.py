"""`accord resolution collect`: what is asked for, what never is, what is written, and that a run takes all of it."""

import importlib.util
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import dns.rcode
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from accord.columns.reading import Chunk, Context, Part
from accord.columns.schema import FINDINGS
from accord.formats import passive_dns

_spec = importlib.util.spec_from_file_location(
    "name_server", Path(__file__).parents[1] / "attribution" / "name_server.py"
)
simulator = importlib.util.module_from_spec(_spec)
# dataclasses look their module up
sys.modules[_spec.name] = simulator
_spec.loader.exec_module(simulator)
answer, silence = simulator.answer, simulator.silence

THEN = datetime(2026, 11, 1, tzinfo=UTC)
UNFILLED: dict[object, object] = {pa.bool_(): False, pa.int64(): 1, pa.int32(): 1, pa.float64(): 0.5, pa.string(): "x"}


def finding(value: str, **said: object) -> dict[str, object]:
    """A row of the hub's table: a domain that is its own host, green, c2-server, unless it is said otherwise."""
    row: dict[str, object] = {}
    for column in FINDINGS:
        if pa.types.is_list(column.type):
            row[column.name] = []
        elif pa.types.is_timestamp(column.type):
            row[column.name] = THEN
        else:
            row[column.name] = None if column.nullable else UNFILLED[column.type]
    domain = {"type": "domain", "value": value, "host": value, "role": "c2-server", "marking": "green"}
    return row | domain | said


@pytest.fixture
def server() -> Iterator[object]:
    with simulator.name_server() as running:
        yield running


@pytest.fixture
def output(tmp_path: Path) -> Callable[..., Path]:
    def write(*rows: Mapping[str, object]) -> Path:
        (tmp_path / "out" / "hub").mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(list(rows), schema=FINDINGS), tmp_path / "out" / "hub/findings.parquet")
        return tmp_path / "out"

    return write


@pytest.fixture
def collect(accord, server, tmp_path: Path) -> Callable[..., dict]:
    def run(out: Path, *more: str, expect: int = 0, timeout: str = "20") -> dict:
        done = accord(
            *("resolution", "collect", out, "--to", tmp_path / "said.jsonl", "--timeout", timeout, "--json"),
            *("--nameserver", f"127.0.0.1:{server.port}", *more),
            expect=expect,
        )
        return json.loads(done.stdout)

    return run


def lines(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text("ascii").splitlines()]


def nonzero(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}


def test_only_domains_and_hosts_of_urls_without_address_are_asked_for(server, output, collect, tmp_path) -> None:
    out = output(
        finding("c2.example.com"),
        finding("http://site.example.com/panel", type="url", host="site.example.com"),
        finding("a@mail.example.com", type="email", host="mail.example.com"),
        finding("8.8.8.8", type="ipv4", host=None, address="8.8.8.8"),
        finding("2620:fe::fe", type="ipv6", host=None, address="2620:fe::fe"),
        finding("9.9.9.0/24", type="cidr", host=None),
        finding("64496", type="asn", host=None),
        finding("0" * 64, type="sha256", host=None),
        finding("0" * 32, type="md5", host=None),
        finding("http://9.9.9.9/x", type="url", host=None, address="9.9.9.9"),
        finding("known.example.com", resolved=["8.8.4.4"]),
    )
    server.tell("c2.example.com", answer("c2.example.com A 8.8.4.4"))
    told = collect(out)
    assert server.names == {"c2.example.com", "site.example.com"}
    assert nonzero(told["left_out"]) == {"has-address": 1}
    assert told["asked"] == 2
    assert nonzero(told["outcomes"]) == {"resolved": 1, "no-such-name": 1}


def test_a_name_with_a_finding_in_review_is_not_asked_for_by_way_of_another_finding(server, output, collect) -> None:
    out = output(
        finding("c2.example.com"),
        finding("doubt.example.com", review=["list (1)"]),
        finding("doubt.example.com", role="phishing"),
        finding("http://doubt.example.com/x", type="url", host="doubt.example.com"),
    )
    told = collect(out, expect=1)
    assert server.names == {"c2.example.com"}
    assert nonzero(told["left_out"]) == {"in-review": 1}


def test_a_name_that_only_strict_findings_hold_never_reaches_a_name_server(server, output, collect) -> None:
    markings = ("clear", "green", "amber", "amber+strict", "red")
    out = output(
        *(finding(f"{marking.replace('+', '-')}.example.com", marking=marking) for marking in markings),
        finding("both.example.com", marking="red"),
        finding("both.example.com", marking="clear", role="phishing"),
    )
    told = collect(out, expect=1)
    asked = {"clear.example.com", "green.example.com", "amber.example.com", "both.example.com"}
    assert server.names == asked
    assert nonzero(told["left_out"]) == {"marking": 2}


def test_with_countries_only_names_of_their_registries_are_asked_for(server, output, collect) -> None:
    out = output(
        finding("a.example.vn", registry_country="VN"),
        finding("b.example.th", registry_country="TH"),
        finding("c.example.sg", registry_country="SG"),
        finding("d.example.com", country="VN", countries=["VN"]),
    )
    told = collect(out, "--country", "vn", "--country", "TH", expect=1)
    assert server.names == {"a.example.vn", "b.example.th"}
    assert nonzero(told["left_out"]) == {"other-country": 2}


def test_the_limit_holds_and_takes_the_worst_first(server, output, collect) -> None:
    out = output(*(finding(f"n{number:02}.example.com", severity=float(number % 10)) for number in range(40)))
    told = collect(out, "--limit", "6", "--parallel", "3", expect=1)
    assert server.names == {f"n{number}.example.com" for number in ("09", "19", "29", "39", "08", "18")}
    assert (told["asked"], nonzero(told["left_out"])) == (6, {"over-limit": 34})


def test_every_line_is_taken_by_the_reader_of_passive_dns_with_the_moment_of_its_answer(
    server, output, collect, tmp_path
) -> None:
    names = [
        "c2.example.com",
        "xn--mnchen-3ya.example.com",
        "9to5.example.com",
        "parked.example.com",
        "off.example.com",
    ]
    out = output(*map(finding, [*names, "gone.example.com"]))
    server.tell(names[0], answer(f"{names[0]} CNAME e.net.", "e.net A 9.9.9.9", "e.net A 8.8.4.4"))
    server.tell(names[1], answer(f"{names[1]} AAAA 2620:fe::fe", f"{names[1]} A 8.8.8.8"))
    server.tell(names[2], answer(f"{names[2]} A 10.0.0.1", f"{names[2]} A 1.0.0.1"))
    server.tell(names[3], answer(f"{names[3]} A 127.0.0.1"))
    server.tell(names[4], answer(rcode=dns.rcode.SERVFAIL))
    before = int(datetime.now(UTC).timestamp())
    told = collect(out)
    after = int(datetime.now(UTC).timestamp())
    data = (tmp_path / "said.jsonl").read_bytes()
    part = Part(member=0, path="said.jsonl", start=0, end=len(data), first_line=1)
    context = Context(is_public_suffix=lambda name: name == "com", has_known_suffix=bool)
    parsed = passive_dns.parse(Chunk(data=np.frombuffer(data, np.uint8), parts=(part,)), context)
    assert passive_dns.recognises(data, "said.jsonl")
    assert parsed.rejects.num_rows == 0
    assert not parsed.ignored
    assert parsed.records == parsed.resolutions.num_rows == told["addresses"] == 5
    read = parsed.resolutions.to_pylist()
    assert [(row["domain"], row["address"]) for row in read] == [
        ("9to5.example.com", "1.0.0.1"),
        ("c2.example.com", "8.8.4.4"),
        ("c2.example.com", "9.9.9.9"),
        ("xn--mnchen-3ya.example.com", "8.8.8.8"),
        ("xn--mnchen-3ya.example.com", "2620:fe::fe"),
    ]
    assert all(row["first_seen"] == row["last_seen"] for row in read)
    assert all(before <= row["first_seen"].timestamp() <= after for row in read)
    assert told["not_routable"] == 2
    assert nonzero(told["outcomes"]) == {"resolved": 3, "not-routable": 1, "no-such-name": 1, "failed": 1}


def test_every_line_says_who_was_asked_what(server, output, collect, tmp_path) -> None:
    server.tell("c2.example.com", answer("c2.example.com A 8.8.4.4"))
    collect(output(finding("c2.example.com")))
    (line,) = lines(tmp_path / "said.jsonl")
    assert line["sensor_id"] == "hub-resolver"
    # RFC 4501, section 3: dns://host:port/name?type=A
    assert line["origin"] == f"dns://127.0.0.1:{server.port}/c2.example.com?type=A"


def test_when_no_address_comes_back_no_file_is_written(server, output, collect, tmp_path) -> None:
    told = collect(output(finding("gone.example.com")), expect=1)
    assert told["file"] is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_with_no_name_to_ask_for_nobody_is_asked_anything(server, output, collect) -> None:
    told = collect(output(finding("0" * 64, type="sha256", host=None)), expect=1)
    assert (told["asked"], server.asked) == (0, [])


def test_a_file_that_exists_is_left_as_it_is_and_nobody_is_asked(server, output, accord, tmp_path) -> None:
    out, to = output(finding("c2.example.com")), tmp_path / "said.jsonl"
    whom = ("--nameserver", f"127.0.0.1:{server.port}")
    to.write_text("kept")
    done = accord("resolution", "collect", out, *whom, "--to", to, expect=5)
    assert "already" in done.stderr
    to.unlink()
    to.symlink_to(tmp_path / "nowhere")
    accord("resolution", "collect", out, *whom, "--to", to, expect=5)
    assert to.is_symlink()
    assert server.asked == []


def test_a_file_that_comes_up_while_names_are_asked_for_is_not_replaced(server, output, collect, tmp_path) -> None:
    to = tmp_path / "said.jsonl"

    def meanwhile(question: object) -> list[bytes]:
        to.write_text("somebody else's")
        return answer("c2.example.com A 8.8.4.4")(question)

    server.tell("c2.example.com", meanwhile)
    out = output(finding("c2.example.com"))
    with pytest.raises(json.JSONDecodeError):
        collect(out, expect=5)
    assert to.read_text() == "somebody else's"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "said.jsonl"]


def test_a_collection_that_is_interrupted_stops_asking_and_leaves_nothing(server, output, start, tmp_path) -> None:
    names = [f"n{number}.example.com" for number in range(200)]
    out = output(*map(finding, names))

    def interrupt(question: object) -> list[bytes]:
        running.send_signal(signal.SIGINT)
        return answer("n0.example.com A 8.8.4.4")(question)

    server.tell(names[0], interrupt)
    for name in names[1:]:
        server.tell(name, silence)
    running = start(
        *("resolution", "collect", out, "--to", tmp_path / "said.jsonl", "--timeout", "0.5", "--parallel", "2"),
        *("--nameserver", f"127.0.0.1:{server.port}"),
    )
    _, said = running.communicate()
    assert running.returncode == 130
    assert "interrupted" in said
    assert len(server.names) < 20
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_what_is_wrong_with_the_words_is_said_before_anybody_is_asked(server, output, accord, tmp_path) -> None:
    out, whom = output(finding("c2.example.com")), f"127.0.0.1:{server.port}"

    def refused(expect: int, *words: object) -> str:
        return accord("resolution", "collect", *words, expect=expect).stderr

    to = tmp_path / "said.jsonl"
    assert "--nameserver" in refused(2, out, "--to", to)
    assert "no address of a name server" in refused(2, out, "--to", to, "--nameserver", "dns.example")
    assert "no such country" in refused(2, out, "--to", to, "--nameserver", whom, "--country", "ZZ")
    assert "next run replaces" in refused(2, out, "--to", out / "said.jsonl", "--nameserver", whom)
    (tmp_path / "none").mkdir()
    assert "no output folder" in refused(4, tmp_path / "none", "--to", to, "--nameserver", whom)
    assert "a folder that exists" in refused(5, out, "--to", tmp_path / "no/said.jsonl", "--nameserver", whom)
    (out / "hub/findings.parquet").write_bytes(b"PAR1")
    assert "cannot be read" in refused(4, out, "--to", to, "--nameserver", whom)
    assert server.asked == []


def test_a_name_server_that_is_silent_learns_no_name(server, output, accord, tmp_path) -> None:
    server.tell(".", silence)
    whom = ("--nameserver", f"127.0.0.1:{server.port}", "--timeout", "0.2")
    out = output(finding("c2.example.com"))
    done = accord("resolution", "collect", out, *whom, "--to", tmp_path / "said.jsonl", expect=2)
    assert "does not answer" in done.stderr
    assert server.names == set()


def test_the_account_for_people_adds_up_and_says_what_to_do_next(server, output, accord, tmp_path) -> None:
    server.tell("c2.example.com", answer("c2.example.com A 8.8.4.4", "c2.example.com A 10.0.0.1"))
    out = output(finding("c2.example.com"), finding("gone.example.com"), finding("r.example.com", marking="red"))
    whom = ("--nameserver", f"127.0.0.1:{server.port}")
    said = accord("resolution", "collect", out, *whom, "--to", tmp_path / "said.jsonl").stdout
    told = [line.split() for line in said.splitlines()]
    assert ["asked", "for", "all", "2"] in told
    assert ["do", "not", "exist", "(NXDOMAIN)", "1"] in told
    assert any(line[-1:] == ["1"] and "amber+strict" in line for line in told)
    assert "1 addresses are not routable" in said
    assert "docs/resolving.md" in said


def test_the_help_says_what_asking_gives_away(accord) -> None:
    told = " ".join(accord("resolution", "collect", "--help").stdout.split())
    assert "whoever runs the name server learns every name" in told
    assert "criminals' own" in told
    assert "Example: accord resolution collect" in told


def test_a_run_takes_the_collected_file_as_a_data_set_and_gives_the_name_its_country(
    server, accord, operation_of, servers, tmp_path
) -> None:
    names = ("c2.accord-test.example.vn", "gone.accord-test.example.vn")
    lists = {"servers.txt": "\n".join([*names, servers["VN"][1]]) + "\n"}
    first = operation_of(tmp_path / "first", lists, as_of="2099-12-31")
    accord("operation", "run", first, "--out", tmp_path / "out")
    server.tell(names[0], answer(f"{names[0]} A {servers['TH'][0]}"))
    to = tmp_path / "said.jsonl"
    accord("resolution", "collect", tmp_path / "out", "--nameserver", f"127.0.0.1:{server.port}", "--to", to)
    assert server.names == set(names)
    resolved = {
        "name": "resolved",
        "format": ["passive-dns"],
        "paths": ["resolved.jsonl"],
        "role": None,
        "family": None,
    }
    second = operation_of(
        tmp_path / "second",
        lists | {"resolved.jsonl": to.read_bytes()},
        {"name": "servers"},
        resolved,
        countries=("VN", "TH"),
        as_of="2099-12-31",
    )
    accord("operation", "run", second, "--out", tmp_path / "out")
    summary = json.loads((tmp_path / "out/summary.json").read_text("utf-8"))
    (delivery,) = [one for one in summary["deliveries"] if one["dataset"] == "resolved"]
    assert (delivery["records"], delivery["accepted"], delivery["rejected"], delivery["ignored"]) == (1, 1, 0, 0)
    found = {row["value"]: row for row in pq.read_table(tmp_path / "out/hub/findings.parquet").to_pylist()}
    assert (found[names[0]]["resolved"], found[names[0]]["country"]) == ([servers["TH"][0]], "TH")
    assert (found[names[1]]["resolved"], found[names[1]]["country"]) == ([], None)
    server.asked.clear()
    again = ("resolution", "collect", tmp_path / "out", "--nameserver", f"127.0.0.1:{server.port}")
    accord(*again, "--to", tmp_path / "again.jsonl", expect=1)
    assert server.names == {names[1]}


def test_the_file_is_readable_as_the_users_other_files_are(server, output, collect, tmp_path) -> None:
    server.tell("c2.example.com", answer("c2.example.com A 8.8.4.4"))
    collect(output(finding("c2.example.com")))
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "said.jsonl").stat().st_mode & 0o777 == 0o666 & ~mask
