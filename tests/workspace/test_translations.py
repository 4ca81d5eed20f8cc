"""Catalogues: every message is translated, none is fuzzy or stale, and a translation is filled in like its English."""

import importlib.util
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter
from types import ModuleType

import pytest
from babel import Locale
from babel.messages.catalog import Catalog, Message

from accord.vocabulary.countries import COUNTRY_CODES
from accord.workspace import translations
from accord.workspace.translations import LANGUAGES, catalogue, compiled
from accord.workspace.translations.places import FORMS, in_sentence

ROOT = Path(__file__).parents[2]
FOLDER = Path(translations.__file__).parent
TRANSLATED = LANGUAGES[1:]
SAME = "same as in English"
"""A translator's comment on a translation that is the English text on purpose."""
MOST_SAME = 15
"""Names and codes that a language may leave as they are in English."""
FORMS_OF_PLURAL = {"ar": 6, "de": 2, "es": 2, "fr": 2}


def _tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tools_translations", ROOT / "tools/translations.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TOOL = _tool()
MESSAGES: Catalog = TOOL.template()


@cache
def text_of(language: str) -> str:
    return (FOLDER / f"{language}.po").read_text("utf-8")


def entries(language: str) -> Iterator[Message]:
    return (message for message in TOOL.read(FOLDER / f"{language}.po") if message.id)


