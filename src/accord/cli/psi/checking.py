"""An organisation's side: what the hub committed to is verified, values are asked about masked, and compared here."""

import csv
import fcntl
import io
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from uuid import UUID, uuid4

import msgspec

from accord.check.psi.commitment import Commitment, Offer, verify_offer
from accord.check.psi.group import ELEMENT_BYTES, NotAnElementError
from accord.check.psi.inputs import MOST_BYTES, Reject, Row, Sheet, read_sheet
from accord.check.psi.oprf import PROOF_BYTES, blind, blinds, finalise_proven
from accord.check.psi.routes import (
    MOST_ELEMENTS,
    MOST_OFFER_BYTES,
    OCTETS,
    SESSION,
    cut,
    decode_offer,
    request_path,
    set_path,
)
from accord.check.psi.sets import ENTRY_BYTES, MaskedSet, read_set
from accord.check.psi.spreading import Spread
from accord.cli.deliveries.mine import read_token
from accord.cli.places import reference_in_use
from accord.cli.readying import cores
from accord.cli.releases.packages import read_policy
from accord.cli.terminal import counted, progress_bar, say_json, talk
from accord.exchange.asking import Asking, Bounds, Told, unfit
from accord.vocabulary.errors import (
    NotAgreedError,
    OutputError,
    RefusedFileError,
    SettingsError,
    UnprovenError,
    UnreadableError,
)
from accord.workspace.peers import demand_url
from accord.workspace.regular import read_small

