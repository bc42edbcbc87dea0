"""The schema of aideveloper as its description has it, and the schema that a server has, in the same words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.databases import Database

# What each migration adds to the schema, in its order, and which columns it changes. This table and the next are
# written from the description of the schema, not from the SQL.
STEPS = """
00_initial_schema
    + workflows, agent_executions, artifacts, execution_logs, environment_variables
20251111_add_security_lint_enums
    ~ workflows.status enum(pending, planning, coding, security_linting, testing, reviewing, documenting, completed,
        failed) not null default pending
    ~ agent_executions.agent_type enum(orchestrator, plan, code, security_lint, test, review, document) not null
    ~ artifacts.artifact_type enum(plan, code, security_lint, test, review_report, documentation) not null
20251114_add_module_settings
    + module_settings
20251116_add_target_module_to_workflows
    + workflows.target_module, workflows.idx_target_module
20251121_add_new_module_workflow_type
    ~ workflows.workflow_type enum(feature, bugfix, refactor, documentation, review, new_module) not null
20251121_add_output_mode_to_workflows
    + workflows.output_mode, workflows.idx_output_mode
20251121_add_pr_url_to_workflows
    + workflows.pr_url, workflows.idx_pr_url
20251121_add_workflow_modules_table
    + workflow_modules
20251123_add_workflow_hierarchy
    + workflows.parent_workflow_id, workflows.workflow_depth, workflows.execution_order, workflows.plan_json,
        workflows.auto_execute_children, workflows.idx_workflow_depth, workflows.idx_parent_execution_order,
        workflows.fk_workflows_parent, sub_workflow_queue
20251124_add_scaffold_agent_type
    ~ agent_executions.agent_type enum(orchestrator, plan, code, security_lint, test, review, document, scaffold)
        not null
20251126_add_task_description_and_status
    + workflows.task_description, workflows.started_at
    ~ workflows.status enum(pending, pending_fix, running, planning, coding, security_linting, testing, reviewing,
        documenting, completed, completed_with_warnings, failed) not null default pending
20251129_add_checkpoint_tracking
    + workflows.checkpoint_commit, workflows.checkpoint_created_at, workflows.idx_checkpoint_commit
20251129_add_workflow_messages
    + workflow_messages, workflows.is_paused, workflows.pause_requested_at, workflows.pause_reason,
        workflows.idx_is_paused
20251130_add_conversation_history
    + agent_executions.conversation_history, agent_executions.has_conversation_history,
        agent_executions.idx_has_conversation_history
"""

# The schema at the end: columns in order, NULL allowed unless it says otherwise; then indexes and foreign keys by name.
SCHEMA = """
agent_executions, InnoDB, utf8mb4_unicode_ci
    id                        int not null auto_increment
    workflow_id               int not null
    agent_type                enum(orchestrator, plan, code, security_lint, test, review, document, scaffold) not null
    status                    enum(queued, running, completed, failed) not null default queued
    input                     text
    output                    text
    conversation_history      json
    has_conversation_history  boolean stored as conversation_history is not null
    error                     text
    started_at                timestamp
    completed_at              timestamp
    created_at                timestamp default now
    updated_at                timestamp default now on update now
    PRIMARY                       unique (id)
    idx_agent_type                index (agent_type)
    idx_has_conversation_history  index (has_conversation_history)
    idx_status                    index (status)
    idx_workflow_id               index (workflow_id)
    fk_agent_executions_workflow  (workflow_id) to workflows (id), delete cascade

artifacts, InnoDB, utf8mb4_unicode_ci
    id                  int not null auto_increment
    workflow_id         int not null
    agent_execution_id  int
    artifact_type       enum(plan, code, security_lint, test, review_report, documentation) not null
    file_path           varchar(500)
    content             text
    metadata            json
    created_at          timestamp default now
    PRIMARY                       unique (id)
    idx_agent_execution_id        index (agent_execution_id)
    idx_artifact_type             index (artifact_type)
    idx_workflow_id               index (workflow_id)
    fk_artifacts_agent_execution  (agent_execution_id) to agent_executions (id), delete set null
    fk_artifacts_workflow         (workflow_id) to workflows (id), delete cascade

environment_variables, InnoDB, utf8mb4_unicode_ci
    id           int not null auto_increment
    key_name     varchar(255) not null
    key_value    text not null
    module_name  varchar(255)
    description  text
    created_at   timestamp default now
    updated_at   timestamp default now on update now
    PRIMARY          unique (id)
    idx_module_name  index (module_name)
    uq_key_name      unique (key_name)

execution_logs, InnoDB, utf8mb4_unicode_ci
    id                  int not null auto_increment
    workflow_id         int not null
    agent_execution_id  int
    log_level           enum(debug, info, warn, error) not null default info
    message             text not null
    timestamp           timestamp(3) default now(3)
    metadata            json
    PRIMARY                            unique (id)
    idx_agent_execution_id             index (agent_execution_id)
    idx_timestamp                      index (timestamp)
    idx_workflow_id                    index (workflow_id)
    fk_execution_logs_agent_execution  (agent_execution_id) to agent_executions (id), delete cascade
    fk_execution_logs_workflow         (workflow_id) to workflows (id), delete cascade

