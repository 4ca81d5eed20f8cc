"""The scenario asean-2017: seven vendors' data on C2 servers and compromised websites in eight countries.

Modelled on what INTERPOL reported of its cybercrime operation in the ASEAN region in April 2017: nearly 9,000
command-and-control servers in eight countries, used among others for DDoS, spam, ransomware and bank fraud, and
nearly 270 compromised websites, several of them government ones, from seven companies' information. The counts
per country, the eighth country (here Cambodia), the families' shares and all names and addresses are made up.
"""

from datetime import UTC, datetime
from uuid import UUID

from accord.training.scenario import (
    Activity,
    CountryPlan,
    DatasetPlan,
    Family,
    PartnerPlan,
    RecipientPlan,
    Scenario,
)
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.datasets import LegalBasis, Origin, SourceGrade
from accord.vocabulary.markings import Marking
from accord.vocabulary.roles import Role


def _country(
    code: str,
    *,
    servers: int,
    websites: int,
    government: int,
    infected: int,
    suffixes: tuple[str, ...],
    official: tuple[str, ...],
) -> CountryPlan:
    return CountryPlan(
        code=CountryCode(code),
        servers=servers,
        websites=websites,
        government=government,
        infected=infected,
        suffixes=suffixes,
        government_suffixes=official,
    )


COUNTRIES = (
    _country(
        "ID",
        servers=2000,
        websites=70,
        government=12,
        infected=900,
        suffixes=("co.id", "or.id", "ac.id", "web.id", "id"),
        official=("go.id",),
    ),
    _country(
        "KH",
        servers=130,
        websites=11,
        government=3,
        infected=60,
        suffixes=("com.kh", "edu.kh"),
        official=("gov.kh",),
    ),
    _country(
        "MM", servers=120, websites=9, government=2, infected=50, suffixes=("com.mm", "edu.mm"), official=("gov.mm",)
    ),
    _country(
        "MY",
        servers=1100,
        websites=35,
        government=5,
        infected=350,
        suffixes=("com.my", "my", "edu.my"),
        official=("gov.my",),
    ),
    _country(
        "PH",
        servers=600,
        websites=30,
        government=5,
        infected=400,
        suffixes=("com.ph", "ph", "edu.ph"),
        official=("gov.ph",),
    ),
    _country(
        "SG",
        servers=1250,
        websites=15,
        government=1,
        infected=90,
        suffixes=("com.sg", "sg", "org.sg"),
        official=("gov.sg",),
    ),
    _country(
        "TH",
        servers=1300,
        websites=45,
        government=7,
        infected=500,
        suffixes=("co.th", "in.th", "or.th", "ac.th"),
        official=("go.th",),
    ),
    _country(
        "VN",
        servers=2300,
        websites=55,
        government=6,
        infected=850,
        suffixes=("com.vn", "vn", "edu.vn"),
        official=("gov.vn",),
    ),
)

FAMILIES = (
    Family(name="Mirai", activity=Activity.DDOS, weight=5, synonyms=("mirai",)),
    Family(name="Bashlite", activity=Activity.DDOS, weight=3, synonyms=("Gafgyt", "bashlite")),
    Family(name="XOR DDoS", activity=Activity.DDOS, weight=2, synonyms=("XORDDOS",)),
    Family(name="Nitol", activity=Activity.DDOS, weight=1),
    Family(name="Kelihos", activity=Activity.SPAM, weight=3, synonyms=("Hlux",)),
    Family(name="Necurs", activity=Activity.SPAM, weight=5, synonyms=("nucurs",)),
    Family(name="Cutwail", activity=Activity.SPAM, weight=2),
    Family(name="Tofsee", activity=Activity.SPAM, weight=2, synonyms=("Gheg",)),
    Family(name="Locky", activity=Activity.RANSOMWARE, weight=5),
    Family(name="Cerber", activity=Activity.RANSOMWARE, weight=4),
    Family(name="Spora", activity=Activity.RANSOMWARE, weight=1),
    Family(name="TorrentLocker", activity=Activity.RANSOMWARE, weight=1, synonyms=("Teerac",)),
    Family(name="Dridex", activity=Activity.BANK_FRAUD, weight=4),
    Family(name="TrickBot", activity=Activity.BANK_FRAUD, weight=3, synonyms=("Trickster",)),
    Family(name="Ramnit", activity=Activity.BANK_FRAUD, weight=3, synonyms=("Nimnul",)),
    Family(name="Vawtrak", activity=Activity.BANK_FRAUD, weight=1, synonyms=("NeverQuest",)),
    Family(name="Cobalt Strike", activity=Activity.BANK_FRAUD, weight=1, synonyms=("CobaltStrike",)),
)
"""Families in use in early 2017. Synonyms as MISP's galaxies and Malpedia list them."""

