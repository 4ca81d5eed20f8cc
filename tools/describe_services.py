"""Write docs/openapi.json: every HTTP service, as OpenAPI 3.1 describes one.

    python tools/describe_services.py > docs/openapi.json

tests/cli/test_cli_openapi.py holds the file to this, its paths to the routes that there are, and what a server really
answers to both. Every GET has a HEAD that answers the same without a body.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from accord.exchange.partners.routes import ACKNOWLEDGEMENTS, DELIVERIES, OUTCOMES, UPLOADS
from accord.exchange.taxii.messages import MEDIA_TYPE as TAXII
from accord.exchange.taxii.messages import STIX_MEDIA_TYPE
from accord.exchange.taxii.routes import API_ROOT, ROOT
from accord.web.problems import MEDIA_TYPE as PROBLEM

Part = dict[str, Any]

# TAXII 2.1, 1.6.7
TIME = {"type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
TEXT = {"type": "string"}
STIX_ID = {"type": "string", "pattern": "^[a-z0-9-]+--[0-9a-f-]{36}$"}
LANGUAGES = ("en", "fr", "es", "ar", "de")

# RFC 9110 and the guard before all services
GUARDED = {
    413: "The body is longer than 1 MiB.",
    414: "Path and query are longer than 4 KiB.",
    421: "Nothing is served under this name.",
    431: "The headers are longer than 32 KiB.",
    500: "An error of the hub's, whose words tell nothing of what is inside.",
    503: "It cannot be answered now, or took too long.",
}
ASKED = {
    400: "What is asked cannot be meant.",
    401: "It is not shown who asks.",
    404: "It is not there, for whoever asks.",
    406: "TAXII 2.1 messages are not accepted.",
    429: "This client asks too often.",
}
STATED = {
    "401": {"WWW-Authenticate": {"required": True, "schema": TEXT}},
    "429": {"Retry-After": {"required": True, "schema": {"type": "string", "pattern": "^[0-9]+$"}}},
}


def record(required: Iterable[str] = (), **fields: Part) -> Part:
    """An object's schema."""
    return {"type": "object", "properties": fields, "required": list(required)}


def many(schema: Part, least: int = 1) -> Part:
    return {"type": "array", "items": schema, "minItems": least}


def ref(name: str) -> Part:
    return {"$ref": f"#/components/schemas/{name}"}


COLLECTION = record(
    ("id", "title", "can_read", "can_write"),
    id={"type": "string", "format": "uuid"},
    title=TEXT,
    description=TEXT,
    alias=TEXT,
    can_read={"type": "boolean"},
    can_write={"type": "boolean"},
    media_types=many({"const": STIX_MEDIA_TYPE}),
)
OBJECT = {**record(("id", "type"), id=STIX_ID, type=TEXT), "description": "An object of STIX 2.1."}
DETAILS = many(record(("id", "version"), id=TEXT, version=TEXT, message=TEXT))

COUNT = {"type": "integer", "minimum": 0}
SMALL = {"anyOf": [{"type": "integer", "minimum": 10}, {"const": "<10"}]}
SUM = {"anyOf": [*SMALL["anyOf"], {"type": "string", "pattern": "^[0-9]+ to [0-9]+$"}]}
DELIVERY = record(
    ("name", "state", "dataset", "sha256"),
    name=TEXT,
    state={"enum": ["waiting", "taken in", "refused", "recalled"]},
    why=TEXT,
    dataset=TEXT,
    sha256=TEXT,
    file=TEXT,
    replaced_by=TEXT,
    **dict.fromkeys(("bytes", "records", "accepted", "ignored", "rejected", "observations"), COUNT),
    received_at=TEXT,
    agreements=many(TEXT, 0),
    entries=many(COUNT, 0),
    handed_over=many(
        record(
            ("country", "purpose", "findings", "outcomes"),
            country=TEXT,
            purpose=TEXT,
            findings=SUM,
            outcomes={"type": "object", "additionalProperties": SMALL},
        ),
        0,
    ),
)

