"""Which kind of statement a text is: its verb and the kind of object, in small letters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import Any

from schemagate.lexer import BLANKS, Text, compiled, significant, words

# What comes by the million is known by its first word.
PLAIN = {"INSERT": "insert", "REPLACE": "replace", "UPDATE": "update", "DELETE": "delete", "SELECT": "select"}
MAIN_VERBS = words("SELECT INSERT REPLACE UPDATE DELETE TABLE VALUES")
ALONE = {"TABLE": "select", "VALUES": "select", "DESC": "explain", "DESCRIBE": "explain"}
OBJECTS = {"TABLES": "table", "SCHEMA": "database"}
# Words between CREATE, ALTER or DROP and the kind of object that say something about the object.
QUALITIES = words(
    "OR REPLACE AGGREGATE UNIQUE FULLTEXT SPATIAL VECTOR ONLINE OFFLINE IGNORE SQL SECURITY DEFINER INVOKER ALGORITHM"
    " UNDEFINED MERGE TEMPTABLE UNDO EXTERNAL MATERIALIZED"
)
# Verbs whose kind is verb and next word, the words that may be between, and where two spellings are one kind.
WITH_OBJECT = words("RENAME LOCK UNLOCK LOAD START STOP OPTIMIZE ANALYZE CHECK CHECKSUM REPAIR RELEASE IMPORT")
BETWEEN = words("NO_WRITE_TO_BINLOG LOCAL")
SPELLINGS = {"lock table": "lock tables", "unlock table": "unlock tables"}
# They change the structure of what they name, or the session, and nothing else.
STRUCTURE = frozenset(
    f"{verb} {noun}"
    for verb in ("create", "alter", "drop", "rename", "truncate")
    for noun in ("table", "view", "index", "trigger", "procedure", "function", "event", "sequence", "temporary table")
)
# Statements of data.
DATA = frozenset({"insert", "replace", "update", "delete", "load data"})
# What they run is not in their text, and may be anything.
OPAQUE = frozenset({"call", "execute", "begin not atomic"})
BEYOND_SESSION = words("GLOBAL PERSIST PERSIST_ONLY @@GLOBAL @@PERSIST @@PERSIST_ONLY")


def kind_of(text: Text) -> str:
    """The kind, as `Statement.kind` promises it; the first word where nothing more is known."""
    binary = not isinstance(text, str)
    found = _first_word(binary).match(text)
    if found and (plain := PLAIN.get((found[1].decode() if binary else found[1]).upper())):
        return plain
    kind = _kind(word for kind, word, _ in significant(text) if kind in ("word", "punctuation"))
    return kind if kind.isascii() else ""  # no statement of any server begins so


@cache
def _first_word(binary: bool) -> re.Pattern[Any]:
    return compiled(rf"[{BLANKS}]*([A-Za-z]+)", re.ASCII, binary)


def has_body(kind: str) -> bool:
    """Does such a statement define statements that run later: procedure, function, trigger, event?"""
    return kind in {"create procedure", "create function", "create trigger", "create event", "alter event"}


def _kind(following: Iterator[str]) -> str:
    verb = next((word for word in following if word != "("), "")
    match verb:
        case "CREATE" | "ALTER" | "DROP":
            return _of_object(verb, following)
        case "SET":
            return _of_set(following)
        case "WITH":
            return _of_with(following)
        case "BEGIN":
            return "begin not atomic" if next(following, "") == "NOT" else "start transaction"
        case "ROLLBACK":
            word = next((word for word in following if word != "WORK"), "")
            return "rollback to savepoint" if word == "TO" else "rollback"
        case "TRUNCATE":
            return "truncate table"
    if verb in WITH_OBJECT:
        return _with_object(verb, following)
    return PLAIN.get(verb) or ALONE.get(verb) or verb.lower()


def _with_object(verb: str, following: Iterator[str]) -> str:
    word = next((word for word in following if word not in BETWEEN), "")
    if verb == "ANALYZE" and word not in ("TABLE", "TABLES"):  # MariaDB runs the statement that comes then
        main = next((each for each in chain((word,), following) if each in MAIN_VERBS), "")
        return PLAIN.get(main, "analyze")
    if verb not in ("LOCK", "UNLOCK"):
        word = OBJECTS.get(word, word)
    kind = f"{verb} {word}".strip().lower()
    return SPELLINGS.get(kind, kind)


def _of_object(verb: str, following: Iterator[str]) -> str:
    temporary, before = "", ""
    for word in following:
        previous, before = before, word
        if word == "DEFINER" and previous != "SECURITY":
            if next(following, "") == "=":
                next(following, "")  # a name, which may be any word
        elif word == "TEMPORARY":
            temporary = "temporary "
        elif word == "REFERENCE":
            return f"{verb.lower()} spatial reference system"
        elif word == "PREPARE":
            return "deallocate"
        elif word[0].isalpha() and word not in QUALITIES:
            return f"{verb} {temporary}{OBJECTS.get(word, word)}".lower()
    return verb.lower()


def _of_set(following: Iterator[str]) -> str:
    first = next(following, "")
    if first == "STATEMENT":  # SET STATEMENT variable = value FOR a statement of any kind
        return _kind(following) if "FOR" in following else "set"
    if first in ("PASSWORD", "DEFAULT"):  # SET DEFAULT ROLE: like a password, it is the account's for good
        return "set global"
    found = {first, *following}
    if found & BEYOND_SESSION:
        return "set global"
    return "set autocommit" if found & {"AUTOCOMMIT", "@@AUTOCOMMIT"} else "set"


def _of_with(following: Iterator[str]) -> str:
    depth = 0
    for word in following:
        depth += {"(": 1, ")": -1}.get(word, 0)
        if depth == 0 and word in MAIN_VERBS:
            return PLAIN.get(word, "select")
    return "with"
