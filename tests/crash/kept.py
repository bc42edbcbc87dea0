"""What earlier runs of the kill matrix have tried: so that one that was ended goes on where it was."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tests.crash.trial import Outcome
from tests.packages import CACHE

if TYPE_CHECKING:
    from tests.crash.matrix import Point

ROOT = Path(__file__).resolve().parents[2]
FOLDER = CACHE.parent / "kill-matrix"


def code() -> str:
    """What was tried, as a digest: the program, the stories, and what numbers their points."""
    ours = [f"tests/crash/{name}.py" for name in ("faults", "stage", "statements", "stories")]
    paths = sorted([*(ROOT / "schemagate").glob("*.py"), ROOT / "entrypoint.py", *(ROOT / each for each in ours)])
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


class Kept:
    """A file of JSON lines for one server: what ran, each outcome, and how many seconds it took."""

    def __init__(self, label: str, *, fresh: bool, folder: Path = FOLDER) -> None:
        """`fresh`: forget what is there. What another state of the code has tried is always forgotten."""
        self.known: dict[str, Outcome] = {}
        self.seconds = 0.0
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{label}.jsonl"
        head = json.dumps({"code": code()})
        lines = self._path.read_text("utf-8").splitlines() if self._path.exists() and not fresh else []
        if lines[:1] != [head]:
            self._path.write_text(head + "\n", "utf-8")
            return
        for line in lines[1:]:
            said = json.loads(line)
            self.seconds = said.pop("run", self.seconds)
            if "point" in said and said["end"] not in ("wrong", "missed"):
                point = said.pop("point")
                self.known[point] = Outcome(**said)

    def add(self, point: Point, outcome: Outcome) -> None:
        self._write({"point": str(point), **asdict(outcome)})

    def end(self, seconds: float) -> None:
        """The run ends, after so many seconds in all, with those of earlier ones."""
        self._write({"run": seconds})

    def _write(self, what: dict[str, object]) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(what) + "\n")
