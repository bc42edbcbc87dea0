"""Getting in: with which TLS, with which passwords, and how long a start waits for what."""

from __future__ import annotations

import io
import json
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql
import pytest

from schemagate import errors
from schemagate.current import meet
from schemagate.log import make_log
from schemagate.settings import load_settings
from schemagate.stop import Stop
from tests.certificates import make_certificates
from tests.database import peers
from tests.database.gate import begin, last, until_said
from tests.database.world import Start, private_database, until
from tests.databases import Database
from tests.instances import Instance
from tests.packages import choose_like, prepare
from tests.reach import Server

PASSWORD = "4pass'word\"%²"
HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n400 Bad Request\n"


@dataclass(frozen=True, slots=True)
class Met:
    """How an attempt to get in ended: an error, or a session with this TLS; and what was said on the way."""

    error: errors.SchemagateError | None
    tls: str | None
    lines: list[dict[str, Any]]
    seconds: float

    @property
    def exit_code(self) -> int:
        return self.error.exit_code if self.error else 0

    @property
    def reasons(self) -> list[str]:
        """What was waited for, as it was said."""
        return [line["reason"] for line in self.lines if line["event"] == "database.waiting"]


class _Listening(io.StringIO):
    """A log on which somebody acts: the first time that a reason is said, what belongs to it is done."""

    def __init__(self, mend: Mapping[str, Callable[[], object]]) -> None:
        super().__init__()
        self._mend = dict(mend)

    def write(self, text: str) -> int:
        for reason in [reason for reason in self._mend if json.dumps(reason) in text]:
            self._mend.pop(reason)()
        return super().write(text)


def get_in(variables: Mapping[str, str], mend: Mapping[str, Callable[[], object]] | None = None, /, **more: str) -> Met:
    """Settings, waiting and the first questions of a start that wants to write; all that goes before the migrations."""
    environment = {"SCHEMAGATE_WAIT_SECONDS": "10", "SCHEMAGATE_GRACE_SECONDS": "0", "SCHEMAGATE_MIGRATIONS": "/"}
    stream, began, tls, error = _Listening(mend or {}), time.monotonic(), None, None
    try:
        settings = load_settings({**environment, **variables, "SCHEMAGATE_LOG_FORMAT": "json", **more}, {})
        session, _ = meet(settings, Stop(), make_log(settings, stream), to_write=True)
    except errors.SchemagateError as caught:
        error = caught
    else:
        tls = session.tls
        session.close()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    return Met(error, tls, lines, time.monotonic() - began)


def at(peer: peers.Peer | int, **more: str) -> dict[str, str]:
    """The variables of a start that is sent to a peer, or a port."""
    host, port = (peer.host, peer.port) if isinstance(peer, peers.Peer) else ("127.0.0.1", peer)
    login = {"MYSQL_DATABASE": "app", "MYSQL_USER": "gate", "MYSQL_PASSWORD": PASSWORD}
    return {**login, "MYSQL_HOST": host, "MYSQL_PORT": str(port), **more}


def begin_at(folder: Path, variables: Mapping[str, str]) -> Start:
    """A start of the program, with a migration to run."""
    migrations = folder / "migrations"
    migrations.mkdir()
    migrations.joinpath("01_first.sql").write_text("CREATE TABLE first (id INT PRIMARY KEY);")
    return begin(folder, "up", {**variables, "SCHEMAGATE_MIGRATIONS": str(migrations)})


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "encrypted"),
    [
        ("", True),  # the default
        ("off", False),
        ("preferred", True),
        ("required", True),
        ("verify-ca", True),
        ("verify-identity", True),
    ],
)
def test_each_mode_gets_in(database: Database, mode: str, encrypted: bool) -> None:
    """With TLS in each but one, for a server that has it and a certificate that is right."""
    ca = {"SCHEMAGATE_TLS_CA": database.server.ca or ""} if mode.startswith("verify") else {}
    met = get_in(database.environment(), SCHEMAGATE_TLS=mode, **ca)
    assert met.error is None
    assert bool(met.tls) is encrypted
    assert met.lines[-1]["tls"] == met.tls


