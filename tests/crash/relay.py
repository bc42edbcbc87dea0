"""A relay between starts and a server, which can do anything to them at any point of their conversation.

MySQL's protocol goes back and forth: so a conversation is a row of exchanges, a request and its whole answer each,
counted from 0 over all connections of a start. Within each there are five moments, at which a `Fault` may act. TLS must
be off.
"""

from __future__ import annotations

import itertools
import select
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

# before: the request has come; sent: the server has it; done: the server has answered, and the client has nothing of
# that; torn: the client has half of it; passed: all of it.
MOMENTS = ("before", "sent", "done", "torn", "passed")
QUIT, QUERY, SET_OPTION = 0x01, 0x03, 0x1B
MORE_RESULTS = 0x0008
LOOK_SECONDS = 0.05  # so often a link looks whether all is stalled
LINGER_NOT = struct.pack("ii", 1, 0)  # a socket closed so sends a reset


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request: its place in the conversation, and what it says. `live`: in the session that holds the lock."""

    number: int
    text: str
    live: bool


class Cut(Exception):
    """This connection ends here."""


Hook = Callable[["Relay", Exchange, str], None]


class Relay:
    """Listens on a port of its own from `with` on, and passes everything on to the server.

    `hook` is called at each moment of each exchange, in the thread of that connection; it may call `drop`, `reset` or
    `stall`, or kill whoever it likes. `said` is the conversation so far.
    """

    def __init__(self, host: str, port: int, hook: Hook | None = None) -> None:
        self.hook = hook
        self.said: list[Exchange] = []
        self.host = "127.0.0.1"
        self._server = (host, port)
        self._listener = socket.create_server((self.host, 0), backlog=200)
        self.port: int = self._listener.getsockname()[1]
        self._number = itertools.count()
        self._links: list[_Link] = []
        self._stalled, self._released = threading.Event(), threading.Event()
        self._closed = False

    def __enter__(self) -> Relay:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.release()
        for link in self._links:
            link.thread.join(10)
        for link in self._links:
            link.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._server, 10)
            except OSError:  # the server is down: so it is for the client
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
                client.close()
                continue
            server.settimeout(None)
            link = _Link(self, client, server)
            self._links.append(link)
            link.thread.start()

    # --- what a hook may do ---

    def drop(self) -> None:
        """Close this connection on both sides, as a proxy does that has had enough of it."""
        raise Cut

    def reset(self) -> None:
        """Reset all connections on both sides, as a failover does."""
        for link in self._links:
            link.close(reset=True)
        raise Cut

    def stall(self) -> None:
        """Pass on nothing more and close nothing, until `release`: so it looks when a node dies without a word."""
        self._stalled.set()

    def lead_to(self, host: str, port: int) -> None:
        """The address leads to another server from here on; the connections that are there stay where they are."""
        self._server = (host, port)

    def release(self) -> None:
        """The network notices: what was stalled is closed."""
        self._released.set()

    # --- for the links ---

    def begin(self, text: str, live: bool) -> Exchange:
        exchange = Exchange(next(self._number), text, live)
        self.said.append(exchange)
        return exchange

    def at(self, exchange: Exchange, moment: str) -> None:
        if self.hook:
            self.hook(self, exchange, moment)
        self.stop_if_stalled()

    def stop_if_stalled(self) -> None:
        if self._stalled.is_set():
            self._released.wait(60)
            raise Cut


class _Link:
    """One connection: a thread that goes back and forth with it."""

    def __init__(self, relay: Relay, client: socket.socket, server: socket.socket) -> None:
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._relay, self._client, self._server = relay, _Side(client), _Side(server)
        self._live = False
        self.thread = threading.Thread(target=self._work, daemon=True)

    def close(self, *, reset: bool = False) -> None:
        for side in (self._client, self._server):
            with suppress(OSError):
                if reset:
                    side.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
                else:
                    side.socket.shutdown(socket.SHUT_RDWR)
            side.socket.close()

    def _work(self) -> None:
        try:
            self._login()
            while True:
                self._command()
        except (Cut, OSError, ValueError):  # ValueError: a socket that was closed in another thread
            self.close()

    def _login(self) -> None:
        request, text, number = b"", "connect", 0
        while True:
            # The server has the next word for as long as it did not ask for something.
            answer = self._exchange(request, f"{text} {number}", self._one_word)
            kind, body = answer[4], answer[5:]
            if number and kind == 0x00:
                return
            if kind == 0xFF:
                raise Cut
            if number and kind == 0x01 and body == b"\x03":  # known to the server: it says OK next
                request, text = b"", "login"
            else:
                request, text = self._request(), "login"
            number += 1

    def _one_word(self) -> bytes:
        return self._packet_of(self._server, self._client)

    def _command(self) -> None:
        request = self._request()
        command = request[4]
        if command == QUIT:
            self._server.send(request)
            raise Cut
        text = request[5:].decode("utf-8", "replace") if command == QUERY else f"command {command}"
        self._live = self._live or ("GET_LOCK(" in text and ":shadow'" not in text)  # the shadow has a lock of its own
        self._exchange(request, text, self._one_word if command == SET_OPTION else self._whole_answer)

    def _exchange(self, request: bytes, text: str, read: Callable[[], bytes]) -> bytes:
        relay = self._relay
        exchange = relay.begin(text, self._live)
        relay.at(exchange, "before")
        if request:
            self._server.send(request)
        relay.at(exchange, "sent")
        answer = read()
        relay.at(exchange, "done")
        half = len(answer) // 2
        self._client.send(answer[:half])
        relay.at(exchange, "torn")
        self._client.send(answer[half:])
        relay.at(exchange, "passed")
        return answer

    def _request(self) -> bytes:
        """The next command, whole; those of 16 MB come in several packets."""
        whole = b""
        while True:
            packet = self._packet_of(self._client, self._server)
            whole += packet
            if len(packet) < 4 + 0xFFFFFF:
                return whole

    def _whole_answer(self) -> bytes:
        answer, more = b"", True
        while more:
            packet = self._one_word()
            answer += packet
            kind = packet[4]
            if kind == 0xFF:
                return answer
            if kind == 0x00:
                more = bool(_status_of_ok(packet[5:]) & MORE_RESULTS)
                continue
            ends = 0
            while ends < 2:  # columns, then rows
                packet = self._one_word()
                answer += packet
                if packet[4] == 0xFF:
                    return answer
                if packet[4] == 0xFE and len(packet) < 13:
                    ends += 1
            more = bool(int.from_bytes(packet[7:9], "little") & MORE_RESULTS)
        return answer

    def _packet_of(self, speaker: _Side, other: _Side) -> bytes:
        """The next packet of the one whose turn it is. If either side ends, so does the other."""
        while (packet := speaker.taken()) is None:
            watched = select.poll()  # a process with more than a thousand files cannot select
            for side in (speaker, other):
                watched.register(side.socket, select.POLLIN)
            ready = {number for number, _ in watched.poll(LOOK_SECONDS * 1000)}
            self._relay.stop_if_stalled()
            if speaker.socket.fileno() in ready:
                speaker.receive()
            elif other.socket.fileno() in ready:
                # Out of turn: it has gone, or the server says why it is going.
                data = other.socket.recv(1 << 16)
                if not data or other is self._client:
                    raise Cut
                speaker.send(data)
        return packet


class _Side:
    """A socket, and what came from it and is not used yet."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._buffer = bytearray()

    def receive(self) -> None:
        data = self.socket.recv(1 << 18)
        if not data:
            raise Cut
        self._buffer += data

    def taken(self) -> bytes | None:
        """The first packet, if it is there whole."""
        buffer = self._buffer
        if len(buffer) < 4 or len(buffer) < (end := 4 + int.from_bytes(buffer[:3], "little")):
            return None
        packet = bytes(buffer[:end])
        del buffer[:end]
        return packet

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)


def _status_of_ok(body: bytes) -> int:
    """The status flags of an OK packet: they come after two numbers of varying length."""
    at = 0
    for _ in range(2):
        at += {0xFC: 3, 0xFD: 4, 0xFE: 9}.get(body[at], 1)
    return int.from_bytes(body[at : at + 2], "little")
