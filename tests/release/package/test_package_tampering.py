"""Whatever is changed of a package, by whomever: it is refused for what it is, and nothing is written."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random
from uuid import UUID

import pyrage
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accord.journal.facts import Kind
from accord.ledger.notes import SignatureType, SigningKey
from accord.ledger.policies import parse_policy
from accord.release.package.age import new_identity, public_of
from accord.release.package.keys import make_keys
from accord.release.package.manifest import Content, Manifest, digest_of_manifest, facts
from accord.release.package.opening import open_package, verify_package
from accord.release.package.reading import opened_file, read_package
from accord.release.package.sealing import hand_over, pack
from accord.vocabulary.datasets import Origin, Purpose
from accord.vocabulary.errors import LedgerError, MalformedError, SettingsError, UnprovenError
from accord.vocabulary.markings import Marking

NOW = datetime(2026, 11, 27, 12, 30, tzinfo=UTC)
SALT = "# accord-content/v1 " + "00" * 32 + "\n"


@pytest.fixture
def refused(handed, keys, tmp_path):
    """Hold a recipient to refusing a package and its handover: for this reason, and without a trace."""

    def check(
        reason: str, *, package: bytes | None = None, handover: bytes | None = None, policy=None, own=None,
        kind: type[LedgerError] = LedgerError,
    ) -> None:  # fmt: skip
        arrived = tmp_path / "arrived"
        arrived.mkdir(exist_ok=True)
        (arrived / "package").write_bytes(handed.package.read_bytes() if package is None else package)
        (arrived / "handover").write_bytes(handed.handover.read_bytes() if handover is None else handover)
        (tmp_path / "here").mkdir(exist_ok=True)
        with pytest.raises(kind, match=reason) as caught:
            open_package(
                arrived / "package", arrived / "handover", keys=own or keys, policy=policy or handed.policy,
                out=tmp_path / "here/out", now=NOW,
            )  # fmt: skip
        assert caught.value.exit_code == 7
        assert list((tmp_path / "here").iterdir()) == []

    return check


# What anybody can do to the files.


def test_each_member_changed_is_refused(handed, refused, tar):
    read, write = tar
    for path, option in ((handed.package, "package"), (handed.handover, "handover")):
        whole = read(path.read_bytes())
        for name, data in whole.items():
            for other in (b"", data + b"\n", data[:-1], bytes([data[0] ^ 1]) + data[1:], data[: len(data) // 2]):
                if (name, other) != ("policy", data + b"\n"):  # an empty line more is a policy still
                    refused(".", **{option: write({**whole, name: other})})


def test_each_member_left_out_added_or_moved_is_refused(handed, refused, tar):
    read, write = tar
    for path, option in ((handed.package, "package"), (handed.handover, "handover")):
        whole = read(path.read_bytes())
        assert write(whole) == path.read_bytes()
        for name in whole:
            refused(".", **{option: write({key: data for key, data in whole.items() if key != name})})
        refused("members are not those of one", **{option: write({**whole, "more": b""})})
        refused("members are not those of one|ascending", **{option: write(dict(reversed(whole.items())))})


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_changed_byte_anywhere_is_refused_or_changes_nothing(handed, keys, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("byte")
    for path in (handed.package, handed.handover):
        (folder / path.name).write_bytes(path.read_bytes())
    name = data.draw(st.sampled_from(["package", "handover"]))
    whole = bytearray((folder / name).read_bytes())
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    (folder / name).write_bytes(whole)
    try:
        opened = open_package(
            folder / "package", folder / "handover", keys=keys, policy=handed.policy, out=folder / "out", now=NOW
        )
    except LedgerError:
        assert not (folder / "out").exists()
        return
    # the handover's cosignatures have unused bits; the package's policy has names and no authority
    assert opened.disclosed.content == handed.sealed.content
    assert opened.manifest == handed.sealed.manifest


@pytest.mark.parametrize("option", ["package", "handover"])
def test_what_is_cut_off_or_added_to_is_refused(handed, refused, option):
    whole = getattr(handed, option).read_bytes()
    for size in (0, 1, 511, 512, 1024, len(whole) // 2, len(whole) - 1024, len(whole) - 512, len(whole) - 1):
        refused("cut off|does not end|no archive|spelled otherwise", **{option: whole[:size]})
    for tail in (b"\0", bytes(512), bytes(10240), whole):
        refused("does not end where it should", **{option: whole + tail})


def leaves(told: object, path: tuple = ()) -> Iterator[tuple]:
    if isinstance(told, dict):
        for name, value in told.items():
            yield from leaves(value, (*path, name))
    elif isinstance(told, list) and told:
        for number, value in enumerate(told):
            yield from leaves(value, (*path, number))
    else:
        yield path


def changed(manifest: bytes, path: tuple) -> bytes:
    """The same manifest with one field that says something else of the same type."""
    told = json.loads(manifest)
    place = told
    for step in path[:-1]:
        place = place[step]
    value = place[path[-1]]
    others = {
        "package": str(UUID(int=9)), "made_at": "2026-11-27T10:00:01Z", "country": "SG", "purpose": "research",
        "marking": "red", "pap": "red", "codes": "H1", "onward_sharing": "permitted", "origin": "scan",
        "listing": "00" * 32, "sealed": "00" * 32, "iep": None, "agreements": ["x"],
    }  # fmt: skip
    name = next(step for step in reversed(path) if isinstance(step, str))
    other = not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else f"{value}x"
    place[path[-1]] = others[name] if name in others and not (name == "agreements" and value) else other
    if value == []:
        place[path[-1]] = ["x"]
    if name == "iep":
        place[path[-1]] = dict.fromkeys(
            ["iep_id", "description", "start_date", "end_date", "encrypt_in_transit", "permitted_actions",
             "affected_party_notifications", "tlp", "provider_attribution", "unmodified_resale"]
        )  # fmt: skip
    return json.dumps(told, indent=2, ensure_ascii=False).encode() + b"\n"


def test_each_field_of_the_manifest_changed_is_refused_by_the_ledgers_entry(handed, refused, tar):
    read, write = tar
    whole = read(handed.package.read_bytes())
    assert (
        json.dumps(json.loads(whole["manifest.json"]), indent=2, ensure_ascii=False).encode() + b"\n"
        == (whole["manifest.json"])
    )
    fields = list(leaves(json.loads(whole["manifest.json"])))
    assert len(fields) > 30
    for path in fields:
        other = changed(whole["manifest.json"], path)
        assert other != whole["manifest.json"]
        reason = "no manifest" if path == ("version",) else "says something else than the package's manifest"
        refused(reason, package=write({**whole, "manifest.json": other}))


def test_a_manifest_spelled_otherwise_is_refused(handed, refused, tar):
    read, write = tar
    whole = read(handed.package.read_bytes())
    text = whole["manifest.json"]
    told = json.loads(text)
    for other in (
        json.dumps(told).encode(),
        text.rstrip(),
        text.replace(b'"simulated": true', b'"simulated": true,\n    "simulated": true'),
        text.replace(b'"version"', b'"unknown": 1,\n  "version"'),
        text.replace(b"Z", b"+00:00"),
        json.dumps(dict(reversed(told.items())), indent=2).encode() + b"\n",
    ):
        refused("spelled otherwise|no manifest", package=write({**whole, "manifest.json": other}))
    for junk in (b"{" * 100_000, b"[" * 1_000_000, b'{"version": NaN}', b"\xff", b"null", b"x" * (1 << 20 | 1)):
        refused("no manifest|too large", package=write({**whole, "manifest.json": junk}))


def test_another_package_or_handover_of_the_same_hub_is_refused(handed, make, hub, refused, tar):
    read, write = tar
    ledger = hub()
    other = make(ledger=ledger, package=UUID(int=5))
    third = make(ledger=ledger, package=UUID(int=6))
    refused("The handover is another package's", handover=other.handover.read_bytes())
    refused("The handover is another package's", package=other.package.read_bytes())
    one, two = read(other.handover.read_bytes()), read(third.handover.read_bytes())
    refused(
        "The proofs are not those of the package's entries",
        package=third.package.read_bytes(),
        handover=write({**one, "handover": two["handover"]}),
    )
    refused(
        "content.age does not open with this key",
        package=third.package.read_bytes(),
        handover=write({**two, "key.age": one["key.age"]}),
    )
    mixed = read(other.package.read_bytes()) | {"content.age": read(third.package.read_bytes())["content.age"]}
    refused("sealed content is not what the manifest names", package=write(mixed), handover=other.handover.read_bytes())


def test_somebody_elses_key_opens_nothing(handed, refused, tmp_path):
    own = make_keys(tmp_path / "other", "other.example", draw=Random(5).randbytes)
    refused("key.age does not open with this key", own=own)


# What a hub cannot do.


def test_without_its_quorum_nothing_is_handed_over_and_nothing_opened(handed, hub, make, refused, keys, tmp_path, tar):
    read, write = tar
    ledger = hub()
    whole = make(ledger=ledger)
    for witnesses in ((), ledger.witnesses[:1]):
        proofs = ledger.proofs(whole.entries, ledger.checkpoint(witnesses))
        with pytest.raises(UnprovenError, match="Too few witnesses"):
            hand_over(
                whole.package, proofs, whole.policy, identity=whole.sealed.identity, recipient=keys.age,
                out=tmp_path / "handover",
            )  # fmt: skip
        assert not (tmp_path / "handover").exists()
        members = read(whole.handover.read_bytes())
        members |= {f"proofs/{one.index}.tlog-proof": one.encode() for one in proofs}
        refused("Too few witnesses", package=whole.package.read_bytes(), handover=write(members))


def test_a_proof_from_another_log_is_refused(handed, hub, make, refused):
    other = hub(log=SigningKey(name="other.example/ledger", type=SignatureType.ED25519, seed=bytes(32)))
    whole = make(ledger=other)
    refused(
        "No known key has signed the note|No log of the policy",
        package=whole.package.read_bytes(), handover=whole.handover.read_bytes(),
    )  # fmt: skip
    # a log that the recipient relies on as well, and that the package does not name
    both = parse_policy(other.policy_text + f"log {hub().log.verifier}\n".encode())
    named = make(ledger=other, package=UUID(int=8))
    assert verify_package(named.package, named.handover, both).entries == (5, 6)


def test_a_package_that_names_another_log_than_the_one_that_proves_it_is_refused(hub, make):
    with pytest.raises(UnprovenError, match="proven in another log"):
        make(ledger=hub(log=SigningKey(name="other.example/ledger", type=SignatureType.ED25519, seed=bytes(32))),
             named="fusion.example/ledger")  # fmt: skip


def test_the_packages_own_policy_vouches_for_nothing(handed, hub, make, refused):
    forged = hub(log=SigningKey(name="fusion.example/ledger", type=SignatureType.ED25519, seed=bytes(32)))
    whole = make(ledger=forged)
    refused("No known key has signed|No log of the policy", package=whole.package.read_bytes(),
            handover=whole.handover.read_bytes())  # fmt: skip


LIES = {
    "kind": {"kind": Kind.DELIVERY},
    "dataset": {"dataset": "Another"},
    "origin": {"origin": Origin.SCAN},
    "partner": {"partner": "somebody"},
    "country": {"country": "SG"},
    "purpose": {"purpose": Purpose.RESEARCH},
    "marking": {"marking": Marking.CLEAR},
    "count": {"count": 1},
    "digest": {"digest": "00" * 32},
    "refers": {"refers": 0},
    "agreement": {"agreement": "x"},
}


@pytest.mark.parametrize("lie", LIES)
def test_entries_that_say_something_else_than_the_manifest_make_no_package(handed, hub, lie, tmp_path):
    said = facts(handed.sealed.manifest.statement, handed.sealed.digest, NOW)
    ledger = hub()
    entries = ledger.append([said[0], replace(said[1], **LIES[lie])])
    with pytest.raises(UnprovenError, match="says something else than the package's manifest"):
        pack(handed.package.parent, entries, ledger.policy_text, tmp_path / "package")
    assert list(tmp_path.iterdir()) == []


def test_entries_too_few_too_many_or_in_another_order_make_no_package(handed, hub, tmp_path):
    said = facts(handed.sealed.manifest.statement, handed.sealed.digest, NOW)
    ledger = hub()
    for wrong in (said[:1], said[::-1], (*said, said[1])):
        with pytest.raises(UnprovenError, match=r"entry of the ledger|one entry"):
            pack(handed.package.parent, ledger.append(wrong), ledger.policy_text, tmp_path / "package")
    with pytest.raises(MalformedError):
        pack(handed.package.parent, ledger.append(said)[::-1], ledger.policy_text, tmp_path / "package")
    with pytest.raises(MalformedError, match=r"no policy|not understood|no quorum"):
        pack(handed.package.parent, ledger.append(said), b"junk\n", tmp_path / "package")
    assert list(tmp_path.iterdir()) == []


def test_a_field_that_is_not_opened_or_opened_otherwise_is_refused(handed, refused, tar):
    read, write = tar
    whole = read(handed.package.read_bytes())
    lines = whole["openings/1"].split(b"\n")
    for at in range(1, len(lines) - 1):
        fewer = b"\n".join([*lines[:at], *lines[at + 1 :]])
        refused("Not every field|not those of a fact", package=write({**whole, "openings/1": fewer}))
        other = read(handed.package.read_bytes())["openings/2"].split(b"\n")[at]
        swapped = b"\n".join([*lines[:at], other, *lines[at + 1 :]])
        refused("not what the entry committed to", package=write({**whole, "openings/1": swapped}))


def test_a_key_that_does_not_open_the_package_is_not_handed_over(handed, hub, make, keys, tmp_path):
    ledger = hub()
    whole = make(ledger=ledger)
    with pytest.raises(UnprovenError, match=r"content\.age does not open"):
        hand_over(
            whole.package, ledger.proofs(whole.entries), whole.policy, identity=new_identity(), recipient=keys.age,
            out=tmp_path / "handover",
        )  # fmt: skip
    assert not (tmp_path / "handover").exists()


# What a hub could seal that its recipient must not be hurt by.


@dataclass(frozen=True, kw_only=True)
class Crafted:
    package: bytes
    handover: bytes


Craft = Callable[..., Crafted]


@pytest.fixture
def craft(handed, hub, keys, tmp_path, tar) -> Craft:
    """A package of any bytes as content, all else about it as it should be."""
    _, write = tar

    def crafted(plain: bytes, listing: bytes, *, files: int = 1, size: int | None = None, sealed=None, key=None):
        identity = new_identity()
        if sealed is None:
            sealed = pyrage.encrypt(plain, [pyrage.x25519.Recipient.from_str(public_of(identity))])
        content = Content(
            files=files, bytes=len(plain) if size is None else size, listing=hashlib.sha256(listing).hexdigest(),
            sealed_bytes=len(sealed), sealed=hashlib.sha256(sealed).hexdigest(),
        )  # fmt: skip
        manifest = Manifest(statement=handed.sealed.manifest.statement, content=content).encode()
        digest = digest_of_manifest(manifest)
        ledger = hub()
        entries = ledger.append(facts(handed.sealed.manifest.statement, digest, NOW))
        members = {"manifest.json": manifest, "policy": ledger.policy_text}
        for one in entries:
            members |= {f"entries/{one.number}": one.entry, f"openings/{one.number}": one.openings}
        line = f"{identity}\n".encode() if key is None else key
        text = f"accord-handover/v1\npackage {handed.sealed.manifest.statement.package}\ndigest {digest}\n"
        handover = {
            "handover": text.encode(),
            "key.age": pyrage.encrypt(line, [pyrage.x25519.Recipient.from_str(keys.age)]),
            **{f"proofs/{one.index}.tlog-proof": one.encode() for one in ledger.proofs(entries)},
        }
        return Crafted(package=write({**members, "content.age": sealed}), handover=write(handover))

    return crafted


def listed(files: Mapping[str, bytes]) -> bytes:
    return (SALT + "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())).encode()


def test_what_is_crafted_as_it_should_be_is_opened(craft, keys, handed, tmp_path, tar):
    files = {"content/a": b"a"}
    made = craft(tar[1]({"SHA256SUMS": listed(files), **files}), listed(files))
    (tmp_path / "p").write_bytes(made.package)
    (tmp_path / "h").write_bytes(made.handover)
    open_package(tmp_path / "p", tmp_path / "h", keys=keys, policy=handed.policy, out=tmp_path / "out", now=NOW)
    assert (tmp_path / "out/content/a").read_bytes() == b"a"


def archive(*members: tuple[tarfile.TarInfo, bytes], kind: int = tarfile.USTAR_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as made:
        for info, data in members:
            info.size = len(data) if info.isreg() else 0
            made.addfile(info, io.BytesIO(data))
    return out.getvalue().rstrip(b"\0") + bytes(-len(out.getvalue().rstrip(b"\0")) % 512 + 1024)


def info(name: str, **attributes: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    for attribute, value in attributes.items():
        setattr(made, attribute, value)
    return made


NAMES = (
    "content/../../up", "/etc/passwd", "content//a", "content/./a", "content/", "content/..", "../content/a", "a",
    "content/a\\b", "content/C:a", "content/nul", "content/.hidden", "content/a b", "content/a\nb", "manifest.json",
    "receipt", "content", "content/é", "CONTENT/a", "SHA256SUMS/a",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_leads_elsewhere_is_refused_in_the_content(craft, refused, name):
    files = {name: b"x"}
    plain = archive((info("SHA256SUMS"), listed(files)), (info(name), b"x"))
    made = craft(plain, listed(files))
    refused(
        "name|spelled otherwise|outside of its content|not understood|not ASCII",
        package=made.package, handover=made.handover,
    )  # fmt: skip


HOSTILE = {
    "a symbolic link": info("content/a", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "a hard link": info("content/a", type=tarfile.LNKTYPE, linkname="SHA256SUMS"),
    "a folder": info("content/a", type=tarfile.DIRTYPE),
    "a pipe": info("content/a", type=tarfile.FIFOTYPE),
    "a device": info("content/a", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
    "an owner": info("content/a", uid=1000),
    "a name of an owner": info("content/a", uname="root"),
    "a time": info("content/a", mtime=1),
    "another mode": info("content/a", mode=0o4755),
    "an old type of file": info("content/a", type=tarfile.AREGTYPE),
    "a contiguous file": info("content/a", type=tarfile.CONTTYPE),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_plain_file_is_refused_in_the_content(craft, refused, what):
    files = {"content/a": b"x" if HOSTILE[what].isreg() else b""}
    plain = archive((info("SHA256SUMS"), listed(files)), (HOSTILE[what], files["content/a"]))
    made = craft(plain, listed(files))
    refused("header of the archive is spelled otherwise|has a name", package=made.package, handover=made.handover)


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_other_kinds_of_tar_are_refused(craft, refused, kind):
    name = "content/" + "a" * 90 + "/" + "b" * 99 + "/" + "c" * 99
    made = craft(archive((info("SHA256SUMS"), b""), (info(name), b""), kind=kind), b"")
    refused("no archive|spelled otherwise|A file has a name", package=made.package, handover=made.handover)


def test_members_twice_unlisted_missing_or_not_as_listed_are_refused(craft, refused, tar):
    files = {"content/a": b"a", "content/b": b"b"}
    sums = (info("SHA256SUMS"), listed(files))
    a, b = (info("content/a"), b"a"), (info("content/b"), b"b")
    for reason, members, told, count in (
        ("have one name", (sums, a, a), files, 2),
        ("have one name", (sums, a, (info("content/A"), b"b")), files, 2),
        ("have one name", (sums, a, (info("content/a/b"), b"b")), files, 2),
        ("other files than it lists", (sums, a, b, (info("content/c"), b"")), files, 2),
        ("other files than it lists", (sums, a), files, 2),
        ("other files than it lists", (sums, b, a), files, 2),
        ("other files than it lists", (sums, a, b), files, 3),
        ("is not the one that is listed", (sums, a, (info("content/b"), b"x")), files, 2),
        ("is not the one that the manifest names", (sums, a, b), {"content/a": b"a"}, 2),
        ("does not begin with the list", (a, sums, b), files, 2),
        ("does not begin with the list", (), files, 0),
    ):
        made = craft(archive(*members), listed(told), files=count)
        refused(reason, package=made.package, handover=made.handover)


def test_lists_spelled_otherwise_are_refused(craft, refused):
    good = listed({"content/a": b"a"})
    for bad in (
        b"", good[:-1], good.replace(b"00", b"0", 1), good.replace(b"  ", b" *"), good.upper(), good + b"\n",
        good[len(SALT) :], good.replace(b"\n", b"\r\n"), good + good[len(SALT) :], b"\xff" + good,
    ):  # fmt: skip
        made = craft(archive((info("SHA256SUMS"), bad), (info("content/a"), b"a")), bad)
        refused("list|name|no salt", package=made.package, handover=made.handover)


def test_content_larger_or_smaller_than_the_manifest_says_is_refused(craft, refused):
    files = {"content/a": bytes(300_000)}
    plain = archive((info("SHA256SUMS"), listed(files)), (info("content/a"), files["content/a"]))
    larger = craft(plain, listed(files), size=len(plain) - 512)
    refused("content.age is larger than it may be", package=larger.package, handover=larger.handover)
    smaller = craft(plain, listed(files), size=len(plain) + 512)
    refused("smaller than the manifest says", package=smaller.package, handover=smaller.handover)


def test_a_header_that_promises_more_than_there_is_is_refused(craft, refused):
    block = bytearray(info("content/a").tobuf(tarfile.USTAR_FORMAT))
    block[124:136] = b"77777777777\0"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    made = craft(bytes(block) + bytes(1024), b"")
    refused("cut off", package=made.package, handover=made.handover)


def test_what_is_no_age_file_is_refused(craft, refused, keys):
    armoured = pyrage.encrypt(b"x", [pyrage.x25519.Recipient.from_str(keys.age)], armored=True)
    endless = b"age-encryption.org/v1\n" + b"-> X25519 abc\n" * 100_000
    for sealed in (b"", b"junk", armoured, endless, b"age-encryption.org/v1\n--- x\n"):
        made = craft(b"", b"", sealed=sealed)
        refused("no age file|does not open", package=made.package, handover=made.handover)
    whole = pyrage.encrypt(bytes(200_000), [pyrage.x25519.Recipient.from_str(keys.age)])
    identity = f"{keys.identity}\n".encode()
    for sealed in (whole[:-1], whole[:100_000], whole + b"\0", whole[:150_000] + b"\0" + whole[150_001:]):
        made = craft(bytes(200_000), b"", sealed=sealed, key=identity)
        refused("was changed, cut off or added to", package=made.package, handover=made.handover)


def test_what_is_no_key_is_refused_in_the_handover(craft, refused):
    files = {"content/a": b"a"}
    plain = archive((info("SHA256SUMS"), listed(files)), (info("content/a"), b"a"))
    for key in (b"", b"\n", b"junk\n", new_identity().encode(), f"{new_identity()}\n\n".encode(), b"x" * 2000):
        made = craft(plain, listed(files), key=key)
        refused("key.age holds something else|no secret key|larger than", package=made.package,
                handover=made.handover)  # fmt: skip
    made = craft(plain, listed(files), key=f"{new_identity()}\n".encode())
    refused("content.age does not open with this key", package=made.package, handover=made.handover)


def test_too_many_members_are_refused_before_they_are_read(craft, refused, monkeypatch):
    monkeypatch.setattr("accord.release.package.opening.MAX_FILES", 3)
    files = {f"content/{name}": b"" for name in "abcd"}
    plain = archive((info("SHA256SUMS"), listed(files)), *((info(name), b"") for name in files))
    made = craft(plain, listed(files), files=4)
    refused("too many members", package=made.package, handover=made.handover)


def test_members_of_a_package_are_bounded(handed, refused, tar):
    read, write = tar
    whole, handover = read(handed.package.read_bytes()), read(handed.handover.read_bytes())
    for name, size in (("policy", 1 << 20), ("entries/1", (1 << 16) - 1), ("openings/1", 1 << 20)):
        refused("too large", package=write({**whole, name: bytes(size + 1)}))
    for name, size in (("key.age", 1 << 14), ("handover", 1024), ("proofs/1.tlog-proof", 1_004_096)):
        refused("too large", handover=write({**handover, name: bytes(size + 1)}))


def test_a_policy_that_is_none_is_the_users_mistake():
    with pytest.raises(SettingsError):
        parse_policy(b"junk\n")


def test_no_output_is_left_where_the_disk_refuses(handed, keys, tmp_path, small_disk):
    (tmp_path / "disk").mkdir()
    make_file = tmp_path / "open.py"
    make_file.write_text(
        "import sys\nfrom datetime import datetime, UTC\nfrom pathlib import Path\n"
        "from accord.ledger.policies import parse_policy\n"
        "from accord.release.package.keys import RecipientKeys\nfrom accord.ledger.notes import parse_signing_key\n"
        "from accord.release.package.opening import open_package\n"
        "package, handover, policy, identity, receipts, out = sys.argv[1:]\n"
        "keys = RecipientKeys(identity=identity, receipts=parse_signing_key(receipts))\n"
        "open_package(Path(package), Path(handover), keys=keys, policy=parse_policy(Path(policy).read_bytes()),"
        " out=Path(out), now=datetime.now(UTC))\n"
    )
    (tmp_path / "policy").write_bytes(read_policy(handed))
    done = subprocess.run(
        [*small_disk(tmp_path / "disk", "64k"), sys.executable, make_file, handed.package, handed.handover,
         tmp_path / "policy", keys.identity, keys.receipts.export(), tmp_path / "disk/out"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "The output cannot be written" in done.stderr
    assert done.stdout.split() == []


def read_policy(handed) -> bytes:
    with opened_file(handed.package) as file:
        return read_package(file, "it").policy


def test_nothing_lies_about_beside_the_output(handed, keys, tmp_path):
    open_package(handed.package, handed.handover, keys=keys, policy=handed.policy, out=tmp_path / "out", now=NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
