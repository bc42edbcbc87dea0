"""What it means that the server refuses: its errors by number, and what a person is told of them."""

from __future__ import annotations

from schemagate.driver import pymysql
from schemagate.errors import AccessDenied, DatabaseUnavailable

TYPE_CHECKING = False  # as in values.py
if TYPE_CHECKING:
    from schemagate.settings import Settings

# Server and client errors are told apart by number, here and nowhere else. PyMySQL's classes do not help: a wrong
# password, an unknown column and a refused connection are all OperationalError.
# https://dev.mysql.com/doc/mysql-errors/9.4/en/ and https://mariadb.com/kb/en/mariadb-error-code-reference/
LOST = frozenset({0, 1053, 1079, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2006, 2013, 2014, 2055, 3168, 4031})
NOT_YET = LOST | {1040, 1042, 1043, 1047, 1129, 1203, 1226, 2002, 2003, 2005, 2012, 3032}
NO_SUCH_DATABASE = 1049
NO_DATABASE_RIGHT = 1044
# 1045/1698 wrong password, 1130 host, 1251/1275/2059/2061 login method, 1862/1820 expired, 2026 TLS, 3118/4151 locked,
# 3159 the server insists on TLS.
DENIED_LOGIN = frozenset(
    {NO_DATABASE_RIGHT, 1045, 1130, 1251, 1275, 1698, 1820, 1862, 2026, 2059, 2061, 3118, 3159, 3878, 4151, 5025}
)
# 1141 is what SHOW GRANTS says of an account that has been dropped.
DENIED = frozenset({NO_DATABASE_RIGHT, 1045, 1095, 1141, 1142, 1143, 1227, 1370, 1410, 1419, 1698, 1820, 3530})
READ_ONLY = frozenset({1047, 1180, 1290, 1836, 1792, 3100})  # 1047, 1180: a node of Galera without its cluster
NO_SUCH_COLUMN = 1054
NO_SUCH_TABLE = 1146
# What names what is not there: a view a column, a table, or another view with such a name; a trigger a column.
BROKEN = {"view": frozenset({NO_SUCH_COLUMN, NO_SUCH_TABLE, 1356}), "trigger": frozenset({NO_SUCH_COLUMN})}
LOCK_WAIT = 1205
DEADLOCK = 1213
SYNTAX = 1064
NOT_PREPARED = 1047  # a node of Galera that lets nobody work, because it is joining or has lost the majority
NO_SUCH_SAVEPOINT = 1305
NO_TRIGGER_RIGHT = 1419
# A statement or transaction that was taken back because of somebody else's lock, or (3101) of another member's change.
WORTH_A_RETRY = frozenset({LOCK_WAIT, DEADLOCK, 3101})
# Nothing is wrong with what we asked, somebody is in the way: a lock, a limit of the account, KILL QUERY, a time limit.
INTERRUPTED = 1317
IN_THE_WAY = frozenset({LOCK_WAIT, DEADLOCK, INTERRUPTED, 1203, 1226, 1969, 3024})
# The server has no room: on its disk (3 and 1030 say so of any error of the file system), in a table, or in memory.
NO_ROOM = frozenset({3, 1021, 1030, 1037, 1038, 1041, 1114, 1135, 3675})
# A password that the account had before: 3638 of MySQL, 1819 of a plugin (and of any other that it does not like), for
# which MariaDB's ALTER USER has 1396 (and for an account that is not there).
PASSWORD_REFUSED = frozenset({1396, 1819, 3638})
GONE = frozenset({1008, NO_SUCH_DATABASE, NO_SUCH_TABLE})
FULL = frozenset({1040, 1203, 1226})


def is_loss(errno: int, text: str) -> bool:
    """Is the connection gone? MariaDB says 4031 of a trigger that is not there, MySQL of a session that was idle for
    too long, and names wait_timeout.
    """
    return errno in LOST and (errno != 4031 or "wait_timeout" in text)


class ServerError(Exception):
    """The server refused one statement: `errno` is its number, `text` what it says. The session lives on."""

    def __init__(self, errno: int, text: str) -> None:
        super().__init__(f"{errno}: {text}")
        self.errno = errno
        self.text = text


def turned_read_only(errno: int, text: str) -> bool:
    """Does it say that the server takes no changes, or not in this transaction? 1290 has many of its options in it."""
    return errno in READ_ONLY and (errno != 1290 or "read-only" in text or "read_only" in text)


