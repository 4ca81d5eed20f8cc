"""How a country's name stands inside a sentence: with which article, after which preposition.

English puts `the` before some names. A translation asks for what its language wants by the form of a slot:

    {country:in}    en Indonésie, aux Philippines; in Indonesien, auf den Philippinen; en Indonesia, en los Países Bajos
    {country:of}    de l’Indonésie, des Philippines; von Indonesien, der Philippinen; de Indonesia, de los Países Bajos

A language that is not in FORMS (Arabic) writes its preposition before the bare name.

Names are CLDR's. Articles follow the Commission nationale de toponymie's list of countries (arrêté of 4 November
1993), the Länderverzeichnis of the Auswärtiges Amt and the Ortografía of the Real Academia Española; territories that
those do not list follow the same rules.
"""

FORMS: dict[str, tuple[str, ...]] = {"fr": ("in", "of"), "de": ("in", "of"), "es": ("in", "of")}
"""Language -> forms that its translations may ask for."""

_SHORT = {"de": {"HK": "Hongkong", "MO": "Macau"}}
"""CLDR's short names, where a language's usual one (`Sonderverwaltungsregion ...`) is too long for a line."""

_ENGLISH = frozenset("AE BS CC CD CF CG CK DO FK FO GB GM KM KY MH MP MV NL PH SB SC TC TF UM US VG VI".split())
"""Names before which English puts an article inside a sentence."""

_VOWELS = frozenset("AEIOUÉÎÅ")

_FRENCH_FEMININE = frozenset(
    "AD AL AM AQ AR AT AU BA BE BG BO BY CF CH CI CN CO CZ DE DO DZ EE EG ER ES ET FI FM FR GE GF GM GN GP GQ GR GS "
    "GW HR HU ID IE IN IS IT JM JO KP KR LT LV LY MD MK MN MQ MR MY NA NC NO NZ PF PG PL RO RS RU SA SE SI SK SL SO "
    "SY TH TN TR TZ UA ZA ZM".split()
)
_FRENCH_PLURAL = frozenset(
    "AE AS AX BM BQ BS CC CK FJ FK FO HM KM KY MH MP MV NL PH PN PW SB SC TC TO UM US VG VI WS".split()
)
_FRENCH_BARE = frozenset(
    "AG AI AW BH BL CU CW CY DJ GG GI GU JE KI KN LC MC MF MG MS MT MU NR NU OM PM PR RE SG SH SJ SM ST SX TK TT TV TW "
    "VC WF YT".split()
)
"""Names without an article: `à Cuba`, `de Cuba`. What stands in none of the three is masculine."""
_FRENCH_IN = {
    "BB": "à la {}",
    "BV": "à l’{}",
    "CX": "à l’{}",
    "DM": "à la {}",
    "GD": "à la {}",
    "HK": "dans la {}",
    "HT": "en {}",
    "IL": "en {}",
    "IM": "à l’{}",
    "IO": "dans le {}",
    "MO": "dans la {}",
    "NF": "à l’{}",
    "PS": "dans les {}",
    "TF": "dans les {}",
    "VA": "dans l’{}",
}
_FRENCH_OF = {
    "BB": "de la {}",
    "DM": "de la {}",
    "GD": "de la {}",
    "HK": "de la {}",
    "HT": "d’{}",
    "IL": "d’{}",
    "MO": "de la {}",
    "PS": "des {}",
    "TF": "des {}",
}

