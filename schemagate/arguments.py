"""The command line: a command, settings as flags, and behind `--` the program to become.

What is typed may be a password in a place where none belongs, so no message repeats a word that is not known. Of an
option that is not known it has the name, without the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from schemagate.values import Value

TYPE_CHECKING = False  # as in values.py
if TYPE_CHECKING:
    import argparse
    from typing import NoReturn

    from schemagate.errors import SettingsInvalid

COMMANDS = {
    "up": "wait for MySQL, apply what is pending, verify the schema (the default); --dry-run only tells",
    "wait": "wait for MySQL, and nothing else",
    "check": "the same verdict as up, reading only: pending migrations are exit 23",
    "status": "what is applied, what is pending; --json for machines",
    "diff": "compare two schemas, of live, snapshot, migrations, URL, FILE.sql; prints the DDL between them",
    "snapshot": "write schema.sql by running the migrations in the shadow; --check tells whether it is stale",
    "new": "write a new, dated, empty migration: schemagate new add_customer_index; --repeatable for a view or routine",
    "resolve": "say what became of a statement in doubt: resolve MIGRATION:ORDINAL --applied | --not-applied",
    "baseline": "note what a database has that was migrated without us: baseline --to MIGRATION | --detect; --dry-run",
}

EXIT_CODES = """\
exit codes, by their first digit:
  0    the gate is open: the schema is the one expected
  1    a bug in schemagate
  1x   change the input      10 settings  11 migration file  12 files and journal contradict each other
                             13 access denied  14 the rehearsal failed  15 schema.sql is stale
  2x   start again later     20 no server  21 connection lost  22 another start holds the lock
                             23 migrations are pending (check)
  3x   look at the database  30 a statement failed  31 a statement is in doubt  32 the schema is not the one expected
                             33 what could be compared is equal, the rest nobody can tell (diff alone)
  143  SIGTERM, 130 SIGINT: stopped between two statements; the next start goes on from there

examples:
  schemagate                                  in the container: all of it
  schemagate up -- node server.js             become the application once the schema is right
  schemagate status --host 127.0.0.1 --port 3308 --user root --database shop
  schemagate diff live migrations             what is different, and the DDL for it
  schemagate snapshot                         after writing a migration; review the change of schema.sql
