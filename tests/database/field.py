"""Databases in the field, made on purpose: parts of migrations in a database without a journal, with rows in it."""

from __future__ import annotations

import contextlib
import io
import json
import random
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pymysql

import entrypoint
from schemagate.sql import Statement, tokens
from tests.databases import Database, quoted

THEN = "2025-01-02 03:04:05"


@dataclass(slots=True)
class Ended:
    """A start that ran in this process: its exit code, and the lines of its log."""

    code: int
    lines: list[dict[str, Any]] = field(default_factory=list)

    def said(self, event: str) -> list[dict[str, Any]]:
        """The lines of this event."""
        return [line for line in self.lines if line["event"] == event]


def start(words: Sequence[str], environment: Mapping[str, str]) -> Ended:
    """Run the program in this process, which saves the time in which Python starts."""
    out, handlers = io.StringIO(), {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}
    wakeup = signal.set_wakeup_fd(-1)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = entrypoint.main(words, {"SCHEMAGATE_LOG_FORMAT": "json", **environment})
    finally:
        signal.set_wakeup_fd(wakeup)
        for each, handler in handlers.items():
            signal.signal(each, handler)
    lines = [json.loads(line) for line in out.getvalue().splitlines() if line.startswith("{")]
    return Ended(code, lines)


# --- parts of migrations --------------------------------------------------------------------------------------------


def pieces(statement: Statement) -> list[str]:
    """The statement; an ALTER TABLE with several clauses as one for each."""
    if statement.kind != "alter table":
        return [statement.text]
    found = [token for token in tokens(statement.text) if token.kind not in ("space", "comment")]
    text, depth, cuts = statement.text, 0, [found[3].start]
    for token in found:
        depth += (token.text == "(") - (token.text == ")")
        if token.text == "," and depth == 0:
            cuts.append(token.start)
    head = text[: cuts[0]]
    ends = [*cuts[1:], len(text)]
    return [head + text[begin:end].lstrip(", \n") for begin, end in zip(cuts, ends, strict=True)]


def some_of(found: Sequence[Statement], chance: random.Random) -> list[str]:
    """A random part of these: often all but a few, often all up to one of them."""
    texts = [piece for statement in found for piece in pieces(statement)]
    end = len(texts) if chance.random() < 0.6 else chance.randrange(1, len(texts) + 1)
    likely = chance.choice((0.5, 0.8, 0.9, 0.97, 1.0))
    return [text for text in texts[:end] if chance.random() < likely]


# --- rows -----------------------------------------------------------------------------------------------------------


def fill(database: Database, chance: random.Random, fewest: int = 0) -> None:
    """Up to three rows in every table; what the schema refuses is left out."""
    tables = [name for (name, kind) in database.rows("SHOW FULL TABLES") if kind == "BASE TABLE"]
    columns: dict[str, list[tuple[Any, ...]]] = {name: [] for name in tables}
    for table, *column in database.rows(
        "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, EXTRA, IS_NULLABLE FROM information_schema.COLUMNS"
        " WHERE TABLE_SCHEMA = DATABASE() ORDER BY ORDINAL_POSITION"
    ):
        if table in columns and "GENERATED" not in column[2].upper().replace("DEFAULT_GENERATED", ""):
            columns[table].append(tuple(column))
    for table in sorted(tables, key=lambda name: (name != "workflows", name != "agent_executions", name)):
        for number in range(1, 2 + chance.randrange(fewest - 1, 3)):
            for _ in range(5):
                row = {name: value(name, type_, nullable == "YES", number, chance)
                       for name, type_, _, nullable in columns[table]}  # fmt: skip
                names, marks = ", ".join(map(quoted, row)), ", ".join(["%s"] * len(row))
                with contextlib.suppress(pymysql.MySQLError):
                    database.rows(f"INSERT INTO {quoted(table)} ({names}) VALUES ({marks})", *row.values())
                    break


def value(name: str, type_: str, nullable: bool, number: int, chance: random.Random) -> object:
    """A value for a column of this type."""
    kind = type_.split("(")[0].split(" ")[0]
    if name == "id":
        return number
    if name == "parent_workflow_id" and nullable:
        return None if number == 1 else number - 1
    if nullable and chance.random() < 0.2:
        return None
    if kind in ("enum", "set"):
        return chance.choice(type_[type_.index("(") + 1 : type_.rindex(")")].replace("'", "").split(","))
    if kind in ("int", "bigint", "smallint", "tinyint", "decimal", "float", "double", "mediumint"):
        return chance.choice((1, 1, number, number))
    if kind in ("timestamp", "datetime"):
        return THEN
    if kind == "date":
        return THEN[:10]
    if kind == "json" or "json" in name or name in ("payload", "metadata", "depends_on", "conversation_history"):
        return '{"a": 1}'
    return chance.choice(("a", "b", f"w{number}", f"w{number}"))


def rows(database: Database) -> dict[str, list[tuple[tuple[str, str], ...]]]:
    """All rows of all tables but ours: by table, each with its values by column."""
    answer: dict[str, list[tuple[tuple[str, str], ...]]] = {}
    connection = database.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'")
            for name, _ in sorted(cursor.fetchall()):
                if not name.startswith("schemagate_"):
                    cursor.execute(f"SELECT * FROM {quoted(name)}")
                    columns = [each[0] for each in cursor.description or ()]
                    answer[name] = sorted(tuple(zip(columns, map(repr, row), strict=True)) for row in cursor.fetchall())
    finally:
        connection.close()
    return answer


def kept(before: Mapping[str, list[tuple[tuple[str, str], ...]]], database: Database) -> list[str]:
    """What is wrong with the rows that were there before: which tables have lost or changed any."""
    after = rows(database)
    wrong = []
    for table, old in before.items():
        columns = {name for row in old for name, _ in row}
        new = sorted(tuple((name, text) for name, text in row if name in columns) for row in after.get(table, []))
        if old and sorted(tuple(sorted(row)) for row in old) != sorted(tuple(sorted(row)) for row in new):
            wrong.append(f"{table}:\n  {old}\n  {new}")
    return wrong


# --- the schema -----------------------------------------------------------------------------------------------------


def apply(database: Database, found: Sequence[str]) -> None:
    """Run statements as a script does that does not look at errors."""
    from tests.database.shipped import session

    connection = session(database)
    with connection.cursor() as cursor:
        for text in found:
            with contextlib.suppress(pymysql.MySQLError):
                cursor.execute(text)
    connection.close()


def emptied(database: Database) -> None:
    """Drop all that is in the schema."""
    database.run("SET SESSION foreign_key_checks = 0")
    for kind, name in sorted(database.objects(), key=lambda each: each[0] != "view"):
        if kind in ("table", "view", "procedure", "function", "event"):
            database.run(f"DROP {kind.upper()} IF EXISTS {quoted(name)}")
    database.run("SET SESSION foreign_key_checks = 1")


def emptied_of_rows(database: Database) -> None:
    """Delete all rows of all tables but ours."""
    database.run("SET SESSION foreign_key_checks = 0")
    for kind, name in database.objects():
        if kind == "table" and not name.startswith("schemagate_"):
            database.run(f"DELETE FROM {quoted(name)}")
    database.run("SET SESSION foreign_key_checks = 1")
