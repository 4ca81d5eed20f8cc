"""Which addresses wait for an analyst, many at once: those on warning lists that nobody let go, or that are withheld.

What it asks is what `release.case` asks of findings; but most addresses are on no list, and of these no text is made.
"""

import re
from collections.abc import Callable, Collection, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from accord.fusion.identity import finding_ids
from accord.reference.addresses import MAPPED, Words, address_texts
from accord.reference.warninglists import WarningLists
from accord.vocabulary.indicators import TYPE_CODES, IndicatorType
from accord.vocabulary.roles import ROLES, Role

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int8]

_ADDRESSED = re.compile(r"[0-9a-f.:]*")
"""What stands in the text of an address and in no name."""


class Reviews:
    """What waits, of addresses and mail addresses in one role each."""

    def __init__(
        self,
        lists: WarningLists,
        lets_go: Callable[[str, Collection[str]], bool],
        withheld: frozenset[str],
        key: bytes,
        threads: int,
    ) -> None:
        """`lets_go`: has an analyst let a finding on these lists go? `withheld`: findings kept back, by their ids."""
        self._lists = lists
        self._lets_go = lets_go
        self._withheld = pa.array(sorted(withheld), pa.string())
        self._key = key
        self._threads = threads
        # a list may ask for a text anywhere in the value: then all texts are looked at
        self._in_texts = any(
            _ADDRESSED.fullmatch(text.lower())
            for sheet in lists.index.lists
            if {IndicatorType.IPV4.value, IndicatorType.IPV6.value} & {*sheet.types}
            for text in (*sheet.substrings, *("" for _ in sheet.expressions))
        )

    def addresses(self, high: Words, low: Words) -> Mask:
        """Which addresses wait, as infected systems."""
        listed = self._lists.index.ranges.rows(high, low) >= 0
        waits = np.zeros(len(high), np.bool_)
        looked = np.flatnonzero(listed | self._in_texts)
        if len(looked):
            waits[looked] = self._listed(*_texts(high[looked], low[looked]), Role.INFECTED_SYSTEM)
        if len(self._withheld):
            waits |= self._back(*_texts(high, low), Role.INFECTED_SYSTEM)
        return waits

    def mailboxes(self, values: Sequence[str]) -> Mask:
        """Which mail addresses wait, as leaked ones."""
        types = np.full(len(values), TYPE_CODES[IndicatorType.EMAIL], np.int8)
        texts = pa.array(values, pa.string())
        waits = self._listed(types, texts, Role.DATA_LEAK)
        return waits | self._back(types, texts, Role.DATA_LEAK) if len(self._withheld) else waits

    def _listed(self, types: Codes, values: pa.StringArray, role: Role) -> Mask:
        """Which are on lists that call for a review, and were not let go."""
        review, _ = self._lists.match(types, values).judge(pa.array([role.value] * len(values), pa.string()))
        waits = np.asarray(pc.list_value_length(review)) > 0
        asked = np.flatnonzero(waits)
        if len(asked):
            at = pa.array(asked)
            ids = self._ids(types[asked], values.take(at), role)
            for row, name, lists in zip(asked.tolist(), ids.to_pylist(), review.take(at).to_pylist(), strict=True):
                waits[row] = not self._lets_go(name, lists)
        return waits

    def _back(self, types: Codes, values: pa.StringArray, role: Role) -> Mask:
        """Which are withheld."""
        held = pc.is_in(self._ids(types, values, role), value_set=self._withheld)
        return np.asarray(held.to_numpy(zero_copy_only=False), np.bool_)

    def _ids(self, types: Codes, values: pa.StringArray, role: Role) -> pa.StringArray:
        roles = np.full(len(values), ROLES.index(role), np.int8)
        return finding_ids(pa.table({"type": types, "value": values, "role": roles}), self._key, self._threads)


def _texts(high: Words, low: Words) -> tuple[Codes, pa.StringArray]:
    """The types and texts of addresses."""
    is_v4 = (high == 0) & (low >> np.uint64(32) == np.uint64(MAPPED >> 32))
    types = np.where(is_v4, TYPE_CODES[IndicatorType.IPV4], TYPE_CODES[IndicatorType.IPV6]).astype(np.int8)
    return types, address_texts(high, low)
