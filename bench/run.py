"""The benchmarks, as ratios that were measured in one run. docs/benchmarks.md says what each one is and how to read it.

make bench                                              all of them
make bench BENCH=--small                                all of them, small, one round: do they still work?
make bench BENCH="sinkhole --events 1000000 --rounds 1"
"""

import argparse
import sys

import bots
import check_publish
import check_timing
import database
import feeds
import partners
import policy
import psi
import report
import sinkhole
import taxii

import check
import ledger
import release

BENCHMARKS = {
    "feeds": feeds,
    "sinkhole": sinkhole,
    "bots": bots,
    "report": report,
    "ledger": ledger,
    "database": database,
    "policy": policy,
    "release": release,
    "taxii": taxii,
    "partners": partners,
    "check-publish": check_publish,
    "check": check,
    "check-timing": check_timing,
    "psi": psi,
}
ROUNDS = 3


def main(words: list[str]) -> None:
    if set(words) & {"-h", "--help"} and words[0] not in BENCHMARKS:
        print(f"{__doc__}\nThe benchmarks: {', '.join(BENCHMARKS)}; NAME --help tells the options of one.")
        return
    names, rest = ([words[0]], words[1:]) if words and words[0] in BENCHMARKS else ([*BENCHMARKS], words)
    for name in names:
        chosen = options_of(name).parse_args(rest)
        for outcome in BENCHMARKS[name].run(chosen, chosen.rounds or (1 if chosen.small else ROUNDS)):
            outcome.tell()


def options_of(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"bench/run.py {name}", description=BENCHMARKS[name].__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, metavar="N", help=f"how often it is measured; by default {ROUNDS}")
    parser.add_argument("--small", action="store_true", help="a small size, one round: does it still work?")
    BENCHMARKS[name].options(parser)
    return parser


if __name__ == "__main__":
    main(sys.argv[1:])
