# Two commands do all the set-up they need: `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python

.DEFAULT_GOAL := help
.PHONY: help demo test unit lint types bench requirements clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

.venv: $(VENV)/.done  ## the tools of development, pinned

$(VENV)/.done: requirements-dev.txt pyproject.toml
	tests/venv.sh $(PYTHON) $(VENV)
	@touch $@

lint: .venv  ## ruff
	$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check .

types: .venv  ## mypy --strict
	$(VENV)/bin/mypy

clean:  ## remove what the other targets made
	rm -rf .venv .cache build dist *.egg-info

requirements:  ## pin the tools of development anew
	tests/requirements.sh $(PYTHON)
