"""The closed lists that a data set is described in."""

from enum import StrEnum


class Origin(StrEnum):
    """How a data set is collected."""

    SINKHOLE = "sinkhole"
    HONEYPOT = "honeypot"
    TELEMETRY = "telemetry"
    SCAN = "scan"
    CRAWL = "crawl"
    SEIZED_SERVER = "seized-server"
    OPEN_SOURCE = "open-source"
    REPORT = "report"


class LegalBasis(StrEnum):
    """Why the partner may hold and hand over the data (Regulation (EU) 2016/679, Article 6; Directive 2016/680)."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal-obligation"
    VITAL_INTEREST = "vital-interest"
    PUBLIC_TASK = "public-task"
    LEGITIMATE_INTEREST = "legitimate-interest"
    LAW_ENFORCEMENT = "law-enforcement"
    PUBLIC_INFORMATION = "public-information"


class Purpose(StrEnum):
    """What shared data may be used for."""

    PREVENTION = "prevention"
    INVESTIGATION = "investigation"
    VICTIM_NOTIFICATION = "victim-notification"
    NETWORK_DEFENCE = "network-defence"
    TRAINING = "training"
    RESEARCH = "research"


class SourceGrade(StrEnum):
    """Admiralty source reliability a-f; g is deliberately deceptive. f and g are unrated: no weight, not 50."""

    A = "a"
    B = "b"
    C = "c"
    D = "d"
    E = "e"
    F = "f"
    G = "g"
