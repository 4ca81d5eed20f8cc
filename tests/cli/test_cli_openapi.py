"""The description of the HTTP services: it is up to date, names what there is, and a server answers as it says."""

import copy
import hashlib
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accord.cli.services.routes import Services, make_services
from accord.exchange.partners.routes import ACKNOWLEDGEMENTS, DELIVERIES, OUTCOMES
from accord.exchange.partners.routes import ROUTES as PARTNERS
from accord.exchange.taxii.messages import MEDIA_TYPE
from accord.exchange.taxii.routes import ROUTES
from tests.cli.test_cli_channel import Accord, Hub
from tests.cli.test_cli_serve import Served, end, serve
from tests.cli.test_cli_taxii import asked
from tests.cli.test_cli_taxii_adds import indicators, token, with_data_set
from tests.cli.test_cli_uploads import metadata

__all__ = ["serve"]

ROOT = Path(__file__).parents[2]
DESCRIPTION = ROOT / "docs/openapi.json"
ENVELOPE = json.dumps({"objects": indicators(1)}).encode()
EXAMPLES = 20
"""Of each operation and database."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@schemathesis.serializer("application/offset+octet-stream", "text/csv")
def as_bytes(_: object, value: object) -> bytes:
    """Bodies that are no JSON."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


def described() -> dict:
    spec = importlib.util.spec_from_file_location("describe_services", ROOT / "tools/describe_services.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.describe()


def test_the_description_is_written_anew_with_the_services() -> None:
    assert DESCRIPTION.read_text("utf-8") == json.dumps(described(), indent=1) + "\n", "run `make reference`"


def test_the_description_names_every_route_and_method_and_no_other() -> None:
    told = {
        path.replace("/{file}", ""): {one.upper() for one in operations}
        for path, operations in described()["paths"].items()
    }
    taxii = {one.path: {*one.methods} - {"HEAD"} for one in (*ROUTES, *PARTNERS)}
    others = {one.path: {"GET"} for one in make_services(Services(folder=Path("nowhere"), names=())).routes}
    for mount in ("/taxii2", DELIVERIES, OUTCOMES, ACKNOWLEDGEMENTS):
        del others[mount]
    assert told == taxii | others


@pytest.fixture
def hub(accord_here: Accord, database_url: str, tmp_path: Path) -> Hub:
    hub = with_data_set(
        Hub(accord_here, tmp_path, () if database_url.startswith("sqlite") else ("--database", database_url))
    )
    hub.put()
    return hub


def likely(schema: dict, values: dict[str, list]) -> dict:
    """The description, where what is there is asked for, and what is not."""
    schema = copy.deepcopy(schema)
    for operations in schema["paths"].values():
        for operation in operations.values():
            for one in operation["parameters"]:
                if one["name"] in values:
                    one["schema"] = {"enum": values[one["name"]]}
    return schema


def walk(operation: schemathesis.APIOperation, base: str, reader: str, writer: str) -> set[int]:
    """The statuses that an operation was answered with."""
    statuses: set[int] = set()
    wrong = [GenerationMode.NEGATIVE] if operation.query or operation.body else []
    cases = [operation.as_strategy(generation_mode=one) for one in (GenerationMode.POSITIVE, *wrong)]
    examples = EXAMPLES if operation.path_parameters else 4

    @hypothesis.settings(max_examples=examples, deadline=None, suppress_health_check=[*HealthCheck], database=None)
    @hypothesis.given(case=st.one_of(cases), who=st.sampled_from(["fitting", "fitting", "fitting", "other", "nobody"]))
    def check(case: schemathesis.Case, who: str) -> None:
        adds = "status" in case.path_parameters or "dataset" in str(case.path_parameters.get("collection"))
        adds = adds or not operation.path.startswith("/taxii2")
        said = {"fitting": writer if adds else reader, "other": reader if adds else writer}
        answer = case.call(base_url=base, headers={"Authorization": said[who]} if who in said else {})
        statuses.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    check()
    return statuses


def test_a_server_answers_as_the_description_says_whatever_it_is_asked(hub: Hub, serve: Callable[..., Served]) -> None:
    served = serve(hub.folder)
    reader, writer = f"Bearer {token(hub, 'csirt-th', 'read')}", f"Bearer {token(hub, 'vendor', 'write', 'report')}"
    objects = [one["object"]["id"] for one in hub.poll("csirt-th")]
    path = "/taxii2/hub/collections/dataset:indicators/objects/"
    own = {"authorization": writer, "content-type": MEDIA_TYPE}
    assert asked(served.port, path, "POST", ENVELOPE, **own)[0] == 202
    whole = {
        **own,
        "Tus_Resumable": "1.0.0",
        "Upload_Length": "9",
        "Upload_Metadata": metadata("sinkhole", "a", b"x" * 9),
    }
    status, headers, _ = served.ask("/deliveries", "POST", **whole)
    assert status == 201
    begun = headers["location"]
    mine = json.loads(served.ask("/deliveries", **own)[2])["deliveries"]
    values = {
        "collection": ["infected-th", "dataset:indicators", "elsewhere"],
        "object": [*objects[-3:], "indicator--0", "\u0e01 %/\0"],
        "delivery": [f"indicators.{hashlib.sha256(ENVELOPE).hexdigest()}", *(one["name"] for one in mine), "x.y"],
        "upload": [begun.rpartition("/")[2], "0" * 32],
        "status": [f"indicators.{hashlib.sha256(ENVELOPE).hexdigest()}", "indicators.0"],
        "file": ["checkpoint", "figures.json", "index.en.html", "../hub.key", "\u0e01 %\0"],
        "limit": [1, 2, 10**9, 0],
        "next": ["0", "1", "x"],
        "match[version]": ["last", "first,last", "all", "newest", "2026-10-01T00:00:00.000Z"],
        "match[type]": ["indicator", "observed-data,identity", ","],
    }
    schema = schemathesis.openapi.from_dict(likely(described(), values))
    base = f"http://127.0.0.1:{served.port}"
    walked = {one.ok().label: walk(one.ok(), base, reader, writer) for one in schema.get_all_operations()}
    assert end(served) == 0
    # it got past the entrance
    assert {status for found in walked.values() for status in found} >= {200, 302, 400, 401, 403, 404}
