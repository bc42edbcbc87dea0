"""Rows as witnesses: a statement that leaves the schema as it was is known by what it did to a row.

TRUNCATE takes rows away; a swap by RENAME, and EXCHANGE PARTITION, carry them from one table to another. So the primary
keys of a few rows are noted before, and looked for afterwards. Where the witnesses contradict each other, because
somebody else has changed rows meanwhile, they tell nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from schemagate.effects import LOOKED_AT
from schemagate.history import AGAIN
from schemagate.lexer import quote
from schemagate.refusals import NO_SUCH_TABLE, ServerError
from schemagate.rules import WITNESS, rule_without_trace
from schemagate.traces import APPLIED, NOT_APPLIED, ROWS
from schemagate.wording import Word, said

if TYPE_CHECKING:
    from schemagate.database import Connection
    from schemagate.history import Entry
    from schemagate.sql import Statement

# How many rows at either end of a table are looked at for one that the other table does not have.
ENDS = 1000
# Of so many rows each is noted; of more, the first and the last.
SOME = 200

# The kinds for which a row may be the only witness, and what is in the text then.
MAY_NEED = {"truncate table": b"", "rename table": b",", "alter table": b"PARTITION", "create table": b"REPLACE"}

COUNTER = re.compile(r"\bAUTO_INCREMENT=(\d+)")
Row = tuple[str, str, str]  # a table, and which row of it, as SQL; and a digest of the row, where it is to stay


@dataclass(frozen=True, slots=True)
class Witness:
    """Rows that are there as long as the statement was not run (`stays`), and where each of them is once it was
    (`moves`; nowhere, if there are none). `nothing`: there was no row that it could have touched; then `empty` is the
    table, as SQL, where it may be emptied once more, and `counters` are the tables of which AUTO_INCREMENT tells, with
    its value before and after. `between`: which rows there were, as SQL; where they were very many, which might have
    been.
    """

    stays: tuple[Row, ...] = ()
    moves: tuple[Row, ...] = ()
    nothing: bool = False
    between: str = ""
    empty: str = ""
    counters: tuple[tuple[str, str, str], ...] = ()


def witnessed(entry: Entry, statement: Statement, kind: str, connection: Connection, database: str) -> Entry:
    """The entry, with the rows noted that will tell whether its statement was run; as it is where none can."""
    if kind not in MAY_NEED or MAY_NEED[kind] not in statement.raw[:LOOKED_AT].upper():
        return entry
    if rule_without_trace(statement, kind, "").kind != WITNESS:
        return entry
    try:
        found = _look_for(statement, kind, connection, database)
    except ServerError:  # a table that is not there, or may not be read: the statement will say so itself
        return entry
    if found is None:
        return entry
    known = json.loads(entry.hashes_before or "{}") | {ROWS: asdict(found)}
    return entry._replace(hashes_before=json.dumps(known, ensure_ascii=False, sort_keys=True))


def testimony(entry: Entry, connection: Connection) -> tuple[str, str] | None:
    """What the rows say now: the verdict as in `traces`, and how it is known; None where they do not tell."""
    noted = json.loads(entry.hashes_before or "{}").get(ROWS)
    if noted is None:
        return None
    if noted["nothing"]:
        # The counter of AUTO_INCREMENT begins anew with it, which nobody can see where it is cached.
        if noted.get("empty") and not _is_there(connection, noted["empty"], "1 = 1"):
            return NOT_APPLIED, f"there was no row that it could have touched, and there is none: {AGAIN}"
        if _counted(noted.get("counters", ()), connection) == {False}:
            return NOT_APPLIED, "there was no row that it could have touched, and AUTO_INCREMENT is where it was"
        return APPLIED, "there was no row that it could have touched"
    if not noted["moves"]:
        now = [_digest(connection, table, where) for table, where, _ in noted["stays"]]
        if not any(now):
            table, between = noted["stays"][0][0], noted.get("between")
            if not between or _is_there(connection, table, between):  # somebody else may have taken away those alone
                return None
            return APPLIED, "the rows that were there before are gone"
        same = now == [digest for _, _, digest in noted["stays"]]
        return (NOT_APPLIED, "the rows that were noted before are there, unchanged") if same else None
    stays = [bool(_is_there(connection, table, where)) for table, where, _ in noted["stays"]]
    moves = [bool(_is_there(connection, table, where)) for table, where, _ in noted["moves"]]
    # A row that is in both places, or in neither, was put there or taken away by somebody else.
    carried = {moved for stayed, moved in zip(stays, moves, strict=True) if stayed != moved}
    if carried == {True}:
        return APPLIED, "the rows that were noted before are where it carries them"
    return (NOT_APPLIED, "the rows that were noted before are where they were") if carried == {False} else None


def _is_there(connection: Connection, table: str, where: str, what: str = "1") -> Any:
    try:
        rows = connection.execute(f"SELECT {what} FROM {table} WHERE {where} LIMIT 1").rows
    except ServerError as error:
        if error.errno == NO_SUCH_TABLE:
            return None
        raise
    return rows[0][0] if rows else None


def _digest(connection: Connection, table: str, where: str) -> Any:
    """One for all that the row holds; None where it is gone."""
    answer = connection.execute(f"SHOW COLUMNS FROM {table.split(' PARTITION ')[0]}")
    values = ", ".join(f"IFNULL(HEX(CONCAT({quote(str(name))})), '-')" for name, *_ in answer.rows)
    return _is_there(connection, table, where, f"IFNULL(SHA2(CONCAT_WS(',', {values}), 256), 'long')")


# --- before ----------------------------------------------------------------------------------------------------------


def _look_for(statement: Statement, kind: str, connection: Connection, database: str) -> Witness | None:
    tables = [f"{quote(name.schema or database)}.{quote(name.name)}" for name in statement.names]
    if kind == "rename table":
        return _of_swaps(list(_swapped(tables)), connection)
    found = said(statement.head(LOOKED_AT))
    texts = [word.text for word in found]
    if kind == "create table":
        return None if {"SELECT", "VALUES"} & set(texts) else _of_rows(tables[0], tables[0], connection)
    if kind == "truncate table":
        return _of_rows(tables[0], tables[0], connection)
    verb = "EXCHANGE" if "EXCHANGE" in texts else "TRUNCATE"
    part = tables[0] + _partitions(found[texts.index(verb) + 2 :])
    if verb == "EXCHANGE":
        return _of_swaps([(part, tables[0], tables[-1], tables[-1])], connection)
    return _of_rows(part, tables[0], connection)


def _partitions(found: Sequence[Word]) -> str:
    """PARTITION (p, q), from the names behind that word; "" for all of them."""
    names = []
    for at in range(0, len(found), 2):
        names.append(quote(found[at].text.strip("`")))
        if [word.text for word in found[at + 1 : at + 2]] != [","]:
            break
    return "" if found[0].text == "ALL" else f" PARTITION ({', '.join(names)})"


def _swapped(tables: Sequence[str]) -> Iterator[tuple[str, str, str, str]]:
    """Of a RENAME in pairs of old and new name: the table at each name, and the one that will be there."""
    at: dict[str, str] = {}  # where each table is by now, under the name that it had
    for old, new in zip(tables[::2], tables[1::2], strict=False):
        was = next((name for name, now in at.items() if now == old), old)
        at[was] = new
    for was, now in at.items():
        if was != now and now in at:
            yield was, was, now, now


def _of_rows(table: str, whole: str, connection: Connection) -> Witness | None:
    """A row at either end."""
    key = _key(connection, whole)
    if not connection.execute(f"SELECT 1 FROM {table} LIMIT 1").rows:
        return Witness(nothing=True, empty=table)
    if not key:
        return None
    columns = ", ".join(key)
    rows = connection.execute(f"SELECT {columns} FROM {table} ORDER BY {columns} LIMIT {SOME + 1}").rows
    between = f"{_row(key)} IN {_row([_values(row) for row in rows])}"
    if len(rows) > SOME:
        by = ", ".join(f"{column} DESC" for column in key)
        rows += connection.execute(f"SELECT {columns} FROM {table} ORDER BY {by} LIMIT 1").rows
        between = f"{_row(key)} >= {_values(rows[0])} AND {_row(key)} <= {_values(rows[-1])}"
    ends = dict.fromkeys(_where(key, row) for row in (rows[0], rows[-1]))
    return Witness(tuple((table, where, str(_digest(connection, table, where))) for where in ends), between=between)


def _of_swaps(swaps: Sequence[tuple[str, str, str, str]], connection: Connection) -> Witness | None:
    """Rows of each table that the table in its new place does not have."""
    stays: list[Row] = []
    moves: list[Row] = []
    empty = True
    for table, whole, other, _ in swaps:
        for one, two in ((table, other), (other, table)):
            key = _key(connection, whole)
            empty = empty and not connection.execute(f"SELECT 1 FROM {one} LIMIT 1").rows
            for row in _only_in(one, two, key, connection) if key else ():
                stays.append((one, _where(key, row), ""))
                moves.append((two, _where(key, row), ""))
    if empty:
        counts = {name: _counter(connection, name) for table, name, *_ in swaps if table == name}
        counters = ((new, counts[new], counts[old]) for _, old, new, _ in swaps if old in counts and new in counts)
        return Witness(nothing=True, counters=tuple(each for each in counters if each[1] != each[2]))
    return Witness(tuple(stays), tuple(moves)) if stays else None


def _counter(connection: Connection, table: str) -> str:
    """The next value of AUTO_INCREMENT; "" where it is the first, or there is none."""
    try:
        create = str(connection.execute(f"SHOW CREATE TABLE {table}").rows[0][1])
    except ServerError as error:
        if error.errno == NO_SUCH_TABLE:
            return ""
        raise
    found = COUNTER.search(create, create.rfind("\n)"))
    return found[1] if found else ""


def _counted(noted: Iterable[Sequence[str]], connection: Connection) -> set[bool]:
    """Is each table's counter the one after the statement, as far as it is one of the two?"""
    now = [(_counter(connection, table), before, after) for table, before, after in noted]
    return {count == after for count, before, after in now if count in (before, after)}


