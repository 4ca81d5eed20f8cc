"""The check as a service: which page, answer or refusal a request gets.

Whoever opens a page learns nothing but the page. Whoever presses its button (a POST, to a language's path) is told
about the address that their connection comes from, and about no other: no part of a request names an address, but the
word of a proxy that the operator trusts. What is refused is refused before anything is looked up.

It speaks RSGI (github.com/emmett-framework/granian, docs/spec/RSGI.md), whose answers cost half of ASGI's.
"""

import json
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from http import HTTPStatus
from random import Random
from typing import TYPE_CHECKING, Protocol

from accord.check.asking import Proxies, is_inside, is_own_page, peer
from accord.check.grades import EMPTY_VERDICTS, INSIDE, LAST_TELLABLE, LAST_TOLD, NEVER, STALE_VERDICTS, VERDICTS
from accord.check.limits import ADDRESS_BITS, MEANINGS, NETWORK_BITS, Alarm, DayWatch, Slots, Watch
from accord.check.rendering import Form, Rendered, Standing
from accord.check.settings import CheckSettings
from accord.check.snapshot import CheckData
from accord.web.guarding import host_name
from accord.web.languages import choose_language
from accord.web.problems import MEDIA_TYPE, problem
from accord.workspace.translations import LANGUAGES

if TYPE_CHECKING:
    # who does not write keeps no state, and needs nothing that does
    from accord.check.mailing.pages import MailPages, Place

Reply = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers, body."""

WithBody = Callable[[bytes | None], Reply]
"""What a request gets once its body is there; None: it did not come in time."""

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
"""Names under which a machine calls itself."""

SECURITY_HEADERS = [
    # no script, no style in the page, nothing from anybody else, in nobody's frame
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    # not no-referrer: with that, browsers send `Origin: null` with our own form (Fetch, append a request Origin header)
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ("server", "accord"),
]
NOT_KEPT = ("cache-control", "no-store")
KEPT = ("cache-control", "public, max-age=31536000, immutable")

STALE_DAYS = 2
"""Data that is older is told of as stale in the service's health, and lets nobody believe that they were not seen."""


class Headers(Protocol):
    """A request's headers, by lower-case names."""

    def get_all(self, name: str, /) -> list[str]:
        """Each of this name, in the order they came."""

    def keys(self) -> list[str]:
        """The names that came."""

    def __contains__(self, name: str, /) -> bool:
        """Whether a name came."""


class Request(Protocol):
    """A request as RSGI has it."""

    @property
    def client(self) -> str:
        """Address and port that the connection comes from."""

    @property
    def method(self) -> str:
        """In capitals."""

    @property
    def path(self) -> str:
        """Without the query."""

    @property
    def authority(self) -> str | None:
        """Whom the request line itself names, as `GET http://NAME/` does (RFC 9112, 3.2.2)."""

    @property
    def headers(self) -> Headers:
        """All of them, but lines that are not ASCII, of which the names alone are there."""


