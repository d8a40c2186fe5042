# Everything a person or CI runs. Each target sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
KAFKA := .cache/kafka/libs
ARGS ?=
WORKERS ?= 2
FUZZ_SECONDS ?= 600

.PHONY: help setup demo test check format dashboards bench chaos walk fuzz long image kafka clean

help:  ## Show this list.
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP)  ## Make .venv with tidemill and all that demo, tests and benchmarks need.

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "tidemill needs Python 3.11 or newer; name one with PYTHON=python3.12" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "python3-venv is missing: apt-get install python3-venv" >&2; exit 2; }
	@echo "Installing into $(VENV): about 6 GB with torch; two minutes on a good line."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[learn,local,demo,dev]'
	@touch $@

demo: $(STAMP)  ## Run the whole main job on this machine for two minutes. ARGS=--keep goes on until Ctrl-C.
	@$(BIN)/tidemill demo $(ARGS)

test: $(STAMP) kafka  ## Run all tests, the ones against real servers included. WORKERS=0 runs them in one process.
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile $(ARGS)

check: $(STAMP)  ## Format, lint, types, layers, changelog.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_changelog.py

format: $(STAMP)  ## Rewrite the code in the house format.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

dashboards: $(STAMP)  ## Write docker/grafana/dashboards/*.json from scripts/dashboards.
	$(BIN)/python -W ignore::DeprecationWarning -m scripts.dashboards

bench: $(STAMP) kafka  ## Measure the ratios of docs/performance.md. ARGS are passed on.
	$(BIN)/python -m tests.benchmarks.baseline $(ARGS)

chaos: $(STAMP) kafka  ## Kill everything, at every step and at random, half an hour. ARGS="--faults 50 --seed 1".
	$(BIN)/python -m pytest -m chaos
	$(BIN)/python -m tests.chaos $(ARGS)

walk: $(STAMP) kafka  ## Cause the faults that alerts are for, and show what their runbooks would. ARGS="brake expired".
	$(BIN)/python -m tests.monitoring.walk $(ARGS)

fuzz: $(STAMP)  ## Give the picture decoder damaged files, guided by coverage, ten minutes. FUZZ_SECONDS=60 ends sooner.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[fuzz]'
	$(BIN)/python -m tests.fuzz.pictures -max_total_time=$(FUZZ_SECONDS) $(ARGS)

long: $(STAMP) kafka  ## Run the tests that `make test` leaves out for their length; CI runs them, too.
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile -m long $(ARGS)

image: $(STAMP) kafka  ## Build the images of serve and ingest, and run both from them. TARGETS="serve ingest learn".
	docker/build.sh $(TARGETS)
	$(BIN)/python -m pytest -m image tests/images

kafka: $(STAMP)
	@$(BIN)/python -m tests.servers.fetch_kafka
	@$(BIN)/python -m tests.servers.fetch_client_generator

clean:  ## Remove the environment, the caches and what demo and bench wrote.
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info demo-output bench-output
