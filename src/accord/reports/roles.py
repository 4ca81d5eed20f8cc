"""Roles in plain words, and what is asked of whom about each.

Sources for the advice: RFC 2350 and RSIT (who handles what), RFC 3227 (order of volatility when evidence is
kept), the takedown practice of national CSIRTs: ask for evidence first, for disconnection second.
"""

from dataclasses import dataclass

from accord.reports.words import Message, count_of, say
from accord.vocabulary.roles import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What is asked about findings of one role."""

    meaning: Message
    """What such a finding is, for the glossary."""
    who: Message
    ask: Message
    first: Message
    """What to do before anything is switched off."""


_CRIMINAL_SERVER = say("Network owner or hosting company; police where the server is to be seized")
_KEEP_SERVER = say(
    "Before it is switched off: copy the disk and the memory, keep connection logs and customer records. "
    "Agree with your police unit whether it should run on under watch."
)
_KEEP_SITE = say("Keep a copy of the changed files and of the web server's logs before cleaning.")
_NAMES = (
    (Role.C2_SERVER, say("C2 server")),
    (Role.INFECTED_SYSTEM, say("Infected system")),
    (Role.SYSTEM_COMPROMISE, say("Compromised website")),
    (Role.MALWARE_DISTRIBUTION, say("Malware distribution")),
    (Role.MALWARE_CONFIGURATION, say("Malware configuration")),
    (Role.PHISHING, say("Phishing")),
    (Role.SPAM, say("Spam source")),
    (Role.DDOS, say("Flooding others (DDoS)")),
    (Role.DOS, say("Denial of service")),
    (Role.SCANNER, say("Scanner")),
    (Role.BRUTE_FORCE, say("Password guessing")),
    (Role.EXPLOIT, say("Attempted break-in")),
    (Role.DDOS_AMPLIFIER, say("Open to misuse for DDoS")),
    (Role.VULNERABLE_SYSTEM, say("Vulnerable system")),
    (Role.DATA_LEAK, say("Leaked data")),
    (Role.PRIVILEGED_ACCOUNT_COMPROMISE, say("Compromised administrator account")),
    (Role.UNPRIVILEGED_ACCOUNT_COMPROMISE, say("Compromised account")),
    (Role.UNDETERMINED, say("Not determined")),
    (Role.SNIFFING, say("Listening in on traffic")),
    (Role.SOCIAL_ENGINEERING, say("Social engineering")),
    (Role.IDS_ALERT, say("Alert of an intrusion detection system")),
    (Role.DATA_LOSS, say("Lost data")),
    (Role.UNAUTHORISED_INFORMATION_ACCESS, say("Unauthorised access to information")),
    (Role.UNAUTHORISED_INFORMATION_MODIFICATION, say("Unauthorised change of information")),
    (Role.APPLICATION_COMPROMISE, say("Compromised application")),
    (Role.BURGLARY, say("Burglary")),
    (Role.UNAUTHORISED_USE_OF_RESOURCES, say("Unauthorised use of resources")),
    (Role.COPYRIGHT, say("Infringement of copyright")),
    (Role.MASQUERADE, say("Impersonation")),
    (Role.HARMFUL_SPEECH, say("Harmful speech")),
    (Role.VIOLENCE, say("Incitement to violence")),
    (Role.MISCONFIGURATION, say("Misconfiguration")),
    (Role.SABOTAGE, say("Sabotage")),
    (Role.OUTAGE, say("Outage")),
    (Role.WEAK_CRYPTO, say("Weak encryption")),
    (Role.POTENTIALLY_UNWANTED_ACCESSIBLE, say("Open service that may be unwanted")),
    (Role.INFORMATION_DISCLOSURE, say("Disclosed information")),
    (Role.OTHER, say("Other incident")),
    (Role.TEST, say("Test")),
)
NAMES: dict[str, Message] = {role.value: name for role, name in _NAMES}
"""Every role as people call it."""


def role_name(role: str) -> Message:
    """A role as people call it. Raises KeyError for what is no role."""
    return NAMES[role]


def counted(role: str, number: int) -> Message:
    """`1,104 command-and-control servers`, for a sentence."""
    match role:
        case Role.C2_SERVER:
            return count_of("{n} command-and-control server", "{n} command-and-control servers", number)
        case Role.SYSTEM_COMPROMISE:
            return count_of("{n} compromised website", "{n} compromised websites", number)
        case Role.INFECTED_SYSTEM:
            return count_of("{n} infected system", "{n} infected systems", number)
        case Role.MALWARE_DISTRIBUTION:
            return count_of("{n} place that hands out malware", "{n} places that hand out malware", number)
        case Role.PHISHING:
            return count_of("{n} phishing page or name", "{n} phishing pages and names", number)
        case _:
            # l10n: {role} is the name of a role, such as "Scanner"
            return count_of("{n} finding of role {role}", "{n} findings of role {role}", number, role=role_name(role))


ADVICE: dict[str, Advice] = {
    Role.C2_SERVER: Advice(
        meaning=say("Command-and-control server: one from which criminals steer infected computers."),
        who=_CRIMINAL_SERVER,
        ask=say(
            "Confirm the service on the stated port, identify the customer, disconnect the server and refuse a new "
            "contract to the same customer."
        ),
        first=_KEEP_SERVER,
    ),
    Role.MALWARE_DISTRIBUTION: Advice(
        meaning=say("A place on the internet from which malware is handed out."),
        who=say("Network owner or hosting company; the registry for a name that serves nothing else"),
        ask=say("Remove the file or the site. If the site was hacked, have its owner close the hole as well."),
        first=_KEEP_SITE,
    ),
    Role.MALWARE_CONFIGURATION: Advice(
        meaning=say("A place from which malware fetches its settings."),
        who=_CRIMINAL_SERVER,
        ask=say("Remove the file and disconnect the server if it serves nothing else."),
        first=_KEEP_SERVER,
    ),
    Role.PHISHING: Advice(
        meaning=say("A page or name that pretends to be somebody else to collect passwords or card numbers."),
        who=say("Hosting company; the registry or registrar for a name made for the purpose"),
        ask=say("Take the page down; suspend the name if it was registered for fraud. Tell the imitated organisation."),
        first=say("Save the page as it is seen, its kit if readable, and the log of what victims sent."),
    ),
    Role.SYSTEM_COMPROMISE: Advice(
        meaning=say("A website or server of an honest owner that criminals have broken into."),
        who=say("Owner of the website, reached through the hosting company or the national CSIRT"),
        ask=say(
            "Tell the owner. Restore from a clean copy, update the software, change all passwords. The owner is a "
            "victim: do not block the site for good."
        ),
        first=_KEEP_SITE,
    ),
    Role.INFECTED_SYSTEM: Advice(
        meaning=say("A computer or device of a member of the public or an organisation that runs malware."),
        who=say("Internet provider, who alone can tell which customer had the address at that time"),
        ask=say(
            "Find the customer by address, time and source port, tell them, and point them to help with cleaning. "
            "Customers are victims: their data serves to notify them and nothing else."
        ),
        first=say("Address assignments are often kept for days only: look them up first."),
    ),
    Role.SPAM: Advice(
        meaning=say("A system that sends unwanted mail in bulk."),
        who=say("Network owner"),
        ask=say("Stop the sending, then find out whether the customer sends it or is infected."),
        first=say("Keep mail logs for the stated time."),
    ),
    Role.DDOS: Advice(
        meaning=say("A system that takes part in flooding others with traffic."),
        who=say("Network owner"),
        ask=say("Filter the traffic, then have the customer clean or replace the device."),
        first=say("Keep flow records for the stated time."),
    ),
    Role.DDOS_AMPLIFIER: Advice(
        meaning=say("An open service that strangers misuse to multiply a flood of traffic."),
        who=say("Network owner"),
        ask=say("Have the service closed to strangers or limited in rate."),
        first=say("Nothing needs to be kept."),
    ),
}
OTHER = Advice(
    meaning=say("A finding whose role has no definition of its own in this report."),
    who=say("Network owner or national CSIRT"),
    ask=say("Check what the address or name did at the stated time, and act by your procedures."),
    first=say("Keep logs for the stated time."),
)


def advice_for(role: str) -> Advice:
    """What is asked about a role."""
    return ADVICE.get(role, OTHER)
