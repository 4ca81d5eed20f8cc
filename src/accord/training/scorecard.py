"""A score as a table for people."""

from accord.training.tallies import Tally
from accord.training.truth import Score

_SHOWN = 12
"""Mismatches that the table names; the score holds all."""


def scorecard(score: Score) -> str:
    """Plain text of some 90 columns: a row a country, then precision, recall, accounts and mismatches."""
    # millions of victims need more room than the heading
    room = max(6, len(str(score.infected.true)) + 2)
    infected = f"{'true':>{room}}{'found':>{max(8, room + 1)}}"
    lines = [
        "             C2 servers                        compromised websites   government   infected",
        f"country      true   found  review  wrong       true   found           true  found{infected}",
    ]
    lines += [
        _line(one.country, one.servers, one.websites, one.government, one.infected, room) for one in score.countries
    ]
    lines += [
        _line("all", score.servers, score.websites, score.government, score.infected, room),
        "",
        _shares(score),
        *(
            []
            if score.machines is None
            else [f"Behind the {score.infected.true:,} infected addresses stand {score.machines:,} machines."]
        ),
        f"Wrongly accused: {score.servers.wrong}, of which {score.planted_wrong} that only the truth file can know.",
        f"Deliveries accounted for as they should be: {score.deliveries_equal} of {score.deliveries}.",
    ]
    if score.faultless:
        lines.append("Nothing that the deliveries say was missed, leaked or miscounted.")
    else:
        lines.append(f"{len(score.mismatches)} mismatches with the truth:")
        lines += [f"  - {one}" for one in score.mismatches[:_SHOWN]]
        if len(score.mismatches) > _SHOWN:
            lines.append(f"  and {len(score.mismatches) - _SHOWN} more")
    return "\n".join(lines) + "\n"


def _shares(score: Score) -> str:
    servers, possible = score.servers, score.possible
    return (
        f"C2 servers: recall {servers.recall:.1%}, {_precision(servers)}; with confidence 'possible' or "
        f"more: recall {possible.recall:.1%}, {_precision(possible)}."
    )


def _precision(tally: Tally) -> str:
    return f"precision {tally.precision:.1%}" if tally.found + tally.wrong else "none was found"


def _line(name: str, servers: Tally, websites: Tally, government: Tally, infected: Tally, room: int) -> str:
    return (
        f"{name:<10}{servers.true:>7}{servers.found:>8}{servers.held:>8}{servers.wrong:>7}"
        f"{websites.true:>11}{websites.found:>8}{government.true:>15}{government.found:>7}"
        f"{infected.true:>{room}}{infected.found:>{max(8, room + 1)}}"
    )
