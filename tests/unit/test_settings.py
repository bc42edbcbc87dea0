"""What load_settings makes of an environment and a command line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from schemagate.errors import SettingsInvalid
from schemagate.settings import SETTINGS, Settings, load_settings, reporting, settings_table

Load = Callable[..., Settings]
Problems = Callable[..., list[str]]


@pytest.fixture
def least(tmp_path: Path) -> dict[str, str]:
    """The least that a start has to be told."""
    return {
        "MYSQL_DATABASE": "app",
        "MYSQL_USER": "gate",
        "MYSQL_PASSWORD": "a password",
        "SCHEMAGATE_MIGRATIONS": str(tmp_path),
    }


@pytest.fixture
def load(least: dict[str, str]) -> Load:
    """Load the least and what is given on top; None takes a variable away."""

    def load(flags: Mapping[str, str] | None = None, **more: str | None) -> Settings:
        environment = {name: text for name, text in (least | more).items() if text is not None}
        return load_settings(environment, flags or {})

    return load


@pytest.fixture
def problems(load: Load) -> Problems:
    """What is wrong with the least and what is given on top."""

    def problems(flags: Mapping[str, str] | None = None, **more: str | None) -> list[str]:
        with pytest.raises(SettingsInvalid) as caught:
            load(flags, **more)
        return list(caught.value.facts["problems"])

    return problems


def without_connection(url: str) -> dict[str, str | None]:
    return {"DATABASE_URL": url, "MYSQL_DATABASE": None, "MYSQL_USER": None, "MYSQL_PASSWORD": None}


def test_the_least_is_enough(load: Load) -> None:
    """Schema, account and password are all that has to be said; the rest has defaults."""
    settings = load()
    assert (settings.host, settings.port, settings.socket, settings.database) == ("localhost", 3306, None, "app")
    assert (settings.user, settings.password.reveal(), settings.tls) == ("gate", "a password", "preferred")
    assert (settings.wait_seconds, settings.grace_seconds, settings.connect_seconds) == (60, 5, 10)
    assert (settings.lock_seconds, settings.lock_wait_seconds, settings.shadow) == (600, 30, "auto")
    assert (settings.log_format, settings.log_level, settings.no_color) == ("auto", "info", False)
    assert (settings.allow_edited, settings.create_database) == (frozenset(), True)
    assert settings.started_by
    assert settings.revision is None


def test_every_field_has_a_row_in_the_table() -> None:
    """The table is the one source: every setting is in it, once."""
    fields = [setting.field for setting in SETTINGS if setting.field]
    assert sorted([*fields, "secrets", "variables"]) == sorted(Settings._fields)
    names = [name for setting in SETTINGS for name in setting.variables]
    assert len(names) == len(set(names))
    flags = [setting.flag for setting in SETTINGS if setting.flag]
    assert len(flags) == len(set(flags))


def test_the_docs_table_has_every_name() -> None:
    """Whatever may be set is in the table of the docs, with aliases and files of secrets."""
    table = settings_table()
    for setting in SETTINGS:
        for name in setting.variables:
            assert f"`{name}`" in table
            assert (f"`{name}_FILE`" in table) == setting.secret
    assert all(line.count("|") == 5 for line in table.splitlines())


def test_all_problems_are_reported_at_once(problems: Problems) -> None:
    """Whoever set five things wrong is told five things, in one sentence each."""
    found = problems(
        MYSQL_PORT="0",
        MYSQL_DATABASE=None,
        SCHEMAGATE_TLS="maybe",
        SCHEMAGATE_WAIT_SECONDS="soon",
        SCHEMAGATE_MIGRATIONS="/nowhere",
    )
    assert found == [
        "MYSQL_PORT must be a port from 1 to 65535, not '0'",
        "MYSQL_DATABASE is not given: set it or DATABASE_URL",
        "SCHEMAGATE_TLS must be one of off, preferred, required, verify-ca, verify-identity, not 'maybe'",
        "SCHEMAGATE_MIGRATIONS names '/nowhere', which is not a directory here",
        "SCHEMAGATE_WAIT_SECONDS must be a time such as 60, 1.5, 90s, 2m or 500ms, not 'soon'",
    ]


def test_the_message_of_one_problem_is_that_problem(load: Load) -> None:
    """No counting where there is nothing to count."""
    with pytest.raises(SettingsInvalid) as caught:
        load(MYSQL_PORT="x")
    assert caught.value.message == "MYSQL_PORT must be a port from 1 to 65535, not 'x'."


def test_the_message_of_several_problems_counts_them(load: Load) -> None:
    """The message alone says it all, for those who see no facts."""
    with pytest.raises(SettingsInvalid) as caught:
        load(MYSQL_PORT="x", MYSQL_USER=None)
    assert caught.value.message.startswith("2 settings are wrong: MYSQL_PORT must be")
    assert "; MYSQL_USER is not given" in caught.value.message


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60", 60),
        ("1.5", 1.5),
        ("90s", 90),
        ("2m", 120),
        ("500ms", 0.5),
        ("0", 0),
        ("1h", 3600),
        (" 5 S ", 5),
        (".5", 0.5),
    ],
)
def test_times(load: Load, text: str, seconds: float) -> None:
    """A time is a number of seconds, or has a unit."""
    assert load(SCHEMAGATE_WAIT_SECONDS=text).wait_seconds == seconds


@pytest.mark.parametrize(
    "text", ["-1", "nan", "inf", "1e3", "1_000", "5d", "s", "1.", "٣", "99999999999", "9" * 400, "1 0", "0x10", "5\n5"]
)
def test_what_is_no_time(problems: Problems, text: str) -> None:
    """A time is finite, in range, and written plainly."""
    assert len(problems(SCHEMAGATE_WAIT_SECONDS=text)) == 1


@pytest.mark.parametrize(("text", "value"), [("true", True), ("0", False), ("Yes", True), ("off", False)])
def test_truth(load: Load, text: str, value: bool) -> None:
    """True and false have their usual words."""
    assert load(SCHEMAGATE_CREATE_DATABASE=text).create_database is value


def test_names_of_migrations(load: Load) -> None:
    """A list is parted by commas; blanks and `.sql` do not count."""
    assert load(SCHEMAGATE_ALLOW_EDITED=" 0001_a.sql, 0002_b ,").allow_edited == {"0001_a", "0002_b"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("MYSQL_PORT", "65536"),
        ("MYSQL_PORT", "٣٣"),
        ("MYSQL_HOST", "mysql://db"),
        ("MYSQL_HOST", "db:3306"),
        ("MYSQL_HOST", "d b"),
        ("MYSQL_HOST", "[::1]:3306"),
        ("MYSQL_HOST", ".svc"),
        ("MYSQL_HOST", "mysql..svc"),
        ("MYSQL_HOST", "."),
        ("MYSQL_HOST", "[]"),
        ("MYSQL_HOST", "x" * 64 + ".svc"),
        ("MYSQL_HOST", "é" * 64),
        ("MYSQL_HOST", "\u00ad"),
        ("MYSQL_DATABASE", "mysql"),
        ("MYSQL_DATABASE", "shop_\N{PILE OF POO}"),
        ("MYSQL_DATABASE", "Information_Schema"),
        ("MYSQL_DATABASE", "x" * 65),
        ("MYSQL_DATABASE", "app "),
        ("MYSQL_DATABASE", "a\0b"),
        ("MYSQL_USER", "a\nb"),
        ("MYSQL_USER", "a\udcffb"),
        ("MYSQL_PASSWORD", "a\udcffb"),
        ("SCHEMAGATE_SHADOW", "sys"),
        ("SCHEMAGATE_SHADOW", "APP"),
        ("SCHEMAGATE_LOG_LEVEL", "loud"),
        ("SCHEMAGATE_LOG_FORMAT", "xml"),
        ("SCHEMAGATE_CREATE_DATABASE", "perhaps"),
        ("SCHEMAGATE_TLS_CA", "/nowhere/ca.pem"),
        ("SCHEMAGATE_STARTED_BY", "x" * 256),
        ("SCHEMAGATE_MIGRATIONS", "a\0b"),
    ],
)
def test_what_a_setting_may_not_be(problems: Problems, name: str, text: str) -> None:
    """One wrong setting is one problem, and it begins with the setting's name."""
    (problem,) = problems(**{name: text})
    assert problem.startswith(f"{name} ")


