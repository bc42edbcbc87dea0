"""The errors for a schema of which more than one thing may be so: a person has to say which."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from schemagate.errors import SchemaDrift
from schemagate.lexer import quote

NOT_TOUCHED = "not touched"


def renamed(twins: Sequence[tuple[str, str]], views: Collection[str], names: Sequence[str]) -> SchemaDrift:
    """The error where a missing table may have another name now, and one of the `views` may have its own; `names` are
    the migrations of which the live schema may be the state.
    """
    seen = "; ".join(f"table {name} may be {other} now, which has its columns" for name, other in twins)
    ddl = [f"DROP VIEW {quote(name)}" for name in dict.fromkeys(name for name, _ in twins) if name in views]
    ddl += [f"RENAME TABLE {quote(other)} TO {quote(name)}" for name, other in twins]
    if len({other for _, other in twins}) < len(twins):
        seen += "; it can be one of them only"
    other_way = f"make the table that is missing by hand{', in the place of the view,' * (ddl[0][:4] == 'DROP')}"
    if names:
        other_way = f"say that the rest is to be run: `schemagate baseline --to {names[-1]}`"
    return SchemaDrift(
        f"The database has tables and no journal, and cannot be taken over: {seen}. Nothing was changed. If so, "
        f"give it its name back ({'; '.join(ddl)}); else {other_way}. Then start again.",
        ddl=[{"loses": "the view" if sql[:4] == "DROP" else "nothing", "sql": sql} for sql in ddl],
        state=NOT_TOUCHED,
    )


def several(names: Sequence[str], unfollowed: str = "") -> SchemaDrift:
    """The error for a schema that is the same after several migrations; maybe also after some that are `unfollowed`."""
    seen = f"whether more was run cannot be seen: {unfollowed}" if unfollowed else "which was the last cannot be seen"
    next_step = f"schemagate baseline --to {names[-1]}"
    return SchemaDrift(
        f"The schema is as it is after {' and after '.join(names)}; {seen}. Nothing was changed. Find out by the rows; "
        f"if {names[-1]} was the last to be run, say so with `{next_step}`, and start again.",
        candidates=list(names),
        state=NOT_TOUCHED,
        next=next_step,
    )
