"""`make snapshot`: write migrations/schema.sql anew on a real server, in a throwaway schema.

Runs under `tests/servers.py run`, which starts a server for it or uses the one that SERVER names. Arguments go to
`schemagate snapshot`, so that `--check` only tells whether the file is stale.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.throwaway import throwaway


def main() -> int:
    with throwaway("snapshot") as (_, schemagate):
        return schemagate("snapshot", *sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
