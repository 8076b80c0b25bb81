# Two commands do all the set-up: `make demo` and `make test`. They need git, make and Python 3.11+, nothing else.
.POSIX:
.PHONY: demo test check lint unit engine tui terminal faults bench soak fmt clean bootstrap

BIN = .venv/bin
# Four at a time, a file's tests together: most of them wait for a browser or a clock more than they compute.
# The slow suites come first (tests/conftest.py), which xdist's own order by the number of tests would undo.
# The whole is stopped after fifteen minutes; a single test after two (pyproject.toml).
PYTEST = $(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder --session-timeout=900

demo: bootstrap
	@$(BIN)/python .ci/get_chromium.py
	@$(BIN)/pilothouse demo

test: bootstrap
	@$(MAKE) check

bootstrap:
	@./.ci/bootstrap

# The rest needs a .venv, and makes one where there is none.
lint unit engine tui terminal faults fmt: $(BIN)/python

$(BIN)/python:
	@./.ci/bootstrap

check: lint
	$(PYTEST) tests

lint:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The suites alone. The seconds each may take are in tests/conftest.py, and in the summary of every run.
unit:
	$(PYTEST) tests/unit tests/cli
engine:
	$(PYTEST) tests/engine tests/local
tui:
	$(PYTEST) tests/tui
terminal:
	$(PYTEST) tests/terminal
faults:
	$(PYTEST) tests/faults

bench: bootstrap
	$(BIN)/python -m tests.bench

# What takes minutes by its nature: a pause of ten minutes, twenty thousand random walks of the engine.
soak: bootstrap
	$(BIN)/python -m pytest tests/soak

fmt:
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv .uv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
