"""Text of others on its way into a CSV file: no formula that a spreadsheet would run, no line end inside a cell."""

import pyarrow as pa
import pyarrow.compute as pc

# OWASP's list (CSV Injection), their full-width twins, blanks before them, and our own mark, so that stripping it is
# exact.
_FORMULA = r"^(?:'|\s*[=+\-@\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}])"
_CONTROL = r"[\x00-\x1f\x7f-\x{9f}\x{2028}\x{2029}]"


def disarmed(column: pa.StringArray) -> pa.StringArray:
    """Text that no spreadsheet runs and that stays on its line; equal texts are looked at once.

    A control character becomes a blank; a formula, and what begins with an apostrophe itself, gets an apostrophe in
    front.
    """
    coded = column.dictionary_encode()
    texts = coded.dictionary
    if not pc.any(pc.match_substring_regex(texts, f"{_FORMULA}|{_CONTROL}")).as_py():
        return column
    texts = pc.replace_substring_regex(texts, pattern=_CONTROL, replacement=" ")
    armed = pc.match_substring_regex(texts, _FORMULA)
    texts = pc.if_else(armed, pc.binary_join_element_wise("'", texts, ""), texts)
    return texts.take(coded.indices)
