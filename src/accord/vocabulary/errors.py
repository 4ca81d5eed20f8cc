"""The errors of Accord, one tree.

AccordError                     says what, where, expected, got and the remedy
├── SettingsError      exit 2   the operation file or a command's words are wrong
├── UnreadableError    exit 4   a file cannot be read, or lies outside the permitted tree
│   └── CorruptError            what Accord wrote itself is not as it was written: damaged, cut off or changed
├── OutputError        exit 5   the output cannot be written (disk full, no permission, another run)
│   └── BusyError               somebody else is writing just now; the same will do later
├── ReferenceDataError exit 6   bundled or imported reference data is missing or malformed
├── LedgerError        exit 7   what a ledger shows is not to be trusted
│   ├── MalformedError          bytes that are not what their format says: nothing was verified
│   └── UnprovenError           a proof, signature, quorum or opening does not hold
├── NotAgreedError     exit 8   no agreement in force lets this pass
└── RefusedFileError   exit 3   a delivered file or archive member is refused whole; the run goes on

Exit 0 is complete; exit 3 is complete with refused files.
"""

from typing import ClassVar


class AccordError(Exception):
    """An error that a person can act on; `str()` of it is what they are shown."""

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        got: str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.what = what
        self.where = where
        self.expected = expected
        self.got = got
        self.remedy = remedy
        super().__init__(what, where, expected, got, remedy)

    def __str__(self) -> str:
        parts = [self.what]
        for label, value in (
            ("where", self.where),
            ("expected", self.expected),
            ("got", self.got),
            ("to do", self.remedy),
        ):
            if value:
                parts.append(f"  {label}: {value}")
        return "\n".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the fields when a worker process hands the error back."""
        return (_rebuild, (type(self), self.what, self.where, self.expected, self.got, self.remedy))


def _rebuild(
    kind: type[AccordError],
    what: str,
    where: str | None,
    expected: str | None,
    got: str | None,
    remedy: str | None,
) -> AccordError:
    return kind(what, where=where, expected=expected, got=got, remedy=remedy)


class SettingsError(AccordError):
    """The operation file, or the words of a command, are wrong."""

    exit_code = 2


class RefusedFileError(AccordError):
    """A delivered file or archive member is refused whole: it counts no records and is named."""

    exit_code = 3


class UnreadableError(AccordError):
    """A file cannot be read, or its path leaves the permitted tree."""

    exit_code = 4


class CorruptError(UnreadableError):
    """What Accord wrote itself is not as it was written: damaged, cut off or changed; none of it is used."""


class OutputError(AccordError):
    """The output cannot be written; what was there before is untouched."""

    exit_code = 5


class BusyError(OutputError):
    """Somebody else is writing just now: nothing is wrong, nothing was changed, and the same will do later."""


class ReferenceDataError(AccordError):
    """Reference data is missing or malformed."""

    exit_code = 6


class NotAgreedError(AccordError):
    """No agreement in force lets this pass: nothing was taken in, and nothing was handed out."""

    exit_code = 8


class LedgerError(AccordError):
    """What a ledger shows is not to be trusted."""

    exit_code = 7


class MalformedError(LedgerError):
    """A tile, note, checkpoint, proof or entry is not what its format says; nothing was verified."""


class UnprovenError(LedgerError):
    """A proof, signature, quorum or opening does not hold."""