def test_another_authority_is_not_trusted_where_that_is_asked(database: Database, tmp_path: Path) -> None:
    """The message names the setting; without verifying, the same file is a contradiction."""
    make_certificates(tmp_path)
    other = {"SCHEMAGATE_TLS_CA": str(tmp_path / "ca.pem")}
    for mode in ("verify-ca", "verify-identity"):
        met = get_in(database.environment(), SCHEMAGATE_TLS=mode, **other)
        assert isinstance(met.error, errors.AccessDenied)
        assert "SCHEMAGATE_TLS_CA" in met.error.message
        assert get_in(database.environment(), SCHEMAGATE_TLS=mode).exit_code == 13  # nor is any of the system's
    assert get_in(database.environment(), SCHEMAGATE_TLS="required", **other).exit_code == 10


def test_a_certificate_for_another_name_is_found_where_the_identity_is_verified(database: Database) -> None:
    """By the name that the start was told, however it resolves."""
    relay = peers.Relay(database.server.host, database.server.port)
    with peers.Peer(relay, host="127.0.0.2") as peer:
        there = {**database.environment(), "MYSQL_HOST": peer.host, "MYSQL_PORT": str(peer.port)}
        ca = {"SCHEMAGATE_TLS_CA": database.server.ca or ""}
        assert get_in(there, SCHEMAGATE_TLS="verify-ca", **ca).error is None
        met = get_in(there, SCHEMAGATE_TLS="verify-identity", **ca)
    assert isinstance(met.error, errors.AccessDenied)
    assert "127.0.0.2" in met.error.message
    assert met.seconds < 5


def test_files_that_are_no_certificates_are_a_wrong_setting(tmp_path: Path) -> None:
    """Found before anybody is asked for anything: no certificate, no key, one that does not fit to the other."""
    for name in ("one", "other"):
        tmp_path.joinpath(name).mkdir()
        make_certificates(tmp_path / name)
    certificate, key = tmp_path / "one" / "server.pem", tmp_path / "one" / "server-key.pem"
    other_key = tmp_path / "other" / "server-key.pem"
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    empty = tmp_path / "empty.pem"
    empty.touch()
    verify = {"SCHEMAGATE_TLS": "verify-ca"}
    wrong: list[dict[str, str]] = [
        {**verify, "SCHEMAGATE_TLS_CA": str(garbage)},
        {**verify, "SCHEMAGATE_TLS_CA": str(empty)},
        {**verify, "SCHEMAGATE_TLS_CA": str(key)},
        {**verify, "SCHEMAGATE_TLS_CA": str(tmp_path / "nowhere.pem")},
        {"SCHEMAGATE_TLS_CERT": str(certificate), "SCHEMAGATE_TLS_KEY": str(other_key)},
        {"SCHEMAGATE_TLS_CERT": str(certificate), "SCHEMAGATE_TLS_KEY": str(certificate)},
        {"SCHEMAGATE_TLS_CERT": str(garbage), "SCHEMAGATE_TLS_KEY": str(key)},
        {"SCHEMAGATE_TLS_CERT": str(certificate)},
    ]
    with peers.Peer(peers.silent) as peer:
        for each in wrong:
            met = get_in(at(peer, SCHEMAGATE_WAIT_SECONDS="1"), **each)
            assert isinstance(met.error, errors.SettingsInvalid), each
            assert "SCHEMAGATE_TLS_C" in met.error.message, each
        assert peer.met == 0


# --- passwords -------------------------------------------------------------------------------------------------------

LOGINS = {
    "mysql": ("caching_sha2_password", "sha256_password"),
    "mariadb": ("mysql_native_password",),
}


def test_each_way_to_log_in_works_with_tls_and_without(database: Database) -> None:
    """And nobody on the way can read the password: neither the first time, when the server knows it by its hash
    alone, nor later, when it has it in its cache.
    """
    server, refused = database.server, "not the password 4²"
    for plugin in LOGINS[server.flavour]:
        user, password = database.account("ALL ON {database}.*", plugin=plugin)
        relay = peers.Relay(server.host, server.port)
        with peers.Peer(relay) as peer:
            there = {"MYSQL_HOST": peer.host, "MYSQL_PORT": str(peer.port)}
            for mode in ("off", "off", "required", "flush", "off", "flush", "required"):
                if mode == "flush":
                    database.run("FLUSH PRIVILEGES")
                    continue
                met = get_in({**database.environment(user, password), **there}, SCHEMAGATE_TLS=mode)
                assert met.error is None, (plugin, mode)
            for mode in ("off", "required"):
                met = get_in({**database.environment(user, refused), **there}, SCHEMAGATE_TLS=mode)
                assert isinstance(met.error, errors.AccessDenied)
                assert met.error.facts["errno"] == 1045
        assert len(relay.heard) == 7
        for heard in relay.heard:
            assert user.encode() in heard or b"\x16\x03" in heard
            assert password.encode() not in heard
            assert refused.encode() not in heard
        if plugin == "caching_sha2_password":  # in full, from the cache, and in full again
            full, cached, _, again, *_ = map(len, relay.heard)
            assert min(full, again) >= cached + 256


