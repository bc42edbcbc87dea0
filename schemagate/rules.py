"""What may be done with a statement of which nobody knows whether it was run: one rule for each kind and shape. Pure.

From the servers' documentation: "Atomic Data Definition Statement Support" in the reference manual of MySQL (all
table statements on InnoDB, views, programs and accounts; not so other engines, plugins, components and servers), and
"Atomic DDL" in the knowledge base of MariaDB (all but DROP of several tables, each of which is atomic, and CREATE OR
REPLACE TABLE, which is a DROP and a CREATE). That a statement may be repeated, and how it fails where not, was tried on
both; tests/database/test_rules.py tries it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from schemagate.kinds import DATA, OPAQUE, STRUCTURE
from schemagate.lexer import words
from schemagate.sql import REPEATABLE
from schemagate.wording import FICKLE, Word, calls_unknown, said

if TYPE_CHECKING:
    from schemagate.sql import Statement

# What a rule says.
SEEN = "seen"  # the schema tells: it is as before, or as the statement leaves it
REPEAT = "repeat"  # run it again: that is harmless, whether it was run or not
WITNESS = "witness"  # the schema does not tell, a row that was there before does
PARTS = "parts"  # each object that it names is as before or as after, one by one
ASK = "ask"  # nobody can tell but a person
REFUSE = "refuse"  # nor would a person be able to: it is not begun


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what is done (`kind`), and why, in words that end a sentence."""

    kind: str
    why: str


BY_LOOKING = Rule(SEEN, "the schema tells whether it was run")
SAID = Rule(REPEAT, "the file says that it may be run again")
SAME_AGAIN = Rule(REPEAT, "run again, it does the same again")
NOTHING_TO_DO = Rule(REPEAT, "where it was run, it has nothing left to do")
ONLY_REBUILDS = Rule(REPEAT, "it rebuilds the table, or sets what it sets once more")
NO_EFFECT = Rule(REPEAT, "it has had no effect where it was tried")
ONLY_READS = Rule(REPEAT, "it only reads")
ROWS_TELL = Rule(WITNESS, "the schema is the same afterwards, and the rows are not")
ONE_BY_ONE = Rule(PARTS, "on this server each object is dropped for itself")
TWO_STEPS = Rule(PARTS, "on this server the old table is dropped first, and then the new one is made")
UNSEEN_CODE = Rule(ASK, "what it runs does not show in its text")
OTHER_ENGINE = Rule(ASK, "no transaction takes back what it has done in part")
NOT_ATOMIC = Rule(ASK, "neither server promises that it is done as a whole or not at all")
ELSEWHERE = Rule(ASK, "what it changes is not in this schema")
OUT_OF_SIGHT = Rule(ASK, "what such a statement does cannot be seen in the schema")
WORKED_OUT = Rule(ASK, "it works out what it sets, which may come out otherwise once it was run")
SECOND_PASSWORD = Rule(ASK, "run twice, it may be refused, or leave other passwords than run once")
ONCE = Rule(ASK, "an event that runs once is gone when it has run")
NO_TRACE = Rule(REFUSE, "it leaves the schema as it was, and run twice it may do something else than run once")

# Whatever they did, they do again, and no row or structure is another one afterwards.
AGAIN = frozenset(
    {
        "optimize table", "analyze table", "check table", "checksum table", "repair table", "flush", "grant",
        "alter user", "set global", "set", "savepoint", "release savepoint", "commit", "handler", "help", "cache index",
        "load index", "create temporary table", "drop temporary table", "prepare", "deallocate", "start transaction",
    }
)  # fmt: skip
# With these words, who sets a password has not the same the second time: the one before it is kept, or asked for, or it
# is made by chance, or there already. https://dev.mysql.com/doc/refman/9.4/en/alter-user.html; DISCARD OLD PASSWORD is
# none of them: it discards "the secondary password, if one exists".
NOT_TWICE = words("RETAIN REPLACE RANDOM FACTOR REGISTRATION")
REUSE = words("HISTORY REUSE")  # beside a password, they refuse it the second time
READING = frozenset({"select", "do", "show", "explain", "get", "analyze"})
ACCOUNTS = frozenset({"create user", "drop user", "create role", "drop role", "rename user", "revoke"})
WITHOUT_PROMISE = words("INSTALL UNINSTALL SERVER CLONE BINLOG IMPORT PURGE RESET CHANGE")
# What ALTER TABLE adds and drops that holds no data.
NO_COLUMN = tuple(
    [word] for word in ("INDEX", "KEY", "PRIMARY", "FOREIGN", "CONSTRAINT", "CHECK", "UNIQUE", "FULLTEXT", "SPATIAL")
)


