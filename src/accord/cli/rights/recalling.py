"""What a person meets when data are recalled: the words around `release.recall`, and what follows from a recall.

What is recorded stands first, in one transaction. Then, each step to be done again without harm: the deliveries move
out of use, snapshots are made without them, the ledger is published, notices are written, and the recall is done.
"""

import io
import secrets
import shutil
import sys
import zipfile
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import typer
from sqlalchemy import Connection

from accord.access.consultations import Processing, record
from accord.access.tokens import Scope, holder
from accord.agreements.agreement import Register
from accord.agreements.declarations import DatasetId, PartnerId
from accord.cli.acting import Actor, combining
from accord.cli.channels.feeding import bring_feeds_up
from accord.cli.channels.witnessing import show_witnessed, take_out
from accord.cli.check.showing import show_check
from accord.cli.deliveries.kept import damage_named, names_of, read_account
from accord.cli.deliveries.recalled import reference
from accord.cli.deliveries.settling import working
from accord.cli.hub import OpenHub, opened_hub, read_time
from accord.cli.kinds import ANSWER, signed_by, taking
from accord.cli.kinds import NOTICE as NOTICE_KIND
from accord.cli.ledgers.opening import publish
from accord.cli.places import reference_in_use
from accord.cli.readying import cores
from accord.cli.reasons import demand_no_value
from accord.cli.rights.ways import Ways, ways_of
from accord.cli.snapshots.snapshotting import renew_snapshots
from accord.cli.terminal import counted, progress_bar, say, say_json, show_table, talk
from accord.journal import book
from accord.journal.facts import Fact, Kind
from accord.journal.keeping import Published
from accord.ledger.commitments import encode_openings
from accord.ledger.notes import MAX_NOTE_BYTES
from accord.release import withdrawals
from accord.release.disclosures import Disclosure, load_disclosure, resting_on, sources_of
from accord.release.handing import kept_until
from accord.release.notices import (
    Answer,
    RecallKind,
    encode_findings,
    one_line,
    parse_acknowledgement,
    read_acknowledgement,
    read_notice,
)
from accord.release.notifications import NOTICES_ALONE, untold
from accord.release.recall import (
    VALUE_FILE,
    AnsweredBy,
    Concerned,
    Recall,
    SentNotice,
    find_notice,
    load_recall,
    notices,
    recalls,
    record_answer,
    record_done,
    record_recall,
    record_sent,
    standing_recall,
    supplier_notices,
    told_of,
    unfinished,
)
from accord.vocabulary.errors import MalformedError, OutputError, SettingsError, UnreadableError
from accord.workspace.jobs import JobKind, queue
from accord.workspace.regular import open_regular, unreadable
from accord.workspace.store import DeliveryFolder, Workspace, errors_named

RELEASES, HELD, SUPPLIERS = "releases", "findings.parquet", "suppliers"
NOTICE, FINDINGS, ENTRY, OPENINGS, PROOF = "notice", "findings", "entry", "openings", "entry.tlog-proof"
"""Files of a notice's folder."""

NOT_KNOWN = "-"
"""Where nothing is known of how a notice went."""
DUE_DAYS = 14
STANDARD_INPUT = "-"
"""A token that is not to be seen in the list of processes is read from there."""


