"""Where the text of a setting comes from: a variable, a file that holds a secret, a part of a URL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from schemagate.values import Value

LONGEST_SECRET = 65_536
VARIABLE = "SCHEMAGATE_VAR_"
URL_SHAPE = "mysql://user:password@host:port/database"

_URL = (
    r"(?:mysql2?|mariadb)(?:\+\w+)?://"
    r"(?:(?P<user>[^:/?#]*)(?::(?P<password>[^/?#]*))?@)?"
    r"(?P<host>\[[^\]@]*\]|[^:@/?#\[\]]*)(?::(?P<port>[^:@/?#]*))?"
    r"(?:/(?P<database>[^/?#@]*))?(?:\?(?P<query>[^#@]*))?"
)
# The names that the usual libraries have for it, in lower case and with dashes.
_PARAMETERS = {
    "ssl-mode": "SCHEMAGATE_TLS",
    "sslmode": "SCHEMAGATE_TLS",
    "ssl-ca": "SCHEMAGATE_TLS_CA",
    "ssl-cert": "SCHEMAGATE_TLS_CERT",
    "ssl-key": "SCHEMAGATE_TLS_KEY",
    "socket": "MYSQL_SOCKET",
    "unix-socket": "MYSQL_SOCKET",
}


class Secret:
    """A text that no `repr`, `str`, `format` or serialiser shows: `reveal()` is the one way to it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself; for the login and for the log's list of what it must hide."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        raise TypeError("a secret is not serialised")


class Source(Value):
    """One text that somebody gave for a setting, and where: the label is what a message calls it."""

    label: str
    text: str

    def __repr__(self) -> str:
        return f"Source({self.label})"  # the text may be a secret


