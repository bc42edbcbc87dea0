"""The built image: what is in it, what it may, how large it is, and how it is used."""

from __future__ import annotations

import json
import re
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import schemagate
from tests.container import images
from tests.container.engine import Engine
from tests.container.gate import Gate, compressed_bytes, files_of

ROOT = Path(__file__).resolve().parents[2]
UNPACKED, COMPRESSED = 60_000_000, 22_000_000
CUSTOMERS = "CREATE TABLE customers (id INT NOT NULL PRIMARY KEY);\n"


def test_it_says_who_it_is_and_runs_as_nobody(engine: Engine, gate_image: str) -> None:
    """The user, and the labels of OCI: version, revision, source, licences."""
    (found,) = json.loads(engine.docker("image", "inspect", gate_image).stdout)
    assert found["Config"]["User"] == "65532:65532"
    labels = {name.rpartition(".")[2]: value for name, value in found["Config"]["Labels"].items()}
    assert labels["title"] == "schemagate"
    assert labels["version"] == schemagate.__version__
    assert labels["revision"] == images.REVISION
    assert labels["source"] == images.SOURCE
    assert labels["licenses"] == "Apache-2.0"


def test_nothing_is_in_it_that_a_start_does_not_need(engine: Engine, gate_image: str) -> None:
    """No shell, no package manager, no compiler, no pip; one program, which is Python."""
    files = files_of(engine, gate_image)
    assert [path for path in files if re.search(r"(^|/)(s?bin)/[^/]+$", path) and "python" not in path] == []
    unwanted = r"(^|/)(sh|bash|dash|busybox|apt|dpkg|apk|gcc|cc|as|ld|pip|ensurepip|idlelib|tkinter|test)(/|$)"
    assert [path for path in files if re.search(unwanted, path)] == []
    assert [path for path in files if path.endswith((".a", ".h", ".whl"))] == []


def test_no_shell_can_be_started(engine: Engine, gate_image: str) -> None:
    """Not even one that is asked for by name."""
    for shell in ("sh", "/bin/sh", "bash"):
        assert engine.docker("run", "--rm", f"--entrypoint={shell}", gate_image, check=False).returncode == 127


def test_it_is_small(engine: Engine, gate_image: str, capsys: pytest.CaptureFixture[str]) -> None:
    """At most 60 MB unpacked, and 22 MB on its way to a registry."""
    unpacked = int(engine.docker("image", "inspect", "--format", "{{.Size}}", gate_image).stdout)
    compressed = compressed_bytes(engine, gate_image)
    with capsys.disabled():
        print(f"\nthe image: {unpacked / 1e6:.1f} MB unpacked, {compressed / 1e6:.1f} MB compressed")
    assert unpacked <= UNPACKED
    assert compressed <= COMPRESSED


def test_what_is_installed_is_pinned_by_checksums() -> None:
    """The same versions as the tests of this machine have, and no address of anybody."""
    image, tools = (ROOT.joinpath(name).read_text() for name in ("requirements.txt", "requirements-dev.txt"))
    pins = re.findall(r"^(\S+==\S+) \\\n {4}--hash=sha256:[0-9a-f]{64}", image, re.MULTILINE)
    assert len(pins) == image.count("==")
    assert set(pins) <= set(re.findall(r"^\S+==\S+", tools, re.MULTILINE))
    needed = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text())["project"]["dependencies"]
    assert {re.split("[>=<]", name)[0].lower() for name in needed} <= {pin.partition("==")[0] for pin in pins}
    assert "://" not in image


# What Python itself can do without, and asks for in a `try` or on another system.
OPTIONAL = {"_bz2", "_lzma", "_scproxy", "_uuid", "_winapi", "_wmi", "doctest", "ftplib", "msvcrt", "nt", "winreg"}


def test_whatever_could_be_imported_is_there(engine: Engine, gate_image: str) -> None:
    """The standard library is not whole, but no import statement of ours, of what we depend on, or of what these use
    misses a part of it, on any path."""
    text = Path(__file__).with_name("imports.py").read_text()
    said = engine.docker("run", "--rm", "--entrypoint=python", gate_image, "-S", "-c", text).stdout
    missing = json.loads(said)
    assert missing.pop("looked_at") > 200
    assert set(missing) <= OPTIONAL, missing


def test_byte_code_is_compiled_and_not_looked_after(engine: Engine, gate_image: str) -> None:
    """Every module has its byte code, for which no source is asked: nothing is compiled at a start."""
    files = set(files_of(engine, gate_image))
    sources = {path for path in files if path.startswith("app/") and path.endswith(".py")}
    assert "app/schemagate/apply.py" in sources
    cached = re.compile(r"([^/]+)\.py$")
    assert {path for path in sources if cached.sub(r"__pycache__/\1.cpython-315.pyc", path) not in files} == set()
    flags = (
        "print(int.from_bytes(open('/app/schemagate/__pycache__/apply.cpython-315.pyc', 'rb').read(8)[4:], 'little'))"
    )
    assert engine.docker("run", "--rm", "--entrypoint=python", gate_image, "-c", flags).stdout == "1\n"


@pytest.mark.parametrize("buildkit", [False, True], ids=["legacy builder", "BuildKit"])
def test_both_builders_build_it(engine: Engine, buildkit: bool) -> None:
    """The one Dockerfile is understood by the legacy builder and by BuildKit, and what they build runs."""
    tag = images.build_gate(engine, f"schemagate-test-builder-{int(buildkit)}", buildkit=buildkit)
    try:
        assert engine.docker("run", "--rm", tag, "--version").stdout == f"schemagate {schemagate.__version__}\n"
    finally:
        engine.docker("image", "rm", tag)


