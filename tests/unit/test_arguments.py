"""The command line."""

from __future__ import annotations

import re

import pytest

from schemagate.arguments import COMMANDS, Arguments, parse
from schemagate.errors import SettingsInvalid
from schemagate.settings import SETTINGS


def test_nothing_typed_is_up() -> None:
    """The image's default."""
    assert parse([]) == parse(["up"]) == Arguments()


def test_flags_are_settings() -> None:
    """Each setting that is no secret can be typed."""
    found = parse(["status", "--host", "db", "--port", "3308", "--json"])
    assert (found.command, found.flags, found.json) == ("status", {"MYSQL_HOST": "db", "MYSQL_PORT": "3308"}, True)
    assert parse(["--host=db"]).command == "up"


def test_a_secret_is_no_flag() -> None:
    """It would be in the process list for everybody to read."""
    for setting in SETTINGS:
        assert not (setting.secret and setting.flag), setting.name


def test_what_is_behind_two_dashes_is_the_program_to_become() -> None:
    """Word for word, even if it looks like ours."""
    assert parse(["up", "--", "node", "server.js", "--host", "x"]).become == ("node", "server.js", "--host", "x")
    assert parse(["--", "status"]) == Arguments("up", {}, ("status",))


@pytest.mark.parametrize(
    "argv",
    [["upp"], ["up", "--hots", "x"], ["new"], ["status", "--", "node"], ["resolve", "a:1"], ["up", "extra"]],
)
def test_what_makes_no_sense_is_a_wrong_setting(argv: list[str]) -> None:
    """As any other wrong input: exit 10, with a line that says what."""
    with pytest.raises(SettingsInvalid, match="schemagate --help"):
        parse(argv)


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        ("up --password hunter2", "--password is no flag, .* it comes from MYSQL_PASSWORD or MYSQL_PASSWORD_FILE"),
        ("up --password --hunter2", "--password is no flag, .*"),
        ("up --password=hunter2", "--password is no flag, .*"),
        ("status -phunter2", "-p is no flag, .*"),
        ("wait -p hunter2", "-p is no flag, .*"),
        ("--database-url mysql://u:hunter2@h/db", "--database-url is no flag, .* DATABASE_URL or DATABASE_URL_FILE"),
        ("up --url=mysql://u:hunter2@h/db", r"--url is no flag \(is --\w+ meant\?\)"),
        ("up --mysql-password hunter2", "--mysql-password is no flag.*"),
        ("up mysql://u:hunter2@h/db", "a word is neither a command nor a flag"),
        ("mysql://u:hunter2@h/db", "a word is neither a command nor a flag"),
        ("up --json=hunter2", "--json does not go with up"),
        ("status --json=hunter2", "argument --json takes no value"),
        ("-hhunter2", "argument -h/--help takes no value"),
        ("up --host:hunter2", "--… is no flag.*"),
    ],
)
def test_what_is_typed_in_vain_is_not_repeated(argv: str, problem: str) -> None:
    """It may be a password; the message says where that comes from instead."""
    with pytest.raises(SettingsInvalid) as caught:
        parse(argv.split())
    (found,) = caught.value.facts["problems"]
    assert re.fullmatch(problem, found)
    assert "hunter2" not in f"{caught.value.message} {caught.value.facts}"


def test_each_word_that_is_not_known_is_named_with_the_one_that_is_meant() -> None:
    """All at once, and with the problems of the settings."""
    environment = {"MYSQL_DATABASE": "app", "MYSQL_PASSWORD": "", "MYSQL_PORT": "x"}
    with pytest.raises(SettingsInvalid, match="4 things are wrong: ") as caught:
        parse(["wait", "--user", "me", "--hots", "x", "--conect-seconds=3", "--check"], environment)
    assert caught.value.facts["problems"] == [
        "--hots is no flag (is --host meant?)",
        "--conect-seconds is no flag (is --connect-seconds meant?)",
        "--check does not go with wait",
        "MYSQL_PORT must be a port from 1 to 65535, not 'x'",
    ]


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        ("--host h status", "status is a command, and a command comes first: schemagate status …"),
        ("--host status up", "up is a command, and a command comes first: schemagate up …"),
        ("statsu", "a word is neither a command nor a flag (is status meant?)"),
    ],
)
def test_the_command_comes_first(argv: str, problem: str) -> None:
    """What is in its place, or where it was put, is said."""
    with pytest.raises(SettingsInvalid) as caught:
        parse(argv.split())
    assert caught.value.facts["problems"] == [problem]


def test_a_value_may_be_called_like_a_command() -> None:
    """Only the first word is one."""
    assert parse(["--host", "status"]) == Arguments("up", {"MYSQL_HOST": "status"})


@pytest.mark.parametrize("argv", ["--help", *(f"{command} --help" for command in COMMANDS)])
def test_help_names_the_settings_that_cannot_be_typed(argv: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody guesses where a password comes from."""
    with pytest.raises(SystemExit):
        parse(argv.split())
    text = capsys.readouterr().out
    for setting in SETTINGS:
        assert setting.flag or re.search(rf"^  {setting.name}\b", text, re.MULTILINE)
        assert not setting.secret or f"{setting.name}_FILE" in text


def test_help_needs_no_readme(capsys: pytest.CaptureFixture[str]) -> None:
    """Commands, settings, exit codes and examples."""
    with pytest.raises(SystemExit) as caught:
        parse(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for word in (*COMMANDS, "exit codes", "143", "examples"):
        assert word in text
    with pytest.raises(SystemExit):
        parse(["up", "--help"])
    text = capsys.readouterr().out
    for setting in SETTINGS:
        assert not setting.flag or setting.flag in text
