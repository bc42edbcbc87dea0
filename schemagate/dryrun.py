"""`up --dry-run`: what `up` would do, found out in the same way, and left undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemagate import restoring
from schemagate.adopt import adopt
from schemagate.arbiter import the_only_one
from schemagate.deciding import refuse_without_trace
from schemagate.files import find
from schemagate.heal import Healer
from schemagate.journal import Journal
from schemagate.looking import Looker
from schemagate.migrations import excerpt, load
from schemagate.newer import verify_newer
from schemagate.plan import make_plan
from schemagate.remedy import Unhealable, said
from schemagate.resuming import resumable
from schemagate.settle import unsettled
from schemagate.shadow import Shadows
from schemagate.verify import drift, expect, read, refuse_stale

if TYPE_CHECKING:
    from schemagate.adopt import Adoption
    from schemagate.database import Connection
    from schemagate.expected import Expected, Verdict
    from schemagate.log import Log
    from schemagate.plan import Plan
    from schemagate.schema import Schema
    from schemagate.server import Server
    from schemagate.settings import Settings
    from schemagate.stop import Stop

MOST_STATEMENTS = 50  # of a migration, in one log line


def dry_run(settings: Settings, stop: Stop, log: Log) -> dict[str, Any]:
    """Tell what `up` would do with this database, which is read alone; what is pending is tried in the shadow.

    Under the lock, since what another start is doing just now would be told as still to do. Raises what `up` would
    before its first statement; Pending where it would settle a statement in doubt first.
    """
    migrations = load(find(settings.migrations, settings.variables, settings.allow_missing))

    def tell(session: Connection, here: Server, settings: Settings) -> dict[str, Any]:
        journal = Journal(session, here)
        journal.reload()
        journal.recall()
        for entry in journal.history.in_doubt:
            raise unsettled(entry, migrations, Looker(session, here.flavour))
        with Shadows(settings, here, stop, session) as shadows:
            expected = expect(migrations, session, here, shadows, log, strict=settings.foreign == "drift")
            before = read(session, here)
            live = before.schema
            adoption = adopt(migrations, live, journal, session, here, expected, shadows, settings, log)
            plan = resumable(make_plan(adoption.migrations, adoption.history, settings))
            if plan.newer:
                verify_newer(session, here, expected, plan.newer, log)
                return {"message": "Nothing would be changed: the database is newer than these migrations"}
            healer = Healer(session, here, expected, journal, migrations, shadows, settings, stop, log)
            if plan.todo:
                with adoption.rehearsing():
                    _, traces = restoring.rehearsed(plan, before, healer, dry=True)
                refuse_without_trace(plan.todo, traces, here.flavour)
                healed = 0
            else:
                healed = _to_heal(expected, live, healer, log)
        _tell(plan, log)
        return {"message": _in_all(adoption, plan, healed)}

    return the_only_one(settings, stop, log, tell)


def _to_heal(expected: Expected, live: Schema, healer: Healer, log: Log) -> int:
    """How many missing objects `up` would make again, where nothing is pending. Raises SchemaDrift, SnapshotStale."""
    verdict: Verdict = expected.against(live)
    if not verdict.differences:
        return 0
    refuse_stale(expected, log, touched=False)
    try:
        changes = healer.promise(verdict, live).changes
    except Unhealable as reason:
        raise drift(verdict, str(reason)) from reason
    log.info("healing.planned", missing=[said(change) for change in changes])
    return len(changes)


def _tell(plan: Plan, log: Log) -> None:
    for todo in plan.todo:
        statements: list[dict[str, Any]] = []
        for statement in todo.migration.statements():
            if statement.ordinal >= todo.first and statement.raw and len(statements) < MOST_STATEMENTS:
                statements.append({"line": statement.line, "kind": statement.kind, "statement": excerpt(statement)})
            del statement  # before the next is read: each may be as long as memory allows
        log.info("migration.planned", migration=todo.migration.name, count=todo.count, statements=statements)


def _in_all(adoption: Adoption, plan: Plan, healed: int) -> str:
    """What would be done, in a sentence."""
    parts = []
    if adoption.baseline and adoption.baseline.applied:
        parts.append(f"{_number(len(adoption.baseline.applied), 'migration')} noted as applied")
    if plan.todo:
        parts.append(f"{_number(len(plan.todo), 'migration')} run ({_number(plan.statements, 'statement')})")
    if healed:
        parts.append(f"{_number(healed, 'missing object')} made again")
    return f"Nothing was changed. To be done: {', '.join(parts) or 'nothing'}"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"
