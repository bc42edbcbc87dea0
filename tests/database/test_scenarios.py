"""Every folder in `scenarios/` is a test: what somebody does, what the starts answer, and the state afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pymysql
import pytest

from tests.database import scenario
from tests.database.scenario import Scenario, Step, wrong
from tests.database.world import Start, World, private_database, until
from tests.databases import Database
from tests.instances import Instance


@pytest.fixture(params=scenario.names())
def told(request: pytest.FixtureRequest, database: Database) -> Scenario:
    """A scenario, as it is on this server."""
    return scenario.load(request.param, database.server.label)


@pytest.fixture
def world(
    told: Scenario, database: Database, private_server: Callable[..., Instance], tmp_path: Path
) -> Iterator[World]:
    """Its place: the schema of every database test, or one on a server of its own."""
    instance = private_server(*told.options) if told.private else None
    folder = tmp_path / "scenario"
    folder.mkdir()
    with closing(World(private_database(instance) if instance else database, instance, told.folder, folder)) as world:
        for name, said in told.accounts.items():
            world.account(name, said)
        world.secrets += told.secrets
        yield world


def test_scenario(told: Scenario, world: World) -> None:
    """The folder's name is the sentence."""
    for number, step in enumerate(told.steps, start=1):
        title = f"step {number}" + (f" ({step.note})" if step.note else "")
        _prepare(told, step, world)
        looked = step.untouched or step.writes_nothing
        before = world.picture(whole=step.writes_nothing) if looked else {}
        starts = _act(told, step, world)
        problems, said = [], ""
        for start in starts:
            found = _problems(step, start, world)
            problems += [f"{start.name}: {each}" for each in found]
            said += f"\n--- {start.name} said\n{start.text}" if found or len(starts) == 1 else ""
        problems += _counted(step, starts)
        after = world.picture(whole=step.writes_nothing) if looked else {}
        problems += [f"{name} was changed" for name in before | after if before.get(name) != after.get(name)]
        problems += _state(step, world, bool(starts))
        if problems:
            pytest.fail(f"{told.folder.name}, {title}:\n  " + "\n  ".join(problems) + said, pytrace=False)


def _prepare(told: Scenario, step: Step, world: World) -> None:
    if step.files:
        world.put(told.folder / step.files)
    for name, text in step.write.items():
        world.write(name, text)
    for name in step.delete:
        world.migrations.joinpath(name).unlink()
    for name, new in step.rename.items():
        world.migrations.joinpath(name).rename(world.migrations / new)
    if step.server:
        world.serve(step.server)
    if step.sql:
        world.sql(step.sql, step.session, step.account if step.session else "")
    if step.close:
        world.close_session(step.close)
    time.sleep(step.seconds)


def _act(told: Scenario, step: Step, world: World) -> list[Start]:
    """Start, wait, signal, as the step says; answers the starts that have ended with it."""
    started = []
    if step.start:
        for _ in range(step.times):
            name = step.name or f"start-{len(world.starts) + 1}"
            environment = {**told.environment, **step.environment}
            started.append(world.run(name, step.start, step.account or told.account, environment))
    if step.until:
        _wait_until(step, world)
    if step.signal:
        world.send(step.name, step.signal)
    if step.end:
        started.append(world.starts[step.end])
    ended = [] if step.background else started
    for start in ended:
        start.wait()
    return ended


def _wait_until(step: Step, world: World) -> None:
    what = f"{dict(step.until)}"
    if "statement" in step.until:
        until(lambda: world.runs_a_statement(step.until["statement"]), what)
    elif "no_statement" in step.until:
        until(lambda: not world.runs_a_statement(step.until["no_statement"]), what)
    elif "lives" in step.until:
        until(lambda: world.a_start_lives() == step.until["lives"], what)
    else:
        start = world.starts[step.until["of"]]

        def said() -> bool:
            ended = start.process.poll() is not None  # asked first: what it says last is not to be missed
            if "printed" in step.until:
                found = step.until["printed"] in start.text
            else:
                found = any(not wrong(step.until["log"], line) for line in start.lines)
            assert found or not ended, f"{start.name} ended without {what}:\n{start.text}"
            return found

        until(said, what)


