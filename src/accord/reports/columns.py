"""The guide to the tables: what each column of findings.csv, by-network/*.csv and outcomes.csv says, in one page.

Column names are the same in every language, because programs read them; what they mean is for people. The page holds
nothing of the operation, so that it may go with any of the files to whoever opens them.
"""

from accord.reports.blocks import Block, Bullets, Column, Definitions, Heading, Paragraph, Section, Table
from accord.reports.guidance import OUTCOMES
from accord.reports.tables import FINDINGS_HEADER, OUTCOMES_HEADER, SIGHTINGS_HEADER, SIMULATED
from accord.reports.words import Code, Message, Together, Value, say
from accord.vocabulary.indicators import IndicatorType
from accord.vocabulary.markings import Marking

TITLE = say("What the columns mean")


def _codes(*texts: str) -> Together:
    return Together(parts=tuple(Code(text=text) for text in texts))


def _word(text: str) -> Code:
    return Code(text=text)


_TRUE = _word("true")

# l10n: from here on: what each column of a CSV file says; names in {braces} are words of the file and stay as they are
MEANINGS: dict[str, Message] = {
    "finding_id": say(
        "The key of the finding: 64 characters, the same for the same indicator and role in every report. Name it when "
        "you ask about a finding."
    ),
    "type": say("What kind of indicator it is: {types}.", types=_codes(*(kind.value for kind in IndicatorType))),
    "value": say("The indicator itself, exactly as it is. Do not open it."),
    "role": say(
        "What was seen there, as a code of the Reference Security Incident Taxonomy: {c2} is a command-and-control "
        "server, {infected} an infected system, {compromised} a compromised website.",
        c2=_word("c2-server"),
        infected=_word("infected-system"),
        compromised=_word("system-compromise"),
    ),
    "families": say("Malware families by their common names."),
    "families_reported": say("The same families as the partners wrote them."),
    "first_seen": say("When it was first seen (UTC)."),
    "last_seen": say("When it was last seen (UTC)."),
    "undated": say("{true}: no record said a time; the times are those of collection.", true=_TRUE),
    "sightings": say("How often it was seen."),
    "ports": say("Ports on which the server answered, at most 32."),
    "ports_many": say("{true}: there were more than 32 ports.", true=_TRUE),
    "partners": say("How many independent partners reported it."),
    "sources": say("Those partners that may be named."),
    "confidence": say("How sure we are, from 0 to 1. Empty: no source has a reliability grade."),
    "marking": say(
        "Whom you may pass it on to, by TLP 2.0: {labels}.", labels=_codes(*(marking.value for marking in Marking))
    ),
    "personal": say("{true}: it may lead to a person; handle it as personal data.", true=_TRUE),
    "host": say("The host name or address inside the value."),
    "address": say("The IP address, where the value is or contains one."),
    "resolved": say("Addresses that the host name had, by passive DNS."),
    "country": say("Country that hosts it, by our first source (two-letter code of ISO 3166)."),
    "country_second": say("The same by our second source."),
    "country_conflict": say("{true}: the two sources name different countries. Check before you act.", true=_TRUE),
    "countries": say("All countries that host it."),
    "asn": say("Number of the network that hosts it (AS number)."),
    "network_owner": say("Who runs that network."),
    "public_suffix": say(
        "The end of the name under which a registry hands out names, such as {suffix}.", suffix=_word("co.id")
    ),
    "registered_domain": say("The domain that was registered."),
    "registry_country": say("Country of the registry."),
    "government": say("{true}: a system of a government, judged by its name.", true=_TRUE),
    "csirt": say("Contact of the national CSIRT, if known."),
    "abuse_contact": say("Contact of the network for reports of abuse, if known."),
    "basis": say(
        "Why it is in your report: {hosting}: it stands in your country; {registry}: its name is under your registry.",
        hosting=_word("hosting"),
        registry=_word("registry"),
    ),
    "review": say("Warning lists that it is on. If this is not empty, wait: an analyst decides first."),
    "cautions": say("Lists of shared ranges that it is in. Act against the one customer; do not block the range."),
    "reviewed": say("Warning lists that it is on, though an analyst of ours has found that it is right all the same."),
    "severity": say("The order of the rows: higher is worse."),
    SIMULATED: say("{true}: an exercise; nothing in the row is real.", true=_TRUE),
}
"""Column of findings.csv -> what it says."""

