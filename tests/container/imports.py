"""Run in the image: which modules of the standard library an import statement could ask for, and not find.

Prints them as JSON, with the files that ask for them.
"""

from __future__ import annotations

import dis
import importlib.util
import json
import marshal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType


def code_of(path: Path) -> CodeType:
    if path.suffix == ".pyc":
        code = marshal.loads(path.read_bytes()[16:])
        assert isinstance(code, CodeType)
        return code
    return compile(path.read_bytes(), path, "exec")


def imported(code: CodeType) -> Iterator[str]:
    """The names in the import statements of the code, on any path, also inside functions."""
    yield from (str(step.argval) for step in dis.get_instructions(code) if step.opname == "IMPORT_NAME" and step.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from imported(constant)


def find(name: str) -> str | None:
    """Where the module is, `None` if it is nowhere."""
    if name in sys.modules:
        return getattr(sys.modules[name], "__file__", None) or "built-in"
    try:
        spec = importlib.util.find_spec(name)
    except ImportError:
        return None
    return (spec.origin or "built-in") if spec else None


def main() -> None:
    sys.path.insert(0, "/app")
    todo = list(Path("/app").rglob("*.py"))
    seen: set[Path] = set()
    missing: dict[str, list[str]] = {}
    while todo:
        path = todo.pop()
        if not path.exists():  # of the standard library there is byte code alone
            path = path.with_suffix(".pyc")
        if path in seen:
            continue
        seen.add(path)
        for name in imported(code_of(path)):
            origin = find(name)
            if origin is None and name.partition(".")[0] in sys.stdlib_module_names:
                missing.setdefault(name, []).append(str(path))
            elif origin and origin.endswith((".py", ".pyc")):
                todo.append(Path(origin))
    print(json.dumps({**missing, "looked_at": len(seen)}))


main()
