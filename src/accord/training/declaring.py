"""The operation file of a telling: TOML by hand, so that a reader finds it in the order of the story."""

from collections.abc import Sequence
from datetime import datetime

from accord.training.scenario import DatasetPlan, Setting
from accord.vocabulary.countries import CountryCode

KEY_FILE = "hub.key"
"""The hub's key, which the first run of the operation makes beside the operation file."""


def operation_toml(scenario: Setting, countries: Sequence[CountryCode], seed: int, scale: float) -> str:
    """The text of `operation.toml`; files lie in `deliveries/` beside it."""
    parts = [
        f"# Simulated: scenario {scenario.name}, seed {seed}, scale {scale:g}. No server in it is real.",
        'root = "deliveries"',
        "",
        "[hub]",
        f"name = {_text(scenario.hub_name)}",
        f"contact = {_text(scenario.contact)}",
        f"namespace = {_text(str(scenario.namespace))}",
        f"key_file = {_text(KEY_FILE)}",
        "",
        "[operation]",
        f"name = {_text(scenario.name)}",
        f"title = {_text(scenario.title)}",
        f"as_of = {_instant(scenario.as_of)}",
        "simulated = true",
        f"countries = {_texts(countries)}",
        f"window = [{_instant(scenario.window_start)}, {_instant(scenario.as_of)}]",
        f"answer_by = {_instant(scenario.answer_by)}",
    ]
    for partner in scenario.partners:
        parts += ["", "[[partner]]", f"id = {_text(partner.id)}", f"name = {_text(partner.name)}"]
        parts.append(f"kind = {_text(partner.kind)}")
        if partner.country is not None:
            parts.append(f"country = {_text(partner.country)}")
    for dataset in scenario.datasets:
        parts += ["", *_dataset(dataset)]
    for recipient in scenario.recipients:
        parts += ["", "[[recipient]]", f"partner = {_text(recipient.partner)}", f"country = {_text(recipient.country)}"]
        if recipient.persons:
            parts.append(f"persons = {_texts(recipient.persons)}")
    return "\n".join(parts) + "\n"


def _dataset(dataset: DatasetPlan) -> list[str]:
    lines = [
        "[[dataset]]",
        f"id = {_text(dataset.id)}",
        f"title = {_text(dataset.title)}",
        f"partner = {_text(dataset.partner)}",
        f"format = [{_text(dataset.format)}]",
        f"paths = {_texts(dataset.paths)}",
        f"collected_at = {_instant(dataset.collected_at)}",
        f"origin = {_text(dataset.origin.value)}",
    ]
    if dataset.role is not None:
        lines.append(f"role = {_text(dataset.role.value)}")
    lines += [
        f"marking = {_text(dataset.marking.value)}",
        f"grade = {_text(dataset.grade.value)}",
        'retention = "P1Y"',
        f"legal_basis = {_text(dataset.legal_basis.value)}",
        f"personal_data = {'true' if dataset.personal else 'false'}",
        f"name_partner = {'true' if dataset.name_partner else 'false'}",
    ]
    if dataset.share_with is not None:
        lines.append(f"share_with = {_texts(dataset.share_with)}")
    if dataset.details:
        lines += ["", dataset.details.strip("\n")]
    return lines


def _instant(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def _texts(values: Sequence[str]) -> str:
    return "[" + ", ".join(_text(one) for one in values) + "]"


def _text(value: str) -> str:
    # what a scenario says is our own: no control characters to escape
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
