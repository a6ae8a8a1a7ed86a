# make demo   set up, then the main job on simulated recordings
# make test   set up, then the whole suite
# make setup  set up alone: .venv with finback and its tools
# make lint   style and types
# make bench  beside peers, in one run: benchmarks/RESULTS.md
# make peers  .venv-peers: what is compared with and cannot live beside finback
# make pictures  the pictures of README and docs, from real recordings in DATA
#
# TORCH chooses the build of torch that is installed first, e.g. for a CUDA wheel already downloaded:
#   make setup TORCH=/path/to/torch-2.13.0-....whl

PYTHON ?= python3
TORCH ?= torch==2.13.0
DATA ?= ../shared/data
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: setup demo test lint bench peers pictures clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	@$(PYTHON) -c "import sys; v = sys.version_info; sys.exit(v < (3, 11) and 'finback needs Python 3.11 or newer, this is %d.%d: make PYTHON=python3.11' % v[:2])"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing finback into .venv (a few minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@# Only its weights are used; what it asks for (NumPy 1.23) cannot be had beside finback.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps aisfx==0.1.2
	@touch $@

demo: setup
	$(BIN)/finback demo

test: setup
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup peers
	$(BIN)/python benchmarks/all.py

peers: .venv-peers/.installed

.venv-peers/.installed:
	@test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	@.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check opensoundscape==0.13.2 $(TORCH)
	@touch $@

pictures: setup
	$(BIN)/finback run --audio $(DATA)/watkins/audio --labels $(DATA)/watkins/labels.csv \
		--groups $(DATA)/watkins/metadata.csv:group --out runs/pictures
	cp runs/pictures/figures/headline.png docs/pictures/headline.png

clean:
	rm -rf .venv dist build .mypy_cache .ruff_cache
