"""The gate in front of an application's MySQL database.

One file per step of a start and one per thing outside; a file imports only from those above it:
errors, settings, log, stop, database, server, lock, sql, migrations, journal, clauses, schema, snapshot, shadow, plan,
apply, verify. `entrypoint.py` beside the package is the border to the outside and tells the story.
"""

__version__ = "0.1.0"
