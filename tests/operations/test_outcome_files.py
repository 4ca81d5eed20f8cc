"""outcomes.csv as it comes back from people's spreadsheets: every row is taken, passed over, or rejected with why."""

import csv
import hashlib
import io
from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.columns.formulas import disarmed
from accord.operations.outcome_files import EXPLANATIONS, MAX_BYTES, MAX_NOTE, read_outcomes
from accord.operations.outcomes import Said, Unfit
from accord.reports.guidance import OUTCOMES
from accord.reports.tables import OUTCOMES_HEADER
from accord.vocabulary.errors import RefusedFileError
from accord.vocabulary.outcomes import WEIGHT, Outcome

ONE, TWO, THREE = ("a1" * 32, "b2" * 32, "c3" * 32)
HEADER = ",".join(OUTCOMES_HEADER)
DAY = date(2026, 11, 23)


def row(finding: str = ONE, outcome: str = "", day: str = "", note: str = "") -> str:
    """A row as the report has it, and what the recipient has written into it."""
    return f'"{finding}","ipv4","203.0.113.7","c2-server",64500,"Net","amber",false,false,{outcome},{day},{note}'


def read(*rows: str, header: str = HEADER):
    return read_outcomes("\r\n".join([header, *rows, ""]).encode(), "outcomes.csv")


def said(finding: str = ONE, outcome: Outcome = Outcome.DONE, note: str | None = None, line: int = 2) -> Said:
    return Said(finding=bytes.fromhex(finding), outcome=outcome, day=DAY, note=note, line=line)


def why(*rows: str) -> list[tuple[int | None, str | None, Unfit, str]]:
    answer = read(*rows)
    assert answer.said == ()
    return [(one.line, one.column, one.reason, one.text) for one in answer.rejected]


def test_the_four_outcomes_are_those_that_the_report_asks_for() -> None:
    assert {word for word, _ in OUTCOMES} == {one.value for one in Outcome} == {*WEIGHT}


def test_a_file_as_it_was_sent_out_says_nothing_and_is_accounted_for() -> None:
    answer = read(row(ONE), row(TWO))
    assert (answer.records, answer.ignored, answer.said, answer.rejected) == (2, 2, (), ())


def test_what_is_filled_in_is_taken_with_its_line() -> None:
    answer = read(row(ONE), row(TWO, "done", "2026-11-23", '"Disk kept, see 7"'), row(THREE, "refused", "2026-11-23"))
    assert answer.said == (
        said(TWO, note="Disk kept, see 7", line=3),
        said(THREE, Outcome.REFUSED, line=4),
    )
    assert (answer.records, answer.ignored, answer.rejected) == (3, 1, ())


def test_the_digest_is_that_of_the_bytes() -> None:
    data = f"{HEADER}\n".encode()
    assert read_outcomes(data, "f").digest == hashlib.sha256(data).hexdigest()


GOOD = [
    HEADER.split(","),
    [ONE, "", "", "", "", "Net", "", "", "", "done", "2026-11-23", "Gerät aus"],
    [TWO, *[""] * 11],
]


def spelled(delimiter: str, line_end: str, *, quoted: bool) -> str:
    sink = io.StringIO()
    quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    csv.writer(sink, delimiter=delimiter, lineterminator=line_end, quoting=quoting).writerows(GOOD)
    return sink.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("first", ["", "sep"])
def test_whatever_a_spreadsheet_makes_of_it_is_read(
    delimiter: str, line_end: str, quoted: bool, coding: str, first: str
) -> None:
    text = spelled(delimiter, line_end, quoted=quoted)
    if first:
        text = f"sep={delimiter}{line_end}{text}"
    answer = read_outcomes(text.encode(coding), "outcomes.csv")
    assert answer.said == (said(note="Gerät aus", line=3 if first else 2),)
    assert (answer.records, answer.ignored) == (2, 1)


def test_columns_may_stand_in_any_order_and_others_may_be_gone_or_new() -> None:
    answer = read(f"ours,2026-11-23,{ONE},,DONE", header="Desk,Date,FINDING_ID,note,Outcome")
    assert answer.said == (said(),)


def test_rows_of_nothing_but_separators_are_ignored() -> None:
    answer = read(",,,", "", '"","",""', row(ONE, "done", "2026-11-23"))
    assert (answer.records, answer.ignored, answer.said) == (4, 3, (said(line=5),))


@pytest.mark.parametrize(
    "word", ["false-positive", "False positive", "FALSE_POSITIVE", "'false-positive", " false-positive "]
)
def test_people_may_write_an_outcome_as_people_do(word: str) -> None:
    assert read(row(ONE, word, "2026-11-23")).said == (said(outcome=Outcome.FALSE_POSITIVE),)


def test_a_note_of_several_lines_is_one_row() -> None:
    answer = read(row(ONE, "done", "2026-11-23", '"first\r\nsecond, ""x""\n\nlast"'), row(TWO, "done", "2026-11-23"))
    assert answer.said == (said(note='first second, "x" last'), said(TWO, line=6))
    assert answer.records == 2


def test_an_open_quote_costs_its_own_row_and_no_other() -> None:
    answer = read(row(ONE, "done", "2026-11-23", '"never closed'), row(TWO, "done", "2026-11-23"))
    assert [(one.line, one.reason) for one in answer.rejected] == [(2, Unfit.QUOTES)]
    assert answer.said == (said(TWO, line=3),)


