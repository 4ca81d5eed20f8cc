"""One file of sinkhole events, as large as one likes."""

import re
import tracemalloc
from collections import Counter
from ipaddress import ip_address
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from accord.reference.addresses import parse_addresses
from accord.reference.store import Reference, load
from accord.training.events import WrittenEvents, write_events
from accord.training.ground import Ground
from accord.training.population import populate
from accord.training.rows import FAULTS, write_address
from accord.training.simda_2015 import SIMDA_2015
from accord.training.sinkhole import RowWriter, SinkholeLog
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.reasons import Rejected

EVENTS = 16_000


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load(None)


@pytest.fixture(scope="module", params=[False, True], ids=["sparing", "quoted"])
def written(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, reference: Reference
) -> WrittenEvents:
    path = tmp_path_factory.mktemp("events") / "events.csv"
    return write_events(path, EVENTS, 1, reference, quoted=request.param)


@pytest.fixture(scope="module")
def read(written: WrittenEvents, slow_log):
    log = slow_log()
    log.read(written.path)
    return log


def test_a_slow_reader_counts_what_the_writer_says(written: WrittenEvents, read) -> None:
    expected = Counter({kind.value: count for kind, count in written.rejected_by_reason.items()})
    expected |= Counter({"port": written.bad_ports, "good": written.accepted - written.bad_ports})
    assert read.outcomes == expected
    assert read.lines == written.events == EVENTS
    assert written.bytes == written.path.stat().st_size
    kinds = Counter(ip_address(one).version for one in read.sightings)
    assert (kinds[4], kinds[6]) == (written.ipv4, written.ipv6)


def test_one_line_in_a_hundred_is_broken_and_every_kind_comes_as_often(written: WrittenEvents) -> None:
    assert set(written.rejected_by_reason) | {Rejected.PORT} == set(FAULTS)
    assert [*written.rejected_by_reason.values(), written.bad_ports] == [EVENTS // 100 // len(FAULTS)] * len(FAULTS)


def test_one_line_in_twenty_is_ipv6(read) -> None:
    # of 800 IPv6 lines, 8 are broken, one of them only in its port
    assert read.six == 800 - 8 + 1


def test_commas_and_doubled_quotes_stand_in_fields_before_the_infections(read) -> None:
    assert read.commas > EVENTS // 10
    assert read.doubled > EVENTS // 50


def test_only_what_needs_quotes_has_them_unless_all_are_wanted(written: WrittenEvents) -> None:
    sound = written.path.read_text("latin-1").splitlines()
    fields = Counter(bool(re.search('[,"]', one[1:-1])) for line in sound for one in re.findall('"(?:[^"]|"")*"', line))
    bare = sum('"' not in line for line in sound)
    if written.path.read_bytes().startswith(b'"'):
        assert bare == 0
    else:
        assert bare > EVENTS // 4
        # but for the lines whose quotes are broken on purpose
        assert fields[False] <= written.rejected_by_reason[Rejected.QUOTING]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_ones(tmp_path: Path, reference: Reference) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_events(tmp_path / name, 2_000, seed, reference)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    lines = [set((tmp_path / name).read_bytes().splitlines()[1:]) for name in ("a", "c")]
    assert not lines[0] & lines[1]


def test_too_few_events_are_refused(tmp_path: Path, reference: Reference) -> None:
    with pytest.raises(SettingsError, match="too few events"):
        write_events(tmp_path / "a", 1_999, 1, reference)
    assert not (tmp_path / "a").exists()


def test_ten_times_the_rows_take_hardly_more_memory(reference: Reference) -> None:
    ground = Ground(reference)
    population = populate(SIMDA_2015, 1, 0.002, ground)
    peaks = []
    for events in (20_000, 20_000, 200_000):  # the first compiles what it calls
        tracemalloc.start()
        log = SinkholeLog(SIMDA_2015, population, 1, events)
        writer = RowWriter(log, quoted=True, layouts=True)
        rows = sum(int(piece.lines.sum()) for day in log.days() for piece in writer.rows(day))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert rows == events
    # 200,000 rows are 50 MB of text
    assert peaks[2] < peaks[1] + 1_000_000


@pytest.mark.parametrize(
    "text",
    [
        "8.8.4.4",
        "203.0.113.255",
        "2001:db8::",
        "::1",
        "1::",
        "2a02:1210:0:1:0:0:0:5",
        "1:0:0:2:0:0:0:3",
        "1:0:2:3:4:5:6:7",
        "1:0:0:2:3:0:0:4",
        "fe80::1:0:0:1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ],
)
def test_addresses_are_written_as_rfc_5952_has_them(text: str) -> None:
    high, low = parse_addresses(pa.array([text]))
    out = np.zeros(64, np.uint8)
    end = write_address(out, 0, high[0], low[0])
    assert out[:end].tobytes().decode() == str(ip_address(text))
