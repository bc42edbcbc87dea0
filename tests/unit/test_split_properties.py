"""Laws of the splitter, for files that nobody thought of."""

from __future__ import annotations

from itertools import groupby
from unittest.mock import patch

from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemagate import pieces as splitter
from schemagate import sql
from schemagate.errors import MigrationInvalid
from schemagate.sql import Piece, Statement, split, statements

# Characters and words that mean something to a lexer, in any order.
SCRAPS = st.sampled_from([
    *"'\"`;-/*#\\!$\n\r\t .,()=aeé😀0\x01", "--", "-- ", "/*", "*/", "/*!", "/*M!", "''", "\\'", ";\n", "\r\n", "//",
    "$$", "$a$", "DELIMITER //\n", "\ndelimiter ;\n", "SELECT ", "CREATE ", "PROCEDURE p()", "TRIGGER t FOR EACH ROW ",
    " BEGIN ", " END", " END;", " IF ", " THEN ", " ELSE ", " CASE ", " WHILE ", " DO ", " LOOP ", " REPEAT ",
    " UNTIL ", "x: ", "SET sql_mode=",
])  # fmt: skip
FILES = st.lists(SCRAPS, max_size=40).map("".join)

NAMES = st.sampled_from(["a", "`end`", "end", "begin", "@if", "t.case", "b.`;`", "4", "'END;'"])
VALUES = st.recursive(
    NAMES,
    lambda inner: st.one_of(
        st.builds("CASE WHEN {} THEN {} ELSE {} END".format, inner, inner, inner),
        st.builds("CASE {} WHEN {} THEN {} END".format, inner, inner, inner),
        st.builds("IF({}, {}, REPEAT('x', {}))".format, inner, inner, inner),
        st.builds("({} + {})".format, inner, inner),
        st.builds("(SELECT {} FROM t)".format, inner),
    ),
    max_leaves=6,
)
SIMPLE = st.one_of(
    st.builds("SET @a = {}".format, VALUES),
    st.builds("SELECT {} AS end -- ;\n".format, VALUES),
    st.builds("UPDATE t SET a = {} /* END; */ WHERE {}".format, VALUES, VALUES),
    st.builds("DO {}".format, VALUES),
    st.sampled_from(["LEAVE here", "BEGIN END", "CALL p()", "DECLARE c CURSOR FOR SELECT end FROM t", "RETURN 1"]),
)


def blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(inner, min_size=1, max_size=3).map(lambda each: "".join(f"{one};\n" for one in each))
    label = st.sampled_from(["", "here: ", "`there` :\n"])
    return st.one_of(
        st.builds("{}BEGIN {}END".format, label, several),
        st.builds("{}LOOP {}END LOOP".format, label, several),
        st.builds("{}WHILE {} DO {}END WHILE".format, label, VALUES, several),
        st.builds("{}REPEAT {}UNTIL {} END REPEAT".format, label, several, VALUES),
        st.builds("IF {} THEN {}ELSEIF {} THEN {}ELSE {}END IF".format, VALUES, several, VALUES, several, several),
        st.builds("IF ({}) THEN {}END IF".format, VALUES, several),
        st.builds("CASE {} WHEN {} THEN {}ELSE {}END CASE".format, VALUES, VALUES, several, several),
        st.builds("CASE WHEN {} THEN {}END CASE".format, VALUES, several),
        st.builds("DECLARE EXIT HANDLER FOR NOT FOUND, SQLSTATE VALUE '42000' {}".format, inner),
    )


STATEMENTS = st.recursive(SIMPLE, blocks, max_leaves=8)
HEADERS = st.sampled_from([
    "CREATE PROCEDURE p(IN begin INT, OUT b SET('BEGIN'))\n",
    "CREATE OR REPLACE DEFINER=`a`@`b` PROCEDURE IF NOT EXISTS s.begin () COMMENT 'BEGIN' READS SQL DATA ",
    "CREATE FUNCTION f() RETURNS CHAR(1) CHARACTER SET utf8mb4 NOT DETERMINISTIC ",
    "CREATE TRIGGER t BEFORE INSERT ON u FOR EACH ROW ",
    "/*!50003 CREATE*/ /*!50017 DEFINER=a@b*/ /*!50003 TRIGGER t AFTER DELETE ON u FOR EACH ROW PRECEDES begin */ ",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY ON COMPLETION PRESERVE COMMENT 'DO' DO ",
    "ALTER EVENT e DO ",
])  # fmt: skip


