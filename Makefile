# Two commands do all the set-up they need: `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
# Which servers: labels (mysql, mariadb-10.11, mariadb-11.8) or URLs (mysql://user:password@host:port/). All three if empty.
SERVER ?=
PYTEST ?=
# Two of four run side by side: the tests of each server, and those in containers. WORKERS= runs one test after another.
WORKERS ?= -n 2

.DEFAULT_GOAL := help
.PHONY: help demo test containers test-kubernetes kill-matrix random-pairs test-clusters unit lint types bench snapshot requirements clean

help:  ## this list
	@grep -hE '^[a-z.-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

.venv: $(VENV)/.done  ## the tools of development, pinned

$(VENV)/.done: requirements-dev.txt pyproject.toml tests/venv.sh
	tests/venv.sh $(PYTHON) $(VENV)
	@touch $@

demo: $(VENV)/.done  ## the main job on a real server, which is started for it
	@$(RUN) tests/servers.py run $(or $(SERVER),mysql) -- $(RUN) tests/demo.py

test: $(VENV)/.done  ## every test, on MySQL 9.7, MariaDB 10.11 and 11.8, and in containers; SERVER=mysql://… for another server
	$(if $(findstring ://,$(SERVER)),SCHEMAGATE_TEST_CONTAINERS=never,SCHEMAGATE_TEST_EXCLUSIVE=1) $(RUN) tests/containers.py run -- \
	  $(RUN) tests/servers.py run $(SERVER) -- $(VENV)/bin/pytest $(WORKERS) $(PYTEST)

containers: $(VENV)/.done  ## the tests in containers alone: the image, the stack, the manifests
	SCHEMAGATE_TEST_CONTAINERS=always $(RUN) tests/containers.py run -- $(VENV)/bin/pytest tests/container $(PYTEST)

test-kubernetes: $(VENV)/.done  ## the manifests on a real Kubernetes, built once from Debian's source (root; minutes)
	$(VENV)/bin/pytest -v tests/kubernetes/real_kubelet.py $(PYTEST)

kill-matrix: $(VENV)/.done  ## killed at every point, what does the next start do? SERVER=mysql RESUME=1; or MINUTES=25; or ROUNDS=10000 SEED=1
	$(RUN) tests/servers.py run $(SERVER) -- $(RUN) tests/crash/matrix.py $(if $(MINUTES),--minutes $(MINUTES)) \
	  $(if $(ROWS),--rows $(ROWS)) $(if $(RESUME),--resume) $(if $(ROUNDS),--rounds $(ROUNDS) --seed $(or $(SEED),1),--write)

random-pairs: $(VENV)/.done  ## diff on pairs of random schemas, more than `make test` tries: PAIRS=100000 SEED=7
	SCHEMAGATE_TEST_PAIRS=$(or $(PAIRS),20000) SCHEMAGATE_TEST_SEED=$(or $(SEED),1) $(RUN) tests/servers.py run $(SERVER) -- \
	  $(VENV)/bin/pytest -v tests/database/test_random_pairs.py $(PYTEST)

test-clusters: $(VENV)/.done  ## three real nodes each of Group Replication and Galera (root; minutes, two gigabytes of memory)
	$(RUN) tests/cluster/nodes.py && unshare --net $(VENV)/bin/pytest -v tests/cluster/real_clusters.py $(PYTEST)

unit: $(VENV)/.done  ## the tests that need no server
	$(VENV)/bin/pytest tests/unit $(PYTEST)

bench: $(VENV)/.done  ## how fast, as ratios taken in one run
	$(RUN) tests/servers.py run --on-disk $(or $(SERVER),mysql) -- $(RUN) tests/bench.py

snapshot: $(VENV)/.done  ## write migrations/schema.sql anew, on MySQL
	$(RUN) tests/servers.py run $(or $(SERVER),mysql) -- $(RUN) tests/write_snapshot.py

lint: $(VENV)/.done  ## ruff
	$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check .

types: $(VENV)/.done  ## mypy --strict
	$(VENV)/bin/mypy

requirements:  ## pin the tools of development anew
	tests/requirements.sh $(PYTHON)

clean:  ## remove what the other targets made
	rm -rf .venv .cache build dist *.egg-info
