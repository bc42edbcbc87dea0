"""A server on which stories are told, and what is made once for all of them: undisturbed runs, snapshots, rows."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from tests.crash.faults import Fault
from tests.crash.picture import Picture
from tests.crash.relay import Exchange, Relay
from tests.crash.scene import PATIENCE_SECONDS, Place, Scene
from tests.crash.starts import Starter
from tests.crash.statements import BIG
from tests.crash.stories import Chapter, Story
from tests.crash.trial import Outcome, Reference, Trial
from tests.instances import Instance
from tests.reach import Server

Faults = tuple[Fault, ...]


class Stage:
    """Several threads may use one stage: each life is in a schema of its own."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._restarter = ThreadPoolExecutor(1)
        self._templates: set[int] = set()
        self._references: dict[str, dict[str, Reference]] = {}
        self._snapshots: dict[str, dict[str, bytes]] = {}
        self._lock = threading.RLock()  # a reference needs a snapshot and a template

    # --- what is made once ---

    def reference(self, story: Story, chapter: Chapter) -> Reference:
        """The chapter as it goes when nobody interrupts it."""
        with self._lock:
            if story.name not in self._references:
                # Looking takes time, in which a start looks for its lock more often, and commits sooner.
                seen = self._told(story, self._seen)
                said = seen if story.rows else self._told(story, self._undisturbed)
                self._references[story.name] = {
                    name: replace(reference, said=said[name].said) for name, reference in seen.items()
                }
            return self._references[story.name][chapter.name]

    def _told(self, story: Story, tell: Callable[[Scene, Chapter], Reference]) -> dict[str, Reference]:
        with Scene(self.place, story) as scene:
            scene.prepare(self._template(story))
            return {each.name: tell(scene, each) for each in self._chapters(scene)}

    def _chapters(self, scene: Scene) -> Iterator[Chapter]:
        """Turn to each chapter of its story, in order."""
        snapshots = self.snapshots(scene.story)
        for each in scene.story.chapters:
            scene.turn_to(each, snapshots.get(each.name))
            yield each

    def _undisturbed(self, scene: Scene, _chapter: Chapter) -> Reference:
        with Relay(self.place.server.host, self.place.server.port) as relay:
            scene.undisturbed(relay.port)
            return Reference(tuple(relay.said), {}, {}, {}, {})

    def _seen(self, scene: Scene, chapter: Chapter) -> Reference:
        labels = {chapter.text(label): label for label in chapter.labels}
        before: dict[str, Picture] = {}
        after: dict[str, Picture] = {}
        seconds: dict[str, float] = {}
        sent = 0.0

        def look(_relay: Relay, exchange: Exchange, moment: str) -> None:
            nonlocal sent
            if not exchange.live or exchange.text not in labels:
                return
            if moment == "before":
                before[labels[exchange.text]] = scene.picture()
            elif moment == "sent":
                sent = time.monotonic()
            elif moment == "done":
                seconds[labels[exchange.text]] = time.monotonic() - sent
                after[labels[exchange.text]] = scene.picture()

        with Relay(self.place.server.host, self.place.server.port, look) as relay:
            scene.undisturbed(relay.port)
            said = tuple(relay.said)
        assert list(after) == list(chapter.labels), f"{set(chapter.labels) - set(after)} was not seen"
        return Reference(said, before, after, scene.picture(), seconds)

    def snapshots(self, story: Story) -> dict[str, bytes]:
        """`schema.sql` of each chapter, as `schemagate snapshot` writes it on this server; none without one."""
        with self._lock:
            if story.name not in self._snapshots:
                self._snapshots[story.name] = {}
                if story.snapshot:
                    with Scene(self.place, story) as scene:
                        Chapter("before", story.before).write(scene.migrations)
                        self._snapshots[story.name] = {each.name: _snapshot(scene, each) for each in story.chapters}
            return self._snapshots[story.name]

    def _template(self, story: Story) -> str | None:
        """A schema with the table `big` of so many rows."""
        if not story.rows:
            return None
        name = f"crash_template_{story.rows}"
        with self._lock, contextlib.closing(self.place.server.connect(ssl_disabled=True)) as connection:
            if story.rows not in self._templates:
                with connection.cursor() as cursor:
                    cursor.execute(f"DROP DATABASE IF EXISTS {name}")
                    cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
                    cursor.execute(f"USE {name}")
                    cursor.execute(BIG[0])
                    cursor.execute("INSERT INTO big VALUES (1, 1, 'word number 1')")
                    have = 1
                    while have < story.rows:
                        cursor.execute(
                            f"INSERT INTO big SELECT id + {have}, (id * 7919) % 1000, CONCAT('word number ', id)"
                            f" FROM big WHERE id <= {story.rows - have}"
                        )
                        have = min(2 * have, story.rows)
                self._templates.add(story.rows)
        return name

    def close(self) -> None:
        """Drop what was made once."""
        with (
            contextlib.closing(self.place.server.connect(ssl_disabled=True)) as connection,
            connection.cursor() as cursor,
        ):
            for rows in self._templates:
                cursor.execute(f"DROP DATABASE IF EXISTS crash_template_{rows}")
        self._restarter.shutdown()

    # --- the lives of a schema ---

    def live(self, story: Story, wanted: Sequence[tuple[str, Faults]]) -> Iterator[tuple[int, Outcome]]:
        """Tell the story in one schema and interrupt each chapter at its point, of which `wanted` has at most one for a
        chapter, as (chapter, faults). Answers the number in `wanted` with each outcome. After one that is not made good
        the rest is told in another schema.
        """
        left = {chapter: (number, faults) for number, (chapter, faults) in enumerate(wanted)}
        while left:
            with Scene(self.place, story) as scene:
                scene.prepare(self._template(story))
                for chapter in self._chapters(scene):
                    if chapter.name not in left:
                        scene.undisturbed()
                        continue
                    number, faults = left.pop(chapter.name)
                    trial = Trial(scene, chapter, self.reference(story, chapter), self._restarter)
                    outcome = trial.run(faults)
                    yield number, outcome
                    if outcome.end in ("wrong", "refused") or not left:
                        break

    def run(self, story: Story, chapter: str, faults: Faults) -> Outcome:
        """One point alone."""
        ((_, outcome),) = self.live(story, [(chapter, faults)])
        return outcome


def _snapshot(scene: Scene, chapter: Chapter) -> bytes:
    chapter.write(scene.migrations)
    start = scene.begin(None, "snapshot")
    assert start.wait(PATIENCE_SECONDS) == 0, start.text
    return scene.migrations.joinpath("schema.sql").read_bytes()


@contextlib.contextmanager
def stage(server: Server, folder: Path, instance: Instance | None = None) -> Iterator[Stage]:
    """A stage on that server; `instance` is the server itself where it may be killed."""
    with Starter() as starter:
        made = Stage(Place(server, starter, folder, instance))
        try:
            yield made
        finally:
            made.close()
