"""The fourteen migrations of aideveloper, on every server: the schema they build and the rows they keep."""

from __future__ import annotations

import re
import subprocess

import pymysql
import pytest

from tests.database.aideveloper import STEPS, found, lines, the_schema
from tests.database.shipped import apply, files, fill, insert, read, rows, session
from tests.databases import Database


def test_the_files_are_the_fourteen_in_their_order() -> None:
    """Their names are given: databases in the field know them."""
    assert [path.stem for path in files()] == [line for line in lines(STEPS) if line[0] not in "+~"]


def test_together_they_build_the_schema(database: Database) -> None:
    """Every column with type, NULL, default and place; every index; every foreign key with its rule; nothing else."""
    apply(session(database), *files())
    assert found(database) == the_schema()
    assert {kind for kind, _ in database.objects()} == {"table"}


def test_each_file_does_its_part_and_nothing_else(database: Database) -> None:
    """What one file adds or changes is what its entry in STEPS says."""
    connection, steps, before = session(database), list[str](), list[str]()
    for path in files():
        apply(connection, path)
        after = found(database)
        steps += [path.stem, *_difference(before, after)]
        before = after
    assert steps == _steps()


def _difference(before: list[str], after: list[str]) -> list[str]:
    """ "+ name" for what is new, "~ line" for what was changed; a new table stands for all that is in it."""
    old = {re.split(r"[, ]", line)[0]: line for line in before}
    new = {re.split(r"[, ]", line)[0]: line for line in after}
    assert old.keys() <= new.keys()
    added = [name for name in new.keys() - old.keys() if "." not in name or name.partition(".")[0] in old]
    changed = [new[name] for name in old if old[name] != new[name]]
    return sorted(f"+ {name}" for name in added) + sorted(f"~ {line}" for line in changed)


def _steps() -> list[str]:
    """STEPS with a line for each part, sorted as `_difference` sorts."""
    answer, parts = list[str](), list[str]()
    for line in [*lines(STEPS), ""]:
        if line.startswith("+"):
            parts += [f"+ {name}" for name in line.removeprefix("+ ").split(", ")]
        elif line.startswith("~"):
            parts.append(line)
        else:
            answer += [*sorted(parts), line]
            parts.clear()
    return answer[:-1]


def test_the_command_line_client_builds_the_same(database: Database) -> None:
    """The files need nothing of ours: whoever has to can feed them to the server's own client."""
    command = database.server.client_command(database.name, "--comments", "--default-character-set=utf8mb4")
    for path in files():
        done = subprocess.run(
            command,
            env={"MYSQL_PWD": database.server.password},
            input=path.read_bytes(),
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stderr.decode()) == (0, ""), path.name
    assert found(database) == the_schema()


def test_no_default_of_the_server_shows_in_the_schema(database: Database) -> None:
    """Engine, character set, collation, and what a TIMESTAMP is where nothing is said."""
    database.run("ALTER DATABASE CHARACTER SET latin1 COLLATE latin1_german2_ci")
    connection = session(database)
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION default_storage_engine = MyISAM, explicit_defaults_for_timestamp = 0")
    apply(connection, *files())
    assert found(database) == the_schema()


# --- rows that were there before -------------------------------------------------------------------------------------


def test_no_row_is_lost_blanked_or_touched(database: Database) -> None:
    """All that was there after the fourth file has the same values after the last, but for the renamed types."""
    connection = session(database)
    apply(connection, *files()[:4])
    fill(database)
    before = rows(database)
    assert len({table for table, _ in before}) == 6
    apply(connection, *files()[4:])
    after = rows(database)
    renamed = {"fix": "bugfix", "pr_review": "review"}
    for key, row in before.items():
        if "workflow_type" in row:
            row["workflow_type"] = renamed.get(row["workflow_type"], row["workflow_type"])
        assert {name: after[key][name] for name in row} == row, key
    assert {table for table, _ in after.keys() - before.keys()} == {"workflow_modules"}


def test_rows_from_before_the_enums_grew_are_kept(database: Database) -> None:
    """The second file puts values into the middle of three lists; rows keep the value, not its number."""
    connection = session(database)
    apply(connection, *files()[:1])
    insert(database, "workflows", id=1, workflow_type="fix", status="failed")
    insert(database, "agent_executions", id=1, workflow_id=1, agent_type="document")
    insert(database, "artifacts", id=1, workflow_id=1, artifact_type="documentation")
    before = rows(database)
    apply(connection, *files()[1:3])
    assert rows(database) == before


def test_new_columns_have_their_defaults_in_old_rows(database: Database) -> None:
    """Also target_module: workflows from before it were about AIDeveloper, and get it as their primary module."""
    connection = session(database)
    apply(connection, *files()[:3])
    insert(database, "workflows", id=1, workflow_type="feature")
    apply(connection, *files()[3:])
    row = rows(database)["workflows", 1]
    given = ("target_module", "output_mode", "workflow_depth", "execution_order", "auto_execute_children", "is_paused")
    assert [row[name] for name in given] == ["AIDeveloper", "pr", 0, 0, 1, 0]
    empty = ("parent_workflow_id", "pr_url", "task_description", "started_at", "plan_json", "checkpoint_commit")
    assert [row[name] for name in empty] == [None] * 6
    modules = database.rows("SELECT workflow_id, module_name, is_primary FROM workflow_modules")
    assert modules == ((1, "AIDeveloper", 1),)


