"""The scenario simda-2015: half a year of the sinkhole logs of one botnet, before and after it was broken up.

Modelled on what INTERPOL and the companies that helped it made public in April 2015: on the 9th, 14 command-and-control
servers of the Simda botnet were seized in the Netherlands, the United States, Russia, Luxembourg and Poland; 770,000
computers in more than 190 countries were infected, a good fifth of them in the United States and about one in twenty in
each of Canada, Russia, Turkey and the United Kingdom; some 128,000 new ones had come every month for half a year. The
other countries' numbers, the days' shares, the partners and all addresses are made up.
"""

from datetime import UTC, datetime
from uuid import UUID

from accord.training.outbreak import Outbreak, VictimCountry
from accord.training.scenario import Activity, DatasetPlan, Family, PartnerPlan, RecipientPlan
from accord.vocabulary.countries import CountryCode
from accord.vocabulary.datasets import LegalBasis, Origin, SourceGrade
from accord.vocabulary.markings import Marking
from accord.vocabulary.roles import Role

_COUNTRIES = """
    US 169400 -6 200; CA 38500 -5 60; GB 38500 0 30; RU 38500 +4 20; TR 38500 +2 20; DE 20051 +1 180;
    BR 19948 -3 40; IN 18285 +5 20; FR 16623 +1 60; IT 14961 +1 20; CN 13298 +8 20; MX 13298 -6 20; ES 11636 +1 20;
    JP 11636 +9 80; ID 10805 +7 20; PL 10805 +1 20; AU 9974 +10 40; UA 9974 +2 20; VN 9974 +7 20; TH 9142 +7 20;
    AR 8311 -3 20; CO 7480 -5 20; IR 7480 +3 20; NL 7480 +1 60; PH 7480 +8 20; EG 6649 +2 20; KR 6649 +9 20;
    MY 6649 +8 80; RO 6649 +2 70; TW 6649 +8 20; SA 5818 +3 20; VE 5818 -4 20; CL 4987 -3 20; PE 4987 -5 150;
    PK 4987 +5 20; ZA 4987 +2 20; CZ 4155 +1 80; GR 4155 +2 60; HU 4155 +1 20; KZ 4155 +6 20; NG 4155 +1 20;
    PT 4155 0 170; AE 3740 +4 20; BE 3740 +1 330; SE 3740 +1 30; BD 3324 +6 20; CH 3324 +1 170; DZ 3324 +1 20;
    HK 3324 +8 20; IL 3324 +2 20; MA 3324 0 20; AT 2909 +1 50; BG 2909 +2 20; BY 2909 +3 20; DK 2493 +1 20;
    EC 2493 -5 60; IQ 2493 +3 20; NO 2493 +1 90; RS 2493 +1 20; FI 2327 +2 60; IE 2077 0 40; KE 2077 +3 20;
    SG 2077 +8 70; TN 2077 +1 20; SK 1994 +1 20; NZ 1828 +12 40; HR 1662 +1 20; AZ 1496 +4 20; UZ 1329 +5 20;
    DO 1246 -4 20; LK 1246 +5 20; LT 1246 +2 20; KW 1163 +3 20; BA 1080 +1 20; GH 1080 0 20; JO 1080 +2 20;
    BO 997 -4 20; GT 997 -6 20; LB 997 +2 20; MD 997 +2 20; NP 997 +6 20; UY 997 -3 20; CR 914 -6 20; GE 914 +4 20;
    LV 914 +2 20; SD 914 +3 20; OM 831 +4 20; PR 831 -4 20; PY 831 -4 20; QA 831 +3 20; SI 831 +1 60; SY 831 +2 20;
    AL 748 +1 20; AM 748 +4 20; PA 748 -5 20; PS 748 +2 20; CI 664 0 20; EE 664 +2 120; MK 664 +1 20; SV 664 -6 20;
    TZ 664 +3 20; YE 664 +3 20; AO 581 +1 20; BH 581 +3 20; CM 581 +1 20; KH 581 +7 20; LY 581 +2 20; SN 581 0 20;
    UG 581 +3 20; CY 498 +2 20; HN 498 -6 20; JM 498 -5 20; KG 498 +6 20; MM 498 +6 20; TT 498 -4 20; ZW 498 +2 20;
    ET 415 +3 20; MN 415 +8 20; ZM 415 +2 20; AF 332 +4 20; MU 332 +4 20; MZ 332 +2 20; NI 332 -6 20; LU 290 +1 150;
    TJ 290 +5 20; CD 249 +1 20; CU 249 -5 20; ME 249 +1 20; MG 249 +3 20; MT 249 +1 20; BF 207 0 20; BW 207 +2 20;
    IS 207 0 20; LA 207 +7 20; ML 207 0 20; NA 207 +1 20; RW 207 +2 20; BJ 166 +1 20; BN 166 +8 20; GA 166 +1 20;
    HT 166 -5 20; TM 166 +5 20; BB 124 -4 20; BS 124 -5 20; CG 124 +1 20; FJ 124 +12 20; GN 124 0 20; MV 124 +5 20;
    MW 124 +2 20; PG 124 +10 20; TG 124 0 20; GY 99 -4 20; MR 99 0 20; SR 99 -3 20; CV 83 -1 20; NE 83 +1 20;
    BT 66 +6 20; BZ 66 -6 20; GM 66 0 20; LR 66 0 20; LS 66 +2 20; SC 66 +4 20; SL 66 0 20; SO 66 +3 20;
    SZ 66 +2 20; DJ 49 +3 20; LC 49 -4 20; TD 49 +1 20; AG 41 -4 20; TL 41 +9 20; AD 33 +1 20; BI 33 +2 20;
    GD 33 -4 20; GQ 33 +1 20; KN 33 -4 20; MC 33 +1 20; VC 33 -4 20; DM 24 -4 20; GW 24 0 20; KM 24 +3 20;
    LI 24 +1 20; SB 24 +11 20; SM 24 +1 20; SS 24 +3 20; ST 24 0 20; TO 24 +13 20; VU 24 +11 20; WS 24 +13 20;
    CF 16 +1 20; ER 16 +3 20;
"""
"""Country, infected machines, hours ahead of UTC, machines in a thousand that have IPv6."""


