"""What the docs say of the code is what the code says."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemagate import __version__, errors
from schemagate.arguments import COMMANDS, parse
from schemagate.checks import TLS
from schemagate.console import EVENTS
from schemagate.scratch import shadow_name
from schemagate.settings import SETTINGS
from schemagate.sql import statements
from tests.unit.test_layers import ORDER
from tests.write_docs_tables import PAGES, PART, PARTS, ROOT, rewritten

README, OPERATIONS, DESIGN = ROOT / "README.md", ROOT / "docs/operations.md", ROOT / "docs/design.md"
EXIT_CODES = {0, 1, 130, 143, *(error.exit_code for error in errors.SchemagateError.__subclasses__())}
# The words of others for what we call otherwise; see "Words" in docs/design.md.
NOT_USED = re.compile(r"\b(revisions?|dirty|stamp(?:ed|s)?|fak(?:e|ed|es)|sync(?:s|ed)?)\b", re.IGNORECASE)

pages = pytest.mark.parametrize("page", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])


def text_of(page: Path) -> str:
    return page.read_text("utf-8")


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """Language and text of each block of code, without its indentation."""
    for indent, language, block in re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE):
        yield language, re.sub(rf"^{indent}", "", block, flags=re.MULTILINE)


def code(text: str) -> Iterator[str]:
    """Everything that is set as code: the lines of blocks, and what stands between backticks."""
    for _, block in blocks(text):
        yield from block.splitlines()
    for paragraph in re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE).split("\n\n"):
        yield from (" ".join(span.split()) for _, span in re.findall(r"(`+)(.+?)\1(?!`)", paragraph, re.DOTALL))


# --- what is generated --------------------------------------------------------------------------------------------


@pages
def test_what_a_page_repeats_is_as_the_code_has_it(page: Path) -> None:
    """Else: .venv/bin/python tests/write_docs_tables.py"""
    assert rewritten(text_of(page)) == text_of(page)


def test_every_table_stands_where_it_is_looked_for() -> None:
    """A marker that is misspelt would leave its table unwatched."""
    found = {page: [match["name"] for match in PART.finditer(text_of(page))] for page in PAGES}
    assert found[README] == ["example", "exit codes"]
    assert found[OPERATIONS] == ["exit codes", "settings", "events", "journal"]
    assert {name for names in found.values() for name in names} == set(PARTS)
    for page in PAGES:
        assert text_of(page).count("<!-- end of ") == len(found[page]), page


def test_the_example_of_the_readme_is_the_file() -> None:
    """Literally: what people copy from the page is what is tried."""
    assert f"```yaml\n{text_of(ROOT / 'compose/compose.yaml')}```" in text_of(README)


def test_the_example_grants_rights_to_whichever_account_it_has() -> None:
    """A copy whose schema and account have other names gets the same: the grant names neither."""
    example = text_of(ROOT / "compose/compose.yaml")
    names = set(re.findall(r"MYSQL_(?:DATABASE|USER): (\w+)", example))
    rights = text_of(ROOT / "compose/mysql/rights.sh")
    assert names
    assert [name for name in names if name in rights] == []
    assert "CONCAT('schemagate_shadow_', LEFT(SHA2(DATABASE(), 256), 16))" in rights
    assert set(re.findall(r"\bSCHEMAGATE_\w+|\b(?:MYSQL|DB)_\w+", example)) <= KNOWN | NONE_OF_OURS


def test_the_shadow_in_operations_is_that_of_its_schema() -> None:
    """The same, in SQL: one grant on the schema, one on its shadow, and the query that gives the name."""
    text = text_of(OPERATIONS)
    assert f"`{shadow_name('shop', 'auto')}`.* TO 'shop'" in text
    assert "CONCAT('schemagate_shadow_', LEFT(SHA2('shop', 256), 16))" in text


# --- names --------------------------------------------------------------------------------------------------------

SECRETS = {name for setting in SETTINGS if setting.secret for name in setting.variables}
KNOWN = {name for setting in SETTINGS for name in setting.variables} | {f"{name}_FILE" for name in SECRETS}
NONE_OF_OURS = {"MYSQL_ROOT_PASSWORD_FILE", "MYSQL_PWD", "DATABASE_MIGRATIONS"}


@pages
def test_every_setting_that_is_named_exists(page: Path) -> None:
    """Also the old and the borrowed names, and `_FILE` for secrets alone; variables of migrations have any name."""
    named = re.findall(r"\b(?:SCHEMAGATE|MYSQL|DB|DATABASE)_[A-Z_]*[A-Z]\b", text_of(page))
    named = [name for name in named if not re.fullmatch("SCHEMAGATE_VAR(_[A-Z_]+)?", name)]
    assert set(named) - KNOWN - NONE_OF_OURS == set()


@pages
def test_every_command_that_is_shown_makes_sense(page: Path) -> None:
    """`schemagate …` is read by the program's own command line; so are its arguments in Kubernetes."""
    for line in code(text_of(page)):
        found = re.fullmatch(r"(?:\$ )?schemagate(?P<words> .*)?", line)
        words = shlex.split(found["words"] or "", comments=True) if found else []
        if words and not words[0][0].isdigit():  # `schemagate 0.1.0: up` is what the console says
            assert understood(words), line
    for _, block in blocks(text_of(page)):
        for command in re.findall(r"^ *args: \[(\w+)\]$", block, re.MULTILINE):
            assert command in COMMANDS


