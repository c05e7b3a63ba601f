# `make run` and `make test` need nothing but Python 3.11 or later; all else comes from PyPI into .venv and .tox.

PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)
BIN := .venv/bin

# uv would fetch interpreters from elsewhere.
export UV_PYTHON_DOWNLOADS := never

.DEFAULT_GOAL := help
.PHONY: help run test lint format typing imports docs bench bench-quick simulate chaos build clean

help: ## what there is to make
	@sed -n "s|^\([a-z -]*\):.*## |  make \1: |p" $(MAKEFILE_LIST)

run: .venv/installed ## serve OPENAI_API_BASE_URL (from the environment or .env), or the demo when there is none
	@exec $(BIN)/ollama-openai-proxy serve --or-demo

# `py` runs all tests with tox's own Python: the quick ones need not run with it, too.
OWN_QUICK = $(shell $(BIN)/python -c 'import sys; print("py%d%d-quick" % sys.version_info[:2])')

test: .venv/tox ## all tests and all checks
	$(BIN)/tox run --skip-env $(OWN_QUICK)

lint typing imports docs: .venv/tox ## one of the checks
	$(BIN)/tox run -e $@

format: .venv/tox ## put the code into its form
	$(BIN)/tox exec -e lint -- ruff check --fix
	$(BIN)/tox exec -e lint -- ruff format

bench: .venv/bench ## measure everything, in under half an hour, and write it into docs/performance.md
	$(BIN)/python -m benchmarks full

bench-quick: .venv/bench ## measure in under 2 minutes what was lost or won since the recorded run
	$(BIN)/python -m benchmarks quick

simulate: .venv/bench ## simulate what the choice among replicas does, in half a minute, and write it into docs/operations/choice.md
	$(BIN)/python -m benchmarks.simulation

chaos: .venv/chaos ## let everything around the gateway fail under load, in under 15 minutes, and write what came of it into docs/reliability.md
	$(BIN)/python -m chaos full

build: .venv/installed ## the wheel and the source archive, in dist/
	$(BIN)/uv build

clean: ## remove what the other targets made
	rm -rf .venv .tox build dist *.egg-info .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/uv:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed, and was not found." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv

.venv/installed: .venv/bin/uv pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable .
	@touch $@

.venv/tox: .venv/bin/uv pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python 'tox>=4.24' 'tox-uv>=1.20'
	@touch $@

.venv/bench: .venv/installed pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[bench]'
	@touch $@

.venv/chaos: .venv/installed pyproject.toml
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[chaos]'
	@touch $@
