# make demo   set up, then run the whole workflow on simulated recordings
# make test   set up, then run all tests
# make setup  set up only: .venv with finback and its tools
# make fuzz  2,300 damaged inputs through all readers, in ten minutes: docs/reference/fuzz.md
# make lint   check style and types
# make bench  compare with other packages in one run: benchmarks/RESULTS.md
# make evidence  recipes on several data sets, random split: the figures of README, docs/recipes.md, leaks.md
# make bundled  train the bundled models again from the recordings in DATA (hours): src/finback/weights
# make sweep  disturb every command that writes, run it again and compare: benchmarks/SWEEP.md
# make peers  .venv-peers: other packages of the comparison that cannot be installed together with finback
# make package  dist/: sdist and wheel; the wheel is tested in new environments of Python 3.11 to 3.13
# make core-wheel  dist-core/: the wheel without bundled weights, all of it under Apache-2.0
# make audit-dependencies  known faults of dependencies: the minimum versions here; with a network also pip-audit
# make docs   the pages of docs/ as a site to browse, in site/; a warning is an error
# make pictures  the pictures of README and docs, and what their commands print: from DATA, and simulated
#
# TORCH chooses the build of torch that is installed first, for example a downloaded CUDA wheel:
#   make setup TORCH=/path/to/torch-2.13.0-....whl

PYTHON ?= python3
TORCH ?= torch==2.13.0
DATA ?= ../shared/data
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: setup demo test fuzz lint package core-wheel audit-dependencies bench evidence bundled sweep docs peers pictures clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	@$(PYTHON) -c "import sys; v = sys.version_info; sys.exit(v < (3, 11) and 'finback needs Python 3.11 or newer, this is %d.%d: make PYTHON=python3.11' % v[:2])"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing finback into .venv (a few minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@# Only its weights are used; its requirement (NumPy 1.23) is not compatible with finback.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps aisfx==0.1.2
	@touch $@

demo: setup
	$(BIN)/finback demo

test: setup
	$(BIN)/python -m pytest -n auto --dist worksteal

fuzz: setup
	PYTHONPATH=tests $(BIN)/python -m fuzz --table docs/reference/fuzz.md

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

package: setup
	.ci/package

core-wheel: setup
	$(BIN)/python .ci/core_wheel.py dist-core

audit-dependencies: setup
	$(BIN)/python .ci/audit_dependencies.py

bench: setup peers
	$(BIN)/python benchmarks/all.py

evidence: setup
	$(BIN)/python benchmarks/carry_over.py
	$(BIN)/python benchmarks/random_split.py
	$(BIN)/python benchmarks/kept_tapes.py
	$(BIN)/python benchmarks/tables.py

bundled: setup
	FINBACK_DATA=$(abspath $(DATA)) $(BIN)/python benchmarks/bundled.py

sweep: setup
	$(BIN)/python benchmarks/sweep.py

peers: .venv-peers/.installed

# "===": the build of torch that the index's torchvision and torchaudio were made for, several GB.
.venv-peers/.installed:
	@test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	@.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check 'torch===2.13.0' opensoundscape==0.13.2
	@touch $@

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

pictures: setup
	$(BIN)/python benchmarks/pictures.py --data $(DATA)
	$(BIN)/python benchmarks/tables.py

clean:
	rm -rf .venv dist dist-core build site .mypy_cache .ruff_cache
