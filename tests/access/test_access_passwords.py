"""Passwords of people: kept as RFC 9106 says, compared by another implementation's answers, remembered in bounds."""

import subprocess
import sys

import pytest

from accord.access import passwords
from accord.access.passwords import Passwords, hash_password
from accord.vocabulary.errors import SettingsError

RIGHT = "correct horse battery"
REFERENCE = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
"""Of `password`, in the tests of the reference implementation (P-H-C/phc-winner-argon2, src/test.c)."""


class Clock:
    now = 0

    def __call__(self) -> int:
        return self.now


def test_a_password_is_kept_as_argon2id_with_a_salt_of_its_own() -> None:
    first, second = hash_password(RIGHT), hash_password(RIGHT)
    assert first != second
    for one in (first, second):
        assert one.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
        assert RIGHT not in one


@pytest.mark.parametrize("said", ["", "fourteen chars", "x" * 257, "line one of it\nline two", "\0" * 20])
def test_what_is_too_short_too_long_or_no_line_is_no_password(said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        hash_password(said)
    assert not said.strip("\0") or said not in str(refused.value)


def test_the_right_password_is_right_however_its_accents_are_put() -> None:
    kept = hash_password("caf\u00e9 au lait, s'il vous plait")
    compared = Passwords()
    assert compared.compare(REFERENCE, "password")
    assert not compared.compare(REFERENCE, "Password")
    assert compared.compare(kept, "cafe\u0301 au lait, s'il vous plait")
    assert not compared.compare(kept, "cafe au lait, s'il vous plait")
    assert not compared.compare("no hash", RIGHT)


def test_nobody_s_password_is_compared_like_anybody_s(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    verify = passwords._HASHER.verify

    class Watched:
        def verify(self, kept: str, said: str) -> bool:
            seen.append(kept.rpartition("$")[0].rpartition("$")[0])
            return verify(kept, said)

    kept = hash_password(RIGHT)
    monkeypatch.setattr(passwords, "_HASHER", Watched())
    assert not Passwords().compare(None, RIGHT)
    assert not Passwords().compare(kept, RIGHT + "!")
    assert seen == ["$argon2id$v=19$m=65536,t=3,p=4"] * 2


def test_what_was_right_is_remembered_for_minutes_and_not_after_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    compared = Passwords(clock=clock)
    kept = hash_password(RIGHT)
    assert not compared.remembered(kept, RIGHT)
    assert compared.compare(kept, RIGHT)
    assert not compared.compare(kept, RIGHT + "!")
    assert compared.remembered(kept, RIGHT)
    assert not compared.remembered(kept, RIGHT + "!")
    assert not compared.remembered(hash_password(RIGHT), RIGHT)
    clock.now += passwords.REMEMBERED_NS
    assert not compared.remembered(kept, RIGHT)


def test_however_many_are_right_few_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    class Credulous:
        def verify(self, _kept: str, _said: str) -> bool:
            return True

    monkeypatch.setattr(passwords, "_HASHER", Credulous())
    compared = Passwords(most=10)
    for number in range(100):
        compared.compare(f"{number}", RIGHT)
    assert [number for number in range(100) if compared.remembered(f"{number}", RIGHT)] == list(range(90, 100))
    assert not any(RIGHT.encode() in one for one in compared._right)


def test_two_processes_remember_under_keys_of_their_own() -> None:
    program = "from accord.access.passwords import Passwords; print(Passwords()._digest('k', 'p').hex())"
    drawn = {subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout for _ in range(2)}
    assert len(drawn) == 2
