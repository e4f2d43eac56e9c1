# Scoreline on one machine that has Python 3.11 or newer, and make. `make help` lists what there is.
#
# What is installed stays in .venv; data and logs stay in var. Settings are SCORELINE_* variables.

PYTHON ?= python3

VENV := .venv
BIN := $(VENV)/bin
EXPORTER := .venv-exporter
PIP_INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check

# The command `scoreline`: this very checkout, found by its path.
PIP_SELF := $(PIP_INSTALL) --no-deps --no-build-isolation --editable .

# celery-exporter wants an older Celery than ours, and so an environment of its own.
EXPORT := $(EXPORTER)/.installed

# Touched when the locked requirements were installed; a newer lock file installs again.
RUN := $(VENV)/.installed-to-run
DEVELOP := $(VENV)/.installed-to-develop

UV_COMPILE := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --no-header --no-annotate --quiet

.DEFAULT_GOAL := help
.PHONY: help up demo test check e2e client faults fuzz dashboards bench train study mlflow lock clean

help:            ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

up: $(RUN) $(EXPORT) ## run everything on this machine until Ctrl-C, which loses nothing
	@exec $(BIN)/python -m stack up

demo: $(RUN)     ## score one patient, then 303, then a file, on the service that runs
	@exec $(BIN)/python -m producer demo

test: $(DEVELOP) $(EXPORT) ## run every test
	@$(BIN)/pytest

check: $(DEVELOP) ## everything that a change must pass: format, lint, types, arrows between rooms, tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(MAKE) --no-print-directory test

e2e: $(DEVELOP) ## build and start the stack in containers, break it, and count what was lost (some minutes)
	@if docker compose version >/dev/null 2>&1 && docker info >/dev/null 2>&1; then \
		exec $(BIN)/pytest tests/compose -m compose --numprocesses=0 --timeout=900 --capture=no --exitfirst; \
	else \
		echo "make e2e: skipped, as no container engine with docker compose answers here"; test -z "$(E2E_REQUIRED)"; \
	fi

faults: $(DEVELOP) ## kill, cut and fill everything under load, and count what was lost (an hour)
	@$(BIN)/python -m tests.faults --write docs/faults.md

fuzz: $(DEVELOP) ## hold the cutter of files to the csv module, by 3,000 random files a test
	@HYPOTHESIS_PROFILE=long $(BIN)/pytest tests/hostile/test_fuzz.py --timeout=900

dashboards: $(DEVELOP) ## write Grafana's dashboards anew from their code
	@$(BIN)/python -m monitoring.grafana

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

client: $(DEVELOP) ## write openapi.json, and what is generated of it in client/python, after a change of the HTTP interface
	@$(BIN)/python -m api openapi > openapi.json.new && mv openapi.json.new openapi.json
	@$(BIN)/python client/python/generate.py

lock: $(DEVELOP) ## upgrade every dependency: the one command for it; then `make check`
	$(UV_COMPILE) --group up --group train --group check --upgrade --output-file requirements.lock
	$(UV_COMPILE) --group up --constraint requirements.lock --upgrade --output-file requirements.txt
	$(subst pyproject.toml,monitoring/exporter.in,$(UV_COMPILE)) --upgrade --output-file monitoring/exporter.txt

clean:           ## remove what was installed and cached; keeps var, where accepted jobs are
	rm -rf $(VENV) $(EXPORTER) .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN): requirements.txt | $(BIN)/pip
	@echo "installing requirements.txt into $(VENV) ..."
	@$(PIP_INSTALL) --requirement $<
	@$(PIP_SELF)
	@touch $@

$(DEVELOP): requirements.lock | $(BIN)/pip
	@echo "installing requirements.lock into $(VENV) ..."
	@$(PIP_INSTALL) --requirement $<
	@$(PIP_SELF)
	@touch $@ $(RUN)

$(EXPORT): monitoring/exporter.txt | $(BIN)/pip
	@echo "installing $< into $(EXPORTER) ..."
	@$(PYTHON) -m venv --clear --without-pip $(EXPORTER)
	@$(BIN)/pip --python $(EXPORTER)/bin/python install --quiet --disable-pip-version-check --requirement $<
	@touch $@

# An environment without pip was left unfinished: it is made again.
$(BIN)/pip:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { \
		echo "Scoreline needs Python 3.11 or newer, and $(PYTHON) is not: name one, as in make up PYTHON=python3.12" >&2; \
		exit 1; }
	@$(PYTHON) -m venv $(VENV)
