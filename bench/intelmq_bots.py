"""IntelMQ's own bots on sinkhole events, one after the other in one process (its library mode).

    INTELMQ_ROOT_DIR=DIR .venv-intelmq/bin/python bench/intelmq_bots.py FILE ROWS ASN_TABLE OUT [REDIS_PORT]

Runs in a virtual environment of its own, and is started by `bench/bots.py`. The first ROWS lines of FILE
go through the Shadowserver parser, the deduplicator (if there is a Redis), the ASN look-up and the file output. Library
mode hands objects from bot to bot, so that the queues between them, which a real installation pays for, cost nothing
here. Loading (modules, the ASN table) is not counted. Prints a JSON object.
"""

import base64
import itertools
import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

QUIET = {"logging_level": "CRITICAL"}
DAY_S = 86_400

# The parser's schema is published by Shadowserver and fetched by the bot; this is one report of it, in its format.
SCHEMA = {
    "event4_sinkhole": {
        "feed_name": "Sinkhole-Events",
        "file_name": "event4_sinkhole",
        "constant_fields": {
            "classification.identifier": "sinkhole",
            "classification.taxonomy": "malicious-code",
            "classification.type": "infected-system",
        },
        "required_fields": [
            ["time.source", "timestamp", "add_UTC_to_timestamp"],
            ["source.ip", "src_ip", "validate_ip"],
            ["source.port", "src_port", "convert_int"],
        ],
        "optional_fields": [
            ["protocol.transport", "protocol"],
            ["source.asn", "src_asn", "invalidate_zero"],
            ["source.geolocation.cc", "src_geo"],
            ["source.geolocation.region", "src_region"],
            ["source.geolocation.city", "src_city"],
            ["source.reverse_dns", "src_hostname"],
            ["extra.source.naics", "src_naics", "invalidate_zero"],
            ["extra.source.sector", "src_sector", "validate_to_none"],
            ["destination.ip", "dst_ip", "validate_ip"],
            ["destination.port", "dst_port", "convert_int"],
            ["destination.asn", "dst_asn", "invalidate_zero"],
            ["destination.geolocation.cc", "dst_geo"],
            ["malware.name", "infection"],
            ["extra.", "family", "validate_to_none"],
            ["extra.", "tag", "validate_to_none"],
            ["protocol.application", "application"],
            ["extra.", "version", "validate_to_none"],
            ["extra.", "event_id", "validate_to_none"],
        ],
    }
}


def bots(asn_table: str, out: str, redis_port: int | None) -> list:
    from intelmq.bots.experts.asn_lookup.expert import ASNLookupExpertBot
    from intelmq.bots.experts.deduplicator.expert import DeduplicatorExpertBot
    from intelmq.bots.outputs.file.output import FileOutputBot
    from intelmq.bots.parsers.shadowserver.parser import ShadowserverParserBot
    from intelmq.lib.bot import BotLibSettings

    settings = BotLibSettings | QUIET
    chain = [ShadowserverParserBot("parser", settings=settings)]
    if redis_port is not None:
        deduplicator = {
            "filter_type": "blacklist",
            "filter_keys": "raw,time.observation",
            "redis_cache_host": "127.0.0.1",
            "redis_cache_port": redis_port,
            "redis_cache_db": 0,
            "redis_cache_ttl": DAY_S,
        }
        chain.append(DeduplicatorExpertBot("deduplicator", settings=settings | deduplicator))
    chain.append(ASNLookupExpertBot("asn", settings=settings | {"database": asn_table}))
    chain.append(FileOutputBot("file", settings=settings | {"file": out}))
    return chain


def report(file: Path, rows: int) -> dict[str, object]:
    with file.open("rb") as lines:
        content = b"".join(itertools.islice(lines, rows + 1)).decode("utf-8", "replace").encode()
    return {
        "__type": "Report",
        "raw": base64.b64encode(content).decode(),
        "extra.file_name": "2015-06-30-event4_sinkhole-all.csv",
        "time.observation": "2015-06-30T00:00:00+00:00",
    }


def main(file: str, rows: str, asn_table: str, out: str, redis_port: str | None = None) -> None:
    schema = Path(os.environ["INTELMQ_ROOT_DIR"]) / "var" / "lib" / "bots" / "shadowserver-schema.json"
    schema.parent.mkdir(parents=True, exist_ok=True)
    schema.write_text(json.dumps(SCHEMA))
    chain = bots(asn_table, out, None if redis_port is None else int(redis_port))
    messages: list = [report(Path(file), int(rows))]
    cpu_s = {}
    for bot in chain:
        begun = time.process_time()
        messages = bot.process_message(*messages).get("output", [])
        cpu_s[type(bot).__name__] = time.process_time() - begun
    with Path(out).open("rb") as events:
        written = sum(1 for _ in events)
    told = {
        "intelmq": version("intelmq"),
        "rows": int(rows),
        "events_written": written,
        "cpu_s": cpu_s,
        "rows_per_cpu_s": int(rows) / sum(cpu_s.values()),
    }
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
