"""What a report rests on: data sets, reference data, corroboration, method, limits, handling, glossary."""

from accord.release.view import DatasetSheet, View
from accord.reports.blocks import Align, Block, Bullets, Column, Definitions, Heading, Paragraph, Row, Section, Table
from accord.reports.confidence import SCALE, UNRATED
from accord.reports.roles import advice_for, role_name
from accord.reports.tally import Tally
from accord.reports.words import Code, Fixed, Lines, Message, Value, Verbatim, count_of, named, say
from accord.vocabulary.datasets import Origin
from accord.vocabulary.markings import Marking

COLLECTED: dict[str, Message] = {
    # l10n: how a data set was collected, in a cell of a table
    Origin.SINKHOLE: say("infected systems called a server that the partner controls"),
    Origin.HONEYPOT: say("attackers came to a decoy"),
    Origin.TELEMETRY: say("reports from the partner's products at its customers"),
    Origin.SCAN: say("the partner looked from outside at what answers on the internet"),
    Origin.CRAWL: say("the partner visited websites and saved what they served"),
    Origin.SEIZED_SERVER: say("read from a server that police seized"),
    Origin.OPEN_SOURCE: say("published for everyone"),
    Origin.REPORT: say("reported by people and investigated"),
}

HANDLING: dict[Marking, Message] = {
    # l10n: after FIRST's TLP 2.0, of which there are official translations (www.first.org/tlp): use their words
    Marking.CLEAR: say("Recipients can spread this to the world; there is no limit on disclosure."),
    Marking.GREEN: say(
        "Limited disclosure: recipients can spread this within their community of security organisations, but not on "
        "publicly accessible channels."
    ),
    Marking.AMBER: say(
        "Limited disclosure: recipients can only spread this on a need-to-know basis within their organisation and "
        "its clients, to protect them and prevent further harm."
    ),
    Marking.AMBER_STRICT: say(
        "Limited disclosure: recipients can only spread this on a need-to-know basis within their organisation, not "
        "to its clients."
    ),
    Marking.RED: say(
        "For the eyes and ears of the named recipients only, no further disclosure: not to colleagues, not to network "
        "owners."
    ),
}
"""What a recipient may do, after FIRST's definitions of TLP 2.0."""


def what_this_rests_on(view: View, tally: Tally) -> Section:
    """Data sets, corroboration, method, what is not known, limits."""
    blocks: list[Block] = [_datasets(view)]
    if tally.findings:
        blocks.append(_corroboration(tally))
        blocks.append(_confidence(tally))
    blocks += [*_method(), *_unknown(tally), _reference(view)]
    return Section(anchor="basis", title=say("What this rests on"), blocks=tuple(blocks), new_page=True)


def _datasets(view: View) -> Block:
    if not view.datasets:
        return Paragraph(
            text=say(
                "No data set has evidence in this report. The operation's data was read and nothing in it concerns "
                "this country, or nothing that its recipients may see."
            )
        )
    return Table(
        anchor="datasets",
        caption=count_of(
            "The {n} data set behind this report", "The {n} data sets behind this report", len(view.datasets)
        ),
        columns=(
            Column(title=say("Data set and partner"), weight=2.3),
            Column(title=say("How it was collected"), weight=2.2),
            Column(title=say("Collected"), weight=1.2),
            Column(title=say("Records"), weight=0.95, align=Align.END),
            Column(title=say("Findings"), weight=1.0, align=Align.END),
            Column(title=say("Sightings"), weight=1.0, align=Align.END),
            Column(title=say("Grade, marking"), weight=1.3),
        ),
        rows=tuple(_dataset_row(sheet) for sheet in view.datasets),
        note=say(
            "Counted within this report only. Records: what the delivered records say of these findings, one statement "
            "about one indicator at one time each. Sightings: what those statements stand for. Grade: reliability of "
            "the source from a (completely reliable) to e "
            "(unreliable); f and g are unrated."
        ),
    )


def _dataset_row(sheet: DatasetSheet) -> Row:
    partner: Value = say("a partner that may not be named") if sheet.partner is None else named(sheet.partner)
    about: list[Value] = [partner] if sheet.title is None else [named(sheet.title), partner]
    if sheet.upstream is not None:
        about.append(say("passed on from {upstream}", upstream=Verbatim(text=sheet.upstream)))
    how: list[Value] = [COLLECTED.get(sheet.origin, Verbatim(text=sheet.origin))]
    if sheet.personal:
        how.append(say("personal data"))
    if sheet.undated:
        how.append(say("some times are the day of collection"))
    return (
        Lines(parts=tuple(about)),
        Lines(parts=tuple(how)),
        Lines(parts=(sheet.collected_from, sheet.collected_to)),
        sheet.observations,
        sheet.findings,
        sheet.sightings,
        Lines(parts=(Fixed(text=sheet.grade), Fixed(text=sheet.marking.label))),
    )


def _corroboration(tally: Tally) -> Table:
    return Table(
        anchor="corroboration",
        caption=say("How many independent partners saw the same finding"),
        columns=(
            Column(title=say("Independent partners"), weight=2),
            Column(title=say("Findings"), align=Align.END),
        ),
        rows=tuple((count_of("{n} partner", "{n} partners", key), number) for key, number in tally.partners.items()),
    )


def _confidence(tally: Tally) -> Table:
    steps = (*SCALE, UNRATED)
    return Table(
        anchor="confidence",
        caption=say("Confidence in words: the same scale in every report"),
        columns=(
            Column(title=say("Word"), weight=1.3),
            Column(title=say("What it means"), weight=5),
            Column(title=say("Findings"), weight=1, align=Align.END),
        ),
        rows=tuple((step.word, step.meaning, number) for step, number in zip(steps, tally.rated, strict=True)),
    )


