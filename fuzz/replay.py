"""Check inputs again, without Atheris: a finding's file, or all that is kept for a target.

python -m fuzz.replay values .fuzz/values/crash-...
python -m fuzz.replay values                       what is kept in fuzz/corpus
python -m fuzz.replay values FILE --interpreted    kernels as Python, every access to an array checked
"""

import argparse
import sys
from pathlib import Path


def main() -> int:
    """Check the inputs; a broken promise ends with its traceback."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", nargs="+", help="a target, and files of inputs")
    parser.add_argument("--interpreted", action="store_true")
    told = parser.parse_args()
    if told.interpreted:
        from fuzz.interpreted import interpret_kernels

        interpret_kernels()
    from fuzz.corpus import kept
    from fuzz.targets import TARGETS

    name, *files = told.target
    target = TARGETS[name]()
    inputs = {file: Path(file).read_bytes() for file in files} if files else kept(name)
    for place, data in inputs.items():
        print(f"{name}: {place}", file=sys.stderr)
        target.check(data)
    print(f"{name}: {len(inputs)} inputs keep every promise")
    return 0


if __name__ == "__main__":
    sys.exit(main())
