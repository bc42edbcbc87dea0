"""`make demo`: the main job on a real server, shown to a person; leaves nothing behind on the server.

Runs under `tests/servers.py run`, which starts a throwaway server or uses the one that SERVER names.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.throwaway import throwaway

STEPS = (
    ("A first start: an empty server gets the 14 migrations, and its schema is proven", "up"),
    ("A second start: nothing to do, and the gate opens at once", "up"),
    ("What the journal says", "status"),
)


def main() -> int:
    with throwaway("aideveloper_demo") as (name, schemagate):
        for title, command in STEPS:
            print(f"\n=== {title}\n$ schemagate {command}", flush=True)
            code = schemagate(command)
            print(f"exit code {code}", flush=True)
            if code:
                return code
    print(f"\nThe schema {name} is dropped again. What was fetched is in .venv and .cache; `make clean` removes it.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
