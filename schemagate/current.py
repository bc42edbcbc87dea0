"""Is there anything to do? Two round trips after login answer that for a start which finds all as it was."""

from __future__ import annotations

import json
import time

from schemagate import listing, remembered, server
from schemagate.database import Result
from schemagate.errors import ConnectionLost
from schemagate.refusals import NotReady, ServerError
from schemagate.values import Value
from schemagate.waiting import wait_for

TYPE_CHECKING = False  # as in values.py
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from schemagate.database import Connection
    from schemagate.files import Files
    from schemagate.listing import Listed
    from schemagate.log import Log
    from schemagate.remembered import Verified
    from schemagate.server import Server
    from schemagate.settings import Settings
    from schemagate.stop import Stop


class Greeting(Value):
    """The answers to the first packet: the server, what it lists, and what we remember of it."""

    server: Server
    listed: Listed
    verified: Verified | None
    in_doubt: bool

    @property
    def tables(self) -> list[str]:
        """The names of the tables that there are, less those that are known to be somebody else's."""
        return [name for name in self.listed.tables if self.verified is None or name not in self.verified.foreign]


def meet(
    settings: Settings, stop: Stop, log: Log, *, to_write: bool, before_waiting: Callable[[], object] = bool
) -> tuple[Connection, Greeting]:
    """Wait for the server, ask it the first packet of questions, and say what it is. Raises what `wait_for` raises.

    A start that is `to_write` waits while the server is read-only, and makes the database where there is none. As long
    as the session is there to read, a signal ends what it waits for at once.
    """
    began = time.monotonic()
    if not to_write:  # a database that is missing is nothing that such a start may make
        settings = settings._replace(create_database=False)
    connection, greeting = wait_for(settings, stop, log, greet(settings, to_write=to_write), before_waiting)
    connection.hears = stop
    log.info(
        "database.ready",
        flavour=greeting.server.flavour,
        server_version=greeting.server.version,
        host=settings.socket or settings.host,
        port=settings.port,
        database=greeting.server.database,
        account=greeting.server.account,
        tls=connection.tls,
        waited_seconds=round(time.monotonic() - began, 3),
    )
    return connection, greeting


def greet(settings: Settings, *, to_write: bool) -> Callable[[Connection], Greeting]:
    """The first packet of a session. With `to_write`, a server that is read-only is one to wait for.

    Where its answer did not come in time, and a start is at work, the next one leaves out what is there: MariaDB says
    nothing of a table that is just being filled, however long that takes.
    """
    unanswered: list[ConnectionLost] = []

    def ask(connection: Connection) -> Greeting:
        if to_write:
            server.refuse_strangers(connection.greeting)
        flavour = server.flavour_of(connection.greeting)
        session, questions = listing.session_for_reading(flavour), listing.listing()
        session += (server.patience(settings.lock_wait_seconds),)
        facts = server.facts_query(flavour)
        if unanswered and (at_work := _behind_another(connection, flavour, [*session, facts])):
            return at_work
        try:
            answers = connection.packet(
                [
                    "SET NAMES utf8mb4",
                    *session,
                    facts,
                    *questions,
                    remembered.verified_query(settings.database),
                    remembered.unsettled_query(settings.database),
                ]
            )
        except ConnectionLost as error:
            unanswered.append(error)
            raise
        for answer in answers[:-2]:
            if isinstance(answer, ServerError):
                raise answer
        results = [answer for answer in answers if isinstance(answer, Result)]
        at = 1 + len(session)
        here = server.parse_facts(flavour, results[at])
        if to_write and not here.writable:
            raise NotReady("the server is read-only")
        verified, unsettled = answers[-2:]
        return Greeting(
            here,
            listing.parse_listing(results[at + 1 : at + 1 + len(questions)]),
            remembered.parse_verified(verified.rows) if isinstance(verified, Result) else None,
            in_doubt=not isinstance(unsettled, Result) or any(row[0] for row in unsettled.rows),
        )

    return ask


def _behind_another(connection: Connection, flavour: str, questions: Sequence[str]) -> Greeting | None:
    """What can be said while another start is at work, without a look at what is there; None where there is none."""
    from schemagate.lock import worker

    *_, answer = connection.packet(["SET NAMES utf8mb4", *questions])
    if isinstance(answer, ServerError):
        raise answer
    here = server.parse_facts(flavour, answer)
    return Greeting(here, listing.nothing(here.database), None, True) if worker(connection, here.database) else None


def is_current(connection: Connection, greeting: Greeting, files: Files, settings: Settings, log: Log) -> bool:
    """Is everything as the last start left it, proven: the same files, server and schema? Says so if it is.

    Where what no migration makes is a difference, a proof that left out tables is none; nor is one without a shadow
    where there may be one now.
    """
    if greeting.verified and settings.foreign == "drift" and greeting.verified.foreign:
        return False
    if greeting.verified and settings.shadow != "off" and greeting.verified.proof == remembered.WITHOUT_SHADOW:
        return False
    unseen = _unseen_of_proven(connection, greeting, files.digest)
    if unseen is None:
        return False
    log.info("start.unchanged", migrations=len(files.paths))
    for kind in unseen:
        log.warning("schema.not_compared", kind=kind, reason="this account cannot see them")
    if greeting.verified and greeting.verified.proof in remembered.IN_PART:
        log.warning("schema.not_compared", kind="clauses", reason="the last proof was by " + greeting.verified.proof)
    log.info("schema.verified", tables=greeting.tables, proof="remembered")
    return True


def _unseen_of_proven(connection: Connection, greeting: Greeting, files: bytes) -> list[str] | None:
    """The kinds of which this account cannot see all, where the rest is as proven; None where it is not."""
    known, here = greeting.verified, greeting.server
    if known is None or greeting.in_doubt or not _is_of(known, here, files):
        return None
    answers = listing.shown(connection, here.flavour, greeting.listed)
    found = listing.fingerprint(greeting.listed, answers)
    if known.fingerprint != encoded(found):
        return None
    return sorted(greeting.listed.unseen | ({*listing.KINDS} - found.keys()))


def is_unproven(greeting: Greeting, files: bytes, fingerprint: str) -> bool:
    """Did the last start not prove the schema, or is it otherwise than that has proven in full, of these files and on
    this server?
    """
    known = greeting.verified
    if known is None:
        return True
    if known.proof in remembered.IN_PART or not _is_of(known, greeting.server, files):
        return False
    proven, found = json.loads(known.fingerprint), json.loads(fingerprint)
    return any(found[kind] != digest for kind, digest in proven.items() if kind in found)


def _is_of(known: Verified, here: Server, files: bytes) -> bool:
    proven = known.form, known.files, known.server_uuid, known.server_version
    return proven == (remembered.FORM, files, here.uuid, here.version)


def encoded(fingerprint: Mapping[str, bytes]) -> str:
    """A fingerprint as the text that is remembered."""
    return json.dumps({kind: digest.hex() for kind, digest in fingerprint.items()}, sort_keys=True)
