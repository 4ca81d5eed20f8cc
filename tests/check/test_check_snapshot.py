"""Check data against an obvious twin, and against whoever damages, moves or swaps it."""

import hashlib
import hmac
import json
import os
import stat
from datetime import date, timedelta
from ipaddress import IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.check.layout import RECORD_BYTES, Family
from accord.check.networks import NetworkKind
from accord.check.pepper import check_pepper
from accord.check.snapshot import CheckData, Network, Sighting, current
from accord.check.writing import destroy_others, show_version
from accord.vocabulary.errors import CorruptError, SettingsError, UnreadableError
from tests.check.check_data import DAY, FAMILIES, MADE_AT, PEPPER, publish, spelled

OTHER = bytes(range(1, 33))


def packed(value):
    return ip_address(value).packed


def place(folder):
    return folder / "versions" / current(folder)


few_v6 = st.builds(
    lambda block, host: str(IPv6Address(block << 64 | host)), st.integers(0, 5), st.integers(0, 3)
) | st.builds(lambda low: f"::ffff:192.0.2.{low}", st.integers(0, 8))
addresses = st.builds(lambda low: f"192.0.2.{low}", st.integers(0, 8)) | few_v6 | st.ip_addresses().map(str)
known = st.dictionaries(
    addresses,
    st.tuples(
        st.sets(st.integers(0, 2), min_size=1).map(lambda one: tuple(sorted(one))),
        st.integers(0, 31).map(lambda age: DAY - timedelta(days=age)),
    ),
    max_size=60,
)


@given(told=known, asked=st.lists(addresses, max_size=30))
def test_an_address_is_seen_exactly_when_it_or_its_64_was_published(tmp_path_factory, told, asked):
    """The twin: a dictionary by what stands for the visitor, an IPv4 address or a /64."""
    twin = {}
    for value, said in told.items():
        twin.setdefault(spelled(value), (value, said))
    folder = tmp_path_factory.mktemp("check")
    publish(folder, dict(twin.values()))
    data = CheckData.open(folder, PEPPER)
    for value in (*told, *asked):
        said = twin.get(spelled(value))
        assert data.seen(packed(value)) == (None if said is None else Sighting(*said[1]))
    data.close()


@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 9, 1000, 5000])
def test_every_one_of_many_addresses_is_found_and_its_neighbours_are_not(tmp_path, count):
    told = {str(ip_address((10 << 24) + 2 * at)): ((at % 3,), DAY - timedelta(days=at % 32)) for at in range(count)}
    publish(tmp_path, told)
    data = CheckData.open(tmp_path, PEPPER)
    assert [data.seen(packed(value)) for value in told] == [Sighting(*said) for said in told.values()]
    assert all(data.seen(packed(str(ip_address((10 << 24) + 2 * at + 1)))) is None for at in range(count + 5))
    data.close()


def test_a_mailbox_and_an_address_do_not_meet(tmp_path):
    publish(tmp_path, {"192.0.2.1": ((1,), DAY)}, mailboxes={"a@example.org": ((2,), date(2026, 11, 1))})
    data = CheckData.open(tmp_path, PEPPER)
    assert data.seen_mailbox(b"a@example.org") == Sighting((2,), date(2026, 11, 1))
    assert data.seen_mailbox(b"b@example.org") is None
    assert data.seen_mailbox(packed("192.0.2.1")) is None
    data.close()


def test_a_record_is_what_the_page_on_check_data_says(tmp_path):
    publish(tmp_path, {"192.0.2.1": ((1, 2), date(2026, 11, 25))})
    digest = hmac.new(PEPPER, b"\x04\xc0\x00\x02\x01", hashlib.sha256).digest()
    record = (place(tmp_path) / "addresses.records").read_bytes()[:RECORD_BYTES]
    assert record[:16] == digest[:16]
    assert bytes(a ^ b for a, b in zip(record[16:], digest[16:20], strict=True)) == bytes([3, 0, 0, 0])
    manifest = json.loads((place(tmp_path) / "manifest.json").read_bytes())
    assert manifest["sets"] == [[1, 2]]
    assert manifest["families"] == [
        {"name": "", "platforms": []},
        {"name": "Mirai", "platforms": ["elf"]},
        {"name": "Simda", "platforms": ["win"]},
    ]


def test_nothing_of_an_address_stands_in_any_file(tmp_path):
    publish(tmp_path, {"198.51.100.77": ((1,), DAY)}, mailboxes={"anna@example.org": ((1,), DAY)})
    for path in place(tmp_path).iterdir():
        content = path.read_bytes()
        assert packed("198.51.100.77") not in content
        assert b"198.51.100.77" not in content
        assert b"anna" not in content
        assert PEPPER not in content


