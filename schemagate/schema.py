"""The schema as objects and clauses: reading it, comparing two, loading one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from schemagate.listing import GONE, KINDS, NOT_ALLOWED, SESSION, Listed, listing, named, parse_listing, shown, text
from schemagate.refusals import DENIED, IN_THE_WAY, LOST, NO_ROOM, ServerError

if TYPE_CHECKING:
    from schemagate.clauses import Part
    from schemagate.database import Result
    from schemagate.listing import Session

CHARSETS = "SELECT CHARACTER_SET_NAME, DEFAULT_COLLATE_NAME FROM information_schema.CHARACTER_SETS"
# How a clause is called where a person reads of it.
SAID = {"key": "foreign key", "attribute": ""}
PLACE = "position"  # attribute of a trigger: compared as an order, not as a number
DEFAULT = "default collation"  # attribute of a program: that of the schema when it was made, where it is another now
ORDER = ("column", "index", "key", "check", "option", "partition", "attribute", "body")


@dataclass(frozen=True, slots=True)
class SchemaObject:
    """One object of a schema. `kind` is "table", "view", "trigger", "procedure", "function", "event" or "sequence".

    `create` can be run in any schema of the same server: it is the server's text without AUTO_INCREMENT=n, definer and
    the schema's name. `parts` are its clauses in normal form: columns in order, the others in the order of the text.
    """

    kind: str
    name: str
    create: str
    parts: Sequence[Part]

    def attribute(self, name: str) -> str | None:
        """The text of an attribute, such as the "table" of a trigger; None if it has none of that name."""
        return next((part.text for part in self.parts if part.kind == "attribute" and part.name == name), None)


@dataclass(frozen=True, slots=True)
class Schema:
    """All objects of a schema that this account can see, by kind and name.

    `unseen` are the kinds of which some may be hidden, in name or text. `collation` is the default of the schema, which
    a migration gets that does not name its own: it is the operator's choice, no migration's, and is not compared.
    """

    objects: Mapping[tuple[str, str], SchemaObject] = field(default_factory=dict)
    unseen: frozenset[str] = frozenset()
    collation: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One deviation of what is found from what is expected.

    `part` is the clause in words for a person ("column title", "foreign key fk_x"), or "" for the object as a whole.
    `expected` is None for what should not be there, `found` for what is missing.
    """

    kind: str
    name: str
    part: str
    expected: str | None
    found: str | None


# --- reading ------------------------------------------------------------------------------------------------------


def read(session: Session, flavour: str, charsets: Mapping[str, str] | None = None) -> Schema:
    """The default schema of a session that is as `session_for_reading` says, in two packets, or three.

    `charsets` gives the default collation of each character set, and is asked for where it is not given. Raises what
    the server answers where that is not the lack of a right.
    """
    questions = (*listing(), *(() if charsets else (CHARSETS,)))
    answers = [_given(answer) for answer in session.packet(questions)]
    listed = parse_listing(answers[: len(listing())])
    charsets = charsets or parse_charsets(answers[-1])
    return assemble(listed, shown(session, flavour, listed), charsets, flavour)


def parse_charsets(result: Result) -> dict[str, str]:
    """The answer to `CHARSETS`: character set -> its default collation."""
    from schemagate.flat import today

    return {today(text(charset)): today(text(collation)) for charset, collation in result.rows}


def assemble(
    listed: Listed, results: Sequence[Result | Exception], charsets: Mapping[str, str], flavour: str
) -> Schema:
    """The schema, from what `shown` answers. Raises an answer that is an error other than the lack of a right."""
    unseen = set(listed.unseen)
    objects: list[SchemaObject] = []
    triggers: dict[str, str] = {}
    for (kind, name), result in zip(named(listed), results, strict=True):
        if isinstance(result, Exception):
            errno = getattr(result, "errno", 0)
            if kind == "view" and is_unprintable(result):
                objects.append(unprintable(name, result))
                continue
            if errno not in NOT_ALLOWED | GONE:
                raise result
            unseen |= {kind} - ({kind} if errno in GONE else set())
        if isinstance(result, Exception) or kind == SESSION:
            continue
        facts = {column.lower(): value for column, value in zip(result.columns, result.rows[0], strict=True)}
        if kind == "trigger":
            triggers[name] = text(facts["sql original statement"])
            continue
        create = next(value for column, value in facts.items() if column.startswith("create "))
        if create is None:  # a routine of another account
            unseen.add(kind)
            continue
        session = {name: text(value) for name, value in facts.items()}
        objects.append(
            made(kind, name, _loadable(kind, name, text(create), listed), session, charsets, listed.collation)
        )
    try:
        objects += in_order(_triggers(listed, triggers, charsets))
    except ValueError:  # a header that only its own sql_mode can read
        unseen.add("trigger")
    return Schema({(each.kind, each.name): each for each in objects}, frozenset(unseen), listed.collation)