@pytest.mark.parametrize("at_once", [True, False], ids=["at-once", "as-another-way"])
@pytest.mark.parametrize("plugin", [b"mysql_clear_password", b"dialog"])
def test_the_password_is_not_given_to_whoever_asks_for_it_in_clear_text(
    tmp_path: Path, plugin: bytes, at_once: bool
) -> None:
    """With the settings as they are by default, and over TCP. (Over TLS it is what such accounts are made for.)"""
    prompt = b"\x04Password: " if plugin == b"dialog" else b""
    asks = peers.ClearText(plugin, prompt, at_once=at_once)
    with peers.Peer(asks) as peer:
        met = get_in(at(peer))
    assert isinstance(met.error, errors.AccessDenied)
    assert plugin.decode() in met.error.message
    assert asks.logins == 1
    assert PASSWORD.encode() not in asks.heard
    make_certificates(tmp_path)
    asks = peers.ClearText(plugin, prompt, at_once=at_once, tls=peers.certified(tmp_path))
    with peers.Peer(asks) as peer:
        get_in(at(peer, SCHEMAGATE_WAIT_SECONDS="0"))
    assert PASSWORD.encode() in asks.heard


@pytest.mark.parametrize("plugin", [b"client_ed25519", b"parsec", b"auth_gssapi_client"])
def test_a_way_to_log_in_that_is_not_supported_is_named(plugin: bytes) -> None:
    """As an account that is refused, with the way out, and not as a bug."""
    with peers.Peer(peers.ClearText(plugin)) as peer:
        met = get_in(at(peer))
    assert isinstance(met.error, errors.AccessDenied)
    assert plugin.decode() in met.error.message
    assert "'gate'" in met.error.message
    assert "another way to log in" in met.error.message


def test_an_account_that_is_refused_gets_a_grace_and_is_then_named(database: Database) -> None:
    """With its host, and without its password. The grace ends long before the wait does."""
    user, _ = database.account()
    met = get_in(database.environment(user, PASSWORD), SCHEMAGATE_GRACE_SECONDS="0.4")
    assert isinstance(met.error, errors.AccessDenied)
    assert met.reasons == ["access denied"]
    assert 0.4 <= met.seconds < 3
    assert f"{user!r} at {database.server.host}:{database.server.port}" in met.error.message
    assert PASSWORD not in f"{met.error!r} {met.error.facts} {met.lines}"
    mended = {"access denied": lambda: database.run(f"ALTER USER '{user}'@'%' IDENTIFIED BY 'easy'")}
    database.run(f"GRANT ALL ON {database.name}.* TO '{user}'@'%'")
    met = get_in(database.environment(user, "easy"), mended, SCHEMAGATE_GRACE_SECONDS="5")
    assert met.error is None
    assert met.reasons == ["access denied"]


# --- waiting ---------------------------------------------------------------------------------------------------------