module_settings, InnoDB, utf8mb4_unicode_ci
    id           int not null auto_increment
    module_name  varchar(255) not null
    auto_load    boolean default false
    created_at   timestamp default now
    updated_at   timestamp default now on update now
    PRIMARY         unique (id)
    idx_auto_load   index (auto_load)
    uq_module_name  unique (module_name)

sub_workflow_queue, InnoDB, utf8mb4_unicode_ci
    id                  int not null auto_increment
    parent_workflow_id  int not null
    child_workflow_id   int not null
    execution_order     int not null
    status              enum(pending, in_progress, completed, failed, skipped) default pending
    depends_on          json
    created_at          timestamp default now
    started_at          timestamp
    completed_at        timestamp
    error_message       text
    PRIMARY                       unique (id)
    idx_parent_execution_order    index (parent_workflow_id, execution_order)
    idx_status                    index (status)
    uq_child_workflow_id          unique (child_workflow_id)
    fk_sub_workflow_queue_child   (child_workflow_id) to workflows (id), delete cascade
    fk_sub_workflow_queue_parent  (parent_workflow_id) to workflows (id), delete cascade

workflow_messages, InnoDB, utf8mb4_unicode_ci
    id                  int not null auto_increment
    workflow_id         int not null
    agent_execution_id  int
    message_type        enum(user, agent, system) not null
    agent_type          varchar(50)
    content             text not null
    metadata            json
    action_type         enum(comment, instruction, pause, resume, cancel, redirect) default comment
    action_status       enum(pending, acknowledged, processed, ignored) default pending
    created_at          timestamp(3) default now(3)
    PRIMARY                               unique (id)
    idx_action_status                     index (action_status)
    idx_agent_execution_id                index (agent_execution_id)
    idx_created_at                        index (created_at)
    idx_message_type_action_status        index (message_type, action_status)
    idx_workflow_id                       index (workflow_id)
    fk_workflow_messages_agent_execution  (agent_execution_id) to agent_executions (id), delete set null
    fk_workflow_messages_workflow         (workflow_id) to workflows (id), delete cascade

workflow_modules, InnoDB, utf8mb4_unicode_ci
    id           int not null auto_increment
    workflow_id  int not null
    module_name  varchar(255) not null
    is_primary   boolean default false
    created_at   timestamp default now
    PRIMARY                       unique (id)
    idx_module_name               index (module_name)
    uq_workflow_module            unique (workflow_id, module_name)
    fk_workflow_modules_workflow  (workflow_id) to workflows (id), delete cascade

workflows, InnoDB, utf8mb4_unicode_ci
    id                     int not null auto_increment
    parent_workflow_id     int
    workflow_depth         int default 0
    execution_order        int default 0
    workflow_type          enum(feature, bugfix, refactor, documentation, review, new_module) not null
    output_mode            enum(pr, commit) default pr
    target_module          varchar(255) default AIDeveloper
    task_description       text
    pr_url                 varchar(500)
    status                 enum(pending, pending_fix, running, planning, coding, security_linting, testing, reviewing,
        documenting, completed, completed_with_warnings, failed) not null default pending
    is_paused              boolean default false
    pause_requested_at     timestamp
    pause_reason           text
    started_at             timestamp
    payload                json
    plan_json              json
    auto_execute_children  boolean default true
    result                 text
    created_at             timestamp default now
    updated_at             timestamp default now on update now
    checkpoint_commit      varchar(40)
    checkpoint_created_at  timestamp
    PRIMARY                     unique (id)
    idx_checkpoint_commit       index (checkpoint_commit)
    idx_created_at              index (created_at)
    idx_is_paused               index (is_paused)
    idx_output_mode             index (output_mode)
    idx_parent_execution_order  index (parent_workflow_id, execution_order)
    idx_pr_url                  index (pr_url)
    idx_status                  index (status)
    idx_target_module           index (target_module)
    idx_workflow_depth          index (workflow_depth)
    idx_workflow_type           index (workflow_type)
    fk_workflows_parent         (parent_workflow_id) to workflows (id), delete cascade