def texts(value: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def slots(text: str) -> dict[str, str]:
    return {name: form or "" for _, name, form, _ in Formatter().parse(text) if name is not None}


def forms(language: str) -> dict[int, list[int]]:
    """Plural form -> the numbers up to 300 that take it."""
    plural = compiled(text_of(language), language).plural  # type: ignore[attr-defined]
    numbers: dict[int, list[int]] = {}
    for number in range(300):
        numbers.setdefault(plural(number), []).append(number)
    return numbers


def test_the_template_holds_exactly_the_messages_of_the_code() -> None:
    assert (FOLDER / "accord.pot").read_text("utf-8") == TOOL.written(MESSAGES), "to do: make translations"


def test_every_catalogue_is_offered_and_every_language_but_english_has_one() -> None:
    assert LANGUAGES[0] == "en"
    assert sorted(path.stem for path in FOLDER.glob("*.po")) == sorted(TRANSLATED)


def test_a_catalogue_has_exactly_the_messages_of_the_code_and_nothing_that_differs_by_run() -> None:
    for language in TRANSLATED:
        anew = TOOL.written(TOOL.updated(TOOL.read(FOLDER / f"{language}.po"), MESSAGES))
        assert anew == text_of(language), f"to do: make translations ({language})"


def test_no_message_is_untranslated_fuzzy_or_obsolete() -> None:
    for language in TRANSLATED:
        assert [message.id for message in entries(language) if message.fuzzy] == [], language
        assert [message.id for message in entries(language) if not all(texts(message.string))] == [], language
        assert "#~" not in text_of(language), language


def test_every_plural_has_as_many_forms_as_its_language() -> None:
    for language in TRANSLATED:
        wanted = FORMS_OF_PLURAL[language]
        assert f"nplurals={wanted};" in text_of(language)
        odd = [one.id for one in entries(language) if one.pluralizable and len(texts(one.string)) != wanted]
        assert odd == [], language


def test_numbers_take_the_forms_that_cldr_gives_them() -> None:
    for language in TRANSLATED:
        category = Locale.parse(language).plural_form
        said = {form: {category(number) for number in numbers} for form, numbers in forms(language).items()}
        assert len(said) == FORMS_OF_PLURAL[language]
        assert all(len(categories) == 1 for categories in said.values()), (language, said)


def test_a_translation_has_the_slots_of_its_english_in_forms_that_its_language_has() -> None:
    for language in TRANSLATED:
        # a form for one number only may say it in a word
        alone = {form for form, numbers in forms(language).items() if len(numbers) == 1}
        odd = []
        for message in entries(language):
            english = {name for text in texts(message.id) for name in slots(text)}
            for place, text in enumerate(texts(message.string)):
                has = slots(text)
                spared = {"n"} if message.pluralizable and place in alone else set()
                asked = {form for name, form in has.items() if form or name == "country"} - {""}
                if not asked <= set(FORMS.get(language, ())) or not english - spared <= set(has) <= english:
                    odd.append((message.id, text))
        assert odd == [], language


def test_a_translation_is_not_the_english_text_unless_its_translator_says_so() -> None:
    for language in TRANSLATED:
        same, said = [], []
        for message in entries(language):
            words = re.sub(r"\{\w+\}", "", texts(message.id)[0])
            if any(letter.isalpha() for letter in words) and texts(message.string)[0] == texts(message.id)[0]:
                same.append(message.id)
            if SAME in message.user_comments:
                said.append(message.id)
        assert same == said, language
        assert len(said) <= MOST_SAME, language


def test_a_translation_is_one_line_without_blanks_around_it() -> None:
    for language in TRANSLATED:
        every = [text for message in entries(language) for text in texts(message.string)]
        assert [text for text in every if text != text.strip() or "  " in text or "\n" in text] == [], language


def test_french_keeps_its_marks_on_the_line_of_their_word() -> None:
    # Lexique des règles typographiques (Imprimerie nationale): U+202F before ; ! ?, U+00A0 before : and in « »
    every = [text for message in entries("fr") for text in texts(message.string)]
    parted = re.compile(r"(?<!\u202f)[;!?]|(?<!\u00a0):(?=\s|$)|«(?!\u00a0)|(?<!\u00a0)»|'|\.\.\.")
    assert [text for text in every if parted.search(text)] == []
    assert [text for text in every if re.search(r"\d (?:heures?|jours?|ports?)\b", text)] == [], "a blank may break"


def test_arabic_has_its_own_marks_and_digits_that_every_reader_knows() -> None:
    every = [text for message in entries("ar") for text in texts(message.string)]
    # U+060C, U+061B and U+061F, not the Latin marks; Latin digits (docs/decisions/0013)
    assert [text for text in every if re.search(r"[,;?]", text)] == []
    assert [text for text in every if any(letter.isdigit() and not letter.isascii() for letter in text)] == []
    # "and" is written onto the next word, "with" (here joined by U+0640) too: neither may end a line
    alone = re.compile(r"(?<![^\W\d_])[\u0648\u0628]\u0640? ")
    assert [text for text in every if alone.search(text)] == []


def test_a_catalogue_says_what_its_translator_wrote() -> None:
    for language in TRANSLATED:
        for message in entries(language):
            if message.pluralizable:
                one, many = texts(message.id)
                said = {catalogue(language).ngettext(one, many, number) for number in range(300)}
                assert said == set(texts(message.string))
            else:
                assert catalogue(language).gettext(str(message.id)) == message.string


def test_a_language_that_nobody_translated_has_no_catalogue() -> None:
    with pytest.raises(KeyError):
        catalogue("tlh")


def test_a_message_that_is_no_literal_is_refused() -> None:
    with pytest.raises(ValueError, match="line 2"):
        list(TOOL.messages("x = 'a'\nsay(x)\n"))


def test_a_comment_goes_to_the_next_message_only() -> None:
    code = 'say("a")\n# l10n: of b\n# l10n: and more\nf(say("b"), count_of("c", "d", 2))\n# another\nsay("e")\n'
    assert list(TOOL.messages(code)) == [(("a",), []), (("b",), ["of b", "and more"]), (("c", "d"), []), (("e",), [])]


def test_a_changed_message_keeps_its_translation_as_fuzzy_and_one_that_is_gone_is_dropped() -> None:
    before, after = TOOL.begun("ar"), TOOL.begun("ar")
    before.add("The worst findings of all networks", "أسوأ النتائج")
    before.add("Gone", "ذهب")
    after.add("The worst findings of the networks")
    text = TOOL.written(TOOL.updated(before, after))
    assert '#, fuzzy\nmsgid "The worst findings of the networks"\nmsgstr "أسوأ النتائج"' in text
    assert "Gone" not in text


@pytest.mark.parametrize("form", ["in", "of"])
@pytest.mark.parametrize("language", FORMS)
def test_every_country_has_a_place_in_a_sentence(language: str, form: str) -> None:
    names = Locale.parse(language).territories
    for code in COUNTRY_CODES:
        said = in_sentence(language, code, names[code], form)
        assert said[0].islower()
        assert " " in said or "’" in said


def test_a_form_that_a_language_does_not_have_is_refused() -> None:
    with pytest.raises(KeyError):
        in_sentence("ar", "ID", "إندونيسيا", "in")
