"""Whatever two schemas are: the DDL between them turns the first into the second, and only equal ones are called so.

The oracle is the server's information_schema, which `schemagate` does not read. More pairs, or others:
SCHEMAGATE_TEST_PAIRS=100000 SCHEMAGATE_TEST_SEED=7.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection

from schemagate.ddl import Change, changes, script
from schemagate.printing import together
from schemagate.refusals import ServerError
from schemagate.schema import Schema, compare
from tests.database.random_schemas import Facts, RandomSchemas, differing, facts, pairs
from tests.database.schemas import read, session, told
from tests.databases import Database

PAIRS = int(os.environ.get("SCHEMAGATE_TEST_PAIRS", "2000"))
SEED = int(os.environ.get("SCHEMAGATE_TEST_SEED", "1"))
TABLES = 70


def test_the_ddl_between_two_schemas_turns_the_first_into_the_second(database: Database) -> None:
    """From a schema to one made by chance or by a few changes, and on from there; on thousands of pairs of tables."""
    done = 0
    while done < PAIRS:
        seed = SEED + done
        schemas = RandomSchemas(database, seed, TABLES)
        wanted = [read(database, name) for name in schemas.names]
        expected = [facts(database, name) for name in schemas.names]
        live = schemas.names[0]
        for step, (here, there) in enumerate(pairs()):
            found = wanted[here]
            case = f"seed {seed}, {here} to {there}:\n"
            said = called_different(wanted[there], found, database.server.flavour)
            true = differing(expected[there], expected[here])
            assert said == true, case + why(said ^ true, expected[here], expected[there])
            refused = turn(database, live, wanted[there], found, apart=step % 4 == 1)
            assert not refused, case + "\n".join(refused)
            left, after = compare(wanted[there], read(database, live)), facts(database, live)
            ran = "\n".join(ddl_of(name, wanted[there], found) for name in {each.name for each in left})
            assert not left, f"{case}{told(left)}\n{ran}"
            assert after == expected[there], case + why(differing(expected[there], after), after, expected[there])
            done += sum(key[0] == "table" for key in wanted[there].objects)
        for name in schemas.names:
            database.run(f"DROP DATABASE {name}")


def turn(database: Database, name: str, wanted: Schema, found: Schema, *, apart: bool) -> list[str]:
    """Run the DDL, clause by clause or as `diff` prints it; answers what the server refused."""
    refused = []
    made = changes(wanted, found)
    with session(database, name) as connection:
        for each, text in script(made if apart else together(made), found.collation):
            try:
                connection.run(text)
            except ServerError as error:
                refused.append(f"{error}: {text}\n{texts(each, wanted, found)}")
    return refused


def texts(each: Change | None, wanted: Schema, found: Schema) -> str:
    key = (each.kind, each.name) if each else ("", "")
    return "\n".join(side.objects[key].create for side in (found, wanted) if key in side.objects)


def why(names: Collection[str], here: Facts, there: Facts) -> str:
    """What the facts say of these."""
    lines = []
    for name in sorted(names):
        one, other = here.get(name, []), there.get(name, [])
        lines += [f"{name}: {fact}" for fact in [*one, *other] if (fact in one) != (fact in other)] or [name]
    return "\n".join(lines)


def ddl_of(name: str, wanted: Schema, found: Schema) -> str:
    return "\n".join(each.sql for each in changes(wanted, found) if each.name == name)


def called_different(wanted: Schema, found: Schema, flavour: str) -> set[str]:
    """The tables and views that differ; a trigger is its table's. But for what no facts tell: which index rows are kept
    in, and, on MySQL, how a view is worked out.
    """
    untold = {"clustered index"} if flavour == "mariadb" else {"clustered index", "algorithm"}
    names: dict[str, set[str]] = defaultdict(set)
    for each in compare(wanted, found):
        key = (each.kind, each.name)
        owner = wanted.objects.get(key) or found.objects[key]
        names[owner.attribute("table") or each.name if each.kind == "trigger" else each.name].add(each.part)
    return {name for name, parts in names.items() if not parts <= untold}
