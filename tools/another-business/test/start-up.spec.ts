import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@atlas/testing';
import { Client } from 'pg';

const ROOT = process.cwd();

describe('A service that waiting would not help', () => {
  let database: TestDatabase;
  let log: TestDatabase;

  beforeAll(async () => {
    [database, log] = [await createTestDatabase(), await createTestDatabase()];
  });
  afterAll(async () => {
    await database?.drop();
    await log?.drop();
  });

  /** Starts it. @returns the last line that it logs, and its exit code. */
  async function start(env: Readonly<Record<string, string>>) {
    const child = spawn(
      process.execPath,
      ['--require', join(ROOT, 'tools/jest/run-typescript.cjs'), join(__dirname, 'lending.main.ts')],
      {
        env: { ...process.env, PORT: '0', DATABASE_URL: database.url, EVENT_LOG_URL: log.url, ...env },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    const last = JSON.parse(output.trim().split('\n').at(-1) ?? '{}') as { level?: number; msg?: string };
    return { code, ...last };
  }

  const guess = (url: string): string => Object.assign(new URL(url), { password: 'a-guess' }).href;

  it.each([
    [
      'the password of its database is wrong',
      () => start({ DATABASE_URL: guess(database.url) }),
      /^lending can't start: The database .* rejects the connection: password authentication failed .* Correct the user and the password in DATABASE_URL\.$/,
    ],
    [
      "the event log's password is wrong",
      () => start({ EVENT_LOG_URL: guess(log.url) }),
      /^lending can't start: The event log .* rejects the connection: password authentication failed .* Correct the user and the password in EVENT_LOG_URL\.$/,
    ],
    [
      'a migration fails',
      async () => {
        const client = new Client({ connectionString: database.url });
        await client.connect();
        await client.query('CREATE TABLE loan ()');
        await client.end();
        return start({});
      },
      /^lending can't start: A migration of the database .* failed and was rolled back: relation "loan" already exists\. Correct/,
    ],
  ])(
    'ends with a sentence and an exit code: %s',
    async (_what, starting, sentence) => {
      expect(await starting()).toEqual(
        expect.objectContaining({ code: 1, level: 60, msg: expect.stringMatching(sentence) }),
      );
    },
    60_000,
  );
});
