"""The text of a statement as what matters to a session: its variables, and what run again says something else. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from schemagate.lexer import lexemes, unquote, words
from schemagate.names import BUILT_IN

# Things of a session that have no name of their own.
INSERT_ID, FOUND_ROWS, ROW_COUNT, USER_LOCKS, CURSORS = (
    "LAST_INSERT_ID()", "FOUND_ROWS()", "ROW_COUNT()", "GET_LOCK()", "HANDLER",
)  # fmt: skip
TABLE, PREPARED = "TABLE ", "PREPARE "
# Run again, these say something else: the clock, chance, the session, the server.
FICKLE = words(
    """
    CONNECTION_ID CURDATE CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURTIME IS_FREE_LOCK IS_USED_LOCK LASTVAL
    LOAD_FILE LOCALTIME LOCALTIMESTAMP NEXTVAL NOW RAND RANDOM_BYTES SETVAL SLEEP SYSDATE SYS_GUID UNIX_TIMESTAMP
    UTC_DATE UTC_TIME UTC_TIMESTAMP UUID UUID_SHORT UUID_V4 UUID_V7
    """
)
# System variables that do: those of one moment, and all that are not the session's.
FICKLE_VARIABLES = re.compile(
    r"@@(global\.|persist|error_count|warning_count|timestamp|rand_seed|pseudo_thread_id|gtid|last_gtid|in_transaction"
    r"|statement_id|hostname|server_uuid|insert_id)",
    re.IGNORECASE,
)
BEYOND = words("GLOBAL PERSIST PERSIST_ONLY")  # such a variable is not the session's
# Behind the name of a table these are no alias.
NO_ALIAS = words("SET JOIN INNER LEFT RIGHT CROSS NATURAL STRAIGHT_JOIN ON USING WHERE USE FORCE IGNORE PARTITION FOR")
PARTS_OF_UPDATE = words("WHERE ORDER LIMIT RETURNING")
# Functions and words of the language beside those that `names` knows; any other word in front of a parenthesis may be a
# stored function, which may change rows.
HARMLESS = BUILT_IN | FICKLE | words(
    """
    ACOS AES_DECRYPT AES_ENCRYPT ASIN ATAN ATAN2 BENCHMARK BIN BIT_COUNT BIT_LENGTH BIT_XOR CAST CHARACTER_LENGTH
    CHARSET COERCIBILITY COLLATION COLUMN_JSON COMPRESS CONV COS COT CURRENT_ROLE DAYNAME DEGREES EXP EXPORT_SET
    FORMAT_BYTES FROM_BASE64 GEOMFROMTEXT GET_FORMAT IS_IPV4 IS_IPV6 IS_UUID JSON JSON_COMPACT JSON_DEPTH JSON_EXISTS
    JSON_KEYS JSON_LOOSE JSON_MERGE JSON_MERGE_PRESERVE JSON_OBJECTAGG JSON_OVERLAPS JSON_PRETTY JSON_QUERY
    JSON_SCHEMA_VALID JSON_SET JSON_VALUE LOG10 LOG2 MAKE_SET MAKETIME NAME_CONST NATURAL_SORT_KEY OCTET_LENGTH
    OVERLAY PASSWORD PERIOD_ADD PERIOD_DIFF POWER RADIANS RELEASE_LOCK SCHEMA SEC_TO_TIME SIN SIGNED SOUNDEX SPACE
    STDDEV_POP STDDEV_SAMP ST_ASTEXT ST_GEOMFROMTEXT SUBSTRING_INDEX SYSTEM_USER TAN TIME_FORMAT TIME_TO_SEC TO_BASE64
    TO_CHAR TO_DAYS TO_SECONDS UNCOMPRESS UNSIGNED UUID_TO_BIN VARIANCE VAR_POP VAR_SAMP WEEKOFYEAR WEIGHT_STRING
    YEARWEEK UPDATEXML EXTRACTVALUE ARRAY NUMERIC_ROUND USE FORCE IGNORE KEY INDEX PARTITION OFFSET EXPLAIN
    """
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Word:
    kind: str  # "word" is in capitals, "variable" with its @ and in small letters; else as in `lexer`
    text: str


def said(text: str) -> list[Word]:
    """What the parser sees; a user variable in any spelling is one token, and no account is one."""
    found: list[Word] = []
    end = -1
    for kind, lexeme, start in lexemes(text):
        after_name = bool(found) and start == end and found[-1].kind in ("word", "quoted", "string", "account")
        follows_at = bool(found) and start == end and found[-1].text == "@"
        if kind in ("space", "comment", "hint"):
            continue
        end = start + len(lexeme)
        if follows_at and kind in ("quoted", "string", "word"):
            was = found.pop()
            found.append(Word("account" if was.kind == "account" else "variable", "@" + unquote(lexeme).lower()))
        elif lexeme[0] == "@" and lexeme[:2] != "@@":
            found.append(Word("account" if after_name else "variable", lexeme.lower()))
        elif kind == "word" and lexeme[:2] == "@@":
            found.append(Word("system", lexeme.lower()))
        else:
            found.append(Word(kind, lexeme.upper() if kind == "word" else lexeme))
    return _joined(found)


def _joined(found: list[Word]) -> list[Word]:
    """`@@session.x` and `@a.b` are one token each."""
    result: list[Word] = []
    for token in found:
        if result and result[-1].kind in ("system", "variable") and result[-1].text.endswith("."):
            before = result.pop()
            result.append(Word(before.kind, before.text + unquote(token.text).lower()))
        elif result and result[-1].kind in ("system", "variable") and token.text == ".":
            before = result.pop()
            result.append(Word(before.kind, before.text + "."))
        else:
            result.append(token)
    return result


def variables(found: Sequence[Word]) -> tuple[frozenset[str], frozenset[str]]:
    """The user variables read, and those given a value by `:=` and INTO. One that is both is read."""
    reads: list[str] = []
    writes: set[str] = set()
    into = False
    for at, token in enumerate(found):
        following = found[at + 1].text if at + 1 < len(found) else ""
        into = token.text == "INTO" or (into and (token.kind == "variable" or token.text == ","))
        if token.kind != "variable":
            continue
        if into or following == ":=":
            writes.add(token.text)
        else:
            reads.append(token.text)
    return frozenset(reads), frozenset(writes)


def told_before(found: Sequence[Word]) -> frozenset[str]:
    """What is read by a function or a system variable that tells of a statement before."""
    reads: set[str] = set()
    for at, token in enumerate(found):
        called = [each.text for each in found[at + 1 : at + 3]]
        if token.text == "LAST_INSERT_ID" and called == ["(", ")"]:
            reads.add(INSERT_ID)
        elif token.text in ("FOUND_ROWS", "ROW_COUNT") and called[:1] == ["("]:
            reads.add(f"{token.text}()")
        elif token.kind == "system":
            name = token.text.rpartition(".")[2].lstrip("@")
            reads.add(
                {"identity": INSERT_ID, "last_insert_id": INSERT_ID, "warning_count": ROW_COUNT}.get(name, f"@@{name}")
            )
    return frozenset(reads)


def is_fickle(found: Sequence[Word]) -> bool:
    """Does it say something else if it is run again, without looking at a row?"""
    for at, token in enumerate(found):
        if token.text == "UNIX_TIMESTAMP" and [each.text for each in found[at + 1 : at + 3]] != ["(", ")"]:
            continue
        if (token.kind == "word" and token.text in FICKLE) or (
            token.kind == "system" and FICKLE_VARIABLES.match(token.text)
        ):
            return True
    return False


def calls_unknown(found: Sequence[Word]) -> bool:
    """May it call a stored function, or move a sequence?"""
    for at, token in enumerate(found[:-1]):
        following = found[at + 1].text
        if token.kind == "word" and token.text in ("NEXTVAL", "SETVAL"):
            return True
        if token.text == "NEXT" and following == "VALUE":
            return True
        stored = token.kind == "quoted" or (token.kind == "word" and token.text not in HARMLESS)
        if following == "(" and stored and (at == 0 or found[at - 1].text != "AS"):
            return True
    return False


def gives_insert_id(found: Sequence[Word]) -> Iterable[str]:
    """LAST_INSERT_ID with an argument gives it a value."""
    for at, token in enumerate(found):
        if token.text == "LAST_INSERT_ID" and [each.text for each in found[at + 1 : at + 3]] not in (["(", ")"], []):
            yield INSERT_ID


def named_variables(text: str) -> frozenset[str]:
    """The user variables that a text names anywhere, with their @, in small letters."""
    return frozenset(word.text for word in said(text) if word.kind == "variable") if "@" in text else frozenset()


def assignments(found: Sequence[Word]) -> Iterable[tuple[str, list[Word]]]:
    """What each assignment of a SET gives a value, "" where that is gone with the next statement; and the value."""
    part: list[Word] = []
    depth = 0
    for token in (*found, Word("punctuation", ",")):
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if token.text != "," or depth > 0:
            part.append(token)
            continue
        if part:
            yield _assignment(part)
        part = []


def _assignment(part: list[Word]) -> tuple[str, list[Word]]:
    scoped = part[0].text in ("SESSION", "LOCAL")
    rest = part[1:] if scoped else part
    sign = next((at for at, token in enumerate(rest) if token.text in ("=", ":=")), None)
    if sign is None or rest[0].text in ("NAMES", "CHARACTER", "CHARSET", "TRANSACTION"):
        once = rest[0].text == "TRANSACTION" and not scoped
        return ("" if once else f"@@{rest[0].text.lower()}"), rest[1:]
    target, value = rest[0], rest[sign + 1 :]
    if target.kind == "variable":
        return target.text, value
    if rest[0].text in BEYOND or rest[0].text.startswith(("@@global.", "@@persist")):
        return "", value
    name = unquote(rest[sign - 1].text).lower().rpartition(".")[2].lstrip("@")
    return (INSERT_ID if name in ("last_insert_id", "identity") else f"@@{name}"), value


def may_change(kind: str, found: Sequence[Word], tables: Collection[str]) -> bool:
    """Does an UPDATE or DELETE of several tables change one of these, as far as its text tells? Rather yes than no."""
    known = set(tables)
    for before, token in pairwise(found):
        if unquote(before.text).lower() in tables and token.kind in ("word", "quoted") and token.text not in NO_ALIAS:
            known.add(unquote(token.text).lower())
    for at, token in enumerate(found):
        if token.text == "AS" and unquote(found[at - 1].text).lower() in tables and at + 1 < len(found):
            known.add(unquote(found[at + 1].text).lower())
    texts = [unquote(token.text).lower() for token in found]
    if kind == "delete":
        begin = 1
        while texts[begin : begin + 1] and texts[begin] in ("low_priority", "quick", "ignore"):
            begin += 1
        begin += texts[begin : begin + 1] == ["from"]
        end = next((at for at in range(begin, len(texts)) if texts[at] in ("from", "using", "where")), len(texts))
        return bool(known & set(texts[begin:end]))
    if kind != "update" or "set" not in texts:
        return True
    begin = texts.index("set") + 1
    depth, start = 0, True
    for at in range(begin, len(texts)):
        depth += {"(": 1, ")": -1}.get(texts[at], 0)
        if depth == 0 and found[at].text in PARTS_OF_UPDATE:
            break
        if start and (texts[at + 1 : at + 2] != ["."] or known.intersection(texts[at : at + 3])):
            return True
        start = depth == 0 and texts[at] == ","
    return False