def test_an_ipv6_address_is_a_host(load: Load) -> None:
    """Colons alone do not make a port."""
    assert load(MYSQL_HOST="fe80::1").host == "fe80::1"
    assert load(MYSQL_HOST="[::1]").host == "::1"


@pytest.mark.parametrize("name", ["db.", "x" * 63 + ".svc", "a_b-c.svc", "bücher.example", "127.0.0.1"])
def test_names_of_hosts(load: Load, name: str) -> None:
    """Whatever a name service could be asked for; a dot at the end means that the name is whole."""
    assert load(MYSQL_HOST=name).host == name


@pytest.mark.parametrize("name", ["MYSQL_HOST", "MYSQL_DATABASE", "MYSQL_USER", "MYSQL_SOCKET", "SCHEMAGATE_SHADOW"])
def test_a_url_in_a_wrong_place_is_not_shown(problems: Problems, name: str) -> None:
    """It may hold a password. As the name of anything, it would be logged."""
    (problem,) = problems(**{name: "mysql://u:hunter2@h/db"})
    assert re.match(f"{name} is the (name|path) .* alone: DATABASE_URL takes a URL", problem)
    assert "hunter2" not in problem


def test_empty_variables_are_not_given(load: Load) -> None:
    """Compose passes an unset variable on as an empty one."""
    settings = load(MYSQL_HOST="", MYSQL_PORT="", SCHEMAGATE_TLS_CA="", DATABASE_URL="", MYSQL_PASSWORD_FILE="")
    assert (settings.host, settings.port, settings.tls_ca) == ("localhost", 3306, None)


