"""From a format's observations to the spool's: role, family, time and marking as the data set declares them.

Role of a record: its own, else the first matching rule's, else the data set's, else `undetermined`. Family: its own,
else the first matching rule's that gives one (a rule may also rename a reported family), else the data set's.
"""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from accord.agreements.declarations import TYPE_FIELD, Dataset, DatasetRule
from accord.intake.spool import SPOOL
from accord.vocabulary.indicators import INDICATOR_TYPES
from accord.vocabulary.roles import ROLES, Role

_Codes = npt.NDArray[np.integer]
_Test = Callable[[str], object]


FAMILY_LIMIT = 256
"""Characters of a family's name that are kept. It is written beside every finding: a name of a megabyte, given to a few
thousand addresses, would fill any disk. The longest name that the bundled catalogue holds has fewer than 60."""


class FamilyNames:
    """The family names that a run has met, each with a code; shared by threads."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._lock = threading.Lock()

    def code(self, name: str) -> int:
        """The code of a name, from 0; past FAMILY_LIMIT characters it ends in an ellipsis."""
        if len(name) > FAMILY_LIMIT:
            name = name[: FAMILY_LIMIT - 1] + "…"
        with self._lock:
            return self._codes.setdefault(name, len(self._codes))

    @property
    def names(self) -> Sequence[str]:
        """The names by code."""
        with self._lock:
            return tuple(self._codes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A batch of observations as the spool keeps them, and what had to be left out."""

    observations: pa.RecordBatch
    kept: pa.BooleanArray | None
    """Which rows of the format's batch these are; None: all. The others lie after `as_of`."""


@dataclass(frozen=True, slots=True)
class _Condition:
    """A rule, made ready to be asked many times: None where it asks nothing."""

    rule: DatasetRule
    family: _Test | None
    field: int | None
    """Place of its field among the data set's."""
    value: _Test | None


class Labeller:
    """Applies one data set's declaration to the batches of one of its deliveries."""

    def __init__(
        self,
        dataset: Dataset,
        dataset_index: int,
        delivery_index: int,
        families: FamilyNames,
        collected_at_us: int,
        as_of_us: int,
    ) -> None:
        self._dataset = dataset
        self._dataset_index = dataset_index
        self._delivery_index = delivery_index
        self._families = families
        self._collected_at_us = collected_at_us
        self._as_of_us = as_of_us
        self._fields = dataset.rule_fields
        self._by_path = any(rule.path is not None for rule in dataset.rules)
        self._conditions = [
            _Condition(
                rule,
                None if rule.when_family is None else _glob(rule.when_family),
                None if rule.field is None or rule.value is None else self._fields.index(rule.field),
                None if rule.value is None else _glob(rule.value),
            )
            for rule in dataset.rules
        ]

    def label(self, observations: pa.RecordBatch, paths: Mapping[int, str]) -> Labelled:
        """Label a batch; `paths` gives the path of each member in it."""
        count = observations.num_rows
        role, family = self._roles_and_families(observations, paths)
        seen_at = observations["seen_at"].cast(pa.int64())
        undated = pc.is_null(seen_at)
        seen = pc.fill_null(seen_at, self._collected_at_us)
        marking = pc.max_element_wise(observations["marking"], pa.scalar(self._dataset.marking.code, pa.int8()))
        batch = pa.RecordBatch.from_arrays(
            [
                pa.array(np.full(count, self._dataset_index, np.int32)),
                pa.array(np.full(count, self._delivery_index, np.int32)),
                observations["type"],
                observations["value"],
                pa.array(role),
                pa.array(family),
                seen,
                undated,
                observations["count"],
                pc.fill_null(observations["port"], 0),
                marking,
            ],
            schema=SPOOL,
        )
        late = pc.greater(seen, self._as_of_us)
        if not pc.any(late).as_py():
            return Labelled(observations=batch, kept=None)
        kept = pc.invert(late)
        return Labelled(observations=batch.filter(kept), kept=kept)

    def _roles_and_families(
        self, observations: pa.RecordBatch, paths: Mapping[int, str]
    ) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int32]]:
        """Role and family codes of each row, looked up once for each distinct combination that rules can tell apart."""
        keys: list[tuple[_Codes, Sequence[object]]] = [_coded(observations[name]) for name in ("role", "family")]
        keys.append(_coded_members(observations["member"]) if self._by_path else _SAYS_NOTHING)
        keys.extend(_coded(_field(observations, name)) for name in self._fields)
        index, examples = _combined([(codes, len(words)) for codes, words in keys if words], observations.num_rows)
        roles, families = [], []
        matches: dict[int, Sequence[re.Match[str] | None]] = {}
        for row in examples.tolist():
            said = [words[codes[row]] if words and codes[row] >= 0 else None for codes, words in keys]
            own_role, own_family, member, *fields = said
            place = int(str(member)) if self._by_path else -1
            if place not in matches:
                matches[place] = self._match_path(paths.get(place, ""))
            role, family = self._decide(own_role, own_family, matches[place], fields)
            roles.append(ROLES.index(role))
            families.append(-1 if family is None else self._families.code(family))
        return np.array(roles, np.int8)[index], np.array(families, np.int32)[index]

    def _match_path(self, path: str) -> Sequence[re.Match[str] | None]:
        """What each rule's path condition finds in a member's path; None: it is not met, or there is none."""
        patterns = [condition.rule.path_pattern for condition in self._conditions]
        return [None if pattern is None else pattern.match(path) for pattern in patterns]

    def _decide(
        self,
        own_role: object,
        own_family: object,
        matches: Sequence[re.Match[str] | None],
        fields: Sequence[object],
    ) -> tuple[Role, str | None]:
        dataset = self._dataset
        role = None if own_role is None else Role(str(own_role))
        family = None if own_family is None else str(own_family)
        folded = (family or "").casefold()
        said = [None if one is None else str(one).casefold() for one in fields]
        given_role: Role | None = None
        given_family: str | None = None
        for condition, match in zip(self._conditions, matches, strict=True):
            rule = condition.rule
            if rule.path is not None and match is None:
                continue
            if condition.family is not None and not condition.family(folded):
                continue
            if condition.field is not None and condition.value is not None:
                text = said[condition.field]
                if text is None or not condition.value(text):
                    continue
            captured = None if match is None else match.groupdict().get("family")
            given_role = given_role or rule.role
            renamed = rule.family if rule.when_family is not None or family is None else None
            given_family = given_family or renamed or (captured if family is None else None)
        return role or given_role or dataset.role or Role.UNDETERMINED, given_family or family or dataset.family