def make(
    folder: Path,
    dataset: str,
    delivery: str | None,
    kind: str,
    replaced_by: str | None,
    why: str,
    due_days: int,
    out: Path | None,
    actor: Actor,
    *,
    every: bool,
    now: datetime,
    as_json: bool,
) -> None:
    """Recall a delivery, or (`every`) all of a data set."""
    wanted = _kind(kind)
    reason = fit(why, "--why")
    with opened_hub(folder, to_write=True) as hub, working(hub.workspace, hub.database):
        hub.ledger.verify_standing()
        name = _dataset(hub, dataset)
        chosen = _delivery(hub, name, delivery, every=every)
        correction = None if replaced_by is None else _correction(hub, name, chosen, wanted, replaced_by)
        for left in _unfinished(hub):
            finish(hub, left, now)
        reached = len(_reached(hub.workspace.deliveries(), name, chosen))
        recall, fresh = _recorded(hub, name, chosen, wanted, correction, reason, now, timedelta(days=due_days), actor)
        if recall.done_at is None:
            recall = finish(hub, recall, now)
        if out is not None:
            hand_out(hub, recall, out)
        with hub.database.reading() as connection:
            sent = notices(connection, recall=recall.id)
            ways = ways_of(connection, hub.declared.mail, sent)
    if as_json:
        say_json(_told(recall, sent, ways, now) | {"new": fresh, "out_of_use": reached})
        return
    if not fresh:
        say(f"Recalled before, by recall {recall.id} on {recall.at:%Y-%m-%d %H:%M} UTC: nothing new is sent.")
        return
    say(f"Recall {recall.id}: {name}, {chosen or 'all deliveries'}, {recall.kind}.")
    said = counted(reached, "delivery goes", "deliveries go") if reached else "No delivery goes"
    say(f"{said} out of use{'' if reached else ': none was in use'}.")
    if correction is not None:
        say(f"Delivery {correction[:12]} takes its place, and is released like any other.")
    tell_notices(folder, recall, sent, ways)


def tell_notices(folder: Path, recall: Recall, sent: Sequence[SentNotice], ways: Ways) -> None:
    """Say who must be told, how or by which files, and until when they answer."""
    given = [one for one in sent if not one.supplier]
    suppliers = [one for one in sent if one.supplier]
    by = f"send each its folder, and it answers by {recall.due:%Y-%m-%d}."
    if given:
        recipients = counted(len({one.recipient for one in given}), "past recipient")
        say(f"{recipients} to tell, by {counted(len(given), 'notice')}: {by}")
    else:
        say("Nobody was given any of it: nobody needs to be told.")
    for one in given:
        way = ways[one.recall, one.disclosure]
        say(f"  {_whom(one)}: {'goes by mail, as its package did' if way.mailed else _place(folder, one)}")
    if any(one.mailed for one in ways.values()):
        say("`accord serve`, `accord job work` or `accord notification send` sends the mail.")
    if suppliers:
        say(f"{counted(len(suppliers), 'partner')} supplied it, and must be told: {by}")
    for one in suppliers:
        say(f"  {one.recipient}: {_place(folder, one)}")
        if VALUE_FILE not in dict(one.beside):
            say("    no key of its is known to seal the value to: the notice names its deliveries and their lines")


def fit(text: str, option: str) -> str:
    """What an option says to others, in words and without a value. Raises SettingsError."""
    try:
        line = one_line(text, f"What {option} says")
    except MalformedError as error:
        raise SettingsError(error.what, where=option, expected=error.expected, got=error.got) from error
    demand_no_value(line, option)
    return line


def _kind(said: str) -> RecallKind:
    known = (RecallKind.WITHDRAWN, RecallKind.CORRECTED)
    if said not in known:
        raise SettingsError(
            "There is no such kind of recall.",
            where="--kind",
            expected=", ".join(known),
            got=said,
            remedy="what is held about one value is erased by `accord subject erase`",
        )
    return RecallKind(said)


def _dataset(hub: OpenHub, name: str) -> DatasetId:
    if hub.dataset(name) is None:
        known = {*hub.register.datasets, *(one.id for one in hub.declared.datasets)}
        raise SettingsError(
            "There is no such data set.",
            where="--dataset",
            expected="one of " + (", ".join(sorted(known)) or "none: none is declared yet"),
            got=name,
            remedy="`accord dataset list` lists them",
        )
    return DatasetId(name)


