"""What the splitter, and the functions that tell what a statement is about, find in text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import pytest

from schemagate.errors import MigrationInvalid
from schemagate.names import Name, Qualifier
from schemagate.sql import (
    Directive,
    Statement,
    decode,
    file_directives,
    has_body,
    qualifiers,
    quote,
    split,
    statements,
    tokens,
    unquote,
)


def texts(text: str) -> list[str]:
    return [statement.text for statement in statements([text], "file.sql")]


def kind(text: str) -> str:
    return Statement(text.encode(), 1, 1).kind


def names(text: str) -> list[str]:
    found = Statement(text.encode(), 1, 1).names
    return [f"{name.schema}.{name.name}" if name.schema else name.name for name in found]


def refused(parts: Iterable[str] | Iterable[bytes]) -> tuple[str, int]:
    """The message for a file that is refused, and the line in it."""
    decoded = decode((part if isinstance(part, bytes) else part.encode() for part in parts), "file.sql")
    with pytest.raises(MigrationInvalid) as caught:
        list(statements(decoded, "file.sql"))
    assert caught.value.facts["file"] == "file.sql"
    line: int = caught.value.facts["line"]
    assert f"file.sql line {line}" in caught.value.message
    return caught.value.message, line


# --- where a statement ends ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1; SELECT 2", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';', \";\", `;`, 'it''s;'; SELECT 'a\\';', \"\\\";\"",
         ["SELECT ';', \";\", `;`, 'it''s;'", "SELECT 'a\\';', \"\\\";\""]),
        ("SELECT 1 -- ;\n, 2; # ;\nSELECT 3 /* ; */", ["SELECT 1 -- ;\n, 2", "SELECT 3 /* ; */"]),
        ("SELECT 1--1; SELECT --2;", ["SELECT 1--1", "SELECT --2"]),
        ("SELECT 1 --\x01 ;\n + 1", ["SELECT 1 --\x01 ;\n + 1"]),
        ("/* a */ ; -- b\n; # c\n", []),
        ("/*! SELECT 1 */; /*M!100100 SELECT 2 */", ["/*! SELECT 1 */", "/*M!100100 SELECT 2 */"]),
        ("-- why\n\n/* how */ SELECT 1;", ["/* how */ SELECT 1"]),
        ("SELECT 1 ;\n\n;; \t", ["SELECT 1"]),
        ("SELECT `a\\`; SELECT `b`", ["SELECT `a\\`", "SELECT `b`"]),
        ("SELECT a*/* ; */b", ["SELECT a*/* ; */b"]),
        ("CREATE FUNCTION f() RETURNS INT LANGUAGE JAVASCRIPT AS $js$ a(); $$ $js$; SELECT a$b$c; SELECT 1", [
            "CREATE FUNCTION f() RETURNS INT LANGUAGE JAVASCRIPT AS $js$ a(); $$ $js$", "SELECT a$b$c", "SELECT 1"]),
    ],
)  # fmt: skip
def test_statements_end_at_a_semicolon_that_is_not_quoted(text: str, expected: list[str]) -> None:
    """Quotes, escapes, backticks and comments are those of the server's lexer."""
    assert texts(text) == expected


@pytest.mark.parametrize("delimiter", ["//", "$$", "|", ";;", "go", "#", "--", "/", "-", "*/", "/*!*/;", "~~"])
def test_delimiter(delimiter: str) -> None:
    """DELIMITER says what ends a statement from there on, anywhere but in quotes and comments."""
    text = (
        f"SELECT 1;\n  delimiter {delimiter} \nSELECT ';'{delimiter} BEGIN{delimiter}\nDelimiter ;\nSELECT 2;SELECT 3"
    )
    assert texts(text) == ["SELECT 1", "SELECT ';'", "BEGIN", "SELECT 2", "SELECT 3"]


def test_delimiter_only_where_a_statement_may_begin() -> None:
    """In the middle of a statement, the word is a word."""
    assert texts("SELECT a AS\ndelimiter\n, b;SELECT '\nDELIMITER //\n'") == [
        "SELECT a AS\ndelimiter\n, b",
        "SELECT '\nDELIMITER //\n'",
    ]
    assert texts("/* head */\n-- head\n  # in\nDELIMITER //\nSELECT 1;//") == ["SELECT 1;"]


