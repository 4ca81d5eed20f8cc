"""Mutations that know what lines, cells and JSON are, so that most of what they make gets past the first check.

Pure functions of bytes and a source of randomness; Atheris's own mutations are mixed in by `fuzz.one`.
"""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from fuzz.target import Target

Mutation = Callable[[bytes, Random, Target], bytes]

_ODD = (
    b"", b" ", b"\0", b"\r", b"\r\n", b"\n\n", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xef\xbb\xbf",
    "\u00a0".encode(), "\u2028".encode(), "\u202e".encode(), "\ud7ff".encode(), "𝄞".encode(), b'"', b'""', b"'",
    b"\\", b"#", b"; ", b"-", b"=1+1", b"0", b"-1", b"1", b"65535", b"65536", b"999999999", b"1000000000",
    b"2147483648", b"9223372036854775808", b"1e999", b"NaN", b"1970-01-01", b"2100-12-31T23:59:59Z",
    b"2026-06-17 11:00:37", b"null", b"true", b"[]", b"{}", b"8.8.4.4", b"2001:4860::8", b"evil.example.net",
    b"http://evil.net/", b"tlp:red", b"TLP:AMBER+STRICT", b"c2-server", b"a" * 70, b"a." * 130,
)  # fmt: skip
_LEAVES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 65_536, 2**63, 10**25, 1.5, 1e300, "", " ", "a", "9.9.9.9", "evil.example.net",
    "tlp:red", "2026-06-17T11:00:37Z", "\ud800", "\x00", [], {}, [[]], {"": {}}, ["9.9.9.9"], {"value": "9.9.9.9"},
)  # fmt: skip


def mutate(data: bytes, limit: int, random: Random, target: Target) -> bytes:
    """A changed input of at most `limit` bytes."""
    prefix, text = data[: target.prefix].ljust(target.prefix, b"\0"), data[target.prefix :]
    if prefix and random.random() < 0.15:
        at = random.randrange(len(prefix))
        prefix = prefix[:at] + bytes((random.randrange(256),)) + prefix[at + 1 :]
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        text = random.choice(MUTATIONS)(text, random, target)
    return (prefix + text)[:limit]


def cross(first: bytes, second: bytes, limit: int, random: Random, target: Target) -> bytes:
    """An input of lines of both."""
    prefix = first[: target.prefix].ljust(target.prefix, b"\0")
    ours, theirs = first[target.prefix :].split(b"\n"), second[target.prefix :].split(b"\n")
    at = random.randrange(len(ours) + 1)
    since = random.randrange(len(theirs) + 1)
    until = random.randrange(since, len(theirs) + 1)
    return (prefix + b"\n".join([*ours[:at], *theirs[since:until], *ours[at:]]))[:limit]


def _word(random: Random, target: Target) -> bytes:
    known = target.words if target.words and random.random() < 0.7 else _ODD
    return random.choice(known)


def _seed_text(random: Random, target: Target) -> bytes:
    return random.choice(target.seeds)[target.prefix :] if target.seeds else b""


def _put_word(text: bytes, random: Random, target: Target) -> bytes:
    at = random.randrange(len(text) + 1)
    gone = random.choice((0, 0, 0, 1, 2, 8, 20))
    return text[:at] + _word(random, target) + text[at + gone :]


def _cut_away(text: bytes, random: Random, _: Target) -> bytes:
    at = random.randrange(len(text) + 1)
    return random.choice((text[:at], text[at:], text[:at] + text[at + random.randrange(1, 40) :]))


def _repeat(text: bytes, random: Random, _: Target) -> bytes:
    at = random.randrange(len(text) + 1)
    piece = text[at : at + random.randrange(1, 30)]
    return text[:at] + piece * random.choice((2, 2, 3, 9, 70)) + text[at + len(piece) :]


