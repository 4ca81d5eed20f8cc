"""The request to a network owner: one letter for each network, the heaviest first, ready to be sent.

One plain text file holds a note for whoever sends the letters, a letter for each of the heaviest networks, and a
form for the others. What is marked more strictly than TLP:AMBER may not reach a network owner and is left out
(TLP 2.0: amber is for the recipient's organisation and its clients); so is what awaits review. The label stands
in the subject line and before the text (TLP 2.0, messaging). Lines are at most 72 characters (RFC 3676), but for
indicators, which are never broken.

In a language from right to left, plain text has no markup that says so. Every line therefore begins with U+200F
(right-to-left mark), which makes the line a right-to-left one for every program that follows UAX #9, also where it
begins with an address; and what is not in the language stands in isolates (`accord.reports.words`), which are closed
at the end of a line and opened again on the next, because an isolate never reaches over a line's end.
"""

import re
from collections.abc import Iterable
from textwrap import TextWrapper

import pyarrow as pa
import pyarrow.compute as pc

from accord.release.view import View
from accord.reports.confidence import in_words
from accord.reports.defang import printed
from accord.reports.roles import advice_for, counted, role_name
from accord.reports.tally import NetworkTally, apart, hosted_here, networks_of
from accord.reports.words import (
    Clauses,
    Code,
    Country,
    Fixed,
    Message,
    Sentences,
    Speaker,
    Together,
    Value,
    Verbatim,
    count_of,
    named,
    say,
    speaker,
)
from accord.vocabulary.markings import Marking, strictest

LETTERS = 40
"""Networks that get a letter of their own; the others share a form."""

EXAMPLES = 15
"""Findings that a letter lists; all stand in the file attached to it."""

WIDTH = 72
SHAREABLE = (Marking.CLEAR, Marking.GREEN, Marking.AMBER)

_BAR = "=" * WIDTH
_THIN = "-" * WIDTH


def render(view: View, language: str) -> str:
    """The letters of a view in `language` (BCP 47), as one text. Raises SettingsError for an unknown language."""
    return write(view, speaker(language))


def write(view: View, voice: Speaker) -> str:
    """The letters of a view as `voice` says them; ends in a line feed."""
    findings, withheld = shareable(view)
    networks = networks_of(findings)
    lines = _cover_note(view, networks, withheld, voice)
    for place, network in enumerate(networks[:LETTERS], start=1):
        lines += _letter(view, findings, network, (place, min(len(networks), LETTERS)), voice)
    if len(networks) > LETTERS:
        lines += _form(view, findings, networks[LETTERS:], voice)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def shareable(view: View) -> tuple[pa.Table, int]:
    """The findings that network owners in the country may be told of, and how many their marking withholds."""
    acted, _ = apart(view.findings)
    hosted = acted.filter(pc.and_(hosted_here(acted), pc.is_valid(acted["asn"])))
    allowed = hosted.filter(pc.is_in(hosted["marking"], pa.array([marking.value for marking in SHAREABLE])))
    return allowed, hosted.num_rows - allowed.num_rows


def _cover_note(view: View, networks: tuple[NetworkTally, ...], withheld: int, voice: Speaker) -> list[str]:
    lines = _line(Fixed(text=view.marking.label), voice)
    if view.operation.simulated:
        lines += _line(say("SIMULATED DATA: do not send"), voice)
    lines += ["", *_line(say("For whoever sends these letters (remove this part)"), voice)]
    title = say(
        "Requests to network owners in {country}, operation {operation}, data as of {as_of}",
        country=Country(code=view.country),
        operation=Verbatim(text=view.operation.title),
        as_of=view.operation.as_of,
    )
    lines += [*wrapped(title, voice), ""]
    if not networks:
        nothing = say("There is nothing to ask of any network owner: no finding that one may be told of.")
        return [*lines, *wrapped(nothing, voice), *_withheld(withheld, voice)]
    steps: list[Value] = [
        _how_many(len(networks)),
        say(
            "Check that the contact is right. Where it says '{unknown}', your national CSIRT can help.",
            unknown=say("not known"),
        ),
        say("Put your letterhead and your name where the square brackets are. Send it encrypted where you can."),
        say(
            "Attach the file that the letter names; it holds the times and source ports without which a provider "
            "cannot find a customer."
        ),
        say("Write outcomes into {file}, not into this text.", file=Code(text="outcomes.csv")),
    ]
    for number, step in enumerate(steps, start=1):
        lines += wrapped(step, voice, first=f"{number}. ", rest="   ")
    return [*lines, *_withheld(withheld, voice)]


