"""Servers whose defaults somebody has changed, and procedures that change them: it is all the same to a start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.database.gate import Gate, last
from tests.database.test_settling import killed
from tests.database.world import private_database
from tests.databases import Database
from tests.instances import Instance

TABLES = """CREATE TABLE t (id INT PRIMARY KEY, n INT);
CREATE TABLE m (id INT) ENGINE=MyISAM;
INSERT INTO t VALUES (1, 0);
CREATE PROCEDURE chained() BEGIN SET SESSION completion_type = 1; UPDATE t SET n = n + 1; END;
CREATE PROCEDURE released() BEGIN SET SESSION completion_type = 2; UPDATE t SET n = n + 1; END;
"""


@pytest.fixture
def other(private_server: Callable[..., Instance], tmp_path: Path) -> Gate:
    """A schema on a server with other defaults."""
    database = private_database(private_server())
    database.run("SET GLOBAL completion_type = 1", "SET GLOBAL sql_select_limit = 3", "SET GLOBAL max_join_size = 1")
    gate = Gate(database, tmp_path).write(a_tables=TABLES)
    gate.run()
    return gate


def test_the_journal_is_read_to_its_end(other: Gate) -> None:
    """A limit for every SELECT is not one for us: what was applied is not run again, and nothing is overlooked."""
    other.write(b_many="UPDATE t SET n = n + 1;\n" * 30 + "".join(f"CREATE TABLE t{n} (id INT);\n" for n in range(5)))
    other.run()
    assert other.run("check").lines[-1]["exit_code"] == 0
    other.write(c_more="UPDATE t SET n = n + 100;").run()
    assert other.database.rows("SELECT n FROM t") == ((130,),)
    other.database.run("DROP TABLE t4")
    assert "t4" in last(other.run("check", 32))["message"]


def test_a_file_that_limits_its_joins_does_not_limit_ours(database: Database, tmp_path: Path) -> None:
    """What is asked between its statements, here and in the shadow, examines more; and the shadow goes at the end."""
    gate = Gate(database, tmp_path).write(a_tables=TABLES)
    gate.run()
    gate.write(
        b_limited="SET sql_big_selects = 0, max_join_size = 1;\nCREATE TABLE l (id INT PRIMARY KEY);\n"
        "INSERT INTO l VALUES (1);\nALTER TABLE t ADD c INT;\nTRUNCATE TABLE l;\nRENAME TABLE l TO r;"
    )
    gate.run()
    gate.run("snapshot")
    assert last(gate.run())["exit_code"] == 0


def test_a_commit_begins_no_other_transaction(other: Gate) -> None:
    """In which the entry of what comes next would be lost, together with the knowledge that it was begun."""
    other.write(b_rows="UPDATE t SET n = n + 1;\nINSERT INTO m VALUES (1);\nUPDATE t SET n = n + 100;\n")
    killed(other, "INSERT INTO m VALUES (1)", done=True)
    assert "b_rows:2 " in last(other.run(expected=31))["next"]
    assert other.database.rows("SELECT COUNT(*), (SELECT n FROM t) FROM m") == ((1, 1),)


@pytest.mark.parametrize("procedure", ["chained", "released"])
def test_nor_does_it_where_a_procedure_has_said_so(database: Database, tmp_path: Path, procedure: str) -> None:
    """Which nobody sees in the file; and it ends no session."""
    gate = Gate(database, tmp_path).write(a_tables=TABLES)
    gate.run()
    gate.write(b_rows=f"CALL {procedure}();\nUPDATE t SET n = n + 1;\nBEGIN;\nUPDATE t SET n = n + 1;\nCOMMIT;\n"
               "INSERT INTO m VALUES (1);\nUPDATE t SET n = n + 100;\n")  # fmt: skip
    killed(gate, "INSERT INTO m VALUES (1)", done=True)
    assert database.rows(
        "SELECT ordinal, outcome FROM schemagate_journal WHERE migration = 'b_rows' AND kind = 'call'"
    ) == ((1, "applied"),)
    assert "b_rows:6 " in last(gate.run(expected=31))["next"]
    assert database.rows("SELECT COUNT(*), (SELECT n FROM t) FROM m") == ((1, 3),)
