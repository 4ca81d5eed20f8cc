"""age, as packages use it: one stream, binary, for one X25519 recipient (https://age-encryption.org/v1)."""

from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO, Protocol

from accord.vocabulary.errors import MalformedError, UnprovenError

PREFIX = b"age-encryption.org/v1\n"
"""What a binary age file begins with; armoured ones are not taken: a package has one spelling."""
MAX_HEADER_BYTES = 1 << 14
"""The longest header that is looked at; one recipient takes some 250 bytes."""


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: bytes, /) -> int:
        """Take all of them."""


class Pulled:
    """Pieces of bytes as a file to read from. What they raise is kept: the library would wrap it."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")
        self.raised: Exception | None = None

    def read(self, size: int) -> bytes:
        """At most so many bytes; none at the end."""
        try:
            while not self._rest:
                self._rest = memoryview(next(self._pieces))
        except StopIteration:
            return b""
        except Exception as error:
            self.raised = error
            raise
        piece = bytes(self._rest[:size])
        self._rest = self._rest[size:]
        return piece


class _Poured:
    """Where the library writes. What it raises is kept, as `Pulled` does."""

    def __init__(self, out: Sink) -> None:
        self._out = out
        self.raised: Exception | None = None

    def write(self, data: bytes, /) -> int:
        try:
            return self._out.write(data)
        except Exception as error:
            self.raised = error
            raise


def new_identity() -> str:
    """A fresh secret key, `AGE-SECRET-KEY-1...`; drawn by the library from the system's randomness."""
    from pyrage.x25519 import Identity

    return str(Identity.generate())


def public_of(identity: str) -> str:
    """The public key of a secret one, `age1...`. Raises MalformedError, which quotes nothing of it."""
    from pyrage import IdentityError
    from pyrage.x25519 import Identity

    try:
        read = Identity.from_str(identity)
    except IdentityError:
        read = None
    if read is None or str(read) != identity:
        raise MalformedError("This is no secret key of age.", expected="AGE-SECRET-KEY-1...")
    return str(read.to_public())


def encrypt(pieces: Iterator[bytes], out: Sink, recipient: str) -> None:
    """Encrypt to a public key `age1...`, a piece at a time. What `pieces` and `out` raise passes through."""
    from pyrage import encrypt_io
    from pyrage.x25519 import Recipient

    source, sink = Pulled(pieces), _Poured(out)
    try:
        encrypt_io(source, sink, [Recipient.from_str(recipient)])
    except Exception:
        if raised := source.raised or sink.raised:
            raise raised from None
        raise


def decrypt(pieces: Iterator[bytes], out: Sink, identity: str, *, what: str) -> None:
    """Decrypt with a secret key. `out` gets bytes before the last of them are known to be genuine: keep them apart.

    Raises MalformedError when `what` is no age file, UnprovenError when the key does not open it or when it was
    changed, cut off or added to. What `pieces` and `out` raise passes through.
    """
    from pyrage import DecryptError, decrypt_io
    from pyrage.x25519 import Identity

    source, sink = Pulled(_with_header(pieces, what)), _Poured(out)
    try:
        decrypt_io(source, sink, [Identity.from_str(identity)])
    except DecryptError as error:
        if raised := source.raised or sink.raised:
            raise raised from None
        raise UnprovenError(
            f"{what} does not open with this key.",
            expected=f"what was encrypted for {public_of(identity)}",
            remedy="it is for somebody else, or was changed: ask the hub which of your keys it knows",
        ) from error
    except OSError as error:
        # the library's own has no number; those of a disk have
        if error.errno is not None or source.raised is not None or sink.raised is not None:
            raise source.raised or sink.raised or error from None
        raise UnprovenError(f"{what} was changed, cut off or added to.", got=str(error)) from error


def _with_header(pieces: Iterator[bytes], what: str) -> Iterator[bytes]:
    """The same bytes, once they are seen to begin with a header of a reasonable length."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= MAX_HEADER_BYTES:
            break
    if not head.startswith(PREFIX) or b"\n--- " not in head[:MAX_HEADER_BYTES]:
        raise MalformedError(f"{what} is no age file.", expected="a binary one, age-encryption.org/v1")
    yield head
    yield from pieces


def demand_opens(pieces: Iterator[bytes], identity: str, *, what: str) -> None:
    """Raise UnprovenError unless the key opens the first piece of an age file; the rest is not read."""

    class _Enough(Exception):  # noqa: N818 -- no error
        pass

    class _First:
        def write(self, _data: bytes, /) -> int:
            raise _Enough

    with suppress(_Enough):
        decrypt(pieces, _First(), identity, what=what)


class Bounded:
    """A file that takes no more than so many bytes."""

    def __init__(self, file: BinaryIO, most: int, what: str) -> None:
        self._file = file
        self._left = most
        self._what = what

    def write(self, data: bytes, /) -> int:
        """Take all of them. Raises UnprovenError when they are too many."""
        if len(data) > self._left:
            raise UnprovenError(f"{self._what} is larger than it may be.")
        self._left -= len(data)
        self._file.write(data)
        return len(data)

    def flush(self) -> None:
        """Hand them to the system."""
        self._file.flush()
