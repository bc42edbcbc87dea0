"""The refusal of a database that cannot be taken over, with the statements that bring it to where it can be. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from schemagate.adoption import with_maker
from schemagate.automatic import as_expected
from schemagate.contents import contents
from schemagate.ddl import changes, script
from schemagate.errors import SchemaDrift
from schemagate.fitting import UNKNOWN, named_in
from schemagate.schema import compare
from schemagate.unclear import NOT_TOUCHED
from schemagate.verify import as_facts, told

if TYPE_CHECKING:
    from schemagate.contents import Data
    from schemagate.ddl import Change
    from schemagate.errors import RehearsalFailed
    from schemagate.fitting import Obstacle
    from schemagate.migrations import Migrations
    from schemagate.schema import Schema
    from schemagate.states import States

MOST_DDL = 50  # in one log line


@dataclass(frozen=True, slots=True)
class WayOut:
    """Writes the refusal for one `live` schema without a journal, held against the `states` of the `migrations`."""

    migrations: Migrations
    live: Schema
    states: States

    def refusal(
        self, why: str, to: str | None = None, unseen: Collection[str] = (), rows: Sequence[Obstacle] = ()
    ) -> SchemaDrift:
        """The error, with each difference from the state after a migration, by whom that was to be made, and the
        statements that bring it: from that after `to`, or from the nearest. `unseen` are migrations of which nobody
        can see whether they were run, and `rows` what rows would refuse.
        """
        last, ddl = self._nearest(to)
        return self._error(why, last, [_refused(each, rows) for each in ddl], unseen=unseen)

    def refused_by(self, rows: Sequence[Obstacle]) -> SchemaDrift:
        """The error where rows would refuse what is missing."""
        last = self._last
        ddl = [_refused(each, rows) for each in changes(self.states.after_migration(last), self.states.as_given())]
        why = f"rows are in the way of what is missing: {'; '.join(map(str, rows))}"
        return self._error(why, last, ddl, mend="Correct the rows, or add it by hand")

    def not_any_more(self, failed: RehearsalFailed) -> SchemaDrift:
        """The error for a migration of which some was not run when it was its turn, and does not work now."""
        facts = failed.facts
        last, ddl = self._nearest(self._last)
        why = (
            f"what {facts['migration']} has not done here does not work on what is there now: "
            f"{facts['file']}:{facts['line']}, the server says {facts['errno']}: {facts['error']}"
        )
        rows = any(contents(each).data for each in self.migrations.all if each.name == facts["migration"])
        return self._error(why, last, ddl, then=f", change rows by hand as {facts['file']} was to" if rows else "")

    def otherwise(self, drift: SchemaDrift) -> SchemaDrift:
        """The error where the migrations that are left would make something else of what is there now."""
        found = "; ".join(
            f"{each['kind']} {each['name']}" + (f", {each['part']}" if each["part"] else "")
            for each in drift.facts.get("differences", ())[:3]
        )
        last, ddl = self._nearest(self._last)
        why = f"what was not run here would make something else of what is there now than it should ({found})"
        return self._error(why, last, ddl, then=", do to rows by hand what these files were to")

    @property
    def _last(self) -> str:
        return self.migrations.all[-1].name

    def _nearest(self, to: str | None) -> tuple[str, Sequence[Change]]:
        """The state to bring the schema to, and how: the nearest one; but the last one if only that loses nothing."""
        nearest = self.states.nearest() if to is None else to
        found = self.states.as_given()
        ddl = changes(self.states.after_migration(nearest), found)
        if to is None and any(each.loses for each in ddl):
            others = changes(self.states.after_migration(self._last), found)
            if not any(each.loses for each in others):
                return self._last, others
        return nearest, ddl

    def _error(
        self,
        why: str,
        last: str,
        ddl: Sequence[Change],
        *,
        mend: str | None = None,
        then: str = "",
        unseen: Collection[str] = (),
    ) -> SchemaDrift:
        wanted = self.states.after_migration(last)
        differences = compare(wanted, as_expected(self.states.as_given(), wanted))
        made = [*with_maker(differences, self.states, last)]
        # Also what is there in another form may be so since nobody has run its file.
        makers = {maker for each, maker in made if each.expected is not None}
        empty = {each.name for each in differences if (each.kind, each.found) == ("table", None) and not each.part}
        undone = [*self._data({*unseen, *makers}, empty, last)]
        safe, given = sum(not each.loses for each in ddl), ddl[:MOST_DDL]
        statements: Iterable[tuple[Change | None, str]] = ((each, each.sql) for each in given)
        if any(each.program for each in given):  # it keeps the session in which it is made
            statements = script(given, self.live.collation)
        has = "tables" if self.live.objects else "nothing in it"
        mend = mend or (
            f"Bring it to the state after {last or 'nothing'} with the statements given ({safe} of {len(ddl)} lose "
            f"nothing), in one session{then}"
        )
        return SchemaDrift(
            f"The database has {has} and no journal, and cannot be taken over: {why}"
            + (f"; {told(differences)}" if differences else "")
            + f". Nothing was changed. {mend}, then start again."
            + _left_to_do(undone),
            nearest=last,
            differences=[
                {**fact, "migration": maker} for fact, (_, maker) in zip(as_facts(differences), made, strict=False)
            ],
            differing=len(differences),
            ddl=[{"loses": (each and each.loses) or "nothing", "sql": sql} for each, sql in statements],
            not_done=[f"{each.migration}:{each.ordinal} {each.kind}" for each in undone[:MOST_DDL]] or None,
            state=NOT_TOUCHED,
        )

    def _data(self, names: Collection[str], empty: Set[str], last: str) -> Iterator[Data]:
        """The data statements of these migrations, and of any that name a table of these that will be empty, up to the
        last: no statement that is given does what they do.
        """
        for migration in self.migrations.all:
            if migration.name > last or not (data := {each.ordinal: each for each in contents(migration).data}):
                continue
            for statement in migration.statements() if empty or migration.name in names else ():
                each = data.get(statement.ordinal)
                if each and (migration.name in names or named_in(statement, empty)):
                    yield each


def _left_to_do(data: Sequence[Data]) -> str:
    if not data:
        return ""
    first = ", ".join(f"{each.migration} line {each.line} ({each.kind})" for each in data[:3])
    more = f" and {len(data) - 3} more" if len(data) > 3 else ""
    return f" Where the statements given are used, nothing does to rows what these were to do: {first}{more}."


def _refused(change: Change, rows: Sequence[Obstacle]) -> Change:
    """The change, with what rows say against it."""
    parts = change.part.split(", ")
    said = [each.why for each in rows if (change.kind, change.name) == ("table", each.table) and each.part in parts]
    how = "rows may refuse it" if {*said} == {UNKNOWN} else "it is refused"
    return replace(change, loses=f"nothing, but {how}: {'; '.join(said)}") if said else change
