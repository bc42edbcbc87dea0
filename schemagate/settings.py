"""The environment and the command line, checked and typed.

`options.py` has the table of them, `checks.py` what each may be, `sources.py` where they come from. Every problem is
reported at once, because a start that stops at the first wrong setting is started again for each of them. Nothing is
imported here that a start with nothing to do would have to wait for: `urllib`, `difflib`, `socket` and `pathlib` cost
milliseconds each, so paths are plain strings.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from schemagate import checks
from schemagate.errors import SettingsInvalid
from schemagate.options import PREFIX, SETTINGS, Setting, settings_table
from schemagate.sources import (
    VARIABLE,
    Secret,
    Source,
    Variables,
    read_secret_file,
    read_url,
    read_variables,
    redactor,
    url_secrets,
)
from schemagate.values import Value

__all__ = ["SETTINGS", "Reporting", "Secret", "Setting", "Settings", "load_settings", "reporting", "settings_table"]

# For the tests and their helpers; a start takes no notice of them.
_NOT_OURS = r"SCHEMAGATE_(TEST_.*|CACHE)"
# Kubernetes gives every pod such variables for every service in its namespace: a service that is called schemagate
# makes SCHEMAGATE_PORT, and one that is called mysql makes MYSQL_PORT=tcp://10.0.0.1:3306.
_SERVICE_LINK = r"SCHEMAGATE_(.*_)?(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT_\d+_(TCP|UDP|SCTP)(_.*)?)"
_SERVICE_PORT = r"SCHEMAGATE_(.*_)?PORT"  # with such an address; else it is somebody's idea of a setting
_SERVICE_ADDRESS = ("tcp://", "udp://", "sctp://")
_URL_PARTS = frozenset({"MYSQL_HOST", "MYSQL_PORT", "MYSQL_DATABASE", "MYSQL_USER", "MYSQL_PASSWORD"})
# In the place of a value that a problem was reported for, so that nothing is said about it twice.
WRONG: Any = object()


class Settings(Value):
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
    retries: int
    reconnect_seconds: float
    orphan: str
    stop_seconds: float
    shadow: str
    adopt: str
    foreign: str
    cluster: str
    from_url: Secret | None
    to_url: Secret | None
    heal: str
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
    variables: Variables
    """What `${NAME}` in a migration stands for."""
    secrets: tuple[Secret, ...]
    """All that the log must hide: passwords, URLs and variables, in the forms in which they were given."""


class Reporting(Value):
    """The few settings that reporting takes; there is always one, however wrong the others are."""

    log_format: str
    log_level: str
    no_color: bool
    termination_log: str | None
    secrets: tuple[Secret, ...]


def load_settings(
    environment: Mapping[str, str], flags: Mapping[str, str], *, needs_migrations: bool = True
) -> Settings:
    """Check and type what was given; flags (setting name -> text) win over the environment.

    There has to be a directory of migrations, unless the command says that it needs none. An empty variable counts as
    not given, because that is what Compose makes of one that is unset. Sources that agree are
    fine. Raises `SettingsInvalid` with every problem; none of them quotes a secret.
    """
    load = _Load(environment, flags, needs_migrations)
    load.gather()
    values = {setting.field: load.decide(setting) for setting in SETTINGS if setting.field}
    variables, problems = read_variables(environment)
    load.secrets += [value.reveal() for _, value in variables]
    load.problems += [*_unknown(environment, flags), *problems, *_contradictions(values, load.sources)]
    if load.problems:
        raise _invalid(load.problems, load.secrets)
    return Settings(**values, variables=variables, secrets=tuple(map(Secret, load.secrets)))


def reporting(environment: Mapping[str, str], flags: Mapping[str, str]) -> Reporting:
    """How to report, even if the settings are wrong: never fails; a wrong value becomes the default.

    The secrets are those of variables and of regular files. Anything else that a `…_FILE` may name, a pipe for example,
    can be read once only, and that is for `load_settings` to do.
    """
    load = _Load(environment, flags)
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        if setting.field in ("log_format", "log_level", "no_color", "termination_log"):
            load.sources[setting.name] = load.texts(setting)
            values[setting.field] = load.decide(setting)
            if values[setting.field] is WRONG:
                values[setting.field] = load.default(setting)
    for setting in SETTINGS:
        if setting.secret:
            for source in load.texts(setting) + load.files(setting, os.path.isfile):
                load.secrets += url_secrets(source.text)
    load.secrets += [value.reveal() for _, value in read_variables(environment, os.path.isfile)[0]]
    return Reporting(**values, secrets=tuple(Secret(text) for text in load.secrets if text))


class _Load:
    """One pass over what was given; collects problems and secrets on the way."""

    def __init__(self, environment: Mapping[str, str], flags: Mapping[str, str], needs_migrations: bool = True) -> None:
        self.environment = environment
        self.flags = flags
        self.needs_migrations = needs_migrations
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
                self.wrong |= _URL_PARTS
                continue
            for name, part in parts.items():
                if name not in self.flags:
                    self.sources[name].append(Source(label, part))
        for name, other in (("MYSQL_HOST", "MYSQL_SOCKET"), ("MYSQL_SOCKET", "MYSQL_HOST")):
            if name in self.flags and other not in self.flags:
                self.sources[other] = []  # what is typed says where the server is

    def texts(self, setting: Setting) -> list[Source]:
        """What the command line says, else what the variables say."""
        if setting.name in self.flags:
            self.secrets += url_secrets(self.flags[setting.name]) if setting.secret else ()
            return [Source(setting.flag or setting.name, self.flags[setting.name])]
        found = [Source(name, self.environment[name]) for name in setting.variables if name in self.environment]
        if setting.type is checks.PORT:
            found = [source for source in found if not source.text.startswith(_SERVICE_ADDRESS)]
        if setting.secret:
            self.secrets += [text for _, text in found if text]
        return [source for source in found if source.text or setting.empty]

    def files(self, setting: Setting, if_it: Callable[[str], bool] = bool) -> list[Source]:
        """What the files hold that NAME_FILE variables name, of those paths that are to be read."""
        found = []
        for name in setting.variables:
            path = self.environment.get(f"{name}_FILE", "")
            if not if_it(path):
                continue
            if self.environment.get(name):
                self.problems.append(f"{name} and {name}_FILE are both given: keep one of them")
            try:
                text = read_secret_file(path)
            except ValueError as error:
                self.problems.append(f"{name}_FILE {error}")
                self.wrong |= _URL_PARTS if setting.type is checks.URL else {setting.name}
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
            if self.needs_migrations and not any(map(os.path.isdir, ("/migrations", "migrations"))):
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
    known = {name: setting.name for setting in SETTINGS for name in setting.variables}
    known |= {f"{name}_FILE": setting.name for setting in SETTINGS if setting.secret for name in setting.variables}
    given = [name for name in environment if name.startswith(PREFIX)] + list(flags)
    problems = []
    for name in sorted(set(given) - known.keys()):
        if name.startswith(VARIABLE) or re.fullmatch(_NOT_OURS, name) or re.fullmatch(_SERVICE_LINK, name):
            continue
        if re.fullmatch(_SERVICE_PORT, name) and environment.get(name, "").startswith(_SERVICE_ADDRESS):
            continue
        import difflib

        rest = name.removeprefix(PREFIX)  # compared without it, because by it alone all of them are alike
        near = difflib.get_close_matches(rest, [one.removeprefix(PREFIX) for one in known], n=1, cutoff=0.5)
        meant = [name for one, name in known.items() if one.removeprefix(PREFIX) in near]
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
