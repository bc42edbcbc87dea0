"""Schemas of objects that are given by their clauses."""

from __future__ import annotations

from collections.abc import Iterable

from schemagate.schema import Schema, SchemaObject, in_order, made

CHARSETS = {"utf8mb4": "utf8mb4_0900_ai_ci", "latin1": "latin1_swedish_ci"}
SESSION = {
    "sql_mode": "STRICT_TRANS_TABLES",
    "character_set_client": "utf8mb4",
    "collation_connection": "utf8mb4_bin",
    "time_zone": "SYSTEM",
}


def thing(kind: str, name: str, create: str, **session: str) -> SchemaObject:
    """One object, made in the usual session."""
    return made(kind, name, create, {**SESSION, **session}, CHARSETS, "utf8mb4_bin")


def table(name: str, *clauses: str, tail: str = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4") -> SchemaObject:
    """A table of these clauses."""
    return thing("table", name, f"CREATE TABLE `{name}` (\n  " + ",\n  ".join(clauses) + f"\n) {tail}")


def view(name: str, body: str) -> SchemaObject:
    """A view of this SELECT."""
    return thing("view", name, f"CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `{name}` AS {body}")


def trigger(name: str, on: str = "t", event: str = "BEFORE INSERT", body: str = "SET @a = 1") -> SchemaObject:
    """A trigger."""
    return thing("trigger", name, f"CREATE TRIGGER `{name}` {event} ON `{on}` FOR EACH ROW {body}")


def schema(*objects: SchemaObject, unseen: Iterable[str] = ()) -> Schema:
    """A schema of these objects, its triggers in this order."""
    triggers = in_order(each for each in objects if each.kind == "trigger")
    rest = [each for each in objects if each.kind != "trigger"]
    return Schema({(each.kind, each.name): each for each in [*rest, *triggers]}, frozenset(unseen), "utf8mb4_bin")
