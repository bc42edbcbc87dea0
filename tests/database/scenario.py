"""What a scenario folder says: what is done, and what is expected. `scenarios/README.md` tells how to write one."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "scenarios"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: what is done, in the order of these fields, and what is expected afterwards."""

    note: str = ""
    only: str = ""
    # What is done.
    files: str = ""
    write: Mapping[str, str] = field(default_factory=dict)
    delete: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    server: str = ""
    sql: tuple[str, ...] = ()
    session: str = ""
    close: str = ""
    seconds: float = 0.0
    start: str = ""
    name: str = ""
    times: int = 1
    background: bool = False
    account: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    until: Mapping[str, Any] = field(default_factory=dict)
    signal: str = ""
    end: str = ""
    # What is expected of a start that has ended.
    exit: int | None = None
    event: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    log: tuple[Mapping[str, Any], ...] = ()
    not_in_log: tuple[str, ...] = ()
    counts: Mapping[str, Any] = field(default_factory=dict)
    output: tuple[str, ...] = ()
    termination: str = ""
    untouched: bool = False
    writes_nothing: bool = False
    shadow_left: bool = False
    # What is expected of the database then.
    rows: Mapping[str, Any] = field(default_factory=dict)
    objects: tuple[str, ...] | None = None
    applied: Mapping[str, int] | None = None
    journal: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A folder named as a sentence, as it is on one kind of server."""

    folder: Path
    steps: tuple[Step, ...]
    private: bool = False
    options: tuple[str, ...] = ()
    account: str = ""
    accounts: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()


def names() -> list[str]:
    """All scenarios there are."""
    return sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def load(name: str, label: str) -> Scenario:
    """A scenario on a server of this label. Whatever it says that nobody understands is an error."""
    folder = FOLDER / name
    said = _for_server(tomllib.loads(folder.joinpath("scenario.toml").read_text("utf-8")), label)
    steps = tuple(_made(Step, step) for step in said.pop("step"))
    of_this_server = tuple(step for step in steps if not step.only or label.startswith(step.only))
    scenario: Scenario = _made(Scenario, said | {"folder": folder, "steps": of_this_server})
    return scenario


def _for_server(value: Any, label: str) -> Any:
    """{mysql = 1, mariadb = 2} is the value for this server, wherever it stands."""
    if isinstance(value, list):
        return [_for_server(each, label) for each in value]
    if not isinstance(value, dict):
        return value
    if value and all(re.fullmatch(r"(mysql|mariadb)(-[\d.]+)?", key) for key in value):
        return next(_for_server(value[key], label) for key in sorted(value, reverse=True) if label.startswith(key))
    return {key: _for_server(each, label) for key, each in value.items()}


def _made(kind: Any, said: dict[str, Any]) -> Any:
    known = {each.name: each for each in dataclasses.fields(kind)}
    for name, value in said.items():
        assert name in known, f"a scenario says {name!r}, which nobody understands"
        if isinstance(value, list):
            said[name] = tuple(value)
        elif "tuple" in str(known[name].type) and isinstance(value, str):
            said[name] = (value,)
    return kind(**said)


def wrong(expected: Any, found: Any, where: str = "") -> list[str]:
    """What of the expectation is not found; nothing if all of it is.

    A table is a part of what is found; a list is the whole, unless it ends with "…". In a text, … stands for any text,
    and ">= 2" is a number so large. NULL is the text "NULL".
    """
    if isinstance(expected, Mapping):
        if not isinstance(found, Mapping):
            return [f"{where} is {found!r}"]
        return [each for key, value in expected.items() for each in wrong(value, found.get(key), f"{where}.{key}")]
    if isinstance(expected, list | tuple):
        if not isinstance(found, list | tuple):
            return [f"{where} is {found!r}"]
        whole = [each for each in expected if each != "…"]
        if len(whole) != len(found) and not (len(whole) < len(expected) and len(whole) < len(found)):
            return [f"{where} has {len(found)} in the place of {len(whole)}: {found!r}"]
        pairs = zip(whole, found, strict=False)
        return [each for at, pair in enumerate(pairs) for each in wrong(*pair, f"{where}[{at}]")]
    return [] if _fits(expected, found) else [f"{where} is {found!r}, expected {expected!r}"]


def _fits(expected: Any, found: Any) -> bool:
    found = _plain(found)
    if isinstance(expected, str) and isinstance(found, int | float):
        comparison = re.fullmatch(r"(>=|<=) ([\d.]+)", expected)
        if comparison:
            return found >= float(comparison[2]) if comparison[1] == ">=" else found <= float(comparison[2])
    if isinstance(expected, str) and isinstance(found, str):
        return re.fullmatch(".*".join(map(re.escape, expected.split("…"))), found, re.DOTALL) is not None
    return bool(expected == found) and isinstance(expected, bool) == isinstance(found, bool)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return "NULL" if value is None else value if isinstance(value, bool | int | float | str) else str(value)
