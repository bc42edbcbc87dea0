"""The schema that should be: what the migrations build on this server, of which the snapshot is the reviewed record."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from schemagate.automatic import as_expected
from schemagate.defaults import as_made, by_default
from schemagate.plan import Todo
from schemagate.refusals import ServerError, let_pass
from schemagate.schema import Difference, compare, outline, part_of
from schemagate.scratch import ShadowUnavailable
from schemagate.trial import NotRehearsed, Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemagate.migrations import Migrations
    from schemagate.schema import Schema, SchemaObject
    from schemagate.server import Server
    from schemagate.shadow import Shadows
    from schemagate.snapshot import Snapshot

# Objects that no migration made are left alone: they are somebody's. A trigger is not: it changes what our tables do.
FOREIGN = frozenset({"table", "view", "sequence", "procedure", "function", "event"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comparison found.

    `proof` says by what: "text" (the snapshot's text is the server's), "shadow" (equal once the server had read the
    snapshot), "replay" (the migrations, run in the shadow), "built" (they have just built it here from nothing),
    "outline" (only what MySQL and MariaDB write alike was compared), "names" (no snapshot: the tables are there).
    `not_compared` names what this start could not look at, and why. `foreign` is what no migration makes.
    """

    differences: tuple[Difference, ...]
    proof: str
    not_compared: tuple[tuple[str, str], ...] = ()
    foreign: tuple[tuple[str, str], ...] = ()