def test_equal_sightings_look_different_without_the_pepper(tmp_path):
    told = {f"192.0.2.{low}": ((1,), DAY) for low in range(64)}
    publish(tmp_path, told)
    records = (place(tmp_path) / "addresses.records").read_bytes()
    assert len({records[at * 20 + 16 : at * 20 + 20] for at in range(64)}) > 60


def test_what_the_version_is_and_when_it_was_made_is_told(tmp_path):
    name = publish(tmp_path, {})
    data = CheckData.open(tmp_path, PEPPER)
    assert (data.version, data.made_at, data.day, data.families) == (name, MADE_AT, DAY, FAMILIES)
    assert current(tmp_path) == name
    data.close()


def test_an_address_of_another_length_is_refused(tmp_path):
    publish(tmp_path, {})
    data = CheckData.open(tmp_path, PEPPER)
    for wrong in (b"", b"123", b"12345", bytes(17)):
        with pytest.raises(ValueError, match="4 or 16 bytes"):
            data.seen(wrong)
        with pytest.raises(ValueError, match="4 or 16 bytes"):
            data.network(wrong)
    data.close()


def test_the_network_of_an_address_is_that_of_the_range_which_holds_it(tmp_path):
    vpn, plain = NetworkKind.VPN, NetworkKind.ORDINARY
    publish(
        tmp_path,
        {},
        ranges={
            "192.0.2.0": (64500, vpn),
            "192.0.3.0": (None, plain),
            "255.255.255.255": (4294967295, NetworkKind.SHARED),
            "2001:db8::": (64501, NetworkKind.CARRIER_NAT),
            "2001:db8:0:1::": (None, NetworkKind.HOSTING),
        },
    )
    data = CheckData.open(tmp_path, PEPPER)
    for value, asn, kind in (
        ("0.0.0.1", None, plain),
        ("192.0.1.255", None, plain),
        ("192.0.2.0", 64500, vpn),
        ("::ffff:192.0.2.255", 64500, vpn),
        ("192.0.3.0", None, plain),
        ("255.255.255.255", 4294967295, NetworkKind.SHARED),
        ("::", None, plain),
        ("2001:db8::ffff", 64501, NetworkKind.CARRIER_NAT),
        ("2001:db8:0:1::1", None, NetworkKind.HOSTING),
        ("ffff::", None, NetworkKind.HOSTING),
    ):
        assert data.network(packed(value)) == Network(asn=asn, kind=kind)
    data.close()


def test_another_pepper_is_told_apart_from_damage(tmp_path):
    publish(tmp_path, {"192.0.2.1": ((1,), DAY)})
    with pytest.raises(SettingsError, match="another pepper"):
        CheckData.open(tmp_path, OTHER)


FILES = ("addresses.records", "addresses.starts", "mailboxes.records", "mailboxes.starts", "networks4", "networks6")


@pytest.mark.parametrize("file", [*FILES, "manifest.json", "seal"])
@pytest.mark.parametrize("harm", ["flipped", "cut", "longer", "empty"])
def test_a_damaged_file_is_refused(tmp_path, file, harm):
    publish(tmp_path, {f"192.0.2.{low}": ((1,), DAY) for low in range(9)})
    path = place(tmp_path) / file
    content = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(
        {
            "flipped": content[:-2] + bytes([content[-2] ^ 1]) + content[-1:],
            "cut": content[:-1],
            "longer": content + b"\0",
            "empty": b"",
        }[harm]
    )
    with pytest.raises(CorruptError) as caught:
        CheckData.open(tmp_path, PEPPER)
    assert str(tmp_path) in str(caught.value)


def test_whoever_writes_files_and_manifest_without_the_pepper_is_refused(tmp_path):
    """A forged version: hashes that fit, and a seal made with a key of the forger's own."""
    publish(tmp_path, {"192.0.2.1": ((1,), DAY)})
    folder = place(tmp_path)
    path = folder / "networks4"
    path.chmod(0o600)
    path.write_bytes(bytes(9))
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"]["networks4"] = {"bytes": 9, "sha256": hashlib.sha256(bytes(9)).hexdigest()}
    (folder / "manifest.json").chmod(0o600)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CorruptError, match="seal"):
        CheckData.open(tmp_path, PEPPER)


def test_a_version_under_another_name_is_refused(tmp_path):
    """An old version, put back under the new one's name, would tell people that they are clean."""
    name = publish(tmp_path, {})
    folder = tmp_path / "versions"
    (folder / name).rename(folder / "20270101T000000Z-00000000")
    show_version(tmp_path, "20270101T000000Z-00000000")
    with pytest.raises(CorruptError):
        CheckData.open(tmp_path, PEPPER)


@pytest.mark.parametrize("file", [*FILES, "manifest.json", "seal"])
def test_a_missing_file_is_refused_and_named(tmp_path, file):
    publish(tmp_path, {})
    (place(tmp_path) / file).unlink()
    with pytest.raises(CorruptError, match="missing"):
        CheckData.open(tmp_path, PEPPER)


