"""What chance seldom makes: pairs of schemas between which the order of the DDL, or a way around the server, counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemagate.ddl import changes, script
from schemagate.printing import together
from schemagate.schema import compare
from schemagate.sql import statements
from tests.database.schemas import read, session, told
from tests.databases import Database, quoted

# In each folder, what makes the first schema and what makes the second.
PAIRS = Path(__file__).resolve().parent / "pairs"


@pytest.mark.parametrize("apart", [False, True], ids=["together", "apart"])
def test_the_ddl_goes_from_each_to_the_other_and_back(database: Database, apart: bool) -> None:
    """All of them at once, as `diff` prints it and clause by clause."""
    names = database.another(), database.another()
    for side, name in zip(("first", "second"), names, strict=True):
        database.run(f"USE {quoted(name)}", "SET SESSION sql_mode = ''")
        for folder in ("both", database.server.flavour):
            text = PAIRS.joinpath(folder, f"{side}.sql").read_text("utf-8")
            database.run(*(statement.text for statement in statements([text], side)))
    wanted = [read(database, name) for name in names]
    for found, there in ((wanted[0], wanted[1]), (wanted[1], wanted[0])):
        made = changes(there, found)
        with session(database, names[0]) as connection:
            for _, text in script(made if apart else together(made), found.collation):
                connection.run(text)
        left = compare(there, read(database, names[0]))
        assert not left, told(left)


def test_an_event_that_changes_goes_on_when_it_would_have(database: Database) -> None:
    """Its STARTS is not part of what is compared, and stays as it was."""
    database.run("CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2031-02-03 04:05:06' DISABLE DO SET @a = 1")
    other = database.another()
    database.run(f"CREATE EVENT {other}.e ON SCHEDULE EVERY 1 DAY DISABLE DO SET @a = 2")
    wanted, found = read(database, other), read(database)
    with session(database) as connection:
        for _, text in script(changes(wanted, found), found.collation):
            connection.run(text)
    starts = database.value(
        "SELECT CAST(starts AS CHAR) FROM information_schema.events WHERE event_schema = %s", database.name
    )
    assert starts == "2031-02-03 04:05:06"
    assert not compare(wanted, read(database))
