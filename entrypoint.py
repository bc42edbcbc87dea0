"""What the image runs. `main()` is the border to the outside, `start()` is the story of one start."""

from __future__ import annotations

import os
import sys
import time
from contextlib import closing, suppress
from functools import partial
from typing import Any

from schemagate import __version__
from schemagate.arguments import parse
from schemagate.current import is_current, meet
from schemagate.errors import ConnectionLost, SchemagateError
from schemagate.files import find
from schemagate.log import make_log
from schemagate.refusals import ServerError, translated
from schemagate.settings import load_settings, reporting
from schemagate.stop import Stop

TYPE_CHECKING = False  # as in values.py
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemagate.arguments import Arguments
    from schemagate.cluster import Cluster
    from schemagate.database import Connection
    from schemagate.files import Files
    from schemagate.log import Log
    from schemagate.migrations import Migrations
    from schemagate.server import Server
    from schemagate.settings import Settings
    from schemagate.survive import Trail


def start(settings: Settings, stop: Stop, log: Log) -> dict[str, Any]:
    """One start of `up`: wait, migrate, verify. Returns what it did, as fields; raises whatever keeps the gate shut."""
    files = find(settings.migrations, settings.variables, settings.allow_missing)
    connection, greeting = meet(settings, stop, log, to_write=True, before_waiting=lambda: load(files))
    with closing(connection):
        try:  # and no `suppress`, for which a start that has nothing to do would import the errors
            if is_current(connection, greeting, files, settings, log):
                return {"message": VERIFIED, "unchanged": True, "applied": 0}
        except ConnectionLost:
            pass  # the first question below finds that out, too, and is survived
        migrations = load(files)  # where there is something to do; or, above, before we wait for a server that is down

        from schemagate.newer import is_newer
        from schemagate.survive import surviving

        with suppress(ConnectionLost):
            if is_newer(connection, greeting, migrations, settings, log):  # than this image, and lets its code work
                return {"message": VERIFIED, "unchanged": True, "applied": 0}
        attempt = partial(begin, migrations, settings, stop, log)
        return surviving(attempt, connection, greeting.server, settings, stop, log)


def begin(
    migrations: Migrations,
    settings: Settings,
    stop: Stop,
    log: Log,
    connection: Connection,
    here: Server,
    trail: Trail,
) -> dict[str, Any]:
    """The story where there is something to do, from the choice of the server on; it may have to begin anew."""
    from schemagate.arbiter import at_arbiter, survey

    def there(place: Settings) -> dict[str, Any]:
        # Where that member goes away, another takes its place; nobody waits for it to come back.
        return start(place._replace(reconnect_seconds=0.0), stop, log)

    cluster = survey(connection, here, settings, stop, log)
    done = at_arbiter(cluster, connection, here, settings, stop, log, there)
    return done or work(migrations, connection, cluster, here, settings, trail, stop, log)


def work(
    migrations: Migrations,
    connection: Connection,
    cluster: Cluster,
    here: Server,
    settings: Settings,
    trail: Trail,
    stop: Stop,
    log: Log,
) -> dict[str, Any]:
    """The work itself; `connection` watches over it."""
    from schemagate import restoring
    from schemagate.adopt import adopt
    from schemagate.apply import apply
    from schemagate.arbiter import alone
    from schemagate.deciding import refuse_without_trace
    from schemagate.heal import Healer
    from schemagate.journal import recorded
    from schemagate.looking import Looker
    from schemagate.newer import verify_newer
    from schemagate.plan import is_older, make_plan
    from schemagate.remembered import WITHOUT_SHADOW
    from schemagate.resuming import resumable
    from schemagate.settle import look, settle
    from schemagate.shadow import Shadows
    from schemagate.traces import Tracer
    from schemagate.verify import expect, read, verify

    with (
        alone(connection, cluster, here, settings, stop, log) as session,
        recorded(session, here, settings, "up", partial(is_older, migrations, settings)) as journal,
        Shadows(settings, here, stop, session) as shadows,
    ):
        looker = Looker(session, here.flavour)
        settle(journal, migrations, looker, shadows, log, trail.known(journal, here))
        expected = expect(migrations, session, here, shadows, log, strict=settings.foreign == "drift")
        before = read(session, here)
        adoption = adopt(migrations, before.schema, journal, session, here, expected, shadows, settings, log)
        plan = resumable(make_plan(adoption.migrations, adoption.history, settings))
        log.info("plan.made", pending=len(plan.todo), applied=plan.applied)
        trail.planned(plan.statements)
        if plan.newer:
            verify_newer(session, here, expected, plan.newer, log)
            return {"message": VERIFIED, "unchanged": True, "applied": 0}
        fresh = not before.schema.objects and not journal.history.past
        healer = Healer(session, here, expected, journal, migrations, shadows, settings, stop, log)
        live, traces = before.schema, None
        if plan.todo and not fresh:
            with adoption.rehearsing():
                live, traces = restoring.rehearsed(plan, before, healer)
            refuse_without_trace(plan.todo, traces, here.flavour)
        adoption.record(journal)
        tracer = Tracer(looker, here.database, live, traces or {}, shadows if fresh else None)
        look_now = partial(look, journal=journal, migrations=migrations, looker=looker, shadows=shadows)
        applied = apply(plan, session, journal, tracer, look_now, here, settings, stop, log)
        stop.check()  # what was asked for during the last statement, too
        proof = verify(session, here, expected, log, built=fresh, heal=healer.heal)
        if shadows.close():  # first, because a start with nothing to do would not look for one that was left behind
            fingerprint, how, strangers = proof
            how = WITHOUT_SHADOW if (how, settings.shadow) == ("outline", "off") else how
            journal.remember(migrations.digest, fingerprint, how, strangers)
    return {"message": VERIFIED, "unchanged": False, "applied": trail.pending, "rows": applied.rows}