def test_an_empty_password_is_a_password(load: Load) -> None:
    """An account without a password is a fact that can be stated."""
    assert load(MYSQL_PASSWORD="").password.reveal() == ""


def test_an_empty_password_gives_way_to_one_from_elsewhere(load: Load, tmp_path: Path) -> None:
    """Compose may pass the empty variable next to the file that is meant."""
    file = tmp_path / "password"
    file.write_text("from the file\n")
    assert load(MYSQL_PASSWORD="", MYSQL_PASSWORD_FILE=str(file)).password.reveal() == "from the file"


def test_no_password_at_all_is_a_problem(problems: Problems) -> None:
    """The problem says each way to give one, and how to say that there is none."""
    (problem,) = problems(MYSQL_PASSWORD=None)
    assert problem == (
        "MYSQL_PASSWORD is not given: set it, MYSQL_PASSWORD_FILE or DATABASE_URL "
        "(MYSQL_PASSWORD= says that there is none)"
    )


@pytest.mark.parametrize(
    ("content", "password"),
    [("a b", "a b"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a "), ("é", "é")],
)
def test_a_secret_from_a_file(load: Load, tmp_path: Path, content: str, password: str) -> None:
    """One newline at the end is the editor's, everything else is the secret's."""
    file = tmp_path / "secret"
    file.write_bytes(content.encode())
    assert load(MYSQL_PASSWORD=None, MYSQL_PASSWORD_FILE=str(file)).password.reveal() == password


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * 70_000])
def test_a_file_that_holds_no_secret(problems: Problems, tmp_path: Path, content: bytes) -> None:
    """It is one problem, not also that of a missing password."""
    file = tmp_path / "secret"
    file.write_bytes(content)
    (problem,) = problems(MYSQL_PASSWORD=None, MYSQL_PASSWORD_FILE=str(file))
    assert problem.startswith("MYSQL_PASSWORD_FILE names a file ")


