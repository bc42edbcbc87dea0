"""The objects that a statement names, and the schemas it names them in.

One pass over the tokens follows the places where the grammar has an object: behind TABLE, INTO, FROM, JOIN, REFERENCES
and so on, at every depth of parentheses and in the bodies of routines. It knows no scopes: the name of a common table
expression is reported like that of a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from schemagate.kinds import kind_of
from schemagate.lexer import BLANKS, LETTER, QUOTED, STRING, Text, capitals, compiled, lexemes, name_of, words


@dataclass(frozen=True, slots=True)
class Name:
    """An object as a statement names it, unquoted; `schema` is None where the statement does not say."""

    schema: str | None
    name: str


@dataclass(frozen=True, slots=True)
class Qualifier:
    """A `schema.` in front of a name: `[start:end]` is from the schema's word to behind the dot.

    Not `certain`: it may as well be a table or an alias in front of a column, or NEW or OLD.
    """

    schema: str
    start: int
    end: int
    certain: bool


# Words that may stand between a keyword and the name it announces.
BETWEEN = words("AS CONCURRENT DELAYED EXISTS HIGH_PRIORITY IF IGNORE INTO LATERAL LOW_PRIORITY NOT TABLE TABLES TO")
# Where a name was expected and one of these comes, there is none; and here a list of tables ends.
ENDINGS = words("EXCEPT GROUP HAVING INTERSECT LIMIT ORDER RETURNING SELECT SET UNION VALUE VALUES WHERE WINDOW WITH")
# INSERT, UPDATE and DELETE behind these are no verbs: ON UPDATE CASCADE, FOR UPDATE, BEFORE INSERT OR DELETE, GRANT.
NO_VERB = frozenset({"ON", "FOR", "KEY", "BEFORE", "AFTER", "OR", ",", "GRANT", "REVOKE", "OF"})
LISTS = frozenset(
    {"rename table", "lock tables", "flush", "optimize table", "analyze table", "check table", "checksum table"}
    | {"repair table", "truncate table"}
)
SEQUENCE_CALLS = frozenset({"NEXTVAL", "LASTVAL", "SETVAL"})
# The kinds in which `word (` may be the call of a stored function, and words that are none.
CALLING = frozenset(
    {"insert", "replace", "update", "delete", "select", "set", "do", "call", "create view", "alter view", "alter event"}
    | {"create procedure", "create function", "create trigger", "create event", "begin not atomic", "load data"}
)
BUILT_IN = words(
    """
    ABS ADDDATE ADDTIME ALL ALTER AND ANY ANY_VALUE AS ASCII AVG BETWEEN BIGINT BINARY BIN_TO_UUID BIT BIT_AND BIT_OR
    BLOB BOTH BY CALL CASE CAST CEIL CEILING CHAR CHARACTER CHAR_LENGTH CHECK COALESCE COLUMNS CONCAT CONCAT_WS
    CONTINUE CONVERT COUNT CRC32 CUME_DIST CURDATE CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER CURTIME
    DATABASE DATE DATEDIFF DATETIME DATE_ADD DATE_FORMAT DATE_SUB DAY DAYOFMONTH DAYOFWEEK DAYOFYEAR DECIMAL DECLARE
    DEFAULT DENSE_RANK DISTINCT DIV DOUBLE ELSE ELT ENUM EXCEPT EXISTS EXTRACT FIELD FIND_IN_SET FIRST_VALUE FLOAT
    FLOOR FORMAT FOUND_ROWS FROM FROM_DAYS FROM_UNIXTIME GET_LOCK GREATEST GROUP GROUPING GROUP_CONCAT HAVING HEX HOUR
    IF IFNULL IN INDEX INET6_ATON INET6_NTOA INET_ATON INET_NTOA INSERT INSTR INT INTEGER INTERSECT INTERVAL INTO IS
    ISNULL ITERATE JOIN JSON_ARRAY JSON_ARRAYAGG JSON_CONTAINS JSON_EXTRACT JSON_INSERT JSON_LENGTH JSON_MERGE_PATCH
    JSON_OBJECT JSON_OBJECTAGG JSON_QUOTE JSON_REMOVE JSON_REPLACE JSON_SEARCH JSON_SET JSON_TABLE JSON_TYPE
    JSON_UNQUOTE JSON_VALID JSON_VALUE KEY LAG LAST_INSERT_ID LAST_VALUE LCASE LEAD LEAST LEAVE LEFT LENGTH LIKE LIMIT
    LN LOCATE LOG LONGTEXT LOWER LPAD LTRIM MAKEDATE MATCH MAX MD5 MEDIUMINT MICROSECOND MID MIN MINUTE MOD MONTH
    MONTHNAME NOT NOW NTH_VALUE NTILE NULLIF NUMERIC OCT ON OR ORD ORDER OVER PARTITION PERCENT_RANK PI POINT POSITION
    POW POWER PRIMARY QUARTER QUOTE RAND RANGE RANK REFERENCES REGEXP REGEXP_LIKE REGEXP_REPLACE REGEXP_SUBSTR
    RELEASE_LOCK REPEAT REPLACE RETURN REVERSE RIGHT RLIKE ROUND ROW ROW_COUNT ROW_NUMBER RPAD RTRIM SECOND SELECT
    SESSION_USER SET SHA SHA1 SHA2 SIGN SLEEP SMALLINT SOME SPACE SQRT STD STDDEV STRCMP STR_TO_DATE SUBDATE SUBSTR
    SUBSTRING SUBSTRING_INDEX SUM SYSDATE TEXT THEN TIME TIMEDIFF TIMESTAMP TIMESTAMPADD TIMESTAMPDIFF TINYINT TRIM
    TRUNCATE UCASE UNHEX UNION UNIQUE UNIX_TIMESTAMP UNTIL UPPER USER USING UTC_DATE UTC_TIME UTC_TIMESTAMP UUID
    UUID_SHORT UUID_TO_BIN VALUE VALUES VARBINARY VARCHAR VARIANCE VERSION WEEK WEEKDAY WHEN WHERE WHILE WITH XOR YEAR
    """
)


def names_of(text: Text) -> tuple[Name, ...]:
    """The objects named as target or reference, in order of appearance; rather one too many than one too few.

    Each is there once, however many rows call the same function; but all are that RENAME names, which come in pairs.
    """
    if found := _rows_only(text):
        schema, name = (_lexeme(found[each]) for each in ("schema", "name"))
        return (Name(name_of(schema, text) if schema else None, name_of(name, text)),)
    all_of = (
        Name(name_of(item.parts[-2], text) if len(item.parts) > 1 else None, name_of(item.parts[-1], text))
        for item, named in _references(text)
        if named
    )
    return tuple(all_of if kind_of(text).startswith("rename") else dict.fromkeys(all_of))


# Those of short statements are asked for several times in a start.
names_of_short = lru_cache(maxsize=2048)(names_of)


def qualifiers(text: Text) -> tuple[Qualifier, ...]:
    """Every `schema.` in the text, and every word with a dot that might be one, in order."""
    if found := _rows_only(text):
        schema = _lexeme(found["schema"])
        return (Qualifier(name_of(schema, text), *found.span("qualifier"), True),) if schema else ()
    return tuple(
        Qualifier(name_of(item.parts[0], text), item.start, item.dot, certain=named or len(item.parts) > 2)
        for item, named in _references(text)
        if len(item.parts) > 1
    )


def _lexeme(found: str | bytes | None) -> str:
    return found.decode("latin-1") if isinstance(found, bytes) else found or ""


def _rows_only(text: Text) -> re.Match[Any] | None:
    """An INSERT of plain values, which needs no look at its million tokens: there is one name in it."""
    return _insert(not isinstance(text, str)).fullmatch(text)


@cache
def _insert(binary: bool) -> re.Pattern[Any]:
    name, blanks = rf"(?:{QUOTED}|{LETTER}++)", rf"[{BLANKS}]*+"
    some = rf"[{BLANKS}]++"
    number = r"[-+]?(?:\d++(?:\.\d*+)?+|\.\d++)(?:[eE][-+]?\d++)?+"
    value = rf"{STRING}|{number}(?!{LETTER})|{LETTER}++(?={blanks}[,)']|\(\))(?:\(\))?+"
    return compiled(
        rf"(?:INSERT|REPLACE){some}(?:IGNORE{some})?INTO{some}"
        rf"(?P<qualifier>(?P<schema>{name}){blanks}\.)?+{blanks}(?P<name>{name}){blanks}"
        rf"(?:\((?:{blanks}{name}{blanks},?)*+\){blanks})?+VALUES?{blanks}\((?:[{BLANKS}(),]++|{value})*+",
        re.IGNORECASE | re.ASCII | re.DOTALL,
        binary,
    )


@dataclass(frozen=True, slots=True)
class _Item:
    """A name with its dots, or any other token. `word` is in capitals, and "" for a quoted or dotted name."""

    word: str
    parts: tuple[str, ...]
    start: int
    dot: int = 0  # where the first dot ends


def _items(text: Text) -> Iterator[_Item]:
    """The tokens that the parser sees, names put together, and an empty item at the end."""
    stream = (each for each in lexemes(text) if each[0] not in ("space", "comment", "hint"))
    held = next(stream, None)
    while held is not None:
        kind, first, start = held
        held = next(stream, None)
        if kind not in ("word", "quoted"):
            yield _Item(first, (), start)
            continue
        parts, dot = [first], 0
        while held is not None and held[1] == ".":
            dot = dot or held[2] + 1
            held = next(stream, None)
            if held is not None and (held[0] in ("word", "quoted") or held[1] == "*"):
                parts.append(held[1])
                held = next(stream, None)
        if first[0] != "@":
            yield _Item(capitals(first) if kind == "word" and len(parts) == 1 else "", tuple(parts), start, dot)
    yield _Item("", (), len(text))


def _references(text: Text) -> Iterator[tuple[_Item, bool]]:
    """Every name, and whether it is that of an object; the others are columns, aliases, and words of the language."""
    reader, held = _Reader(kind_of(text)), None
    for following in _items(text):
        if held is not None:
            named = reader.read(held, following.word)
            if held.parts:
                yield held, named
        held = following


@dataclass(slots=True)
class _Frame:
    """What is known within one pair of parentheses."""

    expecting: bool = False  # a name comes next
    listing: bool = False  # a comma announces one more
    verb: str = ""


class _Reader:
    """Tells of one item after another whether it names an object, by the words before it."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        verb, _, thing = kind.partition(" ")
        self._object = thing.upper() if verb in ("create", "alter", "drop") else ""
        self._located = kind not in ("create index", "drop index", "create trigger", "grant", "revoke")
        self._frames = [_Frame()]
        self._before = ("", "")  # the two items before; "name" for an object

    def read(self, item: _Item, following: str) -> bool:
        named = self._name(item, following) if item.parts else self._punctuation(item.word)
        self._before = (self._before[1], "name" if named else item.word)
        return named

    def _punctuation(self, mark: str) -> bool:
        frame, last = self._frames[-1], self._before[1]
        if mark == "(":
            union = self._before == ("UNION", "=")
            expecting = frame.expecting or union or last in SEQUENCE_CALLS
            self._frames.append(_Frame(expecting, frame.expecting or union))
            frame.expecting = False
        elif mark == ")" and len(self._frames) > 1:
            self._frames.pop()
        elif mark == ";":
            self._frames = [_Frame()]
        elif mark == ",":
            frame.expecting = frame.listing
        elif mark != "=" or last != "RENAME":
            frame.expecting = False
        return False

    def _name(self, item: _Item, following: str) -> bool:
        frame, word = self._frames[-1], item.word
        if frame.expecting and word in BETWEEN:
            return False
        if frame.expecting and word not in ENDINGS:
            frame.expecting = False
            return word != "DUAL" and not (word in BUILT_IN and following == "(" and frame.listing)
        frame.expecting = False
        if word in ENDINGS:
            frame.listing = False
        if word and self._announces(word, following, frame):
            frame.expecting = True
            return False
        called = following == "(" and self._kind in CALLING and self._before[1] != "."
        return called and word not in BUILT_IN and word not in SEQUENCE_CALLS

    def _announces(self, word: str, following: str, frame: _Frame) -> bool:
        """Does a name of an object come next?"""
        last = self._before[1]
        match word:
            case "SELECT":
                frame.verb = word
            case "INSERT" | "REPLACE" if last not in NO_VERB and following != "(":
                frame.verb, frame.listing = word, False
                return True
            case "UPDATE" if last not in NO_VERB or (last == "FOR" and not frame.verb):
                frame.verb, frame.listing = word, True
                return True
            case "DELETE" if last not in NO_VERB:
                frame.verb, frame.listing = word, False
            case "LOAD" | "SHOW":
                frame.verb = word
            case "FROM" if frame.verb:
                frame.listing = True
                return True
            case "JOIN" | "STRAIGHT_JOIN":
                return frame.listing and last != "FOR"
            case "INTO":
                return frame.verb in ("INSERT", "REPLACE", "LOAD")
            case "USING":
                return frame.verb == "DELETE" and following != "("
            case "REFERENCES" | "CALL":
                return True
            case "TRUNCATE":
                return following != "("
            case "TABLE" | "TABLES":
                frame.listing = self._kind in LISTS or self._kind.startswith("drop ")
                return True
            case _:
                return self._announces_by_kind(word, following, frame)
        return False

    def _announces_by_kind(self, word: str, following: str, frame: _Frame) -> bool:
        last = self._before[1]
        if word == self._object:
            self._object, frame.listing = "", self._kind.startswith("drop ") and self._kind != "drop index"
            return word not in ("INDEX", "DATABASE", "USER", "ROLE")
        if word == "ON" and not self._located:
            return self._locate()
        match word:
            case "TO":
                return self._kind == "rename table"
            case "RENAME":
                return self._kind in ("alter table", "alter event") and following not in ("COLUMN", "INDEX", "KEY")
            case "LIKE":
                return self._kind.startswith("create") and self._kind.endswith(" table") and last in ("name", "(")
            case "FOLLOWS" | "PRECEDES":
                return self._kind == "create trigger"
            case "FOR":
                return last == "VALUE" and self._before[0] in ("NEXT", "PREVIOUS")
        return False

    def _locate(self) -> bool:
        self._located = True
        return True
