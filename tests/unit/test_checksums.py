"""However many statements there are: is the first that differs found, and is little kept?"""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise

import pytest

from schemagate import checksums
from schemagate.checksums import BYTES, Checksums


def some(count: int, changed: int = 0) -> Iterator[bytes]:
    """The checksums of so many statements; the one with the ordinal `changed` is another one."""
    for ordinal in range(1, count + 1):
        yield hashlib.sha256(f"{ordinal}{'!' if ordinal == changed else ''}".encode()).digest()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if eight were many."""
    monkeypatch.setattr(checksums, "MOST", 8)


@pytest.mark.usefixtures("few")
def test_the_first_difference_is_found() -> None:
    """Of up to seven statements the very one; of more, one among as many as share a checksum."""
    for count in range(1, 70):
        whole = Checksums.of(some(count))
        assert whole.count == count
        assert whole.difference(Checksums.of(some(count))) is None
        for changed in range(1, count + 1):
            found = whole.difference(Checksums.of(some(count, changed)))
            assert found is not None
            assert changed in found
            assert len(found) in (1, whole.grain)
            assert found[-1] <= count
        assert count // 8 <= whole.grain <= max(1, count // 4)


@pytest.mark.usefixtures("few")
def test_how_many_come_at_a_time_makes_no_difference() -> None:
    """Those of a file come by the thousand, those of the journal one by one."""
    text = b"".join(some(100))
    for borders in ([0, 100], [0, 0, 7, 8, 9, 100], [0, 50, 100], [*range(0, 100, 9), 100], [0, 99, 100]):
        made = Checksums()
        for start, stop in pairwise(borders):
            made.extend(text[start * BYTES : stop * BYTES])
        assert made == Checksums.of(some(100))


@pytest.mark.usefixtures("few")
def test_the_first_ones() -> None:
    """Those of a begin are known while there is one for each statement; later only those of all."""
    assert Checksums.of(some(7)).first(3) == Checksums.of(some(3))
    assert Checksums.of(some(7)).first(0) == Checksums()
    whole = Checksums.of(some(20))
    assert whole.first(20) is whole
    assert whole.first(12) is None


def test_little_is_kept() -> None:
    """Of 150,000 checksums, which are 4.8 MB, 2 MB; of any other number no more than that."""
    block = bytes(1000 * BYTES)
    tracemalloc.start()
    made = Checksums()
    for _ in range(150):
        made.extend(block)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert made.count == 150_000
    assert kept < 2_200_000
