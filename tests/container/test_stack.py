"""The stack of the README, in a real engine: what waits behind the gate starts after it, and never otherwise."""

from __future__ import annotations

import json
import os

from tests.container.stack import ROOT, Stack, free_port

FEATURE = {"workflowType": "feature", "taskDescription": "Add a cart", "targetModule": "shop"}
ROWS = "INSERT INTO module_settings (module_name, auto_load) VALUES ('shop', TRUE)"
STATEMENTS = 25


# MySQL runs, but listens on its socket alone.
DEAF = """\
services:
  mysql:
    command: [--skip-networking]
  migrate:
    environment:
      SCHEMAGATE_WAIT_SECONDS: 8
"""

# A copy of the stack whose schema and account are called something else.
RENAMED = """\
services:
  mysql:
    environment: &names
      MYSQL_DATABASE: web_shop
      MYSQL_USER: clerk
  migrate:
    environment: *names
"""
TRIGGER = "CREATE TRIGGER shouts BEFORE INSERT ON module_settings FOR EACH ROW SET NEW.module_name = 'x';"


# --- all is well ------------------------------------------------------------------------------------------------------


def test_it_comes_up_and_answers(new: Stack) -> None:
    """`up -d` on a fresh clone ends with a server that takes a workflow and lists it; three tables have its rows."""
    new.up("--wait")
    created = new.post(FEATURE)
    assert (created.status, created.body) == (201, {"message": "Workflow created successfully", "workflowId": 1})
    listed = new.get("/api/workflows")
    workflow = {"id": 1, "workflow_type": "feature", "status": "pending", "task_description": "Add a cart"}
    assert (listed.status, listed.body) == (200, {"workflows": [workflow], "total": 1})
    assert new.sql("SELECT id, workflow_type, target_module, status FROM workflows") == [
        ("1", "feature", "shop", "pending")
    ]
    assert new.sql("SELECT workflow_id, module_name, is_primary FROM workflow_modules") == [("1", "shop", "1")]
    assert new.sql("SELECT workflow_id, log_level FROM execution_logs") == [("1", "info")]
    assert len(new.journal()) == STATEMENTS
    assert {name: new.inspect(name)["State"]["Health"]["Status"] for name in ("mysql", "server")} == {
        "mysql": "healthy",
        "server": "healthy",
    }


def test_a_second_up_is_harmless(healthy: Stack) -> None:
    """The gate is asked again and opens in under a second; nobody behind it is disturbed."""
    before = healthy.journal(), {name: healthy.inspect(name)["State"]["StartedAt"] for name in ("server", "redis")}
    gate = healthy.inspect("migrate")["State"]["StartedAt"]
    healthy.up()
    assert healthy.inspect("migrate")["State"]["StartedAt"] > gate
    last = healthy.said()[-1]
    assert (last["exit_code"], last["unchanged"]) == (0, True)
    assert last["elapsed_seconds"] < 1
    after = healthy.journal(), {name: healthy.inspect(name)["State"]["StartedAt"] for name in ("server", "redis")}
    assert after == before


def test_a_new_version_whose_migration_is_refused(healthy: Stack) -> None:
    """What runs behind the gate and needs no replacing runs on; what was replaced for it does not start."""
    before = healthy.inspect("server")["State"]["StartedAt"]
    healthy.write("99990101_broken", "CREATE TABEL x (id INT);")
    done = healthy.compose("up", "--detach", check=False)
    assert "didn't complete successfully: exit 14" in done.stderr
    assert (healthy.get("/health").status, healthy.inspect("server")["State"]["StartedAt"]) == (200, before)
    changed = "services: {server: {environment: {SOMETHING: new}}}"
    done = healthy.compose("up", "--detach", override=changed, check=False)
    assert "didn't complete successfully: exit 14" in done.stderr
    assert healthy.states()["server"] == "created"
    healthy.remove("99990101_broken")
    healthy.up()


