"""Who must act: government systems, networks, registries, the national CSIRT; and the worst findings of each."""

import pyarrow as pa
import pyarrow.compute as pc

from accord.release.view import View
from accord.reports.activity import BARS, source_of
from accord.reports.blocks import (
    Align,
    Band,
    Bar,
    BarChart,
    Block,
    Box,
    Column,
    Heading,
    Paragraph,
    Row,
    Section,
    Table,
)
from accord.reports.confidence import in_words
from accord.reports.defang import printed
from accord.reports.opening import Change
from accord.reports.roles import role_name
from accord.reports.tally import NetworkTally, RegistryTally, Tally, apart, by_actor
from accord.reports.words import (
    Clauses,
    Code,
    Country,
    Fixed,
    Lines,
    Message,
    Together,
    Value,
    Verbatim,
    count_of,
    named,
    say,
)
from accord.vocabulary.roles import Role

WORST = 200
"""Findings that a person is given to read; all of them stand in findings.csv."""

NETWORKS = 25
REGISTRIES = 15
GOVERNMENT = 10
APART = 15
PORTS = 6

_SHOWN_COLUMNS = (
    "finding_id type value role families first_seen last_seen undated ports ports_many partners sources confidence "
    "government cautions asn network_owner country country_second review"
).split()

_INDICATOR = Column(title=say("Indicator"), weight=2.7)
_WHAT = Column(title=say("What it is"), weight=2.0)
_SEEN = Column(title=say("First and last seen"), weight=1.15)
_CONFIDENCE = Column(title=say("Confidence"), weight=1.0)


def who_must_act(view: View, tally: Tally, *, follows_cover: bool) -> Section:
    """Networks in order of weight, with counts, contact and file; government systems in a box of their own."""
    blocks: list[Block] = []
    if not tally.findings:
        blocks.append(
            Paragraph(
                text=say(
                    "Nobody needs to act. When there are findings, the networks, registries and the CSIRT that "
                    "answer for them stand here, the heaviest first."
                )
            )
        )
    if tally.government:
        blocks.append(_government(view, tally))
    if tally.networks:
        blocks += [_networks(tally), _network_chart(view, tally)]
    if tally.registries:
        blocks.append(_registries(view, tally))
    if tally.findings:
        blocks += _csirt(view, tally)
    return Section(anchor="who", title=say("Who must act"), blocks=tuple(blocks), new_page=follows_cover)


def _government(view: View, tally: Tally) -> Box:
    acted, _ = apart(view.findings)
    rows = acted.filter(acted["government"]).select(_SHOWN_COLUMNS).slice(0, GOVERNMENT).to_pylist()
    return Box(
        title=count_of("{n} finding on a government system", "{n} findings on government systems", tally.government),
        blocks=(
            Paragraph(
                text=say(
                    "A name is taken as government by its public suffix. Please tell these first: through them "
                    "criminals reach citizens in the state's name."
                )
            ),
            Table(
                anchor="government",
                caption=_shown(len(rows), tally.government, say("Findings on government systems, the worst first")),
                columns=(
                    _INDICATOR,
                    _WHAT,
                    Column(title=say("Network"), weight=1.8),
                    _SEEN,
                    _CONFIDENCE,
                ),
                rows=tuple(
                    (
                        _indicator(row),
                        _what(row, government=False),
                        _network_of(row),
                        _seen(row),
                        in_words(row["confidence"]),
                    )
                    for row in rows
                ),
                note=_rest(len(rows), tally.government, "government"),
            ),
        ),
    )


def _networks(tally: Tally) -> Table:
    return Table(
        anchor="networks",
        caption=_shown(min(NETWORKS, len(tally.networks)), len(tally.networks), say("Networks, the heaviest first")),
        columns=(
            Column(title=say("Network"), weight=2.6),
            Column(title=say("Findings"), weight=0.9, align=Align.END),
            # l10n: head of a narrow column of numbers: command-and-control servers
            Column(title=say("C2"), weight=0.7, align=Align.END),
            # l10n: head of a narrow column of numbers: compromised websites
            Column(title=say("Hacked sites"), weight=0.8, align=Align.END),
            # l10n: head of a narrow column of numbers: infected systems
            Column(title=say("Infected"), weight=0.9, align=Align.END),
            # l10n: head of a narrow column of numbers: findings of all other roles
            Column(title=say("Other"), weight=0.7, align=Align.END),
            Column(title=say("Contact and file"), weight=2.6),
        ),
        rows=tuple(_network_row(network) for network in tally.networks[:NETWORKS]),
        note=say(
            "Weight is the sum of the severities of a network's findings. Contacts are those that the hub's operator "
            "imported; a dash says that none is held."
        ),
    )


