"""Policies: whose signatures make a checkpoint one to rely on, as a file that anybody can read (C2SP tlog-policy).

    log fusion.example/ledger+c74f20a3+ARpc2Q...

    witness north north.example/witness+da77ade7+BOvN63...
    witness south south.example/witness+9a1f03c2+BDtqJ7...  https://south.example/witness/
    witness press press.example/witness+5d0c11b8+BNLKH4...
    group witnesses 2 north south press
    quorum witnesses

A checkpoint satisfies it when a listed log has signed it under its own name, and witnesses have cosigned it as the
quorum says: here any two of three. A group may hold groups, each name is in one group at most, and `quorum none` asks
for no witness.
"""

import re
from dataclasses import dataclass

from accord.ledger.checkpoints import Checkpoint, parse_checkpoint
from accord.ledger.notes import (
    Note,
    OpenedNote,
    SignatureType,
    VerifierKey,
    parse_verifier_key,
    verify_note,
)
from accord.vocabulary.errors import MalformedError, SettingsError, UnprovenError

MAX_POLICY_BYTES = 1 << 20
MAX_DEPTH = 256
"""Groups within groups; more is a mistake, and no reader should be led down it."""

_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_SPACE = re.compile("[ \t]+")
_COUNT = re.compile("[1-9][0-9]{0,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log whose checkpoints are accepted; its key's name is the checkpoints' origin."""

    key: VerifierKey
    url: str | None = None
    """Where it is read; None: the policy is for verifying only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A witness under the name that the policy gives it."""

    name: str
    key: VerifierKey
    url: str | None = None
    """Its submission prefix (C2SP tlog-witness); None: the policy is for verifying only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """It has witnessed a checkpoint when `needed` of its members have."""

    name: str
    needed: int
    members: "tuple[Witness | Group, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Which logs, which witnesses, and how many of them."""

    logs: tuple[Log, ...]
    witnesses: tuple[Witness, ...]
    quorum: Witness | Group | None
    """None: no witness is needed."""

    def verify(self, note: Note) -> tuple[Checkpoint, OpenedNote]:
        """The checkpoint in a signed note, if it satisfies the policy.

        Raises MalformedError when it is none, UnprovenError when a signature is bad, when no listed log has signed
        it, or when the quorum is not reached.
        """
        checkpoint = parse_checkpoint(note.text)
        keys = [log.key for log in self.logs if log.key.name == checkpoint.origin]
        opened = verify_note(note, [*keys, *(witness.key for witness in self.witnesses)])
        signers = {one.key for one in opened.verified}
        if signers.isdisjoint(keys):
            raise UnprovenError(
                "No log of the policy has signed the checkpoint.", where=checkpoint.origin,
                expected=", ".join(log.key.name for log in self.logs) or "a log, of which the policy lists none",
            )  # fmt: skip
        if not self.reached(signers):
            raise UnprovenError(
                "Too few witnesses have cosigned the checkpoint.",
                where=f"{checkpoint.origin} at size {checkpoint.size}",
                expected=_described(self.quorum),
                got=", ".join(one.name for one in self.witnesses if one.key in signers) or "none of them",
            )
        return checkpoint, opened

    def reached(self, signers: set[VerifierKey]) -> bool:
        """Is the quorum reached when these keys have cosigned?"""
        return self.quorum is None or _witnessed(self.quorum, signers)


def parse_policy(data: bytes) -> Policy:
    """Read a policy. Raises SettingsError, which names the line."""
    return _Reader().read(data)


class _Reader:
    """A policy as far as it has been read."""

    def __init__(self) -> None:
        self._logs: list[Log] = []
        self._named: dict[str, Witness | Group] = {}
        self._depth: dict[str, int] = {}
        self._grouped: set[str] = set()
        self._public: set[tuple[SignatureType, bytes]] = set()
        self._quorum: list[Witness | Group | None] = []

    def read(self, data: bytes) -> Policy:
        if len(data) > MAX_POLICY_BYTES or _FORBIDDEN.search(data) is not None:
            raise SettingsError(
                "This is no policy.", expected="lines of text without control characters, at most 1 MiB"
            )
        if data and not data.endswith(b"\n"):
            raise SettingsError("The policy's last line is cut off.", expected="a newline at its end")
        # names are octets, whatever they spell: what is no UTF-8 is kept as it is
        for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), start=1):
            words = [word for word in _SPACE.split(line) if word]
            if words and not words[0].startswith("#"):
                self._line(words, f"line {number} of the policy")
        if not self._quorum:
            raise SettingsError("The policy has no quorum.", expected="one line `quorum <name>` or `quorum none`")
        witnesses = tuple(one for one in self._named.values() if isinstance(one, Witness))
        return Policy(logs=tuple(self._logs), witnesses=witnesses, quorum=self._quorum[0])

    def _line(self, words: list[str], where: str) -> None:
        match words:
            case ["log", key, *url] if len(url) <= 1:
                self._add_log(key, url, where)
            case ["witness", name, key, *url] if len(url) <= 1:
                self._add_witness(name, key, url, where)
            case ["group", name, count, *members] if members:
                self._add_group(name, count, members, where)
            case ["quorum", name]:
                if self._quorum:
                    raise SettingsError("The policy has a second quorum.", where=where)
                self._quorum.append(None if name == "none" else self._get(name, where))
            case _:
                raise SettingsError(
                    "This line of a policy is not understood.", where=where,
                    expected="log <key> [<url>], witness <name> <key> [<url>], group <name> all|any|<n> <name>..., "
                    "quorum <name>", got=_shown(" ".join(words)),
                )  # fmt: skip

    def _add_log(self, line: str, url: list[str], where: str) -> None:
        log = Log(key=self._key(line, SignatureType.ED25519, where), url=url[0] if url else None)
        self._logs.append(log)

    def _add_witness(self, name: str, line: str, url: list[str], where: str) -> None:
        key = self._key(line, SignatureType.COSIGNATURE_V1, where)
        self._name(Witness(name=name, key=key, url=url[0] if url else None), 0, where)

    def _add_group(self, name: str, count: str, names: list[str], where: str) -> None:
        needed = {"all": str(len(names)), "any": "1"}.get(count, count)
        if _COUNT.fullmatch(needed) is None or int(needed) > len(names):
            raise SettingsError(
                "A group of the policy can never be complete.", where=where,
                expected=f"all, any, or 1 to {len(names)}", got=_shown(count),
            )  # fmt: skip
        members = tuple(self._get(member, where) for member in names)
        for member in names:
            if member in self._grouped:
                raise SettingsError(
                    "A name of the policy is in a group twice, and would count twice.", where=where, got=_shown(member)
                )
            self._grouped.add(member)
        depth = 1 + max(self._depth[member] for member in names)
        if depth > MAX_DEPTH:
            raise SettingsError(
                "Groups of the policy are nested too deeply.", where=where, expected=f"{MAX_DEPTH} deep"
            )
        self._name(Group(name=name, needed=int(needed), members=members), depth, where)

    def _name(self, named: Witness | Group, depth: int, where: str) -> None:
        if named.name == "none" or named.name in self._named:
            raise SettingsError("A name of the policy is taken.", where=where, got=_shown(named.name))
        self._named[named.name] = named
        self._depth[named.name] = depth

    def _get(self, name: str, where: str) -> Witness | Group:
        if name not in self._named:
            raise SettingsError(
                "A name of the policy is not defined above.", where=where, expected=", ".join(map(_shown, self._named)),
                got=_shown(name),
            )  # fmt: skip
        return self._named[name]

    def _key(self, line: str, kind: SignatureType, where: str) -> VerifierKey:
        try:
            key = parse_verifier_key(line)
        except MalformedError as error:
            raise SettingsError(error.what, where=where, expected=error.expected, got=_shown(line)) from error
        if key.type is not kind:
            raise SettingsError(
                "A key of the policy is of the wrong type.", where=where, expected=f"type 0x{kind:02x}",
                got=f"type 0x{key.type:02x}",
            )  # fmt: skip
        if (kind, key.public) in self._public:
            raise SettingsError("The policy has a key twice.", where=where, got=_shown(line))
        self._public.add((kind, key.public))
        return key


def _witnessed(named: Witness | Group, signers: set[VerifierKey]) -> bool:
    if isinstance(named, Witness):
        return named.key in signers
    return sum(_witnessed(member, signers) for member in named.members) >= named.needed


def _described(named: Witness | Group | None) -> str:
    """A quorum in words: `2 of (north, south, press)`."""
    if not isinstance(named, Group):
        return "nobody" if named is None else _shown(named.name)
    return f"{named.needed} of ({', '.join(_described(member) for member in named.members)})"


def _shown(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")[:200]