def is_unprintable(error: Exception) -> bool:
    """Does the server say of a view that it can no longer make sense of it? It prints one that lacks a table, and not
    one whose columns cannot be compared any more, or that asks for an index which is not there.
    """
    errno = getattr(error, "errno", 0)
    return isinstance(error, ServerError) and errno not in NOT_ALLOWED | GONE | LOST | IN_THE_WAY | NO_ROOM | DENIED


def unprintable(name: str, error: Exception) -> SchemaObject:
    """Such a view: it has no text, and what the server says in the place of its body."""
    from schemagate.clauses import Part

    return SchemaObject("view", name, "", (Part("body", "", f"cannot be shown: {error}"),))


def made(
    kind: str, name: str, create: str, session: Mapping[str, str], charsets: Mapping[str, str], collation: str
) -> SchemaObject:
    """An object from its loadable text and the session that it was made in, in a schema with this default collation."""
    from schemagate import clauses, programs

    if kind == "table":
        return SchemaObject(kind, name, create, clauses.TableParts(create, charsets))
    parts = programs.parts_of(kind, create) + programs.session_parts(kind, create, session)
    default = session.get("database collation", collation)
    if default != collation and kind != "view":
        # Its variables and parameters have the default collation of the schema at the time when it was made.
        parts += (clauses.Part("attribute", DEFAULT, default),)
    return SchemaObject(kind, name, create, parts)


def _loadable(kind: str, name: str, create: str, listed: Listed) -> str:
    from schemagate import loadable, programs

    if kind == "table":
        return loadable.loadable_table(create, listed.database)
    if kind == "view":
        return programs.loadable_view(create, listed.database)
    if kind == "event":
        return programs.loadable_event(name, create, replicated=dict(listed.events)[name])
    return create if kind == "sequence" else programs.without_definer(create)


def _triggers(listed: Listed, texts: Mapping[str, str], charsets: Mapping[str, str]) -> Iterator[SchemaObject]:
    from schemagate import programs

    for name, timing, event, table, _, *session in listed.triggers:
        if name not in texts:  # it is gone, or may not be read
            continue
        create = programs.loadable_trigger(name, timing, event, table, programs.trigger_body(texts[name]))
        facts = dict(zip(("sql_mode", *programs.OF_TEXT, "database collation"), session, strict=True))
        yield made("trigger", name, create, facts, charsets, listed.collation)


def in_order(triggers: Iterable[SchemaObject]) -> Iterator[SchemaObject]:
    """Triggers that are given in the order in which they act, each with its place in that order."""
    from schemagate.clauses import Part

    places: dict[tuple[str | None, str | None], int] = {}
    for each in triggers:
        event = each.attribute("table"), each.attribute("event")
        places[event] = places.get(event, 0) + 1
        yield replace(each, parts=(*each.parts, Part("attribute", PLACE, str(places[event]))))


def _given(answer: Result | Exception) -> Result:
    if isinstance(answer, Exception):
        raise answer
    return answer


# --- comparing ----------------------------------------------------------------------------------------------------


def compare(expected: Schema, found: Schema) -> tuple[Difference, ...]:
    """Every deviation, in the order of kinds and names; none means that the two are equal.

    The order of columns counts, and that of triggers of one event on one table; that of anything else does not. A kind
    that is unseen in either is not compared. Whether an event is enabled is not, where a replica does not know it.
    """
    unseen = expected.unseen | found.unseen
    differences: list[Difference] = []
    for key in sorted({*expected.objects, *found.objects}, key=_place):
        ours, theirs = expected.objects.get(key), found.objects.get(key)
        if key[0] in unseen:
            continue
        if ours is None or theirs is None:
            differences.append(Difference(*key, "", ours.create if ours else None, theirs.create if theirs else None))
        elif ours.parts != theirs.parts:
            differences += _clauses_differ(*_of_one_default(ours, theirs, expected.collation, found.collation))
    if "trigger" not in unseen:
        differences += _order_differs(expected, found)
    return tuple(differences)


