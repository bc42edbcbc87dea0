"""Random tables, as the DDL that makes them: one CREATE and up to nine ALTERs, the same for the same seed.

Not every statement fits the table that the ones before it left; those that do not are refused by the server and change
nothing, so that whoever runs them goes on.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.databases import quoted

CHARSETS = {
    "utf8mb4": ["utf8mb4_bin", "utf8mb4_unicode_ci", "utf8mb4_general_ci"],
    "latin1": ["latin1_bin", "latin1_swedish_ci", "latin1_general_cs"],
    "utf8mb3": ["utf8mb3_bin", "utf8mb3_general_ci", "utf8mb3_unicode_ci"],
    "ascii": ["ascii_bin", "ascii_general_ci"],
    "ucs2": ["ucs2_bin", "ucs2_general_ci"],
}
ROW_FORMATS = ["DYNAMIC", "COMPRESSED KEY_BLOCK_SIZE=8", "DEFAULT KEY_BLOCK_SIZE=0"]
# These keep 768 bytes of each long column in the row, in which there is room for ten of them: those of both tables of a
# pair, where one becomes the other clause by clause.
NARROW_ROW_FORMATS = [*ROW_FORMATS, "COMPACT", "REDUNDANT"]
# Words that try a reader of clauses: quotes, brackets, commas, what looks like a clause or a comment, other scripts.
WORDS = [
    "plain", "it''s", "a ` tick", 'say "so"', "x\\ny", "tab\\t", "back\\\\slash", "(", ")", "a, b",
    "/* not a comment */", "-- nor this", "# nor this",
    ") ENGINE=InnoDB AUTO_INCREMENT=7", "PRIMARY KEY (`id`)", "COLLATE utf8mb4_bin", "CHARACTER SET latin1", "int(11)",
    "Ünïcode", "日本語", "", " ", "%s", "NULL", "DEFAULT", ";", "\\0", "\\n) AUTO_INCREMENT=3 ",
]  # fmt: skip
NAMES = [
    "plain",
    "Mixed",
    "with space",
    "tick`ed",
    "quote'd",
    "key",
    "comma,",
    "(bracket)",
    "ünï",
    "desc",
    "a.b",
    "/*x*/",
]


class RandomTable:
    """One random table: `statements()` makes it."""

    def __init__(self, seed: int, flavour: str, name: str, *, shapes: bool = False) -> None:
        """`shapes`: with spatial indexes, and full-text ones over two columns."""
        self._random, self._shapes = random.Random(seed), shapes
        self._mysql = flavour == "mysql"
        self._name = quoted(name)
        self._columns: dict[
            str, str
        ] = {}  # name -> sort: "int", "text", "binary", "time", "json", "other", "generated"
        self._indexes: list[str] = []
        self._checks: list[str] = []
        self._serial = 0

    def statements(self, most: int = 9) -> list[str]:
        """The DDL, in order: one CREATE and up to so many ALTERs."""
        return [self._create(), *self.more(self._random.randint(0, most))]

    def more(self, count: int) -> list[str]:
        """So many further ALTERs, of the table as it is then."""
        return [f"ALTER TABLE {self._name} {self._alter()}" for _ in range(count)]

    # --- the pieces ---

    def _one(self, choices: list[str]) -> str:
        return self._random.choice(choices)

    def _maybe(self, text: str, chance: float = 0.3) -> str:
        return f" {text}" if self._random.random() < chance else ""

    def _new_name(self) -> str:
        self._serial += 1
        return f"{self._one(NAMES)}{self._serial}"

    def _literal(self) -> str:
        return f"'{self._one(WORDS)}'"

    def _charset(self) -> str:
        charset = self._one(list(CHARSETS))
        collation = self._one(CHARSETS[charset])
        return self._one(
            [f"CHARACTER SET {charset}", f"COLLATE {collation}", f"CHARACTER SET {charset} COLLATE {collation}"]
        )

    def _table_charset(self) -> str:
        charset = self._one(["utf8mb4", "latin1", "utf8mb3"])
        return self._one([f"CHARSET={charset}", f"COLLATE={self._one(CHARSETS[charset])}"])

    def _of(self, *sorts: str) -> list[str]:
        return [quoted(name) for name, sort in self._columns.items() if sort in sorts]

    def _definition(self, name: str) -> str:
        """A column's definition, and its sort noted."""
        sorts = ["int", "int", "text", "text", "text", "binary", "time", "time", "json", "other"]
        sort = self._one([*sorts, *(["shape"] if self._shapes else []), "generated"])
        self._columns.pop(name, None)
        if sort == "generated" and not self._of("int", "text"):
            sort = "int"
        text: str = getattr(self, f"_{sort}")()
        self._columns[name] = "place" if text.startswith(("point", "geometry")) and sort == "other" else sort
        comment = self._maybe(f"COMMENT {self._literal()}", 0.2)
        invisible = self._maybe("INVISIBLE", 0.1)
        return text + (comment + invisible if self._mysql else invisible + comment)

    def _int(self) -> str:
        width = self._maybe(f"({self._random.randint(1, 20)})", 0.3)
        kind = self._one(
            [
                "tinyint(1)",
                f"int{width}",
                f"bigint{width}",
                "smallint unsigned",
                f"mediumint{width} zerofill",
                "tinyint",
            ]
        )
        default = self._one(
            ["", "", "NOT NULL", "DEFAULT 0", "NOT NULL DEFAULT 1", "NULL DEFAULT NULL", "DEFAULT (1 + 1)"]
        )
        return f"{kind} {default}"

    def _text(self) -> str:
        value = self._literal().replace("\\0", "0")  # MariaDB takes one with a NUL for another column's, too
        kind = self._one(
            [
                f"varchar({self._random.randint(1, 100)})", "char(10)", "text", "mediumtext", "varchar(50)", "tinytext",
                f"enum('a',{value},'c, d')", "set('x','y','z')",
            ]
        )  # fmt: skip
        default = ["", "", "NOT NULL", "NULL"]
        if "text" not in kind and kind[0] in "vc":
            default += [
                f"DEFAULT {self._literal()}",
                "NOT NULL DEFAULT ''",
                f"DEFAULT (concat('x', {self._literal()}))",
            ]
        elif "text" in kind:
            default += ["DEFAULT ('long')", "DEFAULT (concat('a', 'b'))"]
        return f"{kind}{self._maybe(self._charset(), 0.5)} {self._one(default)}"

    def _binary(self) -> str:
        kind = self._one(["varbinary(20)", "binary(4)", "blob", "bit(5)"])
        default = {
            "varbinary(20)": ["DEFAULT X'00FF27'", "DEFAULT 'ab'"],
            "binary(4)": ["DEFAULT X'FF00'"],
            "bit(5)": ["DEFAULT b'101'"],
        }
        return f"{kind} {self._one(['', 'NOT NULL', *default.get(kind, [])])}"

    def _time(self) -> str:
        kind = self._one(["timestamp", "timestamp(3)", "datetime", "datetime(6)", "date", "time(2)", "year"])
        if not kind.startswith(("timestamp", "datetime")):
            return f"{kind}{self._maybe('NOT NULL')}"
        now = "CURRENT_TIMESTAMP" + (kind[kind.index("(") :] if "(" in kind else "")
        return f"{kind} " + self._one(
            [
                "NULL", "NULL DEFAULT NULL", f"DEFAULT {now}", f"NULL DEFAULT {now}", f"NULL ON UPDATE {now}",
                f"NOT NULL DEFAULT {now} ON UPDATE {now}", "NOT NULL DEFAULT '2020-02-02 02:02:02'",
            ]
        )  # fmt: skip

    def _json(self) -> str:
        return "json " + self._one(
            ["", "NOT NULL", "DEFAULT (json_object())" if self._mysql else "DEFAULT json_object()"]
        )

    def _other(self) -> str:
        return self._one(
            [
                "decimal(10,2)",
                "decimal(5,0) unsigned DEFAULT 1",
                "double DEFAULT 1.5",
                "float",
                "point",
                "geometry",
                "boolean DEFAULT true",
            ]
            + ["decimal(8,3) NOT NULL DEFAULT (round(1.25, 1))"]
            + (["point NOT NULL SRID 4326"] if self._mysql else ["uuid", "inet6", "geometry REF_SYSTEM_ID=4326"])
        )

    def _shape(self) -> str:
        kind = self._one(["point", "geometry", "polygon"])
        if self._mysql and self._random.random() < 0.1:
            return f"{kind} NOT NULL SRID 0"
        if self._mysql:
            return f"{kind} NOT NULL" + self._maybe("SRID 4326", 0.7)
        return kind + self._maybe("REF_SYSTEM_ID=4326", 0.5) + " NOT NULL"

    def _generated(self) -> str:
        ints, texts = self._of("int"), self._of("text")
        how = self._one(["VIRTUAL", "STORED", ""])
        expressions = [f"{column} + 1" for column in ints] + [
            f"concat({column}, {self._literal()})" for column in texts
        ]
        expressions += [f"if({column} > 5, 'many', 'few')" for column in ints]
        expression = self._one(expressions)
        kind = "bigint" if expression.endswith("+ 1") else "varchar(200)" + self._maybe(self._charset(), 0.3)
        return f"{kind} AS ({expression}) {how}"

    def _index_columns(self) -> str:
        columns = self._random.sample(list(self._columns), min(len(self._columns), self._random.randint(1, 3)))
        texts = []
        for name in columns:
            sort = self._columns[name]
            if sort in ("json", "shape", "place"):  # and of a unique index of shapes, MariaDB forgets USING HASH
                continue
            part = quoted(name)
            if sort in ("text", "binary") and self._random.random() < 0.8:
                part += "(4)"
            texts.append(part + self._maybe("DESC", 0.2))
        if self._mysql and self._random.random() < 0.15 and self._of("int"):
            texts.append(f"(({self._one(self._of('int'))} + {self._random.randint(1, 9)}))")
        return ", ".join(texts) or "id"

    def _index(self) -> str:
        name = self._new_name()
        self._indexes.append(name)
        sort = self._one(["KEY", "KEY", "KEY", "UNIQUE KEY", "UNIQUE KEY", "FULLTEXT KEY"])
        columns = self._index_columns()
        if self._of("shape") and self._random.random() < 0.3:
            sort, columns = "SPATIAL KEY", self._one(self._of("shape"))
        if sort == "FULLTEXT KEY":
            columns = ", ".join(self._of("text")[: self._random.choice([1, 1, 2]) if self._shapes else 1]) or "id"
        plain = sort in ("KEY", "UNIQUE KEY")
        options = self._maybe("USING BTREE", 0.2 * plain) + self._maybe(f"COMMENT {self._literal()}", 0.1)
        hidden = "INVISIBLE" if self._mysql else "IGNORED"
        return f"{sort} {quoted(name)} ({columns}){options}{self._maybe(hidden, 0.1)}"

    def _check(self) -> str:
        columns = self._of("int", "text")
        column = self._one(columns) if columns else "1"
        expression = self._one(
            [f"{column} <> {self._literal()}", f"{column} IS NOT NULL OR 1 = 1", f"length({column}) < 1000"]
        )
        named = self._random.random() < 0.6
        name = self._new_name() + self._name.strip("`")  # such a name is used once in a schema
        self._checks += [name] if named else []
        enforced = self._maybe("NOT ENFORCED", 0.1) if self._mysql else ""
        return (f"CONSTRAINT {quoted(name)} " if named else "") + f"CHECK ({expression}){enforced}"

    def _foreign(self) -> str:
        name = quoted(self._new_name() + self._name.strip("`"))
        rules = self._one(
            [
                "",
                "ON DELETE CASCADE",
                "ON DELETE SET NULL ON UPDATE CASCADE",
                "ON UPDATE RESTRICT",
                "ON DELETE NO ACTION",
            ]
        )
        column = self._new_name()
        self._columns[column] = "int"
        constraint = self._maybe(f"CONSTRAINT {name}", 0.7)
        return (
            f"{quoted(column)} int NULL, ADD{constraint} FOREIGN KEY ({quoted(column)}) REFERENCES parent (id) {rules}"
        )

    def _options(self) -> str:
        formats = NARROW_ROW_FORMATS if len(self._columns) < 5 else ROW_FORMATS
        said = self._literal().replace("\\0", "0")  # of one with a NUL, information_schema shows what is before it
        return (
            self._maybe(self._table_charset(), 0.6)
            + self._maybe(f"COMMENT={said}", 0.3)
            + self._maybe(f"ROW_FORMAT={self._one(formats)}", 0.2)
            + self._maybe("STATS_PERSISTENT=1", 0.1)
            + self._maybe(f"AUTO_INCREMENT={self._random.randint(2, 10**6)}", 0.3)
        )

    def _partition(self) -> str:
        ranges = "(PARTITION low VALUES LESS THAN (10) COMMENT = 'a, (b)', PARTITION high VALUES LESS THAN MAXVALUE)"
        return "PARTITION BY " + self._one(
            [
                "HASH (id) PARTITIONS 3",
                "KEY (id) PARTITIONS 2",
                f"RANGE (id) {ranges}",
                f"RANGE COLUMNS (id) SUBPARTITION BY HASH (id) SUBPARTITIONS 2 {ranges}",
                "LIST (id) (PARTITION `o dd` VALUES IN (1,3), PARTITION even VALUES IN (2,4))",
            ]
        )

    # --- the statements ---

    def _create(self) -> str:
        key = self._one(["PRIMARY KEY", "PRIMARY KEY", "UNIQUE KEY", ""])
        identity = "id int NOT NULL" + (" AUTO_INCREMENT" if key and self._random.random() < 0.6 else "") + f" {key}"
        self._columns["id"] = "key"
        clauses = [identity]
        for _ in range(self._random.randint(1, 7)):
            name = self._new_name()
            clauses.append(f"{quoted(name)} {self._definition(name)}")
        clauses += [self._index() for _ in range(self._random.choice([0, 0, 1, 2]))]
        clauses += [self._check() for _ in range(self._random.choice([0, 0, 1]))]
        partition = f" {self._partition()}" if self._random.random() < 0.08 else ""
        return f"CREATE TABLE {self._name} ({', '.join(clauses)}) ENGINE=InnoDB{self._options()}{partition}"

    def _alter(self) -> str:
        actions: list[Callable[[], str]] = [
            self._add_column, self._add_column, self._add_column, self._modify, self._modify, self._rename, self._drop,
            self._add_index, self._add_index, self._drop_index, self._add_check, self._convert, self._set_options,
            self._add_foreign, self._index_again, self._hide_index,
        ]  # fmt: skip
        chosen = [self._random.choice(actions)() for _ in range(self._random.choice([1, 1, 1, 2]))]
        if self._random.random() < 0.03:
            return self._partition()
        return ", ".join(chosen)

    def _add_column(self) -> str:
        after = self._one(["", "", " FIRST", *(f" AFTER {quoted(name)}" for name in self._columns)])
        name = self._new_name()
        return f"ADD COLUMN {quoted(name)} {self._definition(name)}{after}"

    def _modify(self) -> str:
        shapes = self._of("shape")
        if shapes and self._random.random() < 0.5:
            return f"MODIFY {self._one(shapes)} {self._shape()}"
        name = self._one(list(self._columns))
        return self._rename() if name == "id" else f"MODIFY {quoted(name)} {self._definition(name)}"

    def _rename(self) -> str:
        names = [name for name in self._columns if name != "id"]
        if not names:
            return "FORCE"
        old, new = self._one(names), self._new_name()
        self._columns[new] = self._columns.pop(old)
        return f"RENAME COLUMN {quoted(old)} TO {quoted(new)}"

    def _drop(self) -> str:
        names = [name for name in self._columns if name != "id"]
        if len(names) < 2:
            return "FORCE"
        name = self._one(names)
        del self._columns[name]
        return f"DROP COLUMN {quoted(name)}"

    def _add_index(self) -> str:
        return f"ADD {self._index()}"

    def _drop_index(self) -> str:
        if not self._indexes:
            return self._add_index()
        return f"DROP KEY {quoted(self._indexes.pop(self._random.randrange(len(self._indexes))))}"

    def _hide_index(self) -> str:
        if not self._indexes:
            return self._add_index()
        how = ["INVISIBLE", "INVISIBLE", "VISIBLE"] if self._mysql else ["IGNORED", "IGNORED", "NOT IGNORED"]
        return f"ALTER INDEX {quoted(self._one(self._indexes))} {self._one(how)}"

    def _index_again(self) -> str:
        return "DROP PRIMARY KEY, ADD UNIQUE KEY again (id)" if self._random.random() < 0.2 else "ADD UNIQUE KEY (id)"

    def _add_check(self) -> str:
        if self._checks and self._random.random() < 0.3:
            return f"DROP CONSTRAINT {quoted(self._checks.pop())}"
        return f"ADD {self._check()}"

    def _convert(self) -> str:
        charset = self._one(["utf8mb4", "latin1", "utf8mb3"])
        how = self._one(["CONVERT TO CHARACTER SET", "DEFAULT CHARACTER SET", "DEFAULT CHARACTER SET"])
        return f"{how} {charset}" + self._maybe(f"COLLATE {self._one(CHARSETS[charset])}", 0.4)

    def _set_options(self) -> str:
        return self._options().strip() or "FORCE"

    def _add_foreign(self) -> str:
        return f"ADD COLUMN {self._foreign()}"
