"""The migration files of a directory, by name and digest: all that a start with nothing to do needs of them."""

from __future__ import annotations

import hashlib
import os
import stat

from schemagate.errors import MigrationInvalid
from schemagate.values import Value

TYPE_CHECKING = False  # as in values.py
if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemagate.sources import Variables

SNAPSHOT = "schema.sql"
LONGEST_NAME = 250  # characters; the journal's column takes 255


class Files(Value):
    """A directory's files and the digest of their bytes; nothing is parsed yet."""

    directory: str
    paths: tuple[str, ...]
    snapshot: str | None
    digest: bytes
    variables: Variables = ()


def is_repeatable(name: str) -> bool:
    """Is a migration of this name run again whenever it has changed, after all that are run once?"""
    return name.startswith("R_")


def in_order(names: Iterable[str]) -> list[str]:
    """The names of migrations in the order in which they are run: by code points, the repeatable ones last."""
    return sorted(names, key=lambda name: (is_repeatable(name), name))


def find(directory: str, variables: Variables = (), missing: Iterable[str] = ()) -> Files:
    """The migration files of a directory, in order, with the values that they may ask for, which are in the digest; and
    so are the names of those that may be `missing`, so that nothing is proven without them for who does not allow it.

    Raises MigrationInvalid for an impossible name, or no file.
    """
    try:
        names = sorted(os.listdir(directory))
    except OSError as error:
        raise MigrationInvalid(
            f"The migrations in {directory} {unreadable(error, directory)}", file=directory
        ) from error
    found = [name for name in names if _is_migration(directory, name)]
    if not found:
        raise MigrationInvalid(
            f"There is no migration in {directory}; mount or copy the files there, or set SCHEMAGATE_MIGRATIONS.",
            file=directory,
        )
    paths = [os.path.join(directory, name) for name in in_order(found)]
    snapshot = os.path.join(directory, SNAPSHOT) if SNAPSHOT in names else None
    digest = _digest([*paths, snapshot] if snapshot else paths, variables, missing)
    return Files(directory, tuple(paths), snapshot, digest, variables)


def _is_migration(directory: str, name: str) -> bool:
    if name == SNAPSHOT or not name.lower().endswith(".sql"):
        return False
    problem = None
    if name == ".sql":
        problem = "the file has no name before .sql; name it"
    elif name.startswith("."):
        return False  # what editors and file systems leave behind
    elif not name.endswith(".sql"):
        problem = "rename it to end in .sql, in lower case"
    elif len(name) - len(".sql") > LONGEST_NAME:
        problem = f"the name is longer than {LONGEST_NAME} characters; shorten it"
    elif not name.isprintable():
        problem = "the name has characters that cannot be printed; rename it"
    elif name.endswith(".down.sql") or _is_undo(name):
        problem = "it takes back what another file does, and would be run as a migration here; leave it out"
    elif not _is_file(directory, name):
        problem = "it is not a file; a migration is one SQL file"
    if problem:
        raise MigrationInvalid(f"{name}: {problem}.", file=name)
    return True


def _is_undo(name: str) -> bool:
    """Is it a file by which Flyway takes a migration back: U1_2__name.sql?"""
    version, both, _ = name[1:].partition("__")
    return name.startswith("U") and bool(both) and version[:1].isdigit() and not version.strip("0123456789._")


def _digest(paths: list[str], variables: Variables, missing: Iterable[str]) -> bytes:
    total = hashlib.sha256()
    for path in paths:
        name = os.path.basename(path)
        try:
            with open(path, "rb") as file:
                total.update(name.encode() + b"\0" + hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise MigrationInvalid(f"{name} {unreadable(error, os.path.dirname(path))}", file=name) from error
    for short, value in variables:
        total.update(short.encode() + b"\0" + hashlib.sha256(value.reveal().encode()).digest())
    for name in sorted(missing):
        total.update(name.encode() + b"\0\0")
    return total.digest()


def _is_file(directory: str, name: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(os.path.join(directory, name)).st_mode)
    except PermissionError as error:
        raise MigrationInvalid(f"{name} {unreadable(error, directory)}", file=name) from error
    except OSError:
        return False


def unreadable(error: OSError, directory: str) -> str:
    """The end of a sentence that begins with what cannot be read; for whom it has to be readable, if that is all."""
    if not isinstance(error, PermissionError):
        return f"cannot be read: {error.strerror}."
    return (
        f"cannot be read by user {os.geteuid()}, as whom we run: {error.strerror}. Let everybody read it, with "
        f"chmod -R a+rX {directory}, and start again."
    )