# With an empty line between two.
BODIES = r"""
CREATE PROCEDURE p() BEGIN END

CREATE PROCEDURE p() SELECT 1

CREATE OR REPLACE DEFINER = `root`@`%` PROCEDURE IF NOT EXISTS a.`p` (IN begin INT, OUT `end` INT) COMMENT 'BEGIN'
MODIFIES SQL DATA SQL SECURITY INVOKER BEGIN DECLARE x INT DEFAULT 1; SET x = 2; END

create definer=event@localhost procedure p() begin select 1; end

CREATE DEFINER=CURRENT_USER() FUNCTION f(a SET('x;','y')) RETURNS VARCHAR(20) CHARACTER SET utf8mb4 COLLATE
utf8mb4_bin DETERMINISTIC BEGIN RETURN CASE a WHEN 1 THEN ';' ELSE (SELECT end FROM t) END; END

CREATE FUNCTION f(a INT) RETURNS SET('x') RETURN IF(a, REPEAT('x', 2), CASE WHEN a THEN 1 END)

CREATE AGGREGATE FUNCTION f RETURNS STRING SONAME 'f.so'

CREATE FUNCTION f(a INT) RETURNS INT IF a THEN RETURN 1; ELSEIF a = 2 THEN RETURN 3; ELSE RETURN 2; END IF

CREATE PROCEDURE p() one: BEGIN two: LOOP IF 1 THEN LEAVE two; END IF; ITERATE two; END LOOP two; END one

CREATE PROCEDURE p() `one`: WHILE a < 2 DO SET a = a + 1; END WHILE `one`

CREATE PROCEDURE p() REPEAT SET a = a + 1; UNTIL a > CASE WHEN 1 THEN 2 END END REPEAT

CREATE PROCEDURE p() BEGIN REPEAT REPEAT SET a = 1; UNTIL end END REPEAT; UNTIL a END REPEAT; SELECT 1; END

CREATE PROCEDURE p() BEGIN CASE a WHEN 1 THEN SELECT 1; WHEN 2 THEN BEGIN END; ELSE SELECT 3; END CASE; END

CREATE PROCEDURE p() CASE WHEN a = CASE 1 WHEN 1 THEN 2 END THEN SELECT 1; END CASE

CREATE PROCEDURE p() BEGIN DECLARE c CURSOR FOR SELECT end FROM t; DECLARE EXIT HANDLER FOR NOT FOUND, SQLSTATE
'02000', SQLSTATE VALUE '42000', 1064, oops BEGIN ROLLBACK; END; DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET done
= IF(1,2,3); DECLARE UNDO HANDLER FOR SQLWARNING IF done THEN SET done = 1; END IF; OPEN c; END

CREATE PROCEDURE p() BEGIN SELECT begin, t.end, t . case, @end, @@if FROM t WHERE end; UPDATE t SET end = 1; END

CREATE PROCEDURE p() BEGIN IF begin THEN SELECT 1; END IF; WHILE do DO SELECT 1; END WHILE; IF end THEN SELECT 1;
END IF; END

CREATE PROCEDURE p() BEGIN SELECT CASE WHEN a THEN end ELSE end END FROM t; SELECT a AS end, 1 begin; END

CREATE PROCEDURE p() BEGIN INSERT INTO t VALUES (IF(1, 2, 3)); SELECT CASE WHEN 1 THEN CASE 2 WHEN 2 THEN 3 END END;
END

CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW FOLLOWS begin BEGIN SET NEW.end = 1; END

CREATE TRIGGER begin AFTER DELETE ON `case` FOR EACH ROW IF OLD.a THEN DELETE FROM y; END IF

CREATE DEFINER=`a`@`b` TRIGGER IF NOT EXISTS a.t AFTER UPDATE ON x FOR EACH ROW PRECEDES u SET @a = CASE 1 WHEN 1
THEN 2 END

CREATE EVENT IF NOT EXISTS e ON SCHEDULE EVERY 1 DAY STARTS '2020-01-01' DO BEGIN DELETE FROM t; DO SLEEP(1); END

ALTER EVENT e RENAME TO f DO BEGIN DELETE FROM t; END

ALTER DEFINER = a@b EVENT e COMMENT 'DO BEGIN' ENABLE

ALTER PROCEDURE p COMMENT 'BEGIN'

/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER t BEFORE INSERT ON x FOR EACH ROW BEGIN SET @a = 1;
END */

BEGIN NOT ATOMIC DECLARE x INT; IF x THEN SELECT 1; END IF; END

IF EXISTS (SELECT 1) THEN SELECT 1; ELSE SELECT 2; END IF

CASE 1 WHEN 1 THEN SELECT 1; END CASE

FOR i IN 1..3 DO SELECT i; END FOR

BEGIN NOT ATOMIC FOR i IN (SELECT a FROM t) DO SELECT i.a; END FOR; END

BEGIN

BEGIN WORK

SELECT 1 AS `begin`, CASE 1 WHEN 1 THEN 2 END

CREATE TABLE begin (end INT, `if` INT)

CREATE EVENT e ON SCHEDULE AT NOW() DO CALL p()

CREATE PROCEDURE p() BEGIN -- it's; BEGIN
 # END
 /* IF */ SELECT 'END;'; END
""".strip().split("\n\n")


