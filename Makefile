# Everything a person types; `make help` lists it. Only make and Python 3.11-3.13 with venv
# have to be there: the rest is set up on first use.

# Another Python for the environment: make setup PYTHON=/opt/python3.13/bin/python3
PYTHON ?=
# Your own fills and recordings of ticks for `make run`: a file, folder, glob or s3://
# prefix. With either there is no sample data.
FILLS ?=
TICKS ?=
# Servers of `make test`: the embedded one. all: every one found, 40 minutes on two cores.
TEST_SERVERS ?= postgres
export TEST_SERVERS
# Servers of `make bench`: the one in use. all: also every TimescaleDB found.
BENCH_SERVERS ?=
export BENCH_SERVERS
# The report: whose tear sheet (else the first of the leaderboard's), and where to.
TRADER ?=
OUT ?=
# Arguments for psql: make psql ARGS="-c 'select 1'"; for pytest: make fuzz ARGS="-k ticks"
ARGS ?=

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
SAMPLE := .vigil/sample
SAMPLE_FILLS := 1000000
SAMPLE_DAYS := 60
# Recordings of bitcoin trades end yesterday, for ticks are dropped after 90 days: a sample
# older than a month is followed by another one.
SAMPLE_TICKS := .vigil/sample_ticks
SAMPLE_TICK_COUNT := 600000
SAMPLE_TICK_DAYS := 21

# dbt and sqlfluff find each other, and the models this project's packages.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

# What `make lint` is made of, and .pre-commit-config.yaml; a test compares the two.
GATES := lint-ruff lint-format lint-types lint-dbt lint-sql lint-formats

.DEFAULT_GOAL := help
.NOTPARALLEL:
.SUFFIXES:
.PHONY: help run setup test fuzz lint docs report bench up down psql url timescale spark clean
.PHONY: evaluate test-servers $(GATES)

say = @printf '\n\033[1m%s\033[0m\n'
ifeq ($(shell test -t 1 && echo terminal),)
say = @printf '\n%s\n'
endif

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

run: up  ## Set up, start the server, load your data or samples, build, show
	@dbt --quiet run-operation create_sources
ifeq ($(FILLS)$(TICKS),)
	@$(MAKE) --no-print-directory $(SAMPLE)/asset_ctxs
	@if [ -n "$$(find $(SAMPLE_TICKS) -maxdepth 0 -mtime +30 2> /dev/null)" ]; then \
		rm -r $(SAMPLE_TICKS); fi
	@$(MAKE) --no-print-directory $(SAMPLE_TICKS)
	$(say) "Loading the fills"
	@$(PY) -m loaders.load_to_db fills $(SAMPLE)/parquet
	$(say) "Loading marks and funding rates"
	@$(PY) -m loaders.load_to_db contexts $(SAMPLE)/asset_ctxs
	@$(PY) -m loaders.load_to_db funding $(SAMPLE)/funding
	$(say) "Loading the ticks"
	@$(PY) -m loaders.load_to_db ticks $(SAMPLE_TICKS)/ticks
endif
ifneq ($(FILLS),)
	$(say) "Loading the fills"
	@$(PY) -m loaders.load_to_db fills $(FILLS)
endif
ifneq ($(TICKS),)
	$(say) "Loading the ticks"
	@$(PY) -m loaders.load_to_db ticks $(TICKS)
endif
	$(say) "Building every model and running its tests"
	@dbt build
	$(say) "What came out"
	@$(PY) -m headlines
	$(say) "Look further"
	@echo "  make psql                    the tables, in SQL; make -s url for other clients"
	@echo "  make evaluate                does any of it predict? Scorecards, in words"
	@echo "  make report                  signals, traders and bitcoin on one page, to look at"
	@echo "  make docs                    every model and column, and the lineage"
	@echo "  . $(VENV)/bin/activate          then dbt build, python -m loaders.load_to_db"
	@echo "  make down                    stop the server; the data stays"

setup: $(READY)  ## Make the Python environment in .venv

test: setup test-servers lint  ## Set up, lint, and run every test on every server found
	$(say) "Tests"
	@$(PY) -m pytest --numprocesses auto --maxprocesses 4

fuzz: setup  ## Run the property tests on fresh random examples; ARGS="-k ticks"
	@$(PY) -m pytest -m hypothesis --hypothesis-profile fuzz $(ARGS)

# Before the minutes that the gates take.
test-servers: setup
	@$(PY) -m pytest --quiet --collect-only tests/python/devdb/test_servers.py > /dev/null

lint: $(GATES)  ## Check style, types, dbt's YAML and lineage, SQL

lint-ruff: setup
	$(say) "ruff"
	@ruff check .

lint-format: setup
	$(say) "ruff format"
	@ruff format --check .

