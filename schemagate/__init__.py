"""The gate in front of an application's MySQL database.

One file per step of a start and one per thing outside. A file imports only from those above it; the order is:

    errors values lexer plain sources checks options settings                what we are told
    explain console log stop                                                 what we say, and when we end
    driver refusals reach database server waiting                            one session with the server
    flat kinds names bodies pieces sql checksums files hints migrations      SQL text, and files of it
    lock orphans selftest watch blockers history remembered journal          who runs, and what was run
    grants clauses listing programs outlines schema loading snapshot         the schema in normal form
    current survive cluster arbiter                                          is there anything to do, and where?
    wording effects resuming rules                                           what ends with a session
    plan isolation hashes looking traces witness deciding                    what is to be run, and what it changes
    shadow expected verify rehearse settle aftermath session engines apply   the work
    arguments commands                                                       the command line

`entrypoint.py` beside the package is the border to the outside and tells the story.
"""

__version__ = "0.1.0"
