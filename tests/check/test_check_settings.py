"""The service's settings: what they say, and how a mistake in them is told."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from accord.check.settings import Contact, read_check_settings
from accord.vocabulary.errors import SettingsError
from tests.check.check_served import HOST, settings_of


def test_everything_that_is_set_is_read(tmp_path: Path) -> None:
    settings = read_check_settings(settings_of(tmp_path, limits="address_a_minute = 7", alarm="hit_percent = 9"))
    assert (settings.hub, settings.contact) == ("Hub of tests", "check@hub.example")
    assert (settings.data, settings.pepper_file) == (tmp_path / "data", tmp_path / "check.pepper")
    assert settings.proxies == (ip_network("127.0.0.1"), ip_network("10.9.0.0/16"))
    assert settings.hosts.all == (HOST, f"v4.{HOST}", f"v6.{HOST}")
    assert (settings.bounds.address_a_minute, settings.bounds.network_a_minute) == (7, 30_000)
    assert (settings.alarm.hit_percent, settings.alarm.answers) == (9, 200)
    assert settings.contacts == (
        Contact(
            country="ID",
            name="CSIRT of tests",
            url="https://csirt.example/report?a=1&b=2",
            mail="report@csirt.example",
            phone="+62 21 000 000",
        ),
    )


MISTAKES = {
    ('"127.0.0.1", "10.9.0.0/16"', '"127.0.0.1", "0.0.0.0/0"'): "your own proxies",
    ('"127.0.0.1", "10.9.0.0/16"', '"proxy.example"'): "addresses of proxies",
    (f'"v4.{HOST}"', f'"https://v4.{HOST}"'): "without https://",
    (f'"v6.{HOST}"', f'"v4.{HOST}"'): "another name than that for IPv4",
    ('country = "ID"', 'country = "Indonesia"'): "ISO 3166-1",
    ('"https://csirt.example/report?a=1&b=2"', '"javascript:alert(1)"'): "begins with https://",
    ('"+62 21 000 000"', '"call us"'): "a telephone number",
    ('"report@csirt.example"', '"nobody"'): "a mail address",
    ("answers = 1000000", "answer = 5"): "did you mean",
    ("address_a_minute = 1000000", "address_a_minute = 0"): "from 1 to",
    ('contact = "check@hub.example"', ""): "check.contact",
}


@pytest.mark.parametrize(("mistake", "words"), MISTAKES.items(), ids=MISTAKES.values())
def test_a_mistake_is_named_by_its_place_and_what_was_expected(tmp_path: Path, mistake, words) -> None:
    path = settings_of(tmp_path)
    text = path.read_text()
    assert mistake[0] in text
    path.write_text(text.replace(*mistake))
    with pytest.raises(SettingsError) as caught:
        read_check_settings(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