def _network_row(network: NetworkTally) -> Row:
    apart_shown = (Role.C2_SERVER.value, Role.SYSTEM_COMPROMISE.value, Role.INFECTED_SYSTEM.value)
    numbers = [network.roles.get(role, 0) for role in apart_shown]
    contact = None if network.contact is None else named(network.contact)
    return (
        Lines(parts=(_owner(network.owner), Fixed(text=f"AS{network.asn}"))),
        network.findings,
        *numbers,
        network.findings - sum(numbers),
        Lines(parts=(contact, Code(text=f"by-network/AS{network.asn}.csv"))),
    )


def _network_chart(view: View, tally: Tally) -> BarChart:
    """By owner: one that has several networks is one bar; a network whose owner is not known stands for itself."""
    owners: dict[str, int] = {}
    for network in tally.networks:
        owner = network.owner or f"AS{network.asn}"
        owners[owner] = owners.get(owner, 0) + network.findings
    ordered = sorted(owners.items(), key=lambda pair: (-pair[1], pair[0]))
    half, held = 0, 0
    while held * 2 < sum(owners.values()):
        held += ordered[half][1]
        half += 1
    return BarChart(
        anchor="chart-networks",
        title=_concentration(half, len(ordered)),
        axis=say("Findings by network owner"),
        bars=tuple(Bar(label=named(owner), number=number) for owner, number in ordered[:BARS]),
        source=source_of(view),
    )


def _concentration(half: int, owners: int) -> Message:
    if owners == 1:
        return say("All findings with a known network are with one owner")
    return count_of(
        "{n} of {all} network owners holds half of the findings or more",
        "{n} of {all} network owners hold half of the findings or more",
        half,
        all=owners,
    )


def _registries(view: View, tally: Tally) -> Table:
    return Table(
        anchor="registries",
        caption=_shown(
            min(REGISTRIES, len(tally.registries)),
            len(tally.registries),
            say("Public suffixes under the registry of {country}", country=Country(code=view.country)),
        ),
        columns=(
            Column(title=say("Suffix"), weight=1.2),
            Column(title=say("Findings"), weight=0.8, align=Align.END),
            Column(title=say("By role"), weight=4),
        ),
        rows=tuple(_registry_row(registry) for registry in tally.registries[:REGISTRIES]),
        note=say(
            "The registry can suspend a name wherever it is hosted. A name that is hosted in the country is also "
            "counted at its network."
        ),
    )


def _registry_row(registry: RegistryTally) -> Row:
    roles = tuple(
        say("{role}: {n}", role=role_name(role), n=number) for role, number in list(registry.roles.items())[:6]
    )
    return (Code(text=f".{registry.suffix}"), registry.findings, Clauses(parts=roles))


def _csirt(view: View, tally: Tally) -> list[Block]:
    contact: Value = (
        say("No contact of the national CSIRT has been imported.")
        if view.csirt is None
        else say("Its contact: {contact}.", contact=Verbatim(text=view.csirt))
    )
    if tally.unplaced:
        text = count_of(
            "{n} finding has neither a known network in the country nor a name under its registry: the national "
            "CSIRT is asked to find who answers for it. {contact}",
            "{n} findings have neither a known network in the country nor a name under its registry: the national "
            "CSIRT is asked to find who answers for them. {contact}",
            tally.unplaced,
            contact=contact,
        )
    else:
        text = say(
            "The national CSIRT coordinates: it knows owners and sectors that an address does not show. {contact}",
            contact=contact,
        )
    return [Heading(text=say("National CSIRT"), anchor="csirt"), Paragraph(text=text)]


