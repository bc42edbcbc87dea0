"""The command line: a command, settings as flags, and behind `--` the program to become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from schemagate.values import Value

COMMANDS = {
    "up": "wait for MySQL, apply what is pending, verify the schema (the default)",
    "wait": "wait for MySQL, and nothing else",
    "check": "the same verdict as up, reading only: pending migrations are exit 23",
    "status": "what is applied, what is pending; --json for machines",
    "snapshot": "write schema.sql by running the migrations in the shadow; --check tells whether it is stale",
    "new": "write a new, dated, empty migration: schemagate new add_customer_index",
    "resolve": "say what became of a statement in doubt: resolve MIGRATION:ORDINAL --applied | --not-applied",
}

EXIT_CODES = """\
exit codes, by their first digit:
  0    the gate is open: the schema is the one expected
  1    a bug in schemagate
  1x   change the input      10 settings  11 migration file  12 files and journal contradict each other
                             13 access denied  14 the rehearsal failed  15 schema.sql is stale
  2x   start again later     20 no server  21 connection lost  22 another start holds the lock
                             23 migrations are pending (check alone)
  3x   look at the database  30 a statement failed  31 a statement is in doubt  32 the schema is not the one expected
  143  SIGTERM, 130 SIGINT: stopped between two statements; the next start goes on from there

examples:
  schemagate                                  in the container: all of it
  schemagate up -- node server.js             become the application once the schema is right
  schemagate status --host 127.0.0.1 --port 3308 --user root --database shop
  schemagate snapshot                         after writing a migration; review the change of schema.sql
"""


class Arguments(Value):
    """What was typed. `flags` are settings by name; `become` is the program to become after success."""

    command: str = "up"
    flags: Mapping[str, str] = MappingProxyType({})
    become: tuple[str, ...] = ()
    json: bool = False
    check: bool = False
    name: str = ""
    outcome: str = ""


def parse(argv: Sequence[str]) -> Arguments:
    """Read the command line. Ends the process for --help and --version; raises SettingsInvalid for nonsense."""
    if not argv or list(argv) == ["up"]:
        return Arguments()  # what containers do; argparse costs them 10 ms
    return _parse(argv)


def _parse(argv: Sequence[str]) -> Arguments:
    import argparse
    from typing import NoReturn

    from schemagate import __version__
    from schemagate.errors import SettingsInvalid
    from schemagate.settings import SETTINGS

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            raise SettingsInvalid(f"{self.prog}: {message}; `schemagate --help` tells more", problems=[message])

    argv, become = _cut(list(argv))
    parser = Parser(
        prog="schemagate",
        description="The gate in front of an application's MySQL: waits, migrates, proves the schema, and then opens.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"schemagate {__version__}")
    shared = Parser(add_help=False, allow_abbrev=False)
    group = shared.add_argument_group(
        "settings, each also an environment variable (secrets only there, or as NAME_FILE)"
    )
    for setting in SETTINGS:
        if setting.flag:
            default = f" ({setting.default or setting.default_says})" if setting.default or setting.default_says else ""
            group.add_argument(
                setting.flag,
                dest=setting.name,
                metavar="X",
                help=f"{setting.name}: {setting.help.replace('`', '')}{default}".replace("%", "%%"),
            )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    for name, text in COMMANDS.items():
        made = commands.add_parser(name, help=text, description=text, parents=[shared], allow_abbrev=False)
        if name == "status":
            made.add_argument("--json", action="store_true", help="one JSON object instead of a table")
        elif name == "snapshot":
            made.add_argument("--check", action="store_true", help="write nothing; exit 15 if schema.sql is stale")
        elif name == "new":
            made.add_argument("name", metavar="NAME", help="what it does, in words joined by _")
        elif name == "resolve":
            made.add_argument("name", metavar="MIGRATION:ORDINAL")
            said = made.add_mutually_exclusive_group(required=True)
            said.add_argument("--applied", dest="outcome", action="store_const", const="applied")
            said.add_argument("--not-applied", dest="outcome", action="store_const", const="failed")
    first = next((word for word in argv if not word.startswith("-")), None)
    if first not in COMMANDS and not {"-h", "--help", "--version"} & set(argv):
        argv = ["up", *argv]
    found = vars(parser.parse_args(argv))
    if become and found["command"] != "up":
        parser.error("a program behind -- goes with up alone")
    names = {setting.name for setting in SETTINGS}
    return Arguments(
        found["command"] or "up",
        {name: value for name, value in found.items() if name in names and value is not None},
        become,
        found.get("json", False),
        found.get("check", False),
        found.get("name", ""),
        found.get("outcome", ""),
    )


def _cut(argv: list[str]) -> tuple[list[str], tuple[str, ...]]:
    at = argv.index("--") if "--" in argv else len(argv)
    return argv[:at], tuple(argv[at + 1 :])