PARTNERS = (
    PartnerPlan(id="vendor-a", name="Simulated Vendor A", kind="vendor", country=CountryCode("JP")),
    PartnerPlan(id="vendor-b", name="Simulated Vendor B", kind="vendor", country=CountryCode("US")),
    PartnerPlan(id="vendor-c", name="Simulated Vendor C", kind="vendor", country=CountryCode("SG")),
    PartnerPlan(id="vendor-d", name="Simulated Vendor D", kind="vendor"),
    PartnerPlan(id="vendor-e", name="Simulated Vendor E", kind="vendor", country=CountryCode("GB")),
    PartnerPlan(id="vendor-f", name="Simulated Foundation F", kind="vendor", country=CountryCode("NL")),
    PartnerPlan(id="vendor-g", name="Simulated Vendor G", kind="vendor", country=CountryCode("KR")),
    *(
        PartnerPlan(id=f"csirt-{one.code.lower()}", name=f"Simulated CSIRT {one.code}", kind="csirt", country=one.code)
        for one in COUNTRIES
    ),
)

RECIPIENTS = tuple(
    RecipientPlan(
        partner=f"csirt-{one.code.lower()}",
        country=one.code,
        persons=("Simulated Officer One",) if one.code == "SG" else (),
    )
    for one in COUNTRIES
)

_INTEL_RULES = """
[[dataset.rule]]
field = "meta.desc"
value = "* payload *"
role = "malware-distribution"
""" + "".join(
    f"""
[[dataset.rule]]
field = "meta.desc"
value = "{name} command *"
family = "{name}"
"""
    for name in sorted({name for family in FAMILIES for name in (family.name, *family.synonyms)}, key=str.casefold)
    # conditions are compared without regard to case: the first of names that differ in case only would win
    if name not in {"mirai", "bashlite"}
)

_EVENT_RULES = """
[[dataset.rule]]
field = "event_info"
value = "*compromised websites*"
role = "system-compromise"

[[dataset.rule]]
field = "event_info"
value = "*malware distribution*"
role = "malware-distribution"
"""

_TRAIL_RULES = """
[[dataset.rule]]
path = "*malicious/payload.txt"
role = "malware-distribution"

[[dataset.rule]]
path = "*malware/{family}.txt"
role = "c2-server"
"""

_BUNDLE_RULES = """
[[dataset.rule]]
field = "name"
value = "compromised website*"
role = "system-compromise"

[[dataset.rule]]
field = "name"
value = "payload*"
role = "malware-distribution"
"""

_TELEMETRY_COLUMNS = """
[[dataset.csv]]
indicators = { ip_address = "ip", domain = "domain" }
seen_at = ["first_seen", "last_seen"]
role = "category"
family = "malware"
port = "dst_port"
count = "hits"
"""

_NOTES_RULES = """
[[dataset.rule]]
path = "*notes-servers.txt"
role = "c2-server"

[[dataset.rule]]
path = "*notes-websites.txt"
role = "system-compromise"

[[dataset.rule]]
path = "*notes-samples.txt"
role = "malware-distribution"
"""

