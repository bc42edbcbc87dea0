"""Any part of any migration may be there: a database is completed without a change of its rows, or left as it was."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from schemagate.schema import Schema, compare
from schemagate.sql import Statement
from tests.database import field, schemas
from tests.database.field import Ended
from tests.database.shipped import read
from tests.databases import Database

FILES = sorted((Path(__file__).parent / "parts").glob("*.sql"))
# Some of the files at a time, so that there is time for many cases; the last is all of them.
SETS = ((1, 2, 3), (1, 4, 6), (1, 2, 5), (1, 7, 8), (1, 8, 9), (1, 7, 10), (1, 4, 11), tuple(range(1, len(FILES) + 1)))
CASES = {"mysql": 80, "mariadb": 460}  # on each server: a thousand in all


class Parts:
    """One set of migrations in one schema."""

    def __init__(self, database: Database, folder: Path, numbers: tuple[int, ...]) -> None:
        self.database, self.folder = database, folder
        folder.mkdir()
        paths = [FILES[number - 1] for number in numbers]
        for path in paths:
            shutil.copy(path, folder / path.name)
        self.statements: list[Statement] = [each for path in paths for each in read(path.read_text("utf-8"), path.name)]
        field.apply(database, [each.text for each in self.statements])
        self.expected: Schema = schemas.read(database)
        field.emptied(database)
        self.environment = {
            **database.environment(),
            "SCHEMAGATE_MIGRATIONS": str(folder),
            "SCHEMAGATE_TERMINATION_LOG": "",
            "SCHEMAGATE_TLS": "off",
        }

    def tried(self, seed: str) -> str:
        """What becomes of a random part of it; an AssertionError where that is neither of the two ends."""
        chance = random.Random(seed)
        field.emptied(self.database)
        some = field.some_of(self.statements, chance)
        field.apply(self.database, some)
        field.fill(self.database, chance)
        schema, rows = schemas.read(self.database), field.rows(self.database)
        ended = field.start(["up"], self.environment)
        said = f"seed {seed!r}, exit code {ended.code}\n{some}\n{ended.lines[-1]}"
        if ended.code == 0:
            assert compare(self.expected, schemas.read(self.database)) == (), said
            wrong = field.kept(self._lasting(rows), self.database)
            assert wrong == [], f"{said}\n{wrong}"
            return self._way(ended)
        if ended.code == 30 and ended.said("baseline.found"):  # once it is found, the rest is run as in any start
            field.emptied_of_rows(self.database)
            assert field.start(["up"], self.environment).code == 0, said
            assert compare(self.expected, schemas.read(self.database)) == (), said
            return "rows refuse what is pending"
        assert ended.code == 32, said
        assert compare(schema, schemas.read(self.database)) == (), said
        assert field.rows(self.database) == rows, said
        return "refused"

    def _lasting(self, rows: dict[str, Any]) -> dict[str, Any]:
        """The rows, without the tables and columns that the migrations themselves drop or rename in the end."""
        ends = {
            name: {part.name for part in each.parts if part.kind == "column"}
            for (kind, name), each in self.expected.objects.items()
            if kind == "table"
        }
        return {
            table: [tuple((name, text) for name, text in row if name in ends[table]) for row in some]
            for table, some in rows.items()
            if table in ends
        }

    @staticmethod
    def _way(ended: Ended) -> str:
        return "found" if ended.said("baseline.found") else "completed" if ended.said("adoption.planned") else "built"


def test_a_part_of_the_migrations_is_completed_or_refused_and_nothing_between(
    database: Database, tmp_path: Path
) -> None:
    """A random part of their statements and clauses, with rows: in the end the schema is the expected one and each row
    is as it was, or nothing at all was changed.
    """
    server, seen = database.server, Counter[str]()
    sets = [Parts(database, tmp_path / f"set-{at}", numbers) for at, numbers in enumerate(SETS)]
    for number in range(CASES[server.flavour]):
        # The whole set takes longest: less often.
        chosen = sets[-1] if number % 20 == 0 else sets[number % (len(sets) - 1)]
        seen[chosen.tried(f"{server.label} {number}")] += 1
    print(dict(seen))
    assert {"found", "completed", "refused"} <= seen.keys(), seen
    if seen["rows refuse what is pending"] > CASES[server.flavour] // 10:
        pytest.fail(f"hardly anything is tried: {seen}")