def understood(words: list[str]) -> bool:
    """Does the command line of the program know what that means? The name of a command alone is a mention of it."""
    try:
        return words in [[command] for command in COMMANDS] or parse(words).command in COMMANDS
    except SystemExit as end:  # --help
        return not end.code
    except errors.SettingsInvalid:
        return False


def test_the_readme_shows_every_command() -> None:
    """And nothing that is none."""
    table = re.findall(r"^\| `schemagate (\w+)", text_of(README), re.MULTILINE)
    assert table == list(COMMANDS)


@pages
def test_every_exit_code_and_event_that_is_named_exists(page: Path) -> None:
    """`exit 31`, and words like `schema.drift` between backticks."""
    text = text_of(page)
    assert {int(number) for number in re.findall(r"\b(?:exit|exit code|ends with) \(?(\d+)\b", text)} <= EXIT_CODES
    firsts = {name.partition(".")[0] for name in EVENTS}
    named = {span for span in code(text) if re.fullmatch(r"[a-z]+\.[a-z_]+", span)}
    named = {name for name in named if name.partition(".")[0] in firsts and not name.endswith((".py", ".sql", ".md"))}
    assert named - set(EVENTS) - {"thing.happened"} == set()


def test_every_event_of_the_table_happens() -> None:
    """The docs list it: then some line of the code says it."""
    files = [ROOT / "entrypoint.py", *(ROOT / "schemagate").glob("*.py")]
    source = "".join(path.read_text("utf-8") for path in files if path.stem != "console")
    assert [name for name in EVENTS if f'"{name}"' not in source] == []


def test_the_readme_says_what_to_do_for_every_exit_code() -> None:
    """Each has its row under "It stopped, now what?"."""
    section = text_of(README).partition("## It stopped, now what?")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([\d, ]+) \|", section, re.MULTILINE)
    assert [int(code) for row in rows for code in row.split(", ")] == [*sorted(EXIT_CODES - {0, 130, 143}), 143, 130]


def test_operations_explains_every_choice_of_tls() -> None:
    """In the order from nothing to everything."""
    section = text_of(OPERATIONS).partition("## TLS")[2].partition("\n## ")[0]
    assert ", ".join(re.findall(r"^\| `([a-z-]+)`", section, re.MULTILINE)) == TLS.says


def test_operations_explains_every_proof() -> None:
    """Those that `Verdict` promises, that of a start with nothing to do, and that of an image that is older."""
    from schemagate import current, expected, newer

    section = text_of(OPERATIONS).partition("## Drift")[2].partition("\n## ")[0]
    told = set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE))
    source = "".join(Path(str(module.__file__)).read_text("utf-8") for module in (expected, current, newer))
    given = set(re.findall(r"(?:, |proof=)\"(text|shadow|replay|built|outline|names|newer|remembered)\"", source))
    assert told == given


def test_the_design_lists_the_files_in_their_order() -> None:
    """A table of files that is out of date sends its reader the wrong way."""
    section = text_of(DESIGN).partition("## The files")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)\.py`", section, re.MULTILINE) == ORDER


def test_the_changelog_begins_with_this_version() -> None:
    """Whoever raises the version writes what is new."""
    assert re.findall(r"^## (\S+?),? ", text_of(ROOT / "CHANGELOG.md"), re.MULTILINE)[0] == __version__


# --- links, words, code -------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings."""
    headings = re.findall(
        r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text_of(page), flags=re.DOTALL | re.MULTILINE), re.M
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pages
def test_links_lead_somewhere(page: Path) -> None:
    """To a file that is there, and to a heading that is in it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


@pages
def test_words_of_others_are_not_used(page: Path) -> None:
    """But where they are named as such, and in the name of the setting, its column, and the label of an image."""
    lines = [line for line in text_of(page).splitlines() if not line.startswith("Not used:")]
    prose = re.sub(
        r"--revision|SCHEMAGATE_REVISION|, revision,|`revision`|image\.revision|\bREVISION\b", "", "\n".join(lines)
    )
    assert NOT_USED.findall(prose) == []


@pages
def test_blocks_of_code_can_be_read(page: Path) -> None:
    """SQL is cut into statements that are known, shell and JSON are parsed; YAML has no tabs."""
    for language, block in blocks(text_of(page)):
        if language == "sql":
            found = list(statements([block], page.name))
            assert found, block
            assert all(re.match(r"[a-z]", statement.kind) for statement in found), block
        elif language == "sh":
            done = subprocess.run(["bash", "-n"], input=block, text=True, capture_output=True, check=False)
            assert not done.returncode, done.stderr
        elif language == "json":
            json.loads(block)
        elif language == "yaml":
            assert "\t" not in block
        elif language == "dockerfile":
            assert re.match(r"(?:ARG .*\n)*FROM ", block)
        else:
            assert language in ("console", "text"), f"a block in {language!r}"
