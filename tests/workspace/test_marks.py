"""What a database was before its last command is an older copy too."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from accord.vocabulary.errors import UnprovenError
from accord.workspace import marks
from accord.workspace.database import migrate_database, open_database, place_of
from tests.copying import copied_database


def test_a_copy_from_before_the_last_command_is_refused(tmp_path: Path, database_url: str) -> None:
    settings = tmp_path / "workspace.toml"
    settings.write_text(
        '[hub]\nname = "Hub"\ncontact = "d@hub.example"\nnamespace = "0d6f9c2e-5f0b-4b57-9b1c-6c1f0a4c7e11"\n'
        f'key_file = "hub.key"\n[database]\nurl = "{database_url}"\n'
    )
    place = place_of(settings)
    migrate_database(place, now=datetime.now(UTC))
    with open_database(place) as database:
        restore = copied_database(database, tmp_path / "copy")
        # one command alone, of which the ledger tells nothing: a token is revoked, or a member leaves a channel
        database.take_turn()
        with database.writing():
            pass
        assert len(marks.known(tmp_path)) == 1
    restore()
    refused = pytest.raises(UnprovenError, match="do not belong together")
    with open_database(place) as database, refused, database.writing():
        pass
