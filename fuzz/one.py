"""One target under Atheris, in a process of its own: `fuzz.run` starts it, with libFuzzer's options behind the name.

python -m fuzz.one values [--interpreted] FOLDER... -runs=100000
"""

import importlib
import inspect
import os
import pkgutil
import resource
import shlex
import sys
import time
from functools import _lru_cache_wrapper
from pathlib import Path
from random import Random
from types import FunctionType, ModuleType

import atheris

PATIENCE_S = 20
"""Seconds of this process's own time that one execution may take; a busy machine is no finding."""

SPARE_BYTES = 2 << 30
"""Address space that a target may take beyond what it begins with; past it an allocation fails, which is a finding."""

INSTRUMENTED = (
    "accord.columns",
    "accord.formats",
    "accord.intake",
    "accord.fusion",
    "accord.ledger",
    "accord.vocabulary",
)


def main() -> None:
    """Run one target as libFuzzer is told; never returns."""
    name, *options = sys.argv[1:]
    # what libFuzzer starts again, by a shell, when it minimises
    command = [sys.executable, "-m", "fuzz.one", name]
    if "--interpreted" in options:
        command.append("--interpreted")
        options.remove("--interpreted")
        from fuzz.interpreted import interpret_kernels

        interpret_kernels()
    from fuzz import mutation
    from fuzz.target import promise
    from fuzz.targets import TARGETS

    target = TARGETS[name]()
    for seed in target.seeds:
        target.check(seed)  # what is loaded and compiled on first use is no part of what is measured
    _instrument()

    def check(data: bytes) -> None:
        begun = time.process_time()
        target.check(data)
        promise(time.process_time() - begun < PATIENCE_S, "an execution is short", time.process_time() - begun)

    def mutate(data: bytes, limit: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 0.25:
            prefix, text = data[: target.prefix], data[target.prefix :]
            return prefix + bytes(atheris.Mutate(text, max(limit - len(prefix), 1)))
        return mutation.mutate(data, limit, random, target)

    def cross(first: bytes, second: bytes, limit: int, seed: int) -> bytes:
        return mutation.cross(first, second, limit, Random(seed), target)

    _bound_memory()
    arguments = [shlex.join(command), f"-max_len={target.longest}", *options]
    atheris.Setup(arguments, check, custom_mutator=mutate, custom_crossover=cross)
    atheris.Fuzz()


def _bound_memory() -> None:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return  # no procfs: libFuzzer's own limit stands
    limit = pages * os.sysconf("SC_PAGE_SIZE") + SPARE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _instrument() -> None:
    """Let Atheris see the branches of Accord's Python functions.

    Not by its import hook, because numba compiles the functions' byte code and cannot read what the hook adds to it.
    """
    for name in INSTRUMENTED:
        package = importlib.import_module(name)
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            if found.name in sys.modules:
                _instrument_module(sys.modules[found.name])


def _instrument_module(module: ModuleType) -> None:
    held = list(vars(module).values())
    for kind in [one for one in held if inspect.isclass(one) and one.__module__ == module.__name__]:
        for member in vars(kind).values():
            if isinstance(member, property):
                held.extend(one for one in (member.fget, member.fset) if one is not None)
            else:
                held.append(member.__func__ if isinstance(member, staticmethod | classmethod) else member)
    for one in held:
        # A cache, or a kernel that is interpreted; what numba compiled is neither.
        function = (
            one.__wrapped__
            if isinstance(one, FunctionType | _lru_cache_wrapper) and hasattr(one, "__wrapped__")
            else one
        )
        if isinstance(function, FunctionType) and function.__code__.co_filename == module.__file__:
            atheris.instrument_func(function)


if __name__ == "__main__":
    main()
