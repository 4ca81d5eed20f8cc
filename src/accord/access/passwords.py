"""Passwords of people: how they are kept, and how one that was said is compared.

    $argon2id$v=19$m=65536,t=3,p=4$SALT$DIGEST      RFC 9106, with the second of its recommended parameters (section 4)

A comparison takes a tenth of a second and 64 MiB on purpose. A program polls with the same password all day, so what
was right is remembered for some minutes: as a keyed digest, under a key that no other process has.
"""

import base64
import hashlib
import hmac
import secrets
import threading
import time
import unicodedata
from collections.abc import Callable

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from accord.vocabulary.errors import SettingsError

SHORTEST, LONGEST = 15, 256
"""Characters: NIST SP 800-63B-4, 3.1.1.2, asks for 15 of a password that stands alone."""

REMEMBERED_NS = 300 * 10**9
MOST_REMEMBERED = 1000

_HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
_PARAMETERS = RFC_9106_LOW_MEMORY
_NOBODY = (
    f"$argon2id$v={_PARAMETERS.version}$m={_PARAMETERS.memory_cost},t={_PARAMETERS.time_cost},p={_PARAMETERS.parallelism}"
    f"${base64.b64encode(bytes(_PARAMETERS.salt_len)).decode().rstrip('=')}"
    f"${base64.b64encode(bytes(_PARAMETERS.hash_len)).decode().rstrip('=')}"
)
"""What no password is known to give: a user that is not there takes as long as one that is."""


def hash_password(password: str) -> str:
    """How a new password is kept. Raises SettingsError when it is too short or too long to be one."""
    plain = normal(password)
    if not SHORTEST <= len(plain) <= LONGEST or not plain.isprintable():
        raise SettingsError(
            "This is no password.",
            expected=f"{SHORTEST} to {LONGEST} characters in one line: some words that nobody would guess together",
            got=f"{len(plain)} characters",
        )
    return _HASHER.hash(plain)


def normal(text: str) -> str:
    """As it is compared (RFC 8265, 4.2.2): however a keyboard puts an accent on a letter."""
    return unicodedata.normalize("NFC", text)


class Passwords:
    """Compares passwords, one at a time, and remembers those that were right."""

    def __init__(
        self, *, clock: Callable[[], int] = time.monotonic_ns, most: int = MOST_REMEMBERED, key: bytes | None = None
    ) -> None:
        self._clock = clock
        self._most = most
        self._key = secrets.token_bytes(32) if key is None else key
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._right: dict[bytes, int] = {}

    def remembered(self, kept: str, password: str) -> bool:
        """Was it found to be right, not long ago? `kept` is how the user's password is kept now."""
        with self._lock:
            until = self._right.get(self._digest(kept, password))
        return until is not None and self._clock() < until

    def compare(self, kept: str | None, password: str) -> bool:
        """Is it right? None: there is no such user, which takes as long."""
        with self._turn:
            try:
                _HASHER.verify(_NOBODY if kept is None else kept, normal(password))
            except (VerificationError, InvalidHashError):
                return False
        if kept is None:
            return False
        with self._lock:
            digest = self._digest(kept, password)
            self._right.pop(digest, None)
            self._right[digest] = self._clock() + REMEMBERED_NS
            if len(self._right) > self._most:
                del self._right[next(iter(self._right))]
        return True

    def _digest(self, kept: str, password: str) -> bytes:
        # how it is kept has a salt of the user's, and another one after every change
        return hmac.digest(self._key, f"{kept}\0{normal(password)}".encode(), hashlib.sha256)
