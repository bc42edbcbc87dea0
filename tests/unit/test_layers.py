"""The order of the package's files: each imports only from those above it, so that it can be read from the top."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "schemagate"

ORDER = """
    errors values lexer plain sources checks options settings explain console log stop
    driver refusals reach database sessions server waiting
    literals flat kinds names bodies pieces sql checksums files variables repeatable hints moved forbidden directives
    migrations
    lock orphans selftest watch blockers history remembered healed ours unwritten journal
    grants loadable clauses shapes listing programs outlines schema loading automatic snapshot
    widening tables foreseen newcolumns rows fitting reindexing steps alters ddl remedy defaults
    current survive cluster arbiter
    wording effects prepared resuming rules
    ahead plan isolation hashes looking traces witness deciding
    scratch keeper trial shadow implied expected verify newer rehearse heal acting decisive restoring
    states additions contents adoption othertools claims unclear wayout following standing adopt
    settle aftermath session engines transactions ways apply
    arguments commands status baseline dryrun printing sides comparing
""".split()  # noqa: SIM905 - a list of one name a line would hide the order


def imports_of(module: str) -> set[str]:
    """The package's own modules that a module imports, wherever in its text; not those for the types alone."""
    tree = ast.parse((PACKAGE / f"{module}.py").read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "schemagate":
            found |= {name.name for name in node.names if (PACKAGE / f"{name.name}.py").exists()}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("schemagate."):
            found.add(str(node.module).split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {name.name.split(".")[1] for name in node.names if name.name.startswith("schemagate.")}
    return found


def test_every_file_has_its_place_in_the_order() -> None:
    """A new file is put into the order, and a file that is gone is taken out of it."""
    assert sorted(ORDER) == sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("module", ORDER)
def test_a_file_imports_only_from_those_above_it(module: str) -> None:
    """Otherwise there is no place to begin reading."""
    below = set(ORDER[ORDER.index(module) :])
    assert imports_of(module) & below == set()
