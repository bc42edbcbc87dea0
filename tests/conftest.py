"""The fixtures of all suites. What needs a server runs once for each in SCHEMAGATE_TEST_SERVERS."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.databases import Database, Picture, picture
from tests.instances import Instance
from tests.packages import choose_like, prepare
from tests.reach import VARIABLE, Server, from_json

EXCLUSIVE = "SCHEMAGATE_TEST_EXCLUSIVE"
NO_SERVER = f"""This test needs a real server, and {VARIABLE} names none. Run the tests with

    .venv/bin/python tests/servers.py run -- .venv/bin/pytest …

or `make test`, which does that."""


def pytest_configure() -> None:
    """A variable that cannot be read ends the run before it begins."""
    servers_given()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that needs a server is run for every server; without any it is one test that fails."""
    if "server" in metafunc.fixturenames:
        servers = servers_given() or (None,)
        ids = [server.label if server else "no-server" for server in servers]
        metafunc.parametrize("server", servers, ids=ids, indirect=True, scope="session")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Side:
    """Who gets which tests where there are several workers (`pytest -n`, as `make test` runs them)."""
    return Side(config, log)


class Side(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """The tests of one server stay in one worker, one after another, so that what a test finds changed on its server is
    what it changed itself; so do those in containers, for which there is one engine. Others are anybody's.
    """

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        super().__init__(config, log)
        self.labels = [server.label for server in servers_given()]

    def _split_scope(self, nodeid: str) -> str:
        """The group of a test, by its name. The groups with the most tests begin first."""
        if nodeid.startswith("tests/container/"):
            return "containers"
        parameters = f"-{nodeid.partition('[')[2].rstrip(']')}-"
        found = {parameters.find(f"-{label}-"): label for label in self.labels}  # the first is that of `server`
        return found[min(at for at in found if at >= 0)] if max(found, default=-1) >= 0 else nodeid


def servers_given() -> tuple[Server, ...]:
    """The servers that the tests are to use."""
    try:
        return from_json(os.environ.get(VARIABLE) or "[]")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise pytest.UsageError(f"{VARIABLE} is not what tests/servers.py writes: {error}") from error


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Server:
    """A server for every test in turn; tests change only their own schema on it."""
    if request.param is None:
        pytest.fail(NO_SERVER, pytrace=False)
    assert isinstance(request.param, Server)
    return request.param


@pytest.fixture(scope="session")
def bystander(server: Server) -> Iterator[Database]:
    """A schema that no test knows of; it is to be the same after each."""
    database = Database(server, f"test_bystander_{secrets.token_hex(4)}")
    database.run(
        "CREATE TABLE bystander (id INT PRIMARY KEY, word VARCHAR(20))",
        "INSERT INTO bystander VALUES (1, 'one'), (2, 'two')",
        "CREATE VIEW words AS SELECT word FROM bystander",
        "CREATE PROCEDURE nothing() SELECT 1",
    )
    yield database
    database.remove()


@pytest.fixture(scope="session")
def pictures() -> dict[str, Picture]:
    """The last picture taken of each server: the one after a test is the one before the next."""
    return {}


@pytest.fixture
def database(server: Server, bystander: Database, pictures: dict[str, Picture]) -> Iterator[Database]:
    """A fresh schema on the server. After the test it is dropped, and the server must be as it was before.

    Schemas that others use meanwhile on the same server are left out of that proof, unless SCHEMAGATE_TEST_EXCLUSIVE=1
    says that nobody else is there: then it covers all schemas, accounts, rights and global variables.
    """
    only = None if os.environ.get(EXCLUSIVE) == "1" else [bystander.name]
    before = pictures.get(server.label) or picture(server, only)
    database = Database(server)
    yield database
    wrong = database.remove()
    pictures[server.label] = after = picture(server, only)
    wrong += before.changes(after)
    if wrong:
        pytest.fail("The test changed what is not its own:\n  " + "\n  ".join(wrong), pytrace=False)


@pytest.fixture
def private_server(server: Server, tmp_path: Path) -> Iterator[Callable[..., Instance]]:
    """Makes a server for this test alone, of the kind of `server`: to be stopped, killed, or given other options.

    private_server("--log-bin", …) answers an Instance that runs; its `server()` tells how to reach it.
    """
    instances: list[Instance] = []
    spec = choose_like(server.label)

    def make(*options: str) -> Instance:
        directory = tmp_path / f"server-{len(instances)}"
        instances.append(Instance(spec, prepare([spec])[spec.label], directory, options=options))
        instances[-1].start()
        return instances[-1]

    yield make
    for instance in instances:
        instance.remove()
