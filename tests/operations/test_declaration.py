"""Operation files: a good one is read as written, every mistake is named by its key with what was expected."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from accord.formats.catalogue import FORMATS
from accord.operations.declaration import demand_come, read_operation
from accord.vocabulary.errors import SettingsError, UnreadableError
from accord.vocabulary.markings import Marking
from accord.vocabulary.roles import Role

GOOD = """
root = "in"

[hub]
name = "Hub"
contact = "desk@hub.example"
namespace = "3b6f1d52-7c1e-4f0a-9d53-0a6f6f1f7c11"
key_file = "hub.key"

[operation]
name = "test"
title = "A test"
as_of = 2026-01-31T12:00:00+02:00
countries = ["ID", "TH"]
roles = ["c2-server"]
window = [2026-01-01, 2026-01-31]

[[partner]]
id = "vendor"
name = "Vendor"

[[partner]]
id = "csirt"
name = "CSIRT"
kind = "csirt"
country = "ID"

[[dataset]]
id = "scan"
title = "A scan"
partner = "vendor"
format = ["csv", "plain"]
paths = "*.csv"
collected_at = 2026-01-30
origin = "scan"
legal_basis = "public-task"
marking = "TLP:AMBER+STRICT"
grade = "b"
retention = "P1Y"
personal_data = true
share_with = ["csirt"]

[[dataset.csv]]
indicators = { ip = "ip" }

[[dataset.rule]]
path = "{family}.csv"

[[recipient]]
partner = "csirt"
country = "ID"
persons = ["A. Officer"]

[[report]]
name = "c2"
title = "C2 servers"
roles = ["c2-server"]
"""


def write(folder: Path, text: str) -> Path:
    (folder / "in").mkdir(exist_ok=True)
    file = folder / "operation.toml"
    file.write_text(text, "utf-8")
    return file


def test_a_good_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    operation = read_operation(write(tmp_path, GOOD), FORMATS)
    assert operation.scope.as_of == datetime(2026, 1, 31, 10, tzinfo=UTC)
    assert operation.scope.window_end == datetime(2026, 1, 31, tzinfo=UTC)
    assert operation.scope.roles == (Role.C2_SERVER,)
    (dataset,) = operation.datasets
    assert dataset.marking is Marking.AMBER_STRICT
    assert dataset.share_with == ("csirt",)
    assert dataset.rules[0].path_pattern is not None
    assert not dataset.name_partner, "a partner is named only where that is allowed"
    (recipient,) = operation.recipients_of(operation.scope.countries[0])
    assert recipient.persons == ("A. Officer",)
    assert operation.recipients_of(operation.scope.countries[1]) == ()


def test_what_is_let_out_is_said_for_a_moment_no_later_than_a_day_after_now(tmp_path: Path) -> None:
    operation = read_operation(write(tmp_path, GOOD), FORMATS)
    day_before = datetime(2026, 1, 30, 10, tzinfo=UTC)
    demand_come(operation, day_before)
    with pytest.raises(SettingsError) as caught:
        demand_come(operation, day_before - timedelta(seconds=1))
    assert caught.value.where == f"{tmp_path / 'operation.toml'}: operation.as_of"
    assert caught.value.expected == "a time no later than a day after now, 2026-01-30 09:59 UTC"
    assert caught.value.got == "2026-01-31 10:00 UTC"


def test_a_countrys_reports_are_in_every_language_that_a_recipient_reads(tmp_path: Path) -> None:
    operation = read_operation(write(tmp_path, GOOD), FORMATS)
    here, elsewhere = operation.scope.countries
    (recipient,) = operation.recipients
    assert (operation.languages, recipient.languages) == (("en",), ()), "the defaults"
    readers = [replace(recipient, languages=codes) for codes in (("fr", "ar"), (), ("ar", "de"))]
    written = replace(operation, languages=("en", "es"), recipients=tuple(readers))
    assert written.languages_of(here) == ("fr", "ar", "en", "es", "de")
    assert written.languages_of(elsewhere) == ("en", "es"), "a country without recipients takes the operation's"


OWNERS = """
[[partner]]
id = "isp"
name = "A provider"
kind = "network-owner"
country = "SG"
networks = ["AS64500", "192.0.2.0/24"]