def _change_lines(text: bytes, random: Random, target: Target) -> bytes:
    lines = text.split(b"\n")
    at = random.randrange(len(lines))
    kind = random.randrange(8)
    if kind == 0:
        lines.insert(at, lines[random.randrange(len(lines))])
    elif kind == 1:
        del lines[at]
    elif kind == 2:
        random.shuffle(lines)
    elif kind == 3:
        lines.insert(at, random.choice(_seed_text(random, target).split(b"\n")))
    elif kind == 4:
        lines[at] = random.choice((lines[at] + b"\r", lines[at].rstrip(b"\r"), b" " + lines[at] + b"\t"))
    elif kind == 5:
        lines[at : at + 2] = [b"".join(lines[at : at + 2])]
    elif kind == 6:
        lines.insert(at, _word(random, target))
    else:
        lines[at] = random.choice((b"", b"#" + lines[at], lines[at][: len(lines[at]) // 2], lines[at].upper()))
    return b"\n".join(lines)


def _change_cells(text: bytes, random: Random, target: Target) -> bytes:
    lines = text.split(b"\n")
    at = random.randrange(len(lines))
    line = lines[at]
    delimiter = max((b",", b"\t", b";", b"|", b" "), key=line.count)
    cells = line.split(delimiter)
    place = random.randrange(len(cells))
    kind = random.randrange(8)
    if kind < 3:
        cells[place] = _word(random, target)
    elif kind == 3:
        cells[place] = b'"' + cells[place].replace(b'"', b'""') + b'"'
    elif kind == 4:
        cells.insert(place, _word(random, target))
    elif kind == 5:
        del cells[place]
    elif kind == 6:
        other = random.randrange(len(cells))
        cells[place], cells[other] = cells[other], cells[place]
    else:
        cells[place] = random.choice((b"", b'"', b" " + cells[place] + b" ", cells[place] * 2, b'"' + cells[place]))
    lines[at] = delimiter.join(cells)
    return b"\n".join(lines)


def _change_json(text: bytes, random: Random, target: Target) -> bytes:
    """Change a value in a JSON document, or in one of several lines that are JSON."""
    whole = _loaded(text)
    if whole is not None:
        return _dumped(_changed(whole, random, target), random)
    lines = text.split(b"\n")
    at = random.randrange(len(lines))
    tree = _loaded(lines[at])
    if tree is None:
        other = _loaded(_seed_text(random, target))
        if other is None:
            return _put_word(text, random, target)
        tree = other
    lines[at] = _dumped(_changed(tree, random, target), random)
    return b"\n".join(lines)


def _loaded(text: bytes) -> Any:
    if text.lstrip()[:1] not in {b"{", b"["} or text.count(b"[") + text.count(b"{") > 2_000:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _dumped(tree: Any, random: Random) -> bytes:
    text = json.dumps(tree, ensure_ascii=random.random() < 0.7)
    if random.random() < 0.1:
        # A name that stands twice, which no dictionary can say.
        text = text.replace("{", '{"type": 7, "value": "8.8.4.4", ', 1)
    return text.encode("utf-8", "surrogatepass")


def _changed(tree: Any, random: Random, target: Target) -> Any:
    """The tree with one value changed, wherever it stands."""
    if isinstance(tree, dict) and tree and random.random() < 0.85:
        key = random.choice(list(tree))
        kind = random.randrange(12)
        copy = dict(tree)
        if kind == 0:
            del copy[key]
        elif kind == 1:
            copy[_string(random, target)] = copy[key]
        elif kind == 2:
            copy[random.choice(list(tree))] = copy[key]
        else:
            copy[key] = _changed(copy[key], random, target)
        return copy
    if isinstance(tree, list) and tree and random.random() < 0.85:
        at = random.randrange(len(tree))
        kind = random.randrange(8)
        copied = list(tree)
        if kind == 0:
            del copied[at]
        elif kind == 1:
            copied.insert(random.randrange(len(copied) + 1), copied[at])
        elif kind == 2:
            copied.insert(at, _leaf(random, target))
        else:
            copied[at] = _changed(copied[at], random, target)
        return copied
    kind = random.randrange(8)
    if kind == 0:
        return [tree]
    if kind == 1:
        return {_string(random, target): tree}
    if kind == 2 and isinstance(tree, str):
        return tree + _string(random, target)
    if kind == 3 and isinstance(tree, str):
        return _string(random, target).join((tree[: len(tree) // 2], tree[len(tree) // 2 :]))
    return _leaf(random, target)


def _leaf(random: Random, target: Target) -> Any:
    return random.choice(_LEAVES) if random.random() < 0.4 else _string(random, target)


def _string(random: Random, target: Target) -> str:
    word = _word(random, target).decode("utf-8", "replace")
    return word[1:-1] if len(word) > 1 and word[0] == word[-1] == '"' else word


MUTATIONS: Sequence[Mutation] = (
    _put_word,
    _put_word,
    _cut_away,
    _repeat,
    _change_lines,
    _change_lines,
    _change_cells,
    _change_cells,
    _change_json,
    _change_json,
)
