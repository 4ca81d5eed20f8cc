# Accord: what a person types. `make help` lists it; .ci/run calls the same targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# The interpreter that makes the virtual environment (3.11 or newer), and where it is made.
PYTHON ?= python3
VENV ?= .venv
# Steps of `make check` that run side by side.
JOBS ?= 2
# `make fuzz`: executions of each target, which targets (all), and examples that Hypothesis draws for each property.
RUNS ?= 10000
TARGETS ?=
EXAMPLES ?= 500
# Processes that share the tests: a number, or auto for one a core (no more than four: tests start processes themselves).
WORKERS ?= auto

BIN := $(VENV)/bin
DEMO := .demo
STAMPS := $(VENV)/stamps

export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PIP_NO_INPUT = 1
export PYTHONUTF8 = 1
# Containers often forbid to keep compiled modules; tests start Accord a thousand times, which would compile it each time.
unexport PYTHONDONTWRITEBYTECODE

PIP := $(BIN)/python -m pip install --quiet
# The project itself: what it needs is already there, locked; nothing is resolved or fetched here.
PROJECT := $(PIP) --no-deps --no-build-isolation --editable .

LINTED := src tests $(wildcard bench fuzz tools)

.PHONY: help demo test check static lint format types contracts bench fuzz corpus interop lock upgrade reference translations \
  wheel clean tidy

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(STAMPS)/warm ## Install, simulate an operation's deliveries, make the reports, score them against the truth
	@rm -rf $(DEMO)
	@$(BIN)/accord simulate asean-2017 --out $(DEMO)/deliveries --seed 7 --scale 1
	@# Exit 3 is complete with refused files: one simulated delivery is cut off on purpose.
	@$(BIN)/accord operation run $(DEMO)/deliveries/operation.toml --out $(DEMO)/out || [ $$? = 3 ]
	@echo
	@$(BIN)/accord simulate score $(DEMO)/deliveries/truth.json $(DEMO)/out
	@echo
	@echo "Open $(DEMO)/out/reports/ID/car.en.pdf (simulated: nothing in it is real)"

test: $(STAMPS)/dev $(STAMPS)/interop ## Install, and run the tests (no network once installed)
	@$(BIN)/python -m compileall -q src/accord
	@# A process that runs out of tests takes some from the other's end, so that what a module makes is seldom made twice.
	@$(BIN)/python -m pytest --quiet --numprocesses $(WORKERS) --maxprocesses 4 --dist worksteal

check: $(STAMPS)/dev ## Lint, format, strict types, import contracts, tests and docs checks: what CI runs
	@$(MAKE) -j$(JOBS) --output-sync=target static
	@$(MAKE) test

static: lint format types contracts

lint: $(STAMPS)/dev
	@$(BIN)/ruff check $(LINTED)

format: $(STAMPS)/dev
	@$(BIN)/ruff format --check $(LINTED)

types: $(STAMPS)/dev
	@$(BIN)/mypy

contracts: $(STAMPS)/dev
	@$(BIN)/lint-imports --no-logo

bench: $(STAMPS)/warm ## Run the benchmarks (docs/benchmarks.md): make bench BENCH="sinkhole --events 1000000"
	@$(BIN)/python bench/run.py $(BENCH)

fuzz: $(STAMPS)/fuzz ## Fuzz every format, kernel and archive: make fuzz RUNS=100000 TARGETS="values csv"
	@$(BIN)/python -m fuzz.run --runs $(RUNS) $(FUZZ) $(TARGETS)
	@ACCORD_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest --quiet tests/fuzz

corpus: $(STAMPS)/fuzz ## Minimise what fuzzing has found worth keeping, and keep it in fuzz/corpus
	@$(BIN)/python -m fuzz.run --runs 0 --keep $(TARGETS)

lock: $(STAMPS)/dev ## Write requirements/*.txt from requirements/*.in, keeping what is locked where it still fits
	@$(call compile,)

interop: $(STAMPS)/interop ## Install the implementations by others that tests speak with (needs npm)

upgrade: $(STAMPS)/dev ## Write requirements/*.txt from requirements/*.in with the newest versions
	@$(call compile,--upgrade)

translations: $(STAMPS)/dev ## Write accord.pot from the messages in the code, and bring the catalogues up to it
	@$(BIN)/python tools/translations.py $(LANGUAGES)

reference: $(STAMPS)/dev ## Write docs/cli.md from the commands themselves, and docs/openapi.json of the services
	@$(BIN)/python tools/describe_commands.py > docs/cli.md
	@$(BIN)/python tools/describe_services.py > docs/openapi.json

wheel: $(STAMPS)/runtime ## Build the wheel into dist/ and say how big it is
	@rm -rf dist
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@du --apparent-size -h dist/*.whl

tidy: $(STAMPS)/dev ## Format the code and mend what the linter can
	@$(BIN)/ruff check --fix --quiet $(LINTED) || true
	@$(BIN)/ruff format $(LINTED)

clean: ## Remove everything that make made
	rm -rf $(VENV) .venv-intelmq .venv-taxii .venv-psi tests/interop/node_modules $(DEMO) .fuzz dist build .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests bench fuzz tools -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# A lock names versions and hashes and no host (docs/decisions/0003): whoever installs chooses where from.
define compile
for set in runtime dev fuzz bench taxii psi; do \
  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
    --no-emit-index-url $(1) --output-file requirements/$$set.txt requirements/$$set.in; \
done
endef

$(STAMPS)/venv:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; v >= (3, 11) or sys.exit( \
	  "Accord needs Python 3.11 or newer, and $(PYTHON) is %d.%d.\n  to do: make PYTHON=python3.12 (or where a newer one is)" % v)'
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "Python could not make a virtual environment in $(VENV)."; \
	  echo "  to do: install its venv module (Debian and Ubuntu: apt-get install python3-venv), or choose another: make PYTHON=..."; \
	  exit 1; } >&2
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/runtime: requirements/runtime.txt pyproject.toml | $(STAMPS)/venv
	@echo "Installing what Accord runs on into $(VENV) ..." >&2
	@$(PIP) --require-hashes --requirement requirements/runtime.txt
	@$(PROJECT)
	@touch $@

$(STAMPS)/dev: requirements/dev.txt pyproject.toml | $(STAMPS)/venv
	@echo "Installing what Accord is built and tested with into $(VENV) ..." >&2
	@$(PIP) --require-hashes --requirement requirements/dev.txt
	@$(PROJECT)
	@touch $@ $(STAMPS)/runtime

$(STAMPS)/fuzz: requirements/fuzz.txt $(STAMPS)/dev | $(STAMPS)/venv
	@echo "Installing what Accord is fuzzed with into $(VENV) ..." >&2
	@$(PIP) --require-hashes --requirement requirements/fuzz.txt
	@touch $@

# Implementations by others that tests speak with; a machine without npm goes on without them.
$(STAMPS)/interop: tests/interop/npm-shrinkwrap.json | $(STAMPS)/venv
	@if command -v npm >/dev/null; then npm ci --prefix tests/interop --silent --no-audit --no-fund && touch $@; fi

# Compiled kernels and the index of warning lists: made once, so that no first run waits for them.
$(STAMPS)/warm: $(STAMPS)/runtime
	@$(BIN)/python -m compileall -q src/accord
	@$(BIN)/accord warm
	@touch $@