@pytest.mark.parametrize("body", BODIES)
def test_a_body_needs_no_delimiter(body: str) -> None:
    """The `;` inside a body end nothing, with and without DELIMITER lines, at the end of the file and before it."""
    assert texts(f"{body};SELECT 'next';") == [body, "SELECT 'next'"]
    assert texts(f"SELECT 1;\n{body}\n;\n") == ["SELECT 1", body]
    assert texts(body) == [body]
    assert texts(f"DELIMITER //\n{body} //\nDELIMITER ;\n{body};") == [body, body]
    assert texts(f"{body.replace(' ', chr(9))};SELECT 1") == [body.replace(" ", "\t"), "SELECT 1"]


def test_pieces_are_the_file() -> None:
    """Nothing is lost: comments, blanks, delimiters and commands are pieces too, each with its line."""
    text = "-- a\nSELECT 1 ; -- b\n\nDELIMITER //\n/* c */ SELECT\n2 // \n"
    pieces = list(split([text], "file"))
    assert "".join(piece.text for piece in pieces) == text
    assert [(piece.kind, piece.text, piece.line) for piece in pieces] == [
        ("comment", "-- a\n", 1),
        ("statement", "SELECT 1", 2),
        ("delimiter", " ;", 2),
        ("comment", " -- b\n\n", 2),
        ("delimiter", "DELIMITER //\n", 4),
        ("statement", "/* c */ SELECT\n2", 5),
        ("delimiter", " //", 6),
        ("comment", " \n", 6),
    ]


def test_lines_and_ordinals() -> None:
    """The line is that of the first word of the statement, and not of a comment before it."""
    text = "\n-- a\nSELECT 1; SELECT\n2;\r\n/* b\n */\n\n# c\nSELECT 3;\n'\n';/*! SELECT 4 */"
    assert [(found.ordinal, found.line) for found in statements([text], "file")] == [
        (1, 3), (2, 3), (3, 9), (4, 10), (5, 11),
    ]  # fmt: skip


def test_checksum() -> None:
    """Line endings do not count, nor white space at the end; everything else does."""

    def checksum(text: str) -> bytes:
        return Statement(text.encode(), 1, 1).checksum

    assert checksum("SELECT\n1") == hashlib.sha256(b"SELECT\n1").digest()
    assert checksum("SELECT\n1") == checksum("SELECT\r\n1") == checksum("SELECT\r1") == checksum("SELECT\n1 \r\n")
    assert len({checksum("SELECT\n1"), checksum("SELECT 1"), checksum("SELECT\n1 -- a"), checksum("select\n1")}) == 4


