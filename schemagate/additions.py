"""What a migration is replaced by where a part of it is there: statements that add what is missing. Pure.

Nothing is cut out of the SQL of a migration: what is added is written from the final form of the object.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from schemagate.automatic import to_add
from schemagate.ddl import placed
from schemagate.hashes import hash_of, key_of
from schemagate.history import ADOPTING
from schemagate.isolation import fills_from_query, sets_the_session, settable, words_of
from schemagate.lexer import quote, significant
from schemagate.loading import without_keys
from schemagate.schema import PLACE
from schemagate.states import DERIVED, parts_of
from schemagate.traces import TRACED
from schemagate.variables import hiding

if TYPE_CHECKING:
    from schemagate.migrations import Migration, Migrations
    from schemagate.schema import Schema, SchemaObject
    from schemagate.sql import Statement
    from schemagate.states import Effect, PartKey, States

ADDABLE = ("column", "index", "check", "key")
# How a migration is adopted of which something is missing.
WHOLE, ADDING = f"{ADOPTING}to be run as it is", f"{ADOPTING}to be run as far as it adds what is missing"
THERE, ADDED, SKIPPED = (
    "adopted: what it makes was there",
    "adopted: what was missing of it was added",
    "adopted: not run, since a part of its file was there",
)
# The default of a TIMESTAMP that a server shows in the time zone of the session.
OF_A_ZONE = re.compile(r"\btimestamp\b[^'\n]* DEFAULT '(?!0000-00-00)", re.IGNORECASE)
OF_A_CHARSET = frozenset({"NAMES", "CHARACTER", "CHARSET", "CHARACTER_SET_CLIENT", "CHARACTER_SET_CONNECTION"})


class NotAddable(Exception):
    """What is missing cannot be added by one statement in the place of the one that makes it; the message says why."""


@dataclass(frozen=True, slots=True)
class Makers:
    """By which statement, as migration and ordinal, each object and each clause of the final schema is made."""

    objects: dict[str, tuple[str, int]] = field(default_factory=dict)
    parts: dict[tuple[str, PartKey], tuple[str, int]] = field(default_factory=dict)

    def note(self, effect: Effect) -> None:
        """Take note of what the next statement does."""
        place, key, before, after = (effect.migration, effect.ordinal), effect.key, effect.before, effect.after
        if not (before and after):
            for known in [known for known in self.parts if known[0] == key]:
                del self.parts[known]
            self.objects.pop(key, None)
        if after is None:
            return
        if before is None or (after.kind != "table" and _text(before) != _text(after)):
            self.objects[key] = place
        new, old = parts_of(after), parts_of(before) if before else {}
        for part in new if before is None else effect.parts:
            if part not in new:
                self.parts.pop((key, part), None)
            elif part not in old or part[0] != "column":  # a column may be needed before it gets its final form
                self.parts[key, part] = place


def makers_of(effects: Iterable[Effect]) -> Makers:
    """By which statement each part of the final schema is made."""
    makers = Makers()
    for effect in effects:
        makers.note(effect)
    return makers


class Additions:
    """Writes, for one migration after the other, what is left of it to be run on the live schema."""

    def __init__(self, states: States, final: Schema) -> None:
        self._folds, self._whole_files = states.folds, states.whole
        self._makers = makers_of(states.effects)
        self._final = {key_of(*key, self._folds): each for key, each in final.objects.items()}
        self._live = {key_of(*key, self._folds): each for key, each in states.ours().objects.items()}
        self._there = set(self._live)  # and what is made by the statements before
        self._columns = {key: {name for kind, name in parts_of(each) if kind == "column"}
                         for key, each in self._live.items()}  # fmt: skip
        self._effects: dict[tuple[str, int], list[Effect]] = {}
        for effect in states.effects:
            self._effects.setdefault((effect.migration, effect.ordinal), []).append(effect)

    def adds(self, migration: Migration) -> bool:
        """Is anything missing that this migration makes?"""
        return any(self._missing((migration.name, ordinal)) for ordinal in range(1, migration.count + 1))

    def adding(self, migration: Migration) -> Migration:
        """The migration as far as it adds what is missing; its data statements are not run. Raises NotAddable."""
        return replace(migration, kept=tuple(self._adding(migration)))

    def whole(self, migration: Migration) -> Migration:
        """The migration as it is, but for the places of the columns that it adds."""
        return replace(migration, kept=tuple(self._whole(migration)))

    def _adding(self, migration: Migration) -> Iterator[Statement]:
        session = set[str]()
        for statement in migration.statements():
            kind, place = statement.kind, (migration.name, statement.ordinal)
            missing = self._missing(place)
            session |= _said_by(statement) if kind == "set" else set()
            if kind == "set" and (settable(statement) or sets_the_session(statement)):
                yield statement  # the statements that are run may need it
            elif not missing:
                yield absent(statement, kind, THERE if kind in TRACED else SKIPPED)
            else:
                made = self._made(statement, kind, place, missing)
                if made is not statement:
                    _refuse_in_another_session(made.text, session)
                    made = hiding(made, migration.variables)
                yield made

    def _made(
        self, statement: Statement, kind: str, place: tuple[str, int], missing: Mapping[str, list[PartKey]]
    ) -> Statement:
        if len(missing) > 1:
            unseen = f"{place[0]} (which of its statements makes which was not seen)"
            by = unseen if self._whole_files else "one statement"
            raise NotAddable(f"{by} makes {' and '.join(sorted(missing))}, of which none is there")
        ((key, parts),) = missing.items()
        final, effects = self._final[key], self._effects[place]
        if key in self._live or self._makers.objects.get(key) != place:
            return instead(statement, self._alter(key, final, parts), ADDED)
        before, behind = self._neighbours(final) if final.kind == "trigger" else (None, None)
        self._there.add(key)
        if behind:
            return instead(statement, placed(final, None, behind), ADDED)
        if before and not {"FOLLOWS", "PRECEDES"}.isdisjoint(words_of(statement)):  # others have come in between
            return instead(statement, placed(final, before, ""), ADDED)
        made = next(effect.after for effect in effects if effect.key == key)
        if final.kind != "table":
            as_written = made and _text(made) == _text(final) and not (kind == "create view" and _takes_all(statement))
            return statement if as_written else instead(statement, final.create, ADDED)
        as_it_is = made is not None and hash_of(made) == hash_of(final)
        filled = kind == "create table" and (fills_from_query(statement) or "LIKE" in words_of(statement))
        if len(effects) == 1 and as_it_is and not filled:
            return statement
        later = {name for (of, (part, name)), by in self._makers.parts.items()
                 if of == key and part == "key" and by != place}  # fmt: skip
        self._columns[key] = {name for part, name in parts_of(final) if part == "column"}
        return instead(statement, without_keys(final.create, lambda item: _key_name(item) in later), ADDED)

    def _neighbours(self, trigger: SchemaObject) -> tuple[str | None, str | None]:
        """The triggers before and behind it, in the final schema, of those that are there when it is made."""

        def place(each: SchemaObject) -> tuple[str | None, str | None, int]:
            return each.attribute("table"), each.attribute("event"), int(each.attribute(PLACE) or 0)

        *event, at = place(trigger)
        there = [each for key, each in self._final.items()
                 if each.kind == "trigger" and key in self._there and [*place(each)[:2]] == event]  # fmt: skip
        earlier = [each for each in there if place(each)[2] < at]
        later = [each for each in there if place(each)[2] > at]
        return (max(earlier, key=place).name if earlier else None), (min(later, key=place).name if later else None)

    def _whole(self, migration: Migration) -> Iterator[Statement]:
        session = set[str]()
        for statement in migration.statements():
            effects = self._effects.get((migration.name, statement.ordinal), [])
            session |= _said_by(statement) if statement.kind == "set" else set()
            self._there.update(effect.key for effect in effects if effect.after)
            if len(effects) == 1 and self._only_adds_columns(effects[0]):
                key, final = effects[0].key, self._final[effects[0].key]
                text = self._alter(key, final, [part for part in parts_of(final) if part in effects[0].parts])
                _refuse_in_another_session(text, session)
                yield hiding(instead(statement, text, ""), migration.variables)
            else:
                for effect in effects:
                    if effect.key in self._live and effect.after is not None:
                        new = parts_of(effect.after)
                        added = {name for kind, name in effect.parts if kind == "column" and (kind, name) in new}
                        self._columns.setdefault(effect.key, set()).update(added)
                yield statement

    def _only_adds_columns(self, effect: Effect) -> bool:
        """Does it add columns, with what belongs to them, to a live table, and all in their final form?"""
        if effect.key not in self._live or not (effect.before and effect.after) or effect.key not in self._final:
            return False
        old, new, final = (parts_of(each) for each in (effect.before, effect.after, self._final[effect.key]))
        return any(kind == "column" for kind, _ in effect.parts) and all(
            part[0] in ADDABLE and part not in old and new[part] == final.get(part) for part in effect.parts
        )

    def _missing(self, place: tuple[str, int]) -> dict[str, list[PartKey]]:
        """What this statement makes of the final schema that is not in the live one: clauses by object, in order."""
        found: dict[str, list[PartKey]] = {}
        for effect in self._effects.get(place, ()):
            final, live = self._final.get(effect.key), self._live.get(effect.key)
            if final is None:
                continue
            made = self._makers.objects.get(effect.key) == place
            if live is None and made:
                found[effect.key] = []
            elif final.kind == "table":
                there = parts_of(live) if live else {}
                mine = [
                    part
                    for part in parts_of(final)
                    if self._makers.parts.get((effect.key, part)) == place
                    and part not in there
                    and part not in DERIVED
                    and (part[0] in ADDABLE if live else part[0] == "key")
                ]
                found |= {effect.key: mine} if mine else {}
        return found

    def _alter(self, key: str, final: SchemaObject, parts: list[PartKey]) -> str:
        """ALTER TABLE that adds these clauses of the final form, each column in its place."""
        there, texts, clauses = self._columns.setdefault(key, set()), parts_of(final), []
        before = ""
        for kind, name in texts:
            if kind != "column":
                continue
            if (kind, name) in parts:
                clauses.append(f"ADD COLUMN {texts[kind, name][0]} {f'AFTER {quote(before)}' if before else 'FIRST'}")
                there.add(name)
            before = name if name in there else before
        for kind in ADDABLE[1:]:
            clauses += [
                f"ADD {to_add(*part, text, final.name)}" for part in parts if part[0] == kind for text in texts[part]
            ]
        return f"ALTER TABLE {quote(final.name)} " + ", ".join(clauses)


def _said_by(statement: Statement) -> set[str]:
    """The words of a SET, but for one that sets the character set that we have in any case."""
    words = words_of(statement)
    return set() if words == ["SET", "NAMES", "UTF8MB4"] else {*words}


def _refuse_in_another_session(text: str, session: Collection[str]) -> None:
    """Raise NotAddable where this text, written as the servers show it to us, says something else in the session of a
    file whose SET statements have these words.
    """
    if "TIME_ZONE" in session and OF_A_ZONE.search(text):
        raise NotAddable("its file sets a time zone, in which the default of a TIMESTAMP would be another one")
    if not text.isascii() and not OF_A_CHARSET.isdisjoint(session):
        raise NotAddable("its file sets a character set, in which what is written here would be something else")


def absent(statement: Statement, kind: str, note: str) -> Statement:
    """A statement of which nothing is run, and what the journal is to say of it."""
    known = kind if kind in TRACED else "do"
    return statement._replace(raw=b"", known=known, written=None, of=statement.checksum, note=note)


def instead(statement: Statement, text: str, note: str) -> Statement:
    """A statement in the place of another: the journal knows it by the checksum of that."""
    raw = text.encode(errors="surrogateescape")
    return statement._replace(raw=raw, known="", written=None, of=statement.checksum, note=note)


def _text(each: SchemaObject) -> str:
    """What tells the object from others but for its place among the triggers of its event, which others change."""
    return hash_of(replace(each, parts=[part for part in each.parts if part.name != PLACE]))


def _takes_all(statement: Statement) -> bool:
    """May the columns of a view be all that something has? That may have others here than where the view was made."""
    return "*" in statement.text


def _key_name(item: str) -> str | None:
    words = [word for _, word, _ in significant(item)]
    is_key = len(words) > 3 and words[0].upper() == "CONSTRAINT" and words[2].upper() == "FOREIGN"
    return words[1].strip("`").replace("``", "`") if is_key else None


def adopted(migrations: Migrations, ways: Mapping[str, str], states: States, final: Schema) -> Migrations:
    """The migrations, with what is to be run in their place for those that are adopted in one of these ways. Raises
    NotAddable.
    """
    additions = Additions(states, final)
    return replace(
        migrations,
        all=tuple(
            additions.whole(each)
            if ways.get(each.name) == WHOLE
            else additions.adding(each)
            if ways.get(each.name) == ADDING
            else each
            for each in migrations.all
        ),
    )