def let_pass(error: Exception) -> None:
    """Raise it again where it is a refusal that says nothing of what was asked: the next time the server may do it."""
    if isinstance(error, ServerError) and (
        error.errno in IN_THE_WAY | NO_ROOM or turned_read_only(error.errno, error.text)
    ):
        raise error


class NotReady(Exception):
    """The server answers, but cannot be worked with yet: `reason` says why in a few words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def number_of(error: BaseException) -> tuple[int, str]:
    if isinstance(error, ServerError):
        return error.errno, error.text
    args = error.args
    if len(args) >= 2 and isinstance(args[0], int):
        return args[0], str(args[1])
    return (0, str(error)) if isinstance(error, pymysql.err.InterfaceError) else (-1, str(error))


def translated(error: ServerError) -> Exception:
    """What a refusal that nobody expected means for a start: a right that is missing, a server turned read-only,
    or a bug.
    """
    if error.errno in DENIED:
        return AccessDenied(
            f"The account lacks a right: MySQL says {error.errno}: {error.text}. Grant it and start again.",
            errno=error.errno,
            error=error.text,
        )
    if turned_read_only(error.errno, error.text):
        return DatabaseUnavailable(
            f"The server stopped taking changes while we worked ({error.errno}: {error.text}); start again.",
            errno=error.errno,
            error=error.text,
        )
    if error.errno in IN_THE_WAY | READ_ONLY:
        return DatabaseUnavailable(
            f"MySQL did not let us work ({error.errno}: {error.text}). See who is in the way, then start again.",
            errno=error.errno,
            error=error.text,
        )
    if error.errno in NO_ROOM:
        return DatabaseUnavailable(
            f"The server has no room for what we do ({error.errno}: {error.text}). Make room there, then start again.",
            errno=error.errno,
            error=error.text,
        )
    if error.errno in GONE:
        return DatabaseUnavailable(
            f"Something of ours went away while we worked ({error.errno}: {error.text}). See who dropped it, then "
            "start again.",
            errno=error.errno,
            error=error.text,
        )
    return error


def login_failed(settings: Settings, errno: int, text: str) -> str:
    """For a refusal of the server that has no advice of its own."""
    where = settings.socket or f"{settings.host}:{settings.port}"
    return (
        f"The login of {settings.user!r} at {where} to database {settings.database!r} failed, MySQL says {errno}: "
        f"{text}. Correct the settings and start again."
    )


def uncreated_message(settings: Settings, refusal: ServerError) -> str:
    """Why there is no database: the account may not make it, or the server had another reason."""
    if refusal.errno in (NO_DATABASE_RIGHT, 1142, 1227):
        return denied_message(settings, NO_SUCH_DATABASE, refusal.text)
    where = settings.socket or f"{settings.host}:{settings.port}"
    return (
        f"Account {settings.user!r} at {where}: database {settings.database!r} does not exist, and to make it failed "
        f"({refusal.errno}: {refusal.text}). Mend that or create it, then start again."
    )


def denied_message(settings: Settings, errno: int, text: str) -> str:
    account = f"Account {settings.user!r} at {settings.socket or f'{settings.host}:{settings.port}'}"
    name = settings.database
    if errno == NO_SUCH_DATABASE and not settings.create_database:
        return (
            f"{account}: database {name!r} does not exist. "
            "Create it, or let `schemagate up` do that, with SCHEMAGATE_CREATE_DATABASE=true."
        )
    if errno == NO_SUCH_DATABASE:
        return (
            f"{account}: database {name!r} does not exist and the account may not create it. "
            f"Create it, or GRANT CREATE ON `{name}`.* to the account."
        )
    if errno == NO_DATABASE_RIGHT:
        return (
            f"{account} has no right on database {name!r} (or it does not exist). "
            f"GRANT ALL ON `{name}`.* to the account (for check: SELECT, SHOW VIEW, TRIGGER, EVENT), "
            "or correct MYSQL_DATABASE."
        )
    if errno == 3159:
        return f"{account} was refused: the server accepts TLS only. Set SCHEMAGATE_TLS=required."
    if errno in (2059, 2061):
        way = " or verify the server: SCHEMAGATE_TLS=verify-identity" if errno == 2061 else ""
        return f"{account} cannot log in: {text}. Give it another way to log in (IDENTIFIED WITH …){way}."
    if errno in (2026, -1, 2003):
        return f"{account}: TLS with the server failed: {text}. Correct SCHEMAGATE_TLS or SCHEMAGATE_TLS_CA."
    return f"{account} was refused by MySQL ({errno}: {text}). Correct the user, its password or its host."
