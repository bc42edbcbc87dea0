"""Views, triggers, routines, events and sequences: their loadable text, and that text as clauses."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from schemagate.clauses import Part
from schemagate.flat import closing, flat, joined, next_word, take, today, without_space
from schemagate.lexer import lexemes, quote, significant, unquote
from schemagate.literals import Lexeme

# What a replica does with the events of its source. Here it also says: an event that would be enabled, in the shadow.
ASLEEP = "DISABLE ON SLAVE"
UTF8 = frozenset({"utf8mb3", "utf8mb4"})
SEQUENCE_CALLS = frozenset({"NEXTVAL", "LASTVAL", "SETVAL"})
# The variables of the session that made it, which an object keeps for its own use.
OF_TEXT = ("character_set_client", "collation_connection")
KEPT: Mapping[str, tuple[str, ...]] = {
    "view": OF_TEXT,
    "trigger": ("sql_mode", *OF_TEXT),
    "procedure": ("sql_mode", *OF_TEXT),
    "function": ("sql_mode", *OF_TEXT),
    "event": ("sql_mode", *OF_TEXT, "time_zone"),
    "sequence": (),
}


def without_definer(text: str) -> str:
    """CREATE without DEFINER=…: whoever runs it becomes the definer."""
    found = list(lexemes(text))
    words = [at for at, (kind, _, _) in enumerate(found) if kind not in ("space", "comment")]
    for number, at in enumerate(words):
        if found[at][0] == "word" and found[at][1].upper() == "DEFINER" and found[words[number + 1]][1] == "=":
            # The name is quoted, and with it goes `@` and a quoted host where it has one.
            ends = number + (4 if found[words[number + 3]][1] == "@" else 2)
            return text[: found[at][2]] + text[found[words[ends + 1]][2] :]
        if found[at][1].upper() in ("PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "VIEW"):
            break
    return text


def loadable_view(text: str, database: str) -> str:
    """The text of SHOW CREATE VIEW as it can be run in any schema: without definer and the schema's own name."""
    text, own = without_definer(text), quote(database)
    if f"{own}." not in text:
        return text
    found = [*significant(text), ("", "", len(text)), ("", "", len(text))]
    cuts, reading = [0], False
    for at, (_, word, start) in enumerate(found[:-2]):
        # An alias may have that name. Before a table with a column, a function, and a table read it is the schema.
        if found[at + 1][1] == "." and text.startswith(own, start):
            before = found[at - 2][1] if found[at - 1][1] == "(" else ""
            if reading or found[at + 3][1] in (".", "(") or before in SEQUENCE_CALLS:
                cuts += [start, found[at + 2][2]]
        reading = word in ("FROM", "JOIN", "STRAIGHT_JOIN") or (reading and word == "(")
    return "".join(text[begin:end] for begin, end in zip(cuts[::2], [*cuts[1::2], len(text)], strict=True))


def loadable_trigger(name: str, timing: str, event: str, table: str, body: str) -> str:
    """A trigger from the columns of SHOW TRIGGERS, and its `trigger_body`."""
    return f"CREATE TRIGGER {quote(name)} {timing} {event} ON {quote(table)} FOR EACH ROW {body}"


def trigger_body(create: str) -> str:
    """What stands behind the header in SHOW CREATE TRIGGER. Raises ValueError where that cannot be told.

    The header cannot be used: MariaDB's is as it was typed, and may name the schema that it was typed for. The body of
    SHOW TRIGGERS cannot: its strings have lost escapes, 'can\\'t' is 'can't' on MySQL and '^\\\\d' is '^\\d' on both.
    """
    stream, before, begins = significant(create), ("", ""), 0
    while not begins:
        kind, word, start = next(stream, ("", "", -1))
        if start < 0:
            raise ValueError(create)
        if (*before, kind, word) == ("FOR", "EACH", "word", "ROW"):
            begins = start + len("ROW")
        before = (before[1], word)
    if next(stream, ("", "", 0))[1] in ("FOLLOWS", "PRECEDES"):
        next(stream, None)
        begins = next(stream, ("", "", len(create)))[2]
    return create[begins:].lstrip()


def loadable_event(name: str, text: str, *, replicated: bool) -> str:
    """The text of SHOW CREATE EVENT without definer, and without what the server fills in: STARTS and ENDS.

    The status of an event that is asleep is ENABLE, unless it came from another server: then nothing is known of it.
    """
    header, body = _divided_event(without_definer(text))
    sections = _sections(header)
    status = sections.get("status", "ENABLE")
    sections["status"] = ("" if replicated else "ENABLE") if "DISABLE ON" in status else status
    return " ".join(
        part
        for part in (
            f"CREATE EVENT {quote(name)} ON SCHEDULE {sections['schedule']}",
            sections.get("on completion", ""),
            sections["status"],
            sections.get("comment", ""),
            "DO " + body,
        )
        if part
    )


