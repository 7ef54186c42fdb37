# Set-up and the project's commands. Needs Python 3.11 or newer, make and git; everything else is installed here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PYTHONDONTWRITEBYTECODE :=  # some machines set it; a server that compiles its modules each time starts a quarter slower

.PHONY: help demo test test-long check bench bench-full torture soak lock wheel clean

help:  ## what can be made
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 14

# One virtual environment from the lock file, hashes checked; made anew when the lock or the project's metadata changes.
$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Ringback needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "No virtual environment could be made; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

demo: $(READY)  ## start a throw-away server with example calls and print two requests to try
	@$(BIN)/ringback demo $(if $(PORT),--port $(PORT))

test: $(READY)  ## run the tests, three files at a time; JOBS= for more or fewer
	@tests/provide
	$(BIN)/python -m pytest -n $(or $(JOBS),3) --dist loadfile --no-loadscope-reorder $(ARGS)

test-long: $(READY)  ## run the tests that take long: floods, slow lines, bombs
	$(BIN)/python -m pytest -m long $(ARGS)

check: $(READY)  ## lint, format, types, layers, known vulnerabilities
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@tests/audit

# What the benchmark compares with is installed beside: the alternative a team would write.
$(VENV)/.bench: $(READY) requirements/bench.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@touch $@

bench: $(VENV)/.bench  ## speed and memory as ratios, in a few minutes
	$(BIN)/python -m benchmarks $(ARGS)

bench-full: $(VENV)/.bench  ## the same with fifty million calls (hours, 40 GB of disk)
	$(BIN)/python -m benchmarks --full $(ARGS)

torture: $(READY)  ## kills, power cuts and a million bad inputs, in about a quarter of an hour
	@tests/provide
	$(BIN)/python -m torture $(ARGS)

soak: $(READY)  ## half an hour of steady load; MINUTES= for another time
	@tests/provide
	$(BIN)/python -m torture.soak --minutes $(or $(MINUTES),30) $(ARGS)

wheel: $(READY)  ## build the wheel into dist/, and beside it the list of what it needs (SBOM, CycloneDX)
	rm -rf dist
	$(BIN)/python -m build --no-isolation --wheel
	@.ci/sbom

lock: $(READY)  ## renew the lock files (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml -o requirements/runtime.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --group dev pyproject.toml -o requirements/dev.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --constraint requirements/dev.txt --group bench -o requirements/bench.txt

clean:  ## remove what was made
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
