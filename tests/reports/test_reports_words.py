"""How numbers, days, countries and texts from outside are said."""

import gettext
from datetime import UTC, datetime, timedelta, timezone

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from accord.reports.confidence import in_words
from accord.reports.words import (
    Clauses,
    Code,
    Country,
    Fixed,
    Flow,
    Lines,
    Moment,
    Sentences,
    Share,
    Speaker,
    Together,
    Value,
    Verbatim,
    count_of,
    printable,
    say,
    speaker,
)
from accord.vocabulary.errors import SettingsError

ENGLISH = speaker("en")
FRENCH = Speaker(Locale.parse("fr"), gettext.NullTranslations())
GERMAN = Speaker(Locale.parse("de"), gettext.NullTranslations())
SPANISH = Speaker(Locale.parse("es"), gettext.NullTranslations())
ARABIC = Speaker(Locale.parse("ar"), gettext.NullTranslations())


@pytest.mark.parametrize(
    ("voice", "said"),
    # CLDR 47: French groups by U+202F, German by a full stop
    [
        (ENGLISH, "1,104,500"),
        (FRENCH, "1\u202f104\u202f500"),
        (GERMAN, "1.104.500"),
        (SPANISH, "1.104.500"),
        (ARABIC, "1,104,500"),
    ],
)
def test_a_number_has_the_separators_of_its_language(voice: Speaker, said: str) -> None:
    assert voice.say(1_104_500) == said


@pytest.mark.parametrize(("number", "said"), [(1104, "1104"), (9999, "9999"), (10_000, "10.000")])
def test_spanish_does_not_part_four_digits(number: int, said: str) -> None:
    # CLDR 47, es: minimumGroupingDigits 2
    assert SPANISH.say(number) == said


def test_a_day_is_iso_8601_in_utc_in_every_language() -> None:
    late = datetime(2026, 11, 23, 22, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert ENGLISH.say(late) == GERMAN.say(late) == "2026-11-24"
    assert ENGLISH.say(Moment(at=late)) == "2026-11-24 03:30 UTC"


@pytest.mark.parametrize(
    ("share", "said"), [(0.0, "0%"), (0.001, "<\u00a01%"), (0.5, "50%"), (0.999, "99%"), (1.0, "100%")]
)
def test_a_share_that_is_not_all_or_nothing_is_never_said_to_be(share: float, said: str) -> None:
    assert ENGLISH.say(Share(value=share)) == said


@pytest.mark.parametrize(("voice", "said"), [(FRENCH, "12\u00a0%"), (GERMAN, "12\u00a0%"), (ENGLISH, "12%")])
def test_a_share_has_the_blank_of_its_language(voice: Speaker, said: str) -> None:
    assert voice.say(Share(value=0.123)) == said


@pytest.mark.parametrize(
    ("code", "sentence", "title"),
    [("PH", "the Philippines", "Philippines"), ("ID", "Indonesia", "Indonesia"), ("ZZZ", "ZZZ", "ZZZ")],
)
def test_a_country_takes_its_article_inside_a_sentence_only(code: str, sentence: str, title: str) -> None:
    assert ENGLISH.say(Country(code=code)) == sentence
    assert ENGLISH.say(Country(code=code, in_sentence=False)) == title


def test_a_plural_follows_its_number() -> None:
    assert ENGLISH.say(count_of("{n} finding", "{n} findings", 1)) == "1 finding"
    assert ENGLISH.say(count_of("{n} finding", "{n} findings", 2000)) == "2,000 findings"


def test_braces_and_percent_signs_of_a_text_from_outside_are_only_text() -> None:
    assert ENGLISH.say(say("by {owner}", owner=Verbatim(text="{0} {owner} %s {x!r}"))) == "by {0} {owner} %s {x!r}"


def test_a_sentence_tells_its_code_apart() -> None:
    runs = ENGLISH.runs(say("Open {file} and {other}.", file=Code(text="outcomes.csv"), other=Verbatim(text="x")))
    assert [(run.text, run.code, run.flow) for run in runs] == [
        ("Open ", False, Flow.OURS),
        ("outcomes.csv", True, Flow.LATIN),
        (" and ", False, Flow.OURS),
        ("x", False, Flow.THEIRS),
        (".", False, Flow.OURS),
    ]


def test_values_are_joined_as_the_language_joins_them() -> None:
    three: Value = Together(parts=tuple(Verbatim(text=letter) for letter in "abc"))
    assert (ENGLISH.say(three), GERMAN.say(three)) == ("a, b, and c", "a, b und c")
    assert ENGLISH.say(Lines(parts=(1, None))) == "1\n\u2013"


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ("b", "a y b"),
        ("infectado", "a e infectado"),
        ("Índice", "a e Índice"),
        ("hijo", "a e hijo"),
        # the Ortografía keeps y before a diphthong
        ("hielo", "a y hielo"),
        ("Yemen", "a y Yemen"),
    ],
)
def test_a_spanish_and_changes_before_its_own_sound(second: str, said: str) -> None:
    assert SPANISH.say(Together(parts=(Verbatim(text="a"), Verbatim(text=second)))) == said
    assert SPANISH.say(Together(parts=tuple(Verbatim(text=text) for text in ("z", "a", second)))) == f"z, {said}"