_GERMAN: dict[str, tuple[str, str]] = {
    "AE": ("in den Vereinigten Arabischen Emiraten", "der Vereinigten Arabischen Emirate"),
    "AQ": ("in der Antarktis", "der Antarktis"),
    "AX": ("auf den Ålandinseln", "der Ålandinseln"),
    "BQ": ("in den Karibischen Niederlanden", "der Karibischen Niederlande"),
    "BS": ("auf den Bahamas", "der Bahamas"),
    "BV": ("auf der Bouvetinsel", "der Bouvetinsel"),
    "CC": ("auf den Kokosinseln", "der Kokosinseln"),
    "CF": ("in der Zentralafrikanischen Republik", "der Zentralafrikanischen Republik"),
    "CH": ("in der Schweiz", "der Schweiz"),
    "CK": ("auf den Cookinseln", "der Cookinseln"),
    "CX": ("auf der Weihnachtsinsel", "der Weihnachtsinsel"),
    "DO": ("in der Dominikanischen Republik", "der Dominikanischen Republik"),
    "EH": ("in der Westsahara", "der Westsahara"),
    "FK": ("auf den Falklandinseln", "der Falklandinseln"),
    "FO": ("auf den Färöern", "der Färöer"),
    "GB": ("im Vereinigten Königreich", "des Vereinigten Königreichs"),
    "GS": (
        "in Südgeorgien und auf den Südlichen Sandwichinseln",
        "von Südgeorgien und den Südlichen Sandwichinseln",
    ),
    "HM": ("auf Heard und den McDonaldinseln", "von Heard und den McDonaldinseln"),
    "IM": ("auf der Isle of Man", "der Isle of Man"),
    "IO": ("im Britischen Territorium im Indischen Ozean", "des Britischen Territoriums im Indischen Ozean"),
    "IQ": ("im Irak", "des Irak"),
    "IR": ("im Iran", "des Iran"),
    "KM": ("auf den Komoren", "der Komoren"),
    "KY": ("auf den Kaimaninseln", "der Kaimaninseln"),
    "LB": ("im Libanon", "des Libanon"),
    "MD": ("in der Republik Moldau", "der Republik Moldau"),
    "MH": ("auf den Marshallinseln", "der Marshallinseln"),
    "MN": ("in der Mongolei", "der Mongolei"),
    "MP": ("auf den Nördlichen Marianen", "der Nördlichen Marianen"),
    "MV": ("auf den Malediven", "der Malediven"),
    "NF": ("auf der Norfolkinsel", "der Norfolkinsel"),
    "NL": ("in den Niederlanden", "der Niederlande"),
    "PH": ("auf den Philippinen", "der Philippinen"),
    "PN": ("auf den Pitcairninseln", "der Pitcairninseln"),
    "PS": ("in den Palästinensischen Autonomiegebieten", "der Palästinensischen Autonomiegebiete"),
    "SB": ("auf den Salomonen", "der Salomonen"),
    "SC": ("auf den Seychellen", "der Seychellen"),
    "SD": ("im Sudan", "des Sudan"),
    "SK": ("in der Slowakei", "der Slowakei"),
    "SN": ("im Senegal", "des Senegal"),
    "SS": ("im Südsudan", "des Südsudan"),
    "TC": ("auf den Turks- und Caicosinseln", "der Turks- und Caicosinseln"),
    "TD": ("im Tschad", "des Tschad"),
    "TF": ("in den Französischen Süd- und Antarktisgebieten", "der Französischen Süd- und Antarktisgebiete"),
    "TR": ("in der Türkei", "der Türkei"),
    "UA": ("in der Ukraine", "der Ukraine"),
    "UM": ("auf den Amerikanischen Überseeinseln", "der Amerikanischen Überseeinseln"),
    "US": ("in den Vereinigten Staaten", "der Vereinigten Staaten"),
    "VA": ("in der Vatikanstadt", "der Vatikanstadt"),
    "VC": ("in St. Vincent und den Grenadinen", "von St. Vincent und den Grenadinen"),
    "VG": ("auf den Britischen Jungferninseln", "der Britischen Jungferninseln"),
    "VI": ("auf den Amerikanischen Jungferninseln", "der Amerikanischen Jungferninseln"),
    "XK": ("im Kosovo", "des Kosovo"),
    "YE": ("im Jemen", "des Jemen"),
}
"""Names with an article, inflected; every other one is `in ...` and `von ...`, an island's `auf ...`."""
_GERMAN_ISLANDS = frozenset("AI AW BL BM CW GG GP GU JE MF MQ MS NU PM RE SH SJ SX TK WF YT".split())
"""Islands that are no states of their own (of a state German says `in`, too)."""

_SPANISH: dict[str, frozenset[str]] = {
    "el": frozenset("BQ CG EH GB IO LB".split()),
    "la": frozenset("AQ BV CD CF CX DO GF HK IM IN MO NF PF VA".split()),
    "los": frozenset("AE NL PS TF".split()),
    "las": frozenset("AX BM BS CC CK FK FO GS HM KM KY MH MP PN SB SC TC UM VG VI".split()),
}


def short_name(language: str, code: str, name: str) -> str:
    """A country's name, or the short one that a language has for it."""
    return _SHORT.get(language, {}).get(code, name)


def in_sentence(language: str, code: str, name: str, form: str) -> str:
    """A country's name in a sentence of a language; `form`: one of FORMS, or empty for the name by itself.

    Raises KeyError when the language has no such form.
    """
    if not form:
        return f"the {name}" if language == "en" and code in _ENGLISH else name
    if form not in FORMS.get(language, ()):
        raise KeyError(form)
    match language:
        case "fr":
            return _french_in(code, name) if form == "in" else _french_of(code, name)
        case "de":
            plain = (f"auf {name}" if code in _GERMAN_ISLANDS else f"in {name}", f"von {name}")
            return _GERMAN.get(code, plain)[FORMS["de"].index(form)]
        case _:
            return _spanish(code, name, form)


def _french_in(code: str, name: str) -> str:
    if code in _FRENCH_IN:
        return _FRENCH_IN[code].format(name)
    if code in _FRENCH_PLURAL:
        return f"aux {name}"
    if code in _FRENCH_BARE:
        return f"à {name}"
    return f"en {name}" if code in _FRENCH_FEMININE or name[0] in _VOWELS else f"au {name}"


def _french_of(code: str, name: str) -> str:
    if code in _FRENCH_OF:
        return _FRENCH_OF[code].format(name)
    if code in _FRENCH_PLURAL:
        return f"des {name}"
    vowel = name[0] in _VOWELS
    if code in _FRENCH_BARE:
        return f"d’{name}" if vowel else f"de {name}"
    if vowel:
        return f"de l’{name}"
    return f"de la {name}" if code in _FRENCH_FEMININE else f"du {name}"


def _spanish(code: str, name: str, form: str) -> str:
    article = next((one for one, codes in _SPANISH.items() if code in codes), None)
    if form == "in":
        return f"en {name}" if article is None else f"en {article} {name}"
    if article is None:
        return f"de {name}"
    return f"del {name}" if article == "el" else f"de {article} {name}"
