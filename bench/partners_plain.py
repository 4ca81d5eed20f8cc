"""The least that a pull takes: every page of a collection over one connection, and each read as JSON.

python bench/partners_plain.py PORT
"""

import http.client
import json
import sys

from partners_stand import COLLECTION, PAGE


def main() -> None:
    """Say how many objects there were."""
    wire = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=600)
    found, after = 0, ""
    while after is not None:
        wire.request("GET", f"{COLLECTION}/objects/?limit={PAGE}" + (f"&next={after}" if after else ""))
        page = json.loads(wire.getresponse().read())
        found, after = found + len(page["objects"]), page.get("next")
    sys.stdout.write(f"{found}\n")


if __name__ == "__main__":
    main()
