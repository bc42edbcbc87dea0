"""`make snapshot`: write migrations/schema.sql anew on a real server, in a throwaway schema.

Runs under `tests/servers.py run`, which starts a server for it or uses the one that SERVER names. Arguments go to
`schemagate snapshot`, so that `--check` only tells whether the file is stale.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.reach import VARIABLE, from_json  # noqa: E402 - a script of the checkout, not of an installed package


def main() -> int:
    server = from_json(os.environ[VARIABLE])[0]
    name = f"snapshot_{secrets.token_hex(4)}"
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
    try:
        command = [sys.executable, "entrypoint.py", "snapshot", *sys.argv[1:]]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    finally:
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")


if __name__ == "__main__":
    sys.exit(main())
