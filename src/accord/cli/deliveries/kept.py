"""What a workspace keeps, looked at before it is used: a file that is gone must not pass for one that says nothing."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from accord.agreements.agreement import AgreementId
from accord.agreements.declarations import DatasetId
from accord.release.question import TakenIn
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.errors import UnreadableError
from accord.workspace.store import DeliveryFolder

ADDRESSES = "evidence-addresses.parquet"
"""Evidence about addresses that are no servers, sorted by address."""

OTHERS = "evidence-others.parquet"
"""All other evidence."""

DELIVERED = "delivered"
"""The bytes as they came, so that anybody can hold them against their SHA-256."""

AGAIN = "move the delivery's folder away, and take what the partner handed over again: `accord delivery add`"


def sizes(folder: Path) -> dict[str, int]:
    """The bytes of each file of a folder, by name."""
    return {path.name: path.stat().st_size for path in sorted(folder.iterdir())}


def verify_kept(folder: Path, kept: Mapping[str, int], remedy: str) -> None:
    """Raise UnreadableError unless the folder has these files, each of its size."""
    for name, size in kept.items():
        path = folder / name
        try:
            found = path.stat().st_size
        except OSError as error:
            raise UnreadableError(
                "A file of the workspace is missing.", where=str(path), got=error.strerror, remedy=remedy
            ) from error
        if found != size:
            raise UnreadableError(
                "A file of the workspace is not as it was written.",
                where=str(path),
                expected=f"{size:,} bytes",
                got=f"{found:,} bytes",
                remedy=remedy,
            )


@contextmanager
def damage_named(where: Path, remedy: str) -> Iterator[None]:
    """What the readers of Parquet raise for a damaged file, as ours."""
    try:
        yield
    except (duckdb.InvalidInputException, duckdb.IOException, pa.ArrowInvalid, OSError) as error:
        if getattr(error, "errno", None) is not None:
            raise  # the system's, not Arrow's own: a full disk
        raise UnreadableError(
            "A file of the workspace is damaged.",
            where=str(where),
            got=str(error).splitlines()[0],
            remedy=remedy,
        ) from error


def read_account(folder: DeliveryFolder) -> dict[str, object]:
    """The account that was written when a delivery was taken. Raises UnreadableError when it cannot be read."""
    path = folder.path / "account.json"
    try:
        account = json.loads(path.read_text("utf-8"))
        datetime.fromisoformat(account["received_at"])
        # an erasure may have left no file
        if isinstance(account["kept"], dict) and {"dataset", "sha256", "file"} <= account.keys():
            return dict(account)
        got = "something else"
    except OSError as error:
        got = error.strerror or "nothing that can be read"
    except (ValueError, KeyError, TypeError, AttributeError):
        got = "something else, or a part of one"
    raise UnreadableError("A delivery's account cannot be read.", where=str(path), got=got, remedy=AGAIN)


def taken_in(folder: DeliveryFolder, account: Mapping[str, object]) -> TakenIn:
    """When a delivery was received, and under which agreements, as its account says."""
    listed, stated = account.get("agreements"), account.get("purpose")
    purposes = account.get("purposes", None if stated is None else [stated])
    return TakenIn(
        dataset=DatasetId(folder.dataset),
        at=datetime.fromisoformat(str(account["received_at"])),
        under=tuple(AgreementId(str(one)) for one in listed) if isinstance(listed, list) else None,
        purposes=frozenset(map(Purpose, purposes)) if isinstance(purposes, list) else None,
    )


def names_of(folder: DeliveryFolder) -> tuple[str, ...]:
    """What disclosures call a delivery: its SHA-256, and those of what was left of it after each erasure."""
    erased = read_account(folder).get("erased")
    left = [each["new_sha256"] for each in erased if each["new_sha256"]] if isinstance(erased, list) else []
    return tuple(dict.fromkeys((folder.sha256, *left)))


def verify_delivery(folder: DeliveryFolder) -> None:
    """Raise UnreadableError unless all files of a delivery are there, as large as they were."""
    verify_kept(folder.path, read_account(folder)["kept"], AGAIN)  # type: ignore[arg-type]
