"""A recipient's side of recalls: notices fetched from a hub, and answered offline or at the hub."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from accord.cli.kinds import KEYS, taking
from accord.cli.kinds import NOTICE as NOTICE_KIND
from accord.cli.releases.packages import read_policy
from accord.cli.rights.recalling import ENTRY, FINDINGS, NOTICE, OPENINGS, PROOF, fit, read_note
from accord.cli.terminal import say, say_json, show_table
from accord.exchange.partners.client import AskedHub
from accord.ledger.notes import open_note
from accord.ledger.proofs import parse_proof
from accord.release.notices import (
    Acknowledgement,
    Answer,
    Notice,
    SuppliedNotice,
    listed,
    parse_acknowledgement,
    read_notice,
    sign_acknowledgement,
)
from accord.release.package.keys import RecipientKeys, read_keys
from accord.release.recall import SUPPLIED_FILE, VALUE_FILE
from accord.release.supplied import digest, open_value
from accord.vocabulary.errors import MalformedError, OutputError, SettingsError, UnprovenError

_DISTRUSTED = "do nothing that the notice asks: ask the hub for it anew, in another way than the one in which it came"


def answer_offline(
    file: Path, keys: RecipientKeys, policy: Path | None, note: str, *, done: bool, now: datetime
) -> bytes:
    """A recipient's signed answer to a notice, made without a hub."""
    folder = file if file.is_dir() else file.parent
    with taking((file, NOTICE_KIND)):
        data = read_note(file / NOTICE if file.is_dir() else file)
        notice = read_notice(data)
    if policy is not None:
        _prove(file, notice, data, policy)
    _demand_beside(folder, notice)
    if notice.listed is not None and (folder / FINDINGS).exists():
        findings = [bytes.fromhex(line) for line in (folder / FINDINGS).read_text("ascii").split()]
        if listed(findings) != notice.listed:
            raise UnprovenError(
                "The list of findings is not the one that the notice names.",
                where=str(folder / FINDINGS),
                remedy=_DISTRUSTED,
            )
    answer = Acknowledgement(
        recall=notice.recall,
        package=notice.package,
        notice=hashlib.sha256(data).hexdigest(),
        recipient=notice.recipient,
        answer=Answer.DONE if done else Answer.REFUSED,
        at=now.replace(microsecond=0),
        note=fit(note, "--note"),
    )
    return sign_acknowledgement(answer, keys.receipts)


def write_answer(
    notice: Path,
    keys: Path,
    policy: Path | None,
    note: str,
    out: Path | None,
    *,
    done: bool,
    now: datetime,
    hub: AskedHub | None,
) -> None:
    """Write a recipient's signed answer to a notice into a new file, or hand it to the hub that asks, or both."""
    if out is None and hub is None:
        raise SettingsError(
            "It is not said where the answer goes.", expected="--out FILE, --at URL of the hub, or both"
        )
    with taking((keys, KEYS)):
        own = read_keys(keys)
    data = answer_offline(notice, own, policy, note, done=done, now=now)
    key, recipient = own.receipts.verifier, parse_acknowledgement(data).recipient
    signed = f"Signed for {recipient} with {key.name}+{key.key_id.hex()}"
    if out is not None:
        _keep(data, out)
    if hub is None:
        say(f"{signed}: send {out} back to the hub.")
        say("The hub takes no answer that another key has signed than the one that it knows as yours.")
    else:
        say(f"{signed}, and the hub has it{'' if hub.acknowledge(data) else ': it had it before'}.")


def _keep(answer: bytes, out: Path) -> None:
    try:
        with out.open("xb") as file:
            file.write(answer)
    except OSError as error:
        raise OutputError(
            "The answer cannot be written.", where=str(out), got=error.strerror, remedy="choose another --out"
        ) from error


def list_mine(hub: AskedHub, out: Path | None, *, as_json: bool) -> None:
    """Show the notices that whoever holds the token has still to answer; `out`: also write each one's folder."""
    waiting = list(hub.notices())
    if out is not None:
        for one in waiting:
            name = str(one["name"])
            _fetch(hub, name, out / f"recall-{name.replace('.', '-')}")
    if as_json:
        say_json(waiting)
    elif not waiting:
        say("You have answered every notice.")
    else:
        show_table(
            [(name, False) for name in ("recall", "package", "kind", "findings", "due (UTC)", "why")],
            [
                (
                    str(one["recall"])[:8],
                    one["package"],
                    one["kind"],
                    "all" if one["findings"] is None else f"{one['findings']}",
                    f"{str(one['due'])[:16].replace('T', ' ')}{', overdue' if one['overdue'] else ''}",
                    one["reason"],
                )
                for one in waiting
            ],
            wide=True,
        )


