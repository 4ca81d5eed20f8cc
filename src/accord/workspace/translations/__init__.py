"""Catalogues of messages: what is said in each language, beside the English that stands in the code.

`accord.pot` lists every message, `<language>.po` translates them; `make translations` writes the one and brings the
others up to it (docs/translations.md). A catalogue is compiled when its language is first asked for, so that there is
no compiled file that could differ from what a translator wrote.

Format: GNU gettext manual, The Format of PO Files.
"""

import gettext
from functools import cache
from importlib.resources import files
from io import BytesIO, StringIO

LANGUAGES: tuple[str, ...] = ("en", "fr", "es", "ar", "de")
"""Languages that Accord speaks, by BCP 47: English, which needs no catalogue, and every `.po` here."""


@cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The messages of one of LANGUAGES. Raises KeyError for any other."""
    if language not in LANGUAGES:
        raise KeyError(language)
    if language == LANGUAGES[0]:
        return gettext.NullTranslations()
    return compiled(files(__name__).joinpath(f"{language}.po").read_text("utf-8"), language)


def compiled(text: str, language: str) -> gettext.GNUTranslations:
    """A catalogue of the text of a `.po` file. Raises babel's PoFileError when it is none."""
    from babel import Locale
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    binary = BytesIO()
    write_mo(binary, read_po(StringIO(text), locale=Locale.parse(language, sep="-"), abort_invalid=True))
    binary.seek(0)
    return gettext.GNUTranslations(binary)