NEVER = {
    "silent": (peers.silent, "no answer"),
    "closes": (peers.closes, "the connection was cut"),
    "resets": (peers.resets, "the connection was cut"),
    "speaks-http": (peers.says(HTTP), "whoever answers there does not speak as MySQL does"),
    "speaks-ssh": (peers.says(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "whoever answers there does not speak as MySQL does"),
    "breaks-off": (peers.says(peers.packet(b"\x0a8.0", 0)), "whoever answers there does not speak as MySQL does"),
    "says-nothing": (peers.says(peers.packet(b"", 0)), "whoever answers there does not speak as MySQL does"),
    "full": (peers.refuses(1040, "Too many connections"), "too many connections"),
    "shuts-down": (peers.refuses(1053, "#08S01Server shutdown in progress"), "the server is shutting down"),
}


@pytest.mark.parametrize("behaviour", NEVER)
def test_nobody_usable_is_waited_for_as_long_as_was_said(behaviour: str) -> None:
    """And no longer, but for the second that an attempt may take; the reason is said once, and in the last word."""
    behave, reason = NEVER[behaviour]
    with peers.Peer(behave) as peer:
        met = get_in(at(peer), SCHEMAGATE_WAIT_SECONDS="0.4")
    assert isinstance(met.error, errors.DatabaseUnavailable)
    assert met.error.facts["reason"] == reason
    assert met.reasons in ([reason], [])  # not at all where the first attempt took all the time
    assert bool(met.reasons) is (behaviour != "silent")
    assert 0.4 <= met.seconds < 2
    assert (peer.met > 2) is (behaviour != "silent")


def test_where_nobody_is_a_start_waits_as_long_as_was_said() -> None:
    """For a port that refuses, one whose queue is full, a name that does not resolve."""
    with peers.full_port() as full:
        for variables, reason in (
            (at(free_port()), "connection refused"),
            (at(full), "no answer"),
            (at(1) | {"MYSQL_HOST": "nowhere.invalid"}, "the host name does not resolve"),
        ):
            met = get_in(variables, SCHEMAGATE_WAIT_SECONDS="0.4")
            assert isinstance(met.error, errors.DatabaseUnavailable)
            assert met.error.facts["reason"] == reason
            assert 0.4 <= met.seconds < 2


def test_one_attempt_takes_no_longer_than_was_said() -> None:
    """Then it is given up, and said, and another one is made: a silent proxy does not use up the wait."""
    with peers.Peer(peers.silent) as peer:
        met = get_in(at(peer), SCHEMAGATE_CONNECT_SECONDS="0.3", SCHEMAGATE_WAIT_SECONDS="0.8")
    assert met.reasons == ["no answer"]
    assert peer.met in (2, 3, 4)
    assert 0.8 <= met.seconds < 2


def test_each_change_of_what_is_waited_for_is_said_once(database: Database) -> None:
    """Until the server is there: refused, cut in two ways, full, shutting down, and then in."""
    port, relay = free_port(), peers.Relay(database.server.host, database.server.port)
    full, down = peers.refuses(1040, "Too many connections"), peers.refuses(1053, "Server shutdown in progress")
    phases = peers.in_turn(peers.closes, peers.resets, full, down, relay)
    there = {**database.environment(), "MYSQL_HOST": "127.0.0.1", "MYSQL_PORT": str(port)}
    with ExitStack() as stack:
        listen = {"connection refused": lambda: stack.enter_context(peers.Peer(phases, port=port))}
        met = get_in(there, listen)
    assert met.error is None
    assert met.reasons == [
        "connection refused",
        "the connection was cut",
        "too many connections",
        "the server is shutting down",
    ]
    assert met.lines[-1]["event"] == "database.ready"
    assert 0.1 < met.lines[-1]["waited_seconds"] < 5


@pytest.mark.parametrize("where", ["accepted", "queued"])
def test_sigterm_ends_an_attempt_that_hangs(tmp_path: Path, where: str) -> None:
    """At once: nothing has begun, and nobody has to wait for a server that does not answer."""
    with ExitStack() as stack:
        if where == "accepted":
            peer = stack.enter_context(peers.Peer(peers.silent))
            start = begin_at(tmp_path, at(peer))
            until(lambda: peer.met == 1, "the attempt")
        else:
            start = begin_at(tmp_path, at(stack.enter_context(peers.full_port())))
            until_said(start, "start.began")
        time.sleep(0.3)
        asked = time.monotonic()
        start.process.send_signal(signal.SIGTERM)
        assert start.wait() == 143
        assert time.monotonic() - asked < 1
    assert last(start)["event"] == "start.interrupted"
    assert PASSWORD not in start.text


def test_a_refusal_that_nobody_foresaw_is_told_as_it_is() -> None:
    """With its number and text: no crash, and no other reason in its place."""
    with peers.Peer(peers.refuses(1300, "#HY000Invalid character string")) as peer:
        met = get_in(at(peer))
    assert isinstance(met.error, errors.AccessDenied)
    assert "MySQL says 1300: Invalid character string" in met.error.message


# --- on a server of their own ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Own:
    """A schema on a server that a test may fill, and keep from working; the authority that it asks of its clients."""

    database: Database
    clients: Path

    def account(self, *more: str) -> dict[str, str]:
        """The variables of a new account with all rights on the schema; `more` stands behind its name in ALTER USER."""
        user, password = self.database.account("ALL ON {database}.*")
        for each in more:
            self.database.run(f"ALTER USER '{user}'@'%' {each}")
        return self.database.environment(user, password)

    def certificate(self, directory: Path) -> dict[str, str]:
        """The variables of a client that shows the certificate in this directory."""
        names = {"SCHEMAGATE_TLS_CERT": "server.pem", "SCHEMAGATE_TLS_KEY": "server-key.pem"}
        return {"SCHEMAGATE_TLS": "required"} | {key: str(directory / name) for key, name in names.items()}


@pytest.fixture(scope="module")
def own(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    """One server of each kind, for all the tests below."""
    directory = tmp_path_factory.mktemp("own")
    clients = directory / "clients"
    clients.mkdir()
    make_certificates(clients)
    spec = choose_like(server.label)
    cache = prepare([spec])[spec.label]
    instance = Instance(spec, cache, directory / "server", options=[f"--ssl-ca={clients}/ca.pem"])
    try:
        instance.start()
        yield Own(private_database(instance), clients)
    finally:
        instance.remove()


def test_a_client_shows_its_certificate(own: Own, tmp_path: Path) -> None:
    """Where the account asks for one: the right one gets in, none does not, and neither does somebody else's."""
    account = own.account("REQUIRE X509")
    met = get_in(account, **own.certificate(own.clients))
    assert met.error is None
    assert met.tls
    assert get_in(account, **own.certificate(own.clients) | {"SCHEMAGATE_TLS": ""}).error is None
    refused = get_in(account, SCHEMAGATE_TLS="required")
    assert isinstance(refused.error, errors.AccessDenied)
    make_certificates(tmp_path)
    foreign = get_in(account, **own.certificate(tmp_path), SCHEMAGATE_WAIT_SECONDS="0.5")
    assert isinstance(foreign.error, errors.DatabaseUnavailable)  # the server hangs up, and seldom says why
    assert "SCHEMAGATE_TLS_CERT" in foreign.error.message


def test_a_server_that_is_full_is_waited_for(own: Own) -> None:
    """Until somebody leaves."""
    account, database = own.account(), own.database
    crowd: list[Any] = []
    database.run("SET GLOBAL max_connections = 12")
    try:
        for _ in range(30):
            with suppress(pymysql.MySQLError):
                crowd.append(database.connect(account["MYSQL_USER"], account["MYSQL_PASSWORD"]))
        met = get_in(account, {"too many connections": lambda: [each.close() for each in crowd]})
    finally:
        database.run("SET GLOBAL max_connections = 400")
    assert met.error is None
    assert met.reasons == ["too many connections"]


def test_a_primary_that_cannot_be_written_to_yet_is_waited_for(own: Own) -> None:
    """As during a failover; but only by whoever wants to write."""
    account, variable = own.account(), "super_read_only" if own.database.server.flavour == "mysql" else "read_only"

    def end() -> None:
        own.database.run(f"SET GLOBAL {variable} = 0", "SET GLOBAL read_only = 0")

    own.database.run(f"SET GLOBAL {variable} = 1")
    try:
        met = get_in(account, {"the server is read-only": end})
    finally:
        end()
    assert met.error is None
    assert met.reasons == ["the server is read-only"]


def test_a_database_is_made_once_the_server_may_be_written_to(own: Own) -> None:
    """A right that the account has is not said to be missing, because the server cannot use it yet."""
    variable = "super_read_only" if own.database.server.flavour == "mysql" else "read_only"
    missing = f"{own.database.name}_missing"
    user, password = own.database.account(f"ALL ON `{missing}`.*")
    account = own.database.environment(user, password) | {"MYSQL_DATABASE": missing}

    def end() -> None:
        own.database.run(f"SET GLOBAL {variable} = 0", "SET GLOBAL read_only = 0")

    own.database.run(f"SET GLOBAL {variable} = 1")
    try:
        met = get_in(account, {"the server is read-only": end})
    finally:
        end()
    own.database.run(f"DROP DATABASE `{missing}`")
    assert met.error is None
    assert met.reasons == ["the server is read-only"]
