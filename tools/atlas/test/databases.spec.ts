import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Client } from 'pg';
import { projectRoot } from '../src/project-root';

const server = process.env['ATLAS_TEST_POSTGRES_URL']!;
const run = randomBytes(4).toString('hex');
const names = ['orders', 'payments'].map((name) => `${name}_${run}`) as [string, string];

/** What the job of the compose stack does, with such a password for each. */
async function makeDatabases(password: string, more: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [join(projectRoot(), 'deploy/databases.mjs')], {
    env: {
      ADMIN_URL: server,
      ORDERS_DATABASE_URL: urlOf(names[0], names[0], password),
      PAYMENTS_DATABASE_URL: urlOf(names[1], names[1], password),
      ...more,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit') as Promise<[number]>]);
  return { code, stderr };
}

function urlOf(database: string, role: string, password: string): string {
  const url = new URL(server);
  Object.assign(url, { pathname: database, username: role, password });
  return url.href;
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('The databases of the compose stack', () => {
  afterAll(async () => {
    for (const name of names) {
      await query(server, `DROP DATABASE IF EXISTS ${name}`);
      await query(server, `DROP ROLE IF EXISTS ${name}`);
    }
  });

  it('are made, each its owner’s alone', async () => {
    const [orders, payments] = names;
    expect(await makeDatabases('first')).toEqual({ code: 0, stderr: '' });

    await query(urlOf(orders, orders, 'first'), 'CREATE TABLE kept AS SELECT 42 AS answer');
    await expect(query(urlOf(orders, payments, 'first'), 'SELECT 1')).rejects.toThrow(
      'permission denied for database',
    );
  });

  it('stay when they are there, and take a new password', async () => {
    const [orders] = names;
    expect(await makeDatabases("sec'ond")).toEqual({ code: 0, stderr: '' });

    expect(await query(urlOf(orders, orders, "sec'ond"), 'SELECT answer FROM kept')).toEqual([
      { answer: 42 },
    ]);
    await expect(query(urlOf(orders, orders, 'first'), 'SELECT 1')).rejects.toThrow('password');
  });

  it('are refused without a role and a password, by name', async () => {
    const wrong = await makeDatabases("sec'ond", { INSIGHTS_DATABASE_URL: 'postgres://postgres/insights' });

    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('INSIGHTS_DATABASE_URL is wrong: it must be postgres://');
  });
});
