"""A schema of its own for every test, and the proof that the test changed nothing else on the server."""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pymysql

from schemagate.database import LENIENT
from tests.reach import Server

if TYPE_CHECKING:
    from tests.reach import Connection

SHADOW = "schemagate_shadow_"
# So begin the names of schemas that the tests of another server make on this one: no test looks at them.
VISITING = "test_visiting_"
NOT_OURS = frozenset({"information_schema", "mysql", "performance_schema", "sys"})

# Global variables in which a server writes down what it does; all others change only if somebody sets them.
SELF_CHANGING = re.compile(r"gtid_|innodb_(buffer_pool_(dump|load)|.*_now$)|wsrep_|rpl_|Rpl_|server_audit|timestamp")


def quoted(name: str) -> str:
    """An identifier for SQL text."""
    return "`" + name.replace("`", "``") + "`"


class Database:
    """An empty schema on a server, for one test. What the test makes through it is gone afterwards."""

    def __init__(self, server: Server, name: str | None = None) -> None:
        self.server = server
        self.name = name or f"test_{secrets.token_hex(5)}"
        self.shadow = SHADOW + hashlib.sha256(self.name.encode()).hexdigest()[:16]
        self.may_leave_shadow = False  # for a test that kills a start and looks no further
        self._schemas = [self.name]
        self._accounts: list[str] = []
        self._connections: list[Connection] = []
        self._own = server.connect()
        self.run(f"CREATE DATABASE {quoted(self.name)} CHARACTER SET utf8mb4", f"USE {quoted(self.name)}")

    def connect(self, user: str | None = None, password: str = "", **options: Any) -> Connection:
        """A new session in the schema, closed after the test: root's, or that of an account."""
        account = {"user": user, "password": password} if user else {}
        connection = self.server.connect(**({"database": self.name} | account | options))
        self._connections.append(connection)
        return connection

    def environment(self, user: str | None = None, password: str = "") -> dict[str, str]:
        """The variables with which a start finds this schema: as root, or as an account."""
        return {
            "MYSQL_HOST": self.server.host,
            "MYSQL_PORT": str(self.server.port),
            "MYSQL_DATABASE": self.name,
            "MYSQL_USER": user or self.server.user,
            "MYSQL_PASSWORD": password if user else self.server.password,
        }

    def run(self, *statements: str) -> None:
        """Run these as root, in a session that stays the same for the whole test."""
        for statement in statements:
            self.rows(statement)

    def rows(self, statement: str, *values: object) -> tuple[tuple[Any, ...], ...]:
        """The rows that a statement answers; the values take the places of its %s."""
        with self._own.cursor() as cursor:
            cursor.execute(statement, values or None)
            return tuple(cursor.fetchall())

    def value(self, statement: str, *values: object) -> Any:
        """The first column of the first row."""
        return self.rows(statement, *values)[0][0]

    def account(self, *grants: str, name: str | None = None, plugin: str | None = None) -> tuple[str, str]:
        """A throwaway account: (user, password).

        A grant is what stands between GRANT and TO; {database} and {shadow} in it are the schemas' names, quoted:
        account("SELECT, SHOW VIEW ON {database}.*").
        """
        user, password = name or f"test_{secrets.token_hex(5)}", secrets.token_hex(12)
        account = "'" + user.replace("\\", "\\\\").replace("'", "''") + "'@'%'"
        if plugin and self.server.flavour == "mariadb":
            identified = f"VIA {plugin} USING PASSWORD('{password}')"
        else:
            identified = (f"WITH {plugin} " if plugin else "") + f"BY '{password}'"
        self.run(f"CREATE USER {account} IDENTIFIED {identified}")
        self._accounts.append(account)
        for grant in grants:
            self.run(f"GRANT {self._named(grant)} TO {account}")
        return user, password

    def another(self, name: str | None = None) -> str:
        """A second schema, which is dropped after the test like the first; answers its name."""
        name = name or f"{self.name}_{secrets.token_hex(2)}"
        self._schemas.append(name)
        self.run(f"CREATE DATABASE {quoted(name)} CHARACTER SET utf8mb4")
        return name

    def objects(self, schema: str | None = None) -> set[tuple[str, str]]:
        """(kind, name) of everything in the schema: "table", "view", "sequence", "trigger", "procedure", …"""
        return {(kind, name) for _, kind, name, _ in objects(self._own, schema or self.name)}

    def _named(self, grant: str) -> str:
        # In a grant on a whole schema `_` stands for any character; in one on a table it is itself.
        for word, schema in (("{database}", self.name), ("{shadow}", self.shadow)):
            pattern = quoted(schema.replace("\\", "\\\\").replace("_", r"\_").replace("%", r"\%"))
            grant = grant.replace(word + ".*", pattern + ".*").replace(word, quoted(schema))
        return grant

    def remove(self) -> list[str]:
        """Drop all that the test made through this object; answers what should not have been there."""
        for connection in self._connections:
            with contextlib.suppress(Exception):  # it may be closed, killed, or in the middle of a result
                connection.close()
        with self.server.connect() as connection, connection.cursor() as cursor:
            self._own.close()
            left_over = self._shadows(cursor)
            cursor.execute("SET SESSION lock_wait_timeout = 20, foreign_key_checks = 0")  # keys between them
            cursor.execute("SELECT id, db FROM information_schema.processlist WHERE id <> CONNECTION_ID()")
            for thread, schema in cursor.fetchall():  # those of killed programs, which may hold locks
                if schema in {*self._schemas, self.shadow}:
                    with contextlib.suppress(Exception):
                        cursor.execute(f"KILL {thread}")
            for schema in {*self._schemas, *left_over}:
                cursor.execute(f"DROP DATABASE IF EXISTS {quoted(schema)}")
            for account in self._accounts:
                cursor.execute(f"DROP USER IF EXISTS {account}")
        return [] if self.may_leave_shadow else [f"the shadow {schema} was left" for schema in left_over]

    def _shadows(self, cursor: Any) -> list[str]:
        mine = [SHADOW + hashlib.sha256(schema.encode()).hexdigest()[:16] for schema in self._schemas]
        cursor.execute("SELECT schema_name FROM information_schema.schemata")
        return [name for (name,) in cursor.fetchall() if name in mine]


