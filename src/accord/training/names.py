"""Host names that nobody means to have: pronounceable, and marked as simulated by their first letters."""

from collections.abc import Callable

from accord.training.dice import Dice

TOKEN = "sim-"  # noqa: S105 (a mark, not a password)
"""Every made-up name begins with it, so that a reader of any output sees that no real site is accused."""

_ONSETS = ("b", "d", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "w", "ng", "ph", "th")
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ua")
_OFFICES = ("dinas", "balai", "ministry", "council", "registry", "archive", "health", "school", "water", "roads")


class Namer:
    """Draws names that differ from each other."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._used: set[str] = set()

    def domain(self, suffix: str) -> str:
        """A registrable name under `suffix`, such as `sim-kaputo31.co.id`."""
        return self._fresh(lambda: f"{TOKEN}{self._word()}{self._dice.between(10, 99)}.{suffix}")

    def office(self, suffix: str) -> str:
        """A name as a public office would have, such as `sim-dinas-kapu.go.id`."""
        return self._fresh(lambda: f"{TOKEN}{self._dice.one(_OFFICES)}-{self._word()}.{suffix}")

    def path(self) -> str:
        """A file's path in a URL, such as `/sim-kaputo31.exe`."""
        ending = self._dice.one(("exe", "zip", "js", "bin"))
        return self._fresh(lambda: f"/{TOKEN}{self._word()}{self._dice.between(10, 99)}.{ending}")

    def _word(self) -> str:
        return "".join(self._dice.one(_ONSETS) + self._dice.one(_VOWELS) for _ in range(self._dice.between(3, 4)))

    def _fresh(self, make: Callable[[], str]) -> str:
        while True:
            name = make()
            if name not in self._used:
                self._used.add(name)
                return name
