"""What became of an operation, for the people who ran it: the share of servers acted on, as a page.

It is made of an operation's score and of nothing else: no address and no person can be on it. Networks can, so that it
carries the strictest marking of what was handed over.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from accord.reports import blocks
from accord.reports.blocks import (
    Align,
    Bar,
    BarChart,
    Block,
    Column,
    Figure,
    Paragraph,
    Row,
    Section,
    Table,
)
from accord.reports.roles import role_name
from accord.reports.words import Country, Fixed, Lines, Message, Share, Together, Value, count_of, named, say
from accord.vocabulary.markings import Marking
from accord.vocabulary.outcomes import Counts, Network, Score

SYNERGIA = (0.70, 0.76)
"""The share of servers acted on of Operation Synergia in 2023 and in 2024, by what Interpol published of it."""

_NETWORKS = 100
"""Networks that the table has."""

_BARS = 26
"""Bars of a chart at most: weeks of half a year."""

_ALL = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePage:
    """The page in no language yet."""

    title: Message
    lead: Message
    marking: Marking
    simulated: Message | None
    figures: blocks.Figures
    about: tuple[Block, ...]
    sections: tuple[Section, ...]


def compose_score(score: Score, title: str | None = None) -> ScorePage:
    """The page of a score; `title`: what the operation is called, by default its id."""
    counts = score.counts
    sections = (_countries, _networks, _weeks, _roles)
    return ScorePage(
        title=say("What became of {operation}", operation=named(title or score.operation)),
        lead=_lead(counts),
        marking=score.marking,
        simulated=say("SIMULATED DATA") if score.simulated else None,
        figures=blocks.Figures(
            items=(
                # l10n: under a large number
                Figure(number=counts.asked, label=say("findings about which recipients were asked"), change=None),
                Figure(number=counts.done, label=say("reported as done"), change=None),
                Figure(number=counts.false_positive, label=say("reported as false positive"), change=None),
            )
        ),
        about=tuple(_about(score)),
        sections=tuple(section for make in sections for section in make(score)),
    )


def _lead(counts: Counts) -> Message:
    if counts.share is None:
        return say(
            "There is no such finding on which a recipient is asked to act: none was handed over, or all were recalled."
        )
    return count_of(
        "Recipients report {share} of {n} finding as done.",
        "Recipients report {share} of {n} findings as done.",
        counts.right,
        share=Share(value=counts.share),
    )


def _about(score: Score) -> Iterator[Block]:
    yield Paragraph(
        text=say(
            "Counted are findings of these roles: {roles}. Each counts once for each country that was asked about it, "
            "however often it was handed over. What a recipient calls a false positive is no part of the share.",
            roles=Together(parts=tuple(role_name(role) for role in score.roles)),
        )
    )
    yield Paragraph(
        text=say(
            "Handed over between {first} and {last}; as of {at}. This is what recipients report, and the hub has not "
            "verified it.",
            first=Fixed(text=score.first_day.isoformat()),
            last=Fixed(text=score.last_day.isoformat()),
            at=score.at,
        )
    )
    if score.in_review or score.withdrawn:
        yield Paragraph(
            text=say(
                "Not counted: findings about which an analyst is still deciding ({review}), and findings that were "
                "taken back ({withdrawn}).",
                review=score.in_review,
                withdrawn=score.withdrawn,
            )
        )
    yield Paragraph(
        text=say(
            "For comparison: Operation Synergia acted on {first} of the servers that it had found in 2023, and on "
            "{second} in 2024.",
            first=Share(value=SYNERGIA[0]),
            second=Share(value=SYNERGIA[1]),
        )
    )


def _countries(score: Score) -> Iterator[Section]:
    if not score.by_country:
        return
    named_counts = [(Country(code=country, in_sentence=False), counts) for country, counts in score.by_country]
    chart = _chart("share-by-country", say("Done by country, in per cent"), named_counts)
    table = _table("countries", say("By country"), say("Country"), named_counts)
    yield Section(anchor="by-country", title=say("By country that was asked"), blocks=(*chart, table))


def _networks(score: Score) -> Iterator[Section]:
    if not score.by_network:
        return
    shown = [(_network(one), counts) for one, counts in score.by_network[:_NETWORKS]]
    left = len(score.by_network) - len(shown)
    note = count_of("{n} more network is not shown.", "{n} more networks are not shown.", left) if left else None
    table = _table("networks", say("By network"), say("Network"), shown, note)
    yield Section(anchor="by-network", title=say("By network that hosts them"), blocks=(table,))


def _network(network: Network) -> Value:
    number: Value = say("not known") if network.asn is None else Fixed(text=f"AS{network.asn}")
    return number if network.owner is None else Lines(parts=(named(network.owner), number))


def _weeks(score: Score) -> Iterator[Section]:
    known = [week for week in score.weeks if week.share is not None]
    if not known:
        return
    bars = tuple(
        # l10n: the first, second, ... week after something was handed over
        Bar(label=say("Week {n}", n=week.number), number=_per_cent(week.share or 0.0))
        for week in known[:_BARS]
    )
    yield Section(
        anchor="by-week",
        title=say("By week since it was handed over"),
        blocks=(
            BarChart(
                anchor="share-by-week",
                title=say("Done by the end of each week, in per cent"),
                axis=say("per cent"),
                bars=bars,
                source=say("What was handed over later than so many weeks ago is no part of a week."),
                most=_ALL,
            ),
            Table(
                anchor="weeks",
                caption=say("By week"),
                columns=(
                    Column(title=say("Week")),
                    Column(title=say("Done"), align=Align.END),
                    # l10n: head of a column: done, of how many
                    Column(title=say("Of"), align=Align.END),
                    Column(title=say("Share"), align=Align.END),
                ),
                rows=tuple((week.number, week.done, week.right, Share(value=week.share or 0.0)) for week in known),
            ),
        ),
    )


def _roles(score: Score) -> Iterator[Section]:
    if not score.by_role:
        return
    rows = [(role_name(role), counts) for role, counts in score.by_role]
    table = _table("roles", say("By role"), say("Role"), rows)
    yield Section(anchor="by-role", title=say("All that was handed over, by role"), blocks=(table,))


def _chart(anchor: str, title: Message, rows: list[tuple[Country, Counts]]) -> Iterator[Block]:
    known = [(name, counts.share) for name, counts in rows if counts.share is not None]
    if len(known) < 2:
        return
    known.sort(key=lambda row: (-row[1], row[0].code))
    yield BarChart(
        anchor=anchor,
        title=title,
        axis=say("per cent"),
        bars=tuple(Bar(label=name, number=_per_cent(share)) for name, share in known[:_BARS]),
        source=say("Source: what recipients report"),
        most=_ALL,
    )


def _per_cent(share: float) -> int:
    """As `Speaker.share` says it: what is neither nothing nor all is never rounded to it."""
    return round(100 * min(max(share, 0.01), 0.99)) if 0 < share < 1 else round(100 * share)


def _table(
    anchor: str,
    caption: Message,
    heading: Message,
    rows: list[tuple[Country, Counts]] | list[tuple[Value, Counts]] | list[tuple[Message, Counts]],
    note: Message | None = None,
) -> Table:
    return Table(
        anchor=anchor,
        caption=caption,
        columns=(
            Column(title=heading, weight=2),
            Column(title=say("Done"), align=Align.END),
            Column(title=say("Of"), align=Align.END),
            Column(title=say("Share"), align=Align.END),
            Column(title=say("Refused"), align=Align.END),
            # l10n: head of a column: the request has arrived and is being worked on
            Column(title=say("In hand"), align=Align.END),
            # l10n: head of a column: nobody has said anything yet
            Column(title=say("No answer"), align=Align.END),
            Column(title=say("False positive"), align=Align.END),
        ),
        rows=tuple(_row(name, counts) for name, counts in rows),
        note=note,
    )


def _row(name: Value, counts: Counts) -> Row:
    share = None if counts.share is None else Share(value=counts.share)
    return (
        name,
        counts.done,
        counts.right,
        share,
        counts.refused,
        counts.acknowledged,
        counts.sent,
        counts.false_positive,
    )
