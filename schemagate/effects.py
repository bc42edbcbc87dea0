"""What one statement does to its session: variables, prepared statements, temporary tables; and to more. Pure.

All of these end with the session, so that whoever goes on in the middle of a file in a new one has to know them. Where
a text does not tell, the answer is the careful one: it reads more, changes more, and lasts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from schemagate.kinds import OPAQUE, has_body
from schemagate.lexer import unquote, words
from schemagate.sql import Statement
from schemagate.wording import (
    CURSORS,
    INSERT_ID,
    PREPARED,
    ROW_COUNT,
    TABLE,
    USER_LOCKS,
    Word,
    assignments,
    calls_unknown,
    gives_insert_id,
    is_fickle,
    may_change,
    said,
    told_before,
    variables,
)

if TYPE_CHECKING:
    from schemagate.names import Name

# In a longer statement nobody looks for variables further than this.
LOOKED_AT = 100_000
# A variable, but not an address or an account; or a function that tells of the session.
SUSPECT = re.compile(
    rb"""(?<![\w'"`.@-])@[\w`'"@]|last_insert_id|row_count|found_rows|get_lock|release_lock""", re.IGNORECASE
)

# Statements that leave nothing behind but in the session, unless what they call does.
PASSING = frozenset(
    {
        "set", "select", "do", "show", "explain", "handler", "savepoint", "release savepoint",
        "rollback to savepoint", "start transaction", "commit", "checksum table", "help", "get",
    }
)  # fmt: skip
INSERTING = frozenset({"insert", "replace", "load data"})
CHANGING_TABLES = frozenset(
    {"alter table", "truncate table", "create index", "drop index", "optimize table", "analyze table"}
)
AGGREGATES = words("AVG COUNT MAX MIN SUM GROUP_CONCAT JSON_ARRAYAGG JSON_OBJECTAGG BIT_AND BIT_OR BIT_XOR STD STDDEV")


@dataclass(frozen=True, slots=True)
class Effects:
    """What a statement reads of its session, gives a new value there, adds to, and ends. `fickle`: run again, it may
    find something else. `lasting`: it may change more than the session. `unseen`: it runs what its text does not show.
    """

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    adds: frozenset[str] = frozenset()
    ends: frozenset[str] = frozenset()
    fickle: bool = False
    lasting: bool = False
    unseen: bool = False


LASTING = Effects(lasting=True)
INSERTED = Effects(lasting=True, adds=frozenset({INSERT_ID}), ends=frozenset({"@@insert_id"}))


@dataclass(slots=True)
class Around:
    """What is known of the session in which a statement runs: the temporary tables there, and the texts prepared."""

    temporary: set[str] = field(default_factory=set)
    spelled: set[str] = field(default_factory=set)  # the same, as they were written when they were made
    prepared: dict[str, str | None] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)  # user variables that are one string, known from the text

    def note_temporary(self, statement: Statement, kind: str) -> None:
        """Note which temporary tables there are after a statement, and nothing else."""
        self._note_spelling(statement, kind)
        if kind == "create temporary table":
            self.temporary |= {name.name.lower() for name in statement.names[:1]}
        elif self.temporary and kind in ("drop table", "drop temporary table"):
            self.temporary -= {name.name.lower() for name in statement.names}
        elif kind in OPAQUE or (kind == "alter table" and re.search(rb"\brename\b", statement.raw, re.IGNORECASE)):
            self.spelled.clear()  # it may have dropped them, or given them other names

    def certainly(self, name: Name) -> bool:
        """Is it a temporary table, whatever this schema is called and whether upper and lower case are the same?"""
        return name.schema is None and name.name in self.spelled

    def _note_spelling(self, statement: Statement, kind: str) -> None:
        if kind == "create temporary table":
            self.spelled |= {name.name for name in statement.names[:1]}

    def after(self, statement: Statement, kind: str, effects: Iterable[Effects]) -> None:
        """Note what a statement has made and ended."""
        for each in effects:
            self.temporary |= {thing.removeprefix(TABLE) for thing in each.writes if thing.startswith(TABLE)}
            self.temporary -= {thing.removeprefix(TABLE) for thing in each.ends if thing.startswith(TABLE)}
            for thing in each.writes | each.adds:
                self.constants.pop(thing, None)
        self._note_spelling(statement, kind)
        if kind == "prepare":
            name, text = _prepared(said(statement.head(LOOKED_AT)), self.constants)
            self.prepared[name] = text
        elif kind == "set":
            self.constants |= _constants(said(statement.head(LOOKED_AT)))