STATE = "accord-psi-state/v1"
_MOST_STATE_BYTES = 1 << 20
PAUSES_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""After these a request that got no answer is put again under its number: it costs nothing twice."""
_COME_AGAIN = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
_REJECTS_SHOWN = 10

_Follow = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """What came of it."""

    commitment: Commitment
    entry: int
    asked: int
    """Values."""
    of: int
    """Rows that ask about one."""
    rows: tuple[Row, ...]
    """Those that match, in the order of the file."""


def check_file(
    customers: Path,
    at: str,
    policy_file: Path,
    *,
    organisation: str | None,
    token_file: Path | None,
    ca_file: Path | None,
    state: Path,
    out: Path | None,
    as_json: bool,
) -> None:
    """Say which rows of a file match. Raises AccordError; then nothing is written."""
    place = at.rstrip("/")
    demand_url(place, "--at")
    token = read_token(token_file)
    policy = read_policy(policy_file)
    data = read_small(customers, MOST_BYTES, expected="CSV of what is asked about, that may be read")
    sheet = read_sheet(data, str(customers), reference_in_use().suffixes.is_public_suffix)
    if not as_json:
        _tell_rejects(customers, sheet.rejects)
    if not sheet.inputs:
        raise RefusedFileError(
            "The file has no row that could be asked about.",
            where=str(customers),
            got=counted(len(sheet.rejects), "row") + " that are wrong",
        )
    if out is not None:
        _demand_place(out)
    headers = {"authorization": f"Bearer {token}"}
    with progress_bar() as follow:
        with Asking(headers, ca_file=ca_file, bounds=Bounds(answer_bytes=MOST_OFFER_BYTES)) as asking:
            offer = _offer(asking, place)
        said, entry = verify_offer(offer, policy)
        if organisation not in {None, said.organisation}:
            raise UnprovenError(
                "The hub offers a session that is another organisation's: its key would be shared with others.",
                where=place,
                expected=str(organisation),
                got=said.organisation,
                remedy="rely on nothing that it answers, and ask the hub how it came about",
            )
        _demand_lasting(said, datetime.now(UTC), place)
        remember(state, said)
        inputs = sheet.inputs
        if len(inputs) > offer.left:
            raise SettingsError(
                "The file has more values than may be asked about.",
                where=str(customers),
                expected=f"at most {counted(offer.left, 'value')}: what is left of the budget of {said.budget:,}",
                got=counted(len(inputs), "value"),
                remedy="ask about fewer, or ask the hub for another session",
            )
        bounds = Bounds(answer_s=300.0, answer_bytes=max(said.entries * ENTRY_BYTES, MOST_OFFER_BYTES))
        with Asking(headers, ca_file=ca_file, bounds=bounds) as asking:
            follow("fetching the set", 0, 0)
            masked = _set(asking, place, said)
            outputs = ask_about(asker(asking, place, said.session, follow, time.sleep), inputs, said, follow)
    met = [value for value, found in zip(inputs, outputs, strict=True) if found in masked]
    done = Matched(commitment=said, entry=entry, asked=len(inputs), of=sheet.count, rows=tuple(sheet.rows(met)))
    _show(sheet, done, out, as_json=as_json)


Ask = Callable[[UUID, bytes], bytes]
"""The answer to a request of that number with these bytes."""


def ask_about(ask: Ask, inputs: Sequence[bytes], said: Commitment, follow: _Follow) -> list[bytes]:
    """The first bytes of F(k, x) of each input, proven under the key of a commitment. Raises UnprovenError."""
    public, found = bytes.fromhex(said.public_key), list[bytes]()
    spread = Spread(threads=cores(), piece=128)
    for begin in range(0, len(inputs), MOST_ELEMENTS):
        follow("asking about values", begin, len(inputs))
        part = inputs[begin : begin + MOST_ELEMENTS]
        scalars = blinds(len(part), secrets.token_bytes)
        blinded = blind(part, scalars, spread)
        answer = ask(uuid4(), b"".join(blinded))
        end = len(part) * ELEMENT_BYTES
        if len(answer) != end + PROOF_BYTES:
            raise UnprovenError(
                "The hub's answer is not as long as it should be.",
                expected=f"{end + PROOF_BYTES:,} bytes",
                got=f"{len(answer):,}",
            )
        try:
            outputs = finalise_proven(part, scalars, cut(answer[:end]), blinded, public, answer[end:], spread)
        except NotAnElementError as error:
            raise UnprovenError("The hub's answer holds what is no element.", got=str(error)) from error
        found += [one[:ENTRY_BYTES] for one in outputs]
    follow("asking about values", len(inputs), len(inputs))
    return found


def _offer(asking: Asking, place: str) -> Offer:
    told = _demand_ok(asking.ask("GET", place + SESSION), place + SESSION)
    try:
        return decode_offer(told.body)
    except ValueError as error:
        raise unfit(place + SESSION, "a session's offer", str(error)) from error


def _set(asking: Asking, place: str, said: Commitment) -> MaskedSet:
    url = place + set_path(str(said.session))
    return read_set(_demand_ok(asking.ask("GET", url), url).body, said.entries, said.set_sha256, url)


def asker(asking: Asking, place: str, session: UUID, follow: _Follow, wait: Callable[[float], None]) -> Ask:
    """What puts requests to a hub's service, and puts them again, under their numbers, while it has no time for them.

    What was answered before is spent: one that gave up at the first line that breaks would have spent it for nothing.
    """

    def ask(request: UUID, body: bytes) -> bytes:
        url = place + request_path(str(session), str(request))
        for pause_s in PAUSES_S:
            waits_s = pause_s
            with suppress(UnreadableError):
                told = asking.ask("PUT", url, body=body, headers={"content-type": OCTETS})
                if told.status not in _COME_AGAIN:
                    return _demand_ok(told, url).body
                waits_s = max(pause_s, _retry_after(told))
            follow("waiting for the hub", 0, 0)
            wait(waits_s)
        return _demand_ok(asking.ask("PUT", url, body=body, headers={"content-type": OCTETS}), url).body

    return ask


def _retry_after(told: Told) -> float:
    """For how long a hub asks to be left alone (RFC 9110, 10.2.3), and no longer than one waits at most."""
    said = told.headers.get("retry-after", "")
    return float(min(int(said), max(PAUSES_S))) if said.isascii() and said.isdigit() and len(said) < 10 else 0.0


def _demand_ok(told: Told, url: str) -> Told:
    if told.status == HTTPStatus.OK:
        return told
    try:
        words = str(json.loads(told.body)["detail"])
    except (ValueError, KeyError, TypeError, RecursionError):
        words = ""
    later = told.status in _COME_AGAIN
    remedy = "the same command goes on later" if later else "ask the hub"
    if told.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        remedy = "the token needs the scope `check`, and must not have ended or been revoked"
    kind = UnreadableError if later or told.status >= HTTPStatus.INTERNAL_SERVER_ERROR else NotAgreedError
    raise kind(
        "The hub does not answer that.",
        where=url,
        expected="status 200",
        got=f"status {told.status}{f': {words}' if words else ''}",
        remedy=remedy,
    )


def _demand_lasting(said: Commitment, now: datetime, place: str) -> None:
    if now >= said.ends:
        raise UnprovenError(
            "The hub offers a session that is over.",
            where=place,
            expected=f"one that lasts at {now:%Y-%m-%d %H:%M} UTC",
            got=f"epoch {said.epoch}, which ended at {said.ends:%Y-%m-%d %H:%M} UTC",
            remedy="see that this machine's clock is right, then ask the hub",
        )


def remember(state: Path, said: Commitment) -> None:
    """Keep to what the hub has committed to in an epoch. Raises UnprovenError when it says something else by now."""
    name = f"{said.ledger} {said.organisation}"
    mine = _Known(epoch=said.epoch, digest=said.digest, public_key=said.public_key)
    with _turn(state):
        known = _read_state(state)
        before = known.get(name)
        if before is not None and (before.epoch > said.epoch or (before.epoch == said.epoch and before != mine)):
            raise UnprovenError(
                "The hub committed to something else in this epoch before.",
                where=f"{name}, epoch {said.epoch}",
                expected=f"epoch {before.epoch}, key {before.public_key}, digest {before.digest}",
                got=f"key {said.public_key}, digest {said.digest}",
                remedy=f"rely on nothing that it answers; keep {state} and ask the hub how it came about",
            )
        if before != mine:
            _write(state, msgspec.json.encode(_State(version=STATE, sessions=known | {name: mine})) + b"\n")


@contextmanager
def _turn(state: Path) -> Iterator[None]:
    """One command after the other: of two at once, one would not know what the other has met, and forget it."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        lock = os.open(state.with_name(f".{state.name}.lock"), flags, 0o600)
    except OSError as error:
        raise OutputError("The file cannot be written.", where=str(state), got=error.strerror) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """What a hub has committed to last."""

    epoch: int
    digest: str
    public_key: str