@pytest.mark.parametrize("path", ["/nowhere/secret", "/", "a\0b"])
def test_a_file_that_cannot_be_read(problems: Problems, path: str) -> None:
    """The problem says why."""
    (problem,) = problems(MYSQL_PASSWORD=None, MYSQL_PASSWORD_FILE=path)
    assert problem.startswith("MYSQL_PASSWORD_FILE names a file that cannot be read: ")


def test_a_secret_and_its_file_are_one_too_many(problems: Problems, tmp_path: Path) -> None:
    """Which of them counts would be a guess."""
    file = tmp_path / "secret"
    file.write_text("a password")
    assert problems(MYSQL_PASSWORD_FILE=str(file)) == [
        "MYSQL_PASSWORD and MYSQL_PASSWORD_FILE are both given: keep one of them"
    ]


def test_old_names(load: Load) -> None:
    """DB_… are known, as are the names of the server's own image."""
    settings = load(
        MYSQL_DATABASE=None,
        MYSQL_USER=None,
        MYSQL_PASSWORD=None,
        DB_HOST="old",
        DB_PORT="3307",
        DB_NAME="base",
        DB_USER="me",
        DB_PASSWORD="pw",
    )
    assert (settings.host, settings.port, settings.database, settings.user) == ("old", 3307, "base", "me")
    assert settings.password.reveal() == "pw"


def test_sources_that_agree_are_fine(load: Load) -> None:
    """The same said twice, even in other words, is no contradiction."""
    settings = load(
        DB_PORT="03306", MYSQL_TCP_PORT="3306", DB_USER="gate", DATABASE_URL="mysql://gate:a%20password@:3306/app"
    )
    assert settings.port == 3306


def test_sources_that_disagree_are_named(problems: Problems) -> None:
    """Both sources and their values are shown; of secrets, the sources alone."""
    assert problems(MYSQL_HOST="one", DB_HOST="two", DATABASE_URL="mysql://gate:other@/app") == [
        "MYSQL_HOST says 'one' but DB_HOST says 'two': keep one of them",
        "MYSQL_PASSWORD and DATABASE_URL hold different secrets: keep one of them",
    ]


def test_flags_win(load: Load) -> None:
    """What is typed counts, whatever the environment and the URL say."""
    flags = {"MYSQL_HOST": "typed", "SCHEMAGATE_LOCK_SECONDS": "2m"}
    settings = load(flags, MYSQL_HOST="one", DB_HOST="two", SCHEMAGATE_LOCK_SECONDS="x", DATABASE_URL="mysql://three")
    assert (settings.host, settings.lock_seconds) == ("typed", 120)


def test_the_flag_of_a_host_wins_over_a_socket_and_the_other_way_round(load: Load, problems: Problems) -> None:
    """Both say where the server is; only what comes from the same side contradicts."""
    url = "mysql://u:p@db/app?socket=/run/mysqld.sock"
    given = without_connection(url)
    settings = load({"MYSQL_HOST": "typed"}, MYSQL_SOCKET="/run/other.sock", **given)
    assert (settings.host, settings.socket) == ("typed", None)
    settings = load({"MYSQL_SOCKET": "/run/typed.sock"}, DB_HOST="other", **given)
    assert (settings.host, settings.socket) == ("localhost", "/run/typed.sock")
    assert problems({"MYSQL_HOST": "typed", "MYSQL_SOCKET": "/run/typed.sock"}) == [
        "--socket and --host both say where the server is: keep one"
    ]


def test_a_wrong_flag_is_called_by_its_name(problems: Problems) -> None:
    """Whoever typed a flag looks for a flag."""
    assert problems({"MYSQL_PORT": "", "SCHEMAGATE_LOCK_SECONDS": "x"}) == [
        "--port is empty",
        "--lock-seconds must be a time such as 60, 1.5, 90s, 2m or 500ms, not 'x'",
    ]


