"""How mail to each recipient is signed and encrypted: by S/MIME or by OpenPGP, as the settings say."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from accord.exchange.notifications import openpgp, smime
from accord.workspace.mail import Correspondent, Mail, read_pem, read_secret_pem


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """What is done with a mail to one recipient before it goes out."""

    seal: Callable[[bytes], bytes]
    """Of a MIME entity makes one that is signed and encrypted as agreed."""
    encrypts: bool
    how: str
    """In words."""
    until: datetime | None
    """When its certificate ends; None: never, or there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What the hub signs with."""

    smime: smime.Signer
    openpgp: openpgp.PgpSigner | None


def read_keys(mail: Mail, now: datetime) -> Keys:
    """The hub's keys for mail. Raises SettingsError, UnreadableError."""
    file = mail.openpgp_key_file
    return Keys(
        smime=smime.read_signer(
            read_pem(mail.certificate, "certificate"),
            read_secret_pem(mail.key_file, "key"),
            mail.sender,
            str(mail.certificate),
            now,
        ),
        openpgp=None if file is None else openpgp.read_signer(read_secret_pem(file, "OpenPGP key"), str(file), now),
    )


def sealing_of(to: Correspondent, keys: Keys, now: datetime) -> Sealing:
    """How a mail to a recipient is sealed. Raises SettingsError, UnreadableError when its certificate is unfit."""
    if to.openpgp is not None:
        recipient = openpgp.read_recipient(read_pem(to.openpgp, "OpenPGP certificate"), str(to.openpgp), now)
        signed = "unsigned" if keys.openpgp is None else "signed"
        return Sealing(
            seal=lambda entity: openpgp.seal(entity, recipient, keys.openpgp),
            encrypts=True,
            how=f"OpenPGP, {signed}, to {recipient.fingerprint}",
            until=recipient.until,
        )
    if to.certificate is not None:
        certificate = smime.read_recipient(read_pem(to.certificate, "certificate"), str(to.certificate), now)
        return Sealing(
            seal=lambda entity: smime.encrypt(smime.sign(entity, keys.smime), certificate),
            encrypts=True,
            how=f"S/MIME, signed, to {certificate.subject.rfc4514_string()}",
            until=certificate.not_valid_after_utc,
        )
    return Sealing(
        seal=lambda entity: smime.sign(entity, keys.smime),
        encrypts=False,
        how="S/MIME, signed, not encrypted: TLP:CLEAR alone",
        until=None,
    )


def sealings(chosen: Iterable[Correspondent], keys: Keys, now: datetime) -> Mapping[str, Sealing]:
    """How mail to some recipients is sealed, by partner. Raises SettingsError, UnreadableError."""
    return {one.partner: sealing_of(one, keys, now) for one in chosen}
