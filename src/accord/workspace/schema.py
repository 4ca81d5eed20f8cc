"""The tables of a workspace's database, for SQLite and PostgreSQL alike.

`accord.workspace.migrations` brings a database up to them; a change here needs a new revision there, and REVISION
raised. The tests hold the two together.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    TIMESTAMP,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine

REVISION = "0021"
"""The newest revision: what this Accord reads and writes."""

METADATA = MetaData(
    # a constraint that has a name can be changed by a migration, on both databases
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An instant in UTC, to the microsecond: timestamptz, or on SQLite RFC 3339 of one width, which sorts as text."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text where the database has no type for it."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(TIMESTAMP(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> object:
        """To the database. Raises ValueError for a time without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs its zone")
        value = value.astimezone(UTC)
        if dialect.name != "sqlite":
            return value
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")

    def process_result_value(self, value: object, dialect: Dialect) -> datetime | None:
        """From the database; PostgreSQL answers in the session's zone."""
        del dialect
        if value is None:
            return None
        return value.astimezone(UTC) if isinstance(value, datetime) else _read_instant(str(value))

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """As `process_result_value`; on SQLite in one call for each value, because pages have many."""
        return _read_instant if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _read_instant(value: str | None) -> datetime | None:
    if value is None:
        return None
    instant = datetime.fromisoformat(value)
    # what ends in Z is read as UTC already
    return instant if instant.tzinfo is UTC else instant.astimezone(UTC)


class Hundredths(TypeDecorator[Decimal]):
    """A number with two decimals, as a whole number of hundredths: exact on both databases."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        """To the database. Raises ValueError for more than two decimals."""
        del dialect
        if value is None:
            return None
        hundredths = value * 100
        if hundredths != int(hundredths):
            raise ValueError(f"{value} has more than two decimals")
        return int(hundredths)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        """From the database."""
        del dialect
        return None if value is None else Decimal(value).scaleb(-2)


HUB = Table(
    "hub",
    METADATA,
    # one row: a database belongs to one hub
    Column("row", Integer, CheckConstraint("row = 1", name="one_row"), primary_key=True, autoincrement=False),
    Column("namespace", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    # accord.workspace.marks; null: an older Accord's
    Column("mark", Text),
    # when somebody said last that the clock is right, by that clock
    Column("clock_at", Instant),
)
"""Whose database it is: the hub's namespace (a UUID as text), so that no other hub works in it by a mistyped URL."""

PARTNERS = Table(
    "partners",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("country", Text),
    # the keys to which packages are opened, and with which receipts are signed, as text; null: none is known
    Column("age", Text),
    Column("receipts", Text),
    # of a network owner its own ones, AS64500 192.0.2.0/24, parted by spaces; null: it has none
    Column("networks", Text),
)

DATASETS = Table(
    "datasets",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("partner", ForeignKey("partners.id"), nullable=False),
    Column("origin", Text, nullable=False),
    Column("legal_basis", Text, nullable=False),
    Column("marking", Text, nullable=False),
    Column("grade", Text, nullable=False),
    Column("retention", Text, nullable=False),
    Column("personal_data", Boolean, nullable=False),
    Column("name_partner", Boolean, nullable=False),
    # true: only partners in dataset_sharing may get it; else whoever the marking permits
    Column("share_limited", Boolean, nullable=False),
    Column("upstream", Text),
)

DATASET_SHARING = Table(
    "dataset_sharing",
    METADATA,
    Column("dataset", ForeignKey("datasets.id"), primary_key=True),
    Column("partner", ForeignKey("partners.id"), primary_key=True),
)

AGREEMENTS = Table(
    "agreements",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("predecessor", ForeignKey("agreements.id")),
    Column("marking", Text, nullable=False),
    Column("pap", Text),
    Column("handling_text", Text),
    Column("retention", Text),
    Column("onward_sharing", Text, nullable=False),
    Column("ended_at", Instant),
    Column("end_reason", Text),
    Column("end_recorded_at", Instant),
)

