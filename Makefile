# Everything runs in .venv, which is built from requirements.txt and built again when that file changes.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
ARGS ?=

STUDIES := mnist-dense mnist-lambda-sweep mnist-batch-sweep catdog-mobilenet catdog-channels cifar-transfer \
	hinton-mnist hinton-transfer-set hinton-temperature \
	iterative-mnist iterative-cifar10 assistants-cifar10 offline-responses offline-cifar10

.DEFAULT_GOAL := help
.PHONY: help test smoke bench notebooks lint lock clean readme export $(STUDIES)

help: ## list the targets
	@grep -hE '^[a-z][a-z0-9-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  %-22s%s\n", $$1, $$2}'

$(READY): requirements.txt pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check uv
	$(RUN) -m uv pip install --python $(RUN) --no-deps -r requirements.txt -e .
	@touch $@

mnist-dense: $(READY) ## study 1: dense 10–10 teacher, 10 student (ARGS="--help" explains the parameters)
mnist-lambda-sweep: $(READY) ## study 1: accuracy against the weight λ of the soft targets
mnist-batch-sweep: $(READY) ## study 1: accuracy against batch size, at the λ that mnist-lambda-sweep chose
catdog-mobilenet: $(READY) ## study 1: MobileNet students with layers removed, Figures 5 to 8 (ARGS="--alpha 0.75")
catdog-channels: $(READY) ## study 1: MobileNet students with channels removed (ARGS="--alpha 0.75")
cifar-transfer: $(READY) ## study 1: the failed transfer to CIFAR-10 and its cause (ARGS="--alpha 0.75")
hinton-mnist: $(READY) ## study 2: Hinton's teacher and students, Table 1 (ARGS="--protocol reproduction")
hinton-transfer-set: $(READY) ## study 2: transfer sets without 3, and of 7 and 8 alone, and the bias of unseen classes
hinton-temperature: $(READY) ## study 2: temperature by width of the student, Table 2
iterative-mnist: $(READY) ## study 3: families of smaller and smaller VGG networks on MNIST (ARGS="--profile quick")
iterative-cifar10: $(READY) ## study 3: the same on CIFAR-10 (ARGS="--profile quick")
assistants-cifar10: $(READY) ## study 4: dense features, ensembles and teaching assistants (ARGS="--profile quick")
offline-responses: $(READY) ## study 5: teachers on CIFAR-10 and their responses as files (ARGS="--profile quick")
offline-cifar10: $(READY) ## study 5: small networks that learn from these files (ARGS="--profile quick")
ifeq ($(strip $(ARGS)),)
mnist-batch-sweep: mnist-lambda-sweep
endif

$(STUDIES):
	$(RUN) -m experiments $@ $(ARGS)

test: $(READY) ## all tests
	$(RUN) -m pytest -n 2 --dist worksteal

smoke: $(READY) ## the smoke profile of every study, seconds each
	@for study in $(STUDIES); do $(RUN) -m experiments $$study --profile smoke || exit $$?; done

bench: $(READY) ## speed of distillation against plain training
	$(RUN) -m benchmarks.distillation_speed $(ARGS)

export: $(READY) ## LiteRT and ONNX files of a network, measured (MODEL=student.keras ARGS="--data cifar10")
	$(RUN) -m experiments export --model $(MODEL) $(ARGS)

readme: $(READY) ## rewrite the README's table of studies from results/
	$(RUN) -m report.readme

notebooks: $(READY) ## execute the notebooks on results/
	$(RUN) -m nbconvert --to notebook --execute --inplace notebooks/*.ipynb

lint: $(READY) ## ruff
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

# kerassurgeon 0.2.0 pins packages of 2020: overrides.txt lifts those pins, and --no-deps installs what was resolved.
lock: $(READY) ## compile requirements.in to requirements.txt
	$(RUN) -m uv pip compile requirements.in --override overrides.txt --universal --python-version 3.11 \
		--custom-compile-command "make lock" --upgrade --quiet --output-file requirements.txt

clean: ## remove .venv and the cache
	rm -rf $(VENV) .cache
