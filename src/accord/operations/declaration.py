"""The operation file: hub, partners, data sets, scope, recipients and reports, validated."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from accord.agreements.declarations import (
    Dataset,
    Partner,
    PartnerId,
    PartnerKind,
    read_country,
    read_dataset,
    read_partner,
)
from accord.agreements.networks import overlaps
from accord.vocabulary.countries import COUNTRY_CODES, CountryCode
from accord.vocabulary.datasets import Purpose
from accord.vocabulary.errors import SettingsError
from accord.vocabulary.roles import Role
from accord.workspace.settings import SettingsTable, known, read_settings, unique
from accord.workspace.translations import LANGUAGES

if TYPE_CHECKING:  # a run without a workspace has no database, and starts without its library
    from accord.journal.place import LedgerPlace
    from accord.web.settings import Serving
    from accord.workspace.database import Place
    from accord.workspace.mail import Mail
    from accord.workspace.peers import Peer


_OF_A_WORKSPACE = ("root", "hub", "partner", "dataset")
"""What an operation file says that is run without a workspace, and what else a workspace says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """The organisation that runs this Accord."""

    name: str
    contact: str
    namespace: UUID
    key_file: Path
    country: CountryCode | None
    """Where the hub sits: the one side of every request's legal basis."""
    legal_area: frozenset[CountryCode] = frozenset()
    """Within which personal data moves as at home; the hub's own country is always part of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What an operation looks at; an empty tuple means no restriction, except for countries, which get reports."""

    countries: tuple[CountryCode, ...]
    roles: tuple[Role, ...]
    families: tuple[str, ...]
    window_start: datetime | None
    window_end: datetime | None
    as_of: datetime

    def is_ahead(self, now: datetime) -> bool:
        """Is it said for a moment that has not come yet? A day is left to whose clock or zone is another."""
        return self.as_of > now + timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A partner that gets a country's reports; red reaches it only if persons are named."""

    partner: Partner
    country: CountryCode
    persons: tuple[str, ...]
    languages: tuple[str, ...]
    """Those that it reads; empty: the operation's."""
    encrypted: bool = False
    """Nobody can read on the way what is handed to it."""
    clients: bool = False
    """Its clients read it too."""

    @property
    def is_owner(self) -> bool:
        """Is it a network owner, which gets what is in its own networks, wherever that is?"""
        return self.partner.kind is PartnerKind.NETWORK_OWNER


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """One of several reports a country gets: the part of the scope that it is about."""

    name: str
    title: str
    roles: tuple[Role, ...]
    families: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A validated operation file."""

    file: Path
    name: str
    title: str
    simulated: bool
    languages: tuple[str, ...]
    """What reports are written in for recipients that say nothing else, and for countries without recipients."""
    answer_by: datetime | None
    root: Path
    hub: Hub
    scope: Scope
    partners: Mapping[PartnerId, Partner]
    datasets: tuple[Dataset, ...]
    recipients: tuple[Recipient, ...]
    themes: tuple[Theme, ...]
    """Empty: one report a country."""
    embargo: datetime | None = None
    """Until when the operation is secret."""
    purpose: Purpose | None = None
    """What its reports are handed over for; None: that is said with each run or release."""

    def recipients_of(self, country: CountryCode) -> tuple[Recipient, ...]:
        """The audience of a country's reports: a rule must hold for each of them."""
        return tuple(one for one in self.recipients if one.country == country and not one.is_owner)

    @property
    def owners(self) -> tuple[Recipient, ...]:
        """Network owners, each of which is an audience by itself, about its own networks."""
        return tuple(one for one in self.recipients if one.is_owner)

    def languages_of(self, country: CountryCode) -> tuple[str, ...]:
        """What a country's reports are written in: each language that one of its recipients reads, once."""
        wanted = [code for one in self.recipients_of(country) for code in one.languages or self.languages]
        return tuple(dict.fromkeys(wanted or self.languages))


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a workspace declares: who runs it, where its database is, and who delivers what."""

    hub: Hub
    database: "Place"
    ledger: "LedgerPlace"
    partners: Mapping[PartnerId, Partner]
    datasets: tuple[Dataset, ...]
    """Without paths and times: those are said with each delivery."""
    mail: "Mail | None"
    """How it writes, and to whom; None: it does not."""
    serving: "Serving"
    peers: "tuple[Peer, ...]"
    """Collections of partners that are pulled or fed."""

    def dataset(self, name: str) -> Dataset | None:
        """The data set of this id; None: there is none."""
        return next((one for one in self.datasets if one.id == name), None)


def read_workspace(path: Path, formats: Mapping[str, object]) -> Declared:
    """Read and validate a workspace's settings; `formats` are the names that the catalogue knows.

    Raises SettingsError (what is wrong, where, expected, got) and UnreadableError.
    """
    from accord.journal.place import read_ledger
    from accord.web.settings import read_serving
    from accord.workspace.database import read_database
    from accord.workspace.mail import read_mail
    from accord.workspace.peers import read_peers

    table = read_settings(path)
    # agreements and channels count once they are applied, and are read then; [check] is read by who publishes
    table.pass_over("agreement", "channel", "check")
    hub = _read_hub(table.table("hub"), path.resolve().parent)
    partners = _read_partners(table, required=False)
    datasets = _read_datasets(table, partners, formats, located=False, required=False)
    declared = Declared(
        hub=hub,
        database=read_database(table, hub.namespace),
        ledger=read_ledger(table, hub.namespace),
        partners=partners,
        datasets=datasets,
        mail=read_mail(table, partners),
        serving=read_serving(table),
        peers=read_peers(table, partners, {one.id: (one.partner.id, one.formats) for one in datasets}),
    )
    table.done()
    return declared


def read_operation(path: Path, formats: Mapping[str, object]) -> Operation:
    """Read and validate an operation file; `formats` are the names that the catalogue knows.

    Raises SettingsError (what is wrong, where, expected, got) and UnreadableError.
    """
    table = read_settings(path)
    folder = path.resolve().parent
    if not any(table.offers(one) for one in _OF_A_WORKSPACE):
        raise SettingsError(
            "This operation file is for a workspace: it has no hub, partners and data sets of its own.",
            where=str(path),
            expected="`root`, [hub], [[partner]] and [[dataset]], or a workspace that has them",
            remedy="name the workspace with --in WORKSPACE",
        )
    root = folder / table.text("root")
    hub = _read_hub(table.table("hub"), folder)
    sheet = table.table("operation")
    partners = _read_partners(table)
    datasets = _read_datasets(table, partners, formats)
    operation = _read_sheet(path, table, sheet, root=root, hub=hub, partners=partners, datasets=datasets)
    if not _is_folder(root):
        raise table.wrong("root", "a folder, relative to the operation file", table.content.get("root"))
    return operation


def read_workspace_operation(path: Path, declared: Declared, partners: Mapping[PartnerId, Partner]) -> Operation:
    """Read and validate an operation file for a workspace, which has hub, partners and data sets of its own.

    `partners` are those that are registered. `datasets` of `[operation]` names those that it looks at, all by default.
    Raises SettingsError and UnreadableError.
    """
    table = read_settings(path)
    own = [one for one in _OF_A_WORKSPACE if one in table.content]
    if own:
        raise SettingsError(
            "This operation file has a hub or data sets of its own, and the workspace has them.",
            where=str(path),
            expected="[operation], [[recipient]] and [[report]] alone",
            got=", ".join(own),
            remedy="take them out (docs/handing-over.md); without --in, `accord operation run` takes the file as it is",
        )
    sheet = table.table("operation")
    ids = {one.id: one for one in declared.datasets}
    names = [known(sheet, "datasets", name, ids, "dataset") for name in sheet.texts("datasets")]
    datasets = tuple(one for one in declared.datasets if not names or one.id in names)
    root = declared.database.settings.resolve().parent
    return _read_sheet(path, table, sheet, root=root, hub=declared.hub, partners=partners, datasets=datasets)


def demand_come(operation: Operation, now: datetime) -> None:
    """Raise SettingsError where what is to be let out would be dated ahead: what corrects it would have to be, too."""
    if operation.scope.is_ahead(now):
        raise SettingsError(
            "The moment for which the operation is said has not come yet.",
            where=f"{operation.file}: operation.as_of",
            expected=f"a time no later than a day after now, {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
            got=f"{operation.scope.as_of:%Y-%m-%d %H:%M} UTC",
            remedy="correct it there: what is let out bears this time, and confidence decays to it; "
            "`accord operation run` lets nothing out, and takes any time",
        )


def _read_sheet(
    path: Path,
    table: SettingsTable,
    sheet: SettingsTable,
    *,
    root: Path,
    hub: Hub,
    partners: Mapping[PartnerId, Partner],
    datasets: tuple[Dataset, ...],
) -> Operation:
    operation = Operation(
        file=path,
        name=sheet.identifier("name"),
        title=sheet.title("title"),
        simulated=sheet.flag("simulated", default=False),
        languages=sheet.languages("languages") or LANGUAGES[:1],
        answer_by=sheet.optional_instant("answer_by"),
        root=root,
        hub=hub,
        scope=_read_scope(sheet),
        partners=partners,
        datasets=datasets,
        recipients=_read_recipients(table, partners),
        themes=_read_themes(table),
        embargo=sheet.optional_instant("embargo"),
        purpose=sheet.optional_choice("purpose", Purpose),
    )
    sheet.done()
    table.done()
    return operation


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is longer than the system has names for
        return False


def _read_hub(table: SettingsTable, folder: Path) -> Hub:
    name, contact, namespace = table.title("name"), table.mail("contact"), table.text("namespace")
    try:
        identifier = UUID(namespace)
    except ValueError:
        raise table.wrong(
            "namespace",
            "a UUID that is this hub's own, made once (python3 -c 'import uuid; print(uuid.uuid4())')",
            namespace,
        ) from None
    country = read_country(table, "country") if table.offers("country") else None
    hub = Hub(
        name=name,
        contact=contact,
        namespace=identifier,
        key_file=folder / table.text("key_file"),
        country=country,
        legal_area=frozenset(_read_countries(table, "legal_area")) | ({country} if country is not None else set()),
    )
    table.done()
    return hub


def _read_partners(table: SettingsTable, *, required: bool = True) -> dict[PartnerId, Partner]:
    rows = [(one, read_partner(one)) for one in table.tables("partner", required=required)]
    unique([(one, partner.id) for one, partner in rows], "id")
    for twice in overlaps((partner.id, partner.networks) for _, partner in rows):
        where = next(one for one, partner in rows if partner.id == twice.second)
        raise where.wrong(
            "networks", f"networks outside of {twice.first_network} of {twice.first}", twice.second_network
        )
    return {partner.id: partner for _, partner in rows}


def _read_datasets(
    table: SettingsTable,
    partners: Mapping[PartnerId, Partner],
    formats: Mapping[str, object],
    *,
    located: bool = True,
    required: bool = True,
) -> tuple[Dataset, ...]:
    rows = [
        (one, read_dataset(one, partners, formats, located=located))
        for one in table.tables("dataset", required=required)
    ]
    unique([(one, dataset.id) for one, dataset in rows], "id")
    return tuple(dataset for _, dataset in rows)


def _read_scope(table: SettingsTable) -> Scope:
    codes = _read_countries(table, "countries", required=True)
    begin, end = table.window("window")
    return Scope(
        countries=codes,
        roles=table.choices("roles", Role),
        families=table.texts("families"),
        window_start=begin,
        window_end=end,
        as_of=table.instant("as_of"),
    )


def _read_countries(table: SettingsTable, name: str, *, required: bool = False) -> tuple[CountryCode, ...]:
    codes = table.texts(name, required=required)
    for code in codes:
        if code not in COUNTRY_CODES:
            raise table.wrong(name, "ISO 3166-1 alpha-2 country codes in capitals, such as TH", code)
    if len(set(codes)) != len(codes):
        raise table.wrong(name, "each country once", ", ".join(codes))
    return tuple(CountryCode(code) for code in codes)


def refuse_concerned(table: SettingsTable, partner: Partner) -> None:
    """Raise SettingsError for the persons concerned where all that is found would reach whoever receives it."""
    if partner.kind is PartnerKind.CONCERNED:
        raise table.wrong(
            "partner",
            "a partner that may have what others' machines do: each of the persons concerned learns of their own "
            "address, from the check (`accord check publish`)",
            partner.id,
        )


def _read_recipients(table: SettingsTable, partners: Mapping[PartnerId, Partner]) -> tuple[Recipient, ...]:
    rows = [(one, _read_recipient(one, partners)) for one in table.tables("recipient")]
    unique([(one, recipient.partner.id) for one, recipient in rows if recipient.is_owner], "partner")
    return tuple(recipient for _, recipient in rows)


def _read_recipient(table: SettingsTable, partners: Mapping[PartnerId, Partner]) -> Recipient:
    partner = partners[known(table, "partner", table.text("partner"), partners, "partner")]
    refuse_concerned(table, partner)
    if partner.kind is PartnerKind.NETWORK_OWNER and table.offers("country"):
        raise table.wrong("country", "none: a network owner gets what is in its networks", table.text("country"))
    recipient = Recipient(
        partner=partner,
        # a network owner's is declared with it
        country=partner.country if partner.networks and partner.country else read_country(table, "country"),
        persons=table.texts("persons"),
        languages=table.languages("languages"),
        encrypted=table.flag("encrypted", default=False),
        clients=table.flag("clients", default=False),
    )
    table.done()
    return recipient


def _read_themes(table: SettingsTable) -> tuple[Theme, ...]:
    rows = []
    for one in table.tables("report"):
        theme = Theme(
            name=one.identifier("name"),
            title=one.title("title"),
            roles=one.choices("roles", Role),
            families=one.texts("families"),
        )
        one.done()
        rows.append((one, theme))
    unique([(one, theme.name) for one, theme in rows], "name")
    return tuple(theme for _, theme in rows)
