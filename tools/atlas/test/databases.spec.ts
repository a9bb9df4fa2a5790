import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Client } from 'pg';
import { projectRoot } from '../src/project-root';

const server = process.env['ATLAS_TEST_POSTGRES_URL']!;
const suffix = randomBytes(4).toString('hex');
const names = ['orders', 'payments'].map((name) => `${name}_${suffix}`) as [string, string];

/** Runs a job on the databases of orders and payments, each with this password. */
async function run(script: string, password: string, more: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [script], {
    env: {
      ORDERS_DATABASE_URL: urlOf(names[0], names[0], password),
      PAYMENTS_DATABASE_URL: urlOf(names[1], names[1], password),
      ...more,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit') as Promise<[number]>]);
  return { code, stderr };
}

/** What the job of the compose stack does. */
const makeDatabases = (password: string, more: Readonly<Record<string, string>> = {}) =>
  run(join(projectRoot(), 'deploy/databases.mjs'), password, { ADMIN_URL: server, ...more });

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

  describe('are migrated by the job of the cluster,', () => {
    const password = "sec'ond";
    let image: string;

    beforeAll(async () => {
      // As the image has it: the job beside what is compiled.
      image = await mkdtemp(join(tmpdir(), 'atlas-image-'));
      await copyFile(join(projectRoot(), 'deploy/migrations.mjs'), join(image, 'migrations.mjs'));
      await symlink(join(projectRoot(), 'dist'), join(image, 'dist'));
    });
    afterAll(() => rm(image, { recursive: true }));

    const migrate = (more: Readonly<Record<string, string>> = {}) =>
      run(join(image, 'migrations.mjs'), password, more);
    const migrated = async (name: string) =>
      query(urlOf(name, name, password), 'SELECT name FROM migrations ORDER BY id').catch(() => []);

    it('also if another one can not be', async () => {
      const { code, stderr } = await migrate({ ORDERS_DATABASE_URL: urlOf(names[0], names[0], 'wrong') });

      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^orders can't be migrated: .* rejects the connection: password authentication failed/,
      );
      expect(await migrated(names[0])).toEqual([]);
      expect(await migrated(names[1])).toEqual([
        { name: expect.stringMatching(/^Backbone/) },
        { name: expect.stringMatching(/^Payments/) },
      ]);
    });

    it('and left as they are when it runs again', async () => {
      expect(await migrate()).toEqual({ code: 0, stderr: '' });
      const before = await migrated(names[0]);
      expect(await migrate()).toEqual({ code: 0, stderr: '' });

      expect(before).toHaveLength(2);
      expect(await migrated(names[0])).toEqual(before);
      expect(
        await query(urlOf(names[0], names[0], password), 'SELECT count(*)::integer AS rows FROM orders'),
      ).toEqual([{ rows: 0 }]);
    });
  });
});