"""


WITHOUT_FILES = frozenset({"wait", "resolve"})  # the commands that need no migrations
# Options that are no settings.
OWN = (
    *("--json", "--sql", "--check", "--repeatable", "--applied", "--not-applied", "--to", "--detect", "--dry-run"),
    "--version",
)


class Arguments(Value):
    """What was typed. `flags` are settings by name; `become` is the program to become after success."""

    command: str = "up"
    flags: Mapping[str, str] = MappingProxyType({})
    become: tuple[str, ...] = ()
    json: bool = False
    check: bool = False
    name: str = ""
    outcome: str = ""
    sides: tuple[str, ...] = ()
    sql: bool = False
    repeatable: bool = False
    to: str = ""
    dry_run: bool = False

    @property
    def needs_migrations(self) -> bool:
        """Does the command read the directory of migrations?"""
        if self.command != "diff":
            return self.command not in WITHOUT_FILES
        return len(self.sides) < 2 or bool({"", "snapshot", "migrations"} & {*self.sides})


def parse(argv: Sequence[str], environment: Mapping[str, str] | None = None) -> Arguments:
    """Read the command line. Ends the process for --help and --version; raises SettingsInvalid for nonsense.

    Where words are not known, the problems are theirs and, given the environment, those of all settings as well.
    """
    if not argv or list(argv) == ["up"]:
        return Arguments()  # what containers do; argparse costs them 10 ms
    return _parse(argv, environment)


def _parse(argv: Sequence[str], environment: Mapping[str, str] | None) -> Arguments:
    from schemagate.settings import SETTINGS

    argv, become = _cut(list(argv))
    if argv and argv[0] not in COMMANDS:
        asked = [word for word in argv if word in ("-h", "--help", "--version")]
        argv = asked[:1] or ["up", *argv]
    parser = _parser()
    known, unknown = parser.parse_known_args(argv)
    found = vars(known)
    names = {setting.name for setting in SETTINGS}
    flags = {name: value for name, value in found.items() if name in names and value is not None}
    sides = _sides(found.get("sides", []), flags)
    arguments = Arguments(
        found["command"] or "up",
        flags,
        become,
        found.get("json", False),
        found.get("check", False),
        found.get("name", ""),
        found.get("outcome", ""),
        sides,
        found.get("sql", False),
        found.get("repeatable", False),
        (found.get("to") or "").removesuffix(".sql"),
        found.get("dry_run", False),
    )
    if unknown:
        raise _nonsense(unknown, arguments, environment)
    if become and arguments.command != "up":
        parser.error("a program behind -- goes with up alone")
    if become and arguments.dry_run:
        parser.error("a program behind -- does not go with --dry-run: nothing is made ready for it")
    return arguments


def _parser() -> argparse.ArgumentParser:
    import argparse

    from schemagate import __version__
    from schemagate.errors import SettingsInvalid

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            option, refused, _ = message.partition(": ignored explicit argument")  # which would be repeated here
            message = f"{option} takes no value" if refused else message
            raise SettingsInvalid(f"{self.prog}: {message}; `schemagate --help` tells more", problems=[message])

    parser = Parser(
        prog="schemagate",
        description="The gate in front of an application's MySQL: waits, migrates, proves the schema, and then opens.",
        epilog=f"{EXIT_CODES}\nsettings, beside those that `schemagate up --help` has as flags:\n{_without_flag()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"schemagate {__version__}")
    shared = Parser(add_help=False, allow_abbrev=False)
    _add_settings(shared.add_argument_group("settings, each also an environment variable"))
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    for name, text in COMMANDS.items():
        made = commands.add_parser(
            name,
            help=text,
            description=text,
            epilog=f"settings that are environment variables alone:\n{_without_flag()}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[shared],
            allow_abbrev=False,
        )
        _add_own(made, name)
    return parser


def _add_settings(group: argparse._ArgumentGroup) -> None:
    from schemagate.settings import SETTINGS

    for setting in SETTINGS:
        if setting.flag:
            default = f" ({setting.default or setting.default_says})" if setting.default or setting.default_says else ""
            text = f"{setting.name}: {setting.help.replace('`', '')}{default}".replace("%", "%%")
            group.add_argument(setting.flag, dest=setting.name, metavar="X", help=text)


def _add_own(parser: argparse.ArgumentParser, command: str) -> None:
    """What one command takes and no other."""
    if command == "up":
        parser.add_argument("--dry-run", action="store_true", help="change nothing; tell what would be done")
    elif command == "status":
        parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    elif command == "diff":
        what = "live, snapshot, migrations, mysql://user:password@host:port/database, or the path of a .sql file"
        parser.add_argument("sides", metavar="FROM TO", nargs="*", help=f"each of {what} (live snapshot)")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of text for people")
        parser.add_argument("--sql", action="store_true", help="the DDL alone, for a client to run")
    elif command == "snapshot":
        parser.add_argument("--check", action="store_true", help="write nothing; exit 15 if schema.sql is stale")
    elif command == "new":
        parser.add_argument("name", metavar="NAME", help="what it does, in words joined by _")
        parser.add_argument("--repeatable", action="store_true", help="one that is run again whenever it changes")
    elif command == "resolve":
        parser.add_argument("name", metavar="MIGRATION:ORDINAL")
        said = parser.add_mutually_exclusive_group(required=True)
        said.add_argument("--applied", dest="outcome", action="store_const", const="applied")
        said.add_argument("--not-applied", dest="outcome", action="store_const", const="failed")
    elif command == "baseline":
        last = parser.add_mutually_exclusive_group(required=True)
        last.add_argument("--to", metavar="MIGRATION", help="the last migration that was run")
        last.add_argument("--detect", action="store_true", help="the one after which the schema is what it is now")
        parser.add_argument("--dry-run", action="store_true", help="write nothing; tell what would be noted")


def _sides(words: Sequence[str], flags: dict[str, str]) -> tuple[str, ...]:
    """FROM and TO; the URL of a server, which may hold a password, becomes a setting and is "url" here.

    Where both are URLs, the server of the first is the one to compare on. Raises SettingsInvalid for a third word.
    """
    if len(words) > 2:
        from schemagate.errors import SettingsInvalid

        problem = "diff compares two schemas, and more words were typed"
        raise SettingsInvalid(f"{problem}; `schemagate diff --help` tells more", problems=[problem])
    for word, name in zip(words, ("SCHEMAGATE_FROM_URL", "SCHEMAGATE_TO_URL"), strict=False):
        if "://" in word:
            flags[name] = word
    sides = tuple("url" if "://" in word else word for word in words)
    if sides == ("url", "url"):
        from schemagate.sources import read_url

        try:
            parts = read_url(words[0])
        except ValueError:  # which the settings will say
            parts = {}
        flags.update({name: text for name, text in parts.items() if name not in flags})
    return sides


def _without_flag() -> str:
    """What --help says of the settings that cannot be typed."""
    import textwrap

    from schemagate.options import VARIABLES, VARIABLES_HELP
    from schemagate.settings import SETTINGS

    lines, indent = [], " " * 6
    for setting in SETTINGS:
        if not setting.flag:
            lines.append(f"  {setting.name}" + (f", {setting.name}_FILE" if setting.secret else ""))
            text = setting.help.replace("`", "")
            lines += textwrap.wrap(text, 100, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
    lines += [f"  {VARIABLES}, {VARIABLES}_FILE", f"{indent}{VARIABLES_HELP.replace('`', '')}"]
    return "\n".join(lines)


def _nonsense(unknown: Sequence[str], arguments: Arguments, environment: Mapping[str, str] | None) -> SettingsInvalid:
    """The error for words that are not known."""
    from schemagate.errors import SettingsInvalid
    from schemagate.settings import load_settings

    problems = _problems(unknown, arguments.command)
    if environment is not None and arguments.command != "new":
        try:
            load_settings(environment, arguments.flags, needs_migrations=arguments.needs_migrations)
        except SettingsInvalid as error:
            problems += error.facts["problems"]
    several = f"{len(problems)} things are wrong: " if len(problems) > 1 else ""
    return SettingsInvalid(f"{several}{'; '.join(problems)}; `schemagate --help` tells more", problems=problems)


def _problems(unknown: Sequence[str], command: str) -> list[str]:
    """What is wrong with these words. Repeated is the name of an option alone, less what is behind its `=`."""
    from schemagate.settings import SETTINGS

    secrets = {setting.option: setting.name for setting in SETTINGS if setting.secret}
    secrets |= dict.fromkeys(("--pass", "--pwd", "-p"), "MYSQL_PASSWORD")
    problems, before = [], ""
    for word in unknown:
        secret = next((option for option in secrets if word.startswith(option)), None)
        if before in secrets:
            pass  # the secret itself, even if it looks like an option
        elif secret:
            name = secrets[secret]
            why = "because everybody can read a command line"
            problems.append(f"{secret} is no flag, {why}: it comes from {name} or {name}_FILE")
        elif word.startswith("--"):
            problems.append(_unknown_option(word.partition("=")[0], command))
        elif not before.startswith("-") or "=" in before:  # else it is the value of that
            problems.append(_unknown_word(word))
        before = word
    return list(dict.fromkeys(problems))


def _unknown_option(option: str, command: str) -> str:
    from schemagate.settings import SETTINGS

    known = [*OWN, *(setting.flag for setting in SETTINGS if setting.flag)]
    if option in known:
        return f"{option} does not go with {command}"
    shown = option if option.replace("-", "").replace("_", "").isalnum() and len(option) <= 40 else "--…"
    return f"{shown} is no flag{_meant(option, known)}"


def _unknown_word(word: str) -> str:
    if word in COMMANDS:
        return f"{word} is a command, and a command comes first: schemagate {word} …"
    return f"a word is neither a command nor a flag{_meant(word, [*COMMANDS])}"


def _meant(word: str, known: Sequence[str]) -> str:
    import difflib

    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f" (is {near[0]} meant?)" if near else ""


def _cut(argv: list[str]) -> tuple[list[str], tuple[str, ...]]:
    at = argv.index("--") if "--" in argv else len(argv)
    return argv[:at], tuple(argv[at + 1 :])
