"""Public suffixes against the package `publicsuffixlist`; registries and government domains against hand-made cases."""

import re
from importlib.resources import files

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from publicsuffixlist import PublicSuffixList

from accord.reference.registries import IDN_COUNTRIES, registry_country
from accord.reference.suffixes import SuffixRules
from accord.vocabulary.errors import ReferenceDataError

RULES = SuffixRules.bundled()
TWIN = PublicSuffixList(only_icann=True, accept_unknown=False)
EVERY_RULE = sorted(RULES.plain | RULES.wildcards | RULES.exceptions)

label = st.text("abcxyz019-", min_size=1, max_size=6)
names = st.one_of(
    st.builds(lambda front, rule: ".".join([*front, rule]), st.lists(label, max_size=3), st.sampled_from(EVERY_RULE)),
    st.lists(label, min_size=1, max_size=4).map(".".join),
    st.builds(
        lambda rule, drop, front: ".".join([*front, *rule.split(".")[drop:]]),
        st.sampled_from([rule for rule in EVERY_RULE if rule.count(".") > 1]),
        st.integers(0, 2),
        st.lists(st.sampled_from(["www", "city", "gov", "go"]), max_size=2),
    ),
)


def split(*given_names: str | None) -> dict[str, list[object]]:
    found = RULES.split(pa.array(given_names, pa.string()))
    return {
        "suffix": found.public_suffix.to_pylist(),
        "registered": found.registered_domain.to_pylist(),
        "country": found.registry_country.to_pylist(),
        "government": found.government.to_pylist(),
    }


@given(st.lists(names, min_size=1, max_size=60))
@settings(max_examples=150, deadline=None)
def test_names_are_split_as_the_package_splits_them(given_names):
    found = split(*given_names)
    assert found["suffix"] == [TWIN.publicsuffix(name) for name in given_names]
    assert found["registered"] == [TWIN.privatesuffix(name) for name in given_names]


@given(names)
@settings(max_examples=500, deadline=None)
def test_a_public_suffix_is_what_the_package_calls_one(name):
    assert RULES.is_public_suffix(name) == TWIN.is_public(name)
    # `za` has no rule of its own, only ones below it (co.za), so that the package knows no suffix of the bare `za`;
    # the top-level domain exists all the same, and that is what is asked here.
    if "." in name:
        assert RULES.has_known_suffix(name) or TWIN.publicsuffix(name) is None


def test_a_top_level_domain_exists_though_only_names_below_it_are_suffixes():
    assert RULES.has_known_suffix("za")
    assert RULES.has_known_suffix("example.co.za")
    assert not RULES.has_known_suffix("setup.exe")


@given(st.lists(st.none() | names, max_size=60))
@settings(max_examples=150, deadline=None)
def test_public_suffixes_are_told_among_many_names_as_the_package_tells_them(given_names):
    found = RULES.are_public_suffixes(pa.array(given_names, pa.string()))
    assert found.tolist() == [name is not None and TWIN.is_public(name) for name in given_names]


def test_every_rule_is_told_among_all_rules_and_their_neighbours_as_the_package_tells_it():
    asked = [name for rule in EVERY_RULE for name in (rule, f"any.{rule}", f"www.any.{rule}", rule.partition(".")[2])]
    found = RULES.are_public_suffixes(pa.array(asked, pa.string())[1:])
    assert found.tolist() == [TWIN.is_public(name) for name in asked[1:]]


def test_every_rule_itself_is_split_as_the_package_splits_it():
    found = split(*EVERY_RULE)
    assert found["suffix"] == [TWIN.publicsuffix(name) for name in EVERY_RULE]
    assert found["registered"] == [TWIN.privatesuffix(name) for name in EVERY_RULE]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("com", True), ("co.uk", True), ("any.ck", True), ("www.ck", False), ("kobe.jp", True), ("city.kobe.jp", False),
     ("github.io", False), ("example.com", False), ("exe", False)],
)  # fmt: skip
def test_the_list_of_icann_decides_what_is_public(name, expected):
    assert RULES.is_public_suffix(name) is expected


def test_nulls_slices_and_unknown_top_levels_have_no_suffix():
    found = RULES.split(pa.array(["a.example", "x.go.th", None, "", "setup.exe"])[1:])
    assert found.public_suffix.to_pylist() == ["go.th", None, None, None]
    assert found.registered_domain.to_pylist() == ["x.go.th", None, None, None]
    assert found.government.to_pylist() == [True, False, False, False]