def _how_many(networks: int) -> Value:
    letters = count_of(
        "There is {n} letter below.",
        "There are {n} letters below, the heaviest network first.",
        min(networks, LETTERS),
    )
    if networks <= LETTERS:
        return letters
    rest = count_of(
        "A form for {n} more network follows them.", "A form for {n} more networks follows them.", networks - LETTERS
    )
    return Sentences(parts=(letters, rest))


def _withheld(withheld: int, voice: Speaker) -> list[str]:
    if not withheld:
        return []
    text = count_of(
        "{n} finding is marked more strictly than TLP:AMBER and is in no letter. Remove its line from the file "
        "before you attach it.",
        "{n} findings are marked more strictly than TLP:AMBER and are in no letter. Remove their lines from the "
        "files before you attach them.",
        withheld,
    )
    return ["", *wrapped(text, voice)]


def _letter(view: View, findings: pa.Table, network: NetworkTally, place: tuple[int, int], voice: Speaker) -> list[str]:
    own = findings.filter(pc.equal(findings["asn"], network.asn))
    marking = strictest(*(Marking(name) for name in pc.unique(own["marking"]).to_pylist()))
    # l10n: stands for a name after "To"; {asn} is such as AS64496
    owner: Value = say("the owner of {asn}", asn=_asn(network))
    if network.owner is not None:
        owner = named(network.owner)
    contact: Value = say("not known") if network.contact is None else Verbatim(text=network.contact)
    lines = [
        "",
        *_directed([_BAR], voice),
        *_line(say("Letter {number} of {all}", number=place[0], all=place[1]), voice),
        *_directed([_BAR], voice),
        # l10n: whom a letter goes to, as in the head of a mail
        *_line(say("To: {owner}, {contact}", owner=owner, contact=contact), voice),
        *_line(say("Subject: {subject}", subject=_subject(view, marking, network)), voice),
        *_line(say("Attachment: {file}", file=Code(text=f"by-network/AS{network.asn}.csv")), voice),
        *_directed([_THIN], voice),
    ]
    lines += _body(view, marking, network, owner, voice)
    lines += _examples(own, voice)
    return [*lines, *_close(view, voice)]


def _line(value: Value, voice: Speaker) -> list[str]:
    """A heading, or a header, which a mail program wants on one line: never wrapped."""
    return _directed([voice.say(value)], voice)


def _asn(network: NetworkTally) -> Fixed:
    return Fixed(text=f"AS{network.asn}")


def _subject(view: View, marking: Marking, network: NetworkTally) -> Message:
    subject = say(
        # l10n: subject of a letter: "[TLP:AMBER] 3 findings in your network AS64496: request for action"
        "[{label}] {count} in your network {asn}: request for action",
        label=Fixed(text=marking.label),
        count=count_of("{n} finding", "{n} findings", network.findings),
        asn=_asn(network),
    )
    return _told_apart(view, subject)


def _told_apart(view: View, subject: Message) -> Message:
    """A subject that says so where nothing of the operation is real."""
    return say("[SIMULATED] {subject}", subject=subject) if view.operation.simulated else subject


