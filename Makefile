# Needs Python 3.11 (or newer) and make; everything else is installed into .venv from the hashed lock.
SHELL := /bin/sh
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements/dev.txt
STAMP := $(VENV)/.installed
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup up test check bench soak mutants bench-statistics bench-rollback drills figures lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## create .venv and install the locked dependencies (does nothing when the lock is unchanged)
	@PYTHON="$(PYTHON)" sh tools/setup.sh $(VENV) $(LOCK) $(STAMP)

up: setup  ## start the switch: database, API, worker, two sandbox gateways (ARGS="--help" for more)
	@exec $(BIN)/interlock up $(ARGS)

test: setup  ## run every test on two processes (ARGS="tests/unit -k money" narrows it)
	@$(BIN)/python -m pytest -n 2 $(ARGS)

check: setup  ## lint, format, types, imports, sizes, known vulnerabilities
	@BIN="$(BIN)" sh tools/check.sh

bench: setup  ## measure speed and memory against the floor (ARGS="--quick"); writes build/bench/payments.json
	@$(BIN)/python -m benchmarks.run $(ARGS)

soak: setup  ## 20,000 payments with faults and kills, then compare the books; writes build/bench/soak.json
	@$(BIN)/python -m benchmarks.soak $(ARGS)

mutants: setup  ## bad releases, and the gate that stops each (ARGS="--sample 60"); writes build/bench/mutants.json
	@$(BIN)/python -m benchmarks.mutants $(ARGS)

bench-statistics: setup  ## delays and false alarms of the canary (ARGS="--quick"); writes build/bench/statistics.json
	@$(BIN)/python -m benchmarks.statistics $(ARGS)

drills: setup  ## faults that happened to others, each stopped by a stage or not; writes build/bench/drills.json
	@$(BIN)/python -m benchmarks.drills $(ARGS)

bench-rollback: setup  ## rollbacks under load, dead candidates, cost of a canary, gates (ARGS="--quick"); writes build/bench/rollback.json
	@$(BIN)/python -m benchmarks.rollback $(ARGS)

figures: setup  ## draw docs/figures/*.svg from build/bench (measures first what was not measured yet)
	@$(BIN)/python -m benchmarks.statistics.drawing $(ARGS)

lock: setup  ## resolve pyproject.toml again and write requirements/*.txt with hashes
	@BIN="$(BIN)" sh tools/lock.sh

clean:  ## remove build products and caches (keeps .venv and .interlock)
	@rm -rf build dist .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis .schemathesis
	@find src tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
