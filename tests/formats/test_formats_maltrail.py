"""Trails as the publisher ships them; their cases are read in test_formats_plain.py (tests/cases/maltrail)."""

import tarfile
from pathlib import Path

import numpy as np
import pytest

from accord.columns.reading import Chunk, Context, Part
from accord.formats import maltrail

FEEDS = Path(__file__).parents[2] / ".." / "shared" / "feeds" / "maltrail"
CONTEXT = Context(is_public_suffix={"com"}.__contains__, has_known_suffix=lambda _: True)


@pytest.mark.skipif(not FEEDS.is_dir(), reason="needs ../shared, which is not here")
def test_a_real_delivery_is_counted_as_a_reader_of_lines_counts_it() -> None:
    records = blank = comments = 0
    expected = [0, 0, 0]
    (archive,) = FEEDS.glob("*.tar.gz")
    with tarfile.open(archive) as trails:
        for number, entry in enumerate(trails):
            file = trails.extractfile(entry)
            if file is None or number % 10:
                continue
            data = file.read()
            lines = data.decode("utf-8").split("\n")
            if lines[-1] == "":
                lines.pop()
            expected[0] += len(lines)
            expected[1] += sum(not line.strip() for line in lines)
            expected[2] += sum(line.strip().startswith("#") for line in lines)
            part = Part(member=0, path=entry.name, start=0, end=len(data), first_line=1)
            parsed = maltrail.parse(Chunk(data=np.frombuffer(data, np.uint8), parts=(part,)), CONTEXT)
            records += parsed.records
            blank += parsed.ignored.get("blank", 0)
            comments += parsed.ignored.get("comment", 0)
    assert [records, blank, comments] == expected
