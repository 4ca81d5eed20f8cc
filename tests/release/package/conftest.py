"""A hub with a ledger and two witnesses, its recipient, and one package from the content to what opens it."""

import io
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from uuid import UUID

import pytest

from accord.journal.facts import Fact
from accord.ledger.checkpoints import Checkpoint
from accord.ledger.commitments import commit, encode_openings
from accord.ledger.notes import Note, SignatureType, SigningKey, add_signatures, sign_note
from accord.ledger.policies import Policy, parse_policy
from accord.ledger.proofs import LogProof
from accord.ledger.tree import Frontier, inclusion_proof, leaf_hash, leaf_hashes, node_hash
from accord.release.package.keys import RecipientKeys, make_keys
from accord.release.package.manifest import (
    DatasetNamed,
    Handling,
    HubNamed,
    OperationNamed,
    RecipientNamed,
    Statement,
    facts,
)
from accord.release.package.reading import PackedEntry
from accord.release.package.sealing import Sealed, hand_over, pack, seal
from accord.vocabulary.datasets import Origin, Purpose
from accord.vocabulary.handling import HandlingCode, OnwardSharing, Pap
from accord.vocabulary.markings import Marking

NOW = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
FILES = {
    "car.en.pdf": b"%PDF-" + bytes(range(256)) * 300,
    "findings.csv": b"finding_id,value\n1,192.0.2.1\n",
    "by-network/AS64500.csv": b"",
    "by-network/AS64501.csv": b"value\n192.0.2.1\n",
}
STATEMENT = Statement(
    package=UUID("7e57d004-2b97-4e7a-b45f-5387367791cd"),
    ledger="fusion.example/ledger",
    hub=HubNamed(name="National fusion centre", contact="desk@fusion.example"),
    made_at=NOW,
    simulated=True,
    operation=OperationNamed(name="october-2026", title="Infected machines in October 2026"),
    recipient=RecipientNamed(partner="csirt-th", name="CSIRT of Thailand"),
    country="TH",
    purpose=Purpose.VICTIM_NOTIFICATION,
    marking=Marking.AMBER_STRICT,
    handling=Handling(
        pap=Pap.AMBER,
        iep=None,
        codes=(HandlingCode.H0, HandlingCode.H3),
        text="Not to be shown to the press.",
        onward_sharing=OnwardSharing.WITH_CONSENT,
        retention="P1Y",
    ),
    findings=1104,
    datasets=(
        DatasetNamed(
            name="A vendor's sinkhole",
            origin=Origin.SINKHOLE,
            marking=Marking.AMBER_STRICT,
            agreements=("csirt-th-2026", "vendor-2024"),
            findings=1100,
        ),
        DatasetNamed(
            name="data set 0123456789ab", origin=Origin.HONEYPOT, marking=Marking.GREEN, agreements=(), findings=7
        ),
    ),
)


def key(name: str, kind: SignatureType = SignatureType.COSIGNATURE_V1) -> SigningKey:
    return SigningKey(name=name, type=kind, seed=Random(name).randbytes(32))


