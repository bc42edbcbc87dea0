"""Making again what is missing, under the lock: tried in the shadow, noted, run one by one."""

from __future__ import annotations

import time
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from schemagate import lock, server
from schemagate.automatic import as_expected
from schemagate.blockers import in_the_way
from schemagate.ddl import changes, script
from schemagate.errors import ConnectionLost, Interrupted, LockTimeout, SchemagateError, StatementFailed
from schemagate.fitting import ORPHANED, PARENTLESS, referred_to, refused_by_rows
from schemagate.healed import Healed
from schemagate.isolation import NOT_GRANTED, around
from schemagate.loading import broken_views, elsewhere, without_keys_elsewhere
from schemagate.migrations import excerpt
from schemagate.refusals import DEADLOCK, LOCK_WAIT, NO_TRIGGER_RIGHT, ServerError, let_pass
from schemagate.rehearse import copied_as_live
from schemagate.remedy import Remedy, Unhealable, all_known, hidden_views, names_of_constraints, remedy, said
from schemagate.schema import Difference, part_of
from schemagate.scratch import ShadowUnavailable
from schemagate.sql import Statement
from schemagate.variables import hiding, without_values
from schemagate.verify import drift, read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemagate.database import Connection
    from schemagate.ddl import Change
    from schemagate.expected import Expected, Verdict
    from schemagate.history import History
    from schemagate.journal import Journal
    from schemagate.log import Log
    from schemagate.migrations import Migrations
    from schemagate.schema import Schema
    from schemagate.server import Server
    from schemagate.settings import Settings
    from schemagate.shadow import Shadows
    from schemagate.stop import Stop


# A foreign key or a check (MySQL) of another table has that name.
NAME_TAKEN = frozenset({1826, 3822})


def possible(
    expected: Expected, verdict: Verdict, found: Schema, migrations: Migrations, history: History, settings: Settings
) -> Remedy:
    """What would heal the drift of `found`, as far as that can be told without trying it. Raises Unhealable."""
    all_known(migrations, history)
    wanted = expected.normal_form(verdict.proof, found)
    if wanted is None:
        raise Unhealable("it is not known clause by clause what the migrations build here")
    foreign = set(verdict.foreign)
    mine, theirs = part_of(found, found.objects.keys() - foreign), part_of(found, foreign)
    hidden, taken = hidden_views(mine, wanted), names_of_constraints(found)
    mine = replace(mine, objects={**mine.objects, **hidden})
    differences = [each for each in verdict.differences if (each.kind, each.name) not in hidden] or verdict.differences
    return remedy(wanted, as_expected(mine, wanted), theirs, differences, settings.heal, found.collation, taken)


