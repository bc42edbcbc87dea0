"""Has somebody asked this start to stop? And a sleep that notices.

The handler sets a plain attribute and nothing else, unless whoever waits for the network wants it to raise: nothing
else ends such a wait, and nothing is half done in it. `threading.Event.set()` takes a lock that the interrupted code
may hold already, in `wait()` for example, and then neither goes on. What wakes `sleep()` is the byte that the
interpreter itself writes to a pipe when a signal arrives.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator
from types import FrameType

from schemagate.errors import Interrupted


class Stop:
    """The wish of SIGTERM or SIGINT that this start ends soon; it is noticed at the next look, and never taken back."""

    def __init__(self) -> None:
        self._signum: int | None = None
        self._raising = False
        self._wake: int | None = None
        self._pipe: tuple[int, ...] = ()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Hear no more: for those who run one start after another in one process."""
        pipe, self._pipe, self._wake = self._pipe, (), None
        if not pipe:
            return
        with contextlib.suppress(ValueError):  # in another thread than the main one
            written = signal.set_wakeup_fd(-1)
            if written not in (-1, pipe[1]):  # that of another start
                signal.set_wakeup_fd(written, warn_on_full_buffer=False)
        for end in pipe:
            os.close(end)

    def install(self) -> None:
        """Listen from here on: once, early (process 1 hears no SIGTERM without a handler), and in the main thread."""
        read, write = os.pipe()
        os.set_blocking(read, False)
        os.set_blocking(write, False)
        self._wake, self._pipe = read, (read, write)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._heard)
        signal.signal(signal.SIGINT, self._heard)

    def _heard(self, signum: int, frame: FrameType | None) -> None:
        self._signum = self._signum or signum  # the first one counts
        if self._raising:
            self._raising = False
            self.check()

    @property
    def requested(self) -> bool:
        """Whether a signal has arrived."""
        return self._signum is not None

    @property
    def signum(self) -> int:
        """The first signal that arrived; SIGTERM as long as there is none."""
        return self._signum or signal.SIGTERM

    def requested_by(self, retry_state: object) -> bool:
        """`requested`, in the shape of a stop condition of tenacity."""
        return self.requested

    def check(self) -> None:
        """Raise `Interrupted` if a signal has arrived; for the places where nothing is half done."""
        if self._signum is not None:
            name = signal.Signals(self._signum).name
            raise Interrupted(f"{name} asked this start to stop; the next start goes on from here.", self._signum)

    @contextlib.contextmanager
    def at_once(self, *, anew: bool = False) -> Iterator[None]:
        """In here a signal raises `Interrupted` where it arrives: for connecting, in the main thread. One that has
        arrived before does so, too, if it is not to be one that comes `anew`.
        """
        self._raising = True  # before the look, so that no signal falls between the two
        try:
            if not anew:
                self.check()
            yield
        finally:
            self._raising = False

    def sleep(self, seconds: float) -> None:
        """Sleep, but return at once when a signal arrives or has arrived. (`time.sleep` goes on sleeping after one.)"""
        end = time.monotonic() + seconds
        while not self.requested and (left := end - time.monotonic()) > 0:
            if self._wake is None:
                time.sleep(left)
            elif select.select([self._wake], [], [], left)[0]:
                # A signal that is none of ours writes there as well: empty it and sleep on. (It may be empty already
                # where two threads sleep.)
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake, 4096)