def _delivery(hub: OpenHub, dataset: str, begin: str | None, *, every: bool) -> str | None:
    """The delivery that is recalled; None: all of the data set. Raises SettingsError unless it is said which."""
    if (begin is None) is not every:
        in_use = len(_reached(hub.workspace.deliveries(), dataset, None))
        raise SettingsError(
            "A recall is of one delivery or of all, and it cannot be undone.",
            where=f"data set {dataset}, of which {counted(in_use, 'delivery is', 'deliveries are')} in use",
            expected="--delivery SHA256 for one, or --all for all of them",
            got="both" if every else "neither",
            remedy="`accord delivery list --json` lists them",
        )
    if begin is None:
        return None
    found = {one.sha256 for one in hub.kept() if one.dataset == dataset and one.sha256.startswith(begin.lower())}
    if len(found) != 1:
        raise SettingsError(
            "The data set has no such delivery." if not found else "Several deliveries begin like this.",
            where="--delivery",
            expected="the SHA-256 of a delivery, or enough of its beginning",
            got=begin,
            remedy="`accord delivery list --json` lists them",
        )
    return found.pop()


def _correction(hub: OpenHub, dataset: DatasetId, recalled: str | None, kind: RecallKind, begin: str) -> str:
    """The delivery that takes the place of the one that is recalled, by its SHA-256. Raises SettingsError."""
    if kind is not RecallKind.CORRECTED or recalled is None:
        raise SettingsError(
            "What takes the place of a delivery is said where that delivery is corrected.",
            where="--replaced-by",
            expected="--kind corrected, and the delivery that is wrong with --delivery",
            got=f"--kind {kind}, {'all deliveries' if recalled is None else 'one delivery'}",
        )
    in_use = {one.sha256 for one in hub.workspace.deliveries() if one.dataset == dataset} - {recalled}
    found = [one for one in sorted(in_use) if one.startswith(begin.lower())]
    if len(found) != 1:
        raise SettingsError(
            "There is no such correction." if not found else "Several deliveries begin like this.",
            where="--replaced-by",
            expected="the SHA-256, or enough of its beginning, of another delivery of the data set that is in use",
            got=begin,
            remedy="take the corrected delivery in first, with `accord delivery add`; `accord delivery list --json` "
            "lists what is in use",
        )
    return found[0]


def _unfinished(hub: OpenHub) -> list[Recall]:
    with hub.database.reading() as connection:
        return [one for one in unfinished(connection) if one.subject is None]


def _recorded(
    hub: OpenHub,
    dataset: DatasetId,
    delivery: str | None,
    kind: RecallKind,
    correction: str | None,
    reason: str,
    now: datetime,
    due: timedelta,
    actor: Actor,
) -> tuple[Recall, bool]:
    """The recall as it stands in the database, and whether anything of it is new."""
    with hub.database.writing() as connection:
        at = book.moment_meanwhile(connection, now)
        before = standing_recall(connection, kind, dataset, delivery, correction)
        told = told_of(connection, kind, dataset, delivery, correction)
        reached = _reached(hub.workspace.deliveries(), dataset, delivery)
        names = _names(hub, dataset, delivery)
        resting = {one.id: one for name in names for one in resting_on(connection, dataset, name)}
        missing = [one for one in resting.values() if one.id not in told]
        concerned = [_concerned(connection, hub, one, dataset, names) for one in missing]
        # where none of its findings is left, they were erased, or nobody may have them any more
        concerned = [one for one in concerned if one.findings != ()]
        if before is not None and not concerned and not reached:
            return before, False
        recall = Recall(
            id=uuid4(),
            at=at,
            kind=kind,
            dataset=dataset,
            delivery=delivery,
            subject=None,
            reason=reason,
            due=at + due,
            done_at=None,
            replaced_by=correction,
        )
        entry = None if correction is None else book.referring(connection, reference(dataset, correction))[-1]
        own = [_own(hub, recall, reached, entry)]
        draw, key = secrets.token_bytes, hub.ledger.key
        record_recall(connection, recall, concerned, own, key=key, draw=draw, correction=entry)
        behind = None if None in names else {one for one in names if one is not None}
        take_out(
            connection, withdrawals.resting_on(connection, dataset, behind), at, recall=recall.id, person=actor.person
        )
        record(
            connection,
            Processing.ALTERATION,
            person=actor.person,
            justification=actor.justification or reason,
            object=f"recall {recall.id} {dataset} {delivery or 'all'}"
            + ("" if correction is None else f" replaced by {correction}"),
            recipients=sorted({one.disclosure.recipient for one in concerned}),
            now=at,
        )
    return recall, True