lint-types: setup
	$(say) "mypy"
	@mypy

lint-dbt: setup
	$(say) "dbt parse, and the rules of review"
	@$(PY) -m review

lint-sql: setup
	$(say) "sqlfluff"
	@$(PY) -m devdb throwaway \
		sqlfluff lint --disable-progress-bar models snapshots tests/singular

lint-formats: setup
	$(say) "sqlfluff, formats of files"
	@sqlfluff lint --templater raw --disable-progress-bar loaders/formats

docs: up  ## Write dbt's documentation, lineage included, to target/static_index.html
	@dbt --quiet run-operation create_sources
	@dbt docs generate --static --select package:vigil
	@$(PY) -m report.docs_page target/static_index.html
	@echo "Open $(CURDIR)/target/static_index.html in a browser."

evaluate: up  ## Does it predict? Build the scorecards, and say in words what they found
	$(say) "Building the scorecards, which a plain dbt build leaves out"
	@dbt build --select tag:evaluation
	$(say) "What they found"
	@$(PY) -m headlines.scorecards

report: up  ## Write target/report.html: signals, traders, bitcoin; TRADER=0x… OUT=file
	@$(PY) -m report $(if $(TRADER),--trader '$(TRADER)') $(if $(OUT),--out '$(OUT)')

bench: up  ## Measure against the alternatives; writes benchmarks/results.json
	@$(PY) -m benchmarks

up: setup  ## Start the embedded server, or check the one PGHOST names
	@$(PY) -m devdb up

down: | $(PY)  ## Stop the embedded server; its data stays
	@$(PY) -m devdb down

psql: | $(PY)  ## Open psql on the server in use; ARGS="..." are its arguments
	@$(PY) -m devdb psql $(ARGS)

url: | $(PY)  ## Print the libpq URL of the server in use (with make -s: nothing else)
	@$(PY) -m devdb url

timescale: setup  ## Make a server with Debian's TimescaleDB for the tests (needs root)
	@$(PY) -m devdb timescale

spark: setup  ## Add Spark to .venv, for python -m runners and its tests (500 MB)
	@$(PY) -m pip install -qq --disable-pip-version-check -r requirements-spark.lock

clean:  ## Stop the embedded server, remove its data and all build output; .venv stays
	@if [ -e .vigil/cluster ] || [ -L .vigil/cluster ]; then $(PY) -m devdb remove; fi
	@rm -rf .vigil target logs dbt_packages .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -path ./$(VENV) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# Under its name only when it is whole. The sample of an earlier release has the same fills,
# and no contexts.
$(SAMPLE)/asset_ctxs:
	$(say) "Simulating $(SAMPLE_FILLS) fills over $(SAMPLE_DAYS) days, there being no FILLS=path"
	@rm -rf $(SAMPLE) $(SAMPLE).part
	@$(PY) -m simulation fills $(SAMPLE).part \
		--fills $(SAMPLE_FILLS) --days $(SAMPLE_DAYS) --seed 7 --format parquet
	@mv $(SAMPLE).part $(SAMPLE)

$(SAMPLE_TICKS):
	$(say) "Simulating $(SAMPLE_TICK_COUNT) ticks over $(SAMPLE_TICK_DAYS) days, there being no TICKS=path"
	@rm -rf $@.part
	@$(PY) -m simulation ticks $@.part --ticks $(SAMPLE_TICK_COUNT) \
		--days $(SAMPLE_TICK_DAYS) --venues binance_spot,coinbase --repeats 10 --seed 7
	@mv $@.part $@

$(PY):
	@echo "There is no environment yet: run \`make setup\`." >&2; exit 1

# The first of these that runs, is recent enough and can make environments. Version
# managers put commands in the PATH that only say that they are not there.
FIND_PYTHON = for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
	"$$python" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		> /dev/null 2>&1 && echo "$$python" && break; done

$(READY): requirements.lock pyproject.toml
	@python="$$($(FIND_PYTHON))"; \
	if [ -z "$$python" ]; then \
		echo "Python 3.11, 3.12 or 3.13 with venv is needed$(if $(PYTHON),; $(PYTHON) is not,):" >&2; \
		echo "install it (Debian, Ubuntu: python3-venv) or say make PYTHON=..." >&2; exit 1; \
	fi; \
	$(PY) -c '' 2> /dev/null || { \
		echo "Making .venv with $$("$$python" --version)"; "$$python" -m venv --clear $(VENV); }
	@echo "Installing $$(grep -c == requirements.lock) packages (a minute or two the first time)"
	@$(PY) -m pip install -qq --disable-pip-version-check -r requirements.lock
	@$(PY) -m pip install -qq --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@
	@echo "The environment is ready."
