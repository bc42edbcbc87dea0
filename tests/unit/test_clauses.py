"""The text of SHOW CREATE TABLE as clauses."""

from __future__ import annotations

import pytest

from schemagate.clauses import TableParts, columns_of
from schemagate.listing import without_counter
from schemagate.loadable import loadable_table

CHARSETS = {"utf8mb4": "utf8mb4_0900_ai_ci", "utf8mb3": "utf8mb3_general_ci", "latin1": "latin1_swedish_ci"}


def parts(create: str) -> dict[tuple[str, str], str]:
    """The clauses by kind and name."""
    found = TableParts(create, CHARSETS)
    assert len({(part.kind, part.name) for part in found}) == len(found)
    return {(part.kind, part.name): part.text for part in found}


def table(*clauses: str, tail: str = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci") -> str:
    """A table's text as servers lay it out."""
    return "CREATE TABLE `t` (\n  " + ",\n  ".join(clauses) + f"\n) {tail}"


def column(clause: str, tail: str = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci") -> str:
    """The normal form of the one column of a table."""
    (found,) = (part.text for part in TableParts(table(clause, tail=tail), CHARSETS) if part.kind == "column")
    return found


def test_a_table_of_mysql_is_divided_into_its_clauses() -> None:
    """Each clause under its kind and name, in words that can be run again."""
    assert parts(
        table(
            "`id` int NOT NULL AUTO_INCREMENT",
            "`title` varchar(200) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL DEFAULT 'a, b' COMMENT 'it''s (x)'",
            "`at` point NOT NULL /*!80003 SRID 4326 */",
            "`hidden` int DEFAULT NULL /*!80023 INVISIBLE */",
            "`sum` int GENERATED ALWAYS AS ((`id` + 1)) STORED",
            "PRIMARY KEY (`id`)",
            "UNIQUE KEY `u` (`title`(10),`id` DESC) COMMENT 'x' /*!80000 INVISIBLE */",
            "KEY `f` (((`id` + 1)))",
            "FULLTEXT KEY `words` (`title`) /*!50100 WITH PARSER `ngram` */ ",
            "CONSTRAINT `fk` FOREIGN KEY (`id`) REFERENCES `p` (`id`) ON DELETE CASCADE",
            "CONSTRAINT `c` CHECK ((`id` > 0)) /*!80016 NOT ENFORCED */",
            tail="/*!50100 TABLESPACE `ts` */ ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4"
            " COLLATE=utf8mb4_0900_ai_ci STATS_PERSISTENT=1 ROW_FORMAT=COMPRESSED COMMENT='AUTO_INCREMENT=5'"
            "\n/*!50100 PARTITION BY RANGE (`id`)\n(PARTITION p0 VALUES LESS THAN (10) COMMENT = 'a)' ENGINE = InnoDB,"
            "\n PARTITION p1 VALUES LESS THAN MAXVALUE ENGINE = InnoDB) */",
        )
    ) == {
        ("column", "id"): "`id` int NOT NULL AUTO_INCREMENT",
        ("column", "title"): "`title` varchar(200) COLLATE latin1_bin NOT NULL DEFAULT 'a, b' COMMENT 'it''s (x)'",
        ("column", "at"): "`at` point NOT NULL SRID 4326",
        ("column", "hidden"): "`hidden` int DEFAULT NULL INVISIBLE",
        ("column", "sum"): "`sum` int GENERATED ALWAYS AS ((`id` + 1)) STORED",
        ("index", "PRIMARY"): "PRIMARY KEY (`id`)",
        ("index", "u"): "UNIQUE KEY `u` (`title`(10),`id` DESC) COMMENT 'x' INVISIBLE",
        ("index", "f"): "KEY `f` (((`id` + 1)))",
        ("index", "words"): "FULLTEXT KEY `words` (`title`) WITH PARSER `ngram`",
        ("key", "fk"): "CONSTRAINT `fk` FOREIGN KEY (`id`) REFERENCES `p` (`id`) ON DELETE CASCADE",
        ("check", "c"): "CONSTRAINT `c` CHECK ((`id` > 0)) NOT ENFORCED",
        ("option", "TABLESPACE"): "TABLESPACE `ts`",
        ("option", "ENGINE"): "ENGINE=InnoDB",
        ("option", "STATS_PERSISTENT"): "STATS_PERSISTENT=1",
        ("option", "ROW_FORMAT"): "ROW_FORMAT=COMPRESSED",
        ("option", "COMMENT"): "COMMENT='AUTO_INCREMENT=5'",
        ("option", "COLLATE"): "COLLATE=utf8mb4_0900_ai_ci",
        ("partition", ""): "PARTITION BY RANGE (`id`)",
        ("partition", "p0"): "PARTITION p0 VALUES LESS THAN (10) COMMENT = 'a)' ENGINE = InnoDB",
        ("partition", "p1"): "PARTITION p1 VALUES LESS THAN MAXVALUE ENGINE = InnoDB",
    }


def test_a_table_of_mariadb_is_divided_into_its_clauses() -> None:
    """With what only MariaDB has."""
    assert parts(
        table(
            "`id` int(11) NOT NULL DEFAULT nextval(`sq`)",
            "`payload` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL CHECK (json_valid(`payload`))",
            "`text` varchar(100) /*M!100301 COMPRESSED*/ CHARACTER SET latin1 COLLATE latin1_swedish_ci DEFAULT NULL",
            "`start` date NOT NULL",
            "`end` date NOT NULL",
            "KEY `k` (`id`) IGNORED",
            "PERIOD FOR `app` (`start`, `end`)",
            "CONSTRAINT `CONSTRAINT_1` CHECK (`id` > 0)",
            tail="ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci `PAGE_COMPRESSED`=1"
            " WITH SYSTEM VERSIONING /* `ENCRYPTED`=NO */\n PARTITION BY SYSTEM_TIME LIMIT 10\n"
            "(PARTITION `p0` HISTORY ENGINE = InnoDB,\n PARTITION `pn` CURRENT ENGINE = InnoDB)",
        )
    ) == {
        ("column", "id"): "`id` int NOT NULL DEFAULT nextval(`sq`)",
        ("column", "payload"): "`payload` longtext COLLATE utf8mb4_bin DEFAULT NULL CHECK (json_valid(`payload`))",
        ("column", "text"): "`text` varchar(100) COMPRESSED DEFAULT NULL",
        ("column", "start"): "`start` date NOT NULL",
        ("column", "end"): "`end` date NOT NULL",
        ("index", "k"): "KEY `k` (`id`) IGNORED",
        ("attribute", "period"): "PERIOD FOR `app` (`start`, `end`)",
        ("check", "CONSTRAINT_1"): "CONSTRAINT `CONSTRAINT_1` CHECK (`id` > 0)",
        ("option", "ENGINE"): "ENGINE=InnoDB",
        ("option", "PAGE_COMPRESSED"): "PAGE_COMPRESSED=1",
        ("option", "WITH"): "WITH SYSTEM VERSIONING",
        ("option", "COLLATE"): "COLLATE=latin1_swedish_ci",
        ("partition", ""): "PARTITION BY SYSTEM_TIME LIMIT 10",
        ("partition", "p0"): "PARTITION `p0` HISTORY ENGINE = InnoDB",
        ("partition", "pn"): "PARTITION `pn` CURRENT ENGINE = InnoDB",
    }


SAME = [
    ("`a` varchar(9) CHARACTER SET latin1 DEFAULT NULL", "`a` varchar(9) COLLATE latin1_swedish_ci DEFAULT NULL"),
    ("`a` varchar(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci", "`a` varchar(9)"),
    ("`a` varchar(9) COLLATE utf8mb4_0900_ai_ci NOT NULL", "`a` varchar(9) NOT NULL"),
    ("`a` varchar(9) CHARACTER SET utf8 DEFAULT NULL", "`a` varchar(9) COLLATE utf8mb3_general_ci DEFAULT NULL"),
    ("`a` varchar(9) CHARACTER SET utf8mb3 COLLATE utf8_bin", "`a` varchar(9) COLLATE utf8mb3_bin"),
    ("`a` int(11) DEFAULT NULL", "`a` int DEFAULT NULL"),
    ("`a` bigint(20) unsigned NOT NULL", "`a` bigint unsigned NOT NULL"),
    ("`a` tinyint(4)", "`a` tinyint"),
    ("`a` year(4) DEFAULT NULL", "`a` year DEFAULT NULL"),
    ("`a` varchar(9) DEFAULT (_utf8mb4'x')", "`a` varchar(9) DEFAULT ('x')"),
    ("`a` varchar(9) DEFAULT (_utf8'x')", "`a` varchar(9) DEFAULT ('x')"),
    ("`a` varchar(9) DEFAULT (_utf8mb4'é\\n''x')", "`a` varchar(9) DEFAULT (_latin1 X'e90a2778')"),
    ("`a` varchar(9) DEFAULT (_ucs2'\\0x')", "`a` varchar(9) DEFAULT ('x')"),
    ("`a` varbinary(9) DEFAULT x'ff'", "`a` varbinary(9) DEFAULT X'ff'"),
    ("`a` varchar(9) /* a comment */ NOT NULL", "`a` varchar(9) NOT NULL"),
]
DIFFERENT = [
    ("`a` varchar(9) CHARACTER SET latin1", "`a` varchar(9) CHARACTER SET latin1 COLLATE latin1_bin"),
    ("`a` varchar(9)", "`a` varchar(10)"),
    ("`a` tinyint(1)", "`a` tinyint(4)"),
    ("`a` int(5) unsigned zerofill", "`a` int(6) unsigned zerofill"),
    ("`a` decimal(5,2)", "`a` decimal(5,3)"),
    ("`a` varchar(9) COMMENT 'CHARACTER SET latin1'", "`a` varchar(9) COMMENT ''"),
    ("`a` varchar(9) COMMENT 'a  b'", "`a` varchar(9) COMMENT 'a b'"),
    ("`a` varchar(9) DEFAULT '/* x */'", "`a` varchar(9) DEFAULT ''"),
    ("`a` varchar(9) DEFAULT (_binary'x')", "`a` varchar(9) DEFAULT ('x')"),
    ("`a` varchar(9) DEFAULT (_ucs2'x\\0')", "`a` varchar(9) DEFAULT ('x')"),
    ("`a` varchar(9) DEFAULT (`b` collate utf8mb4_bin)", "`a` varchar(9) DEFAULT (`b`)"),
    ("`a` int COMMENT 'int(11)'", "`a` int COMMENT 'int'"),
    ("`a` enum('x','y')", "`a` enum('y','x')"),
    ("`a b` int", "`a  b` int"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_a_server_may_write_in_two_ways_has_one_normal_form(one: str, other: str) -> None:
    """Character sets, widths, old names, literals: no false alarm."""
    assert column(one) == column(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_is_different_stays_different(one: str, other: str) -> None:
    """However much it looks like something that does not count."""
    assert column(one) != column(other)


def test_what_only_aria_knows_counts_in_its_tables_alone() -> None:
    """MariaDB goes on writing it when a table has become one of InnoDB."""
    told = ") ENGINE={} DEFAULT CHARSET=utf8mb4 PAGE_CHECKSUM=1"
    aria, innodb = ("CREATE TABLE `t` (\n  `a` int\n" + told.format(engine) for engine in ("Aria", "InnoDB"))
    for create, counts in ((aria, True), (innodb, False)):
        plain = create.replace(" PAGE_CHECKSUM=1", "")
        assert (list(TableParts(create, CHARSETS)) != list(TableParts(plain, CHARSETS))) is counts


def test_a_column_says_its_collation_where_it_is_not_the_tables() -> None:
    """The same clause in tables with different defaults is a different column, unless it names its own."""
    latin = "ENGINE=InnoDB DEFAULT CHARSET=latin1"
    assert column("`a` varchar(9) CHARACTER SET latin1", tail=latin) == "`a` varchar(9)"
    assert column("`a` varchar(9) CHARACTER SET utf8mb4", tail=latin) == "`a` varchar(9) COLLATE utf8mb4_0900_ai_ci"
    assert parts(table("`a` int", tail=latin))["option", "COLLATE"] == "COLLATE=latin1_swedish_ci"


def test_only_innodb_has_trees_alone() -> None:
    """USING BTREE says nothing there; elsewhere it is a choice."""
    indexes = ("`a` int", "KEY `k` (`a`) USING BTREE COMMENT 'x'")
    assert parts(table(*indexes))["index", "k"] == "KEY `k` (`a`) COMMENT 'x'"
    memory = parts(table(*indexes, tail="ENGINE=MEMORY DEFAULT CHARSET=latin1"))
    assert memory["index", "k"] == "KEY `k` (`a`) USING BTREE COMMENT 'x'"


@pytest.mark.parametrize(
    ("clauses", "clustered"),
    [
        (("PRIMARY KEY (`a`)", "UNIQUE KEY `x` (`a`)"), None),
        (("UNIQUE KEY `x` (`a`)", "UNIQUE KEY `y` (`b`)"), "`x`"),
        (("UNIQUE KEY `x` (`n`)", "UNIQUE KEY `y` (`b`,`a`)"), "`y`"),
        (("UNIQUE KEY `x` (`a`(2))", "UNIQUE KEY `y` (`b` DESC)"), "`y`"),
        (("UNIQUE KEY `x` ((`a` + 1))",), None),
        (("KEY `x` (`a`)",), None),
    ],
)
def test_the_clustered_index_is_named_where_it_follows_from_the_order(
    clauses: tuple[str, ...], clustered: str | None
) -> None:
    """It is the first UNIQUE of whole columns without NULLs, if there is no primary key."""
    columns = ("`a` int NOT NULL", "`b` int NOT NULL DEFAULT '1'", "`n` int DEFAULT NULL COMMENT 'NOT NULL'")
    assert parts(table(*columns, *clauses)).get(("attribute", "clustered index")) == clustered


TRICKY = [
    table("`a` int", tail="ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=latin1 COMMENT=' AUTO_INCREMENT=5 '"),
    table(("`a` int COMMENT '\\n) ENGINE=InnoDB AUTO_INCREMENT=5"
           " '"), tail="ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=latin1"),
    table("`a\n) ENGINE=InnoDB AUTO_INCREMENT=5 ` int", tail="ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=latin1"),
    table("`a` int", tail=("/*!50100 TABLESPACE `x` */ ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=latin1"
                           " COMMENT='\\n) '")),
    table(("`a` int DEFAULT (concat('\n) ENGINE=InnoDB AUTO_INCREMENT=5"
           " '))"), tail="ENGINE=InnoDB AUTO_INCREMENT=7 COMMENT='x'"),
]  # fmt: skip


@pytest.mark.parametrize("create", TRICKY)
def test_the_counter_is_taken_from_the_tail_and_from_nowhere_else(create: str) -> None:
    """What only looks like one stays, or two different tables would be equal."""
    expected = create.replace(" AUTO_INCREMENT=7", "")
    assert without_counter(create) == loadable_table(create, "app") == expected
    assert without_counter(expected) == loadable_table(expected, "app") == expected
    assert without_counter(create.replace("=5 ", "=6 ")) == expected.replace("=5 ", "=6 ")


def test_a_text_that_names_its_schema_can_be_run_in_another() -> None:
    """MariaDB writes the schema of a sequence in a default."""
    create = table("`id` int(11) DEFAULT nextval(`my``app`.`sq`) COMMENT '`my``app`.`sq`'", "`my``app` int(11)")
    assert loadable_table(create, "my`app") == create.replace("nextval(`my``app`.", "nextval(")


def test_bytes_that_are_no_text_are_written_as_hexadecimal() -> None:
    """MariaDB 10.11 writes a binary default so, MySQL a literal in the character set of a column."""
    raw = b"CREATE TABLE `t` (`a` varbinary(9) DEFAULT '\\0\xff''', `g` int AS (concat(`a`,_latin1'\xe9')) STORED)"
    text = raw.decode(errors="surrogateescape")
    assert loadable_table(text, "app") == (
        "CREATE TABLE `t` (`a` varbinary(9) DEFAULT X'00ff27', `g` int AS (concat(`a`,_latin1 X'e9')) STORED)"
    )


def test_the_columns_of_an_index_are_found_in_its_clause() -> None:
    """Each as it is written, an expression too."""
    assert columns_of("UNIQUE KEY `k,` (`a`(10),`b` DESC,(concat(`c`,',')))") == [
        "`a`(10)",
        "`b` DESC",
        "(concat(`c`,','))",
    ]


@pytest.mark.parametrize(
    ("written", "right"),
    [
        (
            "CONSTRAINT `f`1` FOREIGN KEY (`x`y`, `z``) REFERENCES `p``.``q` (`a``, `b`) ON DELETE CASCADE",
            "CONSTRAINT `f``1` FOREIGN KEY (`x``y`, `z```) REFERENCES `p```.```q` (`a```, `b`) ON DELETE CASCADE",
        ),
        (
            "CONSTRAINT `f` FOREIGN KEY (`x``) REFERENCES `p` (`i`)",
            "CONSTRAINT `f` FOREIGN KEY (`x```) REFERENCES `p` (`i`)",
        ),
        ("CONSTRAINT `f``1` FOREIGN KEY (`x```, `y`) REFERENCES `p`.`q` (`a``b`, `c`)",) * 2,
    ],
)
def test_names_in_foreign_keys_are_mended_where_a_server_writes_them_wrong(written: str, right: str) -> None:
    """MariaDB 10.11 does not double a backtick in them: it could not read that itself."""
    create = table("`x``y` int", "KEY `k` (`x``y`)", written)
    assert loadable_table(create, "app") == create.replace(written, right)