@pytest.mark.parametrize("file", [*FILES, "manifest.json", "seal"])
def test_a_link_or_a_pipe_instead_of_a_file_is_refused(tmp_path, file):
    publish(tmp_path, {})
    path = place(tmp_path) / file
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnreadableError):
        CheckData.open(tmp_path, PEPPER)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(CorruptError):
        CheckData.open(tmp_path, PEPPER)


@pytest.mark.parametrize("mode", [0o460, 0o442])
def test_a_file_that_others_may_write_is_refused(tmp_path, mode):
    publish(tmp_path, {})
    (place(tmp_path) / "networks4").chmod(mode)
    with pytest.raises(CorruptError, match="owner"):
        CheckData.open(tmp_path, PEPPER)


def test_nobody_else_may_read_what_is_published(tmp_path):
    publish(tmp_path / "check", {})
    for path in (tmp_path / "check", *(tmp_path / "check").rglob("*")):
        if not path.is_symlink():
            assert stat.S_IMODE(path.stat().st_mode) & 0o027 == 0, path


@pytest.mark.parametrize("target", ["/etc", "versions/../..", "versions/x", "elsewhere/20270101T000000Z-00000000"])
def test_a_link_that_leads_elsewhere_is_refused(tmp_path, target):
    publish(tmp_path, {})
    (tmp_path / "current").unlink()
    (tmp_path / "current").symlink_to(target)
    with pytest.raises(CorruptError, match="leads elsewhere"):
        CheckData.open(tmp_path, PEPPER)


def test_a_version_that_is_itself_a_link_is_refused(tmp_path):
    name = publish(tmp_path, {})
    (tmp_path / "versions" / name).rename(tmp_path / "real")
    (tmp_path / "versions" / name).symlink_to(tmp_path / "real")
    with pytest.raises(UnreadableError):
        CheckData.open(tmp_path, PEPPER)


def test_where_nothing_is_published_it_says_so(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UnreadableError, match="No check data is published"):
            CheckData.open(folder, PEPPER)


def test_a_reader_keeps_its_version_through_a_hundred_swaps(tmp_path):
    publish(tmp_path, {"192.0.2.200": ((2,), DAY)})
    first = CheckData.open(tmp_path, PEPPER)
    for number in range(100):
        name = publish(tmp_path, {f"192.0.2.{number}": ((1,), DAY)})
        destroy_others(tmp_path, frozenset({name}))
        assert current(tmp_path) == name
        data = CheckData.open(tmp_path, PEPPER)
        assert data.seen(packed(f"192.0.2.{number}")) is not None
        assert data.seen(packed("192.0.2.200")) is None
        data.close()
        assert first.seen(packed("192.0.2.200")) == Sighting((2,), DAY)
    assert len(list((tmp_path / "versions").iterdir())) == 1
    first.close()


def test_what_was_closed_cannot_be_asked(tmp_path):
    publish(tmp_path, {})
    data = CheckData.open(tmp_path, PEPPER)
    data.close()
    with pytest.raises(ValueError, match=r"released|closed"):
        data.seen(packed("192.0.2.1"))


def test_a_hit_and_a_miss_read_the_same_number_of_bytes(tmp_path):
    """Counted at the map itself: how many bytes each question takes out of it."""
    told = {f"10.0.{high}.{low}": ((1,), DAY) for high in range(8) for low in range(250)}
    publish(tmp_path, told)
    data = CheckData.open(tmp_path, PEPPER)
    read = []

    class Counting:
        def __init__(self, mapped):
            self.mapped = mapped

        def __getitem__(self, part):
            got = self.mapped[part]
            read.append(len(got))
            return got

        def close(self):
            self.mapped.close()

    data._addresses._records = Counting(data._addresses._records)
    for value in (*told, *(f"10.1.{high}.{low}" for high in range(8) for low in range(250))):
        data.seen(packed(value))
    assert len(read) == 4000
    assert len(set(read)) == 1
    data.close()


def test_the_pepper_is_made_once_for_its_owner_alone(tmp_path):
    path = tmp_path / "check.pepper"
    with pytest.raises(UnreadableError, match="not there"):
        check_pepper(path)
    pepper = check_pepper(path, make=True)
    assert len(pepper) == 32
    assert check_pepper(path, make=True) == check_pepper(path) == pepper
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(SettingsError, match="read by others"):
        check_pepper(path)
    path.chmod(0o600)
    path.write_text("secret")
    with pytest.raises(SettingsError, match="something else"):
        check_pepper(path)


def test_a_family_without_a_name_or_system_is_one_too(tmp_path):
    publish(tmp_path, {"192.0.2.1": ((0,), DAY)}, families=(Family(name=""),))
    data = CheckData.open(tmp_path, PEPPER)
    assert data.families[data.seen(packed("192.0.2.1")).families[0]] == Family(name="", platforms=())
    data.close()
