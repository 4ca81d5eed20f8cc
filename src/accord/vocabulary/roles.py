"""Roles: what an indicator is, in the terms of the Reference Security Incident Taxonomy (RSIT)."""

from enum import StrEnum


class Role(StrEnum):
    """RSIT incident types (version 1.4, `machinev1.json`), those that an indicator can have."""

    C2_SERVER = "c2-server"
    INFECTED_SYSTEM = "infected-system"
    SYSTEM_COMPROMISE = "system-compromise"
    MALWARE_DISTRIBUTION = "malware-distribution"
    MALWARE_CONFIGURATION = "malware-configuration"
    PHISHING = "phishing"
    SPAM = "spam"
    DDOS = "ddos"
    DOS = "dos"
    SCANNER = "scanner"
    SNIFFING = "sniffing"
    SOCIAL_ENGINEERING = "social-engineering"
    BRUTE_FORCE = "brute-force"
    EXPLOIT = "exploit"
    IDS_ALERT = "ids-alert"
    DATA_LEAK = "data-leak"
    DATA_LOSS = "data-loss"
    UNAUTHORISED_INFORMATION_ACCESS = "unauthorised-information-access"
    UNAUTHORISED_INFORMATION_MODIFICATION = "unauthorised-information-modification"
    PRIVILEGED_ACCOUNT_COMPROMISE = "privileged-account-compromise"
    UNPRIVILEGED_ACCOUNT_COMPROMISE = "unprivileged-account-compromise"
    APPLICATION_COMPROMISE = "application-compromise"
    BURGLARY = "burglary"
    UNAUTHORISED_USE_OF_RESOURCES = "unauthorised-use-of-resources"
    COPYRIGHT = "copyright"
    MASQUERADE = "masquerade"
    HARMFUL_SPEECH = "harmful-speech"
    VIOLENCE = "violence"
    MISCONFIGURATION = "misconfiguration"
    SABOTAGE = "sabotage"
    OUTAGE = "outage"
    WEAK_CRYPTO = "weak-crypto"
    DDOS_AMPLIFIER = "ddos-amplifier"
    POTENTIALLY_UNWANTED_ACCESSIBLE = "potentially-unwanted-accessible"
    INFORMATION_DISCLOSURE = "information-disclosure"
    VULNERABLE_SYSTEM = "vulnerable-system"
    OTHER = "other"
    UNDETERMINED = "undetermined"
    TEST = "test"


ROLES: tuple[Role, ...] = tuple(Role)

VICTIM_ROLES: frozenset[Role] = frozenset(
    {
        Role.INFECTED_SYSTEM,
        Role.SYSTEM_COMPROMISE,
        Role.DATA_LEAK,
        Role.DATA_LOSS,
        Role.PRIVILEGED_ACCOUNT_COMPROMISE,
        Role.UNPRIVILEGED_ACCOUNT_COMPROMISE,
        Role.APPLICATION_COMPROMISE,
        Role.UNAUTHORISED_INFORMATION_ACCESS,
        Role.UNAUTHORISED_INFORMATION_MODIFICATION,
        Role.BURGLARY,
        Role.DDOS_AMPLIFIER,
        Role.VULNERABLE_SYSTEM,
        Role.WEAK_CRYPTO,
        Role.POTENTIALLY_UNWANTED_ACCESSIBLE,
        Role.INFORMATION_DISCLOSURE,
    }
)
"""Roles of somebody harmed or exposed. They never become STIX indicators: nobody's firewall may block a victim."""

SERVER_ROLES: frozenset[Role] = frozenset(
    {
        Role.C2_SERVER,
        Role.MALWARE_DISTRIBUTION,
        Role.MALWARE_CONFIGURATION,
        Role.PHISHING,
        Role.SYSTEM_COMPROMISE,
    }
)
"""Roles whose `port` is a service port (evidence keeps those); for the others it is a client's source port."""
