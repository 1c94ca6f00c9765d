# The verbs of this project. Each sets up what it needs, on a machine with only python3.11+, git and make.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
ONCE ?=
PYTEST_ARGS ?=

help: ## List the verbs
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

# The lock pins every package with its hash. No package is built: wheels only.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'Python 3.11 or newer is needed: make PYTHON=python3.12 ...' >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
	  -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY) ## See it work: a streamed answer, its receipt, the balance (ONCE=1 stops after the receipt)
	@$(BIN)/quart-proxy demo $(if $(ONCE),--once)

serve: $(READY) ## Serve, with the embedded PostgreSQL unless DATABASE_URL is set
	@$(BIN)/quart-proxy serve

test: $(READY) check ## Run every check and every test (PYTEST_ARGS adds to it, DATABASE_URL chooses the server)
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

check: $(READY) ## Style, types, floors
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: $(READY) ## Measure: requests per second, CPU, lateness, settlements; then prove the books
	@$(BIN)/python -m bench

lock: ## Pin the newest versions anew (needs uv)
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --custom-compile-command 'make lock' --upgrade --quiet -o requirements.lock

.PHONY: help demo serve test check bench lock
