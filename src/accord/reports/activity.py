"""What they do: families in plain words, and charts by family and by week."""

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
from accord.reports.words import Country, Message, Sentences, Share, Value, count_of, named, say

BARS = 10
"""Bars of a chart; the table beside it has more."""
FAMILIES = 15


def what_they_do(view: View, tally: Tally) -> tuple[Section, ...]:
    """Families and weeks; nothing when there are no findings."""
    if not tally.findings:
        return ()
    blocks: list[Block] = []
    if tally.families:
        blocks += [_family_chart(view, tally), _family_table(tally)]
    else:
        blocks.append(Paragraph(text=say("No partner named a malware family for any of these findings.")))
    blocks.append(_week_chart(view, tally))
    return (Section(anchor="activity", title=say("What they do"), blocks=tuple(blocks)),)


def source_of(view: View) -> Message:
    """The line under a chart: where its numbers come from and of when they are."""
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
            family=named(family),
            share=Share(value=number / known),
        ),
        axis=say("Findings by malware family"),
        bars=tuple(Bar(label=named(name), number=count) for name, count in tally.families[:BARS]),
        source=source_of(view),
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
        rows=tuple((named(name), count, what_it_does(name)) for name, count in shown),
        note=count_of(
            "{n} finding has no named family. A finding with several families counts in each.",
            "{n} findings have no named family. A finding with several families counts in each.",
            tally.without_family,
        )
        if tally.without_family
        else say("A finding with several families counts in each."),
    )


def _week_chart(view: View, tally: Tally) -> WeekChart:
    starts = tuple(start for start, _ in tally.weeks)
    numbers = tuple(number for _, number in tally.weeks)
    most = max(numbers)
    source: list[Value] = [source_of(view)]
    if tally.undated:
        source.append(
            count_of(
                "{n} finding without a time of its own stands at its day of collection.",
                "{n} findings without times of their own stand at their day of collection.",
                tally.undated,
            )
        )
    if tally.before_weeks:
        source.append(
            count_of(
                "{n} finding was last seen before these weeks.",
                "{n} findings were last seen before these weeks.",
                tally.before_weeks,
            )
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
        source=Sentences(parts=tuple(source)),
    )
