# Scoreline on one machine that has Python 3.11 or newer, and make. `make help` lists what there is.
#
# What is installed stays in .venv; data and logs stay in var. Settings are SCORELINE_* variables.

PYTHON ?= python3

VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check

# Touched when the locked requirements were installed; a newer lock file installs again.
RUN := $(VENV)/.installed-to-run
DEVELOP := $(VENV)/.installed-to-develop

UV_COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --no-header --no-annotate --quiet

.DEFAULT_GOAL := help
.PHONY: help up demo test check faults bench train study mlflow lock clean

help:            ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile

up: $(RUN)       ## run everything on this machine until Ctrl-C, which loses nothing
	@exec $(BIN)/python -m stack up

demo: $(RUN)     ## score one patient, then 303, then a file, on the service that runs
	@exec $(BIN)/python -m producer demo

test: $(DEVELOP) ## run every test
	@$(BIN)/pytest

check: $(DEVELOP) ## everything that a change must pass: format, lint, types, arrows between rooms, tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(MAKE) --no-print-directory test

faults: $(DEVELOP) ## kill, cut and fill everything under load, and count what was lost (an hour)
	@$(BIN)/python -m tests.faults --write docs/faults.md

bench: $(DEVELOP) ## measure what the service costs, beside its peers; writes bench/RESULTS.md (half an hour, needs wrk)
	@$(BIN)/python -m bench

train: $(DEVELOP) ## fit, check and release anew the model that the study chose (some 10 seconds)
	@$(BIN)/python -m training release
	@$(BIN)/python -m training documents

study: $(DEVELOP) ## compare the candidates anew, and choose one (some 10 minutes)
	@$(BIN)/python -m training study
	@$(BIN)/python -m training documents

mlflow: $(DEVELOP) ## start a local MLflow on port 5000, for training to log to and to fetch models from
	@exec training/start_mlflow.sh

lock: $(DEVELOP) ## upgrade every dependency: the one command for it; then `make check`
	$(UV_COMPILE) --group up --group train --group check --upgrade --output-file requirements.lock
	$(UV_COMPILE) --group up --constraint requirements.lock --upgrade --output-file requirements.txt
	$(UV_COMPILE) --group otel --constraint requirements.lock --upgrade --output-file requirements-otel.txt

clean:           ## remove what was installed and cached; keeps var, where accepted jobs are
	rm -rf $(VENV) .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN): requirements.txt | $(BIN)/pip
	@echo "installing requirements.txt into $(VENV) ..."
	@$(PIP_INSTALL) --requirement $<
	@touch $@

$(DEVELOP): requirements.lock | $(BIN)/pip
	@echo "installing requirements.lock into $(VENV) ..."
	@$(PIP_INSTALL) --requirement $<
	@touch $@ $(RUN)

# An environment without pip was left unfinished: it is made again.
$(BIN)/pip:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { \
		echo "Scoreline needs Python 3.11 or newer, and $(PYTHON) is not: name one, as in make up PYTHON=python3.12" >&2; \
		exit 1; }
	@$(PYTHON) -m venv $(VENV)