def read_secret_file(path: str) -> str:
    """The file's text less one newline at its end. `ValueError` says what is wrong with it, never what is in it."""
    try:
        with open(path, "rb") as file:
            data = file.read(LONGEST_SECRET + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or "not a file name"
        raise ValueError(f"names a file that cannot be read: {reason}") from None
    if len(data) > LONGEST_SECRET:
        raise ValueError(f"names a file of more than {LONGEST_SECRET:,} bytes, which is not a secret")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ValueError("names a file that is not UTF-8 text") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise ValueError("names a file that is empty")
    return text


Variables = tuple[tuple[str, Secret], ...]  # the name and the value of each, in the order of names


def read_variables(environment: Mapping[str, str], if_it: Callable[[str], bool] = bool) -> tuple[Variables, list[str]]:
    """What migrations may name as `${NAME}`: the variables that begin with SCHEMAGATE_VAR_, or name a file with _FILE
    at their end, if it is one that is to be read. And what is wrong with them; no problem quotes a value.
    """
    found, problems = dict[str, Secret](), list[str]()
    for name in sorted(name for name in environment if name.startswith(VARIABLE)):
        text, short = environment[name], name.removeprefix(VARIABLE)
        if short.endswith("_FILE"):
            short = short.removesuffix("_FILE")
            if not if_it(text):
                continue
            if environment.get(VARIABLE + short):
                problems.append(f"{VARIABLE}{short} and {name} are both given: keep one of them")
            try:
                text = read_secret_file(text)
            except ValueError as error:
                problems.append(f"{name} {error}")
                continue
        if re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", short) is None:
            shown = ascii(name).strip("'")
            problems.append(f"{shown} is no name of a variable: letters, digits and _, and no digit first")
        elif re.search(r"[\x00\ud800-\udfff]", text):
            problems.append(f"{name} holds a NUL character or is not UTF-8")
        elif text:  # an empty one is none, because that is what Compose makes of one that is unset
            found[short] = Secret(text)
    return tuple(found.items()), problems


def read_url(text: str) -> dict[str, str]:
    """The parts of a database URL under the names of the settings that they are; a part left out is absent.

    Parameters that are none of ours belong to the application that shares the URL, and are let through, but for those
    about TLS: not to know one of them could mean to connect with less protection than was asked for. `ValueError`
    never quotes the URL: where a password holds an unencoded `/` or `?`, any piece may be a piece of the password.
    """
    from urllib.parse import unquote  # costs milliseconds, and most starts have no URL

    match = re.fullmatch(_URL, text.strip())
    if match is None:
        raise ValueError(
            f"cannot be read as {URL_SHAPE}: inside a user name or password, "
            "the characters / ? # @ : % are written percent-encoded"
        )
    given = {
        "MYSQL_USER": match["user"] or None,
        # A URL that names an account and no password means an account that has none.
        "MYSQL_PASSWORD": match["password"] or ("" if match["user"] else None),
        "MYSQL_HOST": (match["host"] or "").strip("[]") or None,
        "MYSQL_PORT": match["port"] or None,
        "MYSQL_DATABASE": match["database"] or None,
    }
    try:
        parts = {name: unquote(part, errors="strict") for name, part in given.items() if part is not None}
        for parameter in filter(None, (match["query"] or "").split("&")):
            name, _, value = (unquote(piece, errors="strict") for piece in parameter.partition("="))
            _add_parameter(parts, name, value)
    except UnicodeDecodeError:
        raise ValueError("holds percent-encoded bytes that are not UTF-8") from None
    return parts


def _add_parameter(parts: dict[str, str], name: str, value: str) -> None:
    normal = name.lower().replace("_", "-")
    setting = _PARAMETERS.get(normal)
    if setting is None:
        if normal.startswith(("ssl", "tls", "use-ssl", "usessl", "require-ssl")):
            raise ValueError(
                f"has the parameter {name!r}, which is not known here: use ssl-mode, ssl-ca, ssl-cert, ssl-key"
            )
        return
    if parts.setdefault(setting, value) != value:
        raise ValueError(f"has the parameter {name!r} twice, with different values")


def url_secrets(text: str) -> tuple[str, ...]:
    """All that a log must hide of a database URL, whether or not it can be read."""
    credentials, at, _ = text.partition("://")[2].rpartition("@")
    secrets = [text, credentials.partition(":")[2] if at else ""]
    if "%" in secrets[1]:
        from urllib.parse import unquote

        secrets.append(unquote(secrets[1]))
    return tuple(filter(None, secrets))


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """A function that replaces every secret in a text by `***`, however its characters are written there.

    The last line of defence: nothing should put a secret into a message in the first place. Secrets of fewer than four
    characters are let through, because hiding them would make nonsense of the rest.
    """
    given = {*secrets}
    given |= {meant for secret in given if "\\" in secret for meant in _read(secret)}
    longest_first = sorted({secret for secret in given if len(secret) > 3}, key=lambda secret: (-len(secret), secret))
    # A run of letters and digits is written the same everywhere. Looking for it first means that in most starts no
    # pattern is ever compiled, which takes longer than all the rest of the log.
    known = [(secret, max(re.findall("[0-9A-Za-z]+", secret), key=len, default="")) for secret in longest_first]
    patterns: dict[str, re.Pattern[str]] = {}

    def hide(text: str) -> str:
        for secret, run in known:
            if run in text:
                if secret not in patterns:
                    patterns[secret] = re.compile("|".join(_ways(secret)))
                text = patterns[secret].sub("***", text)
        return text

    return hide


def _read(secret: str) -> Iterable[str]:
    """What SQL reads where a value was written into its quotes, with backslashes of its own; a server shows that."""
    from schemagate.lexer import unquote  # a start with nothing to do reads no SQL

    return {unquote(f"{quote}{secret}{quote}") for quote in "'\""}


def _ways(secret: str) -> Iterable[str]:
    """Patterns of a secret: as it is, escaped as Python, JSON and SQL do it, with quotes doubled as SQL does it too,
    and with quotes doubled and all else escaped, as the servers do it.

    In each, any character may be percent-encoded. They are apart because in a pattern for all of them a run of quotes
    or backslashes could be read in so many ways that looking for it would take forever.
    """
    yield "".join(_one_of(character, re.escape(character)) for character in secret)
    if not (secret.isascii() and secret.isalnum()):
        yield "".join(_one_of(character, *_escapes(character)) for character in secret)
    for quote in {"'", '"', "`"} & set(secret):
        yield "".join(_one_of(character, re.escape(character * (1 + (character == quote)))) for character in secret)
        yield "".join(
            _one_of(character, *([quote * 2] if character == quote else _escapes(character))) for character in secret
        )


def _one_of(character: str, *plain: str) -> str:
    if character.isascii() and character.isalnum():
        return character  # nobody encodes these
    encoded = "".join(f"%{byte:02x}" for byte in character.encode(errors="surrogatepass"))
    return f"(?:{'|'.join(plain)}|(?i:{encoded}){'|[+]' if character == ' ' else ''})"


def _escapes(character: str) -> Iterable[str]:
    if character.isascii() and character.isalnum():
        return
    code = ord(character)
    utf_16 = character.encode("utf-16-be", "surrogatepass").hex()
    numbers = {f"x{code:02x}", f"u{code:04x}", f"U{code:08x}", "u" + "\\u".join(re.findall("....", utf_16))}
    numbers.add("x" + "\\x".join(f"{byte:02x}" for byte in character.encode(errors="surrogatepass")))
    yield from (f"(?i:{re.escape(chr(92) + number)})" for number in sorted(numbers))
    letter = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f", "\v": "v", "\a": "a", "\0": "0"}.get(
        character, character
    )
    yield re.escape("\\" + letter)
    if character != "\\":
        yield re.escape(character)