def rule_of(statement: Statement, kind: str, flavour: str) -> Rule:
    """The rule for a statement of this kind that was begun and has no outcome.

    SEEN and PARTS are for where the schema is another one afterwards; where it looks the same before and after,
    `rule_without_trace` has the rule. `flavour` is that of the server: "mysql" or "mariadb".
    """
    if any(each.word == REPEATABLE for each in statement.directives):
        return SAID
    verb, _, noun = kind.partition(" ")
    if kind in DATA:
        return OTHER_ENGINE
    if kind in AGAIN or kind in READING:
        found = said(statement.head(100_000))
        if calls_unknown(found):
            return UNSEEN_CODE
        if kind in ("alter user", "set global"):
            return _of_setting(found, kind)
        return ONLY_READS if kind in READING else SAME_AGAIN
    if kind in OPAQUE:
        return UNSEEN_CODE
    if kind in ACCOUNTS:
        return NOTHING_TO_DO if _if_exists(statement, kind) else ELSEWHERE
    if verb.upper() in WITHOUT_PROMISE or noun.upper() in WITHOUT_PROMISE:
        return NOT_ATOMIC
    if runs_once(statement, kind):
        return ONCE
    if kind == "truncate table":
        return ROWS_TELL
    if flavour == "mariadb" and kind in ("drop table", "drop view") and len(statement.names) > 1:
        return ONE_BY_ONE
    found = _said(statement)
    if kind not in STRUCTURE:
        if _if_exists(statement, kind):
            return NOTHING_TO_DO
        return SAME_AGAIN if _replaces(found) else OUT_OF_SIGHT
    if kind == "create table":
        return _of_create_table(found, flavour)
    return BY_LOOKING


def rule_without_trace(statement: Statement, kind: str, flavour: str) -> Rule:
    """The rule where the schema looks the same before and after, in all that counts."""
    rule = rule_of(statement, kind, flavour)
    if rule.kind not in (SEEN, PARTS):
        return rule
    if _if_exists(statement, kind) and kind != "alter table":
        return NOTHING_TO_DO
    verb, _, noun = kind.partition(" ")
    found = _said(statement)
    if kind == "create table":
        return ROWS_TELL if _replaces(found) else NO_EFFECT
    if kind == "rename table":
        return ROWS_TELL
    if kind == "alter table":
        return _of_alter(found)
    if noun == "sequence" and (_replaces(found) or any(word.text == "RESTART" for word in found)):
        return NO_TRACE
    # The others leave a trace wherever they are run: this one is in a comment for another server, or is the same again.
    return SAME_AGAIN if verb == "alter" or _replaces(found) else NO_EFFECT


def _said(statement: Statement) -> list[Word]:
    """Its words; of SET STATEMENT … FOR a statement, the words of that one."""
    found, depth = said(statement.head(100_000)), 0
    if [word.text for word in found[:2]] == ["SET", "STATEMENT"]:
        for at, word in enumerate(found):
            depth += {"(": 1, ")": -1}.get(word.text, 0)
            if word.text == "FOR" and depth == 0:
                return found[at + 1 :]
    return found


def _of_setting(found: Sequence[Word], kind: str) -> Rule:
    """An ALTER USER, SET PASSWORD, SET DEFAULT ROLE or SET GLOBAL."""
    texts = [word.text for word in found if word.kind == "word"]
    if kind == "alter user" or texts[1:2] == ["PASSWORD"]:
        twice = NOT_TWICE.isdisjoint(texts) and ("IDENTIFIED" not in texts or REUSE.isdisjoint(texts))
        return SAME_AGAIN if twice else SECOND_PASSWORD
    return SAME_AGAIN if texts[1:2] == ["DEFAULT"] or _sets_what_it_says(found) else WORKED_OUT


