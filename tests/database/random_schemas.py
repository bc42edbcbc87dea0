"""Random schemas on a server, independent of each other or made from each other by known changes; and their facts."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pymysql

from schemagate.tables import table
from tests.database.random_tables import RandomTable
from tests.database.schemas import load, read
from tests.databases import Database, quoted

# Information about one table, each as (name in the schema, what is to be the same).
COLUMNS = """
SELECT table_name, ordinal_position, column_name, column_type, collation_name, is_nullable, column_default, extra,
  generation_expression, column_comment{srs} FROM information_schema.columns WHERE table_schema = %s
"""
INDEXES = """
SELECT table_name, index_name, non_unique, seq_in_index, column_name, sub_part, collation, index_type, index_comment,
  {hidden} FROM information_schema.statistics WHERE table_schema = %s
"""
KEYS = """
SELECT k.table_name, k.constraint_name, k.ordinal_position, k.column_name, k.referenced_table_name,
  k.referenced_column_name, r.update_rule, r.delete_rule FROM information_schema.key_column_usage k
  JOIN information_schema.referential_constraints r ON r.constraint_schema = k.constraint_schema
  AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name WHERE k.table_schema = %s
"""
CHECKS = {
    "mysql": """
SELECT t.table_name, t.constraint_name, c.check_clause, t.enforced FROM information_schema.table_constraints t
  JOIN information_schema.check_constraints c USING (constraint_schema, constraint_name)
  WHERE t.constraint_type = 'CHECK' AND t.table_schema = %s
""",
    "mariadb": """
SELECT table_name, IF(level = 'Table', constraint_name, NULL), check_clause FROM information_schema.check_constraints
  WHERE constraint_schema = %s
""",
}
PARTITIONS = """
SELECT table_name, partition_name, subpartition_name, partition_method, subpartition_method, partition_expression,
  partition_description, partition_comment FROM information_schema.partitions
  WHERE partition_name IS NOT NULL AND table_schema = %s
"""
TABLES = """
SELECT table_name, engine, table_collation, create_options, table_comment FROM information_schema.tables
  WHERE table_type <> 'VIEW' AND table_schema = %s
"""
# MariaDB alone: it has the REF_SYSTEM_ID of a column nowhere else.
SHAPES = """
SELECT g_table_name, g_geometry_column, srid FROM information_schema.geometry_columns WHERE f_table_schema = %s
"""
VIEWS = """
SELECT table_name, REPLACE(view_definition, CONCAT('`', table_schema, '`.'), ''), check_option, security_type,
  character_set_client, collation_connection{algorithm} FROM information_schema.views WHERE table_schema = %s
"""
TRIGGERS = """
SELECT event_object_table, trigger_name, action_timing, event_manipulation, action_order, action_statement, sql_mode
  FROM information_schema.triggers WHERE trigger_schema = %s