# --- what is refused ---


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("SELECT 1;\n\nSELECT\n'a;\n", 4, "quote that begins here does not end"),
        ('\nSELECT "a', 2, "quote that begins here does not end"),
        ("SELECT 'a\\'", 1, "quote that begins here does not end"),
        ("SELECT 'a''", 1, "quote that begins here does not end"),
        ("SELECT 1;\nSELECT `a", 2, "backtick that begins here does not end"),
        ("SELECT `a``", 1, "backtick that begins here does not end"),
        ("SELECT 1;\n/* a", 2, "comment that begins here does not end"),
        ("SELECT 1 /* a /*", 1, "comment that begins here does not end"),
        ("/*/", 1, "comment that begins here does not end"),
        ("DELIMITER //\nSELECT 1 /* a", 2, "comment that begins here does not end"),
        ("\n/*! SELECT 1", 2, "executable comment does not end"),
        ("/*! SELECT 1; SELECT 2 */;", 1, "executable comment does not end"),
        ("SELECT 1\n/*M!100100 + 1;", 2, "executable comment does not end"),
        ("SELECT 1;\nCREATE PROCEDURE p() BEGIN SELECT 1;\n\nSELECT 2", 2, "body of the statement that begins here"),
        ("CREATE PROCEDURE p() BEGIN IF 1 THEN SELECT 1; END;", 1, "body of the statement that begins here"),
        ("BEGIN NOT ATOMIC SELECT 1;", 1, "body of the statement that begins here"),
        ("CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW BEGIN\nSELECT 'a", 2, "quote that begins here"),
        ("SELECT $a$ 1;", 1, "dollar quote that begins here"),
        ("SELECT 1;\nDELIMITER\nSELECT 2;", 2, "DELIMITER needs"),
        ("DELIMITER \\\\", 1, "DELIMITER needs"),
        ("DELIMITER '", 1, "DELIMITER needs"),
        ("DELIMITER é", 1, "DELIMITER needs"),
        ("DELIMITER 1234567890123456", 1, "DELIMITER needs"),
        ("SELECT 1;\nSELECT 1; DELIMITER //", 2, "DELIMITER must be the first word of its line"),
        ("/* a */ DELIMITER //", 1, "DELIMITER must be the first word of its line"),
        ("SELECT 1;\nSET sql_mode='ANSI,NO_BACKSLASH_ESCAPES';", 2, "NO_BACKSLASH_ESCAPES"),
        ("/*!40101 SET sql_mode='no_backslash_escapes' */;", 1, "NO_BACKSLASH_ESCAPES"),
        ("-- a\n/* b */ set session sql_mode = concat(@@sql_mode, ',NO_BACKSLASH_ESCAPES')", 2, "NO_BACKSLASH_ESC"),
        ("SELECT 1;\n-- schemagate: word", 2, "directive word has no statement behind it"),
        ("SELECT 1;\nSELECT 2; -- schemagate: word\nSELECT 3;", 2, "directive word has no statement behind it"),
    ],
)  # fmt: skip
def test_what_cannot_be_split_is_refused(text: str, line: int, problem: str) -> None:
    """Exit 11, with the line where to look, whatever the size of the chunks that the file is read in."""
    for size in (1, 7, len(text)):
        message, found = refused([text[start : start + size] for start in range(0, len(text), size)])
        assert problem in message
        assert found == line


def test_that_mode_in_other_statements_is_nobodys_business() -> None:
    """Only SET makes the server read quotes in another way."""
    assert len(texts("INSERT INTO t VALUES ('SET NO_BACKSLASH_ESCAPES'); SET sql_mode='ANSI_QUOTES'; SET @a = 1")) == 3


# --- bytes ---


def decoded(data: bytes, size: int = 3) -> str:
    return "".join(decode((data[start : start + size] for start in range(0, len(data), size)), "file.sql"))


def test_utf8_with_and_without_byte_order_mark() -> None:
    """A mark at the begin is dropped; characters may be cut by the border of a chunk."""
    assert decoded("SELECT 'é😀'".encode()) == "SELECT 'é😀'"
    assert decoded(b"\xef\xbb\xbfSELECT 1") == "SELECT 1"
    assert decoded(b"\xef\xbb\xbf") == decoded(b"") == ""


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_line_endings(size: int) -> None:
    """LF and CRLF stay; where the first line ends with a carriage return alone, each of these is a line feed."""
    assert decoded(b"a\nb\r\nc\rd\n", size) == "a\nb\r\nc\rd\n"
    assert decoded(b"a\r\nb\rc\n", size) == "a\r\nb\rc\n"
    assert decoded(b"a\rb\rc\r\rd\r", size) == "a\nb\nc\n\nd\n"
    assert decoded(b"\r", size) == "\n"
    old = decoded(b"-- a comment\rSELECT 1; # b\rSELECT\r2 -- c\r+ 3;\r", size)
    assert [(found.text, found.line) for found in statements([old], "f")] == [
        ("SELECT 1", 2),
        ("SELECT\n2 -- c\n+ 3", 3),
    ]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"SELECT 1;\nSELECT '\xff';", 2),
        (b"\xff\xfeS\x00", 1),
        (b"a\r\nb\r\n\xc3", 3),
        (b"-- a\n-- \xed\xa0\x80\n", 2),
        (b"SELECT 1;\n\nSELECT '\x00'", 3),
        (b"\xe9", 1),
        (b"\r\r\xe9", 3),
    ],
)
def test_bad_bytes_are_refused(data: bytes, line: int) -> None:
    """What is not UTF-8, and a NUL, with the line of the first of them."""
    for size in (1, 3, 100):
        _, found = refused([data[start : start + size] for start in range(0, len(data), size)])
        assert found == line