def effects_of(statement: Statement, kind: str, around: Around) -> tuple[Effects, ...]:
    """The effects of a statement, those of SET one assignment after the other."""
    if not around.temporary and kind not in OPAQUE and not _shows(statement, kind):
        return (INSERTED,) if kind in INSERTING else (LASTING,)
    found = said(statement.head(LOOKED_AT))
    match kind:
        case "set" | "set global":
            return _of_set(statement, kind, found, around)
        case "prepare":
            return (_of_prepare(found, around),)
        case "deallocate":
            return (Effects(ends=frozenset({PREPARED + unquote(found[-1].text).lower()})),)
        case "execute":
            return _of_execute(found, around)
        case "call" | "begin not atomic":
            reads, writes = variables(found)
            every = reads | writes
            return (Effects(every, adds=every | {INSERT_ID}, lasting=True, unseen=True),)
    return (_of_other(statement, kind, found, around),)


def _shows(statement: Statement, kind: str) -> bool:
    if kind in PASSING or kind in ("prepare", "deallocate", "create temporary table", "drop temporary table"):
        return True
    if len(statement.raw) <= LOOKED_AT:
        return SUSPECT.search(statement.raw) is not None
    return SUSPECT.search(statement.raw, 0, LOOKED_AT) is not None


def _named(names: Iterable[Name], around: Around) -> tuple[frozenset[str], bool]:
    """The temporary tables among the names, and whether there are others, or may be."""
    given = tuple(names)
    every = {name.name.lower() for name in given}
    others = not all(name.name.lower() in around.temporary and around.certainly(name) for name in given)
    return frozenset(TABLE + name for name in every & around.temporary), others


# --- the kinds -------------------------------------------------------------------------------------------------------


def _of_set(statement: Statement, kind: str, found: list[Word], around: Around) -> tuple[Effects, ...]:
    tables, others = _named(statement.names, around)
    result = []
    for target, value in assignments(found[1:]):
        inner, given = variables(value)
        query = any(token.text in ("SELECT", "TABLE", "VALUES", "WITH") for token in value)
        each = Effects(
            inner | told_before(value) | (tables if query else frozenset()),
            frozenset({target} if target else ()),
            given,
            fickle=is_fickle(value) or (query and others),
            lasting=kind != "set" or calls_unknown(value),
        )
        if any(token.text in ("GET_LOCK", "RELEASE_LOCK") for token in value):
            each = replace(each, adds=each.adds | {USER_LOCKS})
        result.append(each)
    return tuple(result)


def _constants(found: Sequence[Word]) -> dict[str, str]:
    return {
        target: unquote(value[0].text)
        for target, value in assignments(found[1:])
        if target[:2] != "@@" and len(value) == 1 and value[0].kind == "string"
    }


def _prepared(found: Sequence[Word], constants: Mapping[str, str]) -> tuple[str, str | None]:
    """The name of what a PREPARE makes, in small letters, and its text where that is known."""
    name = unquote(found[1].text).lower() if len(found) > 1 else ""
    source = found[3:]
    if len(source) == 1 and source[0].kind == "string":
        return name, unquote(source[0].text)
    return name, constants.get(source[0].text) if len(source) == 1 else None


def _of_prepare(found: Sequence[Word], around: Around) -> Effects:
    name, text = _prepared(found, around.constants)
    reads = variables(found)[0]
    if text is not None:  # what it names has to be there while it is prepared
        reads |= _named(_statement(text).names, around)[0]
    return Effects(reads, frozenset({PREPARED + name}), fickle=is_fickle(found))


def _statement(text: str) -> Statement:
    return Statement(text.encode(errors="surrogateescape"), 0, 0)


