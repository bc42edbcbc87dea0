"""The table of all settings: what is parsed, what `--help` says and what docs/operations.md lists all come from it."""

from __future__ import annotations

from schemagate import checks
from schemagate.values import Value

PREFIX = "SCHEMAGATE_"


class Setting(Value):
    """One row of the table.

    `field` is its attribute in `Settings`. `default` is parsed like a given text; `default_says` describes a default
    that is found out.
    """

    name: str
    field: str
    type: checks.Type
    help: str
    default: str | None = None
    default_says: str = ""
    aliases: tuple[str, ...] = ()
    secret: bool = False
    required: bool = False
    empty: bool = False  # an empty text is a value of its own, not "not given"

    @property
    def flag(self) -> str | None:
        """The option of the command line. Secrets have none: a command line is in everybody's list of processes."""
        return None if self.secret or self.name == "NO_COLOR" else self.option

    @property
    def option(self) -> str:
        """What the flag is called, or would be."""
        return "--" + self.name.removeprefix(PREFIX).removeprefix("MYSQL_").lower().replace("_", "-")

    @property
    def variables(self) -> tuple[str, ...]:
        """Every environment variable that gives it; that of a secret also exists with `_FILE` at its end."""
        return (self.name, *self.aliases)


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "DATABASE_URL",
        "",
        checks.URL,
        "All of the connection in one: `mysql://user:password@host:port/database?ssl-mode=…`, percent-encoded. "
        "`mysql2://`, `mariadb://` and `mysql+pymysql://` are the same.",
        secret=True,
    ),
    Setting("MYSQL_HOST", "host", checks.HOST, "Where the server is.", "localhost", aliases=("DB_HOST",)),
    Setting("MYSQL_PORT", "port", checks.PORT, "Its port.", "3306", aliases=("MYSQL_TCP_PORT", "DB_PORT")),
    Setting("MYSQL_SOCKET", "socket", checks.SOCKET, "Its Unix socket, in place of host and port."),
    Setting(
        "MYSQL_DATABASE", "database", checks.SCHEMA, "The schema behind the gate.", required=True, aliases=("DB_NAME",)
    ),
    Setting("MYSQL_USER", "user", checks.ACCOUNT, "The account that migrates.", required=True, aliases=("DB_USER",)),
    Setting(
        "MYSQL_PASSWORD",
        "password",
        checks.PASSWORD,
        "Its password. Set it to nothing for an account that has none.",
        secret=True,
        required=True,
        empty=True,
        aliases=("DB_PASSWORD",),
    ),
    Setting(
        "SCHEMAGATE_TLS",
        "tls",
        checks.TLS,
        "`preferred` encrypts if the server can; `required` insists; `verify-ca` also checks who signed the server's "
        "certificate, `verify-identity` its host name as well.",
        "preferred",
    ),
    Setting(
        "SCHEMAGATE_TLS_CA",
        "tls_ca",
        checks.FILE,
        "The authority that `verify-ca` and `verify-identity` trust, in PEM.",
        default_says="those of the system",
    ),
    Setting("SCHEMAGATE_TLS_CERT", "tls_cert", checks.FILE, "Our own certificate, for accounts that ask for one."),
    Setting("SCHEMAGATE_TLS_KEY", "tls_key", checks.FILE, "The key of our own certificate."),
    Setting(
        "SCHEMAGATE_MIGRATIONS",
        "migrations",
        checks.DIRECTORY,
        "The SQL files and the snapshot `schema.sql`.",
        default_says="`/migrations` if there is one, else `./migrations`",
    ),
    Setting(
        "SCHEMAGATE_WAIT_SECONDS",
        "wait_seconds",
        checks.duration(0, 86_400),
        "How long to wait for a server that answers.",
        "60",
    ),
    Setting(
        "SCHEMAGATE_GRACE_SECONDS",
        "grace_seconds",
        checks.duration(0, 3_600),
        "How long a refused account or an unknown schema may still be on its way.",
        "5",
    ),
    Setting(
        "SCHEMAGATE_CONNECT_SECONDS",
        "connect_seconds",
        checks.duration(0.1, 3_600),
        "How long one attempt to connect may take.",
        "10",
    ),
    Setting(
        "SCHEMAGATE_LOCK_SECONDS",
        "lock_seconds",
        checks.duration(0, 86_400),
        "How long to wait for another start that is at work.",
        "600",
    ),
    Setting(
        "SCHEMAGATE_LOCK_WAIT_SECONDS",
        "lock_wait_seconds",
        checks.duration(1, 86_400),
        "How long one statement may wait for the application's locks on a table or a row.",
        "30",
    ),
    Setting(
        "SCHEMAGATE_RETRIES",
        "retries",
        checks.count(0, 100),
        "How often a statement that did not get its lock in time, or fell to a deadlock, is tried once more.",
        "3",
    ),
    Setting(
        "SCHEMAGATE_RECONNECT_SECONDS",
        "reconnect_seconds",
        checks.duration(0, 86_400),
        "How long to wait for a server that is gone, or turned read-only, while we work; 0 ends the start at once.",
        "60",
    ),
    Setting(
        "SCHEMAGATE_ORPHAN",
        "orphan",
        checks.choice("wait", "kill"),
        "A statement that runs on in the server though its start is dead: `wait` for its end, or `kill` it.",
        "wait",
    ),
    Setting(
        "SCHEMAGATE_STOP_SECONDS",
        "stop_seconds",
        checks.duration(0, 86_400),
        "How long the statement at hand may go on after SIGTERM; then it is broken off.",
        "20",
    ),
    Setting(
        "SCHEMAGATE_SHADOW",
        "shadow",
        checks.SHADOW,
        "The scratch schema: `auto` makes one if the account may, `off` does without, a name uses that one.",
        "auto",
    ),
    Setting(
        "SCHEMAGATE_ADOPT",
        "adopt",
        checks.choice("add", "exact", "off"),
        "A database with tables and no journal: `add` takes it over and adds what is missing, `exact` takes it over if "
        "it is exactly as after a migration, `off` refuses it.",
        "add",
    ),
    Setting(
        "SCHEMAGATE_FOREIGN",
        "foreign",
        checks.choice("ignore", "drift"),
        "Tables and other objects that no migration makes: `ignore` leaves them out of every comparison, `drift` takes "
        "them for a difference.",
        "ignore",
    ),
    Setting(
        "SCHEMAGATE_CLUSTER",
        "cluster",
        checks.choice("auto", "single-writer"),
        "Where several servers can be written to: `auto` locks all of them and works on the first, or refuses; "
        "`single-writer` is your promise that all starts reach one and the same.",
        "auto",
    ),
    Setting(
        "SCHEMAGATE_FROM_URL",
        "from_url",
        checks.OTHER_URL,
        "`diff`: the server that FROM is, as for `DATABASE_URL`. It may also be typed, for all to see.",
        secret=True,
    ),
    Setting("SCHEMAGATE_TO_URL", "to_url", checks.OTHER_URL, "`diff`: the server that TO is.", secret=True),
    Setting(
        "SCHEMAGATE_HEAL",
        "heal",
        checks.choice("off", "safe", "all"),
        "What is made again where nothing else is wrong than that it is missing: `safe` makes what holds no data "
        "(indexes, keys, checks, views, triggers, routines), `all` also tables and columns, whose data is gone.",
        "safe",
    ),
    Setting(
        "SCHEMAGATE_CREATE_DATABASE",
        "create_database",
        checks.TRUTH,
        "Create the schema where there is none, if the account may.",
        "true",
    ),
    Setting(
        "SCHEMAGATE_ALLOW_EDITED",
        "allow_edited",
        checks.NAMES,
        "Migrations that may differ from what was applied under their name.",
        "",
    ),
    Setting(
        "SCHEMAGATE_ALLOW_MISSING", "allow_missing", checks.NAMES, "Applied migrations whose file may be gone.", ""
    ),
    Setting(
        "SCHEMAGATE_ALLOW_OUT_OF_ORDER",
        "allow_out_of_order",
        checks.NAMES,
        "Pending migrations that may come before ones already applied.",
        "",
    ),
    Setting(
        "SCHEMAGATE_LOG_FORMAT",
        "log_format",
        checks.choice("auto", "json", "console"),
        "One JSON object a line, or lines for people; `auto` is for people if stdout is a terminal.",
        "auto",
    ),
    Setting(
        "SCHEMAGATE_LOG_LEVEL",
        "log_level",
        checks.choice("debug", "info", "warning", "error"),
        "The least that is logged; `debug` has every statement.",
        "info",
    ),
    Setting("NO_COLOR", "no_color", checks.Type("anything", bool), "No colours, whatever it is set to.", ""),
    Setting(
        "SCHEMAGATE_TERMINATION_LOG",
        "termination_log",
        checks.PATH,
        "Where the last word of a start goes, for `kubectl describe pod`. Set it to nothing for none.",
        default_says="`/dev/termination-log` if it can be written",
        empty=True,
    ),
    Setting(
        "SCHEMAGATE_STARTED_BY",
        "started_by",
        checks.TEXT,
        "Who the journal says ran this.",
        default_says="`POD_NAME`, else `HOSTNAME`, else the host's name",
    ),
    Setting(
        "SCHEMAGATE_REVISION",
        "revision",
        checks.TEXT,
        "The release of image or application that the journal is to note.",
    ),
)


# Not one setting, but as many as migrations ask for.
VARIABLES, VARIABLES_HELP = "SCHEMAGATE_VAR_NAME", "What `${NAME}` in a migration stands for; a secret to the log."


def settings_table() -> str:
    """The table of docs/operations.md, in Markdown."""
    lines = ["| setting | flag | default | meaning |", "|---|---|---|---|"]
    for setting in SETTINGS:
        default = f"`{setting.default}`" if setting.default else setting.default_says or "none"
        also = [f"`{name}`" for name in setting.aliases]
        also += [f"`{name}_FILE`" for name in setting.variables] if setting.secret else []
        cells = (
            f"`{setting.name}`",
            f"`{setting.flag}`" if setting.flag else "",
            "required" if setting.required else default,
            setting.help + (f" Also: {', '.join(also)}." if also else ""),
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines.append(f"| `{VARIABLES}` |  | none | {VARIABLES_HELP} Also: `{VARIABLES}_FILE`. |")
    return "\n".join(lines) + "\n"