def worst(view: View, tally: Tally, change: Change | None) -> tuple[Section, ...]:
    """The worst findings, grouped by who must act; nothing when there are none."""
    if not tally.findings:
        return ()
    acted, _ = apart(view.findings)
    top = acted.slice(0, WORST)
    actors = by_actor(top, view.country).to_pylist()
    rows = top.select(_SHOWN_COLUMNS).to_pylist()
    groups: dict[str, list[dict[str, object]]] = {}
    for actor, row in zip(actors, rows, strict=True):
        groups.setdefault(actor, []).append(row)
    networks = {f"AS{network.asn}": network for network in tally.networks}
    weights = {actor: networks[actor].severity if actor in networks else 0.0 for actor in groups}
    body: list[Row | Band] = []
    for actor in sorted(groups, key=lambda name: (not name.startswith("AS"), name == "", -weights[name], name)):
        body.append(_band(view, actor, len(groups[actor]), networks.get(actor)))
        body += [_finding_row(row, change) for row in groups[actor]]
    table = Table(
        anchor="worst-findings",
        caption=_shown(len(rows), tally.findings, say("The worst findings, by who must act")),
        columns=(
            _INDICATOR,
            _WHAT,
            _SEEN,
            Column(title=say("Ports"), weight=0.8),
            Column(title=say("Sources"), weight=1.6),
            _CONFIDENCE,
        ),
        rows=tuple(body),
        note=say(
            "Indicators are written so that nobody opens them by accident: {mark} stands for a dot. Times are UTC. "
            "Partners count as sources only if they are independent of each other; those that may be named are.",
            mark=Code(text="[.]"),
        ),
    )
    return (Section(anchor="worst", title=say("The worst findings"), blocks=(table,)),)


def _band(view: View, actor: str, shown: int, network: NetworkTally | None) -> Band:
    if network is not None:
        title = say("{owner} ({asn})", owner=_owner(network.owner), asn=Fixed(text=actor))
        if shown < network.findings:
            # l10n: so many of a network's findings are shown here, and it has so many
            part = count_of("{shown} of {n} finding", "{shown} of {n} findings", network.findings, shown=shown)
            return Band(title=title, detail=part)
    detail = count_of("{n} finding", "{n} findings", shown)
    if network is not None:
        return Band(title=title, detail=detail)
    if actor:
        country = Country(code=view.country)
        return Band(
            title=say("Registry of {country} (names under {suffix})", country=country, suffix=Code(text=actor)),
            detail=detail,
        )
    return Band(title=say("National CSIRT (who answers for it is not known)"), detail=detail)


def _finding_row(row: dict[str, object], change: Change | None) -> Row:
    tag = None
    if change is not None:
        tag = (
            # l10n: a tag beside a finding that the earlier report did not have
            say("new")
            if row["finding_id"] in change.new
            # l10n: a tag beside a finding that differs from the earlier report
            else say("changed")
            if row["finding_id"] in change.changed
            else None
        )
    sources = row["sources"]
    names = tuple(named(name) for name in sources) if isinstance(sources, list) else ()
    partners = count_of("{n} partner", "{n} partners", int(str(row["partners"])))
    confidence = row["confidence"]
    return (
        _indicator(row, tag),
        _what(row),
        _seen(row),
        _ports(row),
        say("{partners}: {names}", partners=partners, names=Together(parts=names)) if names else partners,
        in_words(confidence if isinstance(confidence, float) else None),
    )


def set_apart(view: View, tally: Tally) -> tuple[Section, ...]:
    """Conflicts, cautions and reviews, each in a table of its own; nothing when there are none."""
    acted, reviewed = apart(view.findings)
    blocks: list[Block] = []
    if tally.cautions:
        blocks += _cautions(acted, tally.cautions)
    if tally.conflicts:
        blocks += _conflicts(acted, tally.conflicts)
    if tally.in_review:
        blocks += _reviews(reviewed)
    if not blocks:
        return ()
    return (Section(anchor="apart", title=say("What to treat with care"), blocks=tuple(blocks)),)


def _cautions(acted: pa.Table, number: int) -> list[Block]:
    counts = pc.value_counts(pc.list_flatten(acted["cautions"]))
    lists = sorted(((c["values"].as_py(), c["counts"].as_py()) for c in counts), key=lambda pair: (-pair[1], pair[0]))
    return [
        Heading(text=say("Cautions: shared hosting"), anchor="cautions"),
        Paragraph(
            text=count_of(
                "{n} finding lies in a range that many customers share (cloud, VPN, data centre). It still asks for "
                "action, but against the one customer: do not block the range.",
                "{n} findings lie in ranges that many customers share (cloud, VPN, data centre). They still ask for "
                "action, but against the one customer: do not block the range.",
                number,
            )
        ),
        Table(
            anchor="caution-lists",
            caption=_shown(min(APART, len(lists)), len(lists), say("Lists of shared ranges that findings are on")),
            columns=(Column(title=say("List"), weight=4), Column(title=say("Findings"), align=Align.END)),
            rows=tuple((named(name), count) for name, count in lists[:APART]),
        ),
    ]


