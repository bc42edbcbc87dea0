import mysql from 'mysql2/promise';

const ANSWER_MILLISECONDS = 10_000;

/** Connections to MySQL, made when they are needed; a server that went away is found again by the next request. */
export function createDatabase(settings) {
  const pool = mysql.createPool({
    ...settings,
    charset: 'utf8mb4',
    connectTimeout: 5_000,
    connectionLimit: 10,
    queueLimit: 200,
  });

  return {
    /** Does it answer, within this time? */
    async answers(milliseconds) {
      let timer;
      const late = new Promise((resolve) => {
        timer = setTimeout(resolve, milliseconds, false);
      });
      const asked = pool.query({ sql: 'SELECT 1', timeout: milliseconds }).then(
        () => true,
        () => false,
      );
      return Promise.race([asked, late]).finally(() => clearTimeout(timer));
    },

    /**
     * Does the work in one transaction: all of it is kept, or nothing. `work` gets a function that runs one statement
     * with its parameters and answers what the server does: rows, or what was written.
     */
    async transaction(work) {
      const connection = await pool.getConnection();
      const run = async (sql, parameters = []) => {
        const [answer] = await connection.execute({ sql, timeout: ANSWER_MILLISECONDS }, parameters);
        return answer;
      };
      try {
        await connection.beginTransaction();
        const result = await work(run);
        await connection.commit();
        connection.release();
        return result;
      } catch (error) {
        // Closed, not given back: then the server takes the transaction back, whatever state the connection is in.
        connection.destroy();
        throw error;
      }
    },

    close: () => pool.end(),
  };
}
