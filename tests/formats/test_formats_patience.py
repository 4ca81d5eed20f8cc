"""Text that is written to keep a machine busy: each of these took from half a minute to hours when read badly.

Nothing is timed. A reader that goes back to look again at every character does not come to the end of these tests.
"""

import pytest

from accord.columns.reading import HEAD_LIMIT, Context
from accord.formats import misp, stix
from accord.formats.freetext.lines import LINE_LIMIT, read_line
from accord.formats.misp.labels import role_of
from accord.vocabulary.roles import Role

CONTEXT = Context(is_public_suffix=lambda name: "." not in name, has_known_suffix=lambda name: name.endswith("com"))


@pytest.mark.parametrize("opening", [b'{"', b'{"a": "', b'{"objects": [{"type": "'])
@pytest.mark.parametrize("close", [b"", b"\\"])
def test_a_head_full_of_quotes_is_told_from_a_format(opening: bytes, close: bytes) -> None:
    head = (opening + b'\\"' * HEAD_LIMIT)[: HEAD_LIMIT - HEAD_LIMIT % 2] + close
    for _ in range(20):
        assert not misp.recognises(head, "x")
        assert not stix.recognises(head, "x")


def test_a_cut_off_text_does_not_hide_what_stood_before_it() -> None:
    tail = b'"info": "' + b'\\"' * HEAD_LIMIT
    assert misp.recognises(b'{"Event": {' + tail, "x")
    member = b'{"objects": [{"type": "indicator", "id": "indicator--5d2f5f0e-6c1d-4a7b-9d0c-2017042400aa", '
    assert stix.recognises(member + tail, "x")


@pytest.mark.parametrize("tag", ["rsit:" + " " * 4_000_000, "rsit:x=" + " " * 4_000_000 + "y"])
def test_a_tag_of_blanks_says_no_role(tag: str) -> None:
    assert role_of(tag) is None


@pytest.mark.parametrize(
    ("tag", "role"),
    [
        ('rsit:malicious-code="c2-server"', Role.C2_SERVER),
        ("rsit:malicious-code=c2-server", Role.C2_SERVER),
        (' rsit:malicious-code = "c2-server" ', Role.C2_SERVER),
        ('rsit:malicious-code="c2-server', Role.C2_SERVER),
        ('rsit:malicious-code=" c2-server"', None),
        ('rsit="c2-server"', None),
    ],
)
def test_blanks_around_a_tag_s_parts_are_no_part_of_it(tag: str, role: Role | None) -> None:
    assert role_of(tag) is role


@pytest.mark.parametrize("piece", ["a", "a.", "www.", "AS1", "a-", "a:", "1:", ":", "hxxp", "1."])
def test_a_line_that_is_one_long_word_names_nothing(piece: str) -> None:
    line = (piece * LINE_LIMIT)[: LINE_LIMIT - 1] + "g"
    for _ in range(50):
        assert not read_line(line, CONTEXT).indicators


@pytest.mark.parametrize("before", ["", "1", "+", "-.", "a b=", "x,"])
def test_a_url_is_found_behind_what_cannot_begin_a_scheme(before: str) -> None:
    said = read_line(f"{before}hxxp://evil[.]example[.]com/a", CONTEXT)
    assert [one.value for one in said.indicators] == ["http://evil.example.com/a"]