@dataclass(frozen=True, slots=True)
class Healer:
    """One start's healing. `connection` runs the statements, under the lock. `pending`: so many migrations come after
    it.
    """

    connection: Connection
    here: Server
    expected: Expected
    journal: Journal
    migrations: Migrations
    shadows: Shadows
    settings: Settings
    stop: Stop
    log: Log
    pending: int = 0

    def promise(self, verdict: Verdict, found: Schema) -> Remedy:
        """What would heal the drift of `found`, tried in the shadow where there may be one. Raises Unhealable."""
        healing = possible(self.expected, verdict, found, self.migrations, self.journal.history, self.settings)
        self._refuse_parentless(healing, found)
        began = time.monotonic()
        try:
            healing = self._tried(healing, found)
        except ShadowUnavailable as reason:
            self.log.warning("rehearsal.skipped", reason=str(reason))
            return (healing, *healing.other_ways)[-1]
        self.log.info(
            "healing.rehearsed",
            statements=len(healing.changes),
            elapsed_seconds=round(time.monotonic() - began, 3),
        )
        return healing

    def _refuse_parentless(self, healing: Remedy, found: Schema) -> None:
        """What would be empty can have no key of which rows are there. Raises Unhealable."""
        if healing.emptied:
            rows = refused_by_rows(self.connection, self.here.database, healing.wanted, found)
            if refused := next((each for each in rows if each.why in (PARENTLESS, ORPHANED)), None):
                raise Unhealable(f"{refused.part} of table {refused.table} cannot be made again: {refused.why}")
            for table, key in referred_to(self.connection, self.here.database, found, healing.emptied):
                raise Unhealable(f"there are rows of table {table} that refer to them, by foreign key {key}")

    def unhealable(self, verdict: Verdict, found: Schema) -> str | None:
        """Why nothing of this drift can be healed; None where all of it can."""
        try:
            self.promise(verdict, found)
        except Unhealable as reason:
            return str(reason)
        return None

    def heal(self, verdict: Verdict, found: Schema) -> None:
        """Make again what is missing. Raises SchemaDrift before the first change, StatementFailed in the middle."""
        try:
            healing = self.promise(verdict, found)
        except Unhealable as reason:
            raise drift(verdict, str(reason)) from reason
        self.log.warning("healing.began", missing=[said(change) for change in healing.changes])
        for name in healing.emptied:  # it is, whatever becomes of the rest
            self.log.warning("data.gone", object=name)
        rows = Healed(self.connection, self.here.database, self.journal)
        rows.open(healing.changes)
        done: list[Change] = []
        try:
            for change, text in script(healing.changes, found.collation):
                if change is None:
                    self.connection.execute(text)
                else:
                    self._one(change, rows, done, healing)
                    done.append(change)
        finally:
            with suppress(ServerError, ConnectionLost):
                for text in server.working_session(self.here.flavour, self.settings.lock_wait_seconds):
                    self.connection.execute(text)

    def _one(self, change: Change, rows: Healed, done: Sequence[Change], healing: Remedy) -> None:
        left = healing.changes[len(done) :]
        facts = {"done": list(map(said, done)), "not_done": list(map(said, left))}
        if self.stop.requested:
            raise Interrupted(
                f"Asked to stop: {len(done)} of {len(healing.changes)} missing objects are healed; the next start "
                "goes on.",
                self.stop.signum,
                **facts,
            )
        self._hold_the_lock()
        rows.begin(change)
        began = time.monotonic()
        try:
            with self.connection.watch or nullcontext():
                self.connection.run(change.sql)
        except ServerError as said_by_server:
            elapsed = time.monotonic() - began
            error = without_values(said_by_server, self._statement(change))
            if not self._is_there(change, healing.wanted):
                rows.end("failed", elapsed, error.errno, error.text)
                raise self._failed(change, error, facts) from said_by_server
            rows.end("healed", elapsed, error.errno, error.text)
        else:
            elapsed = time.monotonic() - began
            rows.end("healed", elapsed)
        self.log.warning("schema.healed", object=said(change), elapsed_seconds=round(elapsed, 3))

    def _is_there(self, change: Change, wanted: Schema) -> bool:
        """After an error: is it there all the same? MariaDB hides a foreign key whose index was dropped while nobody
        checked, and shows it again as soon as there is one.
        """
        found = read(self.connection, self.here).schema
        return all(
            (each.kind, each.name, each.part) != (change.kind, change.name, change.part)
            for each in changes(wanted, part_of(found, found.objects.keys() & wanted.objects.keys()))
        )

    def _statement(self, change: Change) -> Statement:
        return hiding(Statement(change.sql.encode(errors="replace"), 1, 1), self.settings.variables)

    def _failed(self, change: Change, error: ServerError, facts: dict[str, list[str]]) -> SchemagateError:
        watch, done, count = self.connection.watch, len(facts["done"]), len(facts["done"] + facts["not_done"])
        migrations = f"{self.pending} migrations are pending" if self.pending else "all migrations are applied"
        state = f"{migrations}; {done} of {count} missing objects are healed, this one is not"
        told = {
            "statement": excerpt(self._statement(change)),
            "errno": error.errno,
            "error": error.text,
            "state": state,
            **facts,
        }
        if watch is not None and watch.broken_off:
            return Interrupted(
                f"Asked to stop: healing {said(change)} ran on for too long and was broken off "
                "(SCHEMAGATE_STOP_SECONDS); it is not there. The next start tries it again.",
                self.stop.signum,
                **told,
            )
        if error.errno in (LOCK_WAIT, DEADLOCK):
            told["blockers"] = in_the_way(self.connection, error, self.here.database, [change.name])
        mend = "Correct the rows that it meets, or make it by hand"
        if error.errno in NAME_TAKEN:
            mend = "Give another name to what has that name in another table"
        elif error.errno == NO_TRIGGER_RIGHT:
            mend = "Have an administrator set log_bin_trust_function_creators = 1 (there is a binary log)"
        elif error.errno in NOT_GRANTED:
            mend = "Grant the account the right it lacks"
        return StatementFailed(
            f"{said(change)} is missing and cannot be made again: the server says {error.errno}: {error.text}. "
            f"{done} of {count} missing objects are healed. {mend}; then start again.",
            object=said(change),
            **told,
        )

    def _hold_the_lock(self) -> None:
        if not lock.keeps(self.connection, self.here.database):
            raise LockTimeout(
                "The lock was lost while the schema was healed: something between us and MySQL changed the session. "
                "Connect to the server itself, not through a pooling proxy, and start again."
            )

    def _tried(self, healing: Remedy, found: Schema) -> Remedy:
        """The first way in which it works in the shadow. Raises Unhealable, ShadowUnavailable."""
        try:
            self._prove(healing, found)
        except Unhealable:  # a key with a name takes an index away that was made for an earlier one
            for other in healing.other_ways:
                with suppress(Unhealable):
                    self._prove(other, found)
                    return other
            raise
        return healing

    def _prove(self, healing: Remedy, found: Schema) -> None:
        if left := self._left(healing, found):
            raise Unhealable(f"{said(left[0])} would not be as expected then")

    def _left(self, healing: Remedy, found: Schema) -> tuple[Difference, ...]:
        """What would still differ afterwards. Raises Unhealable for what does not work.

        A view that is broken because something is missing has to be made there, too, behind what it lacks.
        """
        named = {each.name.lower() for each in healing.changes}
        for each in healing.changes:
            named |= {name.name.lower() for name in Statement(each.sql.encode(errors="replace"), 1, 1).names}
        broken = broken_views(found)
        part = around(found, named)
        whole = len(part.objects) == len(found.objects)
        copy = part_of(part, part.objects.keys() - broken)
        try:
            shadow, _ = copied_as_live(self.shadows, copy, self.here.database, whole=whole, asked=named)
        except ShadowUnavailable:
            if whole:
                raise
            copy = part_of(part := found, found.objects.keys() - broken)
            shadow, _ = copied_as_live(self.shadows, copy, self.here.database, whole=True, asked=named)
        for change, text in script(healing.around(part, broken), found.collation):
            self.stop.check()
            if change and change.part and elsewhere(text):  # it would block changes of its parent there
                continue
            try:
                shadow.connection.run(without_keys_elsewhere(text) if change and change.kind == "table" else text)
            except ServerError as error:
                let_pass(error)
                if change is None or error.errno in NOT_GRANTED | {NO_TRIGGER_RIGHT}:
                    raise ShadowUnavailable(f"it cannot be tried there ({error.errno}: {error.text})") from error
                told = without_values(error, self._statement(change)).text
                reason = told.replace(f"`{shadow.name}`.", "").replace(f"{shadow.name}.", "")
                raise Unhealable(f"{said(change)} cannot be made again ({error.errno}: {reason})") from error
        made, after = {(each.kind, each.name) for each in healing.changes}, shadow.read().objects
        # Each trigger knows its place among the others of its table.
        tables = {after[key].attribute("table") for key in made & after.keys() if key[0] == "trigger"}
        made |= {key for key in after.keys() & found.objects.keys()
                 if key[0] == "trigger" and after[key].attribute("table") in tables}  # fmt: skip
        hidden = hidden_views(found, healing.wanted)
        then = replace(found, objects={**found.objects, **hidden, **{key: after[key] for key in made & after.keys()}})
        left = self.expected.against(then).differences
        return tuple(each for each in left if not (each.expected and elsewhere(each.expected)))
