"""A row-at-a-time way to a `Parsed`, for formats whose records are objects."""

from collections import Counter
from collections.abc import Mapping

import pyarrow as pa

from accord.columns.reading import DOCUMENT_ROWS, Parsed
from accord.columns.schema import OBSERVATIONS, REJECTS, RESOLUTIONS, TEXT_LIMIT
from accord.vocabulary.errors import RefusedFileError
from accord.vocabulary.indicators import TYPE_CODES, Indicator
from accord.vocabulary.markings import Marking
from accord.vocabulary.reasons import Ignored, Rejected
from accord.vocabulary.roles import Role

FAULT_LIMIT = 1_000
"""Faults of one record that are kept: a list of a million wrong addresses says no more by each of them."""


class ParsedBuilder:
    """Collects what a document's records give.

    Call `record()` for every record, in document order; what follows it belongs to that record, until the next.
    A record that got an observation or resolution is accepted, and its rejects are partial; else its first
    `reject` counts it as rejected; else its first `ignore`. One of the three must have been said of each.
    """

    def __init__(self, member: int, rule_fields: tuple[str, ...] = ()) -> None:
        self._member = member
        self._rule_fields = rule_fields
        fields = [f"field:{name}" for name in rule_fields]
        self._observations: dict[str, list[object]] = {name: [] for name in [*OBSERVATIONS.names, *fields]}
        self._resolutions: dict[str, list[object]] = {name: [] for name in RESOLUTIONS.names}
        self._rejects: dict[str, list[object]] = {name: [] for name in REJECTS.names}
        self._ignored: Counter[str] = Counter()
        self._records = 0
        self._number = 0
        self._pointer: str | None = None
        self._accepted = False
        self._pending: list[tuple[str | None, Rejected, str]] = []
        self._ignore: Ignored | None = None

    def record(self, pointer: str | None) -> None:
        """Begin a document's next record; `pointer` is its JSON pointer.

        Raises RefusedFileError where the document has given more than DOCUMENT_ROWS.
        """
        self._settle()
        rows = sum(len(one["record"]) for one in (self._observations, self._resolutions, self._rejects))
        if rows > DOCUMENT_ROWS:
            raise RefusedFileError(
                "the document says too much at once",
                where=pointer or "/",
                expected=f"at most {DOCUMENT_ROWS:,} observations, resolutions and rejects",
                got=f"more in {self._records:,} records",
                remedy="deliver it in several smaller files",
            )
        self._records += 1
        self._number += 1
        self._pointer = pointer

    def line(self, member: int, number: int) -> None:
        """Begin the record that is line `number` of `member`; the other lines may be of other members."""
        self._settle()
        self._records += 1
        self._member, self._number = member, number

    def observe(
        self,
        indicator: Indicator,
        *,
        role: Role | None = None,
        family: str | None = None,
        seen_at_us: int | None = None,
        count: int = 1,
        port: int | None = None,
        marking: Marking | None = None,
        fields: Mapping[str, str | None] | None = None,
    ) -> None:
        """One observation of this record; `port` overrides the port that the value itself named."""
        row = self._observations
        row["member"].append(self._member)
        row["record"].append(self._number)
        row["type"].append(TYPE_CODES[indicator.kind])
        row["value"].append(indicator.value)
        row["role"].append(None if role is None else role.value)
        row["family"].append(family or None)
        row["seen_at"].append(seen_at_us)
        row["count"].append(count)
        row["port"].append(indicator.port if port is None else port)
        row["marking"].append(None if marking is None else marking.code)
        for name in self._rule_fields:
            row[f"field:{name}"].append((fields or {}).get(name))
        self._accepted = True

    def resolve(
        self,
        domain: str,
        address: str,
        *,
        first_seen_us: int | None,
        last_seen_us: int | None,
        marking: Marking | None = None,
    ) -> None:
        """This record says that `domain` had `address` (both canonical)."""
        row = self._resolutions
        row["member"].append(self._member)
        row["record"].append(self._number)
        row["domain"].append(domain)
        row["address"].append(address)
        row["first_seen"].append(first_seen_us)
        row["last_seen"].append(last_seen_us)
        row["marking"].append(None if marking is None else marking.code)
        self._accepted = True

    def reject(self, reason: Rejected, text: str, *, column: str | None = None) -> None:
        """This record, or a part of it, cannot be taken; `text` is what stood there. The first FAULT_LIMIT are kept."""
        if len(self._pending) < FAULT_LIMIT:
            self._pending.append((column, reason, text))

    def ignore(self, reason: Ignored) -> None:
        """This record makes no claim about an indicator."""
        if self._ignore is None:
            self._ignore = reason

    def finish(self) -> Parsed:
        """Everything, once the last record is done."""
        self._settle()
        observations = pa.RecordBatch.from_arrays(
            [
                *(pa.array(self._observations[field.name], field.type) for field in OBSERVATIONS),
                *(
                    pa.array(self._observations[f"field:{name}"], pa.dictionary(pa.int32(), pa.string()))
                    for name in self._rule_fields
                ),
            ],
            names=[*OBSERVATIONS.names, *(f"field:{name}" for name in self._rule_fields)],
        )
        return Parsed(
            records=self._records,
            observations=observations,
            resolutions=pa.RecordBatch.from_pydict(self._resolutions, schema=RESOLUTIONS),
            rejects=pa.RecordBatch.from_pydict(self._rejects, schema=REJECTS),
            ignored=dict(self._ignored),
        )

    def _settle(self) -> None:
        if self._records:
            if not self._accepted and not self._pending:
                if self._ignore is None:
                    raise AssertionError(f"record {self._number} ({self._pointer}) was neither taken nor refused")
                self._ignored[self._ignore.value] += 1
            for place, (column, reason, text) in enumerate(self._pending):
                row = self._rejects
                row["member"].append(self._member)
                row["record"].append(self._number)
                row["pointer"].append(self._pointer)
                row["column"].append(column)
                row["reason"].append(reason.value)
                # a record is counted once: its further faults are parts of the same refusal
                row["partial"].append(self._accepted or place > 0)
                row["text"].append(shorten(text))
        self._accepted = False
        self._pending = []
        self._ignore = None


def shorten(text: str) -> str:
    """At most TEXT_LIMIT characters of `text`, without surrogates, ending in an ellipsis when it was longer."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"
