import mysql from 'mysql2/promise';
import { Refused } from './refused.js';

const ANSWER_MILLISECONDS = 10_000;
const CONNECTIONS = 10;
const WAITING = 200;

/** Connections to MySQL, made when they are needed; a server that went away is found again by the next request. */
export function createDatabase(settings) {
  const pool = mysql.createPool({
    ...settings,
    charset: 'utf8mb4',
    connectTimeout: 5_000,
    connectionLimit: CONNECTIONS,
    queueLimit: 2 * WAITING, // questions after its health wait there, too
  });
  let transactions = 0; // that run, or wait for a connection

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
     * with its parameters and answers what the server does: rows, or what was written. Where too many wait already it
     * is refused at once: who comes back in a second waits for less than who stays.
     */
    async transaction(work) {
      if (transactions >= CONNECTIONS + WAITING) throw new Refused(503, 'Too busy', {}, { 'retry-after': '1' });
      transactions += 1;
      try {
        return await inTransaction(work);
      } finally {
        transactions -= 1;
      }
    },

    close: () => pool.end(),
  };

  async function inTransaction(work) {
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
  }
}
