"""A schema as the statements that make it, in an order that loads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from schemagate.lexer import lexemes, quote, significant, unquote
from schemagate.listing import KINDS
from schemagate.programs import KEPT, asleep

if TYPE_CHECKING:
    from schemagate.schema import Schema, SchemaObject

SQL_MODE = "NO_AUTO_VALUE_ON_ZERO"
# Never DEFAULT: `SET SESSION foreign_key_checks = DEFAULT` is 0 on some servers.
OPENING = f"SET SESSION sql_mode = '{SQL_MODE}', foreign_key_checks = 0"
AT_FIRST = {"sql_mode": SQL_MODE, "character_set_client": "utf8mb4"}


def load_statements(schema: Schema, *, shadow: bool = False) -> tuple[str, ...]:
    """The statements that make every object of `schema` in the default schema of a session that speaks utf8mb4.

    For the shadow (`shadow=True`): events stay asleep, and what would reach out of it or cannot be made is left out;
    see `with_left_out`. The session has another sql_mode, foreign_key_checks and collation afterwards.
    """
    return tuple(text for each, text in script(schema, shadow=shadow))


def with_left_out(copy: Schema, original: Schema, broken: Collection[tuple[str, str]] = ()) -> Schema:
    """What was read back after `original` was loaded into the shadow; and what was left out then, as in `original`: the
    views and triggers that are `broken` among it, or the views that are known by their texts to be.
    """
    objects = dict(copy.objects)
    broken = broken or broken_views(original)
    for key, each in original.objects.items():
        there = objects.get(key)
        if there is None and key in broken:
            objects[key] = each
        elif there is not None and each.kind == "table":
            lost = tuple(part for part in each.parts if part.kind == "key" and elsewhere(part.text))
            objects[key] = replace(there, parts=(*there.parts, *lost)) if lost else there
    return replace(copy, objects=objects)


def script(schema: Schema, *, shadow: bool = False) -> Iterator[tuple[SchemaObject | None, str]]:
    """Each statement with the object that it makes; None for those that only set the session."""
    yield None, OPENING
    session = {**AT_FIRST, "default collation": schema.collation}
    broken = broken_views(schema) if shadow else frozenset()
    for each in in_load_order(schema):
        if (each.kind, each.name) in broken:
            continue
        yield from ((None, text) for text in settings_between(each, session, schema.collation))
        yield each, for_shadow(each) if shadow else each.create
    yield from ((None, text) for text in settings_between(None, session, schema.collation))


def of_no_use(trigger: SchemaObject) -> str:
    """The text of one that does nothing, in the place of this one."""
    event, table = trigger.attribute("event"), trigger.attribute("table") or ""
    return f"CREATE TRIGGER {quote(trigger.name)} {event} ON {quote(table)} FOR EACH ROW DO 0"


def for_shadow(each: SchemaObject) -> str:
    """The text that makes this object in the shadow."""
    if each.kind == "table":
        return without_keys_elsewhere(each.create)
    return asleep(each.create) if each.kind == "event" else each.create


def in_load_order(schema: Schema) -> list[SchemaObject]:
    """What others need comes first; otherwise by kind and name, triggers by table in the order in which they act."""

    def place(each: SchemaObject) -> tuple[int, str, str, int, str]:
        facts = [each.attribute(name) or "" for name in ("table", "event", "position")]
        return KINDS.index(each.kind), facts[0], facts[1], int(facts[2] or 0), each.name

    found = sorted(schema.objects.values(), key=place)
    views = iter(_views_in_order([each for each in found if each.kind == "view"]))
    return [next(views) if each.kind == "view" else each for each in found]


def without_keys_elsewhere(create: str) -> str:
    """A table's text without the foreign keys to other schemas: they would block changes of their parents there."""
    return without_keys(create, elsewhere) if elsewhere(create) else create


def without_keys(create: str, unwanted: Callable[[str], bool] = lambda item: True) -> str:
    """A table's text without its foreign keys, or those of them that are `unwanted`."""
    head, items, tail = in_items(create)
    kept = ",".join(item for item in items if not (is_key(item) and unwanted(item)))
    return f"{head}{kept.rstrip()}\n{tail}"


