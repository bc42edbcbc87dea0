"""The shipped migrations as tests use them: run some of them, fill the tables, look at all rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pymysql

from schemagate.server import working_session
from schemagate.sql import Statement, statements
from tests.databases import Database, quoted

if TYPE_CHECKING:
    from tests.reach import Connection

ROOT = Path(__file__).resolve().parents[2]
MIGRATIONS = ROOT / "migrations"

TYPES = ("pr_review", "fix", "feature", "new_module")
STATUSES = (
    *("pending", "planning", "coding", "security_linting", "testing"),
    *("reviewing", "documenting", "completed", "failed"),
)
THEN = "2025-01-02 03:04:05"  # in no zone a time that the clocks skip
TEXT = "Grüße, 日本, 🦊, \\ ' \" ` %s"


def files() -> list[Path]:
    """The migrations that are shipped, in order."""
    return sorted(path for path in MIGRATIONS.glob("*.sql") if path.name != "schema.sql")


def read(text: str, name: str) -> list[Statement]:
    """The statements of a file."""
    return list(statements([text], name))


def session(database: Database) -> Connection:
    """A session in the state in which every migration begins."""
    connection = database.connect()
    with connection.cursor() as cursor:
        for statement in working_session(database.server.flavour, 30):
            cursor.execute(statement)
    return connection


def apply(connection: Connection, *paths: Path) -> None:
    """Run files as a start does: each statement by itself."""
    with connection.cursor() as cursor:
        for path in paths:
            for statement in read(path.read_text(), path.name):
                cursor.execute(statement.text)


def insert(database: Database, table: str, **row: object) -> None:
    """One row."""
    columns, marks = ", ".join(map(quoted, row)), ", ".join(["%s"] * len(row))
    database.rows(f"INSERT INTO {quoted(table)} ({columns}) VALUES ({marks})", *row.values())


def fill(database: Database) -> None:
    """Rows in every table there is after the fourth file: each type with each status, and each value of each enum."""
    some = ("", "plain", TEXT, None)
    times = {"created_at": THEN, "updated_at": THEN}
    for number in range(len(TYPES) * len(STATUSES)):
        insert(
            database,
            "workflows",
            id=number + 1,
            workflow_type=TYPES[number % 4],
            target_module=(None, "accounts", "AIDeveloper", "módulo")[number % 4],
            status=STATUSES[number // 4],
            payload='{"a": [1, "🦊"]}',
            result=some[number % 4],
            **times,
        )
    agents = ("orchestrator", "plan", "code", "security_lint", "test", "review", "document")
    for number, agent in enumerate(agents, 1):
        state = ("queued", "running", "completed", "failed")[number % 4]
        row = {"agent_type": agent, "status": state, "input": TEXT, "output": some[number % 4], "completed_at": THEN}
        insert(database, "agent_executions", id=number, workflow_id=number, **row, **times)
    for number, kind in enumerate(("plan", "code", "security_lint", "test", "review_report", "documentation"), 1):
        of = {"workflow_id": number, "agent_execution_id": number if number % 2 else None}
        row = {"artifact_type": kind, "file_path": f"src/{number}.ts", "content": TEXT, "metadata": "{}"}
        insert(database, "artifacts", id=number, **of, **row, created_at=THEN)
    for number, level in enumerate(("debug", "info", "warn", "error"), 1):
        of = {"workflow_id": number, "agent_execution_id": number}
        row = {"log_level": level, "message": TEXT, "timestamp": f"{THEN}.{number:03}"}
        insert(database, "execution_logs", id=number, **of, **row)
    insert(database, "environment_variables", id=7, key_name="KEY", key_value=TEXT, module_name="accounts", **times)
    insert(database, "module_settings", id=3, module_name="accounts", auto_load=True, **times)


def rows(database: Database) -> dict[tuple[str, int], dict[str, Any]]:
    """Every row of every table, by table and id."""
    answer: dict[tuple[str, int], dict[str, Any]] = {}
    connection = database.connect()
    for _, table in sorted(database.objects()):
        with connection.cursor(pymysql.cursors.DictCursor) as cursor:
            cursor.execute(f"SELECT * FROM {quoted(table)}")
            answer.update({(table, row["id"]): row for row in cursor.fetchall()})
    return answer
