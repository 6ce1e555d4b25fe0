# `make demo` and `make test` do all their set-up; `make help` lists the rest.

VENV := .venv
WORKFLOW_VENV := .venv-workflow
PYTHON := $(VENV)/bin/python
UV_PYTHON := $(CURDIR)/.python
CORES ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
TEST_PROCESSES ?= 2
RUN = $(PYTHON) -m workflow.run --snakemake=$(WORKFLOW_VENV)/bin/snakemake \
	--cores=$(CORES)

.PHONY: help setup demo mini test test-long stress benchmark-refiners lint format lock clean
.DELETE_ON_ERROR:
.NOTPARALLEL:

help:
	@echo "make demo    the whole chain, small, on an artificial brain: demo/"
	@echo "make mini    the whole chain on real cases: BRATS_DIR=folder make mini"
	@echo "make test    the tests; with BRATS_DIR=folder those on real cases too"
	@echo "make test-long  those that take minutes each"
	@echo "make benchmark-refiners  what UNIT and SimGAN put right, on cases of BRATS_DIR"
	@echo "make stress  kills, damaged sets and hostile files; hours"
	@echo "make setup   what the above do first: Python packages into $(VENV)"
	@echo "make lint    style, spelling, types;  make format  applies the style"
	@echo "make lock    newest versions that fit, into the two requirements.lock"
	@echo "make clean   removes $(VENV), $(WORKFLOW_VENV), .python, demo and caches;"
	@echo "             mini stays, it holds the work of hours: rm -r mini removes it"

setup: $(VENV)/installed

demo: $(VENV)/installed $(WORKFLOW_VENV)/installed
	@$(RUN) --configuration=workflow/demo.yaml --output_dir=demo

mini: $(VENV)/installed $(WORKFLOW_VENV)/installed
	@test -n "$(BRATS_DIR)" || { \
	  echo "BRATS_DIR is not set; say: make mini BRATS_DIR=folder-of-cases" >&2; \
	  exit 1; }
	@$(RUN) --configuration=workflow/mini.yaml --output_dir=mini \
	  --brats_dir="$(BRATS_DIR)"

test: $(VENV)/installed $(WORKFLOW_VENV)/installed
	@$(PYTHON) -m pytest -n $(TEST_PROCESSES) --dist=loadfile \
	  -m "not long and not stress"

# What `make test` leaves out since it takes minutes a test; the demo killed and as jobs of
# a Slurm of one node, which root starts here if there is one, half an hour each.
test-long: $(VENV)/installed $(WORKFLOW_VENV)/installed .venv-store/installed
	@PYTHONPATH=$(CURDIR)/.venv-store/plugin \
	  STORE_PYTHON=$(CURDIR)/.venv-store/bin/python $(PYTHON) -m pytest -n $(TEST_PROCESSES) \
	  --dist=loadfile -m "long and not stress"

# Kills at any moment, damaged sets, hostile files: docs/reliability.md. Hours;
# STRESS_KILLS=2 STRESS_FLIPS=100 STRESS_SECONDS=5 make stress takes a quarter of one.
stress: $(VENV)/installed
	@$(PYTHON) -m pytest -m stress tests/stress

# An S3 store on this machine for its tests, and TensorFlow's plug-in for it.
.venv-store/installed: $(VENV)/installed
	@echo "Installing moto's server and tensorflow-io into .venv-store ..."
	@$(PYTHON) -m venv --clear .venv-store
	@.venv-store/bin/python -m pip install -qq --disable-pip-version-check "moto[server]"
	@$(PYTHON) -m pip install -qq --disable-pip-version-check --upgrade --no-deps \
	  --target .venv-store/plugin "tensorflow-io==0.34.*"
	@touch $@

# What the refiners put right on real images made wrong in a known way.
benchmark-refiners: $(VENV)/installed
	@test -n "$(BRATS_DIR)" || { \
	  echo "BRATS_DIR is not set; say: make $@ BRATS_DIR=folder-of-cases" >&2; \
	  exit 1; }
	@$(PYTHON) -m dataset.prepare --flagfile=flags/mini/dataset_prepare.cfg \
	  --brats_dir="$(BRATS_DIR)" --output_dir=$@/real --overwrite
	@$(PYTHON) -m benchmarks.refiners --real_dir=$@/real --output_dir=$@

lint: $(VENV)/installed
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/codespell
	@$(VENV)/bin/mypy --no-error-summary

format: $(VENV)/installed
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

lock: $(VENV)/installed
	@$(PYTHON) -m pip install --quiet --target .python/uv --upgrade uv
	@for source in "setup.py --extra=demo --extra=test -o requirements.lock" \
	  "workflow/requirements.in -o workflow/requirements.lock"; do \
	  .python/uv/bin/uv pip compile $$source --quiet --upgrade --universal \
	    --python-version=3.10 --no-annotate --no-emit-index-url \
	    --no-emit-find-links --custom-compile-command "make lock" || exit 1; \
	done

clean:
	rm -rf $(VENV) $(WORKFLOW_VENV) .venv-store .python demo build *.egg-info \
	  .ruff_cache .mypy_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment is made once, and again when what it was made from has changed. In the
# mode `compat` the project is found by its path: by the default one, a folder of an
# experiment that is called as a package is, `classifier`, would be taken for it there.
$(VENV)/installed: requirements.lock setup.py
	$(call make_venv,$(VENV))
	@echo "Installing Python packages into $(VENV) (1.8 GB, a few minutes) ..."
	@$(PYTHON) -m pip install -qq --disable-pip-version-check \
	  --requirement requirements.lock
	@$(PYTHON) -m pip install -qq --disable-pip-version-check \
	  --no-deps --no-build-isolation --config-settings editable_mode=compat \
	  --editable .
	@touch $@

$(WORKFLOW_VENV)/installed: workflow/requirements.lock
	$(call make_venv,$(WORKFLOW_VENV))
	@echo "Installing Snakemake into $(WORKFLOW_VENV) ..."
	@$(WORKFLOW_VENV)/bin/python -m pip install -qq --disable-pip-version-check \
	  --requirement workflow/requirements.lock
	@touch $@

# A virtual environment of Python 3.11 or 3.10, the two that TensorFlow 2.15 runs on.
# Candidates are tried by running them: a pyenv shim may stand for nothing, and a
# system's Python may lack venv. Where none will do, uv brings Python 3.11 along.
define make_venv
	@fits='import sys, venv, ensurepip; \
	  sys.exit(sys.version_info[:2] not in ((3, 10), (3, 11)))'; \
	if $(1)/bin/python -c "$$fits" 2>/dev/null; then exit 0; fi; \
	for python in python3.11 python3.10 python3 python; do \
	  if $$python -c "$$fits" 2>/dev/null; then \
	    echo "Using $$($$python --version) for $(1)."; \
	    exec $$python -m venv --clear $(1); \
	  fi; \
	done; \
	echo "No Python 3.11 or 3.10 here; fetching 3.11 through uv into .python ..."; \
	{ uv --version || python3 -m pip install --quiet --target .python/uv uv; } \
	  >.python.log 2>&1; \
	PATH="$(UV_PYTHON)/uv/bin:$$PATH" UV_PYTHON_INSTALL_DIR="$(UV_PYTHON)" \
	  uv venv --quiet --clear --seed --python 3.11 $(1) >>.python.log 2>&1 || { \
	    echo "Cannot get Python 3.11: neither found here nor fetched through uv" \
	      "(see .python.log). Install python3.11 with venv and try again." >&2; \
	    exit 1; }; \
	rm -f .python.log
endef
