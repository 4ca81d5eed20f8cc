"""Notes and keys: examples that Go's and C2SP's authors publish, RFC 8032, and whatever a hostile sender writes."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from accord.ledger.notes import (
    MAX_NOTE_BYTES,
    Note,
    Signature,
    SignatureType,
    SigningKey,
    VerifierKey,
    add_signatures,
    cosigned_message,
    decode_base64,
    open_note,
    parse_note,
    parse_signature,
    parse_signing_key,
    parse_verifier_key,
    sign_note,
)
from accord.vocabulary.errors import LedgerError, MalformedError, UnprovenError

# golang.org/x/mod/sumdb/note, documentation and tests (BSD-3-Clause); the keys are published there
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ENOCH_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)
SIGNED = f"{TEXT}\n{PETER_LINE}{ENOCH_LINE}".encode()

peter, enoch = parse_verifier_key(PETER), parse_verifier_key(ENOCH)
WITNESS = SigningKey(name="witness.example/w1", type=SignatureType.COSIGNATURE_V1, seed=bytes(range(32)))
CHECKPOINT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"


def test_a_published_note_is_signed_to_the_byte() -> None:
    note = sign_note(TEXT, [parse_signing_key(PETER_SECRET)])
    assert note.encode() == f"{TEXT}\n{PETER_LINE}".encode()


def test_a_published_note_is_opened_by_whom_one_knows() -> None:
    opened = open_note(SIGNED, [peter])
    assert opened.text == TEXT
    assert [one.key for one in opened.verified] == [peter]
    assert [one.key for one in open_note(SIGNED, [enoch, peter]).verified] == [peter, enoch]
    assert [one.posix_s for one in opened.verified] == [None]
    assert [one.name for one in opened.note.signatures] == ["PeterNeumann", "EnochRoot"]
    assert opened.note.encode() == SIGNED


@pytest.mark.parametrize(
    "line",
    [
        PETER,
        ENOCH,
        # a public witness's key of type 0x04, as transparency-dev/formats tests its reader with (Apache-2.0)
        "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    ],
)
def test_a_published_key_is_read_and_written(line: str) -> None:
    assert str(parse_verifier_key(line)) == line


def test_a_signing_key_is_read_written_and_gives_its_public_key() -> None:
    key = parse_signing_key(PETER_SECRET)
    assert str(key.verifier) == PETER
    assert key.export() == PETER_SECRET
    assert parse_signing_key(WITNESS.export()) == WITNESS


def test_a_secret_is_in_no_message(capsys: pytest.CaptureFixture[str]) -> None:
    key = parse_signing_key(PETER_SECRET)
    secrets = [PETER_SECRET.rsplit("+", 1)[1], PETER_SECRET[-20:], repr(key.seed), key.seed.hex()]
    for one in (repr(key), str(key)):
        assert not any(secret in one for secret in secrets)
    for broken in (PETER_SECRET[:-1], PETER_SECRET + "=", PETER_SECRET.replace("c74f", "c74e"), PETER_SECRET[7:]):
        with pytest.raises(MalformedError) as caught:
            parse_signing_key(broken)
        assert not any(secret in str(caught.value) for secret in secrets)


def test_every_part_of_a_published_key_matters() -> None:
    # the manglings of golang.org/x/mod/sumdb/note's tests: every substring, every byte raised by one
    for read, line in ((parse_verifier_key, PETER), (parse_signing_key, PETER_SECRET)):
        pieces = [line[i:j] for i in range(len(line)) for j in range(i + 1, len(line) + 1) if j - i < len(line)]
        raised = [line[:i] + chr(ord(line[i]) + 1) + line[i + 1 :] for i in range(len(line))]
        for broken in [*pieces, *raised]:
            with pytest.raises(MalformedError):
                read(broken)


@pytest.mark.parametrize(
    "line",
    [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",  # Go's: wrong length
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",  # Go's: unknown algorithm
        PETER.replace("c74f20a3", "C74F20A3"),
        PETER + "\n",
        PETER + " ",
        "PeterNeumann+c74f20a3+",
        "",
    ],
)
def test_a_key_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(MalformedError):
        parse_verifier_key(line)


# RFC 8032, section 7.1, TEST 2: seed, public key, signature of the message 0x72
RFC8032 = (
    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    ),
)


def test_signatures_are_those_of_rfc_8032() -> None:
    seed, public, signature = (bytes.fromhex(one) for one in RFC8032)
    key = SigningKey(name="rfc8032", type=SignatureType.ED25519, seed=seed)
    assert key.verifier.public == public
    assert key.sign("r").value == signature
    assert key.verifier.verify("r", signature) is None


@pytest.mark.parametrize(
    "data",
    [
        # what golang.org/x/mod/sumdb/note's tests call malformed
        TEXT.encode(),
        f"{TEXT}\n".encode(),
        f"{TEXT}\n{PETER_LINE[:-1]}".encode(),
        f"\x01{TEXT}\n{PETER_LINE}".encode(),
        b"\xff" + f"{TEXT}\n{PETER_LINE}".encode(),
        f"{TEXT}\n{PETER_LINE.replace('PeterNeumann', 'Bad Name')}".encode(),
        f"{TEXT}\n{PETER_LINE}Unexpected line.\n".encode(),
        f"{TEXT}\n{PETER_LINE * 101}".encode(),
        # and more
        b"",
        b"\n\n",
        f"{TEXT}\r\n{PETER_LINE}".encode(),
        f"{TEXT}\n\n{PETER_LINE}\n".encode(),
        f"{TEXT}\n{PETER_LINE}\n".encode(),
        f"{TEXT}\n {PETER_LINE}".encode(),
        f"{TEXT}\n{PETER_LINE.replace('— ', '- ')}".encode(),
        f"{TEXT}\n{PETER_LINE.replace('— ', '—')}".encode(),
        f"{TEXT}\n{PETER_LINE.replace('— ', '—  ')}".encode(),
        f"{TEXT}\n{PETER_LINE.replace('Neumann', '+Neumann')}".encode(),
        f"{TEXT}\n{PETER_LINE.replace('Neumann', chr(0xA0) + 'Neumann')}".encode(),
        f"{TEXT}\n{PETER_LINE.replace('Neumann', chr(0x2028) + 'Neumann')}".encode(),
        f"{TEXT}\n— PeterNeumann \n".encode(),
        f"{TEXT}\n— PeterNeumann x08go\n".encode(),
        f"{TEXT}\n— PeterNeumann x08gow==\n".encode(),
        f"{TEXT}\n{PETER_LINE[:-1]} \n".encode(),
        f"{TEXT}\n{PETER_LINE.replace('=', '')}".encode(),
        f"{TEXT}\n{PETER_LINE.replace('=', '==')}".encode(),
        f"{TEXT}\n{PETER_LINE.replace('/', '_')}".encode(),
        f"{TEXT}\n{PETER_LINE.replace('/', '/ ')}".encode(),
        f"{TEXT}\t\n{PETER_LINE}".encode(),
        # a lone surrogate, and an overlong newline
        TEXT.encode() + b"\xed\xa0\x80\n\n" + PETER_LINE.encode(),
        TEXT.encode() + b"\xc0\x8a\n\n" + PETER_LINE.encode(),
        b"x" * MAX_NOTE_BYTES + SIGNED,
    ],
)
def test_a_malformed_note_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        open_note(data, [peter])


def test_nothing_is_opened_that_no_known_key_has_signed() -> None:
    with pytest.raises(UnprovenError, match="No known key"):
        open_note(SIGNED, [])
    stranger = SigningKey(name="PeterNeumann", type=SignatureType.ED25519, seed=bytes(32)).verifier
    namesake = VerifierKey(name="EnochRoot", type=SignatureType.ED25519, public=peter.public)
    # they share a name with a key that has signed, and an id or a public key with another, but never both
    with pytest.raises(UnprovenError, match="No known key"):
        open_note(SIGNED, [stranger, namesake])


def test_a_bad_signature_of_a_known_key_refuses_the_whole_note() -> None:
    tampered = SIGNED.replace(b"answer", b"anSwer")
    with pytest.raises(UnprovenError, match="not by the key"):
        open_note(tampered, [peter])
    forged = Signature(name=peter.name, key_id=peter.key_id, value=bytes(64))
    both = add_signatures(parse_note(SIGNED), [forged])
    with pytest.raises(UnprovenError, match="not by the key"):
        open_note(both.encode(), [peter, enoch])
    assert [one.key for one in open_note(both.encode(), [enoch]).verified] == [enoch]


@pytest.mark.parametrize("length", [1, 8, 63, 65, 72])
def test_a_signature_of_another_length_is_refused(length: int) -> None:
    note = Note(text=TEXT, signatures=(Signature(name=peter.name, key_id=peter.key_id, value=bytes(length)),))
    with pytest.raises(UnprovenError, match="malformed"):
        open_note(note.encode(), [peter])


def test_unused_bits_of_a_signatures_base64_say_nothing() -> None:
    # as Go's reader, which the published requests to witnesses rely on
    other = PETER_LINE.replace("nAM=", "nAN=")
    assert len(open_note(f"{TEXT}\n{other}{PETER_LINE}".encode(), [peter]).verified) == 1
    assert parse_signature(other[:-1]).line == PETER_LINE


def test_a_line_that_stands_twice_counts_once() -> None:
    assert len(open_note(f"{TEXT}\n{PETER_LINE * 3}".encode(), [peter]).verified) == 1
    note = parse_note(SIGNED)
    assert add_signatures(note, note.signatures) == note


def test_two_keys_of_one_name_and_id_are_never_both_known() -> None:
    assert open_note(SIGNED, [peter, peter]).verified
    # found by counting up public keys until two ids of one name agreed
    first, second = colliding("collision")
    assert first.key_id == second.key_id
    with pytest.raises(MalformedError, match="one name and one id"):
        open_note(SIGNED, [first, second, peter])


def colliding(name: str) -> tuple[VerifierKey, VerifierKey]:
    seen: dict[bytes, VerifierKey] = {}
    for number in range(1 << 20):
        key = VerifierKey(name=name, type=SignatureType.ED25519, public=number.to_bytes(32, "big"))
        if (other := seen.setdefault(key.key_id, key)) is not key:
            return other, key
    raise AssertionError("no collision among a million")


def test_a_text_may_hold_empty_lines_and_what_looks_like_signatures() -> None:
    # the specification's example has an empty line within
    text = f"one\n\n{PETER_LINE}\ntwo\n"
    key = parse_signing_key(PETER_SECRET)
    opened = open_note(sign_note(text, [key]).encode(), [peter])
    assert opened.text == text


def test_a_cosignature_signs_a_time_and_the_checkpoint() -> None:
    # C2SP tlog-cosignature: the message of its example; then 8 bytes of time and 64 of signature
    message = (
        b"cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n"
        b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    )
    assert cosigned_message(CHECKPOINT, 1679315147) == message
    signature = WITNESS.cosign(CHECKPOINT, 1679315147)
    assert signature.value[:8] == (1679315147).to_bytes(8, "big")
    Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key().verify(signature.value[8:], message)
    (verified,) = open_note(Note(text=CHECKPOINT, signatures=(signature,)).encode(), [WITNESS.verifier]).verified
    assert (verified.key, verified.posix_s) == (WITNESS.verifier, 1679315147)


def test_the_time_of_a_published_cosignature_is_where_the_specification_says() -> None:
    line = (
        "— witness.example.com/w1 "
        "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA=="
    )
    signature = parse_signature(line)
    assert signature.line == line + "\n"
    assert len(signature.value) == 72
    assert int.from_bytes(signature.value[:8], "big") == 1679315147


def test_a_cosignature_at_another_time_or_of_another_text_is_refused() -> None:
    signature = WITNESS.cosign(CHECKPOINT, 1679315147)
    for value in (
        (1679315148).to_bytes(8, "big") + signature.value[8:],
        signature.value[8:],
        signature.value + b"\x00",
        b"\xff" * 8 + signature.value[8:],
    ):
        with pytest.raises(UnprovenError):
            WITNESS.verifier.verify(CHECKPOINT, value)
    with pytest.raises(UnprovenError):
        WITNESS.verifier.verify(CHECKPOINT.replace("163", "164"), signature.value)


def test_a_key_signs_and_cosigns_under_different_ids() -> None:
    signer = SigningKey(name=WITNESS.name, type=SignatureType.ED25519, seed=WITNESS.seed)
    assert signer.verifier.public == WITNESS.verifier.public
    assert signer.verifier.key_id != WITNESS.verifier.key_id
    with pytest.raises(ValueError, match="cosigns"):
        WITNESS.sign(CHECKPOINT)
    with pytest.raises(ValueError, match="signs"):
        signer.cosign(CHECKPOINT, 0)
    for time in (-1, 1 << 63):
        with pytest.raises(MalformedError, match="time"):
            WITNESS.cosign(CHECKPOINT, time)


@pytest.mark.parametrize("text", ["", "no newline", "\ud800\n", "a\rb\n", "\x00\n", "tab\t\n", "\x1f\n"])
def test_what_cannot_stand_in_a_note_is_not_signed(text: str) -> None:
    with pytest.raises(MalformedError):
        sign_note(text, [parse_signing_key(PETER_SECRET)])


def test_a_note_without_a_signature_is_not_served() -> None:
    with pytest.raises(MalformedError, match="no signature"):
        Note(text=TEXT, signatures=()).encode()


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\tb", "a\nb", "a\u3000b", "a\ud800b", "a\x85b"])
def test_a_name_that_no_note_can_hold_is_refused(name: str) -> None:
    with pytest.raises(MalformedError):
        VerifierKey(name=name, type=SignatureType.ED25519, public=bytes(32))
    with pytest.raises(MalformedError):
        Signature(name=name, key_id=bytes(4), value=bytes(64))


texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="".join(map(chr, range(32)))) | st.just("\n")
)
names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="+"), min_size=1, max_size=20)


@given(texts, st.lists(names, min_size=1, max_size=3), st.binary(min_size=32, max_size=32))
def test_whatever_is_signed_is_opened_again(text: str, signers: list[str], seed: bytes) -> None:
    keys = [SigningKey(name=name, type=SignatureType.ED25519, seed=seed) for name in signers]
    data = sign_note(text + "\n", keys).encode()
    opened = open_note(data, {str(key.verifier): key.verifier for key in keys}.values())
    assert opened.text == text + "\n"
    assert {one.key.name for one in opened.verified} == set(signers)


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(LedgerError):
        open_note(data, [peter])


@given(st.integers(0, len(SIGNED) - 1), st.integers(0, 255), st.booleans())
def test_a_changed_note_is_refused_or_says_what_was_signed(at: int, byte: int, insert: bool) -> None:
    changed = SIGNED[:at] + bytes([byte]) + SIGNED[at if insert else at + 1 :]
    try:
        opened = open_note(changed, [peter])
    except LedgerError:
        return
    assert opened.text == TEXT
    assert changed.startswith(TEXT.encode())


@given(st.text(alphabet="ABCabc+/=-_ \n", max_size=12))
def test_base64_has_one_spelling(text: str) -> None:
    try:
        data = decode_base64(text)
    except MalformedError:
        return
    assert base64.b64encode(data).decode() == text
