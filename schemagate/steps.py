"""Columns that MySQL adds in no one statement: their default is another for each row (`UUID()`).

It refuses that with 1674 for the sake of replicas that are sent statements, whichever format the binary log has:
https://dev.mysql.com/doc/refman/9.7/en/data-type-defaults.html. Such a default it shows in parentheses; MariaDB, which
adds such columns, does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from schemagate.foreseen import given, in_parentheses, is_volatile
from schemagate.lexer import quote

if TYPE_CHECKING:
    from schemagate.reindexing import Clause
    from schemagate.tables import Table

BEGIN = " DEFAULT ("
ON_UPDATE = "ON UPDATE CURRENT_TIMESTAMP"


def in_steps(table: Table, found: Table, clauses: Sequence[Clause]) -> tuple[list[Clause], list[tuple[str, str]]]:
    """The clauses that add to `found` what `table` has, without such defaults; and what is to be run after them,
    statement by statement, each with the part that it is about: values for the rows that are there, then the default.

    No other column gets another value by that, also none with ON UPDATE CURRENT_TIMESTAMP.
    """
    first, then = [], list[tuple[str, str]]()
    for clause in clauses:
        kind, _, name = clause.part.partition(" ")
        each = table.taken_apart.get(name.lower()) if kind == "column" and clause.adds else None
        value = ((each and is_volatile(each) and given(each)) or "").strip()
        if each is None or not value.startswith("("):
            first.append(clause)
            continue
        first.append(replace(clause, sql=_without_default(clause.sql)))
        own, column = quote(table.name), quote(each.name)
        kept = "".join(f", {name} = {name}" for name in map(quote, _changing_by_themselves(table, found)))
        then.append((clause.part, f"UPDATE {own} SET {column} = {value}{kept}"))
        then.append((clause.part, f"ALTER TABLE {own} MODIFY {clause.sql.removeprefix('ADD ')}"))
    return first, then


def _changing_by_themselves(table: Table, found: Table) -> Iterator[str]:
    for name in sorted(table.taken_apart.keys() & found.taken_apart.keys()):
        if any(ON_UPDATE in each.taken_apart[name].rest.upper() for each in (table, found)):
            yield table.taken_apart[name].name


def _without_default(sql: str) -> str:
    before, _, rest = sql.partition(BEGIN)
    return before.replace(" NOT NULL", "") + rest[len(in_parentheses(f"({rest}")) - 1 :]
