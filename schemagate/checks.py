"""What the text of a setting may be.

Each parser takes the text as given and returns the value, or raises `ValueError` with the rest of a sentence that
begins with the setting's name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from schemagate.sources import Secret, read_url
from schemagate.values import Value

_DURATION = r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+) ?(ms|s|m|h)?"
_SECONDS = {None: 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SYSTEM_SCHEMAS = frozenset({"mysql", "sys", "information_schema", "performance_schema"})


class Type(Value):
    """What a setting's text may be: the words for it, and its parser."""

    says: str
    parse: Callable[[str], Any]


def _shown(text: str) -> str:
    """The text in a message; not if it looks like a URL, because a URL may hold a password."""
    return "this" if "://" in text or "@" in text else repr(text if len(text) <= 60 else text[:60] + "…")


def _plain(text: str) -> str:
    # Lone surrogates are how Python hands over an environment variable that is not UTF-8.
    if not text.isprintable() and re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", text):
        raise ValueError("holds a control character or is not UTF-8")
    return text


def _other_url(text: str) -> Secret:
    read_url(text)
    return Secret(text)


def _text(text: str) -> str:
    _plain(text)
    if len(text) > 255:
        raise ValueError("is longer than 255 characters")
    return text


def _no_url(text: str, what: str) -> str:
    if "://" in text:  # it may hold a password, and would be shown as the name that it is not
        raise ValueError(f"is {what} alone: DATABASE_URL takes a URL")
    return text


def _account(text: str) -> str:
    return _text(_no_url(text, "the name of an account"))


def _socket(text: str) -> str:
    return _plain(_no_url(text, "the path of a socket"))


def _host(text: str) -> str:
    if "://" in text or "@" in text or "/" in text:
        raise ValueError("is the name or address of a host alone: DATABASE_URL takes a URL, MYSQL_SOCKET a path")
    if ":" in text and re.fullmatch(r"([^:]+|\[.*\]):\d+", text):
        raise ValueError(f"is the name or address of a host alone, not {_shown(text)}: the port goes into MYSQL_PORT")
    if any(character.isspace() for character in text):
        raise ValueError(f"is the name or address of a host, not {_shown(text)}")
    name = _text(text[1:-1] if text.startswith("[") and text.endswith("]") else text)  # an IPv6 address as in a URL
    plain = name.isascii() and all(0 < len(label) < 64 for label in name.removesuffix(".").split("."))
    if not plain and not _can_be_asked_for(name):
        raise ValueError(f"is no name of a host, {_shown(text)}: each part between its dots has 1 to 63 characters")
    return name


def _can_be_asked_for(name: str) -> bool:
    """Whether a name has a form in which a name service could be asked for it. Takes 2 ms, the first time."""
    try:
        return bool(name.encode("idna"))
    except UnicodeError:
        return False


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise ValueError(f"must be a port from 1 to 65535, not {_shown(text)}")
    return int(text)


def _schema(text: str) -> str:
    if len(_text(_no_url(text, "the name of a schema"))) > 64 or text != text.rstrip():
        raise ValueError("must be the name of a schema: at most 64 characters, no blank at the end")
    if max(text, default="") > "\uffff":  # MySQL would write `?` in its place, and that is another schema
        raise ValueError(f"must not be {_shown(text)}: names on the server have no characters beyond U+FFFF")
    if text.lower() in _SYSTEM_SCHEMAS:
        raise ValueError(f"must not be {_shown(text)}, which is the server's own schema")
    return text


def _shadow(text: str) -> str:
    return text.lower() if text.lower() in ("auto", "off") else _schema(text)


def _password(text: str) -> Secret:
    try:
        whole = b"\0" not in text.encode()
    except UnicodeEncodeError:  # bytes of the environment that are no UTF-8
        whole = False
    if not whole:
        raise ValueError("holds a NUL character or is not UTF-8")
    return Secret(text)


def duration(low: float, high: float) -> Type:
    def parse(text: str) -> float:
        match = re.fullmatch(_DURATION, text.strip().lower())
        if match is None:
            raise ValueError(f"must be a time such as 60, 1.5, 90s, 2m or 500ms, not {_shown(text)}")
        seconds = float(match[1]) * _SECONDS[match[2]]
        if not low <= seconds <= high:
            raise ValueError(f"must be from {low:g} to {high:g} seconds, not {_shown(text)}")
        return seconds

    return Type("seconds", parse)


def count(low: int, high: int) -> Type:
    def parse(text: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", text.strip()) or not low <= int(text) <= high:
            raise ValueError(f"must be a number from {low} to {high}, not {_shown(text)}")
        return int(text)

    return Type("number", parse)


def choice(*words: str, also: Mapping[str, str] | None = None) -> Type:
    def parse(text: str) -> str:
        word = text.strip().lower().replace("_", "-")
        word = (also or {}).get(word, word)
        if word not in words:
            raise ValueError(f"must be one of {', '.join(words)}, not {_shown(text)}")
        return word

    return Type(", ".join(words), parse)


def _truth(text: str) -> bool:
    word = text.strip().lower()
    if word not in ("true", "yes", "on", "1", "false", "no", "off", "0"):
        raise ValueError(f"must be true or false, not {_shown(text)}")
    return word in ("true", "yes", "on", "1")


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip().removesuffix(".sql") for name in _plain(text).split(",") if name.strip())


def _file(text: str) -> str:
    if not os.path.isfile(_plain(text)):
        raise ValueError(f"names {_shown(text)}, which is not a file here")
    if not os.access(text, os.R_OK):
        raise ValueError(f"names {_shown(text)}, which this user may not read")
    return text


def _directory(text: str) -> str:
    if not os.path.isdir(_plain(text)):
        raise ValueError(f"names {_shown(text)}, which is not a directory here")
    if not os.access(text, os.R_OK | os.X_OK):
        raise ValueError(f"names {_shown(text)}, which this user may not read")
    return text


TEXT = Type("text", _text)
ACCOUNT = Type("account", _account)
SOCKET = Type("path", _socket)
HOST = Type("host", _host)
PORT = Type("port", _port)
SCHEMA = Type("schema", _schema)
SHADOW = Type("auto, off, a schema", _shadow)
PASSWORD = Type("secret", _password)
URL = Type("URL with a secret", str)
OTHER_URL = Type("URL with a secret", _other_url)
TRUTH = Type("true, false", _truth)
NAMES = Type("names, comma between", _names)
PATH = Type("path", _plain)
FILE = Type("file", _file)
DIRECTORY = Type("directory", _directory)
# What other programs call them.
_TLS_WORDS = {
    "disabled": "off",
    "disable": "off",
    "prefer": "preferred",
    "require": "required",
    "verify-full": "verify-identity",
}
TLS = choice("off", "preferred", "required", "verify-ca", "verify-identity", also=_TLS_WORDS)
