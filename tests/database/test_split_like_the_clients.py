"""What `split` finds is what the `mysql` and `mariadb` clients send, byte by byte.

Files are made up at random, from a seed that is in the name of the test, and given to the real client of each server; a
proxy in between writes down what the client sends. Most of the statements are no SQL that any server would accept:
the clients do not know that, and neither does `split`.

The clients send comments on their own, which `split` leaves out, and one behind a delimiter with the statement before
it; `sent` takes that into account. Left out here, because the clients contradict each other:

- `--` without a blank at the begin of a statement (a comment for `mariadb` alone), a backslash at the end of a line in
  a string (`mysql` drops it, `mariadb` sends a NUL), `"…\\"` under ANSI_QUOTES
- quotes, comments and delimiters in `/*M! … */` (a comment for `mysql`), `$$ … $$` (a string for `mysql`)
- DELIMITER behind a block comment (no command for `mariadb`), or behind a statement on its line; behind an indented
  comment or a line of blanks it is a command without --comments alone

What both send otherwise than it is written has a test of its own below.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections.abc import Iterable, Iterator
from itertools import groupby

import pytest

from schemagate.sql import split, tokens
from tests.reach import Server
from tests.wire import RecordingProxy

SEEDS = range(4)
FILES = 750  # per seed
MARK = "SELECT 'the end of file %d'"

DELIMITERS = (";", ";", ";;", "//", "$$", "|", "go", "END_OF", "~~", "@@", ";//", "<|>", "é;"[1:])
WORDS = (
    "select",
    "a",
    "bé",
    "`c`",
    "t.`d;d`",
    "@v",
    "@@x.y",
    "category",
    "xdelimiter",
    "end",
    "42",
    "-1",
    "1.5e3",
    "a$b",
)
QUOTED = (
    "'plain'", "''", '""', "''''", "'it''s; // $$ | go'", "'a\\'b;'", "'\\\\'", '"d\\"e;"', '"f""g;"', "'/* ; */'",
    '"-- ;"', "'# ;'", "'\ndelimiter //\n;'", "`a;`", "`b``;`", "`'`", "`\"`", "`\\`", "'é;ü'", "'😀;'", "N'x;'",
    "x'41'", "'`'", "'\"'", '"\'"', "`-- ;`", "`/*`", "'\\n;\\0'", "'\\;'",
)  # fmt: skip
COMMENTS = (
    "/* plain */", "/**/", "/* it's ; */", "/* a /* b ; */", "/***/", "/* -- */", "/* # */", "/*\ndelimiter //\n;*/",
    "/*+ hint; */", "/* ` \" */", "/*/ ; */", "/* é; */", "-- to the end; 'of line\n", "--\t;\n", "--\n", "# it's ;\n",
    "#\n", "-- /* ;\n", "# */ ;\n", "--  `\n", "-- delimiter //\n",
)  # fmt: skip
EXECUTABLE = (
    "/*! a */", "/*!50000 b */", "/*!50503 ';' */", "/*!99999 `;` */", "/*!40101 c /* inner; */ d */", "/*!*/",
    "/*!50003 a\n b */", "/*!50003 '*/;' */", "/*M! a */", "/*M!100100 b */", "/*!50000 -- ;\n a */",
)  # fmt: skip
OPERATORS = (
    "-",
    "--1",
    "1--1",
    "/",
    "4/2",
    "*",
    "a*/ b",
    "\\N",
    "\\x",
    "\\;",
    "(",
    ")",
    ",",
    "=",
    ":=",
    "<>",
    "%s",
    "{}",
    "?",
)
WHOLE = (
    "BEGIN", "COMMIT", "CREATE PROCEDURE p() SELECT 1", "ALTER EVENT e ENABLE",
    "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW SET NEW.a = CASE WHEN 1 THEN 2 END",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM `end`",
    "CREATE FUNCTION f(begin INT) RETURNS INT RETURN IF(begin, 1, 2)",
)  # fmt: skip
BODIES = (
    "CREATE PROCEDURE p()\nBEGIN\n  SELECT ';'; -- one;\n  IF 1 THEN SELECT 2; END IF;\nEND",
    "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW BEGIN SET NEW.a = 1; SET NEW.b = 2; END",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO BEGIN DELETE FROM a; /* ; */ DELETE FROM b; END",
)
BETWEEN = ("", " ", "\n", "\n\n", "\t", " \n  ", "\n-- a comment;\n", "  -- after;\n", " # after\n", "\n  # in\n")
BEFORE_COMMAND = ("\n", "\n-- a comment;\n", "\n# it's\n", "  -- after;\n", " # after\n", "\n-- DELIMITER //\n# x\n")


def some_file(rng: random.Random) -> str:
    """A file that ends as it began: between two statements, and with `;` as delimiter."""
    delimiter, parts = ";", [rng.choice(["", "\n", "-- head\n", "# head; 'x\n"])]
    line_end = rng.choice(["\n", "\n", "\n", "\r\n"])
    for _ in range(rng.randrange(1, 8)):
        parts += [rng.choice(["", "", "/* before; */ "]), some_statement(rng, delimiter), delimiter]
        if rng.random() < 0.1:
            parts += [" ", delimiter]  # an empty one
        if rng.random() < 0.2 and line_end == "\n":  # with --binary-mode a delimiter would have a carriage return
            delimiter = rng.choice(DELIMITERS)
            parts += [rng.choice(BEFORE_COMMAND), some_command(rng, delimiter)]
        else:
            parts.append(rng.choice(BETWEEN))
    if delimiter != ";":
        parts += [some_statement(rng, delimiter), delimiter, rng.choice(BEFORE_COMMAND), "DELIMITER ;"]
    return "".join([*parts, "\n"]).replace("\n", line_end)


def some_command(rng: random.Random, delimiter: str) -> str:
    word, indent = rng.choice(["DELIMITER", "delimiter", "Delimiter"]), rng.choice(["", "  ", "\t"])
    return f"{indent}{word} {delimiter}{rng.choice(['', '', ' ', ' a comment'])}\n"


def some_statement(rng: random.Random, delimiter: str) -> str:
    chance = rng.random()
    if chance < 0.1:
        return rng.choice(WHOLE)
    if chance < 0.2 and ";" not in delimiter:
        return rng.choice(BODIES)
    first = rng.choice(["SELECT", "INSERT", "xyzzy", "4", "'string'", "`name`", "(", "*", "-", "é", "\\N", "@a"])
    if rng.random() < 0.1:
        first = rng.choice(EXECUTABLE)
    kinds = (WORDS, WORDS, QUOTED, COMMENTS, EXECUTABLE, OPERATORS)
    atoms = [first, *(rng.choice(rng.choice(kinds)) for _ in range(rng.randrange(8)))]
    # White space behind a block comment, where the clients would put some; elsewhere words may touch.
    return "".join(
        atom + rng.choice([" ", "\n", "  "] if atom.endswith("*/") else [" ", "\n", " \t"]) for atom in atoms
    )


def told(server: Server, text: str, *options: str) -> list[str]:
    """What the client of a server sends for a file."""
    with RecordingProxy(server.host, server.port) as proxy:
        tls = ["--ssl-mode=DISABLED", "--get-server-public-key"] if server.flavour == "mysql" else ["--skip-ssl"]
        reach = ["--protocol=TCP", f"--host={proxy.host}", f"--port={proxy.port}", f"--user={server.user}"]
        how = ["--batch", "--comments", "--binary-mode", "--force", "--default-character-set=utf8mb4"]
        subprocess.run(
            [*server.client, *reach, *tls, *how, *options],
            input=text.encode(),
            env={**os.environ, "MYSQL_PWD": server.password},
            capture_output=True,
            check=False,
            timeout=60,
        )
    assert proxy.logins == 1
    own = ("select @@version_comment limit 1", "select $$")  # what `mysql` asks for itself
    return [query for query in (query.decode() for query in proxy.queries) if query not in own and not comment(query)]


def comment(text: str) -> bool:
    return all(token.kind in ("space", "comment") for token in tokens(text))


def sent(text: str) -> list[str]:
    """What the client should send: the statements, with a comment behind the delimiter, on the same line."""
    packets: list[str] = []
    behind = None  # the white space between a statement and its delimiter, while nothing but that has come since
    for kind, group in groupby(split([text], "file"), key=lambda piece: piece.kind):
        part = "".join(piece.text for piece in group)
        if kind == "statement":
            packets.append(part)
            behind = ""
        elif kind == "delimiter":
            behind = None if behind is None else part[: len(part) - len(part.lstrip())]
        elif behind is not None:
            if found := re.match(r"[ \t\r\f\v]*(#|--(?=\s|\Z)).*", part):
                packets[-1] += behind + found[0].rstrip()
            behind = None
    return packets


def bare(packet: str) -> str:
    """A packet without the white space and line comments before it."""
    return re.sub(r"\A(\s|(#|--(?=\s)).*)*", "", packet)


def files(queries: Iterable[str]) -> Iterator[list[str]]:
    """What was sent for each file, up to its mark."""
    found: list[str] = []
    for query in queries:
        if re.fullmatch(MARK.replace("%d", r"\d+"), query):
            yield found
            found = []
        else:
            found.append(query)


@pytest.mark.parametrize("seed", SEEDS)
def test_thousands_of_files(server: Server, seed: int) -> None:
    """The client sends for each file exactly the statements that we find in it."""
    rng = random.Random(seed)
    texts = [some_file(rng) for _ in range(FILES)]
    queries = told(server, "".join(f"{text}{MARK % number};\n" for number, text in enumerate(texts)))
    groups = list(files(map(bare, queries)))
    assert len(groups) == FILES
    for text, group in zip(texts, groups, strict=True):
        assert group == sent(text), text


ENDS = (
    "SELECT 1", "SELECT 1 ", "SELECT 1;", "SELECT 1; ", "SELECT 1\n;\n\n", "SELECT 1;;;SELECT 2", "SELECT 1 \x01\x02;",
    "SELECT 1 -- end", "SELECT 1 # end\n", "SELECT 1; -- end", "SELECT 1 /* end */", "SELECT 1; /* end */",
    "SELECT 1 --", "-- only", "/* only */", "/* only */;", "", "\n", ";", " ; ;\n", "# a\n\n-- b\n",
    "/*! SELECT 1 */", "/*!*/",
    "\ufeffSELECT 1;\n-- é", "SELECT 'é😀'", "SELECT 1 AS é", "SELECT 1;\rSELECT 2 \r, 3;\r\nSELECT 4",
    "DELIMITER //\nSELECT 1;", "DELIMITER //\nSELECT 1;//", "DELIMITER //", "SELECT 1;\nDELIMITER //\n",
    'DELIMITER "//"\nSELECT 1;//SELECT 2', "DELIMITER ';;' x\nSELECT 1;;",
)  # fmt: skip


@pytest.mark.parametrize("text", ENDS)
def test_how_a_file_may_end(server: Server, text: str) -> None:
    """A delimiter may be missing at the end of a file; comments may come last, or be all there is."""
    assert [bare(packet) for packet in told(server, text)] == sent(text.removeprefix("\ufeff"))


def test_windows_line_endings(server: Server) -> None:
    """With carriage returns all is found as without, DELIMITER too (as the client does when not in binary mode)."""
    routines = "".join(f"{body}//\n" for body in BODIES)
    text = f"-- head\n\nDELIMITER //\n{routines}\nDELIMITER ;\n\n\nSELECT 1,\n2; # one\n/* a\n */ SELECT 3;\n"
    found = sent(text.replace("\n", "\r\n"))
    assert [packet.replace("\r\n", "\n") for packet in found] == sent(text)
    assert list(map(bare, told(server, text.replace("\n", "\r\n"), "--skip-binary-mode"))) == sent(text)


def test_the_first_line_of_a_dump(server: Server) -> None:
    """A comment in front of the first statement; the client of MariaDB takes its command out of it."""
    text = "/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump\n--\n\n/*!40101 SET @a = 1 */;\nSELECT 1;\n"
    (first, *others) = sent(text)
    found = told(server, text)
    assert found == [first.replace("\\-", "") if server.flavour == "mariadb" else first, *others]


HABITS = (
    ("SELECT/*a*/1/*b*//*c*/,'d';", "SELECT/*a*/ 1/*b*//* c*/ ,'d'"),  # a blank behind a comment, on the same line
    ("SELECT a,\ndelimiter_a,\nb;", "SELECT a,\ndelimiter_a,b"),  # no line end behind a line that begins so
)


@pytest.mark.parametrize(("text", "packet"), HABITS)
def test_what_the_clients_write_otherwise(server: Server, text: str, packet: str) -> None:
    """Both clients change some white space in what they send; we send what is written."""
    assert told(server, text) == [packet]
    assert sent(text) == [text.removesuffix(";")]
