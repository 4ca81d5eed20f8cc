"""What was recalled is not taken in again."""

from pathlib import Path

from accord.agreements.declarations import DatasetId
from accord.vocabulary.errors import RefusedFileError
from accord.workspace.store import Workspace


def refuse_recalled(workspace: Workspace, dataset: DatasetId, sha256: str, file: Path) -> None:
    """Raise RefusedFileError when these bytes were recalled for this data set, naming the recall."""
    if not workspace.withdrawn_place(dataset, sha256).exists():
        return
    # whoever takes in what was never recalled does not wait for the database's library
    from accord.release.recall import recall_of
    from accord.workspace.database import open_database, place_of

    with open_database(place_of(workspace.settings)) as database, database.reading() as connection:
        recall = recall_of(connection, dataset, sha256)
    raise RefusedFileError(
        "these bytes were recalled for this data set",
        where=str(file),
        expected="what was not recalled",
        got=None if recall is None else f"recall {recall.id} of {recall.at:%Y-%m-%d}, {recall.kind}: {recall.reason}",
        remedy="ask the partner for what it has put right, as a new delivery",
    )
