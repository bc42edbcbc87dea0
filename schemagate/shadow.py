"""The scratch schema: on the same server, empty of data, where migrations can be tried and texts compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from schemagate import lock, schema, server
from schemagate.errors import AccessDenied, ConnectionLost
from schemagate.isolation import NOT_GRANTED, reaches_out
from schemagate.listing import session_for_reading
from schemagate.loading import broken_views, of_no_use, script, with_left_out
from schemagate.looking import Looker
from schemagate.refusals import BROKEN, ServerError
from schemagate.schema import part_of
from schemagate.scratch import ShadowUnavailable, alone, drop, make, not_granted, shadow_name
from schemagate.sessions import open_session
from schemagate.sql import quote
from schemagate.trial import Trial

if TYPE_CHECKING:
    from schemagate.database import Connection
    from schemagate.plan import Todo
    from schemagate.schema import Schema, SchemaObject
    from schemagate.server import Server
    from schemagate.settings import Settings
    from schemagate.stop import Stop
    from schemagate.trial import Following, NotRehearsed


@dataclass(frozen=True, slots=True)
class StandIn:
    """A view or trigger in the place of one that is broken and cannot be made."""

    copy: SchemaObject
    original: SchemaObject


class Shadows:
    """The shadow, made when it is first asked for and dropped at the end. Only under the lock: starts share its
    name.
    """

    def __init__(self, settings: Settings, here: Server, stop: Stop, beside: Connection | None = None) -> None:
        """`beside`: the session that holds the lock, and can look whether an earlier start left one behind."""
        self._settings, self._here, self._stop, self._beside = settings, here, stop, beside
        self._shadow: Shadow | None = None
        self._possible: bool | None = None
        self._unavailable = "SCHEMAGATE_SHADOW is off" if settings.shadow == "off" else ""
        if shadow_name(here.database, settings.shadow).lower() == here.database.lower():
            self._unavailable = "SCHEMAGATE_SHADOW names the schema itself"

    def __enter__(self) -> Shadows:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> bool:
        """Drop it, or the one that an earlier start left behind. False if the connection was lost over it."""
        with suppress(ShadowUnavailable, ServerError, ConnectionLost):
            if self._beside and not self._shadow and not self._unavailable and self._is_there(self._beside):
                self.get()
        shadow, self._shadow, self._beside = self._shadow, None, None
        return shadow is None or shadow.close()

    def _is_there(self, connection: Connection) -> bool:
        name = shadow_name(self._here.database, self._settings.shadow)
        return bool(connection.execute("SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s", name).rows)

    def possible(self, looker: Looker) -> bool:
        """May there be a shadow, as far as can be told without making it? Asks at most one question."""
        if self._unavailable or self._shadow:
            return not self._unavailable
        if self._possible is None:
            self._possible = looker.may_use(shadow_name(self._here.database, self._settings.shadow))
        return self._possible

    def get(self) -> Shadow:
        """An empty shadow. Raises ShadowUnavailable, the second time without asking again."""
        if self._unavailable:
            raise ShadowUnavailable(self._unavailable)
        try:
            if self._shadow:
                self._shadow.empty()
            else:
                self._shadow = Shadow(self._settings, self._here, self._stop, self._beside)
        except ShadowUnavailable as reason:
            self._unavailable = str(reason)
            raise
        return self._shadow


class Shadow:
    """The scratch schema while it is there, in a session of its own.

    Raises ShadowUnavailable where the account may not have one, or the name is taken by something that is not ours; and
    ConnectionLost before it is made, emptied or dropped, where the lock is another start's by now: so is the shadow.
    """

    def __init__(self, settings: Settings, here: Server, stop: Stop, beside: Connection | None = None) -> None:
        """`beside`: the session that holds the lock. Its watch watches over this one, too."""
        self.name = shadow_name(here.database, settings.shadow)
        self._settings, self._here, self._stop, self._beside = settings, here, stop, beside
        self._reaching = False  # is there a function here that may change another schema?
        self.stand_ins: dict[tuple[str, str], StandIn] = {}
        self._opening = opening = server.working_session(here.flavour, settings.lock_wait_seconds)
        try:
            self.connection = open_session(settings, None, opening, stop, beside.watch if beside else None)
        except AccessDenied as error:
            raise ShadowUnavailable(
                f"no session without a schema may be opened ({error.facts.get('error')})"
            ) from error
        self.connection.hears = None
        try:
            alone(self.connection, self.name, here.database, self._hold_the_lock)
            make(self.connection, self.name, here)
        except BaseException:
            self.connection.close()
            raise

    def close(self) -> bool:
        """Drop it. What cannot be dropped now has its marker, and the next start with work to do drops it. False if the
        connection was lost over it.
        """
        try:
            with suppress(ServerError, ShadowUnavailable):
                self._hold_the_lock()
                drop(self.connection, self.name, self._here.database)
        except ConnectionLost:
            return False
        finally:
            self.connection.close()
        return True

    def read(self) -> Schema:
        """What is in it now, in normal form."""
        for text in ("SET NAMES utf8mb4", *session_for_reading(self._here.flavour)):  # a migration may have set others
            self.connection.execute(text)
        found = schema.read(self.connection, self._here.flavour)
        self._session()
        return replace(found, objects={key: self.as_given(each) for key, each in found.objects.items()})

    def as_given(self, each: SchemaObject) -> SchemaObject:
        """What this object stands for: the broken one in whose place it is, or itself."""
        one = self.stand_ins.get((each.kind, each.name))
        return one.original if one and one.copy == each else each

    def load(self, what: Schema, then: Mapping[tuple[str, str], str] = MappingProxyType({})) -> Schema:
        """Make every object of a schema here, and return how the server now writes them. Raises ServerError, or
        ShadowUnavailable where the account may not. `then` has what is to be run after an object is made.

        What may not be made here (a foreign key to another schema, a broken view, a trigger that names a column which
        is gone) is in the result as it was given. In the place of a broken view or trigger is one of no use, so that
        statements can drop and replace it.
        """
        try:
            if what.collation:
                self.connection.execute(f"ALTER DATABASE {quote(self.name)} COLLATE {what.collation}")
            broken = set(broken_views(what))
            for each, text in script(what, shadow=True):
                try:
                    self.connection.run(text)
                    if each and (more := then.get((each.kind, each.name))):
                        self.connection.run(more)
                except ServerError as error:
                    if each is None or error.errno not in BROKEN.get(each.kind, ()):
                        raise
                    broken.add((each.kind, each.name))
                    if each.kind == "trigger":  # at once, for it has its place among the others
                        self.connection.execute(of_no_use(each))
            for kind, name in sorted(broken):
                if kind == "view":
                    self.connection.execute(f"CREATE VIEW {quote(name)} AS SELECT 1")
        except ServerError as error:
            if error.errno in NOT_GRANTED:
                raise not_granted(self.name, error) from error
            raise
        self._session()
        self._reaching = reaches_out(what, self._here.database)
        found = self.read()
        self.stand_ins = {key: StandIn(found.objects[key], what.objects[key]) for key in broken}
        return with_left_out(part_of(found, found.objects.keys() - broken), what, broken)

    def empty(self) -> None:
        """Drop everything and begin anew."""
        self._reaching, self.stand_ins = False, {}
        self._hold_the_lock()
        make(self.connection, self.name, self._here)
        self._session()

    @property
    def looker(self) -> Looker:
        """To look at what is in it in the middle of a file, whose session it leaves as it is."""
        return Looker(self.connection, self._here.flavour)

    def rehearse(self, todo: Iterable[Todo], following: Following | None = None) -> tuple[NotRehearsed, ...]:
        """Try statements here, in order. Returns those that were not tried. Raises Refused for one that does not work.

        Stops trying after a statement that was not tried and on which what follows may depend.
        """
        left_out: list[NotRehearsed] = []
        for each in todo:
            self._session()
            place = self.connection, self.name, self._here.database
            trial = Trial(each, *place, self._stop, opening=self._opening, reaching=self._reaching)
            with closing(trial):
                left_out += trial.run(following)
            if left_out and left_out[-1].blind:
                break
        return tuple(left_out)

    def _hold_the_lock(self) -> None:
        """Who was frozen for long enough is taken for dead, and does not know it."""
        if self._beside and not lock.keeps(self._beside, self._here.database):
            raise ConnectionLost("The lock was lost, and another start may have taken it. Start again.")

    def _session(self) -> None:
        for text in self._opening:
            self.connection.execute(text)
