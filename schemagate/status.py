"""The command `status`: what the journal and the files say of each migration, as a table or as JSON."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

from schemagate.commands import answer, looked_up
from schemagate.current import meet
from schemagate.files import find, in_order, is_repeatable
from schemagate.history import runs
from schemagate.looking import Looker
from schemagate.migrations import load
from schemagate.plan import is_done, mismatches, newer, overtaken
from schemagate.settle import in_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemagate.arguments import Arguments
    from schemagate.history import History, Past, Run
    from schemagate.log import Log
    from schemagate.migrations import Migration, Migrations
    from schemagate.settings import Settings
    from schemagate.stop import Stop


def status(arguments: Arguments, settings: Settings, stop: Stop, log: Log) -> dict[str, Any]:
    """Print each migration: applied, pending, edited, missing, …; when, how long, by which start."""
    migrations = load(find(settings.migrations, settings.variables, settings.allow_missing))
    connection, greeting = meet(settings, stop, log, to_write=False)
    with closing(connection):
        history, busy = looked_up(connection, greeting.server)
        looker = Looker(connection, greeting.server.flavour)
        rows = _rows(
            migrations,
            history,
            newer(migrations, history, settings),
            runs(connection, greeting.server.database),
            "running" if busy else "in doubt",
            {} if busy else {entry.migration: in_words(entry, migrations, looker) for entry in history.in_doubt},
        )
    if arguments.json:
        answer(json.dumps({"database": settings.database, "migrations": rows}, ensure_ascii=False, default=str))
    else:
        answer(_table(rows))
    return {"message": f"{len(rows)} migration{'s' if len(rows) != 1 else ''}"}


def _rows(
    migrations: Migrations,
    history: History,
    beyond: Sequence[str],
    runs: Mapping[str, Run],
    doubtful_state: str,
    found: Mapping[str, str],
) -> list[dict[str, Any]]:
    wrong = {mismatch.migration: mismatch for mismatch in mismatches(migrations, history)}
    doubtful = {entry.migration for entry in history.in_doubt}
    files = {migration.name: migration for migration in migrations.all}
    behind = overtaken(migrations, history)
    rows = []
    for name in in_order(files.keys() | history.past.keys()):
        past, migration, run = history.past.get(name), files.get(name), runs.get(name)
        applied = past.applied if past else 0
        if not migration and not applied and name not in doubtful:
            continue  # it failed at its first statement, and then got another name
        count = migration.count if migration else past.statements if past else 0
        if name in doubtful:
            state = doubtful_state
        elif name in wrong:
            state = wrong[name].kind.replace("_", " ")
        elif name in beyond:
            state = "newer"
        elif past and past.failed and applied < count:  # what failed may be gone from the file
            state = "failed"
        elif is_repeatable(name):
            state = _of_repeatable(migration, past, behind=name in behind)
        else:
            state = "applied" if (past or not count) and applied >= count else "pending"
        rows.append(
            {
                "migration": name,
                "state": state,
                "applied_statements": applied,
                "statements": count,
                "applied_at": run.finished if run and applied else None,
                "elapsed_seconds": round(run.seconds, 3) if run and applied else None,
                "host": run.host if run and applied else None,
                "start": run.start if run and applied else None,
                "detail": found.get(name)
                or (f"works with code from {history.compatible[name]} on" if state == "newer" else None)
                or (wrong[name].detail if name in wrong else past.error if past and state == "failed" else None),
            }
        )
    return rows


def _of_repeatable(migration: Migration | None, past: Past | None, *, behind: bool) -> str:
    if migration is None:
        return "removed"
    if is_done(migration, past):
        return "pending" if behind else "applied"
    return "changed" if past and past.complete else "pending"


def _table(rows: list[dict[str, Any]]) -> str:
    head = ("migration", "state", "statements", "applied at (UTC)", "seconds", "by start")
    cells = [
        (
            row["migration"],
            row["state"],
            f"{row['applied_statements']}/{row['statements']}",
            str(row["applied_at"] or "")[:19],
            "" if row["elapsed_seconds"] is None else f"{row['elapsed_seconds']:.3f}",
            f"{row['start']} on {row['host']}" if row["start"] else "",
        )
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in [head, *cells]
    ]
    details = [f"{row['migration']}: {row['detail']}" for row in rows if row["detail"]]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:], *details])
