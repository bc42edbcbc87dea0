"""The command `baseline`: what `up` does with a database without a journal, by hand, and nothing is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemagate.adopt import Adoption
from schemagate.arbiter import the_only_one
from schemagate.errors import HistoryMismatch, SettingsInvalid
from schemagate.files import find
from schemagate.history import read as history_of
from schemagate.journal import recorded
from schemagate.migrations import load
from schemagate.shadow import Shadows
from schemagate.standing import Finder
from schemagate.verify import expect, read

if TYPE_CHECKING:
    from schemagate.adoption import Baseline
    from schemagate.arguments import Arguments
    from schemagate.database import Connection
    from schemagate.log import Log
    from schemagate.migrations import Migrations
    from schemagate.server import Server
    from schemagate.settings import Settings
    from schemagate.stop import Stop


def baseline(arguments: Arguments, settings: Settings, stop: Stop, log: Log) -> dict[str, Any]:
    """Note the migrations as applied that a database without a journal already has: all up to one that a person names,
    or up to the one that is found (`--detect`); with --dry-run, only tell. Both are proven by the schema.

    Raises SettingsInvalid for a name that is none, HistoryMismatch where there is a journal, and SchemaDrift where the
    schema says something else.
    """
    migrations = load(find(settings.migrations, settings.variables, settings.allow_missing))
    if arguments.to and arguments.to not in {each.name for each in migrations.once.all}:
        problem = f"{arguments.to!r} is none of the migrations that are run once; `schemagate status` lists them"
        raise SettingsInvalid(f"{problem}.", problems=[problem])

    def work(session: Connection, here: Server, settings: Settings) -> dict[str, Any]:
        with Shadows(settings, here, stop, session) as shadows:
            found = _found(arguments, migrations, session, here, shadows, settings, log)
            if found is None:
                return {"message": "Nothing that the migrations make is there: there is nothing to note"}
            if found.ways:
                return {"message": "It lacks what can be added, which `schemagate up` does; nothing was noted"}
            count = len(found.applied)
            noted = f"{count} migration{'s' if count > 1 else ''}, to {found.applied[-1][0].name}"
            if arguments.dry_run:
                return {"message": f"{noted}, would be noted as applied"}
            with recorded(session, here, settings, "baseline") as journal:
                Adoption(migrations, journal.history, found).record(journal)
        return {"message": f"{noted}, noted as applied; `schemagate up` runs the rest"}

    return the_only_one(settings, stop, log, work)


def _found(
    arguments: Arguments,
    migrations: Migrations,
    session: Connection,
    here: Server,
    shadows: Shadows,
    settings: Settings,
    log: Log,
) -> Baseline | None:
    history = history_of(session, here.database)
    if history.in_doubt or history.adopting or any(past.applied for past in history.past.values()):
        raise HistoryMismatch(
            "This database has a journal, which says what was run; `schemagate status` shows it.",
            state="not touched",
            next="schemagate status",
        )
    expected = expect(migrations, session, here, shadows, log)
    live = read(session, here).schema
    finder = Finder(migrations, live, session, here, expected, shadows, log)
    return finder.find(add=settings.adopt == "add", to=arguments.to or None)
