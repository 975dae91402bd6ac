# The front door. Every target does its own set-up: uv is fetched when it is absent, and the environment is locked.
export UV_SYSTEM_CERTS := 1
export UV_PYTHON_PREFERENCE := only-system
PYTHON ?= python3
TOOLS := .tools
UV := $(shell command -v uv 2>/dev/null || echo $(TOOLS)/bin/uv)
SYNC := $(UV) sync --quiet --frozen --inexact --no-default-groups --python $(PYTHON)
RUN := $(UV) run --no-sync

.DEFAULT_GOAL := help
.PHONY: help demo test test-all lint types schemas wheel slow judges screenshots verify bench clean

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.tools/bin/uv:
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-warn-script-location --target $(TOOLS) uv

demo: $(UV)  ## the whole journey with every partner over real transports; FAULT=1..15 plants a fault and must fail
	@$(SYNC) --extra hub
	@$(RUN) cgt-hub demo $(if $(FAULT),--fault $(FAULT),)

test: $(UV)  ## everything that needs nothing but Python, in minutes
	@$(SYNC) --group test
	$(RUN) pytest -q -n auto -m "not slow"

test-all: lint types schemas wheel slow  ## what `make test` leaves out: types, wheel, a tenth of the long tests

lint: $(UV)  ## ruff, and the contracts of who imports whom
	@$(SYNC) --group lint
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) lint-imports

types: $(UV)  ## mypy --strict and pyright
	@$(SYNC) --group lint
	$(RUN) mypy
	$(RUN) pyright

schemas: $(UV)  ## the committed JSON Schemas and pages are what the sources say
	@$(SYNC) --group lint
	$(RUN) python -m canonical_model.publish --check
	$(RUN) python -m mappings.publish --check

wheel: $(UV)  ## builds the wheel, looks into it, installs it elsewhere and plays the demo from it
	@$(SYNC) --group lint
	rm -rf dist build/wheel
	$(UV) build --quiet --wheel --out-dir dist
	$(RUN) check-wheel-contents dist
	$(UV) venv --quiet --python $(PYTHON) build/wheel
	$(UV) export --quiet --frozen --no-hashes --no-emit-project --extra hub --extra conformance > build/constraints.txt
	$(UV) pip install --quiet --python build/wheel/bin/python --constraints build/constraints.txt \
		"cgt-hub[hub,conformance] @ file://$(CURDIR)/$$(ls dist/*.whl)"
	cd build/wheel && bin/cgt-hub demo > demo.txt && tail -n 1 demo.txt
	cd build/wheel && bin/python -m conformance_tests --help > /dev/null

slow: $(UV)
	@$(SYNC) --group test
	$(RUN) pytest -q -n auto -m slow

judges: $(UV)  ## verdicts of others (HAPI, medplum, GS1, MESA, hl7apy) over what we write, one table
	@$(SYNC) --group test
	$(RUN) python -m tests.judges

screenshots: $(UV)  ## pictures of the pages into docs/screenshots, by the chromium that is installed
	@$(SYNC) --group test
	$(RUN) python -m tests.browser.screenshots

verify: $(UV)  ## hours: every harness at full size, with planted faults; ONLY=kill,power STORE=sqlite WRITE=1 for the docs
	@$(SYNC) --group test
	$(if $(ONLY),,CGT_FULL=1 $(RUN) pytest -q -n auto -m slow --ignore tests/verify)
	$(RUN) python -m tests.verify --full $(if $(ONLY),--only $(ONLY)) $(if $(STORE),--store $(STORE)) $(if $(WRITE),--write)

bench: $(UV)  ## speeds, as ratios to a baseline of the same run; PART=mllp, MILLION=1 (messages), STORE=folder keeps them, WRITE=1
	@$(SYNC) --group bench
	$(RUN) python -m benchmarks $(PART) $(if $(MILLION),--million) $(if $(STORE),--store $(STORE)) $(if $(BURST),--burst $(BURST)) $(if $(WRITE),--write)

clean:  ## what can be made again
	rm -rf .venv .tools dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
