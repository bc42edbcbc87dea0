"""What a person asked for is printed where it can be, and commands ask for no more than they need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.database.world import ROOT
from tests.databases import Database


def asked(database: Database, folder: Path, shell: str) -> tuple[int, str]:
    """A shell command with `schemagate` in it, run in this folder: exit code, and what was said beside the answer."""
    environment = {"PATH": os.environ["PATH"], "SCHEMAGATE_LOG_FORMAT": "json", **database.environment()}
    program = f'schemagate() {{ {sys.executable} {ROOT}/entrypoint.py "$@"; }}; set -o pipefail; '
    done = subprocess.run(
        ["bash", "-c", program + shell],
        cwd=folder,
        env=environment,
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("command", ["status", "status --json"])
@pytest.mark.parametrize(("end", "reason"), [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")])
def test_an_answer_that_cannot_be_written_is_no_success(
    database: Database, tmp_path: Path, command: str, end: str, reason: str
) -> None:
    """A script that reads the answer from a file must not take an empty one for it."""
    tmp_path.joinpath("1_a.sql").write_text("CREATE TABLE a (id INT PRIMARY KEY);")
    code, said = asked(database, tmp_path, f"schemagate {command} --migrations . {end}")
    last = json.loads(said.splitlines()[-1])
    assert (code, last["event"], last["exit_code"]) == (10, "settings.invalid", 10)
    assert last["message"] == f"The answer cannot be written to standard output: {reason}."


def test_a_reader_who_has_had_enough_is_content(database: Database, tmp_path: Path) -> None:
    """As of `head`: nobody misses the rest."""
    for number in range(100):
        tmp_path.joinpath(f"{number:03}_{'a' * 200}.sql").write_text("SELECT 1;")
    code, _ = asked(database, tmp_path, "schemagate status --migrations . | true")
    assert code == 0


def test_waiting_takes_no_migrations(database: Database, tmp_path: Path) -> None:
    """`wait` and `resolve` run where there are none; `up` says that they are missing."""
    assert asked(database, tmp_path, "schemagate wait")[0] == 0
    assert asked(database, tmp_path, "schemagate up")[0] == 10
    code, _ = asked(database, tmp_path, "schemagate resolve 1_a:1 --applied")
    assert code == 12


def test_a_snapshot_answers_with_its_path(database: Database, tmp_path: Path) -> None:
    """On stdout, and nothing else: for `git add $(schemagate snapshot)`. A check of it prints nothing."""
    tmp_path.joinpath("1_a.sql").write_text("CREATE TABLE a (id INT PRIMARY KEY);")
    code, said = asked(database, tmp_path, 'test "$(schemagate snapshot --migrations .)" = schema.sql')
    assert code == 0, said
    code, said = asked(database, tmp_path, 'test -z "$(schemagate snapshot --check --migrations .)"')
    assert code == 0, said


@pytest.mark.parametrize("name", ["1_a:²", "1_a:1x", "1_a:", ":1", "1_a:-1", f"1_a:{'9' * 5000}"])
def test_what_is_no_statement_cannot_be_resolved(database: Database, tmp_path: Path, name: str) -> None:
    """The message says what one looks like."""
    code, said = asked(database, tmp_path, f"schemagate resolve {name} --applied >&2")
    last = json.loads(said.splitlines()[-1])
    assert (code, last["event"]) == (10, "settings.invalid"), last
    assert "is not MIGRATION:ORDINAL" in last["message"]