"""


def lines(table: str) -> list[str]:
    """The lines of a table above: blanks count once, a line that is indented twice goes on the one before it."""
    joined = re.sub(r"\n {8,}", " ", table)
    return [" ".join(line.split()) for line in joined.splitlines() if line.strip()]


def the_schema() -> list[str]:
    """SCHEMA as `found` words it: each line begins with the name of its table."""
    answer, table = list[str](), ""
    for line in lines(SCHEMA):
        if line.endswith(", InnoDB, utf8mb4_unicode_ci"):
            table = line.partition(",")[0]
            answer.append(line)
        else:
            answer.append(f"{table}.{line}")
    return answer


# --- the schema that is there, in the words of the tables above ------------------------------------------------------


def found(database: Database) -> list[str]:
    """The schema in the words of SCHEMA, read from information_schema."""
    parts = {table: [f"{table}, {facts}"] for table, facts in tables(database).items()}
    for table, line in (*_columns(database), *_indexes(database), *_foreign_keys(database)):
        parts[table].append(f"{table}.{line}")
    return [line for table in sorted(parts) for line in parts[table]]


def tables(database: Database) -> dict[str, str]:
    """Table to "engine, collation"."""
    return dict(
        database.rows(
            "SELECT TABLE_NAME, CONCAT(ENGINE, ', ', TABLE_COLLATION)"
            " FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
        )
    )


def _columns(database: Database) -> Iterator[tuple[str, str]]:
    defaults, json = tables(database), _json_columns(database)
    rows = database.rows(
        "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, COLLATION_NAME, IS_NULLABLE, COLUMN_DEFAULT, EXTRA,"
        " GENERATION_EXPRESSION"
        " FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION"
    )
    for table, name, type_, collation, nullable, default, extra, expression in rows:
        is_json = (table, name) in json
        assert not is_json or (type_, collation) == ("longtext", "utf8mb4_bin")
        words = [name, "json" if is_json else _type(type_)]
        if collation and not is_json and not defaults[table].endswith(f", {collation}"):
            words.append(f"collate {collation}")
        if nullable == "NO":
            words.append("not null")
        if default not in (None, "NULL"):
            words.append(f"default {_default(type_, default)}")
        words += _extra(extra.lower(), expression)
        yield table, " ".join(words)


def _json_columns(database: Database) -> set[tuple[str, str]]:
    """MariaDB makes JSON a longtext with a check. Any other check, on any server, has no place in the schema."""
    if database.server.flavour == "mysql":
        assert not database.rows(
            "SELECT CONSTRAINT_NAME FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE()"
        )
        return set()
    rows = database.rows(
        "SELECT TABLE_NAME, CONSTRAINT_NAME, CHECK_CLAUSE"
        " FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE()"
    )
    assert all(clause == f"json_valid(`{name}`)" for _, name, clause in rows)
    return {(table, name) for table, name, _ in rows}


def _type(text: str) -> str:
    text = {"int(11)": "int", "tinyint(1)": "boolean"}.get(text, text)
    return text.replace("'", "").replace(",", ", ")


def _default(type_: str, text: str) -> str:
    text = text.strip("'")  # MariaDB has quotes around it
    return {"0": "false", "1": "true"}[text] if type_ == "tinyint(1)" else _now(text)


def _now(text: str) -> str:
    """CURRENT_TIMESTAMP, current_timestamp() and so on."""
    return re.sub(r"current_timestamp(\(\))?", "now", text, flags=re.IGNORECASE)


def _extra(extra: str, expression: str | None) -> list[str]:
    extra = extra.replace("default_generated", "").strip()
    if extra == "stored generated":
        assert expression
        return [f"stored as {expression.strip('()').replace('`', '').lower()}"]
    return [_now(extra)] if extra else []


def _indexes(database: Database) -> Iterator[tuple[str, str]]:
    rows = database.rows(
        "SELECT TABLE_NAME, INDEX_NAME, NON_UNIQUE, INDEX_TYPE, GROUP_CONCAT(CONCAT(COLUMN_NAME,"
        " IFNULL(CONCAT('(', SUB_PART, ')'), ''), IF(COLLATION = 'D', ' DESC', '')) ORDER BY SEQ_IN_INDEX"
        " SEPARATOR ', ')"
        " FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() GROUP BY 1, 2, 3, 4"
    )
    for table, name, non_unique, kind, columns in sorted(rows, key=lambda row: (row[1] != "PRIMARY", row[1])):
        assert kind == "BTREE"
        yield table, f"{name} {'index' if non_unique else 'unique'} ({columns})"


def _foreign_keys(database: Database) -> Iterator[tuple[str, str]]:
    rows = database.rows(
        "SELECT k.TABLE_NAME, k.CONSTRAINT_NAME, GROUP_CONCAT(k.COLUMN_NAME ORDER BY k.ORDINAL_POSITION),"
        " k.REFERENCED_TABLE_NAME, GROUP_CONCAT(k.REFERENCED_COLUMN_NAME ORDER BY k.ORDINAL_POSITION),"
        " r.DELETE_RULE, r.UPDATE_RULE"
        " FROM information_schema.KEY_COLUMN_USAGE k JOIN information_schema.REFERENTIAL_CONSTRAINTS r"
        " ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME"
        " AND r.TABLE_NAME = k.TABLE_NAME"
        " WHERE k.TABLE_SCHEMA = DATABASE() AND k.REFERENCED_TABLE_SCHEMA = DATABASE() GROUP BY 1, 2, 4, 6, 7"
    )
    for table, name, columns, parent, parent_columns, delete, update in sorted(rows, key=lambda row: str(row[1])):
        assert update in ("NO ACTION", "RESTRICT")  # both mean that nothing was said
        yield table, f"{name} ({columns}) to {parent} ({parent_columns}), delete {delete.lower()}"
