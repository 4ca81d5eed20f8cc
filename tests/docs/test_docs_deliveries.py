"""The page for partners states the bounds that the code holds, and the reasons that it gives."""

import re
from pathlib import Path

from accord.columns.builder import FAULT_LIMIT
from accord.columns.reading import DOCUMENT_LIMIT, DOCUMENT_ROWS, DOCUMENT_VALUES, LINE_VALUES
from accord.intake.receiving import LINE_LIMIT
from accord.intake.unpacking import Limits
from accord.vocabulary.reasons import EXPLANATIONS, Ignored

PAGE = Path(__file__).parents[2] / "docs/deliveries.md"


def test_the_page_on_handing_over_files_states_the_bounds_in_force() -> None:
    table = PAGE.read_text("utf-8").split("## Bounds", 1)[1]
    stated = dict(re.findall(r"^\| (.+?) \| (.+?) \|$", table, re.MULTILINE))
    limits = Limits()
    expected = {
        "entries": f"{limits.members:,}",
        "bytes that all": f"{limits.expanded_bytes >> 30} GiB",
        f"unpacked bytes for each byte on disk, once {limits.ratio_from_bytes >> 20} MiB": f"{limits.ratio}",
        "wrappings": f"{limits.depth}",
        "bytes of one member": f"{limits.member_bytes >> 30} GiB",
        "bytes of one line": f"{LINE_LIMIT >> 20} MiB",
        "values of one line": f"{LINE_VALUES:,}",
        "a document": f"{DOCUMENT_LIMIT >> 20} MiB, {DOCUMENT_VALUES:,} values, "
        f"{DOCUMENT_ROWS:,} observations and rejects",
        "parts of one record": f"{FAULT_LIMIT:,}; the others are left out as well",
    }
    for start, value in expected.items():
        row = [told for what, told in stated.items() if what.startswith(start)]
        assert len(row) == 1, start
        assert row[0].split(" (")[0] == value


def test_the_page_gives_every_reason_in_the_words_that_a_check_prints() -> None:
    rows = re.findall(r"^\| (ignored|rejected) \| `([a-z-]+)` \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    wanted = [("ignored" if isinstance(one, Ignored) else "rejected", one, told) for one, told in EXPLANATIONS.items()]
    assert rows == wanted
