"""The real bundles of one publisher, where they lie beside the checkout: counts made independently, and the oracle."""

import json
import re
import zipfile
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from stix2patterns.validator import validate

from accord.columns.reading import Context, Document, Parsed
from accord.formats import stix
from accord.formats.stix.pattern import PatternError, parse_pattern
from accord.vocabulary.errors import RefusedFileError
from accord.vocabulary.indicators import TYPE_CODES, IndicatorType

DELIVERY = Path(__file__).parents[2] / "../shared/feeds/talos/talos-2022-2025.zip"

pytestmark = pytest.mark.skipif(not DELIVERY.exists(), reason="no publishers' deliveries lie beside this checkout")


@cache
def members() -> dict[str, bytes]:
    with zipfile.ZipFile(DELIVERY) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


@cache
def bundles() -> dict[str, dict[str, object]]:
    """What the standard library makes of the members that say they are bundles."""
    roots = {name: json.loads(data) for name, data in members().items()}
    return {name: root for name, root in roots.items() if root.get("type") == "bundle"}


@cache
def parsed() -> dict[str, Parsed]:
    context = Context(is_public_suffix=lambda name: "." not in name, has_known_suffix=bool, rule_fields=("report",))
    return {name: stix.parse(Document(member=0, path=name, data=members()[name]), context) for name in bundles()}


def test_each_bundle_has_as_many_records_as_objects_and_all_are_accounted_for() -> None:
    assert len(parsed()) > 100
    for name, one in parsed().items():
        accepted = {row["record"] for row in one.observations.select(["record"]).to_pylist()}
        accepted |= {row["record"] for row in one.resolutions.select(["record"]).to_pylist()}
        rejected = [row["record"] for row in one.rejects.to_pylist() if not row["partial"]]
        assert one.records == len(bundles()[name]["objects"])  # type: ignore[arg-type]
        assert one.records == len(accepted) + len(rejected) + sum(one.ignored.values())


def test_what_is_no_bundle_is_refused_and_stix_1_by_its_name() -> None:
    context = Context(is_public_suffix=lambda name: "." not in name, has_known_suffix=bool)
    others = {name: data for name, data in members().items() if name not in bundles()}
    refusals = Counter()
    for name, data in others.items():
        with pytest.raises(RefusedFileError) as caught:
            stix.parse(Document(member=0, path=name, data=data), context)
        stix_1 = b'"stix_header"' in data
        assert stix.recognises(data[:65_536], name) is stix_1
        assert caught.value.what.startswith("STIX 1 is not read") is stix_1
        refusals[stix_1] += 1
    assert refusals[True] >= 5


def test_every_single_hash_or_address_in_a_pattern_is_an_observation() -> None:
    """Simple patterns are counted with a regular expression, which real parsing must agree with."""
    for name, root in bundles().items():
        expected: Counter[tuple[int, str]] = Counter()
        for one in root["objects"]:  # type: ignore[attr-defined]
            pattern = one.get("pattern", "")
            if found := re.fullmatch(r"\[file:hashes\.SHA256 = '([0-9a-f]{64})'\]", pattern):
                expected[TYPE_CODES[IndicatorType.SHA256], found[1]] += 1
            elif found := re.fullmatch(r"\[domain-name:value = '([a-z0-9.-]+\.[a-z]+)'\]", pattern):
                expected[TYPE_CODES[IndicatorType.DOMAIN], found[1]] += 1
        rows = parsed()[name].observations.select(["type", "value"]).to_pylist()
        seen = Counter((row["type"], row["value"]) for row in rows)
        assert {key: seen[key] for key in expected} == dict(expected)


def test_the_patterns_are_accepted_exactly_when_the_oracle_accepts_them() -> None:
    """One of each shape: the literals differ, the grammar does not."""
    shapes = {
        re.sub(r"'[^']*'", "'x'", one["pattern"]): one["pattern"]
        for root in bundles().values()
        for one in root["objects"]  # type: ignore[attr-defined]
        if "pattern" in one
    }
    for shape, pattern in shapes.items():
        # the oracle also checks hash lengths, which are no grammar: the neutral literal is asked about
        neutral = shape if "hashes" not in shape else re.sub(r"hashes\.\w+", "name", shape)
        accepted = True
        try:
            parse_pattern(pattern)
        except PatternError:
            accepted = False
        assert accepted is validate(neutral, "2.1"), pattern


def test_times_are_the_objects_own() -> None:
    for one in parsed().values():
        assert one.observations.column("seen_at").null_count == 0