def _conflicts(acted: pa.Table, number: int) -> list[Block]:
    rows = acted.filter(acted["country_conflict"]).select(_SHOWN_COLUMNS).slice(0, APART).to_pylist()
    return [
        Heading(text=say("Conflicts: sources disagree on the country"), anchor="conflicts"),
        Paragraph(
            text=count_of(
                "For {n} finding our two sources name different countries. Check the place before you act.",
                "For {n} findings our two sources name different countries. Check the place before you act.",
                number,
            )
        ),
        Table(
            anchor="conflict-findings",
            caption=_shown(len(rows), number, say("Findings whose country is in doubt, the worst first")),
            columns=(
                _INDICATOR,
                Column(title=say("Network"), weight=1.7),
                Column(title=say("First source"), weight=1.35),
                Column(title=say("Second source"), weight=1.35),
            ),
            rows=tuple(
                (_indicator(row), _network_of(row), _country(row["country"]), _country(row["country_second"]))
                for row in rows
            ),
            note=_rest(len(rows), number, "country_conflict"),
        ),
    ]


def _reviews(reviewed: pa.Table) -> list[Block]:
    rows = reviewed.select(_SHOWN_COLUMNS).slice(0, APART).to_pylist()
    return [
        Heading(text=say("Reviews: no action yet"), anchor="reviews"),
        Paragraph(
            text=count_of(
                "{n} finding is on a list of names and addresses that are seldom criminal. An analyst decides first: "
                "it counts nowhere else in this report, and nobody is asked to act on it.",
                "{n} findings are on lists of names and addresses that are seldom criminal. An analyst decides first: "
                "they count nowhere else in this report, and nobody is asked to act on them.",
                reviewed.num_rows,
            )
        ),
        Table(
            anchor="review-findings",
            caption=_shown(len(rows), reviewed.num_rows, say("Findings that await review")),
            columns=(_INDICATOR, _WHAT, Column(title=say("On the list"), weight=3)),
            rows=tuple((_indicator(row), _what(row), _texts(row["review"])) for row in rows),
            note=_rest(len(rows), reviewed.num_rows, "review"),
        ),
    ]


def _shown(shown: int, every: int, what: Message) -> Message:
    if shown == every:
        return say("{what}: {n}", what=what, n=every)
    # l10n: caption of a table, and how many of its subjects are shown: "Networks, the heaviest first: 25 of 310"
    return say("{what}: {shown} of {all}", what=what, shown=shown, all=every)


def _rest(shown: int, every: int, column: str) -> Message | None:
    if shown == every:
        return None
    # l10n: under a table of findings of which only the worst are shown; the file is a CSV file
    return say(
        "All stand in {file}; see its column {column}.", file=Code(text="findings.csv"), column=Code(text=column)
    )


def _indicator(row: dict[str, object], tag: Message | None = None) -> Code:
    return Code(text=printed(str(row["type"]), str(row["value"])), tag=tag)


def _what(row: dict[str, object], *, government: bool = True) -> Lines:
    parts: list[Value] = [role_name(str(row["role"]))]
    families = row["families"]
    if isinstance(families, list) and families:
        shown: list[Value] = [named(name) for name in families[:3]]
        parts.append(Together(parts=tuple(shown)))
        if len(families) > 3:
            # l10n: after three names of malware families
            parts.append(say("and {n} more", n=len(families) - 3))
    if government and row["government"]:
        parts.append(say("government system"))
    if row["cautions"]:
        parts.append(say("shared hosting"))
    return Lines(parts=tuple(parts))


def _seen(row: dict[str, object]) -> Lines:
    first, last = row["first_seen"], row["last_seen"]
    parts: list[Value] = [first, last]  # type: ignore[list-item]
    if row["undated"]:
        # l10n: under a day: no record said when; it is the day on which the data was collected
        parts.append(say("day of collection"))
    return Lines(parts=tuple(parts))


def _ports(row: dict[str, object]) -> Value:
    ports = row["ports"]
    if not isinstance(ports, list) or not ports:
        return None
    text = ", ".join(str(port) for port in ports[:PORTS])
    if len(ports) > PORTS or row["ports_many"]:
        # l10n: a list of port numbers that is longer than this
        return say("{ports} and more", ports=Fixed(text=text))
    return Fixed(text=text)


def _owner(owner: object) -> Value:
    return say("Owner not known") if owner is None else named(str(owner))


def _network_of(row: dict[str, object]) -> Value:
    if row["asn"] is None:
        return say("not known")
    return Lines(parts=(_owner(row["network_owner"]), Fixed(text=f"AS{row['asn']}")))


def _country(code: object) -> Value:
    return say("not known") if code is None else Country(code=str(code), in_sentence=False)


def _texts(values: object) -> Lines:
    return Lines(parts=tuple(named(str(value)) for value in values) if isinstance(values, list) else ())
