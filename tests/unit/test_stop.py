"""The stop flag and its sleep, with real signals."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
import tenacity

from schemagate.errors import Interrupted
from schemagate.stop import Stop

SLEEPER = """
import sys
sys.path.insert(0, ".")
from schemagate.stop import Stop
stop = Stop()
stop.install()
print("ready", flush=True)
stop.sleep(30)
print(stop.requested, stop.signum, flush=True)
stop.sleep(30)
"""


@pytest.fixture
def stop() -> Iterator[Stop]:
    """One that is installed, and afterwards gone."""
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)}
    stop = Stop()
    stop.install()
    yield stop
    stop.close()
    for signum, handler in before.items():
        signal.signal(signum, handler)


def elapsed(stop: Stop, seconds: float) -> float:
    began = time.monotonic()
    stop.sleep(seconds)
    return time.monotonic() - began


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_sleeps_hears_a_signal_at_once(signum: signal.Signals) -> None:
    """And every later sleep ends before it begins."""
    with subprocess.Popen([sys.executable, "-S", "-c", SLEEPER], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.02)  # let it fall asleep
        began = time.monotonic()
        process.send_signal(signum)
        assert process.stdout.readline() == f"True {signum.value}\n"
        assert time.monotonic() - began < 0.3
        assert process.wait(timeout=2) == 0


def test_nothing_is_requested_at_first(stop: Stop) -> None:
    """No signal, no stop."""
    stop.check()
    assert not stop.requested
    assert elapsed(stop, 0.02) >= 0.02


@pytest.mark.parametrize(("signum", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_check_raises_after_a_signal(stop: Stop, signum: signal.Signals, exit_code: int) -> None:
    """The exit code is the one that shells give to a process that died of the signal."""
    signal.raise_signal(signum)
    with pytest.raises(Interrupted, match=signum.name) as caught:
        stop.check()
    assert caught.value.exit_code == exit_code


def test_a_second_signal_changes_nothing(stop: Stop) -> None:
    """The first one counts, and the second does not kill."""
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)
    assert (stop.requested, stop.signum) == (True, signal.SIGTERM)


def test_a_signal_before_the_sleep_ends_it(stop: Stop) -> None:
    """There is no moment in which a signal is missed."""
    signal.raise_signal(signal.SIGTERM)
    assert elapsed(stop, 30) < 0.3


def test_a_foreign_signal_does_not_end_the_sleep(stop: Stop) -> None:
    """What is none of ours may wake it, but it sleeps on for the rest."""
    heard = []
    signal.signal(signal.SIGALRM, lambda *_: heard.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    try:
        assert elapsed(stop, 0.06) >= 0.06
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    assert heard


def test_a_flood_of_foreign_signals_does_not_block_ours(stop: Stop) -> None:
    """The pipe may be full: then a signal is noticed all the same."""
    signal.signal(signal.SIGALRM, lambda *_: None)
    write = signal.set_wakeup_fd(-1)
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    for _ in range(5_000):
        os.kill(os.getpid(), signal.SIGALRM)
    signal.raise_signal(signal.SIGTERM)
    assert elapsed(stop, 30) < 0.3


def test_a_thread_may_sleep_too(stop: Stop) -> None:
    """Two sleeps at once do not disturb each other."""
    signal.signal(signal.SIGALRM, lambda *_: None)
    thread = threading.Thread(target=stop.sleep, args=(0.05,))
    thread.start()
    signal.raise_signal(signal.SIGALRM)
    assert elapsed(stop, 0.05) >= 0.05
    thread.join()


def test_it_is_a_stop_condition_of_tenacity(stop: Stop) -> None:
    """Retrying ends with the attempt in which the signal came, without the wait after it."""
    attempts = []

    def attempt() -> None:
        attempts.append(1)
        if len(attempts) == 2:
            signal.raise_signal(signal.SIGTERM)
        raise ConnectionError

    retrying = tenacity.Retrying(stop=stop.requested_by, wait=tenacity.wait_fixed(0.01), sleep=stop.sleep, reraise=True)
    with pytest.raises(ConnectionError):
        retrying(attempt)
    assert len(attempts) == 2


def test_without_handlers_it_just_sleeps() -> None:
    """Tests and tools need no handlers."""
    stop = Stop()
    assert elapsed(stop, 0.01) >= 0.01
    assert elapsed(stop, -1) < 0.01
    assert stop.signum == signal.SIGTERM