"""
Facts = dict[str, list[tuple[Any, ...]]]
WIDTH = re.compile(r"\b(tinyint|smallint|mediumint|int|bigint)\((\d+)\)(?! (?:unsigned )?zerofill)")
WIDE = re.compile(r"\\+0")  # how MySQL shows a literal that it has in ucs2
WIDE_WORD = "e?g,?"  # the same of the word that has no zeros in it
INTRODUCER = re.compile(r"_(?:utf8mb4|utf8mb3|latin1|ascii|ucs2|binary)(?=\\?')")


# What each schema is made from by a few changes; None: by chance alone.
MADE_FROM = (None, None, None, 0, 3, 1)


class RandomSchemas:
    """Schemas with the same names of tables, some by chance and some made from those before; see MADE_FROM."""

    def __init__(self, database: Database, seed: int, tables: int) -> None:
        self._database, self._random, self._tables = database, random.Random(seed), tables
        self.names: list[str] = []
        made: list[list[RandomTable]] = []
        for before in MADE_FROM:
            self.names.append(database.another())
            if before is None:
                made.append(self._by_chance(self.names[-1]))
                continue
            load(database, self.names[-1], read(database, self.names[before]), shadow=False)
            more = [text for each in made[before] for text in each.more(self._random.choice([1, 1, 2]))]
            self._try(self.names[-1], more)
            self._without_broken_views()
            self._programs(self.names[-1])
            made.append(made[before])

    def _without_broken_views(self) -> None:
        for name in [name for kind, name in self._database.objects(self.names[-1]) if kind == "view"]:
            if not self._try(self.names[-1], [f"SELECT 1 FROM {name} LIMIT 0"]):
                self._try(self.names[-1], [f"DROP VIEW {name}"])

    def _by_chance(self, name: str) -> list[RandomTable]:
        self._database.run(f"USE {quoted(name)}", "CREATE TABLE parent (id INT PRIMARY KEY)")
        known = []
        for at in range(self._tables):
            taken = False
            while not taken:
                each = RandomTable(self._random.getrandbits(60), self._database.server.flavour, f"t{at}", shapes=True)
                first, *alters = each.statements(1)
                taken = self._try(name, [first]) == 1
            self._try(name, alters)
            if at and self._random.random() < 0.15:
                key = f"ADD CONSTRAINT up{at} FOREIGN KEY (up) REFERENCES t{at - 1} (id)"
                self._try(name, [f"ALTER TABLE t{at} ADD COLUMN up int, {key}"])
            known.append(each)
        self._programs(name)
        return known

    def _programs(self, name: str) -> None:
        """Views and triggers on some tables; each anew, or left as it is."""
        found = read(self._database, name)
        some = self._random.sample(range(self._tables), self._tables // 5)
        texts = []
        for at in some:
            columns = list(table(found.objects["table", f"t{at}"]).names.values())
            chosen = ", ".join(map(quoted, self._random.sample(columns, min(2, len(columns)))))
            kind = self._random.choice(["", "ALGORITHM = MERGE", "SQL SECURITY INVOKER"])
            where = self._random.choice(["", " WHERE id > 1", " WHERE id IS NOT NULL WITH CHECK OPTION"])
            texts.append(f"CREATE OR REPLACE {kind} VIEW v{at} AS SELECT {chosen} FROM t{at}{where}")
            for number in self._random.sample(range(3), self._random.randint(0, 3)):
                event = self._random.choice(["BEFORE INSERT", "BEFORE INSERT", "AFTER DELETE"])
                body = self._random.choice(["SET @a = 'it''s'", "BEGIN SET @b = 1; SET @c = '\\\\;'; END"])
                texts.append(f"DROP TRIGGER IF EXISTS g{at}_{number}")
                texts.append(f"CREATE TRIGGER g{at}_{number} {event} ON t{at} FOR EACH ROW {body}")
        self._try(name, texts)

    def _try(self, name: str, statements: Iterable[str]) -> int:
        """Run those that the server takes; answers how many."""
        self._database.run(f"USE {quoted(name)}", "SET SESSION sql_mode = 'STRICT_ALL_TABLES'")
        taken = 0
        for statement in statements:
            with suppress(pymysql.MySQLError):
                self._database.run(statement)
                taken += 1
        return taken


def facts(database: Database, schema: str) -> Facts:
    """What the server's information_schema says of each table and view, in a form that does not depend on history.

    It is no normal form of ours: display widths, and the character sets and letters beyond ASCII of literals in
    expressions are left out, all else is as the server has it.
    """
    mysql = database.server.flavour == "mysql"
    of_views = VIEWS.format(algorithm="" if mysql else ", algorithm")
    queries = [
        COLUMNS.format(srs=", srs_id" if mysql else ""),
        INDEXES.format(hidden="is_visible, expression" if mysql else "ignored"),
        KEYS, CHECKS[database.server.flavour], PARTITIONS, TABLES, of_views, TRIGGERS,
        *(() if mysql else (SHAPES,)),
    ]  # fmt: skip
    views = {name for name, *_ in database.rows(of_views, schema)}  # whose columns are those of their tables
    found: Facts = defaultdict(list)
    for number, query in enumerate(queries):
        for name, *row in database.rows(query, schema):
            if name not in views or query == of_views:
                found[name].append((number, *map(_plain, row)))
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if not isinstance(value, str):
        return value
    value = WIDTH.sub(lambda found: found[0] if found[0] == "tinyint(1)" else found[1], value)
    value = INTRODUCER.sub("", WIDE.sub("", value))
    return re.sub(r"[^\x20-\x7e]+", "?", value).replace(WIDE_WORD, "?")


def differing(one: Facts, other: Facts) -> set[str]:
    """The names under which two schemas have other facts."""
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def pairs() -> list[tuple[int, int]]:
    """From which to which of them to go: each way once, and each begins where the one before ended."""
    left = {here: [there for there in range(len(MADE_FROM)) if there != here] for here in range(len(MADE_FROM))}
    path, way = [0], list[int]()
    while path:
        if left[path[-1]]:
            path.append(left[path[-1]].pop())
        else:
            way.insert(0, path.pop())
    return list(pairwise(way))