def test_each_workflow_with_a_target_module_gets_one_primary_module(database: Database) -> None:
    """And the others get none."""
    connection = session(database)
    apply(connection, *files()[:4])
    fill(database)
    apply(connection, *files()[4:])
    expected = database.rows("SELECT id, target_module, 1 FROM workflows WHERE target_module IS NOT NULL ORDER BY id")
    assert len(expected) == 27
    modules = database.rows("SELECT workflow_id, module_name, is_primary FROM workflow_modules ORDER BY workflow_id")
    assert modules == expected


def test_the_types_are_renamed_in_steps_that_may_each_be_run_again(database: Database) -> None:
    """Whatever step a start dies in, the step can be repeated; no type is blank between two steps, no time changes."""
    connection = session(database)
    apply(connection, *files()[:4])
    fill(database)
    before = rows(database)
    with connection.cursor() as cursor:
        for statement in read(files()[4].read_text(), files()[4].name):
            for _ in range(2):
                cursor.execute(statement.text)
                assert database.value("SELECT COUNT(*) FROM workflows WHERE workflow_type <> ''") == 36
    now = {"pr_review": "review", "fix": "bugfix", "feature": "feature", "new_module": "new_module"}
    for key, row in before.items():
        if key[0] == "workflows":
            row["workflow_type"] = now[row["workflow_type"]]
    assert rows(database) == before


def test_old_types_are_never_dropped_while_a_row_has_one(database: Database) -> None:
    """If somebody writes a `fix` between the steps, the server refuses the last one, and the row stays as it is."""
    connection = session(database)
    apply(connection, *files()[:4])
    widen, rename, narrow = read(files()[4].read_text(), files()[4].name)
    with connection.cursor() as cursor:
        cursor.execute(widen.text)
        cursor.execute(rename.text)
        insert(database, "workflows", id=1, workflow_type="fix")
        with pytest.raises(pymysql.MySQLError) as refused:
            cursor.execute(narrow.text)
        assert refused.value.args[0] == 1265
        assert database.value("SELECT workflow_type FROM workflows") == "fix"
        cursor.execute(rename.text)
        cursor.execute(narrow.text)
    assert database.value("SELECT workflow_type FROM workflows") == "bugfix"


# --- what the finished schema does -----------------------------------------------------------------------------------


def test_executions_with_a_conversation_are_found_by_an_index(database: Database) -> None:
    """The optimizer uses it, and it follows every change of the conversation."""
    apply(session(database), *files())
    insert(database, "workflows", id=1, workflow_type="feature")
    some = ", ".join(f"({number}, 1, 'code', {'NULL' if number % 200 else repr('[]')})" for number in range(1, 1001))
    database.run(f"INSERT INTO agent_executions (id, workflow_id, agent_type, conversation_history) VALUES {some}")
    database.run("ANALYZE TABLE agent_executions")
    query = "SELECT id FROM agent_executions WHERE has_conversation_history = TRUE ORDER BY id"
    assert database.rows(query) == ((200,), (400,), (600,), (800,), (1000,))
    plan = database.value(f"EXPLAIN FORMAT = JSON {query}")
    assert re.search(r'"(key|index_name)": "idx_has_conversation_history"', plan), plan
    database.run("UPDATE agent_executions SET conversation_history = NULL WHERE id < 900")
    database.run("UPDATE agent_executions SET conversation_history = '[1]' WHERE id = 5")
    assert database.rows(query) == ((5,), (1000,))


def test_rows_go_with_what_they_belong_to(database: Database) -> None:
    """A workflow takes all that is its own with it, its children too; an execution only its log."""
    apply(session(database), *files())
    for number, parent in ((1, None), (2, 1), (3, None)):
        insert(database, "workflows", id=number, workflow_type="feature", parent_workflow_id=parent)
    for number, workflow in ((1, 1), (2, 3)):
        of = {"workflow_id": workflow, "agent_execution_id": number}
        insert(database, "agent_executions", id=number, workflow_id=workflow, agent_type="code")
        insert(database, "artifacts", id=number, **of, artifact_type="code")
        insert(database, "execution_logs", id=number, **of, message="…")
        insert(database, "workflow_messages", id=number, **of, message_type="user", content="…")
    insert(database, "workflow_modules", id=1, workflow_id=2, module_name="accounts")
    insert(database, "workflow_modules", id=2, workflow_id=3, module_name="accounts")
    insert(database, "sub_workflow_queue", id=1, parent_workflow_id=1, child_workflow_id=2, execution_order=1)
    database.run("DELETE FROM workflows WHERE id = 1", "DELETE FROM agent_executions WHERE id = 2")
    left = rows(database)
    assert sorted(left) == [("artifacts", 2), ("workflow_messages", 2), ("workflow_modules", 2), ("workflows", 3)]
    assert left["artifacts", 2]["agent_execution_id"] is None
    assert left["workflow_messages", 2]["agent_execution_id"] is None