def test_the_dockerfile_needs_nothing_but_its_base_image() -> None:
    """No frontend is fetched, and nothing is in it that only one builder or only newer engines understand."""
    text = (ROOT / "Dockerfile").read_text()
    assert not re.search(r"^#\s*syntax|--mount|--link|--chmod|<<", text, re.MULTILINE)
    assert re.search(r"^ARG BUILD_IMAGE=python:3\.15-slim$", text, re.MULTILINE)


def test_the_strictest_container_is_enough(gate: Gate) -> None:
    """A read-only root, no capabilities, no new privileges, nobody's account: that is how all of these tests start it.
    This one looks at the process itself."""
    gate.write(_01_shop=CUSTOMERS)
    look = (
        "print(*[line.split()[1] for line in open('/proc/self/status') if line.startswith(('Uid', 'CapE', 'NoNew'))])"
    )
    ended = gate.run("up", "--", "python", "-c", look)
    assert (ended.code, ended.stdout.splitlines()[-1]) == (0, "65532 0000000000000000 1")


def test_your_own_image_is_two_lines(engine: Engine, gate: Gate, tmp_path: Path) -> None:
    """FROM schemagate, COPY migrations/ /migrations/: no mount, no setting, no command."""
    tmp_path.joinpath("migrations").mkdir()
    tmp_path.joinpath("migrations/01_shop.sql").write_text(CUSTOMERS)
    tmp_path.joinpath("Dockerfile").write_text(f"FROM {gate.image}\nCOPY migrations/ /migrations/\n")
    tag = "schemagate-test-own"
    engine.docker("build", "--tag", tag, str(tmp_path))
    own = Gate(gate.server, tag, tmp_path)
    try:
        told = [f"--env={name}={value}" for name, value in own.settings().items()]
        engine.docker("run", "--rm", f"--network={gate.server.name}", *told, tag)
        assert own.server.sql("SHOW TABLES LIKE 'customers'", own.schema) == [["customers"]]
    finally:
        own.remove()
        engine.docker("image", "rm", tag)


def test_one_tag_serves_all_commands(gate: Gate) -> None:
    """`wait`, `check`, `up` and `status`, with the migrations mounted."""
    gate.write(_01_shop=CUSTOMERS)
    assert gate.run("wait").code == 0
    assert gate.run("check").code == 23
    assert gate.run().last["applied"] == 1
    assert gate.run("check").code == 0
    assert "01_shop" in gate.run("status").stdout
    again = gate.run("up")
    assert again.last["unchanged"] is True


def test_it_becomes_the_program_after_the_dashes(engine: Engine, gate: Gate, tmp_path: Path) -> None:
    """In an image that has one: as process 1, so that the engine's signals reach it, with its own exit code."""
    gate.write(_01_shop=CUSTOMERS)
    program = (
        "import os, signal, time\nsignal.signal(15, lambda *_: os._exit(42))\nprint('pid', os.getpid(), flush=True)\n"
    )
    tmp_path.joinpath("server.py").write_text(program + "time.sleep(60)\n")
    tmp_path.joinpath("Dockerfile").write_text(f"FROM {gate.image}\nCOPY server.py /server.py\n")
    tag = "schemagate-test-server"
    engine.docker("build", "--tag", tag, str(tmp_path))
    own = Gate(gate.server, tag, gate.folder)
    try:
        start = own.begin("up", "--", "python", "/server.py", line="pid 1")
        engine.docker("stop", "--time=30", start)
        ended = own.end(start)
        assert (ended.code, ended.stdout.splitlines()[-1]) == (42, "pid 1")
        gate.write(_02_more="ALTER TABLE nowhere ADD id INT;\n")
        assert own.run("up", "--", "python", "/server.py").code == 14, "not ready: the program never starts"
    finally:
        own.remove()
        engine.docker("image", "rm", tag)


@pytest.mark.parametrize("tls", ["off", "required", "verify-ca"])
def test_it_logs_in_by_caching_sha2_password(tls: str, gate: Gate, certificate: Path) -> None:
    """With TLS, and without, where the password is encrypted with the server's RSA key. The account is new: the server
    has nothing of it in its cache."""
    gate.write(_01_shop=CUSTOMERS)
    settings = {"SCHEMAGATE_TLS": tls} | ({"SCHEMAGATE_TLS_CA": "/ca.pem"} if tls == "verify-ca" else {})
    ended = gate.run("up", options=[f"--volume={certificate}:/ca.pem:ro"], **settings)
    assert ended.code == 0, ended.stdout
    plugin = gate.server.sql(f"SELECT plugin FROM mysql.user WHERE user = '{gate.schema}'")
    assert plugin == [["caching_sha2_password"]]


def test_ten_at_once_against_an_empty_database(gate: Gate) -> None:
    """Ten containers with the shipped migrations: ten exits 0, each statement applied once, by one of them."""
    shipped = [f"--volume={ROOT}/migrations:/migrations:ro"]
    with ThreadPoolExecutor(max_workers=10) as pool:
        ended = list(pool.map(lambda _: gate.run("up", options=shipped), range(10)))
    assert [start.code for start in ended] == [0] * 10, [start.last for start in ended]
    counted = gate.server.sql(
        "SELECT COUNT(*), COUNT(DISTINCT migration, ordinal) FROM schemagate_journal", gate.schema
    )
    ((entries, statements),) = counted
    assert entries == statements
    applied = sorted(start.last["applied"] for start in ended)
    assert applied == [0] * 9 + [int(statements)]
    assert gate.server.sql("SELECT DISTINCT outcome FROM schemagate_journal", gate.schema) == [["applied"]]