SIGHTING_MEANINGS: dict[str, Message] = MEANINGS | {
    "family": say("Malware family of this sighting. Empty: nobody named one."),
    "seen_at": say("When it was seen (UTC)."),
    "undated": say("{true}: no record said a time; it is the time of collection.", true=_TRUE),
    "source_port": say(
        "Port from which the infected system connected. Together with the time it tells a provider which customer it "
        "was."
    ),
    "service_port": say("Port on which the server answered."),
    "count": say("How many sightings the row stands for."),
}
"""Column of by-network/*.csv -> what it says."""

OUTCOME_MEANINGS: dict[str, Message] = MEANINGS | {
    "finding_id": say("By it we know which finding you answer about. Do not change it."),
    "review": say("{true}: an analyst is still deciding. Nobody needs to act; an answer is welcome.", true=_TRUE),
    "outcome": say("What became of it: one of the words below. Leave it empty if you know nothing."),
    "date": say("When that happened, as {day}.", day=_word("2026-12-01")),
    "note": say("Anything that helps us: free text, in your language."),
}
"""Column of outcomes.csv -> what it says."""

FILLED_IN = OUTCOMES_HEADER[-3:]
"""Columns of outcomes.csv that the recipient fills in."""


def guide() -> tuple[Section, ...]:
    """The sections of the page."""
    return (_opening(), _findings(), _by_network(), _outcomes())


def _opening() -> Section:
    return Section(
        anchor="opening",
        title=say("How to open the files"),
        blocks=(
            Bullets(
                items=(
                    say(
                        "In a spreadsheet, import the file instead of opening it by a double click: encoding UTF-8, "
                        "comma as separator, all columns as text."
                    ),
                    say("Each row is one finding or one sighting; the first row holds the names of the columns."),
                    say(
                        "Times are UTC, such as {time}. An empty cell says that nothing is known.",
                        time=_word("2026-06-17T11:00:37Z"),
                    ),
                    say("Addresses and names stand as they are, so that programs can read them. Do not click on them."),
                    say(
                        "Where a cell holds several names, {bar} stands between them; between ports, addresses and "
                        "countries stands a blank.",
                        bar=_word("|"),
                    ),
                    say(
                        "An apostrophe before a cell keeps your spreadsheet from running the text as a formula; it is "
                        "no part of the text."
                    ),
                )
            ),
        ),
    )


def _findings() -> Section:
    return Section(
        anchor="findings",
        title=say("Every finding: {file}", file=Code(text="findings.csv")),
        blocks=(
            Paragraph(text=say("One row for each finding, the worst first. Sort and filter it for your own analysis.")),
            _table("findings-columns", "findings.csv", (*FINDINGS_HEADER, SIMULATED), MEANINGS),
        ),
    )


def _by_network() -> Section:
    return Section(
        anchor="by-network",
        title=say("For network owners: {files}", files=Code(text="by-network/*.csv")),
        blocks=(
            Paragraph(
                text=say(
                    "One file for each network, one row for each sighting. Before you pass a file on, remove the rows "
                    "whose {column} is {strict} or {red}.",
                    column=_word("marking"),
                    strict=_word(Marking.AMBER_STRICT.value),
                    red=_word(Marking.RED.value),
                )
            ),
            _table("network-columns", "by-network/*.csv", (*SIGHTINGS_HEADER, SIMULATED), SIGHTING_MEANINGS),
        ),
    )


def _outcomes() -> Section:
    blocks: list[Block] = [
        Paragraph(
            text=say(
                "One row for each finding. Fill in the columns {columns}, leave the others as they are, and send the "
                "file back.",
                columns=_codes(*FILLED_IN),
            )
        ),
        _table("outcome-columns", "outcomes.csv", OUTCOMES_HEADER, OUTCOME_MEANINGS),
        Heading(text=say("Words for the column {column}", column=_word("outcome")), anchor="outcome-words"),
        Definitions(items=tuple((Code(text=outcome), meaning) for outcome, meaning in OUTCOMES)),
    ]
    return Section(
        anchor="outcomes", title=say("Your answer: {file}", file=Code(text="outcomes.csv")), blocks=tuple(blocks)
    )


def _table(anchor: str, file: str, header: tuple[str, ...], meanings: dict[str, Message]) -> Table:
    rows: list[tuple[Value, ...]] = []
    for name in header:
        tag = say("to fill in") if header is OUTCOMES_HEADER and name in FILLED_IN else None
        rows.append((Code(text=name, tag=tag), meanings[name]))
    return Table(
        anchor=anchor,
        caption=say("Columns of {file}", file=Code(text=file)),
        columns=(Column(title=say("Column"), weight=1), Column(title=say("What it says"), weight=3)),
        rows=tuple(rows),
    )