def _reached(folders: Sequence[DeliveryFolder], dataset: str, delivery: str | None) -> list[DeliveryFolder]:
    return [one for one in folders if one.dataset == dataset and delivery in {None, one.sha256}]


def _names(hub: OpenHub, dataset: str, delivery: str | None) -> list[str | None]:
    """What disclosures call a delivery: its SHA-256, and those of what was left of it after an erasure."""
    if delivery is None:
        return [None]
    names: list[str | None] = [delivery]
    for one in _reached(hub.kept(), dataset, delivery):
        names += names_of(one)
    return list(dict.fromkeys(names))


def _own(hub: OpenHub, recall: Recall, reached: Sequence[DeliveryFolder], correction: int | None) -> Fact:
    """What the hub's own entry says: how many accepted records were taken out of use, and which entry is about the
    delivery that takes their place."""
    dataset = None if recall.dataset is None else hub.dataset(recall.dataset)
    return Fact(
        kind=Kind.RECALL,
        at=recall.at,
        dataset="" if recall.dataset is None else hub.called(recall.dataset),
        origin=None if dataset is None else dataset.origin,
        partner="" if dataset is None else hub.partner_of(dataset),
        marking=None if dataset is None else dataset.marking,
        count=sum(int(str(read_account(one)["accepted"])) for one in reached),
        digest=recall.delivery or "",
        refers=correction,
    )


def _concerned(
    connection: Connection, hub: OpenHub, disclosure: Disclosure, dataset: DatasetId, names: Sequence[str | None]
) -> Concerned:
    declared = hub.dataset(dataset)
    held = held_by(hub, disclosure.id)
    findings = None
    if held is not None:
        mine = pc.equal(held["dataset"], dataset)
        if None not in names:
            mine = pc.and_(mine, pc.is_in(held["delivery"], value_set=pa.array(names, pa.string())))
        findings = tuple(sorted({bytes.fromhex(one) for one in held.filter(mine)["finding_id"].to_pylist()}))
    resting = [
        one.findings
        for one in sources_of(connection, disclosure.id)
        if one.dataset == dataset and {None, one.delivery} & {*names}
    ]
    return Concerned(
        disclosure=disclosure,
        findings=findings,
        count=max(resting, default=0) if findings is None else len(findings),
        dataset=hub.called(dataset),
        origin=None if declared is None else declared.origin,
    )


def held_by(hub: OpenHub, disclosure: UUID) -> pa.Table | None:
    """What a disclosure holds: finding_id, dataset, delivery; None: that is not known."""
    path = hub.workspace.root / RELEASES / str(disclosure) / HELD
    if not path.exists():
        return None
    with damage_named(path, "restore it: without it a recall concerns all of the package"):
        return pq.ParquetFile(path).read(columns=["finding_id", "dataset", "delivery"])


def finish(hub: OpenHub, recall: Recall, now: datetime) -> Recall:
    """Do what follows from a recall of deliveries that was recorded; done before, it is done again without harm."""
    workspace = hub.workspace
    for one in _reached(workspace.deliveries(), recall.dataset or "", recall.delivery):
        if datetime.fromisoformat(str(read_account(one)["received_at"])) > recall.at:
            continue
        to = workspace.withdrawn_place(one.dataset, one.sha256)
        with errors_named(workspace.root):
            if to.exists():
                workspace.withdraw(one.path)
            else:
                workspace.move(one.path, to)
    with progress_bar() as progress:
        renew_snapshots(
            workspace,
            as_of=now,
            reference=reference_in_use,
            workers=cores(),
            progress=progress,
            combining=combining(hub.database, Actor(person="accord", justification=f"recall {recall.id}"), lambda: now),
        )
    return tell(hub, recall, now)


