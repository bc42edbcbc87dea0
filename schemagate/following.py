"""The migrations, followed in the shadow to find out where a live schema stands; or why they cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemagate.automatic import as_expected
from schemagate.grants import to_see
from schemagate.looking import Unseen
from schemagate.othertools import misplaced
from schemagate.refusals import ServerError, let_pass
from schemagate.scratch import ShadowUnavailable
from schemagate.states import States, replayed
from schemagate.trial import Refused

if TYPE_CHECKING:
    from schemagate.migrations import Migrations
    from schemagate.schema import Schema
    from schemagate.server import Server
    from schemagate.shadow import Shadows

SAY_SO = " (if it changes no structure, a line before it can say so: -- schemagate: no-structure)"


class Unfollowed(Exception):
    """The migrations cannot be followed to their end in the shadow; the message says why.

    `states` are those up to there, where any were seen.
    """

    def __init__(self, why: str, states: States | None = None) -> None:
        super().__init__(why)
        self.states = states


def followed(migrations: Migrations, live: Schema, shadows: Shadows, here: Server) -> States:
    """The states that the migrations go through, but for those that are repeatable. Raises Unfollowed.

    Where the live schema is in none of them, it is held against them without what only a dump has kept.
    """
    states = _followed(migrations, live, shadows, here)
    spared = as_expected(live, states.final())
    if not states.equal and any(len(spared.objects[key].parts) != len(live.objects[key].parts) for key in live.objects):
        return _followed(migrations, spared, shadows, here)
    return states


def _followed(migrations: Migrations, live: Schema, shadows: Shadows, here: Server) -> States:
    if live.unseen:
        kinds, rights = ", ".join(sorted(live.unseen)), to_see(live.unseen, here.database, here.flavour)
        raise Unfollowed(f"this account cannot see every {kinds} here; GRANT {rights} to it")
    again = frozenset(key for each in migrations.all if each.repeatable for key in each.creates())
    try:
        for whole in (False, True):
            shadow = shadows.get()
            states = States(live, shadow, here.database, whole=whole, again=again)
            try:
                left_out = replayed(migrations.once, states, shadow)
            except Unseen:
                continue
            if left_out:
                states.settle()
                where = f"{left_out.migration}.sql:{left_out.line}: {left_out.reason}"
                raise Unfollowed(f"the shadow cannot go beyond {where}{SAY_SO}", states)
            if whole or states.is_exact():
                states.settle()
                return states
    except ShadowUnavailable as reason:
        raise Unfollowed(f"there is no shadow: {reason}") from reason
    except Refused as refused:
        where, error = f"{refused.migration.file}:{refused.statement.line}", refused.error
        states.settle()
        why = f"{where} does not work in an empty schema, the server says {error.errno}: {error.text}"
        if pair := misplaced([each.name for each in migrations.all]):
            why += f" (files are run in the order of their names: {pair[0]} before {pair[1]}; rename them)"
        raise Unfollowed(why, states) from refused
    except ServerError as error:
        let_pass(error)
        raise Unfollowed(f"the shadow cannot be used ({error.errno}: {error.text})") from error
    raise Unfollowed("what the migrations make cannot be seen in full")
