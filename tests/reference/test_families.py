"""Family names: what meets, what must not, and that a name's form depends on nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.reference.families import Family, FamilyNames
from accord.reference.galaxies import Cluster, Meta, build_catalogue
from accord.reference.store import load
from accord.vocabulary.errors import ReferenceDataError

NAMES = load(None).families


@pytest.mark.parametrize(
    ("reported", "name"),
    [
        ("cobalt_strike", "Cobalt Strike"), ("CobaltStrike", "Cobalt Strike"), ("COBALT-STRIKE", "Cobalt Strike"),
        ("win.emotet", "Emotet"), ("Win32/Emotet.A", "Emotet"), ("Trojan.Win32.Emotet.gen", "Emotet"),
        ("Emotet botnet", "Emotet"), ("elf_mirai", "Mirai"), ("Mirai (ELF)", "Mirai"), ("Bladabindi", "NjRAT"),
        ("Downadup", "Conficker"), ("Qbot", "QakBot"), ("gafgyt", "Bashlite"), ("LockBit ransomware", "LockBit"),
        ('misp-galaxy:botnet="Qbot"', "QakBot"), ("Cobalt Strike - S0154", "Cobalt Strike"),
        ("LummaC2", "Lumma Stealer"), ("Korplug", "PlugX"),
    ],
)  # fmt: skip
def test_names_of_one_family_meet(reported, name):
    assert NAMES.normalise([reported]) == [name]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("apt_lazarus", "lazarus"),  # an actor and a family
        ("osx_mirai", "elf_mirai"),  # Mirai is not known for macOS
        ("android_mirai", "mirai"),
        ("Mirai (Android)", "mirai"),
        ("Kraken", "Marina Botnet"),  # one's synonym, another's own name
        ("Cridex", "Feodo"),  # a synonym that several families claim
        ("ransomware", "loader"),
    ],
)
def test_different_families_are_not_merged(one, other):
    first, second = NAMES.normalise([one, other])
    assert first != second


def test_unknown_names_meet_in_lower_case():
    assert set(NAMES.normalise(["some_new-bot 7", "SomeNewBot7", "SOME NEW BOT/7"])) == {"somenewbot7"}
    assert NAMES.normalise(["android_qqqxyz", "qqqxyz"]) == ["qqqxyz", "qqqxyz"]
    assert NAMES.normalise(["apt_qqq-xyz", "-_-"]) == ["apt qqqxyz", "-_-"]


@given(
    st.lists(st.one_of(st.sampled_from(["Qbot", "elf_mirai", "apt_x", "a b", "A_B"]), st.text(max_size=12)), max_size=8)
)
@settings(max_examples=200, deadline=None)
def test_a_name_is_written_the_same_in_any_company(reported):
    assert NAMES.normalise(reported) == [NAMES.normalise([name])[0] for name in reported]


@given(st.sampled_from(NAMES.families))
@settings(max_examples=300, deadline=None)
def test_a_display_name_is_itself_when_reported_again(family):
    assert NAMES.normalise([family.name]) == [family.name]


def cluster(value: str, *synonyms: str, uuid: str = "", description: str = "", ref: str = "") -> Cluster:
    refs = [f"https://malpedia.caad.fkie.fraunhofer.de/details/{ref}"] if ref else []
    return Cluster(value=value, uuid=uuid, description=description, meta=Meta(synonyms=list(synonyms), refs=refs))


def test_a_synonym_of_two_families_is_neithers():
    found = FamilyNames.of(build_catalogue({"malpedia": [cluster("Alfa", "Shared"), cluster("Bravo", "shared")]}))
    assert found.normalise(["Shared"]) == ["shared"]


def test_a_synonym_of_one_character_again_and_again_is_nobodys():
    found = build_catalogue({"exploit-kit": [cluster("Angler", "XXX", "AEK")], "botnet": [cluster("KKK")]})
    assert {family.name: sorted(family.keys) for family in found} == {"Angler": ["aek", "angler"], "KKK": ["kkk"]}


def test_a_synonym_that_is_another_familys_name_is_that_family():
    found = FamilyNames.of(build_catalogue({"malpedia": [cluster("Alfa", "Bravo")], "botnet": [cluster("Bravo")]}))
    assert found.normalise(["bravo"]) == ["Bravo"]


def test_families_that_name_each_other_are_one_but_never_two_of_malpedia():
    one = build_catalogue({"malpedia": [cluster("Alfa", "Bravo", uuid="a")], "botnet": [cluster("Bravo", "Alfa")]})
    assert [(family.name, family.uuid, family.galaxy) for family in one] == [("Alfa", "a", "malpedia")]
    two = build_catalogue({"malpedia": [cluster("Alfa", "Bravo"), cluster("Bravo", "Alfa")]})
    assert [family.name for family in two] == ["Alfa", "Bravo"]


def test_a_family_that_could_join_two_joins_none():
    found = build_catalogue(
        {
            "malpedia": [cluster("Alfa", "Carol"), cluster("Bravo", "Carol")],
            "botnet": [cluster("Carol", "Alfa", "Bravo")],
        }
    )
    assert [family.name for family in found] == ["Alfa", "Bravo", "Carol"]


def test_ransomware_joins_a_namesake_only_when_that_is_ransomware_too():
    joined = build_catalogue(
        {"malpedia": [cluster("Vortex", description="A ransomware.")], "ransomware": [cluster("Vortex Ransomware")]}
    )
    apart = build_catalogue(
        {"malpedia": [cluster("Vortex", description="A loader.")], "ransomware": [cluster("Vortex Ransomware")]}
    )
    assert [family.name for family in joined] == ["Vortex"]
    assert [family.name for family in apart] == ["Vortex", "Vortex Ransomware"]


def test_a_platform_in_front_of_a_name_must_fit_the_family():
    found = FamilyNames.of(build_catalogue({"malpedia": [cluster("Alfa (ELF)", ref="elf.alfa")]}))
    assert found.normalise(["elf_alfa", "android_alfa", "elf.alfa"]) == ["Alfa", "alfa (apk)", "Alfa"]


def test_a_catalogue_with_an_ambiguous_key_is_refused():
    twice = [Family(name=name, uuid="", galaxy="", platforms=(), keys=("same",)) for name in ("A", "B")]
    with pytest.raises(ReferenceDataError, match="two meanings"):
        FamilyNames.of(twice)
