"""The command `diff`: two schemas compared, and the DDL between them. It changes nothing but the shadow."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from schemagate.arbiter import alone, at_arbiter, lost_while_stopping, survey
from schemagate.checksums import Checksums
from schemagate.commands import answer
from schemagate.current import meet
from schemagate.ddl import changes, script
from schemagate.defaults import as_made
from schemagate.errors import NotComparable, SchemaDrift
from schemagate.expected import Incomplete, foreign_to, replay
from schemagate.files import find
from schemagate.loading import elsewhere
from schemagate.migrations import Migration, load, read_statements
from schemagate.plan import Todo
from schemagate.printing import Comparison, as_sql, differing, for_machines, for_people, together
from schemagate.programs import asleep
from schemagate.refusals import ServerError
from schemagate.schema import compare, outline, part_of
from schemagate.scratch import ShadowUnavailable
from schemagate.shadow import Shadows
from schemagate.sides import Known, Side, known, sides_of
from schemagate.trial import Refused
from schemagate.verify import not_replayable, rehearsal_failed

if TYPE_CHECKING:
    from schemagate.arguments import Arguments
    from schemagate.log import Log
    from schemagate.migrations import Migrations
    from schemagate.schema import Schema
    from schemagate.server import Server
    from schemagate.settings import Settings
    from schemagate.stop import Stop

OURS = frozenset({"snapshot", "migrations"})  # what says which objects are a migration's


class Incomparable(Exception):
    """One side cannot be understood on this server; the message says why, for a person."""


def diff(arguments: Arguments, settings: Settings, stop: Stop, log: Log) -> dict[str, Any]:
    """Compare two schemas and print how they differ. Raises SchemaDrift if they do; NotComparable."""
    sides = sides_of(arguments, settings)
    migrations = (
        load(find(settings.migrations, settings.variables, settings.allow_missing))
        if OURS & {side.kind for side in sides}
        else None
    )
    found = compared(sides, migrations, settings, stop, log)
    terminal = sys.stdout is not None and sys.stdout.isatty()
    if arguments.json:
        answer(for_machines(found))
    elif arguments.sql:
        answer(as_sql(found))
    else:
        width = shutil.get_terminal_size((120, 40)).columns if terminal else 120
        answer(for_people(found, width=width, colour=terminal and not settings.no_color))
    both = f"{found.first} and {found.second}"
    for kind, reason in found.not_compared:
        log.warning("schema.not_compared", kind=kind, reason=reason)
    if found.differences:
        raise SchemaDrift(
            f"{both} differ in {differing(found.differences)}. The answer shows each difference, and the DDL that "
            "turns the first into the second; nothing was changed.",
            differing=len(found.differences),
            proof=found.proof,
            state="not touched",
        )
    if found.not_compared:
        kind, reason = found.not_compared[0]
        of_a_line = any(re.match(rf"{re.escape(side.label)}:\d+: ", reason) for side in sides)
        rest = "on a server and with an account that can do the rest"
        raise NotComparable(
            f"Whether {both} are equal cannot be told in full: {kind}: {reason}. Nothing that could be compared "
            f"differs; {'take that out of the file, and compare again' if of_a_line else f'compare {rest}'}.",
            not_compared=[f"{kind}: {reason}" for kind, reason in found.not_compared],
            proof=found.proof,
            state="not touched",
        )
    return {"message": f"{both} are equal", "proof": found.proof}


def compared(
    sides: tuple[Side, Side], migrations: Migrations | None, settings: Settings, stop: Stop, log: Log
) -> Comparison:
    """Compare: by text where that tells, else in the shadow, under the lock."""
    connection, greeting = meet(settings, stop, log, to_write=False)
    here = greeting.server
    with closing(connection):
        both = [known(side, migrations, connection, here, stop, log) for side in sides]
    first, second = both[0].schema, both[1].schema
    alike = both[0].flavour == both[1].flavour
    if first and second and alike:
        found = _compare(sides, first, second)
        if found.equal or all(each.own for each in both):
            return found
    try:
        return _with_lock(partial(_in_shadow, sides, both, migrations), here, settings, stop, log)
    except ShadowUnavailable as reason:
        why = f"there is no shadow to compare in: {reason}"
    except Incomparable as reason:
        why = str(reason)
    if first and second and alike and both[0].release and both[0].release == both[1].release:
        return _compare(sides, first, second)  # servers of one release write the same alike
    found = Comparison(sides[0].label, sides[1].label)
    if first and second:
        found = _compare(sides, outline(first), outline(second), "outline")
    return replace(found, proof="outline", not_compared=(("clauses", why), *found.not_compared))


def _compare(sides: tuple[Side, Side], first: Schema, second: Schema, proof: str = "text") -> Comparison:
    """Two schemas that this server writes, or servers that write the same alike."""
    foreign = _foreign(sides, first, second)
    first, second = (part_of(each, each.objects.keys() - foreign) for each in (first, second))
    unseen = {kind: side for side, each in zip(sides, (first, second), strict=True) for kind in each.unseen}
    made = tuple(together(changes(second, first))) if proof != "outline" else ()
    return Comparison(
        sides[0].label,
        sides[1].label,
        compare(second, first),
        proof,
        tuple((kind, f"the account may not see all of {side.label}") for kind, side in sorted(unseen.items())),
        tuple(sorted(foreign)),
        tuple(script(made, first.collation)) if made else (),
    )


def _foreign(sides: tuple[Side, Side], first: Schema, second: Schema) -> set[tuple[str, str]]:
    """What is in the live schema and made by no migration, where one side is what the migrations make."""
    kinds = [side.kind for side in sides]
    if "live" not in kinds or not OURS & {*kinds}:
        return set()
    live, ours = (first, second) if kinds[0] == "live" else (second, first)
    return foreign_to(ours.objects, live)


# --- in the shadow ------------------------------------------------------------------------------------------------


def _with_lock(
    work: Callable[[Server, Shadows], Comparison], met: Server, settings: Settings, stop: Stop, log: Log
) -> Comparison:
    """Work with a shadow, where all starts work. Raises ShadowUnavailable where there is none."""
    done: list[Comparison] = []
    if not met.writable:  # nobody waits for that to change: a replica stays one
        raise ShadowUnavailable("the server is read-only")

    def go(place: Settings) -> dict[str, Any]:
        connection, greeting = meet(place, stop, log, to_write=True)
        here = greeting.server
        with closing(connection), lost_while_stopping(stop):
            cluster = survey(connection, here, place, stop, log)
            if not at_arbiter(cluster, connection, here, place, stop, log, go):
                with (
                    alone(connection, cluster, here, place, stop, log) as session,
                    Shadows(place, here, stop, session) as shadows,
                ):
                    done.append(work(here, shadows))
        return {"message": "compared"}

    go(settings)
    return done[-1]


def _in_shadow(
    sides: tuple[Side, Side], both: list[Known], migrations: Migrations | None, here: Server, shadows: Shadows
) -> Comparison:
    """Both sides as this server writes them. Raises Incomparable for one that cannot be made here."""
    first, second = (_made_here(*each, migrations, here, shadows) for each in zip(sides, both, strict=True))
    proof = "replay" if any(_is_replayed(*each, here) for each in zip(sides, both, strict=True)) else "shadow"
    found = _compare(sides, first, second, proof)
    for at, each in enumerate(both):
        if found.differences and _written_elsewhere(each, migrations, here):
            # Another release, or another collation of the schema, gets into texts in ways that are no difference.
            assert migrations is not None  # noqa: S101 - asked by `_written_elsewhere`
            built = _replayed(migrations, shadows)
            # What is older here than the default of today has the one that it was recorded with.
            if at == 0:
                first = as_made(built, first, second)
            else:
                second = as_made(built, second, first)
            found = _compare(sides, first, second, "replay")
    return replace(found, proven=_proven(first, second, found, shadows))


def _made_here(side: Side, each: Known, migrations: Migrations | None, here: Server, shadows: Shadows) -> Schema:
    if each.own and each.schema:
        return each.schema
    if _is_replayed(side, each, here):
        if migrations is None or (side.kind == "snapshot" and not _holds(each, migrations)):
            raise Incomparable("the other flavour wrote schema.sql, and from other migrations than these")
        return _replayed(migrations, shadows)
    if each.schema and each.flavour not in ("", here.flavour):
        raise Incomparable(f"{side.label} is of {each.release}, and this server of the other flavour")
    try:
        return shadows.get().load(each.schema) if each.schema else _run(side, shadows)
    except ServerError as error:
        raise Incomparable(f"this server does not load {side.label}: {error.errno}: {error.text}") from error


def _is_replayed(side: Side, each: Known, here: Server) -> bool:
    """Is it what the migrations build? The snapshot is, where this server cannot read it."""
    return side.kind == "migrations" or (side.kind == "snapshot" and each.flavour not in ("", here.flavour))


def _replayed(migrations: Migrations, shadows: Shadows) -> Schema:
    """What the migrations build. Raises RehearsalFailed and MigrationInvalid as `snapshot` does."""
    try:
        return replay(migrations, shadows)
    except Refused as refused:
        raise rehearsal_failed(refused) from refused
    except Incomplete as incomplete:
        raise not_replayable(incomplete) from incomplete


def _run(side: Side, shadows: Shadows) -> Schema:
    """What the statements of a file build from nothing."""
    shadow = shadows.get()
    statements = tuple(read_statements(side.path, lambda chunk: None))
    file = Migration(side.label.removesuffix(".sql"), side.path, Checksums(), kept=statements)
    try:
        left_out = shadow.rehearse([Todo(file, 1)])
    except Refused as refused:
        raise Incomparable(
            f"{side.label}:{refused.statement.line}: this server refuses it: {refused.error}"
        ) from refused
    blind = next((each for each in left_out if each.blind), None)
    if blind:
        raise Incomparable(f"{side.label}:{blind.line}: {blind.reason}")
    return shadow.read()


def _holds(each: Known, migrations: Migrations | None) -> bool:
    """Was this snapshot written from these migrations, and not edited since?"""
    return bool(migrations and each.header and each.header.migrations_sha256 == migrations.sha256 and not each.edited)


def _written_elsewhere(each: Known, migrations: Migrations | None, here: Server) -> bool:
    written = each.header and (each.header.release, each.header.collation) != (here.release, here.collation)
    return bool(written) and _holds(each, migrations)


def _proven(first: Schema, second: Schema, found: Comparison, shadows: Shadows) -> bool:
    """Does the DDL do what it says? Tried in the shadow, but for what would reach out of it."""
    tables = [each for one in (first, second) for key, each in one.objects.items() if key[0] == "table"]
    if not found.ddl or any(elsewhere(each.create) for each in tables):
        return False
    try:
        shadow = shadows.get()
        shadow.load(part_of(first, first.objects.keys() - {*found.foreign}))
        for change, text in found.ddl:
            shadow.connection.run(asleep(text) if change and change.kind == "event" else text)
        return not compare(part_of(second, second.objects.keys() - {*found.foreign}), shadow.read())
    except (ServerError, ShadowUnavailable):
        return False
