"""An image that is older than the database behind it: whether its code may start there all the same.

That its code works is what the newer migrations say, in the journal. That the schema is what they built is what the
last start that has them proved, and remembered; an older one cannot know it, and looks for what its own code needs.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, TypeGuard

from schemagate import history, listing, remembered
from schemagate.current import encoded
from schemagate.errors import SchemaDrift, SchemagateError
from schemagate.plan import make_plan
from schemagate.refusals import ServerError
from schemagate.verify import as_facts, read, told, verified

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemagate.current import Greeting
    from schemagate.database import Connection
    from schemagate.expected import Expected
    from schemagate.log import Log
    from schemagate.migrations import Migrations
    from schemagate.plan import Allowed
    from schemagate.remembered import Verified
    from schemagate.schema import Difference
    from schemagate.server import Server


def is_newer(connection: Connection, greeting: Greeting, migrations: Migrations, allow: Allowed, log: Log) -> bool:
    """Is the database newer than this image, in a way that lets its code work, and as the last start proved it? Says so
    if it is. Takes no lock and writes nothing; what it cannot tell so is told under the lock.
    """
    here, known = greeting.server, greeting.verified
    if greeting.in_doubt or not _is_of_here(known, here):
        return False
    ours = max((migration.name for migration in migrations.all if not migration.repeatable), default="")
    if history.newest(connection, here.database) <= ours:
        return False
    try:
        plan = make_plan(migrations, history.read(connection, here.database), allow)
    except SchemagateError:
        return False
    began = time.monotonic()
    answers = listing.shown(connection, here.flavour, greeting.listed)
    unseen = _as_proven(known, encoded(listing.fingerprint(greeting.listed, answers)))
    if not plan.newer or unseen is None:
        return False
    _say(plan.newer, log)
    _say_proven(greeting.tables, unseen, log, began)
    return True


def verify_newer(connection: Connection, here: Server, expected: Expected, newer: Sequence[str], log: Log) -> None:
    """Prove of a newer schema what an older image can: that it is as the last start proved it that has the `newer`
    migrations; or, where nobody has, that all is there that our own snapshot expects, as it expects it. What is there
    beside that is theirs.

    Raises SchemaDrift, where only a start that has the newer migrations can tell.
    """
    _say(newer, log)
    began = time.monotonic()
    live = read(connection, here)
    known = _remembered(connection, here.database)
    unseen = _as_proven(known, live.fingerprint) if _is_of_here(known, here) else None
    if known is not None and unseen is not None:
        tables = [name for kind, name in live.schema.objects if kind == "table" and name not in known.foreign]
        _say_proven(sorted(tables), unseen, log, began)
        return
    verdict = expected.against(live.schema)
    for kind, reason in verdict.not_compared:
        log.warning("schema.not_compared", kind=kind, reason=reason)
    lacking = tuple(difference for difference in verdict.differences if difference.expected is not None)
    if lacking:
        raise _unknown(lacking, newer, verdict.proof)
    log.warning(
        "schema.not_compared",
        kind="what the newer migrations made",
        reason="no start that has them has proven the schema as it is now; all that this image expects is there",
    )
    verified(verdict, live, log, began)


def _remembered(connection: Connection, database: str) -> Verified | None:
    try:
        return remembered.parse_verified(connection.execute(remembered.verified_query(database)).rows)
    except ServerError:  # a table of an earlier version, or none: it proves nothing
        return None


def _is_of_here(known: Verified | None, here: Server) -> TypeGuard[Verified]:
    """Was it proven on this server, and can this version of ours read it?"""
    return known is not None and (known.form, known.server_uuid, known.server_version) == (
        remembered.FORM,
        here.uuid,
        here.version,
    )


def _as_proven(known: Verified, found: str) -> list[str] | None:
    """The kinds that were proven and that this account cannot see; None where what it sees is not as it was proven."""
    proven, now = json.loads(known.fingerprint), json.loads(found)
    return sorted(proven.keys() - now.keys()) if "table" in now and now.items() <= proven.items() else None


def _say(newer: Sequence[str], log: Log) -> None:
    log.warning("database.newer", migrations=list(newer))


def _say_proven(tables: Sequence[str], unseen: Sequence[str], log: Log, began: float) -> None:
    for kind in unseen:
        log.warning("schema.not_compared", kind=kind, reason="this account cannot see them")
    log.warning(
        "schema.not_compared",
        kind="the snapshot of this image",
        reason="the schema is as the last start with the newer migrations proved it",
    )
    log.info("schema.verified", tables=tables, proof="newer", elapsed_seconds=round(time.monotonic() - began, 3))


def _unknown(lacking: Sequence[Difference], newer: Sequence[str], proof: str) -> SchemaDrift:
    return SchemaDrift(
        f"The live schema lacks what this image expects, or has it otherwise: {told(lacking)}. The newer migrations "
        f"may have done that ({newer[-1]} is the last), or somebody by hand: only an image that has them can tell. "
        "Start that one once, which proves the schema; then start again.",
        differences=as_facts(lacking),
        differing=len(lacking),
        proof=proof,
        newer=list(newer),
        state="nothing was changed",
    )
