# Scoreline on one machine that has Python 3.11 or newer, and make. `make help` lists what there is.
#
# What is installed stays in .venv; data and logs stay in var. Settings are SCORELINE_* variables.

PYTHON ?= python3

VENV := .venv
BIN := $(VENV)/bin
EXPORTER := .venv-exporter
PIP_INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check
PIP_LOCKED := --require-hashes --requirement # a package whose file is not the one that was locked is not installed

# This very checkout, found by its path, and then the client with the command `scoreline`, which once was the checkout's.
PIP_PATH := $(PIP_INSTALL) --no-deps --no-build-isolation --editable
PIP_SELF := $(PIP_PATH) . && $(PIP_PATH) ./client/python
SELF := pyproject.toml client/python/pyproject.toml

# celery-exporter wants an older Celery than ours, and so an environment of its own.
EXPORT := $(EXPORTER)/.installed

# Touched when the locked requirements were installed; a newer lock file installs again.
RUN := $(VENV)/.installed-to-run
DEVELOP := $(VENV)/.installed-to-develop

UV_COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet
SBOM := var/sbom
LISTED := requirements.txt requirements-otel.txt requirements.lock monitoring/exporter.txt training/mlflow.txt

# Locks of environments of their own.
APART := monitoring/exporter training/mlflow $(basename $(wildcard bench/locks/*.in))

.DEFAULT_GOAL := help
.PHONY: help up demo test robust lint quick check audit sbom e2e client faults fuzz dashboards programs bench train study mlflow upgrade clean

help:            ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

up: $(RUN) $(EXPORT) ## run everything on this machine until Ctrl-C, which loses nothing
	@exec $(BIN)/python -m stack up

demo: $(RUN)     ## score one patient, then 303, then a file, on the service that runs
	@exec $(BIN)/python -m producer demo

test: $(DEVELOP) $(EXPORT) ## run every test but those of robustness
	@$(BIN)/pytest --ignore=tests/hostile --ignore=tests/faults

robust: $(DEVELOP) $(EXPORT) ## what faults and hostile clients do, each in a short form
	@$(BIN)/pytest tests/hostile tests/faults

lint: $(DEVELOP) ## format, lint, types, and which package may import which
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

quick: lint      ## what is soon known of a change: the same, and the unit tests
	@$(BIN)/pytest tests/unit

check: lint      ## everything that a change must pass: the same, every test, and no vulnerability known
	@$(BIN)/python -m tests.audit
	@$(MAKE) --no-print-directory test
	@$(MAKE) --no-print-directory robust

audit: $(DEVELOP) ## ask whether vulnerabilities are known of what is locked
	@$(BIN)/python -m tests.audit

sbom: $(DEVELOP) ## write bills of materials (CycloneDX) of what is locked into var/sbom
	@mkdir -p $(SBOM)
	@for lock in $(LISTED); do \
		$(BIN)/python -W ignore::UserWarning -m cyclonedx_py requirements --output-reproducible \
			--pyproject pyproject.toml --output-file $(SBOM)/$$(basename $$lock).cdx.json $$lock || exit 1; \
	done
	@ls $(SBOM)/*.cdx.json

e2e: $(DEVELOP) ## build and start the stack in containers, break it, and count what was lost (some minutes)
	@if docker compose version >/dev/null 2>&1 && docker info >/dev/null 2>&1; then \
		exec $(BIN)/pytest tests/compose -m compose --numprocesses=0 --timeout=900 --capture=no --exitfirst; \
	else \
		echo "make e2e: skipped, as no container engine with docker compose answers here"; test -z "$(E2E_REQUIRED)"; \
	fi

faults: $(DEVELOP) ## kill, cut and fill everything under load, and count what was lost (an hour)
	@$(BIN)/python -m tests.faults --write docs/faults.md

fuzz: $(DEVELOP) ## hold a real service against its OpenAPI document, by some 20,000 requests, and the cutter of files against csv (a quarter of an hour)
	@$(BIN)/python -m tests.fuzz
	@HYPOTHESIS_PROFILE=long $(BIN)/pytest tests/hostile/test_fuzz.py --timeout=900

dashboards: $(DEVELOP) ## write Grafana's dashboards anew from their code
	@$(BIN)/python -m monitoring.grafana

programs: $(RUN) ## write supervisord.conf and docker-compose.yml anew from stack/programs.py
	@$(BIN)/python -m stack write

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

upgrade: $(DEVELOP) ## upgrade every dependency, with its hashes: the one command for it; then `make check`
	$(UV_COMPILE) --upgrade pyproject.toml --group up --group train --group check --output-file requirements.lock
	$(UV_COMPILE) --upgrade pyproject.toml --group up --constraint requirements.lock --output-file requirements.txt
	$(UV_COMPILE) --upgrade pyproject.toml --group otel --constraint requirements.lock --output-file requirements-otel.txt
	$(foreach lock,$(APART),$(UV_COMPILE) --upgrade $(lock).in --output-file $(lock).txt &&) true

clean:           ## remove what was installed and cached; keeps var, where accepted jobs are
	rm -rf $(VENV) $(EXPORTER) .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN): requirements.txt $(SELF) | $(BIN)/pip
	@echo "installing requirements.txt into $(VENV) ..."
	@$(PIP_INSTALL) $(PIP_LOCKED) $<
	@$(PIP_SELF)
	@touch $@

$(DEVELOP): requirements.lock $(SELF) | $(BIN)/pip
	@echo "installing requirements.lock into $(VENV) ..."
	@$(PIP_INSTALL) $(PIP_LOCKED) $<
	@$(PIP_SELF)
	@touch $@ $(RUN)

$(EXPORT): monitoring/exporter.txt | $(BIN)/pip
	@echo "installing $< into $(EXPORTER) ..."
	@$(PYTHON) -m venv --clear --without-pip $(EXPORTER)
	@$(BIN)/pip --python $(EXPORTER)/bin/python install --quiet --disable-pip-version-check $(PIP_LOCKED) $<
	@touch $@

# An environment without pip was left unfinished: it is made again.
$(BIN)/pip:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { \
		echo "Scoreline needs Python 3.11 or newer, and $(PYTHON) is not: name one, as in make up PYTHON=python3.12" >&2; \
		exit 1; }
	@$(PYTHON) -m venv $(VENV)
