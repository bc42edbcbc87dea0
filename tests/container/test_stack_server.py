"""The server behind the gate: what it answers, what it writes, and what it does while MySQL or Redis are away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.container.stack import Stack

CREATE = "/api/workflows/manual"
LIST = "/api/workflows"
GOOD = {"workflowType": "feature", "taskDescription": "Add a cart", "targetModule": "shop"}
OURS = {"error": "Internal server error"}


def asks(body: Any = None, path: str = CREATE, method: str = "POST") -> dict[str, Any]:
    return {"method": method, "path": path, "body": body}


def without(name: str, **more: Any) -> dict[str, Any]:
    return asks({key: value for key, value in GOOD.items() if key != name} | more)


# A request, the status of the answer, and what its error says.
REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "no-body": (asks(), 400, "not JSON"),
    "no-json": (asks("{"), 400, "not JSON"),
    "no-utf-8": (asks('{"workflowType": "\udcff"}'), 400, "not JSON"),
    "no-object": (asks([GOOD]), 400, "JSON object"),
    "null": (asks("null"), 400, "JSON object"),
    "too-long": (asks(GOOD | {"taskDescription": "x" * 300_000}), 413, "longer than 262144 bytes"),
    "no-type": (without("workflowType"), 400, "workflowType and taskDescription are required"),
    "no-description": (without("taskDescription"), 400, "workflowType and taskDescription are required"),
    "blank-description": (asks(GOOD | {"taskDescription": " \n"}), 400, "are required"),
    "description-is-a-number": (asks(GOOD | {"taskDescription": 5}), 400, "taskDescription has to be a string"),
    "half-a-character": (asks(GOOD | {"taskDescription": "\ud800"}), 400, "not well-formed Unicode"),
    "description-does-not-fit": (asks(GOOD | {"taskDescription": "ä" * 32_768}), 400, "longer than 65535 bytes"),
    "old-type": (asks(GOOD | {"workflowType": "pr_review"}), 400, "Valid types: feature, bugfix"),
    "type-is-a-list": (asks(GOOD | {"workflowType": ["feature"]}), 400, "Valid types: feature, bugfix"),
    "no-module": (without("targetModule"), 400, "targetModule or targetModules is required"),
    "no-modules": (without("targetModule", targetModules=[]), 400, "targetModule or targetModules is required"),
    "modules-are-text": (without("targetModule", targetModules="shop"), 400, "array of strings"),
    "a-module-is-a-number": (without("targetModule", targetModules=["a", 5]), 400, "has to be a string"),
    "a-module-without-name": (without("targetModule", targetModules=["a", " "]), 400, "1 to 255 characters"),
    "a-module-does-not-fit": (asks(GOOD | {"targetModule": "😀" * 256}), 400, "1 to 255 characters"),
    "many-modules": (without("targetModule", targetModules=[f"m{n}" for n in range(51)]), 400, "at most 50"),
    "limit-0": (asks(None, f"{LIST}?limit=0", "GET"), 400, "limit has to be a whole number from 1 to 100"),
    "limit-101": (asks(None, f"{LIST}?limit=101", "GET"), 400, "limit has to be"),
    "limit-text": (asks(None, f"{LIST}?limit=1;DROP", "GET"), 400, "limit has to be"),
    "limit-twice": (asks(None, f"{LIST}?limit=1&limit=2", "GET"), 400, "more than once"),
    "offset-negative": (asks(None, f"{LIST}?offset=-1", "GET"), 400, "offset has to be a whole number"),
    "status-unknown": (asks(None, f"{LIST}?status=done", "GET"), 400, "Valid statuses: pending, pending_fix"),
    "elsewhere": (asks(None, "/api/workflow", "GET"), 404, "Not found"),
    "strange": (asks(None, "//%00/../?%zz", "GET"), 404, "Not found"),
    "delete": (asks(None, LIST, "DELETE"), 405, "Method not allowed"),
    "get-create": (asks(None, CREATE, "GET"), 405, "Method not allowed"),
}


def test_what_makes_no_sense_is_refused_in_words(healthy: Stack) -> None:
    """As JSON with `error`, and nothing is written."""
    before = counts(healthy)
    answers = healthy.ask(*(request for request, _, _ in REFUSED.values()))
    for (name, (_, status, error)), answer in zip(REFUSED.items(), answers, strict=True):
        assert answer.status == status, f"{name}: {answer}"
        assert answer.headers["content-type"] == "application/json; charset=utf-8", name
        assert error in answer.body["error"], name
    assert counts(healthy) == before
    assert answers[list(REFUSED).index("delete")].headers["allow"] == "GET, HEAD"


def test_the_lists_of_what_is_valid_are_those_of_the_schema(healthy: Stack) -> None:
    """The server knows the types and the states that the columns know."""
    wrong_type, wrong_status = healthy.ask(REFUSED["old-type"][0], REFUSED["status-unknown"][0])
    assert wrong_type.body["validTypes"] == enum(healthy, "workflow_type")
    assert wrong_status.body["validStatuses"] == enum(healthy, "status")


def test_a_workflow_is_written_whole_and_as_it_was_said(healthy: Stack) -> None:
    """SQL and emoji in it are text; a module named twice counts once, and the first one is primary."""
    said = """'); DROP TABLE workflows; -- ✓ 😀 "?" \\ %"""
    modules = ["Cart", " Cart ", "cart", "shop", "Ünit"]
    answer = healthy.post({"workflowType": "bugfix", "taskDescription": said, "targetModules": modules})
    assert answer.status == 201
    number = answer.body["workflowId"]
    assert healthy.get(f"{LIST}?limit=1").body["workflows"] == [
        {"id": number, "workflow_type": "bugfix", "status": "pending", "task_description": said}
    ]
    assert healthy.sql(f"SELECT target_module FROM workflows WHERE id = {number}") == [("Cart",)]
    assert healthy.sql(
        f"SELECT module_name, is_primary FROM workflow_modules WHERE workflow_id = {number} ORDER BY id"
    ) == [("Cart", "1"), ("shop", "0"), ("Ünit", "0")]
    assert healthy.sql(f"SELECT log_level, message FROM execution_logs WHERE workflow_id = {number}") == [
        ("info", "Workflow created")
    ]


