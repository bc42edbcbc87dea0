"""The stories that are interrupted. Each is told of one schema, chapter by chapter: an image of the application after
the other brings its files, and each chapter is interrupted once.

So the work of one chapter is short, and what happens to it is as it is in life: in a schema that others have migrated
before, after interruptions of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.statements import BASE, BIG, BLOCKED, LONG, MIGRATIONS, SESSION, SHORT


@dataclass(frozen=True, slots=True)
class Chapter:
    """What one image adds: its new files, and the statements in them."""

    name: str
    files: Mapping[str, tuple[str, ...]]
    blocked: str = ""  # a table that a forgotten transaction has read

    @property
    def labels(self) -> tuple[str, ...]:
        """The statements to be run, as in "20_alter:3"."""
        return tuple(f"{name}:{n}" for name, texts in self.files.items() for n in range(1, len(texts) + 1))

    def text(self, label: str) -> str:
        name, _, ordinal = label.partition(":")
        return self.files[name][int(ordinal) - 1]

    def write(self, folder: Path) -> None:
        """Write the files into a folder, in which those of earlier chapters stay."""
        for name, texts in self.files.items():
            folder.joinpath(f"{name}.sql").write_text(";\n".join(texts) + ";\n", "utf-8")


@dataclass(frozen=True, slots=True)
class Story:
    """What was there before, made by an earlier image, and what comes in chapters."""

    name: str
    chapters: tuple[Chapter, ...]
    before: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    snapshot: bool = False
    shadow: bool = True
    rows: int = 0  # of the table `big`, from before
    may_refuse: bool = False  # what only a session knew cannot always be made anew
    resets: bool = False  # is it the one in which all connections are reset at once, too?
    twin: bool = False  # its statements are run as in another story: what is said around them is new, if anything

    def chapter(self, name: str) -> Chapter:
        return next(each for each in self.chapters if each.name == name)

    @property
    def texts(self) -> dict[str, str]:
        """Every statement by its label."""
        return {label: each.text(label) for each in self.chapters for label in each.labels}


def by_file(files: Mapping[str, tuple[str, ...]]) -> tuple[Chapter, ...]:
    """A chapter for each file."""
    return tuple(Chapter(name, {name: texts}) for name, texts in files.items())


def at_once(files: Mapping[str, tuple[str, ...]]) -> tuple[Chapter, ...]:
    """All of them in one chapter."""
    return (Chapter("all", files),)


STORIES: Mapping[str, Story] = {
    each.name: each
    for each in (
        # A schema with rows, and the reviewed record of what is to come: the rehearsal says how it looks afterwards.
        Story("grown-snapshot", by_file(MIGRATIONS), before=BASE, snapshot=True, resets=True),
        # Nothing was there: no rehearsal, and whoever wants to know what became of a statement tells all again.
        Story("empty", at_once(SHORT)),
        # An account that may have no shadow: nobody knows how it looks afterwards.
        Story("grown-no-shadow", by_file(MIGRATIONS), before=BASE, shadow=False),
        # What only the session knows.
        Story("session", by_file(SESSION), before=BASE, may_refuse=True),
        # The same again with and without the record, where that makes another conversation.
        Story("empty-snapshot", at_once(SHORT), snapshot=True, twin=True),
        Story("grown", by_file(MIGRATIONS)[:1], before=BASE, twin=True),
    )
}


def long(rows: int) -> Story:
    """Statements that take their time, each a chapter."""
    chapters = by_file({f"{n}_{name}": (text,) for n, (name, text) in enumerate(LONG.items(), 90)})
    return Story("long", chapters, before={"01_big": BIG}, rows=rows)


BLOCKING = Story(
    "blocked",
    tuple(
        Chapter(name, {f"{n}_{name}": (text,)}, blocked=table)
        for n, (name, (table, text)) in enumerate(BLOCKED.items(), 90)
    ),
    before=BASE,
    snapshot=True,
)


def find_story(name: str, rows: int) -> Story:
    """The story of that name."""
    return {**STORIES, "long": long(rows), "blocked": BLOCKING}[name]
