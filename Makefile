# The whole developer interface: make setup demo test fmt check bench clean (and servers, lock).
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$p" && break; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
EDITABLE := --no-deps --no-build-isolation --editable .
# An editable install is not compiled as others are, and where PYTHONDONTWRITEBYTECODE is set each start would compile it anew.
# A checkout that cannot be written to does without.
COMPILE = $(BIN)/python -m compileall -qq src || true

.PHONY: help setup demo test fmt check bench clean servers lock

help:
	@echo "make demo     run the recorded story in an environment of its own (.venv)"
	@echo "make test     install everything, real servers included, and run all tests"
	@echo "make setup    the development environment, from the lock"
	@echo "make fmt      format and fix what can be fixed"
	@echo "make check    formatter, linter, strict types, import contracts, rules and skills"
	@echo "make bench    measure start-up, throughput and latency"
	@echo "make servers  install what the real-server tests need (as root: Debian packages; Kafka by Maven)"
	@echo "make lock     resolve the locks again after a change of pyproject.toml"
	@echo "make clean    remove what the others made"

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or newer with venv found on PATH." \
		"Install one (Debian: apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python3.12" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

# A stamp is newer than the locks that it was made from, so that nothing is installed twice.
$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing into $(VENV), once: a minute or two"
	$(PIP) --require-hashes --requirement requirements.lock
	$(PIP) $(EDITABLE)
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	$(PIP) --require-hashes --requirement requirements-dev.lock
	@touch $@

setup: $(VENV)/.dev
	@$(COMPILE)

demo: $(VENV)/.runtime
	@$(COMPILE)
	$(BIN)/responder demo $(ARGS)

servers: setup
	$(BIN)/python -m tests.servers

test: servers
	$(BIN)/pytest $(ARGS)

fmt: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/responder check
	$(BIN)/responder test

bench: setup
	$(BIN)/python -m bench $(ARGS)

UV := $(BIN)/python -m uv --no-config pip compile pyproject.toml - --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-header --quiet

# hatchling and editables build the editable install from the lock too.
lock: $(BIN)/python
	$(PIP) uv
	printf 'hatchling\neditables\n' | $(UV) --extra postgres --output-file requirements.lock
	printf 'hatchling\neditables\n' | $(UV) --all-extras --constraint requirements.lock --output-file requirements-dev.lock

clean:
	rm -rf $(VENV) .servers .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist
	find src tests bench deploy -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
