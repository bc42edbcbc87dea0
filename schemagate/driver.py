"""PyMySQL as a start needs it: imported without what hardly any login wants, and without what it does on its own."""

from __future__ import annotations

import ssl
import struct
import sys
from collections import deque
from collections.abc import Callable
from typing import Any

LONG = 1 << 20  # bytes of a command that is not copied
MOST = (1 << 24) - 1  # bytes of a packet


def _import_pymysql() -> None:
    """`import pymysql` without two modules that it can do without: an eighth of a start with nothing to do.

    `cryptography` encrypts a password for a server that has no TLS, and is fetched when that happens; `getpass` finds
    the name of an account, which we always have. PyMySQL sees neither as installed; nobody else ever sees that.
    """
    if "pymysql" in sys.modules:
        return
    absent = [name for name in ("cryptography", "getpass") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None is how Python writes "not to be had"
    try:
        import pymysql._auth
        import pymysql.connections
    finally:
        for name in absent:
            del sys.modules[name]
    if "cryptography" in absent:
        pymysql._auth.sha2_rsa_encrypt = _encrypt


def _encrypt(password: bytes, salt: bytes, public_key: bytes) -> Any:
    import importlib

    import pymysql._auth

    importlib.reload(pymysql._auth)  # with the library this time
    return pymysql._auth.sha2_rsa_encrypt(password, salt, public_key)


_import_pymysql()

import pymysql as pymysql  # noqa: E402 - it has to wait for what is above


class Session(pymysql.connections.Connection):
    """PyMySQL's connection, without what it does on its own at login, and never a password in clear text over TCP."""

    # What PyMySQL has and its type stubs do not say.
    _secure: bool
    _sock: Any
    _read_timeout: float | None
    _result: Any
    _next_seq_id: int
    _write_bytes: Any
    _affected_rows: Any
    _read_query_result: Any
    _read_packet: Any
    ctx: ssl.SSLContext
    server_version: str

    def __init__(self, **options: Any) -> None:
        self.meanwhile: deque[Callable[[], None]] = deque()
        super().__init__(**options)

    def query(self, sql: str | bytes | bytearray, unbuffered: bool = False) -> int:
        """PyMySQL's; but what was put off is done while the server works, and not while it would wait for us."""
        self._execute_command(pymysql.constants.COMMAND.COM_QUERY, sql)
        while self.meanwhile:
            self.meanwhile.popleft()()
        self._affected_rows = self._read_query_result(unbuffered=unbuffered)
        return int(self._affected_rows)

    def allow_several(self, allowed: bool) -> None:
        """From here on a packet may hold several statements, or may not: https://dev.mysql.com/doc/dev/mysql-server/
        latest/page_protocol_com_set_option.html. Raises what the server says.
        """
        self._execute_command(pymysql.constants.COMMAND.COM_SET_OPTION, bytes([not allowed, 0]))
        self._read_packet()

    def _create_ssl_ctx(self, sslp: Any) -> ssl.SSLContext:
        # PyMySQL would load the whole CA bundle of the system even where nothing is verified: 21 ms.
        return sslp if isinstance(sslp, ssl.SSLContext) else unverified()

    def set_character_set(self, charset: str, collation: str | None = None) -> None:
        """Nothing: the first packet of every session of ours begins with SET NAMES (a round trip saved)."""

    def connect(self, sock: Any = None) -> None:
        try:
            super().connect(sock)
        except (pymysql.err.InternalError, struct.error, LookupError, UnicodeDecodeError) as error:
            if isinstance(error, pymysql.err.InternalError) and isinstance(error.args[0], int):
                raise  # in the server's own words
            raise pymysql.err.OperationalError(2012, "whoever answers there does not speak as MySQL does") from error

    def _execute_command(self, command: int, sql: str | bytes | bytearray) -> None:
        """Send a command. A long one is not copied: PyMySQL would have it in memory three times."""
        if isinstance(sql, str):
            sql = sql.encode(self.encoding)
        before = self._result
        unread = before is not None and (before.unbuffered_active or before.has_next)
        if len(sql) < LONG or self._sock is None or unread:
            super()._execute_command(command, sql)  # type: ignore[misc]
            return
        self._result = None
        left = memoryview(sql)
        head, self._next_seq_id = bytes([command]), 0
        while True:  # a packet that is full says that one more follows
            part, left = left[: MOST - len(head)], left[MOST - len(head) :]
            size = len(head) + len(part)
            self._write_bytes(size.to_bytes(3, "little") + bytes([self._next_seq_id]) + head)
            self._write_bytes(part)
            head, self._next_seq_id = b"", (self._next_seq_id + 1) % 256
            if size < MOST:
                return

    def _process_auth(self, plugin_name: bytes, auth_packet: Any, *rest: Any) -> Any:
        if plugin_name in (b"mysql_clear_password", b"dialog") and not self._secure:
            raise pymysql.err.OperationalError(
                2061, f"the server asks for the password in clear text ({plugin_name.decode()}) without TLS"
            )
        try:
            return super()._process_auth(plugin_name, auth_packet, *rest)  # type: ignore[misc]
        except RuntimeError as error:  # a way to log in for which PyMySQL wants a library that is not there
            raise pymysql.err.OperationalError(
                2059, f"the account logs in by {plugin_name.decode(errors='replace')}, which is not supported here"
            ) from error


class Context(ssl.SSLContext):
    """Python's, told an ASCII name of a host as bytes: for the reason, see `addresses` in `reach.py`."""

    def wrap_socket(self, sock: Any, *rest: Any, **options: Any) -> ssl.SSLSocket:
        """Python's."""
        name = options.get("server_hostname")
        if isinstance(name, str) and name.isascii():
            options["server_hostname"] = name.encode()
        return super().wrap_socket(sock, *rest, **options)


def unverified() -> ssl.SSLContext:
    """TLS that encrypts and verifies nothing, to be made stricter."""
    context = Context(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
