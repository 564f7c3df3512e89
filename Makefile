# Everything runs in .venv, which is built from requirements.txt and built again when that file changes.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
ARGS ?=
# The registry needs nothing but the standard library.
EXPERIMENTS := $(shell $(PYTHON) -m experiments list --names)

.DEFAULT_GOAL := help
.PHONY: help install test test-all test-fast test-faults smoke status reference bench compress export \
	notebooks lab docs site lint format lock clean $(EXPERIMENTS)

help: ## list the targets
	@echo "Experiments (ARGS=\"--help\" explains the options of one)"
	@$(PYTHON) -m experiments list | grep '^  ' | sed -n '/^  export/q;p'
	@echo "Other targets"
	@grep -hE '^[a-z][a-z0-9-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  %-22s%s\n", $$1, $$2}'

$(READY): requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check "$$(grep -oE '^uv==[0-9.]+' requirements.txt)"
	$(RUN) -m uv pip install --python $(RUN) --no-deps -r requirements.txt -e .
	@touch $@

install: $(READY) ## build the environment

$(EXPERIMENTS): %: $(READY)
	$(RUN) -m experiments $* $(ARGS)

test: $(READY) ## what CI runs, about 11 minutes
	$(RUN) -m pytest -n 2 --dist worksteal --durations=20

test-all: $(READY) ## those and the long ones, with coverage, about half an hour
	$(RUN) -m pytest -n 2 --dist worksteal -m "not faults" --cov --cov-report=term:skip-covered

test-fast: $(READY) ## the tests that train nothing, in under a minute
	$(RUN) -m pytest -n 2 --dist worksteal -m "not slow and not long and not faults"

test-faults: $(READY) ## all kills and damaged files, over an hour
	FAULTS=all $(RUN) -m pytest -n 2 -m "" tests/faults

smoke: $(READY) ## the smoke profile of every experiment, seconds each
	@for experiment in $(EXPERIMENTS); do $(RUN) -m experiments $$experiment --profile smoke || exit $$?; done

status: $(READY) ## trials done, missing and failed, and the time left
	$(RUN) -m experiments status $(ARGS)

reference: $(READY) ## for maintainers: write the reference rows (EXPERIMENT=hinton-mnist ARGS="…"), from a clean tree
	$(RUN) -m experiments reference $(EXPERIMENT) $(ARGS)

bench: $(READY) ## speed of distillation against plain training
	$(RUN) -m benchmarks.distillation_speed $(ARGS)

export: $(READY) ## LiteRT and ONNX files of a network, measured (MODEL=student.keras ARGS="--data cifar10")
	$(RUN) -m experiments export --model $(MODEL) $(ARGS)

compress: $(READY) ## a smaller model that can be shipped (MODEL=teacher.keras DATA=photos ARGS="--max-drop 0.01")
	$(RUN) -m kdsuite.compress $(MODEL) $(DATA) $(ARGS)

docs: $(READY) ## rewrite the tables of README and docs from results/reference
	$(RUN) -m experiments docs

site: $(READY) ## write the API pages of the library to site/, from its docstrings
	$(RUN) -W error -W "ignore:__array__ implementation:DeprecationWarning" docs/api_pages.py

notebooks: $(READY) ## execute the notebooks on results/reference
	$(RUN) -m nbconvert --to notebook --execute --inplace notebooks/*.ipynb

lab: $(READY) ## open Jupyter on the notebooks
	$(RUN) -m jupyterlab notebooks

# pyright reads no import hooks: links stand for the editable installation.
$(VENV)/links: $(READY)
	@mkdir -p $@/kdsuite
	@for package in data models distill prune compress report; do ln -sfn ../../../$$package $@/kdsuite/$$package; done
	@ln -sfn ../../../kdsuite/__init__.py $@/kdsuite/__init__.py

lint: $(READY) $(VENV)/links ## ruff, pyright, size of the notebooks
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m pyright
	@large=$$(find notebooks -name '*.ipynb' -size +1500k); test -z "$$large" || { echo "over 1.5 MB: $$large"; exit 1; }

format: $(READY) ## ruff's fixes and format
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

# kerassurgeon 0.2.0 pins packages of 2020: overrides.txt lifts those pins, and --no-deps installs what was resolved.
lock: $(READY) ## compile requirements.in to requirements.txt
	$(RUN) -m uv pip compile requirements.in --override overrides.txt --universal --python-version 3.11 \
		--custom-compile-command "make lock" --upgrade --quiet --output-file requirements.txt

clean: ## remove .venv and the cache
	rm -rf $(VENV) .cache
