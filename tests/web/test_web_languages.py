"""Which language a reader gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.web.languages import choose_language

OFFERED = ("en", "fr", "es", "ar", "de")


# RFC 9110, 12.5.4, and RFC 4647, 3.4; worked by hand
@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        (None, "en"),
        ("", "en"),
        ("de", "de"),
        ("de-CH, fr;q=0.9", "de"),
        ("da, fr;q=0.8, es;q=0.9", "es"),
        ("AR", "ar"),
        ("ar-EG;q=0.5, *;q=0.1", "ar"),
        ("th, *", "en"),
        ("de;q=0, fr;q=0.001", "fr"),
        ("de;q=1.5", "en"),
        ("es ; q=0.7 , de ;q=0.8", "de"),
        ("fr, de", "fr"),
        ("x" * 5000, "en"),
    ],
)
def test_the_language_that_is_liked_best_of_those_offered_is_chosen(accepted: str | None, expected: str) -> None:
    assert choose_language(accepted, OFFERED) == expected


@given(st.text() | st.lists(st.sampled_from(["de", ";q=", "0.5", ",", "*", "-", " ", "fr"])).map("".join))
def test_whatever_is_sent_one_of_those_offered_is_chosen(accepted: str) -> None:
    assert choose_language(accepted, OFFERED) in OFFERED