DATASETS = (
    DatasetPlan(
        id="vendor-a-intel",
        title="Servers that Vendor A's scanner spoke to",
        partner="vendor-a",
        format="zeek",
        paths=("vendor-a/*.intel",),
        collected_at=datetime(2017, 4, 20, 6, tzinfo=UTC),
        origin=Origin.SCAN,
        role=Role.C2_SERVER,
        marking=Marking.GREEN,
        grade=SourceGrade.B,
        legal_basis=LegalBasis.LEGITIMATE_INTEREST,
        personal=False,
        name_partner=True,
        dated=False,
        details=_INTEL_RULES,
        weights=((Role.C2_SERVER, 3), (Role.MALWARE_DISTRIBUTION, 1)),
    ),
    DatasetPlan(
        id="vendor-b-indicators",
        title="Indicators of Vendor B's research",
        partner="vendor-b",
        format="stix",
        paths=("vendor-b/*.json",),
        collected_at=datetime(2017, 4, 21, 12, tzinfo=UTC),
        origin=Origin.TELEMETRY,
        role=Role.C2_SERVER,
        marking=Marking.AMBER,
        grade=SourceGrade.A,
        legal_basis=LegalBasis.LEGITIMATE_INTEREST,
        personal=False,
        name_partner=True,
        details=_BUNDLE_RULES,
        weights=((Role.C2_SERVER, 2.5), (Role.SYSTEM_COMPROMISE, 1), (Role.MALWARE_DISTRIBUTION, 1)),
    ),
    DatasetPlan(
        id="vendor-c-events",
        title="Events of Vendor C's regional team",
        partner="vendor-c",
        format="misp",
        paths=("vendor-c/*.json",),
        collected_at=datetime(2017, 4, 19, 9, tzinfo=UTC),
        origin=Origin.HONEYPOT,
        role=Role.C2_SERVER,
        marking=Marking.GREEN,
        grade=SourceGrade.B,
        legal_basis=LegalBasis.LEGITIMATE_INTEREST,
        personal=False,
        name_partner=True,
        details=_EVENT_RULES,
        weights=((Role.C2_SERVER, 2), (Role.SYSTEM_COMPROMISE, 1), (Role.MALWARE_DISTRIBUTION, 1)),
    ),
    DatasetPlan(
        id="vendor-d-trails",
        title="Trails that Vendor D gathers from open sources",
        partner="vendor-d",
        format="maltrail",
        paths=("vendor-d/*.tar.gz",),
        collected_at=datetime(2017, 4, 18, tzinfo=UTC),
        origin=Origin.OPEN_SOURCE,
        role=None,
        marking=Marking.CLEAR,
        grade=SourceGrade.D,
        legal_basis=LegalBasis.PUBLIC_INFORMATION,
        personal=False,
        name_partner=True,
        dated=False,
        details=_TRAIL_RULES,
        weights=((Role.C2_SERVER, 3), (Role.MALWARE_DISTRIBUTION, 1)),
    ),
    DatasetPlan(
        id="vendor-e-telemetry",
        title="Connections that Vendor E's customers blocked",
        partner="vendor-e",
        format="csv",
        paths=("vendor-e/*.csv.gz",),
        collected_at=datetime(2017, 4, 22, 18, tzinfo=UTC),
        origin=Origin.TELEMETRY,
        role=None,
        marking=Marking.AMBER,
        grade=SourceGrade.B,
        legal_basis=LegalBasis.CONTRACT,
        personal=False,
        name_partner=False,
        share_with=("csirt-id", "csirt-my", "csirt-sg", "csirt-th", "csirt-vn"),
        details=_TELEMETRY_COLUMNS,
        weights=((Role.C2_SERVER, 3), (Role.SYSTEM_COMPROMISE, 2)),
    ),
    DatasetPlan(
        id="vendor-f-reports",
        title="Foundation F's daily reports",
        partner="vendor-f",
        format="shadowserver",
        paths=("vendor-f/*.zip",),
        collected_at=datetime(2017, 4, 22, tzinfo=UTC),
        origin=Origin.SINKHOLE,
        role=None,
        marking=Marking.GREEN,
        grade=SourceGrade.A,
        legal_basis=LegalBasis.PUBLIC_TASK,
        personal=True,
        name_partner=True,
        weights=((Role.C2_SERVER, 1), (Role.SYSTEM_COMPROMISE, 5), (Role.INFECTED_SYSTEM, 1)),
    ),
    DatasetPlan(
        id="vendor-g-notes",
        title="Notes of Vendor G's analysts",
        partner="vendor-g",
        format="freetext",
        paths=("vendor-g/*.txt",),
        collected_at=datetime(2017, 4, 17, tzinfo=UTC),
        origin=Origin.REPORT,
        role=None,
        marking=Marking.GREEN,
        grade=SourceGrade.C,
        legal_basis=LegalBasis.LEGITIMATE_INTEREST,
        personal=False,
        name_partner=True,
        dated=False,
        details=_NOTES_RULES,
        weights=((Role.C2_SERVER, 0.4), (Role.SYSTEM_COMPROMISE, 1), (Role.MALWARE_DISTRIBUTION, 1)),
    ),
    DatasetPlan(
        id="vendor-g-passive-dns",
        title="Names and addresses that Vendor G's sensors saw",
        partner="vendor-g",
        format="passive-dns",
        paths=("vendor-g/*.jsonl",),
        collected_at=datetime(2017, 4, 22, tzinfo=UTC),
        origin=Origin.TELEMETRY,
        role=None,
        marking=Marking.GREEN,
        grade=SourceGrade.B,
        legal_basis=LegalBasis.LEGITIMATE_INTEREST,
        personal=False,
        name_partner=True,
    ),
)