# --- directives ---


def test_directives() -> None:
    """A statement has those that stand before it or in it; the head of the file those before the first word."""
    text = (
        "-- schemagate: whole file \n# schemagate: no\n/* -- schemagate: no */\n# --\n"
        "-- schemagate: next\nSELECT 1;\n\n--   schemagate:  repeatable\nUPDATE t -- schemagate: inside a b\n"
        " SET a = 1;\nSELECT 3"
    )
    found = list(statements([text], "file"))
    assert [statement.directives for statement in found] == [
        (Directive("whole", "file", 1), Directive("next", "", 5)),
        (Directive("repeatable", "", 8), Directive("inside", "a b", 9)),
        (),
    ]
    (other,) = statements(["-- schemagate: à\u2028 \u0085é à\nSELECT 1"], "file")
    assert other.directives == (Directive("à\u2028", "\u0085é à", 1),)
    assert file_directives([text], "file") == found[0].directives
    assert file_directives(["/* a */\n-- schemagate: b\nSELECT 1"], "file") == (Directive("b", "", 2),)
    assert file_directives(["-- schemagate: b\n"], "file") == (Directive("b", "", 1),)
    assert file_directives(["SELECT 1 -- schemagate: b\n"], "file") == ()


# --- what it is about ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CREATE TABLE t (a INT)", "create table"),
        ("create /* a */ or replace temporary table if not exists t (a INT)", "create temporary table"),
        ("/*!40101 CREATE TABLE t (a INT) */", "create table"),
        ("/*M!999999\\- enable the sandbox mode */ \n-- dump\n/*!40101 CREATE TABLE t (a INT) */", "create table"),
        ("/*!999999\\- enable the sandbox mode */ INSERT INTO t VALUES (1)", "insert"),
        ("/*!50001 CREATE ALGORITHM=UNDEFINED */ /*!50013 DEFINER=`a`@`b` SQL SECURITY DEFINER */ /*!50001 VIEW v */",
         "create view"),
        ("CREATE OR REPLACE ALGORITHM = MERGE DEFINER = table@localhost SQL SECURITY INVOKER VIEW v AS SELECT 1",
         "create view"),
        ("CREATE UNIQUE INDEX i ON t (a)", "create index"),
        ("CREATE FULLTEXT INDEX i ON t (a)", "create index"),
        ("CREATE SPATIAL REFERENCE SYSTEM 4120 NAME 'x'", "create spatial reference system"),
        ("CREATE DEFINER=CURRENT_USER() FUNCTION f() RETURNS INT RETURN 1", "create function"),
        ("CREATE SCHEMA s", "create database"),
        ("DROP TABLES IF EXISTS a, b", "drop table"),
        ("DROP TEMPORARY TABLE a", "drop temporary table"),
        ("DROP PREPARE s", "deallocate"),
        ("ALTER ONLINE TABLE t ADD a INT", "alter table"),
        ("ALTER SCHEMA s CHARACTER SET utf8mb4", "alter database"),
        ("ALTER DEFINER=a@b EVENT e ENABLE", "alter event"),
        ("ALTER USER u ACCOUNT LOCK", "alter user"),
        ("RENAME TABLE a TO b", "rename table"),
        ("RENAME TABLES a TO b", "rename table"),
        ("RENAME USER a TO b", "rename user"),
        ("TRUNCATE t", "truncate table"),
        ("INSERT INTO t VALUES (1)", "insert"),
        ("  replace t values (1)", "replace"),
        ("/* a */ UPDATE t SET a = 1", "update"),
        ("(SELECT 1) UNION (SELECT 2)", "select"),
        ("TABLE t", "select"),
        ("VALUES ROW(1)", "select"),
        ("WITH a AS (SELECT 1), b AS (SELECT 2) UPDATE t SET a = 1", "update"),
        ("WITH RECURSIVE a (b) AS (SELECT 1 UNION ALL SELECT 2) SELECT * FROM a", "select"),
        ("WITH a AS (SELECT 1) DELETE FROM t", "delete"),
        ("SET a = 1", "set"),
        ("SET NAMES utf8mb4", "set"),
        ("SET @a = 1, GLOBAL b = 2", "set global"),
        ("SET @@global.a = 1", "set global"),
        ("SET PERSIST a = 1", "set global"),
        ("SET PASSWORD = 'x'", "set global"),
        ("SET @password = 1", "set"),
        ("SET autocommit = 0", "set autocommit"),
        ("SET @@session.autocommit = 0", "set autocommit"),
        ("SET STATEMENT max_statement_time = 1 FOR ALTER TABLE t ADD a INT", "alter table"),
        ("LOAD DATA LOCAL INFILE 'x' INTO TABLE t", "load data"),
        ("START TRANSACTION READ ONLY", "start transaction"),
        ("BEGIN", "start transaction"),
        ("BEGIN WORK", "start transaction"),
        ("BEGIN NOT ATOMIC SELECT 1; END", "begin not atomic"),
        ("COMMIT AND CHAIN", "commit"),
        ("ROLLBACK WORK TO SAVEPOINT a", "rollback to savepoint"),
        ("ROLLBACK", "rollback"),
        ("SAVEPOINT a", "savepoint"),
        ("RELEASE SAVEPOINT a", "release savepoint"),
        ("XA START 'x'", "xa"),
        ("LOCK TABLE t READ", "lock tables"),
        ("LOCK TABLES t READ", "lock tables"),
        ("LOCK INSTANCE FOR BACKUP", "lock instance"),
        ("UNLOCK TABLES", "unlock tables"),
        ("OPTIMIZE NO_WRITE_TO_BINLOG TABLE t", "optimize table"),
        ("ANALYZE LOCAL TABLES t", "analyze table"),
        ("ANALYZE FORMAT=JSON UPDATE t SET a = 1", "update"),
        ("CHECK TABLE t", "check table"),
        ("REPAIR TABLE t", "repair table"),
        ("DESC t", "explain"),
        ("é t", ""),
        ("'x'", ""),
        ("INSTALL PLUGIN p SONAME 'x'", "install"),
        ("GRANT SELECT ON t TO u", "grant"),
        ("CALL p()", "call"),
        ("frobnicate t", "frobnicate"),
        ("", ""),
        ("/*!*/", ""),
    ],
)  # fmt: skip
def test_kind(text: str, expected: str) -> None:
    """Verb and object; comments, executable comments and qualities of the object are looked through."""
    assert kind(text) == expected


