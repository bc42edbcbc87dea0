"""The scratch schema: on the same server, empty of data, where migrations can be tried and texts compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from schemagate import schema, server
from schemagate.database import open_session
from schemagate.errors import AccessDenied, ConnectionLost, Interrupted
from schemagate.isolation import (
    LONGEST_DATA,
    MOST_DATA,
    NOT_GRANTED,
    NOT_PREPARABLE,
    OTHER_BYTES,
    OTHER_QUOTES,
    PREPARED,
    STRUCTURE,
    TRANSACTION,
    WITHOUT_STRUCTURE,
    beyond,
    fills_from_query,
    in_shadow,
    inside,
    reaches_out,
    says_no_structure,
    sets_the_session,
    settable,
)
from schemagate.listing import session_for_reading
from schemagate.loading import broken_views, load_statements, with_left_out
from schemagate.looking import Looker
from schemagate.prepared import Prepared
from schemagate.programs import asleep
from schemagate.refusals import NO_SUCH_TABLE, SYNTAX, ServerError
from schemagate.schema import part_of
from schemagate.sql import Statement, quote
from schemagate.variables import without_values

if TYPE_CHECKING:
    from schemagate.database import Connection
    from schemagate.migrations import Migration
    from schemagate.plan import Todo
    from schemagate.schema import Schema, SchemaObject
    from schemagate.server import Server
    from schemagate.settings import Settings
    from schemagate.stop import Stop

MARKER = "schemagate_shadow_of"


class ShadowUnavailable(Exception):
    """There may be no shadow here; the message says why, for a person."""


def _not_granted(name: str, error: ServerError) -> ShadowUnavailable:
    return ShadowUnavailable(
        f"the account may not do in schema {name} what is needed ({error.errno}: {error.text}); "
        f"GRANT ALL ON `{name}`.* to it for the full proof"
    )


@dataclass(frozen=True, slots=True)
class NotRehearsed:
    """A statement that was not tried, and why. `blind`: what comes after may depend on it."""

    migration: str
    ordinal: int
    line: int
    reason: str
    blind: bool


class Refused(Exception):
    """The shadow refused a statement of a migration."""

    def __init__(self, migration: Migration, statement: Statement, error: ServerError) -> None:
        error = without_values(error, statement)
        super().__init__(f"{migration.file}:{statement.line}: {error}")
        self.migration, self.statement, self.error = migration, statement, error


@dataclass(frozen=True, slots=True)
class StandIn:
    """A view in the place of one that is broken and cannot be made."""

    copy: SchemaObject
    original: SchemaObject


class Following(Protocol):
    """Whoever looks on while statements that change the structure are tried, with the name of their migration."""

    def before(self, migration: str, statement: Statement, kind: str, /) -> None:
        """It comes next."""

    def after(self, migration: str, statement: Statement, kind: str, /) -> None:
        """It worked."""


def shadow_name(database: str, setting: str) -> str:
    """The name of the shadow of a schema. From a hash: 64 characters are the limit, and `<db>__shadow` may be
    somebody's.
    """
    if setting != "auto":
        return setting
    return "schemagate_shadow_" + hashlib.sha256(database.encode()).hexdigest()[:16]


class Shadows:
    """The shadow, made when it is first asked for and dropped at the end. Only under the lock: starts share its
    name.
    """

    def __init__(self, settings: Settings, here: Server, stop: Stop, beside: Connection | None = None) -> None:
        """`beside`: a session that can look whether an earlier start left one behind."""
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
                self._shadow = Shadow(self._settings, self._here, self._stop)
                if self._beside and self._beside.watch:
                    self._beside.watch.mind(self._shadow.connection)
        except ShadowUnavailable as reason:
            self._unavailable = str(reason)
            raise
        return self._shadow


def _make(connection: Connection, name: str, database: str, here: Server) -> None:
    try:
        _drop(connection, name, database)
        charset = here.collation.split("_", 1)[0]
        connection.execute(f"CREATE DATABASE {quote(name)} CHARACTER SET {charset} COLLATE {here.collation}")
        # The first object says whose it is: what has objects and no marker is somebody's, and is never dropped.
        connection.execute(f"CREATE TABLE {quote(name)}.{MARKER} (of_schema VARCHAR(64) PRIMARY KEY) ENGINE=InnoDB")
        connection.execute(f"INSERT INTO {quote(name)}.{MARKER} VALUES (%s)", database)
        connection.execute(f"USE {quote(name)}")
    except ServerError as error:
        raise _not_granted(name, error) from error


def _drop(connection: Connection, name: str, database: str) -> None:
    there = connection.execute("SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s", name).rows
    if not there:
        return
    try:
        owners = connection.execute(f"SELECT of_schema FROM {quote(name)}.{MARKER}").rows
        ours = any(owner == database for (owner,) in owners) or (
            not owners and _objects(connection, name) == 1  # killed between making the marker and filling it
        )
    except ServerError as error:
        if error.errno != NO_SUCH_TABLE:
            raise
        ours = _objects(connection, name) == 0
    if not ours:
        raise ShadowUnavailable(f"schema {name} exists and is not ours; set SCHEMAGATE_SHADOW to another name")
    connection.execute("SET SESSION foreign_key_checks = 0")
    connection.execute(f"DROP DATABASE {quote(name)}")
    connection.execute("SET SESSION foreign_key_checks = 1")


def _objects(connection: Connection, name: str) -> int:
    return sum(
        int(connection.execute(f"SELECT COUNT(*) FROM information_schema.{table} WHERE {column} = %s", name).rows[0][0])
        for table, column in (("TABLES", "TABLE_SCHEMA"), ("ROUTINES", "ROUTINE_SCHEMA"), ("EVENTS", "EVENT_SCHEMA"))
    )


class Shadow:
    """The scratch schema while it is there, in a session of its own.

    Raises ShadowUnavailable where the account may not have one, or the name is taken by something that is not ours.
    """

    def __init__(self, settings: Settings, here: Server, stop: Stop) -> None:
        self.name = shadow_name(here.database, settings.shadow)
        self._settings, self._here, self._stop = settings, here, stop
        self._unread = ""  # the modes and character sets under which we cannot read what a statement names
        self._reaching = False  # is there a function here that may change another schema?
        self.stand_ins: dict[tuple[str, str], StandIn] = {}
        opening = server.working_session(here.flavour, settings.lock_wait_seconds)
        try:
            self.connection = open_session(settings, None, opening)
        except AccessDenied as error:
            raise ShadowUnavailable(
                f"no session without a schema may be opened ({error.facts.get('error')})"
            ) from error
        try:
            _make(self.connection, self.name, here.database, here)
        except BaseException:
            self.connection.close()
            raise

    def close(self) -> bool:
        """Drop it. What cannot be dropped now has its marker, and the next start with work to do drops it. False if the
        connection was lost over it.
        """
        try:
            with suppress(ServerError, ShadowUnavailable):
                _drop(self.connection, self.name, self._here.database)
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
        """What this object stands for: the broken view in whose place it is, or itself."""
        one = self.stand_ins.get((each.kind, each.name))
        return one.original if one and one.copy == each else each

    def load(self, what: Schema) -> Schema:
        """Make every object of a schema here, and return how the server now writes them. Raises ServerError, or
        ShadowUnavailable where the account may not.

        What may not be made here (a foreign key to another schema, a broken view) is in the result as it was given. In
        the place of a broken view is one of no use, so that statements can drop and replace it.
        """
        try:
            if what.collation:
                self.connection.execute(f"ALTER DATABASE {quote(self.name)} COLLATE {what.collation}")
            for text in load_statements(what, shadow=True):
                self.connection.run(text)
            broken = broken_views(what)
            for _, name in sorted(broken):
                self.connection.execute(f"CREATE VIEW {quote(name)} AS SELECT 1")
        except ServerError as error:
            if error.errno in NOT_GRANTED:
                raise _not_granted(self.name, error) from error
            raise
        self._session()
        self._reaching = reaches_out(what, self._here.database)
        found = self.read()
        self.stand_ins = {key: StandIn(found.objects[key], what.objects[key]) for key in broken}
        return with_left_out(part_of(found, found.objects.keys() - broken), what)

    def empty(self) -> None:
        """Drop everything and begin anew."""
        self._reaching, self.stand_ins = False, {}
        _make(self.connection, self.name, self._here.database, self._here)
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
            temporary: list[str] = []
            try:
                if self._file(each, left_out, temporary, following):
                    break
            finally:
                with suppress(ServerError, ConnectionLost):
                    for name in temporary:  # they would hide the real ones from whoever looks afterwards
                        self.connection.execute(f"DROP TEMPORARY TABLE IF EXISTS {quote(name)}")
        return tuple(left_out)

    def _file(
        self, each: Todo, left_out: list[NotRehearsed], temporary: list[str], following: Following | None
    ) -> bool:
        """Try the rest of one file; notes what is left out and which temporary tables are made. True: stop trying."""
        data, prepared = 0, Prepared()
        again = each.resumption.again if each.resumption else frozenset()
        reason: str | None
        for statement in each.migration.statements():
            if self._stop.requested:
                raise Interrupted(
                    "Asked to stop during the rehearsal; the live schema was not touched.", self._stop.signum
                )
            kind = statement.kind
            known = prepared.data(statement, kind)
            prepared.note(statement, kind)
            if statement.ordinal < each.first and (statement.ordinal not in again or kind not in STRUCTURE | {"set"}):
                del statement  # before the next is read: each may be as long as memory allows
                continue
            if statement.ordinal == each.first and each.resumption:
                for name, stand_in in each.resumption.stand_ins:
                    self.connection.execute(stand_in)
                    temporary.append(name)
            if not statement.raw:  # nothing of it is left to be run
                del statement
                continue
            data += kind in PREPARED
            if data > MOST_DATA and kind in PREPARED:
                reason, blind = "one of very many data statements", False
                if data > MOST_DATA + 1:
                    del statement
                    continue  # said once
            else:
                if following and kind in STRUCTURE:
                    following.before(each.migration.name, statement, kind)
                reason, blind = self._try(each.migration, statement, kind)
                blind = blind and not (known or says_no_structure(statement))
                if following and kind in STRUCTURE and not reason:
                    following.after(each.migration.name, statement, kind)
            if reason:
                left_out.append(NotRehearsed(each.migration.name, statement.ordinal, statement.line, reason, blind))
                if blind:
                    return True
            elif kind == "create temporary table":
                temporary += [name.name for name in statement.names[:1]]
            del statement
        return False

    def _try(self, migration: Migration, statement: Statement, kind: str) -> tuple[str | None, bool]:
        """Try one; returns why not (None if tried), and whether that makes the rest untrustworthy."""
        if kind in WITHOUT_STRUCTURE:
            return (None if kind in TRANSACTION else f"{kind.upper()} is not run in the shadow"), False
        if kind == "set":
            return self._set(migration, statement)
        if kind not in STRUCTURE and kind not in PREPARED:
            self._parse(migration, statement)
            return f"what {kind.upper()} does cannot be kept inside the shadow", True
        if kind in PREPARED and len(statement.raw) > LONGEST_DATA:
            return f"{kind.upper()} of more than {LONGEST_DATA >> 20} MiB is not prepared", False
        text, reason = inside(statement, self._here.database, self.name)
        reason = reason or beyond(statement, kind) or self._hidden(statement, kind)
        if reason:
            return reason, kind in STRUCTURE
        if kind in ("create event", "alter event"):
            text = asleep(text)
        if kind == "drop function" and text == statement.text:
            text = in_shadow(statement, self.name)
        try:
            if kind in PREPARED:
                self.connection.execute(f"PREPARE schemagate FROM {self.connection.literal(text)}")
            else:
                self.connection.run(text)
        except ServerError as error:
            if kind in PREPARED and error.errno == NOT_PREPARABLE:
                return f"{kind.upper()} cannot be prepared", False
            if error.errno in NOT_GRANTED:  # which says nothing of what it may do in its own schema
                raise _not_granted(self.name, error) from error
            # For people: the table that is missing is missing in their schema, too.
            said = ServerError(error.errno, error.text.replace(f"{quote(self.name)}.", "").replace(f"{self.name}.", ""))
            raise Refused(migration, statement, said) from error
        return None, False

    def _hidden(self, statement: Statement, kind: str) -> str | None:
        """Why this one may name the live schema where nobody sees it, after a SET or with what it calls."""
        if self._unread and (not statement.text.isascii() or any(quote in statement.text for quote in '"[')):
            return f"under {self._unread} a name may stand where a string is seen"
        if self._reaching and kind in ("create table", "create temporary table") and fills_from_query(statement):
            return "its query is run, and may call functions that change other schemas"
        return None

    def _set(self, migration: Migration, statement: Statement) -> tuple[str | None, bool]:
        if not settable(statement):
            return "SET with a query or a function is not run in the shadow", sets_the_session(statement)
        try:
            self.connection.run(statement.text)
            mode, charset = self.connection.execute("SELECT @@SESSION.sql_mode, @@character_set_client").rows[0]
        except ServerError as error:
            if "@" in statement.text.replace("@@", ""):
                return "SET from a user variable that only the live session knows", True
            raise Refused(migration, statement, error) from error
        self._unread = ", ".join(sorted((OTHER_QUOTES & {*mode.split(",")}) | (OTHER_BYTES & {charset})))
        return None, False

    def _parse(self, migration: Migration, statement: Statement) -> None:
        """Let the server read what is not run here: preparing runs nothing. Raises Refused for what is no SQL to it."""
        if len(statement.raw) > LONGEST_DATA:
            return
        try:
            self.connection.execute(f"PREPARE schemagate FROM {self.connection.literal(statement.text)}")
        except ServerError as error:
            if error.errno == SYNTAX:  # all else may be right where it is run
                raise Refused(migration, statement, error) from error

    def _session(self) -> None:
        self._unread = ""
        for text in server.working_session(self._here.flavour, self._settings.lock_wait_seconds):
            self.connection.execute(text)
