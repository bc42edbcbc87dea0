"""The snapshot, `schema.sql`: the schema expected, in a form that people review and both command-line clients load."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, count
from typing import TYPE_CHECKING

from schemagate.errors import MigrationInvalid
from schemagate.lexer import significant, unquote
from schemagate.loading import AT_FIRST, script
from schemagate.schema import Schema, SchemaObject, in_order, made
from schemagate.sql import statements

if TYPE_CHECKING:
    from schemagate.sql import Statement

TITLE = "-- The schema that the migrations build, as the server writes it: reviewed like code, compared at every start."
HOW = "-- Written by `schemagate snapshot`, which writes it anew after every change of a migration; not to be edited."
NAMES = ("server", "migrations", "body", "collation")
KINDS = frozenset({"table", "view", "trigger", "procedure", "function", "event", "sequence"})
BODIES = frozenset({"trigger", "procedure", "function", "event"})


@dataclass(frozen=True, slots=True)
class Header:
    """What the head of a snapshot says: the server that wrote it, SHA-256 in hex of the migrations and of the body."""

    flavour: str
    version: str
    migrations_sha256: str
    body_sha256: str
    collation: str = ""

    @property
    def release(self) -> str:
        """Flavour and the first two numbers: servers of one release write the same text for the same object."""
        return f"{self.flavour} {'.'.join(self.version.split('.')[:2])}"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot file. `header` is None for one that was not written by us; `body_matches`: it was not edited since."""

    header: Header | None
    schema: Schema
    statements: tuple[Statement, ...]
    body_matches: bool


def render(schema: Schema, *, flavour: str, version: str, migrations_sha256: str) -> str:
    """The text of the snapshot of a schema that was read on a server of this flavour and version.

    The same schema gives the same text. Raises MigrationInvalid for what no such file can hold.
    """
    body = "".join(_sections(schema))
    values = (f"{flavour} {version}", f"sha256 {migrations_sha256}", f"sha256 {_digest(body)}", schema.collation)
    head = [TITLE, HOW, *(f"-- {name + ':':<12}{value}" for name, value in zip(NAMES, values, strict=True))]
    return "\n".join(head) + "\n" + body


def parse(text: str, file: str, charsets: Mapping[str, str]) -> Snapshot:
    """Read a snapshot; `charsets` gives the default collation of each character set, `file` is for messages.

    Raises MigrationInvalid, with file and line, for a statement that does not belong into one.
    """
    header, body = _parted(text)
    reader = _Reader(file, charsets, header.collation if header else "")
    found = tuple(statements([text], file))
    for statement in found:
        reader.take(statement)
    triggers = in_order(each for each in reader.objects if each.kind == "trigger")
    objects = [*(each for each in reader.objects if each.kind != "trigger"), *triggers]
    schema = Schema({(each.kind, each.name): each for each in objects}, frozenset(), reader.collation)
    return Snapshot(header, schema, found, header is not None and header.body_sha256 == _digest(body))


def header_of(text: str) -> Header | None:
    """The header alone, quickly; None where there is none."""
    return _parted(text)[0]


# --- writing ------------------------------------------------------------------------------------------------------


def _sections(schema: Schema) -> Iterator[str]:
    yield "\nSET NAMES utf8mb4;\n"
    for each, text in script(schema):
        if "NO_BACKSLASH_ESCAPES" in text and each is None:
            raise MigrationInvalid(
                "A snapshot cannot hold a trigger, routine or event made under sql_mode NO_BACKSLASH_ESCAPES: "
                "make it without."
            )
        if each is None:
            yield f"\n{text};\n"
        elif each.kind in BODIES:
            mark = next(mark for mark in chain((";;", "$$"), map("${}$".format, count())) if mark not in text)
            yield f"\nDELIMITER {mark}\n{text}{_line_end(text)}{mark}\nDELIMITER ;\n"
        else:
            yield f"\n{text};\n"
    yield "\nSET SESSION foreign_key_checks = 1;\n"


def _line_end(text: str) -> str:
    """A delimiter behind a line comment would be part of it."""
    return "\n" if re.search(r"(?:--|#)[^\n]*\Z", text) else ""


def _digest(body: str) -> str:
    """SHA-256 of the body; what a checkout does to line ends does not count."""
    return hashlib.sha256(body.replace("\r\n", "\n").encode(errors="surrogateescape")).hexdigest()


# --- reading ------------------------------------------------------------------------------------------------------


def _parted(text: str) -> tuple[Header | None, str]:
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    lines = text.split("\n", len(NAMES) + 2)
    facts = dict(re.findall(r"^-- (\w+): *(\S.*)$", "\n".join(lines[:-1]), re.MULTILINE))
    if not all(name in facts for name in NAMES):
        return None, text
    flavour, _, version = facts["server"].partition(" ")
    migrations, body = (facts[name].removeprefix("sha256 ") for name in ("migrations", "body"))
    return Header(flavour, version, migrations, body, facts["collation"]), lines[-1]


def _reaches_out(noun: str, words: list[str]) -> bool:
    """Would this CREATE make or read something outside the schema that it is loaded into? No server writes it so."""
    at = next(at for at, word in enumerate(words) if word.lower() == noun) + 1
    if words[at + 1] == ".":
        return True
    if noun == "trigger" and words[words.index("ON", at) + 2] == ".":
        return True
    return (noun == "table" and ("SELECT" in words or words[at + 1] == "LIKE")) or (
        noun == "function" and "SONAME" in words
    )


class _Reader:
    """Follows the statements of a snapshot: what the session is, and what is made in it."""

    def __init__(self, file: str, charsets: Mapping[str, str], collation: str) -> None:
        self._file, self._charsets = file, charsets
        self.collation = collation
        self._session = {**AT_FIRST, "database collation": collation}
        self.objects: list[SchemaObject] = []

    def take(self, statement: Statement) -> None:
        """Take note of what a statement makes or sets."""
        words = [*significant(statement.text), ("", "", 0)]
        verb, noun = words[0][1], next((word for _, word, _ in words[:12] if word.lower() in KINDS), "").lower()
        if verb == "CREATE" and noun and not _reaches_out(noun, [word for _, word, _ in words]):
            at = next(at for _, word, at in words if word.lower() == noun) + len(noun)
            name = unquote(next(statement.text[start : start + len(word)] for _, word, start in words if start >= at))
            self.objects.append(made(noun, name, statement.text, self._session, self._charsets, self.collation))
        elif verb == "ALTER" and words[2][1] == "COLLATE":
            self._session["database collation"] = words[3][1].lower()
        elif verb == "SET":
            self._set([(kind, word) for kind, word, _ in words])
        else:
            raise MigrationInvalid(
                f"{self._file}:{statement.line}: a snapshot makes objects and nothing else; "
                "run `schemagate snapshot` to write it anew.",
                file=self._file,
                line=statement.line,
            )

    def _set(self, words: list[tuple[str, str]]) -> None:
        for (_, name), (_, equals), (kind, value) in zip(words, words[1:], words[2:], strict=False):
            if equals == "=":
                self._session[name.lower()] = unquote(value) if kind == "string" else value.lower()
