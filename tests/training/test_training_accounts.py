"""The truth's accounts against the formats themselves: the simulator and the readers are written apart."""

import gzip
import importlib
import io
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from accord.columns.mapping import Columns
from accord.columns.reading import Chunk, Context, Document, Parsed, Part
from accord.operations.declaration import Operation, read_operation
from accord.reference.store import load
from accord.training.sheets import DeliveryTruth, read_truth
from accord.training.simulate import simulate
from accord.vocabulary.errors import RefusedFileError

MODULES = {"passive-dns": "passive_dns"}
FORMATS = ("zeek", "stix", "misp", "maltrail", "csv", "shadowserver", "freetext", "passive-dns")


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("accounts") / "telling"
    simulate("asean-2017", out, 11, 0.05, load(None), lambda _what, _done, _total: None)
    return out


@pytest.fixture(scope="module")
def operation(telling: Path) -> Operation:
    return read_operation(telling / "operation.toml", dict.fromkeys(FORMATS))


def members(path: Path) -> list[tuple[str, bytes]]:
    data = path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return [(f"{path.name}!/{name}", archive.read(name)) for name in archive.namelist()]
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if data[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return [(f"{path.name}!/{one.name}", tar.extractfile(one).read()) for one in tar if one.isfile()]
    return [(path.name, data.removeprefix(b"\xef\xbb\xbf"))]


def parse(name: str, path: str, data: bytes, columns: tuple[Columns, ...], fields: tuple[str, ...]) -> Parsed:
    module = importlib.import_module(f"accord.formats.{MODULES.get(name, name)}")
    rules = load(None).suffixes
    context = Context(
        is_public_suffix=rules.is_public_suffix,
        has_known_suffix=rules.has_known_suffix,
        columns=columns,
        rule_fields=fields,
    )
    assert module.recognises(data[:65_536], path)
    if module.GRAIN == "document":
        return module.parse(Document(member=0, path=path, data=data), context)
    layout = module.layout(data[:65_536], path, context)
    part = Part(member=0, path=path, start=0, end=len(data), first_line=1, layout=layout)
    return module.parse(Chunk(data=np.frombuffer(data, np.uint8), parts=(part,)), context)


def deliveries(truth: tuple[DeliveryTruth, ...], dataset: str) -> list[DeliveryTruth]:
    return [one for one in truth if one.dataset == dataset]


@pytest.mark.parametrize("name", FORMATS)
def test_every_delivery_is_read_as_the_truth_says(telling: Path, operation: Operation, name: str) -> None:
    truth = read_truth(telling / "truth.json")
    as_of = operation.scope.as_of
    checked = 0
    for dataset in operation.datasets:
        if dataset.formats != (name,):
            continue
        for expected in deliveries(truth.deliveries, dataset.id):
            path = telling / "deliveries" / expected.file
            if expected.refused:
                with pytest.raises(RefusedFileError):
                    parse(name, path.name, path.read_bytes(), dataset.columns, dataset.rule_fields)
                checked += 1
                continue
            records, ignored, rejected = 0, Counter(), Counter()
            for member, data in members(path):
                parsed = parse(name, member, data, dataset.columns, dataset.rule_fields)
                records += parsed.records
                ignored.update(parsed.ignored)
                rejected.update(
                    reason
                    for reason, partial in zip(
                        parsed.rejects["reason"].to_pylist(), parsed.rejects["partial"].to_pylist(), strict=True
                    )
                    if not partial
                )
                seen: dict[int, list[bool]] = {}
                for record, at in zip(
                    parsed.observations["record"].to_pylist(), parsed.observations["seen_at"].to_pylist(), strict=True
                ):
                    seen.setdefault(record, []).append(at is not None and at > as_of)
                late = sum(all(one) for one in seen.values())
                if late:
                    ignored["after-as-of"] += late
            assert (dict(sorted(ignored.items())), dict(sorted(rejected.items())), records) == (
                expected.ignored_by_reason,
                expected.rejected_by_reason,
                expected.records,
            ), expected.file
            checked += 1
    assert checked