SCHEMAS: Mapping[str, Part] = {
    "problem": record(("type", "title", "status"), type=TEXT, title=TEXT, status={"type": "integer"}, detail=TEXT),
    "error": record(
        ("title", "http_status"), title=TEXT, description=TEXT, http_status={"type": "string", "pattern": "^[45]..$"}
    ),
    "readiness": record(
        ("status",),
        status={"enum": ["ready", "not ready"]},
        database={"type": "object", "description": "This and what follows is told on the machine itself alone."},
        disk={"type": "object"},
        ledger={"type": "object"},
        jobs={"type": ["object", "null"]},
    ),
    "liveness": record(("status",), status={"const": "live"}),
    "discovery": record(("title",), title=TEXT, contact=TEXT, default=TEXT, api_roots=many(TEXT)),
    "api-root": record(
        ("title", "versions", "max_content_length"),
        title=TEXT,
        versions=many({"const": TAXII}),
        max_content_length={"type": "integer", "minimum": 1},
    ),
    "collection": COLLECTION,
    "collections": record(collections=many(ref("collection"))),
    "envelope": record(more={"type": "boolean"}, next=TEXT, objects=many(OBJECT)),
    "manifest": record(
        more={"type": "boolean"},
        next=TEXT,
        objects=many(
            record(
                ("id", "date_added", "version"),
                id=STIX_ID,
                date_added=TIME,
                version=TIME,
                media_type={"const": STIX_MEDIA_TYPE},
            )
        ),
    ),
    "versions": record(more={"type": "boolean"}, next=TEXT, versions=many(TIME)),
    "status": record(
        ("id", "status", "total_count", "success_count", "failure_count", "pending_count"),
        id=TEXT,
        status={"enum": ["complete", "pending"]},
        request_timestamp=TIME,
        **{f"{name}_count": {"type": "integer", "minimum": 0} for name in ("total", "success", "failure", "pending")},
        **dict.fromkeys(("successes", "failures", "pendings"), DETAILS),
    ),
    "delivery": DELIVERY,
    "deliveries": record(("deliveries", "more"), deliveries=many(ref("delivery"), 0), more={"type": "boolean"}),
    "rejects": record(
        ("rejects", "more"),
        rejects=many(
            record(("record", "reason", "text"), record={"type": "integer"}, reason=TEXT, explanation=TEXT, text=TEXT),
            0,
        ),
        more={"type": "boolean"},
    ),
    "outcomes": record(
        ("sha256", "records", "accepted", "new", "ignored", "rejected", "entries", "rejects"),
        sha256=TEXT,
        rejects=many(record(("line", "column", "reason", "text"), reason=TEXT, text=TEXT), 0),
        entries=many(COUNT, 0),
        **dict.fromkeys(("records", "accepted", "new", "ignored", "rejected", "done_for_the_first_time"), COUNT),
    ),
    "notices": record(
        ("notices", "more"),
        notices=many(
            record(
                (
                    "name",
                    "recall",
                    "package",
                    "kind",
                    "reason",
                    "findings",
                    "supplied",
                    "entry",
                    "at",
                    "due",
                    "overdue",
                ),
                **dict.fromkeys(("name", "recall", "package", "reason"), TEXT),
                kind={"enum": ["withdrawn", "corrected", "erased"]},
                findings={"type": ["integer", "null"], "description": "How many of the package; null: all of it."},
                entry=COUNT,
                at=TIME,
                due=TIME,
                supplied={"type": "boolean"},
                overdue={"type": "boolean"},
            ),
            0,
        ),
        more={"type": "boolean"},
    ),
    "acknowledged": record(
        ("recall", "package", "answer", "new"),
        recall=TEXT,
        package=TEXT,
        answer={"enum": ["done", "refused"]},
        new={"type": "boolean", "description": "False: it was recorded before."},
    ),
    "add": record(
        ("objects",),
        objects={**many(OBJECT), "maxItems": 10_000},
    ),
}


def parameter(name: str, where: str, schema: Part, said: str) -> Part:
    return {"name": name, "in": where, "schema": schema, "description": said, "required": where == "path"}


VALUES = {"type": "string", "minLength": 1}
FILTERS = {
    "added_after": (TIME, "What was added later than that."),
    "limit": ({"type": "integer", "minimum": 1}, "Objects of a page; 10,000 at most."),
    "next": (TEXT, "Where to go on, as the page before said."),
    "match[version]": (VALUES, "`first`, `last`, `all`, or versions, parted by commas."),
    "match[spec_version]": (VALUES, "Versions of STIX, parted by commas."),
    "match[id]": (VALUES, "Ids of objects, parted by commas."),
    "match[type]": (VALUES, "Types of objects, parted by commas."),
}


def filters(*left_out: str) -> list[Part]:
    return [parameter(name, "query", schema, said) for name, (schema, said) in FILTERS.items() if name not in left_out]


