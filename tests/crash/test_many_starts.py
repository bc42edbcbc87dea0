"""Fifty starts at once on one empty database, and some of them are killed."""

from __future__ import annotations

import random
import time
from pathlib import Path

from tests.crash.scene import Scene
from tests.crash.stage import stage
from tests.crash.starts import Start
from tests.crash.statements import SEEN
from tests.crash.stories import Story, at_once
from tests.reach import Server

STARTS, KILLS = 50, 15


def test_fifty_starts_with_kills_among_them_apply_each_statement_once(server: Server, tmp_path: Path) -> None:
    """Whoever is killed, at work or waiting, the others go on; in the end all survivors found the same schema."""
    # Without what a person is asked about: who is killed when is a matter of chance.
    story, dice = Story("fifty", at_once(SEEN)), random.Random(f"fifty {server.label}")
    (chapter,) = story.chapters
    with stage(server, tmp_path) as here:
        reference = here.reference(story, chapter)
        with Scene(here.place, story) as scene:
            scene.turn_to(chapter, None)
            starts = [scene.begin() for _ in range(STARTS)]
            killed = [_kill_one(scene, starts, dice) for _ in range(KILLS)]
            codes = [start.wait(120) or 0 for start in starts if start.ended.wait(120)]
            assert len(codes) == STARTS, "a start hangs"
            assert sorted(set(codes)) in ([-9, 0], [0]), [
                start.text[-2000:] for start in starts if start.code not in (0, -9)
            ]
            assert codes.count(0) >= STARTS - KILLS
            if _last_at_work(starts).code != 0:  # it has forgotten the proof of those before it, and nobody came after
                assert scene.ended(scene.begin()) == 0
            scene.judge(reference.ends)
            assert any(killed), "nobody was killed at work"


def _last_at_work(starts: list[Start]) -> Start:
    """The start that was the last to take the lock."""
    taken = [(line["timestamp"], at) for at, start in enumerate(starts) for line in start.lines
             if line["event"] == "lock.taken"]  # fmt: skip
    return starts[max(taken)[1]]


def _kill_one(scene: Scene, starts: list[Start], dice: random.Random) -> bool:
    """Kill somebody after a moment: whoever is at work, or anybody. True where it was the one at work."""
    time.sleep(dice.uniform(0.02, 0.15))
    living = [start for start in starts if start.code is None]
    if not living:
        return False
    at_work = [start for start in living if '"lock.taken"' in start.text]
    victim = dice.choice(at_work or living) if dice.random() < 0.7 else dice.choice(living)
    victim.kill()
    return victim in at_work