[[recipient]]
partner = "isp"
"""


def test_a_network_owner_is_an_audience_by_itself_and_in_no_country_s(tmp_path: Path) -> None:
    operation = read_operation(write(tmp_path, GOOD + OWNERS), FORMATS)
    (owner,) = operation.owners
    assert (owner.partner.id, owner.country) == ("isp", "SG")
    assert owner.partner.networks == ("192.0.2.0/24", "AS64500")
    assert [one.partner.id for one in operation.recipients_of(operation.scope.countries[0])] == ["csirt"]
    assert operation.recipients_of(owner.country) == ()


@pytest.mark.parametrize(
    ("more", "where", "expected"),
    [
        ('[[recipient]]\npartner = "isp"\n', "recipient[3].partner", "not yet taken"),
        ('country = "SG"\n', "recipient[2].country", "a network owner gets what is in its networks"),
        (
            '[[partner]]\nid = "b"\nname = "B"\nkind = "network-owner"\ncountry = "SG"\nnetworks = ["192.0.0.0/16"]\n',
            "partner[3] (isp).networks",
            "networks outside of 192.0.0.0/16 of b",
        ),
    ],
)
def test_a_network_owner_is_named_once_and_has_no_country_s_reports(
    tmp_path: Path, more: str, where: str, expected: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        read_operation(write(tmp_path, GOOD + OWNERS + more), FORMATS)
    assert str(caught.value.where).endswith(f": {where}")
    assert expected in str(caught.value.expected)


MISTAKES = [
    ('kind = "csirt"', 'kind = "concerned"', "recipient[1].partner", "the persons concerned learns of their own"),
    ('root = "in"', 'root = "out"', "root", "a folder"),
    ('key_file = "hub.key"', "", "hub.key_file", "a text"),
    ('contact = "desk@hub.example"', 'contact = "not-a-mail"', "hub.contact", "a mail address"),
    ('namespace = "3b6f1d52-7c1e-4f0a-9d53-0a6f6f1f7c11"', 'namespace = "mine"', "hub.namespace", "a UUID"),
    ("as_of = 2026-01-31T12:00:00+02:00", "as_of = 2026-01-31T12:00:00", "operation.as_of", "a time with its zone"),
    ('countries = ["ID", "TH"]', 'countries = ["ID", "UK"]', "operation.countries", "ISO 3166-1"),
    ('countries = ["ID", "TH"]', 'countries = ["ID", "ID"]', "operation.countries", "each country once"),
    ('roles = ["c2-server"]\nwindow', 'roles = ["c2_server"]\nwindow', "operation.roles", "did you mean 'c2-server'?"),
    ("[2026-01-01, 2026-01-31]", "[2026-02-01, 2026-01-31]", "operation.window", "not after the end"),
    ('partner = "vendor"\nformat', 'partner = "vendr"\nformat', "dataset[1] (scan).partner", "did you mean 'vendor'?"),
    ('["csv", "plain"]', '["csv", "excel"]', "dataset[1] (scan).format", "id of a declared format"),
    ('origin = "scan"', 'origin = "guess"', "dataset[1] (scan).origin", "sinkhole"),
    ('marking = "TLP:AMBER+STRICT"', 'marking = "secret"', "dataset[1] (scan).marking", "amber+strict"),
    ('retention = "P1Y"', 'retention = "1 year"', "dataset[1] (scan).retention", "ISO 8601"),
    ("personal_data = true", "personal_data = 1", "dataset[1] (scan).personal_data", "true or false"),
    (
        "personal_data = true",
        "personal_data = true\nmarkings = 1",
        "dataset[1] (scan).markings",
        "'marking'?",
    ),
    ('share_with = ["csirt"]', 'share_with = ["police"]', "dataset[1] (scan).share_with", "declared partner"),
    ('{ ip = "ip" }', '{ ip = "adress" }', "dataset[1] (scan).csv[1].indicators.ip", "one of"),
    ('path = "{family}.csv"', 'role = "spam"', "dataset[1] (scan).rule[1].path", "at least one condition"),
    ('path = "{family}.csv"', 'field = "x"\nrole = "spam"', "dataset[1] (scan).rule[1].field", "together"),
    ('path = "{family}.csv"', 'path = "a.csv"', "dataset[1] (scan).rule[1].role", "what the rule gives"),
    ('partner = "csirt"\ncountry = "ID"', 'partner = "csirt"\ncountry = "id"', "recipient[1].country", "in capitals"),
    (
        'title = "A test"',
        'title = "A test"\nlanguages = "tlh"',
        "operation.languages",
        "languages that Accord speaks: en",
    ),
    (
        'persons = ["A. Officer"]',
        'languages = ["en", "en-GB"]',
        "recipient[1].languages",
        "languages that Accord speaks: en",
    ),
    ('id = "csirt"', 'id = "vendor"', "partner[2] (vendor).id", "not yet taken"),
    ('id = "scan"', 'id = "A scan"', "dataset[1] (A scan).id", "a-z"),
]


@pytest.mark.parametrize(("old", "new", "key", "expected"), MISTAKES)
def test_a_mistake_is_named_by_its_key(tmp_path: Path, old: str, new: str, key: str, expected: str) -> None:
    assert GOOD.count(old) == 1, "the case must change one place"
    with pytest.raises(SettingsError) as caught:
        read_operation(write(tmp_path, GOOD.replace(old, new)), FORMATS)
    message = str(caught.value)
    assert f"operation.toml: {key}" in message.replace("operation.toml, ", "operation.toml: ")
    assert expected in message


def test_what_is_no_toml_is_named_by_its_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="line 5"):
        read_operation(write(tmp_path, GOOD.replace('name = "Hub"', "name = Hub")), FORMATS)


def test_a_missing_file_is_unreadable_and_not_a_crash(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=r"none\.toml"):
        read_operation(tmp_path / "none.toml", FORMATS)