@pytest.mark.parametrize(
    ("name", "country"),
    [("a.th", "TH"), ("a.xn--o3cw4h", "TH"), ("a.co.uk", "GB"), ("a.ac", "SH"), ("a.su", "RU"), ("a.eu", None),
     ("a.io", "IO"), ("a.tv", "TV"), ("a.com", None), ("a.gov", "US"), ("a.mil", "US"), ("a.xn--p1ai", "RU"),
     ("a.xn--e1a4c", None), ("a.tokyo", None), ("a.xn--q7ce6a", "LA"), ("a.xn--mgbx4cd0ab", "MY"), ("a.onion", None)],
)  # fmt: skip
def test_a_name_answers_to_the_registry_of_its_country(name, country):
    assert split(name)["country"] == [country]


def test_internationalised_country_domains_are_those_that_the_list_names():
    text = files("publicsuffixlist").joinpath("public_suffix_list.dat").read_text("utf-8")
    listed = dict(re.findall(r"^// (xn--\w+) .*\) *: *([A-Z]{2})$", text, re.MULTILINE))
    assert len(listed) > 50
    assert {level: code for level, code in listed.items() if code != "EU"} == IDN_COUNTRIES


def test_every_two_letter_top_level_has_a_country_except_the_union():
    levels = [level for level in RULES.top_levels if len(level) == 2]
    assert len(levels) > 240
    assert [level for level in levels if registry_country(level) is None] == ["eu"]


GOVERNMENT = """
    moe.gov.bn kominfo.go.id desa-x.desa.id tni.mil.id interior.gov.kh www.mptc.gov.la moc.gov.mm customs.gov.my
    army.mil.my doh.gov.ph pnp.gov.ph moh.gov.sg www.mfa.go.th rtaf.mi.th mic.gov.vn
    www.meti.go.jp city.lg.jp pref.osaka.jp www.police.go.kr www.interieur.gouv.fr www.bmi.gv.at www.gov.uk hmrc.gov.uk
    met.police.uk www.ird.govt.nz www.sars.gov.za www.gov.br stf.jus.br al.leg.br www.eb.mil.br sat.gob.mx www.gub.uy
    www.admin.ch www.bund.de www.bka.bund.de ec.europa.eu www.canada.ca cse-cst.gc.ca justice.gouv.qc.ca whitehouse.gov
    navy.mil dmv.state.ny.us www.gov.scot gov.wales www.gov.pl www.gob.es x.gob.ar x.gov.au x.gov.in x.nic.in x.go.ke
    x.go.tz x.go.ug x.gouv.sn x.gouv.ci x.gouv.bj x.gouv.tg x.gob.pe x.gov.il x.muni.il x.gov.tr x.pol.tr x.gov.np
    x.gov.pg x.gov.lk x.gov.bd x.gov.cn x.gov.tw x.gov.hk x.gov.it carabinieri.it x.gov.pt x.mil.no x.kommune.no
    polisen.se politi.dk suomi.fi rijksoverheid.nl belgium.be x.fgov.be x.public.lu x.gov.ie x.gov.cz x.gov.sk x.gov.si
    x.gov.hr x.gov.rs x.gov.ro x.government.bg x.gov.gr x.gov.ua x.gov.by x.gov.ru x.gov.kz x.gov.uz x.gov.ge x.gov.am
    x.gov.sa x.gov.ae x.gov.qa x.gov.eg x.gov.ma x.gov.tn x.gov.ng x.gov.gh x.gov.et x.gov.rw x.gov.zm x.gov.na x.gov.fj
""".split()


@pytest.mark.parametrize("name", GOVERNMENT)
def test_a_government_name_is_known_as_one(name):
    assert split(name)["government"] == [True]


@pytest.mark.parametrize(
    "name",
    ["gov-my.com", "go.th.evil.com", "gov.my.example.net", "x.gorizia.it", "shop.go.it", "x.mi.us", "mygov.my",
     "xgo.th", "gov.example.my", "mil.example.com", "example.th", "admin.ch.example.org", "notadmin.ch", "gouv.fr.cm",
     "x.lg.ua", "gov.io.example.io", "egov.com"],
)  # fmt: skip
def test_a_look_alike_is_not_government(name):
    assert split(name)["government"] == [False]


def test_a_list_without_its_marks_is_refused():
    with pytest.raises(ReferenceDataError, match="not a Public Suffix List"):
        SuffixRules.read("com\n", "1")
