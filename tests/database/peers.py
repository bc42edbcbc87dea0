"""What may answer in the place of a MySQL server: nobody, somebody silent, somebody who asks for too much, a relay."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

SSL = 1 << 11
ABILITIES = 1 | 1 << 3 | 1 << 9 | 1 << 15 | 1 << 19  # a schema at login, protocol 4.1, ways to log in by name


class Peer:
    """Listens while in `with`, and does this with each connection, in a thread of its own."""

    def __init__(self, behave: Callable[[socket.socket], None], host: str = "127.0.0.1", port: int = 0) -> None:
        self._behave = behave
        self._listener = socket.create_server((host, port))
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        self.met = 0
        self._connections: list[socket.socket] = []

    def __enter__(self) -> Peer:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._connections:
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                self.met += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError):  # the client went away
            self._behave(connection)


def silent(connection: socket.socket) -> None:
    """Accepts, and says nothing: as a proxy does whose server is gone."""


def closes(connection: socket.socket) -> None:
    """Accepts, and ends the connection in order."""
    connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def resets(connection: socket.socket) -> None:
    """Accepts, and cuts the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def says(text: bytes) -> Callable[[socket.socket], None]:
    """Speaks first, but not as MySQL does."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(text)

    return behave


def in_turn(*behaviours: Callable[[socket.socket], None]) -> Callable[[socket.socket], None]:
    """Each connection meets the next of these; the last one stays."""
    left = list(behaviours)

    def behave(connection: socket.socket) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(connection)

    return behave


class Relay:
    """Passes all between its clients and a server, and keeps what the clients say, each apart."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self.heard: list[bytearray] = []

    def __call__(self, connection: socket.socket) -> None:
        heard = bytearray()
        self.heard.append(heard)
        with socket.create_connection(self._server) as server:
            back = threading.Thread(target=self._pass, args=(server, connection, bytearray()), daemon=True)
            back.start()
            self._pass(connection, server, heard)
            back.join()

    @staticmethod
    def _pass(source: socket.socket, to: socket.socket, heard: bytearray) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                heard += data
                to.sendall(data)
        with contextlib.suppress(OSError):
            to.shutdown(socket.SHUT_RDWR)


def calling_itself(version: str, host: str, port: int) -> Callable[[socket.socket], None]:
    """Passes all to a server and back, but for the version with which that greets."""

    def behave(connection: socket.socket) -> None:
        with socket.create_connection((host, port)) as server:
            size = int.from_bytes(_exactly(server, 4)[:3], "little")
            greeting = _exactly(server, size)
            connection.sendall(packet(greeting[:1] + version.encode() + greeting[greeting.index(b"\0", 1) :], 0))
            back = threading.Thread(target=Relay._pass, args=(server, connection, bytearray()), daemon=True)
            back.start()
            Relay._pass(connection, server, bytearray())
            back.join()

    return behave


class ClearText:
    """A server that asks for the password in clear text, with TLS or without, and keeps all that it is sent."""

    def __init__(self, plugin: bytes, prompt: bytes = b"", *, at_once: bool = False, tls: ssl.SSLContext | None = None):
        self._plugin, self._prompt, self._at_once, self._tls = plugin, prompt, at_once, tls
        self.heard = b""
        self.logins = 0

    def __call__(self, connection: socket.socket) -> None:
        first = self._plugin if self._at_once else b"mysql_native_password"
        abilities = ABILITIES | (SSL if self._tls else 0)
        greeting = b"\x0a8.0.99-impostor\0" + struct.pack("<I", 1) + b"a" * 8 + b"\0"
        greeting += struct.pack("<HBHH", abilities & 0xFFFF, 45, 2, abilities >> 16)
        greeting += b"\x15" + b"\0" * 10 + b"b" * 12 + b"\0" + first + b"\0"
        connection.sendall(packet(greeting, 0))
        login = self._read(connection)
        number = 2
        if self._tls and len(login) == 32:
            connection = self._tls.wrap_socket(connection, server_side=True)
            self._read(connection)
            number = 3
        self.logins += 1
        connection.sendall(packet(b"\xfe" + self._plugin + b"\0" + self._prompt, number))
        with contextlib.suppress(EOFError):
            self._read(connection)
        connection.close()

    def _read(self, connection: socket.socket) -> bytes:
        size = int.from_bytes(_exactly(connection, 4)[:3], "little")
        body = _exactly(connection, size)
        self.heard += body
        return body


def certified(directory: Path) -> ssl.SSLContext:
    """TLS with the certificate that `make_certificates` put there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem", directory / "server-key.pem")
    return context


def refuses(errno: int, text: str) -> Callable[[socket.socket], None]:
    """Greets with an error, as a server does that lets nobody in for now."""
    return says(packet(b"\xff" + struct.pack("<H", errno) + text.encode(), 0))


def packet(body: bytes, number: int) -> bytes:
    """As it goes over the wire."""
    return len(body).to_bytes(3, "little") + bytes([number]) + body


def _exactly(connection: socket.socket, size: int) -> bytes:
    text = b""
    while len(text) < size:
        more = connection.recv(size - len(text))
        if not more:
            raise EOFError
        text += more
    return text


@contextlib.contextmanager
def full_port() -> Iterator[int]:
    """A port on which a connection is never established: its queue is full, and nobody takes from it."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
