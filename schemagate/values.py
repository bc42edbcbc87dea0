"""`typing.NamedTuple` for what every start makes: the same, made without importing typing, dataclasses and inspect.

Those modules, and the making of our fifteen classes by them, would be a fifth of a start with nothing to do. To type
checkers it is `typing.NamedTuple`; what is not made in every start is a frozen dataclass.
"""

from __future__ import annotations

from operator import itemgetter

__all__ = ["Value"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple as Value
else:

    class _Fields(type):
        def __new__(kind, name, bases, body):
            fields = tuple(body.get("__annotations__", ()))
            body["_defaults"] = {field: body[field] for field in fields if field in body}
            body["_fields"], body["__slots__"] = fields, ()
            body.update({field: property(itemgetter(place)) for place, field in enumerate(fields)})
            return super().__new__(kind, name, bases, body)

    class Value(tuple, metaclass=_Fields):
        """A tuple whose elements have names, which are the annotations of the class."""

        def __new__(cls, *given, **named):
            values = given
            if named or len(given) < len(cls._fields):
                by_name = {**cls._defaults, **dict(zip(cls._fields, given, strict=False)), **named}
                values = [by_name.pop(field) for field in cls._fields if field in by_name]
                given = values + list(by_name)  # those that nobody knows count as too many
            if not len(values) == len(given) == len(cls._fields):
                raise TypeError(f"{cls.__name__} is made of {', '.join(cls._fields)}")
            return tuple.__new__(cls, values)

        def _replace(self, **named):
            return type(self)(**{**dict(zip(self._fields, self, strict=True)), **named})

        def __repr__(self):
            named = (f"{field}={value!r}" for field, value in zip(self._fields, self, strict=True))
            return f"{type(self).__name__}({', '.join(named)})"
