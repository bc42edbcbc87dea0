"""New migrations come after all that are there, however many are begun on one day."""

from __future__ import annotations

from pathlib import Path

from tests.database.gate import Gate
from tests.databases import Database


def test_a_second_migration_of_one_day_comes_after_the_first(database: Database, tmp_path: Path) -> None:
    """Whatever their names: what is applied already is not before what is not."""
    gate, made = Gate(database, tmp_path), []
    for name in ("orders", "customers", "zebras"):
        printed = gate.run(f"new {name}").text.splitlines()
        path = Path(next(line for line in printed if line.endswith(".sql")))
        assert path.read_text().startswith("-- ")
        path.write_text(f"CREATE TABLE {name} (id INT PRIMARY KEY);")
        gate.run()
        made.append(path.name)
    assert made == sorted(made)
    assert database.value("SELECT COUNT(*) FROM schemagate_journal WHERE outcome = 'applied'") == 3
