"""What a hub publishes is accepted by Go's `golang.org/x/mod/sumdb`, and refused with one bit of it changed."""

import secrets
import shutil
from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path

from accord.journal import book
from accord.journal.facts import Fact, Kind
from accord.ledger.notes import encode_base64, parse_signing_key
from accord.ledger.reading import TiledTree
from accord.ledger.tiles import HashTile
from accord.vocabulary.datasets import Origin
from accord.vocabulary.markings import Marking
from accord.workspace.database import open_database, place_of
from tests.cli.test_cli_ledger import DIGEST, NOW
from tests.ledger.test_ledger_go import Verify, flip, put, refusal, verify  # noqa: F401 -- verify: a fixture
from tests.simulators.witness import Witness, served

FIRST, LAST = 3, 260
"""The sizes at which it is published: before and after a tile of level 0 is full."""
INDEXES = (0, 1, 255, 256, LAST - 1)


def enter(hub: Path, counts: Sequence[int]) -> None:
    facts = [
        Fact(
            kind=Kind.DELIVERY,
            at=NOW,
            count=count,
            dataset="Infected machines",
            origin=Origin.SINKHOLE,
            partner="vendor",
            marking=Marking.AMBER,
            digest=DIGEST,
        )
        for count in counts
    ]
    with open_database(place_of(hub / "workspace.toml")) as database, database.writing() as connection:
        book.append(connection, facts, draw=secrets.token_bytes, opens_at=NOW)


def prove(folder: Path) -> None:
    """Add proofs as Accord makes them, out of the files that are published."""
    _, size, root, *_ = (folder / "checkpoint").read_text("utf-8").splitlines()
    assert size == str(LAST)

    def read_tile(level: int, index: int, width: int) -> bytes:
        return (folder / HashTile(level=level, index=index, width=width).path).read_bytes()

    tree = TiledTree(LAST, b64decode(root), read_tile)
    proofs = [("inclusion", index, tree.inclusion_proof(index)) for index in INDEXES]
    proofs += [("consistency", FIRST, tree.consistency_proof(FIRST))]
    lines = [" ".join([kind, str(number), *map(encode_base64, hashes)]) for kind, number, hashes in proofs]
    put(folder / "proofs", "\n".join(lines).encode())


def test_go_accepts_what_a_hub_has_published_and_a_witness_cosigned_and_refuses_it_changed(
    accord_here,
    tmp_path: Path,
    verify: Verify,  # noqa: F811
) -> None:
    hub, heads = tmp_path / "hub", list[bytes]()
    accord_here("init", hub, "--ledger", "hub.example/ledger")
    key = parse_signing_key((hub / "ledger.key").read_text("utf-8").strip())
    with served(Witness("north.example", key.verifier)) as witness:
        line = f"witness north {witness.key.verifier} {witness.url}"
        (hub / "ledger.policy").write_text(f"log {key.verifier}\n{line}\nquorum north\n", "utf-8")
        for counts in (range(FIRST), range(FIRST, LAST)):
            enter(hub, counts)
            accord_here("ledger", "publish", "--in", hub)
            heads.append((hub / "ledger/checkpoint").read_bytes())
            # the log's signature and the witness' cosignature
            assert heads[-1].count("\u2014 ".encode()) == 2
    log = Path(shutil.copytree(hub / "ledger", tmp_path / "log"))
    put(log / f"earlier/{FIRST}", heads[0])
    prove(log)
    done = verify(log, key)
    assert done.stderr == ""
    # a whole tile, one of four hashes, and above them one of one
    assert done.stdout == (
        f"accepted: {LAST} entries, 3 tiles, 1 earlier heads, {len(INDEXES)} inclusion proofs, 1 consistency proofs\n"
    )
    for place, reason in (
        ("tile/0/000", ("tiles: ", "entries: ")),
        ("tile/1/000.p/1", ("tiles: ",)),
        ("tile/entries/000", ("entries: ",)),
        ("tile/entries/001.p/4", ("entries: ",)),
    ):
        spoiled = Path(shutil.copytree(log, tmp_path / place.replace("/", "-")))
        flip(spoiled / place)
        assert refusal(verify(spoiled, key)).startswith(reason), place
    # the hub's size is what it has signed
    spoiled = Path(shutil.copytree(log, tmp_path / "size"))
    flip(spoiled / "checkpoint", (spoiled / "checkpoint").read_bytes().index(str(LAST).encode()))
    assert refusal(verify(spoiled, key)).startswith("checkpoint: ")