_SAYS_NOTHING: tuple[_Codes, Sequence[object]] = (np.empty(0, np.int64), ())


def _combined(keys: Sequence[tuple[_Codes, int]], count: int) -> tuple[_Codes, _Codes]:
    """The number of each row's combination of codes (from -1 to below the size beside them), and a row with each."""
    combined = np.zeros(count, np.int64)
    span = 1
    for codes, size in keys:
        if span * (size + 1) >= 2**63:
            # several columns of all different words: their product is past 64 bits, their combinations are not
            coded = pa.array(combined).dictionary_encode()
            combined, span = coded.indices.to_numpy().astype(np.int64), len(coded.dictionary)
        combined *= size + 1
        combined += codes
        combined += 1
        span *= size + 1
    distinct = pa.array(combined).dictionary_encode()
    index = distinct.indices.to_numpy()
    examples = np.empty(len(distinct.dictionary), np.int64)
    examples[index] = np.arange(count)
    return index, examples


def _glob(pattern: str) -> _Test:
    """A test of a case-folded text by a glob."""
    folded = pattern.casefold()
    return re.compile(translate(folded)).match if re.search(r"[*?\[]", folded) else folded.__eq__


def _field(observations: pa.RecordBatch, name: str) -> pa.DictionaryArray:
    """A field that rules look at: the format's, or the type that the value turned out to be."""
    if name != TYPE_FIELD:
        return observations[f"field:{name}"]
    words = pa.array([kind.value for kind in INDICATOR_TYPES])
    return pa.DictionaryArray.from_arrays(observations["type"].cast(pa.int32()), words)


def _coded(column: pa.DictionaryArray) -> tuple[_Codes, Sequence[object]]:
    """Codes (-1: null) and words of a dictionary column; no words where all of it is null."""
    indices = column.indices
    if indices.null_count == len(indices):
        return _SAYS_NOTHING
    codes = pc.fill_null(indices, -1) if indices.null_count else indices
    return codes.to_numpy(), column.dictionary.to_pylist()


def _coded_members(column: pa.Int32Array) -> tuple[_Codes, Sequence[object]]:
    """Members as codes and words; those of one batch follow each other closely."""
    if not len(column):
        return _SAYS_NOTHING
    members = column.to_numpy()
    least = int(members.min())
    return members - least, range(least, int(members.max()) + 1)