def altered_event(create: str, *, schedule: bool) -> str:
    """ALTER EVENT from the loadable text of one. Without the schedule it goes on as it did, from STARTS to ENDS."""
    header, body = _divided_event(create)
    sections = _sections(header)
    return " ".join(
        part
        for part in (
            f"ALTER EVENT {next(text for kind, text in header if kind == 'quoted')}",
            f"ON SCHEDULE {sections['schedule']}" if schedule else "",
            sections.get("on completion", "ON COMPLETION NOT PRESERVE"),
            sections.get("status", ""),
            sections.get("comment", "COMMENT ''"),
            "DO " + body,
        )
        if part
    )


def altered_sequence(create: str) -> str:
    """ALTER SEQUENCE from the text of one."""
    found = list(lexemes(create))
    ends = next((start for kind, text, start in found if kind == "word" and text.upper() == "ENGINE"), len(create))
    return create[:ends].rstrip().replace("CREATE", "ALTER", 1)


def alterable_sequence(found: str, wanted: str) -> bool:
    """Can ALTER SEQUENCE turn the text of one into the other? Not its type, its engine and its comment, and not the way
    in which it counts.
    """
    return _fixed_of_sequence(found) == _fixed_of_sequence(wanted)


def _fixed_of_sequence(create: str) -> tuple[str, bool, str]:
    head, engine, tail = create.partition(" ENGINE=")
    words = [text.upper() for kind, text, _ in significant(head)]
    kind = " ".join(words[words.index("AS") + 1 : words.index("START")]) if "AS" in words else ""
    return kind, "INCREMENT BY -" in head.upper(), engine + tail


def asleep(text: str) -> str:
    """A CREATE EVENT or ALTER EVENT, as anybody wrote it, such that the event does not run and yet counts as enabled.

    The scheduler is on by default in MySQL 8 and later: an event that is made in the shadow would run there.
    """
    marks = _marks(text)
    if "ENABLE" in marks:
        at = marks["ENABLE"]
        return text[:at] + ASLEEP + text[at + len("ENABLE") :]
    if "DISABLE" in marks or "CREATE" not in marks:  # an ALTER leaves the status as it is
        return text
    at = marks.get("COMMENT", marks.get("DO", len(text)))
    return f"{text[:at].rstrip()} {ASLEEP} {text[at:]}".rstrip()


def session_parts(kind: str, create: str, session: Mapping[str, str]) -> tuple[Part, ...]:
    """The session that an object was made in, which it keeps, as attributes.

    A text beyond ASCII can be sent as UTF-8 alone: then the client's character set, which only said how the text came,
    is utf8mb4 whatever it was.
    """
    values = {name: session[name] for name in KEPT[kind] if name in session}
    for name in OF_TEXT:
        if name in values:
            values[name] = today(values[name])
    if "character_set_client" in values and values["character_set_client"] not in UTF8 and not create.isascii():
        values["character_set_client"] = "utf8mb4"
    return tuple(Part("attribute", name, value) for name, value in values.items())


def parts_of(kind: str, create: str) -> tuple[Part, ...]:
    """The clauses of a loadable text of this kind."""
    return PARTS[kind](create)


def tidy(text: str) -> str:
    """A body without comments and superfluous white space: what a client sends that leaves out comments.

    Lines and their indentation stay; hints to the optimiser and executable comments are no comments.
    """
    out: list[str] = []
    gap = ""
    for kind, lexeme, _ in lexemes(text):
        if kind == "space":
            gap += lexeme
        elif kind == "comment" and not lexeme.startswith("/*+"):
            gap = gap or " "
        else:
            if gap and out:
                out.append(gap[gap.rindex("\n") :].replace("\r", "") if "\n" in gap else " ")
            out.append(lexeme)
            gap = ""
    return "".join(out)


def _behind_name(create: str, noun: str) -> tuple[list[Lexeme], str]:
    """The tokens before the noun, and the text behind the name that follows it."""
    found = list(lexemes(create))
    nouns = (at for at, (kind, text, _) in enumerate(found) if kind == "word" and text.upper() == noun)
    at = next(nouns)
    name = next(n for n in range(at + 1, len(found)) if found[n][0] not in ("space", "comment"))
    _, text, start = found[name]
    return [(kind, lexeme) for kind, lexeme, _ in found[:at]], create[start + len(text) :]