def tell(hub: OpenHub, recall: Recall, now: datetime) -> Recall:
    """Publish the ledger, write the notices of a recall, and record that it is done."""
    with hub.database.reading() as connection:
        # what was done since the command began may have taken long, and have its entries
        now = book.later(connection, now)
    published = publish(hub.ledger, now)
    show_witnessed(hub.workspace.root, hub.database, published, "accord")
    show_check(hub, published, "accord", now=now)
    bring_feeds_up(hub.workspace, hub.declared, hub.database, person="accord", now=now)
    with hub.database.reading() as connection:
        sent = all_notices(connection, recall.id)
    for one in sent:
        write_notice(hub, one, published)
        with hub.database.writing() as connection:
            record_sent(connection, one, book.moment_meanwhile(connection, now))
    with hub.database.writing() as connection:
        at = book.moment_meanwhile(connection, now)
        mailed = [] if hub.declared.mail is None else [PartnerId(one.partner) for one in hub.declared.mail.recipients]
        if any(untold(connection, one) for one in mailed):
            queue(connection, JobKind.MAIL, {"person": "accord", NOTICES_ALONE: True}, now=at)
        return record_done(connection, recall, at)


def folder_of(workspace: Workspace, notice: SentNotice) -> Path:
    """Where a notice stands in the workspace."""
    return _place(workspace.root, notice)


def _place(root: Path, notice: SentNotice) -> Path:
    kind = SUPPLIERS if notice.supplier else RELEASES
    return root / kind / str(notice.disclosure) / f"recall-{notice.recall}"


def all_notices(connection: Connection, recall: UUID) -> tuple[SentNotice, ...]:
    """The notices of a recall: to past recipients, and to those who had supplied it."""
    return (*notices(connection, recall=recall), *supplier_notices(connection, recall=recall))


def zipped(workspace: Workspace, notice: SentNotice) -> bytes:
    """The folder of a notice as one file, as it goes to its recipient. Raises UnreadableError."""
    place, name = folder_of(workspace, notice), f"recall-{notice.recall}-{notice.disclosure}"
    packed = io.BytesIO()
    try:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
            for path in sorted(place.iterdir()):
                # the same folder is the same bytes whenever it is asked for
                file.writestr(zipfile.ZipInfo(f"{name}/{path.name}"), path.read_bytes(), zipfile.ZIP_DEFLATED)
    except OSError as error:
        raise UnreadableError(
            "The notice of a recall is not there.",
            where=str(place),
            got=error.strerror,
            remedy="bring it back from a backup, or call the recall's command again",
        ) from error
    return packed.getvalue()


def write_notice(hub: OpenHub, notice: SentNotice, published: Published) -> None:
    """Let the folder of a notice appear, or the proof in it that could not be made before."""
    place = folder_of(hub.workspace, notice)
    proven = published.covers(notice.entry)
    if place.exists() and (not proven or (place / PROOF).exists()):
        return
    with hub.database.reading() as connection:
        (entry,) = book.kept(connection, [notice.entry])
    files = {NOTICE: notice.notice, ENTRY: entry.entry, OPENINGS: encode_openings(entry.openings)}
    if notice.findings is not None:
        files[FINDINGS] = encode_findings(notice.findings)
    files |= dict(notice.beside)
    if proven:
        files[PROOF] = hub.ledger.prove(notice.entry).encode()
    with hub.workspace.staging() as staging:
        folder = staging / "new"
        folder.mkdir()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        if place.exists():
            hub.workspace.replace(folder, place)
        else:
            hub.workspace.publish(folder, place)


def hand_out(hub: OpenHub, recall: Recall, out: Path) -> None:
    """Copy the notices of a recall, a folder a recipient's package."""
    with hub.database.reading() as connection:
        sent = all_notices(connection, recall.id)
    try:
        for one in sent:
            to = out / str(one.recipient) / f"recall-{one.recall}-{one.disclosure}"
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(folder_of(hub.workspace, one), to, dirs_exist_ok=True)
    except OSError as error:
        raise OutputError(
            "The notices cannot be copied; they stand in the workspace.",
            where=str(out),
            got=error.strerror or type(error).__name__,
            remedy=f"copy them from {RELEASES}/*/recall-{recall.id} and {SUPPLIERS}/*/recall-{recall.id}",
        ) from error


