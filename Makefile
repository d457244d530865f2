# Everything a person or CI does, by one name each. `make help` lists them.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
ARGS   ?=
# Test files are shared out between so many processes, each with a Kafka and a Redis of its own. Many
# tests wait more than they compute: three keep two cores busy.
TEST_PROCESSES ?= 3
PYTEST := $(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder
# One at a time: what has deadlines in real time has all cores then.
PYTEST_ALONE := $(BIN)/python -m pytest

# Whose code `coverage` measures. To be measured takes a test twice as long: no other test is.
MEASURED := tests/physics tests/validation tests/control tests/stream
# Whose long tests compute, and have no deadlines.
COMPUTING := tests/physics tests/validation tests/control tests/ops/fields tests/ops/evaluate
ignored = $(addprefix --ignore=,$(1))

.DEFAULT_GOAL := help
.PHONY: help install demo test test-fast test-slow test-unmeasured check prove-interlock coverage bench clean
.PHONY: test-quick test-realtime test-computing test-processes
.NOTPARALLEL:

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(BIN)/.demo: pyproject.toml constraints.txt ops/broker_jars.lock
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "potline needs Python 3.11 to 3.13; this is " + sys.version.split()[0] + ". Remedy: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing potline into $(VENV) (first time: a minute or two) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo]' --constraint constraints.txt
	@$(BIN)/potline broker fetch
	@touch $@

$(BIN)/.dev: $(BIN)/.demo
	@echo "Installing what tests and checks need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' --constraint constraints.txt
	@touch $@

$(BIN)/.bench: $(BIN)/.demo
	@echo "Installing what benchmarks compare with ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]' --constraint constraints.txt
	@touch $@

install: $(BIN)/.dev  ## make the environment with everything for development

demo: $(BIN)/.demo  ## run the whole line here; ARGS="--for 90s --cells 24 --speed 60" passes options on
	@$(BIN)/potline up $(ARGS)

test: $(BIN)/.dev  ## all tests, the quick ones first; what fails keeps nothing from being run
	@$(MAKE) --no-print-directory --keep-going test-fast test-slow

test-fast: test-quick test-realtime  ## the tests that take seconds

test-quick: $(BIN)/.dev
	@$(PYTEST) -m "not slow and not realtime" $(ARGS)

test-realtime: $(BIN)/.dev
	@$(PYTEST_ALONE) -m "not slow and realtime" $(ARGS)

test-slow: test-computing test-processes  ## the long ones: real processes, failures

test-computing: $(BIN)/.dev
	@$(PYTEST) -m slow $(COMPUTING) $(ARGS)

test-processes: $(BIN)/.dev
	@$(PYTEST_ALONE) -m slow $(call ignored,$(COMPUTING)) $(ARGS)

coverage: $(BIN)/.dev  ## quick tests with branch coverage; fails below 90 % of physics, control and stream
	@$(PYTEST) -m "not slow and not realtime" $(MEASURED) --cov --cov-report= $(ARGS)
	@$(PYTEST_ALONE) -m "not slow and realtime" $(MEASURED) --cov --cov-append --cov-report= $(ARGS)
	@$(BIN)/python -m coverage report --include='physics/*,control/*,stream/*' --fail-under=90

test-unmeasured: $(BIN)/.dev  ## the quick ones that `coverage` leaves out
	@$(PYTEST) -m "not slow and not realtime" $(call ignored,$(MEASURED)) $(ARGS)
	@$(PYTEST_ALONE) -m "not slow and realtime" $(call ignored,$(MEASURED)) $(ARGS)

prove-interlock: $(BIN)/.dev  ## without any one of its checks the interlock's tests fail
	@$(BIN)/python -m tests.prove_interlock

check: $(BIN)/.dev  ## lint, format, types, layering
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

bench: $(BIN)/.bench  ## the benchmarks, one after the other
	@for script in $(filter-out benchmarks/reduced.py,$(wildcard benchmarks/[a-z]*.py)); do $(BIN)/python $$script || exit 1; done
	@echo "Left out: benchmarks/reduced.py, which learns a reduced cell first and takes long"

clean:  ## remove the environment and what tests left
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .coverage