AGREEMENT_SIGNATORIES = Table(
    "agreement_signatories",
    METADATA,
    Column("agreement", ForeignKey("agreements.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    # null: the hub
    Column("party", ForeignKey("partners.id")),
    Column("name", Text, nullable=False),
    Column("capacity", Text),
)

AGREEMENT_TERMS = Table(
    "agreement_terms",
    METADATA,
    Column("agreement", ForeignKey("agreements.id"), primary_key=True),
    # 0: the first one; then renewals
    Column("position", Integer, primary_key=True),
    Column("signed", Date, nullable=False),
    Column("document", Text, nullable=False),
    Column("starts", Date, nullable=False),
    Column("ends", Date),
)

AGREEMENT_IEPS = Table(
    "agreement_ieps",
    METADATA,
    Column("agreement", ForeignKey("agreements.id"), primary_key=True),
    Column("iep_id", Text),
    Column("description", Text),
    Column("start_date", Date),
    Column("end_date", Date),
    Column("encrypt_in_transit", Text),
    Column("permitted_actions", Text),
    Column("affected_party_notifications", Text),
    Column("tlp", Text),
    Column("provider_attribution", Text),
    Column("unmodified_resale", Text),
)

AGREEMENT_PURPOSES = Table(
    "agreement_purposes",
    METADATA,
    Column("agreement", ForeignKey("agreements.id"), primary_key=True),
    Column("purpose", Text, primary_key=True),
)

AGREEMENT_HANDLING = Table(
    "agreement_handling",
    METADATA,
    Column("agreement", ForeignKey("agreements.id"), primary_key=True),
    Column("code", Text, primary_key=True),
)

AGREEMENT_TRANSFERS = Table(
    "agreement_transfers",
    METADATA,
    Column("agreement", ForeignKey("agreements.id"), primary_key=True),
    Column("ground", Text, primary_key=True),
)

AGREEMENT_DATASETS = Table(
    "agreement_datasets",
    METADATA,
    Column("agreement", ForeignKey("agreements.id"), primary_key=True),
    Column("direction", Text, primary_key=True),
    Column("dataset", ForeignKey("datasets.id"), primary_key=True),
)

COMMITMENTS = Table(
    "commitments",
    METADATA,
    Column("agreement", ForeignKey("agreements.id"), primary_key=True),
    Column("id", Text, primary_key=True),
    # null: the hub
    Column("party", ForeignKey("partners.id")),
    Column("kind", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("amount", Hundredths, nullable=False),
    Column("dataset", ForeignKey("datasets.id")),
    Column("due", Date),
)

FULFILMENTS = Table(
    "fulfilments",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("agreement", Text, nullable=False),
    Column("commitment", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("amount", Hundredths, nullable=False),
    Column("note", Text),
    Column("recorded_at", Instant, nullable=False),
    ForeignKeyConstraint(["agreement", "commitment"], ["commitments.agreement", "commitments.id"]),
)

CHANGES = Table(
    "changes",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("noun", Text, nullable=False),
    Column("id", Text, nullable=False),
    # JSON as the commands print it; before is null for what is new
    Column("before", Text),
    Column("after", Text, nullable=False),
)
"""What became of partners, data sets and agreements, one row a change, never changed itself."""

JOURNAL_ENTRIES = Table(
    "journal_entries",
    METADATA,
    # its index in the ledger, from 0, without a gap
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    # what of the hub's it is about, in the hub's own words; never published
    Column("reference", Text),
    # the bytes that are a leaf of the tree; never changed
    Column("entry", LargeBinary, nullable=False),
    # accord.ledger.commitments.encode_openings of those that were not destroyed
    Column("openings", LargeBinary, nullable=False),
    # from when its public fields are for everybody; null: never
    Column("opens_at", Instant),
    Column("opened_at", Instant),
    Index("ix_journal_entries_reference", "reference"),
    # the migration makes it WHERE opened_at IS NULL, what waits to be opened alone: it stays small however long the
    # ledger gets. Saying so here would load both databases' dialects, which every command would wait for
    Index("ix_journal_entries_opens_at", "opens_at"),
)
"""The ledger's entries in their order, with what opens their fields."""

JOURNAL_CHECKPOINTS = Table(
    "journal_checkpoints",
    METADATA,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    # the signed note; once the quorum is reached, with the witnesses' cosignatures
    Column("note", LargeBinary, nullable=False),
    Column("signed_at", Instant, nullable=False),
    # null: the quorum of witnesses has not been reached yet
    Column("witnessed_at", Instant),
)
"""What the log has signed: of each size once, before anybody sees it."""

JOURNAL_SUMS = Table(
    "journal_sums",
    METADATA,
    # 256 entries each, named as their file of published openings is; -1: all of them together
    Column("bundle", BigInteger, primary_key=True, autoincrement=False),
    # accord.journal.figures.Tally.encode
    Column("sums", Text, nullable=False),
)
"""What the openings published so far add up to."""

DISCLOSURES = Table(
    "disclosures",
    METADATA,
    # a UUID
    Column("id", Text, primary_key=True),
    Column("made_at", Instant, nullable=False),
    Column("operation", Text),
    Column("recipient", ForeignKey("partners.id"), nullable=False),
    Column("country", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    # a channel's id; null: a package
    Column("channel", Text),
    # what was put into the channel at once; null: a package
    Column("batch", BigInteger),
    Column("marking", Text, nullable=False),
    Column("findings", BigInteger, nullable=False),
    # a package: SHA-256 of its manifest, which holds that of the sealed content, in hex
    Column("sealed", Text),
    # a package: SHA-256 of its content as its recipient finds it, which the receipt must name, in hex
    Column("content", Text),
    # a package: SHA-256 over names and contents of its files, by which a release that was cut off is taken up, in hex
    Column("fingerprint", Text),
    # a package: the secret that opens it, until it is handed over or refused
    Column("secret", Text),
    # a package: what the rules are asked of it when it is handed over, as JSON (accord.release.basis)
    Column("basis", Text),
    # its entries in the ledger are these many from this one on
    Column("first_entry", BigInteger, nullable=False),
    Column("entries", Integer, nullable=False),
    # when the recipient got what opens it; null: not yet
    Column("handed_over_at", Instant),
    # when the recipient's receipt was taken in; null: not yet
    Column("received_at", Instant),
    # when the rules refused to hand it over, which is for good; null: they did not
    Column("refused_at", Instant),
    # why, in words
    Column("refusal", Text),
    Index("ix_disclosures_recipient", "recipient"),
)
"""What left the hub, to whom, for what; a row appears together with its entries."""

DISCLOSURE_SOURCES = Table(
    "disclosure_sources",
    METADATA,
    Column("disclosure", ForeignKey("disclosures.id"), primary_key=True),
    Column("dataset", Text, primary_key=True),
    # SHA-256 of the delivery, in hex
    Column("delivery", Text, primary_key=True),
    Column("findings", BigInteger, nullable=False),
    Index("ix_disclosure_sources_delivery", "dataset", "delivery"),
)
"""What a disclosure rests on, so that it can be recalled."""

RECALLS = Table(
    "recalls",
    METADATA,
    # a UUID
    Column("id", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    # withdrawn, corrected, erased
    Column("kind", Text, nullable=False),
    # null: it is about one value, wherever it came from
    Column("dataset", Text),
    # null: all of the data set
    Column("delivery", Text),
    # the value that it is about, as an HMAC
    Column("subject", Text),
    Column("reason", Text, nullable=False),
    # until when every recipient should have acknowledged
    Column("due", Instant, nullable=False),
    # when all of it was done; null: it was begun, and calling the command again ends it
    Column("done_at", Instant),
    # the delivery of the same data set that takes the place of the one that is recalled, SHA-256 in hex
    Column("replaced_by", Text),
    # about one value: the roles in which it is wrong, parted by spaces; null: all that is said of it
    Column("roles", Text),
)

RECALL_NOTICES = Table(
    "recall_notices",
    METADATA,
    Column("recall", ForeignKey("recalls.id"), primary_key=True),
    Column("disclosure", ForeignKey("disclosures.id"), primary_key=True),
    Column("entry", BigInteger, nullable=False),
    # the signed note, as it is sent
    Column("notice", LargeBinary, nullable=False),
    # the findings that it concerns, 32 bytes each, sorted; null: all of the disclosure
    Column("findings", LargeBinary),
    Column("sent_at", Instant),
    Column("acknowledged_at", Instant),
    # done or refused, and what the recipient says of it
    Column("answer", Text),
    Column("answer_note", Text),
    # true: the hub's staff has recorded it, and nobody has signed it
    Column("by_hand", Boolean),
    # when its recipient's system first asked for it
    Column("fetched_at", Instant),
    # file, http, token or word; null: there is no answer, or an older Accord took it
    Column("answered_by", Text),
)
"""One for each disclosure that a recall concerns, by the channel that was used."""

SUPPLIER_NOTICES = Table(
    "supplier_notices",
    METADATA,
    Column("recall", ForeignKey("recalls.id"), primary_key=True),
    Column("partner", ForeignKey("partners.id"), primary_key=True),
    # a UUID, by which its answer names it
    Column("id", Text, nullable=False, unique=True),
    # the erasure's first entry about a data set of the partner
    Column("entry", BigInteger, nullable=False),
    # the signed note, as it is sent
    Column("notice", LargeBinary, nullable=False),
    # the partner's deliveries in which it stood, with the lines
    Column("supplied", LargeBinary, nullable=False),
    # the value, sealed to the partner's key (age); null: no key of it is known
    Column("sealed", LargeBinary),
    Column("sent_at", Instant),
    Column("acknowledged_at", Instant),
    # done or refused, and what the partner says of it
    Column("answer", Text),
    Column("answer_note", Text),
    # true: the hub's staff has recorded it, and nobody has signed it
    Column("by_hand", Boolean),
    # as of other notices
    Column("fetched_at", Instant),
    Column("answered_by", Text),
)
"""One for each partner that had supplied what was erased or corrected at the hub."""

DELIVERED_CONTENTS = Table(
    "delivered_contents",
    METADATA,
    Column("dataset", Text, primary_key=True),
    # SHA-256, in hex, of what a member of a packed delivery unpacks to
    Column("content", Text, primary_key=True),
    Column("delivery", Text, primary_key=True),
)
"""What packed deliveries held: by it they are known again in another packing, also when they are gone."""

ERASED_VALUES = Table(
    "erased_values",
    METADATA,
    # HMAC-SHA256(hub key, UTF-8 `erased\0type\0value`), in hex
    Column("mac", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    # erased, corrected
    Column("kind", Text, nullable=False),
    # the roles in which it is wrong, parted by spaces; null: nothing of it is taken in
    Column("roles", Text),
)
"""Values of persons that were erased or corrected: what is said of them is not taken in again."""

REVIEWS = Table(
    "reviews",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    # finding_id, in hex: no value
    Column("finding", Text, nullable=False),
    # release, withhold
    Column("answer", Text, nullable=False),
    # JSON: the warning lists that it stood on, each as name (version)
    Column("lists", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("justification", Text, nullable=False),
    # from when on it counts no more; null: it stays
    Column("until", Instant),
    Index("ix_reviews_finding", "finding"),
)
"""What analysts decided of findings on warning lists; the newest of a finding counts, and only erasure deletes one."""

ACTION_GROUPS = Table(
    "action_groups",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("disclosure", ForeignKey("disclosures.id"), nullable=False),
    Column("role", Text, nullable=False),
    # the network that hosts it and who runs that; null: not known
    Column("asn", BigInteger),
    Column("owner", Text),
    # true: an analyst is still deciding, and nobody is asked to act
    Column("in_review", Boolean, nullable=False),
    Column("simulated", Boolean, nullable=False),
    Index("ix_action_groups_disclosure", "disclosure"),
)
"""What is alike among the findings of a disclosure: what they are, and in whose network."""

ACTIONS = Table(
    "actions",
    METADATA,
    # 32 bytes; it tells nothing without the hub's key
    Column("finding", LargeBinary, primary_key=True),
    Column("action_group", ForeignKey("action_groups.number"), primary_key=True),
    Index("ix_actions_action_group", "action_group"),
)
"""What a recipient was asked about: a row for each finding of a disclosure, written together with it."""

OUTCOME_REPORTS = Table(
    "outcome_reports",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("partner", ForeignKey("partners.id"), nullable=False),
    Column("received_at", Instant, nullable=False),
    # SHA-256 of what was sent, in hex
    Column("digest", Text, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("ignored", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    # its entries in the ledger are these many from this one on
    Column("first_entry", BigInteger, nullable=False),
    Column("entries", Integer, nullable=False),
)
"""What partners sent about what became of findings; one that said nothing new has no row."""

OUTCOMES = Table(
    "outcomes",
    METADATA,
    # SHA-256 over partner and all that is said, so that what is said twice stands once
    Column("digest", LargeBinary, primary_key=True),
    Column("report", ForeignKey("outcome_reports.number"), nullable=False),
    # of what was sent; null: it had none
    Column("line", BigInteger),
    Column("finding", LargeBinary, nullable=False),
    # acknowledged, done, refused, false-positive
    Column("outcome", Text, nullable=False),
    Column("day", Date, nullable=False),
    # in the partner's own words; null: none
    Column("note", Text),
    Index("ix_outcomes_finding", "finding"),
    Index("ix_outcomes_report", "report"),
)
"""What became of findings; a row is never changed, and goes only with what is erased."""

CHANNELS = Table(
    "channels",
    METADATA,
    Column("id", Text, primary_key=True),
    # a random UUID, by which outsiders name it
    Column("collection", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False, unique=True),
    Column("description", Text),
    Column("purpose", Text, nullable=False),
    Column("encrypted", Boolean, nullable=False),
)
"""Places where a known audience finds objects, as long as every rule holds for each of its members."""

CHANNEL_MEMBERS = Table(
    "channel_members",
    METADATA,
    Column("channel", ForeignKey("channels.id"), primary_key=True),
    Column("partner", ForeignKey("partners.id"), primary_key=True),
    Column("country", Text, nullable=False),
    # JSON: whom the partner named, for red
    Column("persons", Text, nullable=False),
    # its clients read it too
    Column("clients", Boolean, nullable=False),
    # the first batch that it is told of: what came before it joined was not disclosed to it
    Column("since", BigInteger, nullable=False),
)

CHANNEL_BATCHES = Table(
    "channel_batches",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("channel", ForeignKey("channels.id"), nullable=False),
    # a UUID; null: an operation's objects
    Column("recall", ForeignKey("recalls.id")),
    Column("made_at", Instant, nullable=False),
    # it appears once this many entries of the ledger can be verified by everybody
    Column("entries_end", BigInteger, nullable=False),
    # the end of the times at which its objects were added, at most some seconds after it appeared; null: not yet
    Column("visible_at", Instant),
    Index("ix_channel_batches_channel", "channel", "number"),
)
"""What was put into a channel at once."""

CHANNEL_POLICIES = Table(
    "channel_policies",
    METADATA,
    Column("number", Integer, primary_key=True),
    # SHA-256 of `classes`, in hex: PostgreSQL's indexes take no long texts
    Column("digest", Text, nullable=False, unique=True),
    # JSON: policy classes, all of which must be permitted
    Column("classes", Text, nullable=False),
)
"""On what it depends who sees something; those that nothing refers to are removed."""

CHANNEL_FINDINGS = Table(
    "channel_findings",
    METADATA,
    Column("channel", ForeignKey("channels.id"), primary_key=True),
    # a finding's id
    Column("finding", Text, primary_key=True),
    # null: its objects were taken away, and nothing came after
    Column("policy", ForeignKey("channel_policies.number")),
    # raised whenever its objects are taken away: those that come after are others
    Column("generation", Integer, nullable=False),
    Index("ix_channel_findings_policy", "policy"),
)

CHANNEL_SOURCES = Table(
    "channel_sources",
    METADATA,
    Column("channel", Text, primary_key=True),
    Column("finding", Text, primary_key=True),
    Column("dataset", Text, primary_key=True),
    # SHA-256 of the delivery, in hex
    Column("delivery", Text, primary_key=True),
    # the last batch in which the finding rested on it
    Column("batch", BigInteger, nullable=False),
    Index("ix_channel_sources_delivery", "dataset", "delivery"),
)
"""On what a finding in a channel rests."""

CHANNEL_SHARED = Table(
    "channel_shared",
    METADATA,
    Column("channel", Text, primary_key=True),
    # a STIX id
    Column("object", Text, primary_key=True),
    Column("finding", Text, primary_key=True),
    # the batch in which the finding told of it: members that joined before know that it does
    Column("told", BigInteger, primary_key=True),
    # the finding's, then
    Column("policy", ForeignKey("channel_policies.number"), nullable=False),
    Index("ix_channel_shared_finding", "channel", "finding"),
    Index("ix_channel_shared_told", "channel", "told"),
    Index("ix_channel_shared_policy", "policy"),
)
"""Objects that several findings may have in common (values, networks, families), and those that told of them when."""

CHANNEL_OBJECTS = Table(
    "channel_objects",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("channel", ForeignKey("channels.id"), nullable=False),
    Column("batch", ForeignKey("channel_batches.number"), nullable=False),
    # a STIX id, and its type
    Column("object", Text, nullable=False),
    Column("type", Text, nullable=False),
    # `modified`, as STIX writes it; empty: it has no versions
    Column("version", Text, nullable=False),
    # microseconds since 1970, unique in a channel, after all of earlier batches; null: not visible yet
    Column("added", BigInteger),
    # null: it is shared, and seen with one of the findings that tell of it
    Column("policy", ForeignKey("channel_policies.number")),
    # the members that joined before this batch know of it
    Column("told", BigInteger, nullable=False),
    # null: it is no single finding's
    Column("finding", Text),
    Column("revoked", Boolean, nullable=False),
    # JSON
    Column("content", Text, nullable=False),
    Index("ix_channel_objects_added", "channel", "added"),
    Index("ix_channel_objects_object", "channel", "object", "added"),
    Index("ix_channel_objects_type", "channel", "type", "added"),
    Index("ix_channel_objects_finding", "channel", "finding"),
    Index("ix_channel_objects_batch", "batch"),
    Index("ix_channel_objects_policy", "policy"),
)

CHANNEL_REMAINS = Table(
    "channel_remains",
    METADATA,
    Column("channel", ForeignKey("channels.id"), primary_key=True),
    # a STIX id, and its type
    Column("object", Text, primary_key=True),
    Column("type", Text, nullable=False),
    Column("version", Text, nullable=False),
    # the members that joined before this batch know of it
    Column("told", BigInteger, nullable=False),
    # null: it was shared
    Column("finding", Text),
    # JSON: its id and times, and nothing of what it said
    Column("content", Text, nullable=False),
    Index("ix_channel_remains_finding", "channel", "finding"),
)
"""What is left of objects that went without a word: one that comes again was created when it was."""


TOKENS = Table(
    "tokens",
    METADATA,
    # random, and no secret: by it people name a token
    Column("id", Text, primary_key=True),
    # SHA-256 of the token, in hex: it has 256 random bits, so that nobody finds it from that; or x509- and that of the
    # certificate which stands for it
    Column("digest", Text, nullable=False, unique=True),
    Column("partner", ForeignKey("partners.id"), nullable=False),
    # what it is for, as people know it
    Column("name", Text, nullable=False),
    # parted by spaces
    Column("scopes", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("revoked_at", Instant),
)
"""By what a partner's systems are known."""

USERS = Table(
    "users",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("partner", ForeignKey("partners.id"), nullable=False),
    # parted by spaces
    Column("scopes", Text, nullable=False),
    # argon2id, with its parameters and salt (RFC 9106)
    Column("password", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    # null: it counts
    Column("closed_at", Instant),
)
"""People of partners, known by name and password."""

NOTIFICATIONS = Table(
    "notifications",
    METADATA,
    # a UUID; the ids of the mail and of its envelope hold it
    Column("id", Text, primary_key=True),
    Column("recipient", ForeignKey("partners.id"), nullable=False),
    Column("address", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("marking", Text, nullable=False),
    # the id of the token by which its recipient answers
    Column("token", Text, nullable=False),
    # SHA-256 of the mail as it is sent, in hex
    Column("digest", Text, nullable=False),
    # ready, sending, sent, uncertain, failed, bounced, dropped
    Column("state", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
    # what a server said of it, or why it was dropped
    Column("said", Text),
    Index("ix_notifications_recipient", "recipient", "made_at"),
    Index("ix_notifications_state", "state"),
)
"""Mail to recipients: what became of each."""

NOTIFICATION_DISCLOSURES = Table(
    "notification_disclosures",
    METADATA,
    Column("notification", ForeignKey("notifications.id"), primary_key=True),
    Column("disclosure", ForeignKey("disclosures.id"), primary_key=True),
    Index("ix_notification_disclosures_disclosure", "disclosure"),
)

NOTIFICATION_NOTICES = Table(
    "notification_notices",
    METADATA,
    Column("notification", ForeignKey("notifications.id"), primary_key=True),
    Column("recall", Text, primary_key=True),
    Column("disclosure", Text, primary_key=True),
    ForeignKeyConstraint(
        ["recall", "disclosure"],
        ["recall_notices.recall", "recall_notices.disclosure"],
    ),
    Index("ix_notification_notices_recall", "recall", "disclosure"),
)
"""Which mail brings which notice of a recall."""

PULLS = Table(
    "pulls",
    METADATA,
    Column("dataset", Text, primary_key=True),
    # a URL
    Column("collection", Text, primary_key=True),
    # microseconds since 1970, as its server counts them
    Column("added", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
)
"""How far collections of partners were pulled into data sets."""

PULLED = Table(
    "pulled",
    METADATA,
    Column("dataset", Text, primary_key=True),
    Column("collection", Text, primary_key=True),
    # HMAC-SHA256 of its id and version, in hex, with the hub's key
    Column("object", Text, primary_key=True),
)
"""What was taken of the last instant of each: it may be asked for again."""

PUSHES = Table(
    "pushes",
    METADATA,
    Column("number", Integer, primary_key=True),
    # a URL
    Column("collection", Text, nullable=False),
    Column("channel", ForeignKey("channels.id"), nullable=False),
    Column("partner", ForeignKey("partners.id"), nullable=False),
    Column("at", Instant, nullable=False),
    # sending, taken (the server has it, and says later what became of it), done
    Column("state", Text, nullable=False),
    # the server's name for what became of it
    Column("status", Text),
    Index("ix_pushes_collection", "collection", "channel", "partner", "state"),
)
"""Envelopes of a channel's objects that were handed to a member's collection."""

PUSHED = Table(
    "pushed",
    METADATA,
    Column("push", ForeignKey("pushes.number"), primary_key=True),
    # which object of the channel: when it was added
    Column("added", BigInteger, primary_key=True),
    Index("ix_pushed_added", "added"),
)
"""What an envelope held."""

CHECK_VERSIONS = Table(
    "check_versions",
    METADATA,
    # the name of its folder
    Column("name", Text, primary_key=True),
    Column("made_at", Instant, nullable=False),
    # SHA-256 of its manifest, in hex
    Column("digest", Text, nullable=False),
    Column("recipient", ForeignKey("partners.id"), nullable=False),
    Column("addresses", Integer, nullable=False),
    Column("mailboxes", Integer, nullable=False),
    # the strictest of what it rests on
    Column("marking", Text, nullable=False),
    # policy classes that must be permitted (release.policies), as JSON
    Column("classes", Text, nullable=False),
    # the version before, of which it says a part
    Column("narrows", ForeignKey("check_versions.name")),
    Column("person", Text, nullable=False),
    Column("first_entry", BigInteger, nullable=False),
    Column("entries", Integer, nullable=False),
    # from when on it could be seen; null: it waits, or went before
    Column("shown_at", Instant),
    # from when on it is there no more
    Column("gone_at", Instant),
    # why it was never shown; null: it was, or may be
    Column("refusal", Text),
)
"""Versions of the check data: each appears together with its entries in the ledger."""

CHECK_SOURCES = Table(
    "check_sources",
    METADATA,
    Column("version", ForeignKey("check_versions.name"), primary_key=True),
    Column("dataset", Text, primary_key=True),
    # SHA-256 of the bytes as they were delivered, in hex
    Column("delivery", Text, primary_key=True),
    # how often something was erased in it before the version was made
    Column("erasures", Integer, nullable=False),
    Index("ix_check_sources_dataset", "dataset", "delivery"),
)
"""The deliveries that a version of the check data rests on."""

CONSULTATIONS = Table(
    "consultations",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    # collection, alteration, consultation, disclosure, combination, erasure
    Column("processing", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("justification", Text, nullable=False),
    # what was asked for or done to, in the hub's words; values of persons only as HMAC
    Column("object", Text, nullable=False),
    # partners, by id, parted by spaces
    Column("recipients", Text, nullable=False),
    # SHA-256 over the row before and this one, in hex
    Column("digest", Text, nullable=False),
)
"""The log of consultations (Directive (EU) 2016/680, Article 25); the database refuses to change or delete a row."""

JOBS = Table(
    "jobs",
    METADATA,
    Column("number", Integer, primary_key=True),
    # import, add, upload, expire, release, notify, purge, mail
    Column("kind", Text, nullable=False),
    # JSON
    Column("arguments", Text, nullable=False),
    # waiting, done, failed
    Column("state", Text, nullable=False),
    Column("queued_at", Instant, nullable=False),
    Column("not_before", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    # who works on it, and until when that holds; null: nobody
    Column("worker", Text),
    Column("leased_until", Instant),
    Column("ended_at", Instant),
    # the last error in words, or what came of it
    Column("outcome", Text),
    Index("ix_jobs_state_not_before", "state", "not_before"),
)

PSI_SESSIONS = Table(
    "psi_sessions",
    METADATA,
    # a UUID
    Column("id", Text, primary_key=True),
    Column("organisation", ForeignKey("partners.id"), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("ends", Instant, nullable=False),
    # values that may be asked about, and those that were
    Column("budget", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),
    # what the hub has committed to (accord.check.psi.commitment)
    Column("document", Text, nullable=False),
    # its entry in the ledger
    Column("entry", BigInteger, nullable=False),
    Column("disclosure", ForeignKey("disclosures.id"), nullable=False),
    Column("operation", Text, nullable=False),
    # when its key was given up, and the entry that says so; null: not yet
    Column("closed_at", Instant),
    Column("closing_entry", BigInteger),
    UniqueConstraint("organisation", "epoch"),
    CheckConstraint("spent <= budget", name="budget"),
)
"""Private set intersection: one key for an organisation and an epoch."""

PSI_REQUESTS = Table(
    "psi_requests",
    METADATA,
    Column("session", ForeignKey("psi_sessions.id"), primary_key=True),
    # the organisation's own number for it, a UUID
    Column("request", Text, primary_key=True),
    # SHA-256 of the blinded elements, in hex: they are random whatever they stand for
    Column("digest", Text, nullable=False),
    Column("elements", Integer, nullable=False),
    Column("at", Instant, nullable=False),
)
"""What was spent of a session's budget: the number of elements, and nothing of what they stand for."""
