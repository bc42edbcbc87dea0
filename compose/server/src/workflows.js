/** The workflows in the database. Whatever a client wrote goes to the server as a parameter, never as SQL. */
export function createWorkflows(database, cache) {
  return {
    /** Writes the workflow, its modules and the first line of its log, all or nothing; answers its id. */
    async create({ workflowType, taskDescription, modules }) {
      const id = await database.transaction(async (run) => {
        const payload = JSON.stringify({ source: 'manual', targetModules: modules });
        const { insertId } = await run(
          'INSERT INTO workflows (workflow_type, target_module, task_description, payload) VALUES (?, ?, ?, ?)',
          [workflowType, modules[0], taskDescription, payload],
        );
        // Names that differ in case or accents alone are one name to the collation of the column: the first one stays.
        await run(
          `INSERT INTO workflow_modules (workflow_id, module_name, is_primary)
           VALUES ${modules.map(() => '(?, ?, ?)').join(', ')}
           ON DUPLICATE KEY UPDATE workflow_id = workflow_modules.workflow_id`,
          modules.flatMap((name, place) => [insertId, name, place === 0 ? 1 : 0]),
        );
        await run(
          "INSERT INTO execution_logs (workflow_id, log_level, message, metadata) VALUES (?, 'info', ?, ?)",
          [insertId, 'Workflow created', payload],
        );
        return insertId;
      });
      await cache.changed();
      return id;
    },

    /** One page, newest first, and how many there are in all; from the cache if nothing changed since. */
    list({ limit, offset, status }) {
      return cache.remembered(`list:${status ?? ''}:${limit}:${offset}`, () =>
        database.transaction(async (run) => {
          const [where, parameters] = status ? ['WHERE status = ?', [status]] : ['', []];
          const workflows = await run(
            `SELECT id, workflow_type, status, task_description FROM workflows ${where}
             ORDER BY id DESC LIMIT ? OFFSET ?`,
            [...parameters, String(limit), String(offset)],
          );
          const [{ total }] = await run(`SELECT COUNT(*) AS total FROM workflows ${where}`, parameters);
          return { workflows, total };
        }),
      );
    },
  };
}