@pytest.mark.parametrize("scheme", ["mysql", "mysql2", "mariadb", "mysql+pymysql"])
def test_a_url_says_it_all(load: Load, scheme: str) -> None:
    """Every part is percent-decoded; parameters of the application are let be."""
    url = f"{scheme}://us%40er:p%2Fw%3A%25+@db.example:3307/my%20app?ssl-mode=VERIFY_CA&charset=utf8mb4&pool=5"
    settings = load(**without_connection(url))
    assert (settings.host, settings.port, settings.database) == ("db.example", 3307, "my app")
    assert (settings.user, settings.password.reveal(), settings.tls) == ("us@er", "p/w:%+", "verify-ca")


def test_a_url_with_an_ipv6_address(load: Load) -> None:
    """The brackets belong to the URL."""
    settings = load(**without_connection("mysql://u:p@[::1]:3307/app"))
    assert (settings.host, settings.port) == ("::1", 3307)


def test_a_url_with_a_socket(load: Load) -> None:
    """Both of its usual names are known."""
    url = "mysql://u:p@localhost/app?unix_socket=%2Frun%2Fmysqld.sock&socket=/run/mysqld.sock"
    assert load(**without_connection(url)).socket == "/run/mysqld.sock"


def test_a_url_without_a_password(load: Load) -> None:
    """An account in a URL that has no password there has none, unless another source gives one."""
    assert load(**without_connection("mysql://root@db/app")).password.reveal() == ""
    assert load(DATABASE_URL="mysql://gate@db/app").password.reveal() == "a password"


def test_a_url_from_a_file(load: Load, tmp_path: Path) -> None:
    """It holds a secret, so it may come like one."""
    file = tmp_path / "url"
    file.write_text("mysql://u:p@db/app\n")
    more = without_connection("") | {"DATABASE_URL_FILE": str(file)}
    assert load(**more).password.reveal() == "p"


@pytest.mark.parametrize(
    "url",
    [
        "postgres://u:hunter2@db/app",
        "db/app",
        "mysql://u:hun/ter2@db/app",
        "mysql://u:hun?ter2@db/app",
        "mysql://u:hun#ter2@db/app",
        "mysql://u:12/hunter2@db/app",
        "mysql://u:hunter2@db/app/more",
        "mysql://u:hunter2@db/app#hunter2",
        "mysql://u:hunter2%FF@db/app",
        "mysql://u:hunter2@db/app?ssl-verify=hunter2",
        "mysql://u:hunter2@db/app?ssl-mode=off&ssl_mode=required",
    ],
)
def test_a_url_that_cannot_be_read(problems: Problems, url: str) -> None:
    """It is one problem, not also those of its parts; and nothing of the password is in it."""
    (problem,) = problems(**without_connection(url))
    assert problem.startswith("DATABASE_URL ")
    assert "hun" not in problem
    assert "ter2" not in problem


def test_tls_files(load: Load, tmp_path: Path) -> None:
    """Files that are there are taken as they are."""
    ca, key = tmp_path / "ca.pem", tmp_path / "key.pem"
    ca.touch()
    key.touch()
    settings = load(
        SCHEMAGATE_TLS="verify_identity",
        SCHEMAGATE_TLS_CA=str(ca),
        SCHEMAGATE_TLS_CERT=str(ca),
        SCHEMAGATE_TLS_KEY=str(key),
    )
    assert (settings.tls, settings.tls_ca, settings.tls_key) == ("verify-identity", str(ca), str(key))


@pytest.mark.parametrize("mode", [None, "off", "preferred", "required"])
def test_an_authority_that_nothing_is_checked_against(problems: Problems, tmp_path: Path, mode: str | None) -> None:
    """Whoever gives an authority believes the server to be verified."""
    ca = tmp_path / "ca.pem"
    ca.touch()
    (problem,) = problems(SCHEMAGATE_TLS=mode, SCHEMAGATE_TLS_CA=str(ca))
    assert problem.endswith(f"SCHEMAGATE_TLS is {mode or 'preferred'}: say verify-ca or verify-identity")


