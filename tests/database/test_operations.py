"""What docs/operations.md tells people to type into the server, typed into every server."""

from __future__ import annotations

import secrets
from pathlib import Path

from tests.database.gate import Gate, said
from tests.database.shipped import ROOT
from tests.database.test_migration_guide import examples
from tests.databases import Database

PAGE = ROOT / "docs/operations.md"
REMOVED = "20251116_add_target_module_to_workflows"  # the one that the page takes out of the journal


def test_the_sql_of_the_page_runs_in_its_order(database: Database, tmp_path: Path) -> None:
    """The account that it makes can do all that a start does, and each question has the answer it is asked for."""
    accounts, shadow, forget, *questions = examples(PAGE)
    (name,) = database.rows(shadow.replace("'shop'", f"'{database.name}'"))
    assert name == (database.shadow,)

    user, gate = f"test_{secrets.token_hex(5)}", Gate(database, tmp_path)
    for old, new in (("`shop`", f"`{database.name}`"), ("'shop'", f"'{user}'"), ("schemagate_shadow_", "")):
        assert old in accounts
        accounts = accounts.replace(old, new)
    accounts = accounts.replace("8d9001d32c6a703d", database.shadow)
    database.run(*filter(str.strip, accounts.split(";")))
    try:
        account = (user, "correct horse battery staple")
        gate.write(**{REMOVED: "CREATE TABLE a (id INT PRIMARY KEY);", "20251117_b": "CREATE TABLE b (id NONSENSE);"})
        gate.run(account=account, expected=30)
        gate.write(**{"20251117_b": "CREATE TABLE b (id INT PRIMARY KEY);"})
        assert said(gate.run(account=account), "rehearsal.passed")
        before = database.value("SELECT COUNT(*) FROM schemagate_journal")
        database.run(forget)
        assert before - database.value("SELECT COUNT(*) FROM schemagate_journal") == 1
        starts, costs, failures, endless, proof = (database.rows(question) for question in questions)
    finally:
        database.run(f"DROP USER '{user}'@'%'")
    assert [(row[1], row[-2]) for row in starts] == [("up", 0), ("up", 30)]
    assert [(row[0], row[-1]) for row in costs] == [("20251117_b", 1)]
    assert [row[5] for row in failures] == ["failed"]
    assert not endless
    assert [row[:2] for row in proof] == [("names", "[]")]
