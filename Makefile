# make demo   everything once, on phantom data: minutes on two cores
# make test   the core of the tests; make test-all adds the slow ones
# make wheel  build wheel and sdist, and use both in new environments
# make lint   formatting, lint and types
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO := demo
# Two processes, each with whole test files in the order of tests/conftest.py.
PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder

export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: demo test test-slow test-all wheel lint clean

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

test-all: test test-slow

wheel: $(VENV)/.installed
	rm -rf dist build
	$(BIN)/python -m build --quiet
	tests/installation/use.sh dist/*.whl
	tests/installation/use.sh dist/*.tar.gz

lint: $(VENV)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) $(DEMO) build dist *.egg-info
