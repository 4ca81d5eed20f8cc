"""What they do: families in plain words, and charts by family, network owner and week."""

from accord.release.view import View
from accord.reports.blocks import (
    Align,
    Bar,
    BarChart,
    Block,
    Column,
    Paragraph,
    Section,
    Table,
    WeekChart,
)
from accord.reports.families import what_it_does
from accord.reports.tally import Tally
from accord.reports.words import Country, Message, Share, Value, Verbatim, count_of, say

BARS = 10
FAMILIES = 15


def what_they_do(view: View, tally: Tally) -> tuple[Section, ...]:
    """Families, networks and weeks; nothing when there are no findings."""
    if not tally.findings:
        return ()
    blocks: list[Block] = []
    if tally.families:
        blocks += [_family_chart(view, tally), _family_table(tally)]
    else:
        blocks.append(Paragraph(text=say("No partner named a malware family for any of these findings.")))
    if tally.networks:
        blocks.append(_network_chart(view, tally))
    blocks.append(_week_chart(view, tally))
    return (Section(anchor="activity", title=say("What they do"), blocks=tuple(blocks), new_page=True),)


def _source(view: View) -> Message:
    return say(
        "Source: findings of this report for {country}, data as of {as_of}.",
        country=Country(code=view.country),
        as_of=view.operation.as_of,
    )


def _family_chart(view: View, tally: Tally) -> BarChart:
    family, number = tally.families[0]
    known = tally.findings - tally.without_family
    return BarChart(
        anchor="chart-families",
        title=say(
            "{family} is behind {share} of the findings whose family is known",
            family=Verbatim(text=family),
            share=Share(value=number / known),
        ),
        axis=say("Findings by malware family"),
        bars=tuple(Bar(label=Verbatim(text=name), number=count) for name, count in tally.families[:BARS]),
        source=_source(view),
    )


def _family_table(tally: Tally) -> Table:
    shown = tally.families[:FAMILIES]
    return Table(
        anchor="families",
        caption=(
            count_of("The {n} family that was named", "The {n} families that were named", len(tally.families))
            if len(shown) == len(tally.families)
            else say("The {shown} most frequent of {all} families", shown=len(shown), all=len(tally.families))
        ),
        columns=(
            Column(title=say("Family"), weight=1.5),
            Column(title=say("Findings"), weight=0.8, align=Align.END),
            Column(title=say("What it does"), weight=4),
        ),
        rows=tuple((Verbatim(text=name), count, what_it_does(name)) for name, count in shown),
        note=count_of(
            "{n} finding has no named family. A finding with several families counts in each.",
            "{n} findings have no named family. A finding with several families counts in each.",
            tally.without_family,
        ),
    )


def _network_chart(view: View, tally: Tally) -> BarChart:
    by_number = sorted(tally.networks, key=lambda network: (-network.findings, network.asn))
    placed = sum(network.findings for network in by_number)
    half, held = 0, 0
    while held * 2 < placed:
        held += by_number[half].findings
        half += 1
    return BarChart(
        anchor="chart-networks",
        title=_concentration(half, len(by_number)),
        axis=say("Findings by network owner"),
        bars=tuple(
            Bar(label=_label(network.owner, network.asn), number=network.findings) for network in by_number[:BARS]
        ),
        source=_source(view),
    )


def _concentration(half: int, networks: int) -> Message:
    if networks == 1:
        return say("All findings with a known network are in one")
    return count_of(
        "{n} of {all} networks holds half of the findings",
        "{n} of {all} networks hold half of the findings",
        half,
        all=networks,
    )


def _label(owner: str | None, asn: int) -> Value:
    return Verbatim(text=f"AS{asn}" if owner is None else owner)


def _week_chart(view: View, tally: Tally) -> WeekChart:
    starts = tuple(start for start, _ in tally.weeks)
    numbers = tuple(number for _, number in tally.weeks)
    most = max(numbers)
    source = _source(view)
    if tally.undated or tally.before_weeks:
        source = say(
            "{source} {undated} findings without times of their own stand at their day of collection; {before} were "
            "last seen before these weeks.",
            source=source,
            undated=tally.undated,
            before=tally.before_weeks,
        )
    return WeekChart(
        anchor="chart-weeks",
        title=(
            count_of(
                "Most were seen in the week of {week}: {n} finding",
                "Most were seen in the week of {week}: {n} findings",
                most,
                week=starts[numbers.index(most)],
            )
            if most
            else say("None was seen in these weeks")
        ),
        axis=say("Findings seen in each week, by its Monday"),
        starts=starts,
        numbers=numbers,
        source=source,
    )
