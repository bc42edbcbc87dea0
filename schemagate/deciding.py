"""Where the schema does not tell what became of a statement: what the table of rules makes of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from schemagate.effects import LOOKED_AT
from schemagate.errors import MigrationInvalid
from schemagate.hashes import key_of
from schemagate.history import AGAIN
from schemagate.lexer import quote, unquote
from schemagate.looking import Unseen
from schemagate.migrations import excerpt, place
from schemagate.refusals import ServerError
from schemagate.rules import (
    NOTHING_TO_DO,
    ONE_BY_ONE,
    ONLY_READS,
    PARTS,
    REFUSE,
    REPEAT,
    SAID,
    SAME_AGAIN,
    SEEN,
    TWO_STEPS,
    WITNESS,
    Rule,
    rule_of,
    rule_without_trace,
)
from schemagate.traces import APPLIED, NOT_APPLIED, OTHER, SAME, TRACED, UNKNOWN
from schemagate.witness import testimony
from schemagate.wording import calls_unknown, said

if TYPE_CHECKING:
    from schemagate.history import Entry
    from schemagate.looking import Looker
    from schemagate.migrations import Migrations
    from schemagate.plan import Todo
    from schemagate.sql import Statement
    from schemagate.traces import Traces


def decide(
    entry: Entry, verdict: str, migrations: Migrations, looker: Looker, *, looks_only: bool = False
) -> tuple[str, str] | None:
    """What becomes of an entry of which looking at the schema found this: the verdict now, and how it is known.

    None where no rule says more. Ends a DROP of several tables that was ended in the middle, unless it `looks_only`.
    """
    statement = _statement_of(entry, migrations)
    if statement is None:
        return None
    traced = entry.kind in TRACED
    without = rule_without_trace(statement, entry.kind, looker.flavour)
    rule = rule_of(statement, entry.kind, looker.flavour) if verdict != SAME else without
    if verdict != NOT_APPLIED and (rule.kind == PARTS or entry.kind in ("drop table", "drop view")):
        found = _in_parts(statement, entry.kind, rule, without is NOTHING_TO_DO, looker, looks_only=looks_only)
        if found or verdict != SAME:
            return found
    if verdict in (APPLIED, NOT_APPLIED):
        return None
    if rule in (ONLY_READS, SAME_AGAIN) and _calls_through_a_view(statement, looker):
        return UNKNOWN, "What the views that it reads run does not show in its text."
    if rule is SAID or (rule.kind == REPEAT and (verdict == SAME or not traced)):
        return NOT_APPLIED, f"{rule.why}: {AGAIN}"
    if verdict == UNKNOWN and without in (NOTHING_TO_DO, SAME_AGAIN):
        return NOT_APPLIED, f"{without.why}: {AGAIN}"
    if rule.kind == WITNESS and verdict in (SAME, UNKNOWN):
        told = testimony(entry, looker.connection)
        return told or (verdict, "It leaves nothing in the schema by which that could be seen, and no row tells.")
    if rule.kind != SEEN:
        return verdict, f"{rule.why[0].upper()}{rule.why[1:]}."
    return None


def _statement_of(entry: Entry, migrations: Migrations) -> Statement | None:
    """The statement, where its file has it as it was run."""
    for migration in migrations.all:
        if migration.name == entry.migration:
            for statement in migration.statements():
                if statement.ordinal == entry.ordinal:
                    return statement if statement.checksum == entry.checksum else None
    return None


def _calls_through_a_view(statement: Statement, looker: Looker) -> bool:
    """May it call a stored function, or move a sequence, in a view that it reads, or in one that such a view reads?"""
    found = {unquote(word.text).lower() for word in said(statement.head(LOOKED_AT)) if word.kind in ("word", "quoted")}
    views = {name.lower(): said(each.create) for (kind, name), each in looker.everything().objects.items()
             if kind == "view"}  # fmt: skip
    while read := found & views.keys():
        for name in read:
            words = views.pop(name)
            if calls_unknown(words):
                return True
            found |= {unquote(word.text).lower() for word in words if word.kind == "quoted"}
    return False


def _there(statement: Statement, kind: str, looker: Looker) -> dict[str, bool]:
    """Which of the objects that it names are there, by their names as SQL. Raises Unseen."""
    noun = kind.rpartition(" ")[2]
    names = [name.name for name in statement.names if name.schema is None]
    if not names or len(names) < len(statement.names) or b'"' in statement.raw:
        raise Unseen("it names a schema, or names that we take for strings")
    found = looker.objects(key_of(noun, name, looker.folds) for name in names)
    return {quote(name): found[key_of(noun, name, looker.folds)] is not None for name in names}


def _in_parts(
    statement: Statement, kind: str, rule: Rule, repeatable: bool, looker: Looker, *, looks_only: bool
) -> tuple[str, str] | None:
    """Object by object. A DROP of which some are gone is brought to its end, where the server drops one by one."""
    try:
        there = _there(statement, kind, looker)
    except Unseen:
        return None
    left = [name for name, is_there in there.items() if is_there]
    if rule is TWO_STEPS:
        gone = next(iter(there)) not in left
        return (NOT_APPLIED, "the old table is gone, and the new one is not there") if gone else None
    if not left or len(left) == len(there):
        return None
    if repeatable:
        return NOT_APPLIED, "not all of what it drops is gone, and it can be run again"
    if rule is not ONE_BY_ONE:
        return OTHER, f"Of what it drops, {', '.join(left)} is there, and the rest is not."
    if looks_only:
        return NOT_APPLIED, f"a part of it was dropped, and the rest is still to be: {', '.join(left)}"
    try:
        for name in left:
            looker.connection.execute(f"DROP {kind.rpartition(' ')[2].upper()} {name}")
    except ServerError as error:
        return OTHER, f"A part of it was dropped, and the rest is refused ({error.errno}: {error.text})."
    return APPLIED, f"a part of it was dropped before, and now the rest: {', '.join(left)}"


def refuse_without_trace(todo: Iterable[Todo], traces: Traces, flavour: str) -> None:
    """Raise MigrationInvalid for a statement whose outcome nobody could tell, if a start were to die in it."""
    blind = {place for place, trace in traces.items() if trace.before == trace.predicted}
    for each in todo if blind else ():
        for statement in each.migration.statements():
            if (each.migration.name, statement.ordinal) in blind:
                _refuse(each, statement, rule_without_trace(statement, statement.kind, flavour))
            del statement


def _refuse(each: Todo, statement: Statement, rule: Rule) -> None:
    if rule.kind != REFUSE:
        return
    file = each.migration.file
    raise MigrationInvalid(
        f"{file}:{statement.line}: of statement {statement.ordinal} nobody could tell whether it was run, if a start "
        f"were to end in it: {rule.why}. Divide it, so that each part leaves a trace; or, if it may be run twice, "
        "write `-- schemagate: repeatable` on a line before it.",
        **place(file, statement),
        statement=excerpt(statement),
        state="not touched",
    )