LISTED: tuple[tuple[str, str, CountryCode | None], ...] = (
    *(("ipv4", resolver, None) for resolver in ("8.8.8.8", "8.8.4.4", "1.1.1.1", "9.9.9.9", "208.67.222.222")),
    *(
        ("domain", site, None)
        for site in (
            "google.com",
            "facebook.com",
            "wikipedia.org",
            "microsoft.com",
            "google.co.id",
            "google.co.th",
            "google.com.my",
            "google.com.ph",
            "google.com.sg",
            "google.com.vn",
        )
    ),
)
"""Public resolvers and popular sites, which careless lists keep accusing."""

ASEAN_2017 = Scenario(
    name="asean-2017",
    title="Command-and-control servers and compromised websites in South-East Asia",
    as_of=datetime(2017, 4, 24, tzinfo=UTC),
    window_start=datetime(2017, 1, 1, tzinfo=UTC),
    answer_by=datetime(2017, 5, 31, tzinfo=UTC),
    hub_name="Simulated ASEAN cyber fusion centre",
    contact="desk@hub.example",
    namespace=UUID("5d2f5f0e-6c1d-4a7b-9d0c-2017042400aa"),
    countries=COUNTRIES,
    families=FAMILIES,
    activities=(
        (Activity.DDOS, 0.25),
        (Activity.SPAM, 0.3),
        (Activity.RANSOMWARE, 0.2),
        (Activity.BANK_FRAUD, 0.25),
    ),
    partners=PARTNERS,
    datasets=DATASETS,
    recipients=RECIPIENTS,
    red_family="Cobalt Strike",
    seen_by=((3, 0.11), (2, 0.27)),
    domain_share=0.05,
    conflict_share=0.05,
    payloads=120,
    samples=40,
    stale=260,
    future=25,
    wrong=150,
    wrong_dataset="vendor-d-trails",
    listed=LISTED,
)
