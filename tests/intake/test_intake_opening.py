"""Opening delivered files: what is inside comes out whole, and everything else is refused by name."""

import gzip
import hashlib
import io
import os
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from accord.intake.opening import Custody, Opening
from accord.intake.unpacking import Limits
from accord.vocabulary.errors import AccordError, RefusedFileError, UnreadableError

TEXT = b"198.51.100.7,2026-01-01\n"
FEEDS = Path(__file__).parents[2] / "../shared/feeds"


class Opened:
    """What a file gave: members with their bytes or the refusal, and how the whole ended."""

    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        self.members: dict[str | None, bytes | RefusedFileError] = {}
        self.order: list[str | None] = []
        self.refused: RefusedFileError | None = None
        with Opening(path, where=path.name, limits=limits) as opening:
            try:
                for member in opening:
                    assert member.name not in self.members
                    self.order.append(member.name)
                    try:
                        self.members[member.name] = b"".join(member.blocks())
                    except RefusedFileError as error:
                        self.members[member.name] = error
            except RefusedFileError as error:
                self.refused = error
            self.custody = opening.finish()

    def why(self, name: str | None) -> str:
        error = self.members[name]
        assert isinstance(error, RefusedFileError), error
        return str(error)

    def why_whole(self) -> str:
        assert self.refused is not None, self.members
        return str(self.refused)


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes, name: str = "delivery") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


Put = Callable[[bytes], Path]