def _of_execute(found: list[Word], around: Around) -> tuple[Effects, ...]:
    text: str | None
    if len(found) > 1 and found[1].text == "IMMEDIATE":  # of MariaDB
        until = next((at for at, token in enumerate(found) if token.text == "USING"), len(found))
        source, given = found[2:until], variables(found[until:])[0]
        text = unquote(source[0].text) if len(source) == 1 and source[0].kind == "string" else None
        reads = given | variables(source)[0]
    else:
        name = unquote(found[1].text).lower() if len(found) > 1 else ""
        reads = variables(found)[0] | {PREPARED + name}
        text = around.prepared.get(name)
    if text is None:
        return (Effects(reads, adds=frozenset({INSERT_ID}), lasting=True, unseen=True),)
    inner = _statement(text)
    kind = inner.kind
    if kind in OPAQUE or kind == "prepare":
        return (Effects(reads, adds=frozenset({INSERT_ID}), lasting=True, unseen=True),)
    return tuple(replace(each, reads=each.reads | reads) for each in effects_of(inner, kind, around))


def _of_other(statement: Statement, kind: str, found: list[Word], around: Around) -> Effects:
    if has_body(kind):
        return LASTING
    names = statement.names
    tables, others = _named(names, around)
    reads, writes = variables(found)
    adds = frozenset(gives_insert_id(found))
    if (tables or others) and not _one_row(found):  # without a row, they keep what they had
        adds, writes = adds | writes, frozenset()
    if any(token.text in ("GET_LOCK", "RELEASE_LOCK") for token in found):
        adds |= {USER_LOCKS}
    lasting = calls_unknown(found) if kind in PASSING else True
    whole = Effects(
        reads | told_before(found) | tables, writes, adds, fickle=is_fickle(found) or others, lasting=lasting
    )
    if kind == "create temporary table":
        return _of_temporary(names, found, around, whole)
    if kind in ("drop temporary table", "drop table"):
        return replace(whole, reads=whole.reads - tables, ends=tables, lasting=kind == "drop table" and others)
    if kind in INSERTING:
        return _of_insert(names, found, around, whole)
    if kind in CHANGING_TABLES or kind in ("update", "delete"):
        return _of_change(kind, found, tables, others, whole)
    if kind == "handler":
        return replace(whole, adds=adds | {CURSORS}, fickle=True)
    return replace(whole, reads=whole.reads | {ROW_COUNT}) if kind == "get" else whole


def _of_temporary(names: Sequence[Name], found: Sequence[Word], around: Around, whole: Effects) -> Effects:
    thing = TABLE + names[0].name.lower() if names else TABLE
    query = next((at for at, token in enumerate(found) if token.text in ("SELECT", "WITH", "VALUES")), len(found))
    read, others = _named(names[1:], around)
    kept = thing in whole.reads and any(token.text == "EXISTS" for token in found[:query])
    return Effects(
        (whole.reads - {thing}) | read,
        whole.writes if kept else whole.writes | {thing},
        whole.adds | {thing} if kept else whole.adds,
        fickle=is_fickle(found) or others,
        lasting=calls_unknown(found[query:]),
    )


def _of_insert(names: Sequence[Name], found: Sequence[Word], around: Around, whole: Effects) -> Effects:
    adds, ends = whole.adds | {INSERT_ID}, frozenset({"@@insert_id"})
    thing = TABLE + names[0].name.lower() if names else TABLE
    if thing not in whole.reads:
        return replace(whole, adds=adds, ends=ends)
    fickle = is_fickle(found) or _named(names[1:], around)[1]
    lasting = calls_unknown(_behind_columns(found)) or not around.certainly(names[0])
    return replace(whole, adds=adds | {thing}, ends=ends, fickle=fickle, lasting=lasting)


def _of_change(kind: str, found: Sequence[Word], tables: frozenset[str], others: bool, whole: Effects) -> Effects:
    if tables and not others:
        renames = any(token.text == "RENAME" for token in found)
        lasting = calls_unknown(found) if kind in ("update", "delete") else renames
        return replace(whole, adds=whole.adds | tables, lasting=lasting)
    if tables and may_change(kind, found, {thing.removeprefix(TABLE) for thing in tables}):
        return replace(whole, adds=whole.adds | tables)
    return whole


def _one_row(found: Sequence[Word]) -> bool:
    """Does a SELECT answer one row for certain?"""
    texts = {token.text for token in found if token.kind == "word"}
    return bool(texts & AGGREGATES) and not texts & {"GROUP", "HAVING", "LIMIT", "UNION", "OVER"}


def _behind_columns(found: Sequence[Word]) -> Sequence[Word]:
    """An INSERT from behind its table and columns on: a parenthesis there calls nothing."""
    return found[
        next((at for at, token in enumerate(found) if token.text in ("VALUES", "VALUE", "SELECT", "SET")), 0) :
    ]
