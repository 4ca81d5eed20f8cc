"""Free text: a case file, what is taken and what is left out line by line, bulk against single lines, any input."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.columns.reading import Chunk, Context, Parsed, Part
from accord.formats import freetext
from accord.formats.freetext.lines import read_line
from accord.vocabulary.indicators import INDICATOR_TYPES
from accord.vocabulary.markings import MARKINGS

CASES = Path(__file__).parents[1] / "cases" / "freetext"
ENDINGS = frozenset("com net org uk io zip rs py sh md app save it so example ru br".split())
CONTEXT = Context(
    is_public_suffix=lambda name: name in ENDINGS | {"co.uk", "com.py", "com.br"},
    has_known_suffix=lambda name: name.rpartition(".")[2] in ENDINGS,
    rule_fields=("line", "other"),
)


def read(*members: bytes, layout: object = None) -> Parsed:
    parts, start = [], 0
    for number, member in enumerate(members):
        end = start + len(member)
        parts.append(Part(member=number, path="x", start=start, end=end, first_line=1, layout=layout))
        start = end
    data = np.frombuffer(b"".join(members), np.uint8)
    return freetext.parse(Chunk(data=data, parts=tuple(parts)), CONTEXT)


def told(row: dict[str, object]) -> str:
    port = "" if row["port"] is None else f" {row['port']}"
    return f"{INDICATOR_TYPES[row['type']].value} {row['value']}{port}"


def stated(line: str) -> list[str]:
    return [told(row) for row in read(line.encode()).observations.to_pylist()]


def rejected(line: str) -> list[str]:
    return [row["reason"] for row in read(line.encode()).rejects.to_pylist()]


def by_record(rows: list[tuple[int, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for record, words in rows:
        found.setdefault(str(record), []).append(words)
    return found


def assert_accounted(parsed: Parsed) -> None:
    taken = {(row["member"], row["record"]) for row in parsed.observations.to_pylist()}
    refused = [(row["member"], row["record"]) for row in parsed.rejects.to_pylist() if not row["partial"]]
    assert len(refused) == len(set(refused))
    assert not taken & set(refused)
    assert parsed.records == len(taken) + len(refused) + sum(parsed.ignored.values())


@pytest.mark.parametrize("case", sorted(CASES.glob("*.expected.json")), ids=lambda path: path.name)
def test_a_case_file_gives_exactly_what_stands_beside_it(case: Path) -> None:
    expected = json.loads(case.read_text())
    data = (CASES / case.name.replace(".expected.json", ".txt")).read_bytes()
    parsed = read(data, layout=freetext.layout(data, "report.txt", CONTEXT))
    assert_accounted(parsed)
    observations, rejects = parsed.observations.to_pylist(), parsed.rejects.to_pylist()
    assert by_record([(row["record"], told(row)) for row in observations]) == expected["stated"]
    for name, partial in (("partial", True), ("rejected", False)):
        rows = [(row["record"], f"{row['reason']} {row['text']}") for row in rejects if row["partial"] is partial]
        assert by_record(rows) == expected[name]
    assert dict(parsed.ignored) == expected["ignored"]
    assert {MARKINGS[row["marking"]].value for row in observations} == {expected["marking"]}


@pytest.mark.parametrize(
    "text",
    [
        "evil[.]example[.]com",
        "evil(.)example(.)com",
        "evil{.}example{.}com",
        "evil[dot]example[DOT]com",
        "evil[.example.]com",
        "evil [.] example [.] com",
        "evil [dot] example [dot] com",
        '"evil[.]example[.]com"',
        "<evil[.]example[.]com>",
        "(evil[.]example[.]com).",
        "* evil[.]example[.]com;",
        "1) evil[.]example[.]com,",
        "**evil[.]example[.]com**",
        "`evil[.]example[.]com`",
        "| evil[.]example[.]com | seen twice |",
        "evil.example.com\tCobalt Strike",
        "evil.example.com, 2020-01-02",
        "Domain: evil.example.com",
        "C2 server: evil.example.com",
        "domain=evil.example.com",
        "EVIL.Example.com",
        "evil.example.com.",
        "it reached evil.example.com yesterday",
        "2020-01-02;evil.example.com;x",
    ],
)
def test_a_name_is_found_however_it_is_dressed(text: str) -> None:
    assert stated(text) == ["domain evil.example.com"]


@pytest.mark.parametrize(
    "text",
    [
        "setup.exe",
        "The file invoice.doc was opened",
        "script.py and run.sh and notes.md and main.rs and libc.so and Safari.app",
        "It stopped.It then went on",
        "e.g. the U.S. and i.e. others, etc.",
        "version 9.9.9.9",
        "Version: 9.9.9.9 of it",
        "released v9.9.9.9 last year",
        "the tool 3.1.2.1 has it",
        "section 1.2.3.4 says so",
        "T1078.002 and CVE-2020-1234",
        "at 06:20:28 on 20.11.2018",
        r"C:\Users\x\evil.com",
        r"HKEY_LOCAL_MACHINE\Software\evil.com",
        r"reg.exe save HKLM\SAM sam.save",
        "std::map and a::b and dead::beef",
        "00:1a:2b:3c:4d:5e",
        "System.Net.WebClient uses ASP.Net",
        "=?utf-8?B?ZXZpbC5leGFtcGxlLmNvbQ==?=",
        "ZXZpbC5leGFtcGxlLmNvbQ/abc+def==",
        'boundary="--2721644617813540782547331541442470"',
        "Message-ID: <1234.5678@mail.example.com>",
        "To: <someone@example.com>",
        "Cc: a@example.com, b@example.com",
        "<8cadda8f-2f82-407d-9688-a3a2533458b4@mail.example.com>",
        "spf=pass smtp.mailfrom=example.com;",
        "Source: https://blog.example.com/x",
        "VirusTotal: https://www.example.com/gui/file/d41d8cd98f00b204e9800998ecf8427e",
        "[a report](https://blog.example.com/x)",
        "follow @someone or #tag",
        "file:///etc/passwd and res://x.example.com/y",
        "hosted at AS3333",
        "call 1-661-501-2041 or +7.9789224559",
        "x" * 40,
        "de" * 64,
        "",
        "   ",
    ],
)
def test_false_friends_are_left_out(text: str) -> None:
    parsed = read(text.encode() or b"\n")
    assert [told(row) for row in parsed.observations.to_pylist()] == []
    assert len(parsed.rejects) == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("backup.zip", "not-an-indicator"),
        ("script.py", "not-an-indicator"),
        ("alfa_music.example.com", "host-name"),
        ("xn--a-ecp.example.com", "host-name"),
        ("192.168.1.1", "address-not-routable"),
        ("the host 10.0.0.7 was hit", "address-not-routable"),
        ("fe80::1", "address-not-routable"),
        ("010.020.030.040", "address"),
        ("9.9.9.9:99999", "port"),
        ("9.9.9.9/24", "cidr"),
        ("hxxp://server/x", "host-name"),
        ("<nobody@localhost>", "email"),
        ("someone@9.9.9[.]9", "email"),
        ("d41d8cd98f00b204e9800998ecf8427", "hash"),
        ("evil[.]bazar", "host-name"),
        ("*.example.com", "regular-expression"),
        ("*[.]example[.]com", "regular-expression"),
        ("9.9.9.9-9.9.9.12", "not-an-indicator"),
        ("x" * 20_000 + ".com", "too-long"),
    ],
)
def test_what_claims_to_be_an_indicator_and_is_none_is_rejected_with_its_reason(text: str, reason: str) -> None:
    assert stated(text) == []
    assert rejected(text) == [reason]


def test_on_a_line_that_defangs_what_it_means_bare_names_are_context() -> None:
    assert stated("evil[.]example[.]com was named after www.bank.com, see https://www.bank.com/x") == [
        "domain evil.example.com"
    ]


def test_a_bare_name_under_a_file_ending_is_taken_where_a_registry_or_a_path_says_so() -> None:
    assert stated("shop.com.py") == ["domain shop.com.py"]
    assert stated("shop.so/index.php") == ["url http://shop.so/index.php"]
    assert stated("files.zip/a.exe") == []
    assert stated("shop[.]zip") == ["domain shop.zip"]


def test_a_value_said_twice_on_a_line_is_one_observation() -> None:
    assert stated("- Received: from 9.9.9[.]9 ([9.9.9[.]9])") == ["ipv4 9.9.9.9"]


def test_commas_part_columns_only_where_there_are_columns() -> None:
    assert stated("hxxp://example.com/a,b/c") == ["url http://example.com/a,b/c"]
    assert stated("hxxp://example.com/a,9.9.9.9") == ["url http://example.com/a", "ipv4 9.9.9.9"]
    assert stated('"9.9.9.9","8.8.8.8"') == ["ipv4 9.9.9.9", "ipv4 8.8.8.8"]
    assert stated("9.9.9.9,8.8.8.8") == ["ipv4 9.9.9.9", "ipv4 8.8.8.8"]


def test_bytes_that_are_no_utf8_reject_their_line_and_no_other() -> None:
    parsed = read(b"evil.example.com\n\xff\xfe evil.example.com\n9.9.9.9\n")
    assert [row["record"] for row in parsed.observations.to_pylist()] == [1, 3]
    assert [(row["record"], row["reason"]) for row in parsed.rejects.to_pylist()] == [(2, "encoding")]


def test_the_narrowest_label_of_a_text_or_a_line_holds() -> None:
    layout = freetext.layout(b"TLP:GREEN\n...TLP: AMBER+STRICT applies", "x", CONTEXT)
    parsed = read(b"9.9.9.9\n208.67.222.222 TLP:RED\n208.67.220.220 (tlp:clear)\n", layout=layout)
    assert [MARKINGS[row["marking"]].value for row in parsed.observations.to_pylist()] == [
        "amber+strict",
        "red",
        "amber+strict",
    ]
    assert freetext.layout(b"nothing said, not even TLP", "x", CONTEXT) is None


def test_rules_can_look_at_the_line_and_lines_keep_their_order() -> None:
    parsed = read(b"9.9.9.9\n8[.]8[.]8[.]8 is it\n1.1.1.1\n", b"8.8.4.4\n")
    rows = parsed.observations.to_pylist()
    assert [(row["member"], row["record"], row["value"], row["field:line"], row["field:other"]) for row in rows] == [
        (0, 1, "9.9.9.9", "9.9.9.9", None),
        (0, 2, "8.8.8.8", "8[.]8[.]8[.]8 is it", None),
        (0, 3, "1.1.1.1", "1.1.1.1", None),
        (1, 1, "8.8.4.4", "8.8.4.4", None),
    ]


def test_text_is_recognised_and_binary_and_json_are_not() -> None:
    assert freetext.recognises(b"any words\n", "x")
    assert not freetext.recognises(b"\x00\x01", "x")
    assert not freetext.recognises(b'{"a": 1}', "x")


WORDS = "evil example com zip py 9.9.9.9 10.0.0.1 d41d8cd98f00b204e9800998ecf8427e 2620:fe::fe AS3333 co uk From: To:"
MARKS = "[.] . (.) [dot] hxxp:// http:// [:]// : / ? = & @ [at] , ; | # - * ( ) < > ' \" \\ ~ % _ é 443 99999 TLP:RED"
PIECES = st.sampled_from([*WORDS.split(), *MARKS.split(), " ", "  ", "\t"])
TEXTS = st.lists(PIECES, max_size=12).map("".join)


@given(TEXTS | st.text(max_size=40))
@settings(max_examples=400, deadline=None)
def test_any_line_reads_alone_as_it_reads_in_bulk(text: str) -> None:
    text = text.replace("\n", " ").replace("\r", " ")
    parsed = read(text.encode("utf-8", "replace") + b"\n")
    said = read_line(text.encode("utf-8", "replace").decode(), CONTEXT)
    assert [(INDICATOR_TYPES[row["type"]], row["value"], row["port"]) for row in parsed.observations.to_pylist()] == [
        (one.kind, one.value, one.port) for one in said.indicators
    ]
    assert [row["reason"] for row in parsed.rejects.to_pylist()] == [reason.value for reason, _ in said.rejects]
    assert_accounted(parsed)


@given(st.lists(st.binary(max_size=40) | TEXTS.map(str.encode), max_size=6), st.data())
@settings(max_examples=150, deadline=None)
def test_a_good_line_among_any_others_is_never_lost(others: list[bytes], data: st.DataObject) -> None:
    lines = [line.replace(b"\n", b" ") for line in others]
    at = data.draw(st.integers(min_value=0, max_value=len(lines)))
    lines.insert(at, b"good[.]example[.]com")
    freetext.recognises(b"\n".join(lines), "x")
    parsed = read(b"\n".join(lines) + b"\n")
    assert parsed.records == len(lines)
    assert_accounted(parsed)
    assert [told(row) for row in parsed.observations.to_pylist() if row["record"] == at + 1] == [
        "domain good.example.com"
    ]
