"""A database with tables and no journal: what is noted of it, and what is left to be run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from schemagate.additions import SKIPPED, NotAddable, adopted
from schemagate.checksums import Checksums
from schemagate.errors import RehearsalFailed, SchemaDrift
from schemagate.following import Unfollowed, followed
from schemagate.history import History, Past
from schemagate.standing import Finder
from schemagate.unclear import NOT_TOUCHED

if TYPE_CHECKING:
    from schemagate.adoption import Baseline
    from schemagate.database import Connection
    from schemagate.expected import Expected
    from schemagate.history import Entry
    from schemagate.journal import Journal
    from schemagate.log import Log
    from schemagate.migrations import Migration, Migrations
    from schemagate.schema import Schema
    from schemagate.server import Server
    from schemagate.settings import Settings
    from schemagate.shadow import Shadows
    from schemagate.sql import Statement
    from schemagate.wayout import WayOut


@dataclass(frozen=True, slots=True)
class Adoption:
    """What is left: the migrations, in the form in which they are to be run, and the history that goes with them.

    `baseline` is what that history has and the journal has not; it is written by `record`, when nothing speaks against
    it any more.
    """

    migrations: Migrations
    history: History
    baseline: Baseline | None = None
    way_out: WayOut | None = None

    @contextmanager
    def rehearsing(self) -> Iterator[None]:
        """Around the rehearsal: where a migration that nobody ran does not work on what is there now, or makes another
        thing of it, its file need not be wrong, and nobody need have changed it. Raises a SchemaDrift that says so.
        """
        try:
            yield
        except RehearsalFailed as failed:
            if self.way_out and self.baseline and failed.facts["migration"] in self.baseline.ways:
                raise self.way_out.not_any_more(failed) from failed
            raise
        except SchemaDrift as drift:
            if self.way_out and not self._has_strangers(drift):
                raise self.way_out.otherwise(drift) from drift
            raise

    def _has_strangers(self, drift: SchemaDrift) -> bool:
        """Is something there that no migration makes?"""
        too_much = [each for each in drift.facts.get("differences", ()) if not each["part"] and not each["expected"]]
        return not {each["name"].lower() for each in too_much} <= self.migrations.makes()

    def record(self, journal: Journal) -> None:
        """Write the baseline into the journal, all of it or nothing."""
        if self.baseline:
            journal.adopt(_entries(self.baseline, self.migrations, journal))


def adopt(
    migrations: Migrations,
    live: Schema,
    journal: Journal,
    connection: Connection,
    here: Server,
    expected: Expected,
    shadows: Shadows,
    settings: Settings,
    log: Log,
) -> Adoption:
    """Find out where a database stands that has tables of the migrations and no history, and go on with one of which
    that was found out before. The live schema and the journal are only read.

    Raises SchemaDrift, with all that is in the way, for one that cannot be taken over as it is. What repeatable
    migrations make is not looked at: they are run afterwards, as in any start.
    """
    history = journal.history
    if history.adopting:
        return _gone_on(migrations, live, history, here, shadows)
    if any(past.applied for past in history.past.values()):
        return Adoption(migrations, history)
    if settings.adopt == "off" and concerns(migrations, live):
        raise SchemaDrift(
            "The database has something that the migrations make, and no journal; SCHEMAGATE_ADOPT=off does not let it "
            "be taken over. Set it to add or exact, or empty the database; then start again.",
            state=NOT_TOUCHED,
        )
    if not concerns(migrations.once, live):
        return Adoption(migrations, history)
    finder = Finder(migrations, live, connection, here, expected, shadows, log)
    baseline = finder.find(add=settings.adopt == "add")
    if baseline is None:
        return Adoption(migrations, history)
    left = finder.replaced(baseline)
    return Adoption(left, with_baseline(history, baseline), baseline, finder.way_out() if baseline.ways else None)


def concerns(migrations: Migrations, live: Schema) -> bool:
    """Is there anything with a name that a migration gives?"""
    return bool(live.objects) and not migrations.makes().isdisjoint(name.lower() for _, name in live.objects)


def _gone_on(migrations: Migrations, live: Schema, history: History, here: Server, shadows: Shadows) -> Adoption:
    """What an earlier start began to adopt, and did not end."""
    # What is newer than that start is run behind it, as in any database, and may drop what is still to be added.
    known = tuple(each for each in migrations.all if each.repeatable or each.name in history.past)
    try:
        states = followed(replace(migrations, all=known), live, shadows, here)
        return Adoption(adopted(migrations, history.adopting, states, states.final()), history)
    except (Unfollowed, NotAddable) as reason:
        raise SchemaDrift(
            f"An earlier start began to add what this database lacks, and this one cannot go on with it: {reason}. Put "
            "that right, and start again.",
            migrations=sorted(history.adopting),
            state="what is missing was added in part",
        ) from reason


def with_baseline(history: History, baseline: Baseline) -> History:
    """The history as it will be with a baseline."""
    past = dict(history.past)
    for migration, count, _ in baseline.applied:
        if count:
            past[migration.name] = Past(migration.first(count), migration.count, complete=count == migration.count)
    for name, way in baseline.ways.items():
        past[name] = Past(Checksums(), 0, complete=False, adopted=way)
    return replace(history, past=past)


def _entries(baseline: Baseline, migrations: Migrations, journal: Journal) -> Iterator[Entry]:
    skipped = {(each.migration, each.ordinal) for each in baseline.skipped}
    for migration, count, note in baseline.applied:
        for statement in migration.statements():
            if statement.ordinal <= count:
                said = SKIPPED if (migration.name, statement.ordinal) in skipped else note
                yield _entry(migration, statement, journal)._replace(outcome="applied", note=said)
            del statement
    by_name: Mapping[str, Migration] = {each.name: each for each in migrations.all}
    for name, way in baseline.ways.items():
        first = next(iter(by_name[name].statements()))
        yield _entry(by_name[name], first, journal)._replace(outcome="failed", note=way)


def _entry(migration: Migration, statement: Statement, journal: Journal) -> Entry:
    return journal.entry(
        migration.name, statement.ordinal, migration.count, statement.line, statement.kind, statement.checksum
    )