def _fetch(hub: AskedHub, name: str, to: Path) -> None:
    """Write the folder of a notice, unless it is there."""
    if to.exists():
        return
    files = hub.notice(name, frozenset({NOTICE, FINDINGS, ENTRY, OPENINGS, PROOF, SUPPLIED_FILE, VALUE_FILE}))
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        to.mkdir()
        for file, data in files.items():
            (to / file).write_bytes(data)
    except OSError as error:
        raise OutputError(
            "The notice cannot be written.", where=str(to), got=error.strerror, remedy="choose another --out"
        ) from error


def _demand_beside(folder: Path, notice: Notice | SuppliedNotice) -> None:
    """Raise UnprovenError where a file beside a notice to a supplier is not the one that it names."""
    if not isinstance(notice, SuppliedNotice):
        return
    for name, expected in ((SUPPLIED_FILE, notice.supplied), (VALUE_FILE, notice.value)):
        if expected is not None and (folder / name).exists() and digest(read_note(folder / name)) != expected:
            raise UnprovenError(
                "A file is not the one that the notice names.", where=str(folder / name), remedy=_DISTRUSTED
            )


def show_notice(file: Path, keys: Path | None, policy: Path | None, *, as_json: bool) -> None:
    """Print what a notice says; `keys`: open the value that is sealed beside it."""
    folder = file if file.is_dir() else file.parent
    with taking((file, NOTICE_KIND)):
        data = read_note(file / NOTICE if file.is_dir() else file)
        notice = read_notice(data)
    signers = None if policy is None else _prove(file, notice, data, policy)
    _demand_beside(folder, notice)
    opened = None
    if isinstance(notice, SuppliedNotice) and notice.value is not None and keys is not None:
        with taking((keys, KEYS)):
            own = read_keys(keys)
        opened = open_value(read_note(folder / VALUE_FILE), own.identity)
    if as_json:
        value = None if opened is None else {"type": opened[0], "value": opened[1]}
        say_json({**_said(notice), "proven": signers is not None, "signed_by": signers, "value": value})
        return
    say(notice.text.rstrip("\n"))
    if isinstance(notice, SuppliedNotice):
        say("")
        say("You had supplied it:")
        for line in read_note(folder / SUPPLIED_FILE).decode("utf-8", "replace").splitlines():
            say(f"  {line}")
        if opened is not None:
            say(f"The value: {opened[1]} ({opened[0]})")
        elif notice.value is not None:
            say(f"The value is sealed in {VALUE_FILE}: your keys open it, with --keys.")
        else:
            say("The hub knows no key of yours to seal the value to: find it in these lines, or ask the hub.")
    if signers is None:
        say("Whose notice it is was not verified: that takes --policy.")
    else:
        say(f"It is signed by {', '.join(signers)}, and its entry {notice.entry} is proven in that ledger.")


def _said(notice: Notice | SuppliedNotice) -> dict[str, object]:
    return {
        "recall": str(notice.recall),
        "package": str(notice.package),
        "recipient": notice.recipient,
        "supplied": isinstance(notice, SuppliedNotice),
        "kind": notice.kind.value,
        "reason": notice.reason,
        "entry": notice.entry,
        "until": notice.until.isoformat().replace("+00:00", "Z"),
    }


def _prove(file: Path, notice: Notice | SuppliedNotice, data: bytes, policy: Path) -> list[str]:
    """The keys by which the notice is signed. Raises unless a log of the policy has one, and its entry is proven."""
    trusted = read_policy(policy)
    folder = file if file.is_dir() else file.parent
    with _distrusting(file / NOTICE if file.is_dir() else file):
        opened = open_note(data, [one.key for one in trusted.logs])
    with _distrusting(folder / PROOF):
        proof = parse_proof(read_note(folder / PROOF))
        proof.verify(read_note(folder / ENTRY), trusted)
        if proof.index != notice.entry:
            raise UnprovenError("The proof is of another entry.", expected=str(notice.entry), got=str(proof.index))
    return [f"{one.key.name}+{one.key.key_id.hex()}" for one in opened.verified]


@contextmanager
def _distrusting(path: Path) -> Iterator[None]:
    """Whoever holds what is not proven is told of which file, and what not to do."""
    try:
        yield
    except (MalformedError, UnprovenError) as error:
        raise type(error)(
            error.what,
            where=str(path) if error.where is None else f"{path}: {error.where}",
            expected=error.expected,
            got=error.got,
            remedy=f"{_DISTRUSTED}; and see that --policy is that of the hub's ledger",
        ) from error
