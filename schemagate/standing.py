"""Where the live schema stands: found out with the shadow, or by the snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from schemagate.additions import WHOLE, NotAddable, adopted
from schemagate.adoption import (
    Baseline,
    Undecided,
    candidates,
    elsewhere,
    in_the_middle,
    in_the_way,
    lacking,
    up_to,
)
from schemagate.claims import Claim, claim_of, contradicted, decided, unproven
from schemagate.contents import contents
from schemagate.errors import SchemaDrift
from schemagate.fitting import kept_strictly, named_in, refused_by_rows
from schemagate.following import Unfollowed, followed
from schemagate.hashes import key_of
from schemagate.newcolumns import NewColumns
from schemagate.othertools import change_sets, told
from schemagate.refusals import ServerError
from schemagate.schema import compare, said
from schemagate.scratch import ShadowUnavailable
from schemagate.states import States
from schemagate.traces import TRACED
from schemagate.unclear import NOT_TOUCHED, renamed, several
from schemagate.wayout import WayOut

if TYPE_CHECKING:
    from schemagate.contents import Contents, Data
    from schemagate.database import Connection
    from schemagate.expected import Expected
    from schemagate.log import Log
    from schemagate.migrations import Migration, Migrations
    from schemagate.schema import Schema
    from schemagate.server import Server
    from schemagate.shadow import Shadows

AS_SNAPSHOT = "baseline: the schema was exactly that of the snapshot"
SAID = "baseline: the schema was exactly that after this migration, and a person said that it is the last"
HINTED = "baseline: the schema was exactly that after this migration, and {tool} says that it is the last"
ONE_TIME = "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = %s AND EVENT_TYPE = 'ONE TIME'"


class Finder:
    """Finds out where the live schema stands."""

    def __init__(
        self,
        migrations: Migrations,
        live: Schema,
        connection: Connection,
        here: Server,
        expected: Expected,
        shadows: Shadows,
        log: Log,
    ) -> None:
        self._all, self._migrations, self._live = migrations, migrations.once, live
        self._connection, self._here = connection, here
        self._expected, self._shadows, self._log = expected, shadows, log
        self._states: States | None = None
        self._claims: list[Claim] = []
        self._known: dict[str, Contents] = {each.name: contents(each) for each in self._migrations.all}

    def find(self, *, add: bool, to: str | None = None) -> Baseline | None:
        """What is to be written into the journal; None if nothing that the migrations make is there after all.

        `add`: also where something is missing that can be added. `to`: a person says that this migration is the last
        that was run. Raises SchemaDrift.
        """
        try:
            self._states = followed(self._all, self._live, self._shadows, self._here)
        except Unfollowed as reason:
            return self._without_states(reason, to)
        states = self._states
        if len(self._all.all) == len(self._migrations.all):
            self._expected.known = states.final()
        if to is not None:
            return self._said(to, states)
        if twins := sorted(elsewhere(states, states.final())):
            views = {name for kind, name in self._live.objects if kind == "view"}
            raise renamed(twins, views, candidates(states, self._migrations, self._known))
        if not states.ours().objects:
            return None
        self._claims = list(self._claimed())
        return self._exact(states) or self._lacking(states, add=add)

    def replaced(self, baseline: Baseline) -> Migrations:
        """The migrations in the form in which they are to be run with this baseline. Raises SchemaDrift."""
        if not baseline.ways or not self._states:
            return self._all
        try:
            return adopted(self._all, baseline.ways, self._states, self._states.final())
        except NotAddable as reason:
            raise self.way_out().refusal(f"what is missing cannot be added: {reason}") from reason

    def way_out(self) -> WayOut:
        """Writes the refusal of a schema that was followed."""
        assert self._states is not None  # noqa: S101 - the callers know
        return WayOut(self._migrations, self._live, self._states)

    # --- exactly ---

    def _exact(self, states: States) -> Baseline | None:
        names = candidates(states, self._migrations, self._known)
        claim = decided(self._claims, names)
        if len(names) == 1:
            baseline: Baseline | None = up_to(self._migrations, names[0])
        elif claim and claim.migration:
            baseline = up_to(self._migrations, claim.migration, HINTED.format(tool=claim.tool))
        elif names:
            raise several(names)
        else:
            baseline = in_the_middle(states, self._migrations, self._known)
        if baseline:
            self._refuse_contradicted(baseline)
            self._skipped(unproven(self._claims, baseline, self._known))
            self._found(baseline.applied[-1][0].name, baseline)
        return baseline

    def _skipped(self, data: Iterable[Data]) -> None:
        for each in data:
            self._log.warning(
                "statement.skipped", migration=each.migration, ordinal=each.ordinal, line=each.line, kind=each.kind
            )

    def _found(self, name: str, baseline: Baseline) -> Baseline:
        migration, count, how = baseline.applied[-1]
        self._log.info(
            "baseline.found",
            migration=name,
            statements=count if count < migration.count else None,
            migrations=len(baseline.applied),
            how=how.partition(": ")[2],
        )
        return baseline

    def _claimed(self) -> Iterator[Claim]:
        """What each other tool says."""
        paths = {each.name: each.path for each in self._migrations.all}
        tables = [name for kind, name in self._live.objects if kind == "table"]
        for tool in told(self._connection, self._here.database, tables):
            each = tool.of_whole_files(paths, lambda name: change_sets(paths[name]))
            claim = claim_of(each, [*paths])
            self._log.info(
                "tool.told", tool=each.tool, table=each.table, migration=claim.migration, broken=each.broken or None
            )
            yield claim

    def _refuse_contradicted(self, baseline: Baseline) -> None:
        """Where a tool says that more was run, and rows would be changed by that once more, if it is right."""
        if not (against := contradicted(self._claims, baseline, self._known)):
            return
        last, count, _ = baseline.applied[-1] if baseline.applied else (None, 0, "")
        exact = last and not baseline.ways and count == last.count
        other_way = f" (if it was not, say so: `schemagate baseline --to {last.name}`)" if last and exact else ""
        raise self.way_out().refusal(
            f"{against.says}, and the schema that it was not{other_way}: what is left may have been run before "
            f"({against.again})",
            against.migration,
        )

    def _said(self, to: str, states: States) -> Baseline:
        if to not in {place.migration for place in states.equal if place.end}:
            raise self.way_out().refusal(f"the schema is not the one after {to}", to)
        return self._as_said(to)

    def _as_said(self, to: str) -> Baseline:
        baseline = up_to(self._migrations, to, SAID)
        self._skipped(unproven(list(self._claimed()), baseline, self._known))
        return self._found(to, baseline)

    # --- with something missing ---

    def _lacking(self, states: States, *, add: bool) -> Baseline:
        final, ours = states.final(), states.ours()
        differences = compare(final, ours)
        if in_the_way(differences):
            raise self._no_addition(states)
        if not add:
            raise self.way_out().refusal("something is missing, and nothing but SCHEMAGATE_ADOPT=add adds it")
        last = self._migrations.all[-1].name
        try:
            baseline = lacking(states, self._migrations, final, self._known, self._once())
        except Undecided as undecided:
            raise self.way_out().refusal(
                f"something is missing that could be added, but whether {undecided} was run cannot be seen",
                last,
                undecided.names,
                tuple(
                    refused_by_rows(self._connection, self._here.database, final, ours, new_columns=self._new_columns())
                ),
            ) from undecided
        self._refuse_contradicted(baseline)
        run = [each for each in self._migrations.all if each.name in baseline.ways]
        whole = [each for each in run if baseline.ways[each.name] == WHOLE]
        strict = kept_strictly({name for kind, name in ours.objects if kind == "table"}, run, whole)
        refused = refused_by_rows(self._connection, self._here.database, final, ours, strict, self._new_columns())
        filled = {part for each in whole for part in self._filled(each, states)}
        if rows := tuple(each for each in refused if (each.table, each.part) not in filled):
            raise self.way_out().refused_by(rows)
        self._log.info(
            "adoption.planned",
            missing=[f"{each.kind} {each.name}" + (f", {each.part}" if each.part else "") for each in differences],
            migrations=sorted(baseline.ways),
        )
        self._skipped(baseline.skipped)
        return baseline

    def _no_addition(self, states: States) -> SchemaDrift:
        """The refusal of one in which something is otherwise than in the end. Where that is so in the middle of a file,
        the way on from there is shown, and not the way back.
        """
        middle = [place for place in states.equal if not place.end]
        if not middle:
            return self.way_out().refusal("it is in no state that the migrations go through")
        name = middle[-1].migration
        ordinals = " or ".join(str(place.ordinal) for place in middle if place.migration == name)
        why = f"it is as after statement {ordinals} of {name}, and how much of that was run cannot be seen"
        return self.way_out().refusal(why, name, {name})

    def _once(self) -> set[str]:
        """The events that run once and are there, if any migration makes one; in small letters."""
        if not any(each.once for each in self._known.values()):
            return set()
        return {str(name).lower() for (name,) in self._connection.execute(ONE_TIME, self._here.database).rows}

    def _new_columns(self) -> NewColumns | None:
        try:
            shadow = self._shadows.get()
        except (ShadowUnavailable, ServerError):
            return None
        return NewColumns(shadow.connection, shadow.name)

    def _filled(self, migration: Migration, states: States) -> Iterator[tuple[str, str]]:
        """What this one makes of tables whose rows it changes itself, in the words of an `Obstacle`: what they will be
        like when that is made, nobody can foresee.
        """
        data = {each.ordinal for each in self._known[migration.name].data}
        made = {effect.after.name for effect in states.effects if effect.migration == migration.name and effect.after}
        filled = set[str]()
        for statement in migration.statements():
            filled |= named_in(statement, made) if statement.ordinal in data else set()
        for effect in states.effects:
            if effect.migration == migration.name and effect.after and effect.after.name in filled:
                yield from ((effect.after.name, said(*part)) for part in effect.parts)

    # --- without a shadow ---

    def _without_states(self, reason: Unfollowed, to: str | None) -> Baseline:
        """A snapshot that holds, and is the live schema, tells that all migrations were run. Raises SchemaDrift."""
        last = self._migrations.all[-1].name
        if self._expected.header_holds and not self._live.unseen and to in (None, last):
            verdict = self._expected.against(self._live)
            if not verdict.differences and verdict.proof == "text" and (to or self._shows_in_the_end()):
                return self._found(last, up_to(self._migrations, last, AS_SNAPSHOT))
        names = self._last_followed(reason.states) if reason.states else []
        if names and to is None:
            raise several(names, str(reason))
        if to in names and to is not None:
            return self._as_said(to)
        raise SchemaDrift(
            f"The database has tables and no journal, and where it stands cannot be found out: {reason}. Nothing was "
            "changed. Put that right, and start again.",
            state=NOT_TOUCHED,
        ) from reason

    def _last_followed(self, states: States) -> list[str]:
        """The candidates, of states not followed to the end; none where there is what only a later migration makes."""
        names = {key[1].lower() for key in self._live.objects if key_of(*key, states.folds) not in states.ever}
        return [] if self._migrations.makes() & names else candidates(states, self._migrations, self._known)

    def _shows_in_the_end(self) -> bool:
        """Does the last migration that does anything change the structure?"""
        for migration in reversed(self._migrations.all):
            if self._known[migration.name].lasting:
                data = {each.ordinal for each in self._known[migration.name].data}
                return any(
                    statement.kind in TRACED and statement.ordinal not in data for statement in migration.statements()
                )
        return False