# --- the proof -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Picture:
    """What a test may not change: facts of the whole server, each under a name that a person understands."""

    facts: Mapping[str, str]

    def changes(self, later: Picture) -> list[str]:
        """One sentence for each fact that is not the same later."""
        names = sorted({*self.facts, *later.facts})
        pairs = [(name, self.facts.get(name, "nothing"), later.facts.get(name, "nothing")) for name in names]
        return [f"{name} was {before:.300}, is {after:.300}" for name, before, after in pairs if before != after]


def picture(server: Server, only: Iterable[str] | None = None) -> Picture:
    """The server as it is: schemas and their objects, accounts, rights, global variables; or `only` these schemas."""
    facts: dict[str, str] = {}
    with server.connect() as connection:
        if only is None:
            facts.update(_accounts(connection, server))
            facts.update(_variables(connection))
        collations = _schemas(connection)
        for schema in only if only is not None else collations:
            facts[f"schema {schema}"] = collations.get(schema, "nothing")
            facts.update({f"{kind} {of}.{name}": how for of, kind, name, how in objects(connection, schema)})
    return Picture(facts)


def objects(connection: Connection, schema: str) -> Iterator[tuple[str, str, str, str]]:
    """(schema, kind, name, what would change with it) of everything in a schema."""
    kinds = {"BASE TABLE": "table", "SYSTEM VERSIONED": "table"}
    connection.encoding = LENIENT  # MariaDB 10.11 writes the bytes of a default as they are
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW FULL TABLES FROM {quoted(schema)}")
        for name, kind in cursor.fetchall():
            path = f"{quoted(schema)}.{quoted(name)}"
            rows = _answer(cursor, f"CHECKSUM TABLE {path}") if kind in kinds else ""
            yield schema, kinds.get(kind, kind.lower()), name, f"{_answer(cursor, f'SHOW CREATE TABLE {path}')} {rows}"
        cursor.execute(f"SHOW TRIGGERS FROM {quoted(schema)}")
        for name, *rest in cursor.fetchall():
            yield schema, "trigger", name, str(rest)
        cursor.execute(
            "SELECT routine_name, LOWER(routine_type), routine_definition, last_altered"
            " FROM information_schema.routines WHERE routine_schema = %s",
            (schema,),
        )
        for name, kind, *rest in cursor.fetchall():
            yield schema, kind, name, str(rest)
        cursor.execute(
            "SELECT event_name, event_definition, status, last_altered"
            " FROM information_schema.events WHERE event_schema = %s",
            (schema,),
        )
        for name, *rest in cursor.fetchall():
            yield schema, "event", name, str(rest)


def _answer(cursor: Any, statement: str) -> str:
    try:
        cursor.execute(statement)
        return str(cursor.fetchone()[1:])
    except pymysql.MySQLError as error:  # an invalid view has no text, and that is a fact as well
        return str(error)


def _schemas(connection: Connection) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT schema_name, default_collation_name FROM information_schema.schemata")
        return {
            name: collation
            for name, collation in cursor.fetchall()
            if name.lower() not in NOT_OURS and not name.startswith(VISITING)
        }


def _accounts(connection: Connection, server: Server) -> Iterator[tuple[str, str]]:
    tables = ["db", "tables_priv", "columns_priv", "procs_priv", "proxies_priv"]
    tables += (
        ["global_priv", "roles_mapping"] if server.flavour == "mariadb" else ["user", "global_grants", "role_edges"]
    )
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT * FROM mysql.{table}")
            for row in sorted(map(str, cursor.fetchall())):
                yield f"row of mysql.{table} {row}", "there"


def _variables(connection: Connection) -> Iterator[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SHOW GLOBAL VARIABLES")
        for name, value in cursor.fetchall():
            if not SELF_CHANGING.match(name):
                yield f"@@global.{name}", repr(value)
