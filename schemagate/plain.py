"""Any value as something that JSON has, whatever the value does; and a line of limited length.

What is logged comes from servers, drivers, files and exceptions. None of it may stop the line that reports an error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Set
from enum import Enum
from typing import Any

DEEPEST = 8
MOST_VALUES = 20_000
# Docker and containerd cut a line into pieces at 16 KiB, and a piece of JSON is no JSON.
LONGEST_LINE = 16_000
# JSON may hold them as they are, but they end a line for some of its readers.
_LINE_ENDS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def plain(value: Any, hide: Callable[[str], str] = str) -> Any:
    """The value as None, bool, int, float, str, list and dict; never fails. `hide` is applied to every text in it."""
    return _Plain(hide).of(value, ())


class _Plain:
    """One walk through a value; knows how much of it there was already."""

    def __init__(self, hide: Callable[[str], str]) -> None:
        self._hide = hide
        self._left = MOST_VALUES

    def of(self, value: Any, inside: tuple[int, ...]) -> Any:
        self._left -= 1
        if self._left < 0 or len(inside) > DEEPEST or id(value) in inside:
            return "…"
        try:
            return self._convert(value, inside)
        except Exception:  # noqa: BLE001  whatever a value does when it is looked at
            return f"<{type(value).__name__} that cannot be shown>"

    def _convert(self, value: Any, inside: tuple[int, ...]) -> Any:
        if value is None or value is True or value is False:
            return value
        if isinstance(value, Enum):
            return self.of(value.value, (*inside, id(value)))
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, int):
            return int(value) if value.bit_length() <= 256 else f"<integer of {value.bit_length()} bits>"
        if isinstance(value, float):
            # NaN and the infinities are not JSON.
            return float(value) if float("-inf") < value < float("inf") else str(float(value))
        if isinstance(value, bytes | bytearray | memoryview):
            return self._text(bytes(value).decode("utf-8", "backslashreplace"))
        if isinstance(value, BaseException):
            return self._text(f"{type(value).__name__}: {value}")
        return self._convert_many(value, (*inside, id(value)))

    def _convert_many(self, value: Any, inside: tuple[int, ...]) -> Any:
        if isinstance(value, Mapping):
            return {self._key(key): self.of(one, inside) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return self._each(value, inside)
        if isinstance(value, Set):
            return sorted(self._each(value, inside), key=str)
        if hasattr(type(value), "__dataclass_fields__"):
            from dataclasses import fields  # 10 ms, which whoever has such a value has paid

            return {field.name: self.of(getattr(value, field.name), inside) for field in fields(value)}
        return self._text(str(value))

    def _each(self, values: Iterable[Any], inside: tuple[int, ...]) -> list[Any]:
        converted = []
        for value in values:
            converted.append(self.of(value, inside))
            if self._left < 0:
                break
        return converted

    def _key(self, key: Any) -> str:
        converted = self.of(key, ())
        return converted if type(converted) is str else json.dumps(converted, ensure_ascii=False)

    def _text(self, text: str) -> str:
        # A lone surrogate, which UTF-8 does not have, becomes \udc80. Joining makes a plain str of any kind of str.
        return self._hide("".join(text).encode("utf-8", "backslashreplace").decode())


def cut(text: str, most: int) -> str:
    """The beginning of a plain text, in at most so many bytes of UTF-8; with an ellipsis where something is missing."""
    data = text.encode()
    return text if len(data) <= most else data[: most - len("…".encode())].decode("utf-8", "ignore") + "…"


def to_line(values: dict[str, Any]) -> str:
    """Plain values as one line of JSON; where it gets too long, the longest texts in it are cut, and say so."""
    line = _dumped(values)
    for longest, most in ((4_000, 1_000), (1_000, 200), (250, 50), (60, 10)):
        if len(line.encode()) <= LONGEST_LINE:
            return line
        line = _dumped({name: _shortened(value, longest, most) for name, value in values.items()})
    return line if len(line.encode()) <= LONGEST_LINE else _dumped(_first_of(values))


def _first_of(values: dict[str, Any]) -> dict[str, Any]:
    """The single values, first come first served; for a line that is too long however it is cut."""
    single = {name[:60]: value for name, value in values.items() if not isinstance(value, list | dict)}
    return {name: _shortened(single[name], 60, 10) for name in list(single)[:60]}


def _shortened(value: Any, longest: int, most: int) -> Any:
    if isinstance(value, str) and len(value) > longest:
        return f"{value[:longest]}… [{len(value) - longest} more characters]"
    if isinstance(value, list):
        short = [_shortened(one, longest, most) for one in value[:most]]
        return short if len(value) <= most else [*short, f"… [{len(value) - most} more]"]
    if isinstance(value, dict):
        short_of = {name[:longest]: _shortened(value[name], longest, most) for name in list(value)[:most]}
        return short_of if len(value) <= most else {**short_of, "…": f"[{len(value) - most} more]"}
    return value


def _dumped(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False).translate(_LINE_ENDS)