def _of_one_default(
    ours: SchemaObject, theirs: SchemaObject, expected: str, found: str
) -> tuple[SchemaObject, SchemaObject]:
    """Two programs, without the default collation under which they were made where that is the same: it is in their
    clauses where the schema has another one by now, and that is the operator's choice.
    """
    if ours.kind == "table" or (ours.attribute(DEFAULT) or expected) != (theirs.attribute(DEFAULT) or found):
        return ours, theirs
    one, two = (
        replace(each, parts=tuple(part for part in each.parts if (part.kind, part.name) != ("attribute", DEFAULT)))
        for each in (ours, theirs)
    )
    return one, two


def part_of(whole: Schema, keys: Set[tuple[str, str]]) -> Schema:
    """The objects of a schema that have these keys."""
    return replace(whole, objects={key: each for key, each in whole.objects.items() if key in keys})


def _place(key: tuple[str, str]) -> tuple[int, str]:
    return (KINDS.index(key[0]), key[1])


def _clauses_differ(expected: SchemaObject, found: SchemaObject) -> Iterator[Difference]:
    ours, theirs = _texts(expected), _texts(found)
    for key in sorted(dict.fromkeys([*ours, *theirs]), key=lambda key: ORDER.index(key[0])):
        if key == ("attribute", PLACE) or (key == ("attribute", "status") and not (key in ours and key in theirs)):
            continue  # of a trigger, and of an event
        left, right = _without(ours.get(key, ()), theirs.get(key, ())), _without(theirs.get(key, ()), ours.get(key, ()))
        for at in range(max(len(left), len(right))):
            texts = (left[at] if at < len(left) else None, right[at] if at < len(right) else None)
            yield Difference(expected.kind, expected.name, said(*key), *texts)
    columns = [[name for kind, name in texts if kind == "column"] for texts in (ours, theirs)]
    common = [[name for name in names if ("column", name) in ours and ("column", name) in theirs] for names in columns]
    if common[0] != common[1]:
        yield Difference(expected.kind, expected.name, "order of columns", ", ".join(common[0]), ", ".join(common[1]))


def _texts(each: SchemaObject) -> dict[tuple[str, str], tuple[str, ...]]:
    texts: dict[tuple[str, str], tuple[str, ...]] = {}
    for part in each.parts:
        texts[part.kind, part.name] = (*texts.get((part.kind, part.name), ()), part.text)
    return texts


def _without(texts: Sequence[str], others: Iterable[str]) -> list[str]:
    left = list(texts)
    for other in others:
        if other in left:
            left.remove(other)
    return left


def said(kind: str, name: str) -> str:
    """The name of a clause for a person: "column title", "foreign key fk_x", "primary key"."""
    if (kind, name) == ("index", "PRIMARY"):
        return "primary key"
    if (kind, name) == ("partition", ""):
        return "partitioning"
    return f"{SAID.get(kind, kind)} {name}".strip()


def _order_differs(expected: Schema, found: Schema) -> Iterator[Difference]:
    ours, theirs = _actions(expected), _actions(found)
    for table, event in sorted({*ours} & {*theirs}):
        here, there = ours[table, event], theirs[table, event]
        common = [name for name in here if name in there], [name for name in there if name in here]
        if common[0] != common[1]:
            yield Difference("table", table, f"order of triggers {event}", ", ".join(common[0]), ", ".join(common[1]))


def _actions(schema: Schema) -> dict[tuple[str, str], list[str]]:
    """The triggers of each table and event, in the order in which they act."""
    actions: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for (kind, name), each in schema.objects.items():
        if kind == "trigger":
            event = each.attribute("table") or "", each.attribute("event") or ""
            actions.setdefault(event, []).append((int(each.attribute(PLACE) or 0), name))
    return {event: [name for _, name in sorted(triggers)] for event, triggers in actions.items()}


# --- what MySQL and MariaDB write alike ---------------------------------------------------------------------------


def outline(schema: Schema) -> Schema:
    """A reduction that two flavours can be compared by without a shadow, and no more than that: tables with the names
    of their columns in order, indexes with columns and uniqueness, foreign keys with their rules; the names of views,
    triggers, routines and events.
    """
    from schemagate.outlines import outlined

    return replace(
        schema,
        objects={
            key: replace(each, parts=tuple(outlined(each.parts)) if key[0] == "table" else ())
            for key, each in schema.objects.items()
            if key[0] != "sequence"
        },
    )
