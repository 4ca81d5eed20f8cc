"""One view, one folder: everything that one audience gets of one operation.

    car.<lang>.pdf  car.<lang>.html  letter.<lang>.txt      for people, in each language
    columns.<lang>.html                                     what the columns of the tables mean
    findings.csv  outcomes.csv  by-network/AS<n>.csv        tables
    bundle.json  xarf.jsonl  intelmq.jsonl                  for machines: STIX 2.1, X-ARF v4, IntelMQ events

A network owner gets of its own networks all but the first line of these, and the columns.

No clock and no randomness: the same view, earlier report and languages give the same bytes. The folder is a staging
one that the caller swaps into place when all reports are complete.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from accord.release.view import View
from accord.reports import bundle, changes, content, intelmq, letter, page, pdf, tables, xarf
from accord.reports.changes import Change
from accord.vocabulary.errors import OutputError


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedReport:
    """What was written, for the run's summary and progress."""

    country: str
    theme: str | None
    directory: Path
    findings: int
    """Rows of findings.csv, reviews included."""
    in_review: int
    networks: int
    """Files under by-network/."""
    indicators: int
    """STIX indicators in bundle.json."""
    observed: int
    """STIX observed-data in bundle.json."""
    abuse_reports: int
    """Lines of xarf.jsonl; 0 as well when the hub's contact names no e-mail address."""
    events: int
    """Lines of intelmq.jsonl: one a finding that needs no review, and family."""
    compared: bool
    """The same audience's earlier report was found and compared with."""
    owner: str | None = None
    """The network owner that it is for, by id; None: a country's recipients."""


def write(view: View, directory: Path, previous: Path | None, languages: Sequence[str]) -> PublishedReport:
    """Write the report of `view` into `directory`, which is made with its parents and must hold no report yet.

    `previous`: the folder of the same country's and theme's report in an earlier run, or None. It may be missing,
    and is left aside when it was for another audience. Arguments and result can be pickled, so that views can be
    written in worker processes. Raises OutputError when the folder cannot be written (it is then incomplete),
    UnreadableError when the earlier report is damaged.
    """
    change = None if previous is None else changes.compare(view, previous)
    earlier = previous / "bundle.json" if previous is not None and change is not None else None
    try:
        directory.mkdir(parents=True, exist_ok=True)
        written = _write_tables(view, directory, earlier)
        _write_pages(view, change, directory, languages)
    except OSError as error:
        raise _unwritten(directory, error) from error
    return written


def write_own(view: View, directory: Path, languages: Sequence[str]) -> PublishedReport:
    """Write what a network owner gets of its own networks, as `write` does: all of it but the pages for a country."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        written = _write_tables(view, directory, None)
        for language in languages:
            (directory / f"columns.{language}.html").write_bytes(page.render_columns(language).encode())
    except OSError as error:
        raise _unwritten(directory, error) from error
    return written


def _write_tables(view: View, directory: Path, earlier: Path | None) -> PublishedReport:
    """Everything but pages; `earlier`: the bundle of an earlier report."""
    findings = tables.write_findings(view, directory / "findings.csv")
    tables.write_outcomes(view, directory / "outcomes.csv")
    networks = tables.write_networks(view, directory / "by-network")
    stix = bundle.write(view, directory / "bundle.json", earlier)
    abuse_reports = xarf.write(view, directory / "xarf.jsonl")
    events = intelmq.write(view, directory / "intelmq.jsonl")
    return PublishedReport(
        country=view.country,
        theme=view.theme,
        directory=directory,
        findings=findings,
        in_review=stix.in_review,
        networks=networks,
        indicators=stix.indicators,
        observed=stix.observed,
        abuse_reports=abuse_reports,
        events=events,
        compared=earlier is not None,
        owner=view.owner,
    )


def _unwritten(directory: Path, error: OSError) -> OutputError:
    return OutputError(
        "a report cannot be written",
        where=str(error.filename or directory),
        got=error.strerror or str(error),
        remedy="make room or allow writing there, and run again; what was published before is untouched",
    )


def _write_pages(view: View, change: Change | None, directory: Path, languages: Sequence[str]) -> None:
    report = content.compose(view, change)
    for language in languages:
        (directory / f"car.{language}.pdf").write_bytes(pdf.render(report, language))
        (directory / f"car.{language}.html").write_bytes(page.render(report, language).encode())
        (directory / f"columns.{language}.html").write_bytes(page.render_columns(language).encode())
        (directory / f"letter.{language}.txt").write_bytes(letter.render(view, language).encode())
