"""What other tools say that they have run here. A hint: what they say is compared with the schema like a guess.

The layouts are those that the tools make on MySQL: Flyway, Liquibase, golang-migrate, dbmate, goose, Alembic, Prisma
and knex. Their tables are strangers', and are only read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from schemagate.lexer import quote
from schemagate.listing import text
from schemagate.refusals import ServerError

if TYPE_CHECKING:
    from schemagate.database import Connection

# https://docs.liquibase.com/concepts/changelogs/sql-format.html
CHANGE_SET = re.compile(rb"\s*--\s*changeset\s+\S", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Told:
    """What one tool says: the names or numbers of what it has run, in order. `newest`: it keeps only the last one.

    `broken` is what it began and did not end, or took for failed; then it is no hint. `otherwise` is the same by other
    names, for a tool that has two for each: they count where none of the first is that of a migration here. `sets`: how
    many change sets of a file were run, for one that keeps that.
    """

    tool: str
    table: str
    names: tuple[str, ...]
    newest: bool = False
    broken: str = ""
    otherwise: Told | None = None
    sets: Mapping[str, int] = field(default_factory=dict)

    def here(self, names: Sequence[str]) -> Told:
        """By the names that these migrations have."""
        if self.otherwise is None or any(means(each, name) for each in (*self.names, self.broken) for name in names):
            return self
        return self.otherwise

    def of_whole_files(self, names: Iterable[str], sets: Callable[[str], int]) -> Told:
        """The same, broken off in the first file that has more change sets, as `sets` says of a migration, than were
        run.
        """
        for file, count in () if self.broken else self.sets.items():
            if any(means(file, name) and sets(name) > count for name in names):
                return replace(self, broken=file)
        return self


Rows = Sequence[Sequence[object]]


def _flyway(rows: Rows) -> Told:
    """Each run, also those that failed or were undone. A baseline stands for all up to its version."""
    ran: list[str] = []
    broken = ""
    for version, script, kind, success in _texts(rows):
        if version == "None":  # repeatable: it is run again whenever it changes
            continue
        if kind.startswith(("UNDO", "DELETE")):
            ran = [each for each in ran if not each.startswith(f"V{version}__")]
        elif version and success not in ("0", "None", "\x00"):
            ran.append(script if script.startswith("V") else version)
            broken = "" if broken == script else broken
        elif version:
            broken = script
    return Told("Flyway", "flyway_schema_history", tuple(ran), broken=broken)


def _liquibase(rows: Rows) -> Told:
    """Each change set, by the file that it is in; by its own name, which may be a number within its file, where no file
    is one of ours.
    """
    told = _texts(rows)
    ran = [(name, file) for name, file, how in told if how in ("EXECUTED", "RERAN", "MARK_RAN")]
    failed = next(((name, file) for name, file, how in told if how in ("FAILED", "SKIPPED")), ("", ""))
    by_name, by_file = (
        Told("Liquibase", "DATABASECHANGELOG", tuple(dict.fromkeys(each[at] for each in ran)), broken=failed[at])
        for at in (0, 1)
    )
    return replace(by_file, otherwise=by_name, sets=Counter(file for _, file in ran))


def _golang_migrate(rows: Rows) -> Told:
    """The version that it has come to, and whether it broke off there."""
    if len(rows) > 1:  # no table of its own has more than one
        return Told("golang-migrate", "schema_migrations", ())
    ((version, dirty),) = _texts(rows) or [("", "0")]
    broken = version if dirty not in ("0", "\x00") else ""
    return Told("golang-migrate", "schema_migrations", (version,) if version else (), newest=True, broken=broken)


def _dbmate(rows: Rows) -> Told:
    """The number in front of each file's name."""
    return Told("dbmate", "schema_migrations", tuple(version for (version,) in _texts(rows)))


def _goose(rows: Rows) -> Told:
    """A row for each way up or down; the last of each number counts."""
    state = {each[0]: each[1] for each in _texts(rows)}
    return Told(
        "goose",
        "goose_db_version",
        tuple(name for name, up in state.items() if up not in ("0", "\x00") and name != "0"),
    )


def _alembic(rows: Rows) -> Told:
    """The version that it has come to; where it has several heads, nothing is made of it."""
    names = tuple(name for (name,) in _texts(rows))
    return Told("Alembic", "alembic_version", names if len(names) == 1 else (), newest=True)