def _problems(step: Step, start: Start, world: World) -> list[str]:
    """What one start did not do that it should have done."""
    code, lines, text = start.wait(), start.lines, start.text
    termination = start.termination.read_text("utf-8") if start.termination.exists() else ""
    problems = [f"the exit code is {code}, expected {step.exit}"] if code != step.exit else []
    if any(secret in text + termination for secret in world.secrets):
        problems.append("a secret is in the output")
    if not step.output:  # then all of it is log, and the last line has the verdict
        problems += [f"is no log line: {line}" for line in text.splitlines() if not line.startswith("{")]
        last = {"event": step.event or "start.finished", "exit_code": step.exit, **step.facts}
    else:
        last = {**({"event": step.event} if step.event else {}), **step.facts}
        parts = [world.filled(part).replace("{pid}", str(start.process.pid)) for part in step.output]
        problems += [f"the output has no {part!r}" for part in parts if part not in text]
        problems += [] if not last or lines else ["nothing was logged"]
    if lines and last:
        problems += wrong(_filled(world, last), lines[-1], "last line")
    problems += _in_order(_filled(world, list(step.log)), lines)
    problems += [f"{event} is in the log" for event in step.not_in_log if any(line["event"] == event for line in lines)]
    reasons = [line["reason"] for line in lines if line["event"] == "database.waiting"]
    problems += ["a reason was said twice"] if any(map(str.__eq__, reasons, reasons[1:])) else []
    if step.termination:
        problems += wrong(world.filled(step.termination), termination, "termination log")
    return problems


def _filled(world: World, expected: Any) -> Any:
    if isinstance(expected, str):
        return world.filled(expected)
    if isinstance(expected, list | tuple):
        return [_filled(world, each) for each in expected]
    if isinstance(expected, dict):
        return {key: _filled(world, each) for key, each in expected.items()}
    return expected


def _in_order(expected: list[Any], lines: list[dict[str, Any]]) -> list[str]:
    at = 0
    for one in expected:
        while at < len(lines) and wrong(one, lines[at]):
            at += 1
        if at == len(lines):
            near = [each for line in lines if line["event"] == one.get("event") for each in wrong(one, line, "but")]
            return [f"the log has no {one} (there, in that order); {'; '.join(near)}"]
        at += 1
    return []


def _counted(step: Step, starts: list[Start]) -> list[str]:
    """How often an event is said, by all the starts of the step together."""
    events = [line["event"] for start in starts for line in start.lines]
    return [each for event, number in step.counts.items() for each in wrong(number, events.count(event), event)]


def _state(step: Step, world: World, ended: bool) -> list[str]:
    """What is not in the database as it should be. `ended`: a start has, in this step; then there is no shadow."""
    problems = []
    if ended and world.idle and world.shadow_is_there() != step.shadow_left:
        problems.append(f"the shadow {world.database.shadow} is {'gone' if step.shadow_left else 'there'}")
    for query, rows in step.rows.items():
        try:
            problems += wrong(rows, world.rows(query), query)
        except pymysql.MySQLError as error:
            problems.append(f"{query}: {error}")
    if step.objects is not None:
        found = world.objects()
        problems += [f"there is {found}"] if found != sorted(step.objects) else []
    if step.journal is not None:
        problems += wrong(step.journal, world.journal(), "journal")
    if step.applied is not None:
        entries = sorted(entry for entry in world.journal() if entry.endswith(" applied"))
        expected = [f"{name}:{n} applied" for name, count in step.applied.items() for n in range(1, count + 1)]
        problems += wrong(sorted(expected), entries, "applied")
    return problems


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ({"a": 1}, {"b": 1}),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1}, {"b": 1}]}),
        ({"a": [{"b": 1}, {"b": 1}]}, {"a": [{"b": 1}]}),
        ([1, 2, "…"], [1]),
        ([1, "…"], [2, 1]),
        ("…b…", "ac"),
        ("a.c", "abc"),
        (">= 2", 1.9),
        (1, True),
        (0, None),
        ([], None),
        ({}, None),
    ],
)
def test_what_is_not_as_expected_is_wrong(expected: object, found: object) -> None:
    """A scenario that cannot fail would prove nothing."""
    assert wrong(expected, found)


@pytest.mark.parametrize(
    ("expected", "found"),
    [({"a": {}}, {"a": {"b": 1}, "c": 2}), ([1, "…"], [1, 2]), ("a…c", "abbbc"), (">= 2", 2), ("NULL", None)],
)
def test_what_is_as_expected_is_not_wrong(expected: object, found: object) -> None:
    """The ways to expect a part of what is found."""
    assert not wrong(expected, found)
