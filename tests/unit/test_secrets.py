"""A secret is in nothing that leaves the program, whatever it is made of."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import tempfile
import time
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from schemagate import errors
from schemagate.log import Log, make_log
from schemagate.settings import Secret, load_settings, reporting
from schemagate.sources import redactor

# Letters of every kind, and what means something in URLs, JSON, SQL, shells, Python and regular expressions.
CHARACTERS = st.one_of(
    st.characters(codec="utf-8", exclude_characters="\0"),
    st.sampled_from("\"'`\\%/?#@:&=+ .*[](){}|^$\n\r\t~-_<>;é表😀\u2028"),
)
# A digit that is no letter at both ends: the secret is then no word that the program itself says.
SECRETS = st.builds(lambda text: f"4{text}²", st.text(CHARACTERS, min_size=2, max_size=20))
FAST = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def forms(secret: str) -> set[str]:
    """The secret as it may turn up in a text."""
    shapes = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), secret.replace("'", "''")}
    shapes |= {
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        ascii(secret)[1:-1],
    }
    shapes |= {repr(secret.encode())[2:-1], secret.replace("\\", "\\\\").replace("'", "\\'")}
    return shapes | {re.sub("%..", lambda match: match[0].lower(), quote(secret, safe=""))}


def assert_hidden(secret: str, text: str) -> None:
    for shape in forms(secret):
        assert shape not in text, f"{shape!r} in {text!r}"


def environments(secret: str, file: Path) -> dict[str, dict[str, str]]:
    """Every way to give the secret; the two last are wrong ways."""
    file.write_bytes(secret.encode())
    host = {"MYSQL_DATABASE": "app", "MYSQL_USER": "gate", "SCHEMAGATE_MIGRATIONS": "/"}
    encoded = quote(secret, safe="")
    return {
        "password": host | {"MYSQL_PASSWORD": secret},
        "old name": host | {"DB_PASSWORD": secret},
        "file": host | {"MYSQL_PASSWORD_FILE": str(file)},
        "url": {"DATABASE_URL": f"mysql://gate:{encoded}@db/app", "SCHEMAGATE_MIGRATIONS": "/"},
        "broken url": host | {"DATABASE_URL": f"mysql://gate:{secret}@db/app?ssl-what=1"},
        "two": host | {"MYSQL_PASSWORD": secret, "DATABASE_URL": f"mysql://gate:{encoded}x@db/app", "MYSQL_PORT": "x"},
    }


def say_everything(log: Log, said: list[str], termination: Path) -> None:
    """What a careless program would log."""
    text = " - ".join(said)
    log.info("x.y", text=text, nested=[{one: one.encode()} for one in said], error=ValueError(text))
    log.failed(errors.StatementFailed(f"for {text}.", statement=f"SET PASSWORD = '{text}'", error=text, problems=said))
    log.failed(ValueError(text))
    log.termination(str(termination), errors.LockTimeout(text, state=said, next=text))


@pytest.mark.parametrize("source", ["password", "old name", "file", "url", "broken url", "two"])
@FAST
@given(secret=SECRETS)
@example(secret="4\\²\\²")
@example(secret="4%40%²")
@example(secret="4'`²")
@example(secret="4''''²")
def test_a_secret_never_leaves(source: str, secret: str) -> None:
    """Not in the settings' repr, not in a message about them, not in a line, not in the termination log."""
    with tempfile.TemporaryDirectory() as directory:
        environment = environments(secret, Path(directory, "secret"))[source]
        termination = Path(directory, "termination")
        secrets = [Secret(secret)]
        try:
            loaded = load_settings(environment, {})
        except errors.SettingsInvalid as error:
            said = f"{error!r} {error} {error.facts} {json.dumps(error.facts, ensure_ascii=False)}"
            assert_hidden(secret, said)
        else:
            assert_hidden(secret, f"{loaded!r} {loaded} {loaded.password} {loaded.secrets}")
            secrets = list(loaded.secrets)
        for format in ("json", "console"):
            stream = io.StringIO()
            say_everything(make_log(format, stream, secrets=secrets), sorted(forms(secret)), termination)
            assert_hidden(secret, stream.getvalue() + termination.read_text())


def test_what_was_given_is_hidden_even_if_it_was_wrong(tmp_path: Path) -> None:
    """The report of wrong settings knows the secrets among them as well, those in files included."""
    file = tmp_path / "url"
    file.write_text("mysql://u:hunter2-three@db\n")
    environment = {
        "MYSQL_PASSWORD": "hunter2-one",
        "DATABASE_URL": "mysql://u:hunter2%2Ftwo@db",
        "DATABASE_URL_FILE": str(file),
        "DB_PASSWORD_FILE": "/nowhere",
    }
    stream = io.StringIO()
    log = make_log(reporting(environment, {}), stream)
    log.info("x.y", text="hunter2-one hunter2/two hunter2%2ftwo hunter2-three")
    assert json.loads(stream.getvalue())["text"] == "*** *** *** ***"


def test_reporting_does_not_read_what_can_be_read_only_once(tmp_path: Path) -> None:
    """A pipe would be empty for the settings, or would keep us waiting."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert reporting({"MYSQL_PASSWORD_FILE": str(pipe)}, {}).secrets == ()


@pytest.mark.parametrize(
    "written", ["it\\'s-hidden", "it\\'s \\\\ hidden", 'say \\"hidden\\"', "hid\\\\den", "hid\\nden"]
)
def test_what_a_server_makes_of_a_value_is_hidden_as_well(written: str) -> None:
    """A value that is written into a literal with backslashes of its own is shown without them, in its own quotes."""
    meant = written.replace("\\n", "\n").replace("\\'", "'").replace('\\"', '"').replace("\\\\", "\\")
    hide = redactor([written])
    doubled = meant.replace("'", "''")
    for shown in (written, meant, doubled, json.dumps(meant)[1:-1], doubled.replace("\\", "\\\\").replace("\n", "\\n")):
        assert hide(f"DEFAULT '{shown}'") == "DEFAULT '***'"


@pytest.mark.parametrize("character", "'\\%\"`-. é\n")
def test_looking_for_a_secret_takes_no_time(character: str) -> None:
    """However often the secret repeats itself, and the text too."""
    began = time.perf_counter()
    hide = redactor([character * 40 + "x", f"{character}25" * 20 + "x"])
    for times in range(30, 100, 7):
        hide(character * times)
        hide(f"{character}25" * times)
        hide(f"\\{character}25" * times)
    assert time.perf_counter() - began < 0.5


def test_a_secret_is_not_serialised() -> None:
    """Nor pickled, nor copied into something that is."""
    with pytest.raises(TypeError):
        pickle.dumps(Secret("hunter2"))