def test_has_body() -> None:
    """Statements that define what runs later."""
    assert all(map(has_body, ["create procedure", "create function", "create trigger", "create event", "alter event"]))
    assert not any(map(has_body, ["create table", "drop procedure", "alter procedure", "create view"]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CREATE TABLE IF NOT EXISTS `a``b` (id INT, KEY k (id), FOREIGN KEY (id) REFERENCES p (id) ON UPDATE CASCADE)",
         ["a`b", "p"]),
        ("CREATE TABLE s.t LIKE `u`.v", ["s.t", "u.v"]),
        ("CREATE TABLE t (LIKE u)", ["t", "u"]),
        ("CREATE TABLE t (a INT CHECK (a LIKE 'x'), b TIMESTAMP ON UPDATE CURRENT_TIMESTAMP(3)) AS SELECT * FROM u, v",
         ["t", "u", "v"]),
        ("CREATE TABLE t (a INT) ENGINE=MERGE UNION=(u, v)", ["t", "u", "v"]),
        ("CREATE TABLE t (a INT DEFAULT (NEXT VALUE FOR s))", ["t", "s"]),
        ("ALTER TABLE a ADD b INT, ADD CONSTRAINT c FOREIGN KEY (b) REFERENCES d (e), RENAME COLUMN x TO y",
         ["a", "d"]),
        ("ALTER TABLE a RENAME INDEX x TO y, RENAME TO b", ["a", "b"]),
        ("ALTER TABLE a RENAME AS b", ["a", "b"]),
        ("ALTER TABLE a RENAME = b", ["a", "b"]),
        ("ALTER TABLE a RENAME b", ["a", "b"]),
        ("ALTER TABLE a EXCHANGE PARTITION p WITH TABLE b", ["a", "b"]),
        ("RENAME TABLE a TO t, b TO a, t TO b", ["a", "t", "b", "a", "t", "b"]),
        ("DROP TABLE IF EXISTS a, s.b CASCADE", ["a", "s.b"]),
        ("DROP VIEW a, b", ["a", "b"]),
        ("CREATE TABLE größe😀 (a INT, é INT REFERENCES `\u20ac``.` (b))", ["größe😀", "\u20ac`."]),
        ("INSERT INTO `é`.größe VALUES (1, 'ü')", ["é.größe"]),
        ("INSERT INTO t VALUES (f(1), g(1)), (f(2), g(2)), (F(3), s.f(4))", ["t", "f", "g", "F", "s.f"]),
        ("DROP TRIGGER IF EXISTS s.t", ["s.t"]),
        ("DROP PROCEDURE p", ["p"]),
        ("TRUNCATE TABLE a", ["a"]),
        ("TRUNCATE a", ["a"]),
        ("CREATE UNIQUE INDEX i ON s.t (a, b)", ["s.t"]),
        ("DROP INDEX i ON t", ["t"]),
        ("CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW FOLLOWS other UPDATE u SET a = NEW.b WHERE c = f(NEW.d)",
         ["tr", "t", "other", "u", "f"]),
        (("CREATE VIEW v AS SELECT a.x FROM s.a JOIN b ON a.i = b.i LEFT JOIN (c, d AS e) USING (i)"
         " WHERE EXISTS (SELECT 1 FROM f)"),
         ["v", "s.a", "b", "c", "d", "f"]),
        ("CREATE VIEW v AS SELECT EXTRACT(DAY FROM a), TRIM(LEADING 'x' FROM b) FROM t FOR UPDATE", ["v", "t"]),
        ("CREATE VIEW v AS SELECT s.f(a), COUNT(*) FROM t GROUP BY a, b HAVING c ORDER BY d, e LIMIT 1, 2",
         ["v", "s.f", "t"]),
        (("CREATE PROCEDURE p() BEGIN INSERT INTO a SELECT * FROM b; DELETE FROM c WHERE d; CALL e(); SELECT f INTO g"
         " FROM h; END"),
         ["p", "a", "b", "c", "e", "h"]),
        ("CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t", ["e", "t"]),
        ("ALTER EVENT e RENAME TO f", ["e", "f"]),
        ("CREATE SEQUENCE s START WITH 1", ["s"]),
        ("INSERT INTO t (a, b) VALUES (1, 'SELECT x FROM y'), (-1.5e3, NULL)", ["t"]),
        ("INSERT INTO s.t VALUES (NOW(), DEFAULT, x'00', _utf8mb4'a')", ["s.t"]),
        ("INSERT INTO t VALUES ((SELECT MAX(a) FROM u), f(1), NEXTVAL(q))", ["t", "u", "f", "q"]),
        ("INSERT INTO t SELECT * FROM u ON DUPLICATE KEY UPDATE a = VALUES(a)", ["t", "u"]),
        ("INSERT IGNORE t SET a = 1", ["t"]),
        ("REPLACE LOW_PRIORITY INTO t VALUES (REPLACE('a', 'b', 'c'))", ["t"]),
        ("UPDATE LOW_PRIORITY a, s.b AS c SET a.x = c.y ORDER BY z", ["a", "s.b"]),
        ("UPDATE a JOIN b ON a.i = b.i SET a.x = (SELECT MAX(y) FROM c)", ["a", "b", "c"]),
        ("DELETE FROM a USING a JOIN b USING (i)", ["a", "b"]),
        ("DELETE a FROM a STRAIGHT_JOIN b", ["a", "b"]),
        ("SELECT STRAIGHT_JOIN a.x FROM a, JSON_TABLE(j, '$' COLUMNS (x INT PATH '$')) AS k, c", ["a", "c"]),
        ("SELECT 1 FROM DUAL", []),
        ("WITH x AS (SELECT * FROM a) UPDATE b SET c = 1", ["a", "b"]),
        ("LOAD DATA INFILE 'x' IGNORE INTO TABLE t (a, b) SET c = 1", ["t"]),
        ("LOCK TABLES a AS x READ, b WRITE", ["a", "b"]),
        ("CALL s.p(1)", ["s.p"]),
        ("SET STATEMENT a = 1 FOR UPDATE t, u SET x = 1", ["t", "u"]),
        ("GRANT SELECT, UPDATE (a) ON s.t TO u", ["s.t"]),
        ("/*!50001 CREATE VIEW `v` AS SELECT `t`.`a` AS `a` FROM `t` */", ["v", "t"]),
    ],
)  # fmt: skip
def test_names(text: str, expected: list[str]) -> None:
    """The objects that a statement names, as target or reference, in order of appearance."""
    assert names(text) == expected


