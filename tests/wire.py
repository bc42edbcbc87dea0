"""A proxy between a client and a real server that writes down what the client says.

For tests that ask what really goes over the wire: which statements a client sends, how many round trips a start makes.
It understands as much of the MySQL protocol as is needed to find the commands; TLS and compression must be off.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType

QUIT, SELECT_DATABASE, QUERY = 0x01, 0x02, 0x03
STATEMENT_LONG_DATA, STATEMENT_CLOSE = 0x18, 0x19
UNANSWERED = {QUIT, STATEMENT_LONG_DATA, STATEMENT_CLOSE}
CLIENT_COMPRESS, CLIENT_SSL, CLIENT_QUERY_ATTRIBUTES = 1 << 5, 1 << 11, 1 << 27
LONGEST_PACKET = (1 << 24) - 1


@dataclass(frozen=True, slots=True)
class Packet:
    """One command of a client: its byte and what comes with it, joined where it took several packets of 16 MB."""

    connection: int  # from 0, in the order in which the connections were made
    command: int
    payload: bytes


class RecordingProxy:
    """Listens on a port of its own from `with` on and passes everything to and from the server at `host` and `port`.

    `packets` are the commands that came after login, of all connections, in the order of their arrival; `logins` is how
    many logins succeeded. `without` are abilities that a client loses on the way, as with a proxy that cannot do all
    that a server can; `before` is called with each command before it is passed on. Leaving `with` waits until all
    connections are closed, and raises what went wrong in between.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        without: int = 0,
        before: Callable[[Packet], None] | None = None,
    ) -> None:
        self.without, self.before = without, before
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = "127.0.0.1"
        self.port: int = self._listener.getsockname()[1]
        self.packets: list[Packet] = []
        self.logins = 0
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self._errors: list[Exception] = []

    @property
    def queries(self) -> list[bytes]:
        """The texts of the statements that were sent to be run."""
        return [packet.payload for packet in self.packets if packet.command == QUERY]

    @property
    def round_trips(self) -> int:
        """How many times a client waited for an answer, not counting the login."""
        return sum(packet.command not in UNANSWERED for packet in self.packets)

    def __enter__(self) -> RecordingProxy:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(timeout=30)
        for each in self._sockets:
            each.close()
        if self._errors and error is None:
            raise self._errors[0]

    def _start(self, work: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - shown at the end of `with`
                self._errors.append(error)

        thread = threading.Thread(target=guarded, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            server = socket.create_connection(self._server)
            self._sockets += [client, server]
            link = _Link(self, number, client, server)
            self._start(link.pass_commands)
            self._start(link.pass_answers)
            number += 1


class _Link:
    """One connection through the proxy."""

    def __init__(self, proxy: RecordingProxy, number: int, client: socket.socket, server: socket.socket) -> None:
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._proxy = proxy
        self._number = number
        self._client = client
        self._server = server
        self._abilities = 0  # of the server, then of both
        self._logged_in = False

    def pass_commands(self) -> None:
        packets = _packets(self._client)
        with _closing(self._client, self._server), suppress(ConnectionError, BrokenPipeError):
            for sequence, raw, payload in packets:
                if self._logged_in and sequence == 0:
                    packet = Packet(self._number, payload[0], self._statement(payload))
                    self._proxy.packets.append(packet)
                    if self._proxy.before:
                        self._proxy.before(packet)
                elif not self._logged_in and sequence == 1:
                    self._abilities &= int.from_bytes(payload[:4], "little")
                    if self._abilities & (CLIENT_SSL | CLIENT_COMPRESS):
                        raise ValueError("the client wants TLS or compression; switch both off")
                    asked = int.from_bytes(payload[:4], "little") & ~self._proxy.without
                    self._server.sendall(raw[:4] + asked.to_bytes(4, "little") + raw[8:])
                    continue
                self._server.sendall(raw)

    def pass_answers(self) -> None:
        packets = _packets(self._server)
        with _closing(self._client, self._server), suppress(ConnectionError, BrokenPipeError):
            for sequence, raw, payload in packets:
                if sequence == 0:
                    self._abilities = _abilities(payload)
                elif payload[:1] == b"\x00":
                    self._proxy.logins += 1
                    self._logged_in = True
                self._client.sendall(raw)
                if self._logged_in:
                    break
            while data := self._server.recv(1 << 16):
                self._client.sendall(data)

    def _statement(self, payload: bytes) -> bytes:
        """What comes with a command; in a query, attributes may stand before the text, of which no client sends any."""
        if payload[0] == QUERY and self._abilities & CLIENT_QUERY_ATTRIBUTES:
            if payload[1:3] != b"\x00\x01":
                raise ValueError("the client sends query attributes")
            return payload[3:]
        return payload[1:]


def _packets(source: socket.socket) -> Iterator[tuple[int, bytes, bytes]]:
    """Sequence number, bytes and payload of each packet; those that go on in the next one are joined."""
    with source.makefile("rb") as stream:
        while first := stream.read(4):
            head, raw, payload = first, b"", b""
            while True:
                size = int.from_bytes(head[:3], "little")
                body = stream.read(size)
                if len(head) < 4 or len(body) < size:
                    return
                raw, payload = raw + head + body, payload + body
                if size < LONGEST_PACKET:
                    break
                head = stream.read(4)
            yield first[3], raw, payload


def _abilities(greeting: bytes) -> int:
    """The capability flags of the server, which stand in two halves behind its version."""
    if greeting[0] != 10:
        raise ValueError(f"the server refuses: {greeting!r}")
    after_version = greeting.index(b"\0", 1) + 1
    low, high = after_version + 13, after_version + 18
    return int.from_bytes(greeting[low : low + 2] + greeting[high : high + 2], "little")


@contextmanager
def _closing(*ends: socket.socket) -> Iterator[None]:
    """Whoever ends first ends the other too."""
    try:
        yield
    finally:
        for each in ends:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
