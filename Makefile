# The front door. Every target does its own set-up: uv is fetched when it is absent, the environment is locked.
export UV_SYSTEM_CERTS := 1
export UV_PYTHON_PREFERENCE := only-system
PYTHON ?= python3
TOOLS := .venv/.tools
UV := $(shell command -v uv 2>/dev/null || echo $(TOOLS)/bin/uv)
RUN := $(UV) run --frozen

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all lint types bench verify schemas screenshots clean

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(TOOLS)/bin/uv:
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-warn-script-location --target $(TOOLS) uv

setup: $(if $(shell command -v uv 2>/dev/null),,$(TOOLS)/bin/uv)
	@$(UV) sync --quiet --frozen

demo: setup  ## the first half of a journey over real transports; FAULT=1..6 plants a fault and must fail
	@$(RUN) cgt-hub demo $(if $(FAULT),--fault $(FAULT),)

test: setup  ## everything that needs nothing but Python
	$(RUN) pytest -q -n 2 -m "not slow"
