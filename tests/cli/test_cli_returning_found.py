"""What was erased is found in a delivery as a slow twin finds it, which reads each text by itself."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from accord.cli.deliveries.kept import ADDRESSES, OTHERS
from accord.cli.rights.holders import REJECTS, RESOLUTIONS, groups, values_of
from accord.cli.rights.returning import _found
from accord.columns.schema import EVIDENCE
from accord.columns.values import read_any_value
from accord.intake.rejects import REJECT_LINES
from accord.intake.resolutions import DATED_RESOLUTIONS
from accord.release.erased import KeptOut, mac_of
from accord.release.notices import RecallKind
from accord.vocabulary.indicators import Indicator, IndicatorType

KEY = bytes(range(32))


def no_suffix(_: str) -> bool:
    return False


def row(schema: pa.Schema, **said: object) -> dict[str, object]:
    """A row of any schema: what is not said is nothing, or the least there is."""
    found: dict[str, object] = {}
    for field in schema:
        if field.nullable:
            found[field.name] = None
        elif pa.types.is_string(field.type) or pa.types.is_dictionary(field.type):
            found[field.name] = ""
        elif pa.types.is_list(field.type):
            found[field.name] = []
        else:
            found[field.name] = False if pa.types.is_boolean(field.type) else 0
    return found | said


def write(path: Path, schema: pa.Schema, rows: list[dict[str, object]]) -> None:
    columns = {field.name: pa.array([one[field.name] for one in rows], field.type) for field in schema}
    # several row groups, so that what stands in a later one is found as well
    pq.write_table(pa.table(columns, schema=schema), path, row_group_size=2)


V4 = [(45 << 24) + at for at in range(5)]
V6 = [(0x2001_0DB8 << 32, at) for at in range(1, 4)]
OTHER = [
    ("domain", "xn--bcher-kva.example"),
    ("domain", "a.bank.example"),
    ("url", "http://bank.example/login?user=anna@mail.example&at=45.1.1.1"),
    ("url", "http://45.2.2.2:8080/x"),
    ("email", "Anna@mail.example"),
    ("sha256", "ab" * 32),
    ("sha1", "cd" * 20),
    ("md5", "ef" * 16),
    ("cidr", "45.3.0.0/16"),
]


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    addresses = [row(EVIDENCE, type="ipv4", high=0, low=0xFFFF_0000_0000 + one) for one in [V4[0], *V4]]
    addresses += [row(EVIDENCE, type="ipv6", high=high, low=low) for high, low in V6]
    write(tmp_path / ADDRESSES, EVIDENCE, addresses)
    write(tmp_path / OTHERS, EVIDENCE, [row(EVIDENCE, type=kind, value=value) for kind, value in OTHER])
    resolved = [("www.bank.example", "45.9.9.9"), ("b.example", "2001:db8::9"), ("c.example", "45.9.9.8")]
    write(
        tmp_path / RESOLUTIONS,
        DATED_RESOLUTIONS,
        [row(DATED_RESOLUTIONS, domain=name, address=address) for name, address in resolved],
    )
    texts = ["45.8.8.8 and more", "10.0.0.7", "no value", 'mail "eve@mail.example"', ""]
    write(tmp_path / REJECTS, REJECT_LINES, [row(REJECT_LINES, text=one, file="45.7.7.7 log.csv") for one in texts])
    return tmp_path


def slowly(path: Path, erased: set[str]) -> dict[str, Indicator]:
    """Every text of every table, and every word in it, read and hashed alone by the standard library."""
    found: dict[str, Indicator] = {}
    texts: list[str] = []
    for name in (ADDRESSES, OTHERS):
        texts += [one for table in groups(path / name) for one in values_of(table)]
    for name, columns in ((RESOLUTIONS, ("domain", "address")), (REJECTS, ("text", "file", "member"))):
        for table in groups(path / name):
            texts += [one for column in columns for one in table[column].to_pylist() if one is not None]
    for text in texts:
        for token in {text, *re.split(r"[\s\"'<>|,;=&?#/(){}\\]+", text)}:
            read = read_any_value(token, no_suffix)
            names = [Indicator(kind=read.kind, value=read.value)] if read is not None else []
            if read is not None and "@" in read.value and "/" not in read.value:
                names.append(Indicator(kind=IndicatorType.DOMAIN, value=read.value.rpartition("@")[2]))
            for one in names:
                if mac_of(one, KEY) in erased:
                    found[mac_of(one, KEY)] = one
    return found


EVERYTHING = [
    *(Indicator(kind=IndicatorType.IPV4, value=f"45.0.0.{at}") for at in range(7)),
    *(Indicator(kind=IndicatorType.IPV6, value=f"2001:db8::{at}") for at in (1, 2, 3, 9, 10)),
    *(Indicator(kind=IndicatorType(kind), value=value) for kind, value in OTHER),
    *(Indicator(kind=IndicatorType.IPV4, value=one)
      for one in ("45.1.1.1", "45.2.2.2", "45.9.9.9", "45.9.9.8", "45.8.8.8", "45.7.7.7", "10.0.0.7")),
    *(Indicator(kind=IndicatorType.DOMAIN, value=one)
      for one in ("bank.example", "mail.example", "www.bank.example", "b.example", "nobody.example")),
    *(Indicator(kind=IndicatorType.EMAIL, value=one)
      for one in ("anna@mail.example", "eve@mail.example", "bob@mail.example")),
]  # fmt: skip


def found(path: Path, *wanted: Indicator) -> dict[str, Indicator]:
    kept_out = KeptOut(at=datetime(2026, 1, 1, tzinfo=UTC), kind=RecallKind.ERASED, roles=None)
    return _found(path, dict.fromkeys((mac_of(one, KEY) for one in wanted), kept_out), KEY, no_suffix)


def test_all_that_was_erased_is_found_wherever_it_stands(delivery: Path) -> None:
    said = found(delivery, *EVERYTHING)
    assert said == slowly(delivery, {mac_of(one, KEY) for one in EVERYTHING})
    # by hand: what stands nowhere, and nothing else, is missing
    lacking = {one.value for one in EVERYTHING if mac_of(one, KEY) not in said}
    assert lacking == {"45.0.0.5", "45.0.0.6", "2001:db8::10", "nobody.example", "bob@mail.example"}


@pytest.mark.parametrize("one", EVERYTHING, ids=lambda one: f"{one.kind}-{one.value}")
def test_one_value_is_found_as_the_slow_twin_finds_it(delivery: Path, one: Indicator) -> None:
    assert found(delivery, one) == slowly(delivery, {mac_of(one, KEY)})