def test_lists_are_paged_newest_first(healthy: Stack) -> None:
    """`total` counts all that have the status, whichever page is asked for."""
    numbers = [healthy.post(GOOD | {"taskDescription": f"Task {n}"}).body["workflowId"] for n in range(4)]
    healthy.sql(f"UPDATE workflows SET status = 'testing' WHERE id IN ({numbers[0]}, {numbers[2]}, {numbers[3]})")
    first, second, beyond = (
        healthy.get(f"{LIST}?status=testing&limit=2&offset={offset}").body for offset in (0, 2, 50)
    )
    assert [row["id"] for row in first["workflows"]] == [numbers[3], numbers[2]]
    assert [row["id"] for row in second["workflows"]] == [numbers[0]]
    assert beyond["workflows"] == []
    assert {page["total"] for page in (first, second, beyond)} == {3}
    head = healthy.ask(asks(None, LIST, "HEAD"))[0]
    assert (head.status, head.text) == (200, "")


def test_lists_are_remembered_until_something_changes(healthy: Stack) -> None:
    """In Redis, and for half a minute at most: a change behind the server's back shows with the next one before it."""
    path = f"{LIST}?limit=3"
    healthy.post(GOOD | {"taskDescription": "as it was"})
    shown = healthy.get(path).body
    healthy.sql(f"UPDATE workflows SET task_description = 'changed' WHERE id = {shown['workflows'][0]['id']}")
    assert healthy.get(path).body == shown
    ages = [int(redis(healthy, "TTL", key)) for key in redis(healthy, "KEYS", "workflows:*:list:*").split()]
    assert ages
    assert all(0 <= age <= 30 for age in ages)
    healthy.post(GOOD)
    assert [row["task_description"] for row in healthy.get(path).body["workflows"][:2]] == ["Add a cart", "changed"]


