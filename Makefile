# Everything a person or CI does with Vitruvian. Needs Python 3.11+, make and git; the rest installs itself here.

PORT ?= 8000
QUICK ?=
TESTS ?= not durability

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check
# Node builds one script, build/cql-engine.js; the server itself never starts it.
WITH_NODE := PATH="$$(cat build/node-bin):$$PATH"
ENGINE := build/cql-engine.js
POLICY_FILES := $(shell find cql questionnaires -type f 2>/dev/null)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run demo test check policies conformance inferno e2e bench elm schemas lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: build/.run $(ENGINE) ## what the server needs, installed and built here; every other target does this first

run: build/.run build/.policies ## the server on 127.0.0.1:8000, in the foreground (PORT=8000)
	@exec env VITRUVIAN_PORT=$(PORT) $(PY) -m server serve

demo: build/.run $(ENGINE) ## the journey for three orders, step by step; starts a server unless one runs on PORT
	@exec env VITRUVIAN_PORT=$(PORT) $(PY) -m server demo

test: build/.dev $(ENGINE) ## every test but the browser's, and but those that kill processes for a minute
	$(PY) -m pytest -q -m "$(TESTS)"

check: build/.dev $(ENGINE) ## format, lint, types, layers, policies, Dockerfile, tests: what a change must pass
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/hadolint docker/Dockerfile
	$(PY) -m server check-policies
	$(MAKE) --no-print-directory test TESTS=

policies: build/.run $(ENGINE) ## every policy folder: all its problems, and its worked cases
	$(PY) -m server check-policies

conformance: build/.dev $(ENGINE) ## every answer of the shared cases through HL7's validator
	$(PY) -m tests.conformance.run

inferno: build/.dev $(ENGINE) ## the official Inferno suites, into CONFORMANCE.md (SUITE=CRD2.2.1 GROUP=3.4: a part; AUTHENTICATED=1)
	$(PY) -m tests.conformance.inferno $(if $(SUITE),--suite $(SUITE)) $(if $(GROUP),--group $(GROUP)) $(if $(AUTHENTICATED),--authenticated)

e2e: build/.browser $(ENGINE) ## the pages, in a real Chromium (apt-get install chromium)
	$(PY) -m pytest -q -o addopts= tests/browser

bench: build/.dev $(ENGINE) ## latency, throughput, memory and their floors (QUICK=1 for a short run)
	$(PY) -m tests.bench.run $(if $(QUICK),--quick)

elm: build/.dev build/.node ## compile the CQL of every policy; the ELM is kept beside its source
	$(WITH_NODE) node server/cql/js/compile.mjs

schemas: build/.run ## the JSON Schemas by which editors help with the TOML files, into cql/schemas
	$(PY) -m server.authoring.schemas cql/schemas

lock: build/.dev ## lock the newest versions that pyproject.toml and package.json allow
	$(UV_LOCK) pyproject.toml -o requirements.lock
	$(UV_LOCK) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	$(UV_LOCK) --group browser -c requirements-dev.lock -o requirements-browser.lock
	$(UV_LOCK) --group node -o requirements-node.lock
	$(MAKE) --no-print-directory build/node-bin
	$(WITH_NODE) npm install --package-lock-only --ignore-scripts

clean: ## everything that was built or installed here, but not the database
	rm -rf build $(VENV) node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find server tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Universal: one lock for every platform. No address of a registry: whoever installs has their own.
UV_LOCK = $(VENV)/bin/uv pip compile --quiet --upgrade --universal --generate-hashes \
	--no-header --no-emit-index-url

# --- setup, each step once ------------------------------------------------------------------------

$(PY):
	@for python in $${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    "$$python" -m venv $(VENV) && exit 0 || { rm -rf $(VENV); exit 1; }; \
	  fi; \
	done; echo "Vitruvian needs Python 3.11 or newer (PYTHON=/path/to/python3 make ...)." >&2; exit 1

build/.run: requirements.lock | $(PY)
	@echo "Installing what the server needs ..."
	@$(PIP) --require-hashes --requirement requirements.lock
	@mkdir -p build && touch $@

build/.dev: requirements-dev.lock build/.run
	@echo "Installing what the tests need ..."
	@$(PIP) --require-hashes --requirement requirements-dev.lock
	@touch $@

build/.browser: requirements-browser.lock build/.dev
	@$(PIP) --require-hashes --requirement requirements-browser.lock
	@touch $@

# The folder of Node 20.11 or newer: the machine's, else one from a locked wheel.
build/node-bin: requirements-node.lock | $(PY)
	@mkdir -p build
	@new='const [a, b] = process.versions.node.split(".").map(Number); process.exit(+(a < 20 || a == 20 && b < 11))'; \
	if command -v npm >/dev/null && node -e "$$new" 2>/dev/null; then \
	  dirname "$$(command -v node)" > $@; \
	else \
	  echo "Installing Node for the build ..."; \
	  $(PIP) --require-hashes --requirement requirements-node.lock && echo "$(CURDIR)/$(VENV)/bin" > $@; \
	fi

build/.node: package.json package-lock.json build/node-bin
	@echo "Installing the CQL engine ..."
	@$(WITH_NODE) npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

$(ENGINE): build/.node $(wildcard server/cql/js/*)
	@$(WITH_NODE) node server/cql/js/build.mjs
	@mkdir -p build/swagger-ui && cp node_modules/swagger-ui-dist/swagger-ui.css \
	  node_modules/swagger-ui-dist/swagger-ui-bundle.js build/swagger-ui/
	@mkdir -p build/htmx && cp node_modules/htmx.org/dist/htmx.min.js build/htmx/
	@touch $@

build/.policies: $(POLICY_FILES) $(wildcard server/policy/*.py) build/.run $(ENGINE)
	@$(PY) -m server check-policies
	@touch $@
