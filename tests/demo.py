"""`make demo`: the main job on a real server, shown to a person; leaves nothing behind on the server.

Runs under `tests/servers.py run`, which starts a throwaway server or uses the one that SERVER names.
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
    name = f"aideveloper_demo_{secrets.token_hex(4)}"
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
        for title, command in (
            ("A first start: an empty server gets the 14 migrations, and its schema is proven", "up"),
            ("A second start: nothing to do, and the gate opens at once", "up"),
            ("What the journal says", "status"),
        ):
            print(f"\n=== {title}\n$ schemagate {command}", flush=True)
            code = subprocess.run(
                [sys.executable, "entrypoint.py", command], cwd=ROOT, env=environment, check=False
            ).returncode
            print(f"exit code {code}", flush=True)
            if code:
                return code
    finally:
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")
    print(f"\nThe schema {name} is dropped again. What was fetched is in .venv and .cache; `make clean` removes it.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
