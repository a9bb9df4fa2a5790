import { type ClientConfig, DatabaseError, Pool, type PoolClient, TypeOverrides, types } from 'pg';

export type Query = <Row>(sql: string, values?: readonly unknown[]) => Promise<Row[]>;

// In practice, offsets never reach 2^53.
const typeParsers = new TypeOverrides();
typeParsers.setTypeParser(types.builtins.INT8, Number);

/** Settings of every connection to the log. */
export function connectionConfig(url: string): ClientConfig {
  return {
    connectionString: url,
    application_name: 'event-log',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    // A process that is suspended during a transaction must not keep its locks.
    idle_in_transaction_session_timeout: 10_000,
    // Every query uses a key. A plan cached while a table was small must not scan it after it has grown.
    options: '-c enable_seqscan=off -c enable_bitmapscan=off -c jit=off',
    types: typeParsers,
  };
}

/** The log's database: a small pool that survives restarts of the server. */
export class LogDatabase {
  private readonly pool: Pool;

  /** @param report called when an idle connection breaks. */
  constructor(url: string, poolSize: number, report: (error: unknown) => void) {
    this.pool = new Pool({ ...connectionConfig(url), max: poolSize });
    this.pool.on('error', (error) => {
      if (!this.pool.ending) report(error);
    });
    // If a connection breaks in use, its query fails. Without this listener, the connection's error event would also
    // end the process: the pool listens on idle connections only.
    this.pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /** @param name for frequent statements: prepares the statement, so that each connection parses it once. */
  async query<Row>(sql: string, values: readonly unknown[] = [], name?: string): Promise<Row[]> {
    const { rows } = await this.pool.query<Row & object>({
      text: sql,
      values: [...values],
      ...(name && { name }),
    });
    return rows;
  }

  async transaction<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    try {
      await client.query('BEGIN');
      const result = await work(queryOn(client));
      await client.query('COMMIT');
      client.release();
      return result;
    } catch (error) {
      await client.query('ROLLBACK').then(
        () => client.release(),
        (broken: Error) => client.release(broken),
      );
      throw error;
    }
  }

  close(): Promise<void> {
    return this.pool.end();
  }
}

const queryOn =
  (client: PoolClient): Query =>
  async <Row>(sql: string, values?: readonly unknown[]) => {
    // Without values, pg uses the simple protocol, which allows several statements.
    const { rows } = await (values ? client.query(sql, [...values]) : client.query(sql));
    return rows as Row[];
  };

/**
 * True if the server rejected the statement. Otherwise the connection broke, and it is unknown whether the statement
 * took effect.
 */
export const isRefusal = (error: unknown): boolean =>
  error instanceof DatabaseError && error.severity === 'ERROR';

/** cannot_connect_now, admin and crash shutdown, too_many_connections, connection exceptions. */
const AWAY = /^(57P0[123]|53300|08...)$/;

/** True if the server was unreachable, starting or shutting down. */
export const isAway = (error: unknown): boolean =>
  error instanceof DatabaseError ? AWAY.test(error.code ?? '') : !(error instanceof NewerSchemaError);

export class NewerSchemaError extends Error {
  override readonly name = 'NewerSchemaError';
}
