# make demo    set up everything, scan the demo programmes, serve the portal
# make serve   web server and worker (PORT=8000)
# make test    the tests (PROCESSES=3)
# make test-slow  those that start whole installations, browsers, brokers' workers and other clients
# make test-all   both together, so that the ones work while the others wait
# make test-soak  slow tests again elsewhere or for longer, before a release
# make test-postgres  those that use the database again on PostgreSQL, where one runs
# make coverage  the branches that make test reaches without a browser
# make check   style, types, imports, migrations, API schema (-j2: types beside the rest)
# make browser  the cheaper browser for tests, installed as root where it is missing
# make without  that the core holds without the plug-in PLUGIN=name, or without any
# make shared  what all tests share: the compiled engine and tests, migrated databases
# make translations  collect texts into locale/, compile, list what is missing
# make clients others' clients and generators of clients, which the tests then drive too
# make generators  only the generators, as the gate does
# make openid  an OpenID Connect server of others (needs Node.js), which the tests then sign in at
# make advisories  known vulnerabilities of the pinned packages by a dated list, without a network
# make wheels  whether all pinned wheels exist for each version of Python
# make sbom    the bill of materials with licences, sbom.cdx.json
# make dist     the files of a release, in dist/: engine, source, bill of materials, sums
# make bench   the benchmarks, on the demo audio

# The newest Python that works here, for which all wheels exist (make wheels asks for them).
VERSIONS := 3.14 3.13 3.12 3.11
PYTHON ?= $(firstword $(foreach version,$(VERSIONS),$(shell python$(version) -c 'import ensurepip, venv' 2> /dev/null && echo python$(version))))
PORT ?= 8000
CORES := $(shell getconf _NPROCESSORS_ONLN)
# One more than there are cores: what waits for another process leaves its core to others.
# On PostgreSQL, the server works while a test waits for it.
PROCESSES ?= $(shell expr $(CORES) + 1)
VENV ?= .venv
RUN := $(VENV)/bin/python
# Python compiles a module when it is first imported: most of what is installed never is.
PIP_OPTIONS := --quiet --disable-pip-version-check --no-compile --only-binary :all:
define make_venv
	@test -n "$(1)" || { echo "Install Python $(lastword $(VERSIONS)) or newer with its venv module, or say which with PYTHON=…" >&2; exit 1; }
	@echo "Uses $$($(1) --version), in $(VENV)"
	$(1) -m venv $(VENV)
endef
# The packages of the engine come first: it compiles while the others are installed.
OF_ENGINE := ^(av|llvmlite|numba|numpy|scipy)==
# Local set-up: plain http on this machine, everything written under var/.
export ACRPORTAL_DATA_DIR ?= $(CURDIR)/var
export ACRPORTAL_HTTPS ?= off
export ACRPORTAL_BASE_URL ?= http://localhost:$(PORT)
# The portal's worker runs at niceness 10, and tests at 0 beside it would starve it.
PYTEST := nice -n 10 $(RUN) -m pytest
# Tests start hundreds of processes, and each would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE
export NUMBA_CACHE_DIR ?= $(ACRPORTAL_DATA_DIR)/numba

SHELL_OF_CHROMIUM := apt-get install --yes --no-install-recommends chromium-headless-shell

.PHONY: browser demo serve test test-slow test-all test-soak test-postgres without shared warm coverage check types rules translations bench clients generators openid advisories wheels sbom dist

demo: $(VENV)/ready $(ACRPORTAL_DATA_DIR)/secret_key
	$(RUN) manage.py run_demo --port $(PORT) $(ARGS)

serve: $(VENV)/ready $(ACRPORTAL_DATA_DIR)/secret_key
	$(RUN) manage.py migrate --verbosity 0
	$(RUN) manage.py serve --port $(PORT) $(ARGS)

test: warm $(VENV)/ready $(ACRPORTAL_DATA_DIR)/secret_key
	$(PYTEST) -n $(PROCESSES) -m "not slow and not soak and not e2e" $(ARGS)

test-slow: warm $(VENV)/ready $(ACRPORTAL_DATA_DIR)/secret_key
	$(PYTEST) -n $(PROCESSES) -m "(slow or e2e) and not soak" $(ARGS)

# Tests use chromium where its shell is missing, which takes more than twice the processor time.
browser:
	@command -v chromium-headless-shell > /dev/null || [ "$$(id -u)" != 0 ] || $(SHELL_OF_CHROMIUM) > /dev/null 2>&1 || { apt-get update && $(SHELL_OF_CHROMIUM); } > /dev/null 2>&1 || true

# Beside those, it comes after what is faster to say that something is wrong.
test-all: warm $(VENV)/ready $(ACRPORTAL_DATA_DIR)/secret_key | $(filter browser rules shared without generators,$(MAKECMDGOALS))
	$(PYTEST) -n $(PROCESSES) -m "not soak" -p tests.statements --statements var/statements $(ARGS)

test-soak: warm $(VENV)/ready $(ACRPORTAL_DATA_DIR)/secret_key
	$(PYTEST) -n $(PROCESSES) -m soak $(ARGS)

