"""What a default decided when an object was made, and would decide otherwise today: the collation of what names none.

It is the schema's default for a table, the character set's where that alone is named, and that of the session for views
and programs. Another server, a newer release, or ALTER DATABASE has another one; what is there keeps the one it got.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from schemagate.clauses import Part
from schemagate.flat import flat, joined, without_space
from schemagate.schema import DEFAULT
from schemagate.widening import explicit

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from schemagate.schema import Schema, SchemaObject

# As MySQL writes what a function returns, where that is text.
RETURNS = re.compile(r"([^']*? RETURNS [^'\n]*? CHARSET \w+)(?: COLLATE (\w+))?", re.IGNORECASE)
OF_SESSION = "collation_connection"
# These keep nothing of the schema's default collation: a table says its own.
SCHEMALESS = frozenset({"table", "view", "sequence"})


def as_made(now: Schema, then: Schema, found: Schema, *, alike: bool = False) -> Schema:
    """What should be there: what is made `now`, but each clause that was found as it was made `then` may stay so.

    The two are what the same migrations build, where they were recorded and here: they differ in what a default says.
    `alike`: they are not, and only what differs in its collation alone may stay.
    """
    objects = dict(now.objects)
    for key, each in now.objects.items():
        old, here = then.objects.get(key), found.objects.get(key)
        if old is not None and here is not None and each.parts != here.parts:
            objects[key] = _unsaid(_as_made(_said(each, now), _said(old, then), _said(here, found), alike=alike), found)
    return replace(now, objects=objects)


def _as_made(now: SchemaObject, then: SchemaObject, found: SchemaObject, *, alike: bool) -> SchemaObject:
    here, own = _known(found), _own(found)
    sides = [(_known(side), _own(side)) for side in (then, now)]
    parts = []
    for part in now.parts:
        key = part.kind, part.name
        said = _explicit(here[key], own) if key in here else None
        same = any(key in known and said == _explicit(known[key], collation) for known, collation in sides)
        if same and alike and part.kind != "attribute":
            same = _apart(said or "")[0] == _apart(_explicit(part, _own(now)))[0]
        parts.append(here[key] if same else part)
    return replace(now, parts=tuple(parts))


def by_default(found: Schema, then: Schema, defaults: Collection[str]) -> Schema:
    """What was found, with each clause as it was made `then` that differs from that in its collation alone, where this
    is one of these defaults: as far as can be told without making anything.
    """
    objects = dict(found.objects)
    for key, each in found.objects.items():
        old = then.objects.get(key)
        if old is not None and old.parts != each.parts:
            known, owns = _known(_said(old, then)), (_own(each), _own(old))
            parts = (
                _by_default(part, owns[0], known.get((part.kind, part.name)), owns[1], defaults)
                for part in _said(each, found).parts
            )
            objects[key] = _unsaid(replace(each, parts=tuple(parts)), then)
    return replace(found, objects=objects)


def _by_default(part: Part, own: str, then: Part | None, own_then: str, defaults: Collection[str]) -> Part:
    if then is None or then.text == part.text:
        return part
    if part.kind == "attribute" and part.name in (OF_SESSION, DEFAULT):
        return then if part.text in defaults else part
    said, said_then = _explicit(part, own), _explicit(then, own_then)
    bare, collation = _apart(said)
    same = said == said_then or (bare == _apart(said_then)[0] and collation in ("", *defaults))
    return then if same else part


def _said(each: SchemaObject, schema: Schema) -> SchemaObject:
    """A trigger, routine or event says here in any case which default collation its schema had when it was made."""
    if each.kind in SCHEMALESS or each.attribute(DEFAULT) is not None:
        return each
    return replace(each, parts=(*each.parts, Part("attribute", DEFAULT, schema.collation)))


def _unsaid(each: SchemaObject, schema: Schema) -> SchemaObject:
    """And this is how it is where that is the one of this schema."""
    if each.kind in SCHEMALESS:
        return each
    ours = Part("attribute", DEFAULT, schema.collation)
    return replace(each, parts=tuple(part for part in each.parts if part != ours))


def _known(each: SchemaObject) -> Mapping[tuple[str, str], Part]:
    return {(part.kind, part.name): part for part in each.parts}


def _own(each: SchemaObject) -> str:
    """The collation of a table."""
    return next((_apart(part.text)[1] for part in each.parts if (part.kind, part.name) == ("option", "COLLATE")), "")


def _explicit(part: Part, own: str) -> str:
    return explicit(part.text, own) if part.kind == "column" and own else part.text


def _apart(text: str) -> tuple[str, str]:
    """A clause of a table, or what a function returns and does, without its collation; and that."""
    if returned := RETURNS.match(text):
        return returned[1] + text[returned.end() :], returned[2] or ""
    found, depth = flat(text), 0
    for at, (kind, lexeme) in enumerate(found):
        depth += (lexeme == "(") - (lexeme == ")") if kind == "punctuation" else 0
        if kind == "word" and lexeme.upper() == "COLLATE" and depth == 0:
            behind = without_space(found[at + 1 :])
            value = next((word for kind, word in behind if word != "="), "")
            last = next(place for place in range(at + 1, len(found)) if found[place][1] == value)
            return joined([*found[:at], *found[last + 1 :]]).replace("  ", " "), value
    return text, ""
