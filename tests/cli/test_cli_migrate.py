"""`accord init` makes a workspace's database, and `accord migrate` brings one up, on both databases."""

from pathlib import Path


def test_a_new_workspace_has_its_database_and_migrating_it_again_changes_nothing(
    accord_here, tmp_path: Path, database_url: str
) -> None:
    hub = tmp_path / "hub"
    accord_here("init", hub, "--database", database_url)
    assert (hub / "accord.db").exists() == database_url.startswith("sqlite")
    assert "already" in accord_here("migrate", "--in", hub).stdout


def test_a_workspace_of_an_older_accord_gets_its_database(accord_here, tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    accord_here("init", hub)
    (hub / "accord.db").unlink()
    assert f"{hub / 'accord.db'}: made, revision" in accord_here("migrate", "--in", hub).stdout
    assert (hub / "accord.db").stat().st_mode & 0o777 == 0o600


def test_a_workspace_whose_server_is_away_is_made_and_gets_its_database_later(accord_here, tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    said = accord_here("init", hub, "--database", "postgresql://accord@127.0.0.1:1/accord", expect=5).stderr
    assert "127.0.0.1" in said
    assert "[database]" in said
    settings = hub / "workspace.toml"
    settings.write_text(
        settings.read_text("utf-8").replace("postgresql://accord@127.0.0.1:1/accord", "sqlite:///accord.db"), "utf-8"
    )
    assert "made, revision" in accord_here("migrate", "--in", hub).stdout
    assert "accord init" in accord_here("migrate", "--in", tmp_path, expect=4).stderr