def _countries() -> tuple[VictimCountry, ...]:
    rows = [row.split() for row in _COUNTRIES.replace("\n", " ").strip(" ;").split(";")]
    return tuple(
        VictimCountry(code=CountryCode(code), machines=int(machines), offset_h=int(offset), six=int(six))
        for code, machines, offset, six in rows
    )


COUNTRIES = _countries()

SERVERS = tuple((CountryCode(code), count) for code, count in (("LU", 1), ("NL", 10), ("PL", 1), ("RU", 1), ("US", 1)))
"""Fourteen."""

SIMDA = Family(name="Simda", activity=Activity.INSTALLATION, weight=1, synonyms=("simda", "win.simda", "iBank"))
"""With the names that Malpedia's table knows it by."""

PARTNERS = (
    PartnerPlan(id="sinkhole-s", name="Simulated Foundation S", kind="vendor", country=CountryCode("NL")),
    PartnerPlan(id="police-p", name="Simulated Police Unit P", kind="police", country=CountryCode("NL")),
    *(
        PartnerPlan(id=f"csirt-{one.code.lower()}", name=f"Simulated CSIRT {one.code}", kind="csirt", country=one.code)
        for one in COUNTRIES
    ),
)

RECIPIENTS = tuple(RecipientPlan(partner=f"csirt-{one.code.lower()}", country=one.code) for one in COUNTRIES)

_SEIZED_COLUMNS = """
[[dataset.csv]]
indicators = { ip = "ip" }
seen_at = ["first_seen", "last_seen"]
port = "port"
family = "malware"
"""

_SINKHOLE, _SEIZED = "sinkhole-s-events", "police-p-seized"

DATASETS = (
    DatasetPlan(
        id=_SINKHOLE,
        title="Machines that called Foundation S's sinkhole",
        partner="sinkhole-s",
        format="shadowserver",
        paths=("shadow/*.csv",),
        collected_at=datetime(2015, 7, 1, tzinfo=UTC),
        origin=Origin.SINKHOLE,
        role=None,
        marking=Marking.GREEN,
        grade=SourceGrade.A,
        legal_basis=LegalBasis.PUBLIC_TASK,
        personal=True,
        name_partner=True,
    ),
    DatasetPlan(
        id=_SEIZED,
        title="Servers that Police Unit P and its partners seized",
        partner="police-p",
        format="csv",
        paths=("police/*.csv",),
        collected_at=datetime(2015, 4, 10, 12, tzinfo=UTC),
        origin=Origin.SEIZED_SERVER,
        role=Role.C2_SERVER,
        marking=Marking.AMBER,
        grade=SourceGrade.A,
        legal_basis=LegalBasis.LAW_ENFORCEMENT,
        personal=False,
        name_partner=True,
        details=_SEIZED_COLUMNS,
    ),
)

SIMDA_2015 = Outbreak(
    name="simda-2015",
    title="Victims and servers of the Simda botnet",
    as_of=datetime(2015, 7, 1, tzinfo=UTC),
    window_start=datetime(2015, 1, 1, tzinfo=UTC),
    answer_by=datetime(2015, 7, 31, tzinfo=UTC),
    hub_name="Simulated cyber fusion centre",
    contact="desk@hub.example",
    namespace=UUID("5d2f5f0e-6c1d-4a7b-9d0c-2015040900aa"),
    partners=PARTNERS,
    datasets=DATASETS,
    recipients=RECIPIENTS,
    countries=COUNTRIES,
    family=SIMDA,
    servers=SERVERS,
    days=181,
    takedown_day=98,
    growth_days=84,
    events=10_000_000,
    dataset=_SINKHOLE,
)