def list_recalls(folder: Path, at: str | None, *, late: bool, now: datetime, as_json: bool) -> None:
    """List recalls with their notices; `late`: notices alone that are overdue, and exit code 1 when there are any."""
    moment = read_time(at, "--at", now)
    with opened_hub(folder) as hub, hub.database.reading() as connection:
        found = [(one, all_notices(connection, one.id)) for one in recalls(connection)]
        every = [each for _, sent in found for each in sent]
        over = retention_over(hub.register, connection, every, moment)
        ways = ways_of(connection, hub.declared.mail, every)
    if late:
        found = [
            (one, tuple(each for each in sent if each.overdue(moment) and each.disclosure not in over))
            for one, sent in found
        ]
        found = [(one, sent) for one, sent in found if sent]
    if as_json:
        say_json([_told(one, sent, ways, moment, over) for one, sent in found])
    elif not found:
        say("No answer is late." if late else "Nothing was recalled.")
    else:
        show_table(
            [
                (name, False)
                for name in ("recall", "kind", "about", "recipient", "release", "told (UTC)", "answer", "due (UTC)")
            ],
            [
                (str(one.id)[:8], one.kind, _about(one), *row)
                for one, sent in found
                for row in ([_row(each, ways, moment, over) for each in sent] or [("nobody", "", "", "", "")])
            ],
            wide=True,
        )
        waits = (each for _, sent in found for each in sent if each.answer is None and each.disclosure not in over)
        if any(ways[each.recall, each.disclosure].by_hand for each in waits):
            talk("who has not answered is sent its folder, if it was not: `accord recall show RECALL` says which")
    if late and found:
        raise typer.Exit(1)


def show(folder: Path, name: str, *, now: datetime, as_json: bool) -> None:
    """Show one recall, with what became of its notices."""
    with opened_hub(folder) as hub, hub.database.reading() as connection:
        recall = load_recall(connection, name)
        sent = all_notices(connection, recall.id)
        over = retention_over(hub.register, connection, sent, now)
        ways = ways_of(connection, hub.declared.mail, sent)
    if as_json:
        say_json(_told(recall, sent, ways, now, over))
        return
    say(f"Recall {recall.id}: {_about(recall)}, {recall.kind}, {recall.at:%Y-%m-%d %H:%M} UTC")
    say(f"  why: {recall.reason}")
    if recall.replaced_by is not None:
        say(f"  replaced by: delivery {recall.replaced_by}")
    say(f"  due: {recall.due:%Y-%m-%d %H:%M} UTC")
    if recall.done_at is None:
        say("  begun, and not ended: call the command again")
    for one in sent:
        recipient, release, told, answer, _ = _row(one, ways, now, over)
        findings = "all findings" if one.findings is None else counted(len(one.findings), "finding")
        about = f"notice {release}" if one.supplier else f"release {release}, {findings}"
        say(f"  {recipient}, {about}, entry {one.entry}: {answer}")
        if one.answer is None and ways[one.recall, one.disclosure].by_hand and one.disclosure not in over:
            say(f"    to send: {_place(folder, one)}")
        elif told != NOT_KNOWN:
            say(f"    told: {told}")
        if one.note is not None:
            say(f"    {one.note}")


