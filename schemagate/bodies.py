"""Where a statement with a body ends: the `;` that belongs to no statement inside it.

Procedures, functions, triggers, events and MariaDB's anonymous blocks hold statements that end with `;` themselves. A
file may wrap them in DELIMITER lines, as the clients need it; here it need not, because the blocks are followed as the
server's grammar has them. Words count only where a statement may begin or where their block expects them, so that
columns called `end` or `begin`, CASE expressions and IF() do no harm.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from schemagate.lexer import Text, significant, words

BODIES = frozenset({"PROCEDURE", "FUNCTION", "TRIGGER", "EVENT"})
# What a statement in a body may begin with to open a block of its own, and the word behind which its statements begin.
OPENERS = {"BEGIN": None, "LOOP": None, "REPEAT": None, "IF": "THEN", "CASE": "THEN", "WHILE": "DO", "FOR": "DO"}
EXPRESSION = "CASE … END"  # a CASE inside an expression, as it stands on the stack
# Words behind which an operand is still to come, so that END, THEN or DO there are somebody's column.
EXPECTING = words(
    "ALL AND AS BETWEEN BINARY BY CASE COLLATE DISTINCT DIV ELSE ELSEIF ESCAPE FROM HAVING IF IN INTERVAL LIKE MOD NOT"
    " ON OR REGEXP RETURN RLIKE SELECT SET THEN UNTIL VALUES WHEN WHERE WHILE XOR"
)
# The first words of those statements that may be the whole body of a routine, without BEGIN.
SIMPLE = words(
    "ALTER ANALYZE CALL CHECK CLOSE COMMIT CREATE DEALLOCATE DECLARE DELETE DO DROP EXECUTE EXPLAIN FETCH FLUSH GET"
    " GRANT HANDLER INSERT ITERATE KILL LEAVE LOAD LOCK OPEN OPTIMIZE PREPARE RELEASE RENAME REPLACE RESIGNAL RETURN"
    " REVOKE ROLLBACK SAVEPOINT SELECT SET SHOW SIGNAL START TRUNCATE UNLOCK UPDATE VALUES WITH"
)
Lexeme = tuple[str, str, int]


def body_end(text: Text, start: int) -> tuple[int, bool] | None:
    """The offset of the `;` that ends the statement with a body at `start`, and whether blocks are open there.

    None: there is no body at `start`; the first `;` ends it. An offset of -1: the text ends first.
    """
    stream = significant(text, start)
    first = _body(stream)
    if first is None:
        return None
    blocks = Blocks()
    for kind, word, offset in chain(first, stream):
        if word == ";" and not blocks.opened:
            return offset, False
        blocks.feed(kind, word)
    return -1, bool(blocks.opened)


@dataclass(slots=True)
class Blocks:
    """The blocks that are open, while the tokens of a body are fed in, the first one being the begin of a statement."""

    opened: list[str] = field(default_factory=list)
    beginning: bool = True  # may a statement begin here?
    label: bool = False  # has one begun with the word before this token, which a colon would make a label?
    handler: bool = False  # within the conditions of DECLARE … HANDLER FOR
    until: bool = False  # within the condition that ends a REPEAT
    previous: str = ""
    operand: bool = False  # can the token before this one end an expression?

    def feed(self, kind: str, text: str) -> None:
        beginning, labelled = self.beginning, self.label
        self.beginning = self.label = False
        if kind == "word" and self.previous != ".":
            if beginning or (self.handler and self.previous not in ("FOR", ",", "SQLSTATE", "VALUE", "NOT")):
                self.handler = False
                self._begin(text)
            else:
                self._within(text)
        elif kind == "quoted":
            self.label = beginning
        elif text == ";":
            while self.opened and self.opened[-1] == EXPRESSION:
                self.opened.pop()
            self.beginning, self.handler = True, False
        elif text == ":":
            self.beginning = labelled
        self.operand = text == ")" or self.previous == "." or (kind != "punctuation" and text not in EXPECTING)
        self.previous = text

    def _begin(self, word: str) -> None:
        if word in OPENERS:
            self.opened.append(word)
            self.beginning = OPENERS[word] is None
        elif word == "END":
            self._close()
        elif word == "ELSE" or (word, self.previous) in (("NOT", "BEGIN"), ("ATOMIC", "NOT")):
            self.beginning = True
        elif word == "UNTIL":
            self.until = True
        else:
            self.label = True

    def _within(self, word: str) -> None:
        inner = self.opened[-1] if self.opened else ""
        if word == "CASE" and self.previous != "END":
            self.opened.append(EXPRESSION)
        elif word == "END" and self.operand and inner == EXPRESSION:
            self.opened.pop()
        elif word == "END" and self.operand and inner == "REPEAT" and self.until:
            self._close()
        elif word in ("THEN", "DO") and self.operand and OPENERS.get(inner) == word:
            self.beginning = True
        elif word == "FOR" and self.previous == "HANDLER":
            self.handler = True

    def _close(self) -> None:
        self.until = False
        if self.opened:
            self.opened.pop()


def _body(stream: Iterator[Lexeme]) -> tuple[Lexeme, ...] | None:
    """Read on to where the body begins: the tokens of it that had to be read for that; None without a body."""
    first = next(stream, None)
    if first is None:
        return None
    word = first[1]
    if word == "BEGIN":  # alone, or with WORK, it starts a transaction
        following = next(stream, None)
        return (first, following) if following is not None and following[1] == "NOT" else None
    if word in ("CREATE", "ALTER"):
        return _header(stream, altering=word == "ALTER")
    return (first,) if word in OPENERS else None


def _header(stream: Iterator[Lexeme], altering: bool) -> tuple[Lexeme, ...] | None:
    for kind, word, _ in stream:
        if word == "DEFINER":
            for _ in range(2):  # the equals sign, and a name which may be any word
                next(stream, None)
        elif word in BODIES:
            if altering and word != "EVENT":
                return None
            return {"TRIGGER": _trigger, "EVENT": _event}.get(word, _routine)(stream)
        elif kind == "word" and word[0] != "@" and word not in ("OR", "REPLACE", "AGGREGATE"):
            return None
    return None


def _trigger(stream: Iterator[Lexeme]) -> tuple[Lexeme, ...] | None:
    previous = ""
    for _, word, _ in stream:
        if word == "ROW" and previous == "EACH":
            first = next(stream, None)
            if first is None or first[1] not in ("FOLLOWS", "PRECEDES"):
                return (first,) if first else ()
            next(stream, None)
            return ()
        previous = word
    return None


def _event(stream: Iterator[Lexeme]) -> tuple[Lexeme, ...] | None:
    previous = "EVENT"
    for _, word, _ in stream:
        if word == "DO" and previous not in ("EVENT", "EXISTS", "."):
            return ()
        if word == ";":
            return None
        previous = word
    return None


def _routine(stream: Iterator[Lexeme]) -> tuple[Lexeme, ...] | None:
    depth, parameters, previous = 0, False, ""
    for lexeme in stream:
        kind, word, _ = lexeme
        if word in ("(", ")"):
            depth += 1 if word == "(" else -1
            parameters = True
        elif word == ";":
            return None
        elif parameters and depth == 0:
            if word == ":":
                return ()
            if kind == "word" and (word in OPENERS or word in SIMPLE) and not _type(word, previous):
                return (lexeme,)
        previous = word
    return None


def _type(word: str, previous: str) -> bool:
    """Is it part of the type that a function returns: RETURNS SET('a'), CHARACTER SET utf8mb4?"""
    return word == "SET" and previous in ("RETURNS", "CHARACTER", "CHAR")