def segments(path: str) -> list[Part]:
    said = {
        "collection": "Its id or its alias.",
        "object": "The id of an object of STIX.",
        "status": "The id that an add was answered with.",
        "file": "A file below it, with its folders.",
        "delivery": "The data set's id, a dot, and the SHA-256 of the file.",
        "upload": "Where an upload goes, as the answer to its beginning said.",
        "notice": "The recall's id, a dot, and the package's.",
    }
    return [parameter(one, "path", TEXT, said[one]) for one in said if f"{{{one}}}" in path]


def error(status: int, said: str, media_type: str, schema: str) -> Part:
    told: Part = {"description": said, "content": {media_type: {"schema": ref(schema)}}}
    return told | ({"headers": STATED[str(status)]} if str(status) in STATED else {})


def taxii(
    path: str,
    method: str,
    said: str,
    schema: str,
    *,
    status: int = 200,
    more: Mapping[int, str] | None = None,
    parameters: Iterable[Part] = (),
    body: Part | None = None,
) -> Part:
    """An operation of the TAXII server."""
    found: Part = {"description": said, "content": {TAXII: {"schema": ref(schema)}}}
    if schema in {"envelope", "manifest", "versions"} and "markings" not in path:
        header = {"required": False, "schema": TIME}
        found["headers"] = {f"X-TAXII-Date-Added-{which}": header for which in ("First", "Last")}
    common = {str(code): {"$ref": f"#/components/responses/taxii-{code}"} for code in (*ASKED, *GUARDED)}
    return {
        "summary": said,
        "operationId": f"{method} {path}",
        "parameters": [*segments(path), *parameters],
        **({} if body is None else {"requestBody": body}),
        "security": [{"basic": []}, {"bearer": []}, {"certificate": []}],
        "responses": {
            **({} if schema == "error" else {str(status): found}),
            **common,
            **{str(code): error(code, words, TAXII, "error") for code, words in (more or {}).items()},
        },
    }


def public(path: str, said: str, answers: Mapping[int, Part], missing: str | None = None) -> Part:
    """An operation that asks nobody who they are."""
    common = {str(code): {"$ref": f"#/components/responses/problem-{code}"} for code in (400, *GUARDED)}
    lacking = {} if missing is None else {"404": error(404, missing, PROBLEM, "problem")}
    return {
        "get": {
            "summary": said,
            "operationId": f"get {path}",
            "parameters": segments(path),
            "security": [],
            "responses": {
                **common,
                **lacking,
                **{str(code): one for code, one in answers.items()},
            },
        }
    }


def files(path: str, said: str, kinds: Iterable[str]) -> Part:
    content = {kind: {"schema": {}} for kind in kinds}
    return public(
        path,
        said,
        {
            200: {"description": "The file.", "content": content},
            206: {"description": "The part of it that was asked for.", "content": content},
            304: {"description": "It is as whoever asks has it."},
            416: error(416, "There is no such part.", PROBLEM, "problem"),
        },
        "There is no such file.",
    )


def page(path: str) -> Part:
    return public(
        path,
        "The public page of the ledger.",
        {
            302: {"description": "Where it lies.", "headers": {"Location": {"required": True, "schema": TEXT}}},
            404: {"description": "It is not published yet.", "content": {"text/html": {"schema": {}}}},
        },
    )


def health(path: str, said: str, schema: str, *codes: int) -> Part:
    told = {"description": said, "content": {"application/json": {"schema": ref(schema)}}}
    return public(path, said, dict.fromkeys(codes, told))