def acknowledge(
    folder: Path,
    file: Path,
    why: str | None,
    *,
    by_hand: bool,
    token: str | None,
    refused: bool,
    now: datetime,
    as_json: bool,
) -> None:
    """Take in what a recipient answers; by hand or with a mail's token it is unsigned, and FILE the hub's notice."""
    if by_hand and token is not None:
        raise SettingsError("An answer comes in one way.", expected="--by-hand or --token")
    by = AnsweredBy.TOKEN if token is not None else AnsweredBy.WORD if by_hand else AnsweredBy.FILE
    by_hand = by is not AnsweredBy.FILE
    if by_hand and why is None:
        raise SettingsError(
            "What is not signed needs a reason.", where="--why", expected="what it says, or how you know it"
        )
    if by_hand and file.is_dir():
        # what a notice's folder holds is about the notice
        file = file / NOTICE
    with taking((file, NOTICE_KIND if by_hand else ANSWER)):
        data = read_note(file)
        # before anything of the hub's is opened; whose signature it must bear is known by what it says
        (read_notice if by_hand else parse_acknowledgement)(data)
    with opened_hub(folder, to_write=True) as hub, working(hub.workspace, hub.database):
        hub.ledger.verify_standing()
        with hub.database.reading() as connection:
            if by_hand:
                named = read_notice(data, hub.ledger.key.verifier)
                notice = find_notice(connection, named.recall, named.package)
                if token is not None:
                    _demand_holder(connection, token, notice, now)
                answer, note = Answer.REFUSED if refused else Answer.DONE, fit(why or "", "--why")
            else:
                said = parse_acknowledgement(data)
                notice = find_notice(connection, said.recall, said.package)
                answer, note = said.answer, said.note
        if not by_hand:
            with signed_by(notice.recipient, file):
                verify_answer(hub.register, notice, data)
        fresh = take_in(hub, notice, answer, note, signed=None if by_hand else data, by=by, now=now)
    if as_json:
        say_json({
            "recall": str(notice.recall), "package": str(notice.disclosure), "recipient": notice.recipient,
            "answer": answer.value, "by_hand": by_hand, "answered_by": by.value, "new": fresh,
        })  # fmt: skip
        return
    how = {AnsweredBy.TOKEN: "by its token", AnsweredBy.WORD: "by hand"}.get(by, "signed")
    say(f"{notice.recipient}, recall {notice.recall}: {answer}, {how}{'' if fresh else '; recorded before'}.")


def _demand_holder(connection: Connection, token: str, notice: SentNotice, now: datetime) -> None:
    """Raise SettingsError, which quotes nothing of the token, unless it lets its holder speak for who was told."""
    secret = sys.stdin.readline().strip() if token == STANDARD_INPUT else token
    found = holder(connection, secret, book.moment(connection, now))
    if found is None or Scope.REPORT not in found.scopes or found.partner != notice.recipient:
        raise SettingsError(
            "By this token nobody may answer this notice.",
            where="--token",
            expected=f"the token of a mail to {notice.recipient} that was sent in the last 180 days, and that was not "
            "revoked",
            remedy="`accord token list` lists what was made; --by-hand says what you know otherwise",
        )


def verify_answer(register: Register, notice: SentNotice, data: bytes) -> None:
    """Raise unless the notice's recipient has signed this answer to it: SettingsError where no key of its is known."""
    key = register.partners[notice.recipient].receipts
    if key is None:
        raise SettingsError(
            "No key is known with which this partner signs.",
            where=f"partner {notice.recipient}",
            expected="`receipts` in its [[partner]]",
            remedy="record its key, or what it says with --by-hand --why TEXT and the notice as FILE",
        )
    read_acknowledgement(data, key=key, notice=notice.notice)


def take_in(
    hub: OpenHub, notice: SentNotice, answer: Answer, note: str, *, signed: bytes | None, by: AnsweredBy, now: datetime
) -> bool:
    """Record what a recipient answers, with its entry, and publish; was it new? The workspace must be held."""
    with hub.database.writing() as connection:
        fresh = record_answer(
            connection,
            find_notice(connection, notice.recall, notice.disclosure),
            answer,
            note,
            signed=signed,
            by=by,
            at=book.moment(connection, now),
            draw=secrets.token_bytes,
        )
    publish(hub.ledger, now)
    return fresh


