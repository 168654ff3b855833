# Two commands for a newcomer: 'make demo' and 'make test'. Each makes .venv if it is not there.
# 'make check' is the quick part of 'make test' for those who change the code.
# 'make bench [DATA=folder]' writes benchmarks/RESULTS.md, 'make docs' the pages in site/.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# The versions that were tested together. Some of them have no release for Python 3.10, which takes
# the newest that pyproject.toml allows.
TESTED = $(shell $(PYTHON) -c 'import sys; print("-c constraints.txt" * (sys.version_info >= (3, 11)))')

.PHONY: demo check test lint bench docs clean

demo: $(VENV)/.demo
	$(BIN)/python examples/demo.py demo

test: $(VENV)/.test lint
	$(BIN)/python -m pytest -q -m "not gpu" -n 2

# An answer within a minute: lint, and the tests that need no training, no browser and no Ray. mypy
# comes last, because its first run in a checkout takes half a minute; later ones take seconds.
check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -q -x -n 2 -m "not gpu and not slow and not ray and not browser" \
	    tests/unit tests/contract
	$(BIN)/mypy

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.test
	$(BIN)/python benchmarks/run_all.py $(if $(DATA),--data "$(DATA)")

# Strict: a broken link or a docstring that cannot be read fails.
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# torch first and pinned: a range would let pip take a build with gigabytes of CUDA.
$(VENV)/.demo: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing PyTorch and the rest into $(VENV): about 1.6 GB, some minutes without a word."
	$(BIN)/python -m pip install -q --disable-pip-version-check $(TESTED) torch==2.13.0
	$(BIN)/python -m pip install -q --disable-pip-version-check $(TESTED) -e .
	@touch $@

$(VENV)/.test: $(VENV)/.demo
	$(BIN)/python -m pip install -q --disable-pip-version-check $(TESTED) -e ".[dev]"
	@touch $@

$(VENV)/.docs: $(VENV)/.demo
	$(BIN)/python -m pip install -q --disable-pip-version-check $(TESTED) -e ".[docs]"
	@touch $@

clean:
	rm -rf demo build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache
