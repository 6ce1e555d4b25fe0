# `make demo` and `make test` do all their set-up; `make help` lists the rest.

# Python 3.10 and 3.11 are the faithful lane, 3.12 and 3.13 the newest (docs/install.md).
# Without LANE=faithful or LANE=newest it is that of the Python in .venv, or else the
# faithful one where there is a Python for it; with it, the lane has an environment of its
# own.
FITS_faithful := (3, 10) <= sys.version_info[:2] <= (3, 11)
FITS_newest := (3, 12) <= sys.version_info[:2] <= (3, 13)
FITS_any := (3, 10) <= sys.version_info[:2] <= (3, 13)
# Those of pyenv count whether or not it is told to use them.
PYENV_ROOT ?= $(HOME)/.pyenv
found = $(foreach name,$(1),$(name) $(wildcard $(PYENV_ROOT)/versions/*/bin/$(name)))
PYTHONS_faithful := $(call found,python3.11 python3.10)
PYTHONS_newest := $(call found,python3.13 python3.12)
PYTHONS_any := $(PYTHONS_faithful) $(PYTHONS_newest)
FETCHED_faithful := 3.11
FETCHED_newest := 3.13
FETCHED_any := $(FETCHED_faithful)
ifneq ($(filter-out faithful newest,$(LANE)),)
$(error LANE=$(LANE): expected faithful or newest)
endif
VENV := .venv$(LANE:%=-%)
WORKFLOW_VENV := .venv-workflow
PYTHON := $(VENV)/bin/python
SAY_LANE = $(PYTHON) -c 'import importlib.metadata as m, platform; \
	  newest = m.version("keras") >= "3"; \
	  print("Lane:", "newest," if newest else "faithful,", \
	    "Python", platform.python_version(), \
	    *(f"{name} {m.version(name)}" for name in ("tensorflow", "keras")))'
# What may differ between lanes: networks, steps, resume, replicas, export, prediction.
LANE_TESTS := $(addprefix tests/,lanes_test.py gan_*_test.py pggan_networks_test.py \
	pggan_losses_test.py pggan_train_test.py unit_model_test.py munit_model_test.py \
	refiners_translation_test.py simgan_model_test.py \
	simgan_history_test.py classifier_export_test.py classifier_model_test.py \
	classifier_networks_test.py classifier_predict_test.py training_model_test.py \
	training_run_test.py training_resume_test.py training_divergence_test.py \
	pggan_guide_test.py munit_networks_test.py)
UV_PYTHON := $(CURDIR)/.python
CORES ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
TEST_PROCESSES ?= 2
RUN = $(PYTHON) -m workflow.run --snakemake=$(WORKFLOW_VENV)/bin/snakemake \
	--cores=$(CORES)

.PHONY: help setup demo mini test test-lane test-long stress benchmark-refiners lint \
	format lock audit clean
.DELETE_ON_ERROR:
.NOTPARALLEL:

help:
	@echo "make demo    the whole chain, small, on an artificial brain: demo/"
	@echo "make mini    the whole chain on real cases: BRATS_DIR=folder make mini"
	@echo "make test    the tests; with BRATS_DIR=folder those on real cases too"
	@echo "make test-lane  those in which the two lanes may differ"
	@echo "make test-long  those that take minutes each"
	@echo "make benchmark-refiners  what the refiners put right, on cases of BRATS_DIR"
	@echo "make stress  kills, damaged sets and hostile files; hours"
	@echo "make setup   what the above do first: Python packages into $(VENV)"
	@echo "             LANE=faithful or LANE=newest: see docs/install.md"
	@echo "make lint    style, spelling, types;  make format  applies the style"
	@echo "make lock    newest versions that fit, into requirements*.lock"
	@echo "make audit   known vulnerabilities of what is locked; docs/security.md"
	@echo "make clean   removes .venv*, .python, demo and caches;"
	@echo "             mini stays, it holds the work of hours: rm -r mini removes it"

setup: $(VENV)/installed

demo: $(VENV)/installed $(WORKFLOW_VENV)/installed
	@$(SAY_LANE)
	@$(RUN) --configuration=workflow/demo.yaml --output_dir=demo

mini: $(VENV)/installed $(WORKFLOW_VENV)/installed
	@test -n "$(BRATS_DIR)" || { \
	  echo "BRATS_DIR is not set; say: make mini BRATS_DIR=folder-of-cases" >&2; \
	  exit 1; }
	@$(RUN) --configuration=workflow/mini.yaml --output_dir=mini \
	  --brats_dir="$(BRATS_DIR)"

test: $(VENV)/installed $(WORKFLOW_VENV)/installed
	@$(SAY_LANE)
	@$(PYTHON) -m pytest -n $(TEST_PROCESSES) --dist=loadfile \
	  -m "not long and not stress"

test-lane: $(VENV)/installed
	@$(SAY_LANE)
	@$(PYTHON) -m pytest -n $(TEST_PROCESSES) --dist=loadfile \
	  -m "not long and not stress" $(LANE_TESTS)

# What `make test` leaves out since it takes minutes a test; the demo killed and as jobs of
# a Slurm of one node, which root starts here if there is one, half an hour each.
test-long: $(VENV)/installed $(WORKFLOW_VENV)/installed .venv-store/installed
	@PYTHONPATH=$(CURDIR)/.venv-store/plugin \
	  STORE_PYTHON=$(CURDIR)/.venv-store/bin/python $(PYTHON) -m pytest -n $(TEST_PROCESSES) \
	  --dist=loadfile -m "long and not stress"

# Kills at any moment, damaged sets, hostile files, full disks, memory:
# docs/reliability.md. Hours;
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
	@for lane in faithful newest; do \
	  $(PYTHON) -c "$$of_lane" $$lane >.python/$$lane.in || exit 1; \
	done
	@for source in ".python/faithful.in --python-version=3.10 -o requirements.lock" \
	  ".python/newest.in --python-version=3.12 -o requirements-newest.lock" \
	  "workflow/requirements.in --python-version=3.10 -o workflow/requirements.lock"; do \
	  .python/uv/bin/uv pip compile $$source --quiet --upgrade --universal \
	    --generate-hashes --no-annotate --no-emit-index-url \
	    --no-emit-find-links --custom-compile-command "make lock" || exit 1; \
	done

# Findings that are judged in docs/security.md are reported all the same.
audit: $(VENV)/installed
	@$(PYTHON) -m pip install --quiet --target .python/audit --upgrade pip-audit
	@failed=0; for lock in requirements.lock requirements-newest.lock \
	  workflow/requirements.lock; do \
	  echo "$$lock:"; PYTHONPATH=.python/audit $(PYTHON) -m pip_audit --disable-pip \
	    --progress-spinner=off --requirement $$lock || failed=1; \
	done; exit $$failed

# What setup.py asks for in a lane, without markers: a lock is of its own lane alone.
define of_lane
import runpy, sys, setuptools
setuptools.setup = lambda **arguments: None
own = runpy.run_path("setup.py")
extras = own["EXTRAS_REQUIRE"]
print(*own["OF_LANE"][sys.argv[1]], *own["SHARED"], sep="\n")
print(*extras["demo"], *extras["test"], sep="\n")
endef
export of_lane

clean:
	rm -rf .venv .venv-faithful .venv-newest $(WORKFLOW_VENV) .venv-store .python demo \
	  build *.egg-info .ruff_cache .mypy_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment is made once, and again when what it was made from has changed. In the
# mode `compat` the project is found by its path: by the default one, a folder of an
# experiment that is called as a package is, `classifier`, would be taken for it there.
$(VENV)/installed: requirements.lock requirements-newest.lock setup.py
	$(call make_venv,$(VENV),$(or $(LANE),any))
	@echo "Installing Python packages into $(VENV) (2 to 3 GB, a few minutes) ..."
	@newest=$$($(PYTHON) -c "import sys; print('-newest' * ($(FITS_newest)))"); \
	  $(PYTHON) -m pip install -qq --disable-pip-version-check \
	  --requirement requirements$$newest.lock
	@$(PYTHON) -m pip install -qq --disable-pip-version-check \
	  --no-deps --no-build-isolation --config-settings editable_mode=compat \
	  --editable .
	@touch $@

$(WORKFLOW_VENV)/installed: workflow/requirements.lock
	$(call make_venv,$(WORKFLOW_VENV),any)
	@echo "Installing Snakemake into $(WORKFLOW_VENV) ..."
	@$(WORKFLOW_VENV)/bin/python -m pip install -qq --disable-pip-version-check \
	  --requirement workflow/requirements.lock
	@touch $@

# A virtual environment (1) of the first Python here that is among those of (2).
# Candidates are tried by running them: a pyenv shim may stand for nothing, and a
# system's Python may lack venv. Where none will do, uv brings Python 3.11 along.
define make_venv
	@fits='import sys, venv, ensurepip; sys.exit(not $(FITS_$(2)))'; \
	if $(1)/bin/python -c "$$fits" 2>/dev/null; then exit 0; fi; \
	for python in $(PYTHONS_$(2)) python3 python; do \
	  if $$python -c "$$fits" 2>/dev/null; then \
	    echo "Using $$($$python --version) for $(1)."; \
	    exec $$python -m venv --clear $(1); \
	  fi; \
	done; \
	echo "None of $(PYTHONS_$(2)) here;" \
	  "fetching Python $(FETCHED_$(2)) through uv into .python ..."; \
	{ uv --version || python3 -m pip install --quiet --target .python/uv uv; } \
	  >.python.log 2>&1; \
	PATH="$(UV_PYTHON)/uv/bin:$$PATH" UV_PYTHON_INSTALL_DIR="$(UV_PYTHON)" \
	  uv venv --quiet --clear --seed --python $(FETCHED_$(2)) $(1) >>.python.log 2>&1 || { \
	    echo "Cannot get Python $(FETCHED_$(2)): neither found here nor fetched through" \
	      "uv (see .python.log). Install it with venv and try again." >&2; \
	    exit 1; }; \
	rm -f .python.log
endef
