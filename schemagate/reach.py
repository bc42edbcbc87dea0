"""The way to the server's port: found in limited time, and given up at once where a signal says so."""

from __future__ import annotations

import socket
import time

TYPE_CHECKING = False  # as in values.py
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def addresses(host: str, port: int, seconds: float) -> list[Any]:
    """Where the host may be, as `getaddrinfo` has it. Raises OSError, TimeoutError where no name service answers.

    The system's own waiting for a name service knows neither our time nor our signals: it is left to a thread.
    """
    import _thread

    # As bytes, an ASCII name is asked for as it is; for text Python imports what other names need: a hundredth of a
    # start with nothing to do.
    name = host.encode() if host.isascii() else host
    answer: list[Any] = []
    waiting = _thread.allocate_lock()
    waiting.acquire()

    def ask() -> None:
        try:
            answer.append(socket.getaddrinfo(name, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answer.append(error)
        waiting.release()

    try:
        _thread.start_new_thread(ask, ())
    except RuntimeError:  # a limit on processes: then without a limit on time
        ask()
    if not waiting.acquire(timeout=max(seconds, 0.0)):
        raise TimeoutError("the name service does not answer")
    if isinstance(answer[0], Exception):
        raise answer[0]
    return list(answer[0])


def way_in(found: Sequence[Any], seconds: float) -> socket.socket:
    """A connection to the first of the addresses where somebody listens; each gets its share of the time.

    Raises OSError, that of the last one.
    """
    end, failure = time.monotonic() + seconds, OSError("there is no address")
    for number, (family, kind, protocol, _, address) in enumerate(found):
        way = socket.socket(family, kind, protocol)
        try:
            way.settimeout(max(0.001, (end - time.monotonic()) / (len(found) - number)))
            way.connect(address)
            way.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            way.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except OSError as error:
            way.close()
            failure = error
        except BaseException:
            way.close()
            raise
        else:
            return way
    raise failure
