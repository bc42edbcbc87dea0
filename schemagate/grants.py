"""Which kinds of object can this account see? A read-only account is shown no triggers where there are some."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from functools import cache

ALL = "ALL PRIVILEGES"
# One of these on the whole schema (or everywhere) shows all of a kind, by name at least.
TABLE_RIGHTS = frozenset(
    {"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "INDEX", "REFERENCES", "TRIGGER", "SHOW VIEW"}
    | {"CREATE VIEW", "LOCK TABLES", "DELETE HISTORY"}
)
ROUTINE_RIGHTS = frozenset({"EXECUTE", "ALTER ROUTINE", "CREATE ROUTINE", "SHOW_ROUTINE", "SHOW CREATE ROUTINE"})
NEEDED = {
    "table": TABLE_RIGHTS,
    "view": TABLE_RIGHTS,
    "sequence": TABLE_RIGHTS,
    "trigger": frozenset({"TRIGGER"}),
    "procedure": ROUTINE_RIGHTS,
    "function": ROUTINE_RIGHTS,
    "event": frozenset({"EVENT"}),
}


def unseen_kinds(grants: Iterable[str], database: str) -> frozenset[str]:
    """The kinds of which some object may be hidden in the schema, from the rows of SHOW GRANTS.

    A right on single tables or routines does not count. Roles count where SHOW GRANTS resolves them: the active ones.
    """
    rights: set[str] = set()
    revoked: set[str] = set()
    for row in grants:
        found = _grant().match(row)
        if not found:
            continue
        given = _rights(found["rights"])
        if _covers(found["schema"], database) and found["table"] == "*":
            (rights if found["verb"] == "GRANT" else revoked).update(given)
        if found["schema"] in ("*", "`mysql`") and found["table"] in ("*", "`proc`") and "SELECT" in given:
            # The texts are rows of a system table (MariaDB), or shown to whoever may read everything (MySQL).
            rights.add("SHOW_ROUTINE")
    if ALL in rights:
        rights |= frozenset.union(*NEEDED.values())
    if ALL in revoked:
        revoked |= frozenset.union(*NEEDED.values())
    return frozenset(kind for kind, needed in NEEDED.items() if not needed & (rights - revoked))


@cache
def _grant() -> re.Pattern[str]:
    # On whole schemas alone; what follows may be the hash of a password, which is not even looked at.
    return re.compile(
        r"(?P<verb>GRANT|REVOKE) (?P<rights>[^`]+) ON (?P<schema>\*|`(?:[^`]|``)*`)\.(?P<table>\*|`proc`) (?:TO|FROM) ",
        re.DOTALL,
    )


def _rights(text: str) -> set[str]:
    return {right.strip() for right in text.split(",")}


def _covers(schema: str, database: str) -> bool:
    """Does the schema of a grant, in which `_` and `%` stand for anything unless escaped, match the name?"""
    if schema == "*":
        return True
    pattern = schema[1:-1].replace("``", "`")
    parts = re.findall(r"\\[_%\\]|.", pattern, re.DOTALL)
    expression = "".join({"_": ".", "%": ".*"}.get(part) or re.escape(part[-1]) for part in parts)
    return re.fullmatch(expression, database, re.DOTALL) is not None


def to_see(kinds: Set[str], database: str, flavour: str) -> str:
    """The rights that show what an account does not see of these kinds. ALL on the schema shows no body of a routine
    that somebody else made, on MySQL and on older MariaDB.
    """
    if not kinds & {"function", "procedure"}:
        return f"ALL ON `{database}`.*"
    return f"ALL ON `{database}`.*, and {'SHOW_ROUTINE ON *.*' if flavour == 'mysql' else 'SELECT ON mysql.proc'},"