def load(files: Files) -> Migrations:
    """Read the files and check that they are SQL. Raises MigrationInvalid."""
    from schemagate import migrations  # a start with nothing to do knows them by their digest

    return migrations.load(files)


VERIFIED = "Database schema verified and ready"


def main(argv: Sequence[str] | None = None, environment: Mapping[str, str] | None = None) -> int:
    """Run one command; returns its exit code. Whatever goes wrong is logged here and nowhere else, once."""
    began = time.monotonic()
    stop = Stop()
    stop.install()  # first of all: as process 1 we would not even hear SIGTERM otherwise
    environment = os.environ if environment is None else environment
    try:
        with stop.at_once():  # a secret may be in a pipe that nobody writes to
            arguments = parse(sys.argv[1:] if argv is None else argv, environment)
    except SchemagateError as error:
        report = reporting(environment, {})
        log = make_log(report, sys.stdout)
        log.failed(error)
        log.termination(report.termination_log, error)
        return error.exit_code
    report = reporting(environment, arguments.flags)
    log = make_log(report, sys.stderr if arguments.command in ANSWERING else sys.stdout)
    try:
        settings = None
        if arguments.command != "new":
            with stop.at_once():
                settings = load_settings(environment, arguments.flags, needs_migrations=arguments.needs_migrations)
            log = log.bind(started_by=settings.started_by)
        done = run(arguments, settings, environment, stop, log)
        if arguments.become:
            stop.check()
        elapsed = round(time.monotonic() - began, 3)
        log.finished(command=arguments.command, **done, elapsed_seconds=elapsed)
        if arguments.command == "up" and not arguments.dry_run:
            log.termination(report.termination_log, f"{done['message']} ({done['applied']} statements applied)")
        if arguments.become:
            become(arguments.become, stop)
    except Exception as error:  # noqa: BLE001 - the border: nothing may get past it without an exit code and a line
        told = translated(error) if isinstance(error, ServerError) else error
        log.failed(told, command=arguments.command, elapsed_seconds=round(time.monotonic() - began, 3))
        log.termination(report.termination_log, told)
        return told.exit_code if isinstance(told, SchemagateError) else 1
    return 0


# Their answer is what they print; what they log is beside it.
ANSWERING = frozenset({"status", "diff", "snapshot", "new"})


def run(
    arguments: Arguments, settings: Settings | None, environment: Mapping[str, str], stop: Stop, log: Log
) -> dict[str, Any]:
    """Run one command. `new` alone has no settings: it needs no database."""
    if settings is None:
        from schemagate.commands import new

        return new(arguments, environment, log)
    if arguments.dry_run and arguments.command == "up":
        from schemagate.dryrun import dry_run

        return dry_run(settings, stop, log)
    if arguments.command == "up":
        log.info("start.began", command="up", version=__version__)
        return start(settings, stop, log)

    from schemagate import commands

    if arguments.command == "status":
        from schemagate.status import status

        return status(arguments, settings, stop, log)
    if arguments.command == "diff":
        from schemagate.comparing import diff

        return diff(arguments, settings, stop, log)
    if arguments.command == "baseline":
        from schemagate.baseline import baseline

        return baseline(arguments, settings, stop, log)
    command = {
        "wait": commands.wait,
        "check": commands.check,
        "snapshot": commands.snapshot,
        "resolve": commands.resolve,
    }[arguments.command]
    return command(arguments, settings, stop, log)


def become(command: Sequence[str], stop: Stop) -> None:
    """Replace this process by the program: same process id, so that signals reach it. Raises SettingsInvalid where that
    cannot be, and Interrupted for a signal that comes before it.
    """
    import signal

    from schemagate.errors import SettingsInvalid

    flush()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # what Python set for itself is not for others
    try:
        with stop.at_once():
            os.execvp(command[0], list(command))  # noqa: S606 - that is what `up -- COMMAND` is for
    except (OSError, ValueError) as error:  # ValueError: an empty word
        reason = getattr(error, "strerror", None) or "that is no name of a program"
        raise SettingsInvalid(
            f"The schema is ready, but {command[0]!r} cannot be run: {reason}. Correct the command behind --.",
            problems=[f"{command[0]}: {reason}"],
        ) from error
    finally:
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # there is still a last line to write


def flush() -> None:
    """Write what was printed, if there is still somebody to read it: the exit code does not depend on that."""
    with suppress(Exception):
        sys.stdout.flush()


if __name__ == "__main__":
    code = main()
    flush()
    os._exit(code)  # nothing is left to tidy up, and the interpreter takes 6 to 9 ms for it