def test_by_hand(healthy: Stack) -> None:
    """`run --rm migrate up` and `… status` do what they say, with schemagate's own exit code."""
    up = healthy.compose("run", "--rm", "--no-TTY", "migrate", "up")
    assert '"exit_code": 0' in up.stdout.splitlines()[-1]
    status = healthy.compose("run", "--rm", "--no-TTY", "migrate", "status", "--json").stdout
    names = [path.stem for path in sorted((ROOT / "migrations").glob("*.sql")) if path.stem != "schema"]
    told = [(migration["migration"], migration["state"]) for migration in json.loads(status)["migrations"]]
    assert told == [(name, "applied") for name in names]
    healthy.write("99990101_broken", "CREATE TABEL x (id INT);")
    refused = healthy.compose("run", "--rm", "--no-TTY", "migrate", "up", check=False)
    healthy.remove("99990101_broken")
    assert refused.returncode == 14
    assert healthy.get("/health").status == 200


def test_the_account_has_its_schema_and_the_shadow_and_nothing_more(healthy: Stack) -> None:
    """What the init file grants is what a rehearsal needs, triggers and functions included."""
    grants = [row[0].replace("\\\\", "\\") for row in healthy.sql("SHOW GRANTS FOR aideveloper")]
    assert grants == [
        "GRANT USAGE ON *.* TO `aideveloper`@`%`",
        "GRANT ALL PRIVILEGES ON `aideveloper`.* TO `aideveloper`@`%`",
        r"GRANT ALL PRIVILEGES ON `schemagate\_shadow\_4b25bb8b0ade7329`.* TO `aideveloper`@`%`",
    ]
    assert healthy.sql("SELECT @@log_bin, @@log_bin_trust_function_creators") == [("1", "1")]
    healthy.write("99990101_trigger", TRIGGER)
    refused = healthy.compose("run", "--rm", "--no-TTY", "migrate", "up", check=False)
    healthy.remove("99990101_trigger")
    assert refused.returncode == 15  # tried in the shadow, and so found not to be in the snapshot
    assert "shouts" in refused.stdout


def test_other_names_have_the_same_proof(new: Stack) -> None:
    """Whatever the schema and the account of a copy are called: a snapshot that is too old is found in the shadow, a
    trigger is allowed there, and the live schema is not touched.
    """
    new.compose("run", "--rm", "--no-TTY", "migrate", override=RENAMED)
    before = new.journal()
    assert len(before) == STATEMENTS
    new.write("99990101_trigger", TRIGGER)
    last = new.refused(15, RENAMED)
    assert "shouts" in str(last["differences"])
    assert new.journal() == before
    assert new.sql("SHOW TRIGGERS") == []


def test_nothing_runs_as_root_nor_writes_to_its_image(healthy: Stack) -> None:
    """Each container: another user than root, no capability, no way to more, a read-only file system."""
    for service in ("mysql", "migrate", "server", "redis"):
        found = healthy.inspect(service)
        assert found["Config"]["User"] not in ("", "0", "root"), service
        host = found["HostConfig"]
        assert (host["ReadonlyRootfs"], host["CapDrop"], host["CapAdd"]) == (True, ["ALL"], None), service
        assert host["SecurityOpt"] == ["no-new-privileges:true"], service
        assert "secret" not in str(found["Config"]["Env"]).replace("/run/secrets/", ""), service
        for password in (healthy.folder / "compose/secrets").iterdir():
            assert password.read_text() not in str(found), service


def test_the_overlay_for_development_changes_three_things(stack: Stack) -> None:
    """MySQL on port 3308 of this machine, where the stack as it is has only the server's port, 3000; migrations that
    can be written; and tables and columns that were dropped are made again, too.
    """
    plain = stack.shipped()
    assert plain["mysql"].get("ports") is None
    assert [(port["host_ip"], port["published"], port["target"]) for port in plain["server"]["ports"]] == [
        ("127.0.0.1", "3000", 3000)
    ]
    development = stack.shipped("compose.development.yaml")
    assert [(port["host_ip"], port["published"], port["target"]) for port in development["mysql"]["ports"]] == [
        ("127.0.0.1", "3308", 3306)
    ]
    (files,), (writable,) = plain["migrate"]["volumes"], development["migrate"]["volumes"]
    assert files.pop("read_only")
    assert files == writable
    del development["mysql"]["ports"]
    assert development["migrate"]["environment"].pop("SCHEMAGATE_HEAL") == "all"
    assert development == plain


