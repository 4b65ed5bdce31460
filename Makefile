# `make demo` and `make test` need Python 3.11 or newer and nothing else; what they install goes to .venv/.
PYTHON ?= $(shell python3.11 -c "" 2>/dev/null && echo python3.11 || echo python3)
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test check bench peers soak kills docs clean

demo: .venv/demo ## three questions about the packages installed here, each answer with its record
	$(BIN)/python examples/ask_the_docs.py

test: .venv/dev ## all tests
	$(BIN)/python -m pytest

check: .venv/dev ## lint, format and types
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

bench: .venv/dev ## speed and size, as ratios
	$(BIN)/python benchmarks/run.py

peers: .venv/dev ## what the decorators of others cost, each in an environment of its own
	$(BIN)/python benchmarks/peers/run.py

soak: .venv/dev ## outputs of threads, tasks and processes: counted, then for a minute; then a million of one, ten minutes
	$(BIN)/python benchmarks/counts.py
	$(BIN)/python benchmarks/soak.py
	$(BIN)/python benchmarks/flat.py

kills: .venv/dev ## 200 processes killed while they write; 200 more under each fault of the store, each sampler; half an hour
	KILLS=200 $(BIN)/python -m pytest -s tests/fault/test_kills.py

docs: .venv/dev ## runs every example in README, docs and docstrings
	$(BIN)/python -m pytest tests/docs

clean: ## removes what was installed and built here; stores and keys stay
	rm -rf .venv .cache build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

.venv/demo .venv/dev: pyproject.toml
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("provsdk needs Python 3.11 or newer: make PYTHON=/path/to/it")'
	test -x $(BIN)/python || $(PYTHON) -m venv --upgrade-deps .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(@F)]'
	touch $@
