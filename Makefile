# Two commands do all the set-up: `make demo` and `make test`. They need git, make and Python 3.11+, nothing else.
.POSIX:
.PHONY: demo test check lint unit engine tui terminal faults bench fmt clean bootstrap

BIN = .venv/bin

demo: bootstrap
	@$(BIN)/python scripts/get_chromium.py
	@$(BIN)/pilothouse demo

test: bootstrap
	@$(MAKE) check

bootstrap:
	@./scripts/bootstrap

check: lint unit engine tui terminal faults

lint:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The seconds each suite may take, on two cores; it is stopped when it takes more. Together under eight minutes.
unit:
	@./scripts/suite unit 60 tests/unit tests/cli
engine:
	@./scripts/suite engine 150 tests/engine tests/local
tui:
	@./scripts/suite tui 90 tests/tui
terminal:
	@./scripts/suite terminal 60 tests/terminal
faults:
	@./scripts/suite faults 60 tests/faults

bench: bootstrap
	$(BIN)/python -m tests.bench

fmt:
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv .uv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