def _sets_what_it_says(found: Sequence[Word]) -> bool:
    """Does a SET read no variable, call no function and ask no table?"""
    for at, word in enumerate(found):
        before, after = found[at - 1], found[at + 1].text if at + 1 < len(found) else ""
        if word.kind in ("variable", "system") and not (before.text in ("SET", ",") and after[:1] in ("=", ":")):
            return False
        if word.kind == "word" and (word.text in FICKLE or word.text == "SELECT"):
            return False
        if word.text == "(" and before.kind in ("word", "quoted"):
            return False
    return True


def _of_create_table(found: Sequence[Word], flavour: str) -> Rule:
    texts = [word.text for word in found]
    if any(word in texts for word in ("SELECT", "VALUES")):
        engine = next((at for at, word in enumerate(texts) if word == "ENGINE"), None)
        named = [word for word in texts[engine + 1 : engine + 3] if word != "="] if engine is not None else []
        if named and named[0].strip("'\"`").upper() != "INNODB":
            return OTHER_ENGINE
    return TWO_STEPS if _replaces(found) and flavour == "mariadb" else BY_LOOKING


def _of_alter(found: Sequence[Word]) -> Rule:
    """An ALTER TABLE after which the table is the same: the strictest of its clauses decides."""
    clauses = list(_clauses(found))
    verbs = {clause[0] for clause in clauses}
    if verbs & {"EXCHANGE", "TRUNCATE"}:
        return ROWS_TELL
    # What is dropped and added again is empty, and names that were swapped are swapped back.
    gone, new = _gone_and_new(clauses)
    return NO_TRACE if gone & new or verbs & {"DISCARD", "IMPORT"} else ONLY_REBUILDS


def _gone_and_new(clauses: Sequence[list[str]]) -> tuple[set[str], set[str]]:
    """The names of columns that an ALTER TABLE takes away, and those that it gives."""
    gone, new = set[str](), set[str]()
    for verb, *rest in clauses:
        names = [word for word in rest if word not in ("COLUMN", "IF", "NOT", "EXISTS")]
        if verb == "DROP" and rest[:1] not in NO_COLUMN:
            gone |= {*names[:1]}
        elif verb == "ADD" and names[:1] == ["("]:
            new |= {word for before, word in pairwise(names) if before in ("(", ",")}
        elif verb == "ADD" and rest[:1] not in NO_COLUMN:
            new |= {*names[:1]}
        elif verb == "CHANGE" and names[:1] != names[1:2]:
            gone |= {*names[:1]}
            new |= {*names[1:2]}
        elif verb == "RENAME" and rest[:1] == ["COLUMN"]:
            gone |= {*names[:1]}
            new |= {*names[2:3]}
    return gone, new


def _clauses(found: Sequence[Word]) -> Iterator[list[str]]:
    """The clauses of an ALTER TABLE, each as its words: those in backticks without them, in capitals."""
    texts = [word.text.strip("`").upper() if word.kind in ("word", "quoted") else word.text for word in found]
    at = texts.index("TABLE") + 1 if "TABLE" in texts else 0
    at += 2 if texts[at : at + 2] == ["IF", "EXISTS"] else 0
    at += 3 if texts[at + 1 : at + 2] == ["."] else 1
    part: list[str] = []
    depth = 0
    for text in (*texts[at:], ","):
        depth += {"(": 1, ")": -1}.get(text, 0)
        if text != "," or depth > 0:
            part.append(text)
        elif part:
            yield part
            part = []


def runs_once(statement: Statement, kind: str) -> bool:
    """Is it an event that runs AT a time, and drops itself then?"""
    if kind not in ("create event", "alter event"):
        return False
    return ("SCHEDULE", "AT") in pairwise(word.text for word in said(statement.head(100_000)))


def _if_exists(statement: Statement, kind: str) -> bool:
    """Is it CREATE … IF NOT EXISTS, or DROP … IF EXISTS?"""
    texts = [word.text for word in said(statement.head(1000))]
    noun = kind.rpartition(" ")[2].upper()
    at = next((at for at, text in enumerate(texts) if text in (noun, noun + "S", "REVOKE")), len(texts)) + 1
    return texts[at : at + 2] in (["IF", "EXISTS"], ["IF", "NOT"])


def _replaces(found: Sequence[Word]) -> bool:
    return [word.text for word in found[1:3]] == ["OR", "REPLACE"]
