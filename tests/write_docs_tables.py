"""Write what the docs repeat from the code and from other files: tables of exit codes, events, settings, an example.

In a page such a part stands between two comments, `<!-- NAME, from …: … -->` and `<!-- end of NAME -->`. Run this after
a change of the code; tests/unit/test_docs.py compares.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from schemagate import errors, healed  # noqa: E402 - a script of the checkout, not of an installed package
from schemagate.console import events_table  # noqa: E402
from schemagate.ours import TABLES  # noqa: E402
from schemagate.settings import settings_table  # noqa: E402

PAGES = (
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "migrations/README.md",
    ROOT / "compose/README.md",
    *sorted((ROOT / "docs").glob("*.md")),
)
PART = re.compile(
    r"(?P<begin><!-- (?P<name>[a-z ]+), from [^>]*-->\n)(?P<text>.*?)(?P<end><!-- end of (?P=name) -->)", re.DOTALL
)


def exit_codes() -> str:
    """Every way a start can end, from the docstrings of `errors.py`."""
    rows = [("0", "start.finished", "The gate opens: the schema is the one expected.")]
    rows.append(("1", "start.crashed", "A bug in schemagate."))
    for error in errors.SchemagateError.__subclasses__():
        code = "143, 130" if error is errors.Interrupted else str(error.exit_code)
        rows.append((code, error.event, (error.__doc__ or "").partition("\n")[0]))
    lines = [f"| {code} | `{event}` | {means} |" for code, event, means in rows]
    return "\n".join(["| exit | event | meaning |", "|---|---|---|", *lines]) + "\n"


def journal_tables() -> str:
    """The columns of the tables that schemagate keeps."""
    said = []
    for name, columns in {**TABLES, healed.NAME: healed.TABLE}.items():
        rows = []
        for line in columns.strip().splitlines():
            found = re.match(r"\s*(?P<name>[a-z_]+) (?P<type>[A-Z]+(?:\([^)]*\))?(?: UNSIGNED)?)(?P<rest>.*?),?$", line)
            if not found or found["name"] == "KEY":
                continue
            comment = re.search(r"COMMENT '([^']*)'", found["rest"])
            null = "" if "NOT NULL" in found["rest"] else "may be NULL"
            means = "; ".join(filter(None, (comment[1] if comment else "", null)))
            rows.append(f"| `{found['name']}` | {found['type'].lower()} | {means} |")
        said.append("\n".join([f"**{name}**", "", "| column | type | |", "|---|---|---|", *rows]))
    return "\n\n".join(said) + "\n"


def compose_example() -> str:
    """The example of the README is the file itself."""
    return f"```yaml\n{(ROOT / 'compose/compose.yaml').read_text('utf-8')}```\n"


PARTS: Mapping[str, Callable[[], str]] = {
    "exit codes": exit_codes,
    "events": events_table,
    "settings": settings_table,
    "journal": journal_tables,
    "example": compose_example,
}


def rewritten(page: str) -> str:
    """The page with every such part as it should be now. Raises KeyError for a part that nobody knows."""
    return PART.sub(lambda found: f"{found['begin']}{PARTS[found['name']]()}{found['end']}", page)


def main() -> int:
    for path in PAGES:
        page = path.read_text("utf-8")
        if (now := rewritten(page)) != page:
            path.write_text(now, "utf-8")
            print(f"{path.relative_to(ROOT)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