@dataclass(kw_only=True)
class Hub:
    """A ledger and its witnesses, kept in memory; the other side of what a recipient holds."""

    log: SigningKey = field(default_factory=lambda: key("fusion.example/ledger", SignatureType.ED25519))
    witnesses: tuple[SigningKey, ...] = (key("north.example/w"), key("south.example/w"))
    entries: list[bytes] = field(default_factory=lambda: [b"before"])
    random: Random = field(default_factory=lambda: Random(7))

    @property
    def policy_text(self) -> bytes:
        north, south = (one.verifier for one in self.witnesses)
        return (
            f"log {self.log.verifier}\nwitness north {north}\nwitness south {south}\n"
            "group witnesses all north south\nquorum witnesses\n"
        ).encode()

    @property
    def policy(self) -> Policy:
        return parse_policy(self.policy_text)

    def append(self, said: Sequence[Fact]) -> tuple[PackedEntry, ...]:
        packed = []
        for one in said:
            entry, openings = commit(one.values(), self.random.randbytes)
            packed.append(
                PackedEntry(number=len(self.entries), entry=entry.encode(), openings=encode_openings(openings))
            )
            self.entries.append(entry.encode())
        return tuple(packed)

    def checkpoint(self, witnesses: Sequence[SigningKey] | None = None) -> Note:
        frontier = Frontier().append(leaf_hashes(self.entries))
        text = Checkpoint(origin=self.log.name, size=frontier.size, root=frontier.root()).text
        cosigned = [one.cosign(text, 1_795_773_600) for one in (self.witnesses if witnesses is None else witnesses)]
        return add_signatures(sign_note(text, [self.log]), cosigned)

    def proofs(self, entries: Sequence[PackedEntry], note: Note | None = None) -> list[LogProof]:
        note = self.checkpoint() if note is None else note

        def node(height: int, at: int) -> bytes:
            if height == 0:
                return leaf_hash(self.entries[at])
            return node_hash(node(height - 1, 2 * at), node(height - 1, 2 * at + 1))

        return [
            LogProof(index=one.number, hashes=inclusion_proof(one.number, len(self.entries), node), checkpoint=note)
            for one in entries
        ]


@dataclass(frozen=True, kw_only=True)
class Handed:
    """A package and its handover, as they lie at the recipient; and what the hub remembers of it."""

    package: Path
    handover: Path
    policy: Policy
    sealed: Sealed
    entries: tuple[PackedEntry, ...]


Make = Callable[..., Handed]


@pytest.fixture(scope="session")
def hub() -> type[Hub]:
    return Hub


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> RecipientKeys:
    return make_keys(tmp_path_factory.mktemp("keys"), "csirt-th.example", draw=Random(1).randbytes)


@pytest.fixture(scope="session")
def statement() -> Statement:
    return STATEMENT


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory, keys: RecipientKeys) -> Make:
    """Make a package: of these files, with changes to what the statement says, in this hub's ledger."""

    def made(
        files: Mapping[str, bytes] = FILES, ledger: Hub | None = None, named: str | None = None, **changes: object
    ) -> Handed:
        folder = tmp_path_factory.mktemp("package")
        for name, data in files.items():
            path = folder / "content" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        (folder / "content").mkdir(exist_ok=True)
        ledger = ledger or Hub()
        said = replace(STATEMENT, **{"ledger": named or ledger.log.name, **changes})  # type: ignore[arg-type]
        sealed = seal(folder / "content", said, folder, draw=ledger.random.randbytes)
        entries = ledger.append(facts(said, sealed.digest, NOW))
        ledger.entries += [b"after", b"that"]
        pack(folder, entries, ledger.policy_text, folder / "package")
        hand_over(
            folder / "package",
            ledger.proofs(entries),
            ledger.policy,
            identity=sealed.identity,
            recipient=keys.age,
            out=folder / "handover",
        )
        return Handed(
            package=folder / "package",
            handover=folder / "handover",
            policy=ledger.policy,
            sealed=sealed,
            entries=entries,
        )

    return made


@pytest.fixture(scope="session")
def handed(make: Make) -> Handed:
    """The one package that tests change copies of."""
    return make()


def members(data: bytes) -> dict[str, bytes]:
    """What Python's own tar reads."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {one.name: archive.extractfile(one).read() for one in archive.getmembers()}  # type: ignore[union-attr]


def packed(files: Mapping[str, bytes]) -> bytes:
    """A tar as Python's own writes it, with neither owner nor time, and without filling up the last record."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    end = sum(512 + len(data) + -len(data) % 512 for data in files.values()) + 1024
    assert not any(out.getvalue()[end:])
    return out.getvalue()[:end]


@pytest.fixture(scope="session")
def tar() -> tuple[Callable[[bytes], dict[str, bytes]], Callable[[Mapping[str, bytes]], bytes]]:
    """Python's own tar, to read and to write: the twin of ours."""
    return members, packed
