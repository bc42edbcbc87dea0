"""What a statement can change, object by object, and a hash of each: they tell whether it happened. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from schemagate.lexer import significant, unquote
from schemagate.listing import OURS
from schemagate.loading import elsewhere

if TYPE_CHECKING:
    from schemagate.clauses import Part
    from schemagate.names import Name
    from schemagate.schema import Schema, SchemaObject

# They share their names with tables; an index is a part of one.
SPACES = {"view": "table", "sequence": "table", "index": "table"}
# No server tells their names apart by upper and lower case.
FOLDED = frozenset({"trigger", "procedure", "function", "event"})


def key_of(kind: str, name: str, folds: bool) -> str:
    """An object as a trace names it: "table users", also for a view or a sequence, "trigger fill".

    `folds`: are the names of tables the same in upper and lower case on this server?
    """
    space = SPACES.get(kind, kind)
    return f"{space} {name.lower() if folds or space in FOLDED else name}"


def hash_of(each: SchemaObject, *, whole: bool = True) -> str:
    """16 hex digits that are equal for two objects of one server that `compare` finds equal, under whatever name.

    Not `whole`: without foreign keys to other schemas, which the shadow does not have.
    """
    parts = [part for part in each.parts if whole or part.kind != "key" or not elsewhere(part.text)]
    columns = [_packed(part) for part in parts if part.kind == "column"]
    others = sorted(_packed(part) for part in parts if part.kind != "column")
    text = "\0".join([each.kind, *columns, "", *others])
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:16]


def _packed(part: Part) -> str:
    return f"{part.kind}\1{part.name}\1{part.text}"


class Known:
    """The objects of one schema as they were last seen."""

    def __init__(self, schema: Schema, *, folds: bool) -> None:
        self.folds = folds
        self._objects: dict[str, SchemaObject] = {}
        self._hashes: dict[tuple[str, bool], str] = {}
        self._mentioned: dict[str, set[str]] = {}  # by name, in small letters: the keys of those that depend on it
        for each in schema.objects.values():
            self.put(key_of(each.kind, each.name, folds), each)

    @property
    def keys(self) -> frozenset[str]:
        """The keys of all objects."""
        return frozenset(self._objects)

    def put(self, key: str, found: SchemaObject | None) -> None:
        """How it was seen now; None if it was not there."""
        old = self._objects.pop(key, None)
        for name in _mentions(old) if old else ():
            self._mentioned[name].discard(key)
        for whole in (False, True):
            self._hashes.pop((key, whole), None)
        if found is None:
            return
        self._objects[key] = found
        for name in _mentions(found):
            self._mentioned.setdefault(name, set()).add(key)

    def hash(self, key: str, *, whole: bool = True) -> str | None:
        """The hash of this object; None if it is not there."""
        found = self._objects.get(key)
        if found is None:
            return None
        if (key, whole) not in self._hashes:
            self._hashes[key, whole] = hash_of(found, whole=whole)
        return self._hashes[key, whole]

    def hashes(self, keys: Iterable[str], *, whole: bool = True) -> dict[str, str | None]:
        """The hashes of these objects."""
        return {key: self.hash(key, whole=whole) for key in sorted(keys)}

    def rest(self, keys: Iterable[str]) -> str:
        """One hash of all but these objects."""
        others = sorted(self._objects.keys() - set(keys))
        return hashlib.sha256("\0".join(f"{key} {self.hash(key)}" for key in others).encode()).hexdigest()[:16]

    def reach(self, names: Sequence[Name], kind: str, database: str) -> frozenset[str]:
        """The keys of what a statement of this kind, which names these objects, can change in the schema `database`.

        These are the objects that it makes, changes or takes away, and what the server writes otherwise when they
        change: the tables with foreign keys to them, the triggers on them, and the views on them, by way of others too.
        """
        verb, _, noun = kind.partition(" ")
        targets = names[:1] if verb == "create" and noun != "index" else names
        own = [each.name for each in targets if each.schema is None or each.schema.lower() == database.lower()]
        own = [name for name in own if not name.startswith(OURS)]
        keys = {key_of(noun, name, self.folds) for name in own}
        if not keys:
            return frozenset()
        if noun == "trigger":  # its place among those of the same table
            found = [self._objects[key] for key in keys if key in self._objects]
            tables = {each.attribute("table") or "" for each in found} | {each.name for each in names[1:2]}
            siblings = (self._mentioned.get(table.lower(), set()) for table in tables)
            return frozenset(keys.union(*({key for key in some if key.startswith("trigger ")} for some in siblings)))
        return frozenset(keys | self._dependents(own))

    def with_triggers(self, names: Sequence[Name], kind: str, database: str) -> frozenset[str]:
        """The keys of what a DROP of this kind takes away."""
        noun = kind.partition(" ")[2]
        own = [each.name for each in names if each.schema is None or each.schema.lower() == database.lower()]
        found = {key_of(noun, name, self.folds) for name in own}
        for name in own if noun == "table" else ():
            found |= {key for key in self._mentioned.get(name.lower(), set()) if key.startswith("trigger ")}
        return frozenset(found)

    def swaps(self, names: Sequence[str]) -> bool:
        """Does a RENAME of these tables, in pairs of old and new name, leave every name with an equal table?"""
        keys = [key_of("table", name, self.folds) for name in names]
        before = self.hashes(keys)
        after = dict(before)
        for old, new in zip(keys[::2], keys[1::2], strict=False):
            after[new], after[old] = after[old], None
        return after == before

    def _dependents(self, names: Iterable[str]) -> set[str]:
        found: set[str] = set()
        waiting = [name.lower() for name in names]
        while waiting:
            new = self._mentioned.get(waiting.pop(), set()) - found
            found |= new
            waiting += [self._objects[key].name.lower() for key in new if self._objects[key].kind == "view"]
        return found


def _mentions(each: SchemaObject) -> set[str]:
    """The names, in small letters, on which its text depends; rather one too many than one too few."""
    if each.kind == "trigger":
        return {(each.attribute("table") or "").lower()}
    if each.kind == "view":
        return set(_quoted(each.create))
    if each.kind == "table" and "FOREIGN KEY" in each.create:  # few have one, and taking a table apart takes its time
        return {name for part in each.parts if part.kind == "key" for name in _quoted(part.text)}
    return set()


def _quoted(text: str) -> Iterator[str]:
    return (unquote(word).lower() for kind, word, _ in significant(text) if kind == "quoted")