def test_a_redis_that_takes_nothing_new_is_not_believed(healthy: Stack) -> None:
    """It may still have lists, but it does not hear that they are old; as soon as it does, it is used again."""
    path = f"{LIST}?limit=1"
    healthy.post(GOOD)
    healthy.get(path)
    redis(healthy, "ACL", "SETUSER", "default", "-set")
    number = healthy.post(GOOD).body["workflowId"]
    assert healthy.get(path).body["workflows"][0]["id"] == number
    redis(healthy, "ACL", "SETUSER", "default", "+@all")
    assert healthy.get(path).body["workflows"][0]["id"] == number
    assert redis(healthy, "KEYS", f"workflows:{redis(healthy, 'GET', 'workflows:generation')}:list::1:0")


def test_without_redis_it_works_on(healthy: Stack) -> None:
    """And what was written meanwhile is in the lists that Redis gives afterwards."""
    path = f"{LIST}?limit=1"
    healthy.get(path)
    healthy.compose("pause", "redis")  # it does not even refuse
    number = healthy.post(GOOD).body["workflowId"]
    assert healthy.get(path).body["workflows"][0]["id"] == number
    healthy.compose("unpause", "redis")
    assert healthy.get(path).body["workflows"][0]["id"] == number
    healthy.compose("stop", "redis")
    health = healthy.get("/health")
    assert (health.status, health.body["cache"]) == (200, "unavailable")
    number = healthy.post(GOOD).body["workflowId"]
    assert healthy.get(path).body["workflows"][0]["id"] == number
    healthy.compose("start", "redis")
    healthy.until_well()
    assert healthy.get(path).body["workflows"][0]["id"] == number


@pytest.fixture
def no_log_table(healthy: Stack) -> Iterator[None]:
    """The third of the tables that a new workflow is written to is gone."""
    healthy.sql("RENAME TABLE execution_logs TO hidden")
    yield
    healthy.sql("RENAME TABLE hidden TO execution_logs")


@pytest.mark.usefixtures("no_log_table")
def test_all_three_tables_or_none(healthy: Stack) -> None:
    """What fails in the end leaves no rows; the client hears that it failed, the log hears why."""
    before = healthy.sql("SELECT COUNT(*) FROM workflows"), healthy.sql("SELECT COUNT(*) FROM workflow_modules")
    answer = healthy.post(GOOD)
    assert (answer.status, answer.body) == (500, OURS)
    after = healthy.sql("SELECT COUNT(*) FROM workflows"), healthy.sql("SELECT COUNT(*) FROM workflow_modules")
    assert after == before
    failed = [line for line in healthy.lines("server") if line["event"] == "request.failed"]
    assert (failed[-1]["errno"], failed[-1]["path"]) == (1146, CREATE)
    assert "execution_logs" in failed[-1]["error"]


def test_mysql_may_go_and_come_back(healthy: Stack) -> None:
    """Meanwhile the server says that it is not well, and fails without details; afterwards it needs no restart."""
    before = healthy.inspect("server")["State"]["StartedAt"]
    healthy.compose("stop", "--timeout", "5", "mysql")
    health = healthy.get("/health")
    assert (health.status, health.body["status"], health.body["database"]) == (503, "unavailable", "unavailable")
    created = healthy.post(GOOD)
    assert (created.status, created.body) == (500, OURS)
    healthy.start_mysql()
    healthy.until_well()
    assert healthy.post(GOOD).status == 201
    assert healthy.inspect("server")["State"]["StartedAt"] == before


def test_sigterm_lets_a_request_finish(healthy: Stack) -> None:
    """`docker compose stop` while a workflow is being written: it is, the client hears it, the exit code is 0."""
    with ThreadPoolExecutor(max_workers=2) as threads:
        lock = locked(healthy, threads, "workflows", 3)
        asked = threads.submit(healthy.post, GOOD)
        healthy.until(lambda: running(healthy, "INSERT INTO workflows ") == 1, "the workflow is being written")
        healthy.compose("stop", "server")
        assert asked.result().status == 201
        lock.result()
    assert healthy.inspect("server")["State"]["ExitCode"] == 0
    assert [line["event"] for line in healthy.lines("server")][-1] == "server.stopped"
    healthy.compose("start", "server")
    healthy.until_well()


