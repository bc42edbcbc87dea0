"""Where a test on a real server begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.database.place import Place
from tests.database.shipped import MIGRATIONS
from tests.databases import Database


@pytest.fixture
def place(database: Database, tmp_path: Path) -> Place:
    """A schema and no migrations yet."""
    return Place(database, tmp_path / "migrations")


@pytest.fixture
def shipped(database: Database) -> Place:
    """The shipped migrations, with their snapshot."""
    return Place(database, MIGRATIONS)