def _body(view: View, marking: Marking, network: NetworkTally, owner: Value, voice: Speaker) -> list[str]:
    roles = Together(parts=tuple(counted(role, number) for role, number in network.roles.items()))
    paragraphs: list[Value] = [
        Fixed(text=marking.label),
        *((say("SIMULATED DATA"),) if view.operation.simulated else ()),
        # l10n: the salutation, on a line by itself
        say("To {owner}", owner=owner),
        say(
            # l10n: {roles} is a list: "3 command-and-control servers and 14 infected systems"
            "Partners of {hub} have seen cybercrime in your network {asn}: {roles}. The data stands as of {as_of}.",
            hub=Verbatim(text=view.hub.name),
            asn=_asn(network),
            roles=roles,
            as_of=view.operation.as_of,
        ),
    ]
    if network.government:
        paragraphs.append(
            count_of(
                "{n} of them is on a government system. Please begin there.",
                "{n} of them are on government systems. Please begin there.",
                network.government,
            )
        )
    paragraphs.append(say("We ask you, by role:"))
    lines: list[str] = []
    for paragraph in paragraphs:
        lines += ["", *wrapped(paragraph, voice)]
    return lines + _asked(network.roles, voice)


def _asked(roles: Iterable[str], voice: Speaker) -> list[str]:
    lines: list[str] = []
    for role in roles:
        advice = advice_for(role)
        asked = say("{role}: {first} {ask}", role=role_name(role), first=advice.first, ask=advice.ask)
        lines += ["", *wrapped(asked, voice, first="* ", rest="  ")]
    return lines


def _examples(own: pa.Table, voice: Speaker) -> list[str]:
    rows = own.slice(0, EXAMPLES).to_pylist()
    heading = (
        say("The findings are:")
        if own.num_rows <= EXAMPLES
        else say("The {n} worst findings are (all {all} stand in the attachment):", n=len(rows), all=own.num_rows)
    )
    lines = ["", *wrapped(heading, voice)]
    for row in rows:
        # l10n: the next messages are facts about one finding, in one line, parted by semicolons
        facts: list[Value] = [role_name(row["role"])]
        if row["families"]:
            facts.append(Together(parts=tuple(named(name) for name in row["families"][:3])))
        if row["ports"]:
            ports = row["ports"][:6]
            listed = Fixed(text=", ".join(str(port) for port in ports))
            facts.append(count_of("port {ports}", "ports {ports}", len(ports), ports=listed))
        facts.append(say("seen {first} to {last}", first=row["first_seen"], last=row["last_seen"]))
        facts.append(say("confidence: {word}", word=in_words(row["confidence"])))
        value = voice.say(Code(text=printed(row["type"], row["value"])))
        lines += ["", *_directed([value], voice, indent="  ")]
        lines += wrapped(Clauses(parts=tuple(facts)), voice, first="    ", rest="    ")
    mark = Code(text="[.]")
    legend = say("Times are UTC. {mark} stands for a dot, hxxp for http, so that nobody opens them.", mark=mark)
    return [*lines, "", *wrapped(legend, voice)]


def _close(view: View, voice: Speaker) -> list[str]:
    country = Country(code=view.country)
    basis: Message = say("national procedure; you act under the law of {country}", country=country)
    if view.legal_basis is not None:
        basis = say(
            "{basis}; you act under the law of {country}",
            basis=Verbatim(text=view.legal_basis.rstrip(". ")),
            country=country,
        )
    contact = Verbatim(text=view.hub.contact)
    answer = (
        say("Please tell us what was done: [your contact], copy to {contact}.", contact=contact)
        if view.operation.answer_by is None
        else say(
            "Please tell us by {day} what was done: [your contact], copy to {contact}.",
            day=view.operation.answer_by,
            contact=contact,
        )
    )
    paragraphs: list[Value] = [
        say(
            "Legal basis of this request: {basis}. It is not an order, and the data is no evidence in itself.",
            basis=basis,
        ),
        say(
            "A last sighting says that it was there then, not that it is there now. Customers may be victims: use "
            "their data to help them and for nothing else, and delete it when that is done."
        ),
        answer,
        say("[name, office, telephone]"),
    ]
    lines: list[str] = []
    for paragraph in paragraphs:
        lines += ["", *wrapped(paragraph, voice)]
    return lines


