"""The commands beside `up`: each a short story of its own from the same pieces. Longer ones have a file each."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemagate import journal
from schemagate.arbiter import the_only_one
from schemagate.current import is_current, is_unproven, meet
from schemagate.errors import HistoryMismatch, MigrationInvalid, Pending, SettingsInvalid, SnapshotStale
from schemagate.expected import Incomplete, replay
from schemagate.files import SNAPSHOT, find, is_repeatable
from schemagate.heal import possible
from schemagate.history import read as history_of
from schemagate.lock import worker
from schemagate.log import Output
from schemagate.looking import Looker
from schemagate.migrations import load
from schemagate.newer import verify_newer
from schemagate.plan import make_plan
from schemagate.remedy import Unhealable, said
from schemagate.scratch import ShadowUnavailable
from schemagate.settle import unsettled
from schemagate.shadow import Shadows
from schemagate.trial import Refused
from schemagate.verify import as_facts, drift, expect, not_replayable, read, rehearsal_failed, stale, told, verified

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemagate.arguments import Arguments
    from schemagate.database import Connection
    from schemagate.errors import SchemaDrift
    from schemagate.expected import Expected, Verdict
    from schemagate.history import History
    from schemagate.log import Log
    from schemagate.migrations import Migrations
    from schemagate.schema import Schema
    from schemagate.server import Server
    from schemagate.settings import Settings
    from schemagate.stop import Stop


def wait(arguments: Arguments, settings: Settings, stop: Stop, log: Log) -> dict[str, Any]:
    """Wait until MySQL lets the account in and answers. A replica will do."""
    connection, greeting = meet(settings, stop, log, to_write=False)
    connection.close()
    return {"message": f"{greeting.server.name} is ready"}


def check(arguments: Arguments, settings: Settings, stop: Stop, log: Log) -> dict[str, Any]:
    """The verdict of `up` without writing anything: no lock, shadow, journal. Raises what `up` would, or Pending."""
    files = find(settings.migrations, settings.variables, settings.allow_missing)
    connection, greeting = meet(settings, stop, log, to_write=False, before_waiting=lambda: load(files))
    with closing(connection):
        if is_current(connection, greeting, files, settings, log):
            return {"message": "Database schema verified and ready"}
        migrations = load(files)
        history, busy = looked_up(connection, greeting.server)
        if busy:
            who = f"Another start ({busy['holder']}) is at work"
            if busy.get("orphan"):
                who = f"Another start ({busy['holder']}) is dead, and what it left in the server still runs"
            raise Pending(f"{who}; check again when that has ended.", **busy)
        for entry in history.in_doubt:
            raise unsettled(entry, migrations, Looker(connection, greeting.server.flavour))
        plan = make_plan(migrations, history, settings)
        if plan.todo:
            names = [todo.migration.name for todo in plan.todo]
            raise Pending(
                f"{len(names)} migration{'s are' if len(names) > 1 else ' is'} pending, the first is {names[0]}. "
                "Run `schemagate up`, then check again.",
                pending=names,
                next="schemagate up",
            )
        began = time.monotonic()
        expected = expect(migrations, connection, greeting.server, None, log, strict=settings.foreign == "drift")
        if plan.newer:
            verify_newer(connection, greeting.server, expected, plan.newer, log)
            return {"message": "Database schema verified and ready"}
        live = read(connection, greeting.server)
        verdict = expected.against(live.schema)
        for kind, reason in verdict.not_compared:
            log.warning("schema.not_compared", kind=kind, reason=reason)
        if verdict.differences:
            if migrations.snapshot is not None and not expected.header_holds:
                raise stale(verdict.differences, touched=True)
            raise _drift(expected, verdict, live.schema, migrations, history, settings)
        unproven = verdict.proof == "outline" and is_unproven(greeting, files.digest, live.fingerprint)
        if unproven and settings.shadow != "off":  # without one, `up` compares no more
            since = "Something has changed since a start has proven the schema"
            raise Pending(
                f"{since if greeting.verified else 'The last start has not proven the schema'}, and whether it is "
                f"right cannot be told here: {verdict.not_compared[-1][1]}. Run `schemagate up`, then check again.",
                not_compared=[f"{kind}: {reason}" for kind, reason in verdict.not_compared],
                next="schemagate up",
            )
        verified(verdict, live, log, began)
    return {"message": "Database schema verified and ready"}


def _drift(
    expected: Expected, verdict: Verdict, live: Schema, migrations: Migrations, history: History, settings: Settings
) -> SchemaDrift:
    """The error for a drift, which says whether `up` would heal it, as far as that can be told without a shadow."""
    try:
        healing = possible(expected, verdict, live, migrations, history, settings)
    except Unhealable as reason:
        return drift(verdict, str(reason))
    found = drift(verdict)
    missing = "; ".join(map(said, healing.changes))
    found.message = (
        f"The live schema lacks {missing}, and nothing else is wrong with it. Run `schemagate up`, which makes that "
        "again; then check again."
    )
    found.facts |= {"next": "schemagate up", "heals": [said(change) for change in healing.changes]}
    return found


def answer(text: str) -> None:
    """Print what was asked for. A reader who has had enough is content; raises SettingsInvalid where it cannot go."""
    try:
        Output(sys.stdout, getattr(sys.stdout, "encoding", None) or "utf-8").put(text)
    except BrokenPipeError:
        pass
    except OSError as error:
        raise SettingsInvalid(
            f"The answer cannot be written to standard output: {error.strerror}.", problems=[str(error)]
        ) from error


def looked_up(connection: Connection, here: Server) -> tuple[History, Mapping[str, object] | None]:
    """The history; and who is at work, where a statement in it has no outcome yet."""
    history = history_of(connection, here.database)
    if not history.in_doubt:
        return history, None
    if history.in_doubt[0].server_uuid != here.uuid:  # this one is a replica, or was one: the lock is not here
        return history, {"holder": "on another server", "server_uuid": history.in_doubt[0].server_uuid}
    busy = worker(connection, here.database)
    return (history, busy) if busy else (history_of(connection, here.database), None)


def snapshot(arguments: Arguments, settings: Settings, stop: Stop, log: Log) -> dict[str, Any]:
    """Write schema.sql by running the migrations in the shadow, and print its path; with --check, only tell whether it
    is stale (SnapshotStale).
    """
    migrations = load(find(settings.migrations, settings.variables, settings.allow_missing))
    path = Path(settings.migrations) / SNAPSHOT

    def work(session: Connection, here: Server, settings: Settings) -> dict[str, Any]:
        with Shadows(settings, here, stop, session) as shadows:
            try:
                if arguments.check:
                    return _check_snapshot(migrations, expect(migrations, session, here, shadows, log), path, log)
                built = replay(migrations, shadows)
            except Refused as refused:
                raise rehearsal_failed(refused) from refused
            except Incomplete as incomplete:
                raise not_replayable(incomplete) from incomplete
            except ShadowUnavailable as reason:
                raise SettingsInvalid(
                    f"A snapshot needs the shadow, and there is none: {reason}.", problems=[str(reason)]
                ) from reason
        return _write_snapshot(built, migrations, here, path, log)

    return the_only_one(settings, stop, log, work)


def _write_snapshot(built: Schema, migrations: Migrations, here: Server, path: Path, log: Log) -> dict[str, Any]:
    from schemagate import snapshot as text_of

    for kind, name in sorted(built.objects):
        if not _is_utf8(built.objects[kind, name].create):
            raise MigrationInvalid(
                f"The text of {kind} {name} has bytes that are not UTF-8, which {SNAPSHOT} cannot hold. Write them as "
                "X'FF' in the migration.",
                kind=kind,
                name=name,
            )
    text = text_of.render(built, flavour=here.flavour, version=here.version, migrations_sha256=migrations.sha256)
    try:
        text_of.write(str(path), text)
    except OSError as error:
        raise SettingsInvalid(f"{path} cannot be written: {error.strerror}.", problems=[str(error)]) from error
    log.info("snapshot.written", file=str(path), objects=len(built.objects))
    answer(str(path))
    return {"message": f"{path} written"}


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _check_snapshot(migrations: Migrations, expected: Any, path: Path, log: Log) -> dict[str, Any]:
    if not expected.has_snapshot:
        raise SnapshotStale(f"{path} does not exist; run `schemagate snapshot` and commit it.", file=str(path))
    if not expected.same_flavour:
        raise SettingsInvalid(
            f"{path} was written on the other flavour of server; check it on one like that.",
            problems=["the snapshot's flavour is not this server's"],
        )
    differences = expected.rebuilt()
    if differences:
        raise SnapshotStale(
            f"schema.sql is stale: {told(differences)}. Run `schemagate snapshot` and review what it changes.",
            file=str(path),
            differences=as_facts(differences),
        )
    if not expected.header_holds:
        raise SnapshotStale(
            "schema.sql describes the right schema, but its header is of other migrations or its text was edited. "
            "Run `schemagate snapshot`.",
            file=str(path),
        )
    return {"message": f"{path} is up to date"}


def new(arguments: Arguments, environment: Mapping[str, str], log: Log) -> dict[str, Any]:
    """Write a dated, empty migration, or a repeatable one without a date, and print its path. Raises MigrationInvalid
    for a name that cannot be, or exists.
    """
    import re

    from schemagate.repeatable import TEMPLATE

    name = arguments.name.strip().removesuffix(".sql")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,199}", name):
        raise MigrationInvalid(
            f"{arguments.name!r} cannot be the name of a migration: letters, digits, _ and - only.", file=arguments.name
        )
    directory = Path(
        arguments.flags.get("SCHEMAGATE_MIGRATIONS")
        or environment.get("SCHEMAGATE_MIGRATIONS")
        or ("/migrations" if Path("/migrations").is_dir() else "migrations")
    )
    path = directory / f"{time.strftime('%Y%m%d')}_{name}.sql"
    existing = sorted(
        each.name for each in directory.glob("*.sql") if each.name != SNAPSHOT and not is_repeatable(each.name)
    )
    if arguments.repeatable:
        path, existing = directory / f"R_{name.removeprefix('R_')}.sql", []
    if existing and path.name <= existing[-1]:
        # Named so, it would come before one that may be applied already, and be refused as out of order.
        newest = existing[-1].removesuffix(".sql").split("_", 1)[0]
        path = directory / f"{newest}_z{time.strftime('%H%M%S')}_{name}.sql"
    if existing and path.name <= existing[-1]:
        raise MigrationInvalid(
            f"{path.name} would come before {existing[-1]}; name the file by hand so that it comes after all others.",
            file=path.name,
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(f"-- {name.replace('_', ' ')}: why, in one line\n{TEMPLATE if arguments.repeatable else ''}")
    except OSError as error:
        raise MigrationInvalid(f"{path} cannot be written: {error.strerror}.", file=str(path)) from error
    answer(str(path))
    return {"message": f"{path} written"}


def resolve(arguments: Arguments, settings: Settings, stop: Stop, log: Log) -> dict[str, Any]:
    """Write a person's word on a statement in doubt into the journal."""
    migration, _, ordinal = arguments.name.rpartition(":")
    if not migration or not (ordinal.isascii() and ordinal.isdecimal() and len(ordinal) < 10):
        raise SettingsInvalid(
            f"{arguments.name!r} is not MIGRATION:ORDINAL, as in 20251121_add_pr_url_to_workflows:2.",
            problems=[arguments.name],
        )

    def work(session: Connection, here: Server, settings: Settings) -> dict[str, Any]:
        with journal.recorded(session, here, settings, "resolve") as record:
            stop.check()  # nothing is written yet of what a person said
            if not record.resolve(migration, int(ordinal), arguments.outcome):
                raise HistoryMismatch(
                    f"No statement {arguments.name} is in doubt; `schemagate status` shows what there is.",
                    next="schemagate status",
                )
        said = "applied" if arguments.outcome == "applied" else "not applied"
        return {"message": f"{arguments.name} is taken as {said}"}

    return the_only_one(settings, stop, log, work)
