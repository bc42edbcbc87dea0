"""The environment and the command line, checked and typed.

`SETTINGS` is the one table: what is parsed, what `--help` says and what docs/operations.md lists all come from it.
Every problem is reported at once, because a start that stops at the first wrong setting is started again for each of
them. Nothing is imported here that a start with nothing to do would have to wait for: `urllib`, `difflib`, `socket`
and `pathlib` cost milliseconds each, so paths are plain strings.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemagate import checks
from schemagate.errors import SettingsInvalid
from schemagate.sources import Secret, Source, read_secret_file, read_url, redactor, url_secrets

PREFIX = "SCHEMAGATE_"
# For the tests and their helpers; a start takes no notice of them.
_NOT_OURS = re.compile(r"SCHEMAGATE_(TEST_.*|CACHE)")
# Kubernetes gives every pod such variables for every service in its namespace: a service that is called schemagate
# makes SCHEMAGATE_PORT, and one that is called mysql makes MYSQL_PORT=tcp://10.0.0.1:3306.
_SERVICE_LINK = re.compile(r"SCHEMAGATE_(.*_)?(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_\d+_(TCP|UDP|SCTP)(_.*)?)?)")
_SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://")


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table; `default` is parsed like a given text, `default_says` describes one that is found out."""

    name: str
    field: str
    type: checks.Type
    help: str
    default: str | None = None
    default_says: str = ""
    aliases: tuple[str, ...] = ()
    flag: str | None = ""
    secret: bool = False
    required: bool = False
    empty: bool = False  # an empty text is a value of its own, not "not given"

    def __post_init__(self) -> None:
        if self.flag == "":
            short = self.name.removeprefix(PREFIX).removeprefix("MYSQL_")
            object.__setattr__(self, "flag", None if self.secret else "--" + short.lower().replace("_", "-"))

    @property
    def variables(self) -> tuple[str, ...]:
        """Every environment variable that gives it; that of a secret also exists with `_FILE` at its end."""
        return (self.name, *self.aliases)


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "DATABASE_URL",
        "",
        checks.URL,
        "All of the connection in one: `mysql://user:password@host:port/database?ssl-mode=…`, percent-encoded. "
        "`mysql2://`, `mariadb://` and `mysql+pymysql://` are the same.",
        secret=True,
    ),
    Setting("MYSQL_HOST", "host", checks.HOST, "Where the server is.", "localhost", aliases=("DB_HOST",)),
    Setting("MYSQL_PORT", "port", checks.PORT, "Its port.", "3306", aliases=("MYSQL_TCP_PORT", "DB_PORT")),
    Setting("MYSQL_SOCKET", "socket", checks.PATH, "Its Unix socket, in place of host and port."),
    Setting(
        "MYSQL_DATABASE", "database", checks.SCHEMA, "The schema behind the gate.", required=True, aliases=("DB_NAME",)
    ),
    Setting("MYSQL_USER", "user", checks.TEXT, "The account that migrates.", required=True, aliases=("DB_USER",)),
    Setting(
        "MYSQL_PASSWORD",
        "password",
        checks.PASSWORD,
        "Its password. Set it to nothing for an account that has none.",
        secret=True,
        required=True,
        empty=True,
        aliases=("DB_PASSWORD",),
    ),
    Setting(
        "SCHEMAGATE_TLS",
        "tls",
        checks.TLS,
        "`preferred` encrypts if the server can; `required` insists; `verify-ca` also checks who signed the server's "
        "certificate, `verify-identity` its host name as well.",
        "preferred",
    ),
    Setting(
        "SCHEMAGATE_TLS_CA",
        "tls_ca",
        checks.FILE,
        "The authority that `verify-ca` and `verify-identity` trust, in PEM.",
        default_says="those of the system",
    ),
    Setting("SCHEMAGATE_TLS_CERT", "tls_cert", checks.FILE, "Our own certificate, for accounts that ask for one."),
    Setting("SCHEMAGATE_TLS_KEY", "tls_key", checks.FILE, "The key of our own certificate."),
    Setting(
        "SCHEMAGATE_MIGRATIONS",
        "migrations",
        checks.DIRECTORY,
        "The SQL files and the snapshot `schema.sql`.",
        default_says="`/migrations` if there is one, else `./migrations`",
    ),
    Setting(
        "SCHEMAGATE_WAIT_SECONDS",
        "wait_seconds",
        checks.duration(0, 86_400),
        "How long to wait for a server that answers.",
        "60",
    ),
    Setting(
        "SCHEMAGATE_GRACE_SECONDS",
        "grace_seconds",
        checks.duration(0, 3_600),
        "How long a refused account or an unknown schema may still be on its way.",
        "5",
    ),
    Setting(
        "SCHEMAGATE_CONNECT_SECONDS",
        "connect_seconds",
        checks.duration(0.1, 3_600),
        "How long one attempt to connect may take.",
        "10",
    ),
    Setting(
        "SCHEMAGATE_LOCK_SECONDS",
        "lock_seconds",
        checks.duration(0, 86_400),
        "How long to wait for another start that is at work.",
        "600",
    ),
    Setting(
        "SCHEMAGATE_LOCK_WAIT_SECONDS",
        "lock_wait_seconds",
        checks.duration(1, 86_400),
        "How long one statement may wait for the application's locks on a table or a row.",
        "30",
    ),
    Setting(
        "SCHEMAGATE_SHADOW",
        "shadow",
        checks.SHADOW,
        "The scratch schema: `auto` makes one if the account may, `off` does without, a name uses that one.",
        "auto",
    ),
    Setting(
        "SCHEMAGATE_CREATE_DATABASE",
        "create_database",
        checks.TRUTH,
        "Create the schema where there is none, if the account may.",
        "true",
    ),
    Setting(
        "SCHEMAGATE_ALLOW_EDITED",
        "allow_edited",
        checks.NAMES,
        "Migrations that may differ from what was applied under their name.",
        "",
    ),
    Setting(
        "SCHEMAGATE_ALLOW_MISSING", "allow_missing", checks.NAMES, "Applied migrations whose file may be gone.", ""
    ),
    Setting(
        "SCHEMAGATE_ALLOW_OUT_OF_ORDER",
        "allow_out_of_order",
        checks.NAMES,
        "Pending migrations that may come before ones already applied.",
        "",
    ),
    Setting(
        "SCHEMAGATE_LOG_FORMAT",
        "log_format",
        checks.choice("auto", "json", "console"),
        "One JSON object a line, or lines for people; `auto` is for people if stdout is a terminal.",
        "auto",
    ),
    Setting(
        "SCHEMAGATE_LOG_LEVEL",
        "log_level",
        checks.choice("debug", "info", "warning", "error"),
        "The least that is logged; `debug` has every statement.",
        "info",
    ),
    Setting("NO_COLOR", "no_color", checks.Type("anything", bool), "No colours, whatever it is set to.", "", flag=None),
    Setting(
        "SCHEMAGATE_TERMINATION_LOG",
        "termination_log",
        checks.PATH,
        "Where the last word of a start goes, for `kubectl describe pod`. Set it to nothing for none.",
        default_says="`/dev/termination-log` if it can be written",
        empty=True,
    ),
    Setting(
        "SCHEMAGATE_STARTED_BY",
        "started_by",
        checks.TEXT,
        "Who the journal says ran this.",
        default_says="`POD_NAME`, else `HOSTNAME`, else the host's name",
    ),
    Setting(
        "SCHEMAGATE_REVISION",
        "revision",
        checks.TEXT,
        "The release of image or application that the journal is to note.",
    ),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What one start was told; every value is checked. Times are in seconds, paths are strings."""

    host: str
    port: int
    socket: str | None
    database: str
    user: str
    password: Secret
    tls: str
    tls_ca: str | None
    tls_cert: str | None
    tls_key: str | None
    migrations: str
    wait_seconds: float
    grace_seconds: float
    connect_seconds: float
    lock_seconds: float
    lock_wait_seconds: float
    shadow: str
    create_database: bool
    allow_edited: frozenset[str]
    allow_missing: frozenset[str]
    allow_out_of_order: frozenset[str]
    log_format: str
    log_level: str
    no_color: bool
    termination_log: str | None
    started_by: str
    revision: str | None
    secrets: tuple[Secret, ...]
    """All that the log must hide: passwords and URLs, in the forms in which they were given."""


@dataclass(frozen=True, slots=True)
class Reporting:
    """The few settings that reporting takes; there is always one, however wrong the others are."""

    log_format: str
    log_level: str
    no_color: bool
    termination_log: str | None
    secrets: tuple[Secret, ...]


def load_settings(environment: Mapping[str, str], flags: Mapping[str, str]) -> Settings:
    """Check and type what was given; flags (setting name -> text) win over the environment.

    An empty variable counts as not given, because that is what Compose makes of one that is unset. Sources that agree
    are fine. Raises `SettingsInvalid` with every problem; none of them quotes a secret.
    """
    load = _Load(environment, flags)
    load.gather()
    values = {setting.field: load.decide(setting) for setting in SETTINGS if setting.field}
    load.problems += _unknown(environment, flags)
    load.problems += _contradictions(values, load.sources)
    if load.problems:
        raise _invalid(load.problems, load.secrets)
    return Settings(**values, secrets=tuple(map(Secret, load.secrets)))


def reporting(environment: Mapping[str, str], flags: Mapping[str, str]) -> Reporting:
    """How to report that the settings are wrong: never fails, reads no file; a wrong value becomes the default."""
    load = _Load(environment, flags)
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        if setting.field in ("log_format", "log_level", "no_color", "termination_log"):
            load.sources[setting.name] = load.texts(setting)
            values[setting.field] = load.decide(setting)
            if values[setting.field] is WRONG:
                values[setting.field] = load.default(setting)
    given = [environment.get(name, "") for setting in SETTINGS if setting.secret for name in setting.variables]
    given += url_secrets(environment.get("DATABASE_URL", ""))
    return Reporting(**values, secrets=tuple(Secret(text) for text in given if text))


URL_PARTS = frozenset({"MYSQL_HOST", "MYSQL_PORT", "MYSQL_DATABASE", "MYSQL_USER", "MYSQL_PASSWORD"})
WRONG: Any = object()
"""In the place of a value that a problem was reported for, so that nothing is said about it twice."""


class _Load:
    """One pass over what was given; collects problems and secrets on the way."""

    def __init__(self, environment: Mapping[str, str], flags: Mapping[str, str]) -> None:
        self.environment = environment
        self.flags = flags
        self.problems: list[str] = []
        self.secrets: list[str] = []
        self.sources: dict[str, list[Source]] = {}
        self.wrong: set[str] = set()

    def gather(self) -> None:
        """Find every source of every setting; the parts of the URL are sources of the settings that they are."""
        for setting in SETTINGS:
            self.sources[setting.name] = self.texts(setting) + (self.files(setting) if setting.secret else [])
        for label, text in self.sources["DATABASE_URL"]:
            self.secrets += url_secrets(text)
            try:
                parts = read_url(text)
            except ValueError as error:
                self.problems.append(f"{label} {error}")
                self.wrong |= URL_PARTS
                continue
            for name, part in parts.items():
                if name not in self.flags:
                    self.sources[name].append(Source(label, part))

    def texts(self, setting: Setting) -> list[Source]:
        """What the command line says, else what the variables say."""
        if setting.name in self.flags:
            return [Source(setting.flag or setting.name, self.flags[setting.name])]
        found = [Source(name, self.environment[name]) for name in setting.variables if name in self.environment]
        if setting.type is checks.PORT:
            found = [source for source in found if not _SERVICE_ADDRESS.match(source.text)]
        if setting.secret:
            self.secrets += [text for _, text in found if text]
        return [source for source in found if source.text or setting.empty]

    def files(self, setting: Setting) -> list[Source]:
        """What the files hold that NAME_FILE variables name."""
        found = []
        for name in setting.variables:
            path = self.environment.get(f"{name}_FILE", "")
            if not path:
                continue
            if self.environment.get(name):
                self.problems.append(f"{name} and {name}_FILE are both given: keep one of them")
            try:
                text = read_secret_file(path)
            except ValueError as error:
                self.problems.append(f"{name}_FILE {error}")
                self.wrong |= URL_PARTS if setting.type is checks.URL else {setting.name}
                continue
            self.secrets.append(text)
            found.append(Source(f"{name}_FILE", text))
        return found

    def decide(self, setting: Setting) -> Any:
        """The one value that all sources agree on, else the default, else `WRONG` and a problem."""
        sources = self.sources[setting.name]
        if setting.secret:  # an empty password counts only where nothing else gives one
            sources = [source for source in sources if source.text] or sources
        values = []
        for label, text in sources:
            try:
                values.append(_parse(setting, text))
            except ValueError as error:
                self.problems.append(f"{label} {error}")
                self.wrong.add(setting.name)
        if setting.name in self.wrong:
            return WRONG
        if not values:
            return self.default(setting)
        for (label, _), value in zip(sources, values, strict=True):
            if value != values[0]:
                self.problems.append(_disagreement(setting, sources[0].label, values[0], label, value))
                return WRONG
        return values[0]

    def default(self, setting: Setting) -> Any:
        """What holds where nothing is given."""
        if setting.required:
            how = f"set it, {setting.name}_FILE" if setting.secret else "set it"
            none = f" ({setting.name}= says that there is none)" if setting.empty else ""
            self.problems.append(f"{setting.name} is not given: {how} or DATABASE_URL{none}")
            return WRONG
        if setting.field == "migrations":
            if not any(os.path.isdir(directory) for directory in ("/migrations", "migrations")):
                self.problems.append(f"{setting.name} is not given, and there is no /migrations and no ./migrations")
                return WRONG
            return "/migrations" if os.path.isdir("/migrations") else "migrations"
        if setting.field == "termination_log":
            path = "/dev/termination-log"
            return path if os.path.isfile(path) and os.access(path, os.W_OK) else None
        if setting.field == "started_by":
            return _whoever(self.environment)
        return None if setting.default is None else setting.type.parse(setting.default)


def _parse(setting: Setting, text: str) -> Any:
    if not text and not setting.empty:
        raise ValueError("is empty")
    value = setting.type.parse(text)
    return None if value == "" else value


def _disagreement(setting: Setting, label: str, value: object, other_label: str, other: object) -> str:
    if setting.secret:
        return f"{label} and {other_label} hold different secrets: keep one of them"
    return f"{label} says {value!r} but {other_label} says {other!r}: keep one of them"


def _whoever(environment: Mapping[str, str]) -> str:
    name = environment.get("POD_NAME") or environment.get("HOSTNAME")
    if not name:
        import socket

        name = socket.gethostname()
    return "".join(character for character in name if character.isprintable())[:255]


def _unknown(environment: Mapping[str, str], flags: Mapping[str, str]) -> list[str]:
    """A setting that is misspelt would else be a default that nobody asked for."""
    known = {name for setting in SETTINGS for name in setting.variables}
    given = [name for name in environment if name.startswith(PREFIX)] + list(flags)
    problems = []
    for name in sorted(set(given) - known):
        if _NOT_OURS.fullmatch(name) or _SERVICE_LINK.fullmatch(name):
            continue
        import difflib

        rest = name.removeprefix(PREFIX)  # compared without it, because by it alone all of them are alike
        near = difflib.get_close_matches(rest, [one.removeprefix(PREFIX) for one in known], n=1, cutoff=0.5)
        meant = [one for one in known if one.removeprefix(PREFIX) in near]
        shown = ascii(name).strip("'")
        problems.append(f"{shown} is no setting" + (f" (is {meant[0]} meant?)" if meant else ""))
    return problems


def _contradictions(values: Mapping[str, Any], sources: Mapping[str, Sequence[Source]]) -> list[str]:
    """What is wrong with settings that are right one by one."""

    def label(name: str) -> str:
        return sources[name][0].label if sources[name] else name

    def given(field: str) -> bool:
        return values[field] is not WRONG and bool(values[field])

    problems = []
    if given("tls_ca") and values["tls"] in ("off", "preferred", "required"):
        problems.append(
            f"{label('SCHEMAGATE_TLS_CA')} is given, but nothing is checked against it while {label('SCHEMAGATE_TLS')} "
            f"is {values['tls']}: say verify-ca or verify-identity"
        )
    if WRONG not in (values["tls_cert"], values["tls_key"]) and given("tls_cert") != given("tls_key"):
        problems.append("SCHEMAGATE_TLS_CERT and SCHEMAGATE_TLS_KEY go together: give both or neither")
    if given("tls_cert") and values["tls"] == "off":
        problems.append(f"{label('SCHEMAGATE_TLS_CERT')} is given, but {label('SCHEMAGATE_TLS')} is off")
    if given("socket") and sources["MYSQL_HOST"] and values["host"] not in (WRONG, "localhost"):
        problems.append(f"{label('MYSQL_SOCKET')} and {label('MYSQL_HOST')} both say where the server is: keep one")
    if given("database") and given("shadow") and values["shadow"].casefold() == values["database"].casefold():
        problems.append(f"{label('SCHEMAGATE_SHADOW')} names the schema behind the gate; it needs one of its own")
    return problems


def _invalid(problems: Sequence[str], secrets: Sequence[str]) -> SettingsInvalid:
    hide = redactor(secrets)  # no problem quotes a secret; but one may quote a text that a secret was pasted into
    shown = [hide(problem) for problem in problems]
    message = f"{shown[0]}." if len(shown) == 1 else f"{len(shown)} settings are wrong: {'; '.join(shown)}."
    return SettingsInvalid(message, problems=shown)


def settings_table() -> str:
    """The table of docs/operations.md, in Markdown."""
    lines = ["| setting | flag | default | meaning |", "|---|---|---|---|"]
    for setting in SETTINGS:
        default = f"`{setting.default}`" if setting.default else setting.default_says or "none"
        also = [f"`{name}`" for name in setting.aliases]
        also += [f"`{name}_FILE`" for name in setting.variables] if setting.secret else []
        cells = (
            f"`{setting.name}`",
            f"`{setting.flag}`" if setting.flag else "",
            "required" if setting.required else default,
            setting.help + (f" Also: {', '.join(also)}." if also else ""),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
