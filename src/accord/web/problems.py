"""Errors as problem details (RFC 9457): a status and words that say nothing of what is inside.

{"type":"about:blank","title":"Not Found","status":404}
"""

import json
from collections.abc import Mapping
from http import HTTPStatus

from accord.web.asgi import Send, answer, headers_of

MEDIA_TYPE = "application/problem+json"


class ProblemError(Exception):
    """A request that is refused, and why, in words for whoever asked."""

    def __init__(self, status: HTTPStatus, detail: str | None = None) -> None:
        self.status = status
        self.detail = detail
        super().__init__(status, detail)


def problem(status: int, detail: str | None = None) -> bytes:
    """The body of an error."""
    told: dict[str, object] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    return json.dumps(told if detail is None else told | {"detail": detail}).encode()


async def answer_problem(
    send: Send, status: int, detail: str | None = None, headers: Mapping[str, str] | None = None
) -> None:
    """Answer with an error, which nobody keeps."""
    told = {"content-type": MEDIA_TYPE, "cache-control": "no-store", **(headers or {})}
    await answer(send, status, headers_of(told), problem(status, detail))