def _form(view: View, findings: pa.Table, networks: tuple[NetworkTally, ...], voice: Speaker) -> list[str]:
    """One letter with blanks, and the list to fill them from."""
    asns = pa.array([network.asn for network in networks], pa.int64())
    rest = findings.filter(pc.is_in(findings["asn"], asns))
    marking = strictest(*(Marking(name) for name in pc.unique(rest["marking"]).to_pylist()))
    roles = dict.fromkeys(role for network in networks for role in network.roles)
    form = say(
        "[{label}] [number] findings in your network [AS number]: request for action",
        label=Fixed(text=marking.label),
    )
    subject = _told_apart(view, form)
    lines = [
        "",
        *_directed([_BAR], voice),
        *_line(count_of("Form for {n} more network", "Form for {n} more networks", len(networks)), voice),
        *_directed([_BAR], voice),
        *_line(say("To: [owner, contact]"), voice),
        *_line(say("Subject: {subject}", subject=subject), voice),
        *_line(say("Attachment: by-network/[AS number].csv"), voice),
        *_directed([_THIN], voice),
    ]
    opening = say(
        "Partners of {hub} have seen cybercrime in your network [AS number]: [number] findings, in the attached file. "
        "The data stands as of {as_of}. We ask you, by role:",
        hub=Verbatim(text=view.hub.name),
        as_of=view.operation.as_of,
    )
    lines += ["", *_line(Fixed(text=marking.label), voice)]
    if view.operation.simulated:
        lines += ["", *_line(say("SIMULATED DATA"), voice)]
    lines += ["", *_line(say("To [owner]"), voice), "", *wrapped(opening, voice)]
    lines += _asked(roles, voice)
    lines += _close(view, voice)
    lines += [
        "",
        *_directed([_THIN], voice),
        *wrapped(say("Networks for this form: AS number, findings, owner, contact"), voice),
        "",
    ]
    for network in networks:
        owner: Value = say("not known") if network.owner is None else named(network.owner)
        contact: Value = say("not known") if network.contact is None else Verbatim(text=network.contact)
        # l10n: a line of a list: AS number, number of findings, owner, contact
        listed = say(
            "{asn}, {findings}, {owner}, {contact}",
            asn=_asn(network),
            findings=network.findings,
            owner=owner,
            contact=contact,
        )
        lines += _directed([voice.say(listed)], voice, indent="  ")
    return lines


def wrapped(value: Value, voice: Speaker, *, first: str = "", rest: str = "") -> list[str]:
    """`value` as lines of at most WIDTH characters."""
    wrapper = TextWrapper(
        width=WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
    return _directed(wrapper.wrap(voice.say(value)), voice)


_ISOLATE = re.compile("[\u2066\u2068\u2069]")
_RIGHT_TO_LEFT_MARK = "\u200f"


def _directed(lines: list[str], voice: Speaker, *, indent: str = "") -> list[str]:
    """Lines of one paragraph as they go into the file: soft hyphens taken out, direction said on each line anew."""
    lines = [indent + line.replace("\N{SOFT HYPHEN}", "") for line in lines]
    if not voice.right_to_left:
        return lines
    directed = []
    opened: list[str] = []
    for line in lines:
        text = line.lstrip(" ")
        resumed = "".join(opened)
        for mark in _ISOLATE.findall(text):
            if mark == "\u2069":
                opened.pop()
            else:
                opened.append(mark)
        closed = "\u2069" * len(opened)
        spaces = line[: len(line) - len(text)]
        directed.append(f"{_RIGHT_TO_LEFT_MARK}{spaces}{resumed}{text}{closed}")
    return directed