def test_a_certificate_needs_its_key(problems: Problems, tmp_path: Path) -> None:
    """And the other way round."""
    file = tmp_path / "file.pem"
    file.touch()
    for name in ("SCHEMAGATE_TLS_CERT", "SCHEMAGATE_TLS_KEY"):
        assert problems(**{name: str(file)}) == [
            "SCHEMAGATE_TLS_CERT and SCHEMAGATE_TLS_KEY go together: give both or neither"
        ]


def test_a_socket_and_another_host(problems: Problems) -> None:
    """One server is in one place."""
    assert problems(MYSQL_SOCKET="/run/mysqld.sock", MYSQL_HOST="db") == [
        "MYSQL_SOCKET and MYSQL_HOST both say where the server is: keep one"
    ]


def test_misspelt_settings(problems: Problems) -> None:
    """An unknown name is a problem, with the nearest known one."""
    assert problems(SCHEMAGATE_WAIT="1", SCHEMAGATE_LOCKSECONDS="", SCHEMAGATE_VARX="1", SCHEMAGATE_QQQQ="") == [
        "SCHEMAGATE_LOCKSECONDS is no setting (is SCHEMAGATE_LOCK_SECONDS meant?)",
        "SCHEMAGATE_QQQQ is no setting",
        "SCHEMAGATE_VARX is no setting",
        "SCHEMAGATE_WAIT is no setting (is SCHEMAGATE_WAIT_SECONDS meant?)",
    ]


def test_variables_of_migrations(load: Load, tmp_path: Path) -> None:
    """Any name, as it is written; an empty one is none; one may be read from a file, less the newline at its end."""
    file = tmp_path / "secret"
    file.write_text("from a file\n")
    settings = load(
        SCHEMAGATE_VAR_b="small", SCHEMAGATE_VAR_B="", SCHEMAGATE_VAR_A_FILE=str(file), SCHEMAGATE_VAR__1=" x ' "
    )
    values = [(name, value.reveal()) for name, value in settings.variables]
    assert values == [("A", "from a file"), ("_1", " x ' "), ("b", "small")]
    assert {value for _, value in values} <= {secret.reveal() for secret in settings.secrets}
    assert "small" not in repr(settings)


def test_variables_of_migrations_that_cannot_be(problems: Problems, tmp_path: Path) -> None:
    """Each is told, without a value."""
    file = tmp_path / "empty"
    file.touch()
    assert problems(
        SCHEMAGATE_VAR_="hunter2",
        SCHEMAGATE_VAR_1="hunter2",
        **{"SCHEMAGATE_VAR_A-B": "hunter2"},
        SCHEMAGATE_VAR_GONE_FILE="/nowhere",
        SCHEMAGATE_VAR_EMPTY_FILE=str(file),
        SCHEMAGATE_VAR_BYTES="hunter\udc80",
        SCHEMAGATE_VAR_TWO="hunter2",
        SCHEMAGATE_VAR_TWO_FILE=__file__,
    ) == [
        "SCHEMAGATE_VAR_ is no name of a variable: letters, digits and _, and no digit first",
        "SCHEMAGATE_VAR_1 is no name of a variable: letters, digits and _, and no digit first",
        "SCHEMAGATE_VAR_A-B is no name of a variable: letters, digits and _, and no digit first",
        "SCHEMAGATE_VAR_BYTES holds a NUL character or is not UTF-8",
        "SCHEMAGATE_VAR_EMPTY_FILE names a file that is empty",
        "SCHEMAGATE_VAR_GONE_FILE names a file that cannot be read: No such file or directory",
        "SCHEMAGATE_VAR_TWO and SCHEMAGATE_VAR_TWO_FILE are both given: keep one of them",
    ]


