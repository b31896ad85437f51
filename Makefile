# Two commands matter: `make demo` and `make test`. Each sets up what it needs, once.
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The lock brings Node and npm as well: Debian's are often too old for what tests are held against.
WITH_NODE := PATH="$(abspath $(BIN)):$$PATH"
NODE := tests/node_modules/.package-lock.json
PYTEST ?= --numprocesses auto --maxprocesses 8 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-crash test-slow test-fuzz soak lint lock clean bench-installation bench-instrument bench-papers bench-papers-latex bench-sandbox bench-pipeline bench-warming bench-webhook
.DELETE_ON_ERROR:

help: ## This list
	@sed -n 's/^\([a-z -]*\):.*## \(.*\)/\1\n    \2/p' Makefile

setup: $(READY) ## Everything but the tests' own needs, in .venv (VENV=, PYTHON= choose others)

demo: $(READY) ## The main job on the example paper, with recorded model answers
	@$(BIN)/paper2code demo

test: $(READY) $(NODE) ## The tests; where a Docker daemon answers, those that need one as well
	@$(BIN)/python -c 'import docker; docker.from_env(timeout=5).ping()' 2>/dev/null \
		&& echo 'Sandbox: Docker and local' || echo 'Sandbox: local (no Docker daemon answers)'
	$(WITH_NODE) $(BIN)/python -m pytest -W error -m "not slow" $(PYTEST)

test-crash: $(READY) $(NODE) ## The whole crash matrix, of which `make test` runs a spread
	PAPER2CODE_TEST_CRASH=all $(WITH_NODE) $(BIN)/python -m pytest -W error $(PYTEST) tests/bot/test_crash*.py

test-slow: $(READY) $(NODE) ## What takes minutes and is not part of `make test`
	$(WITH_NODE) $(BIN)/python -m pytest -W error -m slow $(PYTEST)

test-fuzz: $(READY) $(NODE) ## Whatever others could hand us: archives, TeX, answers, payloads, configuration, Markdown; for some minutes
	$(BIN)/python -m pytest -W error -p no:xdist --timeout 0 --hypothesis-profile fuzz tests/pipeline/reading/test_fuzz.py \
		tests/test_borders_fuzz.py tests/pipeline/test_markdown_renders.py tests/pipeline/model/test_hostile_servers.py \
		tests/pipeline/test_answers_fuzz.py

soak: $(READY) ## An hour of bad weather: 200 papers, workers that are killed, services that misbehave (SOAK_MINUTES=, SOAK_JOBS=)
	$(BIN)/python -m tests.soak

lint: $(READY) ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench-installation bench-instrument bench-papers bench-sandbox bench-pipeline bench-warming bench-webhook: bench-%: $(READY) ## Measurements, beside what others do (ARGS=… goes to them)
	$(BIN)/python -m benchmark.$* $(ARGS)

bench-papers-latex: $(READY) ## Numbers and sentences beside those of an installed TeX Live (ARGS=folders or files)
	$(BIN)/python -m benchmark.latex $(ARGS)

lock: $(READY) ## requirements.lock anew, as pyproject.toml allows
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --extra dev --generate-hashes \
		--no-header --no-emit-index-url pyproject.toml --output-file requirements.lock

clean: ## Away with everything that was made here
	rm -rf $(VENV) tests/node_modules out build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(READY): requirements.lock pyproject.toml scripts/setup
	@scripts/setup $(VENV)
	@touch $@

$(NODE): tests/package.json tests/package-lock.json | $(READY)
	$(WITH_NODE) npm ci --prefix tests --ignore-scripts --no-audit --no-fund --no-update-notifier
	@touch $@