class Service:
    """Answers requests from the version of the data that it was given last."""

    def __init__(
        self,
        settings: CheckSettings,
        standing: Standing,
        *,
        names: Sequence[str],
        salt: bytes,
        tell: Callable[[Mapping[str, object]], None],
        clock: Callable[[], int] = time.monotonic_ns,
        today: Callable[[], int],
        mail: "MailPages | None" = None,
    ) -> None:
        """`names`: those in Host headers; `tell`: hears of each alarm; `today`: the day in UTC as an ordinal number."""
        self._standing = standing
        self._names = frozenset(names)
        self._proxies = Proxies(settings.proxies)
        self._addresses = Slots(settings.bounds.address_a_minute, bits=ADDRESS_BITS, salt=salt, clock=clock)
        self._networks = Slots(settings.bounds.network_a_minute, bits=NETWORK_BITS, salt=salt[::-1], clock=clock)
        self._watch = Watch(percent=settings.alarm.hit_percent, answers=settings.alarm.answers, clock=clock)
        self._days = DayWatch(
            percent=settings.alarm.hit_percent,
            answers=settings.alarm.answers,
            addresses=settings.alarm.day_addresses,
            salt=salt,
            clock=clock,
        )
        self._tell = tell
        self._draw = Random(salt).getrandbits  # noqa: S311 -- tells times apart, keeps no secret
        self._today = today
        self._counts = dict.fromkeys(
            ("answers", "hits", "cannot_tell", "refused_address", "refused_network", "alarms"), 0
        )
        self._mail = mail
        if mail is not None:
            self._counts |= dict.fromkeys(
                (f"mail_refused_{bound}" for bound in ("address", "network", "all", "full")), 0
            )
        self._day = 0
        self._verdicts, self._late_verdicts = VERDICTS, STALE_VERDICTS
        self._data: CheckData | None = None
        self._rendered: Rendered | None = None
        self._places = {"/": None} | {f"/{language}": language for language in LANGUAGES}
        self._reports = {f"/{language}/report": language for language in LANGUAGES}
        self._named = {language: language for language in LANGUAGES}
        self._headers = {
            (form, language): [
                ("content-type", form.value),
                ("content-language", language),
                NOT_KEPT,
                *SECURITY_HEADERS,
            ]
            for form in Form
            for language in LANGUAGES
        }

    def use(self, data: CheckData, rendered: Rendered) -> None:
        """From now on answer from this version, and let the one before go."""
        before = self._data
        self._data, self._rendered, self._day = data, rendered, data.day.toordinal()
        is_empty = data.manifest.addresses.count == 0
        self._verdicts, self._late_verdicts = (EMPTY_VERDICTS,) * 2 if is_empty else (VERDICTS, STALE_VERDICTS)
        if before is not None:
            before.close()

    def reply(self, request: Request) -> Reply | WithBody:
        """What a request gets, or where its body counts and nothing speaks against it: what gives it that."""
        headers = request.headers
        hosts = headers.get_all("host")
        if len(hosts) != 1 or (hosts[0] not in self._names and host_name(hosts[0]) not in self._names):
            return self._refuse(request, HTTPStatus.MISDIRECTED_REQUEST)
        if request.authority not in {None, hosts[0]}:
            return self._refuse(request, HTTPStatus.MISDIRECTED_REQUEST)
        method, path = request.method, request.path
        if method == "POST" and path in self._places:
            if not _asked_by_own_page(hosts[0], headers):
                return self._refuse(request, HTTPStatus.FORBIDDEN)
            return self._answer(request, self._places[path] or _language(headers))
        if path in self._places:
            shown: tuple[str, Mapping[str, bytes]] = self._places[path] or _language(headers), self._pages()
        elif path in self._reports:
            shown = self._reports[path], self._standing.reports
        elif path in {self._standing.style_path, "/health"}:
            return self._other(request)
        elif self._mail is not None and (place := self._mail.place(path)) is not None:
            return self._by_mail(request, self._mail, place)
        else:
            return self._refuse(request, HTTPStatus.NOT_FOUND)
        if method not in {"GET", "HEAD"}:
            return self._refuse(request, HTTPStatus.METHOD_NOT_ALLOWED)
        language, pages = shown
        return HTTPStatus.OK.value, self._headers[Form.HTML, language], pages[language]

    def _pages(self) -> Mapping[str, bytes]:
        return self._now()[1].pages

    def _now(self) -> tuple[CheckData, Rendered]:
        if self._data is None or self._rendered is None:
            raise RuntimeError("asked before there was data")
        return self._data, self._rendered

    def _answer(self, request: Request, language: str) -> Reply:
        """Tell a visitor of their own address, by the same steps whatever there is to tell."""
        headers = request.headers
        data, rendered = self._now()
        address = self._visitor(request)
        network = data.network(address)
        source = address if len(address) == 4 else address[:8]
        if not self._addresses.take(source):
            self._counts["refused_address"] += 1
            return self._refuse(request, HTTPStatus.TOO_MANY_REQUESTS)
        if not self._networks.take(b"" if network.asn is None else network.asn.to_bytes(4, "big")):
            self._counts["refused_network"] += 1
            self._alarm(self._watch.refused(network.asn))
            return self._refuse(request, HTTPStatus.TOO_MANY_REQUESTS)
        was_seen, sighting = data.looked_up(address)
        seen = sighting.last_seen.toordinal()
        today = self._today()
        by_age = self._verdicts if today - self._day <= STALE_DAYS else self._late_verdicts
        verdicts = INSIDE if is_inside(address) else by_age[network.kind]
        # everybody's answer is put together both ways, and one is chosen, not branched to: so both take as long
        if_seen, if_not = verdicts[min(max(today - seen, 0), NEVER)], verdicts[NEVER]
        told = was_seen & (if_seen <= LAST_TOLD)
        self._count((if_not, if_seen)[told], source, network.asn, told=told)
        form = Form.JSON if _wants_json(headers) else Form.HTML
        answers, spelled = rendered.answers[form][language], _spelled(address)
        # the days that an answer names are counted from the data's own day
        as_seen = partial(answers.put_together, if_seen, min(max(self._day - seen, 0), NEVER), sighting.families)
        ways = (partial(answers.unseen, if_not), as_seen)
        # which of both is made first is drawn: where in memory it is, and how lately it was written, tells nothing
        first = self._draw(1)
        bodies = (ways[first](spelled), ways[not first](spelled))
        return _OK, self._headers[form, language], bodies[told ^ first]

    def _by_mail(self, request: Request, mail: "MailPages", place: "Place") -> Reply | WithBody:
        """The check by e-mail: what is asked is put aside, and what a link shows is shown once."""
        headers, language, token = request.headers, place.language, place.token
        if request.method in {"GET", "HEAD"}:
            return _OK, self._headers[Form.HTML, language], mail.shown(place)
        if request.method != "POST":
            return self._refuse(request, HTTPStatus.METHOD_NOT_ALLOWED)
        if not _asked_by_own_page(headers.get_all("host")[0], headers):
            return self._refuse(request, HTTPStatus.FORBIDDEN)
        data, _ = self._now()
        if token is not None:
            told = mail.stopped if place.stop else mail.told
            return _OK, self._headers[Form.HTML, language], told(language, token, data)
        address = self._visitor(request)
        asn = data.network(address).asn
        if (bound := mail.bound_reached(address, asn)) is not None:
            self._counts[f"mail_refused_{bound}"] += 1
            if bound != "address":
                self._alarm(self._watch.mail_refused(asn))
            return self._refuse(request, HTTPStatus.TOO_MANY_REQUESTS)
        return partial(self._put_aside, request, mail, language)

    def _put_aside(self, request: Request, mail: "MailPages", language: str, body: bytes | None) -> Reply:
        if body is None:
            return self._refuse(request, HTTPStatus.REQUEST_TIMEOUT)
        page = mail.asked(language, body)
        if page is None:
            self._counts["mail_refused_full"] += 1
            return self._refuse(request, HTTPStatus.SERVICE_UNAVAILABLE)
        return _OK, self._headers[Form.HTML, language], page

    def _visitor(self, request: Request) -> bytes:
        """The address that is asked about; one that nobody has, where a proxy of ours does not say for whom it asks."""
        address = peer(request.client)
        if address is not None and address in self._proxies:
            address = self._proxies.asked_for(request.headers.get_all("x-forwarded-for"))
        if address is None:
            self._alarm(self._watch.silent())
            return _NOBODY
        return address

    def _count(self, verdict: int, source: bytes, asn: int | None, *, told: bool) -> None:
        counts = self._counts
        counts["answers"] += 1
        counts["hits"] += told
        if verdict > LAST_TELLABLE:
            counts["cannot_tell"] += 1
        else:
            self._alarm(self._watch.answered(hit=told))
            self._alarm(self._days.answered(source, asn, hit=told))

    def _alarm(self, alarm: Alarm | None) -> None:
        if alarm is not None:
            self._counts["alarms"] += 1
            told = {name: value for name, value in asdict(alarm).items() if value is not None}
            self._tell(told | {"means": MEANINGS[alarm.alarm]})

    def _other(self, request: Request) -> Reply:
        """The style sheet, or for this machine alone the service's health."""
        style = request.path == self._standing.style_path
        if not style and not self._is_local(request):
            return self._refuse(request, HTTPStatus.NOT_FOUND)
        if request.method not in {"GET", "HEAD"}:
            return self._refuse(request, HTTPStatus.METHOD_NOT_ALLOWED)
        if style:
            return _OK, [("content-type", "text/css; charset=utf-8"), KEPT, *SECURITY_HEADERS], self._standing.style
        data, _ = self._now()
        age = self._today() - data.day.toordinal()
        told = {
            "status": "ready" if age <= STALE_DAYS else "stale",
            "version": data.version,
            "made_at": data.made_at.isoformat(),
            "day": data.day.isoformat(),
            **self._counts,
        }
        status = _OK if age <= STALE_DAYS else HTTPStatus.SERVICE_UNAVAILABLE.value
        return status, [("content-type", Form.JSON.value), NOT_KEPT, *SECURITY_HEADERS], json.dumps(told).encode()

    def _is_local(self, request: Request) -> bool:
        """Does somebody on this machine ask, and no proxy of it for somebody else?"""
        if not _PASSED_ON.isdisjoint(request.headers.keys()):
            return False
        if host_name(request.headers.get_all("host")[0]) not in LOOPBACK:
            return False
        address = peer(request.client)
        return address is not None and (address[0] == 127 if len(address) == 4 else address == _LOOPBACK_V6)

    def _refuse(self, request: Request, status: HTTPStatus) -> Reply:
        headers = request.headers
        more = []
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            more.append(("allow", "GET, HEAD, POST" if request.path in self._places else "GET, HEAD"))
        elif status is HTTPStatus.TOO_MANY_REQUESTS:
            more.append(("retry-after", "60"))
        elif status is HTTPStatus.SERVICE_UNAVAILABLE:
            more.append(("retry-after", "3600"))
        elif status is HTTPStatus.REQUEST_TIMEOUT:
            more.append(("connection", "close"))
        if _wants_json(headers):
            return status.value, [("content-type", MEDIA_TYPE), NOT_KEPT, *SECURITY_HEADERS, *more], problem(status)
        language = self._named.get(request.path[1:].partition("/")[0]) or _language(headers)
        return (
            status.value,
            [*self._headers[Form.HTML, language], *more],
            self._standing.refusals[status.value][language],
        )

    def failed(self, request: Request) -> Reply:
        """What a request gets that we failed at."""
        return self._refuse(request, HTTPStatus.INTERNAL_SERVER_ERROR)


_OK = HTTPStatus.OK.value
_NOBODY = bytes(4)
_LOOPBACK_V6 = bytes(15) + b"\x01"
_PASSED_ON = frozenset({"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"})


def _spelled(address: bytes) -> str:
    """As people write it (RFC 5952)."""
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


def _asked_by_own_page(host: str, headers: Headers) -> bool:
    origins, sites = headers.get_all("origin"), headers.get_all("sec-fetch-site")
    # a line that is not ASCII came by its name alone, and our page sends none
    if (not origins and "origin" in headers) or (not sites and "sec-fetch-site" in headers):
        return False
    return is_own_page(host, origins, sites)


def _language(headers: Headers) -> str:
    return choose_language(",".join(headers.get_all("accept-language")), LANGUAGES)


def _wants_json(headers: Headers) -> bool:
    """Is it a program that asks? Browsers always name HTML."""
    accepted = ",".join(headers.get_all("accept"))
    return "application/json" in accepted and "text/html" not in accepted