def test_variables_that_are_not_for_us(load: Load) -> None:
    """Those of the tests, and those that Kubernetes makes of a service that has our name or the server's."""
    settings = load(
        SCHEMAGATE_TEST_SERVERS="x",
        SCHEMAGATE_CACHE="x",
        SCHEMAGATE_SERVICE_HOST="10.0.0.1",
        SCHEMAGATE_SERVICE_PORT_HTTP="80",
        SCHEMAGATE_PORT="tcp://10.0.0.1:80",
        SCHEMAGATE_PORT_80_TCP_ADDR="10.0.0.1",
        SCHEMAGATE_WEB_SERVICE_HOST="10.0.0.2",
        MYSQL_PORT="tcp://10.0.0.3:3306",
        DB_PORT="tcp://10.0.0.4:3306",
    )
    assert settings.port == 3306


def test_a_port_that_is_no_address_is_no_service(problems: Problems) -> None:
    """What a person writes in this place is told the name that is meant."""
    assert problems(SCHEMAGATE_PORT="3307", SCHEMAGATE_WEB_PORT="80") == [
        "SCHEMAGATE_PORT is no setting (is MYSQL_PORT meant?)",
        "SCHEMAGATE_WEB_PORT is no setting (is MYSQL_PORT meant?)",
    ]


@pytest.mark.parametrize(
    ("more", "name"), [({"POD_NAME": "pod", "HOSTNAME": "host"}, "pod"), ({"HOSTNAME": "ho\x1bst"}, "host")]
)
def test_who_started(load: Load, more: dict[str, str], name: str) -> None:
    """The pod's name where there is one, else the host's."""
    assert load(**more).started_by == name
    assert load(**more, SCHEMAGATE_STARTED_BY="me").started_by == "me"


def test_the_termination_log_can_be_switched_off(load: Load) -> None:
    """An empty text means none; a path is taken whether or not the file is there yet."""
    assert load(SCHEMAGATE_TERMINATION_LOG="").termination_log is None
    assert load(SCHEMAGATE_TERMINATION_LOG="/tmp/x").termination_log == "/tmp/x"


def test_the_default_directory(least: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a setting it is `/migrations`, else `./migrations`, else a problem."""
    if os.path.isdir("/migrations"):
        pytest.fail("this machine has /migrations")
    del least["SCHEMAGATE_MIGRATIONS"]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsInvalid, match=r"no /migrations and no \./migrations"):
        load_settings(least, {})
    (tmp_path / "migrations").mkdir()
    assert load_settings(least, {}).migrations == "migrations"


def test_no_colour(load: Load) -> None:
    """NO_COLOR has no value, it is just there."""
    assert load(NO_COLOR="0").no_color is True


def test_reporting_survives_everything() -> None:
    """However wrong the settings are, how to report it is known; right ones among them count."""
    wrong: dict[str, Any] = {"SCHEMAGATE_LOG_LEVEL": "loud", "MYSQL_PASSWORD": "pw\udcff", "DATABASE_URL": "://x:y@"}
    report = reporting(wrong | {"SCHEMAGATE_LOG_FORMAT": "JSON", "DATABASE_URL_FILE": "/nowhere"}, {})
    assert (report.log_format, report.log_level, report.no_color) == ("json", "info", False)
    assert {"pw\udcff", "y"} <= {secret.reveal() for secret in report.secrets}


def test_loading_imports_nothing_that_costs_time() -> None:
    """A start with nothing to do pays for every import."""
    code = (
        "import sys; sys.path.insert(0, '.'); import schemagate.settings as s; "
        "s.load_settings({'MYSQL_DATABASE': 'a', 'MYSQL_USER': 'b', 'MYSQL_PASSWORD': 'c', 'HOSTNAME': 'd', "
        "'SCHEMAGATE_MIGRATIONS': '/'}, {}); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert not {"urllib.parse", "difflib", "encodings.idna", "socket", "pathlib", "json", "structlog"} & set(
        done.stdout.split()
    )
