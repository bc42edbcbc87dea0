"""The command line."""

from __future__ import annotations

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
