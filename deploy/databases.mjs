// Makes a database for each `…_DATABASE_URL`, and the role that owns it: others may not even connect. Runs before the
// services, each time: what is there stays as it is, but for the password, which becomes that of the URL.
//
// ADMIN_URL is the URL of a role that may make roles and databases. Waits for a server that is still starting.
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

const { escapeIdentifier, escapeLiteral } = pg;

const urls = Object.entries(process.env).filter(([name]) => name.endsWith('_DATABASE_URL'));
const PATIENCE_MS = 300_000;
/** The error codes of a server that is unavailable or starting; a wrong password, for example, has another. */
const AWAY = ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH', '57P03'];

async function connect() {
  for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(1_000)) {
    const client = new pg.Client({
      connectionString: process.env.ADMIN_URL,
      connectionTimeoutMillis: 10_000,
    });
    try {
      await client.connect();
      return client;
    } catch (error) {
      const isAway = AWAY.includes(error.code) || /timeout|terminated/.test(error.message);
      if (!isAway || Date.now() > deadline) throw error;
    }
  }
}

let client;

const isThere = async (query, name) => (await client.query(query, [name])).rowCount > 0;

try {
  client = await connect();
  for (const [variable, text] of urls) {
    const { pathname, username, password } = new URL(text);
    const [database, role] = [pathname.slice(1), decodeURIComponent(username)];
    if (!database || !role || !password) {
      throw new Error(`${variable} is wrong: it must be postgres://user:password@host/name`);
    }
    const verb = (await isThere('SELECT FROM pg_roles WHERE rolname = $1', role)) ? 'ALTER' : 'CREATE';
    await client.query(
      `${verb} ROLE ${escapeIdentifier(role)} LOGIN PASSWORD ${escapeLiteral(decodeURIComponent(password))}`,
    );
    if (!(await isThere('SELECT FROM pg_database WHERE datname = $1', database))) {
      await client.query(`CREATE DATABASE ${escapeIdentifier(database)} OWNER ${escapeIdentifier(role)}`);
    }
    await client.query(`REVOKE ALL ON DATABASE ${escapeIdentifier(database)} FROM PUBLIC`);
  }
} catch (error) {
  process.stderr.write(`The databases can't be made: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  await client?.end();
}