def read_note(path: Path) -> bytes:
    """The bytes of a notice or answer, or enough to know that it is none. Raises UnreadableError."""
    try:
        with open_regular(path) as file:
            return file.read(MAX_NOTE_BYTES + 1)
    except OSError as error:
        raise unreadable(error, path) from error


def _about(one: Recall) -> str:
    if one.dataset is None:
        return "one value"
    return f"{one.dataset}, {'all' if one.delivery is None else one.delivery[:12]}"


def retention_over(
    register: Register, connection: Connection, sent: Sequence[SentNotice], at: datetime
) -> frozenset[UUID]:
    """The packages of notices that their recipients may keep no longer: of these nothing can be asked any more."""
    found = {one.disclosure for one in sent if one.answer is None and not one.supplier}
    datasets = {one: {source.dataset for source in sources_of(connection, one)} for one in found}
    until = {one: kept_until(register, load_disclosure(connection, one), datasets[one]) for one in found}
    return frozenset(one for one in found if until[one] <= at)


def _row(one: SentNotice, ways: Ways, at: datetime, over: Collection[UUID]) -> tuple[str, str, str, str, str]:
    if one.answer is not None and one.acknowledged_at is not None:
        answer = f"{one.answer} {one.acknowledged_at:%Y-%m-%d}{_came(one)}"
    elif one.disclosure in over:
        answer = "nothing can be asked any more"
    elif one.overdue(at):
        answer = "overdue"
    else:
        answer = "none yet" if one.sent_at is not None else "notice not written yet"
    told = ways[one.recall, one.disclosure].words or NOT_KNOWN
    return _whom(one), str(one.disclosure), told, answer, f"{one.due:%Y-%m-%d %H:%M}"


def _came(one: SentNotice) -> str:
    match one.answered_by:
        case AnsweredBy.HTTP:
            return ", by HTTP"
        case AnsweredBy.TOKEN:
            return ", by its token"
        case _:
            return ", by hand" if one.by_hand else ""


def _whom(one: SentNotice) -> str:
    if one.supplier:
        return f"{one.recipient} (who supplied it)"
    return f"{one.recipient} (the public, which need not answer)" if one.public else f"{one.recipient} ({one.country})"


def _told(
    recall: Recall, sent: Sequence[SentNotice], ways: Ways, at: datetime, over: Collection[UUID] = ()
) -> dict[str, object]:
    return {
        "recall": str(recall.id),
        "at": _time(recall.at),
        "kind": recall.kind.value,
        "dataset": recall.dataset,
        "delivery": recall.delivery,
        "replaced_by": recall.replaced_by,
        "reason": recall.reason,
        "due": _time(recall.due),
        "done_at": _time(recall.done_at),
        "suppliers": [_supplier_told(one, at) for one in sent if one.supplier],
        "notices": [
            {
                "package": str(one.disclosure),
                "recipient": one.recipient,
                "country": one.country,
                "entry": one.entry,
                "findings": None if one.findings is None else len(one.findings),
                "sent_at": _time(one.sent_at),
                "acknowledged_at": _time(one.acknowledged_at),
                "answer": None if one.answer is None else one.answer.value,
                "note": one.note,
                "by_hand": one.by_hand,
                "answered_by": None if one.answered_by is None else one.answered_by.value,
                "told": ways[one.recall, one.disclosure].told(),
                "overdue": one.overdue(at) and one.disclosure not in over,
                "retention_over": one.disclosure in over,
            }
            for one in sent
            if not one.supplier
        ],
    }


def _supplier_told(one: SentNotice, at: datetime) -> dict[str, object]:
    return {
        "notice": str(one.disclosure),
        "partner": one.recipient,
        "entry": one.entry,
        "value_sealed": VALUE_FILE in dict(one.beside),
        "sent_at": _time(one.sent_at),
        "fetched_at": _time(one.fetched_at),
        "acknowledged_at": _time(one.acknowledged_at),
        "answer": None if one.answer is None else one.answer.value,
        "note": one.note,
        "by_hand": one.by_hand,
        "overdue": one.overdue(at),
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