@pytest.mark.parametrize(
    "day", ["23.11.2026", "11/23/2026", "2026-11-23T10:00:00Z", "20261123", "2026-13-01", "46349", "٢٠٢٦-١١-٢٣"]
)
def test_a_date_that_is_not_iso_is_told_with_what_is_expected(day: str) -> None:
    assert why(row(ONE, "done", day)) == [(2, "date", Unfit.DATE, day)]
    assert "2026-11-23" in EXPLANATIONS[Unfit.DATE]


@pytest.mark.parametrize(
    ("filled", "column", "reason", "text"),
    [
        (row(ONE, "fixed", "2026-11-23"), "outcome", Unfit.OUTCOME, "fixed"),
        (row(ONE, "", "2026-11-23"), "outcome", Unfit.NO_OUTCOME, ""),
        (row(ONE, "", "", "only a note"), "outcome", Unfit.NO_OUTCOME, ""),
        (row(ONE, "done"), "date", Unfit.NO_DATE, ""),
        (row("3f" * 31, "done", "2026-11-23"), "finding_id", Unfit.FINDING_ID, "3f" * 31),
        (row("1E+63", "done", "2026-11-23"), "finding_id", Unfit.FINDING_ID, "1E+63"),
        (row(ONE, "done", "2026-11-23", "n" * (MAX_NOTE + 1)), "note", Unfit.NOTE, "n" * 299 + "…"),
        (f"{ONE},done,2026-11-23", None, Unfit.COLUMNS, f"{ONE},done,2026-11-23"),
        (row(ONE, "done", "2026-11-23", "one, two"), None, Unfit.COLUMNS, row(ONE, "done", "2026-11-23", "one, two")),
    ],
)
def test_a_row_that_is_not_understood_is_told_with_column_and_reason(
    filled: str, column: str | None, reason: Unfit, text: str
) -> None:
    assert why(filled) == [(2, column, reason, text)]


def test_every_reason_has_words() -> None:
    assert {*EXPLANATIONS} == {*Unfit}


def test_a_note_in_another_encoding_is_told_and_costs_no_other_row() -> None:
    data = "\n".join([HEADER, row(ONE, "done", "2026-11-23", "Gerät"), row(TWO, "done", "2026-11-23")])
    answer = read_outcomes(data.encode("cp1252"), "outcomes.csv")
    assert [(one.column, one.reason, one.text) for one in answer.rejected] == [("note", Unfit.NOT_UTF_8, "Ger?t")]
    assert answer.said == (said(TWO, line=3),)


def test_an_owner_in_another_encoding_matters_to_nobody() -> None:
    data = "\n".join([HEADER, row(ONE, "done", "2026-11-23").replace("Net", "Nät")])
    assert read_outcomes(data.encode("cp1252"), "outcomes.csv").said == (said(),)


@pytest.mark.parametrize(
    "data",
    [b"", b"\n\n", b"finding_id,outcome,date\n", b"id;outcome;date;note\n", b"\x89PNG\r\n\x1a\n\x00", b"PK\x03\x04",
     b"finding_id,outcome,outcome,date,note\n", b'"finding_id,outcome,date,note\n',
     b"sep=|\nfinding_id,outcome,date,note\n",
     '{"finding_id": "outcome"}'.encode("utf-16")],
)  # fmt: skip
def test_what_is_no_such_file_is_refused_whole(data: bytes) -> None:
    with pytest.raises(RefusedFileError, match="no file of outcomes") as refused:
        read_outcomes(data, "outcomes.csv")
    assert "finding_id, outcome, date, note" in (refused.value.expected or "")


def test_a_file_is_bounded() -> None:
    with pytest.raises(RefusedFileError, match="too large") as refused:
        read_outcomes(b"x" * (MAX_BYTES + 1), "outcomes.csv")
    assert "in parts" in (refused.value.remedy or "")


@given(st.lists(st.sampled_from([row(ONE, "done", "2026-11-23"), row(TWO), '"', ",", '""",', "", "\x00", "x\ry", ONE])))
def test_every_row_is_accounted_for_whatever_stands_in_it(rows: list[str]) -> None:
    answer = read(*rows)
    assert answer.records == len(answer.said) + answer.ignored + len(answer.rejected)
    assert answer.records <= sum(one.count("\r") + 1 for one in rows)


words = st.text(st.characters(codec="utf-8"), max_size=40)


@given(st.lists(words, min_size=1, max_size=4), st.sampled_from([",", ";", "\t"]))
def test_a_note_comes_back_as_our_own_writer_keeps_it_from_running(notes: list[str], delimiter: str) -> None:
    """Cells are spelled as reports spell them: an apostrophe in front of what a spreadsheet would run."""
    plain = [" ".join(note.split()) for note in disarmed_controls(notes)]
    sink = io.StringIO()
    writer = csv.writer(sink, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(["finding_id", "outcome", "date", "note"])
    for note in disarmed(pa.array(plain, pa.string())).to_pylist():
        writer.writerow([ONE, "done", "2026-11-23", note])
    answer = read_outcomes(sink.getvalue().encode(), "outcomes.csv")
    assert [one.note or "" for one in answer.said] == [note.strip() for note in plain]


def disarmed_controls(notes: list[str]) -> list[str]:
    """What no cell holds: control characters and line ends become blanks."""
    return [
        "".join(" " if ord(one) < 32 or 127 <= ord(one) < 160 or one in "\u2028\u2029" else one for one in note)
        for note in notes
    ]
