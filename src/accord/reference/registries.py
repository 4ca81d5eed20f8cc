"""Which country a top-level domain's registry answers to.

A two-letter top-level domain is a country's, by ISO 3166-1 alpha-2 (RFC 1591, section 2), also where it is sold to the
whole world (`.io`, `.tv`, `.co`, `.me`): a request about the name still goes to that registry. These differ:

- `uk` is the United Kingdom (ISO code GB); `gb` is delegated and dormant.
- `ac` (Ascension) belongs to SH, whose ISO entry is Saint Helena, Ascension and Tristan da Cunha.
- `su` (Soviet Union) is run by the Russian Institute for Public Networks: RU.
- `eu` and its Cyrillic and Greek forms are run for the European Union, which is no country: none.
- `gov` and `mil` are registries of the United States' government, and open to nobody else: US.
- Every other generic domain (`com`, `edu`, `int`, `cat`, `tokyo` ...) has no registry country.

Internationalised country-code domains are those of the IANA root zone database, state of 2026-10.
"""

from accord.vocabulary.countries import COUNTRY_CODES

_SPECIAL: dict[str, str | None] = {"uk": "GB", "ac": "SH", "su": "RU", "eu": None, "gov": "US", "mil": "US"}

_IDN = """
    AE xn--mgbaam7a8h
    AM xn--y9a3aq
    BD xn--54b7fta0cc
    BG xn--90ae
    BH xn--mgbcpq6gpa1a
    BY xn--90ais
    CN xn--fiqs8s xn--fiqz9s
    DZ xn--lgbbat1ad8j
    EG xn--wgbh1c
    GE xn--node
    GR xn--qxam
    HK xn--j6w193g
    IL xn--4dbrk0ce
    IN xn--2scrj9c xn--3hcrj9c xn--45br5cyl xn--45brj9c xn--fpcrj9c3d xn--gecrj9c xn--h2breg3eve xn--h2brj9c
       xn--h2brj9c8c xn--mgbbh1a xn--mgbbh1a71e xn--mgbgu82a xn--rvc1e0am3e xn--s9brj9c xn--xkc2dl3a5ee0h
    IQ xn--mgbtx2b
    IR xn--mgba3a4f16a xn--mgba3a4fra
    JO xn--mgbayh7gpa
    KR xn--3e0b707e
    KZ xn--80ao21a
    LA xn--q7ce6a
    LK xn--fzc2c9e2c xn--xkc2al3hye2a
    MA xn--mgbc0a9azcg
    MK xn--d1alf
    MN xn--l1acc
    MO xn--mix082f xn--mix891f
    MR xn--mgbah1a3hjkrd
    MY xn--mgbx4cd0ab
    OM xn--mgb9awbf
    PK xn--mgbai9a5eva00b xn--mgbai9azgqp6j
    PS xn--ygbi2ammx
    QA xn--wgbl6a
    RS xn--90a3ac
    RU xn--p1ai
    SA xn--mgberp4a5d4a87g xn--mgberp4a5d4ar xn--mgbqly7c0a67fbc xn--mgbqly7cvafr
    SD xn--mgbpl2fh
    SG xn--clchc0ea0b2g2a9gcd xn--yfro4i67o
    SY xn--mgbtf8fl xn--ogbpf8fl
    TH xn--o3cw4h
    TN xn--pgbs0dh
    TW xn--kprw13d xn--kpry57d xn--nnx388a
    UA xn--j1amh
    YE xn--mgb2ddes
"""


def _idn_countries() -> dict[str, str]:
    found: dict[str, str] = {}
    country = ""
    for word in _IDN.split():
        if word.startswith("xn--"):
            found[word] = country
        else:
            country = word
    return found


IDN_COUNTRIES: dict[str, str] = _idn_countries()
"""Internationalised country-code top-level domains, as A-labels, and their countries."""


def registry_country(top_level: str) -> str | None:
    """The ISO 3166-1 alpha-2 code of the country whose registry runs this top-level domain (an A-label); None: none."""
    if top_level in _SPECIAL:
        return _SPECIAL[top_level]
    if top_level in IDN_COUNTRIES:
        return IDN_COUNTRIES[top_level]
    code = top_level.upper()
    return code if len(code) == 2 and code in COUNTRY_CODES else None
