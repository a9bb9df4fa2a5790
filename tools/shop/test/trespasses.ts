import { Client } from 'pg';

/**
 * Tries every database's role on all the others.
 * @param urls of the databases by name, each for the role that owns it.
 * @returns a sentence for each role that may connect where it should not.
 */
export async function trespasses(urls: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const found: string[] = [];
  for (const [owner, url] of Object.entries(urls)) {
    await connect(url);
    for (const [other, otherUrl] of Object.entries(urls)) {
      if (other === owner) continue;
      const foreign = new URL(url);
      foreign.pathname = new URL(otherUrl).pathname;
      const refusal = await connect(foreign.href).catch((error: unknown) => error as { code?: string });
      // insufficient_privilege
      if (refusal?.code === '42501') continue;
      found.push(
        `The role of ${owner} can connect to the database of ${other}: revoke CONNECT on it from PUBLIC where it is ` +
          `made, and give no other role more.`,
      );
    }
  }
  return found;
}

async function connect(url: string): Promise<undefined> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } finally {
    await client.end();
  }
}

/** The tables that a database has, with their owners. */
export async function tablesOf(url: string): Promise<readonly { name: string; owner: string }[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string; owner: string }>(
      `SELECT tablename AS name, tableowner AS owner FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
    );
    return rows;
  } finally {
    await client.end();
  }
}
