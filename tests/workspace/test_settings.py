"""Settings and keys that an operator got wrong, or that somebody laid there to make a run hang."""

import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from accord.vocabulary.errors import SettingsError, UnreadableError
from accord.workspace.keys import hub_key
from accord.workspace.settings import SettingsTable, read_settings


def settings(folder: Path, text: str) -> Path:
    path = folder / "operation.toml"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("x = " + "[" * 100_000 + "]" * 100_000, "values that are nested a hundred thousand deep"),
        ("x = " + "9" * 6_000, "a number of six thousand digits"),
        ("x = 1\nx = 2", "a key that stands twice"),
    ],
)
def test_what_no_reader_could_take_is_an_error_of_the_file(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(SettingsError, match="not valid TOML") as caught:
        read_settings(settings(tmp_path, text))
    assert str(tmp_path / "operation.toml") in str(caught.value), what


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('markin = "green"', "'markin' stands there: was 'marking' meant?"),
        ('colour = "green"', "The setting marking is missing."),
        ("marking = 5", "The setting marking is wrong."),
    ],
    ids=["a letter short", "another key", "there and wrong"],
)
def test_a_key_that_is_missing_is_told_from_one_that_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(settings(tmp_path, text)).text("marking")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "time",
    [
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:00",
        "0001-01-01",
        "9999-12-31T23:59:59Z",
        "1969-12-31T23:59:59Z",
        "2101-01-01T00:00:00Z",
        "2026-08-24T00:00:01",
        "12:00:00",
    ],
)
def test_a_time_that_no_sighting_could_have_is_refused(tmp_path: Path, time: str) -> None:
    for written in (time, f'"{time}"'):
        with pytest.raises(SettingsError, match="as_of"):
            read_settings(settings(tmp_path, f"as_of = {written}")).instant("as_of")
        with pytest.raises(SettingsError, match="window"):
            read_settings(settings(tmp_path, f"window = [2026-01-01, {written}]")).window("window")


@pytest.mark.parametrize(
    ("time", "instant"),
    [
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2100-12-31T23:59:59.999999Z", datetime(2100, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ("1969-12-31T20:00:00-04:00", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2026-11-23", datetime(2026, 11, 23, tzinfo=UTC)),
    ],
)
def test_the_first_and_the_last_instant_are_taken(tmp_path: Path, time: str, instant: datetime) -> None:
    for written in (time, f'"{time}"'):
        assert read_settings(settings(tmp_path, f"as_of = {written}")).instant("as_of") == instant


@pytest.mark.parametrize("read", [read_settings, hub_key])
def test_a_pipe_a_device_and_a_folder_are_no_file_and_nobody_waits_for_them(
    tmp_path: Path, read: Callable[[Path], object]
) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "device", "folder"):
        with pytest.raises(UnreadableError, match="no regular file"):
            read(tmp_path / name)


@pytest.mark.parametrize(
    "written",
    ["1969-12-31", "2101-01-01", "2026-02-30", "2026-11-23T00:00:00Z", "23.11.2026", "7", "true", "[]", "12:00:00"],
)
def test_a_day_that_is_none_is_refused(tmp_path: Path, written: str) -> None:
    for value in (f'"{written}"', *([written] if written[-1] in "Z0123456789e]" and "." not in written else [])):
        if value == "2026-02-30":
            continue  # no TOML either
        with pytest.raises(SettingsError, match="signed"):
            read_settings(settings(tmp_path, f"signed = {value}")).day("signed")


def test_a_day_is_read_as_toml_writes_it_and_as_text(tmp_path: Path) -> None:
    for value in ("2026-11-23", '"2026-11-23"'):
        table = read_settings(settings(tmp_path, f"signed = {value}"))
        assert (table.day("signed"), table.optional_day("to")) == (date(2026, 11, 23), None)


@pytest.mark.parametrize(
    "value",
    [
        "0",
        "-1",
        "0.001",
        "nan",
        "inf",
        "1000000000.01",
        "1e300",
        "true",
        '"x"',
        '""',
        '"1_0x"',
        "[]",
        '"NaN"',
        '"1e999999999"',
    ],
)
def test_an_amount_that_is_none_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsError, match="two decimals"):
        read_settings(settings(tmp_path, f"amount = {value}")).amount("amount")


@pytest.mark.parametrize(
    ("value", "amount"),
    [("60", "60"), ("58.5", "58.5"), ('"0.10"', "0.1"), ("1000000000", "1000000000"), ("0.29", "0.29")],
)
def test_an_amount_is_read_exactly(tmp_path: Path, value: str, amount: str) -> None:
    assert read_settings(settings(tmp_path, f"amount = {value}")).amount("amount") == Decimal(amount)
    assert read_settings(settings(tmp_path, "amount = -0.5")).amount("amount", negative=True) == Decimal("-0.5")


def test_an_argument_that_is_no_text_is_refused_before_a_database_sees_it() -> None:
    table = SettingsTable(file=Path("words"), path="", content={"name": b"\xff".decode("utf-8", "surrogateescape")})
    with pytest.raises(SettingsError, match="UTF-8"):
        table.text("name")


@pytest.mark.parametrize(
    ("read", "most"),
    [
        (lambda table: table.text("words"), 2000),
        (lambda table: table.optional_text("words"), 2000),
        (lambda table: table.texts("words"), 2000),
        (lambda table: table.title("words"), 200),
    ],
    ids=["text", "optional text", "texts", "title"],
)
def test_a_text_has_an_end_and_a_name_or_title_a_nearer_one(
    tmp_path: Path, read: Callable[[SettingsTable], object], most: int
) -> None:
    # characters are counted, not bytes
    letter = "\u0e01"

    def asked(length: int) -> object:
        return read(read_settings(settings(tmp_path, f'words = "{letter * length}"')))

    assert asked(most) in {letter * most, (letter * most,)}
    with pytest.raises(SettingsError) as caught:
        asked(most + 1)
    assert f"characters\n  got: {most + 1}\n  to do: say it shorter" in str(caught.value)
    assert f"at most {most:,} characters" in str(caught.value)
