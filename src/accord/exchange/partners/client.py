"""What a hub tells a partner of its deliveries, asked for by HTTP within bounds."""

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import msgspec

from accord.exchange.asking import BOUNDS, Asking, Bounds, unfit
from accord.exchange.partners.routes import DELIVERIES
from accord.exchange.partners.server import MOST
from accord.vocabulary.errors import UnreadableError


class _Page(msgspec.Struct, frozen=True):
    deliveries: list[dict[str, object]]
    more: bool


def my_deliveries(
    url: str, token: str, *, ca_file: Path | None = None, bounds: Bounds = BOUNDS
) -> Iterator[dict[str, object]]:
    """What became of each delivery of whoever holds the token. `url`: the hub's, without a slash at its end.

    Raises UnreadableError.
    """
    place = url + DELIVERIES
    with Asking({"authorization": f"Bearer {token}"}, ca_file=ca_file, bounds=bounds) as asking:
        after = ""
        for _ in range(bounds.pages):
            told = asking.ask("GET", place, {"after": after, "limit": str(MOST)})
            if told.status != HTTPStatus.OK:
                raise UnreadableError(
                    "The hub does not tell it.",
                    where=place,
                    expected="status 200",
                    got=f"status {told.status}",
                    remedy="the token needs the scope `write`, and must not have ended or been revoked",
                )
            try:
                page = msgspec.json.decode(told.body, type=_Page)
                names = [str(one["name"]) for one in page.deliveries]
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, KeyError) as error:
                raise unfit(place, "a page of deliveries", str(error)[:200]) from error
            yield from page.deliveries
            if not page.more:
                return
            if not names or max(names) <= after:
                raise unfit(place, "an end, or something new with each page", "neither")
            after = max(names)
        raise unfit(place, f"an end after at most {bounds.pages:,} pages", "more")
