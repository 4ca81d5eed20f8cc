"""What we hand out in a format that we also read says the same when it comes back."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from accord.columns.reading import Chunk, Context, Part
from accord.formats import intelmq as intelmq_format
from accord.formats import xarf as xarf_format
from accord.reports import intelmq, xarf
from accord.vocabulary.indicators import INDICATOR_TYPES
from accord.vocabulary.roles import ROLES

VALUES = {
    "ipv4": {"value": "9.9.9.9"},
    "ipv6": {"value": "2620:fe::fe"},
    "domain": {"value": "www.xn--bcher-kva.example", "resolved": ["9.9.9.9"]},
    "url": {
        "value": "http://www.example.com:8080/ä?x=<y>",
        "host": "www.example.com",
        "resolved": ["9.9.9.9", "1.1.1.1"],
    },
    "email": {"value": "ceo@example.com", "host": "example.com"},
    "sha256": {"value": "ab" * 32},
    "sha1": {"value": "cd" * 20},
    "md5": {"value": "ef" * 16},
    "asn": {"value": "13335"},
    "cidr": {"value": "9.9.9.0/24"},
}
DIGESTS = {"sha256", "sha1", "md5"}


def read(module: ModuleType, path: Path) -> list[dict[str, object]]:
    """The observations of a file of lines; every line is accepted."""
    data = path.read_bytes()
    assert module.recognises(data[:65_536], path.name)
    assert module.grain(data[:65_536]) == "lines"
    part = Part(member=0, path=path.name, start=0, end=len(data), first_line=1)
    context = Context(is_public_suffix=lambda name: name == "com", has_known_suffix=bool)
    parsed = module.parse(Chunk(data=np.frombuffer(data, np.uint8), parts=(part,)), context)
    assert parsed.rejects.to_pylist() == []
    return parsed.observations.to_pylist()


def seen(rows: list[dict[str, object]]) -> set[tuple[object, ...]]:
    return {
        (INDICATOR_TYPES[row["type"]].value, row["value"], row["role"], (row["family"] or "").lower()) for row in rows
    }


def test_intelmq_events_give_the_findings_that_they_were_made_of(make_view, tmp_path):
    rows = [
        {"type": kind, "role": role.value, "families": ["Cobalt Strike", "Emotet"][: at % 3]} | given
        for kind, given in VALUES.items()
        for at, role in enumerate(ROLES)
        # the digest of a file is read in the roles that a file can have
        if kind not in DIGESTS or role in intelmq_format.FILE_ROLES or role.value == "undetermined"
    ]
    number = intelmq.write(make_view(rows=rows), tmp_path / "intelmq.jsonl")
    found = read(intelmq_format, tmp_path / "intelmq.jsonl")
    assert len(found) == number
    assert seen(found) == {
        # `undetermined` says nothing: it is what a finding is whose record says no role
        (row["type"], row["value"], None if row["role"] == "undetermined" else row["role"], family.lower())
        for row in rows
        for family in row["families"] or [""]
    }


def test_intelmq_events_of_an_operation_give_its_findings(make_view, tmp_path):
    view = make_view(findings=120)
    intelmq.write(view, tmp_path / "intelmq.jsonl")
    # addresses of the benchmarking network are no findings in earnest
    text = (tmp_path / "intelmq.jsonl").read_text("utf-8").replace('"198.18.', '"9.9.').replace('"198.19.', '"9.10.')
    (tmp_path / "intelmq.jsonl").write_text(text, "utf-8")
    found = {(value, role) for _, value, role, _ in seen(read(intelmq_format, tmp_path / "intelmq.jsonl"))}
    expected = {
        (row["value"].replace("198.18.", "9.9.").replace("198.19.", "9.10."), row["role"])
        for row in view.findings.to_pylist()
        if not row["review"]
    }
    assert found == expected


@pytest.mark.parametrize("kind", ["ipv4", "ipv6", "domain"])
def test_abuse_reports_give_the_findings_that_they_were_made_of(make_view, tmp_path, kind):
    known = xarf.ON_SITES if kind == "domain" else xarf.ON_ADDRESSES
    rows = [
        {"type": kind, "role": role.value, "families": ["Emotet", "Mirai"][: at % 3]} | VALUES[kind]
        for at, role in enumerate(known)
    ]
    assert xarf.write(make_view(rows=rows), tmp_path / "xarf.jsonl") == len(rows)
    found = seen(read(xarf_format, tmp_path / "xarf.jsonl"))
    assert {(type_, value, role) for type_, value, role, _ in found} == {
        (kind, row["value"], row["role"]) for row in rows
    }
    # where the format has a member for the family, it is one; elsewhere all are tags
    named = {"infected-system", "c2-server", "malware-distribution"}
    assert {(role, family) for _, _, role, family in found} >= {
        (row["role"], row["families"][0].lower()) for row in rows if row["families"] and row["role"] in named
    }


def test_an_abuse_report_of_a_url_gives_the_url_where_the_format_has_a_place_for_it(make_view, tmp_path):
    rows = [
        {
            "type": "url",
            "value": "http://www.example.com/a?b=1",
            "host": "www.example.com",
            "role": role.value,
            "families": [],
        }
        for role in xarf.ON_SITES
    ]
    xarf.write(make_view(rows=rows), tmp_path / "xarf.jsonl")
    found = {(value, role) for _, value, role, _ in seen(read(xarf_format, tmp_path / "xarf.jsonl"))}
    content = {role.value for role, kind in xarf.ON_SITES.items() if kind.category == "content"}
    assert found == {
        ("http://www.example.com/a?b=1" if role.value in content else "www.example.com", role.value)
        for role in xarf.ON_SITES
    }