def test_clauses_are_parted_by_the_mark_of_the_language_and_sentences_by_a_blank() -> None:
    class Marked(gettext.NullTranslations):
        def gettext(self, message: str) -> str:
            return {"{fact}; {next}": "{fact}؛ {next}"}[message]

    parts = tuple(Verbatim(text=letter) for letter in "abc")
    assert ENGLISH.say(Clauses(parts=parts)) == "a; b; c"
    assert Speaker(Locale.parse("fr"), Marked()).say(Clauses(parts=parts)) == "a؛ b؛ c"
    assert ENGLISH.say(Sentences(parts=parts[:2])) == "a b"


@pytest.mark.parametrize(
    ("voice", "code", "within", "of"),
    [
        (FRENCH, "ID", "en Indonésie", "de l’Indonésie"),
        (FRENCH, "PH", "aux Philippines", "des Philippines"),
        (FRENCH, "BR", "au Brésil", "du Brésil"),
        (FRENCH, "JO", "en Jordanie", "de la Jordanie"),
        (FRENCH, "SG", "à Singapour", "de Singapour"),
        (FRENCH, "IR", "en Iran", "de l’Iran"),
        (GERMAN, "ID", "in Indonesien", "von Indonesien"),
        (GERMAN, "PH", "auf den Philippinen", "der Philippinen"),
        (GERMAN, "CH", "in der Schweiz", "der Schweiz"),
        (GERMAN, "RE", "auf Réunion", "von Réunion"),
        (GERMAN, "HK", "in Hongkong", "von Hongkong"),  # CLDR 47, de: HK-alt-short
        (SPANISH, "ID", "en Indonesia", "de Indonesia"),
        (SPANISH, "GB", "en el Reino Unido", "del Reino Unido"),
        (SPANISH, "PF", "en la Polinesia Francesa", "de la Polinesia Francesa"),
        (SPANISH, "SV", "en El Salvador", "de El Salvador"),
    ],
)
def test_a_translation_asks_for_a_country_as_its_sentence_wants_it(
    voice: Speaker, code: str, within: str, of: str
) -> None:
    assert voice.country(code, form="in") == within
    assert voice.country(code, form="of") == of


def test_terms_are_ordered_as_the_reader_calls_them() -> None:
    items = tuple((Verbatim(text=word), None) for word in ("Zebra", "école", "Eau", "été"))
    assert [ENGLISH.say(term) for term, _ in ENGLISH.in_order(items)] == ["Eau", "école", "été", "Zebra"]


def test_a_translation_may_move_the_slots() -> None:
    class Turned(gettext.NullTranslations):
        def gettext(self, message: str) -> str:
            return {"{a} of {b}": "von {b} sind es {a}"}[message]

    assert Speaker(Locale.parse("de"), Turned()).say(say("{a} of {b}", a=3, b=1000)) == "von 1.000 sind es 3"


