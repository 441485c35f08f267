# Notifier's commands. Each makes and fills .venv first, where that is needed.
PYTHON := .venv/bin/python
INSTALL := @sh notifier/launch/install.sh

.PHONY: help run test lint bench faults vendor clean

help:
	@echo "make run    start Notifier, until Ctrl-C"
	@echo "make test   run the tests; ARGS='-k name' passes options to pytest"
	@echo "make lint   check style, types, imports and migrations"
	@echo "make bench  measure pace, cost, lateness and pages; ARGS=--full for a million messages"
	@echo "make faults send through random faults, seed by seed; ARGS='--seed 7' repeats one"
	@echo "make vendor fetch the front end's packages again (needs npm; what it writes is committed)"
	@echo "make clean  remove what tests and checks have left"

run:
	$(INSTALL) requirements.txt
	@exec $(PYTHON) manage.py up --with-parent

test:
	$(INSTALL) requirements-dev.txt
	@$(PYTHON) -m pytest $(ARGS)

lint:
	$(INSTALL) requirements-dev.txt
	@$(PYTHON) -m ruff check
	@$(PYTHON) -m ruff format --check
	@$(PYTHON) -m mypy
	@.venv/bin/lint-imports
	@NOTIFIER_DATA_DIR=build/lint-data $(PYTHON) manage.py makemigrations --check --dry-run

bench:
	$(INSTALL) requirements-dev.txt
	@$(PYTHON) -m tests.bench $(ARGS)

faults:
	$(INSTALL) requirements-dev.txt
	@$(PYTHON) -m tests.faults $(ARGS)

vendor:
	$(INSTALL) requirements.txt
	@$(PYTHON) tools/vendor.py

clean:
	rm -rf build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name .venv -prune -o -name __pycache__ -type d -exec rm -rf {} +
