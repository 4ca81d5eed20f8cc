"""What became of a partner's own deliveries at a hub: `accord delivery list --mine`."""

import os
from pathlib import Path
from typing import Any

from accord.cli.terminal import first_sentence, say, say_json, show_table
from accord.exchange.partners.client import AskedHub
from accord.vocabulary.errors import SettingsError
from accord.workspace.peers import SECRET_BYTES, demand_url
from accord.workspace.regular import open_regular, unreadable

TOKEN = "ACCORD_TOKEN"  # noqa: S105 -- the name of a variable


def list_mine(url: str | None, token_file: Path | None, ca_file: Path | None, *, as_json: bool) -> None:
    """Print what a hub tells of the deliveries of whoever holds the token. Raises AccordError."""
    with asked_hub(url, token_file, ca_file) as hub:
        told = sorted(hub.deliveries(), key=lambda one: str(one.get("received_at", "~")))
    if as_json:
        say_json(told)
        return
    if not told:
        say("The hub has no delivery of yours.")
        return
    show_table(
        [
            ("data set", False),
            ("received (UTC)", False),
            ("file", False),
            ("what became of it", False),
            *((word, True) for word in ("records", "accepted", "ignored", "rejected")),
            ("went to", False),
            ("done", False),
        ],
        [_row(one) for one in told],
        wide=True,
    )


def asked_hub(url: str | None, token_file: Path | None, ca_file: Path | None) -> AskedHub:
    """The hub at `url`, asked with the token that a file or the environment holds; `ca_file`: who is trusted to vouch
    for it. Raises SettingsError, UnreadableError."""
    if url is None:
        raise SettingsError("It is not said which hub is asked.", expected="--at URL, as https://hub.example")
    place = url.rstrip("/")
    demand_url(place, "--at")
    return AskedHub(place, read_token(token_file), ca_file=ca_file)


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    uses = one.get("handed_over") or []
    went = ", ".join(f"{use['country']} {use['findings']} ({use['purpose']})" for use in uses)
    done = ", ".join(f"{use['country']} {use['outcomes']['done']}" for use in uses if "done" in use["outcomes"])
    return (
        one.get("dataset", ""),
        str(one.get("received_at", ""))[:16].replace("T", " "),
        one.get("file") or str(one.get("sha256", ""))[:16],
        one.get("state", "") if not one.get("why") else f"{one['state']}: {first_sentence(str(one['why']))}",
        *(one.get(name, "") for name in ("records", "accepted", "ignored", "rejected")),
        went,
        done,
    )


def read_token(file: Path | None) -> str:
    """The token of whoever asks, from a file or the environment. Raises SettingsError, UnreadableError."""
    if file is None:
        said = os.environ.get(TOKEN, "")
    else:
        try:
            with open_regular(file) as opened:
                said = opened.read(SECRET_BYTES).decode("ascii", "replace")
        except OSError as error:
            raise unreadable(
                error, file, "The token cannot be read.", expected="a file that holds one line, the token"
            ) from error
    token = said.strip()
    if not token or not token.isascii() or not token.isprintable():
        raise SettingsError(
            "This is no token." if token else "There is no token.",
            where=TOKEN if file is None else str(file),
            expected=f"--token-file FILE, which holds one in a line, or {TOKEN} in the environment",
            got="several lines, or other characters than a token has" if token else "nothing",
            remedy="`accord token make`, at the hub, makes one, and shows it once",
        )
    return token
