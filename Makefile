# make demo   everything once, on phantom data: minutes on two cores
# make test   the core of the tests; make test-all adds the slow ones, and what
#             depends on TensorFlow with its next version
# make canary the latter with nightly versions; it may fail
# make wheel  build wheel and sdist, and use both in new environments
# make lint   formatting, lint and types
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO := demo
# Two processes, each with whole test files in the order of tests/conftest.py.
PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder

export TF_CPP_MIN_LOG_LEVEL ?= 2

# What the next versions of TensorFlow and Keras could break.
STACK := tests/test_release.py tests/ops tests/models tests/losses \
  tests/methods tests/translation tests/export tests/serving
NEXT := .venv-next
NIGHTLY := .venv-nightly

.PHONY: demo test test-slow test-next test-all canary wheel lint constraints clean

$(VENV)/.installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

demo: $(VENV)/.installed
	rm -rf $(DEMO)
	$(BIN)/python -m ffa_keras.inference --model=pretrained --output=$(DEMO)/retina "$$($(BIN)/python -c 'import skimage.data as d; print(d.__path__[0])')/retina.jpg"
	$(BIN)/python -m datasets.ffa_pairs --config=phantom --num_pairs=80 --image_size=256 --data_dir=$(DEMO)/data
	$(BIN)/python train_main.py --flagfile=flagfiles/demo.cfg --dataset_dir=$(DEMO)/data --run_dir=$(DEMO)/run
	$(BIN)/python -m ffa_keras.evaluation --run_dir=$(DEMO)/run
	$(BIN)/python -m export.saved_model --run_dir=$(DEMO)/run --output=$(DEMO)/saved_model
	$(BIN)/python -m export.tflite --run_dir=$(DEMO)/run --output=$(DEMO)/generator.tflite
	$(BIN)/python -m ffa_keras.phantom --seed=12345 --category=large_focal --size=512 --output=$(DEMO)/photograph
	$(BIN)/python -m ffa_keras.inference --model=$(DEMO)/saved_model --input=$(DEMO)/photograph/fundus.png --output=$(DEMO)/translated
	@echo 'A real eye: $(DEMO)/retina/retina.png, by the released generator.'
	@echo 'Look at $(DEMO)/run/evaluation/report.html and $(DEMO)/translated/fundus.png;'
	@echo 'curves and pictures: $(BIN)/tensorboard --logdir=$(DEMO)'

test: $(VENV)/.installed
	$(BIN)/python -m pytest $(PARALLEL) -m 'not slow'

test-slow: $(VENV)/.installed
	$(BIN)/python -m pytest $(PARALLEL) -m slow

$(NEXT)/.installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(NEXT)
	$(NEXT)/bin/python -m pip install --quiet --editable '.[test]' 'tensorflow>=2.22.0rc0,<2.23'
	touch $@

test-next: $(NEXT)/.installed
	$(NEXT)/bin/python -m pytest $(PARALLEL) -m 'not slow' $(STACK)

test-all: test test-slow test-next

canary:
	$(PYTHON) -m venv --clear $(NIGHTLY)
	$(NIGHTLY)/bin/python -m pip install --quiet --editable '.[test]'
	$(NIGHTLY)/bin/python -m pip uninstall --quiet --yes tensorflow keras
	$(NIGHTLY)/bin/python -m pip install --quiet --pre --upgrade tf-nightly keras-nightly numpy
	$(NIGHTLY)/bin/python -m pytest $(PARALLEL) -m 'not slow' $(STACK)

# The versions that pass: run after `make test-all`.
constraints: $(VENV)/.installed
	$(BIN)/python -m pip freeze --exclude-editable > constraints.txt

wheel: $(VENV)/.installed
	rm -rf dist build
	$(BIN)/python -m build --quiet
	tests/installation/use.sh dist/*.whl dicom,serving
	tests/installation/use.sh dist/*.tar.gz

lint: $(VENV)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) $(NEXT) $(NIGHTLY) $(DEMO) build dist *.egg-info
