"""Checkpoints: the specification's example, a published log's, and what is none."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.ledger.checkpoints import Checkpoint, open_checkpoint, parse_checkpoint
from accord.ledger.notes import decode_base64, parse_note, parse_signing_key, parse_verifier_key, sign_note
from accord.ledger.tree import EMPTY_ROOT, MAX_SIZE
from accord.vocabulary.errors import LedgerError, MalformedError, UnprovenError

# C2SP tlog-checkpoint
TEXT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
ROOT = decode_base64("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")

# the published keys of the log that transparency-dev/tessera tests with (Apache-2.0)
ORIGIN = "example.com/log/testdata"
PUBLIC = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
SECRET = "PRIVATE+KEY+example.com/log/testdata+33d7b496+AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg"


def test_the_example_is_read_and_written() -> None:
    checkpoint = parse_checkpoint(TEXT)
    assert checkpoint == Checkpoint(origin="example.com/behind-the-sofa", size=20852163, root=ROOT)
    assert checkpoint.text == TEXT


def test_more_lines_are_kept() -> None:
    checkpoint = parse_checkpoint(TEXT + "extension 1\nextension 2\n")
    assert checkpoint.extensions == ("extension 1", "extension 2")
    assert checkpoint.text == TEXT + "extension 1\nextension 2\n"


@pytest.mark.parametrize("size", range(16))
def test_a_published_checkpoint_is_verified_and_signed_to_the_byte(size: int, vectors: Path) -> None:
    data = (vectors / f"tessera-log/checkpoint.{size}").read_bytes()
    checkpoint, opened = open_checkpoint(parse_note(data), origin=ORIGIN, keys=[parse_verifier_key(PUBLIC)])
    assert (checkpoint.origin, checkpoint.size) == (ORIGIN, size)
    assert opened.text == checkpoint.text
    assert sign_note(checkpoint.text, [parse_signing_key(SECRET)]).encode() == data


def test_a_checkpoint_of_another_log_is_refused_whoever_signed_it() -> None:
    note = sign_note(TEXT, [parse_signing_key(SECRET)])
    with pytest.raises(UnprovenError, match="another log"):
        open_checkpoint(note, origin=ORIGIN, keys=[parse_verifier_key(PUBLIC)])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        TEXT[:-1],
        TEXT + "\n",
        "\n" + TEXT,
        TEXT + "more\n\nmore\n",
        TEXT + "more",
        "\n".join(TEXT.split("\n")[:2]) + "\n",
        TEXT.replace("example.com/behind-the-sofa", ""),
        TEXT.replace("example.com/behind-the-sofa", "x" * 256),
        TEXT.replace("example.com/behind-the-sofa", "é" * 128),
        TEXT.replace("20852163", "020852163"),
        TEXT.replace("20852163", "+20852163"),
        TEXT.replace("20852163", "-20852163"),
        TEXT.replace("20852163", "20_852_163"),
        TEXT.replace("20852163", "20852163 "),
        TEXT.replace("20852163", "0x1"),
        TEXT.replace("20852163", "٢"),
        TEXT.replace("20852163", ""),
        TEXT.replace("20852163", str(MAX_SIZE + 1)),
        TEXT.replace("20852163", "9" * 5000),
        TEXT.replace("20852163", "0"),
        TEXT.replace("=", ""),
        TEXT.replace("q2I=", "q2J="),
        TEXT.replace("q2I=", "q2Jx"),
        TEXT.replace("CsUY", ""),
        TEXT.replace("sofa", "\ud800"),
        "\udced\n\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_checkpoint(text)
    str(caught.value).encode()


@pytest.mark.parametrize("origin", ["a", "x" * 255, "é" * 127 + "a", "example log+origin"])
def test_a_name_of_a_log_may_be_any_line_of_255_bytes(origin: str) -> None:
    # FiloSottile/torchwood, checkpoint_test.go, draws the line there too
    checkpoint = Checkpoint(origin=origin, size=1, root=ROOT, extensions=("extension",))
    assert parse_checkpoint(checkpoint.text) == checkpoint


def test_an_empty_log_has_one_root_only() -> None:
    assert parse_checkpoint(Checkpoint(origin="a", size=0, root=EMPTY_ROOT).text).root == EMPTY_ROOT
    with pytest.raises(MalformedError, match="empty tree"):
        Checkpoint(origin="a", size=0, root=ROOT)


@pytest.mark.parametrize(
    ("origin", "size", "extensions"),
    [("a\nb", 1, ()), ("a", 1, ("",)), ("a", 1, ("b\nc",)), ("a", -1, ()), ("\ud800", 1, ())],
)
def test_a_checkpoint_that_would_read_otherwise_is_not_made(origin: str, size: int, extensions) -> None:
    with pytest.raises(MalformedError):
        Checkpoint(origin=origin, size=size, root=ROOT, extensions=extensions)


@given(st.text(max_size=60) | st.text(alphabet="a0=\n", max_size=60))
def test_any_text_is_refused_or_written_the_same(text: str) -> None:
    try:
        checkpoint = parse_checkpoint(text)
    except LedgerError:
        return
    assert checkpoint.text == text