# Beside the other, it has what the other compiles.
without: $(VENV)/dev-ready $(ACRPORTAL_DATA_DIR)/secret_key | $(filter shared,$(MAKECMDGOALS))
	$(RUN) -m tests.without $(PLUGIN)

shared: warm $(VENV)/ready $(ACRPORTAL_DATA_DIR)/secret_key
	$(RUN) -m tests.shared

warm: $(VENV)/engine-ready
	$(RUN) -m recognition.warm

test-postgres: $(VENV)/ready $(ACRPORTAL_DATA_DIR)/secret_key
	$(RUN) -m tests.on_postgres -n $(CORES) $(ARGS)

coverage: $(VENV)/ready $(ACRPORTAL_DATA_DIR)/secret_key
	$(RUN) -m pytest -q -n $(PROCESSES) -m "not slow and not soak and not e2e" --cov --cov-report=term:skip-covered $(ARGS)

check: types rules

types: $(VENV)/dev-ready $(ACRPORTAL_DATA_DIR)/secret_key
	$(VENV)/bin/mypy .

rules: $(VENV)/dev-ready $(ACRPORTAL_DATA_DIR)/secret_key
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	find templates plugins -name '*.html' | xargs $(VENV)/bin/djade --check --target-version 5.2
	! LC_ALL=C.UTF-8 grep -rnE --include='*.html' '^.{121,}' templates plugins
	$(VENV)/bin/lint-imports
	$(RUN) -m tests.circles
	$(RUN) -m tests.naming
	$(RUN) -m acrportal.rules

translations: $(VENV)/ready $(ACRPORTAL_DATA_DIR)/secret_key
	$(RUN) -m acrportal.translations

advisories: $(VENV)/ready
	$(RUN) -m acrportal.advisories

# Resolves the pinned wheels for each version of Python without installing them.
wheels: $(VENV)/ready
	for version in $(VERSIONS); do echo "Python $$version"; \
		$(RUN) -m pip install $(PIP_OPTIONS) --dry-run --ignore-installed --target var/wheels --python-version $$version \
		--implementation cp $(addprefix --platform ,manylinux_2_28_x86_64 manylinux_2_17_x86_64 manylinux2014_x86_64 manylinux1_x86_64 any) \
		--require-hashes -r requirements.txt || exit 1; done

sbom: $(VENV)/ready
	$(RUN) -m acrportal.sbom sbom.cdx.json

bench: $(VENV)/ready
	$(RUN) -m benchmarks.accuracy
	$(RUN) -m benchmarks.speed

dist: $(VENV)/ready .venv-release/ready
	$(RUN) -m acrportal.release dist

.venv-release/ready: requirements/release.txt
	test -x .venv-release/bin/python || $(PYTHON) -m venv .venv-release
	.venv-release/bin/python -m pip install $(PIP_OPTIONS) --require-hashes -r requirements/release.txt
	touch $@

openid: tests/accounts/certified/node_modules/.package-lock.json

tests/accounts/certified/node_modules/.package-lock.json: tests/accounts/certified/package-lock.json
	cd tests/accounts/certified && npm ci --ignore-scripts --no-audit --no-fund
	touch $@

clients: .venv-clients/ready

# A machine without a package index, or with a slow one, skips their tests, which say so.
generators: $(VENV)/engine-ready
	@$(MAKE) --no-print-directory .venv-clients/generators-ready || echo "The generators of clients could not be installed: their tests are skipped." >&2

.venv-clients/ready: requirements/clients.txt .venv-clients/generators-ready
	$(RUN) -m pip --python .venv-clients/bin/python install $(PIP_OPTIONS) -r requirements/clients.txt
	touch $@

# Without a pip of its own, which takes longer than they do.
.venv-clients/generators-ready: requirements/generators.txt requirements/package-lock.json | $(VENV)/engine-ready
	test -x .venv-clients/bin/python || $(PYTHON) -m venv --without-pip .venv-clients
	$(RUN) -m pip --python .venv-clients/bin/python install $(PIP_OPTIONS) --retries 1 --timeout 20 -r requirements/generators.txt
	cp requirements/package.json requirements/package-lock.json .venv-clients
	! command -v npm > /dev/null || timeout 90 npm ci --prefix .venv-clients --ignore-scripts --no-audit --no-fund --loglevel=error || { rm -rf .venv-clients/node_modules; exit 1; }
	touch $@

$(VENV)/engine-ready: requirements.txt
	$(if $(wildcard $(RUN)),,$(call make_venv,$(PYTHON)))
	awk '/^[a-z]/ { wanted = /$(OF_ENGINE)/ } wanted' requirements.txt > $(VENV)/engine.txt
	$(RUN) -m pip install $(PIP_OPTIONS) --require-hashes -r $(VENV)/engine.txt
	touch $@

$(VENV)/ready: $(VENV)/engine-ready requirements.txt
	$(RUN) -m pip install $(PIP_OPTIONS) --require-hashes -r requirements.txt
	touch $@

$(VENV)/dev-ready: $(VENV)/ready requirements/dev.txt
	$(RUN) -m pip install $(PIP_OPTIONS) --require-hashes -r requirements/dev.txt
	touch $@

$(ACRPORTAL_DATA_DIR)/secret_key: | $(VENV)/ready
	$(RUN) -m acrportal.secret_key $@