def in_items(create: str) -> tuple[str, list[str], str]:
    """A table's text up to its parenthesis, what is in it, piece by piece, and the rest from its end on."""
    depth, cuts = 0, []
    for kind, lexeme, start in lexemes(create):
        if kind == "punctuation":
            depth -= lexeme == ")"
            if (depth, lexeme) in ((0, "("), (1, ","), (0, ")")):
                cuts.append(start)
            if (depth, lexeme) == (0, ")"):
                break
            depth += lexeme == "("
    return create[: cuts[0] + 1], [create[begin + 1 : end] for begin, end in pairwise(cuts)], create[cuts[-1] :]


def settings_between(each: SchemaObject | None, session: dict[str, str], collation: str) -> Iterator[str]:
    """The statements that bring a session to the one that an object keeps; `session` is kept up to date."""
    wanted: Mapping[str, str | None] = {**AT_FIRST, "default collation": collation}
    if each is not None:
        kept = {name: each.attribute(name) for name in (*KEPT.get(each.kind, ()), "default collation")}
        wanted = {**wanted, **{name: value for name, value in kept.items() if value is not None}}
    changed = {name: value for name, value in wanted.items() if value is not None and session.get(name) != value}
    session.update(changed)
    default = changed.pop("default collation", None)
    if default is not None:
        yield f"ALTER DATABASE COLLATE {default}"
    if changed:
        yield "SET SESSION " + ", ".join(f"{name} = {_value(name, value)}" for name, value in changed.items())


def _value(name: str, value: str) -> str:
    return value if name in ("character_set_client", "collation_connection") else "'" + value.replace("'", "''") + "'"


def elsewhere(create: str) -> bool:
    """Does a table or key refer to a table of another schema?"""
    words = list(significant(create))
    return any(words[at][1].upper() == "REFERENCES" and words[at + 2][1] == "." for at in range(len(words) - 2))


def is_key(item: str) -> bool:
    words = [word.upper() for _, word, _ in significant(item)]
    return words[:1] == ["CONSTRAINT"] and words[2:4] == ["FOREIGN", "KEY"]


def _views_in_order(views: Iterable[SchemaObject]) -> list[SchemaObject]:
    """Views after those that they name; by name where that goes in a circle, since an alias may be named as a view."""
    waiting = {view.name: view for view in views}
    needs = {name: _quoted(view.create) & waiting.keys() - {name} for name, view in waiting.items()}
    done: list[SchemaObject] = []
    while waiting:
        free = [name for name in waiting if not needs[name] & waiting.keys()] or [min(waiting)]
        done += [waiting.pop(name) for name in free]
    return done


def _quoted(text: str) -> set[str]:
    return {unquote(lexeme) for kind, lexeme, _ in lexemes(text) if kind == "quoted"}


def broken_views(schema: Schema) -> frozenset[tuple[str, str]]:
    """The views on tables and functions that are not there, those that cannot be shown, and the views on these."""
    there = {("function" if kind == "function" else "table", name.lower()) for kind, name in schema.objects}
    views = {key: each.create for key, each in schema.objects.items() if key[0] == "view"}
    broken = {key for key, create in views.items() if not create}
    there -= {("table", name.lower()) for _, name in broken}
    needs = {key: _needs_of(create) for key, create in views.items() if create}
    while more := {key for key, needed in needs.items() if key not in broken and needed - there}:
        broken |= more
        there -= {("table", name.lower()) for _, name in more}
    return frozenset(broken)


def _needs_of(create: str) -> set[tuple[str, str]]:
    """The tables and functions of its own schema that a view needs, in small letters, from text that a server wrote:
    tables follow FROM or JOIN, functions are the quoted names before a parenthesis.
    """
    words = [(kind, word) for kind, word, _ in significant(create)] + [("", "")] * 2
    needed, common, opened = set(), set(), []
    reading = False
    for at in range(words.index(("word", "AS")), len(words) - 2):
        kind, word = words[at]
        following, third = words[at + 1][1], words[at + 2][1]
        if word == "(":
            opened.append(at)
        elif kind == "quoted" and words[at - 1][1] != "." and (following == "(" or (reading and following != ".")):
            needed.add(("function" if following == "(" else "table", unquote(word).lower()))
        reading = word in ("FROM", "JOIN", "STRAIGHT_JOIN") or (reading and word == "(")
        name = at if word != ")" else opened.pop() - 1
        if (following, third) == ("AS", "("):  # WITH name AS (…, or WITH name (columns) AS (…
            common |= {(what, unquote(words[name][1]).lower()) for what in ("table", "function")}
    return needed - common
