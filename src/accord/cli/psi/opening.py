"""Making a session: what an organisation may be told of becomes a set under a key of its own, and the ledger says so.

The set is made from the audience's view, as a channel's objects are. Key and set get their place in the workspace, then
one transaction appends the entries, and records the disclosure, the session and the row in the log of consultations.
What was never committed is removed by the next command; nothing of it was handed out.
"""

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy import Connection

from accord.access.consultations import Processing, record
from accord.agreements.declarations import DatasetId
from accord.check.psi.commitment import Commitment
from accord.check.psi.group import UNIFORM_BYTES
from accord.check.psi.inputs import encode_input
from accord.check.psi.oprf import derive_key
from accord.check.psi.sessions import fact_of, next_epoch, record_session, reference
from accord.check.psi.sets import ENTRY_BYTES, demand_room, make_set
from accord.check.psi.spreading import Spread
from accord.cli.acting import acting
from accord.cli.channels.witnessing import kept_back, queue_once
from accord.cli.ledgers.opening import publish
from accord.cli.operations.gathering import Gathered, gather, now_permitted, read_purpose
from accord.cli.operations.running import channel_views
from accord.cli.places import reference_in_use
from accord.cli.psi.closing import end_over, remove_unknown
from accord.cli.psi.places import SET, place_of_session, write_key
from accord.cli.readying import Progress, cores
from accord.cli.releases.desk import FINDINGS, Desk, desk
from accord.cli.releases.releasing import Tally, combine, hold_back, resting_of, shares_of, tally_of
from accord.cli.terminal import counted, progress_bar, say, say_json
from accord.journal import book
from accord.operations.declaration import Recipient
from accord.release.basis import Basis
from accord.release.disclosures import Disclosure, record_disclosure
from accord.release.policy import Mask, Terms
from accord.release.question import SIGN_NOTHING, Audience
from accord.release.recall import demand_ended
from accord.release.view import StoredView
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.errors import NotAgreedError, OutputError, SettingsError
from accord.vocabulary.markings import MARKINGS, Marking
from accord.vocabulary.roles import VICTIM_ROLES
from accord.workspace.jobs import JobKind, queue

PURPOSES = frozenset({Purpose.VICTIM_NOTIFICATION, Purpose.NETWORK_DEFENCE})
"""For these an organisation may look for its own values."""