def outcome(chunks: list[str]) -> tuple[list[Statement], str]:
    found: list[Statement] = []
    try:
        found.extend(statements(chunks, "file"))
    except MigrationInvalid as error:
        return found, error.message
    return found, ""


def cut(text: str, sizes: list[int]) -> list[str]:
    chunks, start = [], 0
    for size in sizes:
        chunks.append(text[start : start + size])
        start += size
    return [*chunks, text[start:]]


def merged(pieces: list[Piece]) -> list[tuple[str, str]]:
    """The pieces, those of one kind that follow each other as one."""
    return [(kind, "".join(piece.text for piece in group)) for kind, group in groupby(pieces, lambda piece: piece.kind)]


@given(FILES)
@example("-- a\r\nSELECT 1;\r\n")
def test_lossless(text: str) -> None:
    """Joined, the pieces are the file; up to where it is refused, they are its begin."""
    pieces: list[Piece] = []
    try:
        pieces.extend(split([text], "file"))
    except MigrationInvalid:
        assert text.startswith("".join(piece.text for piece in pieces))
    else:
        assert "".join(piece.text for piece in pieces) == text


@given(FILES, st.lists(st.integers(0, 5), max_size=60))
def test_chunks_do_not_matter(text: str, sizes: list[int]) -> None:
    """However the file comes in, the same is found in it, and refused with the same words."""
    assert outcome(cut(text, sizes)) == outcome([text])
    assert outcome([*text]) == outcome([text])


@given(FILES)
def test_lines(text: str) -> None:
    """A piece's line is one more than the line feeds before it; a statement's is that of its first word."""
    before = ""
    try:
        for piece in split([text], "file"):
            assert piece.line == before.count("\n") + 1
            if piece.kind == "statement":
                assert piece.line <= piece.token_line <= piece.line + piece.text.count("\n")
                assert piece.text == piece.text.strip()
            before += piece.text
    except MigrationInvalid as error:
        line = error.facts["line"]
        assert 1 <= line <= text.count("\n") + 1


@given(HEADERS, STATEMENTS, STATEMENTS)
def test_bodies(header: str, body: str, other: str) -> None:
    """However blocks are nested, a body ends where it ends; with DELIMITER the same is found."""
    text = f"{header}{body}"
    found = [statement.text for statement in statements([f"{text};\n{header}{other}\n;SELECT 1"], "file")]
    assert found == [text.rstrip(), f"{header}{other}".rstrip(), "SELECT 1"]
    wrapped = f"DELIMITER //\n{text} //\nDELIMITER ;\nSELECT 1"
    assert [statement.text for statement in statements([wrapped], "file")] == [text.rstrip(), "SELECT 1"]


@given(FILES, st.lists(st.integers(1, 20), max_size=60), st.integers(1, 12))
def test_what_is_long_does_not_matter(text: str, sizes: list[int], long: int) -> None:
    """A long statement takes the memory with it that it was read into: what is found is the same."""
    expected = outcome([text])
    with patch.object(splitter, "LONG", long), patch.object(sql, "LONG", long):
        found, message = outcome(cut(text, sizes))
        checksums = [statement.checksum for statement in found]
    assert (found, message) == expected
    assert checksums == [statement.checksum for statement in expected[0]]


# What may stand in a statement many times, and does not end it.
UNITS = st.sampled_from([
    "(1, 'a;b')", ", ", "''';'", r'"\";"', "`;``;`", "-- ';\n", "# `;\n", "/* ;'*/", " - ", " / ", r"\;", "😀", "é$é ",
    " $a$;'$a$ ", "1234567890 " * 10, " \n\n ", "/*!1*/",
])  # fmt: skip


@settings(max_examples=40)
@given(st.lists(st.lists(UNITS, min_size=60, max_size=300).map("".join), min_size=1, max_size=3), st.integers(50, 400))
def test_statements_of_many_tokens(parts: list[str], size: int) -> None:
    """A statement that takes many steps, and many chunks, ends where it ends; with DELIMITER the same is found."""
    whole = [f"VALUES {part} 1" for part in parts]
    for text in (
        "".join(f"{each};\n" for each in whole),
        "DELIMITER ~~\n" + "".join(f"{each}~~" for each in whole),
    ):
        found = statements((text[at : at + size] for at in range(0, len(text), size)), "file")
        assert [statement.text for statement in found] == whole
