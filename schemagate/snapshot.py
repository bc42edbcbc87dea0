"""The snapshot, `schema.sql`: the schema expected, in a form that people review and both command-line clients load."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
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
SHAPES = {
    "server": r"(mysql|mariadb) \d+(\.\d+)+",
    "migrations": "sha256 [0-9a-f]{64}",
    "body": "sha256 [0-9a-f]{64}",
    "collation": "[0-9a-z_]+",
}
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
    if header:
        _check_header(text.removeprefix("\ufeff").replace("\r\n", "\n"), file)
    reader = _Reader(file, charsets, header.collation if header else "")
    found = tuple(statements([text], file))
    for statement in found:
        reader.take(statement)
    triggers = in_order(each for each in reader.objects if each.kind == "trigger")
    objects = [*(each for each in reader.objects if each.kind != "trigger"), *triggers]
    schema = Schema({(each.kind, each.name): each for each in objects}, frozenset(), reader.collation)
    return Snapshot(header, schema, found, header is not None and header.body_sha256 == _digest(body))


def write(path: str, text: str) -> None:
    """Put a snapshot into the place of the old one, whole: whoever reads meanwhile sees the one or the other.

    Raises OSError; then the old one is as it was.
    """
    path = os.path.realpath(path)
    new = f"{path}.{os.getpid()}.new"
    try:
        with open(new, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        with suppress(OSError):
            os.remove(new)
        raise


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
        if each and not text:
            raise MigrationInvalid(
                f"A snapshot cannot hold view {each.name}, of which the migrations make one that {each.parts[0].text}. "
                "Write a migration that makes it anew, or drops it."
            )
        yield f"\n{for_clients(each.kind if each else '', text)}\n"
    yield "\nSET SESSION foreign_key_checks = 1;\n"


def for_clients(kind: str, text: str) -> str:
    """A statement that makes an object of this kind, as the command-line clients take it."""
    if kind not in BODIES:
        return f"{text};"
    mark = next(mark for mark in chain((";;", "$$"), map("${}$".format, count())) if mark not in text)
    return f"DELIMITER {mark}\n{text}{_line_end(text)}{mark}\nDELIMITER ;"


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


def _check_header(text: str, file: str) -> None:
    for line, said in enumerate(text.split("\n", len(NAMES) + 2)[:-1], start=1):
        found = re.match(r"-- (\w+): *(.*?)\s*\Z", said)
        if found and found[1] in NAMES and not re.fullmatch(SHAPES[found[1]], found[2]):
            raise MigrationInvalid(
                f"{file}:{line}: {said!r} is not what `schemagate snapshot` writes there; run it to write it anew.",
                file=file,
                line=line,
            )


def _reaches_out(noun: str, words: list[str]) -> bool:
    """Would this CREATE make or read something outside the schema that it is loaded into? No server writes it so.

    `words` begin with the name of what it makes.
    """
    if words[1] == "." or (noun == "trigger" and words[words.index("ON") + 2] == "."):
        return True
    if noun == "function":
        return "SONAME" in words
    return noun == "table" and ("SELECT" in words or "TABLE" in words or "LIKE" in words[:3])


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
        verb, _, noun = statement.kind.partition(" ")
        if verb == "create" and noun in KINDS:
            try:
                self.objects.append(self._made(noun, statement))
            except (ValueError, LookupError, StopIteration) as error:
                raise self._strange(statement) from error
        elif verb == "alter" and words[2][1] == "COLLATE":
            self._session["database collation"] = words[3][1].lower()
        elif verb == "set":
            self._set([(kind, word) for kind, word, _ in words])
        else:
            raise self._strange(statement)

    def _made(self, noun: str, statement: Statement) -> SchemaObject:
        words = [*significant(statement.text), ("", "", 0)]
        at = next(at for at, (_, word, _) in enumerate(words) if word == noun.upper() and words[at - 1][1] != "=") + 1
        at += 3 * (words[at][1] == "IF")  # NOT EXISTS
        _, name, start = words[at]
        if _reaches_out(noun, [word for _, word, _ in words[at:]]):
            raise ValueError(name)
        name = unquote(statement.text[start : start + len(name)])
        return made(noun, name, statement.text, self._session, self._charsets, self.collation)

    def _strange(self, statement: Statement) -> MigrationInvalid:
        return MigrationInvalid(
            f"{self._file}:{statement.line}: a snapshot makes objects and nothing else; "
            "run `schemagate snapshot` to write it anew.",
            file=self._file,
            line=statement.line,
        )

    def _set(self, words: list[tuple[str, str]]) -> None:
        for (_, name), (_, equals), (kind, value) in zip(words, words[1:], words[2:], strict=False):
            if equals == "=":
                self._session[name.lower()] = unquote(value) if kind == "string" else value.lower()
