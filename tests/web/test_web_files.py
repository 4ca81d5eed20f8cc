"""Files for everybody: ranges, tags, and that nothing outside the folder is ever opened."""

import asyncio
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accord.web.asgi import Message
from accord.web.files import Told, answer_file, open_inside
from accord.web.problems import ProblemError

TOLD = Told(media_type="text/plain", cache_control="no-cache")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "a/b").mkdir(parents=True)
    (root / "a/b/file.txt").write_bytes(b"0123456789")
    (root / ".hidden").write_bytes(b"secret")
    (tmp_path / "outside").write_bytes(b"secret")
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "inner").symlink_to("a")
    (root / "up").symlink_to("..")
    os.mkfifo(root / "pipe")
    return root


def get(root: Path, name: str = "a/b/file.txt", method: str = "GET", **headers: str) -> tuple[int, dict, bytes]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    said = [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()]
    asyncio.run(answer_file({"method": method, "headers": said}, send, root, name, TOLD))
    start, *rest = sent
    told = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], told, b"".join(one["body"] for one in rest)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../outside", "a/../../outside", "/etc/passwd", "a//b/file.txt", "a/b", "a/b/", ".hidden", "link",
     "inner/b/file.txt", "up/outside", "pipe", "a/b/file.txt/x", "a\\b", "a/b/file.txt\0", "x" * 300, "a/" * 20 + "a"],
)  # fmt: skip
def test_what_is_no_plain_file_below_the_folder_is_not_found(root: Path, name: str) -> None:
    with pytest.raises(ProblemError) as caught:
        open_inside(root, name)
    assert caught.value.status == 404


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["a", "b", "file.txt", "..", ".", "", "link", "up", "outside", "inner", "%2e%2e"])))
def test_whatever_is_asked_only_the_one_file_is_opened(root: Path, parts: list[str]) -> None:
    try:
        file = open_inside(root, "/".join(parts))
    except ProblemError:
        assert parts != ["a", "b", "file.txt"]
        return
    with file:
        assert (parts, file.read()) == (["a", "b", "file.txt"], b"0123456789")


# RFC 9110, 14.1.2 and 14.2; None: the whole file
@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-4", b"01234"),
        ("bytes=5-", b"56789"),
        ("bytes=-3", b"789"),
        ("bytes=-99", None),
        ("bytes=8-99", b"89"),
        ("bytes=0-", None),
        ("bytes=4-2", None),
        ("bytes=0-1,3-4", None),
        ("bytes=-", None),
        ("lines=0-1", None),
    ],
)
def test_a_range_is_the_bytes_that_were_asked_for(root: Path, wanted: str, part: bytes | None) -> None:
    status, headers, body = get(root, range=wanted)
    assert (status, body) == ((200, b"0123456789") if part is None else (206, part))
    assert headers["content-length"] == str(len(body))
    if part is not None:
        begin = b"0123456789".index(part)
        assert headers["content-range"] == f"bytes {begin}-{begin + len(part) - 1}/10"


@pytest.mark.parametrize("wanted", ["bytes=10-", "bytes=10-12", "bytes=-0"])
def test_a_range_outside_the_file_cannot_be_satisfied(root: Path, wanted: str) -> None:
    with pytest.raises(ProblemError) as caught:
        get(root, range=wanted)
    assert caught.value.status == 416


def test_who_has_a_file_already_is_told_so_until_it_changes(root: Path) -> None:
    _, headers, _ = get(root)
    tag = headers["etag"]
    assert get(root, if_none_match=f'"x", W/{tag}')[::2] == (304, b"")
    assert get(root, if_none_match="*")[0] == 304
    assert get(root, range="bytes=0-0", if_range=tag)[0] == 206
    new = root / "a/b/new"
    new.write_bytes(b"abcdefghij")
    new.rename(root / "a/b/file.txt")
    assert get(root, if_none_match=tag)[2] == b"abcdefghij"
    assert get(root, range="bytes=0-0", if_range=tag)[0] == 200


def test_a_head_says_the_length_and_sends_nothing(root: Path) -> None:
    status, headers, body = get(root, method="HEAD", range="bytes=0-1")
    assert (status, headers["content-length"], body) == (200, "10", b"")
