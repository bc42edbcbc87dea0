"""The order in which the triggers of one event of one table act, where some that are missing are put back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from schemagate.schema import PLACE

if TYPE_CHECKING:
    from schemagate.schema import Schema, SchemaObject

Objects = Mapping[tuple[str, str], "SchemaObject"]


def put_back(there: Schema, made: Objects, known: Schema) -> Schema:
    """A schema with what is `made` in it besides. A trigger acts behind the one, of those there, behind which it acts
    in the schema that is `known`; else in front of the one before which it does.
    """
    objects = {**there.objects, **made}
    for event in {_event(each) for each in made.values() if each.kind == "trigger"}:
        acting, order = _in_order(there.objects, event), _in_order(known.objects, event)
        for at, name in enumerate(order):
            if ("trigger", name) in made and name not in acting:
                before = [each for each in order[:at] if each in acting]
                behind = [each for each in order[at:] if each in acting]
                place = acting.index(before[-1]) + 1 if before else acting.index(behind[0]) if behind else len(acting)
                acting.insert(place, name)
        for at, name in enumerate(acting, start=1):
            objects["trigger", name] = _placed(objects["trigger", name], at)
    return replace(there, objects=objects)


def _in_order(objects: Objects, event: tuple[str | None, str | None]) -> list[str]:
    acting = [each for each in objects.values() if each.kind == "trigger" and _event(each) == event]
    return [each.name for each in sorted(acting, key=lambda each: int(each.attribute(PLACE) or 0))]


def _event(each: SchemaObject) -> tuple[str | None, str | None]:
    return each.attribute("table"), each.attribute("event")


def _placed(each: SchemaObject, at: int) -> SchemaObject:
    parts = tuple(replace(part, text=str(at)) if part.name == PLACE else part for part in each.parts)
    return replace(each, parts=parts)