TUS = parameter("Tus-Resumable", "header", {"const": "1.0.0"}, "The version of tus that is spoken.")
PIECE = {"content": {"application/offset+octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
TUS_SAID = {"Tus-Resumable": {"required": True, "schema": {"const": "1.0.0"}}}
PLACED = {"Upload-Offset": {"required": True, "schema": {"type": "string", "pattern": "^[0-9]+$"}}}
PAGING = [
    parameter("limit", "query", {"type": "integer", "minimum": 1}, "Of a page; 1,000 at most."),
    parameter("after", "query", TEXT, "Where to go on: the last name, or how many rejects to pass over."),
]
REFUSALS = {403: "What says who asks lets nobody do that, or nothing lets it in.", 404: ASKED[404]}
CHECKSUM = {460: "The bytes are not those that the digest says."}
VERSIONED = {412: "Another version of tus is spoken."}


def own(
    path: str,
    method: str,
    said: str,
    status: int,
    schema: str | None,
    *more: Mapping[int, str],
    parameters: Iterable[Part] = (),
    body: Part | None = None,
    headers: Part | None = None,
    kind: str | None = None,
) -> Part:
    """An operation of partners' systems; `kind`: it answers with this media type."""
    found: Part = {"description": said}
    if kind is not None:
        found["content"] = {kind: {"schema": TEXT if kind == "text/plain" else {}}}
    if schema is not None:
        found["content"] = {"application/json": {"schema": ref(schema)}}
    if headers is not None:
        found["headers"] = headers
    wrong = {
        code: words for one in ({401: ASKED[401], 429: ASKED[429]}, REFUSALS, *more) for code, words in one.items()
    }
    return {
        "summary": said,
        "operationId": f"{method} {path}",
        "parameters": [*segments(path), *parameters],
        **({} if body is None else {"requestBody": body}),
        "security": [{"basic": []}, {"bearer": []}],
        "responses": {
            str(status): found,
            **{str(code): {"$ref": f"#/components/responses/problem-{code}"} for code in (400, *GUARDED)},
            **{str(code): error(code, words, PROBLEM, "problem") for code, words in wrong.items()},
        },
    }


def capabilities(path: str) -> Part:
    return {
        "summary": "Which version and extensions of tus are spoken.",
        "operationId": f"options {path}",
        "parameters": segments(path),
        "security": [],
        "responses": {
            "204": {"description": "In headers.", "headers": TUS_SAID},
            **{str(code): {"$ref": f"#/components/responses/problem-{code}"} for code in (400, *GUARDED)},
        },
    }


def systems() -> dict[str, Part]:
    """What partners' systems ask beside TAXII (docs/partners.md)."""
    upload, one, notice = f"{UPLOADS}/{{upload}}", f"{DELIVERIES}/{{delivery}}", f"{ACKNOWLEDGEMENTS}/{{notice}}"
    receipt = f"{one}/receipt"
    metadata = parameter(
        "Upload-Metadata", "header", TEXT, "`dataset`, `filename` and `sha256`, each a blank and its value in Base64."
    )
    checksum = parameter("Upload-Checksum", "header", TEXT, "`sha256` or `sha1`, a blank, and the digest in Base64.")
    length = parameter("Upload-Length", "header", TEXT, "Bytes of the file.")
    offset = parameter("Upload-Offset", "header", TEXT, "Where the piece belongs.")
    unfit = {415: "The body is no piece of an upload."}
    return {
        DELIVERIES: {
            "get": own(DELIVERIES, "get", "What became of one's own deliveries.", 200, "deliveries", parameters=PAGING),
            "post": own(
                DELIVERIES,
                "post",
                "Begin an upload.",
                201,
                None,
                VERSIONED,
                unfit,
                CHECKSUM,
                parameters=[TUS, length, metadata, checksum],
                body=PIECE,
                headers={**TUS_SAID, **PLACED, "Location": {"required": True, "schema": TEXT}},
            ),
            "options": capabilities(DELIVERIES),
        },
        upload: {
            "patch": own(
                upload,
                "patch",
                "Add a piece; HEAD tells in Upload-Offset what the hub has.",
                204,
                None,
                VERSIONED,
                unfit,
                CHECKSUM,
                {409: "The piece belongs elsewhere.", 423: "Another request is at it."},
                parameters=[TUS, offset, checksum],
                body=PIECE,
                headers={**TUS_SAID, **PLACED},
            ),
            "delete": own(
                upload,
                "delete",
                "Remove an upload that is not whole.",
                204,
                None,
                VERSIONED,
                {409: "It was taken."},
                parameters=[TUS],
                headers=TUS_SAID,
            ),
            "options": capabilities(upload),
        },
        one: {"get": own(one, "get", "What became of a delivery.", 200, "delivery")},
        f"{one}/rejects": {
            "get": own(f"{one}/rejects", "get", "Its records that were not taken.", 200, "rejects", parameters=PAGING)
        },
        receipt: {"get": own(receipt, "get", "Its receipt, from the ledger.", 200, None, kind="text/plain")},
        OUTCOMES: {
            "post": own(
                OUTCOMES,
                "post",
                "Say what became of what was handed over.",
                200,
                "outcomes",
                {422: "The body is no file of outcomes."},
                body={"required": True, "content": {"text/csv": {"schema": TEXT}}},
            )
        },
        ACKNOWLEDGEMENTS: {
            "get": own(
                ACKNOWLEDGEMENTS,
                "get",
                "Notices of recalls that are to be answered.",
                200,
                "notices",
                parameters=PAGING,
            ),
            "post": own(
                ACKNOWLEDGEMENTS,
                "post",
                "Answer a notice of a recall.",
                200,
                "acknowledged",
                {422: "The body is no answer that is signed by whoever asks, to a notice that they were given."},
                body={"required": True, "content": {"text/plain": {"schema": TEXT}}},
            ),
        },
        notice: {"get": own(notice, "get", "A notice with its files.", 200, None, kind="application/zip")},
    }


COLLECTIONS = f"{API_ROOT}collections/"
ONE = f"{COLLECTIONS}{{collection}}/"
MANIFEST, OBJECTS = f"{ONE}manifest/", f"{ONE}objects/"
THING = f"{OBJECTS}{{object}}/"
VERSIONS = f"{THING}versions/"
WRITE_ONLY = {403: "The collection is write only."}


def paths() -> dict[str, Part]:
    """Every path, with what may be asked there."""
    return {
        "/health": health("/health", "Is the workspace ready?", "readiness", 200, 503),
        "/health/live": health("/health/live", "Does the server answer at all?", "liveness", 200),
        "/ledger/{file}": files(
            "/ledger/{file}",
            "The ledger, for anybody to verify.",
            (
                "application/octet-stream",
                "application/json",
                "text/plain",
                "text/html",
                "text/css",
                "image/svg+xml",
            ),
        ),
        "/feeds/{file}": files(
            "/feeds/{file}", "Feeds of public channels, as MISP reads them.", ("application/json", "text/csv")
        ),
        "/": page("/"),
        **{f"/{one}": page(f"/{one}") for one in LANGUAGES},
        **systems(),
        ROOT: {"get": taxii(ROOT, "get", "Discovery.", "discovery")},
        API_ROOT: {"get": taxii(API_ROOT, "get", "The API root.", "api-root")},
        f"{API_ROOT}markings/": {
            "get": taxii(f"{API_ROOT}markings/", "get", "The markings of what one may see.", "envelope")
        },
        f"{API_ROOT}status/{{status}}/": {
            "get": taxii(f"{API_ROOT}status/{{status}}/", "get", "What became of an add.", "status")
        },
        COLLECTIONS: {"get": taxii(COLLECTIONS, "get", "The collections of whoever asks.", "collections")},
        ONE: {"get": taxii(ONE, "get", "A collection.", "collection")},
        MANIFEST: {
            "get": taxii(MANIFEST, "get", "Which objects there are.", "manifest", more=WRITE_ONLY, parameters=filters())
        },
        OBJECTS: {
            "get": taxii(OBJECTS, "get", "Objects.", "envelope", more=WRITE_ONLY, parameters=filters()),
            "post": taxii(
                OBJECTS,
                "post",
                "Add objects.",
                "status",
                status=202,
                more={
                    403: "The collection is read only, or no agreement lets it be added.",
                    415: "The body is no TAXII 2.1 message.",
                    422: "The body is no envelope of STIX objects.",
                },
                body={"required": True, "content": {TAXII: {"schema": ref("add")}}},
            ),
        },
        THING: {
            "get": taxii(
                THING,
                "get",
                "An object.",
                "envelope",
                more=WRITE_ONLY,
                parameters=filters("match[id]", "match[type]"),
            ),
            "delete": taxii(
                THING,
                "delete",
                "Refused: what was handed over is taken back by a recall.",
                "error",
                more={403: "The collection is read only, or what was delivered is taken back by a recall."},
            ),
        },
        VERSIONS: {
            "get": taxii(
                VERSIONS,
                "get",
                "The versions of an object.",
                "versions",
                more=WRITE_ONLY,
                parameters=filters("match[id]", "match[type]", "match[version]"),
            )
        },
    }


def describe() -> Part:
    """The whole description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Accord",
            "version": "1",
            "description": "The HTTP services of a hub (docs/serving.md). Every GET has a HEAD.",
        },
        "paths": paths(),
        "components": {
            "schemas": dict(SCHEMAS),
            "responses": {
                **{f"taxii-{code}": error(code, said, TAXII, "error") for code, said in (ASKED | GUARDED).items()},
                **{
                    f"problem-{code}": error(code, said, PROBLEM, "problem")
                    for code, said in ({400: ASKED[400]} | GUARDED).items()
                },
            },
            "securitySchemes": {
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "A token as password, or a user and their password.",
                },
                "bearer": {"type": "http", "scheme": "bearer", "description": "A token; `Token` is taken too."},
                "certificate": {"type": "mutualTLS", "description": "Where the hub's proxy verifies certificates."},
            },
        },
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(describe(), indent=1) + "\n")
