# Every target sets up what it needs; nothing is done twice.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: venv demo reproduce test test-all lint clean

venv: .venv/.installed

.venv/.installed: setup.py pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: venv
	$(BIN)/metamers_demo --out=demo

reproduce: venv
	$(BIN)/reproduce_paper --scale=mini --out=reproduction

test: venv
	$(BIN)/pytest

test-all: venv
	$(BIN)/pytest -m ''

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

clean:
	rm -rf demo reproduction build dist *.egg-info .pytest_cache .ruff_cache
