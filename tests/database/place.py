"""A database that was migrated without us, and starts that meet it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schemagate.schema import compare
from tests.database import field, schemas
from tests.database.field import Ended
from tests.database.shipped import session
from tests.databases import Database


class Place:
    """A schema, the migrations beside it, and starts in this process."""

    def __init__(self, database: Database, migrations: Path) -> None:
        self.database, self.migrations = database, migrations
        self.migrations.mkdir(exist_ok=True)

    def write(self, **files: str) -> Place:
        """Write migrations, each under its name without `.sql`."""
        for name, text in files.items():
            self.migrations.joinpath(f"{name}.sql").write_text(text, "utf-8")
        return self

    def run(self, *words: str, expected: int = 0, account: tuple[str, str] | None = None, **variables: str) -> Ended:
        """A start, which is to end with this exit code."""
        environment = {
            **self.database.environment(*(account or ())),
            "SCHEMAGATE_MIGRATIONS": str(self.migrations),
            "SCHEMAGATE_TERMINATION_LOG": "",
            **variables,
        }
        ended = field.start(words or ("up",), environment)
        assert ended.code == expected, ended.lines
        return ended

    def build(self, *statements: str) -> None:
        """Run all of this as a person does, who looks at no journal."""
        connection = session(self.database)
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        connection.close()

    def refused(self, *words: str, account: tuple[str, str] | None = None, **variables: str) -> Mapping[str, Any]:
        """A start that ends with 32 and has changed nothing; its last line."""
        schema, rows = schemas.read(self.database), field.rows(self.database)
        ended = self.run(*words, expected=32, account=account, **variables)
        assert compare(schema, schemas.read(self.database)) == ()
        assert field.rows(self.database) == rows
        assert ended.lines[-1]["state"] == "not touched"
        assert self.noted() == []
        return ended.lines[-1]

    def noted(self) -> list[tuple[str, int, str, str]]:
        """What the journal says last of each statement: migration, ordinal, outcome, note."""
        if ("table", "schemagate_journal") not in self.database.objects():
            return []
        newest = "SELECT MAX(id) FROM schemagate_journal GROUP BY migration, ordinal"
        rows = self.database.rows(
            f"SELECT migration, ordinal, outcome, note FROM schemagate_journal WHERE id IN ({newest}) ORDER BY 1, 2"
        )
        return [(str(name), int(ordinal), str(outcome), str(note or "")) for name, ordinal, outcome, note in rows]