class Expected:
    """The schema that should be: what the migrations build on this server, recorded in the snapshot."""

    def __init__(
        self,
        migrations: Migrations,
        snapshot: Snapshot | None,
        here: Server,
        shadows: Shadows | None,
        *,
        strict: bool = False,
    ) -> None:
        """`strict`: what no migration makes is a difference."""
        self._migrations, self._snapshot, self._here, self._shadows = migrations, snapshot, here, shadows
        self._strict = strict
        self.known: Schema | None = None  # what the migrations build, where a start had to find that out

    def against(self, found: Schema, *, built: bool = False) -> Verdict:
        """Compare: text first, the shadow where texts differ, a replay where the other flavour wrote the snapshot.

        `built`: this start has just built `found` from nothing with all the migrations, so that a replay would
        only repeat it.
        """
        unseen = tuple((kind, "this account cannot see them") for kind in sorted(found.unseen))
        ours = self._snapshot.schema if self._snapshot else self.known
        if ours is None:
            missing = self._missing_tables(found)
            ours = self._learned() if missing else None
            if ours is None:
                return Verdict(missing, "names", unseen)
        foreign = set() if built or self._strict else self._foreign(found, ours)
        rest = part_of(found, found.objects.keys() - foreign)
        if self._snapshot is None:
            return Verdict(_differ(ours, rest), "replay", unseen, tuple(sorted(foreign)))
        differences, proof, not_compared = self._compare(rest, built=built)
        return Verdict(differences, proof, unseen + not_compared, tuple(sorted(foreign)))

    def _compare(
        self, found: Schema, *, built: bool
    ) -> tuple[tuple[Difference, ...], str, tuple[tuple[str, str], ...]]:
        assert self._snapshot is not None  # noqa: S101 - asked by `against`
        text = self._snapshot.schema
        if self.same_flavour:
            differences = _differ(text, found)
            if not differences:
                return (), "text", ()
            try:
                return self._in_shadow(found, built=built)
            except (ShadowUnavailable, ServerError, Incomplete, Refused) as error:
                let_pass(error)
                if not self._written_elsewhere:
                    return differences, "text", ()
                if self._snapshot.header and self._snapshot.header.release == self._here.release:
                    differences = _differ(text, by_default(found, text, {self._here.collation}))
                    reason = (
                        f"the schema has another default than where the snapshot was written, and no shadow: {error}"
                    )
                    return differences, "outline", (("collations", reason),)
                reason = f"the snapshot may be of another release, and there is no shadow to tell: {error}"
        elif built:
            return compare(outline(text), outline(found)), "built", ()
        else:
            try:
                return _differ(self._replayed, found), "replay", ()
            except (ShadowUnavailable, Incomplete, Refused) as error:
                reason = f"the snapshot was written by the other flavour and cannot be replayed here: {error}"
        return compare(outline(text), outline(found)), "outline", (("clauses", reason),)

    def _in_shadow(self, found: Schema, *, built: bool) -> tuple[tuple[Difference, ...], str, tuple[()]]:
        assert self._snapshot is not None  # noqa: S101 - the callers know
        differences = _differ(self._loaded, found)
        if not differences or not self._written_elsewhere:
            return differences, "shadow", ()
        if built:
            return compare(outline(self._snapshot.schema), outline(found)), "built", ()
        return _differ(self._made(found), found), "replay", ()

    def _made(self, found: Schema) -> Schema:
        """What the migrations build here, with what the defaults said where the snapshot was written, as far as this
        was found.
        """
        return as_made(self._replayed, self._loaded, found) if self._tells_of_defaults else self._replayed

    def as_recorded(self, now: Schema, found: Schema) -> Schema:
        """What some of the migrations build `now`, with the collations that are as the snapshot has them in what was
        found, where that was written under another default.
        """
        with suppress(ShadowUnavailable, ServerError):
            if self._tells_of_defaults:
                return as_made(now, self._loaded, found, alike=True)
        return now

    def normal_form(self, proof: str, found: Schema) -> Schema | None:
        """What a comparison of this with this proof compared with, as this server writes it; None where it was less.

        And None where it is not certain that the migrations build it.
        """
        if proof == "replay":
            return self._made(found)
        if proof not in ("text", "shadow") or self._snapshot is None or (not self.header_holds and self.stale() != ()):
            return None
        return self._snapshot.schema if proof == "text" else self._loaded

    def makers(self, differences: Sequence[Difference]) -> tuple[str, ...]:
        """The files of the repeatable migrations that make what is there, and differs."""
        wrong = {(each.kind, each.name.lower()) for each in differences if each.found is not None and each.expected}
        return tuple(each.file for each in self._migrations.all if each.repeatable and each.creates() & wrong)

    def stale(self) -> tuple[Difference, ...] | None:
        """What the migrations build otherwise than the snapshot says; None where that cannot be found out here.

        Where the header says that the snapshot was written from these very migrations and was not edited since,
        nothing is run.
        """
        if self._snapshot is None or self.header_holds:
            return ()
        try:
            return self.rebuilt()
        except (ShadowUnavailable, Incomplete, Refused):  # what is pending and does not work, its rehearsal will tell
            return None

    def rebuilt(self) -> tuple[Difference, ...]:
        """What the migrations, run in the shadow, build otherwise than the snapshot says. Raises what `replay`
        raises.
        """
        assert self._snapshot is not None  # noqa: S101 - the callers know
        if not self.same_flavour:
            return compare(outline(self._snapshot.schema), outline(self._replayed))
        differences = compare(self._snapshot.schema, self._replayed)
        if differences:
            with suppress(ServerError):  # what cannot be loaded is no text that the migrations build
                differences = compare(self._loaded, self._replayed)
        if differences and self._written_elsewhere:
            return compare(outline(self._snapshot.schema), outline(self._replayed))
        return differences

    @property
    def _written_elsewhere(self) -> bool:
        """Was the snapshot written by another release, or where another collation is the schema's default? Both get
        into what does not name its own: views, triggers and routines keep that of the session.
        """
        snapshot = self._snapshot
        return bool(
            snapshot
            and snapshot.header
            and (snapshot.header.release, snapshot.header.collation) != (self._here.release, self._here.collation)
        )

    @property
    def _tells_of_defaults(self) -> bool:
        """Does the snapshot say what these very migrations build under other defaults than those of here?"""
        return self.same_flavour and self._written_elsewhere and self.header_holds

    @property
    def header_holds(self) -> bool:
        """Was the snapshot written from these migrations, and is it as it was written?"""
        snapshot = self._snapshot
        return bool(
            snapshot
            and snapshot.header
            and snapshot.header.migrations_sha256 == self._migrations.sha256
            and snapshot.body_matches
        )

    @property
    def has_snapshot(self) -> bool:
        """Is there a snapshot at all?"""
        return self._snapshot is not None

    @property
    def same_flavour(self) -> bool:
        """Was the snapshot written by a server of this flavour?"""
        snapshot = self._snapshot
        return bool(snapshot and (snapshot.header is None or snapshot.header.flavour == self._here.flavour))

    @cached_property
    def _loaded(self) -> Schema:
        """The snapshot as this server understands it."""
        if self._shadows is None:
            raise ShadowUnavailable("this command writes nothing")
        shadow = self._shadows.get()
        assert self._snapshot is not None  # noqa: S101 - asked by the callers
        return shadow.load(self._snapshot.schema)

    @cached_property
    def _replayed(self) -> Schema:
        if self.known is not None:
            return self.known
        if self._shadows is None:
            raise ShadowUnavailable("this command writes nothing")
        return replay(self._migrations, self._shadows)

    def _learned(self) -> Schema | None:
        """What the migrations build, found out where something seems to be missing; None where it cannot be."""
        with suppress(ShadowUnavailable, Incomplete, Refused):
            self.known = self._replayed
        return self.known

    def _missing_tables(self, found: Schema) -> tuple[Difference, ...]:
        there = {name.lower() for kind, name in found.objects if kind in ("table", "view")}
        return tuple(
            Difference("table", name, "", "there", None)
            for name in self._migrations.tables(self._here)
            if name.lower() not in there
        )

    def _foreign(self, found: Schema, expected: Schema) -> set[tuple[str, str]]:
        foreign = foreign_to(expected.objects, found)
        if (
            foreign and self._snapshot and not self.header_holds
        ):  # what a stale snapshot does not have need not be a stranger's
            made = {name.lower() for name in self._migrations.tables(self._here)}
            foreign = {key for key in foreign if key[0] not in ("table", "view") or key[1].lower() not in made}
            tables = {name for kind, name in foreign if kind == "table"}
            foreign = {key for key in foreign if key[0] != "trigger" or found.objects[key].attribute("table") in tables}
        return foreign


