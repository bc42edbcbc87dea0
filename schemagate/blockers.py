"""Who is in the way of a statement that could not have its lock: as much as this account may see."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from schemagate.lexer import beginning
from schemagate.refusals import DEADLOCK, LOCK_WAIT, ServerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemagate.database import Connection

MOST = 5
# Each answers (connection, account, seconds, what it does); the first that may be asked and finds somebody counts.
# https://dev.mysql.com/doc/refman/9.4/en/performance-schema-metadata-locks-table.html: takes SELECT on that schema.
# https://mariadb.com/kb/en/metadata-lock-info-plugin/: takes the plugin. INNODB_TRX takes PROCESS on both.
_MYSQL_LOCKS = (
    "SELECT t.PROCESSLIST_ID, CONCAT(t.PROCESSLIST_USER, '@', t.PROCESSLIST_HOST), t.PROCESSLIST_TIME, "
    "COALESCE(t.PROCESSLIST_INFO, '') FROM performance_schema.metadata_locks m JOIN performance_schema.threads t "
    "ON t.THREAD_ID = m.OWNER_THREAD_ID WHERE m.LOCK_STATUS = 'GRANTED' AND m.OBJECT_SCHEMA = %s "
    "AND m.OBJECT_NAME IN ({names}) AND t.PROCESSLIST_ID <> CONNECTION_ID() GROUP BY 1, 2, 3, 4 ORDER BY 3 DESC"
)
_MARIADB_LOCKS = (
    "SELECT p.ID, CONCAT(p.USER, '@', p.HOST), p.TIME, COALESCE(p.INFO, '') "
    "FROM information_schema.METADATA_LOCK_INFO m JOIN information_schema.PROCESSLIST p ON p.ID = m.THREAD_ID "
    "WHERE m.TABLE_SCHEMA = %s AND m.TABLE_NAME IN ({names}) AND p.ID <> CONNECTION_ID() "
    "GROUP BY 1, 2, 3, 4 ORDER BY 3 DESC"
)
_TRANSACTIONS = (
    "SELECT x.trx_mysql_thread_id, CONCAT(p.USER, '@', p.HOST), TIMESTAMPDIFF(SECOND, x.trx_started, NOW()), "
    "COALESCE(x.trx_query, '') FROM information_schema.INNODB_TRX x JOIN information_schema.PROCESSLIST p "
    "ON p.ID = x.trx_mysql_thread_id WHERE x.trx_mysql_thread_id <> CONNECTION_ID() ORDER BY x.trx_started"
)
_SESSIONS = (
    "SELECT ID, CONCAT(USER, '@', HOST), TIME, COALESCE(INFO, '') FROM information_schema.PROCESSLIST "
    "WHERE DB = %s AND ID <> CONNECTION_ID() AND COALESCE(INFO, '') NOT LIKE 'SELECT GET_LOCK%' ORDER BY TIME DESC"
)


# One side of the latest deadlock, as InnoDB's monitor writes it: connection, who it is, and what it runs.
_SIDE = re.compile(r"\(\d+\) TRANSACTION:\n(?:.*\n)*?\w+ thread id (\d+), .*?query id \d+ (.*)\n(.*)")


def in_the_way(connection: Connection, error: ServerError, database: str, names: Sequence[str]) -> list[str] | None:
    """Who is, or was, in the way of a statement that ended with this error; None where nobody can be named, or nobody
    was.
    """
    if error.errno == DEADLOCK and (others := _other_sides(connection)):
        return others
    return blockers(connection, database, names) or None if error.errno in (DEADLOCK, LOCK_WAIT) else None


def _other_sides(connection: Connection) -> list[str]:
    """Whom the latest deadlock was with, if this session was one of its sides. The monitor takes PROCESS."""
    try:
        (row,) = connection.execute("SHOW ENGINE INNODB STATUS").rows
    except ServerError:
        return []
    told = str(row[-1]).partition("LATEST DETECTED DEADLOCK")[2].partition("\nTRANSACTIONS\n")[0]
    sides = {int(number): (who, does) for number, who, does in _SIDE.findall(told)}
    if connection.id not in sides:
        return []
    return [
        f"connection {number} ({who}) was the other side of the deadlock: running {beginning(does)}"
        for number, (who, does) in sides.items()
        if number != connection.id
    ]


def blockers(connection: Connection, database: str, names: Sequence[str]) -> list[str]:
    """One sentence per session that is in the way, the likeliest first; `names` are the objects of the statement.

    Who holds a lock on them, where that may be asked; else the oldest open transactions; else the sessions in this
    schema that may be seen. The session of the watch is none of them. Never raises ServerError.
    """
    listed = ", ".join(connection.literal(name) for name in names) or "''"
    ours = {connection.id, connection.watch.connection_id if connection.watch else None}
    for question, values, holds in (
        (_MYSQL_LOCKS.replace("{names}", listed), (database,), "holds a lock on it"),
        (_MARIADB_LOCKS.replace("{names}", listed), (database,), "holds a lock on it"),
        (_TRANSACTIONS, (), "has a transaction open"),
        (_SESSIONS, (database,), "may be in the way"),
    ):
        try:
            rows = connection.execute(question, *values).rows
        except ServerError:
            continue  # it takes a right that the account lacks, or a plugin, or it is the other kind of server
        rows = tuple(row for row in rows if int(row[0]) not in ours)
        if rows:
            return [_told(row, holds) for row in rows[:MOST]]
    return []


def _told(row: Sequence[object], holds: str) -> str:
    connection, account, seconds, does = row
    what = f"running {beginning(str(does))}" if does else "idle"
    return f"connection {connection} of {account} {holds}: {what}, for {seconds} s"