class _State(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    sessions: dict[str, _Known]
    """By ledger and organisation."""


def _read_state(state: Path) -> dict[str, _Known]:
    if not state.exists():
        return {}
    try:
        told = msgspec.json.decode(read_small(state, _MOST_STATE_BYTES), type=_State)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        told = None
    if told is None or told.version != STATE:
        raise UnreadableError(
            "The file of what hubs have committed to holds something else.",
            where=str(state),
            expected=STATE,
            remedy="name another with --state; a new one forgets what was committed to before",
        )
    return told.sessions


def _demand_place(out: Path) -> None:
    """Raise OutputError where a file cannot be made: before anything is asked, and spent for it."""
    if out.exists():
        raise OutputError("There is a file already.", where=str(out), remedy="choose another --out")
    try:
        draft, descriptor = _draft(out)
        os.close(descriptor)
        draft.unlink()
    except OSError as error:
        raise OutputError("The file cannot be written.", where=str(out), got=error.strerror) from error


def _draft(path: Path) -> tuple[Path, int]:
    """A new file beside a path, for its owner alone, open to be written."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    return draft, os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def _write(path: Path, data: bytes) -> None:
    """Write a file for its owner alone, whole or not at all."""
    draft = None
    try:
        draft, descriptor = _draft(path)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        if draft is not None:
            draft.unlink(missing_ok=True)
        raise OutputError("The file cannot be written.", where=str(path), got=error.strerror) from error


def _tell_rejects(customers: Path, rejects: Sequence[Reject]) -> None:
    for one in rejects[:_REJECTS_SHOWN]:
        where = f"{customers}, line {one.line}{f', {one.column}' if one.column else ''}"
        talk(f"rejected: {where}: {one.reason}: {one.text}")
    if len(rejects) > _REJECTS_SHOWN:
        talk(f"rejected: {counted(len(rejects) - _REJECTS_SHOWN, 'row')} more (--json lists all)")


def _show(sheet: Sheet, done: Matched, out: Path | None, *, as_json: bool) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(sheet.header)
    writer.writerows(one.cells for one in done.rows)
    if out is not None:
        _write(out, text.getvalue().encode())
    said = done.commitment
    if as_json:
        say_json(
            {
                "ledger": said.ledger,
                "entry": done.entry,
                "organisation": said.organisation,
                "session": str(said.session),
                "epoch": said.epoch,
                "public_key": said.public_key,
                "set_sha256": said.set_sha256,
                "rows": done.of,
                "asked": done.asked,
                "matches": [dict(zip(sheet.header, one.cells, strict=True)) | {"line": one.line} for one in done.rows],
                "rejects": [
                    {"line": one.line, "column": one.column, "reason": one.reason, "text": one.text}
                    for one in sheet.rejects
                ],
            }
        )
        return
    if out is None:
        sys.stdout.write(text.getvalue())
    matched = f"{counted(len(done.rows), 'row')} of {done.of:,} {'matches' if len(done.rows) == 1 else 'match'}"
    talk(f"{matched}; the hub learned that {counted(done.asked, 'value')} were asked about")
    talk(f"it had committed to its answers to {said.organisation} in {said.ledger}, entry {done.entry}")
