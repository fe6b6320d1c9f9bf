# `make demo` colours the sample film, `make test` runs the tests. Each target makes its own .venv when there is none.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
DEMO := demo
FILM := samples/bikes.mkv
STILLS := samples/stills/*.png
PYTEST_ARGS ?= -n auto
HELDOUT_ARGS ?=
BENCH_ARGS ?=
OBJECTIVES_ARGS ?=

.PHONY: demo test lint bench heldout objectives clean

demo: $(STAMP)
	@mkdir -p $(DEMO)
	$(VENV)/bin/vidcolor colorize $(FILM) -r $(STILLS) -o $(DEMO)/bikes.color.mkv -y
	$(VENV)/bin/vidcolor preview $(FILM) -r $(STILLS) --duration 10 -o $(DEMO) -y -q
	@echo "film:          $(DEMO)/bikes.color.mkv"
	@echo "side by side:  $(DEMO)/bikes.preview.mp4"
	@echo "contact sheet: $(DEMO)/bikes.contact.png"

test: $(STAMP)
	$(VENV)/bin/python -m pytest $(PYTEST_ARGS)

lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

bench: $(STAMP)
	$(VENV)/bin/python tests/bench.py $(BENCH_ARGS)

heldout: $(STAMP)
	$(VENV)/bin/python tests/heldout.py $(HELDOUT_ARGS)

objectives: $(STAMP)
	$(VENV)/bin/python tests/objectives.py $(OBJECTIVES_ARGS)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: vidcolor needs Python 3.11 or newer; try: make PYTHON=python3.12" >&2; exit 1; }
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --disable-pip-version-check -q -e '.[dev]'
	touch $@

clean:
	rm -rf $(DEMO) $(VENV) .pytest_cache .mypy_cache .ruff_cache
	find vidcolor tests samples -name __pycache__ -type d -prune -exec rm -rf {} +