def test_names_are_unquoted() -> None:
    """A schema and a name, without backticks; None where the statement does not say the schema."""
    assert Statement(b"DROP TABLE `a b` . `c``d`, e", 1, 1).names == (Name("a b", "c`d"), Name(None, "e"))


def test_qualifiers() -> None:
    """What stands before a dot is a schema for sure where an object is named; elsewhere it may be an alias."""
    text = "SELECT a.b, live.f(1), live.t.c, @@global.x FROM live . t AS a JOIN `live`.u WHERE NEW.d = 'live.x'"
    found = qualifiers(text)
    assert [(text[each.start : each.end], each.schema, each.certain) for each in found] == [
        ("a.", "a", False),
        ("live.", "live", True),
        ("live.", "live", True),
        ("live .", "live", True),
        ("`live`.", "live", True),
        ("NEW.", "NEW", False),
    ]
    assert qualifiers("INSERT INTO live.t VALUES ('a.b', 1.5)") == (Qualifier("live", 12, 17, True),)
    assert qualifiers("INSERT INTO t VALUES (a.b)") == (Qualifier("a", 22, 24, False),)
    assert qualifiers("INSERT INTO t VALUES (1, 'a.b')") == ()


# --- tokens and quotes ---


def test_tokens() -> None:
    """Joined, the tokens are the text; what is in an executable comment are tokens like any others."""
    text = "SELECT /*!50003 a*/ 2*/* c */b.`x``y`, 'it''s\\'' -- d\n:= @e @@f 1.5e3 0x1F 5g .5 'open"
    found = list(tokens(text))
    assert "".join(token.text for token in found) == text
    assert [(token.kind, token.text) for token in found if token.kind != "space"] == [
        ("word", "SELECT"), ("hint", "/*!50003"), ("word", "a"), ("hint", "*/"), ("number", "2"), ("punctuation", "*"),
        ("comment", "/* c */"), ("word", "b"), ("punctuation", "."), ("quoted", "`x``y`"), ("punctuation", ","),
        ("string", "'it''s\\''"), ("comment", "-- d"), ("punctuation", ":="), ("word", "@e"), ("word", "@@f"),
        ("number", "1.5e3"), ("number", "0x1F"), ("word", "5g"), ("number", ".5"), ("string", "'open"),
    ]  # fmt: skip
    assert [(token.start, token.line) for token in found if token.text in ("SELECT", "@e")] == [(0, 1), (57, 2)]


def test_quote_and_unquote() -> None:
    """Names come through whatever is in them; of strings, escapes and doubled quotes are resolved."""
    assert quote("a`b") == "`a``b`"
    assert all(unquote(quote(name)) == name for name in ("a", "", "`", "a``b", "é`"))
    assert unquote("'it''s \\'a\\' \\n\\\\ \\0 \\% \\_ \\d \"'") == "it's 'a' \n\\ \0 \\% \\_ d \""
    assert unquote('"say ""it"""') == 'say "it"'
    assert unquote("word") == "word"
