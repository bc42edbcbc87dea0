"""Twenty starts at once on clusters of three real nodes (`make test-clusters`), in a network of their own.

The name keeps it out of `make test`: it needs root, and two gigabytes of memory.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.nodes import PASSWORD, Cluster, Node, until
from tests.database.gate import begin, last, said
from tests.database.world import Start

STARTS = 20
DATABASE = "guarded"
KINDS = ("group", "galera")
ONE_PRIMARY = "group with one primary"
# Whatever is run twice, or not at all, shows in the rows: nothing has a key that would refuse it.
MIGRATIONS = {
    "1_count": """
        CREATE TABLE counted (id INT PRIMARY KEY, n INT NOT NULL);
        CREATE TABLE noted (id INT AUTO_INCREMENT PRIMARY KEY, word VARCHAR(40) NOT NULL);
        INSERT INTO counted VALUES (1, 0), (2, 0);
        UPDATE counted SET n = n + 1 + SLEEP(0.1);
        INSERT INTO noted (word) VALUES ('counted');
    """,
    "2_alter": """
        ALTER TABLE counted ADD COLUMN a INT NOT NULL DEFAULT 1;
        UPDATE counted SET n = n + a + SLEEP(0.1);
        ALTER TABLE counted ADD COLUMN b INT NOT NULL DEFAULT 2, ADD KEY by_n (n);
        UPDATE counted SET n = n + b + SLEEP(0.1);
        INSERT INTO noted (word) SELECT CONCAT('altered ', id) FROM counted;
    """,
    "3_more": """
        CREATE TABLE more (id INT PRIMARY KEY, of_counted INT NOT NULL);
        INSERT INTO more SELECT id, n FROM counted;
        CREATE VIEW seen AS SELECT id, n FROM counted;
        ALTER TABLE more DROP COLUMN of_counted;
        UPDATE counted SET n = n * 3 + SLEEP(0.1);
        DROP TABLE more;
        INSERT INTO noted (word) VALUES ('more');
    """,
}
STATEMENTS = 17
ROWS = {
    "SELECT * FROM counted ORDER BY id": ((1, 12, 1, 2), (2, 12, 1, 2)),
    "SELECT word FROM noted ORDER BY id": (("counted",), ("altered 1",), ("altered 2",), ("more",)),
    "SELECT * FROM seen ORDER BY id": ((1, 12), (2, 12)),
}


@pytest.fixture(params=KINDS)
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Three nodes at work, and an empty schema."""
    made = Cluster(request.param.split()[0], single_primary=request.param == ONE_PRIMARY)
    try:
        made.start()
        made.nodes[0].rows(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4")
        yield made
    finally:
        made.remove()


class Starts:
    """Starts that are begun again until they open the gate, as a Job's or an initContainer's are."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self._folder, self._cluster, self._number = folder, cluster, 0
        self.migrations = folder / "migrations"
        self.migrations.mkdir()
        for name, text in MIGRATIONS.items():
            self.migrations.joinpath(f"{name}.sql").write_text(text)
        self.all: list[Start] = []
        self._threads: list[threading.Thread] = []
        self.open = Counter[int]()  # by node
        self._ended = False

    def begin(self, node: Node, command: str = "up", **variables: str) -> Start:
        """One start at this node."""
        self._number += 1
        known = {
            "MYSQL_HOST": node.address,
            "MYSQL_PORT": "3306",
            "MYSQL_DATABASE": DATABASE,
            "MYSQL_USER": "root",
            "MYSQL_PASSWORD": PASSWORD,
            "SCHEMAGATE_MIGRATIONS": str(self.migrations),
            "SCHEMAGATE_WAIT_SECONDS": "20",
            "SCHEMAGATE_RECONNECT_SECONDS": "10",
        }
        start = begin(self._folder, command, known | variables, self._number)
        self.all.append(start)
        return start

    def spread(self, count: int = STARTS) -> None:
        """So many at once, over all nodes."""
        for number in range(count):
            node = self._cluster.nodes[number % len(self._cluster.nodes)]
            thread = threading.Thread(target=self._until_open, args=(node,))
            self._threads.append(thread)
            thread.start()

    def _until_open(self, node: Node) -> None:
        while not self._ended:
            if self.begin(node).wait() == 0:
                self.open[node.number] += 1
                return
            time.sleep(0.2)

    def until_applied(self, count: int) -> None:
        """Wait until some start is so many statements further."""
        self._wait(lambda: len([line for start in self.all for line in said(start, "migration.applied")]) >= count, 120)

    def end(self, *, without: tuple[Node, ...] = (), seconds: float = 150) -> None:
        """Wait until all have opened the gate but those at nodes that are gone."""
        gone = {node.number for node in without}
        want = Counter(number % len(self._cluster.nodes) + 1 for number in range(len(self._threads)))
        try:
            self._wait(lambda: all(self.open[each] == want[each] for each in want if each not in gone), seconds)
        finally:
            self._ended = True
            for thread in self._threads:
                thread.join(60)

    def _wait(self, condition: Callable[[], bool], seconds: float) -> None:
        try:
            until(condition, seconds)
        except AssertionError:
            raise AssertionError(
                "\n".join([f"open: {self.open}", *(start.text[-1500:] for start in self.all[-6:])])
            ) from None

    def only(self, *codes: int) -> None:
        """No start ended otherwise."""
        other = [start.text for start in self.all if start.process.poll() not in codes]
        assert not other, "\n".join([str(self.codes()), *other])

    def codes(self) -> Counter[int]:
        """How they ended."""
        return Counter(start.wait() for start in self.all)


@pytest.fixture
def starts(cluster: Cluster, tmp_path: Path) -> Starts:
    return Starts(tmp_path, cluster)


def same_everywhere(cluster: Cluster, *nodes: Node) -> None:
    """All nodes at work, with the same tables and rows: each statement was applied exactly once."""
    nodes = nodes or tuple(cluster.nodes)
    until(lambda: all(cluster.members(node) == len(nodes) for node in nodes), 60)
    if cluster.kind == "group":
        states = nodes[0].rows("SELECT MEMBER_STATE FROM performance_schema.replication_group_members")
        assert Counter(state for (state,) in states) == {"ONLINE": len(nodes)}
    pictures = [picture(node) for node in nodes]
    for other in pictures[1:]:
        assert other == pictures[0]
    for query, rows in ROWS.items():
        assert pictures[0][query] == rows, query
    applied = nodes[0].rows(
        "SELECT migration, ordinal, COUNT(*) FROM schemagate_journal WHERE outcome = 'applied' GROUP BY 1, 2",
        database=DATABASE,
    )
    assert len(applied) == STATEMENTS
    assert {count for _, _, count in applied} == {1}


def picture(node: Node) -> dict[str, Any]:
    """What a node has: the texts of its tables, and all rows."""
    sync = "SET SESSION wsrep_sync_wait = 7"
    if node.cluster.kind == "group":
        sync = "SET SESSION group_replication_consistency = 'BEFORE'"
    names = [name for (name,) in node.rows(sync, "SHOW TABLES", database=DATABASE)]
    found: dict[str, Any] = {"tables": sorted(names)}
    for name in names:
        found[name] = node.rows(f"SHOW CREATE TABLE {name}", database=DATABASE)[0][1].partition(" AUTO_INCREMENT=")[0]
        found[f"rows of {name}"] = sorted(node.rows(f"SELECT * FROM {name}", database=DATABASE), key=str)
    return found | {query: node.rows(query, database=DATABASE) for query in ROWS}


def arbiter(cluster: Cluster) -> Node:
    """The node on which all starts work."""
    if cluster.kind == "galera":
        return cluster.nodes[0]
    ids = {node.value("SELECT @@server_uuid"): node for node in cluster.nodes}
    return ids[min(ids)]


def test_twenty_starts_at_once_are_one_after_the_other(cluster: Cluster, starts: Starts) -> None:
    """None fails, and none waits for a person; those that come later find all of it done, on whatever node."""
    starts.spread()
    starts.end()
    same_everywhere(cluster)
    assert starts.codes() == {0: STARTS}
    for node in cluster.nodes:
        again = starts.begin(node)
        assert again.wait() == 0, again.text
        assert last(again)["unchanged"] is True
    chosen = {line["arbiter"] for start in starts.all for line in said(start, "cluster.arbiter")}
    assert chosen == {f"{arbiter(cluster).address}:3306"}
    wrong_right_is_refused(cluster, starts)


def wrong_right_is_refused(cluster: Cluster, starts: Starts) -> None:
    """An account that may not see the members of a group is refused; Galera shows them to everybody."""
    starts.migrations.joinpath("4_last.sql").write_text("CREATE TABLE last_one (id INT PRIMARY KEY)")
    node = next(node for node in cluster.nodes if node is not arbiter(cluster))
    node.rows(f"CREATE USER app@'%' IDENTIFIED BY '{PASSWORD}'", f"GRANT ALL ON {DATABASE}.* TO app@'%'")
    time.sleep(1)
    if cluster.kind == "group":
        start = starts.begin(node, MYSQL_USER="app")
        assert start.wait() == 16, start.text
        assert "GRANT SELECT ON performance_schema.replication_group_members" in last(start)["message"]
        node.rows("GRANT SELECT ON performance_schema.replication_group_members TO app@'%'")
        time.sleep(1)
    start = starts.begin(node, MYSQL_USER="app")
    assert start.wait() == 0, start.text
    assert last(start)["applied"] == 1


def test_the_arbiter_is_killed_in_the_middle(cluster: Cluster, starts: Starts) -> None:
    """The next one takes its place, and goes on where the journal says."""
    starts.spread()
    starts.until_applied(1)
    killed = arbiter(cluster)
    killed.kill()
    left = [node for node in cluster.nodes if node is not killed]
    starts.end(without=(killed,))
    same_everywhere(cluster, *left)
    starts.only(0, 20, 21)


def test_the_arbiter_is_cut_off_in_the_middle(cluster: Cluster, starts: Starts) -> None:
    """Clients still reach it, so that starts may go on there as long as they do not notice; nothing that they do is
    committed, or all of it everywhere.
    """
    starts.spread()
    starts.until_applied(1)
    parted = arbiter(cluster)
    parted.cut()
    left = [node for node in cluster.nodes if node is not parted]
    until(lambda: all(cluster.members(node) == 2 for node in left), 60)
    starts.end(without=(parted,))
    same_everywhere(cluster, *left)
    starts.migrations.joinpath("4_last.sql").write_text("CREATE TABLE last_one (id INT PRIMARY KEY)")
    alone = starts.begin(parted, SCHEMAGATE_WAIT_SECONDS="3")
    assert alone.wait() == 20, alone.text
    parted.mend()
    if cluster.kind == "galera":  # it comes back by itself; a member of a group that was expelled may ask a person
        same_everywhere(cluster)
        again = starts.begin(parted)
        assert again.wait() == 0, again.text
        assert last(again)["applied"] == 1
    starts.only(0, 20, 21)


@pytest.mark.parametrize("cluster", [ONE_PRIMARY], indirect=True)
def test_the_only_primary_is_killed_in_the_middle(cluster: Cluster, starts: Starts) -> None:
    """A secondary is waited for until it is the primary: then the starts there go on where the journal says. No other
    member is asked or locked.
    """
    starts.spread()
    starts.until_applied(1)
    killed = cluster.nodes[0]
    killed.kill()
    left = cluster.nodes[1:]
    until(lambda: any(not node.value("SELECT @@super_read_only") for node in left), 60)
    primary = next(node for node in left if not node.value("SELECT @@super_read_only"))
    starts.end(without=(killed, *(node for node in left if node is not primary)))
    same_everywhere(cluster, *left)
    starts.only(0, 20, 21)
    assert not [line for start in starts.all for line in said(start, "cluster.arbiter")]