def _only_in(one: str, two: str, key: Sequence[str], connection: Connection) -> Iterable[tuple[Any, ...]]:
    columns = ", ".join(key)
    same = " AND ".join(f"ours.{column} = theirs.{column}" for column in key)
    for order in ("ASC", "DESC"):
        by = ", ".join(f"{column} {order}" for column in key)
        rows = connection.execute(
            f"SELECT {columns} FROM (SELECT {columns} FROM {one} ORDER BY {by} LIMIT {ENDS}) ours "
            f"WHERE NOT EXISTS (SELECT 1 FROM {two} theirs WHERE {same}) LIMIT 1"
        ).rows
        if rows:
            return rows
    return ()


def _key(connection: Connection, table: str) -> list[str]:
    """The columns of its primary key, or of another key that is unique and never NULL; none if it has neither."""
    found: dict[str, list[str | None]] = {}
    answer = connection.execute(f"SHOW KEYS FROM {table}")
    place = {name: at for at, name in enumerate(answer.columns)}
    for row in answer.rows:
        if not int(row[place["Non_unique"]]):
            usable = row[place["Null"]] != "YES" and row[place["Column_name"]] is not None
            found.setdefault(row[place["Key_name"]], []).append(row[place["Column_name"]] if usable else None)
    keys = sorted(found.items(), key=lambda item: item[0] != "PRIMARY")
    return next(([quote(str(name)) for name in names] for _, names in keys if None not in names), [])


def _where(key: Sequence[str], row: Sequence[Any]) -> str:
    return " AND ".join(f"{column} = {_literal(value)}" for column, value in zip(key, row, strict=True))


def _row(columns: Sequence[str]) -> str:
    return f"({', '.join(columns)})"


def _values(row: Sequence[Any]) -> str:
    return _row([_literal(value) for value in row])


def _literal(value: Any) -> str:
    """A value as SQL that means the same under any character set of the session."""
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    if isinstance(value, str):
        return f"_utf8mb4 x'{value.encode(errors='surrogateescape').hex()}'"
    return f"'{value}'"