def _prisma(rows: Rows) -> Told:
    """The folder of each migration; one without an end was broken off, unless it was taken back."""
    ran = tuple(name for name, finished, back in _texts(rows) if finished != "None" and back == "None")
    broken = next((name for name, finished, back in _texts(rows) if finished == back == "None"), "")
    return Told("Prisma", "_prisma_migrations", ran, broken=broken)


def _knex(rows: Rows) -> Told:
    """The name of each file."""
    return Told("knex", "knex_migrations", tuple(name for (name,) in _texts(rows)))


# By table: the columns by which a tool is known, in the order in which its reader gets them, and how they are sorted.
READERS: tuple[tuple[str, tuple[str, ...], str, Callable[[Rows], Told]], ...] = (
    ("flyway_schema_history", ("version", "script", "type", "success"), "installed_rank", _flyway),
    ("DATABASECHANGELOG", ("ID", "FILENAME", "EXECTYPE"), "ORDEREXECUTED", _liquibase),
    ("schema_migrations", ("version", "dirty"), "version", _golang_migrate),
    ("schema_migrations", ("version",), "version", _dbmate),
    ("goose_db_version", ("version_id", "is_applied"), "id", _goose),
    ("alembic_version", ("version_num",), "version_num", _alembic),
    ("_prisma_migrations", ("migration_name", "finished_at", "rolled_back_at"), "started_at", _prisma),
    ("knex_migrations", ("name",), "id", _knex),
)


def told(connection: Connection, database: str, tables: Collection[str]) -> Iterator[Told]:
    """What each tool says whose table is among these. One that looks otherwise than its tool makes it says nothing."""
    by_name = {name.lower(): name for name in tables}
    read: set[str] = set()
    for table, columns, order, reader in READERS:
        name = by_name.get(table.lower())
        if name is None or name in read:
            continue
        try:
            rows = connection.execute(
                f"SELECT {', '.join(map(quote, columns))} FROM {quote(database)}.{quote(name)} ORDER BY {quote(order)}"
            ).rows
        except ServerError:  # columns that are others: of another tool, or of another version
            continue
        read.add(name)
        yield reader(rows)


def change_sets(path: str) -> int:
    """How many change sets of Liquibase a file of SQL has; 0 where it was never one of its."""
    with open(path, "rb") as lines:
        return sum(CHANGE_SET.match(line) is not None for line in lines)


def last_told(said: Told, names: Sequence[str]) -> str | None:
    """The last of these migrations that a tool says it has run, if those before it are run as well; None where that
    cannot be told.
    """
    if said.broken or not said.names:
        return None
    ran = [{name for name in names if means(each, name)} for each in said.names]
    if any(len(some) > 1 for some in ran):
        return None
    known = set().union(*ran)
    if not known:
        return None
    last = max(known)
    return last if said.newest or known >= {name for name in names if name <= last} else None


def means(said: str, name: str) -> bool:
    """Does what a tool calls so go by this name here? Its file's name does, with or without what the tool puts around
    it; and the number that the name begins with.
    """
    stem = re.split(r"[/\\]", said)[-1]
    stem = re.sub(r"(\.up)?\.(sql|js|ts|cjs|mjs|xml|ya?ml|json|py|go)$", "", stem, flags=re.IGNORECASE)
    found = re.fullmatch(r"V([\d._]+?)__(.+)", stem)
    if stem == name or (found and f"{found[1]}_{found[2]}" == name):
        return True
    number = found[1] if found else stem
    if not re.fullmatch(r"\d[\d._]*", number):
        return False
    return _number(name) == _plain(number)


def not_beyond(said: str, names: Sequence[str]) -> set[str]:
    """Those whose number is at most what a tool says, where that is a number."""
    if not re.fullmatch(r"\d+", said):
        return set()
    return {name for name in names if (number := _number(name)) is not None and number <= _plain(said)}


def _number(name: str) -> tuple[int, ...] | None:
    found = re.match(r"V?(\d+(?:[._]\d+)*?)(?:_|$)", name)
    return _plain(found[1]) if found else None


def misplaced(names: Sequence[str]) -> tuple[str, str] | None:
    """Two neighbours, of migrations in the order of their names, that Flyway would run the other way round."""
    versions = [(_plain(found[1]), name) for name in names if (found := re.match(r"V(\d[\d._]*?)__", name))]
    return next(((one[1], other[1]) for one, other in pairwise(versions) if one[0] > other[0]), None)


def _plain(number: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.split(r"[._]", number) if part)


def _texts(rows: Rows) -> list[tuple[str, ...]]:
    return [tuple(text(value) for value in row) for row in rows]
