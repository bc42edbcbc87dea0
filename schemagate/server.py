"""What this server is, and what a session of ours looks like."""

from __future__ import annotations

import re

from schemagate.database import Result
from schemagate.errors import ClusterUnsafe
from schemagate.values import Value

ALL_ROWS = 18446744073709551615  # the default of sql_select_limit, which a server may have set otherwise
# The server's own default since MySQL 8.0, said explicitly: a migration means the same on every server. Never DEFAULT:
# `SET SESSION foreign_key_checks = DEFAULT` turns the checks off on MySQL 8.0 to 9.7.
SQL_MODE = (
    "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
)
# How the names of all that we make in a schema begin. No migration makes such a name, and no comparison has it.
OURS = "schemagate_"


class Server(Value):
    """One server as a start finds it.

    `flavour` is "mysql" or "mariadb"; `uuid` tells it from every other server and stays over restarts; `writable` is
    false on a replica or a primary in failover; `database` is the schema's name as the server spells it; `now` is
    its clock in UTC, as text.
    """

    flavour: str
    version: str
    number: tuple[int, ...]
    uuid: str
    writable: bool
    account: str
    database: str
    collation: str
    now: str

    @property
    def name(self) -> str:
        """For people: "MySQL 9.7.4"."""
        return f"{'MariaDB' if self.flavour == 'mariadb' else 'MySQL'} {self.version}"

    @property
    def release(self) -> str:
        """Flavour and the first two numbers: servers of one release write the same text for the same object."""
        return f"{self.flavour} {'.'.join(map(str, self.number[:2]))}"


def flavour_of(greeting: str) -> str:
    """The flavour, from the version that the server gives before login."""
    return "mariadb" if "mariadb" in greeting.lower() else "mysql"


# What speaks MySQL's protocol, says so in its version, and is another kind of server: docs/clusters.md has why.
STRANGERS = {"tidb": "TiDB", "vitess": "Vitess", "planetscale": "PlanetScale"}


def refuse_strangers(greeting: str) -> None:
    """Raise ClusterUnsafe for a server that is neither MySQL nor MariaDB, from its version."""
    for word, name in STRANGERS.items():
        if word in greeting.lower():
            raise ClusterUnsafe(
                f"This is {name} ({greeting}), which neither locks nor prints a schema as MySQL does: nothing could be "
                f"proven here. Use {name}'s own way to change a schema; docs/clusters.md says more.",
                server_version=greeting,
            )


def facts_query(flavour: str) -> str:
    """The question whose answer is `Server`; one row, no rights needed."""
    read_only = "@@global.read_only" + (" OR @@global.super_read_only" if flavour == "mysql" else "")
    uuid = uuid_expression(flavour)
    return (
        f"SELECT VERSION(), {uuid}, NOT ({read_only} OR @@global.innodb_read_only), CURRENT_USER(), "
        "DATABASE(), @@collation_database, CAST(UTC_TIMESTAMP(6) AS CHAR)"
    )


def uuid_expression(flavour: str) -> str:
    """What tells a server from every other one, as SQL."""
    # MariaDB has no server_uuid; host name, port and data directory tell its servers apart.
    return {"mariadb": "SHA2(CONCAT_WS('|', @@hostname, @@port, @@datadir, @@server_id), 256)"}.get(
        flavour, "@@server_uuid"
    )


def parse_facts(flavour: str, result: Result) -> Server:
    """The answer to `facts_query`."""
    version, uuid, writable, account, database, collation, now = (str(value) for value in result.rows[0])
    number = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    plain = ".".join(map(str, number))
    return Server(flavour, plain, number, uuid[:36], writable not in ("0", "OFF"), account, database, collation, now)


def patience(lock_wait_seconds: float) -> str:
    """The statement that bounds the wait for a lock on a table in a session that only reads: the server's own default
    is a year.
    """
    return f"SET SESSION lock_wait_timeout = {max(1, round(lock_wait_seconds))}"


def working_session(flavour: str, lock_wait_seconds: float) -> tuple[str, ...]:
    """The statements that put a session into the state in which every migration file begins.

    `lock_wait_seconds` bounds the wait for a lock of one statement: the server's own default for metadata locks is
    a year.
    """
    wait = max(1, round(lock_wait_seconds))
    no_limit = "max_statement_time = 0" if flavour == "mariadb" else "max_execution_time = 0"
    session = (
        f"SET SESSION autocommit = 1, sql_mode = '{SQL_MODE}', foreign_key_checks = 1, unique_checks = 1, "
        f"lock_wait_timeout = {wait}, innodb_lock_wait_timeout = {wait}, time_zone = @@global.time_zone, "
        f"sql_safe_updates = 0, sql_auto_is_null = 0, sql_big_selects = 1, sql_select_limit = {ALL_ROWS}, "
        f"completion_type = 0, wait_timeout = 86400, {no_limit}"
    )
    return (
        "SET NAMES utf8mb4",
        session,
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SET SESSION TRANSACTION READ WRITE",
    )