KEY_INFO = b"accord-psi-key/v1"
_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What goes into a set."""

    inputs: list[bytes]
    """Each once."""
    tally: Tally


def audience_of(recipient: Recipient) -> Audience:
    """The organisation, which is known by a token."""
    return Audience(recipients=(recipient,), encrypted=True, by_token=True)


def open_session(
    folder: Path,
    file: Path,
    *,
    to: str,
    budget: int,
    lasts: timedelta,
    purpose: str | None,
    person: str | None,
    why: str | None,
    as_json: bool,
) -> None:
    """Make a session and say what it is. Raises AccordError."""
    with desk(folder, acting(person, why)) as hub, progress_bar() as progress:
        said, entry, covered = _made(hub, file, to, budget, lasts, read_purpose(purpose), progress)
    told = {
        "session": str(said.session),
        "organisation": said.organisation,
        "epoch": said.epoch,
        "ends": said.ends.isoformat(),
        "budget": said.budget,
        "entries_of_set": said.entries,
        "public_key": said.public_key,
        "set_sha256": said.set_sha256,
        "digest": said.digest,
        "entry": entry,
        "witnessed": covered,
    }
    if as_json:
        say_json(told)
        return
    say(f"Session {said.session} for {said.organisation}, epoch {said.epoch}, until {said.ends:%Y-%m-%d %H:%M} UTC")
    say(f"  budget: {counted(said.budget, 'value')}")
    say(f"  set: {counted(said.entries, 'entry', 'entries')} of {ENTRY_BYTES} bytes, SHA-256 {said.set_sha256}")
    say(f"  public key: {said.public_key}")
    say(f"  ledger: entry {entry}, digest {said.digest}")
    if not covered:
        say("Too few witnesses have cosigned the ledger: the session can be used once they have.")


def _made(
    hub: Desk, file: Path, to: str, budget: int, lasts: timedelta, purpose: Purpose | None, progress: Progress
) -> tuple[Commitment, int, bool]:
    database = hub.ledger.database
    remove_unknown(hub)
    with database.reading() as connection:
        now = book.moment(connection, datetime.now(UTC))
        demand_ended(connection)
    end_over(hub, now)
    gathered = gather(hub.workspace, database, file, purpose, out_at=now)
    recipient = _recipient(gathered, to)
    if not gathered.arrivals:
        raise SettingsError(
            "There is no delivery that a session could be made from.",
            where=str(hub.workspace.root),
            expected=f"a delivery for {', '.join(one.id for one in gathered.operation.datasets)} that may be used for "
            f"{gathered.purpose}",
            got="none",
            remedy=f"`accord delivery add DATASET FILE --in {hub.workspace.root}` takes one",
        )
    with database.reading() as connection:
        next_epoch(connection, recipient.partner.id, now)
    combine(hub, gathered)
    hold_back(hub, gathered)
    terms = gathered.terms(gathered.register, now)
    with hub.workspace.staging() as staging:
        found = _found(hub, gathered, terms, recipient, staging, progress)
        return _committed(hub, gathered, terms, recipient, found, budget, lasts, staging, progress)


def _recipient(gathered: Gathered, to: str) -> Recipient:
    if gathered.purpose not in PURPOSES:
        raise SettingsError(
            "For this purpose no organisation looks for its own values.",
            where="--purpose, or operation.purpose",
            expected=", ".join(sorted(PURPOSES)),
            got=gathered.purpose,
        )
    mine = [one for one in gathered.operation.recipients if one.partner.id == to]
    if len(mine) != 1:
        names = sorted({one.partner.id for one in gathered.operation.recipients})
        raise SettingsError(
            "The operation has no such recipient." if not mine else "The operation names the recipient several times.",
            where="--to",
            expected=", ".join(names) or "a partner that [[recipient]] names",
            got=to,
        )
    if mine[0].partner.kind in SIGN_NOTHING:
        raise SettingsError(
            "Who signs nothing is no organisation that could ask.",
            where="--to",
            expected="a partner with an agreement",
            got=f"{to}, which stands for {mine[0].partner.kind}",
        )
    # what goes over the wire is masked: nobody can read it on its way
    return replace(mine[0], persons=(), encrypted=True)


def _found(
    hub: Desk, gathered: Gathered, terms: Terms, recipient: Recipient, staging: Path, progress: Progress
) -> Found:
    """What the rules let the organisation be told of, and on what it rests. Raises NotAgreedError for nothing."""
    scratch = staging / "views"
    scratch.mkdir()
    with hub.ledger.database.reading() as connection:
        back = kept_back(connection, terms.release.at)
    inputs: set[bytes] = set()
    traces: list[pa.Table] = []
    with channel_views(
        gathered.operation,
        scratch,
        channel=f"psi for {recipient.partner.id}",
        audience=audience_of(recipient),
        reference=reference_in_use(),
        workers=cores(),
        progress=progress,
        arrivals=gathered.arrivals,
        terms=terms,
    ) as views:
        for stored, rows in views:
            chosen = _chosen(stored, gathered.purpose, back)
            ids: set[str] = set()
            for finding, said in _inputs(stored, chosen):
                inputs.add(said)
                ids.add(finding)
                demand_room(len(inputs))
            held = pq.read_table(rows)
            traces.append(held.filter(pc.is_in(held["finding_id"], value_set=pa.array(sorted(ids), pa.string()))))
    resting = pa.concat_tables(traces) if traces else None
    if resting is None or not len(resting):
        raise NotAgreedError(
            "Nothing of the operation may be told to the organisation: no session is made.",
            where=f"operation {gathered.operation.name}, {recipient.partner.id}",
            remedy="`accord release explain` says which rule keeps what back",
        )
    return Found(inputs=sorted(inputs), tally=tally_of(resting, _markings(resting)))


def _chosen(stored: StoredView, purpose: Purpose, back: frozenset[str]) -> Mask:
    """Which findings of a view go into the set: none that awaits a review or is kept back; for victims, victims."""
    findings = stored.load().findings
    chosen = np.asarray(pc.equal(pc.list_value_length(findings["review"]), 0))
    chosen &= ~np.asarray(pc.is_in(findings["finding_id"], value_set=pa.array(sorted(back), pa.string())))
    if purpose is Purpose.VICTIM_NOTIFICATION:
        victims = pa.array(sorted(role.value for role in VICTIM_ROLES))
        chosen &= np.asarray(pc.is_in(findings["role"], value_set=victims))
    return chosen


def _inputs(stored: StoredView, chosen: Mask) -> Iterator[tuple[str, bytes]]:
    """Finding and input of each day on which a chosen finding was seen; one may come more than once."""
    view = stored.load()
    ids, kinds, values = (view.findings[name].combine_chunks() for name in ("finding_id", "type", "value"))
    for piece in view.sightings.pieces():
        row = piece["row"].to_numpy()
        day = piece["seen_at"].cast(pa.int64()).to_numpy() // _DAY_US
        mine = chosen[row]
        pairs = np.unique(np.stack([row[mine], day[mine]], axis=1), axis=0)
        days = np.datetime_as_string(pairs[:, 1].astype("datetime64[D]"))
        for at, said in zip(pairs[:, 0].tolist(), days.tolist(), strict=True):
            yield ids[at].as_py(), encode_input(kinds[at].as_py(), values[at].as_py(), said)


def _markings(traces: pa.Table) -> dict[DatasetId, Marking]:
    found: dict[DatasetId, Marking] = {}
    for row in traces.group_by(["dataset", "marking"]).aggregate([]).to_pylist():
        name, marking = DatasetId(row["dataset"]), Marking(row["marking"])
        found[name] = max(marking, found.get(name, marking), key=MARKINGS.index)
    return found


def _committed(
    hub: Desk,
    gathered: Gathered,
    terms: Terms,
    recipient: Recipient,
    found: Found,
    budget: int,
    lasts: timedelta,
    staging: Path,
    progress: Progress,
) -> tuple[Commitment, int, bool]:
    """Make key and set, let them appear, and commit to them in one transaction."""
    session, disclosure = uuid4(), uuid4()
    secret, public = derive_key(secrets.token_bytes(UNIFORM_BYTES // 2), KEY_INFO)
    spread = Spread(threads=cores(), follow=lambda done, total: progress("making the set", done, total))
    masked = make_set(secret, found.inputs, secrets.token_bytes, spread)
    new, resting = staging / "new", staging / "resting"
    new.mkdir(mode=0o700)
    resting.mkdir()
    write_key(new, secret)
    (new / SET).write_bytes(masked)
    pq.write_table(resting_of(found.tally.traces), resting / FINDINGS)
    hub.workspace.publish(new, place_of_session(hub.workspace.root, session))
    hub.workspace.publish(resting, hub.place(disclosure))
    with hub.ledger.database.writing() as connection:
        at = book.moment(connection, datetime.now(UTC))
        _demand_unchanged(connection, gathered, terms, recipient, at)
        said = Commitment(
            session=session,
            ledger=hub.ledger.place.origin,
            organisation=recipient.partner.id,
            country=recipient.country,
            purpose=gathered.purpose,
            epoch=next_epoch(connection, recipient.partner.id, at),
            begins=at.replace(microsecond=0),
            ends=at.replace(microsecond=0) + lasts,
            public_key=public.hex(),
            budget=budget,
            entries=len(masked) // ENTRY_BYTES,
            set_sha256=hashlib.sha256(masked).hexdigest(),
        )
        entry = _recorded(hub, connection, gathered, terms, recipient, found.tally, said, disclosure, at)
    covered = publish(hub.ledger, datetime.now(UTC)).covers(entry)
    if not covered:
        with hub.ledger.database.writing() as connection:
            queue_once(connection, JobKind.RELEASE, hub.actor.person, at)
    return said, entry, covered


def _recorded(
    hub: Desk,
    connection: Connection,
    gathered: Gathered,
    terms: Terms,
    recipient: Recipient,
    tally: Tally,
    said: Commitment,
    disclosure: UUID,
    at: datetime,
) -> int:
    """Record the disclosure and the session with their entries; the number of the one that commits to it."""
    embargo = gathered.operation.embargo
    opens_at = at if embargo is None else max(at, embargo)
    shares = shares_of(hub, gathered, terms, recipient, tally)
    record_disclosure(
        connection,
        Disclosure(
            id=disclosure,
            made_at=at,
            operation=gathered.operation.name,
            recipient=recipient.partner.id,
            country=recipient.country,
            purpose=gathered.purpose,
            channel=reference(said.session),
            marking=max(tally.markings.values(), key=MARKINGS.index),
            findings=tally.findings,
            sealed=said.digest,
            fingerprint=None,
            secret=None,
            entries=range(0),
            handed_over_at=None,
            received_at=None,
            basis=Basis.of(tally.traces, gathered.operation.datasets, terms, recipient).encode(),
        ),
        shares,
        tally.sources,
        draw=secrets.token_bytes,
        opens_at=opens_at,
    )
    agreements = {one for share in shares for one in share.agreements}
    fact = fact_of(said, at=at, agreements=agreements, findings=tally.findings)
    (entry,) = book.append(
        connection, [fact], draw=secrets.token_bytes, opens_at=opens_at, reference=reference(said.session)
    )
    record_session(connection, said, disclosure=disclosure, operation=gathered.operation.name, entry=entry)
    record(
        connection,
        Processing.DISCLOSURE,
        person=hub.actor.person,
        justification=hub.actor.justification or f"operation {gathered.operation.name}",
        object=f"disclosure {disclosure}",
        recipients=[recipient.partner.id],
        now=at,
    )
    if embargo is not None and embargo > at:
        queue(connection, JobKind.NOTIFY, {"person": hub.actor.person}, now=at, not_before=embargo)
    return entry


def _demand_unchanged(
    connection: Connection, gathered: Gathered, terms: Terms, recipient: Recipient, at: datetime
) -> None:
    """Raise OutputError unless the rules permit what they did."""
    audience = audience_of(recipient)
    promised = terms.grid(gathered.operation.datasets, audience)
    permitted = now_permitted(connection, gathered, at).grid(gathered.operation.datasets, audience)
    if (promised & ~permitted).any():
        raise OutputError(
            "What may be released has changed while it was made ready; no session is made.",
            where=f"operation {gathered.operation.name}, {recipient.partner.id}",
            remedy="`accord agreement list` shows what is in force; then call it again",
        )