def test_what_is_not_in_a_language_from_right_to_left_is_isolated_in_it() -> None:
    # UAX #9, 2.4: FSI takes the direction of a name's first letter, LRI is left to right, PDI ends both
    day = datetime(2026, 11, 23, tzinfo=UTC)
    assert ARABIC.say(Verbatim(text="Emotet")) == "\u2068Emotet\u2069"
    assert ARABIC.say(Code(text="203.0.113[.]7")) == "\u2066203.0.113[.]7\u2069"
    assert ARABIC.say(say("{a}, {b}", a=Fixed(text="AS64496"), b=day)) == "\u2066AS64496\u2069, \u20662026-11-23\u2069"
    assert ENGLISH.say(Together(parts=(Verbatim(text="a"), day))) == "a and 2026-11-23"
    assert ARABIC.right_to_left
    assert not ENGLISH.right_to_left


def test_a_number_behind_a_phrase_that_ends_in_a_foreign_word_stays_out_of_it() -> None:
    # UAX #9, W7: a number whose last strong letter is Latin is Latin itself, until U+200F stands between
    counted = say("{role}: {n}", role=say("server C2"), n=13)
    assert ARABIC.say(counted) == "server C2\u200f: 13"
    assert ARABIC.say(say("{n}: {role}", role=say("خادم"), n=13)) == "13: خادم"
    assert ARABIC.say(say("{asn}: {n}", asn=Fixed(text="AS64496"), n=13)) == "\u2066AS64496\u2069: 13"
    assert ENGLISH.say(counted) == "server C2: 13"


def test_arabic_and_is_written_onto_an_arabic_word_but_stands_apart_from_a_foreign_one() -> None:
    def and_(second: Value) -> str:
        return ARABIC.say(Together(parts=(1, second))).removeprefix("1 \N{ARABIC LETTER WAW}")

    assert and_(2) == "2"
    assert and_(Verbatim(text="\u0639")) == "\u2068\u0639\u2069"
    assert and_(Verbatim(text="Mirai")) == "\N{NO-BREAK SPACE}\u2068Mirai\u2069"
    assert and_(Code(text="ipv6")) == "\N{NO-BREAK SPACE}\u2066ipv6\u2069"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Nusantara Broadband", "Nusantara Broadband"),
        ("ไทย 日本 é", "ไทย 日本 é"),
        ("a\u202egpj.exe", "a<U+202E>gpj.exe"),
        ("nul\x00", "nul<U+0000>"),
        ("\ud800", "<U+D800>"),
        ("two\nlines", "two<U+000A>lines"),
    ],
)
def test_what_has_no_shape_of_its_own_is_shown_by_its_number(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text())
def test_no_control_or_override_of_direction_reaches_a_page(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable() or all(character.isprintable() or character.isspace() for character in shown)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\x00\n\r")


@pytest.mark.parametrize(
    ("confidence", "word"),
    [
        (1.0, "almost certain"),
        (0.9, "almost certain"),
        (0.8999999, "likely"),
        (0.6, "likely"),
        (0.5999, "possible"),
        (0.3, "possible"),
        (0.2999, "weak"),
        (0.0, "weak"),
        (None, "unrated"),
    ],
)
def test_confidence_has_one_word_on_one_fixed_scale(confidence: float | None, word: str) -> None:
    assert ENGLISH.say(in_words(confidence)) == word


@pytest.mark.parametrize("language", ["xx", "", "../../etc", "en-US"])
def test_a_language_without_messages_is_refused_with_the_remedy(language: str) -> None:
    with pytest.raises(SettingsError, match="language"):
        speaker(language)


def test_the_clock_of_the_machine_is_in_no_word() -> None:
    assert ENGLISH.say(datetime(1999, 12, 31, 23, 59, tzinfo=UTC)) == "1999-12-31"