def _method() -> list[Block]:
    return [
        Heading(text=say("Method"), anchor="method"),
        Definitions(
            items=(
                (
                    say("Finding"),
                    say(
                        "One address, name or file in one role. What partners say about it is merged only from the "
                        "records that this report's recipients may see; hidden records change no number here."
                    ),
                ),
                (
                    say("Confidence"),
                    say(
                        "Each source has a weight by its grade (a 0.9, b 0.7, c 0.5, d 0.3, e 0.1). The weight fades "
                        "with the age of the last sighting: half is gone after 30 days and all after 120, for phishing "
                        "after 15 hours and 3 days. "
                        "The best weight of each partner counts once, also if others pass it on; independent partners "
                        "combine as the chance that not all of them are wrong."
                    ),
                ),
                (
                    say("Severity"),
                    say(
                        "Out of 100: up to 45 for the role (a C2 server 45, malware distribution and hacked websites "
                        "36, phishing 32, an infected system 23, a scanner 9), 20 on a government system, up to 20 for "
                        "confidence, up to 10 for how lately it was seen (nothing after 180 days), and up to 5 for the "
                        "infected systems of the same families behind it."
                    ),
                ),
                (
                    say("Place and network"),
                    say(
                        "Country and network come from the smallest known address range that holds the address. A "
                        "second country source is compared; where they differ, the finding is listed as a conflict. A "
                        "finding belongs to the country that hosts it and to the country of its name's registry, so "
                        "that countries may add up to more than the whole."
                    ),
                ),
                (
                    say("Warning lists"),
                    say(
                        "Known sinkholes, security companies, public resolvers and top sites are held for review; "
                        "shared hosting is a caution beside the finding. Nothing is dropped without a word."
                    ),
                ),
            )
        ),
    ]


def _unknown(tally: Tally) -> list[Block]:
    items = [
        say("Partners see a part of the internet each. What nobody looked at is not here, and absence proves nothing."),
        say("An address is not a person. One address can stand for many customers, or for another one an hour later."),
        say("A last sighting says that it was there then, not that it is there now. Check before you act."),
        say("We do not know who is behind a server. Nothing in this report says who committed a crime."),
    ]
    if tally.undated:
        items.append(
            count_of(
                "{n} finding has no time of its own; it carries the day on which the data was collected.",
                "{n} findings have no time of their own; they carry the day on which the data was collected.",
                tally.undated,
            )
        )
    if tally.without_family:
        items.append(
            count_of(
                "For {n} finding no partner named a malware family.",
                "For {n} findings no partner named a malware family.",
                tally.without_family,
            )
        )
    return [
        Heading(text=say("What we do not know, and limits"), anchor="limits"),
        Bullets(items=tuple(items)),
    ]


def _reference(view: View) -> Block:
    if not view.reference:
        return Paragraph(text=say("No reference data was used."))
    return Table(
        anchor="reference",
        caption=say("Reference data that places and networks come from"),
        columns=(
            Column(title=say("Source"), weight=2),
            Column(title=say("Version"), weight=1.2),
            Column(title=say("Licence"), weight=1.2),
        ),
        rows=tuple(
            (Verbatim(text=sheet.name), Fixed(text=sheet.version), Fixed(text=sheet.licence))
            for sheet in view.reference
        ),
    )


def handling(view: View, tally: Tally) -> Section:
    """What a recipient may do with the report."""
    items = [
        HANDLING[view.marking],
        say("The label of a finding stands in the column {column} of each file.", column=Code(text="marking")),
    ]
    if tally.restricted:
        items.append(
            count_of(
                "{n} finding is marked more strictly than TLP:AMBER. It is left out of the letter; remove it from a "
                "network's file before you pass that on.",
                "{n} findings are marked more strictly than TLP:AMBER. They are left out of the letter; remove them "
                "from a network's file before you pass that on.",
                tally.restricted,
            )
        )
    items += [
        say(
            "Addresses of victims are personal data. Use them to notify and protect, keep them no longer than that "
            "takes, and never put them on a block list."
        ),
        say(
            "Who wants to use more than the marking permits asks {contact} first.",
            contact=Verbatim(text=view.hub.contact),
        ),
    ]
    if view.operation.simulated:
        items.insert(0, say("Everything in this report is simulated. Nobody may be contacted because of it."))
    return Section(
        anchor="handling",
        title=say("Handling rules: {label}", label=Fixed(text=view.marking.label)),
        blocks=(Bullets(items=tuple(items)),),
    )


def glossary(tally: Tally) -> Section:
    """The words that a reader may not know; roles only where they occur."""
    words: tuple[tuple[Message, Message], ...] = (
        (say("AS number"), say("The number by which a network is known to the other networks of the internet.")),
        (say("CSIRT"), say("Computer security incident response team; the national one coordinates for a country.")),
        (say("Indicator"), say("An address, name or fingerprint by which criminal activity can be recognised.")),
        (say("Malware family"), say("Malicious programs of one origin under one name.")),
        (
            say("Network owner"),
            say("The organisation that an address range is assigned to: a provider, host or company."),
        ),
        (say("Public suffix"), say("The end of a name under which a registry hands out names, such as co.id.")),
        (say("Registry"), say("The organisation that keeps the list of names under a country's ending.")),
        (say("Sinkhole"), say("A server of the good side that infected systems call instead of the criminals' one.")),
        (say("TLP"), say("Traffic Light Protocol 2.0 of FIRST: whom a recipient may pass information on to.")),
    )
    roles = tuple((role_name(role), advice_for(role).meaning) for role in tally.roles)
    return Section(
        anchor="glossary", title=say("Glossary"), blocks=(Definitions(items=(*words, *roles), by_term=True),)
    )