def test_a_migration_is_written_with_containers_alone(new: Stack) -> None:
    """`new` and `snapshot` leave files of the caller's own, with which the gate opens."""
    overlay = new.folder.joinpath("compose/compose.development.yaml").read_text().replace("3308", str(free_port()))
    words = ("run", "--rm", "--no-TTY", f"--user={os.getuid()}:{os.getgid()}", "migrate")
    folder = new.folder / "migrations"
    before = set(folder.iterdir())
    new.compose(*words, "new", "add_carts", override=overlay)
    (written,) = set(folder.iterdir()) - before
    written.write_text("CREATE TABLE carts (id INT PRIMARY KEY) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci;\n")
    new.compose(*words, "snapshot", override=overlay)
    assert "CREATE TABLE `carts`" in folder.joinpath("schema.sql").read_text("utf-8")
    assert {(path.stat().st_uid, path.stat().st_gid) for path in folder.iterdir()} == {(os.getuid(), os.getgid())}
    new.up()


# --- the gate stays shut ----------------------------------------------------------------------------------------------


def test_a_syntax_error(new: Stack) -> None:
    """What was applied before it stays, is not run again, and the mended file goes on from there."""
    new.write("20260101_settings", ROWS.replace("INSERT", "INSRT") + ";")
    last = new.refused(30)
    assert (last["event"], last["file"], last["errno"]) == ("statement.failed", "20260101_settings.sql", 1064)
    before = new.journal()
    assert len(before) == STATEMENTS
    new.write("20260101_settings", f"{ROWS};")
    new.up()
    after = new.journal()
    assert after[:-1] == before
    assert after[-1][:2] == ("20260101_settings", "1")
    assert new.sql("SELECT module_name, auto_load FROM module_settings") == [("shop", "1")]


def test_a_snapshot_that_does_not_match(new: Stack) -> None:
    """The migrations build something else than what was reviewed; the snapshot put right opens the gate."""
    snapshot = new.folder / "migrations/schema.sql"
    shipped = snapshot.read_text("utf-8")
    changed = shipped.replace("`target_module` varchar(255)", "`target_module` varchar(64)")
    assert changed != shipped
    snapshot.write_text(changed, "utf-8")
    last = new.refused(15)
    assert last["event"] == "snapshot.stale"
    assert "target_module" in str(last["differences"])
    before = new.journal()
    snapshot.write_text(shipped, "utf-8")
    new.up()
    assert new.journal() == before


def test_mysql_that_never_comes_up(new: Stack) -> None:
    """It runs, but does not listen: neither is it healthy then, nor does the gate open."""
    last = new.refused(20, DEAF)
    assert last["event"] == "database.unavailable"
    new.sql("CREATE DATABASE kept; CREATE TABLE kept.numbers (id INT); INSERT INTO kept.numbers VALUES (1)")
    check = new.inspect("mysql")["Config"]["Healthcheck"]["Test"][1]
    assert new.exec("mysql", "sh", "-c", check, check=False).returncode != 0
    new.up()
    assert new.exec("mysql", "sh", "-c", check).returncode == 0
    assert new.sql("SELECT id FROM kept.numbers") == [("1",)]


def test_a_wrong_password(new: Stack) -> None:
    """The secret is not the one that MySQL was set up with; the message has the account, and not the password."""
    new.start_mysql()
    secret = new.folder / "compose/secrets/mysql_password"
    right = secret.read_text()
    secret.write_text("another-password")
    last = new.refused(13)
    assert last["event"] == "database.access_denied"
    assert "'aideveloper'" in last["message"]
    assert "another-password" not in str(new.lines("migrate"))
    secret.write_text(right)
    new.up()
    assert len(new.journal()) == STATEMENTS


def test_a_column_that_was_changed_by_hand(new: Stack) -> None:
    """Each difference is told; put back, the gate opens, and the rows are there."""
    new.start_mysql()
    new.compose("run", "--rm", "--no-TTY", "migrate")
    new.sql("INSERT INTO workflows (workflow_type, task_description) VALUES ('review', 'before')")
    new.sql("ALTER TABLE workflows MODIFY pr_url VARCHAR(600)")
    last = new.refused(32)
    (difference,) = last["differences"]
    assert (difference["kind"], difference["name"]) == ("table", "workflows")
    assert "varchar(500)" in difference["expected"]
    assert "varchar(600)" in difference["found"]
    before = new.journal()
    new.sql("ALTER TABLE workflows MODIFY pr_url VARCHAR(500)")
    new.up()
    assert new.journal() == before
    assert [row["task_description"] for row in new.get("/api/workflows").body["workflows"]] == ["before"]
