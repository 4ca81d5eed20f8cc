"""Logs that Accord writes are accepted by Go's `golang.org/x/mod/sumdb`, and refused with one bit of them changed."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from accord.ledger.checkpoints import Checkpoint
from accord.ledger.notes import SignatureType, SigningKey, encode_base64, sign_note
from accord.ledger.reading import TiledTree
from accord.ledger.tiles import (
    TILE_WIDTH,
    HashTile,
    TreeEdge,
    bundles_of_growth,
    pack_entries,
    tiles_of_growth,
)
from accord.ledger.tree import leaf_hashes

ORIGIN = "log.example/ledger"
KEY = SigningKey(name=ORIGIN, type=SignatureType.ED25519, seed=bytes(range(32)))
GOPATH = Path("/usr/share/gocode")
"""Where Debian puts the sources of Go packages."""
GROWTHS = {
    1: [1],
    255: [1, 2, 128, 254, 255],
    256: [1, 255, 256],
    257: [200, 256, 257],
    65_537: [256, 65_535, 65_536, 65_537],
    65_837: [3, 257, 40_000, 65_536, 65_800, 65_837],
}
"""The sizes at which a log signs, by its last: before and after a tile of level 0 and one of level 1 are full."""

Verify = Callable[..., "subprocess.CompletedProcess[str]"]


def entry(number: int) -> bytes:
    """Entries of different lengths, empty ones among them."""
    return b"entry %d\n" % number * (number % 4)


def write_log(folder: Path, sizes: Iterable[int], entry: Callable[[int], bytes] = entry) -> None:
    """Write a log as it grows, signing at each of these sizes, with proofs of some entries and of every size."""
    edge, older = TreeEdge(), dict[int, bytes]()
    entries: list[bytes] = []
    for size in sizes:
        grown = [entry(number) for number in range(edge.size, size)]
        entries += grown
        old, (edge, tiles) = edge.size, edge.grow(leaf_hashes(grown))
        for tile, hashes in tiles:
            put(folder / tile.path, hashes)
        for bundle in bundles_of_growth(old, size):
            first = bundle.index * TILE_WIDTH
            put(folder / bundle.path, pack_entries(entries[first : first + bundle.width]))
        older[size] = signed(size, edge.root())
        put(folder / f"earlier/{size}", older[size])
    put(folder / "checkpoint", older[edge.size])

    def read_tile(level: int, index: int, width: int) -> bytes:
        return (folder / HashTile(level=level, index=index, width=width).path).read_bytes()

    tree = TiledTree(edge.size, edge.root(), read_tile)
    proofs = [("inclusion", index, tree.inclusion_proof(index)) for index in indexes(edge.size)]
    proofs += [("consistency", size, tree.consistency_proof(size)) for size in older]
    lines = [" ".join([kind, str(number), *map(encode_base64, hashes)]) for kind, number, hashes in proofs]
    put(folder / "proofs", "\n".join(lines).encode())


def indexes(size: int) -> list[int]:
    """The entries to prove: the first and last ones, and those on either side of every border of tiles."""
    near = (0, 1, 254, 255, 256, 257, 65_279, 65_280, 65_535, 65_536, size // 2, size - 2, size - 1)
    return sorted({index for index in near if 0 <= index < size})


def signed(size: int, root: bytes, origin: str = ORIGIN, key: SigningKey = KEY) -> bytes:
    return sign_note(Checkpoint(origin=origin, size=size, root=root).text, [key]).encode()


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def flip(path: Path, at: int = -1) -> None:
    """Change one bit of a file's byte."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


@pytest.fixture(scope="session")
def verify(once) -> Verify:
    """Run the program, which is built once, out of what is installed and without a module proxy."""
    if shutil.which("go") is None:
        pytest.skip("needs go: builds the program that verifies our log (golang-go)")
    if not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        pytest.skip("needs golang-golang-x-mod-dev: the implementation that our log is held to")

    def build(folder: Path) -> None:
        environment = {
            **os.environ, "GOENV": "off", "GO111MODULE": "off", "GOPATH": str(GOPATH), "GOPROXY": "off",
            "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOCACHE": str(folder / "cache"), "CGO_ENABLED": "0",
        }  # fmt: skip
        source = Path(__file__).parent / "go/verify.go"
        subprocess.run(["go", "build", "-o", str(folder / "verify"), str(source)], check=True, env=environment)

    program = once("go-verify", build) / "verify"

    def run(folder: Path, key: SigningKey = KEY) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([program, str(key.verifier), folder], capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="session")
def deep(once) -> Path:
    """A log with tiles of three levels."""
    return once("go-deep-log", lambda folder: write_log(folder, GROWTHS[65_837]))


@pytest.fixture
def log(deep: Path, tmp_path: Path) -> Path:
    """A copy of it to spoil."""
    return Path(shutil.copytree(deep, tmp_path / "log"))