def _view_parts(create: str) -> tuple[Part, ...]:
    before, body = _behind_name(create, "VIEW")
    words = [text for _, text in without_space(before)]
    parts = [Part("body", "", joined(_plain_exists(flat(body))))]
    if "ALGORITHM" in words:
        parts.append(Part("attribute", "algorithm", words[words.index("ALGORITHM") + 2]))
    if "SECURITY" in words:
        parts.append(Part("attribute", "sql security", words[words.index("SECURITY") + 1]))
    return tuple(parts)


def _plain_exists(found: list[Lexeme]) -> list[Lexeme]:
    """EXISTS (…) without IS TRUE, which is the same: MySQL writes it for an account that may not use all of a view."""
    out: list[Lexeme] = []
    left = found
    while left:
        lexeme, left = left[0], left[1:]
        out.append(lexeme)
        if lexeme == ("word", "exists") and next_word(left) == "(":
            end = closing(left) + 1
            out += _plain_exists(left[:end])
            left = left[end:]
            after, rest = take(left, 2)
            if [text for _, text in without_space(after)] == ["is", "true"]:
                left = rest
    return out


def _trigger_parts(create: str) -> tuple[Part, ...]:
    header = list(lexemes(create))
    place = [at for at, (kind, _, _) in enumerate(header) if kind not in ("space", "comment")]
    words = [header[at][1] for at in place]
    on = words.index("ON", 3)
    each = words.index("ROW", on)
    body = create[header[place[each + 1]][2] :]
    return (
        Part("attribute", "table", unquote(words[on + 1])),
        Part("attribute", "event", " ".join(words[3:on])),
        Part("body", "", tidy(body)),
    )


def _routine_parts(noun: str) -> Callable[[str], tuple[Part, ...]]:
    def parts(create: str) -> tuple[Part, ...]:
        before, body = _behind_name(create, noun)
        aggregate = any(text.upper() == "AGGREGATE" for _, text in before)
        return (Part("body", "", ("AGGREGATE " if aggregate else "") + tidy(body)),)

    return parts


def _event_parts(create: str) -> tuple[Part, ...]:
    header, body = _divided_event(create)
    sections = {name: text for name, text in _sections(header).items() if text}
    return (*(Part("attribute", name, text) for name, text in sections.items()), Part("body", "", tidy(body)))


def _sequence_parts(create: str) -> tuple[Part, ...]:
    return (Part("body", "", _behind_name(create, "SEQUENCE")[1].strip()),)


def _marks(text: str) -> dict[str, int]:
    """Where the words of an event's header begin, up to the DO; each word once. Its name may be any word, also DO."""
    marks: dict[str, int] = {}
    named = 0
    for kind, lexeme, start in lexemes(text):
        if kind in ("space", "comment", "hint"):
            continue
        word = lexeme.upper() if kind == "word" and named != 1 else ""
        marks.setdefault(word, start)
        if word == "DO":
            break
        named += bool(named or word == "EVENT")
    return marks


def _divided_event(text: str) -> tuple[list[Lexeme], str]:
    """The header up to the DO, and the text behind that."""
    do = _marks(text).get("DO", len(text))
    return flat(text[:do]), text[do + len("DO") :].lstrip()


def _sections(header: list[Lexeme]) -> dict[str, str]:
    """The clauses of an event's header, without STARTS and ENDS."""
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    words = without_space(header)
    for at, (kind, text) in enumerate(words):
        word, before = (text.upper() if kind == "word" else ""), words[at - 1][1].upper()
        if word == "SCHEDULE":
            current = sections.setdefault("schedule", [])
            continue
        if (word == "ON" and before != "DISABLE") or word in ("STARTS", "ENDS"):
            current = []
        elif word == "COMPLETION":
            current = sections.setdefault("on completion", ["ON"])
        elif word in ("ENABLE", "DISABLE"):
            current = sections.setdefault("status", [])
        elif word == "COMMENT":
            current = sections.setdefault("comment", [])
        current.append(text)
    return {name: " ".join(texts) for name, texts in sections.items()}


PARTS: Mapping[str, Callable[[str], tuple[Part, ...]]] = {
    "view": _view_parts,
    "trigger": _trigger_parts,
    "procedure": _routine_parts("PROCEDURE"),
    "function": _routine_parts("FUNCTION"),
    "event": _event_parts,
    "sequence": _sequence_parts,
}
