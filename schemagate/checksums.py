"""The checksums of the statements of a file, in order, in little memory however many they are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

BYTES = 32  # a SHA-256
MOST = 1 << 16  # so many are kept at most, which is 2 MB


@dataclass(slots=True)
class Checksums:
    """Each checksum of a file of up to 65,535 statements; of a longer one, one for every `grain` of its statements.

    It grows by `extend` while it is made, and stays as it is then. Two with the same count are equal exactly if all
    their checksums are.
    """

    count: int = 0
    grain: int = 1
    _kept: bytearray = field(default_factory=bytearray)
    _open: bytearray = field(default_factory=bytearray)  # those behind the last whole grain

    @classmethod
    def of(cls, checksums: Iterable[bytes]) -> Checksums:
        """Those of so many statements."""
        made = cls()
        for checksum in checksums:
            made.extend(checksum)
        return made

    def extend(self, checksums: bytes | bytearray) -> None:
        """Those of the next statements, one behind the other. How many come at a time makes no difference."""
        self.count += len(checksums) // BYTES
        self._open += checksums
        size = self.grain * BYTES
        while len(self._open) >= size:
            room = MOST - len(self._kept) // BYTES
            whole = self._open[: min(len(self._open) // size, room) * size]
            del self._open[: len(whole)]
            self._kept += whole if self.grain == 1 else _digests(whole, size)
            if len(self._kept) == MOST * BYTES:
                self._kept, self.grain, size = _digests(self._kept, 2 * BYTES), 2 * self.grain, 2 * size

    def first(self, count: int) -> Checksums | None:
        """Those of the first `count` statements; None where that is no longer known."""
        if count == self.count:
            return self
        return Checksums(count, 1, self._kept[: count * BYTES]) if self.grain == 1 else None

    def difference(self, other: Checksums) -> range | None:
        """The ordinals among which the first difference is, to others with the same count; None if there is none."""
        for mine, theirs, first, grain in (
            (self._kept, other._kept, 1, self.grain),
            (self._open, other._open, len(self._kept) // BYTES * self.grain + 1, 1),
        ):
            for at in range(0, len(mine) if mine != theirs else 0, BYTES):
                if mine[at : at + BYTES] != theirs[at : at + BYTES]:
                    begin = first + at // BYTES * grain
                    return range(begin, begin + grain)
        return None


def _digests(text: bytearray, size: int) -> bytearray:
    return bytearray(b"".join(hashlib.sha256(text[at : at + size]).digest() for at in range(0, len(text), size)))
