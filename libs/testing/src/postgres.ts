import { randomBytes } from 'node:crypto';
import { Client } from 'pg';

export interface TestDatabase {
  /** `postgres://…` of a fresh, empty database. */
  readonly url: string;
  drop(): Promise<void>;
}

/** @param server `postgres://…` of the server to create the database on. Default: the test run's own server. */
export async function createTestDatabase(
  server = process.env['ATLAS_TEST_POSTGRES_URL'],
): Promise<TestDatabase> {
  if (!server)
    throw new Error('ATLAS_TEST_POSTGRES_URL is not set: run the tests with the jest.config.ts of the root');
  const name = `test_${randomBytes(6).toString('hex')}`;
  const url = new URL(server);
  url.pathname = `/${name}`;
  await onServer(server, `CREATE DATABASE ${name}`);
  return {
    url: url.href,
    drop: () => onServer(server, `DROP DATABASE ${name} WITH (FORCE)`),
  };
}

async function onServer(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
