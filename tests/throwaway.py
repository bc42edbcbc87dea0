"""A schema of its own on the first server at hand, for the commands that people run; dropped afterwards."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.reach import VARIABLE, from_json

ROOT = Path(__file__).resolve().parent.parent


@contextlib.contextmanager
def throwaway(prefix: str) -> Iterator[tuple[str, Callable[..., int]]]:
    """The name of the schema, and a way to run a command of schemagate on it, whose exit code it returns."""
    server = from_json(os.environ[VARIABLE])[0]
    name = f"{prefix}_{secrets.token_hex(4)}"
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("MYSQL_", "DB_", "SCHEMAGATE_"))},
        "MYSQL_HOST": server.host,
        "MYSQL_PORT": str(server.port),
        "MYSQL_USER": server.user,
        "MYSQL_PASSWORD": server.password,
        "MYSQL_DATABASE": name,
        "SCHEMAGATE_MIGRATIONS": str(ROOT / "migrations"),
        "SCHEMAGATE_LOG_FORMAT": "console",
    }

    def schemagate(*words: str) -> int:
        program = [sys.executable, str(ROOT / "entrypoint.py"), *words]
        return subprocess.run(program, cwd=ROOT, env=environment, check=False).returncode

    try:
        yield name, schemagate
    finally:
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")