def tar_of(*entries: tuple[str, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def tar_with(info: tarfile.TarInfo, data: bytes = b"") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        good = tarfile.TarInfo("good.txt")
        good.size = len(TEXT)
        archive.addfile(good, io.BytesIO(TEXT))
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
        good.name = "after.txt"
        archive.addfile(good, io.BytesIO(TEXT))
    return out.getvalue()


def zip_of(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data, compress_type=method)
    return out.getvalue()


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


# What comes out ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrap",
    [bytes, gzip.compress, zstd, lambda data: gzip.compress(zstd(data)), lambda data: zstd(gzip.compress(data))],
    ids=["plain", "gzip", "zstd", "gzip of zstd", "zstd of gzip"],
)
@pytest.mark.parametrize("name", ["feed.csv", "feed.zip", "feed.gz"])
def test_a_single_file_is_recognised_by_its_content_and_not_its_name(
    tmp_path: Path, wrap: Callable[[bytes], bytes], name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(wrap(TEXT * 1000))
    assert Opened(path).members == {None: TEXT * 1000}


@pytest.mark.parametrize(
    "pack",
    [tar_of, lambda *e: gzip.compress(tar_of(*e)), lambda *e: zstd(tar_of(*e)), zip_of],
    ids=["tar", "tar.gz", "tar.zst", "zip"],
)
def test_an_archive_gives_its_members_in_order_and_unpacks_those_that_are_compressed(put: Put, pack: object) -> None:
    data = pack(  # type: ignore[operator]
        ("b/one.txt", TEXT), ("a.csv.gz", gzip.compress(TEXT * 2)), ("./c.zst", zstd(TEXT * 3)), ("d", b"x")
    )
    opened = Opened(put(data))
    assert opened.refused is None
    assert opened.members == {"b/one.txt": TEXT, "a.csv.gz": TEXT * 2, "c.zst": TEXT * 3, "d": b"x"}
    assert opened.order == ["b/one.txt", "a.csv.gz", "c.zst", "d"]


@pytest.mark.parametrize("inner", [zip_of, tar_of, lambda *e: gzip.compress(tar_of(*e))], ids=["zip", "tar", "tar.gz"])
@pytest.mark.parametrize("outer", [zip_of, tar_of, lambda *e: gzip.compress(tar_of(*e))], ids=["zip", "tar", "tar.gz"])
def test_an_archive_in_an_archive_gives_its_members_under_its_own_name(
    put: Put, inner: Callable[..., bytes], outer: Callable[..., bytes]
) -> None:
    opened = Opened(put(outer(("before", b"1"), ("in", inner(("x/y", TEXT), ("z", b"2"))), ("after", b"3"))))
    assert opened.refused is None
    assert opened.members == {"before": b"1", "in!/x/y": TEXT, "in!/z": b"2", "after": b"3"}


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_foreign_names_come_out_of_every_kind_of_tar(put: Put, form: int) -> None:
    long = "/".join(["a-rather-long-folder-name"] * 5) + "/file.txt"
    names = [long] if form == tarfile.USTAR_FORMAT else [long, "é" * 90 + ".txt", "x" * 300]
    opened = Opened(put(tar_of(*((name, name.encode()) for name in names), form=form)))
    assert opened.members == {name: name.encode() for name in names}


def test_zip_names_are_utf_8_with_and_without_the_flag_that_says_so(put: Put) -> None:
    flagged = zip_of(("données.csv", TEXT))
    data = bytearray(flagged)
    assert Opened(put(flagged)).members == {"données.csv": TEXT}
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.index(signature) + at
        assert data[place + 1] == 0x08
        data[place + 1] = 0
    assert Opened(put(bytes(data))).members == {"données.csv": TEXT}


def test_gzip_members_and_zstd_frames_that_follow_each_other_are_one_text(put: Put) -> None:
    skippable = struct.pack("<II", 0x184D2A53, 3) + b"abc"
    assert Opened(put(gzip.compress(b"a") + gzip.compress(b"b") + bytes(512))).members == {None: b"ab"}
    assert Opened(put(skippable + zstd(b"a") + skippable + zstd(b"b"))).members == {None: b"ab"}


def test_an_utf_8_byte_order_mark_is_taken_off_each_member(put: Put) -> None:
    assert Opened(put(b"\xef\xbb\xbf" + TEXT)).members == {None: TEXT}
    assert Opened(put(zip_of(("a", b"\xef\xbb\xbf" + TEXT), ("b", TEXT)))).members == {"a": TEXT, "b": TEXT}


def test_folders_are_passed_over(put: Put) -> None:
    folder = tarfile.TarInfo("folder")
    folder.type = tarfile.DIRTYPE
    assert Opened(put(tar_with(folder))).order == ["good.txt", "after.txt"]
    assert Opened(put(zip_of(("folder/", b""), ("folder/a", b"1")))).order == ["folder/a"]


def test_the_head_of_a_member_is_given_again_by_its_blocks(put: Put) -> None:
    with Opening(put(gzip.compress(tar_of(("a", b"\xef\xbb\xbf" + TEXT * 9), ("b", b"xy"))))) as opening:
        heads = [(member.head(5), member.head(64), b"".join(member.blocks())) for member in opening]
    assert heads == [(TEXT[:5], (TEXT * 9)[:64], TEXT * 9), (b"xy", b"xy", b"xy")]


def test_a_member_that_nobody_reads_does_not_shift_the_next(put: Put) -> None:
    data = gzip.compress(tar_of(*((str(n), bytes([n + 65]) * (n * 700 + 1)) for n in range(9))))
    with Opening(put(data)) as opening:
        read = {m.name: b"".join(m.blocks()) for m in opening if m.name is not None and int(m.name) % 2}
        custody = opening.finish()
    assert read == {str(n): bytes([n + 65]) * (n * 700 + 1) for n in range(1, 9, 2)}
    assert custody == Custody(sha256=hashlib.sha256(data).hexdigest(), size=len(data))


def test_a_member_cannot_be_read_once_the_next_was_asked_for(put: Put) -> None:
    with Opening(put(tar_of(("a", TEXT), ("b", TEXT)))) as opening:
        members = iter(opening)
        first = next(members)
        next(members)
        with pytest.raises(ValueError, match="before the next one"):
            first.head(1)


@pytest.mark.parametrize("wrap", [bytes, gzip.compress, zstd], ids=["plain", "gzip", "zstd"])
@settings(max_examples=40, deadline=None)
@given(
    entries=st.lists(
        st.tuples(
            st.text("abcäß ._-", min_size=1, max_size=160).filter(lambda name: name.strip(".") != ""),
            st.binary(max_size=3000).map(lambda data: b"t" + data),
        ),
        min_size=1,
        max_size=8,
        unique_by=lambda entry: entry[0],
    ),
    form=st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_every_tar_that_tarfile_writes_is_read_as_tarfile_reads_it(
    tmp_path_factory: pytest.TempPathFactory,
    wrap: Callable[[bytes], bytes],
    entries: list[tuple[str, bytes]],
    form: int,
) -> None:
    packed = tar_of(*entries, form=form)
    path = tmp_path_factory.mktemp("tar") / "t"
    path.write_bytes(wrap(packed))
    with tarfile.open(fileobj=io.BytesIO(packed)) as oracle:
        expected = {info.name: oracle.extractfile(info).read() for info in oracle}  # type: ignore[union-attr]
    assert Opened(path).members == expected


# Custody -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [TEXT, gzip.compress(TEXT), zip_of(("a", TEXT)), tar_of(("a", TEXT)), gzip.compress(TEXT)[:-3] + b"rest", b""],
    ids=["plain", "gzip", "zip", "tar", "refused", "empty"],
)
def test_custody_is_of_every_byte_on_disk_whether_read_or_not(put: Put, data: bytes) -> None:
    expected = Custody(sha256=hashlib.sha256(data).hexdigest(), size=len(data))
    assert Opened(put(data)).custody == expected
    with Opening(put(data)) as opening:
        assert opening.finish() == expected


@pytest.mark.parametrize("change", [b"", TEXT * 3], ids=["shrinks", "grows"])
def test_a_file_that_changes_while_it_is_read_is_unreadable(put: Put, change: bytes) -> None:
    path = put(TEXT)
    with Opening(path) as opening:
        path.write_bytes(change)
        with pytest.raises(UnreadableError, match="changed while it was read"):
            opening.finish()


def test_what_is_no_regular_file_is_unreadable(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, word in (
        (tmp_path / "none", "cannot be opened"),
        (tmp_path, "no regular"),
        (tmp_path / "pipe", "no regular"),
    ):
        with pytest.raises(UnreadableError, match=word):
            Opening(path)


# Refused whole -----------------------------------------------------------------------------------------------------


def _damaged_between(data: bytes) -> bytes:
    """A tar whose second header is damaged: `tarfile` takes that for the end."""
    return data[:1024] + b"\1" + data[1025:]


WHOLE: dict[str, tuple[bytes, str]] = {
    "empty file": (b"", "empty"),
    "gzip cut off": (gzip.compress(os.urandom(5000))[:-9], "gzip stream is cut off"),
    "gzip without its trailer": (gzip.compress(TEXT)[:-8], "gzip stream is cut off"),
    "gzip with a wrong checksum": (gzip.compress(TEXT)[:-8] + b"abcd" + gzip.compress(TEXT)[-4:], "corrupt"),
    "gzip and then text": (gzip.compress(TEXT) + b"hello", "corrupt"),
    "zstd cut off": (zstd(os.urandom(5000))[:-7], "zstd stream is cut off"),
    "zstd with a wrong checksum": (zstd(TEXT)[:-1] + b"\0", "corrupt"),
    "zstd and then text": (zstd(TEXT) + b"hello", "corrupt"),
    "tar cut off in a member": (tar_of(("a", TEXT * 100), ("b", TEXT))[:1500], "tar archive is cut off"),
    "tar cut off between members": (tar_of(("a", TEXT), ("b", TEXT))[:1024], "tar archive is cut off"),
    "tar cut off in its end mark": (tar_of(("a", TEXT))[: 1024 + 512], "tar archive is cut off"),
    "tar damaged": (_damaged_between(tar_of(("a", TEXT), ("b", TEXT))), "tar archive is damaged"),
    "tar in gzip cut off": (gzip.compress(tar_of(("a", os.urandom(9000))))[:-20], "cut off"),
    "two tars": (tar_of(("a", TEXT)) + tar_of(("b", TEXT)), "follows the end"),
    "tar of nothing but folders": (tar_of(("a/", b"")), "empty"),
    "zip cut off": (zip_of(("a", TEXT * 99), ("b", TEXT))[:-30], "damaged or cut off"),
    "zip of nothing": (zip_of(), "empty"),
    "zip of nothing but folders": (zip_of(("a/", b"")), "empty"),
    "spreadsheet": (zip_of(("[Content_Types].xml", b"<x/>"), ("xl/workbook.xml", b"<x/>")), "Office document"),
    "bzip2": (bytes.fromhex("425a683931415926535900000000"), "bzip2"),
    "xz": (b"\xfd7zXZ\0\0\4", "xz"),
    "7-Zip": (b"7z\xbc\xaf\x27\x1c\0\4", "7-Zip"),
    "RAR": (b"Rar!\x1a\x07\x01\0", "RAR"),
    "UTF-16": (TEXT.decode().encode("utf-16"), "UTF-16"),
    "UTF-16, big end first": (b"\xfe\xff" + TEXT.decode().encode("utf-16-be"), "UTF-16"),
    "UTF-32": (TEXT.decode().encode("utf-32"), "UTF-32"),
    "a byte-order mark and nothing": (b"\xef\xbb\xbf", "empty"),
    "gzip of nothing": (gzip.compress(b""), "empty"),
}


@pytest.mark.parametrize("case", WHOLE)
def test_a_bad_file_is_refused_by_name_and_what_is_wrong(put: Put, case: str) -> None:
    data, word = WHOLE[case]
    opened = Opened(put(data))
    refusal = opened.refused or opened.members[None]
    assert isinstance(refusal, RefusedFileError)
    assert word in str(refusal)
    assert refusal.where == "delivery"
    assert refusal.remedy


ESCAPES = ["../x", "a/../../x", "/etc/passwd", "C:\\x", "c:x", "a\\b", "..", "a/.."]


@pytest.mark.parametrize("name", ESCAPES)
@pytest.mark.parametrize("form", ["tar", "zip"])
def test_a_member_that_points_outside_refuses_the_archive(put: Put, name: str, form: str) -> None:
    pack = tar_of if form == "tar" else zip_of
    assert "name has" in Opened(put(pack(("good", TEXT), (name, TEXT)))).why_whole()


def test_a_nul_in_a_name_refuses_the_archive(put: Put) -> None:
    data = zip_of(("goodXevil.txt", TEXT)).replace(b"goodX", b"good\0")
    assert "a NUL byte" in Opened(put(data)).why_whole()
    pax = tar_of(("ä" + "X" * 120, TEXT), form=tarfile.PAX_FORMAT).replace(b"XXXX\n", b"XX\0X\n", 1)
    assert "a NUL byte" in Opened(put(pax)).why_whole()


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("pack", [tar_of, zip_of], ids=["tar", "zip"])
def test_a_name_that_stands_twice_refuses_the_archive(put: Put, pack: Callable[..., bytes]) -> None:
    assert "one name" in Opened(put(pack(("a", TEXT), ("./a", b"other")))).why_whole()


def test_a_zip_whose_members_share_their_data_is_refused(put: Put) -> None:
    data = bytearray(zip_of(("a", os.urandom(400)), ("b", TEXT)))
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    data[second + 42 : second + 46] = struct.pack("<I", 40)
    assert "share their data" in Opened(put(bytes(data))).why_whole()


# Refused members ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (tarfile.SYMTYPE, "symbolic link"),
        (tarfile.LNKTYPE, "hard link"),
        (tarfile.CHRTYPE, "character device"),
        (tarfile.BLKTYPE, "block device"),
        (tarfile.FIFOTYPE, "named pipe"),
        (b"Q", "unknown kind"),
    ],
)
def test_links_and_devices_in_a_tar_are_refused_and_the_rest_goes_on(put: Put, kind: bytes, word: str) -> None:
    info = tarfile.TarInfo("odd")
    info.type, info.linkname = kind, "/etc/passwd"
    opened = Opened(put(tar_with(info)))
    assert word in opened.why("odd")
    assert {name: opened.members[name] for name in ("good.txt", "after.txt")} == {"good.txt": TEXT, "after.txt": TEXT}
    assert opened.refused is None


def test_a_link_in_a_zip_is_refused_and_the_rest_goes_on(put: Put) -> None:
    link = zipfile.ZipInfo("link")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    opened = Opened(put(zip_of((link, b"/etc/passwd"), ("good", TEXT))))
    assert "symbolic link" in opened.why("link")
    assert opened.members["good"] == TEXT


def test_a_corrupt_member_of_a_zip_is_refused_and_the_rest_goes_on(put: Put) -> None:
    data = zip_of(("bad", TEXT * 50), ("good", TEXT), method=zipfile.ZIP_STORED)
    opened = Opened(put(data.replace(TEXT, TEXT.upper().replace(b"1", b"2"), 1)))
    assert "corrupt" in opened.why("bad")
    assert "CRC" in opened.why("bad")
    assert opened.members["good"] == TEXT


def test_an_encrypted_member_is_refused_and_the_rest_goes_on(put: Put) -> None:
    data = bytearray(zip_of(("secret", TEXT), ("good", TEXT)))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    data[6] |= 1
    opened = Opened(put(bytes(data)))
    assert "encrypted" in opened.why("secret")
    assert opened.members["good"] == TEXT


@pytest.mark.parametrize(("method", "word"), [(zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "lzma")])
def test_a_zip_method_that_is_not_read_is_named(put: Put, method: int, word: str) -> None:
    assert word in Opened(put(zip_of(("a", TEXT), method=method))).why("a")


def test_a_name_that_is_not_utf_8_is_refused_and_shown_escaped(put: Put) -> None:
    data = tar_of(("naXve.txt", TEXT), ("good", TEXT)).replace(b"naXve", b"na\xefve")
    fixed = bytearray(data)
    fixed[148:156] = b"%06o\0 " % (sum(data[:512]) - sum(data[148:156]) + 256)
    opened = Opened(put(bytes(fixed)))
    assert "not UTF-8" in opened.why("na\\xefve.txt")
    assert opened.members["good"] == TEXT


def test_a_name_with_control_characters_is_refused(put: Put) -> None:
    opened = Opened(put(zip_of(("a\x1b[2Jb", TEXT), ("x\u202etxt.exe", TEXT), ("good", TEXT))))
    assert [name for name, given in opened.members.items() if given == TEXT] == ["good"]
    assert all("\x1b" not in str(name) and "\u202e" not in str(name) for name in opened.members)


@pytest.mark.parametrize("pack", [tar_of, zip_of], ids=["tar", "zip"])
def test_members_that_are_empty_or_cut_off_or_of_another_text_encoding_are_refused_alone(
    put: Put, pack: Callable[..., bytes]
) -> None:
    opened = Opened(
        put(
            pack(
                ("empty", b""),
                ("cut.gz", gzip.compress(TEXT)[:-4]),
                ("wide", TEXT.decode().encode("utf-16")),
                ("x.7z", b"7z\xbc\xaf\x27\x1c\0\4"),
                ("cut.tar", tar_of(("a", TEXT))[:700]),
                ("bad.zip", zip_of(("a", TEXT))[:-9]),
                ("outside.tar", tar_of(("a", TEXT), ("../b", TEXT))),
                ("good", TEXT),
            )
        )
    )
    words = {
        "empty": "empty",
        "cut.gz": "cut off",
        "wide": "UTF-16",
        "x.7z": "7-Zip",
        "cut.tar": "cut off",
        "bad.zip": "damaged",
        "outside.tar": "outside the archive",
    }
    assert opened.order == [*words, "good"]
    assert {name for name, word in words.items() if word in opened.why(name)} == set(words)
    assert opened.members["good"] == TEXT
    assert opened.refused is None


def test_a_zip_member_whose_data_would_lie_outside_the_archive_is_refused(put: Put) -> None:
    data = bytearray(zip_of(("a", TEXT), ("gone", TEXT)))
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    data[second + 42 : second + 46] = struct.pack("<I", 0x7FFFFFFF)
    opened = Opened(put(bytes(data)))
    assert "outside the archive" in opened.why("gone")
    assert opened.members["a"] == TEXT


# Bounds ------------------------------------------------------------------------------------------------------------

ZEROS = bytes(64 << 20)


@pytest.mark.parametrize(
    "bomb",
    [
        lambda: gzip.compress(ZEROS, 9),
        lambda: zstd(ZEROS),
        lambda: zip_of(("zeros", ZEROS)),
        lambda: gzip.compress(tar_of(("zeros", ZEROS))),
        lambda: zip_of(("zeros.gz", gzip.compress(ZEROS))),
    ],
    ids=["gzip", "zstd", "zip", "tar.gz", "gzip in zip"],
)
def test_a_decompression_bomb_is_refused_whole_by_its_ratio(put: Put, bomb: Callable[[], bytes]) -> None:
    opened = Opened(put(bomb()))
    assert "decompression bomb" in opened.why_whole()
    assert "200 bytes for each byte on disk" in opened.why_whole()


def test_archives_nested_like_42_zip_are_refused_member_by_member(put: Put) -> None:
    layer = zip_of(("data", TEXT))
    for _ in range(4):
        layer = zip_of(*((f"lib {n}.zip", layer) for n in range(4)))
    opened = Opened(put(layer))
    assert len(opened.members) == 16
    assert all("too many wrappings" in opened.why(name) for name in opened.members)


def test_gzip_inside_gzip_inside_gzip_is_refused(put: Put) -> None:
    path = put(gzip.compress(gzip.compress(gzip.compress(TEXT))))
    assert "too many wrappings" in Opened(path).why_whole()
    assert Opened(path, Limits(depth=3)).members == {None: TEXT}


def test_nested_archives_are_held_one_at_a_time_refused_ones_included(
    put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_now: list[object] = []
    most = 0

    class Counted(tempfile.SpooledTemporaryFile):  # type: ignore[type-arg]
        def __init__(self, *arguments: int) -> None:
            nonlocal most
            super().__init__(*arguments)
            open_now.append(self)
            most = max(most, len(open_now))

        def close(self) -> None:
            open_now.remove(self)
            super().close()

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", Counted)
    good, cut, outside = zip_of(("a", TEXT)), zip_of(("a", TEXT))[:-9], tar_of(("../a", TEXT))
    kinds = [good, cut, outside, tar_of(("a", TEXT)), gzip.compress(tar_of(("a", TEXT)))[:-9]]
    opened = Opened(put(zip_of(*((str(n), kinds[n % 5]) for n in range(15)))))
    assert sum(given == TEXT for given in opened.members.values()) == 6
    assert most == 1
    assert open_now == []


@pytest.mark.parametrize("pack", [tar_of, zip_of], ids=["tar", "zip"])
def test_more_members_than_permitted_refuse_the_archive(put: Put, pack: Callable[..., bytes]) -> None:
    path = put(pack(*((str(n), b"x") for n in range(6))))
    assert "too many members" in Opened(path, Limits(members=5)).why_whole()
    assert len(Opened(path, Limits(members=6)).members) == 6


def test_the_members_of_nested_archives_count_together(put: Put) -> None:
    inner = tar_of(*((str(n), b"x") for n in range(3)))
    path = put(zip_of(("a.tar", inner), ("b.tar", inner)))
    assert len(Opened(path, Limits(members=8)).members) == 6
    assert "too many members" in Opened(path, Limits(members=7)).why_whole()


def test_more_unpacked_bytes_than_permitted_refuse_the_file(put: Put) -> None:
    path = put(zip_of(("a", os.urandom(3000)), ("b", os.urandom(3000))))
    assert "unpacks to too much" in Opened(path, Limits(expanded_bytes=5999)).why_whole()
    assert Opened(path, Limits(expanded_bytes=6000)).refused is None


@pytest.mark.parametrize("pack", [tar_of, zip_of, lambda *e: gzip.compress(tar_of(*e))], ids=["tar", "zip", "tar.gz"])
def test_a_member_larger_than_permitted_is_refused_alone(put: Put, pack: Callable[..., bytes]) -> None:
    path = put(pack(("big", b"x" * 1001), ("big.gz", gzip.compress(b"x" * 1001)), ("fits", b"x" * 1000)))
    opened = Opened(path, Limits(member_bytes=1000))
    assert "1,000" in opened.why("big")
    assert "1,000" in opened.why("big.gz")
    assert opened.members["fits"] == b"x" * 1000
    assert opened.refused is None


def test_a_document_larger_than_the_reader_wants_is_refused(put: Put) -> None:
    with Opening(put(gzip.compress(b"x" * 1001))) as opening:
        for member in opening:
            with pytest.raises(RefusedFileError, match="one document"):
                member.read(1000)


def test_a_zip_with_a_huge_directory_is_refused_before_it_is_read(put: Put) -> None:
    data = zip_of(*((f"{n:0200}", b"") for n in range(9000)))
    assert "directory of the zip archive" in Opened(put(data), Limits(members=100)).why_whole()


# Anything ----------------------------------------------------------------------------------------------------------

SEEDS = [
    gzip.compress(tar_of(("a", TEXT), ("b/c", TEXT * 40))),
    zip_of(("a", TEXT), ("b.gz", gzip.compress(TEXT)), ("c.tar", tar_of(("d", TEXT)))),
    tar_of(("a" * 150, TEXT), ("é", TEXT), form=tarfile.PAX_FORMAT),
    zstd(TEXT * 20),
]


@settings(max_examples=300, deadline=None)
@given(
    seed=st.sampled_from(SEEDS),
    edits=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 1 << 16),
)
def test_no_damage_to_an_archive_ends_in_anything_but_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, seed: bytes, edits: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(seed)
    for at, value in edits:
        data[at % len(data)] = value
    if cut < 1 << 15:
        del data[cut % len(data) :]
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(data)
    try:
        opened = Opened(path)
    except AccordError as error:
        pytest.fail(f"{error!r} escaped")
    assert opened.custody.sha256 == hashlib.sha256(data).hexdigest()
    assert all(isinstance(given, (bytes, RefusedFileError)) for given in opened.members.values())


@pytest.mark.parametrize(
    ("seed", "mark"), list(zip(SEEDS, [3, 4, 512, 4], strict=True)), ids=["tar.gz", "zip", "tar", "zstd"]
)
def test_an_archive_cut_at_any_byte_after_its_mark_is_refused_or_whole(tmp_path: Path, seed: bytes, mark: int) -> None:
    path = tmp_path / "cut"
    path.write_bytes(seed)
    whole = Opened(path).members
    # What a tar has after its end mark is padding, and may be missing.
    for length in range(mark, len(seed), 1 + len(seed) // 400):
        path.write_bytes(seed[:length])
        opened = Opened(path)
        refused = opened.refused or any(isinstance(given, RefusedFileError) for given in opened.members.values())
        assert refused or opened.members == whole, length


@settings(max_examples=60, deadline=None)
@given(
    entries=st.dictionaries(
        st.text("abcä/ _-", min_size=1, max_size=40).filter(lambda n: n[0] != "/" and n[-1] != "/" and "//" not in n),
        st.binary(max_size=3000).map(lambda data: b"t" + data),
        min_size=1,
        max_size=8,
    ),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
)
def test_every_zip_that_zipfile_writes_is_read_as_zipfile_reads_it(
    tmp_path_factory: pytest.TempPathFactory, entries: dict[str, bytes], method: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "zip"
    path.write_bytes(zip_of(*entries.items(), method=method))
    with zipfile.ZipFile(path) as oracle:
        expected = {info.filename: oracle.read(info) for info in oracle.infolist()}
    assert Opened(path).members == expected == entries


def test_the_real_deliveries_open_as_the_standard_library_reads_them() -> None:
    archives = sorted(FEEDS.glob("*/*.tar.gz")) + sorted(FEEDS.glob("*/*.zip"))
    if not archives:
        pytest.skip("no real deliveries beside this checkout (../shared/feeds)")
    for path in archives:
        opened = Opened(path)
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as oracle:
                expected = {info.filename: info.CRC for info in oracle.infolist() if not info.is_dir()}
        else:
            with tarfile.open(path) as tar:
                expected = {i.name: zlib.crc32(tar.extractfile(i).read()) for i in tar if i.isfile()}  # type: ignore[union-attr]
        found = {name: zlib.crc32(data) for name, data in opened.members.items() if isinstance(data, bytes)}
        assert opened.refused is None
        assert found == expected


def test_a_plain_file_may_have_any_size(put: Put) -> None:
    opened = Opened(put(b"x\n" * 600), Limits(member_bytes=1000))
    assert opened.refused is None
    assert opened.members[None] == b"x\n" * 600
