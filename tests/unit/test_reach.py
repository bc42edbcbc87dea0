"""The way to a port ends in the time that it has, and at a signal."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from contextlib import closing, suppress

import pytest

from schemagate.errors import Interrupted
from schemagate.reach import addresses, way_in
from schemagate.stop import Stop


@pytest.fixture
def dead_name_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that never answers, as the system's own waiting looks from here: a call that comes back much later."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: time.sleep(5))


def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_the_first_that_listens_is_taken() -> None:
    """An address where nobody does costs nothing but a try."""
    with closing(listening()) as gone:
        nobody = addresses("127.0.0.1", gone.getsockname()[1], 1)
    with pytest.raises(ConnectionRefusedError):
        way_in(nobody, 1)
    with closing(listening()) as server:
        found = addresses("127.0.0.1", server.getsockname()[1], 1)
        with closing(way_in(nobody + found, 1)) as way:
            assert way.getpeername() == server.getsockname()


def test_each_address_has_its_share_of_the_time() -> None:
    """One that does not answer at all leaves time for the next."""
    with closing(listening()) as full, closing(listening()) as server:
        full.listen(0)
        crowd: list[socket.socket] = []
        silent = addresses("127.0.0.1", full.getsockname()[1], 1)
        with suppress(TimeoutError):
            while True:  # until its queue is full, and a connection is neither taken nor refused
                crowd.append(way_in(silent, 0.3))
        began = time.monotonic()
        with closing(way_in(silent + addresses("127.0.0.1", server.getsockname()[1], 1), 1)) as way:
            assert way.getpeername() == server.getsockname()
        assert 0.4 < time.monotonic() - began < 0.9
        for each in crowd:
            each.close()


def test_a_name_that_is_none_is_told() -> None:
    """By the error of the name service; also a name that cannot be one."""
    with pytest.raises(socket.gaierror):
        addresses("nobody.invalid", 3306, 5)
    with pytest.raises((OSError, UnicodeError)):
        addresses("." + "x" * 64, 3306, 5)


@pytest.mark.usefixtures("dead_name_service")
def test_a_name_service_that_does_not_answer_is_given_up() -> None:
    """In the time that there is."""
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="name service"):
        addresses("mysql", 3306, 0.2)
    assert time.monotonic() - began < 1


@pytest.mark.usefixtures("dead_name_service")
def test_a_signal_ends_the_wait_for_a_name() -> None:
    """At once."""
    stop = Stop()
    before = [(each, signal.getsignal(each)) for each in (signal.SIGTERM, signal.SIGINT)]
    wake = signal.set_wakeup_fd(-1)
    stop.install()
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
    began = time.monotonic()
    try:
        with pytest.raises(Interrupted), stop.at_once():
            addresses("mysql", 3306, 4)
        assert time.monotonic() - began < 1
    finally:
        for each, handler in before:
            signal.signal(each, handler)
        stop.close()
        signal.set_wakeup_fd(wake)