def test_sigterm_does_not_wait_for_mysql_for_ever(healthy: Stack) -> None:
    """A statement that waits there for longer than Docker waits for us: the exit code is 0, and no row is kept."""
    before = counts(healthy)
    with ThreadPoolExecutor(max_workers=2) as threads:
        lock = locked(healthy, threads, "workflows", 14)
        asked = threads.submit(healthy.post, GOOD)
        healthy.until(lambda: running(healthy, "INSERT INTO workflows ") == 1, "the workflow is being written")
        healthy.compose("stop", "server")
        assert asked.result().status == 0
        lock.result()
    assert healthy.inspect("server")["State"]["ExitCode"] == 0
    assert [line["event"] for line in healthy.lines("server")][-1] == "server.stopped"
    healthy.until(lambda: running(healthy, "INSERT INTO ") == 0, "the statement has ended")
    assert counts(healthy) == before
    healthy.compose("start", "server")
    healthy.until_well()


def test_sigterm_counts_from_the_first_moment(healthy: Stack) -> None:
    """Sent while node is still starting, it ends the container at once: nobody has to kill it."""
    healthy.compose("stop", "server")
    for _ in range(3):
        healthy.compose("start", "server")
        healthy.compose("kill", "--signal", "TERM", "server")
        healthy.until(lambda: healthy.states()["server"].startswith("exited"), "the server ended")
        assert healthy.inspect("server")["State"]["ExitCode"] in (0, 143)
    healthy.compose("start", "server")
    healthy.until_well()


def test_too_many_at_once_are_asked_to_come_again(healthy: Stack) -> None:
    """As many as can wait do and are answered; the others hear at once that it is too busy, and when to try again."""
    before = int(counts(healthy)[0][0])
    with ThreadPoolExecutor(max_workers=1) as threads:
        lock = locked(healthy, threads, "workflows", 5)
        answers = healthy.ask(*[asks(GOOD)] * 260, at_once=260)
        lock.result()
    assert {answer.status for answer in answers} == {201, 503}
    written = [answer for answer in answers if answer.status == 201]
    assert len(written) >= 210
    assert int(counts(healthy)[0][0]) == before + len(written)
    refused = [(answer.body, answer.headers["retry-after"]) for answer in answers if answer.status == 503]
    assert refused == [({"error": "Too busy"}, "1")] * len(refused)
    healthy.until_well()


def test_settings_that_are_wrong_are_told_all_at_once(healthy: Stack) -> None:
    """And nothing is started."""
    wrong = {"DB_PORT": "x", "DB_NAME": "", "DB_PASSWORD": "secret", "REDIS_URL": "redis", "PORT": "70000"}
    options = [f"--env={name}={value}" for name, value in wrong.items()]
    done = healthy.compose("run", "--rm", "--no-deps", "--no-TTY", *options, "server", check=False)
    assert done.returncode == 1
    assert '"settings.invalid"' in done.stdout
    for name in ("DB_PORT", "DB_NAME", "DB_PASSWORD_FILE", "REDIS_URL", '"PORT'):
        assert name in done.stdout
    assert "secret" not in done.stdout.replace("/run/secrets", "")


def locked(stack: Stack, threads: ThreadPoolExecutor, table: str, seconds: int) -> Future[list[tuple[str, ...]]]:
    """Lock the table for so long, and come back when it is locked."""
    lock = threads.submit(stack.sql, f"LOCK TABLES {table} WRITE; DO SLEEP({seconds}); UNLOCK TABLES;")
    stack.until(lambda: running(stack, "DO SLEEP") == 1, "the table is locked")
    return lock


def running(stack: Stack, statement: str) -> int:
    """How many statements that begin so are running."""
    found = stack.sql(f"SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '{statement}%'")
    return int(found[0][0])


def counts(stack: Stack) -> list[tuple[str, ...]]:
    tables = ("workflows", "workflow_modules", "execution_logs")
    return stack.sql("SELECT " + ", ".join(f"(SELECT COUNT(*) FROM {table})" for table in tables))


def enum(stack: Stack, column: str) -> list[str]:
    """The values of an enum of `workflows`."""
    ((definition,),) = stack.sql(
        "SELECT column_type FROM information_schema.columns "
        f"WHERE table_schema = 'aideveloper' AND table_name = 'workflows' AND column_name = '{column}'"
    )
    return re.findall(r"'(\w+)'", definition)


def redis(stack: Stack, *words: str) -> str:
    return stack.exec("redis", "redis-cli", *words).stdout.strip()
