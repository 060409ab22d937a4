# `make demo` and `make test` set up all they need in .venv; they need python3.11 or newer, make and a package index.
PYTHON ?= python3
BIN := .venv/bin
WORKERS = $(shell $(PYTHON) -c "import os; print(min(8, 1 + (os.cpu_count() or 1)))")

.PHONY: demo test units lint clean

demo: .venv/base
	$(BIN)/drivesim rollout cut_in --out out/demo --futures 2 --seconds 4.3 --labels-video --fresh

# What the code looks like is checked beside the tests, which have a worker a core and one more, for while they wait; a file's tests stay
# together, and what they share is made once. Bytecode is kept, whatever the environment says: the many processes that tests start
# need not compile all modules again.
test: .venv/test
	$(MAKE) --no-print-directory -j2 lint units

units: .venv/test
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/vulture

.venv/base: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "drivesim needs Python 3.11 or newer; name one: make PYTHON=python3.12"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

.venv/test: .venv/base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[editor,test]'
	@touch $@

clean:
	rm -rf .venv out build dist
