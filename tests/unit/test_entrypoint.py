"""The border to the outside: signals, and becoming another program. Each in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BECOME = """
import signal, sys
from entrypoint import become
from schemagate.errors import SchemagateError
from schemagate.stop import Stop
stop = Stop()
stop.install()
{before}
try:
    become(sys.argv[1:], stop)
except SchemagateError as error:
    assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN
    print(error.message)
    sys.exit(error.exit_code)
"""
WAIT = """
import os, signal, sys, threading
from entrypoint import main
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
sys.exit(main(sys.argv[1:], {"MYSQL_DATABASE": "a", "MYSQL_USER": "b", "MYSQL_PASSWORD_FILE": "pipe"}))
"""


def python(code: str, *words: str, cwd: Path = ROOT) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_it_becomes_a_program() -> None:
    """With its arguments, and its exit code."""
    assert python(BECOME.format(before=""), "sh", "-c", "echo $0; exit 42", "word") == (42, "word\n")


@pytest.mark.parametrize(
    ("word", "reason"), [("", "that is no name of a program"), ("/nowhere/x", "No such file or directory"), ("/", "")]
)
def test_what_is_no_program_is_a_wrong_setting(word: str, reason: str) -> None:
    """The schema is ready all the same, and the message says so."""
    code, text = python(BECOME.format(before=""), word)
    assert code == 10
    assert text.startswith(f"The schema is ready, but {word!r} cannot be run: {reason}")


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_just_before_is_not_lost(signum: signal.Signals, code: int) -> None:
    """Neither we nor the program would ever hear of it again."""
    found, text = python(BECOME.format(before=f"signal.raise_signal({signum.value})"), "true")
    assert (found, signum.name in text) == (code, True)


@pytest.mark.parametrize("command", ["up", "wait --hots x"])
def test_a_signal_ends_the_wait_for_a_secret(tmp_path: Path, command: str) -> None:
    """It may be in a pipe that nobody ever writes to."""
    os.mkfifo(tmp_path / "pipe")
    code, text = python(WAIT, *command.split(), cwd=tmp_path)
    assert (code, '"exit_code": 143' in text) == (143, True), text