def _differ(wanted: Schema, found: Schema) -> tuple[Difference, ...]:
    """Every deviation of what is found, but for names that a server gave."""
    return compare(wanted, as_expected(found, wanted))


def foreign_to(ours: Mapping[tuple[str, str], SchemaObject], found: Schema) -> set[tuple[str, str]]:
    """What is found and not one of ours, but for triggers on our tables: those change what our tables do."""
    foreign = {key for key in found.objects if key not in ours and key[0] in FOREIGN}
    absent = {(kind, name.lower()) for kind, name in ours.keys() - found.objects.keys()}
    foreign = {key for key in foreign if (key[0], key[1].lower()) not in absent}  # lower_case_table_names = 1
    tables = {name for kind, name in foreign if kind == "table"}
    return foreign | {
        key
        for key, each in found.objects.items()
        if key[0] == "trigger" and key not in ours and each.attribute("table") in tables
    }


class Incomplete(Exception):
    """Not every statement of the migrations can be run in the shadow: `left_out` is the one where it ends."""

    def __init__(self, left_out: NotRehearsed) -> None:
        super().__init__(f"{left_out.migration}.sql:{left_out.line}: {left_out.reason}")
        self.left_out = left_out


def replay(migrations: Migrations, shadows: Shadows) -> Schema:
    """What all the migrations build, from nothing, in the shadow. Raises Refused, ShadowUnavailable, Incomplete."""
    shadow = shadows.get()
    left_out = shadow.rehearse(Todo(migration, 1) for migration in migrations.all)
    blind = next((each for each in left_out if each.blind), None)
    if blind:
        raise Incomplete(blind)
    return shadow.read()