def refusal(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout == ""
    return done.stderr.removeprefix("refused: ").strip()


@pytest.mark.parametrize("size", GROWTHS)
def test_go_accepts_our_log_and_every_proof_that_we_make(verify: Verify, size: int, tmp_path: Path, request) -> None:
    log = request.getfixturevalue("deep") if size == 65_837 else tmp_path
    if log is tmp_path:
        write_log(log, GROWTHS[size])
    done = verify(log)
    assert done.stderr == ""
    tiles, heads = len(list(tiles_of_growth(0, size))), len(GROWTHS[size])
    assert done.stdout == (
        f"accepted: {size} entries, {tiles} tiles, {heads} earlier heads, "
        f"{len(indexes(size))} inclusion proofs, {heads} consistency proofs\n"
    )


@pytest.mark.parametrize("tile", ["0/000", "0/128", "0/255", "0/256", "0/257.p/45", "1/000", "1/001.p/1", "2/000.p/1"])
@pytest.mark.parametrize("at", [0, -1])
def test_go_refuses_one_bit_in_a_tile(verify: Verify, log: Path, tile: str, at: int) -> None:
    flip(log / "tile" / tile, at)
    reason = refusal(verify(log))
    assert reason.startswith(("tiles: ", "entries: ")), reason


@pytest.mark.parametrize(("bundle", "number", "at"), [("000", 255, -1), ("128", 33_023, -1), ("257.p/45", 65_835, -3)])
def test_go_refuses_one_bit_in_an_entry(verify: Verify, log: Path, bundle: str, number: int, at: int) -> None:
    # the last bytes of a bundle are its last entry's; where that one is empty, the two bytes of its length
    flip(log / "tile/entries" / bundle, at)
    assert refusal(verify(log)) == f"entries: entry {number} is not the one in the tiles"


@pytest.mark.parametrize("bundle", ["000", "257.p/45"])
def test_go_refuses_one_bit_in_an_entrys_length(verify: Verify, log: Path, bundle: str) -> None:
    flip(log / "tile/entries" / bundle, 1)
    assert refusal(verify(log)).startswith("entries: ")


def test_go_refuses_one_bit_in_the_signature(verify: Verify, log: Path) -> None:
    whole = (log / "checkpoint").read_text("utf-8")
    text, line = whole.split("\n\n")
    # the signature's last digits hold unused bits; one in its middle does not
    at = len(line) - 40
    (log / "checkpoint").write_text(f"{text}\n\n{line[:at]}{'A' if line[at] != 'A' else 'B'}{line[at + 1 :]}", "utf-8")
    assert refusal(verify(log)).startswith("checkpoint: invalid signature for key")


def test_go_refuses_one_bit_in_what_is_signed(verify: Verify, log: Path) -> None:
    flip(log / "checkpoint", (log / "checkpoint").read_bytes().index(b"65837"))
    assert refusal(verify(log)).startswith("checkpoint: invalid signature for key")


def test_go_refuses_another_key_and_another_log(verify: Verify, log: Path) -> None:
    other = SigningKey(name=ORIGIN, type=SignatureType.ED25519, seed=bytes(32))
    assert "note has no verifiable signatures" in refusal(verify(log, other))
    put(log / "checkpoint", signed(1, leaf_hashes([entry(0)]), origin="other.example/ledger"))
    assert refusal(verify(log)) == 'checkpoint: it is of the log "other.example/ledger"'


@pytest.mark.parametrize("size", [3, 257, 40_000, 65_836])
def test_go_refuses_a_fork(verify: Verify, log: Path, size: int) -> None:
    # the log signs two histories: both are whole, and one entry is another
    forked, _ = TreeEdge().grow(leaf_hashes([*map(entry, range(size - 1)), b"another history"]))
    put(log / f"earlier/{size}", signed(size, forked.root()))
    assert refusal(verify(log)) == f"earlier head {size}: invalid transparency proof"


def test_go_refuses_a_log_that_has_become_smaller(verify: Verify, log: Path, tmp_path: Path) -> None:
    write_log(tmp_path / "smaller", [257])
    put(tmp_path / "smaller/earlier/65837", (log / "checkpoint").read_bytes())
    assert refusal(verify(tmp_path / "smaller")).startswith("earlier head 65837: ")


@pytest.mark.parametrize(
    ("kind", "reason"), [("inclusion 256", "inclusion proof of 256"), ("consistency 257", "consistency proof from 257")]
)
def test_go_refuses_one_bit_in_a_proof(verify: Verify, log: Path, kind: str, reason: str) -> None:
    path = log / "proofs"
    flip(path, path.read_bytes().index(f"{kind} ".encode()) + len(kind) + 3)
    assert refusal(verify(log)) == f"{reason}: invalid transparency proof"
