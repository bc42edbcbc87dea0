"""What the container tests share: the engine, the base images, the built image, and the proof that nothing is left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.container import images
from tests.container.engine import Engine, told
from tests.container.gate import Gate, Server
from tests.container.stack import Stack

NO_ENGINE = """This test needs a container engine. Run the tests with

    .venv/bin/python tests/containers.py run -- .venv/bin/pytest tests/container

or `make test`, which does that."""


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine. After all tests it must have the containers, networks and volumes that it had before."""
    found = told()
    if found is None:
        pytest.fail(NO_ENGINE, pytrace=False)
    before = inventory(found)
    yield found
    left = sorted(inventory(found) - before)
    if left:
        pytest.fail("The tests left in the engine:\n  " + "\n  ".join(left), pytrace=False)


@pytest.fixture(scope="session")
def mysql_image(engine: Engine) -> str:
    """The name of the MySQL image."""
    images.ensure(engine, "mysql:9.7", "python:3.15-slim")  # two at a time: the other is needed next
    return "mysql:9.7"


@pytest.fixture(scope="session")
def gate_image(engine: Engine) -> str:
    """The name of the product's image, built from the checkout as it is."""
    return images.build_gate(engine)


@pytest.fixture(scope="session")
def stack(engine: Engine, gate_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack of the README: one project for all tests, of which nothing is left in the end."""
    images.ensure(engine, "mysql:9.7", "redis:7", "node:22-slim")
    server = "schemagate-test-server"
    engine.docker("build", "--tag", server, str(images.CHECKOUT / "compose/server"))
    stack = Stack(engine, tmp_path_factory.mktemp("stack"), "schemagate-test-stack", gate_image, server)
    yield stack
    stack.clean()


@pytest.fixture
def healthy(stack: Stack) -> Stack:
    """The stack, up and well, with whatever tests have left in it."""
    if not stack.well:
        stack.clean()
        stack.up()
    return stack


@pytest.fixture
def new(stack: Stack) -> Stack:
    """The stack before its first start: no containers, no volumes, the files as they are shipped."""
    stack.clean()
    return stack


@pytest.fixture(scope="session")
def mysql(engine: Engine, mysql_image: str, gate_image: str) -> Iterator[Server]:
    """A MySQL container that answers."""
    started = Server(engine, mysql_image, "schemagate-test-mysql")
    try:
        started.wait(gate_image)
        yield started
    finally:
        started.remove()


@pytest.fixture(scope="session")
def certificate(mysql: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The authority that signed the server's certificate."""
    path = tmp_path_factory.mktemp("certificate") / "ca.pem"
    path.write_text(mysql.engine.docker("exec", mysql.name, "cat", "/var/lib/mysql/ca.pem").stdout)
    path.parent.chmod(0o755)
    return path


@pytest.fixture
def gate(mysql: Server, gate_image: str, tmp_path: Path) -> Iterator[Gate]:
    """Starts of the image against a schema of its own."""
    made = Gate(mysql, gate_image, tmp_path)
    yield made
    made.remove()


def inventory(engine: Engine) -> set[str]:
    """Each container, network and volume; of an engine that is not our own, those that can be ours by their name."""
    found = set()
    for kind, words in LISTS.items():
        for line in engine.docker(*words).stdout.splitlines():
            if engine.process or "schemagate" in line or "aideveloper" in line:
                found.add(f"{kind} {line}")
    return found


LISTS = {
    "container": ("ps", "--all", "--format", "{{.Names}} ({{.Image}}, {{.Status}})"),
    "network": ("network", "ls", "--format", "{{.Name}}"),
    "volume": ("volume", "ls", "--format", "{{.Name}}"),
}
