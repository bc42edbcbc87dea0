"""The gate in front of an application's MySQL database.

One file per step of a start and one per thing outside. A file imports only from those above it; the order is:

    errors, checks, sources, options, settings, plain, console, log, stop          what we are told, and what we say
    database, waiting, server                                                      one session with the server
    lexer, kinds, names, bodies, pieces, sql, migrations                           SQL text, files
    lock, history, journal                                                         who runs, what was run
    grants, listing, clauses, ..., schema, loading, snapshot                       the schema in normal form
    current                                                                        is there anything to do?
    plan, isolation, shadow, expected, verify, rehearse, session, apply            the work
    arguments, commands                                                            the command line

`entrypoint.py` beside the package is the border to the outside and tells the story.
"""

__version__ = "0.1.0"
